/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Stage: two hosts over a ring pair and a virtual clock, for programs that are told again and again that there is
 * no memory.
 *
 * Model:     host 0 is 10.8.0.1, host 1 is 10.8.0.2. A scenario makes its calls by STAGE_TRY(): one that fails for lack
 *            of memory while allocations are made to fail is made again, and has to work once they are not. Time
 *            moves only when nothing is to be done, from deadline to deadline: so what waits for something that will
 *            never come is found at once.
 * Threads:   the cores are polled by the thread that calls stage_until() (own), or by a thread of their own.
 * Failures:  a scenario never jumps out: the first thing that is not true is noted, stage_fault() has it.
 */
#ifndef TESTS_FAULTS_STAGE_H
#define TESTS_FAULTS_STAGE_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <san/san.h>

#include "core/core.h"

#define STAGE_CORES 2
#define STAGE_OPS 64

/** An operation, and how often it was accepted and ended. */
struct stage_op {
	struct san_overlapped op;
	unsigned int accepted;
	unsigned int ended;		/**< MORE completions not counted. */
	unsigned int more;
	int32_t result;
	san_handle value;		/**< Of the last completion of an accept. */
	san_handle accepts[16];		/**< Of a repeating one, all of them. */
};

struct stage {
	struct san_host *host[2];
	struct san_core *core[2][STAGE_CORES];
	unsigned int nb_cores;
	struct san_cq *cq;
	unsigned int opened;		/**< Sockets that the scenario knows. */
	unsigned int closed;		/**< Close completions. */
	unsigned int nb_ops;
	struct stage_op ops[STAGE_OPS];
	_Atomic bool elsewhere;		/**< The cores are polled by the thread of stage_poll_elsewhere(). */
	_Atomic unsigned int rounds;	/**< That thread's. */
	_Atomic bool waiting;		/**< The scenario waits: time may move. */
};

extern struct stage stage;

/** Begin: EAL once, forget what was noted. */
void
stage_begin(void);

/** Start the library and both hosts. */
void
stage_open(unsigned int nb_cores);

/** Claim the cores of both hosts. The thread that is to poll them. */
void
stage_claim(void);

/** Poll the cores on a thread of their own until stage_end(). */
void
stage_poll_elsewhere(void);

/** An operation with nothing in it. */
struct stage_op *
stage_op(void);

/** What a post answered: counts it. @return Whether it was accepted or is over. */
bool
stage_posted(struct stage_op *op, int rc);

bool
stage_over(const struct stage_op *op);

/** One round of everything, and reaping. @return Whether anything was done. */
bool
stage_round(void);

/** Has an operation ended with an error, or is something wrong? Then the scenario goes on to its closes. */
bool
stage_lost(void);

/** Close a socket; its completion is waited for by stage_close(). */
void
stage_shut(san_handle s);

/** Give cores back, clean up, end the queue; look that all has ended. */
void
stage_end(void);

/** The same when all closes have come. */
void
stage_close(void);

/** Note what is not true. @return false */
bool
stage_note(const char *file, int line, const char *what);

/** The first note, NULL: none. */
const char *
stage_fault(void);

/** Address of a host. */
struct san_addr
stage_addr(unsigned int side, uint16_t port);

/** Has an allocation failed since this thread looked last, and is rc one of the errors (0 ends them)? */
bool
stage_again(int rc, const int *errors);

/** What a call that does not promise anything else says. */
#define STAGE_NO_MEMORY ((const int[]){ -ENOMEM, 0 })

#define STAGE_MUST(expr) ((expr) ? true : stage_note(__FILE__, __LINE__, #expr))

/** A call that may find no memory, and which errors it says so by: made again while allocations fail. */
#define STAGE_TRY(expr, ...) ({ \
	int rc_; \
	do \
		rc_ = (expr); \
	while (stage_again(rc_, (const int[]){ __VA_ARGS__, 0 })); \
	if (rc_ < 0) \
		stage_note(__FILE__, __LINE__, #expr); \
	rc_; \
})

/** Wait. False: it will never come (nothing is to be done any more), or something else is wrong. */
#define STAGE_UNTIL(expr) ({ \
	bool came_ = false; \
	stage_wait_begin(); \
	while (!(came_ = (expr)) && stage_go_on()) \
		; \
	stage.waiting = false; \
	if (!came_ && !stage_lost()) \
		stage_note(__FILE__, __LINE__, "never comes: " #expr); \
	came_; \
})

void
stage_wait_begin(void);
/** Do something, or let time pass. False: there is nothing to wait for. */
bool
stage_go_on(void);

/** Virtual time [us]. */
extern _Atomic uint64_t stage_now_us;

/** Devices of the hosts instead of the ends of a ring pair, and what is called when one has started its device. */
extern const char *stage_device[2];
extern void (*stage_ready)(unsigned int side);

/** `lend` of their ports; NULL: not set. */
extern const char *stage_lend;

/** Frames from host side that the wire treats badly: returns true for one that is to be lost. NULL: none. */
extern bool (*stage_loses)(unsigned int side, unsigned int nr);

#endif
