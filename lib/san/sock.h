/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Socket: a TCP endpoint of one core, named by a handle.
 *
 * Model:     a socket lives on one core and is bound to one completion queue. Data moves by the posts
 *            of san/op.h. A close is hard: it resets the connection, ends every pending operation
 *            with -ECANCELED, and its completion is the last thing ever heard of the handle. A program
 *            that wants its data delivered reaps a san_shutdown() first.
 * Threads:   the calls of this file other than san_close() are carried out by the owning core. From
 *            another attached thread they wait for it, at most one second (-EAGAIN, nothing changed).
 * Source:    doc/op-contract.md O9, O11, O12.
 */
#ifndef SAN_SOCK_H
#define SAN_SOCK_H

#include <san/cq.h>

#ifdef __cplusplus
extern "C" {
#endif

struct san_core;

/**
 * Socket options; each value is a uint32_t. When each may be set:
 *
 *   [open]   on a fresh or bound socket only (-EINVAL later): the handshake tells the peer, or what a
 *            connection has learnt hangs on it
 *   [any]    then too, and while connecting or connected, at once; on a dead socket without effect
 *   [read]   never (-ENOPROTOOPT)
 *
 * A listener takes none once it listens (-EINVAL): what was set before is what each socket accepted
 * from it has, from the SYN-ACK on, and may be changed there.
 */
enum san_option {
	/**
	 * [any] Send buffer [bytes], 4096..64 MiB; 0, the default, which is [open]: it begins with 256 KiB and grows
	 * with the path, to `window_max` of [host] at most and within what the core has for all connections.
	 * Made smaller, it takes nothing until so much of what it holds has been acknowledged.
	 */
	SAN_OPT_SNDBUF = 1,
	/**
	 * [any] Receive window at most [bytes]; range and default likewise. Made smaller, what the peer was told before
	 * is taken all the same; made larger when open, the window is still no more than the handshake's scale shows.
	 */
	SAN_OPT_RCVBUF = 2,
	/**
	 * [any] 1: small segments are sent at once; 0: by Nagle's algorithm (RFC 9293 3.7.4, MUST-17). Default 1,
	 * unlike elsewhere: Nagle gathers the small writes of a program that cannot know how many more will
	 * follow. A program with overlapped sends posts what belongs together as one send, and one that posts
	 * several wants each on its way.
	 */
	SAN_OPT_NODELAY = 3,
	/**
	 * [any] Give up after this long without an acknowledgement [ms], 0..7 days (RFC 9293 R2; the local
	 * half of RFC 5482); 0: the default, 924,000 for data and 180,000 for a SYN. Changed while something is
	 * outstanding it counts from the last progress, as if it had been so all along.
	 */
	SAN_OPT_USER_TIMEOUT = 4,
	SAN_OPT_STATE = 5,	/**< [read] enum san_tcp_state. */
	SAN_OPT_PENDING = 6,	/**< [read] Operations pending. */
	/**
	 * [any] Traffic class, the octet of the IP header (MUST-48, SHLD-21): DSCP in the upper six bits. The
	 * two lower ones are TCP's own, for ECN: a value with one of them is refused (-EINVAL), so 0..252
	 * in steps of 4; default 0. Resets after the end of the connection do without.
	 */
	SAN_OPT_TOS = 7,
	SAN_OPT_TTL = 8,	/**< [any] Time to live of the packets (MUST-49), 1..255; default 64. */
	/**
	 * [any] 1: ask a silent peer whether it is still there (RFC 9293 3.8.4); default 0. When no acceptable
	 * segment has come for KEEP_IDLE and nothing is to be sent or acknowledged, an empty segment goes out
	 * that the peer has to answer, and again every KEEP_INTERVAL. Any answer will do. After KEEP_COUNT
	 * probes and one more interval without, the connection ends with -ETIMEDOUT; with SAN_OPT_USER_TIMEOUT
	 * set, not their number counts but the time since the last segment (as on Linux), at least one probe.
	 * A peer in FIN_WAIT_2, CLOSE_WAIT and so on is asked too.
	 */
	SAN_OPT_KEEPALIVE = 9,
	SAN_OPT_KEEP_IDLE = 10,	/**< [any] [ms], 1,000..7 days; default 7,200,000: two hours (MUST-28). */
	SAN_OPT_KEEP_INTERVAL = 11, /**< [any] [ms], 1,000..7 days; default 75,000. */
	SAN_OPT_KEEP_COUNT = 12, /**< [any] 1..127; default 9. */
	/**
	 * [read] How many bytes lie between the next one to receive and the end of the peer's urgent data, come
	 * or not; 0: none (MUST-33). See SAN_URGENT.
	 */
	SAN_OPT_URGENT = 13,
	SAN_OPT_CC = 14,	/**< [open] Congestion control: enum san_cc; default SAN_CC_CUBIC. */
	SAN_OPT_ECN = 15,	/**< [open] enum san_ecn; default SAN_ECN_ACCEPT. */
	/**
	 * [any] Pacing: SAN_PACING_OFF, the default; SAN_PACING_AUTO; or a ceiling, 1,000 and more [bytes/s].
	 * What is paced leaves in bursts of two segments or of what the rate gives in a millisecond, whichever is
	 * more, with pauses between. The rate is that of the congestion window: 200 % of it for each round trip in
	 * slow start, 120 % after; a ceiling holds it down (as SO_MAX_PACING_RATE of Linux does). It counts
	 * octets of the stream, those that are sent again too. Acknowledgements, probes and the
	 * first segment after a timeout are not held up; a close is not either.
	 */
	SAN_OPT_PACING = 16,
	/**
	 * [open] 1: congestion window validation (RFC 7661), for programs that send in spells; default 0. The
	 * window outlives pauses, up to five minutes for each halving, instead of falling to the initial one; as long
	 * as less than half of it is used it does not grow, is paced, and a loss sets it to half of what was
	 * used.
	 */
	SAN_OPT_CWV = 17,
	/**
	 * [open] 1: a path that drops long packets and sends no ICMP (a black hole) is found and gone round (RFC
	 * 4821): when a long segment times out twice in a row, segments become shorter, to 1,200 and then 536
	 * bytes at least, and longer again by probes when that has helped. Default: `mtu_probing` of [host], 0.
	 */
	SAN_OPT_MTU_PROBE = 18,
	/**
	 * [open] Fast Open (RFC 7413), 0..65535; default 0: off. Data in the SYN saves a round trip and may reach the
	 * program TWICE, in two connections: a SYN that the network repeats after the first has ended is not known
	 * again. Only for requests that may be carried out twice.
	 *
	 * Before a connect, not 0: sends are taken while connecting (not SAN_URGENT). What was posted before the core
	 * sends the SYN rides on it, when the peer has given a cookie in an earlier connection and unless it has
	 * seemed to lose such SYNs; else it follows the handshake. Sends end as on a connected socket; when the
	 * connect fails, with its error.
	 *
	 * Before a listen: cookies are given to peers that ask, and of connections whose SYN has brought one back with
	 * data so many may be pending, on each core, as the value says; beyond that, and while SYN cookies are sent,
	 * handshakes are ordinary. A pending one is accepted, its data can be received and it can be answered, before
	 * the peer has shown that it is there.
	 */
	SAN_OPT_FASTOPEN = 19,
};

/** Values of SAN_OPT_PACING that are no rates. */
#define SAN_PACING_OFF 0u
#define SAN_PACING_AUTO UINT32_MAX

/** Explicit congestion notification (RFC 3168): values of SAN_OPT_ECN. */
enum san_ecn {
	SAN_ECN_OFF = 0,	/**< Neither asked for nor agreed to. */
	SAN_ECN_ACCEPT = 1,	/**< Agreed to when the peer asks. The default. */
	SAN_ECN_REQUEST = 2,	/**< Asked for, too; a SYN that is not answered is repeated without. */
};

/** Congestion controls. */
enum san_cc {
	SAN_CC_CUBIC = 0,	/**< RFC 9438, with HyStart++ (RFC 9406). */
	SAN_CC_NEWRENO = 1,	/**< RFC 5681. */
	/**
	 * RFC 8257, for networks whose queues mark early and whose hosts all use it: the window comes down by the
	 * part of the bytes that were marked. It needs ECN, so SAN_ECN_ACCEPT means SAN_ECN_REQUEST with
	 * it; where the peer does not agree the connection is one of SAN_CC_NEWRENO. Nothing tells whether the
	 * peer echoes marks as RFC 8257 wants: the program has to know. Not for the open Internet.
	 */
	SAN_CC_DCTCP = 2,
};

/** Connection states, RFC 9293 3.3.2. */
enum san_tcp_state {
	SAN_TCP_CLOSED = 0,
	SAN_TCP_LISTEN = 1,
	SAN_TCP_SYN_SENT = 2,
	SAN_TCP_SYN_RECEIVED = 3,
	SAN_TCP_ESTABLISHED = 4,
	SAN_TCP_FIN_WAIT_1 = 5,
	SAN_TCP_FIN_WAIT_2 = 6,
	SAN_TCP_CLOSE_WAIT = 7,
	SAN_TCP_CLOSING = 8,
	SAN_TCP_LAST_ACK = 9,
	SAN_TCP_TIME_WAIT = 10,
};

/**
 * Make a socket on a core, bound to a completion queue.
 *
 * @param[in]  core  Where it lives (san_core_get(), san_core_claim()).
 * @param[in]  cq    A queue of the calling thread.
 * @param[out] sock  Set only on success.
 *
 * @retval 0          Done.
 * @retval -EPERM     The queue is another thread's, or the thread is neither attached nor a poller.
 * @retval -ENFILE    The core has no free slot.
 * @retval -ENOMEM    No memory for the queue's ring to this core.
 * @retval -EAGAIN    The owning core did not answer within a second.
 * @retval -ENETDOWN  The library is not started.
 * @context  The queue's thread.
 */
SAN_API int
san_socket(struct san_core *core, struct san_cq *cq, san_handle *sock);

/**
 * Give a socket its local address.
 *
 * @param[in] sock   A fresh socket.
 * @param[in] local  Address of one of the host's interfaces or any; port 0: one is chosen at listen or connect.
 *
 * @retval 0               Done.
 * @retval -EADDRINUSE     The port is bound already.
 * @retval -EADDRNOTAVAIL  No interface has this address.
 * @retval -EINVAL         Bound, connected or listening already.
 * @retval -ENOTSOCK -EPERM -EAGAIN -ENETDOWN  As san_socket().
 * @context  The thread of the socket's completion queue.
 */
SAN_API int
san_bind(san_handle sock, const struct san_addr *local);

/**
 * Listen (RFC 9293 3.10.1, passive OPEN), on every core of the host.
 *
 * @param[in] sock     A bound socket (unbound: any address, a port is chosen).
 * @param[in] backlog  Connections of each core that may wait for an accept, 1..65535; one that ends meanwhile is
 *                     accepted all the same. More are kept waiting in their peers, whose SYN or last ACK is
 *                     dropped until there is a place.
 *
 * @retval 0        Done.
 * @retval -EINVAL  Connected or listening already, or backlog out of range.
 * @retval -EADDRINUSE -ENOMEM -ENOTSOCK -EPERM -EAGAIN -ENETDOWN  As above.
 * @context  The thread of the socket's completion queue.
 * @source   O11.
 */
SAN_API int
san_listen(san_handle sock, unsigned int backlog);

/**
 * Close: the handle is dead when this returns, the completion (kind SAN_OP_CLOSE) comes last.
 *
 * Never refused for lack of room, never blocks.
 *
 * @param[in] sock  The socket.
 * @param[in] user  Comes back in the completion.
 *
 * @retval 0          Closing. Every pending operation ends, then the close completion follows, all in
 *                    the completion queue the socket is bound to.
 * @retval -ENOTSOCK  No such socket, or it is closing already.
 * @retval -EPERM     The thread is not attached and polls no core.
 * @retval -ENETDOWN  The library is not started.
 * @context  Any attached thread, any thread that polls a core.
 * @source   O9.
 */
SAN_API int
san_close(san_handle sock, uint64_t user);

/**
 * Bind an idle socket to another completion queue of the calling thread's.
 *
 * @retval 0          Done.
 * @retval -EBUSY     An operation is posted and not reaped.
 * @retval -EPERM     Either queue is another thread's.
 * @retval -ENOMEM -ENOTSOCK -ENETDOWN  As above.
 * @context  The thread of both queues.
 * @source   O12.
 */
SAN_API int
san_move(san_handle sock, struct san_cq *cq);

/**
 * Set or read an option.
 *
 * @retval 0             Done.
 * @retval -ENOPROTOOPT  No such option, or it is read only.
 * @retval -EINVAL       Value out of range, or too late in the socket's life.
 * @retval -ENOTSOCK -EPERM -EAGAIN -ENETDOWN  As san_socket().
 * @context  Any attached thread, any thread that polls a core.
 */
SAN_API int
san_set_option(san_handle sock, enum san_option option, uint32_t value);

/** @copydoc san_set_option */
SAN_API int
san_get_option(san_handle sock, enum san_option option, uint32_t *value);

/**
 * Read the names of both ends.
 *
 * @param[in]  sock   The socket.
 * @param[out] local  May be NULL.
 * @param[out] peer   May be NULL; all zero when there is none.
 *
 * @retval 0  Done.
 * @retval -ENOTSOCK -EPERM -EAGAIN -ENETDOWN  As san_socket().
 * @context  Any attached thread, any thread that polls a core.
 */
SAN_API int
san_names(san_handle sock, struct san_addr *local, struct san_addr *peer);

#ifdef __cplusplus
}
#endif
#endif
