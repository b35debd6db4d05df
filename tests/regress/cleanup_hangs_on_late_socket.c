/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A thread's san_socket() was under way when cleanup closed all sockets of that core. It was
 * carried out after that, nobody closed the new socket, and cleanup waited for it for ever (O15).
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "worker.h"

/*
 * More than a core takes out of one ring in one round, so that the call behind them comes rounds
 * later.
 */
#define NB_CANCELS 900

static struct net net;

static void
hang(struct worker *wk)
{
	printf("Bail out! cleanup hangs: %s\n",
	       wk->nb_faults ? wk->fault : "the poller is not let go");
	fflush(stdout);
	_exit(1);
}

/* Polls core 1, and opens a socket on core 0, which nobody polls until cleanup does. */
static void
run_late_opener(struct worker *wk)
{
	struct san_core *own = wk->net->core[0][1];
	uint64_t until_ms;
	struct san_cq *cq = NULL;
	san_handle first = SAN_NO_HANDLE;
	san_handle late = SAN_NO_HANDLE;
	unsigned int i;
	int rc;

	WORKER_CHECK(wk, san_core_claim(own) == 0);
	WORKER_CHECK(wk, san_cq_create(16, &cq) == 0);
	WORKER_CHECK(wk, san_socket(wk->net->core[0][0], cq, &first) == 0);
	atomic_store(&wk->stage, 1);
	while (atomic_load(&wk->stage) != 2)
		sched_yield();
	for (i = 0; i < NB_CANCELS; i++)
		WORKER_CHECK(wk, san_cancel(first, 1) == 0);
	atomic_store(&wk->stage, 3);
	rc = san_socket(wk->net->core[0][0], cq, &late);
	WORKER_CHECK(wk, rc == -ENETDOWN);
	until_ms = net_now_ms() + NET_PATIENCE_MS;
	while ((rc = san_core_poll(own)) >= 0)
		if (net_now_ms() > until_ms)
			hang(wk);
	WORKER_CHECK(wk, rc == -ENETDOWN);
}

static void
socket_asked_for_before_cleanup_does_not_hold_it(void **state)
{
	const struct net_wish wish = { .one_host = true, .cold = true, .cores = { 2 } };
	const struct timespec pause = { .tv_nsec = 100000000 };
	static struct worker wk;

	(void)state;
	net_open(&net, &wish);
	assert_int_equal(san_core_release(net.core[0][1]), 0);
	net.claimed[0][1] = false;
	worker_start(&wk, &net, run_late_opener, NULL);
	NET_UNTIL(&net, atomic_load(&wk.stage) == 1);
	net_release(&net);
	atomic_store(&wk.stage, 2);
	while (atomic_load(&wk.stage) != 3)
		sched_yield();
	/* The call puts its request into the ring and waits for at most a second. */
	nanosleep(&pause, NULL);
	assert_int_equal(net_cleanup(&net), 0);
	assert_int_equal(pthread_join(wk.thread, NULL), 0);
	if (wk.nb_faults)
		fail_msg("%s", wk.fault);
	watch_settled(&net.w);
	assert_int_equal(watch_end(&net.w), 0);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(socket_asked_for_before_cleanup_does_not_hold_it),
};

NET_MAIN("cleanup_hangs_on_late_socket", cases)
