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
 * Marks:  with ECN every ACK of new data is told to `counted`, whatever the state of recovery; `echo` is
 *         called once a window, for the first ACK with ECE (RFC 3168 6.1.2).
 * Source: RFC 5681, 9438, 9406, 8257.
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

/** Every slot is filled, but that counted may be NULL. */
struct sani_tcp_cc {
	const char *name;
	/** As a receiver this end echoes marks packet by packet (RFC 8257 3.2), not until CWR (RFC 3168 6.1.3). */
	bool exact_echo;
	/** The connection is established: cwnd is the initial window already. */
	void (*init)(struct sani_tcp_conn *c);
	/** Not called while congestion control has no part (sani_tcp_cc_has_part()) in what is not limited. */
	void (*acked)(struct sani_tcp_conn *c, const struct sani_tcp_cc_ack *ack);
	/**
	 * A congestion event (loss found by ACKs, or a retransmission timeout) with flight bytes out.
	 * Remembers what undo needs. @return What ssthresh becomes [bytes], at least 2 SMSS.
	 */
	uint32_t (*loss)(struct sani_tcp_conn *c, uint32_t flight, uint64_t now_us);
	/** The same for an ECN echo, which is never undone. */
	uint32_t (*echo)(struct sani_tcp_conn *c, uint32_t flight, uint64_t now_us);
	/** acked bytes were acknowledged, by a segment with ECE or without; snd_una has moved on already. */
	void (*counted)(struct sani_tcp_conn *c, uint32_t acked, bool marked);
	/** It was a retransmission timeout: called after loss, ssthresh and cwnd are set. */
	void (*timeout)(struct sani_tcp_conn *c);
	/** The last event was none (its retransmissions were needless); cwnd and ssthresh are restored. */
	void (*undo)(struct sani_tcp_conn *c);
	/** Sending begins again after idle_us with nothing in flight; cwnd was lowered by the caller. */
	void (*restart)(struct sani_tcp_conn *c, uint64_t idle_us);
};

extern const struct sani_tcp_cc sani_tcp_cc_newreno;
extern const struct sani_tcp_cc sani_tcp_cc_cubic;
extern const struct sani_tcp_cc sani_tcp_cc_dctcp;

#endif
