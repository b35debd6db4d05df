/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cleanup while other threads are attached, poll a core, or left without a word (O15, O16).
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "load.h"
#include "worker.h"

static struct net net;

static void
reach(struct worker *wk, unsigned int stage)
{
	atomic_store(&wk->stage, stage);
}

static void
run_attached(struct worker *wk)
{
	if (!worker_attach(wk, 16))
		return;
	reach(wk, 1);
	while (atomic_load(&wk->stage) != 2)
		sched_yield();
	worker_detach(wk);
}

static void
cleanup_with_attached_thread_changes_nothing(void **state)
{
	static struct worker wk;
	struct net_pair pair;
	struct wsock *s;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	worker_start(&wk, &net, run_attached, NULL);
	NET_UNTIL(&net, atomic_load(&wk.stage) == 1);
	assert_int_equal(san_cleanup(), -EBUSY);
	assert_int_equal(san_cleanup(), -EBUSY);
	load_transfer(&net, pair.end[0], pair.end[1], 10000, 2);
	s = net_socket(&net, 0, 0);
	assert_int_equal(watch_shut(s), 0);
	NET_UNTIL(&net, s->closed);
	reach(&wk, 2);
	worker_end(&wk);
	net_close(&net);
}

/* A loop as programs write it: leave when the round says so. */
static void
run_poller(struct worker *wk)
{
	struct san_core *core = wk->arg;
	int rc;

	if (!WORKER_CHECK(wk, san_core_claim(core) == 0))
		return;
	reach(wk, 1);
	do {
		rc = san_core_poll(core);
	} while (rc >= 0);
	WORKER_CHECK(wk, rc == -ENETDOWN);
}

/* Host 0 is polled by another thread, host 1 by this one, which then cleans up. */
static void
cleanup_while_another_thread_polls_ends_its_loop(void **state)
{
	static struct worker wk;
	static struct load recvs;
	struct net_pair pair;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	load_recvs(&net, pair.end[0], 8, &recvs);
	assert_int_equal(san_core_release(net.core[0][0]), 0);
	net.claimed[0][0] = false;
	worker_start(&wk, &net, run_poller, net.core[0][0]);
	NET_UNTIL(&net, atomic_load(&wk.stage) == 1);
	net_steps(&net, 1000);
	net_release(&net);
	assert_int_equal(net_cleanup(&net), 0);
	assert_int_equal(pthread_join(wk.thread, NULL), 0);
	assert_int_equal(wk.nb_faults, 0);
	while (watch_reap(&net.w) > 0)
		;
	watch_settled(&net.w);
	assert_int_equal(watch_end(&net.w), 0);
}

/* A claim that is given back while cleanup waits: cleanup polls the core then. */
static void
run_releaser(struct worker *wk)
{
	struct san_core *core = wk->arg;
	uint64_t until_ms;

	if (!WORKER_CHECK(wk, san_core_claim(core) == 0))
		return;
	reach(wk, 1);
	while (atomic_load(&wk->stage) != 2)
		sched_yield();
	until_ms = net_now_ms() + 200;
	while (net_now_ms() < until_ms)
		sched_yield();
	WORKER_CHECK(wk, san_core_release(core) == 0);
}

static void
cleanup_waits_for_a_claim_to_be_released(void **state)
{
	static struct worker wk;
	uint64_t begin_ms;

	(void)state;
	net_open(&net, NULL);
	net_connect(&net, 7);
	assert_int_equal(san_core_release(net.core[0][0]), 0);
	net.claimed[0][0] = false;
	worker_start(&wk, &net, run_releaser, net.core[0][0]);
	NET_UNTIL(&net, atomic_load(&wk.stage) == 1);
	net_release(&net);
	begin_ms = net_now_ms();
	reach(&wk, 2);
	assert_int_equal(net_cleanup(&net), 0);
	assert_true(net_now_ms() - begin_ms >= 190);
	assert_int_equal(pthread_join(wk.thread, NULL), 0);
	assert_int_equal(wk.nb_faults, 0);
	while (watch_reap(&net.w) > 0)
		;
	watch_settled(&net.w);
	assert_int_equal(watch_end(&net.w), 0);
}

/* Leaves with sockets open, operations pending, completions unreaped, and attached. */
static void
run_deserter(struct worker *wk)
{
	static uint8_t sink[64];
	struct net_pair pair;
	unsigned int i;

	if (!worker_attach(wk, 64) || !worker_connect(wk, 1234, &pair))
		return;
	for (i = 0; i < 8; i++) {
		WORKER_CHECK(wk, watch_recv(pair.end[0], watch_op(&wk->w), &sink[i], 1, 0) == 0);
		WORKER_CHECK(wk, watch_recv(pair.end[1], watch_op(&wk->w), &sink[i], 1, 0) == 0);
	}
}

static void
thread_exit_closes_its_sockets_and_no_others(void **state)
{
	static struct worker wk[4];
	struct net_pair pair;
	struct san_usage u;
	unsigned int i;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	for (i = 0; i < 4; i++) {
		worker_start(&wk[i], &net, run_deserter, NULL);
		worker_end(&wk[i]);
	}
	NET_UNTIL(&net, (san_host_usage(net.host[0], &u), u.sockets == 1));
	NET_UNTIL(&net, (san_host_usage(net.host[1], &u), u.sockets == 1));
	for (i = 0; i < 4; i++)
		net_assert_stale(&net, wk[i].w.socks->h);
	load_transfer(&net, pair.end[0], pair.end[1], 10000, 3);
	assert_true(net_counter(&net, 0, "sock_orphans") > 0);
	net_close(&net);
	for (i = 0; i < 4; i++)
		watch_forget(&wk[i].w);
}

/* Many threads come and go without a word: what they held is used again, more often than there is room. */
static void
places_of_300_gone_threads_are_used_again(void **state)
{
	static struct worker wk;
	struct san_usage u;
	unsigned int i;

	(void)state;
	net_open(&net, NULL);
	for (i = 0; i < 300; i++) {
		worker_start(&wk, &net, run_deserter, NULL);
		worker_end(&wk);
		NET_UNTIL(&net, (san_host_usage(net.host[0], &u), u.sockets == 0));
		NET_UNTIL(&net, (san_host_usage(net.host[1], &u), u.sockets == 0));
		watch_forget(&wk.w);
	}
	net_close(&net);
}

/* Leaves a listener behind, with accepts posted and connections on their way. */
static void
run_deserting_listener(struct worker *wk)
{
	struct san_addr a = net_addr(1, 4321);
	struct wsock *listener;
	unsigned int i;

	if (!worker_attach(wk, 64))
		return;
	listener = worker_socket(wk, wk->net->core[1][0]);
	if (!listener)
		return;
	WORKER_CHECK(wk, WORKER_ANSWERED(san_bind(listener->h, &a)) == 0);
	WORKER_CHECK(wk, WORKER_ANSWERED(san_listen(listener->h, 16)) == 0);
	reach(wk, 1);
	for (i = 0; i < 16; i++)
		WORKER_CHECK(wk, watch_accept(listener, watch_op(&wk->w), 0) == 0);
}

/* O16: what is accepted for a queue that is gone is reset, and nobody waits for it. */
static void
connections_to_a_gone_listener_are_reset(void **state)
{
	struct net_wish wish = { .cores = { 2, 2 } };
	struct san_addr a = net_addr(1, 4321);
	static struct worker wk;
	struct wop *connect[16];
	struct wsock *s[16];
	struct san_usage u;
	unsigned int round;
	unsigned int i;

	(void)state;
	net_open(&net, &wish);
	for (round = 0; round < 30; round++) {
		worker_start(&wk, &net, run_deserting_listener, NULL);
		NET_UNTIL(&net, atomic_load(&wk.stage) == 1);
		for (i = 0; i < 16; i++) {
			s[i] = net_socket(&net, 0, i % 2);
			connect[i] = watch_op(&net.w);
			assert_int_equal(watch_connect(s[i], connect[i], &a, 0), 0);
		}
		worker_end(&wk);
		for (i = 0; i < 16; i++) {
			NET_UNTIL(&net, !connect[i]->pending);
			if (connect[i]->result == 0)
				load_assert_reset(&net, s[i]);
		}
		NET_UNTIL(&net, (san_host_usage(net.host[1], &u), u.sockets + u.connections == 0));
		watch_shut_all(&net.w);
		NET_UNTIL(&net, watch_open_sockets(&net.w) == 0);
		watch_forget(&wk.w);
	}
	net_close(&net);
}

static void
run_fugitive(struct worker *wk)
{
	run_deserter(wk);
	reach(wk, 1);
	while (atomic_load(&wk->stage) != 2)
		sched_yield();
}

/* Nobody polls when the thread leaves: it counts as attached until the cores have seen it gone. */
static void
cleanup_after_thread_exit_succeeds(void **state)
{
	static struct worker wk;

	(void)state;
	net_open(&net, NULL);
	worker_start(&wk, &net, run_fugitive, NULL);
	NET_UNTIL(&net, atomic_load(&wk.stage) == 1);
	reach(&wk, 2);
	assert_int_equal(pthread_join(wk.thread, NULL), 0);
	assert_int_equal(san_cleanup(), -EBUSY);
	net_steps(&net, 1000);
	net_release(&net);
	assert_int_equal(net_cleanup(&net), 0);
	while (watch_reap(&net.w) > 0)
		;
	watch_settled(&net.w);
	assert_int_equal(watch_end(&net.w), 0);
	watch_forget(&wk.w);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(cleanup_with_attached_thread_changes_nothing),
	NET_CASE(cleanup_while_another_thread_polls_ends_its_loop),
	NET_CASE(cleanup_waits_for_a_claim_to_be_released),
	NET_CASE(thread_exit_closes_its_sockets_and_no_others),
	NET_CASE(places_of_300_gone_threads_are_used_again),
	NET_CASE(connections_to_a_gone_listener_are_reset),
	NET_CASE(cleanup_after_thread_exit_succeeds),
};

NET_MAIN("cleanup_threads", cases)
