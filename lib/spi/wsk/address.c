/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a socket is bound, and connected to: W26, W27, W29. */
#include <errno.h>

#include "sock/layer.h"
#include "spi/wsk/priv.h"

/* With several cores the port of a connection says which one has it: it is chosen with its peer. */
static bool
is_chosen_later(const struct sani_wsk_sock *s, const struct san_addr *local)
{
	return local->port == 0 && s->category != WSK_FLAG_LISTEN_SOCKET && s->core->host->nb_cores > 1;
}

static NTSTATUS
bind_shared(struct sani_wsk_sock *s, struct san_addr *at)
{
	NTSTATUS status = sani_wsk_share_enter(s, at);
	int rc;

	if (!NT_SUCCESS(status))
		return status;
	rc = sani_layer_bind(s->h, at);
	if (rc < 0)
		sani_wsk_share_leave(s);
	return sani_wsk_status(rc);
}

NTSTATUS
sani_wsk_bind_now(struct sani_wsk_sock *s, const struct san_addr *local)
{
	struct san_addr at = *local;
	NTSTATUS status;

	status = is_chosen_later(s, local) ? sani_wsk_status(san_bind(s->h, &at)) : bind_shared(s, &at);
	if (!NT_SUCCESS(status))
		return status;
	s->local = at;
	atomic_store(&s->phase, SANI_WSK_BOUND);
	return s->category == WSK_FLAG_LISTEN_SOCKET ? sani_wsk_listen_now(s) : STATUS_SUCCESS;
}

static VOID
start_bind(PIRP irp)
{
	struct sani_wsk_sock *s = irp->Socket;
	struct san_addr local;

	memcpy(&local, sani_wsk_args(irp), sizeof(local));
	if (atomic_load(&s->phase) != SANI_WSK_FRESH)
		sani_wsk_finish(irp, STATUS_INVALID_DEVICE_STATE, 0);
	else
		sani_wsk_finish(irp, sani_wsk_bind_now(s, &local), 0);
}

NTSTATUS
sani_wsk_bind(PWSK_SOCKET Socket, PSOCKADDR LocalAddress, ULONG Flags, PIRP Irp)
{
	struct sani_wsk_sock *s = sani_wsk_sock(Socket);
	struct san_addr local;

	if (!sani_wsk_take(s, s->core, Irp))
		return STATUS_INVALID_PARAMETER;
	if (LocalAddress == NULL || Flags != 0)
		return sani_wsk_answer(Irp, STATUS_INVALID_PARAMETER);
	if (!sani_win_addr_in(LocalAddress, &local))
		return sani_wsk_answer(Irp, STATUS_INVALID_ADDRESS);
	memcpy(sani_wsk_args(Irp), &local, sizeof(local));
	return sani_wsk_submit(Irp, start_bind);
}

static void
answer(PIRP irp, bool known, const struct san_addr *addr)
{
	struct sockaddr_in *sa = (struct sockaddr_in *)sani_wsk_args(irp)[0];

	if (sa == NULL) {
		sani_wsk_finish(irp, STATUS_INVALID_PARAMETER, 0);
	} else if (!known) {
		sani_wsk_finish(irp, STATUS_INVALID_DEVICE_STATE, 0);
	} else {
		sani_win_addr_out(addr, sa);
		sani_wsk_finish(irp, STATUS_SUCCESS, 0);
	}
}

static VOID
start_local(PIRP irp)
{
	const struct sani_wsk_sock *s = irp->Socket;

	answer(irp, atomic_load(&s->phase) != SANI_WSK_FRESH, &s->local);
}

static VOID
start_remote(PIRP irp)
{
	const struct sani_wsk_sock *s = irp->Socket;

	answer(irp, atomic_load(&s->phase) == SANI_WSK_CONNECTED, &s->remote);
}

static NTSTATUS
ask(PWSK_SOCKET Socket, PSOCKADDR address, PIRP Irp, VOID (*start)(PIRP irp))
{
	struct sani_wsk_sock *s = sani_wsk_sock(Socket);

	if (!sani_wsk_take(s, s->core, Irp))
		return STATUS_INVALID_PARAMETER;
	sani_wsk_args(Irp)[0] = (ULONG_PTR)address;
	return sani_wsk_submit(Irp, start);
}

NTSTATUS
sani_wsk_get_local(PWSK_SOCKET Socket, PSOCKADDR LocalAddress, PIRP Irp)
{
	return ask(Socket, LocalAddress, Irp, start_local);
}

NTSTATUS
sani_wsk_get_remote(PWSK_SOCKET Socket, PSOCKADDR RemoteAddress, PIRP Irp)
{
	return ask(Socket, RemoteAddress, Irp, start_remote);
}
