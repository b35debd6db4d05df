/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that wait for their neighbour's answer, in lists of places of one array. Each unresolved neighbour has as
 * many as SANI_IP_HELD for itself, whatever the others wait for; what there is beside those goes to who comes first.
 */
#include "ip/priv.h"

#define NO_PLACE UINT16_MAX

_Static_assert(SANI_IP_PLACES < NO_PLACE, "a place has a number");

void
sani_ip_hold_init(struct sani_ip_engine *ip)
{
	for (unsigned int i = 0; i < SANI_IP_PLACES; i++)
		ip->places[i].next = (uint16_t)(i + 1);
	ip->places[SANI_IP_PLACES - 1].next = NO_PLACE;
}

static bool
has_place(const struct sani_ip_engine *ip, const struct sani_ip_neigh *n)
{
	if (n->nb_held < SANI_IP_HELD)
		return ip->place_free != NO_PLACE;
	return n->nb_held < SANI_IP_HELD_MOST && ip->nb_spare < SANI_IP_HELD_SPARE;
}

struct rte_mbuf *
sani_ip_hold_take(struct sani_ip_engine *ip, struct sani_ip_neigh *n)
{
	uint16_t i = n->oldest;
	struct sani_ip_place *place = &ip->places[i];

	if (n->nb_held > SANI_IP_HELD)
		ip->nb_spare--;
	n->nb_held--;
	n->oldest = place->next;
	place->next = ip->place_free;
	ip->place_free = i;
	return place->m;
}

static void
append(struct sani_ip_engine *ip, struct sani_ip_neigh *n, struct rte_mbuf *m)
{
	uint16_t i = ip->place_free;

	ip->place_free = ip->places[i].next;
	ip->places[i].m = m;
	if (n->nb_held == 0)
		n->oldest = i;
	else
		ip->places[n->newest].next = i;
	n->newest = i;
	if (n->nb_held >= SANI_IP_HELD)
		ip->nb_spare++;
	n->nb_held++;
}

/* RFC 1122 2.3.2.2: at least the latest packet is kept; the oldest makes room. */
void
sani_ip_hold(struct sani_ip_engine *ip, struct sani_ip_neigh *n, struct rte_mbuf *m, struct sani_ip_io *io)
{
	if (!has_place(ip, n)) {
		sani_count(io->ctr, SANI_CTR_arp_drop_queue);
		if (n->nb_held == 0) {
			rte_pktmbuf_free(m);
			return;
		}
		rte_pktmbuf_free(sani_ip_hold_take(ip, n));
	}
	append(ip, n, m);
}

void
sani_ip_hold_drop(struct sani_ip_engine *ip, struct sani_ip_neigh *n, struct sani_ip_io *io, enum sani_counter why)
{
	while (n->nb_held > 0)
		sani_ip_drop(sani_ip_hold_take(ip, n), io, why);
}
