/* SPDX-License-Identifier: BSD-3-Clause */
/* WskGetAddressInfo and WskGetNameInfo: the C library's resolver, in UTF-16. */
#include <netdb.h>
#include <stdlib.h>

#include "spi/wsk/priv.h"

#define TEXT_MAX 1026	/* NI_MAXHOST and a terminator */

/* One entry and its address. */
struct entry {
	ADDRINFOEXW info;
	struct sockaddr_in addr;
};

/* Names are ASCII here (an international one in its ASCII form). @return False: it is not, or too long. */
static bool
narrow(const UNICODE_STRING *text, char *out)
{
	USHORT i, n = (USHORT)(text->Length / sizeof(WCHAR));

	if (n >= TEXT_MAX)
		return false;
	for (i = 0; i < n; i++) {
		if (text->Buffer[i] == 0 || text->Buffer[i] > 0x7e)
			return false;
		out[i] = (char)text->Buffer[i];
	}
	out[n] = '\0';
	return true;
}

static NTSTATUS
widen(const char *text, PUNICODE_STRING out)
{
	size_t i, n = strlen(text);

	if (out == NULL)
		return STATUS_SUCCESS;
	if (out->Buffer == NULL || n * sizeof(WCHAR) > out->MaximumLength)
		return STATUS_BUFFER_TOO_SMALL;
	for (i = 0; i < n; i++)
		out->Buffer[i] = (WCHAR)text[i];
	out->Length = (USHORT)(n * sizeof(WCHAR));
	return STATUS_SUCCESS;
}

static void
free_list(PADDRINFOEXW list)
{
	while (list != NULL) {
		PADDRINFOEXW next = list->ai_next;

		free(list);
		list = next;
	}
}

static NTSTATUS
copy_list(const struct addrinfo *from, PADDRINFOEXW *result)
{
	PADDRINFOEXW *at = result;

	*result = NULL;
	for (; from != NULL; from = from->ai_next) {
		struct entry *e;

		if (from->ai_family != AF_INET)
			continue;
		e = calloc(1, sizeof(*e));
		if (e == NULL) {
			free_list(*result);
			*result = NULL;
			return STATUS_INSUFFICIENT_RESOURCES;
		}
		memcpy(&e->addr, from->ai_addr, sizeof(e->addr));
		e->info.ai_family = AF_INET;
		e->info.ai_socktype = from->ai_socktype;
		e->info.ai_protocol = from->ai_protocol;
		e->info.ai_addrlen = sizeof(e->addr);
		e->info.ai_addr = (PSOCKADDR)&e->addr;
		*at = &e->info;
		at = &e->info.ai_next;
	}
	return *result != NULL ? STATUS_SUCCESS : STATUS_NO_MATCH;
}

static NTSTATUS
look_up(PUNICODE_STRING node, PUNICODE_STRING service, PADDRINFOEXW hints, PADDRINFOEXW *result)
{
	char node_text[TEXT_MAX], service_text[TEXT_MAX];
	struct addrinfo *found, want = { .ai_family = AF_INET };
	NTSTATUS status;

	if (result == NULL || (node == NULL && service == NULL))
		return STATUS_INVALID_PARAMETER;
	if ((node != NULL && !narrow(node, node_text)) || (service != NULL && !narrow(service, service_text)))
		return STATUS_INVALID_PARAMETER;
	if (hints != NULL) {
		want.ai_flags = hints->ai_flags;
		want.ai_socktype = hints->ai_socktype;
		want.ai_protocol = hints->ai_protocol;
	}
	/* A polling thread must not wait for a name server. */
	if (sani_layer_polls())
		want.ai_flags |= AI_NUMERICHOST;
	if (getaddrinfo(node != NULL ? node_text : NULL, service != NULL ? service_text : NULL, &want, &found) != 0)
		return STATUS_NO_MATCH;
	status = copy_list(found, result);
	freeaddrinfo(found);
	return status;
}

NTSTATUS
sani_wsk_get_address_info(PWSK_CLIENT Client, PUNICODE_STRING NodeName, PUNICODE_STRING ServiceName, ULONG NameSpace,
			  GUID *Provider, PADDRINFOEXW Hints, PADDRINFOEXW *Result, PEPROCESS OwningProcess,
			  PETHREAD OwningThread, PIRP Irp)
{
	(void)NameSpace;
	(void)Provider;
	if (!sani_wsk_client_take(Client, sani_wsk_client_core(Client), NULL, Irp))
		return STATUS_INVALID_PARAMETER;
	if (OwningThread != NULL && OwningProcess == NULL)
		return sani_wsk_answer(Irp, STATUS_INVALID_PARAMETER);
	return sani_wsk_answer(Irp, look_up(NodeName, ServiceName, Hints, Result));
}

VOID
sani_wsk_free_address_info(PWSK_CLIENT Client, PADDRINFOEXW AddrInfo)
{
	(void)Client;
	free_list(AddrInfo);
}

static NTSTATUS
name_of(const struct sockaddr *sa, ULONG len, PUNICODE_STRING node, PUNICODE_STRING service, ULONG flags)
{
	char node_text[TEXT_MAX], service_text[TEXT_MAX];
	NTSTATUS status;

	if (sa == NULL || (node == NULL && service == NULL))
		return STATUS_INVALID_PARAMETER;
	if (sani_layer_polls())
		flags |= NI_NUMERICHOST;
	if (getnameinfo(sa, len, node_text, sizeof(node_text), service_text, sizeof(service_text), (int)flags) != 0)
		return STATUS_NO_MATCH;
	status = widen(node_text, node);
	return NT_SUCCESS(status) ? widen(service_text, service) : status;
}

NTSTATUS
sani_wsk_get_name_info(PWSK_CLIENT Client, PSOCKADDR SockAddr, ULONG SockAddrLength, PUNICODE_STRING NodeName,
		       PUNICODE_STRING ServiceName, ULONG Flags, PEPROCESS OwningProcess, PETHREAD OwningThread,
		       PIRP Irp)
{
	if (!sani_wsk_client_take(Client, sani_wsk_client_core(Client), NULL, Irp))
		return STATUS_INVALID_PARAMETER;
	if (OwningThread != NULL && OwningProcess == NULL)
		return sani_wsk_answer(Irp, STATUS_INVALID_PARAMETER);
	return sani_wsk_answer(Irp, name_of(SockAddr, SockAddrLength, NodeName, ServiceName, Flags));
}
