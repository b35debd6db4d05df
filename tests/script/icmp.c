/* SPDX-License-Identifier: BSD-3-Clause */
#include "script/states.h"

#define UNREACHABLE 3
#define QUENCH 4
#define EXCEEDED 11
#define PARAMETER 12
#define FRAG 4
#define DATA_OUT SEND(9, 2920, 1), OUT(ACK, .seq = 1, .len = 1460), OUT(ACK, .seq = 1461, .len = 1460), MARK()
#define LIVES QUIET(MS(150)), STATE(ESTABLISHED), IN(ACK, .ack = 2921), QUIET(S(5))
#define CONNECTING QUIET(MS(900)), STATE(SYN_SENT), PENDING(0), IN(SYN | ACK, PLAIN), OUT(ACK, .seq = 1), DONE(0, 0)

/* ICMP errors about TCP: RFC 9293 3.9.2.2, RFC 1122 4.2.3.9, RFC 1191, RFC 5927, RFC 6633. */
static const struct play_case cases[] = {
	/* Soft errors never abort. */
	CASE(must_56_network_unreachable_does_not_abort, TO_ESTABLISHED, DATA_OUT, ICMP(UNREACHABLE, 0, .seq = 1), LIVES, COUNT(icmp_rx_error, 1)),
	CASE(must_56_host_unreachable_does_not_abort, TO_ESTABLISHED, DATA_OUT, ICMP(UNREACHABLE, 1, .seq = 1), LIVES),
	CASE(must_56_source_route_failed_does_not_abort, TO_ESTABLISHED, DATA_OUT, ICMP(UNREACHABLE, 5, .seq = 1), LIVES),
	CASE(must_56_time_exceeded_does_not_abort, TO_ESTABLISHED, DATA_OUT, ICMP(EXCEEDED, 0, .seq = 1), LIVES),
	CASE(must_56_reassembly_time_exceeded_does_not_abort, TO_ESTABLISHED, DATA_OUT, ICMP(EXCEEDED, 1, .seq = 1), LIVES),
	CASE(must_56_parameter_problem_does_not_abort, TO_ESTABLISHED, DATA_OUT, ICMP(PARAMETER, 0, .seq = 1), LIVES),
	CASE(must_56_network_unreachable_does_not_end_a_connect, TO_SYN_SENT, ICMP(UNREACHABLE, 0, .seq = 0), CONNECTING),
	CASE(must_56_host_unreachable_does_not_end_a_connect, TO_SYN_SENT, ICMP(UNREACHABLE, 1, .seq = 0), CONNECTING),
	CASE(must_56_time_exceeded_does_not_end_a_connect, TO_SYN_SENT, ICMP(EXCEEDED, 0, .seq = 0), CONNECTING),
	CASE(must_56_parameter_problem_does_not_end_a_connect, TO_SYN_SENT, ICMP(PARAMETER, 0, .seq = 0), CONNECTING),
	CASE(must_55_source_quench_is_ignored, TO_ESTABLISHED, DATA_OUT, ICMP(QUENCH, 0, .seq = 1), LIVES),
	CASE(must_55_source_quench_does_not_slow_the_sender,
		TO_ESTABLISHED, DATA_OUT, ICMP(QUENCH, 0, .seq = 1), SEND(1, 11680, 1), OUT(ACK, .seq = 2921, .len = 1460, .times = 8, .step = 1460)),

	/* Hard errors: abort in SYN-SENT, soft once established (RFC 5927 5.2). */
	CASE(shld_26_port_unreachable_ends_a_connect,
		TO_SYN_SENT, ICMP(UNREACHABLE, 3, .seq = 0), DONE(0, -ECONNREFUSED), STATE(CLOSED), QUIET(S(10))),
	CASE(shld_26_protocol_unreachable_ends_a_connect,
		TO_SYN_SENT, ICMP(UNREACHABLE, 2, .seq = 0), DONE(0, -ECONNREFUSED), STATE(CLOSED), QUIET(S(10))),
	CASE(rfc5927_5_2_port_unreachable_does_not_end_a_connection, TO_ESTABLISHED, DATA_OUT, ICMP(UNREACHABLE, 3, .seq = 1), LIVES),
	CASE(rfc5927_5_2_protocol_unreachable_does_not_end_a_connection, TO_ESTABLISHED, DATA_OUT, ICMP(UNREACHABLE, 2, .seq = 1), LIVES),
	CASE(rfc5927_5_2_port_unreachable_in_fin_wait_1,
		TO_FIN_WAIT_1, ICMP(UNREACHABLE, 3, .seq = 1), QUIET(MS(150)), STATE(FIN_WAIT_1), IN(ACK, .ack = 2), DONE(1, 0)),

	/* Which connection, RFC 5927 4. */
	CASE(must_54_an_error_about_another_port_is_ignored, TO_SYN_SENT, ICMP(UNREACHABLE, 3, .seq = 0, .other_port = 1), CONNECTING),
	CASE(rfc5927_4_1_an_error_about_a_number_never_sent_is_ignored, TO_SYN_SENT, ICMP(UNREACHABLE, 3, .seq = 1), CONNECTING),
	CASE(rfc5927_4_1_an_error_about_an_old_number_is_ignored, TO_SYN_SENT, ICMP(UNREACHABLE, 3, .seq = -1000), CONNECTING),
	CASE(rfc5927_4_1_an_mtu_for_a_number_never_sent_is_ignored,
		TO_ESTABLISHED, DATA_OUT, ICMP(UNREACHABLE, FRAG, .seq = 2921, .mtu = 1000), QUIET(MS(150)), IN(ACK, .ack = 2921), SEND(1, 1460, 1),
		OUT(ACK, .seq = 2921, .len = 1460)),
	CASE(rfc5927_4_1_an_mtu_for_what_is_acknowledged_is_ignored,
		TO_ESTABLISHED, DATA_OUT, IN(ACK, .ack = 2921), ICMP(UNREACHABLE, FRAG, .seq = 1, .mtu = 1000), SEND(1, 1460, 1),
		OUT(ACK, .seq = 2921, .len = 1460)),
	CASE(an_error_about_another_protocol_is_ignored, TO_SYN_SENT, ICMP(UNREACHABLE, 3, .seq = 0, .proto = 17), CONNECTING),
	CASE(an_error_with_a_wrong_checksum_is_dropped,
		TO_SYN_SENT, ICMP(UNREACHABLE, 3, .seq = 0, .bad_checksum = 1), COUNT(icmp_rx_bad, 1), CONNECTING),
	CASE(attack_a9_an_error_that_quotes_too_little_is_dropped,
		TO_SYN_SENT, ICMP(UNREACHABLE, 3, .seq = 0, .len = 27), COUNT(icmp_rx_bad, 1), ICMP(UNREACHABLE, 3, .seq = 0, .len = 20),
		ICMP(UNREACHABLE, 3, .seq = 0, .len = 19), ICMP(UNREACHABLE, 3, .seq = 0, .len = 1), COUNT(icmp_rx_bad, 4), CONNECTING),
	CASE(an_error_that_quotes_more_is_taken, TO_SYN_SENT, ICMP(UNREACHABLE, 3, .seq = 0, .len = 60), DONE(0, -ECONNREFUSED)),
	CASE(an_error_about_a_listener_does_nothing,
		TO_LISTEN, ICMP(UNREACHABLE, 3, .seq = 0), QUIET(S(1)), STATE(LISTEN, .s = LISTENER), PENDING(0)),
	CASE(an_error_about_a_half_open_connection_does_no_harm,
		TO_SYN_RECEIVED, ICMP(UNREACHABLE, 1, .seq = 0), QUIET(MS(900)), IN(ACK, .ack = 1), DONE(0, 0)),
	CASE(errors_in_each_state_do_no_harm,
		TO_TIME_WAIT, ICMP(UNREACHABLE, 3, .seq = 1), ICMP(UNREACHABLE, FRAG, .seq = 1, .mtu = 600), QUIET(S(1)), STATE(TIME_WAIT)),

	/* Path MTU, RFC 1191. */
	CASE(rfc1191_6_4_segments_shrink_to_the_mtu,
		TO_ESTABLISHED, DATA_OUT, ICMP(UNREACHABLE, FRAG, .seq = 1, .mtu = 1000), WAIT(0), IN(ACK, .ack = 2921), SEND(1, 1920, 1),
		OUT(ACK, .seq = 2921, .len = 960), OUT(ACK, .seq = 3881, .len = 960)),
	CASE(rfc1191_6_5_what_was_too_long_is_sent_again_shorter,
		TO_ESTABLISHED, DATA_OUT, ICMP(UNREACHABLE, FRAG, .seq = 1, .mtu = 1000), OUT(ACK, .seq = 1, .len = 960, .by = MS(300)), WAIT(0)),
	CASE(rfc1191_6_5_a_retransmission_because_of_the_mtu_is_at_once,
		TO_ESTABLISHED, DATA_OUT, ICMP(UNREACHABLE, FRAG, .seq = 1, .mtu = 1000), OUT(ACK, .seq = 1, .len = 960), WAIT(0)),
	CASE(rfc1191_3_the_mtu_never_grows_by_a_message,
		TO_ESTABLISHED, DATA_OUT, ICMP(UNREACHABLE, FRAG, .seq = 1, .mtu = 9000), QUIET(MS(150)), IN(ACK, .ack = 2921), SEND(1, 1460, 1),
		OUT(ACK, .seq = 2921, .len = 1460)),
	CASE(rfc1191_3_timestamps_are_taken_off,
		PASSIVE(WITH_TS), SEND(1, 1448, 1), OUT(ACK, .len = 1448), ICMP(UNREACHABLE, FRAG, .seq = 1, .mtu = 1000), WAIT(0), IN(ACK, .ack = 1449),
		SEND(2, 948, 1), OUT(ACK, .seq = 1449, .len = 948)),
	CASE(attack_d9_an_mtu_of_68_has_a_floor,
		TO_ESTABLISHED, DATA_OUT, ICMP(UNREACHABLE, FRAG, .seq = 1, .mtu = 68), WAIT(0), IN(ACK, .ack = 2921), SEND(1, 512, 1),
		OUT(ACK, .seq = 2921, .len = 512)),
	CASE(attack_d9_an_mtu_of_one_has_a_floor,
		TO_ESTABLISHED, DATA_OUT, ICMP(UNREACHABLE, FRAG, .seq = 1, .mtu = 1), WAIT(0), IN(ACK, .ack = 2921), SEND(1, 512, 1),
		OUT(ACK, .seq = 2921, .len = 512)),
	CASE(rfc1191_5_an_mtu_of_zero_is_guessed_and_has_a_floor,
		TO_ESTABLISHED, DATA_OUT, ICMP(UNREACHABLE, FRAG, .seq = 1, .mtu = 0), WAIT(0), IN(ACK, .ack = 2921), SEND(1, 512, 1),
		OUT(ACK, .seq = 2921, .len = 512)),
	CASE(attack_f18_do_not_fragment_stays_set_below_the_floor,
		TO_ESTABLISHED, DATA_OUT, ICMP(UNREACHABLE, FRAG, .seq = 1, .mtu = 68), WAIT(0), IN(ACK, .ack = 2921), SEND(1, 10, 1),
		OUT(ACK, .seq = 2921, .len = 10, .df = 1)),
	CASE(rfc1191_a_fragmentation_error_does_not_end_a_connect, TO_SYN_SENT, ICMP(UNREACHABLE, FRAG, .seq = 0, .mtu = 600), CONNECTING),
	CASE(rfc1191_a_path_mtu_is_kept_for_the_connection,
		TO_ESTABLISHED, DATA_OUT, ICMP(UNREACHABLE, FRAG, .seq = 1, .mtu = 1000), WAIT(0), IN(ACK, .ack = 2921), QUIET(S(60)),
		SEND(1, 960, 1), OUT(ACK, .seq = 2921, .len = 960), IN(ACK)),
};

PLAY_MAIN("icmp", cases)
