/* SPDX-License-Identifier: BSD-3-Clause */
/* WskCloseSocket and callbacks: closed from inside one, and what is heard of a socket between the call and its end. */
#include <stdlib.h>
#include <string.h>

#include "world.h"

static uint8_t buf[65536];

/* Close from inside the callback that a case is about, once. */
static enum event close_in;
static unsigned int done_inside;

static void
close_inside(struct end *e, struct call *c)
{
	if (c->event != close_in || e->closing)
		return;
	post_close(e);
	done_inside = e->closing->done;
}

static void
begin(struct end *e, enum event ev)
{
	close_in = ev;
	done_inside = 99;
	e->hook = close_inside;
}

/* The close was called inside, was not over inside, ended well afterwards, and nothing was heard since. */
static void
assert_closed_inside(struct end *e, enum event ev)
{
	unsigned int calls;

	UNTIL(e->closing && e->closing->done);
	assert_int_equal(e->count[ev], 1);
	assert_int_equal(done_inside, 0);
	assert_int_equal(e->closing->status, STATUS_SUCCESS);
	assert_true(e->returned < e->closing->when);
	calls = e->nb_calls;
	world_steps(200);
	assert_int_equal(e->nb_calls, calls);
	assert_int_equal(e->closing->done, 1);
}

RULES("W22 W65 S5.14")
static void
close_inside_the_receive_callback_ends_after_it(void)
{
	struct pair p = world_pair();

	begin(p.end[CLIENT], EV_RECEIVE);
	enable(p.end[CLIENT], WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT);
	post_send(p.end[SERVER], buf, 20000, 0);
	assert_closed_inside(p.end[CLIENT], EV_RECEIVE);
}

RULES("W22 W65 S5.14")
static void
close_inside_the_disconnect_callback_ends_after_it(void)
{
	struct pair p = world_pair();

	begin(p.end[CLIENT], EV_DISCONNECT);
	enable(p.end[CLIENT], WSK_EVENT_DISCONNECT);
	post_disconnect(p.end[SERVER], NULL, 0, 0);
	assert_closed_inside(p.end[CLIENT], EV_DISCONNECT);
}

RULES("W22 W65 S5.14")
static void
close_inside_the_callback_of_a_reset_ends_after_it(void)
{
	struct pair p = world_pair();

	begin(p.end[CLIENT], EV_DISCONNECT);
	enable(p.end[CLIENT], WSK_EVENT_DISCONNECT);
	post_close(p.end[SERVER]);
	assert_closed_inside(p.end[CLIENT], EV_DISCONNECT);
	assert_int_equal(p.end[CLIENT]->call[0].flags & WSK_FLAG_ABORTIVE, WSK_FLAG_ABORTIVE);
}

RULES("W22 W65 S5.14")
static void
close_of_the_listener_inside_the_accept_callback_ends_after_it(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct end *e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);

	begin(l, EV_ACCEPT);
	enable(l, WSK_EVENT_ACCEPT);
	post_connect(e, SERVER, 80);
	assert_closed_inside(l, EV_ACCEPT);
	/* What the callback had taken is not the listener's any more. */
	assert_non_null(l->accepted[0]);
	assert_int_equal(await(post_send(l->accepted[0], "here", 4, 0)), STATUS_SUCCESS);
	assert_int_equal(await(post_receive(e, buf, sizeof(buf), 0)), STATUS_SUCCESS);
}

RULES("W22 W65 S5.14")
static void
close_inside_the_inspect_callback_ends_after_it(void)
{
	struct end *l = conditional(SERVER, 80);
	struct end *e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);
	struct req *r;

	begin(l, EV_INSPECT);
	r = post_connect(e, SERVER, 80);
	assert_closed_inside(l, EV_INSPECT);
	/* Nobody took it: the peer, who was not answered yet, is refused. */
	assert_failed(r, STATUS_CONNECTION_REFUSED);
}

static void
close_of_arg(struct req *r)
{
	post_close(r->arg);
}

RULES("W21 W65 S5.14")
static void
socket_may_be_closed_when_its_request_ends(void)
{
	struct pair p = world_pair();
	struct req *r = post_receive(p.end[CLIENT], buf, sizeof(buf), 0);

	r->then = close_of_arg;
	r->arg = p.end[CLIENT];
	post_send(p.end[SERVER], "now", 3, 0);
	UNTIL(p.end[CLIENT]->closing && p.end[CLIENT]->closing->done);
	assert_int_equal(p.end[CLIENT]->closing->status, STATUS_SUCCESS);
	assert_int_equal(r->done, 1);
	assert_true(r->when < p.end[CLIENT]->closing->when);
}

RULES("W65 S5.14")
static void
nothing_is_heard_of_a_socket_whose_close_has_ended(void)
{
	struct pair p = world_pair();
	struct end *e = p.end[CLIENT];
	unsigned int calls;
	unsigned int i;

	enable(e, WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT | WSK_EVENT_SEND_BACKLOG);
	e->take = SIZE_MAX;
	for (i = 0; i < 50; i++)
		post_send(p.end[SERVER], buf, 3000, 0);
	UNTIL(e->count[EV_RECEIVE] > 2);
	assert_int_equal(await(post_close(e)), STATUS_SUCCESS);
	assert_true(e->returned < e->closing->when);
	calls = e->nb_calls;
	world_steps(300);
	assert_int_equal(e->nb_calls, calls);
}

RULES("W65 S5.14 S5.21")
static void
closed_listener_calls_nobody(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct end *e[8];
	unsigned int i;

	enable(l, WSK_EVENT_ACCEPT);
	for (i = 0; i < 8; i++) {
		e[i] = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);
		post_connect(e[i], SERVER, 80);
	}
	assert_int_equal(await(post_close(l)), STATUS_SUCCESS);
	i = l->nb_calls;
	assert_true(l->nb_calls == 0 || l->returned < l->closing->when);
	world_steps(300);
	assert_int_equal(l->nb_calls, i);
}

static void
free_context(struct req *r)
{
	if (r->status != STATUS_SUCCESS)
		world_wrong("the close failed");
	end_free(r->arg);
	r->end = NULL;
}

RULES("W71 S5.1 S5.19")
static void
context_may_be_freed_when_the_close_ends(void)
{
	struct pair p = world_pair();
	struct end *e = p.end[CLIENT];
	struct req *c;

	enable(e, WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT);
	e->take = SIZE_MAX;
	post_send(p.end[SERVER], buf, sizeof(buf), 0);
	UNTIL(e->count[EV_RECEIVE] > 0);
	c = post_close_then(e, free_context, e);
	await(c);
	world_steps(300);
}

RULES("W68 W46 W50")
static void
kept_indication_is_the_programs_until_it_is_released(void)
{
	struct pair p = world_pair();
	struct end *e = p.end[CLIENT];

	e->keep = true;
	enable(e, WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT);
	post_send(p.end[SERVER], "kept", 4, 0);
	UNTIL(e->nb_kept > 0);
	/* Whatever becomes of the connection; and the close comes behind the release. */
	shut(p.end[SERVER]);
	UNTIL(e->count[EV_DISCONNECT] == 1);
	assert_int_equal(indication_read(e->kept[0], buf, sizeof(buf)), 4);
	assert_memory_equal(buf, "kept", 4);
	await(post_disconnect(e, NULL, 0, WSK_FLAG_ABORTIVE));
	assert_int_equal(indication_read(e->kept[0], buf, sizeof(buf)), 4);
	assert_memory_equal(buf, "kept", 4);
	assert_int_equal(release(e, 0), STATUS_SUCCESS);
	shut(e);
}

RULES("W50")
static void
list_that_is_not_kept_is_not_taken_back(void)
{
	struct pair p = world_pair();
	struct end *e = p.end[CLIENT];
	PWSK_DATA_INDICATION list;

	e->keep = true;
	enable(e, WSK_EVENT_RECEIVE);
	post_send(p.end[SERVER], "once", 4, 0);
	UNTIL(e->nb_kept > 0);
	list = e->kept[0];
	assert_int_equal(release(e, 0), STATUS_SUCCESS);
	e->kept[0] = list;
	assert_int_equal(release(e, 0), STATUS_INVALID_PARAMETER);
	e->kept[0] = NULL;
	assert_int_equal(release(e, 0), STATUS_INVALID_PARAMETER);
}

static const struct CMUnitTest cases[] = {
	WORLD_CASE(close_inside_the_receive_callback_ends_after_it),
	WORLD_CASE(close_inside_the_disconnect_callback_ends_after_it),
	WORLD_CASE(close_inside_the_callback_of_a_reset_ends_after_it),
	WORLD_CASE(close_of_the_listener_inside_the_accept_callback_ends_after_it),
	WORLD_CASE(close_inside_the_inspect_callback_ends_after_it),
	WORLD_CASE(socket_may_be_closed_when_its_request_ends),
	WORLD_CASE(nothing_is_heard_of_a_socket_whose_close_has_ended),
	WORLD_CASE(closed_listener_calls_nobody),
	WORLD_CASE(context_may_be_freed_when_the_close_ends),
	WORLD_CASE(kept_indication_is_the_programs_until_it_is_released),
	WORLD_CASE(list_that_is_not_kept_is_not_taken_back),
};

WORLD_MAIN("wsk close and callbacks", cases)
