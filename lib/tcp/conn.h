/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Connection block: everything the stack keeps of one connection, grouped by who writes it.
 *
 * The group `owner` belongs to core and sock; every other field is written by tcp only and read by
 * others through the functions of tcp.h.
 */
#ifndef SANI_TCP_CONN_H
#define SANI_TCP_CONN_H

#include "base/base.h"
#include "tcp/flight.h"
#include "tcp/hystart.h"
#include "tcp/mtu.h"
#include "tcp/tcp.h"
#include "timer/wheel.h"

/** As they are when nobody has said otherwise: RFC 9293 3.8.4 asks for two hours at least. */
#define SANI_TCP_KEEP_USUAL { .idle_ms = 2 * 3600 * 1000, .interval_ms = 75 * 1000, .count = 9 }

/** The caller's part of a block. */
struct sani_tcp_owner {
	struct sani_timer timer;	/**< core: one entry in its wheel, armed lazily. */
	uint32_t hash;			/**< core: of the tuple. */
	uint32_t gen;			/**< core: moves on when the block is freed. */
	uint32_t sock;			/**< sock: slot on this core, SANI_NONE: none (embryo). */
	uint32_t listen;		/**< core: listen entry it came by, SANI_NONE. */
	uint32_t next;			/**< core: free list, embryos of a listener, or the list of waits. */
	uint32_t prev;			/**< core: likewise. */
	uint32_t dirty;			/**< core: place in its list of those with output, SANI_NONE: none. */
	uint32_t way;			/**< core: of its packets, as the ip engine names it. */
	uint8_t flags;			/**< core: core/priv.h */
	uint8_t offered : 1;		/**< sock: an offer to the listener's core is under way. */
	uint8_t waits : 2;		/**< core: enum sani_wait: in which list of such it is. */
	uint8_t tell_acks : 1;		/**< sock: SANI_TCP_EV_ACKED alone may be of use to it; at first it is set. */
	uint8_t owes : 1;		/**< core: a bare ACK, which waits for the program since */
	uint8_t owes_since : 3;		/**< core: this round, modulo 8 (owe.h). */
	uint16_t listen_gen;		/**< core: generation of that listen entry. */
};

/** One deadline each; what they do is at the top of tcp/timers.c. */
enum sani_tcp_timer_kind {
	SANI_TCP_T_USER,
	SANI_TCP_T_REXMIT,
	SANI_TCP_T_LOSS,
	SANI_TCP_T_DELACK,
	/* A message arms none of the others. */
	SANI_TCP_T_PERSIST,
	SANI_TCP_T_2MSL,
	SANI_TCP_T_RETRY,
	SANI_TCP_T_KEEP,
	SANI_TCP_T_PACE,
	SANI_TCP_NB_TIMERS
};

/** Where loss recovery stands; written by tcp/recovery.c. */
enum sani_tcp_ca {
	SANI_TCP_CA_OPEN,
	SANI_TCP_CA_CWR,	/**< After an ECN echo, until recover is acknowledged (RFC 3168 6.1.2). */
	SANI_TCP_CA_RECOVERY,	/**< Fast recovery (RFC 8985 with 9937, without SACK RFC 6582). */
	SANI_TCP_CA_LOSS,	/**< After a retransmission timeout, until recover is acknowledged. */
};

/** What few connections have, each with its state at the end of the block. */
enum sani_tcp_extra {
	SANI_TCP_X_PACED = 1 << 0,	/**< tcp/pace.c */
	SANI_TCP_X_CWV = 1 << 1,	/**< tcp/cwv.c */
	SANI_TCP_X_NONVALIDATED = 1 << 2, /**< The phase of RFC 7661 4.3; it is paced. */
	SANI_TCP_X_LENT = 1 << 3,	/**< tcp/lent.c: there may be memory of the program's in the send queue, */
	SANI_TCP_X_REFER = 1 << 4,	/**< to which segments may refer. */
};

/** tcp/pace.c */
struct sani_tcp_pace {
	uint64_t paid_ns;	/**< When all that was sent has had its time. */
	uint64_t sent;		/**< SND.NXT and rexmit_bytes together when this output began. */
	uint32_t edge;		/**< The pipe may grow to this in it [bytes]. */
	uint32_t limit;		/**< SAN_OPT_PACING */
	bool waited;		/**< For the timer, since there was nothing to send. */
};

#define SANI_TCP_CWV_PARTS 4

/** tcp/cwv.c */
struct sani_tcp_cwv {
	uint32_t samples[SANI_TCP_CWV_PARTS]; /**< Greatest of each part of the sampling period [bytes]; [0] is now. */
	uint32_t part_ms;	/**< When part 0 began, modulo 2^32. */
	uint32_t una;		/**< The round being measured: from here */
	uint32_t end;		/**< to here; una: nothing was out. */
	uint32_t since_s;	/**< When the phase began, or its last NVP ended; modulo 2^32. */
	uint32_t base;		/**< max(pipeACK, LossFlightSize) of this recovery; 0: it began validated. */
	uint32_t resent;	/**< rexmit_bytes when that began, modulo 2^32. */
	bool known;		/**< pipeACK is not undefined. */
};

/** Bytes written and not acknowledged: mbufs as storage, linked by their next (tcp/sndq.c). */
struct sani_tcp_sndq {
	struct rte_mbuf *head;
	struct rte_mbuf *tail;
	struct rte_mbuf *cur;	/**< Where the last copy ended, so that the next need not search. */
	uint32_t cur_seq;	/**< Sequence number of cur's first byte. */
	uint32_t limit;		/**< sndbuf [bytes]. */
};

/** Bytes received and not read, and those behind a hole (tcp/rcvq.c). */
struct sani_tcp_rcvq {
	struct rte_mbuf *head;
	struct rte_mbuf *tail;
	struct rte_mbuf *ooo;	/**< Its data room is the table of ranges; NULL: no hole. */
	uint32_t bytes;		/**< In order and unread. */
	uint32_t nb_mbufs;	/**< Held in all, the table included. */
	uint32_t limit;		/**< rcvbuf [bytes], */
	uint32_t max;		/**< and how far it may grow (tcp/grow.c). */
	uint32_t dsack_left;	/**< Received twice, to be reported once (RFC 2883); left == right: none. */
	uint32_t dsack_right;
	uint32_t nb_ranges;
};

/** What a needless congestion event brings back; names of RFC 9438 4.1.2, windows in bytes. */
struct sani_tcp_cubic_curve {
	uint32_t plateau_ms;	/**< t_epoch + K: when the curve is at W_max. Modulo 2^32. */
	uint32_t w_max;		/**< 0: not known. */
	uint32_t w_est;		/**< 0: no avoidance stage has begun. */
	uint32_t cwnd_prior;
};

/** tcp/cc_cubic.c */
struct sani_tcp_cubic {
	union {
		struct sani_tcp_hystart hystart;	/**< While ssthresh has its initial value, */
		struct {				/**< and from then on. */
			struct sani_tcp_cubic_curve now;
			uint32_t last_ms;	/**< When the last ACK of this stage came. */
			uint32_t est_acked;	/**< Acknowledged since w_est grew last [bytes]. */
			uint64_t credit;	/**< Growth that is not a segment yet [bytes^2], of cwnd * SMSS. */
		};
	};
	struct sani_tcp_cubic_curve undo;	/**< As it was before the last event. */
};

/** tcp/cc_newreno.c */
struct sani_tcp_newreno {
	uint32_t acked;		/**< Acknowledged since cwnd grew last [bytes]. */
};

/** tcp/cc_dctcp.c; names of RFC 8257 3.3. */
struct sani_tcp_dctcp {
	struct sani_tcp_newreno newreno; /**< First: it grows as that does. */
	uint32_t window_end;	/**< DCTCP.WindowEnd */
	uint32_t bytes_acked;	/**< DCTCP.BytesAcked */
	uint32_t bytes_marked;	/**< DCTCP.BytesMarked */
	uint32_t alpha;		/**< DCTCP.Alpha [1 / SANI_TCP_ALPHA_ONE] */
};

#define SANI_TCP_ALPHA_ONE (1u << 16)

/** State of the congestion control in use (tcp/cc.h). */
union sani_tcp_cc_state {
	struct sani_tcp_newreno newreno;
	struct sani_tcp_cubic cubic;
	struct sani_tcp_dctcp dctcp;
};

_Static_assert(sizeof(union sani_tcp_cc_state) <= 48, "every connection pays for the largest");

/**
 * The block. What a message of the common path touches (the straight way in, a read, a write, the way out) comes first,
 * line by line, and before that what an acknowledgement alone touches: of very many connections each line is far away.
 * SANI_TCP_HOT_LINES and SANI_TCP_ACK_LINES below hold it to that. An array of them begins at a line.
 */
struct sani_tcp_conn {
	/* Line 0: who is it, and is it an ordinary one? */
	struct sani_tcp_owner owner;
	uint8_t tos;
	uint8_t ttl;
	uint8_t state;		/**< enum san_tcp_state; written by tcp/state.c. */
	uint8_t ca;		/**< enum sani_tcp_ca */
	uint8_t extras;		/**< enum sani_tcp_extra: all that the common path asks of rare options. */
	bool more;		/**< The last bytes written are to wait for what follows; read by sock. */
	uint8_t hdrs;		/**< IP and TCP headers without options [bytes]. */
	bool keep_due;		/**< A keepalive probe is due. */
	uint32_t flags;		/**< enum sani_tcp_conn_flag, tcp/priv.h */

	/* Line 1. */
	struct sani_tuple tuple;
	uint64_t segs_in;	/**< For san_tcp_info() only. */
	uint64_t written;	/**< Stream offsets [bytes]. */
	uint64_t acked;

	/* Line 2. Send sequence variables, RFC 9293 3.3.1. SND.NXT never moves back, but over a SYN's data (fast.c). */
	uint32_t iss;
	uint32_t snd_una;
	uint32_t snd_nxt;
	uint32_t snd_wnd;
	uint32_t snd_wl1;
	uint32_t snd_wl2;
	uint32_t max_snd_wnd;	/**< MAX.SND.WND (RFC 5961 5.2, RFC 9293 3.8.6.2.1). */
	uint32_t rcv_nxt;
	uint32_t last_ack_sent;	/**< Last.ACK.sent (RFC 7323 4.3). */
	uint32_t last_rcv;	/**< When the last acceptable segment came [1,024 us], modulo 2^32. */
	uint32_t ts_recent;	/**< RFC 7323; */
	uint32_t ts_recent_s;	/**< when it was taken [s]. */
	uint64_t acked_us;	/**< When something was acknowledged last [us]. */
	uint64_t wake_us;	/**< Not later than any deadline. */

	/* Line 3. */
	int16_t soft_error;	/**< Last soft ICMP error, reported when the connection times out. */
	bool cwnd_full;		/**< cwnd was in use when data went out last (tcp/output.c). */
	bool tlp_untimed;	/**< No round-trip sample since the last probe. */
	/* RFC 6298. */
	uint32_t srtt_us;
	uint32_t rttvar_us;
	uint32_t rto_us;	/**< Without backoff. */
	uint32_t rtt_seq;	/**< The next sample is taken when this is acknowledged: one a round trip. */
	uint32_t min_rtt_us[2];	/**< Least of this and of the last span (rtt.c); 0: none. */
	uint32_t min_rtt_s;	/**< When this span began [s]. */
	/* RFC 8985. Times as in flight.h. */
	uint32_t rack_us;	/**< RACK.xmit_ts, */
	uint32_t rack_end;	/**< RACK.end_seq: the delivered run that was sent last. */
	uint32_t rack_rtt_us;	/**< RACK.rtt */
	uint32_t rack_fack;	/**< RACK.fack: highest sequence number delivered. */
	uint32_t ssthresh;
	uint32_t recover;	/**< RecoveryPoint: SND.NXT - 1 when the loss was found; SND.NXT of an echo. */
	uint16_t armed;		/**< A bit for each enum sani_tcp_timer_kind. */
	uint8_t snd_wscale;
	uint8_t backoff;	/**< RTO doublings. */
	uint8_t persist_shift;	/**< Probe interval doublings. */
	uint8_t dup_acks;	/**< Received in a row. */
	uint8_t dup_acks_due;	/**< Duplicate ACKs to send. */

	/* Line 4. */
	struct sani_tcp_sndq sndq;
	struct sani_tcp_flight flight;	/**< All but its first run is in line 5, which an ACK alone does not touch. */

	uint64_t last_snd_us;	/**< When sequence space was sent last [us]. */
	uint32_t cwnd;
	uint32_t rcv_adv;	/**< RCV.NXT + RCV.WND as promised: never moves back. The peer's FIN
				 *   may have taken RCV.NXT one past it. */
	uint64_t deadline[SANI_TCP_NB_TIMERS];	/**< [us], of those that are armed. The seldom ones lie in line 6. */
	uint64_t segs_out;	/**< For san_tcp_info() only. */
	uint64_t received;	/**< Stream offset, in order [bytes]. */
	/* Sizes [bytes]. */
	uint16_t mtu;		/**< Of the path as known. */
	uint16_t snd_mss;	/**< Effective send MSS: payload of a full segment. */
	uint16_t rcv_mss;	/**< Largest payload received, for the delayed ACK. */
	uint8_t rcv_wscale;
	uint8_t quick_acks;	/**< Segments still to be acknowledged at once. */

	/* Line 7. */
	uint32_t user_timeout_ms;
	uint32_t ts_offset;
	uint32_t rcv_round_us;	/**< When this round trip began, */
	uint32_t rcv_round_seq;	/**< and what the program had taken then (tcp/grow.c). */
	struct sani_tcp_rcvq rcvq;	/**< How many ranges it has is in the line behind. */

	/* From here on nothing that the common path looks at, while cwnd is not used up in a first slow start. */
	const struct sani_tcp_cc *cc;
	union sani_tcp_cc_state cc_state;
	struct sani_tcp_pace pace;
	uint32_t sndbuf_max;	/**< How far sndq.limit may grow (tcp/grow.c). */
	uint64_t granted;	/**< Of the core's budget for queues (tcp/grow.c). */
	uint64_t rexmit_segs;	/**< For san_tcp_info(). */
	uint64_t rexmit_bytes;	/**< Sequence space. */
	int32_t error;		/**< Why CLOSED: 0 or a negative errno. */
	uint32_t rst_seq;	/**< Of the RST that is due. */
	uint32_t snd_up;	/**< SND.UP: behind our urgent data; tcp/urgent.c. */
	uint32_t irs;
	uint32_t rcv_fin;	/**< Sequence number of the peer's FIN, once known. */
	uint32_t rcv_up;	/**< RCV.UP: behind the peer's. */
	uint8_t ecn;		/**< enum san_ecn */
	uint16_t peer_mss;	/**< What the peer's SYN said, or the default. */
	uint8_t nb_challenges;	/**< Challenge ACKs in the second that began at challenge_ms. */
	uint8_t keep_probes;	/**< Sent since then, not answered. */
	uint32_t challenge_ms;
	uint32_t rtx_tsval;	/**< Timestamp of the last retransmission. */
	uint32_t time_wait_ms;

	/* RFC 9293 3.8.4. */
	struct sani_tcp_keep keep;
	uint32_t keep_seen;	/**< last_rcv when the last probe was due. */

	/* RFC 8985. */
	uint32_t dsack_round;	/**< RACK.dsack_round, valid with DSACK_ROUND. */
	uint32_t tlp_end;	/**< TLP.end_seq, valid with TLP_OUT. */
	uint8_t reo_wnd_mult;	/**< RACK.reo_wnd_mult */
	uint8_t reo_wnd_persist;

	/* RFC 9937, and what undoes a needless reduction (RFC 3522, 4015, D-SACK). */
	uint32_t recover_fs;	/**< RecoverFS */
	uint32_t prr_delivered;
	uint32_t prr_out;
	uint32_t prior_cwnd;
	uint32_t prior_ssthresh;
	uint32_t undo_tsval;	/**< Timestamp of the episode's first retransmission. */
	uint32_t undo_bytes;	/**< Sent again in it and not reported as received twice; all of that */
	uint32_t undo_una;	/**< lies in [undo_una, recover]. */

	/* Looked at only with the bit of extras, and so is pace above. */
	struct sani_tcp_cwv cwv;
	struct sani_tcp_mtu_search search;
	struct sani_tcp_fast fast;
};

/** Of flags: sani_tcp_urgent() may be other than 0. */
#define SANI_TCP_MAYBE_URGENT (UINT32_C(1) << 30)
#define SANI_TCP_LINE(field) (offsetof(struct sani_tcp_conn, field) / SANI_CACHE_LINE)
#define SANI_TCP_HOT_LINES 8
#define SANI_TCP_ACK_LINES 5

_Static_assert(SANI_TCP_LINE(flags) == 0 && SANI_TCP_LINE(tuple) == 1 && SANI_TCP_LINE(acked) == 1 &&
	       SANI_TCP_LINE(iss) == 2 && SANI_TCP_LINE(wake_us) == 2 && SANI_TCP_LINE(soft_error) == 3 &&
	       SANI_TCP_LINE(dup_acks_due) == 3 && SANI_TCP_LINE(sndq) == 4 &&
	       SANI_TCP_LINE(flight.few[1]) == SANI_TCP_ACK_LINES,
	       "an acknowledgement alone touches no more, and what belongs together lies in one line");
_Static_assert(SANI_TCP_LINE(deadline[SANI_TCP_T_DELACK]) == 5 && SANI_TCP_LINE(quick_acks) == 6 &&
	       SANI_TCP_LINE(user_timeout_ms) == 7 && SANI_TCP_LINE(rcvq.nb_ranges) == SANI_TCP_HOT_LINES,
	       "a message touches no more");
_Static_assert(sizeof(struct sani_tcp_conn) % SANI_CACHE_LINE == 0, "each of an array begins at a line");

/** Are there bytes that were written and never sent? */
static inline bool
sani_tcp_has_text(const struct sani_tcp_conn *c)
{
	return (int32_t)(c->iss + 1 + (uint32_t)c->written - c->snd_nxt) > 0;
}

/** sani_tcp_deadline() exactly: the first deadline is looked for, and is what that says from here on. */
uint64_t
sani_tcp_deadline_now(struct sani_tcp_conn *c);

/** sani_tcp_read(), by who knows the calling thread's cache of a pool: buffers of that go there. */
uint32_t
sani_tcp_read_by(struct sani_tcp_conn *c, void *buf, uint32_t len, uint32_t *ev, const struct rte_mempool *pool,
		 struct rte_mempool_cache *cache);

/**
 * Would sani_tcp_output() build a bare ACK and nothing else, one that what the program sends next may carry? Not the
 * ACK of more than a full segment, nor one that answers what was not in order.
 */
bool
sani_tcp_ack_may_wait(const struct sani_tcp_conn *c);

#endif
