/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>

#include "sock/cq.h"
#include "sock/sock.h"
#include "sock/thread.h"

struct sani_thread sani_threads[SANI_THREADS];
_Atomic unsigned int sani_thread_nb = 1;
_Atomic uint32_t sani_thread_nb_gone;
static pthread_key_t exit_key;
static pthread_mutex_t exit_key_lock = PTHREAD_MUTEX_INITIALIZER;
__thread struct sani_thread *sani_thread_mine;
__thread uint32_t sani_thread_id;

/* The record of the calling thread; NULL: it has none any more. */
static void
set_mine(struct sani_thread *t)
{
	sani_thread_mine = t;
	sani_thread_id = t != NULL ? t->id : 0;
}

/* Whose queues have no socket bound can be recycled at once; true when none is left. */
static bool
recycle_idle_cqs(struct sani_thread *t)
{
	struct san_cq **at = &t->cqs;

	while (*at != NULL) {
		struct san_cq *cq = *at;

		if (atomic_load_explicit(&cq->nb_sockets, memory_order_acquire) != 0) {
			at = &cq->next_of_thread;
			continue;
		}
		*at = cq->next_of_thread;
		sani_cq_recycle(cq);
	}
	return t->cqs == NULL;
}

/* The thread exits (O16): what it left is closed by the cores, what it did not leave is given back. */
static void
leave(void *arg)
{
	struct sani_thread *t = arg;

	set_mine(NULL);
	sani_sock_release_all(t);
	if (recycle_idle_cqs(t) && !t->attached) {
		atomic_store_explicit(&t->state, SANI_THREAD_FREE, memory_order_release);
		return;
	}
	sani_sock_thread_gone(t);
	/* release: the state before the count that shows it */
	atomic_fetch_add_explicit(&sani_thread_nb_gone, 1, memory_order_release);
	sani_sock_wake_all();
}

/* One for all threads. A process may have none left; one that was given back meanwhile is found the next time. */
static bool
make_exit_key(void)
{
	static bool made;

	pthread_mutex_lock(&exit_key_lock);
	if (!made)
		made = pthread_key_create(&exit_key, leave) == 0;
	pthread_mutex_unlock(&exit_key_lock);
	return made;
}

static void
raise_high(unsigned int id)
{
	unsigned int seen = atomic_load(&sani_thread_nb);

	while (seen <= id && !atomic_compare_exchange_weak(&sani_thread_nb, &seen, id + 1))
		;
}

struct sani_thread *
sani_thread_make(void)
{
	unsigned int id;

	if (sani_thread_mine != NULL)
		return sani_thread_mine;
	if (!make_exit_key())
		return NULL;
	for (id = 1; id < SANI_THREADS; id++) {
		struct sani_thread *t = &sani_threads[id];
		uint32_t free_state = SANI_THREAD_FREE;

		if (!atomic_compare_exchange_strong(&t->state, &free_state, SANI_THREAD_LIVE))
			continue;
		t->id = (uint8_t)id;
		atomic_fetch_add(&t->life, 1);
		t->attached = false;
		t->in_round = false;
		t->nb_claims = 0;
		t->cqs = NULL;
		raise_high(id);
		/* A thread whose exit would go unnoticed may not begin (O16). */
		if (pthread_setspecific(exit_key, t) != 0) {
			atomic_store_explicit(&t->state, SANI_THREAD_FREE, memory_order_release);
			return NULL;
		}
		set_mine(t);
		return t;
	}
	return NULL;
}

void
sani_thread_put(struct sani_thread *t)
{
	if (t->attached || t->nb_claims != 0 || t->cqs != NULL)
		return;
	set_mine(NULL);
	pthread_setspecific(exit_key, NULL);
	atomic_store_explicit(&t->state, SANI_THREAD_FREE, memory_order_release);
}

struct sani_spsc *
sani_thread_ring(struct sani_thread *t, uint8_t core_id)
{
	struct sani_spsc *r = atomic_load_explicit(&t->req[core_id], memory_order_relaxed);

	if (r == NULL) {
		r = sani_spsc_create(sani_sock_ring_size(core_id), sizeof(struct sani_req));
		/* release: the ring before the pointer that shows it */
		atomic_store_explicit(&t->req[core_id], r, memory_order_release);
	}
	return r;
}

void
sani_thread_free_rings(void)
{
	unsigned int id, core;

	for (id = 1; id < sani_thread_high(); id++)
		for (core = 0; core < SANI_CORE_IDS; core++) {
			sani_spsc_destroy(atomic_load(&sani_threads[id].req[core]));
			atomic_store(&sani_threads[id].req[core], NULL);
			sani_threads[id].way.core = NULL;
		}
}

void
sani_thread_ack_gone(struct sani_thread *t)
{
	bool was_attached = t->attached;

	if (atomic_fetch_sub(&t->acks_left, 1) != 1)
		return;
	while (t->cqs != NULL) {
		struct san_cq *cq = t->cqs;

		t->cqs = cq->next_of_thread;
		sani_cq_recycle(cq);
	}
	t->attached = false;
	atomic_store_explicit(&t->posting, 0, memory_order_relaxed);
	atomic_store_explicit(&t->state, SANI_THREAD_FREE, memory_order_release);
	if (was_attached)
		sani_lib_detached();
}
