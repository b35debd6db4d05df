/* SPDX-License-Identifier: BSD-3-Clause */
/* When frames come: delay, jitter, rate, the queue before it. */
#include "impair_bed.h"

static void
delay_is_exact(void **state)
{
	struct sani_impair_conf conf = { .delay_us = 20000 };
	uint64_t start_us;

	(void)state;
	start_us = begin(&conf, 1, HELD);
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
	start_us = begin(&conf, 1, HELD);
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
	start_us = begin(&conf, 1, HELD);
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
	start_us = begin(&conf, 1, HELD);
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
	start_us = begin(&conf, 1, HELD);
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
	start_us = begin(&conf, 1, HELD);
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
	start_us = begin(&conf, 9, HELD);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, start_eal, stop_eal);
}
