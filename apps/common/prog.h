/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Prog: what the programs on the stack share: start, a polling loop of one thread, a line each second, end.
 *
 * Threads: one; it polls all cores of its hosts.
 * Exit:    0 all went well, 1 something failed, 2 wrong arguments.
 */
#ifndef APPS_COMMON_PROG_H
#define APPS_COMMON_PROG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <san/san.h>

#include "basic.h"

#define PROG_CORES 64
#define PROG_HOSTS 2

struct prog {
	struct san_host *hosts[PROG_HOSTS];
	unsigned int nb_hosts;
	struct san_core *cores[PROG_CORES];	/**< Of all hosts, in order. */
	unsigned int nb_cores;
	struct san_cq *cq;
	bool started;
	bool down;				/**< The library has ended under us. */
	bool advised;
	uint64_t start_us;
	uint64_t next_tick_us;
	uint32_t sleep_after_us;		/**< Nothing to do for so long: sleep; 0: never. */
	uint64_t busy_us;			/**< When there was something last. */
	uint32_t nap_us;			/**< Rest after a round with nothing to do, below 1000; 0: yield. */
};

/**
 * Start the library with EAL arguments and catch signals. @return false: it was complained.
 */
bool
prog_start(struct prog *p, int argc, char **argv);

/** Make a host from a configuration and claim its cores. @return false: it was complained. */
bool
prog_add_host(struct prog *p, const struct san_conf *conf);

/** All of it for a program with one host and one completion queue. */
bool
prog_open(struct prog *p, int argc, char **argv, const char *config, unsigned int cq_depth);

/**
 * One round of every core. When there was nothing to do it yields the processor, or naps for nap_us: where more
 * threads poll than there are processors. When there has not been for sleep_after_us it sleeps, at most to the next
 * tick.
 */
void
prog_poll(struct prog *p);

/** True once a second; also says what to do when every segment fails its checksum. */
bool
prog_tick(struct prog *p);

/**
 * End: release the cores and clean up, which closes what is open. The completions of that are in the
 * queue still: reap, then prog_end_cq().
 */
void
prog_cleanup(struct prog *p);

/** prog_drop_cq() of the one that prog_open() made. */
void
prog_end_cq(struct prog *p);

/** End a completion queue; what was not reaped is dropped. NULL is allowed. */
void
prog_drop_cq(struct san_cq *cq);

/** The counter of this name; 0: there is none. */
uint64_t
prog_counter(const struct san_host *host, const char *name);

/** Memory for a structure that holds operations, zeroed; NULL: none. free() ends it. */
void *
prog_alloc(size_t size);

#endif
