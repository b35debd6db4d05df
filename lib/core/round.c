/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_cycles.h>

#include "core/mesh.h"
#include "core/priv.h"

__extension__ typedef unsigned __int128 uint128;

#define POOL_WAIT_US 1000

/* Less than the least RTO, more than what a core needs for all that a port's queue holds. */
#define BEHIND_MOST_US 50000

/* Microseconds for each TSC cycle, as a fraction of 2^64. Written once, before any core is polled. */
static uint64_t us_per_cycle;

void
sani_clock_init(void)
{
	if (us_per_cycle == 0)
		us_per_cycle = (uint64_t)(((uint128)1000000 << 64) / rte_get_tsc_hz());
}

uint64_t
sani_clock_tsc(void)
{
	return (uint64_t)(((uint128)rte_get_tsc_cycles() * us_per_cycle) >> 64);
}

void
sani_core_tell_time(struct sani_core *core)
{
	uint64_t now_us = core->host->clock();

	/* the TSCs of two CPUs may differ a little, and a core may be polled by one, then by the other */
	if (now_us > core->now_us)
		core->now_us = now_us;
}

static SANI_SELDOM void
unstick(struct sani_core *core)
{
	for (unsigned int i = 0; i < core->host->nb_ifaces; i++)
		core->priv->txq[i].stuck = false;
	core->priv->stuck = false;
}

/* What depends on the pool: while packets come or go in each round, else now and then. */
static inline void
look_around(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;

	/* other cores take from the pool too: its line is not theirs and ours in each of the empty rounds */
	if (p->busy)
		sani_core_look_at_pool(core);
	else if (p->looked_ms != (uint32_t)(core->now_us >> 10))
		sani_core_look_when_idle(core);
	sani_tx_top_up(core);
}

void
sani_core_entered(struct sani_core *core)
{
	core->priv->tcp_io.cache = rte_mempool_default_cache(core->host->pool, rte_lcore_id());
	sani_core_tell_time(core);
	look_around(core);
}

void
sani_core_left(struct sani_core *core)
{
	core->priv->tcp_io.cache = NULL;
}

unsigned int
sani_core_begin(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;
	unsigned int n = 0;

	sani_core_tell_time(core);
	if (sani_unlikely(p->stuck))
		unstick(core);
	if (p->posted)
		n = sani_tx_posted(core);
	p->more = false;
	look_around(core);
	sani_count(&core->ctr, SANI_CTR_core_rounds);
	return n;
}

static inline bool
is_rare_due(const struct sani_core *core)
{
	const struct sani_core_priv *p = core->priv;

	return sani_ip_deadline(p->ip) <= core->now_us || p->rare != 0;
}

static SANI_SELDOM unsigned int
run_rare(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;
	unsigned int n = 0;

	if ((p->rare & SANI_RARE_ANNOUNCE) != 0) {
		p->rare &= (uint8_t)~SANI_RARE_ANNOUNCE;
		sani_ip_announce(p->ip, sani_tx_io(core));
		n++;
	} else if (sani_ip_deadline(p->ip) <= core->now_us) {
		sani_ip_timer(p->ip, sani_tx_io(core));
		n++;
	}
	sani_tx_sweep(core);
	return (p->rare & SANI_RARE_POOL) != 0 ? n + sani_ration_serve(core) : n;
}

/* After a burst that was full packets may be left at a port. @return Is the core behind with them, and not for long? */
static bool
is_behind(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;

	if (sani_likely(!p->more)) {
		p->behind_until_us = 0;
		return false;
	}
	if (p->behind_until_us == 0)
		p->behind_until_us = core->now_us + BEHIND_MOST_US;
	return core->now_us < p->behind_until_us;
}

unsigned int
sani_core_input(struct sani_core *core)
{
	unsigned int n = sani_mesh_input(core);

	n += sani_rx_handed(core);
	n += sani_rx_ports(core);
	core->priv->tcp_io.behind = is_behind(core);
	n += sani_conn_expire(core);
	n += sani_tw_expire(core);
	if (sani_unlikely(is_rare_due(core)))
		n += run_rare(core);
	/* what this input has told this core itself above all; where so many queues were touched that they were woken
	 * before its end, that waits for the next input */
	return sani_unlikely(core->told != 0) ? n + sani_mesh_input(core) : n;
}

uint64_t
sani_core_deadline(const struct sani_core *core)
{
	const struct sani_core_priv *p = core->priv;
	uint64_t deadline = sani_ip_deadline(p->ip);

	if ((p->nb_dirty | p->nb_late | (p->owed.tail - p->owed.head)) > 0 || (p->rare & SANI_RARE_ANNOUNCE) != 0)
		return core->now_us;
	/* others of the host may bring buffers back, and what is held is looked at once a millisecond */
	if ((p->rare & SANI_RARE_POOL) != 0)
		deadline = RTE_MIN(deadline, core->now_us + POOL_WAIT_US);
	deadline = RTE_MIN(deadline, sani_ration_deadline(core));
	deadline = RTE_MIN(deadline, sani_wheel_next(p->wheel));
	return RTE_MIN(deadline, sani_wheel_next(p->tw_wheel));
}

static bool
is_filled(const struct sani_spsc *ring)
{
	return ring != NULL && sani_spsc_head(ring) != sani_spsc_tail(ring);
}

bool
sani_core_waits(const struct sani_core *core)
{
	const struct sani_host *host = core->host;

	for (unsigned int from = 0; from < host->nb_cores; from++)
		if (is_filled(host->msg[from][core->index]) || is_filled(host->pkt[from][core->index]))
			return true;
	for (unsigned int i = 0; i < host->nb_ifaces; i++)
		if (core->priv->txq[i].n > 0)
			return true;
	return false;
}

struct sani_tcp_io
sani_core_io(struct sani_core *core)
{
	return sani_make_io(core);
}
