/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/priv.h"

/*
 *   head            cur              tail
 *   [..bbbbbb]-->[bbbbbbbb]-->...-->[bbbb....]
 *      ^            ^                    ^
 *   first byte   cur_seq            room for the next write
 *   not acked
 *
 * The mbufs are storage only: they never reach a port, so their whole buffer is used, and nothing is set up in them but
 * what this file reads and freeing asks for (next, nb_segs and refcnt are right in any mbuf of a pool).
 */

#define HELD_BYTES 2048u	/* what a buffer of the usual size holds; one of lent memory, more */

static struct rte_mbuf *
add_mbuf(struct sani_tcp_conn *c, struct rte_mempool *pool)
{
	struct sani_tcp_sndq *q = &c->sndq;
	struct rte_mbuf *m = rte_mbuf_raw_alloc(pool);

	if (m == NULL)
		return NULL;
	m->data_off = 0;
	m->data_len = 0;
	m->ol_flags &= RTE_MBUF_F_EXTERNAL;
	if (q->tail != NULL)
		q->tail->next = m;
	else
		q->head = m;
	q->tail = m;
	return m;
}

uint32_t
sani_tcp_sndq_append(struct sani_tcp_conn *c, const uint8_t *data, uint32_t len,
		     struct rte_mempool *pool)
{
	uint32_t done = 0;

	while (done < len) {
		struct rte_mbuf *m = c->sndq.tail;
		uint32_t n;

		if (m == NULL || rte_pktmbuf_tailroom(m) == 0)
			m = add_mbuf(c, pool);
		if (m == NULL)
			break;
		n = sani_tcp_min(len - done, rte_pktmbuf_tailroom(m));
		memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len), data + done, n);
		m->data_len = (uint16_t)(m->data_len + n);
		done += n;
	}
	c->written += done;
	return done;
}

/*
 * Copies mostly follow one another, so each begins where the last one ended (cur). One that begins in
 * the first mbuf (a fast retransmission amid new data) leaves the place alone.
 */
void
sani_tcp_sndq_copy(struct sani_tcp_conn *c, uint32_t seq, uint32_t len, uint8_t *dst)
{
	struct sani_tcp_sndq *q = &c->sndq;
	bool in_head = seq - sani_tcp_sndq_first_seq(c) < q->head->data_len;
	bool follow = !in_head && q->cur != NULL && seq_geq(seq, q->cur_seq);
	struct rte_mbuf *m = follow ? q->cur : q->head;
	uint32_t at = follow ? q->cur_seq : sani_tcp_sndq_first_seq(c);

	while (len > 0) {
		uint32_t off = seq - at;

		if (off < m->data_len) {
			uint32_t n = sani_tcp_min(len, m->data_len - off);

			memcpy(dst, rte_pktmbuf_mtod_offset(m, const uint8_t *, off), n);
			dst += n;
			seq += n;
			len -= n;
		}
		if (len > 0) {
			at += m->data_len;
			m = m->next;
		}
	}
	if (!in_head) {
		q->cur = m;
		q->cur_seq = at;
	}
}

/* The only one that is left, lent or not. Of one of ours the second line is left alone: its next is NULL. */
static void
free_last(struct rte_mbuf *m)
{
	if (rte_mbuf_refcnt_read(m) == 1 && m->nb_segs == 1 && RTE_MBUF_DIRECT(m))
		rte_mbuf_raw_free(m);
	else
		rte_pktmbuf_free_seg(m);
}

void
sani_tcp_sndq_release(struct sani_tcp_conn *c, uint32_t n)
{
	struct sani_tcp_sndq *q = &c->sndq;

	c->acked += n;
	while (n > 0) {
		struct rte_mbuf *m = q->head;

		if (n < m->data_len) {
			m->data_off = (uint16_t)(m->data_off + n);
			m->data_len = (uint16_t)(m->data_len - n);
			break;
		}
		n -= m->data_len;
		if (q->cur == m)
			q->cur = NULL;
		if (m == q->tail) {
			q->head = NULL;
			free_last(m);
		} else {
			q->head = m->next;
			rte_pktmbuf_free_seg(m);
		}
	}
	if (q->head == NULL)
		q->tail = NULL;
	if (q->cur == q->head)
		q->cur = NULL;	/* its first byte is another now */
}

/*
 * The buffer itself says since when, and up to which byte: the fields are otherwise those of a received packet, and so
 * is the flag by which they are known to be filled, which a buffer that comes into the queue does not have.
 */
uint32_t
sani_tcp_held(struct sani_tcp_conn *c, uint64_t now_us)
{
	struct rte_mbuf *m = c->sndq.head;
	uint32_t acked = (uint32_t)c->acked;
	uint32_t now = (uint32_t)(now_us >> 10);

	if (m == NULL || c->state < SAN_TCP_ESTABLISHED)
		return 0;
	if (!(m->ol_flags & RTE_MBUF_F_RX_FDIR_ID) || seq_geq(acked, m->hash.fdir.hi)) {
		m->ol_flags |= RTE_MBUF_F_RX_FDIR_ID;
		m->hash.fdir.lo = now;
		m->hash.fdir.hi = acked + sani_tcp_min(m->data_len, HELD_BYTES);
	}
	return now - m->hash.fdir.lo;
}

void
sani_tcp_sndq_free(struct sani_tcp_conn *c)
{
	rte_pktmbuf_free(c->sndq.head);
	c->sndq.head = c->sndq.tail = c->sndq.cur = NULL;
}
