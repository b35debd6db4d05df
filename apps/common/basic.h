/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Basic: what all programs share, whether a stack is in them or not: arguments, lines, signals, the clock.
 *
 * Threads: one.
 * Exit:    0 all went well, 1 something failed, 2 wrong arguments.
 */
#ifndef APPS_COMMON_BASIC_H
#define APPS_COMMON_BASIC_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Set by SIGINT and SIGTERM once prog_catch_signals() has run. */
extern volatile sig_atomic_t prog_stop;

/** Name in front of every line; set by prog_split(). */
extern const char *prog_name;

/** One line to standard output, at once. */
void
prog_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** One line to standard error. */
void
prog_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** Say it, point to --help, exit 2: wrong arguments. */
_Noreturn void
prog_refuse(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * Split "EAL-arguments -- own arguments"; "--help" prints usage and exits 0.
 *
 * @param[in,out] argc  In: of main(); out: how many are the EAL's.
 * @param[in]     argv  Of main(); the "--" becomes the program's name, for getopt.
 * @param[in]     usage Text of --help.
 * @param[out]    own   The own arguments, own[0] the name.
 * @return How many own arguments, own[0] included.
 */
int
prog_split(int *argc, char **argv, const char *usage, char ***own);

/** Read the number of an option, or exit 2. */
uint64_t
prog_number(const char *option, const char *text, uint64_t min, uint64_t max);

/** Have SIGINT and SIGTERM set prog_stop. */
void
prog_catch_signals(void);

/** Monotonic time [us]. */
uint64_t
prog_now_us(void);

#endif
