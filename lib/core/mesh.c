/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rings between the cores of a host: for each ordered pair one for messages and one for packets.
 *
 * Why a message always finds room. Let F be SANI_FINISHED_MAX and L nb_listeners. In the ring from s
 * to d can lie, not yet taken by d:
 *
 *   offers by s                 F    each stands for a finished connection of s that nobody has adopted,
 *                                    of which there are at most F: one that ends while its offer is
 *                                    under way keeps its place until the answer is there (conn.c)
 *   made, gone by s             F    since the oldest entry of the ring was put d has taken nothing put
 *                                    after it; whatever s has been told "taken" for since was not
 *                                    adopted at that moment
 *   answers by s to offers      F    their connections on d are not adopted until d takes the answer
 *   written by s               2F    for those "made" that were on the way from d when the oldest entry
 *                                    was put (F, as above) and those made since (F)
 *   orders by s                2L   add and remove: the layer above keeps a listener, of which the host
 *                                    has at most L, until every core has answered its removal
 *   answers by s to removals    L    likewise
 *
 * which is held back from the news about neighbours: these are put only while more room than that is
 * left, and counted when not. A lost one costs a repeated ARP request, nothing else.
 */
#include <errno.h>

#include "core/mesh.h"
#include "core/priv.h"

#define NEWS_ROOM 256

static uint32_t
count_reserved(const struct sani_host *host)
{
	return 5 * SANI_FINISHED_MAX + 3 * host->conf.nb_listeners;
}

static int
open_pair(struct sani_host *host, unsigned int from, unsigned int to)
{
	host->msg[from][to] = sani_spsc_create(count_reserved(host) + NEWS_ROOM, sizeof(struct sani_msg));
	if (host->msg[from][to] == NULL)
		return -ENOMEM;
	if (from == to)
		return 0;
	host->pkt[from][to] = sani_spsc_create(SANI_MESH_PACKETS, sizeof(struct rte_mbuf *));
	return host->pkt[from][to] == NULL ? -ENOMEM : 0;
}

int
sani_mesh_open(struct sani_host *host)
{
	int rc = 0;

	for (unsigned int from = 0; from < host->nb_cores && rc == 0; from++)
		for (unsigned int to = 0; to < host->nb_cores && rc == 0; to++)
			rc = open_pair(host, from, to);
	return rc;
}

static void
drop_packets(struct sani_spsc *ring)
{
	const void *entry;
	struct rte_mbuf *m;

	while ((entry = sani_spsc_peek(ring)) != NULL) {
		memcpy(&m, entry, sizeof(m));
		rte_pktmbuf_free(m);
		sani_spsc_pop(ring);
	}
}

void
sani_mesh_stop(struct sani_host *host)
{
	for (unsigned int from = 0; from < host->nb_cores; from++)
		for (unsigned int to = 0; to < host->nb_cores; to++)
			if (host->pkt[from][to] != NULL)
				drop_packets(host->pkt[from][to]);
}

void
sani_mesh_end(struct sani_host *host)
{
	for (unsigned int from = 0; from < host->nb_cores; from++) {
		for (unsigned int to = 0; to < host->nb_cores; to++) {
			sani_spsc_destroy(host->msg[from][to]);
			sani_spsc_destroy(host->pkt[from][to]);
		}
	}
}

/* The true room: sani_spsc_room() may show less when the producer has not looked for a while. */
static uint32_t
count_room(const struct sani_spsc *ring)
{
	return ring->mask + 1 - (sani_spsc_tail(ring) - sani_spsc_head(ring));
}

void
sani_core_send(struct sani_core *core, unsigned int to_index, struct sani_msg *msg)
{
	msg->from = core->index;
	core->told |= UINT64_C(1) << to_index;
	if (sani_unlikely(!sani_spsc_put(core->host->msg[core->index][to_index], msg)))
		sani_count(&core->ctr, SANI_CTR_core_message_bad);
}

static void
take_neighbour(struct sani_core *core, const struct sani_msg *msg)
{
	struct sani_ip_io *io = sani_tx_io(core);
	struct sani_ip_engine *ip = core->priv->ip;

	switch (msg->kind) {
	case SANI_MSG_NEIGHBOUR_KNOWN:
		sani_ip_neighbour_set(ip, msg->iface, &msg->u.neighbour.ip, &msg->u.neighbour.mac, io);
		break;
	case SANI_MSG_NEIGHBOUR_LOST:
		sani_ip_neighbour_set(ip, msg->iface, &msg->u.neighbour.ip, NULL, io);
		break;
	case SANI_MSG_NEIGHBOUR_WANT:
		sani_ip_neighbour_want(ip, msg->iface, &msg->u.neighbour.ip, io);
		break;
	case SANI_MSG_NEIGHBOUR_DOUBT:
		sani_ip_neighbour_doubt(ip, msg->iface, &msg->u.neighbour.ip, io);
		break;
	default:
		sani_count(&core->ctr, SANI_CTR_core_message_bad);
		break;
	}
	sani_tx_sweep(core);
}

/* One message of a ring. The place is given back first: what takes the message may send. */
static bool
take_message(struct sani_core *core, struct sani_spsc *ring)
{
	const void *entry = sani_spsc_peek(ring);
	struct sani_msg msg;

	if (entry == NULL)
		return false;
	memcpy(&msg, entry, sizeof(msg));
	sani_spsc_pop(ring);
	if (msg.kind >= SANI_MSG_SOCK)
		core->up->message(core, &msg);
	else
		take_neighbour(core, &msg);
	return true;
}

unsigned int
sani_mesh_take(struct sani_core *core)
{
	struct sani_host *host = core->host;
	unsigned int n = 0;
	unsigned int before;

	do {
		before = n;
		for (unsigned int from = 0; from < host->nb_cores; from++)
			while (n < SANI_MESH_MESSAGES && take_message(core, host->msg[from][core->index]))
				n++;
	} while (n != before && n < SANI_MESH_MESSAGES);
	return n;
}

static void
send_news(struct sani_core *core, unsigned int to, const struct sani_ip_news *news, uint8_t kind)
{
	struct sani_msg msg = { .kind = kind, .iface = news->iface };

	if (count_room(core->host->msg[core->index][to]) <= count_reserved(core->host)) {
		sani_count(&core->ctr, SANI_CTR_core_news_drop);
		return;
	}
	msg.u.neighbour.ip = news->ip;
	msg.u.neighbour.mac = news->mac;
	sani_core_send(core, to, &msg);
}

static void
broadcast_news(struct sani_core *core, const struct sani_ip_news *news, uint8_t kind)
{
	for (unsigned int to = 0; to < core->host->nb_cores; to++)
		if (to != core->index)
			send_news(core, to, news, kind);
}

void
sani_mesh_news(struct sani_core *core)
{
	struct sani_ip_io *io = &core->priv->io;

	for (unsigned int i = 0; i < io->nb_news; i++) {
		const struct sani_ip_news *news = &io->news[i];

		if (news->kind == SANI_IP_KNOWN)
			broadcast_news(core, news, SANI_MSG_NEIGHBOUR_KNOWN);
		else if (news->kind == SANI_IP_LOST)
			broadcast_news(core, news, SANI_MSG_NEIGHBOUR_LOST);
		else if (news->kind == SANI_IP_FOUND)
			sani_hop_found(core, &news->ip);
		else if (core->index != 0)
			send_news(core, 0, news, news->kind == SANI_IP_DOUBT ?
				  SANI_MSG_NEIGHBOUR_DOUBT : SANI_MSG_NEIGHBOUR_WANT);
	}
	io->nb_news = 0;
}

void
sani_mesh_hand(struct sani_core *core, unsigned int to, struct rte_mbuf *m)
{
	core->told |= UINT64_C(1) << to;
	if (sani_spsc_put(core->host->pkt[core->index][to], &m)) {
		sani_count(&core->ctr, SANI_CTR_core_handover);
		return;
	}
	sani_count(&core->ctr, SANI_CTR_core_handover_drop);
	rte_pktmbuf_free(m);
}
