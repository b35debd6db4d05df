/* SPDX-License-Identifier: BSD-3-Clause */
/* What is asked of the client: transports, what is left of TDI, names and addresses. */
#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>

#include "world.h"

RULES("W74")
static void
list_of_transports_names_tcp(void)
{
	WSK_TRANSPORT list[32];
	SIZE_T needed = 0;
	SIZE_T got = 0;
	bool tcp = false;
	unsigned int i;

	assert_int_equal(control_client(CLIENT, ASK_CLIENT(WSK_TRANSPORT_LIST_QUERY, NULL, 0, NULL,
							   0, &needed)),
			 STATUS_BUFFER_OVERFLOW);
	assert_in_range(needed, sizeof(list[0]), sizeof(list));
	assert_int_equal(control_client(CLIENT, ASK_CLIENT(WSK_TRANSPORT_LIST_QUERY, NULL, 0, list,
							   sizeof(list), &got)),
			 STATUS_SUCCESS);
	assert_int_equal(got, needed);
	for (i = 0; i < got / sizeof(list[0]); i++)
		tcp = tcp || (list[i].AddressFamily == AF_INET &&
			      list[i].SocketType == SOCK_STREAM && list[i].Protocol == IPPROTO_TCP);
	assert_true(tcp);
}

RULES("W79")
static void
code_of_the_client_that_there_is_not_is_not_supported(void)
{
	assert_int_equal(control_client(CLIENT, ASK_CLIENT(4711, NULL, 0, NULL, 0, NULL)),
			 STATUS_NOT_SUPPORTED);
}

/* "10.9.0.2" and the like as UNICODE_STRING; the room is the caller's. */
static UNICODE_STRING
wide(const char *text, WCHAR *room)
{
	UNICODE_STRING s = { .Buffer = room };
	USHORT i;

	for (i = 0; text[i]; i++)
		room[i] = (WCHAR)text[i];
	s.Length = (USHORT)(i * sizeof(WCHAR));
	s.MaximumLength = s.Length;
	return s;
}

RULES("W18 W19")
static void
numbers_are_resolved_without_asking_anybody(void)
{
	const WSK_PROVIDER_NPI *npi = &world.npi[CLIENT];
	ADDRINFOEXW hints = { .ai_flags = AI_NUMERICHOST, .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
	WCHAR room[2][32];
	UNICODE_STRING node = wide("10.9.0.2", room[0]);
	UNICODE_STRING service = wide("80", room[1]);
	PADDRINFOEXW result = NULL;
	struct req *r = req_new(NULL);
	const struct sockaddr_in *a;

	npi->Dispatch->WskGetAddressInfo(npi->Client, &node, &service, 0, NULL, &hints, &result,
					 NULL, NULL, r->irp);
	assert_int_equal(await(r), STATUS_SUCCESS);
	assert_non_null(result);
	a = (const struct sockaddr_in *)result->ai_addr;
	assert_int_equal(a->sin_addr.s_addr, address(SERVER, 0).sin_addr.s_addr);
	assert_int_equal(ntohs(a->sin_port), 80);
	npi->Dispatch->WskFreeAddressInfo(npi->Client, result);
}

RULES("W18")
static void
resolving_nothing_is_refused(void)
{
	const WSK_PROVIDER_NPI *npi = &world.npi[CLIENT];
	PADDRINFOEXW result = NULL;
	struct req *r = req_new(NULL);

	npi->Dispatch->WskGetAddressInfo(npi->Client, NULL, NULL, 0, NULL, NULL, &result, NULL,
					 NULL, r->irp);
	assert_int_equal(await(r), STATUS_INVALID_PARAMETER);
	assert_null(result);
}

RULES("W18")
static void
name_of_nobody_has_no_match(void)
{
	const WSK_PROVIDER_NPI *npi = &world.npi[CLIENT];
	ADDRINFOEXW hints = { .ai_flags = AI_NUMERICHOST, .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
	WCHAR room[32];
	UNICODE_STRING node = wide("nobody.invalid", room);
	PADDRINFOEXW result = NULL;
	struct req *r = req_new(NULL);

	r->returned = npi->Dispatch->WskGetAddressInfo(npi->Client, &node, NULL, 0, NULL, &hints, &result, NULL, NULL,
						       r->irp);
	assert_failed(r, STATUS_NO_MATCH);
	assert_null(result);
}

/* WskGetNameInfo as numbers, with room for so many characters of the node. */
static struct req *
ask_name(const struct sockaddr_in *a, ULONG len, UNICODE_STRING *node, UNICODE_STRING *service)
{
	const WSK_PROVIDER_NPI *npi = &world.npi[CLIENT];
	struct req *r = req_new(NULL);

	r->returned = npi->Dispatch->WskGetNameInfo(npi->Client, (PSOCKADDR)(uintptr_t)a, len, node, service,
						    NI_NUMERICHOST | NI_NUMERICSERV, NULL, NULL, r->irp);
	return r;
}

static void
assert_text(const UNICODE_STRING *s, const char *text)
{
	unsigned int i;

	assert_int_equal(s->Length, strlen(text) * sizeof(WCHAR));
	for (i = 0; text[i]; i++)
		assert_int_equal(s->Buffer[i], text[i]);
}

RULES("W18 W19")
static void
address_is_told_as_text(void)
{
	struct sockaddr_in a = address(SERVER, 8080);
	WCHAR room[2][32];
	UNICODE_STRING node = { .MaximumLength = sizeof(room[0]), .Buffer = room[0] };
	UNICODE_STRING service = { .MaximumLength = sizeof(room[1]), .Buffer = room[1] };
	struct req *r = ask_name(&a, sizeof(a), &node, &service);

	assert_int_equal(await(r), STATUS_SUCCESS);
	assert_int_equal(r->returned, STATUS_PENDING);
	assert_text(&node, "10.9.0.2");
	assert_text(&service, "8080");
	/* Either may be left out. */
	node.Length = service.Length = 0;
	assert_int_equal(await(ask_name(&a, sizeof(a), &node, NULL)), STATUS_SUCCESS);
	assert_text(&node, "10.9.0.2");
	assert_int_equal(await(ask_name(&a, sizeof(a), NULL, &service)), STATUS_SUCCESS);
	assert_text(&service, "8080");
	/* Room to the last octet is enough. */
	node.MaximumLength = 8 * sizeof(WCHAR);
	assert_int_equal(await(ask_name(&a, sizeof(a), &node, NULL)), STATUS_SUCCESS);
}

RULES("W18")
static void
name_that_cannot_be_told_is_refused(void)
{
	const WSK_PROVIDER_NPI *npi = &world.npi[CLIENT];
	struct sockaddr_in a = address(SERVER, 8080);
	WCHAR room[32];
	UNICODE_STRING node = { .MaximumLength = 8 * sizeof(WCHAR) - 1, .Buffer = room };
	struct req *r;

	assert_failed(ask_name(&a, sizeof(a), NULL, NULL), STATUS_INVALID_PARAMETER);
	assert_failed(ask_name(NULL, sizeof(a), &node, NULL), STATUS_INVALID_PARAMETER);
	assert_failed(ask_name(&a, 3, &node, NULL), STATUS_NO_MATCH);
	assert_failed(ask_name(&a, sizeof(a), &node, NULL), STATUS_BUFFER_TOO_SMALL);
	/* A thread goes with its process only. */
	node.MaximumLength = sizeof(room);
	r = req_new(NULL);
	r->returned = npi->Dispatch->WskGetNameInfo(npi->Client, (PSOCKADDR)&a, sizeof(a), &node, NULL, NI_NUMERICHOST,
						    NULL, (PETHREAD)&a, r->irp);
	assert_failed(r, STATUS_INVALID_PARAMETER);
	a.sin_family = 99;
	assert_failed(ask_name(&a, sizeof(a), &node, NULL), STATUS_NO_MATCH);
}

/* WSK_TDI_BEHAVIOR and WSK_TDI_DEVICENAME_MAPPING. */
static NTSTATUS
tell_tdi(ULONG code, SIZE_T len)
{
	ULONG bypass = WSK_TDI_BEHAVIOR_BYPASS_TDI;

	return control_client(CLIENT, ASK_CLIENT(code, len ? &bypass : NULL, len, NULL, 0, NULL));
}

RULES("W74")
static void
tdi_is_told_before_the_first_socket_and_changes_nothing(void)
{
	static const ULONG codes[] = { WSK_TDI_BEHAVIOR, WSK_TDI_DEVICENAME_MAPPING };
	struct req *r;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		assert_int_equal(tell_tdi(codes[i], 0), STATUS_INVALID_PARAMETER);
		assert_int_equal(tell_tdi(codes[i], sizeof(ULONG) - 1), STATUS_INVALID_PARAMETER);
		assert_int_equal(tell_tdi(codes[i], sizeof(ULONG)), STATUS_SUCCESS);
		assert_int_equal(tell_tdi(codes[i], sizeof(ULONG)), STATUS_SUCCESS);
	}
	world_pair();
	for (i = 0; i < 2; i++)
		assert_int_equal(tell_tdi(codes[i], sizeof(ULONG)), STATUS_INVALID_DEVICE_STATE);
	/* They take no IRP. */
	r = req_new(NULL);
	r->returned = world.npi[CLIENT].Dispatch->WskControlClient(world.npi[CLIENT].Client, WSK_TDI_BEHAVIOR, 0, NULL,
								   0, NULL, NULL, r->irp);
	assert_failed(r, STATUS_INVALID_PARAMETER);
}

static const struct CMUnitTest cases[] = {
	WORLD_CASE(list_of_transports_names_tcp),
	WORLD_CASE(code_of_the_client_that_there_is_not_is_not_supported),
	WORLD_CASE(tdi_is_told_before_the_first_socket_and_changes_nothing),
	WORLD_CASE(numbers_are_resolved_without_asking_anybody),
	WORLD_CASE(resolving_nothing_is_refused),
	WORLD_CASE(name_of_nobody_has_no_match),
	WORLD_CASE(address_is_told_as_text),
	WORLD_CASE(name_that_cannot_be_told_is_refused),
};

WORLD_MAIN("wsk client", cases)
