/* SPDX-License-Identifier: BSD-3-Clause */
#include "packetdrill/push.h"

#include <stdbool.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_tcp.h>

static struct {
	unsigned char *last;	/* NULL: no burst is under way */
	bool marked;		/* its PSH is ours */
	uint64_t sent_us;
	uint32_t ports;
	uint32_t next;		/* sequence number behind last */
	uint32_t high;		/* what was sent of this connection so far */
} burst;

static struct rte_tcp_hdr *
tcp_of(unsigned char *datagram)
{
	return (struct rte_tcp_hdr *)(datagram + rte_ipv4_hdr_len((struct rte_ipv4_hdr *)datagram));
}

static void
set_push(unsigned char *datagram, bool on)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)datagram;
	struct rte_tcp_hdr *tcp = tcp_of(datagram);

	tcp->tcp_flags = (uint8_t)(on ? tcp->tcp_flags | RTE_TCP_PSH_FLAG : tcp->tcp_flags & ~RTE_TCP_PSH_FLAG);
	tcp->cksum = 0;
	tcp->cksum = rte_ipv4_udptcp_cksum(ip, tcp);
}

static uint32_t
count_text(unsigned char *datagram)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)datagram;
	struct rte_tcp_hdr *tcp = tcp_of(datagram);

	if (ip->next_proto_id != IPPROTO_TCP || (tcp->tcp_flags & (RTE_TCP_SYN_FLAG | RTE_TCP_RST_FLAG)))
		return 0;
	return rte_be_to_cpu_16(ip->total_length) - (uint32_t)rte_ipv4_hdr_len(ip) -
	       (uint32_t)(tcp->data_off >> 4) * 4;
}

/* Is it text that was never sent before? */
static bool
is_new(uint32_t ports, uint32_t seq)
{
	if (ports != burst.ports) {
		burst.ports = ports;
		burst.high = seq;
	}
	return (int32_t)(seq - burst.high) >= 0;
}

/* The mark moves from the segment before to this one. */
static void
go_on(unsigned char *datagram)
{
	if (burst.marked)
		set_push(burst.last, false);
	burst.marked = !(tcp_of(datagram)->tcp_flags & RTE_TCP_PSH_FLAG);
	set_push(datagram, true);
}

void
push_note(unsigned char *datagram, uint64_t sent_us)
{
	struct rte_tcp_hdr *tcp = tcp_of(datagram);
	uint32_t text = count_text(datagram);
	uint32_t seq = rte_be_to_cpu_32(tcp->sent_seq);
	uint32_t ports = (uint32_t)tcp->src_port << 16 | tcp->dst_port;

	if (text == 0 || !is_new(ports, seq)) {
		push_forget();
		return;
	}
	if (burst.last != NULL && burst.sent_us == sent_us && burst.next == seq)
		go_on(datagram);
	else
		burst.marked = false;
	burst.last = datagram;
	burst.sent_us = sent_us;
	burst.next = burst.high = seq + text;
}

void
push_forget(void)
{
	burst.last = NULL;
	burst.marked = false;
}
