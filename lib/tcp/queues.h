/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Queues: what is written and not acknowledged, and what is received and not read, out of order too.
 * Offered inside the engine.
 */
#ifndef SANI_TCP_QUEUES_H
#define SANI_TCP_QUEUES_H

#include "tcp/conn.h"
#include "tcp/plain.h"
#include "tcp/spare.h"
#include "wire/buf.h"

/* rcvq.c */

/** Take text [seq, seq + len) that lies in the window; m is exactly that. rcv_nxt moves on. Counts what is given up. */
enum sani_tcp_rcvq_verdict {
	SANI_TCP_RCVQ_IN_ORDER,
	SANI_TCP_RCVQ_OOO,
	SANI_TCP_RCVQ_DUP,	/**< Freed: all of it was there. */
	SANI_TCP_RCVQ_FULL,	/**< Freed: no room for it. */
	SANI_TCP_RCVQ_RESERVE,	/**< Freed: of the pool only the reserve is left. */
};
enum sani_tcp_rcvq_verdict
sani_tcp_rcvq_add(struct sani_tcp_conn *c, uint32_t seq, uint32_t len, struct rte_mbuf *m,
		  struct sani_tcp_io *io);
/** In order: rcv_nxt moves on. */
void
sani_tcp_rcvq_append(struct sani_tcp_conn *c, struct rte_mbuf *m, uint32_t len);

/** The same with one mbuf, whose next is NULL, where all that came before it was read. */
static inline void
sani_tcp_rcvq_begin(struct sani_tcp_conn *c, struct rte_mbuf *m, uint32_t len)
{
	struct sani_tcp_rcvq *q = &c->rcvq;

	q->head = q->tail = m;
	q->nb_mbufs++;
	q->bytes += len;
	c->rcv_nxt += len;
	c->received += len;
}

#define SANI_TCP_MBUF_BYTES_LEAST 512u	/**< What an mbuf must hold on average, but for */
#define SANI_TCP_MBUFS_FREE 80u		/**< so many: one for each range out of order, and some. */

/** May n mbufs more be held? */
static inline bool
sani_tcp_rcvq_has_room(const struct sani_tcp_rcvq *q, uint32_t n)
{
	return q->nb_mbufs + n <= q->limit / SANI_TCP_MBUF_BYTES_LEAST + SANI_TCP_MBUFS_FREE;
}
/** Keep octets [off, off + len) of a chain; NULL when nothing is left. */
struct rte_mbuf *
sani_tcp_rcvq_cut(struct rte_mbuf *m, uint32_t off, uint32_t len);
uint32_t
sani_tcp_rcvq_read(struct sani_tcp_conn *c, uint8_t *buf, uint32_t len);

/** The same where there is one mbuf, and room for all of it. */
static inline uint32_t
sani_tcp_rcvq_read_all(struct sani_tcp_conn *c, uint8_t *buf, const struct rte_mempool *pool,
		       struct rte_mempool_cache *cache)
{
	struct sani_tcp_rcvq *q = &c->rcvq;
	struct rte_mbuf *m = q->head;
	uint32_t n = m->data_len;

	memcpy(buf, rte_pktmbuf_mtod(m, const uint8_t *), n);
	q->head = q->tail = NULL;
	q->nb_mbufs--;
	q->bytes -= n;
	sani_buf_give(m, pool, cache);
	return n;
}
void
sani_tcp_rcvq_free(struct sani_tcp_conn *c);

/* ooo.c: the ranges behind a hole. */

/** As sani_tcp_rcvq_add(), for seq beyond rcv_nxt. */
enum sani_tcp_rcvq_verdict
sani_tcp_ooo_add(struct sani_tcp_rcvq *q, uint32_t seq, uint32_t len, struct rte_mbuf *m,
		 struct rte_mempool *pool);
/** Take out the first range if it begins at or before seq, less what lies before seq (maybe all of it). */
bool
sani_tcp_ooo_take(struct sani_tcp_rcvq *q, uint32_t seq, struct rte_mbuf **m, uint32_t *len);
void
sani_tcp_ooo_free(struct sani_tcp_rcvq *q);
/** Free them for lack of room, and count it: the peer sends them again, a SACK is advice (RFC 2018 8). */
void
sani_tcp_ooo_give_up(struct sani_tcp_rcvq *q, struct sani_counters *ctr);
/**
 * The ranges for a SACK option: the one that grew last first, behind those that grew lately any others (RFC 2018 4).
 * @return How many, at most max.
 */
uint8_t
sani_tcp_ooo_blocks(const struct sani_tcp_rcvq *q, struct sani_tcp_block *blocks, uint8_t max);
/** The range that holds seq. @return False: there is none. */
bool
sani_tcp_ooo_find(const struct sani_tcp_rcvq *q, uint32_t seq, struct sani_tcp_block *block);
/** Where the last range ends; none when there is no range. */
uint32_t
sani_tcp_ooo_end(const struct sani_tcp_rcvq *q, uint32_t none);
/** Append a chain to a list, short pieces into the room of the last; counts in q->nb_mbufs. */
void
sani_tcp_list_append(struct sani_tcp_rcvq *q, struct rte_mbuf **head, struct rte_mbuf **tail,
		     struct rte_mbuf *m);

/* sndq.c */

/** Sequence number of the first byte in the queue. */
static inline uint32_t
sani_tcp_sndq_first_seq(const struct sani_tcp_conn *c)
{
	return c->iss + 1 + (uint32_t)c->acked;
}
uint32_t
sani_tcp_sndq_append(struct sani_tcp_conn *c, const uint8_t *data, uint32_t len,
		     struct rte_mempool *pool);

/** Copy [seq, seq + len) out; it is in the queue. */
void
sani_tcp_sndq_copy(struct sani_tcp_conn *c, uint32_t seq, uint32_t len, uint8_t *dst);
/** Drop what is acknowledged; acked moves on. */
void
sani_tcp_sndq_release(struct sani_tcp_conn *c, uint32_t n);
void
sani_tcp_sndq_free(struct sani_tcp_conn *c);

#endif
