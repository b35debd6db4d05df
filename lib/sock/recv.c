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
is_plain(const struct san_overlapped *op, const void *buf, size_t len, unsigned int flags)
{
	return op != NULL && buf != NULL && len - 1 < SAN_IO_MAX && (flags & ~(unsigned int)SAN_WAITALL) == 0 &&
	       sani_op_state(op) == SANI_OP_FREE && op->timeout_us == 0;
}

/* Does the calling thread poll the core, without being about to sleep? Else nothing of it may be looked at. */
static inline bool
is_here(const struct san_core *k, uint32_t id)
{
	return id != 0 && k != NULL && atomic_load_explicit(&k->claimer, memory_order_acquire) == id && !k->sleep.armed;
}

/* May it post on the socket? */
static inline bool
is_mine(const struct sani_sock *so, san_handle sock, uint32_t id)
{
	return so->handle == sock && atomic_load_explicit(so->at, memory_order_acquire) == so->word &&
	       so->lane->thread_id == id;
}

/* Are there bytes that end it, with no mark among them? */
static inline bool
is_there(const struct sani_tcp_conn *c, size_t len, unsigned int flags)
{
	uint32_t n = c->rcvq.bytes;

	return (n >= len || (n > 0 && flags == 0)) && !(c->flags & SANI_TCP_MAYBE_URGENT);
}

/* It is accepted. */
static inline void
admit(struct sani_sock *so, san_handle sock, struct san_overlapped *op, unsigned int flags)
{
	struct sani_record *rec = so->rec;

	op->sock = sock;
	op->id = sani_record_next_id(rec);
	op->kind = SAN_OP_RECV;
	op->flags = (uint16_t)flags;
	sani_op_turn(op, SANI_OP_POSTED);
	rec->posted++;
	so->lane->used++;
}

/* And ends at once. */
static inline void
end(struct san_core *k, struct sani_sock *so, struct san_overlapped *op, uint32_t n)
{
	op->done = n;
	sani_op_finish(so->lane, so->rec, op, SAN_OP_RECV, 0, (int32_t)n);
	sani_sock_show(k, so);
	sani_count(&k->core->ctr, SANI_CTR_sock_ops);
	sani_count(&k->core->ctr, SANI_CTR_sock_ops_ended);
}

int
sani_sock_recv(san_handle sock, struct san_overlapped *op, void *buf, size_t len, unsigned int flags)
{
	struct san_core *k = sani_sock_core(sani_handle_core(sock));
	uint32_t slot = sani_handle_slot(sock);
	uint32_t id = sani_thread_id;
	struct sani_tcp_conn *c;
	struct sani_sock *so;
	uint32_t n, ev;

	if (sani_unlikely(sani_lib_check() < 0 || !is_here(k, id) || slot >= k->nb_slots ||
			  !is_plain(op, buf, len, flags)))
		return post(sock, op, buf, len, flags);
	so = &k->socks[slot];
	c = &k->conns[so->conn];
	if (sani_unlikely(!is_mine(so, sock, id) || so->phase != SANI_SOCK_CONNECTED || so->recv.head != NULL ||
			  so->lane->used == so->lane->depth || !is_there(c, len, flags)))
		return post(sock, op, buf, len, flags);
	admit(so, sock, op, flags);
	n = sani_tcp_read(c, buf, (uint32_t)len, &ev);
	end(k, so, op, n);
	if (sani_unlikely(ev != 0))
		sani_core_touch(k->core, &k->conns[so->conn], ev);
	return 0;
}
