/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <netinet/in.h>

#include "core/arm.h"
#include "core/mesh.h"
#include "core/owe.h"
#include "core/priv.h"
#include "ip/plain.h"

#define TXQ_LIMIT (SANI_TXQ_MAX - SANI_TX_BURST - SANI_IP_TX_ROOM)
#define UNREACHABLE_MAX 32
#define TTL_DEFAULT 64			/* RFC 1700, for what no connection sends */

#define REFUSALS_MOST 1000		/* of one frame, and */
#define REFUSED_MOST_US 1000000		/* for so long: longer than a ring stays full, or a peer over rings is away */

_Static_assert(SANI_TX_BURST <= SANI_TCP_TX_MAX && SANI_SPARE_TX <= SANI_TCP_TX_MAX, "a bit for each segment");

/* Connections whose first hop is known not to answer: told after the loop, for that may close any. */
struct unreachable {
	unsigned int n;
	struct {
		uint32_t idx;
		uint32_t gen;
	} at[UNREACHABLE_MAX];
};

/* What is to be cut and waits for ports; what was made for a neighbour that has to answer first does not. */
static SANI_SELDOM void
count_cut_room(struct sani_core_priv *p, unsigned int nb_ifaces)
{
	uint32_t waits = 0;

	for (unsigned int i = 0; i < nb_ifaces; i++)
		for (uint16_t k = 0; k < p->txq[i].n; k++)
			if (p->txq[i].m[k]->ol_flags & RTE_MBUF_F_TX_TCP_SEG)
				waits += p->txq[i].m[k]->pkt_len;
	p->cut.room = p->cut_room - RTE_MIN(waits, p->cut_room);
}

/* Is its ring full, or is it this one frame that the port does not take? */
static bool
is_refused_for_ever(const struct sani_core *core, struct sani_txq *q)
{
	if ((q->state & SANI_TXQ_STALLS) == 0) {
		q->state |= SANI_TXQ_STALLS;
		q->nb_refusals = 0;
		q->refused_since_us = core->now_us;
	}
	return ++q->nb_refusals > REFUSALS_MOST && core->now_us - q->refused_since_us >= REFUSED_MOST_US;
}

void
sani_tx_refused(struct sani_core *core, struct sani_txq *q)
{
	sani_txq_stick(core->priv, q);
	sani_count(&core->ctr, SANI_CTR_port_tx_full);
	if (sani_likely(!is_refused_for_ever(core, q)))
		return;
	sani_count(&core->ctr, SANI_CTR_port_tx_refused);
	rte_pktmbuf_free(q->m[0]);
	q->state &= (uint8_t)~SANI_TXQ_STALLS;
	q->n--;
	q->nb_prepared = q->n;
	memmove(q->m, q->m + 1, q->n * sizeof(q->m[0]));
}

static __attribute__((noinline)) void
flush_port(struct sani_core *core, unsigned int iface)
{
	struct sani_txq *q = &core->priv->txq[iface];
	uint16_t sent;

	if (q->n == 0 || (sani_unlikely(q->seldom != 0) && !sani_lend_before_tx(core, iface)))
		return;
	sent = sani_port_tx(&core->host->ports[iface], core->index, q->m, q->n);
	if (sani_unlikely(sent == 0)) {
		sani_tx_refused(core, q);
		return;
	}
	sani_count_n(&core->ctr, SANI_CTR_port_tx, sent);
	q->n = (uint16_t)(q->n - sent);
	if (sani_unlikely((q->n | q->seldom) != 0)) {
		q->state &= (uint8_t)~SANI_TXQ_STALLS;
		q->idle_since_us = core->now_us;
		q->nb_prepared = q->n;
		memmove(q->m, q->m + sent, q->n * sizeof(q->m[0]));
		if (q->state & SANI_TXQ_CUTS)
			count_cut_room(core->priv, core->host->nb_ifaces);
	}
}

/* The queue is full: perhaps its port takes some of it. */
static SANI_SELDOM void
queue_late(struct sani_core *core, unsigned int iface, struct rte_mbuf *m)
{
	struct sani_txq *q = &core->priv->txq[iface];

	flush_port(core, iface);
	if (q->n == SANI_TXQ_MAX) {
		sani_count(&core->ctr, SANI_CTR_port_tx_drop);
		rte_pktmbuf_free(m);
		return;
	}
	q->m[q->n++] = m;
}

static inline void
queue_frame(struct sani_core *core, unsigned int iface, struct rte_mbuf *m)
{
	struct sani_txq *q = &core->priv->txq[iface];

	if (sani_likely(q->n < SANI_TXQ_MAX))
		q->m[q->n++] = m;
	else
		queue_late(core, iface, m);
}

void
sani_tx_sweep_all(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;
	struct sani_ip_io *io = &p->io;

	for (unsigned int i = 0; i < io->nb_tx; i++)
		queue_frame(core, p->iface_of[io->tx[i]->port], io->tx[i]);
	io->nb_tx = 0;
	if (sani_unlikely(io->nb_news != 0))
		sani_mesh_news(core);
}

int
sani_tx_segment(struct sani_core *core, struct rte_mbuf *m, const struct sani_ip_out *out)
{
	int rc = sani_ip_output(core->priv->ip, m, out, sani_tx_io(core));

	sani_tx_sweep(core);
	return rc;
}

bool
sani_tx_may_reply(struct sani_core *core, const union sani_ip *remote)
{
	bool may = sani_ip_may_answer(core->priv->ip, remote, core->now_us);

	if (!may)
		sani_count(&core->ctr, SANI_CTR_tcp_tx_limited);
	return may;
}

void
sani_tx_reply(struct sani_core *core, struct rte_mbuf *m, const union sani_ip *local,
	      const union sani_ip *remote)
{
	struct sani_ip_out out = {
		.src = *local, .dst = *remote, .proto = IPPROTO_TCP, .ttl = TTL_DEFAULT, .df = true,
	};

	sani_tx_segment(core, m, &out);
}

static void
note_unreachable(struct sani_core *core, const struct sani_tcp_conn *c, struct unreachable *u)
{
	if (u == NULL || sani_tcp_state(c) != SAN_TCP_SYN_SENT || u->n == UNREACHABLE_MAX)
		return;
	u->at[u->n].idx = sani_conn_idx(core->priv, c);
	u->at[u->n].gen = c->owner.gen;
	u->n++;
}

/* rc: what sani_ip_output() has said of it. */
static SANI_SELDOM void
note_unsent(struct sani_core *core, struct sani_tcp_conn *c, int rc, struct unreachable *u)
{
	if ((rc == 1 || rc == -EHOSTUNREACH) && c->owner.way == SANI_IP_WAY_AGAIN)
		sani_hop_wait(core, c);
	if (rc == -EHOSTUNREACH)
		note_unreachable(core, c, u);
}

static inline struct sani_ip_out
way_of(struct sani_tcp_conn *c, uint8_t tos)
{
	return (struct sani_ip_out){
		.src = c->tuple.local, .dst = c->tuple.remote, .proto = IPPROTO_TCP,
		.tos = tos, .ttl = c->ttl, .df = true, .way = &c->owner.way,
	};
}

void
sani_tx_last(struct sani_core *core, struct rte_mbuf *m, struct sani_tcp_conn *c)
{
	struct sani_ip_out out = way_of(c, c->tos);

	sani_tx_segment(core, m, &out);
}

/* The connection's octet, whose ECN bits are 0, with the segment's: the engine marks what may be marked. */
static uint8_t
tos_of(const struct sani_tcp_conn *c, const struct sani_tcp_io *io, unsigned int i)
{
	return c->tos | (io->ect >> i & 1 ? SANI_ECN_ECT_0 : SANI_ECN_NOT_ECT);
}

/* Not plain, or its way has to be found. */
static __attribute__((noinline)) void
send_other(struct sani_core *core, struct sani_tcp_conn *c, struct rte_mbuf *m, uint8_t tos, struct unreachable *u)
{
	struct sani_ip_out out = way_of(c, tos);
	int rc = sani_tx_segment(core, m, &out);

	if (sani_unlikely(rc != 0))
		note_unsent(core, c, rc, u);
}

/* Straight to the queues. What cannot go so is swept at once, or the next would overtake it. */
static inline void
send_segments(struct sani_core *core, struct sani_tcp_conn *c, const struct sani_tcp_io *io, struct unreachable *u)
{
	for (unsigned int i = 0; i < io->nb_tx; i++) {
		struct sani_ip_out out = way_of(c, tos_of(c, io, i));
		struct rte_mbuf *m = io->tx[i];
		int iface = sani_ip_frame_plain(core->priv->ip, m, &out);

		if (sani_likely(iface >= 0))
			queue_frame(core, (unsigned int)iface, m);
		else
			send_other(core, c, m, out.tos, u);
	}
}

void
sani_tx_segments(struct sani_core *core, struct sani_tcp_conn *c, const struct sani_tcp_io *io)
{
	if (sani_unlikely(io->nb_tx > 0))
		send_segments(core, c, io, NULL);
}

/* With io for SANI_TX_BURST segments, of which none are left. */
static inline bool
output_burst(struct sani_core *core, struct sani_tcp_conn *c, struct sani_tcp_io *io, struct unreachable *u)
{
	bool more = sani_tcp_output(c, io);

	send_segments(core, c, io, u);
	io->nb_tx = 0;
	io->ect = 0;
	return more;
}

bool
sani_tx_conn(struct sani_core *core, struct sani_tcp_conn *c)
{
	struct rte_mbuf *seg[SANI_TX_BURST];
	struct sani_tcp_io io = sani_make_io(core);

	io.tx = seg;
	io.max_tx = SANI_TX_BURST;
	io.cut = core->priv->tcp_io.cut;
	return output_burst(core, c, &io, NULL);
}

/* Is the port that c sends by so far behind that segments would only be dropped? */
static SANI_SELDOM bool
is_port_behind(struct sani_core *core, const struct sani_tcp_conn *c)
{
	struct sani_core_priv *p = core->priv;
	struct sani_ip_route route;

	for (unsigned int i = 0; i < core->host->nb_ifaces; i++)
		if (p->txq[i].n > TXQ_LIMIT)
			flush_port(core, i);
	return sani_ip_route(p->ip, &c->tuple.remote, &route) == 0 && p->txq[route.iface].n > TXQ_LIMIT;
}

/* The same; while all queues are short there is nothing to find out. */
static inline bool
must_wait(struct sani_core *core, const struct sani_tcp_conn *c)
{
	const struct sani_core_priv *p = core->priv;
	bool is_long = false;

	for (unsigned int i = 0; i < core->host->nb_ifaces; i++)
		is_long |= p->txq[i].n > TXQ_LIMIT;
	return sani_unlikely(is_long) && is_port_behind(core, c);
}

#define AHEAD 3u	/* connections */

/*
 * The buffer that a segment some way down the list will be built in was somebody else's last, who has freed it: its
 * lines are asked for now, to be written.
 */
static inline void
fetch_buffer_ahead(const struct rte_mempool_cache *cache)
{
	const uint8_t *m;

	if (cache == NULL || cache->len <= AHEAD)
		return;
	m = cache->objs[cache->len - 1 - AHEAD];
	sani_fetch_to_write(m);
	m += sizeof(struct rte_mbuf) + RTE_PKTMBUF_HEADROOM - SANI_CACHE_LINE;
	sani_fetch_to_write(m);
	sani_fetch_to_write(m + SANI_CACHE_LINE);
	sani_fetch_to_write(m + 2 * SANI_CACHE_LINE);
}

/* Has there been too little room for packets that ports cut? They have it who come next, if their ports take some. */
static SANI_SELDOM void
make_room(struct sani_core *core, struct sani_tcp_io *io)
{
	io->max_tx = SANI_TX_BURST;
	if (io->cut == NULL || io->cut->room >= io->cut->max)
		return;
	for (unsigned int i = 0; i < core->host->nb_ifaces; i++)
		flush_port(core, i);
	count_cut_room(core->priv, core->host->nb_ifaces);
}

/* Those that have more to send than a burst, or whose port is behind, stay listed. */
static unsigned int
output_dirty(struct sani_core *core, struct unreachable *u)
{
	struct sani_core_priv *p = core->priv;
	struct sani_tcp_io *io = &p->tcp_io;
	uint32_t n = p->nb_dirty;
	uint32_t kept = 0;

	io->now_us = core->now_us;
	for (uint32_t i = 0; i < n; i++) {
		struct sani_tcp_conn *c = &p->conns[p->dirty[i]];
		bool stays = false;

		if (!sani_owe_still(c)) {
			fetch_buffer_ahead(io->cache);
			stays = must_wait(core, c) || output_burst(core, c, io, u);
			if (sani_unlikely(stays))
				make_room(core, io);
		}
		if (stays) {
			c->owner.dirty = kept;
			p->dirty[kept++] = p->dirty[i];
		} else {
			c->owner.dirty = SANI_NONE;
		}
		sani_arm(core, c);
	}
	p->nb_dirty = kept;
	return n;
}

void
sani_tx_at_once(struct sani_core *core, struct sani_tcp_conn *c)
{
	struct sani_tcp_io *io = &core->priv->tcp_io;

	io->now_us = core->now_us;
	c->owner.way = sani_ip_recall_way(core->priv->ip, &c->tuple.local, &c->tuple.remote);
	if (must_wait(core, c) || output_burst(core, c, io, NULL))
		sani_core_touch(core, c, SANI_TCP_EV_OUTPUT);
	/* a short user timeout is before what its timer is set to */
	sani_arm(core, c);
}

static void
tell_unreachable(struct sani_core *core, const struct unreachable *u)
{
	for (unsigned int i = 0; i < u->n; i++) {
		struct sani_tcp_conn *c = sani_core_conn(core, u->at[i].idx);

		if (c->owner.gen == u->at[i].gen)
			sani_conn_settle(core, c, sani_tcp_unreachable(c));
	}
}

static __attribute__((noinline)) unsigned int
output_listed(struct sani_core *core)
{
	struct unreachable u;
	unsigned int n;

	u.n = 0;	/* all of it that has to be zero */
	core->priv->busy = true;
	core->priv->posted = false;
	n = output_dirty(core, &u);
	if (sani_unlikely(u.n > 0))
		tell_unreachable(core, &u);
	return n;
}

static inline void
flush_ports(struct sani_core *core)
{
	sani_tx_sweep(core);
	for (unsigned int i = 0; i < core->host->nb_ifaces; i++)
		if (core->priv->txq[i].n > 0)
			flush_port(core, i);
}

unsigned int
sani_tx_posted(struct sani_core *core)
{
	unsigned int n = output_listed(core);

	flush_ports(core);
	return n;
}

unsigned int
sani_core_output(struct sani_core *core)
{
	unsigned int n = 0;

	if (core->priv->owed.head != core->priv->owed.tail)
		n = sani_owe_end_turn(core);
	if (core->priv->nb_dirty > 0)
		n += output_listed(core);
	if (sani_unlikely(core->priv->nb_late > 0))
		sani_arm_late(core);
	flush_ports(core);
	sani_park_some(core);
	return n;
}

void
sani_tx_fill_reserve(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;

	while (p->nb_reserve < SANI_RESERVE) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(core->host->pool);

		if (m == NULL)
			break;
		p->reserve[p->nb_reserve++] = m;
	}
}

struct rte_mbuf *
sani_tx_reserved(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;
	struct rte_mbuf *m = rte_pktmbuf_alloc(core->host->pool);

	if (m == NULL && p->nb_reserve > 0)
		m = p->reserve[--p->nb_reserve];
	return m;
}

bool
sani_tx_offer(struct sani_core *core)
{
	bool waits = false;

	for (unsigned int i = 0; i < core->host->nb_ifaces; i++) {
		struct sani_txq *q = &core->priv->txq[i];

		q->stuck = false;
		flush_port(core, i);
		waits |= q->n > 0;
	}
	return waits;
}

void
sani_tx_stop(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;

	sani_tx_sweep(core);
	rte_pktmbuf_free_bulk(p->reserve, p->nb_reserve);
	p->nb_reserve = 0;
	sani_tcp_spare_empty(&p->spare, core->host->pool);
	for (unsigned int i = 0; i < core->host->nb_ifaces; i++) {
		rte_pktmbuf_free_bulk(p->txq[i].m, p->txq[i].n);
		p->txq[i].n = 0;
	}
}
