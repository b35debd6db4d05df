/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Flags: what --so_flags says of the host that a script is played against.
 *
 * "NAME=VALUE,NAME=VALUE"; a name that is not one of these ends the process (kit_fail()).
 */
#ifndef TESTS_PACKETDRILL_FLAGS_H
#define TESTS_PACKETDRILL_FLAGS_H

#include <stdbool.h>
#include <stdint.h>

/** In which order a SYN carries its options: the stack's, or as scripts for Linux or BSD have it. */
enum flags_order {
	FLAGS_ORDER_STACK,
	FLAGS_ORDER_LINUX,
	FLAGS_ORDER_BSD,
};

struct flags {
	char address[32];	/**< "address": A.B.C.D/PREFIX of the host; 192.168.0.1/16. */
	char gateway[32];	/**< "gateway": who forwards to the peer; 192.168.0.2. */
	unsigned int mtu;	/**< "mtu"; 1500. */
	uint32_t rcvbuf;	/**< "rcvbuf": SO_RCVBUF of a socket [bytes]; 0: the stack's default. */
	uint32_t sndbuf;	/**< "sndbuf": SO_SNDBUF likewise. */
	enum flags_order order;	/**< "order": stack, linux or bsd. */
	bool quickack;		/**< "quickack": 0: no segment is acknowledged at once just because the
				 *   connection is young; 1: as the stack does it. */
	bool pushes;		/**< "pushes": 1: PSH also at the end of each burst (push.h). */
	bool doubles;		/**< "doubles": 1: a program that sets SO_SNDBUF or SO_RCVBUF gets twice
				 *   as much, and reads that (Linux, socket(7)). */
	bool sets_ecn;		/**< "ecn" was given, */
	uint32_t ecn;		/**< and what for: enum san_ecn of every socket. */
	unsigned int without;	/**< "without": options that no SYN carries in either direction, as if the
				 *   way took them out: bits 1 << kind of wscale, sack, timestamps, joined
				 *   by "+" in the text. */
};

/** Read the text; NULL: defaults. */
void
flags_read(const char *text, struct flags *flags);

#endif
