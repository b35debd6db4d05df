/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/priv.h"

#define SPARE 1u	/* places that cutting runs leaves for what is sent next */
#define COALESCE_SHIFT 6	/* in a crowded table times may be off by SRTT / 64 */

static uint32_t
capacity(const struct sani_tcp_flight *f)
{
	return f->table != NULL ? f->table->buf_len / (uint32_t)sizeof(struct sani_tcp_run) :
				  SANI_TCP_RUNS_FEW;
}

/* Out of the block into a buffer. The pool may be empty, or run low (NULL): then it stays where it is. */
static void
grow(struct sani_tcp_flight *f, struct rte_mempool *pool)
{
	struct rte_mbuf *m = f->table == NULL && pool != NULL ? rte_pktmbuf_alloc(pool) : NULL;

	if (m == NULL)
		return;
	memcpy(m->buf_addr, f->few + f->first, f->nb * sizeof(f->few[0]));
	f->table = m;
	f->first = 0;
}

/* Is there room for a run more, less what is spared? */
static bool
has_room(struct sani_tcp_flight *f, uint32_t spare, struct rte_mempool *pool)
{
	if (f->nb + spare >= capacity(f))
		grow(f, pool);
	return f->nb + spare < capacity(f);
}

/* Make room for run i, which the caller fills; has_room() was asked. */
static struct sani_tcp_run *
insert(struct sani_tcp_flight *f, uint32_t i)
{
	struct sani_tcp_run *r = sani_tcp_flight_base(f);

	if (f->first + f->nb == capacity(f)) {
		memmove(r, r + f->first, f->nb * sizeof(*r));
		f->first = 0;
	}
	r += f->first;
	memmove(r + i + 1, r + i, (f->nb - i) * sizeof(*r));
	f->nb++;
	return r + i;
}

static void
remove_at(struct sani_tcp_flight *f, uint32_t i)
{
	struct sani_tcp_run *r = sani_tcp_flight_base(f) + f->first;

	memmove(r + i, r + i + 1, (f->nb - i - 1u) * sizeof(*r));
	f->nb--;
}

/* The run that holds seq, which is in flight. */
static uint32_t
find(struct sani_tcp_conn *c, uint32_t seq)
{
	const struct sani_tcp_run *r = sani_tcp_runs(c);
	uint32_t low = 0;
	uint32_t high = c->flight.nb;

	while (high - low > 1) {
		uint32_t mid = (low + high) / 2;

		if (seq_leq(r[mid].seq, seq))
			low = mid;
		else
			high = mid;
	}
	return low;
}

/* Cut run i in two at seq, which lies inside it. False: there is no room. */
static bool
cut(struct sani_tcp_conn *c, uint32_t i, uint32_t seq, struct rte_mempool *pool)
{
	struct sani_tcp_run *r;

	if (!has_room(&c->flight, SPARE, pool))
		return false;
	r = insert(&c->flight, i + 1);
	r->seq = seq;
	r->word = (r - 1)->word;
	return true;
}

/* Take the marks of run i off, for it gets others. */
static void
unmark(struct sani_tcp_conn *c, uint32_t i)
{
	struct sani_tcp_run *r = sani_tcp_runs(c);
	uint32_t len = sani_tcp_run_end(c, r, i) - r[i].seq;

	if (r[i].word & SANI_TCP_RUN_SACKED)
		c->flight.sacked -= len;
	if (r[i].word & SANI_TCP_RUN_LOST)
		c->flight.lost -= len;
	r[i].word &= ~(uint32_t)(SANI_TCP_RUN_SACKED | SANI_TCP_RUN_LOST);
}

/* Make runs i and i + 1 one if they do not differ (the time of what is SACKed says nothing any more). */
static void
join(struct sani_tcp_conn *c, uint32_t i)
{
	const struct sani_tcp_run *r = sani_tcp_runs(c);

	if (i + 1u >= c->flight.nb)
		return;
	if (r[i].word == r[i + 1].word || (r[i].word & r[i + 1].word & SANI_TCP_RUN_SACKED))
		remove_at(&c->flight, i + 1);
}

/* May new data join the last run, though that was sent a little earlier? The order of times stays. */
static bool
is_crowded(const struct sani_tcp_conn *c, const struct sani_tcp_run *last, uint32_t word)
{
	const struct sani_tcp_flight *f = &c->flight;

	return f->table != NULL && f->nb > capacity(f) / 2 && (last->word & SANI_TCP_RUN_FLAGS) == 0 &&
	       sani_tcp_time_diff(word >> 4, sani_tcp_run_time(last)) <
		       (int32_t)(c->srtt_us >> COALESCE_SHIFT);
}

/* New data: most often a run of its own, or the last one's, sent a moment ago in the same burst. */
static void
append(struct sani_tcp_conn *c, uint32_t seq, uint64_t now_us, struct rte_mempool *pool)
{
	struct sani_tcp_flight *f = &c->flight;
	uint32_t word = sani_tcp_run_word(now_us, 0);
	struct sani_tcp_run *last;

	if (f->nb == 0) {
		sani_tcp_flight_begin(f, seq, now_us);
		return;
	}
	last = sani_tcp_runs(c) + f->nb - 1;
	if (last->word == word || is_crowded(c, last, word))
		return;
	if (has_room(f, 0, pool)) {
		*insert(f, f->nb) = (struct sani_tcp_run){ .seq = seq, .word = word };
	} else {
		/* full: what the last run knew is given up, but for having been sent twice */
		unmark(c, f->nb - 1u);
		last = sani_tcp_runs(c) + f->nb - 1;
		last->word = word | (last->word & SANI_TCP_RUN_FLAGS);
	}
}

/*
 * Sent again: the first byte of a run, and as much of it as fits a segment. Without room to cut the run all
 * of it counts as sent; what was not is found lost again.
 */
static void
resend(struct sani_tcp_conn *c, uint32_t seq, uint32_t end, uint64_t now_us, struct rte_mempool *pool)
{
	uint32_t i = find(c, seq);

	if (sani_tcp_runs(c)[i].seq != seq && cut(c, i, seq, pool))
		i++;
	while (i < c->flight.nb && seq_lt(sani_tcp_runs(c)[i].seq, end)) {
		if (seq_gt(sani_tcp_run_end(c, sani_tcp_runs(c), i), end))
			(void)cut(c, i, end, pool);
		unmark(c, i);
		sani_tcp_runs(c)[i].word = sani_tcp_run_word(now_us, SANI_TCP_RUN_RESENT);
		i++;
	}
	if (i >= 2)
		join(c, i - 2);
	sani_tcp_runs(c)[c->flight.nb - 1].word |= SANI_TCP_RUN_CLOSED;
}

void
sani_tcp_flight_sent(struct sani_tcp_conn *c, uint32_t seq, uint32_t end, uint64_t now_us,
		     struct rte_mempool *pool)
{
	if (sani_unlikely(seq_lt(seq, c->snd_nxt)))
		resend(c, seq, seq_lt(end, c->snd_nxt) ? end : c->snd_nxt, now_us, pool);
	if (seq_gt(end, c->snd_nxt))
		append(c, seq_max(seq, c->snd_nxt), now_us, pool);
}

/* A piece of run r that ends at end is delivered for the first time. */
static void
deliver(struct sani_tcp_conn *c, const struct sani_tcp_run *r, uint32_t end,
	struct sani_tcp_delivery *d)
{
	bool resent = r->word & SANI_TCP_RUN_RESENT;
	uint32_t time = sani_tcp_run_time(r);

	if ((!d->has_newest || sani_tcp_sent_after(time, end, d->newest_us, d->newest_end)) &&
	    (!resent || sani_tcp_rack_tells(d->rx, time))) {
		d->newest_us = time;
		d->newest_end = end;
		d->has_newest = true;
	}
	d->bytes += end - r->seq;
	d->resent |= resent;
	if (!resent) {
		if (!d->has_sample || sani_tcp_time_diff(time, d->sample_us) > 0)
			d->sample_us = time;
		d->has_sample = true;
		d->reordered |= seq_lt(end, d->prior_fack);
	}
	c->rack_fack = seq_max(c->rack_fack, end);
}

void
sani_tcp_flight_acked(struct sani_tcp_conn *c, uint32_t una, struct sani_tcp_delivery *d)
{
	struct sani_tcp_flight *f = &c->flight;

	while (f->nb > 0) {
		struct sani_tcp_run *r = sani_tcp_runs(c);
		uint32_t run_end = sani_tcp_run_end(c, r, 0);
		uint32_t end = seq_lt(una, run_end) ? una : run_end;

		if (seq_leq(end, r->seq))
			return;
		if (r->word & SANI_TCP_RUN_SACKED)
			f->sacked -= end - r->seq;
		else
			deliver(c, r, end, d);
		if (r->word & SANI_TCP_RUN_LOST)
			f->lost -= end - r->seq;
		sani_tcp_flight_pass(c, end);
	}
}

/* Mark run i, of which [left, right) is SACKed, as far as there is room to cut it. */
static void
sack_run(struct sani_tcp_conn *c, uint32_t i, uint32_t right, struct sani_tcp_delivery *d,
	 struct rte_mempool *pool)
{
	struct sani_tcp_run *r = sani_tcp_runs(c);
	uint32_t end = sani_tcp_run_end(c, r, i);

	if (r[i].word & SANI_TCP_RUN_SACKED)
		return;
	if (seq_gt(end, right)) {
		if (!cut(c, i, right, pool))
			return;
		r = sani_tcp_runs(c);
		end = right;
	}
	deliver(c, &r[i], end, d);
	unmark(c, i);
	r[i].word |= SANI_TCP_RUN_SACKED;
	c->flight.sacked += end - r[i].seq;
	d->sacked = true;
}

void
sani_tcp_flight_sacked(struct sani_tcp_conn *c, uint32_t left, uint32_t right,
		       struct sani_tcp_delivery *d, struct rte_mempool *pool)
{
	uint32_t i = find(c, left);
	uint32_t begin;

	if (sani_tcp_runs(c)[i].seq != left && !(sani_tcp_runs(c)[i].word & SANI_TCP_RUN_SACKED)) {
		(void)cut(c, i, left, pool);
		i++;	/* what could not be cut is not marked */
	}
	begin = i;
	for (; i < c->flight.nb && seq_lt(sani_tcp_runs(c)[i].seq, right); i++)
		sack_run(c, i, right, d, pool);
	if (!d->sacked)
		return;
	while (i > begin && i > 0)
		join(c, --i);
	if (begin > 0)
		join(c, begin - 1);
}

void
sani_tcp_flight_lose(struct sani_tcp_conn *c, uint32_t i)
{
	struct sani_tcp_run *r = sani_tcp_runs(c);

	if (r[i].word & (SANI_TCP_RUN_SACKED | SANI_TCP_RUN_LOST))
		return;
	r[i].word |= SANI_TCP_RUN_LOST;
	c->flight.lost += sani_tcp_run_end(c, r, i) - r[i].seq;
}

void
sani_tcp_flight_lose_head(struct sani_tcp_conn *c, uint32_t len, struct rte_mempool *pool)
{
	uint32_t end = c->snd_una + len;

	if (c->flight.nb == 0)
		return;
	if (seq_gt(sani_tcp_run_end(c, sani_tcp_runs(c), 0), end))
		(void)cut(c, 0, end, pool);
	sani_tcp_flight_lose(c, 0);
}

void
sani_tcp_flight_lose_all(struct sani_tcp_conn *c, bool forget)
{
	for (uint32_t i = 0; i < c->flight.nb; i++) {
		if (forget && (sani_tcp_runs(c)[i].word & SANI_TCP_RUN_SACKED))
			unmark(c, i);
		sani_tcp_flight_lose(c, i);
	}
}

void
sani_tcp_flight_unlose(struct sani_tcp_conn *c)
{
	for (uint32_t i = 0; i < c->flight.nb && c->flight.lost > 0; i++)
		if (sani_tcp_runs(c)[i].word & SANI_TCP_RUN_LOST)
			unmark(c, i);
}

static uint32_t
limit_age(uint32_t time, uint64_t now_us)
{
	uint32_t oldest = sani_tcp_run_word(now_us - SANI_TCP_RTO_MAX_US, 0) >> 4;

	return sani_tcp_time_diff(time, oldest) < 0 ? oldest : time;
}

void
sani_tcp_flight_limit_age(struct sani_tcp_conn *c, uint64_t now_us)
{
	struct sani_tcp_run *r = sani_tcp_runs(c);

	for (uint32_t i = 0; i < c->flight.nb; i++)
		r[i].word = sani_tcp_run_word(limit_age(sani_tcp_run_time(&r[i]), now_us),
					      r[i].word & SANI_TCP_RUN_FLAGS);
	c->rack_us = limit_age(c->rack_us, now_us);
}

bool
sani_tcp_flight_first_lost(struct sani_tcp_conn *c, uint32_t *seq, uint32_t *end)
{
	const struct sani_tcp_run *r = sani_tcp_runs(c);
	uint32_t i = 0;

	if (sani_likely(c->flight.lost == 0))
		return false;
	while (!(r[i].word & SANI_TCP_RUN_LOST))
		i++;
	*seq = r[i].seq;
	*end = sani_tcp_run_end(c, r, i);
	return true;
}

void
sani_tcp_flight_free(struct sani_tcp_conn *c)
{
	if (c->flight.table != NULL)
		rte_pktmbuf_free_seg(c->flight.table);
	c->flight = (struct sani_tcp_flight){ .before = c->flight.before };
}
