/* SPDX-License-Identifier: BSD-3-Clause */
#include <sys/mman.h>

#include "sock/slot.h"

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

const struct sani_slots *
sani_slots_get(uint8_t core_id)
{
	struct sani_slots *s = &slots[core_id];

	if (s->words == NULL)
		s->words = reserve(sizeof(*s->words) * SANI_SLOTS_MAX);
	if (s->records == NULL)
		s->records = reserve(sizeof(*s->records) * SANI_SLOTS_MAX);
	if (s->words == NULL || s->records == NULL)
		return NULL;
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
