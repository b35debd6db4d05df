/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Codes: what is never said, what is said for what is none, and functions that answer that they are not there.
 */
#include <string.h>

#include "sw.h"

/* Every function of R207, on a socket in whatever state: the kit takes WSAEINPROGRESS for a fault. */
static void
call_everything(struct sw_sock *s)
{
	struct sockaddr_in a = sw_addr(0, 777);
	WSANETWORKEVENTS events;
	WSAPROTOCOL_INFOW info;
	int value = 0, len = sizeof(value), err;

	sw_bind(s, &a);
	sw_listen(s, 5);
	sw_select(s, FD_CONNECT | FD_ACCEPT);
	sw_enum(s, &events);
	err = 0;
	sw.calls.lpWSPGetSockOpt(s->s, SOL_SOCKET, SO_DEBUG, (char *)&value, &len, &err);
	if (err == WSAEINPROGRESS)
		sw_fault("WSPGetSockOpt says in progress");
	sw.calls.lpWSPSetSockOpt(s->s, IPPROTO_TCP, TCP_NODELAY, (char *)&value, len, &err);
	if (err == WSAEINPROGRESS)
		sw_fault("WSPSetSockOpt says in progress");
	sw.calls.lpWSPDuplicateSocket(s->s, 1, &info, &err);
	if (err == WSAEINPROGRESS)
		sw_fault("WSPDuplicateSocket says in progress");
}

RULES("R207")
static void
in_progress_is_never_said(void)
{
	struct sw_sock *fresh, *listener, *connecting;
	struct sw_pair pair;

	assert_int_equal(sw_socket(&fresh), 0);
	listener = sw_listener(1, 701, 5);
	pair = sw_pair(700);
	sw_post_recv(pair.end[0], 10);
	sw.net.held[1] = true;
	connecting = sw_begin(0, 700);
	call_everything(fresh);
	call_everything(listener);
	call_everything(pair.end[0]);
	call_everything(pair.end[1]);
	call_everything(connecting);
}

static void
call_inside(struct sw_op *op)
{
	call_everything(op->sock);
}

/* Nor inside an up-call, where all but the cleanup may be called. */
RULES("R207")
static void
calls_inside_an_up_call_are_answered(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;

	op = sw_post_recv(pair.end[1], 10);
	op->hook = call_inside;
	sw_post_send(pair.end[0], 10, 0, 1);
	SW_UNTIL(!op->pending);
	sw_transfer(pair.end[0], pair.end[1], 1000, 1);
}

RULES("R208")
static void
what_is_no_descriptor_is_not_taken(void)
{
	struct sw_pair pair = sw_pair(700);

	sw_assert_stale(0);
	sw_assert_stale(INVALID_SOCKET);
	sw_assert_stale(pair.end[0]->s + 1000000);
	sw_assert_stale(~pair.end[0]->s);
	sw_assert_stale((SOCKET)(uintptr_t)&pair);
}

RULES("R208")
static void
calls_after_the_last_cleanup_are_refused(void)
{
	struct sockaddr_in a = sw_addr(0, 700);
	struct sw_sock *s, *t;

	s = sw_bound(0, 700);
	assert_int_equal(sw_cleanup(), 0);
	assert_int_equal(sw_bind(s, &a), WSAENOTSOCK);
	assert_int_equal(sw_listen(s, 5), WSAENOTSOCK);
	assert_int_equal(sw_shut(s), WSAENOTSOCK);
	assert_int_equal(sw_socket(&t), WSAENETDOWN);
}

RULES("R208")
static void
calls_without_the_library_are_refused(void)
{
	struct sockaddr_in a = sw_addr(0, 700);
	struct sw_sock *t;
	SOCKET s;
	int err = 0;

	sw_open(NULL);
	s = sw_bound(0, 700)->s;
	sw_close();
	assert_int_equal(sw.calls.lpWSPBind(s, (struct sockaddr *)&a, sizeof(a), &err), SOCKET_ERROR);
	assert_int_equal(err, WSAENOTSOCK);
	assert_int_equal(sw.calls.lpWSPCloseSocket(s, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAENOTSOCK);
	assert_int_equal(sw_socket(&t), WSAENETDOWN);
	sw_sound();
}

static void *
extension(GUID guid)
{
	void *function = NULL;
	DWORD got;
	int err;

	assert_int_equal(sw.calls.lpWSPIoctl(INVALID_SOCKET, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof(guid),
					     &function, sizeof(function), &got, NULL, NULL, NULL, &err), 0);
	return function;
}

/* The answers of the four functions of RDMA for a descriptor. Neither their places nor a structure is written. */
static void
assert_no_rdma(SOCKET s, int code)
{
	char mem[16], descriptor[64];
	DWORD moved = 4711, len = sizeof(descriptor);
	WSABUFEX buf = { .len = sizeof(mem), .buf = mem };
	WSAOVERLAPPED ov = { .Internal = 47, .InternalHigh = 48, .Offset = 49, .OffsetHigh = 50 };
	WSAOVERLAPPED before = ov;
	LPWSPRDMAWRITE move[2];
	unsigned int i;
	int err = 0;

	memset(descriptor, 0x55, sizeof(descriptor));
	assert_int_equal(((LPWSPREGISTERRDMAMEMORY)extension((GUID)WSAID_REGISTERRDMAMEMORY))(
				 s, mem, sizeof(mem), MEM_READ, descriptor, &len, &err), SOCKET_ERROR);
	assert_int_equal(err, code);
	err = 0;
	assert_int_equal(((LPWSPDEREGISTERRDMAMEMORY)extension((GUID)WSAID_DEREGISTERRDMAMEMORY))(
				 s, descriptor, len, &err), SOCKET_ERROR);
	assert_int_equal(err, code);
	*(void **)&move[0] = extension((GUID)WSAID_RDMAWRITE);
	*(void **)&move[1] = extension((GUID)WSAID_RDMAREAD);
	for (i = 0; i < 2; i++) {
		err = 0;
		assert_int_equal(move[i](s, &buf, 1, descriptor, len, 0, &moved, 0, &ov, NULL, NULL, &err),
				 SOCKET_ERROR);
		assert_int_equal(err, code);
	}
	assert_int_equal(len, sizeof(descriptor));
	assert_int_equal(moved, 4711);
	assert_memory_equal(&ov, &before, sizeof(ov));
	for (i = 0; i < sizeof(descriptor); i++)
		assert_int_equal(descriptor[i], 0x55);
}

RULES("R201 R134 R115 R132")
static void
functions_of_rdma_say_that_there_is_none(void)
{
	struct sw_pair pair = sw_pair(700);

	assert_no_rdma(pair.end[0]->s, WSAEOPNOTSUPP);
	assert_no_rdma(pair.end[0]->s + 1000000, WSAENOTSOCK);
	sw_steps(20);
	assert_int_equal(sw.nb_completed, 0);
	sw_transfer(pair.end[0], pair.end[1], 1000, 1);
}

/* It is the provider's, and takes no socket: memory that is registered, one that never was, and none at all. */
RULES("R134 R138")
static void
callback_of_the_cache_says_that_there_is_none(void)
{
	LPWSPMEMORYREGISTRATIONCACHECALLBACK callback;
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op = sw_op(4096);
	char never[16];
	int err = 0;

	*(void **)&callback = extension((GUID)WSAID_MEMORYREGISTRATIONCACHECALLBACK);
	assert_int_equal(sw_register(pair.end[0], op, MEM_READWRITE), 0);
	assert_int_equal(callback(op->mem, op->size, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEOPNOTSUPP);
	err = 0;
	assert_int_equal(callback(never, sizeof(never), &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEOPNOTSUPP);
	assert_int_equal(callback(NULL, 0, NULL), SOCKET_ERROR);
	/* The registration is as it was. */
	sw_split(op, 4096, 1);
	assert_int_equal(sw_send(pair.end[0], op), WSA_IO_PENDING);
	SW_UNTIL(!op->pending);
	assert_int_equal(op->error, 0);
}

/* Nothing is changed by what is refused. */
RULES("R207 R209")
static void
duplicate_is_refused_and_changes_nothing(void)
{
	WSAPROTOCOL_INFOW info;
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;
	int err = 0;

	op = sw_post_recv(pair.end[1], 100);
	assert_int_equal(sw.calls.lpWSPDuplicateSocket(pair.end[1]->s, 1, &info, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEOPNOTSUPP);
	sw_steps(20);
	assert_true(op->pending);
	sw_post_send(pair.end[0], 100, 0, 1);
	SW_UNTIL(!op->pending);
	assert_int_equal(op->bytes, 100);
}

/* What names a duplicate names nothing here. */
RULES("R29")
static void
duplicate_is_not_adopted(void)
{
	WSAPROTOCOL_INFOW info;
	int err = 0;

	info = sw.info;
	info.dwProviderReserved = 4711;
	assert_true(sw.calls.lpWSPSocket(AF_INET, SOCK_STREAM, IPPROTO_TCP, &info, 0, WSA_FLAG_OVERLAPPED, &err) ==
		    INVALID_SOCKET);
	assert_int_equal(err, WSAEINVAL);
	assert_int_equal(sw.nb_created, 0);
}

/* After the connection was there: shown, as it is. */
RULES("R40 R209")
static void
failure_after_the_connection_is_shown(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;

	op = sw_op(10);
	assert_int_equal(sw_register(pair.end[1], op, MEM_READWRITE), 0);
	sw_shut_wait(pair.end[0]);
	sw_steps(100);
	if (sw_send(pair.end[1], op) == WSA_IO_PENDING) {
		SW_UNTIL(!op->pending);
		assert_int_equal(op->error, WSAECONNRESET);
	}
}

static const struct CMUnitTest cases[] = {
	SW_CASE(in_progress_is_never_said),
	SW_CASE(calls_inside_an_up_call_are_answered),
	SW_CASE(what_is_no_descriptor_is_not_taken),
	SW_CASE(calls_after_the_last_cleanup_are_refused),
	SW_CASE_ALONE(calls_without_the_library_are_refused),
	SW_CASE(functions_of_rdma_say_that_there_is_none),
	SW_CASE(callback_of_the_cache_says_that_there_is_none),
	SW_CASE(duplicate_is_refused_and_changes_nothing),
	SW_CASE(duplicate_is_not_adopted),
	SW_CASE(failure_after_the_connection_is_shown),
};

NET_MAIN("errors", cases)
