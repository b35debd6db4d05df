/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A repeating accept that is to end while its thread reaps: how much room it has is looked at once. Looked at
 * twice, the reaper could make room between, the accept was taken to be needed still, and nothing looked again:
 * a close hung, a cancel had no end. The hook reaps at the second look, where there is one.
 */
#include <stdlib.h>

#include "duo.h"
#include "sock/priv.h"
#include "test.h"

#define NOT_NOW UINT32_MAX

static uint32_t looks = NOT_NOW;

uint32_t
__real_sani_repeat_room(const struct sani_sock *so, const struct san_overlapped *op);
uint32_t
__wrap_sani_repeat_room(const struct sani_sock *so, const struct san_overlapped *op);

uint32_t
__wrap_sani_repeat_room(const struct sani_sock *so, const struct san_overlapped *op)
{
	if (looks != NOT_NOW && ++looks == 2)
		duo_reap_some(64);
	return __real_sani_repeat_room(so, op);
}

/* One MORE is written and not reaped: no room. */
static san_handle
prepare(struct san_overlapped *op)
{
	san_handle listener = duo_listener(1, 81, 8);

	duo_must(san_accept_repeat(listener, op, 1) == 0);
	duo_go();
	duo_connect(81, duo_op());
	duo_settle();
	looks = 0;
	return listener;
}

static void
end(void)
{
	looks = NOT_NOW;
	duo_go();
	duo_pass(10000000);
	duo_go();
}

static void
close_it(void)
{
	san_handle listener = prepare(duo_op());

	duo_must(san_close(listener, listener) == 0);
	duo_go();
	end();
	duo_must(duo_closed(listener));
}

static void
cancel_it(void)
{
	struct san_overlapped *op = duo_op();
	san_handle listener = prepare(op);

	duo_must(san_cancel(listener, op->id) == 0);
	duo_go();
	end();
	duo_must(duo_count(op) == 2);
}

static void
a_close_ends_a_repeating_accept_that_is_reaped_meanwhile(void **state)
{
	(void)state;
	duo_run(close_it, DUO_ON_CORE, 1, 64);
}

static void
a_cancel_ends_a_repeating_accept_that_is_reaped_meanwhile(void **state)
{
	(void)state;
	duo_run(cancel_it, DUO_ON_CORE, 1, 64);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_close_ends_a_repeating_accept_that_is_reaped_meanwhile),
		cmocka_unit_test(a_cancel_ends_a_repeating_accept_that_is_reaped_meanwhile),
	};

	return cmocka_run_group_tests_name("repeat_race", tests, NULL, NULL);
}
