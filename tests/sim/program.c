/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim/program.h"

#include <errno.h>
#include <stdlib.h>

#include "sim/behaviour.h"
#include "sim/checker.h"
#include "sim/judge.h"

#define FIRST_PORT 80u
#define NO_PORT 9u		/* where nobody listens */
#define ZOMBIE_US 10000000u
#define SILENT_US 30000000u	/* a peer that is gone and said so, but was not heard */
#define STUCK_US 400000000u	/* a few of the longest timeouts */
#define STALL_US 4000000u	/* how long a program does not read at all at first */
#define POSTS_MAX 16u
#define RETRY_US 200u

struct sim_conn {
	struct sim_end end[2];	/* client, server */
	struct sim_behaviour prog[2];
	struct sim_conn *next_live;
	struct sim_conn **link;
	struct sim_conn *next_port;
	uint32_t serial;
	uint16_t port;		/* of the server */
	uint16_t client_port;
};

struct listener {
	struct sim_end end;
	uint16_t port;
	unsigned int backlog;
	bool waiting;
};

static struct sim_world *world;
static const struct sim_plan *plan;
static struct sim_rng rng;
static struct listener listeners[SIM_HOSTS][SIM_LISTENERS];
static struct sim_conn *live;
static struct sim_conn *unused;
static struct sim_conn *by_port[SIM_HOSTS][1024];
static uint32_t nb_to_start;
static uint32_t nb_live;
static uint32_t nb_serial;
static uint32_t nb_orphans;
static uint64_t moved_us;
static bool ending;

static void
drive(struct sim_end *e);

static void
ended(struct sim_end *e, struct sim_op *op);

static struct sim_behaviour *
program_of(struct sim_end *e)
{
	return e->program;
}

static unsigned int
side_of(const struct sim_end *e)
{
	return e == &e->conn->end[1];
}

/* Wake-ups of a connection that is over are dropped by its serial number. */
enum wake { WAKE_TX, WAKE_RX, WAKE_POST, WAKE_CLOSE, WAKE_CANCEL, WAKE_LOOK };

static void
wake(void *arg, uint32_t what)
{
	struct sim_conn *c = arg;
	struct sim_end *e = &c->end[what & 1];
	struct sim_behaviour *p = &c->prog[what & 1];

	if (c->serial != what >> 4 || e->phase == SIM_GONE)
		return;
	switch ((enum wake)(what >> 1 & 7)) {
	case WAKE_TX:
		p->tx_idle = false;
		break;
	case WAKE_RX:
		p->rx_idle = false;
		break;
	case WAKE_POST:
		p->waiting = false;
		break;
	case WAKE_LOOK:
		sim_judge_window(e);
		return;
	case WAKE_CLOSE:
		if (e->phase == SIM_OPEN || e->phase == SIM_CONNECTING)
			sim_close(e);
		return;
	case WAKE_CANCEL:
		if (e->phase == SIM_OPEN && e->recv.nb > 0 && sim_chance(&p->rng, 60))
			sim_cancel(e, &e->recv, sim_below(&p->rng, e->recv.nb));
		else if (e->phase == SIM_OPEN && e->send.nb > 0 && !e->shut)
			sim_cancel(e, &e->send, e->send.nb - 1);
		else if (e->phase == SIM_CONNECTING)
			sim_cancel(e, &e->send, 0);
		return;
	}
	drive(e);
}

static void
wake_later(struct sim_end *e, enum wake why, uint64_t in_us)
{
	sim_event_add(&world->events, vhost_now_us + in_us, wake, e->conn,
		      e->conn->serial << 4 | (uint32_t)why << 1 | side_of(e));
}

/* A post was refused: no place, to be tried again; or the connection is over, to be judged. */
static void
take_refusal(struct sim_end *e, uint8_t kind, int rc)
{
	struct sim_behaviour *p = program_of(e);

	if (rc != -EAGAIN) {
		sim_judge_refusal(e, kind, rc);
		return;
	}
	/* others may hold the places for long: polled operations need none */
	p->polled_percent = 100;
	if (!p->waiting)
		wake_later(e, WAKE_POST, RETRY_US + sim_below(&p->rng, 1000));
	p->waiting = true;
}

static void
post_receives(struct sim_end *e)
{
	struct sim_behaviour *p = program_of(e);

	for (unsigned int i = 0; i < POSTS_MAX; i++) {
		int rc;

		if (e->at_end || e->error != 0 || p->rx_idle || p->waiting || e->recv.nb >= p->rx_depth)
			return;
		rc = sim_post_recv(e, sim_scale(&p->rng, 1, p->want), sim_behaviour_flags(p, false));
		if (rc < 0) {
			take_refusal(e, SAN_OP_RECV, rc);
			return;
		}
	}
}

static bool
may_send(const struct sim_end *e, const struct sim_behaviour *p)
{
	bool cancelled = false;

	/* behind a cancelled send nobody knows yet where the stream is */
	for (uint32_t i = 0; i < e->send.nb; i++)
		cancelled |= e->send.ops[(e->send.first + i) % SIM_LANE].cancelled;
	return e->sent < p->total && e->error == 0 && !e->shut && !p->tx_idle && !p->waiting && !cancelled &&
	       e->send.nb < p->tx_depth;
}

static void
post_sends(struct sim_end *e)
{
	struct sim_behaviour *p = program_of(e);

	for (unsigned int i = 0; i < POSTS_MAX && may_send(e, p); i++) {
		uint32_t len = sim_scale(&p->rng, 1, p->chunk);
		int rc;

		len = (uint32_t)RTE_MIN((uint64_t)len, p->total - e->sent);
		rc = sim_post_send(e, len, sim_behaviour_flags(p, true));
		if (rc < 0) {
			take_refusal(e, SAN_OP_SEND, rc);
			return;
		}
		if (sim_chance(&p->rng, p->idle_percent)) {
			p->tx_idle = true;
			wake_later(e, WAKE_TX, sim_below(&p->rng, p->idle_us + 1));
		} else if (i == POSTS_MAX - 1) {
			p->tx_idle = true;
			wake_later(e, WAKE_TX, 1);
		}
	}
	if (sim_chance(&p->rng, p->cancel_percent))
		wake_later(e, WAKE_CANCEL, sim_below(&p->rng, 2000));
}

static void
post_shutdown(struct sim_end *e)
{
	struct sim_behaviour *p = program_of(e);
	int rc;

	if (e->shut || e->error != 0 || e->sent < p->total || p->tx_idle || p->waiting || e->send.nb >= SIM_LANE - 1)
		return;
	for (uint32_t i = 0; i < e->send.nb; i++)
		if (e->send.ops[(e->send.first + i) % SIM_LANE].cancelled)
			return;
	rc = sim_post_shutdown(e, sim_behaviour_flags(p, false) & SAN_POLLED);
	if (rc < 0)
		take_refusal(e, SAN_OP_SHUTDOWN, rc);
	else if (sim_chance(&p->rng, 10))
		sim_post_send(e, 1, 0);
}

/* What an end does next. */
static void
drive(struct sim_end *e)
{
	struct sim_behaviour *p = program_of(e);
	bool over;

	if (e->phase != SIM_OPEN || sim_failure.failed)
		return;
	if (e->sent + e->got >= p->hard_at) {
		sim_close(e);
		return;
	}
	post_receives(e);
	post_sends(e);
	post_shutdown(e);
	over = e->error != 0 || (e->at_end && e->shut_done);
	if (!over || sim_end_pending(e) > 0 || p->lingering)
		return;
	p->lingering = true;
	if (p->linger_us == 0)
		sim_close(e);
	else
		wake_later(e, WAKE_CLOSE, p->linger_us);
}

/* The connection is open. Some do not read at first, until the peer's window is shut. */
static void
begin_to_move(struct sim_end *e)
{
	struct sim_behaviour *p = program_of(e);

	if (p->rx_idle)
		wake_later(e, WAKE_RX, sim_below(&p->rng, STALL_US));
	drive(e);
}

/* Connections by the client's port; there may be several of one port, to different servers. */

static struct sim_conn **
port_bucket(unsigned int host, uint16_t port)
{
	return &by_port[host][port % 1024];
}

static void
list_port(struct sim_conn *c)
{
	struct sim_conn **at = port_bucket(c->end[0].host->index, c->client_port);

	/* the oldest first */
	while (*at != NULL)
		at = &(*at)->next_port;
	c->next_port = NULL;
	*at = c;
}

static void
unlist_port(struct sim_conn *c)
{
	struct sim_conn **at = port_bucket(c->end[0].host->index, c->client_port);

	for (; *at != NULL; at = &(*at)->next_port)
		if (*at == c) {
			*at = c->next_port;
			return;
		}
}

static struct sim_host *
host_of(const struct san_addr *a)
{
	for (unsigned int i = 0; i < world->nb_hosts; i++)
		if (memcmp(world->hosts[i].addr.ip, a->ip, sizeof(a->ip)) == 0)
			return &world->hosts[i];
	return NULL;
}

/*
 * Several may have used a port: at most one of them is alive. An accepted socket that is dead already belongs to the
 * oldest, any other one to the newest.
 */
static struct sim_conn *
find_conn(const struct sim_host *server, uint16_t port, const struct san_addr *peer, bool dead)
{
	const struct sim_host *client = host_of(peer);
	struct sim_conn *c = client != NULL ? *port_bucket(client->index, peer->port) : NULL;
	struct sim_conn *found = NULL;

	for (; c != NULL && !(found != NULL && dead); c = c->next_port)
		if (c->client_port == peer->port && c->port == port && c->end[1].host == server &&
		    c->end[1].phase == SIM_NEW)
			found = c;
	return found;
}

static void
free_conn(struct sim_conn *c)
{
	if (c->client_port != 0)
		unlist_port(c);
	if (c->end[0].half != NULL)
		sim_flow_retire(c->end[0].half);
	sim_end_fini(&c->end[0]);
	sim_end_fini(&c->end[1]);
	*c->link = c->next_live;
	if (c->next_live != NULL)
		c->next_live->link = c->link;
	c->serial = 0;
	c->next_live = unused;
	unused = c;
	nb_live--;
	moved_us = vhost_now_us;
}

static void
end_zombie(void *arg, uint32_t what)
{
	struct sim_conn *c = arg;

	if (c->serial == what && c->end[1].phase == SIM_NEW)
		free_conn(c);
}

/* An end is gone; with the other one, or when that never came to be, the connection is over. */
static void
take_gone(struct sim_end *e)
{
	struct sim_conn *c = e->conn;
	bool whole = c->end[0].shut_done && c->end[0].at_end && c->end[1].shut_done && c->end[1].at_end;

	moved_us = vhost_now_us;
	if (c->end[0].phase == SIM_GONE && c->end[1].phase == SIM_NEW) {
		sim_event_add(&world->events, vhost_now_us + ZOMBIE_US, end_zombie, c, c->serial);
		return;
	}
	if (c->end[0].phase != SIM_GONE || c->end[1].phase != SIM_GONE)
		return;
	if (whole)
		sim_hold(SIM_complete, c->end[0].got == c->end[1].sent && c->end[1].got == c->end[0].sent,
			 "a graceful end after %lu of %lu and %lu of %lu octets", c->end[0].got, c->end[1].sent,
			 c->end[1].got, c->end[0].sent);
	free_conn(c);
}

static struct sim_conn *
make_conn(void)
{
	struct sim_conn *c = unused;

	if (c != NULL)
		unused = c->next_live;
	else
		c = malloc(sizeof(*c));
	memset(c, 0, sizeof(*c));
	c->serial = ++nb_serial;
	for (unsigned int i = 0; i < 2; i++) {
		struct sim_end *e = &c->end[i];

		e->conn = c;
		e->peer = &c->end[1 - i];
		e->program = &c->prog[i];
		sim_behaviour_make(&c->prog[i], &rng, plan);
		sim_end_init(e);
		e->stream = sim_draw(&rng);
	}
	c->link = &live;
	c->next_live = live;
	if (live != NULL)
		live->link = &c->next_live;
	live = c;
	nb_live++;
	return c;
}

/* The names are known as soon as the connect is posted. */
static void
note_names(struct sim_conn *c)
{
	struct sim_end *e = &c->end[0];
	struct san_addr local;

	if (san_names(e->sock, &local, NULL) != 0 || local.port == 0)
		return;
	c->client_port = local.port;
	list_port(c);
}

static void
find_halves(struct sim_conn *c)
{
	const struct sim_host *client = c->end[0].host;
	const struct sim_host *server = c->end[1].host;
	struct sim_half *x = sim_half_find(client->ip, c->client_port, server->ip, c->port);

	c->end[0].half = x;
	c->end[1].half = x != NULL ? x->peer : NULL;
}

static void
start_conn(void *arg, uint32_t what)
{
	struct sim_host *h;
	struct sim_host *to;
	struct san_addr addr;
	struct sim_conn *c;
	struct sim_end *e;
	int rc;

	(void)arg;
	(void)what;
	nb_to_start--;
	c = make_conn();
	e = &c->end[0];
	h = &world->hosts[plan->plain ? 0 : sim_below(&rng, world->nb_hosts)];
	to = &world->hosts[(h->index + 1 + sim_below(&rng, world->nb_hosts - 1)) % world->nb_hosts];
	e->host = h;
	c->end[1].host = to;
	c->port = (uint16_t)(FIRST_PORT + sim_below(&rng, SIM_LISTENERS));
	if (!plan->plain && sim_chance(&rng, 3)) {
		c->port = NO_PORT;
		c->end[1].host = NULL;
	}
	addr = to->addr;
	addr.port = c->port;
	e->core = sim_below(&rng, h->v.nb_cores);
	rc = san_socket(h->v.core[e->core], h->cq[e->core], &e->sock);
	if (rc != 0) {
		sim_hold(SIM_op_result, rc == -ENFILE && sim_situation.tight, "a socket: %d", rc);
		e->phase = SIM_GONE;
		free_conn(c);
		return;
	}
	sim_tally[h->index].sockets++;
	sim_behaviour_options(e, &rng, plan);
	rc = sim_post_connect(e, &addr, plan->plain ? 0 : sim_behaviour_flags(&c->prog[0], false) & SAN_POLLED);
	if (rc != 0) {
		sim_hold(SIM_op_result, rc == -EAGAIN, "a connect answers %d", rc);
		e->phase = SIM_OPEN;
		sim_close(e);
		return;
	}
	note_names(c);
	if (sim_chance(&c->prog[0].rng, c->prog[0].cancel_percent))
		wake_later(e, WAKE_CANCEL, sim_below(&rng, 100000));
	if (c->prog[0].hard_at == 0)
		wake_later(e, WAKE_CLOSE, sim_below(&rng, 100000));
}

/* Listeners. */

static struct listener *
listener_of(struct sim_end *e)
{
	return e->program;
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

	while (e->phase == SIM_LISTENING && !l->waiting && e->recv.nb < plan->accepts) {
		int rc = sim_post_accept(e, sim_chance(&rng, 10) ? SAN_POLLED : 0);

		if (rc == 0)
			continue;
		sim_hold(SIM_op_result, rc == -EAGAIN, "an accept answers %d", rc);
		l->waiting = true;
		sim_event_add(&world->events, vhost_now_us + RETRY_US, accept_again, l, 0);
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
	if (ending || e->phase != SIM_NEW)
		return;
	e->core = sim_below(&rng, h->v.nb_cores);
	rc = san_socket(h->v.core[e->core], h->cq[e->core], &e->sock);
	if (rc != 0) {
		sim_event_add(&world->events, vhost_now_us + 10000, start_listener, l, 0);
		return;
	}
	sim_tally[h->index].sockets++;
	sim_behaviour_options(e, &rng, plan);
	rc = san_bind(e->sock, &addr);
	sim_hold(SIM_op_result, rc == 0, "a bind answers %d", rc);
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
	nb_orphans++;
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
	c = find_conn(h, l->port, &peer, state == SAN_TCP_CLOSED);
	if (c == NULL) {
		take_orphan(h, sock);
		return;
	}
	e = &c->end[1];
	e->sock = sock;
	e->phase = SIM_OPEN;
	e->user_timeout_ms = l->end.user_timeout_ms;
	e->opened_us = e->moved_us = vhost_now_us;
	find_halves(c);
	begin_to_move(e);
}

static void
ended_listener(struct sim_end *e, struct sim_op *op)
{
	struct listener *l = listener_of(e);
	uint32_t timeout = e->user_timeout_ms;

	if (op == NULL) {
		/* comes back after a while */
		sim_end_fini(e);
		*e = (struct sim_end){ .host = e->host, .program = l, .user_timeout_ms = timeout };
		sim_end_init(e);
		sim_event_add(&world->events, vhost_now_us + sim_below(&rng, 20000), start_listener, l, 0);
		return;
	}
	if (op->result == 0)
		take_accepted(l, op->o.u.accepted);
	if (e->phase != SIM_LISTENING || l->waiting)
		return;
	if (plan->accept_delay_us == 0) {
		post_accepts(l);
		return;
	}
	l->waiting = true;
	sim_event_add(&world->events, vhost_now_us + sim_below(&rng, plan->accept_delay_us + 1), accept_again, l, 0);
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
	find_halves(e->conn);
	begin_to_move(e);
}

/* An operation has ended (or, op NULL, a close). */
static void
ended(struct sim_end *e, struct sim_op *op)
{
	struct sim_behaviour *p = program_of(e);

	moved_us = vhost_now_us;
	if (e->conn == NULL && e->program != NULL) {
		ended_listener(e, op);
	} else if (e->conn == NULL) {
		nb_orphans -= op == NULL;
		if (op == NULL) {
			sim_end_fini(e);
			free(e);
		}
	} else if (op == NULL) {
		take_gone(e);
	} else if (op->kind == SAN_OP_CONNECT) {
		ended_connect(e, op);
	} else {
		if (op->kind == SAN_OP_RECV && e->half != NULL && sim_half_offered(e->half) < SIM_WINDOW_LEAST)
			wake_later(e, WAKE_LOOK, SIM_WINDOW_LATE_US);
		if (op->kind == SAN_OP_RECV && !p->rx_idle && sim_chance(&p->rng, p->slow_percent)) {
			p->rx_idle = true;
			wake_later(e, WAKE_RX, sim_below(&p->rng, p->slow_us + 1));
		}
		drive(e);
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
	const struct sim_fault_plan *f = &plan->faults[what];

	(void)arg;
	if (!ending)
		sim_fault_begin(&world->hosts[f->host], f->fault, f->for_us, f->value);
}

static void
begin_listeners(struct sim_world *w)
{
	for (unsigned int i = 0; i < w->nb_hosts; i++)
		for (unsigned int k = 0; k < SIM_LISTENERS; k++) {
			struct listener *l = &listeners[i][k];

			memset(l, 0, sizeof(*l));
			l->end.host = &w->hosts[i];
			l->end.program = l;
			l->port = (uint16_t)(FIRST_PORT + k);
			l->backlog = plan->backlog;
			sim_end_init(&l->end);
			start_listener(l, 0);
			if (sim_chance(&rng, plan->stubborn_percent))
				sim_event_add(&w->events, vhost_now_us + sim_below(&rng, (uint32_t)plan->span_us),
					      close_listener, l, 0);
		}
}

void
sim_programs_begin(struct sim_world *w, const struct sim_plan *p)
{
	world = w;
	plan = p;
	rng = (struct sim_rng){ .state = p->seed ^ 0x70726f6772616d73ull };
	live = NULL;
	memset(by_port, 0, sizeof(by_port));
	nb_to_start = p->nb_conns;
	nb_live = nb_orphans = 0;
	moved_us = vhost_now_us;
	ending = false;
	w->work = work;
	sim_oracle_begin();
	begin_listeners(w);
	for (unsigned int i = 0; i < p->nb_conns; i++)
		sim_event_add(&w->events, vhost_now_us + (p->plain ? i * p->span_us / p->nb_conns :
							  sim_below(&rng, (uint32_t)p->span_us)), start_conn, NULL, i);
	for (unsigned int i = 0; i < p->nb_faults; i++)
		sim_event_add(&w->events, vhost_now_us + p->faults[i].at_us, begin_fault, NULL, i);
}

unsigned int
sim_programs_left(void)
{
	return nb_to_start + nb_live + nb_orphans;
}

uint64_t
sim_programs_moved_us(void)
{
	return moved_us;
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
	const struct sim_conn *c = live;
	const struct sim_end *e = c->end;

	sim_fail(SIM_progress,
		 "stuck: h%u:%u (phase %d, sent %lu, got %lu, shut %d %d, end %d, %u+%u pending) with h%u:%u "
		 "(phase %d, sent %lu, got %lu, shut %d %d, end %d, %u+%u pending); %u left", e[0].host->index,
		 c->client_port, (int)e[0].phase, e[0].sent, e[0].got, e[0].shut, e[0].shut_done, e[0].at_end,
		 e[0].recv.nb, e[0].send.nb, e[1].host ? e[1].host->index : 9, c->port, (int)e[1].phase, e[1].sent,
		 e[1].got, e[1].shut, e[1].shut_done, e[1].at_end, e[1].recv.nb, e[1].send.nb, nb_live);
}

void
sim_programs_look_after(struct sim_world *w)
{
	struct sim_conn *next;

	(void)w;
	for (struct sim_conn *c = live; c != NULL && !sim_failure.failed; c = next) {
		next = c->next_live;
		if (c->end[0].phase != SIM_GONE)
			look_after_end(&c->end[0]);
		if (c->end[1].phase != SIM_NEW && c->end[1].phase != SIM_GONE)
			look_after_end(&c->end[1]);
	}
	if (live != NULL && nb_to_start == 0 && vhost_now_us - moved_us > STUCK_US)
		tell_stuck();
}

void
sim_programs_end(struct sim_world *w)
{
	ending = true;
	for (unsigned int i = 0; i < w->nb_hosts; i++)
		for (unsigned int k = 0; k < SIM_LISTENERS; k++)
			close_listener(&listeners[i][k], 0);
}

void
sim_programs_free(struct sim_world *w)
{
	while (live != NULL)
		free_conn(live);
	while (unused != NULL) {
		struct sim_conn *c = unused;

		unused = c->next_live;
		free(c);
	}
	for (unsigned int i = 0; i < w->nb_hosts; i++)
		for (unsigned int k = 0; k < SIM_LISTENERS; k++)
			sim_end_fini(&listeners[i][k].end);
}
