/* SPDX-License-Identifier: BSD-3-Clause */
#include <netinet/in.h>
#include <string.h>

#include "test.h"
#include "wire/cksum.h"

#define LEN 211

static uint8_t octets[4096];

static int
fill_octets(void **state)
{
	uint32_t x = 12345;

	(void)state;
	for (size_t i = 0; i < sizeof(octets); i++) {
		x = x * 1664525 + 1013904223;
		octets[i] = (uint8_t)(x >> 24);
	}
	return 0;
}

/* RFC 1071 1, word by word as it is written there; the result in the order of memory. */
static uint16_t
sum_by_the_book(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++) {
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return htons((uint16_t)sum);
}

/* 0 and 0xffff are both zero. */
static void
assert_same_sum(uint16_t a, uint16_t b)
{
	assert_int_equal(a % 0xffff, b % 0xffff);
}

static void
example_of_the_rfc_sums_right(void **state)
{
	/* RFC 1071 3: ddf2 */
	static const uint8_t p[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };

	(void)state;
	assert_int_equal(sani_cksum_bytes(p, sizeof(p)), htons(0xddf2));
}

static void
all_lengths_and_alignments_sum_as_the_book_says(void **state)
{
	(void)state;
	for (size_t at = 0; at < 9; at++)
		for (size_t len = 0; len < 200; len++)
			assert_same_sum(sani_cksum_bytes(octets + at, len),
					sum_by_the_book(octets + at, len));
}

static void
folding_keeps_the_value_and_zero_apart(void **state)
{
	(void)state;
	assert_int_equal(sani_cksum_fold(0), 0);
	assert_int_equal(sani_cksum_fold(UINT64_MAX), 0xffff);
	for (unsigned int bit = 0; bit < 64; bit++) {
		assert_int_equal(sani_cksum_fold(UINT64_C(1) << bit), 1u << bit % 16);
		/* a carry out of each 16 and 32 bits comes in again */
		assert_same_sum(sani_cksum_fold(UINT64_MAX - (UINT64_C(1) << bit)), (uint16_t)~(1u << bit % 16));
	}
}

static void
largest_packet_of_ones_does_not_overflow(void **state)
{
	static uint8_t ones[65535];

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	assert_int_equal(sani_cksum_bytes(ones, sizeof(ones) - 1), 0xffff);
	assert_same_sum(sani_cksum_bytes(ones, sizeof(ones)), sum_by_the_book(ones, sizeof(ones)));
}

/* A chain over octets[0..LEN) that is cut in front of a and of b; no pool behind it. */
static void
make_chain(struct rte_mbuf m[3], uint16_t a, uint16_t b)
{
	const uint16_t cut[4] = { 0, a, b, LEN };

	memset(m, 0, 3 * sizeof(m[0]));
	for (unsigned int i = 0; i < 3; i++) {
		m[i].buf_addr = octets;
		m[i].data_off = cut[i];
		m[i].data_len = (uint16_t)(cut[i + 1] - cut[i]);
		m[i].next = i < 2 ? &m[i + 1] : NULL;
	}
	m[0].pkt_len = LEN;
	m[0].nb_segs = 3;
}

static void
segment_sums_alike_in_one_piece_and_in_many(void **state)
{
	const union sani_ip src = sani_ip_from_v4(htonl(0xfffefdfc));
	const union sani_ip dst = sani_ip_from_v4(htonl(0x0a010002));
	struct rte_mbuf m[3];

	(void)state;
	for (uint16_t a = 0; a <= LEN; a++) {
		const uint64_t pseudo = sani_cksum_pseudo4(src.w_be[3], dst.w_be[3], 6, LEN - 34);

		make_chain(m, a, LEN);
		assert_same_sum(sani_cksum_l4(&m[0], 34, LEN - 34, pseudo),
				sani_cksum_add(sani_cksum_pseudo(&src, &dst, 6, LEN - 34),
					       sum_by_the_book(octets + 34, LEN - 34)));
	}
}

static void
chain_cut_anywhere_sums_as_one_piece(void **state)
{
	uint16_t want = sum_by_the_book(octets + 34, LEN - 34);
	struct rte_mbuf m[3];

	(void)state;
	for (uint16_t a = 0; a <= LEN; a++) {
		for (uint16_t b = a; b <= LEN; b++) {
			make_chain(m, a, b);
			assert_same_sum(sani_cksum_mbuf(m, 34, LEN - 34), want);
		}
	}
}

static void
part_of_a_chain_sums_as_the_part(void **state)
{
	struct rte_mbuf m[3];

	(void)state;
	make_chain(m, 33, 77);
	for (uint32_t off = 0; off < LEN; off++)
		for (uint32_t len = 0; off + len <= LEN; len++)
			assert_same_sum(sani_cksum_mbuf(m, off, len),
					sum_by_the_book(octets + off, len));
}

static void
sum_over_the_end_of_a_chain_stops(void **state)
{
	struct rte_mbuf m[3];

	(void)state;
	make_chain(m, 10, 20);
	assert_same_sum(sani_cksum_mbuf(m, 5, LEN), sum_by_the_book(octets + 5, LEN - 5));
	assert_int_equal(sani_cksum_mbuf(m, LEN + 1, 4), 0);
}

static void
ipv4_pseudo_header_sums_as_its_octets(void **state)
{
	static const uint8_t pseudo[12] = { 10, 0, 0, 1, 192, 168, 7, 9, 0, 6, 0x05, 0xb4 };
	uint32_t src_be;
	uint32_t dst_be;
	union sani_ip src;
	union sani_ip dst;

	(void)state;
	memcpy(&src_be, pseudo, 4);
	memcpy(&dst_be, pseudo + 4, 4);
	src = sani_ip_from_v4(src_be);
	dst = sani_ip_from_v4(dst_be);
	assert_same_sum(sani_cksum_pseudo(&src, &dst, IPPROTO_TCP, 0x05b4),
			sum_by_the_book(pseudo, sizeof(pseudo)));
}

static void
ipv6_pseudo_header_sums_as_its_octets(void **state)
{
	uint8_t pseudo[40] = { 0x20, 1, 0xd, 0xb8, [15] = 1, [16] = 0xfe, [17] = 0x80, [31] = 2,
			       [33] = 1, [34] = 2, [35] = 3, [39] = 6 };
	union sani_ip src;
	union sani_ip dst;

	(void)state;
	memcpy(src.b, pseudo, 16);
	memcpy(dst.b, pseudo + 16, 16);
	assert_same_sum(sani_cksum_pseudo(&src, &dst, IPPROTO_TCP, 0x010203),
			sum_by_the_book(pseudo, sizeof(pseudo)));
}

static void
right_checksum_is_told_from_a_wrong_one(void **state)
{
	union sani_ip src = sani_ip_from_v4(htonl(0x0a000001));
	union sani_ip dst = sani_ip_from_v4(htonl(0x0a000002));
	struct rte_mbuf m[3];
	uint16_t sum;

	(void)state;
	make_chain(m, 40, 55);
	memset(octets + 50, 0, 2);
	sum = (uint16_t)~sani_cksum_add(sani_cksum_pseudo(&src, &dst, IPPROTO_TCP, LEN - 34),
					sani_cksum_mbuf(m, 34, LEN - 34));
	memcpy(octets + 50, &sum, 2);
	assert_true(sani_cksum_l4_ok(m, 34, LEN - 34, &src, &dst, IPPROTO_TCP));
	assert_false(sani_cksum_l4_ok(m, 34, LEN - 34, &src, &dst, IPPROTO_UDP));
	assert_false(sani_cksum_l4_ok(m, 34, LEN - 35, &src, &dst, IPPROTO_TCP));
	octets[LEN - 1] ^= 1;
	assert_false(sani_cksum_l4_ok(m, 34, LEN - 34, &src, &dst, IPPROTO_TCP));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(example_of_the_rfc_sums_right),
		cmocka_unit_test(all_lengths_and_alignments_sum_as_the_book_says),
		cmocka_unit_test(folding_keeps_the_value_and_zero_apart),
		cmocka_unit_test(segment_sums_alike_in_one_piece_and_in_many),
		cmocka_unit_test(largest_packet_of_ones_does_not_overflow),
		cmocka_unit_test(chain_cut_anywhere_sums_as_one_piece),
		cmocka_unit_test(part_of_a_chain_sums_as_the_part),
		cmocka_unit_test(sum_over_the_end_of_a_chain_stops),
		cmocka_unit_test(ipv4_pseudo_header_sums_as_its_octets),
		cmocka_unit_test(ipv6_pseudo_header_sums_as_its_octets),
		cmocka_unit_test(right_checksum_is_told_from_a_wrong_one),
	};

	return cmocka_run_group_tests_name("cksum", tests, fill_octets, NULL);
}
