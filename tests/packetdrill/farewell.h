/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Farewell: what a program's close() means to a connection.
 *
 * The stack closes hard: at once, with a reset. A graceful close is made of that and of a shutdown (RFC 9293 3.6):
 *
 *   unread data, or SO_LINGER with zero   hard close now: the peer learns that data was lost (RFC 2525 2.17)
 *   not connected                         hard close now
 *   else                                  FIN; the socket stays, without a program, until
 *     data comes                          hard close: nobody will read it
 *     the FIN is acknowledged, and the
 *     peer's FIN is in                    hard close: nothing is left to reset
 *     the FIN is acknowledged, and the
 *     peer is silent for a minute         hard close (the limit that other stacks set to FIN_WAIT_2)
 *     the connection is dead              hard close
 *
 * Threads: the stack's.
 */
#ifndef TESTS_PACKETDRILL_FAREWELL_H
#define TESTS_PACKETDRILL_FAREWELL_H

#include "packetdrill/sock.h"

/** The program has closed s, which belongs to this file from here on. */
void
farewell_begin(struct sock *s);

/** Look after those that are closing. @return How many have gone. */
unsigned int
farewell_round(void);

/** When one of them will be given up [us]; SANI_NEVER. */
uint64_t
farewell_deadline(void);

#endif
