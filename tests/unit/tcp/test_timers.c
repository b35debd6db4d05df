/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "bed.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)
#define ACK SANI_TCP_ACK

static uint64_t
gap_ms(const struct bed *b, unsigned int i)
{
	return (b->out[i].at_us - b->out[i - 1].at_us) / 1000;
}

static void
syn_is_repeated_after_1_2_4_seconds_and_given_up_after_3_minutes(void **state)
{
	static const uint64_t want[] = { 1000, 2000, 4000, 8000, 16000, 32000, 60000 };
	struct bed *b = *state;

	sani_tcp_open_active(&b->c, &b->p, b->now);
	bed_flush(b);
	bed_run(b, 179999 * MS);
	assert_state(b, SYN_SENT);
	assert_int_equal(b->nb, 8);
	for (unsigned int i = 1; i < b->nb; i++) {
		assert_int_equal(gap_ms(b, i), want[i - 1]);
		assert_int_equal(b->out[i].seg.flags, SANI_TCP_SYN);
		assert_int_equal(b->out[i].seg.seq, BED_ISS);
		assert_int_equal(b->out[i].seg.opts, b->out[0].seg.opts);
	}
	bed_run(b, 1 * MS);
	assert_state(b, CLOSED);
	assert_int_equal(b->ev & SANI_TCP_EV_CLOSED, SANI_TCP_EV_CLOSED);
	assert_int_equal(sani_tcp_error(&b->c), -ETIMEDOUT);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_timeout), 1);
	assert_int_equal(bed_deadline(b), SANI_NEVER);
}

static void
syn_ack_is_repeated_and_given_up(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_SYN_RECEIVED);
	bed_run(b, 1000 * MS);
	assert_last(b, SANI_TCP_SYN | ACK, BED_ISS, NXT, 0);
	bed_run(b, 179 * SEC);
	assert_state(b, CLOSED);
	assert_int_equal(sani_tcp_error(&b->c), -ETIMEDOUT);
}

static void
user_timeout_bounds_the_open(void **state)
{
	struct bed *b = *state;

	b->p.user_timeout_ms = 5000;
	bed_reach(b, SAN_TCP_SYN_SENT);
	bed_run(b, 4999 * MS);
	assert_state(b, SYN_SENT);
	bed_run(b, 1 * MS);
	assert_state(b, CLOSED);
}

static void
data_is_repeated_with_doubling_intervals_up_to_a_minute(void **state)
{
	static const uint64_t want[] = { 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000 };
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 100);
	bed_run(b, 230 * SEC);
	assert_int_equal(b->nb, 12);
	for (unsigned int i = 1; i < b->nb; i++) {
		assert_int_equal(gap_ms(b, i), want[i - 1]);
		assert_int_equal(b->out[i].seg.seq, UNA);
		assert_int_equal(b->out[i].seg.len, 100);
	}
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rto), 11);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_rexmit), 11);
}

static void
vanished_peer_is_given_up_after_the_default(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 100);
	bed_run(b, 923999 * MS);
	assert_state(b, ESTABLISHED);
	bed_clear(b);
	bed_run(b, 1 * MS);
	assert_state(b, CLOSED);
	assert_int_equal(sani_tcp_error(&b->c), -ETIMEDOUT);
	/* should it be there after all */
	assert_int_equal(b->nb, 1);
	assert_last(b, SANI_TCP_RST | ACK, UNA + 100, NXT, 0);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_rst), 1);
}

static void
opens_that_nobody_answers_end_without_a_word(void **state)
{
	struct bed *b = *state;

	bed_syn(b);
	bed_run(b, 200 * SEC);
	assert_state(b, CLOSED);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_rst), 0);
}

static void
user_timeout_counts_from_the_last_progress(void **state)
{
	struct bed *b = *state;

	b->p.user_timeout_ms = 10000;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_run(b, 100 * SEC);		/* idle: nothing runs */
	bed_write(b, 2000);
	bed_run(b, 9 * SEC);
	bed_in(b, ACK, NXT, UNA + 1000, 0);
	bed_run(b, 9999 * MS);
	assert_state(b, ESTABLISHED);
	bed_run(b, 1 * MS);
	assert_state(b, CLOSED);
}

static void
idle_connection_has_no_deadline(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 100);
	bed_in(b, ACK, NXT, UNA + 100, 0);
	assert_int_equal(bed_deadline(b), SANI_NEVER);
}

/* MUST-36, SHLD-29, SHLD-30: first after one RTO, then exponentially longer. */
static void
shut_window_is_probed_with_doubling_intervals(void **state)
{
	static const uint64_t want[] = { 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000 };
	struct bed *b = *state;
	uint64_t from;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->wnd = 0;
	bed_in(b, ACK, NXT, UNA, 1);
	bed_clear(b);
	from = b->now;
	bed_write(b, 3000);
	assert_int_equal(b->nb, 0);
	for (unsigned int i = 0; i < 10; i++) {
		bed_run(b, want[i] * MS);
		assert_int_equal(b->nb, i + 1);
		assert_last(b, ACK, UNA, NXT + 1, 1);
		from += want[i] * MS;
		assert_int_equal(b->out[i].at_us, from);
		bed_in(b, ACK, NXT + 1, UNA, 0);
	}
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_probe), 10);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_fast_rexmit), 0);
}

/* The peer's window is shut, and 3000 octets wait for it. */
static void
shut_window(struct bed *b)
{
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->wnd = 0;
	bed_in(b, ACK, NXT, UNA, 1);
	bed_write(b, 3000);
}

/*
 * MUST-37: as long as probes are answered the connection stays. The user timeout counts from the first that is
 * not, and that comes within a minute.
 */
static void
answered_probes_keep_the_connection_for_days(void **state)
{
	struct bed *b = *state;

	shut_window(b);
	for (int i = 0; i < 4000; i++) {
		bed_run(b, 60 * SEC);
		bed_clear(b);
		bed_in(b, ACK, NXT + 1, UNA, 0);
	}
	bed_run(b, 924 * SEC);
	assert_state(b, ESTABLISHED);
	bed_run(b, 61 * SEC);
	assert_state(b, CLOSED);
	assert_int_equal(sani_tcp_error(&b->c), -ETIMEDOUT);
}

static void
opened_window_takes_the_probe_along(void **state)
{
	struct bed *b = *state;

	shut_window(b);
	bed_run(b, 200 * MS);
	bed_clear(b);
	b->wnd = 5000;
	bed_in(b, ACK, NXT + 1, UNA, 0);
	assert_int_equal(b->nb, 3);
	assert_int_equal(b->out[0].seg.seq, UNA);
	assert_int_equal(b->out[0].seg.len, 1000);
	assert_int_equal(b->out[2].seg.seq, UNA + 2000);
	assert_int_equal(b->out[2].seg.len, 1000);
}

static void
accepted_probe_octets_are_not_sent_again(void **state)
{
	struct bed *b = *state;

	shut_window(b);
	bed_run(b, 200 * MS);
	bed_in(b, ACK, NXT + 1, UNA + 1, 0);
	bed_clear(b);
	bed_run(b, 400 * MS);
	assert_last(b, ACK, UNA + 1, NXT + 1, 1);
	b->wnd = 5000;
	bed_clear(b);
	bed_in(b, ACK, NXT + 1, UNA + 2, 0);
	assert_int_equal(b->out[0].seg.seq, UNA + 2);
	assert_int_equal(b->out[0].seg.len, 1000);
}

/* A peer with a shut window takes no ACK right of it. */
static void
ack_while_probing_stands_at_the_window_edge(void **state)
{
	struct bed *b = *state;

	shut_window(b);
	bed_run(b, 200 * MS);
	bed_clear(b);
	bed_in(b, ACK, NXT + 1, UNA, 100);
	assert_last(b, ACK, UNA, NXT + 101, 0);
}

static void
fin_is_probed_through_a_shut_window(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_CLOSE_WAIT);
	b->wnd = 0;
	bed_in(b, ACK, NXT + 1, UNA, 0);
	bed_shutdown(b);
	assert_int_equal(b->nb, 0);
	assert_state(b, CLOSE_WAIT);
	bed_run(b, 200 * MS);
	assert_state(b, LAST_ACK);
	assert_last(b, SANI_TCP_FIN | ACK, UNA, NXT + 1, 0);
	bed_in(b, ACK, NXT + 1, UNA + 1, 0);
	assert_state(b, CLOSED);
}

static void
several_passed_deadlines_are_handled_in_one_call(void **state)
{
	struct bed *b = *state;
	struct rte_mbuf *tx[1];
	struct sani_tcp_io io;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->c.quick_acks = 0;
	bed_write(b, 100);
	bed_in(b, ACK, NXT, UNA, 10);
	bed_clear(b);
	b->now += 10 * SEC;
	io = bed_io(b, tx, 1);
	assert_int_equal(sani_tcp_timer(&b->c, &io), SANI_TCP_EV_OUTPUT);
	bed_flush(b);
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK | SANI_TCP_PSH, UNA, NXT + 10, 100);
	assert_true(bed_deadline(b) > b->now);
}

static void
early_call_does_nothing(void **state)
{
	struct bed *b = *state;
	struct rte_mbuf *tx[1];
	struct sani_tcp_io io;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 100);
	io = bed_io(b, tx, 1);
	assert_int_equal(sani_tcp_timer(&b->c, &io), 0);
}

static void
opened_window_makes_the_next_probe_early_again(void **state)
{
	struct bed *b = *state;

	shut_window(b);
	for (int i = 0; i < 5; i++) {
		bed_run(b, 10 * SEC);
		bed_in(b, ACK, NXT + 1, UNA, 0);
	}
	b->wnd = 1000;
	bed_in(b, ACK, NXT + 1, UNA, 0);
	b->wnd = 0;
	bed_in(b, ACK, NXT + 1, UNA + 1000, 0);
	bed_clear(b);
	bed_run(b, b->c.rto_us);
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK, UNA + 1000, NXT + 1, 1);
}

/* MUST-20, SHLD-10: R1 is three timeouts of one segment, and of a SYN as well (MUST-22). */
static void
third_timeout_raises_doubt(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 100);
	bed_run(b, 1399 * MS);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rto), 2);
	assert_int_equal(b->ev & SANI_TCP_EV_DOUBT, 0);
	bed_run(b, 1 * MS);
	assert_int_equal(b->ev & SANI_TCP_EV_DOUBT, SANI_TCP_EV_DOUBT);
	bed_in(b, ACK, NXT, UNA + 100, 0);
	sani_tcp_discard(&b->c);
	bed_reach(b, SAN_TCP_SYN_SENT);
	bed_run(b, 6999 * MS);
	assert_int_equal(b->ev & SANI_TCP_EV_DOUBT, 0);
	bed_run(b, 1 * MS);
	assert_int_equal(b->ev & SANI_TCP_EV_DOUBT, SANI_TCP_EV_DOUBT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(syn_is_repeated_after_1_2_4_seconds_and_given_up_after_3_minutes),
		bed_test(syn_ack_is_repeated_and_given_up),
		bed_test(user_timeout_bounds_the_open),
		bed_test(data_is_repeated_with_doubling_intervals_up_to_a_minute),
		bed_test(vanished_peer_is_given_up_after_the_default),
		bed_test(opens_that_nobody_answers_end_without_a_word),
		bed_test(user_timeout_counts_from_the_last_progress),
		bed_test(idle_connection_has_no_deadline),
		bed_test(shut_window_is_probed_with_doubling_intervals),
		bed_test(answered_probes_keep_the_connection_for_days),
		bed_test(opened_window_takes_the_probe_along),
		bed_test(accepted_probe_octets_are_not_sent_again),
		bed_test(ack_while_probing_stands_at_the_window_edge),
		bed_test(fin_is_probed_through_a_shut_window),
		bed_test(several_passed_deadlines_are_handled_in_one_call),
		bed_test(early_call_does_nothing),
		bed_test(opened_window_makes_the_next_probe_early_again),
		bed_test(third_timeout_raises_doubt),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
