/* SPDX-License-Identifier: BSD-3-Clause */
/* SAN_MORE: the end of a send that fills no segment waits for what follows, for a time. */
#include "duo.h"

#define MS 1000u
#define FULL 1448u	/* of an MTU of 1500, with timestamps */

static char buf[8192];
static char in[8192];

/* Segments that host 0 has sent since the last call. */
static unsigned int
segments(void)
{
	static uint64_t last;
	uint64_t now = vhost_count(&duo.h[0], SANI_CTR_tcp_tx);
	unsigned int n = (unsigned int)(now - last);

	last = now;
	return n;
}

static void
begin(san_handle s[2])
{
	duo_pair(s);
	duo_pass(500 * MS);
	segments();
}

static void
say(san_handle s, uint32_t len, unsigned int flags)
{
	duo_must(san_send(s, duo_op(), buf, len, flags) >= 0);
	duo_go();
}

/* What host 1 has now. */
static int
received(san_handle s)
{
	struct san_overlapped *op = duo_op();
	uint32_t n = 0;

	duo_must(san_recv(s, op, in, sizeof(in), 0) == 0);
	duo_go();
	if (duo_result(op) == INT32_MIN) {
		san_cancel(s, op->id);
		duo_go();
	} else {
		n = (uint32_t)duo_result(op);
	}
	segments();
	return (int)n;
}

static void
goes_with_the_next_send(void)
{
	san_handle s[2];

	begin(s);
	say(s[0], 100, SAN_MORE);
	duo_must(segments() == 0);
	say(s[0], 50, SAN_MORE);
	duo_must(segments() == 0);
	duo_must(received(s[1]) == 0);
	say(s[0], 30, 0);
	duo_must(segments() == 1);
	duo_must(received(s[1]) == 180);
}

static void
goes_by_itself_when_its_time_is_over(void)
{
	san_handle s[2];

	begin(s);
	say(s[0], 100, SAN_MORE);
	duo_pass(60 * MS);
	say(s[0], 50, SAN_MORE);
	duo_pass(39 * MS);
	duo_must(segments() == 0);
	duo_pass(2 * MS);
	duo_must(segments() == 1);
	duo_must(received(s[1]) == 150);
	/* A new row has a time of its own. */
	duo_pass(500 * MS);
	segments();
	say(s[0], 10, SAN_MORE);
	duo_pass(99 * MS);
	duo_must(segments() == 0);
	duo_pass(2 * MS);
	duo_must(segments() == 1);
}

static void
a_row_after_another_has_its_own_time(void)
{
	san_handle s[2];

	begin(s);
	say(s[0], 100, SAN_MORE);
	duo_pass(50 * MS);
	say(s[0], 100, 0);
	duo_pass(10 * MS);
	duo_must(received(s[1]) == 200);
	say(s[0], 10, SAN_MORE);
	duo_pass(60 * MS);
	duo_must(segments() == 0);
	duo_pass(50 * MS);
	duo_must(segments() == 1);
}

static void
full_segments_go_at_once(void)
{
	san_handle s[2];

	begin(s);
	say(s[0], 2 * FULL + 1, SAN_MORE);
	duo_must(segments() == 2);
	duo_must(received(s[1]) == 2 * FULL);
	say(s[0], FULL - 1, SAN_MORE);
	duo_must(segments() == 1);
	duo_must(received(s[1]) == FULL);
}

static void
goes_with_the_fin(void)
{
	struct san_overlapped *fin = duo_op();
	san_handle s[2];

	begin(s);
	say(s[0], 100, SAN_MORE);
	duo_must(san_shutdown(s[0], fin, 0) == 0);
	duo_go();
	duo_must(segments() == 1);
	duo_must(received(s[1]) == 100);
	duo_must(duo_result(fin) == 0);
}

static void
acknowledged_send_waits_with_it(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s[2];

	begin(s);
	duo_must(san_send(s[0], op, buf, 100, SAN_ACKED | SAN_MORE) == 0);
	duo_pass(99 * MS);
	duo_must(duo_result(op) == INT32_MIN);
	duo_pass(100 * MS);
	duo_must(duo_result(op) == 100);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		DUO_CASES(goes_with_the_next_send),
		DUO_CASES(goes_by_itself_when_its_time_is_over),
		DUO_CASES(a_row_after_another_has_its_own_time),
		DUO_CASES(full_segments_go_at_once),
		DUO_CASES(goes_with_the_fin),
		DUO_CASES(acknowledged_send_waits_with_it),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("more", tests, NULL, NULL);
}
