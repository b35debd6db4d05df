/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * IP engine: what it keeps. For its own files, and in line for who sends plain packets (ip/plain.h).
 */
#ifndef SANI_IP_ENGINE_H
#define SANI_IP_ENGINE_H

#include <rte_ip.h>

#include "ip/ip.h"
#include "wire/eth.h"
#include "wire/ip4.h"

/** Peers share so many rate limits, by keyed hash. */
#define SANI_IP_PEERS 256

#define SANI_IP_BUCKETS 1024	/**< Of the neighbour table's hash; a power of two. */
#define SANI_IP_CACHE 256	/**< Places of the cache before it; a power of two. */
#define SANI_IP_NO_NEIGH UINT16_MAX

_Static_assert(SANI_IP_WAY_AGAIN < SANI_IP_NEIGHBOURS, "the name of no neighbour");

enum sani_ip_neigh_state {
	SANI_IP_NEIGH_FREE,
	SANI_IP_NEIGH_INCOMPLETE,	/**< Asked for by broadcast; holds packets. */
	SANI_IP_NEIGH_REACHABLE,	/**< MAC known and confirmed. */
	SANI_IP_NEIGH_PROBE,		/**< MAC known, asked to confirm by unicast; in use meanwhile. */
	SANI_IP_NEIGH_FAILED,		/**< Did not answer; packets are refused for a hold-off, then it is asked. */
};

#define SANI_IP_USED 2	/**< Periods for which a neighbour counts as in use. */

/** A neighbour. Its state is written by neighbour.c only. */
struct sani_ip_neigh {
	union sani_ip addr;
	uint64_t due_us;		/**< When the timer looks at it. */
	uint64_t changed_us;		/**< When mac was last another one. */
	struct rte_ether_addr mac;
	uint8_t iface;
	uint8_t state;			/**< enum sani_ip_neigh_state */
	uint8_t tries;			/**< Requests sent in this state; FAILED: 1 after the hold-off. */
	uint8_t used;			/**< Periods for which it counts as in use; output sets it. */
	bool shared;			/**< Another core has asked for it. */
	bool failed;			/**< Given up, and not heard since. */
	bool awaited;			/**< Packets for it are to be made again when it is known. */
	uint16_t next;			/**< In its bucket, or in the free list. */
	uint16_t nb_held;		/**< hold.c; the oldest and the newest place. */
	uint16_t oldest;
	uint16_t newest;
	uint32_t way;			/**< Its name (struct sani_ip_out); another one when it is used again. */
};

#define SANI_IP_PLACES (SANI_IP_NEIGHBOURS / 4 * SANI_IP_HELD + SANI_IP_HELD_SPARE)

/** A packet that waits for its neighbour: a whole frame but for the destination MAC. */
struct sani_ip_place {
	struct rte_mbuf *m;
	uint16_t next;			/**< Of its neighbour, or in the free list. */
};

#define SANI_IP_RECALLED 64u	/**< Ways to remember; a power of two. */

/** A token bucket: credit is time, an event costs interval_us. */
struct sani_ip_limit {
	uint64_t at_us;
	uint64_t credit_us;
};

/** What is limited; the rates stand in limit.c. */
enum sani_ip_limit_kind {
	SANI_IP_LIMIT_ERROR,	/**< ICMP errors. */
	SANI_IP_LIMIT_ECHO,	/**< Echo replies. */
	SANI_IP_LIMIT_ANSWER,	/**< sani_ip_may_answer() */
	SANI_IP_NB_LIMITS
};

/** An interface's network, worked out once. */
struct sani_ip_net {
	uint32_t addr_be;
	uint32_t mask_be;
	uint32_t host_be;	/**< The other bits; 0: there is no broadcast address (RFC 3021). */
	uint32_t gateway_be;	/**< 0: none. */
	uint64_t source_be;	/**< Of the last plain frame, which may be one: most come from where the last came from.
				 *   UINT64_MAX: there was none. */
};

/** Ethernet and IPv4 header without options, at any address. */
struct sani_ip_hdrs {
	uint8_t eth_dst[RTE_ETHER_ADDR_LEN];
	uint8_t eth_src[RTE_ETHER_ADDR_LEN];
	uint16_t eth_type_be;
	struct rte_ipv4_hdr ip4;
} __attribute__((packed));

_Static_assert(sizeof(struct sani_ip_hdrs) == SANI_ETH_HDR + SANI_IP4_HDR_MIN, "as they lie in a frame");

struct sani_ip_engine {
	const struct sani_iface *ifaces;
	unsigned int nb_ifaces;
	bool is_control;
	uint8_t key[16];
	uint64_t nb_random;			/**< Random numbers drawn. */
	struct sani_ip_net nets[SANI_IP_IFACES];

	/* engine.c: announcements, conflicts */
	uint64_t announce_us;			/**< When the second announcement is due. */
	uint64_t defend_us[SANI_IP_IFACES];	/**< No defence before. */
	uint64_t due_us;			/**< No neighbour is due before. */

	/* input.c: bad TCP checksums seen in a row from the start; CKSUM_DECIDED afterwards */
	uint8_t bad_cksums[SANI_IP_IFACES];

	/* limit.c */
	struct {
		struct sani_ip_limit all;
		struct sani_ip_limit peer[SANI_IP_PEERS];
	} limits[SANI_IP_NB_LIMITS];

	/* hold.c */
	uint16_t place_free;			/**< Free list. */
	uint16_t nb_spare;			/**< Packets beyond the SANI_IP_HELD of their neighbours. */
	struct sani_ip_place places[SANI_IP_PLACES];

	/* output.c: the ways that were found last, by the end of the destination's address */
	struct sani_ip_found {
		uint32_t dst_be;
		uint32_t src_be;
		uint32_t way;			/**< 0: none. */
	} found[SANI_IP_RECALLED];

	/* neighbour.c */
	unsigned int nb_unresolved;		/**< INCOMPLETE and FAILED entries. */
	uint16_t free;				/**< Free list. */
	uint16_t cache[SANI_IP_CACHE];		/**< Index of the entry last found there. */
	uint16_t buckets[SANI_IP_BUCKETS];
	struct sani_ip_neigh neighs[SANI_IP_NEIGHBOURS];
};

/** The neighbour of a way, if it is the same one still and its MAC is known; else NULL. */
static inline struct sani_ip_neigh *
sani_ip_neigh_of_way(struct sani_ip_engine *ip, uint32_t way)
{
	struct sani_ip_neigh *n = &ip->neighs[way % SANI_IP_NEIGHBOURS];

	/* no neighbour's way is 0 */
	if (n->way == way && (n->state == SANI_IP_NEIGH_REACHABLE || n->state == SANI_IP_NEIGH_PROBE))
		return n;
	return NULL;
}

#endif
