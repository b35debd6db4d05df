/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * IP engine: ARP, IPv4, ICMP echo and errors. Frames and the time in; verdicts and frames out.
 *
 * Model:     one struct sani_ip_engine for each core, with a table of neighbours of its own. The core with
 *            index 0 (is_control) runs ARP; the others say whom they look for (SANI_IP_WANT in the
 *            io) and are told (sani_ip_neighbour_set()). No clock, no ethdev call, no lock, no globals.
 * Frames:    what the engine wants sent is appended to io->tx, complete with Ethernet header,
 *            m->port = ethdev id of the interface it leaves by.
 * Bounds:    neighbour table and queue per unresolved neighbour are fixed; ICMP is rate limited.
 * Source:    RFC 791, 792, 826, 1122, 1812 4.3, 5227 (conflicts are counted and defended), 7126.
 */
#ifndef SANI_IP_IP_H
#define SANI_IP_IP_H

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "base/base.h"
#include "base/counters.h"

/** Most interfaces of a host. */
#define SANI_IP_IFACES 8

/**
 * Neighbours a core knows at most. An unresolved one holds SANI_IP_HELD packets, and more while all of them together
 * hold no more than SANI_IP_HELD_SPARE beyond that, itself not more than SANI_IP_HELD_MOST.
 */
#define SANI_IP_NEIGHBOURS 1024
#define SANI_IP_HELD 4
#define SANI_IP_HELD_SPARE 512
#define SANI_IP_HELD_MOST 256

/** Every call of the engine appends at most so many frames: the caller leaves room for them. */
#define SANI_IP_TX_ROOM 8

/** An interface; fixed after host creation, shared read-only by the cores. */
struct sani_iface {
	char name[32];
	uint16_t port_id;		/**< ethdev */
	uint16_t mtu;			/**< [bytes] */
	uint32_t caps;			/**< enum sani_port_cap of its port. */
	struct rte_ether_addr mac;
	union sani_ip addr;
	uint8_t prefix;			/**< IPv4: 0..32 */
	bool has_gateway;
	union sani_ip gateway;
};

/** What a call of the engine may use, and where its frames go. */
struct sani_ip_io {
	uint64_t now_us;
	struct rte_mempool *pool;	/**< For frames that the engine makes. */
	struct sani_counters *ctr;
	struct rte_mbuf **tx;		/**< Room for max_tx frames. */
	uint16_t nb_tx;
	uint16_t max_tx;
	uint8_t nb_news;		/**< Neighbours learnt or wanted by this call, in news[]. */
	struct sani_ip_news {
		uint8_t kind;		/**< enum sani_ip_news_kind */
		uint8_t iface;
		union sani_ip ip;
		struct rte_ether_addr mac;
	} news[4];
};

enum sani_ip_news_kind {
	SANI_IP_KNOWN,	/**< Control core: ip is at mac; tell the other cores. */
	SANI_IP_WANT,	/**< Other cores: ask the control core to resolve ip. */
	SANI_IP_LOST,	/**< Control core: ip does not answer; tell the other cores. */
	SANI_IP_DOUBT,	/**< Other cores: ask the control core to see whether ip still answers. */
	SANI_IP_FOUND,	/**< For this core alone: ip, for which packets were to be made again, is known. */
};

/** What became of a received frame. */
enum sani_ip_verdict {
	SANI_IP_DONE,		/**< Consumed: answered, learnt, or dropped and counted. m is gone. */
	SANI_IP_TCP,		/**< A TCP segment for us: pkt is filled, m is the caller's. */
	SANI_IP_TCP_ERROR,	/**< An ICMP error about a TCP segment of ours: as SANI_IP_TCP; the caller counts it. */
	SANI_IP_CONTROL,	/**< ARP on another core than the control core: hand m over to it. */
};

/** A received TCP segment, or an ICMP error about one that we sent. */
struct sani_ip_pkt {
	struct sani_tuple tuple;	/**< local is us. */
	uint16_t l4_off;		/**< TCP header: offset into m [bytes]. Contiguous headers are pulled up. */
	uint16_t l4_len;		/**< TCP header and payload [bytes]; m ends with it. */
	uint8_t iface;
	uint8_t tos;
	bool nonunicast;		/**< Sent to a broadcast or multicast address, link or IP. */
	uint8_t icmp_type;		/**< SANI_IP_TCP_ERROR: type, code, and the quoted sequence number. */
	uint8_t icmp_code;
	uint16_t icmp_mtu;		/**< Type 3 code 4: next-hop MTU. */
	uint32_t quoted_seq;		/**< [host order] */
};

struct sani_ip_engine;

/**
 * Make a core's engine.
 *
 * @param[in] ifaces      Kept, not copied; nb of them, 1..SANI_IP_IFACES.
 * @param[in] is_control  This core runs ARP.
 * @param[in] key         Secret for its tables and rate limits, 16 bytes, copied.
 * @return NULL: no memory.
 */
struct sani_ip_engine *
sani_ip_create(const struct sani_iface *ifaces, unsigned int nb, bool is_control,
	       const uint8_t key[16]);

/** End it; held packets are freed. NULL is allowed. */
void
sani_ip_destroy(struct sani_ip_engine *ip);

/** Take a received frame (data at the Ethernet header) that came in by interface iface. */
enum sani_ip_verdict
sani_ip_input(struct sani_ip_engine *ip, struct rte_mbuf *m, uint8_t iface, struct sani_ip_io *io,
	      struct sani_ip_pkt *pkt);

/** Where a destination goes. */
struct sani_ip_route {
	uint8_t iface;
	union sani_ip src;	/**< Address to use when the caller has none (RFC 1122 3.3.4.3). */
	union sani_ip next_hop;
	uint16_t mtu;
};

/**
 * Find the route to dst.
 * @retval 0 -ENETUNREACH -EINVAL (any, broadcast or multicast: not a place to connect to)
 */
int
sani_ip_route(const struct sani_ip_engine *ip, const union sani_ip *dst, struct sani_ip_route *route);

/** Which interface has this address, or -1. */
int
sani_ip_iface_of(const struct sani_ip_engine *ip, const union sani_ip *addr);

/** No way yet, and a packet that cannot leave need not be held: the caller makes it again. Names no neighbour. */
#define SANI_IP_WAY_AGAIN 1u

/** What an outgoing packet needs beside its payload. */
struct sani_ip_out {
	union sani_ip src;
	union sani_ip dst;
	uint8_t proto;		/**< IPPROTO_TCP: the TCP checksum (offset 16) is filled here, or left to the port. */
	uint8_t tos;
	uint8_t ttl;
	bool df;
	/**
	 * NULL, or the caller's for all packets of one src and dst, 0 or SANI_IP_WAY_AGAIN at first: names their way
	 * once it was found, and spares looking for it. It may be out of date at any time.
	 */
	uint32_t *way;
};

/**
 * Send a packet: m's data begins at the transport header, with headroom for 34 bytes before it.
 * Prepends IPv4 and Ethernet headers, fills checksums (in software where the port cannot), appends
 * the frame to io->tx, or holds it until the neighbour is known. m is consumed in every case.
 *
 * @retval 0              Sent or held; or lost for lack of memory or room in a table, counted.
 * @retval 1              SANI_IP_WAY_AGAIN: dropped, counted, for the neighbour is not known yet. When it is, news of
 *                        the kind SANI_IP_FOUND say so; where they are lost, the packet's own repetition comes later.
 * @retval -ENETUNREACH   No route. Dropped, counted.
 * @retval -EHOSTUNREACH  The neighbour is known not to answer. Dropped, counted; or held while it is asked again,
 *                        and with SANI_IP_WAY_AGAIN as with 1.
 * @retval -EMSGSIZE      Longer than the interface's MTU. Dropped, counted.
 */
int
sani_ip_output(struct sani_ip_engine *ip, struct rte_mbuf *m, const struct sani_ip_out *out,
	       struct sani_ip_io *io);

/** The first hop from src (or any) to dst, which does not change. @return False: no route. */
bool
sani_ip_first_hop(const struct sani_ip_engine *ip, const union sani_ip *dst, const union sani_ip *src,
		  union sani_ip *hop);

/** Is the first hop from src (or any) to dst known, so that a packet need not wait for an answer? */
bool
sani_ip_knows(struct sani_ip_engine *ip, const union sani_ip *dst, const union sani_ip *src);

/**
 * May a segment go to peer now that answers one for which the layer above keeps no connection (a RST)? It is
 * spent when the answer is yes. For all peers 2000 a second, for one 100, on the average and by chance.
 */
bool
sani_ip_may_answer(struct sani_ip_engine *ip, const union sani_ip *peer, uint64_t now_us);

/** A neighbour's address, as told by the control core: held packets go out. mac NULL: it does not answer. */
void
sani_ip_neighbour_set(struct sani_ip_engine *ip, uint8_t iface, const union sani_ip *addr,
		      const struct rte_ether_addr *mac, struct sani_ip_io *io);

/** Control core: resolve addr for another core; news[] has the answer now or a later call's news will. */
void
sani_ip_neighbour_want(struct sani_ip_engine *ip, uint8_t iface, const union sani_ip *addr,
		       struct sani_ip_io *io);

/**
 * What goes to dst is not answered: see whether its first hop still is there and at its MAC (RFC 1122
 * 2.3.2.1, 3.3.1.4). Packets go on to it meanwhile; one that was confirmed within the last second is not
 * asked again.
 */
void
sani_ip_doubt(struct sani_ip_engine *ip, const union sani_ip *dst, struct sani_ip_io *io);

/** The same of a neighbour; on the control core for another one. */
void
sani_ip_neighbour_doubt(struct sani_ip_engine *ip, uint8_t iface, const union sani_ip *addr,
			struct sani_ip_io *io);

/** Announce our addresses (gratuitous ARP, RFC 5227 3); control core, at start. */
void
sani_ip_announce(struct sani_ip_engine *ip, struct sani_ip_io *io);

/** Run what is due; call when now reaches sani_ip_deadline(). */
void
sani_ip_timer(struct sani_ip_engine *ip, struct sani_ip_io *io);

/** Next time [us] at which sani_ip_timer() has something to do; SANI_NEVER: nothing. */
uint64_t
sani_ip_deadline(const struct sani_ip_engine *ip);

#endif
