/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Close from the owning core, with everything that can be pending (O2, O5, O9).
 */
#include <errno.h>
#include <string.h>

#include "load.h"

static struct net net;

/* Close end 0 with so much pending; both ends' every operation ends, and the peer hears of it. */
static void
close_with(unsigned int nb_recvs, unsigned int nb_sends, unsigned int send_flags)
{
	static struct load recvs;
	static struct load sends;
	static struct load peer;
	struct net_wish wish = { .patient = nb_recvs == 64 };
	struct net_pair pair;
	uint32_t pending = 99;

	net_open(&net, &wish);
	pair = net_connect(&net, 7);
	load_recvs(&net, pair.end[0], nb_recvs, &recvs);
	load_sends(&net, pair.end[0], nb_sends, send_flags, &sends);
	load_recvs(&net, pair.end[1], nb_sends ? 0 : 1, &peer);
	assert_int_equal(san_get_option(pair.end[0]->h, SAN_OPT_PENDING, &pending), 0);
	assert_int_equal(pending, nb_recvs + nb_sends);

	assert_int_equal(watch_shut(pair.end[0]), 0);
	net_assert_stale(&net, pair.end[0]->h);
	NET_UNTIL(&net, pair.end[0]->closed);
	net_assert_stale(&net, pair.end[0]->h);
	load_assert_all(&recvs, -ECANCELED);
	load_assert_all(&sends, -ECANCELED);
	NET_UNTIL(&net, peer.nb == 0 || !peer.op[0]->pending);
	load_assert_all(&peer, -ECONNRESET);
	load_assert_reset(&net, pair.end[1]);
	net_close(&net);
}

static void
nothing_pending_closes(void **state)
{
	(void)state;
	close_with(0, 0, 0);
}

static void
one_receive_ends_before_close(void **state)
{
	(void)state;
	close_with(1, 0, 0);
}

static void
receives_64_end_before_close(void **state)
{
	(void)state;
	close_with(64, 0, 0);
}

static void
one_send_ends_before_close(void **state)
{
	(void)state;
	close_with(0, 1, 0);
}

static void
sends_64_end_before_close(void **state)
{
	(void)state;
	close_with(0, 64, 0);
}

static void
receives_and_sends_64_end_before_close(void **state)
{
	(void)state;
	close_with(64, 64, 0);
}

/* Acknowledged sends wait for the peer, which is not polled: every one of them is pending. */
static void
close_with_acked_sends(unsigned int n)
{
	static struct load sends;
	struct net_pair pair;

	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	net.held[1] = true;
	load_sends(&net, pair.end[0], n, SAN_ACKED, &sends);
	assert_int_equal(watch_shut(pair.end[0]), 0);
	NET_UNTIL(&net, pair.end[0]->closed);
	load_assert_all(&sends, -ECANCELED);
	net_assert_stale(&net, pair.end[0]->h);
	net.held[1] = false;
	net_steps(&net, 100);
	load_assert_reset(&net, pair.end[1]);
	net_close(&net);
}

static void
one_acked_send_ends_before_close(void **state)
{
	(void)state;
	close_with_acked_sends(1);
}

static void
acked_sends_64_end_before_close(void **state)
{
	(void)state;
	close_with_acked_sends(64);
}

static void
pending_shutdown_ends_before_close(void **state)
{
	static struct load recvs;
	struct net_pair pair;
	struct wop *fin;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	net.held[1] = true;
	fin = watch_op(&net.w);
	load_recvs(&net, pair.end[0], 2, &recvs);
	assert_int_equal(watch_shutdown(pair.end[0], fin, 0), 0);
	net_steps(&net, 20);
	assert_true(fin->pending);
	assert_int_equal(watch_shut(pair.end[0]), 0);
	NET_UNTIL(&net, pair.end[0]->closed);
	assert_int_equal(fin->result, -ECANCELED);
	load_assert_all(&recvs, -ECANCELED);
	net_close(&net);
}

/* The address is in the subnet, nobody answers for it. */
static void
connect_to_nobody_ends_before_close(void **state)
{
	struct san_addr nobody = net_addr(76, 7);
	struct wsock *s;
	struct wop *op;

	(void)state;
	net_open(&net, NULL);
	s = net_socket(&net, 0, 0);
	op = watch_op(&net.w);
	assert_int_equal(watch_connect(s, op, &nobody, 0), 0);
	net_steps(&net, 100);
	assert_true(op->pending);
	assert_int_equal(watch_shut(s), 0);
	net_assert_stale(&net, s->h);
	NET_UNTIL(&net, s->closed);
	assert_int_equal(op->result, -ECANCELED);
	net_close(&net);
}

/* The SYN is under way when the socket closes: the listener's side must not keep the half-open connection. */
static void
connect_in_flight_ends_before_close(void **state)
{
	struct san_addr to = net_addr(1, 7);
	struct wsock *listener;
	struct wsock *s;
	struct wop *op;
	static struct load accepts;

	(void)state;
	net_open(&net, NULL);
	listener = net_listener(&net, 1, 7, 8);
	load_accepts(&net, listener, 1, &accepts);
	net.held[1] = true;
	s = net_socket(&net, 0, 0);
	op = watch_op(&net.w);
	assert_int_equal(watch_connect(s, op, &to, 0), 0);
	net_steps(&net, 20);
	assert_true(op->pending);
	assert_int_equal(net_state(s), SAN_TCP_SYN_SENT);
	assert_int_equal(watch_shut(s), 0);
	NET_UNTIL(&net, s->closed);
	assert_int_equal(op->result, -ECANCELED);
	net.held[1] = false;
	net_steps(&net, 200);
	assert_true(accepts.op[0]->pending);
	net_close(&net);
}

static void
close_twice_is_refused(void **state)
{
	struct net_pair pair;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	assert_int_equal(watch_shut(pair.end[0]), 0);
	assert_int_equal(san_close(pair.end[0]->h, 1), -ENOTSOCK);
	NET_UNTIL(&net, pair.end[0]->closed);
	assert_int_equal(san_close(pair.end[0]->h, 2), -ENOTSOCK);
	net_close(&net);
}

/* Dead by the peer's RST, but the slot stays until the local close (O14). */
static void
socket_reset_by_peer_stays_until_close(void **state)
{
	static struct load recvs;
	static struct load sends;
	struct net_pair pair;
	struct san_usage u;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	load_recvs(&net, pair.end[0], 3, &recvs);
	load_sends(&net, pair.end[0], 3, 0, &sends);
	assert_int_equal(watch_shut(pair.end[1]), 0);
	NET_UNTIL(&net, load_ended_with(&recvs, -ECONNRESET) == 3);
	NET_UNTIL(&net, load_ended_with(&sends, -ECONNRESET) == 3);
	assert_int_equal(net_state(pair.end[0]), SAN_TCP_CLOSED);
	san_host_usage(net.host[0], &u);
	assert_int_equal(u.sockets, 1);
	assert_int_equal(u.dead, 1);
	load_assert_reset(&net, pair.end[0]);
	assert_int_equal(watch_shut(pair.end[0]), 0);
	NET_UNTIL(&net, pair.end[0]->closed);
	net_assert_stale(&net, pair.end[0]->h);
	net_close(&net);
}

static void
finish(struct wsock *s, struct wop *fin, struct load *recvs)
{
	load_recvs(&net, s, 1, recvs);
	assert_int_equal(watch_shutdown(s, fin, 0), 0);
}

static void
socket_finished_both_ways_closes_quietly(void **state)
{
	static struct load recvs[2];
	struct net_pair pair;
	struct wop *fin[2];
	uint64_t resets;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	resets = net_counter(&net, 0, "tcp_tx_rst") + net_counter(&net, 1, "tcp_tx_rst");
	fin[0] = watch_op(&net.w);
	fin[1] = watch_op(&net.w);
	finish(pair.end[0], fin[0], &recvs[0]);
	NET_UNTIL(&net, !fin[0]->pending);
	finish(pair.end[1], fin[1], &recvs[1]);
	NET_UNTIL(&net, !fin[1]->pending && !recvs[0].op[0]->pending && !recvs[1].op[0]->pending);
	assert_int_equal(fin[0]->result, 0);
	assert_int_equal(fin[1]->result, 0);
	load_assert_all(&recvs[0], 0);
	load_assert_all(&recvs[1], 0);
	assert_int_equal(watch_shut(pair.end[0]), 0);
	assert_int_equal(watch_shut(pair.end[1]), 0);
	NET_UNTIL(&net, pair.end[0]->closed && pair.end[1]->closed);
	net_steps(&net, 100);
	assert_int_equal(net_counter(&net, 0, "tcp_tx_rst") + net_counter(&net, 1, "tcp_tx_rst"), resets);
	net_close(&net);
}

/*
 * Half closed by the peer, which still waits for our bytes: it hears of the reset (CLOSE_WAIT here,
 * FIN_WAIT_2 there).
 */
static void
peer_waiting_in_fin_wait_2_is_reset(void **state)
{
	static struct load recvs;
	struct net_pair pair;
	struct wop *fin;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	fin = watch_op(&net.w);
	load_recvs(&net, pair.end[1], 4, &recvs);
	assert_int_equal(watch_shutdown(pair.end[1], fin, 0), 0);
	NET_UNTIL(&net, !fin->pending);
	assert_int_equal(net_state(pair.end[0]), SAN_TCP_CLOSE_WAIT);
	assert_int_equal(watch_shut(pair.end[0]), 0);
	NET_UNTIL(&net, pair.end[0]->closed && !recvs.op[0]->pending);
	NET_UNTIL(&net, load_ended_with(&recvs, -ECONNRESET) == 4);
	net_close(&net);
}

/*
 * The peer had the end of our stream already; what it still sends meets the reset (FIN_WAIT_2 here,
 * CLOSE_WAIT there).
 */
static void
peer_sending_in_close_wait_is_reset(void **state)
{
	static struct load sends;
	struct net_pair pair;
	struct wop *fin;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	fin = watch_op(&net.w);
	assert_int_equal(watch_shutdown(pair.end[0], fin, 0), 0);
	NET_UNTIL(&net, !fin->pending);
	load_sends(&net, pair.end[1], 4, 0, &sends);
	assert_int_equal(net_state(pair.end[0]), SAN_TCP_FIN_WAIT_2);
	assert_int_equal(watch_shut(pair.end[0]), 0);
	NET_UNTIL(&net, load_ended_with(&sends, -ECONNRESET) == 4);
	net_close(&net);
}

/* A socket that never did anything. */
static void
fresh_and_bound_sockets_close(void **state)
{
	struct san_addr a = net_addr(0, 7777);
	struct wsock *fresh;
	struct wsock *bound;

	(void)state;
	net_open(&net, NULL);
	fresh = net_socket(&net, 0, 0);
	bound = net_socket(&net, 0, 0);
	assert_int_equal(san_bind(bound->h, &a), 0);
	assert_int_equal(watch_shut(fresh), 0);
	assert_int_equal(watch_shut(bound), 0);
	NET_UNTIL(&net, fresh->closed && bound->closed);

	/* The port is free again. */
	bound = net_socket(&net, 0, 0);
	assert_int_equal(san_bind(bound->h, &a), 0);
	net_close(&net);
}

/* Data that the peer has not read goes with the connection (O9.3), what was reaped before stays good. */
static void
data_before_close_arrives_or_is_reset(void **state)
{
	static uint8_t tx[1000];
	static uint8_t rx[1000];
	struct net_pair pair;
	struct wop *send;
	struct wop *recv;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	send = watch_op(&net.w);
	recv = watch_op(&net.w);
	net_fill(tx, sizeof(tx), 0, 5);
	assert_int_equal(watch_recv(pair.end[1], recv, rx, sizeof(rx), SAN_WAITALL), 0);
	assert_int_equal(watch_send(pair.end[0], send, tx, sizeof(tx), SAN_ACKED), 0);
	NET_UNTIL(&net, !send->pending && !recv->pending);
	assert_int_equal(send->result, sizeof(tx));
	assert_int_equal(recv->result, sizeof(rx));
	assert_true(net_same(rx, sizeof(rx), 0, 5));
	assert_int_equal(watch_shut(pair.end[0]), 0);
	NET_UNTIL(&net, pair.end[0]->closed);
	load_assert_reset(&net, pair.end[1]);
	net_close(&net);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(nothing_pending_closes),
	NET_CASE(one_receive_ends_before_close),
	NET_CASE(receives_64_end_before_close),
	NET_CASE(one_send_ends_before_close),
	NET_CASE(sends_64_end_before_close),
	NET_CASE(receives_and_sends_64_end_before_close),
	NET_CASE(one_acked_send_ends_before_close),
	NET_CASE(acked_sends_64_end_before_close),
	NET_CASE(pending_shutdown_ends_before_close),
	NET_CASE(connect_to_nobody_ends_before_close),
	NET_CASE(connect_in_flight_ends_before_close),
	NET_CASE(close_twice_is_refused),
	NET_CASE(socket_reset_by_peer_stays_until_close),
	NET_CASE(socket_finished_both_ways_closes_quietly),
	NET_CASE(peer_waiting_in_fin_wait_2_is_reset),
	NET_CASE(peer_sending_in_close_wait_is_reset),
	NET_CASE(fresh_and_bound_sockets_close),
	NET_CASE(data_before_close_arrives_or_is_reset),
};

NET_MAIN("close", cases)
