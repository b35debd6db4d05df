/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The same work on one processor and on two at once: a thread each, with both ends of a ring pair of its own, so that
 * they share nothing but what the stack, DPDK and the machine have in common.
 */
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_lcore.h>

#include "commands.h"
#include "guard.h"
#include "hosts.h"
#include "pair.h"

#define PARTS 2u
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
	"other. Flows of one host that come to the wrong core are not measured by it.";

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
	unsigned int nb;
	uint32_t connections, size, repeat;
	pthread_barrier_t barrier;
	_Atomic unsigned int failed, over;
	struct part part[PARTS];
};

/* Goes on until the others have done, too, so that none is measured alone. */
static void
measure(struct part *p, unsigned int i)
{
	struct scale *s = p->scale;
	struct bench_meter *m = p->pair.meter;

	bench_meter_repeat(m);
	if (m->tsc > 0)
		p->rate[i] = (double)m->sum[CALLER_REQUESTS] * (double)rte_get_tsc_hz() / (double)m->tsc;
	p->slices += m->slices;
	p->disturbed += m->disturbed;
	atomic_fetch_add(&s->over, 1);
	while (atomic_load(&s->over) < s->nb * (i + 1) && !prog_stop)
		bench_world_round(&p->pair.world);
}

static void *
be_part(void *arg)
{
	struct part *p = arg;
	struct scale *s = p->scale;
	struct bench_world *w = &p->pair.world;
	struct caller *c = p->pair.caller;

	bench_pin(p->cpu);
	if (!bench_world_begin(w) || !caller_connect(w, c, s->connections, NULL))
		atomic_fetch_add(&s->failed, 1);
	pthread_barrier_wait(&s->barrier);
	if (atomic_load(&s->failed) == 0) {
		caller_set(c, CALLER_CLOSED_LOOP, 0, NULL);
		for (unsigned int i = 0; i < s->repeat && !prog_stop; i++)
			measure(p, i);
		caller_rest(w, c);
	}
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
	const struct caller_options o = { .connections = s->connections, .size = s->size, .limit = LIMIT };
	struct part *p = &s->part[i];

	*p = (struct part){ .scale = s, .cpu = cpu_of(i) };
	return pair_open_part(&p->pair, s->b, &o, i);
}

static void
run_parts(struct scale *s)
{
	pthread_barrier_init(&s->barrier, NULL, s->nb);
	if (s->nb == PARTS && pthread_create(&s->part[1].thread, NULL, be_part, &s->part[1]) != 0) {
		prog_complain("no second thread.");
		s->failed = 1;
		return;
	}
	be_part(&s->part[0]);
	if (s->nb == PARTS)
		pthread_join(s->part[1].thread, NULL);
	pthread_barrier_destroy(&s->barrier);
}

static struct bench_row *
row(struct scale *s, const char *unit, const char *what)
{
	return bench_row(s->b, unit, "scale, %u B, %u connections each: %s", s->size, s->connections, what);
}

/* So many at once. @param[out] rates One for each repetition, 0: disturbed. @return false: it failed. */
static bool
measure_parts(struct scale *s, unsigned int nb, double *rates)
{
	unsigned int made = 0;
	struct bench_row *r;
	bool good = true;

	s->nb = nb;
	s->failed = s->over = 0;
	for (; made < nb && good; made++)
		good = make_part(s, made);
	if (good)
		run_parts(s);
	bench_end_hosts(&(struct bench_world){ .b = s->b, .two_threads = true });
	r = row(s, "k/s", nb == 1 ? "1 processor" : "2 processors");
	for (unsigned int i = 0; i < s->repeat && good; i++) {
		rates[i] = s->part[0].rate[i];
		if (nb == 2)
			rates[i] = rates[i] > 0 && s->part[1].rate[i] > 0 ? rates[i] + s->part[1].rate[i] : 0;
		if (rates[i] > 0)
			bench_put(r, rates[i] * 1e-3);
	}
	for (unsigned int i = 0; i < made; i++) {
		bench_disturbed(r, s->part[i].slices, s->part[i].disturbed);
		pair_free(&s->part[i].pair);
	}
	return good && s->failed == 0 && !prog_stop;
}

static int
run(struct bench *b)
{
	static double rates[PARTS][BENCH_REPEAT_MAX];
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
		b->place = BENCH_ONE;
		good = measure_parts(s, 1, rates[0]);
		bench_look_line(b, cpu_of(0), cpu_of(1));
		good = good && measure_parts(s, 2, rates[1]);
	}
	for (unsigned int i = 0; good && i < s->repeat; i++) {
		if (rates[0][i] > 0 && rates[1][i] > 0)
			bench_put(row(s, "", "ratio"), rates[1][i] / rates[0][i]);
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
