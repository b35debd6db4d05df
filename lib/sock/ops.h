/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Ops: what the files of this module offer each other about operations, from start to end.
 *
 * Words and threads: as in priv.h, which includes this file.
 */
#ifndef SANI_SOCK_OPS_H
#define SANI_SOCK_OPS_H

#include "sock/priv.h"

/* end.c: the one end of operations (O2) */

/** End op with result; it is on the list of its kind, or on none. */
void
sani_op_end(struct san_core *k, struct sani_sock *so, struct san_overlapped *op, int32_t result);

/** Take deadline and extra of an operation away: it has ended, or was refused. */
void
sani_op_strip(struct san_core *k, struct san_overlapped *op);

/** End every operation of a list; what packets refer to when they let go, and what is behind it then. */
void
sani_op_end_all(struct san_core *k, struct sani_sock *so, struct sani_oplist *l, int32_t result);

/** Another queue was published to than the last time. */
void
sani_touch_other_cq(struct san_core *k, struct san_cq *cq);

/** A queue was published to: its thread is woken at the end of the round. */
static inline void
sani_touch_cq(struct san_core *k, struct san_cq *cq)
{
	if (k->touched_last != cq)
		sani_touch_other_cq(k, cq);
}

/** Show what is written in the lane that is held. */
static inline void
sani_held_show(struct san_core *k)
{
	if (k->held != NULL)
		sani_spsc_show(k->held->ring);
	k->held = NULL;
}

/** Completions of a socket are written: show them, or those of several together when requests are processed. */
static inline void
sani_sock_show(struct san_core *k, struct sani_sock *so)
{
	if (sani_likely(!k->gathers)) {
		sani_spsc_show(so->lane->ring);
	} else if (k->held != so->lane) {
		sani_held_show(k);
		k->held = so->lane;
	}
	sani_touch_cq(k, so->lane->cq);
}

/** Wake the threads of the touched queues, and the cores that were sent something. Nothing without any. */
void
sani_wake_touched(struct san_core *k);

/* extra.c */

/**
 * Make what does not fit into the operation's line. Before anything else of the operation is written, so that a refusal
 * changes nothing. The posting thread. @retval 0 -EAGAIN (no room) -EINVAL -EFAULT -EACCES
 */
int
sani_extra_make(const struct sani_post_extra *p, struct sani_extras *pool, struct sani_extra **out);

/* repeat.c: O4 */

/** How many completions a repeating operation may write now. */
uint32_t
sani_repeat_room(const struct sani_sock *so, const struct san_overlapped *op);

/** Write one, with op->done as its result; there is room. */
void
sani_repeat_put(struct san_core *k, struct sani_sock *so, struct san_overlapped *op, uint64_t value);

/** Has a repeating receive a piece to fill, and room to tell it? */
bool
sani_repeat_has_piece(const struct sani_sock *so, const struct san_overlapped *op);

/**
 * Text has come, with something posted that receives, and no FIN. Where the oldest is a repeating receive whose next
 * piece holds all of it, that is filled and told. @return False: nothing was done; sani_recv_pump() does all there is.
 */
bool
sani_repeat_take(struct san_core *k, struct sani_sock *so, struct sani_tcp_conn *c);

/**
 * The peer's FIN has come, and a repeating receive is the oldest. Where it is the only one, and nothing came before the
 * FIN that was not read, it ends. @return False: nothing was done; sani_recv_pump() does all there is.
 */
bool
sani_repeat_end(struct san_core *k, struct sani_sock *so, const struct sani_tcp_conn *c);

/** Its repeating operation waits for the reaper: look again next round. */
void
sani_repeat_pause(struct san_core *k, struct sani_sock *so);

/** The socket closes: it waits for nothing. */
void
sani_repeat_forget(struct san_core *k, struct sani_sock *so);

/** Go on with what may. @return How many sockets went on. */
unsigned int
sani_repeat_round(struct san_core *k);

/* deadline.c */

/** @retval 0 -ENOMEM. Control path. */
int
sani_deadline_init(struct san_core *k, uint32_t nb);

void
sani_deadline_fini(struct san_core *k);

/** Give op, which is about to start, the deadline of op->timeout_us. @retval 0 -ENOBUFS */
int
sani_deadline_set(struct san_core *k, struct sani_sock *so, struct san_overlapped *op);

/** Take the deadline of an operation (SANI_OP_TIMED) away. */
void
sani_deadline_clear(struct san_core *k, struct san_overlapped *op);

/** End what is due. @return How much was done. */
unsigned int
sani_deadline_round(struct san_core *k);

/* check.c: the contract at run time, in builds with assertions (b_ndebug=false) only */

#ifndef NDEBUG
/** A socket between two calls: its lists, what is on them, and what is counted of them. */
void
sani_check_sock(struct san_core *k, struct sani_sock *so);

/** Before op writes a completion or ends: its socket is not retired, its state allows it, it has a place. */
void
sani_check_entry(const struct san_core *k, const struct sani_sock *so, const struct san_overlapped *op);

/** Some sockets of a core, others each round. */
void
sani_check_round(struct san_core *k);
#else
static inline void
sani_check_sock(struct san_core *k, struct sani_sock *so)
{
	(void)k;
	(void)so;
}

static inline void
sani_check_entry(const struct san_core *k, const struct sani_sock *so, const struct san_overlapped *op)
{
	(void)k;
	(void)so;
	(void)op;
}

static inline void
sani_check_round(struct san_core *k)
{
	(void)k;
}
#endif

/* start.c: what a post does on the owning core */

/**
 * Start an operation. It is POSTED and counted in nb_ops.
 * @retval 0  It is the stack's (or has ended already).  @retval 1  Finished, not ended: all of it is done.
 * @retval <0 Refused, not ended.
 */
int
sani_op_start(struct san_core *k, struct sani_sock *so, struct san_overlapped *op);

/** sani_op_start() for an operation that came through a ring: whatever happens ends it. */
void
sani_op_start_off_core(struct san_core *k, struct sani_sock *so, struct san_overlapped *op);

/* xfer.c: sends, receives, shutdown, disconnect */

int
sani_send_start(struct san_core *k, struct sani_sock *so, struct san_overlapped *op);
int
sani_recv_start(struct san_core *k, struct sani_sock *so, struct san_overlapped *op);
int
sani_shutdown_start(struct san_core *k, struct sani_sock *so, struct san_overlapped *op);
int
sani_disconnect_start(struct san_core *k, struct sani_sock *so, struct san_overlapped *op);

/** Give the connection what it takes, end what is finished. */
void
sani_send_pump(struct san_core *k, struct sani_sock *so);

/** End sends that have come back, and what they held up. */
void
sani_send_settle(struct san_core *k, struct sani_sock *so);

/** Fill receives with what there is, end what is finished. */
void
sani_recv_pump(struct san_core *k, struct sani_sock *so);

/* connect.c: connection events */

int
sani_connect_start(struct san_core *k, struct sani_sock *so, struct san_overlapped *op);

int
sani_watch_start(struct san_core *k, struct sani_sock *so, struct san_overlapped *op);

/** A connect fails: the connection is dropped, the socket fresh again; sends that came early end with error. */
void
sani_connect_drop(struct san_core *k, struct sani_sock *so, int error);

/** struct sani_core_up.event */
void
sani_conn_event(struct sani_core *core, struct sani_tcp_conn *c, uint32_t ev);

/** struct sani_core_up.reads */
uint32_t
sani_conn_reads(struct sani_core *core, uint32_t sock);

/** struct sani_core_up.moved */
void
sani_conn_moved(struct sani_core *core, uint32_t sock, uint32_t idx);

/** struct sani_core_up.ahead */
void
sani_conn_ahead(struct sani_core *core, uint32_t sock, enum sani_ahead what);

/* cancel.c: O8 */

/**
 * A listed operation is to end with reason: the step of O9.4, the same for cancel and deadline.
 * @retval 0 -EALREADY
 */
int
sani_op_abort(struct san_core *k, struct sani_sock *so, struct san_overlapped *op, int32_t reason);

/** Cancel operation id. @retval 0 -EALREADY -ENOENT */
int
sani_cancel_now(struct san_core *k, struct sani_sock *so, uint32_t id);

/** Cancel all operations that were posted before the one with id below. */
void
sani_cancel_all_now(struct san_core *k, struct sani_sock *so, uint32_t below);

/**
 * A cancel from another thread than the poller, or for a socket bound to another thread: may be kept.
 * @param[in] all   All that were posted before id.
 * @param[in] here  By a call of the poller. Only such a one can be refused.
 * @retval 0 -EAGAIN
 */
int
sani_cancel_request(struct san_core *k, san_handle h, uint32_t id, bool all, bool here);

/** Make the room for kept cancels. @retval 0 -ENOMEM. Control path. */
int
sani_cancel_init(struct san_core *k);

void
sani_cancel_fini(struct san_core *k);

/** Look at the kept cancels again. @return How many were settled. */
unsigned int
sani_cancel_round(struct san_core *k);

#endif
