/* SPDX-License-Identifier: BSD-3-Clause */
#include "impair_bed.h"

static void
repetition_is_another_frame_with_the_same_bytes(void **state)
{
	struct sani_impair_conf conf = { .dup_ppm = 1000000 };
	struct rte_mbuf *a, *b;

	(void)state;
	begin(&conf, 1, HELD);
	put(77);
	a = take();
	b = take();
	expect_none();
	assert_non_null(a);
	assert_non_null(b);
	assert_ptr_not_equal(a->buf_addr, b->buf_addr);
	assert_int_equal(b->pkt_len, LEN);
	assert_memory_equal(rte_pktmbuf_mtod(a, void *), rte_pktmbuf_mtod(b, void *), LEN);
	rte_pktmbuf_free(a);
	rte_pktmbuf_free(b);
	assert_int_equal(get_stats().duplicated, 1);
	assert_int_equal(get_stats().out, 2);
	end();
}

static void
corrupted_frame_has_one_other_bit_and_a_wrong_checksum(void **state)
{
	struct sani_impair_conf conf = { .corrupt_ppm = 1000000 };
	uint32_t first = 0, last = 0;

	(void)state;
	begin(&conf, 1, HELD);
	for (uint32_t i = 0; i < 5000; i++) {
		struct rte_mbuf *good = frame_of(i, LEN, 0), *bad = frame_of(i, LEN, 0), *m;
		unsigned int bits = 0;

		assert_true(cksums_are_right(bad));
		bad->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD;
		sani_impair_put(imp, bad, now_us);
		m = take();
		assert_ptr_equal(m, bad); /* nobody else sees it: no copy */
		assert_false(cksums_are_right(m));
		assert_int_equal(m->ol_flags, 0);
		for (uint32_t at = 0; at < LEN; at++) {
			uint8_t was = *rte_pktmbuf_mtod_offset(good, uint8_t *, at);
			uint8_t is = *rte_pktmbuf_mtod_offset(m, uint8_t *, at);

			bits += (unsigned int)__builtin_popcount(was ^ is);
			assert_true(was == is || at >= ETH);
			first += was != is && at < ETH + 40;
			last += was != is && at >= LEN - 40;
		}
		assert_int_equal(bits, 1);
		rte_pktmbuf_free(m);
		rte_pktmbuf_free(good);
	}
	/* each octet is as likely as the other: 5,000 * 40 / 986 */
	assert_in_range(first, 140, 270);
	assert_in_range(last, 140, 270);
	end();
}

static void
shared_frame_is_copied_before_it_is_corrupted(void **state)
{
	struct sani_impair_conf conf = { .corrupt_ppm = 1000000 };
	struct rte_mbuf *own = frame_of(5, LEN, 0), *clone = rte_pktmbuf_clone(own, pool), *m;

	(void)state;
	assert_non_null(clone);
	begin(&conf, 1, HELD);
	sani_impair_put(imp, clone, now_us);
	m = take();
	assert_false(cksums_are_right(m));
	assert_true(cksums_are_right(own));
	rte_pktmbuf_free(m);
	/* the other way round: the one that is put is referred to by somebody */
	clone = rte_pktmbuf_clone(own, pool);
	sani_impair_put(imp, own, now_us);
	m = take();
	assert_false(cksums_are_right(m));
	assert_true(cksums_are_right(clone));
	rte_pktmbuf_free(m);
	rte_pktmbuf_free(clone);
	assert_int_equal(get_stats().corrupted, 2);
	end();
}

/* The frame in segments of so many octets. */
static struct rte_mbuf *
cut(struct rte_mbuf *m, uint16_t piece)
{
	struct rte_mbuf *first = NULL;

	for (uint32_t at = 0; at < m->pkt_len; at += piece) {
		struct rte_mbuf *seg = rte_pktmbuf_alloc(pool);
		uint16_t len = (uint16_t)RTE_MIN((uint32_t)piece, m->pkt_len - at);

		assert_non_null(seg);
		memcpy(rte_pktmbuf_append(seg, len), rte_pktmbuf_mtod_offset(m, char *, at), len);
		if (first == NULL)
			first = seg;
		else
			assert_int_equal(rte_pktmbuf_chain(first, seg), 0);
	}
	rte_pktmbuf_free(m);
	return first;
}

static void
frame_in_pieces_is_corrupted_marked_and_repeated(void **state)
{
	struct sani_impair_conf conf = { .rate_bps = 8000000, .mark_bytes = 1, .dup_ppm = 1000000 };
	struct rte_mbuf *m;

	(void)state;
	begin(&conf, 1, HELD);
	put(0);
	sani_impair_put(imp, cut(frame_of(1, LEN, 2), 5), now_us);
	conf.corrupt_ppm = 1000000;
	sani_impair_set(imp, &conf);
	sani_impair_put(imp, cut(frame_of(2, LEN, 0), 5), now_us);
	now_us += 3000;
	expect(0);
	expect(0);
	for (int i = 0; i < 4; i++) {
		uint8_t tos;

		m = take();
		assert_non_null(m);
		assert_int_equal(m->pkt_len, LEN);
		assert_true(cksums_are_right(m) == (i < 2));
		tos = *(const uint8_t *)rte_pktmbuf_read(m, ETH + 1, 1, &tos);
		if (i < 2)
			assert_int_equal(tos, 3);
		rte_pktmbuf_free(m);
	}
	assert_int_equal(get_stats().marked, 1);
	end();
}

static void
mark_of(uint8_t tos, uint8_t expected, unsigned int marked)
{
	struct sani_impair_conf conf = { .rate_bps = 8000000, .mark_bytes = LEN };
	struct rte_mbuf *m;

	begin(&conf, 1, HELD);
	put(0);
	sani_impair_put(imp, frame_of(1, LEN, tos), now_us); /* finds LEN, no more */
	sani_impair_put(imp, frame_of(2, LEN, tos), now_us); /* finds twice as much */
	now_us += 3000;
	expect(0);
	for (uint32_t i = 1; i < 3; i++) {
		m = take();
		assert_int_equal(*rte_pktmbuf_mtod_offset(m, uint8_t *, ETH + 1), i == 1 ? tos : expected);
		assert_true(cksums_are_right(m));
		rte_pktmbuf_free(m);
	}
	assert_int_equal(get_stats().marked, marked);
	end();
}

static void
ecn_capable_frame_is_marked_when_the_queue_is_long(void **state)
{
	(void)state;
	for (unsigned int dscp = 0; dscp < 256; dscp += 4) {
		mark_of((uint8_t)(dscp | 0), (uint8_t)(dscp | 0), 0);
		mark_of((uint8_t)(dscp | 1), (uint8_t)(dscp | 3), 1);
		mark_of((uint8_t)(dscp | 2), (uint8_t)(dscp | 3), 1);
		mark_of((uint8_t)(dscp | 3), (uint8_t)(dscp | 3), 0);
	}
}

static void
ip6_and_others_are_marked_by_what_they_are(void **state)
{
	struct sani_impair_conf conf = { .rate_bps = 8000000, .mark_bytes = 1 };
	static const struct { uint8_t type[2], was, is; } rows[] = {
		{ { 0x86, 0xdd }, 0x25, 0x35 }, { { 0x86, 0xdd }, 0x1a, 0x3a },
		{ { 0x86, 0xdd }, 0x0f, 0x0f }, { { 0x86, 0xdd }, 0x35, 0x35 }, { { 0x08, 0x06 }, 0x22, 0x22 },
	};

	(void)state;
	begin(&conf, 1, HELD);
	put(0);
	for (unsigned int i = 0; i < RTE_DIM(rows); i++) {
		struct rte_mbuf *m = frame_of(i + 1, LEN, 0);

		memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, 12), rows[i].type, 2);
		*rte_pktmbuf_mtod_offset(m, uint8_t *, ETH + 1) = rows[i].was;
		sani_impair_put(imp, m, now_us);
	}
	now_us += 1000 * (1 + RTE_DIM(rows));
	expect(0);
	for (unsigned int i = 0; i < RTE_DIM(rows); i++) {
		struct rte_mbuf *m = take();

		assert_int_equal(*rte_pktmbuf_mtod_offset(m, uint8_t *, ETH + 1), rows[i].is);
		rte_pktmbuf_free(m);
	}
	assert_int_equal(get_stats().marked, 2);
	end();
}

static void
shared_frame_is_copied_before_it_is_marked(void **state)
{
	struct sani_impair_conf conf = { .rate_bps = 8000000, .mark_bytes = 1 };
	struct rte_mbuf *own = frame_of(1, LEN, 2), *clone = rte_pktmbuf_clone(own, pool), *m;

	(void)state;
	begin(&conf, 1, HELD);
	put(0);
	sani_impair_put(imp, clone, now_us);
	now_us += 2000;
	expect(0);
	m = take();
	assert_int_equal(*rte_pktmbuf_mtod_offset(m, uint8_t *, ETH + 1), 3);
	assert_int_equal(*rte_pktmbuf_mtod_offset(own, uint8_t *, ETH + 1), 2);
	rte_pktmbuf_free(m);
	rte_pktmbuf_free(own);
	end();
}

static void
pool_is_empty_frames_pass_as_they_are(void **state)
{
	struct sani_impair_conf conf = { .dup_ppm = 1000000, .corrupt_ppm = 1000000 };
	static struct rte_mbuf *all[POOL_SIZE];
	struct rte_mbuf *own = frame_of(1, LEN, 0), *clone = rte_pktmbuf_clone(own, pool), *m;
	unsigned int nb = 0;

	(void)state;
	begin(&conf, 1, HELD);
	while ((m = rte_pktmbuf_alloc(pool)) != NULL)
		all[nb++] = m;
	sani_impair_put(imp, clone, now_us);
	m = take();
	assert_ptr_equal(m, clone);
	assert_true(cksums_are_right(m));
	expect_none();
	assert_int_equal(get_stats().no_memory, 2);
	assert_int_equal(get_stats().duplicated + get_stats().corrupted, 0);
	rte_pktmbuf_free(m);
	rte_pktmbuf_free(own);
	rte_pktmbuf_free_bulk(all, nb);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repetition_is_another_frame_with_the_same_bytes),
		cmocka_unit_test(corrupted_frame_has_one_other_bit_and_a_wrong_checksum),
		cmocka_unit_test(shared_frame_is_copied_before_it_is_corrupted),
		cmocka_unit_test(frame_in_pieces_is_corrupted_marked_and_repeated),
		cmocka_unit_test(ecn_capable_frame_is_marked_when_the_queue_is_long),
		cmocka_unit_test(ip6_and_others_are_marked_by_what_they_are),
		cmocka_unit_test(shared_frame_is_copied_before_it_is_marked),
		cmocka_unit_test(pool_is_empty_frames_pass_as_they_are),
	};

	return cmocka_run_group_tests(tests, start_eal, stop_eal);
}
