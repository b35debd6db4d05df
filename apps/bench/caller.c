/* SPDX-License-Identifier: BSD-3-Clause */
#include "caller.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "server.h"

#define BATCH 64u
#define OPENING 128u		/* handshakes at once, and ends */
#define OPEN_LIMIT_S 60.0
#define REST_LIMIT_S 10.0
#define COME_AT_ONCE 256u	/* requests that one step lets come */

struct conn {
	struct san_overlapped recv;	/* the connect before, the disconnect after */
	san_handle sock;
	uint64_t begun;			/* of the request: sent, or come [TSC] */
	bool failed;
} __attribute__((aligned(64)));

struct caller {
	struct caller_options options;
	struct bench_world *world;
	struct bench_meter *meter;
	enum caller_mode mode;
	uint64_t count[BENCH_COUNTS];
	struct conn *conns;
	uint32_t nb_conns;		/* begun to be opened */
	uint32_t want;
	bool all_open, all_back, all_closed;
	uint32_t under_way;
	uint32_t nb_ends;		/* connections whose end has begun */
	bool closing;
	/* connections that may send, oldest first but for those that were drawn before their turn */
	uint32_t *ready, ready_mask;
	uint32_t head, tail;
	/* operations for sends: a stack */
	struct san_overlapped *ops, **spare;
	uint32_t nb_spare;
	unsigned char *request, *answer;
	/* open loop */
	uint64_t next_tsc;
	double gap_tsc;			/* mean between requests */
	uint64_t behind;
	uint64_t seed;
	uint64_t *come, come_mask, come_head, come_tail;	/* when those came that wait */
};

static struct san_overlapped *
take_op(struct caller *c)
{
	return c->nb_spare > 0 ? c->spare[--c->nb_spare] : NULL;
}

static void
lose(struct caller *c, struct conn *k)
{
	if (k->failed)
		return;
	k->failed = true;
	c->count[CALLER_BROKEN]++;
	san_close(k->sock, (uintptr_t)k);
}

static void
send_request(struct caller *c, struct conn *k, uint64_t begun)
{
	struct san_overlapped *op = take_op(c);
	int rc = san_recv(k->sock, &k->recv, c->answer, c->options.size, SAN_WAITALL);

	k->begun = begun;
	if (rc == 0) {
		/* until the receive ends, whatever becomes of the send */
		c->under_way++;
		rc = san_send(k->sock, op, c->request, c->options.size, 0);
	}
	if (rc != 0 && op != NULL)
		c->spare[c->nb_spare++] = op;
	if (rc < 0)
		lose(c, k);
}

/* xorshift64* (Vigna, 2016). */
static uint64_t
draw_bits(struct caller *c)
{
	c->seed ^= c->seed >> 12;
	c->seed ^= c->seed << 25;
	c->seed ^= c->seed >> 27;
	return c->seed * 0x2545f4914f6cdd1du;
}

/* Uniform between 0 and 1, neither of them. */
static double
draw(struct caller *c)
{
	return ((double)(draw_bits(c) >> 11) + 0.5) * 0x1p-53;
}

/* The next one, or one of all that wait: then the one at the head has the place of that. */
static struct conn *
take_ready(struct caller *c)
{
	uint32_t at = c->head++, taken = c->ready[at & c->ready_mask];

	if (c->options.random) {
		uint32_t nb = c->tail - at;
		uint32_t *drawn = &c->ready[(at + (uint32_t)((draw_bits(c) >> 32) * nb >> 32)) & c->ready_mask];
		uint32_t first = taken;

		taken = *drawn;
		*drawn = first;
	}
	return &c->conns[taken];
}

static void
put_ready(struct caller *c, struct conn *k)
{
	c->ready[c->tail++ & c->ready_mask] = (uint32_t)(k - c->conns);
}

/* What has come by now; beyond what there is room for, those are only counted as behind. */
static void
let_come(struct caller *c, uint64_t now)
{
	for (unsigned int i = 0; i < COME_AT_ONCE && c->next_tsc <= now; i++) {
		if (c->come_tail - c->come_head <= c->come_mask)
			c->come[c->come_tail++ & c->come_mask] = c->next_tsc;
		else
			c->behind++;
		c->next_tsc += (uint64_t)(-log(draw(c)) * c->gap_tsc);
	}
}

static unsigned int
send_what_may(struct caller *c)
{
	unsigned int n = 0;
	uint64_t now = rte_rdtsc();

	if (c->mode == CALLER_OPEN_LOOP)
		let_come(c, now);
	while (c->head != c->tail && c->under_way < c->options.limit && n < BATCH) {
		if (c->mode == CALLER_CLOSED_LOOP)
			send_request(c, take_ready(c), n == 0 ? now : rte_rdtsc());
		else if (c->mode == CALLER_OPEN_LOOP && c->come_head != c->come_tail)
			send_request(c, take_ready(c), c->come[c->come_head++ & c->come_mask]);
		else
			break;
		n++;
	}
	return n;
}

/* Opening */

/* In turn over addresses, then over ports. */
static bool
open_one(struct caller *c)
{
	struct conn *k = &c->conns[c->nb_conns];
	uint32_t nb = c->options.addresses > 0 ? c->options.addresses : 1;
	uint16_t port = server_port(c->nb_conns / nb, c->options.ports);
	struct san_addr own;
	struct san_addr peer = bench_world_route(c->world, c->nb_conns % nb, (uint16_t)(port + c->options.shift), &own);
	int rc = san_socket(c->world->client.core, c->world->client.cq, &k->sock);

	k->recv.user = (uintptr_t)k;
	if (rc == 0 && c->options.addresses > 0)
		rc = san_bind(k->sock, &own);
	if (rc == 0)
		rc = san_connect(k->sock, &k->recv, &peer, 0);
	if (rc < 0) {
		prog_complain("client: connection %u: %s.", c->nb_conns, strerror(-rc));
		c->want = c->nb_conns;
		return false;
	}
	c->nb_conns++;
	return true;
}

static unsigned int
open_more(struct caller *c)
{
	unsigned int n = 0;
	/* the first one by itself: a peer's Ethernet address has to be asked for, and few packets wait for that */
	uint32_t first = c->options.addresses > 0 ? c->options.addresses : 1;
	uint32_t most = c->count[CALLER_OPENED] < first ? 1 : OPENING;

	while (c->nb_conns < c->want && n < 16 &&
	       c->nb_conns - c->count[CALLER_OPENED] - c->count[CALLER_BROKEN] < most && open_one(c))
		n++;
	return n;
}

/* Closing */

static unsigned int
close_more(struct caller *c)
{
	unsigned int n = 0;

	while (c->nb_ends < c->nb_conns && n < 16 && c->nb_ends - c->count[CALLER_CLOSED] < OPENING) {
		struct conn *k = &c->conns[c->nb_ends++];

		/* what is broken is closed already */
		if (!k->failed && san_disconnect(k->sock, &k->recv, 0) < 0)
			lose(c, k);
		n++;
	}
	return n;
}

/* Reaping */

static void
on_connect(struct caller *c, struct conn *k, int result)
{
	if (result < 0) {
		lose(c, k);
	} else {
		c->count[CALLER_OPENED]++;
		put_ready(c, k);
	}
	c->all_open = c->count[CALLER_OPENED] + c->count[CALLER_BROKEN] >= c->want;
}

static inline void
on_answer(struct caller *c, struct conn *k, const struct san_completion *comp, uint64_t now)
{
	c->under_way--;
	if (comp->result != (int32_t)c->options.size) {
		lose(c, k);
		return;
	}
	c->count[CALLER_REQUESTS]++;
	if (c->meter != NULL)
		bench_meter_note(c->meter, now - k->begun);
	put_ready(c, k);
}

/* The disconnect is over, then the close. */
static void
on_end(struct caller *c, struct conn *k, const struct san_completion *comp)
{
	if (comp->kind == SAN_OP_CLOSE) {
		c->count[CALLER_CLOSED]++;
		c->all_closed = c->count[CALLER_CLOSED] == c->nb_conns;
	} else if (comp->result < 0) {
		lose(c, k);
	} else {
		san_close(k->sock, (uintptr_t)k);
	}
}

static unsigned int
step(struct bench_side *side, void *arg)
{
	struct caller *c = arg;
	struct san_completion comp[BATCH];
	int nb = san_cq_poll(side->cq, comp, BATCH);
	uint64_t now = nb > 0 ? rte_rdtsc() : 0;
	unsigned int n = nb > 0 ? (unsigned int)nb : 0;

	for (unsigned int i = 0; i < n; i++) {
		struct conn *k = (struct conn *)(uintptr_t)comp[i].user;

		if (comp[i].kind == SAN_OP_RECV)
			on_answer(c, k, &comp[i], now);
		else if (comp[i].kind == SAN_OP_SEND)
			c->spare[c->nb_spare++] = comp[i].op;
		else if (comp[i].kind == SAN_OP_CONNECT)
			on_connect(c, k, comp[i].result);
		else
			on_end(c, k, &comp[i]);
	}
	if (c->nb_conns < c->want)
		n += open_more(c);
	if (c->mode != CALLER_REST)
		n += send_what_may(c);
	if (c->closing)
		n += close_more(c);
	c->all_back = c->under_way == 0;
	return n;
}

/* Control */

/* Rounds until *what is true, measured when there is something to measure with. */
static bool
go_on(struct bench_world *w, struct bench_meter *meter, const bool *what, double limit_s)
{
	return meter != NULL ? bench_meter_until(meter, what, limit_s) : bench_world_until(w, what, limit_s);
}

static bool
open_all(struct bench_world *w, struct caller *c, uint32_t connections, struct bench_meter *meter)
{
	c->world = w;
	c->want = connections;
	c->all_open = c->count[CALLER_OPENED] >= connections;
	if (go_on(w, meter, &c->all_open, OPEN_LIMIT_S + connections / 10000.0) &&
	    c->count[CALLER_OPENED] >= connections)
		return true;
	if (!prog_stop)
		prog_complain("of %u connections %llu were opened.", connections,
			      (unsigned long long)c->count[CALLER_OPENED]);
	return false;
}

bool
caller_connect(struct bench_world *w, struct caller *c, uint32_t connections, struct bench_meter *meter)
{
	uint64_t begun = prog_now_us();

	if (!open_all(w, c, connections, meter))
		return false;
	bench_progress("%u connections open, %.3f s", connections, (double)(prog_now_us() - begun) / 1e6);
	return true;
}

bool
caller_open(struct bench_world *w, struct caller *c, uint32_t connections)
{
	return open_all(w, c, connections, NULL);
}

bool
caller_disconnect(struct bench_world *w, struct caller *c, struct bench_meter *meter)
{
	c->closing = true;
	c->all_closed = c->count[CALLER_CLOSED] == c->nb_conns;
	if (go_on(w, meter, &c->all_closed, OPEN_LIMIT_S + c->nb_conns / 10000.0))
		return true;
	if (!prog_stop)
		prog_complain("of %u connections %llu were closed.", c->nb_conns,
			      (unsigned long long)c->count[CALLER_CLOSED]);
	return false;
}

void
caller_set(struct caller *c, enum caller_mode mode, double rate, struct bench_meter *meter)
{
	c->mode = mode;
	c->meter = meter;
	c->next_tsc = rte_rdtsc();
	c->gap_tsc = rate > 0 ? (double)rte_get_tsc_hz() / rate : 0;
	c->behind = 0;
	c->come_head = c->come_tail = 0;
}

void
caller_set_size(struct caller *c, uint32_t size)
{
	c->options.size = size;
}

void
caller_choose(struct caller *c, const bool *which, uint32_t nb)
{
	c->head = c->tail = 0;
	for (uint32_t i = 0; i < nb && i < c->nb_conns; i++) {
		if (which[i] && !c->conns[i].failed)
			put_ready(c, &c->conns[i]);
	}
}

bool
caller_rest(struct bench_world *w, struct caller *c)
{
	caller_set(c, CALLER_REST, 0, NULL);
	c->all_back = c->under_way == 0;
	if (!bench_world_until(w, &c->all_back, REST_LIMIT_S)) {
		if (!prog_stop)
			prog_complain("answers do not come.");
		return false;
	}
	if (c->count[CALLER_BROKEN] > 0)
		prog_complain("of %u connections %llu were broken off.", c->nb_conns,
			      (unsigned long long)c->count[CALLER_BROKEN]);
	return c->count[CALLER_BROKEN] == 0;
}

uint64_t
caller_behind(const struct caller *c)
{
	return c->behind + (c->come_tail - c->come_head);
}

const uint64_t *
caller_counts(const struct caller *c)
{
	return c->count;
}

struct bench_program
caller_program(struct caller *c)
{
	uint64_t depth = 2 * (uint64_t)c->options.connections + 64;

	return (struct bench_program){
		.step = step,
		.arg = c,
		.cq_depth = depth < SAN_CQ_MAX ? (unsigned int)depth : SAN_CQ_MAX,
	};
}

static bool
take_memory(struct caller *c)
{
	uint32_t n = c->options.connections, ops = c->options.limit * 2 + 16;

	for (c->ready_mask = 1; c->ready_mask <= n; c->ready_mask *= 2)
		continue;
	c->conns = prog_alloc(n * sizeof(*c->conns));
	c->ready = calloc(c->ready_mask--, sizeof(*c->ready));
	c->come_mask = 65535;
	c->come = calloc(c->come_mask + 1, sizeof(*c->come));
	c->ops = prog_alloc(ops * sizeof(*c->ops));
	c->spare = calloc(ops, sizeof(*c->spare));
	c->request = prog_alloc(c->options.size);
	c->answer = prog_alloc(c->options.size);
	if (c->conns == NULL || c->ready == NULL || c->come == NULL || c->ops == NULL || c->spare == NULL ||
	    c->request == NULL || c->answer == NULL)
		return false;
	for (uint32_t i = 0; i < ops; i++)
		c->spare[c->nb_spare++] = &c->ops[i];
	memset(c->request, 'r', c->options.size);
	return true;
}

struct caller *
caller_make(const struct caller_options *options)
{
	struct caller *c = bench_alloc(sizeof(*c));

	if (c == NULL)
		return NULL;
	c->options = *options;
	c->seed = 0x9e3779b97f4a7c15u;
	if (!take_memory(c)) {
		prog_complain("no memory for %u connections.", options->connections);
		caller_free(c);
		return NULL;
	}
	return c;
}

void
caller_free(struct caller *c)
{
	if (c == NULL)
		return;
	free(c->conns);
	free(c->ready);
	free(c->come);
	free(c->ops);
	free(c->spare);
	free(c->request);
	free(c->answer);
	free(c);
}
