/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/keepalive.h"
#include "tcp/priv.h"

/*
 * The head of input. Most segments are the next in order, of an established connection to which nothing rare has
 * happened, and acknowledge nothing, or the begin of what is in flight. For these most of the questions of RFC 9293
 * 3.10.7.4 (input.c, ack.c, text.c) have one answer, and what is left is here: steps in the same order, each a special
 * case of the one there. Every other segment goes that way. Both leave the same block behind them.
 *
 * So do the segments that each connection has once: the one that completes a handshake, which is the first of an
 * established connection's too; the peer's FIN; and the ACK of ours, where that is the end.
 */

/* Where the answers are others. */
#define RARE (SANI_TCP_F_PROBED | SANI_TCP_F_TLP_OUT | SANI_TCP_F_REO | SANI_TCP_F_ECN)
#define RARE_EXTRAS (SANI_TCP_X_CWV | SANI_TCP_X_NONVALIDATED)

/* In this state, and none of the flags is set. */
static inline bool
is_quiet(const struct sani_tcp_conn *c, enum san_tcp_state state, uint32_t rare)
{
	return c->state == state && c->ca == SANI_TCP_CA_OPEN && !(c->extras & RARE_EXTRAS) && !(c->flags & rare) &&
	       (c->flight.sacked | c->flight.lost) == 0 && c->snd_wnd > 0;
}

/* With the timestamp that was agreed on, and no other option; PAWS has nothing against it. */
static inline bool
has_plain_header(const struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, unsigned int may_have)
{
	if ((seg->flags & ~may_have) != SANI_TCP_ACK || seg->seq != c->rcv_nxt || seg->wnd == 0)
		return false;
	if (!(c->flags & SANI_TCP_F_TS))
		return seg->opts == 0;
	return seg->opts == SANI_TCP_OPT_TS && seq_geq(seg->tsval, c->ts_recent);
}

/* Without SACK what acknowledges nothing new may be a duplicate that counts (newreno.c). */
static inline bool
may_be_duplicate(const struct sani_tcp_conn *c, const struct sani_tcp_seg *seg)
{
	return seg->len == 0 && !(c->flags & SANI_TCP_F_SACK) && c->snd_nxt != c->snd_una;
}

/* Nothing new, or of the first run only, which has fared well; and it is the highest number that was delivered. */
static inline bool
acks_plainly(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg)
{
	uint32_t ack = seg->ack;

	if (ack == c->snd_una)
		return !may_be_duplicate(c, seg);
	return seq_gt(ack, c->snd_una) && sani_tcp_flight_is_plain(c, ack) && seq_geq(ack, c->rack_fack);
}

/* In the window, one mbuf, and there is room for it. */
static inline bool
has_plain_text(const struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, const struct rte_mbuf *m,
	       const struct sani_tcp_io *io)
{
	if (seg->len == 0)
		return m == NULL && (!(seg->flags & SANI_TCP_FIN) || c->rcvq.ooo == NULL);
	return seg->len <= c->rcv_mss && m->pkt_len == seg->len && m->next == NULL && c->rcvq.ooo == NULL &&
	       seq_leq(seg->seq + seg->len, c->rcv_adv) && !io->scarce && !sani_tcp_is_ack_overdue(c) &&
	       sani_tcp_rcvq_has_room(&c->rcvq, 1);
}

static inline bool
is_straight(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, const struct rte_mbuf *m,
	    const struct sani_tcp_io *io)
{
	return is_quiet(c, SAN_TCP_ESTABLISHED, RARE | SANI_TCP_F_FIN_KNOWN) &&
	       has_plain_header(c, seg, SANI_TCP_PSH | SANI_TCP_FIN) && acks_plainly(c, seg) &&
	       has_plain_text(c, seg, m, io);
}

bool
sani_tcp_is_straight(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, const struct rte_mbuf *m,
		     const struct sani_tcp_io *io)
{
	return is_straight(c, seg, m, io);
}

static inline void
grow_cwnd(struct sani_tcp_conn *c, uint32_t acked, uint32_t rtt_us, struct sani_tcp_io *io)
{
	struct sani_tcp_cc_ack ack;

	if (sani_likely(!sani_tcp_cc_has_part(c)))
		return;
	ack = (struct sani_tcp_cc_ack){
		.now_us = io->now_us, .acked = acked, .rtt_us = rtt_us, .limited = c->cwnd_full,
	};
	c->cc->acked(c, &ack);
	if (ack.limited)
		sani_tcp_grow_sndbuf(c, io);
}

/*
 * Most often it is all that was written, and that lies in one buffer, which is the queue's alone where nothing is lent.
 * Of many connections that is in far memory, and nothing of it is looked at.
 */
static inline void
release(struct sani_tcp_conn *c, uint32_t acked, const struct sani_tcp_io *io)
{
	struct sani_tcp_sndq *q = &c->sndq;
	struct rte_mbuf *m = q->head;

	if (sani_unlikely(m != q->tail || c->acked + acked != c->written || q->cur != NULL ||
			  (c->extras & SANI_TCP_X_LENT) != 0)) {
		sani_tcp_sndq_release(c, acked);
		return;
	}
	c->acked += acked;
	q->head = q->tail = NULL;
	sani_tcp_spare_give(io->spare, m, io->pool);
}

/* Fifth: new data is acknowledged, sent once and all at the same time. */
static inline __attribute__((always_inline)) void
take_ack(struct sani_tcp_conn *c, uint32_t ack, struct sani_tcp_io *io)
{
	uint32_t acked = ack - c->snd_una;
	uint32_t sent_us = sani_tcp_run_time(sani_tcp_runs(c));
	uint32_t rtt_us;

	sani_tcp_note_flight(c, io->now_us);
	sani_tcp_flight_pass(c, ack);
	release(c, acked, io);
	c->snd_una = ack;
	c->rack_fack = ack;
	c->soft_error = 0;
	c->dup_acks = 0;
	rtt_us = sani_tcp_rtt_sent_once(c, ack, sent_us, io->now_us);
	if (sani_likely(c->flags & SANI_TCP_F_SACK))
		sani_tcp_rack_note(c, sent_us, ack, io->now_us);
	else
		sani_tcp_drag_recover(c);
	grow_cwnd(c, acked, rtt_us, io);
	if (c->snd_una == c->snd_nxt)
		sani_tcp_rest(c);
	else
		sani_tcp_restart_timers(c, io->now_us);
}

/* Seventh. */
static inline void
take_text(struct sani_tcp_conn *c, struct rte_mbuf *m, uint32_t len, struct sani_tcp_io *io)
{
	if (sani_likely(c->rcvq.tail == NULL))
		sani_tcp_rcvq_begin(c, m, len);
	else
		sani_tcp_rcvq_append(c, m, len);
	sani_tcp_owe_ack(c, io->now_us);
	if (c->rcvq.limit < c->rcvq.max && (uint32_t)io->now_us - c->rcv_round_us >= SANI_TCP_ROUND_MIN_US)
		sani_tcp_grow_rcvbuf(c, io);
}

/* Eighth: all before it is there. */
static inline uint32_t
take_fin(struct sani_tcp_conn *c, uint32_t fin, uint64_t now_us)
{
	c->rcv_fin = fin;
	c->flags |= SANI_TCP_F_FIN_KNOWN;
	return sani_tcp_take_fin(c, now_us);
}

/* Neither text nor FIN, and what it acknowledges is noted. */
static inline uint32_t
take_bare(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, struct sani_tcp_io *io)
{
	c->last_rcv = (uint32_t)(io->now_us >> SANI_TCP_RCV_SHIFT);
	if (c->flags & SANI_TCP_F_TS)
		sani_tcp_update_ts_recent(c, seg, io->now_us);
	return sani_tcp_wants_output(c) ? SANI_TCP_EV_OUTPUT : 0;
}

/* Not in line: segments that cannot go so would save registers for it. */
static __attribute__((noinline)) uint32_t
go_straight(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, struct rte_mbuf *m, struct sani_tcp_io *io)
{
	uint32_t ev = 0;

	if (seg->ack != c->snd_una) {
		take_ack(c, seg->ack, io);
		ev |= SANI_TCP_EV_ACKED;
	}
	sani_tcp_update_snd_wnd(c, seg, seg->seq);
	c->last_rcv = (uint32_t)(io->now_us >> SANI_TCP_RCV_SHIFT);
	if (c->flags & SANI_TCP_F_TS)
		sani_tcp_update_ts_recent(c, seg, io->now_us);
	if (seg->len > 0) {
		take_text(c, m, seg->len, io);
		ev |= SANI_TCP_EV_READABLE;
	}
	if (sani_unlikely(seg->flags & SANI_TCP_FIN))
		ev |= take_fin(c, seg->seq + seg->len, io->now_us);
	return sani_tcp_wants_output(c) ? ev | SANI_TCP_EV_OUTPUT : ev;
}

/* Does it acknowledge a SYN-ACK, and nothing behind that, with a segment that goes on like any other? */
static inline bool
is_completing(const struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, const struct rte_mbuf *m,
	      const struct sani_tcp_io *io)
{
	return c->state == SAN_TCP_SYN_RECEIVED && (c->flags & SANI_TCP_F_PASSIVE) && seg->ack == c->iss + 1 &&
	       c->snd_nxt == c->iss + 1 && has_plain_header(c, seg, SANI_TCP_PSH | SANI_TCP_FIN) &&
	       has_plain_text(c, seg, m, io);
}

/* Is it nothing but the ACK of our FIN, to which the peer's FIN has come before? */
static inline bool
is_last(const struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, const struct rte_mbuf *m)
{
	return c->state == SAN_TCP_LAST_ACK && seg->ack == c->snd_nxt && seg->len == 0 && m == NULL &&
	       has_plain_header(c, seg, SANI_TCP_PSH);
}

static __attribute__((noinline)) uint32_t
input_other(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, struct rte_mbuf *m, struct sani_tcp_io *io)
{
	if (is_completing(c, seg, m, io)) {
		uint32_t ev = sani_tcp_complete(c, seg, seg->seq, io);

		if (m != NULL || (seg->flags & SANI_TCP_FIN) || !is_quiet(c, SAN_TCP_ESTABLISHED, RARE))
			return ev | sani_tcp_input(c, seg, m, io);
		c->segs_in++;
		return ev | take_bare(c, seg, io);
	}
	c->segs_in++;
	return is_last(c, seg, m) ? sani_tcp_end(c) : sani_tcp_process(c, seg, m, io);
}

uint32_t
sani_tcp_input(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, struct rte_mbuf *m, struct sani_tcp_io *io)
{
	if (sani_unlikely(!is_straight(c, seg, m, io)))
		return input_other(c, seg, m, io);
	c->segs_in++;
	return go_straight(c, seg, m, io);
}
