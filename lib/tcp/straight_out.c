/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_byteorder.h>
#include <rte_tcp.h>

#include "tcp/priv.h"
#include "wire/buf.h"

/*
 * The head of output, as straight.c is that of input. Most calls are about one segment of an established connection to
 * which nothing rare has happened: it has all that is queued, and the windows and Nagle let it go. What output.c and
 * segment.c do of that is here, in one piece; for every other call they are asked. Both leave the same behind them.
 */

/* Where something else is due, or goes into the segment. */
#define RARE (SANI_TCP_F_RST_DUE | SANI_TCP_F_PROBE_DUE | SANI_TCP_F_PROBED | SANI_TCP_F_TLP_DUE |		\
	      SANI_TCP_F_TLP_OUT | SANI_TCP_F_REO | SANI_TCP_F_ECN | SANI_TCP_F_SND_URG | SANI_TCP_F_MTU)

/* Without SACK duplicates let more go (newreno.c). */
static inline bool
is_cwnd_extended(const struct sani_tcp_conn *c)
{
	return c->dup_acks != 0 && !(c->flags & SANI_TCP_F_SACK);
}

/* Of the flags in mask it has those in set. */
static inline bool
is_quiet(const struct sani_tcp_conn *c, uint32_t mask, uint32_t set)
{
	return c->ca == SANI_TCP_CA_OPEN && c->extras == 0 && (c->flags & mask) == set && !is_cwnd_extended(c) &&
	       (c->flight.sacked | c->flight.lost) == 0 && (c->dup_acks_due | c->keep_due) == 0 &&
	       c->rcvq.ooo == NULL && c->rcvq.dsack_left == c->rcvq.dsack_right;
}

/* All that is queued fits one segment and the windows, and the program does not hold it back. */
static inline bool
fits(const struct sani_tcp_conn *c, uint32_t out, uint32_t len)
{
	return len - 1 < c->snd_mss && out + len <= c->snd_wnd && out + len <= c->cwnd && !c->more;
}

/* Nor does Nagle, and it is not the first after an idle time. */
static inline bool
may_go(const struct sani_tcp_conn *c, uint32_t len, uint64_t now_us)
{
	uint32_t out = c->snd_nxt - c->snd_una;

	if (!fits(c, out, len))
		return false;
	return out > 0 ? (c->flags & SANI_TCP_F_NODELAY) != 0 : now_us - c->last_snd_us <= c->rto_us;
}

static inline bool
is_straight(const struct sani_tcp_conn *c, const struct sani_tcp_io *io)
{
	return c->state == SAN_TCP_ESTABLISHED && is_quiet(c, RARE | SANI_TCP_F_FIN_QUEUED, 0) &&
	       may_go(c, sani_tcp_data_end(c) - c->snd_nxt, io->now_us) && io->nb_tx < io->max_tx;
}

/* Nothing is out, so Nagle has no say; a full segment fits any window that an idle time leaves (RFC 5681 4.1). */
static inline bool
is_straight_but_idle(const struct sani_tcp_conn *c, const struct sani_tcp_io *io)
{
	return c->state == SAN_TCP_ESTABLISHED && c->snd_nxt == c->snd_una &&
	       is_quiet(c, RARE | SANI_TCP_F_FIN_QUEUED, 0) && fits(c, 0, sani_tcp_data_end(c) - c->snd_nxt) &&
	       io->nb_tx < io->max_tx;
}

/*
 * The FIN, which was not sent yet, with what text there is: less than a full segment. Of cwnd a FIN alone asks nothing,
 * and with one Nagle has no say.
 */
static inline bool
is_last(const struct sani_tcp_conn *c, const struct sani_tcp_io *io)
{
	uint32_t len = sani_tcp_data_end(c) - c->snd_nxt;
	uint32_t out = c->snd_nxt - c->snd_una;

	return (c->state == SAN_TCP_CLOSE_WAIT || c->state == SAN_TCP_FIN_WAIT_1) &&
	       is_quiet(c, RARE | SANI_TCP_F_FIN_QUEUED, SANI_TCP_F_FIN_QUEUED) && len < c->snd_mss &&
	       out + len < c->snd_wnd && (len == 0 || out + len <= c->cwnd) && io->nb_tx < io->max_tx &&
	       (out > 0 || io->now_us - c->last_snd_us <= c->rto_us);
}

bool
sani_tcp_is_straight_out(const struct sani_tcp_conn *c, const struct sani_tcp_io *io)
{
	return is_straight(c, io);
}

static inline uint16_t
choose_window(struct sani_tcp_conn *c)
{
	if (sani_unlikely(sani_tcp_edge_gain_at_most(c) >= sani_tcp_edge_least(c)))
		return sani_tcp_offer_window(c, false);
	return sani_tcp_shown_window(c, c->rcv_wscale);
}

/* @return Its length. */
static inline uint32_t
write_header(struct sani_tcp_conn *c, struct sani_tcp_plain *h, uint8_t flags, uint64_t now_us)
{
	h->src_port_be = rte_cpu_to_be_16(c->tuple.local_port);
	h->dst_port_be = rte_cpu_to_be_16(c->tuple.remote_port);
	h->seq_be = rte_cpu_to_be_32(c->snd_nxt);
	h->ack_be = rte_cpu_to_be_32(c->rcv_nxt);
	h->wnd_be = rte_cpu_to_be_16(choose_window(c));
	h->cksum_be = 0;
	h->urg_be = 0;
	h->flags = flags;
	h->off = SANI_TCP_HDR_MIN / 4 << 4;
	if (sani_unlikely(!(c->flags & SANI_TCP_F_TS)))
		return SANI_TCP_HDR_MIN;
	h->off = sizeof(*h) / 4 << 4;
	h->ts_be = rte_cpu_to_be_32(SANI_TCP_PLAIN_TS);
	h->tsval_be = rte_cpu_to_be_32(sani_tcp_ts_now(c, now_us));
	h->tsecr_be = rte_cpu_to_be_32(c->ts_recent);
	return sizeof(*h);
}

/* The text is most often in the first buffer of the queue, and all of it. */
static inline void
copy_text(struct sani_tcp_conn *c, uint32_t len, uint8_t *dst)
{
	const struct rte_mbuf *m = c->sndq.head;
	uint32_t off = c->snd_nxt - sani_tcp_sndq_first_seq(c);

	if (sani_likely(off < m->data_len && len <= m->data_len - off))
		memcpy(dst, rte_pktmbuf_mtod_offset(m, const uint8_t *, off), len);
	else
		sani_tcp_sndq_copy(c, c->snd_nxt, len, dst);
}

/*
 * The next segment, with len bytes of text. In the buffer is set up what segments are read by; the rest is what it is
 * in any mbuf of a pool (next, nb_segs, refcnt), or is written with the lower headers.
 */
static inline struct rte_mbuf *
build(struct sani_tcp_conn *c, struct rte_mbuf *m, uint32_t len, uint8_t flags, uint64_t now_us)
{
	uint8_t *at;
	uint32_t hdr_len;

	m->data_off = RTE_PKTMBUF_HEADROOM;
	at = rte_pktmbuf_mtod(m, uint8_t *);
	hdr_len = write_header(c, (struct sani_tcp_plain *)at, flags, now_us);
	if (flags != (SANI_TCP_ACK | SANI_TCP_FIN))
		copy_text(c, len, at + hdr_len);
	m->data_len = (uint16_t)(hdr_len + len);
	m->pkt_len = hdr_len + len;
	return m;
}

/* It is out, with so much sequence space, and carries the ACK that was due. */
static inline void
note_sent(struct sani_tcp_conn *c, uint32_t space, struct sani_tcp_io *io)
{
	uint64_t now_us = io->now_us;
	uint32_t end = c->snd_nxt + space;

	if (!sani_tcp_armed(c, SANI_TCP_T_REXMIT))
		sani_tcp_arm(c, SANI_TCP_T_REXMIT, now_us + sani_tcp_rto(c, c->backoff));
	if (!sani_tcp_armed(c, SANI_TCP_T_USER))
		sani_tcp_arm(c, SANI_TCP_T_USER, now_us + sani_tcp_user_timeout_us(c));
	c->last_snd_us = now_us;
	if (sani_likely(c->flight.nb == 0))
		sani_tcp_flight_begin(&c->flight, c->snd_nxt, now_us);
	else
		sani_tcp_flight_sent(c, c->snd_nxt, end, now_us, sani_tcp_table_pool(io));
	c->snd_nxt = end;
	c->last_ack_sent = c->rcv_nxt;
	c->flags &= ~(uint32_t)(SANI_TCP_F_ACK_NOW | SANI_TCP_F_PTO_DUE);
	sani_tcp_disarm(c, SANI_TCP_T_DELACK);
	sani_tcp_disarm(c, SANI_TCP_T_PERSIST);
	sani_tcp_note_cwnd_use(c);
	if (sani_likely(c->flags & SANI_TCP_F_SACK) && c->srtt_us != 0 && !c->tlp_untimed)
		sani_tcp_tlp_arm(c, now_us);
}

static inline __attribute__((always_inline)) bool
send(struct sani_tcp_conn *c, struct sani_tcp_io *io, uint8_t flags)
{
	uint32_t len = sani_tcp_data_end(c) - c->snd_nxt;
	struct rte_mbuf *m = sani_buf_take(io->pool, io->cache);

	if (sani_unlikely(m == NULL))
		return sani_tcp_output_any(c, io);
	io->tx[io->nb_tx++] = build(c, m, len, flags, io->now_us);
	sani_count(io->ctr, SANI_CTR_tcp_tx);
	c->segs_out++;
	note_sent(c, len + (flags & SANI_TCP_FIN), io);
	return false;
}

_Static_assert(SANI_TCP_FIN == 1, "the space of a FIN");

/* Is a SYN-ACK due, for the first time, and nothing else? */
static inline bool
is_syn_ack(const struct sani_tcp_conn *c, const struct sani_tcp_io *io)
{
	return c->state == SAN_TCP_SYN_RECEIVED && c->snd_nxt == c->iss && c->extras == 0 &&
	       (c->flags & (SANI_TCP_F_SYN_DUE | RARE)) == SANI_TCP_F_SYN_DUE && c->fast.flags == 0 &&
	       c->dup_acks_due == 0 && io->nb_tx < io->max_tx;
}

/* Of options what the peer has offered too, in the order of wire/tcp.c. @return Its length. */
static inline uint16_t
write_syn_ack(struct sani_tcp_conn *c, struct rte_tcp_hdr *h, uint64_t now_us)
{
	rte_be32_t *o = (rte_be32_t *)(void *)(h + 1);
	uint16_t len;

	*o++ = rte_cpu_to_be_32(SANI_TCP_MSS_WORD | sani_tcp_mss_to_announce(c));
	if (c->flags & SANI_TCP_F_WSCALE)
		*o++ = rte_cpu_to_be_32(SANI_TCP_WSCALE_WORD | c->rcv_wscale);
	if (c->flags & SANI_TCP_F_SACK)
		*o++ = rte_cpu_to_be_32(SANI_TCP_SACK_PERM_WORD);
	if (c->flags & SANI_TCP_F_TS) {
		*o++ = rte_cpu_to_be_32(SANI_TCP_PLAIN_TS);
		*o++ = rte_cpu_to_be_32(sani_tcp_ts_now(c, now_us));
		*o++ = rte_cpu_to_be_32(c->ts_recent);
	}
	len = (uint16_t)((uint8_t *)o - (uint8_t *)h);
	*h = (struct rte_tcp_hdr){
		.src_port = rte_cpu_to_be_16(c->tuple.local_port),
		.dst_port = rte_cpu_to_be_16(c->tuple.remote_port),
		.sent_seq = rte_cpu_to_be_32(c->iss),
		.recv_ack = rte_cpu_to_be_32(c->rcv_nxt),
		.data_off = (uint8_t)(len / 4 << 4),
		.tcp_flags = SANI_TCP_SYN | SANI_TCP_ACK,
		.rx_win = rte_cpu_to_be_16(sani_tcp_shown_window(c, 0)),
	};
	return len;
}

static inline bool
send_syn_ack(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	struct rte_mbuf *m = sani_buf_take(io->pool, io->cache);
	uint64_t now_us = io->now_us;

	if (sani_unlikely(m == NULL))
		return sani_tcp_output_any(c, io);
	m->data_off = RTE_PKTMBUF_HEADROOM;
	m->data_len = write_syn_ack(c, rte_pktmbuf_mtod(m, struct rte_tcp_hdr *), now_us);
	m->pkt_len = m->data_len;
	io->tx[io->nb_tx++] = m;
	sani_count(io->ctr, SANI_CTR_tcp_tx);
	c->segs_out++;
	if (!sani_tcp_armed(c, SANI_TCP_T_REXMIT))
		sani_tcp_arm(c, SANI_TCP_T_REXMIT, now_us + sani_tcp_rto(c, c->backoff));
	if (!sani_tcp_armed(c, SANI_TCP_T_USER))
		sani_tcp_arm(c, SANI_TCP_T_USER, now_us + sani_tcp_user_timeout_us(c));
	c->last_snd_us = now_us;
	c->snd_nxt = c->iss + 1;
	c->last_ack_sent = c->rcv_nxt;
	c->flags &= ~(uint32_t)(SANI_TCP_F_SYN_DUE | SANI_TCP_F_ACK_NOW | SANI_TCP_F_PTO_DUE);
	sani_tcp_disarm(c, SANI_TCP_T_DELACK);
	return false;
}

static __attribute__((noinline)) bool
output_other(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	bool alone = sani_tcp_data_end(c) == c->snd_nxt;
	bool more;

	if (is_straight_but_idle(c, io)) {
		sani_tcp_restart_after_idle(c, io);
		return send(c, io, SANI_TCP_ACK | SANI_TCP_PSH);
	}
	if (is_syn_ack(c, io))
		return send_syn_ack(c, io);
	if (!is_last(c, io))
		return sani_tcp_output_any(c, io);
	more = alone ? send(c, io, SANI_TCP_ACK | SANI_TCP_FIN) :
		       send(c, io, SANI_TCP_ACK | SANI_TCP_PSH | SANI_TCP_FIN);
	if (!more && c->state == SAN_TCP_CLOSE_WAIT)
		sani_tcp_set_state(c, SAN_TCP_LAST_ACK);
	return more;
}

bool
sani_tcp_output(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	if (sani_likely(is_straight(c, io)))
		return send(c, io, SANI_TCP_ACK | SANI_TCP_PSH);
	return output_other(c, io);
}
