/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/priv.h"

/*
 * Is the first block a D-SACK (RFC 2883 4)? It lies below the ACK, or inside the block behind it. One that
 * reports what we never sent, or more than a window ago, is nonsense.
 */
static bool
is_dsack(const struct sani_tcp_conn *c, const struct sani_tcp_seg *seg)
{
	const struct sani_tcp_block *b = seg->sack;

	if (seq_geq(b[0].left, b[0].right) || seq_gt(b[0].right, c->snd_nxt) ||
	    seq_lt(b[0].left, c->snd_una - c->max_snd_wnd))
		return false;
	if (seq_leq(b[0].right, seg->ack))
		return true;
	return seg->nb_sack > 1 && seq_geq(b[0].left, b[1].left) && seq_leq(b[0].right, b[1].right);
}

/* Each block is believed or ignored by itself: old, inverted, or beyond what was sent. */
static void
take_block(struct sani_tcp_rx *rx, struct sani_tcp_block b, struct sani_tcp_delivery *d)
{
	struct sani_tcp_conn *c = rx->c;

	if (seq_lt(b.left, c->snd_una))
		b.left = c->snd_una;
	if (seq_geq(b.left, b.right) || seq_gt(b.right, c->snd_nxt))
		return;
	sani_tcp_flight_sacked(c, b.left, b.right, d, sani_tcp_table_pool(rx->io));
}

void
sani_tcp_sack_input(struct sani_tcp_rx *rx, struct sani_tcp_delivery *d)
{
	const struct sani_tcp_seg *seg = rx->seg;
	uint8_t first = 0;

	if (!(rx->c->flags & SANI_TCP_F_SACK))
		return;
	if (is_dsack(rx->c, seg)) {
		d->dsacked = seg->sack[0].right - seg->sack[0].left;
		sani_count(rx->io->ctr, SANI_CTR_tcp_rx_dsack);
		first = 1;
	}
	if (rx->c->flight.nb == 0)
		return;
	for (uint8_t i = first; i < seg->nb_sack; i++)
		take_block(rx, seg->sack[i], d);
}

void
sani_tcp_dsack_owe(struct sani_tcp_rcvq *q, uint32_t left, uint32_t right)
{
	q->dsack_left = left;
	q->dsack_right = right;
}

/* How many blocks fit beside the payload and the timestamps: options count to the peer's MSS too (RFC 6691 2). */
static uint8_t
count_room(const struct sani_tcp_conn *c, uint32_t len)
{
	uint32_t opts = c->flags & SANI_TCP_F_TS ? 12 : 0;
	uint32_t limit = sani_tcp_min(c->peer_mss, sani_tcp_mss_to_announce(c));
	uint32_t used = opts + len;
	uint32_t most = (SANI_TCP_HDR_MAX - SANI_TCP_HDR_MIN - opts - 4) / 8;
	uint32_t room = limit > used + 4 ? (limit - used - 4) / 8 : 0;

	return (uint8_t)sani_tcp_min(room, most);
}

/*
 * What is reported twice comes first, and then the range that it lies in (RFC 2883 4). Right of the ACK it needs
 * both, for alone it says no more than a SACK; with room for one only it waits for the next segment.
 */
static uint8_t
put_dsack(struct sani_tcp_rcvq *q, struct sani_tcp_seg *seg, uint8_t room)
{
	if (room == 1 && seq_gt(q->dsack_right, seg->ack))
		return 0;
	seg->sack[0] = (struct sani_tcp_block){ .left = q->dsack_left, .right = q->dsack_right };
	q->dsack_right = q->dsack_left;
	if (room > 1 && sani_tcp_ooo_find(q, seg->sack[0].left, &seg->sack[1]))
		return 2;
	return 1;
}

void
sani_tcp_sack_fill(struct sani_tcp_conn *c, struct sani_tcp_seg *seg)
{
	struct sani_tcp_rcvq *q = &c->rcvq;
	struct sani_tcp_block more[SANI_TCP_SACK_BLOCKS];
	uint8_t room;
	uint8_t n = 0;
	uint8_t nb;

	if (sani_likely(q->ooo == NULL && q->dsack_left == q->dsack_right) ||
	    !(c->flags & SANI_TCP_F_SACK))
		return;
	room = count_room(c, seg->len);
	if (room == 0)
		return;
	if (q->dsack_left != q->dsack_right)
		n = put_dsack(q, seg, room);
	nb = sani_tcp_ooo_blocks(q, more, SANI_TCP_SACK_BLOCKS);
	for (uint8_t i = 0; i < nb && n < room; i++)
		if (n < 2 || more[i].left != seg->sack[1].left)
			seg->sack[n++] = more[i];
	seg->nb_sack = n;
	if (n > 0)
		seg->opts |= SANI_TCP_OPT_SACK;
}
