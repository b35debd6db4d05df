/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim/program.h"

#include <errno.h>
#include <stdlib.h>

#include "sim/checker.h"
#include "sim/conn.h"

#define NO_PORT 9u		/* where nobody listens */
#define SILENT_US 30000000u	/* a peer that is gone and said so, but was not heard */
#define STUCK_US 400000000u	/* a few of the longest timeouts */

#define FIRST_MEETING 1024u	/* ports that are bound, two for each meeting */

static uint32_t nb_to_start;
static uint16_t next_port;

/*
 * Between which hosts, and to which port; some go where nobody listens, and some of those between hosts that may choose
 * their own port meet on their way: then both ends connect (RFC 9293 figure 7).
 */
static void
choose_way(struct sim_conn *c, struct san_addr *to)
{
	const struct sim_plan *plan = sim_programs.plan;
	struct sim_world *w = sim_programs.world;
	struct sim_rng *rng = &sim_programs.rng;
	struct sim_host *client = &w->hosts[plan->plain ? 0 : sim_below(rng, w->nb_hosts)];
	struct sim_host *server = &w->hosts[(client->index + 1 + sim_below(rng, w->nb_hosts - 1)) % w->nb_hosts];

	c->end[0].host = client;
	c->end[1].host = server;
	c->port = (uint16_t)(SIM_FIRST_PORT + sim_below(rng, SIM_LISTENERS));
	if (!plan->plain && sim_chance(rng, 3)) {
		c->port = NO_PORT;
		c->end[1].host = NULL;
	} else if (plan->meet_percent > 0 && sim_chance(rng, plan->meet_percent) && client->v.nb_cores == 1 &&
		   server->v.nb_cores == 1) {
		c->meets = c->end[0].meets = c->end[1].meets = true;
		c->client_port = next_port++;
		c->port = next_port++;
	}
	*to = server->addr;
	to->port = c->port;
}

/* 0; or the end is gone, or going. */
static int
connect_end(struct sim_end *e, const struct san_addr *to, uint16_t port)
{
	const struct sim_plan *plan = sim_programs.plan;
	const struct san_addr local = { .port = port };
	struct sim_rng *rng = &sim_programs.rng;
	struct sim_behaviour *p = sim_behaviour_of(e);
	int rc;

	e->core = sim_below(rng, e->host->v.nb_cores);
	rc = san_socket(e->host->v.core[e->core], e->host->cq[e->core], &e->sock);
	if (rc != 0) {
		sim_hold(SIM_op_result, rc == -ENFILE && sim_situation.tight, "a socket: %d", rc);
		e->phase = SIM_GONE;
		return rc;
	}
	sim_tally[e->host->index].sockets++;
	sim_behaviour_options(e, rng, plan);
	if (port != 0) {
		rc = san_bind(e->sock, &local);
		sim_hold(SIM_op_result, rc == 0, "a bind answers %d", rc);
	}
	if (!plan->plain)
		sim_behaviour_deadline(e, p);
	rc = sim_post_connect(e, to, plan->plain ? 0 : sim_behaviour_flags(p, false) & SAN_POLLED);
	if (rc != 0) {
		sim_hold(SIM_op_result, rc == -EAGAIN, "a connect answers %d", rc);
		e->phase = SIM_OPEN;
		sim_close(e);
		return rc;
	}
	sim_behaviour_tell(e);
	return 0;
}

/* What may end it before it is open. */
static void
draw_early_end(struct sim_end *e)
{
	struct sim_behaviour *p = sim_behaviour_of(e);

	if (sim_chance(&p->rng, p->cancel_percent))
		sim_wake_later(e, SIM_WAKE_CANCEL, sim_below(&sim_programs.rng, 100000));
	if (p->hard_at == 0)
		sim_wake_later(e, SIM_WAKE_CLOSE, sim_below(&sim_programs.rng, 100000));
}

/* The other end of two that meet. */
static void
start_other(void *arg, uint32_t what)
{
	struct sim_conn *c = arg;
	struct san_addr to;

	if (c->serial != what)
		return;
	to = c->end[0].host->addr;
	to.port = c->client_port;
	if (connect_end(&c->end[1], &to, c->port) == 0)
		draw_early_end(&c->end[1]);
	else if (c->end[1].phase == SIM_GONE)
		sim_conn_take_gone(&c->end[1]);
}

/* Mostly before the first SYN is there. */
static void
start_other_later(struct sim_conn *c)
{
	uint32_t way_us = c->end[0].host->plan->up.delay_us + c->end[1].host->plan->down.delay_us;

	sim_event_add(&sim_programs.world->events, vhost_now_us + sim_below(&sim_programs.rng, way_us + way_us / 8 + 1),
		      start_other, c, c->serial);
}

static void
start_conn(void *arg, uint32_t what)
{
	struct sim_conn *c = sim_conn_make();
	struct san_addr to;
	int rc;

	(void)arg;
	(void)what;
	nb_to_start--;
	choose_way(c, &to);
	rc = connect_end(&c->end[0], &to, c->meets ? c->client_port : 0);
	if (c->end[0].phase == SIM_GONE) {
		sim_conn_free(c);
		return;
	}
	if (c->meets)
		start_other_later(c);
	if (rc != 0)
		return;
	sim_programs.tally.begun++;
	if (!c->meets)
		sim_conn_note_names(c);
	if (c->end[0].fast)
		sim_drive_early(&c->end[0]);
	draw_early_end(&c->end[0]);
}

static void
ended_connect(struct sim_end *e, const struct sim_op *op)
{
	if (e->phase != SIM_CONNECTING)
		return;
	e->phase = SIM_OPEN;
	if (op->result != 0) {
		sim_close(e);
		return;
	}
	sim_conn_note_open(e->conn);
	sim_drive_begin(e);
}

/* An operation has ended (or, op NULL, a close). */
static void
ended(struct sim_end *e, struct sim_op *op)
{
	sim_programs.moved_us = vhost_now_us;
	if (e->conn == NULL && e->program != NULL) {
		sim_listener_ended(e, op);
	} else if (e->conn == NULL) {
		sim_programs.nb_orphans -= op == NULL;
		if (op == NULL) {
			sim_end_fini(e);
			free(e);
		}
	} else if (op == NULL) {
		sim_conn_take_gone(e);
	} else if (op->kind == SAN_OP_CONNECT) {
		ended_connect(e, op);
	} else {
		sim_drive_ended(e, op);
	}
}

static unsigned int
work(struct sim_host *h)
{
	return sim_reap(h, ended);
}

static void
begin_fault(void *arg, uint32_t what)
{
	const struct sim_fault_plan *f = &sim_programs.plan->faults[what];

	(void)arg;
	if (!sim_programs.ending)
		sim_fault_begin(&sim_programs.world->hosts[f->host], f->fault, f->for_us, f->value);
}

void
sim_programs_begin(struct sim_world *w, const struct sim_plan *p)
{
	struct sim_rng *rng = &sim_programs.rng;

	sim_programs = (struct sim_programs){
		.world = w, .plan = p, .rng = { .state = p->seed ^ 0x70726f6772616d73ull }, .moved_us = vhost_now_us,
	};
	sim_conns_begin();
	nb_to_start = p->nb_conns;
	next_port = FIRST_MEETING;
	w->work = work;
	sim_oracle_begin();
	sim_listeners_begin();
	for (unsigned int i = 0; i < p->nb_conns; i++)
		sim_event_add(&w->events, vhost_now_us + (p->plain ? i * p->span_us / p->nb_conns :
							  sim_below(rng, (uint32_t)p->span_us)), start_conn, NULL, i);
	for (unsigned int i = 0; i < p->nb_faults; i++)
		sim_event_add(&w->events, vhost_now_us + p->faults[i].at_us, begin_fault, NULL, i);
}

struct sim_conn_tally
sim_programs_tally(void)
{
	return sim_programs.tally;
}

unsigned int
sim_programs_left(void)
{
	return nb_to_start + sim_programs.nb_live + sim_programs.nb_orphans;
}

/* Its peer has closed and that was lost on the way, or it was never accepted: TCP alone never finds out. */
static bool
is_left_alone(const struct sim_end *e)
{
	const struct sim_end *peer = e->peer;

	return peer->phase == SIM_GONE || peer->phase == SIM_NEW || peer->error != 0;
}

/* Before the peer had left there was nothing to tell; a program that has nothing posted learns it by its next post. */
static void
look_after_end(struct sim_end *e)
{
	uint64_t idle_us = vhost_now_us - RTE_MAX(e->moved_us, e->peer->left_us);

	if (e->phase != SIM_OPEN && e->phase != SIM_CONNECTING)
		return;
	if (idle_us > SILENT_US && is_left_alone(e)) {
		sim_hold(SIM_progress, sim_situation.silent || sim_situation.tight,
			 "host %u port %u was not told that its peer is gone", e->host->index,
			 e->half ? e->half->port : 0);
		sim_close(e);
		return;
	}
	sim_exercised[SIM_progress]++;
}

static void
tell_stuck(void)
{
	const struct sim_conn *c = sim_programs.live;
	const struct sim_end *e = c->end;

	sim_fail(SIM_progress,
		 "stuck: h%u:%u (phase %d, sent %lu, got %lu, shut %d %d, end %d, %u+%u pending) with h%u:%u "
		 "(phase %d, sent %lu, got %lu, shut %d %d, end %d, %u+%u pending); %u left", e[0].host->index,
		 c->client_port, (int)e[0].phase, e[0].sent, e[0].got, e[0].shut, e[0].shut_done, e[0].at_end,
		 e[0].recv.nb, e[0].send.nb, e[1].host ? e[1].host->index : 9, c->port, (int)e[1].phase, e[1].sent,
		 e[1].got, e[1].shut, e[1].shut_done, e[1].at_end, e[1].recv.nb, e[1].send.nb, sim_programs.nb_live);
}

void
sim_programs_look_after(struct sim_world *w)
{
	/* a send that is over when the post returns has no end of its own */
	uint64_t moved_us = sim_programs.moved_us;
	struct sim_conn *next;

	(void)w;
	for (struct sim_conn *c = sim_programs.live; c != NULL && !sim_failure.failed; c = next) {
		next = c->next_live;
		moved_us = RTE_MAX(moved_us, RTE_MAX(c->end[0].moved_us, c->end[1].moved_us));
		if (c->end[0].phase != SIM_GONE)
			look_after_end(&c->end[0]);
		if (c->end[1].phase != SIM_NEW && c->end[1].phase != SIM_GONE)
			look_after_end(&c->end[1]);
	}
	if (sim_programs.live != NULL && nb_to_start == 0 && vhost_now_us - moved_us > STUCK_US)
		tell_stuck();
}

void
sim_programs_end(struct sim_world *w)
{
	(void)w;
	sim_programs.ending = true;
	sim_listeners_end();
}

void
sim_programs_free(struct sim_world *w)
{
	(void)w;
	sim_conns_free();
	sim_listeners_free();
}
