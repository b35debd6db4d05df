/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Library, hosts and cores: start-up, configuration, polling, cleanup.
 *
 * Model:     san_startup() once for each user of the process (counted), then hosts, each with its own
 *            interfaces and cores. A core is claimed by the thread that polls it; san_core_poll() does
 *            one round and returns. The library has no thread of its own.
 * Lifetime:  hosts live until the last san_cleanup(), which closes every socket first. The EAL, once
 *            started, stays (DPDK cannot start it twice).
 * Errors:    set-up calls, and san_bind(), leave one sentence for people in san_error().
 * Source:    doc/op-contract.md O15, O16.
 */
#ifndef SAN_HOST_H
#define SAN_HOST_H

#include <san/sock.h>

#ifdef __cplusplus
extern "C" {
#endif

struct san_host;
struct san_conf;

/**
 * Start the library, or count one more user of it.
 *
 * @param[in] argc  EAL arguments as main() has them; 0: none, the EAL runs already.
 * @param[in] argv  Likewise; argv[0] is the program. May be permuted by the EAL.
 *
 * @return How many arguments belonged to the EAL (argv[returned] is then what rte_eal_init() would
 *         leave as argv[0]); 0 with argc 0.
 * @retval -EALREADY  Arguments were given and the EAL runs already: call san_startup(0, NULL).
 * @retval -EINVAL    No arguments and no EAL, or the EAL refused its arguments.
 * @retval -EBUSY     A cleanup is under way.
 * @context  Any thread.
 */
SAN_API int
san_startup(int argc, char **argv);

/**
 * Undo one san_startup(); the last one closes everything (O15).
 *
 * @retval 0           Done (for the last one: all slots retired, hosts and ports gone).
 * @retval -EBUSY      Other threads are attached, or a loan is out (san/mem.h). Nothing changed.
 * @retval -EDEADLK    Called inside a poll round. Nothing changed.
 * @retval -ENOMEM     255 other threads use the library. Nothing changed.
 * @retval -ENETDOWN   Not started.
 * @context  Any thread, also one that has claimed cores: those are polled here, and the claims are gone
 *           afterwards. The last one blocks until every core has left its last round: a core that
 *           another thread has claimed must still be polled or released.
 */
SAN_API int
san_cleanup(void);

/** The sentence for people that the calling thread's last failed set-up call left; never NULL. */
SAN_API const char *
san_error(void);

/** Make an empty configuration; NULL: no memory. Any thread. */
SAN_API struct san_conf *
san_conf_create(void);

/** End a configuration; NULL is allowed. Any thread. */
SAN_API void
san_conf_destroy(struct san_conf *conf);

/**
 * Set one key (doc/configuration.md lists them).
 *
 * @param[in] conf     The configuration.
 * @param[in] section  "host", "port NAME" or "interface NAME".
 * @param[in] key      The key.
 * @param[in] value    Its value; copied.
 *
 * @retval 0        Done.
 * @retval -EINVAL  No such section or key, or a value that is not accepted; san_error() says which.
 * @retval -ENOMEM  No memory.
 * @context  Any thread.
 */
SAN_API int
san_conf_set(struct san_conf *conf, const char *section, const char *key, const char *value);

/**
 * Read a file of rte_cfgfile format.
 *
 * @retval 0        Done.
 * @retval -EINVAL  san_error(): file, line, key, what was found and what is accepted.
 * @retval -ENOENT  The file cannot be opened.
 * @context  Any thread.
 */
SAN_API int
san_conf_load(struct san_conf *conf, const char *path);

/**
 * Make a host: its ports, interfaces, cores and pools.
 *
 * Packet buffers (mbufs) it needs for the descriptors of its ports, both ways and of each core, for each loan that is
 * out, and, of connections, one for each 2 KiB that were sent and not acknowledged or received and not read, at least
 * one where there are any: a server that a million answers are to leave at once, a million more and a half. An idle
 * connection holds none. A core keeps 64 for the resets of closes, and of those that have come back, for what is sent
 * next, up to its share of a quarter of all, 65,536 at most; all of them count as used, the latter until it was idle
 * for 16 ms or the pool runs low. When less than about a quarter is left connections get fewer; with next to nothing
 * left sends wait in turn, and while one waits those connections are ended, with -ETIMEDOUT, whose peers have in three
 * seconds acknowledged less than 2 KiB, and not all that they were sent (counter tcp_evicted; doc/attacks.md).
 *
 * @param[in]  conf  Read during the call.
 * @param[out] host  Set only on success.
 *
 * @retval 0        Done.
 * @retval -EINVAL -ENODEV -EBUSY -ENOMEM -ENOTSUP  san_error() says what, where and what to do.
 * @retval -ENETDOWN  The library is not started.
 * @context  Any thread; not inside a poll round.
 */
SAN_API int
san_host_create(const struct san_conf *conf, struct san_host **host);

/** How many cores a host has. Any thread. */
SAN_API unsigned int
san_host_cores(const struct san_host *host);

/** A core of a host, index 0..san_host_cores()-1; NULL beyond. Any thread. */
SAN_API struct san_core *
san_core_get(struct san_host *host, unsigned int index);

/**
 * Claim a core: the calling thread polls it from now on. If it has an lcore id of DPDK it keeps that till the release.
 *
 * @retval 0          Done.
 * @retval -EBUSY     Another thread has it.
 * @retval -EINVAL    core is NULL.
 * @retval -EALREADY  This thread has it.
 * @retval -ENOMEM    255 other threads use the library.
 * @retval -ENETDOWN  The library is not started.
 * @context  Any thread, but not while another one is in the last san_cleanup(): core ends with it.
 */
SAN_API int
san_core_claim(struct san_core *core);

/**
 * Give a core back: another thread may claim it, cleanup may poll it.
 *
 * @retval 0         Done.
 * @retval -EINVAL   core is NULL.
 * @retval -EPERM    This thread does not have it (any more: san_core_poll() has answered -ENETDOWN).
 * @retval -EDEADLK  Inside a poll round.
 * @context  The thread that claimed it.
 */
SAN_API int
san_core_release(struct san_core *core);

/**
 * Do one round: requests, packets, timers, transmissions, closes.
 *
 * @retval 0 or more  How much there was to do (0: nothing).
 * @retval -EPERM     This thread has not claimed the core.
 * @retval -EINVAL    core is NULL.
 * @retval -EDEADLK   Called inside a round.
 * @retval -ENETDOWN  Cleanup is over for this core: leave the loop; the claim is gone.
 * @context  The thread that claimed it. Never blocks.
 */
SAN_API int
san_core_poll(struct san_core *core);

/**
 * Sleep until the core, or one of the calling thread's queues, has something to do: a frame, a timer,
 * a request of another thread, a completion. A port without a descriptor (all but net_tap) is looked at
 * once a millisecond meanwhile. While a close waits for another thread the core does not sleep.
 *
 * @param[in] core        A core that the calling thread has claimed.
 * @param[in] timeout_us  Longest sleep [us]; UINT64_MAX: no limit.
 *
 * @retval 0          Do a round, reap. Also when the time is over, or a signal has come.
 * @retval -EDEADLK   Inside a round, or the thread has claimed other cores too: use their descriptors.
 * @retval -EMFILE    No descriptors are left (first sleep only: it takes three).
 * @retval -EINVAL    core is NULL.
 * @retval -EPERM -ENETDOWN  As san_core_poll().
 * @context  The thread that claimed it. Blocks.
 * @source   O13.
 */
SAN_API int
san_core_wait(struct san_core *core, uint64_t timeout_us);

/**
 * The core's descriptor, for the epoll, libuv or asio loop of a program: readable when a round is to be
 * done after san_core_arm(). Nothing but waiting may be done with it.
 *
 * @return The descriptor, the same for as long as the host lives.
 * @retval -EMFILE -EINVAL -EPERM -ENETDOWN -EDEADLK  As san_core_wait().
 * @context  The thread that claimed it.
 * @source   O13.
 */
SAN_API int
san_core_fd(struct san_core *core);

/**
 * Have the descriptor become readable with what comes next, timers included, for the core or for a queue of
 * the calling thread. The next round ends that. What the thread itself posts meanwhile counts. Arm again before
 * each wait, and all that is waited for: a poll of a queue, or a round of another core, may end it too.
 *
 * @retval 0  Nothing is there: wait for the descriptor.
 * @retval 1  Something is to be done already: poll, reap, do not wait.
 * @retval -EMFILE -EINVAL -EPERM -ENETDOWN -EDEADLK  As san_core_wait().
 * @context  The thread that claimed it.
 * @source   O13.
 */
SAN_API int
san_core_arm(struct san_core *core);

/**
 * Poll a claimed core until step returns other than 0, or cleanup ends it. When it has had nothing to do
 * for as long as its host's sleep_after says, it sleeps (san_core_wait()).
 *
 * @param[in] core  A core that the calling thread has claimed.
 * @param[in] step  Called between rounds, not inside one; not while the core sleeps.
 * @param[in] arg   Passed to step.
 * @return What step returned, or what san_core_poll() answered.
 * @context  The thread that claimed it.
 */
SAN_API int
san_run(struct san_core *core, int (*step)(struct san_core *core, void *arg), void *arg);

/**
 * Attach the calling thread: it may then make completion queues, post, cancel and close.
 * A thread that has claimed a core need not.
 *
 * @retval 0          Done.
 * @retval -EALREADY  It is attached.
 * @retval -ENFILE    255 threads are, or the process has no thread-specific value left to notice its exit by.
 * @retval -ENOMEM -ENETDOWN
 * @context  Any thread; not a child after fork() (-EPERM).
 */
SAN_API int
san_attach(void);

/**
 * Detach the calling thread.
 *
 * @retval 0       Done.
 * @retval -EBUSY  A socket is bound to one of its queues.
 * @retval -EPERM  It is not attached.
 * @context  The thread itself.
 */
SAN_API int
san_detach(void);

/** One counter. */
struct san_counter {
	const char *name;	/**< Static, for example "tcp_rx_bad_checksum". */
	const char *text;	/**< Static; one sentence. */
	uint64_t value;		/**< Sum over the host's cores. */
};

/**
 * Read a host's counters.
 *
 * @param[in]  host  The host.
 * @param[out] list  Filled with at most max counters; may be NULL with max 0.
 * @param[in]  max   Size of list.
 * @return How many counters there are.
 * @context Any thread; values of a running core are a snapshot.
 */
SAN_API unsigned int
san_host_counters(const struct san_host *host, struct san_counter *list, unsigned int max);

/** What a host holds right now: zero everywhere when nothing is open. */
struct san_usage {
	uint32_t mbufs_total;	/**< Packet buffers of the host's pool. */
	uint32_t mbufs_used;	/**< Of them not free: in use are those of descriptors, not those in caches. */
	uint32_t sockets;	/**< Sockets that are open or closing. */
	uint32_t connections;	/**< Connection blocks in use, half-open ones included. */
	uint32_t timewait;	/**< TIME_WAIT records and tombstones. */
	uint32_t dead;		/**< Sockets whose connection is over and that nobody closed (O14). */
	uint32_t loans;		/**< Packet buffers lent to the program (san/mem.h). */
};

/** Read what a host holds. Any thread; a snapshot. */
SAN_API void
san_host_usage(const struct san_host *host, struct san_usage *usage);

#ifdef __cplusplus
}
#endif
#endif
