/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "wire/icmp4.h"

#define QUOTE 28

/* The header and first 8 octets of a TCP segment from 10.0.0.2:5000 to 10.0.0.1:80, sequence 0x01020304. */
static const uint8_t quoted[QUOTE] = {
	0x45, 0, 5, 0, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1,
	0x13, 0x88, 0, 80, 1, 2, 3, 4,
};

static bool
quote_with(unsigned int at, uint8_t value)
{
	struct sani_icmp4_quote quote;
	uint8_t p[QUOTE];

	memcpy(p, quoted, sizeof(p));
	p[at] = value;
	return sani_icmp4_quote(p, sizeof(p), &quote);
}

static void
cut_header_is_refused(void **state)
{
	static const uint8_t p[SANI_ICMP4_HDR] = { 3, 4, 0, 0, 0, 0, 5, 0xdc };
	struct sani_icmp4 icmp;

	(void)state;
	for (uint32_t len = 0; len < SANI_ICMP4_HDR; len++)
		assert_false(sani_icmp4_parse(p, len, &icmp));
	assert_true(sani_icmp4_parse(p, sizeof(p), &icmp));
	assert_int_equal(icmp.type, 3);
	assert_int_equal(icmp.code, 4);
	assert_int_equal(icmp.mtu, 1500);
}

static void
quote_is_read(void **state)
{
	struct sani_icmp4_quote quote;

	(void)state;
	assert_true(sani_icmp4_quote(quoted, sizeof(quoted), &quote));
	assert_int_equal(quote.proto, 6);
	assert_memory_equal(&quote.src_be, quoted + 12, 4);
	assert_memory_equal(&quote.dst_be, quoted + 16, 4);
	assert_int_equal(quote.src_port, 5000);
	assert_int_equal(quote.dst_port, 80);
	assert_int_equal(quote.seq, 0x01020304);
}

static void
quote_cut_at_each_octet_is_refused(void **state)
{
	struct sani_icmp4_quote quote;

	(void)state;
	for (uint32_t len = 0; len < QUOTE; len++) {
		uint8_t *p = malloc(len > 0 ? len : 1);

		assert_non_null(p);
		memcpy(p, quoted, len);
		assert_false(sani_icmp4_quote(p, len, &quote));
		free(p);
	}
}

static void
quote_of_odd_headers_is_refused(void **state)
{
	(void)state;
	assert_true(quote_with(0, 0x45));
	assert_false(quote_with(0, 0x65));	/* version 6 */
	assert_false(quote_with(0, 0x44));	/* 16 octets */
	assert_false(quote_with(0, 0x46));	/* 24: the 8 octets are not all there */
	assert_false(quote_with(0, 0x4f));
	assert_false(quote_with(7, 1));		/* a later fragment has no ports */
	assert_true(quote_with(6, 0x20));	/* the first one has */
}

static void
quote_of_a_short_packet_is_refused(void **state)
{
	uint8_t p[QUOTE];
	struct sani_icmp4_quote quote;

	(void)state;
	memcpy(p, quoted, sizeof(p));
	p[2] = 0;
	p[3] = 27;
	assert_false(sani_icmp4_quote(p, sizeof(p), &quote));
	p[3] = 28;
	assert_true(sani_icmp4_quote(p, sizeof(p), &quote));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_header_is_refused),
		cmocka_unit_test(quote_is_read),
		cmocka_unit_test(quote_cut_at_each_octet_is_refused),
		cmocka_unit_test(quote_of_odd_headers_is_refused),
		cmocka_unit_test(quote_of_a_short_packet_is_refused),
	};

	return cmocka_run_group_tests_name("icmp4", tests, NULL, NULL);
}
