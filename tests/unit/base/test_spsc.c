/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <sched.h>

#include "base/spsc.h"
#include "test.h"

/* Twelve octets: not a power of two, so that a wrong stride shows. */
struct entry {
	uint32_t a;
	uint32_t b;
	uint32_t c;
};

static struct entry
entry_of(uint32_t n)
{
	return (struct entry){ .a = n, .b = ~n, .c = n * 7 };
}

static void
put_number(struct sani_spsc *r, uint32_t n)
{
	struct entry e = entry_of(n);

	assert_true(sani_spsc_put(r, &e));
}

static void
pop_number(struct sani_spsc *r, uint32_t n)
{
	struct entry want = entry_of(n);
	const struct entry *e = sani_spsc_peek(r);

	assert_non_null(e);
	assert_memory_equal(e, &want, sizeof(want));
	sani_spsc_pop(r);
}

static void
size_is_rounded_up_to_power_of_two(void **state)
{
	static const struct {
		uint32_t asked;
		uint32_t room;
	} cases[] = { { 0, 1 }, { 1, 1 }, { 2, 2 }, { 3, 4 }, { 64, 64 }, { 65, 128 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sani_spsc *r = sani_spsc_create(cases[i].asked, sizeof(struct entry));

		assert_non_null(r);
		assert_int_equal(sani_spsc_room(r), cases[i].room);
		sani_spsc_destroy(r);
	}
}

static void
more_entries_than_positions_is_refused(void **state)
{
	(void)state;
	assert_null(sani_spsc_create((UINT32_C(1) << 31) + 1, 1));
}

static void
destroy_of_nothing_is_allowed(void **state)
{
	(void)state;
	sani_spsc_destroy(NULL);
}

static void
empty_ring_shows_nothing(void **state)
{
	struct sani_spsc *r = sani_spsc_create(4, sizeof(struct entry));

	(void)state;
	assert_null(sani_spsc_peek(r));
	put_number(r, 1);
	pop_number(r, 1);
	assert_null(sani_spsc_peek(r));
	sani_spsc_destroy(r);
}

static void
full_ring_refuses_and_loses_nothing(void **state)
{
	struct sani_spsc *r = sani_spsc_create(4, sizeof(struct entry));
	struct entry extra = entry_of(99);

	(void)state;
	for (uint32_t n = 0; n < 4; n++)
		put_number(r, n);
	assert_int_equal(sani_spsc_room(r), 0);
	assert_false(sani_spsc_put(r, &extra));
	for (uint32_t n = 0; n < 4; n++)
		pop_number(r, n);
	assert_null(sani_spsc_peek(r));
	assert_int_equal(sani_spsc_room(r), 4);
	sani_spsc_destroy(r);
}

static void
peek_twice_shows_the_same_entry(void **state)
{
	struct sani_spsc *r = sani_spsc_create(4, sizeof(struct entry));

	(void)state;
	put_number(r, 5);
	put_number(r, 6);
	assert_ptr_equal(sani_spsc_peek(r), sani_spsc_peek(r));
	pop_number(r, 5);
	pop_number(r, 6);
	sani_spsc_destroy(r);
}

/* Several are written, and come into sight together. */
static void
what_is_written_is_hidden_until_it_is_shown(void **state)
{
	struct sani_spsc *r = sani_spsc_create(8, sizeof(struct entry));

	(void)state;
	for (uint32_t n = 0; n < 60; n += 5) {
		for (uint32_t i = n; i < n + 5; i++) {
			*(struct entry *)sani_spsc_place(r) = entry_of(i);
			sani_spsc_wrote(r);
			assert_null(sani_spsc_peek(r));
		}
		sani_spsc_show(r);
		for (uint32_t i = n; i < n + 5; i++) {
			struct entry want = entry_of(i);

			assert_memory_equal(sani_spsc_peek(r), &want, sizeof(want));
			sani_spsc_pop(r);
		}
	}
	assert_null(sani_spsc_peek(r));
	sani_spsc_destroy(r);
}

static void
positions_wrap_without_loss(void **state)
{
	struct sani_spsc *r = sani_spsc_create(4, sizeof(struct entry));
	uint32_t start = UINT32_MAX - 5;

	(void)state;
	/* All positions moved just below the wrap, as after four thousand million entries. */
	atomic_store(&r->tail, start);
	atomic_store(&r->head, start);
	r->put = start;
	r->head_seen = start;
	r->tail_seen = start;
	for (uint32_t n = 0; n < 20; n++) {
		put_number(r, n);
		put_number(r, n + 100);
		pop_number(r, n);
		pop_number(r, n + 100);
		assert_int_equal(sani_spsc_tail(r), start + 2 * n + 2);
		assert_int_equal(sani_spsc_head(r), start + 2 * n + 2);
	}
	for (uint32_t n = 0; n < 4; n++)
		put_number(r, n);
	assert_int_equal(sani_spsc_room(r), 0);
	sani_spsc_destroy(r);
}

#define STREAM_LENGTH 200000

static void *
put_stream(void *arg)
{
	struct sani_spsc *r = arg;

	for (uint32_t n = 0; n < STREAM_LENGTH; n++) {
		struct entry e = entry_of(n);

		while (!sani_spsc_put(r, &e))
			sched_yield();
	}
	return NULL;
}

static void
stream_between_threads_arrives_in_order(void **state)
{
	struct sani_spsc *r = sani_spsc_create(64, sizeof(struct entry));
	uint32_t bad = 0;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, put_stream, r), 0);
	for (uint32_t n = 0; n < STREAM_LENGTH;) {
		const struct entry *e = sani_spsc_peek(r);
		struct entry want = entry_of(n);

		if (e == NULL) {
			sched_yield();
			continue;
		}
		bad += memcmp(e, &want, sizeof(want)) != 0;
		sani_spsc_pop(r);
		n++;
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(bad, 0);
	assert_null(sani_spsc_peek(r));
	sani_spsc_destroy(r);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(size_is_rounded_up_to_power_of_two),
		cmocka_unit_test(more_entries_than_positions_is_refused),
		cmocka_unit_test(destroy_of_nothing_is_allowed),
		cmocka_unit_test(empty_ring_shows_nothing),
		cmocka_unit_test(full_ring_refuses_and_loses_nothing),
		cmocka_unit_test(peek_twice_shows_the_same_entry),
		cmocka_unit_test(what_is_written_is_hidden_until_it_is_shown),
		cmocka_unit_test(positions_wrap_without_loss),
		cmocka_unit_test(stream_between_threads_arrives_in_order),
	};

	return cmocka_run_group_tests_name("spsc", tests, NULL, NULL);
}
