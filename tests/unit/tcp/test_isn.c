/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/seq32.h"
#include "tcp/tcp.h"
#include "test.h"

static const uint8_t key[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

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
	uint32_t at = sani_tcp_isn(key, &t, 1000000);

	(void)state;
	assert_int_equal(sani_tcp_isn(key, &t, 1000000), at);
	assert_int_equal(sani_tcp_isn(key, &t, 1000004) - at, 1);
	assert_int_equal(sani_tcp_isn(key, &t, 5000000) - at, 1000000);
}

static void
tuples_and_keys_spread(void **state)
{
	uint32_t seen[256] = { 0 };
	uint8_t other[16] = { 0 };
	struct sani_tuple t = tuple(1);

	(void)state;
	assert_int_not_equal(sani_tcp_isn(key, &t, 0), sani_tcp_isn(other, &t, 0));
	for (uint32_t p = 1; p <= 25600; p++) {
		t = tuple((uint16_t)p);
		seen[sani_tcp_isn(key, &t, 0) >> 24]++;
	}
	for (int i = 0; i < 256; i++)
		assert_in_range(seen[i], 50, 150);	/* 100 each, 5 sigma */
}

static void
timestamp_offset_is_another_domain(void **state)
{
	struct sani_tuple t = tuple(7);

	(void)state;
	assert_int_not_equal(sani_tcp_isn(key, &t, 0), sani_tcp_ts_offset(key, &t));
	assert_int_equal(sani_tcp_ts_offset(key, &t), sani_tcp_ts_offset(key, &t));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clock_part_counts_4_microseconds),
		cmocka_unit_test(tuples_and_keys_spread),
		cmocka_unit_test(timestamp_offset_is_another_domain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
