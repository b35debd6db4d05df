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
sani_hop_wait(struct sani_core *core, struct sani_tcp_conn *c)
{
	struct sani_core_priv *p = core->priv;
	uint32_t idx = sani_conn_idx(p, c);

	if (c->owner.waits || c->owner.listen != SANI_NONE)
		return;
	c->owner.waits = 1;
	c->owner.prev = p->last_waiting;
	c->owner.next = SANI_NONE;
	if (p->last_waiting != SANI_NONE)
		p->conns[p->last_waiting].owner.next = idx;
	else
		p->first_waiting = idx;
	p->last_waiting = idx;
}

void
sani_hop_forget(struct sani_core *core, struct sani_tcp_conn *c)
{
	struct sani_core_priv *p = core->priv;

	if (!c->owner.waits)
		return;
	c->owner.waits = 0;
	if (c->owner.prev != SANI_NONE)
		p->conns[c->owner.prev].owner.next = c->owner.next;
	else
		p->first_waiting = c->owner.next;
	if (c->owner.next != SANI_NONE)
		p->conns[c->owner.next].owner.prev = c->owner.prev;
	else
		p->last_waiting = c->owner.prev;
}

void
sani_hop_found(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;
	uint32_t next;

	for (uint32_t i = p->first_waiting; i != SANI_NONE; i = next) {
		struct sani_tcp_conn *c = &p->conns[i];

		next = c->owner.next;
		if (!sani_ip_knows(p->ip, &c->tuple.remote, &c->tuple.local))
			continue;
		sani_hop_forget(core, c);
		/* one that has a way has left: news of it was lost, and a timeout has sent it */
		if (c->owner.way == SANI_IP_WAY_AGAIN)
			sani_core_touch(core, c, sani_tcp_not_sent(c));
	}
}
