/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/priv.h"

/*
 * Loss: what it makes of the state and of the windows. With SACK it is found by RACK (rack.c) and repaired
 * under PRR (prr.c); without, by three duplicate ACKs, and repaired from the cumulative ACK alone (newreno.c).
 *
 *   OPEN --something is lost--> RECOVERY --recover acknowledged--> OPEN
 *   OPEN --ECN echo-----------> CWR      --recover acknowledged--> OPEN
 *   CWR  --something is lost--> RECOVERY, and the window does not come down a second time
 *   any  --timeout------------> LOSS     --recover acknowledged--> OPEN
 *   RECOVERY, LOSS ------------- it was needless: undo ----------> OPEN
 */
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

void
sani_tcp_recovery_grow(struct sani_tcp_rx *rx, const struct sani_tcp_delivery *d)
{
	struct sani_tcp_conn *c = rx->c;
	bool limited = c->cwnd_full;

	if (sani_unlikely(c->extras & SANI_TCP_X_CWV))
		limited = sani_tcp_cwv_acked(c, d, rx->io, limited);
	sani_tcp_cc_acked(c, &(struct sani_tcp_cc_ack){
		.now_us = rx->io->now_us,
		.acked = d->acked,
		.rtt_us = d->rtt_us,
		.limited = limited,
	});
	if (limited)
		sani_tcp_grow_sndbuf(c, rx->io);
}

/* Remember what a needless reduction has taken. */
static void
begin_episode(struct sani_tcp_conn *c)
{
	c->prior_cwnd = c->cwnd;
	c->prior_ssthresh = c->ssthresh;
	c->undo_bytes = 0;
	c->undo_una = c->snd_una;
	c->flags |= SANI_TCP_F_UNDO;
}

/* What a loss makes of ssthresh. */
static uint32_t
reduce(struct sani_tcp_conn *c, uint32_t flight, uint64_t now_us)
{
	if (c->extras & SANI_TCP_X_CWV)
		return sani_tcp_cwv_loss(c, flight, now_us);
	return c->cc->loss(c, flight, now_us);
}

/*
 * FlightSize (RFC 5681 3.2) when the ACKs came of which one shows congestion: those before it may have acknowledged
 * much, for which nothing could be sent yet. What limited transmit sent does not count.
 */
static uint32_t
flight_before(const struct sani_tcp_conn *c, uint64_t now_us)
{
	uint32_t flight = c->acked_us == now_us ? c->flight.before : c->snd_nxt - c->snd_una;

	return sani_tcp_min(flight, c->cwnd);
}

void
sani_tcp_recovery_enter(struct sani_tcp_conn *c, uint64_t now_us, struct sani_counters *ctr)
{
	uint32_t flight = flight_before(c, now_us);

	if (c->ca == SANI_TCP_CA_OPEN) {
		begin_episode(c);
		c->ssthresh = reduce(c, flight, now_us);
	}
	c->recover = c->snd_nxt - 1;
	c->ca = SANI_TCP_CA_RECOVERY;
	c->flags |= SANI_TCP_F_CWR_DUE;
	/* what a probe has shown is answered by this; what was to go at once before was acknowledged before it could */
	c->flags &= ~(uint32_t)(SANI_TCP_F_TLP_OUT | SANI_TCP_F_RTX_NOW);
	sani_tcp_arm(c, SANI_TCP_T_REXMIT, now_us + sani_tcp_rto(c, c->backoff));
	sani_count(ctr, SANI_CTR_tcp_tx_fast_rexmit);
}

/*
 * RFC 3168 6.1.2: as a loss, but nothing goes again; with SACK the window comes down under PRR. The peer
 * echoes until it has the CWR, which goes with the octet at SND.NXT: until that is acknowledged, an echo
 * is the old one. An ACK of all there was counts too, one that comes with nothing out does not. Only with ECN.
 */
static void
take_echo(struct sani_tcp_rx *rx, const struct sani_tcp_delivery *d)
{
	struct sani_tcp_conn *c = rx->c;
	uint64_t now_us = rx->io->now_us;
	bool marked = rx->seg->flags & SANI_TCP_ECE;
	uint32_t flight;

	if (c->cc->counted != NULL && d->acked > 0)
		c->cc->counted(c, d->acked, marked);
	if (!marked || c->ca != SANI_TCP_CA_OPEN || (c->snd_una == c->snd_nxt && d->acked == 0))
		return;
	flight = flight_before(c, now_us);
	if (c->extras & SANI_TCP_X_CWV)
		flight = sani_tcp_cwv_echo(c, flight);
	c->ssthresh = c->cc->echo(c, flight, now_us);
	c->recover = c->snd_nxt;
	c->ca = SANI_TCP_CA_CWR;
	c->flags |= SANI_TCP_F_CWR_DUE;
	c->flags &= ~(uint32_t)SANI_TCP_F_UNDO;
	sani_tcp_prr_begin(c, d, now_us);
	if (!(c->flags & SANI_TCP_F_SACK))
		c->cwnd = sani_tcp_min(c->cwnd, c->ssthresh);
	sani_count(rx->io->ctr, SANI_CTR_tcp_rx_ece);
}

static void
end_recovery(struct sani_tcp_conn *c)
{
	/* RFC 9937: what PRR has steered to; after a timeout cwnd has grown by itself */
	if (c->ca != SANI_TCP_CA_LOSS)
		c->cwnd = c->ssthresh;
	if (sani_unlikely(c->extras & SANI_TCP_X_CWV))
		sani_tcp_cwv_recovered(c);
	c->ca = SANI_TCP_CA_OPEN;
	c->dup_acks = 0;
	sani_tcp_rack_recovered(c);
}

/* The loss was none: everything as before (RFC 4015, without its cautious cwnd: PRR limits bursts). */
static void
undo(struct sani_tcp_conn *c, struct sani_counters *ctr)
{
	/* an echo that the episode has swallowed is one again if no CWR has answered it (RFC 3168 6.1.2) */
	c->flags &= ~(uint32_t)(SANI_TCP_F_UNDO | SANI_TCP_F_RTX_NOW | SANI_TCP_F_CWR_DUE);
	c->cwv.base = 0;
	sani_tcp_flight_unlose(c);
	if (c->cwnd < c->prior_cwnd)
		c->cwnd = c->prior_cwnd;
	if (c->ssthresh < c->prior_ssthresh)
		c->ssthresh = c->prior_ssthresh;
	if (c->ca != SANI_TCP_CA_OPEN) {
		sani_tcp_rack_recovered(c);
		c->cwv.una = c->cwv.end = c->snd_una;	/* pipeACK has rested (RFC 7661 4.2): a round begins here */
	}
	c->ca = SANI_TCP_CA_OPEN;
	c->dup_acks = 0;
	c->cc->undo(c);
	sani_count(ctr, SANI_CTR_tcp_undo);
}

/* Networks repeat packets too: a D-SACK of what was not sent again says nothing of the episode. */
static bool
is_of_episode(const struct sani_tcp_conn *c, const struct sani_tcp_block *dsack)
{
	return seq_geq(dsack->left, c->undo_una) && seq_leq(dsack->right, c->recover + 1);
}

/*
 * Nothing of the episode went again yet: ACKs came together, or the pace holds the repeat back. If all that was taken
 * for lost is there now, it was only late. What went twice before may have come by the repeat: that proves nothing.
 */
static bool
was_only_late(struct sani_tcp_conn *c, const struct sani_tcp_delivery *d)
{
	if (d->resent)
		c->flags &= ~(uint32_t)SANI_TCP_F_UNDO;
	return !d->resent && c->flight.lost == 0;
}

/*
 * Was the episode needless? Its first ACK echoes a timestamp from before the first retransmission (RFC
 * 3522), or all that was sent again is reported as received twice (RFC 3708). Once an episode: a peer that
 * lies about D-SACKs gains one window.
 */
static bool
was_needless(struct sani_tcp_rx *rx, const struct sani_tcp_delivery *d)
{
	struct sani_tcp_conn *c = rx->c;

	if (!(c->flags & SANI_TCP_F_UNDO))
		return false;
	if (c->undo_bytes == 0)
		return c->ca >= SANI_TCP_CA_RECOVERY && was_only_late(c, d);
	if (d->dsacked > 0) {
		if (!is_of_episode(c, &rx->seg->sack[0]))
			return false;
		c->undo_bytes -= sani_tcp_min(c->undo_bytes, d->dsacked);
		return c->undo_bytes == 0;
	}
	return c->ca != SANI_TCP_CA_OPEN && d->acked > 0 && d->resent && (c->flags & SANI_TCP_F_TS) &&
	       (rx->seg->opts & SANI_TCP_OPT_TS) && seq_lt(rx->seg->tsecr, c->undo_tsval);
}

/* RFC 8985 7.4.1: a probe that has repaired a loss hid it from RACK; the window comes down all the same. */
static void
reduce_for_probe(struct sani_tcp_conn *c, uint64_t now_us)
{
	c->ssthresh = reduce(c, flight_before(c, now_us), now_us);
	c->cwnd = sani_tcp_min(c->cwnd, c->ssthresh);
	c->cwv.base = 0;	/* no recovery follows that would have an end */
	c->flags |= SANI_TCP_F_CWR_DUE;
	c->flags &= ~(uint32_t)SANI_TCP_F_UNDO;	/* the state before is not the controller's any more */
}

/*
 * Does the ACK show a loss that no episode has answered? What is marked lost for another reason (a smaller
 * MTU, the octet of a window probe) and has not gone again yet is none.
 */
static bool
find_loss(struct sani_tcp_conn *c, struct sani_tcp_delivery *d, uint64_t now_us)
{
	bool left_over = false;

	if (c->ca != SANI_TCP_CA_OPEN && seq_gt(c->snd_una, c->recover)) {
		end_recovery(c);
		left_over = c->flight.lost > 0;	/* what was sent in the episode and lost is another's now */
	}
	if (c->flight.sacked > 0 || c->ca != SANI_TCP_CA_OPEN || (c->flags & SANI_TCP_F_REO))
		d->lost = sani_tcp_rack_detect(c, now_us);
	return d->lost || left_over;
}

static void
ack_with_sack(struct sani_tcp_rx *rx, struct sani_tcp_delivery *d)
{
	struct sani_tcp_conn *c = rx->c;
	uint64_t now_us = rx->io->now_us;
	bool counted = c->ca == SANI_TCP_CA_RECOVERY;
	bool found;
	bool repaired = sani_unlikely(c->flags & SANI_TCP_F_TLP_OUT) && sani_tcp_tlp_acked(rx, d);

	if (d->acked > 0)
		c->dup_acks = 0;
	else if (d->sacked && c->dup_acks < UINT8_MAX)
		c->dup_acks++;
	sani_tcp_rack_update(rx, d);
	if (sani_unlikely(d->dsacked > 0))
		sani_tcp_rack_dsack(c);
	found = find_loss(c, d, now_us);
	if (sani_unlikely(found))
		found = !sani_tcp_mtu_lost(c, rx->io);
	if (sani_unlikely(c->flags & SANI_TCP_F_ECN))
		take_echo(rx, d);
	if (c->ca <= SANI_TCP_CA_CWR && sani_unlikely(found)) {
		if (c->ca == SANI_TCP_CA_OPEN)
			sani_tcp_prr_begin(c, d, now_us);
		sani_tcp_recovery_enter(c, now_us, rx->io->ctr);
	} else if (c->ca == SANI_TCP_CA_OPEN && sani_unlikely(repaired)) {
		reduce_for_probe(c, now_us);
	}
	if (c->ca == SANI_TCP_CA_RECOVERY || c->ca == SANI_TCP_CA_CWR)
		sani_tcp_prr_ack(c, d);
	else if (d->acked > 0 && !counted)
		/* not the ACK that ends recovery: PRR has counted what it covers (RFC 5681 3.2, step 6) */
		sani_tcp_recovery_grow(rx, d);
}

void
sani_tcp_recovery_ack(struct sani_tcp_rx *rx, struct sani_tcp_delivery *d)
{
	if (sani_unlikely(was_needless(rx, d)))
		undo(rx->c, rx->io->ctr);
	if (rx->c->flags & SANI_TCP_F_SACK) {
		ack_with_sack(rx, d);
	} else {
		if (sani_unlikely(rx->c->flags & SANI_TCP_F_ECN))
			take_echo(rx, d);
		sani_tcp_newreno_ack(rx, d);
	}
}

void
sani_tcp_recovery_reo_timer(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	struct sani_tcp_delivery d = { .lost = sani_tcp_rack_detect(c, io->now_us) };

	if (!d.lost || sani_tcp_mtu_lost(c, io))
		return;
	if (c->ca <= SANI_TCP_CA_CWR) {
		if (c->ca == SANI_TCP_CA_OPEN)
			sani_tcp_prr_begin(c, &d, io->now_us);
		sani_tcp_recovery_enter(c, io->now_us, io->ctr);
	}
	if (c->ca == SANI_TCP_CA_RECOVERY)
		sani_tcp_prr_ack(c, &d);
}

/*
 * RFC 5681 equation 4 and 3.1: once for a segment, however often its timer expires. In recovery a
 * retransmission was lost, or what was sent since: that is a second sign of congestion (4.3). A peer
 * whose SACKs reach down to snd_una has taken them back (RFC 2018 8): they are not believed any more.
 */
void
sani_tcp_recovery_timeout(struct sani_tcp_conn *c, uint64_t now_us)
{
	uint32_t flight = c->snd_nxt - c->snd_una;
	bool reneged = c->flight.nb > 0 && (sani_tcp_runs(c)[0].word & SANI_TCP_RUN_SACKED);

	sani_tcp_flight_limit_age(c, now_us);
	if (c->ca == SANI_TCP_CA_OPEN || (c->ca == SANI_TCP_CA_LOSS && c->backoff == 0)) {
		begin_episode(c);
		c->ssthresh = c->cc->loss(c, sani_tcp_min(flight, c->cwnd), now_us);
	} else if (c->ca == SANI_TCP_CA_RECOVERY) {
		c->ssthresh = sani_tcp_min(c->ssthresh, c->cc->loss(c, flight, now_us));
	}
	if (c->extras & SANI_TCP_X_CWV)
		sani_tcp_cwv_timeout(c);
	c->cwnd = c->snd_mss;
	c->recover = c->snd_nxt - 1;
	c->ca = SANI_TCP_CA_LOSS;
	c->dup_acks = 0;
	c->flags &= ~(uint32_t)(SANI_TCP_F_TLP_OUT | SANI_TCP_F_REO | SANI_TCP_F_TLP_DUE);
	sani_tcp_disarm(c, SANI_TCP_T_LOSS);
	if (reneged || !(c->flags & SANI_TCP_F_SACK))
		sani_tcp_flight_lose_all(c, reneged);
	else
		sani_tcp_rack_timeout(c, now_us);
	c->flags |= SANI_TCP_F_RTX_NOW | SANI_TCP_F_CWR_DUE;
	c->cc->timeout(c);
}

void
sani_tcp_recovery_resend(struct sani_tcp_conn *c)
{
	sani_tcp_flight_lose_all(c, false);
	c->flags |= SANI_TCP_F_RTX_NOW;
}
