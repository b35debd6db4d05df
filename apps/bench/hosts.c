/* SPDX-License-Identifier: BSD-3-Clause */
#include "hosts.h"

#include <string.h>

#include <rte_ethdev.h>

#include "guard.h"

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

/* A port that is given by its device, and its interface. */
static bool
describe(struct san_conf *conf, unsigned int i, const char *device, const char *address, uint32_t mtu)
{
	char port[32], interface[32];

	snprintf(port, sizeof(port), "port p%u", i);
	snprintf(interface, sizeof(interface), "interface i%u", i);
	return set(conf, port, "device", device) && set(conf, interface, "port", port + strlen("port ")) &&
	       set(conf, interface, "address", address) && (mtu == 0 || set_number(conf, interface, "mtu", mtu));
}

static bool
describe_one_end(struct bench *b, struct san_conf *conf, uint32_t mtu)
{
	const char *device;

	if (bench_has(b, "config")) {
		if (san_conf_load(conf, bench_text(b, "config")) == 0)
			return true;
		prog_complain("%s", san_error());
		return false;
	}
	device = bench_port_name(b);
	return device != NULL && describe(conf, 0, device, bench_text(b, "address"), mtu);
}

static bool
make(struct bench_side *side, struct san_conf *conf, const struct bench_sizes *sizes)
{
	bool good = set(conf, "host", "name", side->name) && set_sizes(conf, sizes);

	if (good && san_host_create(conf, &side->host) != 0) {
		prog_complain("%s", san_error());
		good = false;
	}
	if (good)
		side->core = san_core_get(side->host, 0);
	return good;
}

/* One end of a ring pair: the client's is 0. */
static bool
describe_ring(struct san_conf *conf, unsigned int i, unsigned int end, const struct bench_sizes *sizes)
{
	char device[32], address[32], port[32];

	snprintf(device, sizeof(device), "ring:bench%u/%u", sizes->part * BENCH_ADDRESSES_MAX + i, end);
	snprintf(address, sizeof(address), "10.9.%u.%u/24", i, end + 1);
	snprintf(port, sizeof(port), "port p%u", i);
	return describe(conf, i, device, address, sizes->mtu) &&
	       (sizes->offload == NULL || set(conf, port, "offload", sizes->offload));
}

static bool
make_over_rings(struct bench_side *side, unsigned int end, const struct bench_sizes *sizes)
{
	struct san_conf *conf = san_conf_create();
	bool good = conf != NULL;

	for (unsigned int i = 0; i < (sizes->addresses != 0 ? sizes->addresses : 1) && good; i++)
		good = describe_ring(conf, i, end, sizes);
	good = good && make(side, conf, sizes);
	san_conf_destroy(conf);
	return good;
}

static bool
make_one_end(struct bench_side *side, const struct bench_sizes *sizes)
{
	struct san_conf *conf = san_conf_create();
	bool good = conf != NULL && describe_one_end(side->b, conf, sizes->mtu) && make(side, conf, sizes);

	san_conf_destroy(conf);
	return good;
}

/* The EAL runs since main(), as the first user of the library; a world after the first starts it anew. */
static bool
start_library(struct bench *b)
{
	return b->prog.started || prog_start(&b->prog, 0, b->eal_argv);
}

/* Those of both ends where one thread has both. */
static unsigned int
ports_of_round(const struct bench_world *w, const struct bench_sizes *sizes)
{
	unsigned int ports = sizes->addresses != 0 ? sizes->addresses : 1;

	return w->two_threads || w->one_end ? ports : 2 * ports;
}

bool
bench_make_hosts(struct bench_world *w, const struct bench_sizes *sizes)
{
	if (!start_library(w->b))
		return false;
	bench_guard_expect(ports_of_round(w, sizes));
	if (w->one_end)
		return make_one_end(&w->client, sizes);
	return make_over_rings(&w->client, 0, sizes) && make_over_rings(&w->server, 1, sizes);
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
