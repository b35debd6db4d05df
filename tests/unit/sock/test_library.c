/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The library's state (O15), without hosts. Inside a poll round no program is called back today, so the test
 * says itself that this thread is in one.
 */
#include <errno.h>

#include "sock/sock.h"
#include "test.h"

static void
cleanup_inside_a_round_is_refused_and_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(sani_lib_startup(), 0);
	assert_int_equal(sani_lib_attach(), 0);
	sani_thread_self()->in_round = true;
	assert_int_equal(sani_lib_cleanup(), -EDEADLK);
	assert_int_equal(sani_lib_check(), 0);
	assert_false(sani_lib_closing());
	sani_thread_self()->in_round = false;
	assert_int_equal(sani_lib_cleanup(), 0);
	assert_int_equal(sani_lib_check(), -ENETDOWN);
}

static void
a_cleanup_that_is_not_the_last_is_allowed_inside_a_round(void **state)
{
	(void)state;
	assert_int_equal(sani_lib_startup(), 0);
	assert_int_equal(sani_lib_startup(), 0);
	assert_int_equal(sani_lib_attach(), 0);
	sani_thread_self()->in_round = true;
	assert_int_equal(sani_lib_cleanup(), 0);
	sani_thread_self()->in_round = false;
	assert_int_equal(sani_lib_check(), 0);
	assert_int_equal(sani_lib_cleanup(), 0);
	assert_int_equal(sani_lib_check(), -ENETDOWN);
}

static void
cleanup_without_startup_is_refused(void **state)
{
	(void)state;
	assert_int_equal(sani_lib_cleanup(), -ENETDOWN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cleanup_without_startup_is_refused),
		cmocka_unit_test(cleanup_inside_a_round_is_refused_and_changes_nothing),
		cmocka_unit_test(a_cleanup_that_is_not_the_last_is_allowed_inside_a_round),
	};

	return cmocka_run_group_tests_name("library", tests, NULL, NULL);
}
