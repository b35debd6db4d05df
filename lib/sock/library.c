/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sched.h>
#include <unistd.h>

#include "sock/mem.h"
#include "sock/priv.h"

_Atomic uint64_t sani_lib_word;
static _Atomic pid_t owner_pid;

static uint64_t
make(enum sani_lib_state state, uint32_t attached, uint32_t startups)
{
	return (uint64_t)state << 56 | (uint64_t)attached << 32 | startups;
}

static enum sani_lib_state
state_of(uint64_t w)
{
	return (enum sani_lib_state)(w >> 56);
}

static uint32_t
attached_of(uint64_t w)
{
	return (uint32_t)(w >> 32) & 0xffffff;
}

static uint32_t
startups_of(uint64_t w)
{
	return (uint32_t)w;
}

int
sani_lib_startup(void)
{
	uint64_t w = atomic_load(&sani_lib_word);

	atomic_store(&owner_pid, getpid());
	do {
		if (state_of(w) == SANI_LIB_CLOSING)
			return -EBUSY;
	} while (!atomic_compare_exchange_weak(&sani_lib_word, &w,
					       make(SANI_LIB_UP, attached_of(w), startups_of(w) + 1)));
	return 0;
}

int
sani_lib_attach(void)
{
	struct sani_thread *t;
	uint64_t w;

	if (sani_lib_check() < 0)
		return -ENETDOWN;
	if (atomic_load(&owner_pid) != getpid())
		return -EPERM;
	t = sani_thread_make();
	if (t == NULL)
		return -ENFILE;
	if (t->attached)
		return -EALREADY;
	w = atomic_load(&sani_lib_word);
	do {
		if (state_of(w) != SANI_LIB_UP) {
			sani_thread_put(t);
			return -ENETDOWN;
		}
	} while (!atomic_compare_exchange_weak(&sani_lib_word, &w,
					       make(SANI_LIB_UP, attached_of(w) + 1, startups_of(w))));
	t->attached = true;
	return 0;
}

void
sani_lib_detached(void)
{
	atomic_fetch_sub(&sani_lib_word, make(SANI_LIB_DOWN, 1, 0));
}

int
sani_lib_detach(void)
{
	struct sani_thread *t = sani_thread_self();
	const struct san_cq *cq;

	if (t == NULL || !t->attached)
		return -EPERM;
	/* A poller keeps its queues and its sockets. */
	for (cq = t->cqs; t->nb_claims == 0 && cq != NULL; cq = cq->next_of_thread)
		if (atomic_load_explicit(&cq->nb_sockets, memory_order_acquire) != 0)
			return -EBUSY;
	t->attached = false;
	sani_lib_detached();
	sani_thread_put(t);
	return 0;
}

/* True for the last of the users: the state is CLOSING then; rc says how it went. */
static bool
is_last(const struct sani_thread *t, int *rc)
{
	uint32_t self = t->attached ? 1 : 0;
	uint64_t w = atomic_load(&sani_lib_word);
	uint64_t to;

	do {
		bool last = startups_of(w) == 1;

		*rc = state_of(w) == SANI_LIB_UP ? 0 : -ENETDOWN;
		if (*rc == 0 && last && attached_of(w) > self)
			*rc = -EBUSY;
		if (*rc == 0 && last && t->in_round)
			*rc = -EDEADLK;
		if (*rc == 0 && last && sani_sock_count_loans() > 0)
			*rc = -EBUSY;
		if (*rc < 0)
			return false;
		to = make(last ? SANI_LIB_CLOSING : SANI_LIB_UP, attached_of(w), startups_of(w) - 1);
	} while (!atomic_compare_exchange_weak(&sani_lib_word, &w, to));
	return state_of(to) == SANI_LIB_CLOSING;
}

/* Until every core has left its last round; those that nobody polls are polled here. */
static void
drain_cores(void)
{
	const struct san_host *h;
	bool left;
	unsigned int i;

	do {
		left = true;
		for (h = sani_sock_hosts(); h != NULL; h = h->next)
			for (i = 0; i < h->nb_cores; i++)
				left &= sani_sock_poll_last(h->cores[i]);
		if (!left)
			sched_yield();
	} while (!left);
}

int
sani_lib_cleanup(void)
{
	/* Made first: the last cleanup may have to poll, and cannot turn back. */
	struct sani_thread *t = sani_thread_make();
	int rc;

	if (t == NULL)
		return -ENOMEM;
	/* Before the look at what is out: none goes out behind it. */
	sani_loan_forbid();
	if (!is_last(t, &rc)) {
		sani_loan_allow();
		sani_thread_put(t);
		return rc;
	}
	sani_sock_wake_all();
	drain_cores();
	sani_mem_end();
	sani_sock_hosts_destroy();
	sani_thread_free_rings();
	sani_loan_allow();
	t->attached = false;
	sani_thread_put(t);
	atomic_store(&sani_lib_word, make(SANI_LIB_DOWN, 0, 0));
	return 0;
}
