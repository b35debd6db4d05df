/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Core, inside: Fast Open (RFC 7413): the cookies that we give, those that peers have given, and how many opens may
 * be pending. Part of core/priv.h.
 *
 *   given    keyed hash of the peer's address and of a time slot of 2^32 us (72 minutes), 8 octets: nothing is kept.
 *            Good in its slot and the next; who comes with the older one gets a new one along.
 *   learnt   SANI_FAST_PEERS a core, in sets of SANI_FAST_WAYS; in a full set the one that was used longest ago goes.
 *            A peer that does not answer a SYN with the option, or gives no cookie, is let off for a while.
 *   pending  taken and not yet confirmed by the ACK of our SYN-ACK: a spoofer cannot confirm. Each listener entry has
 *            its bound; one that is reset counts for a minute more (5.1), since a spoofed host would answer so.
 */
#ifndef SANI_CORE_FAST_H
#define SANI_CORE_FAST_H

#include "core/core.h"

#define SANI_FAST_PEERS 256u
#define SANI_FAST_WAYS 4u
#define SANI_FAST_COOKIE 8u		/**< Octets of the cookies that we give. */

struct sani_listen_entry;
struct sani_rx_item;

/** What a core knows of a peer. */
struct sani_fast_peer {
	union sani_ip ip;
	uint8_t cookie[SANI_TCP_FAST_MOST];
	uint8_t nb;		/**< Octets of the cookie; 0: none. */
	uint8_t fails;		/**< SYNs lost in a row. */
	uint16_t mss;		/**< As in its last SYN-ACK; 0: the place is free. */
	uint32_t off_until_s;	/**< Without the option until then [s]. */
	uint32_t used_s;	/**< [s] */
};

/** The cookie for a peer at this time [us]. */
void
sani_fast_cookie(const uint8_t key[16], const union sani_ip *peer, uint64_t now_us, uint8_t cookie[SANI_FAST_COOKIE]);

/** A SYN with the option for an entry: params->fast. @return True: its data is to be taken. */
bool
sani_fast_serve(struct sani_core *core, struct sani_listen_entry *e, const struct sani_rx_item *item,
		struct sani_tcp_params *params);

/** An open with data was taken: it is pending. */
void
sani_fast_count(struct sani_core *core, struct sani_listen_entry *e, struct sani_tcp_conn *c);

/** It is pending no more: it is established, or ends. Nothing when it was not. */
void
sani_fast_uncount(struct sani_core *core, struct sani_tcp_conn *c);

/** A connection is to be opened to a peer: params->fast. */
void
sani_fast_ask(struct sani_core *core, struct sani_tcp_params *params);

/** An active open is answered: what is learnt of the peer. Nothing when it did not ask. */
void
sani_fast_learn(struct sani_core *core, const struct sani_tcp_conn *c);

#endif
