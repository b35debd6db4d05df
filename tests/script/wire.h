/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Wire: frames of the peer as octets and back, written apart from lib/wire, so that a fault there shows.
 */
#ifndef TESTS_SCRIPT_WIRE_H
#define TESTS_SCRIPT_WIRE_H

#include "script/play.h"

#define WIRE_HOST_IP 0x0a070001u	/* 10.7.0.1 */
#define WIRE_PEER_IP 0x0a070002u

/** Addresses of a frame [host order]. */
struct wire_ends {
	struct rte_ether_addr peer_mac;
	struct rte_ether_addr host_mac;
	uint32_t src_ip;
	uint32_t dst_ip;
	uint16_t src_port;
	uint16_t dst_port;
};

/** A frame of the host. */
struct wire_frame {
	enum { WIRE_OTHER, WIRE_ARP, WIRE_TCP } kind;
	struct wire_ends ends;		/**< TCP */
	struct play_seg seg;		/**< TCP, absolute numbers; what is not there is UNNAMED. */
	const uint8_t *payload;
	const char *fault;		/**< A checksum, a length or an option that may not be; or NULL. */
	uint64_t at_us;
	struct rte_mbuf *m;
};

/** Octet of a stream at an offset; the first one is at 1. */
uint8_t
wire_octet(int64_t offset);

/**
 * A TCP segment. All numbers of seg are absolute and said; left out are options that are UNNAMED.
 * @param[in] offset  Where its payload stands in the stream.
 */
struct rte_mbuf *
wire_tcp(struct rte_mempool *pool, const struct wire_ends *ends, const struct play_seg *seg, int64_t offset);

/** An ICMP error that quotes a segment from ends->dst to ends->src with sequence number seq. */
struct rte_mbuf *
wire_icmp(struct rte_mempool *pool, const struct wire_ends *ends, const struct play_icmp *icmp, uint32_t seq);

/** The answer to an ARP request, whoever is asked for; NULL: not a request. */
struct rte_mbuf *
wire_arp_reply(struct rte_mempool *pool, const struct wire_ends *ends, const struct rte_mbuf *request);

/** Read a frame of the host. f->m is m. */
void
wire_parse(struct rte_mbuf *m, struct wire_frame *f);

/** "SYN|ACK seq 0 ack 1 wnd 65535 mss 1460", of what is not UNNAMED. */
void
wire_print(char *text, size_t size, const struct play_seg *seg);

#endif
