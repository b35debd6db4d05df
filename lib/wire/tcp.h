/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * TCP segment: the header and its options as values (RFC 9293 3.1, 3.2; RFC 7323; RFC 2018; RFC 7413).
 *
 * Every length is checked against the octets really present before anything is read, here and once.
 */
#ifndef SANI_WIRE_TCP_H
#define SANI_WIRE_TCP_H

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

/**
 * Write a header with its options (padded with zero after EOL, RFC 9293 MUST-69); checksum 0.
 *
 * @param[out] p  Room for SANI_TCP_HDR_MAX.
 * @return Its length [bytes], a multiple of 4, 20..60.
 */
uint16_t
sani_tcp_write_header(uint8_t *p, const struct sani_tcp_seg *seg);

#endif
