/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * WSPEventSelect and WSPEnumNetworkEvents.
 */
#include <string.h>

#include "sw.h"

RULES("R142")
static void
only_accept_and_connect_can_be_selected(void)
{
	static const LONG others[] = { FD_READ, FD_WRITE, FD_OOB, FD_CLOSE, FD_ACCEPT | FD_READ, FD_CONNECT | FD_CLOSE,
				       1 << 10 };
	struct sw_sock *s;
	unsigned int i;

	s = sw_bound(0, 700);
	assert_int_equal(sw_select(s, FD_ACCEPT), 0);
	assert_int_equal(sw_select(s, FD_CONNECT), 0);
	assert_int_equal(sw_select(s, FD_ACCEPT | FD_CONNECT), 0);
	assert_int_equal(sw_select(s, 0), 0);
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(sw_select(s, others[i]), WSAEINVAL);
}

RULES("R142")
static void
selection_needs_an_event_object(void)
{
	struct sw_sock *s;
	int err = 0;

	s = sw_bound(0, 700);
	assert_int_equal(sw.calls.lpWSPEventSelect(s->s, WSA_INVALID_EVENT, FD_CONNECT, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEINVAL);
	assert_int_equal(sw.calls.lpWSPEventSelect(s->s, WSA_INVALID_EVENT, 0, &err), 0);
}

RULES("R53 R142")
static void
fresh_socket_can_select(void)
{
	struct sw_sock *s;

	assert_int_equal(sw_socket(&s), 0);
	assert_int_equal(sw_select(s, FD_CONNECT), 0);
}

/* Inside SetEvent the record is there already. */
static WSANETWORKEVENTS seen;
static int seen_code;

static void
look(struct sw_event *ev)
{
	seen_code = sw_enum(ev->sock, &seen);
}

RULES("R143")
static void
event_is_recorded_before_it_is_signalled(void)
{
	struct sw_sock *c;

	net_listener(&sw.net, 1, 700, 5);
	c = sw_begin(0, 700);
	seen_code = -1;
	sw.on_event = look;
	SW_UNTIL(seen_code != -1);
	sw.on_event = NULL;
	assert_int_equal(seen_code, 0);
	assert_int_equal(seen.lNetworkEvents, FD_CONNECT);
	assert_int_equal(seen.iErrorCode[FD_CONNECT_BIT], 0);
	assert_int_equal(c->ev.nb_set, 1);
}

RULES("R143 R57")
static void
error_code_is_recorded_with_the_event(void)
{
	WSANETWORKEVENTS events;
	struct sw_sock *c;

	c = sw_begin(0, 700);
	SW_UNTIL(c->ev.set);
	memset(&events, 0x11, sizeof(events));
	assert_int_equal(sw_enum(c, &events), 0);
	assert_int_equal(events.lNetworkEvents, FD_CONNECT);
	assert_int_equal(events.iErrorCode[FD_CONNECT_BIT], WSAECONNREFUSED);
}

RULES("R144")
static void
events_are_cleared_by_the_report(void)
{
	WSANETWORKEVENTS events;
	struct sw_sock *listener = sw_listener(1, 700, 5);

	sw_begin(0, 700);
	SW_UNTIL(listener->ev.set);
	assert_int_equal(sw_enum(listener, &events), 0);
	assert_int_equal(events.lNetworkEvents, FD_ACCEPT);
	assert_false(listener->ev.set);
	assert_int_equal(sw_enum(listener, &events), 0);
	assert_int_equal(events.lNetworkEvents, 0);
}

RULES("R144 R145")
static void
report_without_an_object_resets_nothing(void)
{
	WSANETWORKEVENTS events;
	struct sw_sock *listener = sw_listener(1, 700, 5);
	int err = 0;

	sw_begin(0, 700);
	SW_UNTIL(listener->ev.set);
	assert_int_equal(sw.calls.lpWSPEnumNetworkEvents(listener->s, NULL, &events, &err), 0);
	assert_int_equal(events.lNetworkEvents, FD_ACCEPT);
	assert_true(listener->ev.set);
	assert_int_equal(listener->ev.nb_reset, 0);
}

RULES("R145")
static void
only_codes_of_events_that_are_set_are_written(void)
{
	WSANETWORKEVENTS events;
	struct sw_sock *listener = sw_listener(1, 700, 5);
	unsigned int i;
	int err = 0;

	sw_begin(0, 700);
	SW_UNTIL(listener->ev.set);
	for (i = 0; i < FD_MAX_EVENTS; i++)
		events.iErrorCode[i] = 4242;
	assert_int_equal(sw.calls.lpWSPEnumNetworkEvents(listener->s, &listener->ev, &events, &err), 0);
	for (i = 0; i < FD_MAX_EVENTS; i++)
		assert_int_equal(events.iErrorCode[i], i == FD_ACCEPT_BIT ? 0 : 4242);
}

RULES("R145")
static void
failed_report_changes_nothing(void)
{
	WSANETWORKEVENTS events;
	struct sw_sock *listener = sw_listener(1, 700, 5);
	int err = 0;

	sw_begin(0, 700);
	SW_UNTIL(listener->ev.set);
	assert_int_equal(sw.calls.lpWSPEnumNetworkEvents(listener->s, &listener->ev, NULL, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEINVAL);
	assert_true(listener->ev.set);
	assert_int_equal(sw_enum(listener, &events), 0);
	assert_int_equal(events.lNetworkEvents, FD_ACCEPT);
}

RULES("R145 R69")
static void
next_event_after_a_report_signals_again(void)
{
	WSANETWORKEVENTS events;
	struct sw_sock *listener = sw_listener(1, 700, 8);
	unsigned int i;

	for (i = 0; i < 4; i++) {
		sw_begin(0, 700);
		SW_UNTIL(listener->ev.set);
		assert_int_equal(sw_enum(listener, &events), 0);
		assert_int_equal(events.lNetworkEvents, FD_ACCEPT);
	}
	assert_int_equal(listener->ev.nb_set, 4);
}

RULES("R146")
static void
new_selection_clears_the_record(void)
{
	WSANETWORKEVENTS events;
	struct sw_sock *c;

	net_listener(&sw.net, 1, 700, 5);
	c = sw_begin(0, 700);
	SW_UNTIL(c->ev.set);
	assert_int_equal(sw_select(c, FD_ACCEPT), 0);
	assert_int_equal(sw_enum(c, &events), 0);
	assert_int_equal(events.lNetworkEvents, 0);
}

RULES("R146")
static void
selection_of_nothing_cancels(void)
{
	WSANETWORKEVENTS events;
	struct sw_sock *listener = sw_listener(1, 700, 5);

	assert_int_equal(sw_select(listener, 0), 0);
	sw_begin(0, 700);
	sw_steps(200);
	assert_int_equal(listener->ev.nb_set, 0);
	assert_int_equal(sw_enum(listener, &events), 0);
	assert_int_equal(events.lNetworkEvents, 0);
}

RULES("R146")
static void
new_object_takes_the_place_of_the_old_one(void)
{
	struct sw_sock *listener = sw_listener(1, 700, 5);
	struct sw_sock *other;
	int err = 0;

	other = sw_bound(1, 701);
	assert_int_equal(sw.calls.lpWSPEventSelect(listener->s, &other->ev, FD_ACCEPT, &err), 0);
	sw_begin(0, 700);
	SW_UNTIL(other->ev.set);
	assert_int_equal(listener->ev.nb_set, 0);
	/* The kit knows the object as the other socket's. */
	assert_int_equal(sw_select(listener, 0), 0);
}

RULES("R146 R68")
static void
selection_that_comes_late_is_signalled_at_once(void)
{
	struct sw_sock *listener, *got;

	listener = sw_bound(1, 700);
	assert_int_equal(sw_listen(listener, 5), 0);
	sw_begin(0, 700);
	sw_steps(200);
	assert_int_equal(listener->ev.nb_set, 0);
	assert_int_equal(sw_select(listener, FD_ACCEPT), 0);
	SW_UNTIL(listener->ev.set);
	assert_int_equal(sw_accept(listener, NULL, NULL, &got), 0);
}

RULES("R146 R142")
static void
event_that_is_not_selected_is_not_recorded(void)
{
	WSANETWORKEVENTS events;
	struct sockaddr_in to = sw_addr(1, 700);
	struct sw_sock *c;

	net_listener(&sw.net, 1, 700, 5);
	c = sw_bound(0, 0);
	assert_int_equal(sw_select(c, FD_ACCEPT), 0);
	assert_int_equal(sw_connect(c, &to), WSAEWOULDBLOCK);
	sw_steps(200);
	assert_int_equal(c->ev.nb_set, 0);
	assert_int_equal(sw_enum(c, &events), 0);
	assert_int_equal(events.lNetworkEvents, 0);
}

/* Data, room and ends are no events here. */
RULES("R148 R142")
static void
transfers_and_resets_signal_nothing(void)
{
	struct sw_pair pair = sw_pair(700);
	unsigned int before;

	assert_int_equal(sw_select(pair.end[1], FD_CONNECT | FD_ACCEPT), 0);
	sw_steps(20);
	before = sw.nb_signals;
	sw_transfer(pair.end[0], pair.end[1], 100000, 1);
	sw_shut_wait(pair.end[0]);
	sw_steps(100);
	assert_int_equal(sw.nb_signals, before);
}

RULES("R74 R146")
static void
accepted_socket_has_no_selection(void)
{
	WSANETWORKEVENTS events;
	struct sw_sock *listener = sw_listener(1, 700, 5);
	struct sw_pair pair;

	pair = sw_pair_to(listener, 700);
	sw_steps(100);
	assert_int_equal(pair.end[1]->ev.nb_set, 0);
	assert_int_equal(sw_enum(pair.end[1], &events), 0);
	assert_int_equal(events.lNetworkEvents, 0);
}

static const struct CMUnitTest cases[] = {
	SW_CASE(only_accept_and_connect_can_be_selected),
	SW_CASE(selection_needs_an_event_object),
	SW_CASE(fresh_socket_can_select),
	SW_CASE(event_is_recorded_before_it_is_signalled),
	SW_CASE(error_code_is_recorded_with_the_event),
	SW_CASE(events_are_cleared_by_the_report),
	SW_CASE(report_without_an_object_resets_nothing),
	SW_CASE(only_codes_of_events_that_are_set_are_written),
	SW_CASE(failed_report_changes_nothing),
	SW_CASE(next_event_after_a_report_signals_again),
	SW_CASE(new_selection_clears_the_record),
	SW_CASE(selection_of_nothing_cancels),
	SW_CASE(new_object_takes_the_place_of_the_old_one),
	SW_CASE(selection_that_comes_late_is_signalled_at_once),
	SW_CASE(event_that_is_not_selected_is_not_recorded),
	SW_CASE(transfers_and_resets_signal_nothing),
	SW_CASE(accepted_socket_has_no_selection),
};

NET_MAIN("events", cases)
