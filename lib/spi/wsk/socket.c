/* SPDX-License-Identifier: BSD-3-Clause */
/* WskSocket, WskCloseSocket, and how a socket goes: W23, W60 to W73. */
#include <errno.h>
#include <stdlib.h>

#include "spi/wsk/priv.h"

void
sani_wsk_sock_straighten(struct sani_wsk_sock *s)
{
	const void *thread = s->h != SAN_NO_HANDLE ? s->core->thread : NULL;

	/* Of a connection that was accepted: maybe another than the listening socket's. */
	s->k = sani_sock_core(sani_handle_core(s->h));
	s->sends_on = s->nagle || s->tells_backlog ? NULL : thread;
	s->recvs_on = s->rx != NULL ? NULL : thread;
}

void
sani_wsk_sock_enter(struct sani_wsk_sock *s)
{
	struct sani_wsk_core *wc = s->core;

	s->prev = NULL;
	s->next = wc->socks;
	if (s->next != NULL)
		s->next->prev = s;
	wc->socks = s;
	sani_wsk_sock_straighten(s);
}

static void
leave(struct sani_wsk_sock *s)
{
	struct sani_wsk_core *wc = s->core;

	if (s->prev != NULL)
		s->prev->next = s->next;
	else if (wc->socks == s)
		wc->socks = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
}

void
sani_wsk_sock_free(struct sani_wsk_sock *s)
{
	leave(s);
	free(s->security);
	free(s);
}

/* What is held here ends, the socket is nobody's but the program's, which closes it, or has (W64, W73). */
void
sani_wsk_sock_over(struct sani_wsk_sock *s)
{
	struct _WSK_CLIENT *c = s->client;

	s->h = SAN_NO_HANDLE;
	s->native_over = true;
	sani_wsk_share_leave(s);
	sani_wsk_sock_straighten(s);
	sani_wsk_unwait(s);
	if (s->rx != NULL)
		sani_wsk_finish_all(&s->rx->held, STATUS_CANCELLED, 0);
	if (s->listening != NULL)
		sani_wsk_finish_all(&s->listening->held, STATUS_CANCELLED, 0);
	sani_wsk_finish_all(&s->held, STATUS_CANCELLED, 0);
	if (!s->closing)
		sani_wsk_tell_dead(s);
	sani_wsk_listen_free(s);
	sani_wsk_rx_free(s);
	if (s->close_irp != NULL) {
		PIRP irp = s->close_irp;

		s->close_irp = NULL;
		sani_wsk_finish(irp, STATUS_SUCCESS, 0);
	} else if (s->rejected) {
		sani_wsk_sock_free(s);
		sani_wsk_client_put_sock(c);
	}
}

static void
close_native(struct sani_wsk_sock *s)
{
	s->closing = true;
	atomic_store(&s->events, 0);
	if (s->h == SAN_NO_HANDLE || san_close(s->h, (uintptr_t)s | SANI_WSK_ODD) < 0) {
		/* A cleanup was first: its record comes, or has come. */
		if (s->h == SAN_NO_HANDLE || atomic_load(&s->core->gone))
			sani_wsk_sock_over(s);
	}
}

void
sani_wsk_sock_reject(struct sani_wsk_sock *s)
{
	s->rejected = true;
	close_native(s);
}

static VOID
start_close(PIRP irp)
{
	struct sani_wsk_sock *s = irp->Socket;

	/* What was called before the close, on other threads, comes before it (W63). */
	sani_wsk_take_inbox(s->core);
	s->close_irp = irp;
	close_native(s);
}

NTSTATUS
sani_wsk_close(PWSK_SOCKET Socket, PIRP Irp)
{
	struct sani_wsk_sock *s = sani_wsk_sock(Socket);

	if (!sani_wsk_take(s, s->core, Irp))
		return STATUS_INVALID_PARAMETER;
	/* Nothing cancels a close. */
	Irp->CancelRoutine = NULL;
	Irp->Step |= SANI_WSK_CLOSE | SANI_WSK_SEEN;
	return sani_wsk_submit(Irp, start_close);
}

void
sani_wsk_sock_names(struct sani_wsk_sock *s)
{
	san_names(s->h, &s->local, &s->remote);
}

void
sani_wsk_sock_fixed_events(struct sani_wsk_sock *s)
{
	ULONG fixed = atomic_load(&s->client->fixed_events) & sani_wsk_events_of(s);

	if (atomic_load(&s->phase) == SANI_WSK_LISTENING)
		fixed &= WSK_EVENT_ACCEPT;
	else
		fixed &= ~WSK_EVENT_ACCEPT;
	if (fixed == 0)
		return;
	atomic_fetch_or(&s->events, fixed);
	sani_wsk_kick(s);
}

/* A request that made s has failed: s is gone, and the program never had it. */
static void
fail_make(PIRP irp, NTSTATUS status)
{
	struct sani_wsk_sock *s = irp->Socket;
	struct _WSK_CLIENT *c = s->client;

	irp->Socket = NULL;
	if (s->h != SAN_NO_HANDLE) {
		sani_wsk_sock_reject(s);
	} else {
		sani_wsk_sock_free(s);
		sani_wsk_client_put_sock(c);
	}
	sani_wsk_finish(irp, status, 0);
}

/* The native socket of s. @return A status. */
static NTSTATUS
make_native(PIRP irp)
{
	struct sani_wsk_sock *s = irp->Socket;
	int rc;

	if (atomic_load(&s->core->gone))
		return STATUS_DEVICE_NOT_READY;
	if (__atomic_load_n(&irp->Cancel, __ATOMIC_SEQ_CST))
		return STATUS_CANCELLED;
	if (s->category != WSK_FLAG_BASIC_SOCKET) {
		rc = san_socket(s->core->core, s->core->layer.cq, &s->h);
		if (rc < 0)
			return sani_wsk_status(rc);
	}
	sani_wsk_sock_enter(s);
	return STATUS_SUCCESS;
}

static VOID
start_socket(PIRP irp)
{
	NTSTATUS status = make_native(irp);

	if (NT_SUCCESS(status))
		sani_wsk_finish(irp, status, (ULONG_PTR)irp->Socket);
	else
		fail_make(irp, status);
}

static bool
is_category(ULONG flags)
{
	return flags == WSK_FLAG_BASIC_SOCKET || flags == WSK_FLAG_LISTEN_SOCKET ||
	       flags == WSK_FLAG_CONNECTION_SOCKET || flags == WSK_FLAG_DATAGRAM_SOCKET ||
	       flags == WSK_FLAG_STREAM_SOCKET;
}

static NTSTATUS
check_kind(ADDRESS_FAMILY family, USHORT type, ULONG protocol, ULONG flags)
{
	if (!is_category(flags))
		return STATUS_INVALID_PARAMETER;
	if (family != AF_INET)
		return STATUS_NOT_SUPPORTED;
	if (flags == WSK_FLAG_BASIC_SOCKET)
		return STATUS_SUCCESS;
	if (flags == WSK_FLAG_DATAGRAM_SOCKET || type != SOCK_STREAM || (protocol != IPPROTO_TCP && protocol != 0))
		return STATUS_NOT_SUPPORTED;
	return STATUS_SUCCESS;
}

/* The callbacks of a category. */
static void
take_dispatch(struct sani_wsk_sock *s, const VOID *dispatch)
{
	const WSK_CLIENT_STREAM_DISPATCH *stream = dispatch;

	if (dispatch == NULL)
		return;
	if (s->category == WSK_FLAG_LISTEN_SOCKET)
		s->on_listen = dispatch;
	if (s->category == WSK_FLAG_CONNECTION_SOCKET)
		s->on_conn = dispatch;
	if (s->category == WSK_FLAG_STREAM_SOCKET) {
		s->on_listen = stream->Listen;
		s->on_conn = stream->Connect;
	}
}

/* A socket with its own copy of the descriptor (W25); NULL: status says why. */
static struct sani_wsk_sock *
make(struct _WSK_CLIENT *c, struct sani_wsk_core *wc, ULONG category, PSECURITY_DESCRIPTOR sd, NTSTATUS *status)
{
	SECURITY_DESCRIPTOR *security;
	struct sani_wsk_sock *s;

	*status = sani_wsk_sd_keep(c, sd, &security);
	if (!NT_SUCCESS(*status))
		return NULL;
	s = sani_wsk_sock_make(c, wc, category);
	if (s != NULL) {
		s->security = security;
		return s;
	}
	free(security);
	*status = STATUS_INSUFFICIENT_RESOURCES;
	return NULL;
}

/* Make s for a request, which is taken with it; or the request fails. @return False: there is no request. */
static bool
begin_make(struct _WSK_CLIENT *c, ULONG category, PSECURITY_DESCRIPTOR sd, PIRP irp, NTSTATUS *status)
{
	struct sani_wsk_core *wc = c != NULL ? sani_wsk_client_core(c) : NULL;

	if (wc == NULL || !sani_wsk_client_take(c, wc, NULL, irp)) {
		*status = STATUS_INVALID_PARAMETER;
		return false;
	}
	irp->Socket = NT_SUCCESS(*status) ? make(c, wc, category, sd, status) : NULL;
	return true;
}

NTSTATUS
sani_wsk_socket(PWSK_CLIENT Client, ADDRESS_FAMILY AddressFamily, USHORT SocketType, ULONG Protocol, ULONG Flags,
		PVOID SocketContext, const VOID *Dispatch, PEPROCESS OwningProcess, PETHREAD OwningThread,
		PSECURITY_DESCRIPTOR SecurityDescriptor, PIRP Irp)
{
	NTSTATUS status = check_kind(AddressFamily, SocketType, Protocol, Flags);
	struct sani_wsk_sock *s;

	(void)OwningProcess;
	(void)OwningThread;
	if (NT_SUCCESS(status) && Flags == WSK_FLAG_BASIC_SOCKET && (SocketContext != NULL || Dispatch != NULL))
		status = STATUS_INVALID_PARAMETER;
	if (!begin_make(Client, Flags, SecurityDescriptor, Irp, &status))
		return status;
	s = Irp->Socket;
	if (s == NULL)
		return sani_wsk_answer(Irp, status);
	s->context = SocketContext;
	take_dispatch(s, Dispatch);
	return sani_wsk_submit(Irp, start_socket);
}

static void
on_socket_connected(struct sani_wsk_core *wc, const struct san_completion *comp)
{
	PIRP irp = sani_wsk_irp_of(comp->op);
	struct sani_wsk_sock *s = irp->Socket;

	(void)wc;
	if (comp->result < 0) {
		fail_make(irp, sani_wsk_status(comp->result));
		return;
	}
	sani_wsk_sock_names(s);
	atomic_store(&s->phase, SANI_WSK_CONNECTED);
	sani_wsk_sock_fixed_events(s);
	sani_wsk_finish(irp, STATUS_SUCCESS, (ULONG_PTR)s);
}

static VOID
start_socket_connect(PIRP irp)
{
	struct sani_wsk_sock *s = irp->Socket;
	NTSTATUS status = make_native(irp);
	int rc;

	if (NT_SUCCESS(status))
		status = sani_wsk_bind_now(s, &s->local);
	if (NT_SUCCESS(status)) {
		atomic_store(&s->phase, SANI_WSK_CONNECTING);
		irp->Operation.user = sani_wsk_user(on_socket_connected);
		rc = san_connect(s->h, &irp->Operation, &s->remote, 0);
		if (rc == 0) {
			sani_wsk_posted(irp, 0);
			return;
		}
		status = rc == -EINVAL ? STATUS_INVALID_ADDRESS : sani_wsk_status(rc);
	}
	fail_make(irp, status);
}

/* All in one request (W30): what fails in it leaves no socket. */
NTSTATUS
sani_wsk_socket_connect(PWSK_CLIENT Client, USHORT SocketType, ULONG Protocol, PSOCKADDR LocalAddress,
			PSOCKADDR RemoteAddress, ULONG Flags, PVOID SocketContext,
			const WSK_CLIENT_CONNECTION_DISPATCH *Dispatch, PEPROCESS OwningProcess,
			PETHREAD OwningThread, PSECURITY_DESCRIPTOR SecurityDescriptor, PIRP Irp)
{
	NTSTATUS status = check_kind(AF_INET, SocketType, Protocol, WSK_FLAG_CONNECTION_SOCKET);
	struct san_addr local, remote;
	struct sani_wsk_sock *s;

	(void)OwningProcess;
	(void)OwningThread;
	if (NT_SUCCESS(status) && (Flags != 0 || LocalAddress == NULL || RemoteAddress == NULL))
		status = STATUS_INVALID_PARAMETER;
	else if (NT_SUCCESS(status) &&
		 (!sani_win_addr_in(LocalAddress, &local) || !sani_win_addr_in(RemoteAddress, &remote)))
		status = STATUS_INVALID_ADDRESS;
	if (!begin_make(Client, WSK_FLAG_CONNECTION_SOCKET, SecurityDescriptor, Irp, &status))
		return status;
	s = Irp->Socket;
	if (s == NULL)
		return sani_wsk_answer(Irp, status);
	s->context = SocketContext;
	s->on_conn = Dispatch;
	s->local = local;
	s->remote = remote;
	return sani_wsk_submit(Irp, start_socket_connect);
}
