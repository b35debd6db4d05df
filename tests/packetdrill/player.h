/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Player: the test's own packetdrill: it loads the object, puts segments in, and looks at what comes out.
 *
 * Model:   one peer at 192.0.2.1, whose segments are made from a few values; what the stack sends is compared
 *          octet by octet with the datagram that the same values make.
 * Threads: the one that called player_load(), but for calls of ifc that may block.
 */
#ifndef TESTS_PACKETDRILL_PLAYER_H
#define TESTS_PACKETDRILL_PLAYER_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>

#include "packetdrill/interface.h"
#include "test.h"

#define PLAYER_MAX 2048

/** A segment, in either direction. */
struct segment {
	uint16_t host_port;
	uint16_t peer_port;
	uint8_t flags;			/**< TH_SYN ... */
	uint32_t seq;
	uint32_t ack;
	uint16_t window;
	uint8_t nb_options;		/**< Octets, a multiple of 4. */
	uint8_t options[40];
	size_t len;
	const char *data;
};

/** What the stack sent last (player_await()). */
struct sent {
	uint8_t datagram[PLAYER_MAX];
	size_t len;
	uint64_t sent_us;
	struct segment segment;		/**< Read out of it; data points into datagram. */
};

extern struct packetdrill_interface player;

/** Load the object as the tool does. */
void
player_load(const char *path, const char *flags);

/** Something that the object exports. */
void *
player_symbol(const char *name);

/** The clock [us]. */
uint64_t
player_now_us(void);

/** A segment for the stack. */
void
player_put(const struct segment *segment);

/** The next that the stack sends; the test fails when none comes. */
void
player_await(struct sent *sent);

/**
 * The next that the stack sends is this one, octet by octet; its identification (RFC 6864), and where want->window is 0
 * and it carries no RST its window, are taken as they are.
 */
void
player_expect(const struct segment *want);

/** Take whatever the stack still sends, until it is at rest. @return How many segments. */
unsigned int
player_drain(void);

/** Address of the host with a port, and of the peer. */
struct sockaddr_in
player_address(bool peer, uint16_t port);

#endif
