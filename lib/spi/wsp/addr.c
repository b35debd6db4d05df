/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <string.h>

#include "spi/wsp/addr.h"

DWORD
sani_wsp_read_name(const struct sockaddr *name, int namelen, struct san_addr *addr)
{
	struct sockaddr_in in;

	if (name == NULL || namelen < (int)sizeof(in))
		return WSAEFAULT;
	memcpy(&in, name, sizeof(in));
	if (in.sin_family != AF_INET)
		return WSAEAFNOSUPPORT;
	*addr = (struct san_addr){ .port = ntohs(in.sin_port) };
	if (in.sin_addr.s_addr == 0)
		return 0;
	addr->ip[10] = 0xff;	/* RFC 4291 2.5.5.2 */
	addr->ip[11] = 0xff;
	memcpy(&addr->ip[12], &in.sin_addr, 4);
	return 0;
}

void
sani_wsp_write_name(const struct san_addr *addr, struct sockaddr_in *name)
{
	memset(name, 0, sizeof(*name));
	name->sin_family = AF_INET;
	name->sin_port = htons(addr->port);
	memcpy(&name->sin_addr, &addr->ip[12], 4);
}
