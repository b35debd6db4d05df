/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections that are opened, used once and closed. In stages all of a batch are opened, then all send a request, then
 * all are closed, so that what each of the three costs is known; in the flow every connection goes on by itself, which
 * is what a client with short connections does.
 */
#include <stdlib.h>

#include <rte_cycles.h>

#include "commands.h"
#include "pair.h"

#define BATCH 64u
#define LIMIT_S 10.0

static const struct bench_option options[] = {
	{ "batch", BENCH_NUMBER, "128", 1, 4096, "connections at once" },
	{ "size", BENCH_NUMBER, "64", 1, 65536, "of the request, and of its answer [bytes]" },
	PAIR_OPTIONS,
	{ NULL, BENCH_FLAG, NULL, 0, 0, NULL },
};

static const char text[] =
	"Connections that are opened, carry one request and its answer, and are closed, the client first, both\n"
	"ways gracefully. In stages: a batch is opened, then used, then closed, which tells the cycles of each; a\n"
	"batch in which a side lost its processor is left out. In the flow: each connection goes on by itself.";

enum stage { OPEN, USE, CLOSE, NB_STAGES, FLOW };

struct conn {
	struct san_overlapped op, send;
	san_handle sock;
};

struct crr {
	struct bench_world *world;
	const struct server_seen *seen;	/* by the server, if it is in this process */
	enum stage stage;
	uint32_t batch, size;
	struct conn *conns;
	unsigned char *bytes;
	uint32_t stage_done;
	bool all_done, ending;
	uint64_t count[BENCH_COUNTS];	/* [0] connections that were closed, [1] what failed */
};

static void
fail(struct crr *c, struct conn *k)
{
	c->count[1]++;
	san_close(k->sock, (uintptr_t)k);
}

static void
open_one(struct crr *c, struct conn *k)
{
	struct san_addr peer = bench_world_peer(c->world, SERVER_ECHO);

	if (san_socket(c->world->client.core, c->world->client.cq, &k->sock) != 0)
		c->count[1]++;
	else if (san_connect(k->sock, &k->op, &peer, 0) < 0)
		fail(c, k);
}

static void
use_one(struct crr *c, struct conn *k)
{
	if (san_recv(k->sock, &k->op, c->bytes + c->size, c->size, SAN_WAITALL) != 0 ||
	    san_send(k->sock, &k->send, c->bytes, c->size, 0) < 0)
		fail(c, k);
}

static void
close_one(struct crr *c, struct conn *k)
{
	if (san_disconnect(k->sock, &k->op, 0) < 0)
		fail(c, k);
}

static void
begin(struct crr *c, struct conn *k, enum stage stage)
{
	static void (*const begins[NB_STAGES])(struct crr *, struct conn *) = { open_one, use_one, close_one };

	begins[stage](c, k);
}

/* One connection has done with a stage: in the flow the next one follows at once. */
static void
end_stage(struct crr *c, struct conn *k, enum stage stage)
{
	if (c->stage == FLOW && !(stage == CLOSE && c->ending))
		begin(c, k, (stage + 1) % NB_STAGES);
	else
		c->all_done = ++c->stage_done == c->batch;
}

static unsigned int
step(struct bench_side *side, void *arg)
{
	struct crr *c = arg;
	struct san_completion comp[BATCH];
	int nb = san_cq_poll(side->cq, comp, BATCH);

	for (int i = 0; i < nb; i++) {
		struct conn *k = (struct conn *)(uintptr_t)comp[i].user;

		if (comp[i].kind == SAN_OP_SEND)
			continue;
		if (comp[i].kind == SAN_OP_CLOSE) {
			c->count[0]++;
			end_stage(c, k, CLOSE);
		} else if (comp[i].result < 0) {
			fail(c, k);
		} else if (comp[i].kind == SAN_OP_CONNECT) {
			end_stage(c, k, OPEN);
		} else if (comp[i].kind == SAN_OP_RECV) {
			end_stage(c, k, USE);
		} else {
			san_close(k->sock, (uintptr_t)k);
		}
	}
	return nb > 0 ? (unsigned int)nb : 0;
}

/* The server has its part of a stage when it has accepted, or closed, as many as this end. @return false: not. */
static bool
wait_for_server(struct crr *c, enum stage stage)
{
	const _Atomic uint64_t *count = stage == OPEN ? &c->seen->accepted : &c->seen->closed;
	uint64_t want = c->count[0] + (stage == OPEN ? c->batch : 0);

	return c->world->one_end || stage == USE || bench_world_until_count(c->world, count, want, LIMIT_S);
}

/* A stage of all connections. @return false: it does not end. */
static bool
run_stage(struct crr *c, enum stage stage)
{
	c->stage = stage;
	c->stage_done = 0;
	c->all_done = false;
	for (uint32_t i = 0; i < c->batch; i++)
		begin(c, &c->conns[i], stage == FLOW ? OPEN : stage);
	return stage == FLOW || (bench_world_until(c->world, &c->all_done, LIMIT_S) && wait_for_server(c, stage));
}

static bool
measure_batch(struct crr *c, struct bench_sums sums[NB_STAGES])
{
	for (enum stage s = OPEN; s < NB_STAGES; s++) {
		struct bench_stretch t;

		bench_stretch_begin(c->world, &t);
		if (!run_stage(c, s))
			return false;
		bench_stretch_end(c->world, &t, &sums[s]);
	}
	return true;
}

static void
put_stage(struct crr *c, const struct bench_sums *s, const char *stage)
{
	struct bench *b = c->world->b;

	bench_put_sums(bench_row(b, "cycles", "connect, %s: all", stage), s, s->tsc, c->batch);
	bench_put_sums(bench_row(b, "cycles", "connect, %s: client", stage), s, s->busy[0], c->batch);
	if (!c->world->one_end)
		bench_put_sums(bench_row(b, "cycles", "connect, %s: server", stage), s, s->busy[1], c->batch);
}

/* The batches of one repetition: until so many of a second are measured, at most five times as long. */
static bool
measure_stages(struct crr *c)
{
	static const char *const names[] = { "open", "request", "close" };
	struct bench *b = c->world->b;
	struct bench_sums sums[NB_STAGES] = { { 0 } };
	uint64_t want = (uint64_t)(bench_real(b, "seconds") * (double)rte_get_tsc_hz());
	uint64_t end = rte_rdtsc() + 5 * want;

	bench_world_look(c->world);
	do {
		if (!measure_batch(c, sums)) {
			prog_complain("connections do not end.");
			return false;
		}
	} while (sums[0].tsc + sums[1].tsc + sums[2].tsc < want && rte_rdtsc() < end && !prog_stop);
	for (enum stage s = OPEN; s < NB_STAGES; s++)
		put_stage(c, &sums[s], names[s]);
	return !prog_stop;
}

static bool
measure_flow(struct crr *c, struct bench_meter *m)
{
	struct bench *b = c->world->b;
	static const char name[] = "connect, in the flow";
	unsigned int repeat = (unsigned int)bench_number(b, "repeat");
	bool good = run_stage(c, FLOW);

	for (unsigned int i = 0; i < repeat && good; i++) {
		good = bench_meter_run(m);
		bench_put_rate(m, bench_row(b, "k/s", "%s: rate", name), 0, 1e-3);
		bench_put_cycles(m, name, (double)m->sum[0]);
	}
	c->ending = true;
	return good && bench_world_until(c->world, &c->all_done, LIMIT_S);
}

static bool
measure(struct crr *c, struct bench_meter *m)
{
	struct bench *b = c->world->b;
	struct bench_sums warm[NB_STAGES] = { { 0 } };
	uint32_t batch = c->batch;
	bool good;

	/* the first one by itself: the peer's Ethernet address has to be asked for */
	c->batch = 1;
	good = measure_batch(c, warm);
	c->batch = batch;
	for (unsigned int i = 0; i < 4 && good; i++)
		good = measure_batch(c, warm);
	for (unsigned int i = 0; i < bench_number(b, "repeat") && good; i++)
		good = measure_stages(c);
	good = good && measure_flow(c, m);
	if (c->count[1] > 0)
		prog_complain("%llu connections failed.", (unsigned long long)c->count[1]);
	return good && c->count[1] == 0;
}

static bool
make(struct crr *c, struct bench *b)
{
	c->batch = (uint32_t)bench_number(b, "batch");
	c->size = (uint32_t)bench_number(b, "size");
	c->conns = bench_alloc(c->batch * sizeof(*c->conns));
	c->bytes = bench_alloc(2 * (size_t)c->size);
	for (uint32_t i = 0; c->conns != NULL && i < c->batch; i++)
		c->conns[i].op.user = c->conns[i].send.user = (uintptr_t)&c->conns[i];
	return c->conns != NULL && c->bytes != NULL;
}

static int
run(struct bench *b)
{
	const struct bench_sizes sizes = {
		.connections = 16384,
		.mbufs = (uint32_t)bench_number(b, "mbufs"),
		.time_wait_ms = 1,
	};
	struct bench_world world = { .b = b };
	struct crr c = { .world = &world };
	struct server *s = server_make(&(struct server_options){
		.connections = 16384,
		.buffer = 2048,
		.repeat = server_repeats(b),
	});
	struct bench_program client = { NULL, step, &c, 65536 }, server;
	struct bench_meter *m = bench_meter_make(&world, c.count);
	bool good = s != NULL && m != NULL && make(&c, b);

	if (good) {
		server = server_program(s);
		c.seen = server_seen(s);
		good = bench_world_open(&world, b, &sizes, &client, &server) && measure(&c, m);
	}
	bench_world_close(&world);
	server_free(s);
	free(m);
	free(c.conns);
	free(c.bytes);
	return good ? 0 : 1;
}

const struct bench_command bench_connect = {
	.name = "connect",
	.summary = "connect, request, close: cycles of each, and short connections a second",
	.text = text,
	.options = options,
	.groups = BENCH_MEASURE | BENCH_WORLD,
	.run = run,
};
