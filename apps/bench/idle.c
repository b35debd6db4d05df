/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an idle connection takes: established, one receive posted, nothing under way. Memory of the process is compared
 * between two worlds that differ in the number of connections only, so that what both have (the EAL, pools of packet
 * buffers, threads, listeners, room for handshakes) does not count. The command's own memory is touched before.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include <rte_mbuf.h>

#include "commands.h"
#include "guard.h"
#include "server.h"
#include "world.h"

#define FEW 4096u		/* connections of the smaller world */
#define BATCH 64u
#define OPENING 128u		/* handshakes at once, and ends */
#define LIMIT_S 60.0
#define QUEUES 20u
#define OF_QUEUE 950000u	/* connections that a completion queue has places for, and for accepts */
#define CONNECTIONS_MAX 16000000u	/* sockets that a core can have */
#define PORTS_MAX 2048u
#define QUIET_S 0.5		/* until what a handshake has set in motion is over */

static const struct bench_option options[] = {
	{ "connections", BENCH_NUMBER, "200000", 2 * FEW, CONNECTIONS_MAX, "open and idle at once" },
	{ "fill", BENCH_NUMBER, NULL, 16, 1 << 24,
	  "then as many as so much memory holds [MiB], both ends\n"
	  "and this program's share, by what those before took" },
	BENCH_MBUFS("32768", "packet buffers of each host"),
	{ NULL, BENCH_FLAG, NULL, 0, 0, NULL },
};

static const char text[] =
	"Opens connections, has one receive posted on each, lets them rest, and says what one takes of memory at\n"
	"one end. Resident: pages that are there, by the kernel's count, with tables, load factors, places in\n"
	"queues and what an allocator adds. Mapped: address space that is sized by their number; the table of\n"
	"handles, 40 bytes each, is mapped for all there can ever be and counts in the first figure only. Packet\n"
	"buffers: those in use meanwhile, caches of the pool included. Huge pages are off for this memory, so that\n"
	"what is counted is what was touched. Measured once: no figure of memory depends on how fast anything is.\n"
	"Beside it how long opening took, and closing (the client first, gracefully), and cycles for each.";

struct conn {
	struct san_overlapped op;	/* the connect, the receive; at the server the end, too */
	san_handle sock;		/* of the client */
};

enum count { OPENED, CLOSED };

/* One side of both; the server's has listeners beside. */
struct end {
	struct bench_world *world;
	struct conn *conns;
	uint32_t want, begun, open, failed;
	uint32_t ports;
	struct san_cq *queues[QUEUES];	/* the side's own is the first; its thread makes the others */
	unsigned int nb_queues;
	struct san_overlapped accepts[1 + PORTS_MAX];
	uint64_t count[BENCH_COUNTS];	/* enum count */
	bool all_open;
	/* closing */
	uint32_t nb_ends;		/* that the client has begun */
	struct san_overlapped ops[OPENING], *spare[OPENING];
	uint32_t nb_spare;
	_Atomic uint64_t closed;
	bool closing, all_closed;
	unsigned char byte;		/* nothing is ever received */
};

/* What a world takes, from before it was opened until its connections are idle. */
struct taken {
	uint64_t resident, mapped;
	struct san_usage usage;		/* of the client's host, or the only one */
};

/* One measurement. */
struct run {
	struct end *client, *server;
	struct bench_meter *meter;
	char name[BENCH_TEXT];		/* what its rows begin with; empty: opening and closing are not told */
};

static void
receive(struct end *e, struct conn *k, san_handle sock)
{
	k->op.user = (uintptr_t)k;
	if (san_recv(sock, &k->op, &e->byte, 1, 0) == 0)
		e->count[OPENED] = ++e->open;
	else
		e->failed++;
	e->all_open = e->open + e->failed >= e->want;
}

/* Connections, or listeners and with them what they accept, are spread over the queues. */
static struct san_cq *
queue_of(const struct end *e, uint32_t i)
{
	return e->queues[i % e->nb_queues];
}

static bool
open_queues(struct bench_side *side, void *arg)
{
	struct end *e = arg;
	int rc = 0;

	e->queues[0] = side->cq;
	for (unsigned int i = 1; i < e->nb_queues && rc == 0; i++)
		rc = san_cq_create(side->program.cq_depth, &e->queues[i]);
	if (rc != 0)
		prog_complain("%s: no completion queue: %s.", side->name, strerror(-rc));
	return rc == 0;
}

static unsigned int
open_more(struct end *e, struct bench_side *side)
{
	unsigned int n = 0;

	for (; n < 16 && e->begun < e->want && e->begun - e->open - e->failed < OPENING; n++) {
		struct san_addr peer = bench_world_peer(e->world, server_port(e->begun, e->ports));
		struct conn *k = &e->conns[e->begun++];

		k->op.user = (uintptr_t)k;
		if (san_socket(side->core, queue_of(e, e->begun), &k->sock) != 0 ||
		    san_connect(k->sock, &k->op, &peer, 0) < 0)
			e->failed++;
	}
	return n;
}

/* The client's ends: the receive still is the connection's, so that each takes an operation of the few there are. */
static unsigned int
close_more(struct end *e)
{
	unsigned int n = 0;

	for (; n < 16 && e->nb_ends < e->want && e->nb_spare > 0; n++) {
		struct conn *k = &e->conns[e->nb_ends++];
		struct san_overlapped *op = e->spare[--e->nb_spare];

		op->user = (uintptr_t)k;
		if (san_disconnect(k->sock, op, 0) < 0)
			e->failed++;
	}
	return n;
}

/* The peer's FIN at the server, both at the client: then the socket is closed. */
static void
take_end(struct end *e, const struct san_completion *comp)
{
	struct conn *k = (struct conn *)(uintptr_t)comp->user;

	if (comp->kind == SAN_OP_CLOSE) {
		e->count[CLOSED]++;
		e->all_closed = e->count[CLOSED] == e->want;
		bench_add(&e->closed, 1);
	} else if (comp->kind == SAN_OP_RECV && comp->result == 0) {
		if (!e->closing && san_shutdown(comp->sock, &k->op, 0) < 0)
			e->failed++;
	} else if (comp->result == 0) {
		if (comp->kind == SAN_OP_DISCONNECT)
			e->spare[e->nb_spare++] = comp->op;
		san_close(comp->sock, comp->user);
	} else {
		e->failed++;
	}
}

static void
take(struct end *e, const struct san_completion *comp)
{
	if (comp->kind == SAN_OP_CONNECT && comp->result == 0)
		receive(e, (struct conn *)(uintptr_t)comp->user, comp->sock);
	else if (comp->kind == SAN_OP_ACCEPT && comp->result == 0 && e->begun < e->want)
		receive(e, &e->conns[e->begun++], comp->value);
	else if (comp->kind == SAN_OP_CONNECT || comp->kind == SAN_OP_ACCEPT)
		e->failed++;
	else
		take_end(e, comp);
}

static unsigned int
reap(struct bench_side *side, void *arg)
{
	struct end *e = arg;
	struct san_completion comp[BATCH];
	unsigned int n = 0;

	(void)side;
	for (unsigned int i = 0; i < e->nb_queues; i++) {
		int nb = san_cq_poll(e->queues[i], comp, BATCH);

		for (int j = 0; j < nb; j++)
			take(e, &comp[j]);
		n += nb > 0 ? (unsigned int)nb : 0;
	}
	return n;
}

static unsigned int
step_client(struct bench_side *side, void *arg)
{
	struct end *e = arg;

	return reap(side, arg) + (e->closing ? close_more(e) : open_more(e, side));
}

static bool
open_server(struct bench_side *side, void *arg)
{
	struct end *e = arg;
	int rc = 0;

	if (!open_queues(side, arg))
		return false;
	for (uint32_t i = 0; i < (e->ports > 0 ? e->ports : 1) && rc == 0; i++) {
		const struct san_addr any = { .port = server_port(i, e->ports) };
		san_handle sock;

		rc = san_socket(side->core, queue_of(e, i), &sock);
		rc = rc != 0 ? rc : san_bind(sock, &any);
		rc = rc != 0 ? rc : san_listen(sock, 65535);
		rc = rc != 0 ? rc : san_accept_repeat(sock, &e->accepts[i], SAN_REPEAT_MAX);
	}
	if (rc != 0)
		prog_complain("server: no listener: %s.", strerror(-rc));
	return rc == 0;
}

/* Memory of an end for the greater world, all of it touched. */
static bool
make_end(struct end *e, struct bench_world *w, uint32_t connections)
{
	size_t size = connections * sizeof(*e->conns);

	e->world = w;
	e->conns = prog_alloc(size);
	if (e->conns == NULL) {
		prog_complain("no memory for %u connections.", connections);
		return false;
	}
	for (size_t i = 0; i < size; i += 64)
		((volatile char *)e->conns)[i] = 0;
	return true;
}

static void
reset_end(struct end *e, uint32_t connections, uint32_t ports)
{
	memset(e->conns, 0, connections * sizeof(*e->conns));
	memset(e->accepts, 0, sizeof(e->accepts));
	e->want = connections;
	e->begun = e->open = e->failed = 0;
	e->count[OPENED] = e->count[CLOSED] = 0;
	e->ports = ports;
	e->nb_queues = connections / OF_QUEUE + 1;
	e->all_open = e->all_closed = e->closing = false;
	e->nb_ends = 0;
	atomic_store(&e->closed, 0);
	for (e->nb_spare = 0; e->nb_spare < OPENING; e->nb_spare++)
		e->spare[e->nb_spare] = &e->ops[e->nb_spare];
}

/* The first is the world's. */
static void
end_queues(struct end *e)
{
	for (unsigned int i = 1; i < e->nb_queues; i++) {
		prog_drop_cq(e->queues[i]);
		e->queues[i] = NULL;
	}
}

/* All were opened, or closed, and it is told. */
static void
report_change(struct run *r, const char *what, enum count i, uint64_t took_us)
{
	char name[BENCH_TEXT];

	snprintf(name, sizeof(name), "%.*s, %s", BENCH_TEXT - 16, r->name, what);
	if (r->name[0] != '\0')
		bench_put_change(r->meter, name, i, took_us);
	bench_progress("%u connections: %s, %.3f s", r->client->want, what, (double)took_us / 1e6);
}

static bool
open_all(struct run *r)
{
	struct end *client = r->client, *server = r->server;
	struct bench_world *w = client->world;
	bool never = false;
	uint64_t begun;

	bench_world_look(w);
	begun = prog_now_us();
	if (!bench_meter_until(r->meter, &client->all_open, LIMIT_S + client->want / 2000.0) || client->failed > 0) {
		if (!prog_stop)
			prog_complain("of %u connections %u were opened.", client->want, client->open);
		return false;
	}
	report_change(r, "opening", OPENED, prog_now_us() - begun);
	bench_world_until(w, &never, QUIET_S);
	if (w->one_end || *(volatile bool *)&server->all_open)
		return !prog_stop;
	return !prog_stop && bench_world_until(w, &server->all_open, LIMIT_S) && server->failed == 0;
}

static bool
close_all(struct run *r)
{
	struct end *client = r->client, *server = r->server;
	struct bench_world *w = client->world;
	uint64_t begun;

	bench_world_look(w);
	begun = prog_now_us();
	client->closing = true;
	if (!bench_meter_until(r->meter, &client->all_closed, LIMIT_S + client->want / 2000.0) || client->failed > 0) {
		if (!prog_stop)
			prog_complain("of %u connections %llu were closed.", client->want,
				      (unsigned long long)client->count[CLOSED]);
		return false;
	}
	report_change(r, "closing", CLOSED, prog_now_us() - begun);
	return w->one_end || bench_world_until_count(w, &server->closed, server->want, LIMIT_S);
}

static bool
measure(struct run *r, uint32_t connections, struct taken *t)
{
	struct end *client = r->client, *server = r->server;
	struct bench_world *w = client->world;
	struct bench *b = w->b;
	uint32_t ports = bench_has(b, "peer") ? 0 : server_ports_for(connections);
	const struct bench_sizes sizes = {
		.connections = connections,
		.mbufs = (uint32_t)bench_number(b, "mbufs"),
		.listeners = ports < PORTS_MAX / 2 ? 0 : PORTS_MAX + 1,
	};
	struct bench_program c = { open_queues, step_client, client, connections + 3 * OPENING };
	struct bench_program s = { open_server, reap, server,
				   connections + 2 * OPENING + (ports + 1) * (SAN_REPEAT_MAX + 1) };
	bool good;

	reset_end(client, connections, ports);
	reset_end(server, connections, ports);
	c.cq_depth = c.cq_depth < SAN_CQ_MAX ? c.cq_depth : SAN_CQ_MAX;
	s.cq_depth = s.cq_depth < SAN_CQ_MAX ? s.cq_depth : SAN_CQ_MAX;
	malloc_trim(0);
	t->resident = bench_resident();
	t->mapped = bench_mapped();
	good = bench_world_open(w, b, &sizes, &c, &s) && open_all(r);
	if (good) {
		t->resident = bench_resident() - t->resident;
		t->mapped = bench_mapped() - t->mapped;
		san_host_usage(w->client.host, &t->usage);
		good = close_all(r);
	}
	bench_world_close(w);
	end_queues(client);
	end_queues(server);
	return good;
}

static double
bytes_for_one(const struct bench_world *w, uint32_t connections, const struct taken *few, const struct taken *many)
{
	double more = (double)(connections - FEW) * (w->one_end ? 1 : 2);

	return ((double)many->resident - (double)few->resident) / more;
}

static void
report(struct run *r, uint32_t connections, const struct taken *few, const struct taken *many)
{
	const struct bench_world *w = r->client->world;
	struct bench *b = w->b;
	double more = (double)(connections - FEW) * (w->one_end ? 1 : 2);

	b->place = BENCH_UNKNOWN;
	bench_put(bench_row(b, "bytes", "%s: resident, one end", r->name), bytes_for_one(w, connections, few, many));
	bench_put(bench_row(b, "bytes", "%s: mapped, one end", r->name),
		  ((double)many->mapped - (double)few->mapped) / more);
	bench_put(bench_row(b, "", "%s: connections counted by the host", r->name), many->usage.connections);
	bench_put(bench_row(b, "", "%s: sockets counted by the host", r->name), many->usage.sockets);
	bench_put(bench_row(b, "", "%s: packet buffers in use", r->name), many->usage.mbufs_used);
}

static bool
make_ends(struct run *r, struct bench_world *w, uint32_t connections)
{
	free(r->client->conns);
	free(r->server->conns);
	r->client->conns = r->server->conns = NULL;
	return make_end(r->client, w, connections) && make_end(r->server, w, connections);
}

/* As many as the memory holds that is given, by what one takes. */
static bool
fill(struct run *r, const struct taken *few, double each)
{
	struct bench_world *w = r->client->world;
	uint64_t mib = bench_number(w->b, "fill");
	double ends = w->one_end ? 1 : 2;
	double fit = (double)(mib << 20) / (ends * each + 2 * sizeof(struct conn));
	uint32_t n = fit > CONNECTIONS_MAX ? CONNECTIONS_MAX : fit < 2 * FEW ? 2 * FEW : (uint32_t)fit;
	struct taken most;

	snprintf(r->name, sizeof(r->name), "idle, as many as %llu MiB hold", (unsigned long long)mib);
	bench_progress("%u connections are to fill %llu MiB", n, (unsigned long long)mib);
	if (!make_ends(r, w, n) || !measure(r, n, &most))
		return false;
	report(r, n, few, &most);
	return true;
}

/* The first world is thrown away: it takes what a process keeps, such as threads' memory. */
static bool
measure_all(struct run *r, struct bench_world *w)
{
	uint32_t connections = (uint32_t)bench_number(w->b, "connections");
	struct taken few, many;

	if (!make_ends(r, w, connections) || !measure(r, FEW, &few) || !measure(r, FEW, &few))
		return false;
	snprintf(r->name, sizeof(r->name), "idle, %u connections", connections);
	if (!measure(r, connections, &many))
		return false;
	report(r, connections, &few, &many);
	return !bench_has(w->b, "fill") || fill(r, &few, bytes_for_one(w, connections, &few, &many));
}

static int
run(struct bench *b)
{
	struct bench_world world = { .b = b };
	struct run r = { .client = bench_alloc(sizeof(*r.client)), .server = bench_alloc(sizeof(*r.server)) };
	bool good = r.client != NULL && r.server != NULL;

	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	if (good)
		r.meter = bench_meter_make(&world, r.client->count);
	good = good && r.meter != NULL && measure_all(&r, &world);
	if (r.client != NULL)
		free(r.client->conns);
	if (r.server != NULL)
		free(r.server->conns);
	free(r.client);
	free(r.server);
	free(r.meter);
	return good ? 0 : 1;
}

const struct bench_command bench_idle = {
	.name = "idle",
	.summary = "what an idle connection takes of memory; opening and closing all of them",
	.text = text,
	.options = options,
	.groups = BENCH_WORLD,
	.run = run,
};
