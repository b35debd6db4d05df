/* SPDX-License-Identifier: BSD-3-Clause */
/* Tail loss probes: RFC 8985 7. */
#include "out.h"

/* Nothing is heard of four segments, and the last goes again as a probe. */
static void
start_probed(struct bed *b)
{
	start(b, 4);
	bed_run(b, 2 * RTT + 100);
}

/* All are acknowledged then, which may be for the original. */
static void
start_acked(struct bed *b)
{
	start_probed(b);
	bed_in(b, ACK, NXT, seg(4), 0);
}

/* The fifth goes, and its ACK comes. */
static void
go_on(struct bed *b)
{
	bed_write(b, MSS);
	bed_in(b, ACK, NXT, seg(5), 0);
}

static void
lost_tail_is_probed_after_two_round_trips(void **state)
{
	struct bed *b = *state;

	start(b, 4);
	bed_run(b, 2 * RTT - 100);
	assert_int_equal(b->nb, 0);
	bed_run(b, 200);
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK | SANI_TCP_PSH, seg(3), NXT, MSS);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_tlp), 1);
	/* its SACK shows what was before it */
	bed_run(b, RTT);
	sack(b, 2, 3, 4);
	bed_run(b, RTT);
	assert_last(b, ACK, seg(2), NXT, MSS);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rto), 0);
}

/* A round trip of 15 us, and a peer whose program is not run for a millisecond. */
static void
pause_of_a_near_peer_is_no_loss(void **state)
{
	struct bed *b = *state;

	start_over(b, 2, 15);
	bed_run(b, 1900);
	assert_int_equal(b->nb, 0);
	bed_run(b, 200);
	assert_int_equal(b->nb, 1);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_tlp), 1);
}

/* More is queued behind it, but none of that goes before the answer: the peer is told by PSH (RFC 9293 3.9.1.2). */
static void
probe_is_new_data_when_there_is_some(void **state)
{
	struct bed *b = *state;

	start(b, 4);
	b->c.cwnd = 4 * MSS;
	bed_write(b, 2 * MSS);
	assert_int_equal(b->nb, 0);
	bed_run(b, 2 * RTT + 100);
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK | SANI_TCP_PSH, seg(4), NXT, MSS);
}

static void
probe_of_a_fin_carries_the_fin(void **state)
{
	struct bed *b = *state;

	start(b, 4);
	bed_shutdown(b);
	bed_clear(b);
	bed_run(b, 2 * RTT + 100);
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK | SANI_TCP_PSH | SANI_TCP_FIN, seg(3), NXT, MSS);
}

static void
lone_segment_leaves_time_for_a_held_ack(void **state)
{
	struct bed *b = *state;

	start(b, 1);
	bed_run(b, 2 * RTT + 150 * MS);
	assert_int_equal(b->nb, 0);
	bed_run(b, 100 * MS);
	assert_int_equal(b->nb, 1);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_tlp), 1);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rto), 0);
}

/* After a probe that is not answered the retransmission timer has its way. */
static void
one_probe_and_then_the_timeout(void **state)
{
	struct bed *b = *state;

	start(b, 4);
	bed_run(b, 10 * SEC);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_tlp), 1);
	assert_true(bed_count(b, SANI_CTR_tcp_rto) >= 4);
	assert_int_equal(b->out[1].seg.seq, seg(0));
}

/* 7.3: the ACK of a probe that went again gives no sample, so the next flight's end is not probed. */
static void
probe_waits_for_a_round_trip_that_was_measured(void **state)
{
	struct bed *b = *state;

	start_probed(b);
	bed_sack(b, seg(4), 1, (uint32_t[]){ seg(3), seg(4) });
	bed_write(b, 4 * MSS);
	bed_run(b, 3 * RTT);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_tlp), 1);
	bed_in(b, ACK, NXT, seg(8), 0);
	bed_write(b, 4 * MSS);
	bed_run(b, 3 * RTT);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_tlp), 2);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rto), 0);
}

/* RFC 8985 7.4: the probe was needed, which would go unseen. */
static void
loss_repaired_by_a_probe_reduces_the_window(void **state)
{
	struct bed *b = *state;

	start_acked(b);
	assert_int_equal(b->c.cwnd, 20 * MSS);
	go_on(b);
	assert_in_range(b->c.cwnd, 2 * MSS, 10 * MSS);
}

static void
needless_probe_reduces_nothing(void **state)
{
	struct bed *b = *state;

	start_acked(b);
	bed_sack(b, seg(4), 1, (uint32_t[]){ seg(3), seg(4) });
	bed_write(b, MSS);
	bed_sack(b, seg(4), 1, (uint32_t[]){ seg(3), seg(4) });
	bed_in(b, ACK, NXT, seg(5), 0);
	assert_true(b->c.cwnd >= 20 * MSS);
}

/* The D-SACK that clears the probe comes when nothing is out any more: the end of every short answer. */
static void
needless_probe_at_the_very_end_reduces_nothing(void **state)
{
	struct bed *b = *state;

	start_acked(b);
	bed_sack(b, seg(4), 1, (uint32_t[]){ seg(3), seg(4) });
	go_on(b);
	assert_true(b->c.cwnd >= 20 * MSS);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_dsack), 1);
}

/* RFC 8985 7.4.1, case 2: a peer that has SACK but no D-SACK says it with a bare duplicate. */
static void
bare_duplicate_of_the_probe_reduces_nothing(void **state)
{
	struct bed *b = *state;

	start_acked(b);
	bed_in(b, ACK, NXT, seg(4), 0);
	go_on(b);
	assert_true(b->c.cwnd >= 20 * MSS);
}

/* A D-SACK of something else does not clear it. */
static void
dsack_of_other_data_does_not_answer_the_probe(void **state)
{
	struct bed *b = *state;

	start_acked(b);
	bed_sack(b, seg(4), 1, (uint32_t[]){ seg(0), seg(1) });
	go_on(b);
	assert_in_range(b->c.cwnd, 2 * MSS, 10 * MSS);
}

/* RFC 8985 7.2: the timer runs from the last ACK, also if that lets nothing new out. */
static void
acks_that_come_in_put_the_probe_off(void **state)
{
	struct bed *b = *state;

	start(b, 10);
	for (uint32_t i = 1; i < 9; i++) {
		bed_run(b, RTT);
		bed_in(b, ACK, NXT, seg(i), 0);
	}
	assert_int_equal(b->nb, 0);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_tlp), 0);
	bed_run(b, 3 * RTT);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_tlp), 1);
}

static void
tail_behind_a_closed_hole_is_probed(void **state)
{
	struct bed *b = *state;

	start(b, 5);
	bed_run(b, RTT);
	sack(b, 0, 1, 2);
	bed_in(b, ACK, NXT, seg(2), 0);
	bed_run(b, 3 * RTT);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_tlp), 1);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rto), 0);
}

/* The probe shows a second loss, which is repaired in recovery: one event, answered once. */
static void
loss_that_the_probe_has_shown_is_answered_once(void **state)
{
	struct bed *b = *state;
	uint32_t ssthresh;

	start(b, 20);
	bed_run(b, 2 * RTT + 100);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_tlp), 1);
	bed_run(b, RTT);
	sack(b, 10, 19, 20);
	bed_run(b, RTT);
	assert_int_equal(b->c.ca, SANI_TCP_CA_RECOVERY);
	ssthresh = b->c.ssthresh;
	bed_in(b, ACK, NXT, seg(20), 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_OPEN);
	bed_write(b, MSS);
	bed_in(b, ACK, NXT, seg(21), 0);
	assert_int_equal(b->c.ssthresh, ssthresh);
}

/* The SYN-ACK is not probed, so no timer of it is left behind in a connection that stays silent. */
static void
silence_after_accept_is_no_loss(void **state)
{
	struct bed *b = *state;

	b->sack = true;
	bed_accept(b);
	bed_clear(b);
	assert_false(sani_tcp_armed(&b->c, SANI_TCP_T_LOSS));
	bed_run(b, 10 * SEC);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rto), 0);
	bed_write(b, 20 * MSS);
	assert_int_equal(b->nb, 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(lost_tail_is_probed_after_two_round_trips),
		bed_test(pause_of_a_near_peer_is_no_loss),
		bed_test(probe_is_new_data_when_there_is_some),
		bed_test(probe_of_a_fin_carries_the_fin),
		bed_test(lone_segment_leaves_time_for_a_held_ack),
		bed_test(one_probe_and_then_the_timeout),
		bed_test(probe_waits_for_a_round_trip_that_was_measured),
		bed_test(loss_repaired_by_a_probe_reduces_the_window),
		bed_test(needless_probe_reduces_nothing),
		bed_test(needless_probe_at_the_very_end_reduces_nothing),
		bed_test(bare_duplicate_of_the_probe_reduces_nothing),
		bed_test(dsack_of_other_data_does_not_answer_the_probe),
		bed_test(acks_that_come_in_put_the_probe_off),
		bed_test(tail_behind_a_closed_hole_is_probed),
		bed_test(loss_that_the_probe_has_shown_is_answered_once),
		bed_test(silence_after_accept_is_no_loss),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
