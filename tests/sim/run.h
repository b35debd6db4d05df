/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Run: one world from its plan to its end, judged.
 */
#ifndef TESTS_SIM_RUN_H
#define TESTS_SIM_RUN_H

#include "sim/program.h"

/** What a world came to. */
struct sim_result {
	bool failed;
	uint64_t hash;			/**< Of every frame sent and delivered, with its time. */
	uint64_t nb_frames;
	uint64_t nb_octets;
	uint64_t lasted_us;
	struct sim_conn_tally conns;
};

struct sim_result
sim_run(const struct sim_plan *plan, FILE *trace);

#endif
