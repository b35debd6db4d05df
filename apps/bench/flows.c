/* SPDX-License-Identifier: BSD-3-Clause */
#include "flows.h"

#include <stdlib.h>
#include <string.h>

#define BATCH 64u
#define AHEAD 16u	/* sends of one step, of a connection */
#define PIECES 4u
#define LIMIT_S 20.0
#define SOURCE_SIZE (2u << 20)

struct flow {
	san_handle sock;
	struct san_overlapped op;	/* connect, then receive */
	bool out, open, over;
	bool waiting;			/* a copied send for room */
	struct san_overlapped ops[FLOWS_SENDS], *spare[FLOWS_SENDS];
	uint32_t nb_spare;
	struct san_pieces pieces;
	struct san_loan loans[SAN_LOAN_MAX];
};

struct flows {
	struct flows_options options;
	struct bench_world *world;
	const struct server_seen *seen;	/* by the server, if it is in this process */
	struct flow flow[FLOWS_MAX];
	unsigned int nb;
	bool running, all_open, all_over;
	uint64_t opened;
	uint32_t mss;
	san_mem mem;
	unsigned char *source, *sink;
	uint64_t count[BENCH_COUNTS];
};

static void
add(struct flows *s, enum flows_count which, int32_t bytes)
{
	s->count[FLOWS_BYTES] += (uint32_t)bytes;
	s->count[which] += (uint32_t)bytes;
}

/* Sending */

/* 1: over, the bytes are the connection's; 0: a completion follows. */
static int
send_one(struct flows *s, struct flow *f)
{
	struct san_overlapped *op = f->spare[f->nb_spare - 1];
	const struct san_mem_vec vec = { s->source, s->options.size, s->mem };
	int rc = s->options.lent ? san_send_mem(f->sock, op, &vec, 1, 0) :
				   san_send(f->sock, op, s->source, s->options.size, 0);

	if (rc == 0)
		f->nb_spare--;
	else if (rc == 1)
		add(s, FLOWS_OUT, (int32_t)s->options.size);
	else
		s->count[FLOWS_BROKEN]++;
	f->waiting = rc == 0 && !s->options.lent;
	f->over |= rc < 0;
	return rc;
}

static unsigned int
feed(struct flows *s, struct flow *f)
{
	uint32_t most = s->options.lent ? s->options.under_way : FLOWS_SENDS;
	unsigned int n = 0;

	while (n < AHEAD && !f->waiting && !f->over && f->nb_spare > FLOWS_SENDS - most) {
		send_one(s, f);
		n++;
	}
	return n;
}

/* Receiving */

static void
receive(struct flows *s, struct flow *f)
{
	int rc = s->options.lent ? san_recv_loan(f->sock, &f->op, f->loans, SAN_LOAN_MAX, 0) :
				   san_recv_repeat(f->sock, &f->op, &f->pieces, 0);

	s->count[FLOWS_BROKEN] += rc != 0;
	f->over |= rc != 0;
}

static void
on_received(struct flows *s, struct flow *f, const struct san_completion *comp)
{
	add(s, FLOWS_IN, comp->result);
	if (!s->options.lent) {
		san_give_back(&f->pieces, 1);
		return;
	}
	san_loan_return(f->loans, SAN_LOAN_MAX);
	if (s->running)
		receive(s, f);
}

/* Connections */

static void
on_connect(struct flows *s, struct flow *f, int result)
{
	struct san_tcp_info info = { .size = sizeof(info) };

	f->open = result == 0;
	s->opened += f->open;
	s->count[FLOWS_BROKEN] += result < 0;
	f->over |= result < 0;
	if (result == 0 && san_tcp_info(f->sock, &info) == 0)
		s->mss = info.snd_mss;
	if (result == 0 && !f->out)
		receive(s, f);
	s->all_open = true;
	for (unsigned int i = 0; i < s->nb; i++)
		s->all_open &= s->flow[i].open || s->flow[i].over;
}

static void
on_close(struct flows *s, struct flow *f)
{
	f->over = true;
	f->open = false;
	s->all_over = true;
	for (unsigned int i = 0; i < s->nb; i++)
		s->all_over &= !s->flow[i].open;
}

static void
take(struct flows *s, const struct san_completion *comp)
{
	struct flow *f = &s->flow[comp->user];

	if (comp->kind == SAN_OP_SEND) {
		f->spare[f->nb_spare++] = comp->op;
		f->waiting = false;
		if (comp->result > 0)
			add(s, FLOWS_OUT, comp->result);
	} else if (comp->kind == SAN_OP_RECV && comp->result > 0) {
		on_received(s, f, comp);
	} else if (comp->kind == SAN_OP_CONNECT) {
		on_connect(s, f, comp->result);
	} else if (comp->kind == SAN_OP_CLOSE) {
		on_close(s, f);
	} else if (s->running) {
		s->count[FLOWS_BROKEN]++;
		f->over = true;
	}
}

static unsigned int
step(struct bench_side *side, void *arg)
{
	struct flows *s = arg;
	struct san_completion comp[BATCH];
	int nb = san_cq_poll(side->cq, comp, BATCH);
	unsigned int n = nb > 0 ? (unsigned int)nb : 0;

	for (unsigned int i = 0; i < n; i++)
		take(s, &comp[i]);
	for (unsigned int i = 0; i < s->nb && s->running; i++) {
		if (s->flow[i].out && s->flow[i].open)
			n += feed(s, &s->flow[i]);
	}
	return n;
}

static bool
open_side(struct bench_side *side, void *arg)
{
	struct flows *s = arg;

	(void)side;
	/* 1, copy-only, shows in the notes */
	if (san_mem_register(s->source, s->options.size, SAN_MEM_READ, &s->mem) >= 0)
		return true;
	prog_complain("memory cannot be registered.");
	return false;
}

/* Control */

static void
set_flow(struct flows *s, unsigned int i, bool out)
{
	struct flow *f = &s->flow[i];

	memset(f, 0, sizeof(*f));
	f->out = out;
	f->op.user = i;
	for (; f->nb_spare < FLOWS_SENDS; f->nb_spare++) {
		f->ops[f->nb_spare].user = i;
		f->spare[f->nb_spare] = &f->ops[f->nb_spare];
	}
	f->pieces = (struct san_pieces){
		.mem = s->sink + (size_t)i * PIECES * s->options.size,
		.size = s->options.size,
		.nb = PIECES,
	};
}

static bool
begin_flow(struct flows *s, struct flow *f)
{
	uint16_t port = f->out ? SERVER_DISCARD : SERVER_CHARGEN;
	struct san_addr peer = bench_world_peer(s->world, (uint16_t)(port + s->options.shift));
	const struct bench_side *side = &s->world->client;

	return san_socket(side->core, side->cq, &f->sock) == 0 &&
	       (s->options.lent || san_set_option(f->sock, SAN_OPT_SNDBUF, s->options.send_buffer) == 0) &&
	       san_connect(f->sock, &f->op, &peer, 0) == 0;
}

bool
flows_connect(struct flows *s, struct bench_world *w, const struct server_seen *seen, unsigned int out,
	      unsigned int in)
{
	s->world = w;
	s->seen = seen;
	s->all_open = false;
	s->running = true;
	s->nb = out + in;
	for (unsigned int i = 0; i < s->nb; i++)
		set_flow(s, i, i < out);
	for (unsigned int i = 0; i < s->nb; i++) {
		if (!begin_flow(s, &s->flow[i]))
			return false;
	}
	return bench_world_until(s->world, &s->all_open, LIMIT_S) && s->count[FLOWS_BROKEN] == 0;
}

/* It has given back what was lent to it: a world cannot end before. */
static bool
wait_for_server(struct flows *s)
{
	return s->seen == NULL || bench_world_until_count(s->world, &s->seen->closed, s->opened, LIMIT_S);
}

bool
flows_close(struct flows *s)
{
	bool any = false;

	s->running = false;
	s->all_over = false;
	for (unsigned int i = 0; i < s->nb; i++) {
		if (s->flow[i].open)
			any |= san_close(s->flow[i].sock, i) == 0;
	}
	return (!any || bench_world_until(s->world, &s->all_over, LIMIT_S)) && wait_for_server(s);
}

uint32_t
flows_mss(const struct flows *s)
{
	return s->mss;
}

const uint64_t *
flows_counts(const struct flows *s)
{
	return s->count;
}

struct bench_program
flows_program(struct flows *s)
{
	return (struct bench_program){ .open = open_side, .step = step, .arg = s, .cq_depth = 2048 };
}

struct flows *
flows_make(const struct flows_options *options)
{
	struct flows *s = bench_alloc(sizeof(*s));

	if (s == NULL)
		return NULL;
	s->options = *options;
	s->source = aligned_alloc(SOURCE_SIZE, SOURCE_SIZE);
	s->sink = bench_alloc((size_t)FLOWS_MAX * PIECES * options->size);
	if (s->source == NULL || s->sink == NULL) {
		prog_complain("no memory for streams.");
		flows_free(s);
		return NULL;
	}
	memset(s->source, 's', SOURCE_SIZE);
	return s;
}

void
flows_free(struct flows *s)
{
	if (s == NULL)
		return;
	free(s->source);
	free(s->sink);
	free(s);
}
