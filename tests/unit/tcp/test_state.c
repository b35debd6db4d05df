/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "bed.h"

#define FA (SANI_TCP_FIN | SANI_TCP_ACK)
#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)

static void
active_close_passes_fin_wait_1_and_2_to_time_wait(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_shutdown(b);
	assert_state(b, FIN_WAIT_1);
	assert_last(b, FA, UNA, NXT, 0);
	bed_in(b, SANI_TCP_ACK, NXT, UNA + 1, 0);
	assert_state(b, FIN_WAIT_2);
	assert_true(b->ev & SANI_TCP_EV_FIN_ACKED);
	bed_in(b, FA, NXT, UNA + 1, 0);
	assert_state(b, TIME_WAIT);
	assert_true(b->ev & SANI_TCP_EV_FIN);
	assert_last(b, SANI_TCP_ACK, UNA + 1, NXT + 1, 0);
	bed_run(b, 59999 * MS);
	assert_state(b, TIME_WAIT);
	assert_false(b->ev & SANI_TCP_EV_CLOSED);
	bed_run(b, 2 * MS);
	assert_state(b, CLOSED);
	assert_true(b->ev & SANI_TCP_EV_CLOSED);
	assert_int_equal(sani_tcp_error(&b->c), 0);
	assert_int_equal(bed_deadline(b), SANI_NEVER);
}

static void
fin_with_the_ack_of_ours_goes_to_time_wait_at_once(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_FIN_WAIT_1);
	bed_in(b, FA, NXT, UNA + 1, 0);
	assert_state(b, TIME_WAIT);
	assert_true(b->ev & SANI_TCP_EV_FIN_ACKED);
	assert_last(b, SANI_TCP_ACK, UNA + 1, NXT + 1, 0);
}

static void
simultaneous_close_passes_closing(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_FIN_WAIT_1);
	bed_in(b, FA, NXT, UNA, 0);
	assert_state(b, CLOSING);
	assert_last(b, SANI_TCP_ACK, UNA + 1, NXT + 1, 0);
	bed_in(b, SANI_TCP_ACK, NXT + 1, UNA + 1, 0);
	assert_state(b, TIME_WAIT);
}

static void
passive_close_passes_close_wait_and_last_ack(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_in(b, FA, NXT, UNA, 0);
	assert_state(b, CLOSE_WAIT);
	assert_last(b, SANI_TCP_ACK, UNA, NXT + 1, 0);
	bed_shutdown(b);
	assert_state(b, LAST_ACK);
	assert_last(b, FA, UNA, NXT + 1, 0);
	bed_in(b, SANI_TCP_ACK, NXT + 1, UNA + 1, 0);
	assert_state(b, CLOSED);
	assert_int_equal(sani_tcp_error(&b->c), 0);
	assert_true(b->ev & SANI_TCP_EV_CLOSED);
	assert_int_equal(bed_deadline(b), SANI_NEVER);
}

static void
last_ack_begins_when_the_fin_is_sent(void **state)
{
	struct bed *b = *state;

	b->wnd = 1000;
	bed_reach(b, SAN_TCP_CLOSE_WAIT);
	bed_write(b, 3000);
	bed_shutdown(b);
	assert_state(b, CLOSE_WAIT);
	bed_in(b, SANI_TCP_ACK, NXT + 1, UNA + 1000, 0);
	assert_state(b, CLOSE_WAIT);
	b->wnd = 10000;
	bed_in(b, SANI_TCP_ACK, NXT + 1, UNA + 2000, 0);
	assert_state(b, LAST_ACK);
	assert_last(b, FA | SANI_TCP_PSH, UNA + 2000, NXT + 1, 1000);
}

static void
half_close_still_receives(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_FIN_WAIT_2);
	bed_in(b, SANI_TCP_ACK, NXT, UNA + 1, 700);
	bed_in(b, SANI_TCP_ACK, NXT + 700, UNA + 1, 300);
	assert_int_equal(bed_read(b), 1000);
	bed_run(b, 3600 * SEC);
	assert_state(b, FIN_WAIT_2);
	bed_in(b, FA, NXT + 1000, UNA + 1, 0);
	assert_state(b, TIME_WAIT);
}

static void
half_close_still_sends(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_CLOSE_WAIT);
	assert_int_equal(bed_write(b, 500), 500);
	assert_last(b, SANI_TCP_ACK | SANI_TCP_PSH, UNA, NXT + 1, 500);
}

static void
unread_data_outlives_closed(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_in(b, FA, NXT, UNA, 600);
	bed_shutdown(b);
	bed_in(b, SANI_TCP_ACK, NXT + 601, UNA + 1, 0);
	assert_state(b, CLOSED);
	assert_int_equal(sani_tcp_readable(&b->c), 600);
	assert_false(sani_tcp_at_end(&b->c));
	assert_int_equal(bed_read(b), 600);
	assert_true(sani_tcp_at_end(&b->c));
}

static void
unread_data_stays_through_time_wait(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_FIN_WAIT_2);
	bed_in(b, FA, NXT, UNA + 1, 600);
	assert_state(b, TIME_WAIT);
	bed_run(b, 61 * SEC);
	assert_state(b, CLOSED);
	assert_int_equal(bed_read(b), 600);
}

static void
retransmitted_fin_in_closing_is_acknowledged(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_CLOSING);
	bed_in(b, FA, NXT, UNA, 0);
	assert_state(b, CLOSING);
	assert_int_equal(b->nb, 1);
	assert_last(b, SANI_TCP_ACK, UNA + 1, NXT + 1, 0);
}

static void
retransmitted_fin_restarts_2msl(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_TIME_WAIT);
	bed_run(b, 40 * SEC);
	bed_in(b, FA, NXT, UNA + 1, 0);
	assert_last(b, SANI_TCP_ACK, UNA + 1, NXT + 1, 0);
	bed_run(b, 40 * SEC);
	assert_state(b, TIME_WAIT);
	bed_run(b, 21 * SEC);
	assert_state(b, CLOSED);
}

/* The FIN goes again with its bit in each state in which it can be unacknowledged. */
static void
fin_is_retransmitted_in_every_state_that_has_one_out(void **state)
{
	static const enum san_tcp_state in[] = { SAN_TCP_FIN_WAIT_1, SAN_TCP_CLOSING, SAN_TCP_LAST_ACK };
	struct bed *b = *state;

	for (unsigned int i = 0; i < 3; i++) {
		uint32_t ack = in[i] == SAN_TCP_FIN_WAIT_1 ? NXT : NXT + 1;

		bed_reach(b, in[i]);
		bed_run(b, 201 * MS);
		assert_int_equal(b->nb, 1);
		assert_last(b, FA, UNA, ack, 0);
		bed_run(b, 400 * MS);
		assert_int_equal(b->nb, 2);
		assert_last(b, FA, UNA, ack, 0);
		sani_tcp_discard(&b->c);
	}
}

static void
fin_goes_again_with_its_last_data(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 300);
	bed_shutdown(b);
	bed_clear(b);
	bed_run(b, 1001 * MS);
	assert_last(b, FA | SANI_TCP_PSH, UNA, NXT, 300);
}

static void
shutdown_before_established_sends_fin_after_it(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_SYN_SENT);
	assert_int_equal(bed_write(b, 200), 200);
	bed_shutdown(b);
	assert_int_equal(b->nb, 0);
	bed_in(b, SANI_TCP_SYN | SANI_TCP_ACK, BED_IRS, UNA, 0);
	assert_state(b, FIN_WAIT_1);
	assert_true(b->ev & SANI_TCP_EV_CONNECTED);
	assert_int_equal(b->nb, 1);
	assert_last(b, FA | SANI_TCP_PSH, UNA, NXT, 200);
}

static void
shutdown_counts_once_and_ends_writing(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_shutdown(b);
	bed_shutdown(b);
	assert_int_equal(b->nb, 1);
	assert_int_equal(bed_write(b, 10), 0);
	bed_in(b, SANI_TCP_ACK, NXT, UNA + 1, 0);
	assert_int_equal(b->nb, 1);
}

static void
text_after_the_peers_fin_is_dropped(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_CLOSE_WAIT);
	bed_in(b, SANI_TCP_ACK, NXT + 1, UNA, 50);
	assert_int_equal(sani_tcp_readable(&b->c), 0);
	assert_int_equal(b->c.rcv_nxt, NXT + 1);
	bed_in(b, FA, NXT + 1, UNA, 0);
	assert_int_equal(b->c.rcv_nxt, NXT + 1);
	assert_state(b, CLOSE_WAIT);
}

/* RFC 9293 3.10.7.4, second step: RST at RCV.NXT in every state. */
static void
exact_rst_ends_every_state_but_time_wait(void **state)
{
	struct bed *b = *state;

	for (int s = SAN_TCP_SYN_RECEIVED; s <= SAN_TCP_LAST_ACK; s++) {
		bed_reach(b, (enum san_tcp_state)s);
		bed_in(b, SANI_TCP_RST, b->c.rcv_nxt, 0, 0);
		assert_state(b, CLOSED);
		assert_int_equal(b->ev, SANI_TCP_EV_CLOSED);
		assert_int_equal(sani_tcp_error(&b->c), -ECONNRESET);
		assert_int_equal(b->nb, 0);
	}
	bed_reach(b, SAN_TCP_TIME_WAIT);
	bed_in(b, SANI_TCP_RST, b->c.rcv_nxt, 0, 0);
	assert_state(b, TIME_WAIT);
}

static void
closed_block_drops_what_comes(void **state)
{
	struct bed *b = *state;

	bed_in(b, SANI_TCP_ACK, NXT, UNA, 100);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_drop_state), 1);
	assert_int_equal(b->nb, 0);
}

/* Any flags with numbers near the right ones: no state may break, no mbuf stay behind. */
static void
all_flags_in_all_states_do_no_harm(void **state)
{
	struct bed *b = *state;

	for (int s = SAN_TCP_SYN_SENT; s <= SAN_TCP_TIME_WAIT; s++) {
		for (unsigned int i = 0; i < 256 * 3 * 3 * 2; i++) {
			uint32_t ds = i / 256 % 3;
			uint32_t da = i / 768 % 3;
			uint32_t len = i / 2304 * 9;

			bed_reach(b, (enum san_tcp_state)s);
			bed_in(b, (uint8_t)i, b->c.rcv_nxt + ds - 1, b->c.snd_nxt + da - 1, len);
			assert_in_range(b->nb, 0, 2);
			sani_tcp_discard(&b->c);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(active_close_passes_fin_wait_1_and_2_to_time_wait),
		bed_test(fin_with_the_ack_of_ours_goes_to_time_wait_at_once),
		bed_test(simultaneous_close_passes_closing),
		bed_test(passive_close_passes_close_wait_and_last_ack),
		bed_test(last_ack_begins_when_the_fin_is_sent),
		bed_test(half_close_still_receives),
		bed_test(half_close_still_sends),
		bed_test(unread_data_outlives_closed),
		bed_test(unread_data_stays_through_time_wait),
		bed_test(retransmitted_fin_in_closing_is_acknowledged),
		bed_test(retransmitted_fin_restarts_2msl),
		bed_test(fin_is_retransmitted_in_every_state_that_has_one_out),
		bed_test(fin_goes_again_with_its_last_data),
		bed_test(shutdown_before_established_sends_fin_after_it),
		bed_test(shutdown_counts_once_and_ends_writing),
		bed_test(text_after_the_peers_fin_is_dropped),
		bed_test(exact_rst_ends_every_state_but_time_wait),
		bed_test(closed_block_drops_what_comes),
		bed_test(all_flags_in_all_states_do_no_harm),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
