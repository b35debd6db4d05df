/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include <rte_mempool.h>

#include "pair.h"

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
	/* RST for nobody, until the ring of 512 and the queue of 256 are full, and 50 more */
	for (unsigned int i = 0; i < 511 + SANI_TXQ_MAX + 50; i++) {
		struct sani_tcp_seg seg = { .flags = SANI_TCP_ACK, .src_port = 80, .dst_port = 9 };
		struct rte_mbuf *m = rte_pktmbuf_alloc(core->host->pool);
		union sani_ip local = pair_addr(A);
		union sani_ip remote = pair_addr(B);

		assert_non_null(m);
		assert_true(sani_tcp_reset_for(&seg, m));
		sani_tx_reply(core, m, &local, &remote);
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

static void
peer_that_does_not_answer_arp_is_why_the_connect_fails(void **state)
{
	struct sani_open open = { .remote_port = 80, .sndbuf = 4096, .rcvbuf = 4096, .user_timeout_ms = 10000 };
	struct sani_core *core;
	struct sani_tcp_conn *c;

	(void)state;
	pair_open(1, NULL);
	core = pair.host[A]->cores[0];
	open.remote = sani_ip_from_v4(rte_cpu_to_be_32(0x0a00004du));
	assert_int_equal(sani_core_connect(core, &open, &c), 0);
	pair.socks[0] = (struct pair_sock){ .core = core, .idx = sani_core_conn_idx(core, c), .gen = c->owner.gen };
	pair.nb_socks = 1;
	for (unsigned int ms = 0; ms < 9500; ms += 10) {
		pair_now_us += 10000;
		pair_round(A);
		pair_drop(B);
	}
	/* a soft error (RFC 9293 3.9.2.2): it goes on, and says why when it gives up */
	assert_int_equal(pair.socks[0].nb_closed, 0);
	assert_true(pair_count(A, SANI_CTR_arp_drop_unresolved) > 0);
	pair_run(1000000);
	assert_int_equal(pair.socks[0].nb_closed, 1);
	assert_int_equal(sani_tcp_error(pair_conn(0)), -EHOSTUNREACH);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(port_that_takes_nothing_costs_frames_only_beyond_the_bound),
		cmocka_unit_test(port_that_is_behind_makes_connections_wait),
		cmocka_unit_test(peer_that_does_not_answer_arp_is_why_the_connect_fails),
		cmocka_unit_test(reserve_serves_the_rst_of_a_close_when_the_pool_is_empty),
	};

	return cmocka_run_group_tests(tests, pair_start_eal, NULL);
}
