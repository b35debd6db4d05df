/* SPDX-License-Identifier: BSD-3-Clause */
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <ucontext.h>

#include "step.h"

#define TRAP_FLAG 0x100

static atomic_uint left;	/* Traps until the stop; 0: none. */
static atomic_bool arming;
static atomic_bool over;
static atomic_bool was_stopped;
static atomic_bool stopped;
static atomic_bool released;

#if defined(__x86_64__)

static void
trap(int sig, siginfo_t *info, void *context)
{
	greg_t *flags = &((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL];

	(void)sig;
	(void)info;
	if (atomic_exchange(&arming, false)) {
		*flags |= TRAP_FLAG;
		return;
	}
	if (atomic_load(&over)) {
		*flags &= ~(greg_t)TRAP_FLAG;
		return;
	}
	if (atomic_load(&left) == 0 || atomic_fetch_sub(&left, 1) != 1)
		return;
	atomic_store(&was_stopped, true);
	atomic_store(&stopped, true);
	while (!atomic_load(&released))
		sched_yield();
	*flags &= ~(greg_t)TRAP_FLAG;
}

bool
step_possible(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = trap;
	sa.sa_flags = SA_SIGINFO;
	return sigaction(SIGTRAP, &sa, NULL) == 0;
}

#else

bool
step_possible(void)
{
	return false;
}

#endif

void
step_arm(unsigned int n)
{
	atomic_store(&over, false);
	atomic_store(&stopped, false);
	atomic_store(&was_stopped, false);
	atomic_store(&released, false);
	atomic_store(&left, n);
	atomic_store(&arming, true);
	raise(SIGTRAP);
}

bool
step_disarm(void)
{
	bool hit = atomic_load(&was_stopped);

	atomic_store(&over, true);
	return hit;
}

bool
step_stopped(void)
{
	return atomic_load(&stopped);
}

void
step_release(void)
{
	atomic_store(&stopped, false);
	atomic_store(&released, true);
}
