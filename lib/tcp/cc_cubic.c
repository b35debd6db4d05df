/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CUBIC (RFC 9438) in integers: bytes and milliseconds; its slow start is HyStart++ (RFC 9406).
 *
 *   W_cubic(t) = C * (t - K)^3 + W_max		t - K is the time since the plateau, before it negative
 *
 * t and K are never needed apart, so the state has the time of the plateau: an epoch that is shifted is a
 * plateau that is shifted.
 */
#include "tcp/cc.h"
#include "tcp/priv.h"

/* 4.6: beta = 0.7. 4.7: (1 + beta) / 2. 4.3: alpha = 3 * (1 - beta) / (1 + beta). */
#define BETA_NUM 7u
#define BETA_DEN 10u
#define KEEP_NUM 17u
#define KEEP_DEN 20u
#define ALPHA_NUM 9u
#define ALPHA_DEN 17u

/* 5.1: C = 0.4 segments a cubic second. */
#define C_NUM 2u
#define C_DEN 5u

/* No curve is looked at further away than this: 17 minutes, 4 * 10^8 segments. */
#define ROOT_BITS 20
#define REACH_MS (1 << ROOT_BITS)

/* RFC 9406 4.3: HyStart++ is for the time when ssthresh has its initial value. */
static bool
is_first_slow_start(const struct sani_tcp_conn *c)
{
	return c->ssthresh == UINT32_MAX;
}

static void
init_cubic(struct sani_tcp_conn *c)
{
	struct sani_tcp_cubic *s = &c->cc_state.cubic;

	*s = (struct sani_tcp_cubic){ .credit = 0 };
	if (is_first_slow_start(c))
		sani_tcp_hystart_begin(&s->hystart, c->snd_nxt);
}

/* Of x below 2^60, rounded down; of more 2^20 - 1. A bit at a time: once an epoch, no division. */
static uint32_t
find_cube_root(uint64_t x)
{
	uint64_t root = 0;

	for (int bit = ROOT_BITS - 1; bit >= 0; bit--) {
		uint64_t next = root | 1ull << bit;

		if (next * next * next <= x)
			root = next;
	}
	return (uint32_t)root;
}

/* K [ms], equation 2; a cubic second is 10^9 cubic milliseconds. 2^32 * 2.5 * 10^9 is just below 2^64. */
static uint32_t
find_k_ms(uint32_t below, uint32_t mss)
{
	return find_cube_root((uint64_t)below * (1000000000u / C_NUM * C_DEN) / mss);
}

/* W_cubic [bytes], equation 1, at a time before or after the plateau [ms]. */
static uint64_t
find_w_cubic(const struct sani_tcp_conn *c, int64_t from_plateau_ms)
{
	uint32_t w_max = c->cc_state.cubic.now.w_max;
	uint64_t ms = (uint64_t)(from_plateau_ms < 0 ? -from_plateau_ms : from_plateau_ms);
	uint64_t off;

	ms = ms < REACH_MS ? ms : REACH_MS;
	/* cubic seconds / 1000, below 2^41 */
	off = ms * ms * ms / 1000000 * (c->snd_mss * C_NUM) / (1000 * C_DEN);
	if (from_plateau_ms >= 0)
		return w_max + off;
	return off < w_max ? w_max - off : 0;
}

/* 4.2. Without a W_max above cwnd (4.8 after a timeout, 4.10 after HyStart++) the curve begins at its plateau. */
static void
begin_epoch(struct sani_tcp_conn *c, uint32_t now_ms)
{
	struct sani_tcp_cubic *s = &c->cc_state.cubic;

	s->now.plateau_ms = now_ms;
	if (c->cwnd < s->now.w_max)
		s->now.plateau_ms += find_k_ms(s->now.w_max - c->cwnd, c->snd_mss);
	else
		s->now.w_max = c->cwnd;
	s->now.w_est = c->cwnd;
	s->last_ms = now_ms;
	s->est_acked = 0;
	s->credit = 0;
}

/*
 * Equation 4, by bytes (ABC), and in bytes: a window of few segments would lose a good part of its growth if it had to
 * wait for a whole one each time, beginning with a fraction that a reduction has left. Divided only when it has grown.
 */
static void
grow_w_est(struct sani_tcp_conn *c, uint32_t acked)
{
	struct sani_tcp_cubic *s = &c->cc_state.cubic;
	bool reached = s->now.w_est >= s->now.cwnd_prior;
	uint64_t gain = (reached ? 1ull : ALPHA_NUM) * c->snd_mss;
	uint64_t need = (reached ? 1ull : ALPHA_DEN) * c->cwnd;
	uint64_t have = (uint64_t)s->est_acked + acked;
	uint64_t n;

	if (have * gain >= need) {
		n = have * gain / need;
		s->now.w_est += (uint32_t)n;
		have -= n * need / gain;
	}
	s->est_acked = (uint32_t)have;
}

/* 4.4, 4.5: cwnd grows by (target - cwnd) / cwnd for each segment acknowledged; in bytes too. */
static void
grow_towards(struct sani_tcp_conn *c, uint64_t w_cubic, uint32_t acked)
{
	struct sani_tcp_cubic *s = &c->cc_state.cubic;
	uint64_t most = (uint64_t)c->cwnd + c->cwnd / 2;
	uint64_t target = w_cubic < most ? w_cubic : most;
	uint64_t n;

	if (target <= c->cwnd)
		return;
	s->credit += (target - c->cwnd) * acked;
	if (s->credit < c->cwnd)
		return;
	n = s->credit / c->cwnd;
	s->credit -= n * c->cwnd;
	c->cwnd += (uint32_t)n;
}

static void
avoid(struct sani_tcp_conn *c, const struct sani_tcp_cc_ack *ack)
{
	struct sani_tcp_cubic *s = &c->cc_state.cubic;
	uint32_t now_ms = (uint32_t)(ack->now_us / 1000);
	uint32_t since_ms;
	int32_t at_ms;

	if (s->now.w_est == 0)
		begin_epoch(c, now_ms);
	since_ms = now_ms - s->last_ms;
	s->last_ms = now_ms;
	if (!ack->limited) {
		/* 4.2: t does not include time in which the application was the limit */
		s->now.plateau_ms += since_ms;
		return;
	}
	grow_w_est(c, ack->acked);
	/* 24 days after the plateau this turns negative, and what is left is W_est */
	at_ms = (int32_t)(now_ms - s->now.plateau_ms);
	if (find_w_cubic(c, at_ms) < s->now.w_est)
		c->cwnd = c->cwnd > s->now.w_est ? c->cwnd : s->now.w_est;
	else
		grow_towards(c, find_w_cubic(c, (int64_t)at_ms + c->srtt_us / 1000), ack->acked);
}

/* The delay is of interest while cwnd is in use: what others queue does not end a slow start that is not under way. */
static void
start_slowly(struct sani_tcp_conn *c, const struct sani_tcp_cc_ack *ack)
{
	struct sani_tcp_hystart *h = &c->cc_state.cubic.hystart;

	if (!ack->limited)
		return;
	c->cwnd += sani_tcp_hystart_growth(h, ack->acked, c->snd_mss);
	if (!sani_tcp_hystart_acked(h, c->snd_una, c->snd_nxt, ack->rtt_us))
		return;
	/* 4.10: W_max stays unknown */
	c->ssthresh = c->cwnd;
	init_cubic(c);
	c->cc_state.cubic.now.cwnd_prior = c->cwnd;
}

/* RFC 5681 equation 2, up to ssthresh; the next stage of avoidance is a new one. */
static void
start_again(struct sani_tcp_conn *c, const struct sani_tcp_cc_ack *ack)
{
	uint32_t n = sani_tcp_min(ack->acked, c->snd_mss);

	c->cc_state.cubic.now.w_est = 0;
	if (ack->limited)
		c->cwnd += sani_tcp_min(n, c->ssthresh - c->cwnd);
}

static void
grow_cubic(struct sani_tcp_conn *c, const struct sani_tcp_cc_ack *ack)
{
	if (is_first_slow_start(c))
		start_slowly(c, ack);
	else if (c->cwnd < c->ssthresh)
		start_again(c, ack);
	else
		avoid(c, ack);
}

/*
 * 4.6, 4.7; what 4.9.2 wants to have back is saved first. A flight that fills cwnd but for a segment counts as all of
 * it, which 4.6 allows where cwnd grows only while it is in use.
 */
static uint32_t
reduce_cubic(struct sani_tcp_conn *c, uint32_t flight, uint64_t now_us)
{
	struct sani_tcp_cubic *s = &c->cc_state.cubic;
	bool full = flight <= c->cwnd && c->cwnd - flight < c->snd_mss;
	uint32_t least = 2u * c->snd_mss;
	uint32_t ssthresh = (uint32_t)((uint64_t)(full ? c->cwnd : flight) * BETA_NUM / BETA_DEN);

	(void)now_us;
	if (is_first_slow_start(c))
		*s = (struct sani_tcp_cubic){ .credit = 0 };
	s->undo = s->now;
	if (c->cwnd < s->now.w_max)
		s->now.w_max = (uint32_t)((uint64_t)c->cwnd * KEEP_NUM / KEEP_DEN);
	else
		s->now.w_max = c->cwnd;
	s->now.cwnd_prior = c->cwnd;
	s->now.w_est = 0;
	return ssthresh > least ? ssthresh : least;
}

/* 4.8: K is 0 and W_max the cwnd with which avoidance begins. */
static void
start_over(struct sani_tcp_conn *c)
{
	struct sani_tcp_cubic *s = &c->cc_state.cubic;

	if (is_first_slow_start(c)) {
		init_cubic(c);
		return;
	}
	s->now.w_max = 0;
	s->now.w_est = 0;
}

/* 4.9.2: not when cwnd is beyond what it was. Back in the first slow start, its rounds begin anew. */
static void
undo_cubic(struct sani_tcp_conn *c)
{
	struct sani_tcp_cubic *s = &c->cc_state.cubic;

	if (is_first_slow_start(c))
		init_cubic(c);
	else if (c->cwnd <= s->now.cwnd_prior)
		s->now = s->undo;
}

/*
 * 4.2, 5.8: idle time is no part of t. If cwnd was lowered, the stage is over: W_est, which was not,
 * would bring it all back with the first ACK.
 */
static void
shift_epoch(struct sani_tcp_conn *c, uint64_t idle_us)
{
	struct sani_tcp_cubic *s = &c->cc_state.cubic;
	uint32_t idle_ms = (uint32_t)(idle_us / 1000);

	if (is_first_slow_start(c)) {
		init_cubic(c);
		return;
	}
	if (c->cwnd < s->now.w_est)
		s->now.w_est = 0;
	s->now.plateau_ms += idle_ms;
	s->last_ms += idle_ms;
}

const struct sani_tcp_cc sani_tcp_cc_cubic = {
	.name = "cubic",
	.init = init_cubic,
	.acked = grow_cubic,
	.loss = reduce_cubic,
	.echo = reduce_cubic,
	.timeout = start_over,
	.undo = undo_cubic,
	.restart = shift_epoch,
};
