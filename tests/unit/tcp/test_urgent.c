/* SPDX-License-Identifier: BSD-3-Clause */
/* urgent.c: RFC 9293 3.8.5, RFC 6093. */
#include "bed.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)
#define ACK SANI_TCP_ACK
#define URG SANI_TCP_URG
#define UA (SANI_TCP_URG | SANI_TCP_ACK)

static void
in_urgent(struct bed *b, uint8_t flags, uint32_t seq, uint32_t len, uint16_t pointer)
{
	struct sani_tcp_seg seg = bed_seg(b, flags, seq, b->c.snd_nxt, len);

	seg.urg = pointer;
	if (bed_inject(b, &seg) & SANI_TCP_EV_OUTPUT)
		bed_flush(b);
}

static uint32_t
read_some(struct bed *b, uint32_t len)
{
	uint8_t buf[4096];
	uint32_t ev;

	return sani_tcp_read(&b->c, buf, len, &ev);
}

static void
urge(struct bed *b)
{
	if (sani_tcp_urge(&b->c) & SANI_TCP_EV_OUTPUT)
		bed_flush(b);
}

/* MUST-30, MUST-33, MUST-62: the pointer names the octet behind. */
static void
mark_is_shown_until_it_is_read(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	in_urgent(b, UA, NXT, 100, 60);
	assert_int_equal(sani_tcp_urgent(&b->c), 60);
	assert_int_equal(sani_tcp_readable(&b->c), 100);
	assert_int_equal(read_some(b, 59), 59);
	assert_int_equal(sani_tcp_urgent(&b->c), 1);
	assert_int_equal(read_some(b, 1), 1);
	assert_int_equal(sani_tcp_urgent(&b->c), 0);
	assert_int_equal(read_some(b, 100), 40);
	assert_int_equal(sani_tcp_urgent(&b->c), 0);
}

/* MUST-31: longer than a segment, than a pointer, than the window. */
static void
mark_moves_on_with_each_pointer(void **state)
{
	struct bed *b = *state;
	uint32_t seq = NXT;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	for (unsigned int i = 0; i < 200; i++) {
		in_urgent(b, UA, seq, 1000, UINT16_MAX);
		seq += 1000;
		assert_int_equal(sani_tcp_urgent(&b->c), 65535);
		assert_int_equal(read_some(b, 1000), 1000);
		assert_int_equal(sani_tcp_urgent(&b->c), 64535);
	}
}

/* E6: what is urgent already stays so. */
static void
pointer_that_moves_back_leaves_the_mark(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	in_urgent(b, UA, NXT, 10, 100);
	in_urgent(b, UA, NXT + 10, 10, 5);
	assert_int_equal(sani_tcp_urgent(&b->c), 100);
	assert_int_equal(bed_read(b), 20);
	in_urgent(b, UA, NXT + 20, 10, 1);
	assert_int_equal(sani_tcp_urgent(&b->c), 80);
}

/* Pointer 0, in the past: nothing below zero. */
static void
pointer_that_names_nothing_new_is_ignored(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	in_urgent(b, UA, NXT, 10, 0);
	assert_int_equal(sani_tcp_urgent(&b->c), 0);
	in_urgent(b, UA, NXT, 10, 10);	/* again, and urgent now: it is not read yet */
	assert_int_equal(sani_tcp_urgent(&b->c), 0);	/* a segment that is all old is not looked at */
	in_urgent(b, UA, NXT + 10, 10, 5);
	assert_int_equal(sani_tcp_urgent(&b->c), 15);
	in_urgent(b, UA, NXT + 20, 10, 0);
	assert_int_equal(sani_tcp_urgent(&b->c), 15);
	in_urgent(b, ACK, NXT + 30, 10, 65535);		/* a pointer without URG */
	assert_int_equal(sani_tcp_urgent(&b->c), 15);
	assert_int_equal(bed_read(b), 40);
	in_urgent(b, UA, NXT + 35, 10, 3);		/* in part read already, and that part was urgent */
	assert_int_equal(sani_tcp_urgent(&b->c), 0);
	assert_int_equal(b->c.flags & SANI_TCP_F_RCV_URG, 0);	/* 2 GiB on it would look new */
	assert_int_equal(bed_read(b), 5);
}

/* MUST-66, and the program learns of it before the text comes. */
static void
urgent_without_text_passes_a_shut_window(void **state)
{
	struct bed *b = *state;

	b->p.rcvbuf = 4096;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	for (uint32_t i = 0; i < 4; i++)
		bed_in(b, ACK, NXT + i * 1024, UNA, 1024);
	assert_int_equal(b->c.rcv_adv, b->c.rcv_nxt);
	in_urgent(b, UA, NXT + 4096, 0, 1);
	assert_int_equal(sani_tcp_urgent(&b->c), 4097);
	in_urgent(b, UA, NXT + 4096, 100, 100);
	assert_int_equal(sani_tcp_urgent(&b->c), 4196);
	assert_int_equal(sani_tcp_readable(&b->c), 4096);
	assert_int_equal(bed_read(b), 4096);
	assert_int_equal(sani_tcp_urgent(&b->c), 100);
}

static void
mark_ends_at_the_end_of_the_stream(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	in_urgent(b, UA | SANI_TCP_FIN, NXT, 10, 5000);
	assert_int_equal(sani_tcp_urgent(&b->c), 10);
	assert_int_equal(bed_read(b), 10);
	assert_int_equal(sani_tcp_urgent(&b->c), 0);
	assert_true(sani_tcp_at_end(&b->c));
	in_urgent(b, UA, NXT + 11, 0, 5000);
	assert_int_equal(sani_tcp_urgent(&b->c), 0);
}

static void
mark_of_a_closed_connection_stays_for_what_can_be_read(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	in_urgent(b, UA | SANI_TCP_FIN, NXT, 10, 4);
	bed_shutdown(b);
	bed_in(b, ACK, NXT + 11, UNA + 1, 0);
	assert_state(b, CLOSED);
	assert_int_equal(sani_tcp_urgent(&b->c), 4);
	assert_int_equal(bed_read(b), 10);
	assert_int_equal(sani_tcp_urgent(&b->c), 0);
	sani_tcp_discard(&b->c);
	bed_reach(b, SAN_TCP_ESTABLISHED);
	in_urgent(b, UA, NXT, 10, 4);
	bed_in(b, SANI_TCP_RST, NXT + 10, 0, 0);
	assert_int_equal(sani_tcp_urgent(&b->c), 0);
}

/* Urgent state only in synchronized states. */
static void
urgent_in_the_handshake_leaves_no_mark(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_SYN_SENT);
	in_urgent(b, SANI_TCP_SYN | UA, BED_IRS, 0, 500);
	assert_state(b, ESTABLISHED);
	assert_int_equal(sani_tcp_urgent(&b->c), 0);
	sani_tcp_discard(&b->c);
	bed_reach(b, SAN_TCP_SYN_RECEIVED);
	in_urgent(b, SANI_TCP_SYN | URG, BED_IRS, 0, 500);
	assert_int_equal(sani_tcp_urgent(&b->c), 0);
	in_urgent(b, UA, NXT, 10, 7);
	assert_state(b, ESTABLISHED);
	assert_int_equal(sani_tcp_urgent(&b->c), 7);
}

static void
fresh_block_has_no_mark_of_the_last(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	in_urgent(b, UA, NXT, 10, 1000);
	sani_tcp_discard(&b->c);
	bed_reach(b, SAN_TCP_ESTABLISHED);
	assert_int_equal(sani_tcp_urgent(&b->c), 0);
}

static void
unacceptable_urgent_segment_leaves_no_mark(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	in_urgent(b, UA, NXT + 70000, 10, 10);
	in_urgent(b, UA, NXT - 10, 0, 500);
	assert_int_equal(sani_tcp_urgent(&b->c), 0);
	for (int s = SAN_TCP_CLOSE_WAIT; s <= SAN_TCP_TIME_WAIT; s++) {
		sani_tcp_discard(&b->c);
		bed_reach(b, (enum san_tcp_state)s);
		in_urgent(b, UA, b->c.rcv_nxt, 0, 500);
		assert_int_equal(sani_tcp_urgent(&b->c), 0);
	}
}

/* Whatever the pointer, at the wrap of sequence numbers as elsewhere, the mark lies where it can be. */
static void
pointers_at_the_wrap_stay_within_bounds(void **state)
{
	struct bed *b = *state;
	uint32_t x = 1;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->c.rcv_nxt = UINT32_MAX - 500;
	b->c.rcv_adv = b->c.rcv_nxt + 60000;
	b->c.last_ack_sent = b->c.rcv_nxt;
	b->c.snd_wl1 = b->c.rcv_nxt;
	for (unsigned int i = 0; i < 3000; i++) {
		uint32_t before = sani_tcp_urgent(&b->c);

		x = x * 1664525 + 1013904223;
		in_urgent(b, UA, b->c.rcv_nxt + (x >> 8) % 30 - 10, x >> 28, (uint16_t)(x >> 12));
		bed_clear(b);
		assert_true(sani_tcp_urgent(&b->c) >= before);
		assert_true(sani_tcp_urgent(&b->c) <= 65535 + 60000);
		read_some(b, x % 7);
	}
	assert_true(b->c.rcv_nxt < UINT32_MAX - 500);	/* it is behind the wrap */
}

static void
urgent_send_sets_the_pointer_behind_its_last_octet(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 100);
	assert_int_equal(b->out[0].seg.flags & URG, 0);
	b->c.flags &= ~(uint32_t)SANI_TCP_F_NODELAY;
	bed_write(b, 50);
	urge(b);
	bed_write(b, 70);
	bed_in(b, ACK, NXT, UNA + 100, 0);
	assert_last(b, UA | SANI_TCP_PSH, UNA + 100, NXT, 120);
	assert_int_equal(b->out[b->nb - 1].seg.urg, 50);
	bed_run(b, 200 * MS);
	assert_last(b, UA | SANI_TCP_PSH, UNA + 100, NXT, 120);	/* again */
	assert_int_equal(b->out[b->nb - 1].seg.urg, 50);
	bed_in(b, ACK, NXT, UNA + 220, 0);
	bed_write(b, 10);
	assert_last(b, ACK | SANI_TCP_PSH, UNA + 220, NXT, 10);
	assert_int_equal(b->out[b->nb - 1].seg.urg, 0);
	assert_int_equal(b->c.flags & SANI_TCP_F_SND_URG, 0);
}

static void
long_urgent_data_is_announced_as_far_as_a_pointer_goes(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->wnd = 0;
	bed_in(b, ACK, NXT, UNA, 0);
	assert_int_equal(bed_write(b, 100000), 100000);
	assert_int_equal(b->nb, 0);
	urge(b);
	assert_int_equal(b->nb, 1);	/* at once, though no text may go */
	assert_last(b, UA, UNA, NXT, 0);
	assert_int_equal(b->out[0].seg.urg, 65535);
	b->wnd = 60000;
	bed_clear(b);
	bed_in(b, ACK, NXT, UNA, 0);
	assert_int_equal(b->nb, 10);
	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(b->out[i].seg.urg, 65535);
	for (uint32_t at = 10000; at < 100000; at += 1000) {
		bed_clear(b);
		bed_in(b, ACK, NXT, UNA + at, 0);
		for (unsigned int i = 0; i < b->nb; i++)
			assert_int_equal(b->out[i].seg.urg,
					 sani_tcp_min(UNA + 100000 - b->out[i].seg.seq, 65535));
	}
}

static void
urgent_data_written_before_the_connection_is_follows_it(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_SYN_SENT);
	bed_write(b, 10);
	urge(b);
	bed_run(b, 1000 * MS);
	assert_last(b, SANI_TCP_SYN, BED_ISS, 0, 0);
	assert_int_equal(b->out[0].seg.urg, 0);
	bed_in(b, SANI_TCP_SYN | ACK, BED_IRS, UNA, 0);
	assert_last(b, UA | SANI_TCP_PSH, UNA, NXT, 10);
	assert_int_equal(b->out[b->nb - 1].seg.urg, 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(mark_is_shown_until_it_is_read),
		bed_test(mark_moves_on_with_each_pointer),
		bed_test(pointer_that_moves_back_leaves_the_mark),
		bed_test(pointer_that_names_nothing_new_is_ignored),
		bed_test(urgent_without_text_passes_a_shut_window),
		bed_test(mark_ends_at_the_end_of_the_stream),
		bed_test(mark_of_a_closed_connection_stays_for_what_can_be_read),
		bed_test(urgent_in_the_handshake_leaves_no_mark),
		bed_test(fresh_block_has_no_mark_of_the_last),
		bed_test(unacceptable_urgent_segment_leaves_no_mark),
		bed_test(pointers_at_the_wrap_stay_within_bounds),
		bed_test(urgent_send_sets_the_pointer_behind_its_last_octet),
		bed_test(long_urgent_data_is_announced_as_far_as_a_pointer_goes),
		bed_test(urgent_data_written_before_the_connection_is_follows_it),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
