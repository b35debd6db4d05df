/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Program: what the hosts' programs do, through the public API only: listeners, and connections of two ends that
 * send (some of it urgent, lent or with the SYN), receive, idle, cancel, let deadlines pass, shut down, disconnect and
 * close as their seed says.
 */
#ifndef TESTS_SIM_PROGRAM_H
#define TESTS_SIM_PROGRAM_H

#include "sim/plan.h"

/** Connections of a world. */
struct sim_conn_tally {
	uint64_t begun;			/**< A connect was accepted. */
	uint64_t open;			/**< Both ends came to be. */
	uint64_t complete;		/**< Both ended gracefully, with every octet. */
};

/** Listeners, and the starts of all connections, as events of the world. */
void
sim_programs_begin(struct sim_world *w, const struct sim_plan *plan);

/** Connections that were not started yet or are not over. */
unsigned int
sim_programs_left(void);

/** The network is well: close what waits for a peer that is gone, and tell of those that do not get on. */
void
sim_programs_look_after(struct sim_world *w);

/** How many connections there were so far. */
struct sim_conn_tally
sim_programs_tally(void);

/** Listeners close. */
void
sim_programs_end(struct sim_world *w);

/** Free all. */
void
sim_programs_free(struct sim_world *w);

#endif
