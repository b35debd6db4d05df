/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The common path, so many times: two hosts on a virtual clock, nothing lost. Run under callgrind with two
 * counts, the difference is what one of them costs (tests/perf/instructions). How many poll rounds it took
 * is printed, so that what rounds cost can be told from what messages cost.
 *
 *   perf-path echo N    one connection: 64 bytes there and back
 *   perf-path bulk N    one connection: one full segment there, acknowledged as it comes
 *   perf-path crowd N   32 connections at once, each round for all of them: 64 bytes there and back, each
 *   perf-path idle N    empty rounds
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/vhost.h"

#define FULL 1448
#define CROWD 32

static struct vhost host[2];
static unsigned long nb_rounds;

/* Frames cross at once; nothing more to do ends it. */
static void
settle(void)
{
	struct rte_mbuf *m;
	unsigned int n;

	do {
		n = 0;
		for (int i = 0; i < 2; i++) {
			vhost_round(&host[i]);
			nb_rounds++;
			while ((m = vhost_take(&host[i])) != NULL)
				n += vhost_put(&host[1 - i], 0, m);
		}
	} while (n > 0);
	vhost_now_us += 50;
}

static void
wait_for(struct san_overlapped *op)
{
	while (san_op_status(op) == -EINPROGRESS)
		settle();
	if (san_op_status(op) < 0) {
		fprintf(stderr, "an operation ended with %d\n", san_op_status(op));
		exit(1);
	}
}

static struct {
	san_handle end[2];
	struct san_overlapped send;
	struct san_overlapped recv;
	char in[FULL];
} calls[CROWD];

/* Half a round trip of n connections: len bytes from one end to the other. */
static void
send_all(unsigned int n, unsigned int from, uint32_t len)
{
	static char out[FULL];

	for (unsigned int i = 0; i < n; i++) {
		san_recv(calls[i].end[1 - from], &calls[i].recv, calls[i].in, len,
			 SAN_POLLED | SAN_WAITALL);
		san_send(calls[i].end[from], &calls[i].send, out, len, SAN_POLLED);
	}
	for (unsigned int i = 0; i < n; i++) {
		wait_for(&calls[i].send);
		wait_for(&calls[i].recv);
	}
}

static void
connect_all(unsigned int n)
{
	static struct san_overlapped accepted, connected;
	struct san_addr peer = vhost_addr("10.1.0.2", 7);
	san_handle listener;
	struct san_cq *cq;

	san_cq_create(64, &cq);
	san_socket(host[1].core[0], cq, &listener);
	san_bind(listener, &peer);
	san_listen(listener, 8);
	for (unsigned int i = 0; i < n; i++) {
		san_accept(listener, &accepted, SAN_POLLED);
		san_socket(host[0].core[0], cq, &calls[i].end[0]);
		san_connect(calls[i].end[0], &connected, &peer, SAN_POLLED);
		wait_for(&connected);
		wait_for(&accepted);
		calls[i].end[1] = accepted.u.accepted;
	}
}

int
main(int argc, char **argv)
{
	bool idle, bulk;
	unsigned int n;

	if (argc != 3)
		return fprintf(stderr, "usage: perf-path echo|bulk|crowd|idle COUNT\n"), 2;
	idle = strcmp(argv[1], "idle") == 0;
	bulk = strcmp(argv[1], "bulk") == 0;
	n = strcmp(argv[1], "crowd") == 0 ? CROWD : 1;
	vhost_startup();
	vhost_open(&host[0], &(struct vhost_wish){ .address = "10.1.0.1/24" });
	vhost_open(&host[1], &(struct vhost_wish){ .address = "10.1.0.2/24" });
	connect_all(n);
	for (int i = 0; i < atoi(argv[2]); i += (int)n) {
		if (idle)
			settle();
		else
			send_all(n, 0, bulk ? FULL : 64);
		if (!idle && !bulk)
			send_all(n, 1, 64);
	}
	printf("rounds %lu\n", nb_rounds);
	vhost_cleanup();
	return 0;
}
