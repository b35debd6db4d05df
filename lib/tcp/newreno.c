/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/priv.h"

/*
 * Recovery from the cumulative ACK alone (RFC 6582, limited transmit RFC 3042), for a peer without SACK.
 * cwnd is inflated by each duplicate ACK instead of counting what it delivered.
 */
#define DUP_ACKS 3

uint32_t
sani_tcp_cwnd_extended(const struct sani_tcp_conn *c)
{
	uint32_t extra = 0;

	if (c->ca == SANI_TCP_CA_OPEN)
		extra = sani_tcp_min(c->dup_acks, DUP_ACKS - 1);
	return c->cwnd + extra * c->snd_mss;
}

/* One segment at the hole, whatever cwnd says. */
static void
resend_hole(struct sani_tcp_rx *rx)
{
	sani_tcp_flight_lose_head(rx->c, rx->c->snd_mss, sani_tcp_table_pool(rx->io));
	rx->c->flags |= SANI_TCP_F_RTX_NOW;
}

/* RFC 6582 3.2 step 2. */
static void
enter(struct sani_tcp_rx *rx)
{
	struct sani_tcp_conn *c = rx->c;

	sani_tcp_recovery_enter(c, rx->io->now_us, rx->io->ctr);
	c->cwnd = c->ssthresh + DUP_ACKS * c->snd_mss;
	c->flags &= ~(uint32_t)SANI_TCP_F_PARTIAL;
	resend_hole(rx);
}

/*
 * 3.2 step 2: only when more than recover is acknowledged, else duplicates may answer our own repeats.
 * After an ECN echo there are none, recover is of the echo.
 */
static bool
shows_loss(const struct sani_tcp_conn *c)
{
	if (c->ca == SANI_TCP_CA_CWR)
		return true;
	return c->ca == SANI_TCP_CA_OPEN && seq_gt(c->snd_una - 1, c->recover);
}

static void
take_dup_ack(struct sani_tcp_rx *rx)
{
	struct sani_tcp_conn *c = rx->c;

	sani_count(rx->io->ctr, SANI_CTR_tcp_rx_dup_ack);
	if (c->dup_acks < UINT8_MAX)
		c->dup_acks++;
	if (c->ca == SANI_TCP_CA_RECOVERY && c->cwnd < c->ssthresh + c->max_snd_wnd)
		c->cwnd += c->snd_mss;
	if (c->dup_acks == DUP_ACKS && shows_loss(c))
		enter(rx);
}

/* RFC 6582 3.2 step 3, partial acknowledgement. */
static void
deflate(struct sani_tcp_rx *rx, uint32_t acked)
{
	struct sani_tcp_conn *c = rx->c;

	c->cwnd -= sani_tcp_min(acked, c->cwnd);
	if (acked >= c->snd_mss || c->cwnd < c->snd_mss)
		c->cwnd += c->snd_mss;
	resend_hole(rx);
}

/* RFC 6582 3.2 step 3, full acknowledgement, choice (1): no burst. */
static void
leave(struct sani_tcp_conn *c)
{
	uint32_t flight = c->snd_nxt - c->snd_una;
	uint32_t mss = c->snd_mss;

	c->cwnd = sani_tcp_min(c->ssthresh, (flight > mss ? flight : mss) + mss);
	if (c->extras & SANI_TCP_X_CWV)
		sani_tcp_cwv_recovered(c);
	c->ca = SANI_TCP_CA_OPEN;
}

static void
take_new_ack(struct sani_tcp_rx *rx, const struct sani_tcp_delivery *d)
{
	struct sani_tcp_conn *c = rx->c;
	bool done = seq_gt(c->snd_una, c->recover);

	c->dup_acks = 0;
	if (c->ca == SANI_TCP_CA_RECOVERY) {
		if (done)
			leave(c);
		else
			deflate(rx, d->acked);
		return;
	}
	if (c->ca == SANI_TCP_CA_CWR && !done)
		return;
	if (done && c->ca != SANI_TCP_CA_OPEN && (c->extras & SANI_TCP_X_CWV))
		sani_tcp_cwv_recovered(c);
	if (done)
		c->ca = SANI_TCP_CA_OPEN;
	if (c->ca == SANI_TCP_CA_OPEN)
		sani_tcp_drag_recover(c);
	sani_tcp_recovery_grow(rx, d);
}

void
sani_tcp_newreno_ack(struct sani_tcp_rx *rx, const struct sani_tcp_delivery *d)
{
	if (d->dup)
		take_dup_ack(rx);
	if (d->acked > 0)
		take_new_ack(rx, d);
}
