/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Goodput over a long and lossy way on a virtual clock: two hosts, one flow, as fast as it goes. What the
 * machine does meanwhile changes nothing: the same numbers give the same figures. Hosts need no time here,
 * so that what is measured is the protocol alone.
 *
 *   perf-way LOSS RTT_MS SECONDS SEEDS [RATE_MBPS [TRACE_MS]]
 *
 * LOSS is in percent, of each direction; RTT_MS may be a fraction; without RATE_MBPS, or with 0, the way is
 * as fast as you like. A line for each seed, and their mean; with TRACE_MS how the sender stands meanwhile.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/priv.h"
#include "kit/vhost.h"
#include "port/impair.h"

#define CHUNK (1u << 18)
#define FRAMES 65536u
#define QUIET_US 5000000u

struct end {
	struct vhost host;
	struct sani_impair *out;
	san_handle sock;
	struct san_overlapped op;
	uint64_t bytes;
};

static const struct {
	const char *name;
	enum sani_counter which;
	bool of_sink;
} shown[] = {
	{ "sent", SANI_CTR_tcp_tx, false },
	{ "again", SANI_CTR_tcp_tx_rexmit, false },
	{ "recoveries", SANI_CTR_tcp_tx_fast_rexmit, false },
	{ "probes", SANI_CTR_tcp_tx_tlp, false },
	{ "timeouts", SANI_CTR_tcp_rto, false },
	{ "undone", SANI_CTR_tcp_undo, false },
	{ "dsack", SANI_CTR_tcp_rx_dsack, false },
	{ "acks", SANI_CTR_tcp_tx, true },
	{ "dropped", SANI_CTR_tcp_rx_drop_memory, true },
};

static struct end end[2];
static char data[CHUNK];

/* Frames into the ways, and out of them what is due. */
static bool
carry(void)
{
	struct rte_mbuf *m;
	bool any = false;

	for (int i = 0; i < 2; i++) {
		struct rte_ring *in = end[1 - i].host.in[0];

		while ((m = vhost_take(&end[i].host)) != NULL) {
			sani_impair_put(end[i].out, m, vhost_now_us);
			any = true;
		}
		while (rte_ring_free_count(in) > 0 && sani_impair_take(end[i].out, vhost_now_us, &m, 1) == 1) {
			vhost_put(&end[1 - i].host, 0, m);
			any = true;
		}
	}
	return any;
}

/* A flow without end: the next send when the last one is over, the next receive likewise. */
static void
go_on(struct end *e, bool sends)
{
	int rc = san_op_status(&e->op);

	while (rc != -EINPROGRESS) {
		if (rc < 0) {
			fprintf(stderr, "an operation ended with %d\n", rc);
			exit(1);
		}
		if (sends) {
			rc = san_send(e->sock, &e->op, data, CHUNK, SAN_POLLED);
			rc = rc == 0 ? -EINPROGRESS : rc;
		} else {
			e->bytes += (uint64_t)rc;
			rc = san_recv(e->sock, &e->op, data, CHUNK, SAN_POLLED);
			rc = rc == 0 ? -EINPROGRESS : rc;
		}
	}
}

static uint64_t
next_time(void)
{
	uint64_t next = SANI_NEVER;

	for (int i = 0; i < 2; i++) {
		uint64_t due = sani_impair_next(end[i].out);

		next = due < next ? due : next;
		due = vhost_deadline(&end[i].host);
		next = due < next ? due : next;
	}
	return next > vhost_now_us ? next : vhost_now_us + 1;
}

/* All that happens at this time. */
static void
settle(bool flows)
{
	do {
		if (flows) {
			go_on(&end[0], true);
			go_on(&end[1], false);
		}
		for (int i = 0; i < 2; i++)
			vhost_round(&end[i].host);
	} while (carry());
	vhost_now_us = next_time();
}

static void
wait_for(struct san_overlapped *op)
{
	while (san_op_status(op) == -EINPROGRESS)
		settle(false);
	if (san_op_status(op) < 0) {
		fprintf(stderr, "an operation ended with %d\n", san_op_status(op));
		exit(1);
	}
}

static void
make_ways(const struct sani_impair_conf *conf, uint64_t seed)
{
	for (uint64_t i = 0; i < 2; i++)
		end[i].out = sani_impair_create(conf, 2 * seed + i, FRAMES, end[i].host.below->pool);
}

static void
set_loss(struct sani_impair_conf *conf, uint32_t loss_ppm)
{
	conf->loss_ppm = loss_ppm;
	for (int i = 0; i < 2; i++)
		sani_impair_set(end[i].out, conf);
}

static void
open_flow(struct san_cq *cq, uint16_t port)
{
	static struct san_overlapped accept;
	struct san_addr peer = vhost_addr("10.1.0.2", port);
	san_handle listener;

	san_socket(end[1].host.core[0], cq, &listener);
	san_bind(listener, &peer);
	san_listen(listener, 1);
	san_accept(listener, &accept, SAN_POLLED);
	san_socket(end[0].host.core[0], cq, &end[0].sock);
	san_connect(end[0].sock, &end[0].op, &peer, SAN_POLLED);
	wait_for(&end[0].op);
	wait_for(&accept);
	end[1].sock = accept.u.accepted;
	end[1].bytes = 0;
	san_recv(end[1].sock, &end[1].op, data, CHUNK, SAN_POLLED);
	san_close(listener, 0);
}

/* The next flow begins when nothing of this one is on its way any more. */
static void
close_flow(struct san_cq *cq)
{
	uint64_t until = vhost_now_us + QUIET_US;
	struct san_completion e[8];

	san_close(end[0].sock, 0);
	san_close(end[1].sock, 0);
	while (vhost_now_us < until)
		settle(false);
	while (san_cq_poll(cq, e, RTE_DIM(e)) > 0)
		;
}

static void
say_state(double ms)
{
	struct san_tcp_info i = { .size = sizeof(i) };

	san_tcp_info(end[0].sock, &i);
	printf("%10.3f ms: cwnd %u ssthresh %u out %u sacked %u lost %u window %u unsent %u recovery %u srtt %u us"
	       " acked %" PRIu64 " again %" PRIu64 "\n", ms, i.cwnd, i.ssthresh, i.unacked, i.sacked, i.lost, i.snd_wnd,
	       i.unsent, i.recovery, i.srtt_us, i.bytes_acked, i.segs_retrans);
}

/* Until seconds are over, with a line on the sender's state every trace_ms, if that is not 0. */
static void
transfer(double seconds, double trace_ms)
{
	uint64_t start_us = vhost_now_us;
	double next_ms = 0;

	while ((double)(vhost_now_us - start_us) < seconds * 1e6) {
		double ms = (double)(vhost_now_us - start_us) / 1000;

		settle(true);
		if (trace_ms > 0 && ms >= next_ms) {
			say_state(ms);
			next_ms = ms + trace_ms;
		}
	}
}

static void
say(const char *name, double mbps, const uint64_t *count)
{
	printf("%s: %.2f Mbit/s", name, mbps);
	for (unsigned int k = 0; k < RTE_DIM(shown); k++)
		printf(", %s %" PRIu64, shown[k].name, count[k]);
	printf("\n");
}

static void
read_counters(uint64_t *count, bool add)
{
	for (unsigned int k = 0; k < RTE_DIM(shown); k++) {
		uint64_t n = vhost_count(&end[shown[k].of_sink].host, shown[k].which);

		count[k] = add ? count[k] + n : count[k] - n;
	}
}

int
main(int argc, char **argv)
{
	struct sani_impair_conf conf = { .loss_ppm = 0 };
	unsigned int nb_seeds;
	double seconds, sum = 0;
	struct san_cq *cq;

	if (argc < 5)
		return fprintf(stderr, "usage: perf-way LOSS RTT_MS SECONDS SEEDS [RATE_MBPS [TRACE_MS]]\n"), 2;
	conf.delay_us = (uint32_t)(atof(argv[2]) * 500);
	seconds = atof(argv[3]);
	nb_seeds = (unsigned int)atoi(argv[4]);
	conf.rate_bps = argc > 5 ? (uint64_t)(atof(argv[5]) * 1e6) : 0;
	vhost_startup_small(768);
	for (int i = 0; i < 2; i++)
		vhost_open(&end[i].host, &(struct vhost_wish){
			.address = i ? "10.1.0.2/24" : "10.1.0.1/24", .nb_mbufs = 65535, .seed = 1 });
	san_cq_create(64, &cq);
	for (unsigned int seed = 1; seed <= nb_seeds; seed++) {
		uint64_t count[RTE_DIM(shown)] = { 0 };
		double mbps;
		char name[16];

		make_ways(&conf, seed);
		open_flow(cq, (uint16_t)(5000 + seed));
		set_loss(&conf, (uint32_t)(atof(argv[1]) * 10000));
		read_counters(count, false);
		transfer(seconds, argc > 6 ? atof(argv[6]) : 0);
		read_counters(count, true);
		set_loss(&conf, 0);
		mbps = (double)end[1].bytes * 8 / seconds / 1e6;
		sum += mbps;
		snprintf(name, sizeof(name), "seed %u", seed);
		say(name, mbps, count);
		close_flow(cq);
		for (int i = 0; i < 2; i++)
			sani_impair_destroy(end[i].out);
	}
	printf("loss %s%% rtt %s ms: mean %.2f Mbit/s of %u\n", argv[1], argv[2], sum / nb_seeds, nb_seeds);
	vhost_cleanup();
	return 0;
}
