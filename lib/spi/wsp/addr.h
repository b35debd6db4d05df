/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * WSP layer, inside: addresses as the switch writes them, and as the sockets below do.
 */
#ifndef SANI_SPI_WSP_ADDR_H
#define SANI_SPI_WSP_ADDR_H

#include "spi/wsp/priv.h"

/** @retval 0 WSAEFAULT WSAEAFNOSUPPORT. Any thread. */
DWORD
sani_wsp_read_name(const struct sockaddr *name, int namelen, struct san_addr *addr);

/** Any thread. */
void
sani_wsp_write_name(const struct san_addr *addr, struct sockaddr_in *name);

/** sock.c: bind a socket without a home. @return 0 or a code. The calling thread may call. */
DWORD
sani_wsp_bind_to(struct sani_wsp_sock *so, const struct san_addr *local);

#endif
