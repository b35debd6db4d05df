/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Send, receive, disconnect: W39 to W43, W53 to W55. On the core's thread a request with one stretch of
 * memory goes straight to the native call; everything else leaves its arguments in the stack location
 * first.
 */
#include <errno.h>

#include "spi/wsk/priv.h"

unsigned int
sani_wsk_gather(const MDL *mdl, SIZE_T offset, SIZE_T length, struct san_vec *vec)
{
	unsigned int nb = 0;

	for (; length > 0; mdl = mdl->Next, offset = 0) {
		SIZE_T len;

		if (mdl == NULL || nb == SAN_VEC_MAX || offset > mdl->ByteCount)
			return 0;
		len = RTE_MIN(mdl->ByteCount - offset, length);
		if (len == 0)
			continue;
		vec[nb++] = (struct san_vec){ .base = (char *)mdl->MappedSystemVa + offset, .len = len };
		length -= len;
	}
	return nb;
}

/* What is left of a receive whose memory has part already: skip whole MDLs first. */
static unsigned int
gather_rest(const ULONG_PTR *arg, struct san_vec *vec)
{
	SIZE_T offset = arg[SANI_WSK_OFFSET] + arg[SANI_WSK_DONE];
	const MDL *mdl = (const MDL *)arg[SANI_WSK_MDL];

	while (mdl != NULL && offset >= mdl->ByteCount) {
		offset -= mdl->ByteCount;
		mdl = mdl->Next;
	}
	return sani_wsk_gather(mdl, offset, arg[SANI_WSK_LENGTH] - arg[SANI_WSK_DONE], vec);
}

static void
keep_arguments(PIRP irp, const WSK_BUF *buf, ULONG flags)
{
	ULONG_PTR *arg = sani_wsk_args(irp);

	arg[SANI_WSK_MDL] = buf != NULL ? (ULONG_PTR)buf->Mdl : 0;
	arg[SANI_WSK_OFFSET] = buf != NULL ? buf->Offset : 0;
	arg[SANI_WSK_LENGTH] = buf != NULL ? buf->Length : 0;
	arg[SANI_WSK_FLAGS] = flags;
	arg[SANI_WSK_DONE] = 0;
}

static bool
is_connected(const struct sani_wsk_sock *s)
{
	return atomic_load_explicit(&s->phase, memory_order_relaxed) == SANI_WSK_CONNECTED;
}

/*
 * W40, where Nagle's algorithm is on: off for a send with the flag, which takes along what was queued
 * before, and on again with the next one without.
 */
static void
hurry(struct sani_wsk_sock *s, bool now)
{
	if (s->hurried == now || !s->nagle)
		return;
	if (san_set_option(s->h, SAN_OPT_NODELAY, now) == 0)
		s->hurried = now;
}

/* Its end is that of the sends before it. */
static int
send_nothing(const struct sani_wsk_sock *s, PIRP irp)
{
	const struct sani_post p = { .sock = s->h, .op = &irp->Operation, .flags = SAN_ACKED, .kind = SAN_OP_SEND };

	return sani_layer_post_told(&p);
}

static VOID
start_send(PIRP irp)
{
	const ULONG_PTR *arg = sani_wsk_args(irp);
	struct sani_wsk_sock *s = irp->Socket;
	struct san_vec vec[SAN_VEC_MAX];
	unsigned int nb;

	if (arg[SANI_WSK_FLAGS] & ~(ULONG_PTR)WSK_FLAG_NODELAY) {
		sani_wsk_finish(irp, STATUS_NOT_SUPPORTED, 0);
		return;
	}
	hurry(s, arg[SANI_WSK_FLAGS] & WSK_FLAG_NODELAY);
	irp->Operation.user = s->tells_backlog ? sani_wsk_user(sani_wsk_on_sent) : sani_wsk_plain(irp);
	if (arg[SANI_WSK_LENGTH] == 0) {
		sani_wsk_posted(irp, send_nothing(s, irp));
		return;
	}
	nb = sani_wsk_gather((const MDL *)arg[SANI_WSK_MDL], arg[SANI_WSK_OFFSET], arg[SANI_WSK_LENGTH], vec);
	if (nb == 0 || arg[SANI_WSK_LENGTH] > SAN_IO_MAX) {
		sani_wsk_finish(irp, STATUS_INVALID_BUFFER_SIZE, 0);
		return;
	}
	if (nb == 1)
		sani_wsk_posted(irp, san_send(s->h, &irp->Operation, vec[0].base, vec[0].len, SAN_ACKED));
	else
		sani_wsk_posted(irp, san_sendv(s->h, &irp->Operation, vec, nb, SAN_ACKED));
}

static NTSTATUS
submit_send(const WSK_BUF *buf, ULONG flags, PIRP irp)
{
	keep_arguments(irp, buf, flags);
	if (buf == NULL)
		sani_wsk_args(irp)[SANI_WSK_LENGTH] = SAN_IO_MAX + 1u;
	return sani_wsk_submit(irp, start_send);
}

/* Whatever the straight way is not for. */
static __attribute__((noinline)) NTSTATUS
send_slowly(struct sani_wsk_sock *s, const WSK_BUF *buf, ULONG flags, PIRP irp)
{
	return sani_wsk_take(s, s->core, irp) ? submit_send(buf, flags, irp) : STATUS_INVALID_PARAMETER;
}

/*
 * Of an IRP that was taken straight and is not one for that: it has no location left, which is a refusal, or it is only
 * not its maker's own. Its cancel routine stays, for a cancel may have come already.
 */
static bool
take_after_all(const struct sani_wsk_sock *s, PIRP irp)
{
	if (irp->CurrentLocation < 2) {
		irp->CancelRoutine = NULL;
		return false;
	}
	irp->Core = s->core;
	irp->Step = SANI_WSK_NEW;
	return true;
}

static __attribute__((noinline)) NTSTATUS
send_after_all(const struct sani_wsk_sock *s, const WSK_BUF *buf, ULONG flags, PIRP irp)
{
	return take_after_all(s, irp) ? submit_send(buf, flags, irp) : STATUS_INVALID_PARAMETER;
}

/* The native call refuses it. */
static int
refuse(struct san_overlapped *op, int rc, void *mem, uint32_t len, uint64_t user)
{
	PIRP irp = sani_wsk_irp_of(op);
	struct sani_wsk_sock *s = irp->Socket;
	NTSTATUS status = sani_wsk_status(rc);

	(void)mem;
	(void)user;
	if (len == 0 && rc == -EMSGSIZE)
		status = is_connected(s) ? STATUS_SUCCESS : STATUS_INVALID_DEVICE_STATE;
	irp->Core = s->core;
	sani_wsk_finish(irp, status, 0);
	return STATUS_PENDING;
}

static const struct sani_layer_way straight = { .accepted = STATUS_PENDING, .max = SAN_IO_MAX, .refused = refuse };

/* The memory of a request, when it is one stretch. */
static inline bool
is_one_stretch(const WSK_BUF *buf, const MDL *mdl, char **mem)
{
	SIZE_T end;

	if (mdl == NULL || __builtin_add_overflow(buf->Length, (SIZE_T)buf->Offset, &end) || end > mdl->ByteCount)
		return false;
	*mem = (char *)mdl->MappedSystemVa + buf->Offset;
	return true;
}

/*
 * On the core's thread, with one stretch of memory? A bit that the addresses of buf and irp share says of both at once
 * that they are not NULL; with none the slow way looks closer.
 */
static inline bool
is_straight(const void *thread, const WSK_BUF *buf, const IRP *irp, char **mem)
{
	return ((uintptr_t)buf & (uintptr_t)irp) != 0 && thread == &sani_wsk_mark &&
	       is_one_stretch(buf, buf->Mdl, mem);
}

/* Take an IRP over, as sani_wsk_take(), for an operation that is posted next, if it is its maker's own. */
static inline bool
take_straight(struct sani_wsk_sock *s, PIRP irp)
{
	irp->Socket = s;
	irp->Step = SANI_WSK_NATIVE;
	/* sequentially consistent, before the look at Cancel: against IoCancelIrp() */
	__atomic_store_n(&irp->CancelRoutine, sani_wsk_cancel, __ATOMIC_SEQ_CST);
	return sani_wsk_is_own(irp);
}

static inline NTSTATUS
post_straight(const struct sani_wsk_sock *s, char *mem, SIZE_T len, PIRP irp, uint8_t kind, ULONG flags)
{
	irp->Operation.sock = s->h;
	irp->Operation.kind = kind;
	irp->Operation.flags = (uint16_t)flags;
	return sani_layer_transfer(s->k, &irp->Operation, mem, (uint32_t)len, &straight, (uintptr_t)irp);
}

NTSTATUS
sani_wsk_send(PWSK_SOCKET Socket, PWSK_BUF Buffer, ULONG Flags, PIRP Irp)
{
	struct sani_wsk_sock *s = sani_wsk_sock(Socket);
	char *mem;

	if (sani_unlikely(!is_straight(s->sends_on, Buffer, Irp, &mem) || Flags & ~WSK_FLAG_NODELAY))
		return send_slowly(s, Buffer, Flags, Irp);
	if (sani_unlikely(!take_straight(s, Irp)))
		return send_after_all(s, Buffer, Flags, Irp);
	return post_straight(s, mem, Buffer->Length, Irp, SAN_OP_SEND, SAN_ACKED);
}

/* What came into the sink is forgotten. */
static void
on_drained(struct sani_wsk_core *wc, const struct san_completion *comp)
{
	PIRP irp = sani_wsk_irp_of(comp->op);
	struct sani_wsk_sock *s = irp->Socket;
	bool counted = irp->Step & SANI_WSK_BY_RX;
	int rc = comp->result;

	if (rc > 0)
		rc = san_recv(s->h, &irp->Operation, wc->sink, sizeof(wc->sink), 0);
	if (comp->result > 0 && rc == 0)
		return;
	sani_wsk_complete(irp, sani_wsk_status(rc), 0);
	if (!counted)
		return;
	s->rx->ended = true;
	sani_wsk_rx_ended(s);
}

/* The end of a receive that rx counts, or that has had part of its bytes before. */
static void
on_received(struct sani_wsk_core *wc, const struct san_completion *comp)
{
	PIRP irp = sani_wsk_irp_of(comp->op);
	struct sani_wsk_sock *s = irp->Socket;
	ULONG_PTR done = sani_wsk_args(irp)[SANI_WSK_DONE];

	(void)wc;
	if (comp->result <= 0)
		s->rx->ended = true;
	if (comp->result >= 0)
		sani_wsk_complete(irp, STATUS_SUCCESS, done + (ULONG_PTR)comp->result);
	else
		sani_wsk_complete(irp, sani_wsk_status(comp->result), done + irp->Operation.done);
	sani_wsk_rx_ended(s);
}

static int
post_receive(struct sani_wsk_sock *s, PIRP irp)
{
	const ULONG_PTR *arg = sani_wsk_args(irp);
	unsigned int flags = arg[SANI_WSK_FLAGS] & WSK_FLAG_WAITALL ? SAN_WAITALL : 0;
	struct san_vec vec[SAN_VEC_MAX];
	unsigned int nb;

	if (arg[SANI_WSK_FLAGS] & WSK_FLAG_DRAIN) {
		irp->Operation.user = sani_wsk_user(on_drained);
		return san_recv(s->h, &irp->Operation, s->core->sink, sizeof(s->core->sink), 0);
	}
	nb = gather_rest(arg, vec);
	if (nb == 0 || arg[SANI_WSK_LENGTH] > SAN_IO_MAX)
		return -EMSGSIZE;
	irp->Operation.user = irp->Step & SANI_WSK_BY_RX ? sani_wsk_user(on_received) : sani_wsk_plain(irp);
	if (nb == 1)
		return san_recv(s->h, &irp->Operation, vec[0].base, vec[0].len, flags);
	return san_recvv(s->h, &irp->Operation, vec, nb, flags ? arg[SANI_WSK_LENGTH] - arg[SANI_WSK_DONE] : 1, 0);
}

void
sani_wsk_receive_now(PIRP irp)
{
	struct sani_wsk_sock *s = irp->Socket;
	bool counted = irp->Step & SANI_WSK_BY_RX;
	int rc = post_receive(s, irp);

	sani_wsk_posted(irp, rc);
	if (rc != 0 && counted)
		s->rx->natives--;
}

static VOID
start_receive(PIRP irp)
{
	const ULONG_PTR *arg = sani_wsk_args(irp);
	struct sani_wsk_sock *s = irp->Socket;
	ULONG_PTR flags = arg[SANI_WSK_FLAGS];

	if (flags & ~(ULONG_PTR)(WSK_FLAG_WAITALL | WSK_FLAG_DRAIN) ||
	    (flags & WSK_FLAG_DRAIN && (flags & WSK_FLAG_WAITALL || arg[SANI_WSK_LENGTH] > 0)))
		sani_wsk_finish(irp, STATUS_NOT_SUPPORTED, 0);
	else if (!is_connected(s))
		sani_wsk_finish(irp, STATUS_INVALID_DEVICE_STATE, 0);
	else if (s->rx != NULL)
		sani_wsk_rx_request(s, irp);
	else if (arg[SANI_WSK_LENGTH] == 0 && !(flags & WSK_FLAG_DRAIN))
		sani_wsk_finish(irp, STATUS_SUCCESS, 0);
	else
		sani_wsk_receive_now(irp);
}

static NTSTATUS
submit_receive(const WSK_BUF *buf, ULONG flags, PIRP irp)
{
	keep_arguments(irp, buf, flags);
	return sani_wsk_submit(irp, start_receive);
}

static __attribute__((noinline)) NTSTATUS
receive_slowly(struct sani_wsk_sock *s, const WSK_BUF *buf, ULONG flags, PIRP irp)
{
	return sani_wsk_take(s, s->core, irp) ? submit_receive(buf, flags, irp) : STATUS_INVALID_PARAMETER;
}

static __attribute__((noinline)) NTSTATUS
receive_after_all(const struct sani_wsk_sock *s, const WSK_BUF *buf, ULONG flags, PIRP irp)
{
	return take_after_all(s, irp) ? submit_receive(buf, flags, irp) : STATUS_INVALID_PARAMETER;
}

NTSTATUS
sani_wsk_receive(PWSK_SOCKET Socket, PWSK_BUF Buffer, ULONG Flags, PIRP Irp)
{
	struct sani_wsk_sock *s = sani_wsk_sock(Socket);
	char *mem;

	_Static_assert((unsigned int)SAN_WAITALL == 2 * WSK_FLAG_WAITALL, "one flag is the other, shifted");
	if (sani_unlikely(!is_straight(s->recvs_on, Buffer, Irp, &mem) || Flags & ~WSK_FLAG_WAITALL))
		return receive_slowly(s, Buffer, Flags, Irp);
	if (sani_unlikely(!take_straight(s, Irp)))
		return receive_after_all(s, Buffer, Flags, Irp);
	return post_straight(s, mem, Buffer->Length, Irp, SAN_OP_RECV, Flags << 1);
}

/* The last send of a disconnect: the disconnect behind it tells. */
static void
on_last_sent(struct sani_wsk_core *wc, const struct san_completion *comp)
{
	(void)wc;
	(void)comp;
}

static int
send_last(struct sani_wsk_sock *s, const ULONG_PTR *arg)
{
	struct san_vec vec[SAN_VEC_MAX];
	const MDL *mdl = (const MDL *)arg[SANI_WSK_MDL];
	unsigned int nb = sani_wsk_gather(mdl, arg[SANI_WSK_OFFSET], arg[SANI_WSK_LENGTH], vec);

	if (nb == 0 || arg[SANI_WSK_LENGTH] > SAN_IO_MAX)
		return -EMSGSIZE;
	/* Posted still: it was disconnected before. */
	if (s->tail.state != 0)
		return -EPIPE;
	s->tail.user = sani_wsk_user(on_last_sent);
	return san_sendv(s->h, &s->tail, vec, nb, SAN_ACKED);
}

static VOID
start_disconnect(PIRP irp)
{
	const ULONG_PTR *arg = sani_wsk_args(irp);
	struct sani_wsk_sock *s = irp->Socket;
	int rc = 0;

	if (arg[SANI_WSK_FLAGS] & ~(ULONG_PTR)WSK_FLAG_ABORTIVE || (arg[SANI_WSK_FLAGS] && arg[SANI_WSK_LENGTH] > 0)) {
		sani_wsk_finish(irp, STATUS_INVALID_PARAMETER, 0);
		return;
	}
	irp->Operation.user = sani_wsk_plain(irp);
	if (arg[SANI_WSK_FLAGS]) {
		sani_wsk_posted(irp, san_disconnect(s->h, &irp->Operation, SAN_ABORT));
		return;
	}
	if (arg[SANI_WSK_LENGTH] > 0)
		rc = send_last(s, arg);
	if (rc >= 0)
		rc = san_shutdown(s->h, &irp->Operation, 0);
	sani_wsk_posted(irp, rc);
}

NTSTATUS
sani_wsk_disconnect(PWSK_SOCKET Socket, PWSK_BUF Buffer, ULONG Flags, PIRP Irp)
{
	struct sani_wsk_sock *s = sani_wsk_sock(Socket);

	if (!sani_wsk_take(s, s->core, Irp))
		return STATUS_INVALID_PARAMETER;
	keep_arguments(Irp, Buffer, Flags);
	/* A buffer with an abortive disconnect is refused even if it is empty. */
	if (Buffer != NULL && Flags & WSK_FLAG_ABORTIVE)
		sani_wsk_args(Irp)[SANI_WSK_LENGTH] = 1;
	return sani_wsk_submit(Irp, start_disconnect);
}
