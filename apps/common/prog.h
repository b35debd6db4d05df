/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Prog: what the programs share: arguments, start, a polling loop of one thread, a line each second, end.
 *
 * Threads: one; it polls all cores of its hosts.
 * Exit:    0 all went well, 1 something failed, 2 wrong arguments.
 */
#ifndef APPS_COMMON_PROG_H
#define APPS_COMMON_PROG_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <san/san.h>

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
};

/** Set by SIGINT and SIGTERM once prog_open() has run. */
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

/** One round of every core; yields the processor when there was nothing to do. */
void
prog_poll(struct prog *p);

/** Monotonic time [us]. */
uint64_t
prog_now_us(void);

/** True once a second; also says what to do when every segment fails its checksum. */
bool
prog_tick(struct prog *p);

/**
 * End: release the cores and clean up, which closes what is open. The completions of that are in the
 * queue still: reap, then prog_end_cq().
 */
void
prog_cleanup(struct prog *p);

/** End the completion queue; what was not reaped is dropped. */
void
prog_end_cq(struct prog *p);

/** Memory for a structure that holds operations, zeroed; NULL: none. free() ends it. */
void *
prog_alloc(size_t size);

#endif
