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

#define REAP 64
#define REAPS 4		/* bound of one turn */

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
static inline void
call_up(PIRP irp)
{
	PIO_STACK_LOCATION at = IoGetNextIrpStackLocation(irp);

	irp->PendingReturned = TRUE;
	/* Made by the program itself, for this one call: nobody is above its routine. */
	if (sani_likely(irp->IoStatus.Status == STATUS_SUCCESS && at->Control & SL_INVOKE_ON_SUCCESS &&
			irp->CurrentLocation > irp->StackCount && at->CompletionRoutine != NULL)) {
		at->CompletionRoutine(NULL, irp, at->Context);
		return;
	}
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

/* Its status is there. */
static void
end_irp(PIRP irp)
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
	end_irp(irp);
}

void
sani_wsk_complete(PIRP irp, NTSTATUS status, ULONG_PTR information)
{
	irp->IoStatus.Status = status;
	irp->IoStatus.Information = information;
	if (sani_likely(__atomic_exchange_n(&irp->CancelRoutine, NULL, __ATOMIC_SEQ_CST) != NULL)) {
		call_up(irp);
		return;
	}
	end_irp(irp);
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
		end_irp(irp);
		return;
	}
	append(&wc->done, irp);
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

static unsigned int
take_cancels(struct sani_wsk_core *wc)
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
	take_cancels(wc);
}

void
sani_wsk_kick(struct sani_wsk_sock *s)
{
	struct sani_wsk_core *wc = s->core;
	struct sani_wsk_sock *head;

	if (atomic_exchange(&s->is_kicked, true))
		return;
	head = atomic_load(&wc->kicked);
	do
		s->next_kicked = head;
	while (!atomic_compare_exchange_weak(&wc->kicked, &head, s));
	if (!atomic_load(&wc->gone))
		sani_core_wake(wc->core);
}

static unsigned int
take_kicked(struct sani_wsk_core *wc)
{
	struct sani_wsk_sock *s = atomic_exchange(&wc->kicked, NULL);
	unsigned int n = 0;

	while (s != NULL) {
		struct sani_wsk_sock *next = s->next_kicked;

		atomic_store(&s->is_kicked, false);
		sani_wsk_arm(s);
		s = next;
		n++;
	}
	return n;
}

/* The operation of a request has ended, and there is nothing more to it. */
static inline void
end_native(const struct san_completion *comp)
{
	PIRP irp = sani_wsk_irp_of(comp->op);

	if (sani_likely(comp->result >= 0))
		sani_wsk_complete(irp, STATUS_SUCCESS, (ULONG_PTR)comp->result);
	else
		sani_wsk_complete(irp, sani_wsk_status(comp->result),
				  comp->kind == SAN_OP_RECV ? irp->Operation.done : 0);
}

/* Closed by us: the value says whose it was. By a cleanup: it does not. */
static void
on_close_record(struct sani_wsk_core *wc, const struct san_completion *comp)
{
	struct sani_wsk_sock *s = (struct sani_wsk_sock *)(uintptr_t)comp->user;

	if (s == NULL)
		for (s = wc->socks; s != NULL && s->h != comp->sock; s = s->next)
			;
	if (s == NULL)
		return;
	/* What is enabled is looked at before the socket may go. */
	if (atomic_load(&s->is_kicked))
		take_kicked(wc);
	sani_wsk_sock_over(s);
}

/* Not those that routines add meanwhile. */
static unsigned int
end_done(struct sani_wsk_core *wc)
{
	PIRP irp = wc->done.head;
	unsigned int n = 0;

	wc->done = (struct sani_wsk_irps){ 0 };
	while (irp != NULL) {
		PIRP next = irp->Next;

		end_irp(irp);
		irp = next;
		n++;
	}
	return n;
}

static unsigned int
reap(struct sani_wsk_core *wc)
{
	struct san_completion comp[REAP];
	unsigned int all = 0;
	int i, n = REAP;

	while (n == REAP && all < REAP * REAPS) {
		n = san_cq_poll(wc->cq, comp, REAP);
		for (i = 0; i < n; i++) {
			if (sani_likely(comp[i].user == SANI_WSK_PLAIN)) {
				end_native(&comp[i]);
				continue;
			}
			if (comp[i].kind == SAN_OP_CLOSE)
				on_close_record(wc, &comp[i]);
			else
				((sani_wsk_fn)(uintptr_t)comp[i].user)(wc, &comp[i]);
			/* What ended by that comes before what ended natively after it. */
			if (wc->done.head != NULL)
				end_done(wc);
		}
		all += n > 0 ? (unsigned int)n : 0;
	}
	return all;
}

static unsigned int
take_all(struct sani_wsk_core *wc)
{
	unsigned int n = 0;

	if (wc->done.head != NULL)
		n += end_done(wc);
	if (atomic_load_explicit(&wc->inbox, memory_order_relaxed) != NULL)
		n += sani_wsk_take_inbox(wc);
	if (atomic_load_explicit(&wc->cancels, memory_order_relaxed) != NULL)
		n += take_cancels(wc);
	if (atomic_load_explicit(&wc->kicked, memory_order_relaxed) != NULL)
		n += take_kicked(wc);
	if (atomic_load_explicit(&wc->released, memory_order_relaxed) != NULL)
		sani_wsk_take_released(wc);
	n += reap(wc);
	if (wc->done.head != NULL)
		n += end_done(wc);
	return n;
}

bool
sani_wsk_waiting(const struct sani_layer *layer)
{
	const struct sani_wsk_core *wc = (const struct sani_wsk_core *)(const void *)layer;

	return wc->done.head != NULL || atomic_load(&wc->inbox) != NULL || atomic_load(&wc->cancels) != NULL ||
	       atomic_load(&wc->kicked) != NULL || atomic_load(&wc->released) != NULL;
}

unsigned int
sani_wsk_turn(struct sani_layer *layer, struct san_core *k, bool last)
{
	struct sani_wsk_core *wc = SANI_CONTAINER(layer, struct sani_wsk_core, layer);
	unsigned int n = take_all(wc);

	if (!last)
		return n;
	while (take_all(wc) > 0)
		;
	sani_layer_remove(k, layer);
	sani_wsk_core_left(wc);
	return n;
}
