/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The common path, so many times: two hosts on a virtual clock, one connection, nothing lost. Run under
 * callgrind with two counts, the difference is what one of them costs (tests/perf/instructions). How many
 * poll rounds it took is printed, so that what an empty round costs can be taken off.
 *
 *   perf-path echo N   64 bytes there and back
 *   perf-path bulk N   one full segment there, acknowledged as it comes
 *   perf-path idle N   empty rounds
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/vhost.h"

#define FULL 1448

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

/* Half a round trip: from s to r. */
static void
send_one(san_handle s, san_handle r, uint32_t len)
{
	static struct san_overlapped op[2];
	static char in[FULL], out[FULL];

	san_recv(r, &op[1], in, len, SAN_POLLED | SAN_WAITALL);
	if (san_send(s, &op[0], out, len, SAN_POLLED) == 0)
		wait_for(&op[0]);
	wait_for(&op[1]);
}

int
main(int argc, char **argv)
{
	static struct san_overlapped op[2];
	struct san_addr peer = vhost_addr("10.1.0.2", 7);
	san_handle s[2], a;
	struct san_cq *cq;
	bool echo, idle;

	if (argc != 3)
		return fprintf(stderr, "usage: perf-path echo|bulk|idle COUNT\n"), 2;
	echo = strcmp(argv[1], "echo") == 0;
	idle = strcmp(argv[1], "idle") == 0;
	vhost_startup();
	vhost_open(&host[0], &(struct vhost_wish){ .address = "10.1.0.1/24" });
	vhost_open(&host[1], &(struct vhost_wish){ .address = "10.1.0.2/24" });
	san_cq_create(64, &cq);
	san_socket(host[1].core[0], cq, &s[1]);
	san_bind(s[1], &peer);
	san_listen(s[1], 8);
	san_accept(s[1], &op[0], SAN_POLLED);
	san_socket(host[0].core[0], cq, &s[0]);
	san_connect(s[0], &op[1], &peer, SAN_POLLED);
	wait_for(&op[1]);
	wait_for(&op[0]);
	a = op[0].u.accepted;
	for (int i = 0; i < atoi(argv[2]); i++) {
		if (idle)
			settle();
		else
			send_one(s[0], a, echo ? 64 : FULL);
		if (echo)
			send_one(a, s[0], 64);
	}
	printf("rounds %lu\n", nb_rounds);
	vhost_cleanup();
	return 0;
}
