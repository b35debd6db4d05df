/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Core: what one polling loop owns of a host: queues, flows, listeners, connections, timers.
 *
 * Model:     a round is begin, input (other cores' messages and packets, frames, timers), what the layer
 *            above does, output (segments of the connections that asked for it, one burst a port).
 *            A flow belongs to the core that the keyed hash of its tuple names; a packet that arrives
 *            elsewhere is handed over through a ring between the two cores.
 * Lifetime:  sani_host_open() makes ports, pool and cores; sani_host_stop() and sani_host_free() end them
 *            when no connection is left that anybody holds.
 * Threads:   open, stop, free: the control thread. Everything with a struct sani_core: the thread that
 *            polls it, but for what is marked "any thread".
 * Files:     host.c open, stop, free; make.c a core's memory; round.c the round; rx.c frame to connection;
 *            tx.c; flow.c the table of flows; listen.c the table of listeners; conn.c blocks; connect.c;
 *            cookie.c SYN cookies; fast.c Fast Open; lend.c which ports lend; tw.c tombstones, TIME_WAIT;
 *            local_port.c; mesh.c rings between cores; map.c big arrays; ration.c a pool that runs low.
 */
#ifndef SANI_CORE_CORE_H
#define SANI_CORE_CORE_H

#include <stdatomic.h>

#include "base/base.h"
#include "base/counters.h"
#include "base/spsc.h"
#include "core/flow.h"
#include "ip/ip.h"
#include "port/port.h"
#include "tcp/conn.h"
#include "tcp/tcp.h"

#define SANI_HOST_CORES 64	/**< Most cores of a host. */

/** A host as configured; values are in range (api/config.c checked them). */
struct sani_host_conf {
	char name[32];
	unsigned int nb_cores;
	unsigned int first_core_id;	/**< Process-wide id of its core 0. */
	uint32_t nb_mbufs;		/**< Of the host's pool. */
	uint32_t nb_conns;		/**< Connection blocks of a core. */
	uint32_t nb_tw;			/**< TIME_WAIT records and tombstones of a core. */
	uint32_t nb_half_open;		/**< Half-open connections of a core at most; cookies from 3/4 of it on. */
	uint32_t nb_listeners;		/**< Listen entries of a core. */
	uint32_t time_wait_ms;		/**< 2 MSL. */
	uint32_t window_max;		/**< To which a queue grows by itself [bytes]. */
	bool mtu_probing;		/**< Sockets begin with SAN_OPT_MTU_PROBE. */
	unsigned int nb_ifaces;
	struct sani_port_conf ports[SANI_IP_IFACES];	/**< Port of interface i. */
	struct sani_iface ifaces[SANI_IP_IFACES];	/**< addr, prefix, gateway, mtu, name; the rest is filled. */
};

/** What a listener asks of its connections, and whom it belongs to. */
struct sani_listen {
	union sani_ip addr;	/**< Any: every address of the host. */
	uint16_t port;
	uint8_t owner;		/**< Process-wide id of the core that holds the accepts. */
	bool share;		/**< There may be others of this address and port: the newest is asked. */
	bool hold;		/**< SYNs are not answered before sani_core_confirm(): no cookies, no Fast
				 *   Open; beyond the backlog they are dropped. */
	uint32_t slot;		/**< Its slot there, */
	uint32_t gen;		/**< and generation. */
	uint32_t backlog;	/**< Finished connections of this entry that wait to be adopted, at most: then
				 *   SYNs are dropped. Half-open ones beyond it are cookies (RFC 4987). */
	uint32_t sndbuf;
	uint32_t rcvbuf;
	uint32_t user_timeout_ms;
	bool nodelay;
	bool tuned;		/**< For the layer above: options are not what sockets usually have. */
	struct sani_tcp_tune tune;
};

/** Between cores. Kinds below SANI_MSG_SOCK are the core's own, the rest goes to up->message. */
struct sani_msg {
	uint8_t kind;
	uint8_t from;		/**< Index of the sending core in the host; filled by send. */
	uint8_t iface;
	uint8_t flag;
	uint32_t a;
	uint32_t b;
	uint32_t c;
	uint64_t d;
	uint64_t e;
	union {
		struct {
			union sani_ip ip;
			struct rte_ether_addr mac;
		} neighbour;
		struct sani_listen listen;
	} u;
};

enum { SANI_MSG_NEIGHBOUR_KNOWN = 1, SANI_MSG_NEIGHBOUR_WANT, SANI_MSG_NEIGHBOUR_LOST,
       SANI_MSG_NEIGHBOUR_DOUBT, SANI_MSG_SOCK = 16 };

struct sani_core;

/** What is asked for of a socket that will have an event, and with READABLE then what is found there, in this order. */
enum sani_ahead {
	SANI_AHEAD_SOCK,
	SANI_AHEAD_OP,
	SANI_AHEAD_TARGET,
};

/** What the layer above is told; called inside a round, on the core's thread. Every slot filled. */
struct sani_core_up {
	/**
	 * Events (SANI_TCP_EV_OUTPUT and SANI_TCP_EV_DOUBT are never among them) of a connection that has a socket.
	 * ACKED alone is told only while owner.tell_acks is set, which is the layer's to clear and to set again.
	 */
	void (*event)(struct sani_core *core, struct sani_tcp_conn *c, uint32_t ev);
	/**
	 * A passive open is finished, or held at its SYN (sani_listen.hold): c is an embryo of listen entry
	 * c->owner.listen, not offered yet.
	 * An embryo that ends by itself is freed without a word (its generation moves on), unless
	 * owner.offered is set: then it stays, CLOSED, until the answer to the offer is there and it is
	 * adopted or closed here. The same with one whose listener is removed.
	 */
	void (*embryo)(struct sani_core *core, struct sani_tcp_conn *c);
	/** A message of kind SANI_MSG_SOCK or above. */
	void (*message)(struct sani_core *core, const struct sani_msg *msg);
	/** The connection of a socket is named by idx from now on (core/park.c). */
	void (*moved)(struct sani_core *core, uint32_t sock, uint32_t idx);
	/** A socket is likely to have an event soon: some of its memory may be asked for, nothing else. */
	void (*ahead)(struct sani_core *core, uint32_t sock, enum sani_ahead what);
	/** How much text that a socket's connection receives now would be read inside event()? Asked in scarcity. */
	uint32_t (*reads)(struct sani_core *core, uint32_t sock);
};

struct sani_host;
struct sani_core_priv;

struct sani_core {
	uint8_t id;			/**< Process-wide; in handles. */
	uint8_t index;			/**< In its host; its queue on every port. */
	struct sani_host *host;
	const struct sani_core_up *up;
	void *ctx;			/**< The layer above's. */
	struct sani_core_priv *priv;	/**< core/priv.h */
	uint64_t now_us;		/**< Of this round. */
	uint64_t told;			/**< Cores, by index, that messages or packets were put for: wake them. */
	struct sani_counters ctr SANI_ALIGNED;
};

struct sani_host {
	char name[32];
	unsigned int nb_cores;
	struct sani_core *cores[SANI_HOST_CORES];
	struct rte_mempool *pool;
	unsigned int nb_ifaces;
	struct sani_iface ifaces[SANI_IP_IFACES];
	struct sani_port ports[SANI_IP_IFACES];
	uint8_t key[16];		/**< Secret: ISN, port choice, cookies. From the system's generator. */
	struct sani_flow_key flow_key;	/**< Made of it. */
	struct sani_host_conf conf;
	uint64_t (*clock)(void);	/**< [us], monotonic; replaced by simulations before the first round. */
	struct sani_spsc *msg[SANI_HOST_CORES][SANI_HOST_CORES];	/**< [from][to] */
	struct sani_spsc *pkt[SANI_HOST_CORES][SANI_HOST_CORES];
	uint32_t scarce_below;		/**< So few free buffers of the pool, and queues stop growing (ration.c). */
	_Atomic uint32_t nb_short;	/**< Connections of all cores that wait for a buffer (ration.c). */
	_Atomic uint64_t bound[65536 / 64];	/**< Local ports that are bound (any thread). */
};

/**
 * Open a host. Too few mbufs, a port that is taken, a device that is missing: a sentence by
 * sani_error_set(), nothing left behind.
 * @retval 0 -EINVAL -ENODEV -EBUSY -ENOTSUP -ENOMEM
 */
int
sani_host_open(const struct sani_host_conf *conf, const struct sani_core_up *up,
	       struct sani_host **host);

/**
 * Stop a host: connections, neighbours and ports go, every buffer that it holds is freed. No core of it
 * is polled any more. First of two steps, since hosts on a ring pair hold buffers of each other's pools:
 * stop all of them, then free them.
 */
void
sani_host_stop(struct sani_host *host);

/** Free a stopped host with its pool. */
void
sani_host_free(struct sani_host *host);

/** Is ip the broadcast address of one of the host's subnets? Any thread. */
bool
sani_host_is_broadcast(const struct sani_host *host, const union sani_ip *ip);

/** Take a local port; @retval 0 -EADDRINUSE. Any thread. */
int
sani_host_port_take(struct sani_host *host, uint16_t port);

/** Take any free ephemeral port (RFC 6056 range 49152..65535 at random); @return it, or -EADDRNOTAVAIL. */
int
sani_host_port_take_any(struct sani_host *host);

/** Give a local port back. Any thread. */
void
sani_host_port_put(struct sani_host *host, uint16_t port);

/* The round. */

/**
 * The calling thread polls the core from here on: its cache of the pool may be used, till sani_core_left(). The clock
 * is read.
 */
void
sani_core_entered(struct sani_core *core);

void
sani_core_left(struct sani_core *core);

/**
 * Begin a round: the clock is read here, and when a connection is opened or closed between rounds; then goes what was
 * posted between rounds, before anything is looked at. @return How much was done.
 */
unsigned int
sani_core_begin(struct sani_core *core);

/** Read the host's clock into now_us, which never goes back: for what counts from now on, between rounds. */
void
sani_core_tell_time(struct sani_core *core);

/** Messages and packets of other cores, a burst from each port, expired timers. @return How much was done. */
unsigned int
sani_core_input(struct sani_core *core);

/** Segments of the connections that asked for it, then one burst a port. @return How much was done. */
unsigned int
sani_core_output(struct sani_core *core);

/** Deadline of the next timer, or now when segments are to be sent [us]; SANI_NEVER. */
uint64_t
sani_core_deadline(const struct sani_core *core);

/** Do messages or packets of other cores, or frames for a port that is behind, wait for a round? */
bool
sani_core_waits(const struct sani_core *core);

/* Messages. */

/**
 * Send a message to a core of the same host, also to oneself: it arrives in the next input at the
 * latest, in order. The rings have room for every exchange that can be under way (mesh.c says why).
 */
void
sani_core_send(struct sani_core *core, unsigned int to_index, struct sani_msg *msg);

/** Is a message of this core to itself on its way? */
static inline bool
sani_core_has_told_itself(const struct sani_core *core)
{
	const struct sani_spsc *ring = core->host->msg[core->index][core->index];

	return sani_spsc_head(ring) != sani_spsc_tail(ring);
}

/*
 * Connections. Their blocks are named by index and generation (owner.gen moves on when one is freed). One that has a
 * socket, and to which nothing happens, may be parked between rounds: then its name has the bit below, and
 * up->moved() has told it. To ask for the block gives it one again.
 */

#define SANI_CONN_PARKED SANI_FLOW_PARKED

struct sani_tcp_conn *
sani_core_conn(struct sani_core *core, uint32_t idx);

uint32_t
sani_core_conn_idx(const struct sani_core *core, const struct sani_tcp_conn *c);

/** Options of a connection to open. */
struct sani_open {
	union sani_ip local;	/**< Any: the route's source address. */
	union sani_ip remote;
	uint16_t local_port;	/**< 0: an ephemeral one whose flow is this core's. */
	uint16_t remote_port;
	uint32_t sndbuf;
	uint32_t rcvbuf;
	uint32_t user_timeout_ms;
	uint32_t sock;		/**< Goes into owner.sock. */
	bool nodelay;
	struct sani_tcp_tune tune;
};

/**
 * Open actively; the SYN goes out with this round's output.
 * @retval 0 -ENETUNREACH (no route, or an address of our own) -EINVAL -EADDRNOTAVAIL (no local port, or a
 *         given one whose flow is another core's) -EADDRINUSE (the very tuple exists) -ENOBUFS (no block)
 */
int
sani_core_connect(struct sani_core *core, const struct sani_open *open, struct sani_tcp_conn **c);

/** May segments of c refer to memory of the program's: does the port that it sends by give them back? */
bool
sani_core_lends(struct sani_core *core, const struct sani_tcp_conn *c);

/** While some do: have the ports give back what they can. Once a round. */
void
sani_core_reclaim(struct sani_core *core);

/** After each call of the engine made from above: queue for output, arm the timer. Other events are ignored. */
void
sani_core_touch(struct sani_core *core, struct sani_tcp_conn *c, uint32_t ev);

/** Copy n bytes out that are there; touch c when the peer is to be told of it. @return 0, as a call that ends so. */
int
sani_core_read(struct sani_core *core, struct sani_tcp_conn *c, void *buf, uint32_t n);

/** sani_tcp_write_plain(), and list c for output. False: nothing has changed. */
bool
sani_core_write_plain(struct sani_core *core, struct sani_tcp_conn *c, const void *data, uint32_t len);

/**
 * After a write that was not taken whole: if it was for want of a buffer that nothing of c's own will bring back, c is
 * served in its turn, by the event SANI_TCP_EV_ACKED. More than once does no harm.
 */
void
sani_core_await_pool(struct sani_core *core, struct sani_tcp_conn *c);

/** Fill an engine io for a call that builds no segment. */
struct sani_tcp_io
sani_core_io(struct sani_core *core);

/**
 * Give an embryo to a socket: owner.sock = sock; it leaves its listener's list. Of one that is CLOSED by
 * now the event SANI_TCP_EV_CLOSED follows with the next expired timers.
 */
void
sani_core_adopt(struct sani_core *core, struct sani_tcp_conn *c, uint32_t sock);

/**
 * Hard close by state (O9.3), then the block is free. CLOSED, SYN_SENT: nothing is sent. TIME_WAIT:
 * nothing is sent, a record goes on for the rest of 2 MSL. All others: RST from the core's reserve, and a
 * tombstone that repeats it once after one RTO and answers later segments with RST for two.
 */
void
sani_core_conn_close(struct sani_core *core, struct sani_tcp_conn *c);

/** Let the handshake of a connection go on that a listener holds; nothing when it is not held. */
void
sani_core_confirm(struct sani_core *core, struct sani_tcp_conn *c);

/* Listeners. */

/**
 * Add an entry on this core. An exact address wins over any. A core holds at most 1024 finished
 * connections that nobody has adopted, whatever the backlogs say.
 * @retval 0 -EADDRINUSE -ENOMEM (no entry)
 */
int
sani_core_listen_add(struct sani_core *core, const struct sani_listen *l);

/** Remove the entry of (owner, slot, gen): its embryos are hard-closed. Nothing when it is not there. */
void
sani_core_listen_del(struct sani_core *core, uint8_t owner, uint32_t slot, uint32_t gen);

/** The entry a connection came by (c->owner.listen); NULL when it is gone. */
const struct sani_listen *
sani_core_listen_of(const struct sani_core *core, const struct sani_tcp_conn *c);

/* What is held; any thread, a snapshot. */
uint32_t
sani_core_nb_conns(const struct sani_core *core);
uint32_t
sani_core_nb_tw(const struct sani_core *core);

#endif
