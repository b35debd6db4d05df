/* SPDX-License-Identifier: BSD-3-Clause */
/* A path that carries nothing for minutes: what rack.c and rtt.c make of times that lie so far back. */
#include "out.h"

#define OUT 10u			/* segments in flight when the path breaks, */
#define ARRIVED 5u		/* and how many of them are there all the same */
#define ROUNDS 40u

/* Nothing comes through for so long, and on until the head goes once more; that one arrives. */
static void
break_for(struct bed *b, uint64_t us)
{
	bed_run(b, us);
	bed_clear(b);
	while (b->nb == 0)
		bed_run(b, RTT);
	bed_clear(b);
	bed_run(b, RTT);
	bed_in(b, ACK, NXT, seg(ARRIVED), 0);
}

/* The path is whole again: all that goes but the last segment is acknowledged, more is written. @return Repeats. */
static uint64_t
go_on(struct bed *b)
{
	uint64_t before = b->c.rexmit_segs - b->nb;	/* those of the ACK that came last */

	for (unsigned int round = 0; round < ROUNDS; round++) {
		uint32_t end = b->c.snd_una;

		for (unsigned int i = 0; i < b->nb; i++)
			end = seq_max(end, b->out[i].seg.seq + b->out[i].seg.len);
		bed_clear(b);
		bed_run(b, RTT / 2);
		bed_write(b, MSS);
		bed_run(b, RTT / 2);
		bed_in(b, ACK, NXT, end - MSS, 0);
		assert_true(b->c.snd_una != b->c.snd_nxt);
	}
	return b->c.rexmit_segs - before;
}

/* What was lost goes again once, and nothing else does, however long it has lasted. */
static void
outage(struct bed *b, bool sack, uint64_t us)
{
	start_with(b, OUT, RTT, sack);
	break_for(b, us);
	assert_int_equal(go_on(b), OUT - ARRIVED);
	assert_in_range(b->c.srtt_us, RTT / 2, 3 * RTT);
	assert_true(sani_tcp_min_rtt(&b->c) >= RTT / 2);
}

/*
 * A segment is lost then, and the round trip takes longer: what was sent after all that has arrived is late, and no
 * more than that (RFC 8985 6.2 step 5).
 */
static void
loss_after(struct bed *b, uint64_t us)
{
	uint32_t una;

	start(b, OUT);
	break_for(b, us);
	go_on(b);
	una = b->c.snd_nxt;
	bed_write(b, 4 * MSS);
	bed_in(b, ACK, NXT, una, 0);
	bed_run(b, RTT / 2);
	bed_write(b, 2 * MSS);
	bed_run(b, RTT / 2);
	bed_clear(b);
	bed_sack(b, una, 1, (uint32_t[]){ una + MSS, una + 4 * MSS });
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK, una, NXT, MSS);
	bed_run(b, RTT / 2 + 5 * MS);
	assert_int_equal(b->nb, 1);
}

static void
what_is_late_behind_a_loss_is_not_lost_after_a_short_one(void **state)
{
	loss_after(*state, 20 * SEC);
}

static void
nor_is_it_after_minutes(void **state)
{
	loss_after(*state, 200 * SEC);
}

static void
short_one_repeats_what_was_lost_once(void **state)
{
	outage(*state, true, 20 * SEC);
}

static void
minutes_of_it_repeat_no_more_than_that(void **state)
{
	outage(*state, true, 200 * SEC);
}

static void
minutes_of_it_without_sack_repeat_no_more(void **state)
{
	outage(*state, false, 200 * SEC);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(short_one_repeats_what_was_lost_once),
		bed_test(minutes_of_it_repeat_no_more_than_that),
		bed_test(what_is_late_behind_a_loss_is_not_lost_after_a_short_one),
		bed_test(nor_is_it_after_minutes),
		bed_test(minutes_of_it_without_sack_repeat_no_more),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
