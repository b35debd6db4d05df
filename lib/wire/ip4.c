/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/ip4.h"

#include <rte_ip.h>

enum { OPT_END = 0, OPT_NOP = 1, OPT_LSRR = 131, OPT_SSRR = 137 };

/* RFC 791 3.1: type, length of the whole option, data. Unknown ones are skipped. */
static enum sani_ip4_parse
check_options(const uint8_t *p, uint32_t len)
{
	enum sani_ip4_parse result = SANI_IP4_PARSE_OK;
	uint32_t i = 0;

	while (i < len && p[i] != OPT_END) {
		if (p[i] == OPT_NOP) {
			i++;
			continue;
		}
		if (len - i < 2 || p[i + 1] < 2 || p[i + 1] > len - i)
			return SANI_IP4_PARSE_OPTION;
		if (p[i] == OPT_LSRR || p[i] == OPT_SSRR)
			result = SANI_IP4_PARSE_SOURCE_ROUTE;
		i += p[i + 1];
	}
	return result;
}

enum sani_ip4_parse
sani_ip4_parse(const uint8_t *p, uint32_t contig, uint32_t len, struct sani_ip4 *ip4)
{
	struct rte_ipv4_hdr h;

	if (contig < sizeof(h))
		return SANI_IP4_PARSE_HEADER;
	memcpy(&h, p, sizeof(h));
	ip4->hdr_len = (uint8_t)((h.version_ihl & 0x0f) * 4);
	ip4->total_len = rte_be_to_cpu_16(h.total_length);
	if (h.version_ihl >> 4 != 4 || ip4->hdr_len < SANI_IP4_HDR_MIN ||
	    ip4->hdr_len > contig || ip4->total_len < ip4->hdr_len || ip4->total_len > len)
		return SANI_IP4_PARSE_HEADER;
	ip4->tos = h.type_of_service;
	ip4->ttl = h.time_to_live;
	ip4->proto = h.next_proto_id;
	ip4->id = rte_be_to_cpu_16(h.packet_id);
	ip4->frag = rte_be_to_cpu_16(h.fragment_offset);
	ip4->src_be = h.src_addr;
	ip4->dst_be = h.dst_addr;
	if (sani_likely(ip4->hdr_len == SANI_IP4_HDR_MIN))
		return SANI_IP4_PARSE_OK;
	return check_options(p + SANI_IP4_HDR_MIN, ip4->hdr_len - SANI_IP4_HDR_MIN);
}

bool
sani_ip4_cksum_ok(const uint8_t *p, uint32_t hdr_len)
{
	if (sani_likely(hdr_len == SANI_IP4_HDR_MIN))
		return sani_ip4_sum(p) == 0xffff;
	return sani_cksum_bytes(p, hdr_len) == 0xffff;
}

void
sani_ip4_write(uint8_t *p, const struct sani_ip4 *ip4)
{
	struct rte_ipv4_hdr h = {
		.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = ip4->tos,
		.total_length = rte_cpu_to_be_16(ip4->total_len),
		.packet_id = rte_cpu_to_be_16(ip4->id),
		.fragment_offset = rte_cpu_to_be_16(ip4->frag),
		.time_to_live = ip4->ttl,
		.next_proto_id = ip4->proto,
		.src_addr = ip4->src_be,
		.dst_addr = ip4->dst_be,
	};

	memcpy(p, &h, sizeof(h));
}

void
sani_ip4_cksum_fill(uint8_t *p)
{
	uint16_t sum = (uint16_t)~sani_ip4_sum(p);

	memcpy(p + offsetof(struct rte_ipv4_hdr, hdr_checksum), &sum, sizeof(sum));
}
