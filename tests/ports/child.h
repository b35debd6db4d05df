/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Child: a scenario in a process of its own, because the EAL starts once in a process.
 *
 * Model:     the scenario prints one line for each thing that the case wants to see and ends by returning.
 *            The parent holds the output, and how the child ended.
 */
#ifndef TESTS_PORTS_CHILD_H
#define TESTS_PORTS_CHILD_H

#include "net.h"

struct child {
	char out[8192];		/**< What it printed with child_say(). */
	char err[16384];	/**< What came out of standard output and error otherwise: the EAL's words. */
	int status;		/**< Of waitpid(). */
};

/** Run a scenario; fails the case when the child did not exit with 0 within 30 seconds. */
void
child_run(struct child *c, void (*scenario)(void));

/** In the scenario: one line for the parent. */
void
child_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** In the scenario: "NAME CODE SENTENCE" with the sentence of san_error(). */
void
child_say_error(const char *name, int code);

/** In the parent: the line that begins with NAME, without it; fails when there is none. */
const char *
child_line(const struct child *c, const char *name);

/** In the parent: a call failed with this code (0: any), and its sentence is one line with these words. */
void
child_assert_sentence(const struct child *c, const char *name, int code, const char *const *words);

#endif
