/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * SAN service provider, what it offers: the types of the functions in the dispatch table, the extension functions.
 *
 * Model, threads, ownership, common errors: san/wsp.h. "Errors" below names what comes beside WSAENETDOWN and
 * WSAENOTSOCK.
 */
#ifndef SAN_WSP_CALLS_H
#define SAN_WSP_CALLS_H

#include <san/wsp_upcalls.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A function that SAN providers do not supply: its place in the table is NULL. */
typedef int (WSPAPI *LPWSPNONE)(void);

/**
 * Undo one WSPStartupEx (R7). The last one ends what is pending, polled operations in their structures, all
 * others by CompleteOverlappedRequest with WSA_OPERATION_ABORTED and 0 bytes (R11 to R13, A13); resets and
 * closes all sockets as WSPCloseSocket does, CloseSocketHandle included (R15); signals no network event (R14);
 * frees what it has (R10); then counts as one san_cleanup(). It returns when the last up-call has been made
 * (R19): it polls the calling thread's cores meanwhile, those of other threads must be polled.
 *
 * Errors: WSANOTINITIALISED (no WSPStartupEx before; R8). WSAENETDOWN: called inside an up-call or a poll
 * round, and nothing happened; or a core with sockets is polled by nobody, or the library was not started any
 * more: then the use is counted down all the same (A14). Threads: any that may call (san/wsp.h).
 */
typedef int (WSPAPI *LPWSPCLEANUP)(LPINT lpErrno);

/**
 * Make a socket (R29 to R31). CreateSocketHandle is called in the calling thread, before the return, with the
 * new descriptor as context (R30).
 *
 * af AF_INET, type SOCK_STREAM, protocol IPPROTO_TCP or 0, g 0, dwFlags WSA_FLAG_OVERLAPPED. lpProtocolInfo may
 * be NULL: then that of WSPStartupEx.
 * Returns INVALID_SOCKET with: WSAEAFNOSUPPORT, WSAESOCKTNOSUPPORT (type), WSAEPROTOTYPE (a protocol of another
 * type: UDP), WSAEPROTONOSUPPORT, WSAEINVAL (g, dwFlags, or dwProviderReserved not 0: no duplicates yet),
 * WSAEMFILE (65,536 descriptors), WSAENETDOWN (not started), WSAENOTSOCK (closed meanwhile, by who knows it from
 * CreateSocketHandle), or what CreateSocketHandle said (WSAENOBUFS).
 */
typedef SOCKET (WSPAPI *LPWSPSOCKET)(int af, int type, int protocol, LPWSAPROTOCOL_INFOW lpProtocolInfo, GROUP g,
				     DWORD dwFlags, LPINT lpErrno);

/**
 * Give a socket its local address (R34) and with it its owning core.
 *
 * Sockets may share a port of a host. On two addresses that differ they always do; on the same, or where one of them
 * is the wildcard, SO_REUSEADDR and SO_EXCLUSIVEADDRUSE of both decide, by the table of [Sharing Transport Addresses];
 * where it asks for an access check, that is passed: all sockets are one switch's. Of several that listen, a
 * connection is for the one with its address before the one with the wildcard, and for the newest of those that are
 * alike.
 * Errors: WSAEINVAL (bound already, or being bound; R36), WSAEFAULT (name NULL, namelen below 16, family not AF_INET),
 * WSAEADDRNOTAVAIL (no host has the address), WSAENOBUFS (no socket left there, or the port is another
 * socket's that does not share it: never WSAEADDRINUSE, R37).
 */
typedef int (WSPAPI *LPWSPBIND)(SOCKET s, const struct sockaddr *name, int namelen, LPINT lpErrno);

/**
 * Listen (R67). Requests are queued up to backlog, whichever core of the host they come to; the peer of each is
 * answered when WSPAccept has decided (R73), that of one too many is refused at once, and no event is signalled (R70).
 * SOMAXCONN and anything above 1,024 mean 1,024; below 1 means 1. On a listening socket: a new backlog; the
 * newest requests above it are refused.
 * Errors: WSAEINVAL (not bound), WSAEISCONN (connected or connecting), WSAENOBUFS (no listener left).
 */
typedef int (WSPAPI *LPWSPLISTEN)(SOCKET s, int backlog, LPINT lpErrno);

/**
 * Accept or refuse the oldest request, as lpfnCondition says (NULL: accept). The condition function is called
 * in the calling thread before the return (R72); the peer is told after it (R73).
 *
 * CF_ACCEPT: CreateSocketHandle, in this thread (R74); the peer's SYN is answered; the event object of s is
 * reset (R76), and FD_ACCEPT recorded and signalled again if more is queued (A17); the new descriptor is
 * returned. The socket has the options of s, not its event selection. The three-way handshake may not be over
 * yet: transfers wait for it. Inside the condition function s may be closed: then WSAENOTSOCK, and the request
 * is refused.
 *
 * addr, addrlen: the peer as sockaddr_in; both may be NULL.
 * Returns INVALID_SOCKET with: WSAEWOULDBLOCK (nothing queued), WSAECONNREFUSED (CF_REJECT: the peer's connect
 * is refused; R75), WSATRY_AGAIN (CF_DEFER: the request stays the oldest, and is signalled again), WSAEINVAL
 * (not listening; another value, or a group, of the condition function: the request stays; R77), WSAEFAULT
 * (addrlen below 16, or one pointer without the other), WSAECONNRESET (the request was withdrawn; it is gone),
 * WSAENOBUFS (the core that the request came to has no room to be told: it is refused), or what CreateSocketHandle
 * said (the request is refused then).
 */
typedef SOCKET (WSPAPI *LPWSPACCEPT)(SOCKET s, struct sockaddr *addr, LPINT addrlen, LPCONDITIONPROC lpfnCondition,
				     DWORD_PTR dwCallbackData, LPINT lpErrno);

/**
 * Connect; never blocks (R53, R64). It always answers WSAEWOULDBLOCK when it has begun, and the outcome comes
 * as FD_CONNECT, with 0 or a code: WSAECONNREFUSED (the peer refused), WSAETIMEDOUT (no answer, or an
 * unreachable host: another provider may reach it; R60), WSAENETUNREACH (no route), WSAEADDRINUSE (the
 * four-tuple is in use), WSAEADDRNOTAVAIL (no port is left, or the bound one leads to another core),
 * WSAENOBUFS, WSAECONNRESET. After a failure it may be called again. A socket that is not bound is bound to the
 * wildcard first. lpCalleeData->len is set to 0. Cancelled by WSPCloseSocket (R65).
 *
 * Errors at once: WSAEALREADY (a connect runs; R61), WSAEISCONN, WSAEINVAL (listening), WSAEFAULT (name NULL,
 * namelen below 16), WSAEAFNOSUPPORT, WSAEADDRNOTAVAIL (address or port 0, multicast, broadcast),
 * WSAEPROTONOSUPPORT (lpCallerData of more than 0 bytes), WSAEOPNOTSUPP (lpSQOS). lpGQOS is not looked at.
 */
typedef int (WSPAPI *LPWSPCONNECT)(SOCKET s, const struct sockaddr *name, int namelen, LPWSABUF lpCallerData,
				   LPWSABUF lpCalleeData, LPQOS lpSQOS, LPQOS lpGQOS, LPINT lpErrno);

/**
 * Send the bytes of up to 16 registered buffers (R92, R95, R108). Sends go out in order (R106).
 *
 * Low bit of lpOverlapped->hEvent clear (R99): WSA_IO_PENDING, also when all is done already, and one
 * CompleteOverlappedRequest, never inside this call. Low bit set (R98): no up-call; WSA_IO_PENDING likewise,
 * and the provider makes InternalHigh and then Internal (0) final in the core's turn (R103): poll with
 * WSPGetOverlappedResult. 0 is never answered (R97), lpNumberOfBytesSent not written. From the start to the
 * end Internal is WSS_OPERATION_IN_PROGRESS; Offset and OffsetHigh are the provider's (R100). Any other code:
 * not started (R96), nothing follows.
 * The event of hEvent is not reset at the start (R105): the switch, which chose it, does that.
 * "Finished" means that the buffers are the switch's again: copied into the connection's send queue; or, where the
 * port lends (doc/spi/wsp.md) and any of them has at least 16,384 bytes, sent from where they lie, acknowledged by the
 * peer, and in no packet any more.
 *
 * Errors at once or in the completion: WSAENOTCONN (R114), WSAECONNRESET (the peer closed or reset),
 * WSAECONNABORTED (the connection failed: no answer, unreachable), WSA_OPERATION_ABORTED (local close or
 * cleanup; A8).
 * At once: WSAEFAULT (lpBuffers, a buffer that its handle does not cover, no handle, no MEM_READ; from another
 * thread than the core's in the completion), WSAEINVAL (no WSAOVERLAPPED, no buffers or more than 16, more than
 * 2^30 bytes, a routine, Internal is WSS_OPERATION_IN_PROGRESS: the operation still runs), WSAEOPNOTSUPP
 * (dwFlags not 0; R110), WSAEWOULDBLOCK (too many operations outstanding).
 */
typedef int (WSPAPI *LPWSPSEND)(SOCKET s, LPWSABUFEX lpBuffers, DWORD dwBufferCount, LPDWORD lpNumberOfBytesSent,
				DWORD dwFlags, LPWSAOVERLAPPED lpOverlapped,
				LPWSAOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine, LPWSATHREADID lpThreadId,
				LPINT lpErrno);

/**
 * Post a receive into up to 16 registered buffers (MEM_WRITE); receives are filled in order. Overlapped rules
 * as WSPSend; the answer is always WSA_IO_PENDING or an error. It ends with what has come, at least one byte;
 * with 0 bytes at the end of the stream (the peer's FIN). *lpFlags has to be 0 and stays so.
 *
 * Errors as WSPSend (for MEM_READ read MEM_WRITE; for dwFlags *lpFlags), WSAEFAULT also for no lpFlags. After
 * the peer's hard close pending and later receives end with WSAECONNRESET (R157, R159); what came before is
 * received first only as far as receives were posted. WSAEINVAL also for 0 bytes of room.
 */
typedef int (WSPAPI *LPWSPRECV)(SOCKET s, LPWSABUFEX lpBuffers, DWORD dwBufferCount, LPDWORD lpNumberOfBytesRecvd,
				LPDWORD lpFlags, LPWSAOVERLAPPED lpOverlapped,
				LPWSAOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine, LPWSATHREADID lpThreadId,
				LPINT lpErrno);

/**
 * Read how an operation stands (R102). TRUE: ended without error; *lpcbTransfer and *lpdwFlags (0) are set.
 * FALSE: the code of the operation; WSA_IO_INCOMPLETE: it runs; WSAEINVAL (no WSAOVERLAPPED), WSAEFAULT (no
 * lpcbTransfer or lpdwFlags), WSA_INVALID_HANDLE (fWait with the low bit of hEvent set or without an hEvent;
 * R104, A26). On FALSE nothing else is written.
 * fWait TRUE waits for the end: on the owning core by polling it; inside an up-call there it does not wait
 * (WSA_IO_INCOMPLETE). Any thread; does not wait for the core.
 */
typedef BOOL (WSPAPI *LPWSPGETOVERLAPPEDRESULT)(SOCKET s, LPWSAOVERLAPPED lpOverlapped, LPDWORD lpcbTransfer,
						BOOL fWait, LPDWORD lpdwFlags, LPINT lpErrno);

/**
 * Bind an event object to FD_ACCEPT, FD_CONNECT or both (R142), in place of an earlier one; what was recorded
 * is cleared (R146). 0 events: none, and hEventObject is not looked at. The object is signalled by SetEvent
 * when a selected event is recorded (R143): each request that is queued, the outcome of each connect. It is at
 * once when requests are queued, or an outcome has come that no selection has recorded yet.
 * Errors: WSAEINVAL (other events; no event object).
 */
typedef int (WSPAPI *LPWSPEVENTSELECT)(SOCKET s, WSAEVENT hEventObject, LONG lNetworkEvents, LPINT lpErrno);

/**
 * Report the recorded events and clear them; ResetEvent for hEventObject unless it is NULL: one step on the
 * owning core, in this thread when there is none yet (R144, R145). Entries of iErrorCode whose bits are not set are
 * not written. FD_ACCEPT brings 0.
 * Errors: WSAEINVAL (lpNetworkEvents NULL); then nothing is cleared or reset.
 */
typedef int (WSPAPI *LPWSPENUMNETWORKEVENTS)(SOCKET s, WSAEVENT hEventObject, LPWSANETWORKEVENTS lpNetworkEvents,
					     LPINT lpErrno);

/**
 * Close: always hard (R149). When it returns the descriptor is dead (R153), the connection is reset, and
 * everything pending ends (R155): polled operations in their structures without an up-call (A10), all others by
 * CompleteOverlappedRequest with WSA_OPERATION_ABORTED (A8), or with their result if that was first. No network
 * event is signalled (R156). CloseSocketHandle is the last up-call of the socket (R161); these up-calls follow
 * on the owning core. Called there, outside an up-call, they have been made before it returns unless something
 * is held outside the core, as memory of a lent send may be: do not rely on it (A11). A listener refuses what it
 * has queued (A29); memory that is still registered is released (R128). A socket that was never bound has no owning
 * core: its CloseSocketHandle comes in this thread, before the return.
 * Errors: WSAENOTSOCK, WSAENETDOWN only (R151, R152). Never refused for lack of room, never waits.
 */
typedef int (WSPAPI *LPWSPCLOSESOCKET)(SOCKET s, LPINT lpErrno);

/**
 * Options, in any state of the socket (R195, R198); values are 32 bits. SOL_SOCKET: SO_DEBUG (BOOL, kept and
 * otherwise without effect; get, set), SO_REUSEADDR and SO_EXCLUSIVEADDRUSE (BOOL, what a bind asks; get, and set
 * before it, later WSAEINVAL; of both the latter counts), SO_MAX_MSG_SIZE (get: 2^30, the most of one transfer),
 * SO_MAX_RDMA_SIZE (get: 0, there is no RDMA), SO_RDMA_THRESHOLD_SIZE (get: 0xFFFFFFFF, never). IPPROTO_TCP:
 * TCP_NODELAY (BOOL, default TRUE; get, set; a listener hands it on and takes none itself: WSAEINVAL).
 * Errors: WSAEINVAL (another level; R196), WSAENOPROTOOPT (another option, also SO_GROUP_ID and
 * SO_GROUP_PRIORITY: no QoS; a set of one that can only be read), WSAEFAULT (NULL, or fewer than 4 bytes: then
 * *optlen is 4; R197); a set of TCP_NODELAY: WSAENOTCONN (the connection is over).
 */
typedef int (WSPAPI *LPWSPGETSOCKOPT)(SOCKET s, int level, int optname, char *optval, LPINT optlen, LPINT lpErrno);
typedef int (WSPAPI *LPWSPSETSOCKOPT)(SOCKET s, int level, int optname, const char *optval, int optlen,
				      LPINT lpErrno);

/**
 * SIO_GET_EXTENSION_FUNCTION_POINTER (R201): a GUID in, a function pointer out; s may be INVALID_SOCKET. All
 * seven are there: also the two that a provider may be without, RdmaRead and MemoryRegistrationCacheCallback,
 * which answer WSAEOPNOTSUPP when called (R134). SIO_ADDRESS_LIST_QUERY (R44): SOCKET_ADDRESS_LIST of the
 * addresses of all hosts, the sockaddr_in behind it in the same buffer. Always done when it returns: lpOverlapped,
 * the routine and the thread are not used, no up-call follows.
 * Errors: WSAEFAULT (a buffer or lpcbBytesReturned NULL, or too small: then the size that is needed is stored
 * there), WSAEINVAL (another GUID or code), WSAEOPNOTSUPP (the four QoS codes, R203; SIO_ADDRESS_LIST_CHANGE).
 */
typedef int (WSPAPI *LPWSPIOCTL)(SOCKET s, DWORD dwIoControlCode, LPVOID lpvInBuffer, DWORD cbInBuffer,
				 LPVOID lpvOutBuffer, DWORD cbOutBuffer, LPDWORD lpcbBytesReturned,
				 LPWSAOVERLAPPED lpOverlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine,
				 LPWSATHREADID lpThreadId, LPINT lpErrno);

/** FALSE, WSAEOPNOTSUPP: there is no QoS (R204). Any thread. */
typedef BOOL (WSPAPI *LPWSPGETQOSBYNAME)(SOCKET s, LPWSABUF lpQOSName, LPQOS lpQOS, LPINT lpErrno);

/** WSAEOPNOTSUPP: connections cannot change process yet. Any thread. */
typedef int (WSPAPI *LPWSPDUPLICATESOCKET)(SOCKET s, DWORD dwProcessId, LPWSAPROTOCOL_INFOW lpProtocolInfo,
					   LPINT lpErrno);

/* Extension functions, by WSPIoctl. Their GUIDs: */
#define WSAID_SAN_(low) { 0xC0B40000u | (low), 0xF58C, 0x11d1, { 0xAD, 0x6C, 0x00, 0xC0, 0x4F, 0xA3, 0x4A, 0x2D } }
#define WSAID_REGISTERMEMORY WSAID_SAN_(0x22F5u)
#define WSAID_DEREGISTERMEMORY WSAID_SAN_(0x22F6u)
#define WSAID_REGISTERRDMAMEMORY WSAID_SAN_(0x22F7u)
#define WSAID_DEREGISTERRDMAMEMORY WSAID_SAN_(0x22F8u)
#define WSAID_RDMAWRITE WSAID_SAN_(0x22F9u)
#define WSAID_RDMAREAD WSAID_SAN_(0x22FAu)
#define WSAID_MEMORYREGISTRATIONCACHECALLBACK \
	{ 0xE5DA4AF8u, 0xD824, 0x48CD, { 0xA7, 0x99, 0x63, 0x37, 0xA9, 0x8E, 0xD2, 0xAF } }

/**
 * Register memory for the transfers of one connected socket (R115, R116). The same or overlapping memory may be
 * registered several times, each with a handle of its own (R122). It has to stay mapped until it is deregistered,
 * or the socket's CloseSocketHandle. On a port that lends, 16,384 bytes or more that may be sent are made known to it:
 * a call not for the data path.
 * Returns the handle, or NULL with: WSAEFAULT (buffer NULL, length 0, or the end of the address space passed),
 * WSAEINVAL (dwFlags not MEM_READ, MEM_WRITE or both), WSAENOTCONN, WSAENOBUFS (1,024 on this socket).
 */
typedef HANDLE (WSPAPI *LPWSPREGISTERMEMORY)(SOCKET s, PVOID lpBuffer, DWORD dwBufferLength, DWORD dwFlags,
					     LPINT lpErrno);

/** End a registration. Errors: WSAEINVAL (no such handle on this socket, or a transfer uses it; R123). */
typedef int (WSPAPI *LPWSPDEREGISTERMEMORY)(SOCKET s, HANDLE Handle, LPINT lpErrno);

/**
 * The four below: SOCKET_ERROR and WSAEOPNOTSUPP (after WSAENOTSOCK); nothing is written, no completion follows. Any
 * thread. A switch has no reason to call them: SO_MAX_RDMA_SIZE is 0 and SO_RDMA_THRESHOLD_SIZE never reached.
 */
typedef int (WSPAPI *LPWSPREGISTERRDMAMEMORY)(SOCKET s, PVOID lpBuffer, DWORD dwBufferLength, DWORD dwFlags,
					      LPVOID lpRdmaBufferDescriptor, LPDWORD lpdwDescriptorLength,
					      LPINT lpErrno);
typedef int (WSPAPI *LPWSPDEREGISTERRDMAMEMORY)(SOCKET s, LPVOID lpRdmaBufferDescriptor, DWORD dwDescriptorLength,
						LPINT lpErrno);
typedef int (WSPAPI *LPWSPRDMAWRITE)(SOCKET s, LPWSABUFEX lpBuffers, DWORD dwBufferCount,
				     LPVOID lpTargetBufferDescriptor, DWORD dwTargetDescriptorLength,
				     DWORD dwTargetBufferOffset,
				     LPDWORD lpNumberOfBytesWritten, DWORD dwFlags, LPWSAOVERLAPPED lpOverlapped,
				     LPWSAOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine, LPWSATHREADID lpThreadId,
				     LPINT lpErrno);
typedef int (WSPAPI *LPWSPRDMAREAD)(SOCKET s, LPWSABUFEX lpBuffers, DWORD dwBufferCount,
				    LPVOID lpTargetBufferDescriptor, DWORD dwTargetDescriptorLength,
				    DWORD dwTargetBufferOffset,
				    LPDWORD lpNumberOfBytesRead, DWORD dwFlags, LPWSAOVERLAPPED lpOverlapped,
				    LPWSAOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine, LPWSATHREADID lpThreadId,
				    LPINT lpErrno);
/**
 * What the switch calls in a provider that caches registrations, before a mapping changes (R137, R138). Nothing is
 * cached here, so nothing has to be let go of: SOCKET_ERROR and WSAEOPNOTSUPP, whatever the memory. Any thread.
 */
typedef int (WSPAPI *LPWSPMEMORYREGISTRATIONCACHECALLBACK)(PVOID lpvAddress, SIZE_T Size, LPINT lpErrno);

#ifdef __cplusplus
}
#endif
#endif
