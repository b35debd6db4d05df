/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * WSK calls, inside: the functions of the tables, as san/wsk_dispatch.h describes them. Included by priv.h.
 *
 * Threads: any.
 */
#ifndef SANI_SPI_WSK_CALLS_H
#define SANI_SPI_WSK_CALLS_H

#include <san/wsk.h>

NTSTATUS
sani_wsk_control(PWSK_SOCKET Socket, WSK_CONTROL_SOCKET_TYPE RequestType, ULONG ControlCode, ULONG Level,
		 SIZE_T InputSize, PVOID InputBuffer, SIZE_T OutputSize, PVOID OutputBuffer,
		 SIZE_T *OutputSizeReturned, PIRP Irp);
NTSTATUS
sani_wsk_close(PWSK_SOCKET Socket, PIRP Irp);
NTSTATUS
sani_wsk_bind(PWSK_SOCKET Socket, PSOCKADDR LocalAddress, ULONG Flags, PIRP Irp);
NTSTATUS
sani_wsk_get_local(PWSK_SOCKET Socket, PSOCKADDR LocalAddress, PIRP Irp);
NTSTATUS
sani_wsk_get_remote(PWSK_SOCKET Socket, PSOCKADDR RemoteAddress, PIRP Irp);
NTSTATUS
sani_wsk_accept(PWSK_SOCKET ListenSocket, ULONG Flags, PVOID AcceptSocketContext,
		const WSK_CLIENT_CONNECTION_DISPATCH *AcceptSocketDispatch, PSOCKADDR LocalAddress,
		PSOCKADDR RemoteAddress, PIRP Irp);
NTSTATUS
sani_wsk_inspect_complete(PWSK_SOCKET ListenSocket, PWSK_INSPECT_ID InspectID, WSK_INSPECT_ACTION Action, PIRP Irp);
NTSTATUS
sani_wsk_listen(PWSK_SOCKET Socket, PIRP Irp);
NTSTATUS
sani_wsk_connect(PWSK_SOCKET Socket, PSOCKADDR RemoteAddress, ULONG Flags, PIRP Irp);
NTSTATUS
sani_wsk_connect_ex(PWSK_SOCKET Socket, PSOCKADDR RemoteAddress, PWSK_BUF Buffer, ULONG Flags, PIRP Irp);
NTSTATUS
sani_wsk_send(PWSK_SOCKET Socket, PWSK_BUF Buffer, ULONG Flags, PIRP Irp);
NTSTATUS
sani_wsk_receive(PWSK_SOCKET Socket, PWSK_BUF Buffer, ULONG Flags, PIRP Irp);
NTSTATUS
sani_wsk_disconnect(PWSK_SOCKET Socket, PWSK_BUF Buffer, ULONG Flags, PIRP Irp);
NTSTATUS
sani_wsk_release(PWSK_SOCKET Socket, PWSK_DATA_INDICATION DataIndication);

NTSTATUS
sani_wsk_socket(PWSK_CLIENT Client, ADDRESS_FAMILY AddressFamily, USHORT SocketType, ULONG Protocol, ULONG Flags,
		PVOID SocketContext, const VOID *Dispatch, PEPROCESS OwningProcess, PETHREAD OwningThread,
		PSECURITY_DESCRIPTOR SecurityDescriptor, PIRP Irp);
NTSTATUS
sani_wsk_socket_connect(PWSK_CLIENT Client, USHORT SocketType, ULONG Protocol, PSOCKADDR LocalAddress,
			PSOCKADDR RemoteAddress, ULONG Flags, PVOID SocketContext,
			const WSK_CLIENT_CONNECTION_DISPATCH *Dispatch, PEPROCESS OwningProcess,
			PETHREAD OwningThread, PSECURITY_DESCRIPTOR SecurityDescriptor, PIRP Irp);
NTSTATUS
sani_wsk_control_client(PWSK_CLIENT Client, ULONG ControlCode, SIZE_T InputSize, PVOID InputBuffer, SIZE_T OutputSize,
			PVOID OutputBuffer, SIZE_T *OutputSizeReturned, PIRP Irp);
NTSTATUS
sani_wsk_get_address_info(PWSK_CLIENT Client, PUNICODE_STRING NodeName, PUNICODE_STRING ServiceName, ULONG NameSpace,
			  GUID *Provider, PADDRINFOEXW Hints, PADDRINFOEXW *Result, PEPROCESS OwningProcess,
			  PETHREAD OwningThread, PIRP Irp);
VOID
sani_wsk_free_address_info(PWSK_CLIENT Client, PADDRINFOEXW AddrInfo);
NTSTATUS
sani_wsk_get_name_info(PWSK_CLIENT Client, PSOCKADDR SockAddr, ULONG SockAddrLength, PUNICODE_STRING NodeName,
		       PUNICODE_STRING ServiceName, ULONG Flags, PEPROCESS OwningProcess, PETHREAD OwningThread,
		       PIRP Irp);

#endif
