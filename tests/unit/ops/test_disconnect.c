/* SPDX-License-Identifier: BSD-3-Clause */
/* san_disconnect(), graceful and abortive. */
#include "duo.h"
#include "sock/layer.h"

static char buf[4096];
static char big[32 << 20];

static uint64_t
resets(unsigned int i)
{
	return vhost_count(&duo.h[i], SANI_CTR_tcp_tx_rst);
}

static void
ends_when_both_fins_are_through(void)
{
	struct san_overlapped *op = duo_op(), *recv = duo_op(), *fin = duo_op();
	san_handle s[2];

	duo_pair(s);
	duo_must(san_send(s[0], duo_op(), buf, 100, 0) >= 0);
	duo_must(san_disconnect(s[0], op, 0) == 0);
	duo_pass(1000);
	duo_must(duo_result(op) == INT32_MIN);
	duo_must(duo_state(s[0]) == SAN_TCP_FIN_WAIT_2);
	/* The other direction goes on. */
	duo_must(san_recv(s[0], recv, buf, sizeof(buf), 0) == 0);
	duo_must(san_send(s[1], duo_op(), buf, 50, 0) >= 0);
	duo_go();
	duo_must(duo_result(recv) == 50);
	duo_must(san_shutdown(s[1], fin, 0) == 0);
	duo_go();
	duo_must(duo_result(op) == 0);
	duo_must(duo_result(fin) == 0);
	duo_must(duo_state(s[0]) == SAN_TCP_TIME_WAIT);
	/* So a close is silent. */
	duo_end(s[0]);
	duo_end(s[1]);
	duo_must(resets(0) == 0 && resets(1) == 0);
}

static void
both_sides_may_do_it(void)
{
	struct san_overlapped *op[2] = { duo_op(), duo_op() };
	san_handle s[2];

	duo_pair(s);
	duo_must(san_disconnect(s[0], op[0], 0) == 0);
	duo_go();
	duo_must(san_disconnect(s[1], op[1], 0) == 0);
	duo_go();
	duo_must(duo_result(op[0]) == 0);
	duo_must(duo_result(op[1]) == 0);
	duo_must(duo_state(s[1]) == SAN_TCP_CLOSED);
	/* Once more, of a connection that is over: at once. */
	duo_must(san_disconnect(s[1], op[1], 0) == 0);
	duo_go();
	duo_must(duo_count(op[1]) == 2 && duo_result(op[1]) == 0);
	duo_end(s[0]);
	duo_end(s[1]);
	duo_must(resets(0) == 0 && resets(1) == 0);
}

static void
may_follow_a_shutdown(void)
{
	struct san_overlapped *fin = duo_op(), *op = duo_op();
	san_handle s[2];

	duo_pair(s);
	duo_must(san_shutdown(s[0], fin, 0) == 0);
	duo_must(san_disconnect(s[0], op, 0) == 0);
	duo_go();
	duo_must(duo_result(fin) == 0);
	duo_must(duo_result(op) == INT32_MIN);
	duo_must(san_shutdown(s[1], duo_op(), 0) == 0);
	duo_go();
	duo_must(duo_result(op) == 0);
}

static void
cancelled_behind_a_send_it_lets_sends_in_again(void)
{
	struct san_overlapped *send = duo_op(), *op = duo_op(), *again = duo_op();
	san_handle s[2];

	duo_pair(s);
	duo.cut = true;
	duo_must(san_send(s[0], send, big, sizeof(big), 0) == 0);
	duo_must(san_disconnect(s[0], op, 0) == 0);
	duo_go();
	duo_must(san_cancel(s[0], op->id) == 0);
	duo_go();
	duo_must(duo_result(op) == -ECANCELED);
	duo_must(san_send(s[0], again, buf, 10, 0) == 0);
	duo_go();
	duo_must(duo_result(again) == INT32_MIN);
}

/* Two of them wait: one FIN is left when the other is cancelled. */
static void
one_of_two_fins_cancelled_still_keeps_sends_out(void)
{
	struct san_overlapped *send = duo_op(), *fin = duo_op(), *op = duo_op(), *again = duo_op();
	san_handle s[2];
	int rc;

	duo_pair(s);
	duo.cut = true;
	duo_must(san_send(s[0], send, big, sizeof(big), 0) == 0);
	duo_must(san_shutdown(s[0], fin, 0) == 0);
	duo_must(san_disconnect(s[0], op, 0) == 0);
	duo_go();
	duo_must(san_cancel(s[0], op->id) == 0);
	duo_go();
	rc = san_send(s[0], again, buf, 10, 0);
	duo_go();
	duo_must(rc == -EPIPE || duo_result(again) == -EPIPE);
}

static void
abortive_ends_all_and_the_socket_stays(void)
{
	struct san_overlapped *op = duo_op(), *recv = duo_op(), *send = duo_op(), *graceful = duo_op();
	struct san_overlapped *peer = duo_op(), *later = duo_op();
	san_handle s[2];
	int rc;

	duo_pair(s);
	duo_must(san_recv(s[1], peer, buf, 100, 0) == 0);
	duo_must(san_recv(s[0], recv, buf, 100, 0) == 0);
	duo.cut = true;
	duo_must(san_send(s[0], send, buf, 100, SAN_ACKED) == 0);
	duo_must(san_disconnect(s[0], graceful, 0) == 0);
	duo_go();
	duo.cut = false;
	duo_must(san_disconnect(s[0], op, SAN_ABORT) == 0);
	duo_go();
	duo_must(duo_result(op) == 0);
	duo_must(duo_result(recv) == -ECONNABORTED);
	duo_must(duo_result(send) == -ECONNABORTED);
	duo_must(duo_result(graceful) == -ECONNABORTED);
	duo_must(resets(0) >= 1);
	duo_must(duo_state(s[0]) == SAN_TCP_CLOSED);
	rc = san_recv(s[0], later, buf, 10, 0);
	duo_go();
	duo_must(rc == -ECONNABORTED || duo_result(later) == -ECONNABORTED);
	duo_pass(3000000);
	duo_must(duo_result(peer) == -ECONNRESET);
	duo_end(s[0]);
}

static void
socket_that_is_not_connected_is_refused(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s = duo_socket(0);
	unsigned int i;

	duo_must(san_disconnect(s, op, SAN_MORE) == -EINVAL);
	duo_must(san_disconnect(s, NULL, 0) == -EINVAL);
	for (i = 0; i < 2; i++) {
		int rc = san_disconnect(s, op, i == 0 ? 0 : SAN_ABORT);

		duo_go();
		duo_must(rc == -ENOTCONN || duo_result(op) == -ENOTCONN);
	}
}

/*
 * A handshake that is held ends before anybody takes it; who takes it then sees no open connection, whether the end
 * was told by then or not.
 */
static void
held_connection_that_is_over_was_never_open(void)
{
	struct san_overlapped *accept = duo_op(), *connect = duo_op(), *watch = duo_op();
	const struct san_addr any = { .port = 80 };
	san_handle listener = duo_socket(1);
	san_handle client;

	duo_must(sani_layer_hold(duo.h[1].core[0], listener) == 0);
	duo_must(san_set_option(listener, SAN_OPT_USER_TIMEOUT, 1000) == 0);
	duo_must(san_bind(listener, &any) == 0);
	duo_must(san_listen(listener, 4) == 0);
	client = duo_connect(80, connect);
	duo_go();
	duo_end(client);
	duo_pass(5000000);
	vhost_now_us += 100;	/* not at a tick of the timers */
	duo_must(san_accept(listener, accept, 0) == 0);
	duo_go();
	duo_must(duo_result(accept) == 0);
	duo_must(sani_layer_watch_open(accept->u.accepted, watch) == 0);
	duo_pass(100000);
	duo_must(duo_result(watch) == -ETIMEDOUT);
}

/* A connection that was reset in the backlog has no graceful end, not even before its socket is told of it. */
static void
accepted_connection_that_was_reset_is_not_disconnected(void)
{
	struct san_overlapped *accept = duo_op(), *connect = duo_op(), *op = duo_op();
	san_handle listener = duo_listener(1, 80, 4);
	san_handle client = duo_connect(80, connect);
	int rc;

	duo_go();
	duo_end(client);
	vhost_now_us += 100;	/* not at a tick of the timers */
	duo_must(san_accept(listener, accept, 0) == 0);
	duo_go();
	duo_must(duo_result(accept) == 0);
	rc = san_disconnect(accept->u.accepted, op, 0);
	duo_pass(100000);
	duo_must(rc == -ECONNRESET || (rc == 0 && duo_result(op) == -ECONNRESET));
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		DUO_CASES(ends_when_both_fins_are_through),
		DUO_CASES(both_sides_may_do_it),
		DUO_CASES(may_follow_a_shutdown),
		DUO_CASES(cancelled_behind_a_send_it_lets_sends_in_again),
		DUO_CASES(one_of_two_fins_cancelled_still_keeps_sends_out),
		DUO_CASES(abortive_ends_all_and_the_socket_stays),
		DUO_CASES(socket_that_is_not_connected_is_refused),
		DUO_CASE_HERE(accepted_connection_that_was_reset_is_not_disconnected),
		DUO_CASE_HERE(held_connection_that_is_over_was_never_open),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("disconnect", tests, NULL, NULL);
}
