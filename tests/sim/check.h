/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Check: the invariants, how often each was put to the test, and the first that did not hold; and what has to happen
 * in worlds for them to be worth something, with how often it did.
 *
 * The counts are of the whole process, the failure is of the present world: sim_check_begin() forgets it.
 */
#ifndef TESTS_SIM_CHECK_H
#define TESTS_SIM_CHECK_H

#include <stdbool.h>
#include <stdint.h>

enum sim_check {
#define SIM_CHECK(name, text) SIM_##name,
#define SIM_IF_NEGOTIATED(name, text) SIM_##name,
#define SIM_HAPPENS(name, text) SIM_##name,
#include "sim/checks.def"
#undef SIM_CHECK
#undef SIM_IF_NEGOTIATED
#undef SIM_HAPPENS
	SIM_NB_CHECKS
};

extern uint64_t sim_exercised[SIM_NB_CHECKS];

/** Was SACK, ECN ever agreed on? Then their checks have to be exercised. */
extern bool sim_saw_sack;
extern bool sim_saw_ecn;

struct sim_failure {
	bool failed;
	enum sim_check check;
	uint64_t at_us;
	char text[512];
};

extern struct sim_failure sim_failure;

const char *
sim_check_name(enum sim_check check);

const char *
sim_check_text(enum sim_check check);

/** Does a run fail if this was never exercised? */
bool
sim_check_is_due(enum sim_check check);

void
sim_check_begin(void);

/** The invariant does not hold; only the first is kept. */
void
sim_fail(enum sim_check check, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Put an invariant to the test: counts; the rest is evaluated and told only when it does not hold. */
#define sim_hold(check, condition, ...)                                                                                \
	do {                                                                                                           \
		sim_exercised[check]++;                                                                                \
		if (__builtin_expect(!(condition), 0))                                                                 \
			sim_fail(check, __VA_ARGS__);                                                                  \
	} while (0)

#endif
