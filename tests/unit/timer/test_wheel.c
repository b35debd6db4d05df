/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "base/base.h"
#include "test.h"
#include "timer/wheel.h"

#define N 500
#define TICK_US 64u

struct element {
	char before[24];
	struct sani_timer timer;
	char after[8];
};

static struct element elements[N];
static uint64_t model[N];	/* when it is armed for, SANI_NEVER: not */

static uint64_t rng_state;

static uint64_t
draw(void)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return rng_state;
}

static struct sani_wheel *
make_wheel(uint64_t now_us)
{
	for (uint32_t i = 0; i < N; i++) {
		sani_timer_init(&elements[i].timer);
		model[i] = SANI_NEVER;
	}
	return sani_wheel_create(elements, sizeof(elements[0]), offsetof(struct element, timer), now_us);
}

/* Distances of every size: due at once, within a slot, and over every level of the wheel. */
static uint64_t
draw_distance(void)
{
	return draw() & ((UINT64_C(1) << draw() % 38) - 1);
}

static void
arm(struct sani_wheel *w, uint32_t idx, uint64_t when_us)
{
	sani_wheel_arm(w, idx, when_us);
	model[idx] = when_us;
	assert_true(sani_timer_armed(&elements[idx].timer));
}

/* Advance, and hold every index against the model: not before its time, none twice. */
static void
advance_and_compare(struct sani_wheel *w, uint64_t now_us)
{
	uint32_t idx[7];
	unsigned int n;

	do {
		n = sani_wheel_advance(w, now_us, idx, 7);
		for (unsigned int i = 0; i < n; i++) {
			assert_true(idx[i] < N);
			assert_true(model[idx[i]] <= now_us);
			assert_false(sani_timer_armed(&elements[idx[i]].timer));
			model[idx[i]] = SANI_NEVER;
		}
	} while (n == 7);
	for (uint32_t i = 0; i < N; i++)
		assert_true(model[i] == SANI_NEVER || model[i] + TICK_US > now_us);
}

/* The wheel's next is never after the true next. */
static void
compare_next(const struct sani_wheel *w)
{
	uint64_t first = SANI_NEVER;

	for (uint32_t i = 0; i < N; i++)
		if (model[i] < first)
			first = model[i];
	if (first == SANI_NEVER)
		assert_true(sani_wheel_next(w) == SANI_NEVER);
	else
		assert_true(sani_wheel_next(w) < first + TICK_US);
}

static void
run_against_model(uint64_t seed, uint64_t start_us, unsigned int steps)
{
	struct sani_wheel *w;
	uint64_t now = start_us;

	rng_state = seed;
	w = make_wheel(now);
	for (unsigned int step = 0; step < steps; step++) {
		uint32_t idx = (uint32_t)(draw() % N);

		if (draw() % 4 == 0) {
			sani_wheel_disarm(w, idx);
			model[idx] = SANI_NEVER;
			assert_false(sani_timer_armed(&elements[idx].timer));
		} else {
			arm(w, idx, now + draw_distance());
		}
		if (draw() % 8 == 0)
			now += draw() & ((UINT64_C(1) << draw() % 34) - 1);
		if (draw() % 8 == 0) {
			advance_and_compare(w, now);
			compare_next(w);
		}
	}
	advance_and_compare(w, now + (UINT64_C(1) << 38) + TICK_US);
	compare_next(w);
	for (uint32_t i = 0; i < N; i++)
		assert_true(model[i] == SANI_NEVER);
	sani_wheel_destroy(w);
}

static void
random_arm_move_disarm_matches_model(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++)
		run_against_model(seed * 0x9e3779b97f4a7c15u, draw() >> 20, 20000);
}

static void
time_over_the_wrap_of_ticks_matches_model(void **state)
{
	(void)state;
	/* ticks are kept in 32 bits in the elements: 2^32 ticks are 2^38 us */
	run_against_model(77, (UINT64_C(1) << 38) - 1000, 50000);
	run_against_model(78, 3 * (UINT64_C(1) << 38) - 50000000, 50000);
}

static void
expiry_is_at_most_one_tick_late(void **state)
{
	struct sani_wheel *w = make_wheel(1000);
	uint32_t idx;

	(void)state;
	for (uint64_t when = 1001; when < 1001 + 3 * TICK_US; when++) {
		arm(w, 3, when);
		assert_int_equal(sani_wheel_advance(w, when - 1, &idx, 1), 0);
		assert_int_equal(sani_wheel_advance(w, when + TICK_US - 1, &idx, 1), 1);
		assert_int_equal(idx, 3);
		sani_wheel_destroy(w);
		w = make_wheel(1000);
	}
	sani_wheel_destroy(w);
}

static void
past_deadline_fires_at_next_advance_with_the_same_time(void **state)
{
	struct sani_wheel *w = make_wheel(1000000);
	uint32_t idx;

	(void)state;
	arm(w, 9, 5);
	assert_true(sani_wheel_next(w) <= 1000000);
	assert_int_equal(sani_wheel_advance(w, 1000000, &idx, 1), 1);
	assert_int_equal(idx, 9);
	assert_int_equal(sani_wheel_advance(w, 1000000, &idx, 1), 0);
	sani_wheel_destroy(w);
}

static void
far_deadline_waits_its_whole_time(void **state)
{
	/* within reach: 70 hours */
	const uint64_t far = UINT64_C(70) * 3600 * 1000000;
	struct sani_wheel *w = make_wheel(12345);
	uint32_t idx;

	(void)state;
	arm(w, 1, 12345 + far);
	assert_int_equal(sani_wheel_advance(w, 12345 + far - 1, &idx, 1), 0);
	assert_int_equal(sani_wheel_advance(w, 12345 + far + TICK_US, &idx, 1), 1);
	sani_wheel_destroy(w);
}

static void
deadline_out_of_reach_fires_early_and_is_armed_again(void **state)
{
	const uint64_t reach = (UINT64_C(1) << 38) - TICK_US;
	const uint64_t far = UINT64_C(1000) * 3600 * 1000000;
	struct sani_wheel *w = make_wheel(0);
	unsigned int early = 0;
	uint32_t idx;

	(void)state;
	sani_wheel_arm(w, 1, far);
	for (uint64_t now = 0; now < far; now += reach / 4) {
		if (sani_wheel_advance(w, now, &idx, 1) == 1) {
			early++;
			sani_wheel_arm(w, 1, far);
		}
	}
	assert_in_range(early, 1, far / reach);
	assert_int_equal(sani_wheel_advance(w, far + TICK_US, &idx, 1), 1);
	sani_wheel_destroy(w);
}

static void
advance_fills_no_more_than_asked(void **state)
{
	struct sani_wheel *w = make_wheel(0);
	uint32_t idx[N];
	unsigned int sum = 0;

	(void)state;
	for (uint32_t i = 0; i < N; i++)
		sani_wheel_arm(w, i, 640 + i % 3 * TICK_US);
	for (unsigned int n = 64; n == 64; sum += n) {
		n = sani_wheel_advance(w, 5000, idx, 64);
		assert_true(n <= 64);
	}
	assert_int_equal(sum, N);
	assert_true(sani_wheel_next(w) == SANI_NEVER);
	sani_wheel_destroy(w);
}

static void
disarm_of_an_unarmed_timer_does_nothing(void **state)
{
	struct sani_wheel *w = make_wheel(0);
	uint32_t idx;

	(void)state;
	sani_wheel_disarm(w, 4);
	arm(w, 5, 100);
	sani_wheel_disarm(w, 4);
	sani_wheel_disarm(w, 5);
	sani_wheel_disarm(w, 5);
	assert_int_equal(sani_wheel_advance(w, 1000, &idx, 1), 0);
	assert_true(sani_wheel_next(w) == SANI_NEVER);
	sani_wheel_destroy(w);
}

/* Whoever advances only when something is due sees all of it when it is, however long the wheel was empty. */
static void
advance_when_due_is_all_that_is_needed(void **state)
{
	struct sani_wheel *w = make_wheel(0);
	uint64_t now_us = 0;
	unsigned int skipped = 0;
	uint32_t idx;

	(void)state;
	for (uint32_t i = 0; i < 2000; i++) {
		uint64_t when_us = now_us + 100 * (i % 50);

		arm(w, 3, when_us);
		while (true) {
			bool is_due = sani_wheel_is_due(w, now_us);

			skipped += !is_due;
			if (is_due && sani_wheel_advance(w, now_us, &idx, 1) == 1)
				break;
			assert_true(now_us < when_us + TICK_US);
			now_us += 50;
		}
		assert_true(now_us >= when_us);
		/* empty for up to 20 seconds */
		for (uint64_t end_us = now_us + i * 10000; now_us < end_us; now_us += 1000 + i)
			if (sani_wheel_is_due(w, now_us))
				assert_int_equal(sani_wheel_advance(w, now_us, &idx, 1), 0);
	}
	assert_true(skipped > 2000);
	sani_wheel_destroy(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_arm_move_disarm_matches_model),
		cmocka_unit_test(time_over_the_wrap_of_ticks_matches_model),
		cmocka_unit_test(expiry_is_at_most_one_tick_late),
		cmocka_unit_test(past_deadline_fires_at_next_advance_with_the_same_time),
		cmocka_unit_test(far_deadline_waits_its_whole_time),
		cmocka_unit_test(deadline_out_of_reach_fires_early_and_is_armed_again),
		cmocka_unit_test(advance_fills_no_more_than_asked),
		cmocka_unit_test(disarm_of_an_unarmed_timer_does_nothing),
		cmocka_unit_test(advance_when_due_is_all_that_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
