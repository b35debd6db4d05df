/* SPDX-License-Identifier: BSD-3-Clause */
/* prr.c: RFC 9937. More of it, beside RACK, is in test_rack.c. */
#include "bed.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)
#define ACK SANI_TCP_ACK
#define MSS 1000u
#define RTT (20 * MS)

/* Ten segments out, and 8 ms later ten more; a round trip of 20 ms known. The figures are NewReno's. */
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
	bed_write(b, 10 * MSS);
	bed_run(b, 8 * MS);
	bed_write(b, 50 * MSS);
	assert_int_equal(b->nb, 20);
	bed_run(b, RTT);
	bed_clear(b);
}

static uint32_t
seg(uint32_t i)
{
	return UNA + i * MSS;
}

/* 5 to 7 are here: 0 to 4 are lost, 0 goes again. There is much room below ssthresh. */
static void
lose_five(struct bed *b)
{
	start(b);
	bed_sack(b, seg(0), 1, (uint32_t[]){ seg(5), seg(8) });
	assert_int_equal(b->c.flight.lost, 4 * MSS);
	assert_int_equal(b->nb, 1);
	b->c.ssthresh = 20 * MSS;
	bed_run(b, RTT / 2);
	bed_clear(b);
}

/* 6.2: progress without more loss lets a segment out beyond what was delivered, 4 here. */
static void
progress_lets_one_more_out(void **state)
{
	struct bed *b = *state;

	lose_five(b);
	bed_in(b, ACK, NXT, seg(4), 0);
	assert_int_equal(b->c.prr_delivered, 7 * MSS);
	assert_int_equal(b->nb, 7 - 1 + 1);
}

/* Not so if 8 and 9 are found lost by the same ACK, although it takes 1 to 3 from what was lost. */
static void
further_loss_lets_out_what_was_delivered(void **state)
{
	struct bed *b = *state;

	lose_five(b);
	bed_sack(b, seg(4), 1, (uint32_t[]){ seg(12), seg(13) });
	assert_int_equal(b->c.prr_delivered, 8 * MSS);
	assert_int_equal(b->nb, 8 - 1);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(b->out[i].seg.seq, seg((uint32_t[]){ 4, 8, 9 }[i]));
}

/* What PRR let out and nobody had data for is not taken back by ACKs that bring nothing. */
static void
ack_that_delivers_nothing_changes_nothing(void **state)
{
	struct bed *b = *state;
	uint32_t cwnd;

	lose_five(b);
	b->c.written = seg(20) - UNA;	/* nothing new */
	bed_in(b, ACK, NXT, seg(4), 0);
	assert_int_equal(b->nb, 1);
	cwnd = b->c.cwnd;
	assert_true(cwnd > sani_tcp_pipe(&b->c));
	for (unsigned int i = 0; i < 100; i++)
		bed_in(b, ACK, NXT, seg(4), 0);
	assert_int_equal(b->c.cwnd, cwnd);
	assert_int_equal(b->nb, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(progress_lets_one_more_out),
		bed_test(further_loss_lets_out_what_was_delivered),
		bed_test(ack_that_delivers_nothing_changes_nothing),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
