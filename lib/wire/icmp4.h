/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * ICMP for IPv4 (RFC 792): bytes in, values out.
 */
#ifndef SANI_WIRE_ICMP4_H
#define SANI_WIRE_ICMP4_H

#include "base/base.h"

#define SANI_ICMP4_HDR 8

enum sani_icmp4_type {
	SANI_ICMP4_ECHO_REPLY = 0,
	SANI_ICMP4_UNREACHABLE = 3,
	SANI_ICMP4_ECHO = 8,
	SANI_ICMP4_TIME_EXCEEDED = 11,
	SANI_ICMP4_PARAMETER = 12,
};

enum sani_icmp4_unreachable {
	SANI_ICMP4_UNREACHABLE_PROTOCOL = 2,
	SANI_ICMP4_UNREACHABLE_PORT = 3,
	SANI_ICMP4_UNREACHABLE_FRAG = 4,
};

struct sani_icmp4 {
	uint8_t type;
	uint8_t code;
	uint16_t mtu;	/**< Second half of the second word (RFC 1191 4); only for type 3 code 4. */
};

/** What an error says of the packet that caused it. */
struct sani_icmp4_quote {
	uint32_t src_be;
	uint32_t dst_be;
	uint8_t proto;
	uint16_t src_port;	/**< [host order] */
	uint16_t dst_port;	/**< [host order] */
	uint32_t seq;		/**< [host order] */
};

/** Read a header at p, where len octets are present. @return false: cut. */
bool
sani_icmp4_parse(const uint8_t *p, uint32_t len, struct sani_icmp4 *icmp);

/**
 * Read the packet that an error quotes: an IPv4 header and 8 octets (RFC 792), all of them there.
 *
 * @param[in] p    Behind the ICMP header.
 * @param[in] len  Octets present and contiguous at p.
 * @return false: cut, or not the beginning of a packet (later fragments have no ports).
 */
bool
sani_icmp4_quote(const uint8_t *p, uint32_t len, struct sani_icmp4_quote *quote);

/** Write SANI_ICMP4_HDR octets at p: type, code, checksum 0, second word 0. */
void
sani_icmp4_write(uint8_t *p, uint8_t type, uint8_t code);

#endif
