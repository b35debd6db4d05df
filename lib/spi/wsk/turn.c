/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The layer's turn on a core: what other threads have pushed, and what has ended meanwhile; and what the queue brings.
 * Nearly all of that is the end of a send or a receive of an IRP that is its maker's own: its routine is called as it
 * is, without a step.
 */
#include "sock/sleep.h"
#include "spi/wsk/priv.h"

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
	sani_wsk_ask(wc);
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

void
sani_wsk_on_ended(struct sani_wsk_core *wc, const struct san_completion *comp)
{
	PIRP irp = sani_wsk_irp_of(comp->op);

	(void)wc;
	if (comp->result >= 0)
		sani_wsk_complete(irp, STATUS_SUCCESS, (ULONG_PTR)comp->result);
	else
		sani_wsk_complete(irp, sani_wsk_status(comp->result),
				  comp->kind == SAN_OP_RECV ? irp->Operation.done : 0);
}

/* Closed by us: the value says whose it was. By a cleanup: it does not. */
static void
on_close_record(struct sani_wsk_core *wc, const struct san_completion *comp)
{
	struct sani_wsk_sock *s = (struct sani_wsk_sock *)(uintptr_t)(comp->user & ~SANI_WSK_ODD);

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

/* Not those that routines add meanwhile (W21). */
static __attribute__((noinline)) unsigned int
end_done(struct sani_wsk_core *wc)
{
	PIRP irp = wc->done.head;
	unsigned int n = 0;

	wc->done = (struct sani_wsk_irps){ 0 };
	while (irp != NULL) {
		PIRP next = irp->Next;

		sani_wsk_end(irp);
		irp = next;
		n++;
	}
	return n;
}

/* A transfer of an IRP that is its maker's own went as asked for: nearly all there is. */
static inline bool
is_plain(const struct san_completion *c)
{
	return (int64_t)(c->user | (uint64_t)(int64_t)c->result) >= 0;
}

/* Its routine may free it. */
static inline void
end_plain(PIRP irp, int32_t bytes)
{
	PIO_STACK_LOCATION at = IoGetNextIrpStackLocation(irp);

	irp->IoStatus.Status = STATUS_SUCCESS;
	irp->IoStatus.Information = (ULONG_PTR)bytes;
	/* sequentially consistent: against IoCancelIrp() */
	if (sani_likely(__atomic_exchange_n(&irp->CancelRoutine, NULL, __ATOMIC_SEQ_CST) != NULL))
		at->CompletionRoutine(NULL, irp, at->Context);
	else
		sani_wsk_end(irp);
}

static __attribute__((noinline)) void
end_odd(struct sani_wsk_core *wc, const struct san_completion *c)
{
	if (!(c->user & SANI_WSK_ODD))
		sani_wsk_on_ended(wc, c);
	else if (c->kind == SAN_OP_CLOSE)
		on_close_record(wc, c);
	else
		((sani_wsk_fn)(uintptr_t)(c->user & ~SANI_WSK_ODD))(wc, c);
	/* What ended by that comes before what ended natively after it. */
	if (wc->done.head != NULL)
		end_done(wc);
}

void
sani_wsk_ended(struct sani_layer *layer, const struct san_completion *c)
{
	if (sani_likely(is_plain(c)))
		end_plain((PIRP)(uintptr_t)c->user, c->result);
	else
		end_odd(SANI_CONTAINER(layer, struct sani_wsk_core, layer), c);
}

static unsigned int
take_pushed(struct sani_wsk_core *wc)
{
	unsigned int n = end_done(wc);

	n += sani_wsk_take_inbox(wc);
	n += sani_wsk_take_cancels(wc);
	n += take_kicked(wc);
	sani_wsk_take_released(wc);
	return n;
}

bool
sani_wsk_waiting(const struct sani_layer *layer)
{
	const struct sani_wsk_core *wc = (const struct sani_wsk_core *)(const void *)layer;

	return wc->done.head != NULL || atomic_load(&wc->inbox) != NULL || atomic_load(&wc->cancels) != NULL ||
	       atomic_load(&wc->kicked) != NULL || atomic_load(&wc->released) != NULL;
}

static void
leave(struct sani_wsk_core *wc, struct san_core *k)
{
	unsigned int n;

	do {
		n = sani_layer_reap(&wc->layer);
		n += take_pushed(wc);
	} while (n > 0);
	sani_layer_remove(k, &wc->layer);
	sani_wsk_core_left(wc);
}

unsigned int
sani_wsk_turn(struct sani_layer *layer, struct san_core *k, bool last)
{
	struct sani_wsk_core *wc = SANI_CONTAINER(layer, struct sani_wsk_core, layer);
	unsigned int n = take_pushed(wc);

	if (last)
		leave(wc, k);
	return n;
}
