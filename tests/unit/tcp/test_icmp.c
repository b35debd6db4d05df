/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "bed.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)
#define ACK SANI_TCP_ACK

static uint32_t
icmp(struct bed *b, uint8_t type, uint8_t code, uint16_t mtu, uint32_t seq)
{
	struct rte_mbuf *tx[1];
	struct sani_tcp_io io = bed_io(b, tx, 1);
	uint32_t ev = sani_tcp_icmp(&b->c, type, code, mtu, seq, &io);

	b->ev |= ev;
	if (ev & SANI_TCP_EV_OUTPUT)
		bed_flush(b);
	return ev;
}

static void
port_unreachable_refuses_an_open(void **state)
{
	struct bed *b = *state;

	for (uint8_t code = 2; code <= 3; code++) {
		bed_reach(b, SAN_TCP_SYN_SENT);
		assert_int_equal(icmp(b, 3, code, 0, BED_ISS), SANI_TCP_EV_CLOSED);
		assert_int_equal(sani_tcp_error(&b->c), -ECONNREFUSED);
	}
	bed_reach(b, SAN_TCP_SYN_RECEIVED);
	assert_int_equal(icmp(b, 3, 3, 0, BED_ISS), SANI_TCP_EV_CLOSED);
}

static void
quoted_number_that_is_not_in_flight_is_ignored(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_SYN_SENT);
	assert_int_equal(icmp(b, 3, 3, 0, BED_ISS + 1), 0);
	assert_int_equal(icmp(b, 3, 3, 0, BED_ISS - 1), 0);
	assert_state(b, SYN_SENT);
}

static void
soft_error_is_the_error_of_the_timeout(void **state)
{
	static const uint8_t soft[][2] = { { 3, 0 }, { 3, 1 }, { 3, 5 }, { 11, 0 }, { 12, 0 } };
	struct bed *b = *state;

	for (unsigned int i = 0; i < RTE_DIM(soft); i++) {
		bed_reach(b, SAN_TCP_SYN_SENT);
		assert_int_equal(icmp(b, soft[i][0], soft[i][1], 0, BED_ISS), 0);
		assert_state(b, SYN_SENT);
		bed_run(b, 181 * SEC);
		assert_state(b, CLOSED);
		assert_int_equal(sani_tcp_error(&b->c), -EHOSTUNREACH);
	}
}

static void
source_quench_and_others_are_ignored(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_SYN_SENT);
	icmp(b, 4, 0, 0, BED_ISS);
	icmp(b, 0, 0, 0, BED_ISS);
	icmp(b, 5, 1, 0, BED_ISS);
	bed_run(b, 181 * SEC);
	assert_int_equal(sani_tcp_error(&b->c), -ETIMEDOUT);
}

static void
hard_error_is_soft_once_synchronized(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 100);
	assert_int_equal(icmp(b, 3, 3, 0, UNA), 0);
	assert_state(b, ESTABLISHED);
	bed_run(b, 925 * SEC);
	assert_int_equal(sani_tcp_error(&b->c), -ECONNREFUSED);
}

static void
progress_forgets_the_soft_error(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 100);
	icmp(b, 3, 1, 0, UNA);
	bed_in(b, ACK, NXT, UNA + 100, 0);
	bed_write(b, 100);
	bed_run(b, 925 * SEC);
	assert_int_equal(sani_tcp_error(&b->c), -ETIMEDOUT);
}

static void
fragmentation_needed_makes_segments_smaller_and_sends_again(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 3000);
	bed_clear(b);
	assert_int_equal(icmp(b, 3, 4, 840, UNA + 1000), SANI_TCP_EV_OUTPUT);
	assert_int_equal(b->c.snd_mss, 800);
	assert_int_equal(b->out[0].seg.seq, UNA);
	assert_int_equal(b->out[0].seg.len, 800);
	assert_int_equal(b->nb, 4);
	assert_last(b, ACK | SANI_TCP_PSH, UNA + 2400, NXT, 600);
	assert_int_equal(b->c.cwnd, 10000);	/* no congestion */
}

static void
fragmentation_needed_never_goes_below_552(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 3000);
	icmp(b, 3, 4, 68, UNA);
	assert_int_equal(b->c.snd_mss, 512);
	assert_int_equal(icmp(b, 3, 4, 1400, UNA), 0);
	assert_int_equal(b->c.snd_mss, 512);	/* and never up */
}

static void
fragmentation_needed_without_an_mtu_means_576(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 3000);
	icmp(b, 3, 4, 0, UNA);
	assert_int_equal(b->c.snd_mss, 536);
}

static void
fragmentation_needed_for_nothing_in_flight_is_ignored(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	assert_int_equal(icmp(b, 3, 4, 600, UNA), 0);
	assert_int_equal(b->c.snd_mss, 1000);
}

static void
packet_too_big_stops_at_1280(void **state)
{
	struct bed *b = *state;

	b->p.tuple.remote = (union sani_ip){ .b = { 0xfe, 0x80, [15] = 2 } };
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->c.peer_mss = 1440;
	bed_write(b, 3000);
	icmp(b, 2, 0, 600, UNA);
	assert_int_equal(b->c.snd_mss, 1220);
	assert_int_equal(icmp(b, 1, 4, 0, UNA), 0);
	assert_state(b, ESTABLISHED);
}

/* RFC 8201 4: nor RFC 1191 3; whoever says so gains nothing. */
static void
packet_too_big_never_makes_a_path_wider(void **state)
{
	struct bed *b = *state;

	b->p.tuple.remote = (union sani_ip){ .b = { 0xfe, 0x80, [15] = 2 } };
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->c.peer_mss = 1440;
	bed_write(b, 3000);
	icmp(b, 2, 0, 1300, UNA);
	assert_int_equal(b->c.snd_mss, 1240);
	icmp(b, 2, 0, 1500, UNA);
	assert_int_equal(b->c.snd_mss, 1240);
}

/* The octet of a window probe stays the persist timer's, so data flows as soon as the window opens. */
static void
fragmentation_needed_leaves_a_window_probe_alone(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->wnd = 0;
	bed_write(b, 100);
	bed_in(b, SANI_TCP_ACK, BED_IRS + 1, UNA + 100, 0);
	bed_write(b, 3000);
	bed_run(b, SEC);
	assert_true(bed_count(b, SANI_CTR_tcp_tx_probe) > 0);
	icmp(b, 3, 4, 600, UNA + 100);
	bed_flush(b);
	bed_run(b, SEC);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rto), 0);
	bed_clear(b);
	b->wnd = 60000;
	bed_in(b, SANI_TCP_ACK, BED_IRS + 1, UNA + 100, 0);
	assert_int_equal(b->out[0].seg.seq, UNA + 100);
	assert_int_equal(b->out[0].seg.len, b->c.snd_mss);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(port_unreachable_refuses_an_open),
		bed_test(quoted_number_that_is_not_in_flight_is_ignored),
		bed_test(soft_error_is_the_error_of_the_timeout),
		bed_test(source_quench_and_others_are_ignored),
		bed_test(hard_error_is_soft_once_synchronized),
		bed_test(progress_forgets_the_soft_error),
		bed_test(fragmentation_needed_makes_segments_smaller_and_sends_again),
		bed_test(fragmentation_needed_never_goes_below_552),
		bed_test(fragmentation_needed_without_an_mtu_means_576),
		bed_test(fragmentation_needed_for_nothing_in_flight_is_ignored),
		bed_test(packet_too_big_stops_at_1280),
		bed_test(packet_too_big_never_makes_a_path_wider),
		bed_test(fragmentation_needed_leaves_a_window_probe_alone),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
