/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls by the wrong thread, at the wrong time, or with nothing: each has its answer, and changes nothing.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load.h"
#include "worker.h"

static struct net net;
static uint8_t byte[16];

/* A thread that is neither attached nor a poller. */
static void
run_stranger(struct worker *wk)
{
	static struct san_overlapped op;
	struct wsock *s = wk->arg;
	struct san_completion comp;
	struct san_cq *cq = NULL;
	san_handle h = 5;
	uint32_t value;

	WORKER_CHECK(wk, san_cq_create(4, &cq) == -EPERM);
	WORKER_CHECK(wk, cq == NULL);
	WORKER_CHECK(wk, san_detach() == -EPERM);
	WORKER_CHECK(wk, san_socket(wk->net->core[0][0], wk->net->w.cq, &h) == -EPERM);
	WORKER_CHECK(wk, h == 5);
	WORKER_CHECK(wk, san_close(s->h, 1) == -EPERM);
	WORKER_CHECK(wk, san_cancel(s->h, 1) == -EPERM);
	WORKER_CHECK(wk, san_recv(s->h, &op, byte, 1, 0) == -EPERM);
	WORKER_CHECK(wk, san_send(s->h, &op, byte, 1, 0) == -EPERM);
	WORKER_CHECK(wk, san_shutdown(s->h, &op, 0) == -EPERM);
	WORKER_CHECK(wk, san_get_option(s->h, SAN_OPT_STATE, &value) == -EPERM);
	WORKER_CHECK(wk, san_names(s->h, NULL, NULL) == -EPERM);
	WORKER_CHECK(wk, san_cq_poll(wk->net->w.cq, &comp, 1) == -EPERM);
	WORKER_CHECK(wk, san_cq_wait(wk->net->w.cq, 0) == -EPERM);
	WORKER_CHECK(wk, san_cq_destroy(wk->net->w.cq) == -EPERM);
	WORKER_CHECK(wk, san_core_poll(wk->net->core[0][0]) == -EPERM);
	WORKER_CHECK(wk, san_core_claim(wk->net->core[0][0]) == -EBUSY);
	WORKER_CHECK(wk, san_core_release(wk->net->core[0][0]) == -EPERM);
}

static void
stranger_is_refused(void **state)
{
	static struct worker wk;
	struct net_pair pair;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	worker_start(&wk, &net, run_stranger, pair.end[0]);
	worker_end(&wk);
	load_transfer(&net, pair.end[0], pair.end[1], 1000, 1);
	net_close(&net);
}

/* Attached, but the socket is another thread's: it may look, cancel and close, and no more. */
static void
run_neighbour(struct worker *wk)
{
	static struct san_overlapped op;
	struct san_addr a = net_addr(1, 9);
	struct wsock *s = wk->arg;
	struct san_completion comp;
	uint32_t value = 99;
	san_handle h = 5;

	if (!worker_attach(wk, 4))
		return;
	WORKER_CHECK(wk, san_attach() == -EALREADY);
	WORKER_CHECK(wk, san_recv(s->h, &op, byte, 1, 0) == -EPERM);
	WORKER_CHECK(wk, san_send(s->h, &op, byte, 1, 0) == -EPERM);
	WORKER_CHECK(wk, san_shutdown(s->h, &op, 0) == -EPERM);
	WORKER_CHECK(wk, san_connect(s->h, &op, &a, 0) == -EPERM);
	WORKER_CHECK(wk, san_accept(s->h, &op, 0) == -EPERM);
	WORKER_CHECK(wk, san_bind(s->h, &a) == -EPERM);
	WORKER_CHECK(wk, san_listen(s->h, 4) == -EPERM);
	WORKER_CHECK(wk, san_move(s->h, wk->w.cq) == -EPERM);
	WORKER_CHECK(wk, san_socket(wk->net->core[0][0], wk->net->w.cq, &h) == -EPERM);
	WORKER_CHECK(wk, san_cq_poll(wk->net->w.cq, &comp, 1) == -EPERM);
	WORKER_CHECK(wk, san_cq_destroy(wk->net->w.cq) == -EPERM);
	WORKER_CHECK(wk, san_get_option(s->h, SAN_OPT_STATE, &value) == 0);
	WORKER_CHECK(wk, value == SAN_TCP_ESTABLISHED);
	WORKER_CHECK(wk, san_names(s->h, &a, NULL) == 0 && a.port != 0);
	WORKER_CHECK(wk, san_cancel(s->h, 0xffffff) == 0);
	worker_detach(wk);
}

static void
neighbour_may_look_but_not_post(void **state)
{
	static struct worker wk;
	struct net_pair pair;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	worker_start(&wk, &net, run_neighbour, pair.end[0]);
	worker_end(&wk);
	load_transfer(&net, pair.end[0], pair.end[1], 1000, 1);
	net_close(&net);
}

static void
run_detacher(struct worker *wk)
{
	struct wsock *s;
	int rc;

	if (!worker_attach(wk, 4))
		return;
	s = watch_socket(&wk->w, wk->net->core[0][0], &rc);
	if (!WORKER_CHECK(wk, s))
		return;
	WORKER_CHECK(wk, san_detach() == -EBUSY);
	WORKER_CHECK(wk, san_cq_destroy(wk->w.cq) == -EBUSY);
	WORKER_CHECK(wk, watch_shut(s) == 0);
	WORKER_UNTIL(wk, s->closed);
	/* The queue may be ended after the thread has detached. */
	WORKER_CHECK(wk, san_detach() == 0);
	WORKER_CHECK(wk, san_detach() == -EPERM);
	WORKER_CHECK(wk, watch_end(&wk->w) == 0);
	WORKER_CHECK(wk, san_attach() == 0);
	WORKER_CHECK(wk, san_detach() == 0);
}

static void
detach_with_sockets_is_refused(void **state)
{
	static struct worker wk;

	(void)state;
	net_open(&net, NULL);
	worker_start(&wk, &net, run_detacher, NULL);
	worker_end(&wk);
	net_close(&net);
}

static void
claims_are_exclusive(void **state)
{
	struct san_core *core;

	(void)state;
	net_open(&net, NULL);
	core = net.core[0][0];
	assert_int_equal(san_core_claim(core), -EALREADY);
	assert_int_equal(san_core_release(core), 0);
	assert_int_equal(san_core_release(core), -EPERM);
	assert_int_equal(san_core_poll(core), -EPERM);
	assert_int_equal(san_core_claim(core), 0);
	assert_true(san_core_poll(core) >= 0);
	net_close(&net);
}

/* Nobody would poll the core that the thread has claimed while it sleeps. */
static void
poller_may_not_sleep(void **state)
{
	(void)state;
	net_open(&net, NULL);
	assert_int_equal(san_cq_wait(net.w.cq, 1000), -EDEADLK);
	assert_int_equal(san_cq_wait(net.w.cq, UINT64_MAX), -EDEADLK);
	net_close(&net);
}

static void
queue_depths_out_of_range_are_refused(void **state)
{
	struct san_cq *cq = NULL;

	(void)state;
	net_open(&net, NULL);
	assert_int_equal(san_cq_create(0, &cq), -EINVAL);
	assert_int_equal(san_cq_create(SAN_CQ_MAX + 1, &cq), -EINVAL);
	assert_null(cq);
	assert_int_equal(san_cq_create(SAN_CQ_MIN, &cq), 0);
	assert_int_equal(san_cq_destroy(cq), 0);
	net_close(&net);
}

static void
options_out_of_range_are_refused(void **state)
{
	struct net_pair pair;
	struct wsock *s;
	uint32_t value = 0;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	s = net_socket(&net, 0, 0);
	assert_int_equal(san_set_option(s->h, (enum san_option)77, 1), -ENOPROTOOPT);
	assert_int_equal(san_set_option(s->h, (enum san_option)0, 1), -ENOPROTOOPT);
	assert_int_equal(san_get_option(s->h, (enum san_option)77, &value), -ENOPROTOOPT);
	assert_int_equal(san_set_option(s->h, SAN_OPT_STATE, 1), -ENOPROTOOPT);
	assert_int_equal(san_set_option(s->h, SAN_OPT_PENDING, 1), -ENOPROTOOPT);
	assert_int_equal(san_set_option(s->h, SAN_OPT_SNDBUF, 4095), -EINVAL);
	assert_int_equal(san_set_option(s->h, SAN_OPT_SNDBUF, (64u << 20) + 1), -EINVAL);
	assert_int_equal(san_set_option(s->h, SAN_OPT_RCVBUF, 4095), -EINVAL);
	assert_int_equal(san_set_option(s->h, SAN_OPT_NODELAY, 2), -EINVAL);
	assert_int_equal(san_set_option(s->h, SAN_OPT_CC, SAN_CC_DCTCP + 1), -EINVAL);
	assert_int_equal(san_set_option(s->h, SAN_OPT_ECN, SAN_ECN_REQUEST + 1), -EINVAL);
	assert_int_equal(san_set_option(s->h, SAN_OPT_CWV, 2), -EINVAL);
	assert_int_equal(san_set_option(s->h, SAN_OPT_PACING, 999), -EINVAL);
	assert_int_equal(san_set_option(s->h, SAN_OPT_PACING, SAN_PACING_AUTO), 0);
	assert_int_equal(san_set_option(s->h, SAN_OPT_MTU_PROBE, 2), -EINVAL);
	assert_int_equal(san_set_option(pair.end[0]->h, SAN_OPT_RCVBUF, 4095), -EINVAL);
	assert_int_equal(san_set_option(pair.end[0]->h, SAN_OPT_CC, SAN_CC_NEWRENO), -EINVAL);
	assert_int_equal(san_set_option(pair.end[0]->h, SAN_OPT_ECN, SAN_ECN_OFF), -EINVAL);
	assert_int_equal(san_set_option(pair.end[0]->h, SAN_OPT_MTU_PROBE, 1), -EINVAL);
	assert_int_equal(san_set_option(s->h, SAN_OPT_FASTOPEN, 65536), -EINVAL);
	assert_int_equal(san_set_option(pair.end[0]->h, SAN_OPT_FASTOPEN, 1), -EINVAL);
	assert_int_equal(san_get_option(s->h, SAN_OPT_SNDBUF, &value), 0);
	assert_int_equal(value, 0);	/* it grows by itself */
	assert_int_equal(san_set_option(s->h, SAN_OPT_SNDBUF, 4096), 0);
	assert_int_equal(san_get_option(s->h, SAN_OPT_SNDBUF, &value), 0);
	assert_int_equal(value, 4096);
	assert_int_equal(san_get_option(s->h, SAN_OPT_NODELAY, &value), 0);
	assert_int_equal(value, 1);
	assert_int_equal(san_get_option(s->h, SAN_OPT_CC, &value), 0);
	assert_int_equal(value, SAN_CC_CUBIC);
	assert_int_equal(san_set_option(s->h, SAN_OPT_USER_TIMEOUT, 5000), 0);
	assert_int_equal(san_get_option(s->h, SAN_OPT_USER_TIMEOUT, &value), 0);
	assert_int_equal(value, 5000);
	net_close(&net);
}

/* Where the headers do not allow a null pointer, it is an error and not a crash. */
static void
null_pointers_are_refused(void **state)
{
	struct san_cq *cq = NULL;
	struct wsock *s;
	san_handle h = 0;

	(void)state;
	net_open(&net, NULL);
	s = net_socket(&net, 0, 0);
	assert_true(san_cq_create(4, NULL) < 0);
	assert_true(san_cq_poll(NULL, NULL, 1) < 0);
	assert_true(san_cq_destroy(NULL) < 0);
	assert_true(san_cq_wait(NULL, 0) < 0);
	assert_true(san_socket(NULL, net.w.cq, &h) < 0);
	assert_true(san_socket(net.core[0][0], cq, &h) < 0);
	assert_true(san_socket(net.core[0][0], net.w.cq, NULL) < 0);
	assert_true(san_bind(s->h, NULL) < 0);
	assert_true(san_move(s->h, NULL) < 0);
	assert_true(san_get_option(s->h, SAN_OPT_STATE, NULL) < 0);
	assert_true(san_host_create(NULL, NULL) < 0);
	assert_true(san_core_claim(NULL) < 0);
	assert_true(san_core_poll(NULL) < 0);
	assert_true(san_core_release(NULL) < 0);
	assert_true(san_conf_set(NULL, "host", "name", "a") < 0);
	assert_true(san_conf_load(NULL, NULL) < 0);
	assert_int_equal(san_names(s->h, NULL, NULL), 0);
	san_conf_destroy(NULL);
	assert_non_null(san_error());
	net_close(&net);
}

/* After fork() the child may call nothing; what it is told is -EPERM. */
static void
child_of_fork_is_refused(void **state)
{
	int status = 0;
	pid_t pid;

	(void)state;
	net_open(&net, NULL);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(san_attach() == -EPERM ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	net_close(&net);
}

/* 255 threads are the most; who comes then is refused, and welcome when others have gone. */
static void
run_visitor(struct worker *wk)
{
	struct worker *gate = wk->arg;
	int rc = san_attach();

	WORKER_CHECK(wk, rc == 0 || rc == -ENFILE);
	atomic_fetch_add(rc == 0 ? &gate->stage : &gate[1].stage, 1);
	while (!atomic_load(&gate->stop))
		usleep(1000);
	if (rc == 0)
		WORKER_CHECK(wk, san_detach() == 0);
}

static void
threads_beyond_255_are_refused(void **state)
{
	static struct worker wk[257];
	static struct worker gate[2];
	unsigned int round;
	unsigned int i;

	(void)state;
	net_open(&net, NULL);
	for (round = 0; round < 2; round++) {
		memset(gate, 0, sizeof(gate));
		for (i = 0; i < 257; i++)
			worker_start(&wk[i], &net, run_visitor, gate);
		NET_UNTIL(&net, atomic_load(&gate[0].stage) + atomic_load(&gate[1].stage) == 257);
		/* This thread polls cores and may be one of the 255. */
		assert_in_range(atomic_load(&gate[0].stage), 254, 255);
		atomic_store(&gate->stop, true);
		for (i = 0; i < 257; i++)
			worker_end(&wk[i]);
	}
	net_close(&net);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(stranger_is_refused),
	NET_CASE(neighbour_may_look_but_not_post),
	NET_CASE(detach_with_sockets_is_refused),
	NET_CASE(claims_are_exclusive),
	NET_CASE(poller_may_not_sleep),
	NET_CASE(queue_depths_out_of_range_are_refused),
	NET_CASE(options_out_of_range_are_refused),
	NET_CASE(null_pointers_are_refused),
	NET_CASE(child_of_fork_is_refused),
	NET_CASE(threads_beyond_255_are_refused),
};

NET_MAIN("misuse_calls", cases)
