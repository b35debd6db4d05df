/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * IP engine, inside: what its files share.
 *
 * Files: engine.c life and timers; route.c addresses and routes; pull.c mbuf chains; input.c Ethernet
 *        and IPv4 in; icmp.c; arp.c packets; neighbour.c the table; hold.c what waits; output.c; limit.c rates and
 *        chance.
 */
#ifndef SANI_IP_PRIV_H
#define SANI_IP_PRIV_H

#include <rte_byteorder.h>

#include "ip/engine.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/ip4.h"

/**
 * Octets pulled up to the front of a chain before anything is read: Ethernet 14, IPv4 60, and the
 * longer of TCP 60 and ICMP 8 with a quoted IPv4 header 60 and its 8 octets.
 */
#define SANI_IP_PULL 160

/** Time to live of what the engine sends itself (RFC 1122 3.2.1.7; RFC 1700 recommends 64). */
#define SANI_IP_TTL 64

/** A received datagram whose IPv4 header is sound; m begins at the Ethernet header. */
struct sani_ip_rx {
	struct rte_mbuf *m;
	struct sani_ip4 h;
	uint8_t iface;
	bool nonunicast;	/**< By its link or IP destination. */
	uint16_t l4_off;	/**< Into m [bytes]. */
	uint16_t l4_len;	/**< [bytes] */
};

/** Where a packet goes next. */
struct sani_ip_hop {
	uint8_t iface;
	uint32_t next_be;
};

static inline enum sani_ip_verdict
sani_ip_drop(struct rte_mbuf *m, struct sani_ip_io *io, enum sani_counter why)
{
	sani_count(io->ctr, why);
	rte_pktmbuf_free(m);
	return SANI_IP_DONE;
}

/* engine.c */

/** Append a frame to io->tx. A caller who left no room loses it, counted. */
void
sani_ip_emit(struct sani_ip_io *io, struct rte_mbuf *m);

/** Append news; those that find no room are asked for or told again by a timer. */
void
sani_ip_tell(struct sani_ip_io *io, enum sani_ip_news_kind kind, const struct sani_ip_neigh *n);

/* route.c */

/** Fill ip->nets. */
void
sani_ip_init_nets(struct sani_ip_engine *ip);

/** Is addr on the link of an interface? */
static inline bool
sani_ip_on_link(const struct sani_ip_engine *ip, unsigned int iface, uint32_t addr_be)
{
	const struct sani_ip_net *net = &ip->nets[iface];

	return ((addr_be ^ net->addr_be) & net->mask_be) == 0;
}

/** Does an interface have addr? */
static inline bool
sani_ip_is_ours(const struct sani_ip_engine *ip, uint32_t addr_be)
{
	for (unsigned int i = 0; i < ip->nb_ifaces; i++)
		if (ip->nets[i].addr_be == addr_be)
			return true;
	return false;
}

/** Is addr a broadcast of an interface's network, all ones or (RFC 1122 3.3.6) all zeros? */
static inline bool
sani_ip_is_broadcast(const struct sani_ip_engine *ip, unsigned int iface, uint32_t addr_be)
{
	uint32_t host_be = ip->nets[iface].host_be;
	uint32_t host = addr_be & host_be;

	if (addr_be == UINT32_MAX)
		return true;
	return (host == 0 || host == host_be) && host_be != 0 && sani_ip_on_link(ip, iface, addr_be);
}

/** Can addr be one host's (RFC 1122 3.2.1.3)? */
static inline bool
sani_ip_is_host(uint32_t addr_be)
{
	uint32_t first = rte_be_to_cpu_32(addr_be) >> 24;

	/* 0/8 this network, 127/8 loopback, 224/4 groups, 240/4 reserved with the broadcast */
	return first != 0 && first != 127 && first < 224;
}

/**
 * Find the next hop to dst; an interface with the address src is preferred.
 * @retval 0 -ENETUNREACH -EINVAL (not one host's address)
 */
int
sani_ip_find_hop(const struct sani_ip_engine *ip, const union sani_ip *dst,
		 const union sani_ip *src, struct sani_ip_hop *hop);

/* pull.c */

/** Make the first n octets of m (or all, if there are fewer) contiguous; m stays the head. */
bool
sani_ip_pull(struct rte_mbuf *m, uint32_t n);

/** Cut m to len octets. */
void
sani_ip_trim(struct rte_mbuf *m, uint32_t len);

/** May the octets of m's first segment be written? */
static inline bool
sani_ip_is_writable(const struct rte_mbuf *m)
{
	return RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1;
}

/* icmp.c */

/** A datagram of protocol ICMP. */
enum sani_ip_verdict
sani_ip_icmp_input(struct sani_ip_engine *ip, const struct sani_ip_rx *rx, struct sani_ip_io *io,
		   struct sani_ip_pkt *pkt);

/** Answer rx, which stays the caller's, with an unreachable message, where the rules and the rate allow. */
void
sani_ip_icmp_unreachable(struct sani_ip_engine *ip, const struct sani_ip_rx *rx, uint8_t code,
			 struct sani_ip_io *io);

/* arp.c */

/** An ARP packet on the control core; m is consumed. */
enum sani_ip_verdict
sani_ip_arp_input(struct sani_ip_engine *ip, struct rte_mbuf *m, uint8_t iface,
		  struct sani_ip_io *io);

/** Ask who has addr; to NULL: by broadcast. */
void
sani_ip_arp_request(struct sani_ip_engine *ip, unsigned int iface, uint32_t addr_be,
		    const struct rte_ether_addr *to, struct sani_ip_io *io);

/* neighbour.c */

void
sani_ip_neigh_init(struct sani_ip_engine *ip);

void
sani_ip_neigh_fini(struct sani_ip_engine *ip);

/** The entry of addr, or NULL. */
struct sani_ip_neigh *
sani_ip_neigh_find(struct sani_ip_engine *ip, unsigned int iface, const union sani_ip *addr);

/**
 * addr says that it is at mac.
 * @param[in] may_learn  A new entry may be made.
 * @return false: not taken.
 */
bool
sani_ip_neigh_heard(struct sani_ip_engine *ip, unsigned int iface, const union sani_ip *addr,
		    const struct rte_ether_addr *mac, bool may_learn, struct sani_ip_io *io);

/** The neighbour of a hop, if its MAC is known and nothing waits for it; else NULL. */
struct sani_ip_neigh *
sani_ip_neigh_known(struct sani_ip_engine *ip, const struct sani_ip_hop *hop);

/**
 * Hold a frame, whole but for its destination MAC, for a neighbour whose MAC is not known, or drop it; or send it
 * behind those that have waited and not gone yet. m is consumed.
 * @param[in] way  As its sender knows it, or NULL.
 * @retval 0 1 -EHOSTUNREACH  As sani_ip_output().
 */
int
sani_ip_neigh_hold(struct sani_ip_engine *ip, const struct sani_ip_hop *hop, struct rte_mbuf *m,
		   struct sani_ip_io *io, const uint32_t *way);

/** Send a frame, whole but for its destination MAC, to a neighbour whose MAC is known; m is consumed. */
void
sani_ip_neigh_give(struct sani_ip_neigh *n, struct rte_mbuf *m, struct sani_ip_io *io);

/** Look at an entry whose time has come. Sends most frames, 1.., and tells one news at most. */
void
sani_ip_neigh_expire(struct sani_ip_engine *ip, struct sani_ip_neigh *n, unsigned int most, struct sani_ip_io *io);

/* hold.c */

void
sani_ip_hold_init(struct sani_ip_engine *ip);

/** Hold a packet behind the others. When there is no place for one more the oldest of n makes room, or m goes. */
void
sani_ip_hold(struct sani_ip_engine *ip, struct sani_ip_neigh *n, struct rte_mbuf *m, struct sani_ip_io *io);

/** The oldest packet of n, which holds some. */
struct rte_mbuf *
sani_ip_hold_take(struct sani_ip_engine *ip, struct sani_ip_neigh *n);

/** Drop all that n holds, counted. */
void
sani_ip_hold_drop(struct sani_ip_engine *ip, struct sani_ip_neigh *n, struct sani_ip_io *io, enum sani_counter why);

/* limit.c */

void
sani_ip_limit_init(struct sani_ip_engine *ip);

/** A number that nobody outside can guess. */
uint64_t
sani_ip_random(struct sani_ip_engine *ip);

/** Keyed hash of an address and a small number. */
uint64_t
sani_ip_hash(const struct sani_ip_engine *ip, const union sani_ip *addr, unsigned int salt);

/** May an ICMP error go to peer now? */
bool
sani_ip_may_send_error(struct sani_ip_engine *ip, uint32_t peer_be, uint64_t now_us);

/** May an echo reply go to peer now? */
bool
sani_ip_may_send_echo(struct sani_ip_engine *ip, uint32_t peer_be, uint64_t now_us);

#endif
