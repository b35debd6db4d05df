/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The close, step by step (O9). Who may still hold the socket at each step:
 *
 *   word CLOSING   a thread inside a bracket that read OPEN; entries in request rings; the poller
 *   connection     gone here: no event names the socket any more
 *   operations     ended, but for accepts that another core works on
 *   fence          the bound thread has left its bracket and its ring is processed as far as it went
 *   retired        the reaper, until the close record is read
 */
#include "sock/priv.h"

static struct sani_thread *
bound_thread(const struct sani_sock *so)
{
	return sani_cq_thread(so->lane->cq);
}

static void
drop_connection(struct san_core *k, struct sani_sock *so)
{
	struct sani_tcp_conn *c;

	if (so->phase == SANI_SOCK_LISTENING) {
		sani_listen_stop(k, so);
		return;
	}
	if (so->conn == SANI_NONE)
		return;
	c = sani_sock_conn(k, so);
	so->conn = SANI_NONE;
	sani_core_conn_close(k->core, c);
}

/* Step 4: what holds nothing outside the core ends now. */
static void
abort_operations(struct san_core *k, struct sani_sock *so)
{
	if (so->connect != NULL)
		sani_op_end(k, so, so->connect, -ECANCELED);
	if (so->listens)
		sani_listen_abort(k, so);
	else if (so->recv.head != NULL)
		sani_op_end_all(k, so, &so->recv, -ECANCELED);
	if (so->send.head != NULL)
		sani_op_end_all(k, so, &so->send, -ECANCELED);
}

/* Step 5: look once, never wait in place. */
static void
advance_fence(struct san_core *k, struct sani_sock *so)
{
	struct sani_record *rec = sani_sock_record(so);
	struct sani_thread *t = bound_thread(so);

	if (so->close == SANI_CLOSE_POSTING) {
		/* sequentially consistent, against the bracket's exchange and the close's CAS (O7) */
		uint64_t posting = atomic_load(&t->posting);
		struct sani_spsc *ring;

		/* Of the word its lower half: that waits a round longer if it comes round to what it was. */
		if (posting != 0 && (uint32_t)posting == rec->fence)
			return;
		sani_window();
		ring = atomic_load_explicit(&t->req[k->id], memory_order_acquire);
		rec->fence = ring != NULL ? sani_spsc_tail(ring) : 0;
		so->close = SANI_CLOSE_RING;
	}
	/* Not equality: a burst goes past the noted tail. */
	if (so->close == SANI_CLOSE_RING &&
	    (int32_t)(sani_request_head(k, t) - rec->fence) >= 0) {
		sani_count(&k->core->ctr, SANI_CTR_sock_fences);
		so->close = SANI_CLOSE_FENCED;
	}
}

/*
 * The thread that polls this core is not inside a bracket, and has nothing of the socket in its ring to the core: what
 * it had asked before it came here was processed when it claimed the core. Of a socket of its own the fence is passed.
 */
static void
begin_fence(struct san_core *k, struct sani_sock *so)
{
	if (sani_likely(so->lane->thread_id == atomic_load_explicit(&k->claimer, memory_order_relaxed))) {
		sani_count(&k->core->ctr, SANI_CTR_sock_fences);
		so->close = SANI_CLOSE_FENCED;
		return;
	}
	so->close = SANI_CLOSE_POSTING;
	sani_sock_record(so)->fence = (uint32_t)atomic_load(&bound_thread(so)->posting);
}

static void
set_next(struct san_core *k, uint32_t slot, uint32_t next)
{
	atomic_store_explicit(&k->slots->records[slot].link, next + 1, memory_order_relaxed);
}

static void
unlink_closing(struct san_core *k, const struct sani_sock *so)
{
	uint32_t slot = sani_sock_slot(so), next = sani_close_next(k, slot);
	uint32_t at = k->closing;

	if (at == slot) {
		k->closing = next;
		return;
	}
	while (sani_close_next(k, at) != slot)
		at = sani_close_next(k, at);
	set_next(k, at, next);
}

static void SANI_SELDOM
give_more_back(struct san_core *k, struct sani_sock *so)
{
	if (so->port_taken)
		sani_host_port_put(k->core->host, sani_sock_local(k, so).port);
	if (so->listens)
		sani_listen_free(k, so);
}

static inline void
finish(struct san_core *k, struct sani_sock *so)
{
	sani_check_sock(k, so);
	if (sani_unlikely(so->port_taken || so->listens))
		give_more_back(k, so);
	sani_window();
	sani_sock_retire(k, so);
}

/* Step 6: is nothing of it held outside the core? */
static inline bool
may_finish(const struct san_core *k, const struct sani_sock *so)
{
	return so->close == SANI_CLOSE_FENCED && so->nb_ops == 0 && so->told &&
	       (!so->listens || sani_sock_accepting(k, so)->answers == 0);
}

bool
sani_close_advance(struct san_core *k, struct sani_sock *so)
{
	if (so->close != SANI_CLOSE_FENCED)
		advance_fence(k, so);
	if (!may_finish(k, so))
		return false;
	unlink_closing(k, so);
	finish(k, so);
	return true;
}

void
sani_close_bound(struct san_core *k, struct sani_sock *so)
{
	begin_fence(k, so);
	if (sani_unlikely(so->paused))
		sani_repeat_forget(k, so);
	drop_connection(k, so);
	abort_operations(k, so);
	if (sani_likely(may_finish(k, so))) {
		finish(k, so);
		return;
	}
	set_next(k, sani_sock_slot(so), k->closing);
	k->closing = sani_sock_slot(so);
	sani_close_advance(k, so);
}

void
sani_close_begin(struct san_core *k, struct sani_sock *so)
{
	sani_sock_rebind(k, so);
	sani_close_bound(k, so);
}

unsigned int
sani_close_round(struct san_core *k)
{
	uint32_t slot = k->closing;
	unsigned int done = 0;

	while (slot != SANI_NONE) {
		struct sani_sock *so = &k->socks[slot];

		slot = sani_close_next(k, slot);
		done += sani_close_advance(k, so);
	}
	return done;
}

void
sani_close_all(struct san_core *k, uint32_t thread_id)
{
	uint32_t slot;

	for (slot = 0; slot < k->nb_slots; slot++) {
		uint64_t w = atomic_load(&k->slots->words[slot]);

		if (thread_id != 0 && sani_word_thread(w) != thread_id)
			continue;
		while (sani_word_state(w) == SANI_SLOT_OPEN) {
			uint64_t to = sani_word(sani_word_gen(w), sani_word_cq(w),
						SANI_SLOT_CLOSING);

			if (!atomic_compare_exchange_weak(&k->slots->words[slot], &w, to))
				continue;
			sani_close_begin(k, &k->socks[slot]);
			break;
		}
	}
}
