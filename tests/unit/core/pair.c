/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_mempool.h>

#include "base/error.h"
#include "pair.h"

#define STEP_US 100

struct pair pair;
uint64_t pair_now_us;

static uint64_t
read_clock(void)
{
	return pair_now_us;
}

static uint32_t
add_sock(struct sani_core *core, const struct sani_tcp_conn *c)
{
	assert_true(pair.nb_socks < PAIR_SOCKS);
	pair.socks[pair.nb_socks] = (struct pair_sock){
		.core = core, .idx = sani_core_conn_idx(core, c), .gen = c->owner.gen,
	};
	return pair.nb_socks++;
}

static void
note_event(struct sani_core *core, struct sani_tcp_conn *c, uint32_t ev)
{
	struct pair_sock *s = &pair.socks[c->owner.sock];

	assert_true(c->owner.sock < pair.nb_socks);
	assert_ptr_equal(s->core, core);
	assert_int_equal(s->gen, c->owner.gen);
	assert_int_equal(ev & SANI_TCP_EV_OUTPUT, 0);
	assert_int_not_equal(ev, 0);
	s->ev |= ev;
	s->nb_closed += (ev & SANI_TCP_EV_CLOSED) != 0;
	if (pair.on_event != NULL)
		pair.on_event(core, c, ev);
}

static void
note_embryo(struct sani_core *core, struct sani_tcp_conn *c)
{
	assert_int_equal(c->owner.sock, SANI_NONE);
	assert_non_null(sani_core_listen_of(core, c));
	if (pair.accept) {
		sani_core_adopt(core, c, add_sock(core, c));
		return;
	}
	assert_true(pair.nb_embryos < PAIR_EMBRYOS);
	pair.embryos[pair.nb_embryos].core = core;
	pair.embryos[pair.nb_embryos].idx = sani_core_conn_idx(core, c);
	pair.embryos[pair.nb_embryos].gen = c->owner.gen;
	pair.nb_embryos++;
	c->owner.offered = pair.offer;
}

static void
note_message(struct sani_core *core, const struct sani_msg *msg)
{
	if (pair.nb_messages < RTE_DIM(pair.messages))
		pair.messages[pair.nb_messages++] = *msg;
	if (pair.on_message != NULL)
		pair.on_message(core, msg);
}

static void
note_moved(struct sani_core *core, uint32_t sock, uint32_t idx)
{
	struct pair_sock *s = &pair.socks[sock];

	assert_true(sock < pair.nb_socks);
	assert_ptr_equal(s->core, core);
	assert_int_equal((s->idx & SANI_CONN_PARKED) ^ (idx & SANI_CONN_PARKED), SANI_CONN_PARKED);
	s->idx = idx;
	if ((idx & SANI_CONN_PARKED) == 0)
		s->gen = sani_core_conn(core, idx)->owner.gen;
}

static void
note_ahead(struct sani_core *core, uint32_t sock, enum sani_ahead what)
{
	assert_true(sock < pair.nb_socks);
	assert_ptr_equal(pair.socks[sock].core, core);
	pair.nb_ahead[what]++;
	pair.ahead = sock;
}

static uint32_t
note_reads(struct sani_core *core, uint32_t sock)
{
	(void)core;
	return sock < pair.nb_socks ? pair.reads : 0;
}

static const struct sani_core_up up = {
	.event = note_event,
	.embryo = note_embryo,
	.message = note_message,
	.moved = note_moved,
	.ahead = note_ahead,
	.reads = note_reads,
};

int
pair_start_eal(void **state)
{
	static char prefix[64];
	char *argv[] = { (char *)"unit", (char *)"--no-huge", (char *)"--no-pci", (char *)"--no-shconf",
			 (char *)"-m", (char *)"192", (char *)"--no-telemetry", (char *)"-l", (char *)"0",
			 (char *)"--log-level", (char *)"error", prefix };

	(void)state;
	snprintf(prefix, sizeof(prefix), "--file-prefix=unit_core_%d", (int)getpid());
	return rte_eal_init((int)RTE_DIM(argv), argv) < 0 ? -1 : 0;
}

union sani_ip
pair_addr(unsigned int side)
{
	return sani_ip_from_v4(rte_cpu_to_be_32(0x0a000001u + side));
}

struct sani_host_conf
pair_conf(unsigned int side, unsigned int nb_cores)
{
	struct sani_host_conf conf = {
		.nb_cores = nb_cores,
		.first_core_id = side * 16,
		.nb_mbufs = 6144,
		.nb_conns = 2048,
		.nb_tw = 64,
		.nb_half_open = 1500,
		.nb_listeners = 8,
		.time_wait_ms = 1000,
		.window_max = 8u << 20,
		.nb_ifaces = 1,
		.ports[0] = { .name = "p", .rx_desc = 512, .tx_desc = 512, .mtu = 1500 },
		.ifaces[0] = { .name = "i", .mtu = 1500, .prefix = 24 },
	};

	snprintf(conf.name, sizeof(conf.name), "%c", 'A' + side);
	snprintf(conf.ports[0].device, sizeof(conf.ports[0].device), "ring:pair/%u", side);
	conf.ifaces[0].addr = pair_addr(side);
	return conf;
}

static void
introduce(unsigned int side)
{
	const struct sani_host *host = pair.host[side];
	const union sani_ip other = pair_addr(1 - side);

	for (unsigned int i = 0; i < host->nb_cores; i++) {
		struct sani_core *core = host->cores[i];

		sani_ip_neighbour_set(core->priv->ip, 0, &other, &pair.host[1 - side]->ifaces[0].mac,
				      sani_tx_io(core));
		sani_tx_sweep(core);
	}
}

/* What a test that failed has left open. */
static void
shut(void)
{
	for (unsigned int side = A; side <= B; side++)
		if (pair.host[side] != NULL)
			sani_host_stop(pair.host[side]);
	for (unsigned int side = A; side <= B; side++)
		if (pair.host[side] != NULL)
			sani_host_free(pair.host[side]);
}

void
pair_open_strangers(unsigned int nb_cores, void (*change)(struct sani_host_conf *conf))
{
	shut();
	memset(&pair, 0, sizeof(pair));
	pair.accept = true;
	for (unsigned int side = A; side <= B; side++) {
		struct sani_host_conf conf = pair_conf(side, nb_cores);

		if (change != NULL)
			change(&conf);
		if (sani_host_open(&conf, &up, &pair.host[side]) != 0)
			fail_msg("%s", sani_error_text());
		pair.host[side]->clock = read_clock;
	}
	/* announcements, and time for them */
	pair_run(1000);
}

void
pair_open(unsigned int nb_cores, void (*change)(struct sani_host_conf *conf))
{
	pair_open_strangers(nb_cores, change);
	introduce(A);
	introduce(B);
}

void
pair_close(void)
{
	for (unsigned int side = A; side <= B; side++)
		sani_host_stop(pair.host[side]);
	for (unsigned int side = A; side <= B; side++) {
		assert_true(rte_mempool_full(pair.host[side]->pool));
		sani_host_free(pair.host[side]);
		pair.host[side] = NULL;
	}
}

static void
run_core(struct sani_core *core)
{
	sani_core_begin(core);
	sani_core_input(core);
	sani_core_output(core);
}

void
pair_round(unsigned int side)
{
	for (unsigned int i = 0; i < pair.host[side]->nb_cores; i++)
		run_core(pair.host[side]->cores[i]);
}

void
pair_run(uint64_t us)
{
	for (uint64_t end = pair_now_us + us; pair_now_us < end;) {
		pair_now_us += STEP_US;
		pair_round(A);
		pair_round(B);
	}
}

static bool
is_rst(const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

	/* Ethernet type IPv4, protocol TCP, header of 20 octets, flags at 13 of TCP */
	return m->data_len >= 54 && p[12] == 8 && p[13] == 0 && p[23] == 6 && (p[47] & SANI_TCP_RST) != 0;
}

unsigned int
pair_drop(unsigned int side)
{
	const struct sani_host *host = pair.host[side];
	struct rte_mbuf *m[64];
	unsigned int rst = 0;

	for (uint16_t queue = 0; queue < host->nb_cores; queue++) {
		uint16_t n = sani_port_rx(&host->ports[0], queue, m, 64);

		for (unsigned int i = 0; i < n; i++)
			rst += is_rst(m[i]);
		rte_pktmbuf_free_bulk(m, n);
	}
	return rst;
}

uint32_t
__real_sani_tcp_input(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, struct rte_mbuf *m,
		      struct sani_tcp_io *io);
uint32_t
__wrap_sani_tcp_input(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, struct rte_mbuf *m,
		      struct sani_tcp_io *io);

uint32_t
__wrap_sani_tcp_input(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, struct rte_mbuf *m,
		      struct sani_tcp_io *io)
{
	pair.seg = *seg;
	return __real_sani_tcp_input(c, seg, m, io);
}

void
pair_listen(unsigned int side, uint16_t port, uint32_t backlog)
{
	struct sani_host *host = pair.host[side];
	struct sani_listen l = {
		.port = port, .owner = host->cores[0]->id, .slot = port, .gen = 1,
		.backlog = backlog, .sndbuf = PAIR_SENDBUF, .rcvbuf = PAIR_SENDBUF, .nodelay = true,
		.tune.keep = SANI_TCP_KEEP_USUAL,
	};

	for (unsigned int i = 0; i < host->nb_cores; i++)
		assert_int_equal(sani_core_listen_add(host->cores[i], &l), 0);
}

void
pair_listen_fast(uint16_t pending)
{
	static const union sani_ip any;

	pair.accept = true;
	pair_listen(B, 80, 8);
	sani_listen_find(pair.host[B]->cores[0], &any, 80)->l.tune.fast = pending;
}

int
pair_connect(struct sani_core *core, uint16_t port)
{
	struct sani_open open = {
		.remote = pair_addr(core->host == pair.host[A] ? B : A),
		.remote_port = port,
		.sndbuf = PAIR_SENDBUF,
		.rcvbuf = PAIR_SENDBUF,
		.sock = pair.nb_socks,
		.nodelay = true,
		.tune.keep = SANI_TCP_KEEP_USUAL,
	};
	struct sani_tcp_conn *c;
	int rc = sani_core_connect(core, &open, &c);

	return rc == 0 ? (int)add_sock(core, c) : rc;
}

struct sani_tcp_conn *
pair_conn(uint32_t sock)
{
	const struct pair_sock *s = &pair.socks[sock];
	struct sani_tcp_conn *c = sani_core_conn(s->core, s->idx);

	assert_true(sock < pair.nb_socks);
	assert_int_equal(c->owner.gen, s->gen);
	return c;
}

uint32_t
pair_establish(uint16_t port)
{
	int sock = pair_connect(pair.host[A]->cores[0], port);

	assert_true(sock >= 0);
	pair_run(3000);
	assert_int_equal(pair.nb_socks, sock + 2);
	assert_int_equal(sani_tcp_state(pair_conn((uint32_t)sock)), SAN_TCP_ESTABLISHED);
	assert_int_equal(sani_tcp_state(pair_conn((uint32_t)sock + 1)), SAN_TCP_ESTABLISHED);
	return (uint32_t)sock;
}

uint64_t
pair_count(unsigned int side, enum sani_counter which)
{
	const struct sani_host *host = pair.host[side];
	uint64_t sum = 0;

	for (unsigned int i = 0; i < host->nb_cores; i++)
		sum += host->cores[i]->ctr.v[which];
	return sum;
}

uint32_t
pair_nb_conns(unsigned int side)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < pair.host[side]->nb_cores; i++)
		sum += sani_core_nb_conns(pair.host[side]->cores[i]);
	return sum;
}

uint32_t
pair_nb_tw(unsigned int side)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < pair.host[side]->nb_cores; i++)
		sum += sani_core_nb_tw(pair.host[side]->cores[i]);
	return sum;
}

void
pair_await_ack(uint32_t sock, uint64_t n)
{
	for (unsigned int i = 0; i < 1000 && sani_tcp_acked(pair_conn(sock)) < n; i++)
		pair_run(100);
	assert_int_equal(sani_tcp_acked(pair_conn(sock)), n);
}

uint32_t
pair_write(uint32_t sock, const void *data, uint32_t len)
{
	struct sani_tcp_conn *c = pair_conn(sock);
	struct sani_tcp_io io = sani_core_io(pair.socks[sock].core);
	uint32_t taken = 0;
	uint32_t ev = sani_tcp_write(c, data, len, &io, &taken);

	sani_core_touch(pair.socks[sock].core, c, ev);
	if (taken < len)
		sani_core_await_pool(pair.socks[sock].core, c);
	return taken;
}

uint32_t
pair_read(uint32_t sock, void *data, uint32_t len)
{
	struct sani_tcp_conn *c = pair_conn(sock);
	uint32_t ev = 0;
	uint32_t n = sani_tcp_read(c, data, len, &ev);

	sani_core_touch(pair.socks[sock].core, c, ev);
	return n;
}
