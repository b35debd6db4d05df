/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim/genuine.h"

#include <stdlib.h>
#include <string.h>

#include "sim/rng.h"

/* Hashes of the segments, 0: none; at most half full. */
static uint64_t *slots;
static uint32_t size;
static uint32_t nb;

void
sim_genuine_begin(void)
{
	if (size > 0)
		memset(slots, 0, size * sizeof(slots[0]));
	nb = 0;
}

/* Addresses, and all of the segment from its ports to its last octet. */
static uint64_t
hash_segment(const struct sim_packet *p)
{
	const uint8_t *at = p->data - 20 - p->opt_len;
	uint32_t left = 20u + p->opt_len + p->len;
	uint64_t hash = sim_mix((uint64_t)p->src << 32 | p->dst) + left;
	uint64_t word = 0;

	for (; left >= sizeof(word); left -= (uint32_t)sizeof(word), at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		hash = sim_mix(hash + word);
	}
	word = 0;
	memcpy(&word, at, left);
	hash = sim_mix(hash + word);
	return hash != 0 ? hash : 1;
}

/* Where hash stands, or a free place for it. */
static uint64_t *
find_slot(uint64_t hash)
{
	uint32_t i = (uint32_t)hash & (size - 1);

	while (slots[i] != 0 && slots[i] != hash)
		i = (i + 1) & (size - 1);
	return &slots[i];
}

static void
grow(void)
{
	uint64_t *old = slots;
	uint32_t old_size = size;

	size = old_size > 0 ? 2 * old_size : 4096;
	slots = calloc(size, sizeof(slots[0]));
	for (uint32_t i = 0; i < old_size; i++)
		if (old[i] != 0)
			*find_slot(old[i]) = old[i];
	free(old);
}

void
sim_genuine_sent(const struct sim_packet *p)
{
	uint64_t hash = hash_segment(p);
	uint64_t *slot;

	if (2 * (nb + 1) > size)
		grow();
	slot = find_slot(hash);
	nb += *slot == 0;
	*slot = hash;
}

bool
sim_genuine_is(const struct sim_packet *p)
{
	return size > 0 && *find_slot(hash_segment(p)) != 0;
}
