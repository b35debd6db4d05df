/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_ip.h>

#include "ip/priv.h"

/* RFC 5227 1.1: DEFEND_INTERVAL, 10 s. */
#define DEFEND_INTERVAL_US 10000000

static const struct rte_ether_addr broadcast = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };
static const struct rte_ether_addr nobody;

static void
send_arp(struct sani_ip_engine *ip, unsigned int iface, const struct rte_ether_addr *to,
	 const struct sani_arp *arp, struct sani_ip_io *io)
{
	struct sani_eth eth = { .dst = *to, .src = arp->sha, .type = RTE_ETHER_TYPE_ARP };
	struct rte_mbuf *m = rte_pktmbuf_alloc(io->pool);
	char *p;

	if (m == NULL) {
		sani_count(io->ctr, SANI_CTR_core_drop_nomem);
		return;
	}
	p = rte_pktmbuf_append(m, SANI_ETH_HDR + SANI_ARP_LEN);
	if (p == NULL) {
		sani_ip_drop(m, io, SANI_CTR_core_drop_nomem);
		return;
	}
	sani_eth_write((uint8_t *)p, &eth);
	sani_arp_write((uint8_t *)p + SANI_ETH_HDR, arp);
	m->port = ip->ifaces[iface].port_id;
	sani_count(io->ctr, arp->op == SANI_ARP_REQUEST ? SANI_CTR_arp_tx_request :
							  SANI_CTR_arp_tx_reply);
	sani_ip_emit(io, m);
}

void
sani_ip_arp_request(struct sani_ip_engine *ip, unsigned int iface, uint32_t addr_be,
		    const struct rte_ether_addr *to, struct sani_ip_io *io)
{
	struct sani_arp arp = {
		.op = SANI_ARP_REQUEST,
		.sha = ip->ifaces[iface].mac,
		.spa_be = ip->nets[iface].addr_be,
		.tha = to != NULL ? *to : nobody,
		.tpa_be = addr_be,
	};

	send_arp(ip, iface, to != NULL ? to : &broadcast, &arp, io);
}

static void
send_reply(struct sani_ip_engine *ip, unsigned int iface, const struct sani_arp *req,
	   struct sani_ip_io *io)
{
	struct sani_arp arp = {
		.op = SANI_ARP_REPLY,
		.sha = ip->ifaces[iface].mac,
		.spa_be = ip->nets[iface].addr_be,
		.tha = req->sha,
		.tpa_be = req->spa_be,
	};

	send_arp(ip, iface, &req->sha, &arp, io);
}

/*
 * RFC 5227 2.4 (c): a host that must keep its address defends it with one announcement, and not again
 * before DEFEND_INTERVAL has passed, so that two such hosts do not storm.
 */
static void
defend(struct sani_ip_engine *ip, unsigned int iface, struct sani_ip_io *io)
{
	if (io->now_us < ip->defend_us[iface])
		return;
	ip->defend_us[iface] = io->now_us + DEFEND_INTERVAL_US;
	sani_ip_arp_request(ip, iface, ip->nets[iface].addr_be, NULL, io);
}

/*
 * RFC 826, "Packet Reception": an entry that is there is refreshed; a new one is made only by a
 * request to us. So an answer that nobody asked for teaches nothing, nor does a gratuitous packet.
 */
static bool
learn(struct sani_ip_engine *ip, unsigned int iface, const struct sani_arp *arp,
      struct sani_ip_io *io)
{
	bool asks_us = arp->op == SANI_ARP_REQUEST && arp->tpa_be == ip->nets[iface].addr_be;
	union sani_ip spa = sani_ip_from_v4(arp->spa_be);

	if (!sani_ip_on_link(ip, iface, arp->spa_be) && arp->spa_be != ip->nets[iface].gateway_be)
		return false;
	return sani_ip_neigh_heard(ip, iface, &spa, &arp->sha, asks_us, io);
}

static enum sani_ip_verdict
take(struct sani_ip_engine *ip, struct rte_mbuf *m, unsigned int iface, const struct sani_arp *arp,
     struct sani_ip_io *io)
{
	bool asks_us = arp->op == SANI_ARP_REQUEST && arp->tpa_be == ip->nets[iface].addr_be;
	bool taken = false;

	/* An address of all zero is a probe (RFC 5227 2.1.1): it is answered, but names nobody. */
	if (arp->spa_be != 0)
		taken = learn(ip, iface, arp, io);
	if (asks_us)
		send_reply(ip, iface, arp, io);
	if (!taken && !asks_us)
		return sani_ip_drop(m, io, SANI_CTR_arp_rx_drop);
	rte_pktmbuf_free(m);
	return SANI_IP_DONE;
}

enum sani_ip_verdict
sani_ip_arp_input(struct sani_ip_engine *ip, struct rte_mbuf *m, uint8_t iface,
		  struct sani_ip_io *io)
{
	const uint8_t *p = rte_pktmbuf_mtod_offset(m, const uint8_t *, SANI_ETH_HDR);
	struct sani_arp arp;

	if (!sani_arp_parse(p, m->data_len - (uint32_t)SANI_ETH_HDR, &arp))
		return sani_ip_drop(m, io, SANI_CTR_arp_rx_bad);
	if (arp.spa_be != 0 && (!sani_ip_is_host(arp.spa_be) ||
				sani_ip_is_broadcast(ip, iface, arp.spa_be)))
		return sani_ip_drop(m, io, SANI_CTR_arp_rx_bad);
	if (rte_is_same_ether_addr(&arp.sha, &ip->ifaces[iface].mac) &&
	    arp.spa_be == ip->nets[iface].addr_be)
		return sani_ip_drop(m, io, SANI_CTR_arp_rx_drop);	/* our own, come back */
	if (arp.spa_be == ip->nets[iface].addr_be) {
		defend(ip, iface, io);
		return sani_ip_drop(m, io, SANI_CTR_arp_rx_conflict);
	}
	return take(ip, m, iface, &arp, io);
}
