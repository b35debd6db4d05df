/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Hold: a passive open whose SYN-ACK waits for a decision. Part of the engine: no clock, no I/O.
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

#endif
