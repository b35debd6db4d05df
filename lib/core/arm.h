/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Arm: when the timer of a connection is set, and to what.
 *
 * Model:  a connection has one place in its core's wheel, and there is set lazily: a deadline that moves away, as with
 *         every acknowledgement, leaves the wheel alone. The wheel then fires early, finds the deadline ahead and it is
 *         set again. Of many connections what fires is far away by then, so as little as can be is to fire for nothing:
 *         the timer of an ACK waits a round for what may carry it, and of very many one that rests has none.
 */
#ifndef SANI_CORE_ARM_H
#define SANI_CORE_ARM_H

#include "core/priv.h"

/** Set it to the first deadline, if there is one. */
void
sani_arm_anew(struct sani_core *core, struct sani_tcp_conn *c);

/** After events ev of one that is not listed for output: set it, now or in the next round, or take it away. */
void
sani_arm_touched(struct sani_core *core, struct sani_tcp_conn *c, uint32_t ev);

/** At the end of a round: set those that the round before has put off. */
void
sani_arm_late(struct sani_core *core);

/**
 * Of a connection that a SYN has opened just now: set it once, to what comes before any deadline that a short one will
 * have. The life of most is over by then, and of the others it fires once for nothing. A connection that ends leaves
 * the timer of its block as it is: where connections are short the next one finds it set already.
 */
void
sani_arm_first(struct sani_core *core, struct sani_tcp_conn *c);

/** Is when_us before what the timer is set to? */
static inline bool
sani_arm_is_before(uint64_t when_us, const struct sani_timer *t)
{
	uint32_t tick = (uint32_t)((when_us + (1u << SANI_TICK_SHIFT) - 1) >> SANI_TICK_SHIFT);

	/* No deadline, and one that is too far away for this, are not before it, whichever way they compare. */
	return !sani_timer_armed(t) || (int32_t)(tick - t->expires) < 0;
}

/** Is the deadline? */
static inline bool
sani_arm_is_due(const struct sani_tcp_conn *c)
{
	return sani_arm_is_before(c->wake_us, &c->owner.timer);
}

/** Then set it anew. */
static inline void
sani_arm(struct sani_core *core, struct sani_tcp_conn *c)
{
	if (sani_unlikely(sani_arm_is_due(c)))
		sani_arm_anew(core, c);
}

#endif
