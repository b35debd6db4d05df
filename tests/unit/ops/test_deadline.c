/* SPDX-License-Identifier: BSD-3-Clause */
/* Deadlines of operations: op->timeout_us. */
#include "duo.h"

#include <string.h>

#define MS 1000u
#define BIG (32u << 20)

static char buf[4096];
static char big[BIG];

/* Not before the time, and within two ticks of the wheel after it. */
static void
expect_at(struct san_overlapped *op, uint64_t us)
{
	duo_pass(us - 1);
	duo_must(duo_result(op) == INT32_MIN);
	duo_pass(130);
	duo_must(duo_result(op) == -ETIMEDOUT);
	duo_must(duo_count(op) == ((op->flags & SAN_POLLED) ? 0 : 1));
	duo_must(op->timeout_us == us);
}

static void
receive_ends_at_its_time(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s[2];

	duo_pair(s);
	op->timeout_us = 5 * MS;
	duo_must(san_recv(s[0], op, buf, sizeof(buf), 0) == 0);
	expect_at(op, 5 * MS);
	duo_must(op->done == 0);
	/* The connection is as it was. */
	op->timeout_us = 0;
	duo_must(san_recv(s[0], op, buf, sizeof(buf), 0) == 0);
	duo_must(san_send(s[1], duo_op(), "abc", 3, 0) >= 0);
	duo_pass(100 * MS);
	duo_must(duo_result(op) == 3);
}

/* Long after the last round: the time counts from the post. */
static void
time_counts_from_the_post(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s[2];

	duo_pair(s);
	duo.frozen = true;
	duo_settle();	/* no round goes on any more */
	vhost_now_us += 1000 * MS;
	op->timeout_us = 5 * MS;
	duo_must(san_recv(s[0], op, buf, sizeof(buf), 0) == 0);
	duo.frozen = false;
	expect_at(op, 5 * MS);
}

static void
polled_receive_ends_at_its_time(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s[2];

	duo_pair(s);
	op->timeout_us = 5 * MS;
	duo_must(san_recv(s[0], op, buf, sizeof(buf), SAN_POLLED) == 0);
	expect_at(op, 5 * MS);
}

static void
part_of_a_receive_is_told_and_not_lost(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s[2];

	duo_pair(s);
	op->timeout_us = 5 * MS;
	duo_must(san_recv(s[0], op, buf, 10, SAN_WAITALL) == 0);
	duo_must(san_send(s[1], duo_op(), "abcdef", 6, 0) >= 0);
	duo_go();
	duo_must(duo_result(op) == INT32_MIN);
	duo_pass(10 * MS);
	duo_must(duo_result(op) == -ETIMEDOUT);
	duo_must(op->done == 6);
	op->timeout_us = 0;
	duo_must(san_recv(s[0], op, buf + op->done, sizeof(buf) - op->done, 0) == 0);
	duo_must(san_send(s[1], duo_op(), "ghij", 4, 0) >= 0);
	duo_pass(10 * MS);
	duo_must(duo_result(op) == 4);
	duo_must(memcmp(buf, "abcdefghij", 10) == 0);
}

static void
result_in_time_wins(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s[2];

	duo_pair(s);
	op->timeout_us = 50 * MS;
	duo_must(san_recv(s[0], op, buf, 10, 0) == 0);
	duo_pass(20 * MS);
	duo_must(san_send(s[1], duo_op(), "abc", 3, 0) >= 0);
	duo_go();
	duo_must(duo_result(op) == 3);
	duo_pass(200 * MS);
	duo_must(duo_count(op) == 1);
}

static void
connect_ends_and_its_socket_is_fresh(void)
{
	struct san_overlapped *op = duo_op(), *accept = duo_op();
	struct san_addr to = vhost_addr("10.7.0.2", 81);
	san_handle s, listener = duo_listener(1, 81, 4);

	duo.cut = true;
	op->timeout_us = 300 * MS;
	s = duo_connect(81, op);
	expect_at(op, 300 * MS);
	duo.cut = false;
	duo_must(duo_state(s) == SAN_TCP_CLOSED);
	op->timeout_us = 0;
	duo_must(san_accept(listener, accept, 0) == 0);
	duo_must(san_connect(s, op, &to, 0) == 0);
	duo_pass(2000 * MS);
	duo_must(duo_result(op) == 0);
	duo_must(duo_result(accept) == 0);
}

static void
accept_ends_and_its_listener_goes_on(void)
{
	struct san_overlapped *op = duo_op(), *connect = duo_op();
	san_handle listener = duo_listener(1, 81, 4);

	op->timeout_us = 7 * MS;
	duo_must(san_accept(listener, op, 0) == 0);
	expect_at(op, 7 * MS);
	duo_must(duo_of(op)->value == SAN_NO_HANDLE);
	duo_must(san_accept(listener, op, 0) == 0);
	duo_connect(81, connect);
	duo_go();
	duo_must(duo_result(op) == 0);
}

static void
send_that_does_not_fit_ends(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s[2];

	duo_pair(s);
	duo.cut = true;
	op->timeout_us = 20 * MS;
	duo_must(san_send(s[0], op, big, sizeof(big), 0) == 0);
	expect_at(op, 20 * MS);
	duo_must(op->done > 0 && op->done < sizeof(big));
}

static void
send_waits_for_its_acknowledgement_so_long(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s[2];

	duo_pair(s);
	duo.cut = true;
	op->timeout_us = 20 * MS;
	duo_must(san_send(s[0], op, buf, 100, SAN_ACKED) == 0);
	expect_at(op, 20 * MS);
	duo_must(op->done == 100);
}

/* What is finished at the post has no deadline any more. */
static void
send_that_fits_is_not_ended_again(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s[2];
	int rc;

	duo_pair(s);
	op->timeout_us = MS;
	rc = san_send(s[0], op, buf, 100, 0);
	duo_must(rc == 0 || rc == 1);
	duo_must(rc == 0 || op->result == 100);
	duo_pass(100 * MS);
	duo_must(rc == 1 || duo_result(op) == 100);
	duo_must(duo_count(op) == (rc == 0));
}

static void
shutdown_waits_so_long(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s[2];

	duo_pair(s);
	duo.cut = true;
	op->timeout_us = 20 * MS;
	duo_must(san_shutdown(s[0], op, 0) == 0);
	expect_at(op, 20 * MS);
}

static void
close_takes_the_deadline_along(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s[2];

	duo_pair(s);
	op->timeout_us = 5 * MS;
	duo_must(san_recv(s[0], op, buf, sizeof(buf), 0) == 0);
	duo_end(s[0]);
	duo_must(duo_result(op) == -ECANCELED);
	duo_pass(20 * MS);
	duo_must(duo_count(op) == 1);
}

static void
many_end_each_at_its_time(void)
{
	struct san_overlapped *op[20];
	san_handle s[2];
	unsigned int i;

	duo_pair(s);
	for (i = 0; i < 20; i++) {
		op[i] = duo_op();
		/* Not in the order of their posts; some at once. */
		op[i]->timeout_us = (1 + i * 7 % 20) * MS;
		duo_must(san_recv(s[0], op[i], buf, 1, 0) == 0);
	}
	for (i = 0; i < 20; i++) {
		unsigned int j, n = 0;

		duo_pass(MS + (i == 0 ? 65 : 0));
		for (j = 0; j < 20; j++)
			n += duo_result(op[j]) == -ETIMEDOUT;
		duo_must(n == i + 1);
	}
}

/* Room for two a socket: sixteen sockets, thirty-two deadlines. */
static void
too_many_are_refused_and_room_comes_back(void)
{
	struct san_overlapped *op[33];
	san_handle listener = duo_listener(1, 81, 4);
	unsigned int i, round;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < 33; i++) {
			int rc;

			op[i] = round == 0 ? duo_op() : op[i];
			op[i]->timeout_us = 5 * MS;
			rc = san_accept(listener, op[i], 0);
			duo_go();
			duo_must(i < 32 ? rc == 0 : rc == -ENOBUFS || duo_result(op[i]) == -ENOBUFS);
		}
		duo_pass(6 * MS);
		for (i = 0; i < 32; i++)
			duo_must(duo_result(op[i]) == -ETIMEDOUT);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		DUO_CASES(receive_ends_at_its_time),
		DUO_CASES(time_counts_from_the_post),
		DUO_CASES(polled_receive_ends_at_its_time),
		DUO_CASES(part_of_a_receive_is_told_and_not_lost),
		DUO_CASES(result_in_time_wins),
		DUO_CASES(connect_ends_and_its_socket_is_fresh),
		DUO_CASES(accept_ends_and_its_listener_goes_on),
		DUO_CASES(send_that_does_not_fit_ends),
		DUO_CASES(send_waits_for_its_acknowledgement_so_long),
		DUO_CASES(send_that_fits_is_not_ended_again),
		DUO_CASES(shutdown_waits_so_long),
		DUO_CASES(close_takes_the_deadline_along),
		DUO_CASES(many_end_each_at_its_time),
		DUO_CASES(too_many_are_refused_and_room_comes_back),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("deadline", tests, NULL, NULL);
}
