/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Mem: the registrations of the process (san/mem.h), and who uses them.
 *
 * Model:     a table that is never unmapped. A word of each entry (generation, alive, frozen, number of users) is all
 *            that posts and ends of operations touch; the rest is read while one is a user, and changes only
 *            while there is none. Pages are made known in regions (port/extmem.h), which registrations share:
 *            region.c.
 * Threads:   sani_mem_use(), sani_mem_drop(): any, without a lock. Everything else takes the lock of mem.c.
 * Source:    doc/op-contract.md O10; san/mem.h.
 */
#ifndef SANI_SOCK_MEM_H
#define SANI_SOCK_MEM_H

#include <stdatomic.h>

#include <san/mem.h>

#include "base/base.h"

/* The word: generation 32, users 24, marks 8. */
#define SANI_MEM_ALIVE UINT64_C(1)
#define SANI_MEM_FROZEN UINT64_C(2)	/**< Its region is being made anew: who uses it now copies. */
#define SANI_MEM_USER (UINT64_C(1) << 8)
#define SANI_MEM_USERS (UINT64_C(0xffffff) << 8)

struct sani_mem {
	_Atomic uint64_t word;
	uintptr_t base;
	size_t len;
	uint32_t region;	/**< SANI_NONE: copy-only. */
	uint32_t next;		/**< Of the region, or the free list. */
	uint32_t prev;
	uint8_t access;
};

/** An entry by its index. */
struct sani_mem *
sani_mem_at(uint32_t idx);

/**
 * Become a user of the registration in which [base, base + len) lies.
 * @param[in]  access  What it is used for, one bit.
 * @param[out] idx     Its entry, for sani_mem_drop().
 * @retval 1 (mbufs may refer to it) 0 (it is copied) -EINVAL -EFAULT -EACCES
 */
int
sani_mem_use(san_mem mem, const void *base, size_t len, unsigned int access, uint32_t *idx);

void
sani_mem_drop(uint32_t idx);

/** See san/mem.h. */
int
sani_mem_register(void *base, size_t len, unsigned int access, san_mem *mem);
int
sani_mem_deregister(san_mem mem);
void
sani_mem_usage(struct san_mem_usage *usage);

/** End all of them: the last cleanup, when no operation is left. */
void
sani_mem_end(void);

/* region.c; under the lock */

/** Put entry idx, which nobody uses yet, into a region that holds all its pages. False: it is copy-only. */
bool
sani_region_join(uint32_t idx);

/** Take it out of its region; nothing when it is in none. */
void
sani_region_leave(uint32_t idx);

uint32_t
sani_region_count(void);

#endif
