/* SPDX-License-Identifier: BSD-3-Clause */
#include "op/op.h"

_Static_assert(sizeof(struct san_overlapped) == SANI_CACHE_LINE,
	       "all that the stack reads and writes of an operation is one line");
_Static_assert(offsetof(struct san_overlapped, sock) - offsetof(struct san_overlapped, next) ==
		       sizeof(struct san_addr),
	       "a connect's peer fits between user and sock");

#define TO(state) (1u << SANI_OP_##state)

static const uint8_t allowed[SANI_NB_OP_STATES] = {
	[SANI_OP_FREE] = TO(POSTED),
	/* back to FREE: refused, or finished at the post (O1) */
	[SANI_OP_POSTED] = TO(ACTIVE) | TO(CANCELLING) | TO(DONE) | TO(FREE),
	[SANI_OP_ACTIVE] = TO(CANCELLING) | TO(DONE),
	[SANI_OP_CANCELLING] = TO(DONE),
	[SANI_OP_DONE] = TO(FREE),
};

bool
sani_op_set(struct san_overlapped *op, enum sani_op_state to)
{
	uint8_t from = __atomic_load_n(&op->state, __ATOMIC_RELAXED);

	if (from >= SANI_NB_OP_STATES || !(allowed[from] & (1u << to)))
		return false;
	/* release: the result before the state that shows it (O14) */
	__atomic_store_n(&op->state, (uint8_t)to, __ATOMIC_RELEASE);
	return true;
}

void
sani_oplist_append(struct sani_oplist *l, struct san_overlapped *op)
{
	sani_assert(!(op->flags & SANI_OP_LISTED));
	op->flags |= SANI_OP_LISTED;
	op->next = NULL;
	op->prev = l->tail;
	if (l->tail != NULL)
		l->tail->next = op;
	else
		l->head = op;
	l->tail = op;
}

void
sani_oplist_remove(struct sani_oplist *l, struct san_overlapped *op)
{
	sani_assert(op->flags & SANI_OP_LISTED);
	if (op->prev != NULL)
		op->prev->next = op->next;
	else
		l->head = op->next;
	if (op->next != NULL)
		op->next->prev = op->prev;
	else
		l->tail = op->prev;
	op->next = NULL;
	op->prev = NULL;
	op->flags &= (uint16_t)~SANI_OP_LISTED;
}

struct san_overlapped *
sani_oplist_find(const struct sani_oplist *l, uint32_t id)
{
	struct san_overlapped *op;

	for (op = l->head; op != NULL && op->id != id; op = op->next)
		;
	return op;
}

void
sani_op_stash_addr(struct san_overlapped *op, const struct san_addr *addr)
{
	memcpy((char *)op + offsetof(struct san_overlapped, next), addr, sizeof(*addr));
}

void
sani_op_fetch_addr(struct san_overlapped *op, struct san_addr *addr)
{
	memcpy(addr, (char *)op + offsetof(struct san_overlapped, next), sizeof(*addr));
	op->next = NULL;
	op->prev = NULL;
	op->u.buf = NULL;
}
