/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Four threads that open, connect, accept, post, cancel, move, shut down, reset and close at random, their own
 * sockets and each other's, on two hosts whose cores two more threads poll, now and then asleep. The oracle
 * of each thread (ports/watch.h) knows every operation. In a build with assertions the windows between two
 * steps (base/window.h) are stretched at random. SAN_STRESS_S: seconds; SAN_SEED: of what is drawn.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf_pool_ops.h>
#include <rte_pause.h>

#include "base/base.h"
#include "base/window.h"
#include "ports/net.h"
#include "ports/worker.h"
#include "sock/slot.h"

#define WORKERS 4
#define LIFE 3000		/* actions from attach to detach */
#define SOCKETS 24
#define LAST_OPS 128
#define BOARD 16
#define DEFAULT_S 10

struct worker_state {
	struct worker wk;
	struct san_cq *second;		/* sockets are moved there and back */
	uint64_t state64;
	struct wsock *sock[SOCKETS];
	struct wop *last[LAST_OPS];
	unsigned int nb_last;
	uint64_t nb_ops;
	uint64_t nb_closes;
	uint64_t nb_moves;
	uint64_t nb_cancels;
	uint64_t nb_resets;		/* abortive disconnects */
	uint64_t nb_foreign;		/* closes of others' sockets */
	uint64_t nb_lives;
	uint8_t sink[2][64][4096];	/* a core's receives are filled by one thread at a time */
};

/* A socket that its owner offers to whoever wants to close it. */
struct offer {
	_Atomic(struct wsock *) sock;
	atomic_uint nb_taken;
	atomic_uint nb_done;
};

static struct net net;
static struct worker_state workers[WORKERS];
static struct offer board[WORKERS][BOARD];
static atomic_bool over;
static uint8_t source[32768];

static uint32_t
draw_from(uint64_t *state, uint32_t n)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 32) % n;
}

static uint32_t
draw(struct worker_state *ws, uint32_t n)
{
	return draw_from(&ws->state64, n);
}

#ifndef NDEBUG
/* Mostly nothing, sometimes a moment, sometimes another thread's turn. */
static void
stretch(void)
{
	static _Thread_local uint64_t state = 88172645463325252ull;
	uint32_t n = draw_from(&state, 64);

	if (n < 2)
		sched_yield();
	else if (n < 12)
		for (n *= 50; n > 0; n--)
			rte_pause();
}
#endif

static struct wop *
fresh(struct worker_state *ws)
{
	struct wop *op = watch_op(&ws->wk.w);

	ws->last[ws->nb_last++ % LAST_OPS] = op;
	return op;
}

/* The two queues of a thread, as one. */
static void
reap(struct worker_state *ws)
{
	struct san_completion comp[16];
	int n;

	watch_reap(&ws->wk.w);
	do {
		n = san_cq_poll(ws->second, comp, 16);
		for (int i = 0; i < n; i++)
			watch_check(&ws->wk.w, &comp[i]);
	} while (n == 16);
}

static void
make(struct worker_state *ws, struct wsock **s)
{
	struct san_addr a = net_addr(1, (uint16_t)(7 + draw(ws, 4)));
	unsigned int side = draw(ws, 2);
	int rc;

	*s = watch_socket(&ws->wk.w, net.core[side][0], &rc);
	if (*s == NULL)
		return;
	if (side == 0 || draw(ws, 8) == 0)
		watch_connect(*s, fresh(ws), &a, 0);
	else if (draw(ws, 2) == 0 && san_bind((*s)->h, &a) == 0)
		san_listen((*s)->h, 1 + draw(ws, 6));
}

/* Accepted sockets take the places of those that are gone. */
static void
adopt(struct worker_state *ws, struct wsock **s)
{
	for (unsigned int i = 0; i < LAST_OPS; i++) {
		struct wop *op = ws->last[i];

		if (op == NULL || op->pending || op->accepted == NULL)
			continue;
		*s = op->accepted;
		op->accepted = NULL;
		if (!(*s)->closed)
			return;
	}
	*s = NULL;
}

static void
cancel_some(struct worker_state *ws)
{
	struct wop *op = ws->last[draw(ws, LAST_OPS)];
	int rc;

	if (op == NULL || !op->pending || op->sock->closed)
		return;
	rc = watch_cancel(op->sock, op);
	ws->nb_cancels++;
	WORKER_CHECK(&ws->wk, rc == 0 || rc == -EALREADY || rc == -ENOENT || rc == -ENOTSOCK || rc == -EAGAIN);
}

static void
move(struct worker_state *ws, struct wsock *s)
{
	int rc = san_move(s->h, draw(ws, 2) ? ws->second : ws->wk.w.cq);

	ws->nb_moves += rc == 0;
	WORKER_CHECK(&ws->wk, rc == 0 || rc == -EBUSY || rc == -ENOTSOCK);
}

static void
offer(struct worker_state *ws, struct wsock *s)
{
	struct offer *o = &board[ws - workers][draw(ws, BOARD)];
	struct wsock *none = NULL;

	atomic_compare_exchange_strong(&o->sock, &none, s);
}

/* Close what another thread has offered. */
static void
meddle(struct worker_state *ws)
{
	struct offer *o = &board[draw(ws, WORKERS)][draw(ws, BOARD)];
	struct wsock *s;

	atomic_fetch_add(&o->nb_taken, 1);
	s = atomic_exchange(&o->sock, NULL);
	if (s != NULL)
		ws->nb_foreign += watch_shut(s) == 0;
	atomic_fetch_add(&o->nb_done, 1);
}

/* Some with a deadline. */
static void
receive(struct worker_state *ws, struct wsock *s)
{
	struct wop *op = fresh(ws);

	op->ov.timeout_us = draw(ws, 8) == 0 ? 1 + draw(ws, 3000) : 0;
	watch_recv(s, op, ws->sink[sani_handle_core(s->h) & 1][draw(ws, 64)], 1 + draw(ws, 4096),
		   draw(ws, 3) == 0 ? SAN_WAITALL : 0);
}

/* Several in one call, of fresh operations. */
static void
receive_together(struct worker_state *ws, struct wsock *s)
{
	unsigned int nb = 2 + draw(ws, WATCH_TOGETHER - 1);
	struct wop *op[WATCH_TOGETHER];
	void *buf[WATCH_TOGETHER];

	for (unsigned int i = 0; i < nb; i++) {
		op[i] = fresh(ws);
		buf[i] = ws->sink[sani_handle_core(s->h) & 1][draw(ws, 64)];
	}
	watch_recv_together(s, op, buf, 1 + draw(ws, 1024), nb);
}

static void
disconnect(struct worker_state *ws, struct wsock *s)
{
	unsigned int flags = draw(ws, 3) ? SAN_ABORT : 0;
	int rc = watch_disconnect(s, fresh(ws), flags);

	ws->nb_resets += rc == 0 && flags != 0;
}

static void
cancel_all(struct worker_state *ws, struct wsock *s)
{
	int rc = san_cancel_all(s->h);

	ws->nb_cancels++;
	WORKER_CHECK(&ws->wk, rc == 0 || rc == -ENOTSOCK || rc == -EAGAIN);
}

static void
act(struct worker_state *ws, struct wsock **s)
{
	unsigned int what = draw(ws, 40);
	size_t len = 1 + draw(ws, draw(ws, 4) ? 2000 : sizeof(source));

	if (what < 7)
		receive(ws, *s);
	else if (what < 10)
		receive_together(ws, *s);
	else if (what < 20)
		watch_send(*s, fresh(ws), source, len, draw(ws, 3) == 0 ? SAN_ACKED : 0);
	else if (what < 24)
		watch_accept(*s, fresh(ws), 0);
	else if (what < 27)
		cancel_some(ws);
	else if (what < 28)
		watch_shutdown(*s, fresh(ws), 0);
	else if (what < 30)
		move(ws, *s);
	else if (what < 32)
		offer(ws, *s);
	else if (what < 34)
		meddle(ws);
	else if (what < 37)
		disconnect(ws, *s);
	else if (what < 38)
		cancel_all(ws, *s);
	else
		watch_shut(*s);
	if (atomic_load(&(*s)->close_asked))
		*s = NULL;
}

/* Nobody holds a socket of this life any more. */
static void
withdraw(struct worker_state *ws)
{
	for (unsigned int i = 0; i < BOARD; i++) {
		struct offer *o = &board[ws - workers][i];
		unsigned int taken;

		atomic_store(&o->sock, NULL);
		taken = atomic_load(&o->nb_taken);
		while ((int)(atomic_load(&o->nb_done) - taken) < 0)
			sched_yield();
	}
}

static void
end_life(struct worker_state *ws)
{
	struct watch *w = &ws->wk.w;
	uint64_t until_ms = net_now_ms() + NET_PATIENCE_MS * 4;

	withdraw(ws);
	while (net_now_ms() < until_ms) {
		/* also those that the last accepts bring */
		watch_shut_all(w);
		reap(ws);
		if (watch_open_sockets(w) == 0)
			break;
		sched_yield();
	}
	WORKER_CHECK(&ws->wk, watch_open_sockets(w) == 0);
	watch_audit(w);
	reap(ws);
	ws->nb_ops += w->nb_ends;
	ws->nb_closes += w->nb_closed;
	ws->nb_lives++;
	WORKER_CHECK(&ws->wk, san_cq_destroy(ws->second) == 0);
	WORKER_CHECK(&ws->wk, watch_end(w) == 0);
	WORKER_CHECK(&ws->wk, san_detach() == 0);
}

static void
live(struct worker_state *ws)
{
	if (!worker_attach(&ws->wk, 64) ||
	    !WORKER_CHECK(&ws->wk, san_cq_create(64, &ws->second) == 0))
		return;
	memset(ws->sock, 0, sizeof(ws->sock));
	memset(ws->last, 0, sizeof(ws->last));
	for (unsigned int i = 0; i < LIFE && ws->wk.nb_faults == 0 && ws->wk.w.nb_faults == 0; i++) {
		struct wsock **s = &ws->sock[draw(ws, SOCKETS)];

		if (*s == NULL && draw(ws, 2))
			adopt(ws, s);
		else if (*s == NULL)
			make(ws, s);
		else
			act(ws, s);
		if (draw(ws, 4) == 0)
			reap(ws);
		if (draw(ws, 64) == 0)
			san_cq_wait(ws->wk.w.cq, 500);
	}
	if (ws->wk.w.nb_faults != 0)
		worker_fault(&ws->wk, "%s", ws->wk.w.fault);
	end_life(ws);
}

static void
run_worker(struct worker *wk)
{
	struct worker_state *ws = SANI_CONTAINER(wk, struct worker_state, wk);

	while (!atomic_load(&over) && wk->nb_faults == 0)
		live(ws);
}

/* A core's thread: sleeps in one idle round of four, gives the core back and takes it again now and then. */
static void *
poll_core(void *arg)
{
	struct san_core *core = arg;
	uint64_t state = (uintptr_t)core | 1;
	int rc = san_core_claim(core);

	while (rc >= 0) {
		rc = san_core_poll(core);
		if (rc != 0)
			continue;
		if (draw_from(&state, 4) == 0)
			rc = san_core_wait(core, 1000);
		else
			sched_yield();
		if (rc == 0 && draw_from(&state, 5000) == 0) {
			san_core_release(core);
			rc = san_core_claim(core);
		}
	}
	return (void *)(intptr_t)rc;
}

static unsigned int
number_from(const char *name, unsigned int otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? (unsigned int)strtoul(text, NULL, 10) : otherwise;
}

static void
say(unsigned int seconds, unsigned int seed)
{
	uint64_t ops = 0, closes = 0, foreign = 0, moves = 0, cancels = 0, resets = 0, lives = 0;

	for (unsigned int i = 0; i < WORKERS; i++) {
		ops += workers[i].nb_ops;
		closes += workers[i].nb_closes;
		foreign += workers[i].nb_foreign;
		moves += workers[i].nb_moves;
		cancels += workers[i].nb_cancels;
		resets += workers[i].nb_resets;
		lives += workers[i].nb_lives;
	}
	print_message("# %u s, seed %u: %llu operations ended and %llu closes, each checked; %llu closes by other "
		      "threads, %llu moves, %llu cancels, %llu resets, %llu lives of threads, "
		      "%llu sleeps of cores\n", seconds,
		      seed, (unsigned long long)ops, (unsigned long long)closes, (unsigned long long)foreign,
		      (unsigned long long)moves, (unsigned long long)cancels, (unsigned long long)resets,
		      (unsigned long long)lives,
		      (unsigned long long)(net_counter(&net, 0, "core_sleeps") +
					   net_counter(&net, 1, "core_sleeps")));
	assert_true(ops > 1000 && closes > 100 && foreign > 0 && moves > 0 && cancels > 0 && resets > 0);
}

static void
wait_for_the_end(unsigned int seconds)
{
	uint64_t end_ms = net_now_ms() + seconds * UINT64_C(1000);
	uint64_t said_ms = net_now_ms();

	while (net_now_ms() < end_ms) {
		struct timespec ts = { .tv_nsec = 50000000 };

		nanosleep(&ts, NULL);
		for (unsigned int i = 0; i < WORKERS; i++)
			if (atomic_load(&workers[i].wk.over))
				end_ms = 0;
		if (net_now_ms() - said_ms >= 60000) {
			said_ms = net_now_ms();
			print_message("# %llu s left\n", (unsigned long long)((end_ms - said_ms) / 1000));
		}
	}
	atomic_store(&over, true);
}

static void
random_threads_keep_the_contract(void **state)
{
	struct net_wish wish = { .sockets = 256, .unclaimed = true, .request_ring = 64 };
	unsigned int seconds = number_from("SAN_STRESS_S", DEFAULT_S);
	unsigned int seed = number_from("SAN_SEED", (unsigned int)net_now_ms());
	pthread_t poller[2];

	(void)state;
	net_startup();
#ifdef __SANITIZE_THREAD__
	assert_int_equal(rte_mbuf_set_user_mempool_ops("locked"), 0);
#endif
	net_open(&net, &wish);
#ifndef NDEBUG
	sani_window_hook = stretch;
#endif
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&poller[i], NULL, poll_core, net.core[i][0]), 0);
	for (unsigned int i = 0; i < WORKERS; i++) {
		workers[i].state64 = (seed + i) * 0x9e3779b97f4a7c15ull + 1;
		worker_start(&workers[i].wk, &net, run_worker, NULL);
	}
	wait_for_the_end(seconds);
	for (unsigned int i = 0; i < WORKERS; i++)
		worker_end(&workers[i].wk);
	say(seconds, seed);
	assert_int_equal(san_cleanup(), 0);
	assert_int_equal(san_cleanup(), 0);
	net.open = false;
	for (unsigned int i = 0; i < 2; i++) {
		void *rc;

		assert_int_equal(pthread_join(poller[i], &rc), 0);
		assert_int_equal((int)(intptr_t)rc, -ENETDOWN);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(random_threads_keep_the_contract) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("stress", tests, NULL, NULL);
}
