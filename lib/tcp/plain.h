/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Plain writes: what sani_tcp_write() does of nearly every one, in line for who makes most of them.
 */
#ifndef SANI_TCP_PLAIN_H
#define SANI_TCP_PLAIN_H

#include "tcp/conn.h"
#include "tcp/spare.h"

#define SANI_TCP_SNDQ_SURE 1024u	/**< Any buffer holds so much. */
#define SANI_TCP_HAS_FIN (UINT32_C(1) << 5)	/**< Of flags: nothing more is written. */

/** The send queue is empty. False: there is no buffer, or it does not hold all of it. */
static inline bool
sani_tcp_sndq_begin(struct sani_tcp_conn *c, const uint8_t *data, uint32_t len, struct rte_mempool *pool,
		    struct sani_tcp_spare *spare)
{
	struct rte_mbuf *m;

	if (len > SANI_TCP_SNDQ_SURE && len > rte_pktmbuf_data_room_size(pool))
		return false;
	m = sani_tcp_spare_take(spare, pool);
	if (m == NULL)
		return false;
	m->data_off = 0;
	m->data_len = (uint16_t)len;
	m->ol_flags &= RTE_MBUF_F_EXTERNAL;
	memcpy(m->buf_addr, data, len);
	c->sndq.head = c->sndq.tail = m;
	c->written += len;
	return true;
}

/** It is not. False: the last buffer has no room for all of it, or it is nothing. */
static inline bool
sani_tcp_sndq_extend(struct sani_tcp_conn *c, const uint8_t *data, uint32_t len)
{
	struct rte_mbuf *m = c->sndq.tail;

	if (len == 0 || len > rte_pktmbuf_tailroom(m))
		return false;
	memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len), data, len);
	m->data_len = (uint16_t)(m->data_len + len);
	c->written += len;
	return true;
}

/**
 * sani_tcp_write() of bytes that fit into one buffer, a first one or the last, on an established connection; the
 * pool is not scarce. @return True: all of them are taken, EV_OUTPUT. False: nothing has changed.
 */
static inline bool
sani_tcp_write_plain(struct sani_tcp_conn *c, const void *data, uint32_t len, struct rte_mempool *pool,
		     struct sani_tcp_spare *spare)
{
	if (c->state != SAN_TCP_ESTABLISHED || c->written - c->acked + len > c->sndq.limit ||
	    (c->flags & SANI_TCP_HAS_FIN))
		return false;
	return c->sndq.head == NULL ? sani_tcp_sndq_begin(c, data, len, pool, spare) :
				      sani_tcp_sndq_extend(c, data, len);
}

#endif
