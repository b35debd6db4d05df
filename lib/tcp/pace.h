/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Pacing: bursts with pauses between them. Part of tcp/priv.h.
 *
 * Model:  everything sent costs time, its length by the rate. A burst goes on until it has cost as much as two
 *         segments or a millisecond, whichever is more, to the nearest segment; then the PACE timer waits until all
 *         of it is paid. What a burst has room for is a cap on cwnd for the time of one output, so what
 *         does not ask for cwnd is not held up (the first segment after a timeout, probes, a FIN alone,
 *         ACKs), but paid.
 *         A timer that fires late (a tick of the wheel, a slow round) is made good by the next burst, up to a
 *         millisecond, so that the rate is met on average; idle time is not.
 * Bounds: in a time T no more goes out than rate * T, a burst, a segment and a millisecond's worth, beside what
 *         is not held up.
 * Off:    without SANI_TCP_X_PACED none of this is called, but for settle and set.
 */
#ifndef SANI_TCP_PACE_H
#define SANI_TCP_PACE_H

#include "tcp/conn.h"

/** pace.limit or X_NONVALIDATED has changed: does X_PACED stand? */
void
sani_tcp_pace_settle(struct sani_tcp_conn *c);
/** SAN_OPT_PACING; a pause that goes on ends. */
void
sani_tcp_pace_set(struct sani_tcp_conn *c, uint32_t limit);
/** The rate now [bytes/s]; UINT64_MAX: none, there is no ceiling and no round trip was measured. */
uint64_t
sani_tcp_pace_rate(const struct sani_tcp_conn *c);
/** Output begins: what has the burst room for? */
void
sani_tcp_pace_begin(struct sani_tcp_conn *c, uint64_t now_us);
/** It has ended: what went out is charged, and if more waits for nothing but its time the timer says when. */
void
sani_tcp_pace_end(struct sani_tcp_conn *c, struct sani_tcp_io *io);

/** cwnd, in between. */
static inline uint32_t
sani_tcp_pace_cap(const struct sani_tcp_conn *c, uint32_t cwnd)
{
	if (sani_unlikely(c->extras & SANI_TCP_X_PACED) && c->pace.edge < cwnd)
		return c->pace.edge;
	return cwnd;
}

#endif
