/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Cases that are compiled and not run. `build/tests/script/script_PROGRAM --known` runs those of a program.
 */
#ifndef TESTS_SCRIPT_KNOWN_H
#define TESTS_SCRIPT_KNOWN_H

struct play_known {
	const char *program;
	const char *name;
	const char *why;
};

/** Fails today: the stack does not do what the case's requirement says. */
static const struct play_known fails_today[] = {
	{ 0 },
};

#endif
