/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "wire/arp.h"

static const uint8_t request[SANI_ARP_LEN] = {
	0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2,
};

/* The packet with one octet changed. */
static bool
parse_with(unsigned int at, uint8_t value)
{
	uint8_t p[SANI_ARP_LEN];
	struct sani_arp arp;

	memcpy(p, request, sizeof(p));
	p[at] = value;
	return sani_arp_parse(p, sizeof(p), &arp);
}

static void
packet_reads_as_written(void **state)
{
	uint8_t copy[SANI_ARP_LEN];
	struct sani_arp arp;

	(void)state;
	assert_true(sani_arp_parse(request, sizeof(request), &arp));
	assert_int_equal(arp.op, SANI_ARP_REQUEST);
	assert_memory_equal(&arp.spa_be, request + 14, 4);
	assert_memory_equal(&arp.tpa_be, request + 24, 4);
	assert_int_equal(arp.sha.addr_bytes[5], 1);
	sani_arp_write(copy, &arp);
	assert_memory_equal(copy, request, sizeof(request));
}

static void
cut_packet_is_refused(void **state)
{
	struct sani_arp arp;

	(void)state;
	for (uint32_t len = 0; len < SANI_ARP_LEN; len++) {
		uint8_t *p = malloc(len > 0 ? len : 1);

		assert_non_null(p);
		memcpy(p, request, len);
		assert_false(sani_arp_parse(p, len, &arp));
		free(p);
	}
}

static void
other_hardware_protocol_and_lengths_are_refused(void **state)
{
	(void)state;
	assert_false(parse_with(0, 1));		/* hardware type 257 */
	assert_false(parse_with(1, 6));
	assert_false(parse_with(3, 6));		/* protocol 0x0806 */
	assert_false(parse_with(4, 255));	/* hardware length */
	assert_false(parse_with(4, 0));
	assert_false(parse_with(5, 0));		/* protocol length */
	assert_false(parse_with(5, 16));
}

static void
other_operations_are_refused(void **state)
{
	(void)state;
	assert_true(parse_with(7, SANI_ARP_REPLY));
	assert_false(parse_with(7, 0));
	assert_false(parse_with(7, 3));		/* RARP request */
	assert_false(parse_with(7, 4));
	assert_false(parse_with(6, 1));
}

static void
sender_that_is_a_group_or_zero_is_refused(void **state)
{
	uint8_t p[SANI_ARP_LEN];
	struct sani_arp arp;

	(void)state;
	assert_false(parse_with(8, 1));		/* group bit */
	assert_false(parse_with(8, 0xff));
	memcpy(p, request, sizeof(p));
	memset(p + 8, 0, 6);
	assert_false(sani_arp_parse(p, sizeof(p), &arp));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packet_reads_as_written),
		cmocka_unit_test(cut_packet_is_refused),
		cmocka_unit_test(other_hardware_protocol_and_lengths_are_refused),
		cmocka_unit_test(other_operations_are_refused),
		cmocka_unit_test(sender_that_is_a_group_or_zero_is_refused),
	};

	return cmocka_run_group_tests_name("arp", tests, NULL, NULL);
}
