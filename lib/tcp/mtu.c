/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/priv.h"

#define TIMEOUTS_A_STEP 2u	/* one may be the path's bad day */
#define FOLLOWERS 3u		/* segments behind a probe, by whose SACKs its loss is seen (RFC 4821 7.4) */

/* Each carries what every common tunnel leaves; the last is what every IPv4 host takes, or IPv6 link carries. */
static const uint16_t steps_v4[] = { 1240, 576 };
static const uint16_t steps_v6[] = { 1280 };

/* The greatest step below the MTU in use by which the segment at SND.UNA becomes shorter; 0: none does. */
static uint16_t
choose_step(const struct sani_tcp_conn *c, uint32_t head_len)
{
	bool v4 = sani_ip_is_v4(&c->tuple.remote);
	const uint16_t *steps = v4 ? steps_v4 : steps_v6;
	size_t n = v4 ? RTE_DIM(steps_v4) : RTE_DIM(steps_v6);

	for (size_t i = 0; i < n; i++)
		if (steps[i] < c->mtu && sani_tcp_mss_at(c, steps[i]) < head_len)
			return steps[i];
	return 0;
}

static uint32_t
head_len(struct sani_tcp_conn *c)
{
	uint32_t end;

	if (c->flight.nb == 0)
		return 0;
	end = sani_tcp_run_end(c, sani_tcp_runs(c), 0);
	return sani_tcp_min(end - c->snd_una, c->snd_mss);
}

static void
set_mtu(struct sani_tcp_conn *c, uint16_t mtu)
{
	c->mtu = mtu;
	sani_tcp_update_mss(c);
}

static uint32_t
seconds(uint64_t now_us)
{
	return (uint32_t)(now_us / 1000000);
}

static void
rest(struct sani_tcp_conn *c, uint64_t now_us, uint32_t for_s)
{
	c->search.next_s = seconds(now_us) + for_s;
}

static void
end_search(struct sani_tcp_conn *c)
{
	c->search.top = 0;
	c->search.probe = 0;
	c->flags &= ~(uint32_t)SANI_TCP_F_MTU;
}

/* The probe did not pass: between it and what does the next one lies, until they are near. */
static void
fail_probe(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	struct sani_tcp_mtu_search *s = &c->search;

	s->high = s->probe;
	s->probe = 0;
	if (s->high - c->mtu > (int)SANI_TCP_MTU_NEAR) {
		rest(c, io->now_us, SANI_TCP_MTU_PAUSE_S);
	} else {
		s->high = (uint16_t)(s->top + 1);
		rest(c, io->now_us, SANI_TCP_MTU_RAISE_S);
	}
	sani_count(io->ctr, SANI_CTR_tcp_mtu_probe_lost);
}

static void
lower(struct sani_tcp_conn *c, uint16_t step, struct sani_tcp_io *io)
{
	struct sani_tcp_mtu_search *s = &c->search;

	if (s->top == 0)
		s->top = c->mtu;
	if (s->timeouts == TIMEOUTS_A_STEP)
		s->before = c->mtu;
	s->high = (uint16_t)(s->top + 1);
	c->flags |= SANI_TCP_F_MTU;
	set_mtu(c, step);
	sani_count(io->ctr, SANI_CTR_tcp_mtu_lowered);
}

/* RFC 4821 7.7: timeouts in a row, of a probe or of a segment that is longer than it need be. */
void
sani_tcp_mtu_timeout(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	struct sani_tcp_mtu_search *s = &c->search;
	uint16_t step;

	if (s->probe != 0)
		fail_probe(c, io);
	if (s->mark != c->snd_una) {
		s->mark = c->snd_una;
		s->timeouts = 0;
	}
	step = choose_step(c, head_len(c));
	/* an error that came by ICMP says more than silence does */
	if (c->soft_error != 0 || (step == 0 && s->timeouts < TIMEOUTS_A_STEP) ||
	    ++s->timeouts % TIMEOUTS_A_STEP != 0)
		return;
	if (step != 0) {
		lower(c, step, io);
	} else {
		set_mtu(c, s->before);
		s->timeouts = 0;
		sani_count(io->ctr, SANI_CTR_tcp_mtu_restored);
	}
}

void
sani_tcp_mtu_told(struct sani_tcp_conn *c, uint16_t before, uint64_t now_us)
{
	struct sani_tcp_mtu_search *s = &c->search;

	if (!s->on)
		return;
	if (s->top == 0)
		s->top = before;
	s->high = (uint16_t)(s->top + 1);
	s->probe = 0;
	s->timeouts = 0;
	c->flags |= SANI_TCP_F_MTU;
	rest(c, now_us, SANI_TCP_MTU_RAISE_S);
}

/* What the acknowledgements since the last look say: a probe has passed, or shorter segments do. */
static void
take_progress(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	struct sani_tcp_mtu_search *s = &c->search;

	if (s->probe != 0 && seq_geq(c->snd_una, s->mark)) {
		set_mtu(c, s->probe);
		s->probe = 0;
		s->timeouts = 0;
		if (s->high - c->mtu <= (int)SANI_TCP_MTU_NEAR && s->high <= s->top) {
			s->high = (uint16_t)(s->top + 1);
			rest(c, io->now_us, SANI_TCP_MTU_RAISE_S);
		}
		sani_count(io->ctr, SANI_CTR_tcp_mtu_raised);
	} else if (s->probe == 0 && s->timeouts > 0 && c->snd_una != s->mark) {
		if (s->timeouts >= TIMEOUTS_A_STEP) {
			rest(c, io->now_us, 0);
			sani_count(io->ctr, SANI_CTR_tcp_mtu_black_hole);
		}
		s->timeouts = 0;
	}
}

static uint16_t
choose_probe(const struct sani_tcp_conn *c)
{
	const struct sani_tcp_mtu_search *s = &c->search;

	return s->high > s->top ? s->top : (uint16_t)((c->mtu + s->high) / 2);
}

/* Is the flight in order, and is there enough behind the probe to show that it was lost? */
static bool
may_probe(const struct sani_tcp_conn *c, uint32_t len)
{
	uint32_t all = len + FOLLOWERS * c->snd_mss;
	uint32_t edge = c->snd_una + c->snd_wnd;

	return (c->flags & SANI_TCP_F_SACK) && c->ca == SANI_TCP_CA_OPEN && c->flight.lost == 0 &&
	       c->flight.sacked == 0 && !(c->flags & (SANI_TCP_F_PROBED | SANI_TCP_F_TLP_OUT)) &&
	       sani_tcp_unsent(c) >= all && seq_geq(edge, c->snd_nxt + all) && c->cwnd >= all;
}

enum sani_tcp_mtu_verdict
sani_tcp_mtu_plan(struct sani_tcp_conn *c, struct sani_tcp_io *io, uint32_t *len)
{
	struct sani_tcp_mtu_search *s = &c->search;

	take_progress(c, io);
	if (s->probe != 0 || s->timeouts > 0)
		return SANI_TCP_MTU_PASS;
	/* the peer may take no more than fits already */
	if (c->mtu >= s->top || sani_tcp_mss_at(c, s->top) <= c->snd_mss) {
		end_search(c);
		return SANI_TCP_MTU_PASS;
	}
	*len = sani_tcp_mss_at(c, choose_probe(c));
	if (seq_lt(seconds(io->now_us), s->next_s) || !may_probe(c, *len))
		return SANI_TCP_MTU_PASS;
	return sani_tcp_pipe(c) + *len <= c->cwnd ? SANI_TCP_MTU_PROBE : SANI_TCP_MTU_WAIT;
}

void
sani_tcp_mtu_sent(struct sani_tcp_conn *c, struct sani_counters *ctr)
{
	struct sani_tcp_mtu_search *s = &c->search;

	s->probe = choose_probe(c);
	s->mark = c->snd_nxt;
	sani_count(ctr, SANI_CTR_tcp_tx_mtu_probe);
}

/* RFC 4821 7.6.2: with other losses beside it the probe's own proves nothing: congestion, and once more later. */
bool
sani_tcp_mtu_lost(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	struct sani_tcp_mtu_search *s = &c->search;
	uint32_t len = sani_tcp_mss_at(c, s->probe);
	uint32_t seq;
	uint32_t end;

	if (s->probe == 0 || !sani_tcp_flight_first_lost(c, &seq, &end))
		return false;
	if (seq == s->mark - len && end == s->mark && c->flight.lost == len) {
		fail_probe(c, io);
		return true;
	}
	s->probe = 0;
	rest(c, io->now_us, SANI_TCP_MTU_PAUSE_S);
	return false;
}
