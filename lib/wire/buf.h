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

/** One buffer, raw; NULL: none is left. */
static inline struct rte_mbuf *
sani_buf_take(struct rte_mempool *pool, struct rte_mempool_cache *cache)
{
	if (sani_likely(cache != NULL && cache->len > 0))
		return cache->objs[--cache->len];
	return rte_mbuf_raw_alloc(pool);
}

/**
 * Give one back, whose next is NULL; it may be of another pool, or have other users. The second line of one that is
 * plain and has none is left alone.
 */
static inline void
sani_buf_give(struct rte_mbuf *m, const struct rte_mempool *pool, struct rte_mempool_cache *cache)
{
	bool plain = rte_mbuf_refcnt_read(m) == 1 && m->nb_segs == 1 && RTE_MBUF_DIRECT(m);

	if (sani_unlikely(!plain))
		rte_pktmbuf_free_seg(m);
	else if (sani_likely(m->pool == pool && cache != NULL && cache->len < cache->flushthresh))
		cache->objs[cache->len++] = m;
	else
		rte_mbuf_raw_free(m);
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
