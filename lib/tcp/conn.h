/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Connection block: everything the stack keeps of one connection, grouped by who writes it.
 *
 * The group `owner` belongs to core and sock; every other field is written by tcp only and read by
 * others through the functions of tcp.h.
 */
#ifndef SANI_TCP_CONN_H
#define SANI_TCP_CONN_H

#include "base/base.h"
#include "tcp/tcp.h"
#include "timer/wheel.h"

/** The caller's part of a block. */
struct sani_tcp_owner {
	struct sani_timer timer;	/**< core: one entry in its wheel, armed lazily. */
	uint32_t hash;			/**< core: of the tuple. */
	uint32_t gen;			/**< core: moves on when the block is freed. */
	uint32_t sock;			/**< sock: slot on this core, SANI_NONE: none (embryo). */
	uint32_t listen;		/**< core: listen entry it came by, SANI_NONE. */
	uint32_t next;			/**< core: free list, or embryos of a listener. */
	uint32_t prev;			/**< core: likewise. */
	uint32_t dirty;			/**< core: next connection with output, SANI_NONE: not queued. */
	uint8_t flags;			/**< core: core/priv.h */
	uint8_t offered;		/**< sock: an offer to the listener's core is under way. */
	uint16_t reserved;
};

/* The engine's author completes the block here. */
struct sani_tcp_conn {
	struct sani_tcp_owner owner;
	struct sani_tuple tuple;
	uint8_t tos;
	uint8_t ttl;
};

#endif
