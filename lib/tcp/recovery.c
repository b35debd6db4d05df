/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/priv.h"

/*
 * Loss: found by three duplicate ACKs or by the timer, repaired from the cumulative ACK alone (NewReno,
 * RFC 6582; limited transmit, RFC 3042).
 *
 *   OPEN --3 duplicates--> RECOVERY --recover acknowledged--> OPEN
 *   any  --timeout-------> LOSS     --recover acknowledged--> OPEN
 */
#define DUP_ACKS 3

#define IW_SEGMENTS 10u	/* RFC 6928 */
#define IW_BYTES 14600u

uint32_t
sani_tcp_initial_window(const struct sani_tcp_conn *c)
{
	uint32_t mss = c->snd_mss;
	uint32_t two = 2 * mss;

	if (c->flags & SANI_TCP_F_SYN_LOST)
		return mss;
	return sani_tcp_min(IW_SEGMENTS * mss, two > IW_BYTES ? two : IW_BYTES);
}

uint32_t
sani_tcp_cwnd_now(const struct sani_tcp_conn *c)
{
	uint32_t extra = c->ca == SANI_TCP_CA_OPEN ? sani_tcp_min(c->dup_acks, DUP_ACKS - 1) : 0;

	return c->cwnd + extra * c->snd_mss;
}

/* One segment at the hole, whatever cwnd says. */
static void
resend_hole(struct sani_tcp_conn *c)
{
	uint32_t n = sani_tcp_min(c->snd_mss, c->snd_nxt - c->snd_una);

	c->rtx_nxt = c->snd_una;
	c->rtx_end = c->snd_una + n;
	c->flags |= SANI_TCP_F_RTX_NOW;
}

/* RFC 6582 3.2 step 2; what limited transmit sent does not count for ssthresh. */
static void
enter_recovery(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	uint32_t flight = sani_tcp_min(sani_tcp_flight(c), c->cwnd);

	c->ssthresh = c->cc->loss(c, flight, io->now_us);
	c->cwnd = c->ssthresh + DUP_ACKS * c->snd_mss;
	c->recover = c->snd_nxt - 1;
	c->ca = SANI_TCP_CA_RECOVERY;
	c->flags &= ~(uint32_t)SANI_TCP_F_PARTIAL;
	resend_hole(c);
	sani_tcp_arm(c, SANI_TCP_T_REXMIT, io->now_us + sani_tcp_rto(c, c->backoff));
	sani_count(io->ctr, SANI_CTR_tcp_tx_fast_rexmit);
}

void
sani_tcp_recovery_dup_ack(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	sani_count(io->ctr, SANI_CTR_tcp_rx_dup_ack);
	if (c->dup_acks < UINT8_MAX)
		c->dup_acks++;
	if (c->ca == SANI_TCP_CA_RECOVERY && c->cwnd < c->ssthresh + c->max_snd_wnd)
		c->cwnd += c->snd_mss;
	/* in OPEN all up to recover is acknowledged, as RFC 6582 3.2 step 2 asks */
	if (c->ca == SANI_TCP_CA_OPEN && c->dup_acks == DUP_ACKS)
		enter_recovery(c, io);
}

/* RFC 6582 3.2 step 3, partial acknowledgement. */
static void
deflate(struct sani_tcp_conn *c, uint32_t acked)
{
	c->cwnd -= sani_tcp_min(acked, c->cwnd);
	if (acked >= c->snd_mss || c->cwnd < c->snd_mss)
		c->cwnd += c->snd_mss;
	resend_hole(c);
}

/* RFC 6582 3.2 step 3, full acknowledgement, choice (1): no burst. */
static void
leave_recovery(struct sani_tcp_conn *c)
{
	uint32_t flight = sani_tcp_flight(c);
	uint32_t mss = c->snd_mss;

	c->cwnd = sani_tcp_min(c->ssthresh, (flight > mss ? flight : mss) + mss);
	c->ca = SANI_TCP_CA_OPEN;
}

void
sani_tcp_recovery_new_ack(struct sani_tcp_conn *c, uint32_t acked, uint32_t prior_flight,
			  uint64_t now_us)
{
	bool done = seq_gt(c->snd_una, c->recover);
	/* cwnd that was not filled says nothing about what the path would have carried */
	bool filled = prior_flight + c->snd_mss > c->cwnd ||
		      (c->cwnd < c->ssthresh && prior_flight > c->cwnd / 2);

	c->dup_acks = 0;
	if (c->ca == SANI_TCP_CA_RECOVERY) {
		if (done)
			leave_recovery(c);
		else
			deflate(c, acked);
		return;
	}
	if (c->ca == SANI_TCP_CA_LOSS && done)
		c->ca = SANI_TCP_CA_OPEN;
	c->cc->acked(c, &(struct sani_tcp_cc_ack){
		.now_us = now_us, .acked = acked, .limited = filled,
	});
}

/* RFC 5681 equation 4 and 3.1: once for a segment, however often its timer expires. */
void
sani_tcp_recovery_timeout(struct sani_tcp_conn *c, uint64_t now_us)
{
	if (c->backoff == 0)
		c->ssthresh = c->cc->loss(c, sani_tcp_min(sani_tcp_flight(c), c->cwnd), now_us);
	c->cwnd = c->snd_mss;
	c->recover = c->snd_nxt - 1;
	c->ca = SANI_TCP_CA_LOSS;
	c->dup_acks = 0;
	sani_tcp_recovery_resend(c);
	c->cc->timeout(c);
}

void
sani_tcp_recovery_resend(struct sani_tcp_conn *c)
{
	c->rtx_nxt = c->snd_una;
	c->rtx_end = c->snd_nxt;
	c->flags |= SANI_TCP_F_RTX_NOW;
}
