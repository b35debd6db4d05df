/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The reaping side of a completion queue (O4, O5, O13): the test writes the lanes as cores would.
 */
#include <errno.h>
#include <pthread.h>

#include "op/op.h"
#include "sock/cq.h"
#include "sock/priv.h"
#include "sock/sock.h"
#include "test.h"

#define CORE_A 7
#define CORE_B 9
#define PATIENCE_US 300000000u	/* only for what hangs */

static struct san_cq *cq;
static struct sani_lane *lane_a;
static struct sani_lane *lane_b;

static int
start(void **state)
{
	(void)state;
	assert_int_equal(sani_lib_startup(), 0);
	assert_int_equal(sani_lib_attach(), 0);
	assert_int_equal(san_cq_create(8, &cq), 0);
	assert_non_null(sani_slots_get(CORE_A, 1));
	assert_non_null(sani_slots_get(CORE_B, 1));
	lane_a = sani_cq_lane(cq, CORE_A);
	lane_b = sani_cq_lane(cq, CORE_B);
	assert_non_null(lane_a);
	assert_non_null(lane_b);
	lane_a->records[3].gen = lane_b->records[3].gen = 1;
	return 0;
}

static int
end(void **state)
{
	(void)state;
	assert_int_equal(san_cq_destroy(cq), 0);
	assert_int_equal(sani_lib_cleanup(), 0);
	return 0;
}

static void
put(struct sani_lane *lane, const struct sani_cq_entry *e)
{
	*sani_lane_place(lane) = *e;
	sani_spsc_publish(lane->ring);
}

/* An operation of slot 3 that has ended, as its core would leave it. */
static void
complete(struct sani_lane *lane, struct san_overlapped *op, int32_t result)
{
	struct sani_cq_entry e = { .op = op, .rec = &lane->records[3], .result = result, .kind = SAN_OP_RECV,
				   .places = 1 };

	op->sock = sani_handle(lane->core_id, 3, 1);
	op->state = SANI_OP_DONE;
	lane->left--;
	put(lane, &e);
}

static void
close_slot(struct sani_lane *lane, uint32_t slot, uint64_t user)
{
	struct sani_record *rec = &sani_slots_peek(lane->core_id)->records[slot];

	rec->gen = 1;
	rec->close_user = user;
	atomic_store(&rec->unreaped, 1);
	atomic_fetch_add(&cq->nb_sockets, 1);
	sani_lane_close(lane, slot);
}

static void
an_entry_is_reaped_once_and_gives_its_place_back(void **state)
{
	struct san_overlapped op = { .user = 77 };
	struct san_completion c[4];

	(void)state;
	complete(lane_a, &op, 12);
	assert_int_equal(san_cq_poll(cq, c, 4), 1);
	assert_int_equal(c[0].user, 77);
	assert_ptr_equal(c[0].op, &op);
	assert_int_equal(c[0].result, 12);
	assert_int_equal(c[0].sock, sani_handle(CORE_A, 3, 1));
	assert_int_equal(op.state, SANI_OP_FREE);
	assert_int_equal(lane_a->left, lane_a->depth);
	assert_int_equal(san_cq_poll(cq, c, 4), 0);
}

/* A repeating operation with two completions, of three places. */
static void
an_operation_that_goes_on_gives_its_places_back_at_its_end(void **state)
{
	struct san_overlapped op = { .user = 77, .sock = sani_handle(CORE_A, 3, 1), .state = SANI_OP_DONE };
	struct sani_cq_entry e = { .op = &op, .rec = &lane_a->records[3], .kind = SAN_OP_RECV, .flags = SAN_MORE };
	struct san_completion c[4];

	(void)state;
	lane_a->left = lane_a->depth - 3;
	put(lane_a, &e);
	assert_int_equal(san_cq_poll(cq, c, 4), 1);
	assert_int_equal(c[0].flags, SAN_MORE);
	assert_int_equal(lane_a->left, lane_a->depth - 3);
	assert_int_equal(op.state, SANI_OP_DONE);
	e.flags = 0;
	e.places = 3;
	put(lane_a, &e);
	assert_int_equal(san_cq_poll(cq, c, 4), 1);
	assert_int_equal(lane_a->left, lane_a->depth);
	assert_int_equal(op.state, SANI_OP_FREE);
}

static void
a_close_comes_after_the_entries_of_all_cores(void **state)
{
	struct san_overlapped op[2] = { { 0 } };
	struct san_completion c[4];

	(void)state;
	complete(lane_b, &op[0], 1);
	close_slot(lane_b, 3, 99);
	complete(lane_a, &op[1], 2);
	assert_int_equal(san_cq_poll(cq, c, 4), 3);
	assert_int_equal(c[0].kind, SAN_OP_RECV);
	assert_int_equal(c[1].kind, SAN_OP_RECV);
	assert_int_equal(c[2].kind, SAN_OP_CLOSE);
	assert_int_equal(c[2].user, 99);
	assert_null(c[2].op);
}

static void
a_close_waits_when_the_array_is_full_of_entries(void **state)
{
	struct san_overlapped op[3] = { { 0 } };
	struct san_completion c[2];
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		complete(lane_a, &op[i], i);
	close_slot(lane_a, 3, 0);
	assert_int_equal(san_cq_poll(cq, c, 2), 2);
	assert_int_equal(c[1].kind, SAN_OP_RECV);
	assert_int_equal(san_cq_poll(cq, c, 1), 1);
	assert_int_equal(c[0].kind, SAN_OP_RECV);
	assert_int_equal(san_cq_poll(cq, c, 1), 1);
	assert_int_equal(c[0].kind, SAN_OP_CLOSE);
	assert_int_equal(san_cq_poll(cq, c, 1), 0);
}

/* What comes after a close was taken belongs to other sockets: the close need not wait for it. */
static void
a_close_does_not_wait_for_what_came_later(void **state)
{
	struct san_overlapped op[2] = { { 0 } };
	struct san_completion c[2];

	(void)state;
	complete(lane_a, &op[0], 0);
	close_slot(lane_a, 3, 5);
	assert_int_equal(san_cq_poll(cq, c, 1), 1);
	complete(lane_a, &op[1], 0);
	assert_int_equal(san_cq_poll(cq, c, 2), 1);
	assert_int_equal(c[0].kind, SAN_OP_CLOSE);
	assert_int_equal(san_cq_poll(cq, c, 2), 1);
	assert_int_equal(c[0].kind, SAN_OP_RECV);
}

static void
closes_are_reported_in_the_order_of_their_ends(void **state)
{
	struct san_completion c[4];
	uint32_t slot;

	(void)state;
	for (slot = 1; slot <= 4; slot++)
		close_slot(lane_a, slot, slot);
	assert_int_equal(san_cq_poll(cq, c, 3), 3);
	assert_int_equal(c[0].user, 1);
	assert_int_equal(c[2].user, 3);
	assert_int_equal(san_cq_poll(cq, c, 3), 1);
	assert_int_equal(c[0].user, 4);
}

static void
a_slot_is_free_only_when_its_close_was_reaped(void **state)
{
	struct sani_record *rec = &sani_slots_peek(CORE_A)->records[3];
	struct san_completion c[1];

	(void)state;
	close_slot(lane_a, 3, 0);
	assert_int_equal(atomic_load(&rec->unreaped), 1);
	assert_int_equal(san_cq_destroy(cq), -EBUSY);
	assert_int_equal(san_cq_poll(cq, c, 1), 1);
	assert_int_equal(atomic_load(&rec->unreaped), 0);
}

static void
a_wait_sees_what_is_there_already(void **state)
{
	struct san_overlapped op = { 0 };
	struct san_completion c[1];

	(void)state;
	assert_int_equal(san_cq_wait(cq, 0), 0);
	complete(lane_a, &op, 0);
	assert_int_equal(san_cq_wait(cq, UINT64_MAX), 1);
	assert_int_equal(san_cq_poll(cq, c, 1), 1);
	assert_int_equal(san_cq_wait(cq, 1000), 0);
}

static struct san_overlapped late;

static void *
publish_and_wake(void *arg)
{
	(void)arg;
	complete(lane_a, &late, 0);
	atomic_thread_fence(memory_order_seq_cst);
	sani_cq_wake(cq);
	return NULL;
}

static void
a_sleeper_is_woken_by_another_thread(void **state)
{
	struct san_completion c[1];
	pthread_t t;
	int i;

	(void)state;
	for (i = 0; i < 200; i++) {
		assert_int_equal(pthread_create(&t, NULL, publish_and_wake, NULL), 0);
		assert_int_equal(san_cq_wait(cq, PATIENCE_US), 1);
		pthread_join(t, NULL);
		assert_int_equal(san_cq_poll(cq, c, 1), 1);
	}
}

static void *
use_foreign_queue(void *arg)
{
	struct san_completion c[1];

	(void)arg;
	assert_int_equal(san_cq_poll(cq, c, 1), -EPERM);
	assert_int_equal(san_cq_wait(cq, 0), -EPERM);
	assert_int_equal(san_cq_destroy(cq), -EPERM);
	return NULL;
}

static void
another_thread_may_not_use_it(void **state)
{
	pthread_t t;

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, use_foreign_queue, NULL), 0);
	pthread_join(t, NULL);
}

static void
bad_sizes_are_refused(void **state)
{
	struct san_completion c[1];
	struct san_cq *other;

	(void)state;
	assert_int_equal(san_cq_create(0, &other), -EINVAL);
	assert_int_equal(san_cq_create(SAN_CQ_MAX + 1, &other), -EINVAL);
	assert_int_equal(san_cq_create(1, NULL), -EINVAL);
	assert_int_equal(san_cq_poll(cq, c, 0), -EINVAL);
	assert_int_equal(san_cq_poll(cq, NULL, 1), -EINVAL);
}

static void
the_id_of_an_ended_queue_finds_nothing(void **state)
{
	struct san_cq *other;
	uint32_t id;

	(void)state;
	assert_int_equal(san_cq_create(1, &other), 0);
	id = atomic_load(&other->id);
	assert_ptr_equal(sani_cq_find(id), other);
	assert_int_equal(san_cq_destroy(other), 0);
	assert_null(sani_cq_find(id));
	assert_int_equal(san_cq_create(1, &other), 0);
	assert_null(sani_cq_find(id));
	assert_int_equal(san_cq_destroy(other), 0);
}

/*
 * While requests are processed completions are written and shown later. The core's list of those to wake is full, and
 * makes room by waking all of it: then they see what is written for them, for this was their only wake-up.
 */
static void
who_is_woken_to_make_room_sees_what_was_held_back(void **state)
{
	static struct san_cq idle, next;
	static struct sani_core core;
	static struct san_core k;
	static struct san_overlapped op;
	struct san_completion comp;

	(void)state;
	k.core = &core;
	k.gathers = true;
	for (uint32_t i = 0; i < SANI_TOUCHED - 1; i++)
		k.touched[k.nb_touched++] = &idle;
	k.touched[k.nb_touched++] = k.touched_last = cq;
	op = (struct san_overlapped){ .sock = sani_handle(CORE_A, 3, 1), .state = SANI_OP_DONE };
	lane_a->records[3].posted = 1;
	lane_a->left--;
	*sani_lane_place(lane_a) = (struct sani_cq_entry){ .op = &op, .rec = &lane_a->records[3],
							   .kind = SAN_OP_RECV, .places = 1 };
	sani_spsc_wrote(lane_a->ring);
	k.held = lane_a;
	assert_false(sani_cq_has_something(cq));
	sani_touch_cq(&k, &next);
	assert_int_equal(k.nb_touched, 1);
	assert_true(sani_cq_has_something(cq));
	assert_int_equal(san_cq_poll(cq, &comp, 1), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_entry_is_reaped_once_and_gives_its_place_back, start, end),
		cmocka_unit_test_setup_teardown(an_operation_that_goes_on_gives_its_places_back_at_its_end, start, end),
		cmocka_unit_test_setup_teardown(a_close_comes_after_the_entries_of_all_cores, start, end),
		cmocka_unit_test_setup_teardown(a_close_waits_when_the_array_is_full_of_entries, start, end),
		cmocka_unit_test_setup_teardown(a_close_does_not_wait_for_what_came_later, start, end),
		cmocka_unit_test_setup_teardown(closes_are_reported_in_the_order_of_their_ends, start, end),
		cmocka_unit_test_setup_teardown(a_slot_is_free_only_when_its_close_was_reaped, start, end),
		cmocka_unit_test_setup_teardown(a_wait_sees_what_is_there_already, start, end),
		cmocka_unit_test_setup_teardown(a_sleeper_is_woken_by_another_thread, start, end),
		cmocka_unit_test_setup_teardown(another_thread_may_not_use_it, start, end),
		cmocka_unit_test_setup_teardown(bad_sizes_are_refused, start, end),
		cmocka_unit_test_setup_teardown(the_id_of_an_ended_queue_finds_nothing, start, end),
		cmocka_unit_test_setup_teardown(who_is_woken_to_make_room_sees_what_was_held_back, start, end),
	};

	return cmocka_run_group_tests_name("cq", tests, NULL, NULL);
}
