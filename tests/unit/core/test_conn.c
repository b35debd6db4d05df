/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "pair.h"
#include "tcp/cc.h"

static struct sani_core *
core_of(uint32_t sock)
{
	return pair.socks[sock].core;
}

static void
close_sock(uint32_t sock)
{
	sani_core_conn_close(core_of(sock), pair_conn(sock));
}

static void
handshake_tells_both_ends(void **state)
{
	uint32_t a;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 5);
	a = pair_establish(80);
	assert_true((pair.socks[a].ev & SANI_TCP_EV_CONNECTED) != 0);
	assert_int_equal(pair_count(A, SANI_CTR_tcp_connects), 1);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_accepts), 1);
	assert_int_equal(pair_conn(a)->tuple.local_port, pair_conn(a + 1)->tuple.remote_port);
	assert_int_equal(pair_nb_conns(A), 1);
	assert_int_equal(pair_nb_conns(B), 1);
	pair_close();
}

/* Move len octets from one socket to another and compare each. */
static void
move_bytes(uint32_t from, uint32_t to, uint32_t len)
{
	uint8_t buf[8192];
	uint32_t sent = 0;
	uint32_t got = 0;

	for (unsigned int rounds = 0; got < len; rounds++) {
		uint32_t n = RTE_MIN((uint32_t)sizeof(buf), len - sent);

		for (uint32_t i = 0; i < n; i++)
			buf[i] = (uint8_t)((sent + i) * 31 >> 3);
		if (n > 0)
			sent += pair_write(from, buf, n);
		pair_run(100);
		n = pair_read(to, buf, sizeof(buf));
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(buf[i], (uint8_t)((got + i) * 31 >> 3));
		got += n;
		assert_true(rounds < 200000);
	}
	assert_int_equal(got, len);
}

static void
bytes_arrive_in_order_both_ways(void **state)
{
	uint32_t a;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 5);
	a = pair_establish(80);
	move_bytes(a, a + 1, 500000);
	move_bytes(a + 1, a, 500000);
	assert_int_equal(pair_count(A, SANI_CTR_tcp_tx_rexmit) + pair_count(B, SANI_CTR_tcp_tx_rexmit), 0);
	close_sock(a);
	pair_run(1000);
	assert_int_equal(pair.socks[a + 1].nb_closed, 1);
	close_sock(a + 1);
	pair_close();
}

/*
 * RFC 9293 MUST-45, and MUST-44 before it: what the first segment had for a source has each later one, though the
 * interface that was chosen then has another address by now. The other way nothing gets through any more.
 */
static void
addresses_stay_those_of_the_first_segments(void **state)
{
	const union sani_ip other = sani_ip_from_v4(rte_cpu_to_be_32(0x0a00004du));
	uint8_t text[1000] = { 1 };
	uint32_t a;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 5);
	a = pair_establish(80);
	pair.host[B]->ifaces[0].addr = other;
	assert_int_equal(pair_write(a + 1, text, sizeof(text)), sizeof(text));
	pair_run(1000);
	assert_int_equal(pair_read(a, text, sizeof(text)), sizeof(text));
	close_sock(a + 1);
	pair_run(1000);
	assert_int_equal(pair.socks[a].nb_closed, 1);
	assert_int_equal(sani_tcp_error(pair_conn(a)), -ECONNRESET);
	close_sock(a);
	pair_close();
}

static void
closed_port_answers_with_rst(void **state)
{
	int a;

	(void)state;
	pair_open(1, NULL);
	a = pair_connect(pair.host[A]->cores[0], 81);
	assert_true(a >= 0);
	pair_run(3000);
	assert_int_equal(pair.socks[a].nb_closed, 1);
	assert_int_equal(sani_tcp_error(pair_conn((uint32_t)a)), -ECONNREFUSED);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_drop_no_socket), 1);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_tx_rst), 1);
	close_sock((uint32_t)a);
	assert_int_equal(pair_nb_conns(A), 0);
	pair_close();
}

/* Bring the socket a of a pair (its peer is a + 1) to a state. The last steps are not seen by the peer. */
static uint32_t
reach(enum san_tcp_state want)
{
	uint32_t a;

	if (want == SAN_TCP_SYN_SENT || want == SAN_TCP_CLOSED) {
		a = (uint32_t)pair_connect(pair.host[A]->cores[0], want == SAN_TCP_CLOSED ? 81 : 80);
		if (want == SAN_TCP_CLOSED)
			pair_run(3000);
		return a;
	}
	a = pair_establish(80);
	if (want == SAN_TCP_CLOSE_WAIT || want == SAN_TCP_LAST_ACK) {
		sani_core_touch(core_of(a + 1), pair_conn(a + 1), sani_tcp_shutdown(pair_conn(a + 1)));
		pair_run(500);
	}
	if (want != SAN_TCP_ESTABLISHED && want != SAN_TCP_CLOSE_WAIT) {
		sani_core_touch(core_of(a), pair_conn(a), sani_tcp_shutdown(pair_conn(a)));
		pair_round(A);
	}
	if (want == SAN_TCP_CLOSING) {
		/* both FINs cross */
		sani_core_touch(core_of(a + 1), pair_conn(a + 1), sani_tcp_shutdown(pair_conn(a + 1)));
		sani_core_output(core_of(a + 1));
		pair_round(A);
	}
	if (want == SAN_TCP_FIN_WAIT_2 || want == SAN_TCP_TIME_WAIT)
		pair_run(500);
	if (want == SAN_TCP_TIME_WAIT) {
		sani_core_touch(core_of(a + 1), pair_conn(a + 1), sani_tcp_shutdown(pair_conn(a + 1)));
		pair_run(500);
	}
	return a;
}

static void
close_by_state_sends_what_it_should(void **state)
{
	static const struct {
		enum san_tcp_state state;
		unsigned int nb_rst;
		unsigned int nb_tw;
	} cases[] = {
		{ SAN_TCP_CLOSED, 0, 0 },
		{ SAN_TCP_SYN_SENT, 0, 0 },
		{ SAN_TCP_ESTABLISHED, 1, 1 },
		{ SAN_TCP_FIN_WAIT_1, 1, 1 },
		{ SAN_TCP_FIN_WAIT_2, 1, 1 },
		{ SAN_TCP_CLOSE_WAIT, 1, 1 },
		{ SAN_TCP_CLOSING, 1, 1 },
		{ SAN_TCP_LAST_ACK, 1, 1 },
		{ SAN_TCP_TIME_WAIT, 0, 1 },
	};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		uint32_t a;

		pair_open(1, NULL);
		pair_listen(B, 80, 5);
		a = reach(cases[i].state);
		assert_int_equal(sani_tcp_state(pair_conn(a)), cases[i].state);
		if (cases[i].state == SAN_TCP_SYN_SENT)
			sani_core_output(core_of(a));
		pair_drop(B);
		close_sock(a);
		pair_round(A);
		assert_int_equal(pair_drop(B), cases[i].nb_rst);
		assert_int_equal(pair_nb_conns(A), 0);
		assert_int_equal(pair_nb_tw(A), cases[i].nb_tw);
		pair_close();
	}
}

static void
close_in_syn_received_sends_rst(void **state)
{
	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 5);
	pair_connect(pair.host[A]->cores[0], 80);
	pair_round(A);
	pair_round(B);
	assert_int_equal(pair_nb_conns(B), 1);
	pair_drop(A);
	sani_core_listen_del(pair.host[B]->cores[0], pair.host[B]->cores[0]->id, 80, 1);
	pair_round(B);
	assert_int_equal(pair_drop(A), 1);
	assert_int_equal(pair_nb_conns(B), 0);
	pair_close();
}

static void
close_itself(struct sani_core *core, struct sani_tcp_conn *c, uint32_t ev)
{
	(void)ev;
	sani_core_conn_close(core, c);
}

static void
close_inside_an_event_ends_the_connection(void **state)
{
	uint32_t a;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 5);
	a = pair_establish(80);
	pair.on_event = close_itself;
	assert_int_equal(pair_write(a, "hello", 5), 5);
	pair_run(2000);
	assert_true((pair.socks[a + 1].ev & SANI_TCP_EV_READABLE) != 0);
	assert_int_equal(pair_nb_conns(B), 0);
	assert_int_equal(pair_nb_conns(A), 0);
	pair_close();
}

static void
close_all_others(struct sani_core *core, struct sani_tcp_conn *c, uint32_t ev)
{
	(void)c;
	(void)ev;
	pair.on_event = NULL;
	for (uint32_t i = 0; i < pair.nb_socks; i++)
		if (pair.socks[i].core == core)
			close_sock(i);
}

static void
close_of_all_inside_one_timer_event_is_survived(void **state)
{
	(void)state;
	pair_open(1, NULL);
	for (unsigned int i = 0; i < 200; i++)
		assert_true(pair_connect(pair.host[A]->cores[0], 80) >= 0);
	/* nobody answers: all give up in the same tick, the first closes every one */
	pair.on_event = close_all_others;
	for (unsigned int i = 0; i < 400 && pair_nb_conns(A) > 0; i++) {
		pair_now_us += 1000000;
		pair_round(A);
		pair_drop(B);
	}
	assert_int_equal(pair_nb_conns(A), 0);
	pair_close();
}

static void
few_blocks(struct sani_host_conf *conf)
{
	conf->nb_conns = 3;
}

static void
blocks_run_out_and_come_back_with_a_new_generation(void **state)
{
	struct sani_core *core;
	uint32_t gen;

	(void)state;
	pair_open(1, few_blocks);
	core = pair.host[A]->cores[0];
	for (unsigned int i = 0; i < 3; i++)
		assert_true(pair_connect(core, 80) >= 0);
	assert_int_equal(pair_connect(core, 80), -ENOBUFS);
	gen = pair.socks[1].gen;
	close_sock(1);
	assert_int_equal(pair_connect(core, 80), 3);
	assert_int_equal(pair.socks[3].idx, pair.socks[1].idx);
	assert_int_not_equal(pair.socks[3].gen, gen);
	pair_close();
}

static void
closed_before_its_output_is_not_listed_any_more(void **state)
{
	struct sani_core *core;

	(void)state;
	pair_open(1, few_blocks);
	core = pair.host[A]->cores[0];
	assert_true(pair_connect(core, 80) >= 0);
	for (unsigned int i = 0; i < 50; i++) {
		int first = pair_connect(core, 80);
		int second = pair_connect(core, 80);

		assert_int_equal(core->priv->nb_dirty, 3);
		close_sock((uint32_t)first);
		assert_int_equal(core->priv->nb_dirty, 2);
		close_sock((uint32_t)second);
		assert_int_equal(core->priv->nb_dirty, 1);
	}
	/* the one that is left sends its SYN, nobody else does */
	sani_core_output(core);
	assert_int_equal(pair_count(A, SANI_CTR_tcp_tx), 1);
	assert_int_equal(core->priv->nb_dirty, 0);
	pair_close();
}

static void
syn_without_a_free_block_is_dropped_and_counted(void **state)
{
	(void)state;
	pair_open(1, few_blocks);
	pair_listen(B, 80, 50);
	for (unsigned int i = 0; i < 3; i++)
		pair_establish(80);
	sani_core_conn_close(pair.host[A]->cores[0], pair_conn(0));
	/* the RST does not reach B: its block is still in use */
	pair_round(A);
	pair_drop(B);
	assert_true(pair_connect(pair.host[A]->cores[0], 80) >= 0);
	pair_run(2000);
	assert_int_equal(pair_count(B, SANI_CTR_core_drop_noconn), 1);
	pair_close();
}

static void
dead_connection_keeps_its_block_but_not_its_flow(void **state)
{
	uint32_t a;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 5);
	a = pair_establish(80);
	close_sock(a);
	pair_run(1000);
	assert_int_equal(pair.socks[a + 1].nb_closed, 1);
	assert_int_equal(pair_nb_conns(B), 1);
	assert_int_equal(sani_conn_find(core_of(a + 1), &pair_conn(a + 1)->tuple,
					pair_conn(a + 1)->owner.hash), SANI_FLOW_NOTHING);
	/* closing it sends nothing */
	pair_drop(A);
	close_sock(a + 1);
	pair_round(B);
	assert_int_equal(pair_drop(A), 0);
	assert_int_equal(pair_nb_conns(B), 0);
	assert_int_equal(pair_nb_tw(B), 0);
	pair_close();
}

/* RFC 9293 MUST-20: R1 is passed, and the neighbour is asked, whatever core the connection is on. */
static void
segment_that_is_not_answered_makes_the_neighbour_be_asked(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct sani_core *core;
		uint64_t asked;
		int a;

		pair_open(2, NULL);
		pair_listen(B, 80, 5);
		core = pair.host[A]->cores[i];
		a = pair_connect(core, 80);
		assert_true(a >= 0);
		pair_run(2000000);
		assert_int_equal(sani_tcp_state(pair_conn((uint32_t)a)), SAN_TCP_ESTABLISHED);
		assert_int_equal(pair_write((uint32_t)a, "x", 1), 1);
		asked = pair_count(A, SANI_CTR_arp_tx_request);
		for (unsigned int ms = 0; ms < 10000 && pair_count(A, SANI_CTR_tcp_rto) < 3; ms++) {
			pair_now_us += 1000;
			pair_round(A);
			pair_drop(B);
			if (pair_count(A, SANI_CTR_tcp_rto) < 3)
				assert_int_equal(pair_count(A, SANI_CTR_arp_tx_request), asked);
		}
		pair_round(A);		/* the other core's word arrives */
		pair_drop(B);
		assert_int_equal(pair_count(A, SANI_CTR_tcp_rto), 3);
		assert_int_equal(pair_count(A, SANI_CTR_tcp_doubt), 1);
		assert_int_equal(pair_count(A, SANI_CTR_arp_tx_request), asked + 1);
		pair_close();
	}
}

static void
both_ends_have_the_congestion_control_that_was_asked_for(void **state)
{
	const struct sani_listen l = {
		.port = 80, .slot = 80, .gen = 1, .backlog = 5, .sndbuf = 65536, .rcvbuf = 65536,
		.tune.cc = SAN_CC_NEWRENO,
	};
	struct sani_open open = {
		.remote_port = 80, .sndbuf = 65536, .rcvbuf = 65536, .sock = SANI_NONE,
	};
	static const enum san_cc wanted[] = { SAN_CC_CUBIC, SAN_CC_NEWRENO };
	static const char *const names[] = { "cubic", "newreno" };

	(void)state;
	pair_open(1, NULL);
	assert_int_equal(sani_core_listen_add(pair.host[B]->cores[0], &l), 0);
	pair.accept = true;
	open.remote = pair_addr(B);
	for (uint32_t i = 0; i < RTE_DIM(wanted); i++) {
		struct sani_tcp_conn *c;

		open.tune.cc = (uint8_t) wanted[i];
		assert_int_equal(sani_core_connect(pair.host[A]->cores[0], &open, &c), 0);
		pair_run(5000);
		assert_string_equal(c->cc->name, names[i]);
		assert_int_equal(pair.nb_socks, i + 1);
		assert_string_equal(pair_conn(i)->cc->name, "newreno");
		sani_core_conn_close(pair.host[A]->cores[0], c);
		pair_run(5000);
	}
	pair_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handshake_tells_both_ends),
		cmocka_unit_test(bytes_arrive_in_order_both_ways),
		cmocka_unit_test(addresses_stay_those_of_the_first_segments),
		cmocka_unit_test(closed_port_answers_with_rst),
		cmocka_unit_test(close_by_state_sends_what_it_should),
		cmocka_unit_test(close_in_syn_received_sends_rst),
		cmocka_unit_test(close_inside_an_event_ends_the_connection),
		cmocka_unit_test(close_of_all_inside_one_timer_event_is_survived),
		cmocka_unit_test(blocks_run_out_and_come_back_with_a_new_generation),
		cmocka_unit_test(closed_before_its_output_is_not_listed_any_more),
		cmocka_unit_test(syn_without_a_free_block_is_dropped_and_counted),
		cmocka_unit_test(dead_connection_keeps_its_block_but_not_its_flow),
		cmocka_unit_test(segment_that_is_not_answered_makes_the_neighbour_be_asked),
		cmocka_unit_test(both_ends_have_the_congestion_control_that_was_asked_for),
	};

	return cmocka_run_group_tests(tests, pair_start_eal, NULL);
}
