/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/impair.h"

#include <stdlib.h>

#include <rte_ether.h>

#include "wire/cksum.h"
#include "wire/eth.h"

#define MILLION 1000000u

/* Ethernet and IPv4 header: what marking has to see; of IPv6 it sees the traffic class. */
#define HEAD (SANI_ETH_HDR + 20)
#define IP4_CKSUM_AT (SANI_ETH_HDR + 10)

enum chance {
	CHANCE_LOSS,
	CHANCE_BURST_BEGIN,
	CHANCE_BURST_END,
	CHANCE_BURST_LOSS,
	CHANCE_DUP,
	CHANCE_CORRUPT,
	CHANCE_CORRUPT_BIT,
	CHANCE_REORDER,
	CHANCE_JITTER,
	CHANCES
};

/* A frame on the way. The heap is ordered by due_us, then by serial. */
struct travel {
	uint64_t due_us;
	uint64_t serial;
	struct rte_mbuf *m;
};

/* A frame that has not left the bottleneck. */
struct wait {
	uint64_t leave_us;
	uint32_t len;
};

struct sani_impair {
	struct sani_impair_conf conf;
	struct sani_impair_stats stats;
	struct rte_mempool *pool;
	uint64_t random[CHANCES];
	bool in_burst;
	uint32_t max_frames;

	/* The bottleneck is free again at free_us and free_frac/rate_bps microseconds. */
	uint64_t free_us;
	uint64_t free_frac;
	uint64_t queue_bytes;
	uint32_t first_wait;
	uint32_t nb_waits;
	struct wait *waits;	/* a ring of max_frames */

	uint64_t serial;
	uint32_t nb_travels;
	struct travel *heap;	/* [max_frames] */
};

/* SplitMix64: the state counts, and is mixed on the way out. */
static uint32_t
draw(struct sani_impair *imp, enum chance which)
{
	uint64_t z = imp->random[which] += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ z >> 31) >> 32);
}

/* A number from 0 to n - 1. */
static uint32_t
draw_below(struct sani_impair *imp, enum chance which, uint64_t n)
{
	return (uint32_t)(draw(imp, which) * n >> 32);
}

static bool
happens(struct sani_impair *imp, enum chance which, uint32_t ppm)
{
	return ppm > 0 && draw_below(imp, which, MILLION) < ppm;
}

struct sani_impair *
sani_impair_create(const struct sani_impair_conf *conf, uint64_t seed, uint32_t max_frames,
		   struct rte_mempool *pool)
{
	struct sani_impair *imp = calloc(1, sizeof(*imp));

	if (imp == NULL)
		return NULL;
	imp->conf = *conf;
	imp->pool = pool;
	imp->max_frames = max_frames;
	imp->waits = malloc(max_frames * sizeof(*imp->waits));
	imp->heap = malloc(max_frames * sizeof(*imp->heap));
	if (imp->waits == NULL || imp->heap == NULL) {
		sani_impair_destroy(imp);
		return NULL;
	}
	/* two rounds of mixing between seed and states: neighbouring seeds have nothing in common */
	imp->random[0] = seed;
	for (int i = CHANCES - 1; i >= 0; i--)
		imp->random[i] = (uint64_t)draw(imp, 0) << 32 | draw(imp, 0);
	return imp;
}

void
sani_impair_destroy(struct sani_impair *imp)
{
	if (imp == NULL)
		return;
	for (uint32_t i = 0; i < imp->nb_travels; i++)
		rte_pktmbuf_free(imp->heap[i].m);
	free(imp->heap);
	free(imp->waits);
	free(imp);
}

void
sani_impair_set(struct sani_impair *imp, const struct sani_impair_conf *conf)
{
	/* the fraction is one of the old rate */
	if (conf->rate_bps != imp->conf.rate_bps && imp->free_frac > 0) {
		imp->free_us++;
		imp->free_frac = 0;
	}
	if (conf->burst_begin_ppm == 0)
		imp->in_burst = false;
	imp->conf = *conf;
}

static bool
is_before(const struct travel *a, const struct travel *b)
{
	return a->due_us != b->due_us ? a->due_us < b->due_us : a->serial < b->serial;
}

static void
push_travel(struct sani_impair *imp, const struct travel *t)
{
	uint32_t i = imp->nb_travels++;

	for (; i > 0 && is_before(t, &imp->heap[(i - 1) / 2]); i = (i - 1) / 2)
		imp->heap[i] = imp->heap[(i - 1) / 2];
	imp->heap[i] = *t;
}

static struct rte_mbuf *
pop_travel(struct sani_impair *imp)
{
	struct rte_mbuf *m = imp->heap[0].m;
	const struct travel *last = &imp->heap[--imp->nb_travels];
	uint32_t i = 0;

	for (;;) {
		uint32_t next = 2 * i + 1;

		if (next + 1 < imp->nb_travels && is_before(&imp->heap[next + 1], &imp->heap[next]))
			next++;
		if (next >= imp->nb_travels || !is_before(&imp->heap[next], last))
			break;
		imp->heap[i] = imp->heap[next];
		i = next;
	}
	imp->heap[i] = *last;
	return m;
}

static void
drop(struct rte_mbuf *m, uint64_t *counter)
{
	(*counter)++;
	rte_pktmbuf_free(m);
}

/* Each chance is drawn for each frame, so that one does not shift another's sequence. */
static bool
is_lost(struct sani_impair *imp)
{
	const struct sani_impair_conf *c = &imp->conf;
	bool lost = happens(imp, CHANCE_LOSS, c->loss_ppm);

	if (!imp->in_burst)
		imp->in_burst = happens(imp, CHANCE_BURST_BEGIN, c->burst_begin_ppm);
	if (imp->in_burst) {
		lost |= happens(imp, CHANCE_BURST_LOSS, c->burst_loss_ppm ? c->burst_loss_ppm : MILLION);
		imp->in_burst = !happens(imp, CHANCE_BURST_END,
					 c->burst_end_ppm ? c->burst_end_ppm : MILLION);
	}
	return lost;
}

/* Frames whose last bit has left by now are no longer in the queue. */
static void
advance_queue(struct sani_impair *imp, uint64_t now_us)
{
	while (imp->nb_waits > 0 && imp->waits[imp->first_wait].leave_us <= now_us) {
		imp->queue_bytes -= imp->waits[imp->first_wait].len;
		imp->first_wait = imp->first_wait + 1 < imp->max_frames ? imp->first_wait + 1 : 0;
		imp->nb_waits--;
	}
}

static bool
fits_queue(const struct sani_impair *imp, uint32_t len)
{
	if (imp->nb_travels == imp->max_frames)
		return false;
	return imp->conf.queue_bytes == 0 || imp->queue_bytes == 0 ||
	       imp->queue_bytes + len <= imp->conf.queue_bytes;
}

/*
 * A frame of len octets takes the bottleneck. @return When its last bit leaves.
 * The queue has room for it: whoever waits is on the way too, and those are fewer than max_frames.
 */
static uint64_t
enter_bottleneck(struct sani_impair *imp, uint32_t len, uint64_t now_us)
{
	uint64_t rate = imp->conf.rate_bps;
	uint64_t leave_us;
	uint32_t at;

	if (imp->free_us < now_us) {
		imp->free_us = now_us;
		imp->free_frac = 0;
	}
	if (rate > 0) {
		uint64_t work = (uint64_t)len * 8 * MILLION + imp->free_frac;

		imp->free_us += work / rate;
		imp->free_frac = work % rate;
	}
	leave_us = imp->free_us + (imp->free_frac > 0);
	if (leave_us == now_us)
		return now_us;
	at = imp->first_wait + imp->nb_waits++;
	imp->waits[at < imp->max_frames ? at : at - imp->max_frames] =
		(struct wait){ .leave_us = leave_us, .len = len };
	imp->queue_bytes += len;
	return leave_us;
}

/* May the octets of m be written, or does somebody else see them too? */
static bool
is_ours(const struct rte_mbuf *m)
{
	for (; m != NULL; m = m->next)
		if (!RTE_MBUF_DIRECT(m) || rte_mbuf_refcnt_read(m) != 1)
			return false;
	return true;
}

/* m, or a copy in its place, that may be written; NULL: there is no memory, m stays. */
static struct rte_mbuf *
make_ours(struct sani_impair *imp, struct rte_mbuf *m)
{
	struct rte_mbuf *copy;

	if (is_ours(m))
		return m;
	copy = rte_pktmbuf_copy(m, imp->pool, 0, UINT32_MAX);
	if (copy == NULL) {
		imp->stats.no_memory++;
		return NULL;
	}
	rte_pktmbuf_free(m);
	return copy;
}

static uint8_t *
find_octet(struct rte_mbuf *m, uint32_t at)
{
	for (; at >= m->data_len; m = m->next)
		at -= m->data_len;
	return rte_pktmbuf_mtod_offset(m, uint8_t *, at);
}

/* RFC 3168 5: 01 and 10 say that the ends understand ECN. @return false: not ECN capable, or CE already. */
static bool
mark_ip4(uint8_t *head)
{
	uint16_t old, new, sum;

	if ((head[SANI_ETH_HDR + 1] & 3) == 0 || (head[SANI_ETH_HDR + 1] & 3) == 3)
		return false;
	memcpy(&old, head + SANI_ETH_HDR, sizeof(old));
	head[SANI_ETH_HDR + 1] |= 3;
	memcpy(&new, head + SANI_ETH_HDR, sizeof(new));
	/* RFC 1624, equation 3 */
	memcpy(&sum, head + IP4_CKSUM_AT, sizeof(sum));
	sum = (uint16_t)~sani_cksum_add(sani_cksum_add((uint16_t)~sum, (uint16_t)~old), new);
	memcpy(head + IP4_CKSUM_AT, &sum, sizeof(sum));
	return true;
}

static bool
mark_ip6(uint8_t *head)
{
	uint8_t ecn = head[SANI_ETH_HDR + 1] >> 4 & 3;

	head[SANI_ETH_HDR + 1] |= 3 << 4;
	return ecn != 0 && ecn != 3;
}

static bool
mark_head(uint8_t *head)
{
	switch (head[12] << 8 | head[13]) {
	case RTE_ETHER_TYPE_IPV4:
		return mark_ip4(head);
	case RTE_ETHER_TYPE_IPV6:
		return mark_ip6(head);
	default:
		return false;
	}
}

/* @return m, or the copy that had to be made of it. */
static struct rte_mbuf *
mark(struct sani_impair *imp, struct rte_mbuf *m)
{
	uint8_t head[HEAD];
	struct rte_mbuf *ours;
	const void *found = rte_pktmbuf_read(m, 0, HEAD, head);

	if (found == NULL)
		return m;
	if (found != head)
		memcpy(head, found, HEAD);
	if (!mark_head(head))
		return m;
	ours = make_ours(imp, m);
	if (ours == NULL)
		return m;
	for (uint32_t at = SANI_ETH_HDR; at < HEAD; at++)
		*find_octet(ours, at) = head[at];
	imp->stats.marked++;
	return ours;
}

/*
 * The checksum must now be wrong: nobody has found it right, and no device fills it in.
 * @return m, or the copy that had to be made of it.
 */
static struct rte_mbuf *
corrupt(struct sani_impair *imp, struct rte_mbuf *m)
{
	const uint64_t cksums = RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK |
				RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_L4_MASK;
	struct rte_mbuf *ours;
	uint32_t bit;

	if (m->pkt_len <= SANI_ETH_HDR)
		return m;
	bit = draw_below(imp, CHANCE_CORRUPT_BIT, (uint64_t)(m->pkt_len - SANI_ETH_HDR) * 8);
	ours = make_ours(imp, m);
	if (ours == NULL)
		return m;
	*find_octet(ours, SANI_ETH_HDR + bit / 8) ^= (uint8_t)(1 << bit % 8);
	ours->ol_flags &= ~cksums;
	imp->stats.corrupted++;
	return ours;
}

/* From the bottleneck to the other end. */
static void
send_off(struct sani_impair *imp, struct rte_mbuf *m, uint64_t leave_us)
{
	const struct sani_impair_conf *c = &imp->conf;
	struct travel t = { .due_us = leave_us + c->delay_us };

	if (imp->nb_travels == imp->max_frames) {
		drop(m, &imp->stats.queue_full);
		return;
	}
	if (happens(imp, CHANCE_CORRUPT, c->corrupt_ppm))
		m = corrupt(imp, m);
	if (happens(imp, CHANCE_REORDER, c->reorder_ppm)) {
		t.due_us += c->reorder_us;
		imp->stats.reordered++;
	}
	if (c->jitter_us > 0)
		t.due_us += draw_below(imp, CHANCE_JITTER, (uint64_t)c->jitter_us + 1);
	t.serial = imp->serial++;
	t.m = m;
	push_travel(imp, &t);
}

static struct rte_mbuf *
repeat(struct sani_impair *imp, const struct rte_mbuf *m)
{
	struct rte_mbuf *copy;

	if (!happens(imp, CHANCE_DUP, imp->conf.dup_ppm))
		return NULL;
	copy = rte_pktmbuf_copy(m, imp->pool, 0, UINT32_MAX);
	if (copy != NULL)
		imp->stats.duplicated++;
	else
		imp->stats.no_memory++;
	return copy;
}

static void
pass(struct sani_impair *imp, struct rte_mbuf *m, uint64_t now_us)
{
	struct rte_mbuf *copy;
	uint64_t leave_us;

	if (imp->conf.mark_bytes > 0 && imp->queue_bytes > imp->conf.mark_bytes)
		m = mark(imp, m);
	leave_us = enter_bottleneck(imp, m->pkt_len, now_us);
	copy = repeat(imp, m);
	send_off(imp, m, leave_us);
	if (copy != NULL)
		send_off(imp, copy, leave_us);
}

void
sani_impair_put(struct sani_impair *imp, struct rte_mbuf *m, uint64_t now_us)
{
	const struct sani_impair_conf *c = &imp->conf;
	struct sani_impair_stats *s = &imp->stats;

	s->in++;
	advance_queue(imp, now_us);
	if (c->down)
		drop(m, &s->down);
	else if (c->mtu > 0 && m->pkt_len > c->mtu + (uint64_t)SANI_ETH_HDR)
		drop(m, &s->too_long);
	else if (is_lost(imp))
		drop(m, &s->lost);
	else if (!fits_queue(imp, m->pkt_len))
		drop(m, &s->queue_full);
	else
		pass(imp, m, now_us);
}

unsigned int
sani_impair_take(struct sani_impair *imp, uint64_t now_us, struct rte_mbuf **m, unsigned int max)
{
	unsigned int n = 0;

	while (n < max && imp->nb_travels > 0 && imp->heap[0].due_us <= now_us)
		m[n++] = pop_travel(imp);
	imp->stats.out += n;
	return n;
}

uint64_t
sani_impair_next(const struct sani_impair *imp)
{
	return imp->nb_travels > 0 ? imp->heap[0].due_us : SANI_NEVER;
}

void
sani_impair_stats(const struct sani_impair *imp, struct sani_impair_stats *stats)
{
	*stats = imp->stats;
}
