/* SPDX-License-Identifier: BSD-3-Clause */
#include "script/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_arp.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_tcp.h>

uint8_t
wire_octet(int64_t offset)
{
	return (uint8_t)(offset * 7 + (offset >> 8) * 13 + (offset >> 16) * 5);
}

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint32_t
get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t
get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

static unsigned int
put_sack(uint8_t *p, const struct play_seg *s)
{
	unsigned int n = 0;

	for (; n < PLAY_BLOCKS && (s->sack[n].left != 0 || s->sack[n].right != 0); n++) {
		put32(p + 4 + 8 * n, (uint32_t)s->sack[n].left);
		put32(p + 8 + 8 * n, (uint32_t)s->sack[n].right);
	}
	if (n == 0)
		return 0;
	memcpy(p, (const uint8_t[]){ 1, 1, 5, (uint8_t)(2 + 8 * n) }, 4);
	return 4 + 8 * n;
}

static unsigned int
put_options(uint8_t *p, const struct play_seg *s)
{
	unsigned int n = 0;

	if (s->opts != NULL) {
		memcpy(p, s->opts, (size_t)s->opts_len);
		return (unsigned int)s->opts_len;
	}
	if (s->mss != UNNAMED) {
		memcpy(p + n, (const uint8_t[]){ 2, 4 }, 2);
		put16(p + n + 2, (uint32_t)s->mss);
		n += 4;
	}
	if (s->sack_ok != UNNAMED && s->sack_ok != 0) {
		memcpy(p + n, (const uint8_t[]){ 1, 1, 4, 2 }, 4);
		n += 4;
	}
	if (s->wscale != UNNAMED) {
		memcpy(p + n, (const uint8_t[]){ 1, 3, 3, (uint8_t)s->wscale }, 4);
		n += 4;
	}
	if (s->tsval != UNNAMED) {
		memcpy(p + n, (const uint8_t[]){ 1, 1, 8, 10 }, 4);
		put32(p + n + 4, (uint32_t)s->tsval);
		put32(p + n + 8, (uint32_t)s->tsecr);
		n += 12;
	}
	return n + put_sack(p + n, s);
}

static void
put_ip(uint8_t *p, const struct wire_ends *ends, const struct play_seg *s, uint8_t proto, unsigned int len)
{
	memset(p, 0, 20);
	p[0] = 0x45;
	p[1] = s->tos == UNNAMED ? 0 : (uint8_t)s->tos;
	put16(p + 2, len + 20);
	put16(p + 6, 0x4000);
	p[8] = s->ttl == UNNAMED ? 64 : (uint8_t)s->ttl;
	p[9] = proto;
	put32(p + 12, ends->src_ip);
	put32(p + 16, ends->dst_ip);
	if (s->broadcast == 2)
		put32(p + 16, 0x0a0700ff);
	if (s->broadcast == 3)
		put32(p + 16, 0xe0000001);
	put16(p + 10, rte_be_to_cpu_16(rte_ipv4_cksum((const struct rte_ipv4_hdr *)(const void *)p)));
}

static uint8_t *
begin_frame(struct rte_mempool *pool, const struct wire_ends *ends, unsigned int len, struct rte_mbuf **m)
{
	uint8_t *p;

	*m = rte_pktmbuf_alloc(pool);
	assert_non_null(*m);
	p = (uint8_t *)rte_pktmbuf_append(*m, (uint16_t)(14 + len));
	if (p == NULL)
		abort();
	memset(p, 0, 14 + len);
	memcpy(p, &ends->host_mac, 6);
	memcpy(p + 6, &ends->peer_mac, 6);
	put16(p + 12, RTE_ETHER_TYPE_IPV4);
	return p;
}

static void
put_payload(uint8_t *p, const struct play_seg *s, int64_t offset)
{
	for (int64_t i = 0; i < s->len; i++)
		p[i] = s->fill ? (uint8_t)s->fill : wire_octet(offset + i);
}

struct rte_mbuf *
wire_tcp(struct rte_mempool *pool, const struct wire_ends *ends, const struct play_seg *s, int64_t offset)
{
	uint8_t options[40], *p, *tcp;
	unsigned int nb_options = put_options(options, s);
	unsigned int hdr = 20 + nb_options, len = hdr + (unsigned int)s->len;
	struct rte_mbuf *m;
	uint16_t sum;

	p = begin_frame(pool, ends, 20 + len, &m);
	if (s->broadcast)
		memset(p, 0xff, 6);
	tcp = p + 34;
	put16(tcp, s->port_zero == 1 ? 0 : ends->src_port);
	put16(tcp + 2, s->port_zero == 2 ? 0 : (uint32_t)(ends->dst_port + s->other_port));
	put32(tcp + 4, (uint32_t)s->seq);
	put32(tcp + 8, (uint32_t)s->ack);
	tcp[12] = (uint8_t)((s->doff ? RTE_MAX(s->doff,
	0) : (int)hdr / 4) << 4 | (s->flags & AE ? 1 : 0) | s->reserved);
	tcp[13] = (uint8_t)s->flags;
	put16(tcp + 14, (uint32_t)s->wnd);
	put16(tcp + 18, s->urg == UNNAMED ? 0 : (uint32_t)s->urg);
	memcpy(tcp + 20, options, nb_options);
	put_payload(tcp + hdr, s, offset);
	if (s->cut) {
		assert_int_equal(rte_pktmbuf_trim(m, (uint16_t)(len - (unsigned int)s->cut)), 0);
		len = (unsigned int)s->cut;
	}
	put_ip(p + 14, ends, s, 6, len);
	sum = rte_ipv4_udptcp_cksum((const struct rte_ipv4_hdr *)(const void *)(p + 14), tcp);
	if (len >= 18)
		put16(tcp + 16, rte_be_to_cpu_16(sum) ^ (s->bad_checksum ? 0x0100u : 0));
	return m;
}

struct rte_mbuf *
wire_icmp(struct rte_mempool *pool, const struct wire_ends *ends, const struct play_icmp *icmp, uint32_t seq)
{
	const struct play_seg any = { .tos = 0, .ttl = 64 };
	const struct wire_ends back = { .src_ip = ends->dst_ip, .dst_ip = ends->src_ip };
	unsigned int quoted = icmp->len ? (unsigned int)icmp->len : 28;
	uint8_t quote[28 + 64] = { 0 }, *p;
	struct rte_mbuf *m;
	uint16_t sum;

	put_ip(quote, &back, &any, icmp->proto ? (uint8_t)icmp->proto : 6, 1480);
	put16(quote + 20, ends->dst_port);
	put16(quote + 22, (uint32_t)(ends->src_port + icmp->other_port));
	put32(quote + 24, seq);
	p = begin_frame(pool, ends, 28 + quoted, &m);
	put_ip(p + 14, ends, &any, 1, 8 + quoted);
	p[34] = (uint8_t)icmp->type;
	p[35] = (uint8_t)icmp->code;
	put16(p + 40, (uint32_t)icmp->mtu);
	memcpy(p + 42, quote, quoted);
	sum = (uint16_t)~rte_raw_cksum(p + 34, 8 + quoted);
	memcpy(p + 36, &sum, 2);
	p[36] ^= (uint8_t)!!icmp->bad_checksum;
	return m;
}

struct rte_mbuf *
wire_arp_reply(struct rte_mempool *pool, const struct wire_ends *ends, const struct rte_mbuf *request)
{
	const uint8_t *q = rte_pktmbuf_mtod(request, const uint8_t *);
	struct rte_mbuf *m;
	uint8_t *p;

	if (get16(q + 12) != RTE_ETHER_TYPE_ARP || get16(q + 20) != RTE_ARP_OP_REQUEST)
		return NULL;
	p = begin_frame(pool, ends, 46, &m);
	put16(p + 12, RTE_ETHER_TYPE_ARP);
	memcpy(p + 14, q + 14, 6);
	put16(p + 20, RTE_ARP_OP_REPLY);
	memcpy(p + 22, &ends->peer_mac, 6);
	memcpy(p + 28, q + 38, 4);
	memcpy(p + 32, q + 22, 10);
	return m;
}

static const char *
read_option(const uint8_t *o, unsigned int len, struct play_seg *s)
{
	bool syn = s->flags & SYN;

	switch (o[0]) {
	case 2:
		s->mss = get16(o + 2);
		return len != 4 || !syn ? "an MSS option that may not be there" : NULL;
	case 3:
		s->wscale = o[2];
		return len != 3 || !syn ? "a window scale option that may not be there" : NULL;
	case 4:
		s->sack_ok = 1;
		return len != 2 || !syn ? "SACK permitted where it may not be" : NULL;
	case 5:
		if (len < 10 || (len - 2) % 8 != 0 || len > 34 || syn)
			return "a SACK option that may not be";
		for (unsigned int i = 0; i < (len - 2) / 8; i++) {
			s->sack[i].left = get32(o + 2 + 8 * i);
			s->sack[i].right = get32(o + 6 + 8 * i);
		}
		return NULL;
	case 8:
		s->tsval = get32(o + 2);
		s->tsecr = get32(o + 6);
		return len != 10 ? "a timestamps option of a wrong size" : NULL;
	}
	return "an option that nobody knows";
}

/* MUST-69: what follows the end of the list is zero. */
static const char *
read_options(const uint8_t *o, unsigned int len, struct play_seg *s)
{
	const char *fault = NULL;

	for (unsigned int i = 0; i < len && fault == NULL; i += o[i + 1]) {
		while (i < len && o[i] == 1)
			i++;
		if (i == len)
			return NULL;
		if (o[i] == 0) {
			for (; i < len; i++)
				if (o[i] != 0)
					return "padding that is not zero";
			return NULL;
		}
		if (i + 1 >= len || o[i + 1] < 2 || i + o[i + 1] > len)
			return "an option without its length";
		fault = read_option(o + i, o[i + 1], s);
	}
	return fault;
}

static uint32_t
sum_tcp(const struct rte_ipv4_hdr *hdr, const uint8_t *tcp, unsigned int len)
{
	uint32_t sum = (uint32_t)rte_raw_cksum(tcp, len) + rte_ipv4_phdr_cksum(hdr, 0);

	return (sum & 0xffff) + (sum >> 16);
}

static const char *
read_tcp(const uint8_t *ip, unsigned int len, struct wire_frame *f)
{
	const struct rte_ipv4_hdr *hdr = (const struct rte_ipv4_hdr *)(const void *)ip;
	const uint8_t *tcp = ip + 20;
	unsigned int doff = (tcp[12] >> 4) * 4u;
	struct play_seg *s = &f->seg;

	if (len < get16(ip + 2) || get16(ip + 2) < 40)
		return "a length that does not fit";
	len = get16(ip + 2);
	if (doff < 20 || 20 + doff > len)
		return "a data offset that does not fit";
	if (rte_raw_cksum(ip, 20) != 0xffff)
		return "a wrong checksum of IP";
	if (sum_tcp(hdr, tcp, len - 20) != 0xffff)
		return "a wrong checksum of TCP";
	if (tcp[12] & 0x0e)
		return "a reserved bit";
	*s = (struct play_seg)SEG(tcp[13] | (tcp[12] & 1 ? AE : 0), .seq = get32(tcp + 4), .ack = get32(tcp + 8),
		.wnd = get16(tcp + 14), .urg = get16(tcp + 18), .len = len - 20 - doff, .tos = ip[1],
		.df = !!(ip[6] & 0x40), .ttl = ip[8]);
	s->psh = !!(s->flags & PSH);
	f->payload = tcp + doff;
	f->ends.src_ip = get32(ip + 12);
	f->ends.dst_ip = get32(ip + 16);
	f->ends.src_port = (uint16_t)get16(tcp);
	f->ends.dst_port = (uint16_t)get16(tcp + 2);
	return read_options(tcp + 20, doff - 20, s);
}

void
wire_parse(struct rte_mbuf *m, struct wire_frame *f)
{
	const uint8_t *p;

	memset(f, 0, sizeof(*f));
	f->m = m;
	if (rte_pktmbuf_linearize(m) != 0)
		fail_msg("A frame of %u octets cannot be made one piece.", rte_pktmbuf_pkt_len(m));
	p = rte_pktmbuf_mtod(m, const uint8_t *);
	if (rte_pktmbuf_data_len(m) < 34)
		return;
	f->kind = get16(p + 12) == RTE_ETHER_TYPE_ARP ? WIRE_ARP : WIRE_OTHER;
	if (get16(p + 12) != RTE_ETHER_TYPE_IPV4 || p[14] != 0x45 || p[23] != 6)
		return;
	f->kind = WIRE_TCP;
	f->fault = read_tcp(p + 14, rte_pktmbuf_data_len(m) - 14u, f);
}

struct text {
	char *p;
	size_t left;
};

static void __attribute__((format(printf, 2, 3)))
add(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->p, t->left, format, args);
	va_end(args);
	if (n > 0 && (size_t)n < t->left) {
		t->p += n;
		t->left -= (size_t)n;
	}
}

static void
add_number(struct text *t, const char *name, int64_t value)
{
	if (value != UNNAMED)
		add(t, " %s %lld", name, (long long)value);
}

static void
add_flags(struct text *t, int64_t flags)
{
	static const char *const names[] = { "FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE" };
	const char *between = "";

	for (unsigned int i = 0; i < RTE_DIM(names); i++)
		if (flags & 1 << i) {
			add(t, "%s%s", between, names[i]);
			between = "|";
		}
	if (flags == 0)
		add(t, "(no flag)");
}

void
wire_print(char *text, size_t size, const struct play_seg *s)
{
	struct text t = { text, size };

	add_flags(&t, s->flags);
	add_number(&t, "seq", s->seq);
	add_number(&t, "ack", s->ack);
	add_number(&t, "len", s->len);
	add_number(&t, "wnd", s->wnd);
	add_number(&t, "wnd >=", s->wnd_min);
	add_number(&t, "wnd <=", s->wnd_max);
	if (s->urg != UNNAMED && s->urg != 0)
		add_number(&t, "urg", s->urg);
	add_number(&t, "mss", s->mss);
	add_number(&t, "wscale", s->wscale);
	add_number(&t, "sack_ok", s->sack_ok);
	add_number(&t, "tsval", s->tsval);
	add_number(&t, "tsecr", s->tsecr);
	if (s->tos != UNNAMED && s->tos != 0)
		add_number(&t, "tos", s->tos);
	for (unsigned int i = 0; i < PLAY_BLOCKS && (s->sack[i].left != 0 || s->sack[i].right != 0); i++)
		add(&t, " sack %lld-%lld", (long long)s->sack[i].left, (long long)s->sack[i].right);
	if (s->no_sack)
		add(&t, " no sack");
	if (s->no_ts)
		add(&t, " no ts");
	if (s->no_syn_opts)
		add(&t, " no options of a SYN");
}
