/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Ethernet II header: bytes in, values out.
 */
#ifndef SANI_WIRE_ETH_H
#define SANI_WIRE_ETH_H

#include <rte_ether.h>

#include "base/base.h"

#define SANI_ETH_HDR 14

struct sani_eth {
	struct rte_ether_addr dst;
	struct rte_ether_addr src;
	uint16_t type;	/**< [host order]; below 0x600: an 802.3 length. */
};

/** Read the header at p, where len octets are present. @return false: the frame is a runt. */
bool
sani_eth_parse(const uint8_t *p, uint32_t len, struct sani_eth *eth);

/** Write SANI_ETH_HDR octets at p. */
void
sani_eth_write(uint8_t *p, const struct sani_eth *eth);

#endif
