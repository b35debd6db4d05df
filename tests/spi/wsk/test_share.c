/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two sockets that are bound to one port: what the second is told, by the options and the address of both, and by the
 * first one's security descriptor; and who gets the connections.
 */
#include "spi/share.h"
#include "world.h"

enum descriptor { NO_SD, OPEN_SD, SHUT_SD };

/* A cached descriptor. */
static PSECURITY_DESCRIPTOR
cache(unsigned int side, USHORT control, PVOID dacl)
{
	SECURITY_DESCRIPTOR sd = { .Revision = SECURITY_DESCRIPTOR_REVISION, .Control = control, .Dacl = dacl };
	PSECURITY_DESCRIPTOR given = &sd;
	PSECURITY_DESCRIPTOR copy = NULL;

	assert_int_equal(
		control_client(side, ASK_CLIENT(WSK_CACHE_SD, &given, sizeof(given), &copy, sizeof(copy), NULL)),
		STATUS_SUCCESS);
	return copy;
}

static NTSTATUS
give_back(unsigned int side, PSECURITY_DESCRIPTOR sd)
{
	return control_client(side, ASK_CLIENT(WSK_RELEASE_SD, &sd, sizeof(sd), NULL, 0, NULL));
}

/* A socket that is made with a descriptor. @return How the request ended. */
static NTSTATUS
make_with(unsigned int side, ULONG kind, PSECURITY_DESCRIPTOR sd, struct end **made)
{
	const WSK_PROVIDER_NPI *npi = &world.npi[side];
	struct req *r = req_new(NULL);
	const VOID *calls = kind == WSK_FLAG_LISTEN_SOCKET ? (const VOID *)&world_listen_calls :
							     (const VOID *)&world_connection_calls;

	r->made = end_new(side, kind);
	*made = r->made;
	npi->Dispatch->WskSocket(npi->Client, AF_INET, SOCK_STREAM, IPPROTO_TCP, kind, r->made, calls, NULL, NULL, sd,
				 r->irp);
	return await(r);
}

static NTSTATUS
bind_as(const struct share_binding *b, enum descriptor has, struct end **made)
{
	static int list[2];	/* its content is nobody's business */
	PSECURITY_DESCRIPTOR sd = NULL;
	struct end *e;

	if (has != NO_SD)
		sd = cache(SERVER, SE_DACL_PRESENT, has == SHUT_SD ? list : NULL);
	assert_int_equal(make_with(SERVER, WSK_FLAG_LISTEN_SOCKET, sd, made), STATUS_SUCCESS);
	e = *made;
	/* The socket has its own. */
	if (sd != NULL)
		assert_int_equal(give_back(SERVER, sd), STATUS_SUCCESS);
	if (b->option == REUSE)
		assert_int_equal(set_option(e, SOL_SOCKET, SO_REUSEADDR, 1), STATUS_SUCCESS);
	if (b->option == EXCL)
		assert_int_equal(set_option(e, SOL_SOCKET, (ULONG)SO_EXCLUSIVEADDRUSE, 1), STATUS_SUCCESS);
	return await(post_bind(e, b->where == ON_ANY ? ANY : SERVER, 80));
}

static enum descriptor first_has;

static NTSTATUS
status_of(enum share_answer answer)
{
	if (answer == CHECK)
		answer = first_has == OPEN_SD ? OK : DENIED;
	if (answer == INUSE)
		return STATUS_ADDRESS_ALREADY_EXISTS;
	return answer == OK ? STATUS_SUCCESS : STATUS_ACCESS_DENIED;
}

static void
assert_cell(const struct share_binding *first, const struct share_binding *second, enum share_answer expected)
{
	NTSTATUS want = status_of(expected), got;
	struct end *e[2];

	assert_int_equal(bind_as(first, first_has, &e[0]), STATUS_SUCCESS);
	got = bind_as(second, NO_SD, &e[1]);
	if (got != want)
		fail_msg("first %s %s (descriptor %u), second %s %s: 0x%x, expected 0x%x", share_options[first->option],
			 share_places[first->where], first_has, share_options[second->option],
			 share_places[second->where], (unsigned int)got, (unsigned int)want);
	shut(e[1]);
	shut(e[0]);
}

static void
assert_table(enum descriptor first)
{
	first_has = first;
	share_each(assert_cell);
}

RULES("W27 W74 W25")
static void
second_socket_is_told_what_the_table_says(void)
{
	assert_table(NO_SD);
}

RULES("W25 W27")
static void
descriptor_of_the_first_socket_lets_the_wildcard_in(void)
{
	assert_table(OPEN_SD);
}

RULES("W25 W27")
static void
descriptor_with_a_list_lets_nobody_in(void)
{
	assert_table(SHUT_SD);
}

/* It gets what comes to the port. */
static void
assert_gets(struct end *l)
{
	struct end *e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);
	struct end *a = joined(e, l, 80);

	say(e, a);
	shut(e);
	shut(a);
}

RULES("W27")
static void
address_is_asked_before_the_wildcard(void)
{
	static const struct share_binding any = { NONE, ON_ANY };
	static const struct share_binding one = { NONE, ON_ONE };
	struct end *l[2];

	assert_int_equal(bind_as(&any, NO_SD, &l[0]), STATUS_SUCCESS);
	assert_gets(l[0]);
	assert_int_equal(bind_as(&one, NO_SD, &l[1]), STATUS_SUCCESS);
	assert_gets(l[1]);
	shut(l[1]);
	/* The port is the other one's still. */
	assert_gets(l[0]);
}

RULES("W27 W74")
static void
newest_of_two_on_one_address_gets_the_connections(void)
{
	static const struct share_binding again = { REUSE, ON_ONE };
	struct end *l[2];

	assert_int_equal(bind_as(&again, NO_SD, &l[0]), STATUS_SUCCESS);
	assert_int_equal(bind_as(&again, NO_SD, &l[1]), STATUS_SUCCESS);
	assert_gets(l[1]);
	shut(l[1]);
	assert_gets(l[0]);
}

RULES("W27 S5.4")
static void
port_is_free_when_the_last_of_those_who_share_it_is_closed(void)
{
	static const struct share_binding again = { REUSE, ON_ANY };
	static const struct share_binding excl = { EXCL, ON_ANY };
	struct end *l[4];
	unsigned int i;

	for (i = 0; i < 3; i++)
		assert_int_equal(bind_as(&again, NO_SD, &l[i]), STATUS_SUCCESS);
	/* The first, the last, then the one in the middle. */
	for (i = 0; i < 3; i++) {
		assert_int_equal(bind_as(&excl, NO_SD, &l[3]), STATUS_ACCESS_DENIED);
		shut(l[3]);
		shut(l[i == 0 ? 0 : 3 - i]);
	}
	assert_int_equal(bind_as(&excl, NO_SD, &l[3]), STATUS_SUCCESS);
}

RULES("W27 W74")
static void
connections_that_share_a_port_have_a_peer_each__one_core(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct end *m = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 81);
	struct end *e[2];
	struct end *a[2];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		e[i] = end_of(CLIENT, WSK_FLAG_CONNECTION_SOCKET);
		assert_int_equal(set_option(e[i], SOL_SOCKET, SO_REUSEADDR, 1), STATUS_SUCCESS);
		assert_int_equal(await(post_bind(e[i], CLIENT, 5000)), STATUS_SUCCESS);
	}
	a[0] = joined(e[0], l, 80);
	/* The same two ends are a connection already. */
	assert_int_equal(await(post_connect(e[1], SERVER, 80)), STATUS_ADDRESS_ALREADY_EXISTS);
	a[1] = joined(e[1], m, 81);
	say(e[0], a[0]);
	say(a[1], e[1]);
}

RULES("W25")
static void
descriptor_that_is_not_cached_makes_no_socket(void)
{
	SECURITY_DESCRIPTOR own = { .Revision = SECURITY_DESCRIPTOR_REVISION };
	PSECURITY_DESCRIPTOR sd = cache(CLIENT, 0, NULL);
	struct end *e;

	assert_int_equal(make_with(CLIENT, WSK_FLAG_CONNECTION_SOCKET, &own, &e), STATUS_INVALID_PARAMETER);
	assert_int_equal(give_back(CLIENT, sd), STATUS_SUCCESS);
	assert_int_equal(make_with(CLIENT, WSK_FLAG_CONNECTION_SOCKET, sd, &e), STATUS_INVALID_PARAMETER);
	/* Another client's is none of its own. */
	sd = cache(SERVER, 0, NULL);
	assert_int_equal(make_with(CLIENT, WSK_FLAG_CONNECTION_SOCKET, sd, &e), STATUS_INVALID_PARAMETER);
	assert_int_equal(give_back(SERVER, sd), STATUS_SUCCESS);
}

/* SO_WSK_SECURITY, and that copy given back. @return Its Control. */
static USHORT
security_of(struct end *e)
{
	PSECURITY_DESCRIPTOR sd = NULL;
	struct req *r = post_control(
		e, ASK(WskGetOption, SO_WSK_SECURITY, SOL_SOCKET, NULL, 0, &sd, sizeof(sd), NULL));
	USHORT control;

	assert_int_equal(await(r), STATUS_SUCCESS);
	assert_int_equal(r->information, sizeof(sd));
	control = ((SECURITY_DESCRIPTOR *)sd)->Control;
	assert_int_equal(give_back(e->side, sd), STATUS_SUCCESS);
	return control;
}

RULES("W25 W69")
static void
descriptor_that_a_socket_is_made_with_is_told_by_the_option(void)
{
	PSECURITY_DESCRIPTOR sd = cache(CLIENT, SE_DACL_PRESENT, NULL);
	const WSK_PROVIDER_NPI *npi = &world.npi[CLIENT];
	struct sockaddr_in from = address(CLIENT, 0), to = address(SERVER, 80);
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct req *r = req_new(NULL);
	struct end *e;

	assert_int_equal(make_with(CLIENT, WSK_FLAG_CONNECTION_SOCKET, sd, &e), STATUS_SUCCESS);
	r->made = end_new(CLIENT, WSK_FLAG_CONNECTION_SOCKET);
	npi->Dispatch->WskSocketConnect(npi->Client, SOCK_STREAM, IPPROTO_TCP, (PSOCKADDR)&from, (PSOCKADDR)&to, 0,
					r->made, &world_connection_calls, NULL, NULL, sd, r->irp);
	assert_int_equal(await(r), STATUS_SUCCESS);
	assert_int_equal(give_back(CLIENT, sd), STATUS_SUCCESS);
	assert_int_equal(security_of(e), SE_DACL_PRESENT);
	assert_int_equal(security_of(r->made), SE_DACL_PRESENT);
	assert_int_equal(security_of(end_of(CLIENT, WSK_FLAG_CONNECTION_SOCKET)), 0);
	assert_int_equal(security_of(l), 0);
}

RULES("W25 W74")
static void
security_is_set_before_bind_only(void)
{
	PSECURITY_DESCRIPTOR sd = cache(CLIENT, SE_DACL_PRESENT, NULL);
	struct ask set = { WskSetOption, SO_WSK_SECURITY, SOL_SOCKET, &sd, sizeof(sd), NULL, 0, NULL };
	struct end *e = end_of(CLIENT, WSK_FLAG_CONNECTION_SOCKET);

	assert_int_equal(await(post_control(e, &set)), STATUS_SUCCESS);
	assert_int_equal(security_of(e), SE_DACL_PRESENT);
	e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);
	assert_int_equal(await(post_control(e, &set)), STATUS_INVALID_DEVICE_STATE);
	assert_int_equal(security_of(e), 0);
	assert_int_equal(give_back(CLIENT, sd), STATUS_SUCCESS);
	/* ... and one that is not cached any more, not at all. */
	e = end_of(CLIENT, WSK_FLAG_CONNECTION_SOCKET);
	assert_int_equal(await(post_control(e, &set)), STATUS_INVALID_PARAMETER);
}

static const struct CMUnitTest cases[] = {
	WORLD_CASE(second_socket_is_told_what_the_table_says),
	WORLD_CASE(descriptor_of_the_first_socket_lets_the_wildcard_in),
	WORLD_CASE(descriptor_with_a_list_lets_nobody_in),
	WORLD_CASE(address_is_asked_before_the_wildcard),
	WORLD_CASE(newest_of_two_on_one_address_gets_the_connections),
	WORLD_CASE(port_is_free_when_the_last_of_those_who_share_it_is_closed),
	WORLD_CASE(connections_that_share_a_port_have_a_peer_each__one_core),
	WORLD_CASE(descriptor_that_is_not_cached_makes_no_socket),
	WORLD_CASE(descriptor_that_a_socket_is_made_with_is_told_by_the_option),
	WORLD_CASE(security_is_set_before_bind_only),
};

WORLD_MAIN("wsk addresses shared", cases)
