/* SPDX-License-Identifier: BSD-3-Clause */
#include <sodium.h>

#include "tcp/hash.h"
#include "tcp/tcp.h"

_Static_assert(crypto_shorthash_KEYBYTES == 16, "the key of SipHash");

static uint32_t
hash_tuple(const uint8_t key[16], const struct sani_tuple *t, enum sani_tcp_hash_domain domain)
{
	struct sani_tuple in = *t;
	uint8_t out[crypto_shorthash_BYTES];
	uint32_t word;

	in.zero = domain;
	crypto_shorthash(out, (const unsigned char *)&in, sizeof(in), key);
	memcpy(&word, out, sizeof(word));
	return word;
}

/* RFC 6528 3: ISN = M + F(tuple, secret), M counts 4 us. */
uint32_t
sani_tcp_isn(const uint8_t key[16], const struct sani_tuple *t, uint64_t now_us)
{
	return (uint32_t)(now_us / 4) + hash_tuple(key, t, SANI_TCP_HASH_ISN);
}

uint32_t
sani_tcp_ts_offset(const uint8_t key[16], const struct sani_tuple *t)
{
	return hash_tuple(key, t, SANI_TCP_HASH_TS);
}
