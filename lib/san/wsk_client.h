/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * WSK client: the functions of the provider, with which a client makes sockets and asks about the whole of it.
 * Include san/wsk.h.
 *
 * Model:   as in san/wsk_dispatch.h: under each function stand its own results, in IoStatus of its IRP.
 * Threads: san/wsk.h.
 */
#ifndef SAN_WSK_CLIENT_H
#define SAN_WSK_CLIENT_H

#include <san/wsk_dispatch.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Make a socket. Information: the socket. Its core is the calling thread's (the one with the lowest number of
 * the host's cores that it polls), else the host's cores take turns. AddressFamily AF_INET, SocketType
 * SOCK_STREAM (a basic socket: also others), Protocol IPPROTO_TCP or 0. Flags: one category. Dispatch: the
 * table of callbacks of the category (WSK_CLIENT_LISTEN_DISPATCH and so on), or NULL. SecurityDescriptor: NULL, or
 * one that WSK_CACHE_SD has given, as SO_WSK_SECURITY sets it; it is copied during the call. Process and thread are not
 * looked at: all sockets are of one program.
 *
 * STATUS_NOT_SUPPORTED      family, type or protocol; datagram sockets
 * STATUS_INVALID_PARAMETER  more than one category; a basic socket with context or Dispatch; a descriptor that is
 *                           not a cached one
 */
typedef NTSTATUS (*PFN_WSK_SOCKET)(PWSK_CLIENT Client, ADDRESS_FAMILY AddressFamily, USHORT SocketType, ULONG Protocol,
				   ULONG Flags, PVOID SocketContext, const VOID *Dispatch, PEPROCESS OwningProcess,
				   PETHREAD OwningThread, PSECURITY_DESCRIPTOR SecurityDescriptor, PIRP Irp);

/**
 * Make a connection socket, bind and connect it. Information: the socket, which is there only after success.
 * Statuses of all three. Addresses are read during the call.
 */
typedef NTSTATUS (*PFN_WSK_SOCKET_CONNECT)(PWSK_CLIENT Client, USHORT SocketType, ULONG Protocol,
					   PSOCKADDR LocalAddress, PSOCKADDR RemoteAddress, ULONG Flags,
					   PVOID SocketContext, const WSK_CLIENT_CONNECTION_DISPATCH *Dispatch,
					   PEPROCESS OwningProcess, PETHREAD OwningThread,
					   PSECURITY_DESCRIPTOR SecurityDescriptor, PIRP Irp);

/**
 * Client-level operations; they answer at once and take no IRP, but for WSK_TRANSPORT_LIST_CHANGE.
 *
 * WSK_TRANSPORT_LIST_QUERY   output: array of WSK_TRANSPORT. STATUS_BUFFER_OVERFLOW: *OutputSizeReturned is needed
 * WSK_TRANSPORT_LIST_CHANGE  pends; transports never change, so it ends by IoCancelIrp() or WskDeregister() only
 * WSK_CACHE_SD               input: a PSECURITY_DESCRIPTOR; output: a PSECURITY_DESCRIPTOR to a copy, to be released.
 *                            STATUS_INVALID_SECURITY_DESCR: its Revision is not 1
 * WSK_RELEASE_SD             input: that PSECURITY_DESCRIPTOR; another one: STATUS_INVALID_PARAMETER
 * WSK_SET_STATIC_EVENT_CALLBACKS  input: WSK_EVENT_CALLBACK_CONTROL; STATUS_INVALID_DEVICE_STATE: a socket was made
 *                            already, or it was called before
 * WSK_TDI_BEHAVIOR           input: ULONG; WSK_TDI_DEVICENAME_MAPPING: taken, without effect, before any socket
 *                            exists (else STATUS_INVALID_DEVICE_STATE): there is native support for all that
 *                            there is
 * another                    STATUS_NOT_SUPPORTED
 */
typedef NTSTATUS (*PFN_WSK_CONTROL_CLIENT)(PWSK_CLIENT Client, ULONG ControlCode, SIZE_T InputSize, PVOID InputBuffer,
					   SIZE_T OutputSize, PVOID OutputBuffer, SIZE_T *OutputSizeReturned, PIRP Irp);

/**
 * Resolve names by getaddrinfo(3) and getnameinfo(3), in the call, which blocks as they do (PASSIVE_LEVEL): not
 * on a thread that polls a core unless name and service are numbers. NameSpace, Provider, process and thread
 * are not looked at.
 *
 * STATUS_INVALID_PARAMETER  node and service both NULL; a thread without its process
 * STATUS_NO_MATCH           there is no such name, or no name of the address
 * STATUS_BUFFER_TOO_SMALL   WskGetNameInfo: MaximumLength of a string, which gets no end mark
 */
typedef NTSTATUS (*PFN_WSK_GET_ADDRESS_INFO)(PWSK_CLIENT Client, PUNICODE_STRING NodeName, PUNICODE_STRING ServiceName,
					     ULONG NameSpace, GUID *Provider, PADDRINFOEXW Hints, PADDRINFOEXW *Result,
					     PEPROCESS OwningProcess, PETHREAD OwningThread, PIRP Irp);
typedef VOID (*PFN_WSK_FREE_ADDRESS_INFO)(PWSK_CLIENT Client, PADDRINFOEXW AddrInfo);
typedef NTSTATUS (*PFN_WSK_GET_NAME_INFO)(PWSK_CLIENT Client, PSOCKADDR SockAddr, ULONG SockAddrLength,
					  PUNICODE_STRING NodeName, PUNICODE_STRING ServiceName, ULONG Flags,
					  PEPROCESS OwningProcess, PETHREAD OwningThread, PIRP Irp);

typedef struct _WSK_PROVIDER_DISPATCH {
	USHORT Version;		/**< Of the subsystem: 1.1, whatever minor version was asked for (W7). */
	USHORT Reserved;
	PFN_WSK_SOCKET WskSocket;
	PFN_WSK_SOCKET_CONNECT WskSocketConnect;
	PFN_WSK_CONTROL_CLIENT WskControlClient;
	PFN_WSK_GET_ADDRESS_INFO WskGetAddressInfo;
	PFN_WSK_FREE_ADDRESS_INFO WskFreeAddressInfo;
	PFN_WSK_GET_NAME_INFO WskGetNameInfo;
} WSK_PROVIDER_DISPATCH, *PWSK_PROVIDER_DISPATCH;

typedef struct _WSK_PROVIDER_NPI {
	PWSK_CLIENT Client;
	const WSK_PROVIDER_DISPATCH *Dispatch;
} WSK_PROVIDER_NPI, *PWSK_PROVIDER_NPI;

#ifdef __cplusplus
}
#endif
#endif
