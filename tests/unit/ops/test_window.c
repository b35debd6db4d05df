/* SPDX-License-Identifier: BSD-3-Clause */
/* What a program reads opens the window again. */
#include "duo.h"

#define RCVBUF 4096
#define SEGMENT 1448
#define FIRST 1000		/* octets of a segment that the first of two receives takes */
#define DELACK_US 50000		/* longer than an ACK waits */
#define QUICK 32		/* segments after which ACKs do wait */

static uint8_t buf[2][SEGMENT];

static void
open_pair(san_handle end[2])
{
	struct san_overlapped *accept = duo_op(), *connect = duo_op();
	const struct san_addr port = { .port = 80 };
	san_handle listener = duo_socket(1);

	duo_must(san_set_option(listener, SAN_OPT_RCVBUF, RCVBUF) == 0);
	duo_must(san_bind(listener, &port) == 0 && san_listen(listener, 4) == 0);
	duo_must(san_accept(listener, accept, 0) == 0);
	end[0] = duo_connect(80, connect);
	duo_go();
	duo_must(duo_result(accept) == 0 && duo_result(connect) == 0);
	end[1] = accept->u.accepted;
}

/* A segment of len octets to a program that waits for it. */
static void
pass_segment(const san_handle end[2], uint32_t len)
{
	static struct san_overlapped recv, send;

	recv = send = (struct san_overlapped){ .user = 0 };
	duo_must(san_recv(end[1], &recv, buf[1], len, SAN_POLLED) == 0);
	duo_must(san_send(end[0], &send, buf[0], len, SAN_POLLED) >= 0);
	duo_pass(DELACK_US);
	duo_must(duo_result(&recv) == (int32_t)len);
}

/*
 * What the first receive takes is worth an update (RFC 9293 3.8.6.2.2), which the second one finds noted already. The
 * update goes now, and not with the delayed ACK: the peer may have no window left to send into.
 */
static void
window_update_is_not_lost_when_a_segment_fills_two_receives(void)
{
	struct san_overlapped *recv[2] = { duo_op(), duo_op() };
	san_handle end[2];
	uint64_t before;

	open_pair(end);
	for (unsigned int i = 0; i < QUICK; i++)
		pass_segment(end, 1);
	/* less than a segment's room by then: the window's edge stays */
	pass_segment(end, SEGMENT - QUICK);
	duo_must(san_recv(end[1], recv[0], buf[1], FIRST, 0) == 0);
	duo_must(san_recv(end[1], recv[1], buf[1], SEGMENT - FIRST, 0) == 0);
	before = vhost_count(&duo.h[1], SANI_CTR_tcp_tx);
	duo_must(san_send(end[0], duo_op(), buf[0], SEGMENT, 0) >= 0);
	duo_go();
	duo_must(duo_result(recv[0]) == FIRST && duo_result(recv[1]) == SEGMENT - FIRST);
	duo_must(vhost_count(&duo.h[1], SANI_CTR_tcp_tx) == before + 1);
}

static const struct CMUnitTest tests[] = {
	DUO_CASES(window_update_is_not_lost_when_a_segment_fills_two_receives),
};

int
main(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
