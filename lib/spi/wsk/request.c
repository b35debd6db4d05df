/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request from its call to its completion. Who may end it:
 *
 *   NEW      pushed, or about to start: its start looks at Cancel
 *   NATIVE   the native operation; a cancel is the native one
 *   HELD     the list it is on; a cancel takes it out
 *   ENDED    nobody any more
 *
 * IoCancelIrp() takes the cancel routine out of the IRP and pushes the IRP onto the core. Who completes
 * finds the routine gone then, and leaves the completion to the arrival of the cancel (OVER): the IRP must
 * not be its maker's again while it is on a stack here.
 */
#include <errno.h>

#include "sock/sleep.h"
#include "spi/wsk/priv.h"

__thread char sani_wsk_mark __attribute__((tls_model("initial-exec"), visibility("hidden")));

NTSTATUS
sani_wsk_status(int rc)
{
	switch (-rc) {
	case ECANCELED:
		return STATUS_CANCELLED;
	case ECONNRESET:
		return STATUS_CONNECTION_RESET;
	case ECONNABORTED:
		return STATUS_CONNECTION_ABORTED;
	case ECONNREFUSED:
		return STATUS_CONNECTION_REFUSED;
	case ETIMEDOUT:
		return STATUS_IO_TIMEOUT;
	case EHOSTUNREACH:
		return STATUS_HOST_UNREACHABLE;
	case ENETUNREACH:
		return STATUS_NETWORK_UNREACHABLE;
	case EADDRINUSE:
		return STATUS_ADDRESS_ALREADY_EXISTS;
	case EADDRNOTAVAIL:
		return STATUS_INVALID_ADDRESS_COMPONENT;
	case ENOTCONN:
	case EISCONN:
	case EPIPE:
	case EBUSY:
		return STATUS_INVALID_DEVICE_STATE;
	case EAGAIN:
	case ENOMEM:
	case ENOBUFS:
	case ENFILE:
		return STATUS_INSUFFICIENT_RESOURCES;
	case ENOTSOCK:
	case ENETDOWN:
	case EPERM:
		return STATUS_FILE_FORCED_CLOSED;
	case EMSGSIZE:
		return STATUS_INVALID_BUFFER_SIZE;
	case ENOPROTOOPT:
		return STATUS_NOT_SUPPORTED;
	default:
		return rc < 0 ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
	}
}

/* The routines above are called. */
static void
call_up(PIRP irp)
{
	IoSetNextIrpStackLocation(irp);
	IoMarkIrpPending(irp);
	IoCompleteRequest(irp, IO_NO_INCREMENT);
}

static ULONG
step_of(const IRP *irp)
{
	return irp->Step & SANI_WSK_STEPS;
}

static void
set_step(PIRP irp, ULONG step)
{
	irp->Step = (irp->Step & ~(ULONG)SANI_WSK_STEPS) | step;
}

/* Behind everything else of the socket (W65, W72); its memory goes first (W70), so nothing comes after. */
static void
end_close(PIRP irp)
{
	struct sani_wsk_sock *s = irp->Socket;
	struct _WSK_CLIENT *c = s->client;

	if (s->nb_over > 0) {
		s->late_close = irp;
		return;
	}
	sani_wsk_sock_free(s);
	call_up(irp);
	sani_wsk_client_put_sock(c);
}

void
sani_wsk_end(PIRP irp)
{
	struct sani_wsk_sock *s = irp->Socket;
	struct _WSK_CLIENT *c;

	if (!(irp->Step & SANI_WSK_SEEN) &&
	    __atomic_exchange_n(&irp->CancelRoutine, NULL, __ATOMIC_SEQ_CST) == NULL) {
		set_step(irp, SANI_WSK_OVER);
		if (s != NULL)
			s->nb_over++;
		return;
	}
	if (irp->Step & SANI_WSK_CLOSE) {
		end_close(irp);
	} else if (irp->Step & SANI_WSK_CLIENT) {
		c = irp->List;
		call_up(irp);
		sani_wsk_client_put_call(c);
	} else {
		call_up(irp);
	}
}

static void
on_cancelled(PIRP irp)
{
	irp->Step |= SANI_WSK_SEEN;
	sani_wsk_end(irp);
}

void
sani_wsk_complete(PIRP irp, NTSTATUS status, ULONG_PTR information)
{
	irp->IoStatus.Status = status;
	irp->IoStatus.Information = information;
	sani_wsk_end(irp);
}

static void
append(struct sani_wsk_irps *list, PIRP irp)
{
	irp->Next = NULL;
	if (list->tail != NULL)
		list->tail->Next = irp;
	else
		list->head = irp;
	list->tail = irp;
}

void
sani_wsk_hold(struct sani_wsk_irps *list, PIRP irp)
{
	set_step(irp, SANI_WSK_HELD);
	irp->List = list;
	append(list, irp);
}

PIRP
sani_wsk_next(struct sani_wsk_irps *list)
{
	PIRP irp = list->head;

	if (irp == NULL)
		return NULL;
	list->head = irp->Next;
	if (list->head == NULL)
		list->tail = NULL;
	set_step(irp, SANI_WSK_NEW);
	return irp;
}

void
sani_wsk_take_out(struct sani_wsk_irps *list, PIRP irp)
{
	PIRP at, last = NULL;

	for (at = list->head; at != NULL && at != irp; at = at->Next)
		last = at;
	if (at == NULL)
		return;
	if (last != NULL)
		last->Next = irp->Next;
	else
		list->head = irp->Next;
	if (list->tail == irp)
		list->tail = last;
}

void
sani_wsk_finish(PIRP irp, NTSTATUS status, ULONG_PTR information)
{
	struct sani_wsk_core *wc = irp->Core;

	irp->IoStatus.Status = status;
	irp->IoStatus.Information = information;
	set_step(irp, SANI_WSK_ENDED);
	if (sani_unlikely(atomic_load_explicit(&wc->gone, memory_order_acquire))) {
		sani_wsk_end(irp);
		return;
	}
	append(&wc->done, irp);
	sani_wsk_ask(wc);
	if (!sani_layer_in_round())
		sani_core_wake(wc->core);
}

void
sani_wsk_finish_all(struct sani_wsk_irps *list, NTSTATUS status, ULONG_PTR information)
{
	PIRP irp;

	while ((irp = sani_wsk_next(list)) != NULL)
		sani_wsk_finish(irp, status, information);
}

void
sani_wsk_posted(PIRP irp, int rc)
{
	if (sani_likely(rc == 0))
		set_step(irp, SANI_WSK_NATIVE);
	else
		sani_wsk_finish(irp, sani_wsk_status(rc), rc > 0 ? (ULONG_PTR)irp->Operation.result : 0);
}

/* Here. A client-level request looks itself: something was made for it. */
static void
carry_out(PIRP irp)
{
	const struct sani_wsk_sock *s = irp->Socket;

	if (irp->Step & (SANI_WSK_CLIENT | SANI_WSK_CLOSE))
		irp->Start(irp);
	else if (__atomic_load_n(&irp->Cancel, __ATOMIC_SEQ_CST))
		sani_wsk_finish(irp, STATUS_CANCELLED, 0);
	else if (s->native_over)
		sani_wsk_finish(irp, STATUS_FILE_FORCED_CLOSED, 0);
	else if (s->closing)
		sani_wsk_finish(irp, STATUS_CANCELLED, 0);	/* pushed before the close was called */
	else
		irp->Start(irp);
}

static PIRP
reverse(PIRP irp)
{
	PIRP list = NULL;

	while (irp != NULL) {
		PIRP next = irp->Next;

		irp->Next = list;
		list = irp;
		irp = next;
	}
	return list;
}

unsigned int
sani_wsk_take_inbox(struct sani_wsk_core *wc)
{
	PIRP irp = reverse(atomic_exchange(&wc->inbox, NULL));
	unsigned int n = 0;

	while (irp != NULL) {
		PIRP next = irp->Next;

		carry_out(irp);
		irp = next;
		n++;
	}
	return n;
}

NTSTATUS
sani_wsk_submit(PIRP irp, VOID (*start)(PIRP irp))
{
	struct sani_wsk_core *wc = irp->Core;
	PIRP head;

	irp->Start = start;
	if (sani_wsk_is_here(wc)) {
		carry_out(irp);
		return STATUS_PENDING;
	}
	head = atomic_load(&wc->inbox);
	do
		irp->Next = head;
	while (!atomic_compare_exchange_weak(&wc->inbox, &head, irp));
	sani_wsk_ask(wc);
	if (atomic_load(&wc->gone))
		sani_wsk_sweep(wc);
	else
		sani_core_wake(wc->core);
	return STATUS_PENDING;
}

static VOID
start_ended(PIRP irp)
{
	sani_wsk_finish(irp, irp->IoStatus.Status, 0);
}

NTSTATUS
sani_wsk_answer(PIRP irp, NTSTATUS status)
{
	irp->IoStatus.Status = status;
	return sani_wsk_submit(irp, start_ended);
}

static void
push_cancel(struct sani_wsk_core *wc, PIRP irp)
{
	PIRP head = atomic_load(&wc->cancels);

	do
		irp->NextCancelled = head;
	while (!atomic_compare_exchange_weak(&wc->cancels, &head, irp));
	sani_wsk_ask(wc);
}

VOID
sani_wsk_cancel(PDEVICE_OBJECT device, PIRP irp)
{
	const struct sani_wsk_sock *s = irp->Socket;
	struct sani_wsk_core *wc = s != NULL ? s->core : irp->Core;

	(void)device;
	push_cancel(wc, irp);
	if (atomic_load(&wc->gone))
		sani_wsk_sweep(wc);
	else
		sani_core_wake(wc->core);
}

static void
cancel_here(struct sani_wsk_core *wc, PIRP irp)
{
	struct sani_wsk_sock *s = irp->Socket;
	PIRP late = NULL;

	switch (step_of(irp)) {
	case SANI_WSK_NATIVE:
		/* No room in the ring to the connection's core: once more. */
		if (san_cancel(irp->Operation.sock, irp->Operation.id) == -EAGAIN) {
			push_cancel(wc, irp);
			return;
		}
		break;
	case SANI_WSK_HELD:
		sani_wsk_take_out(irp->List, irp);
		irp->Step |= SANI_WSK_SEEN;
		sani_wsk_finish(irp, STATUS_CANCELLED, 0);
		return;
	case SANI_WSK_OVER:
		if (s != NULL && --s->nb_over == 0)
			late = s->late_close;
		on_cancelled(irp);
		if (late != NULL)
			end_close(late);
		return;
	default:
		break;
	}
	irp->Step |= SANI_WSK_SEEN;
}

unsigned int
sani_wsk_take_cancels(struct sani_wsk_core *wc)
{
	PIRP irp = atomic_exchange(&wc->cancels, NULL);
	unsigned int n = 0;

	while (irp != NULL) {
		PIRP next = irp->NextCancelled;

		cancel_here(wc, irp);
		irp = next;
		n++;
	}
	return n;
}

void
sani_wsk_sweep(struct sani_wsk_core *wc)
{
	sani_wsk_take_inbox(wc);
	sani_wsk_take_cancels(wc);
}
