/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <san/nt.h>

#include "base/base.h"
#include "sock/layer.h"
#include "spi/wsk/priv.h"

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

LONG
KeSetEvent(PRKEVENT Event, KPRIORITY Increment, BOOLEAN Wait)
{
	LONG was = __atomic_exchange_n(&Event->State, 1, __ATOMIC_ACQ_REL);

	(void)Increment;
	(void)Wait;
	if (was == 0)
		syscall(SYS_futex, &Event->State, FUTEX_WAKE_PRIVATE,
			Event->Type == SynchronizationEvent ? 1 : INT_MAX, NULL, NULL, 0);
	return was;
}

LONG
KeResetEvent(PRKEVENT Event)
{
	return __atomic_exchange_n(&Event->State, 0, __ATOMIC_ACQ_REL);
}

/* True when the event is signalled; the wait that has seen it resets one for synchronization. */
static bool
take_signal(PRKEVENT event)
{
	LONG signalled = 1;

	if (event->Type == NotificationEvent)
		return __atomic_load_n(&event->State, __ATOMIC_ACQUIRE) != 0;
	return __atomic_compare_exchange_n(&event->State, &signalled, 0, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

static void
sleep_until(PRKEVENT event, int64_t end_ns)
{
	struct timespec left, *timeout = NULL;

	if (end_ns != INT64_MAX) {
		int64_t ns = RTE_MAX(end_ns - now_ns(), (int64_t)0);

		left = (struct timespec){ .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
		timeout = &left;
	}
	syscall(SYS_futex, &event->State, FUTEX_WAIT_PRIVATE, 0, timeout, NULL, 0);
}

/* A callback that waited would wait for itself: inside a round there is no waiting (W22). */
NTSTATUS
KeWaitForSingleObject(PVOID Object, KWAIT_REASON WaitReason, KPROCESSOR_MODE WaitMode, BOOLEAN Alertable,
		      PLARGE_INTEGER Timeout)
{
	int64_t end_ns = INT64_MAX;
	PRKEVENT event = Object;

	(void)WaitReason;
	(void)WaitMode;
	(void)Alertable;
	if (event == NULL || (Timeout != NULL && Timeout->QuadPart > 0))
		return STATUS_INVALID_PARAMETER;
	if (sani_layer_in_round())
		return STATUS_INVALID_DEVICE_STATE;
	if (Timeout != NULL)
		end_ns = now_ns() - Timeout->QuadPart * 100;
	while (!take_signal(event)) {
		if (end_ns != INT64_MAX && now_ns() >= end_ns)
			return STATUS_TIMEOUT;
		if (!sani_layer_poll_own())
			sleep_until(event, end_ns);
	}
	return STATUS_SUCCESS;
}
