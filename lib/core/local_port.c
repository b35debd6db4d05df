/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sodium.h>

#include "core/priv.h"

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

/* Random for whoever has not the host's key, without a system call: the hash of a count. */
static uint32_t
draw_start(struct sani_core *core)
{
	struct {
		uint64_t count;
		uint64_t core;
	} in = { .count = core->priv->nb_draws++, .core = core->index };
	uint64_t h;

	crypto_shorthash((unsigned char *)&h, (const unsigned char *)&in, sizeof(in), core->host->key);
	return (uint32_t)(h % SANI_EPHEMERAL_NB);
}

int
sani_port_choose(struct sani_core *core, struct sani_tuple *t, uint64_t *hash)
{
	struct sani_host *host = core->host;
	uint32_t start = draw_start(core);

	for (uint32_t i = 0; i < SANI_EPHEMERAL_NB; i++) {
		uint32_t port = SANI_EPHEMERAL_FIRST + (start + i) % SANI_EPHEMERAL_NB;

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
