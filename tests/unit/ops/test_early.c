/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends while connecting (SAN_OPT_FASTOPEN): when they may be posted, how they end. */
#include "duo.h"

#include <string.h>

#define MS 1000u
#define PORT 81
#define BIG (32u << 20)

static const char text[] = "a request that may be carried out twice";
#define LEN ((uint32_t)sizeof(text))

static char buf[4096];
static char big[BIG];

static san_handle
fast_socket(unsigned int i)
{
	san_handle s = duo_socket(i);

	duo_must(san_set_option(s, SAN_OPT_FASTOPEN, 8) == 0);
	return s;
}

static san_handle
fast_listener(void)
{
	struct san_addr a = { .port = PORT };
	san_handle s = fast_socket(1);

	duo_must(san_bind(s, &a) == 0);
	duo_must(san_listen(s, 8) == 0);
	return s;
}

static void
connect_to(san_handle s, struct san_overlapped *op)
{
	struct san_addr to = vhost_addr("10.7.0.2", PORT);

	duo_must(san_connect(s, op, &to, 0) == 0);
}

/* A connect, and behind it a send that ends with its acknowledgement, before either is looked at. */
static void
connect_and_send(san_handle s, struct san_overlapped *connect, struct san_overlapped *send)
{
	duo.frozen = true;
	duo_settle();	/* no round goes on any more */
	connect_to(s, connect);
	duo_must(san_send(s, send, text, LEN, SAN_ACKED) == 0);
	duo.frozen = false;
}

static san_handle
open_and_send(struct san_overlapped *connect, struct san_overlapped *send)
{
	san_handle s = fast_socket(0);

	connect_and_send(s, connect, send);
	return s;
}

/* The text is what the other end receives, and all of it. */
static void
expect_text(san_handle s)
{
	struct san_overlapped *op = duo_op();

	duo_must(san_recv(s, op, buf, sizeof(buf), 0) == 0);
	duo_pass(100 * MS);
	duo_must(duo_result(op) == (int32_t)LEN);
	duo_must(memcmp(buf, text, LEN) == 0);
}

static void
early_send_follows_or_rides(void)
{
	san_handle listener = fast_listener();

	for (unsigned int i = 0; i < 2; i++) {
		struct san_overlapped *connect = duo_op(), *send = duo_op(), *accept = duo_op();

		duo_must(san_accept(listener, accept, 0) == 0);
		open_and_send(connect, send);
		duo_pass(100 * MS);
		duo_must(duo_result(connect) == 0);
		duo_must(duo_result(accept) == 0);
		duo_must(duo_result(send) == (int32_t)LEN);
		expect_text(accept->u.accepted);
		/* the first connection brings the cookie, the second one uses it */
		duo_must(vhost_count(&duo.h[0], SANI_CTR_tcp_tx_fast) == i);
		duo_must(vhost_count(&duo.h[1], SANI_CTR_tcp_rx_fast) == i);
	}
}

/* It is in the stream already: only its end is not waited for any more. What ended behind it is told. */
static void
early_send_is_cancelled_and_the_connect_goes_on(void)
{
	struct san_overlapped *connect = duo_op(), *send = duo_op(), *next = duo_op(), *accept = duo_op();
	san_handle listener = fast_listener();
	san_handle s;

	duo_must(san_accept(listener, accept, 0) == 0);
	duo.cut = true;
	s = open_and_send(connect, send);
	duo_must(san_send(s, next, text, LEN, 0) == 0);
	duo_go();
	duo_must(duo_result(send) == INT32_MIN);
	duo_must(duo_result(next) == INT32_MIN);
	duo_must(san_cancel(s, send->id) == 0);
	duo_go();
	duo_must(duo_result(send) == -ECANCELED);
	duo_must(send->done == LEN);
	duo_must(duo_result(next) == (int32_t)LEN);
	duo_must(duo_result(connect) == INT32_MIN);
	duo.cut = false;
	duo_pass(2000 * MS);
	duo_must(duo_result(connect) == 0);
	duo_must(duo_count(send) == 1);
	duo_must(duo_result(accept) == 0);
}

static void
early_send_ends_at_its_time_and_the_connect_goes_on(void)
{
	struct san_overlapped *connect = duo_op(), *send = duo_op();

	fast_listener();
	duo.cut = true;
	send->timeout_us = 5 * MS;
	open_and_send(connect, send);
	duo_pass(5 * MS - 1);
	duo_must(duo_result(send) == INT32_MIN);
	duo_pass(130);
	duo_must(duo_result(send) == -ETIMEDOUT);
	duo.cut = false;
	duo_pass(2000 * MS);
	duo_must(duo_result(connect) == 0);
	duo_must(duo_count(send) == 1);
}

/* With the connect's error, also the one that was not wholly taken. */
static void
refused_connect_ends_early_sends(void)
{
	struct san_overlapped *connect = duo_op(), *send = duo_op(), *more = duo_op();
	san_handle s;

	duo.cut = true;
	s = open_and_send(connect, send);
	duo_must(san_send(s, more, big, BIG, 0) == 0);
	duo_go();
	duo_must(duo_result(more) == INT32_MIN);
	duo.cut = false;
	duo_pass(2000 * MS);
	duo_must(duo_result(connect) == -ECONNREFUSED);
	duo_must(duo_result(send) == -ECONNREFUSED);
	duo_must(duo_result(more) == -ECONNREFUSED);
	duo_must(more->done > 0 && more->done < BIG);
}

/* The socket is fresh: nothing of what was written for the first connection is in the second one. */
static void
cancelled_connect_ends_early_sends(void)
{
	struct san_overlapped *connect = duo_op(), *send = duo_op(), *accept = duo_op();
	san_handle listener = fast_listener();
	san_handle s;

	duo.cut = true;
	s = open_and_send(connect, send);
	duo_go();
	duo_must(san_cancel(s, connect->id) == 0);
	duo_go();
	duo_must(duo_result(connect) == -ECANCELED);
	duo_must(duo_result(send) == -ECANCELED);
	duo.cut = false;
	duo_must(san_accept(listener, accept, 0) == 0);
	connect_and_send(s, connect, send);
	duo_pass(2000 * MS);
	duo_must(duo_result(connect) == 0);
	duo_must(duo_result(send) == (int32_t)LEN);
	duo_must(duo_result(accept) == 0);
	expect_text(accept->u.accepted);
}

static void
deadline_of_the_connect_ends_early_sends(void)
{
	struct san_overlapped *connect = duo_op(), *send = duo_op();

	duo.cut = true;
	connect->timeout_us = 300 * MS;
	open_and_send(connect, send);
	duo_pass(300 * MS - 1);
	duo_must(duo_result(send) == INT32_MIN);
	duo_pass(130);
	duo_must(duo_result(connect) == -ETIMEDOUT);
	duo_must(duo_result(send) == -ETIMEDOUT);
}

static void
cancel_of_all_and_close_end_early_sends(void)
{
	struct san_overlapped *connect = duo_op(), *send = duo_op();
	san_handle s;

	duo.cut = true;
	s = open_and_send(connect, send);
	duo_go();
	duo_must(san_cancel_all(s) == 0);
	duo_go();
	duo_must(duo_result(connect) == -ECANCELED);
	duo_must(duo_result(send) == -ECANCELED);
	s = open_and_send(connect, send);
	duo_go();
	duo_end(s);
	duo_must(duo_count(connect) == 2 && duo_result(connect) == -ECANCELED);
	duo_must(duo_count(send) == 2 && duo_result(send) == -ECANCELED);
}

static void
expect_not_connected(int rc, struct san_overlapped *op)
{
	duo_go();
	duo_must((rc == 0 ? duo_result(op) : rc) == -ENOTCONN);
}

static void
nothing_else_is_early(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s = fast_socket(0);

	duo.cut = true;
	connect_to(s, duo_op());
	expect_not_connected(san_send(s, op, text, LEN, SAN_URGENT), op);
	expect_not_connected(san_recv(s, op, buf, sizeof(buf), 0), op);
	expect_not_connected(san_shutdown(s, op, 0), op);
	/* nor without the option, nor before the connect */
	s = duo_socket(0);
	connect_to(s, duo_op());
	expect_not_connected(san_send(s, op, text, LEN, 0), op);
	s = fast_socket(0);
	expect_not_connected(san_send(s, op, text, LEN, 0), op);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		DUO_CASES(early_send_follows_or_rides),
		DUO_CASES(early_send_is_cancelled_and_the_connect_goes_on),
		DUO_CASES(early_send_ends_at_its_time_and_the_connect_goes_on),
		DUO_CASES(refused_connect_ends_early_sends),
		DUO_CASES(cancelled_connect_ends_early_sends),
		DUO_CASES(deadline_of_the_connect_ends_early_sends),
		DUO_CASES(cancel_of_all_and_close_end_early_sends),
		DUO_CASES(nothing_else_is_early),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("early", tests, NULL, NULL);
}
