/* SPDX-License-Identifier: BSD-3-Clause */
#include "bed.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)

static void
new_ack_releases_and_tells(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 2500);
	assert_int_equal(b->nb, 3);
	bed_in(b, SANI_TCP_ACK, NXT, UNA + 1000, 0);
	assert_true(b->ev & SANI_TCP_EV_ACKED);
	assert_int_equal(sani_tcp_acked(&b->c), 1000);
	bed_clear(b);
	bed_in(b, SANI_TCP_ACK, NXT, UNA + 2500, 0);
	assert_true(b->ev & SANI_TCP_EV_ACKED);
	assert_int_equal(sani_tcp_acked(&b->c), 2500);
	assert_int_equal(sani_tcp_written(&b->c), 2500);
	assert_int_equal(bed_deadline(b), SANI_NEVER);
}

static void
ack_of_what_was_never_sent_is_dropped_and_answered(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 100);
	bed_clear(b);
	bed_in(b, SANI_TCP_ACK, NXT, UNA + 101, 0);
	assert_int_equal(b->c.snd_una, UNA);
	assert_int_equal(b->nb, 1);
	assert_last(b, SANI_TCP_ACK, UNA + 100, NXT, 0);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_drop_ack), 1);
	assert_false(b->ev & SANI_TCP_EV_ACKED);
}

/* RFC 5961 5.2: injected text with a guessed ACK far behind is not taken. */
static void
text_with_an_ack_older_than_the_largest_window_is_dropped(void **state)
{
	struct bed *b = *state;

	b->wnd = 5000;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_in(b, SANI_TCP_ACK, NXT, UNA - 5001, 100);
	assert_int_equal(bed_read(b), 0);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_drop_ack), 1);
	bed_in(b, SANI_TCP_ACK, NXT, UNA - 5000, 100);
	assert_int_equal(bed_read(b), 100);
}

static void
ack_in_the_middle_of_a_segment_keeps_the_rest(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 1000);
	bed_in(b, SANI_TCP_ACK, NXT, UNA + 333, 0);
	bed_clear(b);
	bed_run(b, 2 * SEC);
	assert_int_equal(b->out[0].seg.seq, UNA + 333);
	assert_int_equal(b->out[0].seg.len, 667);
}

static void
newer_segment_sets_the_window_older_does_not(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->wnd = 30000;
	bed_in(b, SANI_TCP_ACK, NXT, UNA, 100);
	b->wnd = 20000;
	bed_in(b, SANI_TCP_ACK, NXT + 100, UNA, 0);
	assert_int_equal(b->c.snd_wnd, 20000);
	b->wnd = 40000;		/* reordered: sent before the others */
	bed_in(b, SANI_TCP_ACK, NXT + 100, UNA - 1, 0);
	assert_int_equal(b->c.snd_wnd, 20000);
}

static void
wrapped_acknowledgement_is_understood(void **state)
{
	struct bed *b = *state;

	b->p.iss = UINT32_MAX - 500;
	bed_connect(b);
	bed_write(b, 3000);
	assert_int_equal(b->c.snd_nxt, 2500);
	bed_in(b, SANI_TCP_ACK, NXT, 1499, 0);
	assert_int_equal(sani_tcp_acked(&b->c), 1999);
	bed_in(b, SANI_TCP_ACK, NXT, 2500, 0);
	assert_int_equal(sani_tcp_acked(&b->c), 3000);
}

static void
stream_offsets_pass_4_gib(void **state)
{
	struct bed *b = *state;
	uint64_t want = (1ull << 32) + 12345;

	b->p.sndbuf = 60000;
	bed_connect(b);
	/* 4 GiB by steps would take minutes: put the block where it would be then */
	b->c.written = b->c.acked = want;
	b->c.iss -= (uint32_t)want;
	assert_int_equal(sani_tcp_written(&b->c), want);
	b->p.iss = b->c.iss;
	assert_int_equal(bed_write(b, 100), 100);
	bed_in(b, SANI_TCP_ACK, NXT, UNA + 100, 0);
	assert_int_equal(sani_tcp_acked(&b->c), want + 100);
}

/* WL1: the one behind the hole was sent later than the one that fills it. */
static void
segment_sent_before_the_one_that_set_the_window_does_not(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->wnd = 20000;
	bed_in(b, SANI_TCP_ACK, NXT + 1000, UNA, 100);
	b->wnd = 40000;
	bed_in(b, SANI_TCP_ACK, NXT, UNA, 1000);
	assert_int_equal(b->c.snd_wnd, 20000);
}

/*
 * Attack row H3: a peer that acknowledges what it cannot have yet, as soon as it is sent. Beyond SND.NXT nothing is
 * taken; up to it the window grows, but what is out is never more than the send buffer, and no timeout gets shorter
 * than its floor.
 */
static void
optimistic_acks_are_bounded_by_the_send_buffer(void **state)
{
	struct bed *b = *state;

	b->p.sndbuf = b->p.sndbuf_max = 20000;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->wnd = 65535;
	for (int i = 0; i < 50; i++) {
		while (bed_write(b, 5000) > 0)
			bed_clear(b);
		assert_in_range(b->c.snd_nxt - b->c.snd_una, 1, 20000);
		bed_in(b, SANI_TCP_ACK, NXT, b->c.snd_nxt + 1, 0);
		bed_run(b, 1);
		bed_in(b, SANI_TCP_ACK, NXT, b->c.snd_nxt, 0);
		bed_clear(b);
	}
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_drop_ack), 50);
	assert_true(sani_tcp_rto(&b->c, 0) >= 200 * MS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(optimistic_acks_are_bounded_by_the_send_buffer),
		bed_test(new_ack_releases_and_tells),
		bed_test(ack_of_what_was_never_sent_is_dropped_and_answered),
		bed_test(text_with_an_ack_older_than_the_largest_window_is_dropped),
		bed_test(ack_in_the_middle_of_a_segment_keeps_the_rest),
		bed_test(newer_segment_sets_the_window_older_does_not),
		bed_test(wrapped_acknowledgement_is_understood),
		bed_test(stream_offsets_pass_4_gib),
		bed_test(segment_sent_before_the_one_that_set_the_window_does_not),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
