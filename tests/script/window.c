/* SPDX-License-Identifier: BSD-3-Clause */
#include "script/states.h"

/* A round trip of 300 ms: SRTT 300, RTTVAR 150, so the retransmission timeout is 900 ms (RFC 6298 2.2). */
#define WINDOW(...) \
	LISTEN(8), ACCEPT(0), IN(SYN, PLAIN), OUT(SYN | ACK, .seq = 0), QUIET(MS(300)), IN(ACK, __VA_ARGS__), DONE(0, 0), MARK()
#define RTO_US MS(900)
#define PROBE(...) OUT(ACK, .by = S(61), __VA_ARGS__), IN(ACK, .seq = 1, .ack = 1, .wnd = 0)
#define PROBES_10 PROBE(), PROBE(), PROBE(), PROBE(), PROBE(), PROBE(), PROBE(), PROBE(), PROBE(), PROBE()
#define SMALL_BUFFER SET(RCVBUF, 4096, 0, .s = LISTENER)
/* The receive window of SMALL_BUFFER is full. */
#define FULL \
	SMALL_BUFFER, TO_ESTABLISHED, IN(ACK, .len = 1460), OUT(ACK, .ack = 1461, .wnd = 2636, .by = MS(499)), \
	IN(ACK, .len = 1460), OUT(ACK, .ack = 2921, .wnd = 1176, .by = MS(499)), \
	IN(ACK, .len = 1176), OUT(ACK, .ack = 4097, .wnd = 0, .by = MS(499)), MARK()

/* Windows: RFC 9293 3.8.6, 3.10.7.4 (fifth). */
static const struct play_case cases[] = {
	CASE(must_1_a_window_of_8000_is_not_negative, WINDOW(.wnd = 0x8000), SEND(1, 14600, 1),
		OUT(ACK, .seq = 1, .len = 1460, .times = 10, .step = 1460)),
	CASE(must_1_a_window_of_ffff_is_not_negative, WINDOW(.wnd = 0xffff), SEND(1, 14600, 1),
		OUT(ACK, .seq = 1, .len = 1460, .times = 10, .step = 1460)),
	CASE(rfc9293_3_8_6_sending_stops_at_the_window,
		WINDOW(.wnd = 2920), SEND(1, 10000, 1), OUT(ACK, .seq = 1, .len = 1460), OUT(ACK, .seq = 1461, .len = 1460),
		QUIET(MS(500)), IN(ACK, .ack = 2921, .wnd = 1460), OUT(ACK, .seq = 2921, .len = 1460)),

	/* Zero windows. */
	CASE(must_36_a_zero_window_is_probed,
		WINDOW(.wnd = 0), SEND(1, 100, 1), OUT(ACK, .by = S(2)), COUNT(tcp_tx_probe, 1)),
	CASE(shld_29_the_first_probe_comes_after_one_rto, WINDOW(.wnd = 0), SEND(1, 100, 1), OUT(ACK, .after = RTO_US)),
	CASE(shld_30_probes_come_at_growing_distances,
		WINDOW(.wnd = 0), SEND(1, 100, 1), OUT(ACK, .after = RTO_US), IN(ACK, .ack = 1), OUT(ACK, .after = 2 * RTO_US),
		IN(ACK, .ack = 1), OUT(ACK, .after = 4 * RTO_US), IN(ACK, .ack = 1), OUT(ACK, .after = 8 * RTO_US)),
	CASE(must_37_a_connection_whose_probes_are_answered_stays,
		WINDOW(.wnd = 0), SEND(1, 100, 0, .flags = SAN_ACKED), PROBES_10, PROBES_10, PROBES_10, PENDING(1), STATE(ESTABLISHED),
		IN(ACK, .ack = 1, .wnd = 1000), WAIT(MS(1000)), IN(ACK, .ack = 101), DONE(1, 100)),
	CASE(must_37_a_user_timeout_does_not_end_a_connection_whose_probes_are_answered,
		SET(USER_TIMEOUT, 20000, 0, .s = LISTENER), WINDOW(.wnd = 0), SEND(1, 100, 0, .flags = SAN_ACKED), PROBE(), PROBE(),
		PROBE(), PROBE(), PROBE(), PROBE(), PENDING(1), STATE(ESTABLISHED)),
	CASE(must_35_a_window_that_shrank_to_zero_is_probed_for_ever,
		WINDOW(.wnd = 5840), SEND(1, 1460, 0, .flags = SAN_ACKED), OUT(ACK, .seq = 1, .len = 1460),
		IN(ACK, .ack = 1, .wnd = 0), PROBES_10, PROBES_10, PROBES_10, PENDING(1), STATE(ESTABLISHED)),
	CASE(shld_11_probes_that_nobody_answers_end_the_connection_late,
		WINDOW(.wnd = 0), SEND(1, 100, 0, .flags = SAN_ACKED), WAIT(S(100)), PENDING(1), WAIT(S(1000)), DONE(1, -ETIMEDOUT)),
	CASE(a_window_that_opens_is_used_at_once,
		WINDOW(.wnd = 0), SEND(1, 100, 1), OUT(ACK, .after = RTO_US), IN(ACK, .ack = 1, .wnd = 1000),
		OUT(ACK, .seq = 1, .len = 100), IN(ACK, .ack = 101), QUIET(S(100))),
	CASE(a_window_that_opens_without_a_probe_is_used_at_once,
		WINDOW(.wnd = 0), SEND(1, 100, 1), QUIET(MS(100)), IN(ACK, .ack = 1, .wnd = 1000), OUT(ACK, .seq = 1, .len = 100)),
	CASE(a_probe_that_is_taken_is_not_sent_twice,
		WINDOW(.wnd = 0), SEND(1, 100, 1), OUT(ACK, .after = RTO_US), IN(ACK, .ack = 2, .wnd = 1000),
		OUT(ACK, .seq = 2, .len = 99)),
	CASE(must_35_a_window_that_shrinks_to_zero_is_probed,
		WINDOW(.wnd = 1460), SEND(1, 5000, 1), OUT(ACK, .seq = 1, .len = 1460), IN(ACK, .ack = 1461, .wnd = 0),
		OUT(ACK, .by = S(3)), IN(ACK, .ack = 1461, .wnd = 1460), OUT(ACK, .seq = 1461, .len = 1460)),
	CASE(an_idle_connection_with_a_zero_window_is_not_probed, WINDOW(.wnd = 0), QUIET(S(1000))),
	CASE(a_fin_is_sent_into_a_zero_window_as_a_probe_at_most,
		WINDOW(.wnd = 0), SHUTDOWN(1, 0), OUT(FIN | ACK, .seq = 1, .len = 0, .by = S(2)), IN(ACK, .ack = 2, .wnd = 0), DONE(1, 0)),

	/* A peer that pulls its window back. */
	CASE(shld_15_nothing_new_goes_beyond_an_edge_that_moved_left,
		WINDOW(.wnd = 5840), SEND(1, 2920, 1), OUT(ACK, .seq = 1, .len = 1460, .times = 2, .step = 1460),
		IN(ACK, .ack = 1, .wnd = 1460), SEND(2, 1460, 1), QUIET(MS(800))),
	CASE(shld_16_old_data_inside_the_shrunk_window_is_retransmitted,
		WINDOW(.wnd = 5840), SEND(1, 2920, 1), OUT(ACK, .seq = 1, .len = 1460, .times = 2, .step = 1460),
		IN(ACK, .ack = 1, .wnd = 1460), OUT(ACK, .seq = 1, .len = 1460, .by = S(1))),
	CASE(must_34_a_shrunk_window_that_grows_again_goes_on,
		WINDOW(.wnd = 5840), SEND(1, 5840, 1), OUT(ACK, .seq = 1, .len = 1460, .times = 4, .step = 1460),
		IN(ACK, .ack = 1461, .wnd = 100), QUIET(MS(100)), IN(ACK, .ack = 5841, .wnd = 5840), SEND(2, 1460, 1),
		OUT(ACK, .seq = 5841, .len = 1460)),
	CASE(shld_17_data_outside_a_shrunk_window_does_not_end_the_connection,
		SET(USER_TIMEOUT, 20000, 0, .s = LISTENER), WINDOW(.wnd = 5840), SEND(1, 1460, 0, .flags = SAN_ACKED),
		OUT(ACK, .seq = 1, .len = 1460), IN(ACK, .ack = 1, .wnd = 0), PROBE(), PROBE(), PROBE(), PROBE(), PROBE(), PROBE(),
		PENDING(1), STATE(ESTABLISHED)),

	/* Which segment's window counts. */
	CASE(rfc9293_3_10_7_4_an_older_acknowledgement_does_not_set_the_window,
		WINDOW(.wnd = 10000), SEND(1, 100, 1), OUT(ACK, .seq = 1, .len = 100), IN(ACK, .ack = 101, .wnd = 10000),
		IN(ACK, .ack = 50, .wnd = 0), SEND(2, 100, 1), OUT(ACK, .seq = 101, .len = 100)),
	CASE(rfc9293_3_10_7_4_an_older_segment_does_not_set_the_window,
		WINDOW(.wnd = 10000), IN(ACK, .len = 100), OUT(ACK, .ack = 101, .by = MS(499)),
		IN(ACK, .seq = 1, .ack = 1, .wnd = 0), OUT(ACK, .ack = 101), SEND(1, 100, 1), OUT(ACK, .seq = 1, .len = 100)),
	CASE(rfc9293_3_10_7_4_the_same_acknowledgement_may_close_the_window,
		WINDOW(.wnd = 10000), IN(ACK, .ack = 1, .wnd = 0), SEND(1, 100, 1), QUIET(MS(800))),
	CASE(rfc9293_3_10_7_4_a_data_segment_sets_the_window,
		WINDOW(.wnd = 0), SEND(1, 100, 1), QUIET(MS(50)), IN(ACK, .ack = 1, .wnd = 5000, .len = 10),
		OUT(ACK, .seq = 1, .ack = 11, .len = 100), IN(ACK)),
	CASE(attack_f15_a_window_that_opens_and_shuts_is_followed,
		WINDOW(.wnd = 1460), SEND(1, 7300, 1), OUT(ACK, .seq = 1, .len = 1460), IN(ACK, .ack = 1461, .wnd = 0), QUIET(MS(100)),
		IN(ACK, .ack = 1461, .wnd = 1460), OUT(ACK, .seq = 1461, .len = 1460), IN(ACK, .ack = 2921, .wnd = 0), QUIET(MS(100)),
		IN(ACK, .ack = 2921, .wnd = 1460), OUT(ACK, .seq = 2921, .len = 1460)),

	/* Silly windows. */
	CASE(must_38_a_small_window_is_not_filled_at_once,
		WINDOW(.wnd = 65535), IN(ACK, .ack = 1, .wnd = 500), SEND(1, 2000, 1), QUIET(MS(90))),
	CASE(must_38_a_small_window_is_used_after_the_override_time,
		WINDOW(.wnd = 65535), IN(ACK, .ack = 1, .wnd = 500), SEND(1, 2000, 1), OUT(ACK, .seq = 1, .len = 500, .by = S(1))),
	CASE(must_38_half_of_the_largest_window_is_used_at_once,
		LISTEN(8), ACCEPT(0), IN(SYN, PLAIN, .wnd = 1000), OUT(SYN | ACK), IN(ACK, .wnd = 1000), DONE(0, 0), SEND(1, 5000, 1),
		OUT(ACK, .seq = 1, .len = 1000), IN(ACK, .ack = 1001, .wnd = 600), OUT(ACK, .seq = 1001, .len = 600)),
	CASE(must_38_all_that_is_queued_fits_and_goes_at_once,
		WINDOW(.wnd = 65535), IN(ACK, .ack = 1, .wnd = 500), SEND(1, 400, 1), OUT(ACK, .seq = 1, .len = 400)),
	CASE(attack_g10_a_window_of_one_octet_makes_no_stream_of_segments,
		WINDOW(.wnd = 65535), IN(ACK, .ack = 1, .wnd = 1), SEND(1, 1000, 1), OUT(ACK, .seq = 1, .len = 1, .by = S(1)),
		IN(ACK, .ack = 2, .wnd = 1), QUIET(MS(90)), OUT(ACK, .seq = 2, .len = 1, .by = S(1))),
	CASE(must_39_a_little_room_is_not_announced,
		FULL, RECV(1, 10, 0), DONE(1, 10), QUIET(S(10)), RECV(2, 1000, 0), DONE(2, 1000), QUIET(S(10))),
	CASE(must_39_room_of_a_segment_is_announced,
		FULL, RECV(1, 1460, 0), DONE(1, 1460), OUT(ACK, .seq = 1, .ack = 4097, .wnd_min = 1460, .wnd_max = 1460)),
	CASE(must_39_room_is_announced_once,
		FULL, RECV(1, 4096, 0), DONE(1, 4096), OUT(ACK, .seq = 1, .ack = 4097, .wnd = 4096), QUIET(S(10))),
	CASE(must_39_an_acknowledgement_with_little_room_keeps_the_window_shut,
		FULL, RECV(1, 100, 0), DONE(1, 100), IN(ACK, .seq = 4097, .len = 1), OUT(ACK, .ack = 4097, .wnd = 0)),

	/* The window that we offer. */
	CASE(shld_14_the_right_edge_never_moves_left,
		SMALL_BUFFER, TO_ESTABLISHED, IN(ACK, .len = 1000), OUT(ACK, .ack = 1001, .wnd = 3096, .by = MS(499)),
		IN(ACK, .len = 96), OUT(ACK, .ack = 1097, .wnd = 3000, .by = MS(499)), RECV(1, 50, 0), DONE(1, 50),
		IN(ACK, .len = 10), OUT(ACK, .ack = 1107, .wnd_min = 2990, .by = MS(499))),
	CASE(shld_14_data_out_of_order_does_not_move_the_edge,
		SMALL_BUFFER, TO_ESTABLISHED, IN(ACK, .seq = 1001, .len = 1000), OUT(ACK, .ack = 1, .wnd = 4096),
		IN(ACK, .seq = 2001, .len = 1000), OUT(ACK, .ack = 1, .wnd = 4096)),
	CASE(rfc9293_3_10_7_4_a_probe_of_our_zero_window_is_answered,
		FULL, IN(ACK, .seq = 4097, .len = 1), OUT(ACK, .seq = 1, .ack = 4097, .wnd = 0), RECV(1, 5000, 0), DONE(1, 4096),
		OUT(ACK, .wnd = 4096)),
	CASE(rfc9293_3_10_7_4_an_acknowledgement_is_taken_with_our_window_shut,
		FULL, SEND(1, 100, 0, .flags = SAN_ACKED), OUT(ACK, .seq = 1, .len = 100), IN(ACK, .seq = 4097, .ack = 101),
		DONE(1, 100)),
	CASE(rfc9293_3_10_7_4_an_empty_segment_beyond_our_shut_window_is_answered,
		FULL, IN(ACK, .seq = 4098, .ack = 1), OUT(ACK, .seq = 1, .ack = 4097, .wnd = 0)),
	CASE(must_66_fin_waits_while_our_window_is_shut,
		FULL, IN(FIN | ACK, .seq = 4097), OUT(ACK, .wnd = 0), RECV(1, 5000, 0), DONE(1, 4096), WAIT(MS(500)),
		IN(FIN | ACK, .seq = 4097), OUT(ACK, .ack = 4098), STATE(CLOSE_WAIT)),
	CASE(the_window_is_the_receive_buffer,
		SMALL_BUFFER, LISTEN(8), IN(SYN, PLAIN), OUT(SYN | ACK, .wnd = 4096)),
	CASE(the_window_of_a_connect_is_the_receive_buffer, SET(RCVBUF, 8192, 0), CONNECT(0), OUT(SYN, .wnd = 8192)),
	CASE(a_window_without_scale_is_65535_at_most, SET(RCVBUF, 1000000, 0, .s = LISTENER), LISTEN(8), IN(SYN, PLAIN),
		OUT(SYN | ACK, .wnd = 65535)),
	CASE(attack_h8_a_window_of_one_gigabyte_is_limited_by_congestion_control,
		LISTEN(8), ACCEPT(0), IN(SYN, .mss = 1460, .wscale = 14), OUT(SYN | ACK), IN(ACK, .wnd = 65535), DONE(0, 0),
		SEND(1, 100000, 1), OUT(ACK, .seq = 1, .len = 1460, .times = 10, .step = 1460), QUIET(MS(150))),
};

PLAY_MAIN("window", cases)
