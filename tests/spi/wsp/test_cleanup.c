/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The last WSPCleanup, with anything pending.
 */
#include <errno.h>
#include <string.h>

#include "ports/child.h"
#include "sw.h"

#define NB 32

/*
 * Ended by the cleanup, once, before its handle was closed; the kit knows it by its WSAOVERLAPPED. Both ends of a
 * connection are this thread's, and nothing moves between the first close and the last: so no end can have heard of
 * the other one's reset, and there is one code that is right.
 */
static void
assert_aborted(const struct sw_op *op)
{
	assert_int_equal(op->nb_ends, 1);
	assert_int_equal(op->error, WSA_OPERATION_ABORTED);
	assert_int_equal(op->ov.OffsetHigh, WSA_OPERATION_ABORTED);
	assert_int_equal(op->bytes, 0);
	assert_int_equal(op->flags, 0);
	assert_true(op->order < op->sock->closed_order);
}

/* One that is polled: in its structure, and by nothing else. */
static void
assert_aborted_silently(struct sw_op *op)
{
	assert_int_not_equal(op->ov.Internal, WSS_OPERATION_IN_PROGRESS);
	assert_int_equal(op->ov.OffsetHigh, WSA_OPERATION_ABORTED);
	assert_int_equal(op->ov.InternalHigh, 0);
	assert_int_equal(op->nb_ends, 0);
	op->pending = false;
}

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
	for (i = 0; i < NB; i++)
		assert_aborted(op[i]);
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
	for (i = 0; i < 4; i++)
		assert_aborted(op[i]);
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
	assert_aborted_silently(op);
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

/* Everything that can be pending: operations of each kind and form, a connect, requests on their way or queued. */
struct everything {
	struct sw_op *recv[8];		/**< At both ends. */
	struct sw_op *many;		/**< A receive of four buffers. */
	struct sw_op *send[3];
	struct sw_op *polled[2];	/**< A receive, a send. */
	struct sw_sock *listener;
	struct sw_sock *connecting;
};

static void
post_everything(struct everything *e)
{
	struct sw_pair quiet = sw_pair(700), busy = sw_pair(702);
	unsigned int i;

	for (i = 0; i < 8; i++)
		e->recv[i] = sw_post_recv(quiet.end[i % 2], 100);
	e->many = sw_op(100);
	sw_split(e->many, 100, 4);
	assert_int_equal(sw_recv(quiet.end[0], e->many), WSA_IO_PENDING);
	sw_fill(busy.end[0], 3, e->send);
	for (i = 0; i < 2; i++) {
		e->polled[i] = sw_op(1000);
		e->polled[i]->polled = true;
	}
	assert_int_equal(sw_recv(busy.end[0], e->polled[0]), WSA_IO_PENDING);
	/* behind those that wait */
	assert_int_equal(sw_send(busy.end[0], e->polled[1]), WSA_IO_PENDING);
	e->listener = sw_listener(1, 701, 8);
	e->connecting = sw_begin(0, 701);
}

static void
assert_everything_aborted(const struct everything *e)
{
	const struct sw_sock *s;
	unsigned int i;

	for (i = 0; i < 8; i++)
		assert_aborted(e->recv[i]);
	assert_aborted(e->many);
	for (i = 0; i < 3; i++)
		assert_aborted(e->send[i]);
	for (i = 0; i < 2; i++)
		assert_aborted_silently(e->polled[i]);
	assert_int_equal(e->connecting->ev.nb_set, 0);
	for (s = sw.socks; s != NULL; s = s->next)
		assert_true(s->closed);
	assert_int_equal(sw.nb_open, 0);
}

RULES("R11 R12 R15 R16 S4.15 S4.17")
static void
cleanup_with_everything_pending_and_start_again(void)
{
	struct everything e;
	struct sw_pair pair;
	unsigned int round, before;

	for (round = 0; round < 20; round++) {
		post_everything(&e);
		if (round % 2)
			SW_UNTIL(e.listener->ev.set);
		before = sw.nb_completed;
		assert_int_equal(sw_cleanup(), 0);
		assert_int_equal(sw.nb_completed, before + 12);
		assert_everything_aborted(&e);
		assert_int_equal(sw_start(), 0);
	}
	pair = sw_pair(700);
	sw_transfer(pair.end[0], pair.end[1], 100000, 1);
}

/* Of two uses: the first cleanup ends nothing of it, the second all. */
RULES("R6 R7 R11 R12 S4.13 S4.14 S4.15")
static void
first_of_two_cleanups_leaves_everything_pending(void)
{
	struct everything e;
	unsigned int before;

	assert_int_equal(sw_start(), 0);
	post_everything(&e);
	SW_UNTIL(e.listener->ev.set);
	before = sw.nb_completed;
	assert_int_equal(sw_cleanup(), 0);
	sw_steps(100);
	assert_int_equal(sw.nb_completed, before);
	assert_int_equal(sw.nb_closed, 2);	/* the listeners of the two pairs */
	assert_int_equal(sw_cleanup(), 0);
	assert_everything_aborted(&e);
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

/*
 * The stack is gone before the provider: a program has ended the library once too often. What was open went with
 * it, and the cleanup, which could not do that any more, says so; it counts all the same, and a start begins anew.
 */
RULES("R9 S4.6 S4.4 S4.7")
static void
cleanup_without_a_network_says_so(void)
{
	struct sw_pair pair;
	struct sw_op *op;
	int err;

	sw_open(NULL);
	pair = sw_pair(700);
	op = sw_post_recv(pair.end[0], 100);
	net_release(&sw.net);
	sw.cleaning = true;
	assert_int_equal(san_cleanup(), 0);
	assert_int_equal(net_cleanup(&sw.net), 0);
	sw.cleaning = false;
	assert_int_equal(sw.nb_open, 0);
	assert_aborted(op);
	err = 4711;
	assert_int_equal(sw.calls.lpWSPCleanup(&err), SOCKET_ERROR);
	assert_int_equal(err, WSAENETDOWN);
	sw.nb_starts--;
	err = 4711;
	assert_int_equal(sw.calls.lpWSPCleanup(&err), SOCKET_ERROR);
	assert_int_equal(err, WSANOTINITIALISED);
	sw_close_without_net();
	sw_open(NULL);
	pair = sw_pair(700);
	sw_transfer(pair.end[0], pair.end[1], 1000, 1);
	sw_close();
}

/* It would wait for itself; nothing has happened, so it is said again and again, and counts nothing. */
RULES("R9 S4.7")
static void
cleanup_inside_an_up_call_is_refused(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		op = sw_post_recv(pair.end[1], 10);
		op->hook = cleanup_inside;
		inside_code = -1;
		sw_post_send(pair.end[0], 10, 0, 1);
		SW_UNTIL(!op->pending);
		assert_int_equal(inside_code, WSAENETDOWN);
	}
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
	SW_CASE(first_of_two_cleanups_leaves_everything_pending),
	SW_CASE(descriptors_of_an_earlier_use_are_none),
	SW_CASE_ALONE(cleanup_without_a_network_says_so),
	SW_CASE(cleanup_inside_an_up_call_is_refused),
	SW_CASE(cleanup_of_five_hundred_sockets_gives_everything_back),
};

NET_MAIN("cleanup", cases)
