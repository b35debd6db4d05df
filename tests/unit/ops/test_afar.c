/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receives from another thread, plain ones above all: whether they are over at once or not, one by one or several in a
 * row, what the program sees is the same as on the owning core.
 */
#include "duo.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "sock/priv.h"

#define DEPTH 8u
#define MS 1000u
#define WAITS INT32_MIN

static uint8_t out[256];
static uint8_t in[256];

static void
pair(san_handle s[2])
{
	duo_fill(out, sizeof(out));
	memset(in, 0, sizeof(in));
	duo_pair(s);
	duo_pass(500 * MS);
}

/* They lie at s[0]. */
static void
send_bytes(san_handle s[2], uint32_t from, uint32_t len)
{
	struct san_overlapped op = { 0 };

	duo_must(san_send(s[1], &op, out + from, len, SAN_POLLED) >= 0);
	duo_go();
	duo_must(san_op_status(&op) == (int)len);
}

/* Posted, carried out, reaped. */
static int32_t
receive(san_handle sock, struct san_overlapped *op, uint32_t at, uint32_t len, unsigned int flags)
{
	int rc = san_recv(sock, op, in + at, len, flags);

	if (rc < 0)
		return rc;
	duo_go();
	return duo_result(op);
}

/* As san_cq_poll() gives it back: the caller's, with its result in it. */
static void
must_be_back(const struct san_overlapped *op, int32_t result)
{
	duo_must(sani_op_state(op) == SANI_OP_FREE);
	duo_must(op->result == result && op->done == (uint32_t)(result > 0 ? result : 0));
}

static void
what_is_there_ends_it(void)
{
	struct san_overlapped *op = duo_op();
	const struct san_completion *c;
	san_handle s[2];

	pair(s);
	op->user = 77;
	op->done = 1000;
	send_bytes(s, 0, 30);
	duo_must(receive(s[0], op, 0, 20, 0) == 20);
	c = duo_of(op);
	duo_must(c != NULL && c->user == 77 && c->sock == s[0] && c->kind == SAN_OP_RECV && c->flags == 0 &&
		 c->value == 0);
	must_be_back(op, 20);
	/* what is left is less than what is asked for */
	duo_must(receive(s[0], op, 20, 100, 0) == 10);
	must_be_back(op, 10);
	duo_must(memcmp(in, out, 30) == 0);
	duo_must(duo_count(op) == 2);
}

static void
all_is_waited_for(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s[2];

	pair(s);
	send_bytes(s, 0, 30);
	duo_must(receive(s[0], op, 0, 40, SAN_WAITALL) == WAITS);
	send_bytes(s, 30, 10);
	duo_must(duo_result(op) == 40 && memcmp(in, out, 40) == 0);
	must_be_back(op, 40);
	send_bytes(s, 40, 10);
	duo_must(receive(s[0], op, 40, 10, SAN_WAITALL) == 10);
	duo_must(memcmp(in, out, 50) == 0);
}

/* The first ends at once, the next wait, those behind them too, and the next is over at once again. */
static void
they_end_in_their_order(void)
{
	struct san_overlapped *op[5];
	san_handle s[2];

	pair(s);
	send_bytes(s, 0, 10);
	for (unsigned int i = 0; i < 4; i++) {
		op[i] = duo_op();
		duo_must(san_recv(s[0], op[i], in + i * 10, 10, SAN_WAITALL) == 0);
	}
	duo_go();
	duo_must(duo_result(op[0]) == 10);
	send_bytes(s, 10, 15);
	duo_must(duo_result(op[1]) == 10 && duo_result(op[2]) == WAITS && duo_result(op[3]) == WAITS);
	/* what is there is the third's, though a fourth would have enough of it */
	op[4] = duo_op();
	duo_must(receive(s[0], op[4], 40, 5, 0) == WAITS);
	send_bytes(s, 25, 30);
	for (unsigned int i = 1; i < 5; i++)
		duo_must(duo_result(op[i]) == (i < 4 ? 10 : 5));
	duo_must(memcmp(in, out, 45) == 0);
	for (unsigned int i = 1; i < 5; i++)
		duo_must(duo_of(op[i - 1]) < duo_of(op[i]));
	duo_must(receive(s[0], op[0], 45, 10, SAN_WAITALL) == 10);
	duo_must(memcmp(in, out, 55) == 0);
}

/* A repeating one without room is before it, however many bytes there are. */
static void
one_behind_another_leaves_the_bytes_to_it(void)
{
	struct san_overlapped *first = duo_op(), *op = duo_op();
	struct san_pieces pieces = { .mem = in, .size = 10, .nb = 1 };
	san_handle s[2];

	pair(s);
	duo_must(san_recv_repeat(s[0], first, &pieces, 0) == 0);
	send_bytes(s, 0, 10);
	send_bytes(s, 10, 20);
	duo_must(duo_count(first) == 1);
	duo_must(receive(s[0], op, 100, 10, 0) == WAITS);
	duo_must(san_cancel(s[0], first->id) == 0);
	duo_go();
	duo_must(duo_result(first) == -ECANCELED);
	duo_must(duo_result(op) == 10 && memcmp(in + 100, out + 10, 10) == 0);
}

static void
a_polled_one_has_its_result_in_the_structure(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s[2];

	pair(s);
	send_bytes(s, 0, 10);
	duo_must(receive(s[0], op, 0, 10, SAN_POLLED) == 10);
	duo_must(duo_count(op) == 0 && memcmp(in, out, 10) == 0);
}

static struct san_request
request(san_handle sock, struct san_overlapped *op, uint32_t at, uint32_t len, uint16_t flags)
{
	return (struct san_request){ .sock = sock, .op = op, .buf = in + at, .len = len, .flags = flags,
				     .kind = SAN_OP_RECV, .answer = 1234 };
}

/* The queue has DEPTH of them, and many times that come and go, one by one and together. */
static void
each_gives_its_place_back(void)
{
	struct san_overlapped *op[DEPTH + 1];
	struct san_request r[DEPTH + 1];
	san_handle s[2];

	pair(s);
	for (unsigned int i = 0; i <= DEPTH; i++)
		op[i] = duo_op();
	for (unsigned int turn = 0; turn < 10; turn++) {
		send_bytes(s, turn * DEPTH, DEPTH);
		for (unsigned int i = 0; i < DEPTH + 1; i++)
			r[i] = request(s[0], op[i], i, 1, 0);
		for (unsigned int i = 0; i < DEPTH && turn % 2 == 0; i++)
			duo_must(san_recv(s[0], op[i], in + i, 1, 0) == 0);
		duo_must(turn % 2 == 0 || san_post(r, DEPTH + 1) == (int)DEPTH);
		duo_must(san_recv(s[0], op[DEPTH], in, 1, 0) == -EAGAIN);
		duo_go();
		for (unsigned int i = 0; i < DEPTH; i++) {
			duo_must(duo_count(op[i]) == 1);
			must_be_back(op[i], 1);
		}
		duo_must(memcmp(in, out + turn * DEPTH, DEPTH) == 0);
		duo.nb = 0;
	}
	/* Nothing of the socket is posted and not reaped: it may be moved (O12). */
	duo_must(san_move(s[0], duo.cq) == 0);
}

static void
what_ended_the_connection_ends_it(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s[2], fresh = duo_socket(0);

	duo_must(receive(fresh, op, 0, 10, 0) == -ENOTCONN);
	pair(s);
	send_bytes(s, 0, 5);
	duo_must(san_shutdown(s[1], duo_op(), 0) == 0);
	duo_go();
	duo_must(receive(s[0], op, 0, 10, 0) == 5);
	duo_must(receive(s[0], op, 0, 10, 0) == 0);
	duo_must(receive(s[0], op, 0, 10, SAN_WAITALL) == 0);
	pair(s);
	duo_end(s[1]);
	duo_must(receive(s[0], op, 0, 10, 0) == -ECONNRESET);
}

static void
urgent_data_is_told(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s[2];

	pair(s);
	duo_must(san_send(s[1], duo_op(), out, 10, SAN_URGENT) >= 0);
	duo_go();
	duo_must(receive(s[0], op, 0, 10, 0) > 0);
	duo_must(duo_of(op)->flags & SAN_URGENT);
}

/* In one call: sockets in turn, kinds in turn, one with a deadline and a polled one between plain ones. */
static void
a_row_is_what_its_posts_are_one_by_one(void)
{
	struct san_overlapped *op[6], *send = duo_op();
	struct san_request r[7];
	san_handle a[2], b[2];

	pair(a);
	pair(b);
	send_bytes(a, 0, 4);
	for (unsigned int i = 0; i < 6; i++)
		op[i] = duo_op();
	op[2]->timeout_us = 50 * MS;
	r[0] = request(a[0], op[0], 0, 2, 0);
	r[1] = request(a[0], op[1], 2, 2, SAN_WAITALL);
	r[2] = request(a[0], op[2], 10, 2, 0);
	r[3] = request(b[0], op[3], 20, 6, SAN_WAITALL);
	r[4] = request(a[0], op[4], 30, 2, SAN_POLLED);
	r[5] = request(b[0], op[5], 40, 2, 0);
	r[6] = (struct san_request){ .sock = b[0], .op = send, .buf = out, .len = 9, .kind = SAN_OP_SEND };
	duo_must(san_post(r, 7) == 7);
	duo_go();
	duo_must(duo_result(op[0]) == 2 && duo_result(op[1]) == 2 && memcmp(in, out, 4) == 0);
	duo_must(duo_result(op[2]) == WAITS && duo_result(op[3]) == WAITS && duo_result(op[4]) == WAITS);
	duo_must(receive(b[1], duo_op(), 50, 9, SAN_WAITALL) == 9 && memcmp(in + 50, out, 9) == 0);
	duo_pass(60 * MS);
	duo_must(duo_result(op[2]) == -ETIMEDOUT && duo_result(op[4]) == WAITS);
	send_bytes(a, 4, 2);
	duo_must(duo_result(op[4]) == 2 && duo_count(op[4]) == 0);
	send_bytes(b, 0, 8);
	duo_must(duo_result(op[3]) == 6 && duo_result(op[5]) == 2 && memcmp(in + 20, out, 6) == 0);
}

/* What the call finds out about the second is not what it knows of the first. */
static void
a_row_ends_at_what_is_not_allowed(void)
{
	struct san_overlapped *op = duo_op(), *other = duo_op();
	struct san_request r[3];
	san_handle s[2];

	pair(s);
	r[0] = request(s[0], op, 0, 2, 0);
	r[1] = request(s[0], op, 0, 2, 0);
	r[2] = request(s[0], other, 0, 2, 0);
	duo_must(san_post(r, 3) == 1 && r[1].answer == -EINVAL && r[2].answer == 1234);
	duo_must(san_cancel(s[0], op->id) == 0);
	duo_go();
	duo_must(duo_result(op) == -ECANCELED && duo_count(other) == 0);
	/* a handle of the same slot that is not the socket's */
	r[1] = request(s[0] + 1, other, 0, 2, 0);
	duo_must(san_post(r, 2) == 1 && r[1].answer == -ENOTSOCK);
}

/* Each is over when the core has it; behind one that waits they wait, and a shutdown takes none in. */
static void
sends_end_in_their_order(void)
{
	struct san_overlapped *op[4], *end = duo_op();
	static uint8_t big[65536];
	san_handle s[2];

	pair(s);
	for (unsigned int i = 0; i < 4; i++)
		op[i] = duo_op();
	duo_must(san_send(s[0], op[0], out, 10, 0) >= 0 && san_send(s[0], op[1], out + 10, 20, 0) >= 0);
	duo_go();
	must_be_back(op[0], 10);
	must_be_back(op[1], 20);
	duo_must(duo_count(op[0]) <= 1 && duo_count(op[1]) == duo_count(op[0]));
	duo_must(receive(s[1], duo_op(), 0, 30, SAN_WAITALL) == 30 && memcmp(in, out, 30) == 0);
	duo_must(san_set_option(s[0], SAN_OPT_SNDBUF, 4096) == 0);
	/* more than is held while nothing is acknowledged */
	duo.mute[1] = true;
	duo_must(san_send(s[0], op[2], big, sizeof(big), 0) == 0);
	duo_must(san_send(s[0], op[3], out, 1, 0) == 0);
	duo_go();
	duo_must(duo_result(op[2]) == WAITS && duo_result(op[3]) == WAITS);
	duo.mute[1] = false;
	duo_must(san_recv(s[1], duo_op(), big, sizeof(big), SAN_WAITALL) == 0);
	duo_pass(3000 * MS);
	duo_must(duo_result(op[2]) == (int32_t)sizeof(big));
	must_be_back(op[3], 1);
	duo_must(duo_count(op[3]) == 1 && duo_of(op[2]) < duo_of(op[3]));
	duo_must(san_shutdown(s[0], end, 0) == 0);
	duo_must(san_send(s[0], op[0], out, 10, 0) == -EPIPE ||
		 (duo_go(), duo_of(op[0])->result == -EPIPE || op[0]->result == -EPIPE));
}

/* The way of the post before is not that of a queue that is gone, nor of another one. */
static void
each_queue_has_its_own_completions(void)
{
	struct san_overlapped *op = duo_op();
	struct san_completion comp[2];
	struct san_cq *other;
	san_handle s[2];

	pair(s);
	for (unsigned int turn = 0; turn < 3; turn++) {
		send_bytes(s, 2 * turn, 2);
		duo_must(receive(s[0], op, 0, 1, 0) == 1);
		duo_must(san_cq_create(DEPTH, &other) == 0 && san_move(s[0], other) == 0);
		duo_must(san_recv(s[0], op, in + 1, 1, 0) == 0);
		duo_go();
		duo_must(san_cq_poll(other, comp, 2) == 1 && comp[0].op == op && comp[0].result == 1);
		duo_must(memcmp(in, out + 2 * turn, 2) == 0);
		duo_must(san_move(s[0], duo.cq) == 0 && san_cq_destroy(other) == 0);
		duo.nb = 0;
	}
}

/* Of a thread that is gone before the core has looked: told to nobody, and its socket closes (O16). */
static struct san_overlapped *gone[2];

static void
look_at_gone(void)
{
	for (unsigned int i = 0; i < 2; i++)
		duo_must(duo_count(gone[i]) == 0);
	duo_must(duo.h[0].core[0]->nb_open == 0);
}

static void
those_of_a_thread_that_is_gone_hold_nothing(void)
{
	san_handle s[2];

	pair(s);
	send_bytes(s, 0, 4);
	duo.frozen = true;
	duo_settle();	/* no round goes on any more */
	for (unsigned int i = 0; i < 2; i++) {
		gone[i] = duo_op();
		duo_must(san_recv(s[0], gone[i], in, 4, 0) == 0);
	}
	duo.leave = true;
	duo.after = look_at_gone;
}

/* Posted by another thread, met behind the close by the poller. */
static atomic_bool between, posted;
static san_handle closed;
static struct san_overlapped late[3];

static void *
post_late(void *arg)
{
	struct san_completion comp[4];
	struct san_cq *cq;
	unsigned int n = 0;

	duo_must(san_attach() == 0 && san_cq_create(DEPTH, &cq) == 0);
	while (san_socket(duo.h[0].core[0], cq, &closed) == -EAGAIN)
		;
	while (!atomic_load(&between))
		sched_yield();
	for (unsigned int i = 0; i < RTE_DIM(late); i++)
		duo_must(san_recv(closed, &late[i], in, 1, 0) == 0);
	atomic_store(&posted, true);
	while (n < RTE_DIM(late) + 1)
		n += (unsigned int)san_cq_poll(cq, comp + n, RTE_DIM(comp) - n);
	for (unsigned int i = 0; i < RTE_DIM(late); i++) {
		duo_must(comp[i].op == &late[i] && comp[i].result == -ECANCELED);
		must_be_back(&late[i], -ECANCELED);
	}
	duo_must(comp[RTE_DIM(late)].kind == SAN_OP_CLOSE);
	duo_must(san_cq_destroy(cq) == 0 && san_detach() == 0);
	return arg;
}

/* Between two rounds, so that the core has not seen the posts: they find the socket closing. */
static void
those_behind_a_close_are_cancelled(void)
{
	uint64_t stale = vhost_count(&duo.h[0], SANI_CTR_sock_stale_posts);
	pthread_t t;

	memset(late, 0, sizeof(late));
	atomic_store(&between, false);
	atomic_store(&posted, false);
	duo_must(pthread_create(&t, NULL, post_late, NULL) == 0);
	/* The socket is made in a round; after that there is none until the posts are there. */
	while (duo.h[0].core[0]->nb_open == 0)
		duo_settle();
	atomic_store(&between, true);
	while (!atomic_load(&posted))
		sched_yield();
	duo_must(san_close(closed, 1) == 0);
	duo_settle();
	pthread_join(t, NULL);
	duo_must(vhost_count(&duo.h[0], SANI_CTR_sock_stale_posts) == stale + RTE_DIM(late));
}

#define CASE(f) \
	{ #f "__on_core", on_core, NULL, NULL, (void *)(uintptr_t)(f) }, \
	{ #f "__off_core", off_core, NULL, NULL, (void *)(uintptr_t)(f) }

static void
on_core(void **state)
{
	duo_run((void (*)(void))(uintptr_t)*state, DUO_ON_CORE, 1, DEPTH);
}

static void
off_core(void **state)
{
	duo_run((void (*)(void))(uintptr_t)*state, DUO_OFF_CORE, 1, DEPTH);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(what_is_there_ends_it),
		CASE(all_is_waited_for),
		CASE(they_end_in_their_order),
		CASE(one_behind_another_leaves_the_bytes_to_it),
		CASE(a_polled_one_has_its_result_in_the_structure),
		{ "each_gives_its_place_back__off_core", off_core, NULL, NULL,
		  (void *)(uintptr_t)each_gives_its_place_back },
		{ "what_ended_the_connection_ends_it__off_core", off_core, NULL, NULL,
		  (void *)(uintptr_t)what_ended_the_connection_ends_it },
		CASE(urgent_data_is_told),
		CASE(a_row_is_what_its_posts_are_one_by_one),
		CASE(a_row_ends_at_what_is_not_allowed),
		CASE(sends_end_in_their_order),
		CASE(each_queue_has_its_own_completions),
		{ "those_of_a_thread_that_is_gone_hold_nothing__off_core", off_core, NULL, NULL,
		  (void *)(uintptr_t)those_of_a_thread_that_is_gone_hold_nothing },
		DUO_CASE_HERE(those_behind_a_close_are_cancelled),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("afar", tests, NULL, NULL);
}
