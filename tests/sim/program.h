/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Program: what the hosts' programs do, through the public API only: listeners, and connections of two ends that
 * send, receive, idle, cancel, shut down and close as their seed says.
 */
#ifndef TESTS_SIM_PROGRAM_H
#define TESTS_SIM_PROGRAM_H

#include "sim/plan.h"

/** Listeners, and the starts of all connections, as events of the world. */
void
sim_programs_begin(struct sim_world *w, const struct sim_plan *plan);

/** Connections that were not started yet or are not over. */
unsigned int
sim_programs_left(void);

/** When something went on last. */
uint64_t
sim_programs_moved_us(void);

/** The network is well: close what waits for a peer that is gone, and tell of those that do not get on. */
void
sim_programs_look_after(struct sim_world *w);

/** Listeners close. */
void
sim_programs_end(struct sim_world *w);

/** Free all. */
void
sim_programs_free(struct sim_world *w);

#endif
