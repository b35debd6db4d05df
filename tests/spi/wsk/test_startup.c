/* SPDX-License-Identifier: BSD-3-Clause */
/* The library and the subsystem start and end: again, twice with one end, and with everything pending. */
#include <errno.h>
#include <string.h>

#include "world.h"

static uint8_t flood[4u << 20];
static uint8_t in[STREAM];

static void
exchange(void)
{
	struct pair p = world_pair();

	say(p.end[CLIENT], p.end[SERVER]);
}

RULES("W9 W23")
static void
startup_works_right_after_cleanup_again_and_again(void)
{
	unsigned int i;

	for (i = 0; i < 20; i++) {
		exchange();
		world_close();
		world_open();
	}
	exchange();
}

RULES("W9")
static void
subsystem_starts_and_stops_on_a_host_that_lives(void)
{
	unsigned int i;

	exchange();
	world_settle();
	for (i = 0; i < 50; i++) {
		assert_int_equal(san_wsk_stop(world.net.host[CLIENT]), 0);
		assert_int_equal(san_wsk_stop(world.net.host[CLIENT]), -EALREADY);
		assert_int_equal(san_wsk_start(world.net.host[CLIENT], 0), 0);
		assert_int_equal(san_wsk_start(world.net.host[CLIENT], 0), -EALREADY);
	}
}

RULES("W60")
static void
subsystem_does_not_stop_under_an_open_socket(void)
{
	struct pair p = world_pair();

	assert_int_equal(san_wsk_stop(world.net.host[CLIENT]), -EBUSY);
	assert_int_equal(await(post_send(p.end[CLIENT], "x", 1, 0)), STATUS_SUCCESS);
	assert_int_equal(await(post_receive(p.end[SERVER], in, 1, 0)), STATUS_SUCCESS);
}

RULES("W1")
static void
two_startups_and_one_cleanup_leave_everything_as_it_is(void)
{
	struct pair p = world_pair();
	struct req *r = post_receive(p.end[SERVER], in, 4, WSK_FLAG_WAITALL);

	assert_int_equal(san_startup(0, NULL), 0);
	assert_int_equal(san_cleanup(), 0);
	world_steps(50);
	assert_int_equal(r->done, 0);
	assert_int_equal(await(post_send(p.end[CLIENT], "four", 4, 0)), STATUS_SUCCESS);
	assert_int_equal(await(r), STATUS_SUCCESS);
}

RULES("W1 W9")
static void
two_registrations_and_one_end_leave_the_other(void)
{
	static const WSK_CLIENT_DISPATCH calls = { MAKE_WSK_VERSION(1, 0), 0, NULL };
	WSK_CLIENT_NPI client = { NULL, &calls };
	struct pair p = world_pair();
	struct req *r = post_receive(p.end[CLIENT], in, 4, WSK_FLAG_WAITALL);
	WSK_REGISTRATION reg;
	WSK_PROVIDER_NPI npi;

	assert_int_equal(san_wsk_register(world.net.host[CLIENT], &client, &reg), STATUS_SUCCESS);
	assert_int_equal(WskCaptureProviderNPI(&reg, WSK_NO_WAIT, &npi), STATUS_SUCCESS);
	WskReleaseProviderNPI(&reg);
	WskDeregister(&reg);
	world_steps(50);
	assert_int_equal(r->done, 0);
	assert_int_equal(await(post_send(p.end[SERVER], "four", 4, 0)), STATUS_SUCCESS);
	assert_int_equal(await(r), STATUS_SUCCESS);
	exchange();
}

/* The last cleanup, under everything; polls and completes by itself. */
static void
clean_up(void)
{
	net_release(&world.net);
	assert_int_equal(net_cleanup(&world.net), 0);
}

/* Give back what a cleanup has left to the program: dead sockets, captures, registrations, the watch of the net. */
static void
pick_up(void)
{
	unsigned int side;
	struct end *e;

	for (e = world.ends; e; e = e->next) {
		if (e->sock && !e->closing)
			post_close(e);
		if (e->closing)
			assert_int_equal(e->closing->done, 1);
	}
	for (side = 0; side < 2; side++) {
		WskReleaseProviderNPI(world.reg[side]);
		WskDeregister(world.reg[side]);
	}
	assert_int_equal(watch_end(&world.net.w), 0);
	assert_string_equal(world.wrong, "");
	world_forget();
}

RULES("W64 W73 W18")
static void
cleanup_cancels_everything_that_is_pending(void)
{
	struct pair p = world_pair();
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct req *r[8];
	unsigned int i;

	r[0] = post_send(p.end[CLIENT], flood, sizeof(flood), 0);
	r[1] = post_disconnect(p.end[CLIENT], NULL, 0, 0);
	r[2] = post_receive(p.end[CLIENT], in, 100, 0);
	r[3] = post_receive(p.end[CLIENT], in, 100, WSK_FLAG_WAITALL);
	r[4] = post_accept(l);
	r[5] = post_connect(bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0), 76, 80);
	r[6] = post_control(l, ASK(WskIoctl, SIO_ADDRESS_LIST_CHANGE, 0, NULL, 0, NULL, 0, NULL));
	r[7] = post_socket_connect(CLIENT, 77, 80);
	world_steps(100);
	for (i = 0; i < 8; i++)
		assert_int_equal(r[i]->done, 0);
	clean_up();
	for (i = 0; i < 8; i++) {
		assert_int_equal(r[i]->done, 1);
		/* Both hosts end: the reset of the peer's may come first. */
		if (i >= 4 || r[i]->status != STATUS_CONNECTION_RESET)
			assert_int_equal(r[i]->status, STATUS_CANCELLED);
	}
	pick_up();
	world_open();
	exchange();
}

RULES("W73 W18")
static void
socket_that_cleanup_has_ended_is_dead_until_it_is_closed(void)
{
	struct pair p = world_pair();
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct req *r[4];
	unsigned int i;

	clean_up();
	r[0] = post_send(p.end[CLIENT], "x", 1, 0);
	r[1] = post_receive(p.end[CLIENT], in, 1, 0);
	r[2] = post_accept(l);
	r[3] = post_disconnect(p.end[SERVER], NULL, 0, 0);
	for (i = 0; i < 4; i++) {
		assert_int_equal(r[i]->done, 1);
		assert_int_equal(r[i]->status, STATUS_FILE_FORCED_CLOSED);
	}
	post_close(p.end[CLIENT]);
	assert_int_equal(p.end[CLIENT]->closing->done, 1);
	assert_int_equal(p.end[CLIENT]->closing->status, STATUS_SUCCESS);
	pick_up();
	world_open();
	exchange();
}

RULES("W73")
static void
callbacks_are_told_that_their_socket_is_dead(void)
{
	struct pair p = world_pair();
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);

	p.end[CLIENT]->take = SIZE_MAX;
	enable(p.end[CLIENT], WSK_EVENT_RECEIVE);
	enable(l, WSK_EVENT_ACCEPT);
	clean_up();
	assert_int_equal(p.end[CLIENT]->nb_calls, 1);
	assert_int_equal(p.end[CLIENT]->call[0].event, EV_RECEIVE);
	assert_true(p.end[CLIENT]->call[0].dead);
	assert_int_equal(l->nb_calls, 1);
	assert_int_equal(l->call[0].event, EV_ACCEPT);
	assert_true(l->call[0].dead);
	pick_up();
	world_open();
	exchange();
}

RULES("W65 W64 S5.13")
static void
close_and_cleanup_meet(void)
{
	struct pair p = world_pair();
	struct req *s = post_send(p.end[CLIENT], flood, sizeof(flood), 0);
	struct req *r = post_receive(p.end[CLIENT], in, 100, 0);
	struct req *c;

	world_steps(50);
	c = post_close(p.end[CLIENT]);
	clean_up();
	assert_int_equal(c->done, 1);
	assert_int_equal(c->status, STATUS_SUCCESS);
	assert_int_equal(s->done + r->done, 2);
	assert_int_equal(s->status, STATUS_CANCELLED);
	assert_int_equal(r->status, STATUS_CANCELLED);
	assert_true(s->when < c->when && r->when < c->when);
	pick_up();
	world_open();
	exchange();
}

static const struct CMUnitTest cases[] = {
	WORLD_CASE(startup_works_right_after_cleanup_again_and_again),
	WORLD_CASE(subsystem_starts_and_stops_on_a_host_that_lives),
	WORLD_CASE(subsystem_does_not_stop_under_an_open_socket),
	WORLD_CASE(two_startups_and_one_cleanup_leave_everything_as_it_is),
	WORLD_CASE(two_registrations_and_one_end_leave_the_other),
	WORLD_CASE(cleanup_cancels_everything_that_is_pending),
	WORLD_CASE(socket_that_cleanup_has_ended_is_dead_until_it_is_closed),
	WORLD_CASE(callbacks_are_told_that_their_socket_is_dead),
	WORLD_CASE(close_and_cleanup_meet),
};

WORLD_MAIN("wsk startup and cleanup", cases)
