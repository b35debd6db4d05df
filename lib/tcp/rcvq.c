/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/priv.h"

/*
 * Unread bytes in order, a list of mbufs. Short segments are copied into the room of the last mbuf (ooo.c), so
 * that mbufs hold SANI_TCP_MBUF_BYTES_LEAST on average; where that is not possible (mbufs that others refer to)
 * their number is bounded instead.
 */
struct rte_mbuf *
sani_tcp_rcvq_cut(struct rte_mbuf *m, uint32_t off, uint32_t len)
{
	struct rte_mbuf *first = NULL;
	struct rte_mbuf **link = &first;

	while (m != NULL) {
		struct rte_mbuf *next = m->next;
		uint32_t skip = sani_tcp_min(off, m->data_len);
		uint32_t take = sani_tcp_min(len, m->data_len - skip);

		off -= skip;
		len -= take;
		m->next = NULL;
		if (take == 0) {
			rte_pktmbuf_free_seg(m);
		} else {
			m->data_off = (uint16_t)(m->data_off + skip);
			m->data_len = (uint16_t)take;
			*link = m;
			link = &m->next;
		}
		m = next;
	}
	return first;
}

/* Of a buffer that was made smaller the promise counts (user.c): what it invites comes again until it is taken. */
static SANI_SELDOM bool
has_promised(const struct sani_tcp_conn *c, uint32_t n)
{
	const struct sani_tcp_rcvq held = {
		.nb_mbufs = c->rcvq.nb_mbufs,
		.limit = c->rcvq.bytes + (seq_gt(c->rcv_adv, c->rcv_nxt) ? c->rcv_adv - c->rcv_nxt : 0),
	};

	return sani_tcp_rcvq_has_room(&held, n);
}

static bool
has_mbufs(const struct sani_tcp_conn *c, const struct rte_mbuf *m)
{
	uint32_t n = 0;

	for (; m != NULL; m = m->next)
		n++;
	return sani_likely(sani_tcp_rcvq_has_room(&c->rcvq, n)) || has_promised(c, n);
}

void
sani_tcp_rcvq_append(struct sani_tcp_conn *c, struct rte_mbuf *m, uint32_t len)
{
	struct sani_tcp_rcvq *q = &c->rcvq;

	sani_tcp_list_append(q, &q->head, &q->tail, m);
	q->bytes += len;
	c->rcv_nxt += len;
	c->received += len;
}

enum sani_tcp_rcvq_verdict
sani_tcp_rcvq_add(struct sani_tcp_conn *c, uint32_t seq, uint32_t len, struct rte_mbuf *m,
		  struct sani_tcp_io *io)
{
	struct sani_tcp_rcvq *q = &c->rcvq;

	/*
	 * What fills the hole must not find the room taken by what lies behind it: nobody could read, and
	 * both ends would wait for ever.
	 */
	if (seq == c->rcv_nxt && !has_mbufs(c, m))
		sani_tcp_ooo_give_up(q, io->ctr);
	if (!has_mbufs(c, m)) {
		rte_pktmbuf_free(m);
		return SANI_TCP_RCVQ_FULL;
	}
	if (seq != c->rcv_nxt)
		return sani_tcp_ooo_add(q, seq, len, m, io->pool);
	sani_tcp_rcvq_append(c, m, len);
	while (sani_tcp_ooo_take(q, c->rcv_nxt, &m, &len))
		sani_tcp_rcvq_append(c, m, len);
	return SANI_TCP_RCVQ_IN_ORDER;
}

uint32_t
sani_tcp_rcvq_read(struct sani_tcp_conn *c, uint8_t *buf, uint32_t len)
{
	struct sani_tcp_rcvq *q = &c->rcvq;
	uint32_t done = 0;

	while (done < len && q->head != NULL) {
		struct rte_mbuf *m = q->head;
		uint32_t n = sani_tcp_min(len - done, m->data_len);

		memcpy(buf + done, rte_pktmbuf_mtod(m, const uint8_t *), n);
		done += n;
		m->data_off = (uint16_t)(m->data_off + n);
		m->data_len = (uint16_t)(m->data_len - n);
		if (m->data_len > 0)
			break;
		q->head = m->next;
		rte_pktmbuf_free_seg(m);
		q->nb_mbufs--;
	}
	if (q->head == NULL)
		q->tail = NULL;
	q->bytes -= done;
	return done;
}

void
sani_tcp_rcvq_free(struct sani_tcp_conn *c)
{
	struct sani_tcp_rcvq *q = &c->rcvq;

	sani_tcp_ooo_free(q);
	rte_pktmbuf_free(q->head);
	q->head = q->tail = NULL;
	q->bytes = 0;
	q->nb_mbufs = 0;
}
