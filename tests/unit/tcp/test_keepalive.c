/* SPDX-License-Identifier: BSD-3-Clause */
/* keepalive.c: RFC 9293 3.8.4. */
#include <errno.h>

#include "bed.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)
#define ACK SANI_TCP_ACK
#define IDLE (7200 * SEC)
#define INTERVAL (75 * SEC)
#define UNIT 1024ull		/* of last_rcv [us] */

static const struct sani_tcp_keep usual = { .idle_ms = 7200000, .interval_ms = 75000, .count = 9, .on = true };

static void
begin(struct bed *b, enum san_tcp_state state)
{
	b->p.tune.keep = usual;
	bed_reach(b, state);
}

static void
set(struct bed *b, enum san_option option, uint32_t value)
{
	if (sani_tcp_set_option(&b->c, option, value, b->now) & SANI_TCP_EV_OUTPUT)
		bed_flush(b);
}

/* MUST-25. */
static void
silence_is_borne_without_keepalive(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	assert_int_equal(bed_deadline(b), SANI_NEVER);
	bed_run(b, 30 * 24 * 3600 * SEC);
	assert_int_equal(b->nb, 0);
	assert_state(b, ESTABLISHED);
}

/* MUST-26, MUST-28, MUST-29, SHLD-12. */
static void
silent_peer_is_asked_nine_times_and_given_up(void **state)
{
	struct bed *b = *state;

	begin(b, SAN_TCP_ESTABLISHED);
	bed_run(b, IDLE - UNIT);
	assert_int_equal(b->nb, 0);
	bed_run(b, UNIT);
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK, UNA - 1, NXT, 0);
	bed_run(b, 8 * INTERVAL);
	assert_int_equal(b->nb, 9);
	for (unsigned int i = 1; i < 9; i++)
		assert_int_equal(b->out[i].at_us - b->out[i - 1].at_us, INTERVAL);
	assert_state(b, ESTABLISHED);
	bed_run(b, INTERVAL);
	assert_int_equal(b->nb, 10);
	assert_last(b, SANI_TCP_RST | ACK, UNA, NXT, 0);
	assert_state(b, CLOSED);
	assert_int_equal(sani_tcp_error(&b->c), -ETIMEDOUT);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_keepalive), 9);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_timeout), 1);
	assert_int_equal(bed_deadline(b), SANI_NEVER);
}

static void
answer_begins_the_idle_time_anew(void **state)
{
	struct bed *b = *state;

	begin(b, SAN_TCP_ESTABLISHED);
	for (int i = 0; i < 20; i++) {
		bed_run(b, IDLE);
		assert_int_equal(b->nb, 1);
		bed_run(b, 3 * INTERVAL);
		assert_int_equal(b->nb, 4);
		bed_in(b, ACK, NXT, UNA, 0);
		bed_clear(b);
		bed_run(b, IDLE - UNIT);
		assert_int_equal(b->nb, 0);
		bed_in(b, ACK, NXT, UNA, 0);
	}
	assert_state(b, ESTABLISHED);
}

/* A segment that the window or RFC 5961 refuses may be anybody's. */
static void
unacceptable_segment_is_no_sign_of_life(void **state)
{
	struct bed *b = *state;

	begin(b, SAN_TCP_ESTABLISHED);
	for (int i = 0; i < 100; i++) {
		bed_run(b, IDLE / 100);
		bed_in(b, ACK, NXT - 70000, UNA, 0);
		bed_in(b, ACK, NXT, UNA + 70000, 0);
		bed_clear(b);
	}
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_keepalive), 1);
}

/* MUST-26: what is outstanding has the retransmission timer. */
static void
nothing_is_asked_while_something_is_outstanding(void **state)
{
	struct bed *b = *state;

	begin(b, SAN_TCP_ESTABLISHED);
	set(b, SAN_OPT_KEEP_IDLE, 1000);
	bed_write(b, 100);
	bed_run(b, 60 * SEC);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_keepalive), 0);
	bed_in(b, ACK, NXT, UNA + 100, 0);
	bed_clear(b);
	bed_run(b, 2 * SEC);
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK, UNA + 99, NXT, 0);
}

static void
nothing_is_asked_while_the_window_is_shut(void **state)
{
	struct bed *b = *state;

	begin(b, SAN_TCP_ESTABLISHED);
	set(b, SAN_OPT_KEEP_IDLE, 1000);
	b->wnd = 0;
	bed_in(b, ACK, NXT, UNA, 0);
	bed_write(b, 100);
	for (uint32_t taken = 1; taken <= 10; taken++) {
		bed_clear(b);
		while (b->nb == 0)
			bed_run(b, 100 * MS);
		bed_in(b, ACK, NXT, UNA + taken, 0);	/* the octet of the probe: nothing is outstanding */
	}
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_keepalive), 0);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_probe), 10);
}

static void
user_timeout_overrides_the_count(void **state)
{
	struct bed *b = *state;

	b->p.user_timeout_ms = 7300000;
	begin(b, SAN_TCP_ESTABLISHED);
	bed_run(b, 7300 * SEC - UNIT);
	assert_state(b, ESTABLISHED);
	assert_int_equal(b->nb, 2);
	bed_run(b, UNIT);
	assert_state(b, CLOSED);
	assert_int_equal(sani_tcp_error(&b->c), -ETIMEDOUT);
}

static void
long_user_timeout_goes_on_asking(void **state)
{
	struct bed *b = *state;

	b->p.user_timeout_ms = 7200000 + 20 * 75000;
	begin(b, SAN_TCP_ESTABLISHED);
	bed_run(b, IDLE + 19 * INTERVAL);
	assert_int_equal(b->nb, 20);
	assert_state(b, ESTABLISHED);
	bed_run(b, INTERVAL);
	assert_state(b, CLOSED);
}

/* MUST-29: one missing answer is not death. */
static void
user_timeout_shorter_than_the_idle_time_asks_once(void **state)
{
	struct bed *b = *state;

	b->p.user_timeout_ms = 5000;
	begin(b, SAN_TCP_ESTABLISHED);
	bed_run(b, IDLE);
	assert_int_equal(b->nb, 1);
	bed_run(b, INTERVAL - UNIT);
	assert_state(b, ESTABLISHED);
	bed_run(b, UNIT);
	assert_state(b, CLOSED);
	assert_int_equal(b->nb, 2);
	assert_int_equal(b->out[1].seg.flags, SANI_TCP_RST | ACK);
}

/* MUST-24, MUST-27: switched, and changed, in the middle. */
static void
keepalive_is_switched_while_connected(void **state)
{
	struct bed *b = *state;

	b->p.tune.keep = usual;
	b->p.tune.keep.on = false;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_run(b, 100 * SEC);
	set(b, SAN_OPT_KEEP_IDLE, 10000);
	set(b, SAN_OPT_KEEP_INTERVAL, 2000);
	set(b, SAN_OPT_KEEP_COUNT, 3);
	assert_int_equal(bed_deadline(b), SANI_NEVER);
	set(b, SAN_OPT_KEEPALIVE, 1);
	bed_run(b, 0);
	assert_int_equal(b->nb, 1);	/* it has been silent for longer already */
	bed_run(b, 4 * SEC);
	assert_int_equal(b->nb, 3);
	set(b, SAN_OPT_KEEPALIVE, 0);
	bed_run(b, 100 * SEC);
	assert_int_equal(b->nb, 3);
	assert_state(b, ESTABLISHED);
	assert_int_equal(bed_deadline(b), SANI_NEVER);
}

/* A peer that holds us there for ever (it never sends its FIN) may be dead. */
static void
half_closed_peers_are_asked_too(void **state)
{
	static const enum san_tcp_state states[] = { SAN_TCP_FIN_WAIT_2, SAN_TCP_CLOSE_WAIT };
	struct bed *b = *state;

	for (unsigned int i = 0; i < RTE_DIM(states); i++) {
		begin(b, states[i]);
		bed_run(b, IDLE);
		assert_int_equal(b->nb, 1);
		bed_run(b, 9 * INTERVAL);
		assert_state(b, CLOSED);
		assert_int_equal(sani_tcp_error(&b->c), -ETIMEDOUT);
	}
}

static void
time_wait_is_not_asked(void **state)
{
	struct bed *b = *state;

	begin(b, SAN_TCP_ESTABLISHED);
	set(b, SAN_OPT_KEEP_IDLE, 1000);
	bed_shutdown(b);
	bed_in(b, SANI_TCP_FIN | ACK, NXT, UNA + 1, 0);
	assert_state(b, TIME_WAIT);
	bed_clear(b);
	bed_run(b, 59 * SEC);
	assert_state(b, TIME_WAIT);
	assert_int_equal(b->nb, 0);
}

/* The probe stands left of the peer's window, so the ACK that is due does not ride on it. */
static void
ack_that_is_due_goes_before_the_probe(void **state)
{
	struct bed *b = *state;
	struct rte_mbuf *tx[1];
	struct sani_tcp_io io;

	begin(b, SAN_TCP_ESTABLISHED);
	b->now += IDLE + UNIT;
	io = bed_io(b, tx, 1);
	sani_tcp_timer(&b->c, &io);
	b->c.flags |= SANI_TCP_F_ACK_NOW;
	bed_flush(b);
	assert_int_equal(b->nb, 2);
	assert_int_equal(b->out[0].seg.seq, UNA);
	assert_int_equal(b->out[1].seg.seq, UNA - 1);
}

static void
data_of_the_same_round_replaces_the_probe(void **state)
{
	struct bed *b = *state;
	struct rte_mbuf *tx[1];
	struct sani_tcp_io io;

	begin(b, SAN_TCP_ESTABLISHED);
	b->now += IDLE + UNIT;
	io = bed_io(b, tx, 1);
	sani_tcp_timer(&b->c, &io);
	bed_write(b, 100);
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK | SANI_TCP_PSH, UNA, NXT, 100);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_keepalive), 0);
}

static void
accepted_connection_is_asked(void **state)
{
	struct bed *b = *state;

	b->p.tune.keep = usual;
	bed_accept(b);
	bed_clear(b);
	bed_run(b, IDLE);
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK, UNA - 1, NXT, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(silence_is_borne_without_keepalive),
		bed_test(silent_peer_is_asked_nine_times_and_given_up),
		bed_test(answer_begins_the_idle_time_anew),
		bed_test(unacceptable_segment_is_no_sign_of_life),
		bed_test(nothing_is_asked_while_something_is_outstanding),
		bed_test(nothing_is_asked_while_the_window_is_shut),
		bed_test(user_timeout_overrides_the_count),
		bed_test(long_user_timeout_goes_on_asking),
		bed_test(user_timeout_shorter_than_the_idle_time_asks_once),
		bed_test(keepalive_is_switched_while_connected),
		bed_test(half_closed_peers_are_asked_too),
		bed_test(time_wait_is_not_asked),
		bed_test(ack_that_is_due_goes_before_the_probe),
		bed_test(data_of_the_same_round_replaces_the_probe),
		bed_test(accepted_connection_is_asked),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
