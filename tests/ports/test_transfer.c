/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes: both ways, through partial buffers, to the end of the stream (O1, O14; RFC 9293 3.6).
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"
#include "worker.h"

#define MEGABYTE (1u << 20)

static struct net net;
static uint8_t big_tx[MEGABYTE];
static uint8_t big_rx[MEGABYTE];

static void
bytes_arrive_both_ways(void **state)
{
	struct net_pair pair;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	load_transfer(&net, pair.end[0], pair.end[1], 3 * MEGABYTE + 17, 11);
	load_transfer(&net, pair.end[1], pair.end[0], 3 * MEGABYTE + 29, 12);
	net_close(&net);
}

/* One operation of a megabyte each way at once, larger than window and send buffer. */
static void
large_operations_cross(void **state)
{
	static uint8_t tx[2][MEGABYTE];
	static uint8_t rx[2][MEGABYTE];
	struct net_pair pair;
	struct wop *send[2];
	struct wop *recv[2];
	unsigned int i;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	for (i = 0; i < 2; i++) {
		send[i] = watch_op(&net.w);
		recv[i] = watch_op(&net.w);
		net_fill(tx[i], MEGABYTE, 0, 21 + i);
		assert_int_equal(watch_recv(pair.end[i], recv[i], rx[i], MEGABYTE, SAN_WAITALL), 0);
		assert_int_equal(watch_send(pair.end[i], send[i], tx[i], MEGABYTE, SAN_ACKED), 0);
	}
	NET_UNTIL(&net, !send[0]->pending && !send[1]->pending);
	NET_UNTIL(&net, !recv[0]->pending && !recv[1]->pending);
	for (i = 0; i < 2; i++) {
		assert_int_equal(send[i]->result, MEGABYTE);
		assert_int_equal(recv[i]->result, MEGABYTE);
		assert_true(net_same(rx[i], MEGABYTE, 0, 22 - i));
	}
	net_close(&net);
}

static void
waitall_fills_its_buffer_from_pieces(void **state)
{
	struct net_pair pair;
	struct wop *recv;
	unsigned int i;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	recv = watch_op(&net.w);
	net_fill(big_tx, 1000, 0, 31);
	assert_int_equal(watch_recv(pair.end[1], recv, big_rx, 1000, SAN_WAITALL), 0);
	for (i = 0; i < 10; i++) {
		net_steps(&net, 50);
		assert_true(recv->pending);
		assert_int_equal(watch_send(pair.end[0], watch_op(&net.w), big_tx + 100 * i, 100, 0), 1);
	}
	NET_UNTIL(&net, !recv->pending);
	assert_int_equal(recv->result, 1000);
	assert_true(net_same(big_rx, 1000, 0, 31));
	net_close(&net);
}

static void
waitall_ends_short_at_end_of_stream(void **state)
{
	struct net_pair pair;
	struct wop *recv[2];
	struct wop *fin;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	recv[0] = watch_op(&net.w);
	recv[1] = watch_op(&net.w);
	fin = watch_op(&net.w);
	assert_int_equal(watch_recv(pair.end[1], recv[0], big_rx, 1000, SAN_WAITALL), 0);
	assert_int_equal(watch_recv(pair.end[1], recv[1], big_rx + 1000, 1000, SAN_WAITALL), 0);
	assert_int_equal(watch_send(pair.end[0], watch_op(&net.w), big_tx, 300, 0), 1);
	assert_int_equal(watch_shutdown(pair.end[0], fin, 0), 0);
	NET_UNTIL(&net, !recv[0]->pending && !recv[1]->pending && !fin->pending);
	assert_int_equal(recv[0]->result, 300);
	assert_int_equal(recv[1]->result, 0);
	assert_int_equal(fin->result, 0);
	net_close(&net);
}

/* Bytes that a cancelled WAITALL receive had taken: op->done says how many, the stream goes on behind them. */
static void
cancelled_waitall_says_what_it_took(void **state)
{
	struct net_pair pair;
	struct wop *recv;
	uint32_t done;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	net_fill(big_tx, 1000, 0, 41);
	recv = watch_op(&net.w);
	assert_int_equal(watch_recv(pair.end[1], recv, big_rx, 1000, SAN_WAITALL), 0);
	assert_int_equal(watch_send(pair.end[0], watch_op(&net.w), big_tx, 300, 0), 1);
	net_steps(&net, 100);
	assert_int_equal(watch_cancel(pair.end[1], recv), 0);
	NET_UNTIL(&net, !recv->pending);
	assert_int_equal(recv->result, -ECANCELED);
	done = recv->ov.done;
	assert_in_range(done, 0, 300);
	assert_int_equal(watch_send(pair.end[0], watch_op(&net.w), big_tx + 300, 700, 0), 1);
	recv = watch_op(&net.w);
	assert_int_equal(watch_recv(pair.end[1], recv, big_rx + done, 1000 - done, SAN_WAITALL), 0);
	NET_UNTIL(&net, !recv->pending);
	assert_int_equal(recv->result, 1000 - done);
	assert_true(net_same(big_rx, 1000, 0, 41));
	net_close(&net);
}

/* Half-close: what one side no longer sends, the other still may; then the other way round. */
static void
half_closed_connection_carries_the_other_way(void **state)
{
	unsigned int first;

	(void)state;
	for (first = 0; first < 2; first++) {
		struct net_pair pair;
		struct wop *fin;
		struct wop *eof;

		net_open(&net, NULL);
		pair = net_connect(&net, 7);
		fin = watch_op(&net.w);
		eof = watch_op(&net.w);
		assert_int_equal(watch_shutdown(pair.end[first], fin, 0), 0);
		assert_int_equal(watch_recv(pair.end[1 - first], eof, big_rx, 10, 0), 0);
		NET_UNTIL(&net, !fin->pending && !eof->pending);
		assert_int_equal(fin->result, 0);
		assert_int_equal(eof->result, 0);
		assert_int_equal(net_state(pair.end[first]), SAN_TCP_FIN_WAIT_2);
		assert_int_equal(net_state(pair.end[1 - first]), SAN_TCP_CLOSE_WAIT);
		load_transfer(&net, pair.end[1 - first], pair.end[first], 300000, 51);
		fin = watch_op(&net.w);
		eof = watch_op(&net.w);
		assert_int_equal(watch_recv(pair.end[first], eof, big_rx, 10, 0), 0);
		assert_int_equal(watch_shutdown(pair.end[1 - first], fin, 0), 0);
		NET_UNTIL(&net, !fin->pending && !eof->pending);
		assert_int_equal(eof->result, 0);
		/* The end of a stream is not used up by being read. */
		eof = watch_op(&net.w);
		assert_int_equal(watch_recv(pair.end[first], eof, big_rx, 10, 0), 0);
		NET_UNTIL(&net, !eof->pending);
		assert_int_equal(eof->result, 0);
		net_close(&net);
	}
}

/* FIN goes behind sends that are still pending, and ends when all of it is acknowledged. */
static void
shutdown_follows_pending_sends(void **state)
{
	static struct load sends;
	struct net_pair pair;
	struct wop *fin;
	struct wop *recv;
	uint64_t got = 0;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	load_sends(&net, pair.end[0], 5, 0, &sends);
	fin = watch_op(&net.w);
	assert_int_equal(watch_shutdown(pair.end[0], fin, 0), 0);
	net_steps(&net, 100);
	assert_true(fin->pending);
	do {
		recv = watch_op(&net.w);
		assert_int_equal(watch_recv(pair.end[1], recv, big_rx, sizeof(big_rx), 0), 0);
		NET_UNTIL(&net, !recv->pending);
		assert_true(recv->result >= 0);
		got += (uint64_t)recv->result;
	} while (recv->result > 0);
	NET_UNTIL(&net, !fin->pending);
	assert_int_equal(fin->result, 0);
	load_assert_all(&sends, LOAD_CHUNK);
	assert_int_equal(got % LOAD_CHUNK, 0);
	assert_true(got >= 5 * LOAD_CHUNK);
	net_close(&net);
}

static void
acked_send_ends_when_the_peer_has_it(void **state)
{
	struct net_pair pair;
	struct wop *send;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	net.held[1] = true;
	send = watch_op(&net.w);
	assert_int_equal(watch_send(pair.end[0], send, big_tx, 100, SAN_ACKED), 0);
	net_steps(&net, 200);
	assert_true(send->pending);
	net.held[1] = false;
	NET_UNTIL(&net, !send->pending);
	assert_int_equal(send->result, 100);
	net_close(&net);
}

/* Sends end in the order of their posts, whatever each of them waits for. */
static void
plain_send_behind_acked_send_keeps_order(void **state)
{
	struct net_pair pair;
	struct wop *acked;
	struct wop *plain;
	int rc;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	net.held[1] = true;
	acked = watch_op(&net.w);
	plain = watch_op(&net.w);
	assert_int_equal(watch_send(pair.end[0], acked, big_tx, 100, SAN_ACKED), 0);
	rc = watch_send(pair.end[0], plain, big_tx, 100, 0);
	assert_in_range(rc, 0, 1);
	net_steps(&net, 50);
	assert_true(acked->pending);
	assert_true(rc == 0 && plain->pending);
	net.held[1] = false;
	NET_UNTIL(&net, !acked->pending && !plain->pending);
	net_close(&net);
}

/* The data of a send is the caller's again when it is over: scribbled over at once, it still arrives. */
static void
finished_send_gives_its_buffer_back(void **state)
{
	struct net_pair pair;
	struct wop *recv;
	unsigned int i;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	for (i = 0; i < 10; i++) {
		net_fill(big_tx, 5000, 5000 * i, 61);
		assert_int_equal(watch_send(pair.end[0], watch_op(&net.w), big_tx, 5000, 0), 1);
		memset(big_tx, 0xdb, 5000);
	}
	recv = watch_op(&net.w);
	assert_int_equal(watch_recv(pair.end[1], recv, big_rx, 50000, SAN_WAITALL), 0);
	NET_UNTIL(&net, !recv->pending);
	assert_true(net_same(big_rx, 50000, 0, 61));
	net_close(&net);
}

/* Everything from a thread that polls no core. */
static void
run_transfer(struct worker *wk)
{
	struct net_pair pair;
	struct wop *send;
	struct wop *recv;
	struct wop *fin;
	unsigned int i;

	if (!worker_attach(wk, 64) || !worker_connect(wk, 1234, &pair))
		return;
	for (i = 0; i < 20; i++) {
		send = watch_op(&wk->w);
		recv = watch_op(&wk->w);
		net_fill(big_tx, 100000, 0, i);
		WORKER_CHECK(wk, watch_recv(pair.end[i & 1], recv, big_rx, 100000, SAN_WAITALL) == 0);
		WORKER_CHECK(wk, watch_send(pair.end[~i & 1], send, big_tx, 100000, 0) == 0);
		WORKER_UNTIL(wk, !recv->pending && !send->pending);
		WORKER_CHECK(wk, recv->result == 100000 && send->result == 100000);
		WORKER_CHECK(wk, net_same(big_rx, 100000, 0, i));
	}
	fin = watch_op(&wk->w);
	recv = watch_op(&wk->w);
	WORKER_CHECK(wk, watch_recv(pair.end[1], recv, big_rx, 10, 0) == 0);
	WORKER_CHECK(wk, watch_shutdown(pair.end[0], fin, 0) == 0);
	WORKER_CHECK(wk, san_cq_wait(wk->w.cq, 1000000) == 1);
	WORKER_UNTIL(wk, !recv->pending && !fin->pending);
	WORKER_CHECK(wk, recv->result == 0 && fin->result == 0);
	WORKER_CHECK(wk, san_cq_wait(wk->w.cq, 1000) == 0);
	worker_detach(wk);
}

static void
thread_off_core_transfers_and_sleeps(void **state)
{
	static struct worker wk;

	(void)state;
	net_open(&net, NULL);
	worker_start(&wk, &net, run_transfer, NULL);
	worker_end(&wk);
	net_close(&net);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(bytes_arrive_both_ways),
	NET_CASE(large_operations_cross),
	NET_CASE(waitall_fills_its_buffer_from_pieces),
	NET_CASE(waitall_ends_short_at_end_of_stream),
	NET_CASE(cancelled_waitall_says_what_it_took),
	NET_CASE(half_closed_connection_carries_the_other_way),
	NET_CASE(shutdown_follows_pending_sends),
	NET_CASE(acked_send_ends_when_the_peer_has_it),
	NET_CASE(plain_send_behind_acked_send_keeps_order),
	NET_CASE(finished_send_gives_its_buffer_back),
	NET_CASE(thread_off_core_transfers_and_sleeps),
};

NET_MAIN("transfer", cases)
