/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Slow: a stage whose two hosts have NICs that keep what they are given, and one connection between them.
 *
 * Model:     what crosses the wire is compared with the stream (wire.h). Host 0 has connected, host 1 listens.
 */
#ifndef TESTS_FAULTS_SLOW_H
#define TESTS_FAULTS_SLOW_H

#include "stage.h"
#include "test.h"
#include "wire.h"

struct slow {
	struct nic nic[2];
	uint32_t caps;		/**< Of both ports beside what the NICs have anyway; set before slow_begin(). */
	san_handle end[2];
	san_handle listener;
};

extern struct slow slow;

/** Everything from startup to the connection; how host 0's NIC gives buffers back, also when it is tried. */
void
slow_begin(enum nic_frees frees);

/** The same; with lend of its port, NULL: not set. */
void
slow_begin_lend(enum nic_frees frees, const char *lend);

/** Close both ends and the listener. */
void
slow_shut(void);

/** Wait for the closes, clean up, and fail the case if anything was wrong. */
void
slow_finish(void);

/** The same after a stage_end(). */
void
slow_look(void);

/** A socket of a host. */
san_handle
slow_socket(unsigned int side);

/** A counter of a host. */
uint64_t
slow_count(unsigned int side, const char *name);

/** Of what lies in the ring of host 0's NIC and was not sent, the newest. */
const struct rte_mbuf *
slow_last_unsent(void);

#endif
