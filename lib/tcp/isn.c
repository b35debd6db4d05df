/* SPDX-License-Identifier: BSD-3-Clause */
#include <sodium.h>

#include "tcp/hash.h"

_Static_assert(crypto_shorthash_KEYBYTES == 16 && crypto_shorthash_BYTES == 8, "SipHash-2-4: of a secret, a word");

/*
 * A tuple of IPv4. SipHash has an input's length in it, so what of a tuple in full is hashed is another input, and the
 * domain tells it from others as long (core/flow.c has 0 in its place).
 */
struct tuple4 {
	uint32_t local_be;
	uint32_t remote_be;
	uint16_t local_port;
	uint16_t remote_port;
	uint32_t domain;
};

_Static_assert(sizeof(struct tuple4) == 16, "two words are hashed in 10 rounds, the five of a whole tuple in 16");

static inline uint64_t
hash_tuple(const uint8_t key[16], const struct sani_tuple *t, uint16_t local_port, uint32_t domain)
{
	struct sani_tuple whole;
	uint64_t hash;

	if (sani_likely(sani_ip_is_v4(&t->local) && sani_ip_is_v4(&t->remote))) {
		const struct tuple4 in = {
			.local_be = sani_ip_v4_be(&t->local),
			.remote_be = sani_ip_v4_be(&t->remote),
			.local_port = local_port,
			.remote_port = t->remote_port,
			.domain = domain,
		};

		crypto_shorthash((unsigned char *)&hash, (const unsigned char *)&in, sizeof(in), key);
		return hash;
	}
	whole = *t;
	whole.local_port = local_port;
	whole.zero = domain;
	crypto_shorthash((unsigned char *)&hash, (const unsigned char *)&whole, sizeof(whole), key);
	return hash;
}

uint64_t
sani_tcp_hash(const uint8_t key[16], const struct sani_tuple *t)
{
	return hash_tuple(key, t, t->local_port, SANI_TCP_HASH_NUMBERS);
}

uint64_t
sani_tcp_port_hash(const uint8_t key[16], const struct sani_tuple *t)
{
	return hash_tuple(key, t, 0, SANI_TCP_HASH_PORTS);
}

uint32_t
sani_tcp_isn(uint64_t hash, uint64_t now_us)
{
	return (uint32_t)(now_us / 4) + (uint32_t)hash;
}
