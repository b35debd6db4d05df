/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Sock, inside: a core's sockets and what the files of this module offer each other.
 *
 * Words: k is the core's part of this module (struct san_core), so a socket on it, c its connection.
 * Threads: everything with a k is called on the thread that polls it, unless marked "any thread".
 */
#ifndef SANI_SOCK_PRIV_H
#define SANI_SOCK_PRIV_H

#include <errno.h>

#include "base/window.h"
#include "core/core.h"
#include "op/op.h"
#include "sock/cq.h"
#include "sock/lent.h"
#include "sock/sleep.h"
#include "sock/slot.h"
#include "sock/sock.h"
#include "sock/socket.h"
#include "sock/thread.h"

/** A cancel that came before its post (O8). */
struct sani_kept_cancel {
	san_handle sock;
	uint32_t id;
	uint32_t noted;			/**< Tail of the ring from the bound thread to this core. */
	uint8_t thread;			/**< That thread. */
	bool all;			/**< All that were posted before id. */
	bool here;			/**< A call of the poller itself. */
};

/** A pending operation with a deadline. */
struct sani_deadline {
	struct sani_timer timer;
	struct san_overlapped *op;
	uint32_t slot;			/**< Of its socket. */
	uint32_t next;			/**< Free: the next one, SANI_NONE. */
};

/** Of a core. The wheel is moved on only while there is one. */
struct sani_deadlines {
	struct sani_deadline *list;
	struct sani_wheel *wheel;
	uint32_t size;
	uint32_t fresh;			/**< From here on never used. */
	uint32_t free;
	uint32_t nb;			/**< In use. */
};

#define SANI_DEADLINES_A_SOCKET 2	/**< san/op.h */

/** Cancels by the poller of what other threads are posting that are kept at most; more answer -EAGAIN. */
#define SANI_KEPT_HERE 1024

/** Requests of one thread in one round at most: a thread that never stops cannot hold the core. */
#define SANI_REQUESTS_A_ROUND 256

#define SANI_TOUCHED 64

#define SANI_CLAIM_NONE 0u
#define SANI_CLAIM_LEFT UINT32_MAX	/**< Cleanup: the last round is over. */

struct san_core {
	/* What other threads read for each post: nothing that a round writes lies in this line. */
	struct sani_core *core SANI_ALIGNED;
	struct san_host *host;
	_Atomic uint32_t claimer;	/**< Id of the thread that polls it, or SANI_CLAIM_*. */
	/** The same while it is not about to sleep, else SANI_NONE. Who finds its own id here is that thread. */
	_Atomic uint32_t here;
	_Atomic uint32_t asleep;	/**< O13: set by the poller, cleared by whoever wakes it. */
	uint32_t nb_slots;
	const struct sani_slots *slots;
	struct sani_sock *socks;
	struct sani_sock_more *more;	/**< Of the same slots. */
	struct sani_tcp_conn *conns;	/**< The core's connection blocks. */
	uint32_t ring_size;		/**< Entries of a request ring. */
	uint8_t id;
	struct sani_sleep sleep SANI_ALIGNED;
	uint32_t sleep_after_us;	/**< Of san_run(); 0: never. */
	uint64_t busy_us;		/**< When san_run() last had something to do. */
	_Atomic uint32_t nb_open;	/**< Slots OPEN or CLOSING. Written by the poller. */
	_Atomic uint32_t nb_dead;	/**< Sockets in DEAD. Likewise. */
	_Atomic bool closing_all;	/**< Cleanup's order was carried out here. */
	_Atomic uint32_t overflow;	/**< Closes that found no room in a ring: slot + 1 (O9.2). Any thread. */
	uint32_t *free;			/**< FIFO of slots to use next (O6). */
	uint32_t free_head;
	uint32_t nb_free;
	uint32_t closing;		/**< First socket that is closing, linked by their records. */
	uint32_t paused;		/**< First socket that is paused, linked by next_paused. */
	uint32_t gone_seen;		/**< sani_thread_gone_count() when last looked at. */
	bool gone_here;			/**< A GONE thread is not acknowledged yet. */
	uint32_t gone_acked[SANI_THREADS];	/**< Life of the thread that was acknowledged last. */
	struct sani_sock_options usual;	/**< Of sockets that have none of their own. */
	struct sani_kept_cancel *kept;	/**< Room for all that can be (cancel.c). */
	size_t kept_size;
	uint32_t nb_kept;
	uint32_t nb_kept_here;
	uint32_t nb_lent;		/**< Lent sends that are out. */
	struct sani_deadlines deadlines;
	struct sani_extra *_Atomic lent_back;	/**< Whose last reference is gone; pushed by any thread (lent.c). */
	struct sani_loans loans;
	uint32_t check_next;		/**< check.c */
	struct sani_layer *layers;	/**< sock/layer.h */
	bool waits;			/**< The last plain request was not over at once. */
	bool gathers;			/**< Requests are being processed: completions are shown together. */
	struct sani_lane *held;		/**< Then: which has some that are not shown, or NULL. */
	struct san_cq *touched_last;	/**< One of those below, or NULL. */
	uint32_t nb_touched;
	struct san_cq *touched[SANI_TOUCHED];	/**< Published to since the last wake-up (O13). */
};

struct san_host {
	struct sani_host *host;
	unsigned int nb_cores;
	/** Every core has an entry for every listener of the host: so many there may be (O11). */
	_Atomic uint32_t nb_listening;
	struct san_core *cores[SANI_HOST_CORES];
	struct san_host *next;
};

static inline struct san_core *
sani_core_home(struct sani_core *core)
{
	return core->ctx;
}

/** The part of a listener, or NULL. */
static inline struct sani_accepting *
sani_sock_accepting(const struct san_core *k, const struct sani_sock *so)
{
	return sani_unlikely(so->listens) ? k->more[sani_sock_slot(so)].accepting : NULL;
}

/** Its options. */
static inline const struct sani_sock_options *
sani_sock_options(const struct san_core *k, const struct sani_sock *so)
{
	return sani_unlikely(so->tuned) ? &k->more[sani_sock_slot(so)].opt : &k->usual;
}

/** The same to change them: from here on it has its own. */
static inline struct sani_sock_options *
sani_sock_tune(struct san_core *k, struct sani_sock *so)
{
	struct sani_sock_options *opt = &k->more[sani_sock_slot(so)].opt;

	if (!so->tuned)
		*opt = k->usual;
	so->tuned = true;
	return opt;
}

/** The address it is bound to, or none. */
static inline struct san_addr
sani_sock_local(const struct san_core *k, const struct sani_sock *so)
{
	return so->bound ? k->more[sani_sock_slot(so)].local : (struct san_addr){ 0 };
}

static inline struct sani_tcp_conn *
sani_sock_conn(const struct san_core *k, const struct sani_sock *so)
{
	if (sani_unlikely((so->conn & SANI_CONN_PARKED) != 0))
		return sani_core_conn(k->core, so->conn);
	return &k->conns[so->conn];
}

/** The socket of a handle as the owning core sees it (closing ones too), or NULL. */
struct sani_sock *
sani_sock_of(struct san_core *k, san_handle h);

/** Is the calling thread the one that polls k? Any thread. */
static inline bool
sani_is_on_core(const struct san_core *k, const struct sani_thread *t)
{
	return atomic_load_explicit(&k->claimer, memory_order_acquire) == t->id;
}

/** The same of the calling thread's id (0: none), and the core is not about to sleep. */
static inline bool
sani_is_here(const struct san_core *k, uint32_t thread_id)
{
	return atomic_load_explicit(&k->here, memory_order_relaxed) == thread_id;
}

/* sock.c: slots and phases */

/** A fresh socket bound to cq, or NULL: no slot. The word is OPEN when this returns. */
struct sani_sock *
sani_sock_open(struct san_core *k, struct san_cq *cq, struct sani_lane *lane);

/** The queue is that of the slot word w. */
void
sani_sock_bind_anew(struct san_core *k, struct sani_sock *so, uint64_t w);

/** Take the queue from the slot word: the socket may have been moved (O12). */
static inline void
sani_sock_rebind(struct san_core *k, struct sani_sock *so)
{
	uint64_t w = atomic_load_explicit(&k->slots->words[sani_sock_slot(so)], memory_order_acquire);

	/* Not by the lane: its queue may have been ended. */
	if (sani_unlikely(sani_word_cq(w) != sani_word_cq(so->word)))
		sani_sock_bind_anew(k, so, w);
}

/** The slot is RETIRED and its close record written. */
void
sani_sock_retire(struct san_core *k, struct sani_sock *so);

/** Its phase, its lane or where its connection is has changed. */
static inline void
sani_sock_note_direct(struct sani_sock *so)
{
	so->direct = so->phase == SANI_SOCK_CONNECTED && so->conn < SANI_CONN_PARKED ? (uint8_t)so->lane->thread_id : 0;
}

/** Change what a socket is; the only writer of phase. */
void
sani_sock_enter(struct san_core *k, struct sani_sock *so, enum sani_sock_phase phase);

/** Set up a core's sockets; @retval 0 -ENOMEM. Control path. */
int
sani_sock_init(struct san_core *k, uint32_t nb_slots, uint32_t ring_size);

void
sani_sock_fini(struct san_core *k);

/* options.c */

int
sani_option_set(struct san_core *k, struct sani_sock *so, enum san_option option, uint32_t value);
int
sani_option_get(const struct san_core *k, const struct sani_sock *so, enum san_option option,
		uint32_t *value);

/* listen.c: O11 */

int
sani_listen_start(struct san_core *k, struct sani_sock *so, unsigned int backlog);
int
sani_accept_start(struct san_core *k, struct sani_sock *so, struct san_overlapped *op);

/** Bring offers and accepts together, as far as there is room now. */
void
sani_accept_go_on(struct san_core *k, struct sani_sock *so);

/** Close of a listener: orders to every core; the close goes on when accepting->answers is 0. */
void
sani_listen_stop(struct san_core *k, struct sani_sock *so);

/** Its accepts end, the oldest first, but for as many as are spoken for: those end with the answers. */
void
sani_listen_abort(struct san_core *k, struct sani_sock *so);

/** An accept of a listener is to end with reason. @retval 0 -EALREADY */
int
sani_accept_abort(struct san_core *k, struct sani_sock *so, struct san_overlapped *op, int32_t reason);

/** The listening part of a socket that has stopped goes; nothing when there is none. */
void
sani_listen_free(struct san_core *k, struct sani_sock *so);

/** struct sani_core_up.embryo and .message */
void
sani_embryo_ready(struct sani_core *core, struct sani_tcp_conn *c);
void
sani_sock_message(struct sani_core *core, const struct sani_msg *msg);

/* close.c: O9 */

/** The slot word is CLOSING: carry the close out as far as it goes now. */
void
sani_close_begin(struct san_core *k, struct sani_sock *so);

/** The same, by who has just seen that the socket's queue is that of the word. */
void
sani_close_bound(struct san_core *k, struct sani_sock *so);

/** The one after slot in the list of those that are closing, or SANI_NONE. */
static inline uint32_t
sani_close_next(const struct san_core *k, uint32_t slot)
{
	/* "+ 1; 0: end" makes it SANI_NONE */
	return atomic_load_explicit(&k->slots->records[slot].link, memory_order_relaxed) - 1;
}

/** Go on with what is closing. @return How many steps were made. */
unsigned int
sani_close_round(struct san_core *k);

/** Go on with one socket; it may be retired afterwards. */
bool
sani_close_advance(struct san_core *k, struct sani_sock *so);

/** Close every socket of the core (thread_id 0), or those bound to a thread's queues (O15, O16). */
void
sani_close_all(struct san_core *k, uint32_t thread_id);

/* request.c: what came through rings */

/** Process the request rings and the overflow list. @return How much was done. */
unsigned int
sani_request_round(struct san_core *k);

/** Process all requests of thread t, which is the calling one: it puts no new ones meanwhile. */
void
sani_request_drain(struct san_core *k, struct sani_thread *t);

/** How far the requests of thread t to k are processed. */
uint32_t
sani_request_head(const struct san_core *k, const struct sani_thread *t);

/**
 * Wake k if it sleeps, behind a bracket in which something was published for it (O7). The exchange that began the
 * bracket is the barrier: who falls asleep looks at brackets, too (sleep.c).
 */
static inline void
sani_core_wake_posted(struct san_core *k)
{
	/* sequentially consistent, as that exchange is */
	if (sani_unlikely(atomic_load(&k->asleep) != 0))
		sani_core_wake_published(k);
}

/** On the core's thread, outside a round: what is done now has to be seen before a sleep that is armed. */
static inline void
sani_core_stir(struct san_core *k)
{
	if (sani_unlikely(k->sleep.armed))
		sani_core_wake(k);
}

/* gone.c: O16 */

/** Close what threads left that are gone; when there may be some. @return How much was done. */
unsigned int
sani_gone_round(struct san_core *k);

/** May there be some? */
static inline bool
sani_gone_is_due(const struct san_core *k)
{
	return sani_thread_gone_count() != k->gone_seen || k->gone_here;
}

/** Is the thread of this queue gone? Then its completions are dropped and counted. */
bool
sani_gone_cq(const struct san_cq *cq);

#include "sock/ops.h"

#endif
