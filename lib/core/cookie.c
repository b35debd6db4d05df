/* SPDX-License-Identifier: BSD-3-Clause */
/* SYN cookies: what the core does with those that tcp/cookie.c makes and checks. */
#include "core/priv.h"
#include "tcp/cookie.h"

/* The SYN-ACK is built by the engine from a block that is forgotten at once. */
void
sani_cookie_send(struct sani_core *core, struct sani_listen_entry *e, const struct sani_rx_item *item)
{
	struct sani_tcp_params params;
	struct sani_tcp_conn c = { .owner.sock = SANI_NONE };
	struct sani_tcp_io io = sani_core_io(core);
	struct sani_tcp_seg syn = item->seg;

	sani_listen_params(core, e, item, &params);
	io.budget = NULL;	/* nothing is kept that could be given back */
	sani_tcp_cookie_make(core->host->key, &syn, core->now_us, &params);
	sani_tcp_open_passive(&c, &params, &syn, core->now_us);
	if (sani_tcp_output(&c, &io)) {
		sani_count(&core->ctr, SANI_CTR_core_drop_nomem);
		return;
	}
	sani_count(&core->ctr, SANI_CTR_tcp_tx_cookie);
	sani_tx_segments(core, &c, &io);
	e->cookies_until_us = core->now_us + SANI_TCP_COOKIE_LIFE_US;
}

/* The ACK is a cookie's: open, and let the segment itself establish. m is consumed. */
static void
open_embryo(struct sani_core *core, struct sani_listen_entry *e, struct sani_rx_item *item,
	    const struct sani_tcp_seg *syn)
{
	struct sani_tcp_params params;
	struct sani_tcp_conn *c = sani_listen_embryo(core, e, item);

	if (c == NULL)
		return;
	sani_listen_params(core, e, item, &params);
	params.iss = item->seg.ack - 1;
	sani_tcp_open_cookie(c, &params, syn, core->now_us);
	sani_conn_enter(core, c);
	sani_count(&core->ctr, SANI_CTR_tcp_rx_cookie);
	sani_rx_conn(core, c, item);
}

static bool
check(const struct sani_core *core, const struct sani_listen_entry *e, const struct sani_rx_item *item,
      struct sani_tcp_seg *syn)
{
	uint32_t rcvbuf = e->l.rcvbuf != 0 ? e->l.rcvbuf : core->host->conf.window_max;

	return core->now_us < e->cookies_until_us &&
	       sani_tcp_cookie_check(core->host->key, &item->pkt.tuple, &item->seg, core->now_us,
				     rcvbuf, syn);
}

bool
sani_cookie_ack(struct sani_core *core, struct sani_listen_entry *e, struct sani_rx_item *item)
{
	struct sani_tcp_seg syn;

	if (!check(core, e, item, &syn))
		return false;
	/* the peer sends it again, or its first text; until then it has a connection and we have not */
	if (sani_listen_is_full(core, e))
		sani_count(&core->ctr, SANI_CTR_tcp_rx_drop_backlog);
	else
		open_embryo(core, e, item, &syn);
	return true;
}

bool
sani_cookie_cross(struct sani_core *core, struct sani_tcp_conn *c, struct sani_rx_item *item)
{
	struct sani_listen_entry *e = &core->priv->listens[c->owner.listen];
	struct sani_tcp_seg syn;

	if (item->seg.ack == c->iss + 1 || !check(core, e, item, &syn) || sani_listen_is_full(core, e))
		return false;
	sani_tcp_discard(c);
	sani_conn_free(core, c);
	open_embryo(core, e, item, &syn);
	return true;
}
