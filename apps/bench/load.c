/* SPDX-License-Identifier: BSD-3-Clause */
#include "load.h"

#include <stdlib.h>

#define PORTS 20000u		/* between those of the servers on one host */
#define LIMIT 512u		/* requests under way, as of rpc */
#define SPARE 64u		/* connections that are on their way out */
#define STREAM_SIZE 32768u	/* as of stream */
#define STREAM_BUFFER 131072u

static uint16_t
shift_of(const struct load *l)
{
	return (uint16_t)(l->options.part * PORTS);
}

static uint32_t
sockets_of(const struct load *l)
{
	return l->options.kind == LOAD_CONNECT ? CRR_SOCKETS : l->options.connections + SPARE;
}

static const uint64_t *
make_caller(struct load *l)
{
	l->caller = caller_make(&(struct caller_options){
		.connections = l->options.connections,
		.size = l->options.size,
		.limit = LIMIT,
		.shift = shift_of(l),
		.ports = server_ports_for(l->options.connections),
	});
	return l->caller != NULL ? caller_counts(l->caller) : NULL;
}

static const uint64_t *
make_flows(struct load *l)
{
	l->flows = flows_make(&(struct flows_options){
		.size = STREAM_SIZE,
		.under_way = 1,
		.send_buffer = STREAM_BUFFER,
		.shift = shift_of(l),
	});
	return l->flows != NULL ? flows_counts(l->flows) : NULL;
}

static const uint64_t *
make_crr(struct load *l)
{
	l->crr = crr_make(&(struct crr_options){
		.batch = l->options.connections,
		.size = l->options.size,
		.shift = shift_of(l),
	});
	return l->crr != NULL ? crr_counts(l->crr) : NULL;
}

static bool
make(struct load *l, struct bench *b, const struct load_options *o)
{
	static const uint64_t *(*const makes[LOAD_KINDS])(struct load *) = { make_caller, make_flows, make_crr };
	const uint64_t *counts;

	*l = (struct load){ .b = b, .options = *o, .world.b = b };
	counts = makes[o->kind](l);
	l->server = server_make(&(struct server_options){
		.connections = sockets_of(l),
		.buffer = 2048,
		.more = o->kind == LOAD_RPC ? server_ports_for(o->connections) : 0,
		.shift = shift_of(l),
		.repeat = server_repeats(b),
	});
	l->meter = counts != NULL && l->server != NULL ? bench_meter_make(&l->world, counts) : NULL;
	return l->meter != NULL;
}

static struct bench_program
client_of(struct load *l)
{
	return l->caller != NULL ? caller_program(l->caller) :
	       l->flows != NULL ? flows_program(l->flows) : crr_program(l->crr);
}

bool
load_open(struct load *l, struct bench *b, const struct load_options *o, unsigned int cores)
{
	struct bench_sizes sizes = {
		.mbufs = (uint32_t)bench_number(b, "mbufs"),
		.part = o->part,
		.cores = cores,
		.time_wait_ms = o->kind == LOAD_CONNECT ? CRR_TIME_WAIT_MS : 0,
	};
	struct bench_program client, server;

	if (!make(l, b, o))
		return false;
	sizes.connections = sockets_of(l);
	client = client_of(l);
	server = server_program(l->server);
	return bench_world_open_part(&l->world, b, &sizes, &client, &server);
}

bool
load_open_beside(struct load *l, const struct load *first, const struct load_options *o)
{
	struct bench_program client, server;

	if (!make(l, first->b, o))
		return false;
	client = client_of(l);
	server = server_program(l->server);
	return bench_world_open_beside(&l->world, &first->world, &client, &server);
}

void
load_free(struct load *l)
{
	free(l->meter);
	caller_free(l->caller);
	flows_free(l->flows);
	crr_free(l->crr);
	server_free(l->server);
}

bool
load_begin(struct load *l)
{
	const struct server_seen *seen = server_seen(l->server);

	if (l->flows != NULL)
		return flows_connect(l->flows, &l->world, seen, l->options.connections, 0);
	if (l->crr != NULL) {
		crr_begin(l->crr, &l->world, seen);
		/* the first one by itself: the peer's Ethernet address has to be asked for */
		for (enum crr_stage s = CRR_OPEN; s < CRR_STAGES; s++) {
			if (!crr_run_stage(l->crr, s, 1))
				return false;
		}
		return crr_run_stage(l->crr, CRR_FLOW, l->options.connections);
	}
	if (!caller_connect(&l->world, l->caller, l->options.connections, NULL))
		return false;
	caller_set(l->caller, CALLER_CLOSED_LOOP, 0, NULL);
	return true;
}

bool
load_end(struct load *l)
{
	if (l->flows != NULL)
		return flows_close(l->flows);
	if (l->crr != NULL)
		return crr_end_flow(l->crr) && crr_counts(l->crr)[CRR_FAILED] == 0;
	return caller_rest(&l->world, l->caller);
}

double
load_each(const struct load *l)
{
	return l->flows != NULL ? flows_mss(l->flows) : 1;
}
