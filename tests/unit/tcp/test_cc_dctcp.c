/* SPDX-License-Identifier: BSD-3-Clause */
/* cc_dctcp.c, and the exact echo of ecn.c: RFC 8257. */
#include "bed.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)
#define ACK SANI_TCP_ACK
#define ECE SANI_TCP_ECE
#define CWR SANI_TCP_CWR
#define SYN SANI_TCP_SYN
#define MSS 1000u
#define ONE SANI_TCP_ALPHA_ONE

#define alpha_of(b) ((b)->c.cc_state.dctcp.alpha)

/* A connection with DCTCP; the peer, which has asked, agrees to ECN. */
static void
start(struct bed *b)
{
	b->p.tune.cc = SAN_CC_DCTCP;
	bed_open_ecn(b, MSS);
	assert_ptr_equal(b->c.cc, &sani_tcp_cc_dctcp);
	b->c.cwnd = 20 * MSS;
	b->c.ssthresh = 10 * MSS;
}

/* Text of the peer's, ECT(0) or CE. */
static void
in_text(struct bed *b, uint8_t flags, uint32_t seq, bool ce)
{
	struct sani_tcp_seg seg = bed_seg(b, ACK | flags, seq, b->c.snd_una, MSS);

	seg.ecn = ce ? SANI_ECN_CE : SANI_ECN_ECT_0;
	if (bed_inject(b, &seg) & SANI_TCP_EV_OUTPUT)
		bed_flush(b);
}

static void
syn_asks_and_may_itself_be_marked(void **state)
{
	struct bed *b = *state;
	struct rte_mbuf *tx[1];
	struct sani_tcp_io io = bed_io(b, tx, 1);

	b->p.tune.cc = SAN_CC_DCTCP;
	b->p.tune.ecn = SAN_ECN_ACCEPT;
	sani_tcp_open_active(&b->c, &b->p, b->now);
	sani_tcp_output(&b->c, &io);
	assert_int_equal(io.nb_tx, 1);
	assert_int_equal(io.ect, 1);
	rte_pktmbuf_free(tx[0]);
	bed_run(b, 1100 * MS);
	assert_last(b, SYN, BED_ISS, 0, 0);	/* 3168 6.1.1.1 */
}

static void
switched_off_it_does_not_ask(void **state)
{
	struct bed *b = *state;

	b->p.tune.cc = SAN_CC_DCTCP;
	b->p.tune.ecn = SAN_ECN_OFF;
	sani_tcp_open_active(&b->c, &b->p, b->now);
	bed_flush(b);
	assert_last(b, SYN, BED_ISS, 0, 0);
}

static void
without_agreement_it_is_newreno(void **state)
{
	struct bed *b = *state;

	b->p.tune.cc = SAN_CC_DCTCP;
	b->p.tune.ecn = SAN_ECN_ACCEPT;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	assert_false(b->c.flags & SANI_TCP_F_ECN);
	assert_ptr_equal(b->c.cc, &sani_tcp_cc_newreno);
}

/* 3.2: as long as nothing changes ACKs are delayed as ever, and each says how its text came. */
static void
ack_says_how_its_text_came(void **state)
{
	struct bed *b = *state;

	start(b);
	in_text(b, 0, NXT, false);
	assert_int_equal(b->nb, 0);
	in_text(b, 0, NXT + MSS, false);
	assert_last(b, ACK, UNA, NXT + 2 * MSS, 0);
	assert_int_equal(b->nb, 1);
	in_text(b, 0, NXT + 2 * MSS, true);
	bed_clear(b);
	in_text(b, 0, NXT + 3 * MSS, true);
	assert_int_equal(b->nb, 0);
	in_text(b, 0, NXT + 4 * MSS, true);
	assert_last(b, ACK | ECE, UNA, NXT + 5 * MSS, 0);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_ce), 3);
}

/* Figure 1: what had come before the change is acknowledged at once, with the old state; then the change. */
static void
change_is_told_at_once_and_apart(void **state)
{
	struct bed *b = *state;

	start(b);
	in_text(b, 0, NXT, false);
	in_text(b, 0, NXT + MSS, true);
	assert_int_equal(b->nb, 2);
	assert_int_equal(b->out[0].seg.flags, ACK);
	assert_int_equal(b->out[0].seg.ack, NXT + MSS);
	assert_last(b, ACK | ECE, UNA, NXT + 2 * MSS, 0);
	in_text(b, 0, NXT + 2 * MSS, true);
	bed_clear(b);
	in_text(b, 0, NXT + 3 * MSS, false);
	assert_int_equal(b->nb, 2);
	assert_int_equal(b->out[0].seg.flags, ACK | ECE);
	assert_int_equal(b->out[0].seg.ack, NXT + 3 * MSS);
	assert_last(b, ACK, UNA, NXT + 4 * MSS, 0);
}

static void
change_with_nothing_before_it_is_one_ack(void **state)
{
	struct bed *b = *state;

	start(b);
	in_text(b, 0, NXT, true);
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK | ECE, UNA, NXT + MSS, 0);
}

static void
cwr_does_not_end_the_echo(void **state)
{
	struct bed *b = *state;

	start(b);
	in_text(b, 0, NXT, true);
	in_text(b, CWR, NXT + MSS, true);
	in_text(b, CWR, NXT + 2 * MSS, true);
	assert_last(b, ACK | ECE, UNA, NXT + 3 * MSS, 0);
}

/* Not-ECT as they are, bare ACKs say nothing of the way of the text. */
static void
bare_ack_changes_nothing(void **state)
{
	struct bed *b = *state;

	start(b);
	in_text(b, 0, NXT, true);
	bed_clear(b);
	bed_in(b, ACK, NXT + MSS, UNA, 0);
	assert_int_equal(b->nb, 0);
	bed_write(b, MSS);
	assert_true(b->out[b->nb - 1].seg.flags & ECE);
}

static void
alpha_is_shown(void **state)
{
	struct bed *b = *state;
	struct san_tcp_info info;

	start(b);
	alpha_of(b) = ONE / 4;
	sani_tcp_info(&b->c, b->now, &info);
	assert_int_equal(info.dctcp_alpha, 250000);
	assert_string_equal(info.cc_name, "dctcp");
}

/* 3.3 with g = 1/16, computed apart. */
static uint32_t
next_alpha(double alpha, double m)
{
	return (uint32_t)((alpha * 15 / 16 + m / 16) * ONE);
}

/* One window of n segments, the last k of them marked; it ends with the first octet of the next. */
static void
pass_window(struct bed *b, uint32_t n, uint32_t k)
{
	uint32_t at = b->c.snd_una;

	b->c.ca = SANI_TCP_CA_OPEN;
	b->c.cwnd = 40 * MSS;
	bed_write(b, n * MSS);
	for (uint32_t i = 0; i < n; i++)
		bed_in(b, i + k < n ? ACK : ACK | ECE, NXT, at += MSS, 0);
	bed_clear(b);
}

static void
alpha_follows_the_marked_part(void **state)
{
	struct bed *b = *state;
	uint32_t before;

	start(b);
	assert_int_equal(alpha_of(b), ONE);
	bed_write(b, MSS);
	bed_in(b, ACK, NXT, UNA + MSS, 0);	/* the first window: what was out when it began, nothing */
	assert_in_range(alpha_of(b), next_alpha(1, 0) - 2, next_alpha(1, 0) + 2);
	b->c.cc_state.dctcp.window_end = b->c.snd_una + 10 * MSS - 1;
	before = alpha_of(b);
	pass_window(b, 10, 4);
	assert_in_range(alpha_of(b), next_alpha((double)before / ONE, 0.4) - 2,
			next_alpha((double)before / ONE, 0.4) + 2);
}

static void
alpha_is_moved_once_a_window(void **state)
{
	struct bed *b = *state;
	uint32_t alpha;

	start(b);
	bed_write(b, MSS);
	bed_in(b, ACK, NXT, UNA + MSS, 0);
	bed_write(b, 10 * MSS);
	bed_in(b, ACK, NXT, UNA + 2 * MSS, 0);
	alpha = alpha_of(b);
	for (uint32_t i = 3; i <= 11; i++) {
		bed_in(b, ACK, NXT, UNA + i * MSS, 0);
		assert_int_equal(alpha_of(b), alpha);
	}
	bed_write(b, MSS);
	bed_in(b, ACK, NXT, UNA + 12 * MSS, 0);
	assert_true(alpha_of(b) < alpha);
}

/* 4.2: alpha gets down to 0, and never above 1. */
static void
alpha_reaches_both_ends(void **state)
{
	struct bed *b = *state;
	uint32_t at = UNA;

	start(b);
	for (int i = 0; i < 400; i++) {
		bed_write(b, MSS);
		bed_in(b, ACK, NXT, at += MSS, 0);
		bed_clear(b);
	}
	assert_int_equal(alpha_of(b), 0);
	for (int i = 0; i < 400; i++) {
		bed_write(b, MSS);
		bed_in(b, ACK | ECE, NXT, at += MSS, 0);
		assert_true(alpha_of(b) <= ONE);
		bed_clear(b);
	}
	assert_in_range(alpha_of(b), ONE - 16, ONE);
}

static void
echo_takes_half_of_alpha_once_a_window(void **state)
{
	struct bed *b = *state;

	b->sack = true;
	start(b);
	bed_write(b, 20 * MSS);
	b->c.cc_state.dctcp.window_end = b->c.snd_nxt;
	alpha_of(b) = ONE / 4;
	bed_clear(b);
	bed_in(b, ACK | ECE, NXT, UNA + MSS, 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_CWR);
	assert_int_equal(b->c.ssthresh, 20 * MSS - 20 * MSS / 8);
	for (uint32_t i = 2; i <= 19; i++)
		bed_in(b, ACK | ECE, NXT, UNA + i * MSS, 0);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_ece), 1);
	bed_write(b, MSS);
	assert_true(b->out[b->nb - 1].seg.flags & CWR);	/* for a receiver of RFC 3168 */
	bed_in(b, ACK, NXT, UNA + 21 * MSS, 0);
	assert_int_equal(b->c.cwnd, 20 * MSS - 20 * MSS / 8);
}

/* The window counts on while an echo is being answered. */
static void
marks_are_counted_in_every_state(void **state)
{
	struct bed *b = *state;

	b->sack = true;
	start(b);
	bed_write(b, 20 * MSS);
	b->c.cc_state.dctcp.window_end = b->c.snd_nxt;
	for (uint32_t i = 1; i <= 10; i++)
		bed_in(b, i <= 5 ? ACK | ECE : ACK, NXT, UNA + i * MSS, 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_CWR);
	assert_int_equal(b->c.cc_state.dctcp.bytes_acked, 10 * MSS);
	assert_int_equal(b->c.cc_state.dctcp.bytes_marked, 5 * MSS);
}

/* 3.5 */
static void
loss_halves_whatever_alpha_says(void **state)
{
	struct bed *b = *state;

	b->sack = true;
	start(b);
	b->c.srtt_us = 20 * MS;
	alpha_of(b) = ONE / 64;
	bed_write(b, 20 * MSS);
	bed_run(b, 20 * MS);
	bed_sack(b, UNA, 1, (uint32_t[]){ UNA + MSS, UNA + 8 * MSS });
	assert_int_equal(b->c.ca, SANI_TCP_CA_RECOVERY);
	assert_int_equal(b->c.ssthresh, 10 * MSS);
	bed_run(b, 2 * SEC);
	assert_int_equal(b->c.ca, SANI_TCP_CA_LOSS);
	assert_int_equal(b->c.cwnd, MSS);
	assert_true(alpha_of(b) <= ONE / 64);
}

static void
without_marks_it_grows_as_newreno(void **state)
{
	struct bed *b = *state;
	uint32_t at = UNA;

	start(b);
	b->c.cwnd = 10 * MSS;
	b->c.ssthresh = 5 * MSS;
	bed_write(b, 60 * MSS);
	for (int i = 0; i < 9; i++)
		bed_in(b, ACK, NXT, at += MSS, 0);
	assert_int_equal(b->c.cwnd, 10 * MSS);
	bed_in(b, ACK, NXT, at += MSS, 0);
	assert_int_equal(b->c.cwnd, 11 * MSS);
}

/* RFC 2883 4: the ACK of what came before the change says nothing of what comes twice with it. */
static void
duplicate_waits_behind_the_ack_of_a_change(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg seg;

	b->sack = true;
	start(b);
	in_text(b, 0, NXT, false);
	assert_int_equal(b->nb, 0);
	seg = bed_seg(b, ACK, NXT + MSS / 2, UNA, MSS);
	seg.ecn = SANI_ECN_CE;
	bed_inject(b, &seg);
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK, UNA, NXT + MSS, 0);
	assert_int_equal(b->out[0].seg.nb_sack, 0);
	bed_flush(b);
	assert_last(b, ACK | ECE, UNA, NXT + MSS + MSS / 2, 0);
	assert_int_equal(b->out[1].seg.nb_sack, 1);
	assert_int_equal(b->out[1].seg.sack[0].left, NXT + MSS / 2);
	assert_int_equal(b->out[1].seg.sack[0].right, NXT + MSS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(syn_asks_and_may_itself_be_marked),
		bed_test(switched_off_it_does_not_ask),
		bed_test(without_agreement_it_is_newreno),
		bed_test(ack_says_how_its_text_came),
		bed_test(change_is_told_at_once_and_apart),
		bed_test(change_with_nothing_before_it_is_one_ack),
		bed_test(cwr_does_not_end_the_echo),
		bed_test(duplicate_waits_behind_the_ack_of_a_change),
		bed_test(bare_ack_changes_nothing),
		bed_test(alpha_follows_the_marked_part),
		bed_test(alpha_is_moved_once_a_window),
		bed_test(alpha_reaches_both_ends),
		bed_test(echo_takes_half_of_alpha_once_a_window),
		bed_test(marks_are_counted_in_every_state),
		bed_test(loss_halves_whatever_alpha_says),
		bed_test(alpha_is_shown),
		bed_test(without_marks_it_grows_as_newreno),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
