/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/priv.h"

/*
 * RFC 8985: a run is lost when one that was sent later has been delivered, and reo_wnd more has passed than
 * a round trip takes; and a probe at the end of a flight, so that a lost tail is found without a timeout.
 * Only with SACK.
 */
#define DUP_THRESH 3u
#define REO_PERSIST 16u			/* recoveries without D-SACK that shrink the window */
#define REO_MULT_MAX 255u

/* The timestamp that went out with a run. */
static uint32_t
tsval_at(const struct sani_tcp_conn *c, uint32_t time, uint64_t now_us)
{
	int32_t age = sani_tcp_time_diff((uint32_t)now_us, time);

	return sani_tcp_ts_now(c, now_us - (uint64_t)(age > 0 ? age : 0));
}

/*
 * 6.2 step 2: what was sent twice may have been delivered by the first of both. It was, if the echo is older than
 * the second, or if that was sent less than a round trip ago, which the timestamps' clock may be too coarse to
 * show.
 */
bool
sani_tcp_rack_tells(const struct sani_tcp_rx *rx, uint32_t time)
{
	const struct sani_tcp_conn *c = rx->c;
	uint64_t now_us = rx->io->now_us;
	int32_t age = sani_tcp_time_diff((uint32_t)now_us, time);

	if ((c->flags & SANI_TCP_F_TS) && (rx->seg->opts & SANI_TCP_OPT_TS) &&
	    seq_lt(rx->seg->tsecr, tsval_at(c, time, now_us)))
		return false;
	return age >= 0 && (uint32_t)age >= sani_tcp_min_rtt(c);
}

void
sani_tcp_rack_update(struct sani_tcp_rx *rx, const struct sani_tcp_delivery *d)
{
	struct sani_tcp_conn *c = rx->c;

	if (d->reordered)
		c->flags |= SANI_TCP_F_REORDERED;
	if (d->has_newest)
		sani_tcp_rack_note(c, d->newest_us, d->newest_end, rx->io->now_us);
}

/* Does its mark lie in what is out? Else the round is over, however much was acknowledged since. */
static bool
is_dsack_round(const struct sani_tcp_conn *c)
{
	return (c->flags & SANI_TCP_F_DSACK_ROUND) && seq_in(c->dsack_round - 1, c->snd_una, c->snd_nxt - c->snd_una);
}

/* 6.2 step 4, growth: once for each round trip that shows a needless retransmission. */
void
sani_tcp_rack_dsack(struct sani_tcp_conn *c)
{
	if (is_dsack_round(c))
		return;
	c->flags |= SANI_TCP_F_DSACK_ROUND;
	c->dsack_round = c->snd_nxt;
	if (c->reo_wnd_mult < REO_MULT_MAX)
		c->reo_wnd_mult++;
	c->reo_wnd_persist = REO_PERSIST;
}

void
sani_tcp_rack_recovered(struct sani_tcp_conn *c)
{
	if (c->reo_wnd_persist > 0 && --c->reo_wnd_persist == 0)
		c->reo_wnd_mult = 1;
}

static uint32_t
reo_wnd(const struct sani_tcp_conn *c)
{
	uint64_t wnd = (uint64_t)c->reo_wnd_mult * sani_tcp_min_rtt(c) / 4;

	if (!(c->flags & SANI_TCP_F_REORDERED) &&
	    (c->ca >= SANI_TCP_CA_RECOVERY || c->dup_acks >= DUP_THRESH ||
	     c->flight.sacked >= DUP_THRESH * c->snd_mss))
		return 0;
	return wnd < c->srtt_us ? (uint32_t)wnd : c->srtt_us;
}

bool
sani_tcp_rack_detect(struct sani_tcp_conn *c, uint64_t now_us)
{
	uint32_t before = c->flight.lost;
	int64_t wait = (int64_t)c->rack_rtt_us + reo_wnd(c);
	int64_t timeout = 0;

	/* A flight with holes is not probed (7.2). */
	sani_tcp_disarm(c, SANI_TCP_T_LOSS);
	c->flags &= ~(uint32_t)SANI_TCP_F_REO;
	if (c->rack_rtt_us == 0)
		return false;
	for (uint32_t i = 0; i < c->flight.nb; i++) {
		const struct sani_tcp_run *r = sani_tcp_runs(c);
		uint32_t time = sani_tcp_run_time(&r[i]);
		int64_t left = wait - sani_tcp_time_diff((uint32_t)now_us, time);

		if ((r[i].word & (SANI_TCP_RUN_SACKED | SANI_TCP_RUN_LOST)) ||
		    !sani_tcp_sent_after(c->rack_us, c->rack_end, time, sani_tcp_run_end(c, r, i)))
			continue;
		if (left <= 0)
			sani_tcp_flight_lose(c, i);
		else if (left > timeout)
			timeout = left;
	}
	if (timeout > 0) {
		c->flags |= SANI_TCP_F_REO;
		sani_tcp_arm(c, SANI_TCP_T_LOSS, now_us + (uint64_t)timeout);
	}
	return c->flight.lost > before;
}

/* 6.3: what is younger than a round trip and the reordering window may have its ACK on the way. */
void
sani_tcp_rack_timeout(struct sani_tcp_conn *c, uint64_t now_us)
{
	int64_t wait = c->rack_rtt_us != 0 ? (int64_t)c->rack_rtt_us + reo_wnd(c) : 0;
	const struct sani_tcp_run *r = sani_tcp_runs(c);

	for (uint32_t i = 0; i < c->flight.nb; i++)
		if (i == 0 || sani_tcp_time_diff((uint32_t)now_us, sani_tcp_run_time(&r[i])) >= wait)
			sani_tcp_flight_lose(c, i);
}

/*
 * 7.2, 7.3: a flight (not the SYN) without SACKs or losses, no probe out, and a round trip measured since the last
 * one and since the beginning: probes must not keep SRTT from following the path.
 */
static bool
may_probe(const struct sani_tcp_conn *c)
{
	const uint32_t not = SANI_TCP_F_TLP_OUT | SANI_TCP_F_PROBED | SANI_TCP_F_REO;

	return (c->flags & (SANI_TCP_F_SACK | not)) == SANI_TCP_F_SACK && c->ca <= SANI_TCP_CA_CWR &&
	       c->flight.nb > 0 && (c->flight.sacked | c->flight.lost) == 0 && c->srtt_us != 0 && !c->tlp_untimed;
}

void
sani_tcp_tlp_schedule(struct sani_tcp_conn *c, uint64_t now_us)
{
	c->flags &= ~(uint32_t)SANI_TCP_F_PTO_DUE;
	if (may_probe(c))
		sani_tcp_tlp_arm(c, now_us);
}

/* 7.4.1, case 2: the second ACK of the probe's end, which brings nothing; maybe with nothing out any more. */
static bool
is_bare_duplicate(const struct sani_tcp_rx *rx, const struct sani_tcp_delivery *d)
{
	const struct sani_tcp_seg *seg = rx->seg;

	return d->acked == 0 && seg->len == 0 && !(seg->opts & SANI_TCP_OPT_SACK) &&
	       !(seg->flags & SANI_TCP_FIN) && sani_tcp_seg_wnd(rx->c, seg) == rx->c->snd_wnd;
}

bool
sani_tcp_tlp_acked(struct sani_tcp_rx *rx, const struct sani_tcp_delivery *d)
{
	struct sani_tcp_conn *c = rx->c;
	uint32_t ack = rx->seg->ack;
	bool twice;

	if (seq_lt(ack, c->tlp_end))
		return false;
	twice = d->dsacked > 0 && rx->seg->sack[0].right == c->tlp_end;
	/* the ACK of exactly the probe may be the original's: what comes next tells */
	if ((c->flags & SANI_TCP_F_TLP_RTX) && !twice && ack == c->tlp_end && !is_bare_duplicate(rx, d))
		return false;
	c->flags &= ~(uint32_t)SANI_TCP_F_TLP_OUT;
	return (c->flags & SANI_TCP_F_TLP_RTX) && !twice && seq_gt(ack, c->tlp_end);
}
