/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/lent.h"
#include "tcp/priv.h"
#include "tcp/urgent.h"

_Static_assert(RTE_PKTMBUF_HEADROOM >= SANI_TCP_HEADROOM, "a fresh mbuf has room for the lower headers");

uint32_t
sani_tcp_bare_seq(const struct sani_tcp_conn *c)
{
	uint32_t edge = c->snd_una + c->snd_wnd;

	/*
	 * Right of the window the peer would not take the ACK in it: after a window probe, or when
	 * the peer has pulled its window back.
	 */
	if (c->state >= SAN_TCP_ESTABLISHED && seq_gt(c->snd_nxt, edge))
		return edge;
	return c->snd_nxt;
}

/* m is fresh. */
static void
write_header(struct rte_mbuf *m, const struct sani_tcp_seg *seg)
{
	uint16_t len = sani_tcp_write_header(rte_pktmbuf_mtod(m, uint8_t *), seg);

	m->data_len = len;
	m->pkt_len = len;
}

void
sani_tcp_put_header(struct rte_mbuf *m, const struct sani_tcp_seg *seg)
{
	rte_pktmbuf_reset(m);
	write_header(m, seg);
}

/* Options of a SYN: ours in an active open, in a SYN-ACK those that the peer offered too. */
static void
put_syn_options(const struct sani_tcp_conn *c, struct sani_tcp_seg *seg)
{
	bool answer = seg->flags & SANI_TCP_ACK;

	seg->opts |= SANI_TCP_OPT_MSS;
	seg->mss = sani_tcp_mss_to_announce(c);
	if (!answer || (c->flags & SANI_TCP_F_WSCALE)) {
		seg->opts |= SANI_TCP_OPT_WSCALE;
		seg->wscale = c->rcv_wscale;
	}
	if (!answer || (c->flags & SANI_TCP_F_SACK))
		seg->opts |= SANI_TCP_OPT_SACK_PERM;
	if (!answer)
		seg->opts |= SANI_TCP_OPT_TS;
	sani_tcp_fast_option(c, seg);
}

/* Of a SYN or a RST. */
static SANI_SELDOM void
fill_seldom(struct sani_tcp_conn *c, struct sani_tcp_seg *seg)
{
	bool syn = seg->flags & SANI_TCP_SYN;

	if (syn)
		put_syn_options(c, seg);
	if (syn && !(seg->flags & SANI_TCP_ACK))
		seg->wnd = (uint16_t)sani_tcp_min(c->rcvq.limit, UINT16_MAX);
	else if (!(seg->flags & SANI_TCP_RST))
		seg->wnd = sani_tcp_offer_window(c, syn);
}

static void
fill(struct sani_tcp_conn *c, struct sani_tcp_seg *seg, uint64_t now_us)
{
	const struct sani_tcp_rcvq *q = &c->rcvq;

	seg->src_port = c->tuple.local_port;
	seg->dst_port = c->tuple.remote_port;
	seg->ack = c->rcv_nxt;
	seg->opts = c->flags & SANI_TCP_F_TS ? SANI_TCP_OPT_TS : 0;
	seg->tsval = sani_tcp_ts_now(c, now_us);
	seg->tsecr = c->ts_recent;
	if (sani_unlikely(seg->flags & (SANI_TCP_SYN | SANI_TCP_RST))) {
		fill_seldom(c, seg);
		return;
	}
	seg->wnd = sani_tcp_offer_window(c, false);
	if (sani_unlikely(c->flags & SANI_TCP_F_SND_URG))
		sani_tcp_put_urgent(c, seg);
	if (sani_unlikely(q->ooo != NULL || q->dsack_left != q->dsack_right))
		sani_tcp_sack_fill(c, seg);
	if (sani_unlikely(c->flags & SANI_TCP_F_ECN))
		seg->flags |= sani_tcp_ecn_flags(c, seg);
}

/*
 * The timer runs from the last time that the head was sent (RFC 6582 has its own rule). A probe sends again
 * too, but what lies behind recover is not of the episode that may be undone.
 */
static void
note_resent(struct sani_tcp_conn *c, uint32_t seq, uint32_t space, uint64_t now_us)
{
	c->rexmit_segs++;
	c->rexmit_bytes += space;
	c->flags |= SANI_TCP_F_RTX_SENT;
	c->rtx_tsval = sani_tcp_ts_now(c, now_us);
	if (seq == c->snd_una && (c->flags & SANI_TCP_F_SACK))
		sani_tcp_arm(c, SANI_TCP_T_REXMIT, now_us + sani_tcp_rto(c, c->backoff));
	if (!(c->flags & SANI_TCP_F_UNDO) || seq_gt(seq, c->recover))
		return;
	if (c->undo_bytes == 0)
		c->undo_tsval = c->rtx_tsval;
	c->undo_bytes += space;
}

static void
note_sequence_space(struct sani_tcp_conn *c, struct sani_tcp_io *io, uint32_t seq, uint32_t space)
{
	uint64_t now_us = io->now_us;
	uint32_t end = seq + space;

	if (!sani_tcp_armed(c, SANI_TCP_T_REXMIT))
		sani_tcp_arm(c, SANI_TCP_T_REXMIT, now_us + sani_tcp_rto(c, c->backoff));
	if (!sani_tcp_armed(c, SANI_TCP_T_USER))
		sani_tcp_arm(c, SANI_TCP_T_USER, now_us + sani_tcp_user_timeout_us(c));
	c->last_snd_us = now_us;
	if (seq != c->snd_nxt)
		note_resent(c, seq, space, now_us);
	/* or what is sent early (RFC 7413); with the SYN none is */
	if (c->state >= SAN_TCP_ESTABLISHED || seq != c->iss)
		sani_tcp_flight_sent(c, seq, end, now_us, sani_tcp_table_pool(io));
	if (c->ca == SANI_TCP_CA_RECOVERY || c->ca == SANI_TCP_CA_CWR)
		c->prr_out += space;
	c->flags |= SANI_TCP_F_PTO_DUE;
	c->snd_nxt = seq_max(c->snd_nxt, end);
}

static void
note_ack(struct sani_tcp_conn *c)
{
	c->last_ack_sent = c->rcv_nxt;
	c->flags &= ~(uint32_t)SANI_TCP_F_ACK_NOW;
	sani_tcp_disarm(c, SANI_TCP_T_DELACK);
}

/* A search for the path's MTU sends single segments that are longer, too. */
static inline bool
is_to_be_cut(const struct sani_tcp_conn *c, const struct sani_tcp_io *io, uint32_t len)
{
	return len > c->snd_mss && io->cut != NULL && !(c->flags & SANI_TCP_F_MTU);
}

/* Buffers for text of several segments; NULL: not so many are left. */
static SANI_SELDOM struct rte_mbuf *
lengthen(struct rte_mbuf *m, uint32_t len, struct rte_mempool *pool)
{
	uint32_t room = rte_pktmbuf_tailroom(m) - SANI_TCP_HDR_MAX;
	struct rte_mbuf *last = m;

	while (room < len) {
		struct rte_mbuf *next = rte_pktmbuf_alloc(pool);

		if (next == NULL) {
			rte_pktmbuf_free(m);
			return NULL;
		}
		next->data_off = 0;
		room += rte_pktmbuf_tailroom(next);
		last->next = next;
		last = next;
		m->nb_segs++;
	}
	return m;
}

/* Text of several segments, which the port cuts (RFC 9293 3.8.6: none of them is longer than the MSS). */
static SANI_SELDOM void
put_packet(struct sani_tcp_conn *c, struct sani_tcp_io *io, uint32_t seq, uint32_t len, struct rte_mbuf *m)
{
	if (c->extras & SANI_TCP_X_LENT)
		sani_count_n(io->ctr, SANI_CTR_lend_tx_copied, len / c->snd_mss);
	m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
	m->tso_segsz = c->snd_mss;
	m->pkt_len += len;
	io->cut->room -= sani_tcp_min(len, io->cut->room);
	for (struct rte_mbuf *at = m; len > 0; at = at->next) {
		uint32_t n = sani_tcp_min(len, rte_pktmbuf_tailroom(at));

		sani_tcp_sndq_copy(c, seq, n, rte_pktmbuf_mtod_offset(at, uint8_t *, at->data_len));
		at->data_len = (uint16_t)(at->data_len + n);
		seq += n;
		len -= n;
	}
}

bool
sani_tcp_send(struct sani_tcp_conn *c, struct sani_tcp_io *io, uint32_t seq, uint32_t len,
	      uint8_t flags)
{
	struct sani_tcp_seg seg = { .seq = seq, .flags = flags, .len = len };
	struct rte_mbuf *m = rte_pktmbuf_alloc(io->pool);
	bool cut = sani_unlikely(is_to_be_cut(c, io, len));

	if (cut && m != NULL)
		m = lengthen(m, len, io->pool);
	if (m == NULL)
		return false;
	fill(c, &seg, io->now_us);
	write_header(m, &seg);
	if (cut) {
		put_packet(c, io, seq, len, m);
	} else if (len > 0 && sani_unlikely(c->extras & SANI_TCP_X_LENT)) {
		sani_tcp_lent_put(c, io, seq, len, m);
	} else if (len > 0) {
		sani_tcp_sndq_copy(c, seq, len, rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len));
		m->data_len = (uint16_t)(m->data_len + len);
		m->pkt_len += len;
	}
	if (sani_unlikely(c->flags & SANI_TCP_F_ECN) && sani_tcp_ecn_capable(c, &seg))
		io->ect |= UINT64_C(1) << io->nb_tx;
	io->tx[io->nb_tx++] = m;
	sani_count(io->ctr, SANI_CTR_tcp_tx);
	c->segs_out++;
	if (sani_tcp_seg_space(&seg) > 0)
		note_sequence_space(c, io, seq, sani_tcp_seg_space(&seg));
	if (flags & SANI_TCP_ACK)
		note_ack(c);
	return true;
}
