/* SPDX-License-Identifier: BSD-3-Clause */
#include "packetdrill/stage.h"

#include <errno.h>
#include <pthread.h>

#include "kit/fail.h"
#include "kit/vhost.h"

/* Longest wait for a packet: beyond the longest timer that a connection has. */
#define PATIENCE_US (24 * 3600 * 1000000ull)

enum job_state {
	JOB_POSTED,
	JOB_WAITING,	/* answered -EAGAIN and may wait */
	JOB_DONE,
};

struct job {
	stage_work work;
	void *arg;
	bool may_wait;
	enum job_state state;
	long result;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t posted;	/* the stack's thread waits for work, or for the second thread */
	pthread_cond_t changed;	/* the callers wait for their jobs */
	pthread_t player;
	const struct stage_stack *stack;
	struct job *jobs[2];	/* of the player, of the second thread */
	struct job *waiter;	/* of the second thread only */
	bool holds_time;	/* the second thread is under way */
	bool open;
	uint64_t now_us;	/* the clock of the script; the stack's follows it */
} stage = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.posted = PTHREAD_COND_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER,
};

static bool
is_player(void)
{
	return pthread_equal(pthread_self(), stage.player);
}

static void
finish(struct job *job, long result)
{
	job->result = result;
	job->state = JOB_DONE;
	pthread_cond_broadcast(&stage.changed);
}

/* Until nothing more happens at this moment. */
static void
settle(void)
{
	do {
		while (stage.stack->round() > 0)
			;
		if (stage.waiter != NULL) {
			long result = stage.waiter->work(stage.waiter->arg);

			if (result != -EAGAIN) {
				stage.holds_time = true;
				finish(stage.waiter, result);
				stage.waiter = NULL;
			}
		}
	} while (stage.stack->round() > 0);
}

static void
set_clocks(uint64_t us)
{
	vhost_now_us = RTE_MAX(vhost_now_us, us);
	stage.now_us = RTE_MAX(stage.now_us, us);
}

/* Go on to the next timer up to a moment. False: there is none, and the moment is not reached yet. */
static bool
go_on(uint64_t end_us)
{
	uint64_t next_us = RTE_MAX(stage.stack->deadline(), vhost_now_us + 1);

	if (next_us > end_us)
		return false;
	set_clocks(next_us);
	settle();
	return true;
}

static void
do_job(struct job **slot)
{
	struct job *job = *slot;
	long result;

	*slot = NULL;
	result = job->work(job->arg);
	settle();
	if (result != -EAGAIN || !job->may_wait) {
		finish(job, result);
		return;
	}
	job->state = JOB_WAITING;
	stage.waiter = job;
	stage.holds_time = false;
	pthread_cond_broadcast(&stage.changed);
}

/* The second thread may need the stack before it lets time go. */
static void
await_second(void)
{
	while (stage.holds_time) {
		if (stage.jobs[1] != NULL)
			do_job(&stage.jobs[1]);
		else
			pthread_cond_wait(&stage.posted, &stage.lock);
	}
}

static long
sleep_until(void *arg)
{
	uint64_t end_us = *(uint64_t *)arg;

	do
		await_second();
	while (go_on(end_us));
	set_clocks(end_us);
	settle();
	await_second();
	return 0;
}

/* Up to the script's clock, which its looks have moved by a few microseconds. */
static long
catch_up(void *arg)
{
	(void)arg;
	while (go_on(stage.now_us))
		;
	set_clocks(stage.now_us);
	settle();
	return 0;
}

static long
await_packet(void *arg)
{
	uint64_t end_us = stage.now_us + PATIENCE_US;

	(void)arg;
	do
		await_second();
	while (!stage.stack->has_sent() && go_on(end_us));
	return stage.stack->has_sent();
}
static void *
run(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&stage.lock);
	stage.stack->open();
	stage.now_us = vhost_now_us;
	stage.open = true;
	pthread_cond_broadcast(&stage.changed);
	for (;;) {
		if (stage.jobs[1] != NULL)
			do_job(&stage.jobs[1]);
		else if (stage.jobs[0] != NULL)
			do_job(&stage.jobs[0]);
		else
			pthread_cond_wait(&stage.posted, &stage.lock);
	}
	return NULL;
}

void
stage_start(const struct stage_stack *stack)
{
	pthread_t thread;

	stage.player = pthread_self();
	stage.stack = stack;
	kit_need(pthread_create(&thread, NULL, run, NULL) == 0);
	pthread_mutex_lock(&stage.lock);
	while (!stage.open)
		pthread_cond_wait(&stage.changed, &stage.lock);
	pthread_mutex_unlock(&stage.lock);
}

static void
give(struct job *job)
{
	struct job **slot = &stage.jobs[is_player() ? 0 : 1];

	kit_need(*slot == NULL);
	*slot = job;
	pthread_cond_signal(&stage.posted);
	while (job->state != JOB_DONE)
		pthread_cond_wait(&stage.changed, &stage.lock);
}

long
stage_call(stage_work work, void *arg, bool may_wait)
{
	struct job first = { .work = catch_up };
	struct job job = { .work = work, .arg = arg, .may_wait = may_wait && !is_player() };

	pthread_mutex_lock(&stage.lock);
	if (!is_player())
		stage.holds_time = true;
	give(&first);
	give(&job);
	pthread_mutex_unlock(&stage.lock);
	return job.result;
}

uint64_t
stage_look(void)
{
	uint64_t now_us;

	pthread_mutex_lock(&stage.lock);
	if (is_player()) {
		while (stage.holds_time)
			pthread_cond_wait(&stage.changed, &stage.lock);
	}
	now_us = ++stage.now_us;
	if (!is_player()) {
		stage.holds_time = false;
		pthread_cond_broadcast(&stage.changed);
		pthread_cond_signal(&stage.posted);
	}
	pthread_mutex_unlock(&stage.lock);
	return now_us;
}

void
stage_sleep(uint64_t us)
{
	struct job job = { .work = sleep_until };

	pthread_mutex_lock(&stage.lock);
	us += stage.now_us;
	job.arg = &us;
	give(&job);
	pthread_mutex_unlock(&stage.lock);
}

bool
stage_await_packet(void)
{
	struct job job = { .work = await_packet };

	pthread_mutex_lock(&stage.lock);
	give(&job);
	pthread_mutex_unlock(&stage.lock);
	return job.result != 0;
}
