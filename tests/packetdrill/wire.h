/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Wire: datagrams of a script on one side, frames of the host on the other.
 *
 * Model:   what comes in gets an Ethernet header from the gateway, what goes out loses it. ARP is answered
 *          here and never seen. What was sent waits, with the time of its sending, until it is taken.
 * Threads: the stack's; wire_take() under the stage's lock too (stage_call()).
 */
#ifndef TESTS_PACKETDRILL_WIRE_H
#define TESTS_PACKETDRILL_WIRE_H

#include "kit/vhost.h"
#include "packetdrill/flags.h"

/** Begin with a fresh host: the gateway is known from here on. */
void
wire_open(struct vhost *host, const struct flags *flags);

/** A datagram for the host. @return 0, or -ENOMEM: no buffer, it is dropped. */
int
wire_put(const void *datagram, size_t len);

/** Fetch what the host has sent at this moment. @return How many packets. */
unsigned int
wire_collect(void);

bool
wire_has_sent(void);

/** Take the oldest datagram that was sent. @return Its size, at most `room`; 0: there is none. */
size_t
wire_take(void *datagram, size_t room, uint64_t *sent_us);

#endif
