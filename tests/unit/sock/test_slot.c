/* SPDX-License-Identifier: BSD-3-Clause */
#include "sock/slot.h"
#include "test.h"

static void
a_handle_gives_back_what_it_was_made_of(void **state)
{
	san_handle h = sani_handle(254, SANI_SLOTS_MAX - 1, 0xfffffffe);

	(void)state;
	assert_int_equal(sani_handle_core(h), 254);
	assert_int_equal(sani_handle_slot(h), SANI_SLOTS_MAX - 1);
	assert_int_equal(sani_handle_gen(h), 0xfffffffe);
}

static void
the_first_handle_of_all_is_not_zero(void **state)
{
	(void)state;
	assert_true(sani_handle(0, 0, 1) != SAN_NO_HANDLE);
}

static void
a_word_gives_back_what_it_was_made_of(void **state)
{
	uint64_t w = sani_word(0xfedcba98, 0x0fedcba9, SANI_SLOT_CLOSING);

	(void)state;
	assert_int_equal(sani_word_gen(w), 0xfedcba98);
	assert_int_equal(sani_word_cq(w), 0x0fedcba9);
	assert_int_equal(sani_word_state(w), SANI_SLOT_CLOSING);
}

static void
only_an_open_word_of_the_same_generation_is_open(void **state)
{
	(void)state;
	assert_true(sani_word_is_open(sani_word(5, 1, SANI_SLOT_OPEN), 5));
	assert_false(sani_word_is_open(sani_word(5, 1, SANI_SLOT_OPEN), 4));
	assert_false(sani_word_is_open(sani_word(5, 1, SANI_SLOT_CLOSING), 5));
	assert_false(sani_word_is_open(sani_word(5, 1, SANI_SLOT_RETIRED), 5));
	assert_false(sani_word_is_open(0, 0));
}

static void
arrays_of_a_core_id_stay_where_they_are(void **state)
{
	const struct sani_slots *s;

	(void)state;
	assert_null(sani_slots_peek(17));
	s = sani_slots_get(17, 1);
	assert_non_null(s);
	atomic_store(&s->words[SANI_SLOTS_MAX - 1], 42);
	s->records[SANI_SLOTS_MAX - 1].next_id = 43;
	assert_ptr_equal(sani_slots_get(17, 1), s);
	assert_ptr_equal(sani_slots_peek(17), s);
	assert_int_equal(atomic_load(&s->words[SANI_SLOTS_MAX - 1]), 42);
	assert_int_equal(s->records[SANI_SLOTS_MAX - 1].next_id, 43);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_handle_gives_back_what_it_was_made_of),
		cmocka_unit_test(the_first_handle_of_all_is_not_zero),
		cmocka_unit_test(a_word_gives_back_what_it_was_made_of),
		cmocka_unit_test(only_an_open_word_of_the_same_generation_is_open),
		cmocka_unit_test(arrays_of_a_core_id_stay_where_they_are),
	};

	return cmocka_run_group_tests_name("slot", tests, NULL, NULL);
}
