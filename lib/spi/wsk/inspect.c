/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Conditional accept: W35 to W37, W75. The handshake is the stack's and is over when the program is asked;
 * so what it rejects, or what is lost while it thinks, was a connection. Accepted connections are given out
 * in the order in which they came, but for those that are left pending.
 */
#include "spi/wsk/priv.h"

enum { ARG_KEY, ARG_SERIAL, ARG_ACTION };

static void
apply(struct sani_wsk_sock *conn, WSK_INSPECT_ACTION action)
{
	/* Said already, by WskInspectComplete() inside the callback; or the listening socket is on its way out. */
	if (!conn->pending || conn->listener == NULL)
		return;
	if (action == WskInspectAccept) {
		conn->pending = false;
	} else if (action == WskInspectReject) {
		sani_wsk_unwait(conn);
		sani_wsk_sock_reject(conn);
	}
}

void
sani_wsk_inspect(struct sani_wsk_sock *l, struct sani_wsk_sock *conn)
{
	struct sockaddr_in local, remote;
	WSK_INSPECT_ACTION action;
	WSK_INSPECT_ID id;

	conn->inspect.Key = (ULONG_PTR)conn;
	conn->inspect.SerialNumber = ++l->listening->serial;
	conn->pending = true;
	sani_wsk_watch(conn);
	id = conn->inspect;
	sani_win_addr_out(&conn->local, &local);
	sani_win_addr_out(&conn->remote, &remote);
	action = l->on_listen->WskInspectEvent(l->context, (PSOCKADDR)&local, (PSOCKADDR)&remote, &id);
	apply(conn, action);
}

void
sani_wsk_inspect_lost(struct sani_wsk_sock *conn)
{
	struct sani_wsk_sock *l = conn->listener;
	WSK_INSPECT_ID id = conn->inspect;

	if (id.Key == 0)
		return;
	sani_wsk_unwait(conn);
	sani_wsk_sock_reject(conn);
	if (!l->closing && l->on_listen->WskAbortEvent != NULL)
		l->on_listen->WskAbortEvent(l->context, &id);
}

static struct sani_wsk_sock *
find(const struct sani_wsk_sock *l, ULONG_PTR key, ULONG_PTR serial)
{
	struct sani_wsk_sock *conn = l->listening->first;

	while (conn != NULL && (conn->inspect.Key != key || conn->inspect.SerialNumber != serial))
		conn = conn->next_waiting;
	return conn;
}

static VOID
start_complete(PIRP irp)
{
	const ULONG_PTR *arg = sani_wsk_args(irp);
	struct sani_wsk_sock *l = irp->Socket;
	struct sani_wsk_sock *conn;

	if (!l->conditional || l->listening == NULL) {
		sani_wsk_finish(irp, STATUS_INVALID_DEVICE_STATE, 0);
		return;
	}
	conn = find(l, arg[ARG_KEY], arg[ARG_SERIAL]);
	if ((arg[ARG_ACTION] != WskInspectAccept && arg[ARG_ACTION] != WskInspectReject) ||
	    arg[ARG_SERIAL] == 0 || arg[ARG_SERIAL] > l->listening->serial || (conn != NULL && !conn->pending)) {
		sani_wsk_finish(irp, STATUS_INVALID_PARAMETER, 0);
		return;
	}
	/* NULL: it was lost meanwhile, and WskAbortEvent has told. */
	if (conn != NULL)
		apply(conn, (WSK_INSPECT_ACTION)arg[ARG_ACTION]);
	sani_wsk_finish(irp, STATUS_SUCCESS, 0);
	sani_wsk_kick(l);
}

NTSTATUS
sani_wsk_inspect_complete(PWSK_SOCKET ListenSocket, PWSK_INSPECT_ID InspectID, WSK_INSPECT_ACTION Action, PIRP Irp)
{
	struct sani_wsk_sock *l = sani_wsk_sock(ListenSocket);
	ULONG_PTR *arg;

	if (!sani_wsk_take(l, l->core, Irp))
		return STATUS_INVALID_PARAMETER;
	arg = sani_wsk_args(Irp);
	arg[ARG_KEY] = InspectID != NULL ? InspectID->Key : 0;
	arg[ARG_SERIAL] = InspectID != NULL ? InspectID->SerialNumber : 0;
	arg[ARG_ACTION] = (ULONG_PTR)Action;
	return sani_wsk_submit(Irp, start_complete);
}
