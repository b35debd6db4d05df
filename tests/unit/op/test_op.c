/* SPDX-License-Identifier: BSD-3-Clause */
#include "op/op.h"
#include "test.h"

static const uint8_t legal[SANI_NB_OP_STATES][SANI_NB_OP_STATES] = {
	/*                      FREE POSTED ACTIVE CANCELLING DONE */
	[SANI_OP_FREE] =       { 0,   1,     0,     0,         0 },
	[SANI_OP_POSTED] =     { 1,   0,     1,     1,         1 },
	[SANI_OP_ACTIVE] =     { 0,   0,     0,     1,         1 },
	[SANI_OP_CANCELLING] = { 0,   0,     0,     0,         1 },
	[SANI_OP_DONE] =       { 1,   0,     0,     0,         0 },
};

static void
every_change_is_allowed_or_refused_by_the_table(void **state)
{
	struct san_overlapped op = { 0 };
	unsigned int from, to;

	(void)state;
	for (from = 0; from < SANI_NB_OP_STATES; from++)
		for (to = 0; to < SANI_NB_OP_STATES; to++) {
			op.state = (uint8_t)from;
			assert_int_equal(sani_op_set(&op, (enum sani_op_state)to), legal[from][to]);
			assert_int_equal(op.state, legal[from][to] ? to : from);
		}
}

static void
a_state_that_is_none_is_refused(void **state)
{
	struct san_overlapped op = { .state = SANI_NB_OP_STATES };

	(void)state;
	assert_false(sani_op_set(&op, SANI_OP_POSTED));
}

static void
check_order(const struct sani_oplist *l, struct san_overlapped *const *want, unsigned int n)
{
	struct san_overlapped *op = l->head;
	struct san_overlapped *last = NULL;
	unsigned int i;

	for (i = 0; i < n; i++) {
		assert_ptr_equal(op, want[i]);
		assert_ptr_equal(op->prev, last);
		last = op;
		op = op->next;
	}
	assert_null(op);
	assert_ptr_equal(l->tail, last);
}

static void
operations_keep_the_order_of_their_posts(void **state)
{
	struct san_overlapped op[3] = { { .kind = SAN_OP_RECV }, { .kind = SAN_OP_RECV }, { .kind = SAN_OP_RECV } };
	struct sani_oplist l = { 0 };

	(void)state;
	sani_oplist_append(&l, &op[0]);
	sani_oplist_append(&l, &op[1]);
	sani_oplist_append(&l, &op[2]);
	check_order(&l, (struct san_overlapped *[]){ &op[0], &op[1], &op[2] }, 3);
	assert_int_equal(sani_op_where(&op[1]), SANI_OP_ON_RECV);
}

static void
any_operation_can_be_taken_out(void **state)
{
	struct san_overlapped op[3] = { { 0 } };
	struct sani_oplist l = { 0 };
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++)
		sani_oplist_append(&l, &op[i]);
	sani_oplist_remove(&l, &op[1]);
	check_order(&l, (struct san_overlapped *[]){ &op[0], &op[2] }, 2);
	assert_int_equal(sani_op_where(&op[1]), SANI_OP_NOWHERE);
	sani_oplist_remove(&l, &op[2]);
	check_order(&l, (struct san_overlapped *[]){ &op[0] }, 1);
	sani_oplist_remove(&l, &op[0]);
	check_order(&l, NULL, 0);
}

static void
a_listed_operation_is_on_the_list_of_its_kind(void **state)
{
	static const enum sani_op_where want[] = {
		[SAN_OP_ACCEPT] = SANI_OP_ON_ACCEPT, [SAN_OP_CONNECT] = SANI_OP_ON_CONNECT,
		[SAN_OP_SEND] = SANI_OP_ON_SEND, [SAN_OP_RECV] = SANI_OP_ON_RECV, [SAN_OP_SHUTDOWN] = SANI_OP_ON_SEND,
		[SAN_OP_DISCONNECT] = SANI_OP_ON_SEND, [SAN_OP_WATCH] = SANI_OP_ON_CONNECT,
	};
	unsigned int kind;

	(void)state;
	for (kind = SAN_OP_ACCEPT; kind <= SAN_OP_WATCH; kind++) {
		struct san_overlapped op = { .kind = (uint8_t)kind, .flags = SAN_POLLED };

		if (kind == SAN_OP_CLOSE)
			continue;	/* only in completions */
		assert_int_equal(sani_op_where(&op), SANI_OP_NOWHERE);
		op.flags |= SANI_OP_LISTED;
		assert_int_equal(sani_op_where(&op), want[kind]);
		assert_int_equal(op.flags & (uint16_t)~SANI_OP_MARKS, SAN_POLLED);
	}
}

static void
an_operation_is_found_by_its_id(void **state)
{
	struct san_overlapped op[2] = { { .id = 7 }, { .id = 9 } };
	struct sani_oplist l = { 0 };

	(void)state;
	assert_null(sani_oplist_find(&l, 7));
	sani_oplist_append(&l, &op[0]);
	sani_oplist_append(&l, &op[1]);
	assert_ptr_equal(sani_oplist_find(&l, 9), &op[1]);
	assert_null(sani_oplist_find(&l, 8));
}

static void
a_stashed_peer_comes_back_and_the_rest_is_untouched(void **state)
{
	struct san_overlapped op = { .user = 1, .sock = 2, .len = 3 };
	struct san_addr in = { .port = 4711, .scope_id = 5 };
	struct san_addr out;

	(void)state;
	in.ip[15] = 42;
	sani_op_stash_addr(&op, &in);
	assert_int_equal(op.user, 1);
	assert_int_equal(op.sock, 2);
	assert_int_equal(op.len, 3);
	sani_op_fetch_addr(&op, &out);
	assert_memory_equal(&in, &out, sizeof(in));
	assert_null(op.next);
	assert_null(op.prev);
	assert_null(op.u.buf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_change_is_allowed_or_refused_by_the_table),
		cmocka_unit_test(a_state_that_is_none_is_refused),
		cmocka_unit_test(operations_keep_the_order_of_their_posts),
		cmocka_unit_test(any_operation_can_be_taken_out),
		cmocka_unit_test(a_listed_operation_is_on_the_list_of_its_kind),
		cmocka_unit_test(an_operation_is_found_by_its_id),
		cmocka_unit_test(a_stashed_peer_comes_back_and_the_rest_is_untouched),
	};

	return cmocka_run_group_tests_name("op", tests, NULL, NULL);
}
