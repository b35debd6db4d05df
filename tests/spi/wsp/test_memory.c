/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * WSPRegisterMemory and WSPDeregisterMemory.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "sw.h"

static HANDLE
take(struct sw_sock *s, void *base, DWORD len, DWORD flags, int *code)
{
	HANDLE h;

	*code = 0;
	h = sw.reg(s->s, base, len, flags, code);
	return h;
}

RULES("R116")
static void
memory_needs_a_connection(void)
{
	struct sw_sock *fresh, *bound, *listener, *connecting;
	char mem[16];
	int code;

	assert_int_equal(sw_socket(&fresh), 0);
	bound = sw_bound(0, 701);
	listener = sw_listener(0, 702, 5);
	assert_null(take(fresh, mem, 16, MEM_READ, &code));
	assert_int_equal(code, WSAENOTCONN);
	assert_null(take(bound, mem, 16, MEM_READ, &code));
	assert_int_equal(code, WSAENOTCONN);
	assert_null(take(listener, mem, 16, MEM_READ, &code));
	assert_int_equal(code, WSAENOTCONN);
	sw.net.held[1] = true;
	connecting = sw_begin(0, 700);
	assert_null(take(connecting, mem, 16, MEM_READ, &code));
	assert_int_equal(code, WSAENOTCONN);
}

RULES("R115 R108")
static void
memory_of_each_kind_of_access_is_registered(void)
{
	static const DWORD kinds[] = { MEM_READ, MEM_WRITE, MEM_READWRITE };
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		op = sw_op(100);
		assert_int_equal(sw_register(pair.end[0], op, kinds[i]), 0);
		assert_int_equal(sw_deregister(pair.end[0], op), 0);
	}
}

RULES("R115")
static void
bad_memory_is_refused(void)
{
	struct sw_pair pair = sw_pair(700);
	char mem[16];
	int code;

	assert_null(take(pair.end[0], NULL, 16, MEM_READ, &code));
	assert_int_equal(code, WSAEFAULT);
	assert_null(take(pair.end[0], mem, 0, MEM_READ, &code));
	assert_int_equal(code, WSAEFAULT);
	assert_null(take(pair.end[0], (void *)(UINTPTR_MAX - 10), 100, MEM_READ, &code));
	assert_int_equal(code, WSAEFAULT);
}

RULES("R115")
static void
bad_access_is_refused(void)
{
	struct sw_pair pair = sw_pair(700);
	char mem[16];
	int code;

	assert_null(take(pair.end[0], mem, 16, 0, &code));
	assert_int_equal(code, WSAEINVAL);
	assert_null(take(pair.end[0], mem, 16, 4, &code));
	assert_int_equal(code, WSAEINVAL);
	assert_null(take(pair.end[0], mem, 16, MEM_READWRITE | 8, &code));
	assert_int_equal(code, WSAEINVAL);
}

/* A transfer with a buffer that is not as it should be: refused at once, and nothing was moved. */
static void
assert_fault(struct sw_sock *s, char *buf, ULONG len, HANDLE handle, bool send)
{
	struct sw_op *op = sw_op(0);

	op->bufs[0].buf = buf;
	op->bufs[0].len = len;
	op->nb_bufs = 1;
	op->reg = handle;
	assert_int_equal(send ? sw_send(s, op) : sw_recv(s, op), WSAEFAULT);
	op->reg = NULL;
}

RULES("R108")
static void
memory_that_is_not_registered_is_refused(void)
{
	struct sw_pair pair = sw_pair(700);
	char mem[100];

	assert_fault(pair.end[0], mem, 100, NULL, true);
	assert_fault(pair.end[0], mem, 100, NULL, false);
	assert_fault(pair.end[0], mem, 100, (HANDLE)(uintptr_t)12345, true);
	assert_fault(pair.end[0], mem, 100, (HANDLE)mem, false);
}

RULES("R108 R121")
static void
buffer_has_to_lie_in_its_registration(void)
{
	static char mem[300];
	struct sw_pair pair = sw_pair(700);
	HANDLE h;
	int code;

	h = take(pair.end[0], mem + 100, 100, MEM_READWRITE, &code);
	assert_non_null(h);
	assert_fault(pair.end[0], mem + 99, 10, h, true);
	assert_fault(pair.end[0], mem + 100, 101, h, true);
	assert_fault(pair.end[0], mem + 200, 1, h, false);
	assert_fault(pair.end[0], mem, 300, h, false);
}

RULES("R120 R108")
static void
access_is_held_to(void)
{
	static char mem[100];
	struct sw_pair pair = sw_pair(700);
	HANDLE r, w;
	int code;

	r = take(pair.end[0], mem, 100, MEM_READ, &code);
	w = take(pair.end[0], mem, 100, MEM_WRITE, &code);
	assert_fault(pair.end[0], mem, 100, w, true);
	assert_fault(pair.end[0], mem, 100, r, false);
}

RULES("R116 R121")
static void
handle_is_good_on_its_socket_only(void)
{
	static char mem[100];
	struct sw_pair a, b;
	HANDLE h;
	int code, err = 0;

	a = sw_pair(700);
	b = sw_pair(701);
	h = take(a.end[0], mem, 100, MEM_READWRITE, &code);
	assert_non_null(h);
	assert_fault(b.end[0], mem, 100, h, true);
	assert_int_equal(sw.dereg(b.end[0]->s, h, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEINVAL);
	assert_int_equal(sw.dereg(a.end[0]->s, h, &err), 0);
}

#define PAGE 4096

/* What /proc/self/maps says of the mapping of p: who may do what with it, and that it is nobody else's ("p"). */
static void
read_access(const void *p, char access[5])
{
	unsigned long long from, to;
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512];

	memset(access, 0, 5);
	assert_non_null(f);
	while (access[0] == '\0' && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llx-%llx %4s", &from, &to, access) != 3 ||
		    (uintptr_t)p < from || (uintptr_t)p >= to)
			access[0] = '\0';
	}
	fclose(f);
}

static void
assert_all(const uint8_t *mem, size_t len, uint8_t octet)
{
	size_t i;

	for (i = 0; i < len; i++)
		assert_int_equal(mem[i], octet);
}

/*
 * Three pages, registered for all access. What the peer sends does not get there unless a receive says where, and then
 * there only; what it gets is what a send said. No other process has the pages either: they stay private.
 */
RULES("R121 R119 R120")
static void
registered_memory_is_reached_by_its_transfers_only(void)
{
	struct sw_pair pair = sw_pair(700);
	uint8_t *mem = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	WSABUFEX buf = { .len = 100, .buf = (char *)mem + PAGE };
	struct sw_op *recv;
	WSAOVERLAPPED ov;
	DWORD got, flags = 0;
	char access[5];
	int code, err = 0;

	assert_ptr_not_equal(mem, MAP_FAILED);
	memset(mem, 0x55, 3 * PAGE);
	buf.handle = take(pair.end[1], mem, 3 * PAGE, MEM_READWRITE, &code);
	assert_non_null(buf.handle);
	read_access(mem, access);
	assert_string_equal(access, "rw-p");
	sw_post_send(pair.end[0], 20000, 0, 1);
	sw_steps(500);
	assert_all(mem, 3 * PAGE, 0x55);
	memset(&ov, 0, sizeof(ov));
	ov.hEvent = (HANDLE)1;	/* polled */
	assert_int_equal(sw.calls.lpWSPRecv(pair.end[1]->s, &buf, 1, &got, &flags, &ov, NULL, NULL, &err),
			 SOCKET_ERROR);
	assert_int_equal(err, WSA_IO_PENDING);
	SW_UNTIL(ov.Internal != WSS_OPERATION_IN_PROGRESS);
	assert_int_equal(ov.InternalHigh, 100);
	assert_true(net_same(mem + PAGE, 100, 0, 1));
	assert_all(mem, PAGE, 0x55);
	assert_all(mem + PAGE + 100, 2 * PAGE - 100, 0x55);
	/* Out: one octet of it, and none of those beside it. */
	mem[PAGE + 49] = 0xa1, mem[PAGE + 50] = 0xa2, mem[PAGE + 51] = 0xa3;
	buf.buf = (char *)mem + PAGE + 50;
	buf.len = 1;
	assert_int_equal(sw.calls.lpWSPSend(pair.end[1]->s, &buf, 1, &got, 0, &ov, NULL, NULL, &err), SOCKET_ERROR);
	assert_int_equal(err, WSA_IO_PENDING);
	recv = sw_post_recv(pair.end[0], 100);
	SW_UNTIL(!recv->pending);
	assert_int_equal(recv->bytes, 1);
	assert_int_equal(recv->mem[0], 0xa2);
	SW_UNTIL(ov.Internal != WSS_OPERATION_IN_PROGRESS);
	/* The end of the registration is the end of all access, though the connection goes on. */
	assert_int_equal(sw.dereg(pair.end[1]->s, buf.handle, &err), 0);
	assert_fault(pair.end[1], (char *)mem + PAGE, 100, buf.handle, true);
	assert_fault(pair.end[1], (char *)mem + PAGE, 100, buf.handle, false);
	memset(mem, 0x55, 3 * PAGE);
	sw_post_send(pair.end[0], 20000, 0, 1);
	sw_steps(500);
	assert_all(mem, 3 * PAGE, 0x55);
	assert_int_equal(munmap(mem, 3 * PAGE), 0);
}

RULES("R122")
static void
same_memory_is_registered_many_times(void)
{
	static char mem[100];
	struct sw_pair pair = sw_pair(700);
	HANDLE h[50];
	unsigned int i;
	int code, err;

	for (i = 0; i < 50; i++) {
		h[i] = take(pair.end[i % 2], mem, 100 - i, MEM_READWRITE, &code);
		assert_non_null(h[i]);
	}
	for (i = 0; i < 50; i++)
		assert_int_equal(sw.dereg(pair.end[i % 2]->s, h[i], &err), 0);
}

/* The other one goes on: registrations are independent, or counted. */
RULES("R122 R124")
static void
one_of_two_registrations_outlives_the_other(void)
{
	static char mem[100];
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;
	HANDLE a, b;
	int code, err;

	a = take(pair.end[1], mem, 100, MEM_WRITE, &code);
	b = take(pair.end[1], mem, 100, MEM_WRITE, &code);
	assert_int_equal(sw.dereg(pair.end[1]->s, a, &err), 0);
	op = sw_op(0);
	op->bufs[0].buf = mem;
	op->bufs[0].len = 100;
	op->nb_bufs = 1;
	op->reg = b;
	assert_int_equal(sw_recv(pair.end[1], op), WSA_IO_PENDING);
	sw_post_send(pair.end[0], 100, 0, 1);
	SW_UNTIL(!op->pending);
	assert_true(net_same((uint8_t *)mem, op->bytes, 0, 1));
	assert_int_equal(sw.dereg(pair.end[1]->s, b, &err), 0);
}

RULES("R123")
static void
unknown_handles_are_refused(void)
{
	struct sw_pair pair = sw_pair(700);
	int err = 0;

	assert_int_equal(sw.dereg(pair.end[0]->s, NULL, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEINVAL);
	err = 0;
	assert_int_equal(sw.dereg(pair.end[0]->s, (HANDLE)(uintptr_t)0x123456, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEINVAL);
}

RULES("R123 R124 R119")
static void
handle_is_unknown_after_its_end(void)
{
	static char mem[100];
	struct sw_pair pair = sw_pair(700);
	int code, err = 0;
	HANDLE h;

	h = take(pair.end[0], mem, 100, MEM_READWRITE, &code);
	assert_int_equal(sw.dereg(pair.end[0]->s, h, &err), 0);
	assert_int_equal(sw.dereg(pair.end[0]->s, h, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEINVAL);
	assert_fault(pair.end[0], mem, 100, h, true);
}

RULES("R123")
static void
memory_in_use_by_a_receive_is_kept(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;

	op = sw_post_recv(pair.end[1], 100);
	assert_int_equal(sw_deregister(pair.end[1], op), WSAEINVAL);
	sw_post_send(pair.end[0], 100, 0, 1);
	SW_UNTIL(!op->pending);
	assert_int_equal(op->bytes, 100);
	assert_int_equal(sw_deregister(pair.end[1], op), 0);
}

RULES("R123")
static void
memory_in_use_by_a_send_is_kept(void)
{
	struct sw_op *waiting[2];
	struct sw_pair pair = sw_pair(700);

	sw_fill(pair.end[0], 2, waiting);
	assert_int_equal(sw_deregister(pair.end[0], waiting[0]), WSAEINVAL);
	assert_int_equal(sw_deregister(pair.end[0], waiting[1]), WSAEINVAL);
}

/* A transfer of several buffers uses each of its registrations, and as long as it is not over. */
RULES("R123 R124")
static void
memory_of_several_buffers_is_kept_until_their_end(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *other = sw_op(100), *op = sw_op(300);
	struct sw_op *send;

	assert_int_equal(sw_register(pair.end[1], other, MEM_WRITE), 0);
	assert_int_equal(sw_register(pair.end[1], op, MEM_WRITE), 0);
	sw_split(op, 300, 3);
	assert_int_equal(sw_recv(pair.end[1], op), WSA_IO_PENDING);
	sw_split(other, 100, 2);
	assert_int_equal(sw_recv(pair.end[1], other), WSA_IO_PENDING);
	assert_int_equal(sw_deregister(pair.end[1], op), WSAEINVAL);
	assert_int_equal(sw_deregister(pair.end[1], other), WSAEINVAL);
	send = sw_post_send(pair.end[0], 300, 0, 1);
	SW_UNTIL(!op->pending && !send->pending);
	assert_int_equal(op->bytes, 300);
	assert_true(net_same(op->mem, 300, 0, 1));
	assert_int_equal(sw_deregister(pair.end[1], op), 0);
	assert_int_equal(sw_deregister(pair.end[1], other), WSAEINVAL);
}

/* When its completion is told the memory is free already: it can be deregistered inside the up-call. */
static int freed_code;

static void
free_inside(struct sw_op *op)
{
	freed_code = sw_deregister(op->sock, op);
}

RULES("R112 S1.8")
static void
memory_is_free_when_the_completion_is_told(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op, *send;

	freed_code = -1;
	op = sw_post_recv(pair.end[1], 100);
	op->hook = free_inside;
	send = sw_post_send(pair.end[0], 100, 0, 1);
	SW_UNTIL(!op->pending);
	assert_int_equal(freed_code, 0);
	SW_UNTIL(!send->pending);
	freed_code = -1;
	send = sw_op(100);
	send->hook = free_inside;
	assert_int_equal(sw_send(pair.end[0], send), WSA_IO_PENDING);
	SW_UNTIL(!send->pending);
	assert_int_equal(freed_code, 0);
}

RULES("R128 R124")
static void
memory_left_registered_is_released_by_the_close(void)
{
	struct sw_pair pair;
	unsigned int i, j;

	/* More in all than a socket or a process may have at a time. */
	for (i = 0; i < 70; i++) {
		pair = sw_pair(700);
		for (j = 0; j < 1000; j++) {
			int code;

			assert_non_null(take(pair.end[0], &pair, sizeof(pair), MEM_READ, &code));
		}
		sw_shut_wait(pair.end[0]);
		sw_shut_wait(pair.end[1]);
	}
}

RULES("R119 R116")
static void
memory_can_be_given_back_after_the_peers_reset(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;
	char mem[10];
	int code;

	op = sw_post_recv(pair.end[1], 100);
	sw_shut_wait(pair.end[0]);
	SW_UNTIL(!op->pending);
	assert_int_equal(op->error, WSAECONNRESET);
	assert_int_equal(sw_deregister(pair.end[1], op), 0);
	assert_null(take(pair.end[1], mem, 10, MEM_READ, &code));
	assert_int_equal(code, WSAENOTCONN);
}

RULES("R126 R127")
static void
two_regions_serve_all_messages_of_a_socket(void)
{
	struct sw_op *out, *in, *op;
	struct sw_pair pair = sw_pair(700);
	unsigned int i;

	out = sw_op(1000);
	in = sw_op(1000);
	assert_int_equal(sw_register(pair.end[0], out, MEM_READ), 0);
	assert_int_equal(sw_register(pair.end[1], in, MEM_WRITE), 0);
	net_fill(out->mem, 1000, 0, 1);
	for (i = 0; i < 10; i++) {
		op = sw_op(0);
		op->reg = in->reg;
		op->bufs[0].buf = (char *)in->mem + 100 * i;
		op->bufs[0].len = 100;
		op->nb_bufs = 1;
		assert_int_equal(sw_recv(pair.end[1], op), WSA_IO_PENDING);
		op = sw_op(0);
		op->reg = out->reg;
		op->bufs[0].buf = (char *)out->mem + 100 * i;
		op->bufs[0].len = 100;
		op->nb_bufs = 1;
		assert_int_equal(sw_send(pair.end[0], op), WSA_IO_PENDING);
		sw_steps(20);
	}
	SW_UNTIL(net_same(in->mem, 1000, 0, 1));
}

RULES("R131 R124")
static void
registrations_of_a_socket_have_a_bound(void)
{
	static char mem[16];
	struct sw_pair pair = sw_pair(700);
	HANDLE last = NULL, h;
	unsigned int n = 0;
	int code;

	while ((h = take(pair.end[0], mem, 16, MEM_READ, &code)) != NULL && n++ < 100000)
		last = h;
	assert_int_equal(code, WSAENOBUFS);
	/* The other sockets have theirs, and one that ends makes room. */
	assert_non_null(take(pair.end[1], mem, 16, MEM_READ, &code));
	assert_int_equal(sw.dereg(pair.end[0]->s, last, &code), 0);
	assert_non_null(take(pair.end[0], mem, 16, MEM_READ, &code));
	assert_null(take(pair.end[0], mem, 16, MEM_READ, &code));
	assert_int_equal(code, WSAENOBUFS);
}

static const struct CMUnitTest cases[] = {
	SW_CASE(memory_needs_a_connection),
	SW_CASE(memory_of_each_kind_of_access_is_registered),
	SW_CASE(bad_memory_is_refused),
	SW_CASE(bad_access_is_refused),
	SW_CASE(memory_that_is_not_registered_is_refused),
	SW_CASE(buffer_has_to_lie_in_its_registration),
	SW_CASE(access_is_held_to),
	SW_CASE(handle_is_good_on_its_socket_only),
	SW_CASE(registered_memory_is_reached_by_its_transfers_only),
	SW_CASE(same_memory_is_registered_many_times),
	SW_CASE(one_of_two_registrations_outlives_the_other),
	SW_CASE(unknown_handles_are_refused),
	SW_CASE(handle_is_unknown_after_its_end),
	SW_CASE(memory_in_use_by_a_receive_is_kept),
	SW_CASE(memory_in_use_by_a_send_is_kept),
	SW_CASE(memory_of_several_buffers_is_kept_until_their_end),
	SW_CASE(memory_is_free_when_the_completion_is_told),
	SW_CASE(memory_left_registered_is_released_by_the_close),
	SW_CASE(registrations_of_a_socket_have_a_bound),
	SW_CASE(memory_can_be_given_back_after_the_peers_reset),
	SW_CASE(two_regions_serve_all_messages_of_a_socket),
};

NET_MAIN("memory", cases)
