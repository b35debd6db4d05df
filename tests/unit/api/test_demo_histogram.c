/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "../../../apps/sandemo/demo.h"

static void
value_alone_is_read_within_a_sixteenth(void **state)
{
	(void)state;
	for (uint64_t ns = 0; ns < 1000000; ns += ns / 50 + 1) {
		struct histogram h = { 0 };
		uint64_t got;

		histogram_add(&h, ns);
		got = histogram_read(&h, 0.5);
		assert_true(got >= ns);
		assert_true(got <= ns + ns / 16 + 1);
	}
}

static void
largest_value_has_a_bucket(void **state)
{
	struct histogram h = { 0 };

	(void)state;
	histogram_add(&h, UINT64_MAX);
	assert_int_equal(h.count, 1);
	assert_int_equal(h.buckets[(63 - 3) * 16 + 15], 1);
}

static void
fraction_names_the_value_below_which_it_lies(void **state)
{
	struct histogram h = { 0 };

	(void)state;
	assert_int_equal(histogram_read(&h, 0.5), 0);
	for (int i = 0; i < 990; i++)
		histogram_add(&h, 10);
	for (int i = 0; i < 10; i++)
		histogram_add(&h, 100000);
	assert_int_equal(histogram_read(&h, 0.5), 10);
	assert_int_equal(histogram_read(&h, 0.98), 10);
	assert_true(histogram_read(&h, 0.995) >= 100000);
	assert_true(histogram_read(&h, 1.0) >= 100000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(value_alone_is_read_within_a_sixteenth),
		cmocka_unit_test(largest_value_has_a_bucket),
		cmocka_unit_test(fraction_names_the_value_below_which_it_lies),
	};

	return cmocka_run_group_tests_name("demo_histogram", tests, NULL, NULL);
}
