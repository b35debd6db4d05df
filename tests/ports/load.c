/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

#define RECV_SIZE 4096u
#define SENDS_MAX 20000

static uint8_t sink[LOAD_MAX][RECV_SIZE];
static uint8_t source[LOAD_CHUNK];

void
load_recvs(struct net *net, struct wsock *s, unsigned int n, struct load *load)
{
	unsigned int i;

	assert_in_range(n, 0, LOAD_MAX);
	load->nb = n;
	for (i = 0; i < n; i++) {
		load->op[i] = watch_op(&net->w);
		assert_int_equal(watch_recv(s, load->op[i], sink[i], RECV_SIZE, 0), 0);
	}
}

void
load_sends(struct net *net, struct wsock *s, unsigned int n, unsigned int flags, struct load *load)
{
	unsigned int tries = 0;

	assert_in_range(n, 0, LOAD_MAX);
	load->nb = 0;
	while (load->nb < n) {
		struct wop *op = watch_op(&net->w);
		int rc = watch_send(s, op, source, sizeof(source), flags);

		assert_in_range(rc, 0, 1);
		assert_true(tries++ < SENDS_MAX);
		if (rc == 0)
			load->op[load->nb++] = op;
		net_steps(net, 4);
	}
}

void
load_accepts(struct net *net, struct wsock *s, unsigned int n, struct load *load)
{
	unsigned int i;

	assert_in_range(n, 0, LOAD_MAX);
	load->nb = n;
	for (i = 0; i < n; i++) {
		load->op[i] = watch_op(&net->w);
		assert_int_equal(watch_accept(s, load->op[i], 0), 0);
	}
}

unsigned int
load_ended_with(const struct load *load, int32_t result)
{
	unsigned int n = 0;
	unsigned int i;

	for (i = 0; i < load->nb; i++)
		n += !load->op[i]->pending && load->op[i]->result == result;
	return n;
}

void
load_assert_all(const struct load *load, int32_t result)
{
	unsigned int i;

	for (i = 0; i < load->nb; i++) {
		assert_false(load->op[i]->pending);
		assert_int_equal(load->op[i]->result, result);
	}
}

void
load_assert_reset(struct net *net, struct wsock *s)
{
	struct wop *op = watch_op(&net->w);
	static uint8_t byte[1];
	int rc = watch_recv(s, op, byte, 1, 0);

	if (rc == 0) {
		NET_UNTIL(net, !op->pending);
		rc = op->result;
	}
	assert_int_equal(rc, -ECONNRESET);
}

/* One direction of a transfer: sizes vary, so that pieces and segments never coincide for long. */
struct stream {
	uint8_t tx[3 * 4096];
	uint8_t rx[5000];
	uint64_t sent;
	uint64_t got;
	struct wop *send;
	struct wop *recv;
};

static void
push(struct stream *st, struct wsock *from, size_t len, uint32_t seed)
{
	size_t n = 1 + st->sent * 7919 % sizeof(st->tx);
	int rc;

	if (st->send->pending || st->sent == len)
		return;
	if (n > len - st->sent)
		n = len - st->sent;
	net_fill(st->tx, n, st->sent, seed);
	rc = watch_send(from, st->send, st->tx, n, 0);
	assert_in_range(rc, 0, 1);
	st->sent += n;
}

static void
pull(struct stream *st, struct wsock *to, uint32_t seed)
{
	size_t n = 1 + st->got * 104729 % sizeof(st->rx);

	if (st->recv->pending)
		return;
	if (st->recv->result != INT32_MIN) {
		assert_true(st->recv->result > 0);
		assert_true(net_same(st->rx, (size_t)st->recv->result, st->got, seed));
		st->got += (uint64_t)st->recv->result;
		st->recv->result = INT32_MIN;
		return;
	}
	assert_int_equal(watch_recv(to, st->recv, st->rx, n, 0), 0);
}

void
load_transfer(struct net *net, struct wsock *from, struct wsock *to, size_t len, uint32_t seed)
{
	struct stream *st = calloc(1, sizeof(*st));
	uint64_t limit_ms = net_now_ms() + NET_LONG_MS;

	assert_non_null(st);
	st->send = watch_op(&net->w);
	st->recv = watch_op(&net->w);
	while (st->got < len || st->send->pending) {
		assert_true(net_now_ms() < limit_ms);
		push(st, from, len, seed);
		if (st->got < len)
			pull(st, to, seed);
		net_step(net);
	}
	assert_int_equal(st->got, len);
	assert_false(st->recv->pending);
	free(st);
}
