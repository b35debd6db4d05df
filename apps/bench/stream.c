/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One connection, as much as it carries: out to the server's discard, in from its chargen, or one of each at once.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "commands.h"
#include "pair.h"

#define BATCH 64u
#define SENDS 64u	/* under way at most */
#define AHEAD 16u	/* sends of one step */
#define PIECES 4u
#define LONG_MBUFS 4096u	/* at most when each is as long as a frame of 9,000 bytes */
#define LIMIT_S 20.0

static const struct bench_option options[] = {
	{ "mtu", BENCH_LIST, "1500,9000", 576, 9000, "of both ends [bytes]" },
	{ "size", BENCH_NUMBER, "32768", 64, 1 << 20, "of a send, and of a piece of a receive [bytes]" },
	{ "send-buffer", BENCH_NUMBER, "131072", 4096, 67108864,
	  "of the client's connection, when copied [bytes]: what\nit holds stays in the cache when it is small" },
	{ "offload", BENCH_TEXT_ARG, "auto", 0, 0,
	  "checksums, or segments: what the ring pair is said to\ndo as a NIC would, and nobody does" },
	{ "under-way", BENCH_NUMBER, "32", 1, SENDS, "lent sends that are not acknowledged" },
	PAIR_OPTIONS,
	{ NULL, BENCH_FLAG, NULL, 0, 0, NULL },
};

static const char text[] =
	"A stream to the server, one from it, and both at once, each on a connection of its own. Copied: san_send()\n"
	"from, and repeating receives into, memory that stays in the cache. Lent: san_send_mem() and san_recv_loan(),\n"
	"at both ends (with --peer: at this one). Cycles are those for a full segment; beside them stands how long it\n"
	"is, beside the data by whom checksums are made: a ring pair offers none, so both ends make and check them in\n"
	"software, unless --offload says that they are left out, and packets of many segments not cut. The floor of a\n"
	"stream over a ring pair is that of the command floor, of the same MTU.";

enum direction { OUT, IN, NB_DIRECTIONS, BOTH = NB_DIRECTIONS };

enum { BYTES, BYTES_OUT, BYTES_IN, BROKEN };

struct flow {
	san_handle sock;
	struct san_overlapped op;	/* connect, then receive */
	bool open, over;
	bool waiting;			/* a copied send for room */
};

struct stream {
	struct bench *b;
	struct bench_world *world;
	struct bench_meter *meter;
	struct flow flow[NB_DIRECTIONS];
	bool wanted[NB_DIRECTIONS];
	bool lent, running, all_open, all_over;
	const struct server_seen *seen;	/* by the server, if it is in this process */
	uint64_t opened;
	uint32_t size, under_way, mtu, mss;
	const char *offload;		/* NULL: none is claimed */
	san_mem mem;
	unsigned char *out, *in;
	struct san_overlapped ops[SENDS], *spare[SENDS];
	uint32_t nb_spare;
	struct san_pieces pieces;
	struct san_loan loans[SAN_LOAN_MAX];
	uint64_t count[BENCH_COUNTS];
};

static void
add(struct stream *s, unsigned int which, int32_t bytes)
{
	s->count[BYTES] += (uint32_t)bytes;
	s->count[which] += (uint32_t)bytes;
}

/* Sending */

/* 1: over, the bytes are the connection's; 0: a completion follows. */
static int
send_one(struct stream *s, struct flow *f)
{
	struct san_overlapped *op = s->spare[s->nb_spare - 1];
	const struct san_mem_vec vec = { s->out, s->size, s->mem };
	int rc = s->lent ? san_send_mem(f->sock, op, &vec, 1, 0) : san_send(f->sock, op, s->out, s->size, 0);

	if (rc == 0)
		s->nb_spare--;
	else if (rc == 1)
		add(s, BYTES_OUT, (int32_t)s->size);
	else
		s->count[BROKEN]++;
	f->waiting = rc == 0 && !s->lent;
	f->over |= rc < 0;
	return rc;
}

static unsigned int
feed(struct stream *s, struct flow *f)
{
	uint32_t most = s->lent ? s->under_way : SENDS;
	unsigned int n = 0;

	while (n < AHEAD && !f->waiting && !f->over && s->nb_spare > SENDS - most) {
		send_one(s, f);
		n++;
	}
	return n;
}

/* Receiving */

static void
receive(struct stream *s, struct flow *f)
{
	int rc = s->lent ? san_recv_loan(f->sock, &f->op, s->loans, SAN_LOAN_MAX, 0) :
			   san_recv_repeat(f->sock, &f->op, &s->pieces, 0);

	s->count[BROKEN] += rc != 0;
	f->over |= rc != 0;
}

static void
on_received(struct stream *s, struct flow *f, const struct san_completion *comp)
{
	add(s, BYTES_IN, comp->result);
	if (!s->lent) {
		san_give_back(&s->pieces, 1);
		return;
	}
	san_loan_return(s->loans, SAN_LOAN_MAX);
	if (s->running)
		receive(s, f);
}

/* Connections */

static void
on_connect(struct stream *s, struct flow *f, int result)
{
	struct san_tcp_info info = { .size = sizeof(info) };

	f->open = result == 0;
	s->opened += f->open;
	s->count[BROKEN] += result < 0;
	f->over |= result < 0;
	if (result == 0 && san_tcp_info(f->sock, &info) == 0)
		s->mss = info.snd_mss;
	if (result == 0 && f == &s->flow[IN])
		receive(s, f);
	s->all_open = true;
	for (unsigned int d = 0; d < NB_DIRECTIONS; d++)
		s->all_open &= !s->wanted[d] || s->flow[d].open || s->flow[d].over;
}

static void
on_close(struct stream *s, struct flow *f)
{
	f->over = true;
	f->open = false;
	s->all_over = true;
	for (unsigned int d = 0; d < NB_DIRECTIONS; d++)
		s->all_over &= !s->flow[d].open;
}

static void
take(struct stream *s, const struct san_completion *comp)
{
	struct flow *f = &s->flow[comp->user];

	if (comp->kind == SAN_OP_SEND) {
		s->spare[s->nb_spare++] = comp->op;
		f->waiting = false;
		if (comp->result > 0)
			add(s, BYTES_OUT, comp->result);
	} else if (comp->kind == SAN_OP_RECV && comp->result > 0) {
		on_received(s, f, comp);
	} else if (comp->kind == SAN_OP_CONNECT) {
		on_connect(s, f, comp->result);
	} else if (comp->kind == SAN_OP_CLOSE) {
		on_close(s, f);
	} else if (s->running) {
		s->count[BROKEN]++;
		f->over = true;
	}
}

static unsigned int
step(struct bench_side *side, void *arg)
{
	struct stream *s = arg;
	struct san_completion comp[BATCH];
	int nb = san_cq_poll(side->cq, comp, BATCH);
	unsigned int n = nb > 0 ? (unsigned int)nb : 0;

	for (unsigned int i = 0; i < n; i++)
		take(s, &comp[i]);
	if (s->running && s->flow[OUT].open)
		n += feed(s, &s->flow[OUT]);
	return n;
}

static bool
open_side(struct bench_side *side, void *arg)
{
	struct stream *s = arg;

	(void)side;
	/* 1, copy-only, shows in the notes */
	if (san_mem_register(s->out, s->size, SAN_MEM_READ, &s->mem) >= 0)
		return true;
	prog_complain("memory cannot be registered.");
	return false;
}

static bool
begin_flow(struct stream *s, struct flow *f, uint16_t port)
{
	struct san_addr peer = bench_world_peer(s->world, port);
	uint32_t buffer = s->lent ? 0 : (uint32_t)bench_number(s->b, "send-buffer");

	return san_socket(s->world->client.core, s->world->client.cq, &f->sock) == 0 &&
	       (buffer == 0 || san_set_option(f->sock, SAN_OPT_SNDBUF, buffer) == 0) &&
	       san_connect(f->sock, &f->op, &peer, 0) == 0;
}

static bool
connect_flows(struct stream *s)
{
	static const uint16_t ports[] = { SERVER_DISCARD, SERVER_CHARGEN };

	s->all_open = false;
	s->running = true;
	for (unsigned int d = 0; d < NB_DIRECTIONS; d++) {
		struct flow *f = &s->flow[d];

		memset(f, 0, sizeof(*f));
		f->op.user = d;
		if (!s->wanted[d])
			continue;
		if (!begin_flow(s, f, ports[d]))
			return false;
	}
	return bench_world_until(s->world, &s->all_open, LIMIT_S) && s->count[BROKEN] == 0;
}

/* It has given back what was lent to it: a world cannot end before. */
static bool
wait_for_server(struct stream *s)
{
	return s->seen == NULL || bench_world_until_count(s->world, &s->seen->closed, s->opened, LIMIT_S);
}

static bool
close_flows(struct stream *s)
{
	bool any = false;

	s->running = false;
	s->all_over = false;
	for (unsigned int d = 0; d < NB_DIRECTIONS; d++) {
		if (s->flow[d].open)
			any |= san_close(s->flow[d].sock, d) == 0;
	}
	return (!any || bench_world_until(s->world, &s->all_over, LIMIT_S)) && wait_for_server(s);
}

/* Measuring */

/* A port whose driver tells of no queue has none done by it. */
static const char *
name_checksums(const struct stream *s)
{
	struct rte_eth_txq_info info;

	if (s->offload != NULL)
		return strcmp(s->offload, "segments") == 0 ? "neither summed nor cut" : "checksums left out";

	for (uint16_t id = 0; id < RTE_MAX_ETHPORTS; id++) {
		if (rte_eth_dev_is_valid_port(id) && rte_eth_tx_queue_info_get(id, 0, &info) == 0 &&
		    info.conf.offloads & RTE_ETH_TX_OFFLOAD_TCP_CKSUM)
			return "checksums by the port";
	}
	return "checksums in software";
}

/* What went out of registered memory by a copy all the same, of all that went out: for want of the port. */
static void
note_copies(struct stream *s, char *note, size_t size, uint64_t copied, uint64_t bytes)
{
	double part = bytes > 0 ? 100 * (double)copied * s->mss / (double)bytes : 0;
	size_t at = strlen(note);

	/* above 100: some were not full */
	if (s->lent && bytes > 0)
		snprintf(note + at, size - at, ", %.1f %% of those out were copied", part < 100 ? part : 100);
}

static void
report(struct stream *s, enum direction d, const char *segments)
{
	static const char *const names[] = { "out", "in", "both" };
	struct bench_meter *m = s->meter;
	double n = (double)m->sum[BYTES] / s->mss;
	struct bench_row *data;
	char name[BENCH_TEXT];

	snprintf(name, sizeof(name), "stream %s, %s, MTU %u%s%s", names[d], s->lent ? "lent" : "copied", s->mtu,
		 s->offload != NULL ? ", offload " : "", s->offload != NULL ? s->offload : "");
	data = bench_row(s->b, "Gbit/s", "%s: data", name);
	bench_note(data, "%s", name_checksums(s));
	bench_put_rate(m, data, BYTES, 8e-9);
	if (d == BOTH) {
		bench_put_rate(m, bench_row(s->b, "Gbit/s", "%s: of it out", name), BYTES_OUT, 8e-9);
		bench_put_rate(m, bench_row(s->b, "Gbit/s", "%s: of it in", name), BYTES_IN, 8e-9);
	}
	bench_put_cycles(m, name, n);
	bench_note(bench_row(s->b, "cycles", "%s: all", name), "%s", segments);
}

static bool
measure(struct stream *s, enum direction d)
{
	bool good;

	s->wanted[OUT] = d != IN;
	s->wanted[IN] = d != OUT;
	good = connect_flows(s);
	for (unsigned int i = 0; i < bench_number(s->b, "repeat") && good; i++) {
		uint64_t copied = prog_counter(s->world->client.host, "lend_tx_copied"), bytes = s->count[BYTES_OUT];
		char note[BENCH_TEXT];

		good = bench_meter_run(s->meter) && s->count[BROKEN] == 0;
		copied = prog_counter(s->world->client.host, "lend_tx_copied") - copied;
		snprintf(note, sizeof(note), "segments of %u bytes", s->mss);
		note_copies(s, note, sizeof(note), copied, s->count[BYTES_OUT] - bytes);
		if (good)
			report(s, d, note);
	}
	if (!good && !prog_stop)
		prog_complain("a connection was not opened, or broken off.");
	return close_flows(s) && good;
}

/* A world of one MTU, copied or lent. */
static bool
measure_world(struct stream *s, struct server *server)
{
	struct bench *b = s->b;
	uint32_t mbufs = (uint32_t)bench_number(b, "mbufs");
	const struct bench_sizes sizes = {
		.connections = 64,
		.mbufs = s->mtu > RTE_ETHER_MTU && mbufs > LONG_MBUFS ? LONG_MBUFS : mbufs,
		.mtu = s->mtu,
		.offload = s->offload,
	};
	struct bench_program client = { open_side, step, s, 1024 }, other = { .step = NULL };
	bool good;

	if (server != NULL)
		other = server_program(server);
	s->nb_spare = 0;
	for (unsigned int i = 0; i < SENDS; i++) {
		s->ops[i] = (struct san_overlapped){ .user = OUT };
		s->spare[s->nb_spare++] = &s->ops[i];
	}
	good = bench_world_open(s->world, b, &sizes, &client, &other);
	for (enum direction d = OUT; d <= BOTH && good; d++)
		good = measure(s, d);
	bench_world_close(s->world);
	return good;
}

static bool
measure_mode(struct stream *s, uint32_t mtu, bool lent)
{
	const struct server_options o = {
		.connections = 16,
		.buffer = 2048,
		.repeat = server_repeats(s->b),
		.lend = lent,
	};
	bool here = !bench_has(s->b, "peer"), good;
	struct server *server = here ? server_make(&o) : NULL;

	s->mtu = mtu;
	s->lent = lent;
	bench_progress("MTU %u, %s", mtu, lent ? "lent" : "copied");
	s->seen = here && server != NULL ? server_seen(server) : NULL;
	s->opened = 0;
	good = (server != NULL || !here) && measure_world(s, server);
	server_free(server);
	return good;
}

static bool
measure_all(struct stream *s)
{
	uint64_t mtus[BENCH_LIST_MAX];
	unsigned int n = bench_list(s->b, "mtu", mtus);
	bool good;

	s->meter = bench_meter_make(s->world, s->count);
	good = s->meter != NULL;
	for (unsigned int i = 0; i < n && good; i++)
		good = measure_mode(s, (uint32_t)mtus[i], false) && measure_mode(s, (uint32_t)mtus[i], true);
	free(s->meter);
	return good;
}

static int
run(struct bench *b)
{
	struct bench_world world = { .b = b };
	struct stream *s = bench_alloc(sizeof(*s));
	bool good = s != NULL;

	if (!good)
		return 1;
	s->b = b;
	s->world = &world;
	s->size = (uint32_t)bench_number(b, "size");
	s->under_way = (uint32_t)bench_number(b, "under-way");
	s->offload = strcmp(bench_text(b, "offload"), "auto") != 0 ? bench_text(b, "offload") : NULL;
	s->out = aligned_alloc(2 << 20, 2 << 20);
	s->in = bench_alloc((size_t)PIECES * s->size);
	s->pieces = (struct san_pieces){ .mem = s->in, .size = s->size, .nb = PIECES };
	good = s->out != NULL && s->in != NULL;
	if (good) {
		memset(s->out, 's', 2 << 20);
		good = measure_all(s);
	}
	free(s->out);
	free(s->in);
	free(s);
	return good ? 0 : 1;
}

const struct bench_command bench_stream = {
	.name = "stream",
	.summary = "one connection, as much as it carries: out, in and both, copied and lent",
	.text = text,
	.options = options,
	.groups = BENCH_MEASURE | BENCH_WORLD,
	.run = run,
};
