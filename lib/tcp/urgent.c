/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/priv.h"
#include "tcp/urgent.h"

/*
 * Urgent data (RFC 9293 3.8.5) is part of the stream and delivered in line (RFC 6093 6); what is kept is a
 * mark in the stream for each direction, the octet behind the urgent data (MUST-62, RFC 6093 3.1 and 4).
 *
 *           read      RCV.NXT                rcv_up
 *   ----------|----------|----------------------|-----------
 *             |<-------- urgent, unread ------->|
 *
 * The mark moves forward only. It may lie behind what was received, behind the window, or behind the
 * peer's FIN: there the stream ends, and so does what is urgent.
 */

_Static_assert(SANI_TCP_MAYBE_URGENT == SANI_TCP_F_RCV_URG, "what others look at is the same flag");

/* The next octet that the program reads. */
static uint32_t
read_nxt(const struct sani_tcp_conn *c)
{
	return c->rcv_nxt - !!(c->flags & SANI_TCP_F_FIN_RCVD) - c->rcvq.bytes;
}

uint32_t
sani_tcp_urgent(const struct sani_tcp_conn *c)
{
	uint32_t up = c->rcv_up;

	if (!(c->flags & SANI_TCP_F_RCV_URG))
		return 0;
	if ((c->flags & SANI_TCP_F_FIN_KNOWN) && seq_gt(up, c->rcv_fin))
		up = c->rcv_fin;
	return seq_gt(up, read_nxt(c)) ? up - read_nxt(c) : 0;
}

/* RFC 9293 3.10.7.4, sixth; with a shut window too (MUST-66). A pointer of zero marks nothing. */
void
sani_tcp_process_urgent(struct sani_tcp_rx *rx)
{
	struct sani_tcp_conn *c = rx->c;
	uint32_t up = rx->seg->seq + rx->seg->urg;

	if (!(rx->flags & SANI_TCP_URG) || rx->seg->urg == 0)
		return;
	if (c->state < SAN_TCP_ESTABLISHED || c->state > SAN_TCP_FIN_WAIT_2)
		return;
	if (c->flags & SANI_TCP_F_RCV_URG)
		up = seq_max(up, c->rcv_up);
	if (seq_leq(up, read_nxt(c)))
		return;
	c->rcv_up = up;
	c->flags |= SANI_TCP_F_RCV_URG;
}

void
sani_tcp_note_read(struct sani_tcp_conn *c)
{
	if ((c->flags & SANI_TCP_F_RCV_URG) && sani_tcp_urgent(c) == 0)
		c->flags &= ~(uint32_t)SANI_TCP_F_RCV_URG;
}

/* RFC 9293 3.10.2. The peer is told at once, even if its window lets no text go. */
uint32_t
sani_tcp_urge(struct sani_tcp_conn *c)
{
	c->snd_up = sani_tcp_data_end(c);
	c->flags |= SANI_TCP_F_SND_URG;
	if (c->state >= SAN_TCP_ESTABLISHED && seq_geq(c->snd_nxt, c->snd_una + c->snd_wnd))
		c->flags |= SANI_TCP_F_ACK_NOW;
	return sani_tcp_wants_output(c) ? SANI_TCP_EV_OUTPUT : 0;
}

void
sani_tcp_put_urgent(struct sani_tcp_conn *c, struct sani_tcp_seg *seg)
{
	if (sani_likely(!(c->flags & SANI_TCP_F_SND_URG)))
		return;
	if (seq_geq(c->snd_una, c->snd_up)) {
		c->flags &= ~(uint32_t)SANI_TCP_F_SND_URG;
	} else if (seq_lt(seg->seq, c->snd_up) && !(seg->flags & (SANI_TCP_SYN | SANI_TCP_RST))) {
		seg->flags |= SANI_TCP_URG;
		seg->urg = (uint16_t)sani_tcp_min(c->snd_up - seg->seq, UINT16_MAX);
	}
}
