/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_cycles.h>

#include "commands.h"
#include "pair.h"

static const struct bench_option options[] = {
	{ "size", BENCH_LIST, "1,64,1460,65536", 1, 1 << 20, "of a request, and of its answer [bytes]" },
	PAIR_OPTIONS,
	{ NULL, BENCH_FLAG, NULL, 0, 0, NULL },
};

static const char text[] =
	"One request after the other on one connection: how long each takes, from before its send to when its\n"
	"answer is reaped. Percentiles of a repetition, from a histogram with steps of 1.6 %. A slice in which a\n"
	"side lost its processor is left out, so the longest ones are the stack's, not those of the machine.";

static const struct {
	const char *name;
	double q;
} quantiles[] = {
	{ "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "p99.9", 0.999 }, { "longest", 1 },
};

static void
report(struct pair *p, uint32_t size)
{
	struct bench_meter *m = p->meter;

	for (unsigned int i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
		bench_put_time(m, bench_row(p->b, "us", "latency, %u B: %s", size, quantiles[i].name),
			       quantiles[i].q);
	bench_put_rate(m, bench_row(p->b, "k/s", "latency, %u B: rate", size), CALLER_REQUESTS, 1e-3);
}

static bool
measure(struct pair *p)
{
	uint64_t sizes[BENCH_LIST_MAX];
	unsigned int n = bench_list(p->b, "size", sizes);
	unsigned int repeat = (unsigned int)bench_number(p->b, "repeat");
	bool good = caller_connect(&p->world, p->caller, 1, NULL);

	for (unsigned int i = 0; i < n * repeat && good; i++) {
		uint32_t size = (uint32_t)sizes[i / repeat];

		caller_set_size(p->caller, size);
		caller_set(p->caller, CALLER_CLOSED_LOOP, 0, p->meter);
		good = bench_meter_run(p->meter) && caller_rest(&p->world, p->caller);
		if (good)
			report(p, size);
	}
	return good;
}

static int
run(struct bench *b)
{
	const struct caller_options o = { .connections = 1, .size = pair_most(b, "size"), .limit = 1 };
	struct pair pair;
	bool good = pair_open(&pair, b, &o) && measure(&pair);

	pair_close(&pair);
	return good ? 0 : 1;
}

const struct bench_command bench_latency = {
	.name = "latency",
	.summary = "one request after the other: percentiles of how long each takes",
	.text = text,
	.options = options,
	.groups = BENCH_MEASURE | BENCH_WORLD,
	.run = run,
};
