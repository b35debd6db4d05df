/* SPDX-License-Identifier: BSD-3-Clause */
#include "script/states.h"

#define STILL_WORKS \
	STATE(ESTABLISHED), RECV(8, 10, 0), IN(ACK, .seq = 1, .ack = 1, .len = 10), OUT(ACK, .ack = 11, .by = MS(499)), DONE(8, 10)
#define NEIGHBOUR ACCEPT(7, .s = 1), IN(SYN, PLAIN, .c = 1), OUT(SYN | ACK, .c = 1), IN(ACK, .c = 1), DONE(7, 0), MARK()
#define NEIGHBOUR_WORKS \
	RECV(7, 10, 0, .s = 1), IN(ACK, .len = 10, .c = 1), OUT(ACK, .ack = 11, .c = 1, .by = MS(499)), DONE(7, 10), \
	SEND(6, 10, 1, .s = 1), OUT(ACK, .seq = 1, .len = 10, .c = 1), IN(ACK, .c = 1)
#define CUT_SHORT(n) IN(ACK, .seq = 1, .ack = 1, .len = 10, .cut = (n))
#define FLAGS_OF(f) IN(f, .seq = 1, .ack = 1), WAIT(MS(1)), STATE(ESTABLISHED)

/* Segments that are not what they say: lengths, flags, urgent pointers; and what they may cost. */
static const struct play_case cases[] = {
	/* Lengths. */
	CASE(attack_a6_a_data_offset_of_zero_is_dropped,
		TO_ESTABLISHED, IN(ACK, .seq = 1, .len = 10, .doff = -1), QUIET(S(1)), COUNT(tcp_rx_bad_header, 1), STILL_WORKS),
	CASE(attack_a6_a_data_offset_of_one_to_four_is_dropped,
		TO_ESTABLISHED, IN(ACK, .seq = 1, .len = 10, .doff = 1), IN(ACK, .seq = 1, .len = 10, .doff = 2), IN(ACK, .seq = 1, .len = 10, .doff = 3),
		IN(ACK, .seq = 1, .len = 10, .doff = 4), QUIET(S(1)), COUNT(tcp_rx_bad_header, 4), STILL_WORKS),
	CASE(attack_a6_a_data_offset_beyond_the_segment_is_dropped,
		TO_ESTABLISHED, IN(ACK, .seq = 1, .len = 10, .doff = 15), QUIET(S(1)), COUNT(tcp_rx_bad_header, 1), STILL_WORKS),
	CASE(attack_a6_a_syn_with_a_bad_data_offset_is_dropped_without_a_reset,
		LISTEN(8), IN(SYN, .doff = 4), IN(SYN, .doff = -1), IN(SYN, .doff = 15), QUIET(S(1)), COUNT(tcp_rx_bad_header, 3), COUNT(tcp_tx_rst, 0)),
	CASE(attack_a6_a_bad_data_offset_to_a_closed_port_is_not_reset,
		IN(ACK, .ack = 5, .doff = 4), QUIET(S(1)), COUNT(tcp_rx_bad_header, 1), COUNT(tcp_tx_rst, 0)),
	CASE(attack_a7_a_segment_cut_in_its_header_is_dropped,
		TO_ESTABLISHED, CUT_SHORT(1), CUT_SHORT(2), CUT_SHORT(3), CUT_SHORT(4), CUT_SHORT(5), CUT_SHORT(6), CUT_SHORT(7), CUT_SHORT(8), CUT_SHORT(9),
		CUT_SHORT(10), CUT_SHORT(11), CUT_SHORT(12), CUT_SHORT(13), CUT_SHORT(14), CUT_SHORT(15), CUT_SHORT(16), CUT_SHORT(17), CUT_SHORT(18),
		CUT_SHORT(19), QUIET(S(1)), DROPS(19), STILL_WORKS),
	CASE(attack_a7_a_syn_cut_in_its_options_is_dropped,
		LISTEN(8), IN(SYN, PLAIN, .cut = 20), IN(SYN, PLAIN, .cut = 21), IN(SYN, PLAIN, .cut = 23), QUIET(S(1)), DROPS(3)),

	/* Flags. */
	CASE(attack_e9_syn_and_fin_on_a_listener_opens_or_is_dropped,
		LISTEN(8), IN(SYN | FIN, PLAIN), WAIT(MS(1)), STATE(LISTEN, .s = LISTENER), COUNT(tcp_tx_rst, 0)),
	CASE(attack_e9_syn_and_rst_on_a_listener_is_dropped, LISTEN(8), IN(SYN | RST, PLAIN), QUIET(S(1)), STATE(LISTEN, .s = LISTENER)),
	CASE(attack_e9_all_flags_on_a_listener_are_a_reset_and_dropped,
		LISTEN(8), IN(FIN | SYN | RST | PSH | ACK | URG | ECE | CWR, PLAIN), QUIET(S(1)), STATE(LISTEN, .s = LISTENER)),
	CASE(attack_e9_all_flags_on_a_connection_are_a_reset,
		TO_ESTABLISHED, IN(FIN | SYN | RST | PSH | ACK | URG | ECE | CWR, .seq = 1, .ack = 1), STATE(CLOSED), COUNT(tcp_rx_rst, 1)),
	CASE(attack_e9_syn_and_fin_on_a_connection_is_challenged,
		TO_ESTABLISHED, IN(SYN | FIN, .seq = 1), OUT(ACK, .seq = 1, .ack = 1), STILL_WORKS),
	CASE(attack_e9_syn_and_rst_in_window_is_challenged,
		TO_ESTABLISHED, IN(SYN | RST, .seq = 100), OUT(ACK, .seq = 1, .ack = 1), STILL_WORKS),
	CASE(attack_e9_flags_that_say_nothing_do_nothing,
		TO_ESTABLISHED, FLAGS_OF(0), FLAGS_OF(PSH), FLAGS_OF(URG), FLAGS_OF(ECE), FLAGS_OF(CWR), FLAGS_OF(PSH | URG), FLAGS_OF(ECE | CWR),
		FLAGS_OF(PSH | URG | ECE | CWR), FLAGS_OF(FIN), FLAGS_OF(FIN | PSH), FLAGS_OF(FIN | URG | PSH), FLAGS_OF(ACK | ECE), FLAGS_OF(ACK | CWR),
		FLAGS_OF(ACK | PSH), FLAGS_OF(ACK | ECE | CWR), STILL_WORKS),
	CASE(rfc9293_3_1_reserved_bits_are_ignored,
		LISTEN(8), ACCEPT(0), IN(SYN, PLAIN, .reserved = 0x0e), OUT(SYN | ACK), IN(ACK, .reserved = 0x0e), DONE(0, 0), STILL_WORKS),
	CASE(attack_e11_port_zero_is_dropped,
		LISTEN(8), IN(SYN, .port_zero = 1), IN(SYN, .port_zero = 2), QUIET(S(1)), COUNT(tcp_rx_bad_header, 2), COUNT(tcp_tx_rst, 0)),
	CASE(attack_e12_data_in_a_reset_is_not_delivered,
		TO_ESTABLISHED, RECV(1, 10, 0), IN(RST | ACK, .seq = 1, .ack = 1, .len = 10), DONE(1, -ECONNRESET), STATE(CLOSED)),
	CASE(another_port_of_the_host_is_not_this_one,
		LISTEN(8), IN(SYN, PLAIN, .other_port = 1), OUT(RST | ACK, .ack = 1, .other_port = 1), STATE(LISTEN, .s = LISTENER)),

	/* Urgent pointers that lie; the octets stay in line. */
	CASE(attack_e6_an_urgent_pointer_of_zero_is_no_harm,
		TO_ESTABLISHED, RECV(1, 10, 0), IN(ACK | URG, .len = 10, .urg = 0), OUT(ACK, .ack = 11, .by = MS(499)), DONE(1, 10), STATE(ESTABLISHED)),
	CASE(attack_e6_an_urgent_pointer_past_the_data_is_no_harm,
		TO_ESTABLISHED, RECV(1, 10, 0), IN(ACK | URG, .len = 10, .urg = 1000), OUT(ACK, .ack = 11, .by = MS(499)), DONE(1, 10), RECV(2, 10, 0),
		IN(ACK, .len = 10), OUT(ACK, .ack = 21, .by = MS(499)), DONE(2, 10)),
	CASE(attack_e6_an_urgent_pointer_past_the_window_is_no_harm,
		TO_ESTABLISHED, RECV(1, 10, 0), IN(ACK | URG, .len = 10, .urg = 65535), OUT(ACK, .ack = 11, .by = MS(499)), DONE(1, 10)),
	CASE(attack_e6_urg_without_data_is_no_harm,
		TO_ESTABLISHED, IN(ACK | URG, .seq = 1, .ack = 1, .urg = 5), WAIT(MS(1)), STILL_WORKS),
	CASE(attack_e6_urg_on_a_syn_is_no_harm,
		LISTEN(8), ACCEPT(0), IN(SYN | URG, PLAIN, .urg = 7), OUT(SYN | ACK), IN(ACK), DONE(0, 0), STILL_WORKS),
	CASE(attack_e6_urg_on_a_fin_is_no_harm,
		TO_ESTABLISHED, IN(FIN | ACK | URG, .seq = 1, .urg = 1), OUT(ACK, .ack = 2), STATE(CLOSE_WAIT), RECV(1, 10, 0), DONE(1, 0)),
	CASE(attack_e6_an_urgent_pointer_that_moves_back_is_no_harm,
		TO_ESTABLISHED, RECV(1, 20, 0, .flags = SAN_WAITALL), IN(ACK | URG, .len = 10, .urg = 100), WAIT(MS(499)),
		IN(ACK | URG, .len = 10, .urg = 1), OUT(ACK, .ack = 21, .by = MS(499)), DONE(1, 20)),
	CASE(attack_e8_each_receive_makes_progress_beside_urgent_data,
		TO_ESTABLISHED, IN(ACK | URG, .len = 3, .urg = 2), OUT(ACK, .ack = 4, .by = MS(499)), RECV(1, 1, 0), DONE(1, 1), RECV(2, 1, 0), DONE(2, 1),
		RECV(3, 1, 0), DONE(3, 1)),

	/* Cost. */
	CASE(attack_g6_octets_out_of_order_do_not_disturb_a_neighbour,
		TO_ESTABLISHED, NEIGHBOUR, IN(ACK, .seq = 3, .ack = 1, .len = 1, .step = 2, .times = 3000, .burst = 0), WAIT(MS(1)),
		STATE(ESTABLISHED), NEIGHBOUR_WORKS),
	CASE(attack_g6_octets_out_of_order_from_the_far_end_do_not_disturb_a_neighbour,
		TO_ESTABLISHED, NEIGHBOUR, IN(ACK, .seq = 60000, .ack = 1, .len = 1, .step = -2, .times = 3000), WAIT(MS(1)),
		STATE(ESTABLISHED), NEIGHBOUR_WORKS),
	CASE(attack_g6_what_was_dropped_out_of_order_is_taken_when_it_comes_again,
		TO_ESTABLISHED, IN(ACK, .seq = 3, .ack = 1, .len = 1, .step = 2, .times = 2000), WAIT(MS(1)), RECV(1, 4380, 0, .flags = SAN_WAITALL),
		IN(ACK, .seq = 1, .len = 1460), WAIT(MS(1)), IN(ACK, .seq = 1461, .len = 1460), WAIT(MS(1)), IN(ACK, .seq = 2921, .len = 1460),
		WAIT(MS(1)), DONE(1, 4380)),
	CASE(attack_g15_single_octets_that_nobody_reads_do_not_disturb_a_neighbour,
		TO_ESTABLISHED, NEIGHBOUR, IN(ACK, .seq = 1, .ack = 1, .len = 1, .step = 1, .times = 4000), WAIT(MS(500)), STATE(ESTABLISHED),
		NEIGHBOUR_WORKS, RECV(1, 4000, 0, .flags = SAN_WAITALL), DONE(1, 4000)),
	CASE(attack_g14_an_octet_at_the_far_edge_is_kept_or_dropped,
		TO_ESTABLISHED, IN(ACK, .seq = 65535, .ack = 1, .len = 1), OUT(ACK, .ack = 1), STILL_WORKS, WAIT(0)),
	CASE(attack_g5_a_peer_that_shuts_its_window_costs_only_itself,
		TO_ESTABLISHED, NEIGHBOUR, IN(ACK, .seq = 1, .ack = 1, .wnd = 0), SEND(1, 100000, 1), WAIT(S(100)), NEIGHBOUR_WORKS),
	CASE(attack_g11_a_window_shut_for_ever_ends_by_the_user_timeout,
		SET(USER_TIMEOUT, 60000, 0, .s = LISTENER), TO_ESTABLISHED, IN(ACK, .seq = 1, .ack = 1, .wnd = 0), SEND(1, 100, 0, .flags = SAN_ACKED),
		WAIT(S(200)), DONE(1, -ETIMEDOUT), STATE(CLOSED)),
	CASE(attack_g12_a_closed_socket_in_fin_wait_2_is_gone_at_once,
		TO_FIN_WAIT_2, CLOSE(0), OUT(RST | ACK, .seq = 2, .ack = 1), CLOSED(0), OUT(RST | ACK, .by = S(3)), QUIET(S(100))),
	CASE(attack_g12_last_ack_ends_by_the_limit_of_retransmissions,
		TO_LAST_ACK, WAIT(S(1000)), DONE(1, -ETIMEDOUT), STATE(CLOSED), QUIET(S(100))),
	CASE(attack_h6_ecn_echo_without_ecn_is_ignored,
		TO_ESTABLISHED, SEND(1, 100000, 1), OUT(ACK, .seq = 1, .len = 1460, .times = 10, .step = 1460),
		IN(ACK | ECE, .ack = 1461), OUT(ACK, .seq = 14601, .len = 1460), OUT(ACK, .seq = 16061, .len = 1460)),
	CASE(attack_h6_congestion_marks_without_ecn_are_ignored,
		TO_ESTABLISHED, RECV(1, 10, 0), IN(ACK, .len = 10, .tos = 3), OUT(ACK, .ack = 11, .by = MS(499)), DONE(1, 10)),
	CASE(attack_f6_a_connect_to_itself_ends, CONNECT(0, .arg = TO_ITSELF), WAIT(S(200)), WAIT(0), DONE(0, -ENETUNREACH)),
};

PLAY_MAIN("attack", cases)
