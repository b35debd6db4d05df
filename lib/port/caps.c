/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/caps.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_devargs.h>

#include "base/error.h"

#define TX_CKSUM (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM)
#define TX_CUT (TX_CKSUM | RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_TCP_TSO)
#define RX_CKSUM (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM)
#define RSS_WANTED (RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP)

/*
 * Ethernet header and one VLAN tag around the payload. The frame check sequence is not counted: no
 * driver delivers it unless asked to.
 */
#define FRAME_OVERHEAD (RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN)

bool
sani_port_is_virtual(const struct rte_eth_dev_info *info)
{
	const struct rte_bus *bus = info->device != NULL ? rte_dev_bus(info->device) : NULL;

	return bus != NULL && strcmp(rte_bus_name(bus), "vdev") == 0;
}

/*
 * A virtual device sums on this CPU like us, so its offer brings nothing; and one of them (tap) writes
 * 0xffff for a TCP checksum of 0, which is right for UDP only.
 */
static uint64_t
tx_offloads(const struct rte_eth_dev_info *info)
{
	uint64_t ours = sani_port_is_virtual(info) ? (uint64_t)TX_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO : 0;

	return info->tx_offload_capa & ~ours;
}

/*
 * A tap's descriptor is the device itself, readable while frames wait. Those of other drivers have to be
 * enabled before each sleep and acknowledged after it, and no capability tells the two apart: by name.
 */
static bool
has_rx_fd(const struct rte_eth_dev_info *info)
{
	return strcmp(info->driver_name, "net_tap") == 0;
}

/* A driver that names no limit (0) has none. */
uint16_t
sani_port_cut_segs(const struct rte_eth_dev_info *info)
{
	uint16_t most = info->tx_desc_lim.nb_seg_max;

	return most == 0 ? SANI_PORT_CUT_SEGS : (uint16_t)RTE_MIN(most - 1u, SANI_PORT_CUT_SEGS);
}

static bool
does_cut(const struct rte_eth_dev_info *info)
{
	return (tx_offloads(info) & TX_CUT) == TX_CUT && sani_port_cut_segs(info) >= SANI_PORT_CUT_SEGS_LEAST;
}

uint32_t
sani_port_caps(const struct rte_eth_dev_info *info)
{
	uint64_t tx = tx_offloads(info);
	uint32_t caps = 0;

	if (tx & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM)
		caps |= SANI_PORT_TX_IP4_CKSUM;
	if (tx & RTE_ETH_TX_OFFLOAD_TCP_CKSUM)
		caps |= SANI_PORT_TX_TCP_CKSUM;
	if (tx & RTE_ETH_TX_OFFLOAD_MULTI_SEGS)
		caps |= SANI_PORT_MULTI_SEG;
	if (does_cut(info))
		caps |= SANI_PORT_TX_CUT;
	if ((info->rx_offload_capa & RX_CKSUM) == RX_CKSUM)
		caps |= SANI_PORT_RX_CKSUM;
	if (has_rx_fd(info))
		caps |= SANI_PORT_RX_FD;
	return caps;
}

/* A packet that refers to memory of the program's is a chain, but not a long one. */
bool
sani_port_takes_chains(const struct rte_eth_dev_info *info)
{
	uint16_t most = info->tx_desc_lim.nb_mtu_seg_max;

	return (info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) && (most == 0 || most >= SANI_PORT_CHAIN_SEGS);
}

void
sani_port_rx_conf(const struct rte_eth_dev_info *info, const struct rte_eth_conf *eth, uint16_t nb_queues,
		  struct rte_eth_rxconf *rx)
{
	*rx = info->default_rxconf;
	rx->offloads = eth->rxmode.offloads;
	if (nb_queues > 1)
		rx->rx_drop_en = 1;
}

static void
fill_rss(const struct rte_eth_dev_info *info, uint16_t nb_queues, struct rte_eth_conf *eth)
{
	uint64_t hf = info->flow_type_rss_offloads & RSS_WANTED;

	if (nb_queues < 2 || hf == 0)
		return;
	eth->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	eth->rx_adv_conf.rss_conf.rss_hf = hf;
}

/* Would the ethdev layer take conf->mtu? It counts frames, by an overhead that it works out like this. */
static bool
is_mtu_taken(const struct rte_eth_dev_info *info, uint16_t mtu)
{
	uint32_t overhead = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;

	if (info->max_mtu != UINT16_MAX && info->max_rx_pktlen > info->max_mtu)
		overhead = info->max_rx_pktlen - info->max_mtu;
	return mtu >= info->min_mtu && mtu <= info->max_mtu && mtu + overhead <= info->max_rx_pktlen;
}

uint32_t
sani_port_af_packet_mtu(const char *args)
{
	const char *at = args != NULL ? strstr(args, "framesz=") : NULL;
	unsigned long frame = at != NULL ? strtoul(at + strlen("framesz="), NULL, 0) : SANI_PORT_AF_PACKET_FRAME;

	return frame > SANI_PORT_AF_PACKET_BESIDE ? (uint32_t)frame - SANI_PORT_AF_PACKET_BESIDE : 0;
}

/* The MTU of a network interface of the kernel's; 0: there is none. */
static uint32_t
ask_kernel(unsigned int if_index)
{
	struct ifreq req = { .ifr_mtu = 0 };
	int fd;

	if (if_indextoname(if_index, req.ifr_name) == NULL)
		return 0;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0)
		return 0;
	if (ioctl(fd, SIOCGIFMTU, &req) != 0)
		req.ifr_mtu = 0;
	close(fd);
	return (uint32_t)req.ifr_mtu;
}

/* By name: no capability tells. */
bool
sani_port_passes_mtu(const struct rte_eth_dev_info *info, uint16_t mtu)
{
	const struct rte_devargs *args = info->device != NULL ? rte_dev_devargs(info->device) : NULL;

	return strcmp(info->driver_name, "net_af_packet") == 0 && ask_kernel(info->if_index) >= mtu &&
	       sani_port_af_packet_mtu(args != NULL ? args->args : NULL) >= mtu;
}

/* A frame that does not fit one buffer comes in a chain, where the driver can scatter. */
static int
fill_scatter(const struct rte_eth_dev_info *info, const struct sani_port_conf *conf, uint32_t room,
	     struct rte_eth_conf *eth)
{
	uint32_t usable = room > RTE_PKTMBUF_HEADROOM ? room - RTE_PKTMBUF_HEADROOM : 0;

	if (conf->mtu + (uint32_t)FRAME_OVERHEAD <= usable)
		return 0;
	if (!(info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER))
		return sani_error_set(-ENOTSUP, "port %s: mtu %u does not fit a receive buffer of %u "
				      "bytes and the driver %s cannot split frames; use mtu %u or less",
				      conf->name, conf->mtu, usable, info->driver_name,
				      usable > FRAME_OVERHEAD ? usable - FRAME_OVERHEAD : 0);
	eth->rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
	return 0;
}

int
sani_port_eth_conf(const struct rte_eth_dev_info *info, const struct sani_port_conf *conf,
		   uint32_t room, struct rte_eth_conf *eth)
{
	uint64_t tx_wanted = TX_CKSUM | RTE_ETH_TX_OFFLOAD_MULTI_SEGS;

	if (sani_port_caps(info) & SANI_PORT_TX_CUT)
		tx_wanted |= RTE_ETH_TX_OFFLOAD_TCP_TSO;
	memset(eth, 0, sizeof(*eth));
	/* MBUF_FAST_FREE is never asked for: it forbids mbufs of several pools and with references. */
	eth->txmode.offloads = tx_offloads(info) & tx_wanted;
	eth->intr_conf.rxq = has_rx_fd(info);
	if ((info->rx_offload_capa & RX_CKSUM) == RX_CKSUM)
		eth->rxmode.offloads = RX_CKSUM;
	if (is_mtu_taken(info, conf->mtu))
		eth->rxmode.mtu = conf->mtu;
	fill_rss(info, conf->nb_queues, eth);
	return fill_scatter(info, conf, room, eth);
}

/* What to change differs from driver to driver; the name serves a sentence only. */
static const char *
hint_queues(const char *driver)
{
	if (strcmp(driver, "net_af_packet") == 0)
		return "give the device argument qpairs=N with N the number of cores";
	if (strcmp(driver, "net_ring") == 0)
		return "make the device of as many rings as there are cores";
	return "give the device more queues";
}

int
sani_port_check_queues(const struct rte_eth_dev_info *info, const struct sani_port_conf *conf)
{
	uint16_t max = info->max_rx_queues < info->max_tx_queues ? info->max_rx_queues :
								   info->max_tx_queues;

	if (conf->nb_queues > max)
		return sani_error_set(-ENOTSUP, "port %s: device %s has %u queue%s, but the host has %u "
				      "cores and each needs one; %s, or let the host have %u core%s",
				      conf->name, conf->device, max, max == 1 ? "" : "s",
				      conf->nb_queues, hint_queues(info->driver_name), max,
				      max == 1 ? "" : "s");
	/*
	 * af_packet spreads frames over all the sockets that its arguments made, whether or not their
	 * queues are set up, and no capability tells: by name.
	 */
	if (conf->nb_queues < max && strcmp(info->driver_name, "net_af_packet") == 0)
		return sani_error_set(-ENOTSUP, "port %s: device %s was made with qpairs=%u, but the host "
				      "has %u core%s: frames of the other queues would be lost; use "
				      "qpairs=%u", conf->name, conf->device, max, conf->nb_queues,
				      conf->nb_queues == 1 ? "" : "s", conf->nb_queues);
	return 0;
}
