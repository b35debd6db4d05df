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

static inline bool
is_polled(const WSAOVERLAPPED *ov)
{
	return ((uintptr_t)ov->hEvent & 1) != 0;
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

/* The registration of one buffer: the one that was used last, most often. */
static inline struct sani_wsp_mem *
mem_of(struct sani_wsp_sock *so, const WSABUFEX *buf, unsigned int direction)
{
	const struct sani_wsp_near *near = &so->near[direction];
	uint64_t end;

	if (sani_likely(buf->handle == near->handle) &&
	    sani_likely(!__builtin_add_overflow((uint64_t)(buf->buf - near->base), (uint64_t)buf->len, &end)) &&
	    sani_likely(end <= near->room))
		return near->mem;
	return sani_wsp_mem_of(so, buf, direction);
}

/* R97, R98: over, and the structure says so; A12: the up-call follows in the core's turn. */
static inline DWORD
end_at_once(struct sani_wsp_sock *so, LPWSAOVERLAPPED ov, DWORD bytes)
{
	if (is_polled(ov)) {
		sani_wsp_finish_polled(ov, 0, bytes);
		return 0;
	}
	ov->Internal = WSS_OPERATION_IN_PROGRESS;
	sani_wsp_defer(so->home, so, ov, 0, bytes);
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

/* On the owning core, what is not one buffer. */
static DWORD
start_many(struct sani_wsp_sock *so, uint8_t kind, const WSABUFEX *bufs, DWORD nb, LPWSAOVERLAPPED ov)
{
	struct sani_wsp_op *op = so->home->spare;
	int rc;

	op->kind = kind;
	rc = post_many(so, op, bufs, nb);
	if (rc == 0)
		return begin(so, op, ov);
	return rc == 1 ? end_at_once(so, ov, op->native.len) : code_of(rc);
}

/* On the owning core. @return 0 (polled, over), WSA_IO_PENDING, or why it was not started. */
static inline DWORD
start(struct sani_wsp_sock *so, uint8_t kind, const WSABUFEX *bufs, DWORD nb, LPWSAOVERLAPPED ov)
{
	struct sani_wsp_home *home = so->home;
	struct sani_wsp_op *op = home->spare;
	struct sani_wsp_mem *mem;
	int rc;

	if (sani_unlikely(op == NULL) || (kind == SAN_OP_SEND && sani_unlikely(home->nb_done == SANI_WSP_DONE_MAX)))
		return WSAEWOULDBLOCK;
	if (sani_unlikely(nb != 1) || sani_unlikely(bufs->len - 1 >= SAN_IO_MAX))
		return start_many(so, kind, bufs, nb, ov);
	mem = mem_of(so, bufs, direction_of(kind));
	if (sani_unlikely(mem == NULL))
		return code_of(why_not(so));
	rc = sani_sock_post(&(struct sani_post){
		.sock = so->h, .op = &op->native, .buf = bufs->buf, .len = bufs->len, .kind = kind,
	});
	if (kind == SAN_OP_SEND && sani_likely(rc == 1))
		return end_at_once(so, ov, bufs->len);
	if (sani_unlikely(rc != 0))
		return code_of(rc);
	mem->in_use++;
	op->mem = mem;
	return begin(so, op, ov);
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
	else if (pool->list != NULL && pool->fresh < pool->size)
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
	if (sani_wsp_state(so) == SANI_WSP_OPEN)
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

static inline DWORD
transfer(SOCKET s, uint8_t kind, const WSABUFEX *bufs, DWORD nb, LPWSAOVERLAPPED ov)
{
	struct sani_wsp_sock *so = sani_wsp_find(s);

	if (sani_unlikely(so == NULL))
		return WSAENOTSOCK;
	if (sani_likely(so->thread == sani_thread_self()))
		return start(so, kind, bufs, nb, ov);
	return so->home == NULL ? WSAENOTCONN : send_away(s, so, kind, bufs, nb, ov);
}

/* Not what a transfer is given. */
static inline bool
is_odd(const WSABUFEX *bufs, DWORD flags, const WSAOVERLAPPED *ov, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
	return sani_unlikely(((uintptr_t)routine | flags) != 0) || sani_unlikely(ov == NULL) ||
	       sani_unlikely(bufs == NULL) || sani_unlikely(ov->Internal == WSS_OPERATION_IN_PROGRESS);
}

static int
refuse(SOCKET s, DWORD code, LPINT err)
{
	return sani_wsp_return(sani_wsp_find(s) == NULL ? WSAENOTSOCK : code, err);
}

int WSPAPI
sani_wsp_send(SOCKET s, LPWSABUFEX bufs, DWORD nb, LPDWORD sent, DWORD flags, LPWSAOVERLAPPED ov,
	      LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT err)
{
	DWORD code;

	(void)thread;
	if (sani_unlikely(is_odd(bufs, flags, ov, routine)) || sani_unlikely(nb - 1 >= SAN_VEC_MAX))
		return refuse(s, check(bufs, nb, flags, ov, routine), err);
	code = transfer(s, SAN_OP_SEND, bufs, nb, ov);
	if (code == 0 && sent != NULL)
		*sent = (DWORD)ov->InternalHigh;
	return sani_wsp_return(code, err);
}

int WSPAPI
sani_wsp_recv(SOCKET s, LPWSABUFEX bufs, DWORD nb, LPDWORD received, LPDWORD flags, LPWSAOVERLAPPED ov,
	      LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT err)
{
	(void)received;
	(void)thread;
	if (sani_unlikely(flags == NULL))
		return refuse(s, WSAEFAULT, err);
	if (sani_unlikely(is_odd(bufs, *flags, ov, routine)) || sani_unlikely(nb - 1 >= SAN_VEC_MAX))
		return refuse(s, check(bufs, nb, *flags, ov, routine), err);
	return sani_wsp_return(transfer(s, SAN_OP_RECV, bufs, nb, ov), err);
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
	if (wait && (ov->hEvent == NULL || is_polled(ov)))
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
