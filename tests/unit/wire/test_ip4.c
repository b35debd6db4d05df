/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "wire/ip4.h"

/* 28 octets in all, from 10.0.0.1 to 10.0.0.2, protocol 6, checksum right. */
static const uint8_t plain[28] = {
	0x45, 0x10, 0, 28, 0x12, 0x34, 0x40, 0, 64, 6, 0x14, 0x96, 10, 0, 0, 1, 10, 0, 0, 2,
};

/* A header of ihl words with these options, in as much memory as it takes. */
static enum sani_ip4_parse
parse_options(const uint8_t *options, size_t len)
{
	size_t total = SANI_IP4_HDR_MIN + len;
	uint8_t *p = malloc(total);
	enum sani_ip4_parse result;
	struct sani_ip4 ip4;

	assert_non_null(p);
	memcpy(p, plain, SANI_IP4_HDR_MIN);
	memcpy(p + SANI_IP4_HDR_MIN, options, len);
	p[0] = (uint8_t)(0x40 | total / 4);
	p[3] = (uint8_t)total;
	result = sani_ip4_parse(p, (uint32_t)total, (uint32_t)total, &ip4);
	free(p);
	return result;
}

#define PARSE_OPTIONS(...) \
	parse_options((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static enum sani_ip4_parse
parse_with(unsigned int at, uint8_t value, uint32_t len)
{
	uint8_t p[28];
	struct sani_ip4 ip4;

	memcpy(p, plain, sizeof(p));
	p[at] = value;
	return sani_ip4_parse(p, sizeof(p), len, &ip4);
}

static void
fields_read_as_they_are(void **state)
{
	struct sani_ip4 ip4;

	(void)state;
	assert_int_equal(sani_ip4_parse(plain, sizeof(plain), 46, &ip4), SANI_IP4_PARSE_OK);
	assert_int_equal(ip4.hdr_len, 20);
	assert_int_equal(ip4.total_len, 28);
	assert_int_equal(ip4.tos, 0x10);
	assert_int_equal(ip4.id, 0x1234);
	assert_int_equal(ip4.frag, SANI_IP4_DF);
	assert_int_equal(ip4.ttl, 64);
	assert_int_equal(ip4.proto, 6);
	assert_memory_equal(&ip4.src_be, plain + 12, 4);
	assert_memory_equal(&ip4.dst_be, plain + 16, 4);
}

static void
written_header_reads_back_with_a_right_checksum(void **state)
{
	uint8_t p[SANI_IP4_HDR_MIN];
	struct sani_ip4 in;

	(void)state;
	assert_int_equal(sani_ip4_parse(plain, sizeof(plain), 28, &in), SANI_IP4_PARSE_OK);
	memset(p, 0xee, sizeof(p));
	sani_ip4_write(p, &in);
	assert_int_equal(p[10] | p[11], 0);
	assert_false(sani_ip4_cksum_ok(p, sizeof(p)));
	sani_ip4_cksum_fill(p);
	assert_memory_equal(p, plain, sizeof(p));
	assert_true(sani_ip4_cksum_ok(p, sizeof(p)));
}

static void
checksum_sees_each_bit(void **state)
{
	uint8_t p[SANI_IP4_HDR_MIN];

	(void)state;
	assert_true(sani_ip4_cksum_ok(plain, sizeof(p)));
	for (unsigned int bit = 0; bit < 8 * sizeof(p); bit++) {
		memcpy(p, plain, sizeof(p));
		p[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_false(sani_ip4_cksum_ok(p, sizeof(p)));
	}
}

static void
header_of_zeros_has_no_right_checksum(void **state)
{
	static const uint8_t zeros[SANI_IP4_HDR_MIN];

	(void)state;
	assert_false(sani_ip4_cksum_ok(zeros, sizeof(zeros)));
}

static void
cut_header_is_refused(void **state)
{
	struct sani_ip4 ip4;

	(void)state;
	for (uint32_t len = 0; len < SANI_IP4_HDR_MIN; len++) {
		uint8_t *p = malloc(len > 0 ? len : 1);

		assert_non_null(p);
		memcpy(p, plain, len);
		assert_int_equal(sani_ip4_parse(p, len, len, &ip4), SANI_IP4_PARSE_HEADER);
		free(p);
	}
}

static void
other_versions_are_refused(void **state)
{
	(void)state;
	for (unsigned int version = 0; version < 16; version++)
		assert_int_equal(parse_with(0, (uint8_t)(version << 4 | 5), 28),
				 version == 4 ? SANI_IP4_PARSE_OK : SANI_IP4_PARSE_HEADER);
}

static void
header_length_below_five_words_is_refused(void **state)
{
	(void)state;
	for (uint8_t ihl = 0; ihl < 5; ihl++)
		assert_int_equal(parse_with(0, 0x40 | ihl, 28), SANI_IP4_PARSE_HEADER);
}

static void
header_length_beyond_the_packet_is_refused(void **state)
{
	(void)state;
	assert_int_equal(parse_with(0, 0x47, 28), SANI_IP4_PARSE_OK);
	for (uint8_t ihl = 8; ihl < 16; ihl++)
		assert_int_equal(parse_with(0, 0x40 | ihl, 28), SANI_IP4_PARSE_HEADER);
}

static void
total_length_below_the_header_is_refused(void **state)
{
	(void)state;
	for (uint8_t len = 0; len < 20; len++)
		assert_int_equal(parse_with(3, len, 28), SANI_IP4_PARSE_HEADER);
	assert_int_equal(parse_with(3, 20, 28), SANI_IP4_PARSE_OK);
}

static void
total_length_beyond_the_frame_is_refused(void **state)
{
	(void)state;
	assert_int_equal(parse_with(3, 29, 28), SANI_IP4_PARSE_HEADER);
	assert_int_equal(parse_with(2, 0xff, 28), SANI_IP4_PARSE_HEADER);
	assert_int_equal(parse_with(3, 28, 27), SANI_IP4_PARSE_HEADER);
	assert_int_equal(parse_with(3, 29, 29), SANI_IP4_PARSE_OK);
}

static void
options_are_skipped(void **state)
{
	(void)state;
	assert_int_equal(PARSE_OPTIONS(1, 1, 1, 1), SANI_IP4_PARSE_OK);
	assert_int_equal(PARSE_OPTIONS(0, 0xff, 0xff, 0xff), SANI_IP4_PARSE_OK);
	assert_int_equal(PARSE_OPTIONS(148, 4, 0, 0), SANI_IP4_PARSE_OK);
	assert_int_equal(PARSE_OPTIONS(1, 7, 7, 4, 0, 0, 0, 0), SANI_IP4_PARSE_OK);
	assert_int_equal(PARSE_OPTIONS(1, 1, 222, 2), SANI_IP4_PARSE_OK);
}

static void
option_that_does_not_end_is_refused(void **state)
{
	(void)state;
	assert_int_equal(PARSE_OPTIONS(148, 0, 0, 0), SANI_IP4_PARSE_OPTION);
	assert_int_equal(PARSE_OPTIONS(148, 1, 0, 0), SANI_IP4_PARSE_OPTION);
	assert_int_equal(PARSE_OPTIONS(148, 5, 0, 0), SANI_IP4_PARSE_OPTION);
	assert_int_equal(PARSE_OPTIONS(148, 255, 0, 0), SANI_IP4_PARSE_OPTION);
	assert_int_equal(PARSE_OPTIONS(1, 1, 1, 148), SANI_IP4_PARSE_OPTION);
	assert_int_equal(PARSE_OPTIONS(131, 3, 4, 1, 1, 1, 1, 137), SANI_IP4_PARSE_OPTION);
}

static void
source_routes_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(PARSE_OPTIONS(131, 3, 4, 0), SANI_IP4_PARSE_SOURCE_ROUTE);
	assert_int_equal(PARSE_OPTIONS(137, 3, 4, 0), SANI_IP4_PARSE_SOURCE_ROUTE);
	assert_int_equal(PARSE_OPTIONS(1, 1, 1, 1, 131, 4, 0xff, 0), SANI_IP4_PARSE_SOURCE_ROUTE);
	/* behind the end of the list there is none */
	assert_int_equal(PARSE_OPTIONS(0, 131, 3, 4), SANI_IP4_PARSE_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_read_as_they_are),
		cmocka_unit_test(written_header_reads_back_with_a_right_checksum),
		cmocka_unit_test(checksum_sees_each_bit),
		cmocka_unit_test(header_of_zeros_has_no_right_checksum),
		cmocka_unit_test(cut_header_is_refused),
		cmocka_unit_test(other_versions_are_refused),
		cmocka_unit_test(header_length_below_five_words_is_refused),
		cmocka_unit_test(header_length_beyond_the_packet_is_refused),
		cmocka_unit_test(total_length_below_the_header_is_refused),
		cmocka_unit_test(total_length_beyond_the_frame_is_refused),
		cmocka_unit_test(options_are_skipped),
		cmocka_unit_test(option_that_does_not_end_is_refused),
		cmocka_unit_test(source_routes_are_told_apart),
	};

	return cmocka_run_group_tests_name("ip4", tests, NULL, NULL);
}
