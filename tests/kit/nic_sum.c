/* SPDX-License-Identifier: BSD-3-Clause */
#include "kit/nic_sum.h"

#include <stddef.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "kit/fail.h"

#define SUMS (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG)
#define CWR 0x80

struct headers {
	uint8_t frame[2048];	/* what leaves */
	struct rte_ipv4_hdr *ip;
	struct rte_tcp_hdr *tcp;
	unsigned int len;	/* of all headers */
};

uint16_t *
nic_sum_of(const struct rte_mbuf *m)
{
	size_t at = (size_t)(m->l2_len + m->l3_len) + offsetof(struct rte_tcp_hdr, cksum);

	if (!(m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) && (m->ol_flags & RTE_MBUF_F_TX_L4_MASK) != RTE_MBUF_F_TX_TCP_CKSUM)
		return NULL;
	kit_need(m->data_len >= m->l2_len + m->l3_len + m->l4_len);
	return rte_pktmbuf_mtod_offset(m, uint16_t *, at);
}

/* All that a device has to be told. */
static void
check(const struct rte_mbuf *m)
{
	kit_need(m->ol_flags & RTE_MBUF_F_TX_IPV4);
	kit_need(m->l2_len == RTE_ETHER_HDR_LEN && m->l3_len == sizeof(struct rte_ipv4_hdr));
	if (!(m->ol_flags & RTE_MBUF_F_TX_TCP_SEG))
		return;
	kit_need(m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM);
	kit_need(m->l4_len >= sizeof(struct rte_tcp_hdr) && m->tso_segsz > 0);
	kit_need(m->l2_len + m->l3_len + m->l4_len + m->tso_segsz <= 2048);
}

static void
take_headers(struct headers *h, const struct rte_mbuf *m, const uint8_t *octets, unsigned int len)
{
	memcpy(h->frame, octets, len);
	h->ip = (void *)(h->frame + m->l2_len);
	h->tcp = (void *)(h->frame + m->l2_len + m->l3_len);
	h->len = len;
}

/* The header's length is what the frame says by now. The field counts as it was given, which is 0. */
static void
sum_ip(const struct rte_mbuf *m, struct headers *h)
{
	if (!(m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM))
		return;
	kit_need(h->ip->hdr_checksum == 0);
	h->ip->hdr_checksum = (uint16_t)~rte_raw_cksum(h->ip, m->l3_len);
}

/* `given` is the pseudo header's sum; in front of a cut without the length. */
static void
sum_tcp(struct headers *h, uint16_t given, unsigned int len, bool of_piece)
{
	uint32_t sum;

	h->tcp->cksum = given;
	sum = rte_raw_cksum(h->tcp, len) + (uint32_t)(of_piece ? rte_cpu_to_be_16((uint16_t)len) : 0);
	h->tcp->cksum = (uint16_t)~((sum & 0xffff) + (sum >> 16));
}

static void
cut(const struct rte_mbuf *m, const uint8_t *octets, uint16_t given,
    void (*emit)(void *arg, const uint8_t *frame, unsigned int len), void *arg)
{
	unsigned int header = (unsigned int)(m->l2_len + m->l3_len + m->l4_len);
	struct headers h;

	for (unsigned int at = header; at < m->pkt_len; at += m->tso_segsz) {
		unsigned int n = RTE_MIN(m->pkt_len - at, (unsigned int)m->tso_segsz);

		take_headers(&h, m, octets, header);
		memcpy(h.frame + header, octets + at, n);
		h.ip->total_length = rte_cpu_to_be_16((uint16_t)(m->l3_len + m->l4_len + n));
		h.tcp->sent_seq = rte_cpu_to_be_32(rte_be_to_cpu_32(h.tcp->sent_seq) + at - header);
		if (at > header)
			h.tcp->tcp_flags &= (uint8_t)~CWR;
		if (at + n < m->pkt_len)
			h.tcp->tcp_flags &= (uint8_t)~(RTE_TCP_FIN_FLAG | RTE_TCP_PSH_FLAG);
		sum_ip(m, &h);
		sum_tcp(&h, given, m->l4_len + n, true);
		emit(arg, h.frame, header + n);
	}
}

void
nic_sum_emit(const struct rte_mbuf *m, const uint8_t *octets, bool own_form,
	     void (*emit)(void *arg, const uint8_t *frame, unsigned int len), void *arg)
{
	const uint16_t *sum = nic_sum_of(m);
	uint16_t given = sum == NULL ? 0 : own_form ? (uint16_t)~*sum : *sum;
	struct headers h;

	if (!(m->ol_flags & SUMS)) {
		emit(arg, octets, m->pkt_len);
		return;
	}
	check(m);
	if (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) {
		cut(m, octets, given, emit, arg);
		return;
	}
	kit_need(m->pkt_len <= sizeof(h.frame));
	take_headers(&h, m, octets, m->pkt_len);
	sum_ip(m, &h);
	if (sum != NULL)
		sum_tcp(&h, given, m->pkt_len - m->l2_len - m->l3_len, false);
	emit(arg, h.frame, h.len);
}
