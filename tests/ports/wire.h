/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Wire: a peer made of raw frames, for what two well-behaved hosts cannot get into.
 *
 * Model:     the far end of a ring port, held by the test itself. It is 10.9.0.2; it answers ARP by
 *            itself, and does nothing else that it is not told to.
 * Lifetime:  wire_open() before net_open() (give wire.device as net_wish.device[0], one_host set),
 *            wire_close() after net_close().
 */
#ifndef TESTS_PORTS_WIRE_H
#define TESTS_PORTS_WIRE_H

#include "net.h"

struct rte_ring;
struct rte_mempool;

enum {
	WIRE_FIN = 0x01,
	WIRE_SYN = 0x02,
	WIRE_RST = 0x04,
	WIRE_PSH = 0x08,
	WIRE_ACK = 0x10,
};

#define WIRE_DATA 1600

/** A TCP segment, host order. Options are skipped; none are sent but MSS with a SYN. */
struct wire_seg {
	uint16_t sport;
	uint16_t dport;
	uint32_t seq;
	uint32_t ack;
	uint8_t flags;
	uint16_t win;
	uint8_t tos;		/**< Received only: of its IP header. */
	uint8_t ttl;		/**< Likewise. */
	uint16_t len;
	uint8_t data[WIRE_DATA];
};

struct wire {
	char device[64];
	struct rte_ring *to_host;
	struct rte_ring *from_host;
	struct rte_mempool *pool;
	struct net *net;
	uint8_t host_mac[6];
	bool knows_mac;
	unsigned int nb_rx;		/**< TCP segments received. */
	unsigned int nb_bad;		/**< Of them with a wrong checksum. */
	uint8_t syn_ack_tos;		/**< Of the SYN-ACK that wire_connect() answered last. */
	uint8_t syn_ack_ttl;
};

/** One connection as the raw peer sees it. */
struct wire_conn {
	struct wire *wire;
	uint16_t port;		/**< Ours. */
	uint16_t host_port;
	uint32_t snd_nxt;
	uint32_t rcv_nxt;
};

/** Make the port. net is stepped while the wire waits. */
void
wire_open(struct wire *wire, struct net *net);

void
wire_close(struct wire *wire);

/** net_wish.drain of a net with a wire: what the host sends is answered if it is ARP, and dropped. */
void
wire_drain(void *wire);

/** Send a frame's worth of TCP. */
void
wire_send(struct wire *wire, const struct wire_seg *seg);

/** Take the next TCP segment, if there is one; ARP is answered on the way. */
bool
wire_take(struct wire *wire, struct wire_seg *seg);

/** Step the host until a TCP segment comes; fails after a second. */
void
wire_wait(struct wire *wire, struct wire_seg *seg);

/** Step the host for ms, counting segments that carry one of these flags. The last one goes to seg. */
unsigned int
wire_count(struct wire *wire, uint8_t flags, unsigned int ms, struct wire_seg *seg);

/** A segment of a connection: flags and len octets of zeros at snd_nxt, which moves on. */
void
wire_say(struct wire_conn *c, uint8_t flags, uint16_t len);

/** The host connects to us: wait for its SYN and set c up. Nothing is answered yet. */
void
wire_answer(struct wire *wire, struct wire_conn *c, uint16_t port);

/** We connect to the host: SYN, wait for SYN and ACK, answer it. */
void
wire_connect(struct wire *wire, struct wire_conn *c, uint16_t port, uint16_t host_port);

/** Wait until the host's FIN is here; rcv_nxt is then behind it. */
void
wire_wait_fin(struct wire_conn *c);

#endif
