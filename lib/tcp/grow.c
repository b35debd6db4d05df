/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/priv.h"

/*
 * Queues that grow with the path, for a connection whose program has not said how large they shall be: from
 * what suits a short path up to max, within what the core has left for all of them. They do not shrink: what
 * was granted is given back when the connection ends.
 *
 * The receive window has to hold what comes in two round trips, since the peer doubles what it sends in
 * each while it starts; the send queue what may be in flight and as much again behind it.
 */
#define ROUND_LATE 4u		/* a round that took so many of them says nothing about the rate */

static void
grant(struct sani_tcp_conn *c, struct sani_tcp_io *io, uint32_t *limit, uint32_t target)
{
	uint64_t more = target > *limit ? target - *limit : 0;

	if (more > io->budget->growth)
		more = io->budget->growth;
	io->budget->growth -= more;
	*limit += (uint32_t)more;
	c->granted += more;
}

/* What the program has taken out of the queue so far, as a sequence number. */
static uint32_t
count_taken(const struct sani_tcp_conn *c)
{
	return c->rcv_nxt - c->rcvq.bytes;
}

void
sani_tcp_grow_rcvbuf(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	uint32_t round_us = c->srtt_us > SANI_TCP_ROUND_MIN_US ? c->srtt_us : SANI_TCP_ROUND_MIN_US;
	uint32_t age_us = (uint32_t)io->now_us - c->rcv_round_us;
	uint32_t taken;

	if (sani_likely(c->rcvq.limit >= c->rcvq.max || age_us < round_us) || io->budget == NULL)
		return;
	taken = count_taken(c) - c->rcv_round_seq;
	c->rcv_round_us = (uint32_t)io->now_us;
	c->rcv_round_seq = count_taken(c);
	/* 3 and not 2: a round ends a little late, and the peer must not wait for the window */
	if (age_us < ROUND_LATE * round_us && taken > c->rcvq.limit / 3)
		grant(c, io, &c->rcvq.limit, taken < c->rcvq.max / 3 ? 3 * taken : c->rcvq.max);
}

void
sani_tcp_grow_sndbuf(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	if (c->cwnd <= c->sndq.limit / 2 || c->sndq.limit >= c->sndbuf_max || io->budget == NULL)
		return;
	grant(c, io, &c->sndq.limit, c->cwnd < c->sndbuf_max / 2 ? 2 * c->cwnd : c->sndbuf_max);
}

uint64_t
sani_tcp_give_back(struct sani_tcp_conn *c)
{
	uint64_t granted = c->granted;

	c->granted = 0;
	return granted;
}
