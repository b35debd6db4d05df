/* SPDX-License-Identifier: BSD-3-Clause */
#include "rig.h"

/* Chains: same verdict as in one piece, headers contiguous, octets the same. */
static void
expect_up_whole(struct rig *r, const struct frame *f)
{
	uint8_t copy[2000];
	uint32_t headers = RTE_MIN(160U, f->len);

	assert_int_equal(r->up->pkt_len, f->len);
	assert_true(r->up->data_len >= headers);
	rte_mbuf_sanity_check(r->up, 1);
	assert_memory_equal(rte_pktmbuf_read(r->up, 0, f->len, copy), f->b, f->len);
}

static void
segment_cut_at_each_octet_is_handed_up(void **state)
{
	struct rig *r = *state;
	struct frame f;

	make_tcp(&f, 300);
	for (uint16_t cut = 0; cut <= f.len; cut++) {
		assert_int_equal(give_cut(r, &f, &cut, 1), SANI_IP_TCP);
		assert_int_equal(r->pkt.l4_len, 320);
		expect_up_whole(r, &f);
	}
}

static void
segment_in_buffers_of_few_octets_is_handed_up(void **state)
{
	uint16_t cuts[400];
	struct rig *r = *state;
	struct frame f;

	for (uint16_t size = 1; size < 20; size++) {
		for (unsigned int i = 0; i < 400; i++)
			cuts[i] = size;
		make_tcp(&f, 250);
		assert_int_equal(give_cut(r, &f, cuts, f.len / size), SANI_IP_TCP);
		expect_up_whole(r, &f);
	}
}

static void
broken_packets_are_dropped_alike_when_cut(void **state)
{
	struct rig *r = *state;
	struct frame f;

	for (uint16_t cut = 0; cut < 54; cut++) {
		make_tcp(&f, 0);
		f.b[17] = 41;
		mark(r);
		assert_int_equal(give_cut(r, &f, &cut, 1), SANI_IP_DONE);
		expect_one_drop(r, SANI_CTR_ip4_rx_bad_header);
		make_tcp(&f, 0);
		f.b[45] ^= 1;
		mark(r);
		assert_int_equal(give_cut(r, &f, &cut, 1), SANI_IP_DONE);
		expect_one_drop(r, SANI_CTR_tcp_rx_bad_checksum);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(segment_cut_at_each_octet_is_handed_up),
		TEST(segment_in_buffers_of_few_octets_is_handed_up),
		TEST(broken_packets_are_dropped_alike_when_cut),
	};

	return cmocka_run_group_tests_name("input_chain", tests, rig_start, rig_stop);
}
