/* SPDX-License-Identifier: BSD-3-Clause */
/* Echo over the SAN provider interface (san/wsp.h): the program plays the switch. */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "../common/prog.h"
#include "conn.h"

static const char usage[] =
	"wsp-echo EAL-ARGUMENTS -- --config FILE [--port N] server ADDRESS\n"
	"wsp-echo EAL-ARGUMENTS -- --config FILE [--port N] [--bytes N] client ADDRESS PEER\n"
	"\n"
	"Sends back what it receives, or sends and waits for as many bytes; by the functions of the SAN provider\n"
	"interface. ADDRESS is the host's own, as in its configuration.\n"
	"\n"
	"  --config FILE   the host: doc/configuration.md, examples in config/\n"
	"  --port N        of the server, default 7\n"
	"  --bytes N       default 1000000\n"
	"\n"
	"The server ends with SIGINT or SIGTERM. The client's exit status is 0 when all came back.\n"
	"Example: wsp-echo --no-huge --no-pci --no-shconf -m 256 -- --config config/tap.conf server 10.9.0.2\n";

#define BACKLOG 128

struct options {
	const char *config;
	uint16_t port;
	uint64_t bytes;
	const char *mode;
	const char *address;
	const char *peer;
};

static struct provider provider;
static struct event event;
static bool ended;
static SOCKET client = INVALID_SOCKET;

static void
on_closed(SOCKET s)
{
	conn_end(s);
	ended |= s == client;
}

static struct sockaddr_in
name_of(const char *text, uint16_t port)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(port) };

	if (inet_pton(AF_INET, text, &name.sin_addr) != 1)
		prog_refuse("%s is not an IPv4 address", text);
	return name;
}

/* A socket that is bound and tells its events. @return INVALID_SOCKET: it was complained. */
static SOCKET
open_socket(const char *address, uint16_t port, LONG events)
{
	struct sockaddr_in local = name_of(address, port);
	INT code = 0;
	SOCKET s = provider.call.lpWSPSocket(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED, &code);

	if (s == INVALID_SOCKET ||
	    provider.call.lpWSPBind(s, (struct sockaddr *)&local, sizeof(local), &code) != 0 ||
	    provider.call.lpWSPEventSelect(s, &event, events, &code) != 0) {
		prog_complain("%s port %u: %s", address, port, switch_text(code));
		return INVALID_SOCKET;
	}
	return s;
}

/* What was recorded since the last look. */
static WSANETWORKEVENTS
look(SOCKET s)
{
	WSANETWORKEVENTS seen = { 0 };

	provider.call.lpWSPEnumNetworkEvents(s, &event, &seen, NULL);
	return seen;
}

static int CALLBACK
accept_anybody(LPWSABUF caller, LPWSABUF caller_data, LPQOS sqos, LPQOS gqos, LPWSABUF callee,
	       LPWSABUF callee_data, GROUP *g, DWORD_PTR data)
{
	(void)caller;
	(void)caller_data;
	(void)sqos;
	(void)gqos;
	(void)callee;
	(void)callee_data;
	(void)g;
	(void)data;
	return CF_ACCEPT;
}

static bool
serve(struct prog *prog, const struct options *o)
{
	SOCKET s = open_socket(o->address, o->port, FD_ACCEPT);
	unsigned long long nb_accepted = 0;
	INT code;

	if (s == INVALID_SOCKET)
		return false;
	if (provider.call.lpWSPListen(s, BACKLOG, &code) != 0) {
		prog_complain("%s port %u cannot be listened on: %s", o->address, o->port, switch_text(code));
		return false;
	}
	prog_say("listening on %s port %u", o->address, o->port);
	while (!prog_stop && !prog->down) {
		prog_poll(prog);
		if (!event.set || (look(s).lNetworkEvents & FD_ACCEPT) == 0)
			continue;
		SOCKET got = provider.call.lpWSPAccept(s, NULL, NULL, accept_anybody, 0, &code);

		if (got == INVALID_SOCKET)
			continue;
		nb_accepted++;
		conn_begin(&provider, got, 0);
	}
	prog_say("%llu connections accepted, %llu bytes sent back", nb_accepted, (unsigned long long)conn_sent_back);
	return true;
}

static bool
run_client(struct prog *prog, const struct options *o)
{
	struct sockaddr_in peer = name_of(o->peer, o->port);
	uint64_t begin_us = prog_now_us();
	WSANETWORKEVENTS seen;
	INT code = 0;

	client = open_socket(o->address, 0, FD_CONNECT);
	if (client == INVALID_SOCKET)
		return false;
	provider.call.lpWSPConnect(client, (struct sockaddr *)&peer, sizeof(peer), NULL, NULL, NULL, NULL, &code);
	while (!event.set && !prog_stop && !prog->down && code == WSAEWOULDBLOCK)
		prog_poll(prog);
	seen = look(client);
	code = code == WSAEWOULDBLOCK ? seen.iErrorCode[FD_CONNECT_BIT] : code;
	if (code != 0 || (seen.lNetworkEvents & FD_CONNECT) == 0) {
		prog_complain("%s port %u: %s", o->peer, o->port, switch_text(code));
		return false;
	}
	conn_begin(&provider, client, o->bytes);
	while (!ended && !prog_stop && !prog->down)
		prog_poll(prog);
	if (conn_result != 0 || !ended) {
		prog_complain("it ended early: %s", switch_text(conn_result));
		return false;
	}
	prog_say("%llu bytes there and back in %llu ms", (unsigned long long)o->bytes,
		 (unsigned long long)((prog_now_us() - begin_us) / 1000));
	return true;
}

static void
take_options(struct options *o, int argc, char **argv)
{
	static const struct option list[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "port", required_argument, NULL, 'p' },
		{ "bytes", required_argument, NULL, 'b' },
		{ NULL, 0, NULL, 0 },
	};
	int id;

	*o = (struct options){ .port = 7, .bytes = 1000000 };
	while ((id = getopt_long(argc, argv, "", list, NULL)) != -1) {
		if (id == 'c')
			o->config = optarg;
		else if (id == 'p')
			o->port = (uint16_t)prog_number("--port", optarg, 1, UINT16_MAX);
		else if (id == 'b')
			o->bytes = prog_number("--bytes", optarg, 1, UINT64_MAX);
		else
			prog_refuse("there is no such option");
	}
	if (o->config == NULL || optind + 2 > argc)
		prog_refuse("--config, what to be, and the address are needed");
	o->mode = argv[optind];
	o->address = argv[optind + 1];
	o->peer = optind + 2 < argc ? argv[optind + 2] : NULL;
	if (strcmp(o->mode, "server") != 0 && (strcmp(o->mode, "client") != 0 || o->peer == NULL))
		prog_refuse("server ADDRESS, or client ADDRESS PEER");
}

int
main(int argc, char **argv)
{
	struct prog prog = { 0 };
	struct options o;
	char **own;
	int nb = prog_split(&argc, argv, usage, &own);
	bool good = false;
	int rc;

	take_options(&o, nb, own);
	switch_closed = on_closed;
	if (!prog_open(&prog, argc, argv, o.config, 16))
		return 1;
	rc = switch_start(&provider);
	if (rc != 0) {
		prog_complain("the provider does not start: %s", switch_text(rc));
	} else {
		good = strcmp(o.mode, "server") == 0 ? serve(&prog, &o) : run_client(&prog, &o);
		provider.call.lpWSPCleanup(NULL);
	}
	prog_cleanup(&prog);
	prog_end_cq(&prog);
	return good ? 0 : 1;
}
