/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "sw_priv.h"

#define NO_CODE 4711	/* what the place of the code has in it before a call */
#define FILL_CHUNK 65536u

/* What a call came to: 0, or its code. */
static int
code(const char *call, bool ok, int err)
{
	if (ok)
		return 0;
	if (err == NO_CODE || err == 0 || err == WSAEINPROGRESS)
		sw_fault("%s fails with code %d", call, err);
	return err;
}

struct sockaddr_in
sw_addr(unsigned int side, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	a.sin_addr.s_addr = htonl(0x0a090001u + side);
	return a;
}

int
sw_socket_as(int af, int type, int protocol, DWORD flags, struct sw_sock **s)
{
	int err = NO_CODE;
	SOCKET d;

	*s = NULL;
	sw_forget_made();
	d = sw.calls.lpWSPSocket(af, type, protocol, &sw.info, 0, flags, &err);
	if (d == INVALID_SOCKET) {
		if (sw_last_made())
			sw_ask_close(sw_last_made());
		return code("WSPSocket", false, err);
	}
	*s = sw_last_made();
	if (!*s)
		fail_msg("WSPSocket without WPUCreateSocketHandle");
	(*s)->s = d;
	if ((*s)->context != d)
		sw_fault("WPUCreateSocketHandle does not name the new descriptor");
	return 0;
}

int
sw_socket(struct sw_sock **s)
{
	return sw_socket_as(AF_INET, SOCK_STREAM, IPPROTO_TCP, WSA_FLAG_OVERLAPPED, s);
}

int
sw_bind(struct sw_sock *s, const struct sockaddr_in *a)
{
	int err = NO_CODE;
	int rc = sw.calls.lpWSPBind(s->s, (const struct sockaddr *)a, sizeof(*a), &err);

	return code("WSPBind", rc == 0, err);
}

int
sw_listen(struct sw_sock *s, int backlog)
{
	int err = NO_CODE;
	int rc = sw.calls.lpWSPListen(s->s, backlog, &err);

	return code("WSPListen", rc == 0, err);
}

int
sw_connect(struct sw_sock *s, const struct sockaddr_in *a)
{
	int err = NO_CODE;
	int rc = sw.calls.lpWSPConnect(s->s, (const struct sockaddr *)a, sizeof(*a), NULL, NULL, NULL, NULL, &err);

	return code("WSPConnect", rc == 0, err);
}

int
sw_select(struct sw_sock *s, LONG events)
{
	int err = NO_CODE;
	int rc = sw.calls.lpWSPEventSelect(s->s, &s->ev, events, &err);

	return code("WSPEventSelect", rc == 0, err);
}

int
sw_enum(struct sw_sock *s, WSANETWORKEVENTS *events)
{
	int err = NO_CODE;
	int rc;

	memset(events, 0, sizeof(*events));
	rc = sw.calls.lpWSPEnumNetworkEvents(s->s, &s->ev, events, &err);
	return code("WSPEnumNetworkEvents", rc == 0, err);
}

int
sw_accept(struct sw_sock *listener, LPCONDITIONPROC condition, void *arg, struct sw_sock **s)
{
	struct sockaddr_in peer;
	int len = sizeof(peer);
	int err = NO_CODE;
	SOCKET d;

	*s = NULL;
	sw_forget_made();
	d = sw.calls.lpWSPAccept(listener->s, (struct sockaddr *)&peer, &len, condition, (DWORD_PTR)arg, &err);
	if (d == INVALID_SOCKET) {
		if (sw_last_made())
			sw_ask_close(sw_last_made());
		return code("WSPAccept", false, err);
	}
	*s = sw_last_made();
	if (!*s)
		fail_msg("WSPAccept without WPUCreateSocketHandle");
	(*s)->s = d;
	if ((*s)->context != d)
		sw_fault("WPUCreateSocketHandle does not name the new descriptor");
	return 0;
}

int
sw_shut(struct sw_sock *s)
{
	int err = NO_CODE;
	int rc;

	sw_ask_close(s);
	rc = sw.calls.lpWSPCloseSocket(s->s, &err);
	return code("WSPCloseSocket", rc == 0, err);
}

void
sw_shut_wait(struct sw_sock *s)
{
	assert_int_equal(sw_shut(s), 0);
	SW_UNTIL(s->closed);
}

int
sw_register(struct sw_sock *s, struct sw_op *op, DWORD flags)
{
	int err = NO_CODE;

	op->reg = sw.reg(s->s, op->mem, (DWORD)op->size, flags, &err);
	return code("WSPRegisterMemory", op->reg != NULL, err);
}

int
sw_deregister(struct sw_sock *s, struct sw_op *op)
{
	int err = NO_CODE;
	int rc = sw.dereg(s->s, op->reg, &err);

	if (rc == 0)
		op->reg = NULL;
	return code("WSPDeregisterMemory", rc == 0, err);
}

void
sw_split(struct sw_op *op, size_t len, unsigned int nb)
{
	size_t at = 0;
	unsigned int i;

	assert_in_range(nb, 1, SW_BUFS);
	assert_true(len <= op->size);
	for (i = 0; i < nb; i++) {
		size_t end = len * (i + 1) / nb;

		op->bufs[i].buf = (char *)op->mem + at;
		op->bufs[i].len = (ULONG)(end - at);
		op->bufs[i].handle = op->reg;
		at = end;
	}
	op->nb_bufs = nb;
}

static void
prepare(struct sw_sock *s, struct sw_op *op)
{
	unsigned int i;

	sw_adopt(op, s);
	if (!op->reg && op->size)
		sw_register(s, op, MEM_READWRITE);
	if (!op->nb_bufs)
		sw_split(op, op->size, 1);
	for (i = 0; i < op->nb_bufs; i++)
		op->bufs[i].handle = op->reg;
	memset(&op->ov, 0, sizeof(op->ov));
	op->ov.hEvent = (HANDLE)(uintptr_t)(op->polled ? 1 : 0);
	op->immediate = 0;
	sw_begin_op(op);
}

/* Answered 0: ended at once, which only a polled operation may have without an up-call (R98, R99). */
static int
posted(const char *call, struct sw_op *op, int rc, int err)
{
	int what = code(call, rc == 0, err);

	if (what == WSA_IO_PENDING) {
		sw_begun(op);
		return what;
	}
	if (what == 0 && !op->polled) {
		sw_fault("%s answers 0 for an operation that is to have an up-call", call);
		return 0;
	}
	sw_not_begun(op);
	return what;
}

int
sw_recv(struct sw_sock *s, struct sw_op *op)
{
	DWORD flags = 0;
	int err = NO_CODE;
	int rc;

	prepare(s, op);
	sw_inside_transfer(true);
	rc = sw.calls.lpWSPRecv(s->s, op->bufs, op->nb_bufs, &op->immediate, &flags, &op->ov, NULL, NULL, &err);
	sw_inside_transfer(false);
	return posted("WSPRecv", op, rc, err);
}

int
sw_send(struct sw_sock *s, struct sw_op *op)
{
	int err = NO_CODE;
	int rc;

	prepare(s, op);
	sw_inside_transfer(true);
	rc = sw.calls.lpWSPSend(s->s, op->bufs, op->nb_bufs, &op->immediate, 0, &op->ov, NULL, NULL, &err);
	sw_inside_transfer(false);
	return posted("WSPSend", op, rc, err);
}

struct sw_op *
sw_post_recv(struct sw_sock *s, size_t len)
{
	struct sw_op *op = sw_op(len);

	assert_int_equal(sw_recv(s, op), WSA_IO_PENDING);
	return op;
}

struct sw_op *
sw_post_send(struct sw_sock *s, size_t len, uint64_t offset, uint32_t seed)
{
	struct sw_op *op = sw_op(len);

	net_fill(op->mem, len, offset, seed);
	assert_int_equal(sw_send(s, op), WSA_IO_PENDING);
	return op;
}

int
sw_result(struct sw_op *op, DWORD *bytes, DWORD *flags)
{
	int err = NO_CODE;
	BOOL ok = sw.calls.lpWSPGetOverlappedResult(op->sock->s, &op->ov, bytes, FALSE, flags, &err);

	return code("WSPGetOverlappedResult", ok, err);
}

void
sw_poll_end(struct sw_op *op)
{
	SW_UNTIL(op->ov.Internal != WSS_OPERATION_IN_PROGRESS);
	op->pending = false;
}

void
sw_fill(struct sw_sock *s, unsigned int nb, struct sw_op **ops)
{
	unsigned int waiting = 0;
	struct sw_op *op;

	while (waiting < nb) {
		op = sw_post_send(s, FILL_CHUNK, 0, 1);
		sw_steps(20);
		if (op->pending)
			ops[waiting++] = op;
	}
}

struct sw_sock *
sw_bound(unsigned int side, uint16_t port)
{
	static uint16_t next = 20000;
	struct sockaddr_in a = sw_addr(side, port ? port : next++);
	struct sw_sock *s;

	assert_int_equal(sw_socket(&s), 0);
	assert_int_equal(sw_bind(s, &a), 0);
	return s;
}

struct sw_sock *
sw_listener(unsigned int side, uint16_t port, int backlog)
{
	struct sw_sock *s = sw_bound(side, port);

	assert_int_equal(sw_listen(s, backlog), 0);
	assert_int_equal(sw_select(s, FD_ACCEPT), 0);
	return s;
}

struct sw_sock *
sw_begin(unsigned int side, uint16_t port)
{
	struct sockaddr_in to = sw_addr(1 - side, port);
	struct sw_sock *s = sw_bound(side, 0);

	assert_int_equal(sw_select(s, FD_CONNECT), 0);
	assert_int_equal(sw_connect(s, &to), WSAEWOULDBLOCK);
	return s;
}

int
sw_outcome(struct sw_sock *s)
{
	WSANETWORKEVENTS events;

	SW_UNTIL(s->ev.set);
	assert_int_equal(sw_enum(s, &events), 0);
	assert_int_equal(events.lNetworkEvents, FD_CONNECT);
	return events.iErrorCode[FD_CONNECT_BIT];
}

struct sw_sock *
sw_take(struct sw_sock *listener)
{
	WSANETWORKEVENTS events;
	struct sw_sock *s;

	SW_UNTIL(listener->ev.set);
	assert_int_equal(sw_enum(listener, &events), 0);
	assert_true(events.lNetworkEvents & FD_ACCEPT);
	assert_int_equal(sw_accept(listener, NULL, NULL, &s), 0);
	return s;
}

struct sw_pair
sw_pair_to(struct sw_sock *listener, uint16_t port)
{
	struct sw_pair pair;

	pair.end[0] = sw_begin(0, port);
	pair.end[1] = sw_take(listener);
	assert_int_equal(sw_outcome(pair.end[0]), 0);
	return pair;
}

struct sw_pair
sw_pair(uint16_t port)
{
	struct sw_sock *listener = sw_listener(1, port, 8);
	struct sw_pair pair = sw_pair_to(listener, port);

	sw_shut_wait(listener);
	return pair;
}

void
sw_await(struct sw_op *op, size_t len, uint64_t offset, uint32_t seed)
{
	SW_UNTIL(!op->pending);
	assert_int_equal(op->error, 0);
	assert_int_equal(op->bytes, len);
	assert_true(net_same(op->mem, len, offset, seed));
}

void
sw_transfer(struct sw_sock *from, struct sw_sock *to, size_t len, uint32_t seed)
{
	struct sw_op *send = sw_post_send(from, len, 0, seed);
	struct sw_op *recv;
	size_t at = 0;

	while (at < len) {
		recv = sw_post_recv(to, len - at);
		SW_UNTIL(!recv->pending);
		assert_int_equal(recv->error, 0);
		assert_in_range(recv->bytes, 1, len - at);
		assert_true(net_same(recv->mem, recv->bytes, at, seed));
		at += recv->bytes;
		assert_int_equal(sw_deregister(to, recv), 0);
	}
	SW_UNTIL(!send->pending);
	assert_int_equal(send->error, 0);
	assert_int_equal(send->bytes, len);
	assert_int_equal(sw_deregister(from, send), 0);
}
