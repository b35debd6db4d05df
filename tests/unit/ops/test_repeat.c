/* SPDX-License-Identifier: BSD-3-Clause */
/* Repeating accepts and receives. */
#include "duo.h"

#include <string.h>

#define STREAM 300000u

static uint8_t out[STREAM];
static uint8_t in[STREAM];
static uint8_t mem[64 * 4096];
static struct san_pieces pieces;

/* Completions of op that say that it goes on. */
static unsigned int
nb_more(const struct san_overlapped *op)
{
	unsigned int i, n = 0;

	for (i = 0; i < duo.nb; i++)
		n += duo.comp[i].op == op && (duo.comp[i].flags & SAN_MORE);
	return n;
}

static void
connect_some(unsigned int n, uint16_t port)
{
	while (n-- > 0)
		duo_connect(port, duo_op());
}

static void
each_connection_is_a_completion(void)
{
	struct san_overlapped *op = duo_op();
	san_handle listener = duo_listener(1, 81, 8);
	unsigned int i;

	duo_must(san_accept_repeat(listener, op, 8) == 0);
	for (i = 1; i <= 5; i++) {
		connect_some(1, 81);
		duo_go();
		duo_must(nb_more(op) == i);
		duo_must(duo_of(op)->result == 0 && duo_of(op)->value != SAN_NO_HANDLE);
		duo_must(duo_state(duo_of(op)->value) == SAN_TCP_ESTABLISHED);
	}
	duo_must(duo_count(op) == 5);
	duo_must(san_cancel(listener, op->id) == 0);
	duo_go();
	duo_must(duo_count(op) == 6 && nb_more(op) == 5);
	duo_must(duo_of(op)->result == -ECANCELED && duo_of(op)->value == SAN_NO_HANDLE);
	/* The structure is ours again. */
	duo_must(san_accept(listener, op, 0) == 0);
	connect_some(1, 81);
	duo_go();
	duo_must(duo_count(op) == 7 && duo_of(op)->flags == 0 && duo_of(op)->result == 0);
}

static void
no_more_than_k_wait_to_be_reaped(void)
{
	struct san_overlapped *op = duo_op();
	san_handle listener = duo_listener(1, 81, 8);
	unsigned int i;

	duo_must(san_accept_repeat(listener, op, 2) == 0);
	duo_go();
	connect_some(5, 81);
	/* The five connects are over, too: seven completions in all. */
	duo_settle();
	duo_settle();
	for (i = 0; i < 8; i++) {
		duo_reap_some(64);
		duo_must(nb_more(op) <= 2 * (i + 1));
		duo_must(nb_more(op) == RTE_MIN(5u, 2 * (i + 1)));
		duo_settle();
	}
	duo_must(nb_more(op) == 5 && duo_count(op) == 5);
}

/* One place given by the head at a time. */
static void
each_reaped_makes_room_for_one(void)
{
	struct san_overlapped *op = duo_op();
	san_handle listener = duo_listener(1, 81, 8);
	unsigned int i, before;

	duo_must(san_accept_repeat(listener, op, 3) == 0);
	duo_go();
	connect_some(6, 81);
	duo_settle();
	/* Behind the connects (host 0's lane) or before them: reap one at a time, and never are there four. */
	for (i = 0; i < 30; i++) {
		before = nb_more(op);
		duo_reap_some(1);
		duo_settle();
		duo_must(nb_more(op) - before <= 1);
	}
	duo_must(nb_more(op) == 6);
}

/* 1 + k at the post, none back with SAN_MORE, all with the last. */
static void
places_are_taken_and_given_back(void)
{
	struct san_overlapped *op = duo_op(), *one = duo_op(), *other = duo_op();
	san_handle listener = duo_listener(1, 81, 8);
	unsigned int round;

	for (round = 0; round < 3; round++) {
		duo_must(san_accept_repeat(listener, op, 64) == -EAGAIN);
		duo_must(san_accept_repeat(listener, op, 62) == 0);
		duo_must(san_accept_repeat(listener, other, 1) == -EAGAIN);
		duo_must(san_accept(listener, one, 0) == 0);
		duo_must(san_accept(listener, other, 0) == -EAGAIN);
		connect_some(3, 81);
		duo_go();
		duo_must(nb_more(op) == 3 * (round + 1));
		duo_must(san_accept(listener, other, 0) == -EAGAIN);
		duo_must(san_cancel_all(listener) == 0);
		duo_go();
		duo_must(duo_result(op) == -ECANCELED);
		duo_must(duo_result(one) == -ECANCELED);
	}
}

static void
listener_goes_and_all_that_was_announced_stays(void)
{
	struct san_overlapped *op = duo_op();
	san_handle listener = duo_listener(1, 81, 8);

	duo_must(san_accept_repeat(listener, op, 2) == 0);
	duo_go();
	connect_some(5, 81);
	duo_settle();
	duo_must(san_close(listener, listener) == 0);
	duo_go();
	duo_must(duo_closed(listener));
	duo_must(nb_more(op) == 2 && duo_count(op) == 3);
	duo_must(duo_of(op)->result == -ECANCELED);
}

/*
 * The listener is closed at each point of the talk between its core and the connections' core, which is polled
 * first, so that some are spoken for: these are announced, and only then does the accept end.
 */
static void
what_another_core_works_on_is_announced_before_the_end(void)
{
	unsigned int rounds, r, i;

	for (rounds = 0; rounds < 8; rounds++) {
		uint16_t port = (uint16_t)(90 + rounds);
		struct san_overlapped *op = duo_op();
		san_handle listener = duo_listener(1, port, 8), from[4];

		duo.nb = 0;
		duo_must(san_accept_repeat(listener, op, 8) == 0);
		for (i = 0; i < 4; i++)
			from[i] = duo_connect(port, duo_op());
		for (r = 0; r < rounds; r++) {
			vhost_round(&duo.h[0]);
			duo_carry();
			san_core_poll(duo.h[1].core[1]);
			san_core_poll(duo.h[1].core[0]);
			duo_carry();
		}
		duo_must(san_close(listener, listener) == 0);
		duo_go();
		duo_must(duo_closed(listener));
		duo_must(duo_count(op) == nb_more(op) + 1 && duo_of(op)->result == -ECANCELED);
		for (i = 0; i < duo.nb; i++)
			if (duo.comp[i].op == op && (duo.comp[i].flags & SAN_MORE))
				duo_end(duo.comp[i].value);
		for (i = 0; i < 4; i++)
			duo_end(from[i]);
	}
}

static void
what_another_core_works_on(void **state)
{
	(void)state;
	duo_run(what_another_core_works_on_is_announced_before_the_end, DUO_ON_CORE, 2, 64);
}

static void
deadline_ends_it(void)
{
	struct san_overlapped *op = duo_op();
	san_handle listener = duo_listener(1, 81, 8);

	op->timeout_us = 5000;
	duo_must(san_accept_repeat(listener, op, 4) == 0);
	connect_some(2, 81);
	duo_pass(4000);
	duo_must(nb_more(op) == 2);
	duo_pass(2000);
	duo_must(duo_count(op) == 3 && duo_of(op)->result == -ETIMEDOUT);
}

static void
others_behind_it_get_what_it_has_no_room_for(void)
{
	struct san_overlapped *op = duo_op(), *one = duo_op();
	san_handle listener = duo_listener(1, 81, 8);

	duo_must(san_accept_repeat(listener, op, 2) == 0);
	duo_must(san_accept(listener, one, 0) == 0);
	duo_go();
	connect_some(4, 81);
	duo_settle();
	duo_reap_some(64);
	duo_must(nb_more(op) == 2);
	duo_must(duo_result(one) == 0);
	duo_go();
	duo_must(nb_more(op) == 3);
}

static void
counts_out_of_range_are_refused(void)
{
	struct san_overlapped *op = duo_op();
	san_handle listener = duo_listener(1, 81, 8), s[2];
	struct san_pieces bad;

	duo_pair(s);
	duo_must(san_accept_repeat(listener, op, 0) == -EINVAL);
	duo_must(san_accept_repeat(listener, op, SAN_REPEAT_MAX + 1) == -EINVAL);
	duo_must(san_accept_repeat(listener, NULL, 1) == -EINVAL);
	bad = (struct san_pieces){ .mem = mem, .size = 10, .nb = 0 };
	duo_must(san_recv_repeat(s[0], op, &bad, 0) == -EINVAL);
	bad = (struct san_pieces){ .mem = mem, .size = 10, .nb = SAN_REPEAT_MAX + 1 };
	duo_must(san_recv_repeat(s[0], op, &bad, 0) == -EINVAL);
	bad = (struct san_pieces){ .mem = mem, .size = 0, .nb = 1 };
	duo_must(san_recv_repeat(s[0], op, &bad, 0) == -EINVAL);
	bad = (struct san_pieces){ .mem = NULL, .size = 10, .nb = 1 };
	duo_must(san_recv_repeat(s[0], op, &bad, 0) == -EINVAL);
	bad = (struct san_pieces){ .mem = mem, .size = 10, .nb = 1 };
	duo_must(san_recv_repeat(s[0], op, &bad, SAN_POLLED) == -EINVAL);
	duo_must(san_recv_repeat(s[0], op, NULL, 0) == -EINVAL);
}

static void
begin(san_handle s[2], uint32_t size, uint32_t nb, struct san_overlapped *op, unsigned int flags)
{
	duo_fill(out, STREAM);
	memset(in, 0, sizeof(in));
	pieces = (struct san_pieces){ .mem = mem, .size = size, .nb = nb };
	duo_pair(s);
	duo_must(san_recv_repeat(s[1], op, &pieces, flags) == 0);
	duo_go();
}

/* Copy out what the completions have brought, and give it back; over: the last one was there. @return Bytes. */
static uint64_t
take(const struct san_overlapped *op, uint64_t at, bool *over)
{
	uint64_t n = 0;
	unsigned int i;

	for (i = 0; i < duo.nb; i++) {
		const struct san_completion *c = &duo.comp[i];

		if (c->op != op)
			continue;
		*over = !(c->flags & SAN_MORE);
		if (*over)
			break;
		duo_must(c->result > 0 && (uint32_t)c->result <= pieces.size);
		duo_must(at + n + (uint32_t)c->result <= STREAM);
		memcpy(in + at + n, (const void *)(uintptr_t)c->value, (size_t)c->result);
		n += (uint32_t)c->result;
		san_give_back(&pieces, 1);
	}
	return n;
}

static void
stream_arrives_in_pieces(void)
{
	struct san_overlapped *op = duo_op(), *send = duo_op();
	unsigned int left = 2000;
	uint64_t got = 0;
	bool over = false;
	san_handle s[2];

	begin(s, 3000, 7, op, 0);
	duo_must(san_send(s[0], send, out, STREAM, 0) >= 0);
	duo_must(san_shutdown(s[0], duo_op(), 0) == 0);
	while (!over && left-- > 0) {
		duo_pass(1000);
		got += take(op, got, &over);
		if (!over)
			duo.nb = 0;	/* room for further ones */
	}
	duo_must(got == STREAM);
	duo_must(memcmp(in, out, STREAM) == 0);
	duo_must(duo_of(op) != NULL && duo_of(op)->result == 0 && duo_of(op)->flags == 0);
}

static void
no_more_pieces_are_filled_than_are_free(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s[2];

	begin(s, 100, 3, op, 0);
	duo_must(san_send(s[0], duo_op(), out, 1000, 0) >= 0);
	duo_pass(1000);
	duo_pass(1000);
	duo_must(nb_more(op) == 3);
	san_give_back(&pieces, 1);
	duo_pass(1000);
	duo_must(nb_more(op) == 4);
	/* It was the first piece again. */
	duo_must(duo_of(op)->value == (uintptr_t)mem);
	duo_must(memcmp(mem, out + 300, 100) == 0 && memcmp(mem + 100, out + 100, 200) == 0);
	san_give_back(&pieces, 3);
	duo_pass(1000);
	duo_must(nb_more(op) == 7);
}

/* Given back before they are reaped, against the rule: the ring is not overrun all the same. */
static void
no_more_completions_than_k_whatever_is_given_back(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s[2];

	begin(s, 100, 3, op, 0);
	duo_must(san_send(s[0], duo_op(), out, 200, 0) >= 0);
	duo_settle();
	san_give_back(&pieces, 2);
	duo_must(san_send(s[0], duo_op(), out, 2000, 0) >= 0);
	duo_settle();
	duo_settle();
	duo_reap_some(64);
	duo_must(nb_more(op) == 3);
}

static void
whole_pieces_when_asked_for(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s[2];

	begin(s, 1000, 4, op, SAN_WAITALL);
	duo_must(san_send(s[0], duo_op(), out, 700, 0) >= 0);
	duo_pass(1000);
	duo_must(nb_more(op) == 0);
	duo_must(san_send(s[0], duo_op(), out + 700, 700, 0) >= 0);
	duo_pass(1000);
	duo_must(nb_more(op) == 1 && duo_of(op)->result == 1000);
	duo_must(san_shutdown(s[0], duo_op(), 0) == 0);
	duo_pass(1000);
	duo_must(nb_more(op) == 2 && duo_count(op) == 3 && duo_of(op)->result == 0);
	duo_must(memcmp(mem, out, 1400) == 0);
}

/* What comes then would fill a piece of its own, and just so. */
static void
a_piece_that_has_begun_goes_on(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s[2];

	begin(s, 1000, 4, op, SAN_WAITALL);
	duo_must(san_send(s[0], duo_op(), out, 300, 0) >= 0);
	duo_pass(1000);
	duo_must(nb_more(op) == 0);
	duo_must(san_send(s[0], duo_op(), out + 300, 1000, 0) >= 0);
	duo_pass(1000);
	duo_must(nb_more(op) == 1 && duo_of(op)->result == 1000);
	duo_must(memcmp(mem, out, 1300) == 0);
}

static void
urgent_bytes_are_told_with_their_piece(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s[2];

	begin(s, 1000, 4, op, 0);
	duo_must(san_send(s[0], duo_op(), out, 10, SAN_URGENT) >= 0);
	duo_pass(1000);
	duo_must(nb_more(op) == 1 && (duo_of(op)->flags & SAN_URGENT));
	duo.nb = 0;
	duo_must(san_send(s[0], duo_op(), out, 10, 0) >= 0);
	duo_pass(1000);
	duo_must(nb_more(op) == 1 && !(duo_of(op)->flags & SAN_URGENT));
}

static void
cancel_tells_what_lies_in_the_next_piece(void)
{
	struct san_overlapped *op = duo_op(), *next = duo_op();
	san_handle s[2];

	begin(s, 1000, 4, op, SAN_WAITALL);
	duo_must(san_send(s[0], duo_op(), out, 1300, 0) >= 0);
	duo_pass(1000);
	duo_must(nb_more(op) == 1);
	duo_must(san_cancel(s[1], op->id) == 0);
	duo_go();
	duo_must(duo_count(op) == 2 && duo_of(op)->result == -ECANCELED);
	duo_must(op->done == 300);
	duo_must(memcmp(mem, out, 1300) == 0);
	/* Nothing is lost. */
	duo_must(san_recv(s[1], next, in, 100, 0) == 0);
	duo_must(san_send(s[0], duo_op(), out, 10, 0) >= 0);
	duo_pass(1000);
	duo_must(duo_result(next) == 10);
}

static void
end_of_stream_comes_behind_what_waits_for_pieces(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s[2];

	begin(s, 100, 1, op, 0);
	duo_must(san_send(s[0], duo_op(), out, 250, 0) >= 0);
	duo_must(san_shutdown(s[0], duo_op(), 0) == 0);
	duo_must(san_shutdown(s[1], duo_op(), 0) == 0);
	duo_pass(100000000);	/* the connection is over by now */
	duo_must(nb_more(op) == 1);
	san_give_back(&pieces, 1);
	duo_go();
	san_give_back(&pieces, 1);
	duo_go();
	duo_must(nb_more(op) == 3 && duo_count(op) == 4);
	duo_must(duo_of(op)->result == 0);
}

static void
reset_ends_it_while_it_waits(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s[2];

	begin(s, 100, 1, op, 0);
	duo_must(san_send(s[0], duo_op(), out, 250, 0) >= 0);
	duo_go();
	duo_end(s[0]);
	duo_pass(1000);
	duo_must(nb_more(op) == 1 && duo_count(op) == 2);
	duo_must(duo_of(op)->result == -ECONNRESET);
}

static void
close_ends_it_while_it_waits(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s[2];

	begin(s, 100, 1, op, 0);
	duo_must(san_send(s[0], duo_op(), out, 250, 0) >= 0);
	duo_go();
	duo_end(s[1]);
	duo_must(nb_more(op) == 1 && duo_count(op) == 2);
	duo_must(duo_of(op)->result == -ECANCELED);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		DUO_CASES(each_connection_is_a_completion),
		DUO_CASES_2(no_more_than_k_wait_to_be_reaped),
		DUO_CASES(each_reaped_makes_room_for_one),
		DUO_CASES(places_are_taken_and_given_back),
		DUO_CASES(listener_goes_and_all_that_was_announced_stays),
		DUO_CASES_2(listener_goes_and_all_that_was_announced_stays),
		{ "what_another_core_works_on_is_announced_before_the_end", what_another_core_works_on,
		  NULL, NULL, NULL },
		DUO_CASES(deadline_ends_it),
		DUO_CASES(others_behind_it_get_what_it_has_no_room_for),
		DUO_CASES(counts_out_of_range_are_refused),
		DUO_CASES(stream_arrives_in_pieces),
		DUO_CASES(no_more_pieces_are_filled_than_are_free),
		DUO_CASES(no_more_completions_than_k_whatever_is_given_back),
		DUO_CASES(whole_pieces_when_asked_for),
		DUO_CASES(a_piece_that_has_begun_goes_on),
		DUO_CASES(urgent_bytes_are_told_with_their_piece),
		DUO_CASES(cancel_tells_what_lies_in_the_next_piece),
		DUO_CASES(end_of_stream_comes_behind_what_waits_for_pieces),
		DUO_CASES(reset_ends_it_while_it_waits),
		DUO_CASES(close_ends_it_while_it_waits),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("repeat", tests, NULL, NULL);
}
