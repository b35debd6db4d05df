/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include <rte_mempool.h>

#include "pair.h"

#define SETTLE_US 500000
#define FULL 1448

/* For nobody. @return Its buffer. */
static struct rte_mbuf *
send_reset(struct sani_core *core)
{
	struct sani_tcp_seg seg = { .flags = SANI_TCP_ACK, .src_port = 80, .dst_port = 9 };
	struct rte_mbuf *m = rte_pktmbuf_alloc(core->host->pool);
	union sani_ip local = pair_addr(A);
	union sani_ip remote = pair_addr(B);

	assert_non_null(m);
	assert_true(sani_tcp_reset_for(&seg, m));
	sani_tx_reply(core, m, &local, &remote);
	return m;
}

static void
port_that_takes_nothing_costs_frames_only_beyond_the_bound(void **state)
{
	struct sani_core *core;
	unsigned int sent = 0;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 5);
	pair_establish(80);
	core = pair.host[A]->cores[0];
	/* until the ring of 512 and the queue of 256 are full, and 50 more */
	for (unsigned int i = 0; i < 511 + SANI_TXQ_MAX + 50; i++) {
		send_reset(core);
		if (i % 100 == 0)
			sani_core_output(core);
	}
	sani_core_output(core);
	assert_int_equal(pair_count(A, SANI_CTR_port_tx_drop), 50);
	assert_int_equal(core->priv->txq[0].n, SANI_TXQ_MAX);
	/* what was kept goes when there is room */
	for (unsigned int i = 0; i < 20; i++) {
		sent += pair_drop(B);
		pair_round(A);
	}
	sent += pair_drop(B);
	assert_int_equal(sent, 511 + SANI_TXQ_MAX);
	pair_close();
}

static void
port_that_is_behind_makes_connections_wait(void **state)
{
	static uint8_t buf[15000];
	struct sani_core *core;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 200);
	core = pair.host[A]->cores[0];
	for (uint32_t i = 0; i < 100; i++)
		pair_establish(80);
	/* 100 first windows of 10 segments are more than the ring and the queue hold; B does not poll */
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(pair_write(2 * i, buf, sizeof(buf)), sizeof(buf));
	for (unsigned int round = 0; round < 5; round++)
		pair_round(A);
	assert_in_range(core->priv->txq[0].n, SANI_TXQ_MAX / 2, SANI_TXQ_MAX);
	assert_in_range(core->priv->nb_dirty, 1, 99);
	pair_run(20000);
	assert_int_equal(pair_count(A, SANI_CTR_port_tx_drop), 0);
	assert_int_equal(pair_count(A, SANI_CTR_tcp_tx_rexmit), 0);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(sani_tcp_acked(pair_conn(2 * i)), sizeof(buf));
	pair_close();
}

static uint16_t (*send_burst)(void *queue, struct rte_mbuf **m, uint16_t n);

/* A driver that takes all up to the first long frame, until that one is gone. */
static uint16_t
refuse_long(void *queue, struct rte_mbuf **m, uint16_t n)
{
	uint16_t fit = 0;

	while (fit < n && (m[fit]->pkt_len < FULL || pair_count(A, SANI_CTR_port_tx_refused) > 0))
		fit++;
	return fit > 0 ? send_burst(queue, m, fit) : 0;
}

static void
frame_that_its_driver_never_takes_does_not_stop_others_for_ever(void **state)
{
	static uint8_t buf[FULL];
	struct rte_eth_fp_ops *ops;
	int s;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 5);
	assert_int_equal(pair_write(pair_establish(80), buf, FULL), FULL);
	ops = &rte_eth_fp_ops[pair.host[A]->ports[0].id];
	send_burst = ops->tx_pkt_burst;
	ops->tx_pkt_burst = refuse_long;
	pair_run(1000);
	s = pair_connect(pair.host[A]->cores[0], 80);
	assert_true(s >= 0);
	/* as a ring that is full for so long */
	pair_run(900000);
	assert_int_equal(sani_tcp_state(pair_conn((uint32_t)s)), SAN_TCP_SYN_SENT);
	assert_int_equal(pair_count(A, SANI_CTR_port_tx_refused), 0);
	pair_run(200000);
	assert_int_equal(sani_tcp_state(pair_conn((uint32_t)s)), SAN_TCP_ESTABLISHED);
	assert_int_equal(pair_count(A, SANI_CTR_port_tx_refused), 1);
	/* it was sent again */
	assert_int_equal(sani_tcp_readable(pair_conn(1)), FULL);
	ops->tx_pkt_burst = send_burst;
	pair_close();
}

static bool is_full;

static uint16_t
take_unless_full(void *queue, struct rte_mbuf **m, uint16_t n)
{
	return is_full ? 0 : send_burst(queue, m, n);
}

/* Its buffer comes back, and is first in the queue again when the ring is full again. */
static void
frame_that_was_refused_and_then_taken_is_a_new_one_the_next_time(void **state)
{
	const struct rte_mbuf *before = NULL;
	struct rte_eth_fp_ops *ops;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 5);
	pair_establish(80);
	ops = &rte_eth_fp_ops[pair.host[A]->ports[0].id];
	send_burst = ops->tx_pkt_burst;
	ops->tx_pkt_burst = take_unless_full;
	for (unsigned int i = 0; i < 3; i++) {
		const struct rte_mbuf *m = send_reset(pair.host[A]->cores[0]);

		assert_true(before == NULL || m == before);
		before = m;
		is_full = true;
		pair_run(600000);
		is_full = false;
		pair_run(1000);
	}
	assert_int_equal(pair_count(A, SANI_CTR_port_tx_refused), 0);
	ops->tx_pkt_burst = send_burst;
	pair_close();
}

static void
let_ports_cut(struct sani_host_conf *conf)
{
	conf->ports[0].claim = SANI_PORT_CLAIM_SEGMENTS;
	conf->ports[0].rx_desc = 32;
}

/* Text of packets that are to be cut and wait for A's port. */
static uint32_t
count_cut_text(const struct sani_core_priv *p)
{
	uint32_t n = 0;

	for (uint16_t i = 0; i < p->txq[0].n; i++)
		if (p->txq[0].m[i]->ol_flags & RTE_MBUF_F_TX_TCP_SEG)
			n += p->txq[0].m[i]->pkt_len;
	return n;
}

/* They are few, and yet many buffers: connections wait long before the queue has as many frames as it may. */
static void
packets_to_be_cut_that_wait_for_their_port_are_bounded(void **state)
{
	static uint8_t buf[14000];
	const struct sani_core_priv *p;
	uint32_t most = 0;

	(void)state;
	pair_open(1, let_ports_cut);
	pair_listen(B, 80, 200);
	p = pair.host[A]->cores[0]->priv;
	assert_ptr_equal(p->tcp_io.cut, &p->cut);
	for (uint32_t i = 0; i < 100; i++)
		pair_establish(80);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(pair_write(2 * i, buf, sizeof(buf)), sizeof(buf));
	for (unsigned int round = 0; round < 5; round++) {
		pair_round(A);
		most = RTE_MAX(most, count_cut_text(p));
	}
	/* headers are not text */
	assert_in_range(most, p->cut_room / 2, p->cut_room + p->txq[0].n * 100);
	assert_in_range(p->nb_dirty, 1, 99);
	pair_run(20000);
	assert_int_equal(pair_count(A, SANI_CTR_port_tx_drop), 0);
	assert_int_equal(pair_count(A, SANI_CTR_tcp_tx_rexmit), 0);
	assert_int_equal(p->nb_dirty, 0);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(sani_tcp_acked(pair_conn(2 * i)), sizeof(buf));
	pair_close();
}

static uint32_t
connect_to_nobody(void)
{
	struct sani_open open = { .remote_port = 80, .sndbuf = 4096, .rcvbuf = 4096, .sock = pair.nb_socks };
	struct sani_core *core = pair.host[A]->cores[pair.host[A]->nb_cores - 1];
	struct sani_tcp_conn *c;

	open.remote = sani_ip_from_v4(rte_cpu_to_be_32(0x0a00004du));
	assert_int_equal(sani_core_connect(core, &open, &c), 0);
	pair.socks[pair.nb_socks] = (struct pair_sock){
		.core = core, .idx = sani_core_conn_idx(core, c), .gen = c->owner.gen,
	};
	return pair.nb_socks++;
}

static void
run_a_alone(uint64_t us)
{
	for (uint64_t end = pair_now_us + us; pair_now_us < end; pair_now_us += 1000) {
		pair_round(A);
		pair_drop(B);
	}
}

/* Three ARP requests, about as long as other systems wait; with one core and with several. */
static void
peer_that_does_not_answer_arp_ends_the_connect_after_3_s(void **state)
{
	(void)state;
	for (unsigned int cores = 1; cores <= 2; cores++) {
		uint32_t s;

		pair_open(cores, NULL);
		s = connect_to_nobody();
		run_a_alone(2800000);
		assert_int_equal(pair.socks[s].nb_closed, 0);
		run_a_alone(300000);
		assert_int_equal(pair.socks[s].nb_closed, 1);
		assert_int_equal(sani_tcp_error(pair_conn(s)), -EHOSTUNREACH);
		pair_close();
	}
}

/* Whatever others have asked for before: never at once, never later than at the third SYN. */
static void
connects_to_a_silent_neighbour_all_end_after_3_s(void **state)
{
	uint32_t s[40];

	(void)state;
	pair_open(1, NULL);
	for (unsigned int i = 0; i < RTE_DIM(s); i++) {
		s[i] = connect_to_nobody();
		run_a_alone(550000);
		for (unsigned int k = 0; k <= i; k++)
			assert_int_equal(pair.socks[s[k]].nb_closed, i - k >= 5);
	}
	pair_close();
}

/* An outage of the first hop is no reason to end a connection that is there. */
static void
established_connection_survives_a_silent_neighbour(void **state)
{
	const union sani_ip other = pair_addr(B);
	struct sani_core *core;
	uint32_t a;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 5);
	a = pair_establish(80);
	core = pair.socks[a].core;
	assert_int_equal(pair_write(a, "hello", 5), 5);
	sani_ip_neighbour_set(core->priv->ip, 0, &other, NULL, sani_tx_io(core));
	run_a_alone(20000000);
	assert_true(pair_count(A, SANI_CTR_arp_drop_unresolved) > 0);
	assert_int_equal(sani_tcp_state(pair_conn(a)), SAN_TCP_ESTABLISHED);
	pair_run(30000000);
	assert_int_equal(sani_tcp_readable(pair_conn(a + 1)), 5);
	pair_close();
}

static void
reserve_serves_the_rst_of_a_close_when_the_pool_is_empty(void **state)
{
	static struct rte_mbuf *all[8192];
	struct rte_mempool *pool;
	unsigned int n = 0;
	uint32_t a;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 5);
	a = pair_establish(80);
	pool = pair.host[A]->pool;
	while ((all[n] = rte_pktmbuf_alloc(pool)) != NULL)
		n++;
	pair_drop(B);
	sani_core_conn_close(pair.socks[a].core, pair_conn(a));
	sani_core_output(pair.socks[a].core);
	assert_int_equal(pair_drop(B), 1);
	assert_int_equal(pair_count(A, SANI_CTR_core_drop_nomem), 0);
	rte_pktmbuf_free_bulk(all, n);
	pair_close();
}

/* As soon as a round begins, before what has come is looked at; and once. */
static void
posted_goes_first_in_a_round(void **state)
{
	struct sani_core *core;
	uint64_t taken;
	uint32_t a;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 5);
	a = pair_establish(80);
	core = pair.socks[a].core;
	pair_run(SETTLE_US);
	assert_int_equal(pair_write(a + 1, "to A", 4), 4);
	pair_round(B);
	taken = pair_count(A, SANI_CTR_port_rx);
	assert_int_equal(pair_write(a, "to B", 4), 4);
	assert_int_equal(sani_core_begin(core), 1);
	assert_int_equal(pair_count(A, SANI_CTR_port_rx), taken);
	pair_round(B);
	assert_int_equal(sani_tcp_readable(pair_conn(a + 1)), 4);
	assert_int_equal(sani_core_begin(core), 0);
	assert_int_equal(sani_tcp_readable(pair_conn(a)), 0);
	pair_run(SETTLE_US);
	assert_int_equal(sani_tcp_readable(pair_conn(a)), 4);
	pair_close();
}

/* B's rounds until it acknowledges a full segment; while others post, or not. */
static unsigned int
count_rounds_to_ack(bool others_post)
{
	static uint8_t buf[FULL];
	const struct sani_core *core;
	unsigned int n = 0;
	uint64_t sent;
	uint32_t a;

	pair_open(1, NULL);
	pair_listen(B, 80, 5);
	a = pair_establish(80);
	core = pair.host[B]->cores[0];
	pair_run(SETTLE_US);
	assert_int_equal(pair_write(a, buf, FULL), FULL);
	pair_round(A);
	sent = pair_count(B, SANI_CTR_tcp_tx);
	while (pair_count(B, SANI_CTR_tcp_tx) == sent && n < 100) {
		core->priv->posted |= others_post;
		pair_round(B);
		n++;
	}
	pair_close();
	return n;
}

/* Else a busy neighbour would take from the program the time to answer in. */
static void
what_others_post_is_no_turn_of_an_ack_that_waits(void **state)
{
	(void)state;
	assert_int_equal(count_rounds_to_ack(false), SANI_ACK_TURNS);
	assert_int_equal(count_rounds_to_ack(true), SANI_ACK_TURNS);
}

/* One frame on its way to B: its type of service. */
static uint8_t
catch_tos(void)
{
	struct rte_mbuf *m;
	uint8_t tos;

	assert_int_equal(sani_port_rx(&pair.host[B]->ports[0], 0, &m, 1), 1);
	tos = *rte_pktmbuf_mtod_offset(m, const uint8_t *, 15);
	rte_pktmbuf_free(m);
	return tos;
}

static void
segments_are_ect_where_the_engine_says_so(void **state)
{
	struct rte_mbuf *seg[SANI_TCP_TX_MAX];
	struct sani_core *core;
	struct sani_tcp_conn *c;
	struct sani_tcp_io io;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 5);
	c = pair_conn(pair_establish(80));
	core = pair.host[A]->cores[0];
	pair_drop(B);
	io = sani_core_io(core);
	assert_int_equal(io.ect, 0);
	io.tx = seg;
	io.nb_tx = SANI_TCP_TX_MAX;
	io.ect = 1ull | 1ull << 2 | 1ull << 32 | 1ull << 63;
	c->tos = 0xb8;
	for (unsigned int i = 0; i < io.nb_tx; i++) {
		const struct sani_tcp_seg ack = { .flags = SANI_TCP_ACK, .src_port = 80, .dst_port = 9 };

		seg[i] = rte_pktmbuf_alloc(core->host->pool);
		assert_non_null(seg[i]);
		assert_true(sani_tcp_reset_for(&ack, seg[i]));
	}
	sani_tx_segments(core, c, &io);
	sani_core_output(core);
	for (unsigned int i = 0; i < io.nb_tx; i++)
		assert_int_equal(catch_tos(), 0xb8 | (io.ect >> i & 1 ? SANI_ECN_ECT_0 : 0));
	pair_close();
}

/* As long as the engine says it of none. */
static void
transfer_without_ecn_is_not_ect(void **state)
{
	static uint8_t buf[8000];
	unsigned int n = 0;
	uint32_t a;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 5);
	a = pair_establish(80);
	pair_drop(B);
	pair_conn(a)->tos = 0x28;
	assert_int_equal(pair_write(a, buf, sizeof(buf)), sizeof(buf));
	pair_round(A);
	for (; n < 5; n++)
		assert_int_equal(catch_tos(), 0x28);
	pair_drop(B);
	pair_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(port_that_takes_nothing_costs_frames_only_beyond_the_bound),
		cmocka_unit_test(port_that_is_behind_makes_connections_wait),
		cmocka_unit_test(frame_that_its_driver_never_takes_does_not_stop_others_for_ever),
		cmocka_unit_test(frame_that_was_refused_and_then_taken_is_a_new_one_the_next_time),
		cmocka_unit_test(packets_to_be_cut_that_wait_for_their_port_are_bounded),
		cmocka_unit_test(peer_that_does_not_answer_arp_ends_the_connect_after_3_s),
		cmocka_unit_test(connects_to_a_silent_neighbour_all_end_after_3_s),
		cmocka_unit_test(established_connection_survives_a_silent_neighbour),
		cmocka_unit_test(reserve_serves_the_rst_of_a_close_when_the_pool_is_empty),
		cmocka_unit_test(posted_goes_first_in_a_round),
		cmocka_unit_test(what_others_post_is_no_turn_of_an_ack_that_waits),
		cmocka_unit_test(segments_are_ect_where_the_engine_says_so),
		cmocka_unit_test(transfer_without_ecn_is_not_ect),
	};

	return cmocka_run_group_tests(tests, pair_start_eal, NULL);
}
