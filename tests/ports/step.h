/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Step: stop a thread behind the n-th instruction of a call, for as long as another thread wants.
 *
 * Model:     the thread arms itself and makes the call; the processor traps behind every instruction
 *            (x86 single stepping), and the n-th trap waits for step_release(). With n from 1 to the
 *            length of the call, every window between two instructions is held open once.
 * Threads:   one stepping thread at a time.
 */
#ifndef TESTS_PORTS_STEP_H
#define TESTS_PORTS_STEP_H

#include <stdbool.h>

/** Can this machine do it? */
bool
step_possible(void);

/** The calling thread: stop behind the n-th instruction from here. */
void
step_arm(unsigned int n);

/** The calling thread, after the call. @return True: it was stopped within the call. */
bool
step_disarm(void);

/** Another thread: has it stopped? */
bool
step_stopped(void);

/** Another thread: go on. */
void
step_release(void);

#endif
