/* SPDX-License-Identifier: BSD-3-Clause */
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

/* RFC 2883 4: below the acknowledgement, or inside the second block. */
static bool
is_dsack(const struct sim_packet *p)
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

static bool
is_in_block(const struct sim_packet *p, unsigned int i, uint32_t seq)
{
	return sim_leq(p->sack[i][0], seq) && sim_lt(seq, p->sack[i][1]);
}

/*
 * RFC 2018 4: the first block has the segment that made us send this. On a host of several cores that segment may still
 * be on its way between two of them: then the block is the one of last time.
 */
static void
check_first(struct sim_half *x, const struct sim_packet *p, unsigned int first)
{
	uint32_t n = x->nb_recent < SIM_RECENT ? x->nb_recent : SIM_RECENT;
	bool found = x->host->plan->nb_cores > 1 && is_in_block(p, first, x->first_block);
	bool fresh = false;

	for (uint32_t i = 0; i < n; i++) {
		if (sim_leq(x->recent[i], p->ack))
			continue;
		fresh = true;
		found |= is_in_block(p, first, x->recent[i]);
	}
	fresh &= x->recent_taken;
	x->nb_recent = 0;
	x->recent_taken = false;
	x->first_block = p->sack[first][0];
	/* a host that was short of memory, as it says itself, has not kept what we think it has */
	if (fresh && x->host->excused_us + 1000 < vhost_now_us &&
	    vhost_count(&x->host->v, SANI_CTR_tcp_rx_drop_memory) == 0)
		sim_hold(SIM_sack_first, found, "%u:%u: block %u..%u is not the latest", x->ip & 255, x->port,
			 p->sack[first][0], p->sack[first][1]);
}

void
sim_check_sack(struct sim_half *x, const struct sim_packet *p)
{
	unsigned int first = 0;

	if (p->nb_sack == 0)
		return;
	sim_hold(SIM_sack_block, sim_half_has_sack(x) && (p->flags & SIM_ACK) && !(p->flags & SIM_SYN),
		 "%u:%u: SACK that was not agreed on", x->ip & 255, x->port);
	if (is_dsack(p)) {
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

/* RFC 3168 6.1: ECT on new data only, ECE after CE, CWR on new data after ECE or a loss. */
void
sim_check_ecn(struct sim_half *x, const struct sim_packet *p, bool is_new)
{
	bool ect = p->tos & 3;

	if (p->flags & SIM_SYN) {
		sim_hold(SIM_no_ecn, !ect, "%u:%u: a SYN with ECT", x->ip & 255, x->port);
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
	if (p->flags & SIM_ECE)
		sim_hold(SIM_ecn_ece, x->got_ce, "%u:%u: ECE without CE", x->ip & 255, x->port);
	if (p->flags & SIM_CWR)
		sim_hold(SIM_ecn_cwr, x->got_ece || x->resent, "%u:%u: CWR without ECE or loss", x->ip & 255, x->port);
}
