/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include <san/post.h>

#include "sock/batch.h"
#include "sock/recv.h"
#include "sock/send.h"
#include "sock/sock.h"

static bool
flags_ok(unsigned int flags, unsigned int accepted)
{
	return (flags & ~accepted) == 0;
}

static int
post(san_handle sock, struct san_overlapped *op, enum san_op_kind kind, unsigned int flags)
{
	struct sani_post p = { .sock = sock, .op = op, .kind = (uint8_t)kind,
			       .flags = (uint16_t)flags };

	if (op == NULL || !flags_ok(flags, SAN_POLLED))
		return -EINVAL;
	return sani_sock_post(&p);
}

int
san_accept(san_handle listener, struct san_overlapped *op, unsigned int flags)
{
	return post(listener, op, SAN_OP_ACCEPT, flags);
}

int
san_accept_repeat(san_handle listener, struct san_overlapped *op, unsigned int k)
{
	struct sani_post_extra x = { .repeat = k };
	struct sani_post p = { .sock = listener, .op = op, .kind = SAN_OP_ACCEPT, .extra = &x };

	if (op == NULL || k == 0 || k > SAN_REPEAT_MAX)
		return -EINVAL;
	return sani_sock_post(&p);
}

int
san_shutdown(san_handle sock, struct san_overlapped *op, unsigned int flags)
{
	return post(sock, op, SAN_OP_SHUTDOWN, flags);
}

int
san_disconnect(san_handle sock, struct san_overlapped *op, unsigned int flags)
{
	struct sani_post p = { .sock = sock, .op = op, .kind = SAN_OP_DISCONNECT,
			       .flags = (uint16_t)flags };

	if (op == NULL || !flags_ok(flags, SAN_POLLED | SAN_ABORT))
		return -EINVAL;
	return sani_sock_post(&p);
}

int
san_watch(san_handle sock, struct san_overlapped *op, unsigned int flags)
{
	struct sani_post p = { .sock = sock, .op = op, .kind = SAN_OP_WATCH, .flags = (uint16_t)flags };

	if (op == NULL || !flags_ok(flags, SAN_POLLED | SAN_ABORT))
		return -EINVAL;
	return sani_sock_post(&p);
}

/* RFC 9293 MUST-46: only a unicast address is a place to connect to. */
static bool
is_peer(const struct san_addr *peer)
{
	union sani_ip ip;
	uint32_t first;

	memcpy(ip.b, peer->ip, sizeof(ip.b));
	if (!sani_ip_is_v4(&ip) || peer->port == 0)
		return false;
	first = ip.b[12];
	return first != 0 && first < 224;
}

int
san_connect(san_handle sock, struct san_overlapped *op, const struct san_addr *peer,
	    unsigned int flags)
{
	struct sani_post p = { .sock = sock, .op = op, .kind = SAN_OP_CONNECT, .peer = peer,
			       .flags = (uint16_t)flags };

	if (op == NULL || peer == NULL || !flags_ok(flags, SAN_POLLED) || !is_peer(peer))
		return -EINVAL;
	return sani_sock_post(&p);
}

int
san_send(san_handle sock, struct san_overlapped *op, const void *data, size_t len,
	 unsigned int flags)
{
	return sani_sock_send(sock, op, data, len, flags);
}

int
san_recv(san_handle sock, struct san_overlapped *op, void *buf, size_t len, unsigned int flags)
{
	return sani_sock_recv(sock, op, buf, len, flags);
}

/* The length of all buffers; 0: one that cannot be. */
static size_t
sum_of(const struct san_vec *vec, unsigned int nb)
{
	size_t sum = 0;
	unsigned int i;

	if (vec == NULL || nb == 0 || nb > SAN_VEC_MAX)
		return 0;
	for (i = 0; i < nb; i++) {
		if (vec[i].len > SAN_IO_MAX || (vec[i].base == NULL && vec[i].len > 0))
			return 0;
		sum += vec[i].len;	/* 16 of them do not overflow */
	}
	return sum;
}

static int
transfer_vec(struct sani_post *p, const struct sani_post_extra *x)
{
	size_t len = sum_of(x->vec, x->nb);

	if (p->op == NULL || len == 0 || len > SAN_IO_MAX || x->min > len)
		return -EINVAL;
	p->extra = x;
	p->len = (uint32_t)len;
	return sani_sock_post(p);
}

int
san_sendv(san_handle sock, struct san_overlapped *op, const struct san_vec *vec, unsigned int nb,
	  unsigned int flags)
{
	struct sani_post_extra x = { .vec = vec, .nb = nb };
	struct sani_post p = { .sock = sock, .op = op, .kind = SAN_OP_SEND,
			       .flags = (uint16_t)flags };

	if (!flags_ok(flags, SAN_POLLED | SAN_ACKED | SAN_URGENT | SAN_MORE))
		return -EINVAL;
	return transfer_vec(&p, &x);
}

int
san_recvv(san_handle sock, struct san_overlapped *op, const struct san_vec *vec, unsigned int nb,
	  size_t min, unsigned int flags)
{
	struct sani_post_extra x = { .vec = vec, .nb = nb, .min = (uint32_t)min };
	struct sani_post p = { .sock = sock, .op = op, .kind = SAN_OP_RECV,
			       .flags = (uint16_t)flags };

	if (!flags_ok(flags, SAN_POLLED | SAN_WAITALL) || min == 0 || min > SAN_IO_MAX)
		return -EINVAL;
	return transfer_vec(&p, &x);
}

int
san_recv_repeat(san_handle sock, struct san_overlapped *op, struct san_pieces *pieces,
		unsigned int flags)
{
	struct sani_post_extra x = { .pieces = pieces, .min = 1 };
	struct sani_post p = { .sock = sock, .op = op, .kind = SAN_OP_RECV, .extra = &x,
			       .flags = (uint16_t)flags };

	if (op == NULL || pieces == NULL || pieces->mem == NULL || pieces->size == 0 ||
	    pieces->size > SAN_IO_MAX || pieces->nb == 0 || pieces->nb > SAN_REPEAT_MAX ||
	    !flags_ok(flags, SAN_WAITALL))
		return -EINVAL;
	p.len = pieces->size;
	x.repeat = pieces->nb;
	return sani_sock_post(&p);
}

/* What the post of a kind accepts; 0: it cannot be described. All accept SAN_POLLED. */
static unsigned int
flags_of(uint8_t kind)
{
	switch ((enum san_op_kind)kind) {
	case SAN_OP_SEND:
		return SAN_POLLED | SAN_ACKED | SAN_URGENT | SAN_MORE;
	case SAN_OP_RECV:
		return SAN_POLLED | SAN_WAITALL;
	case SAN_OP_DISCONNECT:
	case SAN_OP_WATCH:
		return SAN_POLLED | SAN_ABORT;
	case SAN_OP_ACCEPT:
	case SAN_OP_SHUTDOWN:
		return SAN_POLLED;
	case SAN_OP_NONE:
	case SAN_OP_CONNECT:
	case SAN_OP_CLOSE:
		break;
	}
	return 0;
}

static bool
request_ok(const struct san_request *r)
{
	bool moves = r->kind == SAN_OP_SEND || r->kind == SAN_OP_RECV;

	if (r->op == NULL || flags_of(r->kind) == 0 || !flags_ok(r->flags, flags_of(r->kind)))
		return false;
	return moves ? r->buf != NULL && r->len > 0 && r->len <= SAN_IO_MAX : r->buf == NULL && r->len == 0;
}

static int
post_one(struct sani_batch *b, const struct san_request *r)
{
	struct sani_post p = { .sock = r->sock, .op = r->op, .buf = r->buf, .len = r->len, .flags = r->flags,
			       .kind = r->kind };

	return request_ok(r) ? sani_batch_post(b, &p) : -EINVAL;
}

int
san_post(struct san_request *req, unsigned int nb)
{
	struct sani_batch b = { .core = NULL };
	unsigned int n = 0;

	if (req == NULL || nb == 0 || nb > INT32_MAX)
		return -EINVAL;
	for (;;) {
		n += sani_batch_row(&b, req + n, nb - n);
		if (n == nb)
			break;
		req[n].answer = post_one(&b, &req[n]);
		if (req[n].answer < 0 || ++n == nb)
			break;
	}
	sani_batch_end(&b);
	return (int)n;
}

int
san_cancel(san_handle sock, uint32_t id)
{
	return sani_sock_cancel(sock, id);
}

int
san_cancel_all(san_handle sock)
{
	return sani_sock_cancel_all(sock);
}
