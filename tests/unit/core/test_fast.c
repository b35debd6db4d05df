/* SPDX-License-Identifier: BSD-3-Clause */
/* Fast Open (RFC 7413): two hosts, and strangers; what the letters A to K of other tests stand for is said there. */
#include <errno.h>

#include "spoof.h"
#include "tcp/priv.h"

#define ACK SANI_TCP_ACK
#define SYN SANI_TCP_SYN
#define RST SANI_TCP_RST
#define SEC UINT64_C(1000000)
#define MINUTE (60 * SEC)
#define SLOT (UINT64_C(1) << 32)

static const char text[] = "a request that may be carried out twice";
#define LEN ((uint32_t)sizeof(text))

static void
setup(uint16_t pending, void (*change)(struct sani_host_conf *conf))
{
	pair_open(1, change);
	pair.accept = true;
	pair_listen(B, 80, 8);
	sani_listen_find(pair.host[B]->cores[0], &(union sani_ip){ .q = { 0, 0 } }, 80)->l.tune.fast = pending;
}

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
	setup(4, NULL);
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
	setup(4, NULL);
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
	setup(0, NULL);
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
	setup(4, NULL);
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
	setup(4, NULL);
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
	setup(4, NULL);
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

static void
cookie_is_of_one_address_and_two_slots(void **state)
{
	union sani_ip x = sani_ip_from_v4(0x0100000a);
	union sani_ip y = sani_ip_from_v4(0x0200000a);
	uint8_t key[16] = { 1 };
	uint8_t a[SANI_FAST_COOKIE];
	uint8_t b[SANI_FAST_COOKIE];

	(void)state;
	sani_fast_cookie(key, &x, 5, a);
	sani_fast_cookie(key, &y, 5, b);
	assert_memory_not_equal(a, b, sizeof(a));
	sani_fast_cookie(key, &x, SLOT - 1, b);
	assert_memory_equal(a, b, sizeof(a));
	sani_fast_cookie(key, &x, SLOT, b);
	assert_memory_not_equal(a, b, sizeof(a));
	key[15] = 1;
	sani_fast_cookie(key, &x, 5, b);
	assert_memory_not_equal(a, b, sizeof(a));
}

/* A stranger's SYN with a cookie and text. */
static struct sani_tcp_seg
syn_with(uint32_t seq, const uint8_t *cookie, uint8_t nb, uint32_t len)
{
	struct sani_tcp_seg syn = spoof_syn(seq);

	syn.opts |= SANI_TCP_OPT_FAST;
	syn.nb_fast = nb;
	if (cookie != NULL)
		memcpy(syn.fast, cookie, nb);
	syn.len = len;
	return syn;
}

static struct sani_tcp_seg
answer_to(const struct sani_tuple *t, const struct sani_tcp_seg *syn)
{
	struct sani_tcp_seg out;
	struct sani_tuple at;

	spoof_in(t, syn, text);
	assert_true(spoof_take(&at, &out));
	assert_int_equal(out.flags, SYN | ACK);
	return out;
}

static void
cookie_of_the_last_slot_is_good_and_replaced(void **state)
{
	struct sani_tuple t = spoof_tuple(1, 80);
	uint8_t cookie[SANI_FAST_COOKIE];
	struct sani_tcp_seg syn;
	struct sani_tcp_seg out;

	(void)state;
	setup(8, spoof_gateway);
	for (unsigned int slots = 0; slots < 3; slots++) {
		t.remote_port++;
		sani_fast_cookie(pair.host[B]->key, &t.remote, pair_now_us - slots * SLOT, cookie);
		syn = syn_with(100, cookie, sizeof(cookie), LEN);
		out = answer_to(&t, &syn);
		assert_int_equal(out.ack, slots < 2 ? 101 + LEN : 101);
		assert_int_equal(!!(out.opts & SANI_TCP_OPT_FAST), slots > 0);
		pair_now_us += slots == 0 ? 2 * SLOT : 0;
	}
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_fast_bad), 1);
	pair_close();
}

/* G1: spoofed SYNs with cookies that were got honestly take so many places and no more; resets free none at once. */
static void
pending_opens_are_bounded(void **state)
{
	uint8_t cookie[SANI_FAST_COOKIE];
	struct sani_tcp_seg syn;
	struct sani_tcp_seg out;
	struct sani_tcp_seg rst;
	struct sani_tuple t;

	(void)state;
	setup(3, spoof_gateway);
	for (uint32_t i = 0; i < 6; i++) {
		t = spoof_tuple(i, 80);
		sani_fast_cookie(pair.host[B]->key, &t.remote, pair_now_us, cookie);
		syn = syn_with(100, cookie, sizeof(cookie), LEN);
		out = answer_to(&t, &syn);
		assert_int_equal(out.ack, i < 3 ? 101 + LEN : 101);
	}
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_fast_full), 3);
	for (uint32_t i = 0; i < 3; i++) {
		t = spoof_tuple(i, 80);
		rst = (struct sani_tcp_seg){ .flags = RST, .seq = 101 + LEN };
		spoof_in(&t, &rst, NULL);
		sani_core_conn_close(pair.socks[i].core, pair_conn(i));
	}
	t = spoof_tuple(10, 80);
	sani_fast_cookie(pair.host[B]->key, &t.remote, pair_now_us, cookie);
	syn = syn_with(100, cookie, sizeof(cookie), LEN);
	assert_int_equal(answer_to(&t, &syn).ack, 101);
	pair_now_us += 61 * SEC;
	t = spoof_tuple(11, 80);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_fast), 3);
	sani_fast_cookie(pair.host[B]->key, &t.remote, pair_now_us, cookie);
	syn = syn_with(100, cookie, sizeof(cookie), LEN);
	spoof_count(0);
	spoof_in(&t, &syn, text);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_fast), 4);
	pair_close();
}

/* E12, I2: data without a cookie, with a guess, or with a cookie of another length is not taken. */
static void
nothing_is_taken_without_a_good_cookie(void **state)
{
	static const uint8_t guess[SANI_TCP_FAST_MOST] = { 1, 2, 3 };
	struct sani_tuple t = spoof_tuple(1, 80);
	struct sani_tcp_seg syn;

	(void)state;
	setup(8, spoof_gateway);
	for (uint8_t nb = 0; nb <= 14; nb = (uint8_t)(nb == 0 ? 4 : nb + 2)) {
		t.remote_port++;
		syn = syn_with(100, guess, nb, LEN);
		assert_int_equal(answer_to(&t, &syn).ack, 101);
	}
	t.remote_port++;
	syn = syn_with(100, NULL, 0, LEN);
	syn.opts &= (uint8_t)~SANI_TCP_OPT_FAST;
	assert_int_equal(answer_to(&t, &syn).ack, 101);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_fast), 0);
	pair_close();
}

static void
no_half_open(struct sani_host_conf *conf)
{
	spoof_gateway(conf);
	conf->nb_half_open = 0;
}

static void
no_data_is_taken_while_syn_cookies_are_sent(void **state)
{
	struct sani_tuple t = spoof_tuple(1, 80);
	uint8_t cookie[SANI_FAST_COOKIE];
	struct sani_tcp_seg syn;

	(void)state;
	setup(8, no_half_open);
	sani_fast_cookie(pair.host[B]->key, &t.remote, pair_now_us, cookie);
	syn = syn_with(100, cookie, sizeof(cookie), LEN);
	assert_int_equal(answer_to(&t, &syn).ack, 101);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_tx_cookie), 1);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_fast), 0);
	pair_close();
}

/* What is never confirmed ends as a SYN that is not, and gives its place back. */
static void
unconfirmed_open_ends_and_frees_its_place(void **state)
{
	struct sani_tuple t = spoof_tuple(1, 80);
	uint8_t cookie[SANI_FAST_COOKIE];
	struct sani_tcp_seg syn;

	(void)state;
	setup(1, spoof_gateway);
	sani_fast_cookie(pair.host[B]->key, &t.remote, pair_now_us, cookie);
	syn = syn_with(100, cookie, sizeof(cookie), LEN);
	answer_to(&t, &syn);
	assert_int_equal(sani_tcp_state(pair_conn(0)), SAN_TCP_SYN_RECEIVED);
	for (unsigned int i = 0; i < 700; i++) {
		pair_now_us += SEC / 10;
		pair_round(B);
		spoof_count(0);
	}
	assert_true(pair.socks[0].ev & SANI_TCP_EV_CLOSED);
	assert_int_equal(sani_tcp_error(pair_conn(0)), -ETIMEDOUT);
	sani_core_conn_close(pair.socks[0].core, pair_conn(0));
	t.remote_port++;
	sani_fast_cookie(pair.host[B]->key, &t.remote, pair_now_us, cookie);
	syn = syn_with(100, cookie, sizeof(cookie), LEN);
	spoof_in(&t, &syn, text);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_fast), 2);
	pair_close();
}

/* Simultaneous open: the data of both SYNs is left, and goes again when the connection stands. */
static void
syns_with_data_that_cross_open_an_ordinary_connection(void **state)
{
	struct sani_tuple t = spoof_tuple(1, 4000);
	struct sani_tcp_seg syn = syn_with(100, (const uint8_t *)"of ours?", SANI_FAST_COOKIE, LEN);
	struct sani_tcp_seg ack = { .flags = ACK, .seq = 101, .wnd = 500, .opts = SANI_TCP_OPT_TS };
	struct sani_tcp_seg out;
	struct sani_tuple at;
	uint32_t iss, sock;

	(void)state;
	setup(4, spoof_gateway);
	learn_cookie(B, &t.remote);
	sock = open_from(B, t.local_port, &t.remote, t.remote_port, text, LEN);
	pair_round(B);
	assert_true(spoof_take(&at, &out));
	assert_int_equal(out.flags, SYN);
	assert_int_equal(out.nb_fast, SANI_FAST_COOKIE);
	assert_int_equal(out.len, LEN);
	iss = out.seq;
	out = answer_to(&t, &syn);
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
	setup(4, NULL);
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

/* G21: who has got a cookie and spoofs its address draws six SYN-ACKs and one initial window of answer to it. */
static void
unconfirmed_open_is_answered_by_one_initial_window(void **state)
{
	static const char big[50000];
	struct sani_tuple t = spoof_tuple(1, 80);
	struct sani_tuple at;
	uint8_t cookie[SANI_FAST_COOKIE];
	struct sani_tcp_seg syn;
	struct sani_tcp_seg out;
	uint32_t iw, bytes = 0, syn_acks = 1;

	(void)state;
	setup(1, spoof_gateway);
	sani_fast_cookie(pair.host[B]->key, &t.remote, pair_now_us, cookie);
	syn = syn_with(100, cookie, sizeof(cookie), LEN);
	answer_to(&t, &syn);
	iw = sani_tcp_initial_window(pair_conn(0));
	assert_int_equal(pair_write(0, big, sizeof(big)), sizeof(big));
	for (unsigned int i = 0; i < 700; i++) {
		pair_now_us += SEC / 10;
		pair_round(B);
		while (spoof_take(&at, &out)) {
			bytes += out.len;
			syn_acks += out.flags == (SYN | ACK);
		}
	}
	assert_true(bytes > 0 && bytes <= iw);
	/* what goes again is the SYN-ACK alone; the last ones wait for the way, which is looked at anew */
	assert_int_equal(pair_count(B, SANI_CTR_tcp_tx_rexmit), 5);
	assert_true(syn_acks > 1 && syn_acks <= 6);
	assert_true(pair.socks[0].ev & SANI_TCP_EV_CLOSED);
	pair_close();
}

/* B ends the connection first, and keeps the socket: who reopens it has to send the data again, the old one had it. */
static void
data_of_a_syn_that_reopens_is_left_to_the_peer(void **state)
{
	struct sani_tuple t = spoof_tuple(1, 80);
	uint8_t cookie[SANI_FAST_COOKIE];
	struct sani_tcp_seg fin;
	struct sani_tcp_seg syn;
	struct sani_tcp_seg out;
	struct sani_tuple at;

	(void)state;
	setup(8, spoof_gateway);
	sani_fast_cookie(pair.host[B]->key, &t.remote, pair_now_us, cookie);
	syn = syn_with(100, cookie, sizeof(cookie), LEN);
	out = answer_to(&t, &syn);
	fin = (struct sani_tcp_seg){ .flags = ACK, .seq = out.ack, .ack = out.seq + 1, .wnd = 1000,
				     .opts = SANI_TCP_OPT_TS, .tsval = syn.tsval, .tsecr = out.tsval };
	spoof_in(&t, &fin, NULL);
	sani_core_touch(pair.socks[0].core, pair_conn(0), sani_tcp_shutdown(pair_conn(0)));
	pair_round(B);
	fin.flags |= SANI_TCP_FIN;
	fin.ack = out.seq + 2;
	spoof_in(&t, &fin, NULL);
	assert_int_equal(sani_tcp_state(pair_conn(0)), SAN_TCP_TIME_WAIT);
	while (spoof_take(&at, &out))
		;
	syn = syn_with(fin.seq + 1000, cookie, sizeof(cookie), LEN);
	syn.tsval++;
	out = answer_to(&t, &syn);
	assert_int_equal(out.ack, syn.seq + 1);
	assert_int_equal(pair_nb_conns(B), 2);
	pair_close();
}

/* So many peers, and then the one of a set that was used longest ago goes. */
static void
cookies_of_peers_are_bounded(void **state)
{
	(void)state;
	setup(1, NULL);
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
		cmocka_unit_test(cookie_is_of_one_address_and_two_slots),
		cmocka_unit_test(cookie_of_the_last_slot_is_good_and_replaced),
		cmocka_unit_test(pending_opens_are_bounded),
		cmocka_unit_test(nothing_is_taken_without_a_good_cookie),
		cmocka_unit_test(no_data_is_taken_while_syn_cookies_are_sent),
		cmocka_unit_test(unconfirmed_open_ends_and_frees_its_place),
		cmocka_unit_test(syns_with_data_that_cross_open_an_ordinary_connection),
		cmocka_unit_test(syn_that_comes_before_ours_has_gone_opens_both_ways),
		cmocka_unit_test(unconfirmed_open_is_answered_by_one_initial_window),
		cmocka_unit_test(data_of_a_syn_that_reopens_is_left_to_the_peer),
		cmocka_unit_test(cookies_of_peers_are_bounded),
	};

	return cmocka_run_group_tests(tests, pair_start_eal, NULL);
}
