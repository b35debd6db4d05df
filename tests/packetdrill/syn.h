/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * SYN: its options in the order and with the padding that scripts for another stack expect.
 *
 * RFC 9293 3.1 leaves both to the sender, but scripts compare octet by octet. Kinds and values stay as the stack
 * has chosen them; but some can be taken out in both directions, as a box on the way does, for scripts of hosts
 * that are set to do without: neither end hears of them then.
 */
#ifndef TESTS_PACKETDRILL_SYN_H
#define TESTS_PACKETDRILL_SYN_H

#include <stddef.h>

#include "packetdrill/flags.h"

/** A rewritten SYN may be so much longer [bytes]. */
#define SYN_GROWTH 40

/**
 * Rewrite a datagram of the stack's if it is a SYN; others stay as they are.
 * @param[in,out] datagram  Well-formed IPv4; has room for SYN_GROWTH more.
 * @param[in]     without   Bits 1 << kind of the options that are taken out (struct flags).
 * @return Its size now.
 */
size_t
syn_rewrite(unsigned char *datagram, size_t len, enum flags_order order, unsigned int without);

/** Put no-operations in the place of options of a peer's SYN. Whatever is no well-formed SYN stays as it is. */
void
syn_strip(unsigned char *datagram, size_t len, unsigned int without);

#endif
