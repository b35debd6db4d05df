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

static const WSK_CLIENT_DISPATCH version_1 = { MAKE_WSK_VERSION(1, 0), 0, NULL };

/* A side gives back its provider and its registration; all of its sockets are closed, or on the way. */
static void
detach(unsigned int side)
{
	WskReleaseProviderNPI(world.reg[side]);
	world.captured[side] = false;
	WskDeregister(world.reg[side]);
	world.registered[side] = false;
}

static void
attach_again(unsigned int side)
{
	WSK_CLIENT_NPI npi = { &world, &version_1 };

	assert_int_equal(san_wsk_register(world.net.host[side], &npi, world.reg[side]), STATUS_SUCCESS);
	world.registered[side] = true;
	assert_int_equal(WskCaptureProviderNPI(world.reg[side], WSK_NO_WAIT, &world.npi[side]), STATUS_SUCCESS);
	world.captured[side] = true;
}

static void
close_all_inside(struct end *e, struct call *c)
{
	struct end *other;

	(void)c;
	for (other = world.ends; other; other = other->next)
		if (other->side == e->side && other->sock && !other->closing)
			post_close(other);
}

/* Everything that can pend on a connection of the client, and on its other sockets. @return How many. */
static unsigned int
post_everything(struct end *e, struct end *l, struct req **r)
{
	static uint8_t mem[2][100];
	struct end *waits = world_pair().end[CLIENT];
	struct end *drains = world_pair().end[CLIENT];
	unsigned int n = 0;

	r[n++] = post_send(e, flood, sizeof(flood), 0);
	r[n++] = post_send(e, "x", 1, 0);
	r[n++] = post_disconnect(e, "bye", 3, 0);
	r[n++] = post_control(e, ASK(WskIoctl, SIO_ADDRESS_LIST_CHANGE, 0, NULL, 0, NULL, 0, NULL));
	r[n++] = post_accept(l);
	r[n++] = post_accept(l);
	r[n++] = post_control(l, ASK(WskIoctl, SIO_ADDRESS_LIST_CHANGE, 0, NULL, 0, NULL, 0, NULL));
	r[n++] = post_connect(bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0), 76, 80);
	r[n++] = post_connect(bound(CLIENT, WSK_FLAG_STREAM_SOCKET, 0), 77, 80);
	r[n++] = post_receive(waits, mem[0], 100, WSK_FLAG_WAITALL);
	r[n++] = post_receive(waits, mem[1], 100, 0);
	r[n++] = post_receive(drains, NULL, 0, WSK_FLAG_DRAIN);
	return n;
}

RULES("W9 W60 W63 W64 W65 W72 S5.2 S5.6 S5.13 S5.14")
static void
end_with_everything_pending_has_its_order(void)
{
	struct pair p = world_pair();
	struct end *e = p.end[CLIENT];
	struct end *l = bound(CLIENT, WSK_FLAG_LISTEN_SOCKET, 80);
	struct req *r[12];
	unsigned int n = post_everything(e, l, r);
	unsigned int i;

	world_steps(100);
	for (i = 0; i < n; i++) {
		assert_int_equal(r[i]->returned, STATUS_PENDING);
		assert_int_equal(r[i]->done, 0);
	}
	/* A callback is in progress when all is closed. */
	e->take = SIZE_MAX;
	e->hook = close_all_inside;
	enable(e, WSK_EVENT_RECEIVE);
	post_send(p.end[SERVER], "go", 2, 0);
	UNTIL(e->closing);
	detach(CLIENT);
	for (i = 0; i < n; i++) {
		const struct req *closing = r[i]->end->closing;

		assert_int_equal(r[i]->done, 1);
		assert_int_equal(r[i]->status, STATUS_CANCELLED);
		assert_int_equal(r[i]->information, 0);
		assert_int_equal(closing->returned, STATUS_PENDING);
		assert_int_equal(closing->done, 1);
		assert_int_equal(closing->status, STATUS_SUCCESS);
		/* The callback returned, requests were over, then the close. */
		assert_true(r[i]->when < closing->when);
		assert_true(e->returned < closing->when && e->returned < r[i]->when);
	}
	/* Of one direction in the order of the calls. */
	assert_true(r[0]->when < r[1]->when && r[1]->when < r[2]->when);
	assert_true(r[4]->when < r[5]->when);
	assert_true(r[9]->when < r[10]->when);
	attach_again(CLIENT);
	exchange();
}

RULES("W1 W9 W64")
static void
end_of_one_registration_leaves_what_pends_on_another(void)
{
	WSK_CLIENT_NPI client = { NULL, &version_1 };
	struct pair p = world_pair();
	struct end *l = bound(CLIENT, WSK_FLAG_LISTEN_SOCKET, 80);
	struct req *r = post_receive(p.end[CLIENT], in, 4, WSK_FLAG_WAITALL);
	struct req *a = post_accept(l);
	struct req *mine = req_new(NULL);
	WSK_REGISTRATION reg;
	WSK_PROVIDER_NPI npi;

	/* Another client of the same host, with a socket and something that pends. */
	assert_int_equal(san_wsk_register(world.net.host[CLIENT], &client, &reg), STATUS_SUCCESS);
	assert_int_equal(WskCaptureProviderNPI(&reg, WSK_NO_WAIT, &npi), STATUS_SUCCESS);
	mine->returned = npi.Dispatch->WskControlClient(npi.Client, WSK_TRANSPORT_LIST_CHANGE, 0, NULL, 0, NULL, NULL,
							mine->irp);
	assert_int_equal(mine->returned, STATUS_PENDING);
	WskReleaseProviderNPI(&reg);
	WskDeregister(&reg);
	assert_int_equal(mine->done, 1);
	assert_int_equal(mine->status, STATUS_CANCELLED);
	world_steps(50);
	assert_int_equal(r->done + a->done, 0);
	assert_int_equal(await(post_send(p.end[SERVER], "four", 4, 0)), STATUS_SUCCESS);
	assert_int_equal(await(r), STATUS_SUCCESS);
	assert_int_equal(await(post_connect(bound(SERVER, WSK_FLAG_CONNECTION_SOCKET, 0), CLIENT, 80)), STATUS_SUCCESS);
	assert_int_equal(await(a), STATUS_SUCCESS);
}

RULES("W1 W9 W23")
static void
client_comes_and_goes_while_the_other_stays(void)
{
	unsigned int i;

	for (i = 0; i < 10; i++) {
		struct pair p = world_pair();
		struct req *r = post_receive(p.end[CLIENT], in, 4, 0);

		post_close(p.end[CLIENT]);
		detach(CLIENT);
		assert_int_equal(r->status, STATUS_CANCELLED);
		attach_again(CLIENT);
	}
	exchange();
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
		assert_int_equal(r[i]->status, STATUS_CANCELLED);
		assert_int_equal(r[i]->information, 0);
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
	WORLD_CASE(end_with_everything_pending_has_its_order),
	WORLD_CASE(end_of_one_registration_leaves_what_pends_on_another),
	WORLD_CASE(client_comes_and_goes_while_the_other_stays),
	WORLD_CASE(cleanup_cancels_everything_that_is_pending),
	WORLD_CASE(socket_that_cleanup_has_ended_is_dead_until_it_is_closed),
	WORLD_CASE(callbacks_are_told_that_their_socket_is_dead),
	WORLD_CASE(close_and_cleanup_meet),
};

WORLD_MAIN("wsk startup and cleanup", cases)
