/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Packet: frames for the floor: TCP segments as a stack would send them, checksums in software, and nothing kept of
 * a connection; a port without a stack.
 *
 * Threads: one for each end.
 */
#ifndef APPS_BENCH_PACKET_H
#define APPS_BENCH_PACKET_H

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#include "bench.h"

#define PACKET_BURST 32
#define PACKET_HEADERS (sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_tcp_hdr))

/** An end of the floor: a port of its own and its packet buffers. */
struct packet_end {
	uint16_t port;
	struct rte_mempool *pool;
	struct rte_mempool *long_pool;	/**< For frames that do not fit; NULL: none. */
	struct rte_ether_addr mac;
	uint32_t ip_be;
};

/** Set a port of DPDK up, with a pool of so many buffers. @return false: it was complained. */
bool
packet_end_open(struct packet_end *e, uint16_t port, const char *name, unsigned int mbufs);

/** Stop it. */
void
packet_end_close(struct packet_end *e);

/**
 * Two ends of a ring pair, made once.
 *
 * @param[in] mbufs  Of each end.
 * @param[in] mtu    Above 1500: packets so long are made, too, in buffers of their own, and short ones as before.
 * @return false: it was complained.
 */
bool
packet_pair_open(struct packet_end ends[2], unsigned int mbufs, uint32_t mtu);

/** A segment, as from one to the other end. data is copied. NULL: no buffer, or it does not fit into any. */
struct rte_mbuf *
packet_make(const struct packet_end *from, const struct packet_end *to, uint16_t port, const void *data, uint16_t len);

/** The TCP header of a frame whose checksums are right and that is a segment without IP options; else NULL. */
const struct rte_tcp_hdr *
packet_check(const struct rte_mbuf *m);

/** Bytes of data in it; packet_check() said that it is one. */
uint32_t
packet_data(const struct rte_mbuf *m, const void **data);

/** Make a segment that was received its own answer: data comes back, all of it acknowledged. */
void
packet_answer(struct rte_mbuf *m, const struct packet_end *e);

/** Make a segment that was received the acknowledgement of all in it. */
void
packet_acknowledge(struct rte_mbuf *m, const struct packet_end *e);

/** Answer a request for e's Ethernet address. @return false: it was not one; the frame is unchanged. */
bool
packet_answer_arp(struct rte_mbuf *m, const struct packet_end *e);

/** Send all; what the queue has no room for is tried again for a while, then dropped. */
void
packet_send(const struct packet_end *e, struct rte_mbuf **m, unsigned int nb);

#endif
