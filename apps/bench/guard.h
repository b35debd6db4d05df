/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Guard: sees when a thread has lost its processor.
 *
 * Threads: the thread that is watched; seen_tsc and lost may be read by any.
 */
#ifndef APPS_BENCH_GUARD_H
#define APPS_BENCH_GUARD_H

#include "world.h"

/** Longer than any round takes that looks at one port: who was not seen for so long was away [us]. */
#define BENCH_GAP_US 100

/** A thread has so many ports, each with a burst a round: so many times as long. Before bench_guard_start(). */
void
bench_guard_expect(unsigned int ports);

/** Begin; what was before does not count. */
void
bench_guard_start(struct bench_guard *g);

/** Ask the kernel, once a millisecond; a gap is seen here too. */
void
bench_guard_ask(struct bench_guard *g, uint64_t now_tsc);

/** Keep the calling thread on a processor. */
void
bench_pin(unsigned int cpu);

/** BENCH_GAP_US, for the ports there are, in TSC. */
extern uint64_t bench_gap_tsc;

/** Once a round. */
static inline void
bench_guard_look(struct bench_guard *g, uint64_t now_tsc)
{
	uint64_t seen = atomic_load_explicit(&g->seen_tsc, memory_order_relaxed);

	if (now_tsc - seen > bench_gap_tsc || now_tsc > g->next_tsc)
		bench_guard_ask(g, now_tsc);
	atomic_store_explicit(&g->seen_tsc, now_tsc, memory_order_relaxed);
}

/** Add to a figure that this thread alone writes. */
static inline void
bench_add(_Atomic uint64_t *figure, uint64_t n)
{
	atomic_store_explicit(figure, atomic_load_explicit(figure, memory_order_relaxed) + n, memory_order_relaxed);
}

#endif
