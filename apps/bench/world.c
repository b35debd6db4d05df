/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_lcore.h>

#include "guard.h"
#include "hosts.h"

/* Rounds without anything to do after which a thread lets others have its processor. */
#define IDLE_ROUNDS 20000u
#define OTHER_END "10.9.0.2"	/* of a ring pair */

enum order { RUN, PAUSE, LEAVE };
enum answer { STARTING, AT_WORK, PAUSED, FAILED };

static void
set_peer(struct bench_world *w, const char *peer)
{
	if (san_addr_parse(peer, &w->peer) != 0)
		prog_refuse("--peer is \"%s\", accepted is an address, such as 10.9.0.2.", peer);
}

/*
 * One round of a side, what it polls and what it runs; only its poller and its program's thread call it. Reading the
 * clock takes as long as looking into an empty queue, so it is read where something was done, and once a round, at its
 * end, if that is not where it was read: *since is what was read last.
 */

static unsigned int
poll_side(struct bench_side *side, uint64_t *since)
{
	int n = side->core != NULL ? san_core_poll(side->core) : 0;
	uint64_t now;

	if (side->more != NULL)
		n += san_core_poll(side->more);
	if (n <= 0)
		return 0;
	now = rte_rdtsc();
	bench_add(&side->poll_tsc, now - *since);
	*since = now;
	return (unsigned int)n;
}

static unsigned int
step_side(struct bench_side *side, uint64_t *since)
{
	unsigned int n = side->program.step(side, side->program.arg);
	uint64_t now;

	if (n == 0)
		return 0;
	now = rte_rdtsc();
	bench_add(&side->step_tsc, now - *since);
	*since = now;
	return n;
}

/* What time it is behind a step that has done so many things. */
static inline uint64_t
time_behind(unsigned int done, uint64_t since)
{
	return done > 0 ? since : rte_rdtsc();
}

static void
rest(unsigned int *idle, unsigned int done)
{
	if (done > 0) {
		*idle = 0;
	} else if (++*idle == IDLE_ROUNDS) {
		*idle = 0;
		sched_yield();
	}
}

void
bench_world_round(struct bench_world *w)
{
	struct bench_side *c = &w->client, *s = &w->server;
	uint64_t since = w->since;
	unsigned int n = 0, stepped = 0;

	if (c->program.step != NULL) {
		if (!w->off_core)
			n += poll_side(c, &since);
		stepped = step_side(c, &since);
		n += stepped;
	}
	if (s->program.step != NULL && !w->two_threads) {
		if (c->program.step != NULL)
			since = time_behind(stepped, since);
		n += poll_side(s, &since);
		stepped = step_side(s, &since);
		n += stepped;
	}
	w->since = time_behind(stepped, since);
	bench_guard_look(&w->guard[0], w->since);
	rest(&w->idle, n);
}

bool
bench_world_until(struct bench_world *w, const bool *what, double limit_s)
{
	uint64_t end_us = prog_now_us() + (uint64_t)(limit_s * 1e6);

	for (unsigned int i = 0; !*what && !prog_stop; i++) {
		bench_world_round(w);
		if (i % 64 == 0 && prog_now_us() > end_us)
			break;
	}
	return *what;
}

/* A round of the server's that is not timed. */
static void
serve_round(struct bench_world *w)
{
	struct bench_side *s = &w->server;
	int n = san_core_poll(s->core);

	rest(&w->idle, (unsigned int)RTE_MAX(n, 0) + s->program.step(s, s->program.arg));
}

void
bench_world_serve(struct bench_world *w, double limit_s)
{
	uint64_t end = rte_rdtsc() + (uint64_t)(limit_s * (double)rte_get_tsc_hz());

	do {
		for (unsigned int i = 1; i < BENCH_SERVE_TIMED; i++)
			serve_round(w);
		w->since = rte_rdtsc();
		bench_world_round(w);
	} while (!prog_stop && w->since < end);
}

bool
bench_world_until_count(struct bench_world *w, const _Atomic uint64_t *count, uint64_t want, double limit_s)
{
	uint64_t end_us = prog_now_us() + (uint64_t)(limit_s * 1e6);

	while (atomic_load_explicit(count, memory_order_relaxed) < want && prog_now_us() < end_us)
		bench_world_round(w);
	return atomic_load_explicit(count, memory_order_relaxed) >= want;
}

/* Start and end of a side, on its threads. */

static bool
complain(const struct bench_side *side, const char *what, int rc)
{
	prog_complain("%s: %s: %s.", side->name, what, strerror(-rc));
	return false;
}

static bool
claim(struct bench_side *side)
{
	int rc = side->core != NULL ? san_core_claim(side->core) : 0;

	if (rc == 0 && side->more != NULL)
		rc = san_core_claim(side->more);
	return rc == 0 || complain(side, "its core cannot be claimed", rc);
}

static bool
open_program(struct bench_side *side)
{
	int rc = side->core != NULL ? san_cq_create(side->program.cq_depth, &side->cq) : 0;

	if (rc != 0)
		return complain(side, "no completion queue", rc);
	return side->program.open == NULL || side->program.open(side, side->program.arg);
}

/* The other thread: it has the server, and off-core the client's core too. */

static void
run_other(struct bench_world *w)
{
	uint64_t since = rte_rdtsc();
	unsigned int idle = 0, stepped, n;
	int order;

	while ((order = atomic_load_explicit(&w->order, memory_order_acquire)) != LEAVE) {
		if (order == PAUSE) {
			atomic_store(&w->answer, PAUSED);
			nanosleep(&(struct timespec){ .tv_nsec = 500000 }, NULL);
			bench_guard_start(&w->guard[1]);
			since = rte_rdtsc();
			continue;
		}
		if (atomic_load_explicit(&w->answer, memory_order_relaxed) != AT_WORK)
			atomic_store(&w->answer, AT_WORK);
		n = w->off_core ? poll_side(&w->client, &since) : 0;
		n += poll_side(&w->server, &since);
		stepped = step_side(&w->server, &since);
		n += stepped;
		since = time_behind(stepped, since);
		bench_guard_look(&w->guard[1], since);
		rest(&idle, n);
	}
}

static void *
be_other(void *arg)
{
	struct bench_world *w = arg;
	bool good;

	bench_pin(w->cpu[1]);
	bench_guard_start(&w->guard[1]);
	good = claim(&w->server) && (!w->off_core || claim(&w->client)) && open_program(&w->server);
	atomic_store(&w->answer, good ? AT_WORK : FAILED);
	if (good)
		run_other(w);
	if (w->server.core != NULL)
		san_core_release(w->server.core);
	if (w->off_core)
		san_core_release(w->client.core);
	return NULL;
}

static bool
start_other(struct bench_world *w)
{
	atomic_store(&w->order, RUN);
	atomic_store(&w->answer, STARTING);
	if (pthread_create(&w->other, NULL, be_other, w) != 0) {
		prog_complain("no second thread.");
		w->two_threads = w->off_core = false;
		return false;
	}
	while (atomic_load(&w->answer) == STARTING)
		sched_yield();
	return atomic_load(&w->answer) != FAILED;
}

static bool
start_main(struct bench_world *w)
{
	bool here = w->server.program.step != NULL && !w->two_threads;
	int rc;

	if (w->off_core) {
		rc = san_attach();
		if (rc != 0)
			return complain(&w->client, "this thread cannot be attached", rc);
	} else if (w->client.program.step != NULL && !claim(&w->client)) {
		return false;
	}
	if (here && (!claim(&w->server) || !open_program(&w->server)))
		return false;
	return w->client.program.step == NULL || open_program(&w->client);
}

static bool
start(struct bench_world *w)
{
	w->cpu[0] = (unsigned int)rte_lcore_to_cpu_id((int)rte_get_main_lcore());
	w->cpu[1] = w->cpu[0];
	if (w->two_threads) {
		unsigned int lcore = rte_get_next_lcore(LCORE_ID_ANY, 1, 0);

		w->cpu[1] = (unsigned int)rte_lcore_to_cpu_id((int)lcore);
	}
	bench_guard_start(&w->guard[0]);
	w->since = rte_rdtsc();
	return (!w->two_threads || start_other(w)) && start_main(w);
}

/* False: complained. */
static bool
choose_threads(struct bench_world *w)
{
	bool two = rte_lcore_count() > 1;

	w->two_threads = w->off_core || (bench_has(w->b, "threads") ? bench_number(w->b, "threads") == 2 : two);
	if (!w->two_threads || two)
		return true;
	w->two_threads = w->off_core = false;
	prog_complain("two threads need two lcores, such as -l 0,1.");
	return false;
}

bool
bench_world_open(struct bench_world *w, struct bench *b, const struct bench_sizes *sizes,
		 const struct bench_program *client, const struct bench_program *server)
{
	*w = (struct bench_world){ .b = b, .client = { .name = "client", .b = b, .program = *client } };
	w->server = (struct bench_side){ .name = "server", .b = b };
	w->one_end = bench_has(b, "peer");
	set_peer(w, w->one_end ? bench_text(b, "peer") : OTHER_END);
	if (!w->one_end) {
		w->server.program = *server;
		w->off_core = bench_number(b, "off-core");
		if (!choose_threads(w))
			return false;
	}
	return bench_make_hosts(w, sizes) && start(w);
}

bool
bench_world_open_bare(struct bench_world *w, struct bench *b, const struct bench_program *client,
		      const struct bench_program *server)
{
	*w = (struct bench_world){ .b = b };
	w->client = (struct bench_side){ .name = "client", .b = b };
	w->server = (struct bench_side){ .name = "server", .b = b, .program = *server };
	w->one_end = client == NULL;
	if (client != NULL) {
		w->client.program = *client;
		if (!choose_threads(w))
			return false;
	}
	return start(w);
}

bool
bench_world_open_server(struct bench_world *w, struct bench *b, const struct bench_sizes *sizes,
			const struct bench_program *server)
{
	*w = (struct bench_world){ .b = b, .one_end = true };
	w->server = (struct bench_side){ .name = "server", .b = b, .program = *server };
	return bench_make_server_host(w, sizes) && start(w);
}

bool
bench_world_open_part(struct bench_world *w, struct bench *b, const struct bench_sizes *sizes,
		      const struct bench_program *client, const struct bench_program *server)
{
	*w = (struct bench_world){ .b = b, .client = { .name = "client", .b = b, .program = *client } };
	w->server = (struct bench_side){ .name = "server", .b = b, .program = *server };
	set_peer(w, OTHER_END);
	return bench_make_hosts(w, sizes);
}

bool
bench_world_open_beside(struct bench_world *w, const struct bench_world *first, const struct bench_program *client,
			const struct bench_program *server)
{
	*w = (struct bench_world){ .b = first->b, .peer = first->peer };
	w->client = (struct bench_side){ .name = "client", .b = w->b, .program = *client, .host = first->client.host };
	w->server = (struct bench_side){ .name = "server", .b = w->b, .program = *server, .host = first->server.host };
	w->client.core = san_core_get(w->client.host, 1);
	w->server.core = san_core_get(w->server.host, 1);
	return w->client.core != NULL && w->server.core != NULL;
}

bool
bench_world_begin(struct bench_world *w)
{
	return start(w);
}

void
bench_world_leave(struct bench_world *w)
{
	san_core_release(w->client.core);
	san_core_release(w->server.core);
	if (w->client.more != NULL)
		san_core_release(w->client.more);
	if (w->server.more != NULL)
		san_core_release(w->server.more);
}

void
bench_world_close(struct bench_world *w)
{
	if (w->two_threads) {
		atomic_store(&w->order, LEAVE);
		pthread_join(w->other, NULL);
	}
	if (w->off_core)
		san_detach();
	bench_end_hosts(w);
}

static void
look(struct bench_world *w)
{
	struct bench *b = w->b;

	if (w->two_threads) {
		atomic_store(&w->order, PAUSE);
		while (atomic_load(&w->answer) != PAUSED)
			sched_yield();
		bench_look_line(b, w->cpu[0], w->cpu[1]);
		atomic_store(&w->order, RUN);
		while (atomic_load(&w->answer) != AT_WORK)
			sched_yield();
	} else if (w->one_end && bench_has(b, "peer-cpu")) {
		bench_look_line(b, w->cpu[0], (unsigned int)bench_number(b, "peer-cpu"));
	} else {
		b->place = w->one_end ? BENCH_UNKNOWN : BENCH_ONE;
	}
}

void
bench_world_look(struct bench_world *w)
{
	static const bool never = false;

	look(w);
	while (bench_wait_near(w->b)) {
		bench_world_until(w, &never, BENCH_LOOK_AGAIN_US / 1e6);
		look(w);
	}
}
