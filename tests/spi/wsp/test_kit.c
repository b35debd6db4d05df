/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Proof that the kit can fail: up-calls that a provider must not make, made here by hand, are faults.
 */
#include <string.h>

#include "sw.h"

static int err;

/* One fault is noticed, and taken back, so that the case can end well. */
static void
assert_noticed(const char *words)
{
	if (sw.nb_faults == 0)
		fail_msg("nothing was noticed; awaited: %s", words);
	if (!strstr(sw.fault, words))
		fail_msg("noticed: %s; awaited: %s", sw.fault, words);
	sw.nb_faults = 0;
}

static void
second_completion_is_noticed(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;

	op = sw_post_recv(pair.end[1], 10);
	sw_post_send(pair.end[0], 10, 0, 1);
	SW_UNTIL(!op->pending);
	assert_int_equal(sw.nb_faults, 0);
	op->ov.Internal = WSS_OPERATION_IN_PROGRESS;
	sw.ups.lpWPUCompleteOverlappedRequest(pair.end[1]->handle, &op->ov, 0, 0, &err);
	assert_noticed("not pending");
}

static void
completion_of_a_polled_operation_is_noticed(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;

	op = sw_op(10);
	op->polled = true;
	assert_int_equal(sw_recv(pair.end[1], op), WSA_IO_PENDING);
	sw.ups.lpWPUCompleteOverlappedRequest(pair.end[1]->handle, &op->ov, 0, 0, &err);
	assert_noticed("polled");
}

static void
structure_that_is_not_as_told_is_noticed(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;

	op = sw_op(10);
	op->polled = false;
	op->sock = pair.end[1];
	op->pending = true;
	sw.ups.lpWPUCompleteOverlappedRequest(pair.end[1]->handle, &op->ov, 0, 0, &err);
	assert_noticed("Internal");
	op->pending = true;
	op->ov.Internal = WSS_OPERATION_IN_PROGRESS;
	sw.ups.lpWPUCompleteOverlappedRequest(pair.end[1]->handle, &op->ov, WSAECONNRESET, 0, &err);
	assert_noticed("OffsetHigh");
	op->sock = NULL;
}

static void
early_and_late_closes_are_noticed(void)
{
	struct sw_pair pair = sw_pair(700);

	sw_shut_wait(pair.end[0]);
	sw.ups.lpWPUCloseSocketHandle(pair.end[0]->handle, &err);
	assert_noticed("handle that is closed");
	sw_post_recv(pair.end[1], 10);
	sw.nb_open++;
	sw.ups.lpWPUCloseSocketHandle(pair.end[1]->handle, &err);
	assert_noticed("nobody has closed");
	pair.end[1]->closed = false;
}

static void
completion_after_the_close_is_noticed(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;

	op = sw_post_recv(pair.end[1], 10);
	sw_shut_wait(pair.end[1]);
	op->pending = true;
	op->ov.Internal = WSS_OPERATION_IN_PROGRESS;
	op->ov.OffsetHigh = 0;
	sw.ups.lpWPUCompleteOverlappedRequest(pair.end[1]->handle, &op->ov, 0, 0, &err);
	assert_noticed("handle that is closed");
}

static void
event_of_a_closing_socket_is_noticed(void)
{
	struct sw_sock *s;

	s = sw_bound(0, 700);
	sw_shut_wait(s);
	sw.ups.lpWPUSetEvent(&s->ev, &err);
	assert_noticed("being closed");
	sw.ups.lpWPUSetEvent(s, &err);
	assert_noticed("something else");
}

static void
up_call_after_the_cleanup_is_noticed(void)
{
	struct sw_sock *s;

	s = sw_bound(0, 700);
	assert_int_equal(sw_cleanup(), 0);
	sw.ups.lpWPUCloseSocketHandle(s->handle, &err);
	assert_noticed("after the last WSPCleanup");
}

static void
handle_that_was_never_made_is_noticed(void)
{
	struct sw_sock *s;

	s = sw_bound(0, 700);
	sw.ups.lpWPUCloseSocketHandle(s->s, &err);
	assert_noticed("never made");
}

static const struct CMUnitTest cases[] = {
	SW_CASE(second_completion_is_noticed),
	SW_CASE(completion_of_a_polled_operation_is_noticed),
	SW_CASE(structure_that_is_not_as_told_is_noticed),
	SW_CASE(early_and_late_closes_are_noticed),
	SW_CASE(completion_after_the_close_is_noticed),
	SW_CASE(event_of_a_closing_socket_is_noticed),
	SW_CASE(up_call_after_the_cleanup_is_noticed),
	SW_CASE(handle_that_was_never_made_is_noticed),
};

NET_MAIN("kit", cases)
