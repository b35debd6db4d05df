/* SPDX-License-Identifier: BSD-3-Clause */
/* Connects of hosts that have not heard of each other: their SYNs cannot leave before ARP has answered. */
#include "pair.h"
#include "tcp/priv.h"

#define CONNECTS 100
#define SEC UINT64_C(1000000)

static const char text[] = "a request that may be carried out twice";
#define LEN ((uint32_t)sizeof(text))

static void
open_strangers(unsigned int nb_cores)
{
	pair_open_strangers(nb_cores, NULL);
	pair_listen(B, 80, 2 * CONNECTS);
}

/* From the last of A's cores, which is not the one that runs ARP where there are several. */
static uint32_t
connect_one(void)
{
	const struct sani_host *host = pair.host[A];
	int sock = pair_connect(host->cores[host->nb_cores - 1], 80);

	assert_true(sock >= 0);
	return (uint32_t)sock;
}

/* Nothing of A's reaches B, nor comes back. */
static void
lose_all(uint64_t us)
{
	for (uint64_t end = pair_now_us + us; pair_now_us < end; pair_now_us += 1000) {
		pair_round(A);
		pair_drop(B);
	}
}

static void
expect_established(uint32_t sock)
{
	assert_int_equal(sani_tcp_state(pair_conn(sock)), SAN_TCP_ESTABLISHED);
	assert_false(sani_tcp_syn_lost(pair_conn(sock)));
}

static void
many_connects_at_once_wait_for_no_timeout(void **state)
{
	uint32_t sock[CONNECTS];

	(void)state;
	for (unsigned int cores = 1; cores <= 2; cores++) {
		open_strangers(cores);
		for (unsigned int i = 0; i < CONNECTS; i++)
			sock[i] = connect_one();
		pair_run(10000);
		for (unsigned int i = 0; i < CONNECTS; i++)
			expect_established(sock[i]);
		assert_int_equal(pair_count(A, SANI_CTR_tcp_rto), 0);
		assert_int_equal(pair_count(A, SANI_CTR_tcp_tx_rexmit), 0);
		assert_int_equal(pair_count(A, SANI_CTR_arp_drop_queue), 0);
		assert_int_equal(pair_count(A, SANI_CTR_arp_drop_again), CONNECTS);
		assert_int_equal(pair_nb_conns(B), CONNECTS);
		pair_close();
	}
}

/* The answer comes behind the first timeout of the SYN, which nobody has seen by then. */
static void
syn_that_has_not_left_is_not_lost(void **state)
{
	uint32_t sock;

	(void)state;
	open_strangers(1);
	sock = connect_one();
	lose_all(SEC + SEC / 2);
	assert_int_equal(pair_count(A, SANI_CTR_tcp_rto), 1);
	assert_int_equal(pair_count(A, SANI_CTR_arp_tx_request), 3);	/* an announcement among them */
	pair_run(SEC);
	expect_established(sock);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx), 2);
	assert_in_range(pair_conn(sock)->rto_us, 0, SANI_TCP_RTO_SYN_LOST_US / 2);
	assert_int_equal(pair_conn(sock)->backoff, 0);
	pair_close();
}

/* RFC 7413 4.1.3: only a SYN that was lost puts its peer off. */
static void
syn_that_has_not_left_keeps_its_cookie_and_data(void **state)
{
	const union sani_ip a = pair_addr(A);
	struct sani_open open = {
		.remote = pair_addr(B), .remote_port = 80, .sndbuf = 65536, .rcvbuf = 65536, .tune = { .fast = 1 },
	};
	static struct sani_tcp_conn earlier;
	struct sani_tcp_conn *c;
	struct sani_core *core;
	char buf[256];

	(void)state;
	open_strangers(1);
	core = pair.host[A]->cores[0];
	sani_listen_find(pair.host[B]->cores[0], &open.remote, 80)->l.tune.fast = 4;
	earlier.tuple.remote = open.remote;
	earlier.peer_mss = 1460;
	earlier.fast = (struct sani_tcp_fast){ .nb = 8, .flags = SANI_TCP_FAST_ASK | SANI_TCP_FAST_GIVEN };
	sani_fast_cookie(pair.host[B]->key, &a, pair_now_us, earlier.fast.cookie);
	sani_fast_learn(core, &earlier);
	assert_int_equal(sani_core_connect(core, &open, &c), 0);
	pair.socks[0] = (struct pair_sock){ .core = core, .idx = sani_core_conn_idx(core, c), .gen = c->owner.gen };
	pair.nb_socks = 1;
	assert_int_equal(pair_write(0, text, LEN), LEN);
	lose_all(SEC + SEC / 2);
	pair_run(SEC);
	expect_established(0);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_fast), 1);
	assert_int_equal(pair_count(A, SANI_CTR_tcp_fast_lost), 0);
	assert_int_equal(pair_read(1, buf, sizeof(buf)), LEN);
	assert_memory_equal(buf, text, LEN);
	assert_int_equal(sani_tcp_acked(pair_conn(0)), LEN);
	pair_close();
}

/* In any order; what is left of those that wait is not forgotten. */
static void
close_of_a_connect_that_waits_leaves_the_others(void **state)
{
	static const unsigned int closed[] = { 3, 0, 9, 4, 8, 1 };
	uint32_t sock[10];
	uint32_t late;

	(void)state;
	open_strangers(1);
	for (unsigned int i = 0; i < RTE_DIM(sock); i++)
		sock[i] = connect_one();
	lose_all(1000);
	for (unsigned int i = 0; i < RTE_DIM(closed); i++) {
		sani_core_conn_close(pair.socks[sock[closed[i]]].core, pair_conn(sock[closed[i]]));
		sock[closed[i]] = SANI_NONE;
	}
	late = connect_one();
	pair_run(SEC + SEC / 10);
	for (unsigned int i = 0; i < RTE_DIM(sock); i++)
		if (sock[i] != SANI_NONE)
			expect_established(sock[i]);
	expect_established(late);
	assert_int_equal(pair_nb_conns(B), RTE_DIM(sock) - RTE_DIM(closed) + 1);
	pair_close();
}

/* Those for whom nobody has answered go on waiting, and know it after 3 s. */
static void
answer_of_another_neighbour_begins_nothing_anew(void **state)
{
	struct sani_open open = { .remote_port = 80, .sndbuf = 4096, .rcvbuf = 4096 };
	struct sani_tcp_conn *c;
	struct sani_core *core;
	uint32_t sock;

	(void)state;
	open_strangers(1);
	core = pair.host[A]->cores[0];
	open.remote = sani_ip_from_v4(rte_cpu_to_be_32(0x0a00004du));
	assert_int_equal(sani_core_connect(core, &open, &c), 0);
	pair.socks[0] = (struct pair_sock){ .core = core, .idx = sani_core_conn_idx(core, c), .gen = c->owner.gen };
	pair.nb_socks = 1;
	lose_all(SEC + SEC / 2);
	assert_int_equal(c->backoff, 1);
	sock = connect_one();
	pair_run(SEC / 10);
	expect_established(sock);
	assert_int_equal(c->backoff, 1);
	pair_run(SEC + SEC / 2);
	assert_int_equal(pair.socks[0].nb_closed, 1);
	pair_close();
}

/* In all lists, each whole in both directions. */
static unsigned int
count_waiting(const struct sani_core_priv *p)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < SANI_HOP_LISTS; i++) {
		uint32_t last = SANI_NONE;

		for (uint32_t k = p->waiting[i].first; k != SANI_NONE; k = p->conns[k].owner.next) {
			assert_int_equal(p->conns[k].owner.prev, last);
			last = k;
			n++;
		}
		assert_int_equal(p->waiting[i].last, last);
	}
	return n;
}

/* Those in the list of a neighbour's; 0: none waits for it. */
static unsigned int
count_waiting_with(const struct sani_core_priv *p, const union sani_ip *remote)
{
	for (unsigned int i = 0; i < SANI_HOP_LISTS; i++) {
		unsigned int n = 0;
		bool has = false;

		for (uint32_t k = p->waiting[i].first; k != SANI_NONE; k = p->conns[k].owner.next, n++)
			has |= sani_ip_eq(&p->conns[k].tuple.remote, remote);
		if (has)
			return n;
	}
	return 0;
}

static void
connect_to(uint32_t remote)
{
	struct sani_open open = { .remote_port = 80, .sndbuf = 4096, .rcvbuf = 4096, .sock = pair.nb_socks };
	struct sani_core *core = pair.host[A]->cores[0];
	struct sani_tcp_conn *c;

	open.remote = sani_ip_from_v4(rte_cpu_to_be_32(remote));
	assert_int_equal(sani_core_connect(core, &open, &c), 0);
	pair.socks[pair.nb_socks++] = (struct pair_sock){
		.core = core, .idx = sani_core_conn_idx(core, c), .gen = c->owner.gen,
	};
}

/* Connects to silent neighbours are not even looked at when another one is found. */
static void
answer_concerns_those_that_wait_for_it(void **state)
{
	const union sani_ip b = pair_addr(B);
	struct sani_core_priv *p;

	(void)state;
	open_strangers(1);
	p = pair.host[A]->cores[0]->priv;
	for (uint32_t i = 0; i < CONNECTS; i++)
		connect_to(0x0a000010u + i);
	connect_one();
	lose_all(1000);
	assert_int_equal(count_waiting(p), CONNECTS + 1);
	assert_int_equal(count_waiting_with(p, &b), 1);
	pair_run(SEC / 10);
	assert_int_equal(count_waiting(p), CONNECTS);
	assert_int_equal(count_waiting_with(p, &b), 0);
	pair_close();
}

/* A connect whose SYN waits, and the news that its hop is known is lost: the SYN goes when its time has come. */
static uint32_t
connect_and_lose_the_news(struct sani_core_priv *p)
{
	uint32_t sock = connect_one();

	pair_round(A);
	pair_round(B);
	for (unsigned int i = 0; i < RTE_DIM(p->io.news); i++)
		p->io.news[i].kind = SANI_IP_WANT;	/* on the core that runs ARP it says nothing */
	p->io.nb_news = RTE_DIM(p->io.news);
	pair_round(A);
	assert_int_equal(count_waiting(p), 1);
	return sock;
}

/* What was sent is not sent anew when news of another neighbour comes. */
static void
syn_that_has_left_is_no_first_one_again(void **state)
{
	const union sani_ip b = pair_addr(B);
	struct sani_core_priv *p;
	uint32_t sock;

	(void)state;
	open_strangers(1);
	p = pair.host[A]->cores[0]->priv;
	sock = connect_and_lose_the_news(p);
	lose_all(SEC + SEC / 2);
	sani_hop_found(pair.host[A]->cores[0], &b);
	assert_int_equal(count_waiting(p), 0);
	assert_true(sani_tcp_syn_lost(pair_conn(sock)));
	assert_int_equal(pair_conn(sock)->backoff, 1);
	assert_int_equal(p->nb_dirty, 0);
	pair_close();
}

/* Nothing of it waits any more: its block is given back later like any other's. */
static void
connect_that_was_told_nothing_of_its_hop_is_parked_whole(void **state)
{
	struct sani_core_priv *p;
	uint32_t sock;

	(void)state;
	open_strangers(1);
	p = pair.host[A]->cores[0]->priv;
	p->keep_blocks = 0;
	p->park_quiet_most_us = 0;
	sock = connect_and_lose_the_news(p);
	pair_run(2 * SEC);
	/* an RTT, for the SYN, which was sent twice, has shown none that counts */
	assert_int_equal(pair_write(sock, text, LEN), LEN);
	pair_run(SEC);
	assert_true((pair.socks[sock].idx & SANI_CONN_PARKED) != 0);
	assert_int_equal(count_waiting(p), 0);
	pair_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_connects_at_once_wait_for_no_timeout),
		cmocka_unit_test(syn_that_has_not_left_is_not_lost),
		cmocka_unit_test(syn_that_has_not_left_keeps_its_cookie_and_data),
		cmocka_unit_test(close_of_a_connect_that_waits_leaves_the_others),
		cmocka_unit_test(answer_of_another_neighbour_begins_nothing_anew),
		cmocka_unit_test(answer_concerns_those_that_wait_for_it),
		cmocka_unit_test(syn_that_has_left_is_no_first_one_again),
		cmocka_unit_test(connect_that_was_told_nothing_of_its_hop_is_parked_whole),
	};

	return cmocka_run_group_tests(tests, pair_start_eal, NULL);
}
