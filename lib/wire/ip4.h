/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * IPv4 header (RFC 791): bytes in, values out. Every length is checked against the octets present,
 * here and once.
 */
#ifndef SANI_WIRE_IP4_H
#define SANI_WIRE_IP4_H

#include "base/base.h"
#include "wire/cksum.h"

#define SANI_IP4_HDR_MIN 20
#define SANI_IP4_HDR_MAX 60

#define SANI_IP4_DF 0x4000
#define SANI_IP4_MF 0x2000
#define SANI_IP4_OFFSET 0x1fff

struct sani_ip4 {
	uint8_t hdr_len;	/**< With options [bytes], 20..60. */
	uint8_t tos;
	uint8_t ttl;
	uint8_t proto;
	uint16_t total_len;	/**< Header and payload [bytes]. */
	uint16_t id;		/**< [host order] */
	uint16_t frag;		/**< Flags and offset as above [host order]. */
	uint32_t src_be;
	uint32_t dst_be;
};

enum sani_ip4_parse {
	SANI_IP4_PARSE_OK,
	SANI_IP4_PARSE_HEADER,		/**< Version or a length that does not fit: drop. */
	SANI_IP4_PARSE_OPTION,		/**< The option list ends in the middle of one: drop. */
	SANI_IP4_PARSE_SOURCE_ROUTE,	/**< LSRR or SSRR (RFC 7126 4.3, 4.4): drop. */
};

/**
 * Read a header. The checksum is not looked at: sani_ip4_cksum_ok().
 *
 * @param[in]  p       The header.
 * @param[in]  contig  Octets contiguous at p: at least the smaller of len and SANI_IP4_HDR_MAX.
 * @param[in]  len     Octets present after the link header, padding included.
 * @param[out] ip4     Filled but for SANI_IP4_PARSE_HEADER.
 */
enum sani_ip4_parse
sani_ip4_parse(const uint8_t *p, uint32_t contig, uint32_t len, struct sani_ip4 *ip4);

/** Sum of a header without options, folded: 0xffff when its checksum is right. */
static inline uint16_t
sani_ip4_sum(const uint8_t *p)
{
	uint32_t last;

	memcpy(&last, p + 16, sizeof(last));
	return sani_cksum_fold(sani_cksum_add_wide(sani_cksum_add_wide(sani_cksum_load(p), sani_cksum_load(p + 8)),
						   last));
}

/** Is the checksum of the hdr_len octets at p right? */
bool
sani_ip4_cksum_ok(const uint8_t *p, uint32_t hdr_len);

/** Write a header without options (hdr_len is ignored), checksum 0; SANI_IP4_HDR_MIN octets at p. */
void
sani_ip4_write(uint8_t *p, const struct sani_ip4 *ip4);

/** Fill the checksum of a header without options. */
void
sani_ip4_cksum_fill(uint8_t *p);

#endif
