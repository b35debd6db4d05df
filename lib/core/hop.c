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
		p->waiting[i] = (struct sani_hop_list){ .first = SANI_NONE, .last = SANI_NONE };
}

/* Not keyed: who has two neighbours share a list has each looked at when the other is found, no more. */
static struct sani_hop_list *
list_of(struct sani_core_priv *p, const union sani_ip *hop)
{
	uint32_t w = hop->w_be[0] ^ hop->w_be[1] ^ hop->w_be[2] ^ hop->w_be[3];

	return &p->waiting[(w ^ w >> 8 ^ w >> 16 ^ w >> 24) % SANI_HOP_LISTS];
}

/* NULL: there is no way. */
static struct sani_hop_list *
list_of_conn(struct sani_core_priv *p, const struct sani_tcp_conn *c)
{
	union sani_ip hop;

	return sani_ip_first_hop(p->ip, &c->tuple.remote, &c->tuple.local, &hop) ? list_of(p, &hop) : NULL;
}

void
sani_hop_wait(struct sani_core *core, struct sani_tcp_conn *c)
{
	struct sani_core_priv *p = core->priv;
	uint32_t idx = sani_conn_idx(p, c);
	struct sani_hop_list *l;

	if (c->owner.waits || c->owner.listen != SANI_NONE)
		return;
	l = list_of_conn(p, c);
	if (l == NULL)
		return;
	c->owner.waits = 1;
	c->owner.prev = l->last;
	c->owner.next = SANI_NONE;
	if (l->last != SANI_NONE)
		p->conns[l->last].owner.next = idx;
	else
		l->first = idx;
	l->last = idx;
}

static void
take_out(struct sani_core_priv *p, struct sani_hop_list *l, struct sani_tcp_conn *c)
{
	c->owner.waits = 0;
	if (c->owner.prev != SANI_NONE)
		p->conns[c->owner.prev].owner.next = c->owner.next;
	else
		l->first = c->owner.next;
	if (c->owner.next != SANI_NONE)
		p->conns[c->owner.next].owner.prev = c->owner.prev;
	else
		l->last = c->owner.prev;
}

void
sani_hop_forget(struct sani_core *core, struct sani_tcp_conn *c)
{
	if (c->owner.waits)
		take_out(core->priv, list_of_conn(core->priv, c), c);
}

void
sani_hop_found(struct sani_core *core, const union sani_ip *hop)
{
	struct sani_core_priv *p = core->priv;
	struct sani_hop_list *l = list_of(p, hop);
	uint32_t next;

	for (uint32_t i = l->first; i != SANI_NONE; i = next) {
		struct sani_tcp_conn *c = &p->conns[i];

		next = c->owner.next;
		if (!sani_ip_knows(p->ip, &c->tuple.remote, &c->tuple.local))
			continue;
		take_out(p, l, c);
		/* one that has a way has left: news of it was lost, and a timeout has sent it */
		if (c->owner.way == SANI_IP_WAY_AGAIN)
			sani_core_touch(core, c, sani_tcp_not_sent(c));
	}
}
