/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/priv.h"

#define POOL_RETRY_US 1000u

/* How a part of output ended. */
enum sent {
	SENT_ALL,	/* nothing more that may be sent now */
	SENT_FULL,	/* io->tx is full */
	SENT_NOMEM,	/* the pool is empty */
	SENT_HELD,	/* new data waits for room */
};

static enum sent
send_one(struct sani_tcp_conn *c, struct sani_tcp_io *io, uint32_t seq, uint32_t len, uint8_t flags)
{
	if (io->nb_tx == io->max_tx)
		return SENT_FULL;
	return sani_tcp_send(c, io, seq, len, flags) ? SENT_ALL : SENT_NOMEM;
}

/* PSH goes on the last segment of what was queued (MUST-61). */
static uint8_t
data_flags(const struct sani_tcp_conn *c, uint32_t seq, uint32_t len, bool fin)
{
	uint8_t flags = SANI_TCP_ACK;

	if (len > 0 && seq + len == sani_tcp_data_end(c))
		flags |= SANI_TCP_PSH;
	if (fin)
		flags |= SANI_TCP_FIN;
	return flags;
}

static enum sent
send_rst(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	enum sent r;

	if (!(c->flags & SANI_TCP_F_RST_DUE))
		return SENT_ALL;
	r = send_one(c, io, c->rst_seq, 0, SANI_TCP_RST);
	if (r != SENT_ALL)
		return r;
	c->flags &= ~(uint32_t)SANI_TCP_F_RST_DUE;
	sani_count(io->ctr, SANI_CTR_tcp_tx_rst);
	return SENT_ALL;
}

static enum sent
send_syn(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	bool again = c->snd_nxt != c->iss;
	uint8_t flags = SANI_TCP_SYN;
	enum sent r;

	if (!(c->flags & SANI_TCP_F_SYN_DUE))
		return SENT_ALL;
	if (c->state == SAN_TCP_SYN_RECEIVED)
		flags |= SANI_TCP_ACK;
	flags |= sani_tcp_ecn_syn_flags(c, flags & SANI_TCP_ACK);
	r = send_one(c, io, c->iss, 0, flags);
	if (r != SENT_ALL)
		return r;
	c->flags &= ~(uint32_t)SANI_TCP_F_SYN_DUE;
	if (sani_tcp_ecn_syn_capable(c, flags))
		io->ect |= UINT64_C(1) << (io->nb_tx - 1);
	if (again)
		sani_count(io->ctr, SANI_CTR_tcp_tx_rexmit);
	else if (!(flags & SANI_TCP_ACK))
		sani_tcp_fast_data(c, io);
	return SENT_ALL;
}

/*
 * Where a retransmission of [seq, end) ends, the FIN not counted. The octet of a window probe was not taken
 * while the window was shut, so what is new may follow it in the same segment.
 */
static uint32_t
rtx_len(const struct sani_tcp_conn *c, uint32_t seq, uint32_t end)
{
	uint32_t data_end = sani_tcp_data_end(c);

	if (c->flags & SANI_TCP_F_PROBED)
		end = seq_max(end, c->snd_una + c->snd_wnd);
	if (seq_gt(end, data_end))
		end = data_end;
	return seq_lt(seq, end) ? sani_tcp_min(end - seq, c->snd_mss) : 0;
}

/* The FIN goes with its last byte again, or alone, if it was sent before. */
static bool
rtx_fin(const struct sani_tcp_conn *c, uint32_t seq, uint32_t len, uint32_t end)
{
	uint32_t data_end = sani_tcp_data_end(c);

	return sani_tcp_fin_sent(c) && seq + len == data_end && seq_gt(end, data_end);
}

static enum sent
send_again(struct sani_tcp_conn *c, struct sani_tcp_io *io, uint32_t seq, uint32_t end)
{
	uint32_t len = rtx_len(c, seq, end);
	bool fin = rtx_fin(c, seq, len, end);
	enum sent r = send_one(c, io, seq, len, data_flags(c, seq, len, fin));

	if (r == SENT_ALL)
		sani_count(io->ctr, SANI_CTR_tcp_tx_rexmit);
	return r;
}

static enum sent
send_rtx(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	uint32_t seq;
	uint32_t end;

	while (sani_tcp_flight_first_lost(c, &seq, &end)) {
		uint32_t space = sani_tcp_min(end - seq, c->snd_mss);
		enum sent r;

		if (!(c->flags & SANI_TCP_F_RTX_NOW) &&
		    (sani_tcp_pipe(c) + space > sani_tcp_pace_cap(c, c->cwnd) || seq + space - c->snd_una > c->snd_wnd))
			break;
		r = send_again(c, io, seq, end);
		if (r != SENT_ALL)
			return r;
		c->flags &= ~(uint32_t)(SANI_TCP_F_RTX_NOW | SANI_TCP_F_PROBED);
		sani_tcp_note_cwnd_use(c);
	}
	return SENT_ALL;
}

/*
 * Silly windows and Nagle (RFC 9293 3.8.6.2.1, 3.7.4). U is the usable window, D what is queued; len is
 * min(D, U, Eff.snd.MSS). Every write pushes, but one that more is to follow. The override timeout is the
 * persist timer.
 */
static bool
is_worth_sending(const struct sani_tcp_conn *c, uint32_t len, bool last, bool fin)
{
	bool free_to_go = (c->flags & SANI_TCP_F_NODELAY) || c->snd_nxt == c->snd_una;

	if (len >= c->snd_mss || fin || (c->flags & SANI_TCP_F_PROBE_DUE))
		return true;
	if (last)
		return free_to_go && !c->more;
	return free_to_go && len >= c->max_snd_wnd / 2;
}

/* A segment with new data, or a FIN. */
struct plan {
	uint32_t len;
	bool last;	/* it ends what was written */
	bool fin;
};

/* Where each segment has to be one of its own. */
#define UNCUT (SANI_TCP_F_ECN | SANI_TCP_F_SND_URG | SANI_TCP_F_MTU | SANI_TCP_F_PROBE_DUE)

/*
 * Of room bytes that may go, as many full segments as the port will cut a packet into; what is left goes after them.
 * While the pool runs low none is made: so many buffers may never be free at once. Nor where too many wait for their
 * ports: single segments would be more work for a port that is behind, but the room may be taken by another port's.
 */
static SANI_SELDOM uint32_t
plan_packet(const struct sani_tcp_conn *c, uint32_t room, struct sani_tcp_io *io)
{
	uint32_t most = sani_tcp_min(room, io->cut->max);

	most -= most % c->snd_mss;
	if (most < SANI_TCP_CUT_LEAST || c->snd_mss < SANI_TCP_CUT_MSS_LEAST || io->scarce)
		return c->snd_mss;
	if ((c->flags & UNCUT) || (c->extras & ~SANI_TCP_X_LENT))
		return c->snd_mss;
	if (sani_likely(most <= io->cut->room))
		return most;
	if (!io->cut->waits)
		return c->snd_mss;
	io->max_tx = io->nb_tx;
	return most;
}

/* What may go out now; false: nothing. */
static bool
plan_new(const struct sani_tcp_conn *c, struct sani_tcp_io *io, struct plan *p)
{
	uint32_t unsent = sani_tcp_unsent(c);
	uint32_t edge = c->snd_una + c->snd_wnd;
	uint32_t usable = seq_gt(edge, c->snd_nxt) ? edge - c->snd_nxt : 0;
	uint32_t cwnd = sani_tcp_pace_cap(c, sani_tcp_cwnd_now(c));
	uint32_t pipe = sani_tcp_pipe(c);

	p->len = sani_tcp_min(sani_tcp_min(unsent, usable), c->snd_mss);
	if (sani_unlikely(io->cut != NULL) && p->len == c->snd_mss && pipe < cwnd)
		p->len = plan_packet(c, sani_tcp_min(sani_tcp_min(unsent, usable), cwnd - pipe), io);
	p->last = p->len == unsent;
	p->fin = (c->flags & SANI_TCP_F_FIN_QUEUED) && !sani_tcp_fin_sent(c) && p->last && usable > p->len;
	if (p->len == 0)
		return p->fin;
	return pipe + p->len <= cwnd && is_worth_sending(c, p->len, p->last, p->fin);
}

/* PSH goes on the last segment of what was queued (MUST-61). */
static uint8_t
flags_of(const struct plan *p)
{
	return (uint8_t)(SANI_TCP_ACK | (p->last && p->len > 0 ? SANI_TCP_PSH : 0) | (p->fin ? SANI_TCP_FIN : 0));
}

void
sani_tcp_restart_after_idle(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	uint64_t now_us = io->now_us;

	if (c->snd_una != c->snd_nxt || c->last_snd_us == 0 || now_us - c->last_snd_us <= c->rto_us)
		return;
	if (c->extras & SANI_TCP_X_CWV)
		sani_tcp_cwv_resume(c, io);
	else
		c->cwnd = sani_tcp_min(c->cwnd, sani_tcp_initial_window(c));
	c->cc->restart(c, now_us - c->last_snd_us);
}

static enum sent
send_new(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	struct plan p;

	if (sani_tcp_has_rtx(c) || (c->flags & SANI_TCP_F_PROBED) || !sani_tcp_has_new(c))
		return SENT_ALL;
	sani_tcp_restart_after_idle(c, io);
	while (plan_new(c, io, &p)) {
		enum sent r = send_one(c, io, c->snd_nxt, p.len, flags_of(&p));

		if (r != SENT_ALL)
			return r;
		c->flags &= ~(uint32_t)SANI_TCP_F_PROBE_DUE;
		if (sani_unlikely(p.fin) && c->state == SAN_TCP_CLOSE_WAIT)
			sani_tcp_set_state(c, SAN_TCP_LAST_ACK);
		/* a FIN that the window has not let through is new still, but has to wait for it */
		if (p.last)
			break;
	}
	sani_tcp_note_cwnd_use(c);
	return SENT_ALL;
}

/* The segment at the end of the flight, its FIN included, goes again. */
static enum sent
probe_again(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	uint32_t out = c->snd_nxt - c->snd_una;
	uint32_t len = sani_tcp_min(out, c->snd_mss + sani_tcp_fin_sent(c));
	enum sent r = send_again(c, io, c->snd_nxt - len, c->snd_nxt);

	if (r == SENT_ALL)
		c->flags |= SANI_TCP_F_TLP_RTX;
	return r;
}

/*
 * Loss probe (RFC 8985 7.3): one segment beyond cwnd, new if the window allows, else the last one again. Where only
 * the ACK of the flight was lost, a new one is all that the peer has not acknowledged, and its ACK may be held back
 * for many round trips of a short path. PSH says that nothing comes behind it: many peers answer that at once.
 */
static enum sent
send_loss_probe(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	uint32_t edge = c->snd_una + c->snd_wnd;
	uint32_t usable = seq_gt(edge, c->snd_nxt) ? edge - c->snd_nxt : 0;
	uint32_t len = sani_tcp_min(sani_tcp_min(sani_tcp_unsent(c), usable), c->snd_mss);
	enum sent r;

	if (!(c->flags & SANI_TCP_F_TLP_DUE))
		return SENT_ALL;
	if (c->snd_una != c->snd_nxt) {
		c->flags &= ~(uint32_t)SANI_TCP_F_TLP_RTX;
		if (len > 0)
			r = send_one(c, io, c->snd_nxt, len,
				     data_flags(c, c->snd_nxt, len, false) | SANI_TCP_PSH);
		else
			r = probe_again(c, io);
		if (r != SENT_ALL)
			return r;
		c->flags |= SANI_TCP_F_TLP_OUT;
		c->flags &= ~(uint32_t)SANI_TCP_F_PTO_DUE;
		c->tlp_end = c->snd_nxt;
		c->tlp_untimed = true;
		sani_count(io->ctr, SANI_CTR_tcp_tx_tlp);
	}
	c->flags &= ~(uint32_t)SANI_TCP_F_TLP_DUE;
	return SENT_ALL;
}

/*
 * Window probe (RFC 9293 3.8.6.1): one octet right of the window, new or the one of the last probe. It
 * is outstanding from then on, but the persist timer repeats it, not the retransmission timer.
 */
static enum sent
send_probe(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	uint32_t seq = c->snd_una;
	uint32_t len = seq_lt(seq, sani_tcp_data_end(c)) ? 1 : 0;
	bool again = c->flags & SANI_TCP_F_PROBED;
	enum sent r;

	if (!(c->flags & SANI_TCP_F_PROBE_DUE))
		return SENT_ALL;
	if (again || (c->snd_una == c->snd_nxt && sani_tcp_has_new(c))) {
		r = send_one(c, io, seq, len, data_flags(c, seq, len, len == 0));
		if (r != SENT_ALL)
			return r;
		c->flags |= SANI_TCP_F_PROBED;
		sani_tcp_disarm(c, SANI_TCP_T_REXMIT);
		sani_count(io->ctr, SANI_CTR_tcp_tx_probe);
		if (len == 0 && c->state == SAN_TCP_CLOSE_WAIT)
			sani_tcp_set_state(c, SAN_TCP_LAST_ACK);
	}
	c->flags &= ~(uint32_t)SANI_TCP_F_PROBE_DUE;
	return SENT_ALL;
}

/*
 * The sender counts duplicate ACKs (RFC 5681 4.2), so each segment out of order gets its own; only text
 * does not count as one, so they are sent even if the ACK went out with text.
 */
static enum sent
send_acks(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	while (c->dup_acks_due > 0 || (c->flags & SANI_TCP_F_ACK_NOW)) {
		enum sent r = send_one(c, io, sani_tcp_bare_seq(c), 0, SANI_TCP_ACK);

		if (r != SENT_ALL)
			return r;
		if (c->dup_acks_due > 0)
			c->dup_acks_due--;
	}
	return SENT_ALL;
}

/*
 * Keepalive (RFC 9293 3.8.4): an empty segment left of the window, which the peer has to answer. Behind the
 * ACKs: it might not take the ACK in it. What was sent meanwhile asks as well.
 */
static enum sent
send_keepalive(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	enum sent r;

	if (!c->keep_due)
		return SENT_ALL;
	if (c->snd_una == c->snd_nxt) {
		r = send_one(c, io, c->snd_nxt - 1, 0, SANI_TCP_ACK);
		if (r != SENT_ALL)
			return r;
		sani_count(io->ctr, SANI_CTR_tcp_tx_keepalive);
	}
	c->keep_due = false;
	return SENT_ALL;
}

/* Where the path's MTU is searched for: a longer segment now and then, and room is kept for it. */
static enum sent
send_mtu_probe(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	uint32_t len;
	enum sani_tcp_mtu_verdict verdict;
	enum sent r;

	if (!(c->flags & SANI_TCP_F_MTU))
		return SENT_ALL;
	verdict = sani_tcp_mtu_plan(c, io, &len);
	if (verdict != SANI_TCP_MTU_PROBE)
		return verdict == SANI_TCP_MTU_WAIT ? SENT_HELD : SENT_ALL;
	r = send_one(c, io, c->snd_nxt, len, data_flags(c, c->snd_nxt, len, false));
	if (r == SENT_ALL)
		sani_tcp_mtu_sent(c, io->ctr);
	return r;
}

/* What is due only now and then before new data, */
static enum sent
send_early_probes(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	enum sent r = send_loss_probe(c, io);

	return r == SENT_ALL ? send_mtu_probe(c, io) : r;
}

/* and behind it. */
static enum sent
send_late_probe(struct sani_tcp_conn *c, struct sani_tcp_io *io, enum sent r)
{
	return r == SENT_ALL || r == SENT_HELD ? send_probe(c, io) : r;
}

/* In a synchronized state: what was lost before what is new, and an ACK if none of it carried one. */
static enum sent
send_stream(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	bool probes = c->flags & (SANI_TCP_F_TLP_DUE | SANI_TCP_F_PROBE_DUE | SANI_TCP_F_MTU);
	enum sent r = sani_unlikely(sani_tcp_has_rtx(c)) ? send_rtx(c, io) : SENT_ALL;

	if (r == SENT_ALL && sani_unlikely(probes))
		r = send_early_probes(c, io);
	if (r == SENT_ALL)
		r = send_new(c, io);
	if (sani_unlikely(probes))
		r = send_late_probe(c, io, r);
	if (r == SENT_ALL && (c->dup_acks_due > 0 || (c->flags & SANI_TCP_F_ACK_NOW)))
		r = send_acks(c, io);
	if (r == SENT_ALL && sani_unlikely(c->keep_due))
		r = send_keepalive(c, io);
	return r;
}

#define WAITS_FOR_NOTHING (SANI_TCP_F_RST_DUE | SANI_TCP_F_PROBE_DUE | SANI_TCP_F_TLP_DUE | SANI_TCP_F_FIN_QUEUED)

bool
sani_tcp_ack_may_wait(const struct sani_tcp_conn *c)
{
	uint32_t due = c->rcv_nxt - c->last_ack_sent;

	if ((c->state != SAN_TCP_ESTABLISHED && c->state != SAN_TCP_CLOSE_WAIT) || (c->flags & WAITS_FOR_NOTHING))
		return false;
	/* in these states a FIN that is queued was not sent */
	return due <= c->rcv_mss && (due > 0 || c->rcv_nxt == c->irs + 1) && (c->dup_acks_due | c->keep_due) == 0 &&
	       sani_tcp_unsent(c) == 0 && !sani_tcp_has_rtx(c) && c->quick_acks <= SANI_TCP_QUICK_ACKS;
}

/* What the SYN's window and the initial one let out now; 0: nothing. */
static uint32_t
early_len(const struct sani_tcp_conn *c)
{
	uint32_t edge = c->iss + 1 + c->snd_wnd;
	uint32_t usable = seq_gt(edge, c->snd_nxt) ? edge - c->snd_nxt : 0;
	uint32_t len = sani_tcp_min(sani_tcp_min(sani_tcp_unsent(c), usable), c->snd_mss);

	if (c->more && len < c->snd_mss && len == sani_tcp_unsent(c))
		return 0;
	return sani_tcp_pipe(c) + len <= sani_tcp_pace_cap(c, c->cwnd) ? len : 0;
}

/* RFC 7413: the answer to a request that came with the SYN does not wait for the handshake; a FIN does. */
static enum sent
send_early(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	enum sent r = SENT_ALL;
	uint32_t len;

	if (!(c->fast.flags & SANI_TCP_FAST_EARLY))
		return SENT_ALL;
	while (r == SENT_ALL && (len = early_len(c)) > 0)
		r = send_one(c, io, c->snd_nxt, len, data_flags(c, c->snd_nxt, len, false));
	sani_tcp_note_cwnd_use(c);
	return r;
}

/* Before the connection is synchronized. What is lost of the handshake is not probed for (RFC 8985 7.2). */
static enum sent
send_opening(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	enum sent r = send_syn(c, io);

	if (r == SENT_ALL && c->state == SAN_TCP_SYN_RECEIVED)
		r = send_early(c, io);
	if (r == SENT_ALL && c->state == SAN_TCP_SYN_RECEIVED)
		r = send_acks(c, io);
	c->flags &= ~(uint32_t)SANI_TCP_F_PTO_DUE;
	return r;
}

static enum sent
send_all(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	enum sent r = send_rst(c, io);

	if (r == SENT_ALL && c->state >= SAN_TCP_ESTABLISHED)
		return send_stream(c, io);
	return r == SENT_ALL ? send_opening(c, io) : r;
}

/* After output had its way: window probes when nothing is in flight and something waits. */
static void
settle_persist(struct sani_tcp_conn *c, uint64_t now_us)
{
	bool waits = c->snd_una == c->snd_nxt && sani_tcp_has_new(c) && !sani_tcp_armed(c, SANI_TCP_T_PACE);

	if (!waits && !(c->flags & SANI_TCP_F_PROBED))
		sani_tcp_disarm(c, SANI_TCP_T_PERSIST);
	else if (!sani_tcp_armed(c, SANI_TCP_T_PERSIST))
		sani_tcp_arm(c, SANI_TCP_T_PERSIST, now_us + sani_tcp_rto(c, c->persist_shift));
}

bool
sani_tcp_output_any(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	enum sent r;

	if (c->state == SAN_TCP_CLOSED || c->state == SAN_TCP_LISTEN)
		return false;
	if (sani_unlikely(c->extras & SANI_TCP_X_PACED))
		sani_tcp_pace_begin(c, io->now_us);
	r = send_all(c, io);
	if (sani_unlikely(c->extras & SANI_TCP_X_PACED))
		sani_tcp_pace_end(c, io);
	if (r == SENT_NOMEM)
		sani_tcp_arm(c, SANI_TCP_T_RETRY, io->now_us + POOL_RETRY_US);
	if (r == SENT_ALL && c->state >= SAN_TCP_ESTABLISHED)
		settle_persist(c, io->now_us);
	if (c->flags & SANI_TCP_F_PTO_DUE)
		sani_tcp_tlp_schedule(c, io->now_us);
	return r != SENT_ALL;
}
