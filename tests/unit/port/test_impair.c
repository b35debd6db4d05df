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
delay_is_exact(void **state)
{
	struct sani_impair_conf conf = { .delay_us = 20000 };
	uint64_t start_us;

	(void)state;
	begin(&conf, 1, HELD);
	start_us = now_us;
	put(0);
	now_us += 7;
	put(1);
	put(2);
	expect_at(start_us + 20000, 0);
	expect_at(start_us + 20007, 1);
	expect(2);
	expect_none();
	end();
}

static void
shorter_delay_holds_for_later_frames_only(void **state)
{
	struct sani_impair_conf conf = { .delay_us = 20000 };
	uint64_t start_us;

	(void)state;
	begin(&conf, 1, HELD);
	start_us = now_us;
	put(0);
	conf.delay_us = 5;
	sani_impair_set(imp, &conf);
	put(1);
	expect_at(start_us + 5, 1);
	expect_at(start_us + 20000, 0);
	end();
}

static void
bottleneck_takes_its_time_exactly(void **state)
{
	/* 8,000 bits at 3 Mbit/s: 2,666 and two thirds of a microsecond */
	struct sani_impair_conf conf = { .rate_bps = 3000000, .delay_us = 100 };
	uint64_t start_us;

	(void)state;
	begin(&conf, 1, HELD);
	start_us = now_us;
	for (uint32_t i = 0; i < 300; i++)
		put(i);
	for (uint32_t i = 0; i < 300; i++)
		expect_at(start_us + 100 + ((uint64_t)(i + 1) * 8000 + 2) / 3, i);
	/* idle since: the next one begins when it comes */
	now_us += 5000;
	put(300);
	expect_at(now_us + 2667 + 100, 300);
	end();
}

static void
new_rate_holds_for_later_frames_and_none_overtakes(void **state)
{
	struct sani_impair_conf conf = { .rate_bps = 1000000 };
	uint64_t start_us;

	(void)state;
	begin(&conf, 1, HELD);
	start_us = now_us;
	put(0);
	conf.rate_bps = 8000000;
	sani_impair_set(imp, &conf);
	put(1);
	conf.rate_bps = 0;
	sani_impair_set(imp, &conf);
	put(2);
	expect_at(start_us + 8000, 0);
	expect_at(start_us + 9000, 1);
	expect(2);
	end();
}

static void
rate_changes_the_microsecond_that_has_begun_is_full(void **state)
{
	/* 2,666 and two thirds */
	struct sani_impair_conf conf = { .rate_bps = 3000000 };
	uint64_t start_us;

	(void)state;
	begin(&conf, 1, HELD);
	start_us = now_us;
	put(0);
	conf.rate_bps = 8000000;
	sani_impair_set(imp, &conf);
	put(1);
	expect_at(start_us + 2667, 0);
	expect_at(start_us + 3667, 1);
	end();
}

static void
queue_holds_its_bytes_to_the_microsecond(void **state)
{
	/* a frame takes 1,000 us */
	struct sani_impair_conf conf = { .rate_bps = 8000000, .queue_bytes = 3 * LEN };
	uint64_t start_us;

	(void)state;
	begin(&conf, 1, HELD);
	start_us = now_us;
	for (uint32_t i = 0; i < 5; i++)
		put(i);
	assert_int_equal(get_stats().queue_full, 2);
	now_us = start_us + 999;
	put(5);
	assert_int_equal(get_stats().queue_full, 3);
	now_us = start_us + 1000;
	put(6);
	put(7);
	assert_int_equal(get_stats().queue_full, 4);
	expect(0);
	expect_at(start_us + 2000, 1);
	expect_at(start_us + 3000, 2);
	expect_at(start_us + 4000, 6);
	end();
}

static void
frame_longer_than_the_queue_passes_when_it_is_empty(void **state)
{
	struct sani_impair_conf conf = { .rate_bps = 8000000, .queue_bytes = LEN / 2 };

	(void)state;
	begin(&conf, 1, HELD);
	put(0);
	put(1);
	assert_int_equal(get_stats().queue_full, 1);
	expect_at(now_us + 1000, 0);
	put(2);
	expect_at(now_us + 1000, 2);
	end();
}

static void
frames_beyond_the_bound_are_dropped(void **state)
{
	struct sani_impair_conf conf = { .delay_us = 1000, .rate_bps = 1000000000, .dup_ppm = 1000000 };
	uint32_t nb = 0;
	struct rte_mbuf *m;

	(void)state;
	begin(&conf, 1, 5);
	for (uint32_t turn = 0; turn < 100; turn++) {
		for (uint32_t i = 0; i < 4; i++)
			put(i);
		assert_int_equal(get_stats().queue_full - nb, 2);
		nb += 2;
		now_us = sani_impair_next(imp) + 100;
		for (uint32_t i = 0; i < 5; i++) {
			m = take();
			assert_non_null(m);
			assert_int_equal(number_of(m), i / 2);
			rte_pktmbuf_free(m);
		}
		expect_none();
	}
	end();
}

static void
order_is_that_of_the_times_due(void **state)
{
	struct sani_impair_conf conf = { .delay_us = 500, .jitter_us = 300 };
	uint64_t start_us, least = UINT64_MAX, most = 0, last = 0, before = 0, sum = 0;
	uint64_t put_us[500];
	struct rte_mbuf *m;

	(void)state;
	begin(&conf, 9, HELD);
	start_us = now_us;
	for (uint32_t i = 0; i < 500; i++, now_us += 3) {
		put_us[i] = now_us;
		put(i);
	}
	now_us = start_us;
	for (uint32_t i = 0; i < 500; i++) {
		uint64_t due = sani_impair_next(imp), took;

		assert_true(due >= last);
		last = now_us = due;
		m = take();
		took = due - put_us[number_of(m)];
		before += number_of(m) < i;
		least = RTE_MIN(least, took);
		most = RTE_MAX(most, took);
		sum += took;
		rte_pktmbuf_free(m);
	}
	assert_in_range(least, 500, 505);
	assert_in_range(most, 795, 800);
	assert_in_range(sum / 500, 635, 665);
	assert_true(before > 100);
	end();
}

static void
jitter_takes_each_value_from_none_to_the_whole(void **state)
{
	struct sani_impair_conf conf = { .delay_us = 10, .jitter_us = 3 };
	unsigned int seen = 0;

	(void)state;
	begin(&conf, 9, HELD);
	for (uint32_t i = 0; i < 100; i++) {
		uint64_t late_us;

		put(i);
		late_us = sani_impair_next(imp) - now_us - 10;
		assert_in_range(late_us, 0, 3);
		seen |= 1u << late_us;
		expect_at(now_us + 10 + late_us, i);
	}
	assert_int_equal(seen, 15);
	end();
}

static void
frames_of_one_time_keep_their_order(void **state)
{
	struct sani_impair_conf conf = { .delay_us = 50 };
	struct rte_mbuf *m;

	(void)state;
	begin(&conf, 9, HELD);
	for (uint32_t i = 0; i < HELD; i++)
		put(i);
	now_us += 50;
	for (uint32_t i = 0; i < HELD; i++) {
		m = take();
		assert_int_equal(number_of(m), i);
		rte_pktmbuf_free(m);
	}
	end();
}

static void
some_frames_are_held_up(void **state)
{
	struct sani_impair_conf conf = { .delay_us = 10, .reorder_ppm = 200000, .reorder_us = 15 };
	uint32_t held = 0, seen = 0;
	struct rte_mbuf *m;

	(void)state;
	begin(&conf, 3, HELD);
	for (uint32_t i = 0; i < 10000 + 25; i++, now_us++) {
		if (i < 10000)
			put(i);
		while ((m = take()) != NULL) {
			uint32_t late = i - number_of(m);

			assert_true(late == 10 || late == 25);
			held += late == 25;
			seen++;
			rte_pktmbuf_free(m);
		}
	}
	assert_int_equal(seen, 10000);
	assert_int_equal(held, get_stats().reordered);
	assert_in_range(held, 1800, 2200);
	end();
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
		cmocka_unit_test(delay_is_exact),
		cmocka_unit_test(shorter_delay_holds_for_later_frames_only),
		cmocka_unit_test(bottleneck_takes_its_time_exactly),
		cmocka_unit_test(new_rate_holds_for_later_frames_and_none_overtakes),
		cmocka_unit_test(rate_changes_the_microsecond_that_has_begun_is_full),
		cmocka_unit_test(queue_holds_its_bytes_to_the_microsecond),
		cmocka_unit_test(frame_longer_than_the_queue_passes_when_it_is_empty),
		cmocka_unit_test(frames_beyond_the_bound_are_dropped),
		cmocka_unit_test(order_is_that_of_the_times_due),
		cmocka_unit_test(jitter_takes_each_value_from_none_to_the_whole),
		cmocka_unit_test(frames_of_one_time_keep_their_order),
		cmocka_unit_test(some_frames_are_held_up),
		cmocka_unit_test(repetitions_are_as_often_as_asked_for),
		cmocka_unit_test(frame_longer_than_the_mtu_is_dropped),
		cmocka_unit_test(link_is_down_what_is_on_the_way_still_arrives),
		cmocka_unit_test(destroy_frees_what_is_on_the_way),
		cmocka_unit_test(every_frame_is_accounted_for),
	};

	return cmocka_run_group_tests(tests, start_eal, stop_eal);
}
