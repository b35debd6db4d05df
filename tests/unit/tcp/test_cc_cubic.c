/* SPDX-License-Identifier: BSD-3-Clause */
/* CUBIC in avoidance: its curve, its epochs, what an event leaves of the window. */
#include <math.h>

#include "cubic.h"

static void
window_follows_the_curve_of_the_rfc(void **state)
{
	static const struct {
		uint32_t w_max;
		uint32_t rtt_ms;
		uint32_t ms;		/* concave part, plateau and well into the convex part */
	} cases[] = {
		{ 100, 100, 12000 }, { 1000, 100, 22000 }, { 1000, 30, 20000 }, { 10000, 20, 40000 },
		{ 200, 400, 15000 }, { 50, 5, 8000 }, { 20, 1, 4000 }, { 4000, 250, 30000 },
	};
	struct bed *b = *state;

	cubic_start(b, 100);
	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		b->c.cc_state.cubic.now.w_max = 0;
		b->c.cwnd = cases[i].w_max * MSS;
		cubic_lose(b);
		assert_int_equal(b->c.cwnd, cases[i].w_max * MSS * 7 / 10);
		assert_int_equal(b->c.cc_state.cubic.now.w_max, cases[i].w_max * MSS);
		cubic_compare(b, cases[i].w_max, cases[i].ms, cases[i].rtt_ms);
		assert_true(b->c.cwnd > cases[i].w_max * MSS);
	}
}

/* K of a window of 1000 segments is cbrt(300 / 0.4) = 9.085 s: then the window is what it was. */
static void
plateau_is_where_the_loss_was(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_cubic *s = cubic_start(b, 100);

	b->c.cwnd = 1000 * MSS;
	cubic_lose(b);
	cubic_ack(b, 0, true);
	assert_int_equal(s->now.plateau_ms - (uint32_t)(b->now / MS), (uint32_t)(1000 * cbrt(300 / 0.4)));
	cubic_run(b, 9085, 50);
	assert_in_range(b->c.cwnd, 999 * MSS, 1001 * MSS);
}

static void
epoch_begins_with_the_first_ack_in_avoidance(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_cubic *s = cubic_start(b, 100);
	uint32_t k_ms;

	b->c.cwnd = 1000 * MSS;
	cubic_lose(b);
	b->now += 3 * SEC;	/* recovery takes long */
	assert_int_equal(s->now.w_est, 0);
	cubic_ack(b, MSS, true);
	k_ms = (uint32_t)(1000 * cbrt(300 / 0.4));
	assert_int_equal(s->now.plateau_ms, (uint32_t)(b->now / MS) + k_ms);
	assert_int_equal(s->now.w_est, 700 * MSS);
	b->now += SEC;
	cubic_ack(b, MSS, true);
	assert_int_equal(s->now.plateau_ms, (uint32_t)((b->now - SEC) / MS) + k_ms);
}

/* 4.2: what a round trip may add is half the window, however far the curve is ahead. */
static void
target_is_at_most_half_as_much_again(void **state)
{
	struct bed *b = *state;

	cubic_start(b, 100);
	cubic_ack(b, MSS, true);
	b->now += 600 * SEC;
	b->c.srtt_us = 100000;
	for (uint32_t before = b->c.cwnd, n = 0; n < before; n += MSS)
		cubic_ack(b, MSS, true);
	assert_in_range(b->c.cwnd, 100 * MSS * 14 / 10, 150 * MSS);
}

/* Nor does it ever fall in avoidance: cwnd ahead of the curve stays where it is. */
static void
window_ahead_of_the_curve_stays(void **state)
{
	struct bed *b = *state;

	cubic_start(b, 100);
	b->c.cwnd = 1000 * MSS;
	cubic_lose(b);
	cubic_ack(b, MSS, true);
	b->c.cwnd = 900 * MSS;
	for (unsigned int i = 0; i < 100; i++) {
		b->now += 1 * MS;
		cubic_ack(b, 2 * MSS, true);
		assert_int_equal(b->c.cwnd, 900 * MSS);
	}
}

static void
fast_convergence_gives_way(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_cubic *s = cubic_start(b, 100);

	b->c.cwnd = 1000 * MSS;
	cubic_lose(b);
	assert_int_equal(s->now.w_max, 1000 * MSS);
	cubic_run(b, 2000, 50);
	assert_in_range(b->c.cwnd, 701 * MSS, 999 * MSS);
	assert_int_equal(s->now.cwnd_prior, 1000 * MSS);
	b->c.cwnd = 900 * MSS;
	cubic_lose(b);		/* before it was there again: more than one flow wants the path */
	assert_int_equal(s->now.w_max, 765 * MSS);
	assert_int_equal(s->now.cwnd_prior, 900 * MSS);
	b->c.cwnd = 765 * MSS;
	cubic_lose(b);		/* as high as the last time: no further */
	assert_int_equal(s->now.w_max, 765 * MSS);
}

static void
ssthresh_is_seven_tenths_of_the_flight_but_two_segments_at_least(void **state)
{
	struct bed *b = *state;

	cubic_start(b, 100);
	assert_int_equal(cc->loss(&b->c, 100000, b->now), 70000);
	assert_int_equal(cc->loss(&b->c, 2000, b->now), 2000);
	assert_int_equal(cc->loss(&b->c, 0, b->now), 2000);
	assert_int_equal(cc->loss(&b->c, 4000000000u, b->now), 2800000000u);
}

/*
 * After a loss with four segments out 2.8 are left, of which two can be used. On average 5.5 are out where 5 % are
 * lost: who waits there for whole segments gives away a sixth of what goes through. The model says 1.1 segments
 * acknowledged until there are three, and 6.6 more for the fourth.
 */
static void
window_of_few_segments_grows_by_less_than_one(void **state)
{
	struct bed *b = *state;
	uint32_t n = 0;

	cubic_start(b, 100);
	b->c.cwnd = 4 * MSS;
	b->c.cc_state.cubic.now.w_max = 0;
	cubic_lose(b);
	assert_int_equal(b->c.cwnd, 2800);
	b->c.srtt_us = 1000;
	while (b->c.cwnd < 4 * MSS) {
		b->now += 300;
		cubic_ack(b, MSS, true);
		n++;
		if (n == 2)
			assert_in_range(b->c.cwnd, 3 * MSS, 3300);
	}
	assert_int_equal(n, 8);
}

/* 4.6 lets cwnd stand for the flight: one that leaves no room for a segment more is all of it. */
static void
flight_that_fills_cwnd_counts_as_all_of_it(void **state)
{
	struct bed *b = *state;

	cubic_start(b, 100);
	b->c.cwnd = 5900;
	assert_int_equal(cc->loss(&b->c, 5000, b->now), 5900 * 7 / 10);
	assert_int_equal(cc->loss(&b->c, 4900, b->now), 4900 * 7 / 10);
	assert_int_equal(cc->loss(&b->c, 6000, b->now), 6000 * 7 / 10);
}

/* Short round trips: Reno grows faster than the curve, and CUBIC does as it would. */
static void
short_paths_are_reno_friendly(void **state)
{
	struct bed *b = *state;
	uint32_t before;

	cubic_start(b, 100);
	b->c.cwnd = 100 * MSS;
	b->c.cc_state.cubic.now.w_max = 0;
	cubic_lose(b);
	cubic_run(b, 10, 1);
	before = b->c.cwnd;
	cubic_run(b, 17, 1);		/* 17 round trips at alpha = 9/17: nine segments */
	assert_in_range(b->c.cwnd - before, 8 * MSS, 10 * MSS);
	cubic_run(b, 100, 1);
	assert_true(b->c.cwnd > 100 * MSS);
	before = b->c.cwnd;
	cubic_run(b, 17, 1);		/* W_est has reached cwnd_prior: alpha = 1 */
	assert_in_range(b->c.cwnd - before, 16 * MSS, 18 * MSS);
	before = b->c.cwnd += 50 * MSS;
	cubic_ack(b, 2 * MSS, true);	/* ahead of both, it stays */
	assert_int_equal(b->c.cwnd, before);
}

static void
unused_window_neither_grows_nor_ages(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_cubic *s = cubic_start(b, 100);
	uint32_t ahead_ms;

	b->c.cwnd = 1000 * MSS;
	cubic_lose(b);
	cubic_run(b, 1000, 50);
	ahead_ms = s->now.plateau_ms - (uint32_t)(b->now / MS);
	for (unsigned int i = 0; i < 200; i++) {
		uint32_t cwnd = b->c.cwnd;

		b->now += 50 * MS;
		cubic_ack(b, 5 * MSS, false);
		assert_int_equal(b->c.cwnd, cwnd);
	}
	assert_int_equal(s->now.plateau_ms - (uint32_t)(b->now / MS), ahead_ms);
	cubic_run(b, ahead_ms, 50);
	assert_in_range(b->c.cwnd, 999 * MSS, 1001 * MSS);
}

static void
idle_time_is_not_counted(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_cubic *s = cubic_start(b, 100);
	uint32_t plateau_ms;
	uint32_t w_est;

	b->c.cwnd = 10 * MSS;
	cubic_lose(b);
	cubic_run(b, 1000, 100);
	plateau_ms = s->now.plateau_ms;
	w_est = s->now.w_est;
	b->now += 77 * SEC;
	cc->restart(&b->c, 77 * SEC);	/* cwnd is below the initial window: nobody lowers it */
	assert_int_equal(s->now.plateau_ms, plateau_ms + 77000);
	assert_int_equal(s->now.w_est, w_est);
	cubic_ack(b, MSS, false);		/* nor counted twice */
	assert_int_equal(s->now.plateau_ms, plateau_ms + 77000);
}

static void
lowered_window_is_not_brought_back_by_the_estimate(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_cubic *s = cubic_start(b, 100);

	b->c.cwnd = 100 * MSS;
	cubic_lose(b);
	cubic_run(b, 1000, 10);
	assert_true(s->now.w_est > 70 * MSS);
	b->now += 10 * SEC;
	b->c.cwnd = 10 * MSS;
	cc->restart(&b->c, 10 * SEC);
	b->c.ssthresh = 5 * MSS;	/* avoidance goes on, as a new stage */
	cubic_ack(b, 2 * MSS, true);
	assert_in_range(b->c.cwnd, 10 * MSS, 11 * MSS);
	assert_int_equal(s->now.w_est, b->c.cwnd);
}

static void
timeout_begins_at_the_plateau(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_cubic *s = cubic_start(b, 100);

	b->c.cwnd = 1000 * MSS;
	b->c.ssthresh = cc->loss(&b->c, 1000 * MSS, b->now);
	b->c.cwnd = MSS;
	cc->timeout(&b->c);
	assert_int_equal(b->c.ssthresh, 700 * MSS);
	while (b->c.cwnd < b->c.ssthresh)
		cubic_ack(b, MSS, true);
	b->now += SEC;
	assert_int_equal(s->now.cwnd_prior, 1000 * MSS);
	cubic_compare(b, 700, 8000, 50);
	assert_int_equal(s->now.w_max, 700 * MSS);
}

static void
undo_restores_all_that_the_event_changed(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_cubic *s = cubic_start(b, 100);
	struct sani_tcp_cubic_curve before;
	uint32_t ssthresh;
	uint32_t cwnd;

	b->c.cwnd = 1000 * MSS;
	cubic_lose(b);
	cubic_run(b, 3000, 50);
	before = s->now;
	cwnd = b->c.cwnd;
	ssthresh = b->c.ssthresh;
	for (unsigned int timeout = 0; timeout <= 1; timeout++) {
		cubic_lose(b);
		if (timeout)
			cc->timeout(&b->c);
		cubic_run(b, 500, 50);
		assert_memory_not_equal(&s->now, &before, sizeof(before));
		b->c.cwnd = cwnd;
		b->c.ssthresh = ssthresh;
		cc->undo(&b->c);
		assert_memory_equal(&s->now, &before, sizeof(before));
	}
	/* the time of the event counts as any other */
	cubic_ack(b, 2 * MSS, true);
	assert_int_equal(s->now.plateau_ms, before.plateau_ms);
}

/* 4.9.2: found out long after, cwnd has grown beyond what was taken: it all stays as it is. */
static void
late_undo_leaves_the_present_curve(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_cubic *s = cubic_start(b, 100);
	struct sani_tcp_cubic_curve before;

	b->c.cwnd = 100 * MSS;
	cubic_lose(b);
	cubic_run(b, 20000, 50);
	assert_true(b->c.cwnd > 100 * MSS);
	before = s->now;
	cc->undo(&b->c);
	assert_memory_equal(&s->now, &before, sizeof(before));
}

/* The largest windows and the smallest segments: nothing wraps. */
static void
extreme_windows_do_not_overflow(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_cubic *s = cubic_start(b, 100);

	b->c.snd_mss = 52;
	b->c.cwnd = 1u << 31;
	cubic_lose(b);
	cubic_ack(b, 52, true);
	cubic_assert_near((s->now.plateau_ms - (uint32_t)(b->now / MS)) / 1000.0, cbrt(0.3 * (1u << 31) / 52 / 0.4));
	b->now += 10000 * SEC;
	b->c.ssthresh = 1u << 29;
	b->c.cwnd = 1u << 30;
	cubic_ack(b, 1u << 30, true);
	assert_in_range(b->c.cwnd, (3u << 29) - 52, 3u << 29);
	b->now += 30 * 24 * 3600 * SEC;	/* the clock of the curve has wrapped: W_est is left */
	b->c.cwnd = 1u << 30;
	s->now.w_est = (1u << 30) - 1000;
	cubic_ack(b, 1u << 30, true);
	assert_in_range(b->c.cwnd, 1u << 30, (1u << 30) + 52);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(window_follows_the_curve_of_the_rfc),
		bed_test(plateau_is_where_the_loss_was),
		bed_test(epoch_begins_with_the_first_ack_in_avoidance),
		bed_test(target_is_at_most_half_as_much_again),
		bed_test(window_ahead_of_the_curve_stays),
		bed_test(fast_convergence_gives_way),
		bed_test(ssthresh_is_seven_tenths_of_the_flight_but_two_segments_at_least),
		bed_test(window_of_few_segments_grows_by_less_than_one),
		bed_test(flight_that_fills_cwnd_counts_as_all_of_it),
		bed_test(short_paths_are_reno_friendly),
		bed_test(unused_window_neither_grows_nor_ages),
		bed_test(idle_time_is_not_counted),
		bed_test(lowered_window_is_not_brought_back_by_the_estimate),
		bed_test(timeout_begins_at_the_plateau),
		bed_test(undo_restores_all_that_the_event_changed),
		bed_test(late_undo_leaves_the_present_curve),
		bed_test(extreme_windows_do_not_overflow),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
