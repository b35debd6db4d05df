/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Posts: what each kind of operation does, and what it answers.
 *
 * Model:     san/op.h: an operation is posted, and ends exactly once. 0: accepted, a completion follows; 1: finished
 *            at once, none follows; a negative errno: refused, nothing happened.
 * Pressure:  each post says under "Pressure" what it does when the way on is blocked. In common: no place in the
 *            completion queue, or a full request ring, refuse it with -EAGAIN, and a close never needs one.
 * Threads:   the thread of the socket's completion queue (else -EPERM).
 * Source:    doc/op-contract.md O1 to O4, O10, O11; doc/closes.md.
 */
#ifndef SAN_POST_H
#define SAN_POST_H

#include <san/op.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Longest send or receive in one operation [bytes]. */
#define SAN_IO_MAX (1u << 30)

/** Most completions of a repeating operation that wait to be reaped, the last one not counted. */
#define SAN_REPEAT_MAX 64u

/** Most buffers of one operation. */
#define SAN_VEC_MAX 16u

/** One of them; as struct iovec. */
struct san_vec {
	void *base;	/**< A send only reads. */
	size_t len;	/**< [bytes]; 0: passed over. */
};

/**
 * Accept one connection from a listener.
 *
 * @param[in] listener  A listening socket.
 * @param[in] op        The operation; the stack's until it has ended.
 * @param[in] flags     0 or SAN_POLLED.
 *
 * @retval 0             Accepted; exactly one completion follows.
 * @retval -EAGAIN       No place in the completion queue, or the thread's request ring is full.
 *                       Nothing changed; reap and retry.
 * @retval -ENOTSOCK     No such socket, or it is closing.
 * @retval -EINVAL       Not listening, op is NULL or still posted, unknown flag.
 * @retval -EPERM        Another thread owns the socket's completion queue.
 * @retval -ENETDOWN     The library is not started.
 *
 * @completion  kind SAN_OP_ACCEPT; result 0 and op->u.accepted the new socket, bound to the
 *              listener's completion queue; or -ECANCELED, -ETIMEDOUT, -ENFILE (no free slot on the
 *              connection's core: the connection was reset), -EINVAL (not listening, when it came
 *              through a ring).
 * @ownership   op is the stack's from 0 to the completion.
 *
 * Pressure: connections that no accept waits for stay in the backlog; behind it SYNs are dropped, and the peer
 * sends them again (san_listen()).
 *
 * @context     The thread of the socket's completion queue. Never blocks.
 * @source      O11.
 */
SAN_API int
san_accept(san_handle listener, struct san_overlapped *op, unsigned int flags);

/**
 * Accept connections until further notice: a repeating operation (O4).
 *
 * Each connection is a completion with SAN_MORE in its flags, and the operation goes on. Its last completion is
 * the one without: then op is the caller's again. That one comes by cancel, deadline, close or an error, never
 * by itself. The post takes 1 + k places, which the last completion gives back; at most k completions wait to
 * be reaped, further connections wait in the backlog. With other accepts it takes turns in the order of posts,
 * so what is posted behind it gets connections only while its k completions wait.
 *
 * @param[in] listener  A listening socket.
 * @param[in] op        The operation.
 * @param[in] k         1..SAN_REPEAT_MAX
 *
 * @retval 0             Accepted.
 * @retval -EINVAL       k is 0 or above SAN_REPEAT_MAX; as san_accept().
 * @retval -EAGAIN       No 1 + k places in the completion queue; as san_sendv(), of which this counts as one.
 * @retval -ENOTSOCK -EPERM -ENETDOWN  As san_accept().
 *
 * Pressure: with k completions not reaped it takes no further connection until one is; see san_accept().
 *
 * @completion  kind SAN_OP_ACCEPT. With SAN_MORE: result 0 and value the new socket (op->u is not set). Without:
 *              an error of san_accept().
 * @context     The thread of the socket's completion queue. Never blocks.
 * @source      O4, O11.
 */
SAN_API int
san_accept_repeat(san_handle listener, struct san_overlapped *op, unsigned int k);

/**
 * Open a connection (RFC 9293 3.10.1, active OPEN).
 *
 * @param[in] sock   A fresh or bound socket.
 * @param[in] op     The operation.
 * @param[in] peer   Read during the call; address and port must be given.
 * @param[in] flags  0 or SAN_POLLED.
 *
 * @retval 0           Accepted.
 * @retval -EINVAL     Peer is any, a broadcast or a multicast address (RFC 9293 MUST-46); op posted.
 * @retval -EISCONN    Already connecting, connected or listening (on-core; else in the completion).
 * @retval -EAGAIN -ENOTSOCK -EPERM -ENETDOWN  As san_accept().
 *
 * @completion  kind SAN_OP_CONNECT; result 0, or -ECONNREFUSED (RST), -ETIMEDOUT, -EHOSTUNREACH,
 *              -ENETUNREACH (no route; an address of the host itself: there is no loopback),
 *              -EADDRNOTAVAIL (no local port left), -ENOBUFS (no connection left on the core), -ECANCELED.
 *
 * Pressure: short of packet buffers the SYN goes later; nothing fails for it before -ETIMEDOUT.
 *
 * @context     The thread of the socket's completion queue. Never blocks.
 */
SAN_API int
san_connect(san_handle sock, struct san_overlapped *op, const struct san_addr *peer,
	    unsigned int flags);

/**
 * Send bytes.
 *
 * On the owning core the data is copied now when there is room, and the operation is over; but for a
 * send behind one that has not ended (SAN_ACKED, or no room): sends end in order.
 *
 * @param[in] sock   A connected socket; with SAN_OPT_FASTOPEN, a connecting one too.
 * @param[in] op     The operation.
 * @param[in] data   The bytes; the stack's until the end.
 * @param[in] len    How many [bytes], 1..SAN_IO_MAX.
 * @param[in] flags  SAN_POLLED, SAN_ACKED, SAN_URGENT, SAN_MORE or 0.
 *
 * @retval 0           Accepted; one completion follows.
 * @retval 1           Finished: op->result is len, data is the caller's again, no completion follows.
 * @retval -EINVAL     data NULL, len 0 or above SAN_IO_MAX, op posted, unknown flag.
 * @retval -ENOTCONN   Not connected (on-core; else in the completion).
 * @retval -EPIPE      The sending side was shut down (likewise).
 * @retval -ECONNRESET -ETIMEDOUT  The connection is dead (likewise).
 * @retval -EAGAIN -ENOTSOCK -EPERM -ENETDOWN  As san_accept().
 *
 * Pressure: no room in the connection's send buffer (the peer's window or the path takes no more), or no packet
 * buffer: the post is accepted, the operation waits, and takes what fits as acknowledgements make room. A
 * program that is not to queue without end keeps few sends posted, or gives them deadlines.
 *
 * @completion  kind SAN_OP_SEND; result len (never less), or -ECONNRESET, -ETIMEDOUT, -EPIPE,
 *              -ENOTCONN, -ECANCELED. op->done says how many bytes had been taken by then.
 * @context     The thread of the socket's completion queue. Never blocks.
 * @source      O1, O10.
 */
SAN_API int
san_send(san_handle sock, struct san_overlapped *op, const void *data, size_t len,
	 unsigned int flags);

/**
 * Send bytes from several buffers, one behind the other, as if they were one.
 *
 * @param[in] vec    The array; read during the call only, the bytes are the stack's until the end. An entry
 *                   of length 0 is passed over.
 * @param[in] nb     Its entries, 1..SAN_VEC_MAX.
 *
 * @retval 0 1         As san_send().
 * @retval -EINVAL     nb is 0 or above SAN_VEC_MAX, an address is NULL, the sum of the lengths is 0 or above
 *                     SAN_IO_MAX; as san_send().
 * @retval -EAGAIN     As san_accept(); or 1,024 operations of several buffers are pending on this core in the
 *                     socket's completion queue.
 * @retval -ENOTCONN -EPIPE -ECONNRESET -ETIMEDOUT -ENOTSOCK -EPERM -ENETDOWN  As san_send().
 *
 * Pressure: as san_send(); the arrays that are kept are bounded (-EAGAIN).
 *
 * @completion  As san_send(): kind SAN_OP_SEND, result the sum of the lengths or an error.
 * @context     The thread of the socket's completion queue. Never blocks.
 */
SAN_API int
san_sendv(san_handle sock, struct san_overlapped *op, const struct san_vec *vec, unsigned int nb,
	  unsigned int flags);

/**
 * Receive bytes.
 *
 * @param[in] sock   A connected socket.
 * @param[in] op     The operation.
 * @param[in] buf    Where they go; the stack's until the end.
 * @param[in] len    Size of buf [bytes], 1..SAN_IO_MAX.
 * @param[in] flags  SAN_POLLED, SAN_WAITALL or 0.
 *
 * @retval 0           Accepted; one completion follows, also when data was already there.
 * @retval -EINVAL -EAGAIN -ENOTSOCK -EPERM -ENETDOWN -ENOTCONN -ECONNRESET -ETIMEDOUT  As san_send().
 *
 * Pressure: what no receive waits for stays in the connection, whose window closes: the peer stops.
 *
 * @completion  kind SAN_OP_RECV; result the bytes received, 0 at the end of the stream (FIN), or
 *              -ECONNRESET (RST), -ETIMEDOUT, -ENOTCONN, -ECANCELED; flags SAN_URGENT or 0.
 * @context     The thread of the socket's completion queue. Never blocks.
 */
SAN_API int
san_recv(san_handle sock, struct san_overlapped *op, void *buf, size_t len, unsigned int flags);

/**
 * Receive bytes into several buffers, filled one after the other, at least min of them.
 *
 * @param[in] vec    The array, as in san_sendv().
 * @param[in] nb     Its entries, 1..SAN_VEC_MAX.
 * @param[in] min    The operation does not end before so many bytes are there, but for the end of the stream;
 *                   1..the sum of the lengths. 1 is what san_recv() does, the sum SAN_WAITALL.
 *
 * @retval 0 -EINVAL -EAGAIN -ENOTSOCK -EPERM -ENETDOWN -ENOTCONN -ECONNRESET -ETIMEDOUT  As san_sendv(); -EINVAL
 *                   also when min is 0 or above the sum.
 *
 * Pressure: as san_recv(). The least number may be above the window: the buffers are filled as bytes come.
 *
 * @completion  As san_recv(): kind SAN_OP_RECV, result the bytes received: min or more, or fewer (also 0) at the
 *              end of the stream.
 * @context     The thread of the socket's completion queue. Never blocks.
 */
SAN_API int
san_recvv(san_handle sock, struct san_overlapped *op, const struct san_vec *vec, unsigned int nb,
	  size_t min, unsigned int flags);

/**
 * Memory for a repeating receive: pieces of one size, one behind the other. They are filled in turn, and given
 * back in turn: san_give_back(). The structure and the memory are the stack's until the last completion.
 */
struct san_pieces {
	void *mem;		/**< Of nb times size bytes. */
	uint32_t size;		/**< Of a piece [bytes], 1..SAN_IO_MAX. */
	uint32_t nb;		/**< 1..SAN_REPEAT_MAX */
	uint32_t given;		/**< The library's: how many were given back. */
	uint32_t reserved;	/**< 0. */
};

/**
 * Receive until the end of the stream: a repeating operation (O4).
 *
 * Each piece that is filled is a completion with SAN_MORE in its flags. Its bytes are the program's until it gives
 * the piece back, the oldest first; when none is left to fill, what arrives stays in the connection, whose
 * window closes. The last completion, without SAN_MORE, brings no bytes: 0 at the end of the stream, or an error. The
 * post takes 1 + pieces->nb places, which the last completion gives back. What is posted behind it waits.
 *
 * @param[in] sock    A connected socket.
 * @param[in] op      The operation.
 * @param[in] pieces  All of them are the stack's with the post.
 * @param[in] flags   SAN_WAITALL: full pieces, but for the one before the end of the stream; or 0.
 *
 * @retval 0           Accepted.
 * @retval -EINVAL     pieces or its memory is NULL, size or nb out of range; as san_recv().
 * @retval -EAGAIN     No 1 + nb places in the completion queue; as san_sendv(), of which this counts as one.
 * @retval -ENOTSOCK -EPERM -ENETDOWN -ENOTCONN -ECONNRESET -ETIMEDOUT  As san_send().
 *
 * Pressure: with no piece given back, or none of the completions reaped, nothing is taken out of the connection.
 *
 * @completion  kind SAN_OP_RECV. With SAN_MORE: result how many bytes, value their address; flags may have
 *              SAN_URGENT. Without: 0 or an error of san_recv(); op->done bytes are in the piece that would have
 *              been next.
 * @context     The thread of the socket's completion queue. Never blocks.
 * @source      O4.
 */
SAN_API int
san_recv_repeat(san_handle sock, struct san_overlapped *op, struct san_pieces *pieces,
		unsigned int flags);

/**
 * Give the oldest pieces of a repeating receive back; no more than were reaped and not given back.
 *
 * @param[in] pieces  Those of the post.
 * @param[in] nb      How many.
 * @return Nothing. The owning core sees it in its next round.
 * @context The thread that reaps. Never blocks.
 */
SAN_API void
san_give_back(struct san_pieces *pieces, unsigned int nb);

/**
 * Shut the sending side down: FIN behind everything that was posted before.
 *
 * @param[in] sock   A connected socket.
 * @param[in] op     The operation.
 * @param[in] flags  0 or SAN_POLLED.
 *
 * @retval 0           Accepted.
 * @retval -EINVAL -EAGAIN -ENOTSOCK -EPERM -ENETDOWN -ENOTCONN -EPIPE -ECONNRESET -ETIMEDOUT  As san_send().
 *
 * Pressure: the FIN waits behind what is not sent, for the peer's window too.
 *
 * @completion  kind SAN_OP_SHUTDOWN; result 0 when the peer has acknowledged the FIN (so all data
 *              too), or -ECONNRESET, -ETIMEDOUT, -ECANCELED (the FIN may be sent all the same).
 * @context     The thread of the socket's completion queue. Never blocks.
 */
SAN_API int
san_shutdown(san_handle sock, struct san_overlapped *op, unsigned int flags);

/**
 * End the connection in both directions; the socket stays until it is closed.
 *
 * Graceful: FIN behind everything that was posted before, as san_shutdown() does (which may have been called
 * before), and the operation ends when the peer has acknowledged it and its own FIN has come. A close sends
 * nothing then, where it would have reset a connection that is half open. Receives go on meanwhile; what is
 * never received keeps the peer's FIN away when it fills the window. A peer need not ever send its FIN: give
 * the operation a deadline, or end it with an abortive one.
 *
 * Abortive (SAN_ABORT): RST now, whatever is under way. All other operations of the socket, graceful
 * disconnects too, end with -ECONNABORTED, and so does every later transfer; what was received and not read is
 * gone.
 *
 * @param[in] sock   A connected socket.
 * @param[in] op     The operation.
 * @param[in] flags  SAN_POLLED, SAN_ABORT or 0.
 *
 * @retval 0           Accepted.
 * @retval -EINVAL -EAGAIN -ENOTSOCK -EPERM -ENETDOWN -ENOTCONN -ECONNRESET -ETIMEDOUT  As san_send().
 * @retval -ECONNABORTED  It was aborted before (on-core; else in the completion).
 *
 * Pressure: graceful as san_shutdown(); an abortive one waits for nothing, its RST has a packet buffer of its own.
 *
 * @completion  kind SAN_OP_DISCONNECT; result 0; graceful ones also -ECONNRESET, -ETIMEDOUT, -ECONNABORTED,
 *              -ECANCELED (the FIN may be sent all the same).
 * @context     The thread of the socket's completion queue. Never blocks.
 */
SAN_API int
san_disconnect(san_handle sock, struct san_overlapped *op, unsigned int flags);

/**
 * Wait for the peer to end the connection, without receiving: its FIN has come, though what it sent before may not be
 * received yet; or the connection is over.
 *
 * @param[in] sock   A connected socket. It has one watch at a time.
 * @param[in] op     The operation.
 * @param[in] flags  SAN_POLLED, 0; or SAN_ABORT: a FIN alone does not end it.
 *
 * @retval 0           Accepted; ends at once when it has happened already.
 * @retval -EBUSY      A watch is posted (on-core; else in the completion).
 * @retval -EINVAL -EAGAIN -ENOTSOCK -EPERM -ENETDOWN -ENOTCONN  As san_disconnect().
 * @retval -ECONNRESET -ETIMEDOUT -ECONNABORTED  Likewise.
 *
 * Pressure: it needs nothing.
 *
 * @completion  kind SAN_OP_WATCH; result 0 (with SAN_ABORT: the connection has ended in both directions), or
 *              -ECONNRESET, -ETIMEDOUT, -ECONNABORTED (by san_disconnect()), -ECANCELED.
 * @context     The thread of the socket's completion queue. Never blocks.
 */
SAN_API int
san_watch(san_handle sock, struct san_overlapped *op, unsigned int flags);

/** One of several posts that are made together. */
struct san_request {
	san_handle sock;
	struct san_overlapped *op;
	void *buf;		/**< SEND (it only reads) and RECV; else NULL. */
	uint32_t len;		/**< SEND and RECV: [bytes], 1..SAN_IO_MAX; else 0. */
	uint16_t flags;		/**< What the post of this kind accepts. */
	uint8_t kind;		/**< SAN_OP_SEND, _RECV, _ACCEPT, _SHUTDOWN, _DISCONNECT or _WATCH. */
	uint8_t reserved;	/**< 0. */
	int32_t answer;		/**< Set by san_post(): what the post of this kind answers. */
	uint32_t reserved2;	/**< 0. */
};

/**
 * Make several posts, one after the other, as the calls of their kinds do. From another thread than the core's it costs
 * much less than as many calls: what is posted to one core in a row is announced to it once.
 *
 * It ends at the first that is refused, so that nothing is left out in the middle of a stream: what stands behind that
 * one was not tried, and is the caller's. Each that was accepted is an operation of its own from there on: the array is
 * not needed any more.
 *
 * @param[in,out] req  The posts. `answer` is set of each that was tried, the refused one included.
 * @param[in]     nb   How many, at least 1.
 *
 * @return How many were accepted, 0..nb: `answer` 0 (a completion follows) or 1 (finished). When that is less than nb,
 *         req[that].answer is the reason.
 * @retval -EINVAL  req is NULL, or nb is 0 or above INT32_MAX; nothing happened.
 *
 * Pressure: each as its own call. A request ring holds a number of posts (`request_ring` of [host]): with more at once
 * the rest is refused with -EAGAIN; go on with those when the core has taken some.
 *
 * @context     The thread of the sockets' completion queues. Never blocks. While it runs the closes of these sockets
 *              wait for it, as for any post.
 * @source      O1, O3, O4, O7, O13.
 */
SAN_API int
san_post(struct san_request *req, unsigned int nb);

#ifdef __cplusplus
}
#endif
#endif
