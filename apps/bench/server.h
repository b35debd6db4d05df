/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Server: the program at the far end of every measurement: echo on 7, discard on 9, chargen on 19, HTTP on 80.
 *
 * Use:     the interface as fast as it is: one repeating accept a port; receives that repeat, or are posted again
 *          (--receive); sends that are over when the post returns; reaping in batches; no memory taken on the way.
 * Threads: that of its side.
 */
#ifndef APPS_BENCH_SERVER_H
#define APPS_BENCH_SERVER_H

#include "world.h"

#define SERVER_ECHO 7
#define SERVER_DISCARD 9
#define SERVER_CHARGEN 19
#define SERVER_HTTP 80

/** Echo on further ports from here on: a client's address has some 16,000 connections to each port. */
#define SERVER_MORE 10000

struct server;

struct server_options {
	uint32_t connections;	/**< At once, at most; further ones are closed. */
	uint32_t more;		/**< Echo ports from SERVER_MORE on, 0..1000. */
	uint16_t shift;		/**< Of all ports: of several servers of a host. */
	uint32_t buffer;	/**< Of a connection [bytes]. */
	bool repeat;		/**< Repeating receives, as far as the queue has room for them. */
	bool lend;		/**< Chargen sends from registered memory, discard has the stack's own buffers. */
};

/** Make it; NULL: no memory, complained. */
struct server *
server_make(const struct server_options *options);

/** After the world was closed. NULL is allowed. */
void
server_free(struct server *s);

/** For bench_world_open(). */
struct bench_program
server_program(struct server *s);

/** What the option --receive says: "repeat" or "post", or exit 2. */
bool
server_repeats(const struct bench *b);

/** How many ports are to be spread over for so many connections of one client address; 0: port 7 will do. */
uint32_t
server_ports_for(uint32_t connections);

/** The port of connection number i, with so many further ports. */
uint16_t
server_port(uint32_t i, uint32_t more);

/** What it has seen; of its own thread, or when that is over. The first two may be read by any thread. */
struct server_seen {
	_Atomic uint64_t accepted, closed;
	uint64_t refused, broken;
	uint64_t received, sent;	/**< [bytes] */
	uint64_t messages;		/**< Receives that brought bytes. */
	uint64_t waited;		/**< Sends that were not over at once. */
};

const struct server_seen *
server_seen(const struct server *s);

#endif
