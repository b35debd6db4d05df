/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Posts on the owning core: places, refusals, flags, polled operations (O1, O2, O4, O14).
 */
#include <errno.h>
#include <string.h>

#include "load.h"

static struct net net;
static uint8_t sink[64][256];

/* Sockets of a queue of four places; ends are bound to it by a move. */
static struct net_pair
begin_with_depth(struct watch *small, unsigned int depth)
{
	struct net_pair pair;

	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	assert_int_equal(watch_begin(small, depth), 0);
	assert_int_equal(san_move(pair.end[0]->h, small->cq), 0);
	pair.end[0]->w = small;
	return pair;
}

/* Give the socket back to the net's queue, so that the net ends it. */
static void
end_with_depth(struct watch *small, struct wsock *s)
{
	struct wop *op;

	assert_int_equal(san_move(s->h, net.w.cq), 0);
	for (op = small->ops; op; op = op->next)
		assert_false(op->pending);
	s->w = &net.w;
	watch_sound(small);
	assert_int_equal(watch_end(small), 0);
	net_close(&net);
}

static void
fifth_post_finds_no_place_of_four(void **state)
{
	static struct watch small;
	struct net_pair pair;
	struct wop *op[5];
	struct san_overlapped before;
	uint32_t pending = 99;
	unsigned int i;

	(void)state;
	pair = begin_with_depth(&small, 4);
	for (i = 0; i < 4; i++) {
		op[i] = watch_op(&small);
		assert_int_equal(watch_recv(pair.end[0], op[i], sink[i], 10, 0), 0);
	}
	op[4] = watch_op(&small);
	assert_int_equal(watch_recv(pair.end[0], op[4], sink[4], 10, 0), -EAGAIN);
	before = op[4]->ov;
	assert_int_equal(watch_recv(pair.end[0], op[4], sink[4], 10, 0), -EAGAIN);
	before.user = op[4]->ov.user;
	assert_memory_equal(&before, &op[4]->ov, sizeof(before));
	assert_int_equal(san_get_option(pair.end[0]->h, SAN_OPT_PENDING, &pending), 0);
	assert_int_equal(pending, 4);

	/* Ended is not reaped: the place is still taken. */
	assert_int_equal(watch_cancel(pair.end[0], op[1]), 0);
	net_steps(&net, 10);
	assert_int_equal(watch_recv(pair.end[0], op[4], sink[4], 10, 0), -EAGAIN);
	assert_int_equal(watch_reap(&small), 1);
	assert_int_equal(op[1]->result, -ECANCELED);
	assert_int_equal(watch_recv(pair.end[0], op[4], sink[4], 10, 0), 0);
	assert_int_equal(watch_recv(pair.end[0], op[1], sink[1], 10, 0), -EAGAIN);
	for (i = 0; i < 5; i++) {
		if (op[i]->pending)
			watch_cancel(pair.end[0], op[i]);
	}
	NET_UNTIL(&net, (watch_reap(&small), small.nb_posts == small.nb_ends));
	end_with_depth(&small, pair.end[0]);
}

/* Places are of the queue, not of the socket; a send that finishes at the post keeps none. */
static void
finished_sends_keep_no_place(void **state)
{
	static struct watch small;
	struct net_pair pair;
	struct wop *recv;
	unsigned int i;

	(void)state;
	pair = begin_with_depth(&small, 1);
	for (i = 0; i < 20; i++)
		assert_int_equal(watch_send(pair.end[0], watch_op(&small), sink[0], 100, 0), 1);
	recv = watch_op(&small);
	assert_int_equal(watch_recv(pair.end[0], recv, sink[1], 10, 0), 0);
	assert_int_equal(watch_send(pair.end[0], watch_op(&small), sink[0], 100, SAN_ACKED), -EAGAIN);
	watch_cancel(pair.end[0], recv);
	NET_UNTIL(&net, (watch_reap(&small), !recv->pending));
	end_with_depth(&small, pair.end[0]);
}

static void
structure_is_reusable_after_each_end(void **state)
{
	struct net_pair pair;
	struct wop *op;
	unsigned int i;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	op = watch_op(&net.w);
	for (i = 0; i < 100; i++) {
		assert_int_equal(watch_recv(pair.end[1], op, sink[0], 100, SAN_WAITALL), 0);
		assert_int_equal(watch_send(pair.end[0], watch_op(&net.w), sink[1], 100, 0), 1);
		NET_UNTIL(&net, !op->pending);
		assert_int_equal(op->result, 100);
	}
	assert_int_equal(op->nb_posts, 100);
	assert_int_equal(op->nb_ends, 100);
	net_close(&net);
}

static void
receive_of_data_that_is_there_still_completes(void **state)
{
	struct net_pair pair;
	struct wop *op;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	assert_int_equal(watch_send(pair.end[0], watch_op(&net.w), sink[0], 200, 0), 1);
	net_steps(&net, 50);
	op = watch_op(&net.w);
	assert_int_equal(watch_recv(pair.end[1], op, sink[1], 256, 0), 0);
	assert_true(op->pending);
	NET_UNTIL(&net, !op->pending);
	assert_int_equal(op->result, 200);
	net_close(&net);
}

static void
posted_structure_is_refused(void **state)
{
	struct net_pair pair;
	struct wop *op;
	struct san_addr a = net_addr(1, 9);

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	op = watch_op(&net.w);
	assert_int_equal(watch_recv(pair.end[0], op, sink[0], 10, 0), 0);
	assert_int_equal(watch_recv(pair.end[0], op, sink[0], 10, 0), -EINVAL);
	assert_int_equal(san_recv(pair.end[1]->h, &op->ov, sink[0], 10, 0), -EINVAL);
	assert_int_equal(san_send(pair.end[0]->h, &op->ov, sink[0], 10, 0), -EINVAL);
	assert_int_equal(san_shutdown(pair.end[0]->h, &op->ov, 0), -EINVAL);
	assert_int_equal(san_connect(net_socket(&net, 0, 0)->h, &op->ov, &a, 0), -EINVAL);
	assert_true(op->pending);
	assert_int_equal(watch_shut(pair.end[0]), 0);
	NET_UNTIL(&net, pair.end[0]->closed);
	assert_int_equal(op->result, -ECANCELED);
	net_close(&net);
}

static void
bad_arguments_are_refused(void **state)
{
	static struct san_overlapped op;
	struct san_addr none = { .port = 7 };
	struct san_addr broadcast = net_addr(254, 7);
	struct san_addr limited = net_addr(0, 7);
	struct san_addr multicast = net_addr(0, 7);
	struct san_addr no_port = net_addr(1, 0);
	struct net_pair pair;
	struct wsock *fresh;
	san_handle h;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	h = pair.end[0]->h;
	assert_int_equal(san_send(h, &op, NULL, 10, 0), -EINVAL);
	assert_int_equal(san_send(h, &op, sink[0], 0, 0), -EINVAL);
	assert_int_equal(san_send(h, &op, sink[0], (size_t)SAN_IO_MAX + 1, 0), -EINVAL);
	assert_int_equal(san_send(h, &op, sink[0], SIZE_MAX, 0), -EINVAL);
	assert_int_equal(san_send(h, &op, sink[0], 10, SAN_WAITALL), -EINVAL);
	assert_int_equal(san_send(h, &op, sink[0], 10, 1u << 31), -EINVAL);
	assert_int_equal(san_send(h, NULL, sink[0], 10, 0), -EINVAL);
	assert_int_equal(san_recv(h, &op, NULL, 10, 0), -EINVAL);
	assert_int_equal(san_recv(h, &op, sink[0], 0, 0), -EINVAL);
	assert_int_equal(san_recv(h, &op, sink[0], (size_t)SAN_IO_MAX + 1, 0), -EINVAL);
	assert_int_equal(san_recv(h, &op, sink[0], 10, SAN_ACKED), -EINVAL);
	assert_int_equal(san_recv(h, &op, sink[0], 10, 8), -EINVAL);
	assert_int_equal(san_recv(h, NULL, sink[0], 10, 0), -EINVAL);
	assert_int_equal(san_shutdown(h, NULL, 0), -EINVAL);
	assert_int_equal(san_shutdown(h, &op, SAN_ACKED), -EINVAL);
	assert_int_equal(san_accept(h, &op, 0), -EINVAL);
	fresh = net_socket(&net, 0, 0);
	memcpy(&limited.ip[12], "\xff\xff\xff\xff", 4);
	memcpy(&multicast.ip[12], "\xe0\x00\x00\x01", 4);
	assert_int_equal(san_connect(fresh->h, &op, NULL, 0), -EINVAL);
	assert_int_equal(san_connect(fresh->h, NULL, &limited, 0), -EINVAL);
	assert_int_equal(san_connect(fresh->h, &op, &none, 0), -EINVAL);
	assert_int_equal(san_connect(fresh->h, &op, &broadcast, 0), -EINVAL);
	assert_int_equal(san_connect(fresh->h, &op, &limited, 0), -EINVAL);
	assert_int_equal(san_connect(fresh->h, &op, &multicast, 0), -EINVAL);
	assert_int_equal(san_connect(fresh->h, &op, &no_port, 0), -EINVAL);
	assert_int_equal(san_connect(fresh->h, &op, &limited, 16), -EINVAL);
	assert_int_equal(san_cq_poll(net.w.cq, NULL, 4), -EINVAL);
	assert_int_equal(san_send(h, &op, sink[0], 10, 0), 1);
	net_close(&net);
}

/* On-core answers of a post that cannot be. */
static void
posts_out_of_state_are_refused(void **state)
{
	struct san_addr a = net_addr(1, 7);
	struct net_pair pair;
	struct wsock *fresh;
	struct wsock *listener;
	struct wop *fin;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	fresh = net_socket(&net, 0, 0);
	listener = net_listener(&net, 0, 99, 4);
	assert_int_equal(watch_send(fresh, watch_op(&net.w), sink[0], 10, 0), -ENOTCONN);
	assert_int_equal(watch_recv(fresh, watch_op(&net.w), sink[0], 10, 0), -ENOTCONN);
	assert_int_equal(watch_shutdown(fresh, watch_op(&net.w), 0), -ENOTCONN);
	assert_int_equal(watch_accept(fresh, watch_op(&net.w), 0), -EINVAL);
	assert_int_equal(watch_connect(listener, watch_op(&net.w), &a, 0), -EISCONN);
	assert_int_equal(watch_connect(pair.end[0], watch_op(&net.w), &a, 0), -EISCONN);
	fin = watch_op(&net.w);
	assert_int_equal(watch_shutdown(pair.end[0], fin, 0), 0);
	assert_int_equal(watch_send(pair.end[0], watch_op(&net.w), sink[0], 10, 0), -EPIPE);
	assert_int_equal(watch_shutdown(pair.end[0], watch_op(&net.w), 0), -EPIPE);
	NET_UNTIL(&net, !fin->pending);
	assert_int_equal(fin->result, 0);
	assert_int_equal(watch_send(pair.end[0], watch_op(&net.w), sink[0], 10, 0), -EPIPE);
	net_close(&net);
}

/* No place, no completion: the structure tells (O14). */
static void
polled_operations_end_in_their_structure(void **state)
{
	static struct watch small;
	struct net_pair pair;
	struct wop *recv[3];
	struct wop *kept;
	unsigned int i;

	(void)state;
	pair = begin_with_depth(&small, 1);
	kept = watch_op(&small);
	for (i = 0; i < 3; i++) {
		recv[i] = watch_op(&small);
		assert_int_equal(watch_recv(pair.end[0], recv[i], sink[i], 100, SAN_POLLED | SAN_WAITALL),
				 0);
		assert_int_equal(watch_status(recv[i]), -EINPROGRESS);
	}
	assert_int_equal(watch_recv(pair.end[0], kept, sink[5], 100, 0), 0);
	assert_int_equal(watch_recv(pair.end[0], watch_op(&small), sink[6], 100, 0), -EAGAIN);
	assert_int_equal(watch_send(pair.end[1], watch_op(&net.w), sink[10], 200, 0), 1);
	NET_UNTIL(&net, watch_status(recv[1]) != -EINPROGRESS);
	assert_int_equal(watch_status(recv[0]), 100);
	assert_int_equal(watch_status(recv[1]), 100);
	assert_int_equal(watch_status(recv[2]), -EINPROGRESS);
	assert_int_equal(watch_cancel(pair.end[0], recv[2]), 0);
	NET_UNTIL(&net, watch_status(recv[2]) != -EINPROGRESS);
	assert_int_equal(watch_status(recv[2]), -ECANCELED);
	assert_int_equal(watch_reap(&small), 0);
	watch_cancel(pair.end[0], kept);
	NET_UNTIL(&net, (watch_reap(&small), !kept->pending));
	end_with_depth(&small, pair.end[0]);
}

/* A polled operation that close ends has its status before the close completion is reaped. */
static void
polled_operations_are_cancelled_by_close(void **state)
{
	struct net_pair pair;
	struct wop *op[8];
	unsigned int i;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	for (i = 0; i < 8; i++) {
		op[i] = watch_op(&net.w);
		assert_int_equal(watch_recv(pair.end[0], op[i], sink[i], 10, i % 2 ? SAN_POLLED : 0), 0);
	}
	assert_int_equal(watch_shut(pair.end[0]), 0);
	NET_UNTIL(&net, pair.end[0]->closed);
	for (i = 0; i < 8; i++)
		assert_int_equal(watch_status(op[i]), -ECANCELED);
	net_close(&net);
}

static void
polled_connect_and_accept_end_in_their_structure(void **state)
{
	struct san_addr a = net_addr(1, 7);
	struct wsock *listener;
	struct wsock *s;
	struct wop *accept;
	struct wop *connect;
	struct wop *fin;

	(void)state;
	net_open(&net, NULL);
	listener = net_listener(&net, 1, 7, 4);
	s = net_socket(&net, 0, 0);
	accept = watch_op(&net.w);
	connect = watch_op(&net.w);
	fin = watch_op(&net.w);
	assert_int_equal(watch_accept(listener, accept, SAN_POLLED), 0);
	assert_int_equal(watch_connect(s, connect, &a, SAN_POLLED), 0);
	NET_UNTIL(&net, watch_status(accept) != -EINPROGRESS && watch_status(connect) != -EINPROGRESS);
	assert_int_equal(accept->result, 0);
	assert_int_equal(connect->result, 0);
	assert_non_null(accept->accepted);
	assert_int_equal(watch_shutdown(s, fin, SAN_POLLED), 0);
	NET_UNTIL(&net, watch_status(fin) != -EINPROGRESS);
	assert_int_equal(fin->result, 0);
	net_close(&net);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(fifth_post_finds_no_place_of_four),
	NET_CASE(finished_sends_keep_no_place),
	NET_CASE(structure_is_reusable_after_each_end),
	NET_CASE(receive_of_data_that_is_there_still_completes),
	NET_CASE(posted_structure_is_refused),
	NET_CASE(bad_arguments_are_refused),
	NET_CASE(posts_out_of_state_are_refused),
	NET_CASE(polled_operations_end_in_their_structure),
	NET_CASE(polled_operations_are_cancelled_by_close),
	NET_CASE(polled_connect_and_accept_end_in_their_structure),
};

NET_MAIN("ops", cases)
