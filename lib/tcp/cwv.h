/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Congestion window validation (RFC 7661): a window outlives that it is not used, until a loss shows that it should
 * not have. Part of tcp/priv.h.
 *
 * Model:  pipeACK is the most that was acknowledged in a round trip, of those in the last max(3 RTT, 1 s), which
 *         is kept in parts of a quarter. Below half of cwnd the phase is the nonvalidated one: cwnd grows only
 *         when all of it is out, is paced, and after each five minutes (NVP) comes down by half. A sender that
 *         is silent is looked at when it sends again.
 * Off:    without SANI_TCP_X_CWV none of this is called.
 */
#ifndef SANI_TCP_CWV_H
#define SANI_TCP_CWV_H

#include "tcp/conn.h"

/** Established, or anew behind snd_una: pipeACK is undefined. */
void
sani_tcp_cwv_begin(struct sani_tcp_conn *c);
/** pipeACK as of the last ACK [bytes]; 0: undefined. */
uint32_t
sani_tcp_cwv_pipe_ack(const struct sani_tcp_conn *c);
/**
 * New data was acknowledged. @param limited What holds without this. @return May cwnd grow?
 */
bool
sani_tcp_cwv_acked(struct sani_tcp_conn *c, const struct sani_tcp_delivery *d, struct sani_tcp_io *io,
		   bool limited);
/** Sending begins again after a pause longer than RTO, with nothing in flight. */
void
sani_tcp_cwv_resume(struct sani_tcp_conn *c, struct sani_tcp_io *io);
/** A loss was found with flight bytes out; in place of cc->loss. @return ssthresh. */
uint32_t
sani_tcp_cwv_loss(struct sani_tcp_conn *c, uint32_t flight, uint64_t now_us);
/** An ECN echo with flight bytes out; cc->echo follows. @return The flight that it is to go by. */
uint32_t
sani_tcp_cwv_echo(struct sani_tcp_conn *c, uint32_t flight);
/** A retransmission timeout; its windows are the standard ones. */
void
sani_tcp_cwv_timeout(struct sani_tcp_conn *c);
/** Recovery is over, of whatever kind; c->ca still says of which. cwnd is what the standard makes it. */
void
sani_tcp_cwv_recovered(struct sani_tcp_conn *c);

#endif
