/* SPDX-License-Identifier: BSD-3-Clause */
/* Conditional accept: requests are inspected before anybody accepts them. */
#include <string.h>

#include "world.h"

static struct req *
knock(void)
{
	return post_connect(bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0), SERVER, 80);
}

/* The peer of a request that is dropped was never connected. */
static void
assert_turned_away(struct req *connect)
{
	assert_int_equal(await(connect), STATUS_CONNECTION_REFUSED);
}

/* The request of a connect has been inspected, with that answer. */
static struct req *
knock_at(struct end *l, WSK_INSPECT_ACTION answer)
{
	unsigned int before = l->count[EV_INSPECT];
	struct req *c;

	l->answer[EV_INSPECT] = answer;
	c = knock();
	UNTIL(l->count[EV_INSPECT] == before + 1);
	return c;
}

static void
decide_later(struct end *l, unsigned int n, WSK_INSPECT_ACTION action)
{
	assert_int_equal(await(post_inspect_complete(l, &l->inspect[n], action)), STATUS_SUCCESS);
}

RULES("W35 W36 W34")
static void
every_request_is_inspected_first(void)
{
	struct end *l = conditional(SERVER, 80);
	struct req *c = knock();

	assert_int_equal(await(c), STATUS_SUCCESS);
	UNTIL(l->count[EV_ACCEPT] == 1);
	assert_int_equal(l->count[EV_INSPECT], 1);
	assert_int_equal(l->call[0].event, EV_INSPECT);
	assert_int_equal(l->remote.sin_addr.s_addr, address(CLIENT, 0).sin_addr.s_addr);
	assert_int_equal(ntohs(l->remote.sin_port), port_of(c->end));
	assert_int_equal(ntohs(l->local.sin_port), 80);
	say(c->end, l->accepted[0]);
}

RULES("W35 W36")
static void
request_to_accept_gets_what_was_inspected(void)
{
	struct end *l = conditional(SERVER, 80);
	struct req *a = post_accept(l);
	struct req *c = knock();

	assert_int_equal(await(c), STATUS_SUCCESS);
	assert_int_equal(await(a), STATUS_SUCCESS);
	assert_int_equal(l->count[EV_INSPECT], 1);
	assert_int_equal(l->count[EV_ACCEPT], 0);
	say(c->end, a->made);
}

RULES("W36")
static void
rejected_request_is_dropped(void)
{
	struct end *l = conditional(SERVER, 80);
	struct req *a = post_accept(l);
	struct req *c = knock_at(l, WskInspectReject);

	assert_turned_away(c);
	world_steps(50);
	assert_int_equal(a->done, 0);
	assert_int_equal(l->count[EV_ACCEPT], 0);
	assert_int_equal(l->count[EV_ABORT], 0);
	/* The next one may do better. */
	l->answer[EV_INSPECT] = WskInspectAccept;
	c = knock();
	assert_int_equal(await(c), STATUS_SUCCESS);
	assert_int_equal(await(a), STATUS_SUCCESS);
	say(c->end, a->made);
}

RULES("W36")
static void
pending_request_is_accepted_later(void)
{
	struct end *l = conditional(SERVER, 80);
	struct req *a = post_accept(l);
	struct req *c = knock_at(l, WskInspectPend);

	world_steps(100);
	assert_int_equal(a->done, 0);
	decide_later(l, 0, WskInspectAccept);
	assert_int_equal(await(c), STATUS_SUCCESS);
	assert_int_equal(await(a), STATUS_SUCCESS);
	say(c->end, a->made);
}

RULES("W35 W36")
static void
peer_is_not_answered_before_the_decision(void)
{
	struct end *l = conditional(SERVER, 80);
	struct req *c[2];
	uint64_t sent;
	unsigned int i;

	/* The way there is known: what is sent from here on is an answer. */
	assert_int_equal(await(knock()), STATUS_SUCCESS);
	UNTIL(l->count[EV_ACCEPT] == 1);
	world_steps(100);
	sent = world_counter(SERVER, "tcp_tx");
	for (i = 0; i < 2; i++)
		c[i] = knock_at(l, WskInspectPend);
	world_steps(200);
	assert_int_equal(world_counter(SERVER, "tcp_tx"), sent);
	assert_int_equal(c[0]->done + c[1]->done, 0);
	decide_later(l, 1, WskInspectAccept);
	decide_later(l, 2, WskInspectReject);
	assert_int_equal(await(c[0]), STATUS_SUCCESS);
	assert_turned_away(c[1]);
}

RULES("W36 W32")
static void
connection_is_given_out_when_its_handshake_is_over(void)
{
	struct end *l = conditional(SERVER, 80);
	struct req *a = post_accept(l);
	struct req *c = knock_at(l, WskInspectPend);

	world_hold(CLIENT, true);
	decide_later(l, 0, WskInspectAccept);
	world_steps(100);
	assert_int_equal(a->done, 0);
	world_hold(CLIENT, false);
	assert_int_equal(await(a), STATUS_SUCCESS);
	assert_int_equal(await(c), STATUS_SUCCESS);
	say(a->made, c->end);
}

RULES("W36")
static void
pending_request_is_rejected_later(void)
{
	struct end *l = conditional(SERVER, 80);
	struct req *a = post_accept(l);
	struct req *c = knock_at(l, WskInspectPend);

	decide_later(l, 0, WskInspectReject);
	assert_turned_away(c);
	assert_int_equal(a->done, 0);
}

RULES("W36")
static void
pending_requests_are_told_apart(void)
{
	struct end *l = conditional(SERVER, 80);
	struct req *c[3];
	unsigned int i;

	for (i = 0; i < 3; i++)
		c[i] = knock_at(l, WskInspectPend);
	/* The last first, the first not at all, the second in between. */
	decide_later(l, 2, WskInspectAccept);
	UNTIL(l->count[EV_ACCEPT] == 1);
	assert_int_equal(ntohs(l->remote.sin_port), port_of(c[2]->end));
	decide_later(l, 0, WskInspectReject);
	decide_later(l, 1, WskInspectAccept);
	UNTIL(l->count[EV_ACCEPT] == 2);
	assert_int_equal(ntohs(l->remote.sin_port), port_of(c[1]->end));
	assert_turned_away(c[0]);
	say(c[2]->end, l->accepted[0]);
	say(c[1]->end, l->accepted[1]);
}

RULES("W37")
static void
accepted_request_that_is_lost_is_told(void)
{
	struct end *l = conditional(SERVER, 80);
	struct req *c = knock_at(l, WskInspectPend);

	/* A peer that has sent no more than a SYN goes without a word; it answers the SYN-ACK with a reset. */
	shut(c->end);
	world_steps(50);
	assert_int_equal(l->count[EV_ABORT], 0);
	decide_later(l, 0, WskInspectAccept);
	UNTIL(l->count[EV_ABORT] == 1);
	assert_memory_equal(&l->aborted.Key, &l->inspect[0].Key, sizeof(l->aborted.Key));
	assert_int_equal(l->aborted.SerialNumber, l->inspect[0].SerialNumber);
	assert_int_equal(l->count[EV_ACCEPT], 0);
}

RULES("W37")
static void
lost_request_is_not_established_by_accepting_it(void)
{
	struct end *l = conditional(SERVER, 80);
	struct req *a = post_accept(l);
	struct req *r;
	struct req *c = knock_at(l, WskInspectPend);

	shut(c->end);
	decide_later(l, 0, WskInspectAccept);
	UNTIL(l->count[EV_ABORT] == 1);
	r = post_inspect_complete(l, &l->inspect[0], WskInspectAccept);
	assert_int_equal(await(r), STATUS_SUCCESS);
	world_steps(100);
	assert_int_equal(a->done, 0);
	assert_int_equal(l->count[EV_ACCEPT], 0);
}

RULES("W36 W18")
static void
id_that_nobody_was_given_is_refused(void)
{
	struct end *l = conditional(SERVER, 80);
	WSK_INSPECT_ID id = { 4711, 4711 };
	struct req *c = knock_at(l, WskInspectPend);

	assert_failed(post_inspect_complete(l, &id, WskInspectAccept), STATUS_INVALID_PARAMETER);
	assert_failed(post_inspect_complete(l, NULL, WskInspectAccept), STATUS_INVALID_PARAMETER);
	assert_failed(post_inspect_complete(l, &l->inspect[0], WskInspectPend), STATUS_INVALID_PARAMETER);
	assert_failed(post_inspect_complete(bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 81), &l->inspect[0],
					    WskInspectAccept),
		      STATUS_INVALID_DEVICE_STATE);
	assert_int_equal(c->done, 0);
	/* The decision is made once. */
	decide_later(l, 0, WskInspectAccept);
	assert_failed(post_inspect_complete(l, &l->inspect[0], WskInspectReject), STATUS_INVALID_PARAMETER);
	assert_int_equal(await(c), STATUS_SUCCESS);
	UNTIL(l->count[EV_ACCEPT] == 1);
	say(c->end, l->accepted[0]);
}

RULES("W35")
static void
condition_cannot_be_set_after_bind(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct end *e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);

	assert_int_equal(set_option(l, SOL_SOCKET, SO_CONDITIONAL_ACCEPT, 1), STATUS_INVALID_DEVICE_STATE);
	enable(l, WSK_EVENT_ACCEPT);
	assert_int_equal(await(post_connect(e, SERVER, 80)), STATUS_SUCCESS);
	UNTIL(l->count[EV_ACCEPT] == 1);
	assert_int_equal(l->count[EV_INSPECT], 0);
}

RULES("W35")
static void
condition_cannot_be_taken_back_after_bind(void)
{
	struct end *l = conditional(SERVER, 80);
	struct req *c;

	assert_int_equal(set_option(l, SOL_SOCKET, SO_CONDITIONAL_ACCEPT, 0), STATUS_INVALID_DEVICE_STATE);
	c = knock();
	assert_int_equal(await(c), STATUS_SUCCESS);
	UNTIL(l->count[EV_ACCEPT] == 1);
	assert_int_equal(l->count[EV_INSPECT], 1);
}

RULES("W64 W67 S5.13")
static void
pending_requests_are_dropped_when_the_listener_is_closed(void)
{
	struct end *l = conditional(SERVER, 80);
	struct req *c[4];
	unsigned int i;

	l->answer[EV_INSPECT] = WskInspectPend;
	for (i = 0; i < 4; i++)
		c[i] = knock();
	UNTIL(l->count[EV_INSPECT] == 4);
	shut(l);
	for (i = 0; i < 4; i++)
		assert_turned_away(c[i]);
}

RULES("W75")
static void
accepted_connection_knows_its_inspection(void)
{
	struct end *l = conditional(SERVER, 80);
	WSK_INSPECT_ID id;
	SIZE_T got = 0;

	assert_int_equal(await(knock()), STATUS_SUCCESS);
	UNTIL(l->count[EV_ACCEPT] == 1);
	memset(&id, 0xff, sizeof(id));
	assert_int_equal(control(l->accepted[0], ASK(WskIoctl, SIO_WSK_QUERY_INSPECT_ID, 0, NULL, 0,
						     &id, sizeof(id), &got)),
			 STATUS_SUCCESS);
	assert_memory_equal(&id.Key, &l->inspect[0].Key, sizeof(id.Key));
	assert_int_equal(id.SerialNumber, l->inspect[0].SerialNumber);
}

RULES("W75")
static void
other_sockets_have_no_inspection(void)
{
	struct pair p = world_pair();
	WSK_INSPECT_ID id;
	unsigned int i;

	for (i = 0; i < 2; i++)
		assert_int_equal(control(p.end[i], ASK(WskIoctl, SIO_WSK_QUERY_INSPECT_ID, 0, NULL,
						       0, &id, sizeof(id), NULL)),
				 STATUS_INVALID_DEVICE_REQUEST);
	assert_int_equal(
		control(bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80),
			ASK(WskIoctl, SIO_WSK_QUERY_INSPECT_ID, 0, NULL, 0, &id, sizeof(id), NULL)),
		STATUS_INVALID_DEVICE_REQUEST);
}

static const struct CMUnitTest cases[] = {
	WORLD_CASE(every_request_is_inspected_first),
	WORLD_CASE(request_to_accept_gets_what_was_inspected),
	WORLD_CASE(rejected_request_is_dropped),
	WORLD_CASE(pending_request_is_accepted_later),
	WORLD_CASE(peer_is_not_answered_before_the_decision),
	WORLD_CASE(connection_is_given_out_when_its_handshake_is_over),
	WORLD_CASE(pending_request_is_rejected_later),
	WORLD_CASE(pending_requests_are_told_apart),
	WORLD_CASE(accepted_request_that_is_lost_is_told),
	WORLD_CASE(lost_request_is_not_established_by_accepting_it),
	WORLD_CASE(id_that_nobody_was_given_is_refused),
	WORLD_CASE(condition_cannot_be_set_after_bind),
	WORLD_CASE(condition_cannot_be_taken_back_after_bind),
	WORLD_CASE(pending_requests_are_dropped_when_the_listener_is_closed),
	WORLD_CASE(accepted_connection_knows_its_inspection),
	WORLD_CASE(other_sockets_have_no_inspection),
};

WORLD_MAIN("wsk conditional accept", cases)
