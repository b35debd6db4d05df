/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Flow table: from the hash of a tuple to the connection block, parked connection or TIME_WAIT record that it names.
 *
 * Model:   open addressing with linear probing, at most three quarters full, 8 bytes an entry. An entry
 *          holds the hash and a reference; the table never looks at what it refers to, the caller
 *          compares tuples. Removal moves later entries of the run back, so there are no grave markers.
 * Memory:  reserved at creation, not touched before it is used.
 */
#ifndef SANI_CORE_FLOW_H
#define SANI_CORE_FLOW_H

#include "base/base.h"

/** What an entry names: index + 1, and two bits for the kind. 0: nothing. */
typedef uint32_t sani_flow_ref;

#define SANI_FLOW_NOTHING 0u
#define SANI_FLOW_TW 0x80000000u	/**< A TIME_WAIT record or tombstone, */
#define SANI_FLOW_PARKED 0x40000000u	/**< a parked connection (tcp/park.h); */
#define SANI_FLOW_KINDS 0xc0000000u	/**< else a connection block. */

/** Most of each kind. */
#define SANI_FLOW_MAX 0x3ffffffeu

static inline sani_flow_ref
sani_flow_ref_of(uint32_t idx, uint32_t kind)
{
	return (idx + 1) | kind;
}

static inline uint32_t
sani_flow_idx(sani_flow_ref ref)
{
	return (ref & ~SANI_FLOW_KINDS) - 1;
}

struct sani_flow_entry {
	uint32_t hash;
	sani_flow_ref ref;
};

struct sani_flow {
	struct sani_flow_entry *entries;
	uint32_t mask;
	size_t bytes;
};

/** What flows are hashed with; as secret as what it is made of. */
struct sani_flow_key {
	uint64_t k[8];
};

/** Make it of the host's secret, which cannot be computed back from it. */
void
sani_flow_key_make(struct sani_flow_key *key, const uint8_t secret[16]);

__extension__ typedef unsigned __int128 sani_flow_wide;

/**
 * Keyed hash of a tuple. The low half places it in the table, the high half chooses the core
 * (sani_flow_core()).
 *
 * Why not SipHash, as elsewhere: this is computed for every packet, and its values never leave the host. Of a sum
 * of keyed products (NH, RFC 4418 5.2.2) two tuples that differ, whoever chose them without the key, have the same
 * value in one of 2^64 keys; the last product spreads the value over all bits of the result.
 */
static inline uint64_t
sani_flow_hash(const struct sani_flow_key *key, const struct sani_tuple *t)
{
	const uint64_t *k = key->k;
	sani_flow_wide sum;
	uint64_t ports;

	memcpy(&ports, &t->local_port, sizeof(ports));
	sum = (sani_flow_wide)(t->local.q[0] + k[0]) * (t->local.q[1] + k[1]);
	sum += (sani_flow_wide)(t->remote.q[0] + k[2]) * (t->remote.q[1] + k[3]);
	sum += (sani_flow_wide)(ports + k[4]) * k[5];
	sum = (sani_flow_wide)((uint64_t)sum ^ k[6]) * ((uint64_t)(sum >> 64) ^ k[7]);
	return (uint64_t)sum ^ (uint64_t)(sum >> 64);
}

/** Index of the core that owns a hash. */
static inline unsigned int
sani_flow_core(uint64_t hash, unsigned int nb_cores)
{
	return (unsigned int)(((hash >> 32) * nb_cores) >> 32);
}

/** Make a table for at most n entries. @retval 0 -ENOMEM */
int
sani_flow_init(struct sani_flow *f, uint32_t n);

void
sani_flow_fini(struct sani_flow *f);

/** Add; the caller has seen to it that the tuple is not there and that there are at most n. */
void
sani_flow_add(struct sani_flow *f, uint32_t hash, sani_flow_ref ref);

/** Remove; it is there. */
void
sani_flow_del(struct sani_flow *f, uint32_t hash, sani_flow_ref ref);

/** What was named by ref, which is there, is named by other from now on. */
void
sani_flow_rename(struct sani_flow *f, uint32_t hash, sani_flow_ref ref, sani_flow_ref other);

static inline void
sani_flow_prefetch(const struct sani_flow *f, uint32_t hash)
{
	__builtin_prefetch(&f->entries[hash & f->mask]);
}

/**
 * Go through the entries of one hash.
 * @param[in,out] at  0 at first.
 * @return SANI_FLOW_NOTHING at the end.
 */
static inline sani_flow_ref
sani_flow_next(const struct sani_flow *f, uint32_t hash, uint32_t *at)
{
	for (;;) {
		const struct sani_flow_entry *e = &f->entries[(hash + *at) & f->mask];

		(*at)++;
		if (e->ref == SANI_FLOW_NOTHING || e->hash == hash)
			return e->ref;
	}
}

#endif
