/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A core that net_null feeds at full rate: as many frames as are asked for, of zeros or of what the buffer
 * held before. It counts and drops them, one counter for each, and answers its operations meanwhile.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "load.h"
#include "worker.h"

#define FEW_ROUNDS 50

static struct net net;
static uint8_t sink[16];

static void
begin(void)
{
	struct net_wish wish = { .one_host = true, .device = { "net_null0,size=64", NULL } };

	net_open(&net, &wish);
}

/* Whatever is in the frames: what a core received and had no use for is in one of these. */
static uint64_t
dropped(void)
{
	struct san_counter list[512];
	unsigned int n = san_host_counters(net.host[0], list, 512);
	uint64_t sum = 0;
	unsigned int i;

	assert_in_range(n, 1, 512);
	for (i = 0; i < n; i++) {
		if (strstr(list[i].name, "rx_bad") || strstr(list[i].name, "rx_drop"))
			sum += list[i].value;
	}
	return sum;
}

/* Rounds until the operation is over; many means that the feed starves it. */
static unsigned int
rounds_to_end(struct wop *op)
{
	unsigned int n = 0;

	while (op->pending && n < 10 * FEW_ROUNDS) {
		net_step(&net);
		n++;
	}
	return n;
}

static void
foreign_frames_are_counted_once_each(void **state)
{
	uint64_t rx;
	uint64_t drop;

	(void)state;
	begin();
	rx = net_counter(&net, 0, "port_rx");
	drop = dropped();
	net_steps(&net, 1000);
	rx = net_counter(&net, 0, "port_rx") - rx;
	drop = dropped() - drop;
	assert_true(rx >= 1000 * 16);
	if (drop != rx)
		net_explain(&net);
	assert_int_equal(drop, rx);
	net_close(&net);
}

static void
operations_are_answered_meanwhile(void **state)
{
	struct san_addr nobody = net_addr(76, 7);
	struct wsock *listener;
	struct wsock *s;
	struct wop *accept;
	struct wop *connect;
	unsigned int i;

	(void)state;
	begin();
	listener = net_listener(&net, 0, 7, 4);
	for (i = 0; i < 20; i++) {
		s = net_socket(&net, 0, 0);
		accept = watch_op(&net.w);
		connect = watch_op(&net.w);
		assert_int_equal(watch_accept(listener, accept, 0), 0);
		assert_int_equal(watch_connect(s, connect, &nobody, 0), 0);
		assert_int_equal(net_state(s), SAN_TCP_SYN_SENT);
		assert_int_equal(watch_recv(s, watch_op(&net.w), sink, 16, 0) <= 0, 1);
		assert_int_equal(watch_cancel(listener, accept), 0);
		assert_int_equal(watch_cancel(s, connect), 0);
		assert_in_range(rounds_to_end(accept), 0, FEW_ROUNDS);
		assert_in_range(rounds_to_end(connect), 0, FEW_ROUNDS);
		assert_int_equal(accept->result, -ECANCELED);
		assert_int_equal(connect->result, -ECANCELED);
		assert_int_equal(watch_shut(s), 0);
		net_steps(&net, FEW_ROUNDS);
		assert_true(s->closed);
		net_assert_stale(&net, s->h);
	}
	net_close(&net);
}

/* The same from a thread that polls nothing: its ring is served between the bursts. */
static void
run_off_core(struct worker *wk)
{
	struct san_addr nobody = net_addr(76, 7);
	struct wsock *s;
	struct wop *connect;
	unsigned int i;

	if (!worker_attach(wk, 16))
		return;
	for (i = 0; i < 20 && !wk->nb_faults; i++) {
		s = worker_socket(wk, wk->net->core[0][0]);
		if (!s)
			return;
		connect = watch_op(&wk->w);
		WORKER_CHECK(wk, watch_connect(s, connect, &nobody, 0) == 0);
		WORKER_CHECK(wk, watch_cancel(s, connect) == 0);
		WORKER_UNTIL(wk, !connect->pending);
		WORKER_CHECK(wk, connect->result == -ECANCELED);
		WORKER_CHECK(wk, watch_shut(s) == 0);
		WORKER_UNTIL(wk, s->closed);
	}
	worker_detach(wk);
}

static void
thread_off_core_is_answered_meanwhile(void **state)
{
	static struct worker wk;
	uint64_t rx;

	(void)state;
	begin();
	rx = net_counter(&net, 0, "port_rx");
	worker_start(&wk, &net, run_off_core, NULL);
	worker_end(&wk);
	assert_true(net_counter(&net, 0, "port_rx") > rx);
	net_close(&net);
}

/* Nobody answers ARP: the timer that says so runs under the feed, too. */
static void
connect_to_nobody_times_out_meanwhile(void **state)
{
	struct san_addr nobody = net_addr(76, 7);
	struct wsock *s;
	struct wop *op;

	(void)state;
	begin();
	s = net_socket(&net, 0, 0);
	assert_int_equal(san_set_option(s->h, SAN_OPT_USER_TIMEOUT, 1000), 0);
	op = watch_op(&net.w);
	assert_int_equal(watch_connect(s, op, &nobody, 0), 0);
	NET_UNTIL(&net, !op->pending);
	assert_true(op->result == -EHOSTUNREACH || op->result == -ETIMEDOUT);
	net_close(&net);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(foreign_frames_are_counted_once_each),
	NET_CASE(operations_are_answered_meanwhile),
	NET_CASE(thread_off_core_is_answered_meanwhile),
	NET_CASE(connect_to_nobody_times_out_meanwhile),
};

NET_MAIN("null", cases)
