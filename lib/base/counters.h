/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Counters: one array of 64-bit counters for each core, written by that core only.
 *
 * A dropped packet increments exactly one counter whose name has the word "drop" or "bad".
 * A new counter is one line in base/counters.def.
 */
#ifndef SANI_BASE_COUNTERS_H
#define SANI_BASE_COUNTERS_H

#include "base/base.h"

enum sani_counter {
#define SANI_COUNTER(name, text) SANI_CTR_##name,
#include "base/counters.def"
#undef SANI_COUNTER
	SANI_NB_COUNTERS
};

/**
 * One core's counters: one writer; readers take a snapshot. They are written by plain additions, one instruction of
 * the machines that add to memory; the thread sanitizer is told what is meant.
 */
struct sani_counters {
	uint64_t v[SANI_NB_COUNTERS];
};

static inline void
sani_count_n(struct sani_counters *ctr, enum sani_counter which, uint64_t n)
{
#ifdef __SANITIZE_THREAD__
	__atomic_store_n(&ctr->v[which], ctr->v[which] + n, __ATOMIC_RELAXED);
#else
	ctr->v[which] += n;
#endif
}

static inline void
sani_count(struct sani_counters *ctr, enum sani_counter which)
{
	sani_count_n(ctr, which, 1);
}

/** Name of a counter in lower case, static. */
const char *
sani_counter_name(enum sani_counter which);

/** Its sentence, static. */
const char *
sani_counter_text(enum sani_counter which);

#endif
