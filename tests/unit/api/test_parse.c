/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "api/parse.h"

static int
number(const char *text, uint32_t max, uint32_t *out)
{
	return sani_parse_number(text, strlen(text), max, out);
}

static void
number_up_to_its_limit_is_read(void **state)
{
	uint32_t n = 7;

	(void)state;
	assert_int_equal(number("0", 10, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(number("4294967295", UINT32_MAX, &n), 0);
	assert_int_equal(n, UINT32_MAX);
	assert_int_equal(sani_parse_number("129", 2, 100, &n), 0);
	assert_int_equal(n, 12);
}

static void
number_beyond_its_limit_is_out_of_range(void **state)
{
	static const char *const texts[] = { "11", "4294967296", "18446744073709551616",
					     "99999999999999999999999999999999999999" };
	uint32_t n = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(number(texts[i], 10, &n), -ERANGE);
	assert_int_equal(number("4294967296", UINT32_MAX, &n), -ERANGE);
	assert_int_equal(n, 7);
}

static void
text_that_is_no_number_is_refused(void **state)
{
	static const char *const texts[] = { "", " 1", "1 ", "-1", "+1", "01", "00", "1e3", "0x1", "1.0",
					     "one" };
	uint32_t n = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(number(texts[i], UINT32_MAX, &n), -EINVAL);
	assert_int_equal(n, 7);
}

static void
v4_of_given_length_is_read_in_network_order(void **state)
{
	static const uint8_t want[4] = { 10, 0, 0, 1 };
	uint32_t v4_be = 0;

	(void)state;
	assert_int_equal(sani_parse_v4("10.0.0.123", 8, &v4_be), 0);
	assert_memory_equal(&v4_be, want, 4);
	assert_int_equal(sani_parse_v4("10.0.0.1", 7, &v4_be), -EINVAL);
	assert_int_equal(sani_parse_v4("", 0, &v4_be), -EINVAL);
}

static void
subnet_needs_a_prefix_of_1_to_32(void **state)
{
	static const char *const bad[] = { "10.0.0.1", "10.0.0.1/", "10.0.0.1/0", "10.0.0.1/33",
					   "10.0.0.1/024", "10.0.0/24", "/24", "10.0.0.1/24/8",
					   "10.0.0.1/255.255.255.0" };
	uint32_t v4_be;
	uint8_t prefix = 0;

	(void)state;
	assert_int_equal(sani_parse_subnet("10.0.0.1/24", &v4_be, &prefix), 0);
	assert_int_equal(prefix, 24);
	assert_int_equal(sani_parse_subnet("10.0.0.1/32", &v4_be, &prefix), 0);
	assert_int_equal(prefix, 32);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(sani_parse_subnet(bad[i], &v4_be, &prefix), -EINVAL);
}

static void
mac_needs_six_pairs_of_digits(void **state)
{
	static const char *const bad[] = { "", "02:00:00:00:00", "02:00:00:00:00:0g", "02-00-00-00-00-01",
					   "02:00:00:00:00:01:02", "2:0:0:0:0:1", "02:00:00:00:00:1 ",
					   "0200:0000:0001000" };
	static const uint8_t want[6] = { 0x02, 0xab, 0xcd, 0xef, 0x00, 0x99 };
	uint8_t mac[6];

	(void)state;
	assert_int_equal(sani_parse_mac("02:aB:cD:ef:00:99", mac), 0);
	assert_memory_equal(mac, want, 6);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(sani_parse_mac(bad[i], mac), -EINVAL);
	assert_memory_equal(mac, want, 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(number_up_to_its_limit_is_read),
		cmocka_unit_test(number_beyond_its_limit_is_out_of_range),
		cmocka_unit_test(text_that_is_no_number_is_refused),
		cmocka_unit_test(v4_of_given_length_is_read_in_network_order),
		cmocka_unit_test(subnet_needs_a_prefix_of_1_to_32),
		cmocka_unit_test(mac_needs_six_pairs_of_digits),
	};

	return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
