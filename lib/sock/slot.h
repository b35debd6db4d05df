/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Slot: where a socket lives on its core, and the words of it that other threads may read.
 *
 * Model:     two arrays for each core id of the process, reserved once and never unmapped, so that any
 *            call with any stale handle reads valid memory: the slot word (state, generation, CQ), which
 *            is written at create, move, close and retire only, and the record (what the poster counts,
 *            what the close reports).
 * Lifetime:  generations live in the words and go on over cleanup and startup (O6).
 * Source:    doc/op-contract.md "Objects", O5, O6, O7.
 */
#ifndef SANI_SOCK_SLOT_H
#define SANI_SOCK_SLOT_H

#include <stdatomic.h>

#include <san/types.h>

#include "base/base.h"

#define SANI_CORE_IDS 255	/**< Core ids 0..254. */
#define SANI_SLOTS_MAX (1u << 24)

enum sani_slot_state {
	SANI_SLOT_FREE,
	SANI_SLOT_OPEN,
	SANI_SLOT_CLOSING,
	SANI_SLOT_RETIRED,	/**< Closed; free again when its close record is reaped. */
};

/** Slot word: generation 32, CQ id 28, state 4. */
static inline uint64_t
sani_word(uint32_t gen, uint32_t cq_id, enum sani_slot_state state)
{
	return (uint64_t)gen << 32 | (uint64_t)cq_id << 4 | (uint64_t)state;
}

static inline uint32_t
sani_word_gen(uint64_t w)
{
	return (uint32_t)(w >> 32);
}

static inline uint32_t
sani_word_cq(uint64_t w)
{
	return (uint32_t)(w >> 4) & 0x0fffffff;
}

static inline enum sani_slot_state
sani_word_state(uint64_t w)
{
	return (enum sani_slot_state)(w & 15);
}

static inline bool
sani_word_is_open(uint64_t w, uint32_t gen)
{
	return sani_word_state(w) == SANI_SLOT_OPEN && sani_word_gen(w) == gen;
}

/** Handle: core 8, slot 24, generation 32. */
static inline san_handle
sani_handle(uint8_t core, uint32_t slot, uint32_t gen)
{
	return (uint64_t)core << 56 | (uint64_t)slot << 32 | gen;
}

static inline uint8_t
sani_handle_core(san_handle h)
{
	return (uint8_t)(h >> 56);
}

static inline uint32_t
sani_handle_slot(san_handle h)
{
	return (uint32_t)(h >> 32) & (SANI_SLOTS_MAX - 1);
}

static inline uint32_t
sani_handle_gen(san_handle h)
{
	return (uint32_t)h;
}

/** What others than the owner keep of a slot. */
struct sani_record {
	/* The thread of the socket's CQ. */
	uint32_t next_id;	/**< Of the next operation; moves with the socket (O8). Read by who cancels all. */
	uint32_t posted;	/**< Posted and not reaped, POLLED ones included (O12). */
	uint32_t gen;		/**< Which socket the two above, and the close record, belong to. */
	/* Whoever won the close, then the owner, then the reaper. */
	/** Next slot of a list it is in, + 1; 0: end. One after the other: overflow, closing, closed. */
	_Atomic uint32_t link;
	uint64_t close_user;	/**< Comes back in the close completion; also of a close by cleanup (sock/layer.h). */
	_Atomic uint32_t unreaped;	/**< 1 from the close record to its reaping. */
	uint32_t fence;			/**< The owner's, while a close waits for the thread (close.c). */
};

_Static_assert(sizeof(struct sani_record) == 32, "two records a line");

/** Id of the next operation. Another thread that cancels all reads it: what orders the two is between the threads. */
static inline uint32_t
sani_record_next_id(struct sani_record *rec)
{
	uint32_t id = rec->next_id;

	__atomic_store_n(&rec->next_id, id + 1, __ATOMIC_RELAXED);
	return id;
}

/** The two arrays of a core id. */
struct sani_slots {
	_Atomic uint64_t *words;
	struct sani_record *records;
};

/**
 * Arrays of a core id, reserved at first use; NULL: no address space. Huge pages are asked for as far as nb slots fill
 * them. Control path.
 */
const struct sani_slots *
sani_slots_get(uint8_t core_id, uint32_t nb);

/** Arrays of a core id if it was ever used, else NULL. Any thread. */
const struct sani_slots *
sani_slots_peek(uint8_t core_id);

#endif
