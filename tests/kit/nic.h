/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * NIC: two ethdevs on one cable that keep packets as real ones do: what a burst has taken lies in a ring of
 * descriptors until it was sent, and its buffer until the driver looks.
 *
 * Model:     DPDK's net_null makes the devices; their bursts are replaced by ours once a host has started them
 *            (nic_plug()). A frame that leaves the ring is read then, from wherever its buffers say, and travels as
 *            a copy, for which the NIC has a pool of its own: so who changes memory too early is seen.
 *            A frame has as many descriptors as buffers. Sums and cuts that it is asked for are made (nic_sum.h).
 *            The linker sends what else a driver answers to the NIC: rte_eth_tx_done_cleanup(), the stop and start of a
 *            transmit queue, the stop of the device, rte_eth_dev_adjust_nb_rx_tx_desc() (nic_link_args of meson.build).
 * Lifetime:  nic_make(), hosts, nic_plug(), cleanup, nic_end(). A NIC that is stopped gives back all that it has.
 * Threads:   the one that polls both hosts.
 */
#ifndef TESTS_KIT_NIC_H
#define TESTS_KIT_NIC_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#define NIC_RING 64u		/**< Descriptors. */
#define NIC_WIRE 1024u		/**< Frames on the way to a NIC at most. */

/** When the driver looks for buffers to give back; those of frames that were sent only. */
enum nic_frees {
	NIC_FREES_AT_ONCE,	/**< At the end of the burst. */
	NIC_FREES_LATER,	/**< In a later burst, those in front of the last `keeps` that were sent. */
	NIC_FREES_ASKED,	/**< When it is asked, and not else. */
	NIC_FREES_STOPPED,	/**< As LATER; and all of them, sent or not, when the queue is stopped. */
	NIC_FREES_NEVER,	/**< When the device is. */
};

struct nic {
	char name[32];
	uint16_t id;
	struct nic *peer;
	/* The test's, at any time. */
	enum nic_frees frees;
	unsigned int keeps;
	bool holds;		/**< Frames stay in the ring until nic_send(). */
	unsigned int hold_bursts; /**< The same of bursts. */
	bool prepares;		/**< Before nic_plug(): the driver wants to see frames first, each once. */
	bool (*refuses)(const struct rte_mbuf *m);	/**< What it cannot send, when it sees it; or NULL. */
	unsigned int hold_polls; /**< After so many looks for packets it holds no more; 0: never. */
	void (*watch)(const struct nic *nic, const uint8_t *frame, unsigned int len);	/**< What it sends; or NULL. */
	/* For the test to look at. */
	unsigned int nb;	/**< In the ring, */
	unsigned int nb_descs;	/**< and their descriptors. */
	unsigned int nb_sent;	/**< Of the frames: the oldest ones. */
	unsigned int asked;	/**< How often it was. */
	unsigned int stopped;	/**< How often a queue was. */
	unsigned int refused;	/**< Frames that found no descriptor. */
	unsigned int unfit;	/**< Those that it could not send. */
	unsigned int nb_cut;	/**< Those that it has cut. */
	/* Its own. */
	bool plugged;
	void *queues[1];
	struct rte_mbuf *ring[NIC_RING];
	struct rte_mbuf *wire[NIC_WIRE];
	unsigned int wire_first, nb_wire;
	uint8_t last[2048];	/**< The last IPv4 packet that it received, with its frame. */
	unsigned int last_len;
};

/** Descriptors that a queue of any device has at least; 0: as its driver says. */
extern uint16_t nic_least_descs;

/** Make both devices; hosts find them by their names. The EAL runs. */
void
nic_make(struct nic pair[2]);

/** A host has started it: from here on it is ours. */
void
nic_plug(struct nic *nic);

/** Send at most n frames of those that lie in the ring. @return How many. */
unsigned int
nic_send(struct nic *nic, unsigned int n);

/** The i-th oldest frame that was not sent. */
const struct rte_mbuf *
nic_unsent(const struct nic *nic, unsigned int i);

/** Put a frame of the test's on the wire to a NIC. */
void
nic_put(struct nic *nic, const uint8_t *frame, unsigned int len);

/** Take both devices away. */
void
nic_end(struct nic pair[2]);

#endif
