/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include <rte_arp.h>
#include <rte_bus_vdev.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <rte_tcp.h>

#include "wire.h"

#define RING_SIZE 1024

static const struct rte_ether_addr our_mac = { { 0x02, 0, 0, 0, 0x77, 0x02 } };
static const uint32_t our_ip = RTE_IPV4(10, 9, 0, 2);
static const uint32_t host_ip = RTE_IPV4(10, 9, 0, 1);

void
wire_open(struct wire *wire, struct net *net)
{
	static unsigned int serial;
	struct rte_ring *rx[1];
	struct rte_ring *tx[1];
	char name[32];

	memset(wire, 0, sizeof(*wire));
	wire->net = net;
	net_startup();
	assert_int_equal(san_cleanup(), 0);	/* the EAL stays, and that is all that is wanted */
	serial++;
	snprintf(name, sizeof(name), "wire_in%u", serial);
	wire->to_host = rte_ring_create(name, RING_SIZE, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
	snprintf(name, sizeof(name), "wire_out%u", serial);
	wire->from_host = rte_ring_create(name, RING_SIZE, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
	snprintf(name, sizeof(name), "wire_pool%u", serial);
	wire->pool = rte_pktmbuf_pool_create(name, 1023, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	assert_non_null(wire->to_host);
	assert_non_null(wire->from_host);
	assert_non_null(wire->pool);
	rx[0] = wire->to_host;
	tx[0] = wire->from_host;
	snprintf(name, sizeof(name), "wire%u", serial);
	assert_true(rte_eth_from_rings(name, rx, 1, tx, 1, 0) >= 0);
	snprintf(wire->device, sizeof(wire->device), "net_ring_wire%u", serial);
}

static void
drain(struct rte_ring *ring)
{
	void *m;

	while (rte_ring_dequeue(ring, &m) == 0)
		rte_pktmbuf_free(m);
}

void
wire_close(struct wire *wire)
{
	drain(wire->to_host);
	drain(wire->from_host);
	rte_vdev_uninit(wire->device);
	rte_ring_free(wire->to_host);
	rte_ring_free(wire->from_host);
	rte_mempool_free(wire->pool);
}

static void *
new_frame(struct wire *wire, struct rte_mbuf **m, uint16_t len, uint16_t type)
{
	struct rte_ether_hdr *eth;

	*m = rte_pktmbuf_alloc(wire->pool);
	assert_non_null(*m);
	eth = (struct rte_ether_hdr *)(void *)rte_pktmbuf_append(*m, (uint16_t)(sizeof(*eth) + len));
	assert_non_null(eth);
	memset(eth, 0, sizeof(*eth) + len);
	memcpy(&eth->dst_addr, wire->host_mac, 6);
	eth->src_addr = our_mac;
	eth->ether_type = rte_cpu_to_be_16(type);
	return eth + 1;
}

static void
put_frame(struct wire *wire, struct rte_mbuf *m)
{
	assert_int_equal(rte_ring_enqueue(wire->to_host, m), 0);
}

static void
ask_arp(struct wire *wire)
{
	struct rte_mbuf *m;
	struct rte_arp_hdr *arp = new_frame(wire, &m, sizeof(*arp), RTE_ETHER_TYPE_ARP);
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);

	memset(&eth->dst_addr, 0xff, 6);
	arp->arp_hardware = rte_cpu_to_be_16(RTE_ARP_HRD_ETHER);
	arp->arp_protocol = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	arp->arp_hlen = 6;
	arp->arp_plen = 4;
	arp->arp_opcode = rte_cpu_to_be_16(RTE_ARP_OP_REQUEST);
	arp->arp_data.arp_sha = our_mac;
	arp->arp_data.arp_sip = rte_cpu_to_be_32(our_ip);
	arp->arp_data.arp_tip = rte_cpu_to_be_32(host_ip);
	put_frame(wire, m);
}

static void
answer_arp(struct wire *wire, const struct rte_arp_hdr *in)
{
	struct rte_mbuf *m;
	struct rte_arp_hdr *out;

	if (in->arp_data.arp_sip == rte_cpu_to_be_32(host_ip)) {
		memcpy(wire->host_mac, &in->arp_data.arp_sha, 6);
		wire->knows_mac = true;
	}
	if (in->arp_opcode != rte_cpu_to_be_16(RTE_ARP_OP_REQUEST) ||
	    in->arp_data.arp_tip != rte_cpu_to_be_32(our_ip))
		return;
	out = new_frame(wire, &m, sizeof(*out), RTE_ETHER_TYPE_ARP);
	*out = *in;
	out->arp_opcode = rte_cpu_to_be_16(RTE_ARP_OP_REPLY);
	out->arp_data.arp_tha = in->arp_data.arp_sha;
	out->arp_data.arp_tip = in->arp_data.arp_sip;
	out->arp_data.arp_sha = our_mac;
	out->arp_data.arp_sip = rte_cpu_to_be_32(our_ip);
	put_frame(wire, m);
}

/* The host's address is asked for before the first frame that is not ARP. */
static void
resolve(struct wire *wire)
{
	uint64_t limit_ms = net_now_ms() + net_patience_ms();
	struct wire_seg seg;

	if (wire->knows_mac)
		return;
	ask_arp(wire);
	while (!wire->knows_mac) {
		assert_true(net_now_ms() < limit_ms);
		net_step(wire->net);
		assert_false(wire_take(wire, &seg));
	}
}

void
wire_send(struct wire *wire, const struct wire_seg *seg)
{
	uint16_t opt = seg->flags & WIRE_SYN ? 4 : 0;
	uint16_t tcp_len = (uint16_t)(sizeof(struct rte_tcp_hdr) + opt + seg->len);
	struct rte_mbuf *m;
	struct rte_ipv4_hdr *ip;
	struct rte_tcp_hdr *tcp;
	uint8_t *p;

	resolve(wire);
	ip = new_frame(wire, &m, (uint16_t)(sizeof(*ip) + tcp_len), RTE_ETHER_TYPE_IPV4);
	ip->version_ihl = 0x45;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip) + tcp_len));
	ip->fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
	ip->time_to_live = 64;
	ip->next_proto_id = 6;
	ip->src_addr = rte_cpu_to_be_32(our_ip);
	ip->dst_addr = rte_cpu_to_be_32(host_ip);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	tcp = (struct rte_tcp_hdr *)(void *)(ip + 1);
	tcp->src_port = rte_cpu_to_be_16(seg->sport);
	tcp->dst_port = rte_cpu_to_be_16(seg->dport);
	tcp->sent_seq = rte_cpu_to_be_32(seg->seq);
	tcp->recv_ack = rte_cpu_to_be_32(seg->ack);
	tcp->data_off = (uint8_t)((sizeof(*tcp) + opt) << 2);
	tcp->tcp_flags = seg->flags;
	tcp->rx_win = rte_cpu_to_be_16(seg->win);
	p = (uint8_t *)(tcp + 1);
	if (opt)
		memcpy(p, "\x02\x04\x05\xb4", 4);
	memcpy(p + opt, seg->data, seg->len);
	tcp->cksum = rte_ipv4_udptcp_cksum(ip, tcp);
	put_frame(wire, m);
}

static bool
is_intact(struct rte_ipv4_hdr *ip, struct rte_tcp_hdr *tcp)
{
	uint16_t ip_sum = ip->hdr_checksum;
	uint16_t tcp_sum = tcp->cksum;

	ip->hdr_checksum = 0;
	tcp->cksum = 0;
	return rte_ipv4_cksum(ip) == ip_sum && rte_ipv4_udptcp_cksum(ip, tcp) == tcp_sum;
}

static bool
parse_tcp(struct wire *wire, struct rte_ipv4_hdr *ip, struct wire_seg *seg)
{
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(void *)(ip + 1);
	uint16_t hdr = (uint16_t)((tcp->data_off >> 4) * 4);
	uint16_t len = (uint16_t)(rte_be_to_cpu_16(ip->total_length) - sizeof(*ip) - hdr);

	if (ip->next_proto_id != 6 || ip->dst_addr != rte_cpu_to_be_32(our_ip))
		return false;
	wire->nb_rx++;
	wire->nb_bad += !is_intact(ip, tcp);
	assert_true(len <= WIRE_DATA);
	memset(seg, 0, offsetof(struct wire_seg, data));
	seg->sport = rte_be_to_cpu_16(tcp->src_port);
	seg->dport = rte_be_to_cpu_16(tcp->dst_port);
	seg->seq = rte_be_to_cpu_32(tcp->sent_seq);
	seg->ack = rte_be_to_cpu_32(tcp->recv_ack);
	seg->flags = tcp->tcp_flags;
	seg->win = rte_be_to_cpu_16(tcp->rx_win);
	seg->tos = ip->type_of_service;
	seg->ttl = ip->time_to_live;
	seg->len = len;
	memcpy(seg->data, (const uint8_t *)tcp + hdr, len);
	return true;
}

bool
wire_take(struct wire *wire, struct wire_seg *seg)
{
	bool found = false;
	void *obj;

	while (!found && rte_ring_dequeue(wire->from_host, &obj) == 0) {
		struct rte_mbuf *m = obj;
		struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);

		assert_int_equal(rte_pktmbuf_linearize(m), 0);
		if (eth->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP))
			answer_arp(wire, (const void *)(eth + 1));
		else if (eth->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4))
			found = parse_tcp(wire, (struct rte_ipv4_hdr *)(void *)(eth + 1), seg);
		rte_pktmbuf_free(m);
	}
	return found;
}

void
wire_drain(void *wire)
{
	struct wire_seg seg;

	while (wire_take(wire, &seg))
		;
}

void
wire_wait(struct wire *wire, struct wire_seg *seg)
{
	uint64_t limit_ms = net_now_ms() + net_patience_ms();

	while (!wire_take(wire, seg)) {
		if (net_now_ms() > limit_ms) {
			net_lose_patience();
			fail_msg("the host sends nothing");
		}
		net_step(wire->net);
	}
}

unsigned int
wire_count(struct wire *wire, uint8_t flags, unsigned int ms, struct wire_seg *seg)
{
	uint64_t limit_ms = net_now_ms() + ms;
	struct wire_seg s;
	unsigned int n = 0;

	do {
		net_step(wire->net);
		while (wire_take(wire, &s)) {
			if (!(s.flags & flags))
				continue;
			n++;
			if (seg)
				*seg = s;
		}
	} while (net_now_ms() < limit_ms);
	return n;
}

void
wire_say(struct wire_conn *c, uint8_t flags, uint16_t len)
{
	struct wire_seg seg;

	memset(&seg, 0, sizeof(seg));
	seg.sport = c->port;
	seg.dport = c->host_port;
	seg.seq = c->snd_nxt;
	seg.ack = flags & WIRE_ACK ? c->rcv_nxt : 0;
	seg.flags = flags;
	seg.win = 65535;
	seg.len = len;
	wire_send(c->wire, &seg);
	c->snd_nxt += len;
	c->snd_nxt += (flags & WIRE_SYN) != 0;
	c->snd_nxt += (flags & WIRE_FIN) != 0;
}

static void
begin(struct wire *wire, struct wire_conn *c, uint16_t port, uint16_t host_port)
{
	c->wire = wire;
	c->port = port;
	c->host_port = host_port;
	c->snd_nxt = 0xfffffff0u;
	c->rcv_nxt = 0;
}

void
wire_answer(struct wire *wire, struct wire_conn *c, uint16_t port)
{
	struct wire_seg syn;

	wire_wait(wire, &syn);
	assert_int_equal(syn.flags & (WIRE_SYN | WIRE_ACK | WIRE_RST), WIRE_SYN);
	assert_int_equal(syn.dport, port);
	begin(wire, c, port, syn.sport);
	c->rcv_nxt = syn.seq + 1;
}

void
wire_connect(struct wire *wire, struct wire_conn *c, uint16_t port, uint16_t host_port)
{
	struct wire_seg seg;

	begin(wire, c, port, host_port);
	wire_say(c, WIRE_SYN, 0);
	wire_wait(wire, &seg);
	assert_int_equal(seg.flags & (WIRE_SYN | WIRE_ACK | WIRE_RST), WIRE_SYN | WIRE_ACK);
	assert_int_equal(seg.ack, c->snd_nxt);
	wire->syn_ack_tos = seg.tos;
	wire->syn_ack_ttl = seg.ttl;
	c->rcv_nxt = seg.seq + 1;
	wire_say(c, WIRE_ACK, 0);
}

void
wire_wait_fin(struct wire_conn *c)
{
	struct wire_seg seg;

	do {
		wire_wait(c->wire, &seg);
		assert_false(seg.flags & WIRE_RST);
	} while (!(seg.flags & WIRE_FIN));
	c->rcv_nxt = seg.seq + seg.len + 1u;
}
