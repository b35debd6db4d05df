/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Received buffers that programs have. Each core counts what it gave; whoever gives one back frees it, and counts
 * that. A cleanup that finds none out has to be sure that none goes out behind its look:
 *
 *   core                          cleanup
 *   given += n                    forbidden++
 *   forbidden? given -= n         given == back, on every core?
 *
 * both in one order for all (seq_cst), so one of them sees the other.
 */
#include <rte_mbuf.h>

#include "sock/priv.h"
#include "tcp/lent.h"

/* By so many cleanups at once, of which one wins. */
static _Atomic uint32_t forbidden;

uint64_t
sani_loan_count(const struct sani_loans *l)
{
	/* back first: it never is more than what was given by then */
	uint64_t back = atomic_load(&l->back);

	return atomic_load(&l->given) - back;
}

void
sani_loan_forbid(void)
{
	atomic_fetch_add(&forbidden, 1);
}

void
sani_loan_allow(void)
{
	atomic_fetch_sub(&forbidden, 1);
}

/* Reserve what may be lent of want. */
static uint32_t
reserve(struct san_core *k, uint32_t want)
{
	struct sani_loans *l = &k->loans;
	uint64_t out = sani_loan_count(l);
	uint32_t n = out < l->max ? (uint32_t)RTE_MIN(want, l->max - out) : 0;

	atomic_fetch_add(&l->given, n);
	if (atomic_load(&forbidden) == 0)
		return n;
	atomic_fetch_sub(&l->given, n);
	return 0;
}

static void
fill(struct san_loan *loan, struct rte_mbuf *m, struct sani_loans *l)
{
	loan->base = rte_pktmbuf_mtod(m, const void *);
	loan->len = m->data_len;
	loan->stack[0] = (uintptr_t)m;
	loan->stack[1] = (uintptr_t)l;
}

/* Nothing may be lent now: look again next round. */
static bool
wait_for_others(struct san_core *k, struct sani_sock *so, struct sani_extra *x)
{
	if (!x->waited)
		sani_count(&k->core->ctr, SANI_CTR_lend_rx_full);
	x->waited = true;
	sani_repeat_pause(k, so);
	return false;
}

bool
sani_loan_recv(struct san_core *k, struct sani_sock *so, struct san_overlapped *op, uint32_t *ev)
{
	struct sani_tcp_conn *c = sani_sock_conn(k, so);
	struct sani_extra *x = sani_op_extra(op);
	struct rte_mbuf *m[SAN_LOAN_MAX];
	uint32_t room, n, one;

	if (sani_tcp_at_end(c)) {
		sani_op_end(k, so, op, 0);
		return true;
	}
	/* of a thread that is gone nobody would hear of them */
	if (sani_tcp_readable(c) == 0 || (k->gone_here && sani_gone_cq(so->lane->cq)))
		return false;
	room = reserve(k, x->nb);
	if (room == 0)
		return wait_for_others(k, so, x);
	n = sani_tcp_take(c, m, room, &op->done, &one);
	*ev |= one;
	atomic_fetch_sub(&k->loans.given, room - n);
	for (uint32_t i = 0; i < n; i++)
		fill(&x->loans[i], m[i], &k->loans);
	sani_count_n(&k->core->ctr, SANI_CTR_lend_rx, n);
	sani_op_end(k, so, op, (int32_t)op->done);
	return true;
}

void
sani_loan_give_back(struct san_loan *loan)
{
	struct sani_loans *l = (struct sani_loans *)(uintptr_t)loan->stack[1];
	struct rte_mbuf *m = (struct rte_mbuf *)(uintptr_t)loan->stack[0];

	*loan = (struct san_loan){ .base = NULL };
	rte_pktmbuf_free(m);
	/* after the buffer: with the last one back the host may end */
	atomic_fetch_add(&l->back, 1);
}
