/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/priv.h"

/*
 * Explicit congestion notification (RFC 3168). Receiver: a CE mark is echoed in every ACK until the peer's
 * CWR. Sender: the echo is congestion without a loss, answered once a window; CWR tells the peer.
 *
 *   ECN_ECHO  we owe the peer ECE             set by CE, cleared by CWR
 *   CWR_DUE   the peer is owed CWR            set by each reduction, cleared with the next new data
 *
 * With DCTCP (RFC 8257 3.2) ECN_ECHO is DCTCP.CE: the mark of the last text that came, whatever CWR says.
 */

uint8_t
sani_tcp_ecn_wish(const struct sani_tcp_params *p)
{
	bool needed = p->tune.cc == SAN_CC_DCTCP && p->tune.ecn == SAN_ECN_ACCEPT;

	return needed ? SAN_ECN_REQUEST : p->tune.ecn;
}

/* 6.1.1: the SYN asks with ECE and CWR; once, for some middleboxes drop such SYNs (6.1.1.1). */
uint8_t
sani_tcp_ecn_syn_flags(const struct sani_tcp_conn *c, bool answer)
{
	if (answer)
		return c->flags & SANI_TCP_F_ECN ? SANI_TCP_ECE : 0;
	if (c->ecn != SAN_ECN_REQUEST || (c->flags & SANI_TCP_F_SYN_LOST))
		return 0;
	return SANI_TCP_ECE | SANI_TCP_CWR;
}

/* 6.1.1: a SYN asks with both flags, a SYN-ACK agrees with ECE alone. */
void
sani_tcp_ecn_take_syn(struct sani_tcp_conn *c, const struct sani_tcp_seg *syn)
{
	uint8_t both = syn->flags & (SANI_TCP_ECE | SANI_TCP_CWR);
	bool answer = syn->flags & SANI_TCP_ACK;
	bool agreed;

	if (answer)
		agreed = sani_tcp_ecn_syn_flags(c, false) != 0 && both == SANI_TCP_ECE;
	else
		agreed = c->ecn != SAN_ECN_OFF && both == (SANI_TCP_ECE | SANI_TCP_CWR);
	if (agreed)
		c->flags |= SANI_TCP_F_ECN;
}

/*
 * 6.1.1.1: a refused SYN that asked for ECN may have been refused for that. True: ask again without; the timeout
 * of the refused one says nothing about that.
 */
bool
sani_tcp_ecn_retry(struct sani_tcp_conn *c)
{
	if (sani_tcp_ecn_syn_flags(c, false) == 0)
		return false;
	c->ecn = SAN_ECN_OFF;
	c->flags |= SANI_TCP_F_SYN_DUE;
	sani_tcp_disarm(c, SANI_TCP_T_REXMIT);
	return true;
}

/*
 * RFC 8257 3.2: an ACK speaks of text of one kind. What came before a change is acknowledged now, as it came, the
 * first that is different with what is sent next. With no room for it that one ACK speaks for both.
 */
static void
echo_exactly(struct sani_tcp_rx *rx)
{
	struct sani_tcp_conn *c = rx->c;
	struct sani_tcp_io *io = rx->io;
	bool marked = rx->seg->ecn == SANI_ECN_CE;

	if (rx->seg->len == 0 || marked == !!(c->flags & SANI_TCP_F_ECN_ECHO))
		return;
	if (c->rcv_nxt != c->last_ack_sent && io->nb_tx < io->max_tx)
		sani_tcp_acknowledge_past(rx);
	c->flags ^= SANI_TCP_F_ECN_ECHO;
	c->flags |= SANI_TCP_F_ACK_NOW;
}

/* 6.1.3: CWR first: the mark of the same packet is newer than what the peer answers. */
void
sani_tcp_ecn_receive(struct sani_tcp_rx *rx)
{
	struct sani_tcp_conn *c = rx->c;

	if (sani_likely(!(c->flags & SANI_TCP_F_ECN)))
		return;
	if (rx->seg->ecn == SANI_ECN_CE)
		sani_count(rx->io->ctr, SANI_CTR_tcp_rx_ce);
	if (c->cc->exact_echo) {
		echo_exactly(rx);
		return;
	}
	if (rx->seg->flags & SANI_TCP_CWR)
		c->flags &= ~(uint32_t)SANI_TCP_F_ECN_ECHO;
	if (rx->seg->ecn == SANI_ECN_CE)
		c->flags |= SANI_TCP_F_ECN_ECHO;
}

/* What a segment that is not a SYN carries; new data takes the CWR that is due along. */
uint8_t
sani_tcp_ecn_flags(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg)
{
	uint8_t flags = 0;

	if (sani_likely(!(c->flags & SANI_TCP_F_ECN)))
		return 0;
	if (c->flags & SANI_TCP_F_ECN_ECHO)
		flags |= SANI_TCP_ECE;
	if ((c->flags & SANI_TCP_F_CWR_DUE) && seg->len > 0 && seg->seq == c->snd_nxt) {
		flags |= SANI_TCP_CWR;
		c->flags &= ~(uint32_t)SANI_TCP_F_CWR_DUE;
	}
	return flags;
}

/* 6.1.5, 6.1.6: new data only, no retransmission, no window probe, no ACK. */
bool
sani_tcp_ecn_capable(const struct sani_tcp_conn *c, const struct sani_tcp_seg *seg)
{
	return (c->flags & SANI_TCP_F_ECN) && seg->len > 0 && seg->seq == c->snd_nxt &&
	       !(c->flags & SANI_TCP_F_PROBE_DUE);
}

/* RFC 8257 3.6: the queue that marks the text would drop what cannot be marked. */
bool
sani_tcp_ecn_syn_capable(const struct sani_tcp_conn *c, uint8_t flags)
{
	return c->cc->exact_echo && (flags & SANI_TCP_ECE);
}
