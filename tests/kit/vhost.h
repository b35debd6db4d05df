/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Vhost: a whole host, sockets and all, whose clock and wire are in the hands of the test.
 *
 * Model:     one clock for all hosts, which moves only when the test moves it. The far end of a host's
 *            port is a pair of rings for each queue: the test puts frames in and takes frames out.
 *            Programs use the public API. Everything runs on one thread, which has claimed all cores.
 * Lifetime:  vhost_startup(), any number of vhost_open(), vhost_cleanup(): it ends the library, the hosts
 *            and their ports. What the test holds of a host's buffers has to be freed before.
 * Limits:    a process has at most 32 ethdevs, so at most 31 hosts at a time; at most 255 cores in all.
 * Failures:  kit_fail(): an assertion in a program of cmocka.
 */
#ifndef TESTS_KIT_VHOST_H
#define TESTS_KIT_VHOST_H

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <san/san.h>

#include "core/core.h"
#include "test.h"

#define VHOST_CORES 4
#define VHOST_MAX 31
#define VHOST_KEYS 16

/** What a host is to be. Zero: the usual. */
struct vhost_wish {
	const char *name;		/**< "v" and its number. */
	const char *address;		/**< "A.B.C.D/PREFIX"; must be given. */
	const char *gateway;
	unsigned int nb_cores;		/**< 1 */
	unsigned int mtu;		/**< 1500 */
	unsigned int nb_mbufs;		/**< 8191 */
	const char *mac;		/**< A random one. */
	uint64_t seed;			/**< What the host draws at random comes from it; 0: from the system. */
	struct {
		const char *key;	/**< Further keys of [host]; NULL ends the list. */
		const char *value;
	} keys[VHOST_KEYS];
};

struct vhost {
	struct san_host *host;
	struct sani_host *below;	/**< The same, as the layers below know it. */
	struct san_core *core[VHOST_CORES];
	unsigned int nb_cores;
	unsigned int serial;
	char device[32];
	struct rte_ring *in[VHOST_CORES];	/**< To the host, by queue. */
	struct rte_ring *out[VHOST_CORES];	/**< From it. */
};

/** The clock of all hosts [us]. Begins at an hour; never moves back. */
extern uint64_t vhost_now_us;

/** Start the EAL (once in a process) and the library. */
void
vhost_startup(void);

/** The same with as little memory as the hosts to come need [MiB]; vhost_startup() takes 512. */
void
vhost_startup_small(unsigned int memory_mb);

/** Make a host and claim its cores. h stays where it is until vhost_cleanup(). */
void
vhost_open(struct vhost *h, const struct vhost_wish *wish);

/** One round of every core. @return How much was done: 0, and nothing more will happen at this time. */
unsigned int
vhost_round(struct vhost *h);

/** When a core wants to be polled again if no frame comes [us]: now, later, or SANI_NEVER. */
uint64_t
vhost_deadline(const struct vhost *h);

/** A frame for the host; it is m's owner from here on, also when the ring is full: then it is dropped. */
bool
vhost_put(struct vhost *h, unsigned int queue, struct rte_mbuf *m);

/** A frame that the host has sent, oldest first; NULL. The caller's; of the host's pool. */
struct rte_mbuf *
vhost_take(struct vhost *h);

/** Tell every core of h who has an address, so that no ARP comes between. */
void
vhost_know(struct vhost *h, const char *address, const struct rte_ether_addr *mac);

/** The MAC address of a host's interface. */
struct rte_ether_addr
vhost_mac(const struct vhost *h);

/** Address of an interface, with a port, as the API wants it. */
struct san_addr
vhost_addr(const char *address, uint16_t port);

/** Sum of a counter over the cores. */
uint64_t
vhost_count(const struct vhost *h, enum sani_counter which);

/** Frames on the wires go; nobody polls the hosts any more. */
void
vhost_drain(void);

/** The library was ended by another thread, behind vhost_drain(): what is the kit's goes. */
void
vhost_forget(void);

/** End the library with all hosts; the sockets that are open are closed by it. */
void
vhost_cleanup(void);

#endif
