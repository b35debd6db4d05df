/* SPDX-License-Identifier: BSD-3-Clause */
/* The session that the switch builds on WSPSend and WSPRecv: what opens it, and what waits for it. */
#include "sw.h"

#define NEGOTIATION 256	/* the longest message that opens a session */

/* The switch's part is played here: register, post receives, then negotiate (R81 to R89). */
RULES("R81 R82 R83 R84")
static void
session_is_opened_in_the_switchs_order(void)
{
	struct sw_op *recv[2][4], *send;
	struct sw_pair pair = sw_pair(700);
	unsigned int i;

	for (i = 0; i < 4; i++)
		recv[0][i] = sw_post_recv(pair.end[0], NEGOTIATION);
	send = sw_post_send(pair.end[0], NEGOTIATION, 0, 1);
	for (i = 0; i < 4; i++)
		recv[1][i] = sw_post_recv(pair.end[1], NEGOTIATION);
	SW_UNTIL(!send->pending);
	sw_await(recv[1][0], NEGOTIATION, 0, 1);
	send = sw_post_send(pair.end[1], 64, 0, 2);
	SW_UNTIL(!send->pending);
	sw_await(recv[0][0], 64, 0, 2);
	assert_true(recv[0][1]->pending && recv[1][1]->pending);
}

RULES("R85 R86 R87 R88")
static void
early_message_waits_for_the_first_receive(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *send, *recv;

	send = sw_post_send(pair.end[0], NEGOTIATION, 0, 1);
	SW_UNTIL(!send->pending);
	sw_steps(500);
	recv = sw_post_recv(pair.end[1], NEGOTIATION);
	sw_await(recv, NEGOTIATION, 0, 1);
	/* Later ones go on from there. */
	recv = sw_post_recv(pair.end[1], 100);
	sw_post_send(pair.end[0], 100, NEGOTIATION, 1);
	sw_await(recv, 100, NEGOTIATION, 1);
}

/* Small receives take what waits one after the other, until nothing is left. */
RULES("R86")
static void
what_waits_is_copied_to_receives_until_none_is_left(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *send, *recv[8];
	uint64_t at = 0;
	unsigned int i;

	send = sw_post_send(pair.end[0], NEGOTIATION, 0, 1);
	SW_UNTIL(!send->pending);
	sw_steps(50);
	for (i = 0; i < 8; i++)
		recv[i] = sw_post_recv(pair.end[1], 64);
	for (i = 0; i < 4; i++) {
		SW_UNTIL(!recv[i]->pending);
		assert_true(net_same(recv[i]->mem, recv[i]->bytes, at, 1));
		at += recv[i]->bytes;
	}
	assert_int_equal(at, NEGOTIATION);
	sw_steps(50);
	for (i = 4; i < 8; i++)
		assert_true(recv[i]->pending);
}

RULES("R87")
static void
connection_stays_while_nothing_is_posted(void)
{
	struct sw_op *waiting[2];
	struct sw_pair pair = sw_pair(700);

	sw_fill(pair.end[0], 2, waiting);
	sw_steps(2000);
	assert_false(pair.end[0]->closed || pair.end[1]->closed);
	assert_true(waiting[0]->pending && waiting[1]->pending);
}

static const struct CMUnitTest cases[] = {
	SW_CASE(session_is_opened_in_the_switchs_order),
	SW_CASE(early_message_waits_for_the_first_receive),
	SW_CASE(what_waits_is_copied_to_receives_until_none_is_left),
	SW_CASE(connection_stays_while_nothing_is_posted),
};

NET_MAIN("session", cases)
