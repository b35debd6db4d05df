/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/arm.h"

/* 19 hours: a later one is armed again then, so that any two that are armed can be compared modulo 2^32 ticks. */
#define DEADLINE_MAX_US (1ull << 36)
#define FIRST_US 180000	/* less than the least RTO (tcp/rtt.c) */
#define LATE_LEAST_US 10000	/* a timer that fires sooner is not put off */

void
sani_arm_anew(struct sani_core *core, struct sani_tcp_conn *c)
{
	struct sani_core_priv *p = core->priv;
	uint64_t deadline = sani_tcp_deadline_now(c);

	if (deadline != SANI_NEVER)
		sani_wheel_arm(p->wheel, sani_conn_idx(p, c), RTE_MIN(deadline, core->now_us + DEADLINE_MAX_US));
}

void
sani_arm_first(struct sani_core *core, struct sani_tcp_conn *c)
{
	struct sani_core_priv *p = core->priv;
	uint64_t when_us = core->now_us + FIRST_US;

	if (sani_unlikely(sani_arm_is_before(when_us, &c->owner.timer)))
		sani_wheel_arm(p->wheel, sani_conn_idx(p, c), when_us);
}

/*
 * The ACK of what has come just now may wait for some milliseconds, but what the program says to it will most likely
 * carry it in the next round; what is due then lies farther ahead.
 */
static inline bool
may_wait(const struct sani_core *core, const struct sani_tcp_conn *c)
{
	const struct sani_core_priv *p = core->priv;

	return p->nb_blocks > p->cold_blocks && p->nb_late < SANI_LATE_MAX &&
	       sani_tcp_deadline(c) > core->now_us + LATE_LEAST_US;
}

/* All that was sent is acknowledged, and nothing else came: maybe nothing is to be waited for. */
static inline bool
is_at_rest(const struct sani_core_priv *p, struct sani_tcp_conn *c, uint32_t ev)
{
	return ev == SANI_TCP_EV_ACKED && p->nb_blocks > p->rest_blocks && sani_tcp_deadline_now(c) == SANI_NEVER;
}

void
sani_arm_touched(struct sani_core *core, struct sani_tcp_conn *c, uint32_t ev)
{
	struct sani_core_priv *p = core->priv;

	if (is_at_rest(p, c, ev))
		sani_wheel_disarm(p->wheel, sani_conn_idx(p, c));
	else if (c->wake_us == SANI_NEVER || !sani_arm_is_due(c))
		return;
	else if (may_wait(core, c))
		p->late[p->nb_late++] = sani_conn_idx(p, c);
	else
		sani_arm_anew(core, c);
}

void
sani_arm_late(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;
	uint32_t n = p->nb_late_before;

	/* whoever has the block now: it does no harm to set what it needs */
	for (uint32_t i = 0; i < n; i++)
		if ((p->conns[p->late[i]].owner.flags & SANI_CONN_USED) != 0)
			sani_arm(core, &p->conns[p->late[i]]);
	p->nb_late -= n;
	memmove(p->late, p->late + n, p->nb_late * sizeof(p->late[0]));
	p->nb_late_before = p->nb_late;
}
