/* SPDX-License-Identifier: BSD-3-Clause */
/* Rounds and the turns of a program between them: what it answers carries the ACK of what it answers to. */
#include "duo.h"

#define LEN 64

static uint8_t buf[2][LEN];

/* A round of both hosts, what they have sent on the cable, and what has ended. */
static void
take_turn(void)
{
	struct rte_mbuf *m;

	for (unsigned int i = 0; i < 2; i++)
		vhost_round(&duo.h[i]);
	for (unsigned int i = 0; i < 2; i++)
		while ((m = vhost_take(&duo.h[i])) != NULL)
			vhost_put(&duo.h[1 - i], 0, m);
	duo_reap();
}

/* The answer to what op brings is given in the turn in which it is reaped. */
static void
wait_for(struct san_overlapped *op, int32_t result)
{
	for (unsigned int i = 0; i < 20 && duo_count(op) == 0; i++)
		take_turn();
	duo_must(duo_result(op) == result);
}

static uint64_t
sent(unsigned int i)
{
	return vhost_count(&duo.h[i], SANI_CTR_tcp_tx);
}

/* The addresses of both are known, as between hosts that talk often. */
static void
meet(void)
{
	san_handle end[2];

	duo_pair(end);
	duo_end(end[0]);
	duo_end(end[1]);
}

/* SYN, SYN-ACK, request, answer, FIN, FIN, ACK; the ACK of the handshake is the request's. */
static void
short_connection_takes_seven_packets(void)
{
	struct san_overlapped *accept = duo_op(), *connect = duo_op(), *there = duo_op(), *back = duo_op();
	struct san_overlapped *ends[2] = { duo_op(), duo_op() }, *fins[2] = { duo_op(), duo_op() };
	san_handle listener, client, server;
	uint64_t before[2];

	meet();
	listener = duo_listener(1, 81, 4);
	duo_must(san_accept(listener, accept, 0) == 0);
	before[0] = sent(0);
	before[1] = sent(1);
	client = duo_connect(81, connect);
	wait_for(connect, 0);
	duo_must(san_send(client, duo_op(), buf[0], LEN, 0) > 0);
	duo_must(san_recv(client, back, buf[0], LEN, 0) == 0);
	wait_for(accept, 0);
	server = accept->u.accepted;
	duo_must(san_recv(server, there, buf[1], LEN, 0) >= 0);
	if (duo_count(there) == 0 && duo_result(there) != LEN)
		wait_for(there, LEN);
	duo_must(san_send(server, duo_op(), buf[1], LEN, 0) > 0);
	duo_must(san_recv(server, ends[1], buf[1], LEN, 0) == 0);
	wait_for(back, LEN);
	duo_must(san_recv(client, ends[0], buf[0], LEN, 0) == 0);
	duo_must(san_shutdown(client, fins[0], 0) == 0);
	wait_for(ends[1], 0);
	duo_must(san_shutdown(server, fins[1], 0) == 0);
	wait_for(ends[0], 0);
	for (unsigned int i = 0; i < 8; i++)
		take_turn();
	duo_must(sent(0) - before[0] == 4);
	duo_must(sent(1) - before[1] == 3);
}

/* Nor is time needed for it: a program that says nothing has had its turn. */
static void
program_that_says_nothing_delays_an_ack_for_two_rounds(void)
{
	san_handle end[2];
	uint64_t before;

	duo_pair(end);
	before = sent(1);
	duo_must(san_recv(end[1], duo_op(), buf[1], LEN, 0) == 0);
	duo_must(san_send(end[0], duo_op(), buf[0], LEN, 0) > 0);
	take_turn();	/* it goes */
	take_turn();	/* it comes */
	take_turn();
	duo_must(sent(1) == before);
	take_turn();
	duo_must(sent(1) == before + 1);
}

/* What comes meanwhile does not begin the wait anew. */
static void
ack_of_a_trickle_is_not_put_off_for_ever(void)
{
	san_handle end[2];
	uint64_t before;

	duo_pair(end);
	before = sent(1);
	for (unsigned int i = 0; i < 5; i++) {
		duo_must(san_send(end[0], duo_op(), buf[0], 1, 0) > 0);
		take_turn();
	}
	duo_must(sent(1) == before + 1);
}

/* The core does not sleep over it. */
static void
core_with_an_ack_that_waits_is_due_now(void)
{
	san_handle end[2];

	duo_pair(end);
	duo_must(san_send(end[0], duo_op(), buf[0], LEN, 0) > 0);
	take_turn();
	take_turn();
	duo_must(sani_core_deadline(duo.h[1].below->cores[0]) <= vhost_now_us);
}

static uint16_t
port_of(san_handle sock, bool peer)
{
	struct san_addr ends[2];

	duo_must(san_names(sock, &ends[0], &ends[1]) == 0);
	return ends[peer].port;
}

/* Those that wait before the ones that need not, and a burst in its order. */
static void
connections_are_accepted_in_the_order_of_their_handshakes(void)
{
	struct san_overlapped *accepts[6], *connect;
	san_handle listener, clients[6];

	meet();
	listener = duo_listener(1, 81, 8);
	for (unsigned int i = 0; i < 6; i++) {
		connect = duo_op();
		clients[i] = duo_connect(81, connect);
		/* 0, then 1 and 2; 3 to 5 finish in the round that follows the posts */
		if (i == 0 || i == 2 || i == 5)
			wait_for(connect, 0);
	}
	for (unsigned int i = 0; i < 6; i++) {
		accepts[i] = duo_op();
		duo_must(san_accept(listener, accepts[i], 0) == 0);
	}
	for (unsigned int i = 0; i < 6; i++) {
		wait_for(accepts[i], 0);
		duo_must(port_of(accepts[i]->u.accepted, true) == port_of(clients[i], false));
	}
}

static const struct CMUnitTest tests[] = {
	DUO_CASE_HERE(connections_are_accepted_in_the_order_of_their_handshakes),
	DUO_CASE_HERE(short_connection_takes_seven_packets),
	DUO_CASE_HERE(program_that_says_nothing_delays_an_ack_for_two_rounds),
	DUO_CASE_HERE(ack_of_a_trickle_is_not_put_off_for_ever),
	DUO_CASE_HERE(core_with_an_ack_that_waits_is_due_now),
};

int
main(void)
{
	return cmocka_run_group_tests_name("turns", tests, NULL, NULL);
}
