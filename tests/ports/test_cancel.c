/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cancel from the owning core and from other threads, and moving a socket to another queue (O8, O12).
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "load.h"
#include "worker.h"

#define RACES 2000

static struct net net;
static uint8_t sink[64][256];
static uint8_t source[256];

static void
receives_are_cancelled_one_by_one(void **state)
{
	static struct load recvs;
	struct net_pair pair;
	unsigned int i;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	load_recvs(&net, pair.end[0], 8, &recvs);
	for (i = 1; i < 8; i += 2)
		assert_int_equal(watch_cancel(pair.end[0], recvs.op[i]), 0);
	NET_UNTIL(&net, load_ended_with(&recvs, -ECANCELED) == 4);
	assert_int_equal(watch_send(pair.end[1], watch_op(&net.w), source, 10, 0), 1);
	NET_UNTIL(&net, !recvs.op[0]->pending);
	assert_int_equal(recvs.op[0]->result, 10);
	assert_true(recvs.op[2]->pending);
	assert_int_equal(load_ended_with(&recvs, -ECANCELED), 4);
	net_close(&net);
}

/* The posts that are being cancelled end by completion, never inside the call. */
static void
cancel_answers_by_completion_only(void **state)
{
	struct net_pair pair;
	struct wop *op;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	op = watch_op(&net.w);
	assert_int_equal(watch_recv(pair.end[0], op, sink[0], 10, 0), 0);
	assert_int_equal(watch_cancel(pair.end[0], op), 0);
	assert_true(op->pending);
	NET_UNTIL(&net, !op->pending);
	assert_int_equal(op->result, -ECANCELED);
	assert_int_equal(san_cancel(pair.end[0]->h, op->ov.id), -ENOENT);
	net_close(&net);
}

static void
cancel_of_ended_operation_is_refused(void **state)
{
	struct net_pair pair;
	struct wop *op;
	int rc;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	op = watch_op(&net.w);
	assert_int_equal(watch_recv(pair.end[0], op, sink[0], 10, 0), 0);
	assert_int_equal(watch_cancel(pair.end[0], op), 0);
	rc = san_cancel(pair.end[0]->h, op->ov.id);
	assert_true(rc == -EALREADY || rc == -ENOENT);
	NET_UNTIL(&net, !op->pending);
	assert_int_equal(san_cancel(pair.end[0]->h, op->ov.id), -ENOENT);
	assert_int_equal(san_cancel(pair.end[0]->h, op->ov.id + 1000), -ENOENT);
	assert_int_equal(san_cancel(pair.end[1]->h, op->ov.id), -ENOENT);
	net_close(&net);
}

/* The name of an operation is its id, not its structure: an old id does not reach a new operation. */
static void
old_id_does_not_cancel_new_operation(void **state)
{
	struct net_pair pair;
	struct wop *op;
	uint32_t id;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	op = watch_op(&net.w);
	assert_int_equal(watch_recv(pair.end[0], op, sink[0], 10, 0), 0);
	id = op->ov.id;
	assert_int_equal(watch_cancel(pair.end[0], op), 0);
	NET_UNTIL(&net, !op->pending);
	assert_int_equal(watch_recv(pair.end[0], op, sink[0], 10, 0), 0);
	assert_true(op->ov.id != id);
	assert_int_equal(san_cancel(pair.end[0]->h, id), -ENOENT);
	net_steps(&net, 20);
	assert_true(op->pending);
	net_close(&net);
}

static void
accept_connect_and_acked_send_are_cancelled(void **state)
{
	struct san_addr nobody = net_addr(76, 7);
	struct wop *accept;
	struct wop *connect;
	struct wop *send;
	struct wsock *listener;
	struct wsock *s;
	struct net_pair pair;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	net.held[1] = true;
	send = watch_op(&net.w);
	assert_int_equal(watch_send(pair.end[0], send, source, 100, SAN_ACKED), 0);
	listener = net_listener(&net, 0, 88, 4);
	accept = watch_op(&net.w);
	assert_int_equal(watch_accept(listener, accept, 0), 0);
	s = net_socket(&net, 0, 0);
	connect = watch_op(&net.w);
	assert_int_equal(watch_connect(s, connect, &nobody, 0), 0);
	assert_int_equal(watch_cancel(listener, accept), 0);
	assert_int_equal(watch_cancel(s, connect), 0);
	assert_int_equal(watch_cancel(pair.end[0], send), 0);
	NET_UNTIL(&net, !accept->pending && !connect->pending && !send->pending);
	assert_int_equal(accept->result, -ECANCELED);
	assert_int_equal(connect->result, -ECANCELED);
	assert_int_equal(send->result, -ECANCELED);
	net.held[1] = false;
	net_close(&net);
}

/* A listener whose accept was cancelled still accepts. */
static void
listener_accepts_after_a_cancelled_accept(void **state)
{
	struct wsock *listener;
	struct wop *op;

	(void)state;
	net_open(&net, NULL);
	listener = net_listener(&net, 1, 7, 4);
	op = watch_op(&net.w);
	assert_int_equal(watch_accept(listener, op, 0), 0);
	assert_int_equal(watch_cancel(listener, op), 0);
	NET_UNTIL(&net, !op->pending);
	net_connect_to(&net, listener, 0, 7);
	net_close(&net);
}

/* Data and cancel at once: one of them ends the operation, the bytes are not lost with it. */
static void
run_cancel_race(struct worker *wk)
{
	struct net_pair pair;
	struct wop *recv;
	unsigned int nb_cancelled = 0;
	unsigned int nb_bytes = 0;
	unsigned int i;
	int rc;

	if (!worker_attach(wk, 64) || !worker_connect(wk, 1234, &pair))
		return;
	for (i = 0; i < RACES && !wk->nb_faults; i++) {
		recv = watch_op(&wk->w);
		rc = watch_recv(pair.end[1], recv, sink[0], 1, 0);
		WORKER_CHECK(wk, rc == 0);
		rc = watch_send(pair.end[0], watch_op(&wk->w), source, 1, 0);
		WORKER_CHECK(wk, rc == 0 || rc == 1);
		if (i % 3)
			sched_yield();
		rc = watch_cancel(pair.end[1], recv);
		WORKER_CHECK(wk, rc == 0 || rc == -EAGAIN);
		WORKER_UNTIL(wk, !recv->pending);
		nb_cancelled += recv->result == -ECANCELED;
		nb_bytes += recv->result == 1;
	}
	WORKER_CHECK(wk, nb_cancelled + nb_bytes == RACES);
	while (nb_bytes < RACES && !wk->nb_faults) {
		recv = watch_op(&wk->w);
		WORKER_CHECK(wk, watch_recv(pair.end[1], recv, sink[0], 256, 0) == 0);
		WORKER_UNTIL(wk, !recv->pending);
		if (!WORKER_CHECK(wk, recv->result > 0))
			break;
		nb_bytes += (unsigned int)recv->result;
	}
	WORKER_CHECK(wk, nb_bytes == RACES);
	worker_detach(wk);
}

static void
cancel_racing_completion_ends_once_and_loses_nothing(void **state)
{
	static struct worker wk;

	(void)state;
	net_open(&net, NULL);
	worker_start(&wk, &net, run_cancel_race, NULL);
	worker_end(&wk);
	net_close(&net);
}

/* Cancels overtake their posts when they come through another thread's ring: they are kept (O8). */
struct target {
	san_handle h;
	_Atomic uint64_t id;	/**< 0: none; else 2^32 plus the id. */
	atomic_bool stop;
};

static void
run_canceller(struct worker *wk)
{
	struct target *t = wk->arg;

	if (!worker_attach(wk, 4))
		return;
	while (!atomic_load(&t->stop)) {
		uint64_t id = atomic_exchange(&t->id, 0);
		int rc;

		if (id == 0) {
			sched_yield();
			continue;
		}
		do {
			rc = san_cancel(t->h, (uint32_t)id);
		} while (rc == -EAGAIN);
		WORKER_CHECK(wk, rc == 0);
	}
	worker_detach(wk);
}

static void
run_cancelled(struct worker *wk)
{
	struct target *t = wk->arg;
	struct net_pair pair;
	struct wop *op;
	unsigned int i;

	if (!worker_attach(wk, 64) || !worker_connect(wk, 1234, &pair))
		return;
	t->h = pair.end[0]->h;
	for (i = 0; i < RACES && !wk->nb_faults; i++) {
		op = watch_op(&wk->w);
		op->cancel_asked = true;
		WORKER_CHECK(wk, watch_recv(pair.end[0], op, sink[1], 1, 0) == 0);
		op->cancel_asked = true;
		atomic_store(&t->id, 1ull << 32 | op->ov.id);
		WORKER_UNTIL(wk, !op->pending);
		WORKER_CHECK(wk, op->result == -ECANCELED);
	}
	atomic_store(&t->stop, true);
	worker_detach(wk);
}

static void
cancel_that_overtakes_its_post_is_not_lost(void **state)
{
	static struct worker wk[2];
	static struct target t;

	(void)state;
	memset(&t, 0, sizeof(t));
	net_open(&net, NULL);
	worker_start(&wk[0], &net, run_cancelled, &t);
	worker_start(&wk[1], &net, run_canceller, &t);
	worker_end(&wk[0]);
	worker_end(&wk[1]);
	net_close(&net);
}

static void
idle_socket_moves_and_completes_in_the_new_queue(void **state)
{
	static struct watch other;
	struct net_pair pair;
	struct wop *op;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	assert_int_equal(watch_begin(&other, 8), 0);
	assert_int_equal(san_move(pair.end[0]->h, other.cq), 0);
	pair.end[0]->w = &other;
	op = watch_op(&other);
	assert_int_equal(watch_recv(pair.end[0], op, sink[0], 10, 0), 0);
	assert_int_equal(san_move(pair.end[0]->h, net.w.cq), -EBUSY);
	assert_int_equal(san_cq_destroy(other.cq), -EBUSY);
	assert_int_equal(watch_send(pair.end[1], watch_op(&net.w), source, 10, 0), 1);
	net_steps(&net, 50);
	/* Ended, but not reaped: still busy. */
	assert_int_equal(san_move(pair.end[0]->h, net.w.cq), -EBUSY);
	assert_int_equal(watch_reap(&other), 1);
	assert_int_equal(op->result, 10);
	assert_int_equal(san_move(pair.end[0]->h, net.w.cq), 0);
	pair.end[0]->w = &net.w;
	watch_sound(&other);
	assert_int_equal(watch_end(&other), 0);
	net_close(&net);
}

static void
polled_operation_holds_a_move_up(void **state)
{
	static struct watch other;
	struct net_pair pair;
	struct wop *op;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	assert_int_equal(watch_begin(&other, 8), 0);
	op = watch_op(&net.w);
	assert_int_equal(watch_recv(pair.end[0], op, sink[0], 10, SAN_POLLED), 0);
	assert_int_equal(san_move(pair.end[0]->h, other.cq), -EBUSY);
	assert_int_equal(watch_cancel(pair.end[0], op), 0);
	NET_UNTIL(&net, watch_status(op) != -EINPROGRESS);
	assert_int_equal(san_move(pair.end[0]->h, other.cq), 0);
	assert_int_equal(san_move(pair.end[0]->h, net.w.cq), 0);
	assert_int_equal(watch_end(&other), 0);
	net_close(&net);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(receives_are_cancelled_one_by_one),
	NET_CASE(cancel_answers_by_completion_only),
	NET_CASE(cancel_of_ended_operation_is_refused),
	NET_CASE(old_id_does_not_cancel_new_operation),
	NET_CASE(accept_connect_and_acked_send_are_cancelled),
	NET_CASE(listener_accepts_after_a_cancelled_accept),
	NET_CASE(cancel_racing_completion_ends_once_and_loses_nothing),
	NET_CASE(cancel_that_overtakes_its_post_is_not_lost),
	NET_CASE(idle_socket_moves_and_completes_in_the_new_queue),
	NET_CASE(polled_operation_holds_a_move_up),
};

NET_MAIN("cancel", cases)
