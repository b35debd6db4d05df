/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Attacks on what happens without a connection. The letter and number at each case is that of the attack in
 * the list that the tests are made from: F5 and the like.
 */
#include <errno.h>

#include "base/seq32.h"
#include "spoof.h"

#define CLOSED_PORT 9
#define RST SANI_TCP_RST
#define ACK SANI_TCP_ACK
#define SYN SANI_TCP_SYN

static const struct sani_tcp_seg stray_ack = { .flags = ACK, .seq = 1, .ack = 77, .wnd = 1000 };

/* Send n stray segments, each from the stranger that `of` makes of its number. @return RSTs that came back. */
static unsigned int
provoke(unsigned int n, uint32_t (*of)(uint32_t i), const struct sani_tcp_seg *seg)
{
	unsigned int rst = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct sani_tuple t = spoof_tuple(of(i), CLOSED_PORT);

		spoof_send(&t, seg, "some text that asks for an answer");
		if (i % 16 == 15 || i + 1 == n) {
			pair_round(B);
			rst += spoof_count(RST);
		}
	}
	return rst;
}

static uint32_t
another(uint32_t i)
{
	return i;
}

static uint32_t
same(uint32_t i)
{
	(void)i;
	return 5;
}

/* G2: any number of segments to closed ports, from anybody. */
static void
resets_for_nobody_are_limited(void **state)
{
	unsigned int rst;

	(void)state;
	pair_open(1, spoof_gateway);
	rst = provoke(5000, another, &stray_ack);
	/* 1000 at once, each at a cost of one on the average: five standard deviations of 0.8 * sqrt(1000) */
	assert_in_range(rst, 870, 1130);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_tx_rst), rst);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_tx_limited), 5000 - rst);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_drop_no_socket), 5000);
	/* the credit comes back */
	pair_now_us += 100000;
	assert_in_range(provoke(5000, another, &stray_ack), 130, 270);
	pair_close();
}

/* G2: one who sends a lot has used up his own credit, not that of others. */
static void
resets_for_one_peer_leave_some_for_others(void **state)
{
	(void)state;
	pair_open(1, spoof_gateway);
	assert_in_range(provoke(2000, same, &stray_ack), 55, 145);
	assert_in_range(provoke(100, another, &stray_ack), 90, 100);
	pair_close();
}

/* G21: a RST never has more octets than what it answers, and RST is not answered at all. */
static void
reset_is_not_longer_than_its_cause(void **state)
{
	static const struct sani_tcp_seg causes[] = {
		{ .flags = ACK, .ack = 1 }, { .flags = SYN }, { .flags = 0 }, { .flags = SYN | ACK, .ack = 1 },
	};
	const struct sani_tcp_seg rst = { .flags = RST | ACK, .ack = 1 };
	struct sani_tuple t = spoof_tuple(1, CLOSED_PORT);
	struct sani_tcp_seg out;
	struct sani_tuple at;

	(void)state;
	pair_open(1, spoof_gateway);
	for (unsigned int i = 0; i < RTE_DIM(causes); i++) {
		spoof_in(&t, &causes[i], NULL);
		assert_true(spoof_take(&at, &out));
		assert_true(sani_tuple_eq(&at, &t));
		assert_int_equal(out.hdr_len, SANI_TCP_HDR_MIN);
		assert_int_equal(out.len, 0);
		assert_false(spoof_take(&at, &out));
	}
	spoof_in(&t, &rst, NULL);
	assert_false(spoof_take(&at, &out));
	pair_close();
}

/*
 * I7: who makes us answer under a stranger's address, and counts what he gets himself, learns nothing
 * exact: how many answers a burst yields is left to chance.
 */
static void
number_of_resets_in_a_burst_is_not_fixed(void **state)
{
	unsigned int seen[8];
	unsigned int differ = 0;

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(seen); i++) {
		pair_open(1, spoof_gateway);
		seen[i] = provoke(1000, same, &stray_ack);
		differ += seen[i] != seen[0];
		pair_close();
	}
	assert_true(differ > 0);
}

/* F5 LAND: from our own address and port to itself. */
static void
segment_from_our_own_address_is_dropped(void **state)
{
	struct sani_tuple t = { .local = pair_addr(B), .remote = pair_addr(B), .local_port = 80,
				.remote_port = 80 };
	struct sani_tcp_seg syn = spoof_syn(1);

	(void)state;
	pair_open(1, spoof_gateway);
	pair_listen(B, 80, 5);
	spoof_in(&t, &syn, NULL);
	spoof_in(&t, &stray_ack, NULL);
	assert_int_equal(pair_count(B, SANI_CTR_ip4_rx_drop_address), 2);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_tx), 0);
	assert_int_equal(pair_nb_conns(B), 0);
	pair_close();
}

/* F5 within a network: our own port number from another host is an ordinary connection. */
static void
same_port_on_both_sides_is_an_ordinary_connection(void **state)
{
	struct sani_tuple t = spoof_tuple(1, 80);
	struct sani_tcp_seg syn = spoof_syn(1);

	(void)state;
	pair_open(1, spoof_gateway);
	pair_listen(B, 80, 5);
	t.remote_port = 80;
	spoof_in(&t, &syn, NULL);
	assert_int_equal(spoof_count(SYN | ACK), 1);
	pair_close();
}

/* F6: our own address, with or without the very port; no SYN of ours may come back and answer itself. */
static void
connection_to_ourselves_is_refused(void **state)
{
	struct sani_open open = { .remote = pair_addr(A), .remote_port = 80, .sndbuf = 4096, .rcvbuf = 4096 };
	struct sani_core *core;
	struct sani_tcp_conn *c;

	(void)state;
	pair_open(1, NULL);
	core = pair.host[A]->cores[0];
	pair_listen(A, 80, 5);
	assert_int_equal(sani_core_connect(core, &open, &c), -ENETUNREACH);
	open.local_port = 80;
	assert_int_equal(sani_core_connect(core, &open, &c), -ENETUNREACH);
	pair_run(1000);
	assert_int_equal(pair_count(A, SANI_CTR_tcp_tx), 0);
	assert_int_equal(pair_nb_conns(A), 0);
	pair_close();
}

/* Stranger i shakes hands with B's port 80. @return Its last ACK; seq and ack are what comes next. */
static struct sani_tcp_seg
shake_hands(uint32_t i)
{
	struct sani_tuple t = spoof_tuple(i, 80);
	struct sani_tcp_seg syn = spoof_syn(i);
	struct sani_tcp_seg ack = { .flags = ACK, .seq = i + 1, .wnd = 100, .tsval = syn.tsval,
				    .opts = SANI_TCP_OPT_TS };
	struct sani_tcp_seg out;
	struct sani_tuple at;

	spoof_count(0);
	spoof_in(&t, &syn, NULL);
	if (!spoof_take(&at, &out))
		return (struct sani_tcp_seg){ .flags = 0 };
	ack.ack = out.seq + 1;
	ack.tsecr = out.tsval;
	spoof_in(&t, &ack, NULL);
	return ack;
}

/* G13: who makes us close a lot fills a table of fixed size; the oldest records go, counted. */
static void
records_are_bounded_whatever_is_closed(void **state)
{
	const uint32_t n = 3000;

	(void)state;
	pair_open(1, spoof_gateway);
	pair_listen(B, 80, 5);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(shake_hands(i).flags, ACK);
		sani_core_conn_close(pair.socks[i].core, pair_conn(i));
		pair_round(B);
	}
	assert_int_equal(pair_nb_conns(B), 0);
	assert_int_equal(pair_nb_tw(B), 64);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_tw_evicted), n - 64);
	pair_close();
}

static void
with_few_blocks(struct sani_host_conf *conf)
{
	spoof_gateway(conf);
	conf->nb_conns = 40;
}

/* G4: handshakes and then silence. No more are held than there are blocks; who was there before goes on. */
static void
silent_connections_are_bounded(void **state)
{
	char text[4];
	uint32_t a;

	(void)state;
	pair_open(1, with_few_blocks);
	pair_listen(B, 80, 5);
	a = pair_establish(80);
	for (uint32_t i = 0; i < 200; i++)
		shake_hands(i);
	assert_int_equal(pair_nb_conns(B), 40);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_accepts), 40);
	assert_int_equal(pair_count(B, SANI_CTR_core_drop_noconn), 200 - 39);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_tx_rst), 0);
	spoof_count(0);
	assert_int_equal(pair_write(a, "here", 4), 4);
	pair_run(10000);
	assert_int_equal(pair_read(a + 1, text, 4), 4);
	assert_memory_equal(text, "here", 4);
	pair_close();
}

#define WIDE 60u	/* connections whose windows are filled from the far edge */

/* An octet of each, the k-th from the end of the window. */
static void
fill_far_edges(const struct sani_tcp_seg *last_ack, uint32_t k)
{
	for (uint32_t i = 0; i < WIDE; i++) {
		struct sani_tuple t = spoof_tuple(i, 80);
		struct sani_tcp_seg seg = last_ack[i];

		seg.len = 1;
		seg.seq = i + 1 + PAIR_SENDBUF - 2 * k - 2;
		spoof_in(&t, &seg, "x");
	}
	spoof_count(0);
}

/*
 * G14: octets at the far edges of many windows. Each connection holds a bounded number of buffers for them, and none
 * any more once the pool runs low; who is served beside them goes on.
 */
static void
octets_at_far_edges_leave_buffers_for_others(void **state)
{
	static struct sani_tcp_seg last_ack[WIDE];
	static struct rte_mbuf *gone[8192];
	struct sani_host *host;
	unsigned int nb_gone = 0;
	char text[4];
	uint32_t a;

	(void)state;
	pair_open(1, spoof_gateway);
	pair_listen(B, 80, 5);
	a = pair_establish(80);
	host = pair.host[B];
	for (uint32_t i = 0; i < WIDE; i++)
		last_ack[i] = shake_hands(i);
	for (uint32_t k = 0; k < 150; k++)
		fill_far_edges(last_ack, k);
	for (uint32_t i = 0; i < WIDE; i++)
		assert_in_range(pair_conn(a + 2 + i)->rcvq.nb_mbufs, 64, 129);
	while (rte_mempool_avail_count(host->pool) >= host->scarce_below)
		gone[nb_gone++] = rte_pktmbuf_alloc(host->pool);
	pair_round(B);
	fill_far_edges(last_ack, 200);
	for (uint32_t i = 0; i < WIDE; i++)
		assert_int_equal(pair_conn(a + 2 + i)->rcvq.nb_mbufs, 0);
	assert_int_equal(pair_write(a, "here", 4), 4);
	pair_run(10000);
	assert_int_equal(pair_read(a + 1, text, 4), 4);
	rte_pktmbuf_free_bulk(gone, nb_gone);
	pair_close();
}

#define BOMBS 1500u

static void
with_many_blocks(struct sani_host_conf *conf)
{
	conf->nb_conns = BOMBS;
}

/* G17: all timers of a core in one tick. A round takes its share of them, the next rounds the rest, each once. */
static void
timers_of_one_tick_are_taken_in_shares(void **state)
{
	struct sani_core *core;
	unsigned int sum = 0;

	(void)state;
	pair_open(1, with_many_blocks);
	core = pair.host[B]->cores[0];
	for (uint32_t i = 0; i < BOMBS; i++) {
		struct sani_tcp_conn *c = sani_conn_alloc(core, i);

		assert_non_null(c);
		c->wake_us = SANI_NEVER;
		sani_wheel_arm(core->priv->wheel, sani_conn_idx(core->priv, c), core->now_us + 1000);
	}
	core->now_us += 100000;
	for (unsigned int round = 0; sum < BOMBS; round++) {
		unsigned int n = sani_conn_expire(core);

		assert_in_range(n, 1, 1024);
		assert_true(round < 2);
		sum += n;
	}
	assert_int_equal(sum, BOMBS);
	assert_int_equal(sani_conn_expire(core), 0);
	for (uint32_t i = 0; i < BOMBS; i++)
		sani_conn_free(core, sani_core_conn(core, i));
	pair_close();
}

/*
 * G21: the SYN is answered at once, and whatever of it comes again with the same burst by one answer more: it may have
 * been sent again because the first was lost.
 */
static void
syns_of_one_flow_are_answered_twice_a_burst(void **state)
{
	struct sani_tuple t = spoof_tuple(1, 80);
	struct sani_tcp_seg syn = spoof_syn(1);

	(void)state;
	pair_open(1, spoof_gateway);
	pair_listen(B, 80, 5);
	for (unsigned int i = 0; i < SANI_BURST; i++)
		spoof_send(&t, &syn, NULL);
	pair_round(B);
	assert_int_equal(spoof_count(SYN | ACK), 2);
	for (unsigned int i = 0; i < SANI_BURST; i++)
		spoof_send(&t, &syn, NULL);
	pair_round(B);
	assert_int_equal(spoof_count(SYN | ACK), 1);
	assert_int_equal(pair_nb_conns(B), 1);
	pair_close();
}

/* E9: nobody opens a connection with SYN and FIN. */
static void
syn_with_fin_opens_nothing(void **state)
{
	struct sani_tuple t = spoof_tuple(1, 80);
	struct sani_tcp_seg syn = spoof_syn(1);

	(void)state;
	pair_open(1, spoof_gateway);
	pair_listen(B, 80, 5);
	syn.flags |= SANI_TCP_FIN;
	spoof_in(&t, &syn, NULL);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_drop_state), 1);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_tx), 0);
	assert_int_equal(pair_nb_conns(B), 0);
	pair_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resets_for_nobody_are_limited),
		cmocka_unit_test(resets_for_one_peer_leave_some_for_others),
		cmocka_unit_test(reset_is_not_longer_than_its_cause),
		cmocka_unit_test(number_of_resets_in_a_burst_is_not_fixed),
		cmocka_unit_test(segment_from_our_own_address_is_dropped),
		cmocka_unit_test(same_port_on_both_sides_is_an_ordinary_connection),
		cmocka_unit_test(syns_of_one_flow_are_answered_twice_a_burst),
		cmocka_unit_test(syn_with_fin_opens_nothing),
		cmocka_unit_test(connection_to_ourselves_is_refused),
		cmocka_unit_test(records_are_bounded_whatever_is_closed),
		cmocka_unit_test(silent_connections_are_bounded),
		cmocka_unit_test(octets_at_far_edges_leave_buffers_for_others),
		cmocka_unit_test(timers_of_one_tick_are_taken_in_shares),
	};

	return cmocka_run_group_tests(tests, pair_start_eal, NULL);
}
