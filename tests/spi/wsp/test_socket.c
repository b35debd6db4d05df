/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * WSPSocket and WSPBind.
 */
#include <string.h>

#include "sw.h"

static int
refused(int af, int type, int protocol, DWORD flags)
{
	unsigned int before = sw.nb_created;
	struct sw_sock *s;
	int code = sw_socket_as(af, type, protocol, flags, &s);

	assert_null(s);
	assert_int_equal(sw.nb_created, before);
	return code;
}

RULES("R29")
static void
tcp_with_overlapped_is_made(void)
{
	struct sw_sock *s;

	assert_int_equal(sw_socket(&s), 0);
	assert_true(s->s != INVALID_SOCKET);
	assert_int_equal(sw.nb_created, 1);
}

RULES("R29")
static void
protocol_zero_means_tcp(void)
{
	struct sw_sock *s;

	assert_int_equal(sw_socket_as(AF_INET, SOCK_STREAM, 0, WSA_FLAG_OVERLAPPED, &s), 0);
}

RULES("R29")
static void
socket_without_overlapped_is_refused(void)
{
	assert_int_equal(refused(AF_INET, SOCK_STREAM, IPPROTO_TCP, 0), WSAEINVAL);
	assert_int_equal(refused(AF_INET, SOCK_STREAM, IPPROTO_TCP, WSA_FLAG_OVERLAPPED | 2), WSAEINVAL);
}

RULES("R28 R29")
static void
raw_and_datagram_sockets_are_refused(void)
{
	assert_int_equal(refused(AF_INET, SOCK_RAW, IPPROTO_TCP, WSA_FLAG_OVERLAPPED), WSAESOCKTNOSUPPORT);
	assert_int_equal(refused(AF_INET, SOCK_DGRAM, IPPROTO_UDP, WSA_FLAG_OVERLAPPED), WSAESOCKTNOSUPPORT);
}

RULES("R29")
static void
other_protocols_are_refused(void)
{
	assert_int_equal(refused(AF_INET, SOCK_STREAM, IPPROTO_UDP, WSA_FLAG_OVERLAPPED), WSAEPROTOTYPE);
	assert_int_equal(refused(AF_INET, SOCK_STREAM, 250, WSA_FLAG_OVERLAPPED), WSAEPROTONOSUPPORT);
}

#define AF_INET6_OF_WINDOWS 23

/* IPv6 by both numbers, families of NICs, and what is none. */
static const int other_families[] = {
	AF_INET6, AF_INET6_OF_WINDOWS, AF_UNSPEC, AF_UNIX, AF_PACKET, 27 /* AF_IB */, 4711, -1,
};

RULES("R43")
static void
only_ip_addresses_are_spoken(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(other_families) / sizeof(other_families[0]); i++)
		assert_int_equal(refused(other_families[i], SOCK_STREAM, IPPROTO_TCP, WSA_FLAG_OVERLAPPED),
				 WSAEAFNOSUPPORT);
}

/* Nor are names of another family taken, however long; the socket is as it was. */
RULES("R43")
static void
only_ip_names_are_taken(void)
{
	struct sockaddr_in6 name = { .sin6_port = htons(700), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in to = sw_addr(1, 700);
	struct sw_sock *fresh, *bound = sw_bound(0, 700);
	unsigned int i;
	int err;

	assert_int_equal(sw_socket(&fresh), 0);
	for (i = 0; i < sizeof(other_families) / sizeof(other_families[0]); i++) {
		name.sin6_family = (sa_family_t)other_families[i];
		err = 0;
		assert_int_equal(sw.calls.lpWSPBind(fresh->s, (struct sockaddr *)&name, sizeof(name), &err),
				 SOCKET_ERROR);
		assert_int_equal(err, WSAEFAULT);
		err = 0;
		assert_int_equal(sw.calls.lpWSPConnect(bound->s, (struct sockaddr *)&name, sizeof(name), NULL, NULL,
						       NULL, NULL, &err), SOCKET_ERROR);
		assert_int_equal(err, WSAEAFNOSUPPORT);
	}
	assert_int_equal(sw_select(bound, FD_CONNECT), 0);
	assert_int_equal(sw_connect(bound, &to), WSAEWOULDBLOCK);
	assert_int_equal(sw_outcome(bound), WSAECONNREFUSED);
}

RULES("R29")
static void
groups_are_refused(void)
{
	int err = 0;

	assert_true(sw.calls.lpWSPSocket(AF_INET, SOCK_STREAM, IPPROTO_TCP, &sw.info, 1, WSA_FLAG_OVERLAPPED, &err) ==
		    INVALID_SOCKET);
	assert_int_equal(err, WSAEINVAL);
	assert_int_equal(sw.nb_created, 0);
}

RULES("R30")
static void
handle_is_made_inside_the_call_by_its_thread(void)
{
	struct sw_sock *s;

	assert_int_equal(sw_socket(&s), 0);
	assert_true(pthread_equal(s->made_by, pthread_self()));
	assert_int_equal(s->nb_ups, 0);
}

/* What the switch cannot make is not made here. */
RULES("R30")
static void
handle_that_cannot_be_made_fails_the_socket(void)
{
	struct sw_sock *s;

	sw.fail_create = WSAENOBUFS;
	assert_int_equal(sw_socket(&s), WSAENOBUFS);
	sw.fail_create = 0;
	assert_int_equal(sw.nb_closed, 0);
	assert_int_equal(sw_socket(&s), 0);
}

RULES("R31 R191")
static void
descriptors_are_not_used_again(void)
{
	static SOCKET seen[500];
	struct sw_sock *s;
	unsigned int i, j;

	for (i = 0; i < 500; i++) {
		assert_int_equal(sw_socket(&s), 0);
		seen[i] = s->s;
		for (j = 0; j < i; j++)
			assert_true(seen[j] != seen[i]);
		sw_shut_wait(s);
	}
}

RULES("R31")
static void
descriptors_differ_while_open(void)
{
	static struct sw_sock *s[300];
	unsigned int i, j;

	for (i = 0; i < 300; i++) {
		assert_int_equal(sw_socket(&s[i]), 0);
		for (j = 0; j < i; j++)
			assert_true(s[j]->s != s[i]->s);
	}
}

/* The kit's handles are no descriptors of the provider's, and it finds each up-call's handle among its own. */
RULES("R32")
static void
up_calls_name_the_handle_of_the_switch(void)
{
	struct sw_pair pair = sw_pair(700);

	assert_true(pair.end[0]->handle != pair.end[0]->s);
	sw_transfer(pair.end[0], pair.end[1], 1000, 1);
	assert_int_equal(pair.end[0]->nb_ups, 1);
	assert_true(pair.end[1]->nb_ups >= 1);
}

RULES("R32 R208")
static void
handle_of_the_switch_is_no_descriptor(void)
{
	struct sw_sock *s = NULL;

	s = sw_bound(0, 700);
	sw_assert_stale(s->handle);
}

RULES("R33 R35")
static void
bind_right_after_the_socket_works(void)
{
	struct sockaddr_in a = sw_addr(0, 700);
	struct sw_sock *s;

	assert_int_equal(sw_socket(&s), 0);
	assert_int_equal(sw_bind(s, &a), 0);
}

RULES("R34")
static void
specific_address_can_be_bound_on_each_host(void)
{
	unsigned int side;

	for (side = 0; side < 2; side++)
		assert_non_null(sw_bound(side, 700));
}

/* On one of the two hosts: the other one's answers that nobody listens. */
RULES("R34 R52")
static void
wildcard_can_be_bound_and_listened_on(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(700) };
	struct sw_sock *s, *c[2], *got;
	unsigned int from;

	assert_int_equal(sw_socket(&s), 0);
	assert_int_equal(sw_bind(s, &any), 0);
	assert_int_equal(sw_listen(s, 5), 0);
	assert_int_equal(sw_select(s, FD_ACCEPT), 0);
	c[0] = sw_begin(0, 700);
	c[1] = sw_begin(1, 700);
	got = sw_take(s);
	SW_UNTIL(c[0]->ev.set && c[1]->ev.set);
	from = sw_outcome(c[0]) == 0 ? 0 : 1;
	assert_int_equal(sw_outcome(c[1]) == 0, from == 1);
	sw_transfer(c[from], got, 1000, 1);
}

RULES("R35 R48")
static void
address_of_nobody_cannot_be_bound(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(700) };
	struct sw_sock *s;

	a.sin_addr.s_addr = htonl(0x0a09004d);
	assert_int_equal(sw_socket(&s), 0);
	assert_int_equal(sw_bind(s, &a), WSAEADDRNOTAVAIL);
	a.sin_addr.s_addr = htonl(0x7f000001);
	assert_int_equal(sw_bind(s, &a), WSAEADDRNOTAVAIL);
}

RULES("R36")
static void
second_bind_is_refused(void)
{
	struct sockaddr_in same = sw_addr(0, 700), other = sw_addr(1, 701);
	struct sw_sock *s;

	s = sw_bound(0, 700);
	assert_int_equal(sw_bind(s, &same), WSAEINVAL);
	assert_int_equal(sw_bind(s, &other), WSAEINVAL);
}

RULES("R36")
static void
bind_after_a_failed_bind_works(void)
{
	struct sockaddr_in nobody = { .sin_family = AF_INET, .sin_port = htons(700) };
	struct sockaddr_in a = sw_addr(0, 700);
	struct sw_sock *s;

	nobody.sin_addr.s_addr = htonl(0x0a09004d);
	assert_int_equal(sw_socket(&s), 0);
	assert_int_equal(sw_bind(s, &nobody), WSAEADDRNOTAVAIL);
	assert_int_equal(sw_bind(s, &a), 0);
	assert_int_equal(sw_listen(s, 1), 0);
}

RULES("R36")
static void
bind_of_a_listener_or_a_connection_is_refused(void)
{
	struct sockaddr_in a = sw_addr(1, 701);
	struct sw_sock *listener = sw_listener(1, 700, 5);
	struct sw_pair pair;

	pair = sw_pair_to(listener, 700);
	assert_int_equal(sw_bind(listener, &a), WSAEINVAL);
	assert_int_equal(sw_bind(pair.end[0], &a), WSAEINVAL);
	assert_int_equal(sw_bind(pair.end[1], &a), WSAEINVAL);
}

/* Of native sockets and of its own: the switch has done the check of sharing. */
RULES("R37")
static void
port_in_use_is_never_said_to_be_in_use(void)
{
	struct sockaddr_in a = sw_addr(1, 700), b = sw_addr(1, 701);
	struct sw_sock *s, *t;
	int code;

	sw_listener(1, 700, 5);
	net_listener(&sw.net, 1, 701, 5);
	assert_int_equal(sw_socket(&s), 0);
	assert_int_equal(sw_socket(&t), 0);
	code = sw_bind(s, &a);
	assert_int_not_equal(code, WSAEADDRINUSE);
	code = sw_bind(t, &b);
	assert_int_not_equal(code, WSAEADDRINUSE);
}

RULES("R34")
static void
bad_names_are_refused(void)
{
	struct sockaddr_in a = sw_addr(0, 700);
	struct sw_sock *s;
	int err = 0;

	assert_int_equal(sw_socket(&s), 0);
	assert_int_equal(sw.calls.lpWSPBind(s->s, NULL, sizeof(a), &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEFAULT);
	err = 0;
	assert_int_equal(sw.calls.lpWSPBind(s->s, (struct sockaddr *)&a, sizeof(a) - 1, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEFAULT);
	a.sin_family = AF_UNIX;
	assert_int_equal(sw_bind(s, &a), WSAEFAULT);
}

RULES("R39 R165")
static void
socket_whose_set_up_failed_can_be_closed(void)
{
	struct sockaddr_in nobody = { .sin_family = AF_INET, .sin_port = htons(700) };
	struct sw_sock *s;

	nobody.sin_addr.s_addr = htonl(0x0a09004d);
	assert_int_equal(sw_socket(&s), 0);
	assert_int_equal(sw_bind(s, &nobody), WSAEADDRNOTAVAIL);
	sw_shut_wait(s);
	assert_int_equal(s->nb_ups, 1);
}

RULES("R39 R165 R161")
static void
fresh_socket_can_be_closed(void)
{
	struct sw_sock *s;

	assert_int_equal(sw_socket(&s), 0);
	sw_shut_wait(s);
	assert_int_equal(s->nb_ups, 1);
	sw_assert_stale(s->s);
}

RULES("R154 S3.13")
static void
port_is_free_after_the_close(void)
{
	struct sw_sock *s;
	unsigned int i;

	for (i = 0; i < 50; i++) {
		s = sw_listener(1, 700, 5);
		sw_shut_wait(s);
	}
}

RULES("R41")
static void
bound_socket_can_listen_or_connect(void)
{
	struct sw_sock *listener, *c;

	listener = sw_bound(1, 700);
	assert_int_equal(sw_listen(listener, 5), 0);
	assert_int_equal(sw_select(listener, FD_ACCEPT), 0);
	c = sw_begin(0, 700);
	sw_take(listener);
	assert_int_equal(sw_outcome(c), 0);
}

static const struct CMUnitTest cases[] = {
	SW_CASE(tcp_with_overlapped_is_made),
	SW_CASE(protocol_zero_means_tcp),
	SW_CASE(socket_without_overlapped_is_refused),
	SW_CASE(raw_and_datagram_sockets_are_refused),
	SW_CASE(other_protocols_are_refused),
	SW_CASE(only_ip_addresses_are_spoken),
	SW_CASE(only_ip_names_are_taken),
	SW_CASE(groups_are_refused),
	SW_CASE(handle_is_made_inside_the_call_by_its_thread),
	SW_CASE(handle_that_cannot_be_made_fails_the_socket),
	SW_CASE(descriptors_are_not_used_again),
	SW_CASE(descriptors_differ_while_open),
	SW_CASE(up_calls_name_the_handle_of_the_switch),
	SW_CASE(handle_of_the_switch_is_no_descriptor),
	SW_CASE(bind_right_after_the_socket_works),
	SW_CASE(specific_address_can_be_bound_on_each_host),
	SW_CASE(wildcard_can_be_bound_and_listened_on),
	SW_CASE(address_of_nobody_cannot_be_bound),
	SW_CASE(second_bind_is_refused),
	SW_CASE(bind_after_a_failed_bind_works),
	SW_CASE(bind_of_a_listener_or_a_connection_is_refused),
	SW_CASE(port_in_use_is_never_said_to_be_in_use),
	SW_CASE(bad_names_are_refused),
	SW_CASE(socket_whose_set_up_failed_can_be_closed),
	SW_CASE(fresh_socket_can_be_closed),
	SW_CASE(port_is_free_after_the_close),
	SW_CASE(bound_socket_can_listen_or_connect),
};

NET_MAIN("socket", cases)
