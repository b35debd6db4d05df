/* SPDX-License-Identifier: BSD-3-Clause */
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
	if (sani_op_where(op) == SANI_OP_ON_CONNECT)
		sani_connect_drop(k, so, reason);
	undo_shutdown(so, op);
	sani_op_end(k, so, op, reason);
	return 0;
}

/* What was queued behind a send that is gone may be over already. */
static void
go_on_sending(struct san_core *k, struct sani_sock *so)
{
	bool open = so->phase == SANI_SOCK_CONNECTED || so->phase == SANI_SOCK_CONNECTING;

	if (open && so->send.head != NULL)
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

void
sani_cancel_request(struct san_core *k, san_handle h, uint32_t id, bool all)
{
	struct sani_sock *so = sani_sock_of(k, h);
	struct sani_thread *t;
	struct sani_spsc *ring;
	uint32_t noted;

	if (so == NULL || so->close != SANI_CLOSE_NONE)
		return;
	if (carry_out(k, so, id, all))
		return;
	sani_sock_rebind(k, so);
	t = sani_cq_thread(so->cq);
	ring = atomic_load_explicit(&t->req[k->id], memory_order_acquire);
	if (ring == NULL)
		return;
	noted = sani_spsc_tail(ring);
	if (noted == sani_spsc_head(ring))
		return;
	if (k->nb_kept == SANI_KEPT_CANCELS) {
		sani_count(&k->core->ctr, SANI_CTR_sock_cancels_dropped);
		return;
	}
	k->kept[k->nb_kept++] =
		(struct sani_kept_cancel){ .sock = h, .id = id, .noted = noted, .all = all, .ring = ring };
}

/* True when the cancel has done its work, or can do none any more. */
static bool
settle(struct san_core *k, const struct sani_kept_cancel *kc)
{
	struct sani_sock *so = sani_sock_of(k, kc->sock);

	if (so == NULL || so->close != SANI_CLOSE_NONE)
		return true;
	if (carry_out(k, so, kc->id, kc->all))
		return true;
	return (int32_t)(sani_spsc_head(kc->ring) - kc->noted) >= 0;
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
		k->kept[i] = k->kept[--k->nb_kept];
		done++;
	}
	return done;
}
