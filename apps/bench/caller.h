/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Caller: a client's program of any number of connections, each with at most one request under way.
 *
 * Closed loop: each connection sends its next request when the last one is answered, in turn or drawn at random from
 *          those that may, so that no more than `limit` requests are under way at once. Open loop: requests come at
 *          random times at a given rate, whatever the server does; how long one took counts from when it came, not
 *          from when it could be sent.
 * Threads: that of its side, the main thread.
 */
#ifndef APPS_BENCH_CALLER_H
#define APPS_BENCH_CALLER_H

#include "world.h"

struct caller;

struct caller_options {
	uint32_t connections;	/**< At most. */
	uint32_t size;		/**< Of a request, and of its answer [bytes], 1.. */
	uint32_t limit;		/**< Requests under way at once, 1.. */
	/** Connections are bound to so many of the client's addresses in turn, 1..; 0: to none. */
	uint32_t addresses;
	uint32_t ports;		/**< The server's further ports, of each address (server_ports_for()). */
	uint16_t shift;		/**< Of its ports, as of the server. */
	bool random;		/**< The next connection is drawn, always the same; else the one that waits longest. */
};

/** Running figures of a caller. */
enum caller_count { CALLER_REQUESTS, CALLER_OPENED, CALLER_BROKEN, CALLER_CLOSED };

enum caller_mode {
	CALLER_REST,	/**< No new requests. */
	CALLER_CLOSED_LOOP,
	CALLER_OPEN_LOOP,
};

/** NULL: no memory, complained. */
struct caller *
caller_make(const struct caller_options *options);

/** After the world was closed. NULL is allowed. */
void
caller_free(struct caller *c);

/** For bench_world_open(). */
struct bench_program
caller_program(struct caller *c);

/** BENCH_COUNTS figures, enum caller_count. */
const uint64_t *
caller_counts(const struct caller *c);

/**
 * Have so many connections, those that are open included.
 *
 * @param[in] meter  Measures it until they are there (bench_meter_until()); NULL: none.
 * @return false: not all of them could be had, complained.
 */
bool
caller_connect(struct bench_world *w, struct caller *c, uint32_t connections, struct bench_meter *meter);

/** The same without a word about how long it took, not measured: one by one, and the like. */
bool
caller_open(struct bench_world *w, struct caller *c, uint32_t connections);

/**
 * Close all of them, the client first, both ways gracefully, no more at once than are opened at once; after
 * caller_rest(), at the end: there is no connection any more, nor another one later.
 *
 * @param[in] meter  As above.
 * @return false: it does not end, complained.
 */
bool
caller_disconnect(struct bench_world *w, struct caller *c, struct bench_meter *meter);

/**
 * Change what it does.
 *
 * @param[in] rate   Open loop: requests a second.
 * @param[in] meter  Takes how long each request took; NULL: none.
 */
void
caller_set(struct caller *c, enum caller_mode mode, double rate, struct bench_meter *meter);

/** Requests of another size, at most the one that it was made with; only after caller_rest(). */
void
caller_set_size(struct caller *c, uint32_t size);

/**
 * Rest, and wait for the answers that are due.
 *
 * @return false: they did not come within some seconds, or a connection broke off; complained, unless a signal came.
 */
bool
caller_rest(struct bench_world *w, struct caller *c);

/** Requests from now on only on connections i < nb for which which[i] says so; all stay open. After caller_rest(). */
void
caller_choose(struct caller *c, const bool *which, uint32_t nb);

/** Open loop: requests that have come and could not be sent yet. */
uint64_t
caller_behind(const struct caller *c);

#endif
