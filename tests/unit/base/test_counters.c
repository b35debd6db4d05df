/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>

#include "base/counters.h"
#include "test.h"

static void
every_counter_has_name_and_sentence(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < SANI_NB_COUNTERS; i++) {
		const char *text = sani_counter_text((enum sani_counter)i);

		assert_true(sani_counter_name((enum sani_counter)i)[0] != '\0');
		assert_true(isupper((unsigned char)text[0]));
		assert_int_equal(text[strlen(text) - 1], '.');
	}
}

static void
names_belong_to_their_counters(void **state)
{
	(void)state;
	assert_string_equal(sani_counter_name(SANI_CTR_port_rx), "port_rx");
	assert_string_equal(sani_counter_name(SANI_CTR_tcp_rto), "tcp_rto");
	assert_string_equal(sani_counter_text(SANI_CTR_core_rounds), "Poll rounds.");
}

static void
names_are_unique(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < SANI_NB_COUNTERS; i++)
		for (unsigned int k = 0; k < i; k++)
			assert_string_not_equal(sani_counter_name((enum sani_counter)i),
						sani_counter_name((enum sani_counter)k));
}

static void
count_adds_to_its_own_counter_only(void **state)
{
	struct sani_counters ctr = { .v = { 0 } };

	(void)state;
	sani_count(&ctr, SANI_CTR_tcp_rx);
	sani_count_n(&ctr, SANI_CTR_tcp_rx, 41);
	for (unsigned int i = 0; i < SANI_NB_COUNTERS; i++)
		assert_int_equal(ctr.v[i], i == SANI_CTR_tcp_rx ? 42 : 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_counter_has_name_and_sentence),
		cmocka_unit_test(names_belong_to_their_counters),
		cmocka_unit_test(names_are_unique),
		cmocka_unit_test(count_adds_to_its_own_counter_only),
	};

	return cmocka_run_group_tests_name("counters", tests, NULL, NULL);
}
