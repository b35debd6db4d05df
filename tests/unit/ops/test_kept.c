/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cancels that come before their posts (O8), many at once: none is lost, however many threads they come from, and
 * the poller is told when it has asked for too many.
 */
#include "duo.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>

#define POSTS 1000		/* of a ring of 1,024; a round takes 256 */
#define CANCELLERS 5		/* each of as many as a round takes */
#define A_ROUND 256
#define HERE 1024		/* san_cancel(), -EAGAIN */

static struct san_overlapped op[POSTS];
static struct san_completion comp[POSTS];
static char mem[POSTS];
static san_handle s[2];
static unsigned int nb_cancelled;

static void
post_all(void)
{
	duo_pair(s);
	duo.frozen = true;
	/* the poller may be in the middle of a round that began before */
	duo_settle();
	memset(op, 0, sizeof(op));
	for (unsigned int i = 0; i < POSTS; i++)
		duo_must(san_recv(s[0], &op[i], &mem[i], 1, 0) == 0);
}

static void
reap_all(void)
{
	int n;

	while ((n = san_cq_poll(duo.cq, comp, POSTS)) > 0)
		for (int i = 0; i < n; i++)
			nb_cancelled += comp[i].result == -ECANCELED;
}

/* Those that were cancelled have ended; the others end with the close. */
static void
count_all(void)
{
	duo_settle();
	nb_cancelled = 0;
	reap_all();
	duo.frozen = false;
}

/* What a thread cancels: one operation many times, or one after another from this one on. */
struct canceller {
	pthread_t thread;
	unsigned int first;
	unsigned int step;
};

static sem_t asked, finished;

static void *
cancel_some(void *arg)
{
	const struct canceller *c = arg;

	duo_must(san_attach() == 0);
	for (unsigned int i = 0; i < A_ROUND; i++)
		duo_must(san_cancel(s[0], op[c->first + i * c->step].id) == 0);
	sem_post(&asked);
	sem_wait(&finished);
	duo_must(san_detach() == 0);
	return NULL;
}

/* The last of them would find no room if there were room for a thousand. */
static void
early_cancels_of_many_threads_are_all_kept(void)
{
	static struct canceller c[CANCELLERS];

	sem_init(&asked, 0, 0);
	sem_init(&finished, 0, 0);
	post_all();
	for (unsigned int i = 0; i < CANCELLERS; i++) {
		bool last = i == CANCELLERS - 1;

		c[i].first = last ? POSTS - 1 - A_ROUND : POSTS - 1;
		c[i].step = last;
		duo_must(pthread_create(&c[i].thread, NULL, cancel_some, &c[i]) == 0);
		sem_wait(&asked);
	}
	count_all();
	for (unsigned int i = 0; i < CANCELLERS; i++)
		sem_post(&finished);
	for (unsigned int i = 0; i < CANCELLERS; i++)
		pthread_join(c[i].thread, NULL);
	duo_must(nb_cancelled == A_ROUND + 1);
	/* more than the kit has room for */
	duo_must(san_close(s[0], 0) == 0);
	duo_settle();
	reap_all();
	duo_must(nb_cancelled == POSTS);
}

/* Another thread's socket, and a post of it that the core has not taken. */
static _Atomic int stage;

static void
wait_for(int at_least)
{
	while (atomic_load(&stage) < at_least)
		sched_yield();
}

static void *
post_one(void *arg)
{
	struct san_cq *cq;

	duo_must(san_attach() == 0 && san_cq_create(16, &cq) == 0);
	while (san_socket(duo.h[0].core[0], cq, &s[0]) == -EAGAIN)
		;
	atomic_store(&stage, 1);
	wait_for(2);
	duo_must(san_recv(s[0], &op[0], mem, 1, 0) == 0);
	atomic_store(&stage, 3);
	wait_for(4);
	duo_must(san_cq_poll(cq, comp, 1) == 1 && comp[0].result == -ENOTCONN);
	duo_must(san_close(s[0], 0) == 0);
	while (san_cq_poll(cq, comp, 1) == 0)
		sched_yield();
	duo_must(san_cq_destroy(cq) == 0 && san_detach() == 0);
	atomic_store(&stage, 5);
	return arg;
}

static void
the_poller_is_told_when_too_many_are_kept(void)
{
	pthread_t thread;

	atomic_store(&stage, 0);
	memset(op, 0, sizeof(op));
	duo_must(pthread_create(&thread, NULL, post_one, NULL) == 0);
	while (atomic_load(&stage) < 1)
		duo_settle();
	atomic_store(&stage, 2);
	wait_for(3);
	for (unsigned int i = 0; i < HERE; i++)
		duo_must(san_cancel(s[0], op[0].id + 1) == 0);
	duo_must(san_cancel(s[0], op[0].id + 1) == -EAGAIN);
	duo_must(san_cancel_all(s[0]) == -EAGAIN);
	duo_settle();
	/* it was posted before them, and refused: there was nothing for them to end */
	duo_must(san_cancel_all(s[0]) == 0);
	atomic_store(&stage, 4);
	while (atomic_load(&stage) < 5)
		duo_settle();
	pthread_join(thread, NULL);
}

static void
many_threads(void **state)
{
	(void)state;
	duo_run(early_cancels_of_many_threads_are_all_kept, DUO_OFF_CORE, 1, POSTS + 8);
}

static void
on_core(void **state)
{
	(void)state;
	duo_run(the_poller_is_told_when_too_many_are_kept, DUO_ON_CORE, 1, 16);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		{ "early_cancels_of_many_threads_are_all_kept", many_threads, NULL, NULL, NULL },
		{ "the_poller_is_told_when_too_many_are_kept", on_core, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("kept", tests, NULL, NULL);
}
