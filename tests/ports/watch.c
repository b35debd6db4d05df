/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <cmocka.h>

#include "watch.h"

#define WOP_MAGIC 0x77617463685f6f70ull
#define REAP_MAX 64

static const char *const kind_name[8] = {
	"none", "accept", "connect", "send", "recv", "shutdown", "close", "disconnect",
};

void
watch_fault(struct watch *w, const char *fmt, ...)
{
	va_list ap;

	if (w->nb_faults++ == 0) {
		va_start(ap, fmt);
		vsnprintf(w->fault, sizeof(w->fault), fmt, ap);
		va_end(ap);
	}
}

void
watch_sound(const struct watch *w)
{
	if (w->nb_faults != 0)
		print_error("%u faults, the first: %s\n", w->nb_faults, w->fault);
	assert_int_equal(w->nb_faults, 0);
}

int
watch_begin(struct watch *w, unsigned int depth)
{
	memset(w, 0, sizeof(*w));
	return san_cq_create(depth, &w->cq);
}

int
watch_end(struct watch *w)
{
	int rc = w->cq ? san_cq_destroy(w->cq) : 0;

	watch_forget(w);
	return rc;
}

void
watch_forget(struct watch *w)
{
	while (w->ops) {
		struct wop *op = w->ops;

		w->ops = op->next;
		free(op);
	}
	while (w->socks) {
		struct wsock *s = w->socks;

		w->socks = s->next;
		free(s);
	}
	w->cq = NULL;
}

struct wsock *
watch_adopt(struct watch *w, san_handle h)
{
	struct wsock *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	if (h == SAN_NO_HANDLE)
		watch_fault(w, "a new socket has the handle 0");
	s->h = h;
	s->w = w;
	s->close_user = 0xc105e00000000000ull + ++w->serial;
	s->next = w->socks;
	w->socks = s;
	w->nb_socks++;
	return s;
}

struct wsock *
watch_socket(struct watch *w, struct san_core *core, int *rc)
{
	san_handle h = SAN_NO_HANDLE;

	*rc = san_socket(core, w->cq, &h);
	return *rc == 0 ? watch_adopt(w, h) : NULL;
}

struct wop *
watch_op(struct watch *w)
{
	struct wop *op = aligned_alloc(64, sizeof(*op) + (64 - sizeof(*op) % 64) % 64);

	if (!op)
		abort();
	memset(op, 0, sizeof(*op));
	op->magic = WOP_MAGIC;
	op->result = INT32_MIN;
	op->next = w->ops;
	w->ops = op;
	return op;
}

/* What a post may be refused with; the common ones of san_accept() and the kind's own. */
static bool
may_refuse(enum san_op_kind kind, int rc)
{
	if (rc == -EAGAIN || rc == -ENOTSOCK || rc == -EINVAL || rc == -EPERM || rc == -ENETDOWN)
		return true;
	if (kind == SAN_OP_CONNECT)
		return rc == -EISCONN;
	if (kind == SAN_OP_ACCEPT)
		return false;
	if (rc == -EPIPE)
		return kind != SAN_OP_RECV;
	return rc == -ENOTCONN || rc == -ECONNRESET || rc == -ETIMEDOUT || rc == -ECONNABORTED;
}

static void
note_accepted(struct wop *op, struct wsock *s, bool was_pending)
{
	if (was_pending)
		watch_fault(s->w, "%s: a posted operation was accepted again", kind_name[op->kind]);
	op->pending = true;
	op->nb_posts++;
	/* its deadline may end it before what was posted earlier */
	op->cancel_asked = op->ov.timeout_us != 0;
	op->order = ++s->last_post[op->kind];
	s->w->nb_posts++;
	if (!(op->flags & SAN_POLLED))
		s->nb_pending++;
}

/* Finished at once: only a send can, and then completely (O1). */
static void
note_finished(struct wop *op, struct wsock *s)
{
	if (op->kind != SAN_OP_SEND || (op->flags & SAN_ACKED))
		watch_fault(s->w, "%s: finished at the post", kind_name[op->kind]);
	else if (op->ov.result < 0 || (size_t)op->ov.result != op->len)
		watch_fault(s->w, "send: finished with %d of %zu", op->ov.result, op->len);
	op->result = op->ov.result;
}

/* Before the call: what the completion will be held against may be reaped during it. */
static bool
prepare(struct wop *op, struct wsock *s, enum san_op_kind kind, size_t len, unsigned int flags)
{
	bool was_pending = op->pending;

	if (was_pending)
		return true;
	op->sock = s;
	op->kind = (uint8_t)kind;
	op->flags = (uint8_t)flags;
	op->len = len;
	op->result = INT32_MIN;
	op->user = 0x0be0000000000000ull + ++s->w->serial;
	op->ov.user = op->user;
	return false;
}

static int
judge(struct wop *op, struct wsock *s, bool was_pending, int rc)
{
	if (rc == 0)
		note_accepted(op, s, was_pending);
	else if (rc == 1)
		note_finished(op, s);
	else if (rc > 1 || !may_refuse(op->kind, rc))
		watch_fault(s->w, "%s: the post answered %d", kind_name[op->kind], rc);
	if (!was_pending && op->ov.user != op->user)
		watch_fault(s->w, "%s: the post changed the caller's value", kind_name[op->kind]);
	return rc;
}

void
watch_note(struct wop *op, struct wsock *s, enum san_op_kind kind, size_t len, unsigned int flags, int rc)
{
	bool was = prepare(op, s, kind, len, flags);

	judge(op, s, was, rc);
}

int
watch_recv_together(struct wsock *s, struct wop *const op[], void *const buf[], uint32_t len, unsigned int nb)
{
	struct san_request req[WATCH_TOGETHER] = { { .sock = s->h } };
	int done;

	for (unsigned int i = 0; i < nb; i++) {
		prepare(op[i], s, SAN_OP_RECV, len, 0);
		req[i] = (struct san_request){ .sock = s->h, .op = &op[i]->ov, .buf = buf[i], .len = len,
					       .kind = SAN_OP_RECV };
	}
	done = san_post(req, nb);
	if (done < 0 || done > (int)nb)
		watch_fault(s->w, "several posts: answered %d of %u", done, nb);
	for (int i = 0; i < done; i++)
		judge(op[i], s, false, req[i].answer);
	if (done >= 0 && done < (int)nb && (req[done].answer >= 0 || !may_refuse(SAN_OP_RECV, req[done].answer)))
		watch_fault(s->w, "several posts: refused with %d", req[done].answer);
	return done;
}

int
watch_accept(struct wsock *s, struct wop *op, unsigned int flags)
{
	bool was = prepare(op, s, SAN_OP_ACCEPT, 0, flags);

	return judge(op, s, was, san_accept(s->h, &op->ov, flags));
}

int
watch_connect(struct wsock *s, struct wop *op, const struct san_addr *peer, unsigned int flags)
{
	bool was = prepare(op, s, SAN_OP_CONNECT, 0, flags);

	return judge(op, s, was, san_connect(s->h, &op->ov, peer, flags));
}

int
watch_send(struct wsock *s, struct wop *op, const void *data, size_t len, unsigned int flags)
{
	bool was = prepare(op, s, SAN_OP_SEND, len, flags);

	return judge(op, s, was, san_send(s->h, &op->ov, data, len, flags));
}

int
watch_recv(struct wsock *s, struct wop *op, void *buf, size_t len, unsigned int flags)
{
	bool was = prepare(op, s, SAN_OP_RECV, len, flags);

	return judge(op, s, was, san_recv(s->h, &op->ov, buf, len, flags));
}

int
watch_shutdown(struct wsock *s, struct wop *op, unsigned int flags)
{
	bool was = prepare(op, s, SAN_OP_SHUTDOWN, 0, flags);

	return judge(op, s, was, san_shutdown(s->h, &op->ov, flags));
}

int
watch_disconnect(struct wsock *s, struct wop *op, unsigned int flags)
{
	bool was = prepare(op, s, SAN_OP_DISCONNECT, 0, flags);

	s->aborted |= (flags & SAN_ABORT) != 0;
	return judge(op, s, was, san_disconnect(s->h, &op->ov, flags));
}

int
watch_cancel(struct wsock *s, struct wop *op)
{
	op->cancel_asked = true;
	return san_cancel(s->h, op->ov.id);
}

int
watch_shut(struct wsock *s)
{
	atomic_store(&s->close_asked, true);
	return san_close(s->h, s->close_user);
}

/* The results that op.h documents for a completion. */
static bool
may_end(const struct wop *op, int32_t r)
{
	if (r == -ECANCELED)
		return true;
	if (r == -ECONNABORTED)
		return op->sock->aborted && op->kind != SAN_OP_ACCEPT && op->kind != SAN_OP_CONNECT;
	switch (op->kind) {
	case SAN_OP_ACCEPT:
		return r == 0 || r == -ENFILE || r == -EINVAL;
	case SAN_OP_CONNECT:
		return r == 0 || r == -ECONNREFUSED || r == -ETIMEDOUT || r == -EHOSTUNREACH ||
		       r == -ENETUNREACH || r == -EADDRNOTAVAIL || r == -ENOBUFS || r == -EISCONN;
	case SAN_OP_SEND:
		return (r > 0 && (size_t)r == op->len) || r == -ECONNRESET || r == -ETIMEDOUT ||
		       r == -EPIPE || r == -ENOTCONN;
	case SAN_OP_RECV:
		return (r >= 0 && (size_t)r <= op->len) || r == -ECONNRESET || r == -ETIMEDOUT ||
		       r == -ENOTCONN;
	case SAN_OP_SHUTDOWN:
	case SAN_OP_DISCONNECT:
		return r == 0 || r == -ECONNRESET || r == -ETIMEDOUT || r == -EPIPE || r == -ENOTCONN;
	default:
		return false;
	}
}

static struct wsock *
find_sock(struct watch *w, san_handle h)
{
	struct wsock *s;

	for (s = w->socks; s && s->h != h; s = s->next)
		;
	return s;
}

static void
check_close(struct watch *w, const struct san_completion *c)
{
	struct wsock *s = find_sock(w, c->sock);

	if (!s) {
		watch_fault(w, "a close completion for a handle that was never ours");
		return;
	}
	if (s->closed)
		watch_fault(w, "a second close completion");
	if (!atomic_load(&s->close_asked) && !w->cleaning)
		watch_fault(w, "a close completion without a close");
	if (s->nb_pending != 0)
		watch_fault(w, "close completion while %u operations have not ended", s->nb_pending);
	if (atomic_load(&s->close_asked) && c->user != s->close_user)
		watch_fault(w, "close completion with a foreign value");
	if (c->op || c->value != 0 || c->result != 0)
		watch_fault(w, "close completion: op %p, value %llu, result %d", (void *)c->op,
			    (unsigned long long)c->value, c->result);
	s->closed = true;
	w->nb_closed++;
}

/* By the core, of a post from another thread: that ends at once, before what is pending. */
static bool
was_refused(int32_t result)
{
	return result == -EPIPE || result == -ENOTCONN || result == -EINVAL;
}

static void
check_order(struct watch *w, struct wop *op)
{
	struct wsock *s = op->sock;

	if (op->cancel_asked || was_refused(op->result))
		return;
	if (op->kind != SAN_OP_ACCEPT && op->kind != SAN_OP_SEND && op->kind != SAN_OP_RECV)
		return;
	if (op->order <= s->last_end[op->kind])
		watch_fault(w, "%s %u ended after %u", kind_name[op->kind], op->order,
			    s->last_end[op->kind]);
	s->last_end[op->kind] = op->order;
}

static void
check_fields(struct watch *w, struct wop *op, const struct san_completion *c)
{
	const char *kind = kind_name[op->kind];

	if (c->kind != op->kind)
		watch_fault(w, "%s: the completion says kind %u", kind, c->kind);
	if (c->user != op->user || op->ov.user != op->user)
		watch_fault(w, "%s: the caller's value did not come back", kind);
	if (c->sock != op->sock->h)
		watch_fault(w, "%s: the completion names another socket", kind);
	if (c->result != op->ov.result)
		watch_fault(w, "%s: completion %d, structure %d", kind, c->result, op->ov.result);
	if (!may_end(op, c->result))
		watch_fault(w, "%s of %zu ended with %d", kind, op->len, c->result);
	if ((c->kind == SAN_OP_RECV ? c->flags & ~SAN_URGENT : c->flags) != 0 || c->reserved != 0)
		watch_fault(w, "%s: flags %u, reserved %u", kind, c->flags, c->reserved);
	if (op->kind != SAN_OP_ACCEPT && c->value != 0)
		watch_fault(w, "%s: a value", kind);
	if (san_op_status(&op->ov) != c->result)
		watch_fault(w, "%s: reaped, but status %d", kind, san_op_status(&op->ov));
}

static void
check_accept(struct watch *w, struct wop *op, const struct san_completion *c)
{
	if (c->result != 0)
		return;
	if (c->value != op->ov.u.accepted)
		watch_fault(w, "accept: the completion and the structure name different sockets");
	if (find_sock(w, c->value))
		watch_fault(w, "accept: a handle that was used before");
	op->accepted = watch_adopt(w, c->value);
}

void
watch_check(struct watch *w, const struct san_completion *c)
{
	struct wop *op = (struct wop *)c->op;

	if (c->kind == SAN_OP_CLOSE || !op) {
		check_close(w, c);
		return;
	}
	if (op->magic != WOP_MAGIC || !op->sock || op->sock->w != w) {
		watch_fault(w, "a completion for an operation that was never posted");
		return;
	}
	op->nb_ends++;
	w->nb_ends++;
	op->result = c->result;
	if (!op->pending) {
		watch_fault(w, "%s ended %u times, accepted %u times", kind_name[op->kind], op->nb_ends,
			    op->nb_posts);
		return;
	}
	if (op->flags & SAN_POLLED)
		watch_fault(w, "%s: a polled operation has a completion", kind_name[op->kind]);
	else
		op->sock->nb_pending--;
	op->pending = false;
	if (op->sock->closed)
		watch_fault(w, "%s ended after its socket's close", kind_name[op->kind]);
	check_fields(w, op, c);
	check_order(w, op);
	if (op->kind == SAN_OP_ACCEPT)
		check_accept(w, op, c);
}

unsigned int
watch_reap(struct watch *w)
{
	struct san_completion comp[REAP_MAX];
	unsigned int total = 0;
	int n;
	int i;

	do {
		n = san_cq_poll(w->cq, comp, REAP_MAX);
		if (n < 0 || n > REAP_MAX) {
			watch_fault(w, "san_cq_poll() answered %d", n);
			return total;
		}
		for (i = 0; i < n; i++)
			watch_check(w, &comp[i]);
		total += (unsigned int)n;
	} while (n == REAP_MAX);
	return total;
}

const char *
watch_stale(san_handle h, struct san_cq *cq)
{
	static struct san_overlapped op;
	static uint8_t byte[1];
	struct san_addr addr;
	struct san_tcp_info info = { .size = sizeof(info) };
	uint32_t value = 0;

	memset(&op, 0, sizeof(op));
	san_addr_parse("10.9.0.2:7", &addr);
	if (san_accept(h, &op, 0) != -ENOTSOCK)
		return "san_accept";
	if (san_connect(h, &op, &addr, 0) != -ENOTSOCK)
		return "san_connect";
	if (san_send(h, &op, byte, 1, 0) != -ENOTSOCK)
		return "san_send";
	if (san_recv(h, &op, byte, 1, 0) != -ENOTSOCK)
		return "san_recv";
	if (san_shutdown(h, &op, 0) != -ENOTSOCK)
		return "san_shutdown";
	if (san_sendv(h, &op, &(struct san_vec){ byte, 1 }, 1, 0) != -ENOTSOCK)
		return "san_sendv";
	if (san_recvv(h, &op, &(struct san_vec){ byte, 1 }, 1, 1, 0) != -ENOTSOCK)
		return "san_recvv";
	if (san_disconnect(h, &op, 0) != -ENOTSOCK)
		return "san_disconnect";
	if (san_accept_repeat(h, &op, 1) != -ENOTSOCK)
		return "san_accept_repeat";
	if (san_recv_repeat(h, &op, &(struct san_pieces){ .mem = byte, .size = 1, .nb = 1 }, 0) != -ENOTSOCK)
		return "san_recv_repeat";
	if (san_cancel_all(h) != -ENOTSOCK)
		return "san_cancel_all";
	if (san_cancel(h, 1) != -ENOTSOCK)
		return "san_cancel";
	if (san_close(h, 1) != -ENOTSOCK)
		return "san_close";
	if (san_bind(h, &addr) != -ENOTSOCK)
		return "san_bind";
	if (san_listen(h, 1) != -ENOTSOCK)
		return "san_listen";
	if (san_move(h, cq) != -ENOTSOCK)
		return "san_move";
	if (san_tcp_info(h, &info) != -ENOTSOCK)
		return "san_tcp_info";
	if (san_set_option(h, SAN_OPT_NODELAY, 1) != -ENOTSOCK)
		return "san_set_option";
	if (san_get_option(h, SAN_OPT_STATE, &value) != -ENOTSOCK)
		return "san_get_option";
	if (san_names(h, &addr, NULL) != -ENOTSOCK)
		return "san_names";
	return NULL;
}

int
watch_status(struct wop *op)
{
	int status = san_op_status(&op->ov);
	struct watch *w = op->sock->w;

	if (status == -EINPROGRESS || !op->pending)
		return status;
	if (!(op->flags & SAN_POLLED))
		return status;
	op->pending = false;
	op->nb_ends++;
	w->nb_ends++;
	op->result = status;
	if (!may_end(op, status))
		watch_fault(w, "polled %s ended with %d", kind_name[op->kind], status);
	if (op->kind == SAN_OP_ACCEPT && status == 0)
		op->accepted = watch_adopt(w, op->ov.u.accepted);
	return status;
}

void
watch_audit(struct watch *w)
{
	struct wop *op;

	for (op = w->ops; op; op = op->next) {
		if (op->pending && (op->flags & SAN_POLLED))
			watch_status(op);
		if (op->pending)
			watch_fault(w, "an accepted %s never ended", kind_name[op->kind]);
		else if (op->nb_ends != op->nb_posts)
			watch_fault(w, "%s: accepted %u times, ended %u times", kind_name[op->kind],
				    op->nb_posts, op->nb_ends);
	}
	if (w->nb_closed != w->nb_socks)
		watch_fault(w, "%llu sockets, %llu close completions",
			    (unsigned long long)w->nb_socks, (unsigned long long)w->nb_closed);
}

void
watch_settled(struct watch *w)
{
	watch_audit(w);
	if (watch_reap(w) != 0)
		watch_fault(w, "completions after everything had ended");
	watch_sound(w);
}

unsigned int
watch_open_sockets(const struct watch *w)
{
	const struct wsock *s;
	unsigned int n = 0;

	for (s = w->socks; s; s = s->next)
		n += !s->closed;
	return n;
}

void
watch_shut_all(struct watch *w)
{
	struct wsock *s;

	for (s = w->socks; s; s = s->next) {
		if (!s->closed && !atomic_load(&s->close_asked))
			watch_shut(s);
	}
}
