/* SPDX-License-Identifier: BSD-3-Clause */
#include "pair.h"

#include <stdlib.h>

#define SPARE 64u	/* connections that are on their way out */

static bool
make_programs(struct pair *p, uint32_t connections, uint32_t size, uint32_t limit, bool both)
{
	uint32_t ports = server_ports_for(connections);
	const struct server_options server = {
		.connections = connections + SPARE,
		.buffer = 2048,
		.more = ports,
		.repeat = server_repeats(p->b),
	};
	const struct caller_options caller = {
		.connections = connections,
		.size = size,
		.limit = limit,
		.ports = ports,
	};

	p->caller = caller_make(&caller);
	if (both)
		p->server = server_make(&server);
	if (p->caller == NULL || (both && p->server == NULL))
		return false;
	p->meter = bench_meter_make(&p->world, caller_counts(p->caller));
	return p->meter != NULL;
}

static struct bench_sizes
sizes_for(const struct bench *b, uint32_t connections, unsigned int part)
{
	return (struct bench_sizes){
		.connections = connections,
		.mbufs = (uint32_t)bench_number(b, "mbufs"),
		.part = part,
	};
}

bool
pair_open(struct pair *p, struct bench *b, uint32_t connections, uint32_t size, uint32_t limit)
{
	const struct bench_sizes sizes = sizes_for(b, connections, 0);
	struct bench_program client, server = { .step = NULL };

	*p = (struct pair){ .b = b, .world.b = b };
	if (!make_programs(p, connections, size, limit, !bench_has(b, "peer")))
		return false;
	client = caller_program(p->caller);
	if (p->server != NULL)
		server = server_program(p->server);
	return bench_world_open(&p->world, b, &sizes, &client, &server);
}

bool
pair_open_part(struct pair *p, struct bench *b, uint32_t connections, uint32_t size, uint32_t limit, unsigned int part)
{
	const struct bench_sizes sizes = sizes_for(b, connections, part);
	struct bench_program client, server;

	*p = (struct pair){ .b = b, .world.b = b };
	if (!make_programs(p, connections, size, limit, true))
		return false;
	client = caller_program(p->caller);
	server = server_program(p->server);
	return bench_world_open_part(&p->world, b, &sizes, &client, &server);
}

void
pair_close(struct pair *p)
{
	bench_world_close(&p->world);
	pair_free(p);
}

void
pair_free(struct pair *p)
{
	free(p->meter);
	caller_free(p->caller);
	server_free(p->server);
}

uint32_t
pair_most(const struct bench *b, const char *option)
{
	uint64_t list[BENCH_LIST_MAX], most = 0;
	unsigned int n = bench_list(b, option, list);

	for (unsigned int i = 0; i < n; i++)
		most = list[i] > most ? list[i] : most;
	return (uint32_t)most;
}
