/* SPDX-License-Identifier: BSD-3-Clause */
#include <sodium.h>

#include "ip/priv.h"

/*
 * Rates. Errors are few, for all peers and for each, and every decision to send costs 0, 1 or 2 of
 * the credit at random: a peer that counts our errors cannot tell what others made us send
 * (RFC 1812 4.3.2.8 asks for limits, CVE-2020-25705 for chance).
 */
enum {
	ERROR_ALL_US = 1000,
	ERROR_ALL_BURST = 50,
	ERROR_PEER_US = 100000,
	ERROR_PEER_BURST = 10,
	ECHO_ALL_US = 10,
	ECHO_ALL_BURST = 5000,
	ECHO_PEER_US = 50,
	ECHO_PEER_BURST = 1000,
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
	ip->error_all.credit_us = ERROR_ALL_BURST * ERROR_ALL_US;
	ip->echo_all.credit_us = ECHO_ALL_BURST * ECHO_ALL_US;
	for (unsigned int i = 0; i < SANI_IP_LIMITS; i++) {
		ip->error_peer[i].credit_us = ERROR_PEER_BURST * ERROR_PEER_US;
		ip->echo_peer[i].credit_us = ECHO_PEER_BURST * ECHO_PEER_US;
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

static unsigned int
peer_slot(const struct sani_ip_engine *ip, uint32_t peer_be)
{
	union sani_ip peer = sani_ip_from_v4(peer_be);

	return (unsigned int)(sani_ip_hash(ip, &peer, UINT8_MAX) % SANI_IP_LIMITS);
}

bool
sani_ip_may_send_error(struct sani_ip_engine *ip, uint32_t peer_be, uint64_t now_us)
{
	struct sani_ip_limit *peer = &ip->error_peer[peer_slot(ip, peer_be)];
	uint64_t chance;

	if (!has_credit(peer, now_us, ERROR_PEER_US, ERROR_PEER_BURST) ||
	    !has_credit(&ip->error_all, now_us, ERROR_ALL_US, ERROR_ALL_BURST))
		return false;
	chance = sani_ip_random(ip);
	spend(peer, chance % 3 * ERROR_PEER_US);
	spend(&ip->error_all, (chance >> 32) % 3 * ERROR_ALL_US);
	return true;
}

bool
sani_ip_may_send_echo(struct sani_ip_engine *ip, uint32_t peer_be, uint64_t now_us)
{
	struct sani_ip_limit *peer = &ip->echo_peer[peer_slot(ip, peer_be)];

	if (!has_credit(peer, now_us, ECHO_PEER_US, ECHO_PEER_BURST) ||
	    !has_credit(&ip->echo_all, now_us, ECHO_ALL_US, ECHO_ALL_BURST))
		return false;
	spend(peer, ECHO_PEER_US);
	spend(&ip->echo_all, ECHO_ALL_US);
	return true;
}
