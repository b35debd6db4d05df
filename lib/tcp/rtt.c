/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/priv.h"

/*
 * Floor of the RTO. RFC 6298 2.4 says 1 s (SHOULD); RFC 8961 lets a sender go lower that backs off and
 * measures. 200 ms lies above the delayed ACK of every common peer (40 to 200 ms), so a lone segment is
 * not sent twice because its ACK was held back, and it is the floor of the stacks we talk to.
 */
#define RTO_MIN_US 200000u

#define CLOCK_US 1000u	/* G of RFC 6298: the coarser of our clocks, the timestamps' */

void
sani_tcp_rtt_init(struct sani_tcp_conn *c)
{
	c->srtt_us = 0;
	c->rttvar_us = 0;
	c->rto_us = SANI_TCP_RTO_INITIAL_US;
}

static void
take_sample(struct sani_tcp_conn *c, uint32_t r_us)
{
	uint32_t delta;
	uint64_t rto;

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
	rto = 4ull * c->rttvar_us;
	rto = c->srtt_us + (rto > CLOCK_US ? rto : CLOCK_US);
	if (rto < RTO_MIN_US)
		rto = RTO_MIN_US;
	if (rto > SANI_TCP_RTO_MAX_US)
		rto = SANI_TCP_RTO_MAX_US;
	c->rto_us = (uint32_t)rto;
	c->backoff = 0;
}

/*
 * Where the measurement was given up because of a retransmission, the timestamp echo says which
 * transmission is acknowledged (RFC 7323 4.1). An echo from before the retransmission says nothing: it
 * comes with an ACK that was late, but as well with one that repeats a lost ACK, and then the time that
 * the timer took would count as round trip. Until there is a sample the backoff stays (Karn).
 */
static bool
echoes_retransmission(const struct sani_tcp_conn *c, const struct sani_tcp_seg *seg)
{
	return (c->flags & SANI_TCP_F_RTX_SENT) && (c->flags & SANI_TCP_F_TS) &&
	       (seg->opts & SANI_TCP_OPT_TS) && seq_geq(seg->tsecr, c->rtx_tsval);
}

/* One segment at a time is timed with our own clock (MUST-18: none that was sent twice). */
void
sani_tcp_rtt_acked(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, uint64_t now_us)
{
	uint64_t r_us;

	if (c->flags & SANI_TCP_F_TIMING) {
		if (seq_lt(seg->ack, c->rtt_seq))
			return;
		r_us = now_us - c->rtt_start_us;
	} else if (echoes_retransmission(c, seg)) {
		r_us = (uint64_t)(sani_tcp_ts_now(c, now_us) - seg->tsecr) * CLOCK_US;
	} else {
		return;
	}
	c->flags &= ~(uint32_t)(SANI_TCP_F_TIMING | SANI_TCP_F_RTX_SENT);
	/* More than the ceiling is not a time but an echo of something that we never sent. */
	if (r_us <= SANI_TCP_RTO_MAX_US)
		take_sample(c, (uint32_t)r_us);
}

uint32_t
sani_tcp_rto(const struct sani_tcp_conn *c, uint8_t shift)
{
	uint64_t rto = (uint64_t)c->rto_us << (shift < 16 ? shift : 16);

	return rto < SANI_TCP_RTO_MAX_US ? (uint32_t)rto : SANI_TCP_RTO_MAX_US;
}
