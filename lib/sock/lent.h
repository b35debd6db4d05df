/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Lent: sends whose memory packets refer to, and received buffers that programs have.
 *
 * Model:     a send from registered memory begins when its turn comes to be given to the connection, and is out until
 *            the last reference is gone: then whoever freed the last packet pushes it onto the list of its core, which
 *            ends it. Out, it is ended by nothing (O9.4): cancelled it is CANCELLING, with its result in op->result.
 *            A loan is a packet buffer; giving it back frees it there and then, and counts.
 * Threads:   the core's, but for what is marked "any thread".
 * Files:     lent.c, loan.c.
 * Source:    doc/op-contract.md O9.4, O10, O15; san/mem.h.
 */
#ifndef SANI_SOCK_LENT_H
#define SANI_SOCK_LENT_H

#include <stdatomic.h>

#include <san/mem.h>

#include "sock/extra.h"

struct sani_sock;
struct sani_tcp_conn;
struct sani_tcp_io;

/** Received buffers of a core that programs have. */
struct sani_loans {
	_Atomic uint64_t given;			/**< The core's. */
	uint32_t max;				/**< So many out at most. */
	_Atomic uint64_t back SANI_ALIGNED;	/**< Any thread's. */
};

/** Does something still refer to the memory of this operation? */
static inline bool
sani_lent_is_out(const struct san_overlapped *op)
{
	return (op->flags & SANI_OP_EXTRA) && !(op->flags & SANI_OP_REPEAT) && op->kind == SAN_OP_SEND &&
	       sani_op_extra(op)->nb_mem > 0 && sani_op_extra(op)->lent.out;
}

/** Give the connection what it takes of the buffer that byte op->done lies in. @return How much. */
uint32_t
sani_lent_write(struct san_core *k, struct sani_tcp_conn *c, struct san_overlapped *op, struct sani_tcp_io *io,
		uint32_t *ev);

/** The connection has taken all of op, up to stream offset end. */
void
sani_lent_given(struct san_overlapped *op, uint64_t end);

/** Is a send that has registrations over, if nobody cancelled it? */
bool
sani_lent_is_over(const struct san_overlapped *op, uint64_t acked);

/** An operation that is out, and not cancelled yet, is to end with result; its connection goes on. */
void
sani_lent_cancel(struct san_core *k, struct sani_sock *so, struct san_overlapped *op, int32_t result);

/** Buffers were short when sends of so were cancelled: try again to copy what the connection has of them. */
void
sani_lent_own_rest(struct san_core *k, struct sani_sock *so);

/** All of a list whose first is out are to end, each when its turn comes; the connection is gone, or over. */
void
sani_lent_cancel_all(struct san_core *k, struct sani_sock *so, struct sani_oplist *l, int32_t result);

/** End what came back. @return How many. */
unsigned int
sani_lent_round(struct san_core *k);

/* loan.c */

/** Fill the loans of op with what is there. False: it waits. */
bool
sani_loan_recv(struct san_core *k, struct sani_sock *so, struct san_overlapped *op, uint32_t *ev);

/** Any thread. */
void
sani_loan_give_back(struct san_loan *loan);

/** From here on no core lends, until sani_loan_allow(); they count. Cleanup, any thread. */
void
sani_loan_forbid(void);

void
sani_loan_allow(void);

/** Of one core. Any thread. */
uint64_t
sani_loan_count(const struct sani_loans *l);

#endif
