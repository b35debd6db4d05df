/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "ip/priv.h"

/*
 *            packet out                      answer
 *   FREE ---------------> INCOMPLETE --------------------> REACHABLE
 *    ^  \                    |  ^                          |  ^   |
 *    |   \ request to us     |  | 3 unanswered             |  |   | 60 s, not in use
 *    |    \______________________________________________> |  |   +--> FREE
 *    |                       |  |     60 s in use, or doubt|  | answer
 *    |       3 unanswered    |  +------------- PROBE <-----+  |
 *    |                       v                   |____________|
 *    +----- forgotten ---- FAILED -- packet after the hold-off --> INCOMPLETE
 *
 * Who has failed is remembered as such until it is heard, or for 15 s: a packet for it may be held, for it
 * is asked once more, and yet its sender is told.
 *
 * On other cores than the control core a question is news for that core (WANT), and the answer is
 * sani_ip_neighbour_set().
 */
enum {
	TRIES = 3,
	TRIES_OTHER_CORE = 8,		/* the control core may probe and then ask: 6 s */
	UNRESOLVED_MAX = SANI_IP_NEIGHBOURS / 4,
	PICKS = 64,			/* places looked at for an entry to evict */
	PICK_STRIDE = 389,		/* odd, so that it goes round the table */
	HELD_OFF = 1,			/* tries of a failed one whose hold-off is over */
	RETRY_US = 1000000,		/* RFC 1122 2.3.2.1: at most one request a second */
	REACHABLE_US = 60000000,	/* RFC 1122 2.3.2.1: of the order of a minute */
	LAST_US = 900000,		/* after the last request: before the third SYN of a connect (1 s, 2 s) */
	FAILED_US = 3000000,		/* the hold-off */
	REMEMBER_US = 12000000,
	CHANGE_US = 1000000,		/* a MAC does not change more often */
};

static bool
is_unresolved(const struct sani_ip_neigh *n)
{
	return n->state == SANI_IP_NEIGH_INCOMPLETE || n->state == SANI_IP_NEIGH_FAILED;
}

static bool
has_mac(const struct sani_ip_neigh *n)
{
	return n->state == SANI_IP_NEIGH_REACHABLE || n->state == SANI_IP_NEIGH_PROBE;
}

/* Just given up: packets are refused, and nobody is asked. */
static bool
is_held_off(const struct sani_ip_neigh *n)
{
	return n->state == SANI_IP_NEIGH_FAILED && n->tries < HELD_OFF;
}

static uint16_t *
bucket_of(struct sani_ip_engine *ip, unsigned int iface, const union sani_ip *addr)
{
	return &ip->buckets[sani_ip_hash(ip, addr, iface) % SANI_IP_BUCKETS];
}

/* Not keyed: who makes two neighbours share a place costs us a hash, no more. */
static uint16_t *
cache_of(struct sani_ip_engine *ip, unsigned int iface, const union sani_ip *addr)
{
	uint32_t w = addr->w_be[0] ^ addr->w_be[1] ^ addr->w_be[2] ^ addr->w_be[3] ^ iface;

	return &ip->cache[(w ^ w >> 8 ^ w >> 16 ^ w >> 24) % SANI_IP_CACHE];
}

static bool
is_entry_of(const struct sani_ip_neigh *n, unsigned int iface, const union sani_ip *addr)
{
	return n->state != SANI_IP_NEIGH_FREE && n->iface == iface && sani_ip_eq(&n->addr, addr);
}

struct sani_ip_neigh *
sani_ip_neigh_find(struct sani_ip_engine *ip, unsigned int iface, const union sani_ip *addr)
{
	uint16_t *cached = cache_of(ip, iface, addr);
	uint16_t i;

	if (sani_likely(is_entry_of(&ip->neighs[*cached], iface, addr)))
		return &ip->neighs[*cached];
	for (i = *bucket_of(ip, iface, addr); i != SANI_IP_NO_NEIGH; i = ip->neighs[i].next) {
		if (is_entry_of(&ip->neighs[i], iface, addr)) {
			*cached = i;
			return &ip->neighs[i];
		}
	}
	return NULL;
}

static void
arm(struct sani_ip_engine *ip, struct sani_ip_neigh *n, uint64_t due_us)
{
	n->due_us = due_us;
	ip->due_us = RTE_MIN(ip->due_us, due_us);
}

static void
set_state(struct sani_ip_engine *ip, struct sani_ip_neigh *n, enum sani_ip_neigh_state state)
{
	ip->nb_unresolved -= is_unresolved(n);
	n->state = (uint8_t)state;
	ip->nb_unresolved += is_unresolved(n);
	n->tries = 0;
}

/* The lower bits are the place in the table, the upper ones count how often it was used; never 0. */
static uint32_t
next_way(uint32_t way)
{
	way += SANI_IP_NEIGHBOURS;
	return way < SANI_IP_NEIGHBOURS ? way + SANI_IP_NEIGHBOURS : way;
}

static void
remove_entry(struct sani_ip_engine *ip, struct sani_ip_neigh *n)
{
	uint16_t i = (uint16_t)(n - ip->neighs);
	uint16_t *link = bucket_of(ip, n->iface, &n->addr);

	while (*link != i)
		link = &ip->neighs[*link].next;
	*link = n->next;
	set_state(ip, n, SANI_IP_NEIGH_FREE);
	/* who holds its way looks it up anew */
	n->way = next_way(n->way);
	n->next = ip->free;
	ip->free = i;
}

/* May n go to make room? A live entry stays; so does one that is being resolved, but for its like. */
static bool
is_evictable(const struct sani_ip_neigh *n, bool for_unresolved)
{
	if (for_unresolved)
		return is_unresolved(n);
	return n->state == SANI_IP_NEIGH_FAILED || (has_mac(n) && n->used == 0);
}

/* Random, so that who fills the table cannot choose whom it drives out; bounded, so that it is cheap. */
static bool
evict(struct sani_ip_engine *ip, bool for_unresolved, struct sani_ip_io *io)
{
	unsigned int i = (unsigned int)(sani_ip_random(ip) % SANI_IP_NEIGHBOURS);

	for (unsigned int k = 0; k < PICKS; k++) {
		struct sani_ip_neigh *n = &ip->neighs[i];

		if (is_evictable(n, for_unresolved)) {
			sani_ip_hold_drop(ip, n, io, SANI_CTR_arp_drop_full);
			remove_entry(ip, n);
			return true;
		}
		i = (i + PICK_STRIDE) % SANI_IP_NEIGHBOURS;
	}
	return false;
}

/* A new entry, whose state the caller sets; unresolved ones have a quarter of the table. NULL: full. */
static struct sani_ip_neigh *
add_entry(struct sani_ip_engine *ip, unsigned int iface, const union sani_ip *addr, bool unresolved,
	  struct sani_ip_io *io)
{
	bool over = unresolved && ip->nb_unresolved >= UNRESOLVED_MAX;
	struct sani_ip_neigh *n;
	uint16_t *bucket;
	uint16_t i;

	if ((over || ip->free == SANI_IP_NO_NEIGH) && !evict(ip, over, io))
		return NULL;
	i = ip->free;
	n = &ip->neighs[i];
	ip->free = n->next;
	bucket = bucket_of(ip, iface, addr);
	*n = (struct sani_ip_neigh){
		.addr = *addr,
		.iface = (uint8_t)iface,
		.state = SANI_IP_NEIGH_FREE,
		.next = *bucket,
		.due_us = SANI_NEVER,
		.way = n->way,
	};
	*bucket = i;
	return n;
}

static unsigned int
most_tries(const struct sani_ip_engine *ip)
{
	return ip->is_control ? TRIES : TRIES_OTHER_CORE;
}

/* Ask: on the control core the neighbour, else the control core. */
static void
ask(struct sani_ip_engine *ip, struct sani_ip_neigh *n, struct sani_ip_io *io)
{
	n->tries++;
	arm(ip, n, io->now_us + (n->tries < most_tries(ip) ? RETRY_US : LAST_US));
	if (!ip->is_control) {
		sani_ip_tell(io, SANI_IP_WANT, n);
		return;
	}
	sani_ip_arp_request(ip, n->iface, sani_ip_v4_be(&n->addr),
			    n->state == SANI_IP_NEIGH_PROBE ? &n->mac : NULL, io);
}

static void
begin_asking(struct sani_ip_engine *ip, struct sani_ip_neigh *n, struct sani_ip_io *io)
{
	set_state(ip, n, SANI_IP_NEIGH_INCOMPLETE);
	ask(ip, n, io);
}

static void
send_to(const struct sani_ip_neigh *n, struct rte_mbuf *m, struct sani_ip_io *io)
{
	memcpy(rte_pktmbuf_mtod(m, uint8_t *), &n->mac, sizeof(n->mac));
	sani_ip_emit(io, m);
}

/* At most so many of those that wait. What is left goes with the next rounds. */
static void
let_go(struct sani_ip_engine *ip, struct sani_ip_neigh *n, unsigned int most, struct sani_ip_io *io)
{
	for (; n->nb_held > 0 && most > 0; most--)
		send_to(n, sani_ip_hold_take(ip, n), io);
	n->used = SANI_IP_USED;
	arm(ip, n, io->now_us + (n->nb_held > 0 ? 0 : REACHABLE_US));
}

static void
confirm(struct sani_ip_engine *ip, struct sani_ip_neigh *n, const struct rte_ether_addr *mac,
	struct sani_ip_io *io)
{
	bool is_news = n->state != SANI_IP_NEIGH_REACHABLE || !rte_is_same_ether_addr(&n->mac, mac);

	if (!has_mac(n) || !rte_is_same_ether_addr(&n->mac, mac))
		n->changed_us = io->now_us;
	n->mac = *mac;
	n->failed = false;
	set_state(ip, n, SANI_IP_NEIGH_REACHABLE);
	arm(ip, n, io->now_us + REACHABLE_US);
	if (ip->is_control && n->shared && is_news)
		sani_ip_tell(io, SANI_IP_KNOWN, n);
	if (n->nb_held > 0)
		let_go(ip, n, SANI_IP_HELD, io);
	/* who has kept its way would overtake the rest */
	if (n->nb_held > 0)
		n->way = next_way(n->way);
	if (n->awaited)
		sani_ip_tell(io, SANI_IP_FOUND, n);
	n->awaited = false;
}

bool
sani_ip_neigh_heard(struct sani_ip_engine *ip, unsigned int iface, const union sani_ip *addr,
		    const struct rte_ether_addr *mac, bool may_learn, struct sani_ip_io *io)
{
	struct sani_ip_neigh *n = sani_ip_neigh_find(ip, iface, addr);

	if (n == NULL && may_learn)
		n = add_entry(ip, iface, addr, false, io);
	if (n == NULL)
		return false;
	if (n->state == SANI_IP_NEIGH_REACHABLE && !rte_is_same_ether_addr(&n->mac, mac)) {
		if (io->now_us - n->changed_us < CHANGE_US)
			return false;
		sani_count(io->ctr, SANI_CTR_arp_rx_changed);
	}
	confirm(ip, n, mac, io);
	return true;
}

/* A packet for a neighbour that is known goes behind those that have waited, for none is to be overtaken. */
static void
go_behind(struct sani_ip_engine *ip, struct sani_ip_neigh *n, struct rte_mbuf *m, struct sani_ip_io *io)
{
	let_go(ip, n, SANI_IP_HELD, io);
	if (n->nb_held > 0)
		sani_ip_hold(ip, n, m, io);
	else
		send_to(n, m, io);
}

/* A packet for a neighbour that is not known: kept, or its maker is told when to make it again. */
static int
keep(struct sani_ip_engine *ip, struct sani_ip_neigh *n, struct rte_mbuf *m, struct sani_ip_io *io, const uint32_t *way)
{
	bool again = way != NULL && *way == SANI_IP_WAY_AGAIN;

	n->awaited |= again;
	if (is_held_off(n)) {
		sani_ip_drop(m, io, SANI_CTR_arp_drop_unresolved);
		return -EHOSTUNREACH;
	}
	if (again)
		sani_ip_drop(m, io, SANI_CTR_arp_drop_again);
	else
		sani_ip_hold(ip, n, m, io);
	return n->failed ? -EHOSTUNREACH : again;
}

void
sani_ip_neigh_give(struct sani_ip_neigh *n, struct rte_mbuf *m, struct sani_ip_io *io)
{
	n->used = SANI_IP_USED;
	send_to(n, m, io);
}

static struct sani_ip_neigh *
find_of(struct sani_ip_engine *ip, const struct sani_ip_hop *hop)
{
	union sani_ip addr = sani_ip_from_v4(hop->next_be);

	return sani_ip_neigh_find(ip, hop->iface, &addr);
}

struct sani_ip_neigh *
sani_ip_neigh_known(struct sani_ip_engine *ip, const struct sani_ip_hop *hop)
{
	struct sani_ip_neigh *n = find_of(ip, hop);

	return n != NULL && has_mac(n) && n->nb_held == 0 ? n : NULL;
}

int
sani_ip_neigh_hold(struct sani_ip_engine *ip, const struct sani_ip_hop *hop, struct rte_mbuf *m,
		   struct sani_ip_io *io, const uint32_t *way)
{
	union sani_ip addr = sani_ip_from_v4(hop->next_be);
	struct sani_ip_neigh *n = sani_ip_neigh_find(ip, hop->iface, &addr);

	if (n == NULL) {
		n = add_entry(ip, hop->iface, &addr, true, io);
		if (n == NULL) {
			sani_ip_drop(m, io, SANI_CTR_arp_drop_full);
			return 0;
		}
		begin_asking(ip, n, io);
	}
	if (has_mac(n)) {
		go_behind(ip, n, m, io);
		return 0;
	}
	if (n->state == SANI_IP_NEIGH_FAILED && !is_held_off(n))
		begin_asking(ip, n, io);
	return keep(ip, n, m, io, way);
}

bool
sani_ip_knows(struct sani_ip_engine *ip, const union sani_ip *dst, const union sani_ip *src)
{
	struct sani_ip_neigh *n = NULL;
	struct sani_ip_hop hop;

	if (sani_ip_find_hop(ip, dst, src, &hop) == 0)
		n = find_of(ip, &hop);
	return n != NULL && has_mac(n);
}

static void
fail(struct sani_ip_engine *ip, struct sani_ip_neigh *n, struct sani_ip_io *io)
{
	sani_ip_hold_drop(ip, n, io, SANI_CTR_arp_drop_unresolved);
	set_state(ip, n, SANI_IP_NEIGH_FAILED);
	n->failed = true;
	arm(ip, n, io->now_us + FAILED_US);
	if (ip->is_control && n->shared)
		sani_ip_tell(io, SANI_IP_LOST, n);
}

void
sani_ip_neigh_expire(struct sani_ip_engine *ip, struct sani_ip_neigh *n, unsigned int most, struct sani_ip_io *io)
{
	unsigned int tries = most_tries(ip);

	if (has_mac(n) && n->nb_held > 0) {
		let_go(ip, n, most, io);
		return;
	}

	switch ((enum sani_ip_neigh_state)n->state) {
	case SANI_IP_NEIGH_INCOMPLETE:
		if (n->tries < tries)
			ask(ip, n, io);
		else
			fail(ip, n, io);
		break;
	case SANI_IP_NEIGH_REACHABLE:
		if (n->used == 0) {
			remove_entry(ip, n);
			break;
		}
		n->used--;
		set_state(ip, n, SANI_IP_NEIGH_PROBE);
		ask(ip, n, io);
		break;
	case SANI_IP_NEIGH_PROBE:
		if (n->tries < tries)
			ask(ip, n, io);
		else
			begin_asking(ip, n, io);
		break;
	case SANI_IP_NEIGH_FAILED:
		if (!is_held_off(n)) {
			remove_entry(ip, n);
			break;
		}
		n->tries = HELD_OFF;
		arm(ip, n, io->now_us + REMEMBER_US);
		break;
	case SANI_IP_NEIGH_FREE:
		break;
	}
}

void
sani_ip_neighbour_set(struct sani_ip_engine *ip, uint8_t iface, const union sani_ip *addr,
		      const struct rte_ether_addr *mac, struct sani_ip_io *io)
{
	struct sani_ip_neigh *n = sani_ip_neigh_find(ip, iface, addr);

	if (mac == NULL) {
		if (n != NULL)
			fail(ip, n, io);
		return;
	}
	if (n == NULL)
		n = add_entry(ip, iface, addr, false, io);
	if (n != NULL)
		confirm(ip, n, mac, io);
}

void
sani_ip_neighbour_want(struct sani_ip_engine *ip, uint8_t iface, const union sani_ip *addr,
		       struct sani_ip_io *io)
{
	struct sani_ip_neigh *n = sani_ip_neigh_find(ip, iface, addr);
	bool is_new = n == NULL;

	if (is_new)
		n = add_entry(ip, iface, addr, true, io);
	if (n == NULL)
		return;		/* the other core asks again */
	n->shared = true;
	n->used = SANI_IP_USED;
	if (is_new)
		begin_asking(ip, n, io);
	else if (has_mac(n))
		sani_ip_tell(io, SANI_IP_KNOWN, n);
	else if (is_held_off(n))
		sani_ip_tell(io, SANI_IP_LOST, n);
	else if (n->state == SANI_IP_NEIGH_FAILED)
		begin_asking(ip, n, io);
}

void
sani_ip_neighbour_doubt(struct sani_ip_engine *ip, uint8_t iface, const union sani_ip *addr,
			struct sani_ip_io *io)
{
	struct sani_ip_neigh *n = sani_ip_neigh_find(ip, iface, addr);

	/* all other states are asking already, or have asked */
	if (n == NULL || n->state != SANI_IP_NEIGH_REACHABLE || n->nb_held > 0 ||
	    io->now_us + REACHABLE_US - n->due_us < RETRY_US)
		return;
	set_state(ip, n, SANI_IP_NEIGH_PROBE);
	if (ip->is_control) {
		ask(ip, n, io);
		return;
	}
	n->tries++;
	arm(ip, n, io->now_us + RETRY_US);
	sani_ip_tell(io, SANI_IP_DOUBT, n);
}

void
sani_ip_doubt(struct sani_ip_engine *ip, const union sani_ip *dst, struct sani_ip_io *io)
{
	static const union sani_ip any;
	struct sani_ip_hop hop;
	union sani_ip addr;

	if (sani_ip_find_hop(ip, dst, &any, &hop) < 0)
		return;
	addr = sani_ip_from_v4(hop.next_be);
	sani_ip_neighbour_doubt(ip, hop.iface, &addr, io);
}

void
sani_ip_neigh_init(struct sani_ip_engine *ip)
{
	memset(ip->buckets, 0xff, sizeof(ip->buckets));
	_Static_assert(SANI_IP_NO_NEIGH == 0xffff, "buckets are emptied octet by octet");
	for (unsigned int i = 0; i < SANI_IP_NEIGHBOURS; i++) {
		ip->neighs[i].next = (uint16_t)(i + 1);
		ip->neighs[i].way = next_way(i);
	}
	ip->neighs[SANI_IP_NEIGHBOURS - 1].next = SANI_IP_NO_NEIGH;
}

void
sani_ip_neigh_fini(struct sani_ip_engine *ip)
{
	for (unsigned int i = 0; i < SANI_IP_NEIGHBOURS; i++)
		while (ip->neighs[i].nb_held > 0)
			rte_pktmbuf_free(sani_ip_hold_take(ip, &ip->neighs[i]));
}
