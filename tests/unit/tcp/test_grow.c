/* SPDX-License-Identifier: BSD-3-Clause */
/* grow.c: queues that grow with the path, within a budget. */
#include "bed.h"

#define UNA (BED_ISS + 1)
#define ACK SANI_TCP_ACK
#define RTT (20 * MS)

static void
start(struct bed *b, uint64_t budget)
{
	b->p.sndbuf = 20000;
	b->p.sndbuf_max = 100000;
	b->p.rcvbuf = 20000;
	b->p.rcvbuf_max = 100000;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->c.srtt_us = RTT;
	b->c.rcv_round_us = (uint32_t)b->now;
	b->budget.growth = budget;
}

/* The peer sends n bytes in this round trip, and the program reads them at once or not. */
static void
round_trip(struct bed *b, uint32_t n, bool read)
{
	for (uint32_t i = 0; i < n; i += 1000) {
		bed_in(b, ACK, b->c.rcv_nxt, b->c.snd_una, 1000);
		if (read)
			bed_read(b);
		bed_clear(b);
	}
	bed_run(b, RTT);
	bed_clear(b);
}

static void
receive_window_grows_with_what_a_round_trip_takes(void **state)
{
	struct bed *b = *state;

	start(b, 1 << 20);
	round_trip(b, 5000, true);	/* a quarter of the window: enough room */
	round_trip(b, 5000, true);
	assert_int_equal(b->c.rcvq.limit, 20000);
	round_trip(b, 15000, true);
	round_trip(b, 15000, true);
	assert_int_equal(b->c.rcvq.limit, 45000);
	for (int i = 0; i < 5; i++)
		round_trip(b, 40000, true);
	assert_int_equal(b->c.rcvq.limit, 100000);
	assert_int_equal(b->budget.growth, (1 << 20) - 80000);
	assert_int_equal(sani_tcp_give_back(&b->c), 80000);
	assert_int_equal(sani_tcp_give_back(&b->c), 0);
}

static void
program_that_does_not_read_gets_no_more(void **state)
{
	struct bed *b = *state;

	start(b, 1 << 20);
	round_trip(b, 18000, false);
	round_trip(b, 1000, false);
	assert_int_equal(b->c.rcvq.limit, 20000);
}

static void
pause_is_no_slow_round(void **state)
{
	struct bed *b = *state;

	start(b, 1 << 20);
	for (int i = 0; i < 20; i++) {	/* 1,000 bytes at a time, never fast */
		round_trip(b, 1000, true);
		bed_run(b, SEC);
	}
	assert_int_equal(b->c.rcvq.limit, 20000);
}

static void
budget_bounds_both_queues(void **state)
{
	struct bed *b = *state;

	start(b, 10000);
	for (int i = 0; i < 5; i++)
		round_trip(b, 15000, true);
	assert_int_equal(b->c.rcvq.limit, 30000);
	assert_int_equal(b->budget.growth, 0);
	b->c.cwnd = 90000;
	bed_write(b, 20000);
	bed_in(b, ACK, b->c.rcv_nxt, UNA + 10000, 0);
	assert_int_equal(b->c.sndq.limit, 20000);
}

static void
send_queue_holds_two_windows(void **state)
{
	struct bed *b = *state;

	b->p.tune.cc = SAN_CC_NEWRENO;	/* one segment an ACK: two windows stay below the limit */
	start(b, 1 << 20);
	b->wnd = 65535;
	for (int i = 0; i < 6; i++) {
		bed_write(b, 100000);
		bed_run(b, 10 * MS);
		bed_clear(b);
		bed_in(b, ACK, b->c.rcv_nxt, b->c.snd_nxt, 0);
		bed_clear(b);
	}
	assert_in_range(b->c.sndq.limit, 2 * b->c.cwnd - 2 * b->c.snd_mss, 100000);
	assert_true(b->c.sndq.limit > 20000);
}

static void
queue_of_a_chosen_size_stays(void **state)
{
	struct bed *b = *state;

	b->p.rcvbuf = 20000;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->c.srtt_us = RTT;
	b->budget.growth = 1 << 20;
	for (int i = 0; i < 5; i++)
		round_trip(b, 15000, true);
	assert_int_equal(b->c.rcvq.limit, 20000);
	assert_int_equal(b->budget.growth, 1 << 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(receive_window_grows_with_what_a_round_trip_takes),
		bed_test(program_that_does_not_read_gets_no_more),
		bed_test(pause_is_no_slow_round),
		bed_test(budget_bounds_both_queues),
		bed_test(send_queue_holds_two_windows),
		bed_test(queue_of_a_chosen_size_stays),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
