/* SPDX-License-Identifier: BSD-3-Clause */
#include "script/matrix.h"

/* Data is taken in ESTABLISHED, FIN-WAIT-1 and FIN-WAIT-2, in the same way. n = SND.NXT, u = SND.UNA. */
#define TAKES_DATA(st, u, n) \
	CELL(DATA_NEXT, RECV(9, 100, 0), IN(ACK, .seq = 1, .ack = (u), .len = 10), OUT(ACK, .seq = (n), \
		.ack = 11, .by = MS(199)), \
		DONE(9, 10), STATE(st), DROPS(0)), \
	CELL(DATA_LATER, RECV(9, 100, 0), IN(ACK, .seq = 101, .ack = (u), .len = 10), OUT(ACK, .seq = (n), \
		.ack = 1), PENDING(9), \
		STATE(st), COUNT(tcp_rx_ooo, 1), DROPS(0)), \
	CELL(FIN_LATER, IN(FIN | ACK, .seq = 101, .ack = (u)), OUT(ACK, .seq = (n), .ack = 1), STATE(st)), \
	CELL(CALL_RECV, RECV(9, 10, 0), A_WHILE, PENDING(9), STATE(st))

/* The peer's FIN has been taken: what lies beyond it is not, and is answered. */
#define TAKES_NOTHING(st, u, n) \
	CELL(DATA_NEXT, ANSWER(st, n, 2, ACK, .seq = 2, .ack = (u), .len = 10), RECV(9, 10, 0), DONE(9, 0)), \
	CELL(DATA_LATER, ANSWER(st, n, 2, ACK, .seq = 102, .ack = (u), .len = 10), RECV(9, 10, 0), DONE(9, 0)), \
	CELL(FIN_NEXT, ANSWER(st, n, 2, FIN | ACK, .seq = 2, .ack = (u))), \
	CELL(FIN_LATER, ANSWER(st, n, 2, FIN | ACK, .seq = 102, .ack = (u))), \
	CELL(CALL_RECV, RECV(9, 10, 0), DONE(9, 0), A_WHILE, STATE(st))

const struct matrix_state matrix_established = {
	"established", PLAY_ROWS(TO_ESTABLISHED), {
	SYNCHRONIZED(ESTABLISHED, 1, 1, 1),
	CHALLENGED_SYNS(ESTABLISHED, 1, 1),
	TAKES_DATA(ESTABLISHED, 1, 1),
	RESETS(ESTABLISHED, 1, 1, WAIT(0)),
	CELL(ACK_GOOD, SEND(9, 10, 0, .flags = SAN_ACKED), OUT(ACK, .seq = 1, .len = 10), IN(ACK, .seq = 1,
		.ack = 11), DONE(9, 10),
		STATE(ESTABLISHED), QUIET(S(5)), DROPS(0)),
	CELL(FIN_NEXT, RECV(9, 10, 0), IN(FIN | ACK, .seq = 1, .ack = 1), OUT(ACK, .seq = 1, .ack = 2),
		DONE(9, 0), STATE(CLOSE_WAIT)),
	CELL(CALL_SEND, SEND(9, 10, 1), OUT(ACK, .seq = 1, .len = 10), STATE(ESTABLISHED)),
	CELL(CALL_SHUTDOWN, SHUTDOWN(9, 0), OUT(FIN | ACK, .seq = 1, .ack = 1), STATE(FIN_WAIT_1), PENDING(9)),
	CELL(CALL_CLOSE, RECV(9, 10, 0), CLOSE(0), OUT(RST | ACK, .seq = 1, .ack = 1), DONE(9, -ECANCELED),
		CLOSED(0)),
	CELL(CALL_CANCEL, RECV(9, 10, 0), CANCEL(9, 0), DONE(9, -ECANCELED), CANCEL(9, -ENOENT), STATE(ESTABLISHED)),
	CELL(TIME_RTO, SEND(9, 10, 1), OUT(ACK, .seq = 1, .len = 10), OUT(ACK, .seq = 1, .len = 10,
		.by = S(1)), STATE(ESTABLISHED),
		COUNT(tcp_rto, 1)),
	CELL(TIME_USER, SEND(9, 10, 0, .flags = SAN_ACKED), WAIT(USER_TIME), DONE(9, -ETIMEDOUT),
		STATE(CLOSED), COUNT(tcp_timeout, 1)),
	CELL(TIME_2MSL, QUIET(TWO_MSL_TIME), STATE(ESTABLISHED)),
} };

/* SND.UNA 1, SND.NXT 2: the FIN is out. Operation 1 is the shutdown. */
const struct matrix_state matrix_fin_wait_1 = {
	"fin_wait_1", PLAY_ROWS(TO_FIN_WAIT_1), {
	SYNCHRONIZED(FIN_WAIT_1, 1, 2, 1),
	CHALLENGED_SYNS(FIN_WAIT_1, 2, 1),
	TAKES_DATA(FIN_WAIT_1, 1, 2),
	RESETS(FIN_WAIT_1, 2, 1, DONE(1, -ECONNRESET)),
	CELL(ACK_GOOD, IN(ACK, .seq = 1, .ack = 2), DONE(1, 0), STATE(FIN_WAIT_2), QUIET(S(5)), DROPS(0)),
	CELL(FIN_NEXT, RECV(9, 10, 0), IN(FIN | ACK, .seq = 1, .ack = 1), OUT(ACK, .seq = 2, .ack = 2),
		DONE(9, 0), PENDING(1),
		STATE(CLOSING)),
	CELL(CALL_SEND, SEND(9, 10, -EPIPE), STATE(FIN_WAIT_1)),
	CELL(CALL_SHUTDOWN, SHUTDOWN(9, -EPIPE), STATE(FIN_WAIT_1)),
	CELL(CALL_CLOSE, CLOSE(0), OUT(RST | ACK, .seq = 2, .ack = 1), DONE(1, -ECANCELED), CLOSED(0)),
	CELL(CALL_CANCEL, CANCEL(1, 0), DONE(1, -ECANCELED), STATE(FIN_WAIT_1)),
	CELL(TIME_RTO, OUT(FIN | ACK, .seq = 1, .ack = 1, .by = S(1)), STATE(FIN_WAIT_1), COUNT(tcp_rto, 1)),
	CELL(TIME_USER, WAIT(USER_TIME), DONE(1, -ETIMEDOUT), STATE(CLOSED), COUNT(tcp_timeout, 1)),
	CELL(TIME_2MSL, WAIT(TWO_MSL_TIME), STATE(FIN_WAIT_1), PENDING(1)),
} };

const struct matrix_state matrix_fin_wait_2 = {
	"fin_wait_2", PLAY_ROWS(TO_FIN_WAIT_2), {
	SYNCHRONIZED(FIN_WAIT_2, 2, 2, 1),
	CHALLENGED_SYNS(FIN_WAIT_2, 2, 1),
	TAKES_DATA(FIN_WAIT_2, 2, 2),
	RESETS(FIN_WAIT_2, 2, 1, WAIT(0)),
	CELL(ACK_GOOD, IN(ACK, .seq = 1, .ack = 2), A_WHILE, STATE(FIN_WAIT_2), DROPS(0)),
	CELL(FIN_NEXT, RECV(9, 10, 0), IN(FIN | ACK, .seq = 1, .ack = 2), OUT(ACK, .seq = 2, .ack = 2),
		DONE(9, 0), STATE(TIME_WAIT)),
	CELL(CALL_SEND, SEND(9, 10, -EPIPE), STATE(FIN_WAIT_2)),
	CELL(CALL_SHUTDOWN, SHUTDOWN(9, -EPIPE), STATE(FIN_WAIT_2)),
	CELL(CALL_CLOSE, RECV(9, 10, 0), CLOSE(0), OUT(RST | ACK, .seq = 2, .ack = 1), DONE(9, -ECANCELED),
		CLOSED(0)),
	CELL(CALL_CANCEL, RECV(9, 10, 0), CANCEL(9, 0), DONE(9, -ECANCELED), STATE(FIN_WAIT_2)),
	CELL(TIME_RTO, QUIET(S(5)), STATE(FIN_WAIT_2)),
	CELL(TIME_USER, QUIET(USER_TIME), STATE(FIN_WAIT_2)),
	CELL(TIME_2MSL, QUIET(TWO_MSL_TIME), STATE(FIN_WAIT_2)),
} };

/* RCV.NXT 2: the peer's FIN is taken. */
const struct matrix_state matrix_close_wait = {
	"close_wait", PLAY_ROWS(TO_CLOSE_WAIT), {
	SYNCHRONIZED(CLOSE_WAIT, 1, 1, 2),
	CHALLENGED_SYNS(CLOSE_WAIT, 1, 2),
	TAKES_NOTHING(CLOSE_WAIT, 1, 1),
	RESETS(CLOSE_WAIT, 1, 2, WAIT(0)),
	CELL(ACK_GOOD, SEND(9, 10, 0, .flags = SAN_ACKED), OUT(ACK, .seq = 1, .ack = 2, .len = 10), IN(ACK,
		.seq = 2, .ack = 11),
		DONE(9, 10), QUIET(S(5)), STATE(CLOSE_WAIT), DROPS(0)),
	CELL(CALL_SEND, SEND(9, 10, 1), OUT(ACK, .seq = 1, .ack = 2, .len = 10), STATE(CLOSE_WAIT)),
	CELL(CALL_SHUTDOWN, SHUTDOWN(9, 0), OUT(FIN | ACK, .seq = 1, .ack = 2), STATE(LAST_ACK), PENDING(9)),
	CELL(CALL_CLOSE, CLOSE(0), OUT(RST | ACK, .seq = 1, .ack = 2), CLOSED(0)),
	CELL(CALL_CANCEL, SEND(9, 10, 0, .flags = SAN_ACKED), OUT(ACK, .len = 10), CANCEL(9, 0), DONE(9,
		-ECANCELED), STATE(CLOSE_WAIT)),
	CELL(TIME_RTO, SEND(9, 10, 1), OUT(ACK, .seq = 1, .len = 10), OUT(ACK, .seq = 1, .len = 10,
		.by = S(1)), STATE(CLOSE_WAIT)),
	CELL(TIME_USER, SEND(9, 10, 0, .flags = SAN_ACKED), WAIT(USER_TIME), DONE(9, -ETIMEDOUT), STATE(CLOSED)),
	CELL(TIME_2MSL, QUIET(TWO_MSL_TIME), STATE(CLOSE_WAIT)),
} };

/* SND.UNA 1, SND.NXT 2, RCV.NXT 2: both FINs are out, ours is not acknowledged. */
#define BOTH_FINS(st, u) \
	SYNCHRONIZED(st, u, 2, 2), \
	TAKES_NOTHING(st, u, 2), \
	CELL(CALL_SEND, SEND(9, 10, -EPIPE), STATE(st)), \
	CELL(CALL_SHUTDOWN, SHUTDOWN(9, -EPIPE), STATE(st))
#define WAITS_FOR_ITS_ACK(st) \
	CHALLENGED_SYNS(st, 2, 2), \
	RESETS(st, 2, 2, DONE(1, -ECONNRESET)), \
	CELL(CALL_CLOSE, CLOSE(0), OUT(RST | ACK, .seq = 2, .ack = 2), DONE(1, -ECANCELED), CLOSED(0)), \
	CELL(CALL_CANCEL, CANCEL(1, 0), DONE(1, -ECANCELED), STATE(st)), \
	CELL(TIME_RTO, OUT(FIN | ACK, .seq = 1, .ack = 2, .by = S(1)), STATE(st), COUNT(tcp_rto, 1)), \
	CELL(TIME_USER, WAIT(USER_TIME), DONE(1, -ETIMEDOUT), STATE(CLOSED), COUNT(tcp_timeout, 1)), \
	CELL(TIME_2MSL, WAIT(TWO_MSL_TIME), STATE(st), PENDING(1))

const struct matrix_state matrix_closing = {
	"closing", PLAY_ROWS(TO_CLOSING), {
	BOTH_FINS(CLOSING, 1),
	WAITS_FOR_ITS_ACK(CLOSING),
	CELL(ACK_GOOD, IN(ACK, .seq = 2, .ack = 2), DONE(1, 0), STATE(TIME_WAIT), QUIET(S(5)), DROPS(0)),
} };

const struct matrix_state matrix_last_ack = {
	"last_ack", PLAY_ROWS(TO_LAST_ACK), {
	BOTH_FINS(LAST_ACK, 1),
	WAITS_FOR_ITS_ACK(LAST_ACK),
	CELL(ACK_GOOD, IN(ACK, .seq = 2, .ack = 2), DONE(1, 0), STATE(CLOSED), QUIET(S(5)), DROPS(0)),
} };

/* RFC 1337: a reset does not end it. MAY-2: a SYN right of all that was sent may begin anew. */
const struct matrix_state matrix_time_wait = {
	"time_wait", PLAY_ROWS(TO_TIME_WAIT), {
	BOTH_FINS(TIME_WAIT, 2),
	CELL(SYN_OLD, ANSWER(TIME_WAIT, 2, 2, SYN, .seq = -8)),
	CELL(SYN_NEXT, ANSWER(TIME_WAIT, 2, 2, SYN, .seq = 2)),
	CELL(SYN_LATER, IN(SYN, .seq = 102, PLAIN), OUT(SYN | ACK, .ack = 103)),
	CELL(SYN_OUT, IN(SYN, .seq = 100002, PLAIN), OUT(SYN | ACK, .ack = 100003)),
	CELL(ACK_GOOD, IN(ACK, .seq = 2, .ack = 2), A_WHILE, STATE(TIME_WAIT)),
	CELL(RST_NEXT, IN(RST, .seq = 2), WAIT(MS(1)), STATE(TIME_WAIT)),
	CELL(RSTACK_NEXT, IN(RST | ACK, .seq = 2, .ack = 2), WAIT(MS(1)), STATE(TIME_WAIT)),
	CELL(RST_LATER, IN(RST, .seq = 102), WAIT(MS(1)), STATE(TIME_WAIT)),
	CELL(CALL_CLOSE, CLOSE(0), CLOSED(0), QUIET(S(5))),
	CELL(CALL_CANCEL, CANCEL(1, -ENOENT), STATE(TIME_WAIT)),
	CELL(TIME_RTO, QUIET(S(5)), STATE(TIME_WAIT)),
	CELL(TIME_USER, QUIET(USER_TIME), STATE(CLOSED)),
	CELL(TIME_2MSL, QUIET(S(59)), STATE(TIME_WAIT), QUIET(S(2)), STATE(CLOSED)),
} };
