/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "spi/wsk/priv.h"

#define FIRST_DATA_MAX 65535u

/* Arguments in the stack location: the first three hold the peer. */
enum { ARG_MDL = 3, ARG_OFFSET, ARG_LENGTH };

_Static_assert(sizeof(struct san_addr) <= 3 * sizeof(ULONG_PTR), "the peer fits into three arguments");

static void
on_connect_failed(struct sani_wsk_sock *s)
{
	atomic_store(&s->phase, SANI_WSK_BOUND);
}

static void
on_connect_done(struct sani_wsk_sock *s)
{
	atomic_store(&s->phase, SANI_WSK_CONNECTED);
	sani_wsk_sock_names(s);
	sani_wsk_sock_fixed_events(s);
}

/* Send the data of a WskConnectEx by the request's operation. @return As san_sendv(). */
static int
send_first(PIRP irp)
{
	const ULONG_PTR *arg = sani_wsk_args(irp);
	struct sani_wsk_sock *s = irp->Socket;
	struct san_vec vec[SAN_VEC_MAX];
	unsigned int nb = sani_wsk_gather((const MDL *)arg[ARG_MDL], arg[ARG_OFFSET], arg[ARG_LENGTH], vec);

	irp->Operation.user = sani_wsk_plain(irp);
	return nb == 0 ? -EMSGSIZE : san_sendv(s->h, &irp->Operation, vec, nb, SAN_ACKED);
}

static void
on_connected(struct sani_wsk_core *wc, const struct san_completion *comp)
{
	PIRP irp = sani_wsk_irp_of(comp->op);
	struct sani_wsk_sock *s = irp->Socket;

	(void)wc;
	if (comp->result < 0) {
		on_connect_failed(s);
		sani_wsk_complete(irp, sani_wsk_status(comp->result), 0);
		return;
	}
	on_connect_done(s);
	if (sani_wsk_args(irp)[ARG_LENGTH] == 0)
		sani_wsk_complete(irp, STATUS_SUCCESS, 0);
	else
		sani_wsk_posted(irp, send_first(irp));
}

/* With Fast Open the connect is the socket's own operation, and the request ends with its data. */
static void
on_fast_connected(struct sani_wsk_core *wc, const struct san_completion *comp)
{
	struct sani_wsk_sock *s = SANI_CONTAINER(comp->op, struct sani_wsk_sock, tail);

	(void)wc;
	if (comp->result < 0)
		on_connect_failed(s);
	else
		on_connect_done(s);
}

static int
connect_fast(PIRP irp, const struct san_addr *peer)
{
	struct sani_wsk_sock *s = irp->Socket;
	int rc;

	s->tail.user = sani_wsk_user(on_fast_connected);
	rc = san_connect(s->h, &s->tail, peer, 0);
	/* When the send fails the request ends; the connect goes on by itself and is noticed. */
	return rc < 0 ? rc : send_first(irp);
}

static bool
is_fast(const struct sani_wsk_sock *s)
{
	uint32_t fast = 0;

	return san_get_option(s->h, SAN_OPT_FASTOPEN, &fast) == 0 && fast != 0;
}

static VOID
start_connect(PIRP irp)
{
	const ULONG_PTR *arg = sani_wsk_args(irp);
	struct sani_wsk_sock *s = irp->Socket;
	struct san_addr peer;
	int rc;

	memcpy(&peer, arg, sizeof(peer));
	if (atomic_load(&s->phase) != SANI_WSK_BOUND) {
		sani_wsk_finish(irp, STATUS_INVALID_DEVICE_STATE, 0);
		return;
	}
	atomic_store(&s->phase, SANI_WSK_CONNECTING);
	if (arg[ARG_LENGTH] > 0 && is_fast(s)) {
		rc = connect_fast(irp, &peer);
	} else {
		irp->Operation.user = sani_wsk_user(on_connected);
		rc = san_connect(s->h, &irp->Operation, &peer, 0);
	}
	if (rc < 0 && s->tail.state == 0)
		on_connect_failed(s);
	if (rc == -EINVAL)
		sani_wsk_finish(irp, STATUS_INVALID_ADDRESS, 0);
	else
		sani_wsk_posted(irp, rc);
}

static NTSTATUS
submit_connect(PIRP irp, PSOCKADDR remote, NTSTATUS status)
{
	struct san_addr peer;

	if (NT_SUCCESS(status) && remote == NULL)
		status = STATUS_INVALID_PARAMETER;
	if (NT_SUCCESS(status) && !sani_win_addr_in(remote, &peer))
		status = STATUS_INVALID_ADDRESS;
	if (!NT_SUCCESS(status))
		return sani_wsk_answer(irp, status);
	memcpy(sani_wsk_args(irp), &peer, sizeof(peer));
	return sani_wsk_submit(irp, start_connect);
}

NTSTATUS
sani_wsk_connect(PWSK_SOCKET Socket, PSOCKADDR RemoteAddress, ULONG Flags, PIRP Irp)
{
	return sani_wsk_connect_ex(Socket, RemoteAddress, NULL, Flags, Irp);
}

NTSTATUS
sani_wsk_connect_ex(PWSK_SOCKET Socket, PSOCKADDR RemoteAddress, PWSK_BUF Buffer, ULONG Flags, PIRP Irp)
{
	struct sani_wsk_sock *s = sani_wsk_sock(Socket);
	ULONG_PTR *arg;

	if (!sani_wsk_take(s, s->core, Irp))
		return STATUS_INVALID_PARAMETER;
	arg = sani_wsk_args(Irp);
	arg[ARG_LENGTH] = 0;
	if (Flags != 0)
		return submit_connect(Irp, RemoteAddress, STATUS_INVALID_PARAMETER);
	if (Buffer != NULL) {
		if (Buffer->Length > FIRST_DATA_MAX)
			return submit_connect(Irp, RemoteAddress, STATUS_BUFFER_OVERFLOW);
		arg[ARG_MDL] = (ULONG_PTR)Buffer->Mdl;
		arg[ARG_OFFSET] = Buffer->Offset;
		arg[ARG_LENGTH] = Buffer->Length;
	}
	return submit_connect(Irp, RemoteAddress, STATUS_SUCCESS);
}
