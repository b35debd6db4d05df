/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which ports may be given mbufs that refer to memory of the program's: those that give them back. No capability tells,
 * so the first frame of each transmit queue is tried: a reference of our own is taken to it, and when it is the
 * only one left behind the burst the driver has freed the frame inside it. Else the driver may be asked to look
 * (rte_eth_tx_done_cleanup()); else, where the configuration wants it, a queue that is stopped may give back what
 * it holds. What does none of these may hold a frame for ever.
 */
#include "core/priv.h"
#include "tcp/lent.h"

_Static_assert(SANI_TCP_LENT_SEGS <= SANI_PORT_CHAIN_SEGS, "a port with SANI_PORT_EXTMEM takes them");

#define IDLE_US 10000u		/* lend = restart: so long a queue may sit on lent memory and take nothing */

void
sani_lend_init(struct sani_core *core)
{
	for (unsigned int i = 0; i < core->host->nb_ifaces; i++) {
		uint32_t caps = core->host->ports[i].caps;

		core->priv->txq[i].state = (uint8_t)((caps & SANI_PORT_EXTMEM ? SANI_TXQ_UNTRIED : 0) |
						     (caps & SANI_PORT_TX_PREPARE ? SANI_TXQ_PREPARES : 0));
	}
}

static bool
is_ours_alone(const struct rte_mbuf *m)
{
	return rte_mbuf_refcnt_read(m) == 1;
}

/* Stop and start a queue. False: the driver cannot, or it does not start again (then nothing is sent any more). */
static bool
restart(const struct sani_port *port, uint16_t queue)
{
	return rte_eth_dev_tx_queue_stop(port->id, queue) == 0 && rte_eth_dev_tx_queue_start(port->id, queue) == 0;
}

static enum sani_lend
try_port(const struct sani_port *port, uint16_t queue, const struct rte_mbuf *m)
{
	if (is_ours_alone(m))
		return SANI_LEND_FREED;
	if (rte_eth_tx_done_cleanup(port->id, queue, 0) >= 0)
		return SANI_LEND_CLEANUP;
	if (port->restart && restart(port, queue) && is_ours_alone(m))
		return SANI_LEND_RESTART;
	return SANI_LEND_NEVER;
}

/* Send the first frame of a queue, alone. False: the port has not taken it. */
static bool
send_first(struct sani_core *core, struct sani_txq *q, const struct sani_port *port)
{
	struct rte_mbuf *m = q->m[0];

	/* another core of ours may still look at what it has handed over: then the next frame is tried */
	if (!is_ours_alone(m))
		return true;
	rte_mbuf_refcnt_update(m, 1);
	if (sani_port_tx(port, core->index, &m, 1) == 0) {
		rte_mbuf_refcnt_update(m, -1);
		return false;
	}
	q->lend = (uint8_t)try_port(port, core->index, m);
	q->state &= (uint8_t)~(SANI_TXQ_UNTRIED | SANI_TXQ_STALLS);
	q->state |= q->lend == SANI_LEND_RESTART ? SANI_TXQ_WATCHED : 0;
	rte_pktmbuf_free(m);
	sani_count(&core->ctr, SANI_CTR_port_tx);
	q->n--;
	q->nb_prepared = q->n;
	memmove(q->m, q->m + 1, q->n * sizeof(q->m[0]));
	return true;
}

static bool
has_lent(const struct sani_txq *q)
{
	for (uint16_t i = 0; i < q->n; i++)
		if (q->m[i]->next != NULL && RTE_MBUF_HAS_EXTBUF(q->m[i]->next))
			return true;
	return false;
}

bool
sani_lend_before_tx(struct sani_core *core, unsigned int iface)
{
	struct sani_txq *q = &core->priv->txq[iface];

	if (q->stuck)
		return false;
	if (q->state & SANI_TXQ_PREPARES)
		sani_tx_prepare(core, iface);
	if (q->n == 0)
		return false;
	if ((q->state & SANI_TXQ_UNTRIED) && !send_first(core, q, &core->host->ports[iface])) {
		sani_tx_refused(core, q);
		return false;
	}
	if ((q->state & SANI_TXQ_WATCHED) && !q->holds && has_lent(q)) {
		q->holds = true;
		q->idle_since_us = core->now_us;
	}
	return q->n > 0;
}

/* Idle is a queue that takes nothing, be it that there is nothing for it or that its ring stays full. */
static void
reclaim(struct sani_core *core, unsigned int iface)
{
	const struct sani_port *port = &core->host->ports[iface];
	struct sani_txq *q = &core->priv->txq[iface];

	if (q->lend == SANI_LEND_CLEANUP)
		(void)rte_eth_tx_done_cleanup(port->id, core->index, 0);
	if (!q->holds || core->now_us - q->idle_since_us < IDLE_US)
		return;
	q->holds = false;
	if (!restart(port, core->index))
		q->lend = SANI_LEND_NEVER;
	sani_count(&core->ctr, SANI_CTR_lend_restarts);
}

void
sani_core_reclaim(struct sani_core *core)
{
	for (unsigned int i = 0; i < core->host->nb_ifaces; i++)
		reclaim(core, i);
}

bool
sani_core_lends(struct sani_core *core, const struct sani_tcp_conn *c)
{
	struct sani_ip_route route;

	return sani_ip_route(core->priv->ip, &c->tuple.remote, &route) == 0 &&
	       core->priv->txq[route.iface].lend > SANI_LEND_NEVER &&
	       !(core->priv->txq[route.iface].state & SANI_TXQ_REFUSES);
}
