/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Buffers that send queues gave back last, and the next that they take.
 *
 * Model:  of many connections each has a buffer in memory for long, until its bytes are acknowledged. Those stay apart
 *         from the few that packets come and go in, which are near; and what has been looked at to be given back is
 *         near when it is taken again. One for all connections of a thread; whose it is empties it.
 */
#ifndef SANI_TCP_SPARE_H
#define SANI_TCP_SPARE_H

#include <rte_mbuf.h>

#include "base/base.h"
#include "wire/buf.h"

struct sani_tcp_spare {
	uint32_t nb;
	uint32_t most;		/**< That are kept. */
	struct rte_mbuf **m;
};

#define SANI_TCP_SPARE_AHEAD 3u

/** Ask for one that was not looked at since it was written to: its header, and where it will be written to. */
static inline void
sani_tcp_spare_fetch(const struct rte_mbuf *m)
{
	sani_fetch_to_write(m);
	sani_fetch_to_write(m + 1);
}

/** A buffer, which is set up like any of the pool; NULL: there is none. One of the next is asked for. */
static inline struct rte_mbuf *
sani_tcp_spare_take(struct sani_tcp_spare *spare, struct rte_mempool *pool)
{
	if (sani_unlikely(spare == NULL || spare->nb == 0))
		return sani_buf_take_else(pool);
	spare->nb--;
	if (spare->nb >= SANI_TCP_SPARE_AHEAD)
		sani_tcp_spare_fetch(spare->m[spare->nb - SANI_TCP_SPARE_AHEAD]);
	return spare->m[spare->nb];
}

/**
 * Give a buffer of a queue back; spare may be NULL. It is of the pool that buffers are taken from, nobody else refers
 * to it, and it is the only one of its chain: as the pool wants it, so that it need not be looked at.
 */
static inline void
sani_tcp_spare_give(struct sani_tcp_spare *spare, struct rte_mbuf *m, struct rte_mempool *pool)
{
	if (sani_likely(spare != NULL && spare->nb < spare->most))
		spare->m[spare->nb++] = m;
	else
		rte_mempool_put(pool, m);
}

/** Give all of them to the pool. */
static inline void
sani_tcp_spare_empty(struct sani_tcp_spare *spare, struct rte_mempool *pool)
{
	if (spare->nb > 0)
		rte_mempool_put_bulk(pool, (void *const *)spare->m, spare->nb);
	spare->nb = 0;
}

#endif
