/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Polled operations (the low bit of hEvent) and WSPGetOverlappedResult.
 */
#include <string.h>

#include "sw.h"

/* The kit calls an up-call for one of these a fault. */
static struct sw_op *
polled_recv(struct sw_sock *s, size_t len)
{
	struct sw_op *op = sw_op(len);

	op->polled = true;
	assert_int_equal(sw_recv(s, op), WSA_IO_PENDING);
	return op;
}

/* The operation is over, and WSPGetOverlappedResult says so and how much it was. */
static void
assert_result(struct sw_op *op, DWORD len)
{
	DWORD bytes = len + 1, flags = 9;

	assert_int_equal(sw_result(op, &bytes, &flags), 0);
	assert_int_equal(bytes, len);
	assert_int_equal(flags, 0);
}

RULES("R98 R103")
static void
polled_receive_is_final_in_its_structure(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op = polled_recv(pair.end[1], 1000);

	assert_int_equal(op->ov.Internal, WSS_OPERATION_IN_PROGRESS);
	sw_post_send(pair.end[0], 321, 0, 1);
	sw_poll_end(op);
	assert_int_equal(op->ov.InternalHigh, 321);
	assert_int_equal(op->ov.OffsetHigh, 0);
	assert_int_equal(op->ov.Offset, 0);
	assert_true(net_same(op->mem, 321, 0, 1));
	assert_int_equal(op->nb_ends, 0);
}

RULES("R98 R97 R102")
static void
polled_send_is_never_told(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;
	unsigned int i;
	int code;

	for (i = 0; i < 50; i++) {
		op = sw_op(100);
		op->polled = true;
		code = sw_send(pair.end[0], op);
		if (code == 0) {
			/* Ended at once: the structure is final, and the bytes were stored. */
			assert_int_equal(op->immediate, 100);
			assert_int_not_equal(op->ov.Internal, WSS_OPERATION_IN_PROGRESS);
		} else {
			assert_int_equal(code, WSA_IO_PENDING);
			sw_poll_end(op);
		}
		assert_result(op, 100);
	}
	sw_steps(50);
	assert_int_equal(sw.nb_completed, 0);
}

RULES("R102")
static void
result_is_incomplete_while_it_runs(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *polled, *told;
	DWORD bytes = 17, flags = 18;

	polled = polled_recv(pair.end[1], 100);
	told = sw_post_recv(pair.end[1], 100);
	assert_int_equal(sw_result(polled, &bytes, &flags), WSA_IO_INCOMPLETE);
	assert_int_equal(sw_result(told, &bytes, &flags), WSA_IO_INCOMPLETE);
	assert_int_equal(bytes, 17);
	assert_int_equal(flags, 18);
}

RULES("R102 R100")
static void
result_of_a_told_operation_can_be_read_too(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op = sw_post_recv(pair.end[1], 100);

	sw_post_send(pair.end[0], 40, 0, 1);
	SW_UNTIL(!op->pending);
	assert_result(op, 40);
}

/* Internal, InternalHigh and OffsetHigh are all that is asked: also of a structure that nobody posted. */
RULES("R102")
static void
result_comes_from_the_structure(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;
	DWORD bytes = 0, flags = 0;

	op = sw_op(10);
	op->sock = pair.end[0];
	op->ov.InternalHigh = 5;
	op->ov.OffsetHigh = WSAECONNRESET;
	assert_int_equal(sw_result(op, &bytes, &flags), WSAECONNRESET);
	op->ov.OffsetHigh = 0;
	assert_int_equal(sw_result(op, &bytes, &flags), 0);
	assert_int_equal(bytes, 5);
	op->ov.Internal = WSS_OPERATION_IN_PROGRESS;
	assert_int_equal(sw_result(op, &bytes, &flags), WSA_IO_INCOMPLETE);
	op->ov.Internal = 0;
	op->sock = NULL;
}

RULES("R102 R208")
static void
bad_arguments_of_result_are_refused(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op = sw_op(10);
	DWORD bytes = 0, flags = 0;
	const struct {
		LPWSAOVERLAPPED ov;
		LPDWORD bytes, flags;
		int code;
	} bad[] = {
		{ NULL, &bytes, &flags, WSAEINVAL },
		{ &op->ov, NULL, &flags, WSAEFAULT },
		{ &op->ov, &bytes, NULL, WSAEFAULT },
	};
	unsigned int i;

	for (i = 0; i < 3; i++) {
		int err = 0;

		assert_false(sw.calls.lpWSPGetOverlappedResult(pair.end[0]->s, bad[i].ov, bad[i].bytes, FALSE,
							       bad[i].flags, &err));
		assert_int_equal(err, bad[i].code);
	}
}

RULES("R104")
static void
waiting_for_a_polled_operation_is_refused(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op = polled_recv(pair.end[1], 100);
	DWORD bytes = 0, flags = 0;
	int err = 0;

	assert_false(sw.calls.lpWSPGetOverlappedResult(pair.end[1]->s, &op->ov, &bytes, TRUE, &flags, &err));
	assert_int_equal(err, WSA_INVALID_HANDLE);
	assert_int_equal(op->ov.Internal, WSS_OPERATION_IN_PROGRESS);
}

/* With an event: the call waits, and polls the core meanwhile. */
RULES("R104 R102")
static void
waiting_for_a_told_operation_waits(void)
{
	struct sw_pair pair;
	struct sw_op *op;
	struct sw_event ev;
	DWORD bytes = 0, flags = 0;
	int err = 0;

	memset(&ev, 0, sizeof(ev));
	pair = sw_pair(700);
	op = sw_post_recv(pair.end[1], 100);
	op->ov.hEvent = &ev;
	sw_post_send(pair.end[0], 30, 0, 1);
	sw_steps(20);
	assert_true(sw.calls.lpWSPGetOverlappedResult(pair.end[1]->s, &op->ov, &bytes, TRUE, &flags, &err));
	assert_int_equal(bytes, 30);
	assert_false(op->pending);
}

RULES("R98 R155")
static void
polled_operation_is_aborted_without_an_up_call(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op[8];
	unsigned int i;

	for (i = 0; i < 8; i++)
		op[i] = polled_recv(pair.end[1], 100);
	sw_shut_wait(pair.end[1]);
	for (i = 0; i < 8; i++) {
		assert_int_not_equal(op[i]->ov.Internal, WSS_OPERATION_IN_PROGRESS);
		assert_int_equal(op[i]->ov.OffsetHigh, WSA_OPERATION_ABORTED);
		assert_int_equal(op[i]->ov.InternalHigh, 0);
		op[i]->pending = false;
	}
	assert_int_equal(sw.nb_completed, 0);
}

RULES("R98 R159")
static void
polled_operation_says_reset(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op = polled_recv(pair.end[1], 100);
	DWORD bytes = 3, flags = 0;

	sw_shut_wait(pair.end[0]);
	sw_poll_end(op);
	assert_int_equal(sw_result(op, &bytes, &flags), WSAECONNRESET);
	assert_int_equal(bytes, 3);
}

RULES("R98 R99 R106")
static void
polled_and_told_receives_keep_their_order(void)
{
	struct sw_op *op[20];
	struct sw_pair pair = sw_pair(700);
	uint64_t at = 0;
	DWORD bytes, flags;
	unsigned int i;

	for (i = 0; i < 20; i++)
		op[i] = i % 2 ? polled_recv(pair.end[1], 50) : sw_post_recv(pair.end[1], 50);
	sw_post_send(pair.end[0], 1000, 0, 6);
	SW_UNTIL(op[19]->ov.Internal != WSS_OPERATION_IN_PROGRESS);
	for (i = 0; i < 20; i++) {
		assert_int_equal(sw_result(op[i], &bytes, &flags), 0);
		assert_true(net_same(op[i]->mem, bytes, at, 6));
		assert_int_equal(op[i]->nb_ends, i % 2 ? 0 : 1);
		at += bytes;
	}
	assert_int_equal(at, 1000);
}

/* The switch has no place of its own in Offset and OffsetHigh; hEvent is its own, and stays. */
RULES("R100")
static void
event_handle_of_the_structure_is_left_alone(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op = polled_recv(pair.end[1], 100);

	op->ov.hEvent = (HANDLE)(uintptr_t)0x1235;
	sw_post_send(pair.end[0], 10, 0, 1);
	sw_poll_end(op);
	assert_int_equal((uintptr_t)op->ov.hEvent, 0x1235);
}

static void
see_bytes(struct sw_op *op)
{
	/* The kit has set them, bytes first, and holds that Internal was in progress until then. */
	if (op->ov.InternalHigh != op->bytes)
		sw_fault("bytes are not there");
}

RULES("R101 R100")
static void
up_call_alone_makes_a_told_operation_final(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op = sw_post_recv(pair.end[1], 100);

	op->hook = see_bytes;
	sw_post_send(pair.end[0], 10, 0, 1);
	SW_UNTIL(!op->pending);
	sw_steps(100);
	assert_int_equal(op->ov.InternalHigh, 10);
	assert_int_equal(op->ov.Internal, 0);
}

static const struct CMUnitTest cases[] = {
	SW_CASE(polled_receive_is_final_in_its_structure),
	SW_CASE(polled_send_is_never_told),
	SW_CASE(result_is_incomplete_while_it_runs),
	SW_CASE(result_of_a_told_operation_can_be_read_too),
	SW_CASE(result_comes_from_the_structure),
	SW_CASE(bad_arguments_of_result_are_refused),
	SW_CASE(waiting_for_a_polled_operation_is_refused),
	SW_CASE(waiting_for_a_told_operation_waits),
	SW_CASE(polled_operation_is_aborted_without_an_up_call),
	SW_CASE(polled_operation_says_reset),
	SW_CASE(polled_and_told_receives_keep_their_order),
	SW_CASE(event_handle_of_the_structure_is_left_alone),
	SW_CASE(up_call_alone_makes_a_told_operation_final),
};

NET_MAIN("polled", cases)
