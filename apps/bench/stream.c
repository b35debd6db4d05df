/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One connection, as much as it carries: out to the server's discard, in from its chargen, or one of each at once.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include "commands.h"
#include "flows.h"
#include "pair.h"

#define OFFLOADS 3u
#define LONG_MBUFS 4096u	/* at most when each is as long as a frame of 9,000 bytes */

static const struct bench_option options[] = {
	{ "mtu", BENCH_LIST, "1500,9000", 576, 9000, "of both ends [bytes]" },
	{ "size", BENCH_NUMBER, "32768", 64, FLOWS_SIZE_MAX, "of a send, and of a piece of a receive [bytes]" },
	{ "send-buffer", BENCH_NUMBER, "131072", 4096, 67108864,
	  "of the client's connection, when copied [bytes]: what\nit holds stays in the cache when it is small" },
	{ "offload", BENCH_TEXT_ARG, "auto", 0, 0,
	  "auto, checksums, segments, or several of them: what the\n"
	  "ring pair is said to do as a NIC would, and nobody does" },
	{ "under-way", BENCH_NUMBER, "32", 1, FLOWS_SENDS, "lent sends that are not acknowledged" },
	PAIR_OPTIONS,
	{ NULL, BENCH_FLAG, NULL, 0, 0, NULL },
};

static const char text[] =
	"A stream to the server, one from it, and both at once, each on a connection of its own. Copied: san_send()\n"
	"from, and repeating receives into, memory that stays in the cache. Lent: san_send_mem() and san_recv_loan(),\n"
	"at both ends (with --peer: at this one). Cycles are those for a full segment; beside them stands how long it\n"
	"is, beside the data by whom checksums are made: a ring pair offers none, so both ends make and check them in\n"
	"software, unless --offload says that they are left out, and packets of many segments not cut. Then\n"
	"\"sending\" and \"receiving\" are what the stack itself takes for a segment at either end, calls and copies\n"
	"included, and how many of them a packet has. The floor of a stream over a ring pair is that of the command\n"
	"floor, of the same MTU.";

enum direction { OUT, IN, BOTH };
static const char *const directions[] = { "out", "in", "both" };

struct stream {
	struct bench *b;
	struct bench_world *world;
	struct bench_meter *meter;
	struct flows *flows;
	const struct server_seen *seen;	/* by the server, if it is in this process */
	bool lent;
	uint32_t mtu;
	const char *offload;		/* NULL: none is claimed */
};

/* What the hosts have counted at a time: packets out of the client, of the server, and lent ones that were copied. */
struct counted {
	uint64_t packets[2], copied, bytes[2];
};

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

static struct counted
count(const struct stream *s)
{
	const struct bench_world *w = s->world;
	const uint64_t *bytes = flows_counts(s->flows);

	return (struct counted){
		.packets = { prog_counter(w->client.host, "port_tx"),
			     w->one_end ? 0 : prog_counter(w->server.host, "port_tx") },
		.copied = prog_counter(w->client.host, "lend_tx_copied"),
		.bytes = { bytes[FLOWS_OUT], bytes[FLOWS_IN] },
	};
}

/* What went out of registered memory by a copy all the same, of all that went out: for want of the port. */
static void
note_segments(const struct stream *s, struct bench_row *row, const struct counted *before, const struct counted *after)
{
	uint32_t mss = flows_mss(s->flows);
	uint64_t bytes = after->bytes[0] - before->bytes[0];
	double part = bytes > 0 ? 100 * (double)(after->copied - before->copied) * mss / (double)bytes : 0;

	/* above 100: some were not full */
	if (s->lent && bytes > 0)
		bench_note(row, "segments of %u bytes, %.1f %% of those out were copied", mss, part < 100 ? part : 100);
	else
		bench_note(row, "segments of %u bytes", mss);
}

static struct bench_row *
row(struct stream *s, const char *unit, const char *name, const char *what)
{
	return bench_row(s->b, unit, "%s: %s", name, what);
}

/* What the stack itself takes, of one direction: its ends by what they do. */
static void
report_stack(struct stream *s, enum direction d, const char *name, const struct counted *before,
	     const struct counted *after)
{
	struct bench_meter *m = s->meter;
	double n = (double)m->sum[FLOWS_BYTES] / flows_mss(s->flows);
	double segments = (double)(after->bytes[d] - before->bytes[d]) / flows_mss(s->flows);

	bench_put_ratio(m, row(s, "cycles", name, "sending"), (double)m->busy[d == OUT ? 0 : 1], n);
	bench_put_ratio(m, row(s, "cycles", name, "receiving"), (double)m->busy[d == OUT ? 1 : 0], n);
	if (after->packets[d] > before->packets[d])
		bench_put(row(s, "", name, "segments in a packet"),
			  segments / (double)(after->packets[d] - before->packets[d]));
}

static void
report(struct stream *s, enum direction d, const struct counted *before, const struct counted *after)
{
	struct bench_meter *m = s->meter;
	struct bench_row *data;
	char name[BENCH_TEXT];

	snprintf(name, sizeof(name), "stream %s, %s, MTU %u%s%s", directions[d], s->lent ? "lent" : "copied", s->mtu,
		 s->offload != NULL ? ", offload " : "", s->offload != NULL ? s->offload : "");
	/* what was not disturbed may be what came after the peer had gone */
	if (m->sum[FLOWS_BYTES] == 0)
		m->tsc = 0;
	data = row(s, "Gbit/s", name, "data");
	bench_note(data, "%s", name_checksums(s));
	bench_put_rate(m, data, FLOWS_BYTES, 8e-9);
	if (d == BOTH) {
		bench_put_rate(m, row(s, "Gbit/s", name, "of it out"), FLOWS_OUT, 8e-9);
		bench_put_rate(m, row(s, "Gbit/s", name, "of it in"), FLOWS_IN, 8e-9);
	}
	bench_put_cycles(m, name, (double)m->sum[FLOWS_BYTES] / flows_mss(s->flows));
	note_segments(s, row(s, "cycles", name, "all"), before, after);
	if (d != BOTH && s->offload != NULL && !s->world->one_end)
		report_stack(s, d, name, before, after);
}

/* A peer in another process may go without a word, and TCP gives it minutes: nothing would be measured till then. */
static bool
is_silent(const struct stream *s, const struct counted *before, const struct counted *after)
{
	return s->world->one_end && memcmp(before->bytes, after->bytes, sizeof(before->bytes)) == 0;
}

static bool
measure(struct stream *s, enum direction d)
{
	const uint64_t *counts = flows_counts(s->flows);
	bool good = flows_connect(s->flows, s->world, s->seen, d != IN, d != OUT), silent = false;

	if (good)
		bench_progress("%s, open", directions[d]);
	for (unsigned int i = 0; i < bench_number(s->b, "repeat") && good; i++) {
		struct counted before = count(s), after;

		good = bench_meter_run(s->meter) && counts[FLOWS_BROKEN] == 0;
		after = count(s);
		silent = is_silent(s, &before, &after);
		good = good && !silent;
		if (good)
			report(s, d, &before, &after);
	}
	if (!good && !prog_stop)
		prog_complain("%s.", silent ? "in a whole repetition nothing came through" :
			      "a connection was not opened, or broken off");
	return flows_close(s->flows) && good;
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
	struct bench_program client = flows_program(s->flows), other = { .step = NULL };
	bool good;

	if (server != NULL)
		other = server_program(server);
	good = bench_world_open(s->world, b, &sizes, &client, &other);
	for (enum direction d = OUT; d <= BOTH && good; d++)
		good = measure(s, d);
	bench_world_close(s->world);
	return good;
}

static struct flows *
make_flows(const struct stream *s)
{
	const struct flows_options o = {
		.size = (uint32_t)bench_number(s->b, "size"),
		.under_way = (uint32_t)bench_number(s->b, "under-way"),
		.send_buffer = (uint32_t)bench_number(s->b, "send-buffer"),
		.lent = s->lent,
	};

	return flows_make(&o);
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
	bench_progress("MTU %u, %s%s%s", mtu, lent ? "lent" : "copied", s->offload != NULL ? ", offload " : "",
		       s->offload != NULL ? s->offload : "");
	s->seen = server != NULL ? server_seen(server) : NULL;
	s->flows = make_flows(s);
	s->meter = s->flows != NULL ? bench_meter_make(s->world, flows_counts(s->flows)) : NULL;
	good = s->meter != NULL && (server != NULL || !here) && measure_world(s, server);
	server_free(server);
	flows_free(s->flows);
	free(s->meter);
	return good;
}

/* What --offload says: each word once, or exit 2. */
static unsigned int
list_offloads(const struct bench *b, const char *list[])
{
	static const char *const words[OFFLOADS] = { NULL, "checksums", "segments" };
	const char *all = bench_text(b, "offload");
	unsigned int n = 0;

	if (bench_has(b, "peer") && strcmp(all, "auto") != 0)
		prog_refuse("--offload is of a ring pair, not of --peer.");
	for (const char *at = all; at != NULL; at = strchr(at, ',') != NULL ? strchr(at, ',') + 1 : NULL) {
		size_t len = strcspn(at, ",");
		unsigned int i = 0;

		while (i < OFFLOADS && strncmp(at, words[i] != NULL ? words[i] : "auto", len) != 0)
			i++;
		if (i == OFFLOADS || len != strlen(words[i] != NULL ? words[i] : "auto") || n == OFFLOADS)
			prog_refuse("--offload is \"%s\", accepted is auto, checksums, segments, or several of them.",
				    all);
		list[n++] = words[i];
	}
	return n;
}

static bool
measure_all(struct stream *s)
{
	const char *offloads[OFFLOADS];
	uint64_t mtus[BENCH_LIST_MAX];
	unsigned int nb_mtus = bench_list(s->b, "mtu", mtus);
	unsigned int n = list_offloads(s->b, offloads) * nb_mtus;
	bool good = true;

	for (unsigned int i = 0; i < n && good; i++) {
		uint32_t mtu = (uint32_t)mtus[i % nb_mtus];

		s->offload = offloads[i / nb_mtus];
		good = measure_mode(s, mtu, false) && measure_mode(s, mtu, true);
	}
	return good;
}

static int
run(struct bench *b)
{
	struct bench_world world = { .b = b };
	struct stream s = { .b = b, .world = &world };

	return measure_all(&s) ? 0 : 1;
}

const struct bench_command bench_stream = {
	.name = "stream",
	.summary = "one connection, as much as it carries: out, in and both, copied and lent",
	.text = text,
	.options = options,
	.groups = BENCH_MEASURE | BENCH_WORLD,
	.run = run,
};
