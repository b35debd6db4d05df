/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_version.h>

#include "guard.h"

#define ROUNDS 50		/* of the line, timed as one */
#define LINE_US 20000
#define LINE_TRIES 20

const char *
bench_place_name(enum bench_place place)
{
	static const char *const names[] = { "one", "near", "far", "unknown" };

	return names[place];
}

/* The value of the first line "key...: value" of a file; "" when there is none. */
static void
read_value(const char *path, const char *key, char *value, size_t size)
{
	FILE *f = fopen(path, "r");
	char line[512];

	value[0] = '\0';
	while (f != NULL && value[0] == '\0' && fgets(line, sizeof(line), f) != NULL) {
		char *at = strchr(line, ':');

		if (at == NULL || strncmp(line, key, strlen(key)) != 0)
			continue;
		at += 1 + strspn(at + 1, " \t");
		at[strcspn(at, "\n")] = '\0';
		snprintf(value, size, "%.*s", (int)size - 1, at);
	}
	if (f != NULL)
		fclose(f);
}

void
bench_look(struct bench_machine *m)
{
	struct utsname u;
	double load[1];

	read_value("/proc/cpuinfo", "model name", m->cpu, sizeof(m->cpu));
	if (uname(&u) == 0)
		snprintf(m->kernel, sizeof(m->kernel), "%.90s", u.release);
	snprintf(m->dpdk, sizeof(m->dpdk), "%s", rte_version());
	snprintf(m->memory, sizeof(m->memory), "%s", rte_eal_has_hugepages() ? "huge pages" : "no huge pages");
	m->cpus = (unsigned int)sysconf(_SC_NPROCESSORS_ONLN);
	m->load = getloadavg(load, 1) == 1 ? load[0] : 0;
	m->tsc_hz = (double)rte_get_tsc_hz();
}

static uint64_t
read_kib(const char *path, const char *key)
{
	char text[64];

	read_value(path, key, text, sizeof(text));
	return strtoull(text, NULL, 10) * 1024;
}

/* The VmRSS of "status" is gathered from processors now and then, and some hundred pages wrong. */
uint64_t
bench_resident(void)
{
	return read_kib("/proc/self/smaps_rollup", "Rss");
}

uint64_t
bench_mapped(void)
{
	return read_kib("/proc/self/status", "VmSize");
}

void *
bench_alloc(size_t size)
{
	void *memory = prog_alloc(size);

	if (memory == NULL)
		prog_complain("no memory.");
	return memory;
}

/* A line between two processors */

struct line {
	_Atomic uint64_t word __attribute__((aligned(64)));
	_Atomic bool over __attribute__((aligned(64)));
	unsigned int cpu[2];
	double best_ns;
};

/* Odd: there; even: back. */
static void *
send_back(void *arg)
{
	struct line *l = arg;

	bench_pin(l->cpu[1]);
	while (!atomic_load_explicit(&l->over, memory_order_relaxed)) {
		uint64_t now = atomic_load_explicit(&l->word, memory_order_acquire);

		if (now & 1)
			atomic_store_explicit(&l->word, now + 1, memory_order_release);
	}
	return NULL;
}

/* False: the other one is away. */
static bool
bounce(struct line *l, uint64_t end)
{
	uint64_t next = atomic_load_explicit(&l->word, memory_order_relaxed) + 1;

	atomic_store_explicit(&l->word, next, memory_order_release);
	while (atomic_load_explicit(&l->word, memory_order_acquire) == next) {
		if (rte_rdtsc() > end)
			return false;
	}
	return true;
}

static void *
send_there(void *arg)
{
	struct line *l = arg;
	double hz = (double)rte_get_tsc_hz();
	uint64_t end;

	bench_pin(l->cpu[0]);
	end = rte_rdtsc() + (uint64_t)(hz * LINE_US / 1e6);
	while (rte_rdtsc() < end) {
		uint64_t begun = rte_rdtsc();
		double ns;

		for (int i = 0; i < ROUNDS; i++) {
			if (!bounce(l, end))
				return NULL;
		}
		ns = (double)(rte_rdtsc() - begun) / ROUNDS / hz * 1e9;
		if (l->best_ns == 0 || ns < l->best_ns)
			l->best_ns = ns;
	}
	return NULL;
}

/* [ns]; 0: it could not be measured. */
static double
measure_line(unsigned int cpu_a, unsigned int cpu_b)
{
	struct line l = { .cpu = { cpu_a, cpu_b } };
	pthread_t back, there;

	if (cpu_a == cpu_b || pthread_create(&back, NULL, send_back, &l) != 0)
		return 0;
	if (pthread_create(&there, NULL, send_there, &l) == 0)
		pthread_join(there, NULL);
	atomic_store(&l.over, true);
	pthread_join(back, NULL);
	return l.best_ns;
}

/* On a busy machine the two may never run at the same time in one try. */
void
bench_look_line(struct bench *b, unsigned int cpu_a, unsigned int cpu_b)
{
	struct bench_machine *m = &b->machine;
	double ns = 0;

	for (int i = 0; i < LINE_TRIES && ns <= 0 && !prog_stop; i++)
		ns = measure_line(cpu_a, cpu_b);
	if (ns > 0) {
		b->place = ns < BENCH_NEAR_NS ? BENCH_NEAR : BENCH_FAR;
		m->line_ns_min = m->line_ns_max == 0 || ns < m->line_ns_min ? ns : m->line_ns_min;
		m->line_ns_max = ns > m->line_ns_max ? ns : m->line_ns_max;
	} else if (b->place == BENCH_ONE) {
		b->place = BENCH_UNKNOWN;
	}
}

bool
bench_wait_near(struct bench *b)
{
	if (!(b->command->groups & BENCH_REPEAT) || b->place != BENCH_FAR || prog_stop ||
	    (double)b->waited_us >= bench_real(b, "near") * 1e6)
		return false;
	b->waited_us += BENCH_LOOK_AGAIN_US + LINE_US;
	return true;
}
