/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lender EAL-ARGUMENTS -- CONFIGURATION FILE: for one connection to port 7, sends FILE from registered memory, and
 * takes what comes in lent buffers: that has to be FILE too. Says what the counters say, and ends.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <san/san.h>

#define PIECE (1u << 20)
#define LOANS 16

static struct san_core *core;
static struct san_cq *cq;
static struct san_overlapped accepting, sending, receiving, shutting;
static struct san_loan loans[LOANS];
static char *data;
static size_t len, sent, got;
static san_mem mem;
static int open_ops, broken;

static int
fail(const char *what, int rc)
{
	fprintf(stderr, "lender: %s: %d %s\n", what, rc, san_error());
	return 1;
}

static char *
load(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *text;

	if (f == NULL || fseek(f, 0, SEEK_END) != 0)
		return NULL;
	len = (size_t)ftell(f);
	rewind(f);
	text = malloc(len);
	if (text != NULL && fread(text, 1, len, f) != len)
		text = NULL;
	fclose(f);
	return text;
}

static void
note(int rc)
{
	open_ops += rc == 0;
	broken |= rc != 0;
}

static void
send_next(san_handle s)
{
	struct san_mem_vec v = { .base = data + sent, .len = len - sent < PIECE ? len - sent : PIECE, .mem = mem };

	if (v.len == 0) {
		note(san_shutdown(s, &shutting, 0));
		return;
	}
	sent += v.len;
	note(san_send_mem(s, &sending, &v, 1, 0));
}

static void
take(void)
{
	for (unsigned int i = 0; i < LOANS && loans[i].base != NULL; i++) {
		if (got + loans[i].len > len || memcmp(data + got, loans[i].base, loans[i].len) != 0)
			broken = 1;
		got += loans[i].len;
	}
	san_loan_return(loans, LOANS);
}

static void
on_completion(const struct san_completion *e)
{
	static san_handle s;

	open_ops--;
	broken |= e->result < 0;
	if (e->kind == SAN_OP_ACCEPT) {
		s = e->value;
		send_next(s);
		note(san_recv_loan(s, &receiving, loans, LOANS, 0));
	} else if (e->kind == SAN_OP_SEND && !broken) {
		send_next(s);
	} else if (e->kind == SAN_OP_RECV && e->result > 0) {
		take();
		note(san_recv_loan(s, &receiving, loans, LOANS, 0));
	}
}

static int
serve(void)
{
	struct san_addr any = { .port = 7 };
	struct san_completion e[16];
	san_handle listener;
	int n, i;

	if (san_cq_create(256, &cq) < 0 || san_socket(core, cq, &listener) < 0 || san_bind(listener, &any) < 0 ||
	    san_listen(listener, 8) < 0)
		return fail("no listener", 0);
	note(san_accept(listener, &accepting, 0));
	printf("serving\n");
	fflush(stdout);
	while (open_ops > 0 && !broken) {
		san_core_wait(core, 100000);
		san_core_poll(core);
		for (n = san_cq_poll(cq, e, 16), i = 0; i < n; i++)
			on_completion(&e[i]);
	}
	return broken;
}

static uint64_t
counter(const struct san_host *host, const char *name)
{
	struct san_counter list[512];
	unsigned int n = san_host_counters(host, list, 512);

	for (unsigned int i = 0; i < n && i < 512; i++)
		if (strcmp(list[i].name, name) == 0)
			return list[i].value;
	return 0;
}

int
main(int argc, char **argv)
{
	struct san_conf *conf = san_conf_create();
	struct san_host *host;
	int n = san_startup(argc, argv);
	int rc;

	if (n < 0 || argc - n < 3)
		return fail("no start", n);
	data = load(argv[n + 2]);
	rc = san_conf_load(conf, argv[n + 1]);
	if (data == NULL || rc < 0 || san_host_create(conf, &host) < 0)
		return fail("no host", rc);
	core = san_core_get(host, 0);
	rc = san_mem_register(data, len, SAN_MEM_READ, &mem);
	if (rc != 0 || san_core_claim(core) < 0)
		return fail("no registration", rc);
	rc = serve();
	printf("ended %d, got %zu, deregistered %d\n", rc, got, san_mem_deregister(mem));
	printf("lend_tx %" PRIu64 " lend_tx_copied %" PRIu64 " lend_rx %" PRIu64 " rexmit %" PRIu64 "\n",
	       counter(host, "lend_tx"), counter(host, "lend_tx_copied"), counter(host, "lend_rx"),
	       counter(host, "tcp_tx_rexmit"));
	fflush(stdout);
	if (san_cleanup() < 0)
		return fail("no cleanup", 0);
	san_conf_destroy(conf);
	free(data);
	return rc != 0;
}
