/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file WSK dispatch: the functions of the Winsock Kernel client interface, by tables. Include san/wsk.h, which
 * says what holds for all of them: threads, IRPs, statuses, the order of things.
 *
 * Under each function stand its own results, in IoStatus of its IRP; those that all have (san/wsk.h) are not
 * repeated.
 */
#ifndef SAN_WSK_DISPATCH_H
#define SAN_WSK_DISPATCH_H

#include <san/wsk_types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct _WSK_CLIENT_CONNECTION_DISPATCH;

/* Functions of every socket */

/**
 * Options, ioctls, and which callbacks are called.
 *
 * Irp is required for the options SO_REUSEADDR, SO_EXCLUSIVEADDRUSE, SO_CONDITIONAL_ACCEPT, SO_KEEPALIVE,
 * SO_RCVBUF, SO_SNDBUF, SO_WSK_SECURITY and, at level IPPROTO_TCP, TCP_NODELAY and TCP_FASTOPEN (a ULONG each;
 * SO_WSK_SECURITY: a PSECURITY_DESCRIPTOR) and for SIO_WSK_QUERY_IDEAL_SEND_BACKLOG,
 * SIO_WSK_QUERY_RECEIVE_BACKLOG (output: SIZE_T) and SIO_ADDRESS_LIST_CHANGE; Information is how many bytes
 * came out. It must be NULL for SIO_ADDRESS_LIST_QUERY, SIO_WSK_QUERY_INSPECT_ID, SIO_WSK_REGISTER_EXTENSION
 * and to enable callbacks; NULL or not to disable one. Without an IRP the result is what the function answers,
 * and *OutputSizeReturned how many bytes came out, or had to.
 *
 * STATUS_INVALID_DEVICE_STATE   too early or too late in the socket's life: SO_REUSEADDR, SO_EXCLUSIVEADDRUSE,
 *                               SO_CONDITIONAL_ACCEPT, SO_WSK_SECURITY before bind; SO_SNDBUF, TCP_NODELAY and
 *                               TCP_FASTOPEN not when listening; callbacks when bound (listening) or connected
 * STATUS_INVALID_PARAMETER      IRP missing or not allowed, value out of range, input too small
 * STATUS_INVALID_DEVICE_REQUEST not for this category (as those of datagrams); SIO_WSK_QUERY_INSPECT_ID on a
 *                               socket that was not inspected
 * STATUS_BUFFER_OVERFLOW        SIO_ADDRESS_LIST_QUERY: output too small, *OutputSizeReturned says how much is
 *                               needed
 * STATUS_BUFFER_TOO_SMALL       anything else: output too small
 * STATUS_NOT_SUPPORTED          no such option or ioctl; extensions; SIO_WSK_SET_TCP_SILENT_MODE
 * STATUS_EVENT_PENDING          a callback was disabled without an IRP and is running: it will not be called again
 *
 * SO_KEEPALIVE and SO_RCVBUF of a listening socket, which may be set at any time, are those of the connections that it
 * accepts from then on.
 *
 * Enabling needs no IRP and answers at once; the first callback may come before it returns when another thread
 * polls the socket's core. Disabling with an IRP: the IRP completes when no call of it runs any more.
 */
typedef NTSTATUS (*PFN_WSK_CONTROL_SOCKET)(PWSK_SOCKET Socket, WSK_CONTROL_SOCKET_TYPE RequestType, ULONG ControlCode,
					   ULONG Level, SIZE_T InputSize, PVOID InputBuffer, SIZE_T OutputSize,
					   PVOID OutputBuffer, SIZE_T *OutputSizeReturned, PIRP Irp);

/**
 * Close. STATUS_SUCCESS, never anything else. In this order: a connection that is not disconnected in both
 * directions is reset; every pending IRP completes with STATUS_CANCELLED, in the order of the calls for each
 * direction; callbacks that are running return; then the IRP of the close completes. It is the last that is
 * heard of the socket, whose memory is gone behind it. May be called inside a callback or a completion routine
 * of the same socket; then it completes after that has returned. Indications that were kept (STATUS_PENDING)
 * are to be released before (W68).
 */
typedef NTSTATUS (*PFN_WSK_CLOSE_SOCKET)(PWSK_SOCKET Socket, PIRP Irp);

typedef struct _WSK_PROVIDER_BASIC_DISPATCH {
	PFN_WSK_CONTROL_SOCKET WskControlSocket;
	PFN_WSK_CLOSE_SOCKET WskCloseSocket;
} WSK_PROVIDER_BASIC_DISPATCH, *PWSK_PROVIDER_BASIC_DISPATCH;

/* Addresses */

/**
 * Bind. LocalAddress is read during the call. Flags 0. A listening socket listens from here on (W26), with a
 * backlog of 1,024. With port 0 the port is chosen now; but for a connection or stream socket on a host of
 * several cores, where it is chosen by connect or listen (before: 0), since the core of a connection depends on
 * it.
 *
 * Another socket of the interface may have the port: two different addresses never meet; of any and one address, or
 * twice the same, what SO_REUSEADDR and SO_EXCLUSIVEADDRUSE of both say decides, and where the first one is bound to
 * one address and this one to any, its security descriptor too (san/nt.h; without one nobody may). The table is that
 * of "Sharing Transport Addresses". Of two that listen on one address the later one gets the connections.
 *
 * STATUS_ADDRESS_ALREADY_EXISTS     the port is in use
 * STATUS_ACCESS_DENIED              another socket has it, which does not share it with this one
 * STATUS_INVALID_ADDRESS_COMPONENT  no interface has the address
 * STATUS_INVALID_ADDRESS            not AF_INET
 * STATUS_INVALID_DEVICE_STATE       bound already
 */
typedef NTSTATUS (*PFN_WSK_BIND)(PWSK_SOCKET Socket, PSOCKADDR LocalAddress, ULONG Flags, PIRP Irp);

/** Read an address into a sockaddr_in. STATUS_INVALID_DEVICE_STATE: not bound; remote: not connected. */
typedef NTSTATUS (*PFN_WSK_GET_LOCAL_ADDRESS)(PWSK_SOCKET Socket, PSOCKADDR LocalAddress, PIRP Irp);
typedef NTSTATUS (*PFN_WSK_GET_REMOTE_ADDRESS)(PWSK_SOCKET Socket, PSOCKADDR RemoteAddress, PIRP Irp);

/* Listening */

/**
 * Accept one connection. Information: the new socket (of the connection category; of the stream category when the
 * listening one is), connected, its callbacks disabled (W24), or enabled statically. Flags 0. Addresses may be
 * NULL; else sockaddr_in, written before the completion. Requests are served in their order, before WskAcceptEvent.
 *
 * STATUS_INVALID_DEVICE_STATE    not listening
 * STATUS_INSUFFICIENT_RESOURCES  no place, memory or socket; a connection may have been reset for it
 */
typedef NTSTATUS (*PFN_WSK_ACCEPT)(PWSK_SOCKET ListenSocket, ULONG Flags, PVOID AcceptSocketContext,
				   const struct _WSK_CLIENT_CONNECTION_DISPATCH *AcceptSocketDispatch,
				   PSOCKADDR LocalAddress, PSOCKADDR RemoteAddress, PIRP Irp);

/**
 * Say what becomes of a request that WskInspectEvent has left pending: WskInspectAccept or WskInspectReject.
 * STATUS_SUCCESS also when the request is lost meanwhile: then nothing is established (W37).
 *
 * STATUS_INVALID_PARAMETER     no such request is pending, or another action
 * STATUS_INVALID_DEVICE_STATE  the socket does not accept conditionally
 */
typedef NTSTATUS (*PFN_WSK_INSPECT_COMPLETE)(PWSK_SOCKET ListenSocket, PWSK_INSPECT_ID InspectID,
					     WSK_INSPECT_ACTION Action, PIRP Irp);

/** Make a listening socket of a bound stream socket, for good (W28). STATUS_INVALID_DEVICE_STATE: it is not that. */
typedef NTSTATUS (*PFN_WSK_LISTEN)(PWSK_SOCKET Socket, PIRP Irp);

/* Connections */

/**
 * Connect a bound socket. RemoteAddress is read during the call. Flags 0.
 *
 * STATUS_INVALID_DEVICE_STATE  not bound, connecting, connected, listening
 * STATUS_CONNECTION_REFUSED STATUS_IO_TIMEOUT STATUS_HOST_UNREACHABLE
 * STATUS_NETWORK_UNREACHABLE        an address of the own host too: there is no loopback
 * STATUS_INVALID_ADDRESS            family; any, multicast, broadcast; port 0
 * STATUS_ADDRESS_ALREADY_EXISTS     the four numbers are in use
 * STATUS_INVALID_ADDRESS_COMPONENT  no port is left, or a bound port on a host of several cores
 */
typedef NTSTATUS (*PFN_WSK_CONNECT)(PWSK_SOCKET Socket, PSOCKADDR RemoteAddress, ULONG Flags, PIRP Irp);

/**
 * Connect, and send Buffer, which may be NULL; it completes when both are done. Information: bytes sent. With
 * TCP_FASTOPEN set before, the data rides on the SYN when it may (SAN_OPT_FASTOPEN).
 *
 * STATUS_INVALID_PARAMETER  Flags is not 0
 * STATUS_BUFFER_OVERFLOW    more than 65,535 bytes. Else as WskConnect and WskSend.
 */
typedef NTSTATUS (*PFN_WSK_CONNECT_EX)(PWSK_SOCKET Socket, PSOCKADDR RemoteAddress, PWSK_BUF Buffer, ULONG Flags,
				       PIRP Irp);

/**
 * Send. It completes when the peer's TCP has acknowledged the last byte (W39); Information: all bytes, never fewer.
 * Sends go out, and complete, in the order of the calls. Unless TCP_NODELAY was set to 0 every send goes at once;
 * then WSK_FLAG_NODELAY sends this one and what was queued before at once. Length 0: completes with success.
 *
 * STATUS_NOT_SUPPORTED         another flag
 * STATUS_INVALID_BUFFER_SIZE   more than 2^30 bytes, or than the MDLs have; more than 16 stretches of memory
 * STATUS_INVALID_DEVICE_STATE  not connected, or disconnected from this side
 * STATUS_CONNECTION_RESET STATUS_IO_TIMEOUT STATUS_CONNECTION_ABORTED (by this side's abortive disconnect)
 */
typedef NTSTATUS (*PFN_WSK_SEND)(PWSK_SOCKET Socket, PWSK_BUF Buffer, ULONG Flags, PIRP Irp);

/**
 * Receive. It completes when there is something, with WSK_FLAG_WAITALL when the buffer is full or at the end of
 * the stream; Information: how many bytes; success with 0 (or with WAITALL with fewer): the peer has
 * disconnected. WSK_FLAG_DRAIN, with Length 0: discards what comes until the peer disconnects; Information 0.
 * Length 0 otherwise: completes at once with success, and lets WskReceiveEvent come again after it has not
 * accepted everything (W45).
 *
 * STATUS_NOT_SUPPORTED  another flag, or DRAIN with WAITALL or a buffer. Else as WskSend. When WAITALL fails,
 * Information is how many bytes are in the buffer.
 */
typedef NTSTATUS (*PFN_WSK_RECEIVE)(PWSK_SOCKET Socket, PWSK_BUF Buffer, ULONG Flags, PIRP Irp);

/**
 * Disconnect. Without a flag: gracefully, this side sends no more; Buffer, if not NULL, goes before it. It
 * completes when the peer has acknowledged all of it; receiving goes on. WSK_FLAG_ABORTIVE: at once; Buffer has
 * to be NULL; everything pending on the socket, a graceful disconnect too, completes with
 * STATUS_CONNECTION_ABORTED.
 *
 * STATUS_INVALID_PARAMETER     another flag, or ABORTIVE with a buffer
 * STATUS_INVALID_DEVICE_STATE  not connected; graceful: disconnected from this side already
 * STATUS_CONNECTION_RESET STATUS_IO_TIMEOUT STATUS_CONNECTION_ABORTED
 */
typedef NTSTATUS (*PFN_WSK_DISCONNECT)(PWSK_SOCKET Socket, PWSK_BUF Buffer, ULONG Flags, PIRP Irp);

/**
 * Give back an indication list that WskReceiveEvent has kept (STATUS_PENDING), as it was indicated (W50).
 * Answers at once. STATUS_INVALID_PARAMETER: NULL, or not kept.
 */
typedef NTSTATUS (*PFN_WSK_RELEASE_DATA_INDICATION_LIST)(PWSK_SOCKET Socket, PWSK_DATA_INDICATION DataIndication);

/* Datagrams: WskSocket answers STATUS_NOT_SUPPORTED, so no socket has these yet. */
typedef NTSTATUS (*PFN_WSK_SEND_TO)(PWSK_SOCKET Socket, PWSK_BUF Buffer, ULONG Flags, PSOCKADDR RemoteAddress,
				    ULONG ControlInfoLength, PCMSGHDR ControlInfo, PIRP Irp);
typedef NTSTATUS (*PFN_WSK_RECEIVE_FROM)(PWSK_SOCKET Socket, PWSK_BUF Buffer, ULONG Flags, PSOCKADDR RemoteAddress,
					 PULONG ControlInfoLength, PCMSGHDR ControlInfo, PULONG ControlFlags, PIRP Irp);
typedef NTSTATUS (*PFN_WSK_SEND_MESSAGES)(PWSK_SOCKET Socket, PWSK_BUF_LIST BufferList, ULONG Flags,
					  PSOCKADDR RemoteAddress, ULONG ControlInfoLength,
					  PCMSGHDR ControlInfo, PIRP Irp);
typedef NTSTATUS (*PFN_WSK_RELEASE_DATAGRAM_INDICATION_LIST)(PWSK_SOCKET Socket,
							     PWSK_DATAGRAM_INDICATION DatagramIndication);

/* Tables of functions */

typedef struct _WSK_PROVIDER_LISTEN_DISPATCH {
	WSK_PROVIDER_BASIC_DISPATCH Basic;
	PFN_WSK_BIND WskBind;
	PFN_WSK_ACCEPT WskAccept;
	PFN_WSK_INSPECT_COMPLETE WskInspectComplete;
	PFN_WSK_GET_LOCAL_ADDRESS WskGetLocalAddress;
} WSK_PROVIDER_LISTEN_DISPATCH, *PWSK_PROVIDER_LISTEN_DISPATCH;

typedef struct _WSK_PROVIDER_DATAGRAM_DISPATCH {
	WSK_PROVIDER_BASIC_DISPATCH Basic;
	PFN_WSK_BIND WskBind;
	PFN_WSK_SEND_TO WskSendTo;
	PFN_WSK_RECEIVE_FROM WskReceiveFrom;
	PFN_WSK_RELEASE_DATAGRAM_INDICATION_LIST WskRelease;
	PFN_WSK_GET_LOCAL_ADDRESS WskGetLocalAddress;
	PFN_WSK_SEND_MESSAGES WskSendMessages;
} WSK_PROVIDER_DATAGRAM_DISPATCH, *PWSK_PROVIDER_DATAGRAM_DISPATCH;

typedef struct _WSK_PROVIDER_CONNECTION_DISPATCH {
	WSK_PROVIDER_BASIC_DISPATCH Basic;
	PFN_WSK_BIND WskBind;
	PFN_WSK_CONNECT WskConnect;
	PFN_WSK_GET_LOCAL_ADDRESS WskGetLocalAddress;
	PFN_WSK_GET_REMOTE_ADDRESS WskGetRemoteAddress;
	PFN_WSK_SEND WskSend;
	PFN_WSK_RECEIVE WskReceive;
	PFN_WSK_DISCONNECT WskDisconnect;
	PFN_WSK_RELEASE_DATA_INDICATION_LIST WskRelease;
	PFN_WSK_CONNECT_EX WskConnectEx;
	PVOID WskSendEx;	/**< Reserved: NULL. */
	PVOID WskReceiveEx;
} WSK_PROVIDER_CONNECTION_DISPATCH, *PWSK_PROVIDER_CONNECTION_DISPATCH;

typedef struct _WSK_PROVIDER_STREAM_DISPATCH {
	WSK_PROVIDER_BASIC_DISPATCH Basic;
	PFN_WSK_BIND WskBind;
	PFN_WSK_ACCEPT WskAccept;
	PFN_WSK_CONNECT WskConnect;
	PFN_WSK_LISTEN WskListen;
	PFN_WSK_SEND WskSend;
	PFN_WSK_RECEIVE WskReceive;
	PFN_WSK_DISCONNECT WskDisconnect;
	PFN_WSK_RELEASE_DATA_INDICATION_LIST WskRelease;
	PFN_WSK_GET_LOCAL_ADDRESS WskGetLocalAddress;
	PFN_WSK_GET_REMOTE_ADDRESS WskGetRemoteAddress;
	PFN_WSK_CONNECT_EX WskConnectEx;
	PVOID WskSendEx;	/**< Reserved: NULL. */
	PVOID WskReceiveEx;
} WSK_PROVIDER_STREAM_DISPATCH, *PWSK_PROVIDER_STREAM_DISPATCH;

/* Callbacks: the program's, called on the thread of the socket's core (san/wsk.h). One that is NULL is not enabled. */

/**
 * A connection was accepted, and no WskAccept waits. *AcceptSocketContext and *AcceptSocketDispatch are what its
 * callbacks get; addresses live during the call only. AcceptSocket NULL: the listening socket is dead, close it.
 * @return STATUS_SUCCESS, or STATUS_REQUEST_NOT_ACCEPTED (or another failure): the subsystem closes AcceptSocket.
 */
typedef NTSTATUS (*PFN_WSK_ACCEPT_EVENT)(PVOID SocketContext, ULONG Flags, PSOCKADDR LocalAddress,
					 PSOCKADDR RemoteAddress, PWSK_SOCKET AcceptSocket, PVOID *AcceptSocketContext,
					 const struct _WSK_CLIENT_CONNECTION_DISPATCH **AcceptSocketDispatch);

/**
 * A connection request has come to a socket with SO_CONDITIONAL_ACCEPT. Its peer is not answered before this is: a
 * rejected one is refused. WskAccept or WskAcceptEvent get the connection when its handshake is finished. So many
 * requests and connections that nobody has taken may wait: 1,024; what comes then is refused. InspectID NULL: the
 * listening socket is dead.
 * @return WskInspectAccept, WskInspectReject, or WskInspectPend: WskInspectComplete() will say.
 */
typedef WSK_INSPECT_ACTION (*PFN_WSK_INSPECT_EVENT)(PVOID SocketContext, PSOCKADDR LocalAddress,
						    PSOCKADDR RemoteAddress, PWSK_INSPECT_ID InspectID);

/**
 * A request that was inspected, or left pending, and that WskAccept or WskAcceptEvent did not get yet is lost: the
 * peer has reset it, or did not answer. A peer that goes before it is answered may do so without a word: that shows
 * only when the request is accepted, or after three minutes.
 * @return STATUS_SUCCESS
 */
typedef NTSTATUS (*PFN_WSK_ABORT_EVENT)(PVOID SocketContext, PWSK_INSPECT_ID InspectID);

/**
 * The peer has disconnected: gracefully, after all its data (what WskReceiveEvent is shown, if that is enabled,
 * comes before), or with WSK_FLAG_ABORTIVE. Each at most once, gracefully never after abortively. Not for this
 * side's own disconnects.
 * @return STATUS_SUCCESS
 */
typedef NTSTATUS (*PFN_WSK_DISCONNECT_EVENT)(PVOID SocketContext, ULONG Flags);

/**
 * Data has come, and no WskReceive waits. Serially for one socket. DataIndication NULL: the socket is dead.
 * @return STATUS_SUCCESS with *BytesAccepted (its value before the call: all). All: it goes on. Fewer: the rest
 *         is kept for WskReceive, and it is called again only after one has taken part of it, or one of length
 *         0 was made. STATUS_PENDING: the list is kept; WskRelease() gives it back; it goes on. Each core has
 *         64 buffers of 8 KiB to be kept; without one, data waits in the connection, whose window closes.
 *         STATUS_DATA_NOT_ACCEPTED: as success with 0 bytes.
 */
typedef NTSTATUS (*PFN_WSK_RECEIVE_EVENT)(PVOID SocketContext, ULONG Flags, PWSK_DATA_INDICATION DataIndication,
					  SIZE_T BytesIndicated, SIZE_T *BytesAccepted);

/** Never called yet. */
typedef NTSTATUS (*PFN_WSK_RECEIVE_FROM_EVENT)(PVOID SocketContext, ULONG Flags,
					       PWSK_DATAGRAM_INDICATION DataIndication);

/**
 * The number of bytes to keep in sends that are under way has changed by an eighth or more since it was last told;
 * looked at when a send completes, and told first when the callback is enabled. @return STATUS_SUCCESS
 */
typedef NTSTATUS (*PFN_WSK_SEND_BACKLOG_EVENT)(PVOID SocketContext, SIZE_T IdealBacklogSize);

typedef struct _WSK_CLIENT_LISTEN_DISPATCH {
	PFN_WSK_ACCEPT_EVENT WskAcceptEvent;
	PFN_WSK_INSPECT_EVENT WskInspectEvent;
	PFN_WSK_ABORT_EVENT WskAbortEvent;
} WSK_CLIENT_LISTEN_DISPATCH, *PWSK_CLIENT_LISTEN_DISPATCH;

typedef struct _WSK_CLIENT_DATAGRAM_DISPATCH {
	PFN_WSK_RECEIVE_FROM_EVENT WskReceiveFromEvent;
} WSK_CLIENT_DATAGRAM_DISPATCH, *PWSK_CLIENT_DATAGRAM_DISPATCH;

typedef struct _WSK_CLIENT_CONNECTION_DISPATCH {
	PFN_WSK_RECEIVE_EVENT WskReceiveEvent;
	PFN_WSK_DISCONNECT_EVENT WskDisconnectEvent;
	PFN_WSK_SEND_BACKLOG_EVENT WskSendBacklogEvent;
} WSK_CLIENT_CONNECTION_DISPATCH, *PWSK_CLIENT_CONNECTION_DISPATCH;

typedef struct _WSK_CLIENT_STREAM_DISPATCH {
	const WSK_CLIENT_LISTEN_DISPATCH *Listen;
	const WSK_CLIENT_CONNECTION_DISPATCH *Connect;
} WSK_CLIENT_STREAM_DISPATCH, *PWSK_CLIENT_STREAM_DISPATCH;

#ifdef __cplusplus
}
#endif
#endif
