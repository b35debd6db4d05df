/* SPDX-License-Identifier: BSD-3-Clause */
#include "prog.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND_US 1000000u

volatile sig_atomic_t prog_stop;
const char *prog_name = "san";

static void
print_line(FILE *to, const char *fmt, va_list args)
{
	fprintf(to, "%s: ", prog_name);
	vfprintf(to, fmt, args);
	fputc('\n', to);
	fflush(to);
}

void
prog_say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_line(stdout, fmt, args);
	va_end(args);
}

void
prog_complain(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_line(stderr, fmt, args);
	va_end(args);
}

void
prog_refuse(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_line(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "%s --help says what is accepted.\n", prog_name);
	exit(2);
}

static void
print_help(const char *usage)
{
	fputs(usage, stdout);
	exit(0);
}

int
prog_split(int *argc, char **argv, const char *usage, char ***own)
{
	char *slash = strrchr(argv[0], '/');
	int all = *argc;

	if (slash != NULL)
		argv[0] = slash + 1;
	prog_name = argv[0];
	for (int i = 1; i < all; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			print_help(usage);
	}
	*argc = 1;
	while (*argc < all && strcmp(argv[*argc], "--") != 0)
		(*argc)++;
	if (*argc == all) {
		*own = argv;
		return 1;
	}
	argv[*argc] = argv[0];
	*own = argv + *argc;
	return all - *argc;
}

uint64_t
prog_number(const char *option, const char *text, uint64_t min, uint64_t max)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || n < min || n > max)
		prog_refuse("%s is \"%s\", accepted is a whole number from %llu to %llu.", option, text,
			    (unsigned long long)min, (unsigned long long)max);
	return n;
}

static void
note_signal(int number)
{
	(void)number;
	prog_stop = 1;
}

static void
catch_signals(void)
{
	struct sigaction action = { .sa_handler = note_signal };

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

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
	catch_signals();
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
	if (done == 0)
		sched_yield();
}

uint64_t
prog_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_US + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t
read_counter(const struct san_counter *list, unsigned int nb, const char *name)
{
	for (unsigned int i = 0; i < nb; i++) {
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
	struct san_counter list[256];
	unsigned int nb = san_host_counters(host, list, 256);
	uint64_t bad;

	if (nb > 256)
		nb = 256;
	bad = read_counter(list, nb, "tcp_rx_bad_checksum");
	if (p->advised || bad < 3 || read_counter(list, nb, "tcp_rx") > bad)
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
prog_end_cq(struct prog *p)
{
	struct san_completion comp[64];

	if (p->cq == NULL)
		return;
	while (san_cq_poll(p->cq, comp, 64) > 0)
		continue;
	san_cq_destroy(p->cq);
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
