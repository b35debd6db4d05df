/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Inside the TCP engine: flags of a block, the segment in processing, and what its files share.
 */
#ifndef SANI_TCP_PRIV_H
#define SANI_TCP_PRIV_H

#include "base/seq32.h"
#include "tcp/cc.h"
#include "tcp/conn.h"
#include "tcp/cwv.h"
#include "tcp/loss.h"
#include "tcp/pace.h"
#include "tcp/queues.h"

enum sani_tcp_conn_flag {
	SANI_TCP_F_PASSIVE = 1 << 0,	/**< Opened by a SYN (RFC 9293 MUST-11). */
	SANI_TCP_F_TS = 1 << 1,		/**< Timestamps are in use. */
	SANI_TCP_F_NODELAY = 1 << 2,	/**< Nagle is off (MUST-17). */
	SANI_TCP_F_SYN_DUE = 1 << 3,	/**< Send SYN or SYN-ACK. */
	SANI_TCP_F_SYN_LOST = 1 << 4,	/**< It was sent more than once. */
	SANI_TCP_F_FIN_QUEUED = 1 << 5,	/**< FIN follows the last byte written. */
	SANI_TCP_F_FIN_KNOWN = 1 << 6,	/**< rcv_fin is valid. */
	SANI_TCP_F_FIN_RCVD = 1 << 7,	/**< The peer's FIN is in order. */
	SANI_TCP_F_ACK_NOW = 1 << 8,	/**< An ACK is due. */
	SANI_TCP_F_RST_DUE = 1 << 9,	/**< A RST with rst_seq is due; the connection goes on. */
	SANI_TCP_F_RTX_NOW = 1 << 10,	/**< The first segment of the range goes out whatever cwnd says. */
	SANI_TCP_F_PROBE_DUE = 1 << 11,	/**< The persist timer has fired. */
	SANI_TCP_F_PROBED = 1 << 12,	/**< All that is outstanding is the octet of a window probe. */
	SANI_TCP_F_SACK = 1 << 13,	/**< Both sides speak SACK. */
	SANI_TCP_F_NO_ROOM = 1 << 14,	/**< A write was cut short because the pool was empty. */
	SANI_TCP_F_PARTIAL = 1 << 15,	/**< Fast recovery has seen its first partial ACK. */
	SANI_TCP_F_RTX_SENT = 1 << 17,	/**< Something was sent again since the last RTT sample. */
	SANI_TCP_F_WSCALE = 1 << 16,	/**< Both sides scale their windows. */
	SANI_TCP_F_REORDERED = 1 << 18,	/**< RACK.reordering_seen */
	SANI_TCP_F_DSACK_ROUND = 1 << 19, /**< dsack_round is valid. */
	SANI_TCP_F_REO = 1 << 20,	/**< The LOSS timer is RACK's, else the probe's (PTO). */
	SANI_TCP_F_PTO_DUE = 1 << 21,	/**< Arm the probe timer when output is done. */
	SANI_TCP_F_TLP_DUE = 1 << 22,	/**< The probe timer has fired. */
	SANI_TCP_F_TLP_OUT = 1 << 23,	/**< A loss probe is out, up to tlp_end. */
	SANI_TCP_F_TLP_RTX = 1 << 24,	/**< TLP.is_retrans */
	SANI_TCP_F_ECN = 1 << 26,	/**< Both sides speak ECN. */
	SANI_TCP_F_ECN_ECHO = 1 << 27,	/**< ECE in every ACK until CWR arrives. */
	SANI_TCP_F_CWR_DUE = 1 << 28,	/**< CWR with the next new data. */
	SANI_TCP_F_UNDO = 1 << 25,	/**< prior_cwnd and prior_ssthresh may be restored. */
	SANI_TCP_F_SND_URG = 1 << 29,	/**< snd_up is valid: not acknowledged yet. */
	SANI_TCP_F_RCV_URG = 1 << 30,	/**< rcv_up is valid: not read yet. */
	SANI_TCP_F_MTU = 1u << 31,	/**< The path's MTU is searched for; tcp/mtu.h. */
};

/**
 * Least text of a packet that a port is to cut, a chain with RTE_MBUF_F_TX_TCP_SEG and tso_segsz: it is longer
 * than any MTU, by which it is known on its way. Wherever segments are counted it is one.
 */
#define SANI_TCP_CUT_LEAST 9000u

/**
 * Least MSS with which one is made; whoever says nothing of his has that much. The peer chooses, and devices there are
 * that stop when they are to cut pieces of less than 256 bytes, or a packet into many hundreds.
 */
#define SANI_TCP_CUT_MSS_LEAST 500u

/**
 * Least MSS that is believed of a peer: 88 octets of text beside timestamps. Who asks for less would have every
 * segment nearly all header. What the own interface carries may be less (RFC 791: 68 octets are a packet).
 */
#define SANI_TCP_MSS_LEAST 100u

/** Most duplicate ACKs sent in one go; to a peer with SACK, which learns all from each of them. */
#define SANI_TCP_DUP_ACKS_MAX 16
#define SANI_TCP_DUP_SACKS_MAX 2

/** Segments acknowledged at once at the start of a connection, and behind a hole. */
#define SANI_TCP_QUICK_ACKS 16
#define SANI_TCP_HOLE_ACKS 32

/**
 * Segments that one ACK answers at most, though more come together: a sender that starts counts no more of it (RFC 9406
 * 4.2, L), and of several ACKs not all are lost.
 */
#define SANI_TCP_BURST_SEGMENTS 8u

#define SANI_TCP_DELACK_US 40000u
#define SANI_TCP_RTO_INITIAL_US 1000000u	/* RFC 6298 2.1 */
#define SANI_TCP_RTO_SYN_LOST_US 3000000u	/* RFC 6298 5.7 */
#define SANI_TCP_RTO_MAX_US 60000000u		/* RFC 6298 2.5 */

/** A segment in processing: what is left of it after trimming. */
struct sani_tcp_rx {
	struct sani_tcp_conn *c;
	const struct sani_tcp_seg *seg;	/**< As it came. */
	struct sani_tcp_io *io;
	struct rte_mbuf *m;		/**< Payload, NULL when there is none or it was taken. */
	uint32_t seq;			/**< Of what is left, */
	uint32_t len;			/**< its payload, */
	uint8_t flags;			/**< and its flags. */
	uint32_t ev;			/**< Events so far. */
};

static inline uint32_t
sani_tcp_min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/** Sequence number behind the last byte written: the FIN's. */
static inline uint32_t
sani_tcp_data_end(const struct sani_tcp_conn *c)
{
	return c->iss + 1 + (uint32_t)c->written;
}

/** Was our FIN sent? Acknowledged? */
static inline bool
sani_tcp_fin_sent(const struct sani_tcp_conn *c)
{
	return (c->flags & SANI_TCP_F_FIN_QUEUED) && seq_gt(c->snd_nxt, sani_tcp_data_end(c));
}

static inline bool
sani_tcp_fin_acked(const struct sani_tcp_conn *c)
{
	return (c->flags & SANI_TCP_F_FIN_QUEUED) && seq_gt(c->snd_una, sani_tcp_data_end(c));
}

/** Bytes written and never sent. */
static inline uint32_t
sani_tcp_unsent(const struct sani_tcp_conn *c)
{
	uint32_t end = sani_tcp_data_end(c);

	return seq_lt(c->snd_nxt, end) ? end - c->snd_nxt : 0;
}

/** Bytes or a FIN that were never sent. */
static inline bool
sani_tcp_has_new(const struct sani_tcp_conn *c)
{
	return sani_tcp_unsent(c) > 0 ||
	       ((c->flags & SANI_TCP_F_FIN_QUEUED) && !sani_tcp_fin_sent(c));
}

static inline bool
sani_tcp_has_rtx(const struct sani_tcp_conn *c)
{
	return c->flight.lost > 0;
}

/** The pipe of RFC 6675: bytes that are, as far as is known, in the network. */
static inline uint32_t
sani_tcp_pipe(const struct sani_tcp_conn *c)
{
	return c->snd_nxt - c->snd_una - c->flight.sacked - c->flight.lost;
}

/** Where flight.h may take a table from: with the pool running low from nowhere. */
static inline struct rte_mempool *
sani_tcp_table_pool(const struct sani_tcp_io *io)
{
	return sani_likely(!io->scarce) ? io->pool : NULL;
}

/** How much may be in flight [bytes], limited transmit included. */
static inline uint32_t
sani_tcp_cwnd_now(const struct sani_tcp_conn *c)
{
	return sani_likely(c->flags & SANI_TCP_F_SACK) ? c->cwnd : sani_tcp_cwnd_extended(c);
}

/** MSS to announce: what a packet of the interface's MTU carries. */
static inline uint16_t
sani_tcp_mss_to_announce(const struct sani_tcp_conn *c)
{
	return (uint16_t)(c->mtu - c->hdrs);
}

static inline uint32_t
sani_tcp_ts_now(const struct sani_tcp_conn *c, uint64_t now_us)
{
	return (uint32_t)(now_us / 1000) + c->ts_offset;
}

/* tcb.c */

/** By enum san_cc. */
extern const struct sani_tcp_cc *const sani_tcp_ccs[];

/** What hdrs of its tuple is. */
uint8_t
sani_tcp_hdrs(const struct sani_tcp_conn *c);
/** Payload of a full segment of ours on a path of this MTU (RFC 9293 MUST-16) [bytes]. */
uint16_t
sani_tcp_mss_at(const struct sani_tcp_conn *c, uint32_t mtu);
/** Work out snd_mss again. */
void
sani_tcp_update_mss(struct sani_tcp_conn *c);
/** Zero all but the group owner and fill from p; state CLOSED. */
void
sani_tcp_init(struct sani_tcp_conn *c, const struct sani_tcp_params *p);
/** Take IRS, options and window of the peer's SYN. */
void
sani_tcp_take_syn(struct sani_tcp_conn *c, const struct sani_tcp_seg *syn, uint64_t now_us);
/** ISS is acknowledged: ESTABLISHED (FIN_WAIT_1 when a FIN is queued). @return Events. */
uint32_t
sani_tcp_establish(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, uint32_t wnd,
		   uint64_t now_us);
/** The end: state CLOSED, timers and send queue go; with an error the receive queue too. @return Events. */
uint32_t
sani_tcp_finish(struct sani_tcp_conn *c, int error);
/**
 * In LAST_ACK all that was sent is acknowledged, our FIN too, and nothing is left to do (RFC 9293 3.10.7.4): what the
 * ACK says of the way is of no use any more. @return Events.
 */
uint32_t
sani_tcp_end(struct sani_tcp_conn *c);

/* user.c */

/** How much of len a write may take while the pool runs low; held: what its queue has. Counts who waits. */
uint32_t
sani_tcp_ration(struct sani_tcp_io *io, uint32_t held, uint32_t len);

/** A write was cut short: EV_ACKED when it may be tried again. */
void
sani_tcp_wait_for_pool(struct sani_tcp_conn *c, const struct sani_tcp_io *io);

/** Does the stream take more of the program's bytes? */
bool
sani_tcp_can_write(const struct sani_tcp_conn *c);

/** The program has taken n bytes out of the receive queue. @return Events. */
uint32_t
sani_tcp_has_read(struct sani_tcp_conn *c, uint32_t n);

/** Write and count the RST that ends c from our side, into an empty mbuf. */
void
sani_tcp_put_reset(struct sani_tcp_conn *c, struct rte_mbuf *m, struct sani_tcp_io *io);

/* state.c */

/** The only writer of the state. */
void
sani_tcp_set_state(struct sani_tcp_conn *c, enum san_tcp_state state);

/* output.c */

/** RFC 5681 4.1: after an idle time longer than RTO the window says nothing about the path any more. */
void
sani_tcp_restart_after_idle(struct sani_tcp_conn *c, struct sani_tcp_io *io);

/** sani_tcp_output() for any call. */
bool
sani_tcp_output_any(struct sani_tcp_conn *c, struct sani_tcp_io *io);

/* straight_out.c */

/** Is it one of the calls that most are? Then sani_tcp_output() does not go the way of sani_tcp_output_any(). */
bool
sani_tcp_is_straight_out(const struct sani_tcp_conn *c, const struct sani_tcp_io *io);

/* straight.c */

/** Is it one of the segments that most are? Then sani_tcp_input() does not go the way of sani_tcp_process(). */
bool
sani_tcp_is_straight(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, const struct rte_mbuf *m,
		     const struct sani_tcp_io *io);

/* input.c: sani_tcp_input() for any segment. */
uint32_t
sani_tcp_process(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, struct rte_mbuf *m,
		 struct sani_tcp_io *io);

/* ack.c: RFC 9293 3.10.7.4, step 5 and what follows from it. */

/** @return False: the segment is dropped (and counted). */
bool
sani_tcp_process_ack(struct sani_tcp_rx *rx);
/** New data was acknowledged, and some is outstanding still. */
void
sani_tcp_restart_timers(struct sani_tcp_conn *c, uint64_t now_us);
/** A challenge ACK, or the ACK that answers a segment without text: limited per connection. */
void
sani_tcp_challenge(struct sani_tcp_conn *c, struct sani_tcp_io *io);

/* passive.c: step 5 in SYN_RECEIVED. @return False: the segment is dropped (and counted). */
bool
sani_tcp_process_ack_syn_received(struct sani_tcp_rx *rx);
/** Our SYN-ACK is acknowledged by a segment whose first number that was not trimmed is seq. @return Events. */
uint32_t
sani_tcp_complete(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, uint32_t seq, struct sani_tcp_io *io);

/* text.c: steps 7 and 8. */
void
sani_tcp_process_text(struct sani_tcp_rx *rx);
/** Between trim() and the text: a bare ACK of what came before this segment, and a D-SACK of that. */
void
sani_tcp_acknowledge_past(struct sani_tcp_rx *rx);
void
sani_tcp_process_fin(struct sani_tcp_rx *rx);
/** The peer's FIN is at RCV.NXT. @return Events. */
uint32_t
sani_tcp_take_fin(struct sani_tcp_conn *c, uint64_t now_us);

/* urgent.c */

/** Step 6. */
void
sani_tcp_process_urgent(struct sani_tcp_rx *rx);
/** The program has read: has it passed the mark? */
void
sani_tcp_note_read(struct sani_tcp_conn *c);
/** URG and pointer of a segment whose sequence number and flags are filled. */
void
sani_tcp_put_urgent(struct sani_tcp_conn *c, struct sani_tcp_seg *seg);

/* window.c */

/** Window field to send; moves the promised edge (RFC 9293 3.8.6.2.2). */
uint16_t
sani_tcp_offer_window(struct sani_tcp_conn *c, bool syn);
/** Has reading opened the window so far that the peer should be told? */
bool
sani_tcp_window_update_due(const struct sani_tcp_conn *c);

/* grow.c */

#define SANI_TCP_ROUND_MIN_US 1000u	/**< A round trip is taken to last at least so long. */

/** In-order text has arrived. */
void
sani_tcp_grow_rcvbuf(struct sani_tcp_conn *c, struct sani_tcp_io *io);
/** cwnd is in use and has grown. */
void
sani_tcp_grow_sndbuf(struct sani_tcp_conn *c, struct sani_tcp_io *io);

/* segment.c */

/** Build one segment and append it to io->tx; false: the pool is empty. */
bool
sani_tcp_send(struct sani_tcp_conn *c, struct sani_tcp_io *io, uint32_t seq, uint32_t len,
	      uint8_t flags);
/** Write a header into an empty mbuf. */
void
sani_tcp_put_header(struct rte_mbuf *m, const struct sani_tcp_seg *seg);
/** Sequence number of a segment without text: SND.NXT, but never right of the peer's window. */
uint32_t
sani_tcp_bare_seq(const struct sani_tcp_conn *c);

/* rtt.c */

/** RTO as its SRTT and RTTVAR say (RFC 6298 2.1 to 2.5) [us]. */
uint32_t
sani_tcp_rto_of(const struct sani_tcp_conn *c);
void
sani_tcp_rtt_init(struct sani_tcp_conn *c);
/** What an ACK has delivered: take a sample if it shows one (Karn), into d->rtt_us. */
void
sani_tcp_rtt_acked(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg,
		   struct sani_tcp_delivery *d, uint64_t now_us);
/** The same where what was sent at sent_us, and once, says so. @return The sample [us]. */
uint32_t
sani_tcp_rtt_sent_once(struct sani_tcp_conn *c, uint32_t ack, uint32_t sent_us, uint64_t now_us);
/** The SYN is acknowledged. */
void
sani_tcp_rtt_syn(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, uint64_t now_us);

/* timers.c */

#define SANI_TCP_USER_TIMEOUT_US 924000000ull	/* for data; SHLD-11 asks for 100 s at least */
#define SANI_TCP_SYN_TIMEOUT_US 180000000ull	/* MUST-23 */

/** User timeout of the present state [us]. */
static inline uint64_t
sani_tcp_user_timeout_us(const struct sani_tcp_conn *c)
{
	if (c->user_timeout_ms != 0)
		return c->user_timeout_ms * 1000ull;
	return c->state < SAN_TCP_ESTABLISHED ? SANI_TCP_SYN_TIMEOUT_US : SANI_TCP_USER_TIMEOUT_US;
}

/** The connection is given up: nobody answers. One that was established sends a RST. @return Events. */
uint32_t
sani_tcp_give_up(struct sani_tcp_conn *c, struct sani_tcp_io *io);
/** TIME_WAIT begins, or its 2 MSL anew. */
void
sani_tcp_enter_time_wait(struct sani_tcp_conn *c, uint64_t now_us);
void
sani_tcp_restart_2msl(struct sani_tcp_conn *c, uint64_t now_us);

#include "tcp/step.h"

#endif
