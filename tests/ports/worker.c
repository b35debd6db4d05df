/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "worker.h"

static void *
work(void *arg)
{
	struct worker *wk = arg;

	wk->run(wk);
	atomic_store(&wk->over, true);
	return NULL;
}

void
worker_start(struct worker *wk, struct net *net, void (*run)(struct worker *), void *arg)
{
	memset(wk, 0, sizeof(*wk));
	wk->net = net;
	wk->run = run;
	wk->arg = arg;
	assert_int_equal(pthread_create(&wk->thread, NULL, work, wk), 0);
}

void
worker_end(struct worker *wk)
{
	uint64_t limit_ms = net_now_ms() + NET_LONG_MS;

	while (!atomic_load(&wk->over)) {
		assert_true(net_now_ms() < limit_ms);
		net_step(wk->net);
	}
	assert_int_equal(pthread_join(wk->thread, NULL), 0);
	if (wk->nb_faults)
		fail_msg("%u faults in a thread, the first: %s", wk->nb_faults, wk->fault);
	watch_sound(&wk->w);
}

void
worker_fault(struct worker *wk, const char *fmt, ...)
{
	va_list ap;

	if (wk->nb_faults++ != 0)
		return;
	va_start(ap, fmt);
	vsnprintf(wk->fault, sizeof(wk->fault), fmt, ap);
	va_end(ap);
}

bool
worker_attach(struct worker *wk, unsigned int depth)
{
	return WORKER_CHECK(wk, san_attach() == 0) &&
	       WORKER_CHECK(wk, watch_begin(&wk->w, depth) == 0);
}

void
worker_detach(struct worker *wk)
{
	watch_shut_all(&wk->w);
	WORKER_UNTIL(wk, watch_open_sockets(&wk->w) == 0);
	watch_audit(&wk->w);
	WORKER_CHECK(wk, watch_reap(&wk->w) == 0);
	WORKER_CHECK(wk, watch_end(&wk->w) == 0);
	WORKER_CHECK(wk, san_detach() == 0);
}

struct wsock *
worker_socket(struct worker *wk, struct san_core *core)
{
	struct wsock *s = NULL;
	int rc = WORKER_ANSWERED((s = watch_socket(&wk->w, core, &rc_), rc_));

	WORKER_CHECK(wk, rc == 0);
	return s;
}

bool
worker_connect(struct worker *wk, uint16_t port, struct net_pair *pair)
{
	struct san_addr a = net_addr(1, port);
	struct wop *accept = watch_op(&wk->w);
	struct wop *connect = watch_op(&wk->w);
	struct wsock *listener;

	listener = worker_socket(wk, wk->net->core[1][0]);
	pair->end[0] = worker_socket(wk, wk->net->core[0][0]);
	if (!listener || !pair->end[0])
		return false;
	if (!WORKER_CHECK(wk, WORKER_ANSWERED(san_bind(listener->h, &a)) == 0) ||
	    !WORKER_CHECK(wk, WORKER_ANSWERED(san_listen(listener->h, 8)) == 0) ||
	    !WORKER_CHECK(wk, watch_accept(listener, accept, 0) == 0) ||
	    !WORKER_CHECK(wk, watch_connect(pair->end[0], connect, &a, 0) == 0))
		return false;
	WORKER_UNTIL(wk, !accept->pending && !connect->pending);
	pair->end[1] = accept->accepted;
	WORKER_CHECK(wk, watch_shut(listener) == 0);
	WORKER_UNTIL(wk, listener->closed);
	return WORKER_CHECK(wk, accept->result == 0 && connect->result == 0 && pair->end[1]);
}
