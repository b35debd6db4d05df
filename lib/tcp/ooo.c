/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/priv.h"

/*
 * What arrived behind a hole: ranges, sorted by sequence number, disjoint and not adjacent. The table
 * lies in the data room of an mbuf of its own, taken with the first range and given back with the last,
 * so a connection without loss holds nothing and the work of one segment is bounded by the table.
 */
struct range {
	uint32_t seq;
	uint32_t len;
	struct rte_mbuf *head;
	struct rte_mbuf *tail;
};

#define MAX_RANGES 128u	/* or as many as the buffer holds */

/* The table: before the ranges a byte of each that grew lately, the newest first (RFC 2018 4). */
struct table {
	uint32_t recent[SANI_TCP_SACK_BLOCKS];
	struct range range[];
};

static struct range *
table(const struct sani_tcp_rcvq *q)
{
	return ((struct table *)q->ooo->buf_addr)->range;
}

/*
 * May another's bytes be written behind m's? Those of a segment that is not short keep their buffer: of
 * two buffers in a row the second begins with one of those or with what the first had no room for, so on
 * average they hold enough.
 */
static bool
has_room(const struct rte_mbuf *m, uint16_t len)
{
	return len <= 2 * SANI_TCP_MBUF_BYTES_LEAST && m != NULL && RTE_MBUF_DIRECT(m) &&
	       rte_mbuf_refcnt_read(m) == 1 && rte_pktmbuf_tailroom(m) >= len;
}

void
sani_tcp_list_append(struct sani_tcp_rcvq *q, struct rte_mbuf **head, struct rte_mbuf **tail,
		     struct rte_mbuf *m)
{
	while (m != NULL) {
		struct rte_mbuf *next = m->next;
		struct rte_mbuf *last = *tail;

		m->next = NULL;
		if (has_room(last, m->data_len)) {
			memcpy(rte_pktmbuf_mtod_offset(last, uint8_t *, last->data_len),
			       rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);
			last->data_len = (uint16_t)(last->data_len + m->data_len);
			rte_pktmbuf_free_seg(m);
		} else {
			if (last != NULL)
				last->next = m;
			else
				*head = m;
			*tail = m;
			q->nb_mbufs++;
		}
		m = next;
	}
}

static void
free_list(struct sani_tcp_rcvq *q, struct rte_mbuf *m)
{
	while (m != NULL) {
		struct rte_mbuf *next = m->next;

		rte_pktmbuf_free_seg(m);
		q->nb_mbufs--;
		m = next;
	}
}

static bool
make_table(struct sani_tcp_rcvq *q, struct rte_mempool *pool)
{
	if (q->ooo != NULL)
		return true;
	q->ooo = rte_pktmbuf_alloc(pool);
	if (q->ooo == NULL)
		return false;
	memset(q->ooo->buf_addr, 0, sizeof(struct table));
	q->nb_mbufs++;
	return true;
}

static uint32_t
max_ranges(const struct sani_tcp_rcvq *q)
{
	uint32_t room = q->ooo->buf_len - (uint32_t)sizeof(struct table);

	return sani_tcp_min(MAX_RANGES, room / (uint32_t)sizeof(struct range));
}

static void
drop_table(struct sani_tcp_rcvq *q)
{
	if (q->nb_ranges > 0)
		return;
	rte_pktmbuf_free_seg(q->ooo);
	q->ooo = NULL;
	q->nb_mbufs--;
}

/* Take range i out of the table; its mbufs are the caller's. */
static void
remove_range(struct sani_tcp_rcvq *q, uint32_t i)
{
	struct range *r = table(q);

	memmove(&r[i], &r[i + 1], (q->nb_ranges - i - 1) * sizeof(*r));
	q->nb_ranges--;
}

/* First range that ends behind seq. New data mostly belongs at the end, so look from there. */
static uint32_t
find_range(const struct sani_tcp_rcvq *q, uint32_t seq)
{
	const struct range *r = table(q);
	uint32_t i = q->nb_ranges;

	while (i > 0 && seq_gt(r[i - 1].seq + r[i - 1].len, seq))
		i--;
	return i;
}

/* Range i begins where range i - 1 ends: make them one. */
static void
join(struct sani_tcp_rcvq *q, uint32_t i)
{
	struct range *r = table(q);
	struct range next = r[i];

	r[i - 1].tail->next = next.head;
	r[i - 1].tail = next.tail;
	r[i - 1].len += next.len;
	remove_range(q, i);
}

/* A segment of the range has arrived: it comes first in the next SACK option (RFC 2018 4). */
static void
note_recent(struct sani_tcp_rcvq *q, const struct range *range, uint32_t seq)
{
	uint32_t *recent = ((struct table *)q->ooo->buf_addr)->recent;
	uint32_t i = 0;

	/* where it stands already; else the oldest goes */
	while (i < SANI_TCP_SACK_BLOCKS - 1 && !seq_in(recent[i], range->seq, range->len))
		i++;
	memmove(recent + 1, recent, i * sizeof(recent[0]));
	recent[0] = seq;
}

/* Put [seq, seq + len), which overlaps nothing, before range i. */
static bool
place(struct sani_tcp_rcvq *q, uint32_t i, uint32_t seq, uint32_t len, struct rte_mbuf *m)
{
	struct range *r = table(q);
	bool extends = i > 0 && r[i - 1].seq + r[i - 1].len == seq;

	if (!extends) {
		if (q->nb_ranges == max_ranges(q))
			return false;
		memmove(&r[i + 1], &r[i], (q->nb_ranges - i) * sizeof(*r));
		r[i] = (struct range){ .seq = seq };
		q->nb_ranges++;
		i++;
	}
	sani_tcp_list_append(q, &r[i - 1].head, &r[i - 1].tail, m);
	r[i - 1].len += len;
	if (i < q->nb_ranges && r[i].seq == seq + len)
		join(q, i);
	note_recent(q, &r[i - 1], seq);
	return true;
}

/* What of [seq, end) lies in a range was there before: it is reported (RFC 2883 4.2). */
static void
report_overlap(struct sani_tcp_rcvq *q, const struct range *r, uint32_t seq, uint32_t end)
{
	uint32_t left = seq_gt(r->seq, seq) ? r->seq : seq;
	uint32_t right = seq_lt(r->seq + r->len, end) ? r->seq + r->len : end;

	if (seq_lt(left, right))
		sani_tcp_dsack_owe(q, left, right);
}

/*
 * Overlaps: what is there stays, but for ranges that the new segment covers whole.
 *
 *   there:      [aaaa]     [bb]      [ccccc]
 *   new:          [nnnnnnnnnnnnnnnnnnnnn]
 *   kept:       [aaaa][nnnnnnnnnnnnn][ccccc]
 *
 * The first piece that was there is what a D-SACK reports, here that of a.
 */
enum sani_tcp_rcvq_verdict
sani_tcp_ooo_add(struct sani_tcp_rcvq *q, uint32_t seq, uint32_t len, struct rte_mbuf *m,
		 struct rte_mempool *pool)
{
	uint32_t from = seq;
	uint32_t end = seq + len;
	struct range *r;
	uint32_t i;

	if (!make_table(q, pool)) {
		rte_pktmbuf_free(m);
		return SANI_TCP_RCVQ_FULL;
	}
	r = table(q);
	i = find_range(q, seq);
	if (i < q->nb_ranges)
		report_overlap(q, &r[i], seq, end);
	if (i < q->nb_ranges && seq_leq(r[i].seq, seq)) {
		from = r[i].seq + r[i].len;
		i++;
	}
	if (seq_geq(from, end)) {
		note_recent(q, &r[i - 1], seq);
		rte_pktmbuf_free(m);
		return SANI_TCP_RCVQ_DUP;
	}
	while (i < q->nb_ranges && seq_leq(r[i].seq + r[i].len, end)) {
		free_list(q, r[i].head);
		remove_range(q, i);
	}
	if (i < q->nb_ranges && seq_lt(r[i].seq, end))
		end = r[i].seq;
	m = sani_tcp_rcvq_cut(m, from - seq, end - from);
	if (place(q, i, from, end - from, m))
		return SANI_TCP_RCVQ_OOO;
	rte_pktmbuf_free(m);
	return SANI_TCP_RCVQ_FULL;
}

bool
sani_tcp_ooo_take(struct sani_tcp_rcvq *q, uint32_t seq, struct rte_mbuf **m, uint32_t *len)
{
	struct range first;
	uint32_t old;

	if (q->ooo == NULL || seq_gt(table(q)[0].seq, seq))
		return false;
	first = table(q)[0];
	remove_range(q, 0);
	drop_table(q);
	for (const struct rte_mbuf *seg = first.head; seg != NULL; seg = seg->next)
		q->nb_mbufs--;
	old = sani_tcp_min(seq - first.seq, first.len);
	/* What came twice and lies further left is reported already. */
	if (q->dsack_left == q->dsack_right)
		sani_tcp_dsack_owe(q, first.seq, first.seq + old);
	*len = first.len - old;
	*m = sani_tcp_rcvq_cut(first.head, old, *len);
	return true;
}

void
sani_tcp_ooo_free(struct sani_tcp_rcvq *q)
{
	if (q->ooo == NULL)
		return;
	while (q->nb_ranges > 0) {
		free_list(q, table(q)[0].head);
		remove_range(q, 0);
	}
	drop_table(q);
}

void
sani_tcp_ooo_give_up(struct sani_tcp_rcvq *q, struct sani_counters *ctr)
{
	if (q->ooo == NULL)
		return;
	sani_count(ctr, SANI_CTR_tcp_rx_ooo_given_up);
	sani_tcp_ooo_free(q);
}

bool
sani_tcp_ooo_find(const struct sani_tcp_rcvq *q, uint32_t seq, struct sani_tcp_block *block)
{
	for (uint32_t i = 0; q->ooo != NULL && i < q->nb_ranges; i++) {
		const struct range *r = &table(q)[i];

		if (!seq_in(seq, r->seq, r->len))
			continue;
		*block = (struct sani_tcp_block){ .left = r->seq, .right = r->seq + r->len };
		return true;
	}
	return false;
}

static bool
is_listed(const struct sani_tcp_block *blocks, uint8_t n, uint32_t left)
{
	while (n > 0)
		if (blocks[--n].left == left)
			return true;
	return false;
}

uint8_t
sani_tcp_ooo_blocks(const struct sani_tcp_rcvq *q, struct sani_tcp_block *blocks, uint8_t max)
{
	const struct range *r;
	const uint32_t *recent;
	uint8_t n = 0;

	if (q->ooo == NULL)
		return 0;
	r = table(q);
	recent = ((const struct table *)q->ooo->buf_addr)->recent;
	for (uint32_t i = 0; i < SANI_TCP_SACK_BLOCKS && n < max; i++)
		if (sani_tcp_ooo_find(q, recent[i], &blocks[n]) && !is_listed(blocks, n, blocks[n].left))
			n++;
	/* ranges that grew lately have been joined, or are in order now: there is room for older ones */
	for (uint32_t i = 0; i < q->nb_ranges && n < max; i++)
		if (!is_listed(blocks, n, r[i].seq))
			blocks[n++] = (struct sani_tcp_block){ .left = r[i].seq, .right = r[i].seq + r[i].len };
	return n;
}

uint32_t
sani_tcp_ooo_end(const struct sani_tcp_rcvq *q, uint32_t none)
{
	const struct range *last;

	if (q->ooo == NULL)
		return none;
	last = &table(q)[q->nb_ranges - 1];
	return last->seq + last->len;
}
