/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * SAN service provider, what it calls: structures of the interface, and the table of up-calls.
 *
 * Model:     whoever plays the switch gives the table to WSPStartupEx() (san/wsp.h), which copies it. Five entries are
 *            used; the others may be NULL.
 * Threads:   CreateSocketHandle, and the condition function, in the thread that called WSPSocket or WSPAccept, before
 *            that call returns. All others on the core that owns the socket (in the calling thread when it has none
 *            yet), which makes them
 *              CompleteOverlappedRequest, CloseSocketHandle  in its turn of a poll round, or before a WSPCloseSocket
 *                                           returns that was called there; earlier in a round for a WSPSend or WSPRecv
 *                                           of another thread that is over, or refused, when the core takes it
 *              SetEvent                     in its turn, or within WSPEventSelect and WSPAccept
 *              ResetEvent                   within WSPEnumNetworkEvents and WSPAccept
 *            None is made inside WSPSend or WSPRecv (A27).
 * Inside:    every WSP function but WSPCleanup may be called inside an up-call, or the condition function. None waits
 *            there, for a core of the calling thread; and san_core_poll() answers -EDEADLK, as inside a round.
 * Source:    [WSPStartupEx ref], and the SDK's page of each up-call.
 */
#ifndef SAN_WSP_UPCALLS_H
#define SAN_WSP_UPCALLS_H

#include <san/win.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One buffer of a transfer: memory that WSPRegisterMemory gave Handle for, on the same socket (R108). */
typedef struct _WSABUFEX {
	ULONG len;		/**< [bytes] */
	CHAR *buf;
	HANDLE handle;
} WSABUFEX, *LPWSABUFEX;

#define MEM_READ 1u		/**< WSPRegisterMemory: may be sent. */
#define MEM_WRITE 2u		/**< May be received into. */
#define MEM_READWRITE 3u

#define FD_READ 1L
#define FD_WRITE 2L
#define FD_OOB 4L
#define FD_ACCEPT_BIT 3
#define FD_ACCEPT (1L << FD_ACCEPT_BIT)
#define FD_CONNECT_BIT 4
#define FD_CONNECT (1L << FD_CONNECT_BIT)
#define FD_CLOSE 32L
#define FD_MAX_EVENTS 10

typedef struct _WSANETWORKEVENTS {
	LONG lNetworkEvents;		/**< FD_ACCEPT, FD_CONNECT. */
	int iErrorCode[FD_MAX_EVENTS];	/**< By bit number; only those of the bits above are written. */
} WSANETWORKEVENTS, *LPWSANETWORKEVENTS;

#define WSA_FLAG_OVERLAPPED 0x01u
#define CF_ACCEPT 0
#define CF_REJECT 1
#define CF_DEFER 2

#define MAX_PROTOCOL_CHAIN 7
#define WSAPROTOCOL_LEN 255
#define WSPDESCRIPTION_LEN 255

typedef struct _WSAPROTOCOLCHAIN {
	int ChainLen;
	DWORD ChainEntries[MAX_PROTOCOL_CHAIN];
} WSAPROTOCOLCHAIN, *LPWSAPROTOCOLCHAIN;

typedef struct _WSAPROTOCOL_INFOW {
	DWORD dwServiceFlags1;
	DWORD dwServiceFlags2;
	DWORD dwServiceFlags3;
	DWORD dwServiceFlags4;
	DWORD dwProviderFlags;
	GUID ProviderId;
	DWORD dwCatalogEntryId;		/**< Comes back in CreateSocketHandle. */
	WSAPROTOCOLCHAIN ProtocolChain;
	int iVersion;
	int iAddressFamily;
	int iMaxSockAddr;
	int iMinSockAddr;
	int iSocketType;
	int iProtocol;
	int iProtocolMaxOffset;
	int iNetworkByteOrder;
	int iSecurityScheme;
	DWORD dwMessageSize;
	DWORD dwProviderReserved;	/**< Not 0: a duplicated socket. */
	WCHAR szProtocol[WSAPROTOCOL_LEN + 1];
} WSAPROTOCOL_INFOW, *LPWSAPROTOCOL_INFOW;

typedef struct WSPData {
	WORD wVersion;			/**< To be used: low byte major, high byte minor. */
	WORD wHighVersion;
	WCHAR szDescription[WSPDESCRIPTION_LEN + 1];
} WSPDATA, *LPWSPDATA;

typedef struct _WSATHREADID {
	HANDLE ThreadHandle;
	DWORD_PTR Reserved;
} WSATHREADID, *LPWSATHREADID;

typedef void (CALLBACK *LPWSAUSERAPC)(DWORD_PTR dwContext);
typedef BOOL (CALLBACK *LPBLOCKINGCALLBACK)(DWORD_PTR dwContext);
typedef void (CALLBACK *LPWSAOVERLAPPED_COMPLETION_ROUTINE)(DWORD dwError, DWORD cbTransferred,
							   LPWSAOVERLAPPED lpOverlapped, DWORD dwFlags);

/**
 * Condition function of WSPAccept. lpCallerId and lpCalleeId hold the sockaddr_in of the peer and of the local
 * end, for the time of the call; data and QoS pointers are NULL; *g is 0 and has to stay so.
 * @return CF_ACCEPT, CF_REJECT, CF_DEFER.
 */
typedef int (CALLBACK *LPCONDITIONPROC)(LPWSABUF lpCallerId, LPWSABUF lpCallerData, LPQOS lpSQOS, LPQOS lpGQOS,
					LPWSABUF lpCalleeId, LPWSABUF lpCalleeData, GROUP *g,
					DWORD_PTR dwCallbackData);

/* Entries marked "used" must be there. */
typedef BOOL (WSPAPI *LPWPUCLOSEEVENT)(WSAEVENT hEvent, LPINT lpErrno);
/** Used: the last up-call with this descriptor (R161). The provider passes what CreateSocketHandle returned. */
typedef int (WSPAPI *LPWPUCLOSESOCKETHANDLE)(SOCKET s, LPINT lpErrno);
typedef WSAEVENT (WSPAPI *LPWPUCREATEEVENT)(LPINT lpErrno);
/** Used: make the switch's descriptor; dwContext is the provider's. @return The descriptor or INVALID_SOCKET. */
typedef SOCKET (WSPAPI *LPWPUCREATESOCKETHANDLE)(DWORD dwCatalogEntryId, DWORD_PTR dwContext, LPINT lpErrno);
typedef int (WSPAPI *LPWPUFDISSET)(SOCKET s, void *fdset);
typedef int (WSPAPI *LPWPUGETPROVIDERPATH)(LPGUID lpProviderId, WCHAR *lpszProviderDllPath, LPINT lpProviderDllPathLen,
					   LPINT lpErrno);
typedef SOCKET (WSPAPI *LPWPUMODIFYIFSHANDLE)(DWORD dwCatalogEntryId, SOCKET ProposedHandle, LPINT lpErrno);
typedef BOOL (WSPAPI *LPWPUPOSTMESSAGE)(HANDLE hWnd, UINT Msg, UINT_PTR wParam, LONG_PTR lParam);
typedef int (WSPAPI *LPWPUQUERYBLOCKINGCALLBACK)(DWORD dwCatalogEntryId, LPBLOCKINGCALLBACK *lplpfnCallback,
						 PDWORD_PTR lpdwContext, LPINT lpErrno);
typedef int (WSPAPI *LPWPUQUERYSOCKETHANDLECONTEXT)(SOCKET s, PDWORD_PTR lpContext, LPINT lpErrno);
typedef int (WSPAPI *LPWPUQUEUEAPC)(LPWSATHREADID lpThreadId, LPWSAUSERAPC lpfnUserApc, DWORD_PTR dwContext,
				    LPINT lpErrno);
/** Used: the event object of a socket, or the one given to WSPEnumNetworkEvents (A18). */
typedef BOOL (WSPAPI *LPWPURESETEVENT)(WSAEVENT hEvent, LPINT lpErrno);
/** Used: a selected network event was recorded (R143). */
typedef BOOL (WSPAPI *LPWPUSETEVENT)(WSAEVENT hEvent, LPINT lpErrno);
typedef int (WSPAPI *LPWPUOPENCURRENTTHREAD)(LPWSATHREADID lpThreadId, LPINT lpErrno);
typedef int (WSPAPI *LPWPUCLOSETHREAD)(LPWSATHREADID lpThreadId, LPINT lpErrno);
/**
 * Used: an operation has ended. OffsetHigh (the error) and Offset (0) are set before; the up-call sets
 * InternalHigh (bytes) and then Internal to anything but WSS_OPERATION_IN_PROGRESS (R100, R101). From its call
 * on the structure and the buffers are the switch's again.
 */
typedef int (WSPAPI *LPWPUCOMPLETEOVERLAPPEDREQUEST)(SOCKET s, LPWSAOVERLAPPED lpOverlapped, DWORD dwError,
						     DWORD cbTransferred, LPINT lpErrno);

/** The extended table, in its documented order. */
typedef struct _WSPUPCALLTABLEEX {
	LPWPUCLOSEEVENT lpWPUCloseEvent;
	LPWPUCLOSESOCKETHANDLE lpWPUCloseSocketHandle;
	LPWPUCREATEEVENT lpWPUCreateEvent;
	LPWPUCREATESOCKETHANDLE lpWPUCreateSocketHandle;
	LPWPUFDISSET lpWPUFDIsSet;
	LPWPUGETPROVIDERPATH lpWPUGetProviderPath;
	LPWPUMODIFYIFSHANDLE lpWPUModifyIFSHandle;
	LPWPUPOSTMESSAGE lpWPUPostMessage;
	LPWPUQUERYBLOCKINGCALLBACK lpWPUQueryBlockingCallback;
	LPWPUQUERYSOCKETHANDLECONTEXT lpWPUQuerySocketHandleContext;
	LPWPUQUEUEAPC lpWPUQueueApc;
	LPWPURESETEVENT lpWPUResetEvent;
	LPWPUSETEVENT lpWPUSetEvent;
	LPWPUOPENCURRENTTHREAD lpWPUOpenCurrentThread;
	LPWPUCLOSETHREAD lpWPUCloseThread;
	LPWPUCOMPLETEOVERLAPPEDREQUEST lpWPUCompleteOverlappedRequest;
} WSPUPCALLTABLEEX, *LPWSPUPCALLTABLEEX;

#ifdef __cplusplus
}
#endif
#endif
