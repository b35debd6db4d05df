/* SPDX-License-Identifier: BSD-3-Clause */
#include "ip/priv.h"
#include "rig.h"

static void
fill(struct frame *f, uint32_t len)
{
	f->len = len;
	for (uint32_t i = 0; i < len; i++)
		f->b[i] = (uint8_t)(i * 5 + 3);
}

static void
expect_octets(const struct rte_mbuf *m, const struct frame *f, uint32_t len)
{
	uint8_t copy[2000];

	rte_mbuf_sanity_check(m, 1);
	assert_int_equal(m->pkt_len, len);
	assert_memory_equal(rte_pktmbuf_read(m, 0, len, copy), f->b, len);
}

static void
one_piece_is_left_alone(void **state)
{
	struct rte_mbuf *m;
	struct frame f;

	(void)state;
	fill(&f, 300);
	m = mbuf_of(&f, NULL, 0);
	assert_true(sani_ip_pull(m, 160));
	assert_int_equal(m->nb_segs, 1);
	expect_octets(m, &f, 300);
	rte_pktmbuf_free(m);
}

static void
short_packet_is_pulled_whole(void **state)
{
	const uint16_t cuts[] = { 3, 0, 4 };
	struct rte_mbuf *m;
	struct frame f;

	(void)state;
	fill(&f, 20);
	m = mbuf_of(&f, cuts, 3);
	assert_true(sani_ip_pull(m, 160));
	assert_int_equal(m->nb_segs, 1);
	expect_octets(m, &f, 20);
	rte_pktmbuf_free(m);
}

static void
head_without_tailroom_is_moved_to_the_front(void **state)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig_pool);
	struct rte_mbuf *rest = rte_pktmbuf_alloc(rig_pool);
	struct frame f;

	(void)state;
	fill(&f, 500);
	m->data_off = (uint16_t)(m->buf_len - 40);
	memcpy(rte_pktmbuf_append(m, 40), f.b, 40);
	memcpy(rte_pktmbuf_append(rest, 460), f.b + 40, 460);
	assert_int_equal(rte_pktmbuf_chain(m, rest), 0);
	assert_true(sani_ip_pull(m, 160));
	assert_int_equal(m->data_len, 160);
	expect_octets(m, &f, 500);
	rte_pktmbuf_free(m);
}

static void
head_of_somebody_else_is_copied_first(void **state)
{
	const uint16_t cut = 30;
	struct rte_mbuf *theirs;
	struct rte_mbuf *m;
	struct frame f;

	(void)state;
	fill(&f, 200);
	theirs = mbuf_of(&f, &cut, 1);
	m = rte_pktmbuf_clone(theirs, rig_pool);
	assert_true(sani_ip_pull(m, 160));
	assert_true(RTE_MBUF_DIRECT(m));
	expect_octets(m, &f, 200);
	expect_octets(theirs, &f, 200);
	rte_pktmbuf_free(m);
	rte_pktmbuf_free(theirs);
}

static void
head_that_is_shared_is_refused(void **state)
{
	const uint16_t cut = 30;
	struct rte_mbuf *m;
	struct frame f;

	(void)state;
	fill(&f, 200);
	m = mbuf_of(&f, &cut, 1);
	rte_mbuf_refcnt_update(m, 1);
	assert_false(sani_ip_pull(m, 160));
	rte_mbuf_refcnt_update(m, -1);
	rte_pktmbuf_free(m);
}

static void
chain_is_trimmed_to_each_length(void **state)
{
	const uint16_t cuts[] = { 10, 1, 20, 0, 9 };
	struct rte_mbuf *m;
	struct frame f;

	(void)state;
	fill(&f, 60);
	for (uint32_t len = 1; len <= 60; len++) {
		m = mbuf_of(&f, cuts, 5);
		sani_ip_trim(m, len);
		expect_octets(m, &f, len);
		rte_pktmbuf_free(m);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_piece_is_left_alone),
		TEST(short_packet_is_pulled_whole),
		TEST(head_without_tailroom_is_moved_to_the_front),
		TEST(head_of_somebody_else_is_copied_first),
		TEST(head_that_is_shared_is_refused),
		TEST(chain_is_trimmed_to_each_length),
	};

	return cmocka_run_group_tests_name("pull", tests, rig_start, rig_stop);
}
