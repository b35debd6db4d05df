/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/hold.h"
#include "tcp/priv.h"

/*
 * LISTEN has no block of its own: the caller looks its listener up, has answered RST (ignored) and ACK
 * (reset) as RFC 9293 3.10.7.2 says, and comes here with a SYN. Text in the SYN is not acknowledged, so
 * the peer sends it again.
 */
uint32_t
sani_tcp_open_passive(struct sani_tcp_conn *c, const struct sani_tcp_params *p,
		      const struct sani_tcp_seg *syn, uint64_t now_us)
{
	sani_tcp_init(c, p);
	sani_tcp_set_state(c, SAN_TCP_LISTEN);
	sani_tcp_take_syn(c, syn, now_us);
	c->segs_in = 1;
	c->flags |= SANI_TCP_F_PASSIVE | SANI_TCP_F_SYN_DUE;
	sani_tcp_set_state(c, SAN_TCP_SYN_RECEIVED);
	sani_tcp_arm(c, SANI_TCP_T_USER, now_us + sani_tcp_user_timeout_us(c));
	return SANI_TCP_EV_OUTPUT;
}

/* The peer hears nothing until the program has decided; it repeats its SYN meanwhile. */
void
sani_tcp_hold(struct sani_tcp_conn *c)
{
	c->flags &= ~(uint32_t)SANI_TCP_F_SYN_DUE;
}

uint32_t
sani_tcp_confirm(struct sani_tcp_conn *c)
{
	if (c->state != SAN_TCP_SYN_RECEIVED)
		return 0;
	c->flags |= SANI_TCP_F_SYN_DUE;
	return SANI_TCP_EV_OUTPUT;
}

/* RFC 7413 4.2. Without room, or data, it is a handshake like any other. */
uint32_t
sani_tcp_open_fast(struct sani_tcp_conn *c, const struct sani_tcp_params *p, const struct sani_tcp_seg *syn,
		   struct rte_mbuf *m, struct sani_tcp_io *io)
{
	uint32_t ev = sani_tcp_open_passive(c, p, syn, io->now_us);
	uint32_t len = sani_tcp_min(syn->len, c->rcv_adv - c->rcv_nxt);

	m = sani_tcp_rcvq_cut(m, 0, len);
	if (len == 0 || io->scarce) {
		rte_pktmbuf_free(m);
		return ev;
	}
	if (sani_tcp_rcvq_add(c, c->rcv_nxt, len, m, io) != SANI_TCP_RCVQ_IN_ORDER)
		return ev;
	c->fast.flags |= SANI_TCP_FAST_EARLY;
	c->cwnd = sani_tcp_initial_window(c);
	c->cc->init(c);
	sani_count(io->ctr, SANI_CTR_tcp_rx_fast);
	return ev | SANI_TCP_EV_CONNECTED | SANI_TCP_EV_READABLE;
}

/* As if the SYN-ACK were out: the segment that has brought the cookie back acknowledges it. */
void
sani_tcp_open_cookie(struct sani_tcp_conn *c, const struct sani_tcp_params *p,
		     const struct sani_tcp_seg *syn, uint64_t now_us)
{
	sani_tcp_open_passive(c, p, syn, now_us);
	c->flags &= ~(uint32_t)SANI_TCP_F_SYN_DUE;
	c->snd_nxt = c->iss + 1;
}

uint32_t
sani_tcp_complete(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, uint32_t seq, struct sani_tcp_io *io)
{
	uint32_t ev = sani_tcp_establish(c, seg, sani_tcp_seg_wnd(c, seg), io->now_us);

	c->snd_wl1 = seq;
	if (c->flags & SANI_TCP_F_PASSIVE)
		sani_count(io->ctr, SANI_CTR_tcp_accepts);
	/* the text of its SYN was read before anybody could be told of the room */
	if (sani_unlikely(c->received > 0) && sani_tcp_window_update_due(c))
		c->flags |= SANI_TCP_F_ACK_NOW;
	return ev;
}

/* RFC 9293 3.10.7.4, fifth, SYN-RECEIVED. */
bool
sani_tcp_process_ack_syn_received(struct sani_tcp_rx *rx)
{
	struct sani_tcp_conn *c = rx->c;
	uint32_t ack = rx->seg->ack;

	if (seq_leq(ack, c->snd_una) || seq_gt(ack, c->snd_nxt)) {
		c->flags |= SANI_TCP_F_RST_DUE;
		c->rst_seq = ack;
		sani_count(rx->io->ctr, SANI_CTR_tcp_rx_drop_ack);
		return false;
	}
	rx->ev |= sani_tcp_complete(c, rx->seg, rx->seq, rx->io);
	return true;
}
