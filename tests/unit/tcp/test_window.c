/* SPDX-License-Identifier: BSD-3-Clause */
#include "bed.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)
#define ACK SANI_TCP_ACK

static void
window_is_what_the_buffer_has_left(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_in(b, ACK, NXT, UNA, 1000);
	assert_int_equal(b->out[0].seg.wnd, 59000);
	bed_in(b, ACK, NXT + 1000, UNA, 1000);
	assert_int_equal(b->out[1].seg.wnd, 58000);
}

/* MUST-39: the edge moves by a segment or half the buffer, not by every octet read. */
static void
small_reads_do_not_move_the_edge(void **state)
{
	struct bed *b = *state;
	uint8_t buf[1460];
	uint32_t ev;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_in(b, ACK, NXT, UNA, 1500);
	bed_in(b, ACK, NXT + 1500, UNA, 1500);
	assert_int_equal(sani_tcp_read(&b->c, buf, 1459, &ev), 1459);
	bed_in(b, ACK, NXT + 3000, UNA, 1);
	assert_int_equal(b->out[b->nb - 1].seg.wnd, 60000 - 3001);
	assert_int_equal(sani_tcp_read(&b->c, buf, 1, &ev), 1);
	bed_in(b, ACK, NXT + 3001, UNA, 1);
	assert_int_equal(b->out[b->nb - 1].seg.wnd, 60000 - 3002 + 1460);
}

static void
two_segments_read_tell_the_peer(void **state)
{
	struct bed *b = *state;
	uint8_t buf[4000];
	uint32_t ev;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_in(b, ACK, NXT, UNA, 1500);
	bed_in(b, ACK, NXT + 1500, UNA, 1500);
	bed_clear(b);
	sani_tcp_read(&b->c, buf, 2900, &ev);
	assert_int_equal(ev, 0);
	sani_tcp_read(&b->c, buf, 100, &ev);
	assert_int_equal(ev, SANI_TCP_EV_OUTPUT);
	bed_flush(b);
	assert_last(b, ACK, UNA, NXT + 3000, 0);
	assert_int_equal(b->out[0].seg.wnd, 60000);
}

static void
full_buffer_shows_zero_and_reading_opens_it(void **state)
{
	struct bed *b = *state;
	uint8_t buf[4096];
	uint32_t ev;

	b->p.rcvbuf = 4096;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_in(b, ACK, NXT, UNA, 1460);
	bed_in(b, ACK, NXT + 1460, UNA, 1460);
	bed_in(b, ACK, NXT + 2920, UNA, 1176);
	assert_int_equal(b->out[b->nb - 1].seg.wnd, 0);
	sani_tcp_read(&b->c, buf, 1459, &ev);
	assert_int_equal(ev, 0);
	sani_tcp_read(&b->c, buf, 1, &ev);
	assert_int_equal(ev, SANI_TCP_EV_OUTPUT);
	bed_clear(b);
	bed_flush(b);
	assert_int_equal(b->nb, 1);
	assert_int_equal(b->out[0].seg.wnd, 1460);
}

static void
probe_of_our_shut_window_is_answered_and_not_taken(void **state)
{
	struct bed *b = *state;

	b->p.rcvbuf = 4096;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_in(b, ACK, NXT, UNA, 1460);
	bed_in(b, ACK, NXT + 1460, UNA, 1460);
	bed_in(b, ACK, NXT + 2920, UNA, 1176);
	bed_clear(b);
	bed_in(b, ACK, NXT + 4096, UNA, 1);
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK, UNA, NXT + 4096, 0);
	assert_int_equal(b->out[0].seg.wnd, 0);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_drop_window), 1);
	assert_int_equal(bed_read(b), 4096);
}

/* MUST-66: with the window shut, ACK and RST of a segment at RCV.NXT still count. */
static void
shut_window_takes_ack_and_rst(void **state)
{
	struct bed *b = *state;

	b->p.rcvbuf = 4096;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 500);
	bed_in(b, ACK, NXT, UNA, 1460);
	bed_in(b, ACK, NXT + 1460, UNA, 1460);
	bed_in(b, ACK, NXT + 2920, UNA, 1176);
	bed_in(b, ACK, NXT + 4096, UNA + 500, 10);
	assert_int_equal(sani_tcp_acked(&b->c), 500);
	bed_in(b, SANI_TCP_RST, NXT + 4096, 0, 0);
	assert_state(b, CLOSED);
}

static void
fin_at_the_edge_of_a_shut_window_is_taken(void **state)
{
	struct bed *b = *state;

	b->p.rcvbuf = 4096;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_in(b, ACK, NXT, UNA, 1460);
	bed_in(b, ACK, NXT + 1460, UNA, 1460);
	bed_in(b, ACK | SANI_TCP_FIN, NXT + 2920, UNA, 1176);
	assert_state(b, CLOSE_WAIT);
	assert_last(b, ACK, UNA, NXT + 4097, 0);
	assert_int_equal(bed_read(b), 4096);
}

static void
scaled_window_is_taken_up_to_the_promised_edge(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg syn;

	b->p.rcvbuf = 1 << 20;
	bed_reach(b, SAN_TCP_SYN_SENT);
	syn = bed_seg(b, SANI_TCP_SYN | ACK, BED_IRS, UNA, 0);
	syn.opts = SANI_TCP_OPT_MSS | SANI_TCP_OPT_WSCALE;
	syn.mss = 1460;
	bed_inject(b, &syn);
	bed_flush(b);
	bed_in(b, ACK, NXT, UNA, 1);
	/* shown is 2^20 - 1 rounded down to 32; the octets above it were promised before */
	assert_int_equal(b->out[b->nb - 1].seg.wnd, ((1 << 20) - 1) >> 5);
	bed_in(b, ACK, NXT + (1 << 20) - 10, UNA, 20);
	assert_int_equal(sani_tcp_ooo_end(&b->c.rcvq, 0), NXT + (1 << 20));
}

/* MUST-34, SHLD-15, SHLD-16: a peer that pulls its window back. */
static void
peer_may_shrink_its_window(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 5000);
	b->wnd = 2000;
	bed_in(b, ACK, NXT, UNA, 0);
	bed_clear(b);
	bed_write(b, 1000);
	assert_int_equal(b->nb, 0);		/* nothing new beyond the edge */
	bed_run(b, 201 * MS);
	assert_int_equal(b->nb, 1);		/* old data inside it goes again */
	assert_last(b, ACK, UNA, NXT, 1000);
	bed_in(b, ACK, NXT, UNA + 5000, 0);
	assert_int_equal(sani_tcp_acked(&b->c), 5000);
}

/*
 * A bare ACK has overtaken text of the peer: its number is higher, but the text acknowledges more, and its
 * window begins there. With the older window from the newer acknowledgement on we would send beyond the
 * edge that was offered.
 */
static void
late_text_with_a_newer_ack_brings_its_window(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 2000);
	b->wnd = 3000;
	bed_in(b, ACK, NXT + 500, UNA, 0);
	b->wnd = 2000;
	bed_in(b, ACK, NXT, UNA + 1000, 500);
	bed_clear(b);
	bed_write(b, 4000);
	assert_int_equal(b->c.snd_nxt, UNA + 3000);
}

/* A challenge ACK between two SYN-ACKs promises no more than those can show without a scale. */
static void
window_of_a_syn_ack_that_goes_again_is_not_smaller(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg syn = bed_seg(b, SANI_TCP_SYN, BED_IRS, 0, 0);

	b->p.rcvbuf = 1 << 20;
	syn.opts = SANI_TCP_OPT_WSCALE;
	syn.wscale = 7;
	sani_tcp_open_passive(&b->c, &b->p, &syn, b->now);
	bed_flush(b);
	assert_int_equal(b->out[0].seg.wnd, 65535);
	bed_in(b, SANI_TCP_RST, BED_IRS + 100, 0, 0);
	assert_last(b, SANI_TCP_ACK, BED_ISS + 1, BED_IRS + 1, 0);
	assert_true((uint32_t)b->out[b->nb - 1].seg.wnd << b->c.rcv_wscale <= 65535);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(window_is_what_the_buffer_has_left),
		bed_test(small_reads_do_not_move_the_edge),
		bed_test(two_segments_read_tell_the_peer),
		bed_test(full_buffer_shows_zero_and_reading_opens_it),
		bed_test(probe_of_our_shut_window_is_answered_and_not_taken),
		bed_test(shut_window_takes_ack_and_rst),
		bed_test(fin_at_the_edge_of_a_shut_window_is_taken),
		bed_test(scaled_window_is_taken_up_to_the_promised_edge),
		bed_test(peer_may_shrink_its_window),
		bed_test(late_text_with_a_newer_ack_brings_its_window),
		bed_test(window_of_a_syn_ack_that_goes_again_is_not_smaller),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
