/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends and receives. On the owning core a call is the native post and little else; what is over at once is kept for
 * the core's turn (home.c) unless it is polled. Elsewhere the call travels in the thread's request ring.
 */
#include <errno.h>
#include <sched.h>

#include "spi/wsp/priv.h"

static inline bool
is_running(LPWSAOVERLAPPED ov)
{
	/* acquire: the result after the word that says it is there */
	return __atomic_load_n(&ov->Internal, __ATOMIC_ACQUIRE) == WSS_OPERATION_IN_PROGRESS;
}

/* What was given cannot be an operation: why. */
static DWORD
check(const WSABUFEX *bufs, DWORD nb, DWORD flags, LPWSAOVERLAPPED ov, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
	if (flags != 0)
		return WSAEOPNOTSUPP;
	if (ov == NULL || nb == 0 || nb > SAN_VEC_MAX || routine != NULL || is_running(ov))
		return WSAEINVAL;
	return bufs == NULL ? WSAEFAULT : 0;
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

/* A buffer that is not registered: before there is a connection none can be (R114 before R108). */
static int
why_not(const struct sani_wsp_sock *so)
{
	return so->phase == SANI_WSP_CONNECTED ? WSAEFAULT : -ENOTCONN;
}

/* Buffers, however many. @return As sani_sock_post(), or WSAEFAULT; with 0 their registrations are in use. */
static int
post_many(struct sani_wsp_sock *so, struct sani_wsp_op *op, const WSABUFEX *bufs, DWORD nb)
{
	struct san_vec vec[SAN_VEC_MAX];
	struct sani_post_extra x = { .vec = vec, .nb = nb, .min = 1 };
	struct sani_post p = { .sock = so->h, .op = &op->native, .kind = op->kind, .extra = &x };
	uint64_t sum = 0;
	uint32_t i;
	int rc;

	op->mem = NULL;
	op->nb = 0;
	for (i = 0; i < nb; i++) {
		vec[i] = (struct san_vec){ bufs[i].buf, bufs[i].len };
		sum += bufs[i].len;
		if (bufs[i].len == 0)
			continue;
		op->mems[op->nb] = sani_wsp_mem_of(so, &bufs[i], direction_of(op->kind));
		if (op->mems[op->nb++] == NULL)
			return why_not(so);
	}
	p.len = (uint32_t)sum;
	op->native.len = 0;
	if (sum == 0 && op->kind == SAN_OP_SEND)
		return 1;
	rc = sum == 0 || sum > SAN_IO_MAX ? -EINVAL : sani_sock_post(&p);
	if (rc != 0)
		return rc;
	for (i = 0; i < op->nb; i++)
		op->mems[i]->in_use++;
	op->odd |= SANI_WSP_MANY;
	return 0;
}

/* R97, R98: over, and the structure says so; A12: the up-call follows in the core's turn. */
static inline DWORD
end_at_once(struct sani_wsp_sock *so, LPWSAOVERLAPPED ov, DWORD bytes)
{
	if (sani_wsp_is_polled(ov)) {
		sani_wsp_finish_polled(ov, 0, bytes);
		return 0;
	}
	ov->Internal = WSS_OPERATION_IN_PROGRESS;
	sani_wsp_defer(so->home, so, ov, bytes);
	return WSA_IO_PENDING;
}

/* Accepted: the spare operation is this one's. */
static inline DWORD
begin(struct sani_wsp_sock *so, struct sani_wsp_op *op, LPWSAOVERLAPPED ov)
{
	op->so = so;
	op->ov = ov;
	ov->Internal = WSS_OPERATION_IN_PROGRESS;
	so->nb_ops++;
	sani_wsp_use_spare(so->home);
	return WSA_IO_PENDING;
}

/* On the owning core. @return 0 (polled, over), WSA_IO_PENDING, or why it was not started. */
static DWORD
start(struct sani_wsp_sock *so, uint8_t kind, const WSABUFEX *bufs, DWORD nb, LPWSAOVERLAPPED ov)
{
	struct sani_wsp_home *home = so->home;
	struct sani_wsp_op *op;
	int rc;

	if (home->spare == NULL)
		sani_wsp_use_spare(home);
	op = home->spare;
	if (op == NULL || home->done_next == home->done_end)
		return WSAEWOULDBLOCK;
	op->kind = kind;
	rc = post_many(so, op, bufs, nb);
	if (rc == 0)
		return begin(so, op, ov);
	return rc == 1 ? end_at_once(so, ov, op->native.len) : code_of(rc);
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
	int rc = -ECANCELED;

	(void)k;
	so->nb_ops++;
	atomic_fetch_sub(&so->away, 1);
	a->op.mem = NULL;
	if (sani_wsp_is_open(so))
		rc = post_many(so, &a->op, a->bufs, a->nb);
	if (rc == 1)
		sani_wsp_complete(so->home, &a->op, 0, a->op.native.len);
	else if (rc != 0)
		sani_wsp_complete(so->home, &a->op, code_of(rc), 0);
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
send_away(SOCKET s, struct sani_wsp_sock *so, uint8_t kind, const WSABUFEX *bufs, DWORD nb, LPWSAOVERLAPPED ov)
{
	struct sani_wsp_home *home = so->home;
	struct sani_wsp_away *a = take_away(&home->away);
	ULONG_PTR before = ov->Internal;
	int rc;

	if (a == NULL)
		return WSAEWOULDBLOCK;
	a->op.so = so;
	a->op.ov = ov;
	a->op.kind = kind;
	a->op.odd = SANI_WSP_AWAY;
	a->nb = nb;
	memcpy(a->bufs, bufs, nb * sizeof(*bufs));
	/* sequentially consistent: counted before the look at the word; a close looks the other way round */
	atomic_fetch_add(&so->away, 1);
	if (sani_wsp_find(s) != so) {
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

/* Whatever it is, with all checks, in the order of the header. */
static __attribute__((noinline)) int
sani_wsp_transfer(SOCKET s, uint8_t kind, const WSABUFEX *bufs, DWORD nb, DWORD flags, LPWSAOVERLAPPED ov,
		  LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPDWORD moved, LPINT err)
{
	struct sani_wsp_sock *so = sani_wsp_find(s);
	DWORD code = so == NULL ? WSAENOTSOCK : check(bufs, nb, flags, ov, routine);

	if (code == 0 && so->home == NULL)
		code = WSAENOTCONN;
	if (code == 0)
		code = so->thread == sani_thread_self() ? start(so, kind, bufs, nb, ov) :
							  send_away(s, so, kind, bufs, nb, ov);
	if (code == 0 && moved != NULL)
		*moved = (DWORD)ov->InternalHigh;
	return sani_wsp_return(code, err);
}

/* Is buf all in the registration that was used last? */
static inline bool
is_near(const struct sani_wsp_near *near, const WSABUFEX *buf)
{
	uint64_t end;

	return buf->handle == near->handle && buf->len != 0 &&
	       !__builtin_add_overflow((uint64_t)(buf->buf - near->base), (uint64_t)buf->len, &end) &&
	       end <= near->room;
}

/* One buffer of the registration that was used last, on the owning core: nearly all there is. */
static inline bool
is_plain(const struct sani_wsp_sock *so, SOCKET s, unsigned int direction, const WSABUFEX *buf, const WSAOVERLAPPED *ov)
{
	return sani_likely(ov != NULL) && sani_likely(buf != NULL) && sani_likely(sani_wsp_is(so, s)) &&
	       sani_likely(so->thread == sani_thread_self()) &&
	       sani_likely(ov->Internal != WSS_OPERATION_IN_PROGRESS) && sani_likely(so->home->spare != NULL) &&
	       sani_likely(is_near(&so->near[direction], buf));
}

/* @return As sani_sock_post(). */
static inline int
post_plain(struct sani_wsp_near *near, struct sani_wsp_op *op, const WSABUFEX *buf)
{
	near->post.op = &op->native;
	near->post.buf = buf->buf;
	near->post.len = buf->len;
	return sani_layer_post_here(near->k, &near->post);
}

/* Accepted: its registration is in use. */
static inline DWORD
begin_plain(struct sani_wsp_sock *so, const struct sani_wsp_near *near, LPWSAOVERLAPPED ov)
{
	struct sani_wsp_op *op = so->home->spare;	/* still: up-calls come in the core's turn */

	near->mem->in_use++;
	op->mem = near->mem;
	return begin(so, op, ov);
}

int WSPAPI
sani_wsp_send(SOCKET s, LPWSABUFEX bufs, DWORD nb, LPDWORD sent, DWORD flags, LPWSAOVERLAPPED ov,
	      LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT err)
{
	struct sani_wsp_sock *so = sani_wsp_place(s);
	struct sani_wsp_near *near = &so->near[SANI_WSP_SENDS];
	int rc;

	(void)thread;
	if (sani_unlikely(((uintptr_t)routine | flags | (nb ^ 1)) != 0) ||
	    !is_plain(so, s, SANI_WSP_SENDS, bufs, ov) || sani_unlikely(so->home->done_next == so->home->done_end))
		return sani_wsp_transfer(s, SAN_OP_SEND, bufs, nb, flags, ov, routine, sent, err);
	rc = post_plain(near, so->home->spare, bufs);
	if (sani_likely(rc == 1)) {
		DWORD code = end_at_once(so, ov, near->post.len);

		if (code == 0 && sent != NULL)
			*sent = near->post.len;
		return sani_wsp_return(code, err);
	}
	return sani_wsp_return(rc == 0 ? begin_plain(so, near, ov) : code_of(rc), err);
}

int WSPAPI
sani_wsp_recv(SOCKET s, LPWSABUFEX bufs, DWORD nb, LPDWORD received, LPDWORD flags, LPWSAOVERLAPPED ov,
	      LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT err)
{
	struct sani_wsp_sock *so = sani_wsp_place(s);
	struct sani_wsp_near *near = &so->near[SANI_WSP_RECVS];
	int rc;

	(void)thread;
	if (sani_unlikely(flags == NULL))
		return sani_wsp_return(sani_wsp_find(s) == NULL ? WSAENOTSOCK : WSAEFAULT, err);
	if (sani_unlikely(((uintptr_t)routine | *flags | (nb ^ 1)) != 0) || !is_plain(so, s, SANI_WSP_RECVS, bufs, ov))
		return sani_wsp_transfer(s, SAN_OP_RECV, bufs, nb, *flags, ov, routine, received, err);
	rc = post_plain(near, so->home->spare, bufs);
	return sani_wsp_return(sani_likely(rc == 0) ? begin_plain(so, near, ov) : code_of(rc), err);
}

/* @return 0: ended. */
static DWORD
wait_for(const struct sani_wsp_sock *so, LPWSAOVERLAPPED ov)
{
	struct sani_wsp_home *home = so->home;

	while (is_running(ov)) {
		if (home == NULL || !sani_wsp_is_here(home)) {
			if (sani_wsp_check_caller() != 0)
				return WSAENETDOWN;
			sched_yield();
		} else if (home->calling || sani_layer_in_round()) {
			return WSA_IO_INCOMPLETE;
		} else if (sani_sock_poll(home->k) < 0) {
			return WSAENETDOWN;
		}
	}
	return 0;
}

static DWORD
result(SOCKET s, LPWSAOVERLAPPED ov, LPDWORD bytes, BOOL wait, LPDWORD flags)
{
	const struct sani_wsp_sock *so = sani_wsp_find(s);
	DWORD code;

	if (so == NULL)
		return WSAENOTSOCK;
	if (ov == NULL)
		return WSAEINVAL;
	if (bytes == NULL || flags == NULL)
		return WSAEFAULT;
	if (wait && (ov->hEvent == NULL || sani_wsp_is_polled(ov)))
		return WSA_INVALID_HANDLE;
	code = !is_running(ov) ? 0 : wait ? wait_for(so, ov) : WSA_IO_INCOMPLETE;
	return code != 0 ? code : ov->OffsetHigh;
}

BOOL WSPAPI
sani_wsp_get_overlapped_result(SOCKET s, LPWSAOVERLAPPED ov, LPDWORD bytes, BOOL wait, LPDWORD flags, LPINT err)
{
	DWORD code = result(s, ov, bytes, wait, flags);

	if (code != 0) {
		sani_wsp_return(code, err);
		return FALSE;
	}
	*bytes = (DWORD)ov->InternalHigh;
	*flags = ov->Offset;
	return TRUE;
}
