/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Wait: lists of connections that wait for the same, and the pool that some of them wait for (ration.c).
 */
#ifndef SANI_CORE_WAIT_H
#define SANI_CORE_WAIT_H

#include "core/state.h"

/* conn.c */

/** Put c, which waits for nothing yet, at the end of a list of that kind. */
void
sani_conn_wait(struct sani_core_priv *p, struct sani_tcp_conn *c, struct sani_waiting *w, enum sani_wait for_what);

/** Take it out of the list that it is in. */
void
sani_conn_leave_waiting(struct sani_core *core, struct sani_tcp_conn *c);

/** The same; nothing when it is in none. */
static inline void
sani_conn_wait_no_more(struct sani_core *core, struct sani_tcp_conn *c)
{
	if (sani_unlikely(c->owner.waits != SANI_WAIT_NONE))
		sani_conn_leave_waiting(core, c);
}

/* hop.c */

/** The SYN of a connect could not leave, as its first hop is not known. More than once does no harm. */
void
sani_hop_wait(struct sani_core *core, struct sani_tcp_conn *c);

/** A first hop that was waited for is known. Lists connections for output, so it is not for inside that. */
void
sani_hop_found(struct sani_core *core, const union sani_ip *hop);

/**
 * In which list c is, or comes, that waits for its hop; NULL: there is no way to it. Of one that waits it is always the
 * same and never NULL, for addresses and routes of a host never change.
 */
struct sani_waiting *
sani_hop_list(struct sani_core_priv *p, const struct sani_tcp_conn *c);

/** None waits, at first. */
void
sani_hop_init(struct sani_core_priv *p);

/* ration.c */

/** Memory for the buffers that are spared. @retval 0 -ENOMEM */
int
sani_ration_init(struct sani_core *core);

void
sani_ration_fini(struct sani_core *core);

/** When those are given back if nothing happens; SANI_NEVER: there are none. */
uint64_t
sani_ration_deadline(const struct sani_core *core);

/** See whether the pool runs low, and how much of it may be had: before what is done hangs on it. */
void
sani_core_look_at_pool(struct sani_core *core);

/** The same when nothing came or went for a while. */
void
sani_core_look_when_idle(struct sani_core *core);

/** In a round, with SANI_RARE_POOL: those that wait for a buffer, those that hold them. @return How much was done. */
unsigned int
sani_ration_serve(struct sani_core *core);

/** struct sani_tcp_budget.reads; ctx is the core. */
uint32_t
sani_ration_reads(void *ctx, const struct sani_tcp_conn *c);

/** One less waits for a buffer. */
void
sani_ration_uncount(struct sani_core *core);

#endif
