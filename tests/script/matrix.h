/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Matrix: what each state does with each event. A cell without rows fails.
 *
 * Source: RFC 9293 3.10, with RFC 5961 (resets, SYNs and acknowledgements that somebody else may have sent), RFC 1337
 *         (TIME-WAIT) and the contract of the calls in lib/san.
 * Words:  of a segment's place: OLD lies left of the receive window, NEXT begins at RCV.NXT, LATER further right in the
 *         window, OUT right of it. Of an acknowledgement: DUP is SND.UNA, OLD is below it by less than the largest
 *         window, TOO_OLD by more, BEYOND is above SND.NXT.
 */
#ifndef TESTS_SCRIPT_MATRIX_H
#define TESTS_SCRIPT_MATRIX_H

#include "script/states.h"

#define MATRIX_EVENTS(X) \
	X(SYN_OLD) X(SYN_NEXT) X(SYN_LATER) X(SYN_OUT) \
	X(SYNACK_OLD) X(SYNACK_NEXT) X(SYNACK_OUT) X(SYNACK_BEYOND) \
	X(ACK_GOOD) X(ACK_DUP) X(ACK_OLD) X(ACK_TOO_OLD) X(ACK_BEYOND) X(ACK_SEQ_OLD) X(ACK_SEQ_OUT) \
	X(DATA_NEXT) X(DATA_LATER) X(DATA_OLD) X(DATA_OUT) X(DATA_BEYOND) X(DATA_NO_ACK) \
	X(FIN_NEXT) X(FIN_LATER) X(FIN_OLD) X(FIN_OUT) X(FIN_BEYOND) X(FIN_NO_ACK) \
	X(RST_NEXT) X(RST_LATER) X(RST_OLD) X(RST_OUT) X(RSTACK_NEXT) X(NO_FLAG) \
	X(CALL_CONNECT) X(CALL_LISTEN) X(CALL_ACCEPT) X(CALL_SEND) X(CALL_RECV) X(CALL_SHUTDOWN) X(CALL_CLOSE) \
	X(CALL_CANCEL) \
	X(TIME_RTO) X(TIME_USER) X(TIME_2MSL)

enum matrix_event {
#define X(event) EV_##event,
	MATRIX_EVENTS(X)
#undef X
	NB_EVENTS,
};

struct matrix_state {
	const char *name;
	const struct play_row *reach;
	const struct play_row *cell[NB_EVENTS];
};

#define CELL(event, ...) [EV_##event] = PLAY_ROWS(__VA_ARGS__)

extern const struct matrix_state matrix_closed, matrix_listen, matrix_syn_sent, matrix_syn_received,
matrix_syn_received_active,
	matrix_established, matrix_fin_wait_1, matrix_fin_wait_2, matrix_close_wait, matrix_closing, matrix_last_ack,
	matrix_time_wait;

/* Shorter than any timer. */
#define A_WHILE QUIET(MS(150))
/* Longer than the default of the user timeout, and than 2 MSL. */
#define USER_TIME S(1000)
#define TWO_MSL_TIME S(61)

/** Dropped, and nothing is said. */
#define SILENT(state, ...) IN(__VA_ARGS__), A_WHILE, STATE(state), DROPS(1)
/** Dropped, and answered with <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>. */
#define ANSWER(state, nxt, rcv, ...) \
	IN(__VA_ARGS__), OUT(ACK, .seq = (nxt), .ack = (rcv), .len = 0), A_WHILE, STATE(state), DROPS(1)

/**
 * What all synchronized states do alike, with n = SND.NXT, u = SND.UNA, r = RCV.NXT.
 *
 * 3.10.7.4: first the sequence number, then RST (RFC 5961 3), SYN (RFC 5961 4), the ACK bit and the acknowledgement
 * (RFC 5961 5).
 */
#define SYNCHRONIZED(st, u, n, r) \
	CELL(SYNACK_OLD, ANSWER(st, n, r, SYN | ACK, .seq = (r) - 10, .ack = (n)), COUNT(tcp_tx_challenge, 1)), \
	CELL(SYNACK_NEXT, ANSWER(st, n, r, SYN | ACK, .seq = (r), .ack = (n)), COUNT(tcp_tx_challenge, 1)), \
	CELL(SYNACK_OUT, ANSWER(st, n, r, SYN | ACK, .seq = (r) + 100000, .ack = (n)), COUNT(tcp_tx_challenge, 1)), \
	CELL(SYNACK_BEYOND, ANSWER(st, n, r, SYN | ACK, .seq = (r), .ack = (n) + 1000), COUNT(tcp_tx_challenge, 1)), \
	CELL(ACK_DUP, IN(ACK, .seq = (r), .ack = (u)), A_WHILE, STATE(st), DROPS(0)), \
	CELL(ACK_OLD, IN(ACK, .seq = (r), .ack = (u) - 50), A_WHILE, STATE(st), DROPS(0)), \
	CELL(ACK_TOO_OLD, ANSWER(st, n, r, ACK, .seq = (r), .ack = (u) - 70000), COUNT(tcp_rx_drop_ack, 1)), \
	CELL(ACK_BEYOND, ANSWER(st, n, r, ACK, .seq = (r), .ack = (n) + 1), COUNT(tcp_rx_drop_ack, 1)), \
	CELL(ACK_SEQ_OLD, ANSWER(st, n, r, ACK, .seq = (r) - 1, .ack = (u))), \
	CELL(ACK_SEQ_OUT, ANSWER(st, n, r, ACK, .seq = (r) + 100000, .ack = (u))), \
	CELL(DATA_OLD, ANSWER(st, n, r, ACK, .seq = (r) - 20, .ack = (u), .len = 10)), \
	CELL(DATA_OUT, ANSWER(st, n, r, ACK, .seq = (r) + 100000, .ack = (u), .len = 10)), \
	CELL(DATA_BEYOND, ANSWER(st, n, r, ACK, .seq = (r), .ack = (n) + 1, .len = 10), COUNT(tcp_rx_drop_ack, 1)), \
	CELL(DATA_NO_ACK, SILENT(st, PSH, .seq = (r), .len = 10)), \
	CELL(FIN_OLD, ANSWER(st, n, r, FIN | ACK, .seq = (r) - 20, .ack = (u))), \
	CELL(FIN_OUT, ANSWER(st, n, r, FIN | ACK, .seq = (r) + 100000, .ack = (u))), \
	CELL(FIN_BEYOND, ANSWER(st, n, r, FIN | ACK, .seq = (r), .ack = (n) + 1), COUNT(tcp_rx_drop_ack, 1)), \
	CELL(FIN_NO_ACK, SILENT(st, FIN, .seq = (r))), \
	CELL(RST_OLD, SILENT(st, RST, .seq = (r) - 1)), \
	CELL(RST_OUT, SILENT(st, RST, .seq = (r) + 100000)), \
	CELL(NO_FLAG, SILENT(st, 0, .seq = (r))), \
	CELL(CALL_CONNECT, CONNECT(9, .want = -EISCONN), A_WHILE, STATE(st)), \
	CELL(CALL_LISTEN, CALL(PLAY_LISTEN, .arg = 8, .want = -EINVAL), A_WHILE, STATE(st)), \
	CELL(CALL_ACCEPT, ACCEPT(9, .arg = 1, .want = -EINVAL), A_WHILE, STATE(st))

/** RFC 5961 4: all SYNs alike; not TIME-WAIT. */
#define CHALLENGED_SYNS(st, n, r) \
	CELL(SYN_OLD, ANSWER(st, n, r, SYN, .seq = (r) - 10), COUNT(tcp_tx_challenge, 1)), \
	CELL(SYN_NEXT, ANSWER(st, n, r, SYN, .seq = (r)), COUNT(tcp_tx_challenge, 1), COUNT(tcp_rx_drop_syn, 1)), \
	CELL(SYN_LATER, ANSWER(st, n, r, SYN, .seq = (r) + 100), COUNT(tcp_tx_challenge, 1), \
		COUNT(tcp_rx_drop_syn, 1)), \
	CELL(SYN_OUT, ANSWER(st, n, r, SYN, .seq = (r) + 100000), COUNT(tcp_tx_challenge, 1))

/** RFC 5961 3: the exact one ends the connection and what is pending (end: DONE rows), one inside is challenged. */
#define RESETS(st, n, r, ...) \
	CELL(RST_NEXT, IN(RST, .seq = (r)), __VA_ARGS__, STATE(CLOSED), QUIET(S(5)), COUNT(tcp_rx_rst, 1)), \
	CELL(RSTACK_NEXT, IN(RST | ACK, .seq = (r), .ack = (n)), __VA_ARGS__, STATE(CLOSED), QUIET(S(5)), \
		COUNT(tcp_rx_rst, 1)), \
	CELL(RST_LATER, ANSWER(st, n, r, RST, .seq = (r) + 100), COUNT(tcp_tx_challenge, 1), \
		COUNT(tcp_rx_drop_rst, 1))

#endif
