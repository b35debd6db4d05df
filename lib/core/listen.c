/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "core/arm.h"
#include "core/priv.h"
#include "tcp/hash.h"
#include "tcp/hold.h"

int
sani_listen_init(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;
	uint32_t n = core->host->conf.nb_listeners;
	uint32_t buckets = 16;

	while (buckets < n)
		buckets <<= 1;
	p->listen_mask = buckets - 1;
	p->listens = calloc(n, sizeof(p->listens[0]));
	p->listen_buckets = malloc(buckets * sizeof(p->listen_buckets[0]));
	if (p->listens == NULL || p->listen_buckets == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < buckets; i++)
		p->listen_buckets[i] = SANI_NONE;
	p->listen_free = SANI_NONE;
	for (uint32_t i = n; i-- > 0;) {
		p->listens[i].next = p->listen_free;
		p->listen_free = i;
	}
	return 0;
}

void
sani_listen_fini(struct sani_core *core)
{
	free(core->priv->listen_buckets);
	free(core->priv->listens);
}

static uint32_t *
bucket_of(const struct sani_core_priv *p, uint16_t port)
{
	return &p->listen_buckets[port & p->listen_mask];
}

static struct sani_listen_entry *
find_exact(const struct sani_core_priv *p, const union sani_ip *addr, uint16_t port)
{
	for (uint32_t i = *bucket_of(p, port); i != SANI_NONE; i = p->listens[i].next) {
		struct sani_listen_entry *e = &p->listens[i];

		if (e->l.port == port && sani_ip_eq(&e->l.addr, addr))
			return e;
	}
	return NULL;
}

struct sani_listen_entry *
sani_listen_find(struct sani_core *core, const union sani_ip *addr, uint16_t port)
{
	static const union sani_ip any;
	struct sani_listen_entry *e = find_exact(core->priv, addr, port);

	return e != NULL ? e : find_exact(core->priv, &any, port);
}

int
sani_core_listen_add(struct sani_core *core, const struct sani_listen *l)
{
	struct sani_core_priv *p = core->priv;
	uint32_t idx = p->listen_free;
	struct sani_listen_entry *e;

	if (!l->share && find_exact(p, &l->addr, l->port) != NULL)
		return -EADDRINUSE;
	if (idx == SANI_NONE)
		return -ENOMEM;
	e = &p->listens[idx];
	p->listen_free = e->next;
	*e = (struct sani_listen_entry){
		.l = *l, .next = *bucket_of(p, l->port), .embryos = SANI_NONE, .gen = e->gen, .used = true,
	};
	*bucket_of(p, l->port) = idx;
	return 0;
}

static void
free_entry(struct sani_core *core, uint32_t idx)
{
	struct sani_core_priv *p = core->priv;
	struct sani_listen_entry *e = &p->listens[idx];
	uint32_t *link = bucket_of(p, e->l.port);

	while (*link != idx)
		link = &p->listens[*link].next;
	*link = e->next;
	e->used = false;
	e->gen++;
	e->next = p->listen_free;
	p->listen_free = idx;
}

/* Each leaves the list as it is reset. One whose offer is under way keeps its block (mesh.c). */
static void
reset_embryos(struct sani_core *core, struct sani_listen_entry *e)
{
	while (e->embryos != SANI_NONE) {
		struct sani_tcp_conn *c = sani_core_conn(core, e->embryos);

		sani_conn_reset(core, c);
		if (c->owner.offered)
			sani_listen_drop(core, c);
		else
			sani_conn_free(core, c);
	}
}

void
sani_core_listen_del(struct sani_core *core, uint8_t owner, uint32_t slot, uint32_t gen)
{
	struct sani_core_priv *p = core->priv;

	for (uint32_t i = 0; i < core->host->conf.nb_listeners; i++) {
		struct sani_listen_entry *e = &p->listens[i];

		if (!e->used || e->l.owner != owner || e->l.slot != slot || e->l.gen != gen)
			continue;
		reset_embryos(core, e);
		free_entry(core, i);
	}
}

const struct sani_listen *
sani_core_listen_of(const struct sani_core *core, const struct sani_tcp_conn *c)
{
	const struct sani_listen_entry *e;

	if (c->owner.listen == SANI_NONE)
		return NULL;
	e = &core->priv->listens[c->owner.listen];
	return e->used && e->gen == c->owner.listen_gen ? &e->l : NULL;
}

static void
link_embryo(struct sani_core_priv *p, struct sani_listen_entry *e, struct sani_tcp_conn *c)
{
	c->owner.listen = (uint32_t)(e - p->listens);
	c->owner.listen_gen = e->gen;
	c->owner.prev = SANI_NONE;
	c->owner.next = e->embryos;
	if (e->embryos != SANI_NONE)
		p->conns[e->embryos].owner.prev = sani_conn_idx(p, c);
	e->embryos = sani_conn_idx(p, c);
	e->nb_embryos++;
	e->nb_half_open++;
	c->owner.flags |= SANI_CONN_EMBRYO | SANI_CONN_HALF;
	p->nb_half_open++;
}

void
sani_listen_uncount(struct sani_core *core, struct sani_tcp_conn *c)
{
	struct sani_core_priv *p = core->priv;

	if ((c->owner.flags & SANI_CONN_HALF) == 0)
		return;
	p->listens[c->owner.listen].nb_half_open--;
	p->nb_half_open--;
	c->owner.flags &= (uint8_t)~SANI_CONN_HALF;
}

void
sani_listen_drop(struct sani_core *core, struct sani_tcp_conn *c)
{
	struct sani_core_priv *p = core->priv;
	struct sani_listen_entry *e;

	if ((c->owner.flags & SANI_CONN_EMBRYO) == 0)
		return;
	e = &p->listens[c->owner.listen];
	if (c->owner.prev != SANI_NONE)
		p->conns[c->owner.prev].owner.next = c->owner.next;
	else
		e->embryos = c->owner.next;
	if (c->owner.next != SANI_NONE)
		p->conns[c->owner.next].owner.prev = c->owner.prev;
	e->nb_embryos--;
	c->owner.flags &= (uint8_t)~SANI_CONN_EMBRYO;
}

/* The tuple's own, or above the numbers of an older connection of it, if there is one to remember. */
static uint32_t
choose_iss(const struct sani_core *core, const struct sani_rx_item *item, uint32_t iss)
{
	if (item->tw != SANI_NONE)
		return sani_tcp_tw_iss(&core->priv->tws[item->tw], iss);
	return item->reopens ? sani_tcp_iss_above(iss, item->old_snd_nxt) : iss;
}

/*
 * Field by field, where they are to lie: a whole structure would be cleared first, by an instruction that takes longer
 * than all this, and a copy would read in wide words what was written just before in narrow ones, and wait for it.
 */
void
sani_listen_params(const struct sani_core *core, const struct sani_listen_entry *e,
		   const struct sani_rx_item *item, struct sani_tcp_params *params)
{
	uint64_t hash = sani_tcp_hash(core->host->key, &item->pkt.tuple);

	params->tuple = item->pkt.tuple;
	params->iss = sani_tcp_isn(hash, core->now_us);
	params->ts_offset = sani_tcp_ts_offset(hash);
	params->mtu = core->host->ifaces[item->pkt.iface].mtu;
	params->user_timeout_ms = e->l.user_timeout_ms;
	params->time_wait_ms = core->host->conf.time_wait_ms;
	params->nodelay = e->l.nodelay;
	params->tune = e->l.tune;
	params->fast = (struct sani_tcp_fast){ 0 };
	sani_conn_size_queues(core, params, e->l.sndbuf, e->l.rcvbuf);
}

struct sani_tcp_conn *
sani_listen_embryo(struct sani_core *core, struct sani_listen_entry *e, const struct sani_rx_item *item)
{
	struct sani_tcp_conn *c = sani_conn_alloc(core, (uint32_t)item->hash);

	if (c == NULL)
		sani_count(&core->ctr, SANI_CTR_core_drop_noconn);
	else
		link_embryo(core->priv, e, c);
	return c;
}

/* With the data of its SYN. Who gets it may close c, so this comes last. */
static void
open_fast(struct sani_core *core, struct sani_listen_entry *e, struct sani_tcp_conn *c, struct sani_rx_item *item,
	  const struct sani_tcp_params *params)
{
	struct sani_tcp_io io = sani_core_io(core);
	struct rte_mbuf *m = item->m;
	uint32_t ev;

	item->m = NULL;
	rte_pktmbuf_adj(m, (uint16_t)(item->pkt.l4_off + item->seg.hdr_len));
	ev = sani_tcp_open_fast(c, params, &item->seg, m, &io);
	sani_conn_enter(core, c);
	if ((ev & SANI_TCP_EV_CONNECTED) != 0)
		sani_fast_count(core, e, c);
	sani_conn_settle(core, c, ev);
}

static void
open_embryo(struct sani_core *core, struct sani_listen_entry *e, struct sani_rx_item *item)
{
	struct sani_tcp_params params;
	struct sani_tcp_conn *c = sani_listen_embryo(core, e, item);

	if (c == NULL)
		return;
	sani_listen_params(core, e, item, &params);
	params.iss = choose_iss(core, item, params.iss);
	if (item->tw != SANI_NONE)
		sani_tw_del(core, item->tw);
	if (sani_fast_serve(core, e, item, &params)) {
		open_fast(core, e, c, item, &params);
		return;
	}
	sani_tcp_open_passive(c, &params, &item->seg, core->now_us);
	sani_conn_enter(core, c);
	sani_arm_first(core, c);
	sani_tx_at_once(core, c);
}

/*
 * The program is asked before the peer is answered: offered at the SYN, like a finished one. Nothing tells yet
 * whether the peer is there; so it has a place in the backlog, and its time, as any other.
 */
static void
hold_embryo(struct sani_core *core, struct sani_listen_entry *e, struct sani_rx_item *item)
{
	struct sani_tcp_params params;
	struct sani_tcp_conn *c = sani_listen_embryo(core, e, item);

	if (c == NULL)
		return;
	sani_listen_params(core, e, item, &params);
	params.iss = choose_iss(core, item, params.iss);
	if (item->tw != SANI_NONE)
		sani_tw_del(core, item->tw);
	sani_tcp_open_passive(c, &params, &item->seg, core->now_us);
	sani_tcp_hold(c);
	c->owner.flags |= SANI_CONN_HELD;
	sani_conn_enter(core, c);
	sani_conn_settle(core, c, SANI_TCP_EV_CONNECTED);
}

void
sani_core_confirm(struct sani_core *core, struct sani_tcp_conn *c)
{
	if ((c->owner.flags & SANI_CONN_HELD) == 0)
		return;
	c->owner.flags &= (uint8_t)~SANI_CONN_HELD;
	sani_core_touch(core, c, sani_tcp_confirm(c));
}

bool
sani_listen_is_full(const struct sani_core *core, const struct sani_listen_entry *e)
{
	return core->priv->nb_finished >= SANI_FINISHED_MAX || e->nb_embryos - e->nb_half_open >= e->l.backlog;
}

bool
sani_listen_refuses(struct sani_core *core, const struct sani_tuple *t)
{
	const struct sani_listen_entry *e = sani_listen_find(core, &t->local, t->local_port);

	return e != NULL && (sani_listen_is_full(core, e) ||
			     core->priv->nb_half_open >= core->host->conf.nb_half_open);
}

/* The last quarter is kept for the SYNs that are not answered by cookies. */
static bool
is_pressed(const struct sani_core *core, const struct sani_listen_entry *e)
{
	uint32_t most = core->host->conf.nb_half_open;

	return core->priv->nb_half_open >= most - most / 4 ||
	       e->nb_half_open >= RTE_MAX(e->l.backlog, (uint32_t)SANI_HALF_OPEN_LEAST);
}

/*
 *   queue of finished ones full          dropped: a SYN-ACK would promise what cannot be kept
 *   after a connection of its tuple      half-open while there is any place, for a cookie as ISS could lie
 *                                        below the old numbers; else dropped, and the old one is remembered
 *   the listener holds                   half-open, and offered at once
 *   many half-open                       cookie
 *   otherwise                            half-open
 *
 * No half-open connection is thrown out for another: who is spoofed ends after six SYN-ACKs.
 */
void
sani_listen_syn(struct sani_core *core, struct sani_listen_entry *e, struct sani_rx_item *item)
{
	bool follows = item->reopens || item->tw != SANI_NONE;

	if (sani_listen_is_full(core, e) ||
	    (follows && core->priv->nb_half_open >= core->host->conf.nb_half_open))
		sani_count(&core->ctr, SANI_CTR_tcp_rx_drop_backlog);
	else if (e->l.hold)
		hold_embryo(core, e, item);
	else if (!follows && is_pressed(core, e))
		sani_cookie_send(core, e, item);
	else
		open_embryo(core, e, item);
}

/* RFC 9293 3.10.7.1: there is no connection. */
static void
refuse(struct sani_core *core, const struct sani_rx_item *item)
{
	struct rte_mbuf *m;

	if ((item->seg.flags & SANI_TCP_RST) != 0 || !sani_tx_may_reply(core, &item->pkt.tuple.remote))
		return;
	m = rte_pktmbuf_alloc(core->host->pool);
	if (m == NULL)
		return;
	sani_tcp_reset_for(&item->seg, m);
	sani_count(&core->ctr, SANI_CTR_tcp_tx);
	sani_count(&core->ctr, SANI_CTR_tcp_tx_rst);
	sani_tx_reply(core, m, &item->pkt.tuple.local, &item->pkt.tuple.remote);
}

void
sani_listen_input(struct sani_core *core, struct sani_rx_item *item)
{
	const struct sani_tuple *t = &item->pkt.tuple;
	const uint8_t what = item->seg.flags & (SANI_TCP_SYN | SANI_TCP_ACK | SANI_TCP_RST);
	struct sani_listen_entry *e = NULL;

	if (what == SANI_TCP_SYN || what == SANI_TCP_ACK || what == 0)
		e = sani_listen_find(core, &t->local, t->local_port);
	if (e != NULL && what == SANI_TCP_ACK) {
		if (sani_cookie_ack(core, e, item))
			return;
		sani_count(&core->ctr, core->now_us < e->cookies_until_us ? SANI_CTR_tcp_rx_bad_cookie :
									   SANI_CTR_tcp_rx_drop_no_socket);
		refuse(core, item);
	} else if (e == NULL) {
		sani_count(&core->ctr, SANI_CTR_tcp_rx_drop_no_socket);
		refuse(core, item);
	} else if (what == 0 || (item->seg.flags & SANI_TCP_FIN) != 0) {
		sani_count(&core->ctr, SANI_CTR_tcp_rx_drop_state);
	} else {
		sani_listen_syn(core, e, item);
	}
}
