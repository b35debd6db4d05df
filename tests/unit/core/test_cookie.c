/* SPDX-License-Identifier: BSD-3-Clause */
/* Cookies and floods; the letter and number at a case is that of the attack in the list they are made from. */
#include <errno.h>
#include <stdlib.h>

#include <rte_mempool.h>

#include "base/seq32.h"
#include "spoof.h"
#include "tcp/cookie.h"

#define ACK SANI_TCP_ACK
#define SYN SANI_TCP_SYN
#define RST SANI_TCP_RST
#define SEC UINT64_C(1000000)

/* No half-open connection at all: every SYN gets a cookie. */
static void
always_cookies(struct sani_host_conf *conf)
{
	spoof_gateway(conf);
	conf->nb_half_open = 0;
}

static void
few_half_open(struct sani_host_conf *conf)
{
	spoof_gateway(conf);
	conf->nb_half_open = 32;
}

static struct sani_tcp_seg
ack_of(const struct sani_tcp_seg *syn_ack)
{
	return (struct sani_tcp_seg){
		.flags = ACK, .seq = syn_ack->ack, .ack = syn_ack->seq + 1, .wnd = 500,
		.opts = syn_ack->opts & SANI_TCP_OPT_TS, .tsval = syn_ack->tsecr + 1, .tsecr = syn_ack->tsval,
	};
}

/* A stranger's SYN; the SYN-ACK that comes back. */
static struct sani_tcp_seg
ask(const struct sani_tuple *t, uint32_t seq)
{
	struct sani_tcp_seg syn = spoof_syn(seq);
	struct sani_tcp_seg out;
	struct sani_tuple at;

	spoof_count(0);
	spoof_in(t, &syn, NULL);
	assert_true(spoof_take(&at, &out));
	assert_true(sani_tuple_eq(&at, t));
	assert_int_equal(out.flags, SYN | ACK);
	assert_int_equal(out.ack, seq + 1);
	return out;
}

/* n SYNs, each of another stranger. */
static void
flood(uint32_t n, uint16_t port)
{
	for (uint32_t i = 0; i < n; i++) {
		struct sani_tuple t = spoof_tuple(100000 + i, port);
		struct sani_tcp_seg syn = spoof_syn(i);

		spoof_send(&t, &syn, NULL);
		if (i % 16 == 15 || i + 1 == n) {
			pair_round(B);
			spoof_count(0);
		}
	}
}

/* Both sides, A for the sake of ARP; it drops what is for strangers. */
static void
run_slowly(uint64_t us)
{
	for (uint64_t end = pair_now_us + us; pair_now_us < end; pair_now_us += SEC / 10) {
		pair_round(B);
		pair_round(A);
	}
}

static void
cookie_keeps_no_state_and_its_ack_opens(void **state)
{
	struct sani_tuple t = spoof_tuple(1, 80);
	struct sani_tcp_seg syn_ack;
	struct sani_tcp_seg ack;

	(void)state;
	pair_open(1, always_cookies);
	pair_listen(B, 80, 5);
	syn_ack = ask(&t, 1000);
	assert_int_equal(syn_ack.opts, SANI_TCP_OPT_MSS | SANI_TCP_OPT_WSCALE | SANI_TCP_OPT_TS |
				       SANI_TCP_OPT_SACK_PERM);
	assert_int_equal(pair_nb_conns(B), 0);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_tx_cookie), 1);
	ack = ack_of(&syn_ack);
	spoof_in(&t, &ack, NULL);
	assert_int_equal(pair.nb_socks, 1);
	assert_int_equal(sani_tcp_state(pair_conn(0)), SAN_TCP_ESTABLISHED);
	assert_int_equal(pair_conn(0)->snd_wscale, 7);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_cookie), 1);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_accepts), 1);
	assert_int_equal(pair.host[B]->cores[0]->priv->nb_half_open, 0);
	pair_close();
}

/* Whatever of the first flight arrives first opens the connection, with its text. */
static void
text_with_the_cookie_is_delivered(void **state)
{
	struct sani_tuple t = spoof_tuple(1, 80);
	struct sani_tcp_seg syn_ack;
	struct sani_tcp_seg ack;
	char buf[8];

	(void)state;
	pair_open(1, always_cookies);
	pair_listen(B, 80, 5);
	syn_ack = ask(&t, 1000);
	ack = ack_of(&syn_ack);
	ack.len = 5;
	spoof_in(&t, &ack, "hello");
	assert_int_equal(pair_read(0, buf, sizeof(buf)), 5);
	assert_memory_equal(buf, "hello", 5);
	pair_close();
}

/* PAWS at the peer: no segment of the connection is older than its SYN-ACK. */
static void
later_timestamps_do_not_go_back(void **state)
{
	(void)state;
	pair_open(1, always_cookies);
	pair_listen(B, 80, 200);
	for (uint32_t i = 0; i < 100; i++) {
		struct sani_tuple t = spoof_tuple(i, 80);
		struct sani_tcp_seg syn_ack;
		struct sani_tcp_seg out;
		struct sani_tcp_seg ack;
		struct sani_tuple at;

		pair_now_us += 1000 * (i % 5);
		syn_ack = ask(&t, 1000);
		ack = ack_of(&syn_ack);
		ack.len = 5;
		spoof_in(&t, &ack, "hello");
		assert_int_equal(pair_write(i, "world", 5), 5);
		pair_round(B);
		while (spoof_take(&at, &out) && out.len == 0)
			assert_true(seq_geq(out.tsval, syn_ack.tsval));
		assert_int_equal(out.len, 5);
		assert_int_equal(out.seq, syn_ack.seq + 1);
		assert_true(seq_geq(out.tsval, syn_ack.tsval));
		assert_true(out.tsval - syn_ack.tsval < 32);
	}
	pair_close();
}

/* Our own active side, with nothing but cookies in the other: both ways, beyond a window without scale. */
static void
transfer_over_a_cookie_is_like_any_other(void **state)
{
	static uint8_t out[60000];
	static uint8_t in[60001];
	uint32_t a;

	(void)state;
	for (unsigned int i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 31 + i / 251);
	pair_open(1, always_cookies);
	pair_listen(B, 80, 5);
	a = pair_establish(80);
	for (uint32_t dir = 0; dir < 2; dir++) {
		assert_int_equal(pair_write(a + dir, out, sizeof(out)), sizeof(out));
		pair_run(50000);
		assert_int_equal(pair_read(a + 1 - dir, in, sizeof(in)), sizeof(out));
		assert_memory_equal(in, out, sizeof(out));
	}
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_cookie), 1);
	assert_int_equal(pair_count(A, SANI_CTR_tcp_tx_rexmit) + pair_count(B, SANI_CTR_tcp_tx_rexmit), 0);
	pair_close();
}

/* E12: text in the SYN is neither kept nor acknowledged; the peer sends it again. */
static void
text_in_the_syn_is_not_taken(void **state)
{
	struct sani_tuple t = spoof_tuple(1, 80);
	struct sani_tcp_seg syn = spoof_syn(1000);
	struct sani_tcp_seg out;
	struct sani_tcp_seg ack;
	struct sani_tuple at;

	(void)state;
	pair_open(1, always_cookies);
	pair_listen(B, 80, 5);
	syn.len = 5;
	spoof_in(&t, &syn, "early");
	assert_true(spoof_take(&at, &out));
	assert_int_equal(out.ack, 1001);
	ack = ack_of(&out);
	spoof_in(&t, &ack, NULL);
	assert_int_equal(sani_tcp_readable(pair_conn(0)), 0);
	ack.len = 5;
	spoof_in(&t, &ack, "again");
	assert_int_equal(sani_tcp_readable(pair_conn(0)), 5);
	pair_close();
}

static void
stale_or_wrong_cookie_gets_rst(void **state)
{
	struct sani_tuple t = spoof_tuple(1, 80);
	struct sani_tcp_seg syn_ack;
	struct sani_tcp_seg ack;

	(void)state;
	pair_open(1, always_cookies);
	pair_listen(B, 80, 5);
	syn_ack = ask(&t, 1000);
	ack = ack_of(&syn_ack);
	ack.ack++;
	spoof_in(&t, &ack, NULL);
	assert_int_equal(spoof_count(RST), 1);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_bad_cookie), 1);
	/* too old; the listener has sent others since */
	ack.ack--;
	pair_now_us += SANI_TCP_COOKIE_LIFE_US;
	t.remote_port++;
	ask(&t, 1000);
	t.remote_port--;
	spoof_in(&t, &ack, NULL);
	assert_int_equal(spoof_count(RST), 1);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_bad_cookie), 2);
	assert_int_equal(pair_nb_conns(B), 0);
	pair_close();
}

/* G3: while no cookies are out an ACK is not even looked at. */
static void
ack_is_tried_only_while_cookies_are_out(void **state)
{
	struct sani_tuple t = spoof_tuple(1, 80);
	struct sani_tcp_seg syn_ack;
	struct sani_tcp_seg ack;

	(void)state;
	pair_open(1, always_cookies);
	pair_listen(B, 80, 5);
	pair_listen(B, 81, 5);
	syn_ack = ask(&t, 1000);
	ack = ack_of(&syn_ack);
	t.local_port = 81;
	spoof_in(&t, &ack, NULL);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_drop_no_socket), 1);
	t.local_port = 80;
	pair_now_us += SANI_TCP_COOKIE_LIFE_US;
	spoof_in(&t, &ack, NULL);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_drop_no_socket), 2);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_bad_cookie), 0);
	assert_int_equal(spoof_count(RST), 2);
	pair_close();
}

/* A listener that is made anew may have other buffers: it knows nothing of the old one's cookies. */
static void
cookie_of_a_removed_listener_is_none(void **state)
{
	struct sani_tuple t = spoof_tuple(1, 80);
	struct sani_core *core;
	struct sani_tcp_seg syn_ack;
	struct sani_tcp_seg ack;

	(void)state;
	pair_open(1, always_cookies);
	core = pair.host[B]->cores[0];
	pair_listen(B, 80, 5);
	syn_ack = ask(&t, 1000);
	sani_core_listen_del(core, core->id, 80, 1);
	pair_listen(B, 80, 5);
	ack = ack_of(&syn_ack);
	spoof_in(&t, &ack, NULL);
	assert_int_equal(spoof_count(RST), 1);
	assert_int_equal(pair_nb_conns(B), 0);
	pair_close();
}

/* G3: random ACKs to a port whose cookies are out: no state, each counted, answers limited. */
static void
flood_of_acks_opens_nothing(void **state)
{
	struct sani_tuple t = spoof_tuple(1, 80);
	unsigned int rst = 0;

	(void)state;
	pair_open(1, always_cookies);
	pair_listen(B, 80, 5);
	ask(&t, 1000);
	srandom(1);
	for (uint32_t i = 0; i < 20000; i++) {
		struct sani_tcp_seg ack = { .flags = ACK, .seq = (uint32_t)random() * 2,
					    .ack = (uint32_t)random() * 2 + (i & 1), .wnd = 100 };

		t = spoof_tuple(i, 80);
		spoof_send(&t, &ack, NULL);
		if (i % 16 == 15) {
			pair_round(B);
			rst += spoof_count(RST);
		}
	}
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_bad_cookie), 20000);
	assert_int_equal(pair_nb_conns(B), 0);
	assert_in_range(rst, 870, 1130);
	pair_close();
}

/* G20: the owner does not take what is there. Nothing is promised that cannot be kept, nobody is reset. */
static void
full_queue_drops_syn_and_cookie_alike(void **state)
{
	struct sani_tuple t[3] = { spoof_tuple(1, 80), spoof_tuple(2, 80), spoof_tuple(3, 80) };
	struct sani_core *core;
	struct sani_tcp_seg syn_ack[2];
	struct sani_tcp_seg syn = spoof_syn(5);
	struct sani_tcp_seg ack;

	(void)state;
	pair_open(1, always_cookies);
	core = pair.host[B]->cores[0];
	pair.accept = false;
	pair_listen(B, 80, 1);
	for (unsigned int i = 0; i < 2; i++)
		syn_ack[i] = ask(&t[i], 1000);
	for (unsigned int i = 0; i < 2; i++) {
		ack = ack_of(&syn_ack[i]);
		spoof_in(&t[i], &ack, NULL);
	}
	assert_int_equal(pair.nb_embryos, 1);
	spoof_in(&t[2], &syn, NULL);
	assert_int_equal(spoof_count(RST) + spoof_count(SYN | ACK), 0);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_drop_backlog), 2);
	/* a place is there again, and the peer's text comes a second time */
	sani_core_adopt(core, sani_core_conn(core, pair.embryos[0].idx), pair.nb_socks++);
	ack.len = 4;
	spoof_in(&t[1], &ack, "text");
	assert_int_equal(pair.nb_embryos, 2);
	assert_int_equal(sani_tcp_readable(sani_core_conn(core, pair.embryos[1].idx)), 4);
	pair_close();
}

/*
 * The SYN-ACK with the cookie was slow, the SYN came again after the pressure, and was answered by a half-open
 * connection with another number. The peer knows the first one.
 */
static void
cookie_wins_over_a_later_half_open_connection(void **state)
{
	struct sani_tuple t = spoof_tuple(1, 80);
	struct sani_core *core;
	struct sani_tcp_seg first;
	struct sani_tcp_seg second;
	struct sani_tcp_seg ack;

	(void)state;
	pair_open(1, few_half_open);
	core = pair.host[B]->cores[0];
	pair_listen(B, 80, 5);
	flood(40, 80);
	first = ask(&t, 1000);
	run_slowly(64 * SEC);
	assert_int_equal(core->priv->nb_half_open, 0);
	second = ask(&t, 1000);
	assert_int_equal(core->priv->nb_half_open, 1);
	assert_int_not_equal(first.seq, second.seq);
	ack = ack_of(&first);
	spoof_in(&t, &ack, NULL);
	assert_int_equal(spoof_count(RST), 0);
	assert_int_equal(pair.nb_socks, 1);
	assert_int_equal(pair_conn(0)->iss, first.seq);
	assert_int_equal(core->priv->nb_half_open, 0);
	assert_int_equal(pair_nb_conns(B), 1);
	pair_close();
}

/* RFC 9293 3.6.1 MAY-2: a cookie could lie below the old numbers, so there is a place for these SYNs. */
static void
reopened_tuple_gets_no_cookie(void **state)
{
	struct sani_core *core;
	struct sani_tcp_seg syn_ack;
	struct sani_tcp_seg ack;
	struct sani_tcp_seg syn;

	(void)state;
	pair_open(1, few_half_open);
	core = pair.host[B]->cores[0];
	pair_listen(B, 80, 50);
	/* tombstones for twelve tuples, then the flood */
	for (uint32_t i = 0; i < 12; i++) {
		struct sani_tuple t = spoof_tuple(i, 80);

		syn_ack = ask(&t, 1000);
		ack = ack_of(&syn_ack);
		spoof_in(&t, &ack, NULL);
		sani_core_conn_close(core, pair_conn(i));
		pair_round(B);
	}
	assert_int_equal(pair_nb_tw(B), 12);
	flood(100, 80);
	assert_int_equal(core->priv->nb_half_open, 24);
	/* eight find a place, four wait with their records */
	for (uint32_t i = 0; i < 12; i++) {
		struct sani_tuple t = spoof_tuple(i, 80);

		syn = spoof_syn(9000);
		spoof_in(&t, &syn, NULL);
	}
	assert_int_equal(core->priv->nb_half_open, 32);
	assert_int_equal(pair_nb_tw(B), 4);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_drop_backlog), 4);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_tx_cookie), 76);
	pair_close();
}

/*
 * G1: the port is flooded without a pause, one in four SYNs with text. Every host that is there gets its
 * connection at the first attempt; the flood holds no more than its share, and no buffer.
 */
static void
flood_costs_nobody_a_connection(void **state)
{
	uint32_t spoofed = 0;
	uint32_t before;

	(void)state;
	pair_open(1, few_half_open);
	pair_listen(B, 80, 64);
	before = rte_mempool_avail_count(pair.host[B]->pool);
	for (uint32_t i = 0; i < 500; i++) {
		assert_true(pair_connect(pair.host[A]->cores[0], 80) >= 0);
		for (unsigned int step = 0; step < 5; step++) {
			for (unsigned int k = 0; k < 20; k++, spoofed++) {
				struct sani_tuple t = spoof_tuple(spoofed, 80);
				struct sani_tcp_seg syn = spoof_syn(spoofed);

				syn.len = k % 4 == 0 ? 100 : 0;
				spoof_send(&t, &syn, pair.messages);
			}
			pair_run(100);
			assert_in_range(pair.host[B]->cores[0]->priv->nb_half_open, 0, 24);
		}
	}
	pair_run(2000);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_accepts), 500);
	assert_int_equal(pair_count(A, SANI_CTR_tcp_tx_rexmit), 0);
	assert_int_equal(pair_nb_conns(B), 500 + 24);
	/* the caches of the two pools apart */
	assert_true(before - rte_mempool_avail_count(pair.host[B]->pool) < 300);
	for (uint32_t i = 0; i < pair.nb_socks; i++)
		assert_int_equal(pair.socks[i].nb_closed, 0);
	pair_close();
}

/* G1: after the flood all is as before, in about a minute. */
static void
flooded_port_recovers(void **state)
{
	struct sani_tuple t = spoof_tuple(1, 80);
	uint64_t cookies;

	(void)state;
	pair_open(1, few_half_open);
	pair_listen(B, 80, 64);
	flood(1000, 80);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_tx_cookie), 1000 - 24);
	/* G21: a spoofed SYN costs its victim six SYN-ACKs at most, or one */
	run_slowly(70 * SEC);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_tx), 1000 + 5 * 24);
	assert_int_equal(pair_nb_conns(B), 0);
	cookies = pair_count(B, SANI_CTR_tcp_tx_cookie);
	ask(&t, 1);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_tx_cookie), cookies);
	assert_int_equal(pair_nb_conns(B), 1);
	pair_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cookie_keeps_no_state_and_its_ack_opens),
		cmocka_unit_test(text_with_the_cookie_is_delivered),
		cmocka_unit_test(later_timestamps_do_not_go_back),
		cmocka_unit_test(transfer_over_a_cookie_is_like_any_other),
		cmocka_unit_test(text_in_the_syn_is_not_taken),
		cmocka_unit_test(stale_or_wrong_cookie_gets_rst),
		cmocka_unit_test(ack_is_tried_only_while_cookies_are_out),
		cmocka_unit_test(cookie_of_a_removed_listener_is_none),
		cmocka_unit_test(flood_of_acks_opens_nothing),
		cmocka_unit_test(full_queue_drops_syn_and_cookie_alike),
		cmocka_unit_test(cookie_wins_over_a_later_half_open_connection),
		cmocka_unit_test(reopened_tuple_gets_no_cookie),
		cmocka_unit_test(flood_costs_nobody_a_connection),
		cmocka_unit_test(flooded_port_recovers),
	};

	return cmocka_run_group_tests(tests, pair_start_eal, NULL);
}
