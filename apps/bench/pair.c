/* SPDX-License-Identifier: BSD-3-Clause */
#include "pair.h"

#include <stdlib.h>

#define SPARE 64u	/* connections that are on their way out */

static bool
make_programs(struct pair *p, const struct caller_options *caller, bool both)
{
	const struct server_options server = {
		.connections = caller->connections + SPARE,
		.buffer = 2048,
		.more = caller->ports,
		.repeat = server_repeats(p->b),
	};

	p->caller = caller_make(caller);
	if (both)
		p->server = server_make(&server);
	if (p->caller == NULL || (both && p->server == NULL))
		return false;
	p->meter = bench_meter_make(&p->world, caller_counts(p->caller));
	return p->meter != NULL;
}

static struct caller_options
with_ports(const struct caller_options *o)
{
	uint32_t nb = o->addresses > 0 ? o->addresses : 1;
	struct caller_options all = *o;

	all.ports = server_ports_for((o->connections + nb - 1) / nb);
	return all;
}

bool
pair_open(struct pair *p, struct bench *b, const struct caller_options *o)
{
	const struct bench_sizes sizes = {
		.connections = o->connections,
		.mbufs = (uint32_t)bench_number(b, "mbufs"),
		.addresses = o->addresses,
	};
	const struct caller_options caller = with_ports(o);
	struct bench_program client, server = { .step = NULL };

	*p = (struct pair){ .b = b, .world.b = b, .addresses = o->addresses };
	if (!make_programs(p, &caller, !bench_has(b, "peer")))
		return false;
	client = caller_program(p->caller);
	if (p->server != NULL)
		server = server_program(p->server);
	return bench_world_open(&p->world, b, &sizes, &client, &server);
}

void
pair_close(struct pair *p)
{
	bench_world_close(&p->world);
	free(p->meter);
	caller_free(p->caller);
	server_free(p->server);
}

/* Connections were opened, or closed: the meter's figure `count`. */
static void
report_change(struct pair *p, uint32_t connections, const char *what, unsigned int count, uint64_t took_us)
{
	char name[BENCH_TEXT], from[PAIR_FROM];

	snprintf(name, sizeof(name), "%s, %u connections%s, %s%s", p->b->command->name, connections,
		 pair_from(p, from), what, p->world.off_core ? ", off-core" : "");
	bench_put_change(p->meter, name, count, took_us);
}

bool
pair_connect(struct pair *p, uint32_t connections)
{
	uint64_t before = caller_counts(p->caller)[CALLER_OPENED], begun;

	if (connections < before + PAIR_MANY)
		return caller_connect(&p->world, p->caller, connections, NULL);
	bench_world_look(&p->world);
	begun = prog_now_us();
	if (!caller_connect(&p->world, p->caller, connections, p->meter))
		return false;
	report_change(p, connections, "opening", CALLER_OPENED, prog_now_us() - begun);
	return true;
}

bool
pair_disconnect(struct pair *p)
{
	uint32_t open = (uint32_t)caller_counts(p->caller)[CALLER_OPENED];
	uint64_t begun;

	if (open < PAIR_MANY)
		return caller_disconnect(&p->world, p->caller, NULL);
	bench_world_look(&p->world);
	begun = prog_now_us();
	if (!caller_disconnect(&p->world, p->caller, p->meter))
		return false;
	report_change(p, open, "closing", CALLER_CLOSED, prog_now_us() - begun);
	return true;
}

const char *
pair_from(const struct pair *p, char text[PAIR_FROM])
{
	text[0] = '\0';
	if (p->addresses > 0)
		snprintf(text, PAIR_FROM, ", %u addresses", p->addresses);
	return text;
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
