/* SPDX-License-Identifier: BSD-3-Clause */
#include "sock/priv.h"
#include "tcp/lent.h"

/* The last reference is gone; on whatever thread that was. Nothing but the list is touched (O10). */
static void
push_back(void *addr, void *opaque)
{
	struct sani_extra *x = opaque;
	struct san_core *k = x->lent.core;
	struct sani_extra *head = atomic_load_explicit(&k->lent_back, memory_order_relaxed);

	(void)addr;
	do
		x->lent.next = head;
	/* release: the link, and that nothing of the memory is read any more */
	while (!atomic_compare_exchange_weak_explicit(&k->lent_back, &head, x, memory_order_release,
						      memory_order_relaxed));
}

static void
begin(struct san_core *k, struct san_overlapped *op)
{
	struct sani_lending *l = &sani_op_extra(op)->lent;

	l->info.free_cb = push_back;
	l->info.fcb_opaque = sani_op_extra(op);
	/* ours: so that it is not back before all of it is given */
	rte_mbuf_ext_refcnt_set(&l->info, 1);
	l->core = k;
	l->op = op;
	l->end = UINT64_MAX;
	l->out = true;
	l->holding = true;
	k->nb_lent++;
}

static void
let_go(struct sani_lending *l)
{
	if (!l->holding)
		return;
	l->holding = false;
	if (rte_mbuf_ext_refcnt_update(&l->info, -1) == 0)
		push_back(NULL, l->info.fcb_opaque);
}

/* Nothing but ourselves refers to it: it is back now. */
static bool
take_back(struct san_core *k, struct sani_lending *l)
{
	if (!l->holding || rte_mbuf_ext_refcnt_read(&l->info) != 1)
		return false;
	l->holding = false;
	l->out = false;
	k->nb_lent--;
	return true;
}

/* Which buffer byte op->done lies in. */
static uint32_t
find(const struct sani_extra *x, uint32_t done)
{
	uint32_t i = 0;

	while (done >= x->vec[i].len)
		done -= (uint32_t)x->vec[i++].len;
	return i;
}

uint32_t
sani_lent_write(struct san_core *k, struct sani_tcp_conn *c, struct san_overlapped *op, struct sani_tcp_io *io,
		uint32_t *ev)
{
	struct sani_extra *x = sani_op_extra(op);
	uint32_t taken, len;
	struct sani_tcp_lent l = { .data = sani_extra_at(op, &len), .info = &x->lent.info };
	const struct sani_extra_mem *m = &x->mem[find(x, op->done)];

	if (!x->lent.out)
		begin(k, op);
	l.len = len;
	l.copy = !m->lends;
	l.refer = sani_core_lends(k->core, c);
	*ev |= m->used ? sani_tcp_lend(c, &l, io, &taken) : sani_tcp_write(c, l.data, len, io, &taken);
	if (!m->used && taken == len)
		sani_count(&k->core->ctr, SANI_CTR_lend_unregistered);
	return taken;
}

void
sani_lent_given(struct san_overlapped *op, uint64_t end)
{
	struct sani_lending *l = &sani_op_extra(op)->lent;

	l->end = end;
	let_go(l);
}

bool
sani_lent_is_over(const struct san_overlapped *op, uint64_t acked)
{
	return !sani_lent_is_out(op) && acked >= sani_op_extra(op)->lent.end;
}

/* It is to end with result as soon as it can; the first that says so wins. */
static void
cancel(struct san_core *k, struct sani_sock *so, struct san_overlapped *op, int32_t result)
{
	if (sani_op_state(op) == SANI_OP_CANCELLING)
		return;
	if (op->flags & SANI_OP_TIMED)
		sani_deadline_clear(k, op);
	if (so->unsent == op)
		so->unsent = op->next;
	op->result = result;
	sani_op_set(op, SANI_OP_CANCELLING);
}

/* What the connection has of it is its own from here on; only packets are left that refer to it. */
static void
own(struct san_core *k, struct sani_sock *so, struct sani_lending *l)
{
	struct sani_tcp_io io = sani_core_io(k->core);

	so->owning |= !sani_tcp_own(sani_sock_conn(k, so), &l->info, &io);
}

void
sani_lent_own_rest(struct san_core *k, struct sani_sock *so)
{
	struct san_overlapped *op;

	so->owning = false;
	for (op = so->send.head; op != NULL; op = op->next)
		if (sani_lent_is_out(op) && sani_op_state(op) == SANI_OP_CANCELLING)
			own(k, so, &sani_op_extra(op)->lent);
}

/* Does nothing of so lend any more? Then its connection is as others are. */
static void
forget(struct san_core *k, const struct sani_sock *so)
{
	const struct san_overlapped *op = so->send.head;

	while (op != NULL && !sani_lent_is_out(op))
		op = op->next;
	if (op == NULL && so->conn != SANI_NONE)
		sani_tcp_lent_over(sani_sock_conn(k, so));
}

void
sani_lent_cancel(struct san_core *k, struct sani_sock *so, struct san_overlapped *op, int32_t result)
{
	struct sani_lending *l = &sani_op_extra(op)->lent;

	cancel(k, so, op, result);
	if (so->conn != SANI_NONE)
		own(k, so, l);
	if (!take_back(k, l)) {
		let_go(l);
		return;
	}
	sani_op_end(k, so, op, op->result);
	forget(k, so);
}

void
sani_lent_cancel_all(struct san_core *k, struct sani_sock *so, struct sani_oplist *l, int32_t result)
{
	struct san_overlapped *op;

	for (op = l->head; op != NULL; op = op->next) {
		cancel(k, so, op, result);
		if (sani_lent_is_out(op) && !take_back(k, &sani_op_extra(op)->lent))
			let_go(&sani_op_extra(op)->lent);
	}
	sani_send_settle(k, so);
}

static void
came_back(struct san_core *k, struct sani_extra *x)
{
	struct san_overlapped *op = x->lent.op;
	struct sani_sock *so = sani_sock_of(k, op->sock);

	x->lent.out = false;
	k->nb_lent--;
	sani_assert(so != NULL);
	/* Of a connection that goes on a cancelled one does not wait for its turn. */
	if (sani_op_state(op) == SANI_OP_CANCELLING && so->conn != SANI_NONE && sani_sock_goes_on(so))
		sani_op_end(k, so, op, op->result);
	if (so->send.head != NULL)
		sani_send_settle(k, so);
	forget(k, so);
}

unsigned int
sani_lent_round(struct san_core *k)
{
	struct sani_extra *x;
	unsigned int n = 0;

	sani_core_reclaim(k->core);
	/* acquire: the links, and whoever referred to the memory has done with it */
	x = atomic_exchange_explicit(&k->lent_back, NULL, memory_order_acquire);
	for (; x != NULL; n++) {
		struct sani_extra *next = x->lent.next;

		came_back(k, x);
		x = next;
	}
	return n;
}
