/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Impairment tests: a link, a clock that the test moves, and numbered TCP segments over IPv4.
 */
#ifndef TESTS_UNIT_PORT_IMPAIR_BED_H
#define TESTS_UNIT_PORT_IMPAIR_BED_H

#include "port/impair.h"
#include "util.h"
#include "wire/cksum.h"
#include "wire/ip4.h"

#define HELD 1024u
#define LEN 1000u
#define ETH 14u
#define IP_SRC 0x0100000au
#define IP_DST 0x0200000au
#define TCP_AT (ETH + 20)
#define NUMBER_AT (ETH + 40)

static struct sani_impair *imp;
static uint64_t now_us;

/* @return The time. */
static inline uint64_t
begin(const struct sani_impair_conf *conf, uint64_t seed, uint32_t max_frames)
{
	now_us = 1000000;
	imp = sani_impair_create(conf, seed, max_frames, pool);
	assert_non_null(imp);
	return now_us;
}

static inline struct sani_impair_stats
get_stats(void)
{
	struct sani_impair_stats s;

	sani_impair_stats(imp, &s);
	return s;
}

static inline void
end(void)
{
	sani_impair_destroy(imp);
	imp = NULL;
	assert_pool_whole();
}

/* A TCP segment over IPv4 with right checksums and its number in the payload. */
static inline struct rte_mbuf *
frame_of(uint32_t number, uint32_t len, uint8_t tos)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct sani_ip4 ip = { .tos = tos, .ttl = 64, .proto = 6, .src_be = IP_SRC, .dst_be = IP_DST };
	union sani_ip src = sani_ip_from_v4(IP_SRC), dst = sani_ip_from_v4(IP_DST);
	uint16_t l4_len = (uint16_t)(len - TCP_AT), sum;
	uint8_t *p;

	assert_non_null(m);
	p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)len);
	assert_non_null(p);
	memset(p, 0, len);
	p[12] = 0x08;
	ip.total_len = (uint16_t)(len - ETH);
	sani_ip4_write(p + ETH, &ip);
	sani_ip4_cksum_fill(p + ETH);
	memcpy(p + NUMBER_AT, &number, sizeof(number));
	sum = sani_cksum_add(sani_cksum_pseudo(&src, &dst, 6, l4_len), sani_cksum_bytes(p + TCP_AT, l4_len));
	sum = (uint16_t)~sum;
	memcpy(p + TCP_AT + 16, &sum, sizeof(sum));
	return m;
}

static inline uint32_t
number_of(const struct rte_mbuf *m)
{
	uint32_t number;

	memcpy(&number, rte_pktmbuf_mtod_offset(m, void *, NUMBER_AT), sizeof(number));
	return number;
}

static inline bool
cksums_are_right(const struct rte_mbuf *m)
{
	union sani_ip src, dst;
	uint8_t head[TCP_AT];
	const uint8_t *p = rte_pktmbuf_read(m, 0, sizeof(head), head);
	uint32_t src_be, dst_be;

	memcpy(&src_be, p + ETH + 12, sizeof(src_be));
	memcpy(&dst_be, p + ETH + 16, sizeof(dst_be));
	src = sani_ip_from_v4(src_be);
	dst = sani_ip_from_v4(dst_be);
	return p[ETH] == 0x45 && sani_ip4_cksum_ok(p + ETH, 20) &&
	       sani_cksum_l4_ok(m, TCP_AT, m->pkt_len - TCP_AT, &src, &dst, 6);
}

static inline void
put(uint32_t number)
{
	sani_impair_put(imp, frame_of(number, LEN, 0), now_us);
}

/* The frame that is due now; NULL: none. */
static inline struct rte_mbuf *
take(void)
{
	struct rte_mbuf *m;

	return sani_impair_take(imp, now_us, &m, 1) == 1 ? m : NULL;
}

static inline void
expect_none(void)
{
	assert_null(take());
}

static inline void
expect(uint32_t number)
{
	struct rte_mbuf *m = take();

	assert_non_null(m);
	assert_int_equal(number_of(m), number);
	rte_pktmbuf_free(m);
}

/* The next frame comes at this time and not a microsecond before. */
static inline void
expect_at(uint64_t at_us, uint32_t number)
{
	assert_int_equal(sani_impair_next(imp), at_us);
	now_us = at_us - 1;
	expect_none();
	now_us = at_us;
	expect(number);
}

#endif
