/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A connection to which nothing happens, in three cache lines: what is left of a block when nothing is in flight,
 * unread, owed or timed. The block is given back meanwhile, and filled again before anything else is done with the
 * connection.
 *
 * Model:   most of a block describes a flight, a hole or an episode, or can be worked out. What cannot is here, and as
 *          exact as in the block: counts that do not fit, and options that few have, keep their connection from being
 *          parked at all (sani_tcp_may_park()).
 *
 *            block, in use  --park-->  parked  --unpark-->  a block, perhaps another one
 *
 *          What is forgotten is over: the last episode of loss, what could have undone it (an RTO ago nothing was sent
 *          that may still be answered), fractions of a byte of CUBIC's growth, the present round of tcp/grow.c.
 * Source:  no RFC. RFC 5681 4.1 (restart after idle) needs the time of the last segment, which stays.
 */
#ifndef SANI_TCP_PARK_H
#define SANI_TCP_PARK_H

#include "base/base.h"

struct sani_tcp_conn;

/** Names are those of tcp/conn.h. Written by park.c, but for sock, which is the caller's. */
struct sani_tcp_parked {
	/* Line 0: who is it, and what a segment is held against. */
	uint32_t remote_be;	/**< IPv4; others are not parked. */
	uint32_t local_be;
	uint16_t remote_port;
	uint16_t local_port;
	uint32_t sock;		/**< core: owner.sock; of a free one the next. */
	uint32_t flags;
	uint32_t snd_una;	/**< And SND.NXT. */
	uint32_t snd_wnd;
	uint32_t snd_wl1;
	uint32_t snd_wl2;
	uint32_t max_snd_wnd;
	uint32_t rcv_nxt;	/**< And Last.ACK.sent. */
	uint32_t rcv_adv;
	uint32_t last_rcv;
	uint32_t ts_offset;
	uint32_t ts_recent;
	uint32_t ts_recent_s;

	/* Line 1. */
	uint64_t acked;		/**< And written; with snd_una it tells ISS. */
	uint64_t received;	/**< With rcv_nxt it tells IRS. */
	uint64_t last_snd_us;
	uint32_t srtt_us;
	uint32_t rttvar_us;
	uint32_t min_rtt_us;
	uint32_t min_rtt_s;
	uint32_t cwnd;
	uint32_t ssthresh;
	uint32_t segs_in;
	uint32_t segs_out;
	uint32_t user_timeout_ms;
	uint32_t time_wait_ms;

	/* Line 2. */
	uint32_t cc_state[6];	/**< The begin of it; the rest is 0, or counts for nothing. */
	uint32_t sndbuf;	/**< sndq.limit */
	uint32_t sndbuf_max;
	uint32_t rcvbuf;
	uint32_t rcvbuf_max;
	uint32_t granted;
	uint32_t rexmit_segs;
	uint32_t rexmit_bytes;
	uint16_t mtu;
	uint16_t peer_mss;
	uint16_t rcv_mss;
	uint8_t tos;
	uint8_t ttl;
	uint8_t reo_wnd_mult;
	uint8_t quick_acks : 6;
	uint8_t cc : 2;		/**< enum san_cc */
	uint8_t reo_wnd_persist : 5;
	uint8_t ecn : 2;
	bool cwnd_full : 1;
	uint8_t snd_wscale : 4;
	uint8_t rcv_wscale : 4;
};

_Static_assert(sizeof(struct sani_tcp_parked) == 192, "three lines; an array of them begins at a line");

/** Did no segment come or go for quiet_us, and is there nothing of c that a parked connection has no place for? */
bool
sani_tcp_may_park(const struct sani_tcp_conn *c, uint64_t quiet_us, uint64_t now_us);

/**
 * Forget what is over, as parking does: the block goes on as after sani_tcp_park() and sani_tcp_unpark() at the same
 * time. c may be parked.
 */
void
sani_tcp_calm(struct sani_tcp_conn *c, uint64_t now_us);

/** Fill p, but for sock; c may be parked, and is not in use afterwards. */
void
sani_tcp_park(struct sani_tcp_conn *c, struct sani_tcp_parked *p, uint64_t now_us);

/** Fill a block, but for its owner's part, which is the caller's. */
void
sani_tcp_unpark(struct sani_tcp_conn *c, const struct sani_tcp_parked *p, uint64_t now_us);

static inline bool
sani_tcp_parked_is(const struct sani_tcp_parked *p, const struct sani_tuple *t)
{
	return sani_ip_is_v4(&t->remote) && sani_ip_is_v4(&t->local) && p->remote_be == sani_ip_v4_be(&t->remote) &&
	       p->local_be == sani_ip_v4_be(&t->local) && p->remote_port == t->remote_port &&
	       p->local_port == t->local_port;
}

/** How long ago the last segment came or went [us]. */
uint64_t
sani_tcp_parked_for(const struct sani_tcp_parked *p, uint64_t now_us);

static inline struct sani_tuple
sani_tcp_parked_tuple(const struct sani_tcp_parked *p)
{
	return (struct sani_tuple){
		.local = sani_ip_from_v4(p->local_be), .remote = sani_ip_from_v4(p->remote_be),
		.local_port = p->local_port, .remote_port = p->remote_port,
	};
}

#endif
