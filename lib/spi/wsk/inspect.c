/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Conditional accept: W35 to W37, W75. The listening socket holds its handshakes: the program is asked at the SYN, and
 * the peer is answered when it has decided. Accepted connections are given out when their handshakes are finished, in
 * the order in which they came; those behind one that is left pending, or not finished, do not wait for it.
 */
#include <errno.h>

#include "spi/wsk/priv.h"

enum { ARG_KEY, ARG_SERIAL, ARG_ACTION };

/* Its handshake may go on. */
static void
answer_peer(struct sani_wsk_sock *conn)
{
	/* No room in the ring to the connection's core: the next turn tries again. */
	conn->confirming = sani_layer_confirm(conn->h) == -EAGAIN;
	if (conn->confirming)
		sani_wsk_kick(conn);
}

static void
apply(struct sani_wsk_sock *conn, WSK_INSPECT_ACTION action)
{
	/* Said already, by WskInspectComplete() inside the callback. */
	if (!conn->pending || conn->listener == NULL)
		return;
	/* Closed inside the callback: whatever that has answered, the request goes with the listening socket. */
	if (conn->listener->closing)
		return;
	if (action == WskInspectAccept) {
		conn->pending = false;
		answer_peer(conn);
	} else if (action == WskInspectReject) {
		sani_wsk_unwait(conn);
		sani_wsk_sock_reject(conn);
	}
}

void
sani_wsk_inspect_arm(struct sani_wsk_sock *conn)
{
	sani_wsk_watch(conn);
	if (conn->lost)
		sani_wsk_inspect_lost(conn);
	else if (conn->confirming)
		answer_peer(conn);
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
	conn->opening = true;
	sani_wsk_watch(conn);
	if (conn->lost) {
		/* Nobody has heard of it. */
		sani_wsk_unwait(conn);
		sani_wsk_sock_reject(conn);
		return;
	}
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
