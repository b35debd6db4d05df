/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Core, inside: listeners, and the cookies that stand for their half-open connections. Part of core/priv.h.
 */
#ifndef SANI_CORE_LISTEN_H
#define SANI_CORE_LISTEN_H

#include "core/core.h"

struct sani_listen_entry;
struct sani_rx_item;

/* listen.c */

int
sani_listen_init(struct sani_core *core);

void
sani_listen_fini(struct sani_core *core);

/** The entry for a SYN to this address and port: an exact address wins; NULL: none. */
struct sani_listen_entry *
sani_listen_find(struct sani_core *core, const union sani_ip *addr, uint16_t port);

/**
 * A SYN (no ACK, no RST, no FIN) for an entry: a half-open connection, a cookie, or counted and dropped. item->m is
 * left to the caller, or NULL: its data was taken (RFC 7413).
 */
void
sani_listen_syn(struct sani_core *core, struct sani_listen_entry *e, struct sani_rx_item *item);

/**
 * A segment of no connection. RFC 9293 3.10.7.1: without a listener it is reset; 3.10.7.2: a SYN opens, an ACK is reset
 * unless it brings back a cookie, and what is neither of them (fourth) is dropped. item->m is left to the caller, or
 * NULL.
 */
void
sani_listen_input(struct sani_core *core, struct sani_rx_item *item);

/** Is there no place for one more finished connection? */
bool
sani_listen_is_full(const struct sani_core *core, const struct sani_listen_entry *e);

/** Would a SYN of this tuple be dropped that must not be answered by a cookie? */
bool
sani_listen_refuses(struct sani_core *core, const struct sani_tuple *t);

/** Parameters of a connection of this entry and tuple, which has had none before. */
void
sani_listen_params(const struct sani_core *core, const struct sani_listen_entry *e,
		   const struct sani_rx_item *item, struct sani_tcp_params *params);

/** A block for the item's tuple, half-open and in the entry's list, not in the flow table; NULL: none, counted. */
struct sani_tcp_conn *
sani_listen_embryo(struct sani_core *core, struct sani_listen_entry *e, const struct sani_rx_item *item);

/** An embryo is half-open no more. */
void
sani_listen_uncount(struct sani_core *core, struct sani_tcp_conn *c);

/** Out of its entry's list, if it is in one. */
void
sani_listen_drop(struct sani_core *core, struct sani_tcp_conn *c);

/* cookie.c */

/** Answer a SYN with a cookie. */
void
sani_cookie_send(struct sani_core *core, struct sani_listen_entry *e, const struct sani_rx_item *item);

/**
 * An ACK (no SYN, no RST) for an entry and no connection. At most one hash, and none when the entry has sent no
 * cookie that could still be good.
 * @return True: it brings a good cookie. Then it has opened a connection (item->m is NULL) or was counted and
 *         dropped, for there is no place now.
 */
bool
sani_cookie_ack(struct sani_core *core, struct sani_listen_entry *e, struct sani_rx_item *item);

/**
 * An ACK (no SYN, no RST) for a half-open connection: is it of the cookie by which an earlier copy of the peer's
 * SYN was answered? Then the connection that it opens takes the place of c.
 * @return True: it has (item->m is NULL); c is gone.
 */
bool
sani_cookie_cross(struct sani_core *core, struct sani_tcp_conn *c, struct sani_rx_item *item);

#endif
