/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sodium.h>

#include "core/flow.h"
#include "core/map.h"

_Static_assert(offsetof(struct sani_tuple, zero) + 4 == offsetof(struct sani_tuple, local_port) + 8,
	       "the ports and the zero behind them are one word");
_Static_assert(crypto_shorthash_BYTES == 8 && crypto_shorthash_KEYBYTES == 16, "SipHash-2-4 makes a word of a secret");

void
sani_flow_key_make(struct sani_flow_key *key, const uint8_t secret[16])
{
	for (uint64_t i = 0; i < sizeof(key->k) / sizeof(key->k[0]); i++) {
		const uint64_t of[2] = { i, UINT64_C(0x666c6f77) };	/* nothing else is hashed so: "flow" */

		crypto_shorthash((unsigned char *)&key->k[i], (const unsigned char *)of, sizeof(of), secret);
	}
}

int
sani_flow_init(struct sani_flow *f, uint32_t n)
{
	uint64_t entries = 16;

	while (entries * 3 / 4 < n)
		entries <<= 1;
	f->bytes = entries * sizeof(f->entries[0]);
	f->entries = sani_map(f->bytes);
	f->mask = (uint32_t)(entries - 1);
	return f->entries == NULL ? -ENOMEM : 0;
}

void
sani_flow_fini(struct sani_flow *f)
{
	sani_unmap(f->entries, f->bytes);
	f->entries = NULL;
}

void
sani_flow_add(struct sani_flow *f, uint32_t hash, sani_flow_ref ref)
{
	uint32_t at = hash & f->mask;

	while (f->entries[at].ref != SANI_FLOW_NOTHING)
		at = (at + 1) & f->mask;
	f->entries[at] = (struct sani_flow_entry){ .hash = hash, .ref = ref };
}

/*
 * Close the gap: an entry behind it may move into it unless that would put it before its home, that
 * is unless its home lies cyclically in (gap, at].
 *
 *	home ... gap ... at	moves
 *	gap ... home ... at	stays
 */
static void
close_gap(struct sani_flow *f, uint32_t gap)
{
	uint32_t at = gap;

	for (;;) {
		uint32_t home;

		at = (at + 1) & f->mask;
		if (f->entries[at].ref == SANI_FLOW_NOTHING)
			break;
		home = f->entries[at].hash & f->mask;
		if (((at - home) & f->mask) < ((at - gap) & f->mask))
			continue;
		f->entries[gap] = f->entries[at];
		gap = at;
	}
	f->entries[gap] = (struct sani_flow_entry){ .hash = 0, .ref = SANI_FLOW_NOTHING };
}

static uint32_t
find_entry(const struct sani_flow *f, uint32_t hash, sani_flow_ref ref)
{
	uint32_t at = hash & f->mask;

	while (f->entries[at].ref != ref)
		at = (at + 1) & f->mask;
	return at;
}

void
sani_flow_del(struct sani_flow *f, uint32_t hash, sani_flow_ref ref)
{
	close_gap(f, find_entry(f, hash, ref));
}

void
sani_flow_rename(struct sani_flow *f, uint32_t hash, sani_flow_ref ref, sani_flow_ref other)
{
	f->entries[find_entry(f, hash, ref)].ref = other;
}
