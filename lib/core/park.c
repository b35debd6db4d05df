/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which connections are parked (tcp/park.h), and when. Blocks are used again before fresh ones are, so those in use lie
 * together at the begin of their array: a hand goes round over them, and parks what it finds quiet. It moves as blocks
 * are taken, so that as many come back, and once a millisecond, so that what has become quiet is found when nothing
 * else happens. Below a number of blocks nothing is parked: they fit the cache, and to put them away would only take
 * time.
 *
 * How long is quiet? To park a connection and wake it takes as long as some messages. So one that wakes has all others
 * left alone for twice as long as it was quiet: a crowd in which each speaks every few seconds is not parked at all,
 * and what nobody wakes is parked at once. A remote that wakes its connections on purpose can have no more than that
 * blocks are given back some seconds later.
 */
#include <errno.h>

#include "core/priv.h"

#define KEEP_BLOCKS 1024
#define QUIET_LEAST_US 1000	/* a connection is left alone for so long after its last segment, at least */
#define QUIET_MOST_US 10000000	/* and at most */
#define QUIET_EASES_MS 60000	/* the time halves when so long has passed */
#define LOOKS_A_MS 16
#define LOOKS_MOST 256		/* in a round */

int
sani_park_init(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;

	p->parked = sani_map(core->host->conf.nb_conns * sizeof(p->parked[0]));
	p->parked_free = SANI_NONE;
	p->keep_blocks = KEEP_BLOCKS;
	p->park_quiet_us = QUIET_LEAST_US;
	p->park_quiet_most_us = QUIET_MOST_US;
	return p->parked == NULL ? -ENOMEM : 0;
}

void
sani_park_fini(struct sani_core *core)
{
	sani_unmap(core->priv->parked, core->host->conf.nb_conns * sizeof(core->priv->parked[0]));
}

static uint32_t
take_place(struct sani_core_priv *p)
{
	uint32_t idx = p->parked_free;

	if (idx == SANI_NONE)
		return p->parked_fresh++;
	p->parked_free = p->parked[idx].sock;
	return idx;
}

static void
park(struct sani_core *core, struct sani_tcp_conn *c)
{
	struct sani_core_priv *p = core->priv;
	uint32_t idx = take_place(p);
	struct sani_tcp_parked *to = &p->parked[idx];

	/* its hop may have become known without news of that (hop.c), and its links will be those of a free block */
	sani_conn_wait_no_more(core, c);
	to->sock = c->owner.sock;
	sani_tcp_park(c, to, core->now_us);
	sani_flow_rename(&p->flow, c->owner.hash, sani_flow_ref_of(sani_conn_idx(p, c), 0),
			 sani_flow_ref_of(idx, SANI_FLOW_PARKED));
	sani_block_give(core, c);
	sani_count(&core->ctr, SANI_CTR_core_parked);
	core->up->moved(core, to->sock, idx | SANI_CONN_PARKED);
}

static void
note_wake(struct sani_core_priv *p, uint64_t quiet_us)
{
	uint64_t us = RTE_MIN(2 * quiet_us, (uint64_t)p->park_quiet_most_us);

	if (quiet_us < p->park_quiet_most_us && us > p->park_quiet_us)
		p->park_quiet_us = (uint32_t)us;
}

struct sani_tcp_conn *
sani_park_wake(struct sani_core *core, uint32_t idx)
{
	struct sani_core_priv *p = core->priv;
	struct sani_tcp_parked *from = &p->parked[idx];
	struct sani_tuple t = sani_tcp_parked_tuple(from);
	uint32_t hash = (uint32_t)sani_flow_hash(&core->host->flow_key, &t);
	struct sani_tcp_conn *c = sani_block_take(core, hash);

	note_wake(p, sani_tcp_parked_for(from, core->now_us));
	sani_tcp_unpark(c, from, core->now_us);
	c->owner.sock = from->sock;
	c->owner.flags |= SANI_CONN_FLOW;
	sani_flow_rename(&p->flow, hash, sani_flow_ref_of(idx, SANI_FLOW_PARKED),
			 sani_flow_ref_of(sani_conn_idx(p, c), 0));
	from->sock = p->parked_free;
	p->parked_free = idx;
	core->up->moved(core, c->owner.sock, sani_conn_idx(p, c));
	return c;
}

/* One that has a socket, and that nothing else of the core knows. */
static bool
may_park(const struct sani_core *core, const struct sani_tcp_conn *c)
{
	return c->owner.flags == (SANI_CONN_USED | SANI_CONN_FLOW) && c->owner.sock != SANI_NONE &&
	       c->owner.dirty == SANI_NONE && sani_tcp_may_park(c, core->priv->park_quiet_us, core->now_us);
}

static void
ease(struct sani_core_priv *p, uint32_t now_ms)
{
	if (now_ms - p->park_eased_ms < QUIET_EASES_MS)
		return;
	p->park_eased_ms = now_ms;
	p->park_quiet_us = RTE_MAX(p->park_quiet_us / 2, (uint32_t)QUIET_LEAST_US);
}

void
sani_park_look(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;
	uint32_t now_ms = (uint32_t)(core->now_us >> 10);
	uint32_t n = RTE_MIN(p->park_due, (uint32_t)LOOKS_MOST);

	if (p->park_ms != now_ms)
		n = RTE_MAX(n, (uint32_t)LOOKS_A_MS);
	p->park_ms = now_ms;
	ease(p, now_ms);
	p->park_due = 0;
	for (; n > 0 && p->nb_blocks > p->keep_blocks; n--) {
		struct sani_tcp_conn *c = &p->conns[p->park_hand];

		p->park_hand = p->park_hand + 1 < p->conn_fresh ? p->park_hand + 1 : 0;
		if (may_park(core, c))
			park(core, c);
	}
}
