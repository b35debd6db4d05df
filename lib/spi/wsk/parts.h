/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * WSK parts, inside: what the files of this module offer each other, beside requests. Included by priv.h.
 *
 * Words and threads: as in priv.h.
 */
#ifndef SANI_SPI_WSK_PARTS_H
#define SANI_SPI_WSK_PARTS_H

#include "spi/win/addr.h"
#include "spi/wsk/priv.h"

/* socket.c */

/** Free what sani_wsk_sock_make() has made; its client counts it until sani_wsk_client_put_sock(). */
void
sani_wsk_sock_free(struct sani_wsk_sock *s);

/** It has a native socket: it is the core's. */
void
sani_wsk_sock_enter(struct sani_wsk_sock *s);

/** Sends and receives go straight to the native call where that is all there is to them. */
void
sani_wsk_sock_straighten(struct sani_wsk_sock *s);

/** Its native socket is gone, or never was. */
void
sani_wsk_sock_over(struct sani_wsk_sock *s);

/** Close it here, without an IRP. */
void
sani_wsk_sock_reject(struct sani_wsk_sock *s);

/** Read its addresses from the native one. */
void
sani_wsk_sock_names(struct sani_wsk_sock *s);

/** The statically enabled callbacks of its phase. */
void
sani_wsk_sock_fixed_events(struct sani_wsk_sock *s);

/* address.c */

/** Bind natively. */
NTSTATUS
sani_wsk_bind_now(struct sani_wsk_sock *s, const struct san_addr *local);

/* share.c */

/**
 * Enter a socket among the bound ones of its host, if the others let it (W25, W27; d.6 of the rules).
 * @param[in,out] local  Port 0: is chosen.
 * @retval STATUS_SUCCESS STATUS_ADDRESS_ALREADY_EXISTS STATUS_ACCESS_DENIED
 */
NTSTATUS
sani_wsk_share_enter(struct sani_wsk_sock *s, struct san_addr *local);

/** Out of them; the last one gives the port back. Nothing when it is not among them. */
void
sani_wsk_share_leave(struct sani_wsk_sock *s);

/* xfer.c: memory of a request */

/** Arguments of a send, a receive, a disconnect: its memory, and how much of that a receive has filled before. */
enum { SANI_WSK_MDL, SANI_WSK_OFFSET, SANI_WSK_LENGTH, SANI_WSK_FLAGS, SANI_WSK_DONE };

/** Its stretches, at most SAN_VEC_MAX, with skip bytes left out. @return How many; 0: too many, or too short. */
unsigned int
sani_wsk_gather(const MDL *mdl, SIZE_T offset, SIZE_T length, struct san_vec *vec);

/** Post a receive of a request whose arguments are in its stack location; it has done bytes already. */
void
sani_wsk_receive_now(PIRP irp);

/* rx.c: WskReceiveEvent */

/** Make what it takes, for whoever enables it; NULL: no memory. Any thread. */
struct sani_wsk_rx *
sani_wsk_rx_make(struct sani_wsk_sock *s);

/** From here on receives go by it. */
void
sani_wsk_rx_enter(struct sani_wsk_sock *s, struct sani_wsk_rx *rx);
void
sani_wsk_rx_free(struct sani_wsk_sock *s);

/** Go on: serve requests, call the program, post. */
void
sani_wsk_rx_go(struct sani_wsk_sock *s);

/** A WskReceive request of a socket with rx. */
void
sani_wsk_rx_request(struct sani_wsk_sock *s, PIRP irp);

/** A request that was posted for rx has ended. */
void
sani_wsk_rx_ended(struct sani_wsk_sock *s);

/** Blocks that programs gave back. */
void
sani_wsk_take_released(struct sani_wsk_core *wc);

/** Free all blocks: the core is closed. */
void
sani_wsk_blocks_free(struct sani_wsk_core *wc);

/* events.c */

/** Callbacks of a connection. */
#define SANI_WSK_CONNECTION_EVENTS (WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT | WSK_EVENT_SEND_BACKLOG)

/** Begin a callback, if it is enabled. */
bool
sani_wsk_event_begin(struct sani_wsk_sock *s, ULONG event);
void
sani_wsk_event_end(struct sani_wsk_sock *s);

/** What is enabled has changed, or the phase: post what that needs, tell what is to be told. */
void
sani_wsk_arm(struct sani_wsk_sock *s);

/** Watch the connection. */
void
sani_wsk_watch(struct sani_wsk_sock *s);

/** Tell the program of a disconnect, if there is one to tell. */
void
sani_wsk_tell_disconnect(struct sani_wsk_sock *s);

/** The socket is dead: callbacks with NULL. */
void
sani_wsk_tell_dead(struct sani_wsk_sock *s);

/** Which callbacks a socket has. Any thread. */
ULONG
sani_wsk_events_of(const struct sani_wsk_sock *s);

/** The end of a send of a socket that tells of its backlog. */
void
sani_wsk_on_sent(struct sani_wsk_core *wc, const struct san_completion *comp);

/** Bytes to keep under way; 0: not connected. */
SIZE_T
sani_wsk_ideal_backlog(struct sani_wsk_sock *s);

/* listen.c, inspect.c */

/** Listen natively. @return A status. */
NTSTATUS
sani_wsk_listen_now(struct sani_wsk_sock *s);

/** Post, or take back, the repeating accept, as is wanted now. */
void
sani_wsk_listen_arm(struct sani_wsk_sock *s);

/** Give what may be given of the waiting connections to requests and callback. */
void
sani_wsk_listen_go(struct sani_wsk_sock *s);

/** The socket is over: what waits goes. */
void
sani_wsk_listen_free(struct sani_wsk_sock *s);

/** Give waiting connections to requests only: in a call no callback may run. */
void
sani_wsk_listen_serve(struct sani_wsk_sock *s);

/** A waiting connection is not waiting any more. */
void
sani_wsk_unwait(struct sani_wsk_sock *conn);

/** Ask the program about a waiting connection. */
void
sani_wsk_inspect(struct sani_wsk_sock *s, struct sani_wsk_sock *conn);

/** Go on with a waiting connection: watch it, and answer its peer if that is due. */
void
sani_wsk_inspect_arm(struct sani_wsk_sock *conn);

/** A waiting connection is lost. */
void
sani_wsk_inspect_lost(struct sani_wsk_sock *conn);

/* registration.c */

/** Memory of a socket, counted; NULL: none. Any thread. */
struct sani_wsk_sock *
sani_wsk_sock_make(struct _WSK_CLIENT *c, struct sani_wsk_core *wc, ULONG category);

/** The socket's memory is gone. Any thread. */
void
sani_wsk_client_put_sock(struct _WSK_CLIENT *c);

/** A client-level request begins that is not a core's. Locked. */
void
sani_wsk_client_count_call(struct _WSK_CLIENT *c);

/** A client-level request of a core begins: false, when the IRP cannot be taken. Any thread. */
bool
sani_wsk_client_take(struct _WSK_CLIENT *c, struct sani_wsk_core *wc, struct sani_wsk_sock *s, PIRP irp);

/** ... and is completed. Any thread. */
void
sani_wsk_client_put_call(struct _WSK_CLIENT *c);

/** The core for what the calling thread makes. Any thread. */
struct sani_wsk_core *
sani_wsk_client_core(struct _WSK_CLIENT *c);

/* client.c */

/** End pending WSK_TRANSPORT_LIST_CHANGE requests. Any thread. */
void
sani_wsk_client_end_changes(struct _WSK_CLIENT *c);

/** Free what a client has cached. Any thread. */
void
sani_wsk_client_free_sds(struct _WSK_CLIENT *c);

/** A copy of a cached descriptor; NULL: no memory. Any thread. */
PSECURITY_DESCRIPTOR
sani_wsk_sd_copy(struct _WSK_CLIENT *c, const SECURITY_DESCRIPTOR *sd);

/**
 * A socket's own copy of a cached descriptor; NULL of NULL. Any thread.
 * @retval STATUS_SUCCESS STATUS_INSUFFICIENT_RESOURCES
 * @retval STATUS_INVALID_PARAMETER  It is none of the client's (W25).
 */
NTSTATUS
sani_wsk_sd_keep(struct _WSK_CLIENT *c, PSECURITY_DESCRIPTOR sd, SECURITY_DESCRIPTOR **copy);

/** Release it: false, it is none. Any thread. */
bool
sani_wsk_sd_release(struct _WSK_CLIENT *c, PSECURITY_DESCRIPTOR sd);

/* host.c */

/** One lock for registrations, hosts and counts; nothing of the data path takes it. */
void
sani_wsk_lock(void);
void
sani_wsk_unlock(void);

/** A count went down, or a host has the subsystem now: who waits looks again. Locked. */
void
sani_wsk_changed(void);

/** Wait for a change, or for 10 ms. Locked. */
void
sani_wsk_wait_change(void);

/** The host that has the subsystem and is wanted (NULL: any); NULL: none. Locked. */
struct sani_wsk_host *
sani_wsk_host_find(const struct san_host *wanted);

/** One user fewer. Locked. */
void
sani_wsk_host_put(struct sani_wsk_host *h);

/** A core has left its last round. */
void
sani_wsk_core_left(struct sani_wsk_core *wc);

/* tables.c */

extern const WSK_PROVIDER_DISPATCH sani_wsk_provider;

/** The table of a category. */
const VOID *
sani_wsk_table(ULONG category);

#endif
