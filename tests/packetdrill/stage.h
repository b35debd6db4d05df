/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Stage: the thread that the stack lives on, and its clock.
 *
 * Model:    the socket calls of the stack belong to one thread, a script's come from two: the player's own, and
 *           one for calls that may block. So the stack has a thread that sleeps until it is given a
 *           piece of work, does it, lets the stack come to rest at this moment, and tells the caller. One
 *           lock; nothing polls. The clock moves only while the player sleeps or waits for a packet,
 *           from timer to timer; and by 1 us at each look, so that a loop that waits for a moment ends.
 * Blocking: work that answers -EAGAIN and may wait is done again after everything that happens. From the moment a
 *           second thread comes in, or is woken, until it waits or has looked at the clock, time
 *           stands still: what it did happened at that moment.
 * Threads:  stage_start() by the player's thread; the rest by it and by one other.
 */
#ifndef TESTS_PACKETDRILL_STAGE_H
#define TESTS_PACKETDRILL_STAGE_H

#include <stdbool.h>
#include <stdint.h>

/** What the stage asks of the stack; all of it is called on the stack's thread. */
struct stage_stack {
	void (*open)(void);		/**< Once, first. */
	unsigned int (*round)(void);	/**< Let it work at this moment. @return How much was done. */
	uint64_t (*deadline)(void);	/**< When it wants to work again [us]; SANI_NEVER. */
	bool (*has_sent)(void);		/**< Is there a packet that was not taken? */
};

/** A piece of work. @return 0 or more, or a negative errno. */
typedef long (*stage_work)(void *arg);

/** Start the thread and open the stack; the calling thread is the player. */
void
stage_start(const struct stage_stack *stack);

/**
 * Have work done.
 * @param[in] may_wait  -EAGAIN: wait for something else. Not for the player, who would wait for ever.
 * @return What work returned.
 */
long
stage_call(stage_work work, void *arg, bool may_wait);

/** The time, a microsecond later than at the last look [us]. */
uint64_t
stage_look(void);

/** Let time go by. */
void
stage_sleep(uint64_t us);

/** Let time go by until the stack has sent something. @return False: it will not any more. */
bool
stage_await_packet(void);

#endif
