/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Spoof: segments to host B of the pair from anybody, made by hand, and B's answers to them. A is the
 * gateway by which B answers; A itself is not polled while that is looked at.
 */
#ifndef TESTS_UNIT_CORE_SPOOF_H
#define TESTS_UNIT_CORE_SPOOF_H

#include "pair.h"

/** For pair_open(): B has A as its gateway. */
void
spoof_gateway(struct sani_host_conf *conf);

/** The n-th stranger's flow to B's port, as B sees it: another address and port for each n. */
struct sani_tuple
spoof_tuple(uint32_t n, uint16_t port);

/** A SYN as a usual host sends it: MSS 1460, window scale 7, SACK permitted, timestamp. */
struct sani_tcp_seg
spoof_syn(uint32_t seq);

/** The same with Fast Open's option, cookie and all (NULL, 0: it asks for one), and so much text. */
struct sani_tcp_seg
spoof_syn_fast(uint32_t seq, const uint8_t *cookie, uint8_t nb, uint32_t len);

/** Put a segment with seg->len octets of text (NULL: none) on its way to B. Ports are those of the tuple. */
void
spoof_send(const struct sani_tuple *t, const struct sani_tcp_seg *seg, const void *text);

/** Send and run one round of B. */
void
spoof_in(const struct sani_tuple *t, const struct sani_tcp_seg *seg, const void *text);

/** Take the next TCP segment on its way to A; t as B sees it. @return False: there is none. */
bool
spoof_take(struct sani_tuple *t, struct sani_tcp_seg *seg);

/** Send a SYN, run one round of B, and take B's SYN-ACK. */
struct sani_tcp_seg
spoof_syn_ack(const struct sani_tuple *t, const struct sani_tcp_seg *syn, const void *text);

/** Throw away what is on its way to A. @return How many TCP segments had these flags, all of them. */
unsigned int
spoof_count(uint8_t flags);

#endif
