/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Sw, inside: what the calls (sw_calls.c) need of the up-calls (sw.c).
 */
#ifndef TESTS_SPI_WSP_SW_PRIV_H
#define TESTS_SPI_WSP_SW_PRIV_H

#include "sw.h"

/** The socket of the calling thread's last WPUCreateSocketHandle; NULL: none since sw_forget_made(). */
struct sw_sock *
sw_last_made(void);
void
sw_forget_made(void);

/** The calling thread is inside WSPSend or WSPRecv. */
void
sw_inside_transfer(bool inside);

/** An operation is the socket's from here on. */
void
sw_adopt(struct sw_op *op, struct sw_sock *s);

/** Somebody closes the socket from here on. */
void
sw_ask_close(struct sw_sock *s);

/** Before a post: the operation may end from here on. After it: it was started, or take that back. */
void
sw_begin_op(struct sw_op *op);
void
sw_begun(struct sw_op *op);
void
sw_not_begun(struct sw_op *op);

#endif
