/* SPDX-License-Identifier: BSD-3-Clause */
#include <sodium.h>

#include "ip/priv.h"

/*
 * Rates, for all peers and for each. Those who ask for an echo want it; errors and answers are few, and
 * every decision to send one costs 0, 1 or 2 of the credit at random: a peer that counts what it gets
 * cannot tell what others made us send (RFC 1812 4.3.2.8 asks for limits, CVE-2016-5696 and CVE-2020-25705
 * for chance).
 */
struct rate {
	uint32_t all_us;	/* credit that one costs [us] */
	uint32_t all_burst;	/* at most so many at once */
	uint32_t peer_us;
	uint32_t peer_burst;
	bool by_chance;
};

static const struct rate rates[SANI_IP_NB_LIMITS] = {
	[SANI_IP_LIMIT_ERROR] = { 1000, 50, 100000, 10, true },
	[SANI_IP_LIMIT_ECHO] = { 10, 5000, 50, 1000, false },
	[SANI_IP_LIMIT_ANSWER] = { 500, 1000, 10000, 100, true },
};

_Static_assert(crypto_shorthash_KEYBYTES == 16, "the engine's key is SipHash's");

static uint64_t
siphash(const uint8_t key[16], const void *data, size_t len)
{
	uint64_t hash;

	crypto_shorthash((unsigned char *)&hash, data, len, key);
	return hash;
}

uint64_t
sani_ip_random(struct sani_ip_engine *ip)
{
	uint64_t n = ++ip->nb_random;

	return siphash(ip->key, &n, sizeof(n));
}

uint64_t
sani_ip_hash(const struct sani_ip_engine *ip, const union sani_ip *addr, unsigned int salt)
{
	/* One octet longer than an address: no hash is ever one of the random numbers. */
	uint8_t data[sizeof(*addr) + 1];

	memcpy(data, addr, sizeof(*addr));
	data[sizeof(*addr)] = (uint8_t)salt;
	return siphash(ip->key, data, sizeof(data));
}

void
sani_ip_limit_init(struct sani_ip_engine *ip)
{
	for (unsigned int kind = 0; kind < SANI_IP_NB_LIMITS; kind++) {
		const struct rate *r = &rates[kind];

		ip->limits[kind].all.credit_us = (uint64_t)r->all_burst * r->all_us;
		for (unsigned int i = 0; i < SANI_IP_PEERS; i++)
			ip->limits[kind].peer[i].credit_us = (uint64_t)r->peer_burst * r->peer_us;
	}
}

/* Bring the credit up to date; is there enough for one more? */
static bool
has_credit(struct sani_ip_limit *l, uint64_t now_us, uint64_t interval_us, uint64_t burst)
{
	uint64_t most = interval_us * burst;
	uint64_t passed = now_us - l->at_us;

	l->at_us = now_us;
	l->credit_us = passed >= most - l->credit_us ? most : l->credit_us + passed;
	return l->credit_us >= interval_us;
}

static void
spend(struct sani_ip_limit *l, uint64_t cost_us)
{
	l->credit_us -= l->credit_us < cost_us ? l->credit_us : cost_us;
}

static bool
may_send(struct sani_ip_engine *ip, enum sani_ip_limit_kind kind, const union sani_ip *peer,
	 uint64_t now_us)
{
	const struct rate *r = &rates[kind];
	struct sani_ip_limit *all = &ip->limits[kind].all;
	struct sani_ip_limit *one =
		&ip->limits[kind].peer[sani_ip_hash(ip, peer, UINT8_MAX) % SANI_IP_PEERS];
	uint64_t chance;

	if (!has_credit(one, now_us, r->peer_us, r->peer_burst) ||
	    !has_credit(all, now_us, r->all_us, r->all_burst))
		return false;
	chance = r->by_chance ? sani_ip_random(ip) : UINT64_C(1) << 32 | 1;
	spend(one, (chance & UINT32_MAX) % 3 * r->peer_us);
	spend(all, (chance >> 32) % 3 * r->all_us);
	return true;
}

bool
sani_ip_may_send_error(struct sani_ip_engine *ip, uint32_t peer_be, uint64_t now_us)
{
	union sani_ip peer = sani_ip_from_v4(peer_be);

	return may_send(ip, SANI_IP_LIMIT_ERROR, &peer, now_us);
}

bool
sani_ip_may_send_echo(struct sani_ip_engine *ip, uint32_t peer_be, uint64_t now_us)
{
	union sani_ip peer = sani_ip_from_v4(peer_be);

	return may_send(ip, SANI_IP_LIMIT_ECHO, &peer, now_us);
}

bool
sani_ip_may_answer(struct sani_ip_engine *ip, const union sani_ip *peer, uint64_t now_us)
{
	return may_send(ip, SANI_IP_LIMIT_ANSWER, peer, now_us);
}
