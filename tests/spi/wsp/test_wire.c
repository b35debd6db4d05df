/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the peer is told and when, as frames: the peer is raw frames itself.
 */
#include <string.h>

#include "ports/wire.h"
#include "sw.h"

static struct wire wire;

static void
open_wire(void)
{
	struct net_wish wish = { .one_host = true };

	memset(&wire, 0, sizeof(wire));
	wire_open(&wire, &sw.net);
	wish.device[0] = wire.device;
	wish.drain = wire_drain;
	wish.drain_arg = &wire;
	sw_open(&wish);
}

static void
close_wire(void)
{
	sw_close();
	wire_close(&wire);
}

static void
send_syn(uint16_t port, uint16_t host_port)
{
	struct wire_seg syn = { .sport = port, .dport = host_port, .seq = 5000, .flags = WIRE_SYN, .win = 60000 };

	wire_send(&wire, &syn);
}

RULES("R73")
static void
syn_is_not_answered_before_the_accept(void)
{
	struct sw_sock *listener, *got;
	struct wire_seg seg;

	open_wire();
	listener = sw_listener(0, 700, 5);
	send_syn(4000, 700);
	SW_UNTIL(listener->ev.set);
	assert_int_equal(wire_count(&wire, WIRE_SYN | WIRE_RST | WIRE_ACK, 100, NULL), 0);
	assert_int_equal(sw_accept(listener, NULL, NULL, &got), 0);
	wire_wait(&wire, &seg);
	assert_int_equal(seg.flags & (WIRE_SYN | WIRE_ACK | WIRE_RST), WIRE_SYN | WIRE_ACK);
	assert_int_equal(seg.ack, 5001);
	close_wire();
}

static int CALLBACK
decide_condition(LPWSABUF caller, LPWSABUF caller_data, LPQOS sqos, LPQOS gqos, LPWSABUF callee,
		 LPWSABUF callee_data, GROUP *g, DWORD_PTR arg)
{
	(void)caller, (void)caller_data, (void)sqos, (void)gqos, (void)callee, (void)callee_data, (void)g, (void)arg;
	return CF_REJECT;
}

RULES("R73 R75")
static void
rejection_is_a_reset(void)
{
	struct sw_sock *listener, *got;
	struct wire_seg seg;

	open_wire();
	listener = sw_listener(0, 700, 5);
	send_syn(4000, 700);
	SW_UNTIL(listener->ev.set);
	assert_int_equal(sw_accept(listener, decide_condition, NULL, &got), WSAECONNREFUSED);
	wire_wait(&wire, &seg);
	assert_int_equal(seg.flags & (WIRE_SYN | WIRE_RST), WIRE_RST);
	assert_int_equal(seg.ack, 5001);
	close_wire();
}

RULES("R70")
static void
request_beyond_the_backlog_draws_a_reset_at_once(void)
{
	struct sw_sock *listener;
	struct wire_seg seg;
	unsigned int i, signals;

	open_wire();
	listener = sw_listener(0, 700, 2);
	for (i = 0; i < 2; i++) {
		send_syn((uint16_t)(4000 + i), 700);
		sw_steps(50);
	}
	signals = listener->ev.nb_set;
	assert_true(signals >= 1);
	send_syn(4002, 700);
	wire_wait(&wire, &seg);
	assert_int_equal(seg.flags & (WIRE_SYN | WIRE_RST), WIRE_RST);
	assert_int_equal(seg.dport, 4002);
	assert_int_equal(listener->ev.nb_set, signals);
	close_wire();
}

RULES("R69")
static void
repeated_syn_is_one_request(void)
{
	struct sw_sock *listener, *got;

	open_wire();
	listener = sw_listener(0, 700, 5);
	send_syn(4000, 700);
	SW_UNTIL(listener->ev.set);
	send_syn(4000, 700);
	send_syn(4000, 700);
	sw_steps(100);
	assert_int_equal(listener->ev.nb_set, 1);
	assert_int_equal(sw_accept(listener, NULL, NULL, &got), 0);
	assert_int_equal(sw_accept(listener, NULL, NULL, &got), WSAEWOULDBLOCK);
	close_wire();
}

RULES("R165 R73")
static void
request_that_its_peer_resets_is_gone(void)
{
	struct wire_seg rst = { .sport = 4000, .dport = 700, .seq = 5001, .flags = WIRE_RST, .win = 0 };
	struct sw_sock *listener, *got;

	open_wire();
	listener = sw_listener(0, 700, 5);
	send_syn(4000, 700);
	SW_UNTIL(listener->ev.set);
	wire_send(&wire, &rst);
	sw_steps(100);
	assert_int_equal(sw_accept(listener, NULL, NULL, &got), WSAECONNRESET);
	assert_int_equal(sw_accept(listener, NULL, NULL, &got), WSAEWOULDBLOCK);
	assert_int_equal(wire_count(&wire, WIRE_SYN, 20, NULL), 0);
	close_wire();
}

RULES("R165 R70")
static void
closed_listener_resets_what_was_queued(void)
{
	struct sw_sock *listener;
	struct wire_seg seg;

	open_wire();
	listener = sw_listener(0, 700, 5);
	send_syn(4000, 700);
	SW_UNTIL(listener->ev.set);
	assert_int_equal(sw_shut(listener), 0);
	wire_wait(&wire, &seg);
	assert_int_equal(seg.flags & (WIRE_SYN | WIRE_RST), WIRE_RST);
	SW_UNTIL(listener->closed);
	close_wire();
}

/* An answer that refuses, and one that resets in the middle. */
RULES("R59 R56")
static void
reset_of_the_syn_fails_the_connect(void)
{
	struct wire_conn c;
	struct sw_sock *s;

	open_wire();
	s = sw_begin(0, 700);
	wire_answer(&wire, &c, 700);
	wire_say(&c, WIRE_RST | WIRE_ACK, 0);
	assert_int_equal(sw_outcome(s), WSAECONNREFUSED);
	close_wire();
}

static struct sw_sock *
connected(struct wire_conn *c)
{
	struct sw_sock *s = sw_begin(0, 700);

	wire_answer(&wire, c, 700);
	wire_say(c, WIRE_SYN | WIRE_ACK, 0);
	assert_int_equal(sw_outcome(s), 0);
	return s;
}

RULES("R159 R157 R63")
static void
reset_of_the_peer_ends_receives_and_sends(void)
{
	struct wire_conn c;
	struct sw_sock *s;
	struct sw_op *recv[3], *send;
	unsigned int i;

	open_wire();
	s = connected(&c);
	for (i = 0; i < 3; i++)
		recv[i] = sw_post_recv(s, 100);
	/* Nobody acknowledges: the last of these waits. */
	sw_fill(s, 1, &send);
	wire_say(&c, WIRE_RST, 0);
	for (i = 0; i < 3; i++) {
		SW_UNTIL(!recv[i]->pending);
		assert_int_equal(recv[i]->error, WSAECONNRESET);
	}
	SW_UNTIL(!send->pending);
	assert_int_equal(send->error, WSAECONNRESET);
	assert_false(s->closed);
	close_wire();
}

RULES("R171 R63")
static void
fin_of_the_peer_is_no_error(void)
{
	struct wire_conn c;
	struct sw_sock *s;
	struct sw_op *op, *send;

	open_wire();
	s = connected(&c);
	op = sw_post_recv(s, 100);
	wire_say(&c, WIRE_FIN | WIRE_ACK, 0);
	SW_UNTIL(!op->pending);
	assert_int_equal(op->error, 0);
	assert_int_equal(op->bytes, 0);
	/* The other direction goes on. */
	send = sw_post_send(s, 100, 0, 1);
	SW_UNTIL(!send->pending);
	assert_int_equal(send->error, 0);
	close_wire();
}

/* Cut with RST, whatever was queued to be sent: no FIN, no more data. */
RULES("R149 R154 R150")
static void
unsent_data_is_not_sent_after_the_close(void)
{
	struct wire_conn c;
	struct wire_seg seg;
	struct sw_sock *s;
	struct sw_op *op[2];
	unsigned int resets = 0;
	uint64_t limit_ms;

	open_wire();
	s = connected(&c);
	sw_fill(s, 2, op);
	while (wire_take(&wire, &seg))
		;
	assert_int_equal(sw_shut(s), 0);
	limit_ms = net_now_ms() + 320;
	do {
		net_step(&sw.net);
		while (wire_take(&wire, &seg)) {
			assert_int_equal(seg.flags & (WIRE_RST | WIRE_FIN), WIRE_RST);
			assert_int_equal(seg.len, 0);
			resets++;
		}
	} while (net_now_ms() < limit_ms);
	assert_true(resets >= 1);
	assert_true(s->closed);
	close_wire();
}

static const struct CMUnitTest cases[] = {
	SW_CASE_ALONE(syn_is_not_answered_before_the_accept),
	SW_CASE_ALONE(rejection_is_a_reset),
	SW_CASE_ALONE(request_beyond_the_backlog_draws_a_reset_at_once),
	SW_CASE_ALONE(repeated_syn_is_one_request),
	SW_CASE_ALONE(request_that_its_peer_resets_is_gone),
	SW_CASE_ALONE(closed_listener_resets_what_was_queued),
	SW_CASE_ALONE(reset_of_the_syn_fails_the_connect),
	SW_CASE_ALONE(reset_of_the_peer_ends_receives_and_sends),
	SW_CASE_ALONE(fin_of_the_peer_is_no_error),
	SW_CASE_ALONE(unsent_data_is_not_sent_after_the_close),
};

NET_MAIN("wire", cases)
