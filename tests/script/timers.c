/* SPDX-License-Identifier: BSD-3-Clause */
#include "script/states.h"
#include "script/soon.h"

/* A probe ten seconds after the last segment, then each second, three in all. */
#define KEEP SET(KEEPALIVE, 1, 0), SET(KEEP_IDLE, 10000, 0), SET(KEEP_INTERVAL, 1000, 0), SET(KEEP_COUNT, 3, 0)
/* SHLD-12: without data, one below SND.NXT. n: SND.NXT, r: RCV.NXT. */
#define KEEP_PROBE(n, r, us) OUT(ACK, .seq = (n) - 1, .ack = (r), .len = 0, .after = (us))
#define NAGLE SET(NODELAY, 0, 0, .s = LISTENER)
#define HELD NAGLE, TO_ESTABLISHED, SEND(1, 10, 1), OUT(ACK, .seq = 1, .len = 10), SEND(2, 10, 1), QUIET(MS(100))
#define DUE(n) OUT(ACK, .ack = (n), .len = 0, .by = MS(499))

/* Keepalive (RFC 9293 3.8.4), and options that may be changed while connected. */
static const struct play_case cases[] = {
	CASE(must_25_keepalive_is_off, TO_ESTABLISHED, GET(KEEPALIVE, 0), QUIET(S(20000)), STATE(ESTABLISHED)),
	CASE(must_28_keepalive_waits_for_two_hours,
		TO_ESTABLISHED, SET(KEEPALIVE, 1, 0), GET(KEEP_IDLE, 7200000), QUIET(S(7199)), KEEP_PROBE(1, 1, S(1)), COUNT(tcp_tx_keepalive, 1),
		IN(ACK, .seq = 1, .ack = 1), QUIET(S(7199))),
	CASE(must_27_the_interval_can_be_set, TO_ESTABLISHED, KEEP, QUIET(MS(9990)), KEEP_PROBE(1, 1, MS(10))),
	CASE(must_24_keepalive_is_switched_for_each_connection,
		TO_ESTABLISHED, ACCEPT(7, .s = 1), IN(SYN, PLAIN, .c = 1), OUT(SYN | ACK, .c = 1), IN(ACK, .c = 1), DONE(7, 0), KEEP,
		KEEP_PROBE(1, 1, S(10)), IN(ACK, .seq = 1, .ack = 1), KEEP_PROBE(1, 1, S(10))),
	CASE(must_24_keepalive_is_inherited_from_the_listener,
		SET(KEEPALIVE, 1, 0, .s = LISTENER), SET(KEEP_IDLE, 10000, 0, .s = LISTENER), TO_ESTABLISHED, GET(KEEPALIVE, 1),
		KEEP_PROBE(1, 1, S(10))),
	CASE(must_24_keepalive_can_be_switched_off_again, TO_ESTABLISHED, KEEP, QUIET(S(5)), SET(KEEPALIVE, 0, 0), QUIET(S(100))),
	CASE(must_24_keepalive_of_an_active_open, SET(KEEPALIVE, 1, 0), SET(KEEP_IDLE, 10000, 0), ACTIVE(PLAIN), KEEP_PROBE(1, 1, S(10))),
	CASE(shld_12_the_probe_has_no_data,
		TO_ESTABLISHED, KEEP, SEND(1, 10, 1), OUT(ACK, .seq = 1, .len = 10), IN(ACK), KEEP_PROBE(11, 1, S(10))),
	CASE(must_29_a_missing_answer_is_not_death,
		TO_ESTABLISHED, KEEP, KEEP_PROBE(1, 1, S(10)), KEEP_PROBE(1, 1, S(1)), KEEP_PROBE(1, 1, S(1)), IN(ACK, .seq = 1, .ack = 1),
		STATE(ESTABLISHED), KEEP_PROBE(1, 1, S(10)), STATE(ESTABLISHED)),
	CASE(keepalive_ends_a_connection_that_never_answers,
		TO_ESTABLISHED, KEEP, RECV(1, 10, 0), KEEP_PROBE(1, 1, S(10)), KEEP_PROBE(1, 1, S(1)), KEEP_PROBE(1, 1, S(1)), PENDING(1),
		WAIT(MS(1100)), DONE(1, -ETIMEDOUT), STATE(CLOSED), COUNT(tcp_tx_keepalive, 3), COUNT(tcp_timeout, 1)),
	CASE(must_26_a_segment_that_comes_puts_the_probe_off,
		TO_ESTABLISHED, KEEP, QUIET(S(6)), IN(ACK, .len = 10), DUE(11), QUIET(MS(9500)), OUT(ACK, .seq = 0, .ack = 11, .by = MS(600))),
	CASE(must_26_nothing_is_probed_while_data_is_out,
		TO_ESTABLISHED, KEEP, SEND(1, 10, 0, .flags = SAN_ACKED), WAIT(S(100)), COUNT(tcp_tx_keepalive, 0), PENDING(1)),
	CASE(must_26_data_counts_as_an_answer,
		TO_ESTABLISHED, KEEP, KEEP_PROBE(1, 1, S(10)), IN(ACK, .len = 10), DUE(11), QUIET(S(9)), STATE(ESTABLISHED)),
	CASE(keepalive_asks_in_fin_wait_2, TO_FIN_WAIT_2, KEEP, KEEP_PROBE(2, 1, S(10)), IN(ACK), STATE(FIN_WAIT_2)),
	CASE(keepalive_asks_in_close_wait, TO_CLOSE_WAIT, KEEP, KEEP_PROBE(1, 2, S(10)), IN(ACK), STATE(CLOSE_WAIT)),
	CASE(keepalive_does_not_ask_in_time_wait, SET(KEEPALIVE, 1, 0, .s = LISTENER), SET(KEEP_IDLE, 10000, 0, .s = LISTENER), TO_TIME_WAIT,
		QUIET(S(50)), COUNT(tcp_tx_keepalive, 0)),
	CASE(a_reset_answers_a_probe, TO_ESTABLISHED, KEEP, RECV(1, 10, 0), KEEP_PROBE(1, 1, S(10)), IN(RST, .seq = 1), DONE(1, -ECONNRESET)),
	CASE(with_a_user_timeout_time_counts_and_not_probes,
		TO_ESTABLISHED, KEEP, SET(USER_TIMEOUT, 20000, 0), RECV(1, 10, 0), WAIT(MS(19500)), PENDING(1), WAIT(MS(2000)), DONE(1, -ETIMEDOUT)),
	CASE(the_peers_probe_is_answered,
		TO_ESTABLISHED, IN(ACK, .seq = 0, .ack = 1), OUT(ACK, .seq = 1, .ack = 1, .len = 0), STATE(ESTABLISHED)),
	CASE(the_peers_probe_with_an_octet_is_answered,
		TO_ESTABLISHED, RECV(1, 10, 0), IN(ACK, .seq = 0, .ack = 1, .len = 1, .fill = 'X'), OUT(ACK, .seq = 1, .ack = 1), PENDING(1)),
	CASE(values_of_keepalive_have_bounds,
		TO_ESTABLISHED, SET(KEEP_IDLE, 999, -EINVAL), SET(KEEP_INTERVAL, 999, -EINVAL), SET(KEEP_COUNT, 0, -EINVAL), SET(KEEP_COUNT, 128, -EINVAL),
		SET(KEEPALIVE, 2, -EINVAL), GET(KEEP_INTERVAL, 75000), GET(KEEP_COUNT, 9)),

	/* Traffic class and time to live. */
	CASE(must_48_the_traffic_class_can_be_set,
		SET(TOS, 0xb8, 0, .s = LISTENER), LISTEN(8), ACCEPT(0), IN(SYN, PLAIN), OUT(SYN | ACK, .tos = 0xb8), IN(ACK), DONE(0, 0),
		SEND(1, 10, 1), OUT(ACK, .len = 10, .tos = 0xb8)),
	CASE(must_48_the_traffic_class_of_an_active_open, SET(TOS, 0x20, 0), CONNECT(0), OUT(SYN, .tos = 0x20)),
	CASE(shld_21_the_traffic_class_can_be_changed,
		TO_ESTABLISHED, SEND(1, 10, 1), OUT(ACK, .len = 10, .tos = 0), SET(TOS, 0x48, 0), SEND(2, 10, 1), OUT(ACK, .seq = 11, .len = 10, .tos = 0x48),
		SHUTDOWN(3, 0), OUT(FIN | ACK, .tos = 0x48)),
	CASE(shld_22_the_bits_of_ecn_are_not_the_programs, TO_ESTABLISHED, SET(TOS, 1, -EINVAL), SET(TOS, 2, -EINVAL), SET(TOS, 256, -EINVAL)),
	CASE(must_49_the_time_to_live_can_be_set,
		SET(TTL, 5, 0, .s = LISTENER), LISTEN(8), IN(SYN, PLAIN), OUT(SYN | ACK, .ttl = 5)),
	CASE(must_49_the_time_to_live_can_be_changed,
		TO_ESTABLISHED, SET(TTL, 255, 0), SEND(1, 10, 1), OUT(ACK, .len = 10, .ttl = 255), SET(TTL, 0, -EINVAL), SET(TTL, 256, -EINVAL)),

	/* Nagle and the user timeout, changed while connected. */
	CASE(must_17_nagle_switched_off_lets_go_what_it_held, HELD, SET(NODELAY, 1, 0), OUT(ACK, .seq = 11, .len = 10)),
	CASE(must_17_nagle_can_be_switched_on,
		TO_ESTABLISHED, SET(NODELAY, 0, 0), SEND(1, 10, 1), OUT(ACK, .len = 10), SEND(2, 10, 1), QUIET(MS(150)), IN(ACK), OUT(ACK, .seq = 11)),
	CASE(must_21_the_user_timeout_can_be_set_while_data_is_out,
		TO_ESTABLISHED, SEND(1, 10, 0, .flags = SAN_ACKED), WAIT(S(5)), SET(USER_TIMEOUT, 10000, 0), WAIT(MS(4900)), PENDING(1), WAIT(MS(200)),
		DONE(1, -ETIMEDOUT)),
	CASE(must_21_the_user_timeout_can_be_made_longer,
		SET(USER_TIMEOUT, 10000, 0, .s = LISTENER), TO_ESTABLISHED, SEND(1, 10, 0, .flags = SAN_ACKED), WAIT(S(5)), SET(USER_TIMEOUT, 60000, 0),
		WAIT(S(50)), PENDING(1), WAIT(S(6)), DONE(1, -ETIMEDOUT)),
	CASE(buffers_cannot_be_set_while_connected, TO_ESTABLISHED, SET(SNDBUF, 8192, -EINVAL), SET(RCVBUF, 8192, -EINVAL)),
	CASE(what_is_read_only_cannot_be_set, TO_ESTABLISHED, SET(STATE, 1, -ENOPROTOOPT), SET(PENDING, 1, -ENOPROTOOPT)),
	CASE(a_listener_takes_no_option, TO_LISTEN, SET(NODELAY, 0, -EINVAL, .s = LISTENER)),
};

PLAY_MAIN("timers", cases)
