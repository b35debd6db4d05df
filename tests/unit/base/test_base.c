/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>

#include "base/base.h"
#include "test.h"

static void
v4_address_is_mapped_and_comes_back(void **state)
{
	union sani_ip ip = sani_ip_from_v4(htonl(0x0a000001));
	static const uint8_t want[16] = { [10] = 0xff, [11] = 0xff, 10, 0, 0, 1 };

	(void)state;
	assert_memory_equal(ip.b, want, sizeof(want));
	assert_true(sani_ip_is_v4(&ip));
	assert_int_equal(sani_ip_v4_be(&ip), htonl(0x0a000001));
}

static void
other_prefix_is_not_v4(void **state)
{
	union sani_ip ip = sani_ip_from_v4(htonl(0x0a000001));

	(void)state;
	ip.b[0] = 0x20;
	assert_false(sani_ip_is_v4(&ip));
	ip = (union sani_ip){ .b = { 0 } };
	assert_false(sani_ip_is_v4(&ip));
}

static void
only_all_zero_is_any(void **state)
{
	union sani_ip ip = { .b = { 0 } };

	(void)state;
	assert_true(sani_ip_is_any(&ip));
	for (unsigned int i = 0; i < 16; i++) {
		ip.b[i] = 1;
		assert_false(sani_ip_is_any(&ip));
		ip.b[i] = 0;
	}
}

static void
addresses_differing_in_one_octet_are_unequal(void **state)
{
	union sani_ip a = sani_ip_from_v4(htonl(0x0a000001));

	(void)state;
	for (unsigned int i = 0; i < 16; i++) {
		union sani_ip b = a;

		assert_true(sani_ip_eq(&a, &b));
		b.b[i] ^= 0x80;
		assert_false(sani_ip_eq(&a, &b));
	}
}

static void
tuples_differing_in_one_field_are_unequal(void **state)
{
	struct sani_tuple a = { .local_port = 80, .remote_port = 1024 };
	struct sani_tuple b = a;

	(void)state;
	assert_true(sani_tuple_eq(&a, &b));
	b.local_port = 81;
	assert_false(sani_tuple_eq(&a, &b));
	b = a;
	b.remote_port = 1025;
	assert_false(sani_tuple_eq(&a, &b));
	b = a;
	b.local.b[15] = 1;
	assert_false(sani_tuple_eq(&a, &b));
	b = a;
	b.remote.b[0] = 1;
	assert_false(sani_tuple_eq(&a, &b));
}

static void
container_is_found_from_its_field(void **state)
{
	struct {
		int before;
		int field;
	} outer;

	(void)state;
	assert_ptr_equal(SANI_CONTAINER(&outer.field, __typeof__(outer), field), &outer);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(v4_address_is_mapped_and_comes_back),
		cmocka_unit_test(other_prefix_is_not_v4),
		cmocka_unit_test(only_all_zero_is_any),
		cmocka_unit_test(addresses_differing_in_one_octet_are_unequal),
		cmocka_unit_test(tuples_differing_in_one_field_are_unequal),
		cmocka_unit_test(container_is_found_from_its_field),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
