/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Closes: the kinds of operations, how each is posted so that it waits, and how it is to end for each reason. A row of
 * closes_kinds.c is one; test_closes.c plays them.
 */
#ifndef TESTS_UNIT_OPS_CLOSES_H
#define TESTS_UNIT_OPS_CLOSES_H

#include "duo.h"

#define MS 1000u
#define BIG (32u << 20)
#define STAYS INT32_MAX		/* it is not ended by that */
#define NONE (INT32_MAX - 1)	/* there is no such case */
#define CLOSES_KINDS 18u

enum reason { RESULT, CANCEL, CANCEL_ALL, DEADLINE, CLOSE, ABORT, PEER_FIN, PEER_RESET, GIVES_UP, CLEANUP, THREAD_EXIT,
	      NB_REASONS };

struct closes_kind {
	const char *name;
	const char *text;
	/* Post it so that it waits; s[0] is its socket, s[1] the peer, or none. */
	int (*post)(san_handle s[2], struct san_overlapped *op);
	/* What it waits for comes. */
	void (*satisfy)(san_handle s[2]);
	int32_t want[NB_REASONS];
	bool connects;		/* There is no peer yet. */
	bool shuts;		/* Its FIN is outstanding. */
};

extern const struct closes_kind closes_kinds[CLOSES_KINDS];

/** The case that is played. */
extern struct closes {
	enum reason why;
	san_mem registration;	/* of the operation's memory, or SAN_NO_MEM */
	struct san_loan loans[4];
} closes;

extern char closes_big[BIG];

/** The port gives back what it has kept. */
void
closes_let_go(san_handle s[2]);

void
closes_shut_peer(san_handle s[2]);

#endif
