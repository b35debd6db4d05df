/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls of threads that do not poll the socket's core: answers there, up-calls on the core's thread.
 */
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "ports/worker.h"
#include "sw.h"

#define NB 64

static struct worker wk;
static pthread_t poller;

/* A worker never asserts: it notes. */
#define CHECK(expr) do { \
	if (!WORKER_CHECK(w, expr)) \
		return; \
} while (0)

/*
 * The answer of a call that the core carries out: WSAENETDOWN after a second without one, and nothing has happened.
 * When the poller did not get the processor for so long the call is made again.
 */
#define ANSWERED(call) ({ \
	uint64_t end_ms_ = net_now_ms() + NET_PATIENCE_MS; \
	int code_; \
	do \
		code_ = (call); \
	while (code_ == WSAENETDOWN && net_now_ms() < end_ms_); \
	code_; \
})

/* Run it while this thread polls both hosts. */
static void
with_worker(void (*run)(struct worker *))
{
	poller = pthread_self();
	worker_start(&wk, &sw.net, run, NULL);
	worker_end(&wk);
}

static bool
wait_for(struct worker *w, const volatile bool *what)
{
	WORKER_UNTIL(w, __atomic_load_n(what, __ATOMIC_ACQUIRE));
	return *what;
}

static bool
wait_end(struct worker *w, const struct sw_op *op)
{
	WORKER_UNTIL(w, !__atomic_load_n(&op->pending, __ATOMIC_ACQUIRE));
	return !op->pending;
}

static int CALLBACK
decide_condition(LPWSABUF caller, LPWSABUF caller_data, LPQOS sqos, LPQOS gqos, LPWSABUF callee,
		 LPWSABUF callee_data, GROUP *g, DWORD_PTR arg)
{
	(void)caller, (void)caller_data, (void)sqos, (void)gqos, (void)callee, (void)callee_data, (void)g;
	*(pthread_t *)arg = pthread_self();
	return CF_ACCEPT;
}

/* A connected pair made by a worker, in whose thread the condition is asked. */
static bool
pair_by(struct worker *w, uint16_t port, struct sw_sock **c, struct sw_sock **got)
{
	struct sockaddr_in here = sw_addr(1, port), from = sw_addr(0, (uint16_t)(port + 5000));
	WSANETWORKEVENTS events;
	struct sw_sock *listener;
	pthread_t asked = poller;

	if (!WORKER_CHECK(w, ANSWERED(sw_socket(&listener)) == 0) ||
	    !WORKER_CHECK(w, ANSWERED(sw_bind(listener, &here)) == 0) ||
	    !WORKER_CHECK(w, ANSWERED(sw_listen(listener, 5)) == 0) ||
	    !WORKER_CHECK(w, ANSWERED(sw_select(listener, FD_ACCEPT)) == 0) ||
	    !WORKER_CHECK(w, ANSWERED(sw_socket(c)) == 0) || !WORKER_CHECK(w, ANSWERED(sw_bind(*c, &from)) == 0) ||
	    !WORKER_CHECK(w, ANSWERED(sw_select(*c, FD_CONNECT)) == 0) ||
	    !WORKER_CHECK(w, ANSWERED(sw_connect(*c, &here)) == WSAEWOULDBLOCK))
		return false;
	if (!wait_for(w, &listener->ev.set) || !WORKER_CHECK(w, ANSWERED(sw_enum(listener, &events)) == 0) ||
	    !WORKER_CHECK(w, events.lNetworkEvents == FD_ACCEPT) ||
	    !WORKER_CHECK(w, ANSWERED(sw_accept(listener, decide_condition, &asked, got)) == 0) ||
	    !WORKER_CHECK(w, pthread_equal(asked, pthread_self())))
		return false;
	if (!wait_for(w, &(*c)->ev.set) || !WORKER_CHECK(w, ANSWERED(sw_enum(*c, &events)) == 0) ||
	    !WORKER_CHECK(w, events.iErrorCode[FD_CONNECT_BIT] == 0))
		return false;
	return WORKER_CHECK(w, sw_shut(listener) == 0) && wait_for(w, &listener->closed);
}

static void
make_pair(struct worker *w)
{
	struct sw_sock *c, *got;

	CHECK(san_attach() == 0);
	if (pair_by(w, 700, &c, &got)) {
		CHECK(pthread_equal(c->made_by, pthread_self()));
		CHECK(pthread_equal(got->made_by, pthread_self()));
		CHECK(sw_shut(c) == 0);
		CHECK(sw_shut(got) == 0);
		wait_for(w, &c->closed);
		wait_for(w, &got->closed);
		CHECK(pthread_equal(c->closed_by, poller));
	}
	CHECK(san_detach() == 0);
}

RULES("R30 R72 R74 R161")
static void
connection_is_made_by_another_thread(void)
{
	with_worker(make_pair);
	/* and one more for each call that was made again */
	assert_in_range(sw.nb_created, 3, 100);
	assert_int_equal(sw.nb_closed, sw.nb_created);
}

/*
 * An operation on len octets of memory that is registered once for many: a registration is a call that waits for the
 * core, and on a machine with much else to do each of those takes as long as a hundred posts.
 */
static struct sw_op *
piece_of(const struct sw_op *all, size_t at, size_t len)
{
	struct sw_op *op = sw_op(0);

	op->bufs[0].buf = (char *)all->mem + at;
	op->bufs[0].len = (ULONG)len;
	op->nb_bufs = 1;
	op->reg = all->reg;
	return op;
}

static void
move_data(struct worker *w)
{
	struct sw_op *in = sw_op(1000 * NB), *out = sw_op(1000 * NB);
	struct sw_op *recv[NB], *send[NB];
	struct sw_sock *c, *got;
	uint64_t at = 0, last = 0;
	unsigned int i;

	CHECK(san_attach() == 0);
	if (!pair_by(w, 700, &c, &got))
		return;
	CHECK(ANSWERED(sw_register(got, in, MEM_WRITE)) == 0);
	CHECK(ANSWERED(sw_register(c, out, MEM_READ)) == 0);
	net_fill(out->mem, out->size, 0, 1);
	for (i = 0; i < NB; i++) {
		recv[i] = piece_of(in, 1000 * i, 1000);
		send[i] = piece_of(out, 1000 * i, 1000);
		CHECK(sw_recv(got, recv[i]) == WSA_IO_PENDING);
		CHECK(sw_send(c, send[i]) == WSA_IO_PENDING);
	}
	for (i = 0; at < out->size; i++) {
		struct sw_op *op = recv[i % NB];

		if (!wait_end(w, op))
			return;
		CHECK(op->error == 0 && op->order > last);
		CHECK(net_same(in->mem + 1000 * (i % NB), op->bytes, at, 1));
		CHECK(pthread_equal(op->by, poller));
		at += op->bytes;
		last = op->order;
		/* a receive ends with what there is: so it may take more of them than there were sends */
		CHECK(at == out->size || sw_recv(got, op) == WSA_IO_PENDING);
	}
	for (i = 0; i < NB; i++) {
		if (!wait_end(w, send[i]))
			return;
		CHECK(send[i]->error == 0);
		CHECK(pthread_equal(send[i]->by, poller));
	}
	CHECK(sw_shut(c) == 0);
	CHECK(sw_shut(got) == 0);
	wait_for(w, &c->closed);
	wait_for(w, &got->closed);
	CHECK(san_detach() == 0);
}

RULES("R95 R99 R106")
static void
transfers_of_another_thread_end_on_the_core(void)
{
	with_worker(move_data);
}

static void
close_pending(struct worker *w)
{
	struct sw_op *all = sw_op(100 * NB);
	struct sw_op *op[NB];
	struct sw_sock *c, *got;
	unsigned int i;

	CHECK(san_attach() == 0);
	if (!pair_by(w, 700, &c, &got))
		return;
	CHECK(ANSWERED(sw_register(c, all, MEM_WRITE)) == 0);
	for (i = 0; i < NB; i++) {
		op[i] = piece_of(all, 100 * i, 100);
		CHECK(sw_recv(c, op[i]) == WSA_IO_PENDING);
	}
	CHECK(sw_shut(c) == 0);
	CHECK(sw_shut(c) == WSAENOTSOCK);
	CHECK(sw_recv(c, piece_of(all, 0, 10)) == WSAENOTSOCK);
	if (!wait_for(w, &c->closed))
		return;
	for (i = 0; i < NB; i++) {
		if (op[i]->nb_ends != 1 || op[i]->error != WSA_OPERATION_ABORTED)
			worker_fault(w, "operation %u ended %u times, with %u", i, op[i]->nb_ends, op[i]->error);
		CHECK(op[i]->order < c->closed_order);
	}
	CHECK(sw_shut(got) == 0);
	wait_for(w, &got->closed);
	CHECK(san_detach() == 0);
}

RULES("R149 R153 R155 R161")
static void
close_by_another_thread_aborts_all(void)
{
	with_worker(close_pending);
}

static struct sw_pair shared;

static void
post_until_closed(struct worker *w)
{
	const struct sw_op *all = w->arg;
	struct sw_op *op = NULL;
	int code = WSA_IO_PENDING;

	CHECK(san_attach() == 0);
	do {
		/* one that was refused is posted again: the poller may not have the processor for long */
		if (code == WSA_IO_PENDING)
			op = piece_of(all, 0, 16);
		else
			sched_yield();
		code = sw_recv(shared.end[0], op);
		CHECK(code == WSA_IO_PENDING || code == WSAENOTSOCK || code == WSAEWOULDBLOCK);
		atomic_fetch_add(&w->stage, 1);
	} while (code != WSAENOTSOCK && !atomic_load(&w->stop));
	CHECK(code == WSAENOTSOCK);
	wait_for(w, &shared.end[0]->closed);
	CHECK(san_detach() == 0);
}

/* One posts without pause, the core's thread closes in the middle of it. */
RULES("R163 R155 R153")
static void
close_races_with_posts_of_another_thread(void)
{
	unsigned int round;

	for (round = 0; round < 20; round++) {
		struct sw_op *all = sw_op(16);

		shared = sw_pair(700);
		assert_int_equal(sw_register(shared.end[0], all, MEM_WRITE), 0);
		poller = pthread_self();
		worker_start(&wk, &sw.net, post_until_closed, all);
		while (atomic_load(&wk.stage) < 5 + 7 * round && !atomic_load(&wk.over))
			sw_steps(1);
		assert_int_equal(sw_shut(shared.end[0]), 0);
		worker_end(&wk);
		assert_true(shared.end[0]->closed);
		sw_shut_wait(shared.end[1]);
	}
}

static void
close_it(struct worker *w)
{
	int code;

	CHECK(san_attach() == 0);
	while (atomic_load(&w->stage) == 0)
		sched_yield();
	code = sw_shut(shared.end[1]);
	atomic_fetch_add(&w->stage, code == 0 ? 10 : 1);
	CHECK(code == 0 || code == WSAENOTSOCK);
	CHECK(san_detach() == 0);
}

RULES("R153 R161")
static void
two_threads_close_and_one_has_done_it(void)
{
	unsigned int round;
	int code;

	for (round = 0; round < 50; round++) {
		shared = sw_pair(700);
		sw_post_recv(shared.end[1], 10);
		worker_start(&wk, &sw.net, close_it, NULL);
		sw_steps(5);
		atomic_store(&wk.stage, 1);
		code = sw_shut(shared.end[1]);
		worker_end(&wk);
		assert_true((code == 0) != (atomic_load(&wk.stage) == 11));
		SW_UNTIL(shared.end[1]->closed);
		sw_shut_wait(shared.end[0]);
	}
}

static void
cleanup_by_it(struct worker *w)
{
	CHECK(sw_cleanup() == 0);
	CHECK(sw.nb_open == 0);
}

/* The peer is a native socket, which the cleanup leaves alone: so nobody but the cleanup can end the receives. */
RULES("R11 R12 R15 R19")
static void
cleanup_by_another_thread_ends_all(void)
{
	struct wsock *listener = net_listener(&sw.net, 1, 700, 5);
	struct wop *accept = watch_op(&sw.net.w);
	struct sw_op *op[NB];
	struct sw_sock *c;
	unsigned int i;

	assert_int_equal(watch_accept(listener, accept, 0), 0);
	c = sw_begin(0, 700);
	assert_int_equal(sw_outcome(c), 0);
	SW_UNTIL(!accept->pending);
	for (i = 0; i < NB; i++)
		op[i] = sw_post_recv(c, 100);
	with_worker(cleanup_by_it);
	for (i = 0; i < NB; i++) {
		assert_int_equal(op[i]->nb_ends, 1);
		assert_int_equal(op[i]->error, WSA_OPERATION_ABORTED);
		assert_int_equal(op[i]->bytes, 0);
	}
	assert_true(c->closed);
}

static void
start_and_stop(struct worker *w)
{
	WSPPROC_TABLE calls;
	WSPDATA data;
	int err = 0;
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		CHECK(WSPStartupEx(0x0202, &data, &sw.info, &sw.ups, &calls) == 0);
		CHECK(calls.lpWSPCleanup(&err) == 0);
	}
}

RULES("R6 R7")
static void
starts_of_two_threads_are_counted(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;

	op = sw_post_recv(pair.end[0], 100);
	with_worker(start_and_stop);
	assert_true(op->pending);
	assert_int_equal(sw.nb_open, 2);
	sw_transfer(pair.end[0], pair.end[1], 1000, 1);
}

static void
call_without_attaching(struct worker *w)
{
	struct sockaddr_in a = sw_addr(0, 700);
	struct sw_sock *s = shared.end[0];

	CHECK(sw_bind(s, &a) == WSAENETDOWN);
	CHECK(sw_select(s, FD_CONNECT) == WSAENETDOWN);
	CHECK(sw_shut(s) == WSAENETDOWN);
	s->close_asked = false;
}

/* Neither does it poll a core: nothing of it could be carried out. */
RULES("R208 R152 S3.6")
static void
thread_that_is_not_attached_is_told_net_down(void)
{
	shared = sw_pair(700);
	with_worker(call_without_attaching);
	sw_transfer(shared.end[0], shared.end[1], 1000, 1);
}

static void
ask_a_core_that_sleeps(struct worker *w)
{
	CHECK(san_attach() == 0);
	CHECK(sw_listen(shared.end[0], 5) == WSAENETDOWN);
	CHECK(san_detach() == 0);
}

RULES("R208")
static void
core_that_is_not_polled_is_net_down(void)
{
	uint64_t limit_ms;

	shared.end[0] = sw_bound(0, 700);
	worker_start(&wk, &sw.net, ask_a_core_that_sleeps, NULL);
	limit_ms = net_now_ms() + NET_PATIENCE_MS;
	while (!atomic_load(&wk.over) && net_now_ms() < limit_ms)
		usleep(1000);
	worker_end(&wk);
	sw_steps(100);
	assert_int_equal(sw_select(shared.end[0], FD_ACCEPT), 0);
}

static const struct CMUnitTest cases[] = {
	SW_CASE(connection_is_made_by_another_thread),
	SW_CASE(transfers_of_another_thread_end_on_the_core),
	SW_CASE(close_by_another_thread_aborts_all),
	SW_CASE(close_races_with_posts_of_another_thread),
	SW_CASE(two_threads_close_and_one_has_done_it),
	SW_CASE(cleanup_by_another_thread_ends_all),
	SW_CASE(starts_of_two_threads_are_counted),
	SW_CASE(thread_that_is_not_attached_is_told_net_down),
	SW_CASE(core_that_is_not_polled_is_net_down),
};

NET_MAIN("threads", cases)
