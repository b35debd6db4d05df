/* SPDX-License-Identifier: BSD-3-Clause */
#include "sock/priv.h"

/* What may end an operation of the send list: the peer's FIN ends disconnects. */
#define SENDING_GOES_ON (SANI_TCP_EV_ACKED | SANI_TCP_EV_FIN_ACKED | SANI_TCP_EV_FIN)

static struct sani_open
describe(const struct san_core *k, const struct sani_sock *so, const struct san_addr *peer)
{
	const struct sani_sock_options *opt = sani_sock_options(k, so);
	const struct san_addr local = sani_sock_local(k, so);
	struct sani_open open = {
		.local_port = local.port,
		.remote_port = peer->port,
		.sndbuf = opt->sndbuf,
		.rcvbuf = opt->rcvbuf,
		.user_timeout_ms = opt->user_timeout_ms,
		.sock = sani_sock_slot(so),
		.nodelay = opt->nodelay,
		.tune = opt->tune,
	};

	memcpy(open.local.b, local.ip, sizeof(open.local.b));
	memcpy(open.remote.b, peer->ip, sizeof(open.remote.b));
	return open;
}

int
sani_connect_start(struct san_core *k, struct sani_sock *so, struct san_overlapped *op)
{
	struct san_addr peer;
	struct sani_open open;
	struct sani_tcp_conn *c;
	int rc;

	sani_op_fetch_addr(op, &peer);
	if (so->phase != SANI_SOCK_NEW)
		return -EISCONN;
	open = describe(k, so, &peer);
	op->flags |= SANI_OP_LISTED;
	so->connect = op;
	rc = sani_core_connect(k->core, &open, &c);
	if (rc < 0) {
		sani_op_end(k, so, op, rc);
		return 0;
	}
	so->conn = sani_core_conn_idx(k->core, c);
	sani_sock_enter(k, so, SANI_SOCK_CONNECTING);
	return 0;
}

void
sani_connect_drop(struct san_core *k, struct sani_sock *so, int error)
{
	struct sani_tcp_conn *c = sani_sock_conn(k, so);

	so->conn = SANI_NONE;
	sani_sock_enter(k, so, SANI_SOCK_NEW);
	sani_op_end_all(k, so, &so->send, error);
	sani_core_conn_close(k->core, c);
}

/* The connection is CLOSED: what is pending ends with its error, or has ended in the stream's own way. */
static void
die(struct san_core *k, struct sani_sock *so, int error)
{
	if (so->phase == SANI_SOCK_CONNECTING) {
		error = error != 0 ? error : -ECONNREFUSED;
		sani_connect_drop(k, so, error);
		sani_op_end(k, so, so->connect, error);
		return;
	}
	sani_assert(error <= 0 && error >= -UINT8_MAX);
	so->error = (uint8_t)-error;
	sani_sock_enter(k, so, SANI_SOCK_DEAD);
	if (error != 0) {
		sani_op_end_all(k, so, &so->recv, error);
		sani_op_end_all(k, so, &so->send, error);
	}
	if (so->connect != NULL)
		sani_op_end(k, so, so->connect, error);
}

/* Has the peer's FIN come? */
static bool
peer_has_finished(const struct sani_tcp_conn *c)
{
	switch (sani_tcp_state(c)) {
	case SAN_TCP_CLOSE_WAIT:
	case SAN_TCP_CLOSING:
	case SAN_TCP_LAST_ACK:
	case SAN_TCP_TIME_WAIT:
		return true;
	default:
		return false;
	}
}

/* What a watch is to see has been. */
static bool
sees_already(const struct sani_tcp_conn *c, uint16_t flags)
{
	/* CLOSED is yet to be told, with its reason */
	if (flags & SANI_WATCH_OPEN)
		return sani_tcp_state(c) >= SAN_TCP_ESTABLISHED;
	return !(flags & SAN_ABORT) && peer_has_finished(c);
}

int
sani_watch_start(struct san_core *k, struct sani_sock *so, struct san_overlapped *op)
{
	if (so->phase == SANI_SOCK_DEAD && so->error != 0)
		return -so->error;
	if (so->phase != SANI_SOCK_DEAD && so->phase != SANI_SOCK_CONNECTED)
		return -ENOTCONN;
	if (so->connect != NULL)
		return -EBUSY;
	op->flags |= SANI_OP_LISTED;
	so->connect = op;
	if (so->phase == SANI_SOCK_DEAD || sees_already(sani_sock_conn(k, so), op->flags))
		sani_op_end(k, so, op, 0);
	return 0;
}

/* A watch that the peer's FIN ends. */
static void
end_watch(struct san_core *k, struct sani_sock *so)
{
	struct san_overlapped *op = so->connect;

	if (op != NULL && op->kind == SAN_OP_WATCH && !(op->flags & SAN_ABORT))
		sani_op_end(k, so, op, 0);
}

/* The handshake is finished: of a connect, or of an accepted socket that was held. */
static void
open_connection(struct san_core *k, struct sani_sock *so)
{
	struct san_overlapped *op = so->connect;

	if (so->phase == SANI_SOCK_CONNECTING)
		sani_sock_enter(k, so, SANI_SOCK_CONNECTED);
	else if (op == NULL || op->kind != SAN_OP_WATCH || !(op->flags & SANI_WATCH_OPEN))
		return;
	sani_op_end(k, so, op, 0);
}

/* Something came for what is posted. */
static inline void
fill_receives(struct san_core *k, struct sani_sock *so, struct sani_tcp_conn *c, uint32_t ev)
{
	bool done = false;

	if ((so->recv.head->flags & SANI_OP_REPEAT) != 0)
		done = sani_unlikely(ev & SANI_TCP_EV_FIN) ? sani_repeat_end(k, so, c) : sani_repeat_take(k, so, c);
	if (!done)
		sani_recv_pump(k, so);
}

/* While nothing is listed acknowledgements are not told: xfer.c asks for them again. */
static inline void
go_on_sending(struct san_core *k, struct sani_sock *so, struct sani_tcp_conn *c)
{
	if (so->send.head != NULL)
		sani_send_pump(k, so);
	else
		c->owner.tell_acks = 0;
}

void
sani_conn_event(struct sani_core *core, struct sani_tcp_conn *c, uint32_t ev)
{
	struct san_core *k = sani_core_home(core);
	struct sani_sock *so = &k->socks[c->owner.sock];

	if (sani_unlikely(ev & SANI_TCP_EV_CONNECTED))
		open_connection(k, so);
	if (ev & SANI_TCP_EV_FIN_ACKED)
		so->fin_acked = true;
	/* A reset throws the stream away; everything else ends as far as the stream went. */
	if (!(ev & SANI_TCP_EV_CLOSED) || sani_tcp_error(c) == 0) {
		if ((ev & (SANI_TCP_EV_READABLE | SANI_TCP_EV_FIN)) && so->recv.head != NULL)
			fill_receives(k, so, c, ev);
		if (ev & SENDING_GOES_ON)
			go_on_sending(k, so, c);
	}
	if (sani_unlikely(ev & (SANI_TCP_EV_CLOSED | SANI_TCP_EV_FIN))) {
		/* The FIN of a stream that is thrown away does not count. */
		if ((ev & SANI_TCP_EV_FIN) && (!(ev & SANI_TCP_EV_CLOSED) || sani_tcp_error(c) == 0))
			end_watch(k, so);
		if (ev & SANI_TCP_EV_CLOSED)
			die(k, so, sani_tcp_error(c));
	}
}

/* Memory that the program has given for it, and may copy into; what is lent to it instead stays in the pool's. */
uint32_t
sani_conn_reads(struct sani_core *core, uint32_t sock)
{
	const struct sani_sock *so = &sani_core_home(core)->socks[sock];
	const struct san_overlapped *op = so->recv.head;
	uint32_t len;

	if (op == NULL || so->phase != SANI_SOCK_CONNECTED)
		return 0;
	if (!(op->flags & SANI_OP_EXTRA))
		return op->len - op->done;
	if (op->flags & SANI_OP_REPEAT ? !sani_repeat_has_piece(so, op) : sani_op_extra(op)->loans != NULL)
		return 0;
	(void)sani_extra_at(op, &len);
	return len;
}

void
sani_conn_moved(struct sani_core *core, uint32_t sock, uint32_t idx)
{
	struct sani_sock *so = &sani_core_home(core)->socks[sock];

	so->conn = idx;
	sani_sock_note_direct(so);
}

/* Where a receive will put what comes. */
static inline void
fetch_target(const struct san_overlapped *op)
{
	const char *to = op->u.buf;

	if (sani_unlikely(op->flags & SANI_OP_EXTRA))
		__builtin_prefetch(to);
	else
		sani_fetch_to_write(to + op->done);
}

/* Of an operation that is listed the structure is the stack's. */
void
sani_conn_ahead(struct sani_core *core, uint32_t sock, enum sani_ahead what)
{
	const struct san_core *k = sani_core_home(core);
	const struct sani_sock *so = &k->socks[sock];

	if (what == SANI_AHEAD_SOCK) {
		__builtin_prefetch(so);
		__builtin_prefetch((const char *)(so + 1) - 1);
		__builtin_prefetch((const void *)&k->slots->words[sock]);
		sani_fetch_to_write(&k->slots->records[sock]);
	} else if (so->recv.head != NULL) {
		if (what == SANI_AHEAD_OP)
			sani_fetch_to_write(so->recv.head);
		else
			fetch_target(so->recv.head);
	}
}
