/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>

#include "base/error.h"
#include "test.h"

/* First in the list below: it needs a thread that has not failed yet. */
static void
no_failure_yet_is_empty_text(void **state)
{
	(void)state;
	assert_non_null(sani_error_text());
	assert_string_equal(sani_error_text(), "");
}

static void
set_returns_code_and_keeps_sentence(void **state)
{
	(void)state;
	assert_int_equal(sani_error_set(-22, "port %s: queue %d", "p0", 3), -22);
	assert_string_equal(sani_error_text(), "port p0: queue 3");
}

static void
second_sentence_replaces_first(void **state)
{
	(void)state;
	sani_error_set(-1, "a long first sentence");
	sani_error_set(-2, "short");
	assert_string_equal(sani_error_text(), "short");
}

static void
sentence_around_older_one_keeps_both(void **state)
{
	(void)state;
	sani_error_set(-1, "no such port");
	sani_error_set(-1, "host h: %s", sani_error_text());
	assert_string_equal(sani_error_text(), "host h: no such port");
}

static void
too_long_sentence_is_cut(void **state)
{
	char text[SANI_ERROR_TEXT * 2];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	sani_error_set(-1, "%s", text);
	assert_int_equal(strlen(sani_error_text()), SANI_ERROR_TEXT - 1);
}

static void *
read_and_set(void *arg)
{
	char *seen = arg;

	memcpy(seen, sani_error_text(), 1);
	sani_error_set(-1, "of the other thread");
	return NULL;
}

static void
threads_have_sentences_of_their_own(void **state)
{
	char seen = 'x';
	pthread_t thread;

	(void)state;
	sani_error_set(-1, "mine");
	assert_int_equal(pthread_create(&thread, NULL, read_and_set, &seen), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(seen, '\0');
	assert_string_equal(sani_error_text(), "mine");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_failure_yet_is_empty_text),
		cmocka_unit_test(set_returns_code_and_keeps_sentence),
		cmocka_unit_test(second_sentence_replaces_first),
		cmocka_unit_test(sentence_around_older_one_keeps_both),
		cmocka_unit_test(too_long_sentence_is_cut),
		cmocka_unit_test(threads_have_sentences_of_their_own),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
