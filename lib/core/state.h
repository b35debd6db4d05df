/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Core, inside: what a core keeps. Nobody else than the files of lib/core includes it, but their tests.
 */
#ifndef SANI_CORE_STATE_H
#define SANI_CORE_STATE_H

#include <stdatomic.h>

#include "core/core.h"
#include "core/fast.h"
#include "core/flow.h"
#include "core/listen.h"
#include "tcp/park.h"
#include "tcp/spare.h"

#define SANI_BURST 32			/**< Frames taken from a port, or a ring, in a round. */
#define SANI_LATE_MAX 256		/**< Timers that are put off to the next round, at most. */
#define SANI_TXQ_MAX 256		/**< Frames that wait for a port at most. */
#define SANI_RESERVE 64			/**< mbufs that a core keeps for the RST of closes. */
#define SANI_ACK_TURNS 3u		/**< At the end of so many rounds a bare ACK waits for the program no longer. */
#define SANI_OWED_MAX 1024u		/**< Bare ACKs that wait for the program at most; a power of two. */
#define SANI_SPARE_TX 4			/**< Room for calls of the tcp engine that build no segment. */
#define SANI_TX_BURST 32		/**< Segments of one connection in a round. */
#define SANI_IP_FRAMES 32		/**< Frames that calls of the ip engine may leave before a sweep. */
#define SANI_QUEUE_FIRST (256u << 10)	/**< Size of a queue that grows by itself, at first [bytes]. */
#define SANI_HOP_LISTS 256u		/**< As many neighbours are asked for at a time at most. */
#define SANI_MESH_PACKETS 1024		/**< Packets under way between two cores at most. */
#define SANI_MESH_MESSAGES 4096		/**< Messages that one input takes at most. */

/** Finished connections of a core that nobody has adopted, at most; mesh.c says why there is a bound. */
#define SANI_FINISHED_MAX 1024

/**
 * A listener may have so many half-open connections whatever its backlog is, before cookies are sent. An
 * embryo whose ACK finds the queue of finished ones full is helped by its SYN-ACK, sent again; a cookie is not.
 */
#define SANI_HALF_OPEN_LEAST 64

/** Ephemeral ports, RFC 6335 6 and RFC 6056. */
#define SANI_EPHEMERAL_FIRST 49152u
#define SANI_EPHEMERAL_NB 16384u
#define SANI_PORT_TURNS 4096u		/**< Remote ends that share one say how often others were connected to. */

/** sani_tcp_owner.flags */
enum {
	SANI_CONN_USED = 1 << 0,	/**< Not in the free list. */
	SANI_CONN_FLOW = 1 << 1,	/**< In the flow table. */
	SANI_CONN_EMBRYO = 1 << 2,	/**< In the list of its listen entry. */
	SANI_CONN_HALF = 1 << 3,	/**< Counted in nb_half_open. */
	SANI_CONN_FINISHED = 1 << 4,	/**< Counted in nb_finished; up->embryo was called. */
	SANI_CONN_FAST = 1 << 6,	/**< Counted in nb_fast of its listen entry. */
	SANI_CONN_TELL = 1 << 5,	/**< Its timer tells the socket that it is CLOSED. */
	SANI_CONN_HELD = 1 << 7,	/**< Its SYN is not answered before sani_core_confirm(). */
};

/** sani_tcp_owner.waits */
enum sani_wait {
	SANI_WAIT_NONE,
	SANI_WAIT_HOP,		/**< For its first hop, with its SYN (hop.c), */
	SANI_WAIT_POOL,		/**< or for a buffer, with what it has to send (ration.c). */
};

/** Those that wait for the same, linked by owner.prev and owner.next in the order in which they came. */
struct sani_waiting {
	uint32_t first;			/**< SANI_NONE */
	uint32_t last;
};

/** What a round has to do only now and then; a mask. */
enum sani_rare {
	SANI_RARE_ANNOUNCE = 1 << 0,	/**< Our addresses (RFC 5227 2.3), once, by core 0. */
	SANI_RARE_POOL = 1 << 1,	/**< Somebody waits, or has waited, for a buffer: ration.c. */
};

/** A listen entry. */
struct sani_listen_entry {
	struct sani_listen l;
	uint32_t next;			/**< In its bucket, or in the free list. */
	uint32_t embryos;		/**< First of them, SANI_NONE. */
	uint32_t nb_embryos;
	uint32_t nb_half_open;		/**< Of the embryos; the others are finished. */
	uint32_t nb_fast;		/**< Taken with their SYN's data, handshake not finished. */
	uint32_t nb_fast_held;		/**< Of such that were reset; they count until */
	uint64_t fast_held_until_us;	/**< then. */
	uint64_t cookies_until_us;	/**< Until then an ACK may bring back a cookie of ours. */
	uint16_t gen;			/**< Moves on at removal; owner.listen_gen of its connections. */
	bool used;
};

/** What a TIME_WAIT record needs beside its cache line. */
struct sani_tw_link {
	struct sani_timer timer;
	uint32_t older;
	uint32_t newer;			/**< Also the free list. */
};

enum sani_txq_state {
	SANI_TXQ_UNTRIED = 1 << 0,	/**< No frame was sent yet: lend.c tries the first. */
	SANI_TXQ_WATCHED = 1 << 1,	/**< It is restarted when it holds lent memory for long. */
	SANI_TXQ_PREPARES = 1 << 2,	/**< The port has SANI_PORT_TX_PREPARE, */
	SANI_TXQ_REFUSES = 1 << 3,	/**< and its driver has refused a chain: no lent memory for it. */
	SANI_TXQ_CUTS = 1 << 4,		/**< Packets to be cut may be in it: their room is counted behind a burst. */
	SANI_TXQ_STALLS = 1 << 5,	/**< The port has taken nothing when it was offered something last. */
};

/** How a transmit queue gives back what it was given (lend.c). */
enum sani_lend {
	SANI_LEND_NEVER,	/**< Perhaps never, or that is not known: no lent memory for it. */
	SANI_LEND_FREED,	/**< Inside the burst. */
	SANI_LEND_CLEANUP,	/**< When it is asked to look. */
	SANI_LEND_RESTART,	/**< When it is stopped. */
};

/** Frames on the way to one port. */
struct sani_txq {
	uint16_t n;
	union {
		struct {
			bool stuck;	/**< Took nothing in this round: not tried again before the next. */
			uint8_t state;	/**< enum sani_txq_state, a mask. */
		};
		uint16_t seldom;	/**< Both; 0: nothing to look at before a burst. */
	};
	uint8_t lend;			/**< enum sani_lend */
	bool holds;			/**< WATCHED: lent memory was given to it, or waits, since it was restarted. */
	uint16_t nb_prepared;		/**< PREPARES: the first so many of m were. */
	uint64_t idle_since_us;		/**< WATCHED: when that began, or the port took something last. */
	struct rte_mbuf *m[SANI_TXQ_MAX];
	uint32_t nb_refusals;		/**< STALLS: in so many rounds in a row, */
	uint64_t refused_since_us;	/**< since this one. */
};

/** Blocks that owe their peers a bare ACK, and maybe others, in the order in which it came to that (owe.h). */
struct sani_owed {
	uint32_t round;			/**< Counts ends of rounds, while there are any. */
	uint32_t head;			/**< The oldest is idx[head % SANI_OWED_MAX], */
	uint32_t tail;			/**< and behind the youngest comes this. */
	uint32_t end[SANI_ACK_TURNS - 1]; /**< Up to here they are of so old rounds, the oldest first. */
	uint32_t idx[SANI_OWED_MAX];
};

struct sani_core_priv {
	struct sani_ip_engine *ip;
	struct sani_ip_io io;			/**< Of every call of the ip engine; sani_tx_sweep() empties it. */
	struct rte_mbuf *io_tx[SANI_IP_FRAMES];
	struct sani_flow flow;
	struct sani_tcp_io tcp_io;		/**< Of the tcp engine's calls for a burst or a list, with room for seg;
						 *   no segment is left in it. Others: sani_make_io(). */
	struct rte_mbuf *seg[SANI_TX_BURST];
	uint8_t rare;				/**< enum sani_rare */
	bool busy;				/**< Look at the pool again: packets came or went since. */
	uint32_t looked_ms;			/**< When that was [1,024 us], modulo 2^32; */
	uint32_t busy_ms;			/**< and when for a packet's sake last. */
	bool stuck;				/**< A txq is. */
	bool more;				/**< Of this round: a burst was full, so packets may be left. */
	uint64_t behind_until_us;		/**< tcp_io.behind not beyond this. 0: the last burst was not full. */

	struct sani_tcp_conn *conns;
	uint32_t conn_free;			/**< Freed last, SANI_NONE. */
	uint32_t conn_fresh;			/**< From here on none was ever used. */
	uint32_t lone;				/**< The block, maybe free by now, of the last frame that came alone. */
	uint32_t nb_blocks;			/**< In use: of connections that are not parked. */
	struct sani_tcp_parked *parked;		/**< park.c */
	uint32_t parked_free;			/**< Left last, SANI_NONE. */
	uint32_t parked_fresh;
	uint32_t keep_blocks;			/**< With so many in use nothing is parked. */
	uint32_t cold_blocks;			/**< With more in use near caches do not hold what a message touches, */
	uint32_t rest_blocks;			/**< with more the timers of idle ones would fire, each for nothing. */
	uint32_t park_hand;			/**< The block that is looked at next, */
	uint32_t park_due;			/**< how many are to be, */
	uint32_t park_ms;			/**< and when some were last [1,024 us], modulo 2^32. */
	uint32_t park_quiet_us;			/**< A connection is parked when it was quiet for so long, */
	uint32_t park_quiet_most_us;		/**< which grows up to this. */
	uint32_t park_eased_ms;			/**< When that time was halved last, as park_ms. */
	uint32_t nb_half_open;
	uint32_t nb_finished;			/**< Not adopted; those that ended with an offer under way included. */
	_Atomic uint32_t nb_conns;		/**< Parked ones included. */
	struct sani_wheel *wheel;
	uint32_t *dirty;			/**< Blocks with output, by index, each at most once. */
	uint32_t nb_dirty;
	bool posted;				/**< Some of them were listed since output was made last. */
	struct sani_owed owed;
	uint32_t late[SANI_LATE_MAX];		/**< Blocks whose timers are put off, and maybe others, */
	uint32_t nb_late;
	uint32_t nb_late_before;		/**< of them by the round before. */
	struct sani_waiting waiting[SANI_HOP_LISTS];	/**< Connects whose SYN has not left, by first hop (hop.c). */
	struct sani_tcp_cut cut;		/**< tcp_io.cut, where every port cuts; its room is */
	uint32_t cut_room;			/**< so much while none wait for a port. */
	struct sani_waiting short_ones;		/**< Sends that wait for a buffer, in turn (ration.c). */
	uint32_t sends;				/**< budget.sends for those that wait (ration.c). */
	uint32_t evict_hand;			/**< The block that is looked at next for buffers it holds, */
	uint32_t evict_ms;			/**< and when some were last [1,024 us], modulo 2^32. */
	struct sani_tcp_budget budget;		/**< growth: given back when a connection ends; the rest: ration.c */
	struct sani_tcp_tw *tws;
	struct sani_tw_link *tw_links;
	uint32_t tw_free;
	uint32_t tw_fresh;
	uint32_t tw_oldest;
	uint32_t tw_newest;
	_Atomic uint32_t nb_tw;
	struct sani_wheel *tw_wheel;

	struct sani_listen_entry *listens;
	uint32_t *listen_buckets;
	uint32_t listen_mask;
	uint32_t listen_free;

	uint16_t port_turns[SANI_PORT_TURNS];	/**< How far in the order of their local ports remote ends are. */
	struct sani_fast_peer fast_peers[SANI_FAST_PEERS];

	struct rte_mbuf *spare_tx[SANI_SPARE_TX];
	struct sani_tcp_spare spare;		/**< Empty while the pool runs low, or nothing happens (ration.c). */
	struct rte_mbuf *reserve[SANI_RESERVE];
	uint32_t nb_reserve;
	struct sani_txq txq[SANI_IP_IFACES];
	uint8_t iface_of[RTE_MAX_ETHPORTS];	/**< Interface of an ethdev. */
};

/** A received segment on its way to its connection. */
struct sani_rx_item {
	struct rte_mbuf *m;
	uint64_t hash;
	bool is_icmp;			/**< An ICMP error about a segment of ours; seg is not filled. */
	bool reopens;			/**< A SYN after a connection of its tuple whose numbers ended at
					 *   old_snd_nxt; or that of the record tw, which it ends. */
	uint32_t old_snd_nxt;
	uint32_t tw;			/**< SANI_NONE */
	sani_flow_ref likely;		/**< First of the table with its hash, when the burst was read. */
	struct sani_ip_pkt pkt;
	struct sani_tcp_seg seg;
};

#endif
