/* SPDX-License-Identifier: BSD-3-Clause */
/* Several threads with one socket: calls, cancels and the close, beside the thread that polls its core. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "world.h"

#define CALLERS 3
#define REQUESTS 200

static uint8_t in[STREAM];

/* A socket with a count of the calls that are in progress (W62). */
struct counted {
	struct end *end;
	atomic_int calls;    /* Negative: it is being closed, no new call. */
	atomic_uint running; /* Callers that have not left. */
	atomic_uint begun;   /* Calls, of all threads. */
};

#define CLOSING (-1000000)

static bool
enter_call(struct counted *c)
{
	int calls = atomic_load(&c->calls);

	while (calls >= 0) {
		if (atomic_compare_exchange_weak(&c->calls, &calls, calls + 1))
			return true;
	}
	return false;
}

struct caller {
	struct counted *counted;
	struct req *req[REQUESTS];
	unsigned int made;
	pthread_t thread;
};

static void *
call_on_and_on(void *arg)
{
	struct caller *me = arg;
	const WSK_PROVIDER_CONNECTION_DISPATCH *calls;
	struct req *r;

	while (me->made < REQUESTS && enter_call(me->counted)) {
		/* Not before: the socket, and its table, may be gone by then. */
		calls = me->counted->end->sock->Dispatch;
		atomic_fetch_add(&me->counted->begun, 1);
		r = me->req[me->made];
		if (me->made++ % 2)
			r->returned = calls->WskSend(r->end->sock, &r->buf, 0, r->irp);
		else
			r->returned = calls->WskReceive(r->end->sock, &r->buf, 0, r->irp);
		atomic_fetch_sub(&me->counted->calls, 1);
	}
	atomic_fetch_sub(&me->counted->running, 1);
	return NULL;
}

RULES("W61 W62 W66 W64 S5.5 S5.8 S5.9 S5.10 S5.21")
static void
calls_of_several_threads_are_counted_and_the_close_waits_for_them(void)
{
	struct pair p = world_pair();
	struct counted c = { .end = p.end[CLIENT], .running = CALLERS };
	static struct caller caller[CALLERS];
	static uint8_t text[100];
	unsigned int made = 0;
	unsigned int i;
	unsigned int n;
	struct req *r;

	memset(caller, 0, sizeof(caller));
	for (i = 0; i < CALLERS; i++) {
		for (n = 0; n < REQUESTS; n++) {
			caller[i].req[n] = req_new(c.end);
			req_memory(caller[i].req[n], n % 2 ? text : in, sizeof(text), 1, 0);
		}
		caller[i].counted = &c;
	}
	for (i = 0; i < CALLERS; i++)
		assert_int_equal(
			pthread_create(&caller[i].thread, NULL, call_on_and_on, &caller[i]), 0);
	/* However late they come: until calls were made, and some time on. */
	while ((world.now < 50 || atomic_load(&c.begun) == 0) && atomic_load(&c.running) > 0)
		world_step();
	atomic_fetch_add(&c.calls, CLOSING);
	UNTIL(atomic_load(&c.calls) == CLOSING);
	assert_int_equal(await(post_close(c.end)), STATUS_SUCCESS);
	UNTIL(atomic_load(&c.running) == 0);
	for (i = 0; i < CALLERS; i++) {
		pthread_join(caller[i].thread, NULL);
		for (n = 0; n < REQUESTS; n++) {
			r = caller[i].req[n];
			if (n >= caller[i].made) {
				r->done = 1;
				continue;
			}
			made++;
			assert_int_equal(r->done, 1);
			assert_true(r->when < c.end->closing->when);
			if (!NT_SUCCESS(r->status))
				assert_int_equal(r->status, STATUS_CANCELLED);
		}
	}
	assert_true(made > 0);
}

/* The callback runs on the thread of the cases, and stays inside until the other thread has called close. */
static atomic_uint stage;
static struct req *closing;

static void
stay_inside(struct end *e, struct call *c)
{
	unsigned int n;

	(void)c;
	(void)e;
	if (atomic_load(&stage) > 0)
		return;
	atomic_store(&stage, 1);
	for (n = 0; n < NET_PATIENCE_MS && atomic_load(&stage) != 2; n++)
		usleep(1000);
	usleep(20000);
	if (atomic_load(&stage) != 2)
		world_wrong("the close from the other thread did not return");
	if (closing->done)
		world_wrong("the close was over while a callback ran");
}

static void *
close_meanwhile(void *arg)
{
	struct end *e = arg;
	const WSK_PROVIDER_BASIC_DISPATCH *calls = e->sock->Dispatch;

	while (atomic_load(&stage) != 1)
		sched_yield();
	closing->returned = calls->WskCloseSocket(e->sock, closing->irp);
	atomic_store(&stage, 2);
	return NULL;
}

RULES("W65 S5.14")
static void
close_of_another_thread_waits_for_the_callback_that_runs(void)
{
	struct pair p = world_pair();
	struct end *e = p.end[CLIENT];
	pthread_t thread;

	atomic_store(&stage, 0);
	closing = req_new(e);
	e->take = SIZE_MAX;
	e->hook = stay_inside;
	enable(e, WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT);
	assert_int_equal(pthread_create(&thread, NULL, close_meanwhile, e), 0);
	post_send(p.end[SERVER], in, sizeof(in), 0);
	UNTIL(closing->done);
	pthread_join(thread, NULL);
	e->closing = closing;
	assert_int_equal(closing->status, STATUS_SUCCESS);
	assert_true(e->returned < closing->when);
	world_steps(100);
	assert_true(e->returned < closing->when);
}

static void *
just_close(void *arg)
{
	struct end *e = arg;
	const WSK_PROVIDER_BASIC_DISPATCH *calls = e->sock->Dispatch;

	closing->returned = calls->WskCloseSocket(e->sock, closing->irp);
	return NULL;
}

RULES("W63 W64 S5.6 S5.13")
static void
close_of_another_thread_cancels_everything(void)
{
	struct pair p = world_pair();
	struct end *e = p.end[CLIENT];
	struct req *r[8];
	pthread_t thread;
	unsigned int i;

	closing = req_new(e);
	for (i = 0; i < 8; i++)
		r[i] = post_receive(e, in + i * 100, 100, i % 2 ? WSK_FLAG_WAITALL : 0);
	world_steps(10);
	assert_int_equal(pthread_create(&thread, NULL, just_close, e), 0);
	UNTIL(closing->done);
	pthread_join(thread, NULL);
	e->closing = closing;
	assert_int_equal(closing->status, STATUS_SUCCESS);
	for (i = 0; i < 8; i++) {
		assert_int_equal(r[i]->done, 1);
		assert_int_equal(r[i]->status, STATUS_CANCELLED);
		assert_true(r[i]->when < closing->when && (i == 0 || r[i - 1]->when < r[i]->when));
	}
}

struct canceller {
	struct req *req;
	atomic_uint round;
	atomic_uint told;
};

static void *
cancel_on_and_on(void *arg)
{
	struct canceller *c = arg;
	unsigned int round = 0;

	while (round < REQUESTS) {
		while (atomic_load(&c->round) == round)
			sched_yield();
		round++;
		IoCancelIrp(c->req->irp);
		atomic_store(&c->told, round);
	}
	return NULL;
}

RULES("W18 W64")
static void
cancel_of_another_thread_and_data_end_a_request_once(void)
{
	struct pair p = world_pair();
	struct canceller c = { 0 };
	unsigned int cancelled = 0;
	size_t left = 0;
	pthread_t thread;
	unsigned int i;

	assert_int_equal(pthread_create(&thread, NULL, cancel_on_and_on, &c), 0);
	for (i = 0; i < REQUESTS; i++) {
		post_send(p.end[SERVER], in, 10, 0);
		left += 10;
		world_steps(i % 8);
		c.req = post_receive(p.end[CLIENT], in + 100, 10, 0);
		atomic_store(&c.round, i + 1);
		UNTIL(c.req->done && atomic_load(&c.told) == i + 1);
		assert_int_equal(c.req->done, 1);
		assert_true(c.req->status == STATUS_SUCCESS || c.req->status == STATUS_CANCELLED);
		cancelled += c.req->status == STATUS_CANCELLED;
		left -= c.req->information;
	}
	pthread_join(thread, NULL);
	/* What cancelled requests did not take is still there. */
	assert_int_equal(left, cancelled * 10u);
	if (left > 0)
		assert_int_equal(await(post_receive(p.end[CLIENT], in, left, WSK_FLAG_WAITALL)),
				 STATUS_SUCCESS);
}

static const struct CMUnitTest cases[] = {
	WORLD_CASE(calls_of_several_threads_are_counted_and_the_close_waits_for_them),
	WORLD_CASE(close_of_another_thread_waits_for_the_callback_that_runs),
	WORLD_CASE(close_of_another_thread_cancels_everything),
	WORLD_CASE(cancel_of_another_thread_and_data_end_a_request_once),
};

WORLD_MAIN("wsk threads", cases)
