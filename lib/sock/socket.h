/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Socket: what a core keeps of one. An idle socket is struct sani_sock and nothing more.
 *
 * Threads: the core's.
 * Source:  doc/op-contract.md O9, O11, O12, O14.
 */
#ifndef SANI_SOCK_SOCKET_H
#define SANI_SOCK_SOCKET_H

#include <san/types.h>

#include "op/op.h"
#include "sock/cq.h"
#include "tcp/tcp.h"

/** What a socket is. Writer: sani_sock_enter() (sock.c). */
enum sani_sock_phase {
	SANI_SOCK_NEW,
	SANI_SOCK_CONNECTING,
	SANI_SOCK_CONNECTED,
	SANI_SOCK_DEAD,		/**< The connection is over, error says how; nobody closed it yet (O14). */
	SANI_SOCK_LISTENING,
	SANI_NB_SOCK_PHASES
};

/** How far a close is (O9). Writer: close.c. */
enum sani_close_step {
	SANI_CLOSE_NONE,
	SANI_CLOSE_POSTING,	/**< Waits to see the bound thread's posting word 0 or changed. */
	SANI_CLOSE_RING,	/**< Waits until the thread's ring is processed up to the noted tail. */
	SANI_CLOSE_FENCED,	/**< Waits for the operations held outside, and for answers (O11). */
};

/** A finished handshake that waits for an accept (O11). */
struct sani_offer {
	uint8_t from;		/**< Index of the connection's core. */
	uint32_t conn;
	uint32_t gen;
};

/**
 * The part of a socket that listens. Its accepts are alike: a connection goes to the oldest, so they end in
 * order whatever core answers first, and only their number says how many are spoken for.
 */
struct sani_accepting {
	uint32_t nb_accepts;		/**< In the socket's list of receives, repeating ones not counted. */
	uint32_t nb_repeating;		/**< Those. Each has room for as many as may still wait to be reaped. */
	uint32_t nb_taken;		/**< "Taken" told and not answered; at most what all have room for. */
	uint32_t nb_cancelling;		/**< Accepts that are to end as soon as they are not spoken for. */
	uint32_t answers;		/**< Cores that have not answered the close. */
	uint32_t head;			/**< Oldest offer. */
	uint32_t nb;
	uint32_t size;
	struct sani_offer offers[];
};

struct sani_sock_options {
	uint32_t sndbuf;
	uint32_t rcvbuf;
	uint32_t user_timeout_ms;
	bool nodelay;
	struct sani_tcp_tune tune;
};

/** What every socket has: an idle one is this, and what it has no use for lies elsewhere. */
struct sani_sock {
	/* All that a post on the core looks at first. */
	uint64_t word;			/**< The slot word while it is open, as far as the core knows (O12). */
	struct sani_lane *lane;		/**< Of the queue that has the id in that word. */
	struct sani_oplist recv;	/**< Receives; of a listener, its accepts. */
	uint32_t conn;			/**< Connection block, SANI_NONE. */
	uint32_t place;			/**< Core and slot: the upper half of its handle. */
	uint32_t nb_ops;		/**< Operations not ended. */
	uint8_t direct;			/**< CONNECTED, not parked: id of the queue's thread (recv.c); else 0. */
	uint8_t error;			/**< DEAD: 0, or the error that ended the connection, positive. */
	uint16_t phase : 3;		/**< enum sani_sock_phase */
	uint16_t close : 2;		/**< enum sani_close_step */
	bool shut : 1;			/**< A shutdown or disconnect was posted: no more sends. */
	bool fin_acked : 1;
	bool paused : 1;		/**< Its repeating operation waits: see next_paused. */
	bool told : 1;			/**< Accepted: the listener's core has written the completion (O11). */
	bool hold : 1;			/**< Listener: sani_layer_hold() */
	bool owning : 1;		/**< Of cancelled sends the connection holds what it could not copy (lent.c). */
	bool bound : 1;			/**< struct sani_sock_more has an address. */
	bool port_taken : 1;		/**< Its port is ours in the host's table. */
	bool share : 1;			/**< Its port is a layer's, for several sockets: sani_layer_bind(). */
	bool tuned : 1;			/**< It has options. */
	bool listens : 1;		/**< It has accepting. */
	struct sani_oplist send;	/**< Sends, shutdown, disconnects; ended in order. */
	struct san_overlapped *unsent;	/**< First of send that is not wholly given to the connection. */
	struct san_overlapped *connect;	/**< The connect; on a connection the watch. */
};

_Static_assert(sizeof(struct sani_sock) == 80, "of the 384 bytes that an idle connection may have");
_Static_assert(SANI_NB_SOCK_PHASES <= 8 && SANI_CLOSE_FENCED < 4, "they fit");

/** What few sockets have, one for each slot: memory that is not there before it is written. */
struct sani_sock_more {
	struct sani_accepting *accepting;
	struct san_addr local;		/**< As bound. */
	struct sani_sock_options opt;	/**< Otherwise the core's usual ones. */
	uint32_t next_paused;		/**< In the core's list. */
};

static inline uint32_t
sani_sock_slot(const struct sani_sock *so)
{
	return so->place & (SANI_SLOTS_MAX - 1);
}

static inline san_handle
sani_sock_handle(const struct sani_sock *so)
{
	return (uint64_t)so->place << 32 | sani_word_gen(so->word);
}

/** The record of its slot. */
static inline struct sani_record *
sani_sock_record(const struct sani_sock *so)
{
	return &so->lane->records[sani_sock_slot(so)];
}

/** Is there a connection that may still move what was posted? */
static inline bool
sani_sock_goes_on(const struct sani_sock *so)
{
	return so->phase == SANI_SOCK_CONNECTED || so->phase == SANI_SOCK_CONNECTING;
}

#endif
