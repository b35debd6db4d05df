/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/priv.h"

/* What the buffer could take now, in units that the window field can show. */
static uint32_t
free_window(const struct sani_tcp_conn *c, uint8_t wscale)
{
	const struct sani_tcp_rcvq *q = &c->rcvq;
	uint32_t room = q->limit - sani_tcp_min(q->limit, q->bytes);

	return sani_tcp_min(room, (uint32_t)UINT16_MAX << wscale) >> wscale << wscale;
}

/* How far it could. */
static int32_t
edge_gain(const struct sani_tcp_conn *c, uint8_t wscale)
{
	return seq_diff(c->rcv_nxt + free_window(c, wscale), c->rcv_adv);
}

static void
move_edge(struct sani_tcp_conn *c, int32_t gain, int32_t least)
{
	if (gain > 0 && gain >= least)
		c->rcv_adv += (uint32_t)gain;
}

/*
 * Silly windows are avoided here (RFC 9293 3.8.6.2.2, MUST-39): the edge stays where it is until it can
 * move by half the buffer or one segment.
 *
 *      RCV.NXT            rcv_adv        RCV.NXT + free
 *   ------|------------------|-----------------|----
 *         |<-- offered ----->|<---- gain ----->|
 *
 * The edge never moves back; while the SYN-ACK may have to go again, whose window is not scaled, it stays
 * where that can show it. What is shown may lie left of it by less than one unit of the scale (RFC
 * 7323 2.4); text up to the edge itself is taken all the same.
 */
uint16_t
sani_tcp_offer_window(struct sani_tcp_conn *c, bool syn)
{
	uint8_t wscale = syn ? 0 : c->rcv_wscale;
	int32_t least = sani_tcp_edge_least(c);

	if (sani_tcp_edge_gain_at_most(c) >= least && c->state != SAN_TCP_SYN_RECEIVED)
		move_edge(c, edge_gain(c, wscale), least);
	return sani_tcp_shown_window(c, wscale);
}

/*
 * An ACK of its own only for two segments or half the buffer; for one segment when the peer has less
 * than one left to send into, for then it may be waiting.
 */
bool
sani_tcp_window_update_due(const struct sani_tcp_conn *c)
{
	uint32_t mss = sani_tcp_mss_to_announce(c);
	bool short_of_window = seq_lt(c->rcv_adv, c->rcv_nxt + mss);
	int32_t least = (int32_t)sani_tcp_min(c->rcvq.limit / 2, short_of_window ? mss : 2 * mss);
	int32_t gain;

	if (sani_likely(sani_tcp_edge_gain_at_most(c) < least) || c->state < SAN_TCP_ESTABLISHED ||
	    (c->flags & SANI_TCP_F_FIN_RCVD))
		return false;
	gain = edge_gain(c, c->rcv_wscale);
	return gain > 0 && gain >= least;
}
