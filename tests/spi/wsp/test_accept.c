/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * WSPListen, FD_ACCEPT, WSPAccept and the condition function.
 */
#include <string.h>

#include "sw.h"

/* What the condition function is to say, and what it saw. */
struct condition {
	int answer;
	unsigned int nb_calls;
	pthread_t by;
	struct sockaddr_in peer, local;
	bool data;		/* caller's data or QoS were given */
	GROUP group;		/* what to make of it */
	unsigned int created;	/* handles made by then */
	bool connected;		/* the peer has heard of its connect by then */
	struct sw_sock *watched;
	struct sw_sock *shut;	/* to be closed inside */
};

static int CALLBACK
decide_condition(LPWSABUF caller, LPWSABUF caller_data, LPQOS sqos, LPQOS gqos, LPWSABUF callee,
		 LPWSABUF callee_data, GROUP *g, DWORD_PTR arg)
{
	struct condition *c = (struct condition *)arg;

	(void)callee_data;
	c->nb_calls++;
	c->by = pthread_self();
	if (caller && caller->len >= sizeof(c->peer))
		memcpy(&c->peer, caller->buf, sizeof(c->peer));
	if (callee && callee->len >= sizeof(c->local))
		memcpy(&c->local, callee->buf, sizeof(c->local));
	c->data = (caller_data && caller_data->len) || sqos || gqos;
	if (g)
		*g = c->group;
	c->created = sw.nb_created;
	if (c->watched)
		c->connected = c->watched->ev.set;
	if (c->shut)
		sw_shut(c->shut);
	return c->answer;
}

static void
wait_request(struct sw_sock *listener)
{
	WSANETWORKEVENTS events;

	SW_UNTIL(listener->ev.set);
	assert_int_equal(sw_enum(listener, &events), 0);
	assert_int_equal(events.lNetworkEvents, FD_ACCEPT);
	assert_int_equal(events.iErrorCode[FD_ACCEPT_BIT], 0);
}

/* A listener of host 1, and the connect of host 0 whose request it has. */
struct request {
	struct sw_sock *listener, *c;
};

static struct request
begin_request(void)
{
	struct request r;

	r.listener = sw_listener(1, 700, 5);
	r.c = sw_begin(0, 700);
	wait_request(r.listener);
	return r;
}

/* So many connects, one after the other, each of them queued. */
static void
queue_requests(struct sw_sock **c, unsigned int nb)
{
	for (unsigned int i = 0; i < nb; i++) {
		c[i] = sw_begin(0, 700);
		sw_steps(50);
	}
}

/* Take nb requests, whose connects are c. */
static void
take_requests(struct sw_sock *listener, struct sw_sock **c, unsigned int nb)
{
	struct sw_sock *got;

	for (unsigned int i = 0; i < nb; i++) {
		assert_int_equal(sw_accept(listener, NULL, NULL, &got), 0);
		assert_int_equal(sw_outcome(c[i]), 0);
	}
}

/* What becomes of a request whose listener is closed. */
static void
assert_refused(struct sw_sock *c)
{
	assert_int_equal(sw_outcome(c), WSAECONNREFUSED);
}

RULES("R68 R69 R71")
static void
request_is_queued_and_signalled(void)
{
	struct sw_sock *listener = sw_listener(1, 700, 5);
	struct sw_sock *c;

	sw_steps(50);
	assert_false(listener->ev.set);
	c = sw_begin(0, 700);
	wait_request(listener);
	assert_int_equal(listener->ev.nb_set, 1);
	take_requests(listener, &c, 1);
}

RULES("R68")
static void
accept_never_waits(void)
{
	struct sw_sock *listener = sw_listener(1, 700, 5);
	struct sw_sock *got;

	assert_int_equal(sw_accept(listener, NULL, NULL, &got), WSAEWOULDBLOCK);
	assert_int_equal(sw.nb_created, 1);
}

RULES("R72 R71")
static void
condition_is_called_inside_the_accept_by_its_thread(void)
{
	struct condition want = { .answer = CF_ACCEPT };
	struct request r = begin_request();
	struct sw_sock *got;

	assert_int_equal(sw_accept(r.listener, decide_condition, &want, &got), 0);
	assert_int_equal(want.nb_calls, 1);
	assert_true(pthread_equal(want.by, pthread_self()));
	assert_int_equal(sw_outcome(r.c), 0);
	assert_int_equal(want.nb_calls, 1);
}

RULES("R72 R48")
static void
condition_is_told_both_addresses(void)
{
	struct condition want = { .answer = CF_ACCEPT };
	struct sockaddr_in from = sw_addr(0, 4321), to = sw_addr(1, 700);
	struct sw_sock *listener = sw_listener(1, 700, 5);
	struct sw_sock *c, *got;

	c = sw_bound(0, 4321);
	assert_int_equal(sw_select(c, FD_CONNECT), 0);
	assert_int_equal(sw_connect(c, &to), WSAEWOULDBLOCK);
	wait_request(listener);
	assert_int_equal(sw_accept(listener, decide_condition, &want, &got), 0);
	assert_int_equal(want.peer.sin_port, from.sin_port);
	assert_int_equal(want.peer.sin_addr.s_addr, from.sin_addr.s_addr);
	assert_int_equal(want.local.sin_port, to.sin_port);
	assert_int_equal(want.local.sin_addr.s_addr, to.sin_addr.s_addr);
	assert_false(want.data);
}

RULES("R74 R30")
static void
accepted_socket_has_its_handle_after_the_condition(void)
{
	struct condition want = { .answer = CF_ACCEPT };
	struct request r = begin_request();
	struct sw_sock *got;
	unsigned int before;

	before = sw.nb_created;
	assert_int_equal(sw_accept(r.listener, decide_condition, &want, &got), 0);
	assert_int_equal(want.created, before);
	assert_int_equal(sw.nb_created, before + 1);
	assert_true(pthread_equal(got->made_by, pthread_self()));
	assert_true(got->s != r.listener->s);
	assert_int_equal(sw_outcome(r.c), 0);
	sw_transfer(r.c, got, 1000, 1);
}

RULES("R73")
static void
peer_connects_only_after_the_condition(void)
{
	struct condition want = { .answer = CF_ACCEPT };
	struct request r = begin_request();
	struct sw_sock *got;

	want.watched = r.c;
	sw_steps(500);
	assert_false(want.watched->ev.set);
	assert_int_equal(sw_accept(r.listener, decide_condition, &want, &got), 0);
	assert_false(want.connected);
	assert_int_equal(sw_outcome(want.watched), 0);
}

RULES("R75")
static void
rejected_request_is_refused(void)
{
	struct condition want = { .answer = CF_REJECT };
	struct request r = begin_request();
	struct sw_sock *got;

	want.watched = r.c;
	assert_int_equal(sw_accept(r.listener, decide_condition, &want, &got), WSAECONNREFUSED);
	assert_false(want.connected);
	assert_int_equal(sw_outcome(want.watched), WSAECONNREFUSED);
	assert_int_equal(sw.nb_created, 2);
	assert_int_equal(sw_accept(r.listener, NULL, NULL, &got), WSAEWOULDBLOCK);
}

RULES("R75")
static void
listener_goes_on_after_a_rejection(void)
{
	struct condition no = { .answer = CF_REJECT };
	struct sw_sock *listener = sw_listener(1, 700, 5);
	struct sw_sock *c, *got;
	unsigned int i;

	for (i = 0; i < 10; i++) {
		c = sw_begin(0, 700);
		wait_request(listener);
		assert_int_equal(sw_accept(listener, i % 2 ? NULL : decide_condition, &no, &got),
				 i % 2 ? 0 : WSAECONNREFUSED);
		assert_int_equal(sw_outcome(c), i % 2 ? 0 : WSAECONNREFUSED);
	}
}

RULES("R76")
static void
accept_resets_the_event_before_it_returns(void)
{
	struct sw_sock *listener = sw_listener(1, 700, 5);
	struct sw_sock *got;

	sw_begin(0, 700);
	SW_UNTIL(listener->ev.set);
	/* The switch has not asked for the events: the accept alone resets. */
	assert_int_equal(sw_accept(listener, NULL, NULL, &got), 0);
	assert_false(listener->ev.set);
	assert_true(listener->ev.nb_reset >= 1);
}

RULES("R76 R69")
static void
next_request_signals_again(void)
{
	struct request r = begin_request();
	struct sw_sock *got;

	assert_int_equal(sw_accept(r.listener, NULL, NULL, &got), 0);
	sw_steps(100);
	assert_false(r.listener->ev.set);
	sw_begin(0, 700);
	wait_request(r.listener);
}

/* Both calls reset the event: what is still queued has to set it again. */
RULES("R76 R69")
static void
no_queued_request_is_forgotten(void)
{
	struct sw_sock *listener = sw_listener(1, 700, 8);
	struct sw_sock *got, *c[8];
	unsigned int i;

	for (i = 0; i < 8; i++)
		c[i] = sw_begin(0, 700);
	sw_steps(200);
	for (i = 0; i < 8; i++) {
		wait_request(listener);
		assert_int_equal(sw_accept(listener, NULL, NULL, &got), 0);
	}
	assert_int_equal(sw_accept(listener, NULL, NULL, &got), WSAEWOULDBLOCK);
	sw_steps(100);
	assert_false(listener->ev.set);
	for (i = 0; i < 8; i++)
		assert_int_equal(sw_outcome(c[i]), 0);
}

RULES("R69 R71")
static void
requests_are_taken_in_their_order(void)
{
	struct condition want = { .answer = CF_ACCEPT };
	struct sockaddr_in from, to = sw_addr(1, 700);
	struct sw_sock *listener = sw_listener(1, 700, 8);
	struct sw_sock *got, *c;
	unsigned int i;

	for (i = 0; i < 5; i++) {
		c = sw_bound(0, (uint16_t)(4000 + i));
		assert_int_equal(sw_connect(c, &to), WSAEWOULDBLOCK);
		sw_steps(50);
	}
	for (i = 0; i < 5; i++) {
		from = sw_addr(0, (uint16_t)(4000 + i));
		assert_int_equal(sw_accept(listener, decide_condition, &want, &got), 0);
		assert_int_equal(want.peer.sin_port, from.sin_port);
	}
}

RULES("R77")
static void
other_answers_of_the_condition_are_invalid(void)
{
	struct condition want = { .answer = 17 };
	struct request r = begin_request();
	struct sw_sock *got;

	assert_int_equal(sw_accept(r.listener, decide_condition, &want, &got), WSAEINVAL);
	want.answer = -1;
	assert_int_equal(sw_accept(r.listener, decide_condition, &want, &got), WSAEINVAL);
	assert_int_equal(sw.nb_created, 2);
	/* The request is still there. */
	assert_int_equal(sw_accept(r.listener, NULL, NULL, &got), 0);
	assert_int_equal(sw_outcome(r.c), 0);
}

RULES("R77")
static void
group_of_the_condition_is_invalid(void)
{
	struct condition want = { .answer = CF_ACCEPT, .group = 5 };
	struct request r = begin_request();
	struct sw_sock *got;

	assert_int_equal(sw_accept(r.listener, decide_condition, &want, &got), WSAEINVAL);
}

RULES("R77 R71")
static void
deferred_request_stays_the_oldest(void)
{
	struct condition later = { .answer = CF_DEFER }, now = { .answer = CF_ACCEPT };
	struct sockaddr_in first = sw_addr(0, 4000), to = sw_addr(1, 700);
	struct sw_sock *listener = sw_listener(1, 700, 5);
	struct sw_sock *c, *got;

	c = sw_bound(0, 4000);
	assert_int_equal(sw_connect(c, &to), WSAEWOULDBLOCK);
	wait_request(listener);
	sw_begin(0, 700);
	sw_steps(50);
	assert_int_equal(sw_accept(listener, decide_condition, &later, &got), WSATRY_AGAIN);
	assert_int_equal(sw_accept(listener, decide_condition, &now, &got), 0);
	assert_int_equal(now.peer.sin_port, first.sin_port);
}

RULES("R67 R70")
static void
request_beyond_the_backlog_is_refused_without_an_event(void)
{
	struct sw_sock *listener = sw_listener(1, 700, 3);
	struct sw_sock *c[4];
	unsigned int i, signals;

	queue_requests(c, 3);
	wait_request(listener);
	sw_steps(50);
	signals = listener->ev.nb_set;
	listener->ev.set = false;
	c[3] = sw_begin(0, 700);
	assert_int_equal(sw_outcome(c[3]), WSAECONNREFUSED);
	assert_int_equal(listener->ev.nb_set, signals);
	for (i = 0; i < 3; i++)
		assert_false(c[i]->ev.set);
}

RULES("R67")
static void
place_in_the_queue_is_free_after_an_accept(void)
{
	struct sw_sock *listener = sw_listener(1, 700, 1);
	struct sw_sock *c;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		c = sw_begin(0, 700);
		wait_request(listener);
		take_requests(listener, &c, 1);
	}
}

RULES("R67")
static void
somaxconn_means_a_reasonable_maximum(void)
{
	struct sw_sock *listener, *got;
	unsigned int i;

	listener = sw_bound(1, 700);
	assert_int_equal(sw_listen(listener, WIN_SOMAXCONN), 0);
	for (i = 0; i < 100; i++)
		sw_begin(0, 700);
	sw_steps(300);
	for (i = 0; i < 100; i++)
		assert_int_equal(sw_accept(listener, NULL, NULL, &got), 0);
}

/* What the SDK's page of the call says of a listener: a new backlog, and what is above it is reset. */
RULES("R67 R70")
static void
lower_backlog_refuses_the_newest(void)
{
	struct sw_sock *listener = sw_listener(1, 700, 4);
	struct sw_sock *c[4], *got;

	queue_requests(c, 4);
	assert_int_equal(sw_listen(listener, 2), 0);
	assert_int_equal(sw_outcome(c[3]), WSAECONNREFUSED);
	assert_int_equal(sw_outcome(c[2]), WSAECONNREFUSED);
	take_requests(listener, c, 2);
	assert_int_equal(sw_accept(listener, NULL, NULL, &got), WSAEWOULDBLOCK);
}

RULES("R67")
static void
higher_backlog_takes_more(void)
{
	struct sw_sock *listener = sw_listener(1, 700, 1);
	struct sw_sock *c[4];

	queue_requests(c, 1);
	assert_int_equal(sw_listen(listener, 4), 0);
	queue_requests(c + 1, 3);
	take_requests(listener, c, 4);
}

RULES("R67 R41")
static void
listen_of_an_unbound_or_connected_socket_is_refused(void)
{
	struct sw_pair pair;
	struct sw_sock *s;

	assert_int_equal(sw_socket(&s), 0);
	assert_int_equal(sw_listen(s, 5), WSAEINVAL);
	pair = sw_pair(700);
	assert_int_equal(sw_listen(pair.end[0], 5), WSAEISCONN);
	assert_int_equal(sw_listen(pair.end[1], 5), WSAEISCONN);
}

RULES("R71")
static void
accept_of_no_listener_is_refused(void)
{
	struct sw_pair pair;
	struct sw_sock *s, *got;

	s = sw_bound(1, 701);
	assert_int_equal(sw_accept(s, NULL, NULL, &got), WSAEINVAL);
	pair = sw_pair(700);
	assert_int_equal(sw_accept(pair.end[0], NULL, NULL, &got), WSAEINVAL);
}

RULES("R71")
static void
short_place_for_the_address_is_refused(void)
{
	struct request r = begin_request();
	struct sw_sock *got;
	struct sockaddr_in peer;
	int len = sizeof(peer) - 1;
	int *const lens[] = { &len, NULL };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		int err = 0;

		assert_true(sw.calls.lpWSPAccept(r.listener->s, (struct sockaddr *)&peer, lens[i], NULL, 0, &err) ==
			    INVALID_SOCKET);
		assert_int_equal(err, WSAEFAULT);
	}
	assert_int_equal(sw_accept(r.listener, NULL, NULL, &got), 0);
}

RULES("R74")
static void
handle_that_cannot_be_made_refuses_the_request(void)
{
	struct request r = begin_request();
	struct sw_sock *got;

	sw.fail_create = WSAENOBUFS;
	assert_int_equal(sw_accept(r.listener, NULL, NULL, &got), WSAENOBUFS);
	sw.fail_create = 0;
	assert_int_equal(sw_outcome(r.c), WSAECONNREFUSED);
}

RULES("R165 R156 S3.20 S3.21")
static void
close_of_a_listener_refuses_what_is_queued(void)
{
	struct sw_sock *listener = sw_listener(1, 700, 8);
	struct sw_sock *c[5];
	unsigned int i;

	for (i = 0; i < 5; i++)
		c[i] = sw_begin(0, 700);
	wait_request(listener);
	sw_steps(50);
	sw_shut_wait(listener);
	for (i = 0; i < 5; i++)
		assert_refused(c[i]);
}

RULES("R79 R165")
static void
accepted_socket_outlives_its_listener(void)
{
	struct sw_sock *listener = sw_listener(1, 700, 8);
	struct sw_pair pair;

	pair = sw_pair_to(listener, 700);
	sw_shut_wait(listener);
	sw_transfer(pair.end[0], pair.end[1], 100000, 1);
}

RULES("R73 R208")
static void
listener_closed_inside_the_condition_refuses(void)
{
	struct condition want = { .answer = CF_ACCEPT };
	struct request r = begin_request();
	struct sw_sock *got;

	want.shut = r.listener;
	assert_int_equal(sw_accept(r.listener, decide_condition, &want, &got), WSAENOTSOCK);
	assert_refused(r.c);
}

/* What the connecting side has done meanwhile: its request is gone, or fails at once. */
RULES("R71 R165")
static void
request_withdrawn_before_the_accept_makes_no_connection(void)
{
	struct request r = begin_request();
	struct sw_sock *got;
	struct sw_op *op;
	int code;

	sw_shut_wait(r.c);
	sw_steps(100);
	code = sw_accept(r.listener, NULL, NULL, &got);
	if (code == 0) {
		/* SYN_SENT is left without a word: the answer draws the reset. */
		op = sw_op(100);
		code = sw_recv(got, op);
		if (code == WSA_IO_PENDING) {
			SW_UNTIL(!op->pending);
			code = (int)op->error;
		}
		assert_true(code == WSAECONNRESET || code == WSAENOTCONN || code == WSAECONNABORTED);
	} else {
		assert_true(code == WSAECONNRESET || code == WSAEWOULDBLOCK);
	}
}

static const struct CMUnitTest cases[] = {
	SW_CASE(request_is_queued_and_signalled),
	SW_CASE(accept_never_waits),
	SW_CASE(condition_is_called_inside_the_accept_by_its_thread),
	SW_CASE(condition_is_told_both_addresses),
	SW_CASE(accepted_socket_has_its_handle_after_the_condition),
	SW_CASE(peer_connects_only_after_the_condition),
	SW_CASE(rejected_request_is_refused),
	SW_CASE(listener_goes_on_after_a_rejection),
	SW_CASE(accept_resets_the_event_before_it_returns),
	SW_CASE(next_request_signals_again),
	SW_CASE(no_queued_request_is_forgotten),
	SW_CASE(requests_are_taken_in_their_order),
	SW_CASE(other_answers_of_the_condition_are_invalid),
	SW_CASE(group_of_the_condition_is_invalid),
	SW_CASE(deferred_request_stays_the_oldest),
	SW_CASE(request_beyond_the_backlog_is_refused_without_an_event),
	SW_CASE(place_in_the_queue_is_free_after_an_accept),
	SW_CASE(somaxconn_means_a_reasonable_maximum),
	SW_CASE(lower_backlog_refuses_the_newest),
	SW_CASE(higher_backlog_takes_more),
	SW_CASE(listen_of_an_unbound_or_connected_socket_is_refused),
	SW_CASE(accept_of_no_listener_is_refused),
	SW_CASE(short_place_for_the_address_is_refused),
	SW_CASE(handle_that_cannot_be_made_refuses_the_request),
	SW_CASE(close_of_a_listener_refuses_what_is_queued),
	SW_CASE(accepted_socket_outlives_its_listener),
	SW_CASE(listener_closed_inside_the_condition_refuses),
	SW_CASE(request_withdrawn_before_the_accept_makes_no_connection),
};

NET_MAIN("accept", cases)
