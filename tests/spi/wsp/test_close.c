/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * WSPCloseSocket: hard, whatever is pending, and the peer's view of it.
 */
#include <string.h>

#include "ports/wire.h"
#include "sw.h"

#define NB 32

RULES("R149 R155 R160 R12 S1.4 S1.5 S1.6 S1.7 S3.14 S3.15 S3.16 S3.17 S3.23")
static void
pending_receives_are_aborted(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op[NB];
	unsigned int i;

	for (i = 0; i < NB; i++)
		op[i] = sw_post_recv(pair.end[0], 100);
	sw_shut_wait(pair.end[0]);
	for (i = 0; i < NB; i++) {
		assert_int_equal(op[i]->nb_ends, 1);
		assert_int_equal(op[i]->error, WSA_OPERATION_ABORTED);
		assert_int_equal(op[i]->bytes, 0);
		assert_int_equal(op[i]->ov.OffsetHigh, WSA_OPERATION_ABORTED);
		assert_true(op[i]->order < pair.end[0]->closed_order);
	}
}

RULES("R149 R155 R160 S3.14 S1.4")
static void
pending_sends_are_aborted(void)
{
	struct sw_op *op[8];
	struct sw_pair pair = sw_pair(700);
	unsigned int i;

	sw_fill(pair.end[0], 8, op);
	sw_shut_wait(pair.end[0]);
	for (i = 0; i < 8; i++) {
		assert_int_equal(op[i]->nb_ends, 1);
		assert_int_equal(op[i]->error, WSA_OPERATION_ABORTED);
		assert_true(op[i]->order < pair.end[0]->closed_order);
	}
}

RULES("R155 R160 R106")
static void
both_directions_are_aborted_in_their_order(void)
{
	struct sw_op *send[4], *recv[NB];
	struct sw_pair pair = sw_pair(700);
	unsigned int i;

	for (i = 0; i < NB; i++)
		recv[i] = sw_post_recv(pair.end[0], 10);
	sw_fill(pair.end[0], 4, send);
	sw_shut_wait(pair.end[0]);
	for (i = 1; i < NB; i++)
		assert_true(recv[i]->order > recv[i - 1]->order);
	for (i = 1; i < 4; i++)
		assert_true(send[i]->order > send[i - 1]->order);
}

/* Inside the up-call of what is aborted its memory can be used as one likes: nothing refers to it any more. */
static unsigned int nb_scribbled;

static void
scribble(struct sw_op *op)
{
	memset(op->mem, 0x55, op->size);
	nb_scribbled++;
}

RULES("R155 R112 R13 S1.8 S3.18")
static void
memory_is_released_before_the_up_call(void)
{
	struct sw_op *recv[NB], *send[4];
	struct sw_pair pair = sw_pair(700);
	unsigned int i, j;

	nb_scribbled = 0;
	for (i = 0; i < NB; i++) {
		recv[i] = sw_post_recv(pair.end[1], 1000);
		recv[i]->hook = scribble;
	}
	sw_fill(pair.end[1], 4, send);
	for (i = 0; i < 4; i++)
		send[i]->hook = scribble;
	sw_post_send(pair.end[0], 500, 0, 1);
	assert_int_equal(sw_shut(pair.end[1]), 0);
	SW_UNTIL(pair.end[1]->closed);
	sw_steps(200);
	assert_in_range(nb_scribbled, NB + 3, NB + 4);
	for (i = 1; i < NB; i++) {
		for (j = 0; j < 1000; j++)
			assert_int_equal(recv[i]->mem[j], 0x55);
	}
}

RULES("R161 S1.9 S3.1 S3.11")
static void
handle_is_closed_once_and_last(void)
{
	struct sw_op *op[NB];
	struct sw_pair pair = sw_pair(700);
	unsigned int i, ups;

	for (i = 0; i < NB; i++)
		op[i] = sw_post_recv(pair.end[0], 10);
	ups = pair.end[0]->nb_ups;
	sw_shut_wait(pair.end[0]);
	assert_int_equal(pair.end[0]->nb_ups, ups + NB + 1);
	sw_steps(500);
	assert_int_equal(pair.end[0]->nb_ups, ups + NB + 1);
	for (i = 0; i < NB; i++)
		assert_true(op[i]->order < pair.end[0]->closed_order);
}

RULES("R153 S3.12")
static void
descriptor_is_dead_after_the_close(void)
{
	struct sw_pair pair = sw_pair(700);

	sw_post_recv(pair.end[0], 10);
	assert_int_equal(sw_shut(pair.end[0]), 0);
	sw_assert_stale(pair.end[0]->s);
	SW_UNTIL(pair.end[0]->closed);
	sw_assert_stale(pair.end[0]->s);
}

RULES("R153 R152 S3.7 S3.2 S3.3 S3.4")
static void
second_close_is_refused(void)
{
	struct sw_pair pair = sw_pair(700);

	sw_post_recv(pair.end[0], 10);
	assert_int_equal(sw_shut(pair.end[0]), 0);
	assert_int_equal(sw_shut(pair.end[0]), WSAENOTSOCK);
	SW_UNTIL(pair.end[0]->closed);
	assert_int_equal(sw_shut(pair.end[0]), WSAENOTSOCK);
}

RULES("R152 R208 S3.5 S3.7")
static void
descriptors_that_never_were_cannot_be_closed(void)
{
	static const SOCKET none[] = { 0, 1, 12345, INVALID_SOCKET, (SOCKET)1 << 40, 0x7fffffff };
	unsigned int i;
	int err;

	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		err = 0;
		assert_int_equal(sw.calls.lpWSPCloseSocket(none[i], &err), SOCKET_ERROR);
		assert_int_equal(err, WSAENOTSOCK);
		sw_assert_stale(none[i]);
	}
}

/* Whatever is pending and unsent, and nobody answers at the other end: the call does not even poll meanwhile. */
RULES("R151 R149 S3.8 S3.9 S3.10")
static void
close_never_blocks_and_never_would_block(void)
{
	struct sw_op *op[4];
	uint64_t rounds;
	struct sw_pair pair = sw_pair(700);

	sw_fill(pair.end[0], 4, op);
	sw.net.held[1] = true;
	rounds = net_counter(&sw.net, 0, "core_rounds");
	assert_int_equal(sw_shut(pair.end[0]), 0);
	assert_int_equal(net_counter(&sw.net, 0, "core_rounds"), rounds);
	SW_UNTIL(pair.end[0]->closed);
}

RULES("R157 R159 R158 S1.1 S1.2 S1.3 S3.24")
static void
peers_pending_receives_end_with_reset(void)
{
	struct sw_op *op[NB];
	struct sw_pair pair = sw_pair(700);
	unsigned int i;

	for (i = 0; i < NB; i++)
		op[i] = sw_post_recv(pair.end[1], 10);
	sw_shut_wait(pair.end[0]);
	for (i = 0; i < NB; i++) {
		SW_UNTIL(!op[i]->pending);
		assert_int_equal(op[i]->error, WSAECONNRESET);
	}
}

RULES("R157 S3.24")
static void
peers_later_receive_fails_with_reset(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;
	unsigned int i;
	int code;

	op = sw_op(100);
	assert_int_equal(sw_register(pair.end[1], op, MEM_READWRITE), 0);
	sw_shut_wait(pair.end[0]);
	sw_steps(100);
	for (i = 0; i < 3; i++) {
		code = sw_recv(pair.end[1], op);
		if (code == WSA_IO_PENDING) {
			SW_UNTIL(!op->pending);
			code = (int)op->error;
		}
		assert_int_equal(code, WSAECONNRESET);
	}
}

RULES("R158 R159")
static void
peers_pending_sends_end_too(void)
{
	struct sw_op *op[4];
	struct sw_pair pair = sw_pair(700);
	unsigned int i;

	sw_fill(pair.end[1], 4, op);
	sw_shut_wait(pair.end[0]);
	for (i = 0; i < 4; i++) {
		SW_UNTIL(!op[i]->pending);
		assert_int_equal(op[i]->error, WSAECONNRESET);
	}
}

RULES("R158 S1.1")
static void
either_side_may_close(void)
{
	struct sw_pair pair;
	struct sw_op *op;
	unsigned int side;

	for (side = 0; side < 2; side++) {
		pair = sw_pair(700);
		op = sw_post_recv(pair.end[1 - side], 10);
		sw_shut_wait(pair.end[side]);
		SW_UNTIL(!op->pending);
		assert_int_equal(op->error, WSAECONNRESET);
		sw_shut_wait(pair.end[1 - side]);
	}
}

RULES("R158 R160")
static void
both_sides_close_at_once(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *a, *b;

	a = sw_post_recv(pair.end[0], 10);
	b = sw_post_recv(pair.end[1], 10);
	assert_int_equal(sw_shut(pair.end[0]), 0);
	assert_int_equal(sw_shut(pair.end[1]), 0);
	SW_UNTIL(pair.end[0]->closed && pair.end[1]->closed);
	assert_int_equal(a->error, WSA_OPERATION_ABORTED);
	/* nothing has moved between the two calls */
	assert_int_equal(b->error, WSA_OPERATION_ABORTED);
}

/* A connection that is long dead keeps its descriptor, options and memory until the switch closes it. */
RULES("R163 R159 S1.14")
static void
dead_connection_stays_until_its_own_close(void)
{
	WSANETWORKEVENTS events;
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;
	int value = 7;
	int len = sizeof(value);
	int err = 0;

	op = sw_post_recv(pair.end[1], 10);
	sw_shut_wait(pair.end[0]);
	SW_UNTIL(!op->pending);
	sw_steps(3000);
	assert_false(pair.end[1]->closed);
	assert_int_equal(sw_enum(pair.end[1], &events), 0);
	assert_int_equal(sw.calls.lpWSPGetSockOpt(pair.end[1]->s, SOL_SOCKET, SO_DEBUG, (char *)&value, &len, &err), 0);
	assert_int_equal(sw_deregister(pair.end[1], op), 0);
	sw_shut_wait(pair.end[1]);
}

RULES("R156 R147 S3.20 S3.21")
static void
close_signals_no_event(void)
{
	struct sw_sock *c, *listener;

	/* A connect that runs, and a listener that requests are on their way to: the kit holds that no event comes. */
	listener = sw_listener(1, 700, 5);
	c = sw_begin(0, 700);
	assert_int_equal(sw_shut(listener), 0);
	SW_UNTIL(listener->closed);
	sw_steps(20);
	assert_int_equal(sw_shut(c), 0);
	SW_UNTIL(c->closed);
	sw_steps(200);
	assert_int_equal(listener->ev.nb_set, 0);
}

static struct sw_sock *doomed;

static void
close_doomed(struct sw_op *op)
{
	(void)op;
	sw_shut(doomed);
}

/* Data of one connection and the end of the other's handshake come in one burst; the up-call for the first closes. */
RULES("R156 R147")
static void
connection_that_comes_behind_its_close_is_not_signalled(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_sock *listener = sw_listener(1, 701, 5);
	struct sw_op *op = sw_post_recv(pair.end[0], 100);

	op->hook = close_doomed;
	doomed = sw_begin(0, 701);
	SW_UNTIL(listener->ev.set);
	sw.net.held[0] = true;
	sw_post_send(pair.end[1], 100, 0, 1);
	sw_steps(5);
	sw_take(listener);
	sw_steps(5);
	sw.net.held[0] = false;
	SW_UNTIL(doomed->closed);
	assert_false(op->pending);
	assert_int_equal(doomed->ev.nb_set, 0);
}

RULES("R154 S3.13")
static void
queued_data_is_given_up(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *send;

	sw.net.held[1] = true;
	send = sw_post_send(pair.end[0], 60000, 0, 1);
	SW_UNTIL(!send->pending);
	sw_post_send(pair.end[1], 60000, 0, 1);
	sw_shut_wait(pair.end[0]);
	sw.net.held[1] = false;
	/* The kit compares the packet buffers at the end. */
}

RULES("R154 R149 S3.13")
static void
received_data_that_nobody_took_is_given_up(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op[2];

	sw_fill(pair.end[0], 2, op);
	sw_shut_wait(pair.end[1]);
	SW_UNTIL(!op[0]->pending && !op[1]->pending);
	assert_int_equal(op[0]->error, WSAECONNRESET);
}

static struct sw_sock *to_shut;

static void
shut_it(void)
{
	struct sw_sock *s = to_shut;

	to_shut = NULL;
	if (s && sw_shut(s) != 0)
		sw_fault("a socket cannot be closed inside an up-call");
}

static void
shut_at_end(struct sw_op *op)
{
	(void)op;
	shut_it();
}

static void
shut_at_event(struct sw_event *ev)
{
	(void)ev;
	shut_it();
}

RULES("R161 R155")
static void
socket_can_be_closed_inside_its_own_up_call(void)
{
	struct sw_op *op[NB];
	struct sw_pair pair = sw_pair(700);
	unsigned int i;

	for (i = 0; i < NB; i++) {
		op[i] = sw_post_recv(pair.end[1], 10);
		op[i]->hook = shut_at_end;
	}
	to_shut = pair.end[1];
	sw_post_send(pair.end[0], 10, 0, 1);
	SW_UNTIL(pair.end[1]->closed);
	assert_int_equal(op[0]->error, 0);
	assert_int_equal(op[0]->bytes, 10);
	for (i = 1; i < NB; i++)
		assert_int_equal(op[i]->error, WSA_OPERATION_ABORTED);
}

RULES("R161 R32")
static void
socket_can_be_closed_inside_an_event(void)
{
	struct sw_sock *listener = sw_listener(1, 700, 5);
	struct sw_sock *c;

	c = sw_begin(0, 700);
	to_shut = listener;
	sw.on_event = shut_at_event;
	SW_UNTIL(listener->closed);
	sw.on_event = NULL;
	SW_UNTIL(c->ev.set);
	assert_int_not_equal(sw_outcome(c), 0);
}

/*
 * What a close finds of other sockets in the queue waits for the core's turn. A program that sleeps then has to be told
 * that there is something to do: nothing else would wake it.
 */
RULES("R99 R155 R161")
static void
up_calls_of_others_keep_the_core_awake(void)
{
	struct san_core *core = sw.net.core[0][0];
	struct sw_sock *other = sw_bound(0, 0);
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;

	sw_post_send(pair.end[1], 100, 0, 1);
	sw_steps(300);
	assert_int_equal(san_core_arm(core), 0);
	op = sw_post_recv(pair.end[0], 100);
	assert_true(op->pending);
	assert_int_equal(sw_shut(other), 0);
	assert_true(other->closed);
	assert_true(op->pending);
	assert_int_equal(san_core_arm(core), 1);
	SW_UNTIL(!op->pending);
	assert_int_equal(op->bytes, 100);
}

RULES("R113 R165 R149")
static void
close_forces_transfers_to_end(void)
{
	struct sw_op *send[3], *recv;
	struct sw_pair pair = sw_pair(700);

	recv = sw_post_recv(pair.end[0], 100);
	sw_fill(pair.end[0], 3, send);
	sw.net.held[1] = true;
	sw_shut_wait(pair.end[0]);
	assert_int_equal(recv->error, WSA_OPERATION_ABORTED);
	assert_int_equal(send[2]->error, WSA_OPERATION_ABORTED);
}

/* What was there first wins: data that had arrived before the close is a result, not an abort. */
RULES("R155 R159")
static void
result_that_was_first_is_kept(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;

	op = sw_post_recv(pair.end[1], 100);
	sw_post_send(pair.end[0], 100, 0, 1);
	SW_UNTIL(!op->pending);
	sw_shut_wait(pair.end[1]);
	assert_int_equal(op->nb_ends, 1);
	assert_int_equal(op->error, 0);
}

RULES("R149 R161")
static void
hundred_connections_close_at_once(void)
{
	static struct sw_pair pair[100];
	struct sw_sock *listener = sw_listener(1, 700, 200);
	unsigned int i;

	for (i = 0; i < 100; i++) {
		pair[i] = sw_pair_to(listener, 700);
		sw_post_recv(pair[i].end[0], 10);
		sw_post_recv(pair[i].end[1], 10);
	}
	for (i = 0; i < 100; i++)
		assert_int_equal(sw_shut(pair[i].end[i % 2]), 0);
	for (i = 0; i < 100; i++) {
		SW_UNTIL(pair[i].end[i % 2]->closed);
		assert_int_equal(sw_shut(pair[i].end[1 - i % 2]), 0);
	}
}

/* On the wire: RST and nothing else, and a segment that comes later draws one too. */
RULES("R149 R158 R150 S3.22")
static void
close_is_a_reset_on_the_wire(void)
{
	struct net_wish wish = { .one_host = true };
	struct wire_seg seg;
	struct wire_conn c;
	struct wire wire;
	struct sw_sock *s;
	struct sw_op *op;

	memset(&wire, 0, sizeof(wire));
	wire_open(&wire, &sw.net);
	wish.device[0] = wire.device;
	wish.drain = wire_drain;
	wish.drain_arg = &wire;
	sw_open(&wish);
	s = sw_begin(0, 700);
	wire_answer(&wire, &c, 700);
	wire_say(&c, WIRE_SYN | WIRE_ACK, 0);
	assert_int_equal(sw_outcome(s), 0);
	op = sw_post_recv(s, 100);
	assert_int_equal(sw_shut(s), 0);
	memset(&seg, 0, sizeof(seg));
	assert_true(wire_count(&wire, WIRE_RST, 50, &seg) >= 1);
	assert_int_equal(seg.flags & WIRE_FIN, 0);
	assert_int_equal(seg.seq, c.rcv_nxt);
	SW_UNTIL(s->closed);
	assert_int_equal(op->error, WSA_OPERATION_ABORTED);
	wire_say(&c, WIRE_ACK | WIRE_PSH, 10);
	assert_true(wire_count(&wire, WIRE_RST, 50, &seg) >= 1);
	sw_close();
	wire_close(&wire);
}

static const struct CMUnitTest cases[] = {
	SW_CASE(pending_receives_are_aborted),
	SW_CASE(pending_sends_are_aborted),
	SW_CASE(both_directions_are_aborted_in_their_order),
	SW_CASE(memory_is_released_before_the_up_call),
	SW_CASE(handle_is_closed_once_and_last),
	SW_CASE(descriptor_is_dead_after_the_close),
	SW_CASE(second_close_is_refused),
	SW_CASE(descriptors_that_never_were_cannot_be_closed),
	SW_CASE(close_never_blocks_and_never_would_block),
	SW_CASE(peers_pending_receives_end_with_reset),
	SW_CASE(peers_later_receive_fails_with_reset),
	SW_CASE(peers_pending_sends_end_too),
	SW_CASE(either_side_may_close),
	SW_CASE(both_sides_close_at_once),
	SW_CASE(dead_connection_stays_until_its_own_close),
	SW_CASE(close_signals_no_event),
	SW_CASE(connection_that_comes_behind_its_close_is_not_signalled),
	SW_CASE(queued_data_is_given_up),
	SW_CASE(received_data_that_nobody_took_is_given_up),
	SW_CASE(socket_can_be_closed_inside_its_own_up_call),
	SW_CASE(socket_can_be_closed_inside_an_event),
	SW_CASE(up_calls_of_others_keep_the_core_awake),
	SW_CASE(close_forces_transfers_to_end),
	SW_CASE(result_that_was_first_is_kept),
	SW_CASE(hundred_connections_close_at_once),
	SW_CASE_ALONE(close_is_a_reset_on_the_wire),
};

NET_MAIN("close", cases)
