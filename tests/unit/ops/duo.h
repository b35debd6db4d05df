/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Duo: two hosts on one cable and a virtual clock; a case makes its calls on the thread that polls them, or
 * on another one.
 *
 * Model:     the hosts are 10.7.0.1 and 10.7.0.2. A case is a function; duo_run() calls it on the polling thread, or
 *            on a thread of its own, for which the polling thread does what it asks meanwhile. So one text serves
 *            both, and time moves only where it says so.
 * Failures:  a case never jumps out (it may not be on cmocka's thread): duo_must() notes what is not true, and
 *            duo_run() fails with the first note when the case is over.
 */
#ifndef TESTS_UNIT_OPS_DUO_H
#define TESTS_UNIT_OPS_DUO_H

#include <errno.h>

#include "kit/vhost.h"

#define DUO_COMPS 256

/** What becomes of what host 0 sends. */
enum duo_card {
	DUO_CARD_NONE,	/**< It goes to the other host, which has it by reference. */
	DUO_CARD_FREES,	/**< A copy arrives, and it is given back at once. */
	DUO_CARD_KEEPS,	/**< A copy arrives, and it is kept until this is something else. */
};

struct duo {
	struct vhost h[2];
	_Atomic bool cut;	/**< What is on the cable vanishes. */
	_Atomic bool mute[2];	/**< What this host sends vanishes. */
	_Atomic int card;	/**< enum duo_card; of those who carry by duo_go() and its kin. */
	_Atomic bool frozen;		/**< The cores are not polled while the case does not ask for it. */
	bool leave;		/**< The case leaves all open: to the cleanup, or to its thread's exit. */
	bool cleans;		/**< And its thread, when that is another one, ends the library. */
	void (*after)(void);	/**< Called behind that, on the polling thread. */
	struct san_cq *cq;	/**< Of the case's thread. */
	unsigned int nb;	/**< Completions so far, in order. */
	struct san_completion comp[DUO_COMPS];
};

/** Where a case makes its calls. */
enum duo_place {
	DUO_ON_CORE,
	DUO_OFF_CORE,
	DUO_ON_CORE_LEFT,	/**< On a thread that polls meanwhile, and exits with the case; it leaves all open. */
};

extern struct duo duo;

/** Run a case with fresh hosts, each of nb_cores, and a queue of depth places. */
void
duo_run(void (*run)(void), enum duo_place place, unsigned int nb_cores, unsigned int depth);

/** From a case: poll and carry frames until nothing moves any more at this time, then reap. */
void
duo_go(void);

/** The same without reaping. */
void
duo_settle(void);

/** From a case on the polling thread: carry what is on the cable now. */
void
duo_carry(void);

/** From a case: let time pass, from deadline to deadline. */
void
duo_pass(uint64_t us);

/** The first octets of the stream that cases send. */
void
duo_fill(uint8_t *mem, uint32_t len);

/**
 * From a case on the polling thread: a turn of both hosts with a card between, which keeps what host 0 has sent.
 * @param deliver Whether a copy of it arrives. @return How much went on.
 */
unsigned int
duo_card_turn(bool deliver);

/** Turn until nothing goes on any more, then reap. */
void
duo_card_go(bool deliver);

/** From a case: its host lends what is sent from registered memory. The wire of a duo is a ring, which never does. */
void
duo_let_lend(unsigned int i);

/** The poller: the card has m, of host 0. @return What arrives. */
struct rte_mbuf *
duo_card_take(struct rte_mbuf *m);

/** How many packets the card keeps. */
unsigned int
duo_card_holds(void);

/** It gives them back. Any thread. */
void
duo_card_let_go(void);

/** From a case: reap what there is. */
void
duo_reap(void);

/** From a case: reap at most so many. */
void
duo_reap_some(unsigned int max);

void
duo_fault(const char *file, int line, const char *what);

#define duo_must(expr) do { \
	if (!(expr)) \
		duo_fault(__FILE__, __LINE__, #expr); \
} while (0)

/** The last completion of op that was reaped, or NULL. */
const struct san_completion *
duo_of(const struct san_overlapped *op);

/** How many completions of op were reaped. */
unsigned int
duo_count(const struct san_overlapped *op);

/** Has op ended, and with what? INT32_MIN: not ended (polled ones: by their status). */
int32_t
duo_result(struct san_overlapped *op);

/** A fresh operation, zeroed. There are 64 in a case. */
struct san_overlapped *
duo_op(void);

/** A socket of host i's core 0. */
san_handle
duo_socket(unsigned int i);

/** A listener on host i, at this port. */
san_handle
duo_listener(unsigned int i, uint16_t port, unsigned int backlog);

/** Start a connection from host 0 to a port of host 1. */
san_handle
duo_connect(uint16_t port, struct san_overlapped *op);

/** A connected pair: end[i] on host i. The listener is closed. */
void
duo_pair(san_handle end[2]);

/** SAN_OPT_STATE */
uint32_t
duo_state(san_handle s);

/** Close and wait for the completion; the last thing heard of s. */
void
duo_end(san_handle s);

/** Was the close of s reaped, once and last? */
bool
duo_closed(san_handle s);

/** A case for each place: name on_core, name off_core. */
#define DUO_CASES(f) \
	{ #f "__on_core", duo_case_on_core, NULL, NULL, (void *)(uintptr_t)(f) }, \
	{ #f "__off_core", duo_case_off_core, NULL, NULL, (void *)(uintptr_t)(f) }

/** A case for the polling thread alone. */
#define DUO_CASE_HERE(f) { #f "__on_core", duo_case_on_core, NULL, NULL, (void *)(uintptr_t)(f) }

/** A case for each place, with two cores a host. */
#define DUO_CASES_2(f) \
	{ #f "__on_core", duo_case_on_core_2, NULL, NULL, (void *)(uintptr_t)(f) }, \
	{ #f "__off_core", duo_case_off_core_2, NULL, NULL, (void *)(uintptr_t)(f) }

void
duo_case_on_core(void **state);
void
duo_case_off_core(void **state);
void
duo_case_on_core_2(void **state);
void
duo_case_off_core_2(void **state);

#endif
