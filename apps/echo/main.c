/* SPDX-License-Identifier: BSD-3-Clause */
#include <getopt.h>
#include <string.h>

#include "echo.h"

static const char usage[] =
	"san-echo EAL-ARGUMENTS -- --config FILE [OPTIONS] server\n"
	"san-echo EAL-ARGUMENTS -- --config FILE [OPTIONS] client ADDRESS:PORT\n"
	"\n"
	"Sends back what it receives, or sends and checks what comes back.\n"
	"\n"
	"  --config FILE        the host: doc/configuration.md, examples in config/\n"
	"  --host-core N        core of the sockets, default 0; all cores are polled\n"
	"  --user-timeout MS    give a connection up after so long without an answer\n"
	"  --sleep-after US     sleep when there has been nothing to do for so long; default: never\n"
	"  --fast               Fast Open: data in the SYN; a client's connections follow one another\n"
	"server:\n"
	"  --port N             default 7\n"
	"  --backlog N          connections that may wait, default 1024\n"
	"client:\n"
	"  --connections N      at once, default 1\n"
	"  --bytes N            each sends, default 1000000\n"
	"  --size N             of one send, default 65536; with --count of one message, default 64\n"
	"  --count N            send N messages, each when the last one has come back\n"
	"  --verify             check every byte that comes back\n"
	"  --seed N             of the bytes, default 1\n"
	"\n"
	"The server ends with SIGINT or SIGTERM. The client's exit status is 0 when all came back.\n"
	"Example: san-echo --no-huge --no-pci --no-shconf -m 256 -- --config config/tap.conf server\n";

#define SIZE_MAX_ECHO (4u << 20)

enum option_id {
	OPT_CONFIG = 256,
	OPT_HOST_CORE,
	OPT_USER_TIMEOUT,
	OPT_SLEEP_AFTER,
	OPT_FAST,
	OPT_PORT,
	OPT_BACKLOG,
	OPT_CONNECTIONS,
	OPT_BYTES,
	OPT_SIZE,
	OPT_COUNT,
	OPT_VERIFY,
	OPT_SEED,
};

static const struct option option_list[] = {
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "host-core", required_argument, NULL, OPT_HOST_CORE },
	{ "user-timeout", required_argument, NULL, OPT_USER_TIMEOUT },
	{ "sleep-after", required_argument, NULL, OPT_SLEEP_AFTER },
	{ "fast", no_argument, NULL, OPT_FAST },
	{ "port", required_argument, NULL, OPT_PORT },
	{ "backlog", required_argument, NULL, OPT_BACKLOG },
	{ "connections", required_argument, NULL, OPT_CONNECTIONS },
	{ "bytes", required_argument, NULL, OPT_BYTES },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "verify", no_argument, NULL, OPT_VERIFY },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ NULL, 0, NULL, 0 },
};

static void
take_option(struct echo_options *o, int id, const char *value)
{
	switch (id) {
	case OPT_CONFIG:
		o->config = value;
		break;
	case OPT_HOST_CORE:
		o->host_core = (unsigned int)prog_number("--host-core", value, 0, PROG_CORES - 1);
		break;
	case OPT_USER_TIMEOUT:
		o->user_timeout_ms = (uint32_t)prog_number("--user-timeout", value, 0, UINT32_MAX);
		break;
	case OPT_SLEEP_AFTER:
		o->sleep_after_us = (uint32_t)prog_number("--sleep-after", value, 1, UINT32_MAX);
		break;
	case OPT_FAST:
		o->fast = true;
		break;
	case OPT_PORT:
		o->port = (uint16_t)prog_number("--port", value, 1, 65535);
		break;
	case OPT_BACKLOG:
		o->backlog = (unsigned int)prog_number("--backlog", value, 1, 65535);
		break;
	case OPT_CONNECTIONS:
		o->connections = (unsigned int)prog_number("--connections", value, 1, SAN_CQ_MAX / 2);
		break;
	case OPT_BYTES:
		o->bytes = prog_number("--bytes", value, 1, UINT64_MAX / 2);
		break;
	case OPT_SIZE:
		o->size = (uint32_t)prog_number("--size", value, 1, SIZE_MAX_ECHO);
		break;
	case OPT_COUNT:
		o->count = prog_number("--count", value, 1, UINT32_MAX);
		break;
	case OPT_VERIFY:
		o->verify = true;
		break;
	case OPT_SEED:
		o->seed = prog_number("--seed", value, 0, UINT64_MAX);
		break;
	}
}

static void
take_options(struct echo_options *o, int argc, char **argv)
{
	int id;

	optind = 0;
	opterr = 0;
	while ((id = getopt_long(argc, argv, "", option_list, NULL)) != -1) {
		if (id == '?')
			prog_refuse("\"%s\" is not an option, or lacks its value.", argv[optind - 1]);
		take_option(o, id, optarg);
	}
	if (o->config == NULL)
		prog_refuse("--config FILE is missing; own arguments stand behind \"--\".");
	if (o->size == 0)
		o->size = o->count > 0 ? 64 : 65536;
	if (o->count > 0 && o->bytes > 0)
		prog_refuse("--count and --bytes exclude each other.");
	if (o->count > 0)
		o->bytes = o->count * o->size;
	if (o->bytes == 0)
		o->bytes = 1000000;
}

static bool
is_server(struct echo_options *o, int argc, char **argv)
{
	if (argc == 1 && strcmp(argv[0], "server") == 0)
		return true;
	if (argc != 2 || strcmp(argv[0], "client") != 0)
		prog_refuse("accepted is \"server\" or \"client ADDRESS:PORT\".");
	if (san_addr_parse(argv[1], &o->peer) != 0 || o->peer.port == 0)
		prog_refuse("the server is \"%s\", accepted is an address and a port, such as 10.0.0.1:7.",
			    argv[1]);
	return false;
}

int
main(int argc, char **argv)
{
	struct echo_options options = { .port = 7, .backlog = 1024, .connections = 1, .seed = 1 };
	struct prog prog;
	char **own;
	int nb_own = prog_split(&argc, argv, usage, &own);
	bool server;
	int status;

	take_options(&options, nb_own, own);
	server = is_server(&options, nb_own - optind, own + optind);
	/* a client posts two operations a connection, a server one */
	if (!prog_open(&prog, argc, argv, options.config, server ? 65536 : 2 * options.connections))
		return 1;
	prog.sleep_after_us = options.sleep_after_us;
	if (options.host_core >= prog.nb_cores) {
		prog_complain("--host-core is %u, accepted is 0 to %u: so many cores has the host.",
			      options.host_core, prog.nb_cores - 1);
		status = 2;
	} else if (server) {
		status = echo_serve(&prog, &options);
	} else {
		status = echo_call(&prog, &options);
	}
	prog_cleanup(&prog);
	prog_end_cq(&prog);
	return status;
}
