/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_common.h>

#include "base/window.h"
#include "op/op.h"
#include "sock/cq.h"
#include "sock/sock.h"

/* Index 0 is never used: an id of 0 names no queue. Structures are made once and recycled. */
static struct san_cq *_Atomic table[SANI_CQS];
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;

/* A structure that is not in use; NULL: rc says why. */
static struct san_cq *
take_structure(uint32_t *idx, int *rc)
{
	uint32_t i;

	*rc = -ENOMEM;
	for (i = 1; i < SANI_CQS; i++) {
		struct san_cq *cq = atomic_load(&table[i]);

		if (cq == NULL) {
			cq = aligned_alloc(SANI_CACHE_LINE, sizeof(*cq));
			if (cq == NULL)
				return NULL;
			memset(cq, 0, sizeof(*cq));
			cq->event_fd = -1;
			atomic_store(&table[i], cq);
		}
		if (atomic_load(&cq->thread_id) == 0) {
			*idx = i;
			return cq;
		}
	}
	*rc = -ENFILE;
	return NULL;
}

int
san_cq_create(unsigned int depth, struct san_cq **out)
{
	struct sani_thread *t = sani_thread_self();
	int rc = sani_lib_check();
	struct san_cq *cq;
	uint32_t idx;

	if (rc < 0)
		return rc;
	if (!sani_thread_may_ask(t))
		return -EPERM;
	if (out == NULL || depth < SAN_CQ_MIN || depth > SAN_CQ_MAX)
		return -EINVAL;
	pthread_mutex_lock(&table_lock);
	cq = take_structure(&idx, &rc);
	if (cq != NULL) {
		uint32_t gen = (atomic_load(&cq->id) >> 12) + 1;

		atomic_store(&cq->thread_id, t->id);
		atomic_store(&cq->id, (gen & 0xffff) << 12 | idx);
	}
	pthread_mutex_unlock(&table_lock);
	if (cq == NULL)
		return rc;
	cq->depth = rte_align32pow2(depth);
	cq->closes_pending = false;
	cq->unasked = 0;
	cq->watched = false;
	cq->spin_us = 0;
	cq->next_of_thread = t->cqs;
	t->cqs = cq;
	*out = cq;
	return 0;
}

struct san_cq *
sani_cq_find(uint32_t id)
{
	struct san_cq *cq = atomic_load_explicit(&table[id % SANI_CQS], memory_order_acquire);

	if (cq == NULL || atomic_load_explicit(&cq->id, memory_order_acquire) != id)
		return NULL;
	return cq;
}

uint32_t
sani_word_thread(uint64_t word)
{
	enum sani_slot_state state = sani_word_state(word);
	const struct san_cq *cq;

	if (state != SANI_SLOT_OPEN && state != SANI_SLOT_CLOSING)
		return 0;
	cq = sani_cq_find(sani_word_cq(word));
	return cq != NULL ? atomic_load_explicit(&cq->thread_id, memory_order_acquire) : 0;
}

struct sani_lane *
sani_cq_lane(struct san_cq *cq, uint8_t core_id)
{
	struct sani_lane *lane = atomic_load_explicit(&cq->lane_of[core_id], memory_order_relaxed);

	if (lane != NULL)
		return lane;
	lane = aligned_alloc(SANI_CACHE_LINE, sizeof(*lane));
	if (lane == NULL)
		return NULL;
	memset(lane, 0, sizeof(*lane));
	lane->ring = sani_spsc_create(cq->depth, sizeof(struct sani_cq_entry));
	if (lane->ring == NULL || !sani_extras_init(&lane->extras, cq->depth, cq->thread_id)) {
		sani_spsc_destroy(lane->ring);
		free(lane);
		return NULL;
	}
	lane->records = sani_slots_peek(core_id)->records;
	lane->cq = cq;
	lane->depth = cq->depth;
	lane->left = cq->depth;
	lane->thread_id = atomic_load_explicit(&cq->thread_id, memory_order_relaxed);
	lane->core_id = core_id;
	lane->next = cq->lanes;
	cq->lanes = lane;
	/* release: the lane before the pointer that shows it */
	atomic_store_explicit(&cq->lane_of[core_id], lane, memory_order_release);
	return lane;
}

void
sani_cq_wake(struct san_cq *cq)
{
	uint64_t one = 1;
	uint32_t armed;

	/* The caller's fence stands between what it published and this look (O13). */
	if (atomic_load_explicit(&cq->armed, memory_order_relaxed) == 0)
		return;
	armed = atomic_exchange(&cq->armed, 0);
	if (armed != 0 && write((int)armed - 1, &one, sizeof(one)) < 0)
		return;	/* the counter is not zero already: the thread wakes */
}

/* Take the closed slots of a lane, oldest first, behind those that are still to be reported. */
static inline bool
take_closed(struct sani_lane *lane)
{
	uint32_t list = 0;
	uint32_t at;

	/* acquire, in both: the records, and the entries that were put before them */
	if (sani_likely(atomic_load_explicit(&lane->closed, memory_order_acquire) == 0))
		return false;
	at = atomic_exchange_explicit(&lane->closed, 0, memory_order_acquire);
	while (at != 0) {
		struct sani_record *rec = &lane->records[at - 1];
		uint32_t next = atomic_load_explicit(&rec->link, memory_order_relaxed);

		atomic_store_explicit(&rec->link, list, memory_order_relaxed);
		list = at;
		at = next;
	}
	lane->taken = list;
	return list != 0;
}

/* O5: first the closed slots of all cores, then the tails of all rings. */
static void
note(struct san_cq *cq)
{
	struct sani_lane *lane;

	for (lane = cq->lanes; lane != NULL; lane = lane->next)
		/* Written only when it changes: the cores look at this line. */
		if (take_closed(lane))
			cq->closes_pending = true;
	sani_window();
	for (lane = cq->lanes; lane != NULL; lane = lane->next)
		lane->noted = sani_spsc_tail(lane->ring);
}

static inline void
fill(struct san_completion *comp, const struct sani_cq_entry *e, struct san_overlapped *op)
{
	comp->user = op->user;
	comp->sock = op->sock;
	comp->op = op;
	comp->value = e->value;
	memcpy(&comp->result, &e->result, offsetof(struct san_completion, reserved) + sizeof(comp->reserved) -
						  offsetof(struct san_completion, result));
	comp->reserved = 0;
}

/* The last completion of an operation: its structure is the caller's again. Its socket's close comes later (O5). */
static inline void
give_op_back(struct sani_record *rec, struct san_overlapped *op)
{
	sani_assert(rec->gen == sani_handle_gen(op->sock));
	rec->posted--;
	sani_op_turn(op, SANI_OP_FREE);
}

/* Lines that come from the cores' caches: on their way all at once. */
static void
fetch(const struct sani_lane *lane, uint32_t head, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct sani_cq_entry *e = sani_lane_at(lane, head + i);

		if (e->places != SANI_ENTRY_BRINGS)
			sani_fetch_to_write(e->op);
	}
}

/* Its last completion that brings what the core would have written, or one of several places, or not its last. */
static inline uint32_t
places_of(const struct sani_cq_entry *e, struct san_overlapped *op)
{
	if (e->places != SANI_ENTRY_BRINGS)
		return e->places;
	op->result = e->result;
	op->done = e->result > 0 ? (uint32_t)e->result : 0;
	return 1;
}

/* Entries that lie one behind the other. @return How many places they give back: mostly one each. */
static inline __attribute__((always_inline)) uint32_t
reap_row(const struct sani_cq_entry *e, struct san_completion *comp, uint32_t n)
{
	const struct sani_cq_entry *end = e + n;
	uint32_t places = n;

	/* there is one */
	do {
		struct san_overlapped *op = e->op;

		fill(comp, e, op);
		if (sani_unlikely(e->places != 1)) {
			uint32_t gives = places_of(e, op);

			places += gives - 1;
			if (gives == 0)
				continue;
		}
		give_op_back(e->rec, op);
	} while (comp++, ++e != end);
	return places;
}

/* What is taken is given back to the core at once. */
static inline void
give_back(struct sani_lane *lane, uint32_t head, uint32_t places)
{
	lane->left += places;
	sani_assert(lane->left <= lane->depth);
	sani_spsc_pop_to(lane->ring, head);
}

/* Up to the tail that was noted. */
static inline __attribute__((always_inline)) unsigned int
reap_entries(struct sani_lane *lane, struct san_completion *comp, unsigned int max, bool from_afar)
{
	struct sani_spsc *ring = lane->ring;
	uint32_t head = sani_spsc_head(ring);
	uint32_t n = lane->noted - head;
	uint32_t straight, places;

	if (n > max)
		n = max;
	if (n == 0)
		return 0;
	/* those that bring their result have their lines here; and so, mostly, do those that come with them */
	if (from_afar && n > 1 && sani_lane_at(lane, head)->places != SANI_ENTRY_BRINGS)
		fetch(lane, head, n);
	/* to the end of the ring's memory, and on from its beginning */
	straight = ring->mask + 1 - (head & ring->mask);
	straight = n < straight ? n : straight;
	places = reap_row(sani_lane_at(lane, head), comp, straight);
	if (sani_unlikely(straight < n))
		places += reap_row(sani_lane_at(lane, 0), comp + straight, n - straight);
	give_back(lane, head + n, places);
	return n;
}

static inline unsigned int
reap_lane_closes(struct san_cq *cq, struct sani_lane *lane, struct san_completion *comp, unsigned int max)
{
	uint32_t at = lane->taken;
	unsigned int n;

	for (n = 0; n < max && at != 0; n++) {
		struct sani_record *rec = &lane->records[at - 1];

		comp[n] = (struct san_completion){
			.user = rec->close_user,
			.sock = sani_handle(lane->core_id, at - 1, rec->gen),
			.kind = SAN_OP_CLOSE,
		};
		at = atomic_load_explicit(&rec->link, memory_order_relaxed);
		/* release: the record is read; its slot may be used again (O5) */
		atomic_store_explicit(&rec->unreaped, 0, memory_order_release);
	}
	if (n > 0)
		atomic_fetch_sub_explicit(&cq->nb_sockets, n, memory_order_release);
	lane->taken = at;
	return n;
}

static unsigned int
reap_closes(struct san_cq *cq, struct san_completion *comp, unsigned int max)
{
	unsigned int n = 0;
	uint32_t left = 0;

	for (struct sani_lane *lane = cq->lanes; lane != NULL; lane = lane->next) {
		n += reap_lane_closes(cq, lane, comp + n, max - n);
		left |= lane->taken;
	}
	cq->closes_pending = left != 0;
	return n;
}

/* The array was full: another core's lane comes first the next time. */
static void
rotate(struct san_cq *cq)
{
	struct sani_lane *first = cq->lanes;
	struct sani_lane *last;

	if (first->next == NULL)
		return;
	for (last = first; last->next != NULL; last = last->next)
		;
	cq->lanes = first->next;
	last->next = first;
	first->next = NULL;
}

bool
sani_cq_is_mine(const struct san_cq *cq)
{
	struct sani_thread *t = sani_thread_self();

	return t != NULL && atomic_load_explicit(&cq->thread_id, memory_order_relaxed) == t->id;
}

/* Whatever there is. */
static __attribute__((noinline)) int
poll_lanes(struct san_cq *cq, struct san_completion *comp, unsigned int max, bool from_afar)
{
	unsigned int n = 0;

	if (sani_unlikely(cq->watched))
		sani_cq_disarm(cq);
	if (!cq->closes_pending)
		note(cq);
	for (struct sani_lane *lane = cq->lanes; lane != NULL; lane = lane->next)
		n += reap_entries(lane, comp + n, max - n, from_afar);
	if (n == max)
		rotate(cq);
	else if (cq->closes_pending)
		n += reap_closes(cq, comp + n, max - n);
	return (int)n;
}

/* The only lane, with closed slots. */
static __attribute__((noinline)) int
poll_closed(struct san_cq *cq, struct sani_lane *lane, struct san_completion *comp, unsigned int max)
{
	unsigned int n;

	take_closed(lane);
	sani_window();
	lane->noted = sani_spsc_tail(lane->ring);
	n = reap_entries(lane, comp, max, false);
	if (n < max)
		n += reap_lane_closes(cq, lane, comp + n, max - n);
	cq->closes_pending = lane->taken != 0;
	return (int)n;
}

/* The only lane, without. It is the shortest way of all: none of the others is on it. */
static inline __attribute__((always_inline)) int
poll_open(struct san_cq *cq, struct sani_lane *lane, struct san_completion *comp, unsigned int max)
{
	struct sani_spsc *ring = lane->ring;
	uint32_t head = sani_spsc_head(ring);
	uint32_t at = head & ring->mask;
	uint32_t n = sani_spsc_tail(ring) - head;

	if (n > max)
		n = max;
	if (n == 0)
		return 0;
	if (sani_unlikely(at + n > ring->mask + 1))
		return poll_lanes(cq, comp, max, false);
	give_back(lane, head + n, reap_row(sani_lane_at(lane, at), comp, n));
	return (int)n;
}

int
san_cq_poll(struct san_cq *cq, struct san_completion *comp, unsigned int max)
{
	const struct sani_thread *t = sani_thread_self();
	struct sani_lane *lane;

	/* 0 is too little, and what is no int too much */
	if (cq == NULL || comp == NULL || max - 1 >= INT32_MAX)
		return -EINVAL;
	if (t == NULL || atomic_load_explicit(&cq->thread_id, memory_order_relaxed) != t->id)
		return -EPERM;
	lane = cq->lanes;
	if (cq->closes_pending || cq->watched || lane == NULL || lane->next != NULL || t->nb_claims == 0)
		return poll_lanes(cq, comp, max, t->nb_claims == 0);
	/* O5, in both: first the closed slots, then the tail. Acquire: the entries that were put before them. */
	if (atomic_load_explicit(&lane->closed, memory_order_acquire) != 0)
		return poll_closed(cq, lane, comp, max);
	sani_window();
	return poll_open(cq, lane, comp, max);
}

bool
sani_cq_has_something(const struct san_cq *cq)
{
	const struct sani_lane *lane;

	if (cq->closes_pending)
		return true;
	for (lane = cq->lanes; lane != NULL; lane = lane->next)
		if (atomic_load(&lane->closed) != 0 ||
		    sani_spsc_head(lane->ring) != sani_spsc_tail(lane->ring))
			return true;
	return false;
}

/* Close records that nobody will reap any more give their slots free. */
static void
drop_closed(struct sani_lane *lane)
{
	while (lane->taken != 0 || take_closed(lane)) {
		struct sani_record *rec = &lane->records[lane->taken - 1];

		lane->taken = atomic_load_explicit(&rec->link, memory_order_relaxed);
		atomic_store_explicit(&rec->unreaped, 0, memory_order_release);
	}
}

void
sani_cq_recycle(struct san_cq *cq)
{
	struct sani_lane *lane = cq->lanes;

	sani_cq_thread(cq)->way.core = NULL;
	while (lane != NULL) {
		struct sani_lane *next = lane->next;

		drop_closed(lane);
		atomic_store(&cq->lane_of[lane->core_id], NULL);
		sani_spsc_destroy(lane->ring);
		sani_extras_fini(&lane->extras);
		free(lane);
		lane = next;
	}
	cq->lanes = NULL;
	atomic_store(&cq->nb_sockets, 0);
	/* The generation moves on here, so that stale ids miss; the index is taken by create. */
	pthread_mutex_lock(&table_lock);
	atomic_fetch_add(&cq->id, 1u << 12);
	atomic_store(&cq->thread_id, 0);
	pthread_mutex_unlock(&table_lock);
}

int
san_cq_destroy(struct san_cq *cq)
{
	struct sani_thread *t = sani_thread_self();
	struct san_cq **at;

	if (cq == NULL)
		return -EINVAL;
	if (!sani_cq_is_mine(cq))
		return -EPERM;
	if (atomic_load_explicit(&cq->nb_sockets, memory_order_acquire) != 0)
		return -EBUSY;
	for (at = &t->cqs; *at != cq; at = &(*at)->next_of_thread)
		;
	*at = cq->next_of_thread;
	sani_cq_recycle(cq);
	sani_thread_put(t);
	return 0;
}
