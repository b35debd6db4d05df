/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Sock: handles, slots, overlapped operations, completion queues, the close sequence. Offered to api.
 *
 * Threads: each function says. "The caller" of a post is the thread of the socket's completion queue.
 * Source:  doc/op-contract.md, normative.
 */
#ifndef SANI_SOCK_SOCK_H
#define SANI_SOCK_SOCK_H

#include <errno.h>

#include <san/host.h>
#include <san/mem.h>

#include "base/base.h"
#include "core/core.h"
#include "sock/thread.h"

/* library.c: the library's state (O15) */

enum sani_lib_state {
	SANI_LIB_DOWN,
	SANI_LIB_CLOSING,
	SANI_LIB_UP = 0x80,	/**< The highest bit of the word: what each call looks at. */
};

/** State 8, attached threads 24, startups 32: one word, changed by compare-and-swap. Writer: library.c. */
extern _Atomic uint64_t sani_lib_word SANI_OWN;

static inline enum sani_lib_state
sani_lib_state(void)
{
	return (enum sani_lib_state)(atomic_load_explicit(&sani_lib_word, memory_order_acquire) >> 56);
}

/** 0 while the library is up, else -ENETDOWN. Any thread. */
static inline int
sani_lib_check(void)
{
	return sani_likely((int64_t)atomic_load_explicit(&sani_lib_word, memory_order_acquire) < 0) ? 0 : -ENETDOWN;
}

/** See san_startup(), without the EAL. @retval 0 -EBUSY */
int
sani_lib_startup(void);

/** See san_cleanup(). */
int
sani_lib_cleanup(void);

/** See san_attach(), san_detach(). */
int
sani_lib_attach(void);
int
sani_lib_detach(void);

/** A thread that was attached has gone for good. Any thread. */
void
sani_lib_detached(void);

/** Is a cleanup under way? Any thread. */
static inline bool
sani_lib_closing(void)
{
	return sani_lib_state() == SANI_LIB_CLOSING;
}

/* host.c: hosts and cores */

/** Sizes of this module's part of a host. */
struct sani_sock_conf {
	uint32_t nb_slots;	/**< Of a core. */
	uint32_t ring_size;	/**< Entries of a request ring. */
	uint32_t nb_loans;	/**< Packet buffers that a core lends to programs at most. */
	uint32_t sleep_after_us;	/**< san_run(): a core with nothing to do for so long sleeps; 0: never. */
};

/** See san_host_create(). */
int
sani_sock_host_create(struct sani_host_conf *conf, const struct sani_sock_conf *sock,
		      struct san_host **host);

/** End all hosts; no thread polls or is attached. */
void
sani_sock_hosts_destroy(void);

/** First and next host; under cleanup or by the control thread. */
struct san_host *
sani_sock_hosts(void);

/** Cores by their ids; writer: host.c. */
extern struct san_core *_Atomic sani_cores[SANI_CORE_IDS + 1] SANI_OWN;

/** The core of a handle, or NULL. Any thread that is attached or polls. */
static inline struct san_core *
sani_sock_core(uint8_t core_id)
{
	return atomic_load_explicit(&sani_cores[core_id], memory_order_acquire);
}

/** Entries of a request ring to this core. */
uint32_t
sani_sock_ring_size(uint8_t core_id);

/** A thread is gone and left something: every core that exists now has to acknowledge (O16). */
void
sani_sock_thread_gone(struct sani_thread *t);

/** Wake all cores that sleep; what they are to see was published before. Any thread. */
void
sani_sock_wake_all(void);

/** How many loans the cores of all hosts have out. Any thread. */
uint64_t
sani_sock_count_loans(void);

/** The data-path host below, for counters. */
struct sani_host *
sani_sock_host_below(const struct san_host *host);

/* poll.c: claims and rounds */

int
sani_sock_claim(struct san_core *k);
int
sani_sock_release(struct san_core *k);

/** See san_core_poll(). */
int
sani_sock_poll(struct san_core *k);

/** When k wants to be polled again if nothing comes [us]; SANI_NEVER. Its poller. */
uint64_t
sani_sock_deadline(const struct san_core *k);

/** Cleanup: poll k if nobody else does. @return True when k has left its last round. */
bool
sani_sock_poll_last(struct san_core *k);

/** The calling thread gives every core back that it has claimed (it exits). */
void
sani_sock_release_all(struct sani_thread *t);

/* sleep.c: cores that sleep (O13) */

/** See san_core_arm(). */
int
sani_sleep_arm(struct san_core *k);

/** See san_core_fd(). */
int
sani_sleep_fd(struct san_core *k);

/** See san_core_wait(). */
int
sani_sleep_wait(struct san_core *k, uint64_t timeout_us);

/** Sleep if the core has had nothing to do for as long as its host says; done: by the last round. @return As wait. */
int
sani_sleep_rest(struct san_core *k, int done);

/* post.c: posts, cancels, closes of the calling thread */

/** What few posts have. */
struct sani_post_extra {
	const struct san_vec *vec;	/**< SEND, RECV: these buffers instead; checked. NULL: none. */
	uint32_t nb;			/**< Of them. */
	uint32_t min;			/**< RECV: so many bytes at least. */
	uint32_t repeat;		/**< ACCEPT, RECV: so many completions beside the last; 0: only that one. */
	struct san_pieces *pieces;	/**< RECV, repeating. */
	const struct san_mem_vec *mem;	/**< SEND, RECV: nb of these, instead of vec; checked. NULL: none. */
	uint32_t access;		/**< What their registrations have to allow. */
	struct san_loan *loans;		/**< RECV that lends: nb_loans of them are filled. */
	uint32_t nb_loans;
};

/** A post as the caller made it. */
struct sani_post {
	san_handle sock;
	struct san_overlapped *op;
	const struct san_addr *peer;	/**< CONNECT, else NULL. */
	void *buf;
	const struct sani_post_extra *extra;	/**< NULL: none. */
	uint32_t len;			/**< Of all buffers. */
	uint16_t flags;
	uint8_t kind;
};

int
sani_sock_post(const struct sani_post *p);
int
sani_sock_cancel(san_handle h, uint32_t id);
int
sani_sock_cancel_all(san_handle h);
int
sani_sock_close(san_handle h, uint64_t user);

/* control.c: calls that the owning core carries out */

int
sani_sock_socket(struct san_core *k, struct san_cq *cq, san_handle *h);
int
sani_sock_bind(san_handle h, const struct san_addr *local);
int
sani_sock_listen(san_handle h, unsigned int backlog);
int
sani_sock_move(san_handle h, struct san_cq *cq);
int
sani_sock_set_option(san_handle h, enum san_option option, uint32_t value);
int
sani_sock_get_option(san_handle h, enum san_option option, uint32_t *value);
int
sani_sock_tcp_info(san_handle h, struct san_tcp_info *info);
int
sani_sock_names(san_handle h, struct san_addr *local, struct san_addr *peer);

/* usage.c */

void
sani_sock_usage(const struct san_host *host, struct san_usage *usage);

#endif
