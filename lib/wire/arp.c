/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/arp.h"

#include <rte_arp.h>

_Static_assert(sizeof(struct rte_arp_hdr) == SANI_ARP_LEN, "the header is read as one struct");

bool
sani_arp_parse(const uint8_t *p, uint32_t len, struct sani_arp *arp)
{
	struct rte_arp_hdr h;

	if (len < SANI_ARP_LEN)
		return false;
	memcpy(&h, p, sizeof(h));
	if (h.arp_hardware != RTE_BE16(RTE_ARP_HRD_ETHER) ||
	    h.arp_protocol != RTE_BE16(RTE_ETHER_TYPE_IPV4) ||
	    h.arp_hlen != RTE_ETHER_ADDR_LEN || h.arp_plen != sizeof(uint32_t))
		return false;
	arp->op = rte_be_to_cpu_16(h.arp_opcode);
	arp->sha = h.arp_data.arp_sha;
	arp->tha = h.arp_data.arp_tha;
	arp->spa_be = h.arp_data.arp_sip;
	arp->tpa_be = h.arp_data.arp_tip;
	return (arp->op == SANI_ARP_REQUEST || arp->op == SANI_ARP_REPLY) &&
	       rte_is_unicast_ether_addr(&arp->sha) && !rte_is_zero_ether_addr(&arp->sha);
}

void
sani_arp_write(uint8_t *p, const struct sani_arp *arp)
{
	struct rte_arp_hdr h = {
		.arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER),
		.arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4),
		.arp_hlen = RTE_ETHER_ADDR_LEN,
		.arp_plen = sizeof(uint32_t),
		.arp_opcode = rte_cpu_to_be_16(arp->op),
		.arp_data = {
			.arp_sha = arp->sha,
			.arp_sip = arp->spa_be,
			.arp_tha = arp->tha,
			.arp_tip = arp->tpa_be,
		},
	};

	memcpy(p, &h, sizeof(h));
}
