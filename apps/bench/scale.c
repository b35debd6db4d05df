/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The same work on one processor and on two at once: a thread each, with both ends of a ring pair of its own, so that
 * they share nothing but what the stack, DPDK and the machine have in common. Then with hosts of two cores: a hash that
 * each host draws says which core a flow is of, whichever core it comes to, and the other one hands it over.
 *
 *   ONE     a thread, hosts of one core            APART   two threads, hosts of one core each, nothing shared
 *   HANDED  a thread that polls hosts of two cores, all sockets that a program makes on the first
 *   SHARED  two threads, hosts of two cores: each thread polls one of each, and has a listener and connections there;
 *           those of its listener that are the other core's it serves from afar
 *
 * The hosts' hashes know nothing of each other, so that of each direction every second packet comes to the wrong core.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_lcore.h>

#include "commands.h"
#include "guard.h"
#include "hosts.h"
#include "pair.h"

#define PARTS 2u
#define COUNTERS 512u	/* more than there are */
#define PORTS 20000u	/* between those of the servers on one host */
#define LIMIT 512u	/* requests under way, as of rpc */

static const struct bench_option options[] = {
	{ "connections", BENCH_NUMBER, "100", 1, 8000, "of each processor" },
	{ "size", BENCH_NUMBER, "64", 1, 65536, "of a request, and of its answer [bytes]" },
	PAIR_OPTIONS_OF("16384"),
	{ NULL, BENCH_FLAG, NULL, 0, 0, NULL },
};

static const char text[] =
	"Requests and answers, closed loop, both ends on one processor; then two such pairs, on a processor each, at\n"
	"once, each with hosts and a ring pair of its own. What the ratio lacks to 2 is what the two take from each\n"
	"other. Then with hosts of two cores, over which a hash spreads connections, on one processor and on two:\n"
	"every second packet of each direction comes to the core that does not own its flow and is handed over,\n"
	"and half of what a listener accepts is on the core that is not its own. Connections whose packets stay\n"
	"where they come are answered sooner and send more: \"packets handed over\" (of all of the time) says what\n"
	"came of that. Ratios are to one processor, hosts of one core; cycles are those of all processors.";

enum way { ONE, APART, HANDED, SHARED, NB_WAYS };

static const struct {
	const char *name;
	unsigned int parts;	/* threads */
	unsigned int cores;	/* of a host */
} ways[NB_WAYS] = {
	[ONE] = { "1 processor", 1, 1 },
	[APART] = { "2 processors", 2, 1 },
	[HANDED] = { "1 processor, hosts of 2 cores", 1, 2 },
	[SHARED] = { "2 processors, hosts of 2 cores", 2, 2 },
};

struct part {
	struct scale *scale;
	struct pair pair;
	pthread_t thread;
	unsigned int cpu;
	double rate[BENCH_REPEAT_MAX];	/* 0: all was disturbed */
	uint64_t slices, disturbed;
};

struct scale {
	struct bench *b;
	enum way way;
	unsigned int nb;
	uint32_t connections, size, repeat;
	_Atomic unsigned int failed, over;
	struct part part[PARTS];
};

/*
 * Goes on until the others are that far, the n-th time, too: so that none is measured alone, and none is without the
 * core that another one polls.
 */
static void
meet(struct part *p, unsigned int n)
{
	struct scale *s = p->scale;

	atomic_fetch_add(&s->over, 1);
	while (atomic_load(&s->over) < s->nb * n && atomic_load(&s->failed) == 0 && !prog_stop)
		bench_world_round(&p->pair.world);
}

static void
measure(struct part *p, unsigned int i)
{
	struct bench_meter *m = p->pair.meter;

	bench_meter_repeat(m);
	if (m->tsc > 0)
		p->rate[i] = (double)m->sum[CALLER_REQUESTS] * (double)rte_get_tsc_hz() / (double)m->tsc;
	p->slices += m->slices;
	p->disturbed += m->disturbed;
}

static void
run_part(struct part *p)
{
	struct scale *s = p->scale;
	struct bench_world *w = &p->pair.world;
	struct caller *c = p->pair.caller;

	meet(p, 1);
	if (!caller_connect(w, c, s->connections, NULL))
		atomic_fetch_add(&s->failed, 1);
	meet(p, 2);
	if (atomic_load(&s->failed) != 0)
		return;
	caller_set(c, CALLER_CLOSED_LOOP, 0, NULL);
	for (unsigned int i = 0; i < s->repeat && !prog_stop; i++) {
		measure(p, i);
		meet(p, 3 + i);
	}
	caller_rest(w, c);
	meet(p, 3 + s->repeat);
}

static void *
be_part(void *arg)
{
	struct part *p = arg;
	struct bench_world *w = &p->pair.world;

	bench_pin(p->cpu);
	if (bench_world_begin(w))
		run_part(p);
	else
		atomic_fetch_add(&p->scale->failed, 1);
	bench_world_leave(w);
	return NULL;
}

/* The main lcore's processor, or the next one's. */
static unsigned int
cpu_of(unsigned int part)
{
	unsigned int lcore = rte_get_main_lcore();

	return (unsigned int)rte_lcore_to_cpu_id((int)(part == 0 ? lcore : rte_get_next_lcore(lcore, 1, 1)));
}

static bool
make_part(struct scale *s, unsigned int i)
{
	const struct caller_options o = {
		.connections = s->connections,
		.size = s->size,
		.limit = LIMIT,
		.shift = (uint16_t)(i * PORTS),
	};
	unsigned int cores = ways[s->way].cores;
	struct part *p = &s->part[i];
	struct bench_world *w = &p->pair.world;

	*p = (struct part){ .scale = s, .cpu = cpu_of(i) };
	if (i > 0 && cores > 1)
		return pair_open_beside(&p->pair, &s->part[0].pair, &o);
	if (!pair_open_part(&p->pair, s->b, &o, i, cores))
		return false;
	if (s->nb == 1 && cores > 1) {
		w->client.more = san_core_get(w->client.host, 1);
		w->server.more = san_core_get(w->server.host, 1);
	}
	return true;
}

static void
run_parts(struct scale *s)
{
	if (s->nb == PARTS && pthread_create(&s->part[1].thread, NULL, be_part, &s->part[1]) != 0) {
		prog_complain("no second thread.");
		s->failed = 1;
		return;
	}
	be_part(&s->part[0]);
	if (s->nb == PARTS)
		pthread_join(s->part[1].thread, NULL);
}

static struct bench_row *
row(struct scale *s, const char *unit, const char *what)
{
	return bench_row(s->b, unit, "scale, %u B, %u connections each: %s", s->size, s->connections, what);
}

/* What came out of them, one after the other. @param[out] rates One for each repetition, 0: disturbed. */
static void
report(struct scale *s, double *rates)
{
	const char *name = ways[s->way].name;
	struct bench_row *r = row(s, "k/s", name);
	char what[BENCH_TEXT];

	snprintf(what, sizeof(what), "%s: cycles", name);
	for (unsigned int i = 0; i < s->repeat; i++) {
		bool good = true;

		rates[i] = 0;
		for (unsigned int j = 0; j < s->nb; j++) {
			good = good && s->part[j].rate[i] > 0;
			rates[i] += s->part[j].rate[i];
		}
		rates[i] = good ? rates[i] : 0;
		if (!good)
			continue;
		bench_put(r, rates[i] * 1e-3);
		bench_put(row(s, "cycles", what), s->nb * (double)rte_get_tsc_hz() / rates[i]);
	}
	for (unsigned int j = 0; j < s->nb; j++)
		bench_disturbed(r, s->part[j].slices, s->part[j].disturbed);
}

/* Packets that came to the wrong core of a host. */
static uint64_t
handed_of(const struct san_host *host)
{
	struct san_counter list[COUNTERS];
	unsigned int n = san_host_counters(host, list, COUNTERS);

	for (unsigned int i = 0; i < n && i < COUNTERS; i++) {
		if (strcmp(list[i].name, "core_handover") == 0)
			return list[i].value;
	}
	return 0;
}

/* How many packets a request took to the wrong core, at both hosts; those of opening are among them. */
static void
report_handed(struct scale *s)
{
	const struct bench_world *w = &s->part[0].pair.world;
	uint64_t requests = 0, handed = handed_of(w->client.host) + handed_of(w->server.host);
	char what[BENCH_TEXT];
	struct bench_row *r;

	snprintf(what, sizeof(what), "%s: packets handed over", ways[s->way].name);
	r = row(s, "", what);
	for (unsigned int j = 0; j < s->nb; j++)
		requests += caller_counts(s->part[j].pair.caller)[CALLER_REQUESTS];
	if (requests > 0)
		bench_put(r, (double)handed / (double)requests);
	bench_note(r, "of one request, both hosts");
}

static bool
measure_way(struct scale *s, enum way way, double *rates)
{
	unsigned int made = 0;
	bool good = true;

	s->way = way;
	s->nb = ways[way].parts;
	s->failed = s->over = 0;
	for (; made < s->nb && good; made++)
		good = make_part(s, made);
	if (good)
		run_parts(s);
	good = good && s->failed == 0 && !prog_stop;
	if (good) {
		report(s, rates);
		if (ways[way].cores > 1)
			report_handed(s);
	}
	bench_end_hosts(&(struct bench_world){ .b = s->b, .two_threads = true });
	for (unsigned int i = 0; i < made; i++)
		pair_free(&s->part[i].pair);
	return good;
}

/* What this way brings, of what one processor does; the row is of the place where it was measured. */
static void
compare(struct scale *s, const double *one, const double *rates)
{
	static const char *const names[NB_WAYS] = {
		[APART] = "ratio",
		[HANDED] = "ratio, 1 processor, hosts of 2 cores",
		[SHARED] = "ratio, 2 processors, hosts of 2 cores",
	};

	for (unsigned int i = 0; i < s->repeat; i++) {
		if (one[i] > 0 && rates[i] > 0)
			bench_put(row(s, "", names[s->way]), rates[i] / one[i]);
	}
}

static int
run(struct bench *b)
{
	static double rates[NB_WAYS][BENCH_REPEAT_MAX];
	struct scale *s = bench_alloc(sizeof(*s));
	bool good = s != NULL;

	if (rte_lcore_count() < PARTS) {
		prog_complain("two processors are needed, such as -l 0,1.");
		good = false;
	}
	if (good) {
		s->b = b;
		s->connections = (uint32_t)bench_number(b, "connections");
		s->size = (uint32_t)bench_number(b, "size");
		s->repeat = (uint32_t)bench_number(b, "repeat");
	}
	for (unsigned int way = 0; way < NB_WAYS && good; way++) {
		b->place = BENCH_ONE;
		if (ways[way].parts > 1)
			bench_look_line(b, cpu_of(0), cpu_of(1));
		bench_progress("%s", ways[way].name);
		good = measure_way(s, way, rates[way]);
		if (good && way != ONE)
			compare(s, rates[ONE], rates[way]);
	}
	free(s);
	return good ? 0 : 1;
}

const struct bench_command bench_scale = {
	.name = "scale",
	.summary = "the same on one processor and on two at once: ratio",
	.text = text,
	.options = options,
	.groups = BENCH_MEASURE,
	.run = run,
};
