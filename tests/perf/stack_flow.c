/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flows on the stack: what kernel_flow.c is on kernel sockets.
 *
 *   perf-stack EAL-ARGUMENTS -- CONFIG BUFFER sink PORT FLOWS SECONDS
 *   perf-stack EAL-ARGUMENTS -- CONFIG BUFFER source ADDRESS:PORT FLOWS SECONDS BYTES
 *
 * BUFFER is the size of send buffer and receive window of each connection; 0: they are left to the stack.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "../../apps/common/prog.h"

#define FLOWS 64
#define CHUNK (1u << 18)

/*
 * Two ends and the way between them are three threads that poll: on fewer processors a round that finds nothing is
 * time that another lacks, and what comes meanwhile is taken, and acknowledged, together. The way rests likewise.
 */
#define NAP_US 20u

/* How long the source waits behind its time for the sink's end. */
#define SOURCE_LATE_US 10000000u

struct flow {
	struct san_overlapped tx;
	struct san_overlapped rx;
	san_handle sock;
	struct san_addr peer;
	uint64_t bytes;
	uint64_t end_us;
	uint32_t len;		/* of the send under way */
	unsigned char data[CHUNK];
};

struct job {
	struct prog prog;
	struct san_overlapped accepts[FLOWS];
	struct flow *flows[FLOWS];
	unsigned int nb_wanted;
	unsigned int nb_flows;		/* connected */
	unsigned int nb_ended;
	uint64_t start_us;
	uint64_t limit_us;
	uint64_t bytes;
	uint32_t buffer;
	bool is_sink;
	bool going;			/* the source sends */
};

static volatile sig_atomic_t go;	/* SIGUSR1 has come */

static void
on_go(int signum)
{
	(void)signum;
	go = 1;
}

static void
end_flow(struct job *j, struct flow *f)
{
	if (f->end_us != 0)
		return;
	f->end_us = prog_now_us();
	j->nb_ended++;
	san_close(f->sock, 0);
}

static void
receive(struct job *j, struct flow *f)
{
	if (san_recv(f->sock, &f->rx, f->data, CHUNK, 0) < 0)
		end_flow(j, f);
}

/* All that goes at once; the completion of the last one goes on. */
static void
fill(struct job *j, struct flow *f)
{
	int rc = 1;

	while (rc == 1 && f->bytes < j->bytes) {
		f->len = (uint32_t)(j->bytes - f->bytes < CHUNK ? j->bytes - f->bytes : CHUNK);
		rc = san_send(f->sock, &f->tx, f->data, f->len, 0);
		if (rc >= 0)
			f->bytes += f->len;
	}
	if (rc == 1)
		rc = san_shutdown(f->sock, &f->tx, 0);
	if (rc < 0)
		end_flow(j, f);
}

static struct flow *
make_flow(struct job *j, san_handle sock)
{
	struct flow *f = prog_alloc(sizeof(*f));

	if (f == NULL) {
		prog_complain("no memory.");
		exit(1);
	}
	f->sock = sock;
	f->tx.user = (uintptr_t)f;
	f->rx.user = (uintptr_t)f;
	j->flows[j->nb_flows++] = f;
	return f;
}

static void
on_connect(struct job *j, struct flow *f)
{
	receive(j, f);
	if (++j->nb_flows == j->nb_wanted)
		prog_say("connected");
}

static void
begin(struct job *j)
{
	j->going = true;
	j->start_us = prog_now_us();
	for (unsigned int i = 0; i < j->nb_flows; i++)
		fill(j, j->flows[i]);
}

static void
on_accept(struct job *j, san_handle sock)
{
	struct flow *f = make_flow(j, sock);

	san_names(sock, NULL, &f->peer);
	receive(j, f);
}

static void
on_flow(struct job *j, struct flow *f, const struct san_completion *c)
{
	if (c->result < 0) {
		if (c->kind == SAN_OP_CONNECT)
			prog_complain("connect: %s.", strerror(-(int)c->result));
		end_flow(j, f);
	} else if (c->kind == SAN_OP_CONNECT) {
		on_connect(j, f);
	} else if (c->kind == SAN_OP_SEND) {
		fill(j, f);
	} else if (c->kind == SAN_OP_RECV && c->result > 0) {
		if (j->start_us == 0)
			j->start_us = prog_now_us();
		f->bytes += j->is_sink ? (uint64_t)c->result : 0;
		receive(j, f);
	} else if (c->kind == SAN_OP_RECV) {
		end_flow(j, f);
	}
}

static void
reap(struct job *j)
{
	struct san_completion c[64];
	int n = san_cq_poll(j->prog.cq, c, 64);

	for (int i = 0; i < n; i++) {
		if (c[i].kind == SAN_OP_ACCEPT && c[i].result == 0)
			on_accept(j, c[i].value);
		else if (c[i].kind != SAN_OP_ACCEPT && c[i].kind != SAN_OP_CLOSE)
			on_flow(j, (struct flow *)(uintptr_t)c[i].user, &c[i]);
	}
}

static void
check(int rc, const char *what)
{
	if (rc < 0) {
		prog_complain("%s: %s.", what, strerror(-rc));
		exit(1);
	}
}

static san_handle
make_socket(struct job *j)
{
	san_handle sock;

	check(san_socket(j->prog.cores[0], j->prog.cq, &sock), "socket");
	if (j->buffer > 0) {
		check(san_set_option(sock, SAN_OPT_SNDBUF, j->buffer), "send buffer");
		check(san_set_option(sock, SAN_OPT_RCVBUF, j->buffer), "receive window");
	}
	return sock;
}

static void
start_sink(struct job *j, const char *port)
{
	struct san_addr any = { .port = (uint16_t)atoi(port) };
	san_handle listener = make_socket(j);

	check(san_bind(listener, &any), "bind");
	check(san_listen(listener, FLOWS), "listen");
	for (unsigned int i = 0; i < j->nb_wanted; i++)
		check(san_accept(listener, &j->accepts[i], 0), "accept");
	prog_say("ready");
}

static void
start_source(struct job *j, const char *server)
{
	struct san_addr peer;

	check(san_addr_parse(server, &peer), "the address");
	for (unsigned int i = 0; i < j->nb_wanted; i++) {
		struct flow *f = make_flow(j, make_socket(j));

		check(san_connect(f->sock, &f->tx, &peer, 0), "connect");
	}
	j->nb_flows = 0; /* those that are connected count */
}

static void
say_flows(const struct job *j)
{
	for (unsigned int i = 0; i < j->nb_flows; i++) {
		const struct flow *f = j->flows[i];
		char text[SAN_ADDR_TEXT];

		san_addr_format(&f->peer, text);
		text[strcspn(text, ":")] = '\0';
		prog_say("flow %u: %" PRIu64 " bytes in %" PRIu64 " us from %s", i, f->bytes,
			 (f->end_us ? f->end_us : prog_now_us()) - j->start_us, text);
	}
}

static void
run(struct job *j)
{
	uint64_t late_us = j->is_sink ? 0 : SOURCE_LATE_US;

	while (!prog_stop && !j->prog.down && j->nb_ended < j->nb_wanted) {
		prog_poll(&j->prog);
		reap(j);
		if (!j->is_sink && !j->going && go && j->nb_flows == j->nb_wanted)
			begin(j);
		if (j->start_us != 0 && prog_now_us() - j->start_us >= j->limit_us + late_us)
			break;
	}
}

static void
say_counters(const struct job *j)
{
	struct san_counter list[256];
	unsigned int nb = san_host_counters(j->prog.hosts[0], list, 256);

	for (unsigned int i = 0; i < nb && i < 256; i++)
		if (list[i].value > 0)
			prog_say("counter %s %llu", list[i].name, (unsigned long long)list[i].value);
}

int
main(int argc, char **argv)
{
	static struct job j;
	char **own;
	int nb_own = prog_split(&argc, argv, "perf-stack: see the head of tests/perf/stack_flow.c\n", &own);

	if (nb_own < 7)
		prog_refuse("CONFIG BUFFER sink|source PORT|ADDRESS:PORT FLOWS SECONDS [BYTES] are needed.");
	j.buffer = (uint32_t)prog_number("BUFFER", own[2], 0, 64u << 20);
	j.is_sink = strcmp(own[3], "sink") == 0;
	j.nb_wanted = (unsigned int)prog_number("FLOWS", own[5], 1, FLOWS);
	j.limit_us = (uint64_t)(atof(own[6]) * 1e6);
	j.bytes = nb_own > 7 ? prog_number("BYTES", own[7], 1, UINT64_MAX) : 0;
	if (!prog_open(&j.prog, argc, argv, own[1], 1024))
		return 1;
	j.prog.nap_us = NAP_US;
	/* else the kernel adds up to 50 us to each nap */
	prctl(PR_SET_TIMERSLACK, 1000UL);
	signal(SIGUSR1, on_go);
	if (j.is_sink)
		start_sink(&j, own[4]);
	else
		start_source(&j, own[4]);
	run(&j);
	if (j.is_sink)
		say_flows(&j);
	say_counters(&j);
	prog_cleanup(&j.prog);
	prog_end_cq(&j.prog);
	return 0;
}
