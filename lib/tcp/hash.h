/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What the host's secret is used for, so that no two uses share a hash.
 */
#ifndef SANI_TCP_HASH_H
#define SANI_TCP_HASH_H

/**
 * What a keyed hash of a tuple is for; stands in the tuple's `zero`. 0 is whoever else hashes a tuple with
 * the same key, for tables: what a peer is told must not say where its connection lies in them.
 */
enum sani_tcp_hash_domain {
	SANI_TCP_HASH_TABLE = 0,
	SANI_TCP_HASH_ISN = 1,
	SANI_TCP_HASH_TS = 2,
	SANI_TCP_HASH_COOKIE = 3,
	SANI_TCP_HASH_FAST = 4,
};

#endif
