/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls that meet: the begin and the end of a socket, of a use of the provider, of a thread that polled a core.
 */
#include <errno.h>
#include <sched.h>

#include "ports/worker.h"
#include "sw.h"

#define ROUNDS 60

static struct worker wk;

/* A worker never asserts: it notes. */
#define CHECK(expr) do { \
	if (!WORKER_CHECK(w, expr)) \
		return; \
} while (0)

/* The next thread polls host 0's core, has a socket there, and goes. */
static void
use_and_leave(struct worker *w)
{
	struct san_core *k = sw.net.core[0][0];
	struct sockaddr_in a = sw_addr(0, 700);
	struct sw_sock *s;

	CHECK(san_core_claim(k) == 0);
	CHECK(sw_socket(&s) == 0);
	CHECK(sw_bind(s, &a) == 0);
	CHECK(sw_shut(s) == 0);
	WORKER_UNTIL(w, san_core_poll(k) >= 0 && s->closed);
	CHECK(san_core_release(k) == 0);
}

static void
hand_over(void)
{
	worker_start(&wk, &sw.net, use_and_leave, NULL);
	worker_end(&wk);
}

/* One operation of a queue that has nothing to do with the provider. */
static void
assert_brought_by(struct san_cq *cq)
{
	struct san_addr nobody = net_addr(1, 9);
	struct san_overlapped op = { .user = 1 };
	struct san_completion c;
	san_handle h;
	int got = 0;

	assert_int_equal(san_socket(sw.net.core[0][0], cq, &h), 0);
	assert_int_equal(san_connect(h, &op, &nobody, 0), 0);
	SW_UNTIL((got = san_cq_poll(cq, &c, 1)) != 0);
	assert_int_equal(got, 1);
	assert_int_equal(c.kind, SAN_OP_CONNECT);
	assert_int_equal(c.result, -ECONNREFUSED);
	assert_int_equal(san_close(h, 2), 0);
	SW_UNTIL((got = san_cq_poll(cq, &c, 1)) != 0);
	assert_int_equal(got, 1);
	assert_int_equal(c.kind, SAN_OP_CLOSE);
}

/*
 * A thread's queues go with it, and what they were made of is used for others. The core that it polled is another
 * thread's then, with nothing of the provider on it.
 */
RULES("R10 R36")
static void
queue_of_a_thread_that_has_gone_is_nobodys(void)
{
	struct sw_pair pair;
	struct san_cq *cq;

	assert_int_equal(san_core_release(sw.net.core[0][0]), 0);
	sw.net.held[0] = true;
	hand_over();
	/* with the same record, perhaps */
	hand_over();
	assert_int_equal(san_core_claim(sw.net.core[0][0]), 0);
	sw.net.held[0] = false;
	assert_int_equal(san_cq_create(64, &cq), 0);
	assert_brought_by(cq);
	pair = sw_pair(700);
	sw_transfer(pair.end[0], pair.end[1], 100000, 1);
	assert_brought_by(cq);
	sw_shut_wait(pair.end[0]);
	sw_shut_wait(pair.end[1]);
	assert_int_equal(sw_cleanup(), 0);
	assert_brought_by(cq);
	assert_int_equal(san_cq_destroy(cq), 0);
}

static void
count_uses(struct worker *w)
{
	WSPPROC_TABLE calls;
	WSPDATA data;
	int err = 0;

	while (!atomic_load(&w->stop)) {
		CHECK(WSPStartupEx(0x0202, &data, &sw.info, &sw.ups, &calls) == 0);
		CHECK(calls.lpWSPCleanup(&err) == 0);
		atomic_fetch_add(&w->stage, 1);
	}
}

/* The provider settles on a core with its first socket there, whoever counts uses meanwhile. */
RULES("R6 R7")
static void
first_socket_of_a_core_while_uses_are_counted(void)
{
	struct sw_sock *s;
	unsigned int i;

	worker_start(&wk, &sw.net, count_uses, NULL);
	while (atomic_load(&wk.stage) == 0 && !atomic_load(&wk.over))
		sched_yield();
	s = sw_bound(0, 700);
	for (i = 0; i < 20; i++)
		sched_yield();
	atomic_store(&wk.stop, true);
	worker_end(&wk);
	sw_shut_wait(s);
}

static struct sw_sock *_Atomic unbound;

/* Bind what the other thread closes; it says which comes first. */
static void
bind_each(struct worker *w)
{
	struct sockaddr_in a = sw_addr(0, 700);
	struct sw_sock *s, *last = NULL;
	int code;

	CHECK(san_attach() == 0);
	while (!atomic_load(&w->stop)) {
		s = atomic_load(&unbound);
		if (s == last) {
			sched_yield();
			continue;
		}
		atomic_fetch_add(&w->stage, 1);
		code = sw_bind(s, &a);
		CHECK(code == 0 || code == WSAENOTSOCK || code == WSAENETDOWN);
		last = s;
		atomic_fetch_add(&w->stage, 1);
	}
	CHECK(san_detach() == 0);
}

/* The core's thread closes while another one's bind is on its way there. */
RULES("R34 R149 R153 R161")
static void
close_races_with_a_bind_of_another_thread(void)
{
	struct sw_sock *s;
	unsigned int i, j;

	atomic_store(&unbound, NULL);
	worker_start(&wk, &sw.net, bind_each, NULL);
	for (i = 0; i < ROUNDS; i++) {
		assert_int_equal(sw_socket(&s), 0);
		atomic_store(&unbound, s);
		while (atomic_load(&wk.stage) == 2 * i && !atomic_load(&wk.over))
			sched_yield();
		/* mostly it is on its way by then */
		for (j = 0; j < i % 8; j++)
			sched_yield();
		assert_int_equal(sw_shut(s), 0);
		SW_UNTIL(s->closed);
		SW_UNTIL(atomic_load(&wk.stage) == 2 * i + 2 || atomic_load(&wk.over));
	}
	atomic_store(&wk.stop, true);
	worker_end(&wk);
	/* nobody has the port any more */
	s = sw_bound(0, 700);
	sw_shut_wait(s);
}

static int
set_nodelay(const struct sw_sock *s, int value)
{
	int err = 0;

	return sw.calls.lpWSPSetSockOpt(s->s, IPPROTO_TCP, TCP_NODELAY, (char *)&value, sizeof(value), &err) == 0 ?
	       0 : err;
}

static int
get_nodelay(const struct sw_sock *s)
{
	int value = -1, len = sizeof(value), err = 0;

	return sw.calls.lpWSPGetSockOpt(s->s, IPPROTO_TCP, TCP_NODELAY, (char *)&value, &len, &err) == 0 ? value : -1;
}

/* Set the option of each socket that the other thread binds at that moment. */
static void
set_each(struct worker *w)
{
	struct sw_sock *s, *last = NULL;

	CHECK(san_attach() == 0);
	while (!atomic_load(&w->stop)) {
		s = atomic_load(&unbound);
		if (s == last) {
			sched_yield();
			continue;
		}
		atomic_fetch_add(&w->stage, 1);
		CHECK(set_nodelay(s, 0) == 0);
		last = s;
		atomic_fetch_add(&w->stage, 1);
	}
	CHECK(san_detach() == 0);
}

/* An option is set while the core's thread binds the socket: before or after. */
RULES("R34 R38 R195")
static void
option_races_with_a_bind(void)
{
	struct sockaddr_in a = sw_addr(0, 700);
	struct sw_sock *s;
	unsigned int i, j;

	atomic_store(&unbound, NULL);
	worker_start(&wk, &sw.net, set_each, NULL);
	for (i = 0; i < ROUNDS; i++) {
		assert_int_equal(sw_socket(&s), 0);
		atomic_store(&unbound, s);
		while (atomic_load(&wk.stage) == 2 * i && !atomic_load(&wk.over))
			sched_yield();
		for (j = 0; j < i % 8; j++)
			sched_yield();
		assert_int_equal(sw_bind(s, &a), 0);
		SW_UNTIL(atomic_load(&wk.stage) == 2 * i + 2 || atomic_load(&wk.over));
		assert_int_equal(get_nodelay(s), 0);
		sw_shut_wait(s);
	}
	atomic_store(&wk.stop, true);
	worker_end(&wk);
}

/* Until the provider is down. */
static void
make_and_bind(struct worker *w)
{
	struct sockaddr_in a = sw_addr(0, 0);
	struct sw_sock *s;
	int code;

	CHECK(san_attach() == 0);
	do {
		code = sw_socket(&s);
		atomic_fetch_add(&w->stage, 1);
		if (code == 0)
			code = sw_bind(s, &a);
	} while (code == 0);
	CHECK(code == WSAENETDOWN || code == WSAENOTSOCK);
	CHECK(san_detach() == 0);
}

/* The core's thread ends the provider while another thread makes sockets, and binds them. */
RULES("R10 R15 R19 R161")
static void
cleanup_races_with_sockets_that_begin(void)
{
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		worker_start(&wk, &sw.net, make_and_bind, NULL);
		while (atomic_load(&wk.stage) <= i % 16 && !atomic_load(&wk.over))
			sw_steps(1);
		assert_int_equal(sw_cleanup(), 0);
		assert_int_equal(sw.nb_open, 0);
		worker_end(&wk);
		assert_int_equal(sw_start(), 0);
	}
}

static const struct CMUnitTest cases[] = {
	SW_CASE(queue_of_a_thread_that_has_gone_is_nobodys),
	SW_CASE(first_socket_of_a_core_while_uses_are_counted),
	SW_CASE(close_races_with_a_bind_of_another_thread),
	SW_CASE(option_races_with_a_bind),
	SW_CASE(cleanup_races_with_sockets_that_begin),
};

NET_MAIN("races", cases)
