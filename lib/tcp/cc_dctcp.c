/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DCTCP (RFC 8257), the sender's half: alpha follows the part of the bytes that were marked, and an echo takes half
 * of alpha off the window. All else is RFC 5681 (3.4, 3.5), which is what it falls back to without ECN.
 */
#include "tcp/cc.h"
#include "tcp/priv.h"

#define ONE SANI_TCP_ALPHA_ONE
#define G_SHIFT 4	/* 4.2: g = 1/16 */

static void
begin_window(struct sani_tcp_conn *c)
{
	struct sani_tcp_dctcp *s = &c->cc_state.dctcp;

	s->window_end = c->snd_nxt;
	s->bytes_acked = 0;
	s->bytes_marked = 0;
}

/* 3.3: all is held for marked at first, so that the first echo halves the window as RFC 3168 has it. */
static void
init_dctcp(struct sani_tcp_conn *c)
{
	if (!(c->flags & SANI_TCP_F_ECN)) {
		c->cc = &sani_tcp_cc_newreno;
		c->cc->init(c);
		return;
	}
	c->cc_state.dctcp = (struct sani_tcp_dctcp){ .window_end = c->snd_una, .alpha = ONE };
}

/*
 * Alpha * (1 - g) + g * M. What is taken off is rounded up, so that alpha gets down to 0 (4.2); it stays within
 * [0, 1] by itself: with M = 1 no more comes on than a g-th of ONE, and as much goes off then.
 */
static uint32_t
estimate(uint32_t alpha, uint32_t marked, uint32_t acked)
{
	uint32_t m = (uint32_t)((uint64_t)marked * ONE / acked);

	return alpha - ((alpha + (1u << G_SHIFT) - 1) >> G_SHIFT) + (m >> G_SHIFT);
}

/* 3.3, steps 1 to 8. */
static void
count_dctcp(struct sani_tcp_conn *c, uint32_t acked, bool marked)
{
	struct sani_tcp_dctcp *s = &c->cc_state.dctcp;

	s->bytes_acked += acked;
	if (marked)
		s->bytes_marked += acked;
	if (seq_leq(c->snd_una, s->window_end))
		return;
	s->alpha = estimate(s->alpha, s->bytes_marked, s->bytes_acked);
	begin_window(c);
}

/* 3.3, step 9. */
static uint32_t
reduce_dctcp(struct sani_tcp_conn *c, uint32_t flight, uint64_t now_us)
{
	uint32_t off = (uint32_t)((uint64_t)c->cwnd * c->cc_state.dctcp.alpha / (2 * ONE));
	uint32_t least = 2u * c->snd_mss;

	(void)flight;
	(void)now_us;
	return c->cwnd - off > least ? c->cwnd - off : least;
}

static void
grow_dctcp(struct sani_tcp_conn *c, const struct sani_tcp_cc_ack *ack)
{
	sani_tcp_cc_newreno.acked(c, ack);
}

static uint32_t
halve_dctcp(struct sani_tcp_conn *c, uint32_t flight, uint64_t now_us)
{
	return sani_tcp_cc_newreno.loss(c, flight, now_us);
}

static void
start_over(struct sani_tcp_conn *c)
{
	c->cc_state.dctcp.newreno.acked = 0;
}

static void
restart_dctcp(struct sani_tcp_conn *c, uint64_t idle_us)
{
	(void)idle_us;
	start_over(c);
	begin_window(c);
}

const struct sani_tcp_cc sani_tcp_cc_dctcp = {
	.name = "dctcp",
	.exact_echo = true,
	.init = init_dctcp,
	.acked = grow_dctcp,
	.loss = halve_dctcp,
	.echo = reduce_dctcp,
	.counted = count_dctcp,
	.timeout = start_over,
	.undo = start_over,
	.restart = restart_dctcp,
};
