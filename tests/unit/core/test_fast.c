/* SPDX-License-Identifier: BSD-3-Clause */
/* Fast Open (RFC 7413) between two hosts. What strangers may take of it: test_fast_stranger.c */
#include "spoof.h"
#include "tcp/priv.h"

#define ACK SANI_TCP_ACK
#define SYN SANI_TCP_SYN
#define SEC UINT64_C(1000000)
#define MINUTE (60 * SEC)

static const char text[] = "a request that may be carried out twice";
#define LEN ((uint32_t)sizeof(text))

/* A side opens with Fast Open, from a port (0: any), and writes before the SYN has gone. @return Its socket. */
static uint32_t
open_from(unsigned int side, uint16_t port, const union sani_ip *remote, uint16_t remote_port, const char *data,
	  uint32_t len)
{
	struct sani_open open = {
		.local_port = port, .remote = *remote, .remote_port = remote_port, .sndbuf = 65536,
		.rcvbuf = 65536, .sock = pair.nb_socks, .nodelay = true, .tune = { .fast = 1 },
	};
	struct sani_core *core = pair.host[side]->cores[0];
	struct sani_tcp_conn *c;
	uint32_t sock = pair.nb_socks++;

	assert_int_equal(sani_core_connect(core, &open, &c), 0);
	pair.socks[sock].core = core;
	pair.socks[sock].idx = sani_core_conn_idx(core, c);
	pair.socks[sock].gen = c->owner.gen;
	if (len > 0)
		assert_int_equal(pair_write(sock, data, len), len);
	return sock;
}

/* A to B; B's socket is the next. */
static uint32_t
open_with(const char *data, uint32_t len)
{
	union sani_ip b = pair_addr(B);

	return open_from(A, 0, &b, 80, data, len);
}

/* As if an earlier connection had brought a cookie of this peer. */
static void
learn_cookie(unsigned int side, const union sani_ip *peer)
{
	static struct sani_tcp_conn c;

	c.tuple.remote = *peer;
	c.peer_mss = 1460;
	c.fast = (struct sani_tcp_fast){ .nb = 8, .flags = SANI_TCP_FAST_ASK | SANI_TCP_FAST_GIVEN };
	sani_fast_learn(pair.host[side]->cores[0], &c);
}

static void
end(uint32_t sock)
{
	sani_core_conn_close(pair.socks[sock].core, pair_conn(sock));
	sani_core_conn_close(pair.socks[sock + 1].core, pair_conn(sock + 1));
	pair_run(5 * SEC);
}

/* Would A ask B now? */
static bool
asks(void)
{
	struct sani_tcp_params params = { .tuple = { .remote = pair_addr(B) }, .tune = { .fast = 1 } };

	sani_fast_ask(pair.host[A]->cores[0], &params);
	return params.fast.flags != 0;
}

static void
get_cookie(void)
{
	uint32_t sock = open_with(NULL, 0);

	pair_run(SEC / 10);
	assert_int_equal(pair_conn(sock)->fast.nb, SANI_FAST_COOKIE);
	assert_int_equal(sani_tcp_state(pair_conn(sock)), SAN_TCP_ESTABLISHED);
	end(sock);
}

static void
expect_text(uint32_t sock)
{
	char buf[256];

	assert_int_equal(pair_read(sock, buf, sizeof(buf)), LEN);
	assert_memory_equal(buf, text, LEN);
}

static void
second_connection_carries_data_in_its_syn(void **state)
{
	uint32_t sock;

	(void)state;
	pair_open(1, NULL);
	pair_listen_fast(4);
	get_cookie();
	sock = open_with(text, LEN);
	pair_round(A);
	pair_round(B);
	/* half a round trip, and the text is there */
	assert_int_equal(sani_tcp_state(pair_conn(sock + 1)), SAN_TCP_SYN_RECEIVED);
	expect_text(sock + 1);
	/* and answered before the handshake is over */
	assert_int_equal(pair_write(sock + 1, text, LEN), LEN);
	pair_round(B);
	assert_int_equal(sani_tcp_state(pair_conn(sock + 1)), SAN_TCP_SYN_RECEIVED);
	pair_round(A);
	expect_text(sock);
	pair_run(SEC / 10);
	assert_int_equal(sani_tcp_state(pair_conn(sock)), SAN_TCP_ESTABLISHED);
	assert_int_equal(sani_tcp_state(pair_conn(sock + 1)), SAN_TCP_ESTABLISHED);
	assert_int_equal(sani_tcp_acked(pair_conn(sock)), LEN);
	assert_int_equal(sani_tcp_acked(pair_conn(sock + 1)), LEN);
	assert_int_equal(pair_count(A, SANI_CTR_tcp_tx_fast), 1);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_fast), 1);
	assert_int_equal(pair_count(A, SANI_CTR_tcp_tx_rexmit) + pair_count(B, SANI_CTR_tcp_tx_rexmit), 0);
	end(sock);
	pair_close();
}

/* More than a SYN takes: the rest follows the handshake, in order and once. */
static void
what_does_not_fit_the_syn_follows(void **state)
{
	static char big[8000];
	static char back[8000];
	uint32_t sock;
	uint32_t n = 0;

	(void)state;
	for (uint32_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7 % 251);
	pair_open(1, NULL);
	pair_listen_fast(4);
	get_cookie();
	sock = open_with(big, sizeof(big));
	pair_run(SEC / 10);
	n = pair_read(sock + 1, back, sizeof(back));
	assert_int_equal(n, sizeof(big));
	assert_memory_equal(big, back, sizeof(big));
	end(sock);
	pair_close();
}

static void
without_the_option_nothing_is_asked_or_given(void **state)
{
	uint32_t sock;

	(void)state;
	pair_open(1, NULL);
	pair_listen_fast(0);
	sock = open_with(text, LEN);
	pair_run(SEC / 10);
	expect_text(sock + 1);
	assert_int_equal(pair_conn(sock)->fast.nb, 0);
	assert_int_equal(pair_count(A, SANI_CTR_tcp_tx_fast), 0);
	end(sock);
	/* a peer that gives none is let off (4.1.3) */
	sock = open_with(NULL, 0);
	assert_int_equal(pair_conn(sock)->fast.flags, 0);
	pair_run(SEC / 10);
	end(sock);
	pair_run(61 * MINUTE);
	sock = open_with(NULL, 0);
	assert_int_equal(pair_conn(sock)->fast.flags, SANI_TCP_FAST_ASK);
	pair_run(SEC / 10);
	end(sock);
	pair_close();
}

/* The server has forgotten its key, or never takes data: only the SYN is acknowledged, the data goes again at once. */
static void
refused_data_goes_again_at_once(void **state)
{
	uint32_t sock;

	(void)state;
	pair_open(1, NULL);
	pair_listen_fast(4);
	get_cookie();
	pair.host[B]->key[0] ^= 1;
	sock = open_with(text, LEN);
	pair_run(SEC / 10);
	expect_text(sock + 1);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_fast_bad), 1);
	assert_int_equal(pair_count(A, SANI_CTR_tcp_fast_refused), 1);
	assert_int_equal(pair_count(A, SANI_CTR_tcp_rto), 0);
	assert_int_equal(sani_tcp_acked(pair_conn(sock)), LEN);
	end(sock);
	/* and with the cookie that came along it works again */
	sock = open_with(text, LEN);
	pair_run(SEC / 10);
	expect_text(sock + 1);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_fast), 1);
	end(sock);
	pair_close();
}

/* 4.1.3: the SYN that is sent again is plain, and the peer is let off for a while, twice as long the next time. */
static void
lost_syn_goes_again_plain(void **state)
{
	uint32_t sock;

	(void)state;
	pair_open(1, NULL);
	pair_listen_fast(4);
	get_cookie();
	for (unsigned int i = 0; i < 2; i++) {
		sock = open_with(text, LEN);
		pair_round(A);
		pair_drop(B);
		pair_run(2 * SEC);
		expect_text(sock + 1);
		assert_int_equal(pair_count(A, SANI_CTR_tcp_fast_lost), i + 1);
		assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_fast), 0);
		end(sock);
		assert_false(asks());
		pair_run((54 + i * 60) * SEC - SEC);
		assert_false(asks());
		pair_run(2 * SEC);
		assert_true(asks());
	}
	pair_close();
}

static void
lost_syn_ack_is_repeated_with_the_data_acknowledged(void **state)
{
	uint32_t sock;

	(void)state;
	pair_open(1, NULL);
	pair_listen_fast(4);
	get_cookie();
	sock = open_with(text, LEN);
	pair_round(A);
	pair_round(B);
	assert_int_equal(pair_write(sock + 1, text, LEN), LEN);
	pair_round(B);
	pair_drop(A);
	pair_run(5 * SEC);
	expect_text(sock + 1);
	expect_text(sock);
	assert_int_equal(pair_read(sock + 1, (char[8]){ 0 }, 8), 0);
	assert_int_equal(sani_tcp_acked(pair_conn(sock + 1)), LEN);
	end(sock);
	pair_close();
}

/* Simultaneous open: the data of both SYNs is left, and goes again when the connection stands. */
static void
syns_with_data_that_cross_open_an_ordinary_connection(void **state)
{
	struct sani_tuple t = spoof_tuple(1, 4000);
	struct sani_tcp_seg syn = spoof_syn_fast(100, (const uint8_t *)"of ours?", SANI_FAST_COOKIE, LEN);
	struct sani_tcp_seg ack = { .flags = ACK, .seq = 101, .wnd = 500, .opts = SANI_TCP_OPT_TS };
	struct sani_tcp_seg out;
	struct sani_tuple at;
	uint32_t iss, sock;

	(void)state;
	pair_open(1, spoof_gateway);
	pair_listen_fast(4);
	learn_cookie(B, &t.remote);
	sock = open_from(B, t.local_port, &t.remote, t.remote_port, text, LEN);
	pair_round(B);
	assert_true(spoof_take(&at, &out));
	assert_int_equal(out.flags, SYN);
	assert_int_equal(out.nb_fast, SANI_FAST_COOKIE);
	assert_int_equal(out.len, LEN);
	iss = out.seq;
	out = spoof_syn_ack(&t, &syn, text);
	assert_int_equal(sani_tcp_state(pair_conn(sock)), SAN_TCP_SYN_RECEIVED);
	assert_int_equal(out.seq, iss);
	assert_int_equal(out.ack, 101);
	assert_int_equal(out.len, 0);
	assert_false(out.opts & SANI_TCP_OPT_FAST);
	ack.ack = iss + 1;
	ack.tsval = syn.tsval;
	ack.tsecr = out.tsval;
	spoof_in(&t, &ack, NULL);
	assert_int_equal(sani_tcp_state(pair_conn(sock)), SAN_TCP_ESTABLISHED);
	assert_true(spoof_take(&at, &out));
	assert_int_equal(out.seq, iss + 1);
	assert_int_equal(out.len, LEN);
	assert_int_equal(sani_tcp_readable(pair_conn(sock)), 0);
	ack.ack = iss + 1 + LEN;
	ack.len = LEN;
	spoof_in(&t, &ack, text);
	assert_int_equal(sani_tcp_acked(pair_conn(sock)), LEN);
	expect_text(sock);
	pair_close();
}

/* B takes A's SYN before its own has gone: what it sends is a SYN-ACK, without data. */
static void
syn_that_comes_before_ours_has_gone_opens_both_ways(void **state)
{
	union sani_ip a = pair_addr(A);
	union sani_ip b = pair_addr(B);
	uint32_t of_a, of_b;

	(void)state;
	pair_open(1, NULL);
	pair_listen_fast(4);
	learn_cookie(A, &b);
	learn_cookie(B, &a);
	of_a = open_from(A, 3000, &b, 4000, text, LEN);
	pair_round(A);
	/* as by another thread's request: behind the beginning of the round, where what was posted goes */
	of_b = open_from(B, 4000, &a, 3000, text, LEN);
	sani_core_input(pair.socks[of_b].core);
	sani_core_output(pair.socks[of_b].core);
	pair_run(SEC / 10);
	assert_int_equal(pair_count(A, SANI_CTR_tcp_tx_fast), 1);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_tx_fast), 0);
	expect_text(of_a);
	expect_text(of_b);
	assert_int_equal(sani_tcp_readable(pair_conn(of_a)), 0);
	assert_int_equal(sani_tcp_readable(pair_conn(of_b)), 0);
	assert_int_equal(sani_tcp_acked(pair_conn(of_a)), LEN);
	assert_int_equal(sani_tcp_acked(pair_conn(of_b)), LEN);
	pair_close();
}

/* So many peers, and then the one of a set that was used longest ago goes. */
static void
cookies_of_peers_are_bounded(void **state)
{
	(void)state;
	pair_open(1, NULL);
	pair_listen_fast(1);
	for (uint32_t i = 0; i < 2 * SANI_FAST_PEERS; i++) {
		union sani_ip peer = sani_ip_from_v4(rte_cpu_to_be_32(0x0a010000u + i));

		learn_cookie(A, &peer);
	}
	assert_true(pair_count(A, SANI_CTR_tcp_fast_evicted) >= SANI_FAST_PEERS);
	pair_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(second_connection_carries_data_in_its_syn),
		cmocka_unit_test(what_does_not_fit_the_syn_follows),
		cmocka_unit_test(without_the_option_nothing_is_asked_or_given),
		cmocka_unit_test(refused_data_goes_again_at_once),
		cmocka_unit_test(lost_syn_goes_again_plain),
		cmocka_unit_test(lost_syn_ack_is_repeated_with_the_data_acknowledged),
		cmocka_unit_test(syns_with_data_that_cross_open_an_ordinary_connection),
		cmocka_unit_test(syn_that_comes_before_ours_has_gone_opens_both_ways),
		cmocka_unit_test(cookies_of_peers_are_bounded),
	};

	return cmocka_run_group_tests(tests, pair_start_eal, NULL);
}
