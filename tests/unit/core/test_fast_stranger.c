/* SPDX-License-Identifier: BSD-3-Clause */
/* Fast Open (RFC 7413) towards strangers: cookies, and what who has one, or none, may take of a listener. */
#include <errno.h>

#include "spoof.h"
#include "tcp/priv.h"

#define ACK SANI_TCP_ACK
#define SYN SANI_TCP_SYN
#define SEC UINT64_C(1000000)
#define SLOT (UINT64_C(1) << 32)

static const char text[] = "a request that may be carried out twice";
#define LEN ((uint32_t)sizeof(text))

/* A SYN with the cookie that its sender has been given, and text. */
static struct sani_tcp_seg
syn_with_cookie(const struct sani_tuple *t)
{
	uint8_t cookie[SANI_FAST_COOKIE];

	sani_fast_cookie(pair.host[B]->key, &t->remote, pair_now_us, cookie);
	return spoof_syn_fast(100, cookie, sizeof(cookie), LEN);
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

static void
cookie_of_the_last_slot_is_good_and_replaced(void **state)
{
	struct sani_tuple t = spoof_tuple(1, 80);
	uint8_t cookie[SANI_FAST_COOKIE];
	struct sani_tcp_seg syn;
	struct sani_tcp_seg out;

	(void)state;
	pair_open(1, spoof_gateway);
	pair_listen_fast(8);
	for (unsigned int slots = 0; slots < 3; slots++) {
		t.remote_port++;
		sani_fast_cookie(pair.host[B]->key, &t.remote, pair_now_us - slots * SLOT, cookie);
		syn = spoof_syn_fast(100, cookie, sizeof(cookie), LEN);
		out = spoof_syn_ack(&t, &syn, text);
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
	struct sani_tcp_seg syn;
	struct sani_tcp_seg out;
	struct sani_tcp_seg rst;
	struct sani_tuple t;

	(void)state;
	pair_open(1, spoof_gateway);
	pair_listen_fast(3);
	for (uint32_t i = 0; i < 6; i++) {
		t = spoof_tuple(i, 80);
		syn = syn_with_cookie(&t);
		out = spoof_syn_ack(&t, &syn, text);
		assert_int_equal(out.ack, i < 3 ? 101 + LEN : 101);
	}
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_fast_full), 3);
	for (uint32_t i = 0; i < 3; i++) {
		t = spoof_tuple(i, 80);
		rst = (struct sani_tcp_seg){ .flags = SANI_TCP_RST, .seq = 101 + LEN };
		spoof_in(&t, &rst, NULL);
		sani_core_conn_close(pair.socks[i].core, pair_conn(i));
	}
	t = spoof_tuple(10, 80);
	syn = syn_with_cookie(&t);
	assert_int_equal(spoof_syn_ack(&t, &syn, text).ack, 101);
	pair_now_us += 61 * SEC;
	t = spoof_tuple(11, 80);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_fast), 3);
	syn = syn_with_cookie(&t);
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
	pair_open(1, spoof_gateway);
	pair_listen_fast(8);
	for (uint8_t nb = 0; nb <= 14; nb = (uint8_t)(nb == 0 ? 4 : nb + 2)) {
		t.remote_port++;
		syn = spoof_syn_fast(100, guess, nb, LEN);
		assert_int_equal(spoof_syn_ack(&t, &syn, text).ack, 101);
	}
	t.remote_port++;
	syn = spoof_syn_fast(100, NULL, 0, LEN);
	syn.opts &= (uint8_t)~SANI_TCP_OPT_FAST;
	assert_int_equal(spoof_syn_ack(&t, &syn, text).ack, 101);
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
	struct sani_tcp_seg syn;

	(void)state;
	pair_open(1, no_half_open);
	pair_listen_fast(8);
	syn = syn_with_cookie(&t);
	assert_int_equal(spoof_syn_ack(&t, &syn, text).ack, 101);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_tx_cookie), 1);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_fast), 0);
	pair_close();
}

/* What is never confirmed ends as a SYN that is not, and gives its place back. */
static void
unconfirmed_open_ends_and_frees_its_place(void **state)
{
	struct sani_tuple t = spoof_tuple(1, 80);
	struct sani_tcp_seg syn;

	(void)state;
	pair_open(1, spoof_gateway);
	pair_listen_fast(1);
	syn = syn_with_cookie(&t);
	spoof_syn_ack(&t, &syn, text);
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
	syn = syn_with_cookie(&t);
	spoof_in(&t, &syn, text);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_fast), 2);
	pair_close();
}

/* G21: who has got a cookie and spoofs its address draws six SYN-ACKs and one initial window of answer to it. */
static void
unconfirmed_open_is_answered_by_one_initial_window(void **state)
{
	static const char big[50000];
	struct sani_tuple t = spoof_tuple(1, 80);
	struct sani_tuple at;
	struct sani_tcp_seg syn;
	struct sani_tcp_seg out;
	uint32_t iw, bytes = 0, syn_acks = 1;

	(void)state;
	pair_open(1, spoof_gateway);
	pair_listen_fast(1);
	syn = syn_with_cookie(&t);
	spoof_syn_ack(&t, &syn, text);
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
	pair_open(1, spoof_gateway);
	pair_listen_fast(8);
	syn = syn_with_cookie(&t);
	out = spoof_syn_ack(&t, &syn, text);
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
	syn = spoof_syn_fast(fin.seq + 1000, cookie, sizeof(cookie), LEN);
	syn.tsval++;
	out = spoof_syn_ack(&t, &syn, text);
	assert_int_equal(out.ack, syn.seq + 1);
	assert_int_equal(pair_nb_conns(B), 2);
	pair_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cookie_is_of_one_address_and_two_slots),
		cmocka_unit_test(cookie_of_the_last_slot_is_good_and_replaced),
		cmocka_unit_test(pending_opens_are_bounded),
		cmocka_unit_test(nothing_is_taken_without_a_good_cookie),
		cmocka_unit_test(no_data_is_taken_while_syn_cookies_are_sent),
		cmocka_unit_test(unconfirmed_open_ends_and_frees_its_place),
		cmocka_unit_test(unconfirmed_open_is_answered_by_one_initial_window),
		cmocka_unit_test(data_of_a_syn_that_reopens_is_left_to_the_peer),
	};

	return cmocka_run_group_tests(tests, pair_start_eal, NULL);
}
