/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>
#include <string.h>

#include <san/types.h>

static void
good_text_becomes_address_and_comes_back(void **state)
{
	static const struct {
		const char *text;
		uint8_t v4[4];
		uint16_t port;
		const char *back;
	} cases[] = {
		{ "10.0.0.1", { 10, 0, 0, 1 }, 0, "10.0.0.1:0" },
		{ "10.0.0.1:80", { 10, 0, 0, 1 }, 80, "10.0.0.1:80" },
		{ "255.255.255.255:65535", { 255, 255, 255, 255 }, 65535, "255.255.255.255:65535" },
		{ "1.2.3.4:0", { 1, 2, 3, 4 }, 0, "1.2.3.4:0" },
	};
	char text[SAN_ADDR_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
		struct san_addr addr;

		memset(&addr, 0xa5, sizeof(addr));
		assert_int_equal(san_addr_parse(cases[i].text, &addr), 0);
		assert_memory_equal(addr.ip, mapped, 12);
		assert_memory_equal(addr.ip + 12, cases[i].v4, 4);
		assert_int_equal(addr.port, cases[i].port);
		assert_int_equal(addr.scope_id, 0);
		assert_int_equal(addr.reserved, 0);
		assert_string_equal(san_addr_format(&addr, text), cases[i].back);
	}
}

static void
missing_address_is_any(void **state)
{
	static const char *const texts[] = { ":80", "*:80", "0.0.0.0:80" };
	static const uint8_t any[16];
	char text[SAN_ADDR_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct san_addr addr;

		memset(&addr, 0xa5, sizeof(addr));
		assert_int_equal(san_addr_parse(texts[i], &addr), 0);
		assert_memory_equal(addr.ip, any, 16);
		assert_int_equal(addr.port, 80);
		assert_string_equal(san_addr_format(&addr, text), "*:80");
	}
}

static void
bad_text_is_refused_and_changes_nothing(void **state)
{
	static const char *const texts[] = {
		"", ":", "*:", "10.0.0.1:", "10.0.0", "10.0.0.1.2", "10.0.0.", ".10.0.0.1", "10..0.1",
		"256.0.0.1", "010.0.0.1", "0x0a.0.0.1", "10.0.0.1 ", " 10.0.0.1", "10.0.0.1:65536",
		"10.0.0.1:080", "10.0.0.1:-1", "10.0.0.1:+1", "10.0.0.1:80:90", "10.0.0.1:8 0",
		"**:80", "*.0.0.1:80", "localhost", "10.0.0.1/24", "4294967297.0.0.1",
		"10.0.0.1:18446744073709551617", "a", "80",
	};
	struct san_addr addr;
	struct san_addr before;

	(void)state;
	memset(&addr, 0xa5, sizeof(addr));
	before = addr;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (san_addr_parse(texts[i], &addr) != -EINVAL)
			fail_msg("\"%s\" was not refused", texts[i]);
		assert_memory_equal(&addr, &before, sizeof(addr));
	}
	assert_int_equal(san_addr_parse(NULL, &addr), -EINVAL);
	assert_int_equal(san_addr_parse("10.0.0.1", NULL), -EINVAL);
}

static void
v6_text_is_not_yet_supported(void **state)
{
	static const char *const texts[] = { "::", "::1", "[::1]:80", "[fe80::1]", "2001:db8::1",
					     "::ffff:10.0.0.1" };
	struct san_addr addr;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(san_addr_parse(texts[i], &addr), -EAFNOSUPPORT);
	assert_int_equal(san_addr_parse("[::1", &addr), -EINVAL);
	assert_int_equal(san_addr_parse("[10.0.0.1]:80", &addr), -EINVAL);
}

static void
longest_address_fits_its_text(void **state)
{
	struct san_addr addr = { .port = 65535, .scope_id = UINT32_MAX };
	char text[SAN_ADDR_TEXT + 1];

	(void)state;
	memset(addr.ip, 0xfe, sizeof(addr.ip));
	text[SAN_ADDR_TEXT] = 'x';
	assert_string_equal(san_addr_format(&addr, text),
			    "[fefe:fefe:fefe:fefe:fefe:fefe:fefe:fefe%4294967295]:65535");
	assert_int_equal(text[SAN_ADDR_TEXT], 'x');
	addr.scope_id = 0;
	assert_string_equal(san_addr_format(&addr, text),
			    "[fefe:fefe:fefe:fefe:fefe:fefe:fefe:fefe]:65535");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_text_becomes_address_and_comes_back),
		cmocka_unit_test(missing_address_is_any),
		cmocka_unit_test(bad_text_is_refused_and_changes_nothing),
		cmocka_unit_test(v6_text_is_not_yet_supported),
		cmocka_unit_test(longest_address_fits_its_text),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
