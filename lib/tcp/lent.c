/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/lent.h"
#include "tcp/priv.h"

#define POOL_RETRY_US 1000u
#define REFER_LEAST 256u	/* a shorter piece is copied: cheaper than an mbuf of its own */
#define PIECE_MAX 65535u	/* lengths of an mbuf have 16 bits, */
#define REFS_MAX 60000u		/* and so has the count of references */

static bool
is_lent(const struct rte_mbuf *m)
{
	return RTE_MBUF_HAS_EXTBUF(m);
}

/* An mbuf that refers to memory; NULL: the pool is empty. */
static struct rte_mbuf *
refer(const struct sani_tcp_lent *l, struct rte_mempool *pool)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	if (m == NULL)
		return NULL;
	rte_mbuf_ext_refcnt_update(l->info, 1);
	/* Addresses are virtual: sock/mem.h lets no other memory be referred to. */
	rte_pktmbuf_attach_extbuf(m, (void *)(uintptr_t)l->data, l->copy ? RTE_BAD_IOVA : (uintptr_t)l->data,
				  (uint16_t)l->len, l->info);
	m->data_off = 0;
	m->data_len = (uint16_t)l->len;
	m->pkt_len = l->len;
	return m;
}

/* How much of l the last mbuf of the queue takes, which ends where it begins. */
static uint32_t
extend(struct sani_tcp_sndq *q, const struct sani_tcp_lent *l)
{
	struct rte_mbuf *m = q->tail;
	uint32_t n;

	if (m == NULL || !is_lent(m) || m->shinfo != l->info || (m->buf_iova == RTE_BAD_IOVA) != l->copy ||
	    (uint8_t *)m->buf_addr + m->buf_len != l->data)
		return 0;
	n = sani_tcp_min(l->len, PIECE_MAX - m->buf_len);
	m->buf_len = (uint16_t)(m->buf_len + n);
	m->data_len = (uint16_t)(m->data_len + n);
	return n;
}

static uint32_t
append(struct sani_tcp_conn *c, const struct sani_tcp_lent *l, struct rte_mempool *pool)
{
	struct sani_tcp_sndq *q = &c->sndq;
	uint32_t done = extend(q, l);

	while (done < l->len) {
		struct sani_tcp_lent piece = *l;
		struct rte_mbuf *m;

		piece.data += done;
		piece.len = sani_tcp_min(l->len - done, PIECE_MAX);
		m = refer(&piece, pool);
		if (m == NULL)
			break;
		if (q->tail != NULL)
			q->tail->next = m;
		else
			q->head = m;
		q->tail = m;
		done += piece.len;
	}
	c->written += done;
	return done;
}

uint32_t
sani_tcp_lend(struct sani_tcp_conn *c, const struct sani_tcp_lent *l, struct sani_tcp_io *io, uint32_t *taken)
{
	uint32_t held = (uint32_t)(c->written - c->acked);
	struct sani_tcp_lent now = *l;
	uint32_t want;

	*taken = 0;
	if (!sani_tcp_can_write(c) || held >= c->sndq.limit)
		return 0;
	want = now.len = sani_tcp_min(l->len, c->sndq.limit - held);
	/* It takes a buffer only for each 64 KiB; with the pool running low not even that, but for the first. */
	if (sani_unlikely(io->scarce))
		now.len = sani_tcp_ration(io, held, sani_tcp_min(want, PIECE_MAX));
	if (now.len > 0)
		*taken = append(c, &now, io->pool);
	c->extras &= (uint8_t)~SANI_TCP_X_REFER;
	c->extras |= (uint8_t)(SANI_TCP_X_LENT | (l->refer ? SANI_TCP_X_REFER : 0));
	if (*taken < want)
		sani_tcp_wait_for_pool(c, io);
	return sani_tcp_wants_output(c) ? SANI_TCP_EV_OUTPUT : 0;
}

/* Copy as much of m, which is *link, as a buffer holds, before it. @return Where to go on; NULL: no buffer. */
static struct rte_mbuf **
own_one(struct sani_tcp_sndq *q, struct rte_mbuf **link, struct rte_mempool *pool)
{
	struct rte_mbuf *m = *link;
	struct rte_mbuf *copy = rte_pktmbuf_alloc(pool);
	uint32_t n;

	if (copy == NULL)
		return NULL;
	copy->data_off = 0;
	n = sani_tcp_min(m->data_len, rte_pktmbuf_tailroom(copy));
	memcpy(rte_pktmbuf_mtod(copy, void *), rte_pktmbuf_mtod(m, const void *), n);
	copy->data_len = (uint16_t)n;
	m->data_off = (uint16_t)(m->data_off + n);
	m->data_len = (uint16_t)(m->data_len - n);
	*link = copy;
	copy->next = m;
	if (m->data_len == 0) {
		copy->next = m->next;
		if (q->tail == m)
			q->tail = copy;
		rte_pktmbuf_free_seg(m);
	}
	return &copy->next;
}

bool
sani_tcp_own(struct sani_tcp_conn *c, const struct rte_mbuf_ext_shared_info *info, struct sani_tcp_io *io)
{
	struct sani_tcp_sndq *q = &c->sndq;
	struct rte_mbuf **link = &q->head;

	q->cur = NULL;
	while (link != NULL && *link != NULL)
		if (is_lent(*link) && (*link)->shinfo == info)
			link = own_one(q, link, io->pool);
		else
			link = &(*link)->next;
	if (link != NULL)
		return true;
	c->flags |= SANI_TCP_F_NO_ROOM;
	sani_tcp_arm(c, SANI_TCP_T_RETRY, io->now_us + POOL_RETRY_US);
	return false;
}

void
sani_tcp_lent_over(struct sani_tcp_conn *c)
{
	c->extras &= (uint8_t)~(SANI_TCP_X_LENT | SANI_TCP_X_REFER);
}

/* The mbuf of the queue with byte seq, and where it begins; as sani_tcp_sndq_copy() looks for it. */
static struct rte_mbuf *
find(const struct sani_tcp_conn *c, uint32_t seq, uint32_t *at)
{
	const struct sani_tcp_sndq *q = &c->sndq;
	bool follow = q->cur != NULL && seq_geq(seq, q->cur_seq);
	struct rte_mbuf *m = follow ? q->cur : q->head;

	*at = follow ? q->cur_seq : c->iss + 1 + (uint32_t)c->acked;
	while (seq - *at >= m->data_len) {
		*at += m->data_len;
		m = m->next;
	}
	return m;
}

static void
note_place(struct sani_tcp_sndq *q, struct rte_mbuf *m, uint32_t at)
{
	if (m == NULL || m == q->head)
		return;
	q->cur = m;
	q->cur_seq = at;
}

/* May a segment refer to m? */
static bool
may_refer(const struct rte_mbuf *m, const struct rte_mbuf *segment)
{
	return is_lent(m) && m->buf_iova != RTE_BAD_IOVA && segment->nb_segs < SANI_TCP_LENT_SEGS &&
	       rte_mbuf_ext_refcnt_read(m->shinfo) < REFS_MAX;
}

/* Bytes [off, off + n) of m go behind last. @return The last mbuf of the segment then; NULL: it cannot be. */
static struct rte_mbuf *
put_piece(struct rte_mbuf *segment, struct rte_mbuf *last, const struct rte_mbuf *m, uint32_t off, uint32_t n)
{
	const uint8_t *data = rte_pktmbuf_mtod_offset(m, const uint8_t *, off);
	struct sani_tcp_lent l = { .data = data, .len = n };
	/* behind memory of the program's nothing may be written: it has no room */
	bool fits = n <= rte_pktmbuf_tailroom(last);

	if (may_refer(m, segment) && (n >= REFER_LEAST || !fits)) {
		l.info = m->shinfo;
		last->next = refer(&l, segment->pool);
		if (last->next == NULL)
			return NULL;
		segment->nb_segs++;
		last = last->next;
	} else {
		if (!fits)
			return NULL;
		memcpy(rte_pktmbuf_mtod_offset(last, uint8_t *, last->data_len), data, n);
		last->data_len = (uint16_t)(last->data_len + n);
	}
	segment->pkt_len += n;
	return last;
}

/* The text begins in m, which begins at `at`. False, and nothing has changed: it has to be copied. */
static bool
put_chain(struct sani_tcp_conn *c, struct rte_mbuf *m, uint32_t at, uint32_t seq, uint32_t len,
	  struct rte_mbuf *segment)
{
	struct rte_mbuf *last = segment;
	uint16_t header = segment->data_len;

	for (;;) {
		uint32_t off = seq - at;
		uint32_t n = sani_tcp_min(len, m->data_len - off);

		last = put_piece(segment, last, m, off, n);
		if (last == NULL)
			break;
		seq += n;
		len -= n;
		if (len == 0)
			break;
		at += m->data_len;
		m = m->next;
	}
	if (last != NULL) {
		note_place(&c->sndq, m, at);
		return true;
	}
	rte_pktmbuf_free(segment->next);
	segment->next = NULL;
	segment->nb_segs = 1;
	segment->data_len = header;
	segment->pkt_len = header;
	return false;
}

void
sani_tcp_lent_put(struct sani_tcp_conn *c, struct sani_tcp_io *io, uint32_t seq, uint32_t len, struct rte_mbuf *m)
{
	uint32_t at;
	struct rte_mbuf *first = find(c, seq, &at);
	bool lent = is_lent(first);
	bool done = (c->extras & SANI_TCP_X_REFER) && put_chain(c, first, at, seq, len, m);

	sani_count_n(io->ctr, SANI_CTR_lend_tx, m->nb_segs > 1);
	sani_count_n(io->ctr, SANI_CTR_lend_tx_copied, lent && m->nb_segs == 1);
	if (done)
		return;
	sani_tcp_sndq_copy(c, seq, len, rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len));
	m->data_len = (uint16_t)(m->data_len + len);
	m->pkt_len += len;
}

uint32_t
sani_tcp_take(struct sani_tcp_conn *c, struct rte_mbuf **m, uint32_t max, uint32_t *bytes, uint32_t *ev)
{
	struct sani_tcp_rcvq *q = &c->rcvq;
	uint32_t n = 0;

	*bytes = 0;
	while (n < max && q->head != NULL) {
		m[n] = q->head;
		q->head = m[n]->next;
		m[n]->next = NULL;
		m[n]->nb_segs = 1;
		m[n]->pkt_len = m[n]->data_len;
		*bytes += m[n]->data_len;
		n++;
	}
	if (q->head == NULL)
		q->tail = NULL;
	q->nb_mbufs -= n;
	q->bytes -= *bytes;
	*ev = sani_tcp_has_read(c, *bytes);
	return n;
}
