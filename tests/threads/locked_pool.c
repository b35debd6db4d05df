/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pool of buffers behind a lock. DPDK's own are lock-free and not built with the thread sanitizer, which
 * would take a buffer's way from the thread that freed it to the one that gets it for none at all.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <rte_mempool.h>

struct locked_pool {
	pthread_mutex_t lock;
	unsigned int n;
	void *objs[];
};

static int
make(struct rte_mempool *mp)
{
	struct locked_pool *p = malloc(sizeof(*p) + mp->size * sizeof(p->objs[0]));

	if (p == NULL)
		return -ENOMEM;
	pthread_mutex_init(&p->lock, NULL);
	p->n = 0;
	mp->pool_data = p;
	return 0;
}

static void
end(struct rte_mempool *mp)
{
	free(mp->pool_data);
}

static int
put(struct rte_mempool *mp, void *const *objs, unsigned int n)
{
	struct locked_pool *p = mp->pool_data;

	pthread_mutex_lock(&p->lock);
	for (unsigned int i = 0; i < n; i++)
		p->objs[p->n++] = objs[i];
	pthread_mutex_unlock(&p->lock);
	return 0;
}

static int
get(struct rte_mempool *mp, void **objs, unsigned int n)
{
	struct locked_pool *p = mp->pool_data;
	bool enough;

	pthread_mutex_lock(&p->lock);
	enough = p->n >= n;
	for (unsigned int i = 0; enough && i < n; i++)
		objs[i] = p->objs[--p->n];
	pthread_mutex_unlock(&p->lock);
	return enough ? 0 : -ENOBUFS;
}

static unsigned int
count(const struct rte_mempool *mp)
{
	struct locked_pool *p = mp->pool_data;
	unsigned int n;

	pthread_mutex_lock(&p->lock);
	n = p->n;
	pthread_mutex_unlock(&p->lock);
	return n;
}

static const struct rte_mempool_ops locked = {
	.name = "locked",
	.alloc = make,
	.free = end,
	.enqueue = put,
	.dequeue = get,
	.get_count = count,
};

RTE_MEMPOOL_REGISTER_OPS(locked);
