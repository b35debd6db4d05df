/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * SPSC ring: one producer, one consumer, entries of one fixed size, in order.
 *
 * Model:   free-running 32-bit positions; head is the consumer's, tail the producer's. Each side keeps
 *          a copy of the other's position on its own line and reads the shared one only when the copy
 *          says full or empty. Several entries may be written before the position that shows them all:
 *
 *                head             tail            put
 *            ----|-----------------|---------------|------
 *                |<- to be read -->|<-- written -->|
 *
 * Threads: put, place, wrote, show, publish and room by the producer, peek, at and pop by the consumer;
 *          tail() and head() by anyone.
 * Why own: the operations travel through it, so the thread sanitizer has to see its atomics (those of
 *          rte_ring on x86 are compiler barriers).
 */
#ifndef SANI_BASE_SPSC_H
#define SANI_BASE_SPSC_H

#include <stdatomic.h>

#include "base/base.h"

struct sani_spsc {
	_Atomic uint32_t tail SANI_ALIGNED;	/**< Written by the producer. */
	/* Written for each entry: not in a line that the consumer looks at again and again. */
	uint32_t put SANI_ALIGNED;		/**< The producer's: behind what it has written. */
	uint32_t head_seen;			/**< The producer's copy of head. */
	_Atomic uint32_t head SANI_ALIGNED;	/**< Written by the consumer. */
	uint32_t tail_seen;			/**< The consumer's copy of tail. */
	uint32_t mask SANI_ALIGNED;		/**< Entries - 1; fixed. */
	uint32_t size;				/**< Size of an entry [bytes]; fixed. */
	unsigned char slots[] SANI_ALIGNED;
};

/** Make a ring of at least n entries (rounded up to a power of two) of size bytes. NULL: no memory. */
struct sani_spsc *
sani_spsc_create(uint32_t n, uint32_t size);

/** End a ring; NULL is allowed. */
void
sani_spsc_destroy(struct sani_spsc *r);

/** Producer: how many entries can be put now. */
static inline uint32_t
sani_spsc_room(struct sani_spsc *r)
{
	uint32_t room = r->mask + 1 - (r->put - r->head_seen);

	if (sani_likely(room > 0))
		return room;
	/* acquire: the consumer has read what it released before we write over it */
	r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
	return r->mask + 1 - (r->put - r->head_seen);
}

/** Producer: where the next entry goes, to be written there; there is room. */
static inline void *
sani_spsc_place(struct sani_spsc *r)
{
	return r->slots + (size_t)(r->put & r->mask) * r->size;
}

/** Producer: the next entry is written in its place; it is to be shown. */
static inline void
sani_spsc_wrote(struct sani_spsc *r)
{
	r->put++;
}

/** Producer: show all that is written. */
static inline void
sani_spsc_show(struct sani_spsc *r)
{
	/* release: the entries before the position that shows them */
	atomic_store_explicit(&r->tail, r->put, memory_order_release);
}

/** Producer: show the entry that was written in its place, and those before it. */
static inline void
sani_spsc_publish(struct sani_spsc *r)
{
	sani_spsc_wrote(r);
	sani_spsc_show(r);
}

/** Producer: put one entry, and show it and those before it; false when full. */
static inline bool
sani_spsc_put(struct sani_spsc *r, const void *entry)
{
	if (sani_unlikely(sani_spsc_room(r) == 0))
		return false;
	memcpy(sani_spsc_place(r), entry, r->size);
	sani_spsc_publish(r);
	return true;
}

/** Consumer: the oldest entry, valid until pop; NULL when empty. */
static inline const void *
sani_spsc_peek(struct sani_spsc *r)
{
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (head == r->tail_seen) {
		/* acquire: the entry after the position that shows it */
		r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
		if (head == r->tail_seen)
			return NULL;
	}
	return r->slots + (size_t)(head & r->mask) * r->size;
}

/** Consumer: the entry at a position between head and tail. */
static inline const void *
sani_spsc_at(const struct sani_spsc *r, uint32_t position)
{
	return r->slots + (size_t)(position & r->mask) * r->size;
}

/** Consumer: give the places of all entries before a position back. */
static inline void
sani_spsc_pop_to(struct sani_spsc *r, uint32_t position)
{
	atomic_store_explicit(&r->head, position, memory_order_release);
}

/** Consumer: give the oldest entry's place back. */
static inline void
sani_spsc_pop(struct sani_spsc *r)
{
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	atomic_store_explicit(&r->head, head + 1, memory_order_release);
}

/** Anyone: position behind the newest entry. */
static inline uint32_t
sani_spsc_tail(const struct sani_spsc *r)
{
	return atomic_load_explicit(&r->tail, memory_order_acquire);
}

/** Anyone: position of the oldest entry. */
static inline uint32_t
sani_spsc_head(const struct sani_spsc *r)
{
	return atomic_load_explicit(&r->head, memory_order_acquire);
}

#endif
