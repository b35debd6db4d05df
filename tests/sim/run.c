/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim/run.h"

#include "core/priv.h"
#include "sim/checker.h"
#include "sim/lend.h"
#include "sim/program.h"
#include "tcp/hash.h"
#include "tcp/priv.h"

#define LOOK_US 1000000u	/* between looks at who does not get on */
#define REST_US 200000000u	/* longer than 2 MSL and all that waits for neighbours */
#define LAST_US 3600000000ull	/* no world takes an hour to end once it is well */

static uint32_t wrap;
static uint64_t wrap_clock_us;

/*
 * Instead of the engine's: connections begin shortly before the sequence space ends, when the plan says so. Later
 * ones of the same ends still begin behind earlier ones, as the clock wants it (RFC 6528).
 */
__typeof__(sani_tcp_isn) __real_sani_tcp_isn;
__typeof__(sani_tcp_isn) __wrap_sani_tcp_isn;

uint32_t
__wrap_sani_tcp_isn(uint64_t hash, uint64_t now_us)
{
	uint32_t isn = __real_sani_tcp_isn(hash, now_us);
	uint32_t clock = (uint32_t)((now_us - wrap_clock_us) / 4);

	return wrap == 0 ? isn : clock - (isn - (uint32_t)(now_us / 4)) % wrap;
}

/* Has it text that is not acknowledged yet, or somebody to ask whether he is still there? */
static bool
owes_or_asks(const struct sani_tcp_conn *c)
{
	enum san_tcp_state state = sani_tcp_state(c);

	return state >= SAN_TCP_ESTABLISHED && (c->keep.on || c->rcv_nxt != c->last_ack_sent);
}

/* States in which the connection itself has something to wait for. */
static bool
needs_timer(const struct sani_tcp_conn *c)
{
	if (owes_or_asks(c))
		return true;
	switch (sani_tcp_state(c)) {
	case SAN_TCP_SYN_SENT:
	case SAN_TCP_SYN_RECEIVED:
	case SAN_TCP_FIN_WAIT_1:
	case SAN_TCP_CLOSING:
	case SAN_TCP_LAST_ACK:
	case SAN_TCP_TIME_WAIT:
		return true;
	case SAN_TCP_ESTABLISHED:
	case SAN_TCP_CLOSE_WAIT:
		return sani_tcp_written(c) > sani_tcp_acked(c);
	default:
		return false;
	}
}

/* Is its timer put off to the next round? */
static bool
is_late(const struct sani_core_priv *p, uint32_t idx)
{
	for (uint32_t i = 0; i < p->nb_late; i++)
		if (p->late[i] == idx)
			return true;
	return false;
}

/* Does its ACK wait for the program, which rounds count, and is that noted? */
static bool
is_owed(const struct sani_core_priv *p, uint32_t idx)
{
	const struct sani_owed *o = &p->owed;

	for (uint32_t i = o->head; i != o->tail; i++)
		if (o->idx[i % SANI_OWED_MAX] == idx)
			return p->conns[idx].owner.owes;
	return false;
}

/* Has it something to say that waits for nothing? */
static bool
speaks_now(const struct sani_tcp_conn *c)
{
	const uint32_t due = SANI_TCP_F_ACK_NOW | SANI_TCP_F_RST_DUE | SANI_TCP_F_PROBE_DUE | SANI_TCP_F_TLP_DUE;
	enum san_tcp_state state = sani_tcp_state(c);

	return state >= SAN_TCP_ESTABLISHED && state != SAN_TCP_TIME_WAIT &&
	       ((c->flags & due) != 0 || c->dup_acks_due > 0 || c->keep_due);
}

static void
check_timers(const struct sim_host *h, const struct sani_core *core)
{
	const struct sani_core_priv *p = core->priv;

	for (uint32_t i = 0; i < p->conn_fresh; i++) {
		const struct sani_tcp_conn *c = &p->conns[i];

		if (!(c->owner.flags & SANI_CONN_USED) || c->owner.dirty != SANI_NONE || is_owed(p, i))
			continue;
		sim_hold(SIM_listed, !speaks_now(c), "host %u: port %u to %u has to speak, flags %x, and is not listed",
			 h->index, c->tuple.local_port, c->tuple.remote_port, c->flags);
		if (!needs_timer(c) || is_late(p, i))
			continue;
		sim_hold(SIM_timer, sani_tcp_deadline(c) != SANI_NEVER && sani_timer_armed(&c->owner.timer),
			 "host %u: a connection in state %d, port %u to %u, has nothing to wake it", h->index,
			 (int)sani_tcp_state(c), c->tuple.local_port, c->tuple.remote_port);
	}
	if (sani_core_nb_tw(core) > 0)
		sim_hold(SIM_record_timer, sani_wheel_next(p->tw_wheel) != SANI_NEVER,
			 "host %u: %u records have nothing to end them", h->index, sani_core_nb_tw(core));
}

/* A connection changes only where its host runs: it is enough to look at that host then. */
static void
look_at_host(struct sim_host *h)
{
	for (unsigned int k = 0; k < h->v.nb_cores; k++)
		check_timers(h, h->v.below->cores[k]);
}

/* Until all programs are over. */
static void
run_programs(struct sim_world *w, const struct sim_plan *plan)
{
	uint64_t heal_us = w->start_us + plan->heal_us;
	uint64_t look_us = w->start_us;
	bool well = false;

	while (!sim_failure.failed && sim_programs_left() > 0) {
		if (!well && vhost_now_us >= heal_us) {
			sim_world_heal(w);
			well = true;
		}
		if (well && vhost_now_us >= look_us) {
			sim_programs_look_after(w);
			look_us = vhost_now_us + LOOK_US;
		}
		sim_world_step(w, well ? look_us : heal_us);
		if (vhost_now_us > heal_us + LAST_US)
			sim_fail(SIM_progress, "no end within an hour");
	}
	if (!well && !sim_failure.failed)
		sim_world_heal(w);
}

/* Until the hosts hold nothing any more. */
static void
run_down(struct sim_world *w)
{
	uint64_t limit_us;

	sim_programs_end(w);
	limit_us = vhost_now_us + REST_US;
	while (!sim_failure.failed && vhost_now_us < limit_us) {
		if (!sim_world_step(w, limit_us))
			break;
		if (sim_world_is_at_rest(w))
			break;
	}
}

struct sim_result
sim_run(const struct sim_plan *plan, FILE *trace)
{
	static struct sim_world w;
	struct sim_result r = { .failed = false };

	memset(&w, 0, sizeof(w));
	w.trace = trace;
	vhost_now_us = plan->clock_us;
	wrap = plan->wrap;
	wrap_clock_us = plan->clock_us;
	sim_situation = plan->situation;
	sim_check_begin();
	sim_checker_begin();
	sim_world_open(&w, plan->nb_hosts, plan->hosts, sim_mix(plan->seed + 77));
	sim_lend_begin();
	sim_programs_begin(&w, plan);
	w.look = look_at_host;
	run_programs(&w, plan);
	run_down(&w);
	if (!sim_failure.failed) {
		sim_world_audit(&w);
		sim_oracle_audit(&w);
		sim_lend_end();
	}
	r.failed = sim_failure.failed;
	r.hash = w.hash;
	r.nb_frames = w.nb_frames;
	r.lasted_us = vhost_now_us - w.start_us;
	r.conns = sim_programs_tally();
	for (unsigned int i = 0; i < plan->nb_hosts; i++)
		r.nb_octets += sim_tally[i].octets;
	sim_world_close(&w);
	sim_programs_free(&w);
	sim_checker_end();
	return r;
}
