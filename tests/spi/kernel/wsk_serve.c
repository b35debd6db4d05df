/* SPDX-License-Identifier: BSD-3-Clause */
/* Serving: after each request the next one, from the loop, not from its routine (W21). */
#include <stdio.h>
#include <stdlib.h>

#include "wsk_peer.h"

#define RECEIVES 16384u

/* A connection that is served: one request at a time. */
struct served {
	PWSK_SOCKET sock;
	struct peer_request req;
	uint8_t data[RECEIVES];
	SIZE_T len;
	enum { RECEIVING, SENDING, ENDING, CLOSING, GONE } does;
	struct served *next;
};

static PWSK_SOCKET listener;
static struct served *all_served;
static unsigned int accepted, finished, broken, rejected;
static bool asks;
static WSK_INSPECT_ID asked;

static NTSTATUS
on_accept(PVOID context, ULONG flags, PSOCKADDR local, PSOCKADDR remote, PWSK_SOCKET sock,
	  PVOID *sock_context, const WSK_CLIENT_CONNECTION_DISPATCH **sock_calls)
{
	struct served *s = calloc(1, sizeof(*s));

	(void)context;
	(void)flags;
	(void)local;
	(void)remote;
	if (!s || !sock)
		return STATUS_REQUEST_NOT_ACCEPTED;
	s->sock = sock;
	s->next = all_served;
	all_served = s;
	accepted++;
	*sock_context = s;
	*sock_calls = NULL;
	return STATUS_SUCCESS;
}

static WSK_INSPECT_ACTION
on_inspect(PVOID context, PSOCKADDR local, PSOCKADDR remote, PWSK_INSPECT_ID id)
{
	(void)context;
	(void)local;
	(void)remote;
	if (!asks || !id || asked.SerialNumber != 0) {
		rejected++;
		return WskInspectReject;
	}
	asked = *id;
	printf("asked\n");
	fflush(stdout);
	return WskInspectPend;
}

static const WSK_CLIENT_LISTEN_DISPATCH listening = { on_accept, on_inspect, NULL };

void
serve_listen(const char *port, ULONG conditional, bool ask)
{
	WSK_EVENT_CALLBACK_CONTROL c = { &NPI_WSK_INTERFACE_ID, WSK_EVENT_ACCEPT };
	struct sockaddr_in any = peer_address(NULL, port);
	const WSK_PROVIDER_LISTEN_DISPATCH *l;
	struct peer_request r;
	ULONG_PTR sock = 0;
	NTSTATUS status;

	asks = ask;
	peer_begin(&r, "socket", NULL, 0);
	peer_npi.Dispatch->WskSocket(peer_npi.Client, AF_INET, SOCK_STREAM, IPPROTO_TCP,
				WSK_FLAG_LISTEN_SOCKET, NULL, &listening, NULL, NULL, NULL, r.irp);
	status = peer_end(&r, &sock);
	if (!NT_SUCCESS(status)) {
		peer_say("listen", status);
		return;
	}
	listener = (PWSK_SOCKET)sock;
	l = listener->Dispatch;
	if (conditional) {
		peer_begin(&r, "condition", NULL, 0);
		l->Basic.WskControlSocket(listener, WskSetOption, SO_CONDITIONAL_ACCEPT, SOL_SOCKET,
					  sizeof(conditional), &conditional, 0, NULL, NULL, r.irp);
		status = peer_end(&r, NULL);
	}
	peer_begin(&r, "bind", NULL, 0);
	l->WskBind(listener, (PSOCKADDR)&any, 0, r.irp);
	status = peer_end(&r, NULL);
	if (NT_SUCCESS(status))
		status = l->Basic.WskControlSocket(listener, WskSetOption, SO_WSK_EVENT_CALLBACK,
						   SOL_SOCKET, sizeof(c), &c, 0, NULL, NULL, NULL);
	peer_say("listen", status);
}

static void
serve_next(struct served *s)
{
	peer_begin(&s->req, "served", s->data,
	      s->does == SENDING     ? s->len
	      : s->does == RECEIVING ? sizeof(s->data)
				     : 0);
	if (s->does == RECEIVING)
		peer_calls(s->sock)->WskReceive(s->sock, &s->req.buf, 0, s->req.irp);
	else if (s->does == SENDING)
		peer_calls(s->sock)->WskSend(s->sock, &s->req.buf, 0, s->req.irp);
	else if (s->does == ENDING)
		peer_calls(s->sock)->WskDisconnect(s->sock, NULL, 0, s->req.irp);
	else
		peer_calls(s->sock)->Basic.WskCloseSocket(s->sock, s->req.irp);
}

/* What is to be done after the end of a request. */
static void
go_on(struct served *s, NTSTATUS status, ULONG_PTR n)
{
	if (s->does == CLOSING) {
		s->does = GONE;
	} else if (!NT_SUCCESS(status)) {
		broken++;
		s->does = CLOSING;
	} else if (s->does == RECEIVING) {
		s->len = n;
		s->does = n > 0 ? SENDING : ENDING;
	} else if (s->does == SENDING) {
		s->does = RECEIVING;
	} else {
		finished++;
		s->does = CLOSING;
	}
}

void
serve_round(void)
{
	struct served *s;
	LARGE_INTEGER now = { .QuadPart = 0 };
	NTSTATUS status;
	ULONG_PTR n;

	for (s = all_served; s; s = s->next) {
		if (s->does == GONE)
			continue;
		if (s->req.name) {
			if (KeWaitForSingleObject(&s->req.over, Executive, KernelMode, FALSE,
						  &now) != STATUS_SUCCESS)
				continue;
			status = peer_end(&s->req, &n);
			go_on(s, status, n);
		}
		if (s->does != GONE)
			serve_next(s);
	}
}

void
serve_accept(void)
{
	const WSK_PROVIDER_LISTEN_DISPATCH *l = listener->Dispatch;
	struct peer_request r;

	peer_begin(&r, "decide", NULL, 0);
	l->WskInspectComplete(listener, &asked, WskInspectAccept, r.irp);
	peer_say("decide", peer_end(&r, NULL));
}

void
serve_end(void)
{
	struct served *s;
	NTSTATUS status;
	unsigned int open = 0;
	unsigned int cancelled = 0;

	if (!listener)
		return;
	peer_close(listener, "close listener");
	for (; (s = all_served); all_served = s->next, free(s)) {
		if (s->does == GONE)
			continue;
		if (s->does != CLOSING) {
			open++;
			peer_close(s->sock, "close");
			status = peer_end(&s->req, NULL);
			cancelled += status == STATUS_CANCELLED;
		} else {
			peer_end(&s->req, NULL);
		}
	}
	printf("served: %u accepted, %u finished, %u broken, %u open, %u cancelled, %u rejected\n",
	       accepted, finished, broken, open, cancelled, rejected);
}
