/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connects whose SYN has not left, for ARP has not answered yet. They are as many as the program opens at once, so
 * nothing is held for them: a SYN is dropped and, when its first hop is known, made again as if it were the first.
 * It was not lost, and what the time to the answer of ARP would say of the path is not measured. Meanwhile the timers
 * of TCP go on, and end the connect when nobody answers. doc/decisions/0005 says why.
 */
#include "core/priv.h"
#include "tcp/hold.h"

void
sani_hop_init(struct sani_core_priv *p)
{
	for (unsigned int i = 0; i < SANI_HOP_LISTS; i++)
		p->waiting[i] = (struct sani_waiting){ .first = SANI_NONE, .last = SANI_NONE };
}

/* Not keyed: who has two neighbours share a list has each looked at when the other is found, no more. */
static struct sani_waiting *
list_of(struct sani_core_priv *p, const union sani_ip *hop)
{
	uint32_t w = hop->w_be[0] ^ hop->w_be[1] ^ hop->w_be[2] ^ hop->w_be[3];

	return &p->waiting[(w ^ w >> 8 ^ w >> 16 ^ w >> 24) % SANI_HOP_LISTS];
}

struct sani_waiting *
sani_hop_list(struct sani_core_priv *p, const struct sani_tcp_conn *c)
{
	union sani_ip hop;

	return sani_ip_first_hop(p->ip, &c->tuple.remote, &c->tuple.local, &hop) ? list_of(p, &hop) : NULL;
}

void
sani_hop_wait(struct sani_core *core, struct sani_tcp_conn *c)
{
	struct sani_waiting *l;

	if (c->owner.waits != SANI_WAIT_NONE || c->owner.listen != SANI_NONE)
		return;
	l = sani_hop_list(core->priv, c);
	if (l != NULL)
		sani_conn_wait(core->priv, c, l, SANI_WAIT_HOP);
}

void
sani_hop_found(struct sani_core *core, const union sani_ip *hop)
{
	struct sani_core_priv *p = core->priv;
	struct sani_waiting *l = list_of(p, hop);
	uint32_t next;

	for (uint32_t i = l->first; i != SANI_NONE; i = next) {
		struct sani_tcp_conn *c = &p->conns[i];

		next = c->owner.next;
		if (!sani_ip_knows(p->ip, &c->tuple.remote, &c->tuple.local))
			continue;
		sani_conn_wait_no_more(core, c);
		/* one that has a way has left: news of it was lost, and a timeout has sent it */
		if (c->owner.way == SANI_IP_WAY_AGAIN)
			sani_core_touch(core, c, sani_tcp_not_sent(c));
	}
}
