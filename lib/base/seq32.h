/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Sequence numbers: 32-bit arithmetic modulo 2^32 (RFC 9293 3.4). Never compare them with < or >.
 */
#ifndef SANI_BASE_SEQ32_H
#define SANI_BASE_SEQ32_H

#include <stdbool.h>
#include <stdint.h>

static inline int32_t
seq_diff(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

static inline bool
seq_lt(uint32_t a, uint32_t b)
{
	return seq_diff(a, b) < 0;
}

static inline bool
seq_leq(uint32_t a, uint32_t b)
{
	return seq_diff(a, b) <= 0;
}

static inline bool
seq_gt(uint32_t a, uint32_t b)
{
	return seq_diff(a, b) > 0;
}

static inline bool
seq_geq(uint32_t a, uint32_t b)
{
	return seq_diff(a, b) >= 0;
}

/** Is s in [from, from + len)? */
static inline bool
seq_in(uint32_t s, uint32_t from, uint32_t len)
{
	return s - from < len;
}

static inline uint32_t
seq_max(uint32_t a, uint32_t b)
{
	return seq_gt(a, b) ? a : b;
}

#endif
