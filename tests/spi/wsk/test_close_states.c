/* SPDX-License-Identifier: BSD-3-Clause */
/* WskCloseSocket in each state of a socket: what the program is told, and what the peer. */
#include "world.h"

static uint8_t buf[4096];

static void
close_well(struct end *e)
{
	struct req *r = post_close(e);

	assert_true(r->returned == STATUS_SUCCESS || r->returned == STATUS_PENDING);
	assert_int_equal(await(r), STATUS_SUCCESS);
}

/* The peer's receive ends with a reset; what the stack sent says so too. */
static void
assert_reset_at(struct end *peer, uint64_t resets)
{
	struct req *r = post_receive(peer, buf, sizeof(buf), 0);

	assert_int_equal(await(r), STATUS_CONNECTION_RESET);
	assert_true(world_counter(1 - peer->side, "tcp_tx_rst") > resets);
}

RULES("W60 W72 S5.1 S5.4 S5.16 S5.18")
static void
socket_of_every_kind_is_closed_by_the_function_of_its_table(void)
{
	static const uint32_t kinds[] = {
		WSK_FLAG_BASIC_SOCKET,
		WSK_FLAG_LISTEN_SOCKET,
		WSK_FLAG_CONNECTION_SOCKET,
		WSK_FLAG_STREAM_SOCKET,
	};
	unsigned int i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		close_well(end_of(CLIENT, kinds[i]));
}

RULES("W72 S5.4")
static void
bound_socket_is_closed_and_its_port_free(void)
{
	struct end *e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 4000);

	close_well(e);
	close_well(bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 4000));
}

RULES("W72 S5.4")
static void
listener_is_closed_and_refuses_from_then_on(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct end *e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);

	close_well(l);
	assert_int_equal(await(post_connect(e, SERVER, 80)), STATUS_CONNECTION_REFUSED);
	close_well(e);
}

RULES("W67")
static void
connections_in_the_queue_of_a_listener_are_reset(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct end *e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);

	assert_int_equal(await(post_connect(e, SERVER, 80)), STATUS_SUCCESS);
	close_well(l);
	assert_reset_at(e, 0);
	close_well(e);
}

RULES("W67 S5.22")
static void
open_connection_is_reset(void)
{
	struct pair p = world_pair();
	uint64_t resets = world_counter(CLIENT, "tcp_tx_rst");

	close_well(p.end[CLIENT]);
	assert_reset_at(p.end[SERVER], resets);
}

RULES("W67 S5.22")
static void
connection_that_only_we_have_ended_is_reset(void)
{
	struct pair p = world_pair();
	uint64_t resets = world_counter(CLIENT, "tcp_tx_rst");

	assert_int_equal(await(post_disconnect(p.end[CLIENT], NULL, 0, 0)), STATUS_SUCCESS);
	assert_int_equal(await(post_receive(p.end[SERVER], buf, sizeof(buf), 0)), STATUS_SUCCESS);
	close_well(p.end[CLIENT]);
	world_steps(50);
	assert_true(world_counter(CLIENT, "tcp_tx_rst") > resets);
	assert_int_equal(await(post_send(p.end[SERVER], "x", 1, 0)), STATUS_CONNECTION_RESET);
}

RULES("W67 S5.22")
static void
connection_that_only_the_peer_has_ended_is_reset(void)
{
	struct pair p = world_pair();
	uint64_t resets = world_counter(CLIENT, "tcp_tx_rst");

	assert_int_equal(await(post_disconnect(p.end[SERVER], NULL, 0, 0)), STATUS_SUCCESS);
	assert_int_equal(await(post_receive(p.end[CLIENT], buf, sizeof(buf), 0)), STATUS_SUCCESS);
	close_well(p.end[CLIENT]);
	assert_reset_at(p.end[SERVER], resets);
}

RULES("W67 W53 S5.22")
static void
connection_that_both_have_ended_is_not_reset(void)
{
	struct pair p = world_pair();
	uint64_t resets[2] = { world_counter(CLIENT, "tcp_tx_rst"),
			       world_counter(SERVER, "tcp_tx_rst") };
	unsigned int i;

	for (i = 0; i < 2; i++)
		assert_int_equal(await(post_disconnect(p.end[i], NULL, 0, 0)), STATUS_SUCCESS);
	for (i = 0; i < 2; i++) {
		struct req *r = post_receive(p.end[i], buf, sizeof(buf), 0);

		assert_int_equal(await(r), STATUS_SUCCESS);
		assert_int_equal(r->information, 0);
	}
	world_steps(50);
	close_well(p.end[0]);
	close_well(p.end[1]);
	assert_int_equal(world_counter(CLIENT, "tcp_tx_rst"), resets[0]);
	assert_int_equal(world_counter(SERVER, "tcp_tx_rst"), resets[1]);
}

RULES("W67 W55 S5.22")
static void
connection_that_was_broken_off_is_closed_without_more(void)
{
	struct pair p = world_pair();
	uint64_t resets;

	assert_int_equal(await(post_disconnect(p.end[CLIENT], NULL, 0, WSK_FLAG_ABORTIVE)),
			 STATUS_SUCCESS);
	world_steps(50);
	resets = world_counter(CLIENT, "tcp_tx_rst");
	close_well(p.end[CLIENT]);
	world_steps(50);
	assert_int_equal(world_counter(CLIENT, "tcp_tx_rst"), resets);
}

RULES("W67 S5.22")
static void
data_that_nobody_has_received_does_not_soften_the_close(void)
{
	struct pair p = world_pair();
	uint64_t resets = world_counter(CLIENT, "tcp_tx_rst");

	assert_int_equal(await(post_send(p.end[SERVER], "unread", 6, 0)), STATUS_SUCCESS);
	world_steps(50);
	close_well(p.end[CLIENT]);
	assert_reset_at(p.end[SERVER], resets);
}

RULES("W72 W73")
static void
socket_that_the_peer_has_reset_is_closed_like_any_other(void)
{
	struct pair p = world_pair();
	struct req *r;

	close_well(p.end[SERVER]);
	assert_int_equal(await(post_receive(p.end[CLIENT], buf, sizeof(buf), 0)),
			 STATUS_CONNECTION_RESET);
	r = post_close(p.end[CLIENT]);
	assert_int_equal(r->returned, STATUS_PENDING);
	assert_int_equal(await(r), STATUS_SUCCESS);
}

RULES("W72")
static void
socket_whose_connect_was_refused_is_closed(void)
{
	struct end *e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);

	assert_int_equal(await(post_connect(e, SERVER, 99)), STATUS_CONNECTION_REFUSED);
	close_well(e);
}

RULES("W23 W70 S5.4")
static void
sockets_are_made_and_closed_without_end(void)
{
	unsigned int i;

	for (i = 0; i < 3 * WORLD_SOCKETS; i++)
		close_well(end_of(CLIENT, WSK_FLAG_CONNECTION_SOCKET));
}

RULES("W64 W70 S5.4 S5.13")
static void
hundred_connections_are_closed_at_once(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct req *a[100];
	struct req *r[100];
	struct req *c[200];
	struct end *e[100];
	unsigned int i;

	for (i = 0; i < 100; i++) {
		a[i] = post_accept(l);
		e[i] = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);
		assert_int_equal(await(post_connect(e[i], SERVER, 80)), STATUS_SUCCESS);
		assert_int_equal(await(a[i]), STATUS_SUCCESS);
		r[i] = post_receive(e[i], buf, 1, 0);
	}
	for (i = 0; i < 100; i++) {
		c[i] = post_close(e[i]);
		c[100 + i] = post_close(a[i]->made);
	}
	for (i = 0; i < 200; i++)
		assert_int_equal(await(c[i]), STATUS_SUCCESS);
	for (i = 0; i < 100; i++) {
		assert_int_equal(r[i]->done, 1);
		assert_int_equal(r[i]->status, STATUS_CANCELLED);
		assert_true(r[i]->when < c[i]->when);
	}
}

static const struct CMUnitTest cases[] = {
	WORLD_CASE(socket_of_every_kind_is_closed_by_the_function_of_its_table),
	WORLD_CASE(bound_socket_is_closed_and_its_port_free),
	WORLD_CASE(listener_is_closed_and_refuses_from_then_on),
	WORLD_CASE(connections_in_the_queue_of_a_listener_are_reset),
	WORLD_CASE(open_connection_is_reset),
	WORLD_CASE(connection_that_only_we_have_ended_is_reset),
	WORLD_CASE(connection_that_only_the_peer_has_ended_is_reset),
	WORLD_CASE(connection_that_both_have_ended_is_not_reset),
	WORLD_CASE(connection_that_was_broken_off_is_closed_without_more),
	WORLD_CASE(data_that_nobody_has_received_does_not_soften_the_close),
	WORLD_CASE(socket_that_the_peer_has_reset_is_closed_like_any_other),
	WORLD_CASE(socket_whose_connect_was_refused_is_closed),
	WORLD_CASE(sockets_are_made_and_closed_without_end),
	WORLD_CASE(hundred_connections_are_closed_at_once),
};

WORLD_MAIN("wsk close in each state", cases)
