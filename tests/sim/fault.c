/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim/world.h"

#include <stdlib.h>

const char *const sim_fault_names[SIM_NB_FAULTS] = {
	"pool", "ring", "flap", "vanish", "deaf", "pause", "mtu", "link", "rate",
};

/*
 * All that is free, of the caches too: one thread uses the pool. Or all but a few, up to a quarter of it: with less
 * than that a host rations them.
 */
static void
take_pool(struct sim_host *h, uint32_t value)
{
	struct rte_mempool *pool = h->v.below->pool;
	uint32_t avail = rte_mempool_avail_count(pool);
	uint32_t left = value % 3 == 0 ? 0 : value / 3 % (pool->size / 4);
	uint32_t room = h->nb_hostages + (avail > left ? avail - left : 0);

	if (h->hostages == NULL)
		h->hostages = malloc(pool->size * sizeof(h->hostages[0]));
	while (h->nb_hostages < room) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		if (m == NULL)
			break;
		h->hostages[h->nb_hostages++] = m;
	}
}

void
sim_fault_free(struct sim_host *h)
{
	for (uint32_t i = 0; i < h->nb_hostages; i++)
		rte_pktmbuf_free(h->hostages[i]);
	free(h->hostages);
	h->hostages = NULL;
	h->nb_hostages = 0;
}

/* Frames without content fill the transmit rings; the world throws them away when it takes frames again. */
static void
stuff_rings(struct sim_host *h, uint32_t room)
{
	for (unsigned int q = 0; q < h->v.nb_cores; q++) {
		while (rte_ring_free_count(h->v.out[q]) > room) {
			struct rte_mbuf *m = rte_pktmbuf_alloc(h->w->pool);

			if (m == NULL || rte_ring_enqueue(h->v.out[q], m) != 0) {
				rte_pktmbuf_free(m);
				break;
			}
		}
	}
	h->held = true;
}

static void
set_down(struct sim_host *h, bool down)
{
	h->up_now.down = down;
	h->down_now.down = down;
	sani_impair_set(h->up, &h->up_now);
	sani_impair_set(h->down, &h->down_now);
}

static void
set_mtu(struct sim_host *h, uint32_t mtu)
{
	h->up_now.mtu = mtu;
	h->down_now.mtu = mtu;
	sani_impair_set(h->up, &h->up_now);
	sani_impair_set(h->down, &h->down_now);
}

/* Both ways: much worse than it is planned to be. */
static void
worsen(struct sim_host *h, uint32_t value)
{
	struct sani_impair_conf *confs[2] = { &h->up_now, &h->down_now };

	for (unsigned int i = 0; i < 2; i++) {
		confs[i]->loss_ppm += 20000 + value % 200000;
		confs[i]->reorder_ppm += value % 100000;
		confs[i]->reorder_us = 1000 + value % 30000;
		confs[i]->dup_ppm += value % 50000;
		confs[i]->corrupt_ppm += value % 20000;
		confs[i]->delay_us += value % 50000;
		confs[i]->burst_begin_ppm += value % 4000;
		confs[i]->burst_end_ppm = 100000 + value % 400000;
		confs[i]->burst_loss_ppm = 300000 + value % 700000;
		sim_exercised[SIM_burst_changed]++;
	}
	sim_exercised[SIM_link_changed]++;
	sani_impair_set(h->up, &h->up_now);
	sani_impair_set(h->down, &h->down_now);
}

/* What is in the queue stays there, and leaves as it would have: so what comes behind may find it long. */
static void
change_rate(struct sim_host *h, uint32_t value)
{
	struct sani_impair_conf *confs[2] = { &h->up_now, &h->down_now };
	struct sim_rng r = { .state = value };

	for (unsigned int i = 0; i < 2; i++) {
		confs[i]->rate_bps = sim_scale(&r, 300000, 200000000);
		sim_exercised[SIM_rate_changed]++;
		if (sim_chance(&r, 30))
			continue;
		confs[i]->queue_bytes = sim_scale(&r, 4000, 200000);
		confs[i]->mark_bytes = sim_chance(&r, 50) ? confs[i]->queue_bytes / 3 : 0;
		sim_exercised[SIM_queue_changed]++;
	}
	sani_impair_set(h->up, &h->up_now);
	sani_impair_set(h->down, &h->down_now);
}

static void
restore(struct sim_host *h)
{
	if (h->w->well)
		return;
	h->up_now = h->plan->up;
	h->down_now = h->plan->down;
	sani_impair_set(h->up, &h->up_now);
	sani_impair_set(h->down, &h->down_now);
}

static void
end(void *arg, uint32_t what)
{
	struct sim_host *h = arg;

	switch ((enum sim_fault)what) {
	case SIM_FAULT_POOL:
		sim_fault_free(h);
		break;
	case SIM_FAULT_RING:
		h->held = false;
		break;
	case SIM_FAULT_VANISH:
	case SIM_FAULT_DEAF:
		h->deaf = false;
		break;
	case SIM_FAULT_FLAP:
		set_down(h, false);
		break;
	case SIM_FAULT_LINK:
	case SIM_FAULT_RATE:
	case SIM_FAULT_MTU:
		restore(h);
		break;
	case SIM_FAULT_PAUSE:
	case SIM_NB_FAULTS:
		break;
	}
	h->wants_poll = true;
}

void
sim_fault_begin(struct sim_host *h, enum sim_fault fault, uint64_t for_us, uint32_t value)
{
	uint64_t until = vhost_now_us + for_us;

	switch (fault) {
	case SIM_FAULT_POOL:
		take_pool(h, value);
		break;
	case SIM_FAULT_RING:
		stuff_rings(h, value % 4);
		break;
	case SIM_FAULT_FLAP:
		set_down(h, true);
		break;
	case SIM_FAULT_VANISH:
		h->deaf = true;
		h->stopped_until_us = RTE_MAX(h->stopped_until_us, until);
		break;
	case SIM_FAULT_DEAF:
		h->deaf = true;
		break;
	case SIM_FAULT_PAUSE:
		h->stopped_until_us = RTE_MAX(h->stopped_until_us, until);
		break;
	case SIM_FAULT_MTU:
		set_mtu(h, value);
		sim_exercised[SIM_mtu_changed]++;
		break;
	case SIM_FAULT_LINK:
		worsen(h, value);
		break;
	case SIM_FAULT_RATE:
		change_rate(h, value);
		break;
	case SIM_NB_FAULTS:
		return;
	}
	h->excused_us = vhost_now_us;
	sim_event_add(&h->w->events, until, end, h, fault);
}

void
sim_fault_end_all(struct sim_host *h)
{
	h->stopped_until_us = 0;
	h->deaf = false;
	h->held = false;
	sim_fault_free(h);
	restore(h);
	h->wants_poll = true;
}
