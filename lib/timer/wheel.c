/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "timer/wheel.h"

#define LEVELS 4
#define LEVEL_SHIFT 8
#define SLOTS (1u << LEVEL_SHIFT)
#define SLOT_MASK (SLOTS - 1)
#define LAG 64u		/* ticks that an empty wheel may stay behind: deltas are counted from its tick */

/*
 * A slot of level l is 2^(8 l) ticks wide. An element whose deadline is `delta` ticks away lies in the
 * level that counts delta in steps of its own width, and moves down when the time reaches its slot:
 *
 *   delta:    0 .. 255      level 0     exact; slot tick & 255 is the one that is due now
 *             256 .. 2^16   level 1
 *             2^16 .. 2^24  level 2
 *             2^24 .. 2^32  level 3
 *
 * Only in level 0 can an element lie in the slot of the present tick (delta 0). In the others the slot
 * of the present is empty or holds what is due one whole turn from now, because it was emptied when
 * the time entered it.
 */
struct sani_wheel {
	struct sani_wheel_edge edge;	/* before it no slot has to be looked at, and the tick may lag */
	unsigned char *timers;		/* of element 0 */
	size_t stride;
	uint64_t tick;			/* everything before it has been taken out */
	bool is_empty;			/* there was nothing when it was looked for last, and nothing was armed since */
	uint64_t used[LEVELS][SLOTS / 64];
	uint32_t head[LEVELS * SLOTS];
};

static struct sani_timer *
timer_of(const struct sani_wheel *w, uint32_t idx)
{
	return (struct sani_timer *)(void *)(w->timers + idx * w->stride);
}

static void
link_in(struct sani_wheel *w, uint32_t idx, uint32_t slot)
{
	struct sani_timer *t = timer_of(w, idx);
	uint32_t first = w->head[slot];

	t->slot = slot;
	t->prev = SANI_NONE;
	t->next = first;
	if (first != SANI_NONE)
		timer_of(w, first)->prev = idx;
	w->head[slot] = idx;
	w->used[slot / SLOTS][slot % SLOTS / 64] |= UINT64_C(1) << (slot % 64);
}

static void
link_out(struct sani_wheel *w, struct sani_timer *t)
{
	uint32_t slot = t->slot;

	if (t->next != SANI_NONE)
		timer_of(w, t->next)->prev = t->prev;
	if (t->prev != SANI_NONE)
		timer_of(w, t->prev)->next = t->next;
	else
		w->head[slot] = t->next;
	if (w->head[slot] == SANI_NONE)
		w->used[slot / SLOTS][slot % SLOTS / 64] &= ~(UINT64_C(1) << (slot % 64));
	t->slot = SANI_NONE;
}

/* t->expires is not before the wheel's tick. @return The level that it lies in. */
static uint32_t
place(struct sani_wheel *w, uint32_t idx)
{
	struct sani_timer *t = timer_of(w, idx);
	uint32_t delta = t->expires - (uint32_t)w->tick;
	uint32_t level = (31 - (uint32_t)__builtin_clz(delta | 1)) / LEVEL_SHIFT;

	link_in(w, idx, level * SLOTS + (t->expires >> (level * LEVEL_SHIFT) & SLOT_MASK));
	return level;
}

struct sani_wheel *
sani_wheel_create(void *array, size_t stride, size_t offset, uint64_t now_us)
{
	struct sani_wheel *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->timers = (unsigned char *)array + offset;
	w->stride = stride;
	w->tick = now_us >> SANI_TICK_SHIFT;
	w->edge.tick = w->tick + LAG;
	w->is_empty = true;
	for (uint32_t i = 0; i < LEVELS * SLOTS; i++)
		w->head[i] = SANI_NONE;
	return w;
}

void
sani_wheel_destroy(struct sani_wheel *w)
{
	free(w);
}

void
sani_wheel_arm(struct sani_wheel *w, uint32_t idx, uint64_t when_us)
{
	struct sani_timer *t = timer_of(w, idx);
	uint64_t when = sani_wheel_tick(when_us);
	uint32_t shift;

	if (sani_timer_armed(t))
		link_out(w, t);
	if (when < w->tick)
		when = w->tick;
	else if (when - w->tick > UINT32_MAX)
		when = w->tick + UINT32_MAX;
	t->expires = (uint32_t)when;
	/* The slot is looked at when the time comes to its beginning. */
	shift = place(w, idx) * LEVEL_SHIFT;
	w->is_empty = false;
	if (when >> shift << shift < w->edge.tick)
		w->edge.tick = when >> shift << shift;
}

void
sani_wheel_disarm(struct sani_wheel *w, uint32_t idx)
{
	struct sani_timer *t = timer_of(w, idx);

	if (sani_timer_armed(t))
		link_out(w, t);
}

/* Distance from slot `from` to the next used one of a level, 1..256 (256: `from` itself); 0: none. */
static uint32_t
find_used(const uint64_t *used, uint32_t from)
{
	for (uint32_t d = 1; d <= SLOTS;) {
		uint32_t at = (from + d) & SLOT_MASK;
		uint64_t word = used[at / 64] >> (at % 64);

		if (word != 0) {
			d += (uint32_t)__builtin_ctzll(word);
			return d <= SLOTS ? d : 0;
		}
		d += 64 - at % 64;
	}
	return 0;
}

/* The next tick after the present one at which a slot has to be looked at; SANI_NEVER: none. */
static uint64_t
find_next_tick(const struct sani_wheel *w)
{
	uint64_t next = SANI_NEVER;

	for (uint32_t level = 0; level < LEVELS; level++) {
		uint32_t shift = level * LEVEL_SHIFT;
		uint64_t here = w->tick >> shift;
		uint32_t d = find_used(w->used[level], (uint32_t)here & SLOT_MASK);

		if (d != 0 && (level > 0 || d < SLOTS) && (here + d) << shift < next)
			next = (here + d) << shift;
	}
	return next;
}

/* The time has just come to w->tick: slots of higher levels that begin here move down. */
static void
cascade(struct sani_wheel *w)
{
	for (uint32_t level = LEVELS - 1; level > 0; level--) {
		uint32_t shift = level * LEVEL_SHIFT;
		uint32_t slot = level * SLOTS + ((uint32_t)(w->tick >> shift) & SLOT_MASK);

		if ((w->tick & ((UINT64_C(1) << shift) - 1)) != 0)
			continue;
		while (w->head[slot] != SANI_NONE) {
			uint32_t idx = w->head[slot];

			link_out(w, timer_of(w, idx));
			place(w, idx);
		}
	}
}

static unsigned int
take_due(struct sani_wheel *w, uint32_t *idx, unsigned int max)
{
	uint32_t slot = (uint32_t)w->tick & SLOT_MASK;
	unsigned int n = 0;

	while (n < max && w->head[slot] != SANI_NONE) {
		idx[n] = w->head[slot];
		link_out(w, timer_of(w, idx[n]));
		n++;
	}
	return n;
}

/* The time is at now, or as far as max let it come. */
static unsigned int
advance(struct sani_wheel *w, uint64_t now, uint32_t *idx, unsigned int max)
{
	unsigned int n = take_due(w, idx, max);

	while (n < max) {
		w->edge.tick = find_next_tick(w);
		if (w->edge.tick > now)
			break;
		w->tick = w->edge.tick;
		cascade(w);
		n += take_due(w, idx + n, max - n);
	}
	/* Nothing lies between here and now; else what is due at the tick is not all taken. */
	if (n < max)
		w->tick = now;
	else
		w->edge.tick = w->tick;
	/* It may lag while a slot ahead will bring it on, not for ever. */
	w->is_empty = w->edge.tick == SANI_NEVER;
	if (w->is_empty)
		w->edge.tick = w->tick + LAG;
	return n;
}

unsigned int
sani_wheel_advance(struct sani_wheel *w, uint64_t now_us, uint32_t *idx, unsigned int max)
{
	uint64_t now = now_us >> SANI_TICK_SHIFT;

	if (w->is_empty) {
		w->tick = now > w->tick ? now : w->tick;
		w->edge.tick = w->tick + LAG;
		return 0;
	}
	return now >= w->edge.tick ? advance(w, now, idx, max) : 0;
}

uint64_t
sani_wheel_next(const struct sani_wheel *w)
{
	uint64_t next;

	if (w->head[w->tick & SLOT_MASK] != SANI_NONE)
		return w->tick << SANI_TICK_SHIFT;
	next = find_next_tick(w);
	return next == SANI_NEVER ? SANI_NEVER : next << SANI_TICK_SHIFT;
}
