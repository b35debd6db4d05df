/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "sock/extra.h"
#include "sock/mem.h"

bool
sani_extras_init(struct sani_extras *pool, uint32_t depth)
{
	uint32_t n = depth < SANI_EXTRAS ? depth : SANI_EXTRAS;

	/* Pages that nobody has written to cost nothing: they are taken from the front. */
	*pool = (struct sani_extras){ .list = calloc(n, sizeof(*pool->list)), .size = n };
	return pool->list != NULL;
}

void
sani_extras_fini(struct sani_extras *pool)
{
	free(pool->list);
	pool->list = NULL;
}

struct sani_extra *
sani_extra_take(struct sani_extras *pool)
{
	struct sani_extra *x;

	if (pool->free == 0)
		/* acquire: the core has read what it gave back */
		pool->free = atomic_exchange_explicit(&pool->given, 0, memory_order_acquire);
	if (pool->free != 0) {
		x = &pool->list[pool->free - 1];
		pool->free = x->next;
	} else if (pool->fresh < pool->size) {
		x = &pool->list[pool->fresh++];
	} else {
		return NULL;
	}
	x->pool = pool;
	return x;
}

void
sani_extra_give(struct sani_extra *x)
{
	struct sani_extras *pool = x->pool;
	uint32_t head = atomic_load_explicit(&pool->given, memory_order_relaxed);

	for (uint32_t i = 0; sani_unlikely(x->nb_mem > 0) && i < x->nb; i++)
		if (x->mem[i].used)
			sani_mem_drop(x->mem[i].idx);
	do
		x->next = head;
	/* release: the link, and that nothing of it is read any more */
	while (!atomic_compare_exchange_weak_explicit(&pool->given, &head,
						      (uint32_t)(x - pool->list) + 1,
						      memory_order_release, memory_order_relaxed));
}

void *
sani_extra_at(const struct san_overlapped *op, uint32_t *len)
{
	const struct sani_extra *x = sani_op_extra(op);
	const struct sani_repeat *r = &x->repeat;
	size_t at = op->done;
	uint32_t i = 0;

	if (op->flags & SANI_OP_REPEAT) {
		*len = r->size - op->done;
		return r->mem + (size_t)(r->written % r->k) * r->size + at;
	}
	while (at >= x->vec[i].len)
		at -= x->vec[i++].len;
	*len = (uint32_t)(x->vec[i].len - at);
	return (char *)x->vec[i].base + at;
}
