/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Pair: two hosts in one thread, joined by a ring pair, on a virtual clock, below a layer that only
 * takes notes. Host A is 10.0.0.1, host B 10.0.0.2.
 */
#ifndef TESTS_UNIT_CORE_PAIR_H
#define TESTS_UNIT_CORE_PAIR_H

#include "core/core.h"
#include "core/priv.h"
#include "test.h"

#define PAIR_SOCKS 4096
#define PAIR_EMBRYOS 2048
#define PAIR_SENDBUF 65536

enum { A, B };

/** What stands for a socket; owner.sock is its number. */
struct pair_sock {
	struct sani_core *core;
	uint32_t idx;
	uint32_t gen;
	uint32_t ev;		/**< All events so far. */
	unsigned int nb_closed;	/**< How often CLOSED came. */
};

struct pair {
	struct sani_host *host[2];
	struct pair_sock socks[PAIR_SOCKS];
	uint32_t nb_socks;
	bool accept;		/**< Adopt embryos at once. */
	bool offer;		/**< Mark embryos as offered. */
	uint32_t reads;		/**< on_event reads so much of what comes. */
	struct {
		struct sani_core *core;
		uint32_t idx;
		uint32_t gen;
	} embryos[PAIR_EMBRYOS];
	uint32_t nb_embryos;
	struct sani_tcp_seg seg;	/**< The last one that an engine was given. */
	struct sani_msg messages[256];
	uint32_t nb_messages;
	uint32_t nb_ahead[SANI_AHEAD_TARGET + 1];	/**< What was asked for of sockets that have events next, */
	uint32_t ahead;		/**< and the last of them. */
	void (*on_event)(struct sani_core *core, struct sani_tcp_conn *c, uint32_t ev);
	void (*on_message)(struct sani_core *core, const struct sani_msg *msg);
};

extern struct pair pair;
extern uint64_t pair_now_us;

/** For cmocka_run_group_tests(): the EAL, once. */
int
pair_start_eal(void **state);

/** Configuration of one side with the defaults of the tests. */
struct sani_host_conf
pair_conf(unsigned int side, unsigned int nb_cores);

/**
 * Open both hosts; change, if not NULL, may change the configurations first. Each knows where the other
 * is, so that no ARP comes between.
 */
void
pair_open(unsigned int nb_cores, void (*change)(struct sani_host_conf *conf));

/** Likewise, but they have never heard of each other. */
void
pair_open_strangers(unsigned int nb_cores, void (*change)(struct sani_host_conf *conf));

/** End both; every buffer has to be back. */
void
pair_close(void);

/** Rounds of all cores, every 100 us, for so long. */
void
pair_run(uint64_t us);

/** One round of one side's cores, without the time going on. */
void
pair_round(unsigned int side);

/** Throw away what is on the way to a side. @return How many of the frames were TCP segments with RST. */
unsigned int
pair_drop(unsigned int side);

union sani_ip
pair_addr(unsigned int side);

/** Listen on a side's port, on all its cores. */
void
pair_listen(unsigned int side, uint16_t port, uint32_t backlog);

/** B's only core listens on port 80, and takes so many Fast Opens that are not confirmed; what comes is accepted. */
void
pair_listen_fast(uint16_t pending);

/** Connect from a core to the other side. @return The socket number, or a negative errno. */
int
pair_connect(struct sani_core *core, uint16_t port);

/** The block of a socket; it must not have been freed. */
struct sani_tcp_conn *
pair_conn(uint32_t sock);

/** Connect A's core 0 to B and run until both know. B's socket is the next number. */
uint32_t
pair_establish(uint16_t port);

/** Sum of a counter over a side's cores. */
uint64_t
pair_count(unsigned int side, enum sani_counter which);

/** Blocks and records held, over a side's cores. */
uint32_t
pair_nb_conns(unsigned int side);
uint32_t
pair_nb_tw(unsigned int side);

/** Until all n octets that a socket has sent are acknowledged, 100 ms at most. */
void
pair_await_ack(uint32_t sock, uint64_t n);

/** Write text, or read all that is there, as the layer above would. */
uint32_t
pair_write(uint32_t sock, const void *data, uint32_t len);
uint32_t
pair_read(uint32_t sock, void *data, uint32_t len);

#endif
