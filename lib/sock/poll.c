/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_lcore.h>

#include "sock/layer.h"
#include "sock/priv.h"

/* Threads with an lcore id have a cache of their own in every pool. */
static void
enter_eal(struct sani_thread *t)
{
	if (rte_lcore_id() == LCORE_ID_ANY && rte_thread_register() == 0)
		t->registered = true;
}

static void
leave_eal(struct sani_thread *t)
{
	if (!t->registered)
		return;
	rte_thread_unregister();
	t->registered = false;
}

/* The calling thread polls k from here on. */
static void
take_over(struct san_core *k, struct sani_thread *t)
{
	t->nb_claims++;
	atomic_store_explicit(&k->here, t->id, memory_order_relaxed);
	enter_eal(t);
	/* A post before the first round has to know the time, and what the thread has posted comes first (O3). */
	sani_core_entered(k->core);
	sani_request_drain(k, t);
}

int
sani_sock_claim(struct san_core *k)
{
	struct sani_thread *t;
	uint32_t nobody = SANI_CLAIM_NONE;
	int rc = sani_lib_check();

	if (rc < 0)
		return rc;
	t = sani_thread_make();
	if (t == NULL)
		return -ENOMEM;
	if (sani_is_on_core(k, t))
		return -EALREADY;
	if (!atomic_compare_exchange_strong(&k->claimer, &nobody, t->id)) {
		sani_thread_put(t);
		return -EBUSY;
	}
	take_over(k, t);
	/* Claims without a round between them keep no more of these than rounds do. */
	if (k->nb_kept > 0) {
		sani_request_round(k);
		sani_cancel_round(k);
	}
	return 0;
}

static void
give_up(struct san_core *k, struct sani_thread *t, uint32_t next)
{
	sani_core_disarm(k);
	sani_core_left(k->core);
	atomic_store_explicit(&k->here, SANI_NONE, memory_order_relaxed);
	/* What was published between rounds: nobody may poll this core for long. */
	sani_wake_touched(k);
	if (--t->nb_claims == 0)
		leave_eal(t);
	/* release: what was done in the rounds; nothing of the core is touched after this */
	atomic_store_explicit(&k->claimer, next, memory_order_release);
}

int
sani_sock_release(struct san_core *k)
{
	struct sani_thread *t = sani_thread_self();

	/* Without a claim the core may be gone. */
	if (t == NULL || t->nb_claims == 0 || !sani_is_on_core(k, t))
		return -EPERM;
	if (t->in_round)
		return -EDEADLK;
	give_up(k, t, SANI_CLAIM_NONE);
	sani_thread_put(t);
	return 0;
}

void
sani_sock_release_all(struct sani_thread *t)
{
	unsigned int id;

	for (id = 0; t->nb_claims > 0 && id < SANI_CORE_IDS; id++) {
		struct san_core *k = sani_sock_core((uint8_t)id);

		if (k != NULL && sani_is_on_core(k, t))
			give_up(k, t, SANI_CLAIM_NONE);
	}
}

/* Cleanup's order: no socket opens after this, all that are open close (O15). */
static void
obey_cleanup(struct san_core *k)
{
	if (atomic_load_explicit(&k->closing_all, memory_order_relaxed))
		return;
	sani_close_all(k, 0);
	atomic_store_explicit(&k->closing_all, true, memory_order_release);
}

/* May the core be left? Others may still need its answers (O11) until everything is retired. */
static bool
all_is_retired(void)
{
	const struct san_host *h;
	unsigned int i;

	for (h = sani_sock_hosts(); h != NULL; h = h->next)
		for (i = 0; i < h->nb_cores; i++) {
			const struct san_core *k = h->cores[i];

			if (!atomic_load_explicit(&k->closing_all, memory_order_acquire) ||
			    atomic_load_explicit(&k->nb_open, memory_order_acquire) != 0)
				return false;
		}
	return true;
}

/* What most rounds have none of; apart, so that they do not save registers for it. */
static __attribute__((noinline)) unsigned int
do_seldom(struct san_core *k)
{
	unsigned int n = 0;

	if (k->nb_lent > 0)
		n += sani_lent_round(k);
	if (k->deadlines.nb > 0)
		n += sani_deadline_round(k);
	if (k->nb_kept > 0)
		n += sani_cancel_round(k);
	return n;
}

static unsigned int
do_round(struct san_core *k)
{
	unsigned int n;

	if (sani_unlikely(k->sleep.armed))
		sani_core_disarm(k);
	n = sani_core_begin(k->core);
	n += sani_request_round(k);
	/* Before the input: what a peer sends that the same cleanup or thread's exit closes does not count. */
	if (sani_unlikely(sani_lib_closing()))
		obey_cleanup(k);
	if (sani_unlikely(sani_gone_is_due(k)))
		n += sani_gone_round(k);
	n += sani_core_input(k->core);
	if (sani_unlikely(k->paused != SANI_NONE))
		n += sani_repeat_round(k);
	if (sani_unlikely((k->nb_lent | k->deadlines.nb | k->nb_kept) > 0))
		n += do_seldom(k);
	if (sani_unlikely(k->closing != SANI_NONE))
		n += sani_close_round(k);
	if (sani_unlikely(k->layers != NULL))
		n += sani_layer_round(k, false);
	n += sani_core_output(k->core);
	if ((k->nb_touched | k->core->told) != 0)
		sani_wake_touched(k);
	sani_check_round(k);
	return n;
}

/* What other cores have retired since the turn of this round is reaped here (O15). */
static void
leave_layers(struct san_core *k, struct sani_thread *t)
{
	t->in_round = true;
	sani_layer_round(k, true);
	t->in_round = false;
}

int
sani_sock_poll(struct san_core *k)
{
	struct sani_thread *t = sani_thread_self();
	unsigned int n;

	if (t == NULL || t->nb_claims == 0)
		return sani_lib_check() < 0 ? -ENETDOWN : -EPERM;
	if (!sani_is_on_core(k, t))
		return -EPERM;
	if (t->in_round)
		return -EDEADLK;
	t->in_round = true;
	n = do_round(k);
	t->in_round = false;
	if (sani_likely(!sani_lib_closing()) || !all_is_retired())
		return n > INT32_MAX ? INT32_MAX : (int)n;
	leave_layers(k, t);
	give_up(k, t, SANI_CLAIM_LEFT);
	return -ENETDOWN;
}

bool
sani_sock_poll_last(struct san_core *k)
{
	struct sani_thread *t = sani_thread_self();
	uint32_t nobody = SANI_CLAIM_NONE;

	if (atomic_load_explicit(&k->claimer, memory_order_acquire) == SANI_CLAIM_LEFT)
		return true;
	if (!sani_is_on_core(k, t)) {
		if (!atomic_compare_exchange_strong(&k->claimer, &nobody, t->id))
			return false;
		take_over(k, t);
	}
	return sani_sock_poll(k) == -ENETDOWN;
}
