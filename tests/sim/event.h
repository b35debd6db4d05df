/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Event: what the world has to do at some time of the virtual clock. A heap; equal times keep their order.
 */
#ifndef TESTS_SIM_EVENT_H
#define TESTS_SIM_EVENT_H

#include <stdint.h>

struct sim_event {
	uint64_t at_us;
	uint64_t order;
	void (*run)(void *arg, uint32_t what);
	void *arg;
	uint32_t what;
};

struct sim_events {
	struct sim_event *heap;
	uint32_t nb;
	uint32_t size;
	uint64_t order;
};

void
sim_event_add(struct sim_events *q, uint64_t at_us, void (*run)(void *arg, uint32_t what), void *arg,
	      uint32_t what);

/** Run what is due. @return How many there were. */
unsigned int
sim_event_run(struct sim_events *q, uint64_t now_us);

/** Time of the next; UINT64_MAX: none. */
uint64_t
sim_event_next(const struct sim_events *q);

void
sim_event_clear(struct sim_events *q);

#endif
