/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include <san/info.h>
#include <san/sock.h>

#include "base/error.h"
#include "sock/sock.h"

#define BACKLOG_MAX 65535

int
san_socket(struct san_core *core, struct san_cq *cq, san_handle *sock)
{
	if (sani_lib_check() < 0)
		return -ENETDOWN;
	if (core == NULL || cq == NULL || sock == NULL)
		return -EINVAL;
	return sani_sock_socket(core, cq, sock);
}

/* The two refusals that people meet, in words. */
static int
explain(int rc, const struct san_addr *addr)
{
	char text[SAN_ADDR_TEXT];

	if (rc == -EADDRINUSE)
		sani_error_set(rc, "%s: the port is in use by another socket of this host; close that one or "
			       "choose another port", san_addr_format(addr, text));
	else if (rc == -EADDRNOTAVAIL)
		sani_error_set(rc, "%s: no interface of this host has this address; bind to one that an "
			       "[interface] section gives, or to any", san_addr_format(addr, text));
	return rc;
}

int
san_bind(san_handle sock, const struct san_addr *local)
{
	return local == NULL ? -EINVAL : explain(sani_sock_bind(sock, local), local);
}

int
san_listen(san_handle sock, unsigned int backlog)
{
	if (backlog == 0 || backlog > BACKLOG_MAX)
		return -EINVAL;
	return sani_sock_listen(sock, backlog);
}

int
san_close(san_handle sock, uint64_t user)
{
	return sani_sock_close(sock, user);
}

int
san_move(san_handle sock, struct san_cq *cq)
{
	return cq == NULL ? -EINVAL : sani_sock_move(sock, cq);
}

int
san_set_option(san_handle sock, enum san_option option, uint32_t value)
{
	return sani_sock_set_option(sock, option, value);
}

int
san_get_option(san_handle sock, enum san_option option, uint32_t *value)
{
	return value == NULL ? -EINVAL : sani_sock_get_option(sock, option, value);
}

int
san_tcp_info(san_handle sock, struct san_tcp_info *info)
{
	if (info == NULL || info->size < SAN_TCP_INFO_MIN)
		return -EINVAL;
	return sani_sock_tcp_info(sock, info);
}

int
san_names(san_handle sock, struct san_addr *local, struct san_addr *peer)
{
	return sani_sock_names(sock, local, peer);
}
