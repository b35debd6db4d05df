/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * 255 threads that are not attached had a place with the library, each for its completion queue.
 * The last cleanup, called by another one, found no place for itself when it had begun to close,
 * and crashed.
 */
#include <errno.h>
#include <sched.h>
#include <time.h>

#include "worker.h"

#define NB_HOLDERS 255

static struct worker holder[NB_HOLDERS];
static struct net net;

/* A completion queue keeps the thread's place without a claim. */
static void
run_holder(struct worker *wk)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	struct san_core *core = wk->net->core[0][0];
	struct san_cq *cq;

	WORKER_CHECK(wk, san_core_claim(core) == 0);
	WORKER_CHECK(wk, san_cq_create(1, &cq) == 0);
	WORKER_CHECK(wk, san_core_release(core) == 0);
	atomic_store(&wk->stage, 1);
	while (!atomic_load(&wk->stop))
		nanosleep(&pause, NULL);
}

static void
stop(struct worker *wk)
{
	atomic_store(&wk->stop, true);
	assert_int_equal(pthread_join(wk->thread, NULL), 0);
}

static void
cleanup_by_one_thread_too_many_is_refused(void **state)
{
	const struct net_wish wish = { .one_host = true, .unclaimed = true };
	unsigned int i;

	(void)state;
	net_open(&net, &wish);
	for (i = 0; i < NB_HOLDERS; i++) {
		worker_start(&holder[i], &net, run_holder, NULL);
		while (atomic_load(&holder[i].stage) != 1)
			sched_yield();
		assert_int_equal(holder[i].nb_faults, 0);
	}
	assert_int_equal(san_attach(), -ENFILE);
	assert_int_equal(san_core_claim(net.core[0][0]), -ENOMEM);
	assert_int_equal(san_cleanup(), -ENOMEM);
	/* Nothing changed. */
	stop(&holder[0]);
	assert_int_equal(san_attach(), 0);
	assert_int_equal(san_detach(), 0);
	for (i = 1; i < NB_HOLDERS; i++)
		stop(&holder[i]);
	assert_int_equal(net_cleanup(&net), 0);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(cleanup_by_one_thread_too_many_is_refused),
};

NET_MAIN("cleanup_crashes_when_threads_run_out", cases)
