/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Cases that are compiled and not run. `build/tests/script/script_PROGRAM known` runs those of a program.
 */
#ifndef TESTS_SCRIPT_KNOWN_H
#define TESTS_SCRIPT_KNOWN_H

struct play_known {
	const char *program;
	const char *name;
	const char *why;
};

/** Fails today: the stack does not do what the case's requirement says. */
static const struct play_known fails_today[] = {
	{ "open", "rfc9293_3_10_7_2_fin_on_a_listener_is_dropped",
	  "3.10.7.2, fourth: what has neither RST, ACK nor SYN is dropped; it is answered with RST|ACK." },
	{ "open", "rfc9293_3_10_7_2_data_on_a_listener_is_dropped", "As the one before, with data." },
	{ "close", "may_2_a_later_syn_reopens_while_the_socket_is_open",
	  "A SYN in TIME-WAIT is neither taken nor acknowledged while the program still holds the old socket; silence." },
	{ 0 },
};

/** Not built yet: the case is of a feature that is not there. */
static const struct play_known not_built[] = {
	{ 0 },
};

#endif
