/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a sender may do about losses, judged by what it was told: nothing of its window is visible, but what it sends.
 *
 * Only episodes that are plain to see are judged: one that begins with a segment sent again while SACKs lie behind it.
 * A sender is let off (blind) until all it has sent so far is acknowledged when something else may have been the cause
 * (a timeout, a probe, a path that got narrower), and for good when it uses ECN, which reduces too.
 */
#include "sim/checker.h"

#define SLACK_US 20000u		/* of timers and clocks */
#define IW_SEGMENTS 10u		/* RFC 6928 */
#define IW_MOST 14600u
#define SPARE 3u		/* segments: a loss probe and what limited transmit may send beyond the window */
#define RUNS_SURE 100u		/* segments in flight of which any sender remembers everything */
#define USED_US 2000000u	/* RFC 7661 4.2: pipeACK is of the last second or three round trips; more than that, */
#define USED_RTTS 8u		/* with the round of its oldest sample, and what the period is cut into */

static void
add_known(struct sim_known *k, uint32_t from, uint32_t to)
{
	uint32_t i = 0;
	uint32_t n;

	while (i < k->nb && sim_lt(k->r[i].to, from))
		i++;
	for (n = i; n < k->nb && sim_leq(k->r[n].from, to); n++) {
		from = sim_lt(k->r[n].from, from) ? k->r[n].from : from;
		to = sim_lt(to, k->r[n].to) ? k->r[n].to : to;
	}
	if (n == i && k->nb == SIM_KNOWN) {
		k->cut = true;
		return;
	}
	memmove(&k->r[i + 1], &k->r[n], (k->nb - n) * sizeof(k->r[0]));
	k->nb = k->nb + 1 - (n - i);
	k->r[i] = (struct sim_range){ from, to };
}

static void
drop_known(struct sim_known *k, uint32_t una)
{
	uint32_t n = 0;

	while (n < k->nb && sim_leq(k->r[n].to, una))
		n++;
	memmove(&k->r[0], &k->r[n], (k->nb - n) * sizeof(k->r[0]));
	k->nb -= n;
	if (k->nb > 0 && sim_lt(k->r[0].from, una))
		k->r[0].from = una;
}

static uint32_t
count_known(const struct sim_known *k)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < k->nb; i++)
		sum += k->r[i].to - k->r[i].from;
	return sum;
}

static bool
is_known(const struct sim_known *k, uint32_t from, uint32_t to)
{
	for (uint32_t i = 0; i < k->nb; i++)
		if (sim_leq(k->r[i].from, from) && sim_leq(to, k->r[i].to))
			return true;
	return false;
}

/* Octets that have left the network, as far as x may know. */
static uint32_t
count_delivered(const struct sim_half *x)
{
	return x->una_put - x->iss + count_known(&x->loss.put);
}

static uint32_t
find_mss(const struct sim_half *x)
{
	return RTE_MAX((uint32_t)x->peer->mss, 64u);
}

static bool
is_judged(const struct sim_half *x)
{
	return sim_half_has_sack(x) && !sim_half_has_ecn(x) && !x->ecn_unsure && !x->peer->ecn_unsure &&
	       !x->loss.put.cut && x->peer->host != NULL && sim_host_given_up(x->peer->host) == 0;
}

void
sim_loss_blind(struct sim_half *x)
{
	x->loss.in_episode = false;
	x->loss.hole_us = 0;
	x->loss.blind = true;
	x->loss.blind_end = x->snd_max;
}

/* Its timestamps say how long ago what is acknowledged was sent; too long while there is a hole, never too short. */
static void
measure(struct sim_half *x, const struct sim_packet *p)
{
	struct sim_loss *g = &x->loss;
	uint64_t sent_us = g->first_us + (uint64_t)(p->tsecr - g->first_tsval) * 1000;

	if (p->has_ts && g->first_us != 0 && sent_us < vhost_now_us && vhost_now_us - sent_us > g->rtt_most_us)
		g->rtt_most_us = vhost_now_us - sent_us;
}

/* RFC 3522, 2883: has the peer said that what went again was there? Then the sender may take everything back. */
static bool
may_undo(const struct sim_half *x, const struct sim_packet *p, uint32_t acked)
{
	if (p->nb_sack > 0 && sim_is_dsack(p))
		return true;
	return acked > 0 && p->has_ts && sim_lt(p->tsecr, x->loss.undo_tsval);
}

/*
 * RFC 3708 2, RFC 9438 4.9.2: all of the episode that went again was received twice, or none of it was needed (RFC
 * 3522): ssthresh is what it was before, too. A D-SACK of something else tells of a network that repeats packets.
 */
static bool
is_undone(struct sim_half *x, const struct sim_packet *p, uint32_t acked)
{
	struct sim_loss *g = &x->loss;
	uint32_t before = g->unproved;
	uint32_t len = p->sack[0][1] - p->sack[0][0];

	if (acked > 0 && p->has_ts && sim_lt(p->tsecr, g->undo_tsval))
		g->unproved = 0;
	else if (p->nb_sack > 0 && sim_is_dsack(p) && sim_leq(g->undo_una, p->sack[0][0]) &&
		 sim_leq(p->sack[0][1], g->undo_end))
		g->unproved -= RTE_MIN(g->unproved, len);
	return before > 0 && g->unproved == 0;
}

/*
 * The episode is over: what was in flight has to come down to beta of it (RFC 9438 4.6, RFC 5681 equation 4), a window
 * that was not used to half of what was (RFC 7661 4.4.1).
 */
static void
end_episode(struct sim_half *x)
{
	struct sim_loss *g = &x->loss;

	g->in_episode = false;
	g->comes_down = true;
	g->acked_since = 0;
}

/* The older half goes when the newer has lasted. Without timestamps nothing tells how long a round trip is. */
static void
note_used(struct sim_half *x, uint32_t out, uint32_t acked)
{
	struct sim_loss *g = &x->loss;

	if (g->rtt_most_us != 0 && vhost_now_us - g->most_us > USED_US + USED_RTTS * g->rtt_most_us) {
		g->most_out[1] = g->most_out[0];
		g->most_acked[1] = g->most_acked[0];
		g->most_out[0] = g->most_acked[0] = 0;
		g->most_us = vhost_now_us;
	}
	g->most_out[0] = RTE_MAX(g->most_out[0], out);
	g->most_acked[0] = RTE_MAX(g->most_acked[0], acked);
}

void
sim_loss_acked(struct sim_half *x, const struct sim_packet *p, uint32_t una_before, bool sure)
{
	struct sim_loss *g = &x->loss;
	unsigned int first = p->nb_sack > 0 && sim_is_dsack(p);
	uint32_t acked = x->una_put - una_before;

	g->nb_acks++;
	measure(x, p);
	note_used(x, 0, x->una_put - x->una);
	for (unsigned int i = first; i < p->nb_sack; i++) {
		if (sim_leq(p->sack[i][1], x->una_put) || sim_lt(x->snd_max, p->sack[i][1]))
			continue;
		add_known(&g->put, p->sack[i][0], p->sack[i][1]);
		if (sure)
			add_known(&g->sure, p->sack[i][0], p->sack[i][1]);
	}
	drop_known(&g->put, x->una_put);
	drop_known(&g->sure, x->una_sure);
	/* slow start takes no more than what is acknowledged, CUBIC's avoidance the half (RFC 9438 4.4, 4.5) */
	if (g->bound != 0)
		g->bound += g->reduced ? acked / 2 : acked;
	if (g->comes_down)
		g->acked_since += acked;
	if (may_undo(x, p, acked)) {
		g->bound = RTE_MAX(g->bound, g->bound_before);
		g->comes_down = false;
		sim_loss_blind(x);
	}
	if (is_undone(x, p, acked))
		g->reduced = g->reduced_before;
	if (g->in_episode && sim_leq(g->recover, x->una_put))
		end_episode(x);
	if (g->blind && sim_leq(g->blind_end, x->una_put))
		g->blind = false;
}

/* RFC 8985 6.2: what was sent before something that was delivered is lost a round trip and as much again later. */
static void
look_for_hole(struct sim_half *x)
{
	struct sim_loss *g = &x->loss;
	bool plain = !g->in_episode && !g->blind && sim_leq(g->recover, x->una) && g->settled.nb > 0;

	if (!plain || !is_judged(x)) {
		g->hole_us = 0;
		return;
	}
	if (g->hole_us != 0 && g->hole_seq == x->una)
		return;
	g->hole_us = vhost_now_us;
	g->hole_seq = x->una;
	g->limit_us = vhost_now_us + 2 * g->rtt_most_us + SLACK_US;
}

void
sim_loss_settle(struct sim_half *x)
{
	struct sim_loss *g = &x->loss;
	g->settled = g->sure;
	g->delivered_settled = count_delivered(x);
	g->sure_settled = x->una_sure - x->iss + count_known(&g->sure);
	g->nb_acks_settled = g->nb_acks;
	if (g->comes_down) {
		g->comes_down = false;
		g->reduced = true;
		g->bound_before = g->bound;
		/* a host under a fault is settled late: its window has come down long ago, and grown since */
		g->bound = RTE_MIN(g->bound, RTE_MAX(g->left, 2 * find_mss(x)) + g->acked_since / 2);
	}
	look_for_hole(x);
}

/*
 * RFC 7661 4.4.1: a window that was not used comes down to half of max(pipeACK, LossFlightSize), however little is in
 * flight as the loss shows. What is acknowledged in a round trip is what was in flight at its begin, and what else goes
 * with the ACK that ends it. A window is not used when pipeACK is below the half of it (4.3).
 */
static uint32_t
find_used(const struct sim_half *x)
{
	const struct sim_loss *g = &x->loss;
	uint32_t pipe_ack;

	if (!(x->host->validated[x->port / 8] & 1u << x->port % 8))
		return 0;
	pipe_ack = RTE_MAX(g->most_out[0], g->most_out[1]) + RTE_MAX(g->most_acked[0], g->most_acked[1]);
	return RTE_MIN(pipe_ack, g->bound / 2) / 2;
}

static void
begin_episode(struct sim_half *x, const struct sim_packet *p)
{
	struct sim_loss *g = &x->loss;

	g->in_episode = true;
	g->recover = x->snd_max;
	g->left = (uint32_t)((uint64_t)(x->snd_max - x->una) * 7 / 10);
	g->left = RTE_MAX(g->left, find_used(x));
	g->delivered = g->sure_settled;
	g->acks = g->nb_acks_settled;
	g->sent = 0;
	g->again_to = p->seq;
	g->undo_tsval = p->tsval;
	g->undo_una = x->una;
	g->undo_end = x->snd_max;
	g->unproved = 0;
	g->reduced_before = g->reduced || g->comes_down;
}

/* SAN_OPT_PACING, SAN_OPT_CWV: what is found lost waits for its time like all that asks for cwnd. */
static bool
may_be_paced(const struct sim_half *x)
{
	return x->host->paced[x->port / 8] & 1u << x->port % 8;
}

/*
 * Was the hole to be seen, and nothing in the way of filling it? In a crowded flight neighbours share the time of the
 * newest of them, so what is lost shows later.
 */
static bool
is_hole_sure(const struct sim_half *x)
{
	const struct sim_loss *g = &x->loss;

	return g->hole_us != 0 && g->nb_out < RUNS_SURE && !may_be_paced(x) &&
	       !sim_half_is_excused(x, g->hole_us);
}

/* RFC 4821 7.6.2: a segment longer than the one before that goes again in pieces was a probe: this reduces nothing. */
static void
look_for_probe(struct sim_half *x, const struct sim_packet *p)
{
	struct sim_loss *g = &x->loss;

	if (p->seq == g->longer_seq && sim_space(p) < g->longer_len)
		sim_loss_blind(x);
}

/* What is sent again: the first of an episode, the next, or something that is none of our business. */
static void
take_again(struct sim_half *x, const struct sim_packet *p)
{
	struct sim_loss *g = &x->loss;
	uint32_t end = p->seq + sim_space(p);

	if (g->nb_out < RUNS_SURE && is_judged(x) && g->settled.nb > 0 && sim_lt(x->una, g->settled.r[0].from))
		sim_hold(SIM_sack_rexmit, !is_known(&g->settled, p->seq, end) || sim_half_is_late(x),
			 "%u:%u sends %u..%u again, which was SACKed", x->ip & 255, x->port, p->seq, end);
	if (g->hole_seq == p->seq && is_hole_sure(x))
		sim_hold(SIM_rack_rexmit, vhost_now_us <= g->limit_us,
			 "%u:%u sends %u again %lu us after it was shown lost, %lu us are enough", x->ip & 255, x->port,
			 p->seq, vhost_now_us - g->hole_us, g->limit_us - g->hole_us);
	g->hole_us = 0;
	look_for_probe(x, p);
	if (g->put.nb == 0 || sim_lt(p->seq, g->again_to))
		sim_loss_blind(x);
	else if (!g->in_episode && !g->blind && sim_leq(g->recover, x->una_put))
		begin_episode(x, p);
	if (sim_lt(p->seq, g->undo_end))
		g->unproved += sim_space(p);
	g->recover = x->snd_max;
	g->again_to = end;
}

/*
 * RFC 9937, RFC 5681 4.3: in recovery (and in the slow start behind a timeout) each ACK lets out what was delivered and
 * a segment more at most. One that delivers nothing leaves cwnd as it is (RFC 9937), and so does time: then what
 * has been found lost leaves room below it, which what goes again at that moment may fill.
 */
static void
check_episode(struct sim_half *x, const struct sim_packet *p)
{
	struct sim_loss *g = &x->loss;
	uint64_t most;

	if (count_delivered(x) == g->delivered_settled)
		return;
	g->sent += sim_space(p);
	most = count_delivered(x) - g->delivered + (uint64_t)find_mss(x) * (g->nb_acks - g->acks + SPARE);
	if (is_judged(x))
		sim_hold(SIM_prr_sends, g->sent <= most, "%u:%u has sent %lu octets in recovery, for %lu that may go",
			 x->ip & 255, x->port, g->sent, most);
}

/* With nothing known to be missing all that is not acknowledged counts against the window. */
static void
check_flight(struct sim_half *x, uint32_t end)
{
	struct sim_loss *g = &x->loss;
	uint32_t flight = end - x->una_put;
	bool plain = !g->in_episode && !g->comes_down && !g->blind && g->put.nb == 0 && g->sure.nb == 0;

	if (plain && is_judged(x))
		sim_hold(SIM_cc_window, flight <= g->bound + SPARE * find_mss(x),
			 "%u:%u has %u octets in flight, %u may be (its last loss left %u)", x->ip & 255, x->port,
			 flight, g->bound, g->reduced ? g->left : 0);
}

void
sim_loss_sent(struct sim_half *x, const struct sim_packet *p, bool is_new)
{
	struct sim_loss *g = &x->loss;

	if (g->first_us == 0 && p->has_ts) {
		g->first_us = vhost_now_us;
		g->first_tsval = p->tsval;
	}
	if (p->flags & SIM_SYN) {
		g->recover = g->again_to = x->iss;
		return;
	}
	if (g->bound == 0)
		g->bound = RTE_MIN(IW_SEGMENTS * find_mss(x), IW_MOST);
	if (x->una == x->snd_max)
		g->nb_out = 0;
	g->nb_out += is_new;
	if (is_new)
		note_used(x, p->seq + sim_space(p) - x->una, 0);
	if (is_new && sim_space(p) > g->new_len) {
		g->longer_seq = p->seq;
		g->longer_len = sim_space(p);
	}
	if (is_new)
		g->new_len = sim_space(p);
	if (!is_new)
		take_again(x, p);
	if (g->in_episode)
		check_episode(x, p);
	if (is_new)
		check_flight(x, p->seq + sim_space(p));
}
