/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Everything at random, from seeds: whatever happens to a socket, each request ends once, before the close of its
 * socket does, and nothing is heard of it afterwards. The kit watches (request.c, end.c), and compares memory at
 * the end of the world. WORLD_SEED=n repeats one seed.
 */
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define ENDS 24
#define STEPS 400
#define SEEDS 12
#define LONGEST 40000

static uint8_t in[LONGEST];
static uint8_t out[LONGEST];
static uint64_t random_state;
static struct end *listener;
static struct end *open_end[ENDS];
static struct req *last_req[8];

static unsigned int
draw(unsigned int below)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned int)(random_state >> 33) % below;
}

static struct end *
pick(void)
{
	struct end *e = open_end[draw(ENDS)];

	return e && e->sock && !e->closing ? e : NULL;
}

static void
remember(struct req *r)
{
	last_req[draw(8)] = r;
}

/* A new end takes the place of one that is closed, or none. */
static void
adopt(struct end *e)
{
	struct end **place = &open_end[draw(ENDS)];

	if (*place && (*place)->sock && !(*place)->closing) {
		post_close(e);
		return;
	}
	e->take = draw(2) ? SIZE_MAX : draw(3000);
	e->answer[EV_RECEIVE] = draw(8) ? STATUS_SUCCESS : STATUS_DATA_NOT_ACCEPTED;
	*place = e;
}

static void
adopt_made(struct req *r)
{
	if (NT_SUCCESS(r->status))
		r->arg = r->made;
}

static void
begin_connection(void)
{
	struct req *r = post_socket_connect(CLIENT, SERVER, draw(10) ? 80 : 99);

	r->then = adopt_made;
	if (draw(2)) {
		r = post_accept(listener);
		r->then = adopt_made;
	}
}

/* What came into being since, taken outside of routines and callbacks. */
static void
adopt_new(void)
{
	struct req *r;
	unsigned int i;

	for (r = world.reqs; r; r = r->next) {
		if (r->then == adopt_made && r->arg) {
			adopt(r->arg);
			r->arg = NULL;
		}
	}
	for (i = 0; i < listener->nb_accepted; i++)
		adopt(listener->accepted[i]);
	listener->nb_accepted = 0;
}

static void
change_callbacks(struct end *e)
{
	static const ULONG events[] = { WSK_EVENT_RECEIVE, WSK_EVENT_DISCONNECT, WSK_EVENT_SEND_BACKLOG };

	if (draw(3))
		try_enable(e, events[draw(3)] | events[draw(3)]);
	else
		disable(e, events[draw(3)]);
}

static void
close_inside(struct end *e, struct call *c)
{
	(void)c;
	if (!e->closing)
		post_close(e);
}

static void
act(struct end *e)
{
	switch (draw(16)) {
	case 0:
	case 1:
	case 2:
		remember(post_receive(e, in, 1 + draw(LONGEST), draw(3) ? 0 : WSK_FLAG_WAITALL));
		break;
	case 3:
		remember(post_receive(e, NULL, 0, draw(2) ? WSK_FLAG_DRAIN : 0));
		break;
	case 4:
	case 5:
	case 6:
	case 7:
		remember(post_send(e, out, 1 + draw(LONGEST), draw(2) ? WSK_FLAG_NODELAY : 0));
		break;
	case 8:
		remember(post_disconnect(e, NULL, 0, draw(2) ? WSK_FLAG_ABORTIVE : 0));
		break;
	case 9:
	case 10:
	case 11:
		change_callbacks(e);
		break;
	case 12:
		e->hook = draw(4) ? NULL : close_inside;
		break;
	case 13:
		e->take = draw(2) ? SIZE_MAX : draw(3000);
		break;
	case 14:
		post_control(e, ASK(WskIoctl, SIO_ADDRESS_LIST_CHANGE, 0, NULL, 0, NULL, 0, NULL));
		break;
	default:
		post_close(e);
	}
}

static void
step(void)
{
	struct end *e = pick();
	struct req *r = last_req[draw(8)];

	if (e)
		act(e);
	if (!e || draw(6) == 0)
		begin_connection();
	if (r && draw(4) == 0)
		IoCancelIrp(r->irp);
	world_steps(draw(4));
	adopt_new();
	/* Streams are not looked at: they may begin anew. */
	for (e = world.ends; e; e = e->next)
		e->len = 0;
}

static void
run_seed(unsigned int seed)
{
	unsigned int i;

	random_state = seed * 2654435761u + 1;
	memset(open_end, 0, sizeof(open_end));
	memset(last_req, 0, sizeof(last_req));
	listener = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	listener->take = SIZE_MAX;
	enable(listener, WSK_EVENT_ACCEPT);
	for (i = 0; i < STEPS; i++)
		step();
	if (draw(2))
		shut(listener);
	print_message("# seed %u: %u events\n", seed, world.now);
}

RULES("W18 W63 W64 W65 W72 S5.6 S5.13 S5.14")
static void
every_request_ends_once_and_before_its_close(void)
{
	const char *seed = getenv("WORLD_SEED");
	unsigned int i;

	if (seed) {
		run_seed((unsigned int)atoi(seed));
		return;
	}
	for (i = 1; i <= SEEDS; i++) {
		run_seed(i);
		world_close();
		world_open();
	}
}

static const struct CMUnitTest cases[] = {
	WORLD_CASE(every_request_ends_once_and_before_its_close),
};

WORLD_MAIN("wsk at random", cases)
