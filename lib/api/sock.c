/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include <san/sock.h>

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

int
san_bind(san_handle sock, const struct san_addr *local)
{
	return local == NULL ? -EINVAL : sani_sock_bind(sock, local);
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
san_names(san_handle sock, struct san_addr *local, struct san_addr *peer)
{
	return sani_sock_names(sock, local, peer);
}
