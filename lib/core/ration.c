/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pool that runs low. A buffer for each connection may be more than there are, and a peer that does not acknowledge
 * keeps what it was sent. So that this costs nobody else anything for long, of what is free
 *
 *      0 ............. low/4 .............. low/2 ................. low ...................> free buffers
 *        ACKs, RSTs,        and a first segment    and text that         queues grow
 *        what goes again,   to send, in turn       nobody has read yet
 *        text that is read
 *
 * What is sent may be had back, by force if need be; what the program does not read may not, so it is kept out of the
 * room of the other. Who finds nothing left to send with waits in a list, and is served in the order of it when
 * buffers come back; while there is a list nobody else gets any.
 *
 * While somebody waits, or text was refused for which no receive had been posted, a hand goes round over the blocks, as
 * that of park.c, and ends connections whose peers have acknowledged next to nothing for some seconds: longer than one
 * needs that lost a segment or two, while no other means is there to tell one that lies from one that is far away. A
 * window that is shut is no excuse then (RFC 6429 4). For refused text one is ended in a millisecond, no more, for
 * unread text may be what holds the buffers. Of several cores each serves its own and looks at its own, when any has
 * somebody who waits.
 */
#include <errno.h>

#include <rte_lcore.h>
#include <rte_mempool.h>

#include "core/priv.h"

#define PATIENCE (3000000u >> 10)	/* [1,024 us] */
#define SERVE_MOST 64			/* in a round */
#define LOOKS_MOST 512			/* at blocks, in a millisecond, */
#define EVICT_MOST 64			/* of which so many are ended */

/*
 * Spared (tcp/spare.h) is what the acknowledgements of some 50 ms give back at once, and the answers after them take:
 * a peer of a million connections may look for those that it owes some only now and then. What finds no room goes to
 * the pool, and packets would come and go in memory that is in no cache.
 */
#define SPARE_MOST 65536u
#define SPARE_SHARE 4			/* of all buffers */
#define SPARE_IDLE 16u			/* a core to which nothing happens keeps them for so long [1,024 us] */

/* Of the pool proper, without the caches of all lcores, over which rte_mempool_avail_count() would go. */
static unsigned int
count_free(const struct rte_mempool *pool)
{
	return rte_mempool_get_ops(pool->ops_index)->get_count(pool);
}

/* This core's share of what is free beyond a mark. */
static uint32_t
share(const struct sani_core *core, uint32_t nb_free, uint32_t mark)
{
	return nb_free > mark ? (nb_free - mark) / core->host->nb_cores : 0;
}

int
sani_ration_init(struct sani_core *core)
{
	struct sani_tcp_spare *spare = &core->priv->spare;

	spare->most = RTE_MIN(core->host->conf.nb_mbufs / SPARE_SHARE / core->host->nb_cores, SPARE_MOST);
	spare->m = sani_map(spare->most * sizeof(spare->m[0]));
	return spare->m == NULL ? -ENOMEM : 0;
}

void
sani_ration_fini(struct sani_core *core)
{
	const struct sani_tcp_spare *spare = &core->priv->spare;

	sani_unmap(spare->m, spare->most * sizeof(spare->m[0]));
}

/* They are for whoever needs one. */
static SANI_SELDOM void
give_spare(struct sani_core *core)
{
	sani_tcp_spare_empty(&core->priv->spare, core->host->pool);
}

static bool
is_waited(const struct sani_core_priv *p)
{
	return p->short_ones.first != SANI_NONE;
}

/* How many wait, on all cores. */
static uint32_t
count_short(const struct sani_core *core)
{
	return atomic_load_explicit(&core->host->nb_short, memory_order_relaxed);
}

/* What was spared counts, for it may be thousands: with it the pool may be low no more. */
static SANI_SELDOM void
ration(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;
	uint32_t low = core->host->scarce_below;
	uint32_t nb_free;

	give_spare(core);
	nb_free = count_free(core->host->pool);
	p->tcp_io.scarce = nb_free < low;
	p->sends = share(core, nb_free, low / 4);
	p->budget.sends = is_waited(p) ? 0 : p->sends;
	p->budget.texts = share(core, nb_free, low / 2);
	if (count_short(core) > 0 || p->budget.refused)
		p->rare |= SANI_RARE_POOL;
}

static inline void
look(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;

	p->tcp_io.scarce = count_free(core->host->pool) < core->host->scarce_below;
	if (sani_unlikely(p->tcp_io.scarce))
		ration(core);
	p->tcp_io.spare = sani_likely(!p->tcp_io.scarce) ? &p->spare : NULL;
	p->looked_ms = (uint32_t)(core->now_us >> 10);
	p->busy = false;
}

void
sani_core_look_at_pool(struct sani_core *core)
{
	look(core);
	core->priv->busy_ms = core->priv->looked_ms;
}

void
sani_core_look_when_idle(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;

	look(core);
	if (sani_unlikely(p->spare.nb > 0) && p->looked_ms - p->busy_ms >= SPARE_IDLE)
		give_spare(core);
}

uint64_t
sani_ration_deadline(const struct sani_core *core)
{
	const struct sani_core_priv *p = core->priv;
	uint32_t idle_ms = (uint32_t)(core->now_us >> 10) - p->busy_ms;

	if (p->spare.nb == 0)
		return SANI_NEVER;
	return idle_ms < SPARE_IDLE ? ((core->now_us >> 10) + SPARE_IDLE - idle_ms) << 10 : core->now_us;
}

uint32_t
sani_ration_reads(void *ctx, const struct sani_tcp_conn *c)
{
	struct sani_core *core = ctx;

	return c->owner.sock != SANI_NONE ? core->up->reads(core, c->owner.sock) : 0;
}

/* Before it is established its timer is enough: the handshake has to be over first. */
void
sani_core_await_pool(struct sani_core *core, struct sani_tcp_conn *c)
{
	struct sani_core_priv *p = core->priv;

	if (sani_likely(!sani_tcp_is_short(c)) || sani_tcp_state(c) < SAN_TCP_ESTABLISHED ||
	    c->owner.waits == SANI_WAIT_POOL)
		return;
	/* news of its hop was lost, for its SYN has left */
	sani_conn_wait_no_more(core, c);
	if (!is_waited(p)) {
		p->sends = p->budget.sends;
		p->budget.sends = 0;
	}
	sani_conn_wait(p, c, &p->short_ones, SANI_WAIT_POOL);
	atomic_fetch_add_explicit(&core->host->nb_short, 1, memory_order_relaxed);
	p->rare |= SANI_RARE_POOL;
}

void
sani_ration_uncount(struct sani_core *core)
{
	atomic_fetch_sub_explicit(&core->host->nb_short, 1, memory_order_relaxed);
}

/* What this thread has in its cache others do not see. */
static void
look_anew(struct sani_core *core)
{
	struct rte_mempool *pool = core->host->pool;
	struct rte_mempool_cache *cache = rte_mempool_default_cache(pool, rte_lcore_id());

	if (cache != NULL)
		rte_mempool_cache_flush(cache, pool);
	sani_core_look_at_pool(core);
	core->priv->busy = true;
}

static bool
may_send(const struct sani_core_priv *p)
{
	return !p->tcp_io.scarce || p->sends > 0;
}

static bool
may_keep(const struct sani_core_priv *p)
{
	return !p->tcp_io.scarce || p->budget.texts > 0;
}

/* Each takes what it may before the next is asked. */
static unsigned int
serve_waiting(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;
	unsigned int n = 0;

	for (; n < SERVE_MOST && is_waited(p) && may_send(p); n++) {
		struct sani_tcp_conn *c = &p->conns[p->short_ones.first];

		sani_conn_leave_waiting(core, c);
		p->budget.sends = p->sends;
		sani_conn_settle(core, c, sani_tcp_try_again(c));
		p->sends = p->budget.sends;
		if (!p->tcp_io.scarce)
			sani_core_look_at_pool(core);
	}
	if (is_waited(p))
		p->budget.sends = 0;
	p->busy |= n > 0;
	return n;
}

static void
evict(struct sani_core *core, struct sani_tcp_conn *c)
{
	struct sani_tcp_io io = sani_make_io(core);
	uint32_t ev = sani_tcp_evict(c, &io);

	sani_tx_segments(core, c, &io);
	sani_conn_settle(core, c, ev);
}

static bool
has_held_long(struct sani_core *core, struct sani_tcp_conn *c)
{
	return (c->owner.flags & SANI_CONN_USED) != 0 && sani_tcp_held(c, core->now_us) >= PATIENCE;
}

/* For how many others is something missing: as many are ended at most. */
static uint32_t
count_missing(const struct sani_core *core)
{
	const struct sani_core_priv *p = core->priv;
	uint32_t n = may_send(p) ? 0 : count_short(core);

	if (p->budget.refused && !may_keep(p))
		n++;
	return RTE_MIN(n, (uint32_t)EVICT_MOST);
}

static unsigned int
evict_some(struct sani_core *core, uint32_t most)
{
	struct sani_core_priv *p = core->priv;
	uint32_t looks = RTE_MIN(p->conn_fresh, (uint32_t)LOOKS_MOST);
	unsigned int n = 0;

	for (; looks > 0 && n < most; looks--) {
		struct sani_tcp_conn *c = &p->conns[p->evict_hand];

		p->evict_hand = p->evict_hand + 1 < p->conn_fresh ? p->evict_hand + 1 : 0;
		if (!has_held_long(core, c))
			continue;
		evict(core, c);
		n++;
	}
	return n;
}

unsigned int
sani_ration_serve(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;
	unsigned int n = serve_waiting(core);
	uint32_t now_ms = (uint32_t)(core->now_us >> 10);

	p->budget.refused &= !may_keep(p);
	if (count_short(core) == 0 && !p->budget.refused) {
		p->rare &= (uint8_t)~SANI_RARE_POOL;
		return n;
	}
	if (count_missing(core) == 0 || p->evict_ms == now_ms)
		return n;
	p->evict_ms = now_ms;
	look_anew(core);
	return n + evict_some(core, count_missing(core));
}
