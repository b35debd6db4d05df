/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/priv.h"

/*
 * RFC 9937: in recovery each ACK lets so much out that the flight comes down to ssthresh evenly, and no
 * more than was delivered once it is below.
 */

/*
 * What ACKs have acknowledged that came together with this one, before it: nothing could be sent for it yet, so it
 * counts as if one ACK had said it all.
 */
static uint32_t
count_early(const struct sani_tcp_conn *c, const struct sani_tcp_delivery *d, uint64_t now_us)
{
	uint32_t flight = c->snd_nxt - c->snd_una + d->acked;

	return c->acked_us == now_us && c->flight.before > flight ? c->flight.before - flight : 0;
}

/* snd_una and the marks are those after the ACK that found the loss. */
void
sani_tcp_prr_begin(struct sani_tcp_conn *c, const struct sani_tcp_delivery *d, uint64_t now_us)
{
	c->prr_delivered = count_early(c, d, now_us);
	c->prr_out = 0;
	c->recover_fs = c->snd_nxt - c->snd_una - c->flight.sacked + d->bytes + c->prr_delivered;
	/* an ECN echo may come when all of the flight is SACKed; it is divided by this */
	if (c->recover_fs == 0)
		c->recover_fs = c->snd_mss;
}

/* ceil(prr_delivered * ssthresh / RecoverFS) - prr_out */
static uint32_t
count_proportional(const struct sani_tcp_conn *c)
{
	uint64_t share = (uint64_t)c->prr_delivered * c->ssthresh;
	uint64_t may = (share + c->recover_fs - 1) / c->recover_fs;

	return may > c->prr_out ? (uint32_t)(may - c->prr_out) : 0;
}

/* Below ssthresh: what was delivered (CRB), one segment more while recovery goes well (SSRB). */
static uint32_t
count_bounded(const struct sani_tcp_conn *c, const struct sani_tcp_delivery *d, uint32_t pipe)
{
	uint32_t n = c->prr_delivered > c->prr_out ? c->prr_delivered - c->prr_out : 0;

	if (n < d->bytes)
		n = d->bytes;
	/* SafeACK */
	if (d->acked > 0 && !d->lost)
		n += c->snd_mss;
	return sani_tcp_min(c->ssthresh - pipe, n);
}

void
sani_tcp_prr_ack(struct sani_tcp_conn *c, const struct sani_tcp_delivery *d)
{
	uint32_t pipe = sani_tcp_pipe(c);
	uint32_t n;

	if (d->bytes == 0 && c->prr_out > 0)
		return;
	c->prr_delivered += d->bytes;
	n = pipe > c->ssthresh ? count_proportional(c) : count_bounded(c, d, pipe);
	/* the first fast retransmission always goes */
	if (c->prr_out == 0 && n < c->snd_mss)
		n = c->snd_mss;
	c->cwnd = pipe + n;
}
