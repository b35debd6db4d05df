/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Extra: what some operations need beyond their line, from the post to the end.
 *
 * Model:     each lane has a pool of them. The thread takes one at the post, the core pushes it back when the
 *            operation ends; so neither allocates, and none is lost when a queue or a thread goes.
 * Threads:   sani_extra_take() the queue's thread; sani_extra_give() the core, or the thread for an operation
 *            that was never posted.
 * Source:    doc/op-contract.md O4; an array of buffers is copied at the post.
 */
#ifndef SANI_SOCK_EXTRA_H
#define SANI_SOCK_EXTRA_H

#include <stdatomic.h>

#include <rte_mbuf.h>

#include <san/mem.h>
#include <san/post.h>

#include "op/op.h"

/** Operations with an extra that may be posted and not ended, of a queue on a core. */
#define SANI_EXTRAS 1024

struct sani_extras;

/** Of a repeating operation. */
struct sani_repeat {
	uint32_t k;			/**< Completions that may wait to be reaped. */
	uint32_t written;		/**< So far; the core's, like all that follows. */
	uint32_t reaped;		/**< Of them, as far as was looked at. */
	uint32_t at[SAN_REPEAT_MAX];	/**< By number: the ring's tail behind it. */
	struct san_pieces *pieces;	/**< Receive, */
	char *mem;			/**< and what was in it at the post. */
	uint32_t size;
	uint32_t next;			/**< Piece that is filled next: written, modulo k. */
};

/** Of a send from registered memory; the core's (lent.c). */
struct sani_lending {
	struct rte_mbuf_ext_shared_info info;	/**< Counts what refers to the memory. */
	struct san_core *core;
	struct san_overlapped *op;
	struct sani_extra *next;	/**< In the core's list of those that came back. */
	uint64_t end;			/**< Stream offset behind it, once all of it is given. */
	bool out;			/**< It has begun, and the last reference is not back. */
	bool holding;			/**< One of the references is ours. */
};

/** Registered: which registration a buffer of vec lies in. */
struct sani_extra_mem {
	uint32_t idx;
	bool used;			/**< There is one. */
	bool lends;			/**< mbufs may refer to it. */
};

struct sani_extra {
	struct sani_extras *pool;
	uint32_t next;			/**< Free: the next one + 1. */
	uint32_t nb;			/**< Buffers. */
	uint32_t min;			/**< Receive: so many bytes at least. */
	uint32_t nb_mem;		/**< Buffers that are registered; their users are counted. */
	bool by_mem;			/**< san_send_mem() */
	bool waited;			/**< Receive that lends: for others to give back. */
	struct san_loan *loans;		/**< Likewise; NULL: it does not. */
	union {
		struct {
			struct san_vec vec[SAN_VEC_MAX];
			struct sani_extra_mem mem[SAN_VEC_MAX];	/**< Valid with nb_mem. */
			struct sani_lending lent;		/**< Likewise. */
		};
		struct sani_repeat repeat;
	};
};

struct sani_extras {
	struct sani_extra *list;
	uint32_t size;
	uint32_t fresh;			/**< The thread's: from here on never used. */
	uint32_t free;			/**< The thread's: first + 1. */
	uint32_t thread_id;		/**< Whose lane it is. */
	_Atomic uint32_t given;		/**< Pushed back by the core: first + 1. */
};

/** Make a pool for a lane of depth places, of a thread's queue. False: no memory. Control path. */
bool
sani_extras_init(struct sani_extras *pool, uint32_t depth, uint32_t thread_id);

void
sani_extras_fini(struct sani_extras *pool);

/** NULL: all are in use. */
struct sani_extra *
sani_extra_take(struct sani_extras *pool);

/** Its registrations are not used any more either. */
void
sani_extra_give(struct sani_extra *x);

/** The extra of an operation (SANI_OP_EXTRA). */
static inline struct sani_extra *
sani_op_extra(const struct san_overlapped *op)
{
	return op->u.extra;
}

/** Give the extra of an operation back: nothing looks at its buffers any more. */
static inline void
sani_op_drop_extra(struct san_overlapped *op)
{
	sani_extra_give(sani_op_extra(op));
	op->flags &= (uint16_t)~(SANI_OP_EXTRA | SANI_OP_REPEAT);
	op->u.extra = NULL;
}

/** Where byte op->done of an operation with an array or with pieces lies, and how many bytes from there on. */
void *
sani_extra_at(const struct san_overlapped *op, uint32_t *len);

#endif
