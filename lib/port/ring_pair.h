/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Ring pair: two ethdevs of the ring driver, back to back, for two hosts in one process.
 *
 * Model:    for each queue one ring each way; queue i of one end talks to queue i of the other. The
 *           pair is made when its first end is taken and removed when both ends are given back.
 * Lifetime: while one end is not taken, what the other sends fills the rings; it is dropped when the
 *           end is taken.
 * Threads:  all calls by the control thread that holds the lock of port.c.
 */
#ifndef SANI_PORT_RING_PAIR_H
#define SANI_PORT_RING_PAIR_H

#include "port/port.h"

/** Most queues of a pair. */
#define SANI_RING_PAIR_QUEUES 64

struct sani_ring_pair;

/** Is device the name of an end of a ring pair? */
bool
sani_ring_pair_is(const char *device);

/**
 * Take an end.
 *
 * @param[in]  conf  device is "ring:NAME/0" or "ring:NAME/1".
 * @param[out] id    Its ethdev.
 * @retval 0 -EINVAL (malformed name, or the other end has another number of queues or claim) -EBUSY (taken)
 *         -ENOMEM; with a sentence.
 */
int
sani_ring_pair_take(const struct sani_port_conf *conf, uint16_t *id);

/** Give a stopped end back: frames that wait to be received by it return to their pools. */
void
sani_ring_pair_give(uint16_t id);

#endif
