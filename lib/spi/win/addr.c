/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <string.h>

#include "base/base.h"
#include "sock/layer.h"
#include "spi/win/addr.h"

#define ADDRESSES_MAX 1024u

bool
sani_win_addr_in(const struct sockaddr *sa, struct san_addr *addr)
{
	struct sockaddr_in in;
	union sani_ip ip;

	memcpy(&in, sa, sizeof(in));
	if (in.sin_family != AF_INET)
		return false;
	*addr = (struct san_addr){ .port = ntohs(in.sin_port) };
	if (in.sin_addr.s_addr == INADDR_ANY)
		return true;
	ip = sani_ip_from_v4(in.sin_addr.s_addr);
	memcpy(addr->ip, ip.b, sizeof(addr->ip));
	return true;
}

void
sani_win_addr_out(const struct san_addr *addr, struct sockaddr_in *in)
{
	memset(in, 0, sizeof(*in));
	in->sin_family = AF_INET;
	in->sin_port = htons(addr->port);
	memcpy(&in->sin_addr, &addr->ip[12], 4);
}

size_t
sani_win_addr_list(const struct san_host *host, void *out, size_t size)
{
	union sani_ip ip[ADDRESSES_MAX];
	unsigned int i, n = sani_layer_addresses(host, ip, ADDRESSES_MAX);
	size_t head = offsetof(SOCKET_ADDRESS_LIST, Address) + n * sizeof(SOCKET_ADDRESS);
	size_t all = head + n * sizeof(struct sockaddr_in);
	SOCKET_ADDRESS_LIST *list = out;
	struct sockaddr_in *in;

	if (out == NULL || size < all)
		return all;
	in = (struct sockaddr_in *)(void *)((char *)out + head);
	list->iAddressCount = (INT)n;
	for (i = 0; i < n; i++, in++) {
		struct san_addr addr = { .port = 0 };

		memcpy(addr.ip, ip[i].b, sizeof(addr.ip));
		sani_win_addr_out(&addr, in);
		list->Address[i].lpSockaddr = (LPSOCKADDR)in;
		list->Address[i].iSockaddrLength = sizeof(*in);
	}
	return all;
}
