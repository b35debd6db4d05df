/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends and receives. On the owning core a call is the native post and little else; what is over at once is kept for
 * the core's turn (home.c) unless it is polled. Elsewhere the call travels in the thread's request ring.
 */
#include <errno.h>
#include <sched.h>

#include "spi/wsp/priv.h"

void
sani_wsp_drop_held(struct sani_wsp_op *op)
{
	while (op->nb_held > 0)
		op->so->mem[op->mem[--op->nb_held]].in_use--;
}

/* Until it has ended none of its registrations may go (R123). */
static inline void
hold(struct sani_wsp_op *op, uint32_t nb)
{
	uint32_t i;

	for (i = 0; i < nb; i++)
		op->so->mem[op->mem[i]].in_use++;
	op->nb_held = (uint16_t)nb;
}

/* A buffer that is not registered: before there is a connection none can be (R114 before R108). */
static int
why_not(const struct sani_wsp_sock *so)
{
	return so->phase == SANI_WSP_CONNECTED ? WSAEFAULT : -ENOTCONN;
}

/* Several buffers. @return As sani_sock_post(), or WSAEFAULT. nb_mem: how many op->mem has. */
static int
post_many(struct sani_wsp_op *op, const WSABUFEX *bufs, DWORD nb, uint8_t access, uint32_t *nb_mem)
{
	struct san_vec vec[SAN_VEC_MAX];
	struct sani_post_extra x = { .vec = vec, .nb = nb, .min = 1 };
	struct sani_post p = { .sock = op->so->h, .op = &op->native, .kind = op->kind, .extra = &x };
	uint64_t sum = 0;
	uint32_t i;

	*nb_mem = 0;
	for (i = 0; i < nb; i++) {
		struct sani_wsp_mem *mem = bufs[i].len > 0 ? sani_wsp_mem_of(op->so, &bufs[i], access) : NULL;

		vec[i].base = bufs[i].buf;
		vec[i].len = bufs[i].len;
		sum += bufs[i].len;
		if (bufs[i].len == 0)
			continue;
		if (mem == NULL)
			return why_not(op->so);
		op->mem[(*nb_mem)++] = (uint16_t)(mem - op->so->mem);
	}
	p.len = (uint32_t)sum;
	if (sum == 0 && op->kind == SAN_OP_SEND)
		return 1;
	return sum == 0 || sum > SAN_IO_MAX ? -EINVAL : sani_sock_post(&p);
}

/* @return As sani_sock_post(), or WSAEFAULT. Nothing is held yet. */
static inline int
post(struct sani_wsp_op *op, const WSABUFEX *bufs, DWORD nb, uint8_t access, uint32_t *nb_mem)
{
	struct sani_wsp_sock *so = op->so;
	struct sani_wsp_mem *mem;

	if (sani_unlikely(nb != 1 || bufs->len - 1 >= SAN_IO_MAX))
		return post_many(op, bufs, nb, access, nb_mem);
	mem = sani_wsp_mem_of(so, bufs, access);
	if (sani_unlikely(mem == NULL))
		return why_not(so);
	op->mem[0] = (uint16_t)(mem - so->mem);
	*nb_mem = 1;
	return sani_sock_post(&(struct sani_post){
		.sock = so->h, .op = &op->native, .buf = bufs->buf, .len = bufs->len, .kind = op->kind,
	});
}

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

static inline bool
is_polled(const WSAOVERLAPPED *ov)
{
	return ((uintptr_t)ov->hEvent & 1) != 0;
}

/* R97, R98: over, and the structure says so; A12: the up-call follows in the core's turn. */
static inline DWORD
end_at_once(struct sani_wsp_home *home, struct sani_wsp_op *op, DWORD bytes)
{
	LPWSAOVERLAPPED ov = op->ov;

	if (is_polled(ov)) {
		sani_wsp_give_op(home, op);
		sani_wsp_finish_polled(ov, 0, bytes);
		return 0;
	}
	op->so->nb_ops++;
	ov->Internal = WSS_OPERATION_IN_PROGRESS;
	sani_wsp_defer(home, op, 0, bytes);
	return WSA_IO_PENDING;
}

/* On the owning core. @return 0 (polled, over), WSA_IO_PENDING, or why it was not started. */
static inline DWORD
start(struct sani_wsp_sock *so, uint8_t kind, uint8_t access, const WSABUFEX *bufs, DWORD nb, LPWSAOVERLAPPED ov)
{
	struct sani_wsp_home *home = so->home;
	struct sani_wsp_op *op = sani_wsp_take_op(home);
	uint32_t nb_mem;
	int rc;

	if (sani_unlikely(op == NULL))
		return WSAEWOULDBLOCK;
	op->so = so;
	op->ov = ov;
	op->kind = kind;
	rc = post(op, bufs, nb, access, &nb_mem);
	if (rc == 1)
		return end_at_once(home, op, nb_mem > 0 ? op->native.len : 0);
	if (sani_unlikely(rc != 0)) {
		sani_wsp_give_op(home, op);
		return code_of(rc);
	}
	ov->Internal = WSS_OPERATION_IN_PROGRESS;
	hold(op, nb_mem);
	so->nb_ops++;
	return WSA_IO_PENDING;
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
	uint8_t access = a->op.kind == SAN_OP_SEND ? MEM_READ : MEM_WRITE;
	uint32_t nb_mem = 0;
	int rc = -ECANCELED;

	(void)k;
	so->nb_ops++;
	atomic_fetch_sub(&so->away, 1);
	if ((uint32_t)atomic_load(&so->word) == SANI_WSP_OPEN)
		rc = post(&a->op, a->bufs, a->op.nb, access, &nb_mem);
	if (rc == 0)
		hold(&a->op, nb_mem);
	else if (rc == 1)
		sani_wsp_defer(so->home, &a->op, 0, nb_mem > 0 ? a->op.native.len : 0);
	else
		sani_wsp_defer(so->home, &a->op, code_of(rc), 0);
}

/* The core's thread: a post that was not made may have held up the release of its socket. */
static void
look_again(struct san_core *k, void *arg)
{
	struct sani_wsp_sock *so = arg;

	(void)k;
	if ((uint32_t)atomic_load(&so->word) == SANI_WSP_CLOSING)
		sani_wsp_try_release(so);
}

static void
undo_away(struct sani_wsp_sock *so, struct sani_wsp_home *home, struct sani_wsp_away *a)
{
	put_away(&home->away, a);
	atomic_fetch_sub(&so->away, 1);
	/* Rare: it was closed between the look and the count. */
	while ((uint32_t)atomic_load(&so->word) == SANI_WSP_CLOSING &&
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
	a->op.is_away = true;
	a->op.nb = (uint16_t)nb;
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
transfer(SOCKET s, uint8_t kind, uint8_t access, const WSABUFEX *bufs, DWORD nb, LPWSAOVERLAPPED ov)
{
	struct sani_wsp_sock *so = sani_wsp_find(s);

	if (sani_unlikely(so == NULL))
		return WSAENOTSOCK;
	if (sani_unlikely(so->home == NULL))
		return WSAENOTCONN;
	if (sani_likely(sani_wsp_is_here(so->home)))
		return start(so, kind, access, bufs, nb, ov);
	return send_away(s, so, kind, bufs, nb, ov);
}

int WSPAPI
sani_wsp_send(SOCKET s, LPWSABUFEX bufs, DWORD nb, LPDWORD sent, DWORD flags, LPWSAOVERLAPPED ov,
	      LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT err)
{
	DWORD code = check(bufs, nb, flags, ov, routine);

	(void)thread;
	if (sani_likely(code == 0))
		code = transfer(s, SAN_OP_SEND, MEM_READ, bufs, nb, ov);
	else if (sani_wsp_find(s) == NULL)
		code = WSAENOTSOCK;
	if (sani_likely(code == 0) && sent != NULL)
		*sent = (DWORD)ov->InternalHigh;
	return sani_wsp_return(code, err);
}

int WSPAPI
sani_wsp_recv(SOCKET s, LPWSABUFEX bufs, DWORD nb, LPDWORD received, LPDWORD flags, LPWSAOVERLAPPED ov,
	      LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT err)
{
	DWORD code = flags == NULL ? WSAEFAULT : check(bufs, nb, *flags, ov, routine);

	(void)received;
	(void)thread;
	if (sani_likely(code == 0))
		code = transfer(s, SAN_OP_RECV, MEM_WRITE, bufs, nb, ov);
	else if (sani_wsp_find(s) == NULL)
		code = WSAENOTSOCK;
	return sani_wsp_return(code, err);
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
