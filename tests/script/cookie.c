/* SPDX-License-Identifier: BSD-3-Clause */
#include "script/states.h"

/* The places for half-open connections of the small host are taken (c 0 and 1); the SYN of c 2 comes under pressure. */
#define PRESSED(...) \
	LISTEN(8), ACCEPT(0), IN(SYN, PLAIN), OUT(SYN | ACK, .ack = 1), IN(SYN, PLAIN, .c = 1), \
	OUT(SYN | ACK, .ack = 1, .c = 1), MARK(), \
	IN(SYN, __VA_ARGS__, .c = 2), OUT(SYN | ACK, .seq = 0, .ack = 1, .c = 2)
#define OPENED IN(ACK, .c = 2), DONE(0, 0), STATE(ESTABLISHED)
#define SMALL_CASE(...) CASE_ON(PLAY_SMALL, __VA_ARGS__)

/* SYN cookies, and what else bounds half-open connections: RFC 4987. */
static const struct play_case cases[] = {
	SMALL_CASE(rfc4987_3_6_under_pressure_a_cookie_opens_a_connection,
		PRESSED(PLAIN), COUNT(tcp_tx_cookie, 1), OPENED, COUNT(tcp_rx_cookie, 1), COUNT(tcp_accepts, 1)),
	SMALL_CASE(rfc4987_3_6_a_cookie_is_not_sent_twice, PRESSED(PLAIN), IN(RST, .seq = 1), IN(RST,
		.seq = 1, .c = 1), QUIET(S(100))),
	SMALL_CASE(rfc4987_3_6_without_pressure_no_cookie_is_sent,
		LISTEN(8), ACCEPT(0), IN(SYN, PLAIN), OUT(SYN | ACK, .ack = 1), COUNT(tcp_tx_cookie, 0),
		IN(ACK), DONE(0, 0), COUNT(tcp_rx_cookie, 0)),
	SMALL_CASE(rfc4987_3_6_without_pressure_no_cookie_is_taken,
		LISTEN(8), IN(ACK, .seq = 1, .ack = 12345), OUT(RST, .seq = 12345), COUNT(tcp_rx_cookie, 0)),
	SMALL_CASE(rfc4987_3_6_a_wrong_cookie_is_reset,
		PRESSED(PLAIN), IN(ACK, .seq = 1, .ack = 2, .c = 2), OUT(RST, .seq = 2, .c = 2),
		COUNT(tcp_rx_bad_cookie, 1), PENDING(0)),
	SMALL_CASE(rfc4987_3_6_a_cookie_of_another_sequence_number_is_reset,
		PRESSED(PLAIN), IN(ACK, .seq = 2, .ack = 1, .c = 2), OUT(RST, .seq = 1, .c = 2),
		COUNT(tcp_rx_bad_cookie, 1), PENDING(0)),
	SMALL_CASE(rfc4987_3_6_a_stale_cookie_is_reset,
		PRESSED(PLAIN), WAIT(S(900)), IN(ACK, .seq = 1, .ack = 1, .c = 2), OUT(RST, .seq = 1,
		.c = 2), PENDING(0)),
	SMALL_CASE(rfc4987_3_6_a_cookie_of_some_seconds_is_taken, PRESSED(PLAIN), QUIET(MS(900)), OPENED),
	SMALL_CASE(rfc4987_3_6_a_reset_does_not_open, PRESSED(PLAIN), IN(RST, .seq = 1, .ack = 1, .c = 2),
		QUIET(MS(500)), PENDING(0)),
	SMALL_CASE(rfc4987_3_6_a_fin_with_a_cookie_opens_and_closes,
		PRESSED(PLAIN), IN(FIN | ACK, .seq = 1, .ack = 1, .c = 2), OUT(ACK, .seq = 1, .ack = 2,
		.c = 2), DONE(0, 0), STATE(CLOSE_WAIT)),
	SMALL_CASE(rfc4987_3_6_data_with_a_cookie_is_received,
		PRESSED(PLAIN), IN(ACK, .seq = 1, .ack = 1, .len = 10, .c = 2), OUT(ACK, .ack = 11, .c = 2,
		.by = MS(499)), DONE(0, 0), RECV(1, 10, 0),
		DONE(1, 10)),
	SMALL_CASE(rfc4987_3_6_the_mss_survives,
		PRESSED(.mss = 536), OPENED, SEND(1, 1072, 1), OUT(ACK, .seq = 1, .len = 536, .c = 2),
		OUT(ACK, .seq = 537, .len = 536, .c = 2)),
	SMALL_CASE(rfc4987_3_6_an_mss_of_1460_survives, PRESSED(PLAIN), OPENED, SEND(1, 1460, 1), OUT(ACK,
		.seq = 1, .len = 1460, .c = 2)),
	SMALL_CASE(rfc4987_3_6_without_timestamps_other_options_are_not_offered,
		LISTEN(8), ACCEPT(0), IN(SYN, PLAIN), OUT(SYN | ACK, .ack = 1), IN(SYN, PLAIN, .c = 1),
		OUT(SYN | ACK, .ack = 1, .c = 1),
		IN(SYN, .mss = 1460, .wscale = 7, .sack_ok = 1, .c = 2), OUT(SYN | ACK, .no_ts = 1,
		.sack_ok = 0, .c = 2), IN(ACK, .wnd = 100, .c = 2),
		DONE(0, 0), SEND(1, 1000, 1), OUT(ACK, .seq = 1, .len = 100, .c = 2, .by = S(1))),
	SMALL_CASE(rfc4987_3_6_with_timestamps_the_window_scale_survives,
		PRESSED(.mss = 1460, .wscale = 7, .sack_ok = 1, .tsval = 0), IN(ACK, .wnd = 8, .c = 2),
		DONE(0, 0), SEND(1, 1024, 1),
		OUT(ACK, .seq = 1, .len = 1024, .c = 2)),
	SMALL_CASE(rfc4987_3_6_with_timestamps_sack_survives,
		PRESSED(.mss = 1460, .sack_ok = 1, .tsval = 0), IN(ACK, .c = 2), DONE(0, 0), IN(ACK,
		.seq = 1461, .len = 1460, .c = 2),
		OUT(ACK, .ack = 1, .sack = { { 1461, 2921 } }, .c = 2)),
	SMALL_CASE(rfc4987_3_6_half_open_connections_finish_beside_cookies,
		PRESSED(PLAIN), IN(ACK), DONE(0, 0), ACCEPT(1, .s = 1), IN(ACK, .c = 2), DONE(1, 0),
		COUNT(tcp_rx_cookie, 1)),
	SMALL_CASE(rfc4987_3_6_a_cookie_is_of_one_port, PRESSED(PLAIN), IN(ACK, .seq = 1, .ack = 1, .c = 3),
		OUT(RST, .c = 3), PENDING(0)),
	SMALL_CASE(rfc4987_3_6_the_third_acknowledgement_again_is_no_second_connection,
		PRESSED(PLAIN), OPENED, ACCEPT(1, .s = 1), IN(ACK, .seq = 1, .ack = 1, .c = 2),
		QUIET(MS(500)), PENDING(1)),
	SMALL_CASE(attack_g21_under_pressure_a_syn_costs_one_answer,
		PRESSED(PLAIN), IN(SYN, PLAIN, .seq = 0, .c = 2), OUT(SYN | ACK, .seq = 0, .ack = 1, .c = 2), OPENED),
};

PLAY_MAIN("cookie", cases)
