/* SPDX-License-Identifier: BSD-3-Clause */
#include "packetdrill/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ether.h>

#include "kit/fail.h"
#include "packetdrill/push.h"
#include "packetdrill/syn.h"

/* Longest datagram in which options of a SYN are looked for. */
#define SYN_MAX 256

/* One packet that was sent. */
struct sent {
	struct sent *next;
	uint64_t sent_us;
	size_t len;
	unsigned char datagram[];
};

static struct {
	struct vhost *host;
	struct flags flags;
	struct sent *head;
	struct sent **tail;
} wire;

static const struct rte_ether_addr gateway_mac = { .addr_bytes = { 2, 0, 0, 0, 0, 1 } };

void
wire_open(struct vhost *host, const struct flags *flags)
{
	wire.host = host;
	wire.flags = *flags;
	wire.tail = &wire.head;
	vhost_know(host, flags->gateway, &gateway_mac);
}

/* Add bytes to the end of a chain. False: the pool is empty. */
static bool
append(struct rte_mbuf *m, const unsigned char *data, size_t len)
{
	while (len > 0) {
		struct rte_mbuf *last = rte_pktmbuf_lastseg(m);
		uint16_t part = (uint16_t)RTE_MIN(len, (size_t)rte_pktmbuf_tailroom(last));

		if (part == 0) {
			last = rte_pktmbuf_alloc(wire.host->below->pool);
			if (last == NULL)
				return false;
			rte_pktmbuf_chain(m, last);
			continue;
		}
		memcpy(rte_pktmbuf_append(m, part), data, part);
		data += part;
		len -= part;
	}
	return true;
}

/* The datagram as it arrives at the host: into m, Ethernet header first. */
static bool
fill(struct rte_mbuf *m, const void *datagram, size_t len)
{
	_Alignas(4) unsigned char copy[SYN_MAX];
	struct rte_ether_hdr eth = {
		.dst_addr = vhost_mac(wire.host),
		.src_addr = gateway_mac,
		.ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4),
	};

	/* A SYN that is longer carries no options that would matter here. */
	if (len <= sizeof(copy)) {
		memcpy(copy, datagram, len);
		syn_strip(copy, len, wire.flags.without);
		datagram = copy;
	}
	return append(m, (const unsigned char *)&eth, sizeof(eth)) && append(m, datagram, len);
}

int
wire_put(const void *datagram, size_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(wire.host->below->pool);

	if (m == NULL)
		return -ENOMEM;
	if (!fill(m, datagram, len)) {
		rte_pktmbuf_free(m);
		return -ENOMEM;
	}
	return vhost_put(wire.host, 0, m) ? 0 : -ENOMEM;
}

/* Room for the options that a rewritten SYN may have more than the stack's. */
static void
keep(const struct rte_mbuf *m)
{
	size_t len = m->pkt_len - sizeof(struct rte_ether_hdr);
	struct sent *s = malloc(sizeof(*s) + len + SYN_GROWTH);
	const void *from;

	kit_need(s != NULL);
	from = rte_pktmbuf_read(m, sizeof(struct rte_ether_hdr), (uint32_t)len, s->datagram);
	kit_need(from != NULL);
	if (from != s->datagram)
		memcpy(s->datagram, from, len);
	s->next = NULL;
	s->sent_us = vhost_now_us;
	s->len = syn_rewrite(s->datagram, len, wire.flags.order, wire.flags.without);
	if (wire.flags.pushes)
		push_note(s->datagram, s->sent_us);
	*wire.tail = s;
	wire.tail = &s->next;
}

static uint16_t
ether_type(const struct rte_mbuf *m)
{
	return rte_be_to_cpu_16(rte_pktmbuf_mtod(m, struct rte_ether_hdr *)->ether_type);
}

unsigned int
wire_collect(void)
{
	struct rte_mbuf *m;
	unsigned int n = 0;

	while ((m = vhost_take(wire.host)) != NULL) {
		if (ether_type(m) == RTE_ETHER_TYPE_IPV4)
			keep(m);
		else if (ether_type(m) == RTE_ETHER_TYPE_ARP)
			vhost_know(wire.host, wire.flags.gateway, &gateway_mac);
		rte_pktmbuf_free(m);
		n++;
	}
	return n;
}

bool
wire_has_sent(void)
{
	return wire.head != NULL;
}

size_t
wire_take(void *datagram, size_t room, uint64_t *sent_us)
{
	struct sent *s = wire.head;
	size_t len;

	if (s == NULL)
		return 0;
	len = RTE_MIN(s->len, room);
	memcpy(datagram, s->datagram, len);
	*sent_us = s->sent_us;
	wire.head = s->next;
	if (wire.head == NULL)
		wire.tail = &wire.head;
	push_forget();
	free(s);
	return len;
}
