/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Rng: where every choice of a simulation comes from: SplitMix64, one state for each part of it, so that
 * one part's draws do not shift another's.
 */
#ifndef TESTS_SIM_RNG_H
#define TESTS_SIM_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct sim_rng {
	uint64_t state;
};

static inline uint64_t
sim_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static inline uint64_t
sim_draw(struct sim_rng *r)
{
	return sim_mix(r->state += 0x9e3779b97f4a7c15ull);
}

/** A generator of its own for a part. */
static inline struct sim_rng
sim_fork(struct sim_rng *r)
{
	return (struct sim_rng){ .state = sim_draw(r) };
}

/** 0..n-1; 0 when n is 0. */
static inline uint32_t
sim_below(struct sim_rng *r, uint32_t n)
{
	return (uint32_t)(((sim_draw(r) >> 32) * n) >> 32);
}

/** lo..hi, both included. */
static inline uint32_t
sim_between(struct sim_rng *r, uint32_t lo, uint32_t hi)
{
	return lo + sim_below(r, hi - lo + 1);
}

static inline bool
sim_chance(struct sim_rng *r, uint32_t percent)
{
	return sim_below(r, 100) < percent;
}

/** lo..hi, small numbers as likely as large ones (log-uniform). */
static inline uint32_t
sim_scale(struct sim_rng *r, uint32_t lo, uint32_t hi)
{
	uint32_t top = lo;
	uint32_t n = 0;

	while (top < hi / 2 && n < 31) {
		top = top * 2 + 1;
		n++;
	}
	top = lo;
	for (n = sim_below(r, n + 1); n > 0; n--)
		top = top * 2 + 1;
	return sim_between(r, lo, top * 2 < hi ? top * 2 : hi);
}

#endif
