/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Port: a DPDK ethdev, opened with one receive and one transmit queue for each core of its host.
 *
 * Model:     capabilities are asked of the driver, never assumed from its name. The interface owns MAC
 *            and MTU; a port that cannot be told a MAC is run promiscuous. A port belongs to one host.
 * Devices:   "NAME" or a PCI address: an ethdev that the EAL knows (--vdev, -a);
 *            "NAME,args..." : made with rte_dev_probe() and removed again at close;
 *            "ring:NAME/0" and "ring:NAME/1": the two ends of a ring pair in this process, made when the
 *            first end is opened, removed when both are closed.
 * Threads:   open, close: the control thread. rx and tx: the core whose queue it is.
 * Errors:    negative errno, with a sentence by sani_error_set().
 */
#ifndef SANI_PORT_PORT_H
#define SANI_PORT_PORT_H

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "base/base.h"
#include "base/window.h"

enum sani_port_cap {
	SANI_PORT_TX_IP4_CKSUM = 1 << 0,	/**< Fills the IPv4 header checksum. */
	SANI_PORT_TX_TCP_CKSUM = 1 << 1,	/**< Fills the TCP checksum (pseudo header given). */
	SANI_PORT_RX_CKSUM = 1 << 2,		/**< Its RX checksum flags can be trusted. */
	SANI_PORT_BY_REF = 1 << 3,		/**< The receiver gets the very mbuf that was sent (ring). */
	SANI_PORT_PROMISC = 1 << 4,		/**< Runs promiscuous. */
	SANI_PORT_MULTI_SEG = 1 << 5,		/**< Sends chained mbufs. */
	SANI_PORT_RX_FD = 1 << 6,		/**< Each receive queue has a descriptor to sleep on. */
	SANI_PORT_EXTMEM = 1 << 7,		/**< MULTI_SEG, not BY_REF: takes mbufs that refer to other memory. */
	SANI_PORT_TX_CUT = 1 << 8,		/**< TSO: cuts a packet into segments; TX_*_CKSUM and MULTI_SEG too. */
	SANI_PORT_TX_PREPARE = 1 << 9,		/**< Its driver wants to see frames first: sani_port_prepare(). */
};

/**
 * Most buffers of a packet that is to be cut (SANI_PORT_TX_CUT). A driver may take fewer, and half the descriptors of
 * a queue bound them too: a packet that is longer would never leave, nor anything behind it. A port that takes fewer
 * than SANI_PORT_CUT_SEGS_LEAST is given none.
 */
#define SANI_PORT_CUT_SEGS 32u
#define SANI_PORT_CUT_SEGS_LEAST 8u

/** Most buffers of a packet that is not to be cut and refers to other memory (SANI_PORT_EXTMEM). */
#define SANI_PORT_CHAIN_SEGS 4u

/** What a ring pair leaves undone, as if a NIC did it: both ends are told alike. */
enum sani_port_claim {
	SANI_PORT_CLAIM_NONE,
	SANI_PORT_CLAIM_CHECKSUMS,	/**< No checksum is made or looked at, */
	SANI_PORT_CLAIM_SEGMENTS,	/**< and what is to be cut arrives as one packet. */
};

/** What the configuration asks for. */
struct sani_port_conf {
	char name[32];		/**< Section name, for messages. */
	char device[256];	/**< See above. */
	uint16_t nb_queues;	/**< Cores of the host, 1..64. */
	uint16_t rx_desc;	/**< Descriptors of a receive queue; adjusted to the driver's limits. */
	uint16_t tx_desc;	/**< Likewise. */
	uint16_t mtu;		/**< Of the interface, 68..9000 [bytes]. */
	enum sani_port_claim claim;	/**< Of a ring pair. */
	bool restart;		/**< lend = restart: a queue that sits on lent memory is stopped and started. */
	bool has_mac;		/**< mac is to be used; else the device's own, or a random local one. */
	struct rte_ether_addr mac;
};

struct sani_port {
	uint16_t id;			/**< ethdev. */
	uint16_t nb_queues;
	uint16_t rx_desc;		/**< As adjusted. */
	uint16_t tx_desc;
	uint32_t caps;			/**< enum sani_port_cap. */
	uint16_t cut_segs;		/**< SANI_PORT_TX_CUT: most buffers of a packet that is to be cut; else 0. */
	uint64_t rx_flags;		/**< What a driver that claims checksums would say of each frame; else 0. */
	struct rte_ether_addr mac;	/**< What the interface answers to; never all zero. */
	char name[32];
	char device[256];
	bool restart;			/**< As configured. */
	bool is_virtual;		/**< Made by software of this process. */
	uint8_t made;			/**< How it came to be; what close has to undo (port.c). */
};

/**
 * Open and start a port.
 *
 * @param[in]  conf  Read during the call.
 * @param[in]  pool  Receive buffers; of the host.
 * @param[out] port  Caller's memory, filled on success.
 * @retval 0 -ENODEV (no such device; the sentence lists those there are) -EBUSY (another host has it)
 *         -ENOTSUP (fewer queues than cores; the sentence says what to change) -EINVAL -ENOMEM
 */
int
sani_port_open(const struct sani_port_conf *conf, struct rte_mempool *pool, struct sani_port *port);

/**
 * Stop and close; devices made by open are removed, others are stopped. Buffers that wait to be received
 * by it go back to their pools. What it sent over a SANI_PORT_BY_REF port lies at the peer until that one
 * has received and freed it or is closed too: the pool must outlive it.
 */
void
sani_port_close(struct sani_port *port);

/** Has it a link? Of a virtual device it says nothing, and of one that does not know it is taken for granted. */
bool
sani_port_has_link(const struct sani_port *port);

/** Descriptor that is readable while frames wait on a queue, the port's; -1: the port has none. */
int
sani_port_rx_fd(const struct sani_port *port, uint16_t queue);

/** Receive at most n frames on a core's queue; their m->port is this port. */
static inline uint16_t
sani_port_rx(const struct sani_port *port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	uint16_t nb = rte_eth_rx_burst(port->id, queue, m, n);

	if (nb == 0)
		return 0;
	for (uint16_t i = 0; i < nb; i++) {
		SANI_TAKEN(m[i]);
		/* the ring driver leaves the sender's port in it, others might leave none */
		m[i]->port = port->id;
	}
	if (sani_unlikely(port->rx_flags != 0)) {
		for (uint16_t i = 0; i < nb; i++)
			m[i]->ol_flags |= port->rx_flags;
	}
	return nb;
}

/**
 * Have the driver look at n frames, and write what it needs to be in them (the pseudo header's sum as its device wants
 * it); each of them once, before it is transmitted, where the port has SANI_PORT_TX_PREPARE.
 * @return How many are fit to be transmitted; the one behind them will never be as it is.
 */
static inline uint16_t
sani_port_prepare(const struct sani_port *port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	return rte_eth_tx_prepare(port->id, queue, m, n);
}

/** Transmit; what is not taken stays the caller's. */
static inline uint16_t
sani_port_tx(const struct sani_port *port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		SANI_GIVEN(m[i]);
	return rte_eth_tx_burst(port->id, queue, m, n);
}

#endif
