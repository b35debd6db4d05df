/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Afar: plain receives and sends to the core of another thread, by the shortest way there is. The thread's half is in
 * line; any other post, and what is refused, goes by way of sani_sock_post().
 *
 * Model:  the thread writes all that the core has to know into the request, so that of an operation that is over at
 *         once the core touches nothing: it ends it by the request, and who reaps writes the result.
 * Source: doc/op-contract.md O1 to O4, O7, O13.
 */
#ifndef SANI_SOCK_AFAR_H
#define SANI_SOCK_AFAR_H

#include "sock/priv.h"

/** Does it say all of an operation? */
static inline bool
sani_req_is_plain(const struct sani_req *req)
{
	return req->kind <= SANI_REQ_SEND;
}

/** Slot word of an open socket of this generation whose queue is that of the way. */
static inline uint64_t
sani_way_word(const struct sani_way *way, uint32_t gen)
{
	return (uint64_t)gen << 32 | way->word;
}

/** Thread: hand p, which is plain, over to the core: there are a place and room. It is to be shown. */
static inline __attribute__((always_inline)) void
sani_afar_put(struct sani_lane *lane, struct sani_spsc *ring, const struct sani_post *p, enum sani_req_kind kind)
{
	struct sani_record *rec = &lane->records[sani_handle_slot(p->sock)];
	struct sani_req *req = sani_req_place(ring);
	struct san_overlapped *op = p->op;

	req->sock = p->sock;
	req->op = op;
	req->buf = p->buf;
	req->id = p->len;
	req->flags = p->flags;
	req->kind = (uint16_t)kind;
	op->u.buf = p->buf;
	op->sock = p->sock;
	op->len = p->len;
	op->done = 0;
	op->id = sani_record_next_id(rec);
	op->flags = p->flags;
	op->kind = p->kind;
	/* plain: nobody looks at the state of one that is not polled before the core has it from the ring */
	op->state = SANI_OP_POSTED;
	rec->posted++;
	lane->left--;
	sani_spsc_wrote(ring);
}

/** May the thread post on sockets of k, which it does not poll, by the way that it has? */
static inline bool
sani_way_leads_to(const struct sani_thread *t, const struct san_core *k)
{
	return t != NULL && t->way.core == k && (t->attached || t->nb_claims != 0) && !sani_is_on_core(k, t);
}

/**
 * Thread: post p, which is plain and otherwise in order; the library is up.
 * @return False: nothing was done, it is otherwise.
 */
static inline __attribute__((always_inline)) bool
sani_afar_post(struct san_core *k, const struct sani_post *p, enum sani_req_kind kind)
{
	struct sani_thread *t = sani_thread_self();
	uint32_t slot = sani_handle_slot(p->sock);
	bool goes;

	if (sani_unlikely(!sani_way_leads_to(t, k) || slot >= k->nb_slots))
		return false;
	sani_bracket_begin(t);
	sani_window();
	/* sequentially consistent, after the bracket's exchange */
	goes = atomic_load(&k->slots->words[slot]) == sani_way_word(&t->way, sani_handle_gen(p->sock)) &&
	       t->way.lane->left > 0 && sani_spsc_room(t->way.ring) > 0;
	sani_window();
	if (sani_likely(goes)) {
		sani_afar_put(t->way.lane, t->way.ring, p, kind);
		sani_spsc_show(t->way.ring);
	}
	sani_window();
	sani_bracket_end(t);
	if (sani_likely(goes))
		sani_core_wake_posted(k);
	return goes;
}

/**
 * Core: take the plain requests that the ring begins with, as long as they end at once; one is there.
 * @return How many, max at most.
 */
uint32_t
sani_afar_take(struct san_core *k, struct sani_spsc *ring, uint32_t max);

#endif
