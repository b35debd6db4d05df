/* SPDX-License-Identifier: BSD-3-Clause */
#include "bed.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)
#define ACK SANI_TCP_ACK
#define MSS 1000u

/* Ten segments in flight (the initial window), more queued. The figures are NewReno's. */
static void
start(struct bed *b, uint32_t bytes)
{
	b->p.tune.cc = SAN_CC_NEWRENO;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, bytes);
	assert_int_equal(b->nb, 10);
	bed_clear(b);
}

static void
dup_acks(struct bed *b, uint32_t ack, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		bed_in(b, ACK, NXT, ack, 0);
}

static void
initial_window_is_ten_segments(void **state)
{
	struct bed *b = *state;

	start(b, 50000);
	assert_int_equal(b->c.cwnd, 10 * MSS);
}

/* RFC 6928 2, equation 1. */
static void
initial_window_has_a_bound_in_octets(void **state)
{
	static const uint32_t table[][2] = { { 88, 880 }, { 536, 5360 }, { 1460, 14600 }, { 1988, 14600 },
					     { 7300, 14600 }, { 8948, 17896 } };
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	for (size_t i = 0; i < RTE_DIM(table); i++) {
		b->c.snd_mss = (uint16_t)table[i][0];
		assert_int_equal(sani_tcp_initial_window(&b->c), table[i][1]);
	}
}

static void
initial_window_after_a_lost_syn_is_one_segment(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_SYN_SENT);
	bed_run(b, 1001 * MS);
	bed_in(b, SANI_TCP_SYN | ACK, BED_IRS, UNA, 0);
	bed_clear(b);
	bed_write(b, 50000);
	assert_int_equal(b->nb, 1);
}

/* RFC 8985 6.3: what was sent a moment ago is not lost because what was sent long ago is. */
static void
timeout_gives_up_only_what_is_old(void **state)
{
	struct bed *b = *state;

	b->p.tune.cc = SAN_CC_NEWRENO;
	b->sack = true;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 8 * MSS);
	bed_run(b, 20 * MS);
	bed_in(b, ACK, NXT, UNA + 3 * MSS, 0);
	bed_run(b, 50 * MS);	/* and a probe */
	bed_run(b, b->c.deadline[SANI_TCP_T_REXMIT] - b->now - 5 * MS);
	bed_write(b, 2 * MSS);
	bed_clear(b);
	bed_run(b, 6 * MS);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rto), 1);
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK, UNA + 3 * MSS, NXT, MSS);
	assert_int_equal(b->c.flight.lost, 4 * MSS);
	assert_int_equal(sani_tcp_pipe(&b->c), 3 * MSS);
}

/* RFC 3042: the first two duplicates let new segments out, cwnd stays. */
static void
two_duplicates_send_new_data(void **state)
{
	struct bed *b = *state;

	start(b, 50000);
	dup_acks(b, UNA, 1);
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK, UNA + 10 * MSS, NXT, MSS);
	dup_acks(b, UNA, 1);
	assert_int_equal(b->nb, 2);
	assert_last(b, ACK, UNA + 11 * MSS, NXT, MSS);
	assert_int_equal(b->c.cwnd, 10 * MSS);
}

/* RFC 3042 2: what the peer's window does not hold is not sent for a duplicate either. */
static void
duplicates_send_nothing_beyond_the_window(void **state)
{
	struct bed *b = *state;

	b->wnd = 11 * MSS;
	start(b, 50000);
	dup_acks(b, UNA, 2);
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK, UNA + 10 * MSS, NXT, MSS);
}

static void
third_duplicate_retransmits_and_halves(void **state)
{
	struct bed *b = *state;

	start(b, 50000);
	dup_acks(b, UNA, 3);
	assert_int_equal(b->nb, 3);
	assert_last(b, ACK, UNA, NXT, MSS);
	assert_int_equal(b->c.ssthresh, 5 * MSS);	/* limited transmit does not count */
	assert_int_equal(b->c.cwnd, 8 * MSS);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_fast_rexmit), 1);
	dup_acks(b, UNA, 4);
	assert_int_equal(b->c.cwnd, 12 * MSS);
	assert_int_equal(b->nb, 3);
	dup_acks(b, UNA, 1);
	assert_int_equal(b->nb, 4);
	assert_last(b, ACK, UNA + 12 * MSS, NXT, MSS);
}

/* What the peer's window does not hold cannot have left the network. */
static void
endless_duplicates_inflate_by_no_more_than_the_window(void **state)
{
	struct bed *b = *state;

	start(b, 50000);
	dup_acks(b, UNA, 3);
	dup_acks(b, UNA, 500);
	assert_in_range(b->c.cwnd, b->c.ssthresh, b->c.ssthresh + b->c.max_snd_wnd + MSS);
}

static void
full_ack_ends_recovery_without_a_burst(void **state)
{
	struct bed *b = *state;

	start(b, 12000);
	dup_acks(b, UNA, 9);
	bed_in(b, ACK, NXT, UNA + 12000, 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_OPEN);
	assert_int_equal(b->c.cwnd, 2 * MSS);	/* min(ssthresh, max(FlightSize, SMSS) + SMSS) */
}

/* Three holes in one window are filled by one segment for each partial ACK, without a timeout. */
/* RFC 5681 4.3: the window after the one that was reduced loses something too, so it comes down twice. */
static void
losses_in_two_windows_reduce_twice(void **state)
{
	struct bed *b = *state;
	uint32_t at;

	start(b, 200000);
	dup_acks(b, UNA, 3);
	assert_int_equal(b->c.ssthresh, 5 * MSS);
	bed_in(b, ACK, NXT, b->c.snd_nxt, 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_OPEN);
	for (unsigned int i = 0; i < 40 && b->c.snd_nxt - b->c.snd_una < 5 * MSS; i++)
		bed_in(b, ACK, NXT, b->c.snd_una + MSS, 0);
	at = b->c.snd_una;
	assert_int_equal(b->c.snd_nxt - at, 5 * MSS);
	dup_acks(b, at, 3);
	assert_int_equal(b->c.ca, SANI_TCP_CA_RECOVERY);
	assert_int_equal(b->c.ssthresh, 2500);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_fast_rexmit), 2);
}

static void
three_holes_are_filled_by_partial_acks(void **state)
{
	struct bed *b = *state;

	start(b, 10000);
	dup_acks(b, UNA, 7);		/* lost: 0, 3 and 6 */
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK, UNA, NXT, MSS);
	bed_in(b, ACK, NXT, UNA + 3 * MSS, 0);
	assert_int_equal(b->nb, 2);
	assert_last(b, ACK, UNA + 3 * MSS, NXT, MSS);
	bed_in(b, ACK, NXT, UNA + 6 * MSS, 0);
	assert_int_equal(b->nb, 3);
	assert_last(b, ACK, UNA + 6 * MSS, NXT, MSS);
	bed_in(b, ACK, NXT, UNA + 10 * MSS, 0);
	assert_int_equal(b->nb, 3);
	assert_int_equal(b->c.ca, SANI_TCP_CA_OPEN);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rto), 0);
}

static void
only_the_first_partial_ack_restarts_the_timer(void **state)
{
	struct bed *b = *state;
	uint64_t first;

	start(b, 10000);
	dup_acks(b, UNA, 7);
	bed_run(b, 50 * MS);
	bed_in(b, ACK, NXT, UNA + 3 * MSS, 0);
	first = b->c.deadline[SANI_TCP_T_REXMIT];
	assert_int_equal(first, b->now + 200 * MS);
	bed_run(b, 50 * MS);
	bed_in(b, ACK, NXT, UNA + 6 * MSS, 0);
	assert_int_equal(sani_tcp_deadline_of(&b->c, SANI_TCP_T_REXMIT), first);
}

static void
first_segment_of_all_lost_is_found_by_duplicates(void **state)
{
	struct bed *b = *state;

	start(b, 10000);
	dup_acks(b, UNA, 3);
	assert_last(b, ACK, UNA, NXT, MSS);
	assert_int_equal(b->c.ca, SANI_TCP_CA_RECOVERY);
}

static void
what_is_no_duplicate_is_not_counted(void **state)
{
	struct bed *b = *state;

	start(b, 10000);
	for (uint16_t i = 0; i < 10; i++) {
		b->wnd = (uint16_t)(50000 + i);		/* window updates */
		bed_in(b, ACK, NXT, UNA, 0);
	}
	for (uint32_t i = 0; i < 10; i++)		/* text */
		bed_in(b, ACK, NXT + i, UNA, 1);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_dup_ack), 0);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_fast_rexmit), 0);
}

static void
duplicates_without_data_out_are_nothing(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	dup_acks(b, UNA, 10);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_dup_ack), 0);
	assert_int_equal(b->nb, 0);
}

static void
timeout_starts_again_from_one_segment(void **state)
{
	struct bed *b = *state;

	start(b, 30000);
	bed_run(b, 201 * MS);
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK, UNA, NXT, MSS);
	assert_int_equal(b->c.cwnd, MSS);
	assert_int_equal(b->c.ssthresh, 5 * MSS);
	bed_in(b, ACK, NXT, UNA + MSS, 0);	/* slow start: two more, the old ones first */
	assert_int_equal(b->nb, 3);
	assert_last(b, ACK, UNA + 2 * MSS, NXT, MSS);
}

static void
ssthresh_falls_once_for_repeated_timeouts(void **state)
{
	struct bed *b = *state;

	start(b, 30000);
	bed_run(b, 10 * SEC);
	assert_true(b->nb > 3);
	assert_int_equal(b->c.ssthresh, 5 * MSS);
}

static void
ack_of_all_after_a_timeout_sends_nothing_twice(void **state)
{
	struct bed *b = *state;

	start(b, 10000);
	bed_run(b, 201 * MS);
	bed_clear(b);
	bed_in(b, ACK, NXT, UNA + 10 * MSS, 0);
	assert_int_equal(b->nb, 0);
	assert_int_equal(bed_deadline(b), SANI_NEVER);
	assert_int_equal(b->c.ca, SANI_TCP_CA_OPEN);
}

/* RFC 6582 4: duplicates of what go-back sent twice must not begin a second recovery. */
static void
duplicates_after_a_timeout_start_no_fast_retransmission(void **state)
{
	struct bed *b = *state;

	start(b, 10000);
	bed_run(b, 201 * MS);
	dup_acks(b, UNA, 9);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_fast_rexmit), 0);
}

/* RFC 6582 3.2 step 2: what the repeats of a timeout draw when all that was out is acknowledged shows no loss. */
static void
duplicates_of_what_a_timeout_repeated_show_no_loss(void **state)
{
	struct bed *b = *state;

	start(b, 10000);
	bed_run(b, 201 * MS);
	bed_in(b, ACK, NXT, UNA + 10 * MSS, 0);
	bed_write(b, 5 * MSS);
	dup_acks(b, UNA + 10 * MSS, 9);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_fast_rexmit), 0);
	bed_in(b, ACK, NXT, UNA + 11 * MSS, 0);
	dup_acks(b, UNA + 11 * MSS, 3);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_fast_rexmit), 1);
}

static void
idle_connection_starts_again_from_the_initial_window(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->c.cwnd = 40 * MSS;
	bed_write(b, 100);
	bed_in(b, ACK, NXT, UNA + 100, 0);
	bed_run(b, 10 * SEC);
	bed_clear(b);
	bed_write(b, 50000);
	assert_int_equal(b->nb, 10);
}

static void
what_goes_back_keeps_to_the_window(void **state)
{
	struct bed *b = *state;

	start(b, 10000);
	bed_run(b, 201 * MS);
	bed_clear(b);
	b->wnd = 1000;
	bed_in(b, ACK, NXT, UNA + 2 * MSS, 0);
	assert_int_equal(b->c.cwnd, 2 * MSS);
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK, UNA + 2 * MSS, NXT, MSS);
}

/* RFC 6582 3.2 step 5: recover is the highest number sent when the timer expired. */
static void
loss_lasts_until_all_that_was_out_is_acknowledged(void **state)
{
	struct bed *b = *state;

	start(b, 10000);
	bed_run(b, 201 * MS);
	bed_in(b, ACK, NXT, UNA + 9 * MSS, 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_LOSS);
	dup_acks(b, UNA + 9 * MSS, 5);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_fast_rexmit), 0);
	bed_in(b, ACK, NXT, UNA + 10 * MSS, 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_OPEN);
}

/* recover is compared modulo 2^32: it has to follow a connection that loses nothing for long. */
static void
fast_retransmission_works_after_gigabytes_without_loss(void **state)
{
	struct bed *b = *state;

	start(b, 60000);
	for (uint32_t i = 1; i <= 3; i++) {
		b->c.recover -= 1u << 30;	/* as if so much had gone by */
		bed_in(b, ACK, NXT, UNA + i * MSS, 0);
	}
	bed_clear(b);
	dup_acks(b, UNA + 3 * MSS, 3);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_fast_rexmit), 1);
	assert_last(b, ACK, UNA + 3 * MSS, NXT, MSS);
}

/* Ten segments out for a round trip of 20 ms, with SACK; what is sent next waits for its pace. */
static void
start_paced(struct bed *b)
{
	b->p.tune.cc = SAN_CC_NEWRENO;
	b->sack = true;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->c.srtt_us = b->c.min_rtt_us[0] = 20 * MS;
	bed_write(b, 10 * MSS);
	assert_int_equal(b->nb, 10);
	bed_run(b, 20 * MS);
	bed_clear(b);
	sani_tcp_pace_set(&b->c, 100 * MSS);
	sani_tcp_arm(&b->c, SANI_TCP_T_PACE, b->now + 20 * MS);
}

/* RFC 3522 wants an echo older than the first repeat; with no repeat out each is. */
static void
recovery_before_any_repeat_is_undone_by_the_originals(void **state)
{
	struct bed *b = *state;

	start_paced(b);
	bed_sack(b, UNA, 1, (uint32_t[]){ UNA + 2 * MSS, UNA + 6 * MSS });
	assert_int_equal(b->c.ca, SANI_TCP_CA_RECOVERY);
	assert_int_equal(b->c.flight.lost, 2 * MSS);
	bed_in(b, ACK, NXT, UNA + MSS, 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_RECOVERY);
	bed_in(b, ACK, NXT, UNA + 6 * MSS, 0);
	assert_int_equal(b->nb, 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_OPEN);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_undo), 1);
	assert_true(b->c.cwnd >= 10 * MSS);
	assert_true(b->c.ssthresh > 10 * MSS);
}

/* Without SACK three duplicates and the ACK of all come together. */
static void
duplicates_and_the_ack_of_all_at_once_reduce_nothing(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg seg;

	start(b, 10 * MSS);
	seg = bed_seg(b, ACK, NXT, UNA, 0);
	for (int i = 0; i < 3; i++)
		bed_inject(b, &seg);
	assert_int_equal(b->c.ca, SANI_TCP_CA_RECOVERY);
	seg.ack = UNA + 10 * MSS;
	bed_inject(b, &seg);
	bed_flush(b);
	assert_int_equal(b->nb, 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_OPEN);
	assert_true(b->c.cwnd >= 10 * MSS);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_undo), 1);
	bed_write(b, 10 * MSS);
	assert_int_equal(b->nb, 10);
}

/* The last segment went twice, as a probe: what comes of it does not say that the first of both did. */
static void
what_a_probe_has_repeated_undoes_nothing(void **state)
{
	struct bed *b = *state;

	b->sack = true;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->c.srtt_us = b->c.min_rtt_us[0] = 20 * MS;
	bed_write(b, 2 * MSS);
	bed_run(b, 41 * MS);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_tlp), 1);
	bed_write(b, 4 * MSS);
	bed_run(b, 30 * MS);
	sani_tcp_pace_set(&b->c, 100 * MSS);
	sani_tcp_arm(&b->c, SANI_TCP_T_PACE, b->now + 20 * MS);
	bed_clear(b);
	bed_sack(b, UNA, 1, (uint32_t[]){ UNA + 2 * MSS, UNA + 5 * MSS });
	assert_int_equal(b->c.flight.lost, 2 * MSS);
	bed_in(b, ACK, NXT, UNA + 5 * MSS, 0);
	bed_in(b, ACK, NXT, UNA + 6 * MSS, 0);
	assert_int_equal(b->nb, 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_OPEN);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_undo), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(initial_window_is_ten_segments),
		bed_test(initial_window_has_a_bound_in_octets),
		bed_test(initial_window_after_a_lost_syn_is_one_segment),
		bed_test(timeout_gives_up_only_what_is_old),
		bed_test(two_duplicates_send_new_data),
		bed_test(duplicates_send_nothing_beyond_the_window),
		bed_test(third_duplicate_retransmits_and_halves),
		bed_test(endless_duplicates_inflate_by_no_more_than_the_window),
		bed_test(full_ack_ends_recovery_without_a_burst),
		bed_test(losses_in_two_windows_reduce_twice),
		bed_test(three_holes_are_filled_by_partial_acks),
		bed_test(only_the_first_partial_ack_restarts_the_timer),
		bed_test(first_segment_of_all_lost_is_found_by_duplicates),
		bed_test(what_is_no_duplicate_is_not_counted),
		bed_test(duplicates_without_data_out_are_nothing),
		bed_test(timeout_starts_again_from_one_segment),
		bed_test(ssthresh_falls_once_for_repeated_timeouts),
		bed_test(ack_of_all_after_a_timeout_sends_nothing_twice),
		bed_test(duplicates_after_a_timeout_start_no_fast_retransmission),
		bed_test(duplicates_of_what_a_timeout_repeated_show_no_loss),
		bed_test(idle_connection_starts_again_from_the_initial_window),
		bed_test(what_goes_back_keeps_to_the_window),
		bed_test(loss_lasts_until_all_that_was_out_is_acknowledged),
		bed_test(fast_retransmission_works_after_gigabytes_without_loss),
		bed_test(recovery_before_any_repeat_is_undone_by_the_originals),
		bed_test(duplicates_and_the_ack_of_all_at_once_reduce_nothing),
		bed_test(what_a_probe_has_repeated_undoes_nothing),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
