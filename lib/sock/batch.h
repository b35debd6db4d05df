/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Batch: several posts of the calling thread in a row, with one bracket and one look at a sleeping core for all that go
 * to the same core. Offered to api.
 *
 * Model:  zeroed, then posts, then the end, all in one call of the program: while a batch to another core is open, what
 *         it has written is hidden, and closes of the thread's sockets there wait (O7).
 * Source: doc/op-contract.md O1 to O4, O7, O13.
 */
#ifndef SANI_SOCK_BATCH_H
#define SANI_SOCK_BATCH_H

#include <san/post.h>

#include "sock/sock.h"

struct sani_batch {
	struct san_core *core;		/**< Another's, to which a bracket is open, or NULL. */
	struct sani_spsc *ring;		/**< To it, in which something is to be shown, or NULL. */
	/* What the last post found out: several in a row are mostly on one socket. */
	san_handle sock;
	uint64_t word;			/**< Of its slot, read in this bracket. */
};

/** As sani_sock_post(). */
int
sani_batch_post(struct sani_batch *b, const struct sani_post *p);

/**
 * Post as many of these as are plain receives and sends to another thread's core on one socket, by the shortest way and
 * in one bracket: that of the post before, or, when none is open, one of their own. Their answers are set. A long row
 * is shown bit by bit. @return How many; 0: the first goes another way.
 */
unsigned int
sani_batch_row(struct sani_batch *b, struct san_request *req, unsigned int nb);

/** Show what is written, and end the bracket. */
void
sani_batch_end(struct sani_batch *b);

#endif
