/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Send: the post of one, by the shortest way there is. Offered to api.
 *
 * Source: doc/op-contract.md O1 to O4.
 */
#ifndef SANI_SOCK_SEND_H
#define SANI_SOCK_SEND_H

#include "sock/sock.h"

/** See san_send(). */
int
sani_sock_send(san_handle sock, struct san_overlapped *op, const void *data, size_t len, unsigned int flags);

#endif
