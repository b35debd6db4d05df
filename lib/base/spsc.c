/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <sys/mman.h>

#include "base/spsc.h"

#define HUGE_PAGE ((size_t)2 << 20)

/** Most entries: positions are 32 bits wide and tail - head has to tell full from empty. */
#define SPSC_MAX_ENTRIES (UINT32_C(1) << 31)

static uint32_t
round_up_to_power_of_two(uint32_t n)
{
	uint32_t power = 1;

	while (power < n)
		power <<= 1;
	return power;
}

/* In huge pages if there are some: a ring is gone through from end to end, however few of it are filled. */
static void *
take_memory(size_t bytes)
{
	size_t align = bytes < HUGE_PAGE ? SANI_CACHE_LINE : HUGE_PAGE;
	void *p;

	/* aligned_alloc wants a multiple of the alignment */
	bytes = (bytes + align - 1) & ~(align - 1);
	p = aligned_alloc(align, bytes);
	if (p != NULL && align == HUGE_PAGE)
		(void)madvise(p, bytes, MADV_HUGEPAGE);
	return p;
}

struct sani_spsc *
sani_spsc_create(uint32_t n, uint32_t size)
{
	struct sani_spsc *r;
	uint32_t entries;
	size_t bytes;

	if (n > SPSC_MAX_ENTRIES)
		return NULL;
	entries = round_up_to_power_of_two(n);
	bytes = sizeof(*r) + (size_t)entries * size;
	r = take_memory(bytes);
	if (r == NULL)
		return NULL;
	memset(r, 0, bytes);
	r->mask = entries - 1;
	r->size = size;
	return r;
}

void
sani_spsc_destroy(struct sani_spsc *r)
{
	free(r);
}
