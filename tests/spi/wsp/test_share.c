/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two sockets on one port: what the second bind is told, by the options and the addresses of both, as the table of
 * "Sharing Transport Addresses" has it; and who gets the connections. The wildcard is on the host that was made first.
 */
#include <errno.h>
#include <string.h>

#include "spi/share.h"
#include "sw.h"

#define PORT 700

static int
set(struct sw_sock *s, int name, int value)
{
	int err = 0;

	return sw.calls.lpWSPSetSockOpt(s->s, SOL_SOCKET, name, (char *)&value, sizeof(value), &err) == 0 ? 0 : err;
}

static int
get(struct sw_sock *s, int name)
{
	int value = 4711, len = sizeof(value), err = 0;

	assert_int_equal(sw.calls.lpWSPGetSockOpt(s->s, SOL_SOCKET, name, (char *)&value, &len, &err), 0);
	return value;
}

static int
bind_as(const struct share_binding *b, struct sw_sock **s)
{
	struct sockaddr_in a = sw_addr(0, PORT);

	assert_int_equal(sw_socket(s), 0);
	if (b->option == REUSE)
		assert_int_equal(set(*s, SO_REUSEADDR, 1), 0);
	if (b->option == EXCL)
		assert_int_equal(set(*s, SO_EXCLUSIVEADDRUSE, 1), 0);
	if (b->where == ON_ANY)
		a.sin_addr.s_addr = INADDR_ANY;
	return sw_bind(*s, &a);
}

static void
listen_on(struct sw_sock *s)
{
	assert_int_equal(sw_listen(s, 5), 0);
	assert_int_equal(sw_select(s, FD_ACCEPT), 0);
}

/* A client of the other host is taken by this one of two, or by the only one. */
static void
assert_served(struct sw_sock *by, const struct sw_sock *other)
{
	struct sw_sock *c = sw_begin(1, PORT), *got;
	unsigned int before = other != NULL ? other->ev.nb_set : 0;

	got = sw_take(by);
	assert_int_equal(sw_outcome(c), 0);
	if (other != NULL)
		assert_int_equal(other->ev.nb_set, before);
	sw_transfer(c, got, 1000, 1);
	sw_shut_wait(c);
	sw_shut_wait(got);
}

/*
 * INUSE and DENIED are one code here: WSPBind has no other for them (R37). CHECK asks whether the owners trust each
 * other: all sockets are one switch's.
 */
static int
code_of(enum share_answer answer)
{
	return answer == OK || answer == CHECK ? 0 : WSAENOBUFS;
}

/* One cell; both sockets do what they can, and the port is free afterwards. */
static void
assert_cell(const struct share_binding *first, const struct share_binding *second, enum share_answer expected)
{
	int want = code_of(expected), code;
	struct sockaddr_in elsewhere = sw_addr(0, PORT + 1);
	struct sw_sock *a, *b, *winner;

	assert_int_equal(bind_as(first, &a), 0);
	code = bind_as(second, &b);
	if (code != want)
		fail_msg("first %s %s, second %s %s: %d, expected %d", share_options[first->option],
			 share_places[first->where], share_options[second->option], share_places[second->where], code,
			 want);
	listen_on(a);
	if (code == 0) {
		listen_on(b);
		/* The one with an address before the one without; of two alike the newer one. */
		winner = first->where == ON_ONE && second->where == ON_ANY ? a : b;
		assert_served(winner, winner == a ? b : a);
		sw_shut_wait(winner);
		winner = winner == a ? b : a;
		assert_served(winner, NULL);
		sw_shut_wait(winner);
	} else {
		assert_int_equal(sw_bind(b, &elsewhere), 0);
		assert_served(a, NULL);
		sw_shut_wait(a);
		sw_shut_wait(b);
	}
}

RULES("R34 R37 R25 R38")
static void
second_bind_is_answered_as_the_table_says(void)
{
	share_each(assert_cell);
}

RULES("R195 R198 R38")
static void
options_of_sharing_are_set_before_the_bind(void)
{
	struct sockaddr_in a = sw_addr(0, PORT);
	struct sw_sock *s;

	assert_int_equal(sw_socket(&s), 0);
	assert_int_equal(get(s, SO_REUSEADDR), 0);
	assert_int_equal(get(s, SO_EXCLUSIVEADDRUSE), 0);
	assert_int_equal(set(s, SO_REUSEADDR, 1), 0);
	assert_int_equal(get(s, SO_REUSEADDR), 1);
	assert_int_equal(get(s, SO_EXCLUSIVEADDRUSE), 0);
	assert_int_equal(set(s, SO_EXCLUSIVEADDRUSE, 2), 0);
	assert_int_equal(set(s, SO_REUSEADDR, 0), 0);
	assert_int_equal(get(s, SO_REUSEADDR), 0);
	assert_int_equal(get(s, SO_EXCLUSIVEADDRUSE), 1);
	assert_int_equal(sw_bind(s, &a), 0);
	assert_int_equal(set(s, SO_REUSEADDR, 1), WSAEINVAL);
	assert_int_equal(set(s, SO_EXCLUSIVEADDRUSE, 0), WSAEINVAL);
	assert_int_equal(get(s, SO_REUSEADDR), 0);
	assert_int_equal(get(s, SO_EXCLUSIVEADDRUSE), 1);
}

/* Who asks for both is treated as exclusive. */
RULES("R34 R37")
static void
exclusive_is_stronger_than_reuse(void)
{
	struct share_binding reuse = { REUSE, ON_ONE };
	struct sockaddr_in a = sw_addr(0, PORT);
	struct sw_sock *both, *s;

	assert_int_equal(sw_socket(&both), 0);
	assert_int_equal(set(both, SO_REUSEADDR, 1), 0);
	assert_int_equal(set(both, SO_EXCLUSIVEADDRUSE, 1), 0);
	assert_int_equal(sw_bind(both, &a), 0);
	assert_int_equal(bind_as(&reuse, &s), WSAENOBUFS);
}

/* The port is taken as long as one of many has it, natively too, and not a moment longer. */
RULES("R34 R37 R154")
static void
last_of_many_gives_the_port_back(void)
{
	struct share_binding reuse = { REUSE, ON_ONE }, exclusive = { EXCL, ON_ANY };
	struct san_addr native = net_addr(0, PORT);
	struct wsock *w = net_socket(&sw.net, 0, 0);
	struct sw_sock *s[10], *other;
	unsigned int i;

	for (i = 0; i < 10; i++)
		assert_int_equal(bind_as(&reuse, &s[i]), 0);
	for (i = 0; i < 10; i++) {
		assert_int_equal(bind_as(&exclusive, &other), WSAENOBUFS);
		assert_int_equal(san_bind(w->h, &native), -EADDRINUSE);
		sw_shut_wait(s[i * 7 % 10]);
	}
	assert_int_equal(bind_as(&exclusive, &other), 0);
	sw_shut_wait(other);
	assert_int_equal(san_bind(w->h, &native), 0);
	assert_int_equal(bind_as(&reuse, &other), WSAENOBUFS);
}

/* Of one local address and port; the peers' tell the connections apart. */
RULES("R34 R25 R63")
static void
connections_of_one_address_and_port_are_told_apart(void)
{
	struct share_binding reuse = { REUSE, ON_ONE };
	struct sockaddr_in to[2] = { sw_addr(1, 710), sw_addr(1, 711) };
	struct sw_sock *listener[2], *c[2], *got[2], *third;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		listener[i] = sw_listener(1, (uint16_t)(710 + i), 5);
		assert_int_equal(bind_as(&reuse, &c[i]), 0);
		assert_int_equal(sw_select(c[i], FD_CONNECT), 0);
		assert_int_equal(sw_connect(c[i], &to[i]), WSAEWOULDBLOCK);
		got[i] = sw_take(listener[i]);
		assert_int_equal(sw_outcome(c[i]), 0);
	}
	sw_transfer(c[0], got[0], 30000, 1);
	sw_transfer(got[1], c[1], 30000, 2);
	/* The same peer again: that would be the same connection. */
	assert_int_equal(bind_as(&reuse, &third), 0);
	assert_int_equal(sw_select(third, FD_CONNECT), 0);
	assert_int_equal(sw_connect(third, &to[0]), WSAEWOULDBLOCK);
	assert_int_equal(sw_outcome(third), WSAEADDRINUSE);
	sw_shut_wait(c[0]);
	sw_transfer(c[1], got[1], 1000, 3);
}

RULES("R16 R34")
static void
cleanup_gives_shared_ports_back(void)
{
	struct share_binding reuse = { REUSE, ON_ONE }, exclusive = { EXCL, ON_ANY };
	struct sw_sock *s;
	unsigned int i;

	for (i = 0; i < 5; i++)
		assert_int_equal(bind_as(&reuse, &s), 0);
	assert_int_equal(sw_cleanup(), 0);
	assert_int_equal(sw_start(), 0);
	assert_int_equal(bind_as(&exclusive, &s), 0);
}

static const struct CMUnitTest cases[] = {
	SW_CASE(second_bind_is_answered_as_the_table_says),
	SW_CASE(options_of_sharing_are_set_before_the_bind),
	SW_CASE(exclusive_is_stronger_than_reuse),
	SW_CASE(last_of_many_gives_the_port_back),
	SW_CASE(connections_of_one_address_and_port_are_told_apart),
	SW_CASE(cleanup_gives_shared_ports_back),
};

NET_MAIN("share", cases)
