/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What the files of the player share: a case that runs.
 */
#ifndef TESTS_SCRIPT_PLAY_PRIV_H
#define TESTS_SCRIPT_PLAY_PRIV_H

#include "script/wire.h"

#define NB_OPS 16
#define NB_SLOTS 4
#define NB_TRACKS 4
#define NB_SEEN 8192
#define NB_LINES 10
#define NB_COUNTERS 512

/** One connection of a case, seen from the peer. */
struct track {
	uint32_t peer_iss;
	uint32_t host_iss;
	bool host_known;
	bool peer_ts;		/**< Its SYN had timestamps. */
	bool host_ts;
	bool ts_known;
	uint32_t peer_ts_base;
	uint32_t host_ts_base;
	uint32_t host_tsval;	/**< The last one seen. */
	int64_t snd_nxt;	/**< Relative: what the peer would send next. */
	int64_t rcv_nxt;	/**< Relative: what it acknowledges. */
	int64_t wnd;
};

struct op {
	struct san_overlapped over;
	enum play_verb verb;
	int slot;
	uint8_t *buf;
	uint32_t len;
	bool posted;
	bool ended;		/**< And not yet asked for by a row. */
	int32_t result;
	uint8_t flags;		/**< Of the completion. */
};

struct slot {
	san_handle sock;
	bool open;
	bool closing;
	bool closed;		/**< Reported, and not yet asked for by a row. */
	int64_t sent;		/**< Offset in the stream of the next send. */
	int64_t received;
};

struct play {
	const struct play_case *script;
	struct vhost *host;
	struct rte_mempool *pool;
	struct san_cq *cq;
	struct wire_ends ends;	/**< As the peer sends, but for the port. */
	unsigned int row;
	const struct play_row *at;
	uint64_t begin_us;
	struct track track[NB_TRACKS];
	struct op op[NB_OPS];
	struct slot slot[NB_SLOTS];
	struct wire_frame seen[NB_SEEN];	/**< What the host sent and no row has asked for. */
	unsigned int seen_head;
	unsigned int seen_tail;
	char line[NB_LINES][256];
	unsigned int nb_lines;
	uint32_t old_iss;	/**< Of the host, before FORGET. */
	uint64_t mark[NB_COUNTERS];
	struct san_usage usage;
	bool ignoring;		/**< Nobody looks at what the host sends. */
};

/** One case: begin, its rows, end (also after a failure: everything is closed, time passes until the host is empty). */
void
play_begin(struct play *p, const struct play_case *script, unsigned int serial);

void
play_rows(struct play *p);

void
play_end(struct play *p);

/** Fail the case: where, the sentence, the last segments. */
void __attribute__((noreturn, format(printf, 2, 3)))
play_fail(struct play *p, const char *format, ...);

/** Let the host poll until it has nothing to do, keep what it sends, reap what ended. */
void
play_settle(struct play *p);

/** Let time pass up to to_us; with stop, only until the host has sent something. */
void
play_advance(struct play *p, uint64_t to_us, bool stop);

/** A completion has come. */
void
play_completed(struct play *p, const struct san_completion *e);

/** The rows that make calls, and those that look at their results. */
void
play_call(struct play *p, const struct play_call *call);

void
play_done(struct play *p, const struct play_call *call);

void
play_pending(struct play *p, const struct play_call *call);

void
play_state(struct play *p, const struct play_row *row);

/** Values of all counters. @return How many. */
unsigned int
play_counters(struct play *p, uint64_t *value);

void
play_count(struct play *p, const struct play_row *row);

void
play_drops(struct play *p, int64_t n);

/** No completion is left that no row asked for. */
void
play_all_asked(struct play *p);

/** Close what is open, forget what was posted. */
void
play_close_all(struct play *p);

#endif
