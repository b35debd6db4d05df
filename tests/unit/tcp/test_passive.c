/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "bed.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)
#define ACK SANI_TCP_ACK
#define SA (SANI_TCP_SYN | SANI_TCP_ACK)

static void
syn_is_answered_with_what_the_peer_offered(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg syn = bed_seg(b, SANI_TCP_SYN, BED_IRS, 0, 0);

	b->p.rcvbuf = 1 << 20;
	syn.opts = SANI_TCP_OPT_MSS | SANI_TCP_OPT_WSCALE | SANI_TCP_OPT_TS;
	syn.mss = 1400;
	syn.wscale = 3;
	syn.tsval = 99;
	assert_int_equal(sani_tcp_open_passive(&b->c, &b->p, &syn, b->now), SANI_TCP_EV_OUTPUT);
	bed_flush(b);
	assert_state(b, SYN_RECEIVED);
	assert_int_equal(b->nb, 1);
	assert_last(b, SA, BED_ISS, NXT, 0);
	assert_int_equal(b->out[0].seg.opts, SANI_TCP_OPT_MSS | SANI_TCP_OPT_WSCALE | SANI_TCP_OPT_TS);
	assert_int_equal(b->out[0].seg.tsecr, 99);
	assert_int_equal(b->out[0].seg.wnd, 65535);
	assert_int_equal(b->out[0].seg.wscale, 5);
}

static void
syn_without_options_gets_only_mss(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg syn = bed_seg(b, SANI_TCP_SYN, BED_IRS, 0, 0);

	sani_tcp_open_passive(&b->c, &b->p, &syn, b->now);
	bed_flush(b);
	assert_int_equal(b->out[0].seg.opts, SANI_TCP_OPT_MSS);
}

static void
ack_establishes_and_is_counted(void **state)
{
	struct bed *b = *state;

	bed_accept(b);
	assert_true(b->ev & SANI_TCP_EV_CONNECTED);
	assert_int_equal(b->nb, 1);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_accepts), 1);
	assert_int_equal(bed_deadline(b), SANI_NEVER);
}

/* Fast Open: the window was shut by the text of the SYN, which the program has read by now. */
static void
room_of_a_text_of_the_syn_is_told(void **state)
{
	struct bed *b = *state;

	bed_syn(b);
	b->c.received = 1000;
	b->c.rcv_adv = b->c.rcv_nxt;
	bed_clear(b);
	bed_in(b, ACK, NXT, UNA, 0);
	assert_state(b, ESTABLISHED);
	assert_int_equal(b->nb, 1);
	assert_true(b->out[0].seg.wnd > 0);
}

static void
ack_with_text_establishes_and_delivers(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_SYN_RECEIVED);
	bed_in(b, ACK | SANI_TCP_PSH, NXT, UNA, 300);
	assert_state(b, ESTABLISHED);
	assert_int_equal(b->ev & (SANI_TCP_EV_CONNECTED | SANI_TCP_EV_READABLE),
			 SANI_TCP_EV_CONNECTED | SANI_TCP_EV_READABLE);
	assert_int_equal(bed_read(b), 300);
}

static void
ack_with_fin_passes_established_to_close_wait(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_SYN_RECEIVED);
	bed_in(b, ACK | SANI_TCP_FIN, NXT, UNA, 0);
	assert_state(b, CLOSE_WAIT);
	assert_int_equal(b->ev & (SANI_TCP_EV_CONNECTED | SANI_TCP_EV_FIN),
			 SANI_TCP_EV_CONNECTED | SANI_TCP_EV_FIN);
}

static void
repeated_syn_gets_the_syn_ack_again(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_SYN_RECEIVED);
	bed_in(b, SANI_TCP_SYN, BED_IRS, 0, 0);
	assert_state(b, SYN_RECEIVED);
	assert_int_equal(b->nb, 1);
	assert_last(b, SA, BED_ISS, NXT, 0);
}

static void
bad_ack_gets_rst_and_the_embryo_stays(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_SYN_RECEIVED);
	bed_in(b, ACK, NXT, UNA + 1, 0);
	assert_state(b, SYN_RECEIVED);
	assert_int_equal(b->nb, 1);
	assert_last(b, SANI_TCP_RST, UNA + 1, 0, 0);
	bed_in(b, ACK, NXT, BED_ISS, 0);
	assert_last(b, SANI_TCP_RST, BED_ISS, 0, 0);
	bed_in(b, ACK, NXT, UNA, 0);
	assert_state(b, ESTABLISHED);
}

static void
rst_ends_the_embryo(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_SYN_RECEIVED);
	bed_in(b, SANI_TCP_RST, NXT, 0, 0);
	assert_state(b, CLOSED);
	assert_int_equal(sani_tcp_error(&b->c), -ECONNRESET);
	assert_int_equal(b->nb, 0);
}

/* RFC 9293 3.10.7.4, fourth: back to LISTEN, which is the listener's; the peer tries again. */
static void
other_syn_in_the_window_ends_the_embryo(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_SYN_RECEIVED);
	bed_in(b, SANI_TCP_SYN, NXT + 100, 0, 0);
	assert_state(b, CLOSED);
	assert_int_equal(b->nb, 0);
}

static void
text_of_the_syn_is_not_acknowledged(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg syn = bed_seg(b, SANI_TCP_SYN, BED_IRS, 0, 500);

	sani_tcp_open_passive(&b->c, &b->p, &syn, b->now);
	bed_flush(b);
	assert_last(b, SA, BED_ISS, NXT, 0);
	bed_in(b, ACK, NXT, UNA, 500);
	assert_int_equal(bed_read(b), 500);
}

static void
lost_syn_ack_makes_the_initial_window_one_segment(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_SYN_RECEIVED);
	bed_run(b, 1 * SEC);
	bed_in(b, ACK, NXT, UNA, 0);
	bed_clear(b);
	bed_write(b, 20000);
	assert_int_equal(b->nb, 1);
}

/* G1: what a spoofed SYN holds, it holds for about a minute; 1 + 2 + 4 + 8 + 16 + 32 s. */
static void
syn_ack_is_sent_six_times_then_given_up(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_SYN_RECEIVED);
	bed_run(b, 62 * SEC);
	assert_state(b, SYN_RECEIVED);
	assert_int_equal(b->nb, 5);
	bed_run(b, 2 * SEC);
	assert_state(b, CLOSED);
	assert_int_equal(sani_tcp_error(&b->c), -ETIMEDOUT);
	assert_int_equal(b->nb, 5);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_timeout), 1);
	assert_int_equal(bed_deadline(b), SANI_NEVER);
}

/* G21: each brings one SYN-ACK, beside those of the timer, and none brings the timer to wait longer. */
static void
syns_that_come_again_do_not_prolong_the_handshake(void **state)
{
	struct bed *b = *state;
	uint64_t ends_us;
	unsigned int nb_syns = 0, nb_answers = 0;

	bed_reach(b, SAN_TCP_SYN_RECEIVED);
	ends_us = b->now + 64 * SEC;
	while (sani_tcp_state(&b->c) == SAN_TCP_SYN_RECEIVED) {
		bed_in(b, SANI_TCP_SYN, BED_IRS, 0, 0);
		nb_syns++;
		bed_run(b, 100 * MS);
		nb_answers += b->nb;
		b->nb = 0;
		assert_true(b->now < ends_us);
	}
	assert_int_equal(sani_tcp_error(&b->c), -ETIMEDOUT);
	assert_int_equal(nb_answers, nb_syns + 5);
}

/* The probe of the flight's end (RFC 8985 7) must not take the place of the SYN-ACK's own timer. */
static void
syn_ack_is_sent_again_to_a_peer_with_sack(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg syn = bed_seg(b, SANI_TCP_SYN, BED_IRS, 0, 0);

	syn.opts |= SANI_TCP_OPT_SACK_PERM;
	sani_tcp_open_passive(&b->c, &b->p, &syn, b->now);
	bed_flush(b);
	bed_run(b, 1500 * MS);
	assert_int_equal(b->nb, 2);
	assert_last(b, SA, BED_ISS, NXT, 0);
	bed_run(b, 63 * SEC);
	assert_int_equal(b->nb, 6);
	assert_state(b, CLOSED);
}

/* E12: text that came with the SYN is not taken, whatever else comes, until the peer has sent it again. */
static void
text_of_the_syn_is_never_delivered_early(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg syn = bed_seg(b, SANI_TCP_SYN, BED_IRS, 0, 500);

	sani_tcp_open_passive(&b->c, &b->p, &syn, b->now);
	bed_flush(b);
	bed_inject(b, &syn);
	bed_flush(b);
	assert_last(b, SA, BED_ISS, NXT, 0);
	assert_int_equal(sani_tcp_readable(&b->c), 0);
	bed_in(b, ACK, NXT, UNA, 0);
	assert_state(b, ESTABLISHED);
	assert_int_equal(sani_tcp_readable(&b->c), 0);
	bed_in(b, ACK, NXT, UNA, 500);
	assert_int_equal(bed_read(b), 500);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(syn_is_answered_with_what_the_peer_offered),
		bed_test(syn_without_options_gets_only_mss),
		bed_test(ack_establishes_and_is_counted),
		bed_test(room_of_a_text_of_the_syn_is_told),
		bed_test(ack_with_text_establishes_and_delivers),
		bed_test(ack_with_fin_passes_established_to_close_wait),
		bed_test(repeated_syn_gets_the_syn_ack_again),
		bed_test(bad_ack_gets_rst_and_the_embryo_stays),
		bed_test(rst_ends_the_embryo),
		bed_test(other_syn_in_the_window_ends_the_embryo),
		bed_test(text_of_the_syn_is_not_acknowledged),
		bed_test(syn_ack_is_sent_six_times_then_given_up),
		bed_test(syns_that_come_again_do_not_prolong_the_handshake),
		bed_test(syn_ack_is_sent_again_to_a_peer_with_sack),
		bed_test(text_of_the_syn_is_never_delivered_early),
		bed_test(lost_syn_ack_makes_the_initial_window_one_segment),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
