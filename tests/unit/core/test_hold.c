/* SPDX-License-Identifier: BSD-3-Clause */
/* Handshakes that wait for a decision at the SYN (sani_listen.hold). */
#include <errno.h>

#include "spoof.h"

/* A listener of B that holds. */
static struct sani_core *
open_holding(uint32_t backlog)
{
	struct sani_listen l = { .port = 80, .hold = true, .slot = 80, .gen = 1, .backlog = backlog,
				 .sndbuf = PAIR_SENDBUF, .rcvbuf = PAIR_SENDBUF };
	struct sani_core *core;

	pair_open(1, spoof_gateway);
	core = pair.host[B]->cores[0];
	l.owner = core->id;
	pair.accept = false;
	assert_int_equal(sani_core_listen_add(core, &l), 0);
	return core;
}

static struct sani_tcp_conn *
embryo(struct sani_core *core, uint32_t i)
{
	assert_true(i < pair.nb_embryos);
	return sani_core_conn(core, pair.embryos[i].idx);
}

static void
syn_is_offered_and_not_answered(void **state)
{
	struct sani_tcp_seg syn = spoof_syn(1000);
	struct sani_tuple t = spoof_tuple(1, 80);
	struct sani_core *core = open_holding(5);

	(void)state;
	spoof_in(&t, &syn, NULL);
	assert_int_equal(pair.nb_embryos, 1);
	assert_int_equal(core->priv->nb_half_open, 0);
	/* nor is the SYN when it comes again, and it is the same request */
	spoof_in(&t, &syn, NULL);
	assert_int_equal(pair.nb_embryos, 1);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_drop_state), 1);
	assert_int_equal(spoof_count(0), 0);
	pair_close();
}

static void
confirmed_handshake_goes_on(void **state)
{
	struct sani_core *core = open_holding(5);

	(void)state;
	assert_true(pair_connect(pair.host[A]->cores[0], 80) >= 0);
	pair_run(5000);
	assert_int_equal(pair.nb_embryos, 1);
	assert_int_equal(pair.socks[0].ev & SANI_TCP_EV_CONNECTED, 0);
	sani_core_adopt(core, embryo(core, 0), 1);
	pair.nb_socks = 2;
	pair_run(5000);
	assert_int_equal(pair.socks[0].ev & SANI_TCP_EV_CONNECTED, 0);
	/* what is written before waits for the handshake */
	pair.socks[1] = (struct pair_sock){ .core = core, .idx = pair.embryos[0].idx, .gen = pair.embryos[0].gen };
	assert_int_equal(pair_write(1, "early", 5), 5);
	pair_run(5000);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_tx), 0);
	sani_core_confirm(core, pair_conn(1));
	pair_run(5000);
	assert_int_not_equal(pair.socks[0].ev & SANI_TCP_EV_CONNECTED, 0);
	assert_int_equal(sani_tcp_state(pair_conn(1)), SAN_TCP_ESTABLISHED);
	char got[8];

	assert_int_equal(pair_read(0, got, sizeof(got)), 5);
	assert_memory_equal(got, "early", 5);
	/* once is enough */
	sani_core_confirm(core, pair_conn(1));
	pair_close();
}

static void
refused_peer_gets_a_reset_for_its_syn(void **state)
{
	struct sani_core *core = open_holding(5);

	(void)state;
	assert_true(pair_connect(pair.host[A]->cores[0], 80) >= 0);
	pair_run(5000);
	sani_core_conn_close(core, embryo(core, 0));
	pair_run(5000);
	assert_int_equal(pair.socks[0].nb_closed, 1);
	assert_int_equal(sani_tcp_error(pair_conn(0)), -ECONNREFUSED);
	assert_int_equal(core->priv->nb_finished, 0);
	pair_close();
}

static void
peer_can_take_its_request_back(void **state)
{
	struct sani_tcp_seg syn = spoof_syn(1000);
	struct sani_tcp_seg rst = { .seq = 1001, .flags = SANI_TCP_RST };
	struct sani_tuple t = spoof_tuple(1, 80);
	struct sani_core *core = open_holding(5);

	(void)state;
	spoof_in(&t, &syn, NULL);
	assert_int_equal(pair_nb_conns(B), 1);
	rst.seq = 1000;
	spoof_in(&t, &rst, NULL);
	assert_int_equal(pair_nb_conns(B), 1);
	assert_int_equal(spoof_count(0), 0);
	rst.seq = 1001;
	spoof_in(&t, &rst, NULL);
	assert_int_equal(pair_nb_conns(B), 0);
	assert_int_equal(core->priv->nb_finished, 0);
	pair_close();
}

static void
backlog_bounds_what_is_held_and_sends_no_cookies(void **state)
{
	struct sani_core *core = open_holding(5);

	(void)state;
	for (uint32_t i = 0; i < 9; i++) {
		struct sani_tuple t = spoof_tuple(i, 80);
		struct sani_tcp_seg syn = spoof_syn(i);

		spoof_in(&t, &syn, NULL);
	}
	assert_int_equal(pair.nb_embryos, 5);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_drop_backlog), 4);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_tx_cookie), 0);
	sani_core_adopt(core, embryo(core, 0), 1);
	struct sani_tuple t = spoof_tuple(20, 80);
	struct sani_tcp_seg syn = spoof_syn(20);

	spoof_in(&t, &syn, NULL);
	assert_int_equal(pair.nb_embryos, 6);
	pair_close();
}

/* A spoofed SYN that nobody decides about does not stay for ever. */
static void
held_request_ends_by_the_user_timeout(void **state)
{
	struct sani_tcp_seg syn = spoof_syn(1000);
	struct sani_tuple t = spoof_tuple(1, 80);

	(void)state;
	open_holding(5);
	spoof_in(&t, &syn, NULL);
	pair_now_us += 179000000;
	pair_round(B);
	assert_int_equal(pair_nb_conns(B), 1);
	pair_now_us += 2000000;
	pair_round(B);
	assert_int_equal(pair_nb_conns(B), 0);
	pair_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(syn_is_offered_and_not_answered),
		cmocka_unit_test(confirmed_handshake_goes_on),
		cmocka_unit_test(refused_peer_gets_a_reset_for_its_syn),
		cmocka_unit_test(peer_can_take_its_request_back),
		cmocka_unit_test(backlog_bounds_what_is_held_and_sends_no_cookies),
		cmocka_unit_test(held_request_ends_by_the_user_timeout),
	};

	return cmocka_run_group_tests_name("hold", tests, pair_start_eal, NULL);
}
