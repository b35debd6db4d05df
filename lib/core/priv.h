/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Core, inside: what the files of lib/core call of each other. Nobody else includes it but their tests.
 *
 * Rule: any call of core->up may close connections, the one it is about included. After it nothing is
 *       touched but by index and generation.
 */
#ifndef SANI_CORE_PRIV_H
#define SANI_CORE_PRIV_H

#include "core/map.h"
#include "core/state.h"
#include "core/wait.h"

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

/** A queue takes nothing any more in this round. */
static inline void
sani_txq_stick(struct sani_core_priv *p, struct sani_txq *q)
{
	q->stuck = true;
	p->stuck = true;
}

/** What a call of the tcp engine needs. */
static inline struct sani_tcp_io
sani_make_io(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;
	struct sani_tcp_io io = p->tcp_io;

	io.now_us = core->now_us;
	io.tx = p->spare_tx;
	io.nb_tx = 0;
	io.ect = 0;
	io.max_tx = SANI_SPARE_TX;
	io.cut = NULL;
	return io;
}

/* make.c: one core's memory. round.c: the clock. */

int
sani_core_make(struct sani_host *host, unsigned int index, const struct sani_core_up *up);

/** Find out what its ports cut; sani_lend_init() was before. */
void
sani_cut_init(struct sani_core *core);

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

/** Expired timers, when the wheel has something to do. @return How many. */
unsigned int
sani_conn_expire_due(struct sani_core *core);

static inline unsigned int
sani_conn_expire(struct sani_core *core)
{
	return sani_wheel_is_due(core->priv->wheel, core->now_us) ? sani_conn_expire_due(core) : 0;
}

/** Reset by state (O9.3): RST and tombstone, or a TIME_WAIT record, or nothing. State CLOSED, block still there. */
void
sani_conn_reset(struct sani_core *core, struct sani_tcp_conn *c);

/** Which block, parked connection or record has this tuple. */
sani_flow_ref
sani_conn_find(const struct sani_core *core, const struct sani_tuple *t, uint32_t hash);

/** A block that is in nobody's hands; there is one while fewer than nb_conns connections have one. */
struct sani_tcp_conn *
sani_block_take(struct sani_core *core, uint32_t hash);

/** Give it back; it is in no list and no table. */
void
sani_block_give(struct sani_core *core, struct sani_tcp_conn *c);

/* park.c */

int
sani_park_init(struct sani_core *core);

void
sani_park_fini(struct sani_core *core);

/** Give parked connection idx a block again. */
struct sani_tcp_conn *
sani_park_wake(struct sani_core *core, uint32_t idx);

/** Look for connections to park, at some blocks. */
void
sani_park_look(struct sani_core *core);

/** Likewise, once a round, when many blocks are in use. */
static inline void
sani_park_some(struct sani_core *core)
{
	if (sani_unlikely(core->priv->nb_blocks > core->priv->keep_blocks))
		sani_park_look(core);
}

/** The block of a flow that is no record. */
static inline struct sani_tcp_conn *
sani_conn_of(struct sani_core *core, sani_flow_ref ref)
{
	if (sani_unlikely((ref & SANI_FLOW_PARKED) != 0))
		return sani_park_wake(core, sani_flow_idx(ref));
	return &core->priv->conns[sani_flow_idx(ref)];
}

/* local_port.c */

/** Choose the local port of t (RFC 6056 3.3.4) so that the flow is this core's. @retval 0 -EADDRNOTAVAIL */
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
sani_tw_expire_due(struct sani_core *core);

static inline unsigned int
sani_tw_expire(struct sani_core *core)
{
	return sani_wheel_is_due(core->priv->tw_wheel, core->now_us) ? sani_tw_expire_due(core) : 0;
}

/* rx.c */

/** Hand a segment to its connection. item->m is consumed, and NULL; the connection may be gone afterwards. */
void
sani_rx_conn(struct sani_core *core, struct sani_tcp_conn *c, struct sani_rx_item *item);

unsigned int
sani_rx_ports(struct sani_core *core);

/** Packets that other cores have handed over; there are some of these. */
unsigned int
sani_rx_others(struct sani_core *core);

static inline unsigned int
sani_rx_handed(struct sani_core *core)
{
	return core->host->nb_cores > 1 ? sani_rx_others(core) : 0;
}

/* tx.c */

/** Before a call of the ip engine. */
static inline struct sani_ip_io *
sani_tx_io(struct sani_core *core)
{
	core->priv->io.now_us = core->now_us;
	return &core->priv->io;
}

/** Frames of the ip engine to their ports' queues, news to the other cores. */
void
sani_tx_sweep_all(struct sani_core *core);

/** After calls of the ip engine. */
static inline void
sani_tx_sweep(struct sani_core *core)
{
	const struct sani_ip_io *io = &core->priv->io;

	if ((io->nb_tx | io->nb_news) != 0)
		sani_tx_sweep_all(core);
}

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
sani_tx_last(struct sani_core *core, struct rte_mbuf *m, struct sani_tcp_conn *c);

/** Send what a call of the tcp engine has left in io. */
void
sani_tx_segments(struct sani_core *core, struct sani_tcp_conn *c, const struct sani_tcp_io *io);

/** Build and send at most a burst of one connection. @return There is more. */
bool
sani_tx_conn(struct sani_core *core, struct sani_tcp_conn *c);

/**
 * Build what c, which is not listed, has to say, and what nothing that comes later in this round may go with; frames
 * are left for the end of the round.
 */
void
sani_tx_at_once(struct sani_core *core, struct sani_tcp_conn *c);

/**
 * Segments of connections that were listed since the last end of a round, then one burst a port: what the program has
 * posted goes before the ports are looked at. For bare ACKs that wait for the program this is no turn. @return As
 * sani_core_output().
 */
unsigned int
sani_tx_posted(struct sani_core *core);

/** Fill the reserve of mbufs, as far as the pool lets it. */
void
sani_tx_fill_reserve(struct sani_core *core);

/** Likewise when something of it was used. */
static inline void
sani_tx_top_up(struct sani_core *core)
{
	if (sani_unlikely(core->priv->nb_reserve < SANI_RESERVE))
		sani_tx_fill_reserve(core);
}

/** A buffer for the RST of a close: from the pool, else from the reserve; NULL. */
struct rte_mbuf *
sani_tx_reserved(struct sani_core *core);

/**
 * The port has taken nothing of what waits for it: not tried again in this round. A driver without
 * rte_eth_tx_prepare(), which would say so, may refuse a frame for ever: that one is dropped then, for nothing behind
 * it would leave.
 */
SANI_SELDOM void
sani_tx_refused(struct sani_core *core, struct sani_txq *q);

/** Offer what waits for ports to them; no rounds follow. @return Something waits still. */
bool
sani_tx_offer(struct sani_core *core);

/** Free what waits for ports and the reserve. */
void
sani_tx_stop(struct sani_core *core);

/* lend.c */

void
sani_lend_init(struct sani_core *core);

/** Before a burst of a queue of which something is seldom. @return False: there is nothing to send now. */
bool
sani_lend_before_tx(struct sani_core *core, unsigned int iface);

/* prepare.c */

/** Have the driver look at what it has not seen; what it refuses is mended, or dropped and counted. */
void
sani_tx_prepare(struct sani_core *core, unsigned int iface);

#endif
