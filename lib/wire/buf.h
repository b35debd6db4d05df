/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Buffers: one taken from a pool, or given back, by the calling thread's cache of that pool.
 *
 * What rte_mbuf_raw_alloc() and rte_pktmbuf_free_seg() do, where the caller has the cache at hand: they ask for the
 * thread's id in another library, and are made for many buffers at a time. Without a cache (NULL) they are called.
 */
#ifndef SANI_WIRE_BUF_H
#define SANI_WIRE_BUF_H

#include <rte_mbuf.h>

#include "base/base.h"

/** By the pool, where the cache does not serve. */
SANI_SELDOM struct rte_mbuf *
sani_buf_take_else(struct rte_mempool *pool);

SANI_SELDOM void
sani_buf_give_else(struct rte_mbuf *m);

/** One buffer, raw; NULL: none is left. */
static inline struct rte_mbuf *
sani_buf_take(struct rte_mempool *pool, struct rte_mempool_cache *cache)
{
	if (sani_likely(cache != NULL && cache->len > 0))
		return cache->objs[--cache->len];
	return sani_buf_take_else(pool);
}

/** Is it as the pool wants it, but for its next: one plain buffer that nobody else uses? */
static inline bool
sani_buf_is_plain(const struct rte_mbuf *m)
{
	return rte_mbuf_refcnt_read(m) == 1 && m->nb_segs == 1 && RTE_MBUF_DIRECT(m);
}

/**
 * Give one back, whose next is NULL; it may be of another pool, or have other users. The second line of one that is
 * plain and has none is left alone.
 */
static inline void
sani_buf_give(struct rte_mbuf *m, const struct rte_mempool *pool, struct rte_mempool_cache *cache)
{
	if (sani_likely(sani_buf_is_plain(m) && m->pool == pool && cache != NULL && cache->len < cache->flushthresh))
		cache->objs[cache->len++] = m;
	else
		sani_buf_give_else(m);
}

/** Free a packet, NULL too: most are one plain buffer. */
static inline void
sani_buf_free(struct rte_mbuf *m, const struct rte_mempool *pool, struct rte_mempool_cache *cache)
{
	if (m != NULL && sani_likely(m->nb_segs == 1))
		sani_buf_give(m, pool, cache);
	else
		rte_pktmbuf_free(m);
}

#endif
