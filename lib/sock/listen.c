/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A connection and its accept meet by messages (O11), also on one core, unless they meet there at once:
 *
 *   connection's core                  listener's core
 *   handshake done      -- OFFER -->   queued, or matched with an accept, or refused
 *                       <-- TAKEN --   one accept is spoken for
 *   slot and handle     -- MADE  -->   the oldest accept ends with the handle
 *   may retire the slot <- WRITTEN -
 *   (embryo is gone     -- GONE  -->   one accept is free again, or ends)
 *                       <- REFUSE --   embryo reset
 *
 *   every core          <-- LISTEN --  entry added
 *                       <--- STOP ---  entry removed, embryos reset
 *                       --- STOPPED->  the close of the listener goes on
 */
#include <stdlib.h>

#include "sock/priv.h"

enum listen_msg {
	MSG_LISTEN = SANI_MSG_SOCK,
	MSG_STOP,	/* a slot, b generation */
	MSG_STOPPED,	/* likewise */
	MSG_OFFER,	/* a connection, b its generation, c slot, d generation of the listener */
	MSG_REFUSE,	/* a connection, b generation */
	MSG_TAKEN,	/* a connection, b generation, c slot of the listener, e queue id */
	MSG_MADE,	/* c slot of the listener, e new handle */
	MSG_GONE,	/* c slot of the listener, a the error or 0 */
	MSG_WRITTEN,	/* e new handle */
};

static void
tell(struct san_core *k, unsigned int to, struct sani_msg msg)
{
	sani_core_send(k->core, to, &msg);
}

static void
tell_all(struct san_core *k, const struct sani_msg *msg)
{
	unsigned int i;

	for (i = 0; i < k->core->host->nb_cores; i++)
		tell(k, i, *msg);
}

/* Take a listening port: the bound one, or a free one for a socket that is not bound. */
static int
take_port(struct san_core *k, struct sani_sock *so)
{
	struct san_addr local;
	int port;

	if (so->port_taken || so->share)
		return 0;
	port = sani_host_port_take_any(k->core->host);
	if (port < 0)
		return -EADDRINUSE;
	local = sani_sock_local(k, so);
	local.port = (uint16_t)port;
	k->more[sani_sock_slot(so)].local = local;
	so->bound = true;
	so->port_taken = true;
	return 0;
}

/*
 * Each core lets so many finish as the backlog says, and counts them until they are taken (core/listen.c), dead
 * ones too: so there is a place for every offer.
 */
static struct sani_accepting *
make_accepting(struct san_host *host, unsigned int backlog)
{
	uint32_t size = backlog * host->host->nb_cores;
	struct sani_accepting *a;

	if (atomic_fetch_add(&host->nb_listening, 1) >= host->host->conf.nb_listeners) {
		atomic_fetch_sub(&host->nb_listening, 1);
		return NULL;
	}
	a = calloc(1, sizeof(*a) + size * sizeof(struct sani_offer));
	if (a == NULL) {
		atomic_fetch_sub(&host->nb_listening, 1);
		return NULL;
	}
	a->size = size;
	return a;
}

void
sani_listen_free(struct san_core *k, struct sani_sock *so)
{
	if (!so->listens)
		return;
	atomic_fetch_sub(&k->host->nb_listening, 1);
	free(sani_sock_accepting(k, so));
	so->listens = false;
}

int
sani_listen_start(struct san_core *k, struct sani_sock *so, unsigned int backlog)
{
	struct sani_msg msg = { .kind = MSG_LISTEN };
	const struct sani_sock_options *opt = sani_sock_options(k, so);
	struct sani_listen *l = &msg.u.listen;
	struct sani_accepting *a;
	struct san_addr local;

	if (so->phase != SANI_SOCK_NEW)
		return -EINVAL;
	a = make_accepting(k->host, backlog);
	if (a == NULL)
		return -ENOMEM;
	k->more[sani_sock_slot(so)].accepting = a;
	so->listens = true;
	if (take_port(k, so) < 0) {
		sani_listen_free(k, so);
		return -EADDRINUSE;
	}
	local = sani_sock_local(k, so);
	*l = (struct sani_listen){
		.port = local.port,
		.owner = k->id,
		.slot = sani_sock_slot(so),
		.gen = sani_word_gen(so->word),
		.backlog = backlog,
		.sndbuf = opt->sndbuf,
		.rcvbuf = opt->rcvbuf,
		.user_timeout_ms = opt->user_timeout_ms,
		.nodelay = opt->nodelay,
		.share = so->share,
		.hold = so->hold,
		.tuned = so->tuned,
		.tune = opt->tune,
	};
	memcpy(l->addr.b, local.ip, sizeof(l->addr.b));
	sani_sock_enter(k, so, SANI_SOCK_LISTENING);
	tell_all(k, &msg);
	return 0;
}

static struct sani_offer *
oldest_offer(struct sani_accepting *a)
{
	struct sani_offer *o = &a->offers[a->head];

	a->head = (a->head + 1) % a->size;
	a->nb--;
	return o;
}

/* Every offer is answered exactly once. */
static void
refuse(struct san_core *k, unsigned int to, uint32_t conn, uint32_t gen)
{
	sani_count(&k->core->ctr, SANI_CTR_sock_accept_refused);
	tell(k, to, (struct sani_msg){ .kind = MSG_REFUSE, .a = conn, .b = gen });
}

void
sani_listen_stop(struct san_core *k, struct sani_sock *so)
{
	struct sani_msg msg = { .kind = MSG_STOP, .a = sani_sock_slot(so), .b = sani_word_gen(so->word) };
	struct sani_accepting *a = sani_sock_accepting(k, so);

	a->answers = k->core->host->nb_cores;
	while (a->nb > 0) {
		const struct sani_offer *o = oldest_offer(a);

		refuse(k, o->from, o->conn, o->gen);
	}
	tell_all(k, &msg);
}

/* How many connections an accept has room for now. */
static uint32_t
room_of(const struct sani_sock *so, const struct san_overlapped *op)
{
	return op->flags & SANI_OP_REPEAT ? sani_repeat_room(so, op) : 1;
}

/* And all of them; still_good: without those that are to end. */
static uint32_t
room(const struct san_core *k, const struct sani_sock *so, bool still_good)
{
	const struct sani_accepting *a = sani_sock_accepting(k, so);
	const struct san_overlapped *op;
	uint32_t n = 0;

	if (sani_likely(a->nb_repeating == 0))
		return a->nb_accepts - (still_good ? a->nb_cancelling : 0);
	for (op = so->recv.head; op != NULL; op = op->next)
		if (!still_good || sani_op_state(op) != SANI_OP_CANCELLING)
			n += room_of(so, op);
	return n;
}

/* Is what the others have room for enough for what is taken? Looked at once: the reaper may make more meanwhile. */
static bool
can_spare(const struct san_core *k, const struct sani_sock *so, const struct san_overlapped *spare)
{
	const struct san_overlapped *op;
	uint32_t n = 0;

	for (op = so->recv.head; op != NULL; op = op->next)
		if (op != spare)
			n += room_of(so, op);
	return n >= sani_sock_accepting(k, so)->nb_taken;
}

/* The accept that an answer is for: the oldest that has room. */
static struct san_overlapped *
first_accept(const struct sani_sock *so)
{
	struct san_overlapped *op = so->recv.head;

	while (room_of(so, op) == 0)
		op = op->next;
	return op;
}

/* Accepts that are to end do so as soon as the others are enough. */
static void
end_cancelled(struct san_core *k, struct sani_sock *so)
{
	const struct sani_accepting *a = sani_sock_accepting(k, so);
	struct san_overlapped *op = so->recv.head;

	while (a->nb_cancelling > 0 && op != NULL) {
		struct san_overlapped *next = op->next;

		if (sani_op_state(op) == SANI_OP_CANCELLING && can_spare(k, so, op))
			sani_op_end(k, so, op, op->result);
		op = next;
	}
}

void
sani_accept_go_on(struct san_core *k, struct sani_sock *so)
{
	struct sani_accepting *a = sani_sock_accepting(k, so);
	uint32_t most;

	end_cancelled(k, so);
	most = room(k, so, true);
	while (a->nb > 0 && most > a->nb_taken) {
		const struct sani_offer *o = oldest_offer(a);

		a->nb_taken++;
		tell(k, o->from, (struct sani_msg){
			.kind = MSG_TAKEN,
			.a = o->conn,
			.b = o->gen,
			.c = sani_sock_slot(so),
			.e = sani_word_cq(so->word),
		});
	}
	if (a->nb > 0 && a->nb_repeating > 0)
		sani_repeat_pause(k, so);
}

int
sani_accept_start(struct san_core *k, struct sani_sock *so, struct san_overlapped *op)
{
	if (so->phase != SANI_SOCK_LISTENING)
		return -EINVAL;
	sani_oplist_append(&so->recv, op);
	if (op->flags & SANI_OP_REPEAT)
		sani_sock_accepting(k, so)->nb_repeating++;
	else
		sani_sock_accepting(k, so)->nb_accepts++;
	sani_accept_go_on(k, so);
	return 0;
}

int
sani_accept_abort(struct san_core *k, struct sani_sock *so, struct san_overlapped *op, int32_t reason)
{
	if (!sani_op_set(op, SANI_OP_CANCELLING))
		return -EALREADY;
	if (op->flags & SANI_OP_TIMED)
		sani_deadline_clear(k, op);
	op->result = reason;
	sani_sock_accepting(k, so)->nb_cancelling++;
	end_cancelled(k, so);
	return 0;
}

void
sani_listen_abort(struct san_core *k, struct sani_sock *so)
{
	struct san_overlapped *op;

	while ((op = so->recv.head) != NULL && can_spare(k, so, op))
		sani_op_end(k, so, op, -ECANCELED);
}

/* The connection was opened with its listener's options; the entry may be gone by now. */
static void
take_options(struct san_core *k, struct sani_sock *so, const struct sani_listen *l)
{
	if (l == NULL || sani_likely(!l->tuned))
		return;
	*sani_sock_tune(k, so) = (struct sani_sock_options){
		.sndbuf = l->sndbuf,
		.rcvbuf = l->rcvbuf,
		.user_timeout_ms = l->user_timeout_ms,
		.nodelay = l->nodelay,
		.tune = l->tune,
	};
}

/* This core's lane of a queue; NULL: it is gone, or there is none. */
static struct sani_lane *
lane_of(const struct san_core *k, uint32_t cq_id)
{
	struct san_cq *cq = sani_cq_find(cq_id);

	return cq != NULL ? atomic_load_explicit(&cq->lane_of[k->id], memory_order_acquire) : NULL;
}

/* Make the socket of a taken embryo of entry l; 0, or why it cannot be: then the embryo is to be reset. */
static int
adopt(struct san_core *k, struct sani_tcp_conn *c, const struct sani_listen *l, struct sani_lane *lane,
      struct sani_sock **made)
{
	struct sani_sock *so;

	/* A cleanup's order to close all has been carried out here: no new socket may follow it. */
	if (lane == NULL || sani_gone_cq(lane->cq) || atomic_load_explicit(&k->closing_all, memory_order_relaxed))
		return -ECANCELED;
	so = sani_sock_open(k, lane->cq, lane);
	if (so == NULL)
		return -ENFILE;
	so->told = false;
	take_options(k, so, l);
	so->conn = sani_core_conn_idx(k->core, c);
	sani_core_adopt(k->core, c, sani_sock_slot(so));
	sani_sock_enter(k, so, SANI_SOCK_CONNECTED);
	*made = so;
	return 0;
}

/* An accept that an embryo was found for ends with it, or with why it cannot be; one that repeats goes on with it. */
static void
end_accept(struct san_core *k, struct sani_sock *so, struct san_overlapped *op, int rc, san_handle made)
{
	if (op->flags & SANI_OP_REPEAT) {
		if (rc == 0)
			sani_repeat_put(k, so, op, made);
		else
			sani_accept_abort(k, so, op, rc);
		return;
	}
	if (rc == 0)
		op->u.accepted = made;
	sani_op_end(k, so, op, rc);
}

/*
 * On the listener's own core, where nothing of an exchange is on its way: an accept that waits gets c at once, as by
 * the messages one after the other. An offer does not overtake another (in the ring, or queued). False: by messages.
 */
static bool
meet_here(struct san_core *k, const struct sani_listen *l, struct sani_tcp_conn *c)
{
	struct sani_sock *made, *so = sani_sock_of(k, sani_handle(k->id, l->slot, l->gen));
	struct sani_accepting *a = so != NULL ? sani_sock_accepting(k, so) : NULL;
	struct san_overlapped *op;
	int rc;

	if (a == NULL || so->close != SANI_CLOSE_NONE || (a->nb | a->nb_taken | a->nb_cancelling) != 0 ||
	    sani_core_has_told_itself(k->core))
		return false;
	for (op = so->recv.head; op != NULL && room_of(so, op) == 0; op = op->next)
		;
	if (op == NULL)
		return false;
	rc = adopt(k, c, l, so->lane, &made);
	if (rc == 0)
		made->told = true;
	else
		sani_core_conn_close(k->core, c);
	end_accept(k, so, op, rc, rc == 0 ? sani_sock_handle(made) : SAN_NO_HANDLE);
	return true;
}

void
sani_embryo_ready(struct sani_core *core, struct sani_tcp_conn *c)
{
	const struct sani_listen *l = sani_core_listen_of(core, c);
	struct san_core *k = sani_core_home(core);

	if (l == NULL) {
		sani_core_conn_close(core, c);
		return;
	}
	if (sani_likely(l->owner == k->id) && meet_here(k, l, c))
		return;
	c->owner.offered = 1;
	tell(k, l->owner - core->host->conf.first_core_id, (struct sani_msg){
		.kind = MSG_OFFER,
		.a = sani_core_conn_idx(core, c),
		.b = c->owner.gen,
		.c = l->slot,
		.d = l->gen,
	});
}

/* The listener's core: an offer comes in. */
static void
on_offer(struct san_core *k, const struct sani_msg *msg)
{
	struct sani_sock *so = sani_sock_of(k, sani_handle(k->id, msg->c, (uint32_t)msg->d));
	struct sani_accepting *a = so != NULL ? sani_sock_accepting(k, so) : NULL;

	if (a == NULL || so->close != SANI_CLOSE_NONE) {
		refuse(k, msg->from, msg->a, msg->b);
		return;
	}
	sani_assert(a->nb < a->size);
	a->offers[(a->head + a->nb++) % a->size] =
		(struct sani_offer){ .from = msg->from, .conn = msg->a, .gen = msg->b };
	sani_accept_go_on(k, so);
}

/* The embryo of a message, or NULL: it is gone. */
static struct sani_tcp_conn *
embryo_of(struct san_core *k, const struct sani_msg *msg)
{
	struct sani_tcp_conn *c = sani_core_conn(k->core, msg->a);

	return c->owner.gen == msg->b ? c : NULL;
}

static void
on_refuse(struct san_core *k, const struct sani_msg *msg)
{
	struct sani_tcp_conn *c = embryo_of(k, msg);

	if (c != NULL)
		sani_core_conn_close(k->core, c);
}

/* The connection's core: an accept wants the embryo. */
static void
on_taken(struct san_core *k, const struct sani_msg *msg)
{
	struct sani_tcp_conn *c = embryo_of(k, msg);
	struct sani_msg answer = { .kind = MSG_GONE, .c = msg->c };
	struct sani_sock *made;
	int rc;

	if (c != NULL) {
		rc = adopt(k, c, sani_core_listen_of(k->core, c), lane_of(k, (uint32_t)msg->e), &made);
		if (rc == 0) {
			answer.kind = MSG_MADE;
			answer.e = sani_sock_handle(made);
		} else {
			answer.a = (uint32_t)rc;
			sani_core_conn_close(k->core, c);
		}
	}
	tell(k, msg->from, answer);
}

/* The listener of what was taken: with an accept spoken for it cannot be retired before the answer. */
static struct sani_sock *
listener_of(struct san_core *k, const struct sani_msg *msg)
{
	return &k->socks[msg->c];
}

/* One fewer is spoken for. */
static void
settle_accepts(struct san_core *k, struct sani_sock *so)
{
	if (so->close != SANI_CLOSE_NONE)
		sani_listen_abort(k, so);
	else
		sani_accept_go_on(k, so);
}

static void
on_made(struct san_core *k, const struct sani_msg *msg)
{
	struct sani_sock *so = listener_of(k, msg);
	struct san_overlapped *op = first_accept(so);
	bool repeats = op->flags & SANI_OP_REPEAT;

	sani_sock_accepting(k, so)->nb_taken--;
	end_accept(k, so, op, 0, msg->e);
	if (repeats)
		settle_accepts(k, so);
	tell(k, msg->from, (struct sani_msg){ .kind = MSG_WRITTEN, .e = msg->e });
}

static void
on_gone(struct san_core *k, const struct sani_msg *msg)
{
	struct sani_sock *so = listener_of(k, msg);
	struct san_overlapped *op = first_accept(so);

	sani_sock_accepting(k, so)->nb_taken--;
	if (so->close == SANI_CLOSE_NONE && msg->a != 0)
		end_accept(k, so, op, (int32_t)msg->a, SAN_NO_HANDLE);
	settle_accepts(k, so);
}

static void
on_written(struct san_core *k, const struct sani_msg *msg)
{
	struct sani_sock *so = sani_sock_of(k, msg->e);

	so->told = true;
	if (so->close != SANI_CLOSE_NONE)
		sani_close_advance(k, so);
}

static void
on_stop(struct san_core *k, const struct sani_msg *msg)
{
	sani_core_listen_del(k->core, (uint8_t)(k->core->host->conf.first_core_id + msg->from),
			     msg->a, msg->b);
	tell(k, msg->from, (struct sani_msg){ .kind = MSG_STOPPED, .a = msg->a, .b = msg->b });
}

static void
on_stopped(struct san_core *k, const struct sani_msg *msg)
{
	struct sani_sock *so = &k->socks[msg->a];

	if (--sani_sock_accepting(k, so)->answers == 0)
		sani_close_advance(k, so);
}

void
sani_sock_message(struct sani_core *core, const struct sani_msg *msg)
{
	struct san_core *k = sani_core_home(core);

	switch ((enum listen_msg)msg->kind) {
	case MSG_LISTEN:
		/* The port is the listener's own, and every core has an entry for each slot. */
		sani_core_listen_add(core, &msg->u.listen);
		break;
	case MSG_STOP:
		on_stop(k, msg);
		break;
	case MSG_STOPPED:
		on_stopped(k, msg);
		break;
	case MSG_OFFER:
		on_offer(k, msg);
		break;
	case MSG_REFUSE:
		on_refuse(k, msg);
		break;
	case MSG_TAKEN:
		on_taken(k, msg);
		break;
	case MSG_MADE:
		on_made(k, msg);
		break;
	case MSG_GONE:
		on_gone(k, msg);
		break;
	case MSG_WRITTEN:
		on_written(k, msg);
		break;
	}
}
