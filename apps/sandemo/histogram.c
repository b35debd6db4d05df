/* SPDX-License-Identifier: BSD-3-Clause */
#include "demo.h"

/* Below 16 ns each its own bucket; from there on the power of two and the four bits behind it. */
static unsigned int
bucket_of(uint64_t ns)
{
	unsigned int power;

	if (ns < 16)
		return (unsigned int)ns;
	power = 63 - (unsigned int)__builtin_clzll(ns);
	return (power - 3) * 16 + (unsigned int)(ns >> (power - 4) & 15);
}

/* The upper end of a bucket. */
static uint64_t
end_of(unsigned int bucket)
{
	unsigned int power = bucket / 16 + 3;

	if (bucket < 16)
		return bucket;
	return ((uint64_t)16 + bucket % 16 + 1) << (power - 4);
}

void
histogram_add(struct histogram *h, uint64_t ns)
{
	h->buckets[bucket_of(ns)]++;
	h->count++;
}

uint64_t
histogram_read(const struct histogram *h, double fraction)
{
	uint64_t want = (uint64_t)((double)h->count * fraction);
	uint64_t seen = 0;

	for (unsigned int i = 0; i < 64 * 16; i++) {
		seen += h->buckets[i];
		if (seen > want || (seen == h->count && seen > 0))
			return end_of(i);
	}
	return 0;
}
