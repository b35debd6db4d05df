/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Wire: what the octets of a stream have to be whenever a NIC reads them, and a peer that lies.
 *
 * Model:     each direction of the one connection that matters is the stream wire_octet(); a frame with another octet
 *            anywhere, sent for the first time or again, is counted.
 */
#ifndef TESTS_FAULTS_WIRE_H
#define TESTS_FAULTS_WIRE_H

#include "kit/nic.h"

struct wire {
	const struct nic *nic;
	bool known;		/**< A SYN was seen: */
	uint32_t iss;
	unsigned int nb_data;	/**< Frames with data. */
	unsigned int nb_rst;
	unsigned int bad;	/**< Frames with octets that are not the stream's. */
	uint32_t end;		/**< Stream offset behind the highest octet seen. */
};

/** Of what the NIC of a side sends. */
extern struct wire wire[2];

/** Forget, and watch what both NICs send. */
void
wire_watch(struct nic pair[2]);

/** The stream's octets [offset, offset + len). */
void
wire_fill(uint8_t *buf, uint32_t len, uint32_t offset);
bool
wire_is_filled(const uint8_t *buf, uint32_t len, uint32_t offset);

/**
 * Have the host behind nic be told, as by its peer, that all up to the end of a frame of its own has arrived. The NIC
 * has received a segment of the connection before.
 */
void
wire_forge_ack(struct nic *nic, const struct rte_mbuf *frame);

/** The same with an RST in the window. */
void
wire_forge_rst(struct nic *nic);

/** Ask the host behind nic, which has received something, for its MAC address. */
void
wire_ask_arp(struct nic *nic);

#endif
