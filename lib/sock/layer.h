/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Layer: what the layers with up-calls (spi/wsp, spi/wsk) need of the cores below them.
 *
 * Model:     a layer hooks itself onto each core on which it has sockets. It binds them to a completion queue of the
 *            core's own thread, made there, which is emptied for it in each round: so up-calls come on the owning core,
 *            never inside a post, a cancel or a close (O14). What other threads ask of it travels in their request
 *            rings (O3), or waits for a turn that it asks for.
 * Turn:      in a round, behind requests, packets, timers and closes, before the output: what an up-call sends leaves
 *            in the same round. A turn that was asked for comes before the queue is emptied, or behind it. Inside
 *            both, posts, cancels and closes are plain calls; san_core_poll() and san_cleanup() answer -EDEADLK.
 * Source:    doc/op-contract.md O3, O14, O15.
 */
#ifndef SANI_SOCK_LAYER_H
#define SANI_SOCK_LAYER_H

#include "sock/cq.h"
#include "sock/sock.h"
#include "sock/thread.h"

/** A layer's hook on one core; the layer's memory. */
struct sani_layer {
	/**
	 * Its turn, on the core's thread: in a round only when it has asked for one.
	 * @param[in] last  The core leaves its last round (O15): all its sockets are retired, nothing comes later.
	 *                  Whatever the layer has on this core has to go, the hook too.
	 * @return How much was done.
	 */
	unsigned int (*turn)(struct sani_layer *layer, struct san_core *k, bool last);
	/**
	 * Has it work for its next turn that came neither by a request ring nor by a completion queue? Then the core
	 * does not sleep. NULL: it never has. The core's thread, behind a full barrier.
	 */
	bool (*waiting)(const struct sani_layer *layer);
	/**
	 * What its queue brings, one by one, on the core's thread.
	 */
	void (*ended)(struct sani_layer *layer, const struct san_completion *comp);
	struct san_cq *cq;		/**< The queue that ended is for; NULL: none. */
	uint32_t cq_id;			/**< Of when it was made: it goes with its thread, and is used again. */
	_Atomic bool asked;		/**< It wants a turn: set by any thread, behind what the turn is for. */
	struct sani_layer *next;	/**< The core's. */
};

/** Something to be done on a core's thread. */
typedef void (*sani_layer_fn)(struct san_core *k, void *arg);

/** Hook a layer onto the core, or off it, also inside its turn. The core's thread. */
void
sani_layer_add(struct san_core *k, struct sani_layer *layer);
void
sani_layer_remove(struct san_core *k, struct sani_layer *layer);

/**
 * Make a layer's queue. The close of a socket that is made for it says user when nobody has called san_close(): when it
 * is closed by a cleanup, or with its thread.
 * @retval 0 and errors of san_cq_create(), which change nothing. The core's thread.
 */
int
sani_layer_make_queue(struct sani_layer *layer, unsigned int depth, uint64_t user);

/** Is the layer's queue still its own? Not when its thread has gone. The core's thread. */
static inline bool
sani_layer_has_queue(const struct sani_layer *layer)
{
	/* relaxed: of a queue that is somebody else's nothing is read but that */
	return layer->cq != NULL && atomic_load_explicit(&layer->cq->id, memory_order_relaxed) == layer->cq_id;
}

/**
 * End it, if it is there still; one of a thread that has given the core up goes with that thread.
 * @retval 0 and errors of san_cq_destroy(). The core's thread.
 */
int
sani_layer_end_queue(struct sani_layer *layer);

/** Hand a layer what its queue brings, up to 256. The core's thread, in a round. @return How many. */
unsigned int
sani_layer_reap(struct sani_layer *layer);

/** The layers' part of a round. The core's thread, in a round. @return How much was done. */
unsigned int
sani_layer_round(struct san_core *k, bool last);

/** Does a layer have work that keeps the core awake? The core's thread. */
bool
sani_layer_waits(const struct san_core *k);

/** Does the calling thread poll k? Any thread. */
bool
sani_layer_is_here(const struct san_core *k);

/** Does the calling thread poll any core? Any thread. */
bool
sani_layer_polls(void);

/** Is the calling thread inside a round, so that it must not wait for a core? Any thread. */
bool
sani_layer_in_round(void);

/**
 * Up-calls follow that no round makes: until sani_layer_leave() the calling thread is as inside one. Any thread.
 * @return What sani_layer_leave() is given.
 */
bool
sani_layer_enter(void);

void
sani_layer_leave(bool before);

/** Do a round of every core that the calling thread polls. @return False: none, or it is inside one. Any thread. */
bool
sani_layer_poll_own(void);

/** Does any thread poll k now? Any thread. */
bool
sani_layer_is_polled(const struct san_core *k);

/** Its id: of a handle's upper octet. Any thread. */
uint8_t
sani_layer_core_id(const struct san_core *k);

/**
 * Where a socket with this local address is to live: on the host that has it (any: the host of a core that the
 * calling thread polls, else the one that was made first); there on a core that the calling thread polls, else on
 * one in turn. NULL: no such host. Any thread.
 */
struct san_core *
sani_layer_choose_core(const union sani_ip *local);

/** The addresses of a host's interfaces (NULL: of all hosts'), at most max. @return How many. Any thread. */
unsigned int
sani_layer_addresses(const struct san_host *host, union sani_ip *list, unsigned int max);

/**
 * Call fn on the core's thread: here and now, or through the request ring, and wait for its end.
 *
 * args->arg is the caller's to use; its other fields too.
 *
 * @return What fn returned.
 * @retval -EAGAIN    The core did not take it within a second, or the ring is full: fn was not and will not be called.
 * @retval -EPERM     The thread is not attached and polls no core.
 * @retval -ENETDOWN  The library is not started.
 * @context  Any attached thread, any thread that polls a core.
 */
int
sani_layer_call(struct san_core *k, sani_control_fn fn, struct sani_control_args *args);

/** What a layer answers to a transfer. */
struct sani_layer_way {
	int accepted;	/**< It is the stack's: a completion follows. */
	uint32_t max;	/**< [bytes] No more than that goes this way; SAN_IO_MAX at most. */
	/**
	 * It was not started, and nothing of op was changed.
	 * @param[in] rc  An error of san_send() or san_recv(); -EBUSY: op is not over; -EMSGSIZE: more than max, or a
	 *                receive of nothing.
	 */
	int (*refused)(struct san_overlapped *op, int rc, void *buf, uint32_t len, uint64_t user);
};

/**
 * Post a send or a receive of one buffer, by a caller who knows on which core the socket lives and keeps the operation
 * ready: sock, kind and flags (SAN_ACKED, SAN_WAITALL, SAN_MORE) are set in op, and stay from post to post. A send that
 * is finished at once ends like one that is not: by a completion. So completions of sends come in the order of posts,
 * whatever they waited for.
 *
 * @param[in] user  op->user.
 * @return way->accepted, or what way->refused() has returned.
 * @context  The thread of the socket's queue.
 */
int
sani_layer_transfer(struct san_core *k, struct san_overlapped *op, void *buf, uint32_t len,
		    const struct sani_layer_way *way, uint64_t user);

/**
 * Post as sani_sock_post() does, but of what is finished at once: it ends by a completion too.
 * @retval 0 and errors of sani_sock_post().
 * @context  The thread of the socket's queue.
 */
int
sani_layer_post_told(const struct sani_post *p);

/**
 * Does the port of a socket's connection give packets back, so that it can be lent memory to send from (core/lend.c)?
 * False also when the calling thread does not poll the socket's core. Any thread.
 */
bool
sani_layer_lends(san_handle h);

/** The host of a core. Any thread. */
struct san_host *
sani_layer_host(const struct san_core *k);

/** Take a port of the host for a layer, 0: any that is free; @return it, or -EADDRINUSE. Any thread. */
int
sani_layer_port_take(struct san_host *host, uint16_t port);

/** Give it back: no socket of the layer has it any more. Any thread. */
void
sani_layer_port_put(struct san_host *host, uint16_t port);

/**
 * As san_bind(), to a port that the layer has taken and other sockets may have too: who may is the layer's to say. Of
 * several that listen on one address the newest gets the connections; one with an address is asked before one with any.
 * @retval 0 and errors of san_bind() but -EADDRINUSE.
 * @context  As san_bind().
 */
int
sani_layer_bind(san_handle h, const struct san_addr *local);

/**
 * Have a socket that is to listen hold its handshakes: an accept completes when a SYN comes, and the peer is not
 * answered before sani_layer_confirm(). A close refuses it, by RST. A backlog is that of SYNs then, with no
 * cookies when it is full: they are dropped.
 * @retval 0 -ENOTSOCK -EINVAL (connected or listening)
 * @context  The core's thread.
 */
int
sani_layer_hold(struct san_core *k, san_handle h);

/**
 * Let the handshake of an accepted socket go on. Transfers may be posted before: what is sent waits for the
 * handshake. Nothing when its connection is over, or was never held.
 * @retval 0 -ENOTSOCK -EAGAIN (the request ring is full) -EPERM -ENETDOWN
 * @context  Any attached thread, any thread that polls a core; carried out in the order of its posts (O3).
 */
int
sani_layer_confirm(san_handle h);

/**
 * As san_watch(), but it ends with 0 as soon as the handshake of an accepted socket is finished, whoever held it; or
 * with -ECONNRESET or -ETIMEDOUT, if that is before.
 * @retval 0 and errors of san_watch().
 * @context  The thread of the socket's queue.
 */
int
sani_layer_watch_open(san_handle h, struct san_overlapped *op);

/**
 * Have fn called on the core's thread, behind all that the calling thread has asked of k before; do not wait.
 *
 * @retval 0  It will be called, also when the thread exits meanwhile.
 * @retval -EAGAIN    The request ring is full.
 * @retval -EPERM -ENETDOWN  As sani_layer_call().
 * @context  Any attached thread, any thread that polls a core; not the core's own.
 */
int
sani_layer_post(struct san_core *k, sani_layer_fn fn, void *arg);

#endif
