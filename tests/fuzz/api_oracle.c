/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "api.h"

#define LIST_END 0

/* What every post may answer, and each kind of its own (san/post.h). */
static const int refusals[] = { -EAGAIN, -ENOTSOCK, -EINVAL, -EPERM, LIST_END };
/* A post with a deadline, without room for it (san/op.h). */
#define OF_TRANSFER -ENOTCONN, -ECONNRESET, -ETIMEDOUT, -ECONNABORTED

static const int refused_with[16][8] = {
	[SAN_OP_ACCEPT] = { LIST_END },
	[SAN_OP_CONNECT] = { -EISCONN, LIST_END },
	[SAN_OP_SEND] = { OF_TRANSFER, -EPIPE, -EACCES, -EFAULT, LIST_END },
	[SAN_OP_RECV] = { OF_TRANSFER, -EACCES, -EFAULT, LIST_END },
	[SAN_OP_SHUTDOWN] = { OF_TRANSFER, -EPIPE, LIST_END },
	[SAN_OP_DISCONNECT] = { OF_TRANSFER, -EPIPE, LIST_END },
	[SAN_OP_WATCH] = { OF_TRANSFER, -EBUSY, LIST_END },
};

/* What a completion may say: what came through a ring is refused there. */
static const int ends[] = { -ECANCELED, -ETIMEDOUT, -EINVAL, -ENOBUFS, LIST_END };
static const int ends_with[][8] = {
	[SAN_OP_ACCEPT] = { -ENFILE, LIST_END },
	[SAN_OP_CONNECT] = { -ECONNREFUSED, -EHOSTUNREACH, -ENETUNREACH, -EADDRNOTAVAIL, -EISCONN, LIST_END },
	[SAN_OP_SEND] = { OF_TRANSFER, -EPIPE, LIST_END },
	[SAN_OP_RECV] = { OF_TRANSFER, LIST_END },
	[SAN_OP_SHUTDOWN] = { OF_TRANSFER, -EPIPE, LIST_END },
	[SAN_OP_DISCONNECT] = { OF_TRANSFER, -EPIPE, LIST_END },
	[SAN_OP_WATCH] = { OF_TRANSFER, -EBUSY, LIST_END },
};

static bool
is_in(const int *list, int value)
{
	while (*list != LIST_END && *list != value)
		list++;
	return *list != LIST_END;
}

struct api_sock *
api_find(san_handle h)
{
	for (unsigned int i = api.nb_socks; i-- > 0;)
		if (api.sock[i].h == h)
			return &api.sock[i];
	return NULL;
}

void
api_adopt(san_handle h)
{
	fuzz_require(h != SAN_NO_HANDLE && api_find(h) == NULL);
	fuzz_require(api.nb_socks < API_SOCKS);
	api.sock[api.nb_socks++] = (struct api_sock){ .h = h };
}

void
api_begin(struct api_op *op, san_handle sock, enum san_op_kind kind, uint32_t most)
{
	fuzz_require(!op->pending);
	op->user = op->o.user = ++api.serial;
	op->sock = sock;
	op->most = most;
	op->nb_held = 0;
	op->kind = (uint8_t)kind;
	op->repeats = op->lends = false;
}

/* A stale handle reaches nothing, whatever else is wrong with the call. */
void
api_answered(struct api_op *op, int rc)
{
	struct api_sock *s = api_find(op->sock);

	fuzz_require(op->o.user == op->user);
	if (rc < 0) {
		bool timed = op->o.timeout_us != 0 && rc == -ENOBUFS;

		fuzz_require(is_in(refusals, rc) || is_in(refused_with[op->kind], rc) || timed);
		fuzz_require(rc != -EPERM || !api_may_ask());
		return;
	}
	fuzz_require(s != NULL && !s->is_closing);
	if (rc == 0) {
		op->pending = true;
		op->may_pass = op->o.timeout_us != 0;
		op->order = ++s->last_post[op->kind];
		s->nb_pending++;
		return;
	}
	fuzz_require(rc == 1 && op->kind == SAN_OP_SEND && !(op->o.flags & SAN_ACKED));
	fuzz_require(op->o.result == (int32_t)op->most);
}

void
api_close(san_handle h)
{
	struct api_sock *s = api_find(h);
	uint64_t user = ++api.serial;
	int rc = san_close(h, user);

	if (rc == -EPERM) {
		fuzz_require(!api_may_ask());
		return;
	}
	if (s == NULL || s->is_closing) {
		fuzz_require(rc == -ENOTSOCK);
		return;
	}
	fuzz_require(rc == 0);
	s->is_closing = true;
	s->user = user;
}

static void
check_result(const struct api_op *op, int32_t result)
{
	if (result < 0) {
		fuzz_require(is_in(ends, result) || is_in(ends_with[op->kind], result));
		return;
	}
	if (op->kind == SAN_OP_SEND)
		fuzz_require((uint32_t)result == op->most);
	else
		fuzz_require((uint32_t)result <= op->most);
}

static void
check_loans(const struct api_op *op, int32_t result)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < API_LOANS; i++)
		if (op->loans[i].base != NULL)
			sum += op->loans[i].len;
	fuzz_require(sum == (result > 0 ? (uint32_t)result : 0));
}

void
api_cancels(san_handle sock, bool all, uint32_t id)
{
	for (unsigned int i = 0; i < API_OPS; i++)
		if (api.op[i].pending && api.op[i].sock == sock && (all || api.op[i].o.id == id))
			api.op[i].may_pass = true;
}

/* By the core, of a post that came through a ring: that ends at once, before what is pending. */
static bool
was_refused(int32_t result)
{
	return result == -EPIPE || result == -ENOTCONN || result == -EINVAL || result == -ENOBUFS;
}

/* Receives end in the order of their posts, sends and accepts too (san/op.h). When a polled one ends nobody knows. */
static void
check_order(const struct api_op *op, struct api_sock *s, int32_t result)
{
	if (op->may_pass || op->repeats || (op->o.flags & SAN_POLLED) || was_refused(result))
		return;
	if (op->kind != SAN_OP_ACCEPT && op->kind != SAN_OP_SEND && op->kind != SAN_OP_RECV)
		return;
	fuzz_require(op->order > s->last_end[op->kind]);
	s->last_end[op->kind] = op->order;
}

/* Its last word. */
static void
note_end(struct api_op *op, int32_t result)
{
	struct api_sock *s = api_find(op->sock);

	fuzz_require(op->pending && s != NULL && !s->is_closed && s->nb_pending > 0);
	check_result(op, result);
	check_order(op, s, result);
	if (op->lends)
		check_loans(op, result);
	op->pending = false;
	s->nb_pending--;
}

static void
note_close(const struct san_completion *c)
{
	struct api_sock *s = api_find(c->sock);

	fuzz_require(s != NULL && !s->is_closed && s->nb_pending == 0);
	fuzz_require(s->is_closing ? c->user == s->user : api.cleaning);
	fuzz_require(c->op == NULL && c->result == 0 && c->value == 0 && c->flags == 0);
	s->is_closing = s->is_closed = true;
}

/* One of the many of a repeating operation. */
static void
note_more(struct api_op *op, const struct san_completion *c)
{
	const uint8_t *piece = (const uint8_t *)(uintptr_t)c->value;

	fuzz_require(op->repeats);
	if (op->kind == SAN_OP_ACCEPT) {
		fuzz_require(c->result == 0);
		api_adopt(c->value);
		return;
	}
	fuzz_require(c->result > 0 && (uint32_t)c->result <= op->pieces.size);
	fuzz_require(piece >= op->mem && piece + c->result <= op->mem + API_MEM);
	fuzz_require(++op->nb_held <= op->pieces.nb);
}

static void
note_completion(const struct san_completion *c)
{
	struct api_op *op = (struct api_op *)(void *)c->op;

	if (c->kind == SAN_OP_CLOSE) {
		note_close(c);
		return;
	}
	fuzz_require(op >= api.op && op < api.op + API_OPS && op->pending);
	fuzz_require(!(op->o.flags & SAN_POLLED) && c->kind == op->kind);
	fuzz_require(c->sock == op->sock && c->user == op->user && op->o.user == op->user && c->reserved == 0);
	fuzz_require((c->flags & ~(SAN_MORE | (op->kind == SAN_OP_RECV ? SAN_URGENT : 0))) == 0);
	if (c->flags & SAN_MORE) {
		note_more(op, c);
		return;
	}
	fuzz_require(c->result == op->o.result);
	/* the last of a repeating one brings nothing */
	fuzz_require(!op->repeats || (c->result <= 0 && c->value == 0));
	note_end(op, c->result);
	if (op->kind != SAN_OP_ACCEPT)
		fuzz_require(c->value == 0);
	else if (c->result == 0)
		api_adopt(c->value);
}

static void
look_at_polled(struct api_op *op)
{
	int rc;

	if (!op->pending || !(op->o.flags & SAN_POLLED))
		return;
	rc = san_op_status(&op->o);
	if (rc == -EINPROGRESS)
		return;
	note_end(op, rc);
	if (rc == 0 && op->kind == SAN_OP_ACCEPT)
		api_adopt(op->o.u.accepted);
}

/* The polled ones first: behind a close, which is reaped here, nothing comes. */
unsigned int
api_reap(unsigned int queue, unsigned int most)
{
	struct san_completion c[64];
	int n;

	fuzz_require(most <= RTE_DIM(c));
	for (unsigned int i = 0; i < API_OPS; i++)
		look_at_polled(&api.op[i]);
	n = san_cq_poll(api.cq[queue], c, most);
	fuzz_require(n >= 0 && n <= (int)most);
	for (int i = 0; i < n; i++)
		note_completion(&c[i]);
	return (unsigned int)n;
}

void
api_require_over(void)
{
	for (unsigned int i = 0; i < API_OPS; i++)
		fuzz_require(!api.op[i].pending);
	for (unsigned int i = 0; i < api.nb_socks; i++)
		fuzz_require(api.sock[i].is_closed);
}
