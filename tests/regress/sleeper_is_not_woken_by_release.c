/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The poller of a core closed another thread's socket between two rounds and gave the core back.
 * The close was there to reap, but the wake-up was left to a round that did not come (O13).
 */
#include <sched.h>
#include <time.h>

#include "worker.h"

#define SLEEP_MS 60000

static struct net net;

static void
run_sleeper(struct worker *wk)
{
	uint64_t begin_ms;
	int rc;

	if (!worker_attach(wk, 8) ||
	    !worker_socket(wk, wk->net->core[0][0]))
		return;
	begin_ms = net_now_ms();
	atomic_store(&wk->stage, 1);
	rc = san_cq_wait(wk->w.cq, SLEEP_MS * 1000);
	WORKER_CHECK(wk, rc == 1);
	WORKER_CHECK(wk, net_now_ms() - begin_ms < SLEEP_MS);
	watch_reap(&wk->w);
	WORKER_CHECK(wk, watch_open_sockets(&wk->w) == 0);
	worker_detach(wk);
}

static void
close_and_release_wake_the_sockets_thread(void **state)
{
	const struct net_wish wish = { .one_host = true, .cold = true };
	const struct timespec pause = { .tv_nsec = 300000000 };
	static struct worker wk;

	(void)state;
	net_open(&net, &wish);
	worker_start(&wk, &net, run_sleeper, NULL);
	NET_UNTIL(&net, atomic_load(&wk.stage) == 1);
	/* It is asleep after this. */
	nanosleep(&pause, NULL);
	assert_int_equal(watch_shut(wk.w.socks), 0);
	net_release(&net);
	worker_end(&wk);
	assert_int_equal(net_cleanup(&net), 0);
	watch_settled(&net.w);
	assert_int_equal(watch_end(&net.w), 0);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(close_and_release_wake_the_sockets_thread),
};

NET_MAIN("sleeper_is_not_woken_by_release", cases)
