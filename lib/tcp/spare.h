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

#define SANI_TCP_SPARE 64u

struct sani_tcp_spare {
	uint32_t nb;
	struct rte_mbuf *m[SANI_TCP_SPARE];
};

/** A buffer, which is set up like any of the pool; NULL: there is none. */
static inline struct rte_mbuf *
sani_tcp_spare_take(struct sani_tcp_spare *spare, struct rte_mempool *pool)
{
	return sani_likely(spare != NULL && spare->nb > 0) ? spare->m[--spare->nb] : rte_mbuf_raw_alloc(pool);
}

/**
 * Give a buffer of a queue back; spare may be NULL. Its next is NULL, so the second line of a plain one, which nobody
 * else refers to, is left alone.
 */
static inline void
sani_tcp_spare_give(struct sani_tcp_spare *spare, struct rte_mbuf *m)
{
	bool plain = rte_mbuf_refcnt_read(m) == 1 && m->nb_segs == 1 && RTE_MBUF_DIRECT(m);

	if (sani_likely(plain && spare != NULL && spare->nb < SANI_TCP_SPARE))
		spare->m[spare->nb++] = m;
	else if (plain)
		rte_mbuf_raw_free(m);
	else
		rte_pktmbuf_free_seg(m);
}

#endif
