/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Histogram of times: steps of less than 1.6 %, whatever the value. All zero at first.
 */
#ifndef APPS_COMMON_HIST_H
#define APPS_COMMON_HIST_H

#include <stdint.h>

#define PROG_HIST_BUCKETS (64 * 60)

struct prog_hist {
	uint64_t n;
	uint64_t count[PROG_HIST_BUCKETS];
};

void
prog_hist_add(struct prog_hist *h, uint64_t value);

/** The value that the part q of all are not above (0..1); 0: there is none. Lower edge of its step. */
uint64_t
prog_hist_at(const struct prog_hist *h, double q);

#endif
