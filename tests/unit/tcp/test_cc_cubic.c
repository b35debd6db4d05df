/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CUBIC by its table of functions, on a virtual clock, beside a model in floating point that is written
 * down from the formulas of RFC 9438 and shares nothing with the code: seconds and segments.
 *
 * Tolerance of all comparisons with the model: a hundredth of a segment (the engine counts in bytes) and 1 in 200 of
 * the window (the clock of the curve has milliseconds).
 */
#include <math.h>

#include "bed.h"

#define MSS 1000u

static const struct sani_tcp_cc *const cc = &sani_tcp_cc_cubic;

struct model {
	double w_max;
	double k;
	double t_epoch;
	double w_est;
	double cwnd;
	double cwnd_prior;
};

static double
model_curve(const struct model *m, double t)
{
	return 0.4 * pow(t - m->k, 3) + m->w_max;
}

static void
model_epoch(struct model *m, double now)
{
	m->t_epoch = now;
	m->w_est = m->cwnd;
	if (m->w_max > m->cwnd) {
		m->k = cbrt((m->w_max - m->cwnd) / 0.4);
	} else {
		m->k = 0;
		m->w_max = m->cwnd;
	}
}

static void
model_ack(struct model *m, double now, double rtt, double acked)
{
	double alpha = m->w_est >= m->cwnd_prior ? 1 : 3 * (1 - 0.7) / (1 + 0.7);
	double t = now - m->t_epoch;
	double target = model_curve(m, t + rtt);

	m->w_est += alpha * acked / m->cwnd;
	if (model_curve(m, t) < m->w_est) {
		m->cwnd = fmax(m->cwnd, m->w_est);
		return;
	}
	target = fmin(fmax(target, m->cwnd), 1.5 * m->cwnd);
	m->cwnd += (target - m->cwnd) / m->cwnd * acked;
}

/* A connection in avoidance with cwnd and ssthresh of so many segments, before its first ACK there. */
static struct sani_tcp_cubic *
start(struct bed *b, uint32_t segments)
{
	b->p.tune.cc = SAN_CC_CUBIC;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	assert_ptr_equal(b->c.cc, cc);
	assert_int_equal(b->c.snd_mss, MSS);
	b->c.cwnd = segments * MSS * 10;	/* 7 of 10 stay */
	b->c.ssthresh = cc->loss(&b->c, segments * MSS * 10 / 7, b->now);
	b->c.cwnd = b->c.ssthresh;
	return &b->c.cc_state.cubic;
}

static void
ack(struct bed *b, uint32_t acked, bool limited)
{
	const struct sani_tcp_cc_ack a = { .now_us = b->now, .acked = acked, .limited = limited };

	cc->acked(&b->c, &a);
}

/* A congestion event with all of cwnd in flight, repaired at once. */
static void
lose(struct bed *b)
{
	b->c.ssthresh = cc->loss(&b->c, b->c.cwnd, b->now);
	b->c.cwnd = b->c.ssthresh;
}

/*
 * The next ACK, after as much of a round trip as it is of the window: two segments, of windows above 128
 * segments a 64th. @return What it acknowledges.
 */
static uint32_t
next_ack(struct bed *b)
{
	uint32_t acked = b->c.cwnd > 128 * MSS ? b->c.cwnd / 64 : 2 * MSS;

	b->now += (uint64_t)b->c.srtt_us * acked / b->c.cwnd;
	ack(b, acked, true);
	return acked;
}

static void
run(struct bed *b, uint32_t ms, uint32_t rtt_ms)
{
	uint64_t end = b->now + ms * MS;

	b->c.srtt_us = (uint32_t)(rtt_ms * MS);
	while (b->now < end)
		next_ack(b);
}

static void
assert_near(double got, double want)
{
	double off = fabs(got - want);

	if (off > 0.01 + want / 200)
		print_message("%.3f instead of %.3f\n", got, want);
	assert_true(off <= 0.01 + want / 200);
}

/* From after an event at w_max segments, engine and model side by side. */
static void
compare(struct bed *b, double w_max, uint32_t ms, uint32_t rtt_ms)
{
	struct sani_tcp_cubic *s = &b->c.cc_state.cubic;
	double start_s = (double)b->now / SEC;
	struct model m = {
		.w_max = w_max, .cwnd = (double)b->c.cwnd / MSS, .cwnd_prior = (double)s->now.cwnd_prior / MSS,
	};
	uint64_t end = b->now + ms * MS;

	b->c.srtt_us = (uint32_t)(rtt_ms * MS);
	model_epoch(&m, 0);
	ack(b, 0, true);	/* begins the engine's epoch */
	while (b->now < end) {
		uint32_t acked = next_ack(b);

		model_ack(&m, (double)b->now / SEC - start_s, rtt_ms / 1000.0, (double)acked / MSS);
		assert_near((double)b->c.cwnd / MSS, m.cwnd);
		assert_near((double)s->now.w_est / MSS, m.w_est);
	}
}

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

	start(b, 100);
	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		b->c.cc_state.cubic.now.w_max = 0;
		b->c.cwnd = cases[i].w_max * MSS;
		lose(b);
		assert_int_equal(b->c.cwnd, cases[i].w_max * MSS * 7 / 10);
		assert_int_equal(b->c.cc_state.cubic.now.w_max, cases[i].w_max * MSS);
		compare(b, cases[i].w_max, cases[i].ms, cases[i].rtt_ms);
		assert_true(b->c.cwnd > cases[i].w_max * MSS);
	}
}

/* K of a window of 1000 segments is cbrt(300 / 0.4) = 9.085 s: then the window is what it was. */
static void
plateau_is_where_the_loss_was(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_cubic *s = start(b, 100);

	b->c.cwnd = 1000 * MSS;
	lose(b);
	ack(b, 0, true);
	assert_int_equal(s->now.plateau_ms - (uint32_t)(b->now / MS), (uint32_t)(1000 * cbrt(300 / 0.4)));
	run(b, 9085, 50);
	assert_in_range(b->c.cwnd, 999 * MSS, 1001 * MSS);
}

static void
epoch_begins_with_the_first_ack_in_avoidance(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_cubic *s = start(b, 100);
	uint32_t k_ms;

	b->c.cwnd = 1000 * MSS;
	lose(b);
	b->now += 3 * SEC;	/* recovery takes long */
	assert_int_equal(s->now.w_est, 0);
	ack(b, MSS, true);
	k_ms = (uint32_t)(1000 * cbrt(300 / 0.4));
	assert_int_equal(s->now.plateau_ms, (uint32_t)(b->now / MS) + k_ms);
	assert_int_equal(s->now.w_est, 700 * MSS);
	b->now += SEC;
	ack(b, MSS, true);
	assert_int_equal(s->now.plateau_ms, (uint32_t)((b->now - SEC) / MS) + k_ms);
}

/* 4.2: what a round trip may add is half the window, however far the curve is ahead. */
static void
target_is_at_most_half_as_much_again(void **state)
{
	struct bed *b = *state;

	start(b, 100);
	ack(b, MSS, true);
	b->now += 600 * SEC;
	b->c.srtt_us = 100000;
	for (uint32_t before = b->c.cwnd, n = 0; n < before; n += MSS)
		ack(b, MSS, true);
	assert_in_range(b->c.cwnd, 100 * MSS * 14 / 10, 150 * MSS);
}

/* Nor does it ever fall in avoidance: cwnd ahead of the curve stays where it is. */
static void
window_ahead_of_the_curve_stays(void **state)
{
	struct bed *b = *state;

	start(b, 100);
	b->c.cwnd = 1000 * MSS;
	lose(b);
	ack(b, MSS, true);
	b->c.cwnd = 900 * MSS;
	for (unsigned int i = 0; i < 100; i++) {
		b->now += 1 * MS;
		ack(b, 2 * MSS, true);
		assert_int_equal(b->c.cwnd, 900 * MSS);
	}
}

static void
fast_convergence_gives_way(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_cubic *s = start(b, 100);

	b->c.cwnd = 1000 * MSS;
	lose(b);
	assert_int_equal(s->now.w_max, 1000 * MSS);
	run(b, 2000, 50);
	assert_in_range(b->c.cwnd, 701 * MSS, 999 * MSS);
	assert_int_equal(s->now.cwnd_prior, 1000 * MSS);
	b->c.cwnd = 900 * MSS;
	lose(b);		/* before it was there again: more than one flow wants the path */
	assert_int_equal(s->now.w_max, 765 * MSS);
	assert_int_equal(s->now.cwnd_prior, 900 * MSS);
	b->c.cwnd = 765 * MSS;
	lose(b);		/* as high as the last time: no further */
	assert_int_equal(s->now.w_max, 765 * MSS);
}

static void
ssthresh_is_seven_tenths_of_the_flight_but_two_segments_at_least(void **state)
{
	struct bed *b = *state;

	start(b, 100);
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

	start(b, 100);
	b->c.cwnd = 4 * MSS;
	b->c.cc_state.cubic.now.w_max = 0;
	lose(b);
	assert_int_equal(b->c.cwnd, 2800);
	b->c.srtt_us = 1000;
	while (b->c.cwnd < 4 * MSS) {
		b->now += 300;
		ack(b, MSS, true);
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

	start(b, 100);
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

	start(b, 100);
	b->c.cwnd = 100 * MSS;
	b->c.cc_state.cubic.now.w_max = 0;
	lose(b);
	run(b, 10, 1);
	before = b->c.cwnd;
	run(b, 17, 1);		/* 17 round trips at alpha = 9/17: nine segments */
	assert_in_range(b->c.cwnd - before, 8 * MSS, 10 * MSS);
	run(b, 100, 1);
	assert_true(b->c.cwnd > 100 * MSS);
	before = b->c.cwnd;
	run(b, 17, 1);		/* W_est has reached cwnd_prior: alpha = 1 */
	assert_in_range(b->c.cwnd - before, 16 * MSS, 18 * MSS);
	before = b->c.cwnd += 50 * MSS;
	ack(b, 2 * MSS, true);	/* ahead of both, it stays */
	assert_int_equal(b->c.cwnd, before);
}

static void
unused_window_neither_grows_nor_ages(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_cubic *s = start(b, 100);
	uint32_t ahead_ms;

	b->c.cwnd = 1000 * MSS;
	lose(b);
	run(b, 1000, 50);
	ahead_ms = s->now.plateau_ms - (uint32_t)(b->now / MS);
	for (unsigned int i = 0; i < 200; i++) {
		uint32_t cwnd = b->c.cwnd;

		b->now += 50 * MS;
		ack(b, 5 * MSS, false);
		assert_int_equal(b->c.cwnd, cwnd);
	}
	assert_int_equal(s->now.plateau_ms - (uint32_t)(b->now / MS), ahead_ms);
	run(b, ahead_ms, 50);
	assert_in_range(b->c.cwnd, 999 * MSS, 1001 * MSS);
}

static void
idle_time_is_not_counted(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_cubic *s = start(b, 100);
	uint32_t plateau_ms;
	uint32_t w_est;

	b->c.cwnd = 10 * MSS;
	lose(b);
	run(b, 1000, 100);
	plateau_ms = s->now.plateau_ms;
	w_est = s->now.w_est;
	b->now += 77 * SEC;
	cc->restart(&b->c, 77 * SEC);	/* cwnd is below the initial window: nobody lowers it */
	assert_int_equal(s->now.plateau_ms, plateau_ms + 77000);
	assert_int_equal(s->now.w_est, w_est);
	ack(b, MSS, false);		/* nor counted twice */
	assert_int_equal(s->now.plateau_ms, plateau_ms + 77000);
}

static void
lowered_window_is_not_brought_back_by_the_estimate(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_cubic *s = start(b, 100);

	b->c.cwnd = 100 * MSS;
	lose(b);
	run(b, 1000, 10);
	assert_true(s->now.w_est > 70 * MSS);
	b->now += 10 * SEC;
	b->c.cwnd = 10 * MSS;
	cc->restart(&b->c, 10 * SEC);
	b->c.ssthresh = 5 * MSS;	/* avoidance goes on, as a new stage */
	ack(b, 2 * MSS, true);
	assert_in_range(b->c.cwnd, 10 * MSS, 11 * MSS);
	assert_int_equal(s->now.w_est, b->c.cwnd);
}

static void
slow_start_after_an_event_goes_by_segments_up_to_ssthresh(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_cubic *s = start(b, 100);

	ack(b, MSS, true);
	assert_true(s->now.w_est > 0);
	b->c.cwnd = 10 * MSS;
	b->c.ssthresh = 12 * MSS + 500;
	ack(b, 8 * MSS, true);
	assert_int_equal(b->c.cwnd, 11 * MSS);
	ack(b, 300, true);
	assert_int_equal(b->c.cwnd, 11 * MSS + 300);
	ack(b, MSS, false);
	assert_int_equal(b->c.cwnd, 11 * MSS + 300);
	ack(b, MSS, true);
	ack(b, MSS, true);
	assert_int_equal(b->c.cwnd, b->c.ssthresh);
	assert_int_equal(s->now.w_est, 0);
	ack(b, 1, true);		/* at ssthresh avoidance begins, a new stage */
	assert_int_equal(b->c.cwnd, b->c.ssthresh);
	assert_int_equal(s->now.w_est, b->c.ssthresh);
}

static void
timeout_begins_at_the_plateau(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_cubic *s = start(b, 100);

	b->c.cwnd = 1000 * MSS;
	b->c.ssthresh = cc->loss(&b->c, 1000 * MSS, b->now);
	b->c.cwnd = MSS;
	cc->timeout(&b->c);
	assert_int_equal(b->c.ssthresh, 700 * MSS);
	while (b->c.cwnd < b->c.ssthresh)
		ack(b, MSS, true);
	b->now += SEC;
	assert_int_equal(s->now.cwnd_prior, 1000 * MSS);
	compare(b, 700, 8000, 50);
	assert_int_equal(s->now.w_max, 700 * MSS);
}

static void
undo_restores_all_that_the_event_changed(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_cubic *s = start(b, 100);
	struct sani_tcp_cubic_curve before;
	uint32_t ssthresh;
	uint32_t cwnd;

	b->c.cwnd = 1000 * MSS;
	lose(b);
	run(b, 3000, 50);
	before = s->now;
	cwnd = b->c.cwnd;
	ssthresh = b->c.ssthresh;
	for (unsigned int timeout = 0; timeout <= 1; timeout++) {
		lose(b);
		if (timeout)
			cc->timeout(&b->c);
		run(b, 500, 50);
		assert_memory_not_equal(&s->now, &before, sizeof(before));
		b->c.cwnd = cwnd;
		b->c.ssthresh = ssthresh;
		cc->undo(&b->c);
		assert_memory_equal(&s->now, &before, sizeof(before));
	}
	/* the time of the event counts as any other */
	ack(b, 2 * MSS, true);
	assert_int_equal(s->now.plateau_ms, before.plateau_ms);
}

/* 4.9.2: found out long after, cwnd has grown beyond what was taken: it all stays as it is. */
static void
late_undo_leaves_the_present_curve(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_cubic *s = start(b, 100);
	struct sani_tcp_cubic_curve before;

	b->c.cwnd = 100 * MSS;
	lose(b);
	run(b, 20000, 50);
	assert_true(b->c.cwnd > 100 * MSS);
	before = s->now;
	cc->undo(&b->c);
	assert_memory_equal(&s->now, &before, sizeof(before));
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
	compare(b, b->c.cwnd / (double)MSS, 5000, 50);
}

static void
unused_window_does_not_grow_in_the_first_slow_start(void **state)
{
	struct bed *b = *state;

	start_fresh(b);
	ack(b, 2 * MSS, false);
	assert_int_equal(b->c.cwnd, 10 * MSS);
	ack(b, 2 * MSS, true);
	assert_int_equal(b->c.cwnd, 12 * MSS);
	ack(b, 12 * MSS, true);		/* L = 8 */
	assert_int_equal(b->c.cwnd, 20 * MSS);
}

static void
loss_ends_the_first_slow_start_and_undo_resumes_it(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_cubic *s = start_slowly(b);

	lose(b);
	assert_int_equal(b->c.ssthresh, 28 * MSS);
	assert_int_equal(s->now.w_max, 40 * MSS);	/* nothing of HyStart++ is taken for a W_max */
	assert_int_equal(s->now.cwnd_prior, 40 * MSS);
	ack(b, MSS, true);
	b->c.cwnd = 40 * MSS;
	b->c.ssthresh = UINT32_MAX;
	cc->undo(&b->c);
	assert_int_equal(s->hystart.window_end, b->c.snd_nxt);
	assert_int_equal(s->hystart.last_min_us, SANI_TCP_HYSTART_NONE);
	ack(b, 2 * MSS, true);
	assert_int_equal(b->c.cwnd, 42 * MSS);
	/* a second timeout of the same segment is no new event */
	cc->timeout(&b->c);
	assert_int_equal(s->hystart.min_us, SANI_TCP_HYSTART_NONE);
	lose(b);
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

/* The largest windows and the smallest segments: nothing wraps. */
static void
extreme_windows_do_not_overflow(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_cubic *s = start(b, 100);

	b->c.snd_mss = 52;
	b->c.cwnd = 1u << 31;
	lose(b);
	ack(b, 52, true);
	assert_near((s->now.plateau_ms - (uint32_t)(b->now / MS)) / 1000.0, cbrt(0.3 * (1u << 31) / 52 / 0.4));
	b->now += 10000 * SEC;
	b->c.ssthresh = 1u << 29;
	b->c.cwnd = 1u << 30;
	ack(b, 1u << 30, true);
	assert_in_range(b->c.cwnd, (3u << 29) - 52, 3u << 29);
	b->now += 30 * 24 * 3600 * SEC;	/* the clock of the curve has wrapped: W_est is left */
	b->c.cwnd = 1u << 30;
	s->now.w_est = (1u << 30) - 1000;
	ack(b, 1u << 30, true);
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
		bed_test(slow_start_after_an_event_goes_by_segments_up_to_ssthresh),
		bed_test(timeout_begins_at_the_plateau),
		bed_test(undo_restores_all_that_the_event_changed),
		bed_test(late_undo_leaves_the_present_curve),
		bed_test(first_slow_start_doubles_and_ends_when_the_delay_rises),
		bed_test(unused_window_does_not_grow_in_the_first_slow_start),
		bed_test(loss_ends_the_first_slow_start_and_undo_resumes_it),
		bed_test(first_slow_start_begins_anew_after_idle_time),
		bed_test(extreme_windows_do_not_overflow),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
