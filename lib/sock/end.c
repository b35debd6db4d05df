/* SPDX-License-Identifier: BSD-3-Clause */
#include "sock/end.h"
#include "sock/priv.h"

static void
unlink_op(struct san_core *k, struct sani_sock *so, struct san_overlapped *op)
{
	struct sani_accepting *a;

	switch (sani_op_where(op)) {
	case SANI_OP_ON_RECV:
		/* mostly the oldest */
		if (sani_likely(so->recv.head == op))
			sani_oplist_shift(&so->recv, op);
		else
			sani_oplist_remove(&so->recv, op);
		break;
	case SANI_OP_ON_ACCEPT:
		a = sani_sock_accepting(k, so);
		a->nb_accepts -= !(op->flags & SANI_OP_REPEAT);
		a->nb_repeating -= (op->flags & SANI_OP_REPEAT) != 0;
		a->nb_cancelling -= sani_op_state(op) == SANI_OP_CANCELLING;
		sani_oplist_remove(&so->recv, op);
		break;
	case SANI_OP_ON_SEND:
		if (so->unsent == op)
			so->unsent = op->next;
		sani_oplist_remove(&so->send, op);
		break;
	case SANI_OP_ON_CONNECT:
		so->connect = NULL;
		op->flags &= (uint16_t)~SANI_OP_LISTED;
		break;
	case SANI_OP_NOWHERE:
		break;
	}
}

/* There is no room for cq beside the others. */
static void SANI_SELDOM
touch_after_all(struct san_core *k, struct san_cq *cq)
{
	/* or who is woken would not see it, and sleep again */
	sani_held_show(k);
	sani_wake_touched(k);
	k->touched[k->nb_touched++] = cq;
	k->touched_last = cq;
}

void
sani_touch_other_cq(struct san_core *k, struct san_cq *cq)
{
	uint32_t i;

	k->touched_last = cq;
	for (i = 0; i < k->nb_touched; i++)
		if (k->touched[i] == cq)
			return;
	if (sani_unlikely(k->nb_touched == SANI_TOUCHED))
		touch_after_all(k, cq);
	else
		k->touched[k->nb_touched++] = cq;
}

static void
wake_cores(struct san_core *k)
{
	uint64_t told = k->core->told;

	for (unsigned int i = 0; told != 0; i++, told >>= 1)
		if (told & 1)
			sani_core_wake_published(k->host->cores[i]);
	k->core->told = 0;
}

/* Is nobody to be woken but, at most, the thread that polls k, by its only queue? Then it is that which published. */
static inline bool
is_own(const struct san_core *k)
{
	return k->nb_touched == 1 && k->core->told == 0 &&
	       atomic_load_explicit(&k->touched[0]->thread_id, memory_order_relaxed) ==
		       atomic_load_explicit(&k->claimer, memory_order_relaxed);
}

static __attribute__((noinline)) void
wake_others(struct san_core *k)
{
	uint32_t i;

	/* What was published before the look at `armed`, against the sleeper's exchange (O13). */
	atomic_thread_fence(memory_order_seq_cst);
	for (i = 0; i < k->nb_touched; i++)
		sani_cq_wake(k->touched[i]);
	k->nb_touched = 0;
	k->touched_last = NULL;
	wake_cores(k);
}

void
sani_wake_touched(struct san_core *k)
{
	if (k->nb_touched == 0 && k->core->told == 0)
		return;
	if (sani_unlikely(!is_own(k))) {
		wake_others(k);
		return;
	}
	/* what a thread has stored itself it sees without a barrier: no look of its own at the queue is missed */
	sani_cq_wake(k->touched[0]);
	k->nb_touched = 0;
	k->touched_last = NULL;
}

void
sani_op_strip(struct san_core *k, struct san_overlapped *op)
{
	if (op->flags & SANI_OP_TIMED)
		sani_deadline_clear(k, op);
	if (op->flags & SANI_OP_EXTRA)
		sani_op_drop_extra(op);
}

/* Take op out of its list, deadline and extra away. @return How many places its completion gives back. */
static uint8_t __attribute__((noinline))
let_go(struct san_core *k, struct sani_sock *so, struct san_overlapped *op)
{
	uint8_t places = 1;

	unlink_op(k, so, op);
	if (sani_unlikely(op->flags & SANI_OP_REPEAT))
		places = (uint8_t)(1 + sani_op_extra(op)->repeat.k);
	if (sani_unlikely(op->flags & (SANI_OP_TIMED | SANI_OP_EXTRA)))
		sani_op_strip(k, op);
	return places;
}

/* Its thread is gone, and nobody will reap anything (O16): as if it were polled. */
static void SANI_SELDOM
drop(struct san_core *k, struct sani_sock *so, struct san_overlapped *op, int32_t result)
{
	if (!(op->flags & SAN_POLLED))
		sani_count(&k->core->ctr, SANI_CTR_sock_orphans);
	sani_op_finish(so->lane, sani_sock_record(so), op, op->kind, SAN_POLLED, result);
}

static inline void
end_op(struct san_core *k, struct sani_sock *so, struct san_overlapped *op, int32_t result)
{
	unsigned int flags = op->flags;
	struct sani_cq_entry *e;
	uint8_t places = 1;

	sani_check_entry(k, so, op);
	if (flags & (SANI_OP_LISTED | SANI_OP_TIMED | SANI_OP_EXTRA))
		places = let_go(k, so, op);
	so->nb_ops--;
	sani_count(&k->core->ctr, SANI_CTR_sock_ops_ended);
	if (sani_unlikely(k->gone_here) && sani_gone_cq(so->lane->cq)) {
		drop(k, so, op, result);
		return;
	}
	e = sani_op_finish(so->lane, sani_sock_record(so), op, op->kind, flags, result);
	if (e == NULL)
		return;
	e->places = places;
	sani_sock_show(k, so);
}

void
sani_op_end(struct san_core *k, struct sani_sock *so, struct san_overlapped *op, int32_t result)
{
	end_op(k, so, op, result);
}

/* Off the head of a list of receives or of sends. */
static inline void
shift(struct sani_sock *so, struct sani_oplist *l, struct san_overlapped *op)
{
	if (so->unsent == op)
		so->unsent = op->next;
	sani_oplist_shift(l, op);
}

/* Does it end by nothing but a result? Not polled: such a one is the caller's as soon as it has ended. */
static inline bool
is_plain(const struct san_overlapped *op)
{
	return (op->flags & (SANI_OP_TIMED | SANI_OP_EXTRA | SAN_POLLED)) == 0;
}

/* Plain ones at the head of a list, in one go: what they have in common is done once. @return How many. */
static inline __attribute__((always_inline)) uint32_t
finish_plain(struct san_core *k, struct sani_sock *so, struct sani_oplist *l, int32_t result, bool receives)
{
	struct sani_lane *lane = so->lane;
	struct sani_record *rec = sani_sock_record(so);
	struct san_overlapped *op, *next;
	uint32_t n = 0;

	for (op = l->head; op != NULL && is_plain(op); op = next, n++) {
		unsigned int flags = op->flags;

		next = op->next;
		__builtin_prefetch(next, 1);
		sani_check_entry(k, so, op);
		op->flags = (uint16_t)(flags & ~(unsigned int)SANI_OP_LISTED);
		sani_op_finish(lane, rec, op, receives ? SAN_OP_RECV : op->kind, flags & SAN_URGENT, result);
	}
	l->head = op;
	if (op != NULL)
		op->prev = NULL;
	else
		l->tail = NULL;
	return n;
}

/* They are to be shown. */
static inline void
end_plain(struct san_core *k, struct sani_sock *so, struct sani_oplist *l, int32_t result)
{
	uint32_t n;

	sani_assert(!so->listens);
	if (l == &so->recv) {
		n = finish_plain(k, so, l, result, true);
	} else {
		n = finish_plain(k, so, l, result, false);
		/* Nobody has been shown their ends yet. */
		if (so->unsent != NULL && !(so->unsent->flags & SANI_OP_LISTED))
			so->unsent = l->head;
	}
	so->nb_ops -= n;
	sani_count_n(&k->core->ctr, SANI_CTR_sock_ops_ended, n);
}

/* From the first one on that is not plain. */
static void __attribute__((noinline))
end_others(struct san_core *k, struct sani_sock *so, struct sani_oplist *l, int32_t result)
{
	struct san_overlapped *op;

	if (!k->gone_here)
		sani_sock_show(k, so);
	while ((op = l->head) != NULL && !sani_lent_is_out(op)) {
		shift(so, l, op);
		end_op(k, so, op, result);
	}
	/* What packets still refer to, and for the order what stands behind it. */
	if (sani_unlikely(l->head != NULL))
		sani_lent_cancel_all(k, so, l, result);
}

void
sani_op_end_all(struct san_core *k, struct sani_sock *so, struct sani_oplist *l, int32_t result)
{
	if (l->head == NULL)
		return;
	if (sani_likely(!k->gone_here))
		end_plain(k, so, l, result);
	if (sani_unlikely(l->head != NULL))
		end_others(k, so, l, result);
	else
		sani_sock_show(k, so);
}
