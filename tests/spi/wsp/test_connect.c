/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * WSPConnect and FD_CONNECT.
 */
#include <string.h>

#include "sw.h"

#define NOBODY 0x0a09004du	/* in the network, and nobody has it */

static struct sockaddr_in
nobody(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(700) };

	a.sin_addr.s_addr = htonl(NOBODY);
	return a;
}

RULES("R53 R55 R57 R56")
static void
connect_begins_and_the_event_brings_success(void)
{
	struct sw_sock *listener = sw_listener(1, 700, 5);
	struct sw_sock *c;
	WSANETWORKEVENTS events;

	c = sw_begin(0, 700);
	assert_false(c->ev.set);
	sw_take(listener);
	SW_UNTIL(c->ev.set);
	assert_int_equal(sw_enum(c, &events), 0);
	assert_int_equal(events.lNetworkEvents, FD_CONNECT);
	assert_int_equal(events.iErrorCode[FD_CONNECT_BIT], 0);
	assert_int_equal(c->ev.nb_set, 1);
}

/* The provider's other end is a native listener: what it is told does not depend on who accepts. */
RULES("R54 R55 R63")
static void
connect_to_a_native_listener_works(void)
{
	struct sw_sock *c;

	net_listener(&sw.net, 1, 700, 5);
	c = sw_begin(0, 700);
	assert_int_equal(sw_outcome(c), 0);
}

/* Never blocks: the call returns though nobody polls the other host, and does not even poll its own. */
RULES("R64 R55")
static void
connect_does_not_wait_for_the_peer(void)
{
	struct sw_sock *c;
	uint64_t rounds;

	sw.net.held[1] = true;
	rounds = net_counter(&sw.net, 0, "core_rounds");
	c = sw_begin(0, 700);
	assert_int_equal(net_counter(&sw.net, 0, "core_rounds"), rounds);
	sw_steps(200);
	assert_false(c->ev.set);
}

RULES("R59 R56 R57")
static void
nobody_listens_fails_with_refused(void)
{
	assert_int_equal(sw_outcome(sw_begin(0, 700)), WSAECONNREFUSED);
}

/* R60: another provider may reach it, so none of the three codes of R59. */
RULES("R60")
static void
host_that_does_not_answer_times_out(void)
{
	struct sockaddr_in to = nobody();
	struct sw_sock *c;

	c = sw_bound(0, 0);
	assert_int_equal(sw_select(c, FD_CONNECT), 0);
	assert_int_equal(sw_connect(c, &to), WSAEWOULDBLOCK);
	assert_int_equal(sw_outcome(c), WSAETIMEDOUT);
}

/* Elsewhere than in the provider's networks TCP/IP may know a way. */
RULES("R60")
static void
address_outside_the_network_is_none_of_the_three(void)
{
	struct sockaddr_in to = nobody();
	struct sw_sock *c;

	to.sin_addr.s_addr = htonl(0xc0a80101);
	c = sw_bound(0, 0);
	assert_int_equal(sw_select(c, FD_CONNECT), 0);
	assert_int_equal(sw_connect(c, &to), WSAEWOULDBLOCK);
	assert_int_equal(sw_outcome(c), WSAENETUNREACH);
}

RULES("R61")
static void
second_connect_while_one_runs_is_refused(void)
{
	struct sockaddr_in to = sw_addr(1, 700), other = sw_addr(1, 701);
	struct sw_sock *c;

	sw.net.held[1] = true;
	c = sw_begin(0, 700);
	assert_int_equal(sw_connect(c, &to), WSAEALREADY);
	sw_steps(10);
	assert_int_equal(sw_connect(c, &other), WSAEALREADY);
}

RULES("R62")
static void
connect_of_an_established_connection_is_refused(void)
{
	struct sockaddr_in to = sw_addr(1, 700);
	struct sw_pair pair = sw_pair(700);

	assert_int_equal(sw_connect(pair.end[0], &to), WSAEISCONN);
	to = sw_addr(0, 701);
	assert_int_equal(sw_connect(pair.end[1], &to), WSAEISCONN);
	sw_transfer(pair.end[0], pair.end[1], 1000, 1);
}

RULES("R63")
static void
established_connection_carries_both_ways(void)
{
	struct sw_pair pair = sw_pair(700);

	sw_transfer(pair.end[0], pair.end[1], 3000000, 1);
	sw_transfer(pair.end[1], pair.end[0], 3000000, 2);
}

RULES("R65 R79")
static void
close_cancels_a_connect(void)
{
	struct sw_sock *c;

	sw.net.held[1] = true;
	c = sw_begin(0, 700);
	sw_steps(10);
	sw_shut_wait(c);
	sw_assert_stale(c->s);
	assert_int_equal(c->ev.nb_set, 0);
}

/* The port of the cancelled attempt is free, and nothing of the old one reaches the new. */
RULES("R65")
static void
cancelled_connect_leaves_its_port(void)
{
	struct sockaddr_in from = sw_addr(0, 701), to = sw_addr(1, 700);
	struct sw_sock *listener = sw_listener(1, 700, 5);
	struct sw_sock *c;

	sw.net.held[1] = true;
	c = sw_bound(0, 701);
	assert_int_equal(sw_select(c, FD_CONNECT), 0);
	assert_int_equal(sw_connect(c, &to), WSAEWOULDBLOCK);
	sw_shut_wait(c);
	assert_int_equal(sw_socket(&c), 0);
	assert_int_equal(sw_bind(c, &from), 0);
	(void)listener;
}

RULES("R58 R165")
static void
socket_whose_connect_failed_can_be_closed(void)
{
	struct sw_sock *c;

	c = sw_begin(0, 700);
	assert_int_not_equal(sw_outcome(c), 0);
	sw_shut_wait(c);
	assert_int_equal(c->nb_ups, 1);
}

/* Before the switch has closed it the descriptor stays what it is. */
RULES("R163 R209")
static void
failed_connect_keeps_the_descriptor(void)
{
	WSANETWORKEVENTS events;
	struct sw_sock *c;

	c = sw_begin(0, 700);
	assert_int_not_equal(sw_outcome(c), 0);
	sw_steps(500);
	assert_false(c->closed);
	assert_int_equal(sw_enum(c, &events), 0);
	assert_int_equal(events.lNetworkEvents, 0);
}

RULES("R53")
static void
outcome_is_signalled_to_a_selection_that_comes_later(void)
{
	struct sockaddr_in to = sw_addr(1, 700);
	struct sw_sock *c;

	net_listener(&sw.net, 1, 700, 5);
	c = sw_bound(0, 0);
	assert_int_equal(sw_connect(c, &to), WSAEWOULDBLOCK);
	sw_steps(200);
	assert_false(c->ev.set);
	assert_int_equal(sw_select(c, FD_CONNECT), 0);
	assert_int_equal(sw_outcome(c), 0);
}

RULES("R53")
static void
bad_targets_are_refused_at_once(void)
{
	struct sockaddr_in to = sw_addr(1, 0);
	struct sw_sock *c;
	int err = 0;

	c = sw_bound(0, 0);
	assert_int_equal(sw_connect(c, &to), WSAEADDRNOTAVAIL);
	to = sw_addr(1, 700);
	to.sin_addr.s_addr = 0;
	assert_int_equal(sw_connect(c, &to), WSAEADDRNOTAVAIL);
	to = sw_addr(1, 700);
	assert_int_equal(sw.calls.lpWSPConnect(c->s, (struct sockaddr *)&to, sizeof(to) - 1, NULL, NULL, NULL, NULL,
					       &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEFAULT);
	err = 0;
	assert_int_equal(sw.calls.lpWSPConnect(c->s, NULL, sizeof(to), NULL, NULL, NULL, NULL, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEFAULT);
	to.sin_family = AF_UNIX;
	assert_int_equal(sw_connect(c, &to), WSAEAFNOSUPPORT);
}

RULES("R53 R203")
static void
connect_data_and_qos_are_refused(void)
{
	struct sockaddr_in to = sw_addr(1, 700);
	char text[4] = "abc";
	WSABUF data = { .len = 3, .buf = text };
	struct sw_sock *c;
	QOS qos;
	int err = 0;

	c = sw_bound(0, 0);
	assert_int_equal(sw.calls.lpWSPConnect(c->s, (struct sockaddr *)&to, sizeof(to), &data, NULL, NULL, NULL, &err),
			 SOCKET_ERROR);
	assert_int_equal(err, WSAEPROTONOSUPPORT);
	memset(&qos, 0, sizeof(qos));
	assert_int_equal(sw.calls.lpWSPConnect(c->s, (struct sockaddr *)&to, sizeof(to), NULL, NULL, &qos, NULL, &err),
			 SOCKET_ERROR);
	assert_int_equal(err, WSAEOPNOTSUPP);
}

RULES("R53")
static void
listener_cannot_connect(void)
{
	struct sockaddr_in to = sw_addr(0, 701);
	struct sw_sock *listener = sw_listener(1, 700, 5);

	assert_int_equal(sw_connect(listener, &to), WSAEINVAL);
}

RULES("R54 R209")
static void
connect_works_after_one_that_failed(void)
{
	struct sockaddr_in to = sw_addr(1, 700);
	struct sw_sock *listener, *c;

	c = sw_begin(0, 700);
	assert_int_not_equal(sw_outcome(c), 0);
	listener = sw_listener(1, 700, 5);
	assert_int_equal(sw_connect(c, &to), WSAEWOULDBLOCK);
	sw_take(listener);
	assert_int_equal(sw_outcome(c), 0);
}

RULES("R48 R25")
static void
peer_sees_the_bound_address_and_port(void)
{
	struct sockaddr_in to = sw_addr(1, 700), want = sw_addr(0, 4321), peer;
	struct sw_sock *listener = sw_listener(1, 700, 5);
	struct sw_sock *c;
	int len = sizeof(peer);
	int err = 0;
	SOCKET d;

	c = sw_bound(0, 4321);
	assert_int_equal(sw_select(c, FD_CONNECT), 0);
	assert_int_equal(sw_connect(c, &to), WSAEWOULDBLOCK);
	SW_UNTIL(listener->ev.set);
	memset(&peer, 0, sizeof(peer));
	d = sw.calls.lpWSPAccept(listener->s, (struct sockaddr *)&peer, &len, NULL, 0, &err);
	assert_true(d != INVALID_SOCKET);
	sw.socks->s = d;
	assert_int_equal(len, sizeof(peer));
	assert_int_equal(peer.sin_family, AF_INET);
	assert_int_equal(peer.sin_port, want.sin_port);
	assert_int_equal(peer.sin_addr.s_addr, want.sin_addr.s_addr);
	assert_int_equal(sw_outcome(c), 0);
}

RULES("R21 R55")
static void
hundred_connects_at_once_end_each_for_itself(void)
{
	static struct sw_sock *c[100];
	struct sw_sock *listener = sw_listener(1, 700, 200);
	unsigned int i;

	for (i = 0; i < 100; i++)
		c[i] = sw_begin(0, i % 2 ? 700 : 701);
	for (i = 0; i < 50; i++)
		sw_take(listener);
	for (i = 0; i < 100; i++) {
		assert_int_equal(sw_outcome(c[i]), i % 2 ? 0 : WSAECONNREFUSED);
		assert_int_equal(c[i]->ev.nb_set, 1);
	}
}

static const struct CMUnitTest cases[] = {
	SW_CASE(connect_begins_and_the_event_brings_success),
	SW_CASE(connect_to_a_native_listener_works),
	SW_CASE(connect_does_not_wait_for_the_peer),
	SW_CASE(nobody_listens_fails_with_refused),
	SW_CASE(host_that_does_not_answer_times_out),
	SW_CASE(address_outside_the_network_is_none_of_the_three),
	SW_CASE(second_connect_while_one_runs_is_refused),
	SW_CASE(connect_of_an_established_connection_is_refused),
	SW_CASE(established_connection_carries_both_ways),
	SW_CASE(close_cancels_a_connect),
	SW_CASE(cancelled_connect_leaves_its_port),
	SW_CASE(socket_whose_connect_failed_can_be_closed),
	SW_CASE(failed_connect_keeps_the_descriptor),
	SW_CASE(outcome_is_signalled_to_a_selection_that_comes_later),
	SW_CASE(bad_targets_are_refused_at_once),
	SW_CASE(connect_data_and_qos_are_refused),
	SW_CASE(listener_cannot_connect),
	SW_CASE(connect_works_after_one_that_failed),
	SW_CASE(peer_sees_the_bound_address_and_port),
	SW_CASE(hundred_connects_at_once_end_each_for_itself),
};

NET_MAIN("connect", cases)
