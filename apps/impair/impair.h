/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Impair: a bridge between two ports whose two directions are impaired links.
 *
 * There is no stack in it: it uses lib/port and lib/base and the EAL.
 * Threads: one.
 */
#ifndef APPS_IMPAIR_IMPAIR_H
#define APPS_IMPAIR_IMPAIR_H

#include <rte_mbuf.h>

#include "../common/basic.h"
#include "port/impair.h"
#include "port/port.h"
#include "setting.h"

#define BRIDGE_BURST 32

/** A direction. */
struct way {
	const char *name;
	const struct sani_port *from;
	const struct sani_port *to;
	struct sani_impair *imp;
	struct sani_impair_conf conf;
	struct rte_mbuf *out[BRIDGE_BURST];	/**< Due, and not yet taken by the port. */
	unsigned int nb_out;
	uint64_t look_us;			/**< When the port was looked at last. */
	uint64_t late_us;			/**< Longest that a frame can have waited for us, at either end. */
};

struct bridge {
	struct sani_port left;
	struct sani_port right;
	bool left_open;
	bool right_open;
	struct rte_mempool *pool;
	struct way ways[SIDES];			/**< By the side that the frames go to. */
};

/** What the command line asks for. */
struct impair_options {
	const char *left;
	const char *right;
	uint64_t seed;
	uint32_t frames;	/**< On the way at most, each direction. */
	uint32_t sleep_us;	/**< Longest sleep when there is nothing to do; 0: none. */
	uint64_t seconds;	/**< 0: until a signal comes. */
	uint64_t stats_s;	/**< 0: only at the end. */
	bool commands;		/**< From standard input. */
	struct sani_impair_conf conf[SIDES];
};

/** Open ports and make links. @return false: it was complained, and bridge_close() has to be called. */
bool
bridge_open(struct bridge *b, const struct impair_options *o);

/** Free all that there is. */
void
bridge_close(struct bridge *b);

/** Pass frames on. @return How many came, went or were dropped: 0, and it is time to sleep. */
unsigned int
bridge_round(struct bridge *b);

/** When the next frame is due [us, of prog_now_us()]; SANI_NEVER. */
uint64_t
bridge_next(const struct bridge *b);

/** A line of counters for each direction. */
void
bridge_say(const struct bridge *b);

/** Read what is on standard input and obey the lines that are complete. */
void
commands_read(struct bridge *b);

#endif
