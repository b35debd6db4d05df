/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Addresses, as programs of Windows write them and as the sockets below do: for all layers of Windows interfaces.
 *
 * Threads: any.
 */
#ifndef SANI_SPI_WIN_ADDR_H
#define SANI_SPI_WIN_ADDR_H

#include <stdbool.h>

#include <san/host.h>
#include <san/win.h>

/** @return False: not a sockaddr_in. */
bool
sani_win_addr_in(const struct sockaddr *sa, struct san_addr *addr);

void
sani_win_addr_out(const struct san_addr *addr, struct sockaddr_in *in);

/**
 * SIO_ADDRESS_LIST_QUERY: a SOCKET_ADDRESS_LIST, then what its entries point at.
 * @param[in]  host  NULL: the addresses of all hosts.
 * @param[out] out   Written when it is not NULL and the list fits.
 * @return The bytes that the list takes.
 */
size_t
sani_win_addr_list(const struct san_host *host, void *out, size_t size);

#endif
