/* SPDX-License-Identifier: BSD-3-Clause */
/* CUBIC in slow start: the first by HyStart++ (RFC 9406), later ones by RFC 5681. */
#include "cubic.h"

static void
slow_start_after_an_event_goes_by_segments_up_to_ssthresh(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_cubic *s = cubic_start(b, 100);

	cubic_ack(b, MSS, true);
	assert_true(s->now.w_est > 0);
	b->c.cwnd = 10 * MSS;
	b->c.ssthresh = 12 * MSS + 500;
	cubic_ack(b, 8 * MSS, true);
	assert_int_equal(b->c.cwnd, 11 * MSS);
	cubic_ack(b, 300, true);
	assert_int_equal(b->c.cwnd, 11 * MSS + 300);
	cubic_ack(b, MSS, false);
	assert_int_equal(b->c.cwnd, 11 * MSS + 300);
	cubic_ack(b, MSS, true);
	cubic_ack(b, MSS, true);
	assert_int_equal(b->c.cwnd, b->c.ssthresh);
	assert_int_equal(s->now.w_est, 0);
	cubic_ack(b, 1, true);		/* at ssthresh avoidance begins, a new stage */
	assert_int_equal(b->c.cwnd, b->c.ssthresh);
	assert_int_equal(s->now.w_est, b->c.ssthresh);
}

/* From here on the first slow start: a block as it is established. */
static struct sani_tcp_cubic *
start_fresh(struct bed *b)
{
	b->p.tune.cc = SAN_CC_CUBIC;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	assert_int_equal(b->c.ssthresh, UINT32_MAX);
	return &b->c.cc_state.cubic;
}

/* An ACK of two segments with this round-trip time; what cwnd allows goes out. */
static void
ack_pair(struct bed *b, uint32_t rtt_us)
{
	const struct sani_tcp_cc_ack a = {
		.now_us = b->now += 100, .acked = 2 * MSS, .rtt_us = rtt_us, .limited = true,
	};

	b->c.snd_una += 2 * MSS;
	cc->acked(&b->c, &a);
	b->c.snd_nxt = b->c.snd_una + b->c.cwnd / (2 * MSS) * (2 * MSS);
}

/* A round: all that was out when it began, but for what the ACK that began it let go. */
static void
round_of(struct bed *b, uint32_t rtt_us)
{
	uint32_t end = b->c.cc_state.cubic.hystart.window_end;

	while (seq_lt(b->c.snd_una, end))
		ack_pair(b, rtt_us);
}

/* Slow start with 20 segments out, one round of it at 50 ms done. */
static struct sani_tcp_cubic *
start_slowly(struct bed *b)
{
	struct sani_tcp_cubic *s = start_fresh(b);

	b->c.snd_nxt += 20 * MSS;
	b->c.cwnd = 20 * MSS;
	ack_pair(b, 50000);
	assert_int_equal(b->c.cwnd, 22 * MSS);
	round_of(b, 50000);
	assert_int_equal(b->c.cwnd, 40 * MSS);
	assert_int_equal(s->hystart.last_min_us, 50000);
	return s;
}

static void
first_slow_start_doubles_and_ends_when_the_delay_rises(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_cubic *s = start_slowly(b);
	uint32_t cwnd;

	round_of(b, 50000);
	assert_int_equal(b->c.cwnd, 76 * MSS);	/* 36 were out when it began */
	/* CSS with the eighth pair, and then a quarter of the pace for five rounds in all */
	cwnd = b->c.cwnd;
	round_of(b, 60000);
	assert_int_equal(b->c.cwnd, cwnd + 16 * MSS + (72 - 16) * MSS / 4);
	for (unsigned int i = 2; i <= 5; i++) {
		assert_int_equal(b->c.ssthresh, UINT32_MAX);
		cwnd = b->c.cwnd;
		round_of(b, 60000);
		assert_in_range(b->c.cwnd, cwnd + cwnd / 4 - 2 * MSS, cwnd + cwnd / 4);
	}
	assert_int_equal(b->c.ssthresh, b->c.cwnd);
	assert_int_equal(s->now.cwnd_prior, b->c.cwnd);
	assert_int_equal(s->now.w_max, 0);
	/* avoidance: the plateau is here */
	ack_pair(b, 60000);
	assert_int_equal(s->now.w_max, b->c.ssthresh);
	assert_int_equal(s->now.plateau_ms, (uint32_t)(b->now / MS));
	cubic_compare(b, b->c.cwnd / (double)MSS, 5000, 50);
}

static void
unused_window_does_not_grow_in_the_first_slow_start(void **state)
{
	struct bed *b = *state;

	start_fresh(b);
	cubic_ack(b, 2 * MSS, false);
	assert_int_equal(b->c.cwnd, 10 * MSS);
	cubic_ack(b, 2 * MSS, true);
	assert_int_equal(b->c.cwnd, 12 * MSS);
	cubic_ack(b, 12 * MSS, true);		/* L = 8 */
	assert_int_equal(b->c.cwnd, 20 * MSS);
}

static void
loss_ends_the_first_slow_start_and_undo_resumes_it(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_cubic *s = start_slowly(b);

	cubic_lose(b);
	assert_int_equal(b->c.ssthresh, 28 * MSS);
	assert_int_equal(s->now.w_max, 40 * MSS);	/* nothing of HyStart++ is taken for a W_max */
	assert_int_equal(s->now.cwnd_prior, 40 * MSS);
	cubic_ack(b, MSS, true);
	b->c.cwnd = 40 * MSS;
	b->c.ssthresh = UINT32_MAX;
	cc->undo(&b->c);
	assert_int_equal(s->hystart.window_end, b->c.snd_nxt);
	assert_int_equal(s->hystart.last_min_us, SANI_TCP_HYSTART_NONE);
	cubic_ack(b, 2 * MSS, true);
	assert_int_equal(b->c.cwnd, 42 * MSS);
	/* a second timeout of the same segment is no new event */
	cc->timeout(&b->c);
	assert_int_equal(s->hystart.min_us, SANI_TCP_HYSTART_NONE);
	cubic_lose(b);
	assert_int_equal(s->now.w_max, 42 * MSS);
}

static void
first_slow_start_begins_anew_after_idle_time(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_cubic *s = start_slowly(b);

	cc->restart(&b->c, 10 * SEC);
	assert_int_equal(s->hystart.last_min_us, SANI_TCP_HYSTART_NONE);
	assert_int_equal(s->hystart.window_end, b->c.snd_nxt);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(slow_start_after_an_event_goes_by_segments_up_to_ssthresh),
		bed_test(first_slow_start_doubles_and_ends_when_the_delay_rises),
		bed_test(unused_window_does_not_grow_in_the_first_slow_start),
		bed_test(loss_ends_the_first_slow_start_and_undo_resumes_it),
		bed_test(first_slow_start_begins_anew_after_idle_time),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
