/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Send, receive, disconnect: W39 to W43, W53 to W55. On the core's thread a request with one stretch of
 * memory goes straight to the native call; everything else leaves its arguments in the stack location
 * first.
 */
#include <errno.h>

#include "spi/wsk/priv.h"

enum { ARG_MDL, ARG_OFFSET, ARG_LENGTH, ARG_FLAGS, ARG_DONE };

/* The memory of a request when it is one stretch; NULL: it is not, or not enough. */
static inline void *
one_stretch(const WSK_BUF *buf)
{
	const MDL *mdl = buf->Mdl;

	if (sani_likely(mdl != NULL && buf->Offset + buf->Length <= mdl->ByteCount))
		return (char *)mdl->MappedSystemVa + buf->Offset;
	return NULL;
}

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
	SIZE_T offset = arg[ARG_OFFSET] + arg[ARG_DONE];
	const MDL *mdl = (const MDL *)arg[ARG_MDL];

	while (mdl != NULL && offset >= mdl->ByteCount) {
		offset -= mdl->ByteCount;
		mdl = mdl->Next;
	}
	return sani_wsk_gather(mdl, offset, arg[ARG_LENGTH] - arg[ARG_DONE], vec);
}

static ULONG_PTR *
keep_arguments(PIRP irp, const WSK_BUF *buf, ULONG flags)
{
	ULONG_PTR *arg = irp->CurrentStackLocation->Parameters.Provider;

	arg[ARG_MDL] = buf != NULL ? (ULONG_PTR)buf->Mdl : 0;
	arg[ARG_OFFSET] = buf != NULL ? buf->Offset : 0;
	arg[ARG_LENGTH] = buf != NULL ? buf->Length : 0;
	arg[ARG_FLAGS] = flags;
	arg[ARG_DONE] = 0;
	return arg;
}

static ULONG_PTR *
arguments(PIRP irp)
{
	return irp->CurrentStackLocation->Parameters.Provider;
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

static VOID
start_send(PIRP irp)
{
	const ULONG_PTR *arg = arguments(irp);
	struct sani_wsk_sock *s = irp->Socket;
	struct san_vec vec[SAN_VEC_MAX];
	unsigned int nb;

	if (arg[ARG_FLAGS] & ~(ULONG_PTR)WSK_FLAG_NODELAY) {
		sani_wsk_finish(irp, STATUS_NOT_SUPPORTED, 0);
		return;
	}
	if (arg[ARG_LENGTH] == 0) {
		sani_wsk_finish(irp, is_connected(s) ? STATUS_SUCCESS : STATUS_INVALID_DEVICE_STATE, 0);
		return;
	}
	nb = sani_wsk_gather((const MDL *)arg[ARG_MDL], arg[ARG_OFFSET], arg[ARG_LENGTH], vec);
	if (nb == 0 || arg[ARG_LENGTH] > SAN_IO_MAX) {
		sani_wsk_finish(irp, STATUS_INVALID_BUFFER_SIZE, 0);
		return;
	}
	hurry(s, arg[ARG_FLAGS] & WSK_FLAG_NODELAY);
	irp->Operation.user = s->send_user;
	if (nb == 1)
		sani_wsk_posted(irp, san_send(s->h, &irp->Operation, vec[0].base, vec[0].len, SAN_ACKED));
	else
		sani_wsk_posted(irp, san_sendv(s->h, &irp->Operation, vec, nb, SAN_ACKED));
}

NTSTATUS
sani_wsk_send(PWSK_SOCKET Socket, PWSK_BUF Buffer, ULONG Flags, PIRP Irp)
{
	struct sani_wsk_sock *s = sani_wsk_sock(Socket);
	struct sani_wsk_core *wc = s->core;
	const void *data;
	int rc;

	if (sani_unlikely(!sani_wsk_take(s, wc, Irp)))
		return STATUS_INVALID_PARAMETER;
	if (sani_unlikely(Buffer == NULL)) {
		keep_arguments(Irp, NULL, Flags);
		arguments(Irp)[ARG_LENGTH] = SAN_IO_MAX + 1u;
		return sani_wsk_submit(Irp, start_send);
	}
	data = one_stretch(Buffer);
	if (sani_unlikely(data == NULL || Flags & ~WSK_FLAG_NODELAY || s->nagle || !sani_wsk_is_here(wc) ||
			  Irp->Cancel))
		goto slowly;
	Irp->Operation.user = s->send_user;
	rc = san_send(s->h, &Irp->Operation, data, Buffer->Length, SAN_ACKED);
	if (sani_likely(rc == 0)) {
		Irp->Step = SANI_WSK_NATIVE;
		return STATUS_PENDING;
	}
slowly:
	keep_arguments(Irp, Buffer, Flags);
	return sani_wsk_submit(Irp, start_send);
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
	ULONG_PTR done = arguments(irp)[ARG_DONE];

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
	const ULONG_PTR *arg = arguments(irp);
	unsigned int flags = arg[ARG_FLAGS] & WSK_FLAG_WAITALL ? SAN_WAITALL : 0;
	struct san_vec vec[SAN_VEC_MAX];
	SIZE_T all = 0;
	unsigned int i, nb;

	if (arg[ARG_FLAGS] & WSK_FLAG_DRAIN) {
		irp->Operation.user = sani_wsk_user(on_drained);
		return san_recv(s->h, &irp->Operation, s->core->sink, sizeof(s->core->sink), 0);
	}
	nb = gather_rest(arg, vec);
	if (nb == 0 || arg[ARG_LENGTH] > SAN_IO_MAX)
		return -EMSGSIZE;
	for (i = 0; i < nb; i++)
		all += vec[i].len;
	irp->Operation.user = irp->Step & SANI_WSK_BY_RX ? sani_wsk_user(on_received) : 0;
	if (nb == 1)
		return san_recv(s->h, &irp->Operation, vec[0].base, vec[0].len, flags);
	return san_recvv(s->h, &irp->Operation, vec, nb, flags ? all : 1, 0);
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
	const ULONG_PTR *arg = arguments(irp);
	struct sani_wsk_sock *s = irp->Socket;
	ULONG_PTR flags = arg[ARG_FLAGS];

	if (flags & ~(ULONG_PTR)(WSK_FLAG_WAITALL | WSK_FLAG_DRAIN) ||
	    (flags & WSK_FLAG_DRAIN && (flags & WSK_FLAG_WAITALL || arg[ARG_LENGTH] > 0)))
		sani_wsk_finish(irp, STATUS_NOT_SUPPORTED, 0);
	else if (!is_connected(s))
		sani_wsk_finish(irp, STATUS_INVALID_DEVICE_STATE, 0);
	else if (s->rx != NULL)
		sani_wsk_rx_request(s, irp);
	else if (arg[ARG_LENGTH] == 0 && !(flags & WSK_FLAG_DRAIN))
		sani_wsk_finish(irp, STATUS_SUCCESS, 0);
	else
		sani_wsk_receive_now(irp);
}

NTSTATUS
sani_wsk_receive(PWSK_SOCKET Socket, PWSK_BUF Buffer, ULONG Flags, PIRP Irp)
{
	struct sani_wsk_sock *s = sani_wsk_sock(Socket);
	struct sani_wsk_core *wc = s->core;
	void *buf;
	int rc;

	if (sani_unlikely(!sani_wsk_take(s, wc, Irp)))
		return STATUS_INVALID_PARAMETER;
	if (sani_unlikely(Buffer == NULL || Flags & ~WSK_FLAG_WAITALL || !sani_wsk_is_here(wc) || s->rx != NULL ||
			  Irp->Cancel))
		goto slowly;
	buf = one_stretch(Buffer);
	if (sani_unlikely(buf == NULL))
		goto slowly;
	Irp->Operation.user = 0;
	rc = san_recv(s->h, &Irp->Operation, buf, Buffer->Length, Flags ? SAN_WAITALL : 0);
	if (sani_likely(rc == 0)) {
		Irp->Step = SANI_WSK_NATIVE;
		return STATUS_PENDING;
	}
slowly:
	keep_arguments(Irp, Buffer, Flags);
	return sani_wsk_submit(Irp, start_receive);
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
	unsigned int nb = sani_wsk_gather((const MDL *)arg[ARG_MDL], arg[ARG_OFFSET], arg[ARG_LENGTH], vec);

	if (nb == 0 || arg[ARG_LENGTH] > SAN_IO_MAX)
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
	const ULONG_PTR *arg = arguments(irp);
	struct sani_wsk_sock *s = irp->Socket;
	int rc = 0;

	if (arg[ARG_FLAGS] & ~(ULONG_PTR)WSK_FLAG_ABORTIVE || (arg[ARG_FLAGS] && arg[ARG_LENGTH] > 0)) {
		sani_wsk_finish(irp, STATUS_INVALID_PARAMETER, 0);
		return;
	}
	irp->Operation.user = 0;
	if (arg[ARG_FLAGS]) {
		sani_wsk_posted(irp, san_disconnect(s->h, &irp->Operation, SAN_ABORT));
		return;
	}
	if (arg[ARG_LENGTH] > 0)
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
		arguments(Irp)[ARG_LENGTH] = 1;
	return sani_wsk_submit(Irp, start_disconnect);
}
