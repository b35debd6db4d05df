/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Genuine: the TCP segments that hosts have sent, known by a hash of each, so that what arrives can be compared.
 *
 * Two bits that are spoilt on the two cables of a way may leave the checksum right (once in 32 times: the same bit of a
 * word, once up and once down). On a real wire the frame's own check finds it; no host could.
 */
#ifndef TESTS_SIM_GENUINE_H
#define TESTS_SIM_GENUINE_H

#include "sim/packet.h"

/** A new world: nothing was sent. */
void
sim_genuine_begin(void);

/** p, a TCP segment, was sent. */
void
sim_genuine_sent(const struct sim_packet *p);

/** Was p sent as it is, ECN marks and the like not looked at? */
bool
sim_genuine_is(const struct sim_packet *p);

#endif
