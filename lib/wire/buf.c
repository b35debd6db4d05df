/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/buf.h"

SANI_SELDOM struct rte_mbuf *
sani_buf_take_else(struct rte_mempool *pool)
{
	return rte_mbuf_raw_alloc(pool);
}

SANI_SELDOM void
sani_buf_give_else(struct rte_mbuf *m)
{
	if (sani_buf_is_plain(m))
		rte_mbuf_raw_free(m);
	else
		rte_pktmbuf_free_seg(m);
}
