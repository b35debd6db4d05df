/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Fuzz, the target tcp: a connection, from its handshake on or from its SYN, with whatever a peer and a program may do.
 *
 * Model:     octets are a function of their place in the stream, and a model notes which the peer has sent: what is
 *            acknowledged, told in SACK blocks or read can be nothing else. And whatever was done, what is still to
 *            come has a timer.
 * Input:     three octets, how it is opened; then where each thing that goes round begins, sequence numbers of both
 *            ends, the peer's timestamps, ours, and the clock: before the end of 32 bits, or of 31, or anywhere. Then
 *            steps, an octet each with what belongs to it.
 * Files:     tcp.c: the steps; tcp_open.c; tcp_lend.c, memory that is lent to it and taken from it; tcp_oracle.c.
 */
#ifndef TESTS_FUZZ_TCP_H
#define TESTS_FUZZ_TCP_H

#include "fuzz.h"
#include "unit/tcp/bed.h"

#define TCP_STEPS 400u

struct tcp_world {
	struct bed *b;
	uint32_t known;		/* of the peer's stream, acknowledged when it was last looked at */
	uint64_t nb_read;
	uint32_t edge;		/* the farthest that the peer has offered */
	uint32_t rcv_adv;
	uint32_t snd_una;
	bool heard;		/* rcv_adv says something */
	bool behind;		/* packets wait that were not read when a timer fires */
};

/* tcp.c */

/** A segment has left: it is checked and freed. */
void
tcp_take(struct tcp_world *w, struct rte_mbuf *m);

/** All that may go goes. */
void
tcp_flush(struct tcp_world *w);

void
tcp_write_some(struct tcp_world *w, struct fuzz_in *in);

/** Those that may stand on a SYN only. */
void
tcp_draw_syn_options(struct fuzz_in *in, struct sani_tcp_seg *seg);

/* tcp_open.c */

/** What the connection is to be; the input's first octets. */
void
tcp_choose(struct bed *b, struct fuzz_in *in);

/** Open it. @param[in] how, more  The first two octets, again. */
void
tcp_open(struct tcp_world *w, struct fuzz_in *in, uint8_t how, uint8_t more);

/* tcp_lend.c */

/** Write memory that is only lent. */
void
tcp_lend_some(struct tcp_world *w, struct fuzz_in *in);

/** Ask for it back. */
void
tcp_own_some(struct tcp_world *w, struct fuzz_in *in);

/** Read without a copy. */
void
tcp_take_some(struct tcp_world *w, struct fuzz_in *in);

/** None is lent any more. */
void
tcp_check_lends(void);

/* tcp_oracle.c */

/** Nothing was sent by the peer. */
void
tcp_forget_came(void);

/** The peer sends these numbers. */
void
tcp_note_came(uint32_t seq, uint32_t len);

/** The connection sends it. */
void
tcp_check_sent(struct tcp_world *w, const struct sani_tcp_seg *seg);

/** After each step. */
void
tcp_check(struct tcp_world *w);

#endif
