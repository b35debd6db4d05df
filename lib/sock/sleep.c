/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A core that sleeps (O13). Neither side can miss the other:
 *
 *   who publishes for the core        the core
 *   entry into a ring, or a list      asleep = 1, by exchange
 *   full barrier                      full barrier
 *   asleep? take it, wake             an entry anywhere? then no sleep
 *
 * Of a post the full barrier is the exchange that begins its bracket (O7), before the entry, so the core looks whether
 * a thread is inside one, too: who is not yet finds it asleep, and who is not any more has shown its entries.
 *
 * `armed` is the poller's own: from san_core_arm() to the next round. What it posts itself meanwhile wakes
 * it too, since a program may arm, then serve other descriptors of its loop, then sleep.
 */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "sock/layer.h"
#include "sock/priv.h"

/* The system has no room for one watch more: to the caller that is as if it had no descriptor. */
static int
watch(const struct sani_sleep *s, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };

	return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -EMFILE : 0;
}

static int
watch_all(struct san_core *k)
{
	const struct sani_host *host = k->core->host;
	struct sani_sleep *s = &k->sleep;
	int rc = watch(s, s->event_fd);

	if (rc == 0)
		rc = watch(s, s->timer_fd);
	s->by_timer = false;
	for (unsigned int i = 0; rc == 0 && i < host->nb_ifaces; i++) {
		int fd = sani_port_rx_fd(&host->ports[i], k->core->index);

		if (fd < 0)
			s->by_timer = true;
		else
			rc = watch(s, fd);
	}
	return rc;
}

static void
close_fds(struct sani_sleep *s)
{
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
	if (s->timer_fd >= 0)
		close(s->timer_fd);
	if (s->event_fd >= 0)
		close(s->event_fd);
	s->event_fd = -1;
}

static int
make_fds(struct san_core *k)
{
	struct sani_sleep *s = &k->sleep;
	int rc;

	s->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->event_fd < 0 || s->timer_fd < 0 || s->epoll_fd < 0)
		rc = -EMFILE;
	else
		rc = watch_all(k);
	if (rc < 0)
		close_fds(s);
	return rc;
}

void
sani_sleep_fini(struct san_core *k)
{
	if (k->sleep.event_fd >= 0)
		close_fds(&k->sleep);
}

/* Does a close wait for more than packets that refer to lent memory? For those the timer is enough (O13). */
static bool
must_close(const struct san_core *k)
{
	for (uint32_t slot = k->closing; slot != SANI_NONE; slot = sani_close_next(k, slot)) {
		const struct sani_sock *so = &k->socks[slot];

		if (so->close != SANI_CLOSE_FENCED || so->send.head == NULL)
			return true;
	}
	return false;
}

/* What a core has to do by looking again and again: there is nothing that would wake it. */
static bool
must_poll(const struct san_core *k)
{
	return must_close(k) || k->nb_kept > 0 || k->gone_here;
}

/* Something in a ring, or a thread that may be about to put something there. */
static bool
has_request(struct san_core *k)
{
	unsigned int id, high = sani_thread_high();

	for (id = 1; id < high; id++) {
		struct sani_thread *t = sani_thread_get(id);
		struct sani_spsc *ring;

		/* sequentially consistent, against the bracket's exchange; then, if it is over, what it has shown */
		if (atomic_load(&t->posting) != 0)
			return true;
		ring = atomic_load_explicit(&t->req[k->id], memory_order_acquire);
		if (ring != NULL && sani_spsc_head(ring) != sani_spsc_tail(ring))
			return true;
	}
	return false;
}

/* The last look: everything that others publish for the core or its thread. */
static bool
has_something(struct san_core *k, const struct sani_thread *t)
{
	const struct san_cq *cq;

	for (cq = t->cqs; cq != NULL; cq = cq->next_of_thread)
		if (sani_cq_has_something(cq))
			return true;
	return has_request(k) || atomic_load(&k->overflow) != 0 || sani_core_waits(k->core) ||
	       sani_thread_gone_count() != k->gone_seen || sani_lib_closing() || sani_layer_waits(k);
}

/* Until the core's next timer, the turn of what tells nobody (blind ports, reapers, lent memory), or the limit [us]. */
static uint64_t
sleep_us(const struct san_core *k, uint64_t limit_us)
{
	uint64_t deadline_us = sani_sock_deadline(k);
	uint64_t us = limit_us;

	if (k->sleep.by_timer || k->paused != SANI_NONE || k->nb_lent > 0)
		us = RTE_MIN(us, SANI_SLEEP_BLIND_US);
	if (deadline_us != SANI_NEVER) {
		uint64_t now_us = k->core->host->clock();

		us = RTE_MIN(us, deadline_us > now_us ? deadline_us - now_us : 0);
	}
	return us;
}

/* UINT64_MAX: no timer; that, like any other setting, takes back what had expired. */
static void
set_timer(int fd, uint64_t us)
{
	struct itimerspec when = { 0 };

	if (us != UINT64_MAX) {
		when.it_value.tv_sec = (time_t)(us / 1000000);
		when.it_value.tv_nsec = (long)(us % 1000000) * 1000;
	}
	timerfd_settime(fd, 0, &when, NULL);
}

static void
arm_queues(const struct sani_thread *t, int fd)
{
	struct san_cq *cq;

	for (cq = t->cqs; cq != NULL; cq = cq->next_of_thread)
		atomic_exchange(&cq->armed, (uint32_t)fd + 1);
}

void
sani_core_disarm(struct san_core *k)
{
	uint64_t count;

	if (!k->sleep.armed)
		return;
	k->sleep.armed = false;
	atomic_store_explicit(&k->here, atomic_load_explicit(&k->claimer, memory_order_relaxed), memory_order_relaxed);
	atomic_store(&k->asleep, 0);
	arm_queues(sani_thread_get(atomic_load(&k->claimer)), -1);
	/* Also one that comes late, for an earlier sleep. */
	while (read(k->sleep.event_fd, &count, sizeof(count)) > 0)
		;
}

static int
check(const struct san_core *k, const struct sani_thread *t)
{
	if (t == NULL || t->nb_claims == 0 || !sani_is_on_core(k, t))
		return sani_lib_check() < 0 ? -ENETDOWN : -EPERM;
	return t->in_round ? -EDEADLK : 0;
}

static int
arm(struct san_core *k, struct sani_thread *t, uint64_t limit_us)
{
	uint64_t us;
	int rc = k->sleep.event_fd < 0 ? make_fds(k) : 0;

	if (rc < 0)
		return rc;
	/* What was published between rounds. */
	sani_wake_touched(k);
	us = sleep_us(k, limit_us);
	if (must_poll(k) || us == 0)
		return 1;
	set_timer(k->sleep.timer_fd, us);
	k->sleep.armed = true;
	atomic_store_explicit(&k->here, SANI_NONE, memory_order_relaxed);
	atomic_exchange(&k->asleep, 1);
	arm_queues(t, k->sleep.event_fd);
	/* against the barriers of those who publish: sani_core_wake(), sani_wake_touched() */
	atomic_thread_fence(memory_order_seq_cst);
	sani_window();
	if (!has_something(k, t)) {
		sani_count(&k->core->ctr, SANI_CTR_core_sleeps);
		return 0;
	}
	sani_core_disarm(k);
	return 1;
}

int
sani_sleep_arm(struct san_core *k)
{
	struct sani_thread *t = sani_thread_self();
	int rc = check(k, t);

	return rc < 0 ? rc : arm(k, t, UINT64_MAX);
}

int
sani_sleep_fd(struct san_core *k)
{
	int rc = check(k, sani_thread_self());

	if (rc == 0 && k->sleep.event_fd < 0)
		rc = make_fds(k);
	return rc < 0 ? rc : k->sleep.epoll_fd;
}

int
sani_sleep_wait(struct san_core *k, uint64_t timeout_us)
{
	struct sani_thread *t = sani_thread_self();
	struct epoll_event ev;
	int rc = check(k, t);

	if (rc == 0 && t->nb_claims > 1)
		rc = -EDEADLK;
	if (rc == 0)
		rc = arm(k, t, timeout_us);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	/* A signal is what the caller's loop wants to see; a tap sends one with each frame. */
	if (epoll_wait(k->sleep.epoll_fd, &ev, 1, -1) < 0 && errno != EINTR)
		rc = -errno;
	sani_core_disarm(k);
	return rc;
}

int
sani_sleep_rest(struct san_core *k, int done)
{
	uint64_t now_us = k->core->now_us;

	if (done != 0 || k->sleep_after_us == 0)
		k->busy_us = now_us;
	if (now_us - k->busy_us < k->sleep_after_us || k->sleep_after_us == 0)
		return 0;
	return sani_sleep_wait(k, UINT64_MAX);
}

void
sani_core_wake_published(struct san_core *k)
{
	uint64_t one = 1;

	if (atomic_load_explicit(&k->asleep, memory_order_relaxed) == 0)
		return;
	if (atomic_exchange(&k->asleep, 0) != 0 && write(k->sleep.event_fd, &one, sizeof(one)) < 0)
		return;	/* the counter is not zero already: the core wakes */
}

void
sani_core_wake(struct san_core *k)
{
	/* What was published before the look at `asleep`, against arm(). */
	atomic_thread_fence(memory_order_seq_cst);
	sani_core_wake_published(k);
}
