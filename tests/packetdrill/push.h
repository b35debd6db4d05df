/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Push: PSH at the end of each burst, as scripts for Linux expect.
 *
 * Model:   RFC 9293 3.9.1.2 has PSH where the data ends, and leaves it free elsewhere. Linux sets it also on
 *          the last of several segments of new text that go out together, for the receiver's sake, and
 *          scripts compare octet by octet. A burst is what follows without a gap, at the same moment, and has
 *          not been taken yet.
 * Threads: the stack's.
 */
#ifndef TESTS_PACKETDRILL_PUSH_H
#define TESTS_PACKETDRILL_PUSH_H

#include <stdint.h>

/**
 * The stack has sent this.
 * @param[in,out] datagram  Well-formed IPv4. Its PSH may be changed by this call and by the next one; it stays where
 *                          it is until push_forget().
 */
void
push_note(unsigned char *datagram, uint64_t sent_us);

/** The burst is over: nothing is changed any more in what was noted. */
void
push_forget(void);

#endif
