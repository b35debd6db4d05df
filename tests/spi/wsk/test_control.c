/* SPDX-License-Identifier: BSD-3-Clause */
/* Options and ioctls of sockets. */
#include <string.h>

#include "world.h"

static uint8_t in[STREAM];

RULES("W74 W18")
static void
options_need_an_irp(void)
{
	static const ULONG names[] = { SO_KEEPALIVE, SO_RCVBUF, SO_REUSEADDR, (ULONG)SO_EXCLUSIVEADDRUSE };
	struct end *e = end_of(CLIENT, WSK_FLAG_CONNECTION_SOCKET);
	ULONG value = 1;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		assert_int_equal(control(e, ASK(WskSetOption, names[i], SOL_SOCKET, &value, sizeof(value), NULL, 0,
						NULL)),
				 STATUS_INVALID_PARAMETER);
		assert_int_equal(control(e, ASK(WskGetOption, names[i], SOL_SOCKET, NULL, 0, &value, sizeof(value),
						NULL)),
				 STATUS_INVALID_PARAMETER);
	}
}

RULES("W74")
static void
enabling_callbacks_takes_no_irp(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	WSK_EVENT_CALLBACK_CONTROL c = { &NPI_WSK_INTERFACE_ID, WSK_EVENT_ACCEPT };

	assert_failed(post_control(l, ASK(WskSetOption, SO_WSK_EVENT_CALLBACK, SOL_SOCKET, &c,
					  sizeof(c), NULL, 0, NULL)),
		      STATUS_INVALID_PARAMETER);
}

RULES("W74")
static void
options_read_back_what_was_set(void)
{
	struct end *e = end_of(CLIENT, WSK_FLAG_CONNECTION_SOCKET);
	ULONG value = 99;

	assert_int_equal(get_option(e, SOL_SOCKET, SO_KEEPALIVE, &value), STATUS_SUCCESS);
	assert_int_equal(value, 0);
	assert_int_equal(set_option(e, SOL_SOCKET, SO_KEEPALIVE, 1), STATUS_SUCCESS);
	assert_int_equal(get_option(e, SOL_SOCKET, SO_KEEPALIVE, &value), STATUS_SUCCESS);
	assert_int_not_equal(value, 0);
	assert_int_equal(set_option(e, SOL_SOCKET, SO_RCVBUF, 131072), STATUS_SUCCESS);
	assert_int_equal(get_option(e, SOL_SOCKET, SO_RCVBUF, &value), STATUS_SUCCESS);
	assert_int_equal(value, 131072);
}

RULES("W74")
static void
accepted_connection_inherits_keepalive(void)
{
	struct end *l = end_of(SERVER, WSK_FLAG_LISTEN_SOCKET);
	struct req *a;
	ULONG value = 0;

	assert_int_equal(set_option(l, SOL_SOCKET, SO_KEEPALIVE, 1), STATUS_SUCCESS);
	assert_int_equal(await(post_bind(l, SERVER, 80)), STATUS_SUCCESS);
	a = post_accept(l);
	assert_int_equal(await(post_socket_connect(CLIENT, SERVER, 80)), STATUS_SUCCESS);
	assert_int_equal(await(a), STATUS_SUCCESS);
	assert_int_equal(get_option(a->made, SOL_SOCKET, SO_KEEPALIVE, &value), STATUS_SUCCESS);
	assert_int_not_equal(value, 0);
}

RULES("W74")
static void
options_of_a_socket_that_listens_are_those_of_what_it_accepts(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct end *before = joined(bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0), l, 80);
	struct end *after;
	ULONG value = 99;

	assert_int_equal(set_option(l, SOL_SOCKET, SO_KEEPALIVE, 1), STATUS_SUCCESS);
	assert_int_equal(set_option(l, SOL_SOCKET, SO_RCVBUF, 100000), STATUS_SUCCESS);
	assert_int_equal(set_option(l, SOL_SOCKET, SO_RCVBUF, 1), STATUS_INVALID_PARAMETER);
	assert_int_equal(get_option(l, SOL_SOCKET, SO_RCVBUF, &value), STATUS_SUCCESS);
	assert_int_equal(value, 100000);
	assert_int_equal(get_option(l, SOL_SOCKET, SO_KEEPALIVE, &value), STATUS_SUCCESS);
	assert_int_equal(value, 1);
	after = joined(bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0), l, 80);
	assert_int_equal(get_option(after, SOL_SOCKET, SO_RCVBUF, &value), STATUS_SUCCESS);
	assert_int_equal(value, 100000);
	assert_int_equal(get_option(after, SOL_SOCKET, SO_KEEPALIVE, &value), STATUS_SUCCESS);
	assert_int_equal(value, 1);
	assert_int_equal(get_option(before, SOL_SOCKET, SO_KEEPALIVE, &value), STATUS_SUCCESS);
	assert_int_equal(value, 0);
}

RULES("W74")
static void
keepalive_may_be_set_at_any_time(void)
{
	struct pair p = world_pair();
	ULONG value = 0;

	assert_int_equal(set_option(p.end[CLIENT], SOL_SOCKET, SO_KEEPALIVE, 1), STATUS_SUCCESS);
	assert_int_equal(get_option(p.end[CLIENT], SOL_SOCKET, SO_KEEPALIVE, &value),
			 STATUS_SUCCESS);
	assert_int_not_equal(value, 0);
}

RULES("W74")
static void
options_before_bind_are_refused_after_it(void)
{
	static const ULONG names[] = { SO_REUSEADDR, (ULONG)SO_EXCLUSIVEADDRUSE, SO_CONDITIONAL_ACCEPT };
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	unsigned int i;

	for (i = 0; i < 3; i++)
		assert_int_equal(set_option(l, SOL_SOCKET, names[i], 1), STATUS_INVALID_DEVICE_STATE);
}

RULES("W74")
static void
option_of_another_kind_of_socket_is_refused(void)
{
	assert_int_equal(set_option(end_of(CLIENT, WSK_FLAG_CONNECTION_SOCKET), SOL_SOCKET, SO_CONDITIONAL_ACCEPT, 1),
			 STATUS_INVALID_DEVICE_REQUEST);
	assert_int_equal(set_option(end_of(CLIENT, WSK_FLAG_CONNECTION_SOCKET), SOL_SOCKET, SO_BROADCAST, 1),
			 STATUS_INVALID_DEVICE_REQUEST);
}

RULES("W74 W79 W18")
static void
what_there_is_not_is_not_supported(void)
{
	struct end *e = end_of(CLIENT, WSK_FLAG_CONNECTION_SOCKET);

	assert_int_equal(set_option(e, SOL_SOCKET, 0x7ffe, 1), STATUS_NOT_SUPPORTED);
	assert_int_equal(await(post_control(e, ASK(WskIoctl, 0x7ffe, 0, NULL, 0, NULL, 0, NULL))),
			 STATUS_NOT_SUPPORTED);
	assert_int_equal(await(post_control(world_pair().end[CLIENT],
					    ASK(WskIoctl, SIO_WSK_SET_TCP_SILENT_MODE, 0, NULL, 0, NULL, 0, NULL))),
			 STATUS_NOT_SUPPORTED);
}

RULES("W79")
static void
extension_that_there_is_not_is_not_supported(void)
{
	static const NPIID unknown = { 1, 2, 3, { 4 } };
	struct end *e = end_of(CLIENT, WSK_FLAG_CONNECTION_SOCKET);
	WSK_EXTENSION_CONTROL_IN what = { &unknown, NULL, NULL };
	WSK_EXTENSION_CONTROL_OUT got;

	assert_int_equal(control(e, ASK(WskIoctl, SIO_WSK_REGISTER_EXTENSION, 0, &what,
					sizeof(what), &got, sizeof(got), NULL)),
			 STATUS_NOT_SUPPORTED);
}

RULES("W79 W57")
static void
callbacks_of_an_extension_that_there_is_not_are_refused(void)
{
	static const NPIID unknown = { 1, 2, 3, { 4 } };
	struct pair p = world_pair();
	WSK_EVENT_CALLBACK_CONTROL c = { &unknown, WSK_EVENT_RECEIVE };

	assert_int_equal(control(p.end[CLIENT], ASK(WskSetOption, SO_WSK_EVENT_CALLBACK, SOL_SOCKET, &c, sizeof(c),
						    NULL, 0, NULL)),
			 STATUS_NOT_SUPPORTED);
}

RULES("W78")
static void
list_of_addresses_has_the_hosts_address(void)
{
	struct end *e = end_of(SERVER, WSK_FLAG_BASIC_SOCKET);
	union {
		SOCKET_ADDRESS_LIST list;
		uint8_t room[1024];
	} out;
	const struct sockaddr_in *a;
	SIZE_T got = 0;

	assert_int_equal(control(e, ASK(WskIoctl, SIO_ADDRESS_LIST_QUERY, 0, NULL, 0, &out,
					sizeof(out), &got)),
			 STATUS_SUCCESS);
	assert_in_range(got, sizeof(SOCKET_ADDRESS_LIST), sizeof(out));
	assert_int_equal(out.list.iAddressCount, 1);
	a = (const struct sockaddr_in *)out.list.Address[0].lpSockaddr;
	assert_int_equal(a->sin_family, AF_INET);
	assert_int_equal(a->sin_addr.s_addr, address(SERVER, 0).sin_addr.s_addr);
}

RULES("W78")
static void
list_of_addresses_says_how_much_room_it_needs(void)
{
	struct end *e = end_of(SERVER, WSK_FLAG_BASIC_SOCKET);
	uint8_t out[1024];
	SIZE_T needed = 0;
	SIZE_T got = 0;

	assert_int_equal(
		control(e, ASK(WskIoctl, SIO_ADDRESS_LIST_QUERY, 0, NULL, 0, NULL, 0, &needed)),
		STATUS_BUFFER_OVERFLOW);
	assert_in_range(needed, sizeof(INT), sizeof(out));
	assert_int_equal(control(e, ASK(WskIoctl, SIO_ADDRESS_LIST_QUERY, 0, NULL, 0, out,
					needed - 1, &got)),
			 STATUS_BUFFER_OVERFLOW);
	assert_int_equal(got, needed);
	assert_int_equal(
		control(e, ASK(WskIoctl, SIO_ADDRESS_LIST_QUERY, 0, NULL, 0, out, needed, &got)),
		STATUS_SUCCESS);
}

RULES("W77")
static void
wait_for_a_change_of_addresses_goes_on_until_it_is_cancelled(void)
{
	struct end *e = end_of(SERVER, WSK_FLAG_BASIC_SOCKET);
	struct req *r =
		post_control(e, ASK(WskIoctl, SIO_ADDRESS_LIST_CHANGE, 0, NULL, 0, NULL, 0, NULL));

	assert_int_equal(r->returned, STATUS_PENDING);
	world_steps(100);
	assert_int_equal(r->done, 0);
	assert_true(IoCancelIrp(r->irp));
	assert_int_equal(await(r), STATUS_CANCELLED);
}

RULES("W74 W52")
static void
backlogs_are_asked_for_when_connected_only(void)
{
	struct end *e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);
	SIZE_T size = 0;

	assert_failed(post_control(e, ASK(WskIoctl, SIO_WSK_QUERY_IDEAL_SEND_BACKLOG, 0, NULL, 0,
					  &size, sizeof(size), NULL)),
		      STATUS_INVALID_DEVICE_STATE);
	assert_failed(post_control(e, ASK(WskIoctl, SIO_WSK_QUERY_RECEIVE_BACKLOG, 0, NULL, 0,
					  &size, sizeof(size), NULL)),
		      STATUS_INVALID_DEVICE_STATE);
}

RULES("W74")
static void
receive_backlog_is_what_nobody_has_received(void)
{
	struct pair p = world_pair();
	SIZE_T size = 99;
	struct req *r;

	r = post_control(p.end[SERVER], ASK(WskIoctl, SIO_WSK_QUERY_RECEIVE_BACKLOG, 0, NULL, 0,
					    &size, sizeof(size), NULL));
	assert_int_equal(await(r), STATUS_SUCCESS);
	assert_int_equal(size, 0);
	assert_int_equal(await(post_send(p.end[CLIENT], in, 3000, 0)), STATUS_SUCCESS);
	world_steps(50);
	assert_int_equal(await(post_receive(p.end[SERVER], in, 1000, 0)), STATUS_SUCCESS);
	r = post_control(p.end[SERVER], ASK(WskIoctl, SIO_WSK_QUERY_RECEIVE_BACKLOG, 0, NULL, 0,
					    &size, sizeof(size), NULL));
	assert_int_equal(await(r), STATUS_SUCCESS);
	assert_int_equal(size, 2000);
}

static SIZE_T
unread(struct end *e)
{
	SIZE_T size = 0;

	await(post_control(e, ASK(WskIoctl, SIO_WSK_QUERY_RECEIVE_BACKLOG, 0, NULL, 0, &size, sizeof(size), NULL)));
	return size;
}

RULES("W74")
static void
receive_window_may_be_changed_while_connected(void)
{
	static uint8_t much[800000];
	struct pair p = world_pair();
	ULONG value = 0;
	SIZE_T before;

	assert_int_equal(set_option(p.end[SERVER], SOL_SOCKET, SO_RCVBUF, 100000), STATUS_SUCCESS);
	assert_int_equal(get_option(p.end[SERVER], SOL_SOCKET, SO_RCVBUF, &value), STATUS_SUCCESS);
	assert_int_equal(value, 100000);
	post_send(p.end[CLIENT], much, sizeof(much), 0);
	UNTIL(unread(p.end[SERVER]) >= 50000);
	world_steps(1000);
	before = unread(p.end[SERVER]);
	assert_true(before <= 100000);
	/* The peer, which has stopped, is told of the larger one. */
	assert_int_equal(set_option(p.end[SERVER], SOL_SOCKET, SO_RCVBUF, 300000), STATUS_SUCCESS);
	UNTIL(unread(p.end[SERVER]) > 250000);
	world_steps(1000);
	assert_true(unread(p.end[SERVER]) <= 300000);
}

RULES("W74")
static void
output_that_is_too_small_is_refused(void)
{
	struct pair p = world_pair();
	struct req *r;
	uint8_t small = 0x5a;

	r = post_control(p.end[CLIENT], ASK(WskGetOption, SO_KEEPALIVE, SOL_SOCKET, NULL, 0, &small,
					    sizeof(small), NULL));
	assert_failed(r, STATUS_BUFFER_TOO_SMALL);
	r = post_control(p.end[CLIENT], ASK(WskIoctl, SIO_WSK_QUERY_RECEIVE_BACKLOG, 0, NULL, 0,
					    &small, sizeof(small), NULL));
	assert_failed(r, STATUS_BUFFER_TOO_SMALL);
	assert_int_equal(small, 0x5a);
}

RULES("W25 W69")
static void
security_descriptor_is_cached_and_released(void)
{
	SECURITY_DESCRIPTOR sd = { .Revision = SECURITY_DESCRIPTOR_REVISION };
	PSECURITY_DESCRIPTOR given = &sd;
	PSECURITY_DESCRIPTOR copy = NULL;
	const WSK_PROVIDER_NPI *npi = &world.npi[CLIENT];
	struct req *r;

	assert_int_equal(control_client(CLIENT, ASK_CLIENT(WSK_CACHE_SD, &given, sizeof(given),
							   &copy, sizeof(copy), NULL)),
			 STATUS_SUCCESS);
	assert_non_null(copy);
	assert_ptr_not_equal(copy, &sd);
	r = req_new(NULL);
	r->made = end_new(CLIENT, WSK_FLAG_CONNECTION_SOCKET);
	npi->Dispatch->WskSocket(npi->Client, AF_INET, SOCK_STREAM, IPPROTO_TCP,
				 WSK_FLAG_CONNECTION_SOCKET, r->made, &world_connection_calls, NULL,
				 NULL, copy, r->irp);
	assert_int_equal(await(r), STATUS_SUCCESS);
	shut(r->made);
	/* The close has not released it: it is still the program's to release. */
	assert_int_equal(((SECURITY_DESCRIPTOR *)copy)->Revision, SECURITY_DESCRIPTOR_REVISION);
	assert_int_equal(control_client(CLIENT, ASK_CLIENT(WSK_RELEASE_SD, &copy, sizeof(copy),
							   NULL, 0, NULL)),
			 STATUS_SUCCESS);
}

RULES("W25 W69")
static void
security_of_a_socket_is_a_copy_to_be_released(void)
{
	SECURITY_DESCRIPTOR sd = { .Revision = SECURITY_DESCRIPTOR_REVISION };
	PSECURITY_DESCRIPTOR given = &sd;
	PSECURITY_DESCRIPTOR copy = NULL;
	PSECURITY_DESCRIPTOR read = NULL;
	struct end *e = end_of(CLIENT, WSK_FLAG_CONNECTION_SOCKET);

	assert_int_equal(control_client(CLIENT, ASK_CLIENT(WSK_CACHE_SD, &given, sizeof(given),
							   &copy, sizeof(copy), NULL)),
			 STATUS_SUCCESS);
	assert_int_equal(await(post_control(e, ASK(WskSetOption, SO_WSK_SECURITY, SOL_SOCKET, &copy,
						   sizeof(copy), NULL, 0, NULL))),
			 STATUS_SUCCESS);
	assert_int_equal(await(post_control(e, ASK(WskGetOption, SO_WSK_SECURITY, SOL_SOCKET, NULL,
						   0, &read, sizeof(read), NULL))),
			 STATUS_SUCCESS);
	assert_non_null(read);
	shut(e);
	assert_int_equal(control_client(CLIENT, ASK_CLIENT(WSK_RELEASE_SD, &read, sizeof(read),
							   NULL, 0, NULL)),
			 STATUS_SUCCESS);
	assert_int_equal(control_client(CLIENT, ASK_CLIENT(WSK_RELEASE_SD, &copy, sizeof(copy),
							   NULL, 0, NULL)),
			 STATUS_SUCCESS);
}

static const struct CMUnitTest cases[] = {
	WORLD_CASE(options_need_an_irp),
	WORLD_CASE(enabling_callbacks_takes_no_irp),
	WORLD_CASE(options_read_back_what_was_set),
	WORLD_CASE(accepted_connection_inherits_keepalive),
	WORLD_CASE(options_of_a_socket_that_listens_are_those_of_what_it_accepts),
	WORLD_CASE(keepalive_may_be_set_at_any_time),
	WORLD_CASE(options_before_bind_are_refused_after_it),
	WORLD_CASE(option_of_another_kind_of_socket_is_refused),
	WORLD_CASE(what_there_is_not_is_not_supported),
	WORLD_CASE(extension_that_there_is_not_is_not_supported),
	WORLD_CASE(callbacks_of_an_extension_that_there_is_not_are_refused),
	WORLD_CASE(list_of_addresses_has_the_hosts_address),
	WORLD_CASE(list_of_addresses_says_how_much_room_it_needs),
	WORLD_CASE(wait_for_a_change_of_addresses_goes_on_until_it_is_cancelled),
	WORLD_CASE(backlogs_are_asked_for_when_connected_only),
	WORLD_CASE(receive_backlog_is_what_nobody_has_received),
	WORLD_CASE(receive_window_may_be_changed_while_connected),
	WORLD_CASE(output_that_is_too_small_is_refused),
	WORLD_CASE(security_descriptor_is_cached_and_released),
	WORLD_CASE(security_of_a_socket_is_a_copy_to_be_released),
};

WORLD_MAIN("wsk options and ioctls", cases)
