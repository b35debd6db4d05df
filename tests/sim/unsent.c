/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a host has made and the wire sees late, or never: it waits for the address of its neighbour (RFC 1122 2.3.2.2),
 * and of what waits there, or for a ring that stays full, some is dropped: what finds the queue to the ring full too,
 * and of what is in it the first, if the ring takes nothing for a second.
 */
#include "sim/checker.h"

/* Who is asked by name has an address, which is used meanwhile (RFC 1122 2.3.2.1). */
void
sim_unsent_asks(struct sim_host *h, const struct sim_packet *p)
{
	for (unsigned int i = 0; i < h->w->nb_hosts && p->broadcast; i++)
		if (h->w->hosts[i].ip == p->dst)
			h->sought_us[i] = vhost_now_us;
}

/* Whatever tells of a neighbour tells its address. */
void
sim_unsent_told(struct sim_host *h, const struct sim_packet *p)
{
	for (unsigned int i = 0; i < h->w->nb_hosts; i++)
		h->told[i] |= h->w->hosts[i].ip == p->src;
}

static uint64_t
count_dropped(const struct sim_host *h)
{
	return vhost_count(&h->v, SANI_CTR_port_tx_drop) + vhost_count(&h->v, SANI_CTR_port_tx_refused) +
	       vhost_count(&h->v, SANI_CTR_arp_drop_queue) + vhost_count(&h->v, SANI_CTR_arp_drop_unresolved) +
	       vhost_count(&h->v, SANI_CTR_arp_drop_full);
}

void
sim_unsent_settle(struct sim_host *h)
{
	h->unsent = count_dropped(h);
	for (unsigned int i = 0; i < h->w->nb_hosts; i++) {
		if (h->told[i] && h->sought_us[i] > h->told_us[i])
			h->told_us[i] = vhost_now_us;
		h->told[i] = false;
	}
}

/* What a full ring has held up may be a question that was answered since. */
bool
sim_half_seeks_peer(const struct sim_half *x, uint64_t since_us)
{
	unsigned int i = x->peer->host->index;

	return x->host->sought_us[i] > x->host->told_us[i] || x->host->told[i] || x->host->told_us[i] >= since_us;
}

bool
sim_half_is_late(const struct sim_half *x)
{
	return sim_half_seeks_peer(x, vhost_now_us);
}

bool
sim_half_is_excused(const struct sim_half *x, uint64_t since_us)
{
	return x->host->excused_us + 1000 >= since_us || sim_half_seeks_peer(x, since_us);
}

/*
 * When the host was settled all that it had made before was on the wire, waited for an address, or was dropped. So
 * what it has dropped since it was settled last before x sent something may have come behind that.
 */
bool
sim_half_may_skip(const struct sim_half *x)
{
	return count_dropped(x->host) != x->unsent;
}
