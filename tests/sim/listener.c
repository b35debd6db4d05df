/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim/conn.h"

#include <errno.h>
#include <stdlib.h>

#define RETRY_US 200u

struct listener {
	struct sim_end end;
	uint16_t port;
	unsigned int backlog;
	bool waiting;
};

static struct listener listeners[SIM_HOSTS][SIM_LISTENERS];

static struct listener *
listener_of(struct sim_end *e)
{
	return e->program;
}

static void
do_later(void (*what)(void *arg, uint32_t unused), struct listener *l, uint64_t in_us)
{
	sim_event_add(&sim_programs.world->events, vhost_now_us + in_us, what, l, 0);
}

static void
post_accepts(struct listener *l);

static void
accept_again(void *arg, uint32_t what)
{
	struct listener *l = arg;

	(void)what;
	l->waiting = false;
	post_accepts(l);
}

static void
post_accepts(struct listener *l)
{
	struct sim_end *e = &l->end;

	while (e->phase == SIM_LISTENING && !l->waiting && e->recv.nb < sim_programs.plan->accepts) {
		int rc = sim_post_accept(e, sim_chance(&sim_programs.rng, 10) ? SAN_POLLED : 0);

		if (rc == 0)
			continue;
		sim_hold(SIM_op_result, rc == -EAGAIN, "an accept answers %d", rc);
		l->waiting = true;
		do_later(accept_again, l, RETRY_US);
	}
}

static void
start_listener(void *arg, uint32_t what)
{
	struct listener *l = arg;
	struct sim_end *e = &l->end;
	struct sim_host *h = e->host;
	struct san_addr addr = { .port = l->port };
	int rc;

	(void)what;
	if (sim_programs.ending || e->phase != SIM_NEW)
		return;
	e->core = sim_below(&sim_programs.rng, h->v.nb_cores);
	rc = san_socket(h->v.core[e->core], h->cq[e->core], &e->sock);
	if (rc != 0) {
		do_later(start_listener, l, 10000);
		return;
	}
	sim_tally[h->index].sockets++;
	sim_behaviour_options(e, &sim_programs.rng, sim_programs.plan);
	rc = san_bind(e->sock, &addr);
	sim_hold(SIM_op_result, rc == 0, "a bind answers %d", rc);
	sim_behaviour_tell(e);
	rc = san_listen(e->sock, l->backlog);
	sim_hold(SIM_op_result, rc == 0, "a listen answers %d", rc);
	e->phase = SIM_LISTENING;
	h->wants_poll = true;
	post_accepts(l);
}

static void
close_listener(void *arg, uint32_t what)
{
	struct listener *l = arg;

	(void)what;
	if (l->end.phase == SIM_LISTENING)
		sim_close(&l->end);
}

/* A socket whose connection nobody knows any more: closed at once. */
static void
take_orphan(struct sim_host *h, san_handle sock)
{
	struct sim_end *e = calloc(1, sizeof(*e));

	sim_end_init(e);
	e->host = h;
	e->sock = sock;
	e->phase = SIM_OPEN;
	sim_programs.nb_orphans++;
	sim_close(e);
}

static void
take_accepted(struct listener *l, san_handle sock)
{
	struct sim_host *h = l->end.host;
	uint32_t state = SAN_TCP_CLOSED;
	struct san_addr peer;
	struct sim_conn *c;
	struct sim_end *e;

	sim_tally[h->index].sockets++;
	sim_hold(SIM_op_result, san_names(sock, NULL, &peer) == 0, "an accepted socket has no name");
	san_get_option(sock, SAN_OPT_STATE, &state);
	c = sim_conn_find(h, l->port, &peer, state == SAN_TCP_CLOSED);
	if (c == NULL) {
		take_orphan(h, sock);
		return;
	}
	e = &c->end[1];
	e->sock = sock;
	e->phase = SIM_OPEN;
	e->user_timeout_ms = l->end.user_timeout_ms;
	e->keep_ms = l->end.keep_ms;
	e->fast = l->end.fast;
	e->opened_us = e->moved_us = vhost_now_us;
	sim_conn_note_open(c);
	sim_drive_begin(e);
}

void
sim_listener_ended(struct sim_end *e, const struct sim_op *op)
{
	struct listener *l = listener_of(e);
	uint32_t timeout = e->user_timeout_ms;

	if (op == NULL) {
		/* comes back after a while */
		sim_end_fini(e);
		*e = (struct sim_end){ .host = e->host, .program = l, .user_timeout_ms = timeout };
		sim_end_init(e);
		do_later(start_listener, l, sim_below(&sim_programs.rng, 20000));
		return;
	}
	if (op->result == 0)
		take_accepted(l, op->o.u.accepted);
	if (e->phase != SIM_LISTENING || l->waiting)
		return;
	if (sim_programs.plan->accept_delay_us == 0) {
		post_accepts(l);
		return;
	}
	l->waiting = true;
	do_later(accept_again, l, sim_below(&sim_programs.rng, sim_programs.plan->accept_delay_us + 1));
}

void
sim_listeners_begin(void)
{
	const struct sim_plan *plan = sim_programs.plan;
	struct sim_world *w = sim_programs.world;

	for (unsigned int i = 0; i < w->nb_hosts; i++)
		for (unsigned int k = 0; k < SIM_LISTENERS; k++) {
			struct listener *l = &listeners[i][k];

			memset(l, 0, sizeof(*l));
			l->end.host = &w->hosts[i];
			l->end.program = l;
			l->port = (uint16_t)(SIM_FIRST_PORT + k);
			l->backlog = plan->backlog;
			sim_end_init(&l->end);
			start_listener(l, 0);
			if (sim_chance(&sim_programs.rng, plan->stubborn_percent))
				do_later(close_listener, l, sim_below(&sim_programs.rng, (uint32_t)plan->span_us));
		}
}

void
sim_listeners_end(void)
{
	for (unsigned int i = 0; i < sim_programs.world->nb_hosts; i++)
		for (unsigned int k = 0; k < SIM_LISTENERS; k++)
			close_listener(&listeners[i][k], 0);
}

void
sim_listeners_free(void)
{
	for (unsigned int i = 0; i < sim_programs.world->nb_hosts; i++)
		for (unsigned int k = 0; k < SIM_LISTENERS; k++)
			sim_end_fini(&listeners[i][k].end);
}
