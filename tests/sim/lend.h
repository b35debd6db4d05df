/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Lend: registered memory that programs send from.
 *
 * Model:    one registration a world, in slots. A slot is taken for one send, filled, and given back when that has
 *           ended: then it has to be as it was, and is spoilt, so that who reads it later sends something else. Slots
 *           are taken in the order in which they were given back, so a spoilt one stays spoilt for long.
 */
#ifndef TESTS_SIM_LEND_H
#define TESTS_SIM_LEND_H

#include <stdbool.h>
#include <stdint.h>

#include <san/san.h>

#define SIM_LEND_MOST 16000u	/* octets of a slot */

/** Register. The library is started. */
void
sim_lend_begin(void);

/** Nothing is pending any more: the registration ends. */
void
sim_lend_end(void);

/** A slot for len octets, 1 to SIM_LEND_MOST, at some odd place; NULL: none is free. */
uint8_t *
sim_lend_take(uint32_t len, uint32_t odd);

/** Give it back, spoilt. */
void
sim_lend_give(uint8_t *at);

/** Post a send of it: in one piece, or the last quarter of it from a copy that is not registered. */
int
sim_lend_post(san_handle sock, struct san_overlapped *op, const uint8_t *at, uint32_t len, unsigned int flags);

#endif
