/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <string.h>

#include "../../../apps/echo/echo.h"

#define LEN 1000

static void
pieces_make_the_same_stream_as_the_whole(void **state)
{
	unsigned char whole[LEN];
	unsigned char pieces[LEN];
	size_t at = 0;

	(void)state;
	pattern_fill(7, 123, whole, LEN);
	for (size_t len = 1; at < LEN; at += len, len = len % 13 + 1) {
		if (len > LEN - at)
			len = LEN - at;
		pattern_fill(7, 123 + at, pieces + at, len);
		assert_int_equal(pattern_check(7, 123 + at, whole + at, len), len);
	}
	assert_memory_equal(whole, pieces, LEN);
}

static void
changed_byte_is_found_where_it_is(void **state)
{
	unsigned char data[LEN];

	(void)state;
	pattern_fill(7, 5, data, LEN);
	assert_int_equal(pattern_check(7, 5, data, LEN), LEN);
	for (size_t i = 0; i < LEN; i++) {
		data[i] ^= 0x10;
		assert_int_equal(pattern_check(7, 5, data, LEN), i);
		data[i] ^= 0x10;
	}
}

static void
other_seed_or_offset_is_another_stream(void **state)
{
	unsigned char data[LEN];

	(void)state;
	pattern_fill(7, 0, data, LEN);
	assert_true(pattern_check(8, 0, data, LEN) < 16);
	assert_true(pattern_check(7, 1, data, LEN) < 16);
	assert_true(pattern_check(7, 1448, data, LEN) < 16);
	assert_true(pattern_check(7 + ((uint64_t)1 << 32), 0, data, LEN) < 16);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_make_the_same_stream_as_the_whole),
		cmocka_unit_test(changed_byte_is_found_where_it_is),
		cmocka_unit_test(other_seed_or_offset_is_another_stream),
	};

	return cmocka_run_group_tests_name("echo_pattern", tests, NULL, NULL);
}
