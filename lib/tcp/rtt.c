/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/priv.h"

/*
 * Floor of the RTO. RFC 6298 2.4 says 1 s (SHOULD); RFC 8961 lets a sender go lower that backs off and
 * measures. 200 ms lies above the delayed ACK of every common peer (40 to 200 ms), so a lone segment is
 * not sent twice because its ACK was held back, and it is the floor of the stacks we talk to.
 */
#define RTO_MIN_US 200000u

#define MIN_RTT_SPAN_S 150u

#define CLOCK_US 1000u	/* G of RFC 6298: the coarser of our clocks, the timestamps' */

void
sani_tcp_rtt_init(struct sani_tcp_conn *c)
{
	c->srtt_us = 0;
	c->rttvar_us = 0;
	c->rto_us = SANI_TCP_RTO_INITIAL_US;
	c->min_rtt_us[0] = c->min_rtt_us[1] = 0;
}

/* RFC 8985 6.2 step 1: the least of the last minutes, as the lesser of two spans. */
static inline void
note_min(struct sani_tcp_conn *c, uint32_t r_us, uint64_t now_us)
{
	uint32_t now_s = (uint32_t)(now_us / 1000000);

	if (c->min_rtt_us[0] == 0 || now_s - c->min_rtt_s >= MIN_RTT_SPAN_S) {
		c->min_rtt_us[1] = c->min_rtt_us[0];
		c->min_rtt_us[0] = r_us;
		c->min_rtt_s = now_s;
	} else if (r_us < c->min_rtt_us[0]) {
		c->min_rtt_us[0] = r_us;
	}
}

uint32_t
sani_tcp_min_rtt(const struct sani_tcp_conn *c)
{
	if (c->min_rtt_us[1] != 0 && c->min_rtt_us[1] < c->min_rtt_us[0])
		return c->min_rtt_us[1];
	return c->min_rtt_us[0];
}

static inline uint32_t
find_rto(const struct sani_tcp_conn *c)
{
	uint64_t rto = 4ull * c->rttvar_us;

	rto = c->srtt_us + (rto > CLOCK_US ? rto : CLOCK_US);
	if (rto < RTO_MIN_US)
		rto = RTO_MIN_US;
	if (rto > SANI_TCP_RTO_MAX_US)
		rto = SANI_TCP_RTO_MAX_US;
	return (uint32_t)rto;
}

static inline void
take_sample(struct sani_tcp_conn *c, uint32_t r_us)
{
	uint32_t delta;

	r_us = r_us > 0 ? r_us : 1;
	if (c->srtt_us == 0) {
		c->srtt_us = r_us;
		c->rttvar_us = r_us / 2;
	} else {
		delta = c->srtt_us > r_us ? c->srtt_us - r_us : r_us - c->srtt_us;
		c->rttvar_us = (uint32_t)(((uint64_t)c->rttvar_us * 3 + delta) / 4);
		c->srtt_us = (uint32_t)(((uint64_t)c->srtt_us * 7 + r_us) / 8);
		c->srtt_us = c->srtt_us > 0 ? c->srtt_us : 1;
	}
	c->rto_us = find_rto(c);
	c->backoff = 0;
}

uint32_t
sani_tcp_rto_of(const struct sani_tcp_conn *c)
{
	return c->srtt_us != 0 ? find_rto(c) : SANI_TCP_RTO_INITIAL_US;
}

/*
 * After a retransmission the timestamp echo says which transmission is acknowledged (RFC 7323 4.1). An echo
 * from before it says nothing: it comes with an ACK that was late, but as well with one that repeats a lost
 * ACK, and then the time that the timer took would count as round trip. Until there is a sample the backoff
 * stays (Karn).
 */
static bool
echoes_retransmission(const struct sani_tcp_conn *c, const struct sani_tcp_seg *seg)
{
	return (c->flags & SANI_TCP_F_RTX_SENT) && (c->flags & SANI_TCP_F_TS) &&
	       (seg->opts & SANI_TCP_OPT_TS) && seq_geq(seg->tsecr, c->rtx_tsval);
}

/*
 * More than the ceiling is not a time but an echo of something that we never sent. Within one tick of the
 * clock it is as much as that, so that the backoff ends on the shortest path too.
 */
static uint32_t
read_echo(const struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, uint64_t now_us)
{
	uint64_t r_us = (uint64_t)(sani_tcp_ts_now(c, now_us) - seg->tsecr) * CLOCK_US;

	if (r_us == 0)
		return CLOCK_US;
	return r_us <= SANI_TCP_RTO_MAX_US ? (uint32_t)r_us : 0;
}

/* A sample was taken: the next one a round trip from now. */
static void
begin_round(struct sani_tcp_conn *c)
{
	c->flags &= ~(uint32_t)SANI_TCP_F_RTX_SENT;
	c->tlp_untimed = false;
	c->rtt_seq = c->snd_nxt;
}

/*
 * Our own clock times what was sent once (MUST-18). Every sample counts for min_rtt and for congestion
 * control, one a round trip for SRTT (RFC 7323 appendix G asks that more of them weigh no more).
 */
uint32_t
sani_tcp_rtt_sent_once(struct sani_tcp_conn *c, uint32_t ack, uint32_t sent_us, uint64_t now_us)
{
	int32_t age = sani_tcp_time_diff((uint32_t)now_us, sent_us);
	uint32_t r_us = age > 0 ? (uint32_t)age : 1;

	note_min(c, r_us, now_us);
	if (c->backoff == 0 && seq_lt(ack, c->rtt_seq))
		return r_us;
	take_sample(c, r_us);
	begin_round(c);
	return r_us;
}

void
sani_tcp_rtt_acked(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg,
		   struct sani_tcp_delivery *d, uint64_t now_us)
{
	if (d->has_sample && !d->resent) {
		d->rtt_us = sani_tcp_rtt_sent_once(c, seg->ack, d->sample_us, now_us);
	} else if (d->acked > 0 && echoes_retransmission(c, seg)) {
		uint32_t r_us = read_echo(c, seg, now_us);

		if (r_us > 0)
			take_sample(c, r_us);
		begin_round(c);
	}
}

void
sani_tcp_rtt_syn(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, uint64_t now_us)
{
	uint64_t r_us = now_us > c->last_snd_us ? now_us - c->last_snd_us : 1;

	/* of a SYN-ACK with a cookie we keep no time, and with data behind one it is not the last that was sent */
	if ((c->flags & SANI_TCP_F_SYN_LOST) || c->last_snd_us == 0 || (c->fast.flags & SANI_TCP_FAST_EARLY))
		r_us = (c->flags & SANI_TCP_F_TS) ? read_echo(c, seg, now_us) : 0;
	if (r_us > 0) {
		take_sample(c, (uint32_t)r_us);
		note_min(c, (uint32_t)r_us, now_us);
	}
	c->rtt_seq = c->snd_nxt;
}
