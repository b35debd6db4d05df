/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "sock/extra.h"
#include "sock/mem.h"
#include "sock/priv.h"

bool
sani_extras_init(struct sani_extras *pool, uint32_t depth, uint32_t thread_id)
{
	uint32_t n = depth < SANI_EXTRAS ? depth : SANI_EXTRAS;

	/* Pages that nobody has written to cost nothing: they are taken from the front. */
	*pool = (struct sani_extras){ .list = calloc(n, sizeof(*pool->list)), .size = n, .thread_id = thread_id };
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
	uint32_t head;

	for (uint32_t i = 0; sani_unlikely(x->nb_mem > 0) && i < x->nb; i++)
		if (x->mem[i].used)
			sani_mem_drop(x->mem[i].idx);
	/* on the thread that takes them there is nobody to look out for */
	if (sani_likely(pool->thread_id == sani_thread_id)) {
		x->next = pool->free;
		pool->free = (uint32_t)(x - pool->list) + 1;
		return;
	}
	head = atomic_load_explicit(&pool->given, memory_order_relaxed);
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
		return r->mem + (size_t)r->next * r->size + at;
	}
	while (at >= x->vec[i].len)
		at -= x->vec[i++].len;
	*len = (uint32_t)(x->vec[i].len - at);
	return (char *)x->vec[i].base + at;
}

static void
set_repeat(struct sani_repeat *r, const struct sani_post_extra *p)
{
	r->k = p->repeat;
	r->written = 0;
	r->next = 0;
	r->reaped = 0;
	r->pieces = p->pieces;
	if (p->pieces == NULL)
		return;
	p->pieces->given = 0;
	r->mem = p->pieces->mem;
	r->size = p->pieces->size;
}

static void
set_vec(struct sani_extra *x, const struct san_vec *vec, uint32_t nb)
{
	for (uint32_t i = 0; i < nb; i++)
		if (vec[i].len > 0)
			x->vec[x->nb++] = vec[i];
}

/* Buffers with registrations, whose user the operation becomes. @retval 0 -EINVAL -EFAULT -EACCES */
static int
set_mem(struct sani_extra *x, const struct sani_post_extra *p)
{
	x->by_mem = p->access == SAN_MEM_READ;
	for (uint32_t i = 0; i < p->nb; i++) {
		const struct san_mem_vec *v = &p->mem[i];
		struct sani_extra_mem *m = &x->mem[x->nb];
		int rc = 0;

		if (v->len == 0)
			continue;
		m->used = v->mem != SAN_NO_MEM;
		if (m->used)
			rc = sani_mem_use(v->mem, v->base, v->len, p->access, &m->idx);
		if (rc < 0)
			return rc;
		m->lends = rc > 0;
		x->nb_mem += m->used;
		x->vec[x->nb++] = (struct san_vec){ .base = v->base, .len = v->len };
	}
	x->lent.out = false;
	return 0;
}

static void
set_loans(struct sani_extra *x, const struct sani_post_extra *p)
{
	x->nb = p->nb_loans;
	x->waited = false;
	for (uint32_t i = 0; i < p->nb_loans; i++)
		p->loans[i] = (struct san_loan){ .base = NULL };
}

int
sani_extra_make(const struct sani_post_extra *p, struct sani_extras *pool, struct sani_extra **out)
{
	struct sani_extra *x = sani_extra_take(pool);
	int rc = 0;

	if (x == NULL)
		return -EAGAIN;
	x->min = p->min;
	x->nb = 0;
	x->nb_mem = 0;
	x->by_mem = false;
	x->loans = p->loans;
	if (p->repeat > 0)
		set_repeat(&x->repeat, p);
	if (p->loans != NULL)
		set_loans(x, p);
	else if (p->mem != NULL)
		rc = set_mem(x, p);
	else
		set_vec(x, p->vec, p->nb);
	if (rc < 0)
		sani_extra_give(x);
	else
		*out = x;
	return rc;
}
