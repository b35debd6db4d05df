/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Error: the one sentence for people that a failed set-up call leaves. Thread-local; never on the data path.
 */
#ifndef SANI_BASE_ERROR_H
#define SANI_BASE_ERROR_H

#include "base/base.h"

/** Longest sentence [bytes], terminator included. */
#define SANI_ERROR_TEXT 512

/**
 * Leave a sentence: what, where and what to do.
 * @return code, so that a caller can write `return sani_error_set(-EINVAL, ...)`.
 */
int
sani_error_set(int code, const char *fmt, ...) SANI_PRINTF(2, 3);

/** The calling thread's sentence; never NULL. */
const char *
sani_error_text(void);

#endif
