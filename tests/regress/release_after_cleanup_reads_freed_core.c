/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A poller that is told -ENETDOWN and then gives its core back, as loops do that are written in
 * that order: the core may be freed by then, and san_core_release() looked into it.
 */
#include <errno.h>
#include <malloc.h>
#include <sched.h>

#include "worker.h"

static struct net net;

static void
run_poller(struct worker *wk)
{
	struct san_core *core = wk->arg;
	struct san_cq *cq = NULL;
	int rc;

	WORKER_CHECK(wk, san_core_claim(core) == 0);
	WORKER_CHECK(wk, san_cq_create(8, &cq) == 0);
	atomic_store(&wk->stage, 1);
	while ((rc = san_core_poll(core)) >= 0)
		;
	WORKER_CHECK(wk, rc == -ENETDOWN);
	while (atomic_load(&wk->stage) != 2)
		sched_yield();
	WORKER_CHECK(wk, san_core_release(core) == -EPERM);
	WORKER_CHECK(wk, san_core_poll(core) == -ENETDOWN);
	WORKER_CHECK(wk, san_cq_destroy(cq) == 0);
}

static void
release_of_a_core_that_is_gone_is_refused(void **state)
{
	const struct net_wish wish = { .one_host = true, .cold = true };
	static struct worker wk;

	(void)state;
	/*
	 * Each block in pages of its own, which go with it: who looks into a freed one is killed.
	 */
	mallopt(M_MMAP_THRESHOLD, 256);
	net_open(&net, &wish);
	net_release(&net);
	worker_start(&wk, &net, run_poller, net.core[0][0]);
	while (atomic_load(&wk.stage) != 1)
		sched_yield();
	assert_int_equal(net_cleanup(&net), 0);
	atomic_store(&wk.stage, 2);
	assert_int_equal(pthread_join(wk.thread, NULL), 0);
	if (wk.nb_faults)
		fail_msg("%s", wk.fault);
	watch_settled(&net.w);
	assert_int_equal(watch_end(&net.w), 0);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(release_of_a_core_that_is_gone_is_refused),
};

NET_MAIN("release_after_cleanup_reads_freed_core", cases)
