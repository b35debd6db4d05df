/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>
#include <stdlib.h>

#include "switch.h"

void (*switch_closed)(SOCKET provider_socket);

/* What the switch's descriptor stands for. */
struct handle {
	SOCKET provider_socket;
};

static SOCKET WSPAPI
create_socket_handle(DWORD catalog_id, DWORD_PTR context, LPINT err)
{
	struct handle *h = malloc(sizeof(*h));

	(void)catalog_id;
	if (h == NULL) {
		*err = WSAENOBUFS;
		return INVALID_SOCKET;
	}
	h->provider_socket = context;
	return (SOCKET)(uintptr_t)h;
}

static int WSPAPI
close_socket_handle(SOCKET s, LPINT err)
{
	struct handle *h = (struct handle *)(uintptr_t)s;

	(void)err;
	switch_closed(h->provider_socket);
	free(h);
	return 0;
}

/* The bytes before the word that says that they are there; then the owner is told. */
static int WSPAPI
complete_overlapped_request(SOCKET s, LPWSAOVERLAPPED ov, DWORD error, DWORD bytes, LPINT err)
{
	struct operation *op = (struct operation *)ov;

	(void)s;
	(void)err;
	ov->InternalHigh = bytes;
	ov->Internal = 0;
	op->ended(op, error, bytes);
	return 0;
}

static BOOL WSPAPI
set_event(WSAEVENT event, LPINT err)
{
	(void)err;
	((struct event *)event)->set = true;
	return TRUE;
}

static BOOL WSPAPI
reset_event(WSAEVENT event, LPINT err)
{
	(void)err;
	((struct event *)event)->set = false;
	return TRUE;
}

static void *
extension(const struct provider *p, GUID id)
{
	void *fn = NULL;
	DWORD got;
	INT err;

	if (p->call.lpWSPIoctl(INVALID_SOCKET, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof(id), &fn, sizeof(fn),
			       &got, NULL, NULL, NULL, &err) != 0)
		return NULL;
	return fn;
}

int
switch_start(struct provider *p)
{
	static WSPUPCALLTABLEEX up = {
		.lpWPUCreateSocketHandle = create_socket_handle,
		.lpWPUCloseSocketHandle = close_socket_handle,
		.lpWPUCompleteOverlappedRequest = complete_overlapped_request,
		.lpWPUSetEvent = set_event,
		.lpWPUResetEvent = reset_event,
	};
	static WSAPROTOCOL_INFOW info = { .iAddressFamily = AF_INET, .iSocketType = SOCK_STREAM };
	WSPDATA data;
	int rc = WSPStartupEx(0x0202, &data, &info, &up, &p->call);

	if (rc != 0)
		return rc;
	*(void **)&p->register_memory = extension(p, (GUID)WSAID_REGISTERMEMORY);
	*(void **)&p->deregister_memory = extension(p, (GUID)WSAID_DEREGISTERMEMORY);
	return 0;
}

const char *
switch_text(int code)
{
	static const struct {
		int code;
		const char *text;
	} texts[] = {
		{ 0, "done" },
		{ WSA_OPERATION_ABORTED, "the socket was closed here" },
		{ WSAEADDRNOTAVAIL, "no host of this program has the address" },
		{ WSAECONNREFUSED, "the peer refuses connections" },
		{ WSAECONNRESET, "the peer has reset the connection" },
		{ WSAECONNABORTED, "the connection failed" },
		{ WSAETIMEDOUT, "the peer does not answer" },
		{ WSAENETUNREACH, "there is no route to the peer" },
		{ WSAENOBUFS, "the port is taken, or memory is short" },
		{ WSASYSNOTREADY, "no host was made" },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].code == code)
			return texts[i].text;
	return "the provider says no";
}
