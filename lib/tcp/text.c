/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/priv.h"

static void
count_text(struct sani_tcp_rx *rx, enum sani_tcp_rcvq_verdict verdict)
{
	static const enum sani_counter which[] = {
		[SANI_TCP_RCVQ_OOO] = SANI_CTR_tcp_rx_ooo,
		[SANI_TCP_RCVQ_DUP] = SANI_CTR_tcp_rx_drop_dup,
		[SANI_TCP_RCVQ_FULL] = SANI_CTR_tcp_rx_drop_memory,
		[SANI_TCP_RCVQ_RESERVE] = SANI_CTR_tcp_rx_drop_pool,
	};

	if (verdict != SANI_TCP_RCVQ_IN_ORDER)
		sani_count(rx->io->ctr, which[verdict]);
}

/*
 * A D-SACK that is due already is of this segment if something was cut off at its left, and waits for the segment's
 * own ACK: what the rest of it repeats would be a second one (RFC 2883 4: the first piece, once).
 */
void
sani_tcp_acknowledge_past(struct sani_tcp_rx *rx)
{
	struct sani_tcp_rcvq *q = &rx->c->rcvq;
	bool own = rx->seq != rx->seg->seq;
	uint32_t right = q->dsack_right;

	if (own)
		q->dsack_right = q->dsack_left;
	sani_tcp_send(rx->c, rx->io, sani_tcp_bare_seq(rx->c), 0, SANI_TCP_ACK);
	if (own)
		q->dsack_right = right;
}

/* It goes now, before the segment that is here. */
static void
acknowledge_before(struct sani_tcp_rx *rx)
{
	struct sani_tcp_conn *c = rx->c;

	if ((c->flags & SANI_TCP_F_ACK_NOW) && c->rcv_nxt != c->last_ack_sent && rx->io->nb_tx < rx->io->max_tx)
		sani_tcp_acknowledge_past(rx);
}

/* A peer with SACK learns more from one ACK's blocks than from the number of ACKs; but one may be lost. */
static void
owe_dup_ack(struct sani_tcp_conn *c)
{
	uint8_t most = c->flags & SANI_TCP_F_SACK ? SANI_TCP_DUP_SACKS_MAX : SANI_TCP_DUP_ACKS_MAX;

	c->quick_acks = SANI_TCP_HOLE_ACKS;
	if (c->dup_acks_due < most)
		c->dup_acks_due++;
}

static bool
takes_text(const struct sani_tcp_conn *c)
{
	return c->state == SAN_TCP_ESTABLISHED || c->state == SAN_TCP_FIN_WAIT_1 ||
	       c->state == SAN_TCP_FIN_WAIT_2;
}

/*
 * How much of the first segment that is unread, with the pool running low? What is read at once is not held; behind an
 * urgent octet it may not be.
 */
static uint32_t
may_begin(const struct sani_tcp_rx *rx, struct sani_tcp_budget *budget)
{
	uint32_t n = 0;

	if (budget == NULL)
		return 0;
	if (budget->texts > 0) {
		budget->texts--;
		return rx->len;
	}
	if (budget->reads != NULL && !(rx->c->flags & SANI_TCP_F_RCV_URG))
		n = budget->reads(budget->ctx, rx->c);
	budget->refused |= n == 0;
	return sani_tcp_min(n, rx->len);
}

/* The rest is not there. */
static void
cut_to(struct sani_tcp_rx *rx, uint32_t len)
{
	if (len == rx->len)
		return;
	rx->m = sani_tcp_rcvq_cut(rx->m, 0, len);
	rx->len = len;
	rx->flags &= (uint8_t)~SANI_TCP_FIN;
	rx->c->flags |= SANI_TCP_F_ACK_NOW;
}

/*
 * With the pool running low a connection holds one segment that was not read, and nothing out of order: what
 * a peer sends without being read is held for nobody else's cost. It sends the rest again. Of all connections no more
 * are held than leave the pool its reserve: there may be more of them than buffers.
 */
static SANI_SELDOM enum sani_tcp_rcvq_verdict
take_scarcely(struct sani_tcp_rx *rx)
{
	struct sani_tcp_conn *c = rx->c;
	uint32_t n;

	sani_tcp_ooo_give_up(&c->rcvq, rx->io->ctr);
	if (rx->seq != c->rcv_nxt || c->rcvq.bytes > 0) {
		rte_pktmbuf_free(rx->m);
		return SANI_TCP_RCVQ_FULL;
	}
	n = may_begin(rx, rx->io->budget);
	if (n == 0) {
		rte_pktmbuf_free(rx->m);
		return SANI_TCP_RCVQ_RESERVE;
	}
	cut_to(rx, n);
	return sani_tcp_rcvq_add(c, rx->seq, rx->len, rx->m, rx->io);
}

/* RFC 9293 3.10.7.4, seventh. */
void
sani_tcp_process_text(struct sani_tcp_rx *rx)
{
	struct sani_tcp_conn *c = rx->c;
	bool hole = c->rcvq.ooo != NULL;
	enum sani_tcp_rcvq_verdict verdict;

	if (rx->len == 0)
		return;
	if (sani_unlikely(sani_tcp_is_ack_overdue(c)))
		acknowledge_before(rx);
	if (!takes_text(c)) {
		sani_count(rx->io->ctr, SANI_CTR_tcp_rx_drop_state);
		return;
	}
	if (rx->seg->len > c->rcv_mss)
		c->rcv_mss = (uint16_t)sani_tcp_min(rx->seg->len, sani_tcp_mss_to_announce(c));
	if (sani_unlikely(rx->io->scarce))
		verdict = take_scarcely(rx);
	else
		verdict = sani_tcp_rcvq_add(c, rx->seq, rx->len, rx->m, rx->io);
	rx->m = NULL;
	count_text(rx, verdict);
	if (verdict == SANI_TCP_RCVQ_IN_ORDER) {
		rx->ev |= SANI_TCP_EV_READABLE;
		/* what fills a hole, and a little behind it: the peer waits for what we say */
		if (sani_unlikely(hole))
			c->quick_acks = SANI_TCP_HOLE_ACKS;
		sani_tcp_owe_ack(c, rx->io->now_us);
		sani_tcp_grow_rcvbuf(c, rx->io);
	} else if (verdict == SANI_TCP_RCVQ_OOO) {
		owe_dup_ack(c);
	} else {
		c->flags |= SANI_TCP_F_ACK_NOW;
	}
}

uint32_t
sani_tcp_take_fin(struct sani_tcp_conn *c, uint64_t now_us)
{
	c->rcv_nxt++;
	c->flags |= SANI_TCP_F_FIN_RCVD | SANI_TCP_F_ACK_NOW;
	if (c->state == SAN_TCP_ESTABLISHED)
		sani_tcp_set_state(c, SAN_TCP_CLOSE_WAIT);
	else if (c->state == SAN_TCP_FIN_WAIT_1)
		sani_tcp_set_state(c, SAN_TCP_CLOSING);
	else if (c->state == SAN_TCP_FIN_WAIT_2)
		sani_tcp_enter_time_wait(c, now_us);
	return SANI_TCP_EV_FIN;
}

/*
 * A FIN behind a hole is remembered and taken when the hole is filled. One that lies before bytes we hold
 * contradicts the peer's own text and is not believed, nor is another one than the first. What comes for
 * nothing is answered: the peer has not heard of what we have.
 */
static void
note_fin(struct sani_tcp_rx *rx)
{
	struct sani_tcp_conn *c = rx->c;
	uint32_t fin = rx->seq + rx->len;
	bool known = c->flags & SANI_TCP_F_FIN_KNOWN;

	if (!known && seq_geq(fin, sani_tcp_ooo_end(&c->rcvq, c->rcv_nxt))) {
		c->rcv_fin = fin;
		c->flags |= SANI_TCP_F_FIN_KNOWN;
		if (rx->len == 0 && fin != c->rcv_nxt)
			owe_dup_ack(c);
	} else if (rx->len == 0) {
		owe_dup_ack(c);
		sani_count(rx->io->ctr, known && fin == c->rcv_fin ? SANI_CTR_tcp_rx_drop_dup :
								     SANI_CTR_tcp_rx_drop_window);
	}
}

/* RFC 9293 3.10.7.4, eighth. */
void
sani_tcp_process_fin(struct sani_tcp_rx *rx)
{
	struct sani_tcp_conn *c = rx->c;

	if (rx->flags & SANI_TCP_FIN)
		note_fin(rx);
	if ((c->flags & SANI_TCP_F_FIN_KNOWN) && !(c->flags & SANI_TCP_F_FIN_RCVD) &&
	    c->rcv_nxt == c->rcv_fin)
		rx->ev |= sani_tcp_take_fin(c, rx->io->now_us);
}
