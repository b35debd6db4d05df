/* SPDX-License-Identifier: BSD-3-Clause */
/* WskCloseSocket with each kind of request pending, and with all of them: what they end with, and in which order. */
#include <string.h>

#include "world.h"

#define NOBODY 77
#define FLOOD (8u << 20)

static uint8_t flood[FLOOD];
static uint8_t buf[8][4096];

/* Ended once, cancelled, with nothing to show, before the close of its socket was. */
static void
assert_cancelled(const struct req *r, const struct req *closing)
{
	assert_int_equal(r->returned, STATUS_PENDING);
	assert_int_equal(r->done, 1);
	assert_int_equal(r->status, STATUS_CANCELLED);
	assert_true(r->when < closing->when);
}

static struct req *
close_it(struct end *e)
{
	struct req *r = post_close(e);

	assert_int_equal(r->returned, STATUS_PENDING);
	assert_int_equal(await(r), STATUS_SUCCESS);
	world_steps(50);
	assert_int_equal(r->done, 1);
	return r;
}

/* A send that the peer's window does not let out. */
static struct req *
stuck_send(struct end *e)
{
	struct req *r = post_send(e, flood, sizeof(flood), 0);

	world_steps(200);
	assert_int_equal(r->done, 0);
	return r;
}

RULES("W63 W64 S5.6 S5.13")
static void
pending_receive_is_cancelled(void)
{
	struct pair p = world_pair();
	struct req *r = post_receive(p.end[CLIENT], buf[0], sizeof(buf[0]), 0);

	world_steps(20);
	assert_int_equal(r->done, 0);
	assert_cancelled(r, close_it(p.end[CLIENT]));
	assert_int_equal(r->information, 0);
}

RULES("W64 W41 S5.13")
static void
receive_that_waits_for_all_is_cancelled(void)
{
	struct pair p = world_pair();
	struct req *r = post_receive(p.end[CLIENT], buf[0], sizeof(buf[0]), WSK_FLAG_WAITALL);

	assert_int_equal(await(post_send(p.end[SERVER], "part", 4, 0)), STATUS_SUCCESS);
	world_steps(50);
	assert_int_equal(r->done, 0);
	assert_cancelled(r, close_it(p.end[CLIENT]));
}

RULES("W64 W42 S5.13")
static void
receive_that_drains_is_cancelled(void)
{
	struct pair p = world_pair();
	struct req *r = post_receive(p.end[CLIENT], NULL, 0, WSK_FLAG_DRAIN);

	assert_int_equal(await(post_send(p.end[SERVER], "away", 4, 0)), STATUS_SUCCESS);
	world_steps(50);
	assert_int_equal(r->done, 0);
	assert_cancelled(r, close_it(p.end[CLIENT]));
}

RULES("W64 S5.13")
static void
receives_are_cancelled_in_their_order(void)
{
	struct pair p = world_pair();
	struct req *r[8];
	struct req *c;
	unsigned int i;

	for (i = 0; i < 8; i++)
		r[i] = post_receive(p.end[CLIENT], buf[i], sizeof(buf[i]), 0);
	c = close_it(p.end[CLIENT]);
	for (i = 0; i < 8; i++) {
		assert_cancelled(r[i], c);
		assert_true(i == 0 || r[i - 1]->when < r[i]->when);
	}
}

RULES("W64 W39 S5.13")
static void
send_that_waits_for_the_window_is_cancelled(void)
{
	struct pair p = world_pair();
	struct req *r = stuck_send(p.end[CLIENT]);

	assert_cancelled(r, close_it(p.end[CLIENT]));
}

RULES("W64 S5.13")
static void
sends_are_cancelled_in_their_order(void)
{
	struct pair p = world_pair();
	struct req *r[8];
	struct req *c;
	unsigned int i;

	r[0] = stuck_send(p.end[CLIENT]);
	for (i = 1; i < 8; i++)
		r[i] = post_send(p.end[CLIENT], buf[i], sizeof(buf[i]), 0);
	c = close_it(p.end[CLIENT]);
	for (i = 0; i < 8; i++) {
		assert_cancelled(r[i], c);
		assert_true(i == 0 || r[i - 1]->when < r[i]->when);
	}
}

RULES("W54 W64 S5.13")
static void
graceful_disconnect_behind_data_is_cancelled(void)
{
	struct pair p = world_pair();
	struct req *s = stuck_send(p.end[CLIENT]);
	struct req *d = post_disconnect(p.end[CLIENT], NULL, 0, 0);
	struct req *c;

	world_steps(50);
	assert_int_equal(d->done, 0);
	c = close_it(p.end[CLIENT]);
	assert_cancelled(s, c);
	assert_cancelled(d, c);
	assert_true(s->when < d->when);
}

RULES("W64 W31 S5.13")
static void
pending_accepts_are_cancelled_in_their_order(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct req *r[4];
	struct req *c;
	unsigned int i;

	for (i = 0; i < 4; i++)
		r[i] = post_accept(l);
	world_steps(20);
	c = close_it(l);
	for (i = 0; i < 4; i++) {
		assert_cancelled(r[i], c);
		assert_int_equal(r[i]->information, 0);
		assert_true(i == 0 || r[i - 1]->when < r[i]->when);
	}
}

RULES("W64 S5.13")
static void
connect_to_nobody_is_cancelled(void)
{
	struct end *e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);
	struct req *r = post_connect(e, NOBODY, 80);

	world_steps(50);
	assert_int_equal(r->done, 0);
	assert_cancelled(r, close_it(e));
}

RULES("W64 S5.13")
static void
connect_that_the_peer_has_not_answered_is_cancelled(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct end *e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);
	struct req *r;

	world_hold(SERVER, true);
	r = post_connect(e, SERVER, 80);
	world_steps(50);
	assert_int_equal(r->done, 0);
	assert_cancelled(r, close_it(e));
	world_hold(SERVER, false);
	shut(l);
}

RULES("W64 W77 S5.13")
static void
wait_for_a_change_of_addresses_is_cancelled(void)
{
	struct end *e = bound(CLIENT, WSK_FLAG_LISTEN_SOCKET, 80);
	struct req *r =
		post_control(e, ASK(WskIoctl, SIO_ADDRESS_LIST_CHANGE, 0, NULL, 0, NULL, 0, NULL));

	world_steps(20);
	assert_int_equal(r->done, 0);
	assert_cancelled(r, close_it(e));
}

RULES("W63 W64 W65 W72 S5.6 S5.13")
static void
everything_pending_ends_before_the_close(void)
{
	struct pair p = world_pair();
	struct end *e = p.end[CLIENT];
	struct req *r[3];
	struct req *s[3];
	struct req *d;
	struct req *a;
	struct req *c;
	unsigned int i;

	enable(e, WSK_EVENT_DISCONNECT | WSK_EVENT_SEND_BACKLOG);
	s[0] = stuck_send(e);
	for (i = 0; i < 3; i++)
		r[i] = post_receive(e, buf[i], sizeof(buf[i]), i == 2 ? WSK_FLAG_WAITALL : 0);
	for (i = 1; i < 3; i++)
		s[i] = post_send(e, buf[4 + i], sizeof(buf[i]), WSK_FLAG_NODELAY);
	d = post_disconnect(e, "bye", 3, 0);
	a = post_control(e, ASK(WskIoctl, SIO_ADDRESS_LIST_CHANGE, 0, NULL, 0, NULL, 0, NULL));
	world_steps(20);
	c = close_it(e);
	for (i = 0; i < 3; i++) {
		assert_cancelled(r[i], c);
		assert_cancelled(s[i], c);
		assert_true(i == 0 || (r[i - 1]->when < r[i]->when && s[i - 1]->when < s[i]->when));
	}
	assert_cancelled(d, c);
	assert_cancelled(a, c);
	assert_true(s[2]->when < d->when);
	assert_true(e->nb_calls == 0 || e->returned < c->when);
}

RULES("W64 W19 S5.13")
static void
what_ended_before_the_close_keeps_its_result(void)
{
	struct pair p = world_pair();
	struct req *r = post_receive(p.end[CLIENT], buf[0], sizeof(buf[0]), 0);
	struct req *s = post_send(p.end[SERVER], "four", 4, 0);

	assert_int_equal(await(r), STATUS_SUCCESS);
	assert_int_equal(await(s), STATUS_SUCCESS);
	close_it(p.end[CLIENT]);
	close_it(p.end[SERVER]);
	assert_int_equal(r->done, 1);
	assert_int_equal(r->information, 4);
	assert_int_equal(s->done, 1);
	assert_int_equal(s->information, 4);
}

RULES("W20 W64 S5.13")
static void
buffer_of_a_cancelled_receive_is_not_written(void)
{
	struct pair p = world_pair();
	struct req *r = post_receive(p.end[CLIENT], buf[0], sizeof(buf[0]), 0);

	memset(buf[0], 0x5a, sizeof(buf[0]));
	assert_cancelled(r, close_it(p.end[CLIENT]));
	post_send(p.end[SERVER], "late", 4, 0);
	world_steps(100);
	assert_int_equal(buf[0][0], 0x5a);
	assert_memory_equal(buf[0], buf[0] + 1, sizeof(buf[0]) - 1);
}

static const struct CMUnitTest cases[] = {
	WORLD_CASE(pending_receive_is_cancelled),
	WORLD_CASE(receive_that_waits_for_all_is_cancelled),
	WORLD_CASE(receive_that_drains_is_cancelled),
	WORLD_CASE(receives_are_cancelled_in_their_order),
	WORLD_CASE(send_that_waits_for_the_window_is_cancelled),
	WORLD_CASE(sends_are_cancelled_in_their_order),
	WORLD_CASE(graceful_disconnect_behind_data_is_cancelled),
	WORLD_CASE(pending_accepts_are_cancelled_in_their_order),
	WORLD_CASE(connect_to_nobody_is_cancelled),
	WORLD_CASE(connect_that_the_peer_has_not_answered_is_cancelled),
	WORLD_CASE(wait_for_a_change_of_addresses_is_cancelled),
	WORLD_CASE(everything_pending_ends_before_the_close),
	WORLD_CASE(what_ended_before_the_close_keeps_its_result),
	WORLD_CASE(buffer_of_a_cancelled_receive_is_not_written),
};

WORLD_MAIN("wsk close", cases)
