/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK 22.11 calls the mapping of memory to a device experimental, later ones do not; nothing else does it. */
#define ALLOW_EXPERIMENTAL_API

#include "port/extmem.h"

#include <errno.h>
#include <pthread.h>

#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_memory.h>

struct range {
	uintptr_t begin;
	uintptr_t end;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct range ranges[SANI_EXTMEM_MAX];
static unsigned int nb_ranges;
static bool is_open[RTE_MAX_ETHPORTS];

/* The EAL keeps a record for each page: the fewer the better, and with virtual addresses any size is true. */
static size_t
page_size(const struct range *r)
{
	size_t bits = (size_t)(r->begin | (r->end - r->begin));

	return bits & (~bits + 1);
}

static struct rte_device *
device_of(uint16_t id)
{
	struct rte_eth_dev_info info;

	return rte_eth_dev_info_get(id, &info) == 0 ? info.device : NULL;
}

static bool
map_to(uint16_t id, const struct range *r)
{
	struct rte_device *dev = device_of(id);

	return dev == NULL || rte_dev_dma_map(dev, (void *)r->begin, r->begin, r->end - r->begin) == 0;
}

static void
unmap_from(uint16_t id, const struct range *r)
{
	struct rte_device *dev = device_of(id);

	if (dev != NULL)
		(void)rte_dev_dma_unmap(dev, (void *)r->begin, r->begin, r->end - r->begin);
}

/* To all ports, or to none. */
static bool
map_to_all(const struct range *r)
{
	uint16_t id;

	for (id = 0; id < RTE_MAX_ETHPORTS; id++)
		if (is_open[id] && !map_to(id, r))
			break;
	if (id == RTE_MAX_ETHPORTS)
		return true;
	while (id-- > 0)
		if (is_open[id])
			unmap_from(id, r);
	return false;
}

static int
map_locked(const struct range *r)
{
	if (rte_eal_iova_mode() != RTE_IOVA_VA)
		return -ENOTSUP;
	if (nb_ranges == SANI_EXTMEM_MAX)
		return -ENOSPC;
	if (rte_extmem_register((void *)r->begin, r->end - r->begin, NULL, 0, page_size(r)) < 0)
		return -rte_errno;
	if (!map_to_all(r)) {
		(void)rte_extmem_unregister((void *)r->begin, r->end - r->begin);
		return -ENOTSUP;
	}
	ranges[nb_ranges++] = *r;
	return 0;
}

int
sani_extmem_map(uintptr_t begin, uintptr_t end)
{
	struct range r = { .begin = begin, .end = end };
	int rc;

	pthread_mutex_lock(&lock);
	rc = map_locked(&r);
	pthread_mutex_unlock(&lock);
	return rc;
}

void
sani_extmem_unmap(uintptr_t begin, uintptr_t end)
{
	struct range r = { .begin = begin, .end = end };
	unsigned int i;
	uint16_t id;

	pthread_mutex_lock(&lock);
	for (id = 0; id < RTE_MAX_ETHPORTS; id++)
		if (is_open[id])
			unmap_from(id, &r);
	(void)rte_extmem_unregister((void *)begin, end - begin);
	for (i = 0; i < nb_ranges && ranges[i].begin != begin; i++)
		;
	if (i < nb_ranges)
		ranges[i] = ranges[--nb_ranges];
	pthread_mutex_unlock(&lock);
}

bool
sani_extmem_port_open(uint16_t id)
{
	unsigned int i;
	bool all = true;

	pthread_mutex_lock(&lock);
	for (i = 0; all && i < nb_ranges; i++)
		all = map_to(id, &ranges[i]);
	is_open[id] = all;
	if (!all)
		for (i--; i-- > 0;)
			unmap_from(id, &ranges[i]);
	pthread_mutex_unlock(&lock);
	return all;
}

void
sani_extmem_port_close(uint16_t id)
{
	unsigned int i;

	pthread_mutex_lock(&lock);
	for (i = 0; is_open[id] && i < nb_ranges; i++)
		unmap_from(id, &ranges[i]);
	is_open[id] = false;
	pthread_mutex_unlock(&lock);
}
