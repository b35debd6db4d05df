/* SPDX-License-Identifier: BSD-3-Clause */
#include "script/states.h"
#include "script/soon.h"

#define DUE(n) OUT(ACK, .ack = (n), .len = 0, .by = MS(499))
/* Urgent data of n octets in front of m others, all in one segment. */
#define URGENT_IN(n, m) IN(ACK | URG, .len = (n) + (m), .urg = (n))

/* Urgent data, in line: RFC 9293 3.8.5, 3.10.7.4 (sixth), RFC 6093. */
static const struct play_case cases[] = {
	/* Receiving. */
	CASE(must_30_urgent_data_is_received_in_line, TO_ESTABLISHED, RECV(1, 10, 0), URGENT_IN(10, 0),
		DUE(11), DONE(1, 10, .urg = 1)),
	CASE(must_32_a_receive_says_that_its_octets_are_urgent,
		TO_ESTABLISHED, RECV(1, 10, 0), URGENT_IN(1, 9), DUE(11), DONE(1, 10, .urg = 1), RECV(2, 10,
		0), IN(ACK, .len = 10), DUE(21),
		DONE(2, 10, .urg = -1)),
	CASE(must_32_a_receive_says_that_urgent_data_lies_ahead,
		TO_ESTABLISHED, RECV(1, 10, 0), IN(ACK | URG, .len = 10, .urg = 100), DUE(11), DONE(1, 10,
		.urg = 1), GET(URGENT, 90)),
	CASE(must_33_how_much_urgent_data_remains,
		TO_ESTABLISHED, GET(URGENT, 0), URGENT_IN(10, 5), DUE(16), GET(URGENT, 10), RECV(1, 4, 0),
		DONE(1, 4, .urg = 1), GET(URGENT, 6), RECV(2, 6, 0),
		DONE(2, 6, .urg = 1), GET(URGENT, 0), RECV(3, 5, 0), DONE(3, 5, .urg = -1)),
	CASE(must_31_urgent_data_may_be_long,
		TO_ESTABLISHED, IN(ACK | URG, .len = 1460, .urg = 5000), WAIT(MS(499)), GET(URGENT, 5000),
		IN(ACK | URG, .len = 1460, .urg = 3540),
		WAIT(MS(499)), GET(URGENT, 5000), IN(ACK | URG, .len = 1460, .urg = 2080), WAIT(MS(499)),
		IN(ACK | URG, .len = 620, .urg = 620),
		WAIT(MS(499)), RECV(1, 6000, 0), DONE(1, 5000, .urg = 1), GET(URGENT, 0)),
	CASE(must_62_the_pointer_names_the_octet_after_the_urgent_data,
		TO_ESTABLISHED, IN(ACK | URG, .len = 10, .urg = 1), DUE(11), GET(URGENT, 1)),
	CASE(rfc9293_3_8_5_without_urg_the_pointer_means_nothing,
		TO_ESTABLISHED, IN(ACK, .len = 10, .urg = 10), DUE(11), GET(URGENT, 0)),
	CASE(rfc9293_3_10_7_4_the_pointer_does_not_move_back,
		TO_ESTABLISHED, IN(ACK | URG, .len = 10, .urg = 100), DUE(11), GET(URGENT, 100),
		IN(ACK | URG, .len = 10, .urg = 5), DUE(21), GET(URGENT, 100)),
	CASE(attack_e6_a_pointer_of_zero_is_no_urgent_data,
		TO_ESTABLISHED, RECV(1, 10, 0), IN(ACK | URG, .len = 10, .urg = 0), DUE(11), DONE(1, 10),
		GET(URGENT, 0)),
	CASE(must_66_urg_is_taken_while_our_window_is_shut,
		SET(RCVBUF, 4096, 0, .s = LISTENER), TO_ESTABLISHED, IN(ACK, .len = 1460), WAIT(MS(499)),
		IN(ACK, .len = 1460), WAIT(MS(499)),
		IN(ACK, .len = 1176), OUT(ACK, .ack = 4097, .wnd = 0, .by = MS(499)), IN(ACK | URG,
		.seq = 4097, .urg = 10), WAIT(MS(1)), GET(URGENT, 4106)),
	CASE(attack_e7_urg_on_a_syn_ack_is_not_taken,
		CONNECT(0), OUT(SYN), IN(SYN | ACK | URG, .ack = 1, .urg = 100, PLAIN), OUT(ACK), DONE(0,
		0), GET(URGENT, 0)),
	CASE(attack_e7_urg_on_a_syn_is_not_taken,
		LISTEN(8), ACCEPT(0), IN(SYN | URG, .urg = 100, PLAIN), OUT(SYN | ACK), IN(ACK), DONE(0, 0),
		GET(URGENT, 0)),
	CASE(attack_e7_urgent_data_crosses_the_wrap,
		ISS(0xfffffff0), TO_ESTABLISHED, IN(ACK | URG, .len = 30, .urg = 30), DUE(31), GET(URGENT,
		30), RECV(1, 20, 0), DONE(1, 20, .urg = 1),
		GET(URGENT, 10)),
	CASE(attack_e6_urg_after_the_fin_is_ignored,
		TO_CLOSE_WAIT, IN(ACK | URG, .seq = 2, .ack = 1, .urg = 100), WAIT(MS(1)), GET(URGENT, 0),
		STATE(CLOSE_WAIT)),
	CASE(attack_e6_urg_outside_the_window_is_not_taken,
		TO_ESTABLISHED, IN(ACK | URG, .seq = 200000, .ack = 1, .urg = 100), OUT(ACK), GET(URGENT, 0)),

	/* Sending. */
	CASE(must_30_urgent_data_is_sent_with_a_pointer,
		TO_ESTABLISHED, SEND(1, 10, 1, .flags = SAN_URGENT), OUT(ACK | URG, .seq = 1, .len = 10, .urg = 10)),
	CASE(must_62_the_pointer_is_relative_to_each_segment,
		TO_ESTABLISHED, SEND(1, 4000, 1, .flags = SAN_URGENT), OUT(ACK | URG, .seq = 1, .len = 1460,
		.urg = 4000),
		OUT(ACK | URG, .seq = 1461, .len = 1460, .urg = 2540), OUT(ACK | URG, .seq = 2921,
		.len = 1080, .urg = 1080)),
	CASE(rfc9293_3_8_5_what_follows_urgent_data_is_not_urgent,
		TO_ESTABLISHED, SEND(1, 10, 1, .flags = SAN_URGENT), OUT(ACK | URG, .seq = 1, .urg = 10),
		IN(ACK), SEND(2, 10, 1), OUT(ACK, .seq = 11, .len = 10)),
	CASE(rfc9293_3_8_5_a_retransmission_is_urgent_too,
		TO_ESTABLISHED, SEND(1, 10, 1, .flags = SAN_URGENT), OUT(ACK | URG, .seq = 1, .urg = 10),
		OUT(ACK | URG, .seq = 1, .len = 10, .urg = 10, .by = S(1))),
	CASE(rfc9293_3_9_1_2_urgent_data_in_front_is_announced_at_once,
		LISTEN(8), ACCEPT(0), IN(SYN, PLAIN, .wnd = 1460), OUT(SYN | ACK), IN(ACK), DONE(0, 0),
		SEND(1, 1460, 1), OUT(ACK, .seq = 1, .len = 1460),
		SEND(2, 10, 1, .flags = SAN_URGENT), OUT(ACK | URG, .seq = 1461, .len = 0, .urg = 10)),
};

PLAY_MAIN("urgent", cases)
