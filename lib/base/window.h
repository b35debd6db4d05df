/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Window: a place between two steps that another thread may see apart, for tests to stretch; and what the
 * thread sanitizer cannot see by itself. Nothing of it is in the library that is shipped.
 *
 * Use:    sani_window() where the model of the contract (doc/model) has two transitions in a row that order
 *         matters for. A test sets the hook before any thread calls the library; it yields, or waits.
 */
#ifndef SANI_BASE_WINDOW_H
#define SANI_BASE_WINDOW_H

#ifdef NDEBUG
#define sani_window() ((void)0)
#else
extern void (*sani_window_hook)(void);

static inline void
sani_window(void)
{
	if (sani_window_hook != 0)
		sani_window_hook();
}
#endif

/*
 * Drivers are not built with the sanitizer: that a buffer passes through one from this thread to that one
 * has to be said.
 */
#ifdef __SANITIZE_THREAD__
void
__tsan_release(void *addr);
void
__tsan_acquire(void *addr);
#define SANI_GIVEN(addr) __tsan_release(addr)
#define SANI_TAKEN(addr) __tsan_acquire(addr)
#else
#define SANI_GIVEN(addr) ((void)(addr))
#define SANI_TAKEN(addr) ((void)(addr))
#endif

#endif
