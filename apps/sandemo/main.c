/* SPDX-License-Identifier: BSD-3-Clause */
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "demo.h"

#define PORT 7
#define CQ_DEPTH 4096

static const char usage[] =
	"san-demo [EAL-ARGUMENTS -- [--seconds N] [--connections N]]\n"
	"\n"
	"Two hosts in this process over a ring pair: small messages, one stream, and a close with\n"
	"operations pending. Needs no root, no huge pages and no network card.\n"
	"\n"
	"  --seconds N       about so long, default 6\n"
	"  --connections N   for the messages, 1 to 256, default 16\n"
	"\n"
	"Without arguments: --no-huge --no-pci --no-shconf --no-telemetry -m 256, on one processor.\n";

static const char *const settings[][4] = {
	/* host, section, key, value */
	{ "0", "host", "name", "client" }, { "0", "port ring", "device", "ring:demo/0" },
	{ "0", "interface ring", "port", "ring" }, { "0", "interface ring", "address", "10.0.0.1/24" },
	{ "1", "host", "name", "server" }, { "1", "port ring", "device", "ring:demo/1" },
	{ "1", "interface ring", "port", "ring" }, { "1", "interface ring", "address", "10.0.0.2/24" },
};

static const char *const sizes[][2] = {
	{ "mbufs", "16384" }, { "sockets", "512" }, { "half_open", "512" },
	{ "time_wait_records", "512" },
};

static bool
add_host(struct demo *d, const char *which)
{
	struct san_conf *conf = san_conf_create();
	bool good = conf != NULL;

	for (size_t i = 0; good && i < sizeof(settings) / sizeof(settings[0]); i++) {
		if (strcmp(settings[i][0], which) == 0)
			good = san_conf_set(conf, settings[i][1], settings[i][2], settings[i][3]) == 0;
	}
	for (size_t i = 0; good && i < sizeof(sizes) / sizeof(sizes[0]); i++)
		good = san_conf_set(conf, "host", sizes[i][0], sizes[i][1]) == 0;
	if (!good)
		prog_complain("%s", san_error());
	good = good && prog_add_host(&d->prog, conf);
	san_conf_destroy(conf);
	return good;
}

static bool
open_listener(struct demo *d)
{
	const struct san_addr any = { .port = PORT };
	struct san_core *core = san_core_get(d->prog.hosts[SERVER_HOST], 0);
	int rc = san_cq_create(CQ_DEPTH, &d->prog.cq);

	if (rc == 0)
		rc = san_socket(core, d->prog.cq, &d->listener);
	if (rc == 0) {
		d->open++;
		rc = san_bind(d->listener, &any);
	}
	if (rc == 0)
		rc = san_listen(d->listener, 64);
	d->listening = rc == 0;
	if (rc != 0)
		demo_fail(d, "listen", rc);
	return rc == 0;
}

/* An EAL on the first processor that this process may use. */
static bool
start_alone(struct prog *p, char *name)
{
	static char no_huge[] = "--no-huge", no_pci[] = "--no-pci", no_shconf[] = "--no-shconf";
	static char no_telemetry[] = "--no-telemetry", m[] = "-m", size[] = "256", l[] = "-l";
	static char quiet[] = "--log-level=error";
	char cpu[16] = "0";
	char *argv[] = { name, no_huge, no_pci, no_shconf, no_telemetry, m, size, quiet, l, cpu,
			 NULL };
	cpu_set_t mine;

	if (sched_getaffinity(0, sizeof(mine), &mine) == 0) {
		size_t i = 0;

		while (i < CPU_SETSIZE - 1 && !CPU_ISSET(i, &mine))
			i++;
		snprintf(cpu, sizeof(cpu), "%zu", i);
	}
	return prog_start(p, 10, argv);
}

static bool
connect_all(struct demo *d)
{
	for (unsigned int i = 0; i < d->connections; i++) {
		if (!demo_connect(d, &d->clients[i], &d->servers[i]))
			return false;
	}
	return true;
}

/* Close what is open, and wait until both hosts hold nothing any more. */
static bool
give_back(struct demo *d, const struct san_usage *before)
{
	struct san_usage now[2] = { { 0 }, { 0 } };
	uint64_t end_ns = demo_now_ns() + 3000000000u;
	bool whole = false;

	d->listening = false;
	for (unsigned int i = 0; i < d->connections; i++) {
		d->clients[i].on = demo_hear_nothing;
		d->servers[i].on = demo_hear_nothing;
		demo_close(d, &d->clients[i]);
		demo_close(d, &d->servers[i]);
	}
	san_close(d->listener, 0);
	while (!whole && !d->broken && demo_now_ns() < end_ns) {
		demo_step(d);
		whole = d->open == 0;
		for (int i = 0; i < 2; i++) {
			san_host_usage(d->prog.hosts[i], &now[i]);
			whole = whole && now[i].sockets == 0 && now[i].connections == 0 &&
				now[i].mbufs_used <= before[i].mbufs_used;
		}
	}
	for (int i = 0; i < 2 && !d->broken && !prog_stop; i++)
		demo_say("   host %d: %u sockets, %u connections, %u of %u packet buffers in use "
			 "(%u at the start), %u records of ended connections", i, now[i].sockets,
			 now[i].connections, now[i].mbufs_used, now[i].mbufs_total,
			 before[i].mbufs_used, now[i].timewait);
	if (!whole)
		demo_fail(d, "something was not given back", 0);
	return whole;
}

static bool
tell_story(struct demo *d)
{
	struct san_usage before[2];
	bool good;

	for (int i = 0; i < 2; i++)
		san_host_usage(d->prog.hosts[i], &before[i]);
	demo_say("1. Two hosts, 10.0.0.1 and 10.0.0.2, on a ring pair; one thread polls both.");
	good = connect_all(d);
	if (good)
		demo_say("2. %u connections, messages of %d bytes there and back:", d->connections,
			 MESSAGE);
	good = good && messages_run(d, d->seconds * 0.6);
	if (good)
		demo_say("3. One connection, as much as it carries, one way:");
	good = good && bulk_run(d, d->seconds * 0.3);
	if (good)
		demo_say("4. san_close() with 64 receives and 64 sends pending:");
	good = good && farewell_run(d);
	if (good)
		demo_say("5. Everything is closed; what the hosts hold then:");
	return give_back(d, before) && good;
}

static void
say_next(void)
{
	demo_say("Next:  ./apps/demo --tap   the kernel's curl fetches a page from san-httpd");
	demo_say("       ./tests/run         everything that is checked");
	demo_say("       README.md           an echo server in 60 lines, and how to run san-echo");
}

static void
take_options(struct demo *d, int argc, char **argv)
{
	static const struct option list[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "connections", required_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	int id;

	d->seconds = 6;
	d->connections = 16;
	optind = 0;
	opterr = 0;
	while ((id = getopt_long(argc, argv, "", list, NULL)) != -1) {
		if (id == 's')
			d->seconds = (double)prog_number("--seconds", optarg, 1, 86400);
		else if (id == 'c')
			d->connections = (unsigned int)prog_number("--connections", optarg, 1,
								   CONNECTIONS_MAX);
		else
			prog_refuse("\"%s\" is not an option, or lacks its value.", argv[optind - 1]);
	}
	if (optind < argc)
		prog_refuse("\"%s\" is not an option.", argv[optind]);
}

int
main(int argc, char **argv)
{
	static struct demo demo;
	char **own;
	int nb_own = prog_split(&argc, argv, usage, &own);
	bool good;

	take_options(&demo, nb_own, own);
	good = argc > 1 ? prog_start(&demo.prog, argc, argv) : start_alone(&demo.prog, argv[0]);
	good = good && add_host(&demo, "0") && add_host(&demo, "1") && open_listener(&demo) &&
	       tell_story(&demo);
	prog_cleanup(&demo.prog);
	prog_end_cq(&demo.prog);
	if (good)
		say_next();
	return good ? 0 : 1;
}
