/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cores and threads that sleep, and what has to wake them (O13). The host's port is a ring, which would be
 * looked at once a millisecond; the cases forbid that, so a wake-up that is lost is a sleep without end.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "kit/vhost.h"
#include "sock/priv.h"

#define PATIENCE_US 60000000u	/* only for what hangs */
#define ROUNDS 5000

static struct vhost v;

/* A thread that polls a core and sleeps whenever there is nothing to do. */
struct poller {
	struct san_core *core;
	pthread_t thread;
	atomic_bool stop;
	atomic_bool claimed;
	int last;		/* what ended its loop */
};

static uint64_t
monotonic_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return vhost_now_us + (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* A core that did not get the processor for a second has not answered, and nothing has happened (san/sock.h). */
#define ANSWERED(call) ({ \
	uint64_t end_us_ = monotonic_us() + PATIENCE_US; \
	int rc_; \
	do \
		rc_ = (call); \
	while (rc_ == -EAGAIN && monotonic_us() < end_us_); \
	rc_; \
})

static void *
poll_and_sleep(void *arg)
{
	struct poller *p = arg;

	p->last = san_core_claim(p->core);
	if (p->last == 0 && san_core_fd(p->core) >= 0)
		p->core->sleep.by_timer = false;
	atomic_store(&p->claimed, true);
	while (p->last >= 0 && !atomic_load(&p->stop)) {
		p->last = san_core_poll(p->core);
		if (p->last == 0)
			p->last = san_core_wait(p->core, UINT64_MAX);
	}
	if (p->last >= 0)
		san_core_release(p->core);
	return NULL;
}

static void
start(struct poller *p, struct san_core *core)
{
	*p = (struct poller){ .core = core };
	assert_int_equal(pthread_create(&p->thread, NULL, poll_and_sleep, p), 0);
	while (!atomic_load(&p->claimed))
		sched_yield();
}

static void
stop(struct poller *p)
{
	atomic_store(&p->stop, true);
	sani_core_wake(p->core);
	assert_int_equal(pthread_join(p->thread, NULL), 0);
	assert_true(p->last >= 0);
}

static bool
is_asleep(struct san_core *core)
{
	return atomic_load(&core->asleep) != 0;
}

static void
until_asleep(struct san_core *core)
{
	uint64_t end_us = monotonic_us() + PATIENCE_US;

	while (!is_asleep(core) && monotonic_us() < end_us)
		sched_yield();
	assert_true(is_asleep(core));
	usleep(1000);	/* from the flag into the kernel */
}

static void
open_host(unsigned int nb_cores)
{
	vhost_startup();
	vhost_open(&v, &(struct vhost_wish){ .address = "10.1.0.1/24", .nb_cores = nb_cores });
	v.below->clock = monotonic_us;
	for (unsigned int i = 0; i < nb_cores; i++)
		assert_int_equal(san_core_release(v.core[i]), 0);
	assert_int_equal(san_attach(), 0);
}

static void
close_host(void)
{
	assert_int_equal(san_detach(), 0);
	vhost_cleanup();
}

/* Close a socket and wait for its completion. */
static void
close_and_reap(struct san_cq *cq, san_handle s)
{
	struct san_completion comp;

	assert_int_equal(san_close(s, 5), 0);
	assert_int_equal(san_cq_wait(cq, PATIENCE_US), 1);
	assert_int_equal(san_cq_poll(cq, &comp, 1), 1);
	assert_int_equal(comp.kind, SAN_OP_CLOSE);
	assert_int_equal(comp.sock, s);
}

/* One core, one poller, one socket of this thread: what most cases begin and end with. */
struct one {
	struct poller poller;
	struct san_cq *cq;
	san_handle sock;
};

static void
begin_one(struct one *one)
{
	open_host(1);
	start(&one->poller, v.core[0]);
	assert_int_equal(san_cq_create(16, &one->cq), 0);
	assert_int_equal(ANSWERED(san_socket(v.core[0], one->cq, &one->sock)), 0);
}

/* The one completion that is due. */
static void
reap_one(struct one *one, int32_t result)
{
	struct san_completion comp;

	assert_int_equal(san_cq_wait(one->cq, PATIENCE_US), 1);
	assert_int_equal(san_cq_poll(one->cq, &comp, 1), 1);
	assert_int_equal(comp.result, result);
}

static void
end_one(struct one *one)
{
	close_and_reap(one->cq, one->sock);
	assert_int_equal(san_cq_destroy(one->cq), 0);
	stop(&one->poller);
	close_host();
}

static void
pause_at_random(unsigned int *seed)
{
	unsigned int n = (unsigned int)rand_r(seed) % 2000;

	while (n-- > 0)
		rte_pause();
}

static void
no_wake_up_is_lost_between_a_thread_and_a_core(void **state)
{
	struct poller p;
	struct san_cq *cq;
	unsigned int seed = 1;

	(void)state;
	open_host(1);
	start(&p, v.core[0]);
	assert_int_equal(san_cq_create(16, &cq), 0);
	/* Until the core has been asleep often enough for this to mean something. */
	for (unsigned int i = 0; i < ROUNDS || vhost_count(&v, SANI_CTR_core_sleeps) <= ROUNDS / 10; i++) {
		san_handle s;

		assert_int_equal(ANSWERED(san_socket(v.core[0], cq, &s)), 0);
		pause_at_random(&seed);
		close_and_reap(cq, s);
		pause_at_random(&seed);
	}
	assert_int_equal(san_cq_destroy(cq), 0);
	stop(&p);
	close_host();
}

/* A listener: what waits for a connection has no timer, so that nothing else than the case ends the core's sleep. */
static void
listen_on(const struct one *one)
{
	struct san_addr any = { .port = 7 };

	assert_int_equal(ANSWERED(san_bind(one->sock, &any)), 0);
	assert_int_equal(ANSWERED(san_listen(one->sock, 4)), 0);
}

static void
a_post_and_a_cancel_wake_the_core(void **state)
{
	static struct san_overlapped op;
	uint64_t end_us;
	struct one one;

	(void)state;
	begin_one(&one);
	listen_on(&one);
	until_asleep(v.core[0]);
	assert_int_equal(vhost_count(&v, SANI_CTR_sock_ops), 0);
	assert_int_equal(san_accept(one.sock, &op, 0), 0);
	end_us = monotonic_us() + PATIENCE_US;
	while (vhost_count(&v, SANI_CTR_sock_ops) == 0 && monotonic_us() < end_us)
		sched_yield();
	assert_int_equal(vhost_count(&v, SANI_CTR_sock_ops), 1);
	until_asleep(v.core[0]);
	assert_int_equal(san_cancel(one.sock, op.id), 0);
	reap_one(&one, -ECANCELED);
	end_one(&one);
}

static void
a_timer_ends_the_sleep(void **state)
{
	struct san_addr nobody = vhost_addr("10.1.0.2", 7);
	static struct san_overlapped op;
	struct one one;

	(void)state;
	begin_one(&one);
	assert_int_equal(san_connect(one.sock, &op, &nobody, 0), 0);
	/* nobody answers: only timers bring this to its end */
	reap_one(&one, -EHOSTUNREACH);
	end_one(&one);
}

static void
a_deadline_ends_the_sleep(void **state)
{
	static struct san_overlapped op = { .timeout_us = 20000 };
	struct one one;

	(void)state;
	begin_one(&one);
	listen_on(&one);
	assert_int_equal(san_accept(one.sock, &op, 0), 0);
	reap_one(&one, -ETIMEDOUT);
	end_one(&one);
}

static void
cores_wake_each_other(void **state)
{
	struct poller p[2];
	struct san_cq *cq;
	unsigned int seed = 2;

	(void)state;
	open_host(2);
	for (unsigned int i = 0; i < 2; i++)
		start(&p[i], v.core[i]);
	assert_int_equal(san_cq_create(16, &cq), 0);
	/* the other core has to take a listener in, and to answer before its close can end */
	for (unsigned int i = 0; i < ROUNDS / 10; i++) {
		struct san_addr any = { .port = 7 };
		san_handle s;

		assert_int_equal(ANSWERED(san_socket(v.core[i % 2], cq, &s)), 0);
		assert_int_equal(ANSWERED(san_bind(s, &any)), 0);
		assert_int_equal(ANSWERED(san_listen(s, 4)), 0);
		pause_at_random(&seed);
		close_and_reap(cq, s);
	}
	assert_int_equal(san_cq_destroy(cq), 0);
	for (unsigned int i = 0; i < 2; i++)
		stop(&p[i]);
	close_host();
}

static void
cleanup_wakes_a_sleeping_core(void **state)
{
	struct poller p;

	(void)state;
	open_host(1);
	start(&p, v.core[0]);
	until_asleep(v.core[0]);
	close_host();
	assert_int_equal(pthread_join(p.thread, NULL), 0);
	assert_int_equal(p.last, -ENETDOWN);
}

static void *
open_and_leave(void *arg)
{
	struct san_cq *cq;
	san_handle s;

	(void)arg;
	if (san_attach() != 0 || san_cq_create(16, &cq) != 0 || ANSWERED(san_socket(v.core[0], cq, &s)) != 0)
		return NULL;
	until_asleep(v.core[0]);
	return &v;
}

static void
a_thread_that_leaves_wakes_the_core(void **state)
{
	uint64_t end_us = monotonic_us() + PATIENCE_US;
	struct san_usage usage;
	struct poller p;
	pthread_t thread;
	void *went;

	(void)state;
	open_host(1);
	start(&p, v.core[0]);
	assert_int_equal(pthread_create(&thread, NULL, open_and_leave, NULL), 0);
	assert_int_equal(pthread_join(thread, &went), 0);
	assert_non_null(went);
	do {
		san_host_usage(v.host, &usage);
		sched_yield();
	} while (usage.sockets != 0 && monotonic_us() < end_us);
	assert_int_equal(usage.sockets, 0);
	stop(&p);
	close_host();
}

static bool
is_readable(int fd, int wait_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, wait_ms) == 1;
}

/* Poll as long as there is something to do: a timer may have become due meanwhile. */
static void
poll_until_armed(struct san_core *core)
{
	uint64_t end_us = monotonic_us() + PATIENCE_US;
	int rc;

	do {
		while (san_core_poll(core) > 0)
			;
		rc = san_core_arm(core);
	} while (rc == 1 && monotonic_us() < end_us);
	assert_int_equal(rc, 0);
}

static void
the_cores_descriptor_shows_what_its_own_thread_posts(void **state)
{
	static struct san_overlapped op;
	struct san_addr peer = vhost_addr("10.1.0.2", 7);
	struct san_cq *cq;
	san_handle s;
	int fd;

	(void)state;
	open_host(1);
	assert_int_equal(san_core_claim(v.core[0]), 0);
	fd = san_core_fd(v.core[0]);
	assert_true(fd >= 0);
	v.core[0]->sleep.by_timer = false;
	assert_int_equal(san_cq_create(16, &cq), 0);
	assert_int_equal(ANSWERED(san_socket(v.core[0], cq, &s)), 0);
	poll_until_armed(v.core[0]);
	assert_false(is_readable(fd, 20));
	assert_int_equal(san_connect(s, &op, &peer, 0), 0);
	assert_true(is_readable(fd, 0));
	assert_int_equal(san_core_arm(v.core[0]), 1);
	/* a round has taken the wake-up back, and what is left to do is a timer's */
	poll_until_armed(v.core[0]);
	assert_true(is_readable(fd, PATIENCE_US / 1000));
	assert_int_equal(san_close(s, 0), 0);
	while (san_cq_poll(cq, &(struct san_completion){ 0 }, 1) > 0 || san_core_poll(v.core[0]) > 0)
		;
	assert_int_equal(san_cq_destroy(cq), 0);
	assert_int_equal(san_core_release(v.core[0]), 0);
	close_host();
}

static void
the_queues_descriptor_shows_a_completion(void **state)
{
	struct san_completion comp;
	struct poller p;
	struct san_cq *cq;
	san_handle s;
	int fd;

	(void)state;
	open_host(1);
	start(&p, v.core[0]);
	assert_int_equal(san_cq_create(16, &cq), 0);
	fd = san_cq_fd(cq);
	assert_true(fd >= 0);
	for (unsigned int i = 0; i < 100; i++) {
		assert_int_equal(ANSWERED(san_socket(v.core[0], cq, &s)), 0);
		assert_int_equal(san_cq_arm(cq), 0);
		assert_false(is_readable(fd, 0));
		assert_int_equal(san_close(s, 0), 0);
		assert_true(is_readable(fd, PATIENCE_US / 1000));
		assert_int_equal(san_cq_arm(cq), 1);
		assert_int_equal(san_cq_poll(cq, &comp, 1), 1);
		assert_int_equal(comp.sock, s);
		assert_false(is_readable(fd, 0));
	}
	assert_int_equal(san_cq_destroy(cq), 0);
	stop(&p);
	close_host();
}

static void
waits_that_are_refused(void **state)
{
	struct san_cq *cq;

	(void)state;
	open_host(2);
	assert_int_equal(san_core_wait(NULL, 0), -EINVAL);
	assert_int_equal(san_core_wait(v.core[0], 0), -EPERM);
	assert_int_equal(san_core_fd(v.core[0]), -EPERM);
	assert_int_equal(san_core_arm(v.core[0]), -EPERM);
	assert_int_equal(san_cq_fd(NULL), -EINVAL);
	assert_int_equal(san_cq_arm(NULL), -EINVAL);
	assert_int_equal(san_core_claim(v.core[0]), 0);
	assert_int_equal(san_core_wait(v.core[0], 1), 0);
	assert_int_equal(san_core_claim(v.core[1]), 0);
	assert_int_equal(san_core_wait(v.core[0], 1), -EDEADLK);
	assert_int_equal(san_cq_create(16, &cq), 0);
	assert_int_equal(san_cq_wait(cq, 1), -EDEADLK);
	assert_int_equal(san_cq_destroy(cq), 0);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(san_core_release(v.core[i]), 0);
	close_host();
}

static int
stop_after(struct san_core *core, void *arg)
{
	(void)core;
	return --*(unsigned int *)arg == 0 ? 7 : 0;
}

/* Twenty rounds of a core that nothing happens to: a blind port has it look once a millisecond. */
static void
a_run_sleeps_when_it_has_been_idle_for_long(void **state)
{
	unsigned int rounds = 20;
	uint64_t begin_us;

	(void)state;
	vhost_startup();
	vhost_open(&v, &(struct vhost_wish){ .address = "10.1.0.1/24", .keys = { { "sleep_after", "1" } } });
	v.below->clock = monotonic_us;
	while (san_core_poll(v.core[0]) > 0)
		;
	begin_us = monotonic_us();
	assert_int_equal(san_run(v.core[0], stop_after, &rounds), 7);
	assert_true(vhost_count(&v, SANI_CTR_core_sleeps) >= 15);
	assert_true(monotonic_us() - begin_us >= 15 * 1000);
	vhost_cleanup();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_wake_up_is_lost_between_a_thread_and_a_core),
		cmocka_unit_test(a_post_and_a_cancel_wake_the_core),
		cmocka_unit_test(a_timer_ends_the_sleep),
		cmocka_unit_test(a_deadline_ends_the_sleep),
		cmocka_unit_test(cores_wake_each_other),
		cmocka_unit_test(cleanup_wakes_a_sleeping_core),
		cmocka_unit_test(a_thread_that_leaves_wakes_the_core),
		cmocka_unit_test(the_cores_descriptor_shows_what_its_own_thread_posts),
		cmocka_unit_test(the_queues_descriptor_shows_a_completion),
		cmocka_unit_test(waits_that_are_refused),
		cmocka_unit_test(a_run_sleeps_when_it_has_been_idle_for_long),
	};

	return cmocka_run_group_tests_name("sleep", tests, NULL, NULL);
}
