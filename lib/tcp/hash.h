/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What the host's secret is used for, so that no two uses share a hash; and the numbers of a connection (isn.c).
 */
#ifndef SANI_TCP_HASH_H
#define SANI_TCP_HASH_H

#include "base/base.h"

/**
 * What a keyed hash of a tuple is for; stands in the tuple's `zero`. 0 is whoever else hashes a tuple with
 * the same key, for tables: what a peer is told must not say where its connection lies in them.
 */
enum sani_tcp_hash_domain {
	SANI_TCP_HASH_TABLE = 0,
	SANI_TCP_HASH_NUMBERS = 1,	/**< Initial sequence number and timestamp offset: a half each. */
	SANI_TCP_HASH_COOKIE = 2,
	SANI_TCP_HASH_FAST = 3,
	SANI_TCP_HASH_PORTS = 4,	/**< The order in which local ports are taken. */
};

/** Keyed hash of a tuple: what its numbers begin with. Nothing else is made of it. */
uint64_t
sani_tcp_hash(const uint8_t key[16], const struct sani_tuple *t);

/** Keyed hash of the remote end and the local address of t: of what order ports are taken in for them. */
uint64_t
sani_tcp_port_hash(const uint8_t key[16], const struct sani_tuple *t);

/** Initial sequence number (RFC 6528 3): M, which counts 4 us, and F, the lower half of that hash. */
uint32_t
sani_tcp_isn(uint64_t hash, uint64_t now_us);

/** Timestamp offset (RFC 7323 7.1): its upper half, of which the other says nothing. */
static inline uint32_t
sani_tcp_ts_offset(uint64_t hash)
{
	return (uint32_t)(hash >> 32);
}

#endif
