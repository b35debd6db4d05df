/* SPDX-License-Identifier: BSD-3-Clause */
#include "crr.h"

#include <stdlib.h>

#define BATCH 64u
#define LIMIT_S 10.0

struct conn {
	struct san_overlapped op, send;
	san_handle sock;
};

struct crr {
	struct crr_options options;
	struct bench_world *world;
	const struct server_seen *seen;	/* by the server, if it is in this process */
	enum crr_stage stage;
	uint32_t batch;			/* of this stage */
	struct conn *conns;
	unsigned char *bytes;
	uint32_t stage_done;
	bool all_done, ending;
	uint64_t count[BENCH_COUNTS];
};

static void
fail(struct crr *c, struct conn *k)
{
	c->count[CRR_FAILED]++;
	san_close(k->sock, (uintptr_t)k);
}

static void
open_one(struct crr *c, struct conn *k)
{
	struct san_addr peer = bench_world_peer(c->world, (uint16_t)(SERVER_ECHO + c->options.shift));

	if (san_socket(c->world->client.core, c->world->client.cq, &k->sock) != 0)
		c->count[CRR_FAILED]++;
	else if (san_connect(k->sock, &k->op, &peer, 0) < 0)
		fail(c, k);
}

static void
use_one(struct crr *c, struct conn *k)
{
	if (san_recv(k->sock, &k->op, c->bytes + c->options.size, c->options.size, SAN_WAITALL) != 0 ||
	    san_send(k->sock, &k->send, c->bytes, c->options.size, 0) < 0)
		fail(c, k);
}

static void
close_one(struct crr *c, struct conn *k)
{
	if (san_disconnect(k->sock, &k->op, 0) < 0)
		fail(c, k);
}

static void
begin(struct crr *c, struct conn *k, enum crr_stage stage)
{
	static void (*const begins[CRR_STAGES])(struct crr *, struct conn *) = { open_one, use_one, close_one };

	begins[stage](c, k);
}

/* One connection has done with a stage: in the flow the next one follows at once. */
static void
end_stage(struct crr *c, struct conn *k, enum crr_stage stage)
{
	if (c->stage == CRR_FLOW && !(stage == CRR_CLOSE && c->ending))
		begin(c, k, (stage + 1) % CRR_STAGES);
	else
		c->all_done = ++c->stage_done == c->batch;
}

static unsigned int
step(struct bench_side *side, void *arg)
{
	struct crr *c = arg;
	struct san_completion comp[BATCH];
	int nb = san_cq_poll(side->cq, comp, BATCH);

	for (int i = 0; i < nb; i++) {
		struct conn *k = (struct conn *)(uintptr_t)comp[i].user;

		if (comp[i].kind == SAN_OP_SEND)
			continue;
		if (comp[i].kind == SAN_OP_CLOSE) {
			c->count[CRR_CLOSED]++;
			end_stage(c, k, CRR_CLOSE);
		} else if (comp[i].result < 0) {
			fail(c, k);
		} else if (comp[i].kind == SAN_OP_CONNECT) {
			end_stage(c, k, CRR_OPEN);
		} else if (comp[i].kind == SAN_OP_RECV) {
			end_stage(c, k, CRR_USE);
		} else {
			san_close(k->sock, (uintptr_t)k);
		}
	}
	return nb > 0 ? (unsigned int)nb : 0;
}

/* The server has its part of a stage when it has accepted, or closed, as many as this end. @return false: not. */
static bool
wait_for_server(struct crr *c, enum crr_stage stage)
{
	uint64_t want = c->count[CRR_CLOSED] + (stage == CRR_OPEN ? c->batch : 0);

	if (c->seen == NULL || stage == CRR_USE)
		return true;
	return bench_world_until_count(c->world, stage == CRR_OPEN ? &c->seen->accepted : &c->seen->closed, want,
				       LIMIT_S);
}

void
crr_begin(struct crr *c, struct bench_world *w, const struct server_seen *seen)
{
	c->world = w;
	c->seen = w->one_end ? NULL : seen;
}

bool
crr_run_stage(struct crr *c, enum crr_stage stage, uint32_t connections)
{
	c->stage = stage;
	c->batch = connections;
	c->stage_done = 0;
	c->all_done = false;
	for (uint32_t i = 0; i < connections; i++)
		begin(c, &c->conns[i], stage == CRR_FLOW ? CRR_OPEN : stage);
	return stage == CRR_FLOW || (bench_world_until(c->world, &c->all_done, LIMIT_S) && wait_for_server(c, stage));
}

bool
crr_end_flow(struct crr *c)
{
	c->ending = true;
	return bench_world_until(c->world, &c->all_done, LIMIT_S);
}

const uint64_t *
crr_counts(const struct crr *c)
{
	return c->count;
}

struct bench_program
crr_program(struct crr *c)
{
	return (struct bench_program){ .step = step, .arg = c, .cq_depth = 65536 };
}

struct crr *
crr_make(const struct crr_options *options)
{
	struct crr *c = bench_alloc(sizeof(*c));

	if (c == NULL)
		return NULL;
	c->options = *options;
	c->conns = bench_alloc(options->batch * sizeof(*c->conns));
	c->bytes = bench_alloc(2 * (size_t)options->size);
	if (c->conns == NULL || c->bytes == NULL) {
		crr_free(c);
		return NULL;
	}
	for (uint32_t i = 0; i < options->batch; i++)
		c->conns[i].op.user = c->conns[i].send.user = (uintptr_t)&c->conns[i];
	return c;
}

void
crr_free(struct crr *c)
{
	if (c == NULL)
		return;
	free(c->conns);
	free(c->bytes);
	free(c);
}
