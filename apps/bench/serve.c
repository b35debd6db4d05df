/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_cycles.h>

#include "commands.h"
#include "server.h"

static const struct bench_option options[] = {
	{ "connections", BENCH_NUMBER, "16384", 1, 4000000, "at once" },
	{ "buffer", BENCH_NUMBER, "2048", 64, 1 << 24, "of each connection [bytes]" },
	{ "receive", BENCH_TEXT_ARG, "repeat", 0, 0, "repeat, or post: one receive after the other" },
	{ "lend", BENCH_FLAG, NULL, 0, 0,
	  "no copies: chargen from registered memory, discard in\nthe stack's own buffers" },
	BENCH_MBUFS("32768", "packet buffers"),
	{ "for", BENCH_REAL, "0", 0, 1e9, "so many seconds; 0: until SIGINT or SIGTERM" },
	{ NULL, BENCH_FLAG, NULL, 0, 0, NULL },
};

static const char text[] =
	"A server for clients in another process, over a port: echo on 7, discard on 9, chargen on 19, HTTP on 80\n"
	"(one answer of 78 bytes). What comes out is how many cycles of its core a message took, of rounds that\n"
	"had something to do; of 17 rounds one is timed. How fast it is, the client has to say.";

static void
put(struct bench *b, const char *unit, const char *name, double value)
{
	bench_put(bench_row(b, unit, "serve: %s", name), value);
}

static void
report(struct bench_world *w, const struct server_seen *seen, double seconds)
{
	double hz = (double)rte_get_tsc_hz();
	double program = BENCH_SERVE_TIMED * (double)w->server.step_tsc;
	double busy = BENCH_SERVE_TIMED * (double)w->server.poll_tsc + program;
	struct bench *b = w->b;

	b->place = BENCH_UNKNOWN;
	put(b, "s", "time", seconds);
	put(b, "", "connections accepted", (double)seen->accepted);
	put(b, "", "connections broken off", (double)seen->broken);
	put(b, "", "connections refused", (double)seen->refused);
	put(b, "bytes", "received", (double)seen->received);
	put(b, "bytes", "sent", (double)seen->sent);
	put(b, "", "messages", (double)seen->messages);
	put(b, "", "sends that waited", (double)seen->waited);
	put(b, "%", "busy", 100 * busy / hz / seconds);
	put(b, "%", "busy in the program", 100 * program / hz / seconds);
	if (seen->messages > 0)
		put(b, "cycles", "busy a message", busy / (double)seen->messages);
}

static int
run(struct bench *b)
{
	const struct server_options o = {
		.connections = (uint32_t)bench_number(b, "connections"),
		.buffer = (uint32_t)bench_number(b, "buffer"),
		.repeat = server_repeats(b),
		.lend = bench_number(b, "lend"),
	};
	const struct bench_sizes sizes = {
		.connections = o.connections,
		.mbufs = (uint32_t)bench_number(b, "mbufs"),
	};
	struct server *s = server_make(&o);
	struct bench_program program;
	struct bench_world world;
	double limit_s = bench_real(b, "for");
	uint64_t begun = prog_now_us();
	bool good;

	if (s == NULL)
		return 1;
	program = server_program(s);
	good = bench_world_open_server(&world, b, &sizes, &program);
	if (good && san_host_cores(world.server.host) > 1) {
		prog_complain("the host has %u cores, and one is polled: cores of [host] has to be 1.",
			      san_host_cores(world.server.host));
		good = false;
	}
	if (good) {
		bench_progress("serving");
		bench_world_serve(&world, limit_s > 0 ? limit_s : 1e9);
		report(&world, server_seen(s), (double)(prog_now_us() - begun) / 1e6);
	}
	bench_world_close(&world);
	server_free(s);
	return good ? 0 : 1;
}

const struct bench_command bench_serve = {
	.name = "serve",
	.summary = "a server over a port: echo, discard, chargen, HTTP",
	.text = text,
	.options = options,
	.groups = BENCH_PORT,
	.run = run,
};
