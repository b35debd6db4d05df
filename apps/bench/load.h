/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Load: one of several clients at once, with a server, both on one thread: what `scale` has on each processor.
 *
 * Kinds:   requests (caller.h), streams out (flows.h), short connections in the flow (crr.h).
 * Use:     load_open() or load_open_beside() for each on the main thread; then of each on its thread
 *          bench_world_begin(), load_begin(), the meter, load_end(), bench_world_leave(); at last, on the main thread,
 *          bench_end_hosts() for all and load_free() for each.
 */
#ifndef APPS_BENCH_LOAD_H
#define APPS_BENCH_LOAD_H

#include "caller.h"
#include "crr.h"
#include "flows.h"

enum load_kind { LOAD_RPC, LOAD_STREAM, LOAD_CONNECT, LOAD_KINDS };

struct load_options {
	enum load_kind kind;
	uint32_t connections;	/**< At once; of streams FLOWS_MAX at most. */
	uint32_t size;		/**< Of a request, and of its answer [bytes]. */
	unsigned int part;	/**< Which one it is: of its hosts' rings, and of its server's ports. */
};

struct load {
	struct bench *b;
	struct load_options options;
	struct bench_world world;
	struct bench_meter *meter;	/**< What is done is its sum[0]: requests, bytes, connections. */
	struct server *server;
	struct caller *caller;		/**< One of the three is there. */
	struct flows *flows;
	struct crr *crr;
};

/**
 * Make one, with hosts of so many cores: bench_world_open_part(). The command has the options of PAIR_OPTIONS.
 *
 * @param[out] l  load_free() ends it, whatever is returned.
 * @return false: it was complained.
 */
bool
load_open(struct load *l, struct bench *b, const struct load_options *o, unsigned int cores);

/** Likewise on the second cores of the hosts of another one: bench_world_open_beside(). */
bool
load_open_beside(struct load *l, const struct load *first, const struct load_options *o);

void
load_free(struct load *l);

/** Have the connections, and begin. @return false: it was complained. */
bool
load_begin(struct load *l);

/** Stop, and wait until nothing is under way. @return false: it does not end. */
bool
load_end(struct load *l);

/** How much of the meter's sum[0] is one thing that cycles are told of: a request, a full segment, a connection. */
double
load_each(const struct load *l);

#endif
