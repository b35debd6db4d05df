/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>

#include "spoof.h"
#include "wire/cksum.h"
#include "wire/eth.h"
#include "wire/ip4.h"

#define STRANGERS 0xc6120000u	/* 198.18.0.0/15, RFC 2544 */

void
spoof_gateway(struct sani_host_conf *conf)
{
	if (conf->first_core_id == 0)
		return;
	conf->ifaces[0].has_gateway = true;
	conf->ifaces[0].gateway = pair_addr(A);
}

struct sani_tuple
spoof_tuple(uint32_t n, uint16_t port)
{
	return (struct sani_tuple){
		.local = pair_addr(B),
		.remote = sani_ip_from_v4(htonl(STRANGERS + 1 + n % 65000)),
		.local_port = port,
		.remote_port = (uint16_t)(1024 + n % 60000),
	};
}

struct sani_tcp_seg
spoof_syn(uint32_t seq)
{
	return (struct sani_tcp_seg){
		.seq = seq, .flags = SANI_TCP_SYN, .wnd = 64240, .mss = 1460, .wscale = 7,
		.tsval = 0x80000000u + seq,
		.opts = SANI_TCP_OPT_MSS | SANI_TCP_OPT_WSCALE | SANI_TCP_OPT_SACK_PERM | SANI_TCP_OPT_TS,
	};
}

static void
write_lower(uint8_t *p, const struct sani_tuple *t, uint16_t l4_len)
{
	struct sani_eth eth = { .src = pair.host[A]->ifaces[0].mac, .dst = pair.host[B]->ifaces[0].mac,
				.type = RTE_ETHER_TYPE_IPV4 };
	struct sani_ip4 ip = { .ttl = 60, .proto = IPPROTO_TCP, .src_be = sani_ip_v4_be(&t->remote),
			       .dst_be = sani_ip_v4_be(&t->local),
			       .total_len = (uint16_t)(SANI_IP4_HDR_MIN + l4_len) };

	sani_eth_write(p, &eth);
	sani_ip4_write(p + SANI_ETH_HDR, &ip);
	sani_ip4_cksum_fill(p + SANI_ETH_HDR);
}

void
spoof_send(const struct sani_tuple *t, const struct sani_tcp_seg *seg, const void *text)
{
	const uint32_t off = SANI_ETH_HDR + SANI_IP4_HDR_MIN;
	struct rte_mbuf *m = rte_pktmbuf_alloc(pair.host[A]->pool);
	struct sani_tcp_seg out = *seg;
	uint16_t l4_len;
	uint16_t sum;
	uint8_t *p;

	assert_non_null(m);
	out.src_port = t->remote_port;
	out.dst_port = t->local_port;
	p = rte_pktmbuf_mtod(m, uint8_t *);
	l4_len = (uint16_t)(sani_tcp_write_header(p + off, &out) + seg->len);
	if (seg->len > 0)
		memcpy(p + off + l4_len - seg->len, text, seg->len);
	write_lower(p, t, l4_len);
	m->data_len = (uint16_t)(off + l4_len);
	m->pkt_len = m->data_len;
	sum = (uint16_t)~sani_cksum_add(sani_cksum_pseudo(&t->remote, &t->local, IPPROTO_TCP, l4_len),
					sani_cksum_mbuf(m, off, l4_len));
	memcpy(p + off + 16, &sum, sizeof(sum));
	assert_int_equal(sani_port_tx(&pair.host[A]->ports[0], 0, &m, 1), 1);
}

void
spoof_in(const struct sani_tuple *t, const struct sani_tcp_seg *seg, const void *text)
{
	spoof_send(t, seg, text);
	pair_round(B);
}

static bool
parse(const struct rte_mbuf *m, struct sani_tuple *t, struct sani_tcp_seg *seg)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	struct sani_ip4 ip;

	if (m->data_len < 54 || p[12] != 8 || p[13] != 0 ||
	    sani_ip4_parse(p + 14, m->data_len - 14u, m->pkt_len - 14u, &ip) != SANI_IP4_PARSE_OK ||
	    ip.proto != IPPROTO_TCP)
		return false;
	assert_int_equal(sani_tcp_parse(p + 14 + ip.hdr_len, m->data_len - 14u - ip.hdr_len,
					(uint32_t)ip.total_len - ip.hdr_len, seg), SANI_TCP_PARSE_OK);
	*t = (struct sani_tuple){
		.local = sani_ip_from_v4(ip.src_be), .remote = sani_ip_from_v4(ip.dst_be),
		.local_port = seg->src_port, .remote_port = seg->dst_port,
	};
	return true;
}

bool
spoof_take(struct sani_tuple *t, struct sani_tcp_seg *seg)
{
	struct rte_mbuf *m;
	bool found = false;

	while (!found && sani_port_rx(&pair.host[A]->ports[0], 0, &m, 1) == 1) {
		found = parse(m, t, seg);
		rte_pktmbuf_free(m);
	}
	return found;
}

unsigned int
spoof_count(uint8_t flags)
{
	struct sani_tuple t;
	struct sani_tcp_seg seg;
	unsigned int n = 0;

	while (spoof_take(&t, &seg))
		n += seg.flags == flags;
	return n;
}

struct sani_tcp_seg
spoof_syn_fast(uint32_t seq, const uint8_t *cookie, uint8_t nb, uint32_t len)
{
	struct sani_tcp_seg syn = spoof_syn(seq);

	syn.opts |= SANI_TCP_OPT_FAST;
	syn.nb_fast = nb;
	if (cookie != NULL)
		memcpy(syn.fast, cookie, nb);
	syn.len = len;
	return syn;
}

struct sani_tcp_seg
spoof_syn_ack(const struct sani_tuple *t, const struct sani_tcp_seg *syn, const void *text)
{
	struct sani_tcp_seg out;
	struct sani_tuple at;

	spoof_in(t, syn, text);
	assert_true(spoof_take(&at, &out));
	assert_int_equal(out.flags, SANI_TCP_SYN | SANI_TCP_ACK);
	return out;
}
