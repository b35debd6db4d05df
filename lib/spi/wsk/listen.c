/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Listening: W26, W28, W31 to W34, W38. Without WskAcceptEvent and conditional accept each WskAccept is a
 * native accept. With one of them a repeating accept takes every connection, and requests are held for what
 * it brings; a connection that nobody wants yet waits in the listening socket's list.
 */
#include <errno.h>
#include <stdlib.h>

#include "spi/wsk/priv.h"

#define BACKLOG 1024
#define REPEAT SAN_REPEAT_MAX

enum { ARG_CONTEXT, ARG_DISPATCH, ARG_LOCAL, ARG_REMOTE };

/* Natively it has what its listening socket had when that began to listen (W74). */
static void
give_late(const struct sani_wsk_listen *li, san_handle h)
{
	if (li->keepalive.set)
		san_set_option(h, SAN_OPT_KEEPALIVE, li->keepalive.value);
	if (li->rcvbuf.set)
		san_set_option(h, SAN_OPT_RCVBUF, li->rcvbuf.value);
}

static struct sani_wsk_sock *
make_conn(struct sani_wsk_sock *l, san_handle h)
{
	ULONG category = l->category == WSK_FLAG_STREAM_SOCKET ? WSK_FLAG_STREAM_SOCKET :
								 WSK_FLAG_CONNECTION_SOCKET;
	struct sani_wsk_sock *s = sani_wsk_sock_make(l->client, l->core, category);

	if (s == NULL) {
		san_close(h, SANI_WSK_ODD);
		return NULL;
	}
	s->h = h;
	atomic_store(&s->phase, SANI_WSK_CONNECTED);
	sani_wsk_sock_names(s);
	sani_wsk_sock_enter(s);
	give_late(l->listening, h);
	return s;
}

static void
wait_in_list(struct sani_wsk_sock *l, struct sani_wsk_sock *conn)
{
	struct sani_wsk_listen *li = l->listening;

	conn->listener = l;
	conn->next_waiting = NULL;
	if (li->last != NULL)
		li->last->next_waiting = conn;
	else
		li->first = conn;
	li->last = conn;
	li->nb_waiting++;
}

void
sani_wsk_unwait(struct sani_wsk_sock *conn)
{
	struct sani_wsk_sock *at, *last = NULL;
	struct sani_wsk_listen *li;

	if (conn->listener == NULL)
		return;
	li = conn->listener->listening;
	for (at = li->first; at != conn; at = at->next_waiting)
		last = at;
	if (last != NULL)
		last->next_waiting = conn->next_waiting;
	else
		li->first = conn->next_waiting;
	if (li->last == conn)
		li->last = last;
	li->nb_waiting--;
	conn->listener = NULL;
}

static void
give_to_request(PIRP irp, struct sani_wsk_sock *conn)
{
	const ULONG_PTR *arg = sani_wsk_args(irp);

	sani_wsk_unwait(conn);
	conn->context = (PVOID)arg[ARG_CONTEXT];
	conn->on_conn = (const WSK_CLIENT_CONNECTION_DISPATCH *)arg[ARG_DISPATCH];
	if (arg[ARG_LOCAL] != 0)
		sani_win_addr_out(&conn->local, (struct sockaddr_in *)arg[ARG_LOCAL]);
	if (arg[ARG_REMOTE] != 0)
		sani_win_addr_out(&conn->remote, (struct sockaddr_in *)arg[ARG_REMOTE]);
	sani_wsk_sock_fixed_events(conn);
	sani_wsk_finish(irp, STATUS_SUCCESS, (ULONG_PTR)conn);
}

/* @return False: the callback is not enabled. */
static bool
give_to_callback(struct sani_wsk_sock *l, struct sani_wsk_sock *conn)
{
	const WSK_CLIENT_CONNECTION_DISPATCH *dispatch = NULL;
	struct sockaddr_in local, remote;
	PVOID context = NULL;
	NTSTATUS status;

	if (!sani_wsk_event_begin(l, WSK_EVENT_ACCEPT))
		return false;
	sani_wsk_unwait(conn);
	sani_win_addr_out(&conn->local, &local);
	sani_win_addr_out(&conn->remote, &remote);
	status = l->on_listen->WskAcceptEvent(l->context, WSK_FLAG_AT_DISPATCH_LEVEL, (PSOCKADDR)&local,
					      (PSOCKADDR)&remote, &conn->pub, &context, &dispatch);
	sani_wsk_event_end(l);
	if (status != STATUS_SUCCESS) {
		if (!conn->closing)
			sani_wsk_sock_reject(conn);
		return true;
	}
	conn->context = context;
	conn->on_conn = dispatch;
	if (conn->closing)
		return true;
	atomic_fetch_or(&conn->events, l->inherited & sani_wsk_events_of(conn) & ~WSK_EVENT_ACCEPT);
	sani_wsk_sock_fixed_events(conn);
	sani_wsk_kick(conn);
	return true;
}

/* The oldest that may be given out. */
static struct sani_wsk_sock *
first_ready(const struct sani_wsk_sock *l)
{
	struct sani_wsk_sock *conn = l->listening->first;

	while (conn != NULL && (conn->pending || conn->opening))
		conn = conn->next_waiting;
	return conn;
}

void
sani_wsk_listen_serve(struct sani_wsk_sock *l)
{
	struct sani_wsk_listen *li = l->listening;
	struct sani_wsk_sock *conn;

	while (li->held.head != NULL && (conn = first_ready(l)) != NULL)
		give_to_request(sani_wsk_next(&li->held), conn);
}

void
sani_wsk_listen_go(struct sani_wsk_sock *l)
{
	struct sani_wsk_sock *conn;

	do {
		if (l->closing)
			return;
		sani_wsk_listen_serve(l);
		conn = first_ready(l);
	} while (conn != NULL && give_to_callback(l, conn));
}

static void
on_accepted(struct sani_wsk_core *wc, const struct san_completion *comp)
{
	PIRP irp = sani_wsk_irp_of(comp->op);
	struct sani_wsk_sock *l = irp->Socket;
	struct sani_wsk_sock *conn;

	(void)wc;
	if (comp->result < 0) {
		sani_wsk_complete(irp, sani_wsk_status(comp->result), 0);
		return;
	}
	conn = make_conn(l, comp->value);
	if (conn != NULL)
		give_to_request(irp, conn);
	else
		sani_wsk_complete(irp, STATUS_INSUFFICIENT_RESOURCES, 0);
}

static void
accept_natively(struct sani_wsk_sock *l, PIRP irp)
{
	irp->Operation.user = sani_wsk_user(on_accepted);
	sani_wsk_posted(irp, san_accept(l->h, &irp->Operation, 0));
}

/* The repeating accept. */
static void
on_repeated(struct sani_wsk_core *wc, const struct san_completion *comp)
{
	struct sani_wsk_listen *li = SANI_CONTAINER(comp->op, struct sani_wsk_listen, op);
	struct sani_wsk_sock *l = li->sock;
	struct sani_wsk_sock *conn;

	(void)wc;
	if (!(comp->flags & SAN_MORE)) {
		li->posted = false;
		if (!l->closing && !l->native_over)
			sani_wsk_listen_arm(l);
		return;
	}
	/* What nobody takes is bounded: one too many is refused. */
	if (l->closing || li->nb_waiting == BACKLOG) {
		san_close(comp->value, SANI_WSK_ODD);
		return;
	}
	conn = make_conn(l, comp->value);
	if (conn == NULL)
		return;
	wait_in_list(l, conn);
	if (l->conditional)
		sani_wsk_inspect(l, conn);
	sani_wsk_listen_go(l);
}

static bool
wants_all(const struct sani_wsk_sock *l)
{
	return l->conditional || (atomic_load(&l->events) & WSK_EVENT_ACCEPT);
}

static void
post_repeat(struct sani_wsk_sock *l)
{
	struct sani_wsk_listen *li = l->listening;
	int rc;

	li->op.user = sani_wsk_user(on_repeated);
	rc = san_accept_repeat(l->h, &li->op, REPEAT);
	li->posted = rc == 0;
	if (rc == -EAGAIN)
		sani_wsk_kick(l);	/* no place: the next turn tries again */
}

static void
post_held(struct sani_wsk_sock *l)
{
	struct sani_wsk_listen *li = l->listening;
	PIRP irp;

	while (!li->posted && !wants_all(l) && (irp = sani_wsk_next(&li->held)) != NULL)
		accept_natively(l, irp);
}

void
sani_wsk_listen_arm(struct sani_wsk_sock *l)
{
	struct sani_wsk_listen *li = l->listening;

	if (wants_all(l) && !li->posted)
		post_repeat(l);
	else if (!wants_all(l) && li->posted)
		san_cancel(l->h, li->op.id);
	sani_wsk_listen_go(l);
	if (!l->closing)
		post_held(l);
}

void
sani_wsk_listen_free(struct sani_wsk_sock *l)
{
	struct sani_wsk_listen *li = l->listening;

	if (li == NULL)
		return;
	while (li->first != NULL) {
		struct sani_wsk_sock *conn = li->first;

		sani_wsk_unwait(conn);
		sani_wsk_sock_reject(conn);
	}
	l->listening = NULL;
	free(li);
}

NTSTATUS
sani_wsk_listen_now(struct sani_wsk_sock *l)
{
	struct sani_wsk_listen *li = aligned_alloc(SANI_CACHE_LINE, sizeof(*li));
	int rc;

	if (li == NULL)
		return STATUS_INSUFFICIENT_RESOURCES;
	memset(li, 0, sizeof(*li));
	li->sock = l;
	rc = l->conditional ? sani_layer_hold(l->core->core, l->h) : 0;
	if (rc == 0)
		rc = san_listen(l->h, BACKLOG);
	if (rc < 0) {
		free(li);
		return rc == -EINVAL ? STATUS_INVALID_DEVICE_STATE : sani_wsk_status(rc);
	}
	l->listening = li;
	sani_wsk_sock_names(l);
	atomic_store(&l->phase, SANI_WSK_LISTENING);
	sani_wsk_sock_fixed_events(l);
	if (l->conditional)
		sani_wsk_kick(l);
	return STATUS_SUCCESS;
}

static VOID
start_accept(PIRP irp)
{
	struct sani_wsk_sock *l = irp->Socket;
	struct sani_wsk_listen *li = l->listening;

	if (li == NULL) {
		sani_wsk_finish(irp, STATUS_INVALID_DEVICE_STATE, 0);
		return;
	}
	sani_wsk_hold(&li->held, irp);
	sani_wsk_listen_serve(l);
	post_held(l);
}

NTSTATUS
sani_wsk_accept(PWSK_SOCKET ListenSocket, ULONG Flags, PVOID AcceptSocketContext,
		const WSK_CLIENT_CONNECTION_DISPATCH *AcceptSocketDispatch, PSOCKADDR LocalAddress,
		PSOCKADDR RemoteAddress, PIRP Irp)
{
	struct sani_wsk_sock *l = sani_wsk_sock(ListenSocket);
	ULONG_PTR *arg;

	if (!sani_wsk_take(l, l->core, Irp))
		return STATUS_INVALID_PARAMETER;
	if (Flags != 0)
		return sani_wsk_answer(Irp, STATUS_INVALID_PARAMETER);
	arg = sani_wsk_args(Irp);
	arg[ARG_CONTEXT] = (ULONG_PTR)AcceptSocketContext;
	arg[ARG_DISPATCH] = (ULONG_PTR)AcceptSocketDispatch;
	arg[ARG_LOCAL] = (ULONG_PTR)LocalAddress;
	arg[ARG_REMOTE] = (ULONG_PTR)RemoteAddress;
	return sani_wsk_submit(Irp, start_accept);
}

static VOID
start_listen(PIRP irp)
{
	struct sani_wsk_sock *s = irp->Socket;

	if (atomic_load(&s->phase) != SANI_WSK_BOUND)
		sani_wsk_finish(irp, STATUS_INVALID_DEVICE_STATE, 0);
	else
		sani_wsk_finish(irp, sani_wsk_listen_now(s), 0);
}

NTSTATUS
sani_wsk_listen(PWSK_SOCKET Socket, PIRP Irp)
{
	struct sani_wsk_sock *s = sani_wsk_sock(Socket);

	if (!sani_wsk_take(s, s->core, Irp))
		return STATUS_INVALID_PARAMETER;
	return sani_wsk_submit(Irp, start_listen);
}
