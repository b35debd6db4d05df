/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A control call to a core that nobody polls is given up after a second. The thread's later calls
 * were then refused, also those to cores that are polled, until that core had met the old one.
 */
#include <errno.h>
#include <sched.h>

#include "worker.h"

static struct net net;

static void
await(struct worker *wk, unsigned int stage)
{
	while (atomic_load(&wk->stage) != stage && !atomic_load(&wk->stop))
		sched_yield();
}

/* Core 0 is polled all the time, core 1 from stage 2 on. */
static void
run_caller(struct worker *wk)
{
	struct san_core *polled = wk->net->core[0][0];
	struct san_core *silent = wk->net->core[0][1];
	uint64_t begin_ms;
	int rc;

	if (!worker_attach(wk, 8))
		return;
	begin_ms = net_now_ms();
	WORKER_CHECK(wk, watch_socket(&wk->w, silent, &rc) == NULL);
	WORKER_CHECK(wk, rc == -EAGAIN);
	WORKER_CHECK(wk, net_now_ms() - begin_ms >= 990);
	worker_socket(wk, polled);
	atomic_store(&wk->stage, 1);
	await(wk, 2);
	worker_socket(wk, silent);
	atomic_store(&wk->stage, 3);
	await(wk, 4);
	worker_detach(wk);
}

static void
call_to_a_silent_core_leaves_no_trace(void **state)
{
	const struct net_wish wish = { .one_host = true, .cold = true, .cores = { 2 } };
	static struct worker wk;
	struct san_usage u;

	(void)state;
	net_open(&net, &wish);
	assert_int_equal(san_core_release(net.core[0][1]), 0);
	net.claimed[0][1] = false;
	worker_start(&wk, &net, run_caller, NULL);
	NET_UNTIL(&net, atomic_load(&wk.stage) == 1 || atomic_load(&wk.over));
	assert_int_equal(san_core_claim(net.core[0][1]), 0);
	net.claimed[0][1] = true;
	atomic_store(&wk.stage, 2);
	NET_UNTIL(&net, atomic_load(&wk.stage) == 3 || atomic_load(&wk.over));
	net_steps(&net, 100);
	/* What was given up was not carried out after all. */
	san_host_usage(net.host[0], &u);
	assert_int_equal(u.sockets, wk.w.nb_socks);
	atomic_store(&wk.stage, 4);
	worker_end(&wk);
	net_close(&net);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(call_to_a_silent_core_leaves_no_trace),
};

NET_MAIN("abandoned_call_spoils_the_next", cases)
