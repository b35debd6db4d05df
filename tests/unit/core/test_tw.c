/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "base/seq32.h"
#include "spoof.h"

static void
close_sock(uint32_t sock)
{
	sani_core_conn_close(pair.socks[sock].core, pair_conn(sock));
}

/* Run A alone and throw away what it sends. @return How many RST that was. */
static unsigned int
run_a_alone(uint64_t us)
{
	unsigned int rst = 0;

	for (uint64_t end = pair_now_us + us; pair_now_us < end;) {
		pair_now_us += 1000;
		pair_round(A);
		rst += pair_drop(B);
	}
	return rst;
}

static uint32_t
establish_alone(void)
{
	uint32_t a;

	pair_open(1, NULL);
	pair_listen(B, 80, 5);
	a = pair_establish(80);
	pair_drop(B);
	return a;
}

/* A has been reset: what it sends until nothing is left of that. */
static void
expect_one_rst_and_another(void)
{
	assert_int_equal(pair_drop(B), 1);
	assert_int_equal(pair_nb_tw(A), 1);
	assert_int_equal(run_a_alone(10000000), 1);
	assert_int_equal(pair_nb_tw(A), 0);
}

static void
lost_rst_is_repeated_once_then_the_tombstone_goes(void **state)
{
	(void)state;
	close_sock(establish_alone());
	pair_round(A);
	expect_one_rst_and_another();
	assert_int_equal(sani_core_deadline(pair.host[A]->cores[0]) > pair_now_us, 1);
	pair_close();
}

/* The program did something else for long before its close, or the machine did: the RTO counts from the RST on. */
static void
rst_is_not_repeated_at_once_when_the_last_round_is_long_ago(void **state)
{
	uint32_t a = establish_alone();

	(void)state;
	pair_now_us += 10000000;
	close_sock(a);
	pair_round(A);
	pair_round(A);
	expect_one_rst_and_another();
	pair_close();
}

static void
tombstone_lasts_for_a_second_rto_after_the_repeat(void **state)
{
	uint64_t closed_us;
	uint64_t rto_us;
	(void)state;
	close_sock(establish_alone());
	pair_round(A);
	pair_drop(B);
	closed_us = pair_now_us;
	while (run_a_alone(1000) == 0)
		assert_true(pair_now_us < closed_us + 10000000);
	rto_us = pair_now_us - closed_us;
	assert_int_equal(pair_nb_tw(A), 1);
	run_a_alone(rto_us - 5000);
	assert_int_equal(pair_nb_tw(A), 1);
	run_a_alone(10000);
	assert_int_equal(pair_nb_tw(A), 0);
	pair_close();
}

static void
tombstone_answers_later_segments_with_rst(void **state)
{
	uint32_t a = establish_alone();

	(void)state;
	close_sock(a);
	pair_round(A);
	pair_drop(B);
	/* B knows nothing of it, and sends */
	assert_int_equal(pair_write(a + 1, "hello", 5), 5);
	pair_run(1000);
	assert_int_equal(pair.socks[a + 1].nb_closed, 1);
	assert_int_equal(sani_tcp_error(pair_conn(a + 1)), -ECONNRESET);
	pair_close();
}

/* Both sides finish, A first. */
static uint32_t
finish_gracefully(void)
{
	uint32_t a = pair_establish(80);

	sani_core_touch(pair.socks[a].core, pair_conn(a), sani_tcp_shutdown(pair_conn(a)));
	pair_run(1000);
	sani_core_touch(pair.socks[a + 1].core, pair_conn(a + 1), sani_tcp_shutdown(pair_conn(a + 1)));
	pair_run(1000);
	assert_int_equal(sani_tcp_state(pair_conn(a)), SAN_TCP_TIME_WAIT);
	assert_int_equal(sani_tcp_state(pair_conn(a + 1)), SAN_TCP_CLOSED);
	assert_int_equal(sani_tcp_error(pair_conn(a + 1)), 0);
	return a;
}

static void
time_wait_stays_a_connection_until_it_is_closed(void **state)
{
	uint32_t a;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 5);
	a = finish_gracefully();
	assert_int_equal(pair_nb_conns(A), 1);
	assert_int_equal(pair_nb_tw(A), 0);
	close_sock(a);
	assert_int_equal(pair_nb_conns(A), 0);
	assert_int_equal(pair_nb_tw(A), 1);
	pair_close();
}

static void
record_lasts_for_the_rest_of_two_msl(void **state)
{
	uint32_t a;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 5);
	/* 2 MSL is 1 s; it began up to 1 ms ago */
	a = finish_gracefully();
	run_a_alone(500000);
	close_sock(a);
	assert_int_equal(run_a_alone(490000), 0);
	assert_int_equal(pair_nb_tw(A), 1);
	run_a_alone(20000);
	assert_int_equal(pair_nb_tw(A), 0);
	assert_true(sani_conn_find(pair.host[A]->cores[0], &pair_conn(a + 1)->tuple, 0) == SANI_FLOW_NOTHING);
	pair_close();
}

static void
time_wait_of_an_open_socket_ends_with_an_event(void **state)
{
	uint32_t a;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 5);
	a = finish_gracefully();
	run_a_alone(1100000);
	assert_int_equal(pair.socks[a].nb_closed, 1);
	assert_int_equal(sani_tcp_error(pair_conn(a)), 0);
	close_sock(a);
	assert_int_equal(pair_nb_tw(A), 0);
	pair_close();
}

/* Does A remember this? */
static bool
has_record(const struct sani_tuple *t)
{
	uint32_t hash = (uint32_t)sani_flow_hash(&pair.host[A]->flow_key, t);

	return (sani_conn_find(pair.host[A]->cores[0], t, hash) & SANI_FLOW_TW) != 0;
}

static void
full_table_loses_the_oldest(void **state)
{
	struct sani_tuple t[70];

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 200);
	for (unsigned int i = 0; i < 70; i++) {
		uint32_t sock = pair_establish(80);

		t[i] = pair_conn(sock)->tuple;
		close_sock(sock);
	}
	/* 64 records, and the time is too short for any to expire */
	assert_int_equal(pair_nb_tw(A), 64);
	assert_int_equal(pair_count(A, SANI_CTR_tcp_tw_evicted), 6);
	for (unsigned int i = 0; i < 70; i++)
		assert_int_equal(has_record(&t[i]), i >= 6);
	run_a_alone(10000000);
	assert_int_equal(pair_nb_tw(A), 0);
	/* and again, from the free list */
	for (unsigned int i = 0; i < 70; i++)
		close_sock(pair_establish(80));
	assert_int_equal(pair_nb_tw(A), 64);
	pair_close();
}

static void
no_records(struct sani_host_conf *conf)
{
	conf->nb_tw = 0;
}

static void
host_without_records_closes_all_the_same(void **state)
{
	(void)state;
	pair_open(1, no_records);
	pair_listen(B, 80, 200);
	close_sock(pair_establish(80));
	pair_run(1000);
	assert_int_equal(pair_nb_tw(A), 0);
	assert_int_equal(pair.socks[1].nb_closed, 1);
	pair_close();
}

/* From the port of a record of B's, a new SYN. */
static int
connect_from(uint16_t local_port)
{
	struct sani_open open = { .remote = pair_addr(B), .remote_port = 80, .local_port = local_port,
				  .sndbuf = PAIR_SENDBUF, .rcvbuf = PAIR_SENDBUF, .sock = pair.nb_socks };
	struct sani_core *core = pair.host[A]->cores[0];
	struct sani_tcp_conn *c;
	int rc = sani_core_connect(core, &open, &c);

	if (rc != 0)
		return rc;
	pair.socks[pair.nb_socks] = (struct pair_sock){
		.core = core, .idx = sani_core_conn_idx(core, c), .gen = c->owner.gen,
	};
	return (int)pair.nb_socks++;
}

static void
syn_to_a_time_wait_record_opens_a_new_connection(void **state)
{
	uint16_t port;
	uint32_t a;
	int again;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 200);
	a = pair_establish(80);
	port = pair_conn(a)->tuple.local_port;
	/* B finishes first: TIME_WAIT is there */
	sani_core_touch(pair.socks[a + 1].core, pair_conn(a + 1), sani_tcp_shutdown(pair_conn(a + 1)));
	pair_run(1000);
	sani_core_touch(pair.socks[a].core, pair_conn(a), sani_tcp_shutdown(pair_conn(a)));
	pair_run(1000);
	close_sock(a);
	close_sock(a + 1);
	assert_int_equal(pair_nb_tw(B), 1);
	pair_run(20000);
	again = connect_from(port);
	assert_true(again >= 0);
	pair_run(3000);
	assert_int_equal(pair_nb_tw(B), 0);
	assert_int_equal(sani_tcp_state(pair_conn((uint32_t)again)), SAN_TCP_ESTABLISHED);
	pair_close();
}

static void
tuple_of_a_record_is_in_use(void **state)
{
	uint32_t a;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 200);
	a = pair_establish(80);
	close_sock(a);
	assert_int_equal(pair_nb_tw(A), 1);
	assert_int_equal(connect_from(pair_conn(a + 1)->tuple.remote_port), -EADDRINUSE);
	pair_close();
}

/* B closes first, so that TIME_WAIT is there; A's port. */
static uint16_t
leave_b_in_time_wait(uint32_t *b)
{
	uint32_t a = pair_establish(80);
	uint16_t port = pair_conn(a)->tuple.local_port;

	sani_core_touch(pair.socks[a + 1].core, pair_conn(a + 1), sani_tcp_shutdown(pair_conn(a + 1)));
	pair_run(1000);
	sani_core_touch(pair.socks[a].core, pair_conn(a), sani_tcp_shutdown(pair_conn(a)));
	pair_run(1000);
	assert_int_equal(sani_tcp_state(pair_conn(a + 1)), SAN_TCP_TIME_WAIT);
	close_sock(a);
	*b = a + 1;
	return port;
}

/*
 * More goes in a millisecond than the clock of initial numbers counts in it, and timestamps count no less: neither
 * shows that the second SYN is the later one. But nothing is left of the first connection for it to be older than.
 */
static void
port_of_a_connection_just_reset_connects_again(void **state)
{
	static const char text[4000];
	uint16_t port;
	uint32_t a;
	int again;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 200);
	a = pair_establish(80);
	port = pair_conn(a)->tuple.local_port;
	pair_now_us += 1000 - pair_now_us % 1000;
	assert_int_equal(pair_write(a, text, sizeof(text)), sizeof(text));
	pair_run(200);
	close_sock(a + 1);
	pair_run(200);
	assert_int_equal(sani_tcp_error(pair_conn(a)), -ECONNRESET);
	again = connect_from(port);
	assert_true(again >= 0);
	assert_true(seq_lt(pair_conn((uint32_t)again)->iss, pair_conn(a)->iss + sizeof(text)));
	pair_run(300);
	assert_int_equal(sani_tcp_state(pair_conn((uint32_t)again)), SAN_TCP_ESTABLISHED);
	assert_int_equal(pair_nb_tw(B), 0);
	pair_close();
}

/* As if it had sent half the numbers there are, and more than the clock of 4 us has counted. */
static uint32_t
pretend_fast(struct sani_tcp_conn *c)
{
	c->snd_nxt += 0x70000000u;
	return c->snd_nxt;
}

/* RFC 9293 3.6.1 MAY-2 */
static void
reopened_record_begins_above_the_old_numbers(void **state)
{
	uint32_t old_snd_nxt;
	uint16_t port;
	uint32_t b;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 200);
	port = leave_b_in_time_wait(&b);
	old_snd_nxt = pretend_fast(pair_conn(b));
	close_sock(b);
	assert_int_equal(pair_nb_tw(B), 1);
	pair_run(20000);
	assert_true(connect_from(port) >= 0);
	pair_run(3000);
	assert_int_equal(sani_tcp_state(pair_conn(pair.nb_socks - 1)), SAN_TCP_ESTABLISHED);
	assert_true(seq_gt(pair_conn(pair.nb_socks - 1)->iss, old_snd_nxt));
	pair_close();
}

/* The same while the socket is still open: the SYN ends its TIME_WAIT and opens the next at once. */
static void
reopened_connection_begins_above_the_old_numbers(void **state)
{
	uint32_t old_snd_nxt;
	uint16_t port;
	uint32_t b;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 200);
	port = leave_b_in_time_wait(&b);
	old_snd_nxt = pretend_fast(pair_conn(b));
	pair_run(20000);
	assert_true(connect_from(port) >= 0);
	pair_run(3000);
	assert_int_equal(pair.socks[b].nb_closed, 1);
	assert_int_equal(sani_tcp_error(pair_conn(b)), 0);
	assert_int_equal(sani_tcp_state(pair_conn(pair.nb_socks - 1)), SAN_TCP_ESTABLISHED);
	assert_true(seq_gt(pair_conn(pair.nb_socks - 1)->iss, old_snd_nxt));
	assert_int_equal(pair_count(A, SANI_CTR_tcp_tx_rexmit), 0);
	pair_close();
}

/* The same after a hard close, whose tombstone is there. */
static void
connection_after_a_reset_begins_above_the_old_numbers(void **state)
{
	struct sani_tuple t = spoof_tuple(1, 80);
	struct sani_tcp_seg syn = spoof_syn(5000);
	struct sani_tcp_seg out;
	uint32_t old_snd_nxt;
	struct sani_tcp_seg ack;
	struct sani_tuple at;

	(void)state;
	pair_open(1, spoof_gateway);
	pair_listen(B, 80, 200);
	spoof_in(&t, &syn, NULL);
	assert_true(spoof_take(&at, &out));
	ack = (struct sani_tcp_seg){ .flags = SANI_TCP_ACK, .seq = 5001, .ack = out.seq + 1, .wnd = 100,
				     .opts = SANI_TCP_OPT_TS, .tsval = syn.tsval + 1, .tsecr = out.tsval };
	spoof_in(&t, &ack, NULL);
	assert_int_equal(pair.nb_socks, 1);
	old_snd_nxt = pretend_fast(pair_conn(0));
	close_sock(0);
	assert_int_equal(pair_nb_tw(B), 1);
	spoof_count(0);
	syn = spoof_syn(6000);
	spoof_in(&t, &syn, NULL);
	while (spoof_take(&at, &out) && (out.flags & SANI_TCP_SYN) == 0)
		;
	assert_int_equal(out.flags, SANI_TCP_SYN | SANI_TCP_ACK);
	assert_true(seq_gt(out.seq, old_snd_nxt));
	assert_int_equal(pair_nb_tw(B), 0);
	pair_close();
}

/* What text of the connection before is let in behind a reset; later_ms: when the peer comes again, by its clock. */
static uint32_t
take_late_text(bool ts, uint32_t later_ms)
{
	static const char text[1250];
	struct sani_tuple t = spoof_tuple(1, 80), at;
	struct sani_tcp_seg syn = spoof_syn(1000), out, seg, late;

	pair_open(1, spoof_gateway);
	pair_listen(B, 80, 5);
	if (!ts)
		syn.opts &= (uint8_t)~SANI_TCP_OPT_TS;
	spoof_in(&t, &syn, NULL);
	assert_true(spoof_take(&at, &out));
	seg = (struct sani_tcp_seg){ .flags = SANI_TCP_ACK, .seq = 1001, .ack = out.seq + 1, .wnd = 500,
				     .opts = ts ? SANI_TCP_OPT_TS : 0, .tsval = syn.tsval, .tsecr = out.tsval };
	spoof_in(&t, &seg, NULL);
	late = seg;
	late.seq = 3501;
	late.len = sizeof(text);
	for (seg.len = sizeof(text); seg.seq < 6001; seg.seq += seg.len)
		spoof_in(&t, &seg, text);
	assert_int_equal(pair_conn(0)->rcv_nxt, 6001);
	close_sock(0);
	pair_round(B);
	spoof_count(0);
	pair_now_us += 10000;
	syn.seq = 3500;
	syn.tsval += later_ms;
	spoof_in(&t, &syn, NULL);
	assert_true(spoof_take(&at, &out));
	assert_int_equal(out.flags, SANI_TCP_SYN | SANI_TCP_ACK);
	seg = (struct sani_tcp_seg){ .flags = SANI_TCP_ACK, .seq = 3501, .ack = out.seq + 1, .wnd = 500,
				     .opts = late.opts, .tsval = syn.tsval, .tsecr = out.tsval };
	spoof_in(&t, &seg, NULL);
	assert_int_equal(sani_tcp_state(pair_conn(1)), SAN_TCP_ESTABLISHED);
	spoof_in(&t, &late, text);
	seg.seq = pair_conn(1)->rcv_nxt - 3501;
	pair_close();
	return seg.seq;
}

/*
 * A peer that comes again 10 ms after a reset, from the same port, may have numbers that its old text fits: it sent
 * more than its clock of initial numbers has counted. The old text's ACK tells.
 */
static void
late_text_of_a_reset_connection_is_not_taken_by_the_next(void **state)
{
	(void)state;
	assert_int_equal(take_late_text(false, 0), 0);
	assert_int_equal(take_late_text(true, 10), 0);
	assert_int_equal(take_late_text(true, 0), 0);
}

/* F13: a RST for what a tombstone is sent goes out at a limited rate; F9, RFC 1337: RST itself is ignored. */
static void
answers_of_a_record_are_limited(void **state)
{
	struct sani_tuple t;
	uint32_t b;

	(void)state;
	pair_open(1, spoof_gateway);
	pair_listen(B, 80, 200);
	leave_b_in_time_wait(&b);
	t = pair_conn(b)->tuple;
	close_sock(b);
	spoof_count(0);
	for (unsigned int i = 0; i < 1000; i++) {
		struct sani_tcp_seg old = { .flags = SANI_TCP_ACK, .seq = i, .len = 4 };
		struct sani_tcp_seg rst = { .flags = SANI_TCP_RST, .seq = i };

		spoof_send(&t, &old, "data");
		spoof_send(&t, &rst, NULL);
		pair_round(B);
	}
	assert_in_range(spoof_count(SANI_TCP_ACK), 55, 145);
	assert_int_equal(pair_nb_tw(B), 1);
	assert_in_range(pair_count(B, SANI_CTR_tcp_tx_limited), 855, 945);
	pair_close();
}

/* F13: nothing of a closed connection is left to reach, whatever comes for its tuple. */
static void
segments_for_a_closed_tuple_reach_nobody(void **state)
{
	static const uint8_t flags[] = {
		SANI_TCP_ACK, SANI_TCP_FIN | SANI_TCP_ACK, SANI_TCP_RST, SANI_TCP_SYN | SANI_TCP_ACK, 0,
		SANI_TCP_RST | SANI_TCP_ACK, SANI_TCP_ACK | SANI_TCP_PSH | SANI_TCP_URG,
	};
	struct sani_tuple t;
	uint32_t a;

	(void)state;
	pair_open(1, spoof_gateway);
	pair_listen(B, 80, 200);
	a = pair_establish(80);
	t = pair_conn(a + 1)->tuple;
	close_sock(a + 1);
	for (unsigned int i = 0; i < 2 * RTE_DIM(flags); i++) {
		struct sani_tcp_seg seg = { .flags = flags[i / 2], .seq = 1, .ack = 1, .len = 4 };

		/* with its tombstone, then without */
		spoof_in(&t, &seg, "data");
		spoof_count(0);
		if (i == RTE_DIM(flags))
			pair_run(5000000);
	}
	assert_int_equal(pair_nb_conns(B), 0);
	assert_int_equal(pair_nb_tw(B), 0);
	pair_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lost_rst_is_repeated_once_then_the_tombstone_goes),
		cmocka_unit_test(rst_is_not_repeated_at_once_when_the_last_round_is_long_ago),
		cmocka_unit_test(tombstone_lasts_for_a_second_rto_after_the_repeat),
		cmocka_unit_test(tombstone_answers_later_segments_with_rst),
		cmocka_unit_test(time_wait_stays_a_connection_until_it_is_closed),
		cmocka_unit_test(record_lasts_for_the_rest_of_two_msl),
		cmocka_unit_test(time_wait_of_an_open_socket_ends_with_an_event),
		cmocka_unit_test(full_table_loses_the_oldest),
		cmocka_unit_test(host_without_records_closes_all_the_same),
		cmocka_unit_test(syn_to_a_time_wait_record_opens_a_new_connection),
		cmocka_unit_test(port_of_a_connection_just_reset_connects_again),
		cmocka_unit_test(tuple_of_a_record_is_in_use),
		cmocka_unit_test(reopened_record_begins_above_the_old_numbers),
		cmocka_unit_test(reopened_connection_begins_above_the_old_numbers),
		cmocka_unit_test(connection_after_a_reset_begins_above_the_old_numbers),
		cmocka_unit_test(late_text_of_a_reset_connection_is_not_taken_by_the_next),
		cmocka_unit_test(answers_of_a_record_are_limited),
		cmocka_unit_test(segments_for_a_closed_tuple_reach_nobody),
	};

	return cmocka_run_group_tests(tests, pair_start_eal, NULL);
}
