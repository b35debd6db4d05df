/* SPDX-License-Identifier: BSD-3-Clause */
/* A thread that sleeps on its queue (O13): the counterpart of sleep.c, which draws the two sides. */
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <rte_pause.h>

#include "base/window.h"
#include "sock/cq.h"

#define SPIN_US 50u		/* about what a sleep and a wake-up cost */

static uint64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* Look for as long as it has paid lately. */
static bool
spin(struct san_cq *cq, uint64_t begin_us, uint64_t timeout_us)
{
	uint64_t us = cq->spin_us < timeout_us ? cq->spin_us : timeout_us;

	while (us > 0 && now_us() - begin_us < us) {
		rte_pause();
		if (sani_cq_has_something(cq))
			return true;
	}
	return false;
}

/* A sleep that was hardly one: look longer the next time; else less and less. */
static void
learn(struct san_cq *cq, uint64_t slept_us)
{
	cq->spin_us = slept_us <= 2 * SPIN_US ? SPIN_US : cq->spin_us / 2;
}

static int
open_event(struct san_cq *cq)
{
	if (cq->event_fd < 0)
		cq->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return cq->event_fd < 0 ? -EMFILE : 0;
}

/* False: armed; there is nothing yet. */
static bool
arm(struct san_cq *cq)
{
	/* exchange and fence: armed before the last look, against sani_wake_touched() (O13) */
	atomic_exchange(&cq->armed, (uint32_t)cq->event_fd + 1);
	atomic_thread_fence(memory_order_seq_cst);
	sani_window();
	return sani_cq_has_something(cq);
}

void
sani_cq_disarm(struct san_cq *cq)
{
	uint64_t count;

	cq->watched = false;
	atomic_store(&cq->armed, 0);
	while (read(cq->event_fd, &count, sizeof(count)) > 0)
		;
}

/* One sleep until something may be there. A wake-up that was meant for an earlier one ends it too. */
static int
sleep_once(struct san_cq *cq, uint64_t timeout_us)
{
	struct pollfd pfd = { .fd = cq->event_fd, .events = POLLIN };
	struct timespec ts = { .tv_sec = (time_t)(timeout_us / 1000000),
			       .tv_nsec = (long)(timeout_us % 1000000) * 1000 };
	int rc = 0;

	if (!arm(cq)) {
		rc = ppoll(&pfd, 1, timeout_us == UINT64_MAX ? NULL : &ts, NULL);
		if (rc < 0)
			rc = -errno;
	}
	sani_cq_disarm(cq);
	return rc < 0 ? rc : 0;
}

static int
sleep_on(struct san_cq *cq, uint64_t timeout_us)
{
	uint64_t begin_us = now_us();
	uint64_t slept_us = 0;
	int rc = 0;

	if (spin(cq, begin_us, timeout_us))
		return 1;
	while (rc == 0 && slept_us < timeout_us) {
		rc = sleep_once(cq, timeout_us == UINT64_MAX ? UINT64_MAX : timeout_us - slept_us);
		slept_us = now_us() - begin_us;
		if (sani_cq_has_something(cq)) {
			learn(cq, slept_us);
			return 1;
		}
	}
	return rc;
}

/* May the calling thread wait on cq? @retval 1 There is no need to. */
static int
check(const struct san_cq *cq)
{
	if (cq == NULL)
		return -EINVAL;
	if (!sani_cq_is_mine(cq))
		return -EPERM;
	return sani_cq_has_something(cq) ? 1 : 0;
}

int
san_cq_wait(struct san_cq *cq, uint64_t timeout_us)
{
	int rc = check(cq);

	if (rc != 0 || timeout_us == 0)
		return rc;
	if (sani_thread_self()->nb_claims != 0)
		return -EDEADLK;
	rc = open_event(cq);
	return rc < 0 ? rc : sleep_on(cq, timeout_us);
}

int
san_cq_fd(struct san_cq *cq)
{
	int rc = check(cq);

	if (rc < 0)
		return rc;
	rc = open_event(cq);
	return rc < 0 ? rc : cq->event_fd;
}

int
san_cq_arm(struct san_cq *cq)
{
	int rc = check(cq);

	if (rc != 0)
		return rc;
	rc = open_event(cq);
	if (rc < 0)
		return rc;
	cq->watched = true;
	return arm(cq) ? 1 : 0;
}
