/* SPDX-License-Identifier: BSD-3-Clause */
#include "prog.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND_US 1000000u
#define COUNTERS 512u	/* more than a host has */

bool
prog_start(struct prog *p, int argc, char **argv)
{
	char **eal = calloc((size_t)argc + 1, sizeof(*eal));

	if (eal == NULL) {
		prog_complain("no memory.");
		return false;
	}
	/* a list of its own: the EAL moves its arguments about, and ours are behind them */
	memcpy(eal, argv, (size_t)argc * sizeof(*eal));
	p->started = san_startup(argc, eal) >= 0;
	free(eal);
	if (!p->started) {
		prog_complain("%s", san_error());
		return false;
	}
	prog_catch_signals();
	p->start_us = prog_now_us();
	p->next_tick_us = p->start_us + SECOND_US;
	return true;
}

bool
prog_add_host(struct prog *p, const struct san_conf *conf)
{
	struct san_host *host;

	if (p->nb_hosts == PROG_HOSTS || san_host_create(conf, &host) != 0) {
		prog_complain("%s", san_error());
		return false;
	}
	p->hosts[p->nb_hosts++] = host;
	for (unsigned int i = 0; i < san_host_cores(host) && p->nb_cores < PROG_CORES; i++) {
		struct san_core *core = san_core_get(host, i);
		int rc = san_core_claim(core);

		if (rc != 0) {
			prog_complain("core %u cannot be claimed: %s.", i, strerror(-rc));
			return false;
		}
		p->cores[p->nb_cores++] = core;
	}
	return true;
}

static bool
add_host_of_file(struct prog *p, const char *config)
{
	struct san_conf *conf = san_conf_create();
	bool good = false;

	if (conf == NULL)
		prog_complain("no memory.");
	else if (san_conf_load(conf, config) != 0)
		prog_complain("%s", san_error());
	else
		good = prog_add_host(p, conf);
	san_conf_destroy(conf);
	return good;
}

bool
prog_open(struct prog *p, int argc, char **argv, const char *config, unsigned int cq_depth)
{
	int rc;

	memset(p, 0, sizeof(*p));
	if (!prog_start(p, argc, argv))
		return false;
	if (!add_host_of_file(p, config)) {
		prog_cleanup(p);
		return false;
	}
	rc = san_cq_create(cq_depth, &p->cq);
	if (rc != 0) {
		prog_complain("no completion queue of %u places: %s.", cq_depth, strerror(-rc));
		prog_cleanup(p);
		return false;
	}
	return true;
}

/* Until one of the cores has something to do, or the next line is due; a signal ends it too. */
static void
rest(struct prog *p)
{
	struct pollfd fds[PROG_CORES];
	uint64_t now_us;

	for (unsigned int i = 0; i < p->nb_cores; i++) {
		fds[i] = (struct pollfd){ .fd = san_core_fd(p->cores[i]), .events = POLLIN };
		if (san_core_arm(p->cores[i]) != 0)
			return;
	}
	now_us = prog_now_us();
	if (now_us < p->next_tick_us)
		poll(fds, p->nb_cores, (int)((p->next_tick_us - now_us) / 1000 + 1));
}

static void
nap(uint32_t us)
{
	struct timespec ts = { .tv_nsec = (long)us * 1000 };

	if (us == 0)
		sched_yield();
	else
		nanosleep(&ts, NULL);
}

void
prog_poll(struct prog *p)
{
	int done = 0;

	for (unsigned int i = 0; i < p->nb_cores; i++) {
		int rc = san_core_poll(p->cores[i]);

		if (rc > 0)
			done += rc;
		else if (rc < 0)
			p->down = true;
	}
	if (done != 0)
		p->busy_us = prog_now_us();
	else if (p->sleep_after_us != 0 && prog_now_us() - p->busy_us >= p->sleep_after_us)
		rest(p);
	else
		nap(p->nap_us);
}

uint64_t
prog_counter(const struct san_host *host, const char *name)
{
	struct san_counter list[COUNTERS];
	unsigned int nb = san_host_counters(host, list, COUNTERS);

	for (unsigned int i = 0; i < nb && i < COUNTERS; i++) {
		if (strcmp(list[i].name, name) == 0)
			return list[i].value;
	}
	return 0;
}

/*
 * A peer that leaves its checksums to a network card that is not there (veth) looks like a dead line.
 * Counted with or without the bad ones, fewer segments than bad ones means: none was good.
 */
static void
advise_about_checksums(struct prog *p, const struct san_host *host)
{
	uint64_t bad = p->advised ? 0 : prog_counter(host, "tcp_rx_bad_checksum");

	if (bad < 3 || prog_counter(host, "tcp_rx") > bad)
		return;
	p->advised = true;
	prog_complain("each of the %llu TCP segments received so far had a wrong checksum: the peer "
		      "seems to leave checksums to its network interface; switch that off where it "
		      "sends: ethtool -K INTERFACE tx off gso off tso off", (unsigned long long)bad);
}

bool
prog_tick(struct prog *p)
{
	uint64_t now_us = prog_now_us();

	if (now_us < p->next_tick_us)
		return false;
	p->next_tick_us = now_us + SECOND_US;
	for (unsigned int i = 0; i < p->nb_hosts; i++)
		advise_about_checksums(p, p->hosts[i]);
	return true;
}

void
prog_cleanup(struct prog *p)
{
	int rc;

	for (unsigned int i = 0; i < p->nb_cores; i++)
		san_core_release(p->cores[i]);
	p->nb_cores = 0;
	p->nb_hosts = 0;
	if (!p->started)
		return;
	p->started = false;
	rc = san_cleanup();
	if (rc != 0)
		prog_complain("cleanup: %s.", strerror(-rc));
}

void
prog_drop_cq(struct san_cq *cq)
{
	struct san_completion comp[64];

	if (cq == NULL)
		return;
	while (san_cq_poll(cq, comp, 64) > 0)
		continue;
	san_cq_destroy(cq);
}

void
prog_end_cq(struct prog *p)
{
	prog_drop_cq(p->cq);
	p->cq = NULL;
}

void *
prog_alloc(size_t size)
{
	void *memory;

	size = (size + 63) & ~(size_t)63;
	memory = aligned_alloc(64, size);
	if (memory != NULL)
		memset(memory, 0, size);
	return memory;
}
