/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pollers that left their loop on -ENETDOWN and exited without reaping, while another core was
 * still in its last rounds: the cores that had left did not acknowledge them, and their places were
 * never used again. With all 255 gone, claims and attaches were refused, and cleanup crashed (O16).
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>

#include "worker.h"

#define NB_POLLERS 16		/* one of them stays behind the others */
#define ROUNDS 19		/* 19 x 15 are more than 255 */

enum {
	STAGE_READY = 1,
	STAGE_LAST,		/* leave when the round says so */
	STAGE_GIVE_UP,
};

static struct worker poller[NB_POLLERS];
static struct san_host *host;
static atomic_uint go;

static bool
open_place(struct worker *wk, struct san_core *core, struct san_cq **cq)
{
	san_handle s;

	return WORKER_CHECK(wk, san_core_claim(core) == 0) &&
	       WORKER_CHECK(wk, san_cq_create(8, cq) == 0) &&
	       WORKER_CHECK(wk, san_socket(core, *cq, &s) == 0);
}

/* Its core sees cleanup's order, then rests until the others have left and exited. */
static void
run_slow_poller(struct worker *wk)
{
	struct san_core *core = san_core_get(host, 0);
	struct san_cq *cq = NULL;
	struct san_completion comp;
	unsigned int i;
	int rc;

	open_place(wk, core, &cq);
	atomic_store(&wk->stage, STAGE_READY);
	while (wk->nb_faults == 0 && atomic_load(&go) == 0 && san_cq_poll(cq, &comp, 1) == 0)
		WORKER_CHECK(wk, san_core_poll(core) >= 0);
	if (atomic_load(&go) == STAGE_GIVE_UP)
		return;
	atomic_store(&go, STAGE_LAST);
	for (i = 1; i < NB_POLLERS; i++)
		pthread_join(poller[i].thread, NULL);
	while ((rc = san_core_poll(core)) >= 0)
		sched_yield();
	WORKER_CHECK(wk, rc == -ENETDOWN);
}

static void
run_poller(struct worker *wk)
{
	struct san_core *core = san_core_get(host, (unsigned int)(wk - poller));
	struct san_cq *cq;
	int rc;

	open_place(wk, core, &cq);
	atomic_store(&wk->stage, STAGE_READY);
	while (atomic_load(&go) == 0)
		sched_yield();
	if (atomic_load(&go) == STAGE_GIVE_UP)
		return;
	while ((rc = san_core_poll(core)) >= 0)
		sched_yield();
	WORKER_CHECK(wk, rc == -ENETDOWN);
}

/* The threads of a round that went wrong end; the case then fails. */
static void
assert_sound(unsigned int round)
{
	unsigned int i;

	for (i = 0; i < NB_POLLERS && poller[i].nb_faults == 0; i++)
		;
	if (i == NB_POLLERS)
		return;
	atomic_store(&go, STAGE_GIVE_UP);
	fail_msg("round %u, poller %u: %s", round, i, poller[i].fault);
}

static void
do_round(unsigned int round)
{
	const struct net_wish wish = { .cores = { NB_POLLERS }, .sockets = 16, .mbufs = 16384 };
	struct san_conf *conf;
	unsigned int i;

	net_startup();
	conf = net_conf(&wish, 0, round);
	assert_int_equal(san_conf_set(conf, "port p", "rx_desc", "64"), 0);
	assert_int_equal(san_conf_set(conf, "port p", "tx_desc", "64"), 0);
	if (san_host_create(conf, &host) != 0)
		fail_msg("round %u: %s", round, san_error());
	san_conf_destroy(conf);
	atomic_store(&go, 0);
	for (i = NB_POLLERS; i-- > 0;)
		worker_start(&poller[i], NULL, i == 0 ? run_slow_poller : run_poller, NULL);
	for (i = 0; i < NB_POLLERS; i++)
		while (atomic_load(&poller[i].stage) != STAGE_READY)
			sched_yield();
	assert_sound(round);
	assert_int_equal(san_cleanup(), 0);
	assert_int_equal(pthread_join(poller[0].thread, NULL), 0);
	assert_sound(round);
}

static void
places_of_pollers_that_exit_in_a_cleanup_are_used_again(void **state)
{
	unsigned int round;

	(void)state;
	for (round = 0; round < ROUNDS; round++)
		do_round(round);
	net_startup();
	assert_int_equal(san_attach(), 0);
	assert_int_equal(san_detach(), 0);
	assert_int_equal(san_cleanup(), 0);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(places_of_pollers_that_exit_in_a_cleanup_are_used_again),
};

NET_MAIN("threads_run_out_after_cleanups", cases)
