/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * TCP engine: segments and the time in; segments, events and the next deadline out (RFC 9293).
 *
 * Model:     a connection block and calls on it. The caller (core) finds the block, hands segments and
 *            expired deadlines in, hands bytes in and out, and sends what sani_tcp_output() builds.
 *            No clock, no ethdev call, no lock, no globals, no sockets.
 * Packets:   a built segment is an mbuf whose data begins at the TCP header, checksum 0, with at least
 *            SANI_TCP_HEADROOM bytes before it for the IP and link headers. It shares no memory with the connection's
 *            queues (a port may pass it by reference), but for memory that is lent: headers may be written to.
 * Pool:      data room of at least RTE_PKTMBUF_HEADROOM + 2048 bytes, and RTE_PKTMBUF_HEADROOM + 20 more than the
 *            greatest MTU. When it is empty nothing is lost: writes take less, output returns true, and a timer tries
 *            again 1 ms later. While it runs low (io->scarce) queues take what tcp/budget.h says.
 * Counters:  the engine counts what sani_tcp_input() drops, what sani_tcp_output(), sani_tcp_timer() and
 *            sani_tcp_abort() send (tcp_tx, tcp_tx_rst) and finished passive opens. The caller counts tcp_rx,
 *            tcp_connects and the segments that the functions without an io build.
 * Files:     tcb.c block; user.c calls from above; state.c the one writer of the state; straight.c what most segments
 *            are, input.c RFC 9293 3.10.7 step by step, ack.c its fifth step, text.c seventh and eighth, step.h what
 *            both do; rcvq.c, ooo.c, sndq.c the queues; window.c; output.c what may be sent, segment.c how, pace.h
 *            when; flight.h, flight.c what is in flight and how it fares; sack.c options; rtt.c RFC 6298; rack.c finds
 *            losses, prr.c and newreno.c (without SACK) repair them, recovery.c the states between; ecn.c RFC 3168;
 *            cc.h, cc_newreno.c RFC 5681, cc_cubic.c RFC 9438, hystart.c RFC 9406, cc_dctcp.c RFC 8257, cwv.h RFC
 *            7661; timers.c; passive.c LISTEN and SYN_RECEIVED; icmp.c; mtu.h, mtu.c RFC 4821; fast.h, fast.c RFC
 *            7413; isn.c RFC 6528; cookie.h, cookie.c RFC 4987; reset.c RST; timewait.c records; keepalive.c;
 *            urgent.c; info.c; grow.c; lent.h, lent.c memory of the program's in the queues; budget.h; cwv.c, pace.c.
 * Source:    RFC 9293, 6298, 5681, 6582, 7323, 6528, 5961, 6928, 2018, 2883, 6675, 8985, 9937, 9438, 9406, 8257,
 *            7661, 4987, 6191, 1337, 4821, 7413.
 */
#ifndef SANI_TCP_TCP_H
#define SANI_TCP_TCP_H

#include <rte_mbuf.h>

#include <san/info.h>
#include <san/sock.h>

#include "base/base.h"
#include "base/counters.h"
#include "tcp/budget.h"
#include "tcp/fast.h"
#include "timer/wheel.h"
#include "wire/tcp.h"

#define SANI_TCP_HEADROOM 64
/** Most segments that a call has room for: there is a bit for each in io->ect. */
#define SANI_TCP_TX_MAX 64

/** Packets that ports cut (RTE_MBUF_F_TX_TCP_SEG), of all calls of a core: many buffers each until a port has them. */
struct sani_tcp_cut {
	uint32_t max;	/**< Text of one [bytes]. */
	uint32_t room;	/**< Text of those that may still be made [bytes]. */
	bool waits;	/**< A call that finds too little room sends the rest another time; else in single segments. */
};

/** What a call of the engine may use, and where its segments go. */
struct sani_tcp_io {
	uint64_t now_us;
	struct rte_mempool *pool;
	struct rte_mempool_cache *cache;	/**< The calling thread's of that pool, or NULL (wire/buf.h). */
	struct sani_tcp_spare *spare;	/**< spare.h; NULL: none are kept. */
	struct sani_counters *ctr;
	struct rte_mbuf **tx;	/**< Room for max_tx segments, all of the connection of the call. */
	uint16_t nb_tx;
	uint16_t max_tx;	/**< 1..SANI_TCP_TX_MAX; lowered to nb_tx where cut has too little room. */
	uint64_t ect;		/**< Bit i: tx[i] goes out as ECT(0), the others as Not-ECT (RFC 3168 5). */
	struct sani_tcp_cut *cut;	/**< NULL: ports do not cut. */
	bool behind;		/**< Packets have arrived that the engine was not given yet. */
	bool scarce;		/**< The pool runs low: a queue grows by its first segment only, within budget. */
	struct sani_tcp_budget *budget;	/**< NULL: nothing. */
};

/** What a call of the engine tells its caller; a mask. */
enum sani_tcp_event {
	SANI_TCP_EV_OUTPUT = 1 << 0,	/**< Call sani_tcp_output() this round. */
	SANI_TCP_EV_CONNECTED = 1 << 1,	/**< ESTABLISHED was reached (or passed). */
	SANI_TCP_EV_READABLE = 1 << 2,	/**< In-order bytes arrived. */
	SANI_TCP_EV_ACKED = 1 << 3,	/**< snd_una advanced: room, SAN_ACKED sends. Also when a write
					 *   that an empty pool cut short may be tried again. */
	SANI_TCP_EV_FIN = 1 << 4,	/**< The peer's FIN is in order: end of stream behind what is readable. */
	SANI_TCP_EV_FIN_ACKED = 1 << 5,	/**< Our FIN is acknowledged. */
	SANI_TCP_EV_CLOSED = 1 << 6,	/**< The state is CLOSED now; c->error says why (0: both FINs done). */
	SANI_TCP_EV_DOUBT = 1 << 7,	/**< Sent three times again, not answered (RFC 9293 3.8.3): is the way good? */
};

/** Congestion control: one const table of functions (cc.h). */
struct sani_tcp_cc;

/** Keepalive (RFC 9293 3.8.4). */
struct sani_tcp_keep {
	uint32_t idle_ms;
	uint32_t interval_ms;
	uint8_t count;
	bool on;
};

/** Options of a connection that its packets and timers look at; all zero: no keepalive, no ECN, no search. */
struct sani_tcp_tune {
	struct sani_tcp_keep keep;
	uint8_t tos;		/**< The two lower bits are 0. */
	uint8_t ttl;		/**< 0: 64. */
	uint8_t cc;		/**< enum san_cc */
	uint8_t ecn;		/**< enum san_ecn */
	uint8_t cwv;		/**< As the value of SAN_OPT_CWV. */
	uint8_t mtu_probe;	/**< As the value of SAN_OPT_MTU_PROBE (tcp/mtu.h). */
	uint16_t fast;		/**< Fast Open (RFC 7413): 0 off; of a listener, as SAN_OPT_FASTOPEN says. */
	uint32_t pacing;	/**< As the value of SAN_OPT_PACING. */
};

/** Limits and options given when a block is opened. */
struct sani_tcp_params {
	struct sani_tuple tuple;
	uint32_t iss;		/**< Initial send sequence number (sani_tcp_isn()). */
	uint32_t ts_offset;	/**< Random per connection (RFC 7323 7.1). */
	uint16_t mtu;		/**< Of the way out [bytes], at least 68; IP header included. */
	uint32_t sndbuf;	/**< At first [bytes], */
	uint32_t rcvbuf;
	uint32_t sndbuf_max;	/**< and how far they may grow; at most sndbuf, rcvbuf: not at all. */
	uint32_t rcvbuf_max;
	uint32_t user_timeout_ms; /**< R2; 0: default (180 s for the SYN, 924 s for data). A SYN-ACK is
				 *   sent six times at most, and given up after 63 s. */
	uint32_t time_wait_ms;	/**< 2 MSL; 0: default, 60 s. */
	bool nodelay;
	struct sani_tcp_tune tune;
	struct sani_tcp_fast fast; /**< All zero: an ordinary handshake. */
};

/** The ECN field of an IP header (RFC 3168 5): the two lower bits of the type of service. */
#define SANI_ECN_MASK 0x03
enum sani_ecn {
	SANI_ECN_NOT_ECT = 0,
	SANI_ECN_ECT_1 = 1,
	SANI_ECN_ECT_0 = 2,
	SANI_ECN_CE = 3,
};

/**
 * Connection block. Fields are read by core and sock where said so; written by tcp only, but for the
 * group "owner". Complete in tcp/conn.h.
 */
struct sani_tcp_conn;

/** Open actively: state SYN_SENT, EV_OUTPUT. Block: zeroed or used before, not in use now. */
uint32_t
sani_tcp_open_active(struct sani_tcp_conn *c, const struct sani_tcp_params *p, uint64_t now_us);

/** Open passively with a SYN (no ACK, no RST): state SYN_RECEIVED, EV_OUTPUT. */
uint32_t
sani_tcp_open_passive(struct sani_tcp_conn *c, const struct sani_tcp_params *p,
		      const struct sani_tcp_seg *syn, uint64_t now_us);

/**
 * Open passively with the SYN of a cookie (cookie.h): state SYN_RECEIVED. The segment that has brought the
 * cookie back goes to sani_tcp_input() next, and establishes it. p->iss is the cookie, p->ts_offset that of
 * sani_tcp_ts_offset().
 */
void
sani_tcp_open_cookie(struct sani_tcp_conn *c, const struct sani_tcp_params *p,
		     const struct sani_tcp_seg *syn, uint64_t now_us);

/**
 * Open passively with a SYN whose Fast Open cookie is good, and its data (m, as with sani_tcp_input()): as
 * sani_tcp_open_passive(), but when there is data and room for it, it is taken: EV_CONNECTED and EV_READABLE before
 * the handshake is over, and writes are sent. EV_CONNECTED comes a second time when it is.
 */
uint32_t
sani_tcp_open_fast(struct sani_tcp_conn *c, const struct sani_tcp_params *p, const struct sani_tcp_seg *syn,
		   struct rte_mbuf *m, struct sani_tcp_io *io);

/**
 * A segment arrives (RFC 9293 3.10.7). A SYN that may reopen a connection in TIME_WAIT ends it with
 * EV_CLOSED and error 0, uncounted: treat it as if no connection were there.
 *
 * @param[in] m  Its payload (data begins at the first payload octet, length seg->len), or NULL when
 *               seg->len is 0. Consumed in every case.
 * @return Events. What has to be answered is sent by the next sani_tcp_output().
 */
uint32_t
sani_tcp_input(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, struct rte_mbuf *m,
	       struct sani_tcp_io *io);

/**
 * What sani_tcp_deadline() says has passed; perhaps nothing is due. A connection that is given up leaves a RST in
 * io->tx. @return Events.
 */
uint32_t
sani_tcp_timer(struct sani_tcp_conn *c, struct sani_tcp_io *io);

/**
 * An ICMP error about this connection (RFC 5927: seq must be in flight, else ignored). Port or protocol
 * unreachable ends it with -ECONNREFUSED before it is synchronized; all others are remembered and are
 * the error of a timeout. Fragmentation needed makes segments smaller, never below an MTU of 552.
 * @return Events.
 */
uint32_t
sani_tcp_icmp(struct sani_tcp_conn *c, uint8_t type, uint8_t code, uint16_t mtu, uint32_t seq,
	      struct sani_tcp_io *io);

/**
 * The first hop of what was just sent does not answer (known here, not by ICMP). Ends a connect whose SYN has
 * gone three times, that is 3 s after the first, with -EHOSTUNREACH. Until then, and to all other connections, it
 * is an outage that may pass: the error of a timeout, nothing else.
 * @return Events.
 */
uint32_t
sani_tcp_unreachable(struct sani_tcp_conn *c);

/**
 * Build what may be sent now: SYN, data, FIN, ACK, retransmissions.
 * @return True when io->tx was full or the pool empty and there is more: call again.
 */
bool
sani_tcp_output(struct sani_tcp_conn *c, struct sani_tcp_io *io);

/**
 * When sani_tcp_timer() is to be called [us]; SANI_NEVER: not at all. It may be earlier than anything is
 * due: a deadline that moves away, as with every acknowledgement, is not looked for (sani_tcp_timer() does).
 */
uint64_t
sani_tcp_deadline(const struct sani_tcp_conn *c);

/**
 * Queue bytes to send; copies what there is room for. Nothing is taken after sani_tcp_shutdown(), nor in
 * a state that sends nothing any more. Before the connection is established bytes are kept.
 * @param[out] taken  How many were taken, 0..len.
 * @return Events (EV_OUTPUT when something may be sent).
 */
uint32_t
sani_tcp_write(struct sani_tcp_conn *c, const void *data, uint32_t len, struct sani_tcp_io *io,
	       uint32_t *taken);

/**
 * FIN behind what was written; once. FIN_WAIT_1 at once, LAST_ACK when the FIN is sent (RFC 9293 3.10.4).
 * @return Events.
 */
uint32_t
sani_tcp_shutdown(struct sani_tcp_conn *c);

/**
 * Change an option of an open block, one of those that san/sock.h marks [any]; the value is in range. In
 * CLOSED nothing happens.
 * @return Events (EV_OUTPUT when something may be sent now).
 */
uint32_t
sani_tcp_set_option(struct sani_tcp_conn *c, enum san_option option, uint32_t value, uint64_t now_us);

/** In-order bytes that can be read now. */
uint32_t
sani_tcp_readable(const struct sani_tcp_conn *c);

/**
 * Was the peer's FIN received and everything before it read? Not after an error, a reset for instance: it
 * throws away what was not read.
 */
bool
sani_tcp_at_end(const struct sani_tcp_conn *c);

/**
 * Copy at most len in-order bytes out. What arrived before the peer's FIN stays readable after TIME_WAIT
 * and CLOSED; after an error there is nothing to read. @return How many.
 * @param[out] ev  EV_OUTPUT when the peer is to be told of the window, else 0. It is said once: who reads several times
 *                 gathers what they say.
 */
uint32_t
sani_tcp_read(struct sani_tcp_conn *c, void *buf, uint32_t len, uint32_t *ev);

/** What the connection had of the core's budget; once, when its block is given up. [bytes] */
uint64_t
sani_tcp_give_back(struct sani_tcp_conn *c);

/**
 * Urgent data (RFC 9293 3.8.5): how many bytes lie between the next one to read and the end of the peer's
 * urgent data, received or not; 0: none.
 */
uint32_t
sani_tcp_urgent(const struct sani_tcp_conn *c);

/** What was written up to now ends in urgent data. @return Events (EV_OUTPUT). */
uint32_t
sani_tcp_urge(struct sani_tcp_conn *c);

/**
 * What was just written is the end of a message (false), or more follows soon (true): then its end that fills no
 * segment waits, at most 100 ms from the first such call in a row. @return Events (EV_OUTPUT).
 */
uint32_t
sani_tcp_more(struct sani_tcp_conn *c, bool more, uint64_t now_us);

/** Bytes ever written, and bytes of those acknowledged: 64-bit stream offsets. */
uint64_t
sani_tcp_written(const struct sani_tcp_conn *c);
uint64_t
sani_tcp_acked(const struct sani_tcp_conn *c);

/** Fill all of info but what its reader's size cuts off. In any state. */
void
sani_tcp_info(const struct sani_tcp_conn *c, uint64_t now_us, struct san_tcp_info *info);

/** Has the SYN gone more than once? */
bool
sani_tcp_syn_lost(const struct sani_tcp_conn *c);

enum san_tcp_state
sani_tcp_state(const struct sani_tcp_conn *c);

/**
 * Why the connection is CLOSED: 0 (both FINs done, or ended from our side), -ECONNRESET, -ECONNREFUSED,
 * -ETIMEDOUT, -EHOSTUNREACH.
 */
int
sani_tcp_error(const struct sani_tcp_conn *c);

/**
 * End the connection now, from our side (RFC 9293 3.10.5 ABORT): queues go, timers stop, state CLOSED.
 *
 * @param[in] m  An mbuf of the caller's for the RST, or NULL.
 * @return True: m is a RST to send. False: no RST is due in this state (m is still the caller's).
 */
bool
sani_tcp_abort(struct sani_tcp_conn *c, struct rte_mbuf *m, struct sani_tcp_io *io);

/** Free what the block holds (queues); state CLOSED, nothing is sent. */
void
sani_tcp_discard(struct sani_tcp_conn *c);

/**
 * Build the RST that answers a segment for which there is no connection (RFC 9293 3.10.7.1).
 * @return False: none is due (seg is a RST); m is still the caller's.
 */
bool
sani_tcp_reset_for(const struct sani_tcp_seg *seg, struct rte_mbuf *m);

/** What a TIME_WAIT record or a tombstone keeps: one cache line. */
struct sani_tcp_tw {
	union sani_ip local;
	union sani_ip remote;
	uint16_t local_port;
	uint16_t remote_port;
	uint32_t snd_nxt;
	uint32_t rcv_nxt;
	uint32_t ts_recent;
	union { uint32_t ts_offset, irs; };	/**< Of TIME_WAIT; of a tombstone, the number of its SYN. */
	uint32_t expires_ms;	/**< now_us / 1000, modulo 2^32. */
	uint32_t owner;		/**< The core's: free list, FIFO. */
	uint8_t kind;		/**< enum sani_tcp_tw_kind */
	uint8_t flags;		/**< Bit 0: timestamps; bit 1: the RST was repeated. */
	union {
		uint16_t time_wait_cs;	/**< TIME_WAIT: 2 MSL [10 ms], to begin anew. */
		uint16_t hidden_64k;	/**< Tombstone: what was sent beyond snd_nxt [64 KiB, rounded up]. */
	};
} SANI_ALIGNED;

_Static_assert(sizeof(struct sani_tcp_tw) == 64, "a record is one cache line");

enum sani_tcp_tw_kind {
	SANI_TCP_TW_TIME_WAIT,	/**< 2 MSL after a graceful end (RFC 9293 3.6.1). */
	SANI_TCP_TW_TOMBSTONE,	/**< After a local reset: answers with RST for two RTO (O9.3). */
};

/**
 * Fill a record from a connection that is in TIME_WAIT, or (tombstone) about to be aborted.
 * Tombstone: expires_ms is two RTO from now; the caller repeats the RST once after one RTO.
 */
void
sani_tcp_tw_from(struct sani_tcp_tw *tw, const struct sani_tcp_conn *c, enum sani_tcp_tw_kind kind,
		 uint64_t now_us);

/** What a record answers a segment with. */
enum sani_tcp_tw_verdict {
	SANI_TCP_TW_DROP,	/**< Nothing. */
	SANI_TCP_TW_REPLY,	/**< m was filled: an ACK (2 MSL begins anew) or a RST; send it. */
	SANI_TCP_TW_REOPEN,	/**< A SYN that may open a new connection: treat as LISTEN, and drop the record
				 *   when it is opened. Its ISS is that of sani_tcp_tw_iss(). */
};

/**
 * A segment for a record arrives; m is the caller's for the reply. RST is ignored (RFC 1337), and so is a
 * SYN with FIN: nobody opens a connection with that.
 */
enum sani_tcp_tw_verdict
sani_tcp_tw_input(struct sani_tcp_tw *tw, const struct sani_tcp_seg *seg, struct rte_mbuf *m,
		  uint64_t now_us);

/**
 * The ISS for a connection that follows one whose numbers went up to snd_nxt: iss (sani_tcp_isn()) when
 * it lies above, else the next number that does (RFC 9293 3.6.1 MAY-2: a connection that sends more than
 * 250 kB/s outruns the clock of 3.4.1). 64 KiB are left between: what is on its way would else be near.
 */
uint32_t
sani_tcp_iss_above(uint32_t iss, uint32_t snd_nxt);

/** The same for a record; for a tombstone above by 2^30 to 2^31, so that no ACK of old text fits (RFC 5961 5.2). */
uint32_t
sani_tcp_tw_iss(const struct sani_tcp_tw *tw, uint32_t iss);

/** Build a tombstone's RST. */
void
sani_tcp_tw_reset(const struct sani_tcp_tw *tw, struct rte_mbuf *m);

#endif
