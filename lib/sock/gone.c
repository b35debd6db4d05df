/* SPDX-License-Identifier: BSD-3-Clause */
#include "sock/priv.h"

static bool
is_gone(const struct sani_thread *t)
{
	return atomic_load_explicit(&t->state, memory_order_acquire) == SANI_THREAD_GONE;
}

bool
sani_gone_cq(const struct san_cq *cq)
{
	return is_gone(sani_cq_thread(cq));
}

/* Is no slot of the core bound to the thread's queues any more, whoever closed it? */
static bool
nothing_bound(struct san_core *k, const struct sani_thread *t)
{
	uint32_t slot;

	for (slot = 0; slot < k->nb_slots; slot++) {
		if (sani_word_thread(atomic_load(&k->slots->words[slot])) == t->id)
			return false;
	}
	return true;
}

static bool
ring_is_empty(struct san_core *k, struct sani_thread *t)
{
	struct sani_spsc *ring = atomic_load_explicit(&t->req[k->id], memory_order_acquire);

	return ring == NULL || sani_spsc_head(ring) == sani_spsc_tail(ring);
}

/* True when this core has nothing of t, in this life of the record, left and has said so. */
static bool
settle(struct san_core *k, struct sani_thread *t, uint32_t life)
{
	if (k->gone_acked[t->id] == life)
		return true;
	sani_close_all(k, t->id);
	if (!ring_is_empty(k, t) || !nothing_bound(k, t))
		return false;
	k->gone_acked[t->id] = life;
	sani_thread_ack_gone(t);
	return true;
}

unsigned int
sani_gone_round(struct san_core *k)
{
	uint32_t count = sani_thread_gone_count();
	unsigned int id, high = sani_thread_high();
	bool left = false;

	k->gone_seen = count;
	k->gone_here = true;
	for (id = 1; id < high; id++) {
		struct sani_thread *t = sani_thread_get(id);
		/* Before the state: GONE after it is this life's, or this core has acknowledged that. */
		uint32_t life = atomic_load(&t->life);

		if (is_gone(t) && !settle(k, t, life))
			left = true;
	}
	k->gone_here = left;
	return 1;
}
