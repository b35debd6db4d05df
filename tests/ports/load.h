/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Load: bring a socket into a known position: so many operations pending, so many bytes under way.
 */
#ifndef TESTS_PORTS_LOAD_H
#define TESTS_PORTS_LOAD_H

#include "net.h"

#define LOAD_MAX 1024
#define LOAD_CHUNK 65536u

/** Operations of one kind on one socket. */
struct load {
	struct wop *op[LOAD_MAX];
	unsigned int nb;
};

/** Post n receives of 4,096 bytes each, none of which may end at the post. */
void
load_recvs(struct net *net, struct wsock *s, unsigned int n, struct load *load);

/** Send until n sends are pending: the peer does not read, so window and send buffer fill first. */
void
load_sends(struct net *net, struct wsock *s, unsigned int n, unsigned int flags, struct load *load);

/** Post n accepts. */
void
load_accepts(struct net *net, struct wsock *s, unsigned int n, struct load *load);

/** How many of them ended with this result. */
unsigned int
load_ended_with(const struct load *load, int32_t result);

/** Assert that every one of them ended with this result. */
void
load_assert_all(const struct load *load, int32_t result);

/** Post a receive on a socket whose peer has reset it: the post or the completion says -ECONNRESET. */
void
load_assert_reset(struct net *net, struct wsock *s);

/** Send len bytes of stream seed from one end, receive and verify them at the other. */
void
load_transfer(struct net *net, struct wsock *from, struct wsock *to, size_t len, uint32_t seed);

#endif
