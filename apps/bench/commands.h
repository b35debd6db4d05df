/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Commands: one file each, which main.c lists.
 */
#ifndef APPS_BENCH_COMMANDS_H
#define APPS_BENCH_COMMANDS_H

#include "bench.h"

extern const struct bench_command bench_serve, bench_rpc, bench_latency, bench_connect, bench_floor;
extern const struct bench_command bench_idle, bench_close, bench_stream, bench_kernel, bench_scale;

#endif
