/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Packet: what a frame on the wire says, read with nothing but the RFCs (791, 792, 9293, 7323, 2018, 3168).
 */
#ifndef TESTS_SIM_PACKET_H
#define TESTS_SIM_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_FIN 0x01
#define SIM_SYN 0x02
#define SIM_RST 0x04
#define SIM_PSH 0x08
#define SIM_ACK 0x10
#define SIM_URG 0x20
#define SIM_ECE 0x40
#define SIM_CWR 0x80

enum sim_proto {
	SIM_OTHER,	/**< Not IPv4. */
	SIM_ARP,
	SIM_TCP,
	SIM_ICMP,
	SIM_IP,		/**< Some other protocol. */
	SIM_BAD,	/**< IPv4 that is malformed or has a wrong checksum. */
};

struct sim_packet {
	enum sim_proto proto;
	const char *why;	/**< SIM_BAD: what is wrong. */
	uint32_t src;		/**< Addresses and ports [host order]. */
	uint32_t dst;		/**< SIM_ARP: whose address a request asks for; 0: it is none. */
	bool broadcast;		/**< SIM_ARP: it goes to all. */
	uint16_t ip_len;
	uint8_t tos;
	bool df;
	uint16_t sport;
	uint16_t dport;
	uint32_t seq;
	uint32_t ack;
	uint8_t flags;
	uint16_t wnd;
	const uint8_t *data;
	uint16_t len;		/**< Of the data [octets]. */
	uint16_t opt_len;
	bool has_mss;
	bool has_ws;
	bool has_sackp;
	bool has_ts;
	uint16_t mss;
	uint8_t ws;
	uint32_t tsval;
	uint32_t tsecr;
	unsigned int nb_sack;
	uint32_t sack[4][2];
	uint16_t icmp_type_code;	/**< An ICMP error about TCP: the quoted ends are in ports, seq. */
};

/** Read an Ethernet frame. */
void
sim_packet_read(const uint8_t *frame, uint32_t len, struct sim_packet *p);

/** Write an ICMP "fragmentation needed" about frame as a frame of its own. @return Its length. */
uint32_t
sim_packet_too_big(const uint8_t *frame, uint32_t len, uint16_t mtu, uint8_t *out);

/** One line about it, for messages. */
const char *
sim_packet_text(const struct sim_packet *p, char *buf, uint32_t size);

static inline bool
sim_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool
sim_leq(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

/** Octets of sequence space. */
static inline uint32_t
sim_space(const struct sim_packet *p)
{
	return (uint32_t)p->len + !!(p->flags & SIM_SYN) + !!(p->flags & SIM_FIN);
}

#endif
