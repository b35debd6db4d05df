/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A thread posted a send through its ring, claimed the socket's core, and sent again: the second
 * send was taken at once, before the first, which was still in the ring (O3).
 */
#include <sched.h>
#include <string.h>

#include "worker.h"

static struct net net;

static void
await(struct worker *wk, unsigned int stage)
{
	while (atomic_load(&wk->stage) != stage && !atomic_load(&wk->stop))
		sched_yield();
}

static void
run_claimer(struct worker *wk)
{
	struct san_core *core = wk->net->core[0][0];
	struct net_pair pair;
	struct wop *send[2];

	if (!worker_attach(wk, 16) || !worker_connect(wk, 7, &pair))
		return;
	wk->arg = pair.end[1];
	send[0] = watch_op(&wk->w);
	send[1] = watch_op(&wk->w);
	atomic_store(&wk->stage, 1);
	await(wk, 2);
	WORKER_CHECK(wk, watch_send(pair.end[0], send[0], "AAAA", 4, 0) == 0);
	WORKER_CHECK(wk, san_core_claim(core) == 0);
	WORKER_CHECK(wk, watch_send(pair.end[0], send[1], "BBBB", 4, 0) >= 0);
	WORKER_UNTIL(wk, (san_core_poll(core), !send[0]->pending && !send[1]->pending));
	WORKER_CHECK(wk, san_core_release(core) == 0);
	atomic_store(&wk->stage, 3);
}

/* The receiving end is the thread's too: it receives when the core is ours again. */
static void
run(struct worker *wk)
{
	static uint8_t buf[8];
	struct wop *recv;

	run_claimer(wk);
	if (wk->nb_faults)
		return;
	recv = watch_op(&wk->w);
	await(wk, 4);
	WORKER_CHECK(wk, watch_recv(wk->arg, recv, buf, 8, SAN_WAITALL) == 0);
	WORKER_UNTIL(wk, !recv->pending);
	WORKER_CHECK(wk, recv->result == 8);
	WORKER_CHECK(wk, memcmp(buf, "AAAABBBB", 8) == 0);
	worker_detach(wk);
}

static void
posts_before_a_claim_come_before_those_after_it(void **state)
{
	static struct worker wk;

	(void)state;
	net_open(&net, NULL);
	worker_start(&wk, &net, run, NULL);
	NET_UNTIL(&net, atomic_load(&wk.stage) == 1 || atomic_load(&wk.over));
	assert_int_equal(san_core_release(net.core[0][0]), 0);
	net.claimed[0][0] = false;
	atomic_store(&wk.stage, 2);
	NET_UNTIL(&net, atomic_load(&wk.stage) == 3 || atomic_load(&wk.over));
	assert_int_equal(san_core_claim(net.core[0][0]), 0);
	net.claimed[0][0] = true;
	atomic_store(&wk.stage, 4);
	worker_end(&wk);
	net_close(&net);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(posts_before_a_claim_come_before_those_after_it),
};

NET_MAIN("sends_change_order_at_claim", cases)
