/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The windows of O5, O7, O8 and O9 held open one by one: a thread is stopped behind every single instruction of
 * a post, a cancel, a close or a reap, and its socket is closed meanwhile by the core's thread.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "load.h"
#include "step.h"
#include "worker.h"

/* Longest call looked at, in instructions; and how many positions of it, when it is longer than that. */
#define POSITIONS 1500
#define ROUNDS 40

enum { IDLE, READY, DONE, OVER };

/* One sweep: the call, and what came out. */
struct sweep {
	void (*call)(struct worker *wk, struct sweep *sweep);
	struct wsock *victim;
	struct wop *op;		/**< Of the call. */
	struct wop *kept;	/**< Pending before it. */
	unsigned int position;
	unsigned int stride;
	int rc;
	unsigned int nb_stops;
	unsigned int nb_held;	/**< Stops that held the close of the victim up. */
	unsigned int nb_accepted;
	unsigned int nb_refused;
	unsigned int nb_stale;	/**< Posts that met their socket's close on the way. */
};

static struct net net;
static struct worker wk;
static struct sweep sweep;
static uint8_t sink[256];

static void
call_recv(struct worker *w, struct sweep *sw)
{
	(void)w;
	sw->rc = watch_recv(sw->victim, sw->op, sink, 16, 0);
}

static void
call_send(struct worker *w, struct sweep *sw)
{
	(void)w;
	sw->rc = watch_send(sw->victim, sw->op, sink, 16, SAN_ACKED);
}

static void
call_cancel(struct worker *w, struct sweep *sw)
{
	(void)w;
	sw->rc = watch_cancel(sw->victim, sw->kept);
}

static void
call_close(struct worker *w, struct sweep *sw)
{
	(void)w;
	sw->rc = watch_shut(sw->victim);
}

static void
call_reap(struct worker *w, struct sweep *sw)
{
	watch_reap(&w->w);
	sw->rc = 0;
}

/* One position: a fresh connection, one receive pending on it, and the call that is stopped. */
static bool
work_once(struct worker *w, struct sweep *sw)
{
	struct net_pair pair = { { NULL, NULL } };
	bool hit;

	if (!worker_connect(w, 1234, &pair))
		return false;
	sw->victim = pair.end[0];
	sw->kept = watch_op(&w->w);
	sw->op = watch_op(&w->w);
	WORKER_CHECK(w, watch_recv(pair.end[0], sw->kept, sink, 16, 0) == 0);
	atomic_store(&w->stage, READY);
	step_arm(sw->position);
	sw->call(w, sw);
	hit = step_disarm();
	atomic_store(&w->stage, DONE);
	sw->nb_accepted += sw->rc == 0;
	sw->nb_refused += sw->rc == -ENOTSOCK;
	WORKER_CHECK(w, sw->rc == 0 || sw->rc == -ENOTSOCK);
	if (!hit)
		watch_shut(pair.end[0]);
	WORKER_UNTIL(w, pair.end[0]->closed);
	WORKER_CHECK(w, !sw->kept->pending && !sw->op->pending);
	WORKER_CHECK(w, sw->kept->result == -ECANCELED);
	/* A send may have been acknowledged before the close was taken. */
	WORKER_CHECK(w, sw->op->nb_posts == 0 || sw->op->result == -ECANCELED ||
			(sw->op->kind == SAN_OP_SEND && sw->op->result == 16));
	watch_shut(pair.end[1]);
	WORKER_UNTIL(w, pair.end[1]->closed);
	return hit && w->nb_faults == 0 && w->w.nb_faults == 0;
}

static void
run_sweep(struct worker *w)
{
	struct sweep *sw = w->arg;

	if (!worker_attach(w, 64))
		return;
	sw->position = 1;
	while (sw->position < POSITIONS * sw->stride && work_once(w, sw))
		sw->position += sw->stride;
	worker_detach(w);
	atomic_store(&w->stage, OVER);
}

static uint32_t
nb_sockets(void)
{
	struct san_usage u;

	san_host_usage(net.host[0], &u);
	return u.sockets;
}

/* The thread stands still: close its socket, and one of ours, which nothing may hold up. */
static void
close_meanwhile(void)
{
	struct wsock *ours = net_socket(&net, 0, 0);
	uint32_t before = nb_sockets();
	unsigned int i;

	sweep.nb_stops++;
	watch_shut(sweep.victim);
	assert_int_equal(watch_shut(ours), 0);
	for (i = 0; i < ROUNDS; i++) {
		san_core_poll(net.core[0][0]);
		san_core_poll(net.core[1][0]);
	}
	watch_reap(&net.w);
	assert_true(ours->closed);
	assert_in_range(before - nb_sockets(), 1, 2);
	sweep.nb_held += before - nb_sockets() == 1;
}

static void
run(void (*call)(struct worker *, struct sweep *), unsigned int stride)
{
	struct net_wish wish = { .sockets = 256 };
	uint64_t limit_ms;

	if (!step_possible())
		skip();
	memset(&sweep, 0, sizeof(sweep));
	sweep.call = call;
	sweep.stride = stride;
	net_open(&net, &wish);
	worker_start(&wk, &net, run_sweep, &sweep);
	limit_ms = net_now_ms() + NET_LONG_MS;
	while (!atomic_load(&wk.over)) {
		assert_true(net_now_ms() < limit_ms);
		net_step(&net);
		if (!step_stopped()) {
			sched_yield();
			continue;
		}
		close_meanwhile();
		step_release();
	}
	worker_end(&wk);
	print_message("# %u stops, %u of them held the close up, %u accepted, %u refused\n", sweep.nb_stops,
		      sweep.nb_held, sweep.nb_accepted, sweep.nb_refused);
	assert_true(sweep.nb_stops > 20);
	sweep.nb_stale = (unsigned int)net_counter(&net, 0, "sock_stale_posts");
	net_close(&net);
}

/* Sanitized calls are many times longer. */
#if defined(__SANITIZE_ADDRESS__)
#define STRIDE 19
#else
#define STRIDE 1
#endif

static void
post_stopped_anywhere_meets_close(void **state)
{
	(void)state;
	run(call_recv, STRIDE);
	assert_true(sweep.nb_held > 0);
	assert_true(sweep.nb_stale > 0);
	assert_true(sweep.nb_accepted > 0);
	assert_true(sweep.nb_refused > 0);
}

static void
acked_send_stopped_anywhere_meets_close(void **state)
{
	(void)state;
	run(call_send, STRIDE);
	assert_true(sweep.nb_held > 0);
	assert_true(sweep.nb_accepted > 0);
	assert_true(sweep.nb_refused > 0);
}

static void
cancel_stopped_anywhere_meets_close(void **state)
{
	(void)state;
	run(call_cancel, STRIDE);
	assert_true(sweep.nb_accepted > 0);
	assert_true(sweep.nb_refused > 0);
}

static void
close_stopped_anywhere_meets_close(void **state)
{
	(void)state;
	run(call_close, STRIDE);
	assert_true(sweep.nb_held > 0);
	assert_true(sweep.nb_accepted > 0);
	assert_true(sweep.nb_refused > 0);
}

/* A reaper that stands still holds nothing up, and does not report the close before the operation. */
static void
reap_stopped_anywhere_meets_close(void **state)
{
	(void)state;
	run(call_reap, STRIDE);
	assert_int_equal(sweep.nb_held, 0);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(post_stopped_anywhere_meets_close),
	NET_CASE(acked_send_stopped_anywhere_meets_close),
	NET_CASE(cancel_stopped_anywhere_meets_close),
	NET_CASE(close_stopped_anywhere_meets_close),
	NET_CASE(reap_stopped_anywhere_meets_close),
};

NET_MAIN("close_window", cases)
