/* SPDX-License-Identifier: BSD-3-Clause */
#include "op/op.h"

_Static_assert(sizeof(struct san_overlapped) == SANI_CACHE_LINE,
	       "all that the stack reads and writes of an operation is one line");
_Static_assert(offsetof(struct san_overlapped, sock) - offsetof(struct san_overlapped, next) ==
		       sizeof(struct san_addr),
	       "a connect's peer fits between user and sock");

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
