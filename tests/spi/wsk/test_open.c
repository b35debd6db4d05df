/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets until they are connected: made, bound, listening, accepted; and which of them are callbacks' business. */
#include <string.h>

#include "world.h"

static uint8_t in[STREAM];

RULES("W18 W19 W23")
static void
new_socket_is_in_the_request(void)
{
	struct end *e = end_of(CLIENT, WSK_FLAG_CONNECTION_SOCKET);

	assert_non_null(e->sock);
	assert_non_null(e->sock->Dispatch);
	shut(e);
}

RULES("W18")
static void
socket_of_a_family_that_there_is_not_is_refused(void)
{
	static const struct {
		ADDRESS_FAMILY family;
		USHORT type;
		ULONG protocol;
		ULONG flags;
		NTSTATUS status;
	} bad[] = {
		{ 99, SOCK_STREAM, IPPROTO_TCP, WSK_FLAG_CONNECTION_SOCKET, STATUS_NOT_SUPPORTED },
		{ AF_INET, 99, IPPROTO_TCP, WSK_FLAG_CONNECTION_SOCKET, STATUS_NOT_SUPPORTED },
		{ AF_INET, SOCK_STREAM, 99, WSK_FLAG_CONNECTION_SOCKET, STATUS_NOT_SUPPORTED },
		{ AF_INET, SOCK_STREAM, IPPROTO_TCP, 0x80000000, STATUS_INVALID_PARAMETER },
		{ AF_INET, SOCK_STREAM, IPPROTO_TCP, WSK_FLAG_CONNECTION_SOCKET | WSK_FLAG_LISTEN_SOCKET,
		  STATUS_INVALID_PARAMETER },
	};
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct req *r = post_socket(CLIENT, bad[i].family, bad[i].type, bad[i].protocol,
					    bad[i].flags);

		assert_failed(r, bad[i].status);
		assert_null(r->made->sock);
	}
}

RULES("W18")
static void
datagram_socket_is_not_supported(void)
{
	struct req *r = post_socket(CLIENT, AF_INET, SOCK_DGRAM, IPPROTO_UDP, WSK_FLAG_DATAGRAM_SOCKET);

	assert_failed(r, STATUS_NOT_SUPPORTED);
	assert_null(r->made->sock);
}

RULES("W26")
static void
listening_socket_listens_as_soon_as_it_is_bound(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct end *e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);

	assert_int_equal(await(post_connect(e, SERVER, 80)), STATUS_SUCCESS);
	shut(e);
	shut(l);
}

RULES("W27")
static void
listener_on_the_wildcard_serves_every_address(void)
{
	struct end *l = end_of(SERVER, WSK_FLAG_LISTEN_SOCKET);
	struct end *e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);
	struct sockaddr_in a;

	assert_int_equal(await(post_bind(l, ANY, 80)), STATUS_SUCCESS);
	assert_int_equal(local_address(l, &a), STATUS_SUCCESS);
	assert_int_equal(ntohs(a.sin_port), 80);
	assert_int_equal(a.sin_addr.s_addr, 0);
	assert_int_equal(await(post_connect(e, SERVER, 80)), STATUS_SUCCESS);
}

RULES("W27")
static void
port_is_fixed_at_bind_and_the_address_at_connect__one_core(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct end *e = end_of(CLIENT, WSK_FLAG_CONNECTION_SOCKET);
	struct sockaddr_in a;
	struct sockaddr_in b;

	assert_int_equal(await(post_bind(e, ANY, 0)), STATUS_SUCCESS);
	assert_int_equal(local_address(e, &a), STATUS_SUCCESS);
	assert_int_not_equal(a.sin_port, 0);
	assert_int_equal(await(post_connect(e, SERVER, 80)), STATUS_SUCCESS);
	assert_int_equal(local_address(e, &b), STATUS_SUCCESS);
	assert_int_equal(b.sin_port, a.sin_port);
	assert_int_equal(b.sin_addr.s_addr, address(CLIENT, 0).sin_addr.s_addr);
	shut(l);
}

/* With several cores a port that was chosen may belong to another one than the connection's. */
RULES("W18 W29")
static void
addresses_are_told_when_there_are_any__one_core(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct end *e = end_of(CLIENT, WSK_FLAG_CONNECTION_SOCKET);
	struct sockaddr_in a;

	assert_int_equal(local_address(e, &a), STATUS_INVALID_DEVICE_STATE);
	assert_int_equal(await(post_bind(e, CLIENT, 5000)), STATUS_SUCCESS);
	assert_int_equal(local_address(e, &a), STATUS_SUCCESS);
	assert_int_equal(ntohs(a.sin_port), 5000);
	assert_int_equal(remote_address(e, &a), STATUS_INVALID_DEVICE_STATE);
	assert_int_equal(await(post_connect(e, SERVER, 80)), STATUS_SUCCESS);
	assert_int_equal(remote_address(e, &a), STATUS_SUCCESS);
	assert_int_equal(ntohs(a.sin_port), 80);
	assert_int_equal(a.sin_addr.s_addr, address(SERVER, 0).sin_addr.s_addr);
	shut(l);
}

RULES("W29 W18")
static void
connect_of_a_socket_that_is_not_bound_fails(void)
{
	struct req *r = post_connect(end_of(CLIENT, WSK_FLAG_CONNECTION_SOCKET), SERVER, 80);

	assert_failed(r, STATUS_INVALID_DEVICE_STATE);
}

RULES("W29 W18")
static void
accept_on_a_socket_that_is_not_bound_fails(void)
{
	struct req *r = post_accept(end_of(SERVER, WSK_FLAG_LISTEN_SOCKET));

	assert_failed(r, STATUS_INVALID_DEVICE_STATE);
}

RULES("W29 W18")
static void
listen_of_a_stream_socket_that_is_not_bound_fails(void)
{
	struct req *r = post_listen(end_of(SERVER, WSK_FLAG_STREAM_SOCKET));

	assert_failed(r, STATUS_INVALID_DEVICE_STATE);
}

RULES("W18 W27")
static void
address_that_the_host_has_not_is_refused_at_bind(void)
{
	struct req *r = post_bind(end_of(CLIENT, WSK_FLAG_CONNECTION_SOCKET), SERVER, 80);

	assert_failed(r, STATUS_INVALID_ADDRESS_COMPONENT);
}

RULES("W28")
static void
stream_socket_that_listens_accepts_and_does_not_connect(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_STREAM_SOCKET, 80);
	struct end *e = bound(CLIENT, WSK_FLAG_STREAM_SOCKET, 0);
	struct end *a;

	assert_int_equal(await(post_listen(l)), STATUS_SUCCESS);
	a = joined(e, l, 80);
	say(e, a);
	assert_failed(post_connect(l, CLIENT, 80), STATUS_INVALID_DEVICE_STATE);
	assert_failed(post_send(l, "x", 1, 0), STATUS_INVALID_DEVICE_STATE);
	shut(l);
}

RULES("W28")
static void
stream_socket_that_is_connected_does_not_listen(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct end *e = bound(CLIENT, WSK_FLAG_STREAM_SOCKET, 0);

	assert_int_equal(await(post_connect(e, SERVER, 80)), STATUS_SUCCESS);
	assert_failed(post_listen(e), STATUS_INVALID_DEVICE_STATE);
	assert_failed(post_accept(e), STATUS_INVALID_DEVICE_STATE);
	shut(l);
}

RULES("W30 W19")
static void
socket_may_be_made_bound_and_connected_in_one_call(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct req *a = post_accept(l);
	struct req *c = post_socket_connect(CLIENT, SERVER, 80);

	assert_int_equal(await(c), STATUS_SUCCESS);
	assert_int_equal(await(a), STATUS_SUCCESS);
	say(c->made, a->made);
	shut(l);
}

RULES("W30 W18")
static void
connect_in_one_call_that_is_refused_leaves_no_socket(void)
{
	struct req *r = post_socket_connect(CLIENT, SERVER, 99);

	assert_int_equal(await(r), STATUS_CONNECTION_REFUSED);
	assert_null(r->made->sock);
}

static struct req *
post_connect_ex(struct end *e, uint16_t port, size_t len, ULONG flags)
{
	const WSK_PROVIDER_CONNECTION_DISPATCH *calls = e->sock->Dispatch;
	struct req *r = req_new(e);

	r->addr[1] = address(SERVER, port);
	if (len > 0)
		req_memory(r, in, len, 1, 0);
	r->returned = calls->WskConnectEx(e->sock, (PSOCKADDR)&r->addr[1], len > 0 ? &r->buf : NULL, flags,
					  r->irp);
	return r;
}

RULES("W18 W19 W39")
static void
connect_with_data_ends_when_both_are_done(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct end *e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);
	static uint8_t back[1000];
	struct req *a = post_accept(l);
	struct req *c;

	net_fill(in, 1000, 0, 3);
	c = post_connect_ex(e, 80, 1000, 0);
	assert_int_equal(await(c), STATUS_SUCCESS);
	assert_int_equal(c->information, 1000);
	assert_int_equal(await(a), STATUS_SUCCESS);
	assert_int_equal(await(post_receive(a->made, back, 1000, WSK_FLAG_WAITALL)), STATUS_SUCCESS);
	assert_memory_equal(back, in, 1000);
}

RULES("W18")
static void
connect_with_too_much_data_or_a_flag_is_refused(void)
{
	static uint8_t much[65536];
	struct end *e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);
	const WSK_PROVIDER_CONNECTION_DISPATCH *calls = e->sock->Dispatch;
	struct req *r = req_new(e);

	assert_int_equal(await(post_connect_ex(e, 80, 0, 1)), STATUS_INVALID_PARAMETER);
	r->addr[1] = address(SERVER, 80);
	req_memory(r, much, sizeof(much), 1, 0);
	r->returned = calls->WskConnectEx(e->sock, (PSOCKADDR)&r->addr[1], &r->buf, 0, r->irp);
	assert_int_equal(await(r), STATUS_BUFFER_OVERFLOW);
}

RULES("W28 W38 W33")
static void
stream_socket_that_listens_calls_back(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_STREAM_SOCKET, 80);
	struct end *e = bound(CLIENT, WSK_FLAG_STREAM_SOCKET, 0);

	l->take = SIZE_MAX;
	assert_int_equal(await(post_listen(l)), STATUS_SUCCESS);
	enable(l, WSK_EVENT_ACCEPT | WSK_EVENT_RECEIVE);
	assert_int_equal(await(post_connect(e, SERVER, 80)), STATUS_SUCCESS);
	UNTIL(l->count[EV_ACCEPT] == 1);
	post_send(e, "stream", 6, 0);
	UNTIL(l->accepted[0]->len == 6);
	assert_memory_equal(l->accepted[0]->stream, "stream", 6);
}

RULES("W28")
static void
stream_socket_that_connects_calls_back(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_STREAM_SOCKET, 80);
	struct end *e = bound(CLIENT, WSK_FLAG_STREAM_SOCKET, 0);
	struct end *a;

	assert_int_equal(await(post_listen(l)), STATUS_SUCCESS);
	a = joined(e, l, 80);
	e->take = SIZE_MAX;
	enable(e, WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT);
	post_disconnect(a, "bye", 3, 0);
	UNTIL(e->count[EV_DISCONNECT] == 1);
	assert_int_equal(e->len, 3);
}

RULES("W18 W23")
static void
basic_socket_takes_no_callbacks(void)
{
	const WSK_PROVIDER_NPI *npi = &world.npi[CLIENT];
	struct req *r = req_new(NULL);

	r->returned = npi->Dispatch->WskSocket(npi->Client, AF_INET, SOCK_STREAM, IPPROTO_TCP, WSK_FLAG_BASIC_SOCKET,
					       r, &world_connection_calls, NULL, NULL, NULL, r->irp);
	assert_failed(r, STATUS_INVALID_PARAMETER);
}

RULES("W31")
static void
accept_of_a_connection_that_waits_is_over_at_once__one_core(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct end *e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);
	struct req *a;

	assert_int_equal(await(post_connect(e, SERVER, 80)), STATUS_SUCCESS);
	world_steps(50);
	a = post_accept(l);
	/* Decided now, told by the IRP. */
	assert_int_equal(a->returned, STATUS_PENDING);
	assert_int_equal(a->done, 0);
	world_step();
	assert_int_equal(a->done, 1);
	assert_int_equal(a->status, STATUS_SUCCESS);
	say(e, a->made);
	shut(l);
}

RULES("W31")
static void
accept_waits_until_a_connection_comes(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct req *a = post_accept(l);
	struct end *e;

	assert_int_equal(a->returned, STATUS_PENDING);
	world_steps(50);
	assert_int_equal(a->done, 0);
	e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);
	assert_int_equal(await(post_connect(e, SERVER, 80)), STATUS_SUCCESS);
	assert_int_equal(await(a), STATUS_SUCCESS);
	say(a->made, e);
	shut(l);
}

RULES("W31 W20")
static void
accept_fills_in_both_addresses(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct end *e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);
	struct req *r = post_accept(l);
	const struct sockaddr_in *a = r->addr;

	assert_int_equal(await(post_connect(e, SERVER, 80)), STATUS_SUCCESS);
	assert_int_equal(await(r), STATUS_SUCCESS);
	assert_int_equal(a[0].sin_addr.s_addr, address(SERVER, 0).sin_addr.s_addr);
	assert_int_equal(ntohs(a[0].sin_port), 80);
	assert_int_equal(a[1].sin_addr.s_addr, address(CLIENT, 0).sin_addr.s_addr);
	assert_int_equal(ntohs(a[1].sin_port), port_of(e));
	shut(l);
}

RULES("W32")
static void
requests_to_accept_are_served_before_the_callback(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct req *a = post_accept(l);
	struct end *e[2];

	enable(l, WSK_EVENT_ACCEPT);
	e[0] = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);
	e[1] = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);
	assert_int_equal(await(post_connect(e[0], SERVER, 80)), STATUS_SUCCESS);
	assert_int_equal(await(a), STATUS_SUCCESS);
	world_steps(50);
	assert_int_equal(l->count[EV_ACCEPT], 0);
	assert_int_equal(await(post_connect(e[1], SERVER, 80)), STATUS_SUCCESS);
	UNTIL(l->count[EV_ACCEPT] == 1);
	say(e[0], a->made);
	say(e[1], l->accepted[0]);
	shut(l);
}

RULES("W33")
static void
connection_that_the_callback_does_not_take_is_closed(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct end *e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);

	l->answer[EV_ACCEPT] = STATUS_REQUEST_NOT_ACCEPTED;
	enable(l, WSK_EVENT_ACCEPT);
	assert_int_equal(await(post_connect(e, SERVER, 80)), STATUS_SUCCESS);
	UNTIL(l->count[EV_ACCEPT] == 1);
	assert_int_equal(await(post_receive(e, in, 1, 0)), STATUS_CONNECTION_RESET);
	shut(l);
}

RULES("W34")
static void
accept_callback_is_told_both_addresses(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct end *e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);

	enable(l, WSK_EVENT_ACCEPT);
	assert_int_equal(await(post_connect(e, SERVER, 80)), STATUS_SUCCESS);
	UNTIL(l->count[EV_ACCEPT] == 1);
	assert_int_equal(l->local.sin_addr.s_addr, address(SERVER, 0).sin_addr.s_addr);
	assert_int_equal(ntohs(l->local.sin_port), 80);
	assert_int_equal(l->remote.sin_addr.s_addr, address(CLIENT, 0).sin_addr.s_addr);
	assert_int_equal(ntohs(l->remote.sin_port), port_of(e));
	shut(l);
}

RULES("W24")
static void
callbacks_of_a_new_listener_are_off(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct end *e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);

	assert_int_equal(await(post_connect(e, SERVER, 80)), STATUS_SUCCESS);
	world_steps(100);
	assert_int_equal(l->nb_calls, 0);
	shut(l);
}

RULES("W24 W38")
static void
callbacks_of_an_accepted_connection_are_off(void)
{
	struct pair p = world_pair();

	post_send(p.end[CLIENT], "x", 1, 0);
	post_send(p.end[SERVER], "x", 1, 0);
	post_disconnect(p.end[CLIENT], NULL, 0, 0);
	post_disconnect(p.end[SERVER], NULL, 0, 0);
	world_steps(200);
	assert_int_equal(p.end[CLIENT]->nb_calls, 0);
	assert_int_equal(p.end[SERVER]->nb_calls, 0);
}

RULES("W38 W57")
static void
connection_taken_by_the_callback_inherits_the_listeners_choice(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct end *e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);

	l->take = SIZE_MAX;
	enable(l, WSK_EVENT_ACCEPT | WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT);
	assert_int_equal(await(post_connect(e, SERVER, 80)), STATUS_SUCCESS);
	post_send(e, "first", 5, 0);
	UNTIL(l->count[EV_ACCEPT] == 1);
	UNTIL(l->accepted[0]->len == 5);
	post_disconnect(e, NULL, 0, 0);
	UNTIL(l->accepted[0]->count[EV_DISCONNECT] == 1);
	shut(l);
}

RULES("W38")
static void
connection_taken_by_a_request_does_not_inherit(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct end *e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);
	struct end *a;

	enable(l, WSK_EVENT_ACCEPT | WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT);
	a = joined(e, l, 80);
	post_send(e, "first", 5, 0);
	world_steps(100);
	assert_int_equal(a->nb_calls, 0);
	shut(l);
}

RULES("W38 W58")
static void
what_connections_inherit_cannot_be_taken_back(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);

	enable(l, WSK_EVENT_ACCEPT | WSK_EVENT_RECEIVE);
	assert_int_equal(disable(l, WSK_EVENT_RECEIVE), STATUS_INVALID_DEVICE_REQUEST);
	assert_int_equal(disable(l, WSK_EVENT_ACCEPT), STATUS_SUCCESS);
	shut(l);
}

static const struct CMUnitTest cases[] = {
	WORLD_CASE(new_socket_is_in_the_request),
	WORLD_CASE(socket_of_a_family_that_there_is_not_is_refused),
	WORLD_CASE(datagram_socket_is_not_supported),
	WORLD_CASE(listening_socket_listens_as_soon_as_it_is_bound),
	WORLD_CASE(listener_on_the_wildcard_serves_every_address),
	WORLD_CASE(port_is_fixed_at_bind_and_the_address_at_connect__one_core),
	WORLD_CASE(addresses_are_told_when_there_are_any__one_core),
	WORLD_CASE(connect_of_a_socket_that_is_not_bound_fails),
	WORLD_CASE(accept_on_a_socket_that_is_not_bound_fails),
	WORLD_CASE(listen_of_a_stream_socket_that_is_not_bound_fails),
	WORLD_CASE(address_that_the_host_has_not_is_refused_at_bind),
	WORLD_CASE(stream_socket_that_listens_accepts_and_does_not_connect),
	WORLD_CASE(stream_socket_that_is_connected_does_not_listen),
	WORLD_CASE(socket_may_be_made_bound_and_connected_in_one_call),
	WORLD_CASE(connect_in_one_call_that_is_refused_leaves_no_socket),
	WORLD_CASE(connect_with_data_ends_when_both_are_done),
	WORLD_CASE(connect_with_too_much_data_or_a_flag_is_refused),
	WORLD_CASE(stream_socket_that_listens_calls_back),
	WORLD_CASE(stream_socket_that_connects_calls_back),
	WORLD_CASE(basic_socket_takes_no_callbacks),
	WORLD_CASE(accept_of_a_connection_that_waits_is_over_at_once__one_core),
	WORLD_CASE(accept_waits_until_a_connection_comes),
	WORLD_CASE(accept_fills_in_both_addresses),
	WORLD_CASE(requests_to_accept_are_served_before_the_callback),
	WORLD_CASE(connection_that_the_callback_does_not_take_is_closed),
	WORLD_CASE(accept_callback_is_told_both_addresses),
	WORLD_CASE(callbacks_of_a_new_listener_are_off),
	WORLD_CASE(callbacks_of_an_accepted_connection_are_off),
	WORLD_CASE(connection_taken_by_the_callback_inherits_the_listeners_choice),
	WORLD_CASE(connection_taken_by_a_request_does_not_inherit),
	WORLD_CASE(what_connections_inherit_cannot_be_taken_back),
};

WORLD_MAIN("wsk sockets until they are connected", cases)
