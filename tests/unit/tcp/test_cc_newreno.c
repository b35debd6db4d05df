/* SPDX-License-Identifier: BSD-3-Clause */
#include "bed.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)
#define ACK SANI_TCP_ACK

static void
start(struct bed *b)
{
	b->p.tune.cc = SAN_CC_NEWRENO;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	assert_ptr_equal(b->c.cc, &sani_tcp_cc_newreno);
}

static void
slow_start_grows_by_what_was_acknowledged(void **state)
{
	struct bed *b = *state;

	start(b);
	bed_write(b, 50000);
	bed_in(b, ACK, NXT, UNA + 400, 0);
	assert_int_equal(b->c.cwnd, 10400);
	bed_in(b, ACK, NXT, UNA + 5400, 0);	/* at most SMSS for an ACK */
	assert_int_equal(b->c.cwnd, 11400);
}

static void
avoidance_grows_by_one_segment_a_window(void **state)
{
	struct bed *b = *state;
	uint32_t at = UNA;

	start(b);
	b->c.ssthresh = 5000;
	bed_write(b, 100000);
	for (int i = 0; i < 9; i++)
		bed_in(b, ACK, NXT, at += 1000, 0);
	assert_int_equal(b->c.cwnd, 10000);
	bed_in(b, ACK, NXT, at += 1000, 0);
	assert_int_equal(b->c.cwnd, 11000);
}

/* ACKs that come together count as if each had found the window full: nothing could go between them. */
static void
acks_of_one_round_count_in_full(void **state)
{
	struct bed *b = *state;

	start(b);
	b->c.ssthresh = 5000;
	bed_write(b, 100000);
	for (uint32_t i = 1; i <= 10; i++) {
		struct sani_tcp_seg seg = bed_seg(b, ACK, NXT, UNA + i * 1000, 0);

		bed_inject(b, &seg);
	}
	assert_int_equal(b->c.cwnd, 11000);
}

static void
unused_window_does_not_grow(void **state)
{
	struct bed *b = *state;

	start(b);
	for (uint32_t i = 1; i < 100; i++) {
		bed_write(b, 100);
		bed_in(b, ACK, NXT, UNA + 100 * i, 0);
		bed_clear(b);
	}
	assert_int_equal(b->c.cwnd, 10000);
}

static void
ssthresh_is_half_the_flight_but_two_segments_at_least(void **state)
{
	struct bed *b = *state;

	start(b);
	assert_int_equal(sani_tcp_cc_newreno.loss(&b->c, 10000, b->now), 5000);
	assert_int_equal(sani_tcp_cc_newreno.loss(&b->c, 3000, b->now), 2000);
	assert_int_equal(sani_tcp_cc_newreno.loss(&b->c, 0, b->now), 2000);
}

static void
grow(struct bed *b, uint32_t acked)
{
	const struct sani_tcp_cc_ack ack = { .now_us = b->now, .acked = acked, .limited = true };

	sani_tcp_cc_newreno.acked(&b->c, &ack);
}

static void
what_exceeds_the_window_counts_for_the_next(void **state)
{
	struct bed *b = *state;

	start(b);
	b->c.ssthresh = 5000;
	grow(b, 9500);
	grow(b, 1500);
	assert_int_equal(b->c.cwnd, 11000);
	grow(b, 10000);
	assert_int_equal(b->c.cwnd, 12000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(slow_start_grows_by_what_was_acknowledged),
		bed_test(avoidance_grows_by_one_segment_a_window),
		bed_test(acks_of_one_round_count_in_full),
		bed_test(unused_window_does_not_grow),
		bed_test(ssthresh_is_half_the_flight_but_two_segments_at_least),
		bed_test(what_exceeds_the_window_counts_for_the_next),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
