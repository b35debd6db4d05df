/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Completion queue: where a thread reads what has ended.
 *
 * Model:     an object of one thread, shared by many sockets. A post takes a place, reaping its
 *            completion gives it back; a close needs no place. So nothing is ever dropped.
 * Lifetime:  made and used by one thread; outlives san_cleanup(); ended by san_cq_destroy().
 * Threads:   the thread that made it, nobody else (-EPERM).
 * Source:    doc/op-contract.md O4, O5, O13.
 */
#ifndef SAN_CQ_H
#define SAN_CQ_H

#include <san/op.h>

#ifdef __cplusplus
extern "C" {
#endif

struct san_cq;

/** One completion. */
struct san_completion {
	uint64_t user;			/**< op->user; for a close the value given to san_close(). */
	san_handle sock;		/**< The socket. */
	struct san_overlapped *op;	/**< The operation, the caller's again; NULL for a close. */
	uint64_t value;			/**< Accept: the new socket. Repeating receive: where the bytes are. Else 0. */
	int32_t result;			/**< Bytes or 0, or a negative errno. */
	uint8_t kind;			/**< enum san_op_kind. */
	uint8_t flags;			/**< SAN_MORE: op goes on, it is not the caller's. Receive: SAN_URGENT. */
	uint16_t reserved;		/**< 0. */
};

#define SAN_CQ_MIN 1u
#define SAN_CQ_MAX (1u << 20)

/**
 * Make a completion queue for the calling thread.
 *
 * @param[in]  depth  Places for each core, SAN_CQ_MIN..SAN_CQ_MAX; rounded up to a power of two.
 * @param[out] cq     Set only on success.
 *
 * @retval 0          Done.
 * @retval -EINVAL    depth out of range.
 * @retval -EPERM     The thread is not attached (san_attach()) and has claimed no core.
 * @retval -ENOMEM    No memory.
 * @retval -ENFILE    4,095 queues exist in this process.
 * @retval -ENETDOWN  The library is not started.
 * @context  The thread that will use it.
 */
SAN_API int
san_cq_create(unsigned int depth, struct san_cq **cq);

/**
 * End a completion queue.
 *
 * @retval 0       Done; completions that were not reaped are gone.
 * @retval -EBUSY  Sockets are bound to it, or a close record is not reaped.
 * @retval -EPERM  Another thread made it.
 * @context  The thread that made it; also after san_cleanup().
 */
SAN_API int
san_cq_destroy(struct san_cq *cq);

/**
 * Reap completions.
 *
 * @param[in]  cq    The queue.
 * @param[out] comp  Filled, oldest first for each socket and direction; a socket's close comes last.
 * @param[in]  max   Size of comp, at least 1.
 * @return How many, 0 if there are none; -EPERM, -EINVAL.
 * @context  The thread that made it; also after san_cleanup(). Never blocks.
 * @source   O5.
 */
SAN_API int
san_cq_poll(struct san_cq *cq, struct san_completion *comp, unsigned int max);

/**
 * Sleep until there is something to reap.
 *
 * @param[in] cq          The queue.
 * @param[in] timeout_us  Longest sleep [us]; 0 only looks; UINT64_MAX: no limit.
 *
 * @retval 1          Something is there.
 * @retval 0          Time is over.
 * @retval -EDEADLK   The thread has claimed a core: nobody would poll it meanwhile.
 * @retval -EINTR     A signal came.
 * @retval -EMFILE    No descriptor for the wake-up (first sleep only).
 * @retval -EINVAL    cq is NULL.
 * @retval -EPERM     Another thread made it.
 * @context  The thread that made it. Blocks.
 * @source   O13.
 */
SAN_API int
san_cq_wait(struct san_cq *cq, uint64_t timeout_us);

/**
 * The queue's descriptor, for the epoll, libuv or asio loop of a program: readable when something can be
 * reaped that came after san_cq_arm(). Nothing but waiting may be done with it.
 *
 * @return The descriptor, the same for as long as the queue lives.
 * @retval -EMFILE  No descriptor is left.
 * @retval -EINVAL  cq is NULL.
 * @retval -EPERM   Another thread made it.
 * @context  The thread that made it.
 * @source   O13.
 */
SAN_API int
san_cq_fd(struct san_cq *cq);

/**
 * Have the descriptor become readable with what comes next. The next san_cq_poll() ends that; so does a round of
 * a core that the thread polls. Arm again before each wait.
 *
 * @retval 0  Nothing is there: wait for the descriptor.
 * @retval 1  Something is there already: reap, do not wait.
 * @retval -EINVAL -EPERM -EMFILE  As san_cq_fd().
 * @context  The thread that made it.
 * @source   O13.
 */
SAN_API int
san_cq_arm(struct san_cq *cq);

#ifdef __cplusplus
}
#endif
#endif
