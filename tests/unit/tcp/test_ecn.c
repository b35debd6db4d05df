/* SPDX-License-Identifier: BSD-3-Clause */
/* ecn.c and what recovery.c makes of it: RFC 3168. */
#include <errno.h>

#include "bed.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)
#define ACK SANI_TCP_ACK
#define ECE SANI_TCP_ECE
#define CWR SANI_TCP_CWR
#define SYN SANI_TCP_SYN
#define MSS 1000u

/* A connection that the peer has asked to be one with ECN. */
static void
start(struct bed *b)
{
	bed_open_ecn(b, MSS);
	b->c.cwnd = 20 * MSS;
}

static void
in_marked(struct bed *b, uint8_t flags, uint32_t seq, uint32_t len)
{
	struct sani_tcp_seg seg = bed_seg(b, flags, seq, b->c.snd_una, len);

	seg.ecn = SANI_ECN_CE;
	if (bed_inject(b, &seg) & SANI_TCP_EV_OUTPUT)
		bed_flush(b);
}

static void
syn_asks_only_when_told_to(void **state)
{
	struct bed *b = *state;

	b->p.tune.ecn = SAN_ECN_ACCEPT;
	bed_reach(b, SAN_TCP_SYN_SENT);
	assert_false(b->c.flags & SANI_TCP_F_ECN);
	sani_tcp_discard(&b->c);
	b->p.tune.ecn = SAN_ECN_REQUEST;
	sani_tcp_open_active(&b->c, &b->p, b->now);
	bed_flush(b);
	assert_last(b, SYN | ECE | CWR, BED_ISS, 0, 0);
}

static void
repeated_syn_asks_no_more(void **state)
{
	struct bed *b = *state;

	b->p.tune.ecn = SAN_ECN_REQUEST;
	bed_reach(b, SAN_TCP_SYN_SENT);
	bed_run(b, 1100 * MS);
	assert_last(b, SYN, BED_ISS, 0, 0);
	/* an answer that agrees to what the last SYN did not ask is none */
	bed_in(b, SYN | ACK | ECE, BED_IRS, UNA, 0);
	assert_state(b, ESTABLISHED);
	assert_false(b->c.flags & SANI_TCP_F_ECN);
}

static void
refused_syn_is_repeated_without(void **state)
{
	struct bed *b = *state;

	b->p.tune.ecn = SAN_ECN_REQUEST;
	bed_reach(b, SAN_TCP_SYN_SENT);
	bed_in(b, SANI_TCP_RST | ACK, 0, UNA, 0);
	assert_state(b, SYN_SENT);
	assert_last(b, SYN, BED_ISS, 0, 0);
	bed_in(b, SANI_TCP_RST | ACK, 0, UNA, 0);
	assert_state(b, CLOSED);
	assert_int_equal(sani_tcp_error(&b->c), -ECONNREFUSED);
}

static void
answer_agrees_with_ece_alone(void **state)
{
	const struct {
		uint8_t flags;
		bool agreed;
	} answers[] = { { ECE, true }, { 0, false }, { ECE | CWR, false }, { CWR, false } };
	struct bed *b = *state;

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		b->p.tune.ecn = SAN_ECN_REQUEST;
		bed_reach(b, SAN_TCP_SYN_SENT);
		bed_in(b, (uint8_t)(SYN | ACK | answers[i].flags), BED_IRS, UNA, 0);
		assert_int_equal(!!(b->c.flags & SANI_TCP_F_ECN), answers[i].agreed);
		sani_tcp_discard(&b->c);
		bed_clear(b);
	}
}

static void
switched_off_it_is_not_agreed_to(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg syn = bed_seg(b, SYN | ECE | CWR, BED_IRS, 0, 0);

	b->p.tune.ecn = SAN_ECN_OFF;
	sani_tcp_open_passive(&b->c, &b->p, &syn, b->now);
	bed_flush(b);
	assert_last(b, SYN | ACK, BED_ISS, NXT, 0);
}

static void
mark_is_echoed_until_cwr(void **state)
{
	struct bed *b = *state;

	start(b);
	in_marked(b, ACK, NXT, MSS);
	bed_in(b, ACK, NXT + MSS, UNA, MSS);
	assert_last(b, ACK | ECE, UNA, NXT + 2 * MSS, 0);
	bed_in(b, ACK, NXT + 2 * MSS, UNA, MSS);
	bed_in(b, ACK, NXT + 3 * MSS, UNA, MSS);
	assert_last(b, ACK | ECE, UNA, NXT + 4 * MSS, 0);
	bed_in(b, ACK | CWR, NXT + 4 * MSS, UNA, MSS);
	bed_in(b, ACK, NXT + 5 * MSS, UNA, MSS);
	assert_last(b, ACK, UNA, NXT + 6 * MSS, 0);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_ce), 1);
}

static void
mark_on_the_very_packet_of_the_cwr_counts(void **state)
{
	struct bed *b = *state;

	start(b);
	in_marked(b, ACK, NXT, MSS);
	in_marked(b, ACK | CWR, NXT + MSS, MSS);
	assert_last(b, ACK | ECE, UNA, NXT + 2 * MSS, 0);
}

static void
mark_without_agreement_is_ignored(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	in_marked(b, ACK, NXT, MSS);
	bed_run(b, 50 * MS);
	assert_last(b, ACK, UNA, NXT + MSS, 0);
	bed_write(b, MSS);
	bed_in(b, ACK | ECE, NXT + MSS, UNA + MSS, 0);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_ece), 0);
}

static void
echo_reduces_once_a_window_and_cwr_says_so(void **state)
{
	struct bed *b = *state;
	uint32_t cwnd;

	b->sack = true;
	start(b);
	b->c.srtt_us = 20 * MS;
	bed_write(b, 10 * MSS);
	bed_clear(b);
	bed_in(b, ACK | ECE, NXT, UNA + MSS, 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_CWR);
	bed_in(b, ACK | ECE, NXT, UNA + 2 * MSS, 0);
	bed_in(b, ACK | ECE, NXT, UNA + 3 * MSS, 0);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_ece), 1);
	bed_write(b, MSS);
	assert_true(b->out[b->nb - 1].seg.flags & CWR);
	bed_clear(b);
	bed_write(b, MSS);
	bed_in(b, ACK, NXT, UNA + 8 * MSS, 0);
	assert_last(b, ACK | SANI_TCP_PSH, UNA + 11 * MSS, NXT, MSS);
	bed_in(b, ACK, NXT, UNA + 12 * MSS, 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_OPEN);
	cwnd = b->c.cwnd;
	assert_in_range(cwnd, 4 * MSS, 8 * MSS);
	bed_write(b, 5 * MSS);
	bed_in(b, ACK | ECE, NXT, UNA + 13 * MSS, 0);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_ece), 2);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_rexmit), 0);
}

static void
echo_without_sack_reduces_at_once(void **state)
{
	struct bed *b = *state;

	start(b);
	bed_write(b, 10 * MSS);
	bed_in(b, ACK | ECE, NXT, UNA + MSS, 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_CWR);
	assert_int_equal(b->c.cwnd, b->c.ssthresh);
	assert_in_range(b->c.cwnd, 4 * MSS, 7 * MSS);
	bed_in(b, ACK | ECE, NXT, UNA + 5 * MSS, 0);
	assert_int_equal(b->c.cwnd, b->c.ssthresh);
	bed_in(b, ACK | ECE, NXT, UNA + 10 * MSS, 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_CWR);
	bed_write(b, MSS);
	assert_last(b, ACK | SANI_TCP_PSH | CWR, UNA + 10 * MSS, NXT, MSS);
	bed_in(b, ACK, NXT, UNA + 11 * MSS, 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_OPEN);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_ece), 1);
}

/* One ACK may answer the whole flight; with nothing out an echo says nothing new. */
static void
echo_of_the_whole_flight_reduces(void **state)
{
	struct bed *b = *state;

	start(b);
	bed_in(b, ACK | ECE, NXT, UNA, 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_OPEN);
	bed_write(b, 10 * MSS);
	bed_in(b, ACK | ECE, NXT, UNA + 10 * MSS, 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_CWR);
	assert_int_equal(b->c.cwnd, b->c.ssthresh);
	assert_in_range(b->c.cwnd, 4 * MSS, 7 * MSS);
}

/* Three duplicates after an echo are a loss all the same (RFC 5681 3.2). */
static void
loss_after_the_echo_is_repaired_without_sack(void **state)
{
	struct bed *b = *state;

	start(b);
	bed_write(b, 10 * MSS);
	bed_in(b, ACK | ECE, NXT, UNA + MSS, 0);
	for (int i = 0; i < 3; i++)
		bed_in(b, ACK | ECE, NXT, UNA + MSS, 0);
	assert_int_equal(b->c.ca, SANI_TCP_CA_RECOVERY);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_rexmit), 1);
}

/* RFC 3168 6.1.2: a loss in the window that was answered already does not reduce it again. */
static void
loss_after_the_echo_reduces_no_further(void **state)
{
	struct bed *b = *state;
	uint32_t ssthresh;

	b->sack = true;
	start(b);
	b->c.srtt_us = 20 * MS;
	bed_write(b, 10 * MSS);
	bed_run(b, 20 * MS);
	bed_in(b, ACK | ECE, NXT, UNA + MSS, 0);
	ssthresh = b->c.ssthresh;
	bed_sack(b, UNA + MSS, 1, (uint32_t[]){ UNA + 2 * MSS, UNA + 6 * MSS });
	assert_int_equal(b->c.ca, SANI_TCP_CA_RECOVERY);
	assert_int_equal(b->c.ssthresh, ssthresh);
}

static void
only_new_data_may_be_marked(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg seg = { .len = MSS };

	start(b);
	seg.seq = b->c.snd_nxt;
	assert_true(sani_tcp_ecn_capable(&b->c, &seg));
	seg.len = 0;
	assert_false(sani_tcp_ecn_capable(&b->c, &seg));
	bed_write(b, MSS);
	seg.len = MSS;
	assert_false(sani_tcp_ecn_capable(&b->c, &seg));	/* a retransmission now */
	seg.seq = b->c.snd_nxt;
	b->c.flags |= SANI_TCP_F_PROBE_DUE;
	assert_false(sani_tcp_ecn_capable(&b->c, &seg));
	b->c.flags &= ~(uint32_t)(SANI_TCP_F_PROBE_DUE | SANI_TCP_F_ECN);
	assert_false(sani_tcp_ecn_capable(&b->c, &seg));
}

/* Nothing went again before all of it was there: no window came down, so there is none to tell of (RFC 3168 6.1.2). */
static void
loss_that_was_none_is_answered_by_no_cwr(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg seg;

	b->sack = true;
	start(b);
	b->c.srtt_us = 20 * MS;
	bed_write(b, 10 * MSS);
	bed_run(b, 20 * MS);
	seg = bed_seg(b, ACK, NXT, UNA, 0);
	seg.opts |= SANI_TCP_OPT_SACK;
	seg.nb_sack = 1;
	seg.sack[0] = (struct sani_tcp_block){ .left = UNA + MSS, .right = UNA + 6 * MSS };
	bed_inject(b, &seg);
	assert_int_equal(b->c.ca, SANI_TCP_CA_RECOVERY);
	seg = bed_seg(b, ACK, NXT, UNA + 10 * MSS, 0);
	bed_inject(b, &seg);
	bed_write(b, MSS);
	assert_last(b, ACK | SANI_TCP_PSH, UNA + 10 * MSS, NXT, MSS);
}

/* What comes down for a loss comes down for an echo too; if there was no loss the echo stands for itself. */
static void
echo_counts_when_the_loss_was_none(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg seg;

	b->sack = true;
	start(b);
	b->c.srtt_us = 20 * MS;
	bed_write(b, 10 * MSS);
	bed_run(b, 20 * MS);
	seg = bed_seg(b, ACK, NXT, UNA, 0);
	seg.opts |= SANI_TCP_OPT_SACK;
	seg.nb_sack = 1;
	seg.sack[0] = (struct sani_tcp_block){ .left = UNA + 2 * MSS, .right = UNA + 6 * MSS };
	bed_inject(b, &seg);
	seg = bed_seg(b, ACK | ECE, NXT, UNA + MSS, 0);
	bed_inject(b, &seg);
	assert_int_equal(b->c.ca, SANI_TCP_CA_RECOVERY);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_ece), 0);
	seg.ack = UNA + 6 * MSS;
	bed_inject(b, &seg);
	assert_int_equal(b->c.ca, SANI_TCP_CA_CWR);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_ece), 1);
	bed_clear(b);
	bed_write(b, MSS);
	bed_in(b, ACK, NXT, UNA + 10 * MSS, 0);
	assert_last(b, ACK | SANI_TCP_PSH | CWR, UNA + 10 * MSS, NXT, MSS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(syn_asks_only_when_told_to),
		bed_test(repeated_syn_asks_no_more),
		bed_test(refused_syn_is_repeated_without),
		bed_test(answer_agrees_with_ece_alone),
		bed_test(switched_off_it_is_not_agreed_to),
		bed_test(mark_is_echoed_until_cwr),
		bed_test(mark_on_the_very_packet_of_the_cwr_counts),
		bed_test(mark_without_agreement_is_ignored),
		bed_test(echo_reduces_once_a_window_and_cwr_says_so),
		bed_test(echo_without_sack_reduces_at_once),
		bed_test(echo_of_the_whole_flight_reduces),
		bed_test(loss_after_the_echo_is_repaired_without_sack),
		bed_test(loss_after_the_echo_reduces_no_further),
		bed_test(loss_that_was_none_is_answered_by_no_cwr),
		bed_test(echo_counts_when_the_loss_was_none),
		bed_test(only_new_data_may_be_marked),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
