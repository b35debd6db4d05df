/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Behaviour: what is drawn for one end of a connection: how much it sends, in what pieces, how patient it
 * is, how it ends.
 */
#ifndef TESTS_SIM_BEHAVIOUR_H
#define TESTS_SIM_BEHAVIOUR_H

#include "sim/plan.h"

/** How a graceful end is made. */
enum sim_ending { SIM_BY_SHUTDOWN, SIM_BY_DISCONNECT, SIM_BY_BOTH };

/** How one end of a connection behaves. */
struct sim_behaviour {
	struct sim_rng rng;
	uint64_t total;
	uint32_t chunk;
	uint32_t want;		/**< octets of a receive at most */
	uint32_t tx_depth;
	uint32_t rx_depth;
	uint32_t polled_percent;
	uint32_t acked_percent;
	uint32_t waitall_percent;
	uint32_t idle_percent;
	uint32_t idle_us;
	uint32_t slow_percent;
	uint32_t slow_us;
	uint32_t cancel_percent;
	uint32_t move_percent;	/**< moves to another queue before it goes on */
	uint64_t hard_at;	/**< octets moved after which it closes; UINT64_MAX: it ends gracefully */
	bool aborts;		/**< then it disconnects by a RST before */
	enum sim_ending ending;
	uint32_t urgent_percent;
	uint32_t late_percent;	/**< operations with a deadline, */
	uint32_t late_us;	/**< of so much at most */
	uint32_t lent_percent;	/**< sends from registered memory */
	uint32_t rest_us;	/**< pause before the end; 0: none */
	uint32_t linger_us;	/**< from the end to the close */
	bool tx_idle;
	bool rx_idle;
	bool lingering;
	bool waiting;		/**< a wake-up is under way because a post had no place */
};

void
sim_behaviour_make(struct sim_behaviour *p, struct sim_rng *r, const struct sim_plan *plan);

/** Flags of the next send, or receive. */
unsigned int
sim_behaviour_flags(struct sim_behaviour *p, bool send);

/** Has the next post of e a deadline? */
void
sim_behaviour_deadline(struct sim_end *e, struct sim_behaviour *p);

/** Set the options of a fresh socket. */
void
sim_behaviour_options(struct sim_end *e, struct sim_rng *r, const struct sim_plan *plan);

/** The socket has a name by now: the checker has to know what it may do. */
void
sim_behaviour_tell(const struct sim_end *e);

#endif
