/* SPDX-License-Identifier: BSD-3-Clause */
#include "guard.h"

#include <sched.h>
#include <sys/resource.h>

#include <rte_cycles.h>

uint64_t bench_gap_tsc;
static unsigned int nb_ports = 1;

void
bench_guard_expect(unsigned int ports)
{
	nb_ports = ports;
}

/* Only the involuntary ones: what waits by itself wants to. */
static long
count_switches(void)
{
	struct rusage u;

	getrusage(RUSAGE_THREAD, &u);
	return u.ru_nivcsw;
}

void
bench_guard_start(struct bench_guard *g)
{
	uint64_t hz = rte_get_tsc_hz();

	bench_gap_tsc = hz / 1000000 * BENCH_GAP_US * nb_ports;
	g->switches = count_switches();
	atomic_store(&g->seen_tsc, rte_rdtsc());
	g->next_tsc = rte_rdtsc() + hz / 1000;
}

void
bench_guard_ask(struct bench_guard *g, uint64_t now_tsc)
{
	bool away = now_tsc - atomic_load_explicit(&g->seen_tsc, memory_order_relaxed) > bench_gap_tsc;
	long switches = count_switches();

	if (away || switches != g->switches)
		bench_add(&g->lost, 1);
	g->switches = switches;
	g->next_tsc = now_tsc + rte_get_tsc_hz() / 1000;
}

void
bench_pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}
