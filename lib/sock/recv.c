/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commonest post of all by the shortest way: a receive on the owning core, whose bytes lie there and which nothing
 * stands before. It is what sani_sock_post() and sani_recv_start() do of it, in one piece; any other goes theirs.
 */
#include "sock/end.h"
#include "sock/priv.h"
#include "sock/recv.h"

/* Everything else, and all that is refused. */
static __attribute__((noinline)) int
post(san_handle sock, struct san_overlapped *op, void *buf, size_t len, unsigned int flags)
{
	struct sani_post p = { .sock = sock, .op = op, .buf = buf, .len = (uint32_t)len,
			       .flags = (uint16_t)flags, .kind = SAN_OP_RECV };

	if (op == NULL || buf == NULL || len == 0 || len > SAN_IO_MAX ||
	    (flags & ~(unsigned int)(SAN_POLLED | SAN_WAITALL)) != 0)
		return -EINVAL;
	return sani_sock_post(&p);
}

/* Is it a post like most? What is wrong with it otherwise is found out there. */
static inline bool
is_plain(const struct san_overlapped *op, const void *buf, unsigned int flags)
{
	return op != NULL && buf != NULL && (flags & ~(unsigned int)SAN_WAITALL) == 0 &&
	       (op->timeout_us | (uint32_t)sani_op_state(op)) == SANI_OP_FREE;
}

/* May the calling thread, which is here, post on the socket, with nothing before it? */
static inline bool
is_mine(const struct san_core *k, const struct sani_sock *so, san_handle sock, uint32_t id)
{
	return sani_word_gen(so->word) == sani_handle_gen(sock) && so->direct == id &&
	       atomic_load_explicit(&k->slots->words[sani_handle_slot(sock)], memory_order_acquire) == so->word &&
	       so->recv.head == NULL && so->lane->left > 0;
}

/*
 * It is accepted, and has ended, with n bytes that are there. They are copied behind that: who reaps is this thread,
 * which is not back before they are. What others have written into the lane and not shown goes along.
 */
static inline __attribute__((always_inline)) int
take(struct san_core *k, struct sani_sock *so, struct san_overlapped *op, void *buf, uint32_t n, unsigned int flags)
{
	struct sani_record *rec = sani_sock_record(so);
	struct sani_lane *lane = so->lane;

	op->flags = (uint16_t)flags;
	op->kind = SAN_OP_RECV;
	/* plain: nobody else looks at the state of one that is not polled */
	op->state = SANI_OP_POSTED;
	op->sock = sani_sock_handle(so);
	op->done = n;
	op->id = sani_record_next_id(rec);
	rec->posted++;
	lane->left--;
	sani_op_finish_new(lane, rec, op, SAN_OP_RECV, (int32_t)n);
	sani_count(&k->core->ctr, SANI_CTR_sock_ops);
	sani_count(&k->core->ctr, SANI_CTR_sock_ops_ended);
	return sani_core_read(k->core, &k->conns[so->conn], buf, n);
}

/* There are fewer bytes than asked for, or the queue was not touched in this round. */
static __attribute__((noinline)) int
take_less(struct san_core *k, struct sani_sock *so, struct san_overlapped *op, void *buf, size_t len,
	  unsigned int flags)
{
	uint32_t n = k->conns[so->conn].rcvq.bytes;

	if (len > n && (n == 0 || flags != 0 || len > SAN_IO_MAX))
		return post(sani_sock_handle(so), op, buf, len, flags);
	if (sani_unlikely(len == 0))
		return -EINVAL;
	sani_touch_cq(k, so->lane->cq);
	return take(k, so, op, buf, len < n ? (uint32_t)len : n, flags);
}

int
sani_sock_recv(san_handle sock, struct san_overlapped *op, void *buf, size_t len, unsigned int flags)
{
	struct san_core *k = sani_sock_core(sani_handle_core(sock));
	uint32_t slot = sani_handle_slot(sock);
	uint32_t id = sani_thread_id;
	const struct sani_tcp_conn *c;
	struct sani_sock *so;

	if (sani_unlikely(sani_lib_check() < 0 || k == NULL || !sani_is_here(k, id) || slot >= k->nb_slots ||
			  !is_plain(op, buf, flags)))
		return post(sock, op, buf, len, flags);
	so = &k->socks[slot];
	if (sani_unlikely(!is_mine(k, so, sock, id)))
		return post(sock, op, buf, len, flags);
	c = &k->conns[so->conn];
	if (sani_unlikely(so->conn >= SANI_CONN_PARKED || (c->flags & SANI_TCP_MAYBE_URGENT) != 0))
		return post(sock, op, buf, len, flags);
	/* 0 is no length; what is queued is less than SAN_IO_MAX */
	sani_assert(c->rcvq.bytes < SAN_IO_MAX);
	if (sani_unlikely(len - 1 >= c->rcvq.bytes || k->touched_last != so->lane->cq))
		return take_less(k, so, op, buf, len, flags);
	return take(k, so, op, buf, (uint32_t)len, flags);
}

/* Ended by what the request says. */
static inline void
end_unseen(struct san_core *k, struct sani_sock *so, struct san_overlapped *op, int32_t result)
{
	sani_op_finish_unseen(so->lane, sani_sock_record(so), op, SAN_OP_RECV, result);
	sani_sock_show(k, so);
	sani_count(&k->core->ctr, SANI_CTR_sock_ops);
	sani_count(&k->core->ctr, SANI_CTR_sock_ops_ended);
}

/* The result of a receive that is over at once, or -EINPROGRESS. What is there is copied. */
static inline int32_t
receive_unseen(struct san_core *k, struct sani_sock *so, const struct sani_req *req)
{
	struct sani_tcp_conn *c;
	uint32_t n;

	if (sani_unlikely(so->close != SANI_CLOSE_NONE)) {
		sani_count(&k->core->ctr, SANI_CTR_sock_stale_posts);
		return -ECANCELED;
	}
	if (so->phase != SANI_SOCK_CONNECTED)
		return so->phase == SANI_SOCK_DEAD && so->error == 0 ? -EINPROGRESS :
		       so->phase == SANI_SOCK_DEAD ? -so->error : -ENOTCONN;
	/* nothing is unread of one that is parked */
	if (so->conn >= SANI_CONN_PARKED)
		return -EINPROGRESS;
	c = &k->conns[so->conn];
	n = c->rcvq.bytes;
	if (so->recv.head != NULL || n == 0 || (n < req->id && req->flags != 0) || (c->flags & SANI_TCP_MAYBE_URGENT))
		return -EINPROGRESS;
	n = n < req->id ? n : req->id;
	sani_core_read(k->core, c, req->buf, n);
	return (int32_t)n;
}

void
sani_recv_off_core(struct san_core *k, const struct sani_req *req)
{
	struct sani_sock *so = &k->socks[sani_handle_slot(req->sock)];
	int32_t result;

	/* The fence keeps a slot until every post that read it OPEN has been met here (O7). */
	sani_assert(so == sani_sock_of(k, req->sock));
	sani_sock_rebind(k, so);
	result = sani_unlikely(k->gone_here) ? -EINPROGRESS : receive_unseen(k, so, req);
	k->waits = result == -EINPROGRESS;
	if (k->waits)
		sani_op_start_off_core(k, so, req->op);
	else
		end_unseen(k, so, req->op, result);
}
