/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "wire/eth.h"

static const uint8_t header[SANI_ETH_HDR] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x06 };

static void
header_reads_as_written(void **state)
{
	uint8_t copy[SANI_ETH_HDR];
	struct sani_eth eth;

	(void)state;
	assert_true(sani_eth_parse(header, sizeof(header), &eth));
	assert_int_equal(eth.type, 0x0806);
	assert_int_equal(eth.dst.addr_bytes[5], 1);
	assert_int_equal(eth.src.addr_bytes[5], 2);
	sani_eth_write(copy, &eth);
	assert_memory_equal(copy, header, sizeof(header));
}

static void
runt_of_each_length_is_refused(void **state)
{
	struct sani_eth eth;

	(void)state;
	for (uint32_t len = 0; len < SANI_ETH_HDR; len++) {
		/* exactly so much memory, for the address sanitizer */
		uint8_t *p = malloc(len > 0 ? len : 1);

		assert_non_null(p);
		memcpy(p, header, len);
		assert_false(sani_eth_parse(p, len, &eth));
		free(p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_reads_as_written),
		cmocka_unit_test(runt_of_each_length_is_refused),
	};

	return cmocka_run_group_tests_name("eth", tests, NULL, NULL);
}
