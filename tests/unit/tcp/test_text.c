/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "bed.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)
#define ACK SANI_TCP_ACK
#define FA (SANI_TCP_FIN | SANI_TCP_ACK)

static void
start(struct bed *b)
{
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->c.quick_acks = 0;
	b->c.rcv_mss = 1000;
}

static void
text_in_order_is_readable(void **state)
{
	struct bed *b = *state;

	start(b);
	bed_in(b, ACK, NXT, UNA, 1000);
	assert_true(b->ev & SANI_TCP_EV_READABLE);
	assert_int_equal(sani_tcp_readable(&b->c), 1000);
	assert_int_equal(bed_read(b), 1000);
}

static void
first_segments_are_acknowledged_at_once(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	for (uint32_t i = 0; i < 16; i++)
		bed_in(b, ACK, NXT + i * 10, UNA, 10);
	assert_int_equal(b->nb, 16);
	bed_in(b, ACK, NXT + 160, UNA, 10);
	assert_int_equal(b->nb, 16);
}

static void
lone_segment_is_acknowledged_after_40_ms(void **state)
{
	struct bed *b = *state;

	start(b);
	bed_in(b, ACK, NXT, UNA, 1000);
	assert_int_equal(b->nb, 0);
	bed_run(b, 39 * MS);
	assert_int_equal(b->nb, 0);
	bed_run(b, 1 * MS);
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK, UNA, NXT + 1000, 0);
}

static void
second_full_segment_is_acknowledged_at_once(void **state)
{
	struct bed *b = *state;

	start(b);
	bed_in(b, ACK, NXT, UNA, 1000);
	bed_in(b, ACK, NXT + 1000, UNA, 1000);
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK, UNA, NXT + 2000, 0);
	assert_int_equal(bed_deadline(b), SANI_NEVER);
}

static void
delayed_ack_rides_on_text(void **state)
{
	struct bed *b = *state;

	start(b);
	bed_in(b, ACK, NXT, UNA, 100);
	bed_write(b, 50);
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK | SANI_TCP_PSH, UNA, NXT + 100, 50);
	bed_in(b, ACK, NXT + 100, UNA + 50, 0);
	bed_run(b, 100 * MS);
	assert_int_equal(b->nb, 1);
}

static void
one_ack_for_a_burst_in_order(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	for (uint32_t i = 0; i < 8; i++) {
		struct sani_tcp_seg seg = bed_seg(b, ACK, NXT + i * 1000, UNA, 1000);

		bed_inject(b, &seg);
	}
	bed_flush(b);
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK, UNA, NXT + 8000, 0);
}

static void
each_segment_behind_a_hole_gets_a_duplicate_ack(void **state)
{
	struct bed *b = *state;

	start(b);
	for (uint32_t i = 1; i < 6; i++) {
		struct sani_tcp_seg seg = bed_seg(b, ACK, NXT + i * 1000, UNA, 1000);

		bed_inject(b, &seg);
	}
	bed_flush(b);
	assert_int_equal(b->nb, 5);
	for (unsigned int i = 0; i < b->nb; i++) {
		assert_int_equal(b->out[i].seg.ack, NXT);
		assert_int_equal(b->out[i].seg.len, 0);
		assert_int_equal(b->out[i].seg.wnd, b->out[0].seg.wnd);
	}
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_ooo), 5);
}

static void
duplicate_acks_of_a_round_are_bounded(void **state)
{
	struct bed *b = *state;

	start(b);
	for (uint32_t i = 1; i < 50; i++) {
		struct sani_tcp_seg seg = bed_seg(b, ACK, NXT + i * 1000, UNA, 1000);

		bed_inject(b, &seg);
	}
	bed_flush(b);
	assert_int_equal(b->nb, 16);
}

static void
filled_hole_is_acknowledged_at_once(void **state)
{
	struct bed *b = *state;

	start(b);
	bed_in(b, ACK, NXT + 10, UNA, 10);
	bed_clear(b);
	bed_in(b, ACK, NXT, UNA, 10);
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK, UNA, NXT + 20, 0);
	assert_int_equal(bed_read(b), 20);
}

/* Each segment of a burst behind what fills a hole is acknowledged; the edge stays. */
static void
burst_behind_a_hole_has_more_than_one_ack(void **state)
{
	struct bed *b = *state;
	uint32_t edge;

	start(b);
	bed_in(b, ACK, NXT + 1000, UNA, 1000);
	bed_clear(b);
	for (uint32_t i = 0; i < 5; i++) {
		struct sani_tcp_seg seg = bed_seg(b, ACK, NXT + (i > 0 ? i + 1 : 0) * 1000, UNA, 1000);

		bed_inject(b, &seg);
	}
	bed_flush(b);
	assert_int_equal(b->nb, 5);
	assert_int_equal(b->out[0].seg.ack, NXT + 2000);
	assert_last(b, ACK, UNA, NXT + 6000, 0);
	edge = b->out[0].seg.ack + ((uint32_t)b->out[0].seg.wnd << b->c.rcv_wscale);
	assert_in_range(b->c.rcv_adv - edge, 0, (1u << b->c.rcv_wscale) - 1);
}

static void
fin_behind_a_hole_waits_for_it(void **state)
{
	struct bed *b = *state;

	start(b);
	bed_in(b, FA, NXT + 100, UNA, 0);
	assert_state(b, ESTABLISHED);
	assert_last(b, ACK, UNA, NXT, 0);
	bed_in(b, ACK, NXT, UNA, 100);
	assert_state(b, CLOSE_WAIT);
	assert_true(b->ev & SANI_TCP_EV_FIN);
	assert_last(b, ACK, UNA, NXT + 101, 0);
	assert_int_equal(bed_read(b), 100);
	assert_true(sani_tcp_at_end(&b->c));
}

static void
text_beyond_a_known_fin_is_cut(void **state)
{
	struct bed *b = *state;

	start(b);
	bed_in(b, FA, NXT + 100, UNA, 0);
	bed_in(b, ACK, NXT, UNA, 500);
	assert_state(b, CLOSE_WAIT);
	assert_int_equal(bed_read(b), 100);
}

static void
fin_before_text_that_is_there_is_not_believed(void **state)
{
	struct bed *b = *state;

	start(b);
	bed_in(b, ACK, NXT + 100, UNA, 100);
	bed_in(b, FA, NXT + 50, UNA, 0);
	bed_in(b, ACK, NXT, UNA, 100);
	assert_state(b, ESTABLISHED);
	assert_int_equal(bed_read(b), 200);
}

static void
second_fin_with_another_number_changes_nothing(void **state)
{
	struct bed *b = *state;

	start(b);
	bed_in(b, FA, NXT + 100, UNA, 0);
	bed_in(b, FA, NXT + 200, UNA, 0);
	bed_in(b, ACK, NXT, UNA, 100);
	assert_state(b, CLOSE_WAIT);
	assert_int_equal(b->c.rcv_nxt, NXT + 101);
}

static void
text_with_fin_is_taken_together(void **state)
{
	struct bed *b = *state;

	start(b);
	bed_in(b, FA, NXT, UNA, 70);
	assert_int_equal(b->ev & (SANI_TCP_EV_READABLE | SANI_TCP_EV_FIN),
			 SANI_TCP_EV_READABLE | SANI_TCP_EV_FIN);
	assert_false(sani_tcp_at_end(&b->c));
	assert_int_equal(bed_read(b), 70);
	assert_true(sani_tcp_at_end(&b->c));
}

static void
scarce_pool_keeps_one_unread_segment(void **state)
{
	struct bed *b = *state;

	start(b);
	b->scarce = true;
	bed_in(b, ACK, NXT, UNA, 100);
	bed_in(b, ACK, NXT + 100, UNA, 100);
	assert_int_equal(sani_tcp_readable(&b->c), 100);
	assert_int_equal(b->ctr.v[SANI_CTR_tcp_rx_drop_memory], 1);
	assert_last(b, ACK, UNA, NXT + 100, 0);
	assert_int_equal(bed_read(b), 100);
	bed_in(b, ACK, NXT + 100, UNA, 100);
	assert_int_equal(bed_read(b), 100);
}

static void
scarce_pool_keeps_nothing_out_of_order(void **state)
{
	struct bed *b = *state;

	start(b);
	bed_in(b, ACK, NXT + 200, UNA, 100);
	b->scarce = true;
	bed_in(b, ACK, NXT + 100, UNA, 100);
	bed_in(b, ACK, NXT, UNA, 100);
	assert_int_equal(b->ctr.v[SANI_CTR_tcp_rx_ooo_given_up], 1);
	assert_int_equal(bed_read(b), 100);
	b->scarce = false;
	bed_in(b, ACK, NXT + 100, UNA, 200);
	assert_int_equal(bed_read(b), 200);
}

static void
scarce_pool_takes_little_to_send(void **state)
{
	struct bed *b = *state;
	uint32_t taken;

	start(b);
	b->scarce = true;
	taken = bed_write(b, 100000);
	assert_in_range(taken, 1, 4096);
	assert_int_equal(bed_write(b, 1), 0);
	b->scarce = false;
	assert_int_equal(bed_write(b, 1), 1);
}

/* More connections than buffers, each with a first segment: who comes later waits, and is told when to try again. */
static void
reserve_of_the_pool_takes_nothing_to_send(void **state)
{
	struct bed *b = *state;

	start(b);
	b->scarce = true;
	b->budget.sends = 0;
	assert_int_equal(bed_write(b, 100), 0);
	assert_int_equal(b->ctr.v[SANI_CTR_tcp_tx_wait_pool], 1);
	assert_true(sani_tcp_is_short(&b->c));
	/* by whoever has the buffers, or in the end by its own timer */
	assert_int_equal(sani_tcp_try_again(&b->c), SANI_TCP_EV_ACKED);
	assert_int_equal(sani_tcp_try_again(&b->c), 0);
	assert_int_equal(bed_write(b, 100), 0);
	bed_clear(b);
	bed_run(b, 4 * SEC);
	assert_int_equal(b->ev & SANI_TCP_EV_ACKED, SANI_TCP_EV_ACKED);
	b->budget.sends = 1;
	assert_int_equal(bed_write(b, 100), 100);
	assert_int_equal(b->budget.sends, 0);
	assert_false(sani_tcp_is_short(&b->c));
	assert_int_equal(b->ctr.v[SANI_CTR_tcp_tx_wait_pool], 2);
}

/* Its own ACK takes it on: nobody else has to. */
static void
who_has_something_in_a_pool_that_runs_low_waits_for_its_ack(void **state)
{
	struct bed *b = *state;

	start(b);
	b->scarce = true;
	b->budget.sends = 1;
	assert_int_equal(bed_write(b, 5000), 2048);
	assert_false(sani_tcp_is_short(&b->c));
	assert_false(sani_tcp_armed(&b->c, SANI_TCP_T_RETRY));
	bed_clear(b);
	bed_in(b, ACK, NXT, UNA + 2048, 0);
	assert_int_equal(b->ev & SANI_TCP_EV_ACKED, SANI_TCP_EV_ACKED);
}

/* A buffer is held from when it is looked at first until it is given back, whatever single octets are acknowledged. */
static void
buffer_that_is_held_says_for_how_long(void **state)
{
	struct bed *b = *state;
	struct rte_mbuf *tx[1];
	struct sani_tcp_io io;

	start(b);
	assert_int_equal(sani_tcp_held(&b->c, b->now), 0);
	bed_write(b, 3000);
	assert_int_equal(sani_tcp_held(&b->c, b->now), 0);
	bed_run(b, 100 * MS);
	bed_in(b, ACK, NXT, UNA + 1000, 0);
	assert_in_range(sani_tcp_held(&b->c, b->now), 96, 98);
	bed_in(b, ACK, NXT, UNA + 2500, 0);
	assert_int_equal(sani_tcp_held(&b->c, b->now), 0);
	bed_in(b, ACK, NXT, UNA + 3000, 0);
	bed_write(b, 3000);
	assert_int_equal(sani_tcp_held(&b->c, b->now), 0);
	bed_run(b, 100 * MS);
	assert_in_range(sani_tcp_held(&b->c, b->now), 96, 98);
	io = bed_io(b, tx, 1);
	assert_int_equal(sani_tcp_evict(&b->c, &io), SANI_TCP_EV_CLOSED);
	assert_int_equal(io.nb_tx, 1);
	rte_pktmbuf_free(tx[0]);
	assert_state(b, CLOSED);
	assert_int_equal(sani_tcp_error(&b->c), -ETIMEDOUT);
	assert_int_equal(b->ctr.v[SANI_CTR_tcp_evicted], 1);
	assert_int_equal(b->ctr.v[SANI_CTR_tcp_tx_rst], 1);
}

/* All that was written then is acknowledged: what was written since, into the same buffer, is not held for longer. */
static void
buffer_that_is_written_on_is_held_no_longer_for_that(void **state)
{
	struct bed *b = *state;

	start(b);
	bed_write(b, 100);
	for (uint32_t i = 1; i < 5; i++) {
		assert_int_equal(sani_tcp_held(&b->c, b->now), 0);
		bed_write(b, 100);
		bed_run(b, 50 * MS);
		bed_in(b, ACK, NXT, UNA + 100 * i - 1, 0);
		assert_in_range(sani_tcp_held(&b->c, b->now), 47, 49);
		bed_in(b, ACK, NXT, UNA + 100 * i, 0);
	}
}

/* Runs of sequence space that would take a buffer to be told apart are not, while buffers are few. */
static void
scarce_pool_has_no_table_for_what_is_in_flight(void **state)
{
	struct bed *b = *state;

	b->sack = true;
	start(b);
	b->scarce = true;
	assert_int_equal(bed_write(b, 2048), 2048);
	for (uint32_t i = 0; i < 9; i++) {
		uint32_t left = UNA + 200 * i + 100;

		bed_sack(b, UNA, 1, (uint32_t[]){ left, left + 50 });
		assert_null(b->c.flight.table);
	}
	b->scarce = false;
	bed_sack(b, UNA, 1, (uint32_t[]){ UNA + 2000, UNA + 2048 });
	assert_non_null(b->c.flight.table);
}

static uint32_t
reads_it(void *ctx, const struct sani_tcp_conn *c)
{
	return &((struct bed *)ctx)->c == c ? 100 : 0;
}

static void
reserve_of_the_pool_keeps_no_text(void **state)
{
	struct bed *b = *state;

	start(b);
	b->scarce = true;
	b->budget.texts = 0;
	bed_in(b, ACK, NXT, UNA, 100);
	assert_int_equal(sani_tcp_readable(&b->c), 0);
	assert_int_equal(b->ctr.v[SANI_CTR_tcp_rx_drop_pool], 1);
	assert_int_equal(b->ctr.v[SANI_CTR_tcp_rx_drop_memory], 0);
	assert_last(b, ACK, UNA, NXT, 0);
	assert_true(b->budget.refused);
	b->budget.refused = false;
	b->budget.texts = 1;
	bed_in(b, ACK, NXT, UNA, 100);
	assert_int_equal(b->budget.texts, 0);
	assert_int_equal(bed_read(b), 100);
	/* nothing is kept of what is read at once */
	b->budget.reads = reads_it;
	b->budget.ctx = b;
	bed_in(b, ACK, NXT + 100, UNA, 100);
	assert_int_equal(bed_read(b), 100);
	assert_false(b->budget.refused);
	/* nor of more than is read, nor a FIN behind that */
	bed_in(b, ACK | SANI_TCP_FIN, NXT + 200, UNA, 150);
	assert_last(b, ACK, UNA, NXT + 300, 0);
	assert_int_equal(bed_read(b), 100);
	assert_state(b, ESTABLISHED);
	bed_in(b, ACK | SANI_TCP_FIN, NXT + 200, UNA, 150);
	assert_state(b, CLOSE_WAIT);
	assert_int_equal(bed_read(b), 50);
}

/* Pairs behind a hole, swapped, so that each holds an mbuf of its own: the bound is met with little text. */
static void
full_store_does_not_keep_the_hole_open(void **state)
{
	struct bed *b = *state;

	start(b);
	for (uint32_t i = 1; b->ctr.v[SANI_CTR_tcp_rx_drop_memory] == 0 && i < 3000; i += 2) {
		bed_in(b, ACK, NXT + 10 * (i + 1), UNA, 10);
		bed_in(b, ACK, NXT + 10 * i, UNA, 10);
		bed_clear(b);
	}
	assert_true(b->ctr.v[SANI_CTR_tcp_rx_drop_memory] > 0);
	assert_int_equal(b->ctr.v[SANI_CTR_tcp_rx_ooo_given_up], 0);
	bed_in(b, ACK, NXT, UNA, 10);
	assert_int_equal(b->ctr.v[SANI_CTR_tcp_rx_ooo_given_up], 1);
	assert_int_equal(bed_read(b), 10);
	bed_in(b, ACK, NXT + 10, UNA, 1000);
	assert_int_equal(bed_read(b), 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(scarce_pool_keeps_one_unread_segment),
		bed_test(scarce_pool_keeps_nothing_out_of_order),
		bed_test(scarce_pool_takes_little_to_send),
		bed_test(reserve_of_the_pool_takes_nothing_to_send),
		bed_test(who_has_something_in_a_pool_that_runs_low_waits_for_its_ack),
		bed_test(buffer_that_is_held_says_for_how_long),
		bed_test(buffer_that_is_written_on_is_held_no_longer_for_that),
		bed_test(scarce_pool_has_no_table_for_what_is_in_flight),
		bed_test(reserve_of_the_pool_keeps_no_text),
		bed_test(full_store_does_not_keep_the_hole_open),
		bed_test(text_in_order_is_readable),
		bed_test(first_segments_are_acknowledged_at_once),
		bed_test(lone_segment_is_acknowledged_after_40_ms),
		bed_test(second_full_segment_is_acknowledged_at_once),
		bed_test(delayed_ack_rides_on_text),
		bed_test(one_ack_for_a_burst_in_order),
		bed_test(each_segment_behind_a_hole_gets_a_duplicate_ack),
		bed_test(duplicate_acks_of_a_round_are_bounded),
		bed_test(filled_hole_is_acknowledged_at_once),
		bed_test(burst_behind_a_hole_has_more_than_one_ack),
		bed_test(fin_behind_a_hole_waits_for_it),
		bed_test(text_beyond_a_known_fin_is_cut),
		bed_test(fin_before_text_that_is_there_is_not_believed),
		bed_test(second_fin_with_another_number_changes_nothing),
		bed_test(text_with_fin_is_taken_together),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
