/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hosts of several cores, and of several addresses.
 */
#include <stdio.h>

#include "sw.h"

#define CORES 3
#define NB 30

/* A connect whose port the host chooses, so that the answers come to its core. */
static struct sw_sock *
begin(uint16_t port)
{
	struct sockaddr_in from = sw_addr(0, 0), to = sw_addr(1, port);
	struct sw_sock *s;

	assert_int_equal(sw_socket(&s), 0);
	assert_int_equal(sw_bind(s, &from), 0);
	assert_int_equal(sw_select(s, FD_CONNECT), 0);
	assert_int_equal(sw_connect(s, &to), WSAEWOULDBLOCK);
	return s;
}

static struct sw_pair
pair_to(struct sw_sock *listener, uint16_t port)
{
	struct sw_pair pair;

	pair.end[0] = begin(port);
	pair.end[1] = sw_take(listener);
	assert_int_equal(sw_outcome(pair.end[0]), 0);
	return pair;
}

static void
open_cores(void)
{
	struct net_wish wish = { .cores = { CORES, CORES } };

	sw_open(&wish);
}

/* Connections land on whatever core the port's queues give them. */
RULES("R69 R71 R74 R161")
static void
requests_of_every_core_are_accepted(void)
{
	struct sw_sock *listener;
	struct sw_pair pair[NB];
	unsigned int i;

	open_cores();
	listener = sw_listener(1, 700, NB);
	for (i = 0; i < NB; i++)
		pair[i] = pair_to(listener, 700);
	for (i = 0; i < NB; i++)
		sw_transfer(pair[i].end[i % 2], pair[i].end[1 - i % 2], 20000, i);
	for (i = 0; i < NB; i++)
		sw_shut_wait(pair[i].end[1]);
	sw_close();
}

RULES("R69 R76")
static void
no_request_of_another_core_is_forgotten(void)
{
	struct sw_sock *listener, *c[NB], *got;
	unsigned int i, nb = 0;

	open_cores();
	listener = sw_listener(1, 700, NB);
	for (i = 0; i < NB; i++)
		c[i] = begin(700);
	while (nb < NB) {
		SW_UNTIL(listener->ev.set);
		got = sw_take(listener);
		assert_non_null(got);
		nb++;
	}
	assert_int_equal(sw_accept(listener, NULL, NULL, &got), WSAEWOULDBLOCK);
	for (i = 0; i < NB; i++)
		assert_int_equal(sw_outcome(c[i]), 0);
	sw_close();
}

static unsigned int
nb_over(struct sw_sock *const *c)
{
	unsigned int i, nb = 0;

	for (i = 0; i < NB; i++)
		nb += c[i]->ev.set;
	return nb;
}

RULES("R67 R70")
static void
each_core_refuses_beyond_the_backlog(void)
{
	struct sw_sock *listener, *c[NB], *got;
	unsigned int i, refused = 0, taken = 0;

	open_cores();
	listener = sw_listener(1, 700, 2);
	for (i = 0; i < NB; i++)
		c[i] = begin(700);
	SW_UNTIL(nb_over(c) >= NB - 2);
	sw_steps(3000);
	for (i = 0; i < NB; i++) {
		if (!c[i]->ev.set)
			continue;
		assert_int_equal(sw_outcome(c[i]), WSAECONNREFUSED);
		refused++;
	}
	while (sw_accept(listener, NULL, NULL, &got) == 0)
		taken++;
	assert_int_equal(taken, 2);
	assert_int_equal(taken + refused, NB);
	sw_close();
}

RULES("R165 R156")
static void
close_of_a_listener_refuses_on_every_core(void)
{
	struct sw_sock *listener, *c[NB];
	unsigned int i;

	open_cores();
	listener = sw_listener(1, 700, NB);
	for (i = 0; i < NB; i++)
		c[i] = begin(700);
	SW_UNTIL(listener->ev.set);
	sw_steps(100);
	sw_shut_wait(listener);
	for (i = 0; i < NB; i++)
		assert_int_not_equal(sw_outcome(c[i]), 0);
	sw_close();
}

RULES("R11 R15 R19 R161")
static void
cleanup_reaches_every_core(void)
{
	struct sw_sock *listener;
	struct sw_op *op[2 * NB];
	unsigned int i;

	open_cores();
	listener = sw_listener(1, 700, NB);
	for (i = 0; i < NB; i++) {
		struct sw_pair pair = pair_to(listener, 700);

		op[2 * i] = sw_post_recv(pair.end[0], 100);
		op[2 * i + 1] = sw_post_recv(pair.end[1], 100);
	}
	for (i = 0; i < 5; i++)
		begin(700);
	SW_UNTIL(listener->ev.set);
	assert_int_equal(sw_cleanup(), 0);
	assert_int_equal(sw.nb_open, 0);
	for (i = 0; i < 2 * NB; i++) {
		assert_int_equal(op[i]->nb_ends, 1);
		/* All cores are this thread's: nothing moves between the closes. */
		assert_int_equal(op[i]->error, WSA_OPERATION_ABORTED);
		assert_int_equal(op[i]->bytes, 0);
	}
	assert_int_equal(sw_start(), 0);
	listener = sw_listener(1, 701, 5);
	pair_to(listener, 701);
	sw_close();
}

RULES("R106 R155")
static void
order_holds_on_every_core(void)
{
	struct sw_sock *listener;
	struct sw_op *op[20];
	unsigned int i, j;

	open_cores();
	listener = sw_listener(1, 700, 8);
	for (i = 0; i < 12; i++) {
		struct sw_pair pair = pair_to(listener, 700);

		for (j = 0; j < 20; j++)
			op[j] = sw_post_recv(pair.end[1], 50);
		sw_post_send(pair.end[0], 500, 0, i);
		SW_UNTIL(!op[9]->pending);
		sw_shut_wait(pair.end[1]);
		for (j = 0; j < 20; j++) {
			assert_int_equal(op[j]->error, j < 10 ? 0 : WSA_OPERATION_ABORTED);
			assert_true(j == 0 || op[j]->order > op[j - 1]->order);
		}
	}
	sw_close();
}

static void
add_port(struct san_conf *conf, const char *port, const char *device, const char *interface, const char *address)
{
	char section[32];

	snprintf(section, sizeof(section), "port %s", port);
	assert_int_equal(san_conf_set(conf, section, "device", device), 0);
	assert_int_equal(san_conf_set(conf, interface, "port", port), 0);
	assert_int_equal(san_conf_set(conf, interface, "address", address), 0);
}

/* A further host, with three ports. */
RULES("R44 R34")
static void
each_address_of_a_host_is_listed_and_bound(void)
{
	static const uint32_t more[] = { 0x0a090002, 0x0a140001, 0x0a150001 };
	union {
		SOCKET_ADDRESS_LIST list;
		char room[1024];
	} out;
	struct net_wish wish = { .one_host = true };
	struct san_conf *conf;
	struct san_host *host;
	const SOCKET_ADDRESS *list = out.list.Address;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(700) };
	struct sw_sock *s;
	unsigned int seen;
	DWORD got = 0;
	int i, j, err = 0;

	sw_prepare(&wish);
	conf = net_conf(&wish, 1, 4711);
	add_port(conf, "q", "ring:several/0", "interface j", "10.20.0.1/24");
	add_port(conf, "r", "ring:several/1", "interface k", "10.21.0.1/24");
	assert_int_equal(san_host_create(conf, &host), 0);
	san_conf_destroy(conf);
	assert_int_equal(san_core_claim(san_core_get(host, 0)), 0);
	assert_int_equal(sw_start(), 0);
	assert_int_equal(sw_socket(&s), 0);
	assert_int_equal(sw.calls.lpWSPIoctl(s->s, SIO_ADDRESS_LIST_QUERY, NULL, 0, &out, sizeof(out), &got, NULL, NULL,
					     NULL, &err), 0);
	assert_int_equal(out.list.iAddressCount, 4);
	for (j = 0; j < 3; j++) {
		for (i = 0, seen = 0; i < 4; i++)
			seen += ((struct sockaddr_in *)list[i].lpSockaddr)->sin_addr.s_addr == htonl(more[j]);
		assert_int_equal(seen, 1);
		assert_int_equal(sw_socket(&s), 0);
		a.sin_addr.s_addr = htonl(more[j]);
		/* one port for all: addresses that differ do not meet */
		assert_int_equal(sw_bind(s, &a), 0);
		assert_int_equal(sw_listen(s, 5), 0);
	}
	for (s = sw.socks; s; s = s->next)
		assert_int_equal(sw_shut(s), 0);
	while (sw.nb_open > 0) {
		sw_steps(1);
		assert_true(san_core_poll(san_core_get(host, 0)) >= 0);
	}
	assert_int_equal(sw_cleanup(), 0);
	assert_int_equal(san_core_release(san_core_get(host, 0)), 0);
	sw_close();
}

static const struct CMUnitTest cases[] = {
	SW_CASE_ALONE(requests_of_every_core_are_accepted),
	SW_CASE_ALONE(no_request_of_another_core_is_forgotten),
	SW_CASE_ALONE(each_core_refuses_beyond_the_backlog),
	SW_CASE_ALONE(close_of_a_listener_refuses_on_every_core),
	SW_CASE_ALONE(cleanup_reaches_every_core),
	SW_CASE_ALONE(order_holds_on_every_core),
	SW_CASE_ALONE(each_address_of_a_host_is_listed_and_bound),
};

NET_MAIN("cores", cases)
