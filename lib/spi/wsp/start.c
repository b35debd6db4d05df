/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Posts of sends and receives that are not like most: more buffers than one, or another registration than the last one;
 * large sends, which are lent; from other threads, whose calls travel in their request rings; and all that is refused.
 */
#include <errno.h>
#include <sched.h>

#include "spi/wsp/priv.h"

/* What was asked for. */
struct asked {
	SOCKET s;
	const WSABUFEX *bufs;
	DWORD nb;
	const DWORD *flags;
	LPWSAOVERLAPPED ov;
	bool has_routine;
};

/* What was given cannot be an operation: why. R93: a routine is none of it. */
static DWORD
check(const struct asked *a)
{
	if (a->flags == NULL)
		return WSAEFAULT;
	if (*a->flags != 0)
		return WSAEOPNOTSUPP;
	if (a->ov == NULL || a->nb == 0 || a->nb > SAN_VEC_MAX || a->has_routine || sani_wsp_is_running(a->ov))
		return WSAEINVAL;
	return a->bufs == NULL ? WSAEFAULT : 0;
}

static DWORD
code_of(int rc)
{
	return rc == WSAEFAULT ? WSAEFAULT : sani_wsp_error(rc);
}

static inline unsigned int
direction_of(uint8_t kind)
{
	return kind == SAN_OP_SEND ? SANI_WSP_SENDS : SANI_WSP_RECVS;
}

/* A buffer that is not registered: before there is a connection none can be (R114 before R108, R119). */
static int
why_not(const struct sani_wsp_sock *so)
{
	return so->phase == SANI_WSP_CONNECTED ? WSAEFAULT : -ENOTCONN;
}

/* The buffers of an operation natively, those of no bytes left out: as they are, and with what is lent of them. */
struct native {
	struct san_vec vec[SAN_VEC_MAX];
	struct san_mem_vec mem[SAN_VEC_MAX];
	uint64_t sum;
	bool lends;
};

static san_mem
lent_of(const struct sani_wsp_op *op, const struct sani_wsp_mem *mem, ULONG len)
{
	return op->kind == SAN_OP_SEND && len >= SANI_WSP_LEND_MIN ? mem->lent : SAN_NO_MEM;
}

/* @retval 0 -ENOTCONN WSAEFAULT */
static int
gather(struct sani_wsp_sock *so, struct sani_wsp_op *op, const WSABUFEX *bufs, DWORD nb, struct native *n)
{
	op->nb = 0;
	n->sum = 0;
	n->lends = false;
	for (const WSABUFEX *buf = bufs; buf < bufs + nb; buf++) {
		struct sani_wsp_mem *mem;

		if (buf->len == 0)
			continue;
		mem = sani_wsp_mem_of(so, buf, direction_of(op->kind));
		if (mem == NULL)
			return why_not(so);
		n->vec[op->nb] = (struct san_vec){ buf->buf, buf->len };
		n->mem[op->nb] = (struct san_mem_vec){ buf->buf, buf->len, lent_of(op, mem, buf->len) };
		n->lends |= n->mem[op->nb].mem != SAN_NO_MEM;
		n->sum += buf->len;
		op->mems[op->nb++] = mem;
	}
	return 0;
}

/*
 * Post buffers, however many; the array is the caller's again (R109). A send of which any is lent is over when the peer
 * has acknowledged all of it and no packet refers to the memory any more (R112).
 * @return As sani_layer_post_told(), or WSAEFAULT; with 0 their registrations are in use.
 */
static int
post_many(struct sani_wsp_sock *so, struct sani_wsp_op *op, const WSABUFEX *bufs, DWORD nb)
{
	struct native n;
	struct sani_post_extra x = { .min = 1, .access = SAN_MEM_READ };
	struct sani_post p = { .sock = so->h, .op = &op->native, .kind = op->kind };
	int rc = gather(so, op, bufs, nb, &n);

	if (rc != 0)
		return rc;
	if (n.sum > SAN_IO_MAX || (n.sum == 0 && op->kind == SAN_OP_RECV))
		return -EINVAL;
	x.vec = n.lends ? NULL : n.vec;
	x.mem = n.lends ? n.mem : NULL;
	x.nb = op->nb;
	p.flags = n.lends ? SAN_ACKED : 0;
	p.len = (uint32_t)n.sum;
	p.extra = op->nb > 0 ? &x : NULL;
	rc = sani_layer_post_told(&p);
	if (rc != 0)
		return rc;
	for (unsigned int i = 0; i < op->nb; i++)
		op->mems[i]->in_use++;
	op->odd |= SANI_WSP_MANY;
	return 0;
}

static inline uint64_t
odd_user(LPWSAOVERLAPPED ov)
{
	return (uintptr_t)ov | SANI_WSP_ODD;
}

/* On the owning core. @return WSA_IO_PENDING, or why it was not started. */
static DWORD
start_many(struct sani_wsp_sock *so, uint8_t kind, const struct asked *a)
{
	struct sani_wsp_op *op = sani_wsp_take_op(so->home);
	int rc;

	if (op == NULL)
		return WSAEWOULDBLOCK;
	op->so = so;
	op->upper = so->upper;
	op->kind = kind;
	op->native.user = odd_user(a->ov);
	rc = post_many(so, op, a->bufs, a->nb);
	if (rc == 0) {
		a->ov->Internal = WSS_OPERATION_IN_PROGRESS;
		return WSA_IO_PENDING;
	}
	sani_wsp_give_op(so->home, op);
	return code_of(rc);
}

void
sani_wsp_make_ready(struct sani_wsp_sock *so, struct sani_wsp_op *op, unsigned int direction)
{
	op->so = so;
	op->upper = so->upper;
	op->native.sock = so->h;
	op->native.kind = direction == SANI_WSP_SENDS ? SAN_OP_SEND : SAN_OP_RECV;
	op->native.flags = 0;
}

/* A buffer that is lent, not copied; for want of room for what only such a one needs it is copied all the same. */
static int
lend(struct sani_wsp_sock *so, struct san_overlapped *native, char *buf, uint32_t len, LPWSAOVERLAPPED ov)
{
	struct sani_wsp_near *near = &so->hot->near[SANI_WSP_SENDS];
	const WSABUFEX bufs = { .len = len, .buf = buf, .handle = near->handle };
	const struct asked a = { .bufs = &bufs, .nb = 1, .ov = ov };
	DWORD code = start_many(so, SAN_OP_SEND, &a);

	if (code == WSAEWOULDBLOCK)
		return sani_layer_transfer(so->hot->k, native, buf, len, &sani_wsp_plain, (uintptr_t)ov);
	/* native is not used, and remains the next one. */
	near->op = (struct sani_wsp_op *)native;
	if (code != WSA_IO_PENDING)
		ov->Internal = 0;
	return sani_wsp_return(code, so->hot->err);
}

/*
 * The native call refuses one buffer. If only because there is another way for one as large as this, it goes that way;
 * if only because the next operation is not over, another one takes its place.
 */
static int
refuse(struct san_overlapped *native, int rc, void *buf, uint32_t len, uint64_t user)
{
	struct sani_wsp_op *at = (struct sani_wsp_op *)native, *op;
	struct sani_wsp_sock *so = at->so;
	LPWSAOVERLAPPED ov = (void *)(uintptr_t)user;

	if (rc == -EMSGSIZE && len > 0)
		return lend(so, native, buf, len, ov);
	op = rc == -EBUSY ? sani_wsp_take_op(so->home) : NULL;
	if (op == NULL) {
		ov->Internal = 0;
		return sani_wsp_return(rc == -EBUSY ? WSAEWOULDBLOCK : sani_wsp_error(rc == -EMSGSIZE ? -EINVAL : rc),
				       so->hot->err);
	}
	sani_wsp_make_ready(so, op, direction_of(native->kind));
	op->next = at;
	op->prev = at->prev;
	at->prev->next = op;
	at->prev = op;
	so->hot->near[direction_of(native->kind)].op = at;
	return sani_layer_transfer(so->hot->k, &op->native, buf, len, so->hot->near[direction_of(native->kind)].way,
				   user);
}

const struct sani_layer_way sani_wsp_plain = { .accepted = SOCKET_ERROR, .max = SAN_IO_MAX, .refused = refuse };
const struct sani_layer_way sani_wsp_small = {
	.accepted = SOCKET_ERROR, .max = SANI_WSP_LEND_MIN - 1, .refused = refuse
};

/* On the owning core. */
static int
start(struct sani_wsp_sock *so, uint8_t kind, const struct asked *a, LPINT err)
{
	unsigned int direction = direction_of(kind);
	struct sani_wsp_mem *mem;

	if (a->nb == 1 && a->bufs->len > 0) {
		mem = sani_wsp_mem_of(so, a->bufs, direction);
		if (mem != NULL && sani_wsp_keep_near(mem, direction))
			return sani_wsp_start_plain(so->hot, &so->hot->near[direction], a->bufs, a->ov, err);
	}
	return sani_wsp_return(start_many(so, kind, a), err);
}

/* A free operation of those for other threads, or NULL. */
static struct sani_wsp_away *
take_away(struct sani_wsp_away_pool *pool)
{
	struct sani_wsp_op *op;

	pthread_mutex_lock(&pool->lock);
	if (pool->free == NULL)
		pool->free = atomic_exchange_explicit(&pool->given, NULL, memory_order_acquire);
	op = pool->free;
	if (op != NULL)
		pool->free = op->next;
	else if (pool->list != NULL && pool->fresh < SANI_WSP_AWAY_MAX)
		op = memset(&pool->list[pool->fresh++], 0, sizeof(*pool->list));
	pthread_mutex_unlock(&pool->lock);
	return (struct sani_wsp_away *)op;
}

static void
put_away(struct sani_wsp_away_pool *pool, struct sani_wsp_away *a)
{
	pthread_mutex_lock(&pool->lock);
	a->op.next = pool->free;
	pool->free = &a->op;
	pthread_mutex_unlock(&pool->lock);
}

/* The core's thread: start what another thread has asked for. However it goes, a completion follows. */
static void
start_away(struct san_core *k, void *arg)
{
	struct sani_wsp_away *a = arg;
	struct sani_wsp_sock *so = a->op.so;
	LPWSAOVERLAPPED ov = (void *)(uintptr_t)(a->op.native.user & ~SANI_WSP_ODD);
	int rc = post_many(so, &a->op, a->bufs, a->nb);

	(void)k;
	/* Closed by another thread before the post, or in the middle of it: it was pending by then (R153). */
	if (rc != 0 && !sani_wsp_is_open(so))
		rc = -ECANCELED;
	if (rc != 0)
		sani_wsp_end_away(so->home, &a->op, ov, code_of(rc), 0);
	/* Until here the socket is not released. */
	atomic_fetch_sub(&so->away, 1);
	if (sani_wsp_state(so) == SANI_WSP_CLOSING)
		sani_wsp_try_release(so);
}

/* The core's thread: a post that was not made may have held up the release of its socket. */
static void
look_again(struct san_core *k, void *arg)
{
	struct sani_wsp_sock *so = arg;

	(void)k;
	if (sani_wsp_state(so) == SANI_WSP_CLOSING)
		sani_wsp_try_release(so);
}

static void
undo_away(struct sani_wsp_sock *so, struct sani_wsp_home *home, struct sani_wsp_away *a)
{
	put_away(&home->away, a);
	atomic_fetch_sub(&so->away, 1);
	/* Rare: it was closed between the look and the count. */
	while (sani_wsp_state(so) == SANI_WSP_CLOSING &&
	       sani_layer_post(home->k, look_again, so) == -EAGAIN)
		sched_yield();
}

static DWORD
send_away(const struct asked *asked, struct sani_wsp_sock *so, uint8_t kind)
{
	struct sani_wsp_home *home = so->home;
	struct sani_wsp_away *a = take_away(&home->away);
	LPWSAOVERLAPPED ov = asked->ov;
	ULONG_PTR before = ov->Internal;
	int rc;

	if (a == NULL)
		return WSAEWOULDBLOCK;
	a->op.so = so;
	a->op.upper = so->upper;
	a->op.native.user = odd_user(ov);
	a->op.kind = kind;
	a->op.odd = SANI_WSP_AWAY;
	a->nb = asked->nb;
	memcpy(a->bufs, asked->bufs, asked->nb * sizeof(*a->bufs));
	/* sequentially consistent: counted before the look at the word; a close looks the other way round */
	atomic_fetch_add(&so->away, 1);
	if (sani_wsp_find(asked->s) != so) {
		undo_away(so, home, a);
		return WSAENOTSOCK;
	}
	ov->Internal = WSS_OPERATION_IN_PROGRESS;
	rc = sani_layer_post(home->k, start_away, a);
	if (rc == 0)
		return WSA_IO_PENDING;
	ov->Internal = before;
	undo_away(so, home, a);
	return rc == -EAGAIN ? WSAEWOULDBLOCK : WSAENETDOWN;
}

/* With all checks, in the order of the header. */
static int
transfer(const struct asked *a, uint8_t kind, LPINT err)
{
	struct sani_wsp_sock *so = sani_wsp_find(a->s);
	DWORD code = so == NULL ? WSAENOTSOCK : check(a);
	INT ignored;

	if (code == 0 && so->home == NULL)
		code = WSAENOTCONN;
	if (code != 0)
		return sani_wsp_return(code, err);
	if (!sani_wsp_is_here(so->home))
		return sani_wsp_return(send_away(a, so, kind), err);
	return start(so, kind, a, err != NULL ? err : &ignored);
}

int
sani_wsp_send_slowly(SOCKET s, LPWSABUFEX bufs, DWORD nb, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, DWORD flags,
		     LPWSAOVERLAPPED ov, LPINT err)
{
	struct asked a = { s, bufs, nb, &flags, ov, routine != NULL };

	return transfer(&a, SAN_OP_SEND, err);
}

int
sani_wsp_recv_slowly(SOCKET s, LPWSABUFEX bufs, DWORD nb, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
		     const DWORD *flags, LPWSAOVERLAPPED ov, LPINT err)
{
	struct asked a = { s, bufs, nb, flags, ov, routine != NULL };

	return transfer(&a, SAN_OP_RECV, err);
}
