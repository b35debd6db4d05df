/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim/behaviour.h"

static void
make_more(struct sim_behaviour *p, struct sim_rng *r)
{
	p->aborts = sim_chance(r, 40);
	p->ending = sim_chance(r, 60) ? SIM_BY_SHUTDOWN : sim_chance(r, 60) ? SIM_BY_DISCONNECT : SIM_BY_BOTH;
	p->urgent_percent = sim_chance(r, 80) ? 0 : sim_scale(r, 1, 60);
	p->late_percent = sim_chance(r, 80) ? 0 : sim_scale(r, 1, 40);
	p->late_us = sim_scale(r, 100, 2000000);
	p->lent_percent = sim_chance(r, 60) ? 0 : sim_scale(r, 5, 100);
	p->rest_us = sim_chance(r, 85) ? 0 : sim_between(r, 1000000, 9000000);
}

void
sim_behaviour_make(struct sim_behaviour *p, struct sim_rng *r, const struct sim_plan *plan)
{
	*p = (struct sim_behaviour){ .rng = sim_fork(r), .hard_at = UINT64_MAX };
	r = &p->rng;
	p->total = sim_chance(r, 10) ? 0 : sim_scale(r, 1, plan->bytes_max);
	p->chunk = sim_chance(r, 20) ? sim_scale(r, 1, 600) : sim_scale(r, 200, 100000);
	p->want = sim_chance(r, 20) ? sim_scale(r, 1, 600) : sim_scale(r, 1000, 100000);
	if (p->total / p->chunk > 3000)
		p->chunk = (uint32_t)(p->total / 3000);
	if (plan->bytes_max / p->want > 3000)
		p->want = plan->bytes_max / 3000;
	p->tx_depth = sim_between(r, 1, SIM_LANE - 1);
	p->rx_depth = sim_between(r, 1, SIM_LANE);
	p->polled_percent = sim_chance(r, 60) ? 0 : sim_below(r, 101);
	p->acked_percent = sim_chance(r, 50) ? 0 : sim_below(r, 101);
	p->waitall_percent = sim_chance(r, 50) ? 0 : sim_below(r, 101);
	p->idle_percent = sim_chance(r, 60) ? 0 : sim_scale(r, 1, 20);
	p->idle_us = sim_scale(r, 10, 1500000);
	p->slow_percent = sim_chance(r, 60) ? 0 : sim_scale(r, 1, 30);
	p->slow_us = sim_scale(r, 10, 800000);
	p->cancel_percent = sim_chance(r, 70) ? 0 : sim_below(r, 10);
	p->move_percent = sim_chance(r, 80) ? 0 : sim_between(r, 1, 50);
	p->linger_us = sim_chance(r, 60) ? 0 : sim_scale(r, 1, 300000);
	p->rx_idle = sim_chance(r, 10);
	if (sim_chance(r, plan->hard_percent))
		p->hard_at = sim_below(r, plan->bytes_max + 1);
	make_more(p, r);
	if (!plan->plain)
		return;
	*p = (struct sim_behaviour){ .rng = p->rng, .total = sim_between(r, 1, plan->bytes_max), .chunk = 4096,
				     .want = 4096, .tx_depth = 1, .rx_depth = 1, .hard_at = UINT64_MAX };
}

unsigned int
sim_behaviour_flags(struct sim_behaviour *p, bool send)
{
	unsigned int flags = sim_chance(&p->rng, p->polled_percent) ? SAN_POLLED : 0;

	if (send && sim_chance(&p->rng, p->acked_percent))
		flags |= SAN_ACKED;
	if (!send && sim_chance(&p->rng, p->waitall_percent))
		flags |= SAN_WAITALL;
	return flags;
}

void
sim_behaviour_deadline(struct sim_end *e, struct sim_behaviour *p)
{
	e->timeout_us = sim_chance(&p->rng, p->late_percent) ? sim_between(&p->rng, 1, p->late_us) : 0;
}

/* Short enough to come about while programs rest. */
static void
set_keepalive(struct sim_end *e, struct sim_rng *r)
{
	uint32_t interval_ms = sim_chance(r, 50) ? 1000 : sim_between(r, 1000, 3000);
	uint32_t count = sim_chance(r, 50) ? 1 : sim_between(r, 2, 4);

	e->keep_idle_ms = sim_between(r, 1000, 3000);
	e->keep_ms = e->keep_idle_ms + count * interval_ms;
	san_set_option(e->sock, SAN_OPT_KEEP_IDLE, e->keep_idle_ms);
	san_set_option(e->sock, SAN_OPT_KEEP_INTERVAL, interval_ms);
	san_set_option(e->sock, SAN_OPT_KEEP_COUNT, count);
	san_set_option(e->sock, SAN_OPT_KEEPALIVE, 1);
}

void
sim_behaviour_options(struct sim_end *e, struct sim_rng *r, const struct sim_plan *plan)
{
	if (plan->plain)
		return;
	if (sim_chance(r, 30))
		san_set_option(e->sock, SAN_OPT_NODELAY, 0);
	if (sim_chance(r, 50))
		san_set_option(e->sock, SAN_OPT_SNDBUF, sim_scale(r, 4096, 1000000));
	if (sim_chance(r, 50))
		san_set_option(e->sock, SAN_OPT_RCVBUF, sim_scale(r, 4096, 1000000));
	if (sim_chance(r, 70))
		san_set_option(e->sock, SAN_OPT_ECN, sim_below(r, SAN_ECN_REQUEST + 1));
	if (sim_chance(r, 30))
		san_set_option(e->sock, SAN_OPT_CC, 1 + sim_below(r, SAN_CC_DCTCP));
	e->paced = e->validated = false;
	if (sim_chance(r, 20)) {
		san_set_option(e->sock, SAN_OPT_CWV, 1);
		e->paced = e->validated = true;
	}
	if (sim_chance(r, 20)) {
		san_set_option(e->sock, SAN_OPT_PACING,
			       sim_chance(r, 50) ? SAN_PACING_AUTO : sim_scale(r, 100000, 50000000));
		e->paced = true;
	}
	if (sim_chance(r, 40))
		san_set_option(e->sock, SAN_OPT_MTU_PROBE, 1);
	e->keep_ms = e->keep_idle_ms = 0;
	if (sim_chance(r, 30))
		set_keepalive(e, r);
	e->fast = sim_chance(r, plan->fast_percent) && !e->meets &&
		  san_set_option(e->sock, SAN_OPT_FASTOPEN, sim_scale(r, 1, 64)) == 0;
	e->user_timeout_ms = plan->user_timeout_ms;
	if (plan->user_timeout_ms != 0)
		san_set_option(e->sock, SAN_OPT_USER_TIMEOUT, plan->user_timeout_ms);
}

void
sim_behaviour_tell(const struct sim_end *e)
{
	struct san_addr local;
	uint16_t *keep;

	if ((!e->paced && e->keep_ms == 0) || san_names(e->sock, &local, NULL) != 0)
		return;
	if (e->paced)
		e->host->paced[local.port / 8] |= (uint8_t)(1u << local.port % 8);
	if (e->validated)
		e->host->validated[local.port / 8] |= (uint8_t)(1u << local.port % 8);
	keep = &e->host->keep_ms[local.port];
	if (e->keep_ms != 0 && (*keep == 0 || *keep > e->keep_idle_ms))
		*keep = (uint16_t)e->keep_idle_ms;
}
