/* SPDX-License-Identifier: BSD-3-Clause */
/* What a program asks of a connection, and when it may (san/sock.h, enum san_option). */
#include <errno.h>
#include <string.h>

#include "wire.h"

#define PORT 7
#define PEER_PORT 5000

static struct net net;
static struct wire wire;
static char text[1000];

static const struct {
	enum san_option option;
	uint32_t usual;
	uint32_t good;
	uint32_t bad;
} any_time[] = {
	{ SAN_OPT_SNDBUF, 0, 65536, 4095 },
	{ SAN_OPT_NODELAY, 1, 0, 2 },
	{ SAN_OPT_USER_TIMEOUT, 0, 4321, 7u * 24 * 3600 * 1000 + 1 },
	{ SAN_OPT_TOS, 0, 0xb8, 0x100 },
	{ SAN_OPT_TTL, 64, 255, 256 },
	{ SAN_OPT_KEEPALIVE, 0, 1, 2 },
	{ SAN_OPT_KEEP_IDLE, 7200000, 1000, 999 },
	{ SAN_OPT_KEEP_INTERVAL, 75000, 7u * 24 * 3600 * 1000, 7u * 24 * 3600 * 1000 + 1 },
	{ SAN_OPT_KEEP_COUNT, 9, 127, 128 },
};

#define NB_ANY_TIME (sizeof(any_time) / sizeof(any_time[0]))

static uint32_t
get(const struct wsock *s, enum san_option option)
{
	uint32_t value = UINT32_MAX;

	assert_int_equal(san_get_option(s->h, option, &value), 0);
	return value;
}

static void
take_all(const struct wsock *s)
{
	for (unsigned int i = 0; i < NB_ANY_TIME; i++) {
		assert_int_equal(get(s, any_time[i].option), any_time[i].usual);
		assert_int_equal(san_set_option(s->h, any_time[i].option, any_time[i].bad), -EINVAL);
		assert_int_equal(get(s, any_time[i].option), any_time[i].usual);
		assert_int_equal(san_set_option(s->h, any_time[i].option, any_time[i].good), 0);
		assert_int_equal(get(s, any_time[i].option), any_time[i].good);
	}
}

static void
options_are_set_while_connected(void **state)
{
	struct net_pair pair;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, PORT);
	take_all(pair.end[0]);
	take_all(pair.end[1]);
	assert_int_equal(san_set_option(pair.end[0]->h, SAN_OPT_RCVBUF, 65536), 0);
	assert_int_equal(san_set_option(pair.end[0]->h, SAN_OPT_RCVBUF, 0), -EINVAL);
	net_close(&net);
}

static void
options_are_set_while_connecting(void **state)
{
	struct san_addr peer = net_addr(1, PORT);
	struct wsock *s;

	(void)state;
	net_open(&net, NULL);
	net.held[1] = true;
	s = net_socket(&net, 0, 0);
	assert_int_equal(watch_connect(s, watch_op(&net.w), &peer, 0), 0);
	net_steps(&net, 3);
	assert_int_equal(net_state(s), SAN_TCP_SYN_SENT);
	take_all(s);
	net_close(&net);
}

/* It would change what is accepted on one core and not on another. */
static void
listener_takes_no_option(void **state)
{
	struct wsock *listener;

	(void)state;
	net_open(&net, NULL);
	listener = net_listener(&net, 0, PORT, 8);
	for (unsigned int i = 0; i < NB_ANY_TIME; i++) {
		assert_int_equal(san_set_option(listener->h, any_time[i].option, any_time[i].good), -EINVAL);
		assert_int_equal(get(listener, any_time[i].option), any_time[i].usual);
	}
	net_close(&net);
}

/* RFC 3168 5: the two lower bits are not the program's. */
static void
ecn_bits_are_refused(void **state)
{
	struct wsock *s;

	(void)state;
	net_open(&net, NULL);
	s = net_socket(&net, 0, 0);
	for (uint32_t tos = 0; tos < 256; tos++)
		assert_int_equal(san_set_option(s->h, SAN_OPT_TOS, tos), tos % 4 ? -EINVAL : 0);
	assert_int_equal(san_set_option(s->h, SAN_OPT_TTL, 0), -EINVAL);
	net_close(&net);
}

static void
open_wire(void)
{
	struct net_wish wish = { .one_host = true, .cold = true };

	wire_open(&wire, &net);
	wish.device[0] = wire.device;
	wish.drain = wire_drain;
	wish.drain_arg = &wire;
	net_open(&net, &wish);
}

static void
close_wire(void)
{
	net_close(&net);
	wire_close(&wire);
}

/* A listener with class and time to live, and one connection of the raw peer's to it. */
static struct wsock *
accept_from_wire(struct wire_conn *c, uint32_t tos, uint32_t ttl)
{
	struct san_addr local = { .port = PORT };
	struct wsock *listener = net_socket(&net, 0, 0);
	struct wop *op = watch_op(&net.w);

	assert_int_equal(san_set_option(listener->h, SAN_OPT_TOS, tos), 0);
	assert_int_equal(san_set_option(listener->h, SAN_OPT_TTL, ttl), 0);
	assert_int_equal(san_bind(listener->h, &local), 0);
	assert_int_equal(san_listen(listener->h, 8), 0);
	assert_int_equal(watch_accept(listener, op, 0), 0);
	wire_connect(&wire, c, PEER_PORT, PORT);
	NET_UNTIL(&net, !op->pending);
	assert_int_equal(op->result, 0);
	return op->accepted;
}

/* SHLD-21, SHLD-22: from the SYN-ACK to the RST of the close. */
static void
class_and_time_to_live_are_in_every_packet(void **state)
{
	struct wire_conn c;
	struct wire_seg seg;
	struct wsock *s;

	(void)state;
	open_wire();
	s = accept_from_wire(&c, 0xb8, 255);
	assert_int_equal(wire.syn_ack_tos, 0xb8);
	assert_int_equal(wire.syn_ack_ttl, 255);
	assert_int_equal(get(s, SAN_OPT_TOS), 0xb8);
	assert_int_equal(watch_send(s, watch_op(&net.w), text, 10, 0), 1);
	wire_wait(&wire, &seg);
	assert_int_equal(seg.tos, 0xb8);
	assert_int_equal(seg.ttl, 255);
	assert_int_equal(san_set_option(s->h, SAN_OPT_TOS, 0x28), 0);
	assert_int_equal(san_set_option(s->h, SAN_OPT_TTL, 3), 0);
	assert_int_equal(watch_send(s, watch_op(&net.w), text, 10, 0), 1);
	wire_wait(&wire, &seg);
	assert_int_equal(seg.tos, 0x28);
	assert_int_equal(seg.ttl, 3);
	watch_shut(s);
	assert_true(wire_count(&wire, WIRE_RST, 10, &seg) > 0);
	assert_int_equal(seg.tos, 0x28);
	assert_int_equal(seg.ttl, 3);
	close_wire();
}

/* The raw peer answers the first probe and then no more. */
static void
peer_that_falls_silent_is_given_up(void **state)
{
	struct wire_conn c;
	struct wire_seg seg;
	struct wsock *s;
	struct wop *op;

	(void)state;
	open_wire();
	s = accept_from_wire(&c, 0, 64);
	op = watch_op(&net.w);
	assert_int_equal(watch_recv(s, op, text, sizeof(text), 0), 0);
	assert_int_equal(san_set_option(s->h, SAN_OPT_KEEP_IDLE, 1000), 0);
	assert_int_equal(san_set_option(s->h, SAN_OPT_KEEP_INTERVAL, 1000), 0);
	assert_int_equal(san_set_option(s->h, SAN_OPT_KEEP_COUNT, 1), 0);
	assert_int_equal(wire_count(&wire, WIRE_ACK, 1200, NULL), 0);
	assert_int_equal(san_set_option(s->h, SAN_OPT_KEEPALIVE, 1), 0);
	wire_wait(&wire, &seg);
	assert_int_equal(seg.seq, c.rcv_nxt - 1);
	assert_int_equal(seg.len, 0);
	wire_say(&c, WIRE_ACK, 0);
	assert_int_equal(wire_count(&wire, WIRE_ACK, 900, NULL), 0);
	assert_true(op->pending);
	/* a probe, and the reset that ends it */
	assert_int_equal(wire_count(&wire, WIRE_RST, 2500, &seg), 1);
	assert_int_equal(seg.seq, c.rcv_nxt);
	NET_UNTIL(&net, !op->pending);
	assert_int_equal(op->result, -ETIMEDOUT);
	close_wire();
}

static struct san_tcp_info
look(const struct wsock *s)
{
	struct san_tcp_info info = { .size = sizeof(info) };

	assert_int_equal(san_tcp_info(s->h, &info), 0);
	assert_int_equal(info.size, sizeof(info));
	return info;
}

static void
figures_of_both_ends_agree(void **state)
{
	struct net_pair pair;
	struct wop *op;
	struct san_tcp_info i[2];

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, PORT);
	op = watch_op(&net.w);
	assert_int_equal(watch_recv(pair.end[1], op, text, 1000, SAN_WAITALL), 0);
	assert_int_equal(watch_send(pair.end[0], watch_op(&net.w), text, 1000, 0), 1);
	NET_UNTIL(&net, !op->pending);
	NET_UNTIL(&net, look(pair.end[0]).unacked == 0);
	i[0] = look(pair.end[0]);
	i[1] = look(pair.end[1]);
	assert_int_equal(i[0].state, SAN_TCP_ESTABLISHED);
	assert_int_equal(i[0].bytes_sent, 1000);
	assert_int_equal(i[0].bytes_acked, 1000);
	assert_int_equal(i[1].bytes_received, 1000);
	assert_int_equal(i[0].segs_out, i[1].segs_in);
	assert_int_equal(i[0].segs_in, i[1].segs_out);
	assert_int_equal(i[0].options & i[1].options,
			 SAN_TCP_INFO_TIMESTAMPS | SAN_TCP_INFO_WSCALE | SAN_TCP_INFO_SACK);
	assert_int_equal(i[0].snd_wscale, i[1].rcv_wscale);
	assert_true(i[0].srtt_us > 0);
	net_close(&net);
}

/* What a program built against an older or a newer header asks for. */
static void
figures_come_in_the_size_that_is_asked_for(void **state)
{
	struct {
		struct san_tcp_info info;
		uint64_t behind;
	} more = { .behind = 4711 };
	struct net_pair pair;
	struct wsock *fresh;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, PORT);
	fresh = net_socket(&net, 0, 0);
	more.info.size = SAN_TCP_INFO_MIN - 1;
	assert_int_equal(san_tcp_info(pair.end[0]->h, &more.info), -EINVAL);
	assert_int_equal(more.info.segs_out, 0);
	assert_int_equal(san_tcp_info(pair.end[0]->h, NULL), -EINVAL);
	more.info.size = sizeof(more);
	assert_int_equal(san_tcp_info(fresh->h, &more.info), -ENOTCONN);
	assert_int_equal(san_tcp_info(net_listener(&net, 0, PORT + 1, 8)->h, &more.info), -ENOTCONN);
	assert_int_equal(san_tcp_info(pair.end[0]->h, &more.info), 0);
	assert_int_equal(more.info.size, sizeof(more.info));
	assert_int_equal(more.behind, 4711);
	more.info = (struct san_tcp_info){ .size = SAN_TCP_INFO_MIN };
	assert_int_equal(san_tcp_info(pair.end[0]->h, &more.info), 0);
	assert_int_equal(more.info.size, SAN_TCP_INFO_MIN);
	assert_true(more.info.segs_out > 0);
	net_close(&net);
}

/* The completions as the library gives them: the watch does not keep their flags. */
static uint8_t
reap_flags(const struct wop *op)
{
	uint64_t limit_ms = net_now_ms() + NET_PATIENCE_MS;
	struct san_completion comp;

	for (;;) {
		assert_true(net_now_ms() < limit_ms);
		san_core_poll(net.core[0][0]);
		san_core_poll(net.core[1][0]);
		if (san_cq_poll(net.w.cq, &comp, 1) != 1)
			continue;
		watch_check(&net.w, &comp);
		if (comp.op == &op->ov)
			return comp.flags;
	}
}

/* MUST-30 to MUST-33: in line, and the completions say where it is. */
static void
urgent_data_is_told_with_the_bytes(void **state)
{
	struct net_pair pair;
	struct wop *recv[3];

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, PORT);
	for (unsigned int i = 0; i < 3; i++)
		recv[i] = watch_op(&net.w);
	assert_int_equal(san_set_option(pair.end[1]->h, SAN_OPT_URGENT, 0), -ENOPROTOOPT);
	assert_int_equal(watch_send(pair.end[0], watch_op(&net.w), text, 100, SAN_URGENT), 1);
	assert_int_equal(watch_send(pair.end[0], watch_op(&net.w), text, 50, 0), 1);
	NET_UNTIL(&net, look(pair.end[1]).unread == 150);
	assert_int_equal(get(pair.end[1], SAN_OPT_URGENT), 100);
	assert_int_equal(watch_recv(pair.end[1], recv[0], text, 40, 0), 0);
	assert_int_equal(reap_flags(recv[0]), SAN_URGENT);
	assert_int_equal(recv[0]->ov.flags & SAN_URGENT, SAN_URGENT);
	assert_int_equal(get(pair.end[1], SAN_OPT_URGENT), 60);
	assert_int_equal(watch_recv(pair.end[1], recv[1], text, 70, 0), 0);
	assert_int_equal(reap_flags(recv[1]), SAN_URGENT);
	assert_int_equal(get(pair.end[1], SAN_OPT_URGENT), 0);
	assert_int_equal(watch_recv(pair.end[1], recv[2], text, 70, 0), 0);
	assert_int_equal(reap_flags(recv[2]), 0);
	assert_int_equal(recv[2]->result, 40);
	assert_int_equal(watch_recv(pair.end[1], recv[2], text, 70, SAN_URGENT), -EINVAL);
	net_close(&net);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(options_are_set_while_connected),
	NET_CASE(options_are_set_while_connecting),
	NET_CASE(listener_takes_no_option),
	NET_CASE(ecn_bits_are_refused),
	NET_CASE(class_and_time_to_live_are_in_every_packet),
	NET_CASE(peer_that_falls_silent_is_given_up),
	NET_CASE(figures_of_both_ends_agree),
	NET_CASE(urgent_data_is_told_with_the_bytes),
	NET_CASE(figures_come_in_the_size_that_is_asked_for),
};

NET_MAIN("options", cases)
