/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Blast: short connections of a client that is no stack, and offers neither SACK nor timestamps: what its server costs.
 *
 * The server receives five packets of each (SYN, ACK, request, FIN, last ACK) and sends three. It accepts and receives
 * by repeating operations, as san-bench serve does.
 */
#ifndef TESTS_PERF_BLAST_H
#define TESTS_PERF_BLAST_H

#include "kit/vhost.h"

/** So many connections to a host, 32 at once; what the server does is all in serve_blast(). @return Rounds. */
unsigned long
blast(struct vhost *server, unsigned int count);

#endif
