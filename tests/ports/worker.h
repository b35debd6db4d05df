/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Worker: another thread that uses the library while the thread of the cases polls the cores.
 *
 * Model:     a worker never asserts (cmocka jumps): it notes what went wrong, and the thread of the cases
 *            asserts that nothing did. The two agree on where they are by a stage counter.
 */
#ifndef TESTS_PORTS_WORKER_H
#define TESTS_PORTS_WORKER_H

#include <pthread.h>

#include "net.h"

struct worker {
	struct net *net;
	struct watch w;
	void (*run)(struct worker *);
	void *arg;
	pthread_t thread;
	atomic_uint stage;	/**< Moved on by either side. */
	atomic_bool stop;	/**< The thread of the cases asks it to leave. */
	atomic_bool over;	/**< It has left. */
	unsigned int nb_faults;
	char fault[256];
};

/** Start a worker. */
void
worker_start(struct worker *wk, struct net *net, void (*run)(struct worker *), void *arg);

/** Step the net until the worker has left, join it, assert that nothing went wrong. */
void
worker_end(struct worker *wk);

/** From the worker: note a fault. */
void
worker_fault(struct worker *wk, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** From the worker: what must hold; notes it and gives back whether it does. */
#define WORKER_CHECK(wk, expr) ((expr) ? true : (worker_fault(wk, "%s:%d: not true: %s", \
	__FILE__, __LINE__, #expr), false))

/** From the worker: attach and begin its watch. */
bool
worker_attach(struct worker *wk, unsigned int depth);

/** From the worker: close all its sockets, reap to the end, check, detach. */
void
worker_detach(struct worker *wk);

/**
 * From the worker: the answer of a call that a core carries out. It gives up after a second (san/sock.h), and nothing
 * has happened: when the poller did not get the processor for so long it is made again.
 */
#define WORKER_ANSWERED(call) ({ \
	uint64_t end_ms_ = net_now_ms() + NET_PATIENCE_MS; \
	int rc_; \
	do \
		rc_ = (call); \
	while (rc_ == -EAGAIN && net_now_ms() < end_ms_); \
	rc_; \
})

/** From the worker: a socket of a core; NULL, and a fault, if there is none. */
struct wsock *
worker_socket(struct worker *wk, struct san_core *core);

/** From the worker: reap until expr holds, for net_patience_ms() at most. */
#define WORKER_UNTIL(wk, expr) do { \
	uint64_t until_ms_ = net_now_ms() + net_patience_ms(); \
	while (!(expr) && net_now_ms() < until_ms_) { \
		if ((wk)->w.cq) \
			watch_reap(&(wk)->w); \
		sched_yield(); \
	} \
	if (!WORKER_CHECK(wk, expr)) \
		net_lose_patience(); \
} while (0)

/** From the worker: a connected pair, its own: from host 0 to a listener on host 1. */
bool
worker_connect(struct worker *wk, uint16_t port, struct net_pair *pair);

#endif
