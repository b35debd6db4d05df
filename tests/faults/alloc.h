/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Alloc: every allocation that the library makes, counted, and made to fail where the test wants it.
 *
 * Model:     the program is linked with the library's modules, and the linker sends their calls of malloc(),
 *            mmap(), eventfd(), rte_ring_create() and the like here (meson.build lists them); packet buffers come
 *            from a pool without caches whose every dequeue comes by here; so do the library's own tables where a
 *            file asks another one for an entry (connection blocks, slots, places of extras). The release code knows
 *            nothing of it.
 * Threads:   counts are atomic. Armed and read by the test's thread.
 */
#ifndef TESTS_FAULTS_ALLOC_H
#define TESTS_FAULTS_ALLOC_H

#include <stdbool.h>
#include <stdint.h>

/** First of all, once; what is noted of places is shared with processes forked later. */
void
alloc_init(void);

/** For n: the first one from a place where none has failed so far. */
#define ALLOC_NEW (UINT32_MAX - 2)

/** For n: nothing fails, but each place that asks is noted. */
#define ALLOC_NOTE (UINT32_MAX - 1)

/** From the n-th allocation from here on so many fail. */
void
alloc_arm(unsigned int n, unsigned int burst);

/** No more fail. @return How many allocations there were since alloc_arm(). */
unsigned int
alloc_disarm(void);

/** How many have failed since alloc_arm(). */
unsigned int
alloc_failed(void);

/** And since the program began. */
unsigned int
alloc_failed_ever(void);

/** What failed first since alloc_arm(): function, and whether it was an entry of a table of the library's. */
const char *
alloc_what(bool *own);

/** Blocks of the heap and of mmap() that the library holds now. */
int64_t
alloc_live(void);

/** Pools that were freed while buffers of theirs were out, since the program began. */
unsigned int
alloc_torn_pools(void);

/** Distinct places in the code (with their callers) that an allocation was asked from, and made to fail at, so far. */
void
alloc_sites(unsigned int *asked, unsigned int *failed);

/** Print the places that were never made to fail. */
void
alloc_print_spared(void);

#endif
