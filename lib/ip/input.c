/* SPDX-License-Identifier: BSD-3-Clause */
#include <netinet/in.h>

#include <rte_byteorder.h>
#include <rte_log.h>
#include <rte_tcp.h>

#include "ip/priv.h"
#include "port/port.h"
#include "wire/cksum.h"
#include "wire/icmp4.h"

/* So many TCP segments with a wrong checksum, and no right one before, say what is the matter. */
#define CKSUM_WATCH 64
#define CKSUM_DECIDED UINT8_MAX

#define TCP_HDR_MIN 20
#define UDP_HDR 8

/* A port's word is taken for "good" only, and only where the port promises to know. */
static bool
is_cksum_trusted(const struct sani_iface *ifc, const struct rte_mbuf *m, uint64_t mask,
		 uint64_t good)
{
	return (ifc->caps & SANI_PORT_RX_CKSUM) && (m->ol_flags & mask) == good;
}

/*
 * A kernel that leaves checksums to a device that does not exist (veth, tap without them) is the one
 * thing that makes every segment fail. Said once for each interface, since nothing else would show it.
 */
static void
watch_cksums(struct sani_ip_engine *ip, unsigned int iface, bool ok)
{
	uint8_t *bad = &ip->bad_cksums[iface];

	if (sani_likely(*bad == CKSUM_DECIDED))
		return;
	if (ok) {
		*bad = CKSUM_DECIDED;
		return;
	}
	if (++*bad < CKSUM_WATCH)
		return;
	*bad = CKSUM_DECIDED;
	rte_log(RTE_LOG_WARNING, RTE_LOGTYPE_USER1,
		"interface %s: the first %d TCP segments all had a wrong checksum: the peer has checksum "
		"offload on. Run: ethtool -K <peer device> tx off gso off tso off\n",
		ip->ifaces[iface].name, CKSUM_WATCH);
}

static bool
is_tcp_cksum_ok(struct sani_ip_engine *ip, const struct sani_ip_rx *rx,
		const struct sani_tuple *tuple)
{
	bool ok = is_cksum_trusted(&ip->ifaces[rx->iface], rx->m, RTE_MBUF_F_RX_L4_CKSUM_MASK,
				   RTE_MBUF_F_RX_L4_CKSUM_GOOD) ||
		  sani_cksum_l4_ok(rx->m, rx->l4_off, rx->l4_len, &tuple->remote, &tuple->local,
				   IPPROTO_TCP);

	watch_cksums(ip, rx->iface, ok);
	return ok;
}

static enum sani_ip_verdict
take_tcp(struct sani_ip_engine *ip, const struct sani_ip_rx *rx, struct sani_ip_io *io,
	 struct sani_ip_pkt *pkt)
{
	uint16_t ports_be[2];

	if (rx->l4_len < TCP_HDR_MIN)
		return sani_ip_drop(rx->m, io, SANI_CTR_tcp_rx_bad_header);
	memcpy(ports_be, rte_pktmbuf_mtod_offset(rx->m, const uint8_t *, rx->l4_off),
	       sizeof(ports_be));
	*pkt = (struct sani_ip_pkt){
		.tuple = {
			.local = sani_ip_from_v4(rx->h.dst_be),
			.remote = sani_ip_from_v4(rx->h.src_be),
			.local_port = rte_be_to_cpu_16(ports_be[1]),
			.remote_port = rte_be_to_cpu_16(ports_be[0]),
		},
		.l4_off = rx->l4_off,
		.l4_len = rx->l4_len,
		.iface = rx->iface,
		.tos = rx->h.tos,
		.nonunicast = rx->nonunicast,
	};
	if (!is_tcp_cksum_ok(ip, rx, &pkt->tuple))
		return sani_ip_drop(rx->m, io, SANI_CTR_tcp_rx_bad_checksum);
	return SANI_IP_TCP;
}

/* Is it a whole UDP datagram? One that is not sound has no port that could be unreachable. */
static bool
is_udp_sound(const struct sani_ip_rx *rx)
{
	union sani_ip src = sani_ip_from_v4(rx->h.src_be);
	union sani_ip dst = sani_ip_from_v4(rx->h.dst_be);
	uint16_t words_be[4];
	uint16_t len;

	if (rx->l4_len < UDP_HDR)
		return false;
	memcpy(words_be, rte_pktmbuf_mtod_offset(rx->m, const uint8_t *, rx->l4_off),
	       sizeof(words_be));
	len = rte_be_to_cpu_16(words_be[2]);
	if (len < UDP_HDR || len > rx->l4_len)
		return false;
	return words_be[3] == 0 || sani_cksum_l4_ok(rx->m, rx->l4_off, len, &src, &dst, IPPROTO_UDP);
}

static enum sani_ip_verdict
take_payload(struct sani_ip_engine *ip, const struct sani_ip_rx *rx, struct sani_ip_io *io,
	     struct sani_ip_pkt *pkt)
{
	switch (rx->h.proto) {
	case IPPROTO_TCP:
		return take_tcp(ip, rx, io, pkt);
	case IPPROTO_ICMP:
		return sani_ip_icmp_input(ip, rx, io, pkt);
	case IPPROTO_UDP:
		if (is_udp_sound(rx))
			sani_ip_icmp_unreachable(ip, rx, SANI_ICMP4_UNREACHABLE_PORT, io);
		break;
	default:
		sani_ip_icmp_unreachable(ip, rx, SANI_ICMP4_UNREACHABLE_PROTOCOL, io);
		break;
	}
	return sani_ip_drop(rx->m, io, SANI_CTR_ip4_rx_drop_protocol);
}

/* RFC 1122 3.2.1.3: one host, and not us. */
static inline bool
is_source_ok(const struct sani_ip_engine *ip, unsigned int iface, uint32_t src_be)
{
	return sani_ip_is_host(src_be) && !sani_ip_is_broadcast(ip, iface, src_be) && !sani_ip_is_ours(ip, src_be);
}

/*
 * RFC 1122 3.2.1.3: the source is one host, and not us; the destination is the address of this
 * interface (the strong model of 3.3.4.2) or a broadcast of its network.
 */
static bool
are_addresses_ok(const struct sani_ip_engine *ip, struct sani_ip_rx *rx)
{
	if (!is_source_ok(ip, rx->iface, rx->h.src_be))
		return false;
	if (sani_likely(rx->h.dst_be == ip->nets[rx->iface].addr_be))
		return true;
	rx->nonunicast = true;
	return sani_ip_is_broadcast(ip, rx->iface, rx->h.dst_be);
}

static enum sani_counter
counter_of(enum sani_ip4_parse parse)
{
	return parse == SANI_IP4_PARSE_SOURCE_ROUTE ? SANI_CTR_ip4_rx_drop_option :
						      SANI_CTR_ip4_rx_bad_header;
}

static enum sani_ip_verdict
take_ip4(struct sani_ip_engine *ip, struct sani_ip_rx *rx, struct sani_ip_io *io,
	 struct sani_ip_pkt *pkt)
{
	struct rte_mbuf *m = rx->m;
	const uint8_t *p = rte_pktmbuf_mtod_offset(m, const uint8_t *, SANI_ETH_HDR);
	enum sani_ip4_parse parse = sani_ip4_parse(p, m->data_len - (uint32_t)SANI_ETH_HDR,
						   m->pkt_len - SANI_ETH_HDR, &rx->h);

	if (parse == SANI_IP4_PARSE_HEADER)
		return sani_ip_drop(m, io, SANI_CTR_ip4_rx_bad_header);
	if (!is_cksum_trusted(&ip->ifaces[rx->iface], m, RTE_MBUF_F_RX_IP_CKSUM_MASK,
			      RTE_MBUF_F_RX_IP_CKSUM_GOOD) && !sani_ip4_cksum_ok(p, rx->h.hdr_len))
		return sani_ip_drop(m, io, SANI_CTR_ip4_rx_bad_checksum);
	if (parse != SANI_IP4_PARSE_OK)
		return sani_ip_drop(m, io, counter_of(parse));
	if (!are_addresses_ok(ip, rx))
		return sani_ip_drop(m, io, SANI_CTR_ip4_rx_drop_address);
	if (rx->h.frag & (SANI_IP4_MF | SANI_IP4_OFFSET))
		return sani_ip_drop(m, io, SANI_CTR_ip4_rx_drop_fragment);
	rx->l4_off = (uint16_t)(SANI_ETH_HDR + rx->h.hdr_len);
	rx->l4_len = (uint16_t)(rx->h.total_len - rx->h.hdr_len);
	sani_ip_trim(m, SANI_ETH_HDR + (uint32_t)rx->h.total_len);
	return take_payload(ip, rx, io, pkt);
}

/* The octets of a plain frame: for us alone, IPv4 without options, a whole TCP segment, all in one piece. */
struct plain {
	struct sani_ip_hdrs h;
	struct rte_tcp_hdr tcp;
} __attribute__((packed));

static inline bool
is_plain(const struct sani_ip_engine *ip, unsigned int iface, const struct rte_mbuf *m, const struct plain *p)
{
	uint16_t len;

	if (m->data_len < sizeof(*p) || m->data_len != m->pkt_len)
		return false;
	len = rte_be_to_cpu_16(p->h.ip4.total_length);
	return memcmp(p->h.eth_dst, &ip->ifaces[iface].mac, sizeof(p->h.eth_dst)) == 0 &&
	       p->h.eth_type_be == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) &&
	       p->h.ip4.version_ihl == RTE_IPV4_VHL_DEF && p->h.ip4.next_proto_id == IPPROTO_TCP &&
	       (p->h.ip4.fragment_offset & rte_cpu_to_be_16(SANI_IP4_MF | SANI_IP4_OFFSET)) == 0 &&
	       p->h.ip4.dst_addr == ip->nets[iface].addr_be &&
	       len >= SANI_IP4_HDR_MIN + TCP_HDR_MIN && SANI_ETH_HDR + (uint32_t)len <= m->data_len;
}

static inline bool
are_plain_sums_ok(const struct sani_iface *ifc, const struct rte_mbuf *m, const struct plain *p, uint16_t l4_len)
{
	if (!is_cksum_trusted(ifc, m, RTE_MBUF_F_RX_IP_CKSUM_MASK, RTE_MBUF_F_RX_IP_CKSUM_GOOD) &&
	    sani_ip4_sum((const uint8_t *)&p->h.ip4) != 0xffff)
		return false;
	return is_cksum_trusted(ifc, m, RTE_MBUF_F_RX_L4_CKSUM_MASK, RTE_MBUF_F_RX_L4_CKSUM_GOOD) ||
	       sani_cksum_l4(m, sizeof(struct sani_ip_hdrs), l4_len,
			     sani_cksum_pseudo4(p->h.ip4.src_addr, p->h.ip4.dst_addr, IPPROTO_TCP, l4_len)) == 0xffff;
}

/* In one go, as they are read when the tuple is hashed: a load of what was stored in pieces waits for all of them. */
static inline void
set_ports(struct sani_tuple *t, uint16_t local, uint16_t remote)
{
	uint64_t ports = rte_cpu_to_le_64((uint64_t)remote << 16 | local);

	memcpy(&t->local_port, &ports, sizeof(ports));
}

/* Of a plain frame, what is_source_ok() finds out, asked anew when another source than the last has spoken. */
static inline bool
is_plain_source_ok(struct sani_ip_engine *ip, unsigned int iface, uint32_t src_be)
{
	struct sani_ip_net *net = &ip->nets[iface];

	if (sani_likely(src_be == net->source_be))
		return true;
	if (!is_source_ok(ip, iface, src_be))
		return false;
	net->source_be = src_be;
	return true;
}

/*
 * Nearly every frame is plain, sound and wanted: this is all that there is to do about it. Of any other nothing has
 * happened when the answer is no; take_frame() finds out what is the matter, and counts it.
 */
static inline bool
take_plain(struct sani_ip_engine *ip, struct rte_mbuf *m, uint8_t iface, struct sani_ip_pkt *pkt)
{
	const struct plain *p = rte_pktmbuf_mtod(m, const struct plain *);
	uint16_t l4_len;

	if (!is_plain(ip, iface, m, p) || !is_plain_source_ok(ip, iface, p->h.ip4.src_addr) ||
	    ip->bad_cksums[iface] != CKSUM_DECIDED)
		return false;
	l4_len = (uint16_t)(rte_be_to_cpu_16(p->h.ip4.total_length) - SANI_IP4_HDR_MIN);
	if (!are_plain_sums_ok(&ip->ifaces[iface], m, p, l4_len))
		return false;
	*pkt = (struct sani_ip_pkt){
		.tuple = {
			.local = sani_ip_from_v4(p->h.ip4.dst_addr),
			.remote = sani_ip_from_v4(p->h.ip4.src_addr),
		},
		.l4_off = sizeof(struct sani_ip_hdrs),
		.l4_len = l4_len,
		.iface = iface,
		.tos = p->h.ip4.type_of_service,
	};
	set_ports(&pkt->tuple, rte_be_to_cpu_16(p->tcp.dst_port), rte_be_to_cpu_16(p->tcp.src_port));
	if (m->pkt_len != sizeof(struct sani_ip_hdrs) + l4_len)
		sani_ip_trim(m, (uint32_t)sizeof(struct sani_ip_hdrs) + l4_len);
	return true;
}

static SANI_SELDOM enum sani_ip_verdict
take_frame(struct sani_ip_engine *ip, struct rte_mbuf *m, uint8_t iface, struct sani_ip_io *io,
	   struct sani_ip_pkt *pkt)
{
	struct sani_ip_rx rx = { .m = m, .iface = iface };
	struct sani_eth eth;

	if (!sani_ip_pull(m, SANI_IP_PULL))
		return sani_ip_drop(m, io, SANI_CTR_core_drop_nomem);
	if (!sani_eth_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, &eth))
		return sani_ip_drop(m, io, SANI_CTR_eth_rx_bad);
	rx.nonunicast = rte_is_multicast_ether_addr(&eth.dst);
	if (!rx.nonunicast && !rte_is_same_ether_addr(&eth.dst, &ip->ifaces[iface].mac))
		return sani_ip_drop(m, io, SANI_CTR_eth_rx_bad);
	switch (eth.type) {
	case RTE_ETHER_TYPE_IPV4:
		return take_ip4(ip, &rx, io, pkt);
	case RTE_ETHER_TYPE_ARP:
		return ip->is_control ? sani_ip_arp_input(ip, m, iface, io) : SANI_IP_CONTROL;
	default:
		return sani_ip_drop(m, io, SANI_CTR_eth_rx_drop_type);
	}
}

enum sani_ip_verdict
sani_ip_input(struct sani_ip_engine *ip, struct rte_mbuf *m, uint8_t iface, struct sani_ip_io *io,
	      struct sani_ip_pkt *pkt)
{
	if (sani_likely(take_plain(ip, m, iface, pkt)))
		return SANI_IP_TCP;
	return take_frame(ip, m, iface, io, pkt);
}
