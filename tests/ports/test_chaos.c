/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whatever a program may do, in an order that nobody chose: sockets of two hosts, random posts, cancels,
 * shutdowns, moves and closes, under the oracle. A failure prints its seed; SAN_SEED=n runs that one alone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

#define SEEDS 8
#define ACTIONS 50000
#define SOCKETS 48
#define LAST_OPS 256

static struct net net;
static uint64_t state64;
static struct wsock *sock[SOCKETS];
static struct wop *last[LAST_OPS];	/* some of the operations posted, for cancels */
static unsigned int nb_last;
static uint8_t sink[64][8192];
static uint8_t source[65536];

static uint32_t
draw(uint32_t n)
{
	state64 ^= state64 << 13;
	state64 ^= state64 >> 7;
	state64 ^= state64 << 17;
	return (uint32_t)(state64 >> 32) % n;
}

static struct wop *
fresh(void)
{
	struct wop *op = watch_op(&net.w);

	last[nb_last++ % LAST_OPS] = op;
	return op;
}

static unsigned int
some_flags(unsigned int other)
{
	return (draw(8) == 0 ? SAN_POLLED : 0u) | (draw(3) == 0 ? other : 0u);
}

static void
make(struct wsock **s)
{
	struct san_addr a = net_addr(1, (uint16_t)(7 + draw(3)));
	unsigned int side = draw(2);
	int rc;

	*s = watch_socket(&net.w, net.core[side][draw(net.nb_cores[side])], &rc);
	if (!*s) {
		assert_int_equal(rc, -ENFILE);
		return;
	}
	if (side == 0 || draw(8) == 0)
		watch_connect(*s, fresh(), &a, some_flags(0));
	else if (draw(2) == 0 && san_bind((*s)->h, &a) == 0)
		san_listen((*s)->h, 1 + draw(6));
}

/* Accepted sockets take the places of those that are gone. */
static void
adopt(struct wsock **s)
{
	unsigned int i;

	for (i = 0; i < LAST_OPS; i++) {
		if (!last[i] || last[i]->pending || !last[i]->accepted)
			continue;
		*s = last[i]->accepted;
		last[i]->accepted = NULL;
		if (!(*s)->closed)
			return;
	}
	*s = NULL;
}

static void
cancel_some(void)
{
	struct wop *op = last[draw(LAST_OPS)];
	int rc;

	if (!op || !op->pending || !op->sock || op->sock->closed)
		return;
	rc = watch_cancel(op->sock, op);
	assert_true(rc == 0 || rc == -EALREADY || rc == -ENOENT || rc == -ENOTSOCK);
}

static void
act(struct wsock **s)
{
	unsigned int what = draw(32);
	size_t len = 1 + draw(draw(4) ? 2000 : sizeof(source));

	if (what < 10)
		watch_recv(*s, fresh(), sink[draw(64)], 1 + draw(8192), some_flags(SAN_WAITALL));
	else if (what < 20)
		watch_send(*s, fresh(), source, len, some_flags(SAN_ACKED));
	else if (what < 24)
		watch_accept(*s, fresh(), some_flags(0));
	else if (what < 27)
		cancel_some();
	else if (what < 28)
		watch_shutdown(*s, fresh(), some_flags(0));
	else if (what < 30)
		net_steps(&net, draw(20));
	else
		watch_shut(*s);
	if (atomic_load(&(*s)->close_asked))
		*s = NULL;
}

static void
forget_polled(void)
{
	struct wop *op;

	for (op = net.w.ops; op; op = op->next) {
		if (op->pending && (op->flags & SAN_POLLED))
			watch_status(op);
	}
}

/* That it was chaos and not silence: connections were made, operations ended well and were cut off. */
static void
count(uint64_t seed)
{
	unsigned int nb_good[8] = { 0 };
	unsigned int nb_cut = 0;
	const struct wop *op;

	for (op = net.w.ops; op; op = op->next) {
		if (op->nb_ends == 0)
			continue;
		nb_good[op->kind] += op->result >= 0;
		nb_cut += op->result == -ECANCELED || op->result == -ECONNRESET;
	}
	print_message("# seed %llu: %llu sockets, ended well: %u accepts, %u connects, %u sends, %u receives, "
		      "%u shutdowns; cut off: %u\n", (unsigned long long)seed,
		      (unsigned long long)net.w.nb_socks, nb_good[SAN_OP_ACCEPT], nb_good[SAN_OP_CONNECT],
		      nb_good[SAN_OP_SEND], nb_good[SAN_OP_RECV], nb_good[SAN_OP_SHUTDOWN], nb_cut);
	assert_true(nb_good[SAN_OP_CONNECT] > 20 && nb_good[SAN_OP_ACCEPT] > 20);
	assert_true(nb_good[SAN_OP_SEND] > 20 && nb_good[SAN_OP_RECV] > 20);
	assert_true(nb_cut > 100);
}

static void
live(uint64_t seed, unsigned int nb_cores)
{
	struct net_wish wish = { .sockets = 128, .cores = { nb_cores, nb_cores } };
	unsigned int i;

	state64 = seed * 0x9e3779b97f4a7c15ull + 1;
	memset(sock, 0, sizeof(sock));
	memset(last, 0, sizeof(last));
	net_open(&net, &wish);
	for (i = 0; i < ACTIONS && net.w.nb_faults == 0; i++) {
		struct wsock **s = &sock[draw(SOCKETS)];

		if (!*s && draw(2))
			adopt(s);
		else if (!*s)
			make(s);
		else
			act(s);
		if (draw(4) == 0)
			net_step(&net);
	}
	forget_polled();
	if (net.w.nb_faults)
		print_message("# SAN_SEED=%llu, %u cores, action %u\n", (unsigned long long)seed, nb_cores, i);
	watch_sound(&net.w);
	count(seed);
	net_close(&net);
}

static void
live_all(unsigned int nb_cores)
{
	const char *only = getenv("SAN_SEED");
	uint64_t seed;

	for (seed = 1; seed <= SEEDS; seed++) {
		live(only ? strtoull(only, NULL, 10) : seed, nb_cores);
		if (only)
			return;
	}
}

static void
one_core_keeps_the_contract(void **state)
{
	(void)state;
	live_all(1);
}

static void
two_cores_keep_the_contract(void **state)
{
	(void)state;
	live_all(2);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(one_core_keeps_the_contract),
	NET_CASE(two_cores_keep_the_contract),
};

NET_MAIN("chaos", cases)
