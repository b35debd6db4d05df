/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/icmp4.h"

#include <rte_byteorder.h>

#include "wire/ip4.h"

static uint16_t
read_be16(const uint8_t *p)
{
	uint16_t v_be;

	memcpy(&v_be, p, sizeof(v_be));
	return rte_be_to_cpu_16(v_be);
}

bool
sani_icmp4_parse(const uint8_t *p, uint32_t len, struct sani_icmp4 *icmp)
{
	if (len < SANI_ICMP4_HDR)
		return false;
	icmp->type = p[0];
	icmp->code = p[1];
	icmp->mtu = read_be16(p + 6);
	return true;
}

bool
sani_icmp4_quote(const uint8_t *p, uint32_t len, struct sani_icmp4_quote *quote)
{
	const uint8_t *l4;
	uint32_t hdr_len;

	if (len < SANI_IP4_HDR_MIN || p[0] >> 4 != 4)
		return false;
	hdr_len = (p[0] & 0x0fU) * 4;
	if (hdr_len < SANI_IP4_HDR_MIN || len < hdr_len + 8)
		return false;
	/* The quote may be cut, so its total length is larger than what is here; never smaller. */
	if (read_be16(p + 2) < hdr_len + 8 || (read_be16(p + 6) & SANI_IP4_OFFSET) != 0)
		return false;
	quote->proto = p[9];
	memcpy(&quote->src_be, p + 12, sizeof(quote->src_be));
	memcpy(&quote->dst_be, p + 16, sizeof(quote->dst_be));
	l4 = p + hdr_len;
	quote->src_port = read_be16(l4);
	quote->dst_port = read_be16(l4 + 2);
	quote->seq = (uint32_t)read_be16(l4 + 4) << 16 | read_be16(l4 + 6);
	return true;
}

void
sani_icmp4_write(uint8_t *p, uint8_t type, uint8_t code)
{
	memset(p, 0, SANI_ICMP4_HDR);
	p[0] = type;
	p[1] = code;
}
