/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Budget: what a core's connections may still have of the pool, all of them together, and what becomes of those that
 * have to wait and of those that they wait for.
 *
 * Model:   whoever owns the pool says how much may be had; the engine counts it down. A write that gets nothing is
 *          short: its connection is told when to try again. A connection may be asked for how long its peer has
 *          acknowledged next to nothing of what it holds, and be evicted.
 * Source:  RFC 6429 4: a connection may be ended for want of memory, even one whose peer answers window probes.
 */
#ifndef SANI_TCP_BUDGET_H
#define SANI_TCP_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

struct sani_tcp_conn;
struct sani_tcp_io;

struct sani_tcp_budget {
	uint64_t growth;	/**< By how much queues may still outgrow sndbuf and rcvbuf [bytes]. */
	uint32_t sends;		/**< While the pool runs low: so many send queues that are empty may begin, */
	uint32_t texts;		/**< and so many segments be kept where nothing is unread. The rest is its reserve. */
	bool refused;		/**< Set when a segment was not kept because texts was 0. */
	/** How much text of c's leaves its queue before anything else happens? That needs no texts. NULL: nothing. */
	uint32_t (*reads)(void *ctx, const struct sani_tcp_conn *c);
	void *ctx;
};

/** Has a write of c's got nothing, so that no ACK takes it on? A timer of seconds does, or sani_tcp_try_again(). */
bool
sani_tcp_is_short(const struct sani_tcp_conn *c);

/** There are buffers. @return EV_ACKED, when a write was cut short. */
uint32_t
sani_tcp_try_again(struct sani_tcp_conn *c);

/**
 * For how long has c, in a synchronized state, held its oldest buffer of bytes that were not acknowledged? Counted from
 * when this was asked first of the buffer [1,024 us], and anew whenever all that the buffer held then, or 2,048 bytes
 * of it, are acknowledged; 0 when there is none. So a peer that acknowledges all it was sent is never slow, and one
 * that takes a long stream is quick enough, where three seconds are long, at 700 octets a second.
 */
uint32_t
sani_tcp_held(struct sani_tcp_conn *c, uint64_t now_us);

/** End c with -ETIMEDOUT, and a RST if io has room for it: others wait for what it holds. @return Events. */
uint32_t
sani_tcp_evict(struct sani_tcp_conn *c, struct sani_tcp_io *io);

#endif
