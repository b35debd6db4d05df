/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/priv.h"

#define OPTIONS_MOST 40u

void
sani_tcp_fast_option(const struct sani_tcp_conn *c, struct sani_tcp_seg *seg)
{
	bool answer = seg->flags & SANI_TCP_ACK;

	/* 4.1.3: what may have kept the first SYN from getting through is left out of the next ones */
	if (answer ? !(c->fast.flags & SANI_TCP_FAST_GIVE) :
		     !(c->fast.flags & SANI_TCP_FAST_ASK) || (c->flags & SANI_TCP_F_SYN_LOST))
		return;
	seg->opts |= SANI_TCP_OPT_FAST;
	seg->nb_fast = c->fast.nb;
	memcpy(seg->fast, c->fast.cookie, sizeof(seg->fast));
}

void
sani_tcp_fast_data(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	struct rte_mbuf *m = io->tx[io->nb_tx - 1];
	uint32_t mss = sani_tcp_min(c->fast.mss, sani_tcp_mss_to_announce(c));
	uint32_t len = mss > OPTIONS_MOST ? sani_tcp_min((uint32_t)c->written, mss - OPTIONS_MOST) : 0;

	if (!(c->fast.flags & SANI_TCP_FAST_DATA) || len == 0)
		return;
	sani_tcp_sndq_copy(c, c->iss + 1, len, rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len));
	m->data_len = (uint16_t)(m->data_len + len);
	m->pkt_len += len;
	c->snd_nxt += len;
	c->fast.flags |= SANI_TCP_FAST_SENT;
	sani_count(io->ctr, SANI_CTR_tcp_tx_fast);
}

void
sani_tcp_fast_answer(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg)
{
	/* a SYN that crosses ours has the peer's own */
	if (!(seg->opts & SANI_TCP_OPT_FAST) || !(seg->flags & SANI_TCP_ACK) || seg->nb_fast == 0 ||
	    !(c->fast.flags & SANI_TCP_FAST_ASK))
		return;
	memcpy(c->fast.cookie, seg->fast, sizeof(c->fast.cookie));
	c->fast.nb = seg->nb_fast;
	c->fast.flags |= SANI_TCP_FAST_GIVEN;
}

/*
 *            ISS + 1        ack          SND.NXT
 *   server      |------------|--------------|      what is left is in flight: the fifth step has it next
 *   client      |-- taken ---|-- not taken -|      nobody keeps it: it is new again
 */
uint32_t
sani_tcp_fast_established(struct sani_tcp_conn *c, uint32_t ack)
{
	uint32_t taken = ack - (c->iss + 1);

	if (c->fast.flags & SANI_TCP_FAST_EARLY) {
		c->snd_una = c->iss + 1;
		return 0;
	}
	c->snd_una = ack;
	c->snd_nxt = ack;
	if (taken == 0)
		return 0;
	sani_tcp_sndq_release(c, taken);
	c->fast.flags |= SANI_TCP_FAST_TAKEN;
	return SANI_TCP_EV_ACKED;
}
