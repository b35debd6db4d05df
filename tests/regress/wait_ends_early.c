/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A thread reaped a completion before the poller had come to wake it, and slept for the next one:
 * the wake-up for what was reaped ended that sleep, with the answer "time is over" (O13).
 */
#include <sched.h>
#include <time.h>

#include "worker.h"

#define SLEEP_MS 600

static struct net net;

static void
run_sleeper(struct worker *wk)
{
	uint64_t begin_ms;
	int rc;

	if (!worker_attach(wk, 8) ||
	    !worker_socket(wk, wk->net->core[0][0]))
		return;
	atomic_store(&wk->stage, 1);
	WORKER_UNTIL(wk, watch_open_sockets(&wk->w) == 0);
	begin_ms = net_now_ms();
	atomic_store(&wk->stage, 2);
	rc = san_cq_wait(wk->w.cq, SLEEP_MS * 1000);
	WORKER_CHECK(wk, rc == 0);
	/* Both readings of the clock are cut to whole milliseconds. */
	WORKER_CHECK(wk, net_now_ms() - begin_ms >= SLEEP_MS - 1);
	worker_detach(wk);
}

static void
wake_up_for_what_is_reaped_does_not_end_the_next_wait(void **state)
{
	const struct net_wish wish = { .one_host = true, .cold = true };
	const struct timespec pause = { .tv_nsec = 200000000 };
	static struct worker wk;

	(void)state;
	net_open(&net, &wish);
	worker_start(&wk, &net, run_sleeper, NULL);
	NET_UNTIL(&net, atomic_load(&wk.stage) == 1);
	/* Between two rounds: the close is there at once, its wake-up comes with the next round. */
	assert_int_equal(watch_shut(wk.w.socks), 0);
	while (atomic_load(&wk.stage) != 2 && !atomic_load(&wk.over))
		sched_yield();
	nanosleep(&pause, NULL);
	worker_end(&wk);
	net_close(&net);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(wake_up_for_what_is_reaped_does_not_end_the_next_wait),
};

NET_MAIN("wait_ends_early", cases)
