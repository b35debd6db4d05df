/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "spoof.h"

static struct sani_listen
entry(unsigned int side, bool exact, uint16_t port, uint32_t slot)
{
	struct sani_listen l = { .port = port, .owner = 0, .slot = slot, .gen = 7, .backlog = 5,
				 .sndbuf = PAIR_SENDBUF, .rcvbuf = PAIR_SENDBUF };

	if (exact)
		l.addr = pair_addr(side);
	return l;
}

static uint32_t
find_slot(struct sani_core *core, unsigned int side, uint16_t port)
{
	union sani_ip addr = pair_addr(side);
	const struct sani_listen_entry *e = sani_listen_find(core, &addr, port);

	return e == NULL ? SANI_NONE : e->l.slot;
}

static void
exact_address_wins_over_any(void **state)
{
	struct sani_listen any = entry(A, false, 80, 1);
	struct sani_listen exact = entry(A, true, 80, 2);
	struct sani_core *core;

	(void)state;
	pair_open(1, NULL);
	core = pair.host[A]->cores[0];
	assert_int_equal(find_slot(core, A, 80), SANI_NONE);
	assert_int_equal(sani_core_listen_add(core, &any), 0);
	assert_int_equal(find_slot(core, A, 80), 1);
	assert_int_equal(sani_core_listen_add(core, &exact), 0);
	assert_int_equal(find_slot(core, A, 80), 2);
	assert_int_equal(find_slot(core, B, 80), 1);
	assert_int_equal(find_slot(core, A, 81), SANI_NONE);
	sani_core_listen_del(core, 0, 2, 7);
	assert_int_equal(find_slot(core, A, 80), 1);
	pair_close();
}

static void
same_address_and_port_is_refused(void **state)
{
	struct sani_listen l = entry(A, false, 80, 1);
	struct sani_core *core;

	(void)state;
	pair_open(1, NULL);
	core = pair.host[A]->cores[0];
	assert_int_equal(sani_core_listen_add(core, &l), 0);
	l.slot = 2;
	assert_int_equal(sani_core_listen_add(core, &l), -EADDRINUSE);
	pair_close();
}

static void
newest_of_those_that_share_is_asked(void **state)
{
	struct sani_listen l = entry(A, true, 80, 1);
	struct sani_core *core;

	(void)state;
	pair_open(1, NULL);
	core = pair.host[A]->cores[0];
	l.share = true;
	for (l.slot = 1; l.slot <= 3; l.slot++)
		assert_int_equal(sani_core_listen_add(core, &l), 0);
	assert_int_equal(find_slot(core, A, 80), 3);
	sani_core_listen_del(core, 0, 2, 7);
	assert_int_equal(find_slot(core, A, 80), 3);
	sani_core_listen_del(core, 0, 3, 7);
	assert_int_equal(find_slot(core, A, 80), 1);
	/* One that does not share finds the address in use. */
	l.share = false;
	assert_int_equal(sani_core_listen_add(core, &l), -EADDRINUSE);
	pair_close();
}

static void
entry_is_removed_only_by_its_owner_slot_and_generation(void **state)
{
	struct sani_listen l = entry(A, false, 80, 1);
	struct sani_core *core;

	(void)state;
	pair_open(1, NULL);
	core = pair.host[A]->cores[0];
	assert_int_equal(sani_core_listen_add(core, &l), 0);
	sani_core_listen_del(core, 1, 1, 7);
	sani_core_listen_del(core, 0, 2, 7);
	sani_core_listen_del(core, 0, 1, 8);
	assert_int_equal(find_slot(core, A, 80), 1);
	sani_core_listen_del(core, 0, 1, 7);
	assert_int_equal(find_slot(core, A, 80), SANI_NONE);
	pair_close();
}

static void
table_of_entries_fills_and_empties(void **state)
{
	struct sani_core *core;

	(void)state;
	pair_open(1, NULL);
	core = pair.host[A]->cores[0];
	for (unsigned int round = 0; round < 3; round++) {
		/* ports of one bucket among them */
		for (uint32_t i = 0; i < 8; i++) {
			struct sani_listen l = entry(A, false, (uint16_t)(80 + 16 * i), i);

			assert_int_equal(sani_core_listen_add(core, &l), 0);
		}
		struct sani_listen more = entry(A, false, 9, 9);

		assert_int_equal(sani_core_listen_add(core, &more), -ENOMEM);
		for (uint32_t i = 0; i < 8; i++) {
			sani_core_listen_del(core, 0, (i * 3 + round) % 8, 7);
			for (uint32_t j = 0; j <= i; j++)
				assert_int_equal(find_slot(core, A, (uint16_t)(80 + 16 * ((j * 3 + round) % 8))),
						 SANI_NONE);
		}
	}
	pair_close();
}

/* G20: nobody is reset; what the owner does not take yet waits in the peer, which asks again. */
static void
handshakes_beyond_the_backlog_wait(void **state)
{
	struct sani_core *core;

	(void)state;
	pair_open(1, NULL);
	core = pair.host[B]->cores[0];
	pair.accept = false;
	pair_listen(B, 80, 5);
	for (unsigned int i = 0; i < 9; i++)
		assert_true(pair_connect(pair.host[A]->cores[0], 80) >= 0);
	pair_run(5000);
	assert_int_equal(pair.nb_embryos, 5);
	for (uint32_t i = 0; i < 9; i++)
		assert_int_equal(pair.socks[i].nb_closed, 0);
	/* the ACKs of four */
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_drop_backlog), 4);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_accepts), 5);
	/* and one more SYN, which is not answered */
	assert_true(pair_connect(pair.host[A]->cores[0], 80) >= 0);
	pair_run(5000);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_drop_backlog), 5);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_tx_rst), 0);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_tx_cookie), 0);
	assert_int_equal(core->priv->nb_half_open, 4);
	/* an adopted one makes room for one */
	sani_core_adopt(core, sani_core_conn(core, pair.embryos[0].idx), pair.nb_socks++);
	pair_run(1200000);
	assert_int_equal(pair.nb_embryos, 6);
	pair_close();
}

static void
few_half_open(struct sani_host_conf *conf)
{
	conf->nb_half_open = 4;
}

static void
half_open_connections_are_bounded_and_more_get_cookies(void **state)
{
	(void)state;
	pair_open(1, few_half_open);
	pair_listen(B, 80, 100);
	for (unsigned int i = 0; i < 8; i++)
		assert_true(pair_connect(pair.host[A]->cores[0], 80) >= 0);
	pair_round(A);
	pair_round(B);
	assert_int_equal(pair.host[B]->cores[0]->priv->nb_half_open, 3);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_tx_cookie), 5);
	assert_int_equal(pair_nb_conns(B), 3);
	pair_run(2000);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_cookie), 5);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_accepts), 8);
	assert_int_equal(pair_count(A, SANI_CTR_tcp_tx_rexmit), 0);
	pair_close();
}

/* One port that is flooded does not make the others send cookies. */
static void
one_listener_has_its_own_bound(void **state)
{
	const uint32_t least = SANI_HALF_OPEN_LEAST;

	(void)state;
	pair_open(1, spoof_gateway);
	pair_listen(B, 80, 5);
	pair_listen(B, 81, 5);
	for (uint32_t i = 0; i < least + 3; i++) {
		struct sani_tuple t = spoof_tuple(i, 80);
		struct sani_tcp_seg syn = spoof_syn(i);

		spoof_in(&t, &syn, NULL);
	}
	assert_int_equal(pair.host[B]->cores[0]->priv->nb_half_open, least);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_tx_cookie), 3);
	struct sani_tuple t = spoof_tuple(1, 81);
	struct sani_tcp_seg syn = spoof_syn(1);

	spoof_in(&t, &syn, NULL);
	assert_int_equal(pair.host[B]->cores[0]->priv->nb_half_open, least + 1);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_tx_cookie), 3);
	pair_close();
}

static void
removal_resets_what_was_not_adopted(void **state)
{
	struct sani_core *core;

	(void)state;
	pair_open(1, NULL);
	core = pair.host[B]->cores[0];
	pair.accept = false;
	pair_listen(B, 80, 10);
	for (unsigned int i = 0; i < 3; i++)
		assert_true(pair_connect(pair.host[A]->cores[0], 80) >= 0);
	pair_run(5000);
	assert_int_equal(pair.nb_embryos, 3);
	sani_core_listen_del(core, core->id, 80, 1);
	assert_int_equal(pair_nb_conns(B), 0);
	assert_int_equal(pair_nb_tw(B), 3);
	pair_run(2000);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(pair.socks[i].nb_closed, 1);
		assert_int_equal(sani_tcp_error(pair_conn(i)), -ECONNRESET);
	}
	pair_close();
}

static void
offered_embryo_stays_until_it_is_answered(void **state)
{
	struct sani_core *core;
	struct sani_tcp_conn *c;

	(void)state;
	pair_open(1, NULL);
	core = pair.host[B]->cores[0];
	pair.accept = false;
	pair.offer = true;
	pair_listen(B, 80, 10);
	assert_true(pair_connect(pair.host[A]->cores[0], 80) >= 0);
	assert_true(pair_connect(pair.host[A]->cores[0], 80) >= 0);
	pair_run(5000);
	assert_int_equal(pair.nb_embryos, 2);
	/* the first ends by itself, the second with its listener */
	sani_core_conn_close(pair.host[A]->cores[0], pair_conn(0));
	pair_run(1000);
	sani_core_listen_del(core, core->id, 80, 1);
	assert_int_equal(pair_nb_conns(B), 2);
	for (unsigned int i = 0; i < 2; i++) {
		c = sani_core_conn(core, pair.embryos[i].idx);
		assert_int_equal(c->owner.gen, pair.embryos[i].gen);
		assert_int_equal(sani_tcp_state(c), SAN_TCP_CLOSED);
		assert_null(sani_core_listen_of(core, c));
		sani_core_conn_close(core, c);
	}
	assert_int_equal(pair_nb_conns(B), 0);
	assert_int_equal(core->priv->nb_finished, 0);
	assert_int_equal(core->priv->nb_half_open, 0);
	pair_close();
}

static void
embryo_that_ended_tells_the_socket_that_adopts_it(void **state)
{
	struct sani_core *core;
	struct sani_tcp_conn *c;

	(void)state;
	pair_open(1, NULL);
	core = pair.host[B]->cores[0];
	pair.accept = false;
	pair.offer = true;
	pair_listen(B, 80, 10);
	assert_true(pair_connect(pair.host[A]->cores[0], 80) >= 0);
	pair_run(5000);
	sani_core_conn_close(pair.host[A]->cores[0], pair_conn(0));
	pair_run(1000);
	c = sani_core_conn(core, pair.embryos[0].idx);
	pair.socks[1] = (struct pair_sock){ .core = core, .idx = pair.embryos[0].idx, .gen = c->owner.gen };
	pair.nb_socks = 2;
	sani_core_adopt(core, c, 1);
	assert_int_equal(pair.socks[1].nb_closed, 0);
	pair_run(200);
	assert_int_equal(pair.socks[1].nb_closed, 1);
	sani_core_conn_close(core, pair_conn(1));
	assert_int_equal(pair_nb_conns(B), 0);
	pair_close();
}

static void
embryo_that_ends_unoffered_is_freed(void **state)
{
	(void)state;
	pair_open(1, NULL);
	pair.accept = false;
	pair_listen(B, 80, 10);
	assert_true(pair_connect(pair.host[A]->cores[0], 80) >= 0);
	pair_run(5000);
	assert_int_equal(pair_nb_conns(B), 1);
	sani_core_conn_close(pair.host[A]->cores[0], pair_conn(0));
	pair_run(1000);
	assert_int_equal(pair_nb_conns(B), 0);
	assert_int_equal(pair.host[B]->cores[0]->priv->nb_finished, 0);
	pair_close();
}

static void
finished_connections_that_nobody_adopts_are_bounded(void **state)
{
	(void)state;
	pair_open(1, NULL);
	pair.accept = false;
	pair_listen(B, 80, 65535);
	for (unsigned int i = 0; i < SANI_FINISHED_MAX + 50; i++) {
		assert_true(pair_connect(pair.host[A]->cores[0], 80) >= 0);
		if (i % 100 == 0)
			pair_run(2000);
	}
	pair_run(300000);
	assert_int_equal(pair.nb_embryos, SANI_FINISHED_MAX);
	assert_int_equal(pair.host[B]->cores[0]->priv->nb_finished, SANI_FINISHED_MAX);
	assert_int_equal(pair.host[B]->cores[0]->priv->nb_half_open, 50);
	assert_true(pair_count(B, SANI_CTR_tcp_rx_drop_backlog) >= 50);
	pair_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_address_wins_over_any),
		cmocka_unit_test(same_address_and_port_is_refused),
		cmocka_unit_test(newest_of_those_that_share_is_asked),
		cmocka_unit_test(entry_is_removed_only_by_its_owner_slot_and_generation),
		cmocka_unit_test(table_of_entries_fills_and_empties),
		cmocka_unit_test(handshakes_beyond_the_backlog_wait),
		cmocka_unit_test(half_open_connections_are_bounded_and_more_get_cookies),
		cmocka_unit_test(one_listener_has_its_own_bound),
		cmocka_unit_test(removal_resets_what_was_not_adopted),
		cmocka_unit_test(offered_embryo_stays_until_it_is_answered),
		cmocka_unit_test(embryo_that_ended_tells_the_socket_that_adopts_it),
		cmocka_unit_test(embryo_that_ends_unoffered_is_freed),
		cmocka_unit_test(finished_connections_that_nobody_adopts_are_bounded),
	};

	return cmocka_run_group_tests(tests, pair_start_eal, NULL);
}
