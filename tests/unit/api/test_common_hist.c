/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "../../../apps/common/hist.h"

static void
value_alone_is_read_within_a_step(void **state)
{
	(void)state;
	for (uint64_t ns = 0; ns < 1000000; ns += ns / 50 + 1) {
		struct prog_hist h = { 0 };
		uint64_t got;

		prog_hist_add(&h, ns);
		got = prog_hist_at(&h, 0.5);
		assert_true(got <= ns);
		assert_true(got >= ns - ns / 64);
	}
}

static void
largest_value_has_a_step(void **state)
{
	struct prog_hist h = { 0 };

	(void)state;
	prog_hist_add(&h, UINT64_MAX);
	assert_int_equal(h.n, 1);
	assert_true(prog_hist_at(&h, 1.0) >= UINT64_MAX - UINT64_MAX / 64);
}

static void
fraction_names_the_value_below_which_it_lies(void **state)
{
	struct prog_hist h = { 0 };

	(void)state;
	assert_int_equal(prog_hist_at(&h, 0.5), 0);
	for (int i = 0; i < 990; i++)
		prog_hist_add(&h, 10);
	for (int i = 0; i < 10; i++)
		prog_hist_add(&h, 100000);
	assert_int_equal(prog_hist_at(&h, 0.5), 10);
	assert_int_equal(prog_hist_at(&h, 0.98), 10);
	assert_true(prog_hist_at(&h, 0.995) >= 100000 - 100000 / 64);
	assert_true(prog_hist_at(&h, 1.0) >= 100000 - 100000 / 64);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(value_alone_is_read_within_a_step),
		cmocka_unit_test(largest_value_has_a_step),
		cmocka_unit_test(fraction_names_the_value_below_which_it_lies),
	};

	return cmocka_run_group_tests_name("common_hist", tests, NULL, NULL);
}
