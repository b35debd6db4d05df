/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * ARP for IPv4 over Ethernet (RFC 826): bytes in, values out.
 */
#ifndef SANI_WIRE_ARP_H
#define SANI_WIRE_ARP_H

#include <rte_ether.h>

#include "base/base.h"

#define SANI_ARP_LEN 28

enum sani_arp_op {
	SANI_ARP_REQUEST = 1,
	SANI_ARP_REPLY = 2,
};

/** An ARP packet, in the words of RFC 826 and RFC 5227. */
struct sani_arp {
	uint16_t op;			/**< enum sani_arp_op */
	struct rte_ether_addr sha;	/**< Sender hardware address. */
	struct rte_ether_addr tha;	/**< Target hardware address. */
	uint32_t spa_be;		/**< Sender protocol address. */
	uint32_t tpa_be;		/**< Target protocol address. */
};

/**
 * Read the packet at p, where len octets are present.
 * @return false: cut, or not hardware type 1, protocol IPv4, lengths 6 and 4, request or reply, or
 *         the sender's hardware address is zero or a group.
 */
bool
sani_arp_parse(const uint8_t *p, uint32_t len, struct sani_arp *arp);

/** Write SANI_ARP_LEN octets at p. */
void
sani_arp_write(uint8_t *p, const struct sani_arp *arp);

#endif
