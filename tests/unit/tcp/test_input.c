/* SPDX-License-Identifier: BSD-3-Clause */
#include "bed.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)

static void
rst_in_the_window_gets_a_challenge(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_in(b, SANI_TCP_RST, NXT + 1, 0, 0);
	assert_state(b, ESTABLISHED);
	assert_int_equal(b->nb, 1);
	assert_last(b, SANI_TCP_ACK, UNA, NXT, 0);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_drop_rst), 1);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_challenge), 1);
}

static void
rst_outside_the_window_is_silent(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_in(b, SANI_TCP_RST, NXT - 1, 0, 0);
	bed_in(b, SANI_TCP_RST, NXT + 200000, 0, 0);
	assert_state(b, ESTABLISHED);
	assert_int_equal(b->nb, 0);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_drop_window), 2);
}

/* RFC 5961 3.2 speaks of RCV.NXT <= SEG.SEQ < RCV.NXT + RCV.WND: the edge itself is outside. */
static void
rst_at_the_right_edge_is_silent(void **state)
{
	struct bed *b = *state;

	b->p.rcvbuf = 4096;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_in(b, SANI_TCP_RST, NXT + 4096, 0, 0);
	assert_int_equal(b->nb, 0);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_drop_window), 1);
	bed_in(b, SANI_TCP_RST, NXT + 4095, 0, 0);
	assert_int_equal(b->nb, 1);
	assert_last(b, SANI_TCP_ACK, UNA, NXT, 0);
}

/* RFC 9293 3.8.6 (MUST-66): with the window shut a reset is believed all the same. */
static void
rst_at_a_shut_window_is_taken(void **state)
{
	struct bed *b = *state;

	b->p.rcvbuf = 4096;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	for (uint32_t at = 0; at < 4096; at += 1024)
		bed_in(b, SANI_TCP_ACK, NXT + at, UNA, 1024);
	bed_in(b, SANI_TCP_RST, NXT + 4096, 0, 0);
	assert_state(b, CLOSED);
}

static void
rst_with_text_is_a_rst(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_in(b, SANI_TCP_RST, NXT, 0, 40);
	assert_state(b, CLOSED);
}

static void
syn_in_any_synchronized_state_gets_a_challenge(void **state)
{
	struct bed *b = *state;

	for (int s = SAN_TCP_ESTABLISHED; s <= SAN_TCP_LAST_ACK; s++) {
		bed_reach(b, (enum san_tcp_state)s);
		bed_in(b, SANI_TCP_SYN, b->c.rcv_nxt, 0, 0);
		bed_in(b, SANI_TCP_SYN, b->c.rcv_nxt + 500000, 0, 0);
		assert_int_equal(sani_tcp_state(&b->c), s);
		assert_int_equal(b->nb, 2);
		assert_last(b, SANI_TCP_ACK, b->c.snd_nxt, b->c.rcv_nxt, 0);
		sani_tcp_discard(&b->c);
	}
}

static void
challenges_are_limited_for_each_connection(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	for (int i = 0; i < 100; i++)
		bed_in(b, SANI_TCP_SYN, NXT + 5, 0, 0);
	assert_int_equal(b->nb, 10);
	bed_run(b, 1001 * MS);
	bed_in(b, SANI_TCP_SYN, NXT + 5, 0, 0);
	assert_int_equal(b->nb, 11);
}

/* Two desynchronized ends would acknowledge each other's ACKs for ever. */
static void
bare_acks_outside_the_window_are_answered_at_a_limited_rate(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	for (int i = 0; i < 1000; i++)
		bed_in(b, SANI_TCP_ACK, NXT - 5000, UNA, 0);
	assert_int_equal(b->nb, 10);
}

static void
old_text_is_acknowledged_each_time(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_in(b, SANI_TCP_ACK, NXT, UNA, 100);
	bed_clear(b);
	for (int i = 0; i < 20; i++)
		bed_in(b, SANI_TCP_ACK, NXT, UNA, 100);
	assert_int_equal(b->nb, 20);
	assert_last(b, SANI_TCP_ACK, UNA, NXT + 100, 0);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_drop_dup), 20);
}

static void
keepalive_probe_is_answered(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_in(b, SANI_TCP_ACK, NXT - 1, UNA, 0);
	assert_last(b, SANI_TCP_ACK, UNA, NXT, 0);
	bed_clear(b);
	bed_in(b, SANI_TCP_ACK, NXT - 1, UNA, 1);
	assert_last(b, SANI_TCP_ACK, UNA, NXT, 0);
}

static void
segment_without_ack_is_dropped(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_in(b, 0, NXT, 0, 100);
	bed_in(b, SANI_TCP_FIN, NXT, 0, 0);
	assert_state(b, ESTABLISHED);
	assert_int_equal(b->c.rcv_nxt, NXT);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_drop_state), 2);
}

/* RFC 9293 3.10.7.4, fifth: it is dropped, whatever part of it lies outside. */
static void
segment_without_ack_at_an_edge_is_silent(void **state)
{
	struct bed *b = *state;

	b->p.rcvbuf = 4096;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_in(b, 0, NXT - 50, 0, 100);
	bed_in(b, 0, NXT + 4000, 0, 500);
	assert_int_equal(b->nb, 0);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_drop_state), 2);
}

static void
text_on_both_sides_of_the_edges_is_trimmed(void **state)
{
	struct bed *b = *state;

	b->p.rcvbuf = 4096;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_in(b, SANI_TCP_ACK, NXT, UNA, 1000);
	bed_in(b, SANI_TCP_ACK | SANI_TCP_FIN, NXT + 900, UNA, 5000);
	assert_int_equal(b->c.rcv_nxt, NXT + 4096);
	assert_state(b, ESTABLISHED);	/* the FIN lies behind the edge */
	assert_int_equal(bed_read(b), 4096);
}

static void
urgent_text_is_delivered_in_line(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg seg;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	seg = bed_seg(b, SANI_TCP_ACK | SANI_TCP_URG, NXT, UNA, 100);
	seg.urg = 65535;
	bed_inject(b, &seg);
	seg.seq += 100;
	seg.urg = 0;
	bed_inject(b, &seg);
	assert_int_equal(bed_read(b), 200);
	bed_flush(b);
}

static void
old_timestamp_is_dropped_and_answered(void **state)
{
	struct bed *b = *state;

	b->ts = true;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->tsval = 6999;
	bed_in(b, SANI_TCP_ACK, NXT, UNA, 100);
	assert_int_equal(sani_tcp_readable(&b->c), 0);
	assert_last(b, SANI_TCP_ACK, UNA, NXT, 0);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_drop_paws), 1);
	b->tsval = 7000;
	bed_in(b, SANI_TCP_ACK, NXT, UNA, 100);
	assert_int_equal(bed_read(b), 100);
}

static void
old_timestamp_on_rst_does_not_matter(void **state)
{
	struct bed *b = *state;

	b->ts = true;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->tsval = 1;
	bed_in(b, SANI_TCP_RST, NXT, 0, 0);
	assert_state(b, CLOSED);
}

static void
missing_timestamp_is_dropped_silently(void **state)
{
	struct bed *b = *state;

	b->ts = true;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->ts = false;
	bed_in(b, SANI_TCP_ACK, NXT, UNA, 100);
	assert_int_equal(b->nb, 0);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_drop_paws), 1);
	bed_in(b, SANI_TCP_RST, NXT, 0, 0);
	assert_state(b, CLOSED);
}

static void
timestamps_wrap(void **state)
{
	struct bed *b = *state;

	b->ts = true;
	b->tsval = UINT32_MAX;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->tsval = 5;
	bed_in(b, SANI_TCP_ACK, NXT, UNA, 100);
	assert_int_equal(bed_read(b), 100);
	assert_int_equal(b->c.ts_recent, 5);
}

static void
ts_recent_is_void_after_24_days(void **state)
{
	struct bed *b = *state;

	b->ts = true;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->tsval = 7;
	bed_run(b, 23ull * 24 * 3600 * SEC);
	bed_in(b, SANI_TCP_ACK, NXT, UNA, 100);
	assert_int_equal(bed_read(b), 0);
	bed_run(b, 2ull * 24 * 3600 * SEC);
	bed_in(b, SANI_TCP_ACK, NXT, UNA, 100);
	assert_int_equal(bed_read(b), 100);
	assert_int_equal(b->c.ts_recent, 7);
}

/* RFC 7323 4.3: what lies right of Last.ACK.sent must not move TS.Recent. */
static void
ts_recent_moves_only_with_what_is_acknowledged_next(void **state)
{
	struct bed *b = *state;

	b->ts = true;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->tsval = 0x40000000;
	bed_in(b, SANI_TCP_ACK, NXT + 500, UNA, 100);
	assert_int_equal(b->c.ts_recent, 7000);
	assert_int_equal(b->out[b->nb - 1].seg.tsecr, 7000);
	b->tsval = 7003;
	bed_in(b, SANI_TCP_ACK, NXT, UNA, 500);
	assert_int_equal(b->c.ts_recent, 7003);
	assert_int_equal(b->out[b->nb - 1].seg.tsecr, 7003);
}

/* With a delayed ACK the echo is that of the earliest segment not yet acknowledged. */
static void
delayed_ack_echoes_the_earliest_timestamp(void **state)
{
	struct bed *b = *state;

	b->ts = true;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->c.quick_acks = 0;
	b->tsval = 7010;
	bed_in(b, SANI_TCP_ACK, NXT, UNA, 10);
	b->tsval = 7020;
	bed_in(b, SANI_TCP_ACK, NXT + 10, UNA, 10);
	assert_int_equal(b->nb, 0);
	bed_run(b, 41 * MS);
	assert_last(b, SANI_TCP_ACK, UNA, NXT + 20, 0);
	assert_int_equal(b->out[0].seg.tsecr, 7010);
}

static void
every_segment_carries_timestamps_once_agreed(void **state)
{
	struct bed *b = *state;

	b->ts = true;
	bed_connect(b);
	bed_write(b, 3000);
	bed_in(b, SANI_TCP_ACK, NXT, UNA + 3000, 50);
	bed_shutdown(b);
	for (unsigned int i = 1; i < b->nb; i++) {
		assert_int_equal(b->out[i].seg.opts, SANI_TCP_OPT_TS);
		assert_int_equal(b->out[i].seg.hdr_len, 32);
		assert_int_equal(b->out[i].seg.tsval, (uint32_t)(b->now / 1000) + 12345);
	}
}

static void
peer_that_filled_the_window_may_still_acknowledge(void **state)
{
	struct bed *b = *state;

	b->p.rcvbuf = 4096;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 100);
	bed_in(b, SANI_TCP_ACK, NXT + 4096, UNA + 100, 0);
	assert_int_equal(b->c.snd_una, UNA + 100);
}

/* A peer that has started anew may not know of timestamps: RFC 5961 4 tells it of the old connection. */
static void
syn_without_timestamp_gets_a_challenge(void **state)
{
	struct bed *b = *state;

	b->ts = true;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->ts = false;
	bed_in(b, SANI_TCP_SYN, NXT + 1000, 0, 0);
	assert_int_equal(b->nb, 1);
	assert_last(b, SANI_TCP_ACK, UNA, NXT, 0);
}

static void
partly_old_text_is_acknowledged_at_once(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->c.quick_acks = 0;
	bed_in(b, SANI_TCP_ACK, NXT, UNA, 100);
	bed_run(b, 41 * MS);
	bed_clear(b);
	bed_in(b, SANI_TCP_ACK, NXT + 50, UNA, 100);
	assert_int_equal(b->nb, 1);
	assert_last(b, SANI_TCP_ACK, UNA, NXT + 150, 0);
	assert_int_equal(bed_read(b), 150);
}

/* RFC 9293 3.10.7.3: what else there is in a SYN-ACK is looked at from the sixth step on. */
static void
text_and_fin_of_a_syn_ack_are_taken(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_SYN_SENT);
	bed_clear(b);
	bed_in(b, SANI_TCP_SYN | SANI_TCP_ACK, BED_IRS, UNA, 100);
	assert_state(b, ESTABLISHED);
	assert_int_equal(b->ev & SANI_TCP_EV_READABLE, SANI_TCP_EV_READABLE);
	assert_last(b, SANI_TCP_ACK, UNA, NXT + 100, 0);
	assert_int_equal(bed_read(b), 100);
	sani_tcp_discard(&b->c);

	bed_reach(b, SAN_TCP_SYN_SENT);
	bed_in(b, SANI_TCP_SYN | SANI_TCP_ACK | SANI_TCP_FIN, BED_IRS, UNA, 0);
	assert_state(b, CLOSE_WAIT);
	assert_last(b, SANI_TCP_ACK, UNA, NXT + 1, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(rst_in_the_window_gets_a_challenge),
		bed_test(rst_outside_the_window_is_silent),
		bed_test(rst_at_the_right_edge_is_silent),
		bed_test(rst_at_a_shut_window_is_taken),
		bed_test(rst_with_text_is_a_rst),
		bed_test(syn_in_any_synchronized_state_gets_a_challenge),
		bed_test(challenges_are_limited_for_each_connection),
		bed_test(bare_acks_outside_the_window_are_answered_at_a_limited_rate),
		bed_test(old_text_is_acknowledged_each_time),
		bed_test(keepalive_probe_is_answered),
		bed_test(segment_without_ack_is_dropped),
		bed_test(segment_without_ack_at_an_edge_is_silent),
		bed_test(text_and_fin_of_a_syn_ack_are_taken),
		bed_test(text_on_both_sides_of_the_edges_is_trimmed),
		bed_test(urgent_text_is_delivered_in_line),
		bed_test(old_timestamp_is_dropped_and_answered),
		bed_test(old_timestamp_on_rst_does_not_matter),
		bed_test(missing_timestamp_is_dropped_silently),
		bed_test(timestamps_wrap),
		bed_test(ts_recent_is_void_after_24_days),
		bed_test(ts_recent_moves_only_with_what_is_acknowledged_next),
		bed_test(delayed_ack_echoes_the_earliest_timestamp),
		bed_test(every_segment_carries_timestamps_once_agreed),
		bed_test(peer_that_filled_the_window_may_still_acknowledge),
		bed_test(syn_without_timestamp_gets_a_challenge),
		bed_test(partly_old_text_is_acknowledged_at_once),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
