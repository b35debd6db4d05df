/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Sleep of a core (O13), inside: what it keeps, and who ends it.
 *
 * Threads: the core's, but for the two wakes.
 */
#ifndef SANI_SOCK_SLEEP_H
#define SANI_SOCK_SLEEP_H

#include <stdbool.h>

struct san_core;

/** A core's sleep (O13), made when it is first wanted. */
struct sani_sleep {
	int event_fd;		/**< Others wake it by this; -1: not made. */
	int timer_fd;
	int epoll_fd;		/**< Of those two, and of the ports' receive queues. */
	bool by_timer;		/**< A port has no descriptor: looked at once in SANI_SLEEP_BLIND_US. */
	bool armed;		/**< The poller's: it sleeps, or is about to. */
};

#define SANI_SLEEP_BLIND_US 1000u

/** Wake k if it sleeps. Any thread; what is published for it comes before. */
void
sani_core_wake(struct san_core *k);

/** The same behind a full barrier that the caller has made. */
void
sani_core_wake_published(struct san_core *k);

/** The descriptors are closed. */
void
sani_sleep_fini(struct san_core *k);

/** The core is polled, or given back: it does not sleep any more. */
void
sani_core_disarm(struct san_core *k);

#endif
