/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections that are opened, used once and closed. In stages all of a batch are opened, then all send a request, then
 * all are closed, so that what each of the three costs is known; in the flow every connection goes on by itself, which
 * is what a client with short connections does.
 */
#include <stdlib.h>

#include <rte_cycles.h>

#include "commands.h"
#include "crr.h"
#include "pair.h"

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

struct connect {
	struct bench_world *world;
	struct crr *crr;
	uint32_t batch;
};

static bool
measure_batch(struct connect *c, struct bench_sums sums[CRR_STAGES])
{
	for (enum crr_stage s = CRR_OPEN; s < CRR_STAGES; s++) {
		struct bench_stretch t;

		bench_stretch_begin(c->world, &t);
		if (!crr_run_stage(c->crr, s, c->batch))
			return false;
		bench_stretch_end(c->world, &t, &sums[s]);
	}
	return true;
}

static void
put_stage(struct connect *c, const struct bench_sums *s, const char *stage)
{
	struct bench *b = c->world->b;

	bench_put_sums(bench_row(b, "cycles", "connect, %s: all", stage), s, s->tsc, c->batch);
	bench_put_sums(bench_row(b, "cycles", "connect, %s: client", stage), s, s->busy[0], c->batch);
	if (!c->world->one_end)
		bench_put_sums(bench_row(b, "cycles", "connect, %s: server", stage), s, s->busy[1], c->batch);
}

/* What connections took of which some failed is no figure. */
static bool
have_failed(const struct connect *c)
{
	return crr_counts(c->crr)[CRR_FAILED] > 0;
}

/* The batches of one repetition: until so many of a second are measured, at most five times as long. */
static bool
measure_stages(struct connect *c)
{
	static const char *const names[] = { "open", "request", "close" };
	struct bench *b = c->world->b;
	struct bench_sums sums[CRR_STAGES] = { { 0 } };
	uint64_t want = (uint64_t)(bench_real(b, "seconds") * (double)rte_get_tsc_hz());
	uint64_t end;

	bench_world_look(c->world);
	end = rte_rdtsc() + 5 * want;
	do {
		if (!measure_batch(c, sums)) {
			if (!prog_stop)
				prog_complain("connections do not end.");
			return false;
		}
	} while (sums[0].tsc + sums[1].tsc + sums[2].tsc < want && rte_rdtsc() < end && !prog_stop);
	if (prog_stop || have_failed(c))
		return false;
	for (enum crr_stage s = CRR_OPEN; s < CRR_STAGES; s++)
		put_stage(c, &sums[s], names[s]);
	return true;
}

static bool
measure_flow(struct connect *c, struct bench_meter *m)
{
	struct bench *b = c->world->b;
	static const char name[] = "connect, in the flow";
	unsigned int repeat = (unsigned int)bench_number(b, "repeat");
	bool good = crr_run_stage(c->crr, CRR_FLOW, c->batch);

	bench_progress("%s", name);
	for (unsigned int i = 0; i < repeat && good; i++) {
		good = bench_meter_run(m) && !have_failed(c);
		if (!good)
			break;
		bench_put_rate(m, bench_row(b, "k/s", "%s: rate", name), CRR_CLOSED, 1e-3);
		bench_put_cycles(m, name, (double)m->sum[CRR_CLOSED]);
	}
	return crr_end_flow(c->crr) && good;
}

static bool
measure(struct connect *c, struct bench_meter *m)
{
	struct bench *b = c->world->b;
	struct bench_sums warm[CRR_STAGES] = { { 0 } };
	uint32_t batch = c->batch;
	uint64_t failed;
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
	failed = crr_counts(c->crr)[CRR_FAILED];
	if (failed > 0)
		prog_complain("%llu connections failed.", (unsigned long long)failed);
	return good && failed == 0;
}

static int
run(struct bench *b)
{
	const struct bench_sizes sizes = {
		.connections = CRR_SOCKETS,
		.mbufs = (uint32_t)bench_number(b, "mbufs"),
		.time_wait_ms = CRR_TIME_WAIT_MS,
	};
	const struct crr_options o = {
		.batch = (uint32_t)bench_number(b, "batch"),
		.size = (uint32_t)bench_number(b, "size"),
	};
	struct bench_world world = { .b = b };
	struct connect c = { .world = &world, .crr = crr_make(&o), .batch = o.batch };
	struct server *s = server_make(&(struct server_options){
		.connections = CRR_SOCKETS,
		.buffer = 2048,
		.repeat = server_repeats(b),
	});
	struct bench_meter *m = c.crr != NULL ? bench_meter_make(&world, crr_counts(c.crr)) : NULL;
	bool good = s != NULL && m != NULL;

	if (good) {
		struct bench_program client = crr_program(c.crr), server = server_program(s);

		good = bench_world_open(&world, b, &sizes, &client, &server);
		crr_begin(c.crr, &world, server_seen(s));
		good = good && measure(&c, m);
	}
	bench_world_close(&world);
	server_free(s);
	crr_free(c.crr);
	free(m);
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
