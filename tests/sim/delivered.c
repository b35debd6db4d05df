/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "sim/checker.h"

#define ACK_DELAY_MAX_US 500000u	/* RFC 9293 MUST-40 */
#define SEGMENT_LEAST 536u		/* RFC 9293 MUST-15 */
#define OWED_MAX 65536u

/* Who owes an acknowledgement since when; in the order of time, checked when 500 ms have passed. */
static struct {
	struct sim_half *x;
	uint64_t since_us;
} owed[OWED_MAX];
static uint32_t owed_first;
static uint32_t owed_end;

void
sim_half_answered(struct sim_half *x)
{
	x->owed_bytes = 0;
	x->owes_hole = false;
	x->owed_since_us = 0;
}

static void
note_tsval(struct sim_half *x, uint32_t tsval)
{
	uint32_t i = x->nb_tsvals;

	while (i > 0 && sim_lt(tsval, x->tsvals[i - 1]))
		i--;
	if (i > 0 && x->tsvals[i - 1] == tsval)
		return;
	if (x->nb_tsvals == x->tsvals_size) {
		x->tsvals_size = x->tsvals_size ? 2 * x->tsvals_size : 32;
		x->tsvals = realloc(x->tsvals, x->tsvals_size * sizeof(x->tsvals[0]));
	}
	memmove(&x->tsvals[i + 1], &x->tsvals[i], (x->nb_tsvals - i) * sizeof(x->tsvals[0]));
	x->tsvals[i] = tsval;
	x->nb_tsvals++;
}

/* Ranges out of order: sorted, disjoint, not adjacent. */
static void
add_range(struct sim_half *x, uint32_t from, uint32_t to)
{
	uint32_t i = 0;
	uint32_t n;

	while (i < x->nb_ooo && sim_lt(x->ooo[i].to, from))
		i++;
	for (n = i; n < x->nb_ooo && sim_leq(x->ooo[n].from, to); n++) {
		from = sim_lt(x->ooo[n].from, from) ? x->ooo[n].from : from;
		to = sim_lt(to, x->ooo[n].to) ? x->ooo[n].to : to;
	}
	if (n == i && x->nb_ooo == x->ooo_size) {
		x->ooo_size = x->ooo_size ? 2 * x->ooo_size : 16;
		x->ooo = realloc(x->ooo, x->ooo_size * sizeof(x->ooo[0]));
	}
	memmove(&x->ooo[i + 1], &x->ooo[n], (x->nb_ooo - n) * sizeof(x->ooo[0]));
	x->nb_ooo = x->nb_ooo + 1 - (n - i);
	x->ooo[i] = (struct sim_range){ from, to };
}

/* Is any of it there already? */
static bool
overlaps(const struct sim_half *x, uint32_t from, uint32_t to)
{
	for (uint32_t i = 0; i < x->nb_ooo; i++)
		if (sim_lt(x->ooo[i].from, to) && sim_lt(from, x->ooo[i].to))
			return true;
	return false;
}

/* The stream in order, as far as it goes now; the FIN behind it. */
static void
advance(struct sim_half *x)
{
	uint32_t before = x->rcv_nxt;
	uint32_t in_window;

	while (x->nb_ooo > 0 && sim_leq(x->ooo[0].from, x->rcv_nxt)) {
		if (sim_lt(x->rcv_nxt, x->ooo[0].to))
			x->rcv_nxt = x->ooo[0].to;
		memmove(&x->ooo[0], &x->ooo[1], --x->nb_ooo * sizeof(x->ooo[0]));
	}
	if (x->got_fin && x->rcv_nxt == x->got_fin_seq)
		x->rcv_nxt++;
	in_window = x->rcv_nxt;
	if (x->has_acked && sim_lt(x->edge_last, in_window))
		in_window = x->edge_last;
	if (sim_lt(before, in_window))
		x->owed_bytes += in_window - before;
}

/* Nothing newer has come before (RFC 7323 5.3: PAWS may drop it otherwise). */
static bool
is_newest(const struct sim_half *x, const struct sim_packet *p)
{
	return !p->has_ts || x->nb_tsvals == 0 || sim_leq(x->tsvals[x->nb_tsvals - 1], p->tsval);
}

/*
 * RFC 5961 5.2: what acknowledges less than all but the largest window that x ever had may be an injection. The
 * window of the SYN was one; what the first scaled one shows of it is at least half.
 */
static bool
is_timely(const struct sim_half *x, const struct sim_packet *p)
{
	return sim_leq(x->una_put - x->syn_wnd / 2, p->ack);
}

/* It may not be there: no acknowledgement of it is owed. */
static void
note_unsure(struct sim_half *x, uint32_t end)
{
	if (!x->has_unsure || sim_lt(x->unsure_end, end))
		x->unsure_end = end;
	x->has_unsure = true;
}

static void
take_text(struct sim_half *x, const struct sim_packet *p)
{
	uint32_t end = p->seq + p->len;
	bool is_clean = is_newest(x, p) && is_timely(x, p);
	bool is_welcome = is_clean && x->has_acked && sim_leq(end, x->edge_last);

	if (p->len > 0)
		sim_sack_arrived(x, p, is_welcome && !sim_half_is_excused(x, vhost_now_us));
	if (p->len > x->biggest)
		x->biggest = p->len;
	if (p->len > 0 && (sim_lt(p->seq, x->rcv_nxt) || overlaps(x, p->seq, end)))
		x->nb_dup++;
	if (p->len > 0 && sim_lt(x->rcv_nxt, end)) {
		if (!is_clean)
			note_unsure(x, end);
		x->owes_hole |= sim_lt(x->rcv_nxt, p->seq) && is_welcome;
		add_range(x, p->seq, end);
	}
	if (p->flags & SIM_FIN) {
		x->got_fin = true;
		x->got_fin_seq = end;
	}
	advance(x);
}

/* Neither old by its timestamp, its ACK nor its number: there is no reason to drop it (RFC 9293 3.10.7.4). */
static bool
is_sure(const struct sim_half *x, const struct sim_packet *p)
{
	if (!is_newest(x, p) || !is_timely(x, p))
		return false;
	return x->got_syn && x->has_acked && sim_lt(x->rcv_nxt, p->seq + sim_space(p) + (sim_space(p) == 0)) &&
	       sim_leq(p->seq, x->edge_last);
}

static void
take_ack(struct sim_half *x, const struct sim_packet *p)
{
	uint32_t wnd = p->wnd;
	uint32_t before;
	uint32_t edge;

	if (!(p->flags & SIM_SYN) && sim_half_has_ws(x))
		wnd <<= x->peer->ws;
	edge = p->ack + wnd;
	x->got_ece |= (p->flags & (SIM_ECE | SIM_SYN)) == SIM_ECE;
	if (!x->syn || sim_lt(x->snd_max, p->ack) || sim_leq(p->ack, x->iss))
		return;
	before = x->una_put;
	/* RFC 7413 4.2.1: text of a SYN that is not acknowledged with it was not taken, and is new again */
	if ((p->flags & SIM_SYN) && x->asked && x->una_put == x->iss)
		x->snd_max = p->ack;
	if (sim_lt(x->una_put, p->ack))
		x->una_put = p->ack;
	if (sim_lt(x->una_sure, p->ack) && is_sure(x, p))
		x->una_sure = p->ack;
	if (sim_lt(x->edge_put, edge))
		x->edge_put = edge;
	sim_loss_acked(x, p, before, is_sure(x, p));
}

/* RFC 3168 6.1.3: from a CE on each ACK echoes, until the sender has answered. A packet's CWR is older than its CE. */
static void
take_ecn(struct sim_half *x, const struct sim_packet *p)
{
	bool ce = (p->tos & 3) == 3;

	x->got_ce |= ce;
	if (p->flags & SIM_CWR)
		x->took_ce = x->owes_ece = false;
	x->took_ce |= ce && p->len > 0 && (p->flags & SIM_ACK) && is_sure(x, p);
}

static void
take_syn(struct sim_half *x, const struct sim_packet *p)
{
	if (x->got_syn) {
		x->nb_dup += p->len > 0;
		return;
	}
	x->got_syn = true;
	x->rcv_nxt = p->seq + 1;
	x->syn_wnd = p->wnd;
	x->has_syn_text = p->len > 0 && !(p->flags & SIM_ACK);
	x->syn_text_end = p->seq + 1 + p->len;
	if (!(p->flags & SIM_ACK) && x->syn)
		x->edge_put = x->iss + 1 + p->wnd;
}

static void
take_rst(struct sim_half *x, const struct sim_packet *p)
{
	x->nb_put_rst++;
	x->reset_maybe |= p->seq == x->rcv_nxt;
	if (x->has_acked && p->seq == x->ack_last && p->seq == x->rcv_nxt)
		x->reset_put = true;
}

static void
mark_unsettled(struct sim_half *x)
{
	if (x->unsettled)
		return;
	x->unsettled = true;
	x->next_unsettled = x->host->unsettled;
	x->host->unsettled = x;
}

/*
 * The first text of a connection that is over, behind its time: the number that it acknowledges may be a cookie, and
 * opens another connection of the same ends and numbers, which no cookie can tell from the first (doc/rfc/4987.md).
 */
static bool
may_open_again(const struct sim_half *x, const struct sim_packet *p)
{
	bool is_over = x->aborted || x->dead || x->reset_maybe || sim_half_fin_acked(x);

	return x->syn && is_over && (p->flags & (SIM_SYN | SIM_RST | SIM_ACK)) == SIM_ACK && p->ack == x->iss + 1 &&
	       vhost_count(&x->host->v, SANI_CTR_tcp_tx_cookie) != 0;
}

static void
take_segment(struct sim_half *x, const struct sim_packet *p)
{
	if (may_open_again(x, p)) {
		x->flow->ignored = true;
		return;
	}
	x->answerable[x->nb_answerable++ % SIM_ANSWERABLE] = p->ack;
	if (!(p->flags & SIM_RST))
		x->nb_put++;
	/* of an older connection, or never sent: a host has to cope with it, we cannot judge by it */
	if (!x->peer->syn || sim_lt(p->seq, x->peer->iss) || sim_lt(x->peer->snd_max, p->seq + sim_space(p)))
		return;
	if (p->flags & SIM_RST) {
		take_rst(x, p);
		return;
	}
	if (((p->flags & SIM_SYN) && !x->got_syn) || is_sure(x, p))
		x->heard_put_us = vhost_now_us;
	if (p->flags & SIM_SYN)
		take_syn(x, p);
	if (p->has_ts)
		note_tsval(x, p->tsval);
	if (p->flags & SIM_ACK)
		take_ack(x, p);
	take_ecn(x, p);
	if (x->got_syn && !(p->flags & SIM_SYN))
		take_text(x, p);
}

void
sim_checker_delivered(struct sim_host *h, const struct sim_packet *p)
{
	struct sim_half *x;

	if (p->proto == SIM_ICMP && p->icmp_type_code != 0) {
		/* about what this host has sent */
		x = sim_half_find(p->src, p->sport, p->dst, p->dport);
		if (x != NULL)
			x->series_n = 0;
		if (x != NULL)
			sim_loss_blind(x);
		return;
	}
	if (p->proto == SIM_ARP)
		sim_unsent_told(h, p);
	if (p->proto != SIM_TCP)
		return;
	x = sim_half_get(h, p, false);
	if (x->flow->ignored || x->host != h)
		return;
	take_segment(x, p);
	mark_unsettled(x);
}

bool
sim_half_may_lack_place(const struct sim_half *x)
{
	return x->ack_last == x->peer->iss + 1 && x->snd_max == x->iss + 1 &&
	       (vhost_count(&x->host->v, SANI_CTR_tcp_rx_drop_backlog) != 0 ||
		vhost_count(&x->host->v, SANI_CTR_core_drop_noconn) != 0 ||
		vhost_count(&x->host->v, SANI_CTR_tcp_tx_limited) != 0);
}

/* Must x answer text at all? Not when its connection is over, or has not begun. */
static bool
is_alive(const struct sim_half *x)
{
	return x->syn && x->has_acked && !x->aborted && !x->dead && !x->reset_maybe && !x->flow->ignored &&
	       !sim_half_may_lack_place(x);
}

uint64_t
sim_host_given_up(const struct sim_host *h)
{
	return vhost_count(&h->v, SANI_CTR_tcp_rx_drop_memory) + vhost_count(&h->v, SANI_CTR_tcp_rx_drop_pool) +
	       vhost_count(&h->v, SANI_CTR_tcp_rx_ooo_given_up);
}

/*
 * Was the host short of room since x was settled last? Then what fills a hole may not bring what came behind it: that
 * is neither there nor owed. What has been in order since before is.
 */
static void
note_given_up(struct sim_half *x)
{
	uint64_t given_up = sim_host_given_up(x->host);

	if (given_up != x->given_up)
		note_unsure(x, x->nb_ooo > 0 ? x->ooo[x->nb_ooo - 1].to : x->rcv_nxt);
	x->given_up = given_up;
}

static void
settle_half(struct sim_half *x)
{
	/* small segments are not full ones, however many come */
	uint32_t full = RTE_MAX(x->biggest, SEGMENT_LEAST);

	x->una = x->una_sure;
	x->heard_us = x->heard_put_us;
	x->dead |= x->reset_put;
	note_given_up(x);
	sim_sack_settle(x);
	sim_loss_settle(x);
	x->owes_ece |= x->took_ce;
	x->took_ce = false;
	if (is_alive(x) && x->owes_hole && !sim_half_is_excused(x, vhost_now_us))
		sim_fail(SIM_ack_hole, "%u:%u does not answer what came behind a hole at %u", x->ip & 255, x->port,
			 x->rcv_nxt);
	sim_exercised[SIM_ack_hole] += x->nb_ooo > 0;
	if (!is_alive(x) || x->owed_bytes == 0) {
		sim_half_answered(x);
		return;
	}
	if (x->has_unsure && sim_lt(x->unsure_end, x->rcv_nxt - x->owed_bytes))
		x->has_unsure = false;
	if (!sim_half_is_excused(x, vhost_now_us) && !x->has_unsure)
		sim_hold(SIM_ack_every_second, x->owed_bytes < 2 * full,
			 "%u:%u has %u octets (%u in a full segment) that it does not acknowledge", x->ip & 255,
			 x->port, x->owed_bytes, full);
	if (x->owed_since_us != 0 || owed_end - owed_first == OWED_MAX)
		return;
	x->owed_since_us = vhost_now_us;
	owed[owed_end % OWED_MAX].x = x;
	owed[owed_end % OWED_MAX].since_us = vhost_now_us;
	owed_end++;
}

void
sim_checker_settle(struct sim_host *h)
{
	sim_unsent_settle(h);
	while (h->unsettled != NULL) {
		struct sim_half *x = h->unsettled;

		h->unsettled = x->next_unsettled;
		x->unsettled = false;
		settle_half(x);
	}
}

void
sim_checker_tick(struct sim_world *w)
{
	(void)w;
	while (owed_first != owed_end) {
		struct sim_half *x = owed[owed_first % OWED_MAX].x;
		uint64_t since_us = owed[owed_first % OWED_MAX].since_us;

		if (since_us + ACK_DELAY_MAX_US >= vhost_now_us)
			return;
		owed_first++;
		if (!is_alive(x) || sim_half_is_excused(x, since_us))
			continue;
		sim_hold(SIM_ack_delay, x->owed_since_us != since_us, "%u:%u owes an acknowledgement since %lu us",
			 x->ip & 255, x->port, since_us - x->host->w->start_us);
	}
}

void
sim_checker_forget_owed(void)
{
	owed_first = owed_end = 0;
}
