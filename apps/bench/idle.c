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
#include "server.h"
#include "world.h"

#define FEW 4096u		/* connections of the smaller world */
#define BATCH 64u
#define OPENING 128u		/* handshakes at once */
#define LIMIT_S 60.0
#define QUIET_S 0.5		/* until what a handshake has set in motion is over */

static const struct bench_option options[] = {
	{ "connections", BENCH_NUMBER, "200000", 2 * FEW, 4000000, "open and idle at once" },
	BENCH_MBUFS("32768", "packet buffers of each host"),
	{ NULL, BENCH_FLAG, NULL, 0, 0, NULL },
};

static const char text[] =
	"Opens connections, has one receive posted on each, lets them rest, and says what one takes of memory at\n"
	"one end. Resident: pages that are there, by the kernel's count, with tables, load factors, places in\n"
	"queues and what an allocator adds. Mapped: address space that is sized by their number; the table of\n"
	"handles, 40 bytes each, is mapped for all there can ever be and counts in the first figure only. Packet\n"
	"buffers: those in use meanwhile, caches of the pool included. Huge pages are off for this memory, so that\n"
	"what is counted is what was touched. Measured once: no figure depends on how fast anything is.";

struct conn {
	struct san_overlapped op;	/* the connect, then the receive */
};

/* One side of both; the server's has listeners beside. */
struct end {
	struct bench_world *world;
	struct conn *conns;
	uint32_t want, begun, open, failed;
	uint32_t ports;
	struct san_overlapped accepts[1 + 512];
	bool all_open;
	unsigned char byte;		/* nothing is ever received */
};

/* What a world takes, from before it was opened until its connections are idle. */
struct taken {
	uint64_t resident, mapped;
	struct san_usage usage;		/* of the client's host, or the only one */
};

static void
receive(struct end *e, struct conn *k, san_handle sock)
{
	if (san_recv(sock, &k->op, &e->byte, 1, 0) == 0)
		e->open++;
	else
		e->failed++;
	e->all_open = e->open + e->failed >= e->want;
}

static unsigned int
open_more(struct end *e, struct bench_side *side)
{
	unsigned int n = 0;

	for (; n < 16 && e->begun < e->want && e->begun - e->open - e->failed < OPENING; n++) {
		struct san_addr peer = bench_world_peer(e->world, server_port(e->begun, e->ports));
		struct conn *k = &e->conns[e->begun++];
		san_handle sock;

		k->op.user = (uintptr_t)k;
		if (san_socket(side->core, side->cq, &sock) != 0 || san_connect(sock, &k->op, &peer, 0) < 0)
			e->failed++;
	}
	return n;
}

static void
take(struct end *e, const struct san_completion *comp)
{
	if (comp->kind == SAN_OP_CONNECT && comp->result == 0)
		receive(e, (struct conn *)(uintptr_t)comp->user, comp->sock);
	else if (comp->kind == SAN_OP_ACCEPT && comp->result == 0 && e->begun < e->want)
		receive(e, &e->conns[e->begun++], comp->value);
	else
		e->failed++;
}

static unsigned int
reap(struct bench_side *side, void *arg)
{
	struct end *e = arg;
	struct san_completion comp[BATCH];
	int nb = san_cq_poll(side->cq, comp, BATCH);

	for (int i = 0; i < nb; i++)
		take(e, &comp[i]);
	return nb > 0 ? (unsigned int)nb : 0;
}

static unsigned int
step_client(struct bench_side *side, void *arg)
{
	return reap(side, arg) + open_more(arg, side);
}

static bool
open_server(struct bench_side *side, void *arg)
{
	struct end *e = arg;
	int rc = 0;

	for (uint32_t i = 0; i < (e->ports > 0 ? e->ports : 1) && rc == 0; i++) {
		const struct san_addr any = { .port = server_port(i, e->ports) };
		san_handle sock;

		rc = san_socket(side->core, side->cq, &sock);
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
	e->ports = ports;
	e->all_open = false;
}

static bool
open_all(struct end *client, struct end *server)
{
	struct bench_world *w = client->world;
	bool never = false;
	uint64_t begun = prog_now_us();

	if (!bench_world_until(w, &client->all_open, LIMIT_S + client->want / 2000.0) || client->failed > 0) {
		prog_complain("of %u connections %u were opened.", client->want, client->open);
		return false;
	}
	bench_progress("%u connections open, %.3f s", client->want, (double)(prog_now_us() - begun) / 1e6);
	bench_world_until(w, &never, QUIET_S);
	if (w->one_end || *(volatile bool *)&server->all_open)
		return !prog_stop;
	return !prog_stop && bench_world_until(w, &server->all_open, LIMIT_S) && server->failed == 0;
}

static bool
measure(struct end *client, struct end *server, uint32_t connections, struct taken *t)
{
	struct bench_world *w = client->world;
	struct bench *b = w->b;
	const struct bench_sizes sizes = {
		.connections = connections,
		.mbufs = (uint32_t)bench_number(b, "mbufs"),
	};
	uint32_t ports = bench_has(b, "peer") ? 0 : server_ports_for(connections);
	struct bench_program c = { NULL, step_client, client, connections + 64 };
	struct bench_program s = { open_server, reap, server, connections + (ports + 1) * (SAN_REPEAT_MAX + 1) };
	bool good;

	reset_end(client, connections, ports);
	reset_end(server, connections, ports);
	c.cq_depth = c.cq_depth < SAN_CQ_MAX ? c.cq_depth : SAN_CQ_MAX;
	s.cq_depth = s.cq_depth < SAN_CQ_MAX ? s.cq_depth : SAN_CQ_MAX;
	malloc_trim(0);
	t->resident = bench_resident();
	t->mapped = bench_mapped();
	good = bench_world_open(w, b, &sizes, &c, &s) && open_all(client, server);
	if (good) {
		t->resident = bench_resident() - t->resident;
		t->mapped = bench_mapped() - t->mapped;
		san_host_usage(w->client.host, &t->usage);
	}
	bench_world_close(w);
	return good;
}

static void
put(struct bench *b, const char *unit, uint32_t connections, const char *what, double value)
{
	bench_put(bench_row(b, unit, "idle, %u connections: %s", connections, what), value);
}

static void
report(struct bench_world *w, uint32_t connections, const struct taken *few, const struct taken *many)
{
	struct bench *b = w->b;
	double more = (double)(connections - FEW) * (w->one_end ? 1 : 2);

	b->place = BENCH_UNKNOWN;
	put(b, "bytes", connections, "resident, one end",
	    ((double)many->resident - (double)few->resident) / more);
	put(b, "bytes", connections, "mapped, one end", ((double)many->mapped - (double)few->mapped) / more);
	put(b, "", connections, "connections counted by the host", many->usage.connections);
	put(b, "", connections, "sockets counted by the host", many->usage.sockets);
	put(b, "", connections, "packet buffers in use", many->usage.mbufs_used);
}

/* The first world is thrown away: it takes what a process keeps, such as threads' memory. */
static int
run(struct bench *b)
{
	uint32_t connections = (uint32_t)bench_number(b, "connections");
	struct bench_world world = { .b = b };
	struct end *client = bench_alloc(sizeof(*client)), *server = bench_alloc(sizeof(*server));
	struct taken few, many;
	bool good = client != NULL && server != NULL;

	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	good = good && make_end(client, &world, connections) && make_end(server, &world, connections) &&
	       measure(client, server, FEW, &few) && measure(client, server, FEW, &few) &&
	       measure(client, server, connections, &many);
	if (good)
		report(&world, connections, &few, &many);
	if (client != NULL)
		free(client->conns);
	if (server != NULL)
		free(server->conns);
	free(client);
	free(server);
	return good ? 0 : 1;
}

const struct bench_command bench_idle = {
	.name = "idle",
	.summary = "what an idle connection takes of memory",
	.text = text,
	.options = options,
	.groups = BENCH_WORLD,
	.run = run,
};
