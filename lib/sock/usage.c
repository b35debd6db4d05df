/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_mempool.h>

#include "sock/priv.h"

void
sani_sock_usage(const struct san_host *host, struct san_usage *usage)
{
	const struct rte_mempool *pool = host->host->pool;
	unsigned int i;

	*usage = (struct san_usage){
		.mbufs_total = pool->size,
		.mbufs_used = pool->size - rte_mempool_avail_count(pool),
	};
	for (i = 0; i < host->nb_cores; i++) {
		const struct san_core *k = host->cores[i];

		usage->sockets += atomic_load_explicit(&k->nb_open, memory_order_relaxed);
		usage->dead += atomic_load_explicit(&k->nb_dead, memory_order_relaxed);
		usage->connections += sani_core_nb_conns(k->core);
		usage->timewait += sani_core_nb_tw(k->core);
		usage->loans += (uint32_t)sani_loan_count(&k->loans);
	}
}
