/* SPDX-License-Identifier: BSD-3-Clause */
/* cwv.c: RFC 7661. */
#include "bed.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)
#define ACK SANI_TCP_ACK
#define MSS 1000u

#define is_nonvalidated(b) ((b)->c.extras & SANI_TCP_X_NONVALIDATED)

static void
start(struct bed *b, enum san_cc cc)
{
	b->sack = true;
	b->p.tune.cwv = 1;
	b->p.tune.cc = (uint8_t)cc;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->c.srtt_us = 20 * MS;
	b->c.cwnd = 20 * MSS;
	b->c.ssthresh = 10 * MSS;
	bed_clear(b);
}

/* n segments out and, a round trip later, acknowledged by one ACK. */
static void
pass(struct bed *b, uint32_t n)
{
	bed_write(b, n * MSS);
	bed_run(b, 20 * MS);
	bed_in(b, ACK, NXT, b->c.snd_nxt, 0);
	bed_clear(b);
}

static void
off_an_idle_window_falls(void **state)
{
	struct bed *b = *state;

	start(b, SAN_CC_NEWRENO);
	b->c.extras = 0;
	pass(b, 20);
	bed_run(b, 10 * SEC);
	bed_write(b, MSS);
	assert_int_equal(b->c.cwnd, 10 * MSS);
	assert_int_equal(b->c.extras, 0);
}

static void
pipe_ack_is_the_most_of_a_round_trip_lately(void **state)
{
	struct bed *b = *state;
	struct san_tcp_info info;

	start(b, SAN_CC_NEWRENO);
	assert_int_equal(sani_tcp_cwv_pipe_ack(&b->c), 0);
	assert_false(is_nonvalidated(b));
	pass(b, 12);
	pass(b, 3);
	sani_tcp_info(&b->c, b->now, &info);
	assert_int_equal(info.pipe_ack, 12 * MSS);
	assert_false(is_nonvalidated(b));
	for (int i = 0; i < 60; i++)
		pass(b, 3);	/* 1.2 s */
	assert_int_equal(sani_tcp_cwv_pipe_ack(&b->c), 3 * MSS);
	assert_true(is_nonvalidated(b));
	pass(b, 12);
	assert_false(is_nonvalidated(b));
}

/* A round trip is what was out when it began, by however many ACKs. */
static void
sample_is_of_one_round_trip(void **state)
{
	struct bed *b = *state;

	start(b, SAN_CC_NEWRENO);
	bed_write(b, 15 * MSS);
	for (uint32_t i = 1; i <= 14; i++)
		bed_in(b, ACK, NXT, UNA + i * MSS, 0);
	assert_int_equal(sani_tcp_cwv_pipe_ack(&b->c), 0);
	bed_in(b, ACK, NXT, UNA + 15 * MSS, 0);
	assert_int_equal(sani_tcp_cwv_pipe_ack(&b->c), 15 * MSS);
}

static void
idle_window_is_kept_and_paced(void **state)
{
	struct bed *b = *state;

	start(b, SAN_CC_NEWRENO);
	pass(b, 20);
	bed_run(b, 250 * SEC);
	bed_write(b, 20 * MSS);
	assert_in_range(b->c.cwnd, 20 * MSS, 21 * MSS);
	assert_true(is_nonvalidated(b));
	assert_in_range(b->nb, 2, 3);
	assert_true(sani_tcp_armed(&b->c, SANI_TCP_T_PACE));
	bed_run(b, 20 * MS);
	bed_in(b, ACK, NXT, b->c.snd_nxt, 0);
	assert_false(is_nonvalidated(b));
	assert_false(b->c.extras & SANI_TCP_X_PACED);
	assert_false(sani_tcp_armed(&b->c, SANI_TCP_T_PACE));
}

/* 4.4.3: half for each five minutes, not below IW; ssthresh remembers. */
static void
unused_window_falls_by_half_after_each_five_minutes(void **state)
{
	struct bed *b = *state;

	start(b, SAN_CC_CUBIC);
	b->c.cwnd = 50 * MSS;
	pass(b, 40);
	bed_run(b, 301 * SEC);
	bed_write(b, MSS);
	assert_int_equal(b->c.cwnd, 25 * MSS);
	assert_int_equal(b->c.ssthresh, 37500);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_unused), 1);
	bed_in(b, ACK, NXT, b->c.snd_nxt, 0);
	bed_run(b, 700 * SEC);
	bed_write(b, MSS);
	assert_int_equal(b->c.cwnd, 10 * MSS);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_unused), 3);
}

/* A trickle is no use of the window either. */
static void
trickle_lets_it_fall_too(void **state)
{
	struct bed *b = *state;

	start(b, SAN_CC_NEWRENO);
	b->c.cwnd = 40 * MSS;
	for (int i = 0; i < 310 * 10; i++) {
		bed_write(b, 100);
		bed_run(b, 100 * MS);
		bed_in(b, ACK, NXT, b->c.snd_nxt, 0);
		bed_clear(b);
	}
	assert_int_equal(b->c.cwnd, 20 * MSS);
}

/* 4.4: in slow start more than half used is enough to grow, but not in this phase. */
static void
nonvalidated_window_grows_only_when_all_is_out(void **state)
{
	struct bed *b = *state;

	start(b, SAN_CC_NEWRENO);
	b->c.ssthresh = 100 * MSS;
	pass(b, 2);
	assert_true(is_nonvalidated(b));
	assert_int_equal(b->c.cwnd, 20 * MSS);
	bed_write(b, 12 * MSS);
	bed_run(b, 20 * MS);
	bed_in(b, ACK, NXT, UNA + 3 * MSS, 0);
	assert_int_equal(b->c.cwnd, 20 * MSS);
}

/* 4.4.1 */
static void
loss_sets_it_by_what_was_used(void **state)
{
	struct bed *b = *state;
	uint32_t at;

	start(b, SAN_CC_CUBIC);
	b->c.cwnd = 40 * MSS;
	pass(b, 8);
	assert_true(is_nonvalidated(b));
	at = b->c.snd_una;
	bed_write(b, 6 * MSS);
	bed_run(b, 20 * MS);
	bed_sack(b, at, 1, (uint32_t[]){ at + MSS, at + 5 * MSS });
	assert_int_equal(b->c.ca, SANI_TCP_CA_RECOVERY);
	assert_false(is_nonvalidated(b));
	assert_int_equal(b->c.ssthresh, 4 * MSS);	/* max(8, 6) / 2 */
	bed_run(b, 20 * MS);
	bed_in(b, ACK, NXT, b->c.snd_nxt, 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_OPEN);
	assert_int_equal(b->c.rexmit_bytes, MSS);
	assert_in_range(b->c.cwnd, 3500, 3500 + MSS);	/* (8 - R) / 2 */
	assert_int_equal(b->c.ssthresh, 3500);
	assert_int_equal(sani_tcp_cwv_pipe_ack(&b->c), 0);
	assert_false(is_nonvalidated(b));
}

/* 4.2: pipeACK rests in recovery. What was acknowledged in one that was none is not of the round trip behind it. */
static void
round_begins_anew_behind_a_loss_that_was_none(void **state)
{
	struct bed *b = *state;
	uint32_t at;

	start(b, SAN_CC_CUBIC);
	b->c.cwnd = 40 * MSS;
	pass(b, 8);
	at = b->c.snd_una;
	bed_write(b, 6 * MSS);
	bed_run(b, 20 * MS);
	bed_sack(b, at, 1, (uint32_t[]){ at + MSS, at + 5 * MSS });
	assert_int_equal(b->c.ca, SANI_TCP_CA_RECOVERY);
	bed_write(b, 5 * MSS);
	bed_run(b, 20 * MS);
	bed_sack(b, at + 5 * MSS, 1, (uint32_t[]){ at, at + MSS });
	assert_int_equal(bed_count(b, SANI_CTR_tcp_undo), 1);
	assert_int_equal(b->c.ca, SANI_TCP_CA_OPEN);
	bed_run(b, 20 * MS);
	bed_in(b, ACK, NXT, b->c.snd_nxt, 0);
	assert_int_equal(b->c.snd_una, at + 11 * MSS);
	assert_int_equal(sani_tcp_cwv_pipe_ack(&b->c), 8 * MSS);	/* not 11 */
}

static void
loss_in_the_validated_phase_is_the_standard_one(void **state)
{
	struct bed *b = *state;
	uint32_t at;

	start(b, SAN_CC_NEWRENO);
	pass(b, 20);
	at = b->c.snd_una;
	bed_write(b, 20 * MSS);
	bed_run(b, 20 * MS);
	bed_sack(b, at, 1, (uint32_t[]){ at + MSS, at + 15 * MSS });
	assert_int_equal(b->c.ssthresh, 10 * MSS);
	bed_run(b, 20 * MS);
	bed_in(b, ACK, NXT, b->c.snd_nxt, 0);
	assert_int_equal(b->c.ssthresh, 10 * MSS);
}

/* The same for a mark: half comes off the most that was used, not off what happens to be out; nothing went again. */
static void
echo_takes_its_part_off_what_was_used(void **state)
{
	struct bed *b = *state;

	b->sack = true;
	b->p.tune.cwv = 1;
	b->p.tune.cc = SAN_CC_NEWRENO;
	bed_open_ecn(b, MSS);
	b->c.srtt_us = 20 * MS;
	b->c.cwnd = 40 * MSS;
	b->c.ssthresh = 10 * MSS;
	pass(b, 8);
	assert_true(is_nonvalidated(b));
	bed_write(b, 6 * MSS);
	bed_run(b, 20 * MS);
	bed_in(b, ACK | SANI_TCP_ECE, NXT, b->c.snd_una + MSS, 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_CWR);
	assert_false(is_nonvalidated(b));
	assert_int_equal(b->c.ssthresh, 4 * MSS);	/* max(8, 6) / 2 */
	assert_true(b->c.cwnd <= 8 * MSS);
	bed_in(b, ACK, NXT, b->c.snd_nxt, 0);
	bed_write(b, MSS);
	bed_in(b, ACK, NXT, b->c.snd_nxt, 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_OPEN);
	assert_in_range(b->c.cwnd, 4 * MSS, 5 * MSS);
}

static void
timeout_ends_the_phase(void **state)
{
	struct bed *b = *state;

	start(b, SAN_CC_NEWRENO);
	pass(b, 2);
	assert_true(is_nonvalidated(b));
	bed_write(b, 4 * MSS);
	bed_run(b, 2 * SEC);
	assert_int_equal(b->c.ca, SANI_TCP_CA_LOSS);
	assert_int_equal(b->c.cwnd, MSS);
	bed_in(b, ACK, NXT, UNA + 5 * MSS, 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_LOSS);
	assert_int_equal(sani_tcp_cwv_pipe_ack(&b->c), 0);
	assert_false(is_nonvalidated(b));
	assert_false(b->c.extras & SANI_TCP_X_PACED);
}

/* After recovery nothing is known: a pause then is one of RFC 5681. */
static void
window_that_was_not_measured_falls_in_a_pause(void **state)
{
	struct bed *b = *state;

	start(b, SAN_CC_NEWRENO);
	pass(b, 20);
	b->c.cwv.known = false;
	bed_run(b, 10 * SEC);
	bed_write(b, MSS);
	assert_int_equal(b->c.cwnd, 10 * MSS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(off_an_idle_window_falls),
		bed_test(pipe_ack_is_the_most_of_a_round_trip_lately),
		bed_test(sample_is_of_one_round_trip),
		bed_test(idle_window_is_kept_and_paced),
		bed_test(unused_window_falls_by_half_after_each_five_minutes),
		bed_test(trickle_lets_it_fall_too),
		bed_test(nonvalidated_window_grows_only_when_all_is_out),
		bed_test(loss_sets_it_by_what_was_used),
		bed_test(round_begins_anew_behind_a_loss_that_was_none),
		bed_test(loss_in_the_validated_phase_is_the_standard_one),
		bed_test(echo_takes_its_part_off_what_was_used),
		bed_test(timeout_ends_the_phase),
		bed_test(window_that_was_not_measured_falls_in_a_pause),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
