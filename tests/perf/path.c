/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The common path, so many times: two hosts on a virtual clock, nothing lost. Run under callgrind with two
 * counts, the difference is what one of them costs (tests/perf/instructions). How many poll rounds it took
 * is printed, so that what rounds cost can be told from what messages cost.
 *
 *   perf-path echo N    one connection: 64 bytes there and back
 *   perf-path bulk N    one connection: one full segment there, acknowledged as it comes
 *   perf-path crowd N   32 connections at once, each round for all of them: 64 bytes there and back, each
 *   perf-path bare N    the same, where neither SACK nor timestamps were agreed on
 *   perf-path many N    the crowd, 32 of 992 connections in turn, so that all that a connection has is cold
 *   perf-path answer N  one connection, bare: what its server does from the burst that brings 64 bytes to the one that
 *                       takes the answer, which both show (CALLGRIND_TOGGLE_COLLECT); the rounds are its too, and how
 *                       many cycles that took
 *   perf-path idle N    empty rounds
 *   perf-path open N    connections that are opened, accepted, and closed at both ends
 *   perf-path short N   32 at once of a whole life each: opened, 64 bytes there and back, ended by the client and then
 *                       by the server; what the server does is all in serve_turn()
 *   perf-path blast N   the same with a client that is no stack (blast.h)
 *   perf-path lookup100 N, lookup100000 N   flows found in a table of so many, spread over it
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_TOGGLE_COLLECT ((void)0)
#endif

#include "core/priv.h"
#include "kit/vhost.h"
#include "perf/blast.h"
#include "wire/cksum.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

#define FULL 1448
#define CROWD 32
#define MANY (31 * CROWD)

static struct vhost host[2];
static unsigned long nb_rounds;
static bool is_bare;

enum { NOP = 1, SACK_PERMITTED = 4, TIMESTAMP = 8 };

/* What a SYN offers of SACK and timestamps is lost on the way, as behind some middleboxes. */
static void
take_offers(struct rte_mbuf *m)
{
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, SANI_ETH_HDR);
	uint8_t *tcp = ip + SANI_IP4_HDR_MIN;
	uint16_t len = (uint16_t)(m->pkt_len - SANI_ETH_HDR - SANI_IP4_HDR_MIN);
	uint32_t addr_be[2];
	uint16_t sum;

	if (ip[0] != 0x45 || !(tcp[13] & SANI_TCP_SYN))
		return;
	for (uint8_t *p = tcp + SANI_TCP_HDR_MIN, *next; p < tcp + len && p[0] != 0; p = next) {
		next = p[0] == NOP ? p + 1 : p + p[1];
		if (p[0] == SACK_PERMITTED || p[0] == TIMESTAMP)
			memset(p, NOP, (size_t)(next - p));
	}
	memset(tcp + 16, 0, sizeof(sum));
	memcpy(addr_be, ip + 12, sizeof(addr_be));
	sum = (uint16_t)~sani_cksum_l4(m, SANI_ETH_HDR + SANI_IP4_HDR_MIN, len,
				       sani_cksum_pseudo4(addr_be[0], addr_be[1], 6, len));
	memcpy(tcp + 16, &sum, sizeof(sum));
}

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
			while ((m = vhost_take(&host[i])) != NULL) {
				if (is_bare)
					take_offers(m);
				n += vhost_put(&host[1 - i], 0, m);
			}
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
} calls[MANY];

/* Half a round trip of n connections, from the first on: len bytes from one end to the other. */
static void
send_all(unsigned int first, unsigned int n, unsigned int from, uint32_t len)
{
	static char out[FULL];

	for (unsigned int i = first; i < first + n; i++) {
		san_recv(calls[i].end[1 - from], &calls[i].recv, calls[i].in, len,
			 SAN_POLLED | SAN_WAITALL);
		san_send(calls[i].end[from], &calls[i].send, out, len, SAN_POLLED);
	}
	for (unsigned int i = first; i < first + n; i++) {
		wait_for(&calls[i].send);
		wait_for(&calls[i].recv);
	}
}

static san_handle listener;
static struct san_cq *all;

static void
listen_here(struct san_cq *cq)
{
	struct san_addr at = vhost_addr("10.1.0.2", 7);

	san_cq_create(64, &all);
	san_socket(host[1].core[0], cq != NULL ? cq : all, &listener);
	san_bind(listener, &at);
	san_listen(listener, 8);
}

static void
connect_all(unsigned int n)
{
	static struct san_overlapped accepted, connected;
	struct san_addr peer = vhost_addr("10.1.0.2", 7);

	for (unsigned int i = 0; i < n; i++) {
		san_accept(listener, &accepted, SAN_POLLED);
		san_socket(host[0].core[0], all, &calls[i].end[0]);
		san_connect(calls[i].end[0], &connected, &peer, SAN_POLLED);
		wait_for(&connected);
		wait_for(&accepted);
		calls[i].end[1] = accepted.u.accepted;
	}
}

static void
close_both(void)
{
	struct san_completion comp[2];

	for (int i = 0; i < 2; i++)
		san_close(calls[0].end[i], 0);
	for (int n = 0; n < 2; n += san_cq_poll(all, comp, 2))
		settle();
}

/* A short connection, at one of its ends. */
static struct life {
	san_handle sock;
	struct san_overlapped recv, send;
	char in[64];
} ends[2][CROWD];

static unsigned int nb_closed[2];

static void
pass_on(unsigned int from)
{
	struct rte_mbuf *m;

	while ((m = vhost_take(&host[from])) != NULL)
		vhost_put(&host[1 - from], 0, m);
}

/* As a device does it: in buffers of the receiver's own pool. */
static void
carry(unsigned int from)
{
	struct rte_mbuf *m;

	while ((m = vhost_take(&host[from])) != NULL) {
		vhost_put(&host[1 - from], 0, rte_pktmbuf_copy(m, host[1 - from].below->pool, 0, UINT32_MAX));
		rte_pktmbuf_free(m);
	}
}

static __attribute__((noinline)) void
serve_turn(struct san_cq *cq)
{
	struct san_completion comp[CROWD];
	int n;

	vhost_round(&host[1]);
	nb_rounds++;
	n = san_cq_poll(cq, comp, CROWD);
	for (int i = 0; i < n; i++) {
		struct life *l = (struct life *)(uintptr_t)comp[i].user;

		if (comp[i].kind == SAN_OP_ACCEPT) {
			l->sock = comp[i].value;
			san_recv(l->sock, &l->recv, l->in, 64, 0);
		} else if (comp[i].kind == SAN_OP_RECV && comp[i].result > 0) {
			san_send(l->sock, &l->send, l->in, 64, 0);
			san_recv(l->sock, &l->recv, l->in, 64, 0);
		} else if (comp[i].kind == SAN_OP_RECV) {
			san_shutdown(l->sock, &l->send, 0);
		} else if (comp[i].kind == SAN_OP_SHUTDOWN) {
			san_close(l->sock, 0);
		} else if (comp[i].kind == SAN_OP_CLOSE) {
			nb_closed[1]++;
		}
	}
}

static void
ask_turn(struct san_cq *cq)
{
	struct san_completion comp[CROWD];
	int n;

	vhost_round(&host[0]);
	n = san_cq_poll(cq, comp, CROWD);
	for (int i = 0; i < n; i++) {
		struct life *l = (struct life *)(uintptr_t)comp[i].user;

		if (comp[i].kind == SAN_OP_CONNECT) {
			san_recv(l->sock, &l->recv, l->in, 64, 0);
			san_send(l->sock, &l->send, l->in, 64, 0);
		} else if (comp[i].kind == SAN_OP_RECV && comp[i].result > 0) {
			san_shutdown(l->sock, &l->send, 0);
			san_recv(l->sock, &l->recv, l->in, 64, 0);
		} else if (comp[i].kind == SAN_OP_RECV) {
			san_close(l->sock, 0);
		} else if (comp[i].kind == SAN_OP_CLOSE) {
			nb_closed[0]++;
		}
	}
}

static void
live_short_lives(unsigned int count)
{
	struct san_addr peer = vhost_addr("10.1.0.2", 7);
	struct san_cq *cq[2];

	san_cq_create(4 * CROWD, &cq[0]);
	san_cq_create(4 * CROWD, &cq[1]);
	san_socket(host[1].core[0], cq[1], &listener);
	san_bind(listener, &peer);
	san_listen(listener, CROWD);
	for (unsigned int done = 0; done < count; done += CROWD) {
		for (unsigned int i = 0; i < CROWD; i++) {
			for (int side = 0; side < 2; side++)
				ends[side][i].recv.user = ends[side][i].send.user = (uintptr_t)&ends[side][i];
			san_accept(listener, &ends[1][i].recv, 0);
			san_socket(host[0].core[0], cq[0], &ends[0][i].sock);
			san_connect(ends[0][i].sock, &ends[0][i].recv, &peer, 0);
		}
		nb_closed[0] = nb_closed[1] = 0;
		while (nb_closed[0] < CROWD || nb_closed[1] < CROWD) {
			ask_turn(cq[0]);
			pass_on(0);
			serve_turn(cq[1]);
			pass_on(1);
			vhost_now_us += 50;
		}
		vhost_now_us += 1000;
	}
}

/* Its rounds and what it does between them, as a program does that receives repeatedly and sends back. */
static void
serve_one(struct san_cq *cq, struct san_pieces *pieces, struct san_overlapped *send)
{
	struct san_completion comp[CROWD];

	while (rte_ring_empty(host[1].out[0])) {
		vhost_round(&host[1]);
		nb_rounds++;
		if (san_cq_poll(cq, comp, CROWD) == 0)
			continue;
		san_send(calls[0].end[1], send, (const void *)(uintptr_t)comp[0].value, (uint32_t)comp[0].result, 0);
		san_give_back(pieces, 1);
	}
}

static eth_rx_burst_t rx_below;
static eth_tx_burst_t tx_below;
static bool is_answering;

/* How long each answer took, in cycles of the clock: what disturbs a run makes single ones long. */
#define TIMED 65536u

static uint32_t taken[TIMED];
static uint64_t begun;
static unsigned int nb_taken;

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void
print_taken(void)
{
	unsigned int n = nb_taken < TIMED ? nb_taken : TIMED;
	double sum = 0;

	qsort(taken, n, sizeof(taken[0]), compare);
	for (unsigned int i = n / 4; i < n - n / 4; i++)
		sum += taken[i];
	printf("cycles %.1f of an answer, the middle half of all\n", sum / (n - n / 4 - n / 4));
}

static uint16_t
rx_shown(void *queue, struct rte_mbuf **m, uint16_t n)
{
	uint16_t nb = rx_below(queue, m, n);

	if (nb > 0 && !is_answering) {
		is_answering = true;
		begun = rte_rdtsc();
		CALLGRIND_TOGGLE_COLLECT;
	}
	return nb;
}

static uint16_t
tx_shown(void *queue, struct rte_mbuf **m, uint16_t n)
{
	if (is_answering) {
		CALLGRIND_TOGGLE_COLLECT;
		taken[nb_taken++ % TIMED] = (uint32_t)(rte_rdtsc() - begun);
		is_answering = false;
	}
	return tx_below(queue, m, n);
}

static void
show_bursts(void)
{
	struct rte_eth_fp_ops *ops = &rte_eth_fp_ops[host[1].below->ports[0].id];

	rx_below = ops->rx_pkt_burst;
	tx_below = ops->tx_pkt_burst;
	ops->rx_pkt_burst = rx_shown;
	ops->tx_pkt_burst = tx_shown;
}

static void
answer_all(unsigned int count)
{
	static struct san_overlapped recv, send;
	struct san_pieces pieces = { .mem = calls[0].in, .size = 64, .nb = 1 };
	struct san_cq *cq;

	san_cq_create(64, &cq);
	listen_here(cq);
	connect_all(1);
	san_recv_repeat(calls[0].end[1], &recv, &pieces, 0);
	show_bursts();
	for (unsigned int i = 0; i < count; i++) {
		static char in[64];

		san_recv(calls[0].end[0], &calls[0].recv, in, 64, SAN_POLLED | SAN_WAITALL);
		san_send(calls[0].end[0], &calls[0].send, in, 64, SAN_POLLED);
		vhost_round(&host[0]);
		carry(0);
		serve_one(cq, &pieces, &send);
		carry(1);
		vhost_round(&host[0]);
		if (san_op_status(&calls[0].recv) != 64)
			exit(1);
		vhost_now_us += 50;
	}
}

static struct sani_tuple
tuple_of(uint32_t i)
{
	struct sani_tuple t = { .local = sani_ip_from_v4(1), .remote = sani_ip_from_v4(i), .local_port = 7 };

	return t;
}

/* Not whole connections: as much of them as a look-up sees. No core is polled any more. */
static int
look_up(uint32_t nb, uint32_t count)
{
	struct sani_core *core = host[0].below->cores[0];
	uint32_t found = 0;

	for (uint32_t i = 0; i < nb; i++) {
		struct sani_tuple t = tuple_of(i);
		struct sani_tcp_conn *c = sani_conn_alloc(core, (uint32_t)sani_flow_hash(&core->host->flow_key, &t));

		c->tuple = t;
		sani_conn_enter(core, c);
	}
	for (uint32_t i = 0; i < count; i++) {
		struct sani_tuple t = tuple_of(i * 7919u % nb);

		found += sani_conn_find(core, &t, (uint32_t)sani_flow_hash(&core->host->flow_key, &t)) !=
			 SANI_FLOW_NOTHING;
	}
	printf("rounds %lu\n", nb_rounds);
	fflush(stdout);
	_Exit(found != count);
}

int
main(int argc, char **argv)
{
	bool idle, bulk, opens, answers;
	unsigned int n, all_of_them, count;

	if (argc != 3)
		return fprintf(stderr, "usage: perf-path echo|bulk|crowd|bare|many|answer|idle"
			       "|open|short|blast|lookup100|lookup100000 COUNT\n"), 2;
	opens = strcmp(argv[1], "open") == 0;
	idle = strcmp(argv[1], "idle") == 0;
	bulk = strcmp(argv[1], "bulk") == 0;
	answers = strcmp(argv[1], "answer") == 0;
	is_bare = answers || strcmp(argv[1], "bare") == 0;
	all_of_them = strcmp(argv[1], "many") == 0 ? MANY :
		      (is_bare && !answers) || strcmp(argv[1], "crowd") == 0 ? CROWD : 1;
	n = all_of_them < CROWD ? 1 : CROWD;
	vhost_startup();
	/* the same keys at each run: what is counted depends on where a flow lies in its table */
	vhost_open(&host[0], &(struct vhost_wish){ .address = "10.1.0.1/24", .seed = 1,
						     .keys = { { "connections", "131072" } } });
	vhost_open(&host[1], &(struct vhost_wish){ .address = "10.1.0.2/24", .seed = 2 });
	if (strncmp(argv[1], "lookup", 6) == 0)
		return look_up((uint32_t)atoi(argv[1] + 6), (uint32_t)atoi(argv[2]));
	if (strcmp(argv[1], "short") == 0 || strcmp(argv[1], "blast") == 0) {
		if (argv[1][0] == 's')
			live_short_lives((unsigned int)atoi(argv[2]));
		else
			nb_rounds = blast(&host[1], (unsigned int)atoi(argv[2]));
		printf("rounds %lu\n", nb_rounds);
		vhost_cleanup();
		return 0;
	}
	if (answers) {
		answer_all((unsigned int)atoi(argv[2]));
		print_taken();
		printf("rounds %lu\n", nb_rounds);
		vhost_cleanup();
		return 0;
	}
	listen_here(NULL);
	if (!opens)
		connect_all(all_of_them);
	count = (unsigned int)atoi(argv[2]);
	for (unsigned int i = 0; i < count; i += n) {
		if (opens) {
			connect_all(1);
			close_both();
			continue;
		}
		if (idle)
			settle();
		else
			send_all(i % all_of_them, n, 0, bulk ? FULL : 64);
		if (!idle && !bulk)
			send_all(i % all_of_them, n, 1, 64);
	}
	printf("rounds %lu\n", nb_rounds);
	vhost_cleanup();
	return 0;
}
