/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Congestion control: how cwnd grows and what a loss makes of it; one const table of functions.
 *
 * Model:  detecting loss and repairing it is tcp/recovery.c, common to all; a table decides figures
 *         only. Its state is a member of union sani_tcp_cc_state in the block.
 * Source: RFC 5681.
 */
#ifndef SANI_TCP_CC_H
#define SANI_TCP_CC_H

#include "tcp/conn.h"

/** Every slot is filled. */
struct sani_tcp_cc {
	const char *name;
	/** The connection is established: cwnd is the initial window already. */
	void (*init)(struct sani_tcp_conn *c);
	/** acked bytes left the network outside fast recovery while cwnd was in use: grow it. */
	void (*grow)(struct sani_tcp_conn *c, uint32_t acked, uint64_t now_us);
	/** Loss with flight bytes out: what ssthresh becomes [bytes], at least 2 SMSS. */
	uint32_t (*ssthresh)(const struct sani_tcp_conn *c, uint32_t flight);
	/** A retransmission timeout, ssthresh and cwnd are set. */
	void (*timeout)(struct sani_tcp_conn *c);
};

extern const struct sani_tcp_cc sani_tcp_cc_newreno;

#endif
