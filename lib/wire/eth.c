/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/eth.h"

#include <rte_byteorder.h>

bool
sani_eth_parse(const uint8_t *p, uint32_t len, struct sani_eth *eth)
{
	uint16_t type_be;

	if (len < SANI_ETH_HDR)
		return false;
	memcpy(&eth->dst, p, RTE_ETHER_ADDR_LEN);
	memcpy(&eth->src, p + 6, RTE_ETHER_ADDR_LEN);
	memcpy(&type_be, p + 12, sizeof(type_be));
	eth->type = rte_be_to_cpu_16(type_be);
	return true;
}

void
sani_eth_write(uint8_t *p, const struct sani_eth *eth)
{
	uint16_t type_be = rte_cpu_to_be_16(eth->type);

	memcpy(p, &eth->dst, RTE_ETHER_ADDR_LEN);
	memcpy(p + 6, &eth->src, RTE_ETHER_ADDR_LEN);
	memcpy(p + 12, &type_be, sizeof(type_be));
}
