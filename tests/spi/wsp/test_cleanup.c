/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The last WSPCleanup, with anything pending.
 */
#include <errno.h>
#include <string.h>

#include "ports/child.h"
#include "sw.h"

#define NB 32

RULES("R11 R12 S4.15 S4.16 S4.17")
static void
cleanup_aborts_pending_receives(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op[NB];
	unsigned int i;

	for (i = 0; i < NB; i++)
		op[i] = sw_post_recv(pair.end[0], 100);
	assert_int_equal(sw_cleanup(), 0);
	for (i = 0; i < NB; i++) {
		assert_int_equal(op[i]->nb_ends, 1);
		assert_int_equal(op[i]->error, WSA_OPERATION_ABORTED);
		assert_int_equal(op[i]->bytes, 0);
		assert_true(op[i]->order < pair.end[0]->closed_order);
	}
}

RULES("R11 R12 S4.15 S4.16 S4.17")
static void
cleanup_aborts_pending_sends(void)
{
	struct sw_op *op[4];
	struct sw_pair pair = sw_pair(700);
	unsigned int i;

	sw_fill(pair.end[0], 4, op);
	assert_int_equal(sw_cleanup(), 0);
	/* Both ends are cleaned up: this one may hear the other's reset first. */
	for (i = 0; i < 4; i++) {
		assert_int_equal(op[i]->nb_ends, 1);
		assert_true(op[i]->error == WSA_OPERATION_ABORTED || op[i]->error == WSAECONNRESET);
	}
}

RULES("R11 R98")
static void
cleanup_ends_polled_operations_in_their_structures(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;

	op = sw_op(100);
	op->polled = true;
	assert_int_equal(sw_recv(pair.end[0], op), WSA_IO_PENDING);
	assert_int_equal(sw_cleanup(), 0);
	assert_int_not_equal(op->ov.Internal, WSS_OPERATION_IN_PROGRESS);
	assert_int_equal(op->ov.OffsetHigh, WSA_OPERATION_ABORTED);
	assert_int_equal(op->nb_ends, 0);
	op->pending = false;
}

static void
scribble(struct sw_op *op)
{
	memset(op->mem, 0x55, op->size);
}

RULES("R13 R10 S4.18")
static void
memory_is_released_before_the_up_call(void)
{
	struct sw_op *op[NB];
	struct sw_pair pair = sw_pair(700);
	unsigned int i, j;

	for (i = 0; i < NB; i++) {
		op[i] = sw_post_recv(pair.end[0], 100);
		op[i]->hook = scribble;
	}
	assert_int_equal(sw_cleanup(), 0);
	sw_steps(100);
	for (i = 0; i < NB; i++) {
		assert_int_equal(op[i]->nb_ends, 1);
		for (j = 0; j < 100; j++)
			assert_int_equal(op[i]->mem[j], 0x55);
	}
}

/* A connect that runs, a listener with requests queued and on their way: the kit holds that nothing is signalled. */
RULES("R14 R147 S4.20 S4.21")
static void
cleanup_signals_no_event(void)
{
	struct sw_sock *listener = sw_listener(1, 700, 16);
	unsigned int before, i;

	for (i = 0; i < 4; i++)
		sw_begin(0, 700);
	SW_UNTIL(listener->ev.set);
	for (i = 0; i < 4; i++)
		sw_begin(0, 700);
	before = sw.nb_signals;
	assert_int_equal(sw_cleanup(), 0);
	assert_int_equal(sw.nb_signals, before);
	sw_steps(100);
	assert_int_equal(sw.nb_signals, before);
}

RULES("R15 R161 S4.22")
static void
cleanup_closes_each_open_socket(void)
{
	struct sw_sock *fresh, *bound, *listener, *connecting, *s;
	struct sw_pair pair;

	assert_int_equal(sw_socket(&fresh), 0);
	bound = sw_bound(0, 701);
	listener = sw_listener(1, 702, 5);
	pair = sw_pair(700);
	sw_post_recv(pair.end[0], 10);
	sw.net.held[1] = true;
	connecting = sw_begin(0, 700);
	assert_int_equal(sw_cleanup(), 0);
	assert_int_equal(sw.nb_open, 0);
	assert_true(fresh->closed && bound->closed && listener->closed && connecting->closed);
	for (s = sw.socks; s; s = s->next)
		assert_true(s->closed);
}

/* The peer is a native socket, which outlives the provider. */
RULES("R15 S4.22")
static void
cleanup_resets_connections(void)
{
	struct wop *accept, *recv;
	struct wsock *listener;
	struct sw_sock *c;
	static char buf[100];

	listener = net_listener(&sw.net, 1, 700, 5);
	accept = watch_op(&sw.net.w);
	assert_int_equal(watch_accept(listener, accept, 0), 0);
	c = sw_begin(0, 700);
	assert_int_equal(sw_outcome(c), 0);
	SW_UNTIL(!accept->pending);
	recv = watch_op(&sw.net.w);
	assert_int_equal(watch_recv(accept->accepted, recv, buf, sizeof(buf), 0), 0);
	assert_int_equal(sw_cleanup(), 0);
	SW_UNTIL(!recv->pending);
	assert_int_equal(recv->result, -ECONNRESET);
}

RULES("R15 R70")
static void
cleanup_refuses_queued_requests(void)
{
	struct san_addr to = net_addr(1, 700);
	struct sw_sock *listener = sw_listener(1, 700, 5);
	struct wop *connect;
	struct wsock *c;

	c = net_socket(&sw.net, 0, 0);
	connect = watch_op(&sw.net.w);
	assert_int_equal(watch_connect(c, connect, &to, 0), 0);
	SW_UNTIL(listener->ev.set);
	assert_int_equal(sw_cleanup(), 0);
	SW_UNTIL(!connect->pending);
	assert_true(connect->result == -ECONNREFUSED || connect->result == -ECONNRESET);
}

/* The kit: whatever comes after the return is a fault. */
RULES("R19")
static void
no_up_call_comes_after_the_return(void)
{
	struct sw_op *op[2];
	struct sw_pair pair = sw_pair(700);
	uint64_t order;

	sw_post_recv(pair.end[0], 10);
	sw_fill(pair.end[1], 2, op);
	assert_int_equal(sw_cleanup(), 0);
	order = sw.order;
	sw_steps(3000);
	assert_true(sw.order == order);
}

RULES("R11 R15 R16")
static void
cleanup_with_everything_pending_and_start_again(void)
{
	struct sw_op *op[2], *polled;
	struct sw_sock *listener, *connecting;
	struct sw_pair pair;
	unsigned int round, i;

	for (round = 0; round < 20; round++) {
		listener = sw_listener(1, 701, 8);
		pair = sw_pair(700);
		for (i = 0; i < 8; i++)
			sw_post_recv(pair.end[i % 2], 100);
		polled = sw_op(10);
		polled->polled = true;
		assert_int_equal(sw_recv(pair.end[1], polled), WSA_IO_PENDING);
		sw_fill(pair.end[0], 2, op);
		connecting = sw_begin(0, 701);
		if (round % 2)
			SW_UNTIL(listener->ev.set);
		assert_int_equal(sw_cleanup(), 0);
		assert_int_equal(sw.nb_open, 0);
		assert_true(connecting->closed);
		assert_int_not_equal(polled->ov.Internal, WSS_OPERATION_IN_PROGRESS);
		polled->pending = false;
		assert_int_equal(sw_start(), 0);
	}
	pair = sw_pair(700);
	sw_transfer(pair.end[0], pair.end[1], 100000, 1);
}

RULES("R11 R153")
static void
descriptors_of_an_earlier_use_are_none(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_sock *fresh;

	assert_int_equal(sw_socket(&fresh), 0);
	assert_int_equal(sw_cleanup(), 0);
	assert_int_equal(sw_start(), 0);
	sw_assert_stale(pair.end[0]->s);
	sw_assert_stale(fresh->s);
	sw_bound(0, 701);
	sw_assert_stale(fresh->s);
}

static int inside_code;

static void
cleanup_inside(struct sw_op *op)
{
	int err = 0;

	(void)op;
	inside_code = sw.calls.lpWSPCleanup(&err) == 0 ? 0 : err;
}

/* It would wait for itself. */
RULES("R9 S4.6 S4.7")
static void
cleanup_inside_an_up_call_is_refused(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;

	op = sw_post_recv(pair.end[1], 10);
	op->hook = cleanup_inside;
	inside_code = -1;
	sw_post_send(pair.end[0], 10, 0, 1);
	SW_UNTIL(!op->pending);
	assert_int_equal(inside_code, WSAENETDOWN);
	sw_transfer(pair.end[0], pair.end[1], 1000, 1);
}

RULES("R10 R15 S1.10")
static void
cleanup_of_five_hundred_sockets_gives_everything_back(void)
{
	struct sw_sock *listener = sw_listener(1, 700, 16);
	struct san_usage u;
	unsigned int i;

	for (i = 0; i < 250; i++) {
		struct sw_pair pair = sw_pair_to(listener, 700);

		sw_post_recv(pair.end[0], 100);
		sw_post_recv(pair.end[1], 100);
	}
	assert_int_equal(sw_cleanup(), 0);
	assert_int_equal(sw.nb_created, 501);
	assert_int_equal(sw.nb_closed, 501);
	for (i = 0; i < 2; i++) {
		san_host_usage(sw.net.host[i], &u);
		assert_int_equal(u.sockets, 0);
		assert_int_equal(u.connections, 0);
	}
}

/* Ends in the middle of it, without WSPCleanup: no crash, no complaint. */
static void
leave(void)
{
	struct sw_op *op[2];
	struct sw_pair pair;

	sw_open(NULL);
	pair = sw_pair(700);
	sw_post_recv(pair.end[0], 100);
	sw_fill(pair.end[1], 2, op);
	child_say("left here %u", sw.nb_open);
}

RULES("R18")
static void
process_may_end_without_a_cleanup(void)
{
	struct child child;

	child_run(&child, leave);
	assert_string_equal(child_line(&child, "left"), "here 2");
}

static const struct CMUnitTest cases[] = {
	SW_CASE_ALONE(process_may_end_without_a_cleanup),	/* first: the EAL starts once in a process */
	SW_CASE(cleanup_aborts_pending_receives),
	SW_CASE(cleanup_aborts_pending_sends),
	SW_CASE(cleanup_ends_polled_operations_in_their_structures),
	SW_CASE(memory_is_released_before_the_up_call),
	SW_CASE(cleanup_signals_no_event),
	SW_CASE(cleanup_closes_each_open_socket),
	SW_CASE(cleanup_resets_connections),
	SW_CASE(cleanup_refuses_queued_requests),
	SW_CASE(no_up_call_comes_after_the_return),
	SW_CASE(cleanup_with_everything_pending_and_start_again),
	SW_CASE(descriptors_of_an_earlier_use_are_none),
	SW_CASE(cleanup_inside_an_up_call_is_refused),
	SW_CASE(cleanup_of_five_hundred_sockets_gives_everything_back),
};

NET_MAIN("cleanup", cases)
