/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim/plan.h"

#define HOUR_US 3600000000ull

enum profile {
	CLEAN,		/* a good network; large streams */
	LOSSY,		/* loss by chance and in bursts, duplicates, corruption */
	SHUFFLED,	/* jitter and reordering */
	NARROW,		/* little rate, short queues */
	CHURN,		/* many short connections, small tables, listeners that close */
	FAULTY,		/* hosts and cables fail */
	MTU,		/* paths that get narrower */
	MIXED,		/* a bit of everything */
	NB_PROFILES
};

static const char *const names[NB_PROFILES] = {
	"clean", "lossy", "shuffled", "narrow", "churn", "faulty", "mtu", "mixed",
};

static uint32_t
maybe(struct sim_rng *r, uint32_t percent, uint32_t lo, uint32_t hi)
{
	uint32_t v = sim_scale(r, lo, hi);

	return sim_chance(r, percent) ? v : 0;
}

static void
make_cable(struct sani_impair_conf *c, enum profile profile, struct sim_rng *r)
{
	bool all = profile == MIXED;

	c->delay_us = sim_scale(r, 5, 40000);
	if (profile == LOSSY || all) {
		c->loss_ppm = maybe(r, 70, 500, 80000);
		c->burst_begin_ppm = maybe(r, 40, 200, 5000);
		c->burst_end_ppm = sim_between(r, 100000, 500000);
		c->burst_loss_ppm = sim_between(r, 300000, 1000000);
		c->dup_ppm = maybe(r, 50, 500, 50000);
		c->corrupt_ppm = maybe(r, 50, 500, 30000);
	}
	if (profile == SHUFFLED || all) {
		c->jitter_us = maybe(r, 60, 10, 8000);
		c->reorder_ppm = maybe(r, 80, 1000, 100000);
		c->reorder_us = sim_scale(r, 100, 60000);
		c->dup_ppm = RTE_MAX(c->dup_ppm, maybe(r, 30, 500, 30000));
	}
	if (profile == NARROW || (all && sim_chance(r, 40))) {
		c->rate_bps = sim_scale(r, 1000000, 200000000);
		c->queue_bytes = sim_scale(r, 6000, 300000);
		c->mark_bytes = sim_chance(r, 50) ? c->queue_bytes / 3 : 0;
	}
}

static void
make_host(struct sim_host_plan *h, enum profile profile, struct sim_rng *r)
{
	static const unsigned int mtus[] = { 576, 1006, 1280, 1492 };

	h->nb_cores = sim_chance(r, 60) ? 1 : sim_between(r, 2, VHOST_CORES);
	h->mtu = sim_chance(r, 75) ? 1500 : mtus[sim_below(r, RTE_DIM(mtus))];
	h->nb_mbufs = sim_chance(r, 80) ? 8191 : h->nb_cores * 1023 + 1024;
	h->nb_sockets = profile == CHURN ? sim_scale(r, 16, 400) : 512;
	h->nb_half_open = profile == CHURN ? sim_scale(r, 4, 200) : 512;
	h->time_wait_ms = sim_chance(r, 50) ? 60000 : sim_scale(r, 10, 60000);
	h->cq_depth = sim_chance(r, 80) ? 4096 : sim_between(r, 8, 64);
	h->lends = sim_chance(r, 75);
	make_cable(&h->up, profile, r);
	make_cable(&h->down, profile, r);
}

static enum sim_fault
choose_fault(enum profile profile, struct sim_rng *r)
{
	if (profile == MTU)
		return SIM_FAULT_MTU;
	if (profile == NARROW)
		return SIM_FAULT_RATE;
	if (profile == LOSSY)
		return SIM_FAULT_LINK;
	return (enum sim_fault)sim_below(r, SIM_NB_FAULTS);
}

static void
make_fault(struct sim_plan *plan, struct sim_fault_plan *f, enum profile profile, struct sim_rng *r)
{
	f->fault = choose_fault(profile, r);
	f->host = sim_below(r, plan->nb_hosts);
	f->at_us = sim_below(r, (uint32_t)plan->heal_us);
	f->for_us = sim_scale(r, 1000, 3000000);
	/* some until the network is well: longer than some are patient */
	if (sim_chance(r, 10))
		f->for_us = plan->heal_us;
	f->value = f->fault == SIM_FAULT_MTU ? sim_between(r, 576, 1480) : (uint32_t)sim_draw(r);
	/* a path that gets wider again is not noticed, so it may as well stay narrow */
	if (f->fault == SIM_FAULT_MTU)
		f->for_us = plan->heal_us;
}

static void
make_faults(struct sim_plan *plan, enum profile profile, struct sim_rng *r)
{
	if (profile == FAULTY)
		plan->nb_faults = sim_between(r, 4, SIM_FAULTS);
	else if (profile == MTU)
		plan->nb_faults = sim_between(r, 1, 4);
	else if (profile == MIXED || profile == NARROW || profile == LOSSY)
		plan->nb_faults = sim_between(r, 0, 8);
	for (unsigned int i = 0; i < plan->nb_faults; i++)
		make_fault(plan, &plan->faults[i], profile, r);
}

/* A network of long frames, on which a host or other may have shorter ones; long buffers are fewer. */
static void
lengthen(struct sim_plan *plan, struct sim_rng *r)
{
	if (!sim_chance(r, 12))
		return;
	for (unsigned int i = 0; i < plan->nb_hosts; i++) {
		struct sim_host_plan *h = &plan->hosts[i];

		if (h->mtu != 1500)
			continue;
		h->mtu = sim_chance(r, 80) ? 9000 : sim_between(r, 1500, 9000);
		h->nb_mbufs = h->nb_cores * 1023 + 1024;
	}
}

static bool
may_lose(enum profile profile)
{
	return profile == LOSSY || profile == MIXED || profile == FAULTY || profile == NARROW || profile == MTU;
}

void
sim_plan_make(struct sim_plan *plan, uint64_t seed)
{
	struct sim_rng r = { .state = seed * 0x2545f4914f6cdd1dull + 1 };
	enum profile profile = (enum profile)sim_below(&r, NB_PROFILES);
	bool churn = profile == CHURN;

	*plan = (struct sim_plan){ .seed = seed, .profile = names[profile] };
	plan->nb_hosts = sim_chance(&r, 60) ? 2 : sim_between(&r, 3, SIM_HOSTS);
	plan->clock_us = HOUR_US + sim_below(&r, 3600) * 1000000ull;
	plan->wrap = sim_chance(&r, 25) ? sim_scale(&r, 1, 400000) : 0;
	plan->nb_conns = churn ? sim_between(&r, 100, 600) : sim_between(&r, 4, 40);
	plan->span_us = sim_scale(&r, 1000, 4000000);
	plan->heal_us = plan->span_us + sim_scale(&r, 500000, 8000000);
	plan->bytes_max = churn ? sim_scale(&r, 100, 20000) : sim_scale(&r, 2000, profile == CLEAN ? 3000000 : 800000);
	plan->backlog = churn ? sim_scale(&r, 1, 128) : 512;
	plan->accepts = sim_between(&r, 1, SIM_LANE);
	plan->accept_delay_us = sim_chance(&r, 70) ? 0 : sim_scale(&r, 10, 20000);
	plan->user_timeout_ms = may_lose(profile) && sim_chance(&r, 30) ? sim_scale(&r, 500, 30000) : 0;
	plan->hard_percent = sim_chance(&r, 40) ? 0 : sim_between(&r, 1, 40);
	plan->stubborn_percent = churn ? sim_below(&r, 60) : 0;
	for (unsigned int i = 0; i < plan->nb_hosts; i++)
		make_host(&plan->hosts[i], profile, &r);
	make_faults(plan, profile, &r);
	plan->fast_percent = sim_chance(&r, 50) ? 0 : sim_between(&r, 30, 100);
	plan->meet_percent = sim_chance(&r, 30) ? sim_between(&r, 5, 60) : 0;
	plan->situation.lossy = may_lose(profile) || profile == SHUFFLED;
	plan->situation.tight = churn;
	plan->situation.silent = plan->situation.lossy;
	lengthen(plan, &r);
}

void
sim_plan_rate(struct sim_plan *plan, uint64_t seed, unsigned int nb_conns)
{
	const struct sani_impair_conf cable = { .delay_us = 20 };
	const struct sim_host_plan host = {
		.nb_cores = 1, .mtu = 1500, .nb_mbufs = 8191, .nb_sockets = 4096, .nb_half_open = 4096,
		.time_wait_ms = 100, .cq_depth = 16384, .up = cable, .down = cable,
	};

	*plan = (struct sim_plan){
		.seed = seed, .profile = "rate", .nb_hosts = 2, .clock_us = HOUR_US, .nb_conns = nb_conns,
		.span_us = nb_conns * 100ull, .heal_us = nb_conns * 100ull + 1000000, .bytes_max = 1000,
		.backlog = 1024, .accepts = SIM_LANE, .plain = true, .hosts = { host, host },
	};
}

static void
print_cable(FILE *out, const char *way, const struct sani_impair_conf *c)
{
	fprintf(out, "#    %s: delay %u us", way, c->delay_us);
	if (c->rate_bps)
		fprintf(out, ", %.1f Mbit/s, queue %u", (double)c->rate_bps / 1e6, c->queue_bytes);
	if (c->mark_bytes)
		fprintf(out, ", marked above %u", c->mark_bytes);
	if (c->loss_ppm)
		fprintf(out, ", loss %.2f %%", c->loss_ppm / 1e4);
	if (c->burst_begin_ppm)
		fprintf(out, ", bursts %.2f %%", c->burst_begin_ppm / 1e4);
	if (c->jitter_us)
		fprintf(out, ", jitter %u us", c->jitter_us);
	if (c->reorder_ppm)
		fprintf(out, ", %.2f %% late by %u us", c->reorder_ppm / 1e4, c->reorder_us);
	if (c->dup_ppm)
		fprintf(out, ", %.2f %% twice", c->dup_ppm / 1e4);
	if (c->corrupt_ppm)
		fprintf(out, ", %.2f %% corrupted", c->corrupt_ppm / 1e4);
	fprintf(out, "\n");
}

void
sim_plan_print(const struct sim_plan *plan, FILE *out)
{
	fprintf(out, "# seed %lu: %s, %u hosts, %u connections of up to %u octets in %.3f s, well after %.3f s\n",
		plan->seed, plan->profile, plan->nb_hosts, plan->nb_conns, plan->bytes_max,
		(double)plan->span_us / 1e6, (double)plan->heal_us / 1e6);
	fprintf(out, "#  backlog %u, accepts %u (%u us later), user timeout %u ms, %u %% hard ends, %u %% meet, "
		"%u %% fast, wrap %u\n", plan->backlog, plan->accepts, plan->accept_delay_us, plan->user_timeout_ms,
		plan->hard_percent, plan->meet_percent, plan->fast_percent, plan->wrap);
	for (unsigned int i = 0; i < plan->nb_hosts; i++) {
		const struct sim_host_plan *h = &plan->hosts[i];

		fprintf(out, "#  h%u: %u cores, mtu %u, %u mbufs, %u sockets, half-open %u, 2 MSL %u ms, queue %u"
			"%s\n", i,
			h->nb_cores, h->mtu, h->nb_mbufs, h->nb_sockets, h->nb_half_open, h->time_wait_ms,
			h->cq_depth, h->lends ? ", lends" : "");
		print_cable(out, "up", &h->up);
		print_cable(out, "down", &h->down);
	}
	for (unsigned int i = 0; i < plan->nb_faults; i++) {
		const struct sim_fault_plan *f = &plan->faults[i];

		fprintf(out, "#  %.6f h%u %s for %.6f s, value %u\n", (double)f->at_us / 1e6, f->host,
			sim_fault_names[f->fault], (double)f->for_us / 1e6, f->value);
	}
}
