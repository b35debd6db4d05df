/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What may not be called inside an up-call, wherever it comes from: what would wait for the call that it is made in.
 */
#include <errno.h>

#include "sw.h"

/* What was answered inside the up-call. */
static int polled;
static int cleaned;

static void
try_all(void)
{
	int err = 0;

	polled = san_core_poll(sw.net.core[0][0]);
	cleaned = sw.calls.lpWSPCleanup(&err) == 0 ? 0 : err;
}

static void
forget(void)
{
	polled = 4711;
	cleaned = 4711;
}

static void
assert_refused(void)
{
	assert_int_equal(polled, -EDEADLK);
	assert_int_equal(cleaned, WSAENETDOWN);
	forget();
}

static void
inside_completion(struct sw_op *op)
{
	(void)op;
	try_all();
}

static void
inside_socket(struct sw_sock *s)
{
	(void)s;
	try_all();
}

static void
inside_event(struct sw_event *ev)
{
	(void)ev;
	try_all();
}

static int CALLBACK
decide_condition(LPWSABUF caller, LPWSABUF caller_data, LPQOS sqos, LPQOS gqos, LPWSABUF callee, LPWSABUF callee_data,
		 GROUP *g, DWORD_PTR arg)
{
	(void)caller, (void)caller_data, (void)sqos, (void)gqos, (void)callee, (void)callee_data, (void)g, (void)arg;
	try_all();
	return CF_ACCEPT;
}

/* A close on the core makes the up-calls of its socket before it returns (A11), outside a poll round. */
RULES("R9 R155 R161")
static void
nothing_waits_inside_the_up_calls_of_a_close(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op = sw_post_recv(pair.end[0], 100);

	forget();
	op->hook = inside_completion;
	assert_int_equal(sw_shut(pair.end[0]), 0);
	SW_UNTIL(!op->pending);
	assert_refused();
	sw.on_closed = inside_socket;
	assert_int_equal(sw_shut(pair.end[1]), 0);
	SW_UNTIL(pair.end[1]->closed);
	assert_refused();
}

/* Its close asks nothing of any core. */
RULES("R9 R161")
static void
nothing_waits_inside_the_end_of_a_socket_without_address(void)
{
	struct sw_sock *s;

	forget();
	assert_int_equal(sw_socket(&s), 0);
	sw.on_closed = inside_socket;
	assert_int_equal(sw_shut(s), 0);
	assert_true(s->closed);
	assert_refused();
}

RULES("R9 R30 R74")
static void
nothing_waits_where_the_switch_makes_a_descriptor(void)
{
	struct sw_sock *listener = sw_listener(1, 700, 5), *s;

	forget();
	sw.on_created = inside_socket;
	assert_int_equal(sw_socket(&s), 0);
	assert_refused();
	sw.on_created = NULL;
	s = sw_begin(0, 700);
	SW_UNTIL(listener->ev.set);
	sw.on_created = inside_socket;
	assert_int_equal(sw_accept(listener, NULL, NULL, &s), 0);
	assert_refused();
}

RULES("R9 R72")
static void
nothing_waits_inside_a_condition_function(void)
{
	struct sw_sock *listener = sw_listener(1, 700, 5), *s;

	forget();
	sw_begin(0, 700);
	SW_UNTIL(listener->ev.set);
	assert_int_equal(sw_accept(listener, decide_condition, NULL, &s), 0);
	assert_refused();
	sw_sound();
}

/* What has happened before it was selected is signalled inside WSPEventSelect. */
RULES("R9 R143")
static void
nothing_waits_where_an_event_is_set(void)
{
	struct sockaddr_in here = sw_addr(1, 700);
	struct sw_sock *listener, *got;

	forget();
	assert_int_equal(sw_socket(&listener), 0);
	assert_int_equal(sw_bind(listener, &here), 0);
	assert_int_equal(sw_listen(listener, 5), 0);
	sw_begin(0, 700);
	/* it has come when a poll of it finds it */
	SW_UNTIL(sw_accept(listener, NULL, NULL, &got) == 0);
	sw_begin(0, 700);
	sw_steps(1000);
	sw.on_event = inside_event;
	assert_int_equal(sw_select(listener, FD_ACCEPT), 0);
	SW_UNTIL(listener->ev.set);
	assert_refused();
}

static void
close_it(struct sw_sock *s)
{
	int err = 0;

	s->close_asked = true;
	cleaned = sw.calls.lpWSPCloseSocket((SOCKET)s->context, &err) == 0 ? 0 : err;
}

/* The descriptor is known to the switch before WSPSocket returns: then it is none that comes back. */
RULES("R30 R151 R161")
static void
socket_may_be_closed_while_it_is_made(void)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		struct sw_sock *s;

		forget();
		sw.on_created = close_it;
		assert_int_equal(sw_socket(&s), WSAENOTSOCK);
		sw.on_created = NULL;
		assert_int_equal(cleaned, 0);
		assert_int_equal(sw.nb_open, 0);
		assert_true(sw.socks->closed);
		sw_assert_stale((SOCKET)sw.socks->context);
		assert_int_equal(sw_socket(&s), 0);
		sw_shut_wait(s);
	}
}

static const struct CMUnitTest cases[] = {
	SW_CASE(nothing_waits_inside_the_up_calls_of_a_close),
	SW_CASE(nothing_waits_inside_the_end_of_a_socket_without_address),
	SW_CASE(nothing_waits_where_the_switch_makes_a_descriptor),
	SW_CASE(nothing_waits_inside_a_condition_function),
	SW_CASE(nothing_waits_where_an_event_is_set),
	SW_CASE(socket_may_be_closed_while_it_is_made),
};

NET_MAIN("upcalls", cases)
