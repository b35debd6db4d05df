/* SPDX-License-Identifier: BSD-3-Clause */
/* Which callbacks run, and those that tell of a connection's state: W24, W38, W52, W56 to W59. */
#include <errno.h>
#include <stdlib.h>

#include "spi/wsk/priv.h"

#define BACKLOG_MIN 65536u

/* Sequentially consistent, against who disables it and then looks whether it runs (W58). */
bool
sani_wsk_event_begin(struct sani_wsk_sock *s, ULONG event)
{
	atomic_store(&s->running, event);
	if (!s->closing && atomic_load(&s->events) & event)
		return true;
	atomic_store(&s->running, 0);
	return false;
}

void
sani_wsk_event_end(struct sani_wsk_sock *s)
{
	atomic_store(&s->running, 0);
}

ULONG
sani_wsk_events_of(const struct sani_wsk_sock *s)
{
	const WSK_CLIENT_CONNECTION_DISPATCH *conn = s->on_conn;
	ULONG events = 0;

	if (s->on_listen != NULL && s->on_listen->WskAcceptEvent != NULL)
		events |= WSK_EVENT_ACCEPT;
	if (s->category == WSK_FLAG_LISTEN_SOCKET)
		return events | SANI_WSK_CONNECTION_EVENTS;
	if (conn != NULL && conn->WskReceiveEvent != NULL)
		events |= WSK_EVENT_RECEIVE;
	if (conn != NULL && conn->WskDisconnectEvent != NULL)
		events |= WSK_EVENT_DISCONNECT;
	if (conn != NULL && conn->WskSendBacklogEvent != NULL)
		events |= WSK_EVENT_SEND_BACKLOG;
	return events;
}

static bool
is_connected(const struct sani_wsk_sock *s)
{
	return atomic_load(&s->phase) == SANI_WSK_CONNECTED;
}

/* All that the peer has sent was shown to the program, as far as it wants to see it. */
static bool
data_is_told(const struct sani_wsk_sock *s)
{
	const struct sani_wsk_rx *rx = s->rx;

	if (rx == NULL || !(atomic_load(&s->events) & WSK_EVENT_RECEIVE))
		return true;
	return rx->ended && rx->left == NULL;
}

static void
tell(struct sani_wsk_sock *s, ULONG flags)
{
	if (!sani_wsk_event_begin(s, WSK_EVENT_DISCONNECT))
		return;
	s->on_conn->WskDisconnectEvent(s->context, flags | WSK_FLAG_AT_DISPATCH_LEVEL);
	sani_wsk_event_end(s);
}

void
sani_wsk_tell_disconnect(struct sani_wsk_sock *s)
{
	if (!(atomic_load(&s->events) & WSK_EVENT_DISCONNECT) || s->closing || s->listener != NULL)
		return;
	if (s->lost && !s->told_lost) {
		s->told_lost = true;
		tell(s, WSK_FLAG_ABORTIVE);
	} else if (s->fin && !s->lost && !s->told_fin && data_is_told(s)) {
		s->told_fin = true;
		tell(s, 0);
	}
}

static bool
is_loss(int rc)
{
	return rc == -ECONNRESET || rc == -ETIMEDOUT;
}

static void
on_watched(struct sani_wsk_core *wc, const struct san_completion *comp)
{
	struct sani_wsk_sock *s = SANI_CONTAINER(comp->op, struct sani_wsk_sock, watch);
	bool again = comp->result == 0 && !s->fin;

	(void)wc;
	s->watching = false;
	s->fin |= comp->result == 0;
	s->lost |= is_loss(comp->result);
	if (s->closing)
		return;
	if (s->listener != NULL && s->lost) {
		sani_wsk_inspect_lost(s);
		return;
	}
	if (again)
		sani_wsk_watch(s);
	sani_wsk_tell_disconnect(s);
}

/* Of a conditional accept: it is ready to be given out, or lost. */
static void
on_opened(struct sani_wsk_core *wc, const struct san_completion *comp)
{
	struct sani_wsk_sock *s = SANI_CONTAINER(comp->op, struct sani_wsk_sock, watch);

	(void)wc;
	s->watching = false;
	s->opening = comp->result != 0;
	s->lost = comp->result < 0 && comp->result != -ECANCELED;
	if (s->closing || s->listener == NULL)
		return;
	if (s->lost) {
		sani_wsk_inspect_lost(s);
		return;
	}
	sani_wsk_watch(s);
	sani_wsk_listen_go(s->listener);
}

void
sani_wsk_watch(struct sani_wsk_sock *s)
{
	int rc;

	if (s->watching || s->lost)
		return;
	s->watch.user = sani_wsk_user(s->opening ? on_opened : on_watched);
	rc = s->opening ? sani_layer_watch_open(s->h, &s->watch) : san_watch(s->h, &s->watch, s->fin ? SAN_ABORT : 0);
	s->watching = rc == 0;
	s->lost |= is_loss(rc);
	if (rc == -EAGAIN)
		sani_wsk_kick(s);	/* no place: the next turn tries again */
}

SIZE_T
sani_wsk_ideal_backlog(struct sani_wsk_sock *s)
{
	struct san_tcp_info info = { .size = sizeof(info) };

	if (san_tcp_info(s->h, &info) < 0)
		return 0;
	/* Twice what the path takes: while one window is under way the next is there. */
	return RTE_MAX((SIZE_T)info.cwnd * 2, (SIZE_T)BACKLOG_MIN);
}

static void
tell_backlog(struct sani_wsk_sock *s)
{
	SIZE_T ideal = sani_wsk_ideal_backlog(s);
	SIZE_T change = ideal > s->backlog ? ideal - s->backlog : s->backlog - ideal;

	if (ideal == 0 || change * 8 < s->backlog || ideal == s->backlog)
		return;
	if (!sani_wsk_event_begin(s, WSK_EVENT_SEND_BACKLOG))
		return;
	s->backlog = ideal;
	s->on_conn->WskSendBacklogEvent(s->context, ideal);
	sani_wsk_event_end(s);
}

void
sani_wsk_on_sent(struct sani_wsk_core *wc, const struct san_completion *comp)
{
	PIRP irp = sani_wsk_irp_of(comp->op);
	struct sani_wsk_sock *s = irp->Socket;

	(void)wc;
	sani_wsk_complete(irp, sani_wsk_status(comp->result),
			  comp->result > 0 ? (ULONG_PTR)comp->result : 0);
	if (comp->result > 0 && !s->closing)
		tell_backlog(s);
}

static void
arm_connection(struct sani_wsk_sock *s)
{
	ULONG events = atomic_load(&s->events);
	struct sani_wsk_rx *rx = atomic_exchange(&s->rx_new, NULL);

	if (events & WSK_EVENT_DISCONNECT)
		sani_wsk_watch(s);
	if (s->rx == NULL && rx == NULL && events & WSK_EVENT_RECEIVE)
		rx = sani_wsk_rx_make(s);
	if (s->rx == NULL && rx != NULL)
		sani_wsk_rx_enter(s, rx);
	else
		free(rx);
	s->tells_backlog = events & WSK_EVENT_SEND_BACKLOG;
	sani_wsk_sock_straighten(s);
	if (s->tells_backlog)
		tell_backlog(s);
	if (s->rx != NULL)
		sani_wsk_rx_go(s);
	sani_wsk_tell_disconnect(s);
}

void
sani_wsk_arm(struct sani_wsk_sock *s)
{
	if (s->closing || s->native_over)
		return;
	if (atomic_load(&s->phase) == SANI_WSK_LISTENING)
		sani_wsk_listen_arm(s);
	else if (is_connected(s) && s->listener == NULL)
		arm_connection(s);
	else if (is_connected(s))
		sani_wsk_inspect_arm(s);
}

void
sani_wsk_tell_dead(struct sani_wsk_sock *s)
{
	const WSK_CLIENT_CONNECTION_DISPATCH *unused;
	SIZE_T accepted = 0;
	PVOID context;

	if (s->listener != NULL)
		return;
	if (s->conditional)
		s->on_listen->WskInspectEvent(s->context, NULL, NULL, NULL);
	if (sani_wsk_event_begin(s, WSK_EVENT_ACCEPT)) {
		s->on_listen->WskAcceptEvent(s->context, WSK_FLAG_AT_DISPATCH_LEVEL, NULL, NULL, NULL, &context,
					     &unused);
		sani_wsk_event_end(s);
	}
	if (is_connected(s) && sani_wsk_event_begin(s, WSK_EVENT_RECEIVE)) {
		s->on_conn->WskReceiveEvent(s->context, WSK_FLAG_AT_DISPATCH_LEVEL, NULL, 0, &accepted);
		sani_wsk_event_end(s);
	}
}
