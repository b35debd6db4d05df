/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Rows that bring slot 0 into a state (RFC 9293 3.3.2): no options but the MSS; the peer's window is 65535.
 *
 * Operation 0 was the accept or connect and has ended; operation 1 is the shutdown where there is one. SND.NXT and
 * RCV.NXT of the host are 1, each 2 once that side's FIN is sent.
 */
#ifndef TESTS_SCRIPT_STATES_H
#define TESTS_SCRIPT_STATES_H

#include "script/play.h"

#define TO_LISTEN LISTEN(8), ACCEPT(0), MARK()
#define TO_SYN_SENT CONNECT(0), OUT(SYN, .seq = 0), MARK()
/** From a listener: there is no socket yet, operation 0 is its accept. */
#define TO_SYN_RECEIVED LISTEN(8), ACCEPT(0), IN(SYN, PLAIN), OUT(SYN | ACK, .seq = 0, .ack = 1), MARK()
/** From a connect by simultaneous open: operation 0 is the connect. */
#define TO_SYN_RECEIVED_ACTIVE \
	CONNECT(0), OUT(SYN, .seq = 0), IN(SYN, PLAIN), OUT(SYN | ACK, .seq = 0, .ack = 1), \
	STATE(SYN_RECEIVED), MARK()
#define TO_ESTABLISHED PASSIVE(PLAIN), STATE(ESTABLISHED), MARK()
#define TO_FIN_WAIT_1 PASSIVE(PLAIN), SHUTDOWN(1, 0), OUT(FIN | ACK, .seq = 1, .ack = 1), STATE(FIN_WAIT_1), MARK()
#define TO_FIN_WAIT_2 TO_FIN_WAIT_1, IN(ACK, .seq = 1, .ack = 2), DONE(1, 0), STATE(FIN_WAIT_2), MARK()
#define TO_CLOSE_WAIT \
	PASSIVE(PLAIN), IN(FIN | ACK, .seq = 1, .ack = 1), OUT(ACK, .seq = 1, .ack = 2), STATE(CLOSE_WAIT), MARK()
#define TO_CLOSING \
	TO_FIN_WAIT_1, IN(FIN | ACK, .seq = 1, .ack = 1), OUT(ACK, .seq = 2, .ack = 2), STATE(CLOSING), MARK()
#define TO_LAST_ACK TO_CLOSE_WAIT, SHUTDOWN(1, 0), OUT(FIN | ACK, .seq = 1, .ack = 2), STATE(LAST_ACK), MARK()
#define TO_TIME_WAIT \
	TO_FIN_WAIT_2, IN(FIN | ACK, .seq = 1, .ack = 2), OUT(ACK, .seq = 2, .ack = 2), STATE(TIME_WAIT), MARK()

#endif
