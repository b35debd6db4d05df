/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Drivers that want to see frames before they are given them (rte_eth_tx_prepare()): each sees a frame once, and says
 * of the first one that it cannot send. That one must not stay, for nothing behind it would ever leave. A chain may do
 * as one piece, which any frame fits; all else is dropped, and its sender finds out as of any loss. Such a driver has
 * promised more than it keeps, so the like is not made for it any more: no chains that refer to lent memory, no packets
 * that are to be cut.
 */
#include "core/priv.h"

/* @return It may do now. */
static bool
mend(struct sani_core *core, struct sani_txq *q, struct rte_mbuf *m)
{
	if (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) {
		core->priv->tcp_io.cut = NULL;
		return false;
	}
	if (m->nb_segs == 1)
		return false;
	q->state |= SANI_TXQ_REFUSES;
	return rte_pktmbuf_linearize(m) == 0;
}

/* The frame at i, which was refused. */
static void
drop(struct sani_core *core, struct sani_txq *q, uint16_t i)
{
	sani_count(&core->ctr, SANI_CTR_port_tx_refused);
	rte_pktmbuf_free(q->m[i]);
	q->n--;
	memmove(&q->m[i], &q->m[i + 1], (size_t)(q->n - i) * sizeof(q->m[0]));
}

void
sani_tx_prepare(struct sani_core *core, unsigned int iface)
{
	const struct sani_port *port = &core->host->ports[iface];
	struct sani_txq *q = &core->priv->txq[iface];

	while (q->nb_prepared < q->n) {
		uint16_t at = q->nb_prepared;
		uint16_t ready = sani_port_prepare(port, core->index, q->m + at, (uint16_t)(q->n - at));

		at = (uint16_t)(at + ready);
		q->nb_prepared = at;
		if (at == q->n)
			return;
		if (mend(core, q, q->m[at]) && sani_port_prepare(port, core->index, &q->m[at], 1) == 1)
			q->nb_prepared++;
		else
			drop(core, q, at);
	}
}
