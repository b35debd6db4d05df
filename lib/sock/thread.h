/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Thread: what the library keeps of a thread that posts, cancels, closes or polls.
 *
 * Model:     a static array of records, never freed, so that a core may look at any of them at any time.
 *            A thread has a record from its first san_attach() or san_core_claim() until it exits or has
 *            given everything back. Request rings stay with the record and are used again.
 * Threads:   `posting` and the tails of the rings are read by the cores; `state` by everyone; the rest is
 *            the thread's own, or said so.
 * Source:    doc/op-contract.md O7, O15, O16.
 */
#ifndef SANI_SOCK_THREAD_H
#define SANI_SOCK_THREAD_H

#include <stdatomic.h>

#include <san/info.h>

#include "base/base.h"
#include "base/spsc.h"
#include "sock/slot.h"

struct san_core;
struct san_cq;

/** Ids 1..255; 0: no thread. */
#define SANI_THREADS 256

enum sani_thread_state {
	SANI_THREAD_FREE,
	SANI_THREAD_LIVE,
	SANI_THREAD_GONE,	/**< Exited with something left: the cores close it (O16). */
};

enum sani_req_kind {
	/* Plain: neither polled nor timed, one buffer, no flags but those said below. */
	SANI_REQ_RECV,
	SANI_REQ_SEND,
	SANI_REQ_POST,
	SANI_REQ_CANCEL,
	SANI_REQ_CANCEL_ALL,
	SANI_REQ_CLOSE,
	SANI_REQ_CONTROL,
	SANI_REQ_CALL,
};

/**
 * An entry of a request ring. It says all of a plain receive or send, so that of one that ends at once the core need
 * not look at the operation, whose line lies in the posting thread's cache.
 */
struct sani_req {
	union {
		san_handle sock;
		void (*fn)(struct san_core *core, void *arg);	/**< CALL */
	};
	union {
		struct san_overlapped *op;	/**< POST, RECV, SEND */
		void *arg;			/**< CALL */
	};
	void *buf;			/**< RECV, SEND */
	/** CANCEL: operation, CANCEL_ALL: those before it; CONTROL: its number; RECV, SEND: the length. */
	uint32_t id;
	uint16_t flags;			/**< RECV: SAN_WAITALL or 0. */
	uint16_t kind;			/**< enum sani_req_kind */
};

_Static_assert(sizeof(struct sani_req) == 32, "two requests a line");

/** A call that the owning core carries out while the caller waits (san/sock.h, "Threads"). */
enum sani_control_state {
	SANI_CONTROL_IDLE,
	SANI_CONTROL_ASKED,
	SANI_CONTROL_TAKEN,	/**< The core is at it: the caller waits for the end. */
	SANI_CONTROL_DONE,
};

/** Arguments and results of a control call; which fields count is the function's matter. */
struct sani_control_args {
	san_handle sock;
	struct san_cq *cq;
	struct sani_lane *lane;
	struct san_addr local;
	struct san_addr peer;
	struct san_tcp_info *info;	/**< The caller's: it waits, or the call is never carried out. */
	void *arg;			/**< A layer's (sock/layer.h), likewise. */
	uint32_t option;
	uint32_t value;
};

typedef int (*sani_control_fn)(struct san_core *core, struct sani_control_args *args);

/**
 * One call at a time. An entry in a ring names its call by number, so that one that was given up is
 * passed over whenever its core meets it.
 */
struct sani_control {
	_Atomic uint64_t call;	/**< sani_control_call() */
	uint32_t number;	/**< Of the last call; the caller's. */
	int result;
	sani_control_fn fn;
	struct sani_control_args args;
};

/** Number and state of a call in one word. */
static inline uint64_t
sani_control_call(uint32_t number, enum sani_control_state state)
{
	return (uint64_t)number << 8 | (uint64_t)state;
}

/**
 * Where the last post to another core went: mostly the next one goes there, too. It names nothing that is gone: the end
 * of the queue and that of the rings take it away.
 */
struct sani_way {
	struct san_core *core;		/**< NULL: there is none. */
	struct sani_lane *lane;		/**< From it to the queue. */
	struct sani_spsc *ring;		/**< To it. */
	uint32_t word;			/**< Lower half of the slot words of open sockets with this queue. */
};

struct sani_thread {
	_Atomic uint64_t posting SANI_ALIGNED;	/**< O7: nonzero inside a bracket. */
	uint64_t brackets;			/**< Brackets begun. */
	struct sani_way way;			/**< The thread's. */
	_Atomic uint32_t state SANI_ALIGNED;	/**< enum sani_thread_state */
	_Atomic uint32_t acks_left;		/**< GONE: cores that have not acknowledged. */
	_Atomic uint32_t life;		/**< Moves on with each thread that uses the record. */
	uint8_t id;
	bool attached;
	bool registered;		/**< With the EAL, by us (rte_thread_register()). */
	bool in_round;			/**< Inside san_core_poll(), or an up-call of a layer. */
	unsigned int nb_claims;		/**< Cores this thread polls. */
	struct san_cq *cqs;		/**< Its completion queues, linked by next_of_thread. */
	struct sani_control control;
	struct sani_spsc *_Atomic req[SANI_CORE_IDS + 1];	/**< To each core; made at first use. */
};

/** The calling thread's record; writer: thread.c. Found without a call, though in a shared library. */
extern __thread struct sani_thread *sani_thread_mine SANI_OWN __attribute__((tls_model("initial-exec")));

/** Its id; 0: none. Writer: thread.c. */
extern __thread uint32_t sani_thread_id SANI_OWN __attribute__((tls_model("initial-exec")));

/** The calling thread's record, or NULL. */
static inline struct sani_thread *
sani_thread_self(void)
{
	return sani_thread_mine;
}

/** May the thread of this record (NULL: none) ask cores for something: is it attached, or does it poll one? */
static inline bool
sani_thread_may_ask(const struct sani_thread *t)
{
	return t != NULL && (t->attached || t->nb_claims != 0);
}

/** The calling thread's record, made if need be; NULL: all are in use, or its exit could not be noticed. */
struct sani_thread *
sani_thread_make(void);

/** Give the record of the calling thread back if nothing holds it any more. */
void
sani_thread_put(struct sani_thread *t);

/** All records; writer: thread.c. */
extern struct sani_thread sani_threads[SANI_THREADS] SANI_OWN;

/** Record of an id 1..255; always valid memory. */
static inline struct sani_thread *
sani_thread_get(unsigned int id)
{
	return &sani_threads[id & (SANI_THREADS - 1)];
}

/* Writer of both: thread.c. */
extern _Atomic unsigned int sani_thread_nb SANI_OWN;
extern _Atomic uint32_t sani_thread_nb_gone SANI_OWN;

/** One more than the highest id ever used. */
static inline unsigned int
sani_thread_high(void)
{
	return atomic_load_explicit(&sani_thread_nb, memory_order_acquire);
}

/** How often a thread has gone without detaching; cores look for such threads when it moves. */
static inline uint32_t
sani_thread_gone_count(void)
{
	return atomic_load_explicit(&sani_thread_nb_gone, memory_order_acquire);
}

/** Where the next entry of a request ring goes, to be written there; there is room. */
static inline struct sani_req *
sani_req_place(struct sani_spsc *ring)
{
	struct sani_req *entries = (struct sani_req *)(void *)ring->slots;

	return &entries[ring->put & ring->mask];
}

/** The thread's request ring to a core, made if need be; NULL: no memory. The thread itself. */
struct sani_spsc *
sani_thread_ring(struct sani_thread *t, uint8_t core_id);

/** Free the request rings of all records; nobody is polling or attached. */
void
sani_thread_free_rings(void);

/** A core has acknowledged that nothing of a GONE thread is left there; the last one recycles it. */
void
sani_thread_ack_gone(struct sani_thread *t);

/** Begin a bracket (O7): from here until the end the fence of a close waits for this thread. */
static inline void
sani_bracket_begin(struct sani_thread *t)
{
	/* exchange, sequentially consistent: before the load of the slot word that follows */
	atomic_exchange(&t->posting, ++t->brackets);
}

/** End it. */
static inline void
sani_bracket_end(struct sani_thread *t)
{
	/* release: the ring entries before the zero that shows them */
	atomic_store_explicit(&t->posting, 0, memory_order_release);
}

#endif
