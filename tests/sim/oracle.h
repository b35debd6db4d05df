/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Oracle: operations and streams as the contract wants them (doc/op-contract.md).
 *
 * Model:    every socket of a program is a struct sim_end. Its operations have memory and a buffer of their own each,
 *           so that a tool sees who touches what; a buffer is spoilt before it is freed. Results are judged in the
 *           order of the posts, by what both ends have done so far and by what the checker saw on the wire.
 */
#ifndef TESTS_SIM_ORACLE_H
#define TESTS_SIM_ORACLE_H

#include "sim/world.h"

#define SIM_LANE 8	/* operations of one direction at most */
#define SIM_URGENT 16	/* urgent sends of an end at most */

struct sim_end;
struct sim_half;

enum sim_op_state { SIM_OP_FREE, SIM_OP_POSTED, SIM_OP_ENDED };

struct sim_op {
	struct san_overlapped o;
	struct sim_end *end;
	uint8_t *buf;
	uint32_t len;
	uint8_t kind;
	uint8_t flags;
	uint8_t state;			/**< enum sim_op_state */
	bool cancelled;			/**< san_cancel() has answered 0. */
	bool lent;			/**< A send from registered memory: buf is a slot of it. */
	uint64_t posted_us;
	uint64_t ended_us;
	uint32_t id;
	int32_t result;
	uint64_t from;			/**< Stream offset where a send begins, */
	uint64_t to;			/**< and ends. */
};

/** The operations of one direction, oldest first. */
struct sim_lane {
	struct sim_op *ops;		/**< [SIM_LANE] */
	uint32_t first;
	uint32_t nb;
};

enum sim_end_phase { SIM_NEW, SIM_CONNECTING, SIM_OPEN, SIM_LISTENING, SIM_CLOSING, SIM_GONE };

struct sim_conn;

struct sim_end {
	struct sim_host *host;
	struct sim_conn *conn;		/**< NULL: a listener. */
	struct sim_end *peer;
	unsigned int core;
	san_handle sock;
	enum sim_end_phase phase;
	uint64_t stream;		/**< Key of the octets that it sends. */
	struct sim_lane recv;		/**< Of a listener: accepts. */
	struct sim_lane send;		/**< Sends, connect, shutdown, disconnects. */
	uint32_t timeout_us;		/**< Deadline of the next post, which takes it; 0: none. */
	uint32_t nb_polled;
	struct sim_end *next_polled;	/**< In the list of ends with polled operations. */
	bool in_polled;
	uint64_t sent;			/**< Octets in posts that were accepted. */
	uint64_t got;
	bool shut;			/**< A shutdown was accepted, */
	bool shut_done;			/**< and has ended with 0. */
	bool at_end;			/**< A receive has ended with 0. */
	bool closed_live;		/**< We have closed, or reset by it, a connection that was not over. */
	bool aborted;			/**< By san_disconnect(). */
	uint64_t urgent[SIM_URGENT];	/**< Stream offsets behind urgent sends that were accepted. */
	uint32_t nb_urgent;
	int error;			/**< Of the connection, as an operation has told it. */
	uint64_t opened_us;
	uint64_t moved_us;		/**< Something went on last. */
	uint64_t left_us;		/**< It was closed, or told that the connection is over. */
	uint32_t user_timeout_ms;
	bool fast;			/**< SAN_OPT_FASTOPEN. */
	uint32_t keep_ms;		/**< Keepalive gives up after this long; 0: there is none. */
	uint32_t keep_idle_ms;		/**< It asks after this long. */
	bool paced;			/**< Its socket may be paced, always or now and then. */
	bool validated;			/**< It has SAN_OPT_CWV, and is paced now and then. */
	bool meets;			/**< Its peer connects as well, maybe not yet or no more. */
	struct sim_half *half;		/**< As the checker knows it. */
	void *program;
};

/** What the oracle needs to know of the world's plan to judge errors. */
struct sim_situation {
	bool lossy;			/**< Frames may be lost: timeouts and unreachable neighbours happen. */
	bool tight;			/**< Small tables and backlogs: refusals happen. */
	bool silent;			/**< Hosts vanish: a RST may be lost. */
};

extern struct sim_situation sim_situation;

/** Calls since the world began; compared with the stack's counters. */
struct sim_tally {
	uint64_t accepted;		/**< Posts that answered 0 or 1. */
	uint64_t sockets;
	uint64_t octets;
	uint64_t closes;
};

extern struct sim_tally sim_tally[SIM_HOSTS];

void
sim_end_init(struct sim_end *e);

void
sim_end_fini(struct sim_end *e);

/** Ends with polled operations, of the whole world; cleared by sim_oracle_begin(). */
void
sim_oracle_begin(void);

/** Post. @return What the call answered; -ENOBUFS: the lane has no operation left. */
int
sim_post_recv(struct sim_end *e, uint32_t len, unsigned int flags);
int
sim_post_send(struct sim_end *e, uint32_t len, unsigned int flags);
/** Send from registered memory; -ENOBUFS also when it is all in use. */
int
sim_post_lent(struct sim_end *e, uint32_t len, unsigned int flags);
int
sim_post_shutdown(struct sim_end *e, unsigned int flags);
/** @param[in] flags  SAN_ABORT: the connection is over. */
int
sim_post_disconnect(struct sim_end *e, unsigned int flags);
int
sim_post_connect(struct sim_end *e, const struct san_addr *to, unsigned int flags);
int
sim_post_accept(struct sim_end *e, unsigned int flags);

/** Cancel the operation that is nth of what is pending. */
void
sim_cancel(struct sim_end *e, struct sim_lane *lane, uint32_t nth);

/** Bind to another queue of the same thread, or try to. */
void
sim_move(struct sim_end *e, struct san_cq *cq);

/** Close, and try the stale handle. */
void
sim_close(struct sim_end *e);

/** Take what has ended. @param[in] ended  For each operation in order; op NULL: a close. @return How many. */
unsigned int
sim_reap(struct sim_host *h, void (*ended)(struct sim_end *e, struct sim_op *op));

/** Counters at the end of the world. */
void
sim_oracle_audit(struct sim_world *w);

/** Nobody knows yet how much of it will be the connection's: it was cancelled, or has a deadline. */
static inline bool
sim_op_is_open(const struct sim_op *op)
{
	return op->cancelled || op->o.timeout_us != 0;
}

/** Operations of an end that have not ended. */
static inline uint32_t
sim_end_pending(const struct sim_end *e)
{
	return e->recv.nb + e->send.nb;
}

#endif
