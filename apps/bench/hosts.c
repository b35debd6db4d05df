/* SPDX-License-Identifier: BSD-3-Clause */
#include "hosts.h"

#include <rte_ethdev.h>

/* Frames that may be under way besides those that wait in connections. */
#define MBUFS_LEAST 16384u
#define LISTENERS 1024u
#define SPARE 1024u	/* sockets for listeners, and for those that are not retired yet */

const char *
bench_port_name(struct bench *b)
{
	static char name[RTE_ETH_NAME_MAX_LEN];
	unsigned int n = 0;

	if (bench_has(b, "device"))
		return bench_text(b, "device");
	for (uint16_t id = 0; id < RTE_MAX_ETHPORTS; id++) {
		if (rte_eth_dev_is_valid_port(id) && n++ == 0)
			rte_eth_dev_get_name_by_port(id, name);
	}
	if (n == 1)
		return name;
	prog_complain("there are %u ports; --device or --config says which one is meant.", n);
	return NULL;
}

static bool
set(struct san_conf *conf, const char *section, const char *key, const char *value)
{
	if (san_conf_set(conf, section, key, value) == 0)
		return true;
	prog_complain("%s", san_error());
	return false;
}

static bool
set_number(struct san_conf *conf, const char *section, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return set(conf, section, key, text);
}

static bool
set_sizes(struct san_conf *conf, const struct bench_sizes *s)
{
	uint32_t mbufs = s->mbufs != 0 ? s->mbufs : MBUFS_LEAST;
	uint32_t half_open = s->connections < 4096 ? 4096 : 65536;
	bool good = set_number(conf, "host", "mbufs", mbufs);

	good = good && set_number(conf, "host", "half_open", half_open);
	good = good && set_number(conf, "host", "listeners", s->listeners != 0 ? s->listeners : LISTENERS);
	if (s->cores > 1)
		good = good && set_number(conf, "host", "cores", s->cores);
	if (s->connections > 0)
		good = good && set_number(conf, "host", "sockets", (uint64_t)s->connections + SPARE);
	if (s->time_wait_ms != 0)
		good = good && set_number(conf, "host", "time_wait", s->time_wait_ms);
	return good;
}

/* A host on one port that is given by its device; NULL in place of a file. */
static bool
describe(struct san_conf *conf, const char *device, const char *address)
{
	return set(conf, "port p", "device", device) && set(conf, "interface i", "port", "p") &&
	       set(conf, "interface i", "address", address);
}

static bool
describe_one_end(struct bench *b, struct san_conf *conf)
{
	const char *device;

	if (bench_has(b, "config")) {
		if (san_conf_load(conf, bench_text(b, "config")) == 0)
			return true;
		prog_complain("%s", san_error());
		return false;
	}
	device = bench_port_name(b);
	return device != NULL && describe(conf, device, bench_text(b, "address"));
}

static bool
make(struct bench_side *side, struct san_conf *conf, const struct bench_sizes *sizes)
{
	bool good = set(conf, "host", "name", side->name) && set_sizes(conf, sizes);

	if (good && sizes->mtu != 0 && !bench_has(side->b, "config"))
		good = set_number(conf, "interface i", "mtu", sizes->mtu);
	if (good && san_host_create(conf, &side->host) != 0) {
		prog_complain("%s", san_error());
		good = false;
	}
	if (good)
		side->core = san_core_get(side->host, 0);
	return good;
}

static bool
make_over_ring(struct bench_side *side, const char *device, const char *address, const struct bench_sizes *sizes)
{
	struct san_conf *conf = san_conf_create();
	bool good = conf != NULL && describe(conf, device, address);

	if (good && sizes->offload != NULL)
		good = set(conf, "port p", "offload", sizes->offload);
	good = good && make(side, conf, sizes);
	san_conf_destroy(conf);
	return good;
}

static bool
make_one_end(struct bench_side *side, const struct bench_sizes *sizes)
{
	struct san_conf *conf = san_conf_create();
	bool good = conf != NULL && describe_one_end(side->b, conf) && make(side, conf, sizes);

	san_conf_destroy(conf);
	return good;
}

/* The EAL runs since main(), as the first user of the library; a world after the first starts it anew. */
static bool
start_library(struct bench *b)
{
	return b->prog.started || prog_start(&b->prog, 0, b->eal_argv);
}

bool
bench_make_hosts(struct bench_world *w, const struct bench_sizes *sizes)
{
	char device[2][32];

	if (!start_library(w->b))
		return false;
	if (w->one_end)
		return make_one_end(&w->client, sizes);
	for (unsigned int i = 0; i < 2; i++)
		snprintf(device[i], sizeof(device[i]), "ring:bench%u/%u", sizes->part, i);
	return make_over_ring(&w->client, device[0], "10.9.0.1/24", sizes) &&
	       make_over_ring(&w->server, device[1], "10.9.0.2/24", sizes);
}

bool
bench_make_server_host(struct bench_world *w, const struct bench_sizes *sizes)
{
	return start_library(w->b) && make_one_end(&w->server, sizes);
}

void
bench_end_hosts(struct bench_world *w)
{
	if (!w->b->prog.started)
		return;
	prog_cleanup(&w->b->prog);
	/* sockets whose close was not reaped would be missing from a world that follows */
	prog_drop_cq(w->client.cq);
	if (!w->two_threads)
		prog_drop_cq(w->server.cq);
}
