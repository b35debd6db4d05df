/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Timing wheel: hierarchical, O(1), one for each core; 64 us a tick.
 *
 * Model:   elements are members of one array and are named by their 32-bit index; the wheel keeps three
 *          words in each (struct sani_timer). 4 levels of 256 slots reach 76 hours; a later deadline
 *          fires early, after 76 hours. A timer that fires early (also because its owner arms lazily)
 *          is simply armed again by the owner.
 * Threads: one core. No clock: the time is passed in.
 */
#ifndef SANI_TIMER_WHEEL_H
#define SANI_TIMER_WHEEL_H

#include "base/base.h"

#define SANI_TICK_SHIFT 6	/**< 64 us */

/** In each element. Zero it before first use with sani_timer_init(). */
struct sani_timer {
	uint32_t next;
	uint32_t prev;		/**< SANI_NONE and slot SANI_NONE: not armed. */
	uint32_t expires;	/**< [ticks], modulo 2^32. */
	uint32_t slot;
};

struct sani_wheel;

/** The tick at which what is due at when_us fires: not before it, less than a tick after it. */
static inline uint64_t
sani_wheel_tick(uint64_t when_us)
{
	return (when_us >> SANI_TICK_SHIFT) + ((when_us & ((1u << SANI_TICK_SHIFT) - 1)) != 0);
}

static inline void
sani_timer_init(struct sani_timer *t)
{
	t->slot = SANI_NONE;
}

static inline bool
sani_timer_armed(const struct sani_timer *t)
{
	return t->slot != SANI_NONE;
}

/**
 * Make a wheel.
 * @param[in] array   First element.
 * @param[in] stride  Size of an element [bytes].
 * @param[in] offset  Where its struct sani_timer is [bytes].
 */
struct sani_wheel *
sani_wheel_create(void *array, size_t stride, size_t offset, uint64_t now_us);

void
sani_wheel_destroy(struct sani_wheel *w);

/** Arm (or move) element idx to fire at when_us or up to one tick later. The past fires at the next advance. */
void
sani_wheel_arm(struct sani_wheel *w, uint32_t idx, uint64_t when_us);

/** Disarm; nothing happens when it is not armed. */
void
sani_wheel_disarm(struct sani_wheel *w, uint32_t idx);

/**
 * Move the time on and take out what has expired.
 * @param[out] idx  Filled with at most max indices, each disarmed.
 * @return How many; max means there may be more: call again with the same time.
 */
unsigned int
sani_wheel_advance(struct sani_wheel *w, uint64_t now_us, uint32_t *idx, unsigned int max);

/** What a wheel begins with: all that is looked at while nothing is due. */
struct sani_wheel_edge {
	uint64_t tick;		/**< Before it sani_wheel_advance() has nothing to do. */
};

/** Has sani_wheel_advance() something to do at this time? Else it need not be called. */
static inline bool
sani_wheel_is_due(const struct sani_wheel *w, uint64_t now_us)
{
	return now_us >> SANI_TICK_SHIFT >= ((const struct sani_wheel_edge *)(const void *)w)->tick;
}

/** A time [us] before which nothing expires (it may be earlier than the first expiry); SANI_NEVER: empty. */
uint64_t
sani_wheel_next(const struct sani_wheel *w);

#endif
