/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/seq32.h"
#include "test.h"

static const struct {
	uint32_t a;
	uint32_t b;
	bool lt;
	bool leq;
} cases[] = {
	{ 0, 0, false, true },
	{ 0, 1, true, true },
	{ 1, 0, false, false },
	{ 0xffffffff, 0, true, true },
	{ 0, 0xffffffff, false, false },
	{ 0xfffffff0, 0x10, true, true },
	{ 0x7fffffff, 0x80000000, true, true },
	{ 0, 0x7fffffff, true, true },
	{ 0x80000001, 0, true, true },
	{ 0x80000001, 0x80000001, false, true },
};

static void
order_holds_across_the_wrap(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t a = cases[i].a;
		uint32_t b = cases[i].b;

		assert_int_equal(seq_lt(a, b), cases[i].lt);
		assert_int_equal(seq_leq(a, b), cases[i].leq);
		assert_int_equal(seq_gt(b, a), cases[i].lt);
		assert_int_equal(seq_geq(b, a), cases[i].leq);
		assert_int_equal(seq_max(a, b), cases[i].leq ? b : a);
	}
}

static void
difference_is_signed(void **state)
{
	(void)state;
	assert_int_equal(seq_diff(5, 3), 2);
	assert_int_equal(seq_diff(3, 5), -2);
	assert_int_equal(seq_diff(1, 0xffffffff), 2);
}

static void
range_across_the_wrap_is_half_open(void **state)
{
	(void)state;
	assert_true(seq_in(0xfffffffe, 0xfffffffe, 4));
	assert_true(seq_in(1, 0xfffffffe, 4));
	assert_false(seq_in(2, 0xfffffffe, 4));
	assert_false(seq_in(0xfffffffd, 0xfffffffe, 4));
	assert_false(seq_in(7, 7, 0));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_holds_across_the_wrap),
		cmocka_unit_test(difference_is_signed),
		cmocka_unit_test(range_across_the_wrap_is_half_open),
	};

	return cmocka_run_group_tests_name("seq32", tests, NULL, NULL);
}
