/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Net: two hosts of this process over a ring pair, polled by the thread that runs the cases.
 *
 * Model:     host 0 is 10.9.0.1, host 1 is 10.9.0.2, one network 10.9.0.0/24. Each step polls every core
 *            once and reaps the watch. 10.9.0.77 is nobody.
 * Failures:  assertions of cmocka. A case that failed in the middle leaves a net open: the teardown
 *            ends it, so the next case begins clean. A case that hangs is ended by SIGALRM.
 */
#ifndef TESTS_PORTS_NET_H
#define TESTS_PORTS_NET_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <san/san.h>

#include "watch.h"

#define NET_CORES 4
/*
 * Limits are for what hangs. What comes goes on at once, and how soon it comes is the business of the machine, which
 * may have other things to do, or run a sanitized program.
 */
#define NET_PATIENCE_MS 60000
#define NET_LONG_MS 300000	/**< Of what is long in itself. */
#define NET_TIME_WAIT_MS 50

struct net;

/** What a case wants otherwise than usual; zero: the usual. */
struct net_wish {
	unsigned int cores[2];		/**< 1 */
	unsigned int sockets;		/**< Slots of a core, 2048 */
	unsigned int cq_depth;		/**< 4096 */
	const char *device[2];		/**< The two ends of a ring pair. */
	bool one_host;			/**< Host 0 only; device[0] is its port. */
	bool unclaimed;			/**< Leave the cores alone. */
	bool cold;			/**< No warm-up. */
	bool patient;			/**< At the end, wait for TIME_WAIT records and tombstones to go. */
	unsigned int time_wait_ms;	/**< NET_TIME_WAIT_MS */
	void (*drain)(void *);		/**< Called by steps of start and end: empties the far end of a port. */
	void *drain_arg;
	void (*ready)(struct net *);	/**< Called when the hosts are there, before the warm-up. */
	unsigned int mbufs;		/**< 8191 */
	unsigned int request_ring;	/**< Places of a thread's ring to a core. */
};

struct net {
	struct net_wish wish;
	struct san_host *host[2];
	struct san_core *core[2][NET_CORES];
	bool claimed[2][NET_CORES];
	bool held[2];			/**< Not polled by net_step(): a host that does not answer. */
	unsigned int nb_cores[2];
	struct watch w;			/**< Of the thread that runs the cases. */
	struct san_usage rest[2];	/**< After the warm-up: what "pools whole" means. */
	bool draining;			/**< wish.drain is called by net_step(). */
	bool open;
};

/** Monotonic time [ms]. */
uint64_t
net_now_ms(void);

/**
 * How long a wait may take [ms]: NET_PATIENCE_MS, until one of the program has been in vain. Then the program has
 * failed, and what its other cases come to is to be heard before its time is over: they wait two seconds.
 */
uint64_t
net_patience_ms(void);

/** A wait was in vain. Any thread. */
void
net_lose_patience(void);

/** Start the EAL, once in a process; later san_startup(0, NULL). */
void
net_startup(void);

/** The EAL arguments that net_startup() gives, NULL-terminated. */
char **
net_eal_args(int *argc);

/** The configuration of one of the hosts; the caller ends it. */
struct san_conf *
net_conf(const struct net_wish *wish, unsigned int side, unsigned int serial);

/** Start the library and the hosts, claim the cores, warm up (one connection, closed) and note the rest. */
void
net_open(struct net *net, const struct net_wish *wish);

/** Poll every claimed core of every host that is not held, and reap. */
void
net_step(struct net *net);

/** Step for so many rounds. */
void
net_steps(struct net *net, unsigned int rounds);

/** Print the counters that are not zero, and what the hosts hold: for a case that is about to fail. */
void
net_explain(const struct net *net);

/** Step until the expression is true; fails after net_patience_ms(). */
#define NET_UNTIL(net, expr) do { \
	uint64_t until_ms_ = net_now_ms() + net_patience_ms(); \
	while (!(expr)) { \
		if (net_now_ms() > until_ms_) { \
			net_lose_patience(); \
			net_explain(net); \
			fail_msg("%s:%d: never true: %s", __FILE__, __LINE__, #expr); \
		} \
		net_step(net); \
	} \
} while (0)

/** Close what is open, wait for all closes, and assert that everything has ended and the pools are whole. */
void
net_settle(struct net *net);

/**
 * Assert that nothing is held any more: no socket, no connection, every packet buffer back that was
 * free after the warm-up. Records (2 MSL, or two RTO: seconds) are waited for when the wish is patient.
 */
void
net_whole(struct net *net);

/** Give the cores that are claimed back. */
void
net_release(struct net *net);

/** san_cleanup(), the last one; the watch stays, and its sockets end with it. @return What it answered. */
int
net_cleanup(struct net *net);

/** Settle, release the cores, san_cleanup(), end the watch. */
void
net_close(struct net *net);

/** Address of a host, with a port. */
struct san_addr
net_addr(unsigned int side, uint16_t port);

/** A socket of a side's core. */
struct wsock *
net_socket(struct net *net, unsigned int side, unsigned int core);

/** A listener on a side's core 0. */
struct wsock *
net_listener(struct net *net, unsigned int side, uint16_t port, unsigned int backlog);

/** A pair of connected sockets: end[i] on host i, host 1 having listened on port. The listener is closed. */
struct net_pair {
	struct wsock *end[2];
};

struct net_pair
net_connect(struct net *net, uint16_t port);

/** Connect from one side to a listener of the other; end[0] is the connecting side's, end[1] the accepted one. */
struct net_pair
net_connect_to(struct net *net, struct wsock *listener, unsigned int from, uint16_t port);

/** SAN_OPT_STATE, as an int. */
int
net_state(const struct wsock *s);

/** Assert that a closed handle answers -ENOTSOCK to every call. */
void
net_assert_stale(struct net *net, san_handle h);

/** A counter of a host by name; fails when there is none. */
uint64_t
net_counter(const struct net *net, unsigned int side, const char *name);

/** A stream's octet at an offset, and the fill and check that go with it. */
void
net_fill(uint8_t *buf, size_t len, uint64_t offset, uint32_t seed);

bool
net_same(const uint8_t *buf, size_t len, uint64_t offset, uint32_t seed);

/** Setup and teardown of every case, and the main program of every test file: its argument selects cases. */
int
net_case_begin(void **state);
int
net_case_end(void **state);

#define NET_CASE(f) cmocka_unit_test_setup_teardown(f, net_case_begin, net_case_end)

#define NET_MAIN(name, cases) \
int \
main(int argc, char **argv) \
{ \
	if (argc > 1) \
		cmocka_set_test_filter(argv[1]); \
	cmocka_set_message_output(CM_OUTPUT_TAP); \
	return cmocka_run_group_tests_name(name, cases, NULL, NULL); \
}

#endif
