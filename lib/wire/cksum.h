/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Internet checksum (RFC 1071) over mbufs and pseudo headers, IPv4 and IPv6.
 */
#ifndef SANI_WIRE_CKSUM_H
#define SANI_WIRE_CKSUM_H

#include <rte_mbuf.h>

#include "base/base.h"

/**
 * Sum, not complemented, of len contiguous octets, folded to 16 bits. Like all sums here it is in the
 * order of the octets in memory: complemented, it is stored as it is.
 */
uint16_t
sani_cksum_bytes(const void *p, size_t len);

/** Sum of two such sums, folded. */
static inline uint16_t
sani_cksum_add(uint16_t a, uint16_t b)
{
	uint32_t sum = (uint32_t)a + b;

	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/** Sum, not complemented, of len octets at offset off of a (possibly chained) mbuf, folded to 16 bits. */
uint16_t
sani_cksum_mbuf(const struct rte_mbuf *m, uint32_t off, uint32_t len);

/** Sum, not complemented, of the pseudo header of a TCP segment of len octets (RFC 9293 3.1). */
uint16_t
sani_cksum_pseudo(const union sani_ip *src, const union sani_ip *dst, uint8_t proto, uint32_t len);

/** Is the checksum of the transport packet at off right? */
bool
sani_cksum_l4_ok(const struct rte_mbuf *m, uint32_t off, uint32_t len, const union sani_ip *src,
		 const union sani_ip *dst, uint8_t proto);

#endif
