/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Mesh: what the cores of a host tell each other, a ring of messages and a ring of frames for each pair.
 *
 * Threads: each ring has one core that writes and one that reads.
 */
#ifndef SANI_CORE_MESH_H
#define SANI_CORE_MESH_H

#include "core/state.h"

int
sani_mesh_open(struct sani_host *host);

/** Free the packets under way, */
void
sani_mesh_stop(struct sani_host *host);

/** then the rings. */
void
sani_mesh_end(struct sani_host *host);

/** Messages of all cores, at most SANI_MESH_MESSAGES. @return How many. */
unsigned int
sani_mesh_take(struct sani_core *core);

static inline bool
sani_mesh_is_empty(const struct sani_core *core)
{
	for (unsigned int from = 0; from < core->host->nb_cores; from++) {
		const struct sani_spsc *ring = core->host->msg[from][core->index];

		if (sani_spsc_head(ring) != sani_spsc_tail(ring))
			return false;
	}
	return true;
}

/** Likewise, when there are any. */
static inline unsigned int
sani_mesh_input(struct sani_core *core)
{
	return sani_likely(sani_mesh_is_empty(core)) ? 0 : sani_mesh_take(core);
}

/** Pass on what the ip engine has learnt or wants to know. */
void
sani_mesh_news(struct sani_core *core);

/** Hand a frame over to another core; dropped and counted when the ring is full. */
void
sani_mesh_hand(struct sani_core *core, unsigned int to, struct rte_mbuf *m);

#endif
