/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Urgent data (RFC 9293 3.8.5, RFC 6093): the marks in both streams. Offered inside the engine.
 */
#ifndef SANI_TCP_URGENT_H
#define SANI_TCP_URGENT_H

#include "tcp/conn.h"

struct sani_tcp_rx;

/** Step 6. */
void
sani_tcp_process_urgent(struct sani_tcp_rx *rx);
/** The program has read: has it passed the mark? */
void
sani_tcp_note_read(struct sani_tcp_conn *c);
/** URG and pointer of a segment whose sequence number and flags are filled. */
void
sani_tcp_put_urgent(struct sani_tcp_conn *c, struct sani_tcp_seg *seg);

#endif
