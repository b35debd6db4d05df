/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A signal that came while a core slept, also that of a program which was stopped and goes on, was reported as an error
 * (-EAGAIN, of a call after the one that the signal had ended), and the loop that polls the core ended (O13).
 */
#include <signal.h>
#include <time.h>

#include "net.h"

#define SIGNALS 200

static struct net net;
static atomic_uint nb_signals;

static void
note_signal(int sig)
{
	(void)sig;
	atomic_fetch_add(&nb_signals, 1);
}

/* Signals come all the time: nearly all of it passes in the wait. */
static void
signal_ends_a_wait_without_an_error(void **state)
{
	const struct net_wish wish = { .one_host = true };
	const struct sigaction on_signal = { .sa_handler = note_signal };
	const struct itimerspec often = { .it_value.tv_nsec = 100000, .it_interval.tv_nsec = 100000 };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	timer_t timer;

	(void)state;
	net_open(&net, &wish);
	assert_int_equal(sigaction(SIGUSR1, &on_signal, NULL), 0);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	assert_int_equal(timer_settime(timer, 0, &often, NULL), 0);
	while (atomic_load(&nb_signals) < SIGNALS) {
		assert_true(san_core_poll(net.core[0][0]) >= 0);
		assert_int_equal(san_core_wait(net.core[0][0], UINT64_MAX), 0);
	}
	assert_int_equal(timer_delete(timer), 0);
	assert_true(net_counter(&net, 0, "core_sleeps") > 0);
	net_close(&net);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(signal_ends_a_wait_without_an_error),
};

NET_MAIN("signal_ends_the_poll_loop", cases)
