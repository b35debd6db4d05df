/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <netinet/in.h>

#include <rte_ip.h>
#include <rte_tcp.h>

#include "ip/priv.h"
#include "port/port.h"
#include "wire/cksum.h"

#define TCP_CKSUM_OFF offsetof(struct rte_tcp_hdr, cksum)

/* m begins at the TCP header. The port wants the pseudo header's sum where the checksum goes. */
static void
fill_tcp_cksum(const struct sani_iface *ifc, struct rte_mbuf *m, const union sani_ip *src,
	       const union sani_ip *dst)
{
	struct rte_tcp_hdr *th = rte_pktmbuf_mtod(m, struct rte_tcp_hdr *);
	uint16_t pseudo = sani_cksum_pseudo(src, dst, IPPROTO_TCP, m->pkt_len);
	uint16_t sum = 0;

	if (ifc->caps & SANI_PORT_TX_TCP_CKSUM) {
		m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM;
		m->l4_len = (th->data_off >> 4) * 4;
		memcpy((uint8_t *)th + TCP_CKSUM_OFF, &pseudo, sizeof(pseudo));
		return;
	}
	memcpy((uint8_t *)th + TCP_CKSUM_OFF, &sum, sizeof(sum));
	sum = (uint16_t)~sani_cksum_add(pseudo, sani_cksum_mbuf(m, 0, m->pkt_len));
	memcpy((uint8_t *)th + TCP_CKSUM_OFF, &sum, sizeof(sum));
}

/* RFC 6864 4.1: the id of a datagram that cannot be fragmented may be anything. */
static void
write_ip4(struct sani_ip_engine *ip, const struct sani_iface *ifc, struct rte_mbuf *m,
	  const union sani_ip *src, const struct sani_ip_out *out)
{
	struct sani_ip4 h = {
		.tos = out->tos,
		.ttl = out->ttl,
		.proto = out->proto,
		.total_len = (uint16_t)m->pkt_len,
		.id = out->df ? 0 : (uint16_t)sani_ip_random(ip),
		.frag = out->df ? SANI_IP4_DF : 0,
		.src_be = sani_ip_v4_be(src),
		.dst_be = sani_ip_v4_be(&out->dst),
	};
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

	sani_ip4_write(p, &h);
	if (ifc->caps & SANI_PORT_TX_IP4_CKSUM)
		m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
	else
		sani_ip4_cksum_fill(p);
}

/* The destination is filled by who knows the neighbour. */
static void
write_eth(const struct sani_iface *ifc, struct rte_mbuf *m)
{
	struct sani_eth eth = { .src = ifc->mac, .type = RTE_ETHER_TYPE_IPV4 };

	sani_eth_write(rte_pktmbuf_mtod(m, uint8_t *), &eth);
}

static bool
write_headers(struct sani_ip_engine *ip, const struct sani_iface *ifc, struct rte_mbuf *m,
	      const struct sani_ip_out *out)
{
	union sani_ip src = sani_ip_is_any(&out->src) ? ifc->addr : out->src;

	/* What a received mbuf brought along is not for the way out. */
	m->ol_flags &= RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;
	m->tx_offload = 0;
	m->port = ifc->port_id;
	if (m->nb_segs > 1 && !(ifc->caps & SANI_PORT_MULTI_SEG) && rte_pktmbuf_linearize(m) != 0)
		return false;
	if (rte_pktmbuf_headroom(m) < SANI_IP4_HDR_MIN + SANI_ETH_HDR)
		return false;
	if (out->proto == IPPROTO_TCP) {
		if (m->data_len < sizeof(struct rte_tcp_hdr))
			return false;
		fill_tcp_cksum(ifc, m, &src, &out->dst);
	}
	m->l2_len = SANI_ETH_HDR;
	m->l3_len = SANI_IP4_HDR_MIN;
	(void)rte_pktmbuf_prepend(m, SANI_IP4_HDR_MIN);
	write_ip4(ip, ifc, m, &src, out);
	(void)rte_pktmbuf_prepend(m, SANI_ETH_HDR);
	write_eth(ifc, m);
	return true;
}

int
sani_ip_output(struct sani_ip_engine *ip, struct rte_mbuf *m, const struct sani_ip_out *out,
	       struct sani_ip_io *io)
{
	const struct sani_iface *ifc;
	struct sani_ip_hop hop;

	if (sani_ip_find_hop(ip, &out->dst, &out->src, &hop) < 0) {
		sani_ip_drop(m, io, SANI_CTR_ip4_tx_drop_route);
		return -ENETUNREACH;
	}
	ifc = &ip->ifaces[hop.iface];
	if (m->pkt_len + SANI_IP4_HDR_MIN > ifc->mtu) {
		sani_ip_drop(m, io, SANI_CTR_ip4_tx_drop_size);
		return -EMSGSIZE;
	}
	if (!write_headers(ip, ifc, m, out)) {
		sani_ip_drop(m, io, SANI_CTR_core_drop_nomem);
		return 0;
	}
	return sani_ip_neigh_send(ip, &hop, m, io);
}
