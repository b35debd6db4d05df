/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Setting: one property of an impaired link as text, such as "loss" and "1%".
 *
 * Units:   bit/s and bytes: none, k, M, G (powers of a thousand); times: us, ms, s; shares: %.
 *          Decimals are allowed: "0.5ms".
 */
#ifndef APPS_IMPAIR_SETTING_H
#define APPS_IMPAIR_SETTING_H

#include "port/impair.h"

/** To whom frames go. */
enum side {
	SIDE_LEFT,
	SIDE_RIGHT,
	SIDES
};

/** Name of setting i, 0 and up; NULL: there are no more. */
const char *
setting_name(unsigned int i);

/**
 * Change a link by one setting.
 *
 * @param[out] why  A sentence, when the answer is false.
 */
bool
setting_apply(struct sani_impair_conf *conf, const char *name, const char *value, char *why, size_t size);

/** "left", "right" or "both". @return A bit 1 << side for each; 0: neither. */
unsigned int
setting_sides(const char *word);

#endif
