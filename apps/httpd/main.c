/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "httpd.h"

#define ACCEPTS 64
#define CQ_DEPTH 65536
#define LAST_CLOSES_US 2000000u

static const char usage[] =
	"san-httpd EAL-ARGUMENTS -- --config FILE --root FOLDER [OPTIONS]\n"
	"\n"
	"Reads a folder into memory and serves it over HTTP/1.1: GET and HEAD, keep-alive.\n"
	"\n"
	"  --config FILE      the host: doc/configuration.md, examples in config/\n"
	"  --root FOLDER      what is served; names that begin with '.' and links are left out\n"
	"  --port N           default 80\n"
	"  --backlog N        connections that may wait, default 1024\n"
	"  --max-bytes N      of the folder at most, default 1000000000\n"
	"  --host-core N      core of the listener, default 0; all cores are polled\n"
	"\n"
	"Ends with SIGINT or SIGTERM.\n"
	"Example: san-httpd --no-huge --no-pci --no-shconf -m 256 -- --config config/tap.conf --root doc\n";

struct options {
	const char *config;
	const char *root;
	uint16_t port;
	unsigned int backlog;
	unsigned int host_core;
	uint64_t max_bytes;
};

static const struct option option_list[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "root", required_argument, NULL, 'r' },
	{ "port", required_argument, NULL, 'p' },
	{ "backlog", required_argument, NULL, 'b' },
	{ "max-bytes", required_argument, NULL, 'm' },
	{ "host-core", required_argument, NULL, 'k' },
	{ NULL, 0, NULL, 0 },
};

static void
take_options(struct options *o, int argc, char **argv)
{
	int id;

	optind = 0;
	opterr = 0;
	while ((id = getopt_long(argc, argv, "", option_list, NULL)) != -1) {
		if (id == 'c')
			o->config = optarg;
		else if (id == 'r')
			o->root = optarg;
		else if (id == 'p')
			o->port = (uint16_t)prog_number("--port", optarg, 1, 65535);
		else if (id == 'b')
			o->backlog = (unsigned int)prog_number("--backlog", optarg, 1, 65535);
		else if (id == 'm')
			o->max_bytes = prog_number("--max-bytes", optarg, 1, UINT64_MAX);
		else if (id == 'k')
			o->host_core = (unsigned int)prog_number("--host-core", optarg, 0, PROG_CORES - 1);
		else
			prog_refuse("\"%s\" is not an option, or lacks its value.", argv[optind - 1]);
	}
	if (optind < argc)
		prog_refuse("\"%s\" is not an option.", argv[optind]);
	if (o->config == NULL)
		prog_refuse("--config FILE is missing; own arguments stand behind \"--\".");
	if (o->root == NULL)
		prog_refuse("--root FOLDER is missing.");
}

static int
open_listener(struct server *s, const struct options *o, struct san_overlapped *accepts)
{
	const struct san_addr any = { .port = o->port };
	int rc;

	if (o->host_core >= s->prog->nb_cores)
		return -EINVAL;
	rc = san_socket(s->prog->cores[o->host_core], s->prog->cq, &s->listener);
	if (rc != 0)
		return rc;
	s->closes_due++;
	rc = san_bind(s->listener, &any);
	if (rc == 0)
		rc = san_listen(s->listener, o->backlog);
	for (int i = 0; i < ACCEPTS && rc == 0; i++)
		rc = san_accept(s->listener, &accepts[i], 0);
	s->listening = rc == 0;
	return rc;
}

static void
on_accept(struct server *s, const struct san_completion *comp)
{
	if (comp->result == 0) {
		s->accepted++;
		if (!conn_open(s, comp->value))
			s->refused++;
	} else if (comp->result != -ECANCELED) {
		s->refused++;
	}
	if (s->listening)
		san_accept(s->listener, comp->op, 0);
}

static void
reap(struct server *s)
{
	struct san_completion comp[64];
	int nb = san_cq_poll(s->prog->cq, comp, 64);

	for (int i = 0; i < nb; i++) {
		if (comp[i].kind == SAN_OP_ACCEPT)
			on_accept(s, &comp[i]);
		else
			conn_event(s, &comp[i]);
	}
}

static void
say_progress(const struct server *s, uint64_t *said)
{
	if (s->requests == *said)
		return;
	prog_say("%llu connections open, %llu requests, %.1f MB sent", (unsigned long long)s->open,
		 (unsigned long long)s->requests, (double)s->bytes / 1e6);
	*said = s->requests;
}

static void
serve(struct server *s)
{
	uint64_t said = 0;

	while (!prog_stop && !s->prog->down) {
		prog_poll(s->prog);
		reap(s);
		if (prog_tick(s->prog)) {
			conn_expire(s, prog_now_us());
			say_progress(s, &said);
		}
	}
}

static void
close_all(struct server *s)
{
	uint64_t end_us = prog_now_us() + LAST_CLOSES_US;

	s->listening = false;
	san_close(s->listener, 0);
	conn_close_all(s);
	while (s->closes_due > 0 && !s->prog->down && prog_now_us() < end_us) {
		prog_poll(s->prog);
		reap(s);
	}
}

static int
run(struct prog *p, const struct options *o, const struct files *files)
{
	static struct san_overlapped accepts[ACCEPTS];
	static struct server s;
	int rc;

	s.prog = p;
	s.files = files;
	rc = open_listener(&s, o, accepts);
	if (rc != 0) {
		prog_complain("port %u of core %u cannot be listened on: %s.", o->port, o->host_core,
			      strerror(-rc));
	} else {
		prog_say("serving %zu files, %llu bytes, on port %u", files->nb,
			 (unsigned long long)files->bytes, o->port);
		serve(&s);
	}
	close_all(&s);
	if (rc == 0)
		prog_say("%llu connections, %llu requests (%llu answered with an error), %llu bytes sent; "
			 "%llu connections broken off, %llu refused for lack of room",
			 (unsigned long long)s.accepted, (unsigned long long)s.requests,
			 (unsigned long long)s.errors, (unsigned long long)s.bytes,
			 (unsigned long long)s.broken, (unsigned long long)s.refused);
	return rc == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct options options = { .port = 80, .backlog = 1024, .max_bytes = 1000000000 };
	struct files files = { .list = NULL };
	struct prog prog;
	char **own;
	int nb_own = prog_split(&argc, argv, usage, &own);
	int status = 1;

	take_options(&options, nb_own, own);
	files.max_bytes = options.max_bytes;
	if (files_load(&files, options.root) && prog_open(&prog, argc, argv, options.config, CQ_DEPTH)) {
		status = run(&prog, &options, &files);
		prog_cleanup(&prog);
		prog_end_cq(&prog);
	}
	files_free(&files);
	return status;
}
