/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * SAN service provider (Windows Sockets Direct): the entry point and the dispatch table.
 *
 * Model:     sanstack plays the provider, the caller plays the Windows Sockets switch. WSPStartupEx() is the one
 *            exported name (R1); what the table has is in san/wsp_calls.h, what is called back in
 *            san/wsp_upcalls.h. R, A and E numbers are those of doc/spi/rules.md. The NICs of the provider are the
 *            interfaces of all hosts of the process (san/host.h): they are made before, and cores are polled,
 *            by native calls; the table has none for that.
 * Sockets:   a SOCKET of this layer is a value of its own (index and generation): never 0, never used again.
 *            WSPBind says which host it is on: the one that has the address; on the wildcard, the host of
 *            a core that the calling thread polls, else the first that was made. On that host it lives on a core
 *            that the calling thread polls, else on one taken in turn: its owning core.
 * Stream:    a connection is TCP's stream of bytes: a receive ends with what has come, which may be part of a send or
 *            more than one. Whoever needs messages frames them.
 * Threads:   a thread that calls has claimed a core (san_core_claim()) or is attached (san_attach()); else the
 *            calls fail with WSAENETDOWN. On the owning core a call is a plain call. Elsewhere WSPSend and WSPRecv
 *            go through the thread's request ring, answer WSA_IO_PENDING, and what the core refuses is in the
 *            completion; all others wait for the core, at most one second (WSAENETDOWN: it was not polled, and
 *            nothing happened). So two threads must not make such calls, each to the other's core, inside up-calls.
 *            The calls on one socket may come from several threads (A28); those of one thread are taken in order.
 *            A core that has sockets of this layer stays with the thread that polls it until they are closed.
 * Up-calls:  on the owning core, in a poll round (san_core_poll()) and mostly in its turn (san/wsp_upcalls.h);
 *            completions of one direction of a socket in the order of its posts (R106, R107), but for a post of another
 *            thread that is over, or refused, when the core takes it: its completion does not wait for earlier ones.
 * Ownership: WSAOVERLAPPED and the buffers are the provider's from WSA_IO_PENDING to the completion; arrays of
 *            WSABUFEX are copied at the call (A25). Names, option values and ioctl buffers are read or written during
 *            the call only.
 * Errors:    an int function returns 0, or SOCKET_ERROR with a code at lpErrno; a BOOL one TRUE, or FALSE likewise.
 *            lpErrno may be NULL. Every function may answer WSAENETDOWN (library or core is not there) and
 *            WSAENOTSOCK (no descriptor of the provider's, or a closed one); R208. WSAEINPROGRESS never comes (R207).
 * Source:    doc/spi/rules.md, doc/op-contract.md.
 */
#ifndef SAN_WSP_H
#define SAN_WSP_H

#include <san/wsp_calls.h>
#include <san/wsp_upcalls.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The dispatch table, in its documented order. Functions that a SAN provider does not supply are NULL
 * (13 of the 14 of [Windows Sockets SPI Functions not Required for SANs]; WSPStartup has no place in it).
 */
typedef struct _WSPPROC_TABLE {
	LPWSPACCEPT lpWSPAccept;
	LPWSPNONE lpWSPAddressToString;		/**< NULL */
	LPWSPNONE lpWSPAsyncSelect;		/**< NULL */
	LPWSPBIND lpWSPBind;
	LPWSPNONE lpWSPCancelBlockingCall;	/**< NULL */
	LPWSPCLEANUP lpWSPCleanup;
	LPWSPCLOSESOCKET lpWSPCloseSocket;
	LPWSPCONNECT lpWSPConnect;
	LPWSPDUPLICATESOCKET lpWSPDuplicateSocket;
	LPWSPENUMNETWORKEVENTS lpWSPEnumNetworkEvents;
	LPWSPEVENTSELECT lpWSPEventSelect;
	LPWSPGETOVERLAPPEDRESULT lpWSPGetOverlappedResult;
	LPWSPNONE lpWSPGetPeerName;		/**< NULL */
	LPWSPNONE lpWSPGetSockName;		/**< NULL */
	LPWSPGETSOCKOPT lpWSPGetSockOpt;
	LPWSPGETQOSBYNAME lpWSPGetQOSByName;
	LPWSPIOCTL lpWSPIoctl;
	LPWSPNONE lpWSPJoinLeaf;		/**< NULL */
	LPWSPLISTEN lpWSPListen;
	LPWSPRECV lpWSPRecv;
	LPWSPNONE lpWSPRecvDisconnect;		/**< NULL */
	LPWSPNONE lpWSPRecvFrom;		/**< NULL */
	LPWSPNONE lpWSPSelect;			/**< NULL */
	LPWSPSEND lpWSPSend;
	LPWSPNONE lpWSPSendDisconnect;		/**< NULL */
	LPWSPNONE lpWSPSendTo;			/**< NULL */
	LPWSPSETSOCKOPT lpWSPSetSockOpt;
	LPWSPNONE lpWSPShutdown;		/**< NULL */
	LPWSPSOCKET lpWSPSocket;
	LPWSPNONE lpWSPStringToAddress;		/**< NULL */
} WSPPROC_TABLE, *LPWSPPROC_TABLE;

/**
 * Begin to use the provider, or count one more use of it (R6, R7). Counts as one san_startup().
 *
 * @param[in]  wVersionRequested  2.2 or more (MAKEWORD(2, 2) is 0x0202); 2.2 is what is used.
 * @param[out] lpWSPData          wVersion and wHighVersion 2.2, and a description.
 * @param[in]  lpProtocolInfo     The TCP/IP provider's (R2); its dwCatalogEntryId serves sockets made without one.
 * @param[in]  lpUpcallTable      Copied by the first of counted startups; further ones are the same switch's, and
 *                                theirs is only checked (R5).
 * @param[out] lpProcTable        Filled.
 *
 * @return 0, or the code itself (R4):
 * @retval WSASYSNOTREADY       The library is not started (san_startup()), no host was made, or a cleanup is
 *                              under way.
 * @retval WSAVERNOTSUPPORTED   Below 2.2.
 * @retval WSAEPROCLIM          Counted 2^31 - 1 times.
 * @retval WSAEFAULT            A pointer is NULL, or a used up-call is.
 * @context  Any thread. Immediately after the last WSPCleanup it works again (R16).
 */
SAN_API int WSPAPI
WSPStartupEx(WORD wVersionRequested, LPWSPDATA lpWSPData, LPWSAPROTOCOL_INFOW lpProtocolInfo,
	     LPWSPUPCALLTABLEEX lpUpcallTable, LPWSPPROC_TABLE lpProcTable);

#ifdef __cplusplus
}
#endif
#endif
