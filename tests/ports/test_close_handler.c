/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Close from inside a completion handler and from san_run()'s step, handles after a close, and closes
 * that need no place in the completion queue (O4, O5, O6).
 */
#include <errno.h>
#include <string.h>

#include "load.h"

static struct net net;

/* Poll without reaping, so that completions gather; then take them all in one array. */
static unsigned int
gather(struct san_completion *comp, unsigned int max, unsigned int rounds)
{
	unsigned int i;
	int n;

	for (i = 0; i < rounds; i++) {
		assert_true(san_core_poll(net.core[0][0]) >= 0);
		assert_true(san_core_poll(net.core[1][0]) >= 0);
	}
	n = max ? san_cq_poll(net.w.cq, comp, max) : 0;
	assert_in_range(n, 0, max);
	return (unsigned int)n;
}

static void
close_of_own_socket_in_handler_comes_last(void **state)
{
	static struct san_completion comp[64];
	static struct load recvs;
	struct net_pair pair;
	unsigned int n;
	unsigned int i;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	load_recvs(&net, pair.end[0], 16, &recvs);
	assert_int_equal(watch_shut(pair.end[1]), 0);
	n = gather(comp, 64, 100);
	assert_true(n >= 16);
	for (i = 0; i < n; i++) {
		watch_check(&net.w, &comp[i]);
		if (comp[i].op == &recvs.op[0]->ov)
			assert_int_equal(watch_shut(pair.end[0]), 0);
	}
	load_assert_all(&recvs, -ECONNRESET);
	net_assert_stale(&net, pair.end[0]->h);
	NET_UNTIL(&net, pair.end[0]->closed);
	net_close(&net);
}

static void
close_of_other_socket_in_handler_ends_its_operations(void **state)
{
	static struct san_completion comp[64];
	static struct load recvs[2];
	struct net_pair pair[2];
	unsigned int n;
	unsigned int i;

	(void)state;
	net_open(&net, NULL);
	pair[0] = net_connect(&net, 7);
	pair[1] = net_connect(&net, 8);
	load_recvs(&net, pair[0].end[0], 1, &recvs[0]);
	load_recvs(&net, pair[1].end[0], 8, &recvs[1]);
	assert_int_equal(watch_shut(pair[0].end[1]), 0);
	n = gather(comp, 64, 100);
	for (i = 0; i < n; i++) {
		watch_check(&net.w, &comp[i]);
		if (comp[i].op == &recvs[0].op[0]->ov)
			assert_int_equal(watch_shut(pair[1].end[0]), 0);
	}
	NET_UNTIL(&net, pair[1].end[0]->closed);
	load_assert_all(&recvs[1], -ECANCELED);
	net_close(&net);
}

/* A handler that posts anew for every completion, and closes in the middle of it. */
static void
post_and_close_in_handler_ends_what_was_posted(void **state)
{
	static struct san_completion comp[64];
	static struct load recvs;
	static uint8_t data[4096];
	static uint8_t byte[64];
	struct net_pair pair;
	struct wop *again[64];
	unsigned int nb = 0;
	unsigned int n;
	unsigned int i;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	load_recvs(&net, pair.end[0], 8, &recvs);
	for (i = 0; i < 8; i++)
		assert_int_equal(watch_send(pair.end[1], watch_op(&net.w), data, sizeof(data), 0), 1);
	n = gather(comp, 64, 200);
	assert_true(n > 1);
	for (i = 0; i < n; i++) {
		watch_check(&net.w, &comp[i]);
		if (comp[i].kind != SAN_OP_RECV)
			continue;
		again[nb] = watch_op(&net.w);
		if (watch_recv(pair.end[0], again[nb], &byte[nb], 1, 0) == 0)
			nb++;
		if (nb == 3)
			watch_shut(pair.end[0]);
	}
	NET_UNTIL(&net, pair.end[0]->closed);
	assert_int_equal(nb, 3);
	for (i = 0; i < nb; i++)
		assert_false(again[i]->pending);
	net_close(&net);
}

struct step {
	struct wsock *victim;
	unsigned int nb_rounds;
};

static int
close_in_step(struct san_core *core, void *arg)
{
	struct step *step = arg;

	if (step->nb_rounds++ == 5)
		watch_shut(step->victim);
	if (core != net.core[0][0] || san_core_poll(net.core[1][0]) < 0)
		return -1;
	watch_reap(&net.w);
	return step->victim->closed ? 17 : 0;
}

/* A step runs between rounds: it may post, close, reap, and poll another core. */
static void
close_in_step_of_run_is_reaped_there(void **state)
{
	static struct load recvs;
	struct step step = { 0 };
	struct net_pair pair;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	load_recvs(&net, pair.end[0], 4, &recvs);
	step.victim = pair.end[0];
	assert_int_equal(san_run(net.core[0][0], close_in_step, &step), 17);
	load_assert_all(&recvs, -ECANCELED);
	net_assert_stale(&net, pair.end[0]->h);
	net_close(&net);
}

/* The close completion takes no place (O5): one place, a thousand closes before the first reap. */
static void
closes_1000_need_no_place(void **state)
{
	static san_handle h[1000];
	static bool seen[1000];
	struct san_completion comp[64];
	struct san_cq *cq = NULL;
	unsigned int nb = 0;
	unsigned int i;
	int n;

	(void)state;
	net_open(&net, NULL);
	assert_int_equal(san_cq_create(1, &cq), 0);
	for (i = 0; i < 1000; i++)
		assert_int_equal(san_socket(net.core[0][0], cq, &h[i]), 0);
	for (i = 0; i < 1000; i++)
		assert_int_equal(san_close(h[i], i), 0);
	assert_int_equal(san_cq_destroy(cq), -EBUSY);
	net_steps(&net, 20);
	while ((n = san_cq_poll(cq, comp, 64)) > 0) {
		for (i = 0; i < (unsigned int)n; i++) {
			assert_int_equal(comp[i].kind, SAN_OP_CLOSE);
			assert_null(comp[i].op);
			assert_in_range(comp[i].user, 0, 999);
			assert_int_equal(comp[i].sock, h[comp[i].user]);
			assert_false(seen[comp[i].user]);
			seen[comp[i].user] = true;
			nb++;
		}
		net_step(&net);
	}
	assert_int_equal(n, 0);
	assert_int_equal(nb, 1000);
	assert_int_equal(san_cq_destroy(cq), 0);
	net_close(&net);
}

/* A core of 16 slots: each is used again and again, no handle comes twice, no old one ever works (O6). */
static void
reused_slots_have_new_handles(void **state)
{
	struct net_wish wish = { .sockets = 16 };
	static san_handle h[500];
	struct wsock *s;
	unsigned int i;
	unsigned int j;

	(void)state;
	net_open(&net, &wish);
	for (i = 0; i < 500; i++) {
		s = net_socket(&net, 0, 0);
		h[i] = s->h;
		assert_true(h[i] != SAN_NO_HANDLE);
		for (j = 0; j < i; j++)
			assert_true(h[j] != h[i]);
		assert_int_equal(watch_shut(s), 0);
		NET_UNTIL(&net, s->closed);
	}
	net_socket(&net, 0, 0);
	for (i = 0; i < 500; i++)
		net_assert_stale(&net, h[i]);
	net_assert_stale(&net, SAN_NO_HANDLE);
	net_assert_stale(&net, UINT64_MAX);
	net_close(&net);
}

/* Retired is not free: the slot comes back when its close record has been reaped, not before (O5). */
static void
unreaped_close_keeps_its_slot(void **state)
{
	struct net_wish wish = { .sockets = 16 };
	struct san_completion comp[32];
	san_handle h[17];
	unsigned int nb = 0;
	unsigned int i;

	(void)state;
	net_open(&net, &wish);
	while (nb < 17 && san_socket(net.core[0][0], net.w.cq, &h[nb]) == 0)
		nb++;
	assert_int_equal(nb, 16);
	assert_int_equal(san_socket(net.core[0][0], net.w.cq, &h[16]), -ENFILE);
	for (i = 0; i < nb; i++)
		assert_int_equal(san_close(h[i], i), 0);
	gather(comp, 0, 50);
	assert_int_equal(san_socket(net.core[0][0], net.w.cq, &h[16]), -ENFILE);
	for (i = 0; i < nb; i++) {
		assert_int_equal(gather(comp, 1, 3), 1);
		assert_int_equal(comp[0].kind, SAN_OP_CLOSE);
	}
	assert_int_equal(gather(comp, 1, 3), 0);
	for (i = 0; i < 16; i++) {
		assert_int_equal(san_socket(net.core[0][0], net.w.cq, &h[i]), 0);
		assert_int_equal(san_close(h[i], 0), 0);
	}
	assert_int_equal(san_socket(net.core[0][0], net.w.cq, &h[16]), -ENFILE);
	assert_int_equal(gather(comp, 32, 50), 16);
	net_close(&net);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(close_of_own_socket_in_handler_comes_last),
	NET_CASE(close_of_other_socket_in_handler_ends_its_operations),
	NET_CASE(post_and_close_in_handler_ends_what_was_posted),
	NET_CASE(close_in_step_of_run_is_reaped_there),
	NET_CASE(closes_1000_need_no_place),
	NET_CASE(reused_slots_have_new_handles),
	NET_CASE(unreaped_close_keeps_its_slot),
};

NET_MAIN("close_handler", cases)
