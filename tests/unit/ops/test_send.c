/* SPDX-License-Identifier: BSD-3-Clause */
/* A send of bytes that no other send waits before, and what stands in the way of it. */
#include "duo.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "core/priv.h"

#define MS 1000u
#define FULL 1448u	/* of an MTU of 1500, with timestamps */
#define BIG 65536u

static uint8_t out[BIG] __attribute__((aligned(4096)));
static uint8_t in[BIG];

static void
begin(san_handle s[2])
{
	duo_fill(out, BIG);
	memset(in, 0, sizeof(in));
	duo_pair(s);
	duo_pass(500 * MS);
}

/* Of a post: what it said, or what it has ended with; INT32_MIN: not ended. */
static int32_t
outcome(int rc, struct san_overlapped *op)
{
	if (rc != 0)
		return rc == 1 ? san_op_status(op) : rc;
	duo_go();
	return duo_result(op);
}

static int32_t
say(san_handle s, const uint8_t *data, size_t len, unsigned int flags)
{
	struct san_overlapped *op = duo_op();

	return outcome(san_send(s, op, data, len, flags), op);
}

/* All of it is there, and nothing else. */
static bool
arrives(san_handle s, const uint8_t *data, uint32_t len)
{
	struct san_overlapped *op = duo_op(), *more = duo_op();
	uint8_t byte;

	duo_must(san_recv(s, op, in, len, SAN_WAITALL | SAN_POLLED) == 0);
	duo_go();
	duo_must(san_recv(s, more, &byte, 1, SAN_POLLED) == 0);
	duo_go();
	duo_must(duo_result(more) == INT32_MIN);
	san_cancel(s, more->id);
	duo_go();
	return duo_result(op) == (int32_t)len && memcmp(in, data, len) == 0;
}

/* With a queue of 8 places: it takes none. The structure says all that a completion would. */
static void
is_over_when_the_post_returns(void)
{
	struct san_overlapped *op = duo_op();
	uint64_t begun, ended;
	san_handle s[2];
	uint32_t id = 0;

	begin(s);
	begun = vhost_count(&duo.h[0], SANI_CTR_sock_ops);
	ended = vhost_count(&duo.h[0], SANI_CTR_sock_ops_ended);
	for (uint32_t i = 0; i < 20; i++) {
		op->user = i;
		op->result = -1;
		op->done = 77;
		duo_must(san_send(s[0], op, out + i * 100, 100, i % 2 == 0 ? 0 : SAN_POLLED) == 1);
		duo_must(san_op_status(op) == 100 && op->result == 100);
		duo_must(op->len == 100 && op->done == 100 && op->sock == s[0] && op->kind == SAN_OP_SEND);
		duo_must(op->flags == (i % 2 == 0 ? 0 : SAN_POLLED));
		duo_must(op->user == i && (i == 0 || op->id == id + 1));
		id = op->id;
		duo_go();
	}
	duo_must(san_cancel(s[0], id) < 0);
	duo_must(duo_count(op) == 0);
	duo_must(vhost_count(&duo.h[0], SANI_CTR_sock_ops) == begun + 20);
	duo_must(vhost_count(&duo.h[0], SANI_CTR_sock_ops_ended) == ended + 20);
	duo_must(arrives(s[1], out, 2000));
	/* nothing of it is posted: the socket may be moved (O12) */
	duo_must(san_move(s[0], duo.cq) == 0);
	duo_must(say(s[0], out, 100, 0) == 100);
}

static void
is_over_on_its_core(void **state)
{
	(void)state;
	duo_run(is_over_when_the_post_returns, DUO_ON_CORE, 1, 8);
}

/* Whatever stands before it, and however long it is. */
static void
stream_keeps_its_order(void)
{
	static const unsigned int flags[] = { 0, 0, SAN_MORE, 0, SAN_ACKED, 0, SAN_POLLED, SAN_URGENT, 0, SAN_ACKED };
	static const uint32_t lens[] = { 10, 1, 64, FULL, 1024, 1025, 100 };
	san_handle s[2];
	uint32_t at = 0;

	begin(s);
	for (unsigned int i = 0; i < 50; i++) {
		uint32_t len = lens[i % RTE_DIM(lens)];

		duo_must(san_send(s[0], duo_op(), out + at, len, flags[i % RTE_DIM(flags)]) >= 0);
		at += len;
		if (i % 3 == 2)
			duo_go();
	}
	duo_pass(1000 * MS);
	duo_must(arrives(s[1], out, at));
}

/* While no send waits nobody is told of acknowledgements (sani_tcp_owner.tell_acks): from the post on somebody is. */
static void
is_told_when_acknowledged_after_others_that_were_not(void)
{
	struct san_overlapped *op = duo_op(), *large = duo_op();
	san_handle s[2];

	begin(s);
	for (unsigned int i = 0; i < 3; i++) {
		duo_must(say(s[0], out, 100, 0) == 100);
		duo_pass(500 * MS);
	}
	duo_must(san_send(s[0], op, out, 100, SAN_ACKED) == 0);
	duo_pass(500 * MS);
	duo_must(duo_result(op) == 100);
	/* the same of one that waits for room */
	duo_must(san_set_option(s[0], SAN_OPT_SNDBUF, 4096) == 0);
	duo_must(say(s[0], out, 100, 0) == 100);
	duo_pass(500 * MS);
	duo_must(san_send(s[0], large, out, 3 * 4096, 0) == 0);
	duo_pass(500 * MS);
	duo_must(duo_result(large) == 3 * 4096);
}

/* Of an array of buffers, and of lent memory, which is out until it is acknowledged. */
static void
goes_behind_what_is_under_way(void)
{
	struct san_overlapped *lent = duo_op(), *op = duo_op();
	struct san_mem_vec vec = { .base = out, .len = 1000, .mem = SAN_NO_MEM };
	san_handle s[2];

	begin(s);
	duo_let_lend(0);
	duo_must(san_mem_register(out, sizeof(out), SAN_MEM_READ, &vec.mem) == 0);
	duo_must(san_send_mem(s[0], lent, &vec, 1, 0) == 0);
	duo_must(san_send(s[0], op, out + 1000, 100, 0) == 0);
	duo_go();
	duo_must(duo_result(lent) == 1000 && duo_result(op) == 100);
	duo_must(duo_of(lent) < duo_of(op));
	duo_must(arrives(s[1], out, 1100));
	duo_must(say(s[0], out, 50, 0) == 50);
	duo_must(arrives(s[1], out, 50));
	duo_must(san_mem_deregister(vec.mem) == 0);
}

/* A lent one is over when no packet refers to it any more, whatever was acknowledged; what follows, after it. */
static void
goes_behind_what_a_packet_refers_to(void)
{
	struct san_overlapped *lent = duo_op(), *op = duo_op();
	struct san_mem_vec vec = { .base = out, .len = 1000, .mem = SAN_NO_MEM };
	san_handle s[2];

	begin(s);
	duo_let_lend(0);
	duo.card = DUO_CARD_KEEPS;
	duo_must(san_mem_register(out, sizeof(out), SAN_MEM_READ, &vec.mem) == 0);
	duo_must(san_send_mem(s[0], lent, &vec, 1, 0) == 0);
	duo_card_go(true);
	duo_must(duo_card_holds() > 0 && duo_result(lent) == INT32_MIN);
	duo_must(arrives(s[1], out, 1000));
	duo_must(san_send(s[0], op, out + 1000, 100, 0) == 0);
	duo_card_go(true);
	duo_must(duo_result(lent) == INT32_MIN && duo_result(op) == INT32_MIN);
	duo.card = DUO_CARD_NONE;
	duo_card_let_go();
	duo_go();
	duo_must(duo_result(lent) == 1000 && duo_result(op) == 100);
	duo_must(duo_of(lent) < duo_of(op));
	duo_must(arrives(s[1], out + 1000, 100));
	duo_must(san_mem_deregister(vec.mem) == 0);
}

/* A post that may have no place is refused; one that needs none is not. */
static void
asks_for_a_place(void)
{
	struct san_overlapped *polled = duo_op(), *op = duo_op();
	san_handle s[2];

	begin(s);
	for (unsigned int i = 0; i < 8; i++)
		duo_must(san_recv(s[0], duo_op(), in, 1, 0) == 0);
	duo_must(san_send(s[0], op, out, 100, 0) == -EAGAIN);
	duo_must(outcome(san_send(s[0], polled, out, 100, SAN_POLLED), polled) == 100);
	duo_must(arrives(s[1], out, 100));
	duo_must(san_send(s[1], duo_op(), out, 8, SAN_POLLED) >= 0);
	duo_go();
	duo_must(outcome(san_send(s[0], op, out, 100, 0), op) == 100);
}

static void
asks_for_a_place_on_core(void **state)
{
	(void)state;
	duo_run(asks_for_a_place, DUO_ON_CORE, 1, 8);
}

static void
refuses_what_cannot_be(void)
{
	struct san_overlapped *op = duo_op(), *posted = duo_op();
	san_handle s[2];

	begin(s);
	duo_must(san_send(s[0], NULL, out, 1, 0) == -EINVAL);
	duo_must(san_send(s[0], op, NULL, 1, 0) == -EINVAL);
	duo_must(san_send(s[0], op, out, 0, 0) == -EINVAL);
	duo_must(san_send(s[0], op, out, (size_t)SAN_IO_MAX + 1, 0) == -EINVAL);
	duo_must(san_send(s[0], op, out, (size_t)1 << 32 | 1, 0) == -EINVAL);
	duo_must(san_send(s[0], op, out, 1, SAN_WAITALL) == -EINVAL);
	duo_must(san_send(s[0], op, out, 1, 1u << 16) == -EINVAL);
	duo_must(san_send(SAN_NO_HANDLE, op, out, 1, 0) == -ENOTSOCK);
	duo_must(san_send(s[0] ^ 1, op, out, 1, 0) == -ENOTSOCK);
	duo_must(san_send(s[0] | (uint64_t)0xffffff << 32, op, out, 1, 0) == -ENOTSOCK);
	/* an operation that is posted already, which goes on */
	duo_must(san_recv(s[0], posted, in, 1, 0) == 0);
	duo_must(san_send(s[0], posted, out, 1, 0) == -EINVAL);
	duo_must(say(s[1], out, 1, 0) == 1);
	duo_go();
	duo_must(duo_count(posted) == 1 && duo_result(posted) == 1 && in[0] == out[0]);
	duo_end(s[0]);
	duo_must(san_send(s[0], op, out, 1, 0) == -ENOTSOCK);
}

/* Before the connection, behind the peer's FIN, behind our own, behind a reset. */
static void
answers_by_what_the_socket_is(void)
{
	struct san_overlapped *end = duo_op();
	san_handle s[2];

	begin(s);
	duo_must(say(duo_socket(0), out, 1, 0) == -ENOTCONN);
	duo_must(san_shutdown(s[1], end, 0) == 0);
	duo_go();
	duo_must(duo_result(end) == 0);
	duo_must(say(s[0], out, 100, 0) == 100);
	duo_must(arrives(s[1], out, 100));
	duo_must(say(s[1], out, 1, 0) == -EPIPE);
	duo_end(s[1]);
	duo_must(say(s[0], out, 1, 0) == -ECONNRESET);
}

/* One that closes is no one's any more, while the close still waits. */
static void
closing_socket_takes_nothing(void)
{
	san_handle s[2];

	begin(s);
	duo_must(san_close(s[0], 0) == 0);
	duo_must(san_send(s[0], duo_op(), out, 1, 0) == -ENOTSOCK);
	duo_go();
}

/* A shutdown keeps sends out as soon as it is posted; cancelled before its turn it does so no more. */
static void
shutdown_keeps_sends_out_until_it_is_cancelled(void)
{
	struct san_overlapped *op = duo_op(), *end = duo_op();
	san_handle s[2];

	begin(s);
	duo_must(san_set_option(s[0], SAN_OPT_SNDBUF, 4096) == 0);
	duo_must(san_send(s[0], op, out, 10000, 0) == 0);
	duo_must(san_shutdown(s[0], end, 0) == 0);
	duo_must(say(s[0], out, 1, 0) == -EPIPE);
	duo_must(san_cancel(s[0], end->id) == 0 && san_cancel(s[0], op->id) == 0);
	duo_pass(500 * MS);
	duo_must(duo_result(op) == -ECANCELED && duo_result(end) == -ECANCELED);
	duo_must(duo_state(s[0]) == SAN_TCP_ESTABLISHED);
	duo_must(say(s[0], out, 1, 0) == 1);
	duo_must(san_shutdown(s[0], end, 0) == 0);
	duo_must(say(s[0], out, 1, 0) == -EPIPE);
	duo_go();
	duo_must(duo_result(end) == 0 && say(s[0], out, 1, 0) == -EPIPE);
}

/* The connection has the FIN, which is not acknowledged: it goes without its operation, too. */
static void
shutdown_cancelled_behind_its_fin_keeps_sends_out(void)
{
	struct san_overlapped *end = duo_op();
	san_handle s[2];

	begin(s);
	duo.mute[1] = true;
	duo_must(san_shutdown(s[0], end, 0) == 0);
	duo_go();
	duo_must(san_cancel(s[0], end->id) == 0);
	duo_go();
	duo_must(duo_result(end) == -ECANCELED && duo_state(s[0]) == SAN_TCP_FIN_WAIT_1);
	duo_must(say(s[0], out, 1, 0) == -EPIPE);
	duo.mute[1] = false;
	duo_pass(3000 * MS);
	duo_must(duo_state(s[0]) == SAN_TCP_FIN_WAIT_2);
	duo_must(say(s[0], out, 1, 0) == -EPIPE);
}

/* A graceful disconnect has the FIN go, like a shutdown. */
static void
disconnect_keeps_sends_out(void)
{
	struct san_overlapped *end = duo_op();
	san_handle s[2];

	begin(s);
	duo_must(san_disconnect(s[0], end, 0) == 0);
	duo_must(say(s[0], out, 1, 0) == -EPIPE);
	duo_go();
	duo_must(san_cancel(s[0], end->id) == 0);
	duo_go();
	duo_must(duo_result(end) == -ECANCELED);
	duo_must(say(s[0], out, 1, 0) == -EPIPE);
}

/* A deadline is nothing to what is over before. */
static void
deadline_does_not_come_behind_it(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s[2];

	begin(s);
	op->timeout_us = 10 * MS;
	duo_must(outcome(san_send(s[0], op, out, 100, 0), op) == 100);
	duo_pass(100 * MS);
	duo_must(duo_count(op) <= 1 && op->result == 100);
	duo_must(arrives(s[1], out, 100));
}

/* What was sent with SAN_MORE has gone, as it filled a segment; what follows says that no more comes. */
static void
ends_what_more_has_begun(void)
{
	uint64_t before;
	san_handle s[2];

	begin(s);
	duo_must(say(s[0], out, FULL, SAN_MORE) == (int32_t)FULL);
	duo_go();
	before = vhost_count(&duo.h[0], SANI_CTR_tcp_tx);
	duo_must(say(s[0], out + FULL, 10, 0) == 10);
	duo_go();
	duo_must(vhost_count(&duo.h[0], SANI_CTR_tcp_tx) == before + 1);
	duo_must(arrives(s[1], out, FULL + 10));
}

/* More than the connection takes: the rest goes as it is acknowledged. */
static void
long_one_waits_for_room(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s[2];

	begin(s);
	duo_must(san_set_option(s[0], SAN_OPT_SNDBUF, 4096) == 0);
	duo_must(san_send(s[0], op, out, 10000, 0) == 0);
	duo_must(san_send(s[0], duo_op(), out + 10000, 10, 0) == 0);
	duo_pass(2000 * MS);
	duo_must(duo_result(op) == 10000);
	duo_must(arrives(s[1], out, 10010));
}

/* RFC 1122 4.2.3.4: the second of two small ones waits until the first is acknowledged. */
static void
small_ones_wait_for_each_other(void)
{
	san_handle s[2];
	uint64_t before;

	begin(s);
	duo_must(san_set_option(s[0], SAN_OPT_NODELAY, 0) == 0);
	before = vhost_count(&duo.h[0], SANI_CTR_tcp_tx);
	duo_must(san_send(s[0], duo_op(), out, 10, 0) == 1);
	vhost_round(&duo.h[0]);
	duo_must(san_send(s[0], duo_op(), out + 10, 10, 0) == 1);
	vhost_round(&duo.h[0]);
	duo_must(vhost_count(&duo.h[0], SANI_CTR_tcp_tx) == before + 1);
	duo_pass(500 * MS);
	duo_must(arrives(s[1], out, 20));
}

/* Its connection has no block. */
static void
wakes_a_parked_connection(void)
{
	struct sani_core_priv *p = duo.h[0].below->cores[0]->priv;
	san_handle s[2];

	p->keep_blocks = 0;
	p->park_quiet_most_us = 0;
	begin(s);
	duo_must(say(s[0], out, 100, 0) == 100);
	duo_must(arrives(s[1], out, 100));
	duo_pass(500 * MS);
	duo_must(p->nb_blocks == 0 && vhost_count(&duo.h[0], SANI_CTR_core_parked) > 0);
	duo_must(say(s[0], out + 100, 100, 0) == 100);
	duo_must(arrives(s[1], out + 100, 100));
}

/* A core that its thread has armed has something to do then. */
static void
is_seen_by_an_armed_core(void)
{
	struct pollfd fd = { .events = POLLIN };
	san_handle s[2];

	begin(s);
	fd.fd = san_core_fd(duo.h[0].core[0]);
	duo_must(fd.fd >= 0);
	duo_must(san_core_arm(duo.h[0].core[0]) == 0);
	duo_must(san_send(s[0], duo_op(), out, 100, 0) == 1);
	duo_must(poll(&fd, 1, 0) == 1);
	duo_must(arrives(s[1], out, 100));
	duo_must(san_send(s[0], duo_op(), out, 100, 0) == 1);
	duo_must(san_core_arm(duo.h[0].core[0]) == 1);
	duo_must(arrives(s[1], out, 100));
}

static _Atomic san_handle others;
static atomic_bool seen;

/* Another thread's connection, which lasts until the poller has tried it. */
static void *
own_one(void *arg)
{
	struct san_addr to = vhost_addr("10.7.0.2/24", 81);
	struct san_completion comp;
	struct san_overlapped op = { .user = 0 };
	struct san_cq *cq = NULL;
	san_handle s = SAN_NO_HANDLE;

	duo_must(san_attach() == 0 && san_cq_create(8, &cq) == 0);
	while (san_socket(duo.h[0].core[0], cq, &s) == -EAGAIN)
		;
	duo_must(san_connect(s, &op, &to, 0) == 0);
	while (san_cq_poll(cq, &comp, 1) == 0)
		sched_yield();
	duo_must(comp.result == 0);
	atomic_store(&others, s);
	while (!atomic_load(&seen))
		sched_yield();
	duo_must(san_close(s, 0) == 0);
	while (san_cq_poll(cq, &comp, 1) == 0)
		sched_yield();
	duo_must(san_cq_destroy(cq) == 0 && san_detach() == 0);
	atomic_store(&others, SAN_NO_HANDLE);
	return arg;
}

static void
socket_of_another_thread_is_not_the_pollers(void)
{
	struct san_overlapped *accept = duo_op();
	pthread_t thread;

	atomic_store(&others, SAN_NO_HANDLE);
	atomic_store(&seen, false);
	duo_must(san_accept(duo_listener(1, 81, 4), accept, 0) == 0);
	duo_must(pthread_create(&thread, NULL, own_one, NULL) == 0);
	while (atomic_load(&others) == SAN_NO_HANDLE) {
		duo_go();
		sched_yield();
	}
	duo_must(san_send(atomic_load(&others), duo_op(), out, 1, 0) == -EPERM);
	atomic_store(&seen, true);
	while (atomic_load(&others) != SAN_NO_HANDLE) {
		duo_go();
		sched_yield();
	}
	pthread_join(thread, NULL);
}

static san_handle to_close;
static atomic_bool asked, gone;

static void *
close_it(void *arg)
{
	duo_must(san_attach() == 0);
	duo_must(san_close(to_close, 0) == 0);
	atomic_store(&asked, true);
	while (san_detach() != 0)
		sched_yield();
	atomic_store(&gone, true);
	return arg;
}

/* The core has not been told yet. */
static void
socket_that_another_thread_closes_takes_nothing(void)
{
	pthread_t thread;
	san_handle s[2];

	begin(s);
	to_close = s[0];
	atomic_store(&asked, false);
	atomic_store(&gone, false);
	duo_must(pthread_create(&thread, NULL, close_it, NULL) == 0);
	while (!atomic_load(&asked))
		sched_yield();
	duo_must(san_send(s[0], duo_op(), out, 1, 0) == -ENOTSOCK);
	while (!atomic_load(&gone)) {
		duo_go();
		sched_yield();
	}
	pthread_join(thread, NULL);
	duo_go();
	duo_must(duo_closed(s[0]));
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_over_on_its_core),
		cmocka_unit_test(asks_for_a_place_on_core),
		DUO_CASES(stream_keeps_its_order),
		DUO_CASES(is_told_when_acknowledged_after_others_that_were_not),
		DUO_CASES(goes_behind_what_is_under_way),
		DUO_CASE_HERE(goes_behind_what_a_packet_refers_to),
		DUO_CASES(refuses_what_cannot_be),
		DUO_CASES(answers_by_what_the_socket_is),
		DUO_CASES(closing_socket_takes_nothing),
		DUO_CASE_HERE(shutdown_keeps_sends_out_until_it_is_cancelled),
		DUO_CASES(shutdown_cancelled_behind_its_fin_keeps_sends_out),
		DUO_CASES(disconnect_keeps_sends_out),
		DUO_CASES(deadline_does_not_come_behind_it),
		DUO_CASES(ends_what_more_has_begun),
		DUO_CASE_HERE(long_one_waits_for_room),
		DUO_CASE_HERE(small_ones_wait_for_each_other),
		DUO_CASE_HERE(wakes_a_parked_connection),
		DUO_CASE_HERE(is_seen_by_an_armed_core),
		DUO_CASE_HERE(socket_of_another_thread_is_not_the_pollers),
		DUO_CASE_HERE(socket_that_another_thread_closes_takes_nothing),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("send", tests, NULL, NULL);
}
