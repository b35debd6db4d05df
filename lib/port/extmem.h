/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Extmem: memory of the program's that DPDK and the ports of this process are told of, so that mbufs may refer to it.
 *
 * Model:    a range of whole pages is registered with the EAL and mapped by every port that is open; a port that
 *           opens later maps what is there. A device that is none of a bus with such a mapping needs none.
 * Threads:  any; a lock inside.
 */
#ifndef SANI_PORT_EXTMEM_H
#define SANI_PORT_EXTMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Most ranges at a time; the EAL has room for fewer, which it shares with its own memory. */
#define SANI_EXTMEM_MAX 128

/**
 * Make a range known; it overlaps no other.
 * @retval 0 -ENOSPC (no room) -ENOTSUP (a port does not take it, or addresses are physical) and others of the EAL;
 *         then nothing of it is known
 */
int
sani_extmem_map(uintptr_t begin, uintptr_t end);

/** Undo it; no mbuf refers to it. */
void
sani_extmem_unmap(uintptr_t begin, uintptr_t end);

/** A port has opened: map what is known. @return False: it takes not all, so nothing may be lent by it. */
bool
sani_extmem_port_open(uint16_t id);

/** It is about to close. */
void
sani_extmem_port_close(uint16_t id);

#endif
