/* SPDX-License-Identifier: BSD-3-Clause */
/* Segments in flight over a path whose round trip is known; the peer has SACK where nothing else is said. */
#ifndef UNIT_TCP_OUT_H
#define UNIT_TCP_OUT_H

#include "bed.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)
#define ACK SANI_TCP_ACK
#define MSS 1000u
#define RTT (20 * MS)

/* n segments out, the round trip known. The figures are NewReno's. */
static inline void
start_with(struct bed *b, uint32_t n, uint32_t rtt_us, bool sack)
{
	b->p.tune.cc = SAN_CC_NEWRENO;
	b->sack = sack;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->wnd = 60000;
	b->c.snd_mss = MSS;
	bed_write(b, MSS);
	bed_run(b, RTT);
	bed_in(b, ACK, NXT, UNA + MSS, 0);
	/* as if the handshake, which takes no time here, had taken as long */
	b->c.srtt_us = rtt_us;
	b->c.min_rtt_us[0] = rtt_us;
	b->c.cwnd = 20 * MSS;
	bed_clear(b);
	bed_write(b, n * MSS);
	assert_int_equal(b->nb, n);
	bed_clear(b);
}

static inline void
start_over(struct bed *b, uint32_t n, uint32_t rtt_us)
{
	start_with(b, n, rtt_us, true);
}

/* The same, over 20 ms. */
static inline void
start(struct bed *b, uint32_t n)
{
	start_over(b, n, RTT);
}

/* Segment i of those. */
static inline uint32_t
seg(uint32_t i)
{
	return UNA + MSS + i * MSS;
}

/* The peer has [from, to) of them, ack everything before them. */
static inline void
sack(struct bed *b, uint32_t ack, uint32_t from, uint32_t to)
{
	bed_sack(b, seg(ack), 1, (uint32_t[]){ seg(from), seg(to) });
}

#endif
