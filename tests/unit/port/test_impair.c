/* SPDX-License-Identifier: BSD-3-Clause */
#include "impair_bed.h"

#define FRAMES 100000u

/* Frames 0 to FRAMES - 1, one each microsecond; bit n of came says whether n came, in order. */
static void
run(uint8_t *came)
{
	struct rte_mbuf *m;

	memset(came, 0, FRAMES);
	for (uint32_t i = 0; i < FRAMES; i++, now_us++) {
		put(i);
		while ((m = take()) != NULL) {
			came[number_of(m)]++;
			rte_pktmbuf_free(m);
		}
	}
	assert_int_equal(sani_impair_next(imp), SANI_NEVER);
}

static uint8_t came[FRAMES];
static uint8_t came_too[FRAMES];

static void
nothing_is_set_frames_pass_at_once(void **state)
{
	struct sani_impair_conf conf = { 0 };

	(void)state;
	begin(&conf, 1, HELD);
	assert_int_equal(sani_impair_next(imp), SANI_NEVER);
	for (uint32_t i = 0; i < 3; i++)
		put(i);
	assert_int_equal(sani_impair_next(imp), now_us);
	for (uint32_t i = 0; i < 3; i++)
		expect(i);
	expect_none();
	assert_int_equal(get_stats().in, 3);
	assert_int_equal(get_stats().out, 3);
	end();
}

static void
take_gives_no_more_than_asked_for(void **state)
{
	struct sani_impair_conf conf = { 0 };
	struct rte_mbuf *m[8];

	(void)state;
	begin(&conf, 1, HELD);
	for (uint32_t i = 0; i < 5; i++)
		put(i);
	assert_int_equal(sani_impair_take(imp, now_us, m, 2), 2);
	assert_int_equal(sani_impair_take(imp, now_us, m + 2, 6), 3);
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(number_of(m[i]), i);
		rte_pktmbuf_free(m[i]);
	}
	end();
}

static void
loss_is_as_often_as_asked_for(void **state)
{
	static const uint32_t ppm[] = { 1000, 10000, 50000, 500000, 1000000 };

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(ppm); i++) {
		struct sani_impair_conf conf = { .loss_ppm = ppm[i] };
		int64_t mean = (int64_t)ppm[i] * FRAMES / 1000000, off;

		for (uint64_t seed = 1; seed <= 3; seed++) {
			begin(&conf, seed, HELD);
			run(came);
			/* at most four standard deviations off: of each, the variance is n p (1 - p) */
			off = (int64_t)get_stats().lost - mean;
			assert_true(off * off <= 16 * mean * (1000000 - ppm[i]) / 1000000);
			assert_int_equal(get_stats().lost + get_stats().out, FRAMES);
			end();
		}
	}
}

/* Lengths of the runs of lost frames. */
static uint32_t
count_runs(uint32_t *longest)
{
	uint32_t runs = 0, len = 0;

	*longest = 0;
	for (uint32_t i = 0; i < FRAMES; i++) {
		len = came[i] == 0 ? len + 1 : 0;
		runs += len == 1;
		if (len > *longest)
			*longest = len;
	}
	return runs;
}

static void
bursts_have_their_frequency_and_length(void **state)
{
	struct sani_impair_conf conf = { .burst_begin_ppm = 1000, .burst_end_ppm = 100000 };
	uint32_t runs, longest;
	double mean;

	(void)state;
	begin(&conf, 7, HELD);
	run(came);
	runs = count_runs(&longest);
	mean = (double)get_stats().lost / runs;
	/* one of a thousand good frames begins a burst; a burst has ten frames in the mean */
	assert_in_range(runs, 80, 120);
	assert_true(mean > 8 && mean < 12);
	assert_true(longest > 20);
	end();
}

static void
burst_without_figures_loses_single_frames(void **state)
{
	struct sani_impair_conf conf = { .burst_begin_ppm = 10000 };

	(void)state;
	begin(&conf, 7, HELD);
	run(came);
	assert_in_range(get_stats().lost, 900, 1100);
	end();
}

static void
burst_loses_its_share_only(void **state)
{
	struct sani_impair_conf conf = { .burst_begin_ppm = 1000000, .burst_end_ppm = 1,
					 .burst_loss_ppm = 300000 };

	(void)state;
	begin(&conf, 7, HELD);
	run(came);
	assert_in_range(get_stats().lost, 29000, 31000);
	end();
}

static void
no_more_bursts_the_one_under_way_ends(void **state)
{
	struct sani_impair_conf conf = { .burst_begin_ppm = 1000000, .burst_end_ppm = 1 };

	(void)state;
	begin(&conf, 7, HELD);
	put(0);
	assert_int_equal(get_stats().lost, 1);
	conf.burst_begin_ppm = 0;
	sani_impair_set(imp, &conf);
	put(1);
	expect(1);
	end();
}

static void
same_seed_loses_the_same_frames(void **state)
{
	struct sani_impair_conf conf = { .loss_ppm = 50000, .burst_begin_ppm = 100,
					 .burst_end_ppm = 200000, .dup_ppm = 10000 };

	(void)state;
	begin(&conf, 42, HELD);
	run(came);
	end();
	begin(&conf, 42, HELD);
	run(came_too);
	end();
	assert_memory_equal(came, came_too, FRAMES);
	begin(&conf, 43, HELD);
	run(came_too);
	end();
	assert_memory_not_equal(came, came_too, FRAMES);
}

static void
other_impairments_do_not_change_which_frames_are_lost(void **state)
{
	struct sani_impair_conf conf = { .loss_ppm = 50000 };

	(void)state;
	begin(&conf, 42, HELD);
	run(came);
	end();
	conf.reorder_ppm = 100000; /* held up by nothing */
	conf.corrupt_ppm = 1;
	conf.burst_begin_ppm = 1;
	conf.burst_loss_ppm = 1;
	begin(&conf, 42, HELD);
	run(came_too);
	assert_true(get_stats().reordered > 5000);
	end();
	assert_memory_equal(came, came_too, FRAMES);
}

static void
repetitions_are_as_often_as_asked_for(void **state)
{
	struct sani_impair_conf conf = { .dup_ppm = 20000 };

	(void)state;
	begin(&conf, 5, HELD);
	run(came);
	assert_in_range(get_stats().duplicated, 1800, 2200);
	assert_int_equal(get_stats().out, FRAMES + get_stats().duplicated);
	end();
}

static void
frame_longer_than_the_mtu_is_dropped(void **state)
{
	struct sani_impair_conf conf = { .mtu = 576 };
	struct rte_mbuf *m;

	(void)state;
	begin(&conf, 1, HELD);
	sani_impair_put(imp, frame_of(1, ETH + 577, 0), now_us);
	expect_none();
	sani_impair_put(imp, frame_of(2, ETH + 576, 0), now_us);
	expect(2);
	assert_int_equal(get_stats().too_long, 1);
	/* jumbo frames where nothing is set */
	conf.mtu = 0;
	sani_impair_set(imp, &conf);
	sani_impair_put(imp, frame_of(3, RTE_MBUF_DEFAULT_DATAROOM, 0), now_us);
	m = take();
	assert_int_equal(m->pkt_len, RTE_MBUF_DEFAULT_DATAROOM);
	rte_pktmbuf_free(m);
	end();
}

static void
link_is_down_what_is_on_the_way_still_arrives(void **state)
{
	struct sani_impair_conf conf = { .delay_us = 100 };

	(void)state;
	begin(&conf, 1, HELD);
	put(1);
	conf.down = true;
	sani_impair_set(imp, &conf);
	put(2);
	assert_int_equal(get_stats().down, 1);
	now_us += 100;
	expect(1);
	conf.down = false;
	sani_impair_set(imp, &conf);
	put(3);
	now_us += 100;
	expect(3);
	expect_none();
	end();
}

static void
destroy_frees_what_is_on_the_way(void **state)
{
	struct sani_impair_conf conf = { .delay_us = 100, .jitter_us = 50, .dup_ppm = 500000 };

	(void)state;
	begin(&conf, 1, HELD);
	for (uint32_t i = 0; i < 500; i++)
		put(i);
	assert_int_equal(get_stats().out, 0);
	end();
	sani_impair_destroy(NULL);
}

/* Everything at once: each frame is accounted for, and the heap gives them in order. */
static void
every_frame_is_accounted_for(void **state)
{
	struct sani_impair_conf conf = {
		.rate_bps = 100000000, .queue_bytes = 20000, .mark_bytes = 5000, .delay_us = 3000,
		.jitter_us = 2000, .mtu = 900, .loss_ppm = 10000, .burst_begin_ppm = 1000,
		.burst_end_ppm = 200000, .dup_ppm = 20000, .reorder_ppm = 20000, .reorder_us = 500,
		.corrupt_ppm = 20000,
	};
	struct sani_impair_stats s;
	struct rte_mbuf *m[8];
	uint64_t due, last = 0;
	unsigned int n;

	(void)state;
	begin(&conf, 11, 200);
	for (uint32_t i = 0; i < FRAMES; i++, now_us += 35) {
		conf.down = i % 1000 == 999;
		sani_impair_set(imp, &conf);
		sani_impair_put(imp, frame_of(i, 60 + i * 7919 % 900, 2), now_us);
		while ((due = sani_impair_next(imp)) <= now_us) {
			assert_true(due + 35 > now_us && due >= last);
			last = due;
			n = sani_impair_take(imp, due, m, 8);
			assert_true(n > 0);
			rte_pktmbuf_free_bulk(m, n);
		}
	}
	while ((n = sani_impair_take(imp, now_us + 10000, m, 8)) > 0)
		rte_pktmbuf_free_bulk(m, n);
	s = get_stats();
	assert_int_equal(s.in, FRAMES);
	assert_int_equal(s.in + s.duplicated, s.out + s.lost + s.queue_full + s.too_long + s.down);
	assert_true(s.lost && s.queue_full && s.too_long && s.down && s.duplicated && s.reordered &&
		    s.corrupted && s.marked);
	assert_int_equal(s.no_memory, 0);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_set_frames_pass_at_once),
		cmocka_unit_test(take_gives_no_more_than_asked_for),
		cmocka_unit_test(loss_is_as_often_as_asked_for),
		cmocka_unit_test(bursts_have_their_frequency_and_length),
		cmocka_unit_test(burst_without_figures_loses_single_frames),
		cmocka_unit_test(burst_loses_its_share_only),
		cmocka_unit_test(no_more_bursts_the_one_under_way_ends),
		cmocka_unit_test(same_seed_loses_the_same_frames),
		cmocka_unit_test(other_impairments_do_not_change_which_frames_are_lost),
		cmocka_unit_test(repetitions_are_as_often_as_asked_for),
		cmocka_unit_test(frame_longer_than_the_mtu_is_dropped),
		cmocka_unit_test(link_is_down_what_is_on_the_way_still_arrives),
		cmocka_unit_test(destroy_frees_what_is_on_the_way),
		cmocka_unit_test(every_frame_is_accounted_for),
	};

	return cmocka_run_group_tests(tests, start_eal, stop_eal);
}
