/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Rig: an IP engine with two interfaces, a virtual clock and a pool; frames as bytes in and out.
 *
 *   interface 0  10.0.0.1/24, gateway 10.0.0.254     interface 1  172.16.0.1/16
 *
 * Every test begins with a new engine and ends with a look at the pool: no buffer may be missing.
 */
#ifndef TESTS_UNIT_IP_RIG_H
#define TESTS_UNIT_IP_RIG_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <rte_mbuf.h>

#include "ip/ip.h"
#include "port/port.h"
#include "test.h"

#define SEC 1000000ULL
#define MAX_TX 64

#define US "10.0.0.1"
#define PEER "10.0.0.2"
#define GATEWAY "10.0.0.254"
#define FAR "8.8.8.8"

/** A frame as bytes. */
struct frame {
	uint32_t len;
	uint8_t b[2000];
};

struct rig {
	struct sani_iface ifaces[2];
	struct sani_ip_engine *ip;
	struct sani_ip_io io;
	struct sani_counters ctr;
	struct sani_counters before;
	struct rte_mbuf *tx[MAX_TX];
	struct sani_ip_pkt pkt;
	struct rte_mbuf *up;	/**< What input handed up; freed by the next give and at the end. */
};

extern struct rte_mempool *rig_pool;
extern const struct rte_ether_addr our_mac;
extern const struct rte_ether_addr peer_mac;

/* Of the group: EAL and pool. Of a test: *state is the rig; the control core's or another one's. */
int
rig_start(void **state);
int
rig_stop(void **state);
int
rig_make(void **state);
int
rig_make_other_core(void **state);
int
rig_end(void **state);

/** MAC 02:00:00:00:00:n; n in 1..255. */
struct rte_ether_addr
mac_of(uint8_t n);

uint32_t
addr_of(const char *text);

union sani_ip
ip_of(const char *text);

/* Frames. IPv4 from PEER to us on interface 0 with right checksums; change and fix_*() them. */

void
make_tcp(struct frame *f, uint32_t payload);
void
make_udp(struct frame *f, uint16_t port, uint32_t payload);
void
make_echo(struct frame *f, uint32_t payload);
/** An ICMP message of this type about a TCP segment that we sent, 28 octets quoted. */
void
make_error(struct frame *f, uint8_t type, uint8_t code);
void
make_arp(struct frame *f, uint16_t op, const struct rte_ether_addr *sha, const char *spa,
	 const char *tpa);
/** Put options (a multiple of 4 octets) into the IPv4 header. */
void
add_options(struct frame *f, const uint8_t *options, uint8_t len);
/** Make source, destination. */
void
set_src(struct frame *f, const char *src);
void
set_dst(struct frame *f, const char *dst);
void
set_eth_dst(struct frame *f, const struct rte_ether_addr *mac);
/** Fill the IPv4 header checksum; with the transport's. */
void
fix_ip(struct frame *f);
void
fix_all(struct frame *f);

/** Give the frame in one buffer. */
enum sani_ip_verdict
give(struct rig *r, const struct frame *f);
/** Give it in buffers of these lengths, the rest in the last. */
enum sani_ip_verdict
give_cut(struct rig *r, const struct frame *f, const uint16_t *cuts, unsigned int nb);
/** Give m. */
enum sani_ip_verdict
give_mbuf(struct rig *r, struct rte_mbuf *m, uint8_t iface);

/** m in buffers of these lengths. */
struct rte_mbuf *
mbuf_of(const struct frame *f, const uint16_t *cuts, unsigned int nb);

/** The frame must be dropped, and of all counters with "drop" or "bad" in the name this one must move, by one. */
void
expect_drop(struct rig *r, const struct frame *f, enum sani_counter why);
/** Likewise of the calls since mark(). */
void
mark(struct rig *r);
void
expect_counted(struct rig *r, enum sani_counter why, uint64_t n);
void
expect_one_drop(struct rig *r, enum sani_counter why);

/** Take the oldest frame sent; fails when there is none. */
void
take(struct rig *r, struct frame *f);
void
expect_nothing_sent(struct rig *r);

/** Free what was sent. */
void
drain(struct rig *r);
/** who, on interface 0, answers an ARP request of ours. */
void
answer(struct rig *r, const char *who, const struct rte_ether_addr *mac);
/** The next frame must be an ARP request for who, by unicast to mac or (NULL) by broadcast. */
void
take_request(struct rig *r, const char *who, const struct rte_ether_addr *mac);
/** Distinct hosts on interface 1, i below 60000; static. */
const char *
host_text(unsigned int i);

/** Send a segment of payload octets to dst; @return what output returned. */
int
send_tcp(struct rig *r, const char *dst, uint32_t payload);

/** Tell the engine that PEER is at peer_mac. */
void
know_peer(struct rig *r);

/** Run the timers up to a time, a call at each deadline. */
void
run_until(struct rig *r, uint64_t us);

/* What a frame says. */
uint16_t
type_of(const struct frame *f);
bool
is_arp(const struct frame *f, uint16_t op, const char *tpa);
bool
are_checksums_right(const struct frame *f);

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_make, rig_end)
#define TEST_OTHER_CORE(name) cmocka_unit_test_setup_teardown(name, rig_make_other_core, rig_end)

#endif
