/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Capabilities of a device: what the driver says it can do, and the configuration that asks for it.
 */
#ifndef SANI_PORT_CAPS_H
#define SANI_PORT_CAPS_H

#include "port/port.h"

/** Which of SANI_PORT_TX_*, SANI_PORT_RX_CKSUM and SANI_PORT_MULTI_SEG the driver offers. */
uint32_t
sani_port_caps(const struct rte_eth_dev_info *info);

/**
 * Most buffers of a packet that is to be cut, as far as the driver bounds them; at most SANI_PORT_CUT_SEGS. One of its
 * is left out: there are drivers that want the headers in a descriptor of their own, or one more for what they say of
 * the packet.
 */
uint16_t
sani_port_cut_segs(const struct rte_eth_dev_info *info);

/** Is the device made by software of this process? Its link says nothing of a cable. */
bool
sani_port_is_virtual(const struct rte_eth_dev_info *info);

/** Does a packet that is not cut go in as many buffers as SANI_PORT_CHAIN_SEGS? */
bool
sani_port_takes_chains(const struct rte_eth_dev_info *info);

/**
 * Fill the configuration of a receive queue: the driver's, with the offloads of the port's. Where there are several,
 * one whose core is slow drops what it has no descriptors for; else some devices let it hold up all others.
 */
void
sani_port_rx_conf(const struct rte_eth_dev_info *info, const struct rte_eth_conf *eth, uint16_t nb_queues,
		  struct rte_eth_rxconf *rx);

/**
 * Fill the configuration of a device.
 *
 * @param[in]  info  What it can do.
 * @param[in]  conf  What is asked for.
 * @param[in]  room  Data room of a receive buffer, headroom included [bytes].
 * @param[out] eth   The configuration; eth->rxmode.mtu is 0 where the driver would refuse conf->mtu.
 * @retval 0 -ENOTSUP (frames do not fit a receive buffer, and the driver cannot scatter; a sentence)
 */
int
sani_port_eth_conf(const struct rte_eth_dev_info *info, const struct sani_port_conf *conf,
		   uint32_t room, struct rte_eth_conf *eth);

/** What an af_packet device was told of its frames, and what of each the kernel and the driver take for themselves. */
#define SANI_PORT_AF_PACKET_FRAME 2048u
#define SANI_PORT_AF_PACKET_BESIDE 80u

/**
 * Longest IP packet of an af_packet device with these arguments ("framesz=", else the driver's default); no driver
 * tells of it. 0: what is said of the frames makes no sense.
 */
uint32_t
sani_port_af_packet_mtu(const char *args);

/**
 * Does the device pass packets of that length though it says no? An af_packet device names the standard
 * size, and passes what fits its frames and its kernel interface.
 */
bool
sani_port_passes_mtu(const struct rte_eth_dev_info *info, uint16_t mtu);

/**
 * Has the device as many queues as the host has cores?
 * @retval 0 -ENOTSUP (a sentence that says what to change)
 */
int
sani_port_check_queues(const struct rte_eth_dev_info *info, const struct sani_port_conf *conf);

#endif
