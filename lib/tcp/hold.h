/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Hold: a passive open whose SYN-ACK waits for a decision, an active one whose SYN waits for its first hop. Part of
 * the engine: no clock, no I/O.
 */
#ifndef SANI_TCP_HOLD_H
#define SANI_TCP_HOLD_H

#include "tcp/conn.h"

/** Of a connection that was opened passively just now: its SYN-ACK waits for sani_tcp_confirm(). */
void
sani_tcp_hold(struct sani_tcp_conn *c);

/** The SYN-ACK may go. @return Events; 0: the connection is over. */
uint32_t
sani_tcp_confirm(struct sani_tcp_conn *c);

/**
 * The first hop of a SYN is known now, and none that was built before has left: it is due as the first one, with
 * what only that may carry (RFC 7413, 3168), and no timeout has passed. In other states than SYN_SENT nothing changes.
 * @return Events.
 */
uint32_t
sani_tcp_not_sent(struct sani_tcp_conn *c);

#endif
