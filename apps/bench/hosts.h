/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Hosts: those of a world, made from options and sizes.
 *
 * Threads: the main thread.
 */
#ifndef APPS_BENCH_HOSTS_H
#define APPS_BENCH_HOSTS_H

#include "world.h"

/** The hosts of bench_world_open(); the library counts one user more. @return false: it was complained. */
bool
bench_make_hosts(struct bench_world *w, const struct bench_sizes *sizes);

/** The host of bench_world_open_server(), likewise. */
bool
bench_make_server_host(struct bench_world *w, const struct bench_sizes *sizes);

/** End the library's use, and the hosts with it: the cores are released, or claimed by this thread. */
void
bench_end_hosts(struct bench_world *w);

/** Name of the port that --device says, or of the only one; NULL: complained. */
const char *
bench_port_name(struct bench *b);

#endif
