/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "wsk_peer.h"

WSK_PROVIDER_NPI peer_npi;

static const char *
name_of(NTSTATUS status)
{
	static char text[16];

	switch (status) {
	case STATUS_SUCCESS:
		return "success";
	case STATUS_CANCELLED:
		return "cancelled";
	case STATUS_CONNECTION_RESET:
		return "reset";
	case STATUS_CONNECTION_REFUSED:
		return "refused";
	case STATUS_CONNECTION_ABORTED:
		return "aborted";
	case STATUS_IO_TIMEOUT:
		return "timed out";
	case STATUS_HOST_UNREACHABLE:
		return "unreachable";
	default:
		snprintf(text, sizeof(text), "0x%08x", (unsigned int)status);
		return text;
	}
}

void
peer_say(const char *what, NTSTATUS status)
{
	printf("%s: %s\n", what, name_of(status));
	fflush(stdout);
}

static NTSTATUS
signal_it(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
	struct peer_request *r = context;

	UNREFERENCED_PARAMETER(device);
	UNREFERENCED_PARAMETER(irp);
	KeSetEvent(&r->over, 0, FALSE);
	return STATUS_MORE_PROCESSING_REQUIRED;
}

PIRP
peer_begin(struct peer_request *r, const char *name, void *mem, SIZE_T len)
{
	r->name = name;
	r->irp = IoAllocateIrp(1, FALSE);
	r->mdl = len > 0 ? IoAllocateMdl(mem, (ULONG)len, FALSE, FALSE, NULL) : NULL;
	r->buf = (WSK_BUF){ r->mdl, 0, len };
	KeInitializeEvent(&r->over, NotificationEvent, FALSE);
	IoSetCompletionRoutine(r->irp, signal_it, r, TRUE, TRUE, TRUE);
	return r->irp;
}

NTSTATUS
peer_end(struct peer_request *r, ULONG_PTR *information)
{
	NTSTATUS status;

	KeWaitForSingleObject(&r->over, Executive, KernelMode, FALSE, NULL);
	status = r->irp->IoStatus.Status;
	if (information)
		*information = r->irp->IoStatus.Information;
	IoFreeIrp(r->irp);
	if (r->mdl)
		IoFreeMdl(r->mdl);
	r->name = NULL;
	return status;
}

struct sockaddr_in
peer_address(const char *text, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };

	if (text)
		inet_pton(AF_INET, text, &a.sin_addr);
	return a;
}

const WSK_PROVIDER_CONNECTION_DISPATCH *
peer_calls(PWSK_SOCKET sock)
{
	return sock->Dispatch;
}

void
peer_close(PWSK_SOCKET sock, const char *what)
{
	const WSK_PROVIDER_BASIC_DISPATCH *basic = sock->Dispatch;
	struct peer_request c;

	peer_begin(&c, what, NULL, 0);
	basic->WskCloseSocket(sock, c.irp);
	peer_say(what, peer_end(&c, NULL));
}
