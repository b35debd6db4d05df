/* SPDX-License-Identifier: BSD-3-Clause */
#include "script/states.h"

/* The two bits of the IP header. */
#define NOT_ECT 0
#define ECT_1 1
#define ECT_0 2
#define CE 3

#define ACKED(n) 1 + (n) * 1460
#define SENT(n) OUT(ACK, .seq = ACKED((n) - 1), .len = 1460)
#define ECN_PASSIVE ECN_WITH(PLAIN)
#define ECN_WITH(...) \
	LISTEN(8), ACCEPT(0), IN(SYN | ECE | CWR, __VA_ARGS__), OUT(SYN | ACK | ECE, .seq = 0, .ack = 1, \
	.tos = NOT_ECT), QUIET(MS(100)), \
	IN(ACK), DONE(0, 0), MARK()
#define ECN_ACTIVE \
	SET(ECN, SAN_ECN_REQUEST, 0), CONNECT(0), OUT(SYN | ECE | CWR, .seq = 0, .tos = NOT_ECT), QUIET(MS(100)), \
	IN(SYN | ACK | ECE, PLAIN), OUT(ACK, .seq = 1, .tos = NOT_ECT), DONE(0, 0), MARK()
#define TEN_OUT SEND(1, 100000, 1), OUT(ACK, .seq = 1, .len = 1460, .tos = ECT_0, .times = 10, .step = 1460)
/* The first of ten was marked: the echo comes until the peer has the CWR. */
#define MARK_ONE_OF_TEN \
	TEN_OUT, QUIET(MS(100)), IN(ACK | ECE, .ack = ACKED(1)), WAIT(0), IN(ACK | ECE, .ack = ACKED(9)), \
	WAIT(0), IN(ACK | ECE, .ack = ACKED(10)), WAIT(0)
/* One acknowledgement answers the whole flight. */
#define ALL_OF_TEN_ECHOED \
	TEN_OUT, QUIET(MS(100)), IN(ACK | ECE, .ack = ACKED(10)), OUT(ACK | CWR, .seq = ACKED(10), .len = 1460)
#define SEVEN_GO OUT(ACK, .seq = ACKED(11), .len = 1460, .times = 6, .step = 1460), QUIET(MS(100))
#define ANSWER_WITH(flags, n) OUT(flags, .ack = (n), .tos = NOT_ECT, .by = MS(499))

/* Explicit congestion notification: RFC 3168. */
static const struct play_case cases[] = {
	/* Agreed in the handshake, 6.1.1. */
	CASE(rfc3168_6_1_1_a_syn_does_not_ask_unless_told_to, CONNECT(0), OUT(SYN, .tos = NOT_ECT)),
	CASE(rfc3168_6_1_1_a_syn_asks_with_ece_and_cwr, SET(ECN, SAN_ECN_REQUEST, 0), CONNECT(0),
		OUT(SYN | ECE | CWR, .tos = NOT_ECT)),
	CASE(rfc3168_6_1_1_a_syn_ack_agrees_with_ece_alone, LISTEN(8), IN(SYN | ECE | CWR, PLAIN),
		OUT(SYN | ACK | ECE, .tos = NOT_ECT)),
	CASE(rfc9768_3_1_2_who_asks_for_accurate_ecn_gets_the_classic_one, LISTEN(8), ACCEPT(0),
		IN(SYN | ECE | CWR | AE, PLAIN), OUT(SYN | ACK | ECE, .tos = NOT_ECT), QUIET(MS(100)),
		IN(ACK), DONE(0, 0), SEND(1, 1460, 1), OUT(ACK, .seq = 1, .len = 1460, .tos = ECT_0)),
	CASE(rfc3168_6_1_1_switched_off_a_syn_ack_does_not_agree,
		SET(ECN, SAN_ECN_OFF, 0, .s = LISTENER), LISTEN(8), IN(SYN | ECE | CWR, PLAIN),
		OUT(SYN | ACK, .tos = NOT_ECT)),
	CASE(rfc3168_6_1_1_a_syn_with_ece_alone_does_not_ask, LISTEN(8), IN(SYN | ECE, PLAIN), OUT(SYN | ACK)),
	CASE(rfc3168_6_1_1_a_syn_with_cwr_alone_does_not_ask, LISTEN(8), IN(SYN | CWR, PLAIN), OUT(SYN | ACK)),
	CASE(rfc3168_6_1_1_a_syn_ack_without_ece_does_not_agree,
		SET(ECN, SAN_ECN_REQUEST, 0), CONNECT(0), OUT(SYN | ECE | CWR), IN(SYN | ACK, PLAIN),
		OUT(ACK), DONE(0, 0), SEND(1, 100, 1),
		OUT(ACK, .len = 100, .tos = NOT_ECT)),
	CASE(rfc3168_6_1_1_a_syn_ack_that_reflects_both_bits_does_not_agree,
		SET(ECN, SAN_ECN_REQUEST, 0), CONNECT(0), OUT(SYN | ECE | CWR), IN(SYN | ACK | ECE | CWR,
		PLAIN), OUT(ACK), DONE(0, 0), SEND(1, 100, 1),
		OUT(ACK, .len = 100, .tos = NOT_ECT)),
	CASE(rfc3168_6_1_1_a_syn_ack_that_nobody_asked_for_does_not_agree,
		CONNECT(0), OUT(SYN), IN(SYN | ACK | ECE, PLAIN), OUT(ACK), DONE(0, 0), SEND(1, 100, 1),
		OUT(ACK, .len = 100, .tos = NOT_ECT)),
	CASE(rfc3168_6_1_1_1_a_refused_syn_goes_again_without,
		SET(ECN, SAN_ECN_REQUEST, 0), CONNECT(0), OUT(SYN | ECE | CWR, .seq = 0), IN(RST | ACK,
		.seq = 0, .ack = 1), OUT(SYN, .seq = 0, .by = S(1)),
		PENDING(0), IN(RST | ACK, .seq = 0, .ack = 1), DONE(0, -ECONNREFUSED)),
	CASE(rfc3168_6_1_1_1_the_timeout_runs_from_the_syn_that_goes_again,
		SET(ECN, SAN_ECN_REQUEST, 0), CONNECT(0), OUT(SYN | ECE | CWR, .seq = 0), QUIET(MS(900)),
		IN(RST | ACK, .seq = 0, .ack = 1), OUT(SYN, .seq = 0), OUT(SYN, .seq = 0, .after = S(1))),
	CASE(rfc3168_6_1_1_1_a_syn_that_is_not_answered_goes_again_without,
		SET(ECN, SAN_ECN_REQUEST, 0), CONNECT(0), OUT(SYN | ECE | CWR), OUT(SYN, .seq = 0,
		.by = S(8)), WAIT(0)),

	/* What may be marked. */
	CASE(rfc3168_6_1_2_data_may_be_marked, ECN_PASSIVE, SEND(1, 100, 1), OUT(ACK, .len = 100, .tos = ECT_0)),
	CASE(rfc3168_6_1_2_data_of_an_active_open_may_be_marked, ECN_ACTIVE, SEND(1, 100, 1), OUT(ACK,
		.len = 100, .tos = ECT_0)),
	CASE(rfc3168_6_1_4_an_acknowledgement_may_not_be_marked,
		ECN_PASSIVE, IN(ACK, .len = 100, .tos = ECT_0), ANSWER_WITH(ACK, 101)),
	CASE(rfc3168_6_1_5_a_retransmission_may_not_be_marked,
		ECN_PASSIVE, SEND(1, 100, 1), OUT(ACK, .seq = 1, .len = 100, .tos = ECT_0), OUT(ACK,
		.seq = 1, .len = 100, .tos = NOT_ECT, .by = S(1))),
	CASE(rfc3168_6_1_5_a_fast_retransmission_may_not_be_marked,
		ECN_PASSIVE, SEND(1, 14600, 1), OUT(ACK, .seq = 1, .len = 1460, .tos = ECT_0, .times = 10,
		.step = 1460), QUIET(MS(100)),
		IN(ACK, .ack = 1, .times = 3), OUT(ACK, .seq = 1, .len = 1460, .tos = NOT_ECT)),
	CASE(rfc3168_6_1_6_a_window_probe_may_not_be_marked,
		ECN_PASSIVE, IN(ACK, .wnd = 0), SEND(1, 100, 1), OUT(ACK, .tos = NOT_ECT, .by = S(2))),
	CASE(rfc3168_without_agreement_nothing_is_marked, TO_ESTABLISHED, SEND(1, 100, 1), OUT(ACK,
		.len = 100, .tos = NOT_ECT)),

	/* The receiver, 6.1.3. */
	CASE(rfc3168_6_1_3_a_mark_is_echoed,
		ECN_PASSIVE, IN(ACK, .len = 10, .tos = CE), ANSWER_WITH(ACK | ECE, 11), COUNT(tcp_rx_ce, 1)),
	CASE(rfc3168_6_1_3_a_mark_is_echoed_until_cwr,
		ECN_PASSIVE, IN(ACK, .len = 10, .tos = CE), ANSWER_WITH(ACK | ECE, 11), IN(ACK, .len = 10,
		.tos = ECT_0), ANSWER_WITH(ACK | ECE, 21),
		IN(ACK, .len = 10, .tos = ECT_1), ANSWER_WITH(ACK | ECE, 31), IN(ACK | CWR, .len = 10,
		.tos = ECT_0), ANSWER_WITH(ACK, 41),
		IN(ACK, .len = 10, .tos = ECT_0), ANSWER_WITH(ACK, 51)),
	CASE(rfc3168_6_1_3_a_mark_on_the_segment_of_the_cwr_counts,
		ECN_PASSIVE, IN(ACK, .len = 10, .tos = CE), ANSWER_WITH(ACK | ECE, 11), IN(ACK | CWR,
		.len = 10, .tos = CE), ANSWER_WITH(ACK | ECE, 21),
		IN(ACK | CWR, .len = 10, .tos = ECT_0), ANSWER_WITH(ACK, 31)),
	CASE(rfc3168_6_1_3_data_carries_the_echo,
		ECN_PASSIVE, IN(ACK, .len = 10, .tos = CE), ANSWER_WITH(ACK | ECE, 11), SEND(1, 10, 1),
		OUT(ACK | ECE, .seq = 1, .len = 10, .tos = ECT_0)),
	CASE(rfc3168_6_1_3_a_mark_on_data_out_of_order_is_echoed,
		ECN_PASSIVE, IN(ACK, .seq = 101, .len = 10, .tos = CE), OUT(ACK | ECE, .ack = 1)),
	CASE(rfc3168_6_1_3_without_a_mark_nothing_is_echoed, ECN_PASSIVE, IN(ACK, .len = 10, .tos = ECT_1),
		ANSWER_WITH(ACK, 11)),
	CASE(attack_h6_a_mark_outside_the_window_is_not_echoed,
		ECN_PASSIVE, IN(ACK, .seq = 200000, .len = 10, .tos = CE), OUT(ACK, .ack = 1)),

	/* The sender, 6.1.2. */
	CASE(rfc3168_6_1_2_an_echo_reduces_and_cwr_says_so,
		ECN_PASSIVE, TEN_OUT, QUIET(MS(100)), IN(ACK | ECE, .ack = ACKED(1)), QUIET(MS(1)),
		COUNT(tcp_rx_ece, 1), IN(ACK, .ack = ACKED(8)),
		OUT(ACK | CWR, .seq = ACKED(10), .len = 1460, .tos = ECT_0), SENT(12), WAIT(0)),
	CASE(rfc3168_6_1_2_an_echo_retransmits_nothing,
		ECN_PASSIVE, TEN_OUT, QUIET(MS(100)), IN(ACK | ECE, .ack = ACKED(1)), IN(ACK | ECE,
		.ack = ACKED(2)), WAIT(MS(50)), COUNT(tcp_tx_rexmit, 0)),
	CASE(rfc3168_6_1_2_an_echo_reduces_once_a_window,
		ECN_PASSIVE, TEN_OUT, QUIET(MS(100)), IN(ACK | ECE, .ack = ACKED(1)), WAIT(0), IN(ACK | ECE,
		.ack = ACKED(3)), WAIT(0),
		IN(ACK | ECE, .ack = ACKED(6)), WAIT(0), IN(ACK | ECE, .ack = ACKED(9)), WAIT(0),
		COUNT(tcp_rx_ece, 1)),
	CASE(rfc3168_6_1_2_an_echo_from_before_the_cwr_reduces_no_further,
		ECN_PASSIVE, MARK_ONE_OF_TEN, COUNT(tcp_rx_ece, 1)),
	CASE(rfc3168_6_1_2_with_sack_an_echo_from_before_the_cwr_reduces_no_further,
		ECN_WITH(WITH_SACK), MARK_ONE_OF_TEN, COUNT(tcp_rx_ece, 1)),
	CASE(rfc3168_6_1_2_an_echo_after_the_cwr_reduces_again,
		ECN_PASSIVE, MARK_ONE_OF_TEN, IN(ACK), WAIT(0), IN(ACK | ECE), WAIT(0), COUNT(tcp_rx_ece, 2)),
	CASE(rfc3168_6_1_2_with_sack_an_echo_after_the_cwr_reduces_again,
		ECN_WITH(WITH_SACK), MARK_ONE_OF_TEN, IN(ACK), WAIT(0), IN(ACK | ECE), WAIT(0),
		COUNT(tcp_rx_ece, 2)),
	CASE(rfc3168_6_1_2_a_loss_in_a_window_with_a_mark_is_repaired,
		ECN_PASSIVE, TEN_OUT, QUIET(MS(100)), IN(ACK | ECE, .ack = ACKED(1)), IN(ACK | ECE,
		.ack = ACKED(1), .times = 3), SENT(2), OUT(ACK | CWR, .seq = ACKED(10), .len = 1460),
		COUNT(tcp_rx_ece, 1), COUNT(tcp_tx_fast_rexmit, 1)),
	CASE(rfc3168_6_1_2_of_newrenos_window_half_is_left,
		SET(CC, SAN_CC_NEWRENO, 0, .s = LISTENER), ECN_PASSIVE, ALL_OF_TEN_ECHOED, OUT(ACK,
		.seq = ACKED(11), .len = 1460, .times = 4, .step = 1460), QUIET(MS(100))),
	CASE(rfc9438_4_6_of_cubics_window_seven_tenths_are_left,
		ECN_PASSIVE, ALL_OF_TEN_ECHOED, SEVEN_GO),
	CASE(rfc9438_4_6_with_sack_of_cubics_window_seven_tenths_are_left,
		ECN_WITH(WITH_SACK), ALL_OF_TEN_ECHOED, SEVEN_GO),
	CASE(rfc3168_6_1_2_cwr_is_said_after_a_loss_too,
		ECN_PASSIVE, TEN_OUT, QUIET(MS(100)), IN(ACK, .ack = 1), SENT(11), IN(ACK, .ack = 1), SENT(12),
		IN(ACK, .ack = 1), WAIT(0), IN(ACK, .ack = ACKED(12)),
		OUT(ACK | CWR, .len = 1460, .tos = ECT_0), WAIT(0)),
	CASE(attack_h6_an_echo_for_ever_reduces_to_a_floor_and_no_further,
		ECN_PASSIVE, SEND(1, 200000, 1), WAIT(MS(100)), IN(ACK | ECE), WAIT(MS(100)), IN(ACK | ECE),
		WAIT(MS(100)), IN(ACK | ECE), WAIT(MS(100)),
		IN(ACK | ECE), WAIT(MS(100)), IN(ACK | ECE), WAIT(MS(100)), IN(ACK | ECE), WAIT(MS(100)),
		IN(ACK | ECE), WAIT(0), IN(ACK | ECE),
		WAIT(0), STATE(ESTABLISHED), COUNT(tcp_rto, 0)),
	CASE(attack_h6_cwr_without_a_mark_is_no_harm,
		ECN_PASSIVE, IN(ACK | CWR, .len = 10, .tos = ECT_0), ANSWER_WITH(ACK, 11), IN(ACK | CWR,
		.len = 10), ANSWER_WITH(ACK, 21)),
	CASE(attack_h6_a_marked_syn_is_taken, LISTEN(8), ACCEPT(0), IN(SYN, PLAIN, .tos = CE),
		OUT(SYN | ACK), IN(ACK, .tos = CE), DONE(0, 0)),
	CASE(attack_h6_an_echo_with_nothing_out_is_no_harm,
		ECN_PASSIVE, IN(ACK | ECE, .ack = 1), WAIT(MS(1)), SEND(1, 1460, 1), WAIT(MS(1)), IN(ACK),
		STATE(ESTABLISHED)),
};

PLAY_MAIN("ecn", cases)
