/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Crr: a client's program of short connections: connect, request, response and close, the client first, both
 * ways gracefully.
 *
 * Stages:  all of a batch are opened, then all send a request, then all are closed. In the flow every connection
 *          goes on by itself, from one stage to the next, then anew.
 * Threads: that of its side, the main thread.
 */
#ifndef APPS_BENCH_CRR_H
#define APPS_BENCH_CRR_H

#include "server.h"

enum crr_stage { CRR_OPEN, CRR_USE, CRR_CLOSE, CRR_STAGES, CRR_FLOW };

struct crr_options {
	uint32_t batch;		/**< Connections at once, 1.. */
	uint32_t size;		/**< Of the request, and of its answer [bytes], 1.. */
	uint16_t shift;		/**< Of the server's ports. */
};

/** Running figures. */
enum crr_count { CRR_CLOSED, CRR_FAILED };

/** Sockets that a side has, those that are not retired yet included; for hosts whose TIME_WAIT is CRR_TIME_WAIT_MS. */
#define CRR_SOCKETS 16384u
#define CRR_TIME_WAIT_MS 1u

struct crr;

/** NULL: no memory, complained. */
struct crr *
crr_make(const struct crr_options *options);

/** After the world was closed. NULL is allowed. */
void
crr_free(struct crr *c);

/** For bench_world_open(). */
struct bench_program
crr_program(struct crr *c);

/** BENCH_COUNTS figures, enum crr_count. */
const uint64_t *
crr_counts(const struct crr *c);

/** The world that it works in, before the first stage. @param[in] seen By the server; NULL: it is elsewhere. */
void
crr_begin(struct crr *c, struct bench_world *w, const struct server_seen *seen);

/**
 * A stage of so many connections, 1 to the batch; of the flow, which goes on until crr_end_flow(), only the beginning.
 *
 * @return false: it does not end.
 */
bool
crr_run_stage(struct crr *c, enum crr_stage stage, uint32_t connections);

/** No connection is opened any more; wait for those that are. @return false: they do not end. */
bool
crr_end_flow(struct crr *c);

#endif
