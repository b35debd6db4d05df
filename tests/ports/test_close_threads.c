/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Close from another thread than the core's, and from another thread than the one that posts (O3, O7, O9).
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"
#include "worker.h"

#define RACES 250
#define POSTS 64

static struct net net;

static void
close_what_is_given(struct worker *wk)
{
	struct wsock *s = wk->arg;

	if (!worker_attach(wk, 16))
		return;
	WORKER_CHECK(wk, watch_shut(s) == 0);
	WORKER_CHECK(wk, watch_shut(s) == -ENOTSOCK);
	WORKER_CHECK(wk, watch_stale(s->h, wk->w.cq) == NULL);
	worker_detach(wk);
}

/* The completions go to the socket's queue, whoever closed it. */
static void
close_by_attached_thread_ends_everything(void **state)
{
	static struct load recvs;
	static struct load sends;
	struct net_pair pair;
	struct worker wk;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	load_recvs(&net, pair.end[0], 64, &recvs);
	load_sends(&net, pair.end[0], 64, 0, &sends);
	worker_start(&wk, &net, close_what_is_given, pair.end[0]);
	worker_end(&wk);
	NET_UNTIL(&net, pair.end[0]->closed);
	load_assert_all(&recvs, -ECANCELED);
	load_assert_all(&sends, -ECANCELED);
	net_assert_stale(&net, pair.end[0]->h);
	net_close(&net);
}

static void
close_of_listener_by_attached_thread_ends_accepts(void **state)
{
	static struct load accepts;
	struct wsock *listener;
	struct worker wk;

	(void)state;
	net_open(&net, NULL);
	listener = net_listener(&net, 1, 7, 8);
	load_accepts(&net, listener, 64, &accepts);
	worker_start(&wk, &net, close_what_is_given, listener);
	worker_end(&wk);
	NET_UNTIL(&net, listener->closed);
	load_assert_all(&accepts, -ECANCELED);
	net_close(&net);
}

/* What a poster and a closer share: the socket on offer, and how often a close won. */
struct race {
	_Atomic(struct wsock *) offer;
	atomic_uint nb_closed;
	atomic_bool stop;
	bool connected;
	unsigned int nb_posted;
};

/* Post without pause until the handle is dead. */
static void
post_until_dead(struct worker *wk, struct race *race, struct wsock *s)
{
	static _Thread_local uint8_t sink[64];
	int rc;

	for (;;) {
		rc = watch_recv(s, watch_op(&wk->w), sink, sizeof(sink), 0);
		if (rc == -ENOTSOCK)
			return;
		if (rc == 0)
			race->nb_posted++;
		else if (rc == -EAGAIN && watch_reap(&wk->w) == 0)
			sched_yield();
		else if (rc != -EAGAIN)
			worker_fault(wk, "a post in the race answered %d", rc);
	}
}

static void
free_ended(struct watch *w)
{
	struct wop **at = &w->ops;

	while (*at) {
		struct wop *op = *at;

		if (op->pending || op->nb_ends != op->nb_posts) {
			at = &op->next;
			continue;
		}
		*at = op->next;
		op->magic = 0;
		free(op);
	}
}

static void
race_once(struct worker *wk, struct race *race)
{
	struct net_pair pair = { { NULL, NULL } };

	if (race->connected && !worker_connect(wk, 7, &pair))
		return;
	if (!race->connected)
		pair.end[0] = worker_socket(wk, wk->net->core[0][0]);
	if (!pair.end[0])
		return;
	atomic_store(&race->offer, pair.end[0]);
	post_until_dead(wk, race, pair.end[0]);
	WORKER_CHECK(wk, watch_stale(pair.end[0]->h, wk->w.cq) == NULL);
	WORKER_UNTIL(wk, pair.end[0]->closed);
	if (pair.end[1])
		watch_shut(pair.end[1]);
	WORKER_UNTIL(wk, !pair.end[1] || pair.end[1]->closed);
	WORKER_CHECK(wk, wk->w.nb_posts == wk->w.nb_ends);
	free_ended(&wk->w);
}

static void
run_poster(struct worker *wk)
{
	struct race *race = wk->arg;
	unsigned int i;

	if (worker_attach(wk, 256)) {
		for (i = 0; i < RACES && wk->nb_faults == 0 && wk->w.nb_faults == 0; i++)
			race_once(wk, race);
		worker_detach(wk);
	}
	atomic_store(&race->stop, true);
}

/*
 * Wait a little, differently each time, and close. Mostly by counting: with fewer processors than threads a
 * yield costs a time slice. One in eight yields, so that the poster is also stopped between two steps.
 */
static bool
close_offer(struct race *race, unsigned int *seed)
{
	struct wsock *s = atomic_exchange(&race->offer, NULL);
	volatile unsigned int pause;

	if (!s)
		return false;
	*seed = *seed * 1103515245u + 12345u;
	for (pause = *seed >> 16 & 0x3fff; pause > 0; pause--)
		;
	if ((*seed >> 8 & 7) == 0)
		sched_yield();
	if (watch_shut(s) == 0)
		atomic_fetch_add(&race->nb_closed, 1);
	return true;
}

static void
run_closer(struct worker *wk)
{
	struct race *race = wk->arg;
	unsigned int seed = 1;

	if (!worker_attach(wk, 4))
		return;
	while (!atomic_load(&race->stop)) {
		if (!close_offer(race, &seed))
			sched_yield();
	}
	worker_detach(wk);
}

static void
race_with_closer(bool connected)
{
	static struct race race;
	static struct worker poster;
	static struct worker closer;

	memset(&race, 0, sizeof(race));
	race.connected = connected;
	net_open(&net, NULL);
	worker_start(&poster, &net, run_poster, &race);
	worker_start(&closer, &net, run_closer, &race);
	worker_end(&poster);
	worker_end(&closer);
	assert_int_equal(atomic_load(&race.nb_closed), RACES);
	assert_true(race.nb_posted > RACES);
	net_close(&net);
}

static void
close_by_third_thread_while_bound_thread_posts(void **state)
{
	(void)state;
	race_with_closer(true);
}

static void
close_by_third_thread_while_posts_fail_at_once(void **state)
{
	(void)state;
	race_with_closer(false);
}

/* The closer is the thread that polls: the close is a plain call on the owning core. */
static void
close_by_core_while_bound_thread_posts(void **state)
{
	static struct race race;
	static struct worker poster;
	unsigned int seed = 7;

	(void)state;
	memset(&race, 0, sizeof(race));
	race.connected = true;
	net_open(&net, NULL);
	worker_start(&poster, &net, run_poster, &race);
	while (!atomic_load(&race.stop)) {
		close_offer(&race, &seed);
		net_step(&net);
	}
	worker_end(&poster);
	assert_int_equal(atomic_load(&race.nb_closed), RACES);
	net_close(&net);
}

/* Two closes at once: one of them wins, and only one. */
static void
concurrent_closes_have_one_winner(void **state)
{
	static struct race race;
	static struct worker closer;
	unsigned int won = 0;
	unsigned int i;

	(void)state;
	memset(&race, 0, sizeof(race));
	net_open(&net, NULL);
	worker_start(&closer, &net, run_closer, &race);
	for (i = 0; i < RACES; i++) {
		struct wsock *s = net_socket(&net, 0, 0);
		volatile unsigned int pause = i * 37 % 0x3fff;

		atomic_store(&race.offer, s);
		while (pause > 0)
			pause--;
		won += watch_shut(s) == 0;
		NET_UNTIL(&net, s->closed);
		NET_UNTIL(&net, !atomic_load(&race.offer));
	}
	atomic_store(&race.stop, true);
	worker_end(&closer);
	assert_int_equal(won + atomic_load(&race.nb_closed), RACES);
	net_close(&net);
}

/* Fill the thread's request ring while nobody polls; then close, which must not be refused (O9.2). */
static void
run_full_ring(struct worker *wk)
{
	struct wsock *s[POSTS];
	static uint8_t sink[64];
	unsigned int i;
	int rc;

	if (!worker_attach(wk, 4096))
		return;
	for (i = 0; i < POSTS; i++)
		s[i] = worker_socket(wk, wk->net->core[0][0]);
	atomic_store(&wk->stage, 1);
	while (atomic_load(&wk->stage) != 2)
		sched_yield();
	do {
		rc = watch_recv(s[0], watch_op(&wk->w), sink, 1, 0);
	} while (rc == 0);
	WORKER_CHECK(wk, rc == -EAGAIN);
	for (i = 0; i < POSTS; i++) {
		WORKER_CHECK(wk, watch_shut(s[i]) == 0);
		WORKER_CHECK(wk, watch_shut(s[i]) == -ENOTSOCK);
	}
	atomic_store(&wk->stage, 3);
	worker_detach(wk);
}

static void
close_with_full_request_ring_is_not_refused(void **state)
{
	struct net_wish wish = { .request_ring = 16 };
	static struct worker wk;

	(void)state;
	net_open(&net, &wish);
	worker_start(&wk, &net, run_full_ring, NULL);
	NET_UNTIL(&net, atomic_load(&wk.stage) == 1);
	atomic_store(&wk.stage, 2);
	while (atomic_load(&wk.stage) != 3)
		sched_yield();
	worker_end(&wk);
	assert_true(net_counter(&net, 0, "sock_close_overflow") > 0);
	net_close(&net);
}

/* One thread's posts and its close arrive in order: what was accepted before the close ends before it. */
static void
run_post_then_close(struct worker *wk)
{
	struct net_pair pair;
	static uint8_t sink[64];
	unsigned int round;
	unsigned int i;

	if (!worker_attach(wk, 256))
		return;
	for (round = 0; round < 50; round++) {
		if (!worker_connect(wk, 7, &pair))
			return;
		for (i = 0; i < POSTS; i++)
			WORKER_CHECK(wk, watch_recv(pair.end[0], watch_op(&wk->w), &sink[i], 1, 0) == 0);
		WORKER_CHECK(wk, watch_shut(pair.end[0]) == 0);
		WORKER_CHECK(wk, watch_shut(pair.end[1]) == 0);
		WORKER_UNTIL(wk, pair.end[0]->closed && pair.end[1]->closed);
	}
	worker_detach(wk);
}

static void
posts_of_closing_thread_end_before_its_close(void **state)
{
	static struct worker wk;

	(void)state;
	net_open(&net, NULL);
	worker_start(&wk, &net, run_post_then_close, NULL);
	worker_end(&wk);
	assert_true(wk.w.nb_posts >= 50 * POSTS);
	assert_int_equal(wk.w.nb_posts, wk.w.nb_ends);
	net_close(&net);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(close_by_attached_thread_ends_everything),
	NET_CASE(close_of_listener_by_attached_thread_ends_accepts),
	NET_CASE(close_by_third_thread_while_bound_thread_posts),
	NET_CASE(close_by_third_thread_while_posts_fail_at_once),
	NET_CASE(close_by_core_while_bound_thread_posts),
	NET_CASE(concurrent_closes_have_one_winner),
	NET_CASE(close_with_full_request_ring_is_not_refused),
	NET_CASE(posts_of_closing_thread_end_before_its_close),
};

NET_MAIN("close_threads", cases)
