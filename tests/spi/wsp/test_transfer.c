/* SPDX-License-Identifier: BSD-3-Clause */
/* WSPSend and WSPRecv of a connection. */
#include <string.h>

#include "sw.h"

/* A call of WSPSend or WSPRecv as the case has it: what is not said is as it has to be. */
struct call {
	LPWSABUFEX bufs;
	DWORD nb;
	DWORD flags;
	LPWSAOVERLAPPED ov;
	LPWSAOVERLAPPED_COMPLETION_ROUTINE routine;
};

static void
assert_send_refused(struct sw_sock *s, const struct call *c, int code)
{
	DWORD bytes = 0;
	int err = 0;

	assert_int_equal(sw.calls.lpWSPSend(s->s, c->bufs, c->nb, &bytes, c->flags, c->ov, c->routine, NULL, &err),
			 SOCKET_ERROR);
	assert_int_equal(err, code);
}

static void
assert_recv_refused(struct sw_sock *s, const struct call *c, int code)
{
	DWORD bytes = 0, flags = c->flags;
	int err = 0;

	assert_int_equal(sw.calls.lpWSPRecv(s->s, c->bufs, c->nb, &bytes, &flags, c->ov, c->routine, NULL,
					    &err),
			 SOCKET_ERROR);
	assert_int_equal(err, code);
}

/* An operation of 100 octets that could be started, and the call that would do it. */
static struct call
ready_call(struct sw_sock *s, DWORD access)
{
	struct sw_op *op = sw_op(100);

	assert_int_equal(sw_register(s, op, access), 0);
	sw_split(op, 100, 1);
	return (struct call){ .bufs = op->bufs, .nb = 1, .ov = &op->ov };
}

/* An operation of 10 octets of no registration. */
static struct sw_op *
bare_op(void)
{
	struct sw_op *op = sw_op(0);

	op->bufs[0].len = 10;
	op->bufs[0].buf = (char *)op;
	op->nb_bufs = 1;
	return op;
}

RULES("R95 R99 R100")
static void
receive_is_pending_and_ends_by_up_call(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;

	op = sw_post_recv(pair.end[1], 1000);
	assert_int_equal(op->ov.Internal, WSS_OPERATION_IN_PROGRESS);
	sw_steps(50);
	assert_true(op->pending);
	sw_post_send(pair.end[0], 600, 0, 1);
	sw_await(op, 600, 0, 1);
	assert_int_equal(op->flags, 0);
	assert_int_equal(op->nb_ends, 1);
}

RULES("R105 R100")
static void
event_of_an_operation_is_left_to_the_switch(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_event ev = { .set = true };
	struct sw_op *op = sw_post_recv(pair.end[1], 100);

	op->ov.hEvent = (HANDLE)&ev;
	sw_post_send(pair.end[0], 100, 0, 1);
	SW_UNTIL(!op->pending);
	assert_ptr_equal(op->ov.hEvent, &ev);
	assert_int_equal(ev.nb_set + ev.nb_reset, 0);
}

RULES("R95 R99 R97")
static void
send_ends_by_up_call_never_inside_the_call(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;
	unsigned int i;

	for (i = 0; i < 100; i++) {
		op = sw_op(100);
		/* The kit holds that no up-call comes inside, and that 0 is not answered. */
		assert_int_equal(sw_send(pair.end[0], op), WSA_IO_PENDING);
		assert_true(op->pending);
		SW_UNTIL(!op->pending);
		assert_int_equal(op->bytes, 100);
		assert_int_equal(op->error, 0);
	}
}

RULES("R92 R93")
static void
completion_routine_is_refused(void)
{
	struct sw_pair pair = sw_pair(700);
	struct call c = ready_call(pair.end[0], MEM_READWRITE);

	c.routine = (LPWSAOVERLAPPED_COMPLETION_ROUTINE)(uintptr_t)1;
	assert_send_refused(pair.end[0], &c, WSAEINVAL);
	assert_recv_refused(pair.end[0], &c, WSAEINVAL);
	sw_steps(50);
	assert_int_equal(sw.nb_completed, 0);
}

RULES("R92 R96")
static void
transfer_without_an_overlapped_is_refused(void)
{
	struct sw_pair pair = sw_pair(700);
	struct call c = ready_call(pair.end[0], MEM_READWRITE);

	c.ov = NULL;
	assert_send_refused(pair.end[0], &c, WSAEINVAL);
	assert_recv_refused(pair.end[0], &c, WSAEINVAL);
}

/* Whatever is selected, a transfer is pending and never answers that it would block. */
RULES("R94")
static void
event_selection_does_not_change_transfers(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;

	assert_int_equal(sw_select(pair.end[1], 0), 0);
	op = sw_post_recv(pair.end[1], 100);
	assert_int_equal(sw_select(pair.end[1], FD_CONNECT), 0);
	assert_true(op->pending);
	sw_post_send(pair.end[0], 10, 0, 1);
	SW_UNTIL(!op->pending);
	assert_int_equal(op->bytes, 10);
}

RULES("R96 R114")
static void
transfer_that_is_refused_has_no_completion(void)
{
	struct sw_sock *s = sw_bound(0, 700);

	assert_int_equal(sw_send(s, bare_op()), WSAENOTCONN);
	assert_int_equal(sw_recv(s, bare_op()), WSAENOTCONN);
	sw_steps(100);
	assert_int_equal(sw.nb_completed, 0);
	sw_shut_wait(s);
	assert_int_equal(sw.nb_completed, 0);
}

RULES("R114")
static void
fresh_listening_and_connecting_sockets_are_not_connected(void)
{
	struct sw_sock *all[3];
	struct sw_op *op;
	unsigned int i;

	assert_int_equal(sw_socket(&all[0]), 0);
	all[1] = sw_listener(0, 701, 5);
	sw.net.held[1] = true;
	all[2] = sw_begin(0, 700);
	for (i = 0; i < 3; i++) {
		op = bare_op();
		assert_int_equal(sw_send(all[i], op), WSAENOTCONN);
		assert_int_equal(sw_recv(all[i], op), WSAENOTCONN);
	}
}

RULES("R106")
static void
receives_are_filled_in_their_order(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op[16];
	uint64_t at = 0;
	unsigned int i;

	for (i = 0; i < 16; i++)
		op[i] = sw_post_recv(pair.end[1], 80);
	sw_post_send(pair.end[0], 1280, 0, 9);
	for (i = 0; i < 16; i++) {
		SW_UNTIL(!op[i]->pending);
		assert_int_equal(op[i]->error, 0);
		assert_true(net_same(op[i]->mem, op[i]->bytes, at, 9));
		at += op[i]->bytes;
		assert_true(i == 0 || op[i]->order > op[i - 1]->order);
	}
	assert_int_equal(at, 1280);
}

RULES("R106 R107")
static void
sends_are_sent_in_their_order(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;
	uint64_t at = 0;
	unsigned int i;

	for (i = 0; i < 50; i++)
		sw_post_send(pair.end[0], 1000, 1000 * i, 5);
	while (at < 50000) {
		op = sw_post_recv(pair.end[1], 4096);
		SW_UNTIL(!op->pending);
		assert_int_equal(op->error, 0);
		assert_true(net_same(op->mem, op->bytes, at, 5));
		at += op->bytes;
	}
}

RULES("R109 R108")
static void
buffers_of_one_transfer_are_used_in_order(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *send, *recv;
	unsigned int nb;

	for (nb = 1; nb <= 16; nb++) {
		send = sw_op(1000);
		recv = sw_op(1000);
		net_fill(send->mem, 1000, 0, nb);
		sw_split(send, 1000, nb);
		sw_split(recv, 1000, 17 - nb);
		assert_int_equal(sw_recv(pair.end[1], recv), WSA_IO_PENDING);
		assert_int_equal(sw_send(pair.end[0], send), WSA_IO_PENDING);
		SW_UNTIL(!send->pending);
		sw_await(recv, 1000, 0, nb);
	}
}

/* Whether the array stays valid is the caller's affair: the layer does not rely on it. */
RULES("R109")
static void
array_of_buffers_is_copied(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *recv, *send;

	recv = sw_op(1000);
	sw_split(recv, 1000, 4);
	assert_int_equal(sw_recv(pair.end[1], recv), WSA_IO_PENDING);
	memset(recv->bufs, 0xff, sizeof(recv->bufs));
	send = sw_op(1000);
	net_fill(send->mem, 1000, 0, 3);
	sw_split(send, 1000, 4);
	assert_int_equal(sw_send(pair.end[0], send), WSA_IO_PENDING);
	memset(send->bufs, 0xff, sizeof(send->bufs));
	SW_UNTIL(!send->pending);
	sw_await(recv, 1000, 0, 3);
}

RULES("R108")
static void
numbers_of_buffers_out_of_range_are_refused(void)
{
	static WSABUFEX bufs[17];
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;
	unsigned int i;
	struct call c;

	op = sw_op(17);
	assert_int_equal(sw_register(pair.end[0], op, MEM_READWRITE), 0);
	for (i = 0; i < 17; i++) {
		bufs[i].buf = (char *)op->mem + i;
		bufs[i].len = 1;
		bufs[i].handle = op->reg;
	}
	c = (struct call){ .bufs = bufs, .nb = 0, .ov = &op->ov };
	assert_send_refused(pair.end[0], &c, WSAEINVAL);
	c.nb = 17;
	assert_send_refused(pair.end[0], &c, WSAEINVAL);
	assert_recv_refused(pair.end[0], &c, WSAEINVAL);
	c = (struct call){ .bufs = NULL, .nb = 1, .ov = &op->ov };
	assert_send_refused(pair.end[0], &c, WSAEFAULT);
}

RULES("R110")
static void
flags_of_a_send_are_refused(void)
{
	struct sw_pair pair = sw_pair(700);
	struct call c = ready_call(pair.end[0], MEM_READ);

	c.flags = MSG_OOB;
	assert_send_refused(pair.end[0], &c, WSAEOPNOTSUPP);
}

RULES("R110")
static void
flags_of_a_receive_are_refused(void)
{
	struct sw_pair pair = sw_pair(700);
	struct call c = ready_call(pair.end[0], MEM_WRITE);

	c.flags = MSG_OOB;
	assert_recv_refused(pair.end[0], &c, WSAEOPNOTSUPP);
}

RULES("R208")
static void
receive_without_flags_is_refused(void)
{
	struct sw_pair pair = sw_pair(700);
	struct call c = ready_call(pair.end[0], MEM_WRITE);
	DWORD bytes = 0;
	int err = 0;

	assert_int_equal(sw.calls.lpWSPRecv(pair.end[0]->s, c.bufs, 1, &bytes, NULL, c.ov, NULL, NULL, &err),
			 SOCKET_ERROR);
	assert_int_equal(err, WSAEFAULT);
	assert_int_equal(sw.calls.lpWSPRecv(pair.end[0]->s, c.bufs, 1, &bytes, NULL, c.ov, NULL, NULL, NULL),
			 SOCKET_ERROR);
	assert_int_equal(c.ov->Internal, 0);
}

RULES("R98")
static void
transfer_without_a_place_for_its_code_is_started(void)
{
	struct sw_pair pair = sw_pair(700);
	struct call send = ready_call(pair.end[0], MEM_READ), recv = ready_call(pair.end[1], MEM_WRITE);
	DWORD bytes = 0, flags = 0;

	/* Polled: nobody is told. The second ones are of the registration that was used last. */
	send.ov->hEvent = (HANDLE)(uintptr_t)1;
	recv.ov->hEvent = (HANDLE)(uintptr_t)1;
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(sw.calls.lpWSPRecv(pair.end[1]->s, recv.bufs, 1, &bytes, &flags, recv.ov, NULL, NULL,
						    NULL), SOCKET_ERROR);
		assert_int_equal(recv.ov->Internal, WSS_OPERATION_IN_PROGRESS);
		assert_int_equal(sw.calls.lpWSPSend(pair.end[0]->s, send.bufs, 1, &bytes, 0, send.ov, NULL, NULL, NULL),
				 SOCKET_ERROR);
		SW_UNTIL(recv.ov->Internal == 0 && send.ov->Internal == 0);
		assert_int_equal(recv.ov->InternalHigh, 100);
		assert_int_equal(send.ov->InternalHigh, 100);
	}
	/* Refused it is likewise. */
	recv.bufs->len = 0;
	assert_int_equal(sw.calls.lpWSPRecv(pair.end[1]->s, recv.bufs, 1, &bytes, &flags, recv.ov, NULL, NULL, NULL),
			 SOCKET_ERROR);
	assert_int_equal(recv.ov->Internal, 0);
}

RULES("R96")
static void
operation_that_runs_cannot_be_started_again(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op = sw_post_recv(pair.end[1], 100);

	assert_recv_refused(pair.end[1], &(struct call){ .bufs = op->bufs, .nb = 1, .ov = &op->ov }, WSAEINVAL);
	assert_int_equal(op->ov.Internal, WSS_OPERATION_IN_PROGRESS);
	sw_post_send(pair.end[0], 50, 0, 1);
	SW_UNTIL(!op->pending);
	assert_int_equal(op->nb_ends, 1);
}

RULES("R90")
static void
operation_can_be_posted_again_after_its_end(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;
	unsigned int i;

	op = sw_op(100);
	for (i = 0; i < 200; i++) {
		assert_int_equal(sw_recv(pair.end[1], op), WSA_IO_PENDING);
		sw_post_send(pair.end[0], 100, 0, i);
		sw_await(op, 100, 0, i);
	}
}

static struct sw_sock *reposter;
static unsigned int nb_reposts;

static void
repost(struct sw_op *op)
{
	if (op->error || !op->bytes || ++nb_reposts == 100)
		return;
	if (sw_recv(reposter, op) != WSA_IO_PENDING)
		sw_fault("a receive cannot be posted inside the up-call of another");
}

RULES("R90 R107")
static void
receive_is_posted_again_from_its_completion(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;
	unsigned int i;

	reposter = pair.end[1];
	nb_reposts = 0;
	op = sw_op(10);
	op->hook = repost;
	assert_int_equal(sw_recv(pair.end[1], op), WSA_IO_PENDING);
	for (i = 0; i < 100; i++)
		sw_post_send(pair.end[0], 10, 0, 1);
	SW_UNTIL(nb_reposts == 100);
}

/* The end of the stream: no error, no bytes. */
RULES("R63 R171")
static void
fin_of_the_peer_ends_a_receive_with_nothing(void)
{
	struct wsock *listener;
	struct wop *accept, *fin;
	struct sw_sock *c;
	struct sw_op *op, *again;

	listener = net_listener(&sw.net, 1, 700, 5);
	accept = watch_op(&sw.net.w);
	assert_int_equal(watch_accept(listener, accept, 0), 0);
	c = sw_begin(0, 700);
	assert_int_equal(sw_outcome(c), 0);
	SW_UNTIL(!accept->pending);
	op = sw_post_recv(c, 100);
	fin = watch_op(&sw.net.w);
	assert_int_equal(watch_shutdown(accept->accepted, fin, 0), 0);
	SW_UNTIL(!op->pending);
	assert_int_equal(op->error, 0);
	assert_int_equal(op->bytes, 0);
	again = sw_post_recv(c, 100);
	SW_UNTIL(!again->pending);
	assert_int_equal(again->error, 0);
	assert_int_equal(again->bytes, 0);
}

RULES("R95")
static void
send_waits_while_the_peer_does_not_read(void)
{
	struct sw_op *waiting[4];
	struct sw_pair pair = sw_pair(700);
	struct sw_op *recv;
	unsigned int i;

	sw_fill(pair.end[0], 4, waiting);
	sw_steps(200);
	for (i = 0; i < 4; i++)
		assert_true(waiting[i]->pending);
	recv = sw_op(1 << 20);
	while (waiting[3]->pending) {
		assert_int_equal(sw_recv(pair.end[1], recv), WSA_IO_PENDING);
		SW_UNTIL(!recv->pending);
		assert_int_equal(recv->error, 0);
	}
	for (i = 0; i < 4; i++) {
		assert_int_equal(waiting[i]->error, 0);
		assert_int_equal(waiting[i]->bytes, waiting[i]->size);
		assert_true(i == 0 || waiting[i]->order > waiting[i - 1]->order);
	}
}

RULES("R89 R90")
static void
thousand_receives_can_be_posted(void)
{
	static struct sw_op *op[1000];
	struct sw_pair pair = sw_pair(700);
	struct sw_op *mem;
	unsigned int i;

	mem = sw_op(1000 * 8);
	assert_int_equal(sw_register(pair.end[1], mem, MEM_WRITE), 0);
	for (i = 0; i < 1000; i++) {
		op[i] = sw_op(0);
		op[i]->reg = mem->reg;
		op[i]->bufs[0].buf = (char *)mem->mem + 8 * i;
		op[i]->bufs[0].len = 8;
		op[i]->nb_bufs = 1;
		assert_int_equal(sw_recv(pair.end[1], op[i]), WSA_IO_PENDING);
	}
	sw_post_send(pair.end[0], 8000, 0, 4);
	SW_UNTIL(!op[999]->pending);
	assert_true(net_same(mem->mem, 8000, 0, 4));
}

RULES("R111")
static void
send_of_megabytes_is_one_operation(void)
{
	struct sw_pair pair = sw_pair(700);

	sw_transfer(pair.end[0], pair.end[1], 5000000, 1);
}

static const struct CMUnitTest cases[] = {
	SW_CASE(receive_is_pending_and_ends_by_up_call),
	SW_CASE(event_of_an_operation_is_left_to_the_switch),
	SW_CASE(send_ends_by_up_call_never_inside_the_call),
	SW_CASE(completion_routine_is_refused),
	SW_CASE(transfer_without_an_overlapped_is_refused),
	SW_CASE(event_selection_does_not_change_transfers),
	SW_CASE(transfer_that_is_refused_has_no_completion),
	SW_CASE(fresh_listening_and_connecting_sockets_are_not_connected),
	SW_CASE(receives_are_filled_in_their_order),
	SW_CASE(sends_are_sent_in_their_order),
	SW_CASE(buffers_of_one_transfer_are_used_in_order),
	SW_CASE(array_of_buffers_is_copied),
	SW_CASE(numbers_of_buffers_out_of_range_are_refused),
	SW_CASE(flags_of_a_send_are_refused),
	SW_CASE(flags_of_a_receive_are_refused),
	SW_CASE(receive_without_flags_is_refused),
	SW_CASE(transfer_without_a_place_for_its_code_is_started),
	SW_CASE(operation_that_runs_cannot_be_started_again),
	SW_CASE(operation_can_be_posted_again_after_its_end),
	SW_CASE(receive_is_posted_again_from_its_completion),
	SW_CASE(fin_of_the_peer_ends_a_receive_with_nothing),
	SW_CASE(send_waits_while_the_peer_does_not_read),
	SW_CASE(thousand_receives_can_be_posted),
	SW_CASE(send_of_megabytes_is_one_operation),
};

NET_MAIN("transfer", cases)
