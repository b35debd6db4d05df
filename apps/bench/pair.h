/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Pair: a caller and, unless --peer says otherwise, the server, in a world, with a meter of the caller's figures.
 *
 * Threads: the main thread.
 */
#ifndef APPS_BENCH_PAIR_H
#define APPS_BENCH_PAIR_H

#include "caller.h"
#include "server.h"

struct pair {
	struct bench *b;
	struct bench_world world;
	struct bench_meter *meter;
	struct caller *caller;
	struct server *server;
	uint32_t addresses;	/**< That its connections are bound to; 0: none. */
};

/**
 * Open it. The command has the options of BENCH_WORLD, --mbufs and --receive.
 *
 * @param[out] p  pair_close() ends it, whatever is returned.
 * @param[in]  o  Read during the call; o->ports is found out here.
 * @return false: it was complained.
 */
bool
pair_open(struct pair *p, struct bench *b, const struct caller_options *o);

void
pair_close(struct pair *p);

#define PAIR_FROM 24

/** What the name of a row says of the addresses, for behind the number of connections. */
const char *
pair_from(const struct pair *p, char text[PAIR_FROM]);

/** The greatest number of a list. */
uint32_t
pair_most(const struct bench *b, const char *option);

/** The options that it needs, for a command's own list; mbufs: the default, as text. */
#define PAIR_OPTIONS_OF(mbufs) BENCH_MBUFS(mbufs, "packet buffers of each host"), \
	{ "receive", BENCH_TEXT_ARG, "repeat", 0, 0, "of the server: repeat, or post" }
#define PAIR_OPTIONS PAIR_OPTIONS_OF("32768")

/** So many connections at least have to be opened, or closed, for what that takes to be a figure. */
#define PAIR_MANY 64u

/** Have so many connections, caller_connect(); rows "COMMAND, N connections, opening: ..." when PAIR_MANY are new. */
bool
pair_connect(struct pair *p, uint32_t connections);

/** Close all, likewise. */
bool
pair_disconnect(struct pair *p);

#endif
