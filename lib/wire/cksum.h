/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Internet checksum (RFC 1071) over mbufs and pseudo headers, IPv4 and IPv6.
 */
#ifndef SANI_WIRE_CKSUM_H
#define SANI_WIRE_CKSUM_H

#include <rte_byteorder.h>
#include <rte_mbuf.h>

#include "base/base.h"

/*
 * One's complement addition does not care how wide its words are (RFC 1071 2 (B), (C)): 64-bit words are
 * summed, a carry out of the top comes in again at the bottom, and the sum is folded at the end.
 */
static inline uint64_t
sani_cksum_add_wide(uint64_t a, uint64_t b)
{
	a += b;
	return a + (a < b);
}

/** Eight octets at p as a word to sum. */
static inline uint64_t
sani_cksum_load(const uint8_t *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

/** A wide sum in 16 bits. The upper half of x + (x with its halves changed) is their sum, its carry added again. */
static inline uint16_t
sani_cksum_fold(uint64_t sum)
{
	uint32_t half;

	sum += sum << 32 | sum >> 32;
	half = (uint32_t)(sum >> 32);
	half += half << 16 | half >> 16;
	return (uint16_t)(half >> 16);
}

/** Wide sum of len contiguous octets, to be folded. */
uint64_t
sani_cksum_wide(const void *p, size_t len);

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

/** Wide sum of the pseudo header of IPv4 (RFC 9293 3.1): what the transport packet's sum is added to. */
static inline uint64_t
sani_cksum_pseudo4(uint32_t src_be, uint32_t dst_be, uint8_t proto, uint16_t len)
{
	return (uint64_t)src_be + dst_be + rte_cpu_to_be_16(len) + rte_cpu_to_be_16(proto);
}

/** Sum of the transport packet at off, len octets, on top of that of its pseudo header; folded. */
static inline uint16_t
sani_cksum_l4(const struct rte_mbuf *m, uint32_t off, uint32_t len, uint64_t pseudo)
{
	if (sani_likely(off + len <= m->data_len))
		return sani_cksum_fold(sani_cksum_add_wide(
			pseudo, sani_cksum_wide(rte_pktmbuf_mtod_offset(m, const uint8_t *, off), len)));
	return sani_cksum_add(sani_cksum_fold(pseudo), sani_cksum_mbuf(m, off, len));
}

/** Is the checksum of the transport packet at off right? */
bool
sani_cksum_l4_ok(const struct rte_mbuf *m, uint32_t off, uint32_t len, const union sani_ip *src,
		 const union sani_ip *dst, uint8_t proto);

#endif
