/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * TCP segment: the header and its options as values (RFC 9293 3.1, 3.2; RFC 7323; RFC 2018; RFC 7413).
 *
 * Every length is checked against the octets really present before anything is read, here and once.
 */
#ifndef SANI_WIRE_TCP_H
#define SANI_WIRE_TCP_H

#include <rte_byteorder.h>

#include "base/base.h"

enum sani_tcp_flag {
	SANI_TCP_FIN = 0x01,
	SANI_TCP_SYN = 0x02,
	SANI_TCP_RST = 0x04,
	SANI_TCP_PSH = 0x08,
	SANI_TCP_ACK = 0x10,
	SANI_TCP_URG = 0x20,
	SANI_TCP_ECE = 0x40,
	SANI_TCP_CWR = 0x80,
};

enum sani_tcp_opt {
	SANI_TCP_OPT_MSS = 1 << 0,
	SANI_TCP_OPT_WSCALE = 1 << 1,
	SANI_TCP_OPT_TS = 1 << 2,
	SANI_TCP_OPT_SACK_PERM = 1 << 3,
	SANI_TCP_OPT_SACK = 1 << 4,	/**< Not in a SYN. */
	SANI_TCP_OPT_FAST = 1 << 5,	/**< In a SYN only: a request for a cookie, or a cookie (RFC 7413 2). */
};

#define SANI_TCP_SACK_BLOCKS 4
#define SANI_TCP_FAST_LEAST 4	/**< A cookie of Fast Open has so many octets, an even number, */
#define SANI_TCP_FAST_MOST 16	/**< up to so many. */
#define SANI_TCP_HDR_MIN 20
#define SANI_TCP_HDR_MAX 60

/** Of a SACK option: [left, right). */
struct sani_tcp_block {
	uint32_t left;
	uint32_t right;
};

/** A segment as values; everything in host order. */
struct sani_tcp_seg {
	uint32_t seq;
	uint32_t ack;
	uint16_t src_port;
	uint16_t dst_port;
	uint16_t wnd;		/**< As on the wire, not scaled. */
	uint16_t urg;
	uint8_t flags;		/**< enum sani_tcp_flag */
	uint8_t opts;		/**< enum sani_tcp_opt: which of the fields below are there. */
	uint8_t wscale;		/**< 0..14 (more is taken as 14, RFC 7323 2.3). */
	uint8_t nb_sack;
	uint8_t ecn;		/**< Of the IP header it came in (RFC 3168 5), 0..3: parse leaves 0, who has
				 *   the packet fills it in. Not of the segment itself: not written. */
	uint8_t nb_fast;	/**< Octets of the cookie; 0: a request for one. */
	uint16_t mss;
	uint16_t hdr_len;	/**< Header with options [bytes]. */
	uint32_t len;		/**< Payload [bytes]. */
	uint32_t tsval;
	uint32_t tsecr;
	union {
		struct sani_tcp_block sack[SANI_TCP_SACK_BLOCKS];
		uint8_t fast[SANI_TCP_FAST_MOST];
	};
};

/** Sequence space that a segment takes: payload, SYN and FIN. */
static inline uint32_t
sani_tcp_seg_space(const struct sani_tcp_seg *s)
{
	return s->len + !!(s->flags & SANI_TCP_SYN) + !!(s->flags & SANI_TCP_FIN);
}

enum sani_tcp_parse {
	SANI_TCP_PARSE_OK,
	SANI_TCP_PARSE_HEADER,	/**< Too short, bad offset, or port 0: drop. */
	SANI_TCP_PARSE_OPTION,	/**< The option list ends in the middle of one: drop. */
};

/**
 * Read a segment. A known option of the wrong size is ignored; of a repeated one the first counts.
 *
 * @param[in]  p    The TCP header.
 * @param[in]  len  Header and payload [bytes]; at least hdr_len octets are contiguous at p, or else
 *                  contig says how many are.
 */
enum sani_tcp_parse
sani_tcp_parse(const uint8_t *p, uint32_t contig, uint32_t len, struct sani_tcp_seg *seg);

/** The octets of most headers: no option, or a timestamp only, where RFC 7323 A wants it. At any address. */
struct sani_tcp_plain {
	uint16_t src_port_be;
	uint16_t dst_port_be;
	uint32_t seq_be;
	uint32_t ack_be;
	uint8_t off;		/**< Length in words of 32 bits << 4. */
	uint8_t flags;
	uint16_t wnd_be;
	uint16_t cksum_be;
	uint16_t urg_be;
	uint32_t ts_be;		/**< SANI_TCP_PLAIN_TS */
	uint32_t tsval_be;
	uint32_t tsecr_be;
} __attribute__((packed));

/** Two NOPs, kind and length of a timestamp. */
#define SANI_TCP_PLAIN_TS 0x0101080au

/** Options of a SYN, filled up to 32 bits by NOPs before them; the value of the first two is added. */
#define SANI_TCP_MSS_WORD 0x02040000u
#define SANI_TCP_WSCALE_WORD 0x01030300u
#define SANI_TCP_SACK_PERM_WORD 0x01010402u

/**
 * What sani_tcp_parse() makes of such a segment. p and len as there.
 * @return False: it is another, or not sound.
 */
static inline bool
sani_tcp_parse_plain(const uint8_t *p, uint32_t contig, uint32_t len, struct sani_tcp_seg *seg)
{
	const struct sani_tcp_plain *h = (const struct sani_tcp_plain *)p;
	uint32_t hdr_len;

	if (contig < SANI_TCP_HDR_MIN || len < contig)
		return false;
	hdr_len = (uint32_t)(h->off >> 4) * 4;
	if (contig < hdr_len || h->src_port_be == 0 || h->dst_port_be == 0 ||
	    !(hdr_len == sizeof(*h) ? h->ts_be == rte_cpu_to_be_32(SANI_TCP_PLAIN_TS) : hdr_len == SANI_TCP_HDR_MIN))
		return false;
	*seg = (struct sani_tcp_seg){
		.src_port = rte_be_to_cpu_16(h->src_port_be),
		.dst_port = rte_be_to_cpu_16(h->dst_port_be),
		.seq = rte_be_to_cpu_32(h->seq_be),
		.ack = rte_be_to_cpu_32(h->ack_be),
		.flags = h->flags,
		.wnd = rte_be_to_cpu_16(h->wnd_be),
		.urg = rte_be_to_cpu_16(h->urg_be),
		.hdr_len = (uint16_t)hdr_len,
		.len = len - hdr_len,
	};
	if (hdr_len == SANI_TCP_HDR_MIN)
		return true;
	seg->opts = SANI_TCP_OPT_TS;
	seg->tsval = rte_be_to_cpu_32(h->tsval_be);
	seg->tsecr = rte_be_to_cpu_32(h->tsecr_be);
	return true;
}

/**
 * Write a header with its options (padded with zero after EOL, RFC 9293 MUST-69); checksum 0.
 *
 * @param[out] p  Room for SANI_TCP_HDR_MAX.
 * @return Its length [bytes], a multiple of 4, 20..60.
 */
uint16_t
sani_tcp_write_header(uint8_t *p, const struct sani_tcp_seg *seg);

#endif
