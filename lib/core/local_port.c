/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sodium.h>

#include "core/priv.h"
#include "tcp/hash.h"

_Static_assert((SANI_EPHEMERAL_NB & (SANI_EPHEMERAL_NB - 1)) == 0, "an odd step comes to each of so many ports");

static bool
is_bound(struct sani_host *host, uint32_t port)
{
	uint64_t word = atomic_load_explicit(&host->bound[port / 64], memory_order_relaxed);

	return (word >> (port % 64) & 1) != 0;
}

int
sani_host_port_take(struct sani_host *host, uint16_t port)
{
	uint64_t bit = UINT64_C(1) << (port % 64);

	return (atomic_fetch_or(&host->bound[port / 64], bit) & bit) != 0 ? -EADDRINUSE : 0;
}

int
sani_host_port_take_any(struct sani_host *host)
{
	uint32_t start = randombytes_uniform(SANI_EPHEMERAL_NB);

	for (uint32_t i = 0; i < SANI_EPHEMERAL_NB; i++) {
		uint32_t port = SANI_EPHEMERAL_FIRST + (start + i) % SANI_EPHEMERAL_NB;

		if (sani_host_port_take(host, (uint16_t)port) == 0)
			return (int)port;
	}
	return -EADDRNOTAVAIL;
}

void
sani_host_port_put(struct sani_host *host, uint16_t port)
{
	atomic_fetch_and(&host->bound[port / 64], ~(UINT64_C(1) << (port % 64)));
}

/*
 * RFC 6056 3.3.4 (algorithm 4): to each remote end the ports have an order of their own, and each comes again only
 * after all others, while no other end has the same turn. By chance alone one would come again, now and then, a moment
 * after its connection was reset, when numbers and timestamps of the two lie too near. Where the RFC goes on to the
 * next port the way is here to one an odd step off, which is as secret as the first one: who knows a port does not
 * know its neighbours in the order.
 */
int
sani_port_choose(struct sani_core *core, struct sani_tuple *t, uint64_t *hash)
{
	struct sani_host *host = core->host;
	const uint64_t order = sani_tcp_port_hash(host->key, t);
	const uint32_t first = (uint32_t)order;
	const uint32_t step = (uint32_t)(order >> 16) | 1;
	uint16_t *turn = &core->priv->port_turns[(order >> 32) % SANI_PORT_TURNS];

	for (uint32_t i = 0; i < SANI_EPHEMERAL_NB; i++) {
		uint32_t port = SANI_EPHEMERAL_FIRST + (first + step * (*turn)++) % SANI_EPHEMERAL_NB;

		if (is_bound(host, port))
			continue;
		t->local_port = (uint16_t)port;
		*hash = sani_flow_hash(&host->flow_key, t);
		if (sani_flow_core(*hash, host->nb_cores) != core->index)
			continue;
		if (sani_conn_find(core, t, (uint32_t)*hash) == SANI_FLOW_NOTHING)
			return 0;
	}
	return -EADDRNOTAVAIL;
}
