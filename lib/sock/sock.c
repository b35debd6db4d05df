/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "core/map.h"
#include "sock/priv.h"

/* The defaults of san/sock.h. */
static const struct sani_sock_options usual = {
	.nodelay = true,
	.tune = {
		.keep = SANI_TCP_KEEP_USUAL,
		.ttl = 64,
		.ecn = SAN_ECN_ACCEPT,
	},
};

#define TO(phase) (1u << SANI_SOCK_##phase)

static const uint8_t allowed[SANI_NB_SOCK_PHASES] = {
	/* CONNECTED at once: an accepted socket */
	[SANI_SOCK_NEW] = TO(CONNECTING) | TO(CONNECTED) | TO(LISTENING),
	/* back to NEW: the connect failed, another may follow */
	[SANI_SOCK_CONNECTING] = TO(NEW) | TO(CONNECTED),
	[SANI_SOCK_CONNECTED] = TO(DEAD) | TO(NEW),
	[SANI_SOCK_DEAD] = TO(NEW),
	[SANI_SOCK_LISTENING] = TO(NEW),
};

/* Counters of the core that other threads read; one writer. */
static void
add(_Atomic uint32_t *v, int n)
{
	atomic_store_explicit(v, atomic_load_explicit(v, memory_order_relaxed) + (uint32_t)n,
			      memory_order_release);
}

static inline void
enter(struct san_core *k, struct sani_sock *so, enum sani_sock_phase phase)
{
	if (!(allowed[so->phase] & (1u << phase)))
		return;
	if (sani_unlikely(phase == SANI_SOCK_DEAD || so->phase == SANI_SOCK_DEAD))
		add(&k->nb_dead, (phase == SANI_SOCK_DEAD) - (so->phase == SANI_SOCK_DEAD));
	so->phase = phase & 7;
	sani_sock_note_direct(so);
}

void
sani_sock_enter(struct san_core *k, struct sani_sock *so, enum sani_sock_phase phase)
{
	enter(k, so, phase);
}

struct sani_sock *
sani_sock_of(struct san_core *k, san_handle h)
{
	uint32_t slot = sani_handle_slot(h);
	uint64_t w;

	if (slot >= k->nb_slots)
		return NULL;
	w = atomic_load_explicit(&k->slots->words[slot], memory_order_relaxed);
	if (sani_word_gen(w) != sani_handle_gen(h))
		return NULL;
	if (sani_word_state(w) != SANI_SLOT_OPEN && sani_word_state(w) != SANI_SLOT_CLOSING)
		return NULL;
	return &k->socks[slot];
}

static void
push_free(struct san_core *k, uint32_t slot)
{
	uint32_t at = k->free_head + k->nb_free++;

	k->free[at < k->nb_slots ? at : at - k->nb_slots] = slot;
}

static uint32_t
shift_free(struct san_core *k)
{
	uint32_t slot = k->free[k->free_head];

	k->free_head = k->free_head + 1 < k->nb_slots ? k->free_head + 1 : 0;
	k->nb_free--;
	return slot;
}

/* First in, first out; slots whose close record is not reaped go round once more (O5, O6). */
static uint32_t
take_free(struct san_core *k)
{
	uint32_t tries = k->nb_free;

	while (tries-- > 0) {
		uint32_t slot = shift_free(k);
		struct sani_record *rec = &k->slots->records[slot];

		/* acquire: the reaper has read the record before we write it anew */
		if (atomic_load_explicit(&rec->unreaped, memory_order_acquire) == 0)
			return slot;
		push_free(k, slot);
	}
	return SANI_NONE;
}

#define AHEAD 4u	/* slots */

/*
 * Slots go round (O6), so what is taken was used longest ago, and is far away where there are many. Which ones come is
 * known: the lines of one are asked for some connections before.
 */
static inline void
fetch_slot_ahead(const struct san_core *k)
{
	uint32_t at = k->free_head + AHEAD;
	uint32_t slot;

	if (sani_unlikely(k->nb_slots <= AHEAD))
		return;
	slot = k->free[at < k->nb_slots ? at : at - k->nb_slots];
	sani_fetch_to_write(&k->slots->words[slot]);
	sani_fetch_to_write(&k->slots->records[slot]);
	sani_fetch_to_write(&k->socks[slot]);
	sani_fetch_to_write((const char *)&k->socks[slot] + sizeof(struct sani_sock) - 1);
}

struct sani_sock *
sani_sock_open(struct san_core *k, struct san_cq *cq, struct sani_lane *lane)
{
	uint32_t slot = take_free(k);
	_Atomic uint64_t *word;
	struct sani_record *rec;
	struct sani_sock *so;
	uint32_t gen;

	if (slot == SANI_NONE)
		return NULL;
	fetch_slot_ahead(k);
	word = &k->slots->words[slot];
	gen = sani_word_gen(atomic_load_explicit(word, memory_order_relaxed));
	so = &k->socks[slot];
	*so = (struct sani_sock){
		.word = sani_word(gen, atomic_load_explicit(&cq->id, memory_order_relaxed), SANI_SLOT_OPEN),
		.lane = lane,
		.conn = SANI_NONE,
		.place = (uint32_t)(sani_handle(k->id, slot, gen) >> 32),
		.told = true,
	};
	rec = &k->slots->records[slot];
	rec->gen = gen;
	rec->posted = 0;
	rec->next_id = 1;
	rec->close_user = cq->unasked;
	atomic_fetch_add_explicit(&cq->nb_sockets, 1, memory_order_relaxed);
	add(&k->nb_open, 1);
	sani_count(&k->core->ctr, SANI_CTR_sock_opened);
	/* release: the record before the word that shows it */
	atomic_store_explicit(word, so->word, memory_order_release);
	return so;
}

void
sani_sock_bind_anew(struct san_core *k, struct sani_sock *so, uint64_t w)
{
	struct san_cq *cq = sani_cq_find(sani_word_cq(w));

	so->word = sani_word(sani_word_gen(w), sani_word_cq(w), SANI_SLOT_OPEN);
	so->lane = atomic_load_explicit(&cq->lane_of[k->id], memory_order_acquire);
	sani_sock_note_direct(so);
}

/* Its thread is gone, and nobody will reap the close (O16). */
static void SANI_SELDOM
retire_orphan(struct san_core *k, struct san_cq *cq, struct sani_record *rec)
{
	atomic_store_explicit(&rec->unreaped, 0, memory_order_relaxed);
	sani_count(&k->core->ctr, SANI_CTR_sock_orphans);
	atomic_fetch_sub_explicit(&cq->nb_sockets, 1, memory_order_release);
}

/* The last entry of the socket comes before (O5); and from here on the lane may go. */
static inline void
report_close(struct san_core *k, struct sani_lane *lane, uint32_t slot)
{
	if (sani_unlikely(k->held == lane))
		sani_held_show(k);
	sani_touch_cq(k, lane->cq);
	sani_lane_close(lane, slot);
}

void
sani_sock_retire(struct san_core *k, struct sani_sock *so)
{
	uint32_t slot = sani_sock_slot(so);
	uint32_t gen = sani_word_gen(so->word);
	struct sani_record *rec = &k->slots->records[slot];
	struct sani_lane *lane = so->lane;

	enter(k, so, SANI_SOCK_NEW);
	atomic_store_explicit(&rec->unreaped, 1, memory_order_relaxed);
	atomic_store_explicit(&k->slots->words[slot], sani_word(gen + 1, 0, SANI_SLOT_RETIRED),
			      memory_order_release);
	sani_count(&k->core->ctr, SANI_CTR_sock_closed);
	if (sani_unlikely(gen + 1 == 0))
		sani_count(&k->core->ctr, SANI_CTR_sock_generation_end);
	else
		push_free(k, slot);
	if (sani_unlikely(k->gone_here) && sani_gone_cq(lane->cq))
		retire_orphan(k, lane->cq, rec);
	else
		report_close(k, lane, slot);
	/* Last, and release: who sees the core without sockets sees all their records too (O15). */
	add(&k->nb_open, -1);
}

int
sani_sock_init(struct san_core *k, uint32_t nb_slots, uint32_t ring_size)
{
	uint32_t slot;

	k->ring_size = ring_size;
	k->slots = sani_slots_get(k->id, nb_slots);
	k->nb_slots = nb_slots;
	k->socks = sani_map(nb_slots * sizeof(*k->socks));
	k->more = calloc(nb_slots, sizeof(*k->more));
	k->free = calloc(nb_slots, sizeof(*k->free));
	if (k->slots == NULL || k->socks == NULL || k->more == NULL || k->free == NULL ||
	    sani_deadline_init(k, nb_slots * SANI_DEADLINES_A_SOCKET) < 0 || sani_cancel_init(k) < 0) {
		sani_sock_fini(k);
		return -ENOMEM;
	}
	k->conns = sani_core_conn(k->core, 0);
	k->usual = usual;
	k->usual.tune.mtu_probe = k->core->host->conf.mtu_probing;
	k->closing = SANI_NONE;
	k->paused = SANI_NONE;
	for (slot = 0; slot < nb_slots; slot++) {
		_Atomic uint64_t *word = &k->slots->words[slot];

		/* A slot that was never used begins at generation 1: no handle is zero. */
		if (atomic_load(word) == 0)
			atomic_store(word, sani_word(1, 0, SANI_SLOT_FREE));
		if (sani_word_gen(atomic_load(word)) != 0)
			push_free(k, slot);
	}
	return 0;
}

void
sani_sock_fini(struct san_core *k)
{
	sani_sleep_fini(k);
	sani_deadline_fini(k);
	sani_cancel_fini(k);
	sani_unmap(k->socks, k->nb_slots * sizeof(*k->socks));
	free(k->more);
	free(k->free);
	k->socks = NULL;
	k->more = NULL;
	k->free = NULL;
}
