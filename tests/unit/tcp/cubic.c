/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>

#include "cubic.h"

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

struct sani_tcp_cubic *
cubic_start(struct bed *b, uint32_t segments)
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

void
cubic_ack(struct bed *b, uint32_t acked, bool limited)
{
	const struct sani_tcp_cc_ack a = { .now_us = b->now, .acked = acked, .limited = limited };

	cc->acked(&b->c, &a);
}

void
cubic_lose(struct bed *b)
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
	cubic_ack(b, acked, true);
	return acked;
}

void
cubic_run(struct bed *b, uint32_t ms, uint32_t rtt_ms)
{
	uint64_t end = b->now + ms * MS;

	b->c.srtt_us = (uint32_t)(rtt_ms * MS);
	while (b->now < end)
		next_ack(b);
}

void
cubic_assert_near(double got, double want)
{
	double off = fabs(got - want);

	if (off > 0.01 + want / 200)
		print_message("%.3f instead of %.3f\n", got, want);
	assert_true(off <= 0.01 + want / 200);
}

void
cubic_compare(struct bed *b, double w_max, uint32_t ms, uint32_t rtt_ms)
{
	struct sani_tcp_cubic *s = &b->c.cc_state.cubic;
	double start_s = (double)b->now / SEC;
	struct model m = {
		.w_max = w_max, .cwnd = (double)b->c.cwnd / MSS, .cwnd_prior = (double)s->now.cwnd_prior / MSS,
	};
	uint64_t end = b->now + ms * MS;

	b->c.srtt_us = (uint32_t)(rtt_ms * MS);
	model_epoch(&m, 0);
	cubic_ack(b, 0, true);	/* begins the engine's epoch */
	while (b->now < end) {
		uint32_t acked = next_ack(b);

		model_ack(&m, (double)b->now / SEC - start_s, rtt_ms / 1000.0, (double)acked / MSS);
		cubic_assert_near((double)b->c.cwnd / MSS, m.cwnd);
		cubic_assert_near((double)s->now.w_est / MSS, m.w_est);
	}
}
