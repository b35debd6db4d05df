/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Flows: a client's program of streams, a connection each, as much as they carry: out to the server's discard, in from
 * its chargen.
 *
 * Copied:  san_send() from, and repeating receives into, memory that stays in the cache. Lent: san_send_mem() and
 *          san_recv_loan().
 * Threads: that of its side, the main thread.
 */
#ifndef APPS_BENCH_FLOWS_H
#define APPS_BENCH_FLOWS_H

#include "server.h"

#define FLOWS_MAX 16u
#define FLOWS_SENDS 64u		/**< Under way at most, of a connection. */
#define FLOWS_SIZE_MAX (1u << 20)

struct flows_options {
	uint32_t size;		/**< Of a send, and of a piece of a receive [bytes], 1..FLOWS_SIZE_MAX */
	uint32_t under_way;	/**< Lent sends that are not acknowledged, of a connection, 1..FLOWS_SENDS. */
	uint32_t send_buffer;	/**< Of a connection, when copied [bytes]. */
	uint16_t shift;		/**< Of the server's ports. */
	bool lent;
};

/** Running figures: bytes both ways, out, in; connections that were broken off, or not opened. */
enum flows_count { FLOWS_BYTES, FLOWS_OUT, FLOWS_IN, FLOWS_BROKEN };

struct flows;

/** NULL: no memory, complained. */
struct flows *
flows_make(const struct flows_options *options);

/** After the world was closed. NULL is allowed. */
void
flows_free(struct flows *f);

/** For bench_world_open(). */
struct bench_program
flows_program(struct flows *f);

/** BENCH_COUNTS figures, enum flows_count. */
const uint64_t *
flows_counts(const struct flows *f);

/**
 * Open so many connections each way, FLOWS_MAX in all, and go on; none is open.
 *
 * @param[in] seen  By the server; NULL: it is elsewhere.
 * @return false: not all of them could be had.
 */
bool
flows_connect(struct flows *f, struct bench_world *w, const struct server_seen *seen, unsigned int out,
	      unsigned int in);

/** Close all, and wait until the server has given back what was lent to it. @return false: it does not end. */
bool
flows_close(struct flows *f);

/** Bytes of a full segment, once there has been a connection. */
uint32_t
flows_mss(const struct flows *f);

#endif
