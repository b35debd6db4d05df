/* SPDX-License-Identifier: BSD-3-Clause */
/* Options that are changed while the connection is open. */
#include <errno.h>

#include "bed.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)
#define ACK SANI_TCP_ACK
#define PA (SANI_TCP_PSH | SANI_TCP_ACK)

static void
set(struct bed *b, enum san_option option, uint32_t value)
{
	if (sani_tcp_set_option(&b->c, option, value, b->now) & SANI_TCP_EV_OUTPUT)
		bed_flush(b);
}

static void
nagle_switched_off_lets_go_what_it_held(void **state)
{
	struct bed *b = *state;

	b->p.nodelay = false;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 10);
	bed_write(b, 10);
	assert_int_equal(b->nb, 1);
	set(b, SAN_OPT_NODELAY, 1);
	assert_int_equal(b->nb, 2);
	assert_last(b, PA, UNA + 10, NXT, 10);
}

static void
nagle_switched_on_holds_the_next(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	set(b, SAN_OPT_NODELAY, 0);
	bed_write(b, 10);
	bed_write(b, 10);
	assert_int_equal(b->nb, 1);
}

/* It counts from the last progress, 3 s ago. */
static void
shorter_user_timeout_counts_from_the_last_progress(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 100);
	bed_run(b, 3 * SEC);
	set(b, SAN_OPT_USER_TIMEOUT, 5000);
	bed_run(b, 1999 * MS);
	assert_state(b, ESTABLISHED);
	bed_run(b, 1 * MS);
	assert_state(b, CLOSED);
	assert_int_equal(sani_tcp_error(&b->c), -ETIMEDOUT);
}

static void
user_timeout_that_has_passed_already_ends_the_connection(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 100);
	bed_run(b, 30 * SEC);
	set(b, SAN_OPT_USER_TIMEOUT, 5000);
	bed_run(b, 0);
	assert_state(b, CLOSED);
}

static void
longer_user_timeout_and_the_default_again(void **state)
{
	struct bed *b = *state;

	b->p.user_timeout_ms = 5000;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 100);
	bed_run(b, 4 * SEC);
	set(b, SAN_OPT_USER_TIMEOUT, 0);
	bed_run(b, 919999 * MS);
	assert_state(b, ESTABLISHED);
	bed_run(b, 1 * MS);
	assert_state(b, CLOSED);
}

static void
user_timeout_of_an_idle_connection_arms_nothing(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	set(b, SAN_OPT_USER_TIMEOUT, 5000);
	assert_int_equal(bed_deadline(b), SANI_NEVER);
	bed_write(b, 100);
	bed_run(b, 5 * SEC);
	assert_state(b, CLOSED);
}

static void
class_and_time_to_live_are_given_and_changed(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	assert_int_equal(b->c.tos, 0);
	assert_int_equal(b->c.ttl, 64);
	b->p.tune = (struct sani_tcp_tune){ .tos = 0xb8, .ttl = 255 };
	sani_tcp_discard(&b->c);
	bed_reach(b, SAN_TCP_SYN_RECEIVED);
	assert_int_equal(b->c.tos, 0xb8);
	assert_int_equal(b->c.ttl, 255);
	set(b, SAN_OPT_TOS, 0x28);
	set(b, SAN_OPT_TTL, 1);
	assert_int_equal(b->c.tos, 0x28);
	assert_int_equal(b->c.ttl, 1);
}

static void
closed_block_takes_no_option(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_in(b, SANI_TCP_RST, NXT, 0, 0);
	set(b, SAN_OPT_TOS, 0x28);
	set(b, SAN_OPT_USER_TIMEOUT, 5000);
	assert_int_equal(b->c.tos, 0);
	assert_int_equal(bed_deadline(b), SANI_NEVER);
}

/* The window of a SYN is a promise too, whatever becomes of the receive buffer before the answer. */
static void
smaller_receive_buffer_keeps_what_the_syn_has_promised(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_SYN_SENT);
	set(b, SAN_OPT_RCVBUF, 8192);
	set(b, SAN_OPT_RCVBUF, 4096);
	bed_in(b, SANI_TCP_SYN | ACK, BED_IRS, UNA, 0);
	for (uint32_t i = 0; i < 20; i++)
		bed_in(b, ACK, NXT + i * 1000, UNA, 1000);
	assert_int_equal(sani_tcp_readable(&b->c), 20000);
	assert_int_equal(b->c.rcv_adv, NXT + b->p.rcvbuf);
	bed_read(b);
}

/* One that has not left has promised nothing. */
static void
receive_buffer_set_before_the_syn_leaves_is_what_it_shows(void **state)
{
	struct bed *b = *state;

	sani_tcp_open_active(&b->c, &b->p, b->now);
	set(b, SAN_OPT_RCVBUF, 4096);
	bed_flush(b);
	assert_int_equal(b->out[b->nb - 1].seg.wnd, 4096);
	bed_in(b, SANI_TCP_SYN | ACK, BED_IRS, UNA, 0);
	assert_int_equal(b->c.rcv_adv, NXT + 4096);
}

/* What was promised is taken, in whatever number of buffers: dropped it would come again and again. */
static void
smaller_receive_buffer_takes_all_that_was_promised(void **state)
{
	const uint32_t nb = 256 * 1024 / 1400;
	struct bed *b = *state;
	struct sani_tcp_seg answer = bed_seg(b, SANI_TCP_SYN | ACK, BED_IRS, UNA, 0);

	answer.opts = SANI_TCP_OPT_WSCALE;
	answer.wscale = 7;
	b->p.rcvbuf = 256 * 1024;
	bed_reach(b, SAN_TCP_SYN_SENT);
	bed_inject(b, &answer);
	bed_flush(b);
	assert_state(b, ESTABLISHED);
	assert_int_equal(b->c.rcv_adv, NXT + 256 * 1024);
	set(b, SAN_OPT_RCVBUF, 4096);
	for (uint32_t i = 0; i < nb; i++) {
		bed_clear(b);
		bed_in(b, ACK, NXT + i * 1400, UNA, 1400);
	}
	assert_int_equal(sani_tcp_readable(&b->c), nb * 1400);
	assert_int_equal(b->c.rcv_adv, NXT + 256 * 1024);
	bed_read(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(nagle_switched_off_lets_go_what_it_held),
		bed_test(nagle_switched_on_holds_the_next),
		bed_test(shorter_user_timeout_counts_from_the_last_progress),
		bed_test(user_timeout_that_has_passed_already_ends_the_connection),
		bed_test(longer_user_timeout_and_the_default_again),
		bed_test(user_timeout_of_an_idle_connection_arms_nothing),
		bed_test(class_and_time_to_live_are_given_and_changed),
		bed_test(closed_block_takes_no_option),
		bed_test(smaller_receive_buffer_keeps_what_the_syn_has_promised),
		bed_test(smaller_receive_buffer_takes_all_that_was_promised),
		bed_test(receive_buffer_set_before_the_syn_leaves_is_what_it_shows),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
