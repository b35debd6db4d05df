/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "ip/priv.h"

/* RFC 5227 1.1: ANNOUNCE_NUM is 2, ANNOUNCE_INTERVAL 2 s. */
#define ANNOUNCE_INTERVAL_US 2000000

struct sani_ip_engine *
sani_ip_create(const struct sani_iface *ifaces, unsigned int nb, bool is_control,
	       const uint8_t key[16])
{
	struct sani_ip_engine *ip = calloc(1, sizeof(*ip));

	if (ip == NULL)
		return NULL;
	ip->ifaces = ifaces;
	ip->nb_ifaces = nb;
	ip->is_control = is_control;
	memcpy(ip->key, key, sizeof(ip->key));
	ip->announce_us = SANI_NEVER;
	ip->due_us = SANI_NEVER;
	sani_ip_init_nets(ip);
	sani_ip_limit_init(ip);
	sani_ip_hold_init(ip);
	sani_ip_neigh_init(ip);
	return ip;
}

void
sani_ip_destroy(struct sani_ip_engine *ip)
{
	if (ip == NULL)
		return;
	sani_ip_neigh_fini(ip);
	free(ip);
}

void
sani_ip_emit(struct sani_ip_io *io, struct rte_mbuf *m)
{
	if (sani_likely(io->nb_tx < io->max_tx)) {
		io->tx[io->nb_tx++] = m;
		return;
	}
	sani_count(io->ctr, SANI_CTR_port_tx_drop);
	rte_pktmbuf_free(m);
}

void
sani_ip_tell(struct sani_ip_io *io, enum sani_ip_news_kind kind, const struct sani_ip_neigh *n)
{
	if (io->nb_news >= RTE_DIM(io->news))
		return;
	io->news[io->nb_news++] = (struct sani_ip_news){
		.kind = (uint8_t)kind,
		.iface = n->iface,
		.ip = n->addr,
		.mac = n->mac,
	};
}

/* RFC 5227 2.3: a request whose sender and target are both the address announced. */
static void
announce_all(struct sani_ip_engine *ip, struct sani_ip_io *io)
{
	for (unsigned int i = 0; i < ip->nb_ifaces; i++)
		sani_ip_arp_request(ip, i, ip->nets[i].addr_be, NULL, io);
}

void
sani_ip_announce(struct sani_ip_engine *ip, struct sani_ip_io *io)
{
	announce_all(ip, io);
	ip->announce_us = io->now_us + ANNOUNCE_INTERVAL_US;
}

/* How many frames may an expired neighbour send? 0 as well: there is no room for what it may tell. */
static unsigned int
count_room(const struct sani_ip_io *io, uint16_t first_tx)
{
	unsigned int sent = io->nb_tx - first_tx;

	if (sent >= SANI_IP_TX_ROOM || io->nb_news == RTE_DIM(io->news))
		return 0;
	return RTE_MIN(SANI_IP_TX_ROOM - sent, (unsigned int)io->max_tx - io->nb_tx);
}

static void
expire_neighbours(struct sani_ip_engine *ip, struct sani_ip_io *io)
{
	uint16_t first_tx = io->nb_tx;
	uint64_t due_us = SANI_NEVER;

	for (unsigned int i = 0; i < SANI_IP_NEIGHBOURS; i++) {
		struct sani_ip_neigh *n = &ip->neighs[i];

		if (n->state != SANI_IP_NEIGH_FREE && n->due_us <= io->now_us) {
			unsigned int most = count_room(io, first_tx);

			if (most == 0) {
				due_us = io->now_us;
				break;
			}
			sani_ip_neigh_expire(ip, n, most, io);
		}
		if (n->state != SANI_IP_NEIGH_FREE)
			due_us = RTE_MIN(due_us, n->due_us);
	}
	ip->due_us = due_us;
}

void
sani_ip_timer(struct sani_ip_engine *ip, struct sani_ip_io *io)
{
	if (io->now_us >= ip->announce_us) {
		ip->announce_us = SANI_NEVER;
		announce_all(ip, io);
		return;		/* eight interfaces fill a call; the rest is due at once */
	}
	if (io->now_us >= ip->due_us)
		expire_neighbours(ip, io);
}

uint64_t
sani_ip_deadline(const struct sani_ip_engine *ip)
{
	return RTE_MIN(ip->announce_us, ip->due_us);
}
