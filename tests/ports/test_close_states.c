/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Close in each of the eleven states (O9.3), and what the wire shows of it: a RST, or nothing. The peer
 * is raw frames, so that CLOSING, LAST_ACK and SYN_RECEIVED can be held for as long as the case wants.
 */
#include <errno.h>
#include <string.h>

#include "load.h"
#include "wire.h"

#define SHORT_MS 100

static struct net net;
static struct wire wire;
static struct wire_conn conn;
static struct load recvs;
static struct wop *fin;

static void
begin(unsigned int time_wait_ms)
{
	struct net_wish wish = {
		.one_host = true,
		.device = { wire.device, NULL },
		.drain = wire_drain,
		.drain_arg = &wire,
		.time_wait_ms = time_wait_ms,
	};

	wire_open(&wire, &net);
	net_open(&net, &wish);
	recvs.nb = 0;
	fin = NULL;
}

static void
end(void)
{
	net_close(&net);
	assert_int_equal(wire.nb_bad, 0);
	wire_close(&wire);
}

static void
fall_silent(void)
{
	wire_count(&wire, 0xff, 5, NULL);
}

static struct wsock *
drive_syn_sent(void)
{
	struct san_addr to = net_addr(1, 80);
	struct wsock *s = net_socket(&net, 0, 0);

	assert_int_equal(watch_connect(s, watch_op(&net.w), &to, 0), 0);
	wire_answer(&wire, &conn, 80);
	return s;
}

/* A SYN that crosses the host's own: simultaneous open, RFC 9293 3.5, figure 7. */
static struct wsock *
drive_syn_received(void)
{
	struct wsock *s = drive_syn_sent();

	wire_say(&conn, WIRE_SYN, 0);
	fall_silent();
	return s;
}

static struct wsock *
drive_established(void)
{
	struct wsock *s = drive_syn_sent();

	wire_say(&conn, WIRE_SYN | WIRE_ACK, 0);
	NET_UNTIL(&net, net_state(s) == SAN_TCP_ESTABLISHED);
	load_recvs(&net, s, 2, &recvs);
	fall_silent();
	return s;
}

static struct wsock *
drive_fin_wait_1(void)
{
	struct wsock *s = drive_established();

	fin = watch_op(&net.w);
	assert_int_equal(watch_shutdown(s, fin, 0), 0);
	wire_wait_fin(&conn);
	return s;
}

static struct wsock *
drive_fin_wait_2(void)
{
	struct wsock *s = drive_fin_wait_1();

	wire_say(&conn, WIRE_ACK, 0);
	NET_UNTIL(&net, !fin->pending);
	assert_int_equal(fin->result, 0);
	return s;
}

static struct wsock *
drive_close_wait(void)
{
	struct wsock *s = drive_established();

	wire_say(&conn, WIRE_FIN | WIRE_ACK, 0);
	NET_UNTIL(&net, load_ended_with(&recvs, 0) == 2);
	fall_silent();
	return s;
}

/* Our FIN does not acknowledge the host's: the two cross. */
static struct wsock *
drive_closing(void)
{
	struct wsock *s = drive_fin_wait_1();

	conn.rcv_nxt--;
	wire_say(&conn, WIRE_FIN | WIRE_ACK, 0);
	conn.rcv_nxt++;
	NET_UNTIL(&net, load_ended_with(&recvs, 0) == 2);
	fall_silent();
	return s;
}

static struct wsock *
drive_last_ack(void)
{
	struct wsock *s = drive_close_wait();

	fin = watch_op(&net.w);
	assert_int_equal(watch_shutdown(s, fin, 0), 0);
	wire_wait_fin(&conn);
	return s;
}

static struct wsock *
drive_time_wait(void)
{
	struct wsock *s = drive_fin_wait_2();

	wire_say(&conn, WIRE_FIN | WIRE_ACK, 0);
	NET_UNTIL(&net, load_ended_with(&recvs, 0) == 2);
	fall_silent();
	return s;
}

static struct wsock *
drive_closed(void)
{
	struct wsock *s = drive_last_ack();

	wire_say(&conn, WIRE_ACK, 0);
	NET_UNTIL(&net, !fin->pending);
	assert_int_equal(fin->result, 0);
	return s;
}

/* Every receive that was still pending is cancelled, and so is a FIN that was not acknowledged. */
static void
assert_cancelled(void)
{
	unsigned int i;

	for (i = 0; i < recvs.nb; i++) {
		assert_false(recvs.op[i]->pending);
		assert_true(recvs.op[i]->result == 0 || recvs.op[i]->result == -ECANCELED);
	}
	if (fin) {
		assert_false(fin->pending);
		assert_true(fin->result == 0 || fin->result == -ECANCELED);
	}
}

/*
 * Close, and what it says: one RST, at once. It is repeated after an RTO of the machine's time, so a process that was
 * stopped meanwhile sees that one too.
 */
static void
shut_by_reset(struct wsock *s, uint8_t flags, struct wire_seg *seg)
{
	uint64_t begin_ms = net_now_ms();
	unsigned int n;

	/* what was sent again before */
	while (wire_take(&wire, seg))
		;
	assert_int_equal(watch_shut(s), 0);
	net_assert_stale(&net, s->h);
	n = wire_count(&wire, flags, SHORT_MS, seg);

	assert_in_range(n, 1, net_now_ms() - begin_ms > SHORT_MS + SHORT_MS / 2 ? 2 : 1);
	assert_true(seg->flags & WIRE_RST);
}

static void
close_in(enum san_tcp_state state, struct wsock *(*drive)(void), bool reset_is_due)
{
	struct wire_seg seg;
	struct wsock *s;
	unsigned int nb_recvs;

	begin(5000);
	s = drive();
	assert_int_equal(net_state(s), state);
	nb_recvs = recvs.nb - load_ended_with(&recvs, 0);
	if (reset_is_due) {
		shut_by_reset(s, 0xff, &seg);
		/* RFC 9293 3.10.5: at SND.NXT, which is the only one that RFC 5961 takes at once. */
		assert_int_equal(seg.seq, conn.rcv_nxt);
	} else {
		assert_int_equal(watch_shut(s), 0);
		net_assert_stale(&net, s->h);
		assert_int_equal(wire_count(&wire, 0xff, SHORT_MS, NULL), 0);
	}
	assert_true(s->closed);
	net_assert_stale(&net, s->h);
	assert_cancelled();
	assert_int_equal(load_ended_with(&recvs, -ECANCELED), nb_recvs);
	end();
}

static void
syn_sent_is_dropped(void **state)
{
	(void)state;
	close_in(SAN_TCP_SYN_SENT, drive_syn_sent, false);
}

static void
syn_received_is_reset(void **state)
{
	(void)state;
	close_in(SAN_TCP_SYN_RECEIVED, drive_syn_received, true);
}

static void
established_is_reset(void **state)
{
	(void)state;
	close_in(SAN_TCP_ESTABLISHED, drive_established, true);
}

static void
fin_wait_1_is_reset(void **state)
{
	(void)state;
	close_in(SAN_TCP_FIN_WAIT_1, drive_fin_wait_1, true);
}

static void
fin_wait_2_is_reset(void **state)
{
	(void)state;
	close_in(SAN_TCP_FIN_WAIT_2, drive_fin_wait_2, true);
}

static void
close_wait_is_reset(void **state)
{
	(void)state;
	close_in(SAN_TCP_CLOSE_WAIT, drive_close_wait, true);
}

static void
closing_is_reset(void **state)
{
	(void)state;
	close_in(SAN_TCP_CLOSING, drive_closing, true);
}

static void
last_ack_is_reset(void **state)
{
	(void)state;
	close_in(SAN_TCP_LAST_ACK, drive_last_ack, true);
}

static void
time_wait_is_silent(void **state)
{
	(void)state;
	close_in(SAN_TCP_TIME_WAIT, drive_time_wait, false);
}

static void
closed_is_silent(void **state)
{
	(void)state;
	close_in(SAN_TCP_CLOSED, drive_closed, false);
}

static struct wsock *
drive_listen(void)
{
	return net_listener(&net, 0, 80, 8);
}

static void
listen_is_silent(void **state)
{
	(void)state;
	close_in(SAN_TCP_LISTEN, drive_listen, false);
}

/* An embryo in SYN_RECEIVED has no handle; it goes with its listener (O11, A29). */
static void
half_open_embryo_is_reset_with_its_listener(void **state)
{
	struct wire_seg seg;
	struct wsock *s;

	(void)state;
	begin(0);
	s = net_listener(&net, 0, 80, 8);
	memset(&conn, 0, sizeof(conn));
	conn.wire = &wire;
	conn.port = 4000;
	conn.host_port = 80;
	wire_say(&conn, WIRE_SYN, 0);
	wire_wait(&wire, &seg);
	assert_int_equal(seg.flags & (WIRE_SYN | WIRE_ACK), WIRE_SYN | WIRE_ACK);
	conn.rcv_nxt = seg.seq + 1;
	shut_by_reset(s, 0xff, &seg);
	assert_int_equal(seg.seq, conn.rcv_nxt);
	assert_true(s->closed);
	end();
}

static void
queued_connection_is_reset_with_its_listener(void **state)
{
	struct wire_seg seg;
	struct wsock *s;

	(void)state;
	begin(0);
	s = net_listener(&net, 0, 80, 8);
	wire_connect(&wire, &conn, 4001, 80);
	wire_say(&conn, WIRE_ACK | WIRE_PSH, 100);
	fall_silent();
	shut_by_reset(s, WIRE_RST, &seg);
	assert_int_equal(seg.seq, conn.rcv_nxt);
	end();
}

/*
 * The tombstone: every later segment is answered with RST, at the sequence number the peer expects. On a busy machine
 * the one that is repeated after an RTO may come in between.
 */
static void
segment_after_close_is_answered_with_reset(void **state)
{
	struct wire_seg seg;
	struct wsock *s;
	unsigned int i, n;

	(void)state;
	begin(0);
	s = drive_established();
	assert_int_equal(watch_shut(s), 0);
	n = wire_count(&wire, WIRE_RST, SHORT_MS, NULL);
	assert_in_range(n, 1, 2);
	for (i = 0; i < 3; i++) {
		wire_say(&conn, WIRE_ACK | WIRE_PSH, 10);
		n += wire_count(&wire, WIRE_RST, SHORT_MS / 5, &seg);
		assert_in_range(n, 2 + i, 3 + i);
		assert_int_equal(seg.seq, conn.rcv_nxt);
	}
	wire_say(&conn, WIRE_RST, 0);
	n += wire_count(&wire, 0xff, SHORT_MS / 5, &seg);
	assert_in_range(n, 4, 5);
	end();
}

/* A lost RST is repeated once, after one RTO; after two the record is gone. */
static void
reset_is_repeated_once(void **state)
{
	struct san_usage u;
	struct wsock *s;

	(void)state;
	begin(0);
	s = drive_established();
	assert_int_equal(watch_shut(s), 0);
	NET_UNTIL(&net, s->closed);
	san_host_usage(net.host[0], &u);
	assert_int_equal(u.timewait, 1);
	assert_int_equal(u.sockets, 0);
	assert_int_equal(wire_count(&wire, WIRE_RST, 3600, NULL), 2);
	san_host_usage(net.host[0], &u);
	assert_int_equal(u.timewait, 0);
	end();
}

/* Close in TIME_WAIT: the record stays and acknowledges the peer's FIN again. */
static void
time_wait_record_outlives_close(void **state)
{
	struct san_usage u;
	struct wire_seg seg;
	struct wsock *s;

	(void)state;
	begin(5000);	/* longer than this may be kept from the processor */
	s = drive_time_wait();
	assert_int_equal(watch_shut(s), 0);
	NET_UNTIL(&net, s->closed);
	san_host_usage(net.host[0], &u);
	assert_int_equal(u.timewait, 1);
	conn.snd_nxt--;
	wire_say(&conn, WIRE_FIN | WIRE_ACK, 0);
	assert_int_equal(wire_count(&wire, 0xff, SHORT_MS, &seg), 1);
	assert_int_equal(seg.flags & (WIRE_ACK | WIRE_RST), WIRE_ACK);
	assert_int_equal(seg.ack, conn.snd_nxt);
	NET_UNTIL(&net, (san_host_usage(net.host[0], &u), u.timewait == 0));
	end();
}

/* The peer's RST is obeyed in every state where it fits, and leaves a dead socket. */
static void
peer_reset_then_close_is_silent(void **state)
{
	struct wsock *s;

	(void)state;
	begin(0);
	s = drive_established();
	wire_say(&conn, WIRE_RST, 0);
	NET_UNTIL(&net, load_ended_with(&recvs, -ECONNRESET) == 2);
	assert_int_equal(net_state(s), SAN_TCP_CLOSED);
	assert_int_equal(watch_shut(s), 0);
	assert_int_equal(wire_count(&wire, 0xff, SHORT_MS, NULL), 0);
	assert_true(s->closed);
	end();
}

static const struct CMUnitTest cases[] = {
	NET_CASE(closed_is_silent),
	NET_CASE(listen_is_silent),
	NET_CASE(syn_sent_is_dropped),
	NET_CASE(syn_received_is_reset),
	NET_CASE(established_is_reset),
	NET_CASE(fin_wait_1_is_reset),
	NET_CASE(fin_wait_2_is_reset),
	NET_CASE(close_wait_is_reset),
	NET_CASE(closing_is_reset),
	NET_CASE(last_ack_is_reset),
	NET_CASE(time_wait_is_silent),
	NET_CASE(half_open_embryo_is_reset_with_its_listener),
	NET_CASE(queued_connection_is_reset_with_its_listener),
	NET_CASE(segment_after_close_is_answered_with_reset),
	NET_CASE(reset_is_repeated_once),
	NET_CASE(time_wait_record_outlives_close),
	NET_CASE(peer_reset_then_close_is_silent),
};

NET_MAIN("close_states", cases)
