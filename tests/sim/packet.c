/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim/packet.h"

#include <stdio.h>
#include <string.h>

#define ETH 14u
#define QUOTE 8u	/* octets of TCP in an ICMP error, RFC 792 */

static uint16_t
get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* RFC 1071, in pairs of octets. */
static uint32_t
sum(const uint8_t *p, uint32_t len, uint32_t start)
{
	uint64_t s = start;

	for (; len > 1; len -= 2, p += 2)
		s += get16(p);
	if (len == 1)
		s += (uint32_t)p[0] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint32_t)s;
}

static void
bad(struct sim_packet *p, const char *why)
{
	p->proto = SIM_BAD;
	p->why = why;
}

/* One option; false: its length is wrong. */
static bool
read_option(struct sim_packet *p, const uint8_t *o, uint32_t len)
{
	switch (o[0]) {
	case 2:
		p->has_mss = true;
		p->mss = len == 4 ? get16(o + 2) : 0;
		return len == 4;
	case 3:
		p->has_ws = true;
		p->ws = len == 3 ? o[2] : 0;
		return len == 3;
	case 4:
		p->has_sackp = true;
		return len == 2;
	case 5:
		if (len < 10 || (len - 2) % 8 != 0 || len > 34)
			return false;
		p->nb_sack = (len - 2) / 8;
		for (unsigned int i = 0; i < p->nb_sack; i++) {
			p->sack[i][0] = get32(o + 2 + 8 * i);
			p->sack[i][1] = get32(o + 6 + 8 * i);
		}
		return true;
	case 8:
		p->has_ts = true;
		p->tsval = len == 10 ? get32(o + 2) : 0;
		p->tsecr = len == 10 ? get32(o + 6) : 0;
		return len == 10;
	default:
		return true;
	}
}

static bool
read_options(struct sim_packet *p, const uint8_t *o, uint32_t len)
{
	uint32_t i = 0;

	while (i < len && o[i] != 0) {
		uint32_t n = 1;

		if (o[i] != 1) {
			n = i + 1 < len ? o[i + 1] : 0;
			if (n < 2 || i + n > len || !read_option(p, o + i, n))
				return false;
		}
		i += n;
	}
	return true;
}

static void
read_tcp(struct sim_packet *p, const uint8_t *t, uint32_t len)
{
	uint32_t pseudo = (p->src >> 16) + (p->src & 0xffff) + (p->dst >> 16) + (p->dst & 0xffff) + 6 + len;
	uint32_t hdr;

	if (len < 20) {
		bad(p, "short TCP header");
		return;
	}
	hdr = (uint32_t)(t[12] >> 4) * 4;
	p->proto = SIM_TCP;
	p->sport = get16(t);
	p->dport = get16(t + 2);
	p->seq = get32(t + 4);
	p->ack = get32(t + 8);
	p->flags = t[13];
	p->wnd = get16(t + 14);
	if (sum(t, len, pseudo) != 0xffff)
		bad(p, "TCP checksum");
	else if (hdr < 20 || hdr > len)
		bad(p, "TCP data offset");
	else if (!read_options(p, t + 20, hdr - 20))
		bad(p, "TCP options");
	if (p->proto == SIM_BAD)
		return;
	p->opt_len = (uint16_t)(hdr - 20);
	p->data = t + hdr;
	p->len = (uint16_t)(len - hdr);
}

static void
read_icmp(struct sim_packet *p, const uint8_t *c, uint32_t len)
{
	uint32_t hdr = len >= 8 + 20 ? (uint32_t)(c[8] & 15) * 4 : 0;

	p->proto = SIM_ICMP;
	if (len < 8 || sum(c, len, 0) != 0xffff) {
		bad(p, "ICMP");
		return;
	}
	if (c[0] != 3 || len < 8 + hdr + QUOTE || hdr < 20 || c[8 + 9] != 6)
		return;
	p->icmp_type_code = get16(c);
	p->sport = get16(c + 8 + hdr);
	p->dport = get16(c + 8 + hdr + 2);
	p->seq = get32(c + 8 + hdr + 4);
	p->src = get32(c + 8 + 12);
	p->dst = get32(c + 8 + 16);
}

void
sim_packet_read(const uint8_t *frame, uint32_t len, struct sim_packet *p)
{
	const uint8_t *ip = frame + ETH;
	uint32_t hdr;

	memset(p, 0, sizeof(*p));
	if (len < ETH + 20 || get16(frame + 12) != 0x0800) {
		p->proto = len >= ETH && get16(frame + 12) == 0x0806 ? SIM_ARP : SIM_OTHER;
		p->broadcast = frame[0] & 1;
		if (p->proto == SIM_ARP && len >= ETH + 28)
			p->src = get32(frame + ETH + 14);
		if (p->proto == SIM_ARP && len >= ETH + 28 && get16(frame + ETH + 6) == 1)
			p->dst = get32(frame + ETH + 24);
		return;
	}
	hdr = (uint32_t)(ip[0] & 15) * 4;
	p->ip_len = get16(ip + 2);
	if (ip[0] >> 4 != 4 || hdr < 20 || p->ip_len < hdr || p->ip_len > len - ETH) {
		bad(p, "IPv4 header");
		return;
	}
	p->src = get32(ip + 12);
	p->dst = get32(ip + 16);
	p->tos = ip[1];
	p->df = ip[6] & 0x40;
	if (sum(ip, hdr, 0) != 0xffff)
		bad(p, "IPv4 checksum");
	else if (ip[9] == 6)
		read_tcp(p, ip + hdr, p->ip_len - hdr);
	else if (ip[9] == 1)
		read_icmp(p, ip + hdr, p->ip_len - hdr);
	else
		p->proto = SIM_IP;
}

uint32_t
sim_packet_too_big(const uint8_t *frame, uint32_t len, uint16_t mtu, uint8_t *out)
{
	uint32_t quoted = len - ETH < 548 ? len - ETH : 548;
	uint8_t *ip = out + ETH;
	uint8_t *icmp = ip + 20;

	memcpy(out, frame + 6, 6);
	memcpy(out + 6, frame, 6);
	put16(out + 12, 0x0800);
	memset(ip, 0, 28);
	ip[0] = 0x45;
	put16(ip + 2, 28 + quoted);
	ip[8] = 64;
	ip[9] = 1;
	memcpy(ip + 12, frame + ETH + 16, 4);
	memcpy(ip + 16, frame + ETH + 12, 4);
	put16(ip + 10, ~sum(ip, 20, 0));
	icmp[0] = 3;
	icmp[1] = 4;
	put16(icmp + 6, mtu);
	memcpy(icmp + 8, frame + ETH, quoted);
	put16(icmp + 2, ~sum(icmp, 8 + quoted, 0));
	return ETH + 28 + quoted;
}

const char *
sim_packet_text(const struct sim_packet *p, char *buf, uint32_t size)
{
	static const char *const names[] = { "frame", "ARP", "TCP", "ICMP", "IP", "bad" };
	char flags[9];
	unsigned int n = 0;

	for (unsigned int i = 0; i < 8; i++)
		if (p->flags & 1u << i)
			flags[n++] = "FSRP.UEC"[i];
	flags[n] = '\0';
	if (p->proto != SIM_TCP)
		snprintf(buf, size, "%s %s", names[p->proto], p->proto == SIM_BAD ? p->why : "");
	else
		n = (unsigned int)snprintf(buf, size, "%u:%u>%u:%u %s seq %u len %u ack %u win %u ts %u/%u",
					   p->src & 255, p->sport, p->dst & 255, p->dport, flags, p->seq,
					   p->len, p->ack, p->wnd, p->tsval, p->tsecr);
	for (unsigned int i = 0; i < p->nb_sack && n < size; i++)
		n += (unsigned int)snprintf(buf + n, size - n, " sack %u..%u", p->sack[i][0], p->sack[i][1]);
	return buf;
}
