/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "test.h"
#include "wire/tcp.h"

static const struct sani_tcp_seg full = {
	.seq = 0x80000001,
	.ack = 0xfffffffe,
	.src_port = 65535,
	.dst_port = 1,
	.wnd = 0x8000,
	.urg = 3,
	.flags = SANI_TCP_SYN | SANI_TCP_ACK | SANI_TCP_PSH,
	.opts = SANI_TCP_OPT_MSS | SANI_TCP_OPT_WSCALE | SANI_TCP_OPT_TS | SANI_TCP_OPT_SACK_PERM,
	.wscale = 14,
	.mss = 1460,
	.tsval = 0xdeadbeef,
	.tsecr = 0x01020304,
};

/* Parse from memory of just that length, so that the sanitizer sees an octet too far. */
static enum sani_tcp_parse
parse(const uint8_t *p, uint32_t len, struct sani_tcp_seg *seg)
{
	uint8_t *exact = malloc(len > 0 ? len : 1);
	enum sani_tcp_parse r;

	assert_non_null(exact);
	memcpy(exact, p, len);
	r = sani_tcp_parse(exact, len, len, seg);
	free(exact);
	return r;
}

/* A header with these option octets, padded with NOPs to a multiple of four. */
static enum sani_tcp_parse
parse_options(const uint8_t *opts, uint32_t n, struct sani_tcp_seg *seg)
{
	struct sani_tcp_seg plain = { .src_port = 1, .dst_port = 2, .flags = SANI_TCP_ACK };
	uint8_t p[SANI_TCP_HDR_MAX];

	memset(p, 1, sizeof(p));
	sani_tcp_write_header(p, &plain);
	memcpy(p + SANI_TCP_HDR_MIN, opts, n);
	n = SANI_TCP_HDR_MIN + (n + 3) / 4 * 4;
	p[12] = (uint8_t)(n / 4 << 4);
	return parse(p, n, seg);
}

static void
written_header_reads_back(void **state)
{
	struct sani_tcp_seg seg;
	uint8_t p[SANI_TCP_HDR_MAX];
	uint16_t len = sani_tcp_write_header(p, &full);

	(void)state;
	assert_int_equal(len, 44);
	assert_int_equal(p[16] | p[17], 0);
	assert_int_equal(parse(p, len, &seg), SANI_TCP_PARSE_OK);
	assert_int_equal(seg.seq, full.seq);
	assert_int_equal(seg.ack, full.ack);
	assert_int_equal(seg.src_port, full.src_port);
	assert_int_equal(seg.dst_port, full.dst_port);
	assert_int_equal(seg.wnd, full.wnd);
	assert_int_equal(seg.urg, full.urg);
	assert_int_equal(seg.flags, full.flags);
	assert_int_equal(seg.opts, full.opts);
	assert_int_equal(seg.wscale, full.wscale);
	assert_int_equal(seg.mss, full.mss);
	assert_int_equal(seg.tsval, full.tsval);
	assert_int_equal(seg.tsecr, full.tsecr);
	assert_int_equal(seg.hdr_len, len);
	assert_int_equal(seg.len, 0);
}

static void
every_set_of_options_reads_back_aligned(void **state)
{
	(void)state;
	for (unsigned int opts = 0; opts < 32; opts++) {
		struct sani_tcp_seg in = full;
		struct sani_tcp_seg seg;
		uint8_t p[SANI_TCP_HDR_MAX];
		uint16_t len;

		in.opts = (uint8_t)opts;
		if (opts & SANI_TCP_OPT_SACK)
			in.flags = SANI_TCP_ACK;	/* not in a SYN */
		in.nb_sack = 1;
		in.sack[0].left = 10;
		in.sack[0].right = 20;
		len = sani_tcp_write_header(p, &in);
		assert_int_equal(len % 4, 0);
		assert_in_range(len, SANI_TCP_HDR_MIN, SANI_TCP_HDR_MAX);
		assert_int_equal(parse(p, len, &seg), SANI_TCP_PARSE_OK);
		assert_int_equal(seg.opts, opts);
	}
}

static void
sack_blocks_read_back_three_beside_timestamps(void **state)
{
	struct sani_tcp_seg in = { .src_port = 1, .dst_port = 2, .opts = SANI_TCP_OPT_SACK, .nb_sack = 4 };
	struct sani_tcp_seg seg;
	uint8_t p[SANI_TCP_HDR_MAX];

	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		in.sack[i].left = i * 100;
		in.sack[i].right = i * 100 + 50;
	}
	parse(p, sani_tcp_write_header(p, &in), &seg);
	assert_int_equal(seg.nb_sack, 4);
	assert_int_equal(seg.sack[3].right, 350);
	in.opts |= SANI_TCP_OPT_TS;
	parse(p, sani_tcp_write_header(p, &in), &seg);
	assert_int_equal(seg.nb_sack, 3);
}

static void
every_truncation_is_refused(void **state)
{
	struct sani_tcp_seg seg;
	uint8_t p[SANI_TCP_HDR_MAX];
	uint16_t len = sani_tcp_write_header(p, &full);

	(void)state;
	for (uint32_t n = 0; n < len; n++)
		assert_int_equal(parse(p, n, &seg), SANI_TCP_PARSE_HEADER);
}

static void
header_beyond_the_contiguous_octets_is_refused(void **state)
{
	struct sani_tcp_seg seg;
	uint8_t p[SANI_TCP_HDR_MAX];
	uint16_t len = sani_tcp_write_header(p, &full);

	(void)state;
	assert_int_equal(sani_tcp_parse(p, len - 1u, 1000, &seg), SANI_TCP_PARSE_HEADER);
	assert_int_equal(sani_tcp_parse(p, len, 1000, &seg), SANI_TCP_PARSE_OK);
	assert_int_equal(seg.len, 1000u - len);
}

static void
data_offset_below_five_or_too_long_is_refused(void **state)
{
	struct sani_tcp_seg seg;
	uint8_t p[SANI_TCP_HDR_MAX] = { 0 };
	uint16_t len = sani_tcp_write_header(p, &full);

	(void)state;
	for (uint8_t off = 0; off < 16; off++) {
		bool ok = off >= 5 && off * 4 <= len;

		p[12] = (uint8_t)(off << 4);
		/* cut in the middle, the options are broken: that is another answer */
		assert_int_equal(parse(p, len, &seg) == SANI_TCP_PARSE_HEADER, !ok);
	}
}

static void
port_zero_is_refused(void **state)
{
	struct sani_tcp_seg in = full;
	struct sani_tcp_seg seg;
	uint8_t p[SANI_TCP_HDR_MAX];

	(void)state;
	in.src_port = 0;
	assert_int_equal(parse(p, sani_tcp_write_header(p, &in), &seg), SANI_TCP_PARSE_HEADER);
	in.src_port = 1;
	in.dst_port = 0;
	assert_int_equal(parse(p, sani_tcp_write_header(p, &in), &seg), SANI_TCP_PARSE_HEADER);
}

static void
option_length_that_lies_is_refused(void **state)
{
	static const uint8_t bad[][4] = {
		{ 2, 0, 5, 5 }, { 2, 1, 5, 5 }, { 2, 5, 5, 5 }, { 8, 10, 0, 0 },
		{ 253, 0, 0, 0 }, { 1, 1, 1, 2 }, { 1, 1, 1, 253 }, { 5, 255, 0, 0 },
	};
	struct sani_tcp_seg seg;

	(void)state;
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse_options(bad[i], 4, &seg), SANI_TCP_PARSE_OPTION);
}

static void
known_option_of_the_wrong_size_is_ignored(void **state)
{
	static const uint8_t bad[][12] = {
		{ 2, 3, 5 }, { 2, 5, 5, 5, 5 }, { 3, 2 }, { 3, 4, 7, 7 }, { 8, 9 }, { 8, 11 },
		{ 4, 3, 0 }, { 5, 2 }, { 5, 9 }, { 5, 11 },
	};
	struct sani_tcp_seg seg;

	(void)state;
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse_options(bad[i], 12, &seg), SANI_TCP_PARSE_OK);
		assert_int_equal(seg.opts, 0);
	}
}

static void
end_of_list_hides_what_follows(void **state)
{
	static const uint8_t opts[] = { 0, 2, 0, 0, 2, 4, 5, 180 };
	struct sani_tcp_seg seg;

	(void)state;
	assert_int_equal(parse_options(opts, sizeof(opts), &seg), SANI_TCP_PARSE_OK);
	assert_int_equal(seg.opts, 0);
}

static void
unknown_options_are_skipped_and_the_first_of_a_kind_counts(void **state)
{
	static const uint8_t opts[] = { 253, 3, 9, 2, 4, 5, 180, 30, 2, 2, 4, 1, 1, 3, 3, 200, 3, 3, 1 };
	struct sani_tcp_seg seg;

	(void)state;
	assert_int_equal(parse_options(opts, sizeof(opts), &seg), SANI_TCP_PARSE_OK);
	assert_int_equal(seg.opts, SANI_TCP_OPT_MSS | SANI_TCP_OPT_WSCALE);
	assert_int_equal(seg.mss, 1460);
	assert_int_equal(seg.wscale, 14);	/* RFC 7323 2.3: 200 is taken as 14 */
}

static const struct {
	uint8_t nb;
	uint8_t o[40];
} lists[] = {
	{ 8, { 2, 4, 5, 180, 1, 3, 3, 5 } },
	{ 20, { 2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7 } },
	{ 24, { 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 8, 10, 9, 9, 9, 9, 9, 9, 9, 9 } },
	{ 16, { 1, 3, 3, 20, 2, 4, 5, 180, 1, 3, 3, 2, 2, 4, 1, 1 } },
	{ 12, { 1, 1, 4, 2, 1, 1, 1, 1, 2, 4, 0, 9 } },
	{ 8, { 2, 4, 5, 180, 0, 0, 3, 3 } },
};

/* A NOP before them, and none of them fills words any more. */
static void
options_that_fill_words_are_read_like_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		uint8_t moved[41] = { 1 };
		struct sani_tcp_seg a, b;

		memcpy(moved + 1, lists[i].o, lists[i].nb);
		assert_int_equal(parse_options(lists[i].o, lists[i].nb, &a), SANI_TCP_PARSE_OK);
		assert_int_equal(parse_options(moved, lists[i].nb + 1u, &b), SANI_TCP_PARSE_OK);
		assert_int_equal(a.opts, b.opts);
		assert_int_equal(a.mss, b.mss);
		assert_int_equal(a.wscale, b.wscale);
		assert_int_equal(a.tsval, b.tsval);
		assert_int_equal(a.tsecr, b.tsecr);
	}
}

static void
timestamp_that_does_not_fit_is_refused_in_a_word_too(void **state)
{
	static const uint8_t cut[] = { 2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4 };
	struct sani_tcp_seg seg;

	(void)state;
	assert_int_equal(parse_options(cut, sizeof(cut), &seg), SANI_TCP_PARSE_OPTION);
}

/* RFC 7413 2: 2, or 6 to 18 and even; in a SYN only, and the first of several. */
static void
fast_open_cookie_is_read_strictly(void **state)
{
	(void)state;
	for (uint8_t size = 2; size <= 20; size++) {
		bool good = size == 2 || (size >= 6 && size <= 18 && size % 2 == 0);
		uint8_t p[60] = { 0, 1, 0, 2, [12] = 0xf0, [13] = SANI_TCP_SYN, [20] = 34, [21] = size };
		struct sani_tcp_seg seg;

		for (uint8_t i = 0; i + 2 < size; i++)
			p[22 + i] = (uint8_t)(i + 1);
		p[20 + size] = 34;
		p[21 + size] = 2;
		assert_int_equal(parse(p, sizeof(p), &seg), SANI_TCP_PARSE_OK);
		assert_int_equal(!!(seg.opts & SANI_TCP_OPT_FAST), 1);	/* a bad one is none: the second counts */
		assert_int_equal(seg.nb_fast, good ? size - 2 : 0);
		assert_memory_equal(seg.fast, p + 22, seg.nb_fast);
		p[13] = SANI_TCP_ACK;
		assert_int_equal(parse(p, sizeof(p), &seg), SANI_TCP_PARSE_OK);
		assert_int_equal(seg.opts & SANI_TCP_OPT_FAST, 0);
	}
}

/* The blocks of a SACK lie where the cookie does: a segment has one or the other. */
static void
syn_has_no_sack_blocks(void **state)
{
	uint8_t p[60] = { 0, 1, 0, 2, [12] = 0xf0, [13] = SANI_TCP_SYN, [20] = 34, 6, 1, 2, 3, 4, 1, 1,
			  5, 10, 9, 9, 9, 9, 8, 8, 8, 8 };
	static const uint8_t cookie[] = { 1, 2, 3, 4 };
	struct sani_tcp_seg seg;

	(void)state;
	assert_int_equal(parse(p, sizeof(p), &seg), SANI_TCP_PARSE_OK);
	assert_int_equal(seg.opts, SANI_TCP_OPT_FAST);
	assert_int_equal(seg.nb_sack, 0);
	assert_memory_equal(seg.fast, cookie, sizeof(cookie));
}

static void
fast_open_cookie_reads_back_beside_all_options_of_a_syn(void **state)
{
	struct sani_tcp_seg in = {
		.src_port = 1, .dst_port = 2, .flags = SANI_TCP_SYN,
		.opts = SANI_TCP_OPT_MSS | SANI_TCP_OPT_WSCALE | SANI_TCP_OPT_TS | SANI_TCP_OPT_SACK_PERM |
			SANI_TCP_OPT_FAST,
		.fast = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 },
	};

	(void)state;
	for (uint8_t n = 0; n <= SANI_TCP_FAST_MOST; n = (uint8_t)(n == 0 ? 4 : n + 2)) {
		struct sani_tcp_seg seg;
		uint8_t p[SANI_TCP_HDR_MAX];
		uint16_t len;

		in.nb_fast = n;
		len = sani_tcp_write_header(p, &in);
		assert_int_equal(len % 4, 0);
		assert_int_equal(parse(p, len, &seg), SANI_TCP_PARSE_OK);
		/* 16 and two octets more do not fit */
		assert_int_equal(seg.opts, n < 16 ? in.opts : in.opts & ~SANI_TCP_OPT_FAST);
		assert_memory_equal(seg.fast, in.fast, n < 16 ? n : 0);
	}
}

static void
random_octets_are_read_within_their_bounds(void **state)
{
	uint64_t x = 1;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		struct sani_tcp_seg seg;
		uint8_t p[64];
		uint32_t len;

		for (unsigned int k = 0; k < sizeof(p); k += 4) {
			x = x * 6364136223846793005u + 1442695040888963407u;
			memcpy(p + k, (uint8_t *)&x + 4, 4);
		}
		len = p[63] % 64;
		p[12] |= 0x50;
		if (parse(p, len, &seg) != SANI_TCP_PARSE_OK)
			continue;
		assert_int_equal(seg.hdr_len + seg.len, len);
		assert_true(seg.nb_sack <= SANI_TCP_SACK_BLOCKS && seg.wscale <= 14);
		assert_true(seg.nb_fast <= SANI_TCP_FAST_MOST && (seg.nb_fast == 0 || seg.nb_sack == 0));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_header_reads_back),
		cmocka_unit_test(every_set_of_options_reads_back_aligned),
		cmocka_unit_test(sack_blocks_read_back_three_beside_timestamps),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(header_beyond_the_contiguous_octets_is_refused),
		cmocka_unit_test(data_offset_below_five_or_too_long_is_refused),
		cmocka_unit_test(port_zero_is_refused),
		cmocka_unit_test(option_length_that_lies_is_refused),
		cmocka_unit_test(known_option_of_the_wrong_size_is_ignored),
		cmocka_unit_test(end_of_list_hides_what_follows),
		cmocka_unit_test(unknown_options_are_skipped_and_the_first_of_a_kind_counts),
		cmocka_unit_test(options_that_fill_words_are_read_like_others),
		cmocka_unit_test(timestamp_that_does_not_fit_is_refused_in_a_word_too),
		cmocka_unit_test(fast_open_cookie_is_read_strictly),
		cmocka_unit_test(syn_has_no_sack_blocks),
		cmocka_unit_test(fast_open_cookie_reads_back_beside_all_options_of_a_syn),
		cmocka_unit_test(random_octets_are_read_within_their_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
