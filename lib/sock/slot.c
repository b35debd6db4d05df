/* SPDX-License-Identifier: BSD-3-Clause */
#include <sys/mman.h>

#include "sock/slot.h"

#define HUGE_PAGE ((size_t)2 << 20)

/* One more than the ids in use, so that every handle's core octet has an entry. */
static struct sani_slots slots[SANI_CORE_IDS + 1];
static _Atomic bool reserved[SANI_CORE_IDS + 1];

static void *
reserve(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Only where nothing of a page is left over: of a few slots a page each would be no saving. */
static void
ask_for_huge_pages(void *p, size_t size)
{
	if (size >= HUGE_PAGE)
		(void)madvise(p, size / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
}

const struct sani_slots *
sani_slots_get(uint8_t core_id, uint32_t nb)
{
	struct sani_slots *s = &slots[core_id];

	if (s->words == NULL)
		s->words = reserve(sizeof(*s->words) * SANI_SLOTS_MAX);
	if (s->records == NULL)
		s->records = reserve(sizeof(*s->records) * SANI_SLOTS_MAX);
	if (s->words == NULL || s->records == NULL)
		return NULL;
	ask_for_huge_pages(s->words, sizeof(*s->words) * nb);
	ask_for_huge_pages(s->records, sizeof(*s->records) * nb);
	/* release: the pointers before the flag that shows them */
	atomic_store_explicit(&reserved[core_id], true, memory_order_release);
	return s;
}

const struct sani_slots *
sani_slots_peek(uint8_t core_id)
{
	if (!atomic_load_explicit(&reserved[core_id], memory_order_acquire))
		return NULL;
	return &slots[core_id];
}
