/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Congestion control: how cwnd grows and what a loss makes of it; one const table of functions.
 *
 * Model:  detecting loss and repairing it is tcp/recovery.c, common to all; a table decides figures
 *         only. Its state is a member of union sani_tcp_cc_state in the block. cwnd and ssthresh are the
 *         block's; tables write cwnd in acked and restart only, and ssthresh where acked ends the first
 *         slow start; all the rest is done by recovery.c. ssthresh is UINT32_MAX until then or until the
 *         first event: that is what the first slow start is.
 * Source: RFC 5681, 9438, 9406.
 */
#ifndef SANI_TCP_CC_H
#define SANI_TCP_CC_H

#include "tcp/conn.h"

/** An acknowledgement of new data, outside loss recovery; snd_una has moved on already. */
struct sani_tcp_cc_ack {
	uint64_t now_us;
	uint32_t acked;		/**< Newly acknowledged [bytes]. */
	uint32_t rtt_us;	/**< A round-trip sample that this ACK gave; 0: none. */
	bool limited;		/**< cwnd was in use: only then may it grow. */
};

/** Every slot is filled. */
struct sani_tcp_cc {
	const char *name;
	/** The connection is established: cwnd is the initial window already. */
	void (*init)(struct sani_tcp_conn *c);
	void (*acked)(struct sani_tcp_conn *c, const struct sani_tcp_cc_ack *ack);
	/**
	 * A congestion event (loss found by ACKs, a retransmission timeout, or ECN) with flight bytes out.
	 * Remembers what undo needs. @return What ssthresh becomes [bytes], at least 2 SMSS.
	 */
	uint32_t (*loss)(struct sani_tcp_conn *c, uint32_t flight, uint64_t now_us);
	/** It was a retransmission timeout: called after loss, ssthresh and cwnd are set. */
	void (*timeout)(struct sani_tcp_conn *c);
	/** The last event was none (its retransmissions were needless); cwnd and ssthresh are restored. */
	void (*undo)(struct sani_tcp_conn *c);
	/** Sending begins again after idle_us with nothing in flight; cwnd was lowered by the caller. */
	void (*restart)(struct sani_tcp_conn *c, uint64_t idle_us);
};

extern const struct sani_tcp_cc sani_tcp_cc_newreno;
extern const struct sani_tcp_cc sani_tcp_cc_cubic;

#endif
