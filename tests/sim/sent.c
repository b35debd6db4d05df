/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "sim/checker.h"

#define LINGER_US 5000000u	/* longer than anything is on the way */
#define RTO_LEAST_US 200000u
#define RTO_MOST_US 59000000u
#define MSS_DEFAULT 536u	/* RFC 9293 MUST-15 */
#define REPEATS_FREE 8u
#define KEEP_SLACK_US 5000u	/* times of segments are kept more coarsely */

static const char *
text_of(const struct sim_packet *p)
{
	static char text[300];

	return sim_packet_text(p, text, sizeof(text));
}

/* A SYN with another number than before: a new connection of these two ends. */
static void
begin_anew(struct sim_half *x, const struct sim_packet *p)
{
	struct sim_flow *f = x->flow;
	bool first = !x->syn && !(f->half[0].syn || f->half[1].syn);

	if (first || (x->syn && x->iss == p->seq))
		return;
	/* a SYN that came twice, after the end of the connection that it made */
	if (p->flags & SIM_ACK) {
		f->ignored |= x->syn && (x->aborted || x->dead || x->reset_put || x->nb_rst > 0 ||
					 sim_half_fin_acked(x) || vhost_now_us - f->last_us > 1000000);
		return;
	}
	/* the other end's SYN is out too, and nothing else: both open */
	if (!x->syn && x->peer->syn && !x->peer->has_acked && !x->peer->aborted)
		return;
	if (vhost_now_us - f->last_us < LINGER_US) {
		f->ignored = true;
		return;
	}
	sim_flow_renew(f);
}

static void
take_own_syn(struct sim_half *x, const struct sim_packet *p)
{
	bool answers = p->flags & SIM_ACK;
	bool ecn = (p->flags & (SIM_ECE | SIM_CWR)) == (answers ? SIM_ECE : SIM_ECE | SIM_CWR);

	x->ecn_unsure |= x->syn && x->offers_ecn != ecn;
	x->dctcp |= (p->tos & 3) != 0;
	/*
	 * A host may forget what nobody has acknowledged, a cookie or an embryo whose listener is gone, and answer the
	 * SYN anew: which of both answers the peer takes up is not to be seen.
	 */
	if (x->syn && p->seq != x->iss && answers && sim_leq(x->una_put, x->iss)) {
		x->flow->ignored = true;
		return;
	}
	/* RFC 9293 figure 7: the SYN that was out already goes again with the ACK of the one that has crossed it */
	if (x->asked && answers && x->got_syn)
		sim_hold(SIM_both_open, p->seq == x->iss && p->ack == x->peer->iss + 1, "answers a SYN on the way: %s",
			 text_of(p));
	if (x->syn) {
		sim_hold(SIM_sequence, p->seq == x->iss, "another number for a SYN: %s", text_of(p));
		return;
	}
	x->syn = true;
	x->asked = !answers;
	x->iss = p->seq;
	x->snd_max = p->seq;
	x->una = x->una_put = x->una_sure = p->seq;
	x->edge_put = p->seq + 1 + (x->has_syn_text ? x->syn_wnd : 0);
	x->mss = p->has_mss ? p->mss : MSS_DEFAULT;
	x->offers_ws = p->has_ws;
	x->ws = p->ws;
	x->offers_ts = p->has_ts;
	x->offers_sack = p->has_sackp;
	x->offers_ecn = ecn;
	sim_saw_sack |= sim_half_has_sack(x);
	sim_saw_ecn |= sim_half_has_ecn(x);
	if (answers && x->got_syn)
		sim_hold(SIM_syn_options, p->ws <= 14 && (!p->has_ws || x->peer->offers_ws) &&
			 (!p->has_ts || x->peer->offers_ts) && (!p->has_sackp || x->peer->offers_sack),
			 "a SYN-ACK agrees to what was not offered: %s", text_of(p));
}

static void
check_options(const struct sim_half *x, const struct sim_packet *p)
{
	if (p->flags & SIM_SYN)
		return;
	sim_hold(SIM_syn_options, !p->has_mss && !p->has_ws && !p->has_sackp, "options of a SYN: %s", text_of(p));
	sim_hold(SIM_timestamps, p->has_ts == sim_half_has_ts(x), "timestamp %s: %s",
		 p->has_ts ? "not agreed on" : "missing", text_of(p));
}

static bool
was_received(const struct sim_half *x, uint32_t tsval)
{
	uint32_t lo = 0;
	uint32_t hi = x->nb_tsvals;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (sim_lt(x->tsvals[mid], tsval))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < x->nb_tsvals && x->tsvals[lo] == tsval;
}

static void
check_timestamp(struct sim_half *x, const struct sim_packet *p)
{
	if (!p->has_ts)
		return;
	if (x->has_tsval)
		sim_hold(SIM_tsval, sim_leq(x->tsval_last, p->tsval), "a timestamp before %u: %s", x->tsval_last,
			 text_of(p));
	x->has_tsval = true;
	x->tsval_last = p->tsval;
	if (!(p->flags & SIM_ACK))
		sim_hold(SIM_tsecr, p->tsecr == 0, "an echo without ACK: %s", text_of(p));
	else if (x->got_syn)
		sim_hold(SIM_tsecr, was_received(x, p->tsecr), "an echo of what never came: %s", text_of(p));
}

static void
check_ack(struct sim_half *x, const struct sim_packet *p)
{
	uint8_t ws = sim_half_has_ws(x) && !(p->flags & SIM_SYN) ? x->ws : 0;
	uint32_t edge = p->ack + ((uint32_t)p->wnd << ws);

	/* RFC 7413: the text of a SYN is taken, or part of it, by who acknowledges it */
	if (x->has_syn_text && sim_lt(x->rcv_nxt, p->ack) && sim_leq(p->ack, x->syn_text_end))
		x->rcv_nxt = p->ack;
	x->has_syn_text &= (p->flags & SIM_SYN) != 0;
	sim_hold(SIM_ack_is_received, x->got_syn && sim_leq(p->ack, x->rcv_nxt),
		 "acknowledges more than %u: %s", x->rcv_nxt, text_of(p));
	if (x->has_acked) {
		sim_hold(SIM_ack_forward, sim_leq(x->ack_last, p->ack), "the last ACK was %u: %s", x->ack_last,
			 text_of(p));
		/* RFC 7323 2.4: by less than one unit of the scale the edge may seem to move back */
		if (!x->got_fin)
			sim_hold(SIM_no_shrink, sim_leq(x->edge_last, edge + ((1u << x->ws) - 1)),
				 "the window ended at %u: %s", x->edge_last, text_of(p));
	}
	if (!x->has_acked || sim_lt(x->edge_last, edge))
		x->edge_last = edge;
	x->has_acked = true;
	x->ack_last = p->ack;
	sim_half_answered(x);
}

static void
keep_bytes(struct sim_half *x, const struct sim_packet *p)
{
	uint32_t at = p->seq + !!(p->flags & SIM_SYN) - x->iss - 1;
	uint32_t old = at < x->nb_bytes ? RTE_MIN(x->nb_bytes - at, (uint32_t)p->len) : 0;

	if (old > 0)
		sim_hold(SIM_content, memcmp(x->bytes + at, p->data, old) == 0, "other octets than before: %s",
			 text_of(p));
	if (at > x->nb_bytes || old == p->len)
		return;
	if (at + p->len > x->size) {
		x->size = RTE_MAX(2 * x->size, at + p->len + 1024);
		x->bytes = realloc(x->bytes, x->size);
	}
	memcpy(x->bytes + at, p->data, p->len);
	x->nb_bytes = at + p->len;
}

/* Data, SYN or FIN: where it stands. */
static void
check_sequence(struct sim_half *x, const struct sim_packet *p)
{
	uint32_t end = p->seq + sim_space(p);
	uint32_t fin_seq = end - 1;

	sim_hold(SIM_sequence, sim_leq(p->seq, x->snd_max) && sim_leq(x->iss, p->seq), "a gap behind %u: %s",
		 x->snd_max, text_of(p));
	if (x->fin)
		sim_hold(SIM_after_fin, sim_leq(end, x->fin_seq + 1), "the FIN was %u: %s", x->fin_seq, text_of(p));
	if (p->flags & SIM_FIN) {
		sim_hold(SIM_sequence, x->fin ? fin_seq == x->fin_seq : sim_leq(x->snd_max, fin_seq),
			 "another number for a FIN: %s", text_of(p));
		x->fin = true;
		x->fin_seq = fin_seq;
	}
	if (sim_lt(p->seq, x->snd_max) || sim_space(p) > 0)
		sim_hold(SIM_no_needless_rexmit, sim_leq(x->una, p->seq) || sim_half_is_late(x) ||
			 ((p->flags & SIM_SYN) != 0 && sim_half_may_lack_place(x)), "acknowledged up to %u: %s", x->una,
			 text_of(p));
}

/* How far it reaches, and how long it is. */
static void
check_size(const struct sim_half *x, const struct sim_packet *p)
{
	uint32_t space = sim_space(p);
	uint32_t end = p->seq + space;
	const struct sim_host_plan *plan = x->host->plan;

	if ((p->flags & SIM_SYN) && p->len > 0)
		sim_hold(SIM_syn_text, !(p->flags & SIM_ACK) && p->ip_len <= plan->mtu && !x->has_acked,
			 "text beside a SYN, MTU %u: %s", plan->mtu, text_of(p));
	if (p->flags & SIM_SYN)
		return;
	if (sim_lt(x->edge_put, end)) {
		sim_hold(SIM_probe, space == 1, "beyond the window, which ends at %u: %s", x->edge_put, text_of(p));
	} else if (sim_lt(x->edge_put, end + p->len)) {
		sim_exercised[SIM_window]++;
	}
	/* RFC 6691: the options count */
	if (p->len > 0)
		sim_hold(SIM_mss, p->len + p->opt_len <= (x->peer->mss ? x->peer->mss : MSS_DEFAULT) &&
			 p->ip_len <= plan->mtu, "longer than MSS %u or MTU %u: %s", x->peer->mss, plan->mtu,
			 text_of(p));
}

/*
 * Of what waits for an address the newest is kept (RFC 1122 2.3.2.2), and of what a full ring does not take all is
 * dropped: what is missing then was never on the wire. What goes at last may be an answer behind a FIN.
 */
static bool
is_behind_a_gap(const struct sim_half *x, const struct sim_packet *p)
{
	return sim_lt(x->snd_max, p->seq) && sim_half_may_skip(x);
}

/*
 * The oldest segment again, nothing heard in between: a timeout (or, once, a tail loss probe before the first). The
 * time from the second on to the third is the first that is certainly from one timeout to the next. A time in which
 * the host had to look for its neighbour may be the sum of several timeouts, of which those between were not seen
 * (3.2 + 6.4 + 12.8 s and then 25.6 s): nothing is compared with it, and it may be longer than the longest. What had
 * to wait for the address was due before, so the next may follow it soon.
 */
static void
check_timeout(struct sim_half *x, const struct sim_packet *p)
{
	uint64_t gap_us = vhost_now_us - x->series_at_us;
	bool whole = !sim_half_seeks_peer(x, x->series_at_us + 1);
	bool goes_on = x->series_n > 0 && x->series_seq == p->seq && x->series_put == x->nb_put + x->nb_put_rst &&
		       x->host->excused_us + 1000 < x->series_at_us;

	if (p->seq != x->una_put && !(p->flags & SIM_SYN))
		return;
	/* both have waited for the neighbour's address */
	if (x->series_n > 0 && x->series_seq == p->seq && gap_us == 0)
		return;
	if (goes_on && x->series_n >= 2)
		sim_hold(SIM_rto_least, gap_us >= RTO_LEAST_US || sim_half_seeks_peer(x, x->series_at_us),
			 "again after %lu us: %s", gap_us, text_of(p));
	if (goes_on && x->series_n >= 3)
		sim_hold(SIM_rto_backoff, gap_us >= RTO_MOST_US || gap_us * 2 >= x->series_gap_us * 3,
			 "again after %lu us, before that after %lu us: %s", gap_us, x->series_gap_us, text_of(p));
	if (goes_on && whole)
		sim_hold(SIM_rto_backoff, gap_us <= RTO_MOST_US + 2000000, "again after %lu us: %s", gap_us,
			 text_of(p));
	x->series_n = goes_on ? x->series_n + 1 : 1;
	x->series_seq = p->seq;
	x->series_put = x->nb_put + x->nb_put_rst;
	x->series_at_us = vhost_now_us;
	x->series_gap_us = whole ? gap_us : 0;
}

/* RFC 9293 3.8.4: SEG.SEQ = SND.NXT - 1, which the peer has to answer. All is acknowledged then, the FIN as well. */
static bool
is_keepalive(const struct sim_half *x, const struct sim_packet *p)
{
	return x->host->keep_ms[x->port] != 0 && p->seq + 1 == x->snd_max && x->una_put == x->snd_max;
}

static void
check_keepalive(const struct sim_half *x, const struct sim_packet *p)
{
	uint64_t quiet_us = vhost_now_us - x->heard_us;
	uint32_t idle_ms = x->host->keep_ms[x->port];

	/* It may have waited for the address, and the peer was heard meanwhile. */
	if (sim_half_is_late(x))
		return;
	sim_hold(SIM_keepalive, (p->flags & ~SIM_ECE) == SIM_ACK && quiet_us + KEEP_SLACK_US >= idle_ms * 1000ull,
		 "asks after %lu us, not %u ms: %s", quiet_us, idle_ms, text_of(p));
}

static void
check_bare(struct sim_half *x, const struct sim_packet *p)
{
	if (is_keepalive(x, p)) {
		check_keepalive(x, p);
		return;
	}
	sim_hold(SIM_bare_sequence, sim_leq(x->una, p->seq) && sim_leq(p->seq, x->snd_max),
		 "not between %u and %u: %s", x->una, x->snd_max, text_of(p));
	/* an urgent pointer may be the news */
	if (x->bare && x->bare_ack == p->ack && x->bare_wnd == p->wnd && !(p->flags & SIM_URG)) {
		x->nb_repeated++;
		sim_hold(SIM_ack_storm, x->nb_repeated <= x->nb_put + REPEATS_FREE,
			 "%u bare ACKs that say nothing new, for %u segments: %s", x->nb_repeated, x->nb_put,
			 text_of(p));
	}
	x->bare = true;
	x->bare_ack = p->ack;
	x->bare_wnd = p->wnd;
}

/*
 * RFC 9293 3.5.2: from a connection at SND.NXT, else with the number that the peer itself named. Of an end whose SYN
 * never came onto the wire the number is not known; the peer's it knows. Text and a FIN before it may have waited for
 * the address, until it took their place.
 */
static void
check_rst(struct sim_half *x, const struct sim_packet *p)
{
	bool own = x->syn && (p->flags & SIM_ACK) && sim_leq(x->una, p->seq) && sim_leq(p->seq, x->snd_max);
	bool named = p->seq == 0 && (p->flags & SIM_ACK);
	bool unseen = !x->syn && (p->flags & SIM_ACK) && x->peer->syn && sim_leq(x->peer->una, p->ack) &&
		      sim_leq(p->ack, x->peer->snd_max);
	bool behind = x->syn && (p->flags & SIM_ACK) && sim_lt(x->snd_max, p->seq) &&
		      sim_leq(p->seq, x->edge_put + 1) && (sim_half_is_late(x) || sim_half_may_skip(x));

	for (unsigned int i = 0; i < SIM_ANSWERABLE && i < x->nb_answerable; i++)
		named |= !(p->flags & SIM_ACK) && x->answerable[i] == p->seq;
	if (!x->flow->reused)
		sim_hold(SIM_rst_sequence, own || named || unseen || behind,
			 "a number that nobody expects (%u to %u): %s", x->una, x->snd_max, text_of(p));
	x->nb_rst++;
	sim_hold(SIM_rst_rate, x->nb_rst <= 2 + x->nb_put, "the %uth RST for %u segments: %s", x->nb_rst, x->nb_put,
		 text_of(p));
	x->aborted |= own || behind;
	sim_half_answered(x);
}

static void
check_segment(struct sim_half *x, const struct sim_packet *p)
{
	bool is_new = sim_lt(x->snd_max, p->seq + sim_space(p)) || !x->syn;
	uint32_t end;

	if (p->flags & SIM_SYN)
		take_own_syn(x, p);
	if (x->flow->ignored)
		return;
	sim_hold(SIM_after_rst, !x->aborted && (!x->dead || !is_new || sim_space(p) == 0 ||
					 sim_half_is_late(x)),
		 "after the end by RST: %s", text_of(p));
	check_options(x, p);
	check_timestamp(x, p);
	if (p->flags & SIM_ACK)
		check_ack(x, p);
	sim_check_sack(x, p);
	sim_check_ecn(x, p, is_new);
	if (is_behind_a_gap(x, p)) {
		x->flow->ignored = true;
		return;
	}
	if (sim_space(p) == 0) {
		check_bare(x, p);
		return;
	}
	x->bare = false;
	check_sequence(x, p);
	check_size(x, p);
	check_timeout(x, p);
	sim_loss_sent(x, p, is_new);
	if (p->len > 0) {
		x->resent |= sim_lt(p->seq, x->snd_max);
		keep_bytes(x, p);
	}
	end = p->seq + sim_space(p);
	if (sim_lt(x->snd_max, end))
		x->snd_max = end;
}

void
sim_checker_sent(struct sim_host *h, const struct sim_packet *p)
{
	struct sim_half *x;

	sim_hold(SIM_checksum, p->proto != SIM_BAD, "host %u sends a bad packet: %s", h->index, p->why);
	if (p->proto == SIM_ARP)
		sim_unsent_asks(h, p);
	if (p->proto != SIM_TCP)
		return;
	x = sim_half_get(h, p, true);
	if (p->flags & SIM_SYN)
		begin_anew(x, p);
	x->flow->last_us = vhost_now_us;
	/* of the connection before: its record answers for it */
	if (x->flow->ignored || (x->flow->reused && !x->syn && !(p->flags & SIM_SYN)))
		return;
	if (p->flags & SIM_RST) {
		check_rst(x, p);
		return;
	}
	sim_hold(SIM_sequence, x->syn || (p->flags & SIM_SYN), "no SYN before: %s", text_of(p));
	check_segment(x, p);
	x->unsent = h->unsent;
}
