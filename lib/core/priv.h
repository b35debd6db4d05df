/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Core, inside: what the files of lib/core share. Nobody else includes it but their tests.
 *
 * Rule: any call of core->up may close connections, the one it is about included. After it nothing is
 *       touched but by index and generation.
 */
#ifndef SANI_CORE_PRIV_H
#define SANI_CORE_PRIV_H

#include <stdatomic.h>

#include "core/core.h"
#include "core/fast.h"
#include "core/flow.h"
#include "core/listen.h"
#include "core/map.h"

#define SANI_BURST 32			/**< Frames taken from a port, or a ring, in a round. */
#define SANI_TXQ_MAX 256		/**< Frames that wait for a port at most. */
#define SANI_RESERVE 64			/**< mbufs that a core keeps for the RST of closes. */
#define SANI_SPARE_TX 4			/**< Room for calls of the tcp engine that build no segment. */
#define SANI_IP_FRAMES 32		/**< Frames that calls of the ip engine may leave before a sweep. */
#define SANI_QUEUE_FIRST (256u << 10)	/**< Size of a queue that grows by itself, at first [bytes]. */
#define SANI_MESH_PACKETS 1024		/**< Packets under way between two cores at most. */
#define SANI_MESH_MESSAGES 4096		/**< Messages that one input takes at most. */

/** Finished connections of a core that nobody has adopted, at most; mesh.c says why there is a bound. */
#define SANI_FINISHED_MAX 1024

/**
 * A listener may have so many half-open connections whatever its backlog is, before cookies are sent. An
 * embryo whose ACK finds the queue of finished ones full is helped by its SYN-ACK, sent again; a cookie is not.
 */
#define SANI_HALF_OPEN_LEAST 64

/** Ephemeral ports, RFC 6335 6 and RFC 6056. */
#define SANI_EPHEMERAL_FIRST 49152u
#define SANI_EPHEMERAL_NB 16384u

/** sani_tcp_owner.flags */
enum {
	SANI_CONN_USED = 1 << 0,	/**< Not in the free list. */
	SANI_CONN_FLOW = 1 << 1,	/**< In the flow table. */
	SANI_CONN_EMBRYO = 1 << 2,	/**< In the list of its listen entry. */
	SANI_CONN_HALF = 1 << 3,	/**< Counted in nb_half_open. */
	SANI_CONN_FINISHED = 1 << 4,	/**< Counted in nb_finished; up->embryo was called. */
	SANI_CONN_FAST = 1 << 6,	/**< Counted in nb_fast of its listen entry. */
	SANI_CONN_TELL = 1 << 5,	/**< Its timer tells the socket that it is CLOSED. */
	SANI_CONN_HELD = 1 << 7,	/**< Its SYN is not answered before sani_core_confirm(). */
};

/** A listen entry. */
struct sani_listen_entry {
	struct sani_listen l;
	uint32_t next;			/**< In its bucket, or in the free list. */
	uint32_t embryos;		/**< First of them, SANI_NONE. */
	uint32_t nb_embryos;
	uint32_t nb_half_open;		/**< Of the embryos; the others are finished. */
	uint32_t nb_fast;		/**< Taken with their SYN's data, handshake not finished. */
	uint32_t nb_fast_held;		/**< Of such that were reset; they count until */
	uint64_t fast_held_until_us;	/**< then. */
	uint64_t cookies_until_us;	/**< Until then an ACK may bring back a cookie of ours. */
	uint16_t gen;			/**< Moves on at removal; owner.listen_gen of its connections. */
	bool used;
};

/** What a TIME_WAIT record needs beside its cache line. */
struct sani_tw_link {
	struct sani_timer timer;
	uint32_t older;
	uint32_t newer;			/**< Also the free list. */
};

enum sani_txq_state {
	SANI_TXQ_UNTRIED = 1 << 0,	/**< No frame was sent yet: lend.c tries the first. */
	SANI_TXQ_WATCHED = 1 << 1,	/**< It is restarted when it holds lent memory for long. */
};

/** How a transmit queue gives back what it was given (lend.c). */
enum sani_lend {
	SANI_LEND_NEVER,	/**< Perhaps never, or that is not known: no lent memory for it. */
	SANI_LEND_FREED,	/**< Inside the burst. */
	SANI_LEND_CLEANUP,	/**< When it is asked to look. */
	SANI_LEND_RESTART,	/**< When it is stopped. */
};

/** Frames on the way to one port. */
struct sani_txq {
	uint16_t n;
	union {
		struct {
			bool stuck;	/**< Took nothing in this round: not tried again before the next. */
			uint8_t state;	/**< enum sani_txq_state, a mask. */
		};
		uint16_t seldom;	/**< Both; 0: nothing to look at before a burst. */
	};
	uint8_t lend;			/**< enum sani_lend */
	bool holds;			/**< WATCHED: lent memory was given to it, or waits, since it was restarted. */
	uint64_t idle_since_us;		/**< WATCHED: when that began, or the port took something last. */
	struct rte_mbuf *m[SANI_TXQ_MAX];
};

struct sani_core_priv {
	struct sani_ip_engine *ip;
	struct sani_ip_io io;			/**< Of every call of the ip engine; sani_tx_sweep() empties it. */
	struct rte_mbuf *io_tx[SANI_IP_FRAMES];
	struct sani_flow flow;
	bool announced;
	bool scarce;				/**< Of this round: the pool runs low. */
	bool more;				/**< Of this round: a burst was full, so packets may be left. */
	bool behind;				/**< struct sani_tcp_io; */
	uint64_t behind_until_us;		/**< not beyond this. 0: the last burst was not full. */

	struct sani_tcp_conn *conns;
	uint32_t conn_free;			/**< Freed last, SANI_NONE. */
	uint32_t conn_fresh;			/**< From here on none was ever used. */
	uint32_t nb_half_open;
	uint32_t nb_finished;			/**< Not adopted; those that ended with an offer under way included. */
	_Atomic uint32_t nb_conns;
	struct sani_wheel *wheel;
	uint32_t *dirty;			/**< Blocks with output, by index, each at most once. */
	uint32_t nb_dirty;
	uint64_t queue_budget;			/**< By how much queues may still grow [bytes]. */
	uint64_t nb_draws;			/**< Of random local ports. */

	struct sani_tcp_tw *tws;
	struct sani_tw_link *tw_links;
	uint32_t tw_free;
	uint32_t tw_fresh;
	uint32_t tw_oldest;
	uint32_t tw_newest;
	_Atomic uint32_t nb_tw;
	struct sani_wheel *tw_wheel;

	struct sani_listen_entry *listens;
	uint32_t *listen_buckets;
	uint32_t listen_mask;
	uint32_t listen_free;

	struct sani_fast_peer fast_peers[SANI_FAST_PEERS];

	struct rte_mbuf *spare_tx[SANI_SPARE_TX];
	struct rte_mbuf *reserve[SANI_RESERVE];
	uint32_t nb_reserve;
	struct sani_txq txq[SANI_IP_IFACES];
	uint8_t iface_of[RTE_MAX_ETHPORTS];	/**< Interface of an ethdev. */
};

/** A received segment on its way to its connection. */
struct sani_rx_item {
	struct rte_mbuf *m;
	uint64_t hash;
	bool is_icmp;			/**< An ICMP error about a segment of ours; seg is not filled. */
	bool reopens;			/**< A SYN after a connection of its tuple whose numbers ended at
					 *   old_snd_nxt; or that of the record tw, which it ends. */
	uint32_t old_snd_nxt;
	uint32_t tw;			/**< SANI_NONE */
	struct sani_ip_pkt pkt;
	struct sani_tcp_seg seg;
};

static inline uint32_t
sani_conn_idx(const struct sani_core_priv *p, const struct sani_tcp_conn *c)
{
	return (uint32_t)(c - p->conns);
}

/* One writer, readers anywhere: no read-modify-write needed. */
static inline void
sani_gauge_add(_Atomic uint32_t *gauge, uint32_t n)
{
	atomic_store_explicit(gauge, atomic_load_explicit(gauge, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/** Sizes of a connection's queues as its owner wants them; 0: by itself. */
static inline void
sani_conn_size_queues(const struct sani_core *core, struct sani_tcp_params *params, uint32_t sndbuf,
		      uint32_t rcvbuf)
{
	uint32_t max = core->host->conf.window_max;

	params->sndbuf = sndbuf != 0 ? sndbuf : RTE_MIN(SANI_QUEUE_FIRST, max);
	params->rcvbuf = rcvbuf != 0 ? rcvbuf : RTE_MIN(SANI_QUEUE_FIRST, max);
	params->sndbuf_max = sndbuf != 0 ? sndbuf : max;
	params->rcvbuf_max = rcvbuf != 0 ? rcvbuf : max;
}

/* make.c: one core's memory. round.c: the clock. */

int
sani_core_make(struct sani_host *host, unsigned int index, const struct sani_core_up *up);

/** Free the buffers that it holds, */
void
sani_core_stop(struct sani_core *core);

/** then everything else. */
void
sani_core_end(struct sani_core *core);

/** The default clock: the TSC in microseconds. */
uint64_t
sani_clock_tsc(void);

/** Measure what sani_clock_tsc() needs; more than once does no harm. */
void
sani_clock_init(void);

/* conn.c */

int
sani_conn_init(struct sani_core *core);

/** Free the buffers that connections hold. */
void
sani_conn_stop(struct sani_core *core);

void
sani_conn_fini(struct sani_core *core);

/** A block, owner initialised for the hash, not in the flow table yet; NULL: none left. */
struct sani_tcp_conn *
sani_conn_alloc(struct sani_core *core, uint32_t hash);

/** Out of every list and table, and free; it holds nothing any more (discarded or aborted). */
void
sani_conn_free(struct sani_core *core, struct sani_tcp_conn *c);

/** The block is open and has its tuple: enter it in the flow table. */
void
sani_conn_enter(struct sani_core *core, struct sani_tcp_conn *c);

/** Out of the flow table; nothing when it is not in it. */
void
sani_conn_leave(struct sani_core *core, struct sani_tcp_conn *c);

/**
 * After each call of the engine made by the core: list for output, arm the timer, tell the layer
 * above. c may be gone when it returns.
 */
void
sani_conn_settle(struct sani_core *core, struct sani_tcp_conn *c, uint32_t ev);

/** Take out of the list of connections with output; nothing when it is not in it. */
void
sani_conn_undirty(struct sani_core *core, struct sani_tcp_conn *c);

/** Expired timers. @return How many. */
unsigned int
sani_conn_expire(struct sani_core *core);

/** Reset by state (O9.3): RST and tombstone, or a TIME_WAIT record, or nothing. State CLOSED, block still there. */
void
sani_conn_reset(struct sani_core *core, struct sani_tcp_conn *c);

/** Which block or record has this tuple. */
sani_flow_ref
sani_conn_find(const struct sani_core *core, const struct sani_tuple *t, uint32_t hash);

/* local_port.c */

/** Choose the local port of t (RFC 6056 3.3.1) so that the flow is this core's. @retval 0 -EADDRNOTAVAIL */
int
sani_port_choose(struct sani_core *core, struct sani_tuple *t, uint64_t *hash);

/* tw.c */

int
sani_tw_init(struct sani_core *core);

void
sani_tw_fini(struct sani_core *core);

/** Fill a record from a connection that has left the flow table; the oldest goes when there is none left. */
void
sani_tw_add(struct sani_core *core, const struct sani_tcp_conn *c, enum sani_tcp_tw_kind kind);

void
sani_tw_del(struct sani_core *core, uint32_t idx);

/** A segment for a record. @return True: a SYN that goes to the listener, and ends the record if it is taken. */
bool
sani_tw_input(struct sani_core *core, uint32_t idx, const struct sani_tcp_seg *seg);

unsigned int
sani_tw_expire(struct sani_core *core);

/* rx.c */

/** Hand a segment to its connection. item->m is consumed, and NULL; the connection may be gone afterwards. */
void
sani_rx_conn(struct sani_core *core, struct sani_tcp_conn *c, struct sani_rx_item *item);

unsigned int
sani_rx_ports(struct sani_core *core);

/** Packets that other cores have handed over. */
unsigned int
sani_rx_handed(struct sani_core *core);

/* tx.c */

/** Before a call of the ip engine. */
static inline struct sani_ip_io *
sani_tx_io(struct sani_core *core)
{
	core->priv->io.now_us = core->now_us;
	return &core->priv->io;
}

/** After calls of the ip engine: frames to their ports' queues, news to the other cores. */
void
sani_tx_sweep(struct sani_core *core);

/** Send a segment; m is consumed. @return As sani_ip_output(). */
int
sani_tx_segment(struct sani_core *core, struct rte_mbuf *m, const struct sani_ip_out *out);

/** May a segment that belongs to no connection be answered? Limited for all peers and for each; no is counted. */
bool
sani_tx_may_reply(struct sani_core *core, const union sani_ip *remote);

/** Send RST or ACK of the core's own making, from local to remote; m is consumed. */
void
sani_tx_reply(struct sani_core *core, struct rte_mbuf *m, const union sani_ip *local,
	      const union sani_ip *remote);

/** Send the RST that ends c, as its other segments go; m is consumed. */
void
sani_tx_last(struct sani_core *core, struct rte_mbuf *m, const struct sani_tcp_conn *c);

/** Send what a call of the tcp engine has left in io. */
void
sani_tx_segments(struct sani_core *core, const struct sani_tcp_conn *c, const struct sani_tcp_io *io);

/** Build and send at most a burst of one connection. @return There is more. */
bool
sani_tx_conn(struct sani_core *core, struct sani_tcp_conn *c);

/** Fill the reserve of mbufs. */
void
sani_tx_top_up(struct sani_core *core);

/** A buffer for the RST of a close: from the pool, else from the reserve; NULL. */
struct rte_mbuf *
sani_tx_reserved(struct sani_core *core);

/* lend.c */

void
sani_lend_init(struct sani_core *core);

/** Before a burst of a queue of which something is seldom. @return False: there is nothing to send now. */
bool
sani_lend_before_tx(struct sani_core *core, unsigned int iface);

/** Free what waits for ports and the reserve. */
void
sani_tx_stop(struct sani_core *core);

/* mesh.c */

int
sani_mesh_open(struct sani_host *host);

/** Free the packets under way, */
void
sani_mesh_stop(struct sani_host *host);

/** then the rings. */
void
sani_mesh_end(struct sani_host *host);

/** Messages of all cores, at most SANI_MESH_MESSAGES. @return How many. */
unsigned int
sani_mesh_input(struct sani_core *core);

/** Pass on what the ip engine has learnt or wants to know. */
void
sani_mesh_news(struct sani_core *core);

/** Hand a frame over to another core; dropped and counted when the ring is full. */
void
sani_mesh_hand(struct sani_core *core, unsigned int to, struct rte_mbuf *m);

#endif
