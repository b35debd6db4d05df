/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include <sodium.h>

#include "core/priv.h"
#include "tcp/hash.h"

#define SLOT_SHIFT 32
#define HELD_US 60000000u	/* RFC 7413 5.1 asks for a time like that of a SYN-ACK's life */
#define OFF_REFUSED_S 3600u
#define OFF_LOST_S 60u
#define OFF_SHIFT_MOST 10u	/* 17 hours */
#define COOKIE_FITS 14u		/* beside our other options */

_Static_assert(crypto_shorthash_BYTES == SANI_FAST_COOKIE, "a hash is a cookie");

/* Hashed as bytes, as long as nothing else that the host's key is used for. */
struct vouched {
	union sani_ip peer;
	uint64_t slot;
	uint32_t domain;
	uint32_t zero;
};

_Static_assert(sizeof(struct vouched) == 32, "no holes");

static void
make_cookie(const uint8_t key[16], const union sani_ip *peer, uint64_t slot, uint8_t *cookie)
{
	struct vouched v = { .peer = *peer, .slot = slot, .domain = SANI_TCP_HASH_FAST };

	crypto_shorthash(cookie, (const unsigned char *)&v, sizeof(v), key);
}

void
sani_fast_cookie(const uint8_t key[16], const union sani_ip *peer, uint64_t now_us, uint8_t cookie[SANI_FAST_COOKIE])
{
	make_cookie(key, peer, now_us >> SLOT_SHIFT, cookie);
}

/* Is there a place for one more that may be spoofed? */
static bool
has_place(const struct sani_core *core, struct sani_listen_entry *e)
{
	if (core->now_us >= e->fast_held_until_us)
		e->nb_fast_held = 0;
	return e->nb_fast + e->nb_fast_held < e->l.tune.fast;
}

/* The cookie of this slot, or (then it gets a new one along) of the last one. */
static bool
is_ours(const struct sani_core *core, const struct sani_tcp_seg *syn, const union sani_ip *peer,
	struct sani_tcp_fast *fast)
{
	uint8_t last[SANI_FAST_COOKIE];
	uint64_t slot = core->now_us >> SLOT_SHIFT;

	if (syn->nb_fast != SANI_FAST_COOKIE)
		return false;
	if (sodium_memcmp(syn->fast, fast->cookie, SANI_FAST_COOKIE) == 0) {
		fast->flags = 0;
		return true;
	}
	make_cookie(core->host->key, peer, slot - 1, last);
	return slot > 0 && sodium_memcmp(syn->fast, last, SANI_FAST_COOKIE) == 0;
}

bool
sani_fast_serve(struct sani_core *core, struct sani_listen_entry *e, const struct sani_rx_item *item,
		struct sani_tcp_params *params)
{
	const union sani_ip *peer = &item->pkt.tuple.remote;
	struct sani_tcp_fast *fast = &params->fast;

	if (e->l.tune.fast == 0 || !(item->seg.opts & SANI_TCP_OPT_FAST))
		return false;
	sani_fast_cookie(core->host->key, peer, core->now_us, fast->cookie);
	fast->nb = SANI_FAST_COOKIE;
	fast->flags = SANI_TCP_FAST_GIVE;
	if (item->seg.nb_fast == 0)
		return false;
	if (!is_ours(core, &item->seg, peer, fast)) {
		sani_count(&core->ctr, SANI_CTR_tcp_rx_fast_bad);
		return false;
	}
	/* nor can that be taken which the connection in TIME_WAIT had before, that this one follows */
	if (item->seg.len == 0 || item->m == NULL)
		return false;
	if (has_place(core, e))
		return true;
	sani_count(&core->ctr, SANI_CTR_tcp_rx_fast_full);
	return false;
}

void
sani_fast_count(struct sani_core *core, struct sani_listen_entry *e, struct sani_tcp_conn *c)
{
	(void)core;
	c->owner.flags |= SANI_CONN_FAST;
	e->nb_fast++;
}

void
sani_fast_uncount(struct sani_core *core, struct sani_tcp_conn *c)
{
	struct sani_listen_entry *e;

	if ((c->owner.flags & SANI_CONN_FAST) == 0)
		return;
	c->owner.flags &= (uint8_t)~SANI_CONN_FAST;
	if (sani_core_listen_of(core, c) == NULL)
		return;
	e = &core->priv->listens[c->owner.listen];
	e->nb_fast--;
	if (sani_tcp_error(c) != -ECONNRESET)
		return;
	e->nb_fast_held++;
	e->fast_held_until_us = core->now_us + HELD_US;
}

static uint32_t
seconds(const struct sani_core *core)
{
	return (uint32_t)(core->now_us / 1000000);
}

static struct sani_fast_peer *
set_of(struct sani_core *core, const union sani_ip *ip)
{
	struct vouched v = { .peer = *ip, .domain = SANI_TCP_HASH_TABLE };
	uint32_t hash[2];

	crypto_shorthash((unsigned char *)hash, (const unsigned char *)&v, sizeof(v), core->host->key);
	return &core->priv->fast_peers[hash[0] % (SANI_FAST_PEERS / SANI_FAST_WAYS) * SANI_FAST_WAYS];
}

static struct sani_fast_peer *
find_peer(struct sani_core *core, const union sani_ip *ip)
{
	struct sani_fast_peer *p = set_of(core, ip);

	for (unsigned int i = 0; i < SANI_FAST_WAYS; i++)
		if (p[i].mss != 0 && sani_ip_eq(&p[i].ip, ip))
			return &p[i];
	return NULL;
}

/* A free place of its set, or that of the one that was used longest ago. */
static struct sani_fast_peer *
make_peer(struct sani_core *core, const union sani_ip *ip)
{
	struct sani_fast_peer *set = set_of(core, ip);
	struct sani_fast_peer *p = &set[0];

	for (unsigned int i = 1; i < SANI_FAST_WAYS && p->mss != 0; i++)
		if (set[i].mss == 0 || (int32_t)(set[i].used_s - p->used_s) < 0)
			p = &set[i];
	if (p->mss != 0)
		sani_count(&core->ctr, SANI_CTR_tcp_fast_evicted);
	*p = (struct sani_fast_peer){ .ip = *ip };
	return p;
}

void
sani_fast_ask(struct sani_core *core, struct sani_tcp_params *params)
{
	struct sani_fast_peer *p;
	struct sani_tcp_fast *fast = &params->fast;

	if (params->tune.fast == 0)
		return;
	p = find_peer(core, &params->tuple.remote);
	if (p != NULL && (int32_t)(p->off_until_s - seconds(core)) > 0)
		return;
	fast->flags = SANI_TCP_FAST_ASK;
	if (p == NULL || p->nb == 0)
		return;
	p->used_s = seconds(core);
	memcpy(fast->cookie, p->cookie, sizeof(fast->cookie));
	fast->nb = p->nb;
	fast->mss = p->mss;
	fast->flags |= SANI_TCP_FAST_DATA;
}

/*
 *   the SYN had to go again          not answered with the option: off, twice as long each time (4.1.3)
 *   a cookie                         kept, with the MSS (4.1.3: both)
 *   none, though asked for one       the peer does not do it: off
 *   none, nor was the data taken     it may have no place for one more: the next time it is asked for a cookie
 *   none otherwise                   as before
 */
void
sani_fast_learn(struct sani_core *core, const struct sani_tcp_conn *c)
{
	struct sani_fast_peer *p;
	uint8_t flags = c->fast.flags;

	if (!(flags & SANI_TCP_FAST_ASK))
		return;
	p = find_peer(core, &c->tuple.remote);
	if (p == NULL)
		p = make_peer(core, &c->tuple.remote);
	p->mss = c->peer_mss;
	p->used_s = seconds(core);
	if ((flags & (SANI_TCP_FAST_SENT | SANI_TCP_FAST_TAKEN)) == SANI_TCP_FAST_SENT)
		sani_count(&core->ctr, SANI_CTR_tcp_fast_refused);
	if (sani_tcp_syn_lost(c)) {
		p->off_until_s = seconds(core) + (OFF_LOST_S << RTE_MIN(p->fails, OFF_SHIFT_MOST));
		p->fails = (uint8_t)RTE_MIN(p->fails + 1, UINT8_MAX);
		sani_count(&core->ctr, SANI_CTR_tcp_fast_lost);
		return;
	}
	p->fails = 0;
	if ((flags & SANI_TCP_FAST_GIVEN) && c->fast.nb <= COOKIE_FITS) {
		memcpy(p->cookie, c->fast.cookie, sizeof(p->cookie));
		p->nb = c->fast.nb;
	} else if (!(flags & SANI_TCP_FAST_DATA)) {
		p->off_until_s = seconds(core) + OFF_REFUSED_S;
	} else if ((flags & SANI_TCP_FAST_SENT) && !(flags & SANI_TCP_FAST_TAKEN)) {
		p->nb = 0;
	}
}
