/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Watch: an oracle for the contract of operations. It makes the calls, remembers what was accepted,
 * and holds every completion against it.
 *
 * Model:     one watch for each thread, with one completion queue. Every socket and operation of the
 *            thread goes through it. What contradicts the contract is a fault: the first one's text is
 *            kept, and the test asks for it (watch_sound()) on the thread that runs the cases.
 * Checked:   an accepted operation ends exactly once; a post that was refused or finished at once ends
 *            never again; structure and completion agree; the result is one that op.h documents;
 *            receives, sends and accepts end in the order of their posts (cancelled ones excepted); the
 *            close completion comes once, last, and only after a close; the caller's value comes back.
 * Lifetime:  operations and sockets are freed by watch_end() only, so a late completion is a fault and
 *            never a wild pointer.
 * Threads:   the thread that made it, but for watch_shut(), which any attached thread may call.
 */
#ifndef TESTS_PORTS_WATCH_H
#define TESTS_PORTS_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>

#include <san/san.h>

struct watch;
struct wsock;

/** An operation under watch. The structure itself is first: a completion names it. */
struct wop {
	struct san_overlapped ov;
	uint64_t magic;
	uint64_t user;		/**< What ov.user was at the post. */
	struct wsock *sock;
	struct wop *next;	/**< All of the watch. */
	uint32_t order;		/**< Of its kind on its socket, counted from 1. */
	uint32_t nb_posts;	/**< Accepted ones (0). */
	uint32_t nb_ends;	/**< Completions. */
	size_t len;
	bool pending;
	bool cancel_asked;
	uint8_t kind;
	uint8_t flags;
	int32_t result;		/**< Of the completion; INT32_MIN before. */
	struct wsock *accepted;	/**< Accept: the new socket. */
};

/** A socket under watch. */
struct wsock {
	san_handle h;
	struct watch *w;
	struct wsock *next;
	uint64_t close_user;
	uint32_t nb_pending;		/**< Accepted and not ended; SAN_POLLED ones not counted. */
	uint32_t last_post[8];		/**< By enum san_op_kind. */
	uint32_t last_end[8];
	atomic_bool close_asked;	/**< Somebody has called san_close(). */
	bool aborted;			/**< An abortive disconnect was posted. */
	bool closed;			/**< The close completion was reaped. */
};

struct watch {
	struct san_cq *cq;
	struct wop *ops;
	struct wsock *socks;
	uint64_t nb_posts;	/**< Accepted. */
	uint64_t nb_ends;
	uint64_t nb_closed;
	uint64_t nb_socks;
	uint64_t serial;
	bool cleaning;		/**< san_cleanup() closes what is open. */
	unsigned int nb_faults;
	char fault[512];
};

/** Begin, with a completion queue of depth places. @return What san_cq_create() answered. */
int
watch_begin(struct watch *w, unsigned int depth);

/** End: the queue is destroyed, memory freed. @return What san_cq_destroy() answered. */
int
watch_end(struct watch *w);

/** Free the memory of a watch whose thread has left without ending its queue, and whose sockets are gone. */
void
watch_forget(struct watch *w);

/** Note a fault. */
void
watch_fault(struct watch *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Assert that there was no fault (cmocka). */
void
watch_sound(const struct watch *w);

/** A socket; NULL: *rc says why. */
struct wsock *
watch_socket(struct watch *w, struct san_core *core, int *rc);

/** A socket that the library made otherwise: an accepted one. */
struct wsock *
watch_adopt(struct watch *w, san_handle h);

/** A fresh operation. */
struct wop *
watch_op(struct watch *w);

/** The posts: as in op.h; what they answer is what the library answered. */
int
watch_accept(struct wsock *s, struct wop *op, unsigned int flags);
int
watch_connect(struct wsock *s, struct wop *op, const struct san_addr *peer, unsigned int flags);
int
watch_send(struct wsock *s, struct wop *op, const void *data, size_t len, unsigned int flags);
int
watch_recv(struct wsock *s, struct wop *op, void *buf, size_t len, unsigned int flags);
/** Up to WATCH_TOGETHER receives, by san_post(). */
#define WATCH_TOGETHER 8
int
watch_recv_together(struct wsock *s, struct wop *const op[], void *const buf[], uint32_t len, unsigned int nb);
int
watch_shutdown(struct wsock *s, struct wop *op, unsigned int flags);
int
watch_disconnect(struct wsock *s, struct wop *op, unsigned int flags);
int
watch_cancel(struct wsock *s, struct wop *op);

/**
 * Take a post for made, and answered so, without making it: for cases of the watch itself. Who posts uses the functions
 * above, which write down what is posted before the call: its completion may come before the call is over.
 */
void
watch_note(struct wop *op, struct wsock *s, enum san_op_kind kind, size_t len, unsigned int flags, int rc);

/** Close a socket; any thread that may. */
int
watch_shut(struct wsock *s);

/** Reap what there is, and check it. @return How many. */
unsigned int
watch_reap(struct watch *w);

/** Check one completion that the caller has reaped from w->cq. */
void
watch_check(struct watch *w, const struct san_completion *c);

/** Status of a SAN_POLLED operation; the first final one is its end. */
int
watch_status(struct wop *op);

/** Note a fault for every operation and every socket that has not ended exactly once. */
void
watch_audit(struct watch *w);

/** Audit, reap once more, and assert that there was nothing and no fault. */
void
watch_settled(struct watch *w);

/** Every call that takes a handle answers -ENOTSOCK. @return The name of the first that does not, or NULL. */
const char *
watch_stale(san_handle h, struct san_cq *cq);

/** How many sockets are not closed. */
unsigned int
watch_open_sockets(const struct watch *w);

/** Close every socket that is not closed yet. */
void
watch_shut_all(struct watch *w);

#endif
