/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The floor: the same device and the same packets without a stack. What a server on a device costs at least: receive,
 * checksums of what came, checksums of what goes, send; a copy where a stack has to copy. No connection is known,
 * nothing is kept, nothing is sent again.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "commands.h"
#include "hosts.h"
#include "packet.h"
#include "pair.h"

#define MTU_MAX 9000u
#define FULL(mtu) ((mtu) - (uint32_t)(PACKET_HEADERS - sizeof(struct rte_ether_hdr)))	/* of a segment [bytes] */
#define PORT_ECHO 7
#define PORT_DISCARD 9
#define LONG 2048u	/* frames above: few make a round, which would look like a lost processor else [bytes] */
#define LONG_BURST 8u
#define EACH 2u		/* segments are acknowledged, as RFC 9293 3.8.6.3 has it */

static const struct bench_option options[] = {
	{ "reflect", BENCH_FLAG, NULL, 0, 0,
	  "only answer, over a port, a client in another process:\necho on every port but 9, which discards" },
	{ "for", BENCH_REAL, "0", 0, 1e9, "with --reflect: so many seconds; 0: until SIGINT or SIGTERM" },
	{ "device", BENCH_TEXT_ARG, NULL, 0, 0, "with --reflect: the port; default: the only one there is" },
	{ "limit", BENCH_LIST, "1,100", 1, 512, "segments under way at once" },
	{ "mtu", BENCH_LIST, "1500,9000", 576, MTU_MAX, "that full segments fill [bytes]" },
	{ "threads", BENCH_NUMBER, NULL, 1, 2, "2, the default where there are two lcores, or 1" },
	BENCH_MBUFS("16384", "packet buffers of each end"),
	{ NULL, BENCH_FLAG, NULL, 0, 0, NULL },
};

static const char text[] =
	"What the device and the packets cost without a stack: segments of 64 bytes that are sent back, and full\n"
	"ones (of each --mtu) that are copied out and acknowledged two by two. Over a ring pair both ends are\n"
	"measured. A figure of the stack is to be seen beside the floor of the same device, made at the same time.";

struct client {
	const struct packet_end *here, *there;
	uint32_t limit, under_way;
	uint16_t len, port;
	uint64_t begun;			/* of the only one under way */
	struct bench_meter *meter;
	uint64_t count[BENCH_COUNTS];	/* [0] segments that were answered */
	unsigned char data[FULL(MTU_MAX)];
};

struct server {
	const struct packet_end *here;
	uint32_t unanswered;
	uint16_t burst;			/* of a round, by how long the last frame was */
	uint64_t received;
	unsigned char copy[65536];	/* where a program would have its bytes */
	uint32_t at;
};

/* The client's end */

static void
take_answers(struct client *c, struct rte_mbuf **m, unsigned int nb)
{
	uint64_t now = rte_rdtsc();

	for (unsigned int i = 0; i < nb; i++) {
		uint32_t n = c->port == PORT_DISCARD ? EACH : 1;

		if (packet_check(m[i]) == NULL)
			continue;
		if (c->limit == 1 && c->meter != NULL)
			bench_meter_note(c->meter, now - c->begun);
		c->under_way -= n < c->under_way ? n : c->under_way;
		c->count[0] += n;
	}
	rte_pktmbuf_free_bulk(m, nb);
}

static uint16_t
burst_for(uint32_t len)
{
	return len > LONG ? LONG_BURST : PACKET_BURST;
}

static unsigned int
send_more(struct client *c)
{
	struct rte_mbuf *m[PACKET_BURST];
	unsigned int n = 0, most = burst_for(c->len);

	c->begun = rte_rdtsc();
	while (n < most && c->under_way < c->limit) {
		m[n] = packet_make(c->here, c->there, c->port, c->data, c->len);
		if (m[n] == NULL)
			break;
		n++;
		c->under_way++;
	}
	packet_send(c->here, m, n);
	return n;
}

static unsigned int
step_client(struct bench_side *side, void *arg)
{
	struct client *c = arg;
	struct rte_mbuf *m[PACKET_BURST];
	unsigned int n = rte_eth_rx_burst(c->here->port, 0, m, PACKET_BURST);

	(void)side;
	if (n > 0)
		take_answers(c, m, n);
	return n + (c->under_way < c->limit ? send_more(c) : 0);
}

/* The server's end */

/* Copied out as to a program; every second one is acknowledged. @return false: nothing is to be sent for it. */
static bool
discard(struct server *s, struct rte_mbuf *m)
{
	const void *data;
	uint32_t len = packet_data(m, &data);

	if (len > 0) {
		if (s->at + len > sizeof(s->copy))
			s->at = 0;
		memcpy(s->copy + s->at, data, len);
		s->at += len;
		s->received += len;
		if (++s->unanswered < EACH)
			return false;
		s->unanswered = 0;
	}
	packet_acknowledge(m, s->here);
	return len > 0;
}

/* What is to be sent for a frame; false: nothing. */
static bool
answer(struct server *s, struct rte_mbuf *m)
{
	const struct rte_tcp_hdr *tcp;
	const void *data;
	bool plain;

	if (packet_answer_arp(m, s->here))
		return true;
	tcp = packet_check(m);
	if (tcp == NULL || tcp->tcp_flags & RTE_TCP_RST_FLAG)
		return false;
	plain = !(tcp->tcp_flags & (RTE_TCP_SYN_FLAG | RTE_TCP_FIN_FLAG));
	if (plain && packet_data(m, &data) == 0)
		return false;
	if (plain && tcp->dst_port == rte_cpu_to_be_16(PORT_DISCARD))
		return discard(s, m);
	packet_answer(m, s->here);
	s->received++;
	return true;
}

static unsigned int
step_server(struct bench_side *side, void *arg)
{
	struct server *s = arg;
	struct rte_mbuf *m[PACKET_BURST], *out[PACKET_BURST];
	unsigned int n = rte_eth_rx_burst(s->here->port, 0, m, s->burst), nb_out = 0;

	(void)side;
	if (n > 0)
		s->burst = burst_for(m[n - 1]->pkt_len);
	for (unsigned int i = 0; i < n; i++) {
		if (i + 2 < n)
			rte_prefetch0(rte_pktmbuf_mtod(m[i + 2], void *));
		if (answer(s, m[i]))
			out[nb_out++] = m[i];
		else
			rte_pktmbuf_free(m[i]);
	}
	packet_send(s->here, out, nb_out);
	return n;
}

/* Both ends here */

static void
rest(struct bench_world *w, struct client *c)
{
	uint64_t end_us = prog_now_us() + 200000;

	c->limit = 0;
	c->meter = NULL;
	while (c->under_way > 0 && prog_now_us() < end_us)
		bench_world_round(w);
	c->under_way = 0;	/* what was not acknowledged, being alone */
}

static bool
measure(struct bench_world *w, struct client *c, struct bench_meter *m, uint32_t limit)
{
	struct bench *b = w->b;
	unsigned int repeat = (unsigned int)bench_number(b, "repeat");
	char what[32], name[BENCH_TEXT];

	snprintf(what, sizeof(what), "%s %u B", c->port == PORT_ECHO ? "echo" : "bulk", c->len);
	snprintf(name, sizeof(name), "floor, %s, %u under way", what, limit);
	for (unsigned int i = 0; i < repeat; i++) {
		c->limit = limit;
		c->meter = m;
		if (!bench_meter_run(m))
			return false;
		bench_put_rate(m, bench_row(b, "k/s", "%s: rate", name), 0, 1e-3);
		if (c->port == PORT_DISCARD)
			bench_put_rate(m, bench_row(b, "Gbit/s", "%s: data", name), 0, c->len * 8e-9);
		bench_put_cycles(m, name, (double)m->sum[0]);
		if (limit == 1) {
			bench_put_time(m, bench_row(b, "us", "floor, %s: p50", what), 0.5);
			bench_put_time(m, bench_row(b, "us", "floor, %s: p99", what), 0.99);
		}
		rest(w, c);
	}
	return true;
}

static bool
measure_all(struct bench_world *w, struct client *c, struct bench_meter *m)
{
	uint64_t limits[BENCH_LIST_MAX], mtus[BENCH_LIST_MAX];
	unsigned int n = bench_list(w->b, "limit", limits), nb_mtus = bench_list(w->b, "mtu", mtus);
	bool good = true;

	c->port = PORT_ECHO;
	c->len = 64;
	for (unsigned int i = 0; i < n && good; i++)
		good = measure(w, c, m, (uint32_t)limits[i]);
	c->port = PORT_DISCARD;
	for (unsigned int i = 0; i < n * nb_mtus && good; i++) {
		uint32_t limit = (uint32_t)limits[i % n];

		c->len = (uint16_t)FULL((uint32_t)mtus[i / n]);
		if (limit >= 2 * EACH)
			good = measure(w, c, m, limit);
	}
	return good;
}

static bool
run_pair(struct bench *b, struct client *c, struct server *s)
{
	struct packet_end ends[2] = { { 0 } };
	struct bench_program client = { NULL, step_client, c, 0 }, server = { NULL, step_server, s, 0 };
	struct bench_world world = { .b = b };
	struct bench_meter *m = bench_meter_make(&world, c->count);
	bool good;

	c->here = &ends[0];
	c->there = s->here = &ends[1];
	good = m != NULL && packet_pair_open(ends, (unsigned int)bench_number(b, "mbufs"), pair_most(b, "mtu")) &&
	       bench_world_open_bare(&world, b, &client, &server) && measure_all(&world, c, m);
	bench_world_close(&world);
	free(m);
	return good;
}

/* The server's end over a port */

static bool
run_reflector(struct bench *b, struct server *s)
{
	const char *device = bench_port_name(b);
	struct packet_end end = { .ip_be = rte_cpu_to_be_32(RTE_IPV4(10, 9, 0, 2)) };
	struct bench_program server = { NULL, step_server, s, 0 };
	struct bench_world world = { .b = b };
	double limit_s = bench_real(b, "for");
	bool never = false, good;
	uint16_t port;

	s->here = &end;
	if (device == NULL || rte_eth_dev_get_port_by_name(device, &port) != 0) {
		prog_complain("there is no port \"%s\".", device != NULL ? device : "");
		return false;
	}
	good = packet_end_open(&end, port, "floor_pool", (unsigned int)bench_number(b, "mbufs")) &&
	       bench_world_open_bare(&world, b, NULL, &server);
	if (good) {
		bench_progress("reflecting");
		bench_world_until(&world, &never, limit_s > 0 ? limit_s : 1e9);
		bench_put(bench_row(b, "", "floor, reflected"), (double)s->received);
		packet_end_close(&end);
	}
	bench_world_close(&world);
	return good;
}

static int
run(struct bench *b)
{
	struct client *c = bench_alloc(sizeof(*c));
	struct server *s = bench_alloc(sizeof(*s));
	bool good = c != NULL && s != NULL;

	if (good) {
		s->burst = PACKET_BURST;
		good = bench_number(b, "reflect") ? run_reflector(b, s) : run_pair(b, c, s);
	}
	free(c);
	free(s);
	return good ? 0 : 1;
}

const struct bench_command bench_floor = {
	.name = "floor",
	.summary = "the same device and packets without a stack",
	.text = text,
	.options = options,
	.groups = BENCH_MEASURE,
	.run = run,
};
