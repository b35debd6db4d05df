/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A thread moved its socket to another queue and posted through its ring. A cancel on the core,
 * which the post had not reached, looked for the ring by the old queue, found none, answered 0 and
 * was lost (O8, O12).
 */
#include <errno.h>
#include <sched.h>

#include "worker.h"

static struct net net;
static struct san_overlapped accept_op;
static san_handle listener;

static void
await(struct worker *wk, unsigned int stage)
{
	while (atomic_load(&wk->stage) != stage && !atomic_load(&wk->stop))
		sched_yield();
}

/* One completion of this kind. */
static void
expect(struct worker *wk, struct san_cq *cq, enum san_op_kind kind, int32_t result)
{
	uint64_t until_ms = net_now_ms() + NET_PATIENCE_MS;
	struct san_completion comp;
	int n = 0;

	while (n == 0 && net_now_ms() < until_ms) {
		n = san_cq_poll(cq, &comp, 1);
		sched_yield();
	}
	if (WORKER_CHECK(wk, n == 1)) {
		WORKER_CHECK(wk, comp.kind == kind);
		WORKER_CHECK(wk, comp.result == result);
	}
}

static void
run_mover(struct worker *wk)
{
	struct san_addr local = net_addr(0, 7);
	struct san_cq *old = NULL;
	struct san_cq *cq = NULL;

	WORKER_CHECK(wk, san_attach() == 0);
	WORKER_CHECK(wk, san_cq_create(8, &old) == 0);
	WORKER_CHECK(wk, san_cq_create(8, &cq) == 0);
	WORKER_CHECK(wk, san_socket(wk->net->core[0][0], old, &listener) == 0);
	WORKER_CHECK(wk, san_bind(listener, &local) == 0);
	WORKER_CHECK(wk, san_listen(listener, 4) == 0);
	WORKER_CHECK(wk, san_move(listener, cq) == 0);
	if (wk->arg)
		WORKER_CHECK(wk, san_cq_destroy(old) == 0);
	atomic_store(&wk->stage, 1);
	await(wk, 2);
	WORKER_CHECK(wk, san_accept(listener, &accept_op, 0) == 0);
	atomic_store(&wk->stage, 3);
	expect(wk, cq, SAN_OP_ACCEPT, -ECANCELED);
	WORKER_CHECK(wk, san_close(listener, 1) == 0);
	if (wk->nb_faults == 0)
		expect(wk, cq, SAN_OP_CLOSE, 0);
	WORKER_CHECK(wk, san_cq_destroy(cq) == 0);
	if (!wk->arg)
		WORKER_CHECK(wk, san_cq_destroy(old) == 0);
	WORKER_CHECK(wk, san_detach() == 0);
}

static void
cancel_before_the_post_arrives(bool old_queue_is_gone)
{
	const struct net_wish wish = { .one_host = true, .cold = true };
	static struct worker wk;

	net_open(&net, &wish);
	worker_start(&wk, &net, run_mover, old_queue_is_gone ? &net : NULL);
	NET_UNTIL(&net, atomic_load(&wk.stage) == 1);
	/* Nobody polls from here: the accept stays in its ring. */
	atomic_store(&wk.stage, 2);
	while (atomic_load(&wk.stage) != 3)
		sched_yield();
	assert_int_equal(san_cancel(listener, accept_op.id), 0);
	worker_end(&wk);
	net_close(&net);
}

static void
cancel_of_a_moved_sockets_post_ends_it(void **state)
{
	(void)state;
	cancel_before_the_post_arrives(false);
}

static void
cancel_after_the_old_queue_is_gone_ends_the_post(void **state)
{
	(void)state;
	cancel_before_the_post_arrives(true);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(cancel_of_a_moved_sockets_post_ends_it),
	NET_CASE(cancel_after_the_old_queue_is_gone_ends_the_post),
};

NET_MAIN("cancel_is_lost_after_move", cases)
