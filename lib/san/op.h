/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Operation: one posted request, from its post to its one end.
 *
 * Model:     the caller owns a struct san_overlapped, hands it to the stack with a post (san/post.h), and has
 *            it back when the operation has ended: when a post answers 1 or an error, when its completion is
 *            reaped, or (SAN_POLLED) when san_op_status() is no longer -EINPROGRESS.
 * Lifetime:  the structure and the buffers belong to the stack from an accepted post (0) to the end.
 *            They must not lie on the stack of a thread that may exit before that.
 * Threads:   a post is made by the thread that owns the socket's completion queue (else -EPERM);
 *            a cancel by any attached thread or any thread that polls a core.
 * Deadline:  a post with op->timeout_us set is to end within that time [us], up to 71 minutes, counted from
 *            when the owning core takes it. Then it is as if it had been cancelled, but ends
 *            with -ETIMEDOUT; a result that is there first wins. A core has room for two deadlines a
 *            socket; beyond that a post with one answers -ENOBUFS (on-core; else in the completion).
 *            A connection that gives up ends its operations with -ETIMEDOUT too: SAN_OPT_STATE tells.
 * Partly:    an operation that ends early tells in op->done how many bytes had been moved: of a send these are
 *            the connection's, of a receive they are in the buffer. Nothing is lost or moved twice.
 * Repeating: an operation of many completions; all but the last have SAN_MORE in their flags.
 * Order:     receives end in the order of their posts, sends too, accepts too; nothing else is promised. What
 *            the owning core refuses of another thread's posts ends at once, before what is pending.
 * Source:    doc/op-contract.md O1 to O10, O14.
 */
#ifndef SAN_OP_H
#define SAN_OP_H

#include <san/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What an operation does; also in each completion. */
enum san_op_kind {
	SAN_OP_NONE = 0,
	SAN_OP_ACCEPT = 1,
	SAN_OP_CONNECT = 2,
	SAN_OP_SEND = 3,
	SAN_OP_RECV = 4,
	SAN_OP_SHUTDOWN = 5,
	SAN_OP_CLOSE = 6,	/**< Only in completions: the last one of a handle. */
	SAN_OP_DISCONNECT = 7,
	SAN_OP_WATCH = 8,
};

/** Flags of a post. */
enum san_post_flag {
	SAN_POLLED = 1 << 0,	/**< No completion, no place: read san_op_status() (O14). */
	SAN_ACKED = 1 << 1,	/**< Send: end when the peer has acknowledged it, not when copied. */
	SAN_WAITALL = 1 << 2,	/**< Receive: end when the buffer is full, or at end of stream. */
	/**
	 * Send: its last byte is the last one of urgent data (RFC 9293 3.8.5). The peer is told at once how far
	 * urgent data goes; the bytes stay in their place in the stream. Receive: not given, but set in op->flags
	 * and in the flags of the completion when the peer's urgent data reaches into these bytes or lies ahead of
	 * them; SAN_OPT_URGENT says how far. Not for new designs (RFC 6093 6): for peers that need it.
	 */
	SAN_URGENT = 1 << 3,
	/**
	 * Send: more follows at once. The end of it that fills no segment waits for the next send, at most
	 * 100 ms from the first of a row of such sends; one without this flag, or a FIN, takes it along. Not a
	 * promise: under loss, or when packet buffers are short, it goes sooner.
	 */
	SAN_MORE = 1 << 4,	/* In the flags of a completion: of a repeating operation, which goes on. */
	SAN_ABORT = 1 << 5,	/**< Disconnect: at once, by RST. Watch: the peer's FIN does not end it. */
};

/**
 * One operation. Zero it once; then only `user` and `timeout_us` are the caller's to write, and only while
 * the caller owns the structure. Both stay as they are. One 64-byte line holds all that the stack reads and
 * writes.
 */
struct san_overlapped {
	uint64_t user;			/**< The caller's; comes back in the completion. */
	struct san_overlapped *next;	/**< The stack's. */
	struct san_overlapped *prev;	/**< The stack's. */
	union {
		void *buf;		/**< The stack's: where a receive goes. */
		const void *data;	/**< The stack's: what a send sends. */
		uint64_t end;		/**< The stack's: stream offset that ends a send (SAN_ACKED). */
		san_handle accepted;	/**< Result of an accept: the new socket. */
		void *extra;		/**< The stack's: what does not fit in here. */
	} u;
	san_handle sock;		/**< The socket it was posted on. */
	uint32_t len;			/**< The stack's: size of the buffer [bytes]. */
	uint32_t done;			/**< The stack's: bytes moved so far. */
	uint32_t id;			/**< Set by the post: what san_cancel() takes. */
	union {
		int32_t result;		/**< Bytes, or a negative errno; valid once ended. */
		uint32_t timer;		/**< The stack's, until then. */
	};
	uint32_t timeout_us;		/**< The caller's: see "Deadline". 0: none. */
	uint16_t flags;			/**< enum san_post_flag; the four upper bits are the stack's. */
	uint8_t kind;			/**< enum san_op_kind. */
	uint8_t state;			/**< The stack's (FREE, POSTED, ACTIVE, CANCELLING, DONE). */
} __attribute__((aligned(64)));

/**
 * Ask for the end of one operation. The outcome is its own completion: -ECANCELED or its result.
 *
 * @param[in] sock  The socket it was posted on.
 * @param[in] id    op->id, read after the post.
 *
 * @retval 0          Asked.
 * @retval -ENOTSOCK  No such socket, or it is closing.
 * @retval -EALREADY  Too late: it is being ended (on-core only).
 * @retval -ENOENT    No such operation (on-core only).
 * @retval -EAGAIN    The thread's request ring is full. On the owning core, for a socket of another thread: 1,024
 *                    such cancels wait already for posts that are on their way.
 * @retval -EPERM     The thread is not attached and polls no core.
 * @retval -ENETDOWN  The library is not started.
 * @context  Any attached thread, any thread that polls a core. Never blocks.
 * @source   O8.
 */
SAN_API int
san_cancel(san_handle sock, uint32_t id);

/**
 * Ask for the end of all that was posted on a socket before this call, as by san_cancel() for each. What is
 * posted after it is not touched, whichever thread posts it and however late the request arrives.
 *
 * @param[in] sock  The socket.
 *
 * @retval 0          Asked, or there was nothing to ask for.
 * @retval -ENOTSOCK -EAGAIN -EPERM -ENETDOWN  As san_cancel().
 * @context  Any attached thread, any thread that polls a core. Never blocks.
 * @source   O8.
 */
SAN_API int
san_cancel_all(san_handle sock);

/**
 * Read how an operation stands (for SAN_POLLED ones; O14).
 *
 * @param[in] op  The operation.
 * @return -EINPROGRESS while the stack owns it; then its result, and the caller owns it again.
 * @context The thread that posted it. Never blocks.
 */
SAN_API int
san_op_status(struct san_overlapped *op);

#ifdef __cplusplus
}
#endif
#endif
