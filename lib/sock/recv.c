/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commonest post of all by the shortest way: a receive on the owning core, whose bytes lie there and which nothing
 * stands before. It is what sani_sock_post() and sani_recv_start() do of it, in one piece; any other goes theirs.
 */
#include "sock/afar.h"
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

/* On the core of another thread. */
static __attribute__((noinline)) int
post_afar(san_handle sock, struct san_overlapped *op, void *buf, size_t len, unsigned int flags, struct san_core *k)
{
	struct sani_post p = { .sock = sock, .op = op, .buf = buf, .len = (uint32_t)len,
			       .flags = (uint16_t)flags, .kind = SAN_OP_RECV };

	if (sani_likely(len - 1 < SAN_IO_MAX) && sani_likely(sani_afar_post(k, &p, SANI_REQ_RECV)))
		return 0;
	return post(sock, op, buf, len, flags);
}

/* Is it a post like most? What is wrong with it otherwise is found out there. */
static inline bool
is_plain(const struct san_overlapped *op, const void *buf, unsigned int flags)
{
	return op != NULL && buf != NULL && (flags & ~(unsigned int)SAN_WAITALL) == 0 &&
	       (op->timeout_us | (uint32_t)sani_op_state(op)) == SANI_OP_FREE;
}

/* May the calling thread, which is here, post on the socket, with nothing before it? An id is at most 255. */
static inline bool
is_mine(const struct san_core *k, const struct sani_sock *so, san_handle sock, uint32_t id)
{
	return so->direct == (uint8_t)id && sani_word_gen(so->word) == sani_handle_gen(sock) &&
	       atomic_load_explicit(&k->slots->words[sani_handle_slot(sock)], memory_order_acquire) == so->word &&
	       so->recv.head == NULL && so->lane->left > 0;
}

/*
 * It is accepted, and has ended, with p->len bytes of c that are there. They are copied behind that: who reaps is this
 * thread, which is not back before they are. What others have written into the lane and not shown goes along.
 */
static inline __attribute__((always_inline)) int
take(struct san_core *k, struct sani_lane *lane, struct sani_tcp_conn *c, const struct sani_post *p)
{
	struct sani_record *rec = &lane->records[sani_handle_slot(p->sock)];
	struct san_overlapped *op = p->op;

	op->flags = p->flags;
	op->kind = SAN_OP_RECV;
	/* plain: nobody else looks at the state of one that is not polled */
	op->state = SANI_OP_POSTED;
	op->sock = p->sock;
	op->done = p->len;
	op->id = sani_record_next_id(rec);
	rec->posted++;
	lane->left--;
	sani_op_finish_new(lane, rec, op, SAN_OP_RECV, (int32_t)p->len);
	sani_count(&k->core->ctr, SANI_CTR_sock_ops);
	sani_count(&k->core->ctr, SANI_CTR_sock_ops_ended);
	return sani_core_read(k->core, c, p->buf, p->len);
}

/* It is accepted, and waits for p->len bytes: there are none, and the peer has not finished. */
static inline int
wait_for_bytes(struct san_core *k, struct sani_sock *so, const struct sani_post *p)
{
	struct sani_record *rec = &so->lane->records[sani_handle_slot(p->sock)];
	struct san_overlapped *op = p->op;

	op->flags = p->flags;
	op->kind = SAN_OP_RECV;
	op->sock = p->sock;
	op->u.buf = p->buf;
	op->len = p->len;
	op->done = 0;
	op->result = 0;
	op->id = sani_record_next_id(rec);
	sani_op_set(op, SANI_OP_POSTED);
	rec->posted++;
	so->lane->left--;
	so->nb_ops++;
	sani_oplist_append(&so->recv, op);
	sani_count(&k->core->ctr, SANI_CTR_sock_ops);
	return 0;
}

/*
 * There are fewer bytes than asked for, or the queue was not touched in this round. All else is looked at; it is found
 * once more, so that most posts keep nothing for it.
 */
static __attribute__((noinline)) int
take_less(san_handle sock, struct san_overlapped *op, void *buf, size_t len, unsigned int flags)
{
	struct san_core *k = sani_sock_core(sani_handle_core(sock));
	struct sani_sock *so = &k->socks[sani_handle_slot(sock)];
	struct sani_tcp_conn *c = &k->conns[so->conn];
	uint32_t n = c->rcvq.bytes;
	struct sani_post p = { .sock = sock, .op = op, .buf = buf, .len = n == 0 || len < n ? (uint32_t)len : n,
			       .flags = (uint16_t)flags };

	if (n == 0 && len - 1 < SAN_IO_MAX && !sani_tcp_at_end(c))
		return wait_for_bytes(k, so, &p);
	if (len > n && (n == 0 || flags != 0 || len > SAN_IO_MAX))
		return post(sock, op, buf, len, flags);
	if (sani_unlikely(len == 0))
		return -EINVAL;
	sani_touch_cq(k, so->lane->cq);
	return take(k, so->lane, c, &p);
}

int
sani_sock_recv(san_handle sock, struct san_overlapped *op, void *buf, size_t len, unsigned int flags)
{
	struct sani_post p = { .sock = sock, .op = op, .buf = buf, .len = (uint32_t)len, .flags = (uint16_t)flags };
	struct sani_tcp_conn *c;
	struct sani_lane *lane;
	struct sani_sock *so;
	struct san_core *k;
	uint32_t here;

	if (sani_unlikely(!is_plain(op, buf, flags)))
		return post(sock, op, buf, len, flags);
	k = sani_sock_core(sani_handle_core(sock));
	if (sani_unlikely(sani_lib_check() < 0 || k == NULL))
		return post(sock, op, buf, len, flags);
	here = atomic_load_explicit(&k->here, memory_order_relaxed);
	if (sani_unlikely(here != sani_thread_id || sani_handle_slot(sock) >= k->nb_slots))
		return post_afar(sock, op, buf, len, flags, k);
	so = &k->socks[sani_handle_slot(sock)];
	if (sani_unlikely(!is_mine(k, so, sock, here)))
		return post(sock, op, buf, len, flags);
	lane = so->lane;
	c = &k->conns[so->conn];
	if (sani_unlikely((c->flags & SANI_TCP_MAYBE_URGENT) != 0))
		return post(sock, op, buf, len, flags);
	/* 0 is no length; what is queued is less than SAN_IO_MAX */
	sani_assert(c->rcvq.bytes < SAN_IO_MAX);
	if (sani_unlikely(k->touched_last != lane->cq || len - 1 >= c->rcvq.bytes))
		return take_less(sock, op, buf, len, flags);
	return take(k, lane, c, &p);
}
