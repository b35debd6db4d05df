/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim/oracle.h"

#include <errno.h>
#include <stdlib.h>

#include "op/op.h"
#include "sim/checker.h"
#include "sim/judge.h"
#include "sim/lend.h"

#define SPOILT 0xdb

struct sim_situation sim_situation;
struct sim_tally sim_tally[SIM_HOSTS];

static struct sim_end *polled_ends;

void
sim_oracle_begin(void)
{
	polled_ends = NULL;
	memset(sim_tally, 0, sizeof(sim_tally));
}

static void
make_lane(struct sim_lane *lane, struct sim_end *e)
{
	lane->ops = aligned_alloc(64, SIM_LANE * sizeof(lane->ops[0]));
	memset(lane->ops, 0, SIM_LANE * sizeof(lane->ops[0]));
	for (unsigned int i = 0; i < SIM_LANE; i++) {
		lane->ops[i].end = e;
		lane->ops[i].o.user = (uintptr_t)&lane->ops[i];
	}
	lane->first = lane->nb = 0;
}

void
sim_end_init(struct sim_end *e)
{
	make_lane(&e->recv, e);
	make_lane(&e->send, e);
	e->phase = SIM_NEW;
	e->opened_us = e->moved_us = vhost_now_us;
}

void
sim_end_fini(struct sim_end *e)
{
	for (unsigned int i = 0; i < SIM_LANE && e->recv.ops != NULL; i++) {
		free(e->recv.ops[i].buf);
		if (!e->send.ops[i].lent)
			free(e->send.ops[i].buf);
	}
	free(e->recv.ops);
	free(e->send.ops);
	e->recv.ops = e->send.ops = NULL;
	if (e->in_polled)
		for (struct sim_end **at = &polled_ends; *at != NULL; at = &(*at)->next_polled)
			if (*at == e) {
				*at = e->next_polled;
				break;
			}
}

static struct sim_op *
nth_op(const struct sim_lane *lane, uint32_t n)
{
	return &lane->ops[(lane->first + n) % SIM_LANE];
}

static struct sim_op *
next_op(struct sim_lane *lane, uint8_t kind, uint32_t len, unsigned int flags)
{
	struct sim_op *op = lane->nb < SIM_LANE ? nth_op(lane, lane->nb) : NULL;

	if (op == NULL)
		return NULL;
	op->kind = kind;
	op->flags = (uint8_t)flags;
	op->len = len;
	op->cancelled = op->lent = false;
	op->result = 0;
	op->posted_us = vhost_now_us;
	op->o.timeout_us = op->end->timeout_us;
	op->end->timeout_us = 0;
	op->buf = NULL;
	return op;
}

/* The same, with a buffer of its own. */
static struct sim_op *
next_transfer(struct sim_lane *lane, uint8_t kind, uint32_t len, unsigned int flags)
{
	struct sim_op *op = next_op(lane, kind, len, flags);

	if (op != NULL)
		op->buf = malloc(len);
	return op;
}

/* A send from registered memory has not changed it. */
static void
drop_lent(struct sim_op *op)
{
	uint8_t want[512];

	for (uint32_t i = 0; i < op->len; i += sizeof(want)) {
		uint32_t n = RTE_MIN(op->len - i, (uint32_t)sizeof(want));

		sim_stream_fill(op->end->stream, op->from + i, want, n);
		sim_hold(SIM_lent_kept, memcmp(want, op->buf + i, n) == 0, "lent memory has changed at %u of %u", i,
			 op->len);
	}
	sim_lend_give(op->buf);
	op->buf = NULL;
}

static void
drop_buffer(struct sim_op *op)
{
	if (op->lent && op->buf != NULL)
		drop_lent(op);
	if (op->buf != NULL)
		memset(op->buf, SPOILT, op->len);
	free(op->buf);
	op->buf = NULL;
}

static void
list_polled(struct sim_end *e)
{
	e->nb_polled++;
	if (e->in_polled)
		return;
	e->in_polled = true;
	e->next_polled = polled_ends;
	polled_ends = e;
}

/* Of those that are pending, has the stack still one? Those that it is done with are only not reaped yet. */
static bool
is_behind(const struct sim_lane *lane)
{
	for (uint32_t i = 0; i < lane->nb; i++) {
		enum sani_op_state state = sani_op_state(&nth_op(lane, i)->o);

		/* with Fast Open sends are taken before it has ended */
		if (nth_op(lane, i)->kind == SAN_OP_CONNECT)
			continue;
		if (state != SANI_OP_DONE && state != SANI_OP_FREE)
			return true;
	}
	return false;
}

/* What a post has answered. */
static int
posted(struct sim_lane *lane, struct sim_op *op, int rc)
{
	struct sim_end *e = op->end;

	if (rc == -EAGAIN)
		sim_hold(SIM_no_place, !(op->flags & SAN_POLLED) || op->lent, "a polled post without a place");
	if (rc < 0) {
		drop_buffer(op);
		return rc;
	}
	sim_tally[e->host->index].accepted++;
	e->host->wants_poll = true;
	op->id = op->o.id;
	op->state = rc == 0 ? SIM_OP_POSTED : SIM_OP_ENDED;
	if (rc == 0) {
		lane->nb++;
		if (op->flags & SAN_POLLED)
			list_polled(e);
		return 0;
	}
	sim_hold(SIM_op_result, op->kind == SAN_OP_SEND && !(op->flags & SAN_ACKED) && !op->lent &&
		 op->o.result == (int)op->len,
		 "a post that is over at once: kind %u, result %d of %u", op->kind, op->o.result, op->len);
	sim_hold(SIM_op_order, !is_behind(lane), "a send is over before an earlier one");
	drop_buffer(op);
	return 1;
}

int
sim_post_recv(struct sim_end *e, uint32_t len, unsigned int flags)
{
	struct sim_op *op = next_transfer(&e->recv, SAN_OP_RECV, len, flags);

	if (op == NULL)
		return -ENOBUFS;
	return posted(&e->recv, op, san_recv(e->sock, &op->o, op->buf, len, flags));
}

static void
note_sent(struct sim_end *e, const struct sim_op *op)
{
	e->sent += op->len;
	e->moved_us = vhost_now_us;
	sim_tally[e->host->index].octets += op->len;
	if (!(op->flags & SAN_URGENT))
		return;
	e->urgent[e->nb_urgent++] = e->sent;
	sim_exercised[SIM_urgent_sent]++;
}

static void
fill_send(struct sim_end *e, struct sim_op *op)
{
	sim_stream_fill(e->stream, e->sent, op->buf, op->len);
	op->from = e->sent;
	op->to = e->sent + op->len;
}

int
sim_post_send(struct sim_end *e, uint32_t len, unsigned int flags)
{
	struct sim_op *op = next_transfer(&e->send, SAN_OP_SEND, len, flags);
	int rc;

	if (op == NULL)
		return -ENOBUFS;
	fill_send(e, op);
	rc = posted(&e->send, op, san_send(e->sock, &op->o, op->buf, len, flags));
	if (e->shut)
		sim_hold(SIM_epipe, rc < 0 && (rc == -EPIPE || rc == -EAGAIN || e->error != 0 || rc == -ECONNRESET ||
					       rc == -ETIMEDOUT || rc == -EHOSTUNREACH),
			 "a send behind the shutdown answers %d", rc);
	if (rc >= 0)
		note_sent(e, op);
	return rc;
}

int
sim_post_lent(struct sim_end *e, uint32_t len, unsigned int flags)
{
	struct sim_op *op = next_op(&e->send, SAN_OP_SEND, len, flags);
	int rc;

	if (op == NULL)
		return -ENOBUFS;
	op->buf = sim_lend_take(len, (uint32_t)e->sent);
	if (op->buf == NULL)
		return -ENOBUFS;
	op->lent = true;
	fill_send(e, op);
	rc = posted(&e->send, op, sim_lend_post(e->sock, &op->o, op->buf, len, flags));
	if (rc >= 0)
		note_sent(e, op);
	return rc;
}

int
sim_post_shutdown(struct sim_end *e, unsigned int flags)
{
	struct sim_op *op = next_op(&e->send, SAN_OP_SHUTDOWN, 0, flags);
	int rc;

	if (op == NULL)
		return -ENOBUFS;
	op->from = op->to = e->sent;
	rc = posted(&e->send, op, san_shutdown(e->sock, &op->o, flags));
	e->shut |= rc >= 0;
	return rc;
}

int
sim_post_disconnect(struct sim_end *e, unsigned int flags)
{
	struct sim_op *op = next_op(&e->send, SAN_OP_DISCONNECT, 0, flags);
	int rc;

	if (op == NULL)
		return -ENOBUFS;
	rc = posted(&e->send, op, san_disconnect(e->sock, &op->o, flags));
	if (rc < 0)
		return rc;
	e->shut = true;
	if (!(flags & SAN_ABORT))
		return rc;
	e->aborted = e->closed_live = true;
	e->error = -ECONNABORTED;
	e->left_us = vhost_now_us;
	return rc;
}

int
sim_post_connect(struct sim_end *e, const struct san_addr *to, unsigned int flags)
{
	struct sim_op *op = next_op(&e->send, SAN_OP_CONNECT, 0, flags);
	int rc;

	if (op == NULL)
		return -ENOBUFS;
	rc = posted(&e->send, op, san_connect(e->sock, &op->o, to, flags));
	if (rc == 0)
		e->phase = SIM_CONNECTING;
	return rc;
}

int
sim_post_accept(struct sim_end *e, unsigned int flags)
{
	struct sim_op *op = next_op(&e->recv, SAN_OP_ACCEPT, 0, flags);

	if (op == NULL)
		return -ENOBUFS;
	return posted(&e->recv, op, san_accept(e->sock, &op->o, flags));
}

void
sim_cancel(struct sim_end *e, struct sim_lane *lane, uint32_t nth)
{
	struct sim_op *op = nth_op(lane, nth);
	int rc = san_cancel(e->sock, op->id);

	e->host->wants_poll = true;
	op->cancelled |= rc == 0;
	sim_hold(SIM_cancel, rc == 0 || rc == -EALREADY || rc == -ENOENT, "a cancel answers %d", rc);
}

/* Between what the stack is done with and what we have taken lies what it has handed out, or could. */
void
sim_move(struct sim_end *e, struct san_cq *cq)
{
	bool busy = is_behind(&e->recv) || is_behind(&e->send);
	bool idle = sim_end_pending(e) == 0;
	int rc = san_move(e->sock, cq);

	sim_hold(SIM_move, (rc == 0 && !busy) || (rc == -EBUSY && !idle), "a move answers %d (busy %d, idle %d)", rc,
		 busy, idle);
}

void
sim_close(struct sim_end *e)
{
	int rc = san_close(e->sock, (uintptr_t)e);
	struct san_overlapped op = { 0 };
	uint8_t byte = 0;

	sim_hold(SIM_stale, rc == 0, "a close answers %d", rc);
	e->closed_live |= !(e->shut_done && e->at_end);
	e->phase = SIM_CLOSING;
	e->host->wants_poll = true;
	sim_tally[e->host->index].closes++;
	sim_hold(SIM_stale, san_close(e->sock, 0) == -ENOTSOCK && san_cancel(e->sock, 1) == -ENOTSOCK &&
		 san_recv(e->sock, &op, &byte, 1, 0) == -ENOTSOCK, "a closed handle is still taken");
}

/* An abort waits for nothing, not for what stands before it either. */
static bool
keeps_order(const struct sim_op *op)
{
	return op->kind != SAN_OP_ACCEPT && !sim_op_is_open(op) &&
	       !(op->kind == SAN_OP_DISCONNECT && (op->flags & SAN_ABORT));
}

/* All that has ended was read: behind one that is pending nothing may be over but what was cancelled. */
static void
check_order(const struct sim_lane *lane)
{
	for (uint32_t i = 1; i < lane->nb && lane->ops[lane->first].kind != SAN_OP_CONNECT; i++) {
		const struct sim_op *op = nth_op(lane, i);

		if (op->state == SIM_OP_ENDED && keeps_order(op))
			sim_fail(SIM_op_order, "an operation of kind %u has ended before the one posted before it",
				 op->kind);
	}
}

/* A completion of op: those of one queue come in the order in which the operations ended. */
static void
check_before(const struct sim_lane *lane, const struct sim_op *op)
{
	uint32_t i = 0;

	while (i < lane->nb && nth_op(lane, i) != op)
		i++;
	if (i == lane->nb || !keeps_order(op))
		return;
	while (i-- > 0) {
		const struct sim_op *before = nth_op(lane, i);

		/* a connect that fails ends the sends of a Fast Open before it ends itself */
		sim_hold(SIM_op_order, before->state == SIM_OP_ENDED || (before->flags & SAN_POLLED) ||
			 before->kind == SAN_OP_CONNECT,
			 "an operation of kind %u (%d) has completed before one of kind %u (state %u%s%s)", op->kind,
			 op->o.result, before->kind, (unsigned int)sani_op_state(&before->o),
			 before->cancelled ? ", cancelled" : "", before->lent ? ", lent" : "");
	}
}

/* One operation is over, as far as the stack says; results are judged in the order of the posts. */
static void
note_end(struct sim_op *op, int32_t result)
{
	sim_hold(SIM_op_once, op->state == SIM_OP_POSTED, "an operation of kind %u ends again, with %d", op->kind,
		 result);
	op->state = SIM_OP_ENDED;
	op->result = result;
	op->ended_us = vhost_now_us;
	sim_judge_deadline(op);
}

static unsigned int
look_at_polled_lane(struct sim_end *e, struct sim_lane *lane)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < lane->nb; i++) {
		struct sim_op *op = nth_op(lane, i);
		int rc;

		if (op->state != SIM_OP_POSTED || !(op->flags & SAN_POLLED))
			continue;
		rc = san_op_status(&op->o);
		if (rc == -EINPROGRESS)
			continue;
		note_end(op, rc);
		e->nb_polled--;
		n++;
	}
	return n;
}

static unsigned int
hand_on_lane(struct sim_end *e, struct sim_lane *lane, void (*ended)(struct sim_end *e, struct sim_op *op))
{
	unsigned int n = 0;

	while (lane->nb > 0 && lane->ops[lane->first].state == SIM_OP_ENDED && !sim_failure.failed) {
		struct sim_op *op = &lane->ops[lane->first];

		sim_judge(e, op);
		lane->first = (lane->first + 1) % SIM_LANE;
		lane->nb--;
		op->state = SIM_OP_FREE;
		drop_buffer(op);
		ended(e, op);
		n++;
	}
	if (n > 0)
		sim_exercised[SIM_op_order]++;
	return n;
}

static void
end_close(struct sim_end *e, void (*ended)(struct sim_end *e, struct sim_op *op))
{
	/* polled ones were looked at before the queue was read; they have ended since */
	look_at_polled_lane(e, &e->recv);
	look_at_polled_lane(e, &e->send);
	hand_on_lane(e, &e->recv, ended);
	hand_on_lane(e, &e->send, ended);
	sim_hold(SIM_close_last, e->phase == SIM_CLOSING && sim_end_pending(e) == 0,
		 "a close completes in phase %d with %u operations pending", e->phase, sim_end_pending(e));
	e->phase = SIM_GONE;
	if (e->left_us == 0)
		e->left_us = vhost_now_us;
	ended(e, NULL);
}

/* Completions of the socket that were reaped with the close come before it. */
static void
take_completion(const struct san_completion *c, void (*ended)(struct sim_end *e, struct sim_op *op))
{
	struct sim_op *op = (struct sim_op *)(uintptr_t)c->user;

	if (c->kind == SAN_OP_CLOSE) {
		end_close((struct sim_end *)(uintptr_t)c->user, ended);
		return;
	}
	sim_hold(SIM_close_last, op->end->phase != SIM_GONE, "a completion after the close");
	sim_hold(SIM_op_result, c->op == &op->o && c->kind == op->kind && c->sock == op->end->sock &&
		 c->result == op->o.result && (op->kind != SAN_OP_RECV || !((c->flags ^ op->o.flags) & SAN_URGENT)) &&
		 (c->kind != SAN_OP_ACCEPT || c->result != 0 ||
					       c->value == op->o.u.accepted),
		 "a completion is not that of its operation");
	check_before(&op->end->recv, op);
	check_before(&op->end->send, op);
	note_end(op, c->result);
	look_at_polled_lane(op->end, &op->end->recv);
	look_at_polled_lane(op->end, &op->end->send);
	hand_on_lane(op->end, &op->end->recv, ended);
	hand_on_lane(op->end, &op->end->send, ended);
}

/* What ends in here posts anew, at the head of the list, but frees nothing. */
static unsigned int
reap_polled(const struct sim_host *h, void (*ended)(struct sim_end *e, struct sim_op *op))
{
	struct sim_end **at = &polled_ends;
	unsigned int n = 0;

	for (struct sim_end *e = polled_ends; e != NULL && !sim_failure.failed; e = e->next_polled) {
		if (e->host != h)
			continue;
		look_at_polled_lane(e, &e->recv);
		look_at_polled_lane(e, &e->send);
		n += hand_on_lane(e, &e->recv, ended);
		n += hand_on_lane(e, &e->send, ended);
		check_order(&e->recv);
		check_order(&e->send);
	}
	while (*at != NULL) {
		struct sim_end *e = *at;

		if (e->nb_polled > 0) {
			at = &e->next_polled;
			continue;
		}
		e->in_polled = false;
		*at = e->next_polled;
	}
	return n;
}

static unsigned int
reap_queues(struct sim_host *h, void (*ended)(struct sim_end *e, struct sim_op *op))
{
	struct san_completion c[32];
	unsigned int sum = 0;
	int n;

	for (unsigned int i = 0; i < h->v.nb_cores; i++)
		while (!sim_failure.failed && (n = san_cq_poll(h->cq[i], c, 32)) > 0)
			for (int k = 0; k < n; k++, sum++)
				take_completion(&c[k], ended);
	return sum;
}

/* What ends at once for a socket that has moved may be in a queue that was looked at already. */
unsigned int
sim_reap(struct sim_host *h, void (*ended)(struct sim_end *e, struct sim_op *op))
{
	unsigned int sum = 0;
	unsigned int n;

	do {
		n = reap_queues(h, ended);
		sum += n;
	} while (n > 0);
	return sum + reap_polled(h, ended);
}

void
sim_oracle_audit(struct sim_world *w)
{
	for (unsigned int i = 0; i < w->nb_hosts; i++) {
		const struct vhost *v = &w->hosts[i].v;

		sim_exercised[SIM_lent_sent] += vhost_count(v, SANI_CTR_lend_tx);
		sim_exercised[SIM_lent_copied] += vhost_count(v, SANI_CTR_lend_tx_copied);
		sim_exercised[SIM_fast_sent] += vhost_count(v, SANI_CTR_tcp_tx_fast);
		sim_exercised[SIM_fast_taken] += vhost_count(v, SANI_CTR_tcp_rx_fast);
		sim_exercised[SIM_fast_refused] += vhost_count(v, SANI_CTR_tcp_fast_refused);
		sim_exercised[SIM_frame_refused] += vhost_count(v, SANI_CTR_port_tx_refused);
		sim_exercised[SIM_parked] += vhost_count(v, SANI_CTR_core_parked);
		sim_hold(SIM_op_counts, vhost_count(v, SANI_CTR_sock_ops) == sim_tally[i].accepted &&
			 vhost_count(v, SANI_CTR_sock_ops_ended) == sim_tally[i].accepted,
			 "host %u: %lu operations accepted, %lu counted, %lu ended", i, sim_tally[i].accepted,
			 vhost_count(v, SANI_CTR_sock_ops), vhost_count(v, SANI_CTR_sock_ops_ended));
		sim_hold(SIM_op_counts, vhost_count(v, SANI_CTR_sock_opened) == sim_tally[i].sockets &&
			 vhost_count(v, SANI_CTR_sock_closed) == sim_tally[i].sockets,
			 "host %u: %lu sockets, %lu opened, %lu closed", i, sim_tally[i].sockets,
			 vhost_count(v, SANI_CTR_sock_opened), vhost_count(v, SANI_CTR_sock_closed));
	}
}
