/* SPDX-License-Identifier: BSD-3-Clause */
#include "sock/afar.h"
#include "sock/priv.h"

static void
on_control(struct san_core *k, struct sani_control *ctl, uint32_t number)
{
	uint64_t asked = sani_control_call(number, SANI_CONTROL_ASKED);

	/* acquire: the arguments after the state that shows them. Another call: this one was given up. */
	if (!atomic_compare_exchange_strong(&ctl->call, &asked,
					    sani_control_call(number, SANI_CONTROL_TAKEN)))
		return;
	ctl->result = ctl->fn(k, &ctl->args);
	/* release: result and arguments before the state that shows them */
	atomic_store_explicit(&ctl->call, sani_control_call(number, SANI_CONTROL_DONE),
			      memory_order_release);
}

static void
on_post(struct san_core *k, const struct sani_req *req)
{
	struct sani_sock *so = sani_sock_of(k, req->sock);

	/* The fence keeps a slot until every post that read it OPEN has been met here (O7). */
	sani_op_start_off_core(k, so, req->op);
}

static void
process(struct san_core *k, struct sani_thread *t, const struct sani_req *req)
{
	switch ((enum sani_req_kind)req->kind) {
	case SANI_REQ_RECV:
	case SANI_REQ_SEND:
	case SANI_REQ_POST:
		on_post(k, req);
		break;
	case SANI_REQ_CANCEL:
		sani_cancel_request(k, req->sock, req->id, false, false);
		break;
	case SANI_REQ_CANCEL_ALL:
		sani_cancel_request(k, req->sock, req->id, true, false);
		break;
	case SANI_REQ_CLOSE:
		sani_close_begin(k, &k->socks[sani_handle_slot(req->sock)]);
		break;
	case SANI_REQ_CONTROL:
		on_control(k, &t->control, req->id);
		break;
	case SANI_REQ_CALL:
		req->fn(k, req->arg);
		break;
	}
}

/*
 * The lines of operations come from the posting thread's cache, each of them a long way: have those of so many requests
 * on their way at once; but not of plain ones while they end without them. What is no operation's address does no harm.
 */
#define AHEAD 16u

/* Requests whose lines, two in each, are on their way before the first is read. */
#define AHEAD_LINES 32u

static inline void
fetch_one(const struct sani_spsc *ring, uint32_t position)
{
	const struct sani_req *req = sani_spsc_at(ring, position);

	sani_fetch_to_write(req->op);
}

/* Of the requests that are there now. */
static void
fetch_first(const struct san_core *k, const struct sani_spsc *ring)
{
	const struct sani_req *first = sani_spsc_at(ring, sani_spsc_head(ring));
	uint32_t head = sani_spsc_head(ring);
	uint32_t n = sani_spsc_tail(ring) - head;

	/* the first is read already */
	for (uint32_t i = 2; i < n && i < AHEAD_LINES; i += 2)
		__builtin_prefetch(sani_spsc_at(ring, head + i));
	if (sani_req_is_plain(first) && !k->waits)
		return;
	for (uint32_t i = 0; i < n && i < AHEAD; i++)
		fetch_one(ring, head + i);
}

static inline void
fetch_next(const struct sani_spsc *ring)
{
	uint32_t next = sani_spsc_head(ring) + AHEAD;

	if ((int32_t)(ring->tail_seen - next) > 0)
		fetch_one(ring, next);
}

/* Any other, and a plain one that is not over at once. */
static void
process_one(struct san_core *k, struct sani_thread *t, struct sani_spsc *ring, const struct sani_req *entry)
{
	struct sani_req req = *entry;

	fetch_next(ring);
	process(k, t, &req);
	/* Popped when done: the fence counts what is processed. */
	sani_spsc_pop(ring);
}

static unsigned int
process_all(struct san_core *k, struct sani_thread *t, struct sani_spsc *ring)
{
	unsigned int n = 0;

	while (n < SANI_REQUESTS_A_ROUND) {
		const struct sani_req *entry = sani_spsc_peek(ring);
		uint32_t taken = 0;

		if (entry == NULL)
			break;
		if (sani_req_is_plain(entry)) {
			taken = sani_afar_take(k, ring, SANI_REQUESTS_A_ROUND - n);
			k->waits = taken == 0;
		}
		if (taken == 0)
			process_one(k, t, ring, entry);
		n += taken > 0 ? taken : 1;
	}
	return n;
}

/* What ends of it is shown together. */
static __attribute__((noinline)) unsigned int
process_ring(struct san_core *k, struct sani_thread *t, struct sani_spsc *ring)
{
	unsigned int n;

	if (sani_spsc_peek(ring) == NULL)
		return 0;
	fetch_first(k, ring);
	k->gathers = true;
	n = process_all(k, t, ring);
	k->gathers = false;
	sani_held_show(k);
	return n;
}

/* Closes that found no room in their thread's ring (O9.2). */
static SANI_SELDOM unsigned int
process_overflow(struct san_core *k)
{
	uint32_t at;
	unsigned int n = 0;

	/* acquire: the links before the head that shows them */
	at = atomic_exchange_explicit(&k->overflow, 0, memory_order_acquire);
	while (at != 0) {
		uint32_t slot = at - 1;

		at = atomic_load_explicit(&k->slots->records[slot].link, memory_order_relaxed);
		sani_count(&k->core->ctr, SANI_CTR_sock_close_overflow);
		sani_close_begin(k, &k->socks[slot]);
		n++;
	}
	return n;
}

unsigned int
sani_request_round(struct san_core *k)
{
	unsigned int id, high = sani_thread_high();
	unsigned int n = 0;

	for (id = 1; id < high; id++) {
		struct sani_thread *t = sani_thread_get(id);
		/* acquire: the ring before the pointer that shows it */
		struct sani_spsc *ring =
			atomic_load_explicit(&t->req[k->id], memory_order_acquire);

		if (ring != NULL && sani_spsc_peek(ring) != NULL)
			n += process_ring(k, t, ring);
	}
	if (sani_unlikely(atomic_load_explicit(&k->overflow, memory_order_relaxed) != 0))
		n += process_overflow(k);
	return n;
}

void
sani_request_drain(struct san_core *k, struct sani_thread *t)
{
	struct sani_spsc *ring = atomic_load_explicit(&t->req[k->id], memory_order_acquire);

	while (ring != NULL && process_ring(k, t, ring) > 0)
		;
}

uint32_t
sani_request_head(const struct san_core *k, const struct sani_thread *t)
{
	struct sani_spsc *ring = atomic_load_explicit(&t->req[k->id], memory_order_acquire);

	return ring != NULL ? sani_spsc_head(ring) : 0;
}
