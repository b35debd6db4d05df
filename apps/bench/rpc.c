/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "commands.h"
#include "pair.h"

static const struct bench_option options[] = {
	{ "connections", BENCH_RISING, "1,100,1000", 1, 1000000, "measured one after the other, upwards" },
	{ "addresses", BENCH_NUMBER, NULL, 1, BENCH_ADDRESSES_MAX,
	  "each connection is bound to one of so many addresses of\n"
	  "the client, and goes to the server's of the same\nnetwork; a ring pair each" },
	{ "size", BENCH_LIST, "64", 1, 1 << 20, "of a request, and of its answer [bytes]" },
	{ "order", BENCH_TEXT_ARG, "turn", 0, 0, "of connections that may send: turn, or random" },
	{ "limit", BENCH_NUMBER, "512", 1, 65536, "requests under way at once, over all connections" },
	{ "rate", BENCH_LIST, NULL, 1, 1000000000, "open loop: requests that come a second, at random" },
	PAIR_OPTIONS,
	{ NULL, BENCH_FLAG, NULL, 0, 0, NULL },
};

static const char text[] =
	"Requests and answers, on any number of connections. Closed loop: a connection sends the next one when\n"
	"the last is answered, so the rate is what both ends can. Open loop (--rate): they come at random, and\n"
	"how long one takes counts from when it came. Cycles of client and server are those of rounds that had\n"
	"something to do; \"all\" is the time of the clock for a request, idle rounds too. In turn, a\n"
	"connection is the one that all others have been before; at random (--order) it is drawn, and nothing of\n"
	"it is near. Opening and closing (the client first, gracefully) are rows of their own, from 64\n"
	"connections on: seconds of the clock, and cycles for each.";

struct rpc {
	struct pair pair;
	uint32_t connections, size;
	bool random;
	double rate;	/* 0: closed loop */
	char name[BENCH_TEXT];
};

/* What its rows begin with. */
static void
set_name(struct rpc *r)
{
	char loop[32] = "closed", from[PAIR_FROM];

	if (r->rate > 0)
		snprintf(loop, sizeof(loop), "open %.0f/s", r->rate);
	/* not to be taken for what a core does that runs the program too */
	snprintf(r->name, sizeof(r->name), "rpc %s, %u B, %u connections%s%s%s", loop, r->size, r->connections,
		 pair_from(&r->pair, from),
		 r->random ? ", at random" : "", r->pair.meter->w->off_core ? ", off-core" : "");
}

static struct bench_row *
row(struct rpc *r, const char *unit, const char *what)
{
	return bench_row(r->pair.b, unit, "%s: %s", r->name, what);
}

static void
report(struct rpc *r)
{
	struct bench_meter *m = r->pair.meter;
	double n = (double)m->sum[CALLER_REQUESTS];

	bench_put_rate(m, row(r, "k/s", "rate"), CALLER_REQUESTS, 1e-3);
	bench_put_cycles(m, r->name, n);
	if (!m->w->one_end)
		bench_put_ratio(m, row(r, "cycles", "of them, server's program"), (double)m->step[1], n);
	bench_put_time(m, row(r, "us", "p50"), 0.5);
	bench_put_time(m, row(r, "us", "p99"), 0.99);
	bench_put_time(m, row(r, "us", "p99.9"), 0.999);
}

/* One number of connections, one size, one rate. */
static bool
measure(struct rpc *r)
{
	struct pair *p = &r->pair;
	unsigned int repeat = (unsigned int)bench_number(p->b, "repeat");

	set_name(r);
	for (unsigned int i = 0; i < repeat; i++) {
		bool good, behind;

		caller_set(p->caller, r->rate > 0 ? CALLER_OPEN_LOOP : CALLER_CLOSED_LOOP, r->rate, p->meter);
		good = bench_meter_run(p->meter);
		behind = r->rate > 0 && (double)caller_behind(p->caller) > r->rate / 100;
		if (!good || !caller_rest(&p->world, p->caller))
			return false;
		report(r);
		/* of slices that were left out it says nothing */
		if (behind && p->meter->tsc > 0)
			bench_note(row(r, "us", "p99"), "cannot be reached: requests wait");
	}
	return true;
}

static bool
measure_rates(struct rpc *r)
{
	uint64_t rates[BENCH_LIST_MAX];
	unsigned int n;

	r->rate = 0;
	if (!bench_has(r->pair.b, "rate"))
		return measure(r);
	n = bench_list(r->pair.b, "rate", rates);
	for (unsigned int i = 0; i < n; i++) {
		r->rate = (double)rates[i];
		if (!measure(r))
			return false;
	}
	return true;
}

/* What a connection takes of this process: both ends of it, unless the other end is elsewhere. */
static void
report_memory(struct rpc *r, uint64_t before, uint32_t connections)
{
	double more = (double)bench_resident() - (double)before;

	char from[PAIR_FROM];

	bench_put(bench_row(r->pair.b, "bytes", "rpc, %u connections%s: resident memory for one more", r->connections,
			    pair_from(&r->pair, from)),
		  more / connections);
}

static bool
measure_all(struct rpc *r)
{
	uint64_t connections[BENCH_LIST_MAX], sizes[BENCH_LIST_MAX];
	unsigned int n = bench_list(r->pair.b, "connections", connections);
	unsigned int nb_sizes = bench_list(r->pair.b, "size", sizes);
	uint32_t open = 0;

	for (unsigned int i = 0; i < n; i++) {
		uint64_t before = bench_resident();

		r->connections = (uint32_t)connections[i];
		if (!pair_connect(&r->pair, r->connections))
			return false;
		for (unsigned int j = 0; j < nb_sizes; j++) {
			r->size = (uint32_t)sizes[j];
			caller_set_size(r->pair.caller, r->size);
			if (!measure_rates(r))
				return false;
		}
		if (r->connections >= open + 1000)
			report_memory(r, before, r->connections - open);
		open = r->connections;
	}
	return pair_disconnect(&r->pair);
}

/* What the option --order says, or exit 2. */
static bool
draws(const struct bench *b)
{
	const char *order = bench_text(b, "order");

	if (strcmp(order, "turn") != 0 && strcmp(order, "random") != 0)
		prog_refuse("--order is \"%s\", accepted is turn or random.", order);
	return strcmp(order, "random") == 0;
}

static int
run(struct bench *b)
{
	struct rpc r = { .random = draws(b) };
	const struct caller_options o = {
		.connections = pair_most(b, "connections"),
		.size = pair_most(b, "size"),
		.limit = (uint32_t)bench_number(b, "limit"),
		.random = r.random,
		.addresses = (uint32_t)bench_number(b, "addresses"),
	};
	bool good;

	if (o.addresses > 0 && bench_has(b, "peer"))
		prog_refuse("--addresses is of a client and a server in this process, not of --peer.");
	good = pair_open(&r.pair, b, &o) && measure_all(&r);
	pair_close(&r.pair);
	return good ? 0 : 1;
}

const struct bench_command bench_rpc = {
	.name = "rpc",
	.summary = "requests and answers on 1 to 1,000,000 connections, closed and open loop",
	.text = text,
	.options = options,
	.groups = BENCH_MEASURE | BENCH_WORLD,
	.run = run,
};
