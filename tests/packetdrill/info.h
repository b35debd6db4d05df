/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Info: TCP_INFO as Linux has it, out of san_tcp_info().
 *
 * Model:   Linux counts in segments where the stack counts bytes: windows are rounded down, what is outstanding up.
 *          "Disorder" is what it calls a connection that has selective acknowledgements and no loss yet. What the
 *          stack does not keep, or keeps in another sense (lost: Linux counts what was sent again), is zero:
 *          adapt.py leaves out code that asks for it, by the list of what is here.
 * Threads: the stack's.
 */
#ifndef TESTS_PACKETDRILL_INFO_H
#define TESTS_PACKETDRILL_INFO_H

#include "packetdrill/sock.h"

/** Fill as much as there is room for; *size stays, since programs look for all of the structure. */
int
info_get(struct sock *s, void *value, socklen_t *size);

/** TCP_CC_INFO: nothing. Linux has it for algorithms that are not here. */
int
info_of_control(socklen_t *size);

/** SO_MEMINFO: zeros; it is a kernel's accounting, which the tool always asks for too. */
int
info_of_memory(void *value, socklen_t *size);

#endif
