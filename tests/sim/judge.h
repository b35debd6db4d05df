/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Judge: is a result permitted in its situation? And the octets of a stream, which follow from its key.
 */
#ifndef TESTS_SIM_JUDGE_H
#define TESTS_SIM_JUDGE_H

#include "sim/oracle.h"

/** Octets [from, from + len) of the stream with this key. */
void
sim_stream_fill(uint64_t key, uint64_t from, uint8_t *buf, uint32_t len);

/** op has ended at op->ended_us: in time? */
void
sim_judge_deadline(const struct sim_op *op);

/** op has ended and is the oldest of its lane: judge it, and take its bytes. */
void
sim_judge(struct sim_end *e, struct sim_op *op);

/** A window of less than this, so long after everything was read, was not opened. */
#define SIM_WINDOW_LEAST 500u
#define SIM_WINDOW_LATE_US 1000u
#define SIM_WINDOW_AGAIN_US 100000u

/**
 * Has e, if it has read all there is, offered its peer a window?
 * @return False: it need not yet, and is to be asked again.
 */
bool
sim_judge_window(const struct sim_end *e);

/** A post on a connection was refused with rc. */
void
sim_judge_refusal(struct sim_end *e, uint8_t kind, int rc);

#endif
