/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

struct world world;

static const WSK_CLIENT_DISPATCH client_calls = { MAKE_WSK_VERSION(1, 0), 0, NULL };

void
world_wrong(const char *what)
{
	if (!world.wrong[0])
		snprintf(world.wrong, sizeof(world.wrong), "%s", what);
}

void
world_step(void)
{
	if (world.wrong[0])
		fail_msg("%s", world.wrong);
	net_step(&world.net);
}

void
world_steps(unsigned int rounds)
{
	while (rounds-- > 0)
		world_step();
}

void
world_hold(unsigned int side, bool held)
{
	world.net.held[side] = held;
}

uint64_t
world_counter(unsigned int side, const char *name)
{
	return net_counter(&world.net, side, name);
}

struct sockaddr_in
address(unsigned int host, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	if (host != ANY)
		a.sin_addr.s_addr = htonl(0x0a090001u + host);
	return a;
}

static void
open_side(unsigned int side)
{
	WSK_CLIENT_NPI npi = { &world, &client_calls };

	assert_int_equal(san_wsk_start(world.net.host[side], 0), 0);
	world.reg[side] = calloc(1, sizeof(*world.reg[side]));
	assert_int_equal(san_wsk_register(world.net.host[side], &npi, world.reg[side]),
			 STATUS_SUCCESS);
	world.registered[side] = true;
	assert_int_equal(WskCaptureProviderNPI(world.reg[side], WSK_NO_WAIT, &world.npi[side]),
			 STATUS_SUCCESS);
	world.captured[side] = true;
}

void
world_open(void)
{
	struct net_wish wish = { .sockets = WORLD_SOCKETS };
	const char *cores = getenv("WORLD_CORES");

	wish.cores[CLIENT] = cores ? (unsigned int)atoi(cores) : 1;
	wish.cores[SERVER] = wish.cores[CLIENT];
	memset(&world, 0, sizeof(world));
	net_open(&world.net, &wish);
	open_side(CLIENT);
	open_side(SERVER);
}

/* Close whatever is open, as often as callbacks bring something new. */
static bool
all_closed(void)
{
	bool closed = true;
	struct end *e;
	unsigned int i;

	for (e = world.ends; e; e = e->next) {
		for (i = 0; e->sock && !e->closing && i < e->nb_kept; i++) {
			if (e->kept[i])
				assert_int_equal(release(e, i), STATUS_SUCCESS);
		}
		if (e->sock && !e->closing)
			post_close(e);
		if (e->closing && !e->closing->done)
			closed = false;
	}
	return closed;
}

static bool
all_done(void)
{
	struct req *r;

	for (r = world.reqs; r && r->done; r = r->next)
		;
	return !r;
}

void
world_settle(void)
{
	unsigned int side;

	world_hold(CLIENT, false);
	world_hold(SERVER, false);
	UNTIL(all_closed());
	UNTIL(all_done());
	world_steps(10);
	for (side = 0; side < 2; side++) {
		if (world.captured[side])
			WskReleaseProviderNPI(world.reg[side]);
		world.captured[side] = false;
		if (world.registered[side])
			WskDeregister(world.reg[side]);
		world.registered[side] = false;
	}
}

void
world_forget(void)
{
	struct req *r;
	struct end *e;
	unsigned int i;

	while ((r = world.reqs)) {
		world.reqs = r->next;
		for (i = 0; i < 4 && r->mdl[i]; i++)
			IoFreeMdl(r->mdl[i]);
		IoFreeIrp(r->irp);
		free(r);
	}
	while ((e = world.ends)) {
		world.ends = e->next;
		free(e->stream);
		free(e);
	}
	for (i = 0; i < 2; i++)
		free(world.reg[i]);
	memset(world.reg, 0, sizeof(world.reg));
}

/* A case that has failed does not come here: its sockets end with the cleanup of net_case_end(). */
void
world_close(void)
{
	unsigned int side;

	if (!world.net.open)
		return;
	world_settle();
	for (side = 0; side < 2; side++)
		assert_int_equal(san_wsk_stop(world.net.host[side]), 0);
	net_close(&world.net);
	assert_string_equal(world.wrong, "");
	world_forget();
}

void
world_run(void **state)
{
	const struct world_test *test = *state;

	world_open();
	test->run();
	world_close();
}
