/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <stdlib.h>

#include <sodium.h>

#include "base/seq32.h"
#include "tcp/hash.h"
#include "test.h"

static const uint8_t key[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

static uint32_t
isn(const uint8_t secret[16], const struct sani_tuple *t, uint64_t now_us)
{
	return sani_tcp_isn(sani_tcp_hash(secret, t), now_us);
}

static uint32_t
ts_offset(const uint8_t secret[16], const struct sani_tuple *t)
{
	return sani_tcp_ts_offset(sani_tcp_hash(secret, t));
}

static struct sani_tuple
tuple(uint16_t local_port)
{
	return (struct sani_tuple){
		.local = sani_ip_from_v4(0x0100000a),
		.remote = sani_ip_from_v4(0x0200000a),
		.local_port = local_port,
		.remote_port = 80,
	};
}

static void
clock_part_counts_4_microseconds(void **state)
{
	struct sani_tuple t = tuple(1);
	uint32_t at = isn(key, &t, 1000000);

	(void)state;
	assert_int_equal(isn(key, &t, 1000000), at);
	assert_int_equal(isn(key, &t, 1000004) - at, 1);
	assert_int_equal(isn(key, &t, 5000000) - at, 1000000);
}

static void
tuples_and_keys_spread(void **state)
{
	uint32_t seen[256] = { 0 };
	uint8_t other[16] = { 0 };
	struct sani_tuple t = tuple(1);

	(void)state;
	assert_int_not_equal(isn(key, &t, 0), isn(other, &t, 0));
	for (uint32_t p = 1; p <= 25600; p++) {
		t = tuple((uint16_t)p);
		seen[isn(key, &t, 0) >> 24]++;
	}
	for (int i = 0; i < 256; i++)
		assert_in_range(seen[i], 50, 150);	/* 100 each, 5 sigma */
}

static void
timestamp_offset_is_another_number(void **state)
{
	struct sani_tuple t = tuple(7);

	(void)state;
	assert_int_not_equal(isn(key, &t, 0), ts_offset(key, &t));
	assert_int_equal(ts_offset(key, &t), ts_offset(key, &t));
}

/* I1: the hash by which tables find the connection must not be read off the wire. */
static void
no_hash_of_the_bare_tuple_is_shown(void **state)
{
	struct sani_tuple t = tuple(7);
	uint8_t out[crypto_shorthash_BYTES];

	(void)state;
	crypto_shorthash(out, (const unsigned char *)&t, sizeof(t), key);
	for (unsigned int at = 0; at <= sizeof(out) - 4; at++) {
		uint32_t word;

		memcpy(&word, out + at, sizeof(word));
		assert_int_not_equal(isn(key, &t, 0), word);
		assert_int_not_equal(ts_offset(key, &t), word);
	}
}

#define NB_DRAWN 10000

/* Neighbours by port, and by address in the last bits, as a scanner would choose them. */
static struct sani_tuple
nth_tuple(uint32_t n)
{
	struct sani_tuple t = tuple((uint16_t)(1024 + n % 100));

	t.remote = sani_ip_from_v4(htonl(0x0a000000u + n / 100));
	return t;
}

typedef uint32_t (*draw_fn)(const struct sani_tuple *t);

static uint32_t
draw_isn(const struct sani_tuple *t)
{
	return isn(key, t, 77000000);
}

static uint32_t
draw_ts_offset(const struct sani_tuple *t)
{
	return ts_offset(key, t);
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/*
 * What a fair draw of n words of 32 bits does, within five standard deviations: each bit is set in half of
 * them, and changes in half of the steps from one to the next; n * n / 2^33 pairs are equal.
 */
static void
expect_spread(draw_fn draw)
{
	static uint32_t v[NB_DRAWN];
	unsigned int set[32] = { 0 };
	unsigned int changed[32] = { 0 };
	unsigned int equal = 0;

	for (uint32_t n = 0; n < NB_DRAWN; n++) {
		struct sani_tuple t = nth_tuple(n);

		v[n] = draw(&t);
		for (unsigned int bit = 0; bit < 32; bit++) {
			set[bit] += v[n] >> bit & 1;
			changed[bit] += n > 0 && ((v[n] ^ v[n - 1]) >> bit & 1) != 0;
		}
	}
	for (unsigned int bit = 0; bit < 32; bit++) {
		assert_in_range(set[bit], NB_DRAWN / 2 - 250, NB_DRAWN / 2 + 250);
		assert_in_range(changed[bit], NB_DRAWN / 2 - 250, NB_DRAWN / 2 + 250);
	}
	qsort(v, NB_DRAWN, sizeof(v[0]), compare);
	for (uint32_t n = 1; n < NB_DRAWN; n++)
		equal += v[n] == v[n - 1];
	assert_in_range(equal, 0, 2);
}

/* I1 */
static void
numbers_of_10000_tuples_spread(void **state)
{
	(void)state;
	expect_spread(draw_isn);
}

/* I5: no peer learns from its own offset anything of another's. */
static void
timestamp_offsets_of_10000_tuples_spread(void **state)
{
	(void)state;
	expect_spread(draw_ts_offset);
}

/* One hash makes both: who knows the one of them knows nothing of the other. */
static uint32_t
draw_difference(const struct sani_tuple *t)
{
	return draw_isn(t) - draw_ts_offset(t);
}

static void
timestamp_offsets_do_not_follow_from_initial_numbers(void **state)
{
	(void)state;
	expect_spread(draw_difference);
}

/* Each of them is in it, of IPv4 and of IPv6; also which is which. */
static void
every_part_of_a_tuple_counts(void **state)
{
	struct sani_tuple v6 = { .local = { .b = { 0xfd, [15] = 1 } }, .remote = { .b = { 0xfd, [15] = 2 } },
				 .local_port = 7, .remote_port = 80 };
	const struct sani_tuple of[2] = { tuple(7), v6 };

	(void)state;
	assert_true(sani_tcp_hash(key, &of[0]) != sani_tcp_hash(key, &of[1]));
	for (int i = 0; i < 2; i++) {
		uint64_t hash = sani_tcp_hash(key, &of[i]);
		struct sani_tuple t = of[i];

		t.local.b[14] ^= 1;
		assert_true(sani_tcp_hash(key, &t) != hash);
		t = of[i];
		t.remote.b[14] ^= 1;
		assert_true(sani_tcp_hash(key, &t) != hash);
		t = of[i];
		t.local_port ^= 1;
		assert_true(sani_tcp_hash(key, &t) != hash);
		t = of[i];
		t.remote_port ^= 1;
		assert_true(sani_tcp_hash(key, &t) != hash);
		t = of[i];
		t.local = of[i].remote;
		t.remote = of[i].local;
		assert_true(sani_tcp_hash(key, &t) != hash);
	}
}

/* What other tables are hashed with is made of the same secret by inputs as long, whose last word is less. */
static void
no_key_of_flows_is_shown(void **state)
{
	struct sani_tuple t = { .local = sani_ip_from_v4(0), .remote = sani_ip_from_v4(0), .local_port = 0x6f77,
				.remote_port = 0x666c };
	const uint64_t of[2] = { 0, UINT64_C(0x666c6f77) };
	uint64_t first;

	(void)state;
	crypto_shorthash((unsigned char *)&first, (const unsigned char *)of, sizeof(of), key);
	assert_true(sani_tcp_hash(key, &t) != first);
}

/* I3: nor do a connection's numbers tell where the order of local ports begins; of a tuple all but that port counts. */
static void
order_of_ports_is_another_number(void **state)
{
	struct sani_tuple v4 = tuple(0);
	struct sani_tuple v6 = { .local = { .b = { 0xfd, [15] = 1 } }, .remote = { .b = { 0xfd, [15] = 2 } },
				 .remote_port = 80 };
	struct sani_tuple *const of[2] = { &v4, &v6 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		uint64_t order = sani_tcp_port_hash(key, of[i]);

		assert_true(order != sani_tcp_hash(key, of[i]));
		of[i]->local_port = 7;
		assert_true(order == sani_tcp_port_hash(key, of[i]));
		of[i]->remote_port++;
		assert_true(order != sani_tcp_port_hash(key, of[i]));
		of[i]->remote_port--;
		of[i]->local.b[14] ^= 1;
		assert_true(order != sani_tcp_port_hash(key, of[i]));
	}
}

/* I1: of one tuple the numbers go up with the clock, also past the wrap of either. */
static void
numbers_of_one_tuple_never_go_back(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < NB_DRAWN; n++) {
		struct sani_tuple t = nth_tuple(n);
		uint64_t at_us = (UINT64_C(1) << 34) - 20000 + 4 * n;
		uint32_t first = isn(key, &t, at_us);

		assert_int_equal(isn(key, &t, at_us + 4) - first, 1);
		assert_true(seq_gt(isn(key, &t, at_us + 3600000000u), first));
	}
}

/* I1: the same tuple at the same age of the host, after a restart. */
static void
new_key_gives_unrelated_numbers(void **state)
{
	unsigned int near = 0;

	(void)state;
	for (uint32_t n = 0; n < NB_DRAWN; n++) {
		struct sani_tuple t = nth_tuple(0);
		uint8_t other[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 };

		memcpy(other + 14, (uint16_t[]){ (uint16_t)(n + 20000) }, 2);
		near += isn(other, &t, 0) - isn(key, &t, 0) + (1 << 20) < 1 << 21;
	}
	/* 1 in 2048 is that near by chance */
	assert_in_range(near, 0, 16);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clock_part_counts_4_microseconds),
		cmocka_unit_test(tuples_and_keys_spread),
		cmocka_unit_test(timestamp_offset_is_another_number),
		cmocka_unit_test(no_hash_of_the_bare_tuple_is_shown),
		cmocka_unit_test(numbers_of_10000_tuples_spread),
		cmocka_unit_test(timestamp_offsets_of_10000_tuples_spread),
		cmocka_unit_test(timestamp_offsets_do_not_follow_from_initial_numbers),
		cmocka_unit_test(every_part_of_a_tuple_counts),
		cmocka_unit_test(no_key_of_flows_is_shown),
		cmocka_unit_test(order_of_ports_is_another_number),
		cmocka_unit_test(numbers_of_one_tuple_never_go_back),
		cmocka_unit_test(new_key_gives_unrelated_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
