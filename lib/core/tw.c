/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "core/priv.h"

#define TW_BURST 64

int
sani_tw_init(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;
	uint32_t n = core->host->conf.nb_tw;

	p->tw_free = SANI_NONE;
	p->tw_oldest = SANI_NONE;
	p->tw_newest = SANI_NONE;
	p->tws = sani_map(n * sizeof(p->tws[0]));
	p->tw_links = sani_map(n * sizeof(p->tw_links[0]));
	if (p->tws == NULL || p->tw_links == NULL)
		return -ENOMEM;
	p->tw_wheel = sani_wheel_create(p->tw_links, sizeof(p->tw_links[0]),
					offsetof(struct sani_tw_link, timer), 0);
	return p->tw_wheel == NULL ? -ENOMEM : 0;
}

void
sani_tw_fini(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;
	uint32_t n = core->host->conf.nb_tw;

	sani_wheel_destroy(p->tw_wheel);
	sani_unmap(p->tw_links, n * sizeof(p->tw_links[0]));
	sani_unmap(p->tws, n * sizeof(p->tws[0]));
}

uint32_t
sani_core_nb_tw(const struct sani_core *core)
{
	return atomic_load_explicit(&core->priv->nb_tw, memory_order_relaxed);
}

static void
unlink_age(struct sani_core_priv *p, const struct sani_tw_link *link)
{
	if (link->older != SANI_NONE)
		p->tw_links[link->older].newer = link->newer;
	else
		p->tw_oldest = link->newer;
	if (link->newer != SANI_NONE)
		p->tw_links[link->newer].older = link->older;
	else
		p->tw_newest = link->older;
}

static void
link_newest(struct sani_core_priv *p, uint32_t idx)
{
	struct sani_tw_link *link = &p->tw_links[idx];

	link->older = p->tw_newest;
	link->newer = SANI_NONE;
	if (p->tw_newest != SANI_NONE)
		p->tw_links[p->tw_newest].newer = idx;
	else
		p->tw_oldest = idx;
	p->tw_newest = idx;
}

void
sani_tw_del(struct sani_core *core, uint32_t idx)
{
	struct sani_core_priv *p = core->priv;
	struct sani_tw_link *link = &p->tw_links[idx];

	sani_flow_del(&p->flow, p->tws[idx].owner, sani_flow_ref_of(idx, SANI_FLOW_TW));
	sani_wheel_disarm(p->tw_wheel, idx);
	unlink_age(p, link);
	link->newer = p->tw_free;
	p->tw_free = idx;
	sani_gauge_add(&p->nb_tw, (uint32_t)-1);
}

/* A free record; with none left the oldest makes room. */
static uint32_t
take_free(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;
	uint32_t idx;

	if (p->tw_free == SANI_NONE && p->tw_fresh < core->host->conf.nb_tw) {
		sani_timer_init(&p->tw_links[p->tw_fresh].timer);
		return p->tw_fresh++;
	}
	if (p->tw_free == SANI_NONE) {
		sani_count(&core->ctr, SANI_CTR_tcp_tw_evicted);
		sani_tw_del(core, p->tw_oldest);
	}
	idx = p->tw_free;
	p->tw_free = p->tw_links[idx].newer;
	return idx;
}

/* When a record expires [us]; its own clock is 32 bits of milliseconds. */
static uint64_t
find_expiry(const struct sani_core *core, const struct sani_tcp_tw *tw)
{
	int32_t left_ms = (int32_t)(tw->expires_ms - (uint32_t)(core->now_us / 1000));

	return left_ms <= 0 ? core->now_us : core->now_us + (uint64_t)left_ms * 1000;
}

#define TW_RST_REPEATED 0x02	/* sani_tcp_tw.flags */

void
sani_tw_add(struct sani_core *core, const struct sani_tcp_conn *c, enum sani_tcp_tw_kind kind)
{
	struct sani_core_priv *p = core->priv;
	struct sani_tcp_tw *tw;
	uint64_t expiry;
	uint32_t idx;

	if (core->host->conf.nb_tw == 0)
		return;
	idx = take_free(core);
	tw = &p->tws[idx];
	sani_tcp_tw_from(tw, c, kind, core->now_us);
	tw->owner = c->owner.hash;
	link_newest(p, idx);
	sani_flow_add(&p->flow, tw->owner, sani_flow_ref_of(idx, SANI_FLOW_TW));
	sani_gauge_add(&p->nb_tw, 1);
	expiry = find_expiry(core, tw);
	/* a tombstone lasts two RTO; after the first its RST is repeated (O9.3) */
	if (kind == SANI_TCP_TW_TOMBSTONE)
		expiry = core->now_us + (expiry - core->now_us) / 2;
	sani_wheel_arm(p->tw_wheel, idx, expiry);
}

static void
repeat_rst(struct sani_core *core, struct sani_tcp_tw *tw)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(core->host->pool);

	tw->flags |= TW_RST_REPEATED;
	if (m == NULL)
		return;
	sani_tcp_tw_reset(tw, m);
	sani_count(&core->ctr, SANI_CTR_tcp_tx);
	sani_count(&core->ctr, SANI_CTR_tcp_tx_rst);
	sani_tx_reply(core, m, &tw->local, &tw->remote);
}

static void
expire_one(struct sani_core *core, uint32_t idx)
{
	struct sani_core_priv *p = core->priv;
	struct sani_tcp_tw *tw = &p->tws[idx];
	uint64_t expiry = find_expiry(core, tw);

	if (tw->kind == SANI_TCP_TW_TOMBSTONE && (tw->flags & TW_RST_REPEATED) == 0)
		repeat_rst(core, tw);
	/* later: the first half of a tombstone, or 2 MSL that began anew */
	if (expiry > core->now_us)
		sani_wheel_arm(p->tw_wheel, idx, expiry);
	else
		sani_tw_del(core, idx);
}

unsigned int
sani_tw_expire_due(struct sani_core *core)
{
	uint32_t idx[TW_BURST];
	unsigned int n = sani_wheel_advance(core->priv->tw_wheel, core->now_us, idx, TW_BURST);

	for (unsigned int i = 0; i < n; i++)
		expire_one(core, idx[i]);
	return n;
}

static void
reply(struct sani_core *core, const struct sani_tcp_tw *tw, struct rte_mbuf *m)
{
	if (!sani_tx_may_reply(core, &tw->remote)) {
		rte_pktmbuf_free(m);
		return;
	}
	sani_count(&core->ctr, SANI_CTR_tcp_tx);
	if (tw->kind == SANI_TCP_TW_TOMBSTONE)
		sani_count(&core->ctr, SANI_CTR_tcp_tx_rst);
	sani_tx_reply(core, m, &tw->local, &tw->remote);
}

bool
sani_tw_input(struct sani_core *core, uint32_t idx, const struct sani_tcp_seg *seg)
{
	struct sani_tcp_tw *tw = &core->priv->tws[idx];
	struct rte_mbuf *m = rte_pktmbuf_alloc(core->host->pool);

	if (m == NULL) {
		sani_count(&core->ctr, SANI_CTR_core_drop_nomem);
		return false;
	}
	switch (sani_tcp_tw_input(tw, seg, m, core->now_us)) {
	case SANI_TCP_TW_REPLY:
		reply(core, tw, m);
		break;
	case SANI_TCP_TW_REOPEN:
		rte_pktmbuf_free(m);
		return true;
	case SANI_TCP_TW_DROP:
	default:
		rte_pktmbuf_free(m);
		break;
	}
	sani_count(&core->ctr, SANI_CTR_tcp_rx_drop_state);
	return false;
}
