/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "sim/checker.h"

/* Received, in order or not; what PAWS or a full pool made a host drop may be among it. */
static bool
is_there(const struct sim_half *x, uint32_t from, uint32_t to)
{
	if (sim_leq(to, x->rcv_nxt))
		return true;
	for (uint32_t i = 0; i < x->nb_ooo; i++)
		if (sim_leq(x->ooo[i].from, from) && sim_leq(to, x->ooo[i].to))
			return true;
	return false;
}

/* Below the acknowledgement, or inside the second block. */
bool
sim_is_dsack(const struct sim_packet *p)
{
	if (sim_leq(p->sack[0][1], p->ack))
		return true;
	return p->nb_sack > 1 && sim_leq(p->sack[1][0], p->sack[0][0]) && sim_leq(p->sack[0][1], p->sack[1][1]);
}

static void
check_dsack(struct sim_half *x, const struct sim_packet *p)
{
	uint32_t from = p->sack[0][0];
	uint32_t to = p->sack[0][1];

	x->nb_dsack++;
	sim_hold(SIM_dsack, sim_lt(from, to) && x->nb_dsack <= x->nb_dup && is_there(x, from, to),
		 "%u:%u: D-SACK %u..%u, the %uth, for %u duplicates", x->ip & 255, x->port, from, to, x->nb_dsack,
		 x->nb_dup);
}

void
sim_sack_arrived(struct sim_half *x, const struct sim_packet *p, bool sure)
{
	if (x->has_acked && sim_leq(p->seq, x->ack_last))
		return;
	if (x->nb_recent == x->recent_size) {
		x->recent_size = x->recent_size ? 2 * x->recent_size : 32;
		x->recent = realloc(x->recent, x->recent_size * sizeof(x->recent[0]));
	}
	x->recent[x->nb_recent++] = (struct sim_arrival){ p->seq, sure };
}

void
sim_sack_settle(struct sim_half *x)
{
	uint32_t old = x->nb_recent > SIM_NEWEST ? x->nb_recent - SIM_NEWEST : 0;
	bool holds_none = x->nb_ooo == 0 && x->has_acked && x->ack_last == x->rcv_nxt;

	if (holds_none)
		old = x->nb_recent;
	if (old > 0)
		memmove(x->recent, x->recent + old, (x->nb_recent - old) * sizeof(x->recent[0]));
	x->nb_recent -= old;
	x->nb_known = x->nb_recent;
	x->recent_cut = !holds_none && (x->recent_cut || old > 0);
}

/*
 * The latest of what x certainly has processed, and holds unless that is acknowledged: no older one may come first.
 * With none, any that is kept, if all are; else UINT32_MAX.
 */
static uint32_t
find_least(const struct sim_half *x, uint32_t ack)
{
	uint32_t nb_over = 0;
	uint32_t n = x->nb_known;

	for (uint32_t i = n; i < x->nb_recent; i++)
		nb_over += sim_leq(x->recent[i].seq, ack);
	for (; n > 0 && nb_over < SIM_NEWEST; n--, nb_over++)
		if (x->recent[n - 1].sure && sim_lt(ack, x->recent[n - 1].seq))
			return n - 1;
	return x->recent_cut ? UINT32_MAX : 0;
}

/* The oldest arrival from least on that lies in block i; nb_recent: none. */
static uint32_t
find_in_block(const struct sim_half *x, const struct sim_packet *p, unsigned int i, uint32_t least)
{
	while (least < x->nb_recent && !(sim_leq(p->sack[i][0], x->recent[least].seq) &&
					 sim_lt(x->recent[least].seq, p->sack[i][1])))
		least++;
	return least;
}

/*
 * RFC 2018 4: the first block has the segment that made us send this, the latest that is not acknowledged by it. Which
 * one that is we know only so far: the host takes them in the order in which they were put, answers several at once,
 * and does not get behind what it has shown to know before, by a first block or because it was settled since. So the
 * block has to have a segment that is no older than that. What PAWS, a window or want of memory may have dropped does
 * not count as known; nor does what SIM_NEWEST others followed, whose order a receiver may have forgotten. Behind a
 * D-SACK comes the block that it lies in, and then this one (RFC 2883 4); beside data there may be room for the first
 * alone.
 */
static void
check_first(struct sim_half *x, const struct sim_packet *p, unsigned int first)
{
	uint32_t least = find_least(x, p->ack);
	bool inside = first == 1 && !sim_leq(p->sack[0][1], p->ack);
	bool crowded = p->len > 0 && p->nb_sack <= 1u + inside;
	uint32_t at;

	if (least == UINT32_MAX)
		return;
	at = find_in_block(x, p, first, least);
	if (at == x->nb_recent && inside && p->nb_sack > 2)
		at = find_in_block(x, p, 2, least);
	else if (at < x->nb_recent && !inside)
		x->nb_known = RTE_MAX(x->nb_known, at + 1);
	/* a host that was short of room has not kept what we think it has */
	if (!crowded && !sim_half_is_excused(x, vhost_now_us) && sim_host_given_up(x->host) == 0)
		sim_hold(SIM_sack_first, at < x->nb_recent, "%u:%u: block %u..%u is not the latest", x->ip & 255,
			 x->port, p->sack[first][0], p->sack[first][1]);
}

void
sim_check_sack(struct sim_half *x, const struct sim_packet *p)
{
	unsigned int first = 0;

	if (p->nb_sack == 0)
		return;
	sim_hold(SIM_sack_block, sim_half_has_sack(x) && (p->flags & SIM_ACK) && !(p->flags & SIM_SYN),
		 "%u:%u: SACK that was not agreed on", x->ip & 255, x->port);
	if (sim_is_dsack(p)) {
		check_dsack(x, p);
		first = 1;
	}
	for (unsigned int i = first; i < p->nb_sack; i++) {
		uint32_t from = p->sack[i][0];
		uint32_t to = p->sack[i][1];

		sim_hold(SIM_sack_block, sim_lt(from, to) && sim_lt(p->ack, from) && is_there(x, from, to),
			 "%u:%u: block %u..%u with ACK %u was not received", x->ip & 255, x->port, from, to, p->ack);
		for (unsigned int k = first; k < i; k++)
			sim_hold(SIM_sack_block, sim_leq(to, p->sack[k][0]) || sim_leq(p->sack[k][1], from),
				 "%u:%u: block %u..%u overlaps another", x->ip & 255, x->port, from, to);
	}
	if (first < p->nb_sack)
		check_first(x, p, first);
}

/*
 * RFC 3168 6.1: ECT on new data only, ECE after CE, CWR on new data after ECE or a loss. A SYN of DCTCP, which asks or
 * agrees, has ECT too (RFC 8257 3.6).
 */
void
sim_check_ecn(struct sim_half *x, const struct sim_packet *p, bool is_new)
{
	bool ect = p->tos & 3;

	if (p->flags & SIM_SYN) {
		sim_hold(SIM_no_ecn, !ect || (p->flags & SIM_ECE), "%u:%u: a SYN with ECT", x->ip & 255, x->port);
		return;
	}
	if (x->ecn_unsure || x->peer->ecn_unsure)
		return;
	if (!sim_half_has_ecn(x)) {
		sim_hold(SIM_no_ecn, !ect && !(p->flags & (SIM_ECE | SIM_CWR)), "%u:%u: ECN that was not agreed on",
			 x->ip & 255, x->port);
		return;
	}
	if (ect || (p->flags & SIM_CWR))
		sim_hold(SIM_ecn_ect, is_new && p->len > 0, "%u:%u: ECT or CWR on what is not new data", x->ip & 255,
			 x->port);
	/* what is left of a connection in TIME-WAIT knows nothing of ECN */
	if (x->owes_ece && !x->dctcp && (p->flags & SIM_ACK) && !x->got_fin &&
	    !sim_half_is_late(x))
		sim_hold(SIM_ecn_echo, p->flags & SIM_ECE, "%u:%u: no ECE, a CE was not answered by CWR yet",
			 x->ip & 255, x->port);
	if (p->flags & SIM_ECE)
		sim_hold(SIM_ecn_ece, x->got_ce, "%u:%u: ECE without CE", x->ip & 255, x->port);
	if (p->flags & SIM_CWR)
		sim_hold(SIM_ecn_cwr, x->got_ece || x->resent, "%u:%u: CWR without ECE or loss", x->ip & 255, x->port);
}
