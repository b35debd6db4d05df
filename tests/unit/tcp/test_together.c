/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segments that come together, in one poll round: nothing can be sent between them, and that must cost no goodput. Over
 * a path that is long and not narrow that is how all of a window comes, and all of its ACKs.
 */
#include "bed.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)
#define ACK SANI_TCP_ACK
#define MSS 1000u
#define RTT (20 * MS)

/* 20 segments out, all that cwnd allows; a round trip later. The figures are NewReno's. */
static void
start(struct bed *b)
{
	b->p.tune.cc = SAN_CC_NEWRENO;
	b->sack = true;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->wnd = 60000;
	b->c.snd_mss = MSS;
	b->c.srtt_us = RTT;
	b->c.min_rtt_us[0] = RTT;
	b->c.cwnd = 20 * MSS;
	b->c.ssthresh = 20 * MSS;
	bed_write(b, 60 * MSS);
	assert_int_equal(b->nb, 20);
	bed_run(b, RTT);
	bed_clear(b);
}

static uint32_t
seg(uint32_t i)
{
	return UNA + i * MSS;
}

/* An ACK, with a SACK of [from, to) if that is not empty, after which nothing is sent yet. */
static void
hear(struct bed *b, uint32_t ack, uint32_t from, uint32_t to)
{
	struct sani_tcp_seg s = bed_seg(b, ACK, NXT, seg(ack), 0);

	if (from < to) {
		s.opts |= SANI_TCP_OPT_SACK;
		s.nb_sack = 1;
		s.sack[0].left = seg(from);
		s.sack[0].right = seg(to);
	}
	bed_inject(b, &s);
}

/* 16 of 20 are acknowledged, segment 16 is lost, and the same moment says so: half of 20 it is, not of 4. */
static void
loss_behind_other_acks_halves_the_flight_they_met(void **state)
{
	struct bed *b = *state;

	start(b);
	for (uint32_t i = 2; i <= 16; i += 2)
		hear(b, i, 0, 0);
	hear(b, 16, 17, 20);
	bed_flush(b);
	assert_int_equal(b->c.ca, SANI_TCP_CA_RECOVERY);
	assert_int_equal(b->c.ssthresh, 10 * MSS);
}

/* With time in between what went out for the first is in flight as well. */
static void
flight_is_that_of_the_moment(void **state)
{
	struct bed *b = *state;

	start(b);
	b->c.cwnd = 4 * MSS;	/* nothing goes out meanwhile */
	b->c.ssthresh = 4 * MSS;
	for (uint32_t i = 2; i <= 16; i += 2)
		hear(b, i, 0, 0);
	b->c.cwnd = 20 * MSS;
	b->now += 1;
	hear(b, 16, 17, 20);
	assert_int_equal(b->c.ca, SANI_TCP_CA_RECOVERY);
	assert_int_equal(b->c.ssthresh, 2 * MSS);
}

/*
 * RFC 9937: of 20 segments 19 are delivered, which makes ten go out, whether one ACK says it or ten. Then the flight
 * does not fall below ssthresh for the rest of the round trip.
 */
static void
what_was_acknowledged_first_counts_in_recovery(void **state)
{
	struct bed *b = *state;

	start(b);
	for (uint32_t i = 2; i <= 10; i += 2)
		hear(b, i, 0, 0);
	hear(b, 10, 11, 14);
	hear(b, 10, 11, 20);
	bed_flush(b);
	assert_int_equal(b->c.ca, SANI_TCP_CA_RECOVERY);
	assert_int_equal(b->c.recover_fs, 20 * MSS);
	assert_int_equal(b->c.prr_delivered, 19 * MSS);
	assert_int_equal(b->nb, 10);
	assert_int_equal(b->out[0].seg.seq, seg(10));
	assert_int_equal(sani_tcp_pipe(&b->c), 10 * MSS);
}

/*
 * A sender that starts counts eight segments of an ACK: one ACK for all of a window would let that grow by eight a
 * round trip, where it could double.
 */
static void
burst_has_an_ack_for_each_eight_segments(void **state)
{
	static const uint32_t at[] = { 8, 16, 20 };
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->c.rcv_mss = MSS;
	b->c.quick_acks = 0;
	bed_clear(b);
	for (uint32_t i = 0; i < 20; i++) {
		struct sani_tcp_seg s = bed_seg(b, ACK, NXT + i * MSS, UNA, MSS);

		bed_inject(b, &s);
	}
	bed_flush(b);
	assert_int_equal(b->nb, 3);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(b->out[i].seg.ack, NXT + at[i] * MSS);
	bed_read(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(loss_behind_other_acks_halves_the_flight_they_met),
		bed_test(flight_is_that_of_the_moment),
		bed_test(what_was_acknowledged_first_counts_in_recovery),
		bed_test(burst_has_an_ack_for_each_eight_segments),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
