/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/cksum.h"

#include <rte_byteorder.h>
#include <rte_common.h>

/* Fewer than 16 octets, in pieces that halve: none begins at an odd octet. */
static uint64_t
sum_tail(const uint8_t *p, size_t len)
{
	uint64_t sum = 0;
	uint32_t quad = 0;
	uint16_t pair = 0;
	uint16_t last = 0;

	if (len & 8) {
		memcpy(&sum, p, 8);
		p += 8;
	}
	if (len & 4) {
		memcpy(&quad, p, 4);
		p += 4;
	}
	if (len & 2) {
		memcpy(&pair, p, 2);
		p += 2;
	}
	/* padded on the right with zero */
	if (len & 1)
		memcpy(&last, p, 1);
	return sani_cksum_add_wide(sum, (uint64_t)quad + pair + last);
}

/*
 * Four words, each with the carry out of the one before: gcc makes of each word an addition and that of its carry,
 * for it does not know how to leave a carry where the processor has it. A sanitizer does not see what instructions
 * read that are written out, so it has the words.
 */
static inline uint64_t
add_four(uint64_t sum, const uint8_t *p)
{
#if defined(__x86_64__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
	__asm__("addq (%1), %0\n\t"
		"adcq 8(%1), %0\n\t"
		"adcq 16(%1), %0\n\t"
		"adcq 24(%1), %0\n\t"
		"adcq $0, %0"
		: "+&r"(sum) : "r"(p), "m"(*(const uint8_t (*)[32])p) : "cc");
#else
	for (int i = 0; i < 4; i++)
		sum = sani_cksum_add_wide(sum, sani_cksum_load(p + 8 * i));
#endif
	return sum;
}

static inline uint32_t
load_quad(const uint8_t *p)
{
	uint32_t quad;

	memcpy(&quad, p, sizeof(quad));
	return quad;
}

/* Two sums side by side, so that neither waits for the other's carry. */
uint64_t
sani_cksum_wide(const void *octets, size_t len)
{
	const uint8_t *p = octets;
	uint64_t even = 0;
	uint64_t odd = 0;

	for (; len >= 64; len -= 64, p += 64) {
		even = add_four(even, p);
		odd = add_four(odd, p + 32);
	}
	if (len & 32) {
		even = add_four(even, p);
		p += 32;
	}
	if (len & 16) {
		even = sani_cksum_add_wide(even, sani_cksum_load(p));
		odd = sani_cksum_add_wide(odd, sani_cksum_load(p + 8));
		p += 16;
	}
	even = sani_cksum_add_wide(even, odd);
	len &= 15;
	if (len == 0)
		return even;
	/* of a TCP header without options */
	if (len == 4)
		return sani_cksum_add_wide(even, load_quad(p));
	return sani_cksum_add_wide(even, sum_tail(p, len));
}

uint16_t
sani_cksum_bytes(const void *p, size_t len)
{
	return sani_cksum_fold(sani_cksum_wide(p, len));
}

uint16_t
sani_cksum_mbuf(const struct rte_mbuf *m, uint32_t off, uint32_t len)
{
	uint16_t sum = 0;
	bool odd = false;

	while (m != NULL && off >= m->data_len) {
		off -= m->data_len;
		m = m->next;
	}
	for (; m != NULL && len > 0; m = m->next, off = 0) {
		uint32_t n = RTE_MIN(len, (uint32_t)m->data_len - off);
		uint16_t part = sani_cksum_bytes(rte_pktmbuf_mtod_offset(m, const uint8_t *, off), n);

		/* a piece that begins at an odd octet is summed with its octets swapped (RFC 1071 2 (B)) */
		sum = sani_cksum_add(sum, odd ? rte_bswap16(part) : part);
		odd ^= n & 1;
		len -= n;
	}
	return sum;
}

uint16_t
sani_cksum_pseudo(const union sani_ip *src, const union sani_ip *dst, uint8_t proto, uint32_t len)
{
	uint32_t tail_be[2] = { rte_cpu_to_be_32(len), rte_cpu_to_be_32(proto) };
	uint64_t sum = (uint64_t)tail_be[0] + tail_be[1];

	/* RFC 9293 3.1 for IPv4, RFC 8200 8.1 for IPv6: the same sum over shorter or longer addresses */
	if (sani_ip_is_v4(dst))
		return sani_cksum_fold(sum + src->w_be[3] + dst->w_be[3]);
	sum = sani_cksum_add_wide(sum, sani_cksum_wide(src->b, sizeof(src->b)));
	return sani_cksum_fold(sani_cksum_add_wide(sum, sani_cksum_wide(dst->b, sizeof(dst->b))));
}

bool
sani_cksum_l4_ok(const struct rte_mbuf *m, uint32_t off, uint32_t len, const union sani_ip *src,
		 const union sani_ip *dst, uint8_t proto)
{
	return sani_cksum_l4(m, off, len, sani_cksum_pseudo(src, dst, proto, len)) == 0xffff;
}
