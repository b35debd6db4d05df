/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_common.h>

#include "core/map.h"
#include "sock/priv.h"

static struct san_overlapped *
find(const struct sani_sock *so, uint32_t id)
{
	struct san_overlapped *op = sani_oplist_find(&so->recv, id);

	if (op == NULL)
		op = sani_oplist_find(&so->send, id);
	if (op == NULL && so->connect != NULL && so->connect->id == id)
		op = so->connect;
	return op;
}

/*
 * A FIN that was not given to the connection yet: nothing keeps further sends out, but another one. (When one
 * is given all are.)
 */
static void
undo_shutdown(struct sani_sock *so, const struct san_overlapped *op)
{
	const struct san_overlapped *waiting;
	bool others = false;
	bool waits = false;

	if (op->kind != SAN_OP_SHUTDOWN && op->kind != SAN_OP_DISCONNECT)
		return;
	for (waiting = so->unsent; waiting != NULL; waiting = waiting->next) {
		waits |= waiting == op;
		others |= waiting != op && waiting->kind != SAN_OP_SEND;
	}
	if (waits)
		so->shut = others;
}

/* Without a look at what was queued behind it. */
static int
abort_one(struct san_core *k, struct sani_sock *so, struct san_overlapped *op, int32_t reason)
{
	if (sani_op_where(op) == SANI_OP_ON_ACCEPT)
		return sani_accept_abort(k, so, op, reason);
	if (op->kind == SAN_OP_CONNECT && sani_op_where(op) == SANI_OP_ON_CONNECT)
		sani_connect_drop(k, so, reason);
	if (sani_op_state(op) == SANI_OP_CANCELLING)
		return -EALREADY;
	undo_shutdown(so, op);
	if (sani_unlikely(sani_lent_is_out(op)))
		sani_lent_cancel(k, so, op, reason);
	else
		sani_op_end(k, so, op, reason);
	return 0;
}

/* What was queued behind a send that is gone may be over already. */
static void
go_on_sending(struct san_core *k, struct sani_sock *so)
{
	if (sani_sock_goes_on(so) && so->send.head != NULL)
		sani_send_pump(k, so);
}

int
sani_op_abort(struct san_core *k, struct sani_sock *so, struct san_overlapped *op, int32_t reason)
{
	int rc = abort_one(k, so, op, reason);

	go_on_sending(k, so);
	return rc;
}

int
sani_cancel_now(struct san_core *k, struct sani_sock *so, uint32_t id)
{
	struct san_overlapped *op = find(so, id);

	return op != NULL ? sani_op_abort(k, so, op, -ECANCELED) : -ENOENT;
}

/* The first that was posted before `below` (ids may wrap) and is not to end already. */
static struct san_overlapped *
first_before(const struct sani_oplist *l, uint32_t below)
{
	struct san_overlapped *op = l->head;

	while (op != NULL && ((int32_t)(op->id - below) >= 0 || sani_op_state(op) == SANI_OP_CANCELLING))
		op = op->next;
	return op;
}

void
sani_cancel_all_now(struct san_core *k, struct sani_sock *so, uint32_t below)
{
	struct san_overlapped *op;

	while ((op = first_before(&so->recv, below)) != NULL)
		abort_one(k, so, op, -ECANCELED);
	while ((op = first_before(&so->send, below)) != NULL)
		abort_one(k, so, op, -ECANCELED);
	if (so->connect != NULL && (int32_t)(so->connect->id - below) < 0)
		abort_one(k, so, so->connect, -ECANCELED);
	go_on_sending(k, so);
}

/* True when that was all there was to do. */
static bool
carry_out(struct san_core *k, struct sani_sock *so, uint32_t id, bool all)
{
	if (!all)
		return sani_cancel_now(k, so, id) != -ENOENT;
	sani_cancel_all_now(k, so, id);
	return false;
}

/*
 * How many there can be. One is settled when the ring of the socket's thread is processed as far as it went, and that
 * takes no more rounds than the ring takes. In each of these, and in the one before, every thread can add what is
 * taken from its ring in a round, and one that claims the core all of its ring. The poller's own calls are counted.
 */
static size_t
most_kept(uint32_t ring_size)
{
	size_t ring = rte_align32pow2(ring_size);
	size_t rounds = 1 + (ring + SANI_REQUESTS_A_ROUND - 1) / SANI_REQUESTS_A_ROUND;

	return rounds * (SANI_THREADS * SANI_REQUESTS_A_ROUND + ring) + SANI_KEPT_HERE;
}

int
sani_cancel_init(struct san_core *k)
{
	k->kept_size = most_kept(k->ring_size);
	k->kept = sani_map(k->kept_size * sizeof(*k->kept));
	return k->kept == NULL ? -ENOMEM : 0;
}

void
sani_cancel_fini(struct san_core *k)
{
	sani_unmap(k->kept, k->kept_size * sizeof(*k->kept));
	k->kept = NULL;
}

int
sani_cancel_request(struct san_core *k, san_handle h, uint32_t id, bool all, bool here)
{
	struct sani_sock *so = sani_sock_of(k, h);
	struct sani_thread *t;
	struct sani_spsc *ring;
	uint32_t noted;

	if (so == NULL || so->close != SANI_CLOSE_NONE)
		return 0;
	if (carry_out(k, so, id, all))
		return 0;
	sani_sock_rebind(k, so);
	t = sani_cq_thread(so->lane->cq);
	ring = atomic_load_explicit(&t->req[k->id], memory_order_acquire);
	if (ring == NULL)
		return 0;
	noted = sani_spsc_tail(ring);
	if (noted == sani_spsc_head(ring))
		return 0;
	if (here && k->nb_kept_here == SANI_KEPT_HERE)
		return -EAGAIN;
	sani_assert(k->nb_kept < k->kept_size);
	k->nb_kept_here += here;
	k->kept[k->nb_kept++] = (struct sani_kept_cancel){
		.sock = h, .id = id, .noted = noted, .thread = t->id, .all = all, .here = here,
	};
	return 0;
}

/* True when the cancel has done its work, or can do none any more. */
static bool
settle(struct san_core *k, const struct sani_kept_cancel *kc)
{
	struct sani_sock *so = sani_sock_of(k, kc->sock);
	uint32_t head = sani_request_head(k, sani_thread_get(kc->thread));

	if (so == NULL || so->close != SANI_CLOSE_NONE)
		return true;
	if (carry_out(k, so, kc->id, kc->all))
		return true;
	return (int32_t)(head - kc->noted) >= 0;
}

unsigned int
sani_cancel_round(struct san_core *k)
{
	uint32_t i = 0;
	unsigned int done = 0;

	while (i < k->nb_kept) {
		if (!settle(k, &k->kept[i])) {
			i++;
			continue;
		}
		k->nb_kept_here -= k->kept[i].here;
		k->kept[i] = k->kept[--k->nb_kept];
		done++;
	}
	return done;
}
