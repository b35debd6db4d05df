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
 * Of HANDED and SHARED the connections are told apart by whether their packets are handed over: by what the two sorts
 * differ, that is what handing over takes.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_lcore.h>

#include "commands.h"
#include "guard.h"
#include "hosts.h"
#include "load.h"
#include "pair.h"

#define PARTS 2u
#define COUNTERS 512u		/* more than there are */
#define SORTED_MAX 64u		/* connections of a part that are looked at */

static const struct bench_option options[] = {
	{ "work", BENCH_TEXT_ARG, "all", 0, 0, "rpc, stream, connect, or all of them" },
	{ "connections", BENCH_NUMBER, "100", 1, 8000, "of rpc, of each processor" },
	{ "streams", BENCH_NUMBER, "8", 1, FLOWS_MAX, "of stream, of each processor" },
	{ "batch", BENCH_NUMBER, "128", 1, 4096, "of connect: connections at once, of each processor" },
	{ "size", BENCH_NUMBER, "64", 1, 65536, "of a request, and of its answer [bytes]" },
	PAIR_OPTIONS_OF("16384"),
	{ NULL, BENCH_FLAG, NULL, 0, 0, NULL },
};

static const char text[] =
	"Requests and answers in a closed loop, streams out, copied, and connections that carry one request, both\n"
	"ends on one processor; then two such pairs, on a processor each, at once, each with hosts and a ring pair\n"
	"of its own. What the ratio lacks to 2 is what the two take from each other. Then with hosts of two cores,\n"
	"over which a hash spreads connections, on one processor and on two: every second packet of each direction\n"
	"comes to the core that does not own its flow and is handed over, and half of what a listener accepts is on\n"
	"the core that is not its own. Connections whose packets stay where they come are answered sooner and send\n"
	"more: \"packets handed over\" (of all of the time) says what came of that. Ratios are to one processor,\n"
	"hosts of one core; cycles are those of all processors, for a request, a full segment, a connection.\n"
	"\"A hand-over\" is what connections all of whose packets are handed over take more than as many others,\n"
	"measured in turn, for a packet; on two processors their sockets at the server are served from afar, too.";

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

static const struct {
	const char *option, *unit, *each;
	double factor;
} works[LOAD_KINDS] = {
	[LOAD_RPC] = { "rpc", "k/s", "request", 1e-3 },
	[LOAD_STREAM] = { "stream", "Gbit/s", "segment", 8e-9 },
	[LOAD_CONNECT] = { "connect", "k/s", "connection", 1e-3 },
};

/* Connections whose packets are not handed over, or all are. */
struct sorted {
	bool which[SORTED_MAX];
	double rate[BENCH_REPEAT_MAX];	/* 0: all was disturbed */
	uint64_t slices, disturbed;
	uint64_t requests;
	uint64_t handed;		/* of all parts */
};

struct part {
	struct scale *scale;
	struct load load;
	pthread_t thread;
	unsigned int cpu;
	double rate[BENCH_REPEAT_MAX];	/* 0: all was disturbed */
	uint64_t slices, disturbed;
	uint64_t handed;		/* of all parts, until the last was over */
	double done;			/* by then */
	struct sorted sorted[2];
	uint32_t nb_sorted;		/* connections of either sort */
	unsigned int met;
};

struct scale {
	struct bench *b;
	enum load_kind work;
	enum way way;
	unsigned int nb;
	uint32_t connections, size, repeat;
	_Atomic unsigned int failed, over;
	struct part part[PARTS];
};

static struct bench_row *
row(struct scale *s, const char *unit, const char *what)
{
	switch (s->work) {
	case LOAD_STREAM:
		return bench_row(s->b, unit, "scale, stream out, %u connections each: %s", s->connections, what);
	case LOAD_CONNECT:
		return bench_row(s->b, unit, "scale, connect, %u at once each: %s", s->connections, what);
	default:
		return bench_row(s->b, unit, "scale, %u B, %u connections each: %s", s->size, s->connections, what);
	}
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

/* Of both hosts, which all parts share. */
static uint64_t
count_handed(const struct part *p)
{
	const struct bench_world *w = &p->load.world;

	return handed_of(w->client.host) + handed_of(w->server.host);
}

/*
 * Goes on until the others are that far, too: so that none is measured alone, and none is without the core that
 * another one polls.
 */
static void
meet(struct part *p)
{
	struct scale *s = p->scale;
	unsigned int n = ++p->met;

	atomic_fetch_add(&s->over, 1);
	while (atomic_load(&s->over) < s->nb * n && atomic_load(&s->failed) == 0 && !prog_stop)
		bench_world_round(&p->load.world);
}

static void
measure(struct part *p, unsigned int i)
{
	struct bench_meter *m = p->load.meter;

	bench_meter_repeat(m);
	if (m->tsc > 0)
		p->rate[i] = (double)m->sum[0] * (double)rte_get_tsc_hz() / (double)m->tsc;
	p->slices += m->slices;
	p->disturbed += m->disturbed;
}

/* What handing over takes */

/* Which are which of the first connections, as many of either sort, by what opening them one by one hands over. */
static bool
sort_connections(struct part *p)
{
	uint32_t n = p->load.options.connections < SORTED_MAX ? p->load.options.connections : SORTED_MAX;
	struct sorted *of = p->sorted;
	uint32_t nb[2] = { 0 };

	for (uint32_t i = 0; i < n; i++) {
		uint64_t before = count_handed(p);

		if (!caller_open(&p->load.world, p->load.caller, i + 1))
			return false;
		/* SYN and SYN-ACK; the ACK of the one before may come to it */
		of[1].which[i] = count_handed(p) - before >= 2;
		of[0].which[i] = !of[1].which[i];
		nb[of[1].which[i]]++;
	}
	p->nb_sorted = nb[0] < nb[1] ? nb[0] : nb[1];
	for (uint32_t i = n; i-- > 0;) {
		unsigned int sort = of[1].which[i];

		if (nb[sort] > p->nb_sorted) {
			of[sort].which[i] = false;
			nb[sort]--;
		}
	}
	return true;
}

/* All parts at once, each its own connections of this sort. */
static void
measure_sort(struct part *p, unsigned int sort, unsigned int i)
{
	struct caller *c = p->load.caller;
	struct bench_meter *m = p->load.meter;
	struct sorted *of = &p->sorted[sort];
	uint64_t before = count_handed(p), requests = caller_counts(c)[CALLER_REQUESTS];

	caller_choose(c, of->which, SORTED_MAX);
	caller_set(c, CALLER_CLOSED_LOOP, 0, NULL);
	bench_meter_repeat(m);
	meet(p);
	if (!caller_rest(&p->load.world, c))
		atomic_fetch_add(&p->scale->failed, 1);
	meet(p);
	of->rate[i] = m->tsc > 0 ? (double)m->sum[0] * (double)rte_get_tsc_hz() / (double)m->tsc : 0;
	of->slices += m->slices;
	of->disturbed += m->disturbed;
	of->requests += caller_counts(c)[CALLER_REQUESTS] - requests;
	of->handed += count_handed(p) - before;
	meet(p);
}

/* A part, on its thread */

/* Do packets come to the wrong core, and is what that takes looked at? */
static bool
is_sorted(const struct scale *s)
{
	return ways[s->way].cores > 1 && s->work == LOAD_RPC;
}

/* One part after the other sorts its connections, while nothing else is under way. */
static bool
begin(struct part *p)
{
	struct scale *s = p->scale;
	bool good = true;

	for (unsigned int j = 0; j < s->nb && is_sorted(s); j++) {
		if (p == &s->part[j])
			good = sort_connections(p);
		meet(p);
	}
	return good && load_begin(&p->load);
}

static void
run_part(struct part *p)
{
	struct scale *s = p->scale;

	meet(p);
	if (!begin(p))
		atomic_fetch_add(&s->failed, 1);
	meet(p);
	if (atomic_load(&s->failed) != 0)
		return;
	for (unsigned int i = 0; i < s->repeat && !prog_stop; i++) {
		measure(p, i);
		meet(p);
	}
	if (!load_end(&p->load))
		atomic_fetch_add(&s->failed, 1);
	p->done = (double)p->load.meter->count[0] / load_each(&p->load);
	meet(p);
	p->handed = count_handed(p);
	for (unsigned int i = 0; i < 2 * s->repeat && is_sorted(s) && !prog_stop; i++)
		measure_sort(p, i % 2, i / 2);
	meet(p);
}

static void *
be_part(void *arg)
{
	struct part *p = arg;
	struct bench_world *w = &p->load.world;

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
	const struct load_options o = {
		.kind = s->work,
		.connections = s->connections,
		.size = s->size,
		.part = i,
	};
	unsigned int cores = ways[s->way].cores;
	struct part *p = &s->part[i];
	struct bench_world *w = &p->load.world;

	*p = (struct part){ .scale = s, .cpu = cpu_of(i) };
	if (i > 0 && cores > 1)
		return load_open_beside(&p->load, &s->part[0].load, &o);
	if (!load_open(&p->load, s->b, &o, cores))
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

/* What came out of them, one after the other. @param[out] rates One for each repetition, 0: disturbed. */
static void
report(struct scale *s, double *rates)
{
	const char *name = ways[s->way].name;
	double each = load_each(&s->part[0].load);
	struct bench_row *r = row(s, works[s->work].unit, name);
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
		bench_put(r, rates[i] * works[s->work].factor);
		bench_put(row(s, "cycles", what), s->nb * (double)rte_get_tsc_hz() * each / rates[i]);
	}
	for (unsigned int j = 0; j < s->nb; j++)
		bench_disturbed(r, s->part[j].slices, s->part[j].disturbed);
}

/* How many packets a request, or so, took to the wrong core, at both hosts; those of opening are among them. */
static void
report_handed(struct scale *s)
{
	double n = 0;
	char what[BENCH_TEXT];
	struct bench_row *r;

	snprintf(what, sizeof(what), "%s: packets handed over", ways[s->way].name);
	r = row(s, "", what);
	for (unsigned int j = 0; j < s->nb; j++)
		n += s->part[j].done;
	if (n > 0)
		bench_put(r, (double)s->part[0].handed / n);
	bench_note(r, "of one %s, both hosts", works[s->work].each);
}

/* Requests a second of all parts, 0: not known. */
static double
rate_of(const struct scale *s, unsigned int sort, unsigned int i)
{
	double sum = 0;

	for (unsigned int j = 0; j < s->nb; j++) {
		if (s->part[j].sorted[sort].rate[i] <= 0)
			return 0;
		sum += s->part[j].sorted[sort].rate[i];
	}
	return sum;
}

/* @return Packets that were handed over, for one request. */
static double
report_sort(struct scale *s, unsigned int sort)
{
	static const char *const names[] = { "nothing", "all" };
	uint64_t requests = 0;
	char what[BENCH_TEXT];
	struct bench_row *r;
	double handed;

	snprintf(what, sizeof(what), "%s, %s handed over: cycles", ways[s->way].name, names[sort]);
	r = row(s, "cycles", what);
	for (unsigned int j = 0; j < s->nb; j++) {
		requests += s->part[j].sorted[sort].requests;
		bench_disturbed(r, s->part[j].sorted[sort].slices, s->part[j].sorted[sort].disturbed);
	}
	handed = requests > 0 ? (double)s->part[0].sorted[sort].handed / (double)requests : 0;
	bench_note(r, "%u connections each, %.2f packets of a request", s->part[0].nb_sorted, handed);
	for (unsigned int i = 0; i < s->repeat; i++) {
		if (rate_of(s, sort, i) > 0)
			bench_put(r, s->nb * (double)rte_get_tsc_hz() / rate_of(s, sort, i));
	}
	return handed;
}

static void
report_sorts(struct scale *s)
{
	double handed = -report_sort(s, 0);
	double clocks = s->nb * (double)rte_get_tsc_hz();
	char what[BENCH_TEXT];

	handed += report_sort(s, 1);
	snprintf(what, sizeof(what), "%s: a hand-over", ways[s->way].name);
	for (unsigned int i = 0; i < s->repeat && handed > 0; i++) {
		if (rate_of(s, 0, i) > 0 && rate_of(s, 1, i) > 0)
			bench_put(row(s, "cycles", what),
				  clocks * (1 / rate_of(s, 1, i) - 1 / rate_of(s, 0, i)) / handed);
	}
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
		if (is_sorted(s))
			report_sorts(s);
	}
	bench_end_hosts(&(struct bench_world){ .b = s->b, .two_threads = true });
	for (unsigned int i = 0; i < made; i++)
		load_free(&s->part[i].load);
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

/* No host is there yet that would have to go on meanwhile. */
static void
look(struct bench *b)
{
	bench_look_line(b, cpu_of(0), cpu_of(1));
	while (bench_wait_near(b)) {
		rte_delay_us_sleep(BENCH_LOOK_AGAIN_US);
		bench_look_line(b, cpu_of(0), cpu_of(1));
	}
}

static bool
measure_work(struct scale *s, enum load_kind work, uint32_t connections)
{
	static double rates[NB_WAYS][BENCH_REPEAT_MAX];
	bool good = true;

	s->work = work;
	s->connections = connections;
	for (unsigned int way = 0; way < NB_WAYS && good; way++) {
		s->b->place = BENCH_ONE;
		if (ways[way].parts > 1)
			look(s->b);
		bench_progress("%s, %s", works[work].option, ways[way].name);
		good = measure_way(s, way, rates[way]);
		if (good && way != ONE)
			compare(s, rates[ONE], rates[way]);
	}
	return good;
}

static bool
is_wanted(const struct bench *b, enum load_kind work)
{
	const char *wanted = bench_text(b, "work");

	return strcmp(wanted, "all") == 0 || strcmp(wanted, works[work].option) == 0;
}

static int
run(struct bench *b)
{
	const uint32_t connections[LOAD_KINDS] = {
		[LOAD_RPC] = (uint32_t)bench_number(b, "connections"),
		[LOAD_STREAM] = (uint32_t)bench_number(b, "streams"),
		[LOAD_CONNECT] = (uint32_t)bench_number(b, "batch"),
	};
	struct scale *s = bench_alloc(sizeof(*s));
	bool good = s != NULL, any = false;

	for (enum load_kind work = 0; work < LOAD_KINDS; work++)
		any |= is_wanted(b, work);
	if (!any)
		prog_refuse("--work is \"%s\", accepted is rpc, stream, connect or all.", bench_text(b, "work"));
	if (rte_lcore_count() < PARTS) {
		prog_complain("two processors are needed, such as -l 0,1.");
		good = false;
	}
	for (enum load_kind work = 0; work < LOAD_KINDS && good; work++) {
		if (!is_wanted(b, work))
			continue;
		s->b = b;
		s->size = (uint32_t)bench_number(b, "size");
		s->repeat = (uint32_t)bench_number(b, "repeat");
		good = measure_work(s, work, connections[work]);
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
