/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commonest send by the shortest way: on the owning core, a few bytes, and no send waits before them. They are
 * the connection's when the post returns, so it is finished (O1), and the operation was never the stack's. It is what
 * sani_sock_post() and sani_send_start() do of it, in one piece; any other goes theirs.
 */
#include "sock/afar.h"
#include "sock/priv.h"
#include "sock/send.h"

#define FLAGS (SAN_POLLED | SAN_ACKED | SAN_URGENT | SAN_MORE)

/* Everything else, and all that is refused. */
static __attribute__((noinline)) int
post(san_handle sock, struct san_overlapped *op, const void *data, size_t len, unsigned int flags)
{
	/* The operation keeps one pointer for both directions; a send only reads through it. */
	struct sani_post p = { .sock = sock, .op = op, .buf = (void *)(uintptr_t)data, .len = (uint32_t)len,
			       .flags = (uint16_t)flags, .kind = SAN_OP_SEND };

	if (op == NULL || data == NULL || len == 0 || len > SAN_IO_MAX || (flags & ~(unsigned int)FLAGS) != 0)
		return -EINVAL;
	return sani_sock_post(&p);
}

/* On the core of another thread. */
static __attribute__((noinline)) int
post_afar(san_handle sock, struct san_overlapped *op, const void *data, size_t len, unsigned int flags,
	  struct san_core *k)
{
	struct sani_post p = { .sock = sock, .op = op, .buf = (void *)(uintptr_t)data, .len = (uint32_t)len,
			       .kind = SAN_OP_SEND };

	if (sani_likely(flags == 0) && sani_likely(sani_afar_post(k, &p, SANI_REQ_SEND)))
		return 0;
	return post(sock, op, data, len, flags);
}

/* Is it a post like most? Length and room are looked at where the bytes go. */
static inline bool
is_plain(const struct san_overlapped *op, const void *data, size_t len, unsigned int flags)
{
	return op != NULL && data != NULL && len - 1 < SAN_IO_MAX && (flags & ~(unsigned int)SAN_POLLED) == 0 &&
	       (op->timeout_us | (uint32_t)sani_op_state(op)) == SANI_OP_FREE;
}

/*
 * May the calling thread, which is here, post on the socket, with nothing before it? It is not parked (direct), and
 * behind a shutdown there is one before it, or the connection has its FIN and takes nothing.
 */
static inline bool
is_mine(const struct san_core *k, const struct sani_sock *so, san_handle sock, uint32_t id)
{
	return sani_word_gen(so->word) == sani_handle_gen(sock) && so->direct == id &&
	       atomic_load_explicit(&k->slots->words[sani_handle_slot(sock)], memory_order_acquire) == so->word &&
	       so->send.head == NULL && so->lane->left > 0;
}

/* It is over: what its structure says then. */
static inline int
finish(struct san_core *k, struct san_overlapped *op, san_handle sock, uint32_t len, unsigned int flags)
{
	op->sock = sock;
	op->len = len;
	op->done = len;
	op->id = sani_record_next_id(&k->slots->records[sani_handle_slot(sock)]);
	op->result = (int32_t)len;
	op->flags = (uint16_t)flags;
	op->kind = SAN_OP_SEND;
	sani_count(&k->core->ctr, SANI_CTR_sock_ops);
	sani_count(&k->core->ctr, SANI_CTR_sock_ops_ended);
	return 1;
}

int
sani_sock_send(san_handle sock, struct san_overlapped *op, const void *data, size_t len, unsigned int flags)
{
	struct san_core *k = sani_sock_core(sani_handle_core(sock));
	uint32_t slot = sani_handle_slot(sock);
	uint32_t id = sani_thread_id;
	const struct sani_sock *so;
	struct sani_tcp_conn *c;

	if (sani_unlikely(sani_lib_check() < 0 || k == NULL || !is_plain(op, data, len, flags)))
		return post(sock, op, data, len, flags);
	if (sani_unlikely(!sani_is_here(k, id) || slot >= k->nb_slots))
		return post_afar(sock, op, data, len, flags, k);
	so = &k->socks[slot];
	if (sani_unlikely(!is_mine(k, so, sock, id)))
		return post(sock, op, data, len, flags);
	c = &k->conns[so->conn];
	if (sani_unlikely(c->more || !sani_core_write_plain(k->core, c, data, (uint32_t)len)))
		return post(sock, op, data, len, flags);
	return finish(k, op, sock, (uint32_t)len, flags);
}
