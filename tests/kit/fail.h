/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Fail: how a kit says that what it needs is not there.
 *
 * Model:   a kit calls kit_fail() and knows nothing of who uses it. What that means is chosen when a
 *          program is linked: kit/fail_cmocka.c ends the case, kit/fail_abort.c the process.
 */
#ifndef TESTS_KIT_FAIL_H
#define TESTS_KIT_FAIL_H

#include <stdbool.h>

/** Say what is wrong, printf()-like, one line without its end, and do not return. */
_Noreturn void
kit_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Fail unless a condition holds. */
#define kit_need(condition)                                                                        \
	do {                                                                                       \
		if (!(condition))                                                                  \
			kit_fail("%s:%d: %s", __FILE__, __LINE__, #condition);                     \
	} while (0)

#endif
