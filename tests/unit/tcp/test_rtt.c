/* SPDX-License-Identifier: BSD-3-Clause */
#include "bed.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)
#define ACK SANI_TCP_ACK

/* Established with a first sample of 100 ms: SRTT 100, RTTVAR 50, RTO 300 ms (RFC 6298 2.2). */
static void
start(struct bed *b)
{
	struct sani_tcp_seg syn;

	sani_tcp_open_active(&b->c, &b->p, b->now);
	bed_flush(b);
	bed_run(b, 100 * MS);
	syn = bed_seg(b, SANI_TCP_SYN | ACK, BED_IRS, UNA, 0);
	syn.opts |= SANI_TCP_OPT_MSS;
	syn.mss = 1000;
	bed_inject(b, &syn);
	bed_flush(b);
	bed_clear(b);
}

static void
first_sample_sets_rto_to_three_times_itself(void **state)
{
	struct bed *b = *state;

	start(b);
	assert_int_equal(b->c.srtt_us, 100000);
	assert_int_equal(b->c.rttvar_us, 50000);
	assert_int_equal(b->c.rto_us, 300000);
}

static void
later_samples_are_smoothed(void **state)
{
	struct bed *b = *state;

	start(b);
	bed_write(b, 100);
	bed_run(b, 180 * MS);
	bed_in(b, ACK, NXT, UNA + 100, 0);
	/* RTTVAR first: 3/4 50 + 1/4 |100 - 180|; SRTT 7/8 100 + 1/8 180 (RFC 6298 2.3) */
	assert_int_equal(b->c.rttvar_us, 57500);
	assert_int_equal(b->c.srtt_us, 110000);
	assert_int_equal(b->c.rto_us, 340000);
}

static void
rto_has_a_floor_of_200_ms(void **state)
{
	struct bed *b = *state;

	start(b);
	for (uint32_t i = 0; i < 100; i++) {
		bed_write(b, 10);
		bed_run(b, 50);
		bed_in(b, ACK, NXT, UNA + 10 * (i + 1), 0);
		bed_clear(b);
	}
	assert_int_equal(b->c.rto_us, 200000);
}

/* MUST-18: an ACK of a retransmitted segment says nothing about the time. */
static void
retransmitted_segment_gives_no_sample(void **state)
{
	struct bed *b = *state;

	start(b);
	bed_write(b, 100);
	bed_run(b, 301 * MS);
	assert_int_equal(b->nb, 2);
	bed_in(b, ACK, NXT, UNA + 100, 0);
	assert_int_equal(b->c.srtt_us, 100000);
	assert_int_equal(b->c.backoff, 1);	/* kept until there is a sample */
	bed_clear(b);
	bed_write(b, 100);
	bed_run(b, 599 * MS);
	assert_int_equal(b->nb, 1);
	bed_run(b, 1 * MS);
	assert_int_equal(b->nb, 2);
}

static void
sample_of_new_data_ends_the_backoff(void **state)
{
	struct bed *b = *state;

	start(b);
	bed_write(b, 100);
	bed_run(b, 301 * MS);
	bed_in(b, ACK, NXT, UNA + 100, 0);
	bed_write(b, 100);
	bed_run(b, 100 * MS);
	bed_in(b, ACK, NXT, UNA + 200, 0);
	assert_int_equal(b->c.backoff, 0);
	assert_int_equal(b->c.srtt_us, 100000);
}

static void
timestamp_says_which_transmission_was_acknowledged(void **state)
{
	struct bed *b = *state;

	b->ts = true;
	start(b);
	bed_write(b, 100);
	bed_run(b, 320 * MS);
	assert_int_equal(b->nb, 2);
	b->tsecr = b->out[1].seg.tsval;
	bed_in(b, ACK, NXT, UNA + 100, 0);
	assert_int_equal(b->c.srtt_us, (100000 * 7 + 20000) / 8);
	assert_int_equal(b->c.backoff, 0);
}

/* The ACK was lost and is repeated: what lies between is the timer, not the path. */
static void
echo_from_before_the_retransmission_is_no_sample(void **state)
{
	struct bed *b = *state;

	b->ts = true;
	start(b);
	bed_write(b, 100);
	bed_run(b, 320 * MS);
	b->tsecr = b->out[0].seg.tsval;
	bed_in(b, ACK, NXT, UNA + 100, 0);
	assert_int_equal(b->c.srtt_us, 100000);
	assert_int_equal(b->c.backoff, 1);
}

static void
absurd_timestamp_echo_is_no_sample(void **state)
{
	struct bed *b = *state;

	b->ts = true;
	start(b);
	bed_write(b, 100);
	bed_run(b, 320 * MS);
	b->tsecr = b->out[1].seg.tsval + 100000;
	bed_in(b, ACK, NXT, UNA + 100, 0);
	assert_int_equal(b->c.srtt_us, 100000);
}

/* RFC 6298 5.7 */
static void
lost_syn_makes_the_first_rto_3_seconds(void **state)
{
	struct bed *b = *state;

	sani_tcp_open_active(&b->c, &b->p, b->now);
	bed_flush(b);
	bed_run(b, 1500 * MS);
	bed_in(b, SANI_TCP_SYN | ACK, BED_IRS, UNA, 0);
	bed_clear(b);
	bed_write(b, 100);
	bed_run(b, 2999 * MS);
	assert_int_equal(b->nb, 1);
	bed_run(b, 1 * MS);
	assert_int_equal(b->nb, 2);
}

static void
ack_of_half_a_segment_is_a_sample(void **state)
{
	struct bed *b = *state;

	start(b);
	bed_write(b, 3000);
	bed_run(b, 50 * MS);
	bed_in(b, ACK, NXT, UNA + 500, 0);
	assert_int_equal(b->c.srtt_us, 93750);	/* 7/8 of 100 ms and 1/8 of 50 */
	bed_run(b, 50 * MS);
	bed_in(b, ACK, NXT, UNA + 1000, 0);	/* of the same round trip */
	assert_int_equal(b->c.srtt_us, 93750);
}

static void
fast_retransmission_ends_the_measurement(void **state)
{
	struct bed *b = *state;

	start(b);
	bed_write(b, 5000);
	bed_run(b, 150 * MS);
	for (int i = 0; i < 3; i++)
		bed_in(b, ACK, NXT, UNA, 0);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_fast_rexmit), 1);
	bed_run(b, 50 * MS);
	bed_in(b, ACK, NXT, UNA + 5000, 0);
	assert_int_equal(b->c.srtt_us, 100000);
}

/* A round trip of less than a tick of the timestamps' clock is a sample all the same. */
static void
backoff_ends_on_a_path_faster_than_the_clock(void **state)
{
	struct bed *b = *state;

	b->ts = true;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 1000);
	bed_run(b, SEC);
	assert_true(b->c.backoff > 0);
	bed_run(b, b->c.deadline[SANI_TCP_T_REXMIT] - b->now);
	b->tsecr = b->out[b->nb - 1].seg.tsval;
	bed_run(b, 100);
	bed_in(b, ACK, NXT, UNA + 1000, 0);
	assert_int_equal(b->c.backoff, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(first_sample_sets_rto_to_three_times_itself),
		bed_test(later_samples_are_smoothed),
		bed_test(rto_has_a_floor_of_200_ms),
		bed_test(retransmitted_segment_gives_no_sample),
		bed_test(sample_of_new_data_ends_the_backoff),
		bed_test(timestamp_says_which_transmission_was_acknowledged),
		bed_test(echo_from_before_the_retransmission_is_no_sample),
		bed_test(absurd_timestamp_echo_is_no_sample),
		bed_test(lost_syn_makes_the_first_rto_3_seconds),
		bed_test(ack_of_half_a_segment_is_a_sample),
		bed_test(fast_retransmission_ends_the_measurement),
		bed_test(backoff_ends_on_a_path_faster_than_the_clock),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
