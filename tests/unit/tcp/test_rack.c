/* SPDX-License-Identifier: BSD-3-Clause */
/* rack.c, prr.c and what recovery.c makes of them: RFC 8985, 9937, 3522, 3708. The probes: test_tlp.c. */
#include "out.h"

static bool
was_sent(const struct bed *b, uint32_t seq)
{
	for (unsigned int i = 0; i < b->nb; i++)
		if (b->out[i].seg.seq == seq)
			return true;
	return false;
}

static void
three_sacked_segments_show_a_loss_at_once(void **state)
{
	struct bed *b = *state;

	start(b, 10);
	bed_run(b, RTT);
	sack(b, 0, 1, 2);
	sack(b, 0, 1, 3);
	assert_int_equal(b->nb, 0);
	sack(b, 0, 1, 4);
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK, seg(0), NXT, MSS);
	assert_int_equal(b->c.ca, SANI_TCP_CA_RECOVERY);
	assert_int_equal(b->c.recover, seg(10) - 1);
}

static void
one_sacked_segment_shows_it_a_quarter_round_trip_later(void **state)
{
	struct bed *b = *state;

	start(b, 2);
	bed_run(b, RTT);
	sack(b, 0, 1, 2);
	assert_int_equal(b->nb, 0);
	bed_run(b, RTT / 4 - 100);
	assert_int_equal(b->nb, 0);
	bed_run(b, 200);
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK, seg(0), NXT, MSS);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rto), 0);
}

static void
segment_that_was_only_late_is_not_sent_again(void **state)
{
	struct bed *b = *state;

	start(b, 3);
	bed_run(b, RTT);
	sack(b, 0, 1, 3);
	bed_run(b, 2 * MS);
	bed_in(b, ACK, NXT, seg(3), 0);
	bed_run(b, 10 * SEC);
	assert_int_equal(b->nb, 0);
	assert_true(b->c.flags & SANI_TCP_F_REORDERED);
	assert_int_equal(b->c.ca, SANI_TCP_CA_OPEN);
}

/* Once reordering was seen three SACKed segments prove nothing: the window of time decides. */
static void
reordering_once_seen_three_are_waited_for(void **state)
{
	struct bed *b = *state;

	start(b, 10);
	b->c.flags |= SANI_TCP_F_REORDERED;
	bed_run(b, RTT);
	sack(b, 0, 1, 6);
	assert_int_equal(b->nb, 0);
	bed_run(b, RTT / 4 + 100);
	assert_int_equal(b->out[0].seg.seq, seg(0));
}

/* 20 out; one ACK acknowledges 16 and shows a loss behind them: half of 20 it is, not of what is left. */
static void
ssthresh_counts_what_the_same_ack_has_acknowledged(void **state)
{
	struct bed *b = *state;

	start(b, 20);
	bed_run(b, RTT);
	sack(b, 16, 17, 20);
	assert_int_equal(b->c.ca, SANI_TCP_CA_RECOVERY);
	assert_in_range(b->c.ssthresh, 10 * MSS, 14 * MSS);
}

static void
lost_retransmission_is_found_without_a_timeout(void **state)
{
	struct bed *b = *state;

	start(b, 10);
	bed_run(b, RTT);
	sack(b, 0, 1, 4);
	assert_int_equal(b->nb, 1);
	bed_write(b, 10 * MSS);
	bed_run(b, RTT / 2);
	sack(b, 0, 1, 10);		/* lets new data out */
	assert_true(b->c.snd_nxt != seg(10));
	bed_clear(b);
	bed_run(b, RTT);
	sack(b, 0, 1, 11);		/* sent after the retransmission, and arrived */
	bed_run(b, RTT);
	assert_true(was_sent(b, seg(0)));
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rto), 0);
}

/*
 * 6.2 step 2: what was sent again less than a round trip ago tells nothing, but the rest of the ACK does. Segment 4
 * was sent before 5, which is here.
 */
static void
ack_of_a_late_original_tells_what_else_it_can(void **state)
{
	struct bed *b = *state;

	start(b, 10);
	bed_run(b, RTT);
	sack(b, 0, 1, 4);
	assert_last(b, ACK, seg(0), NXT, MSS);
	bed_run(b, RTT / 2);
	sack(b, 4, 5, 6);
	assert_int_equal(b->c.rack_end, seg(6));
	assert_true(was_sent(b, seg(4)));
}

/* The same, judged one by one; echoes are of milliseconds, a round trip may be of less. */
static void
what_was_sent_again_tells_only_of_the_last_time(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg ack;
	struct sani_tcp_io io;
	struct sani_tcp_rx rx = { .c = &b->c, .seg = &ack, .io = &io };

	b->ts = true;
	start(b, 3);
	b->now = 7 * SEC + 900;
	io = bed_io(b, NULL, 0);
	ack = bed_seg(b, ACK, NXT, seg(3), 0);
	b->c.min_rtt_us[0] = 400;
	ack.tsecr = sani_tcp_ts_now(&b->c, b->now);
	assert_true(sani_tcp_rack_tells(&rx, (uint32_t)b->now - 400));
	assert_false(sani_tcp_rack_tells(&rx, (uint32_t)b->now - 399));
	ack.tsecr--;
	assert_false(sani_tcp_rack_tells(&rx, (uint32_t)b->now - 400));
	assert_true(sani_tcp_rack_tells(&rx, (uint32_t)b->now - 1000));
}

static void
dsack_widens_the_window_once_a_round_trip(void **state)
{
	struct bed *b = *state;

	start(b, 10);
	bed_sack(b, seg(0), 1, (uint32_t[]){ UNA, UNA + MSS });
	bed_sack(b, seg(0), 1, (uint32_t[]){ UNA, UNA + MSS });
	assert_int_equal(b->c.reo_wnd_mult, 2);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_dsack), 2);
	bed_in(b, ACK, NXT, seg(10), 0);
	bed_write(b, MSS);
	bed_sack(b, seg(10), 1, (uint32_t[]){ UNA, UNA + MSS });
	assert_int_equal(b->c.reo_wnd_mult, 3);
	/* as if more than half of all numbers had been acknowledged without a loss since: that round is over */
	bed_in(b, ACK, NXT, seg(11), 0);
	b->c.dsack_round -= 0x80001000u;
	bed_write(b, MSS);
	bed_sack(b, seg(11), 1, (uint32_t[]){ UNA, UNA + MSS });
	assert_int_equal(b->c.reo_wnd_mult, 4);
}

static void
sixteen_recoveries_without_dsack_narrow_it(void **state)
{
	struct bed *b = *state;

	start(b, 10);
	bed_sack(b, seg(0), 1, (uint32_t[]){ UNA, UNA + MSS });
	for (unsigned int i = 0; i < 16; i++) {
		assert_int_equal(b->c.reo_wnd_mult, 2);
		sani_tcp_rack_recovered(&b->c);
	}
	assert_int_equal(b->c.reo_wnd_mult, 1);
}

/* RFC 9937: of 20 segments one is lost; cwnd goes down to half as the ACKs come in, and stays there. */
static void
recovery_halves_the_flight_evenly(void **state)
{
	struct bed *b = *state;
	unsigned int sent;

	start(b, 20);
	bed_write(b, 60 * MSS);
	assert_int_equal(b->nb, 0);
	bed_run(b, RTT);
	sack(b, 0, 1, 4);
	assert_int_equal(b->nb, 1);
	for (uint32_t i = 5; i <= 20; i++) {
		sent = b->nb;
		sack(b, 0, 1, i);
		assert_in_range(b->nb - sent, 0, 1);
	}
	/* 19 delivered, the flight was 20: about every second ACK lets one out */
	assert_in_range(b->nb, 9, 11);
	assert_int_equal(sani_tcp_pipe(&b->c), b->nb * MSS);
	bed_run(b, RTT);
	bed_in(b, ACK, NXT, seg(20), 0);
	/* the ACK of all that PRR has counted already counts nowhere else: RFC 5681 3.2, step 6 */
	assert_int_equal(b->c.ca, SANI_TCP_CA_OPEN);
	assert_int_equal(b->c.cwnd, b->c.ssthresh);
}

/* Heavy loss: what is out does not exceed what was delivered, plus one for each ACK that makes progress. */
/* The ACK that ends recovery, and SACKs that show a loss behind it, come at once. */
static void
what_was_sacked_before_is_delivered_once(void **state)
{
	struct bed *b = *state;

	start(b, 20);
	bed_run(b, RTT);
	sack(b, 0, 1, 4);
	bed_write(b, 20 * MSS);
	sack(b, 0, 1, 20);
	bed_run(b, RTT);
	assert_true(seq_geq(b->c.snd_nxt, seg(24)));
	bed_in(b, ACK, NXT, seg(20), 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_OPEN);
	sack(b, 20, 21, 24);
	assert_int_equal(b->c.ca, SANI_TCP_CA_RECOVERY);
	assert_int_equal(b->c.prr_delivered, 3 * MSS);
}

static void
recovery_below_ssthresh_sends_what_was_delivered(void **state)
{
	struct bed *b = *state;

	start(b, 20);
	bed_write(b, 60 * MSS);
	bed_run(b, RTT);
	sack(b, 0, 17, 20);
	assert_int_equal(b->c.ca, SANI_TCP_CA_RECOVERY);
	assert_int_equal(b->nb, 3);
	assert_int_equal(b->c.flight.lost, 14 * MSS);
}

/* RFC 3522: the ACK echoes the original's timestamp, so the timeout came too early. */
static void
needless_timeout_is_undone(void **state)
{
	struct bed *b = *state;

	b->ts = true;
	start(b, 10);
	b->tsecr = sani_tcp_ts_now(&b->c, b->now);
	bed_run(b, 400 * MS);
	assert_true(bed_count(b, SANI_CTR_tcp_rto) > 0);
	assert_int_equal(b->c.cwnd, MSS);
	bed_in(b, ACK, NXT, seg(1), 0);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_undo), 1);
	assert_int_equal(b->c.ca, SANI_TCP_CA_OPEN);
	assert_true(b->c.cwnd >= 20 * MSS);
	assert_int_equal(b->c.flight.lost, 0);
}

static void
timeout_that_was_right_is_not_undone(void **state)
{
	struct bed *b = *state;

	b->ts = true;
	start(b, 10);
	bed_run(b, 400 * MS);
	b->tsecr = sani_tcp_ts_now(&b->c, b->now);
	bed_in(b, ACK, NXT, seg(1), 0);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_undo), 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_LOSS);
}

static void
recovery_whose_repeats_all_arrived_twice_is_undone(void **state)
{
	struct bed *b = *state;

	start(b, 10);
	bed_run(b, RTT);
	sack(b, 0, 1, 4);
	assert_int_equal(b->nb, 1);
	bed_in(b, ACK, NXT, seg(4), 0);		/* late, not lost */
	bed_sack(b, seg(4), 1, (uint32_t[]){ seg(0), seg(1) });
	assert_int_equal(bed_count(b, SANI_CTR_tcp_undo), 1);
	assert_true(b->c.cwnd >= 20 * MSS);
	/* a second lie gains nothing (attack row H4) */
	bed_sack(b, seg(4), 1, (uint32_t[]){ seg(0), seg(1) });
	assert_int_equal(bed_count(b, SANI_CTR_tcp_undo), 1);
}

/*
 * A probe's octet was not taken while the window was shut. When it opens the octet goes again; two ACKs in
 * one round, before it could, show no loss.
 */
static void
octet_of_a_window_probe_is_no_loss(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg open;

	start(b, 4);
	b->wnd = 0;
	bed_in(b, ACK, NXT, seg(4), 0);
	bed_write(b, 3 * MSS);
	bed_run(b, SEC);
	assert_true(bed_count(b, SANI_CTR_tcp_tx_probe) > 0);
	b->wnd = 60000;
	open = bed_seg(b, ACK, NXT, seg(4), 0);
	bed_inject(b, &open);
	bed_inject(b, &open);
	bed_flush(b);
	assert_int_equal(b->c.ca, SANI_TCP_CA_OPEN);
	assert_true(b->c.cwnd >= 20 * MSS);
	assert_int_equal(b->c.snd_nxt, seg(7));
}

/* Attack row H2: duplicates without a new SACK are no news. */
static void
repeated_acks_without_news_do_nothing(void **state)
{
	struct bed *b = *state;

	start(b, 10);
	bed_run(b, RTT);
	for (int i = 0; i < 100; i++)
		bed_in(b, ACK, NXT, seg(0), 0);
	assert_int_equal(b->nb, 0);
	sack(b, 0, 1, 2);
	for (int i = 0; i < 100; i++)
		sack(b, 0, 1, 2);
	assert_int_equal(b->nb, 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_OPEN);
}

/* The time of the newest delivered run is 28 bits: it must not seem to lie in the future after a silence. */
static void
after_minutes_of_silence_what_is_only_late_is_not_lost(void **state)
{
	struct bed *b = *state;

	start(b, 1);
	bed_run(b, RTT);
	bed_in(b, ACK, NXT, seg(1), 0);
	bed_run(b, 200 * SEC);
	b->c.cwnd = 20 * MSS;
	b->c.last_snd_us = b->now;
	bed_clear(b);
	bed_write(b, 4 * MSS);
	bed_run(b, RTT / 2);
	bed_write(b, 4 * MSS);
	assert_int_equal(b->nb, 8);
	bed_run(b, RTT / 2);
	sack(b, 1, 2, 5);
	assert_last(b, ACK, seg(1), NXT, MSS);
	bed_run(b, RTT / 2 + 5 * MS);
	assert_int_equal(b->nb, 9);
}

/* RFC 3708: only what was sent again in the episode, and is reported twice, shows that it was needless. */
static void
duplicate_of_what_was_sent_once_undoes_nothing(void **state)
{
	struct bed *b = *state;

	start(b, 10);
	bed_run(b, RTT);
	sack(b, 0, 1, 4);
	bed_run(b, RTT);
	bed_in(b, ACK, NXT, seg(10), 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_OPEN);
	bed_write(b, 2 * MSS);
	bed_run(b, RTT);
	bed_in(b, ACK, NXT, seg(12), 0);
	bed_sack(b, seg(12), 1, (uint32_t[]){ seg(11), seg(12) });
	bed_write(b, MSS);
	bed_sack(b, seg(12), 1, (uint32_t[]){ seg(11), seg(12) });
	assert_int_equal(bed_count(b, SANI_CTR_tcp_undo), 0);
}

/* The window is restored although nothing is out when the last D-SACK comes. */
static void
needless_recovery_at_the_very_end_is_undone(void **state)
{
	struct bed *b = *state;

	start(b, 10);
	bed_run(b, RTT);
	sack(b, 0, 1, 4);
	assert_int_equal(b->nb, 1);
	bed_in(b, ACK, NXT, seg(10), 0);
	bed_sack(b, seg(10), 1, (uint32_t[]){ seg(0), seg(1) });
	assert_int_equal(bed_count(b, SANI_CTR_tcp_undo), 1);
	assert_true(b->c.cwnd >= 20 * MSS);
}

/* RFC 5681 4.3: the loss of a retransmission is a second sign of congestion. */
static void
timeout_in_recovery_reduces_again(void **state)
{
	struct bed *b = *state;

	start(b, 20);
	bed_run(b, RTT);
	sack(b, 0, 1, 4);
	assert_int_equal(b->c.ssthresh, 10 * MSS);
	bed_in(b, ACK, NXT, seg(10), 0);
	bed_run(b, SEC);
	assert_true(bed_count(b, SANI_CTR_tcp_rto) > 0);
	assert_in_range(b->c.ssthresh, 2 * MSS, 5 * MSS);
}

/* A retransmission that RACK has found lost goes again: from then on the timer counts anew. */
static void
lost_retransmission_sent_again_begins_the_timer_anew(void **state)
{
	struct bed *b = *state;

	start(b, 10);
	b->c.rto_us = 200000;
	bed_run(b, RTT);
	sack(b, 0, 1, 4);
	bed_write(b, 10 * MSS);
	bed_run(b, 180 * MS);
	sack(b, 0, 1, 10);
	bed_clear(b);
	bed_run(b, 10 * MS);
	sack(b, 0, 1, 12);
	assert_true(was_sent(b, seg(0)));
	bed_run(b, 150 * MS);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rto), 0);
}

static void
lost_syn_ack_goes_again_after_one_second(void **state)
{
	struct bed *b = *state;

	b->sack = true;
	bed_syn(b);
	bed_clear(b);
	bed_run(b, 1100 * MS);
	assert_int_equal(b->nb, 1);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rto), 1);
}

/* An ECN echo begins PRR with a flight that is SACKed whole; the SACKs may be given up later. */
static void
reduction_with_all_sacked_divides_by_something(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_delivery d = { .bytes = 0 };

	start(b, 10);
	b->c.ssthresh = 2 * MSS;
	b->c.flight.sacked = 10 * MSS;
	sani_tcp_prr_begin(&b->c, &d, b->now);
	b->c.flight.sacked = 0;
	d.bytes = MSS;
	sani_tcp_prr_ack(&b->c, &d);
	assert_true(b->c.cwnd >= 10 * MSS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(three_sacked_segments_show_a_loss_at_once),
		bed_test(one_sacked_segment_shows_it_a_quarter_round_trip_later),
		bed_test(segment_that_was_only_late_is_not_sent_again),
		bed_test(reordering_once_seen_three_are_waited_for),
		bed_test(ssthresh_counts_what_the_same_ack_has_acknowledged),
		bed_test(lost_retransmission_is_found_without_a_timeout),
		bed_test(ack_of_a_late_original_tells_what_else_it_can),
		bed_test(what_was_sent_again_tells_only_of_the_last_time),
		bed_test(dsack_widens_the_window_once_a_round_trip),
		bed_test(sixteen_recoveries_without_dsack_narrow_it),
		bed_test(recovery_halves_the_flight_evenly),
		bed_test(what_was_sacked_before_is_delivered_once),
		bed_test(recovery_below_ssthresh_sends_what_was_delivered),
		bed_test(needless_timeout_is_undone),
		bed_test(timeout_that_was_right_is_not_undone),
		bed_test(recovery_whose_repeats_all_arrived_twice_is_undone),
		bed_test(octet_of_a_window_probe_is_no_loss),
		bed_test(repeated_acks_without_news_do_nothing),
		bed_test(after_minutes_of_silence_what_is_only_late_is_not_lost),
		bed_test(duplicate_of_what_was_sent_once_undoes_nothing),
		bed_test(needless_recovery_at_the_very_end_is_undone),
		bed_test(timeout_in_recovery_reduces_again),
		bed_test(lost_retransmission_sent_again_begins_the_timer_anew),
		bed_test(reduction_with_all_sacked_divides_by_something),
		bed_test(lost_syn_ack_goes_again_after_one_second),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
