/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * World: hosts on a switch, one thread, one virtual clock.
 *
 * Model:    each host has a cable to the switch, each direction of it a struct sani_impair. A frame that leaves a
 *           host is copied into the world's pool; what arrives is copied into a buffer of the receiving host's own
 *           pool, as a network card does it, so that hosts share no memory. Hosts are polled until nothing happens,
 *           then the clock moves to the next event.
 * Faults:   what can happen to a host or its cable at run time. A host under a fault is excused: the checker makes
 *           no demands on its timing until the fault is over.
 * Order:    a host is "settled" when it has processed everything it was given and all it sent has been seen.
 */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include <stdio.h>

#include "kit/vhost.h"
#include "port/impair.h"
#include "sim/check.h"
#include "sim/event.h"
#include "sim/rng.h"

#define SIM_HOSTS 4
#define SIM_FRAME_MAX 9216u
#define SIM_RX_DESC 256u	/* frames that wait for a queue at most */

struct sim_half;
struct sim_world;

/** What a host is to be. */
struct sim_host_plan {
	unsigned int nb_cores;
	unsigned int mtu;
	unsigned int nb_mbufs;
	unsigned int nb_sockets;
	unsigned int nb_half_open;
	unsigned int time_wait_ms;
	unsigned int cq_depth;
	bool lends;			/**< Packets refer to registered memory: its card gives them back in time. */
	struct sani_impair_conf up;	/**< From the host to the switch. */
	struct sani_impair_conf down;
};

struct sim_host {
	struct sim_world *w;
	unsigned int index;
	struct vhost v;
	struct san_cq *cq[VHOST_CORES];
	char address[24];
	struct san_addr addr;
	uint32_t ip;			/**< [host order] */
	struct rte_ether_addr mac;
	const struct sim_host_plan *plan;
	struct sani_impair *up;
	struct sani_impair *down;
	struct sani_impair_conf up_now;
	struct sani_impair_conf down_now;
	bool wants_poll;
	bool ran;			/**< In this step. */
	uint64_t stopped_until_us;	/**< Not polled before. */
	bool deaf;			/**< Its frames are dropped, both ways. */
	bool held;			/**< Its transmit ring is full, nothing passes either way. */
	struct rte_mbuf **hostages;	/**< Free buffers that a fault has taken. */
	uint32_t nb_hostages;
	uint64_t excused_us;		/**< The last time a fault was at work. */
	uint64_t sought_us[SIM_HOSTS];	/**< When it last asked for the address of each host, */
	uint64_t told_us[SIM_HOSTS];	/**< and when it was told it then (settled). */
	bool told[SIM_HOSTS];		/**< Something that tells it is put. */
	uint64_t unsent;		/**< Frames that it had made and dropped when it was settled last. */
	uint16_t keep_ms[65536];	/**< For each port after what silence its sockets may ask, 0: never. */
	uint8_t paced[65536 / 8];	/**< A bit for each port whose sockets may have been paced, */
	uint8_t validated[65536 / 8];	/**< and for each where SAN_OPT_CWV may have been set. */
	uint32_t mbufs_at_rest;
	uint32_t generation;		/**< Counts what it was given; for settling. */
	struct sim_half *unsettled;
	uint64_t nb_delivered;
	uint64_t nb_bad;		/**< Of those: their checksums are wrong. */
	uint64_t nb_tcp;		/**< Of those: TCP. */
	uint64_t nb_no_buffer;		/**< Dropped by the card: pool empty, */
	uint64_t nb_no_desc;		/**< or its ring full. */
	uint64_t nb_evicted;		/**< Connections that have ended for the buffers they held. */
};

struct sim_world {
	struct sim_host hosts[SIM_HOSTS];
	unsigned int nb_hosts;
	struct rte_mempool *pool;
	struct sim_events events;
	uint64_t start_us;
	bool well;			/**< The network is; what ends a fault changes no cable any more. */
	uint64_t hash;			/**< Of the trace. */
	uint64_t nb_frames;
	FILE *trace;			/**< A line for each frame; NULL: none. */
	unsigned int (*work)(struct sim_host *h);	/**< A host's programs take their completions. */
	void (*look)(struct sim_host *h);	/**< It has run, and has settled; NULL: nobody looks. */
};

/** Make the hosts. @param[in] seed Of keys and links. */
void
sim_world_open(struct sim_world *w, unsigned int nb_hosts, const struct sim_host_plan *plans, uint64_t seed);

/** Do all that happens now, then move the clock on, at most to limit_us. @return False: nothing more will happen. */
bool
sim_world_step(struct sim_world *w, uint64_t limit_us);

/** Nothing on the cables, all faults over, cables perfect from now on. */
void
sim_world_heal(struct sim_world *w);

/** Is every host back at what it held at the start? */
bool
sim_world_is_at_rest(struct sim_world *w);

/** At the end: leaks and counters. */
void
sim_world_audit(struct sim_world *w);

void
sim_world_close(struct sim_world *w);

/** Is h under a fault now? */
static inline bool
sim_host_is_faulty(const struct sim_host *h)
{
	return h->stopped_until_us > vhost_now_us || h->deaf || h->held || h->nb_hostages > 0;
}

/* fault.c */

enum sim_fault {
	SIM_FAULT_POOL,		/**< No free buffer for a while. */
	SIM_FAULT_RING,		/**< The transmit ring is full for a while. */
	SIM_FAULT_FLAP,		/**< The cable is out for a while. */
	SIM_FAULT_VANISH,	/**< Not polled, and its frames are lost. */
	SIM_FAULT_DEAF,		/**< Polled, but its frames are lost both ways. */
	SIM_FAULT_PAUSE,	/**< Not polled for a while; frames wait. */
	SIM_FAULT_MTU,		/**< The cable passes less; the switch says so by ICMP. */
	SIM_FAULT_LINK,		/**< The cable gets worse for a while: loss, also in bursts, and the rest. */
	SIM_FAULT_RATE,		/**< The cable has another rate, and a queue of another length, for a while. */
	SIM_NB_FAULTS
};

extern const char *const sim_fault_names[SIM_NB_FAULTS];

/** Begin a fault; it ends by itself after for_us. */
void
sim_fault_begin(struct sim_host *h, enum sim_fault fault, uint64_t for_us, uint32_t value);

/** End all faults of h. */
void
sim_fault_end_all(struct sim_host *h);

/** Give back the buffers that a fault has taken. */
void
sim_fault_free(struct sim_host *h);

#endif
