/* SPDX-License-Identifier: BSD-3-Clause */
#include "packetdrill/syn.h"

#include <string.h>

#include <rte_ip.h>
#include <rte_tcp.h>

#define KINDS 9		/* up to timestamps, kind 8 */
#define ROOM 40

/* The options of a segment by kind: where each one lies; NULL: not there. */
struct options {
	const unsigned char *at[KINDS];
};

enum kind {
	END = 0,
	NOP = 1,
	MSS = 2,
	WSCALE = 3,
	SACK_PERMITTED = 4,
	TIMESTAMPS = 8,
};

/* What is written so far. */
struct list {
	unsigned char text[ROOM];
	size_t len;
};

/* False: there is something else in it, which stays as it is. */
static bool
find_options(const unsigned char *p, const unsigned char *end, struct options *o)
{
	*o = (struct options){ 0 };
	while (p < end && *p != END) {
		if (*p == NOP) {
			p++;
			continue;
		}
		if (end - p < 2 || p[1] < 2 || p[1] > end - p || *p >= KINDS)
			return false;
		o->at[*p] = p;
		p += p[1];
	}
	return o->at[MSS] != NULL;
}

static void
pad(struct list *l, size_t nb)
{
	memset(&l->text[l->len], NOP, nb);
	l->len += nb;
}

static void
add(struct list *l, const struct options *o, enum kind kind)
{
	const unsigned char *p = o->at[kind];

	memcpy(&l->text[l->len], p, p[1]);
	l->len += p[1];
}

static void
write_linux(struct list *l, const struct options *o)
{
	add(l, o, MSS);
	if (o->at[SACK_PERMITTED] != NULL || o->at[TIMESTAMPS] != NULL) {
		if (o->at[SACK_PERMITTED] == NULL || o->at[TIMESTAMPS] == NULL)
			pad(l, 2);
		if (o->at[SACK_PERMITTED] != NULL)
			add(l, o, SACK_PERMITTED);
		if (o->at[TIMESTAMPS] != NULL)
			add(l, o, TIMESTAMPS);
	}
	if (o->at[WSCALE] != NULL) {
		pad(l, 1);
		add(l, o, WSCALE);
	}
}

static void
write_bsd(struct list *l, const struct options *o)
{
	add(l, o, MSS);
	if (o->at[WSCALE] != NULL) {
		pad(l, 1);
		add(l, o, WSCALE);
	}
	if (o->at[SACK_PERMITTED] != NULL)
		add(l, o, SACK_PERMITTED);
	if (o->at[TIMESTAMPS] != NULL) {
		if (o->at[SACK_PERMITTED] == NULL)
			pad(l, 2);
		add(l, o, TIMESTAMPS);
	}
	while (l->len % 4 != 0)
		l->text[l->len++] = END;
}

/* In the stack's own order there is nothing to be put elsewhere: what is left follows as Linux has it. */
static void
write_list(struct list *l, const struct options *o, enum flags_order order)
{
	if (order == FLAGS_ORDER_BSD)
		write_bsd(l, o);
	else
		write_linux(l, o);
}

static void
fill_checksums(struct rte_ipv4_hdr *ip, struct rte_tcp_hdr *tcp)
{
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	tcp->cksum = 0;
	tcp->cksum = rte_ipv4_udptcp_cksum(ip, tcp);
}

static bool
is_syn(const struct rte_ipv4_hdr *ip, const struct rte_tcp_hdr *tcp)
{
	return ip->next_proto_id == IPPROTO_TCP && (tcp->tcp_flags & RTE_TCP_SYN_FLAG);
}

size_t
syn_rewrite(unsigned char *datagram, size_t len, enum flags_order order, unsigned int without)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)datagram;
	size_t ip_len = rte_ipv4_hdr_len(ip);
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(datagram + ip_len);
	unsigned char *opts = datagram + ip_len + sizeof(*tcp);
	struct list list = { .len = 0 };
	struct options o;
	size_t old;

	if ((order == FLAGS_ORDER_STACK && without == 0) || !is_syn(ip, tcp))
		return len;
	old = (size_t)(tcp->data_off >> 4) * 4 - sizeof(*tcp);
	if (!find_options(opts, opts + old, &o))
		return len;
	for (unsigned int kind = 0; kind < KINDS; kind++)
		if (without & 1u << kind)
			o.at[kind] = NULL;
	write_list(&list, &o, order);
	memmove(opts + list.len, opts + old, len - ip_len - sizeof(*tcp) - old);
	memcpy(opts, list.text, list.len);
	len = len - old + list.len;
	tcp->data_off = (uint8_t)((sizeof(*tcp) + list.len) / 4 << 4);
	ip->total_length = rte_cpu_to_be_16((uint16_t)len);
	fill_checksums(ip, tcp);
	return len;
}

void
syn_strip(unsigned char *datagram, size_t len, unsigned int without)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)datagram;
	size_t ip_len = rte_ipv4_hdr_len(ip), size;
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(datagram + ip_len);
	struct options o;

	if (without == 0 || len < ip_len + sizeof(*tcp) || !is_syn(ip, tcp))
		return;
	size = (size_t)(tcp->data_off >> 4) * 4;
	if (size < sizeof(*tcp) || len < ip_len + size)
		return;
	find_options((unsigned char *)(tcp + 1), datagram + ip_len + size, &o);
	for (unsigned int kind = 0; kind < KINDS; kind++)
		if ((without & 1u << kind) && o.at[kind] != NULL)
			memset(datagram + (o.at[kind] - datagram), NOP, o.at[kind][1]);
	fill_checksums(ip, tcp);
}
