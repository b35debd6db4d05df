/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim/checker.h"
#include "sim/conn.h"
#include "sim/judge.h"

#include <errno.h>

#define STALL_US 4000000u	/* how long a program does not read at all at first */
#define POSTS_MAX 16u
#define RETRY_US 200u

static void
drive(struct sim_end *e);

static unsigned int
side_of(const struct sim_end *e)
{
	return e == &e->conn->end[1];
}

static void
wake(void *arg, uint32_t what)
{
	struct sim_conn *c = arg;
	struct sim_end *e = &c->end[what & 1];
	struct sim_behaviour *p = &c->prog[what & 1];

	if (c->serial != what >> 4 || e->phase == SIM_GONE)
		return;
	switch ((enum sim_wake)(what >> 1 & 7)) {
	case SIM_WAKE_TX:
		p->tx_idle = false;
		break;
	case SIM_WAKE_RX:
		p->rx_idle = false;
		break;
	case SIM_WAKE_POST:
		p->waiting = false;
		break;
	case SIM_WAKE_LOOK:
		sim_judge_window(e);
		return;
	case SIM_WAKE_CLOSE:
		if (e->phase == SIM_OPEN || e->phase == SIM_CONNECTING)
			sim_close(e);
		return;
	case SIM_WAKE_CANCEL:
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

void
sim_wake_later(struct sim_end *e, enum sim_wake why, uint64_t in_us)
{
	sim_event_add(&sim_programs.world->events, vhost_now_us + in_us, wake, e->conn,
		      e->conn->serial << 4 | (uint32_t)why << 1 | side_of(e));
}

/* A post was refused: no place, to be tried again; or the connection is over, to be judged. */
static void
take_refusal(struct sim_end *e, uint8_t kind, int rc)
{
	struct sim_behaviour *p = sim_behaviour_of(e);

	if (rc != -EAGAIN) {
		sim_judge_refusal(e, kind, rc);
		return;
	}
	/* others may hold the places for long: polled operations need none */
	p->polled_percent = 100;
	if (!p->waiting)
		sim_wake_later(e, SIM_WAKE_POST, RETRY_US + sim_below(&p->rng, 1000));
	p->waiting = true;
}

static void
post_receives(struct sim_end *e)
{
	struct sim_behaviour *p = sim_behaviour_of(e);

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
	struct sim_behaviour *p = sim_behaviour_of(e);

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
			sim_wake_later(e, SIM_WAKE_TX, sim_below(&p->rng, p->idle_us + 1));
		} else if (i == POSTS_MAX - 1) {
			p->tx_idle = true;
			sim_wake_later(e, SIM_WAKE_TX, 1);
		}
	}
	if (sim_chance(&p->rng, p->cancel_percent))
		sim_wake_later(e, SIM_WAKE_CANCEL, sim_below(&p->rng, 2000));
}

static void
post_shutdown(struct sim_end *e)
{
	struct sim_behaviour *p = sim_behaviour_of(e);
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
	struct sim_behaviour *p = sim_behaviour_of(e);
	bool over;

	if (e->phase != SIM_OPEN || sim_failure.failed)
		return;
	if (e->sent + e->got >= p->hard_at) {
		sim_close(e);
		return;
	}
	if (sim_chance(&p->rng, p->move_percent))
		sim_move(e, e->host->cq[sim_below(&p->rng, e->host->v.nb_cores)]);
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
		sim_wake_later(e, SIM_WAKE_CLOSE, p->linger_us);
}

/* The connection is open. Some do not read at first, until the peer's window is shut. */
void
sim_drive_begin(struct sim_end *e)
{
	struct sim_behaviour *p = sim_behaviour_of(e);

	if (p->rx_idle)
		sim_wake_later(e, SIM_WAKE_RX, sim_below(&p->rng, STALL_US));
	drive(e);
}

void
sim_drive_ended(struct sim_end *e, const struct sim_op *op)
{
	struct sim_behaviour *p = sim_behaviour_of(e);

	if (op->kind == SAN_OP_RECV && e->half != NULL && sim_half_offered(e->half) < SIM_WINDOW_LEAST)
		sim_wake_later(e, SIM_WAKE_LOOK, SIM_WINDOW_LATE_US);
	if (op->kind == SAN_OP_RECV && !p->rx_idle && sim_chance(&p->rng, p->slow_percent)) {
		p->rx_idle = true;
		sim_wake_later(e, SIM_WAKE_RX, sim_below(&p->rng, p->slow_us + 1));
	}
	drive(e);
}
