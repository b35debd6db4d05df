/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/owe.h"

#define TOLD (SANI_TCP_EV_CONNECTED | SANI_TCP_EV_READABLE | SANI_TCP_EV_FIN)

_Static_assert(SANI_ACK_TURNS == 3, "the ends of two rounds are noted, and three bits tell rounds apart");

bool
sani_owe(struct sani_core *core, struct sani_tcp_conn *c, uint32_t ev)
{
	struct sani_owed *o = &core->priv->owed;

	if ((ev & TOLD) == 0 || c->owner.dirty != SANI_NONE || !sani_tcp_ack_may_wait(c))
		return false;
	/* what comes meanwhile does not begin the wait anew */
	if (c->owner.owes)
		return true;
	if (sani_unlikely(o->tail - o->head == SANI_OWED_MAX))
		return false;
	c->owner.owes = 1;
	c->owner.owes_since = o->round & 7;
	o->idx[o->tail++ % SANI_OWED_MAX] = sani_conn_idx(core->priv, c);
	return true;
}

unsigned int
sani_owe_end_turn(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;
	struct sani_owed *o = &p->owed;
	const uint32_t nb_noted = o->tail - o->head;
	const uint8_t since = (o->round - (SANI_ACK_TURNS - 1)) & 7;

	for (; o->head != o->end[0]; o->head++) {
		struct sani_tcp_conn *c = &p->conns[o->idx[o->head % SANI_OWED_MAX]];

		if (!c->owner.owes || c->owner.owes_since != since || (c->owner.flags & SANI_CONN_USED) == 0)
			continue;
		c->owner.owes = 0;
		sani_core_touch(core, c, SANI_TCP_EV_OUTPUT);
	}
	o->end[0] = o->end[1];
	o->end[1] = o->tail;
	o->round++;
	return nb_noted;
}
