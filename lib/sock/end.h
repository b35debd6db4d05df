/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * End: the one way for an operation to end (O2), in line for who ends many of them, or one in a hurry.
 *
 * Threads: the core's.
 * Source:  doc/op-contract.md O2, O4, O14.
 */
#ifndef SANI_SOCK_END_H
#define SANI_SOCK_END_H

#include "sock/priv.h"

/* Its last completion, but for a value. The structure is the stack's until the thread has reaped that. */
static inline struct sani_cq_entry *
sani_entry_write(struct sani_lane *lane, struct sani_record *rec, struct san_overlapped *op, int32_t result)
{
	struct sani_cq_entry *e = sani_lane_place(lane);

	e->op = op;
	e->rec = rec;
	e->value = 0;
	e->result = result;
	sani_spsc_wrote(lane->ring);
	return e;
}

/**
 * End op, which is on no list and has neither deadline nor extra any more.
 *
 * @param[in] lane, rec  Of its socket.
 * @param[in] kind       op->kind
 * @param[in] flags      op->flags
 * @return Its completion, of one place, which is to be shown (sani_sock_show()); NULL: it has none.
 */
static inline struct sani_cq_entry *
sani_op_finish(struct sani_lane *lane, struct sani_record *rec, struct san_overlapped *op, uint8_t kind,
	       unsigned int flags, int32_t result)
{
	struct sani_cq_entry *e;

	op->result = result;
	sani_op_turn(op, SANI_OP_DONE);
	/* From here a polled operation is the caller's again (O14). */
	if (flags & SAN_POLLED)
		return NULL;
	e = sani_entry_write(lane, rec, op, result);
	e->kind = kind;
	e->flags = kind == SAN_OP_RECV ? (uint8_t)(flags & SAN_URGENT) : 0;
	e->places = 1;
	if (sani_unlikely(kind == SAN_OP_ACCEPT))
		e->value = result == 0 ? op->u.accepted : SAN_NO_HANDLE;
	return e;
}

/**
 * End an operation that the core has neither listed nor touched, by what the request says of it (O2): its last
 * completion, which brings the result to who reaps it. It is to be shown.
 */
static inline void
sani_op_finish_unseen(struct sani_lane *lane, struct sani_record *rec, struct san_overlapped *op, uint8_t kind,
		      int32_t result)
{
	struct sani_cq_entry *e = sani_entry_write(lane, rec, op, result);

	e->kind = kind;
	e->flags = 0;
	e->places = SANI_ENTRY_BRINGS;
}

/**
 * End op, which has only just been posted, and show it: its state stays POSTED, as its completion says the rest. It is
 * not polled, and op->done is set.
 */
static inline void
sani_op_finish_new(struct sani_lane *lane, struct sani_record *rec, struct san_overlapped *op, uint8_t kind,
		   int32_t result)
{
	struct sani_cq_entry *e = sani_lane_place(lane);

	op->result = result;
	e->op = op;
	e->rec = rec;
	e->value = 0;
	e->result = result;
	e->kind = kind;
	e->flags = 0;
	e->places = 1;
	sani_spsc_publish(lane->ring);
}

#endif
