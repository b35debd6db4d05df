/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Listeners: accepts, the queue behind them, their close; on one core and on two (O9, O11).
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "load.h"
#include "worker.h"

#define CLIENTS 64

static struct net net;

/* Connecting sockets of host 0, each with a receive behind its connect. */
struct clients {
	struct wsock *sock[CLIENTS];
	struct wop *connect[CLIENTS];
	struct wop *recv[CLIENTS];
	unsigned int nb;
};

static struct clients clients;

static void
connect_clients(unsigned int n, uint16_t port)
{
	struct san_addr a = net_addr(1, port);
	unsigned int i;

	clients.nb = n;
	for (i = 0; i < n; i++) {
		clients.sock[i] = net_socket(&net, 0, i % net.nb_cores[0]);
		clients.connect[i] = watch_op(&net.w);
		clients.recv[i] = watch_op(&net.w);
		assert_int_equal(watch_connect(clients.sock[i], clients.connect[i], &a, 0), 0);
	}
}

static unsigned int
connected(void)
{
	unsigned int n = 0;
	unsigned int i;

	for (i = 0; i < clients.nb; i++)
		n += !clients.connect[i]->pending && clients.connect[i]->result == 0;
	return n;
}

static void
receive_on_clients(void)
{
	static uint8_t sink[CLIENTS][16];
	unsigned int i;

	for (i = 0; i < clients.nb; i++)
		assert_int_equal(watch_recv(clients.sock[i], clients.recv[i], sink[i], 16, 0), 0);
}

static unsigned int
reset_clients(void)
{
	unsigned int n = 0;
	unsigned int i;

	for (i = 0; i < clients.nb; i++)
		n += !clients.recv[i]->pending && clients.recv[i]->result == -ECONNRESET;
	return n;
}

static void
close_with_accepts(unsigned int n)
{
	static struct load accepts;
	struct wsock *listener;

	net_open(&net, NULL);
	listener = net_listener(&net, 1, 7, 8);
	assert_int_equal(net_state(listener), SAN_TCP_LISTEN);
	load_accepts(&net, listener, n, &accepts);
	net_steps(&net, 10);
	assert_int_equal(watch_shut(listener), 0);
	net_assert_stale(&net, listener->h);
	NET_UNTIL(&net, listener->closed);
	load_assert_all(&accepts, -ECANCELED);
	connect_clients(1, 7);
	NET_UNTIL(&net, !clients.connect[0]->pending);
	assert_int_equal(clients.connect[0]->result, -ECONNREFUSED);
	net_close(&net);
}

static void
listener_without_accepts_closes(void **state)
{
	(void)state;
	close_with_accepts(0);
}

static void
one_accept_ends_before_close(void **state)
{
	(void)state;
	close_with_accepts(1);
}

static void
accepts_64_end_before_close(void **state)
{
	(void)state;
	close_with_accepts(64);
}

/* Connections that nobody accepted go with their listener; the peers see a reset (A29). */
static void
queued_connections_are_reset_by_close(void **state)
{
	struct net_wish wish = { .patient = true };
	struct wsock *listener;
	struct san_usage u;

	(void)state;
	net_open(&net, &wish);
	listener = net_listener(&net, 1, 7, 16);
	connect_clients(16, 7);
	NET_UNTIL(&net, connected() == 16);
	receive_on_clients();
	net_steps(&net, 20);
	san_host_usage(net.host[1], &u);
	assert_int_equal(u.connections, 16);
	assert_int_equal(u.sockets, 1);
	assert_int_equal(watch_shut(listener), 0);
	NET_UNTIL(&net, listener->closed);
	NET_UNTIL(&net, reset_clients() == 16);
	san_host_usage(net.host[1], &u);
	assert_int_equal(u.connections, 0);
	net_close(&net);
}

static void
queued_connections_are_accepted_in_turn(void **state)
{
	static struct load accepts;
	struct wsock *listener;

	(void)state;
	net_open(&net, NULL);
	listener = net_listener(&net, 1, 7, 16);
	connect_clients(10, 7);
	NET_UNTIL(&net, connected() == 10);
	load_accepts(&net, listener, 12, &accepts);
	NET_UNTIL(&net, load_ended_with(&accepts, 0) == 10);
	assert_true(accepts.op[10]->pending && accepts.op[11]->pending);
	net_close(&net);
}

/* No slot for the new socket: the accept says so, the connection is reset, the listener goes on (san_accept()). */
static void
accept_without_a_slot_fails_and_resets(void **state)
{
	struct net_wish wish = { .sockets = 16 };
	static struct load accepts;
	struct wsock *listener;
	struct wsock *hog[16];
	unsigned int i;

	(void)state;
	net_open(&net, &wish);
	listener = net_listener(&net, 1, 7, 16);
	for (i = 0; i < 15; i++)
		hog[i] = net_socket(&net, 1, 0);
	load_accepts(&net, listener, 1, &accepts);
	connect_clients(1, 7);
	NET_UNTIL(&net, connected() == 1);
	receive_on_clients();
	NET_UNTIL(&net, !accepts.op[0]->pending);
	assert_int_equal(accepts.op[0]->result, -ENFILE);
	NET_UNTIL(&net, reset_clients() == 1);
	assert_int_equal(watch_shut(hog[0]), 0);
	assert_int_equal(watch_shut(hog[1]), 0);
	NET_UNTIL(&net, hog[0]->closed && hog[1]->closed);
	net_connect_to(&net, listener, 0, 7);
	net_close(&net);
}

/* An accept that had its connection before the close keeps it: nothing of what ended well is taken back. */
static void
accept_that_ended_before_close_is_delivered(void **state)
{
	static struct load accepts;
	struct san_completion comp[8];
	struct wsock *listener;
	unsigned int i;
	int n;

	(void)state;
	net_open(&net, NULL);
	listener = net_listener(&net, 1, 7, 16);
	load_accepts(&net, listener, 3, &accepts);
	connect_clients(1, 7);
	for (i = 0; i < 200; i++) {
		san_core_poll(net.core[0][0]);
		san_core_poll(net.core[1][0]);
	}
	assert_int_equal(watch_shut(listener), 0);
	for (i = 0; i < 50; i++)
		san_core_poll(net.core[1][0]);
	n = san_cq_poll(net.w.cq, comp, 8);
	for (i = 0; (int)i < n; i++)
		watch_check(&net.w, &comp[i]);
	assert_int_equal(n, 5);
	assert_int_equal(accepts.op[0]->result, 0);
	assert_int_equal(accepts.op[1]->result, -ECANCELED);
	assert_int_equal(accepts.op[2]->result, -ECANCELED);
	assert_true(listener->closed);
	load_transfer(&net, clients.sock[0], accepts.op[0]->accepted, 5000, 9);
	net_close(&net);
}

/* Accepted sockets live on when their listener goes. */
static void
accepted_sockets_survive_their_listener(void **state)
{
	struct wsock *listener;
	struct net_pair pair;

	(void)state;
	net_open(&net, NULL);
	listener = net_listener(&net, 1, 7, 16);
	pair = net_connect_to(&net, listener, 0, 7);
	assert_int_equal(watch_shut(listener), 0);
	NET_UNTIL(&net, listener->closed);
	load_transfer(&net, pair.end[0], pair.end[1], 50000, 1);
	load_transfer(&net, pair.end[1], pair.end[0], 50000, 2);
	net_close(&net);
}

/* Nobody is reset: what finds no place asks again, and comes in when there is one. */
static void
more_connections_than_the_backlog_come_in_one_after_another(void **state)
{
	static struct load accepts[2];
	struct wsock *listener;

	(void)state;
	net_open(&net, NULL);
	listener = net_listener(&net, 1, 7, 4);
	connect_clients(12, 7);
	net_steps(&net, 500);
	load_accepts(&net, listener, 3, &accepts[0]);
	NET_UNTIL(&net, load_ended_with(&accepts[0], 0) == 3);
	load_accepts(&net, listener, 9, &accepts[1]);
	NET_UNTIL(&net, load_ended_with(&accepts[1], 0) == 9);
	NET_UNTIL(&net, connected() == 12);
	net_close(&net);
}

/* The same with several cores, each of which lets as many finish: there is a place for all. */
static void
backlogs_of_two_cores_reset_nobody(void **state)
{
	struct net_wish wish = { .cores = { 2, 2 } };
	static struct load accepts;
	struct wsock *listener;

	(void)state;
	net_open(&net, &wish);
	listener = net_listener(&net, 1, 7, 2);
	connect_clients(10, 7);
	net_steps(&net, 500);
	load_accepts(&net, listener, 10, &accepts);
	NET_UNTIL(&net, load_ended_with(&accepts, 0) == 10 && connected() == 10);
	net_close(&net);
}

static void
addresses_in_use_are_refused(void **state)
{
	struct san_addr a = net_addr(1, 7);
	struct san_addr any = { .port = 7 };
	struct san_addr foreign = net_addr(0, 7);
	struct wsock *first;
	struct wsock *second;

	(void)state;
	net_open(&net, NULL);
	first = net_socket(&net, 1, 0);
	second = net_socket(&net, 1, 0);
	assert_int_equal(san_bind(first->h, &a), 0);
	assert_int_equal(san_bind(second->h, &a), -EADDRINUSE);
	assert_int_equal(san_bind(second->h, &any), -EADDRINUSE);
	assert_int_equal(san_bind(second->h, &foreign), -EADDRNOTAVAIL);
	assert_int_equal(san_bind(first->h, &a), -EINVAL);
	assert_int_equal(san_listen(first->h, 0), -EINVAL);
	assert_int_equal(san_listen(first->h, 65536), -EINVAL);
	assert_int_equal(san_listen(first->h, 65535), 0);
	assert_int_equal(san_listen(first->h, 4), -EINVAL);
	assert_int_equal(san_bind(first->h, &a), -EINVAL);
	assert_int_equal(watch_shut(first), 0);
	NET_UNTIL(&net, first->closed);
	assert_int_equal(san_bind(second->h, &a), 0);
	assert_int_equal(san_listen(second->h, 4), 0);
	net_connect_to(&net, second, 0, 7);
	net_close(&net);
}

/* Not bound: any address, and a port of the library's choice, which the names tell. */
static void
listener_without_address_is_given_a_port(void **state)
{
	struct san_addr local;
	struct san_addr peer;
	struct wsock *listener;
	struct net_pair pair;

	(void)state;
	net_open(&net, NULL);
	listener = net_socket(&net, 1, 0);
	assert_int_equal(san_listen(listener->h, 4), 0);
	assert_int_equal(san_names(listener->h, &local, &peer), 0);
	assert_true(local.port != 0);
	assert_int_equal(peer.port, 0);
	pair = net_connect_to(&net, listener, 0, local.port);
	assert_int_equal(san_names(pair.end[0]->h, NULL, &peer), 0);
	assert_int_equal(peer.port, local.port);
	assert_int_equal(san_names(pair.end[1]->h, &local, NULL), 0);
	assert_memory_equal(&peer, &local, sizeof(peer));
	assert_int_equal(san_names(pair.end[0]->h, &local, NULL), 0);
	assert_int_equal(san_names(pair.end[1]->h, NULL, &peer), 0);
	assert_memory_equal(&peer, &local, sizeof(peer));
	net_close(&net);
}

/* Which core made it: the first octet of a handle. */
static unsigned int
core_of(san_handle h)
{
	return (unsigned int)(h >> 56);
}

/* The keyed hash deals connections to both cores; the accepts are all on the listener's. */
static void
two_cores_accept_and_serve(void **state)
{
	struct net_wish wish = { .cores = { 2, 2 } };
	static struct load accepts;
	struct wsock *listener;
	struct wop *op;
	unsigned int nb_core[256] = { 0 };
	unsigned int nb_used = 0;
	unsigned int i;

	(void)state;
	net_open(&net, &wish);
	assert_int_equal(net.nb_cores[1], 2);
	listener = net_listener(&net, 1, 7, CLIENTS);
	load_accepts(&net, listener, CLIENTS, &accepts);
	connect_clients(CLIENTS, 7);
	NET_UNTIL(&net, load_ended_with(&accepts, 0) == CLIENTS && connected() == CLIENTS);
	for (i = 0; i < CLIENTS; i++)
		nb_core[core_of(accepts.op[i]->accepted->h)]++;
	for (i = 0; i < 256; i++)
		nb_used += nb_core[i] > 0;
	assert_int_equal(nb_used, 2);
	receive_on_clients();
	for (i = 0; i < CLIENTS; i++) {
		op = watch_op(&net.w);
		assert_in_range(watch_send(accepts.op[i]->accepted, op, "0123456789", 10, 0), 0, 1);
	}
	for (i = 0; i < CLIENTS; i++) {
		NET_UNTIL(&net, !clients.recv[i]->pending);
		assert_int_equal(clients.recv[i]->result, 10);
	}
	net_close(&net);
}

static void
two_core_listener_resets_its_queue_at_close(void **state)
{
	struct net_wish wish = { .cores = { 2, 2 } };
	struct wsock *listener;
	struct san_usage u;

	(void)state;
	net_open(&net, &wish);
	listener = net_listener(&net, 1, 7, CLIENTS);
	connect_clients(32, 7);
	NET_UNTIL(&net, connected() == 32);
	receive_on_clients();
	assert_int_equal(watch_shut(listener), 0);
	NET_UNTIL(&net, listener->closed);
	NET_UNTIL(&net, reset_clients() == 32);
	san_host_usage(net.host[1], &u);
	assert_int_equal(u.connections, 0);
	net_close(&net);
}

/* The close of a listener waits for every core, and for no longer. */
static void
listener_close_waits_for_every_core(void **state)
{
	struct net_wish wish = { .cores = { 2, 2 } };
	static struct load accepts;
	struct wsock *listener;

	(void)state;
	net_open(&net, &wish);
	listener = net_listener(&net, 1, 7, 8);
	load_accepts(&net, listener, 4, &accepts);
	net.claimed[1][1] = false;	/* claimed, but not polled */
	assert_int_equal(watch_shut(listener), 0);
	net_steps(&net, 200);
	assert_false(listener->closed);
	net.claimed[1][1] = true;
	NET_UNTIL(&net, listener->closed);
	load_assert_all(&accepts, -ECANCELED);
	net_close(&net);
}

/* The other core of host 1, polled by a thread of its own. */
static void
run_second_core(struct worker *wk)
{
	struct san_core *core = wk->arg;

	if (!WORKER_CHECK(wk, san_core_claim(core) == 0))
		return;
	atomic_store(&wk->stage, 1);
	while (!atomic_load(&wk->stop)) {
		if (!WORKER_CHECK(wk, san_core_poll(core) >= 0))
			return;
	}
	WORKER_CHECK(wk, san_core_release(core) == 0);
}

/* Accepts, connects and the close of the listener all at once, the cores polled by two threads. */
static void
listener_closes_under_way_on_two_polled_cores(void **state)
{
	struct net_wish wish = { .cores = { 2, 2 }, .cold = true };
	static struct worker wk;
	static struct load accepts;
	struct wsock *listener;
	unsigned int round;
	unsigned int i;

	(void)state;
	net_open(&net, &wish);
	assert_int_equal(san_core_release(net.core[1][1]), 0);
	net.claimed[1][1] = false;
	worker_start(&wk, &net, run_second_core, net.core[1][1]);
	NET_UNTIL(&net, atomic_load(&wk.stage) == 1);
	for (round = 0; round < 150; round++) {
		listener = net_listener(&net, 1, (uint16_t)(1000 + round), CLIENTS);
		load_accepts(&net, listener, round % 9, &accepts);
		connect_clients(16, (uint16_t)(1000 + round));
		net_steps(&net, round % 40);
		assert_int_equal(watch_shut(listener), 0);
		NET_UNTIL(&net, listener->closed);
		for (i = 0; i < accepts.nb; i++)
			assert_false(accepts.op[i]->pending);
		for (i = 0; i < 16; i++)
			NET_UNTIL(&net, !clients.connect[i]->pending);
		watch_shut_all(&net.w);
		NET_UNTIL(&net, watch_open_sockets(&net.w) == 0);
		watch_sound(&net.w);
	}
	net_settle(&net);
	atomic_store(&wk.stop, true);
	worker_end(&wk);
	net_close(&net);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(listener_without_accepts_closes),
	NET_CASE(one_accept_ends_before_close),
	NET_CASE(accepts_64_end_before_close),
	NET_CASE(queued_connections_are_reset_by_close),
	NET_CASE(queued_connections_are_accepted_in_turn),
	NET_CASE(accept_without_a_slot_fails_and_resets),
	NET_CASE(accept_that_ended_before_close_is_delivered),
	NET_CASE(accepted_sockets_survive_their_listener),
	NET_CASE(more_connections_than_the_backlog_come_in_one_after_another),
	NET_CASE(backlogs_of_two_cores_reset_nobody),
	NET_CASE(addresses_in_use_are_refused),
	NET_CASE(listener_without_address_is_given_a_port),
	NET_CASE(two_cores_accept_and_serve),
	NET_CASE(two_core_listener_resets_its_queue_at_close),
	NET_CASE(listener_close_waits_for_every_core),
	NET_CASE(listener_closes_under_way_on_two_polled_cores),
};

NET_MAIN("listen", cases)
