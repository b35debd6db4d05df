/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What blocks and records in TIME_WAIT have in common (timewait.c).
 */
#ifndef SANI_TCP_TIMEWAIT_H
#define SANI_TCP_TIMEWAIT_H

#include "tcp/tcp.h"

/** Is a SYN certainly newer than an ended connection that expected rcv_nxt? */
bool
sani_tcp_may_reopen(bool had_ts, uint32_t ts_recent, uint32_t rcv_nxt,
		    const struct sani_tcp_seg *syn);

/** Is it the FIN, sent again, with which a peer's stream ended at rcv_nxt? */
bool
sani_tcp_is_last_fin(const struct sani_tcp_seg *seg, uint32_t rcv_nxt);

#endif
