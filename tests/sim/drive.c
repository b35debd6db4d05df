/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim/checker.h"
#include "sim/conn.h"
#include "sim/judge.h"
#include "sim/lend.h"

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
		if (!sim_judge_window(e))
			sim_wake_later(e, SIM_WAKE_LOOK, SIM_WINDOW_AGAIN_US);
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

	if (rc != -EAGAIN && rc != -ENOBUFS) {
		sim_judge_refusal(e, kind, rc);
		return;
	}
	/* there are as many deadlines as there may be */
	if (rc == -ENOBUFS)
		p->late_percent = 0;
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
		sim_behaviour_deadline(e, p);
		rc = sim_post_recv(e, sim_scale(&p->rng, 1, p->want), sim_behaviour_flags(p, false));
		if (rc < 0) {
			take_refusal(e, SAN_OP_RECV, rc);
			return;
		}
	}
}

/* Behind a send that was cancelled, or has a deadline, nobody knows yet where the stream is. */
static bool
knows_stream(const struct sim_end *e)
{
	for (uint32_t i = 0; i < e->send.nb; i++) {
		const struct sim_op *op = &e->send.ops[(e->send.first + i) % SIM_LANE];

		if (op->kind != SAN_OP_CONNECT && sim_op_is_open(op))
			return false;
	}
	return true;
}

static bool
may_send(const struct sim_end *e, const struct sim_behaviour *p)
{
	return e->sent < p->total && e->error == 0 && !e->shut && !p->tx_idle && !p->waiting && knows_stream(e) &&
	       e->send.nb < p->tx_depth;
}

/* What is short is copied: half of them are long enough to be referred to, if there is so much left. */
static uint32_t
choose_lent(const struct sim_end *e, struct sim_behaviour *p, uint32_t len)
{
	uint32_t most = (uint32_t)RTE_MIN((uint64_t)SIM_LEND_MOST, p->total - e->sent);

	return sim_chance(&p->rng, 50) ? sim_between(&p->rng, most / 2 + 1, most) : RTE_MIN(len, most);
}

static int
post_one_send(struct sim_end *e, struct sim_behaviour *p, uint32_t len)
{
	unsigned int flags = sim_behaviour_flags(p, true);
	int rc = -ENOBUFS;

	if (e->phase == SIM_OPEN && e->nb_urgent < SIM_URGENT && sim_chance(&p->rng, p->urgent_percent))
		flags |= SAN_URGENT;
	sim_behaviour_deadline(e, p);
	if (sim_chance(&p->rng, p->lent_percent))
		rc = sim_post_lent(e, choose_lent(e, p, len), flags);
	return rc == -ENOBUFS ? sim_post_send(e, len, flags) : rc;
}

static void
post_sends(struct sim_end *e)
{
	struct sim_behaviour *p = sim_behaviour_of(e);

	for (unsigned int i = 0; i < POSTS_MAX && may_send(e, p); i++) {
		uint32_t len = sim_scale(&p->rng, 1, p->chunk);
		int rc;

		len = (uint32_t)RTE_MIN((uint64_t)len, p->total - e->sent);
		rc = post_one_send(e, p, len);
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
post_shutdown(struct sim_end *e, struct sim_behaviour *p)
{
	int rc = sim_post_shutdown(e, sim_behaviour_flags(p, false) & SAN_POLLED);

	if (rc < 0)
		take_refusal(e, SAN_OP_SHUTDOWN, rc);
	else if (p->ending == SIM_BY_SHUTDOWN && sim_chance(&p->rng, 10))
		sim_post_send(e, 1, 0);
}

static void
post_disconnect(struct sim_end *e, struct sim_behaviour *p)
{
	int rc;

	sim_behaviour_deadline(e, p);
	rc = sim_post_disconnect(e, sim_behaviour_flags(p, false) & SAN_POLLED);
	if (rc < 0)
		take_refusal(e, SAN_OP_DISCONNECT, rc);
	else
		p->ending = SIM_BY_SHUTDOWN;
}

/* All is sent: the FIN, by one call or the other, or first by one and then the other. */
static void
end_stream(struct sim_end *e)
{
	struct sim_behaviour *p = sim_behaviour_of(e);

	if (e->error != 0 || e->sent < p->total || p->tx_idle || p->waiting || e->send.nb >= SIM_LANE - 1 ||
	    !knows_stream(e))
		return;
	if (p->rest_us != 0) {
		p->tx_idle = true;
		sim_wake_later(e, SIM_WAKE_TX, p->rest_us);
		p->rest_us = 0;
		return;
	}
	if (!e->shut && p->ending != SIM_BY_DISCONNECT)
		post_shutdown(e, p);
	if (p->ending != SIM_BY_SHUTDOWN && !p->waiting && e->error == 0)
		post_disconnect(e, p);
}

/* Enough: a close, or an abort before it. False: there was no place for it. */
static bool
end_hard(struct sim_end *e, struct sim_behaviour *p)
{
	bool aborts = p->aborts && e->error == 0 && !(e->shut_done && e->at_end) && e->send.nb < SIM_LANE;

	p->aborts = false;
	if (aborts && sim_post_disconnect(e, SAN_ABORT | (sim_behaviour_flags(p, false) & SAN_POLLED)) == 0) {
		p->hard_at = UINT64_MAX;
		return false;
	}
	sim_close(e);
	return true;
}

/* What an end does next. */
static void
drive(struct sim_end *e)
{
	struct sim_behaviour *p = sim_behaviour_of(e);
	bool over;

	if (e->phase != SIM_OPEN || sim_failure.failed)
		return;
	if (e->sent + e->got >= p->hard_at && end_hard(e, p))
		return;
	if (sim_chance(&p->rng, p->move_percent))
		sim_move(e, e->host->cq[sim_below(&p->rng, e->host->v.nb_cores)]);
	post_receives(e);
	post_sends(e);
	end_stream(e);
	over = e->error != 0 || (e->at_end && e->shut_done);
	if (!over || sim_end_pending(e) > 0 || p->lingering)
		return;
	p->lingering = true;
	if (p->linger_us == 0)
		sim_close(e);
	else
		sim_wake_later(e, SIM_WAKE_CLOSE, p->linger_us);
}

/* Not after a connect that has failed already. */
void
sim_drive_early(struct sim_end *e)
{
	struct sim_behaviour *p = sim_behaviour_of(e);
	uint32_t nb = sim_below(&p->rng, 3);

	for (uint32_t i = 0; i < nb && may_send(e, p); i++) {
		uint32_t len = (uint32_t)RTE_MIN((uint64_t)sim_scale(&p->rng, 1, p->chunk), p->total - e->sent);

		if (post_one_send(e, p, len) < 0)
			return;
	}
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
	/* past its deadline: nobody says any more whether a FIN is on its way */
	if (op->kind == SAN_OP_DISCONNECT && op->result < 0 && e->phase == SIM_OPEN) {
		sim_close(e);
		return;
	}
	drive(e);
}
