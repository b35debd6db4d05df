/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Plain packets: what sani_ip_output() does of nearly every one, in line for who sends most of them.
 */
#ifndef SANI_IP_PLAIN_H
#define SANI_IP_PLAIN_H

#include <netinet/in.h>

#include <rte_tcp.h>

#include "ip/engine.h"
#include "port/port.h"
#include "wire/cksum.h"

#define SANI_IP_HDRS ((uint16_t)sizeof(struct sani_ip_hdrs))

/** m begins at the TCP header, of len octets in all. The port wants the pseudo header's sum where the checksum goes. */
static inline void
sani_ip_fill_tcp_cksum(const struct sani_iface *ifc, struct rte_mbuf *m, uint32_t len, uint32_t src_be, uint32_t dst_be)
{
	struct rte_tcp_hdr *th = rte_pktmbuf_mtod(m, struct rte_tcp_hdr *);
	uint64_t pseudo = sani_cksum_pseudo4(src_be, dst_be, IPPROTO_TCP, (uint16_t)len);

	if (sani_likely(!(ifc->caps & SANI_PORT_TX_TCP_CKSUM))) {
		th->cksum = 0;
		th->cksum = (uint16_t)~sani_cksum_l4(m, 0, len, pseudo);
		return;
	}
	/* who cuts the packet knows how long its parts are */
	if (sani_unlikely(m->ol_flags & RTE_MBUF_F_TX_TCP_SEG))
		pseudo = sani_cksum_pseudo4(src_be, dst_be, IPPROTO_TCP, 0);
	m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM;
	m->l4_len = (th->data_off >> 4) * 4;
	th->cksum = sani_cksum_fold(pseudo);
}

/**
 * Nearly every packet is plain: a segment in one piece, with room before it, that is not to be fragmented, from an
 * address that its sender has named.
 */
static inline bool
sani_ip_is_plain(const struct sani_iface *ifc, const struct rte_mbuf *m, const struct sani_ip_out *out)
{
	return m->nb_segs == 1 && m->data_len + SANI_IP4_HDR_MIN <= ifc->mtu && m->data_off >= SANI_IP_HDRS &&
	       m->data_len >= sizeof(struct rte_tcp_hdr) && out->proto == IPPROTO_TCP && out->df &&
	       sani_ip_v4_be(&out->src) != 0;
}

/** Its IPv4 header, of len octets in all, in the words in which it is summed, if it is. */
static inline void
sani_ip_write_plain4(const struct sani_ip_out *out, uint16_t len, bool sums, struct rte_ipv4_hdr *h)
{
	uint64_t begin_be = rte_cpu_to_be_64((uint64_t)RTE_IPV4_VHL_DEF << 56 | (uint64_t)out->tos << 48 |
					     (uint64_t)len << 32 | SANI_IP4_DF);
	uint16_t life_be = rte_cpu_to_be_16((uint16_t)(out->ttl << 8 | IPPROTO_TCP));
	uint32_t src_be = sani_ip_v4_be(&out->src);
	uint32_t dst_be = sani_ip_v4_be(&out->dst);
	uint64_t sum = sani_cksum_add_wide(begin_be, (uint64_t)src_be + dst_be + life_be);

	memcpy(h, &begin_be, sizeof(begin_be));
	memcpy(&h->time_to_live, &life_be, sizeof(life_be));
	h->hdr_checksum = sani_likely(sums) ? (uint16_t)~sani_cksum_fold(sum) : 0;
	h->src_addr = src_be;
	h->dst_addr = dst_be;
}

/** Ethernet and IPv4 header, checksums: what output.c and sani_ip_neigh_give() write of it, in one go. */
static inline void
sani_ip_wrap_plain(const struct sani_iface *ifc, struct sani_ip_neigh *n, struct rte_mbuf *m,
		   const struct sani_ip_out *out)
{
	struct sani_ip_hdrs *h = rte_pktmbuf_mtod_offset(m, struct sani_ip_hdrs *, -(int)SANI_IP_HDRS);
	bool sums = !(ifc->caps & SANI_PORT_TX_IP4_CKSUM);
	uint16_t len = m->data_len;

	n->used = SANI_IP_USED;
	m->ol_flags &= RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;
	/* In the buffer's second line, which a peer over rings only reads: it stays in the caches of both. */
	if (ifc->caps & (SANI_PORT_TX_IP4_CKSUM | SANI_PORT_TX_TCP_CKSUM))
		m->tx_offload = rte_mbuf_tx_offload(SANI_ETH_HDR, SANI_IP4_HDR_MIN, 0, 0, 0, 0, 0);
	if (sani_unlikely(!sums))
		m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
	m->port = ifc->port_id;
	memcpy(h->eth_dst, &n->mac, sizeof(h->eth_dst));
	memcpy(h->eth_src, &ifc->mac, sizeof(h->eth_src));
	h->eth_type_be = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	sani_ip_write_plain4(out, (uint16_t)(len + SANI_IP4_HDR_MIN), sums, &h->ip4);
	sani_ip_fill_tcp_cksum(ifc, m, len, sani_ip_v4_be(&out->src), sani_ip_v4_be(&out->dst));
	m->data_off = (uint16_t)(m->data_off - SANI_IP_HDRS);
	m->data_len = (uint16_t)(len + SANI_IP_HDRS);
	m->pkt_len = (uint32_t)len + SANI_IP_HDRS;
}

/** Where the way to dst is remembered that was found last. */
static inline struct sani_ip_found *
sani_ip_place_found(struct sani_ip_engine *ip, const union sani_ip *dst)
{
	return &ip->found[rte_be_to_cpu_32(sani_ip_v4_be(dst)) % SANI_IP_RECALLED];
}

/**
 * A packet that is the first of its sender's goes mostly where others went before: the same clients connect again.
 * @return The way that was found last from src to dst; 0: none is remembered. It may be out of date.
 */
static inline uint32_t
sani_ip_recall_way(struct sani_ip_engine *ip, const union sani_ip *src, const union sani_ip *dst)
{
	const struct sani_ip_found *f = sani_ip_place_found(ip, dst);

	return f->dst_be == sani_ip_v4_be(dst) && f->src_be == sani_ip_v4_be(src) && sani_ip_is_v4(dst) ? f->way : 0;
}

/**
 * Make a frame of m, whose way is named.
 * @return The interface that it is to leave by; -1: nothing was done, sani_ip_output() has to find out.
 */
static inline int
sani_ip_frame_plain(struct sani_ip_engine *ip, struct rte_mbuf *m, const struct sani_ip_out *out)
{
	struct sani_ip_neigh *n = sani_ip_neigh_of_way(ip, *out->way);
	const struct sani_iface *ifc;

	if (sani_unlikely(n == NULL))
		return -1;
	ifc = &ip->ifaces[n->iface];
	if (sani_unlikely(!sani_ip_is_plain(ifc, m, out)))
		return -1;
	sani_ip_wrap_plain(ifc, n, m, out);
	return n->iface;
}

#endif
