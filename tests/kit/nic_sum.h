/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * NIC, its arithmetic: what a device does to a frame whose sums are left to it, or that it has to cut, by what DPDK
 * asks of the mbuf (rte_mbuf_core.h, RTE_MBUF_F_TX_*) and nothing that it might find out by itself.
 */
#ifndef TESTS_KIT_NIC_SUM_H
#define TESTS_KIT_NIC_SUM_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

/** Where a TCP checksum is, whose making is left to the device; NULL: it is not. */
uint16_t *
nic_sum_of(const struct rte_mbuf *m);

/**
 * Emit the frames that leave for m, whose octets are given.
 * @param[in] own_form  The sum that was given is not the pseudo header's but its complement: the driver has seen it.
 */
void
nic_sum_emit(const struct rte_mbuf *m, const uint8_t *octets, bool own_form,
	     void (*emit)(void *arg, const uint8_t *frame, unsigned int len), void *arg);

#endif
