/* SPDX-License-Identifier: BSD-3-Clause */
#include "sock/priv.h"

/* 0, or why a transfer cannot be posted in this phase. */
static int
check_phase(const struct sani_sock *so)
{
	if (so->phase == SANI_SOCK_DEAD)
		return -so->error;
	return so->phase == SANI_SOCK_CONNECTED ? 0 : -ENOTCONN;
}

/* With Fast Open the stream begins while the connection is being opened. */
static int
check_send(const struct san_core *k, const struct sani_sock *so, const struct san_overlapped *op)
{
	int rc = check_phase(so);

	if (sani_unlikely(rc == -ENOTCONN) && so->phase == SANI_SOCK_CONNECTING &&
	    sani_sock_options(k, so)->tune.fast != 0 && !(op->flags & SAN_URGENT))
		return 0;
	return rc;
}

/* Have both FINs come through? CLOSED with an error is yet to be told, with its reason. */
static bool
is_disconnected(const struct sani_tcp_conn *c)
{
	return sani_tcp_state(c) == SAN_TCP_TIME_WAIT ||
	       (sani_tcp_state(c) == SAN_TCP_CLOSED && sani_tcp_error(c) == 0);
}

/* Is an operation of the send list over? All of it was given to the connection. */
static bool
send_is_over(const struct sani_sock *so, const struct san_overlapped *op,
	     const struct sani_tcp_conn *c, uint64_t acked)
{
	if (op->kind == SAN_OP_SHUTDOWN)
		return so->fin_acked;
	if (op->kind == SAN_OP_DISCONNECT)
		return is_disconnected(c);
	if (!(op->flags & SAN_ACKED))
		return true;
	if (sani_unlikely(op->flags & SANI_OP_EXTRA))
		return sani_lent_is_over(op, acked);
	return acked >= op->u.end;
}

static void
end_sent(struct san_core *k, struct sani_sock *so, const struct sani_tcp_conn *c)
{
	uint64_t acked = sani_tcp_acked(c);
	struct san_overlapped *op;

	while ((op = so->send.head) != so->unsent && send_is_over(so, op, c, acked))
		sani_op_end(k, so, op, (int32_t)op->len);
}

/* A send of several buffers: give what is left of them, as far as there is room. @return How many bytes. */
static uint32_t
write_all(struct san_core *k, struct sani_tcp_conn *c, struct san_overlapped *op, struct sani_tcp_io *io,
	  uint32_t *ev)
{
	bool lent = sani_op_extra(op)->nb_mem > 0;
	uint32_t before = op->done, taken, len;

	do {
		const void *data = sani_extra_at(op, &len);

		if (lent)
			taken = sani_lent_write(k, c, op, io, ev);
		else
			*ev |= sani_tcp_write(c, data, len, io, &taken);
		op->done += taken;
	} while (taken == len && op->done < op->len);
	if (sani_op_extra(op)->by_mem && !lent && op->done == op->len)
		sani_count_n(&k->core->ctr, SANI_CTR_lend_unregistered, sani_op_extra(op)->nb);
	return op->done - before;
}

/* What the flags of a send say about the bytes that were just written. */
static uint32_t
mark_written(struct sani_tcp_conn *c, const struct san_overlapped *op, uint64_t now_us)
{
	uint32_t ev = sani_tcp_more(c, op->flags & SAN_MORE, now_us);

	return op->flags & SAN_URGENT ? ev | sani_tcp_urge(c) : ev;
}

/* Give the connection what is left of op; true when that was all. */
static bool
give(struct san_core *k, struct sani_tcp_conn *c, struct san_overlapped *op, uint32_t *ev)
{
	struct sani_tcp_io io = sani_core_io(k->core);
	uint32_t taken = 0;

	if (op->kind != SAN_OP_SEND) {
		*ev |= sani_tcp_shutdown(c);
		return true;
	}
	if (sani_unlikely(op->flags & SANI_OP_EXTRA)) {
		taken = write_all(k, c, op, &io, ev);
	} else {
		*ev |= sani_tcp_write(c, (const char *)op->u.data + op->done, op->len - op->done,
				      &io, &taken);
		op->done += taken;
	}
	if (sani_unlikely((op->flags & (SAN_URGENT | SAN_MORE)) || c->more) && taken > 0)
		*ev |= mark_written(c, op, io.now_us);
	return op->done == op->len;
}

/* All of it is the connection's, up to stream offset end. */
static void
note_given(struct san_overlapped *op, uint64_t end)
{
	if (sani_unlikely(op->flags & SANI_OP_EXTRA)) {
		if (sani_op_extra(op)->nb_mem > 0) {
			sani_lent_given(op, end);
			return;
		}
		sani_op_drop_extra(op);
	}
	/* u was the caller's buffers up to here; nothing reads them any more */
	op->u.end = end;
}

void
sani_send_settle(struct san_core *k, struct sani_sock *so)
{
	struct san_overlapped *op;

	while ((op = so->send.head) != NULL && sani_op_state(op) == SANI_OP_CANCELLING && !sani_lent_is_out(op))
		sani_op_end(k, so, op, op->result);
	if (op != NULL && so->conn != SANI_NONE)
		end_sent(k, so, sani_sock_conn(k, so));
}

/* Give the connection what it takes. */
static void
give_unsent(struct san_core *k, struct sani_sock *so, struct sani_tcp_conn *c)
{
	uint32_t ev = 0;

	while (so->unsent != NULL && give(k, c, so->unsent, &ev)) {
		note_given(so->unsent, sani_tcp_written(c));
		so->unsent = so->unsent->next;
	}
	if (so->unsent != NULL) {
		sani_core_await_pool(k->core, c);
		if (so->unsent->done > 0)
			sani_op_set(so->unsent, SANI_OP_ACTIVE);
	}
	sani_core_touch(k->core, c, ev);
}

void
sani_send_pump(struct san_core *k, struct sani_sock *so)
{
	struct sani_tcp_conn *c = sani_sock_conn(k, so);

	if (sani_unlikely(so->owning))
		sani_lent_own_rest(k, so);
	if (so->unsent != NULL)
		give_unsent(k, so, c);
	end_sent(k, so, c);
}

/* From here on what is acknowledged moves it on. */
static void
list_send(struct sani_sock *so, struct sani_tcp_conn *c, struct san_overlapped *op)
{
	sani_oplist_append(&so->send, op);
	c->owner.tell_acks = 1;
}

static void
queue_send(struct san_core *k, struct sani_sock *so, struct san_overlapped *op)
{
	list_send(so, sani_sock_conn(k, so), op);
	if (so->unsent == NULL)
		so->unsent = op;
	sani_send_pump(k, so);
}

/* A send of which the connection has taken what it could: the next acknowledgement takes it on, or its turn. */
static void
wait_for_room(struct san_core *k, struct sani_sock *so, struct sani_tcp_conn *c, struct san_overlapped *op)
{
	sani_core_await_pool(k->core, c);
	list_send(so, c, op);
	so->unsent = op;
	if (op->done > 0)
		sani_op_set(op, SANI_OP_ACTIVE);
}

int
sani_send_start(struct san_core *k, struct sani_sock *so, struct san_overlapped *op)
{
	struct sani_tcp_conn *c;
	uint32_t ev = 0;
	bool done;
	int rc = check_send(k, so, op);

	if (rc == 0 && (so->shut || so->phase == SANI_SOCK_DEAD))
		rc = -EPIPE;
	if (rc < 0)
		return rc;
	if (so->send.head != NULL || (op->flags & SAN_ACKED)) {
		queue_send(k, so, op);
		return 0;
	}
	c = sani_sock_conn(k, so);
	done = give(k, c, op, &ev);
	sani_core_touch(k->core, c, ev);
	if (!done) {
		wait_for_room(k, so, c, op);
		return 0;
	}
	return 1;
}

int
sani_shutdown_start(struct san_core *k, struct sani_sock *so, struct san_overlapped *op)
{
	struct sani_tcp_conn *c;
	int rc = check_phase(so);

	if (rc == 0 && (so->shut || so->phase == SANI_SOCK_DEAD))
		rc = -EPIPE;
	if (rc < 0)
		return rc;
	so->shut = true;
	if (sani_unlikely(so->send.head != NULL)) {
		queue_send(k, so, op);
		return 0;
	}
	/* nothing is to be given before it, and it ends no sooner than its FIN is acknowledged */
	c = sani_sock_conn(k, so);
	list_send(so, c, op);
	sani_core_touch(k->core, c, sani_tcp_shutdown(c));
	return 0;
}

/* Whatever is under way: RST, and the socket is dead. */
static int
abort_connection(struct san_core *k, struct sani_sock *so, struct san_overlapped *op)
{
	struct sani_tcp_conn *c = sani_sock_conn(k, so);

	so->conn = SANI_NONE;
	so->error = ECONNABORTED;
	sani_sock_enter(k, so, SANI_SOCK_DEAD);
	sani_core_conn_close(k->core, c);
	sani_op_end_all(k, so, &so->recv, -ECONNABORTED);
	sani_op_end_all(k, so, &so->send, -ECONNABORTED);
	if (so->connect != NULL)
		sani_op_end(k, so, so->connect, -ECONNABORTED);
	sani_op_end(k, so, op, 0);
	return 0;
}

/* Of a connection that is over it ends at once. */
int
sani_disconnect_start(struct san_core *k, struct sani_sock *so, struct san_overlapped *op)
{
	int rc = check_phase(so);

	if (rc < 0)
		return rc;
	if (op->flags & SAN_ABORT)
		return abort_connection(k, so, op);
	so->shut = true;
	queue_send(k, so, op);
	return 0;
}

/* Is a receive over, and with what? False: it waits for more. */
static bool
recv_is_over(const struct sani_tcp_conn *c, const struct san_overlapped *op)
{
	if (op->done == op->len)
		return true;
	if (op->done > 0 && !(op->flags & SAN_WAITALL))
		return true;
	return sani_tcp_at_end(c);
}

/* The same with a least number of bytes. */
static bool
extra_is_over(const struct sani_tcp_conn *c, const struct san_overlapped *op)
{
	uint32_t least = op->flags & SAN_WAITALL ? op->len : sani_op_extra(op)->min;

	return op->done >= least || sani_tcp_at_end(c);
}

/* Fill several buffers with what there is. */
static void
read_all(struct sani_tcp_conn *c, struct san_overlapped *op, uint32_t *ev)
{
	uint32_t len, n, one;

	do {
		void *buf = sani_extra_at(op, &len);

		n = sani_tcp_read(c, buf, len, &one);
		*ev |= one;
		op->done += n;
	} while (n == len && op->done < op->len);
}

static bool
wait_for_more(struct san_overlapped *op)
{
	if (op->done > 0)
		sani_op_set(op, SANI_OP_ACTIVE);
	return false;
}

/* Fill the buffer with what there is. True: the receive is over. */
static inline bool
read_one(struct sani_tcp_conn *c, struct san_overlapped *op, uint32_t *ev)
{
	uint32_t one;

	op->done += sani_tcp_read(c, (char *)op->u.buf + op->done, op->len - op->done, &one);
	*ev |= one;
	return recv_is_over(c, op) || wait_for_more(op);
}

/* A repeating receive: the next piece, or its end. False: it waits. */
static bool
recv_piece(struct san_core *k, struct sani_sock *so, struct san_overlapped *op, uint32_t *ev)
{
	struct sani_tcp_conn *c = sani_sock_conn(k, so);
	uint32_t len;

	if (sani_tcp_at_end(c) && op->done == 0) {
		sani_op_end(k, so, op, 0);
		return true;
	}
	if (sani_tcp_readable(c) > 0) {
		if (!sani_repeat_has_piece(so, op)) {
			sani_repeat_pause(k, so);
			return false;
		}
		read_all(c, op, ev);
	}
	if (op->done == 0 || !extra_is_over(c, op))
		return wait_for_more(op);
	sani_repeat_put(k, so, op, (uintptr_t)sani_extra_at(op, &len) - op->done);
	return true;
}

/* A receive with an extra. False: it waits. */
static bool
recv_extra(struct san_core *k, struct sani_sock *so, struct san_overlapped *op, uint32_t *ev)
{
	struct sani_tcp_conn *c = sani_sock_conn(k, so);

	if (op->flags & SANI_OP_REPEAT)
		return recv_piece(k, so, op, ev);
	if (sani_op_extra(op)->loans != NULL)
		return sani_loan_recv(k, so, op, ev);
	read_all(c, op, ev);
	if (!extra_is_over(c, op))
		return wait_for_more(op);
	sani_op_end(k, so, op, (int32_t)op->done);
	return true;
}

void
sani_recv_pump(struct san_core *k, struct sani_sock *so)
{
	struct sani_tcp_conn *c = sani_sock_conn(k, so);
	struct san_overlapped *op;
	uint32_t ev = 0;

	while ((op = so->recv.head) != NULL) {
		if (sani_unlikely(sani_tcp_urgent(c) > 0))
			op->flags |= SAN_URGENT;
		if (sani_unlikely(op->flags & SANI_OP_EXTRA)) {
			if (!recv_extra(k, so, op, &ev))
				break;
			continue;
		}
		if (!read_one(c, op, &ev))
			break;
		sani_op_end(k, so, op, (int32_t)op->done);
	}
	sani_core_touch(k->core, c, ev);
}

/* One that nothing waits before. True: it is over, and ends without ever having been listed. */
static bool
recv_at_once(struct san_core *k, struct sani_sock *so, struct san_overlapped *op)
{
	struct sani_tcp_conn *c = sani_sock_conn(k, so);
	uint32_t ev = 0;
	bool over;

	if (sani_tcp_readable(c) == 0 && !sani_tcp_at_end(c))
		return false;
	if (sani_unlikely(sani_tcp_urgent(c) > 0))
		op->flags |= SAN_URGENT;
	over = read_one(c, op, &ev);
	if (over)
		sani_op_end(k, so, op, (int32_t)op->done);
	sani_core_touch(k->core, c, ev);
	return over;
}

/* The oldest, which is no plain one. Of one that repeats most often nothing has come yet, or its first piece. */
static void
begin_extra(struct san_core *k, struct sani_sock *so, struct san_overlapped *op)
{
	struct sani_tcp_conn *c = sani_sock_conn(k, so);

	if ((op->flags & SANI_OP_REPEAT) && c->state == SAN_TCP_ESTABLISHED && !(c->flags & SANI_TCP_MAYBE_URGENT) &&
	    (c->rcvq.bytes == 0 || sani_repeat_take(k, so, c)))
		return;
	sani_recv_pump(k, so);
}

int
sani_recv_start(struct san_core *k, struct sani_sock *so, struct san_overlapped *op)
{
	int rc = check_phase(so);
	bool first = so->recv.head == NULL;

	if (rc < 0)
		return rc;
	if (first && sani_likely(!(op->flags & SANI_OP_EXTRA)) && recv_at_once(k, so, op))
		return 0;
	sani_oplist_append(&so->recv, op);
	/* What stands before it has had all there is. */
	if (first && sani_unlikely(op->flags & SANI_OP_EXTRA))
		begin_extra(k, so, op);
	return 0;
}
