/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sim                       worlds that have failed once, a fixed set and fresh ones, in about a minute (TAP)
 * sim --seed N [--pcap FILE] [--trace FILE]   one world again, exactly
 * sim --long MINUTES        fresh worlds, with a line of progress now and then
 * sim --many N [FIRST]      worlds, fresh ones or from seed FIRST on, until N connections were opened at both ends
 * sim --rate N              N short connections between two hosts: how fast the simulation is
 * sim --hunt N FIRST        N worlds from seed FIRST on, until one fails (mutate uses it)
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "sim/pcap.h"
#include "sim/run.h"

#define FIXED_SEEDS 100u
#define FIXED_S 75.0		/* on a slow machine not all of them are run, but as many as exercise everything */
#define FRESH_S 15.0

/* Fresh worlds that have failed, for which no test elsewhere stands. */
static const uint64_t failed_once[] = {
	629447556,	/* a ring is full for 1.4 s: a frame is given up, and those behind it leave */
};

static uint64_t seed_now;
static struct sum {
	uint64_t worlds;
	uint64_t failed;
	uint64_t frames;
	struct sim_conn_tally conns;
} sum;			/* of all worlds of this process */
static unsigned int nb_tests;
static unsigned int nb_failed;

static double
read_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t
draw_fresh(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return sim_mix((uint64_t)t.tv_nsec ^ (uint64_t)t.tv_sec << 20 ^ (uint64_t)getpid() << 50) % 1000000000;
}

/* An assertion of the kit, or a crash. */
static void
say_seed(void)
{
	if (seed_now != 0)
		dprintf(2, "# ended in the world of seed %" PRIu64 "\n", seed_now);
}

static void
crash(int sig)
{
	say_seed();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void
print_failure(const struct sim_plan *plan)
{
	sim_plan_print(plan, stdout);
	printf("# failed at %.6f s: %s: %s\n# (%s)\n# again: build/tests/sim/sim --seed %" PRIu64 "\n",
	       (double)(sim_failure.at_us - plan->clock_us) / 1e6, sim_check_name(sim_failure.check),
	       sim_failure.text, sim_check_text(sim_failure.check), plan->seed);
	fflush(stdout);
}

static void
add_up(const struct sim_result *r)
{
	sum.worlds++;
	sum.failed += r->failed;
	sum.frames += r->nb_frames;
	sum.conns.begun += r->conns.begun;
	sum.conns.open += r->conns.open;
	sum.conns.complete += r->conns.complete;
}

static void
print_sum(void)
{
	printf("# %" PRIu64 " worlds, %" PRIu64 " frames, ", sum.worlds, sum.frames);
	printf("%" PRIu64 " connections begun, %" PRIu64 " open at both ends, %" PRIu64
	       " of them to a graceful end with every octet; ", sum.conns.begun, sum.conns.open, sum.conns.complete);
	printf("%" PRIu64 " worlds failed\n", sum.failed);
	fflush(stdout);
}

static struct sim_result
run_seed(uint64_t seed, FILE *trace)
{
	struct sim_plan plan;
	struct sim_result r;

	sim_plan_make(&plan, seed);
	seed_now = seed;
	r = sim_run(&plan, trace);
	seed_now = 0;
	add_up(&r);
	if (r.failed)
		print_failure(&plan);
	return r;
}

static void
tell(bool ok, const char *what)
{
	nb_tests++;
	nb_failed += !ok;
	printf("%s %u - %s\n", ok ? "ok" : "not ok", nb_tests, what);
	fflush(stdout);
}

/* The same world again, which is the same to the last frame: its frames go into a file. */
static void
keep_frames(uint64_t seed)
{
	const char *folder = getenv("TMPDIR");
	struct sim_plan plan;
	char name[256];

	snprintf(name, sizeof(name), "%s/sim-%" PRIu64 ".pcap", folder != NULL ? folder : "/tmp", seed);
	sim_plan_make(&plan, seed);
	sim_pcap_open(name);
	sim_run(&plan, NULL);
	sim_pcap_open(NULL);
	printf("# frames: %s\n", name);
}

/* One of many. */
static bool
fails(uint64_t seed)
{
	bool failed = run_seed(seed, NULL).failed;

	if (failed)
		keep_frames(seed);
	return failed;
}

static bool
lacks(enum sim_check check)
{
	return sim_exercised[check] == 0 && sim_check_is_due(check);
}

static bool
all_exercised(void)
{
	for (unsigned int i = 0; i < SIM_NB_CHECKS; i++)
		if (lacks((enum sim_check)i))
			return false;
	return true;
}

/* whole: what lacks an exercise gets it, however long that takes. */
static unsigned int
run_seeds(uint64_t first, unsigned int nb, double seconds, bool whole)
{
	double end = read_seconds() + seconds;
	unsigned int failed = 0;
	uint64_t seed = first;

	for (; seed < first + nb && (read_seconds() < end || (whole && !all_exercised())); seed++)
		failed += fails(seed);
	printf("# %" PRIu64 " worlds from seed %" PRIu64 " on, %u failed\n", seed - first, first, failed);
	return failed;
}

static unsigned int
run_failed_once(void)
{
	unsigned int failed = 0;

	for (unsigned int i = 0; i < RTE_DIM(failed_once); i++)
		failed += fails(failed_once[i]);
	return failed;
}

static void
print_counts(void)
{
	for (unsigned int i = 0; i < SIM_NB_CHECKS; i++)
		printf("# %-20s %12" PRIu64 "  %s\n", sim_check_name((enum sim_check)i), sim_exercised[i],
		       sim_check_text((enum sim_check)i));
}

/* The same world in another process. */
static bool
hash_elsewhere(const char *self, uint64_t seed, uint64_t *hash)
{
	char line[600];
	bool found = false;
	FILE *pipe;

	snprintf(line, sizeof(line), "'%s' --seed %" PRIu64 " 2>/dev/null", self, seed);
	pipe = popen(line, "r");
	if (pipe == NULL)
		return false;
	while (fgets(line, sizeof(line), pipe) != NULL)
		found |= sscanf(line, "# trace %" SCNx64, hash) == 1;
	pclose(pipe);
	return found;
}

static void
test_replay(const char *self)
{
	const uint64_t seeds[] = { 3, 8, 21 };
	bool ok = true;

	for (unsigned int i = 0; i < RTE_DIM(seeds); i++) {
		uint64_t first = run_seed(seeds[i], NULL).hash;
		uint64_t again = run_seed(seeds[i], NULL).hash;

		if (first != again)
			printf("# seed %" PRIu64 ": trace %" PRIx64 ", then %" PRIx64 "\n", seeds[i], first, again);
		ok &= first == again;
	}
	tell(ok, "a seed gives the same trace again");
	uint64_t here = run_seed(seeds[1], NULL).hash;
	uint64_t there = 0;

	ok = hash_elsewhere(self, seeds[1], &there) && here == there;
	if (!ok)
		printf("# trace %" PRIx64 " here, %" PRIx64 " in another process\n", here, there);
	tell(ok, "and in another process");
}

/* Before the fresh worlds: what is exercised is left neither to their luck nor to the machine's speed. */
static void
test_fixed_set(void)
{
	for (unsigned int i = 0; i < SIM_NB_CHECKS; i++)
		if (lacks((enum sim_check)i))
			printf("# %s: never\n", sim_check_name((enum sim_check)i));
	tell(all_exercised(), "put every invariant to the test, and all that can happen did");
}

static int
run_suite(const char *self)
{
	uint64_t fresh = draw_fresh();

	printf("1..6\n");
	tell(run_failed_once() == 0, "worlds that have failed once");
	tell(run_seeds(1, FIXED_SEEDS, FIXED_S, true) == 0, "the fixed worlds");
	test_fixed_set();
	printf("# fresh worlds from seed %" PRIu64 " on\n", fresh);
	tell(run_seeds(fresh, 100000, FRESH_S, false) == 0, "fresh worlds");
	print_sum();
	test_replay(self);
	print_counts();
	return nb_failed > 0;
}

static int
run_one(uint64_t seed, const char *pcap, const char *trace)
{
	FILE *out = trace != NULL ? fopen(trace, "w") : NULL;
	struct sim_result r;
	struct sim_plan plan;

	sim_plan_make(&plan, seed);
	sim_plan_print(&plan, stdout);
	sim_pcap_open(pcap);
	r = run_seed(seed, out);
	sim_pcap_open(NULL);
	if (out != NULL)
		fclose(out);
	printf("# trace %" PRIx64 ", %" PRIu64 " frames, %" PRIu64 " octets, %.3f s\n", r.hash, r.nb_frames,
	       r.nb_octets, (double)r.lasted_us / 1e6);
	printf("1..1\n%s 1 - seed %" PRIu64 "\n", r.failed ? "not ok" : "ok", seed);
	return r.failed;
}

/* Worlds one after the other, until so much time has passed or so many connections were open. */
static int
run_on(uint64_t seed, double minutes, uint64_t nb_conns)
{
	double begin = read_seconds();
	double told = begin;

	printf("# from seed %" PRIu64 " on\n", seed);
	while (read_seconds() < begin + minutes * 60 && sum.conns.open < nb_conns) {
		fails(seed++);
		if (read_seconds() < told + 10)
			continue;
		told = read_seconds();
		printf("# %.0f s:\n", told - begin);
		print_sum();
	}
	print_counts();
	print_sum();
	printf("1..1\n%s 1 - worlds up to seed %" PRIu64 "\n", sum.failed ? "not ok" : "ok", seed - 1);
	return sum.failed > 0;
}

static int
run_rate(unsigned int nb)
{
	double begin = read_seconds();
	struct sim_plan plan;
	struct sim_result r;
	double seconds;

	sim_plan_rate(&plan, 1, nb);
	r = sim_run(&plan, NULL);
	seconds = read_seconds() - begin;
	if (r.failed)
		print_failure(&plan);
	printf("# %u connections, %" PRIu64 " frames in %.2f s: %.0f connections a second\n", nb, r.nb_frames, seconds,
	       nb / seconds);
	printf("1..1\n%s 1 - short connections\n", r.failed ? "not ok" : "ok");
	return r.failed;
}

static int
run_hunt(unsigned int nb, uint64_t first)
{
	for (unsigned int i = 0; i < nb; i++)
		if (run_seed(first + i, NULL).failed) {
			printf("found after %u seeds: %s\n", i + 1, sim_check_name(sim_failure.check));
			return 0;
		}
	printf("not found in %u seeds\n", nb);
	return 1;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' }, { "pcap", required_argument, NULL, 'p' },
		{ "trace", required_argument, NULL, 't' }, { "long", required_argument, NULL, 'l' },
		{ "rate", required_argument, NULL, 'r' }, { "hunt", required_argument, NULL, 'h' },
		{ "many", required_argument, NULL, 'm' }, { NULL, 0, NULL, 0 },
	};
	const char *pcap = NULL;
	const char *trace = NULL;
	const char *value = NULL;
	int mode = 0;
	int c;

	atexit(say_seed);
	signal(SIGSEGV, crash);
	signal(SIGBUS, crash);
	signal(SIGABRT, crash);
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return 2;
		if (c == 'p')
			pcap = optarg;
		else if (c == 't')
			trace = optarg;
		else
			value = optarg, mode = c;
	}
	switch (mode) {
	case 's':
		return run_one(strtoull(value, NULL, 0), pcap, trace);
	case 'l':
		return run_on(draw_fresh(), strtod(value, NULL), UINT64_MAX);
	case 'm':
		return run_on(optind < argc ? strtoull(argv[optind], NULL, 0) : draw_fresh(), 1e9,
			      strtoull(value, NULL, 0));
	case 'r':
		return run_rate((unsigned int)strtoul(value, NULL, 0));
	case 'h':
		return run_hunt((unsigned int)strtoul(value, NULL, 0),
				optind < argc ? strtoull(argv[optind], NULL, 0) : 1);
	default:
		return run_suite(argv[0]);
	}
}
