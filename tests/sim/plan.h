/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Plan: everything that a seed decides before the world begins. The programs draw the rest as they go.
 */
#ifndef TESTS_SIM_PLAN_H
#define TESTS_SIM_PLAN_H

#include <stdio.h>

#include "sim/oracle.h"

#define SIM_FAULTS 24
#define SIM_LISTENERS 3		/* of a host, from SIM_FIRST_PORT on */
#define SIM_FIRST_PORT 80u

struct sim_fault_plan {
	uint64_t at_us;
	unsigned int host;
	enum sim_fault fault;
	uint64_t for_us;
	uint32_t value;
};

struct sim_plan {
	uint64_t seed;
	const char *profile;
	unsigned int nb_hosts;
	struct sim_host_plan hosts[SIM_HOSTS];
	uint64_t clock_us;		/**< The virtual clock at the start. */
	uint32_t wrap;			/**< Connections begin so near the end of the sequence space; 0: anywhere. */
	unsigned int nb_conns;
	uint64_t span_us;		/**< Connections are opened in this time. */
	uint64_t heal_us;		/**< Then the network is well. */
	uint32_t bytes_max;		/**< Of one stream. */
	unsigned int backlog;
	unsigned int accepts;
	uint32_t accept_delay_us;
	uint32_t user_timeout_ms;
	uint32_t hard_percent;		/**< Ends that close before they are done. */
	uint32_t stubborn_percent;	/**< Listeners that close and come back. */
	uint32_t meet_percent;		/**< Connections whose both ends connect. */
	uint32_t fast_percent;		/**< Sockets with Fast Open. */
	bool plain;			/**< One request, one answer: for measuring. */
	unsigned int nb_faults;
	struct sim_fault_plan faults[SIM_FAULTS];
	struct sim_situation situation;
};

/** What the seed decides. */
void
sim_plan_make(struct sim_plan *plan, uint64_t seed);

/** Many short connections between two hosts. */
void
sim_plan_rate(struct sim_plan *plan, uint64_t seed, unsigned int nb_conns);

void
sim_plan_print(const struct sim_plan *plan, FILE *out);

#endif
