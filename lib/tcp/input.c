/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "tcp/keepalive.h"
#include "tcp/priv.h"
#include "tcp/timewait.h"
#include "tcp/urgent.h"

/*
 * RFC 9293 3.10.7: one function for each step, in the RFC's order. LISTEN is in passive.c, and most segments do not
 * come here: straight.c.
 */

#define PAWS_IDLE_S (24u * 24 * 3600)	/* RFC 7323 5.5 */

/*
 * Cut off what lies outside the window, or behind the peer's FIN.
 *
 *            RCV.NXT               edge
 *   -----------|--------------------|-----------
 *       [oooooo|nnnnnnnnnnnnnnnnnnnn|xxxxx]
 *
 * A FIN right at the edge is taken: it needs no buffer. True: something was beyond the edge, and nothing else; the
 * segment is dropped then, unless that is done (and counted) for its acknowledgement.
 */
static bool
trim(struct sani_tcp_rx *rx)
{
	struct sani_tcp_conn *c = rx->c;
	uint32_t edge = c->flags & SANI_TCP_F_FIN_KNOWN ? c->rcv_fin : c->rcv_adv;
	uint32_t old = seq_lt(rx->seq, c->rcv_nxt) ? c->rcv_nxt - rx->seq : 0;
	uint32_t keep = rx->len - old;
	bool outside = false;

	if (seq_gt(c->rcv_nxt, edge))
		edge = c->rcv_nxt;
	if (sani_likely(old == 0 && seq_leq(rx->seq + rx->len, edge)) &&
	    (rx->m == NULL || rx->m->pkt_len == rx->len))
		return false;
	if (old > rx->len)
		keep = 0;
	rx->seq += old;
	if (seq_gt(rx->seq + keep, edge)) {
		keep = seq_lt(rx->seq, edge) ? edge - rx->seq : 0;
		rx->flags &= (uint8_t)~SANI_TCP_FIN;
		c->flags |= SANI_TCP_F_ACK_NOW;
		outside = keep == 0;
	}
	if (old > 0) {
		uint32_t left = c->rcv_nxt - old;

		sani_tcp_dsack_owe(&c->rcvq, left, left + sani_tcp_min(old, rx->len));
		c->flags |= SANI_TCP_F_ACK_NOW;
	}
	rx->m = sani_tcp_rcvq_cut(rx->m, old, keep);
	rx->len = keep;
	return outside;
}

/* What comes with a SYN-ACK behind its SYN: the sixth step and on. */
static void
take_rest(struct sani_tcp_rx *rx)
{
	rx->seq++;
	rx->flags &= (uint8_t)~SANI_TCP_SYN;
	(void)trim(rx);		/* its SYN-ACK was taken */
	sani_tcp_process_text(rx);
	sani_tcp_process_fin(rx);
}

/*
 * 3.10.7.3, first to fifth. Text and FIN of a SYN without an ACK are not taken; the peer sends them again.
 */
static void
input_syn_sent(struct sani_tcp_rx *rx)
{
	struct sani_tcp_conn *c = rx->c;
	const struct sani_tcp_seg *seg = rx->seg;
	bool ack = seg->flags & SANI_TCP_ACK;
	bool ack_ok = ack && seq_gt(seg->ack, c->iss) && seq_leq(seg->ack, c->snd_nxt);

	if (ack && !ack_ok) {
		sani_count(rx->io->ctr, SANI_CTR_tcp_rx_drop_ack);
		if (seg->flags & SANI_TCP_RST)
			return;
		c->flags |= SANI_TCP_F_RST_DUE;
		c->rst_seq = seg->ack;
		return;
	}
	if (seg->flags & SANI_TCP_RST) {
		sani_count(rx->io->ctr, ack_ok ? SANI_CTR_tcp_rx_rst : SANI_CTR_tcp_rx_drop_rst);
		if (ack_ok && !sani_tcp_ecn_retry(c))
			rx->ev |= sani_tcp_finish(c, -ECONNREFUSED);
		return;
	}
	if (!(seg->flags & SANI_TCP_SYN)) {
		sani_count(rx->io->ctr, SANI_CTR_tcp_rx_drop_state);
		return;
	}
	sani_tcp_take_syn(c, seg, rx->io->now_us);
	if (ack_ok) {
		rx->ev |= sani_tcp_establish(c, seg, seg->wnd, rx->io->now_us);
		c->flags |= SANI_TCP_F_ACK_NOW;
		take_rest(rx);
	} else {
		sani_tcp_set_state(c, SAN_TCP_SYN_RECEIVED);
		c->flags |= SANI_TCP_F_SYN_DUE;
	}
}

/*
 * What a SYN means before its number is looked at: the SYN of this very connection again, or, in
 * TIME_WAIT, a new connection (MAY-2, RFC 6191). False: the segment is done with.
 */
static bool
check_old_syn(struct sani_tcp_rx *rx)
{
	struct sani_tcp_conn *c = rx->c;
	uint8_t kind = rx->flags & (SANI_TCP_SYN | SANI_TCP_ACK | SANI_TCP_RST);

	if (c->state == SAN_TCP_TIME_WAIT && kind == SANI_TCP_SYN &&
	    sani_tcp_may_reopen(c->flags & SANI_TCP_F_TS, c->ts_recent, c->rcv_nxt, rx->seg)) {
		rx->ev |= sani_tcp_finish(c, 0);
		return false;
	}
	if (c->state != SAN_TCP_SYN_RECEIVED || rx->seq != c->irs)
		return true;
	if (kind == (SANI_TCP_SYN | SANI_TCP_ACK) && !(c->flags & SANI_TCP_F_PASSIVE)) {
		/* simultaneous open, figure 7: the SYN counts no more, its ACK does */
		rx->seq++;
		rx->flags &= (uint8_t)~SANI_TCP_SYN;
	} else if (kind == SANI_TCP_SYN) {
		sani_count(rx->io->ctr, SANI_CTR_tcp_rx_drop_dup);
		c->flags |= SANI_TCP_F_SYN_DUE;
		return false;
	}
	return true;
}

/* An unacceptable segment is answered with an ACK; one without text at a limited rate (ACK storms). */
static void
answer(struct sani_tcp_rx *rx)
{
	if (rx->flags & SANI_TCP_RST)
		return;
	if (rx->len == 0 && !(rx->flags & SANI_TCP_FIN))
		sani_tcp_challenge(rx->c, rx->io);
	else
		rx->c->flags |= SANI_TCP_F_ACK_NOW;
}

/* RFC 7323 5.3 R1 (PAWS), and 3.2: a segment without its timestamp is dropped silently. */
static bool
check_timestamp(struct sani_tcp_rx *rx)
{
	struct sani_tcp_conn *c = rx->c;
	uint32_t age_s = (uint32_t)(rx->io->now_us / 1000000) - c->ts_recent_s;

	if (!(c->flags & SANI_TCP_F_TS) || (rx->flags & SANI_TCP_RST))
		return true;
	if (!(rx->seg->opts & SANI_TCP_OPT_TS)) {
		if (rx->flags & SANI_TCP_SYN)
			return true;
		sani_count(rx->io->ctr, SANI_CTR_tcp_rx_drop_paws);
		return false;
	}
	if (seq_geq(rx->seg->tsval, c->ts_recent) || age_s > PAWS_IDLE_S)
		return true;
	sani_count(rx->io->ctr, SANI_CTR_tcp_rx_drop_paws);
	answer(rx);
	return false;
}

/*
 * Table 6 of RFC 9293. Two places are wider than it: a segment without length may stand at the right
 * edge itself (the ACK of a peer that has filled the window; no RST, RFC 5961 3.2), and one at RCV.NXT is
 * let in while the window is shut, for its ACK and RST (MUST-66); its text is cut off.
 */
static bool
is_in_window(const struct sani_tcp_rx *rx)
{
	const struct sani_tcp_conn *c = rx->c;
	uint32_t space = rx->len + !!(rx->flags & SANI_TCP_SYN) + !!(rx->flags & SANI_TCP_FIN);
	uint32_t wnd = seq_gt(c->rcv_adv, c->rcv_nxt) ? c->rcv_adv - c->rcv_nxt : 0;

	if (rx->seq == c->rcv_nxt)
		return true;
	if (space == 0)
		return seq_in(rx->seq, c->rcv_nxt, wnd + !(rx->flags & SANI_TCP_RST));
	return seq_lt(rx->seq, c->rcv_nxt + wnd) && seq_gt(rx->seq + space, c->rcv_nxt);
}

/* First. The peer's FIN again begins 2 MSL anew (TIME-WAIT in the fifth and eighth step). */
static bool
check_sequence(struct sani_tcp_rx *rx)
{
	struct sani_tcp_conn *c = rx->c;
	uint32_t text = rx->seq + !!(rx->flags & SANI_TCP_SYN);
	bool old = rx->len > 0 && seq_leq(text + rx->len, c->rcv_nxt);

	if (is_in_window(rx))
		return true;
	sani_count(rx->io->ctr, old ? SANI_CTR_tcp_rx_drop_dup : SANI_CTR_tcp_rx_drop_window);
	if (old)
		sani_tcp_dsack_owe(&c->rcvq, text, text + rx->len);
	answer(rx);
	if (c->state == SAN_TCP_TIME_WAIT && sani_tcp_is_last_fin(rx->seg, c->rcv_nxt))
		sani_tcp_restart_2msl(c, rx->io->now_us);
	return false;
}

/* Second, with RFC 5961 3.2; in TIME_WAIT RFC 1337 (F1): ignored. */
static bool
check_reset(struct sani_tcp_rx *rx)
{
	struct sani_tcp_conn *c = rx->c;
	bool refused = c->state == SAN_TCP_SYN_RECEIVED && !(c->flags & SANI_TCP_F_PASSIVE);

	if (!(rx->flags & SANI_TCP_RST))
		return true;
	if (c->state == SAN_TCP_TIME_WAIT) {
		sani_count(rx->io->ctr, SANI_CTR_tcp_rx_drop_rst);
	} else if (rx->seq != c->rcv_nxt) {
		sani_count(rx->io->ctr, SANI_CTR_tcp_rx_drop_rst);
		sani_tcp_challenge(c, rx->io);
	} else {
		sani_count(rx->io->ctr, SANI_CTR_tcp_rx_rst);
		rx->ev |= sani_tcp_finish(c, refused ? -ECONNREFUSED : -ECONNRESET);
	}
	return false;
}

/* Fourth, with RFC 5961 4.2. From SYN_RECEIVED back to LISTEN: the block ends, the listener is there. */
static bool
check_syn(struct sani_tcp_rx *rx)
{
	struct sani_tcp_conn *c = rx->c;

	if (!(rx->flags & SANI_TCP_SYN))
		return true;
	sani_count(rx->io->ctr, SANI_CTR_tcp_rx_drop_syn);
	if (c->state == SAN_TCP_SYN_RECEIVED && (c->flags & SANI_TCP_F_PASSIVE) &&
	    !(c->fast.flags & SANI_TCP_FAST_EARLY))
		rx->ev |= sani_tcp_finish(c, -ECONNRESET);
	else
		sani_tcp_challenge(c, rx->io);
	return false;
}

/* 3.10.7.4. The third step (security) does nothing. */
static void
input_other(struct sani_tcp_rx *rx)
{
	bool outside;

	if (!check_old_syn(rx) || !check_timestamp(rx) || !check_sequence(rx) ||
	    !check_reset(rx) || !check_syn(rx))
		return;
	/* Without an ACK it gets no further than to the fifth step, and no answer. */
	outside = (rx->flags & SANI_TCP_ACK) && trim(rx);
	if (!sani_tcp_process_ack(rx))
		return;
	if (sani_unlikely(outside))
		sani_count(rx->io->ctr, SANI_CTR_tcp_rx_drop_window);
	rx->c->last_rcv = (uint32_t)(rx->io->now_us >> SANI_TCP_RCV_SHIFT);
	sani_tcp_ecn_receive(rx);
	if ((rx->c->flags & SANI_TCP_F_TS) && (rx->seg->opts & SANI_TCP_OPT_TS))
		sani_tcp_update_ts_recent(rx->c, rx->seg, rx->io->now_us);
	sani_tcp_process_urgent(rx);
	sani_tcp_process_text(rx);
	sani_tcp_process_fin(rx);
}

uint32_t
sani_tcp_process(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, struct rte_mbuf *m,
		 struct sani_tcp_io *io)
{
	struct sani_tcp_rx rx = {
		.c = c,
		.seg = seg,
		.io = io,
		.m = m,
		.seq = seg->seq,
		.len = seg->len,
		.flags = seg->flags,
	};

	switch (c->state) {
	case SAN_TCP_CLOSED:
	case SAN_TCP_LISTEN:
		sani_count(io->ctr, SANI_CTR_tcp_rx_drop_state);
		break;
	case SAN_TCP_SYN_SENT:
		input_syn_sent(&rx);
		break;
	default:
		input_other(&rx);
		break;
	}
	rte_pktmbuf_free(rx.m);
	if (sani_tcp_wants_output(c))
		rx.ev |= SANI_TCP_EV_OUTPUT;
	return rx.ev;
}
