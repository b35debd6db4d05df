/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Receive: the post of one, by the shortest way there is. Offered to api and to the layers.
 *
 * Source: doc/op-contract.md O1 to O4.
 */
#ifndef SANI_SOCK_RECV_H
#define SANI_SOCK_RECV_H

#include "sock/sock.h"

/** See san_recv(). */
int
sani_sock_recv(san_handle sock, struct san_overlapped *op, void *buf, size_t len, unsigned int flags);

#endif
