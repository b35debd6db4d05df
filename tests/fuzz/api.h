/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Fuzz, the target api: hosts, and an oracle of the operation contract.
 *
 * Model:     two hosts on one cable, on one thread and a virtual clock, made afresh for each input. The thread may give
 *            up a core and go on posting: then it posts through the request ring, as any other thread does, until it
 *            claims the core again. Every answer of a post and every completion is noted, and ends the program when the
 *            contract has no such thing: an accepted operation ends once, with a result that its call's header names,
 *            and nothing comes behind a close.
 * Files:     api.c: the steps; api_posts.c; api_oracle.c; api_hosts.c.
 */
#ifndef TESTS_FUZZ_API_H
#define TESTS_FUZZ_API_H

#include "fuzz.h"
#include "kit/vhost.h"

#define API_OPS 24u
#define API_SOCKS 400u
#define API_QUEUES 2u
#define API_MEM 4096u
#define API_LOANS 4u
#define API_REGS 6u
#define API_TEXT 70000u
#define API_PORTS 4u

/** An operation, with what belongs to it. */
struct api_op {
	struct san_overlapped o;
	uint64_t user;
	san_handle sock;
	uint32_t most;			/**< A transfer's bytes. */
	uint32_t order;			/**< Of its kind on its socket. */
	uint32_t nb_held;		/**< Of its pieces: reaped and not given back. */
	bool pending;
	bool repeats;
	bool may_pass;			/**< Cancelled, or with a deadline: it may end before older ones. */
	bool lends;			/**< What it receives is in loans. */
	uint8_t kind;
	struct san_pieces pieces;
	struct san_loan loans[API_LOANS];
	uint8_t mem[API_MEM];
};

struct api_sock {
	san_handle h;
	uint64_t user;			/**< Of its close. */
	uint32_t nb_pending;
	uint32_t last_post[16];		/**< By kind. */
	uint32_t last_end[16];
	bool is_closing;
	bool is_closed;
};

/** One input. */
struct api {
	struct vhost host[2];
	unsigned int nb_cores;
	bool claimed[2][VHOST_CORES];
	bool attached;
	bool mute[2];			/**< What this host sends vanishes. */
	bool keeps[2];			/**< Its card does not give back what it has sent. */
	bool lends;			/**< Its card does so some time: memory may be sent from where it lies. */
	struct san_cq *cq[API_QUEUES];
	struct api_op op[API_OPS];
	struct api_sock sock[API_SOCKS];
	unsigned int nb_socks;
	san_mem reg[API_REGS];
	uint64_t serial;
	bool cleaning;			/**< san_cleanup() closes what is open. */
	uint32_t mbufs[2];		/**< In use when the hosts were made. */
};

extern struct api api;

/* api_oracle.c */

/** Before a post: op is to be its operation. */
void
api_begin(struct api_op *op, san_handle sock, enum san_op_kind kind, uint32_t most);
/** What the post answered. */
void
api_answered(struct api_op *op, int rc);
/** A cancel of an operation by its id, or of all of a socket, is asked for. */
void
api_cancels(san_handle sock, bool all, uint32_t id);
/** A socket that was made, or accepted. */
void
api_adopt(san_handle h);
/** NULL: none of ours. */
struct api_sock *
api_find(san_handle h);
/** Close it, and note that. */
void
api_close(san_handle h);
/** Reap at most so many of a queue, and look at the polled ones. @return How many. */
unsigned int
api_reap(unsigned int queue, unsigned int most);
/** Everything that was accepted has ended, every socket is closed. */
void
api_require_over(void);

/* api_posts.c */

/** What is sent. */
extern uint8_t api_text[API_TEXT];

/** One of the sockets of late, more often than anything; or what is none. */
san_handle
api_pick_sock(struct fuzz_in *in);
/** An operation that is the program's, or NULL. */
struct api_op *
api_pick_op(struct fuzz_in *in);
struct san_addr
api_draw_addr(struct fuzz_in *in);
void
api_accept_or_connect(struct fuzz_in *in);
void
api_send(struct fuzz_in *in);
void
api_receive(struct fuzz_in *in);
/** Shutdown, disconnect, watch. */
void
api_finish(struct fuzz_in *in);
/** Several posts in one call, on sockets of any core. */
void
api_post_together(struct fuzz_in *in);
/** What most inputs would not come to by themselves: a connection. */
void
api_make_pair(struct fuzz_in *in);

/* api_hosts.c */

/** The EAL; once. */
void
api_prepare(void);
void
api_start(struct fuzz_in *in);
/** Rounds and frames until nothing moves at this time. */
void
api_settle(void);
/** May the thread ask a core for anything? */
bool
api_may_ask(void);
/** The card of a host keeps buffers from now on, or gives all of them back. */
void
api_keep(unsigned int host, bool keeps);
/** Let time pass, from deadline to deadline. */
void
api_pass(uint64_t us);
/** Close everything, by calls or by the cleanup, and see that all is given back. */
void
api_end(bool by_cleanup);

#endif
