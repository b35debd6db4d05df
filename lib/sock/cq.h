/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Completion queue: lanes from the cores to one thread, and the thread's sleep.
 *
 * Model:     for each core whose sockets are bound to the queue one lane: a ring of entries (core to
 *            thread) and a list of closed slots. The thread counts places; the core never finds the ring
 *            full. Queue structures are never freed, only recycled, and their ids carry a generation, so
 *            a core may look at one whose thread has just ended it.
 * Source:    doc/op-contract.md O4, O5, O13.
 */
#ifndef SANI_SOCK_CQ_H
#define SANI_SOCK_CQ_H

#include <stdatomic.h>

#include <rte_byteorder.h>

#include <san/cq.h>

#include "base/spsc.h"
#include "sock/extra.h"
#include "sock/thread.h"

#define SANI_CQS 4096

/** The operation gives one place back, and the core has not touched it: its result is the reaper's to write. */
#define SANI_ENTRY_BRINGS 0x8000u

/** What a core writes for a completion. The rest is read from the operation, which is the stack's until then. */
struct sani_cq_entry {
	struct san_overlapped *op;
	struct sani_record *rec;	/**< Of its socket. */
	uint64_t value;
	int32_t result;
	uint8_t kind;
	uint8_t flags;
	uint16_t places;	/**< That it gives back: 0 while the operation goes on; SANI_ENTRY_BRINGS: one. */
};

_Static_assert(sizeof(struct sani_cq_entry) == 32, "two entries a line");
_Static_assert(offsetof(struct sani_cq_entry, places) - offsetof(struct sani_cq_entry, result) ==
		       offsetof(struct san_completion, reserved) - offsetof(struct san_completion, result),
	       "result, kind and flags are copied in one go");

/**
 * What is behind the value, stored in one go, as it is loaded when it is reaped: a load of what was only just stored in
 * pieces waits until all of them have left the processor's stores.
 */
static inline void
sani_entry_tell(struct sani_cq_entry *e, int32_t result, uint8_t kind, uint8_t flags, uint16_t places)
{
	uint64_t word = rte_cpu_to_le_64((uint64_t)places << 48 | (uint64_t)flags << 40 | (uint64_t)kind << 32 |
					 (uint32_t)result);

	memcpy((unsigned char *)e + offsetof(struct sani_cq_entry, result), &word, sizeof(word));
}

_Static_assert(offsetof(struct sani_cq_entry, kind) == offsetof(struct sani_cq_entry, result) + 4 &&
		       offsetof(struct sani_cq_entry, flags) == offsetof(struct sani_cq_entry, result) + 5 &&
		       offsetof(struct sani_cq_entry, places) == offsetof(struct sani_cq_entry, result) + 6,
	       "a word of 64 bits");

/** One core's way to the queue. */
struct sani_lane {
	/* Fixed, and read for each completion: nothing that one side writes all the time lies in this line. */
	struct sani_spsc *ring SANI_ALIGNED;
	struct sani_record *records;	/**< Of the core's slots. */
	struct san_cq *cq;		/**< Whose lane it is. */
	uint32_t depth;			/**< Places. */
	uint32_t thread_id;		/**< Whose queue it is. */
	uint8_t core_id;
	/* The core's. */
	_Atomic uint32_t closed SANI_ALIGNED;	/**< Closed slots, newest first: slot + 1, linked by record->link. */
	/* The thread's. */
	uint32_t left SANI_ALIGNED;	/**< Places: of depth, less what is posted and not reaped (O4). */
	uint32_t taken;			/**< Closed slots taken and not reported, oldest first. */
	uint32_t noted;			/**< The ring's tail when they were taken. */
	struct sani_extras extras;	/**< Taken by the thread, given back by the core. */
	struct sani_lane *next;
};

struct san_cq {
	/** O13: the thread sleeps, or is about to: one more than the descriptor that wakes it; 0: it does not. */
	_Atomic uint32_t armed SANI_ALIGNED;
	_Atomic uint32_t nb_sockets;		/**< Bound, close records not reaped included. */
	_Atomic uint32_t id;			/**< Generation 16, index 12; 0: not in use. */
	_Atomic uint32_t thread_id;		/**< Whose it is. */
	int event_fd;				/**< Made at the first wait; never closed, recycled with the queue. */
	uint32_t depth;
	uint32_t spin_us;			/**< How long a wait looks before it sleeps. */
	uint64_t unasked;			/**< What a close says that nobody called for (sock/layer.h). */
	bool watched;				/**< Armed by san_cq_arm() and not polled since. */
	bool closes_pending;			/**< Closes were taken and wait for the entries before them. */
	struct sani_lane *lanes;		/**< The thread's list. */
	struct sani_lane *_Atomic lane_of[SANI_CORE_IDS + 1];	/**< For the cores. */
	struct san_cq *next_of_thread;
};

/** The queue of an id, or NULL when its generation has moved on. Any thread. */
struct san_cq *
sani_cq_find(uint32_t id);

/** The thread that a queue belongs to; valid also when the queue was just ended. */
static inline struct sani_thread *
sani_cq_thread(const struct san_cq *cq)
{
	return sani_thread_get(atomic_load_explicit(&cq->thread_id, memory_order_acquire));
}

/** Id of the thread that an open or closing socket is bound to; 0: none. Any thread. */
uint32_t
sani_word_thread(uint64_t word);

/** The queue's lane from a core, made if need be; NULL: no memory. The queue's thread. */
struct sani_lane *
sani_cq_lane(struct san_cq *cq, uint8_t core_id);

/** The entry at a position of the lane's ring. */
static inline struct sani_cq_entry *
sani_lane_at(const struct sani_lane *lane, uint32_t position)
{
	struct sani_cq_entry *entries = (struct sani_cq_entry *)(void *)lane->ring->slots;

	return &entries[position & lane->ring->mask];
}

/** Core: where the next entry is to be written. There is room: the post took a place (O4). */
static inline struct sani_cq_entry *
sani_lane_place(struct sani_lane *lane)
{
	sani_assert(sani_spsc_room(lane->ring) > 0);
	return sani_lane_at(lane, lane->ring->put);
}

/** Core: report a closed slot; after the last entry of its socket (O5). */
static inline void
sani_lane_close(struct sani_lane *lane, uint32_t slot)
{
	struct sani_record *rec = &lane->records[slot];
	uint32_t head = atomic_load_explicit(&lane->closed, memory_order_relaxed);

	do
		atomic_store_explicit(&rec->link, head, memory_order_relaxed);
	/* release: the record, and the last entry of the socket before it (O5) */
	while (!atomic_compare_exchange_weak_explicit(&lane->closed, &head, slot + 1,
						      memory_order_release, memory_order_relaxed));
}

/** Is it the calling thread's? */
bool
sani_cq_is_mine(const struct san_cq *cq);

/** The thread is awake; wake-ups that are under way are taken back. The queue's thread. */
void
sani_cq_disarm(struct san_cq *cq);

/** Is there something to reap? The queue's thread. */
bool
sani_cq_has_something(const struct san_cq *cq);

/** Core, after it has published to the queue: wake its thread if it sleeps (O13). */
void
sani_cq_wake(struct san_cq *cq);

/** Free the rings of a queue whose thread is gone, and recycle it. */
void
sani_cq_recycle(struct san_cq *cq);

#endif
