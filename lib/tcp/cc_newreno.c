/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/cc.h"

static void
init_newreno(struct sani_tcp_conn *c)
{
	c->cc_state.newreno.acked = 0;
}

/*
 * RFC 5681 3.1. Slow start: by what was acknowledged, at most SMSS for each ACK (equation 2).
 * Avoidance: by SMSS for each cwnd that was acknowledged (the byte counting it recommends).
 */
static void
grow_newreno(struct sani_tcp_conn *c, const struct sani_tcp_cc_ack *ack)
{
	if (!ack->limited)
		return;
	if (c->cwnd < c->ssthresh) {
		c->cwnd += ack->acked < c->snd_mss ? ack->acked : c->snd_mss;
		return;
	}
	c->cc_state.newreno.acked += ack->acked;
	if (c->cc_state.newreno.acked >= c->cwnd) {
		c->cc_state.newreno.acked -= c->cwnd;
		c->cwnd += c->snd_mss;
	}
}

/* RFC 5681 equation 4. */
static uint32_t
halve_newreno(struct sani_tcp_conn *c, uint32_t flight, uint64_t now_us)
{
	uint32_t least = 2u * c->snd_mss;

	(void)now_us;
	return flight / 2 > least ? flight / 2 : least;
}

static void
restart_newreno(struct sani_tcp_conn *c, uint64_t idle_us)
{
	(void)idle_us;
	init_newreno(c);
}

const struct sani_tcp_cc sani_tcp_cc_newreno = {
	.name = "newreno",
	.init = init_newreno,
	.acked = grow_newreno,
	.loss = halve_newreno,
	.echo = halve_newreno,
	.timeout = init_newreno,
	.undo = init_newreno,
	.restart = restart_newreno,
};
