/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Operation: its state, the lists it can be on, and the one function that changes its state.
 *
 * Model:    FREE -> POSTED -> (ACTIVE) -> (CANCELLING) -> DONE -> FREE. The poster makes FREE to POSTED
 *           and DONE to FREE, the owning core everything between.
 * Threads:  a list belongs to one core. The state is read by the caller of a polled operation.
 * Source:   doc/op-contract.md "Objects", O2, O14.
 */
#ifndef SANI_OP_OP_H
#define SANI_OP_OP_H

#include <san/op.h>

#include "base/base.h"

enum sani_op_state {
	SANI_OP_FREE,		/**< The caller's. */
	SANI_OP_POSTED,		/**< The stack's; nothing done yet. */
	SANI_OP_ACTIVE,		/**< Partly done. */
	SANI_OP_CANCELLING,	/**< To end, but something outside the core still holds it (O9.4). */
	SANI_OP_DONE,		/**< Ended: the completion is in the ring, or the status is final. */
	SANI_NB_OP_STATES
};

/** Which list an operation is on. */
enum sani_op_where {
	SANI_OP_NOWHERE,
	SANI_OP_ON_RECV,
	SANI_OP_ON_SEND,
	SANI_OP_ON_ACCEPT,
	SANI_OP_ON_CONNECT,	/**< The connect, then the watch: one at a time. */
};

/** Bits of op->flags that are the stack's. */
enum sani_op_mark {
	SANI_OP_REPEAT = 1 << 12,	/**< It repeats; it has an extra too. */
	SANI_OP_EXTRA = 1 << 13,	/**< op->u.extra is valid (sock/extra.h). */
	SANI_OP_TIMED = 1 << 14,	/**< It has a deadline: op->timer is valid, op->result is not. */
	SANI_OP_LISTED = 1 << 15,	/**< It is on the list of its kind. */
};

#define SANI_OP_MARKS 0xf000u

/** Of a watch, from layers only: the end of the handshake ends it. */
#define SANI_WATCH_OPEN SAN_ACKED

/** A list of operations, in the order of their posts. */
struct sani_oplist {
	struct san_overlapped *head;
	struct san_overlapped *tail;
};

static inline enum sani_op_state
sani_op_state(const struct san_overlapped *op)
{
	/* acquire: the result before the state that shows it */
	return (enum sani_op_state)__atomic_load_n(&op->state, __ATOMIC_ACQUIRE);
}

/** Which state may follow which. */
static inline bool
sani_op_may(enum sani_op_state from, enum sani_op_state to)
{
	switch (to) {
	case SANI_OP_FREE:	/* from POSTED: refused, or finished at the post (O1) */
		return from == SANI_OP_POSTED || from == SANI_OP_DONE;
	case SANI_OP_POSTED:
		return from == SANI_OP_FREE;
	case SANI_OP_ACTIVE:
		return from == SANI_OP_POSTED;
	case SANI_OP_CANCELLING:
		return from == SANI_OP_POSTED || from == SANI_OP_ACTIVE;
	case SANI_OP_DONE:
		return from == SANI_OP_POSTED || from == SANI_OP_ACTIVE || from == SANI_OP_CANCELLING;
	case SANI_NB_OP_STATES:
		break;
	}
	return false;
}

/** Change the state of an operation that the caller has in hand: the new one may follow. */
static inline void
sani_op_turn(struct san_overlapped *op, enum sani_op_state to)
{
	sani_assert(sani_op_may((enum sani_op_state)__atomic_load_n(&op->state, __ATOMIC_RELAXED), to));
	/* release: the result before the state that shows it (O14) */
	__atomic_store_n(&op->state, (uint8_t)to, __ATOMIC_RELEASE);
}

/** Change an operation's state; false, and nothing changed, when it may not follow. */
static inline bool
sani_op_set(struct san_overlapped *op, enum sani_op_state to)
{
	if (sani_unlikely(!sani_op_may((enum sani_op_state)__atomic_load_n(&op->state, __ATOMIC_RELAXED), to)))
		return false;
	/* release: the result before the state that shows it (O14) */
	__atomic_store_n(&op->state, (uint8_t)to, __ATOMIC_RELEASE);
	return true;
}

/** The list that op is on: that of its kind, or none. */
static inline enum sani_op_where
sani_op_where(const struct san_overlapped *op)
{
	if (!(op->flags & SANI_OP_LISTED))
		return SANI_OP_NOWHERE;
	if (sani_likely(op->kind == SAN_OP_RECV))
		return SANI_OP_ON_RECV;
	switch ((enum san_op_kind)op->kind) {
	case SAN_OP_ACCEPT:
		return SANI_OP_ON_ACCEPT;
	case SAN_OP_CONNECT:
	case SAN_OP_WATCH:
		return SANI_OP_ON_CONNECT;
	default:
		return SANI_OP_ON_SEND;
	}
}

/** Append op to the list of its kind; it must be on none. */
void
sani_oplist_append(struct sani_oplist *l, struct san_overlapped *op);

/** Take op, which is the first of l, out of it. */
static inline void
sani_oplist_shift(struct sani_oplist *l, struct san_overlapped *op)
{
	sani_assert(op->flags & SANI_OP_LISTED && l->head == op);
	l->head = op->next;
	if (l->head != NULL)
		l->head->prev = NULL;
	else
		l->tail = NULL;
	op->next = NULL;
	op->flags &= (uint16_t)~SANI_OP_LISTED;
}

/** Take op out of the list it is on. */
void
sani_oplist_remove(struct sani_oplist *l, struct san_overlapped *op);

/** The operation with this id, or NULL. O(length). */
struct san_overlapped *
sani_oplist_find(const struct sani_oplist *l, uint32_t id);

/**
 * A posted connect carries its peer where a queued operation has its links and its buffer: between the
 * post and the owning core it is on no list and has no buffer.
 */
void
sani_op_stash_addr(struct san_overlapped *op, const struct san_addr *addr);

void
sani_op_fetch_addr(struct san_overlapped *op, struct san_addr *addr);

#endif
