/* SPDX-License-Identifier: BSD-3-Clause */
#include "hist.h"

#define STEPS_LOG2 6
#define STEPS (1u << STEPS_LOG2)

/* Values below 64 have a step each; above, 64 steps each octave. */
static unsigned int
step_of(uint64_t value)
{
	unsigned int octave;

	if (value < STEPS)
		return (unsigned int)value;
	octave = 63 - (unsigned int)__builtin_clzll(value);
	return (octave - STEPS_LOG2 + 1) * STEPS + (unsigned int)(value >> (octave - STEPS_LOG2) & (STEPS - 1));
}

static uint64_t
edge_of(unsigned int step)
{
	unsigned int octave = step / STEPS;

	return octave == 0 ? step : (uint64_t)(STEPS + step % STEPS) << (octave - 1);
}

void
prog_hist_add(struct prog_hist *h, uint64_t value)
{
	h->count[step_of(value)]++;
	h->n++;
}

uint64_t
prog_hist_at(const struct prog_hist *h, double q)
{
	double want = q * (double)h->n;
	uint64_t seen = 0;

	for (unsigned int i = 0; i < PROG_HIST_BUCKETS && h->n > 0; i++) {
		seen += h->count[i];
		if (seen > 0 && (double)seen >= want)
			return edge_of(i);
	}
	return 0;
}
