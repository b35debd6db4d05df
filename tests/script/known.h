/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Cases that are compiled and not run. `build/tests/script/script_PROGRAM --known` runs those of a program.
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
	{ "window", "must_37_a_user_timeout_does_not_end_a_connection_whose_probes_are_answered",
	  "A user timeout that is set ends a connection although the peer acknowledges each window probe." },
	{ "window", "shld_17_data_outside_a_shrunk_window_does_not_end_the_connection",
	  "As the one before, with data that was sent before the window shrank to zero." },
	{ "options", "attack_g9_an_mss_of_one_has_a_floor", "The floor of the peer's MSS is 64 octets, not 88." },
	{ "sack", "rfc8985_7_2_an_acknowledgement_puts_the_probe_off",
	  "7.2: an ACK of new data begins the probe's time anew; the probe comes 2 SRTT after the last transmission." },
	{ "sack", "rfc2883_4_a_duplicate_below_what_is_all_acknowledged_is_counted",
	  "A D-SACK that comes when nothing is out is not looked at: tcp_rx_dsack does not move." },
	{ "matrix", "close_wait__DATA_BEYOND",
	  "Data beyond the FIN with an ACK beyond SND.NXT counts in two counters, window and ack." },
	{ "matrix", "closing__DATA_BEYOND", "Likewise." },
	{ "matrix", "last_ack__DATA_BEYOND", "Likewise." },
	{ "matrix", "time_wait__DATA_BEYOND", "Likewise." },
	{ 0 },
};

/** Not built yet: the case is of a feature that is not there. */
static const struct play_known not_built[] = {
	{ "ecn", "rfc3168_6_1_1_a_syn_ack_agrees_with_ece_alone", "A listener does not agree to ECN yet." },
	{ "ecn", "rfc3168_6_1_2_data_may_be_marked", "Likewise." },
	{ "ecn", "rfc3168_6_1_4_an_acknowledgement_may_not_be_marked", "Likewise." },
	{ "ecn", "rfc3168_6_1_5_a_retransmission_may_not_be_marked", "Likewise." },
	{ "ecn", "rfc3168_6_1_5_a_fast_retransmission_may_not_be_marked", "Likewise." },
	{ "ecn", "rfc3168_6_1_6_a_window_probe_may_not_be_marked", "Likewise." },
	{ "ecn", "rfc3168_6_1_3_a_mark_is_echoed", "Likewise." },
	{ "ecn", "rfc3168_6_1_3_a_mark_is_echoed_until_cwr", "Likewise." },
	{ "ecn", "rfc3168_6_1_3_a_mark_on_the_segment_of_the_cwr_counts", "Likewise." },
	{ "ecn", "rfc3168_6_1_3_data_carries_the_echo", "Likewise." },
	{ "ecn", "rfc3168_6_1_3_a_mark_on_data_out_of_order_is_echoed", "Likewise." },
	{ "ecn", "rfc3168_6_1_3_without_a_mark_nothing_is_echoed", "Likewise." },
	{ "ecn", "attack_h6_a_mark_outside_the_window_is_not_echoed", "Likewise." },
	{ "ecn", "rfc3168_6_1_2_an_echo_reduces_and_cwr_says_so", "Likewise." },
	{ "ecn", "rfc3168_6_1_2_an_echo_retransmits_nothing", "Likewise." },
	{ "ecn", "rfc3168_6_1_2_an_echo_reduces_once_a_window", "Likewise." },
	{ "ecn", "rfc3168_6_1_2_half_of_the_window_is_left_at_least", "Likewise." },
	{ "ecn", "rfc3168_6_1_2_cwr_is_said_after_a_loss_too", "Likewise." },
	{ "ecn", "attack_h6_an_echo_for_ever_reduces_to_a_floor_and_no_further", "Likewise." },
	{ "ecn", "attack_h6_cwr_without_a_mark_is_no_harm", "Likewise." },
	{ "ecn", "attack_h6_an_echo_with_nothing_out_is_no_harm", "Likewise." },
	{ "ecn", "rfc3168_6_1_1_a_syn_asks_with_ece_and_cwr", "There is no SAN_OPT_ECN." },
	{ "ecn", "rfc3168_6_1_1_switched_off_a_syn_ack_does_not_agree", "Likewise." },
	{ "ecn", "rfc3168_6_1_1_a_syn_ack_without_ece_does_not_agree", "Likewise." },
	{ "ecn", "rfc3168_6_1_1_a_syn_ack_that_reflects_both_bits_does_not_agree", "Likewise." },
	{ "ecn", "rfc3168_6_1_1_1_a_refused_syn_goes_again_without", "Likewise." },
	{ "ecn", "rfc3168_6_1_1_1_a_syn_that_is_not_answered_goes_again_without", "Likewise." },
	{ "ecn", "rfc3168_6_1_2_data_of_an_active_open_may_be_marked", "Likewise." },
	{ 0 },
};

#endif
