/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim/lend.h"

#include <errno.h>
#include <string.h>

#include "sim/check.h"

#define SLOTS 128u
#define SLOT_SIZE 16384u
#define SPOILT 0xdb

static uint8_t memory[SLOTS * SLOT_SIZE] __attribute__((aligned(4096)));
static uint8_t queue[SLOTS];	/* of free slots */
static uint32_t first;
static uint32_t nb;
static san_mem mem;

void
sim_lend_begin(void)
{
	int rc = san_mem_register(memory, sizeof(memory), SAN_MEM_READ, &mem);

	sim_hold(SIM_lent_kept, rc == 0 || rc == 1, "a registration answers %d", rc);
	for (uint32_t i = 0; i < SLOTS; i++)
		queue[i] = (uint8_t)i;
	first = 0;
	nb = SLOTS;
}

void
sim_lend_end(void)
{
	int rc = san_mem_deregister(mem);

	sim_hold(SIM_lent_kept, rc == 0, "with nothing pending the end of a registration answers %d", rc);
}

uint8_t *
sim_lend_take(uint32_t len, uint32_t odd)
{
	uint32_t slot;

	if (nb == 0 || len > SIM_LEND_MOST)
		return NULL;
	slot = queue[first];
	first = (first + 1) % SLOTS;
	nb--;
	return memory + slot * SLOT_SIZE + odd % (SLOT_SIZE - SIM_LEND_MOST);
}

void
sim_lend_give(uint8_t *at)
{
	uint32_t slot = (uint32_t)(at - memory) / SLOT_SIZE;

	memset(memory + slot * SLOT_SIZE, SPOILT, SLOT_SIZE);
	queue[(first + nb) % SLOTS] = (uint8_t)slot;
	nb++;
}

int
sim_lend_post(san_handle sock, struct san_overlapped *op, const uint8_t *at, uint32_t len, unsigned int flags)
{
	uint32_t tail = len % 3 == 0 ? len / 4 : 0;
	struct san_mem_vec vec[2] = {
		{ (void *)(uintptr_t)at, len - tail, mem },
		{ (void *)(uintptr_t)(at + len - tail), tail, SAN_NO_MEM },
	};
	int rc = san_send_mem(sock, op, vec, tail > 0 ? 2 : 1, flags);

	if (rc != 0)
		return rc;
	sim_exercised[SIM_lent]++;
	rc = san_mem_deregister(mem);
	sim_hold(SIM_lent_kept, rc == -EBUSY, "under a send the end of a registration answers %d", rc);
	return 0;
}
