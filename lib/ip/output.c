/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <netinet/in.h>

#include <rte_tcp.h>

#include "ip/plain.h"
#include "ip/priv.h"

/* Of a header without options whose checksum is 0, from the values that were just written. */
static inline uint16_t
cksum_of_ip4(const struct rte_ipv4_hdr *h)
{
	uint64_t sum = (uint64_t)h->src_addr + h->dst_addr + h->total_length + h->packet_id + h->fragment_offset;

	sum += rte_cpu_to_be_16((uint16_t)(h->version_ihl << 8 | h->type_of_service));
	sum += rte_cpu_to_be_16((uint16_t)(h->time_to_live << 8 | h->next_proto_id));
	return (uint16_t)~sani_cksum_fold(sum);
}

/* RFC 6864 4.1: the id of a datagram that cannot be fragmented may be anything. */
static void
write_ip4(struct sani_ip_engine *ip, const struct sani_iface *ifc, struct rte_mbuf *m, uint32_t src_be,
	  const struct sani_ip_out *out, struct rte_ipv4_hdr *at)
{
	struct rte_ipv4_hdr h = {
		.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = out->tos,
		.total_length = rte_cpu_to_be_16((uint16_t)(m->pkt_len + SANI_IP4_HDR_MIN)),
		.packet_id = out->df ? 0 : (uint16_t)sani_ip_random(ip),
		.fragment_offset = out->df ? rte_cpu_to_be_16(SANI_IP4_DF) : 0,
		.time_to_live = out->ttl,
		.next_proto_id = out->proto,
		.src_addr = src_be,
		.dst_addr = sani_ip_v4_be(&out->dst),
	};

	if (ifc->caps & SANI_PORT_TX_IP4_CKSUM)
		m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
	else
		h.hdr_checksum = cksum_of_ip4(&h);
	*at = h;
}

/* Is m longer than a packet may be, for the port to cut? Less is a whole packet, whatever flags came with it. */
static bool
is_cut(const struct sani_iface *ifc, const struct rte_mbuf *m)
{
	return m->pkt_len + SANI_IP4_HDR_MIN > ifc->mtu && (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) &&
	       (ifc->caps & SANI_PORT_TX_CUT);
}

/* Can the port send m as it is, or in one piece, and is there room for headers? */
static bool
make_fit(const struct sani_iface *ifc, struct rte_mbuf *m, const struct sani_ip_out *out)
{
	if (m->nb_segs > 1 && !(ifc->caps & SANI_PORT_MULTI_SEG) && rte_pktmbuf_linearize(m) != 0)
		return false;
	return rte_pktmbuf_headroom(m) >= SANI_IP_HDRS &&
	       (out->proto != IPPROTO_TCP || m->data_len >= sizeof(struct rte_tcp_hdr));
}

/* What a received mbuf brought along is not for the way out; what the layer above wants cut is. */
static void
clear_offloads(const struct sani_iface *ifc, struct rte_mbuf *m)
{
	bool cut = is_cut(ifc, m);
	uint16_t len = m->tso_segsz;

	m->ol_flags &= RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;
	m->tx_offload = 0;
	if (!cut)
		return;
	m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
	m->tso_segsz = len;
}

/* The destination's MAC is filled by who knows the neighbour. */
static bool
write_headers(struct sani_ip_engine *ip, const struct sani_iface *ifc, struct rte_mbuf *m,
	      const struct sani_ip_out *out)
{
	uint32_t src_be = sani_ip_v4_be(sani_ip_is_any(&out->src) ? &ifc->addr : &out->src);
	struct sani_ip_hdrs *h;

	clear_offloads(ifc, m);
	m->port = ifc->port_id;
	if (!make_fit(ifc, m, out))
		return false;
	if (out->proto == IPPROTO_TCP)
		sani_ip_fill_tcp_cksum(ifc, m, m->pkt_len, src_be, sani_ip_v4_be(&out->dst));
	m->l2_len = SANI_ETH_HDR;
	m->l3_len = SANI_IP4_HDR_MIN;
	h = rte_pktmbuf_mtod_offset(m, struct sani_ip_hdrs *, -(int)SANI_IP_HDRS);
	write_ip4(ip, ifc, m, src_be, out, &h->ip4);
	memcpy(h->eth_src, &ifc->mac, sizeof(h->eth_src));
	h->eth_type_be = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	m->data_off = (uint16_t)(m->data_off - SANI_IP_HDRS);
	m->data_len = (uint16_t)(m->data_len + SANI_IP_HDRS);
	m->pkt_len += SANI_IP_HDRS;
	return true;
}

/* Headers before a packet that leaves by an interface. 0, or it is dropped and counted (1: for lack of memory). */
static int
wrap(struct sani_ip_engine *ip, unsigned int iface, struct rte_mbuf *m, const struct sani_ip_out *out,
     struct sani_ip_io *io)
{
	const struct sani_iface *ifc = &ip->ifaces[iface];

	if (m->pkt_len + SANI_IP4_HDR_MIN > ifc->mtu && !is_cut(ifc, m)) {
		sani_ip_drop(m, io, SANI_CTR_ip4_tx_drop_size);
		return -EMSGSIZE;
	}
	if (!write_headers(ip, ifc, m, out)) {
		sani_ip_drop(m, io, SANI_CTR_core_drop_nomem);
		return 1;
	}
	return 0;
}

/* To a neighbour whose MAC is known. */
static inline __attribute__((always_inline)) int
send_to(struct sani_ip_engine *ip, struct sani_ip_neigh *n, struct rte_mbuf *m, const struct sani_ip_out *out,
	struct sani_ip_io *io)
{
	int rc;

	if (sani_likely(sani_ip_is_plain(&ip->ifaces[n->iface], m, out) && io->nb_tx < io->max_tx)) {
		sani_ip_wrap_plain(&ip->ifaces[n->iface], n, m, out);
		io->tx[io->nb_tx++] = m;
		return 0;
	}
	rc = wrap(ip, n->iface, m, out, io);
	if (sani_likely(rc == 0))
		sani_ip_neigh_give(n, m, io);
	return RTE_MIN(rc, 0);
}

static inline struct sani_ip_neigh *
recall(struct sani_ip_engine *ip, const struct sani_ip_out *out)
{
	return sani_ip_neigh_of_way(ip, sani_ip_recall_way(ip, &out->src, &out->dst));
}

static inline void
remember(struct sani_ip_engine *ip, const struct sani_ip_out *out, const struct sani_ip_neigh *n)
{
	*sani_ip_place_found(ip, &out->dst) = (struct sani_ip_found){
		.dst_be = sani_ip_v4_be(&out->dst), .src_be = sani_ip_v4_be(&out->src), .way = n->way,
	};
	if (out->way != NULL)
		*out->way = n->way;
}

/* Look for the way. */
static __attribute__((noinline)) int
output_anew(struct sani_ip_engine *ip, struct rte_mbuf *m, const struct sani_ip_out *out, struct sani_ip_io *io)
{
	struct sani_ip_neigh *n;
	struct sani_ip_hop hop;
	int rc;

	if (sani_ip_find_hop(ip, &out->dst, &out->src, &hop) < 0) {
		sani_ip_drop(m, io, SANI_CTR_ip4_tx_drop_route);
		return -ENETUNREACH;
	}
	n = sani_ip_neigh_known(ip, &hop);
	if (sani_likely(n != NULL)) {
		remember(ip, out, n);
		return send_to(ip, n, m, out, io);
	}
	rc = wrap(ip, hop.iface, m, out, io);
	if (rc != 0)
		return RTE_MIN(rc, 0);
	return sani_ip_neigh_hold(ip, &hop, m, io, out->way);
}

int
sani_ip_output(struct sani_ip_engine *ip, struct rte_mbuf *m, const struct sani_ip_out *out,
	       struct sani_ip_io *io)
{
	struct sani_ip_neigh *n = out->way != NULL ? sani_ip_neigh_of_way(ip, *out->way) : NULL;

	/* addresses and routes of a host never change: a way is good as long as its neighbour is the same */
	if (sani_unlikely(n == NULL)) {
		n = recall(ip, out);
		if (n != NULL && out->way != NULL)
			*out->way = n->way;
	}
	return sani_likely(n != NULL) ? send_to(ip, n, m, out, io) : output_anew(ip, m, out, io);
}
