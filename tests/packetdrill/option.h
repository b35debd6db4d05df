/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Option: getsockopt(), setsockopt(), fcntl() and ioctl() of a socket, on the stack's thread.
 *
 * What the stack has no option for is refused (-ENOPROTOOPT), but for what changes nothing here: SO_REUSEADDR.
 */
#ifndef TESTS_PACKETDRILL_OPTION_H
#define TESTS_PACKETDRILL_OPTION_H

#include "packetdrill/sock.h"

int
option_set(struct sock *s, int level, int name, const void *value, socklen_t size);

int
option_get(struct sock *s, int level, int name, void *value, socklen_t *size);

/** F_GETFL, F_SETFL. */
int
option_fcntl(struct sock *s, int cmd, int arg);

/** FIONREAD, FIONBIO. */
int
option_ioctl(struct sock *s, unsigned long request, int *arg);

#endif
