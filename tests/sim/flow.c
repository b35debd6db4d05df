/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "sim/checker.h"

#define BUCKETS 65536u

static struct sim_flow *buckets[BUCKETS];
static uint32_t nb_flows;

static uint32_t
hash_ends(uint32_t a, uint16_t ap, uint32_t b, uint16_t bp)
{
	uint64_t x = (uint64_t)a << 16 | ap;
	uint64_t y = (uint64_t)b << 16 | bp;

	return (uint32_t)(sim_mix(x) + sim_mix(y)) % BUCKETS;
}

static void
free_stores(struct sim_half *x)
{
	free(x->bytes);
	free(x->ooo);
	free(x->tsvals);
	free(x->recent);
	x->bytes = NULL;
	x->ooo = NULL;
	x->tsvals = NULL;
	x->recent = NULL;
	x->size = x->nb_bytes = x->nb_ooo = x->ooo_size = x->nb_tsvals = x->tsvals_size = 0;
	x->nb_recent = x->recent_size = x->nb_known = 0;
}

void
sim_checker_begin(void)
{
	nb_flows = 0;
	sim_checker_forget_owed();
}

void
sim_checker_end(void)
{
	for (uint32_t i = 0; i < BUCKETS; i++)
		while (buckets[i] != NULL) {
			struct sim_flow *f = buckets[i];

			buckets[i] = f->next;
			free_stores(&f->half[0]);
			free_stores(&f->half[1]);
			free(f);
		}
}

struct sim_half *
sim_half_find(uint32_t ip, uint16_t port, uint32_t peer_ip, uint16_t peer_port)
{
	struct sim_flow *f = buckets[hash_ends(ip, port, peer_ip, peer_port)];

	for (; f != NULL; f = f->next)
		for (unsigned int i = 0; i < 2; i++) {
			const struct sim_half *x = &f->half[i];

			if (x->ip == ip && x->port == port && x->peer->ip == peer_ip && x->peer->port == peer_port)
				return &f->half[i];
		}
	return NULL;
}

static struct sim_host *
find_host(struct sim_world *w, uint32_t ip)
{
	for (unsigned int i = 0; i < w->nb_hosts; i++)
		if (w->hosts[i].ip == ip)
			return &w->hosts[i];
	return NULL;
}

static void
name_half(struct sim_half *x, struct sim_host *h, uint32_t ip, uint16_t port)
{
	x->host = h;
	x->ip = ip;
	x->port = port;
}

struct sim_half *
sim_half_get(struct sim_host *h, const struct sim_packet *p, bool sent)
{
	struct sim_half *x = sent ? sim_half_find(p->src, p->sport, p->dst, p->dport) :
				    sim_half_find(p->dst, p->dport, p->src, p->sport);
	struct sim_flow **bucket;
	struct sim_flow *f;

	if (x != NULL)
		return x;
	f = calloc(1, sizeof(*f));
	f->serial = nb_flows++;
	name_half(&f->half[0], find_host(h->w, p->src), p->src, p->sport);
	name_half(&f->half[1], find_host(h->w, p->dst), p->dst, p->dport);
	for (unsigned int i = 0; i < 2; i++) {
		f->half[i].flow = f;
		f->half[i].peer = &f->half[1 - i];
	}
	f->ignored = f->half[0].host == NULL || f->half[1].host == NULL;
	bucket = &buckets[hash_ends(p->src, p->sport, p->dst, p->dport)];
	f->next = *bucket;
	*bucket = f;
	return &f->half[sent ? 0 : 1];
}

void
sim_flow_renew(struct sim_flow *f)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct sim_half *x = &f->half[i];
		struct sim_half fresh = { .flow = f, .peer = x->peer, .host = x->host, .ip = x->ip, .port = x->port,
					  .unsettled = x->unsettled, .next_unsettled = x->next_unsettled };

		free_stores(x);
		*x = fresh;
	}
	f->reused = true;
	f->ignored = false;
}

void
sim_flow_retire(struct sim_half *x)
{
	x->flow->ignored = true;
	free_stores(x);
	free_stores(x->peer);
}

uint32_t
sim_half_acked(const struct sim_half *x)
{
	uint32_t end = x->fin && sim_lt(x->fin_seq, x->una_put) ? x->fin_seq : x->una_put;

	return x->syn && sim_lt(x->iss, end) ? end - x->iss - 1 : 0;
}

bool
sim_half_fin_acked(const struct sim_half *x)
{
	return x->fin && sim_lt(x->fin_seq, x->una_put);
}

uint32_t
sim_half_received(const struct sim_half *x)
{
	return x->got_syn && x->peer->syn ? x->rcv_nxt - x->peer->iss - 1 : 0;
}

uint32_t
sim_half_offered(const struct sim_half *x)
{
	return x->has_acked && sim_lt(x->rcv_nxt, x->edge_last) ? x->edge_last - x->rcv_nxt : 0;
}

bool
sim_half_has_ts(const struct sim_half *x)
{
	return x->offers_ts && x->peer->offers_ts;
}

bool
sim_half_has_ws(const struct sim_half *x)
{
	return x->offers_ws && x->peer->offers_ws;
}

bool
sim_half_has_sack(const struct sim_half *x)
{
	return x->offers_sack && x->peer->offers_sack;
}

bool
sim_half_has_ecn(const struct sim_half *x)
{
	return x->offers_ecn && x->peer->offers_ecn;
}
