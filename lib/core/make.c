/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "core/priv.h"

#define CUT_MAX 65000u		/* with all headers the length of an IP packet has 16 bits */
#define CUT_WAIT 8u		/* as many packets to be cut wait for a core's ports, or shorter ones */

_Static_assert(SANI_TCP_HDR_MAX <= RTE_MBUF_DEFAULT_DATAROOM, "all other buffers of a packet are full of text");

/* Zero, on a cache line of its own: a core's memory is written by one thread. */
static void *
make_zeroed(size_t bytes)
{
	size_t rounded = (bytes + SANI_CACHE_LINE - 1) & ~(size_t)(SANI_CACHE_LINE - 1);
	void *p = aligned_alloc(SANI_CACHE_LINE, rounded);

	if (p != NULL)
		memset(p, 0, rounded);
	return p;
}

void
sani_cut_init(struct sani_core *core)
{
	const struct sani_host *host = core->host;
	struct sani_core_priv *p = core->priv;
	uint32_t segs = SANI_PORT_CUT_SEGS;
	/* none is made while fewer buffers are free than this: those that wait do not empty the pool */
	uint32_t share = host->scarce_below / host->nb_cores;

	for (unsigned int i = 0; i < host->nb_ifaces; i++)
		segs = RTE_MIN(segs, host->ports[i].cut_segs);
	if (segs == 0)
		return;
	p->cut.max = RTE_MIN(CUT_MAX, (segs - 1) * (uint32_t)RTE_MBUF_DEFAULT_BUF_SIZE);
	p->cut_room = RTE_MIN(CUT_WAIT * p->cut.max, share * RTE_MBUF_DEFAULT_DATAROOM);
	p->cut.room = p->cut_room;
	if (p->cut_room < p->cut.max)
		return;
	p->cut.waits = host->nb_ifaces == 1;
	p->tcp_io.cut = &p->cut;
	for (unsigned int i = 0; i < host->nb_ifaces; i++)
		p->txq[i].state |= SANI_TXQ_CUTS;
}

static int
fill_core(struct sani_core *core)
{
	struct sani_host *host = core->host;
	struct sani_core_priv *p = core->priv;

	p->io = (struct sani_ip_io){
		.pool = host->pool, .ctr = &core->ctr, .tx = p->io_tx, .max_tx = SANI_IP_FRAMES,
	};
	p->tcp_io = (struct sani_tcp_io){
		.pool = host->pool, .ctr = &core->ctr, .tx = p->seg, .max_tx = SANI_TX_BURST, .spare = &p->spare,
		.budget = &p->budget,
	};
	/*
	 * Half of what a pool of usual buffers can hold: promises are seldom all kept at once, and `scarce`
	 * stands behind them. Longer buffers promise no more: who sends short segments fills as many.
	 */
	p->budget.growth = (uint64_t)host->conf.nb_mbufs * RTE_MBUF_DEFAULT_DATAROOM / 2 / host->nb_cores;
	p->budget.reads = sani_ration_reads;
	p->budget.ctx = core;
	p->rare = core->index == 0 ? SANI_RARE_ANNOUNCE : 0;
	for (unsigned int i = 0; i < host->nb_ifaces; i++)
		p->iface_of[host->ports[i].id] = (uint8_t)i;
	sani_lend_init(core);
	sani_cut_init(core);
	p->ip = sani_ip_create(host->ifaces, host->nb_ifaces, core->index == 0, host->key);
	if (p->ip == NULL || sani_ration_init(core) != 0 || sani_conn_init(core) != 0 || sani_tw_init(core) != 0 ||
	    sani_listen_init(core) != 0)
		return -ENOMEM;
	return 0;
}

int
sani_core_make(struct sani_host *host, unsigned int index, const struct sani_core_up *up)
{
	struct sani_core *core = make_zeroed(sizeof(*core));

	if (core == NULL)
		return -ENOMEM;
	host->cores[index] = core;
	core->id = (uint8_t)(host->conf.first_core_id + index);
	core->index = (uint8_t)index;
	core->host = host;
	core->up = up;
	core->priv = make_zeroed(sizeof(*core->priv));
	return core->priv == NULL ? -ENOMEM : fill_core(core);
}

void
sani_core_stop(struct sani_core *core)
{
	if (core->priv == NULL)
		return;
	sani_conn_stop(core);
	sani_tx_stop(core);
	sani_ip_destroy(core->priv->ip);
	core->priv->ip = NULL;
}

void
sani_core_end(struct sani_core *core)
{
	if (core->priv != NULL) {
		sani_listen_fini(core);
		sani_conn_fini(core);
		sani_tw_fini(core);
		sani_ration_fini(core);
	}
	free(core->priv);
	free(core);
}
