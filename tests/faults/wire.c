/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_arp.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "kit/fail.h"

struct wire wire[2];

/* A TCP segment over IPv4, in place. */
struct segment {
	struct rte_ipv4_hdr *ip;
	struct rte_tcp_hdr *tcp;
	uint8_t *data;
	uint32_t len;
};

static bool
parse(uint8_t *frame, unsigned int len, struct segment *s)
{
	const struct rte_ether_hdr *eth = (const void *)frame;
	unsigned int header;

	if (len < sizeof(*eth) + sizeof(*s->ip) || eth->ether_type != RTE_BE16(RTE_ETHER_TYPE_IPV4))
		return false;
	s->ip = (void *)(frame + sizeof(*eth));
	if (s->ip->next_proto_id != IPPROTO_TCP)
		return false;
	s->tcp = (void *)((uint8_t *)s->ip + rte_ipv4_hdr_len(s->ip));
	header = s->tcp->data_off >> 4 << 2;
	s->data = (uint8_t *)s->tcp + header;
	s->len = (uint32_t)rte_be_to_cpu_16(s->ip->total_length) - rte_ipv4_hdr_len(s->ip) - header;
	return true;
}

static uint8_t
octet(uint32_t at)
{
	return (uint8_t)(at * 7 + at / 256);
}

void
wire_fill(uint8_t *buf, uint32_t len, uint32_t offset)
{
	for (uint32_t i = 0; i < len; i++)
		buf[i] = octet(offset + i);
}

bool
wire_is_filled(const uint8_t *buf, uint32_t len, uint32_t offset)
{
	for (uint32_t i = 0; i < len; i++)
		if (buf[i] != octet(offset + i))
			return false;
	return true;
}

static void
look(const struct nic *nic, const uint8_t *frame, unsigned int len)
{
	struct wire *w = &wire[wire[1].nic == nic];
	uint8_t copy[2048];
	struct segment s;
	uint32_t seq;

	kit_need(len <= sizeof(copy));
	memcpy(copy, frame, len);
	if (!parse(copy, len, &s))
		return;
	seq = rte_be_to_cpu_32(s.tcp->sent_seq);
	if (s.tcp->tcp_flags & RTE_TCP_SYN_FLAG) {
		w->iss = seq;
		w->known = true;
	}
	if (s.tcp->tcp_flags & RTE_TCP_RST_FLAG)
		w->nb_rst++;
	if (s.len == 0)
		return;
	w->nb_data++;
	w->bad += !w->known || !wire_is_filled(s.data, s.len, seq - w->iss - 1);
	w->end = RTE_MAX(w->end, seq - w->iss - 1 + s.len);
}

void
wire_watch(struct nic pair[2])
{
	memset(wire, 0, sizeof(wire));
	for (unsigned int i = 0; i < 2; i++) {
		wire[i].nic = &pair[i];
		pair[i].watch = look;
	}
}

/* The last segment that came, made bare, with another acknowledgement. */
static void
forge(struct nic *nic, uint32_t ack_be, uint8_t flags)
{
	uint8_t frame[2048];
	struct segment s;
	uint32_t seq;

	memcpy(frame, nic->last, nic->last_len);
	kit_need(parse(frame, nic->last_len, &s));
	seq = rte_be_to_cpu_32(s.tcp->sent_seq) + s.len + !!(s.tcp->tcp_flags & RTE_TCP_SYN_FLAG);
	s.tcp->sent_seq = rte_cpu_to_be_32(seq);
	s.tcp->recv_ack = ack_be != 0 ? ack_be : s.tcp->recv_ack;
	s.tcp->tcp_flags = flags;
	s.ip->total_length = rte_cpu_to_be_16((uint16_t)(s.data - (uint8_t *)s.ip));
	s.ip->hdr_checksum = 0;
	s.ip->hdr_checksum = rte_ipv4_cksum(s.ip);
	s.tcp->cksum = 0;
	s.tcp->cksum = rte_ipv4_udptcp_cksum(s.ip, s.tcp);
	nic_put(nic, frame, RTE_MAX((unsigned int)(s.data - frame), 60u));
}

void
wire_forge_ack(struct nic *nic, const struct rte_mbuf *frame)
{
	uint8_t copy[2048];
	const void *at = rte_pktmbuf_read(frame, 0, frame->pkt_len, copy);
	struct segment s;

	if (at != copy)
		memcpy(copy, at, frame->pkt_len);
	kit_need(parse(copy, frame->pkt_len, &s));
	forge(nic, rte_cpu_to_be_32(rte_be_to_cpu_32(s.tcp->sent_seq) + s.len), RTE_TCP_ACK_FLAG);
}

void
wire_forge_rst(struct nic *nic)
{
	forge(nic, 0, RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG);
}

void
wire_ask_arp(struct nic *nic)
{
	struct rte_arp_hdr arp = {
		.arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER), .arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4),
		.arp_hlen = 6, .arp_plen = 4, .arp_opcode = RTE_BE16(RTE_ARP_OP_REQUEST),
	};
	uint8_t last[2048];
	struct rte_ether_hdr *eth = (void *)last;
	struct segment s;

	memcpy(last, nic->last, nic->last_len);
	kit_need(parse(last, nic->last_len, &s));
	arp.arp_data.arp_sha = eth->src_addr;
	arp.arp_data.arp_sip = s.ip->src_addr;
	arp.arp_data.arp_tip = s.ip->dst_addr;
	eth->ether_type = RTE_BE16(RTE_ETHER_TYPE_ARP);
	memcpy(last + sizeof(*eth), &arp, sizeof(arp));
	nic_put(nic, last, 60);
}
