/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * CUBIC by its table of functions, on a virtual clock, beside a model in floating point that is written down from the
 * formulas of RFC 9438 and shares nothing with the code: seconds and segments.
 *
 * Tolerance of all comparisons with the model: a hundredth of a segment (the engine counts in bytes) and 1 in 200 of
 * the window (the clock of the curve has milliseconds).
 */
#ifndef TESTS_UNIT_TCP_CUBIC_H
#define TESTS_UNIT_TCP_CUBIC_H

#include "bed.h"

#define MSS 1000u

static const struct sani_tcp_cc *const cc = &sani_tcp_cc_cubic;

/** A connection in avoidance with cwnd and ssthresh of so many segments, before its first ACK there. */
struct sani_tcp_cubic *
cubic_start(struct bed *b, uint32_t segments);

void
cubic_ack(struct bed *b, uint32_t acked, bool limited);

/** A congestion event with all of cwnd in flight, repaired at once. */
void
cubic_lose(struct bed *b);

/** So much time, with ACKs of a used window. */
void
cubic_run(struct bed *b, uint32_t ms, uint32_t rtt_ms);

void
cubic_assert_near(double got, double want);

/** From after an event at w_max segments, engine and model side by side. */
void
cubic_compare(struct bed *b, double w_max, uint32_t ms, uint32_t rtt_ms);

#endif
