/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet.h"

#include <string.h>

#include <rte_arp.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ring.h>

#define CACHE 256
#define DESCRIPTORS 1024
#define TRIES 10000
#define SHORT_MTU 1500u
#define LONG_MBUFS 4096u	/* those under way at most, what the rings hold, and caches */

bool
packet_end_open(struct packet_end *e, uint16_t port, const char *name, unsigned int mbufs)
{
	const struct rte_eth_conf conf = { .rxmode = { .mq_mode = RTE_ETH_MQ_RX_NONE } };
	uint16_t nb_rx = DESCRIPTORS, nb_tx = DESCRIPTORS;

	e->port = port;
	e->pool = rte_mempool_lookup(name);
	if (e->pool == NULL)
		e->pool = rte_pktmbuf_pool_create(name, mbufs, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (e->pool == NULL || rte_eth_dev_configure(port, 1, 1, &conf) != 0 ||
	    rte_eth_dev_adjust_nb_rx_tx_desc(port, &nb_rx, &nb_tx) != 0 ||
	    rte_eth_rx_queue_setup(port, 0, nb_rx, (unsigned int)SOCKET_ID_ANY, NULL, e->pool) != 0 ||
	    rte_eth_tx_queue_setup(port, 0, nb_tx, (unsigned int)SOCKET_ID_ANY, NULL) != 0 ||
	    rte_eth_dev_start(port) != 0) {
		prog_complain("port %u cannot be set up.", port);
		return false;
	}
	rte_eth_macaddr_get(port, &e->mac);
	return true;
}

void
packet_end_close(struct packet_end *e)
{
	rte_eth_dev_stop(e->port);
}

static bool
make_long_pool(struct packet_end *e, const char *name, uint32_t mtu)
{
	uint16_t room = (uint16_t)(RTE_PKTMBUF_HEADROOM + RTE_ALIGN(sizeof(struct rte_ether_hdr) + mtu, 64));

	e->long_pool = rte_pktmbuf_pool_create(name, LONG_MBUFS, CACHE, 0, room, SOCKET_ID_ANY);
	if (e->long_pool == NULL)
		prog_complain("no memory for %u packets of %u bytes.", LONG_MBUFS, mtu);
	return e->long_pool != NULL;
}

bool
packet_pair_open(struct packet_end ends[2], unsigned int mbufs, uint32_t mtu)
{
	struct rte_ring *a = rte_ring_create("floor_a", DESCRIPTORS, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	struct rte_ring *b = rte_ring_create("floor_b", DESCRIPTORS, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	int ports[2];

	if (a == NULL || b == NULL) {
		prog_complain("no memory for rings.");
		return false;
	}
	ports[0] = rte_eth_from_rings("floor0", &a, 1, &b, 1, (unsigned int)SOCKET_ID_ANY);
	ports[1] = rte_eth_from_rings("floor1", &b, 1, &a, 1, (unsigned int)SOCKET_ID_ANY);
	if (ports[0] < 0 || ports[1] < 0) {
		prog_complain("no ports over rings.");
		return false;
	}
	ends[0].ip_be = rte_cpu_to_be_32(RTE_IPV4(10, 9, 0, 1));
	ends[1].ip_be = rte_cpu_to_be_32(RTE_IPV4(10, 9, 0, 2));
	if (mtu > SHORT_MTU && !(make_long_pool(&ends[0], "floor_long_a", mtu) &&
				 make_long_pool(&ends[1], "floor_long_b", mtu)))
		return false;
	return packet_end_open(&ends[0], (uint16_t)ports[0], "floor_pool_a", mbufs) &&
	       packet_end_open(&ends[1], (uint16_t)ports[1], "floor_pool_b", mbufs);
}

static struct rte_ipv4_hdr *
ip_of(const struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, sizeof(struct rte_ether_hdr));
}

static void
sum_up(struct rte_ipv4_hdr *ip, struct rte_tcp_hdr *tcp)
{
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	tcp->cksum = 0;
	tcp->cksum = rte_ipv4_udptcp_cksum(ip, tcp);
}

struct rte_mbuf *
packet_make(const struct packet_end *from, const struct packet_end *to, uint16_t port, const void *data, uint16_t len)
{
	bool fits = PACKET_HEADERS + len <= sizeof(struct rte_ether_hdr) + SHORT_MTU;
	struct rte_mempool *pool = fits ? from->pool : from->long_pool;
	struct rte_mbuf *m = pool != NULL ? rte_pktmbuf_alloc(pool) : NULL;
	struct rte_ether_hdr *eth;
	struct rte_ipv4_hdr *ip;
	struct rte_tcp_hdr *tcp;

	if (m == NULL)
		return NULL;
	eth = (struct rte_ether_hdr *)(void *)rte_pktmbuf_append(m, (uint16_t)(PACKET_HEADERS + len));
	ip = (struct rte_ipv4_hdr *)(eth + 1);
	tcp = (struct rte_tcp_hdr *)(ip + 1);
	eth->dst_addr = to->mac;
	eth->src_addr = from->mac;
	eth->ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = 0x45,
		.total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip) + sizeof(*tcp) + len)),
		.fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_TCP,
		.src_addr = from->ip_be,
		.dst_addr = to->ip_be,
	};
	*tcp = (struct rte_tcp_hdr){
		.src_port = rte_cpu_to_be_16(49152),
		.dst_port = rte_cpu_to_be_16(port),
		.data_off = sizeof(*tcp) / 4 << 4,
		.tcp_flags = RTE_TCP_ACK_FLAG | RTE_TCP_PSH_FLAG,
		.rx_win = 0xffff,
	};
	memcpy(tcp + 1, data, len);
	sum_up(ip, tcp);
	return m;
}

const struct rte_tcp_hdr *
packet_check(const struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	const struct rte_ipv4_hdr *ip = ip_of(m);
	const struct rte_tcp_hdr *tcp = (const struct rte_tcp_hdr *)(ip + 1);

	if (m->data_len < PACKET_HEADERS || eth->ether_type != rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) ||
	    ip->version_ihl != 0x45 || ip->next_proto_id != IPPROTO_TCP ||
	    rte_be_to_cpu_16(ip->total_length) > m->data_len - sizeof(*eth) ||
	    rte_raw_cksum(ip, sizeof(*ip)) != 0xffff || rte_ipv4_udptcp_cksum(ip, tcp) != 0)
		return NULL;
	return tcp;
}

uint32_t
packet_data(const struct rte_mbuf *m, const void **data)
{
	const struct rte_ipv4_hdr *ip = ip_of(m);
	const struct rte_tcp_hdr *tcp = (const struct rte_tcp_hdr *)(ip + 1);
	uint32_t head = (uint32_t)tcp->data_off >> 4 << 2;
	uint32_t all = rte_be_to_cpu_16(ip->total_length) - (uint32_t)sizeof(*ip);

	*data = (const char *)tcp + head;
	return all > head ? all - head : 0;
}

/* Back where it came from, with so many octets of sequence space acknowledged. */
static void
turn_round(struct rte_mbuf *m, const struct packet_end *e, uint32_t taken)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_ipv4_hdr *ip = ip_of(m);
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(ip + 1);
	uint32_t seq = rte_be_to_cpu_32(tcp->sent_seq) + taken, ip_be = ip->src_addr;
	uint16_t port = tcp->src_port;

	eth->dst_addr = eth->src_addr;
	eth->src_addr = e->mac;
	ip->src_addr = ip->dst_addr;
	ip->dst_addr = ip_be;
	tcp->src_port = tcp->dst_port;
	tcp->dst_port = port;
	tcp->sent_seq = tcp->recv_ack;
	tcp->recv_ack = rte_cpu_to_be_32(seq);
	sum_up(ip, tcp);
}

void
packet_answer(struct rte_mbuf *m, const struct packet_end *e)
{
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(ip_of(m) + 1);
	const void *data;
	uint32_t taken = packet_data(m, &data);

	if (tcp->tcp_flags & RTE_TCP_SYN_FLAG) {
		tcp->tcp_flags = RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG;
		tcp->recv_ack = rte_cpu_to_be_32(1);	/* the sequence number of ours that it becomes */
		taken++;
	}
	if (tcp->tcp_flags & RTE_TCP_FIN_FLAG)
		taken++;
	turn_round(m, e, taken);
}

void
packet_acknowledge(struct rte_mbuf *m, const struct packet_end *e)
{
	struct rte_ipv4_hdr *ip = ip_of(m);
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(ip + 1);
	const void *data;
	uint32_t taken = packet_data(m, &data), head = (uint32_t)tcp->data_off >> 4 << 2;

	ip->total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip) + head));
	tcp->tcp_flags = RTE_TCP_ACK_FLAG;
	rte_pktmbuf_trim(m, (uint16_t)(m->data_len - sizeof(struct rte_ether_hdr) - sizeof(*ip) - head));
	turn_round(m, e, taken);
}

bool
packet_answer_arp(struct rte_mbuf *m, const struct packet_end *e)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_arp_hdr *arp = (struct rte_arp_hdr *)(eth + 1);

	if (m->data_len < sizeof(*eth) + sizeof(*arp) || eth->ether_type != rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP) ||
	    arp->arp_opcode != rte_cpu_to_be_16(RTE_ARP_OP_REQUEST) || arp->arp_data.arp_tip != e->ip_be)
		return false;
	arp->arp_opcode = rte_cpu_to_be_16(RTE_ARP_OP_REPLY);
	arp->arp_data.arp_tip = arp->arp_data.arp_sip;
	arp->arp_data.arp_tha = arp->arp_data.arp_sha;
	arp->arp_data.arp_sip = e->ip_be;
	arp->arp_data.arp_sha = e->mac;
	eth->dst_addr = eth->src_addr;
	eth->src_addr = e->mac;
	return true;
}

void
packet_send(const struct packet_end *e, struct rte_mbuf **m, unsigned int nb)
{
	unsigned int sent = 0;

	for (unsigned int i = 0; sent < nb && i < TRIES; i++)
		sent += rte_eth_tx_burst(e->port, 0, m + sent, (uint16_t)(nb - sent));
	for (; sent < nb; sent++)
		rte_pktmbuf_free(m[sent]);
}
