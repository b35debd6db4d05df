/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Keepalive: is a peer that says nothing still there (RFC 9293 3.8.4)? Offered inside the engine.
 */
#ifndef SANI_TCP_KEEPALIVE_H
#define SANI_TCP_KEEPALIVE_H

#include "tcp/conn.h"

/** Unit of last_rcv: 2^10 us. */
#define SANI_TCP_RCV_SHIFT 10

/** How long no acceptable segment has come [us], modulo 50 days; up to a unit more than the truth. */
static inline uint64_t
sani_tcp_quiet_us(const struct sani_tcp_conn *c, uint64_t now_us)
{
	uint64_t now = now_us >> SANI_TCP_RCV_SHIFT;

	return now_us - ((now - ((uint32_t)now - c->last_rcv)) << SANI_TCP_RCV_SHIFT);
}

/** The connection is established, or c->keep has changed: begin, begin anew, or stop. */
void
sani_tcp_keep_start(struct sani_tcp_conn *c, uint64_t now_us);
/** The timer KEEP has passed. @return Events. */
uint32_t
sani_tcp_keep_expire(struct sani_tcp_conn *c, struct sani_tcp_io *io);

#endif
