/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hard closes of connected sockets with operations pending. A batch is opened, operations are posted, then all of it is
 * closed in one step of the program, and measured is from there until the last completion has been reaped.
 */
#include <errno.h>
#include <stdlib.h>

#include <rte_cycles.h>

#include "commands.h"
#include "pair.h"

#define BATCH 64u
#define LIMIT_S 20.0
#define WARM 4u		/* batches that are not measured */

static const struct bench_option options[] = {
	{ "pending", BENCH_LIST, "0,1,16,256", 0, 4096, "receives pending on each socket" },
	{ "batch", BENCH_NUMBER, "32", 1, 256, "sockets that are closed together" },
	PAIR_OPTIONS,
	{ NULL, BENCH_FLAG, NULL, 0, 0, NULL },
};

static const char text[] =
	"Closes connected sockets on which receives are pending, a batch in one go, and reaps: each receive ends\n"
	"with -ECANCELED, the completion of the close is the last one. Cycles for a socket: \"calls\" is san_close(),\n"
	"\"end\" what the owning core and the reaping take after that, \"all\" the time of the clock until the last\n"
	"completion. On the owning core, or with --off-core from another thread. Batches that were disturbed are\n"
	"left out; --seconds are those of the clock, the time that it takes to open the batches included.";

enum stage { REST, OPEN, POST, CLOSE };

struct conn {
	struct san_overlapped op;	/* the connect */
	san_handle sock;
};

struct closer {
	struct bench_world *world;
	const struct server_seen *seen;	/* by the server, if it is in this process */
	enum stage stage;
	uint32_t batch, pending;
	struct conn *conns;
	struct san_overlapped *ops;	/* batch * pending */
	uint32_t begun, open, posted, ended, closed;
	uint32_t wrong;
	bool done;
	uint64_t ever, calls_tsc;
	uint64_t count[BENCH_COUNTS];
	unsigned char byte;
};

static unsigned int
open_some(struct closer *c)
{
	const struct bench_side *client = &c->world->client;
	struct san_addr peer = bench_world_peer(c->world, SERVER_ECHO);
	unsigned int n = 0;

	for (; c->begun < c->batch; n++) {
		struct conn *k = &c->conns[c->begun++];

		k->op.user = (uintptr_t)k;
		if (san_socket(client->core, client->cq, &k->sock) != 0 || san_connect(k->sock, &k->op, &peer, 0) < 0)
			c->wrong++;
	}
	c->done = c->open + c->wrong >= c->batch;
	return n;
}

/* From another thread the ring of requests has room for some of them at a time. */
static unsigned int
post_some(struct closer *c)
{
	unsigned int n = 0;

	while (c->posted < c->batch * c->pending) {
		struct conn *k = &c->conns[c->posted / c->pending];
		int rc = san_recv(k->sock, &c->ops[c->posted], &c->byte, 1, 0);

		if (rc == -EAGAIN)
			break;
		c->wrong += rc != 0;
		c->posted++;
		n++;
	}
	c->done = c->posted == c->batch * c->pending;
	return n;
}

static unsigned int
close_all(struct closer *c)
{
	uint64_t begun = rte_rdtsc();

	for (uint32_t i = 0; i < c->batch; i++)
		c->wrong += san_close(c->conns[i].sock, 0) != 0;
	c->calls_tsc = rte_rdtsc() - begun;
	c->begun = 0;
	return c->batch;
}

static void
take(struct closer *c, const struct san_completion *comp)
{
	if (comp->kind == SAN_OP_CONNECT && comp->result == 0) {
		c->open++;
	} else if (comp->kind == SAN_OP_RECV && comp->result == -ECANCELED && c->stage == CLOSE) {
		c->ended++;
	} else if (comp->kind == SAN_OP_CLOSE) {
		c->closed++;
		c->ever++;
	} else {
		c->wrong++;
	}
}

static unsigned int
step(struct bench_side *side, void *arg)
{
	struct closer *c = arg;
	struct san_completion comp[BATCH];
	int nb = san_cq_poll(side->cq, comp, BATCH);
	unsigned int n = nb > 0 ? (unsigned int)nb : 0;

	for (unsigned int i = 0; i < n; i++)
		take(c, &comp[i]);
	if (c->stage == OPEN)
		n += open_some(c);
	else if (c->stage == POST)
		n += post_some(c);
	else if (c->stage == CLOSE && c->begun > 0)
		n += close_all(c);
	else if (c->stage == CLOSE)
		c->done = c->closed == c->batch;
	return n;
}

static bool
run_stage(struct closer *c, enum stage stage)
{
	bool good;

	c->done = false;
	c->stage = stage;
	good = bench_world_until(c->world, &c->done, LIMIT_S) && c->wrong == 0;
	c->stage = REST;
	if (!good && !prog_stop)
		prog_complain("of %u sockets %u were opened, %u closed; %u receives posted, %u ended, %u wrong.",
			      c->batch, c->open, c->closed, c->posted, c->ended, c->wrong);
	return good;
}

/* Its part of a stage: as many sockets of the server are accepted, or closed, so that there is room again. */
static bool
wait_for_server(struct closer *c, enum stage stage)
{
	uint64_t want = c->ever + (stage == OPEN ? c->batch : 0);
	const _Atomic uint64_t *count;

	if (c->seen == NULL)
		return true;
	count = stage == OPEN ? &c->seen->accepted : &c->seen->closed;
	if (bench_world_until_count(c->world, count, want, LIMIT_S))
		return true;
	prog_complain("%llu sockets are missing at the server.", (unsigned long long)(want - atomic_load(count)));
	return false;
}

struct sums {
	struct bench_sums all;
	uint64_t calls;
};

/* One batch. @return false: it failed. */
static bool
close_batch(struct closer *c, struct sums *s)
{
	struct bench_stretch t;

	c->begun = c->open = c->posted = c->ended = c->closed = 0;
	if (!run_stage(c, OPEN) || !wait_for_server(c, OPEN) || !run_stage(c, POST))
		return false;
	bench_stretch_begin(c->world, &t);
	if (!run_stage(c, CLOSE))
		return false;
	if (bench_stretch_end(c->world, &t, &s->all))
		s->calls += c->calls_tsc;
	if (c->ended != c->batch * c->pending) {
		prog_complain("of %u receives %u ended before the close.", c->batch * c->pending, c->ended);
		return false;
	}
	return wait_for_server(c, CLOSE);
}

static void
put(struct closer *c, const struct bench_sums *s, const char *what, uint64_t tsc)
{
	struct bench_row *row = bench_row(c->world->b, "cycles", "close, %u pending, %s: %s", c->pending,
					  c->world->off_core ? "off-core" : "on-core", what);

	bench_put_sums(row, s, tsc, c->batch);
}

/* One repetition: batches until their time is over, what it takes to make them included. */
static bool
measure(struct closer *c)
{
	struct sums sums = { .calls = 0 };
	uint64_t end_us;

	bench_world_look(c->world);
	end_us = prog_now_us() + (uint64_t)(bench_real(c->world->b, "seconds") * 1e6);
	do {
		if (!close_batch(c, &sums))
			return false;
	} while (prog_now_us() < end_us && !prog_stop);
	if (prog_stop)
		return false;
	put(c, &sums.all, "calls", sums.calls);
	put(c, &sums.all, "end", sums.all.busy[0] - sums.calls);
	put(c, &sums.all, "all", sums.all.tsc);
	return true;
}

static bool
measure_all(struct closer *c)
{
	struct bench *b = c->world->b;
	uint64_t pending[BENCH_LIST_MAX];
	unsigned int n = bench_list(b, "pending", pending);
	uint32_t batch = c->batch;
	struct sums warm = { .calls = 0 };
	bool good;

	/* the first one by itself: the peer's Ethernet address has to be asked for */
	c->batch = 1;
	good = close_batch(c, &warm);
	c->batch = batch;
	for (unsigned int i = 0; i < n && good; i++) {
		c->pending = (uint32_t)pending[i];
		bench_progress("%u pending", c->pending);
		for (unsigned int j = 0; j < WARM && good; j++)
			good = close_batch(c, &warm);
		for (unsigned int j = 0; j < bench_number(b, "repeat") && good; j++)
			good = measure(c);
	}
	return good;
}

static int
run(struct bench *b)
{
	uint32_t batch = (uint32_t)bench_number(b, "batch"), most = pair_most(b, "pending");
	struct bench_world world = { .b = b };
	struct closer c = { .world = &world, .batch = batch };
	const struct bench_sizes sizes = { .connections = 4 * batch + 64, .mbufs = (uint32_t)bench_number(b, "mbufs") };
	struct bench_program client = { NULL, step, &c, batch * (most + 2) + 64 }, server = { .step = NULL };
	const struct server_options o = { .connections = 4 * batch, .buffer = 2048, .repeat = server_repeats(b) };
	struct server *s = server_make(&o);
	bool good;

	c.conns = bench_alloc(batch * sizeof(*c.conns));
	c.ops = bench_alloc((batch * (size_t)most + 1) * sizeof(*c.ops));
	good = s != NULL && c.conns != NULL && c.ops != NULL;
	if (good) {
		server = server_program(s);
		c.seen = bench_has(b, "peer") ? NULL : server_seen(s);
		client.cq_depth = client.cq_depth < SAN_CQ_MAX ? client.cq_depth : SAN_CQ_MAX;
		good = bench_world_open(&world, b, &sizes, &client, &server) && measure_all(&c);
	}
	bench_world_close(&world);
	server_free(s);
	free(c.conns);
	free(c.ops);
	return good ? 0 : 1;
}

const struct bench_command bench_close = {
	.name = "close",
	.summary = "hard closes with operations pending: cycles of each",
	.text = text,
	.options = options,
	.groups = BENCH_REPEAT | BENCH_WORLD,
	.run = run,
};
