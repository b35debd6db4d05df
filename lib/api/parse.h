/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Parse: strict readers of numbers and addresses, for configuration and API text.
 *
 * Strict: the whole of the text, decimal, no sign, no blank, no leading zero (an octet "010" means
 * 8 to some readers and 10 to others; RFC 6943 3.1.1), no abbreviation.
 * Threads: plain functions; any thread.
 */
#ifndef SANI_API_PARSE_H
#define SANI_API_PARSE_H

#include "base/base.h"

/**
 * Read a number.
 *
 * @param[in]  text  Need not be terminated.
 * @param[in]  len   Of text [bytes].
 * @param[in]  max   Largest accepted.
 * @param[out] out   Set only on success.
 * @retval 0 -EINVAL (not a number) -ERANGE (a number above max)
 */
int
sani_parse_number(const char *text, size_t len, uint32_t max, uint32_t *out);

/** Read "a.b.c.d" of len bytes. @retval 0 -EINVAL */
int
sani_parse_v4(const char *text, size_t len, uint32_t *v4_be);

/** Read "a.b.c.d/n", n 1..32. @retval 0 -EINVAL */
int
sani_parse_subnet(const char *text, uint32_t *v4_be, uint8_t *prefix);

/** Read "aa:bb:cc:dd:ee:ff". @retval 0 -EINVAL */
int
sani_parse_mac(const char *text, uint8_t mac[6]);

#endif
