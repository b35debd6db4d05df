/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * World: what a command measures in: a client and a server on hosts of this process, or one end over a port.
 *
 *   two threads   main: polls the client's core, runs its program     other: the same of the server
 *   one thread    main: both
 *   off-core      main: runs the client's program                     other: polls both, runs the server's program
 *   one end       main: polls its core, runs its program; the other end is another process, over a port
 *
 * Model:   a program (struct bench_program) is opened once on its side, then stepped between rounds, on the thread that
 *          the table says. A command opens a world, measures with bench_meter_run() or in stretches, and closes the
 *          world, which closes every socket that is open still.
 * Slices:  time is cut into slices of a millisecond. Left out and counted are those in which a side lost its core (an
 *          involuntary switch, or a gap in the time-stamp counter), with the one before and the one after each.
 * Threads: the main thread calls everything; what a program's functions run on is said above.
 */
#ifndef APPS_BENCH_WORLD_H
#define APPS_BENCH_WORLD_H

#include <pthread.h>
#include <stdatomic.h>

#include "../common/hist.h"
#include "bench.h"

/** Interfaces, with an address each, that a host can have. */
#define BENCH_ADDRESSES_MAX 8

/** Running figures of a program that a measurement takes the difference of. */
#define BENCH_COUNTS 6

struct bench_side;

/** What runs on a side. Memory that operations lie in stays until bench_world_close() has returned. */
struct bench_program {
	/** Make the sockets; side->cq is there. @return false: it was complained. NULL: there is nothing to be made. */
	bool (*open)(struct bench_side *side, void *arg);
	/** Reap and post, between rounds; never blocks. @return How much there was to do. */
	unsigned int (*step)(struct bench_side *side, void *arg);
	void *arg;
	unsigned int cq_depth;	/**< Of side->cq. */
};

struct bench_side {
	const char *name;
	struct bench *b;
	struct bench_program program;	/**< step NULL: none on this side. */
	struct san_host *host;
	struct san_core *core;		/**< Where its program has its sockets. */
	struct san_core *more;		/**< Polled beside it; NULL: none. */
	struct san_cq *cq;
	/** TSC in rounds that had something to do; by whoever polls it. */
	_Atomic uint64_t poll_tsc __attribute__((aligned(64)));
	/** The same in the program's steps; by whoever steps it, which off-core is another thread. */
	_Atomic uint64_t step_tsc __attribute__((aligned(64)));
};

/** Whether a thread keeps its processor. */
struct bench_guard {
	_Atomic uint64_t seen_tsc __attribute__((aligned(64)));	/**< When it was there last. */
	_Atomic uint64_t lost;		/**< How often it was not. */
	uint64_t next_tsc;		/**< To ask for switches. */
	long switches;
};

/** What the hosts are made for. */
struct bench_sizes {
	uint32_t connections;	/**< At once, of a side. */
	uint32_t mbufs;		/**< Of a host; 0: enough for connections that wait. */
	uint32_t listeners;	/**< Of a host; 0: 1024. */
	uint32_t time_wait_ms;	/**< 0: the default of the stack. */
	uint32_t mtu;		/**< Without --config; 0: the default. */
	const char *offload;	/**< Of a ring pair (doc/configuration.md); NULL: the default. */
	unsigned int part;	/**< Which ring pair: of several worlds at once, bench_world_open_part(). */
	unsigned int cores;	/**< Of each host; 0: one. */
	unsigned int addresses;	/**< Of each host, and ring pairs; 0: one. */
};

struct bench_world {
	struct bench *b;
	struct bench_side client, server;
	bool one_end;		/**< client or server is not there. */
	bool off_core;
	bool two_threads;	/**< off_core too. */
	struct san_addr peer;	/**< The server's first address. */
	unsigned int cpu[2];	/**< Of the threads. */
	struct bench_guard guard[2];
	pthread_t other;
	_Atomic int order;	/**< To the other thread. */
	_Atomic int answer;
	uint64_t since;		/**< The main thread's clock, when its last round was over. */
	unsigned int idle;	/**< Rounds in a row without anything to do. */
};

/** Address of the server: 10.9.0.2, or --peer. */
static inline struct san_addr
bench_world_peer(const struct bench_world *w, uint16_t port)
{
	struct san_addr addr = w->peer;

	addr.port = port;
	return addr;
}

/** Address number i of the server and, port 0, that of the client in the same network: 10.9.i.2 and 10.9.i.1. */
static inline struct san_addr
bench_world_route(const struct bench_world *w, unsigned int i, uint16_t port, struct san_addr *own)
{
	struct san_addr addr = bench_world_peer(w, port);

	addr.ip[14] = (uint8_t)(addr.ip[14] + i);
	*own = addr;
	own->ip[15] = 1;
	own->port = 0;
	return addr;
}

/**
 * Open a world as the options of BENCH_WORLD say, for a client's and a server's program.
 *
 * @param[out] w       May be closed, whatever is returned.
 * @param[in]  b       The command.
 * @param[in]  sizes   Read during the call.
 * @param[in]  client  Copied.
 * @param[in]  server  Likewise; not opened with --peer.
 * @return false: it was complained.
 */
bool
bench_world_open(struct bench_world *w, struct bench *b, const struct bench_sizes *sizes,
		 const struct bench_program *client, const struct bench_program *server);

/** Open the server's end alone, as the options of BENCH_PORT say. */
bool
bench_world_open_server(struct bench_world *w, struct bench *b, const struct bench_sizes *sizes,
			const struct bench_program *server);

/** Open a world without hosts: its programs have a device of their own. client NULL: one end. */
bool
bench_world_open_bare(struct bench_world *w, struct bench *b, const struct bench_program *client,
		      const struct bench_program *server);

/**
 * Make the hosts of a world that is one of several at once, each of one thread of its own, which calls all else: first
 * bench_world_begin(), at last bench_world_leave(). When the threads are over, bench_end_hosts() ends all of them.
 */
bool
bench_world_open_part(struct bench_world *w, struct bench *b, const struct bench_sizes *sizes,
		      const struct bench_program *client, const struct bench_program *server);

/**
 * Another world on the hosts of one that bench_world_open_part() made, with sizes->cores 2: the second core of each.
 * Their threads have to make rounds all the time, for connections and packets of each may be the other's.
 */
bool
bench_world_open_beside(struct bench_world *w, const struct bench_world *first, const struct bench_program *client,
			const struct bench_program *server);

bool
bench_world_begin(struct bench_world *w);

void
bench_world_leave(struct bench_world *w);

/** End it; all its sockets are closed, their completions dropped. */
void
bench_world_close(struct bench_world *w);

/** One round of what the main thread has to do. */
void
bench_world_round(struct bench_world *w);

/** Rounds until *what is true, at most so long [s]. @return *what. */
bool
bench_world_until(struct bench_world *w, const bool *what, double limit_s);

#define BENCH_SERVE_TIMED 17u	/**< Of so many rounds one, no power of two, for messages come in bursts of such. */

/**
 * Rounds of a server that is alone, at most so long [s] or until a signal. Of BENCH_SERVE_TIMED one is timed: who waits
 * for an answer waits for the clock too, two readings of which take as long as a tenth of what else there is to do.
 */
void
bench_world_serve(struct bench_world *w, double limit_s);

/**
 * See how near the two processors are, and have b->place say so: before each repetition. With --near it waits for near
 * ones, and the world goes on meanwhile, so that no timer of it runs down.
 */
void
bench_world_look(struct bench_world *w);

/** Rounds until a figure of server_seen() is that high, after a signal too. @return false: not within so long [s]. */
bool
bench_world_until_count(struct bench_world *w, const _Atomic uint64_t *count, uint64_t want, double limit_s);

/* Measuring: stretches, each by itself */

struct bench_stretch {
	uint64_t tsc, busy[2];	/**< When it began; client's and server's then. */
	uint64_t lost;
};

/** Stretches that were not disturbed, and how many there were of the others. */
struct bench_sums {
	uint64_t n, left_out, tsc, busy[2];
};

/** Begin. */
void
bench_stretch_begin(struct bench_world *w, struct bench_stretch *s);

/** End, and add it to the sums. @return false: it was disturbed, and is only counted. */
bool
bench_stretch_end(struct bench_world *w, const struct bench_stretch *s, struct bench_sums *sums);

/** Put what they took of a kind (one of the sums, or the command's own) for one of `each` things that a stretch has. */
void
bench_put_sums(struct bench_row *row, const struct bench_sums *s, uint64_t tsc, uint32_t each);

/* Measuring: slices */

#define BENCH_SLICE_NOTES 16384

struct bench_slice {
	uint64_t tsc;
	uint64_t count[BENCH_COUNTS];
	uint64_t busy[2], step[2];	/**< Of client and server. */
	bool disturbed;
	unsigned int nb_notes;
	uint32_t notes[BENCH_SLICE_NOTES];	/**< [TSC] */
};

struct bench_meter {
	struct bench_world *w;
	const uint64_t *count;		/**< BENCH_COUNTS running figures of the command; [0] is progress. */
	/* What came out: the sum of the slices that were not disturbed. */
	uint64_t tsc;
	uint64_t sum[BENCH_COUNTS];
	uint64_t busy[2], step[2];	/**< TSC of client and server. */
	uint64_t slices, disturbed;
	struct prog_hist hist;		/**< Of bench_meter_note() [TSC]. */
	/* The meter's own. */
	struct bench_slice slice[2];
	unsigned int now;		/**< Which of them runs; the other waits to be judged. */
	bool waiting, before_disturbed;
	uint64_t want_tsc, end_tsc, begin_tsc, lost, progress, progress_tsc, stall_tsc, slice_tsc;
	uint64_t begin_count[BENCH_COUNTS], begin_busy[2], begin_step[2];
};

/** A meter; NULL: no memory, complained. free() ends it. */
struct bench_meter *
bench_meter_make(struct bench_world *w, const uint64_t *count);

/** Note a time [TSC] that belongs to the present slice, such as how long a request took. */
static inline void
bench_meter_note(struct bench_meter *m, uint64_t tsc)
{
	struct bench_slice *s = &m->slice[m->now];

	if (s->nb_notes < BENCH_SLICE_NOTES)
		s->notes[s->nb_notes++] = tsc > UINT32_MAX ? UINT32_MAX : (uint32_t)tsc;
}

/** Warm up and measure once, as --warm and --seconds say. @return false: to be left, a signal came. */
bool
bench_meter_repeat(struct bench_meter *m);

/** The same after bench_world_look(). */
bool
bench_meter_run(struct bench_meter *m);

/**
 * Measure, not warmed up, until *what is true: something with an end, such as opening; the last piece counts, too.
 *
 * @param[in] limit_s  Longest [s]; slices without progress are no stall.
 * @return *what.
 */
bool
bench_meter_until(struct bench_meter *m, const bool *what, double limit_s);

/** Put rate * factor of count[i] [per second]; notes the slices. Nothing when all of them were disturbed. */
void
bench_put_rate(struct bench_meter *m, struct bench_row *row, unsigned int i, double factor);

/** Put a quotient when its divisor is not 0; notes the slices. */
void
bench_put_ratio(struct bench_meter *m, struct bench_row *row, double what, double by);

/** Rows "what: all", "client" and, with both ends here, "server": cycles for one of n. */
void
bench_put_cycles(struct bench_meter *m, const char *what, double n);

/**
 * Rows "what: time", "what: rate" and those of bench_put_cycles() of something that has ended: bench_meter_until().
 *
 * @param[in] i        Of count[]: how much of it there was.
 * @param[in] took_us  All of it, disturbed or not.
 */
void
bench_put_change(struct bench_meter *m, const char *what, unsigned int i, uint64_t took_us);

/** Put the time that the part q of all notes are not above [us]. */
void
bench_put_time(struct bench_meter *m, struct bench_row *row, double q);

#endif
